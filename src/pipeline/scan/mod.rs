//! The boundary of the scan: files in, what their units matched out, in the order of the rows.
//!
//! Everything that touches the bytes of an input stands behind [`Scanner`]: reading, normalising,
//! matching, and the second reading of a split. [`Direct`] does it in this process; a
//! [`Supervisor`] has a [`worker`] do it in another, which holds the filters and may be killed by a
//! hostile file without taking the verdict with it. No text crosses the boundary, only what was
//! found of it.

mod death;
mod direct;
mod found;
mod limits;
mod message;
mod supervisor;
pub mod worker;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::model::Canaries;
use crate::model::IndexInfo;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::read;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::SplitCounts;
use crate::snapshot::Snapshot;

pub use death::Death;
pub use direct::Direct;
pub(crate) use direct::scan_file;
pub(crate) use found::BatchMatches;
pub(crate) use found::UnitMatches;
pub(crate) use found::matches_of;
pub(crate) use found::matches_of_kept;
pub use limits::CPU_SECONDS;
pub use limits::WorkerLimits;
pub use limits::memory_bytes;
pub use message::OpenCost;
pub use supervisor::Supervisor;
pub use supervisor::WorkerError;
pub use supervisor::WorkerOptions;

/// What one batch came to.
pub(crate) type Scanned<T = BatchMatches> = read::Scanned<T>;

/// What a snapshot says of itself: all of it that deciding needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    /// What reports say about it.
    pub info: IndexInfo,
    /// When it was sealed, RFC 3339, UTC.
    pub sealed_at: String,
    /// Entries of the audit log when it was sealed; `None` in one of before the log was signed.
    pub log_size: Option<u64>,
    /// All sources by number, withdrawn ones included.
    pub sources: Vec<SourceInfo>,
}

impl SnapshotFacts {
    /// The facts of an open snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            info: snapshot.info(),
            sealed_at: snapshot.manifest().time.clone(),
            log_size: snapshot.manifest().log.as_ref().map(|log| log.size),
            sources: snapshot.sources().to_vec(),
        }
    }

    /// Whether the index holds its canary.
    pub(crate) fn has_canary(&self) -> bool {
        self.sources.iter().any(SourceInfo::is_canary)
    }

    /// A source by its number. A claim names a source of its own snapshot: the index refuses any
    /// other.
    pub(crate) fn source(&self, id: SourceId) -> Option<&SourceInfo> {
        self.sources.get(id.0 as usize)
    }
}

/// What the scan of one file came to, beside its batches.
#[derive(Debug)]
pub struct FileScan {
    /// The reader's account.
    pub read: FileRead,
    /// Why the register did not answer; from there on nothing was taken.
    pub failed: Option<String>,
    /// Canaries planted and found.
    pub canaries: Canaries,
}

/// How one input is to be divided.
#[derive(Debug, Clone, Copy)]
pub struct SplitJob<'a> {
    /// SHA-256 of the bytes that were checked.
    pub sha256: &'a str,
    /// One bit a row, lowest first: set for those that go to quarantine. Rows beyond are clean.
    pub quarantined: &'a [u64],
    /// The clean file.
    pub clean: &'a Path,
    /// The quarantine file.
    pub quarantine: &'a Path,
}

/// Whether a bit is set; rows beyond the last word are not.
pub(crate) fn is_set(bits: &[u64], row: u64) -> bool {
    let word = usize::try_from(row / 64).unwrap_or(usize::MAX);
    bits.get(word)
        .is_some_and(|word| word >> (row % 64) & 1 == 1)
}

/// Scans inputs against one snapshot.
pub trait Scanner {
    /// What the snapshot says of itself.
    fn facts(&self) -> &SnapshotFacts;

    /// Scans one input. `take` receives what its batches came to in the order of the rows,
    /// `progress` the number of stored bytes consumed so far, from any thread.
    fn scan(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan;

    /// SHA-256 of an input before it is scanned, lower-case hex; baselines name content by it.
    /// `None` for standard input, and for a file that cannot be read: no baseline applies to it
    /// then, and the reader says what is wrong.
    fn content(&mut self, input: &InputPath) -> Option<String> {
        file_digest(input.path.as_ref()?)
    }

    /// Reads an input again and writes its rows to two files.
    fn split(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError>;
}

fn file_digest(path: &Path) -> Option<String> {
    let mut sha = Sha256::new();
    let copied =
        File::open(path).and_then(|mut file| io::copy(&mut file, &mut HashWriter(&mut sha)));
    match copied {
        Ok(_) => Some(hex::encode(sha.finalize())),
        Err(_) => None,
    }
}

/// Lets bytes be copied into a digest.
struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
