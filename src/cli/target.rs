//! The target and the policy as files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use sha2::Digest as _;
use sha2::Sha256;

use super::args::CheckArgs;
use super::exit::Failure;
use super::exit::OrExit as _;
use crate::catalog::Catalog;
use crate::model::FolderFacts;
use crate::model::FolderFile;
use crate::model::Organization;
use crate::model::target::Target;
use crate::policy::Policy;
use crate::policy::Position;
use crate::policy::Readings;
use crate::policy::organization;
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
    of(args.target.as_deref(), args.target_model.as_deref())
}

/// The target of a file, or the one that a model id stands for.
pub(crate) fn of(file_named: Option<&Path>, model: Option<&str>) -> Result<Target, Failure> {
    match (file_named, model) {
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
pub(super) fn policy(path: Option<&Path>, catalog: &Catalog) -> Result<Policy, Failure> {
    match path {
        Some(path) => {
            let text = file(path, "policy file")?;
            let policy = Policy::parse(&text, &path.to_string_lossy()).or_usage()?;
            for id in policy.required_sign_offs() {
                if catalog.licenses().iter().all(|license| license.id != *id) {
                    return Err(Failure::usage(anyhow!(
                        "{}: required_sign_offs names `{id}`, and there is no such license; \
                         `herdbook licenses list` lists them",
                        path.display()
                    )));
                }
            }
            Ok(policy)
        }
        None => Ok(Policy::default()),
    }
}

/// Name of the organisation profile, beside the policy or in the folder of the index.
pub(super) const ORGANIZATION: &str = "organization.toml";

/// The organisation's readings and profile; without a profile, what turns on it stays open.
pub(super) fn position(
    named: Option<&Path>,
    policy: Option<&Path>,
    index: &Path,
    catalog: &Catalog,
    as_of: &str,
) -> Result<Position, Failure> {
    let (organization, _) = profile(named, policy, index, catalog)?;
    Ok(Position {
        readings: Readings::default(),
        organization,
        as_of: as_of.to_owned(),
    })
}

/// The organisation profile and where it is: the file that was named, else the one beside the
/// policy, else the one in the folder of the index. `None` where there is none.
pub(super) fn profile(
    named: Option<&Path>,
    policy: Option<&Path>,
    index: &Path,
    catalog: &Catalog,
) -> Result<(Option<Organization>, PathBuf), Failure> {
    let (path, there) = beside_policy(named, policy, index, ORGANIZATION)?;
    if !there {
        return Ok((None, path));
    }
    let ids: Vec<&str> = catalog
        .licenses()
        .iter()
        .map(|license| license.id.as_str())
        .collect();
    let text = file(&path, "organisation profile")?;
    let organization = organization::parse(&text, &path.to_string_lossy(), &ids).or_usage()?;
    Ok((Some(organization), path))
}

/// Where a file of compliance is, and whether it is there: the one that was named, else the one
/// beside the policy, else the one in the folder of the index; where there is none, the place at
/// which it would be made.
pub(super) fn beside_policy(
    named: Option<&Path>,
    policy: Option<&Path>,
    index: &Path,
    name: &str,
) -> Result<(PathBuf, bool), Failure> {
    if let Some(path) = named {
        return Ok((path.to_owned(), true));
    }
    let in_index = index.join(name);
    let Some(beside) = policy.map(|path| path.with_file_name(name)) else {
        let there = is_there(&in_index)?;
        return Ok((in_index, there));
    };
    if is_there(&beside)? {
        Ok((beside, true))
    } else if is_there(&in_index)? {
        Ok((in_index, true))
    } else {
        Ok((beside, false))
    }
}

/// Whether a name exists. A place that cannot be looked into is an error: what stands there may
/// make the check stricter. A link that leads nowhere is there, and reading it will say so.
fn is_there(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error)
            .with_context(|| format!("cannot look for {}", path.display()))
            .or_undecided(),
    }
}

fn file(path: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(path)
        .with_context(|| format!("cannot read the {what} {}", path.display()))
        .or_usage()
}

/// What the target's folder holds of cards, notices and licenses; `None` when no folder is named
/// or it is not there yet, which leaves the duties that are looked for in it unchecked.
pub(crate) fn folder(target: &Target) -> Result<Option<FolderFacts>, Failure> {
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
