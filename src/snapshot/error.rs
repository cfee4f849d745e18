//! Why an index cannot be opened, or a change was not acknowledged.

use crate::audit::LogError;
use crate::index::Incompatible;
use crate::index::SecretsError;
use crate::index::StoreError;
use crate::index::WriteError;

/// No answer can be given from this index. A check is undecided (exit code 3).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing there.
    #[error(
        "there is no herdbook index at {dir}: name it with --index or $HERDBOOK_INDEX, or make one with `herdbook init`"
    )]
    NoIndex {
        /// Directory that was looked at.
        dir: String,
    },
    /// `init` would replace something.
    #[error("there is already a herdbook index at {dir}; it is not replaced")]
    Exists {
        /// The directory.
        dir: String,
    },
    /// `init` was interrupted.
    #[error("the index at {dir} was never finished: run `herdbook init` again")]
    Unfinished {
        /// The directory.
        dir: String,
    },
    /// Another writer is at work.
    #[error("another herdbook process is writing to the index at {dir}: wait until it has ended")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// The index forgot commits that the log remembers.
    #[error(
        "the index is behind its audit log: the log records commit {logged}, the index ends at {indexed}, so registered sources are missing from it; restore the index from a backup"
    )]
    BehindLog {
        /// Last commit in the log.
        logged: u64,
        /// Last commit in the index.
        indexed: u64,
    },
    /// Index and log forgot commits that a sealed snapshot remembers.
    #[error(
        "the index is behind its sealed snapshots: snapshot {sealed} exists, the index ends at commit {indexed}, so registered sources are missing from it; restore the index and its log from a backup"
    )]
    BehindSnapshots {
        /// Newest sealed snapshot.
        sealed: u64,
        /// Last commit in the index.
        indexed: u64,
    },
    /// The log forgot commits that the index or a sealed snapshot remembers.
    #[error(
        "the audit log is behind: it ends at commit {logged}, but commit {found} exists; if a registration was interrupted, run `herdbook snapshot seal` to complete it; if not, restore the log from a backup"
    )]
    LogBehind {
        /// Last commit in the log.
        logged: u64,
        /// Later commit found.
        found: u64,
    },
    /// Same commit, other content.
    #[error(
        "index and audit log disagree about commit {seq}: {what}; restore the index from a backup"
    )]
    Differs {
        /// The commit.
        seq: u64,
        /// In what.
        what: String,
    },
    /// The snapshot that the log names is gone.
    #[error(
        "snapshot {seq}, which the audit log names as the newest, is not at {path}; an older one is not used in its place: run `herdbook snapshot seal` to seal the index again"
    )]
    HeadMissing {
        /// Its number.
        seq: u64,
        /// Where it should be.
        path: String,
    },
    /// The snapshot is not what was sealed.
    #[error(
        "snapshot {path} is not what was sealed: {what}; run `herdbook snapshot seal` to seal the index again, or restore it from a backup"
    )]
    Damaged {
        /// The snapshot.
        path: String,
        /// What differs.
        what: String,
    },
    /// Another snapshot than the one asked for.
    #[error("snapshot {path} has digest {found}, expected {expected}: it is another snapshot")]
    OtherSnapshot {
        /// The snapshot.
        path: String,
        /// Digest expected.
        expected: String,
        /// Digest found.
        found: String,
    },
    /// Made with something else.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// The keys are missing or damaged.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The log cannot be trusted.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A write during opening failed (completing an interrupted registration).
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A change that was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Before or during the commit: the change does not exist.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// After the commit: the change is in the live index, but no check sees it yet.
    #[error(
        "the change was committed but could not be sealed and logged, so no check sees it yet: {0}; run the command again to complete it"
    )]
    Seal(#[source] StoreError),
    /// After the seal: as above.
    #[error(
        "the change was committed and sealed but could not be logged, so no check sees it yet: {0}; run the command again to complete it"
    )]
    Log(#[source] LogError),
}
