//! Why a configuration could not be turned into a target and inputs: what, where, and what to do.

use std::io;

/// Why a trainer's configuration was refused. All of these are about what the user wrote, hence
/// bad usage; a data set that merely is not on this machine is no error but a
/// [`Remote`](super::Remote), which leaves the check undecided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainerError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Beyond a limit of [`super::limits`].
    #[error("{path}: {what}; at most {limit} are read")]
    TooLarge {
        /// The file.
        path: String,
        /// What there is too much of, with its size.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// Not YAML, or YAML that says the same thing twice.
    #[error("{place}: {message}")]
    Syntax {
        /// `file:line:column`, or the file where the place is not known.
        place: String,
        /// What the parser says.
        message: String,
    },
    /// A key has a value that cannot be what the trainer needs there.
    #[error("{place}: {key}: {message}")]
    Value {
        /// `file:line:column`.
        place: String,
        /// The key with its way, e.g. `datasets[0].path`.
        key: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A key without which there is nothing to check.
    #[error("{path}: {message}")]
    Missing {
        /// The file.
        path: String,
        /// What is missing, and what to do.
        message: String,
    },
    /// No format fits what the file holds.
    #[error(
        "{path}: not recognised as the configuration of a trainer. Read are: {known}. If it is one of them all the same, say which, e.g. --from {example}"
    )]
    Unrecognised {
        /// The file or folder.
        path: String,
        /// Each format with the keys it is known by.
        known: String,
        /// The option with a format in front.
        example: String,
    },
    /// More than one format fits.
    #[error("{path}: can be read in more than one way: {readings}. Say which: {choices}")]
    Ambiguous {
        /// The file.
        path: String,
        /// Each reading with the keys that speak for it.
        readings: String,
        /// The option, once for each reading.
        choices: String,
    },
}
