//! Exit codes: 0 pass, 1 blocked, 2 bad usage, 3 undecided.
//!
//! There is no option that turns an error into a pass.

use std::process::ExitCode;

use crate::model::Verdict;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: pass, flags printed; or the command did what it was asked to.
    Pass,
    /// 1: blocked.
    Block,
    /// 2: bad command line, config, policy or target, or a clash of names.
    Usage,
    /// 3: something could not be read, looked up or proven.
    Undecided,
}

impl Exit {
    /// The code of a check. `fail_on_flag` makes a flag a 1.
    pub fn of(verdict: Verdict, fail_on_flag: bool) -> Self {
        match verdict {
            Verdict::Flag if fail_on_flag => Self::Block,
            Verdict::Pass | Verdict::Flag => Self::Pass,
            Verdict::Undecided => Self::Undecided,
            Verdict::Block => Self::Block,
        }
    }

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Block => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
        }
    }

    /// This exit after something else could not be done: a block stays a block, bad usage stays
    /// bad usage, all else is undecided.
    #[must_use]
    pub fn or_undecided(self) -> Self {
        match self {
            Self::Block | Self::Usage => self,
            Self::Pass | Self::Undecided => Self::Undecided,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not finish, with the exit code that this kind of failure has.
///
/// There is deliberately no conversion from a plain error: whoever reports a failure says which of
/// the two codes it is ([`OrExit`]).
#[derive(Debug)]
pub struct Failure {
    /// `Block`, `Usage` or `Undecided`.
    pub exit: Exit,
    /// What, where, and what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// The user's words are at fault: exit 2.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// Everything was read, and the answer is no: exit 1.
    pub fn blocked(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Block,
            error: error.into(),
        }
    }

    /// The state of things is at fault: exit 3.
    pub fn undecided(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Undecided,
            error: error.into(),
        }
    }
}

/// Turns a result's error into a [`Failure`].
pub trait OrExit<T> {
    /// The user's words are at fault: exit 2.
    fn or_usage(self) -> Result<T, Failure>;
    /// The state of things is at fault: exit 3.
    fn or_undecided(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(Failure::usage)
    }

    fn or_undecided(self) -> Result<T, Failure> {
        self.map_err(Failure::undecided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        for (verdict, code, with_fail_on_flag) in [
            (Verdict::Pass, 0, 0),
            (Verdict::Flag, 0, 1),
            (Verdict::Block, 1, 1),
            (Verdict::Undecided, 3, 3),
        ] {
            assert_eq!(Exit::of(verdict, false).code(), code);
            assert_eq!(Exit::of(verdict, true).code(), with_fail_on_flag);
        }
        assert_eq!(Exit::Usage.code(), 2);
    }

    #[test]
    fn trouble_never_opens_the_gate_and_never_hides_a_block() {
        assert_eq!(Exit::Pass.or_undecided(), Exit::Undecided);
        assert_eq!(Exit::Undecided.or_undecided(), Exit::Undecided);
        assert_eq!(Exit::Block.or_undecided(), Exit::Block);
        assert_eq!(Exit::Usage.or_undecided(), Exit::Usage);
    }
}
