//! What can go wrong between the index and the disk.
//!
//! Absence is an `Option` or a state, never an error, and an error is never an absence: whoever
//! receives a [`StoreError`] has no answer and must treat the question as undecided.

use std::io;
use std::path::Path;
use std::path::PathBuf;

/// A failed read or write of stored data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused or failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The storage engine refused or failed.
    #[error("the index database failed to {doing}: {message}")]
    Engine {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The engine's own words.
        message: String,
    },
    /// Stored bytes contradict each other or their format.
    #[error(
        "the index is damaged: {what} at {at}; restore it from a backup or register the sources again"
    )]
    Corrupt {
        /// What is wrong.
        what: String,
        /// Where: a key, a file, a row.
        at: String,
    },
    /// A limit of the format was reached.
    #[error("{what}; split the source and register the parts")]
    Limit {
        /// Which limit, with its value.
        what: String,
    },
}

impl StoreError {
    /// Wraps an operating-system error with what was being done to which path.
    pub fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    #[cfg(feature = "engine")]
    pub(crate) fn engine(doing: &'static str) -> impl FnOnce(rocksdb::Error) -> Self {
        move |error| Self::Engine {
            doing,
            message: error.into_string(),
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>, at: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            at: at.into(),
        }
    }
}

/// A failed look-up: the answer is unknown, not "absent".
pub type LookUpError = StoreError;
