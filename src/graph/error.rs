//! Why the graph cannot be read.

use crate::audit::LogError;
use crate::index::StoreError;
use crate::snapshot::OpenError;

/// The graph cannot be read, so that nothing can be said of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The view cannot be read or written.
    #[error(
        "the lineage graph: {0}; the folder graph/ may be removed: it is made anew from the log"
    )]
    Store(#[from] StoreError),
    /// What was read of the view is not what was written. Whoever asks again has it made anew.
    #[error(
        "the lineage graph that is kept beside the log is damaged ({what}); \
         run the command again: the graph is made anew from the log, which is not concerned"
    )]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Somebody else is bringing it up to date.
    #[error(
        "the lineage graph is being brought up to date by another process for more than {seconds} s; try again"
    )]
    Busy {
        /// How long was waited.
        seconds: u64,
    },
    /// The log kept growing.
    #[error(
        "the audit log grew {times} times while the lineage graph was read; try again when less is checked"
    )]
    Moving {
        /// How often.
        times: usize,
    },
    /// A verdict or worklist is not what the log names.
    #[error(
        "{path} is not the document that entry {entry} of the audit log names: {what}; restore its folder from a backup"
    )]
    Verdict {
        /// The file.
        path: String,
        /// The entry.
        entry: u64,
        /// What is wrong.
        what: String,
    },
    /// What a check found is not known any more.
    #[error(
        "what stands behind {model} is not known: check {check} read {file}, and its verdict, \
         verdicts/{digest}.json.zst, is gone"
    )]
    Unseen {
        /// The model asked about.
        model: String,
        /// Entry of the check.
        check: u64,
        /// The file that it read.
        file: String,
        /// Digest of its verdict.
        digest: String,
    },
    /// The list of the view's files cannot be written.
    #[error("the list of the lineage graph's files cannot be written: {0}")]
    List(#[from] serde_json::Error),
}
