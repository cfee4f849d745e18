//! Files of other tools, read within limits.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use md5::Digest as _;
use md5::Md5;
use sha2::Sha256;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use crate::interchange::FILE_BYTES_MAX;
use crate::interchange::FILES_MAX;

/// Deepest folder that is looked into.  Chosen: runs have four.
const DEPTH_MAX: usize = 16;
/// Bytes of all files of one folder together. Chosen: as one file.
const FOLDER_BYTES_MAX: u64 = FILE_BYTES_MAX;
/// Bytes read at a time. Chosen.
const BUFFER_BYTES: usize = 1 << 20;

/// Name and text of a file.
pub(super) fn text(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = read(path, &name, FILE_BYTES_MAX)?;
    Ok((name, text))
}

fn read(path: &Path, name: &str, bytes_max: u64) -> Result<String, Failure> {
    let failed = || format!("cannot read {name}");
    let file = File::open(path).with_context(failed).or_undecided()?;
    if !file
        .metadata()
        .with_context(failed)
        .or_undecided()?
        .is_file()
    {
        return Err(Failure::usage(anyhow!("{name} is no file: name a file")));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .with_context(failed)
        .or_undecided()?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::usage(anyhow!(
            "{name} has more than the {bytes_max} bytes that are read: divide it"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(good)
            .filter(|byte| **byte == b'\n')
            .count();
        Failure::usage(anyhow!("{name}:{}: not UTF-8 text", line + 1))
    })
}

/// Text of every file of a folder, by its way within it behind `prefix`, in order of name. Links are
/// not followed; files that are no text, and folders named in `without`, are left out: they hold
/// numbers and weights.
pub(super) fn folder(
    path: &Path,
    prefix: &str,
    without: &[&str],
) -> Result<Vec<(String, String)>, Failure> {
    let mut out = Vec::new();
    let mut waiting = vec![(path.to_owned(), prefix.to_owned(), 0)];
    let mut left = FOLDER_BYTES_MAX;
    while let Some((folder, name, depth)) = waiting.pop() {
        let failed = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(failed).or_undecided()? {
            let entry = entry.with_context(failed).or_undecided()?;
            let kind = entry.file_type().with_context(failed).or_undecided()?;
            let Some(file) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(Failure::usage(anyhow!(
                    "{} holds a name that is not UTF-8",
                    folder.display()
                )));
            };
            let within = format!("{name}/{file}");
            if kind.is_dir() {
                if without.contains(&file.as_str()) {
                    continue;
                }
                if depth >= DEPTH_MAX {
                    return Err(Failure::usage(anyhow!(
                        "{within} lies deeper than {DEPTH_MAX} folders: name the folder of one run"
                    )));
                }
                waiting.push((entry.path(), within, depth + 1));
            } else if kind.is_file() && is_wanted(&within) {
                if out.len() >= FILES_MAX {
                    return Err(Failure::usage(anyhow!(
                        "{} holds more than {FILES_MAX} files: name the folder of one run",
                        path.display()
                    )));
                }
                let text = read(&entry.path(), &within, left)?;
                left -= text.len() as u64;
                out.push((within, text));
            }
        }
    }
    out.sort();
    Ok(out)
}

/// Whether a file can say something: descriptions, and parameters, which have no extension.
fn is_wanted(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((_, extension)) => {
            ["yaml", "yml", "json"].contains(&extension) || name.contains("/params/")
        }
        None => name.contains("/params/"),
    }
}

/// A file that DVC keeps and that is here.
pub(super) struct Found {
    pub(super) md5: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// Digests of a file below a folder; `None` where none is there. Ways that lead out of the folder
/// are not followed: the file that names them may be anybody's.
pub(super) fn beneath(folder: &Path, way: &str) -> Result<Option<Found>, Failure> {
    let way = PathBuf::from(way);
    if way
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return Ok(None);
    }
    let path = folder.join(&way);
    let failed = || format!("cannot read {}", path.display());
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(failed).or_undecided(),
    }
    let mut file = File::open(&path).with_context(failed).or_undecided()?;
    let (mut md5, mut sha, mut bytes) = (Md5::new(), Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).with_context(failed).or_undecided()?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        md5.update(read);
        sha.update(read);
        bytes += count as u64;
    }
    Ok(Some(Found {
        md5: hex::encode(md5.finalize()),
        sha256: hex::encode(sha.finalize()),
        bytes,
    }))
}
