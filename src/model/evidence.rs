//! What was found in common between a unit and one registered text.

use serde::Deserialize;
use serde::Serialize;

/// How a unit and a registered output relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Enough rare grams shared, edited between.
    Near,
    /// A registered output or a long part of one stands in the unit, or the unit stands in it.
    Contained,
    /// The unit is a registered output, letter for letter in normal form.
    Exact,
}

impl Tier {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Contained => "contained",
            Self::Exact => "exact",
        }
    }
}

/// What had to be undone before the match showed (an attempt to hide it, or an accident).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// Zero-width or other default-ignorable characters were removed between letters.
    pub invisible: bool,
    /// Bidirectional control characters were removed.
    pub bidi: bool,
    /// The match showed only after look-alike letters were folded.
    pub look_alike: bool,
}

impl Integrity {
    /// Whether anything had to be undone.
    pub fn any(self) -> bool {
        self.invisible || self.bidi || self.look_alike
    }
}

/// The measured relation between one unit and one registered text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Kind of relation.
    pub tier: Tier,
    /// Share of the unit's words that align with the registered text, 0 to 1.
    pub share_of_row: f64,
    /// Share of the registered output's own words (prompt words left out) that stand in the
    /// unit, 0 to 1.
    pub share_of_output: f64,
    /// Longest run of aligned text, in bytes of the normal form.
    pub longest_run_bytes: u64,
    /// The number that the policy's thresholds are compared with; defined and measured in
    /// `docs/fingerprint.md`.
    pub strength: f64,
    /// What had to be undone.
    pub integrity: Integrity,
}
