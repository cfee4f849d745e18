//! Reads the files of a model on disk that say where it comes from. What they say is the catalog's
//! to understand.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;

use super::exit::Failure;
use super::exit::OrExit as _;
use crate::catalog::hints;
use crate::catalog::hints::GGUF_HEADER_BYTES_MAX;
use crate::catalog::hints::GGUF_MAGIC;
use crate::catalog::hints::Hint;
use crate::catalog::hints::Says;
use crate::catalog::hints::TEXT_FILE_BYTES_MAX;

/// Most entries of a model's folder that are looked at. Chosen: the largest sharded models have a
/// few hundred files.
const ENTRIES_MAX: usize = 10_000;

/// Most files of one folder that are read. Chosen: config, adapter, card, license, policy, notice,
/// and a GGUF file per quantisation.
const FILES_MAX: usize = 64;

/// What was read of a model on disk.
pub(super) struct Found {
    /// Hints in the order of the files.
    pub(super) hints: Vec<Hint>,
    /// Names of the files that were read.
    pub(super) files: Vec<String>,
}

/// Which reader a file goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Card,
    Gguf,
    Text,
    Notice,
}

/// Reads a model's folder, or one of its files. Whatever is there and cannot be read or understood
/// is an error: a hint that was not read could have contradicted the others.
pub(super) fn read(path: &Path) -> Result<Found, Failure> {
    let kind = fs::metadata(path)
        .with_context(|| format!("cannot look at {}", path.display()))
        .or_undecided()?;
    let mut found = Found {
        hints: Vec::new(),
        files: Vec::new(),
    };
    if kind.is_dir() {
        found.hints.extend(named(path)?);
        for file in files_of(path)? {
            let name = file_name(&file);
            if let Some(kind) = kind_by_name(&name) {
                found.take(&file, &name, kind)?;
            }
        }
        return Ok(found);
    }
    let name = file_name(path);
    let kind = match kind_by_name(&name) {
        Some(kind) => kind,
        None if start(path, GGUF_MAGIC.len())?.0 == GGUF_MAGIC => Kind::Gguf,
        None => {
            return Err(Failure::usage(anyhow!(
                "{} is no file that says where a model comes from; name the model's folder, its \
                 config.json, its card (.md), a .gguf file or a LICENSE",
                path.display()
            )));
        }
    };
    if kind == Kind::Gguf {
        found.hints.extend(named(path)?);
    }
    found.take(path, &name, kind)?;
    Ok(found)
}

impl Found {
    fn take(&mut self, path: &Path, name: &str, kind: Kind) -> Result<(), Failure> {
        let limit = match kind {
            Kind::Gguf => GGUF_HEADER_BYTES_MAX,
            Kind::Json | Kind::Card | Kind::Text | Kind::Notice => TEXT_FILE_BYTES_MAX + 1,
        };
        let (bytes, complete) = start(path, limit)?;
        let hints = match kind {
            Kind::Json => hints::from_json(name, &bytes),
            Kind::Card => hints::from_card(name, &bytes),
            Kind::Gguf => hints::from_gguf(name, &bytes, complete),
            Kind::Notice => hints::from_notice(name, &bytes).map(|hint| vec![hint]),
            Kind::Text => Ok(vec![hints::from_text(name, &bytes)]),
        };
        let hints = hints
            .with_context(|| format!("cannot understand {}", path.display()))
            .or_undecided()?;
        self.hints.extend(hints);
        self.files.push(name.to_owned());
        Ok(())
    }
}

/// Which of a model's files this is, by its name alone.
fn kind_by_name(name: &str) -> Option<Kind> {
    let lower = name.to_lowercase();
    let extension = Path::new(&lower).extension().and_then(|e| e.to_str());
    if matches!(lower.as_str(), "config.json" | "adapter_config.json") {
        Some(Kind::Json)
    } else if lower == "readme.md" || lower == "modelcard.md" || lower == "model_card.md" {
        Some(Kind::Card)
    } else if extension == Some("gguf") {
        Some(Kind::Gguf)
    } else if lower.starts_with("notice") {
        Some(Kind::Notice)
    } else if lower.starts_with("license") || lower.starts_with("use_policy") {
        Some(Kind::Text)
    } else if extension == Some("md") {
        Some(Kind::Card)
    } else {
        None
    }
}

/// The name that a folder or a GGUF file has, as a hint. In Hugging Face's cache the folder of a
/// version is called by its commit, and the model's name stands further up.
fn named(path: &Path) -> Result<Option<Hint>, Failure> {
    let real = fs::canonicalize(path)
        .with_context(|| format!("cannot look at {}", path.display()))
        .or_undecided()?;
    let parts: Vec<String> = real
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let cached = parts.iter().rev().find(|part| part.starts_with("models--"));
    let name = cached.or(parts.last());
    Ok(name.map(|name| Hint {
        place: "its own name".to_owned(),
        says: Says::Name(name.clone()),
    }))
}

/// The files of a folder that have something to say, in order of name.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = || format!("cannot list {}", folder.display());
    let mut files = Vec::new();
    let entries = fs::read_dir(folder)
        .with_context(unreadable)
        .or_undecided()?;
    for (count, entry) in entries.enumerate() {
        let entry = entry.with_context(unreadable).or_undecided()?;
        if count >= ENTRIES_MAX {
            return Err(too_many(folder, ENTRIES_MAX, "entries"));
        }
        let path = entry.path();
        // A folder named `LICENSES` is not a license; what is not readable fails when it is read.
        if kind_by_name(&file_name(&path)).is_some() && !path.is_dir() {
            files.push(path);
        }
    }
    if files.len() > FILES_MAX {
        return Err(too_many(folder, FILES_MAX, "files that say something"));
    }
    files.sort();
    Ok(files)
}

fn too_many(folder: &Path, most: usize, what: &str) -> Failure {
    Failure::undecided(anyhow!(
        "{} has more than {most} {what}: name one of its files instead",
        folder.display()
    ))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The beginning of a file, and whether that is all of it.
fn start(path: &Path, most: usize) -> Result<(Vec<u8>, bool), Failure> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))
        .or_undecided()?;
    let complete = bytes.len() <= most;
    bytes.truncate(most);
    Ok((bytes, complete))
}
