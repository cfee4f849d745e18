//! The four answers of the gate.

use std::fmt;

/// What the gate says about a row, a file or a run.
///
/// Ordered from mildest to strictest as exit codes see it: a block outranks undecided, both
/// outrank a flag, and `undecided` is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No match at or above the policy's thresholds, everything was read.
    Pass,
    /// Matches that the policy lets through but wants seen.
    Flag,
    /// Something could not be read, looked up or proven.
    Undecided,
    /// The policy stops this run.
    Block,
}

/// The level of one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For information; does not change the verdict.
    Note,
    /// Raises the verdict to at least `flag`.
    Flag,
    /// Raises the verdict to at least `undecided`.
    Undecided,
    /// Raises the verdict to `block`.
    Block,
}

impl Level {
    /// The verdict a finding of this level demands.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Note => Verdict::Pass,
            Self::Flag => Verdict::Flag,
            Self::Undecided => Verdict::Undecided,
            Self::Block => Verdict::Block,
        }
    }

    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Flag => "flag",
            Self::Undecided => "undecided",
            Self::Block => "block",
        }
    }
}

impl Verdict {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Flag => "flag",
            Self::Undecided => "undecided",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
