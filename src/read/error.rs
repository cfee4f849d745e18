//! What can go wrong with an input, each with its place and a remedy.

use std::io;
use std::sync::Arc;

/// Why an input, or the rest of it, could not be read. Always undecided, never "nothing found".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error(
        "{path}: cannot read: {source}. Check the path, its permissions and the disk, then run again"
    )]
    Io {
        /// The input as the user named it.
        path: Arc<str>,
        /// The cause.
        source: io::Error,
    },
    /// Nothing is there.
    #[error(
        "{path}: no such file or folder. Check the spelling, or quote the pattern if the shell should not expand it"
    )]
    NotFound {
        /// The input as the user named it.
        path: Arc<str>,
    },
    /// A pattern or folder that holds nothing: an empty input must not pass for a clean one.
    #[error("{path}: {what} no file to read. Check the pattern or the folder")]
    Empty {
        /// The input as the user named it.
        path: Arc<str>,
        /// `the pattern matches` or `the folder holds`.
        what: &'static str,
    },
    /// The file ends before its format allows it to.
    #[error("{path}: truncated: {what}, at {at}. Copy or download the file again")]
    Truncated {
        /// The input as the user named it.
        path: Arc<str>,
        /// What is missing.
        what: String,
        /// Where, in words: a row, a byte, a row group.
        at: String,
    },
    /// The bytes break the rules of their format.
    #[error("{path}: damaged: {what}, at {at}. Write the file again from its source")]
    Corrupt {
        /// The input as the user named it.
        path: Arc<str>,
        /// What is wrong.
        what: String,
        /// Where, in words.
        at: String,
    },
    /// A format, codec or type that is not read here.
    #[error("{path}: not supported: {what}. {remedy}")]
    Unsupported {
        /// The input as the user named it.
        path: Arc<str>,
        /// What it is.
        what: String,
        /// What to do instead.
        remedy: String,
    },
    /// Beyond a limit of [`super::limits`].
    #[error("{path}: {what} is over the limit of {limit}. {remedy}")]
    TooLarge {
        /// The input as the user named it.
        path: Arc<str>,
        /// What is too large, with its size.
        what: String,
        /// The limit with its unit.
        limit: String,
        /// What to do instead.
        remedy: String,
    },
    /// The file is not the one that was opened, or not the one that was checked.
    #[error("{path}: {what}. Wait until nothing writes to the file, then run again")]
    Changed {
        /// The input as the user named it.
        path: Arc<str>,
        /// What differs.
        what: String,
    },
    /// A column that the user named does not occur.
    #[error("{path}: {option} names `{column}`, which does not occur. Columns found: {found}")]
    NoSuchColumn {
        /// The input as the user named it.
        path: Arc<str>,
        /// The option, e.g. `--text-column`.
        option: &'static str,
        /// The path as the user wrote it.
        column: String,
        /// The columns that exist, in order of discovery.
        found: String,
    },
    /// A data set that a configuration names and that is not on this machine.
    #[error("{path}: not checked: {what}")]
    Elsewhere {
        /// Its id or address.
        path: Arc<str>,
        /// What it is, and where it is named.
        what: String,
        /// What to do; a finding says it beside the message.
        remedy: String,
    },
    /// What another process says of an input that it read, or that ended it.
    #[error("{message}")]
    Told {
        /// The input as the user named it.
        path: Arc<str>,
        /// What is wrong, the input named.
        message: String,
        /// What to do, where the message does not say it.
        remedy: Option<String>,
    },
    /// The receiver of the batches asked for an end.
    #[error("{path}: reading was stopped before the end")]
    Stopped {
        /// The input as the user named it.
        path: Arc<str>,
    },
}

impl ReadError {
    /// The input this is about, as the user named it.
    pub fn path(&self) -> &Arc<str> {
        match self {
            Self::Io { path, .. }
            | Self::NotFound { path }
            | Self::Empty { path, .. }
            | Self::Truncated { path, .. }
            | Self::Corrupt { path, .. }
            | Self::Unsupported { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Changed { path, .. }
            | Self::NoSuchColumn { path, .. }
            | Self::Elsewhere { path, .. }
            | Self::Told { path, .. }
            | Self::Stopped { path } => path,
        }
    }

    /// What to do about it, where the message leaves that to a finding beside it.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Elsewhere { remedy, .. } => Some(remedy),
            Self::Told { remedy, .. } => remedy.as_deref(),
            Self::Io { .. }
            | Self::NotFound { .. }
            | Self::Empty { .. }
            | Self::Truncated { .. }
            | Self::Corrupt { .. }
            | Self::Unsupported { .. }
            | Self::TooLarge { .. }
            | Self::Changed { .. }
            | Self::NoSuchColumn { .. }
            | Self::Stopped { .. } => None,
        }
    }
}

/// Asks the reader to end: returned by the receiver of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;
