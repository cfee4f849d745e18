//! How an answer about a model id came about, for a person who asks why.

use crate::model::Basis;
use crate::model::Resolution;

/// A resolution with the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub resolution: Resolution,
    /// Where the entry that answered is known from; `None` where no entry did.
    pub basis: Option<Basis>,
    /// What was asked, in order, up to the rule that answered.
    pub steps: Vec<Step>,
}

/// One question to one list, about one segment of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The segment, lower case.
    pub segment: String,
    /// Which list.
    pub asked: Asked,
    /// Keys of the entries that were compared, in order; the last one is the one that fired.
    pub looked_at: Vec<String>,
    /// The key or rule that fired.
    pub fired: Option<String>,
}

/// The lists, in the order they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The organisation's own entries.
    Own,
    /// Models listed by hand.
    Listed,
    /// The naming rule for Llama versions.
    Naming,
    /// Models that are not Llama.
    Other,
}

impl Asked {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Listed => "listed",
            Self::Naming => "naming-rule",
            Self::Other => "other",
        }
    }

    /// The words used in sentences.
    pub fn label(self) -> &'static str {
        match self {
            Self::Own => "own entries",
            Self::Listed => "listed models",
            Self::Naming => "naming rule",
            Self::Other => "models that are not Llama",
        }
    }
}
