//! Reading and appending.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;

use super::entry::Entry;
use super::entry::NO_PREVIOUS;
use super::entry::line_digest;
use crate::index::StoreError;
use crate::index::layout::sync_dir;

/// Largest log that is read. Chosen: a million entries; a larger file is not a log.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// A log that cannot be trusted or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// There is none.
    #[error(
        "there is no audit log at {path}: without it nobody can tell whether the index is complete; restore it from a backup"
    )]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// It holds no entry.
    #[error("the audit log {path} holds no entry; restore it from a backup")]
    Empty {
        /// Its path.
        path: String,
    },
    /// A line is not what was written.
    #[error(
        "line {line} of the audit log {path} is damaged or changed: {what}; restore the log from a backup"
    )]
    Damaged {
        /// Its path.
        path: String,
        /// 1-based line.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A verified log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLog {
    /// Entries in order; at least one.
    pub entries: Vec<Entry>,
    /// The last entry.
    pub head: Entry,
    /// Digest of the last entry, for the next one's `previous`.
    pub head_digest: String,
    /// Bytes of the complete lines.
    pub whole_bytes: u64,
    /// Bytes of an incomplete last line: an append that a crash interrupted, never acknowledged.
    pub torn_bytes: u64,
}

/// Reads the whole log and verifies numbers and chain.
pub fn read(path: &Path) -> Result<ReadLog, LogError> {
    let name = || path.display().to_string();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LogError::Missing { path: name() });
        }
        Err(error) => return Err(StoreError::io("open the audit log", path)(error).into()),
    };
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read the audit log", path))?;
    if bytes.len() as u64 > LOG_BYTES_MAX {
        let what = format!("the file is larger than {LOG_BYTES_MAX} bytes");
        return Err(LogError::Damaged {
            path: name(),
            line: 0,
            what,
        });
    }
    let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
    let mut entries: Vec<Entry> = Vec::new();
    let mut previous = NO_PREVIOUS.to_owned();
    for (index, line) in bytes
        .get(..whole)
        .unwrap_or_default()
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
    {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let damaged = |what: String| LogError::Damaged {
            path: name(),
            line: index + 1,
            what,
        };
        let entry: Entry = serde_json::from_slice(line)
            .map_err(|error| damaged(format!("it is not an entry ({error})")))?;
        if entry.seq != index as u64 + 1 {
            return Err(damaged(format!("it has number {}", entry.seq)));
        }
        if entry.previous != previous {
            return Err(damaged("it does not continue the line before".to_owned()));
        }
        previous = line_digest(line);
        entries.push(entry);
    }
    let Some(head) = entries.last().cloned() else {
        return Err(LogError::Empty { path: name() });
    };
    Ok(ReadLog {
        entries,
        head,
        head_digest: previous,
        whole_bytes: whole as u64,
        torn_bytes: (bytes.len() - whole) as u64,
    })
}

/// Appends an entry and waits until file and directory are durable. Returns the digest of the
/// line. The caller holds the writer's lock and has cut a torn tail.
pub fn append(path: &Path, entry: &Entry) -> Result<String, LogError> {
    let mut line = serde_json::to_vec(entry).map_err(|error| LogError::Damaged {
        path: path.display().to_string(),
        line: 0,
        what: format!("the new entry cannot be written as JSON ({error})"),
    })?;
    let digest = line_digest(&line);
    line.push(b'\n');
    let mut file = OpenOptions::new()
        .append(true)
        .create(entry.seq == 1)
        .open(path)
        .map_err(StoreError::io("open for appending the audit log", path))?;
    file.write_all(&line)
        .map_err(StoreError::io("append to the audit log", path))?;
    file.sync_all()
        .map_err(StoreError::io("make durable the audit log", path))?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok(digest)
}

/// Removes an incomplete last line. The caller holds the writer's lock.
pub fn cut_torn_tail(path: &Path, log: &ReadLog) -> Result<(), LogError> {
    if log.torn_bytes == 0 {
        return Ok(());
    }
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(StoreError::io("open the audit log", path))?;
    file.set_len(log.whole_bytes)
        .map_err(StoreError::io("cut the torn end of", path))?;
    file.sync_all()
        .map_err(StoreError::io("make durable the audit log", path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, count: u64) -> Vec<u8> {
        let mut previous = NO_PREVIOUS.to_owned();
        for seq in 1..=count {
            let entry = Entry {
                seq,
                time: "2026-01-01T00:00:00Z".to_owned(),
                op: "register".to_owned(),
                source: Some(format!("s\n{seq}")),
                source_digest: None,
                sources: seq,
                records: 1,
                texts: 1,
                set_hash: "00".to_owned(),
                snapshot: "11".to_owned(),
                previous,
            };
            previous = append(path, &entry).unwrap();
        }
        std::fs::read(path).unwrap()
    }

    #[test]
    fn entries_come_back_in_order_and_chained() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        write(&path, 3);
        let log = read(&path).unwrap();
        assert_eq!(log.entries.len(), 3);
        assert_eq!(log.head.seq, 3);
        assert_eq!(log.head.source.as_deref(), Some("s\n3"));
        assert_eq!(log.torn_bytes, 0);
        let text = std::fs::read_to_string(&path).unwrap();
        let second = text.lines().nth(1).unwrap();
        assert_eq!(
            log.entries[2].previous,
            hex::encode(<sha2::Sha256 as sha2::Digest>::digest(second))
        );
    }

    #[test]
    fn a_missing_or_empty_log_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        assert!(matches!(read(&path), Err(LogError::Missing { .. })));
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(read(&path), Err(LogError::Empty { .. })));
    }

    #[test]
    fn every_cut_leaves_whole_entries_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let bytes = write(&path, 3);
        for len in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let lines = memchr::memchr_iter(b'\n', &bytes[..len]).count();
            if lines == 0 {
                assert!(matches!(read(&path), Err(LogError::Empty { .. })));
                continue;
            }
            let log = read(&path).unwrap();
            assert_eq!(log.entries.len(), lines);
            assert_eq!(log.whole_bytes + log.torn_bytes, len as u64);
            cut_torn_tail(&path, &log).unwrap();
            assert_eq!(read(&path).unwrap().torn_bytes, 0);
        }
    }

    #[test]
    fn a_changed_byte_before_the_last_line_breaks_the_chain() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let bytes = write(&path, 3);
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .unwrap();
        for at in 0..last {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(read(&path).is_err(), "byte {at}");
        }
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        std::fs::write(&path, [lines[0], lines[2]].concat()).unwrap();
        assert!(matches!(
            read(&path),
            Err(LogError::Damaged { line: 2, .. })
        ));
    }
}
