//! The proof that a check read everything it was given: the only way to a statement that may be
//! accepted.

use crate::model::Canaries;
use crate::model::CheckOutcome;
use crate::model::ColumnUse;
use crate::model::InputInfo;
use crate::model::Level;
use crate::model::Tally;
use crate::model::Verdict;

use super::predicate::LogPosition;
use super::predicate::Tool;

/// What a statement says beside the outcome of the check.
#[derive(Debug, Clone)]
pub struct CheckFacts {
    /// Digest of the target, see [`super::target_digest`].
    pub target_sha256: String,
    /// The text of the policy in effect.
    pub policy_text: PolicyText,
    /// Whether the policy lets inputs without rows or text through.
    pub allow_empty: bool,
    /// Values of `--text-column`.
    pub text_columns: Vec<String>,
    /// Values of `--exempt-column`.
    pub exempt_columns: Vec<String>,
    /// The entry of the audit log that records the check; `None` where none was written.
    pub log: Option<LogPosition>,
    /// The program that ran.
    pub tool: Tool,
    /// When the check began, RFC 3339, UTC.
    pub started: String,
    /// When it ended, RFC 3339, UTC.
    pub finished: String,
    /// Last day on which the statement may be relied on, see [`super::expiry`].
    pub expires: String,
    /// What went wrong after the scan, for example a report that could not be written.
    pub trouble: Vec<String>,
}

/// Where the policy in effect stands written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyText {
    /// Nowhere: it is the built-in one.
    BuiltIn,
    /// In a file with these bytes' SHA-256.
    File(String),
}

/// A check whose every counter agrees: made by [`CompleteScan::prove`] and by nothing else.
#[derive(Debug, Clone, Copy)]
pub struct CompleteScan<'a> {
    outcome: &'a CheckOutcome,
    facts: &'a CheckFacts,
}

/// A reason why a check is not complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gap {
    /// The check itself did not let the inputs through.
    #[error("the verdict of the check is {0}")]
    Verdict(Verdict),
    /// No snapshot answered, or one that holds nothing.
    #[error("no snapshot with sources answered")]
    Snapshot,
    /// There was nothing to check.
    #[error("no input was read")]
    NoInput,
    /// A file was not read to its end, changed, or was not hashed.
    #[error("{0} was not read and hashed from beginning to end")]
    Unread(String),
    /// A file without rows or text, where the policy does not expect one.
    #[error("{0} holds no rows with text, and the policy does not let such inputs through")]
    Empty(String),
    /// Two counts that must be equal are not.
    #[error("{place}: {what} are {left}, but {other} are {right}")]
    Count {
        /// The file, or the whole check.
        place: String,
        /// What was counted.
        what: &'static str,
        /// Its count.
        left: u64,
        /// What it must equal.
        other: &'static str,
        /// That count.
        right: u64,
    },
    /// A column whose text nobody read and nobody exempted.
    #[error("column {column} of {path} is {used}, neither scanned nor exempted for a reason")]
    Column {
        /// The file.
        path: String,
        /// The column.
        column: String,
        /// How it was treated.
        used: &'static str,
    },
    /// Planted texts were not all found, or none was planted.
    #[error("{found} of {planted} canaries planted in {path} were found")]
    Canaries {
        /// The file.
        path: String,
        /// Planted.
        planted: u64,
        /// Found.
        found: u64,
    },
    /// Something failed after the scan.
    #[error("{0}")]
    Trouble(String),
}

impl<'a> CompleteScan<'a> {
    /// Proves that a check is complete.
    ///
    /// # Errors
    /// Every gap there is.
    pub fn prove(outcome: &'a CheckOutcome, facts: &'a CheckFacts) -> Result<Self, Vec<Gap>> {
        let mut gaps = Vec::new();
        match outcome.verdict {
            Verdict::Pass | Verdict::Flag => {}
            refused @ (Verdict::Undecided | Verdict::Block) => gaps.push(Gap::Verdict(refused)),
        }
        if outcome
            .index
            .as_ref()
            .is_none_or(|index| index.sources == 0 || index.digest.is_empty())
        {
            gaps.push(Gap::Snapshot);
        }
        if outcome.inputs.is_empty() {
            gaps.push(Gap::NoInput);
        }
        let mut sum = Tally::default();
        for input in &outcome.inputs {
            sum.add(input.tally);
            file(input, facts, &mut gaps);
        }
        counts("the check", sum, outcome.tally, &mut gaps);
        findings(outcome, &mut gaps);
        gaps.extend(facts.trouble.iter().cloned().map(Gap::Trouble));
        if gaps.is_empty() {
            Ok(Self { outcome, facts })
        } else {
            Err(gaps)
        }
    }

