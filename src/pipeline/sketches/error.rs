//! Why sketches could not be kept, or cannot be used.

use std::io;
use std::path::Path;

use thiserror::Error;

/// Why sketches could not be kept, or cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SketchError {
    /// The file is not there.
    #[error(
        "{path} is not there: restore the folder sketches/ from a backup, or check the inputs again"
    )]
    Missing {
        /// The file.
        path: String,
    },
    /// It is not what was kept.
    #[error(
        "{path} is not what the audit log names: {what}; restore it from a backup, or check the inputs again"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// It was made under something else than this program and this index have.
    #[error(
        "{path} was made under another {what}, so its sketches mean nothing here: check the inputs again"
    )]
    Foreign {
        /// The file.
        path: String,
        /// What differs.
        what: String,
    },
    /// What was to be kept was not made.
    #[error("{what}")]
    NotMade {
        /// Why.
        what: String,
    },
    /// Reading or writing failed.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn io_error(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> SketchError + use<> {
    let path = path.display().to_string();
    move |source| SketchError::Io {
        doing,
        path,
        source,
    }
}

pub(super) fn damaged(path: &Path, what: String) -> SketchError {
    SketchError::Damaged {
        path: path.display().to_string(),
        what,
    }
}
