//! What a recheck says, as `--json` prints it.

use serde::Serialize;

use crate::model;
use crate::report::wire;

/// Version of the form of the JSON. Raised when a key disappears or changes its meaning.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Past checks, decided again.
#[derive(Debug, Serialize)]
pub(super) struct Rechecked {
    pub(super) schema_version: u32,
    /// The date that expiries were compared with.
    pub(super) as_of: String,
    pub(super) policy: wire::Policy,
    pub(super) index: wire::Index,
    /// The checks, newest first.
    pub(super) checks: Vec<Again>,
    /// Checks that a later one of the same inputs for the same target stands for.
    pub(super) superseded: u64,
    /// Checks that read no index: nothing was decided by them.
    pub(super) read_no_index: u64,
}

/// One check, decided again.
#[derive(Debug, Serialize)]
pub(super) struct Again {
    /// Number of its log entry.
    pub(super) check: u64,
    /// When it was made.
    pub(super) time: String,
    /// The model that the run would improve; null where that is not known.
    pub(super) target: Option<String>,
    pub(super) inputs: Vec<Input>,
    /// What it is decided again by.
    pub(super) by: By,
    pub(super) change: Change,
    pub(super) then: Then,
    pub(super) now: Now,
    /// Why it cannot be decided again, or not whole.
    pub(super) undecided: Vec<String>,
    /// Sources that are found now and were not, or the other way, or are decided otherwise.
    pub(super) sources: Vec<Source>,
    /// Sources that were registered since, and that the inputs were not compared with.
    pub(super) not_looked_for: Vec<String>,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
    /// Runs that the inputs went into, whatever lies between.
    pub(super) runs: Vec<Run>,
    /// Deployments of what these runs made.
    pub(super) deployments: Vec<String>,
    /// The verdict as a check would report it now; null without kept sketches.
    pub(super) verdict: Option<wire::VerdictDocument>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum By {
    /// The sketches of its inputs: everything.
    Sketches,
    /// What its verdict lists.
    Verdict,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// It would be blocked now.
    Blocked,
    /// It cannot be decided now.
    Undecided,
    /// It would pass with flags.
    Flagged,
    /// It would be decided more mildly.
    Milder,
    /// The same verdict, with other rows or sources.
    Otherwise,
    /// Nothing changed.
    Same,
}

#[derive(Debug, Serialize)]
pub(super) struct Input {
    pub(super) path: String,
    pub(super) sha256: Option<String>,
    pub(super) rows: u64,
}

/// The check as it was.
#[derive(Debug, Serialize)]
pub(super) struct Then {
    pub(super) verdict: wire::Verdict,
    pub(super) snapshot: Option<u64>,
    pub(super) policy: String,
    pub(super) as_of: String,
    pub(super) tally: wire::Tally,
    /// Null where its verdict was not kept.
    pub(super) findings_total: Option<u64>,
}

/// The check as it would be.
#[derive(Debug, Serialize)]
pub(super) struct Now {
    pub(super) verdict: wire::Verdict,
    /// Null where rows cannot be decided again.
    pub(super) tally: Option<wire::Tally>,
    pub(super) findings_total: Option<u64>,
}

/// A source that is found otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Source {
    #[serde(rename = "source")]
    pub(super) name: String,
    /// Models that it claims.
    pub(super) models: Vec<String>,
    pub(super) withdrawn_at: Option<String>,
    pub(super) then: Option<Rows>,
    pub(super) now: Option<Rows>,
}

/// Rows of the inputs that hold text of a source, and the strictest level among them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Rows {
    pub(super) rows: u64,
    pub(super) level: wire::Level,
}

/// A run that read the inputs, or something made from them.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    #[serde(rename = "run")]
    pub(super) name: String,
    pub(super) state: Option<String>,
    /// What it produced.
    pub(super) models: Vec<String>,
}

/// What became of a check, by its verdicts; `decided` is false where it is not known whole.
pub(super) fn change(
    then: model::Verdict,
    now: model::Verdict,
    decided: bool,
    otherwise: bool,
) -> Change {
    use model::Verdict::Block;
    use model::Verdict::Flag;
    use model::Verdict::Pass;
    use model::Verdict::Undecided;
    match (then, now) {
        (Pass | Flag | Undecided, Block) => Change::Blocked,
        _ if !decided => Change::Undecided,
        (Pass | Flag, Undecided) => Change::Undecided,
        (Pass, Flag) => Change::Flagged,
        (Flag | Undecided | Block, Pass) | (Undecided | Block, Flag) | (Block, Undecided) => {
            Change::Milder
        }
        (Pass, Pass) | (Flag, Flag) | (Undecided, Undecided) | (Block, Block) if otherwise => {
            Change::Otherwise
        }
        (Pass, Pass) | (Flag, Flag) | (Undecided, Undecided) | (Block, Block) => Change::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Verdict::Block;
    use model::Verdict::Flag;
    use model::Verdict::Pass;
    use model::Verdict::Undecided;

    #[test]
    fn every_pair_of_verdicts() {
        use Change as C;
        let all = [Pass, Flag, Undecided, Block];
        let table = all.map(|then| all.map(|now| change(then, now, true, false)));
        assert_eq!(
            table,
            [
                [C::Same, C::Flagged, C::Undecided, C::Blocked],
                [C::Milder, C::Same, C::Undecided, C::Blocked],
                [C::Milder, C::Milder, C::Same, C::Blocked],
                [C::Milder, C::Milder, C::Milder, C::Same],
            ]
        );
        for (then, now) in all.iter().flat_map(|then| all.map(|now| (*then, now))) {
            let undecided = change(then, now, false, true);
            // What is not known whole is never said to stay as it is.
            let blocked = now == Block && then != Block;
            assert_eq!(undecided == Change::Blocked, blocked);
            assert!(blocked || undecided == Change::Undecided);
        }
        assert_eq!(change(Flag, Flag, true, true), Change::Otherwise);
    }
}
