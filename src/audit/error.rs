//! Why the log cannot be read or written.

use crate::index::Incompatible;
use crate::index::SecretsError;
use crate::index::StoreError;

/// A log that cannot be trusted, read or written.
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
    /// It is of the format before this one.
    #[error(
        "the audit log {path} is of the format before this one: `herdbook snapshot seal` moves it into a signed log, whose keys it makes; until then nothing is checked"
    )]
    Unmigrated {
        /// The old file.
        path: String,
    },
    /// It is of an index that this program cannot use at all.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// A line of an old log is not what was written.
    #[error(
        "line {line} of the audit log {path} is damaged or changed: {what}; restore the log from a backup"
    )]
    Line {
        /// Its path.
        path: String,
        /// 1-based line.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A file of the log is not what was written.
    #[error(
        "the audit log is damaged or changed: {path}: {what}; restore the folder log/ from a backup"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// It is signed by keys that are not these.
    #[error(
        "the audit log {path} is of {origin}, which is none of the logs in log.pub: the keys directory belongs to another index; point $HERDBOOK_KEYS at the right one"
    )]
    Foreign {
        /// Its checkpoint.
        path: String,
        /// Which log it says it is.
        origin: String,
    },
    /// The log and a checkpoint that was kept disagree.
    #[error(
        "the audit log did not grow from the checkpoint {kept}: {what}; entries were changed or removed since that checkpoint was signed"
    )]
    Inconsistent {
        /// The checkpoint that was kept.
        kept: String,
        /// What is wrong.
        what: String,
    },
    /// Another process appends and does not end.
    #[error(
        "another herdbook process has been appending to the audit log for {seconds} s ({path} is locked): wait until it has ended, or end it"
    )]
    Busy {
        /// The lock.
        path: String,
        /// How long was waited.
        seconds: u64,
    },
    /// An entry that may not follow, or does not fit.
    #[error("the entry cannot be appended to the audit log: {what}")]
    Entry {
        /// What is wrong.
        what: String,
    },
    /// There is no such entry.
    #[error("the audit log has no entry {index}: it ends at {last}")]
    NoEntry {
        /// Asked for.
        index: u64,
        /// The last one.
        last: u64,
    },
    /// A write failed before.
    #[error(
        "an earlier write to the audit log failed, so nothing more is appended by this process: mend the cause and run the command again"
    )]
    Poisoned,
    /// Keys.
    #[error(transparent)]
    Keys(#[from] SecretsError),
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
