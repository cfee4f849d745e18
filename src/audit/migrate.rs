//! The log of the format before: one JSON line per commit, chained by hash. It is read once, to be
//! moved into the tree.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::Change;
use super::Log;
use super::LogError;
use super::Record;
use super::append::Beginning;
use super::append::Kind;
use super::folder::Folder;
use super::folder::MIGRATED;
use super::folder::note;
use crate::index::Incompatible;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::index::StoreError;
use crate::index::keys::FORMAT_VERSION;
use crate::index::layout::sync_dir;

/// Largest old log that is read. Chosen: a million entries; a larger file is not a log.
pub(super) const OLD_BYTES_MAX: usize = 1 << 30;

/// `previous` of the first line.
const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line of the old log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: u64,
    time: String,
    op: String,
    source: Option<String>,
    source_digest: Option<String>,
    sources: u64,
    records: u64,
    texts: u64,
    set_hash: String,
    snapshot: String,
    previous: String,
}

/// Moves the log of the format before into a tree of its own, if there is one: its lines become the
/// first entries with their digests, the file is kept beside them. Makes the keys that sign it.
/// Returns what was done, in sentences. The caller holds the writer's lock.
///
/// Nothing in it depends on when it runs, so that one that a crash interrupted is done again.
pub fn migrate(dir: &IndexDir, secrets: &mut Secrets) -> Result<Vec<String>, LogError> {
    let old = dir.old_log();
    if !old.try_exists().map_err(StoreError::io("look for", &old))? {
        return Ok(Vec::new());
    }
    let bytes = read_whole(&old)?;
    let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
    let name = old.display().to_string();
    let lines = read_lines(&name, bytes.get(..whole).unwrap_or_default())?;
    let mut notes = Vec::new();
    let folder = Folder::new(dir.log());
    if note(&folder)?.is_none() {
        let made = secrets.complete(dir.keys())?;
        if !made.is_empty() {
            notes.push(format!(
                "made {} in {}: back the keys up again",
                made.join(" and "),
                dir.keys().display()
            ));
        }
        let first = lines.first().map(|(_, change, _)| change.line.clone());
        let digest = first.flatten().unwrap_or_default();
        let origin = format!("herdbook/{}", digest.get(..16).unwrap_or_default());
        let count = lines.len();
        if bytes.len() > whole {
            notes.push(format!(
                "left out {} bytes of an unfinished entry at the end of {name}; it was never acknowledged",
                bytes.len() - whole
            ));
        }
        Log::open(dir, secrets).begin_with(Beginning {
            origin: &origin,
            entries: lines,
        })?;
        *secrets = Secrets::load(dir.keys())?;
        notes.push(format!(
            "moved the {count} entries of {name} into the signed log {origin}; the file stays beside it as {MIGRATED}"
        ));
    }
    if bytes.len() > whole {
        let file = File::options()
            .write(true)
            .open(&old)
            .map_err(StoreError::io("open", &old))?;
        file.set_len(whole as u64)
            .map_err(StoreError::io("cut the torn end of", &old))?;
        file.sync_all()
            .map_err(StoreError::io("make durable", &old))?;
    }
    let kept = dir.log().join(MIGRATED);
    fs::rename(&old, &kept).map_err(StoreError::io("rename the old log to", &kept))?;
    sync_dir(&dir.log())?;
    Ok(notes)
}

/// Refuses an index whose newest snapshot says that it has another format: moving its log would not
/// make it one that is read here.
pub(super) fn of_this_format(dir: &IndexDir) -> Result<(), LogError> {
    #[derive(Deserialize)]
    struct Said {
        format: u32,
    }
    let snapshots = dir.snapshots();
    let listed = match fs::read_dir(&snapshots) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("list", &snapshots)(error).into()),
    };
    let mut newest = None;
    for entry in listed {
        let entry = entry.map_err(StoreError::io("list", &snapshots))?;
        if let Some(Ok(number)) = entry.file_name().to_str().map(str::parse::<u64>) {
            newest = newest.max(Some(number));
        }
    }
    let Some(newest) = newest else { return Ok(()) };
    let path = dir.snapshot(newest).join("manifest.json");
    let bytes = read_whole(&path)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let said: Said = serde_json::from_slice(&bytes)
        .map_err(|error| StoreError::corrupt(error.to_string(), path.display().to_string()))?;
    if said.format == FORMAT_VERSION {
        return Ok(());
    }
    Err(LogError::Incompatible(Incompatible::Format {
        found: said.format,
        supported: FORMAT_VERSION,
    }))
}

/// A file that is there, or nothing.
fn read_whole(path: &Path) -> Result<Vec<u8>, LogError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("open", path)(error).into()),
    };
    let mut bytes = Vec::new();
    file.take(OLD_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    if bytes.len() > OLD_BYTES_MAX {
        return Err(LogError::Line {
            path: path.display().to_string(),
            line: 0,
            what: format!("the file is larger than {OLD_BYTES_MAX} bytes"),
        });
    }
    Ok(bytes)
}

/// The whole lines of an old log, numbers and chain verified.
fn read_lines(name: &str, bytes: &[u8]) -> Result<Vec<(String, Change, Kind)>, LogError> {
    let mut out = Vec::new();
    let mut previous = NO_PREVIOUS.to_owned();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let damaged = |what: String| LogError::Line {
            path: name.to_owned(),
            line: index + 1,
            what,
        };
        let read: Line = serde_json::from_slice(line)
            .map_err(|error| damaged(format!("it is not an entry ({error})")))?;
        if read.seq != index as u64 + 1 {
            return Err(damaged(format!("it has number {}", read.seq)));
        }
        if read.previous != previous {
            return Err(damaged("it does not continue the line before".to_owned()));
        }
        let kind: Kind = match read.op.as_str() {
            "init" => Record::Init,
            "register" => Record::Register,
            "withdraw" => Record::Withdraw,
            "seal" => Record::Seal,
            other => return Err(damaged(format!("it records an unknown operation, {other}"))),
        };
        previous = line_digest(line);
        let change = Change {
            commit: read.seq,
            source: read.source,
            source_digest: read.source_digest,
            sources: read.sources,
            records: read.records,
            texts: read.texts,
            set_hash: read.set_hash,
            snapshot: read.snapshot,
            line: Some(previous.clone()),
        };
        out.push((read.time, change, kind));
    }
    if out.is_empty() {
        return Err(LogError::Line {
            path: name.to_owned(),
            line: 0,
            what: "it holds no entry".to_owned(),
        });
    }
    Ok(out)
}

/// Digests of the whole lines of an old log that was kept.
pub(super) fn line_digests(bytes: &[u8]) -> Vec<String> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    bytes
        .get(..whole)
        .unwrap_or_default()
        .split_inclusive(|&byte| byte == b'\n')
        .map(|line| line_digest(line.strip_suffix(b"\n").unwrap_or(line)))
        .collect()
}

fn line_digest(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}