    pub(super) fn outcome(&self) -> &'a CheckOutcome {
        self.outcome
    }

    pub(super) fn facts(&self) -> &'a CheckFacts {
        self.facts
    }
}

fn file(input: &InputInfo, facts: &CheckFacts, gaps: &mut Vec<Gap>) {
    let path = || input.path.to_string();
    if input.sha256.is_none() || input.format.is_none() {
        gaps.push(Gap::Unread(path()));
    }
    let tally = input.tally;
    if (tally.read == 0 || input.text_units == 0) && !facts.allow_empty {
        gaps.push(Gap::Empty(path()));
    }
    let mut equal = |what, left, other, right| {
        if left != right {
            gaps.push(Gap::Count {
                place: path(),
                what,
                left,
                other,
                right,
            });
        }
    };
    let decided = tally
        .pass
        .checked_add(tally.flag)
        .and_then(|sum| sum.checked_add(tally.block))
        .and_then(|sum| sum.checked_add(tally.undecided))
        .unwrap_or(u64::MAX);
    equal("rows counted", tally.read, "rows decided", decided);
    equal("rows read", input.rows_read, "rows counted", tally.read);
    if let Some(declared) = input.rows_declared {
        let what = "rows in the file's own footer";
        equal(what, declared, "rows counted", tally.read);
    } else if input.format.as_deref() == Some("parquet") {
        gaps.push(Gap::Unread(path()));
    }
    let Canaries { planted, found } = input.canaries;
    if found != planted || (planted == 0 && tally.read > 0) {
        gaps.push(Gap::Canaries {
            path: path(),
            planted,
            found,
        });
    }
    for (column, used, leaves) in &input.columns {
        let covered = match used {
            ColumnUse::Scanned | ColumnUse::NotText => true,
            ColumnUse::Exempt => !facts.exempt_columns.is_empty() || !facts.text_columns.is_empty(),
            ColumnUse::Tokens | ColumnUse::Binary => *leaves == 0,
        };
        if !covered {
            gaps.push(Gap::Column {
                path: path(),
                column: column.to_string(),
                used: used.as_str(),
            });
        }
    }
}

/// Two tallies that must be the same.
fn counts(place: &str, left: Tally, right: Tally, gaps: &mut Vec<Gap>) {
    for (what, left, right) in [
        ("rows of all files", left.read, right.read),
        ("passed rows of all files", left.pass, right.pass),
        ("flagged rows of all files", left.flag, right.flag),
        ("blocked rows of all files", left.block, right.block),
        (
            "undecided rows of all files",
            left.undecided,
            right.undecided,
        ),
    ] {
        if left != right {
            gaps.push(Gap::Count {
                place: place.to_owned(),
                what,
                left,
                other: "those of the check",
                right,
            });
        }
    }
}

/// No row and no finding may be stricter than the verdict.
fn findings(outcome: &CheckOutcome, gaps: &mut Vec<Gap>) {
    let total: u64 = outcome.counts.levels.values().sum();
    let mut zero = |what, left, other, right| {
        if left != right {
            gaps.push(Gap::Count {
                place: "the check".to_owned(),
                what,
                left,
                other,
                right,
            });
        }
    };
    let counts = &outcome.counts;
    zero(
        "findings",
        total,
        "findings counted",
        outcome.findings_total,
    );
    if outcome.verdict >= Verdict::Undecided {
        // The verdict says so itself, and is a gap of its own.
        return;
    }
    zero("blocks", counts.of(Level::Block), "those allowed", 0);
    let undecided = counts.of(Level::Undecided);
    zero("undecided findings", undecided, "those allowed", 0);
    zero("blocked rows", outcome.tally.block, "those allowed", 0);
    zero(
        "undecided rows",
        outcome.tally.undecided,
        "those allowed",
        0,
    );
    if outcome.verdict == Verdict::Pass {
        zero("flags", counts.of(Level::Flag), "those of a pass", 0);
        zero("flagged rows", outcome.tally.flag, "those of a pass", 0);
    }
}
