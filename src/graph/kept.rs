//! Documents beside the log: its entries name them by digest, so that they can be followed and
//! nobody can change them unseen.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest as _;
use sha2::Sha256;

use super::GraphError;
use crate::index::IndexDir;
use crate::index::StoreError;
use crate::index::layout::sync_dir;

/// Largest document that is read back. Chosen: a verdict of ten thousand findings with every claim.
pub const DOCUMENT_BYTES_MAX: u64 = 512 << 20;
/// Compression level. Chosen: the default of zstd; verdicts shrink to a tenth.
const LEVEL: i32 = 3;

/// Keeps the verdict of a check. Durable once this returns. `json` is the verdict as reports are.
pub fn keep_verdict(dir: &IndexDir, json: &str) -> Result<(), StoreError> {
    keep(dir, &dir.verdicts(), json).map(drop)
}

/// The verdict of a check, as it was reported, by the digest that its log entry names; `None` where
/// it was not kept.
pub fn kept_verdict(
    dir: &IndexDir,
    entry: u64,
    digest: &str,
) -> Result<Option<String>, GraphError> {
    kept(&dir.verdicts(), entry, digest)
}

/// Keeps the worklist of an incident. Durable once this returns; gives its digest.
pub fn keep_worklist(dir: &IndexDir, json: &str) -> Result<String, StoreError> {
    keep(dir, &dir.worklists(), json)
}

/// The worklist of an incident by the digest that its log entry names.
pub fn kept_worklist(dir: &IndexDir, entry: u64, digest: &str) -> Result<String, GraphError> {
    let folder = dir.worklists();
    kept(&folder, entry, digest)?.ok_or_else(|| GraphError::Verdict {
        path: path_of(&folder, digest).display().to_string(),
        entry,
        what: "it is not there".to_owned(),
    })
}

fn keep(dir: &IndexDir, folder: &Path, json: &str) -> Result<String, StoreError> {
    let digest = hex::encode(Sha256::digest(json));
    let path = path_of(folder, &digest);
    if path.exists() {
        return Ok(digest);
    }
    match fs::create_dir(folder) {
        Ok(()) => sync_dir(dir.root())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::io("create the directory", folder)(error)),
    }
    let mut made = tempfile::NamedTempFile::new_in(folder)
        .map_err(StoreError::io("create a file in", folder))?;
    zstd::stream::copy_encode(json.as_bytes(), &mut made, LEVEL)
        .map_err(StoreError::io("write", &path))?;
    made.as_file()
        .sync_all()
        .map_err(StoreError::io("make durable", &path))?;
    made.persist(&path)
        .map_err(|error| StoreError::io("rename to", &path)(error.error))?;
    sync_dir(folder)?;
    Ok(digest)
}

fn kept(folder: &Path, entry: u64, digest: &str) -> Result<Option<String>, GraphError> {
    let path = path_of(folder, digest);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", &path)(error).into()),
    };
    let wrong = |what: String| GraphError::Verdict {
        path: path.display().to_string(),
        entry,
        what,
    };
    let mut json = String::new();
    zstd::stream::Decoder::new(file)
        .and_then(|decoder| {
            decoder
                .take(DOCUMENT_BYTES_MAX + 1)
                .read_to_string(&mut json)
        })
        .map_err(|error| wrong(format!("it cannot be unpacked ({error})")))?;
    if json.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(wrong(format!(
            "it has more than {DOCUMENT_BYTES_MAX} bytes"
        )));
    }
    if hex::encode(Sha256::digest(&json)) != digest {
        return Err(wrong("its bytes have another digest".to_owned()));
    }
    Ok(Some(json))
}

pub(super) fn path_of(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{digest}.json.zst"))
}
