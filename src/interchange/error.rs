//! Why a file of another tool could not be read: what, where, and what to do.

/// All of these are about what stands in a file that the user named, hence bad usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Not what its format asks for, as text.
    #[error("{place}: {message}")]
    Syntax {
        /// `file:line:column`, or `file`.
        place: String,
        /// What the parser says, and what to do.
        message: String,
    },
    /// A value that cannot be what the format needs there.
    #[error("{place}: {key}: {message}")]
    Value {
        /// `file:line` where events are lines, otherwise `file`.
        place: String,
        /// The key with its way: `run.runId`, `stages.train.outs[0].path`.
        key: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Not a file of this format at all.
    #[error("{place}: {message}")]
    Foreign {
        /// The file.
        place: String,
        /// What it is instead, and what to do.
        message: String,
    },
    /// Beyond a limit.
    #[error("{place}: {what}; at most {limit} are read")]
    TooLarge {
        /// The file.
        place: String,
        /// What there is too much of.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
}
