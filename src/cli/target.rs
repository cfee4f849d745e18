//! The target and the policy as files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use anyhow::anyhow;
use sha2::Digest as _;
use sha2::Sha256;

use super::args::CheckArgs;
use super::exit::Failure;
use super::exit::OrExit as _;
use crate::model::FolderFacts;
use crate::model::FolderFile;
use crate::model::target::Target;
use crate::policy::Policy;
use crate::policy::target_file;

/// Largest card, notice or license file whose text is looked at. Chosen: the longest Llama license
/// with its use policy is under 100 kB.
const FOLDER_TEXT_BYTES_MAX: u64 = 4 << 20;

/// Beginnings of the names, in lower case, of files that duties are looked for in.
const FOLDER_NAMES: [&str; 6] = [
    "readme",
    "model_card",
    "notice",
    "license",
    "licence",
    "use_policy",
];

/// The target that the command line names.
pub(super) fn read(args: &CheckArgs) -> Result<Target, Failure> {
    match (&args.target, &args.target_model) {
        (Some(path), _) => {
            let text = file(path, "target file")?;
            target_file::parse(&text, &path.to_string_lossy()).or_usage()
        }
        (None, Some(id)) => Ok(target_file::from_model_id(id)),
        (None, None) => Err(Failure::usage(anyhow!(
            "give --target FILE.toml or --target-model ID"
        ))),
    }
}

/// The policy of a file, or the one built in.
pub(super) fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    match path {
        Some(path) => {
            let text = file(path, "policy file")?;
            Policy::parse(&text, &path.to_string_lossy()).or_usage()
        }
        None => Ok(Policy::default()),
    }
}

fn file(path: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(path)
        .with_context(|| format!("cannot read the {what} {}", path.display()))
        .or_usage()
}

/// What the target's folder holds of cards, notices and licenses; `None` when no folder is named
/// or it is not there yet, which leaves the duties that are looked for in it unchecked.
pub(super) fn folder(target: &Target) -> Result<Option<FolderFacts>, Failure> {
    let Some(folder) = &target.folder else {
        return Ok(None);
    };
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| unreadable(Path::new(folder)))
                .or_undecided();
        }
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry
            .with_context(|| unreadable(Path::new(folder)))
            .or_undecided()?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let lower = name.to_lowercase();
        if !FOLDER_NAMES.iter().any(|known| lower.starts_with(known)) || !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path)
            .with_context(|| unreadable(&path))
            .or_undecided()?;
        let small = bytes.len() as u64 <= FOLDER_TEXT_BYTES_MAX;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let text = match String::from_utf8(bytes) {
            Ok(text) if small => Some(text),
            Ok(_) | Err(_) => None,
        };
        files.push(FolderFile { name, sha256, text });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Some(FolderFacts { files }))
}
