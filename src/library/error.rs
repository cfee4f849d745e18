//! Why no gate could be opened.

use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::snapshot::OpenError;

/// Nothing can be checked: the program must stop here, as `herdbook check` does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The index is missing, damaged, or behind its log; or its keys are.
    #[error(transparent)]
    Index(#[from] OpenError),
    /// The snapshot holds no source, or is older than the policy allows.
    #[error("{0}")]
    Unfit(String),
    /// A file or an option is wrong: config, policy, target, catalog, profile, date.
    #[error("{0}")]
    Usage(String),
    /// What the decision rests on could not be read or trusted: approvals, the target's folder.
    #[error("{0}")]
    Undecided(String),
}

impl GateError {
    /// The exit code that `herdbook check` ends with for the same reason: 2 for what the caller
    /// can correct, 3 for what is undecided.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => Exit::Usage.code(),
            Self::Index(_) | Self::Unfit(_) | Self::Undecided(_) => Exit::Undecided.code(),
        }
    }
}

impl From<Failure> for GateError {
    fn from(failure: Failure) -> Self {
        let said = format!("{:#}", failure.error);
        match failure.exit {
            Exit::Usage => Self::Usage(said),
            Exit::Pass | Exit::Block | Exit::Undecided => Self::Undecided(said),
        }
    }
}
