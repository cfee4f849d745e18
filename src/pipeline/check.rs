//! `check`: the inputs of a run against a sealed snapshot, decided for one target.
//!
//! The flow is read → normalise → fingerprint → filter → look up → score → resolve → decide, and
//! everything after the scan happens in row order on one thread, so that the outcome is the same
//! for any number of workers. A row that cannot be read, an index that does not answer, a file that
//! ends early: each is `undecided`, with its place; none of them is a pass.

mod account;
mod ancestry;
mod decider;
mod duties;
mod findings;
mod one;
#[cfg(test)]
mod tests;

use crate::catalog::Catalog;
use crate::fingerprint::Recipe;
use crate::governance::Approvals;
use crate::model::CheckOutcome;
use crate::model::FolderFacts;
use crate::model::StoredDuty;
use crate::model::target::Target;
use crate::policy::Policy;
use crate::policy::Position;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;

use super::scan::Scanned;
use super::scan::Scanner;
use super::scan::SnapshotFacts;
use super::scan::SplitJob;
use super::split::Sides;
use super::split::SplitCount;
use super::split::SplitError;
use super::split::SplitFolders;
use account::FileAccount;
pub use ancestry::Ancestry;
use decider::Decider;
use duties::Arising;
pub use duties::DutyBook;
pub use duties::missing_duties;
use findings::Findings;
pub use one::OneByOne;
pub use one::lineage;
pub use one::unfit;

/// Why an index without sources answers nothing.
const NO_SOURCE: &str = "the index holds no source, so there is nothing to compare with: \
                         `herdbook register PATH…` adds one";

/// Why an index of an earlier version answers nothing.
const NO_CANARY: &str = "the index holds no canary, the text by which a check shows that it finds \
                         what is there: `herdbook snapshot seal` plants one";

/// What judges a match: known before anything is opened.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// License and model facts.
    pub catalog: &'a Catalog,
    /// The organisation's policy.
    pub policy: &'a Policy,
    /// Its readings, and the facts about itself.
    pub position: &'a Position,
    /// The model that the run would improve.
    pub target: &'a Target,
    /// What was approved: sign-offs, waivers and baselines.
    pub approvals: &'a Approvals,
    /// What earlier checks stored for the target.
    pub duties: &'a DutyBook,
    /// The date used for expiries, `YYYY-MM-DD`.
    pub as_of: &'a str,
}

/// What a check is made against: all of it fixed before the first byte is read.
pub struct CheckContext<'a> {
    /// What the sealed snapshot says of itself.
    pub snapshot: &'a SnapshotFacts,
    /// Recipe of this program, equal to the snapshot's.
    pub recipe: &'a Recipe,
    /// What judges a match.
    pub judged: &'a Judged<'a>,
    /// The models behind those that sources and target name.
    pub ancestry: &'a Ancestry,
    /// What the target's folder holds, if one was named.
    pub folder: Option<FolderFacts>,
}

/// How to read and what to write.
pub struct CheckOptions {
    /// Column selection and format.
    pub read: ReadOptions,
    /// Where the split goes, if one was asked for.
    pub split: Option<SplitFolders>,
}

/// A finished check.
#[derive(Debug)]
pub struct CheckRun {
    /// Everything it has to say.
    pub outcome: CheckOutcome,
    /// Duties to be added to those stored for the target; the outcome lists them already.
    pub to_store: Vec<StoredDuty>,
    /// Rows on each side of each input, when a split was asked for.
    pub split: Vec<SplitCount>,
    /// Columns that the caller exempted and no input has.
    pub exempt_unused: Vec<String>,
}

/// Checks `inputs`, which `scanner` scans. Fails only when a split cannot be written; whatever is
/// wrong with the inputs or the index is in the outcome, as `undecided`.
pub fn check(
    context: &CheckContext<'_>,
    scanner: &mut dyn Scanner,
    inputs: &[Result<InputPath, ReadError>],
    options: &CheckOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<CheckRun, SplitError> {
    if context.snapshot.info.sources == 0 {
        return Ok(CheckRun {
            outcome: unavailable(context.judged, NO_SOURCE),
            to_store: Vec::new(),
            split: Vec::new(),
            exempt_unused: Vec::new(),
        });
    }
    if !context.snapshot.has_canary() {
        return Ok(CheckRun {
            outcome: unavailable(context.judged, NO_CANARY),
            to_store: Vec::new(),
            split: Vec::new(),
            exempt_unused: Vec::new(),
        });
    }
    let judged = context.judged;
    let lineage = decider::lineage(judged, context.ancestry, context.folder.clone());
    let mut decider = Decider::new(context.snapshot, context.ancestry, *judged, &lineage);
    let arising = Arising::new(judged.position.readings, judged.duties.let_through);
    let mut findings = Findings::new(judged.policy, arising);
    findings.stale_snapshot(context);
    findings.unknown_lineage(context.ancestry);
    let mut infos = Vec::new();
    let mut split = Vec::new();
    let mut exempt_unused = options.read.exempt_columns.clone();
    for input in inputs {
        let input = match input {
            Ok(input) => input,
            Err(error) => {
                infos.push(account::unreadable(error, &mut findings));
                continue;
            }
        };
        let sides = match &options.split {
            Some(folders) => Some(Sides::new(folders, &input.name)?),
            None => None,
        };
        let expected = if context.judged.approvals.has_baseline(context.judged.as_of) {
            scanner.content(input)
        } else {
            None
        };
        decider.begin_file(expected.as_deref());
        let mut file = FileAccount::new(&input.name, &mut decider, &mut findings, sides);
        let scan = scanner.scan(input, &options.read, progress, &mut |scanned: Scanned| {
            file.take(&scanned);
        });
        let read = &scan.read;
        exempt_unused.retain(|column| read.exempt_unused.contains(column));
        let (info, sides) = file.close(&scan, expected.as_deref());
        if let Some(sides) = sides {
            let complete = if scan.failed.is_none() {
                read.sha256.as_deref()
            } else {
                None
            };
            let mut divide = |job: &SplitJob<'_>| scanner.split(input, &options.read, job);
            split.push(sides.write(input, complete, &mut divide)?);
        }
        infos.push(info);
    }
    decider.run_level(&mut findings);
    let (mut outcome, arising) = findings.into_outcome(context, infos);
    let divided = options.split.is_some();
    let to_store = duties::settle(context, decider.ground(), arising, &mut outcome, divided);
    Ok(CheckRun {
        outcome,
        to_store,
        split,
        exempt_unused,
    })
}

/// The outcome when the approvals cannot be trusted: undecided, and no input was read.
pub fn approvals_unreadable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    findings::approvals_unreadable(judged, why)
}

/// The outcome when the duties stored for the target are not known: undecided, and no input was
/// read.
pub fn duties_unreadable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    findings::duties_unreadable(judged, why)
}

/// What becomes of an outcome whose duties could not be stored: never a pass.
pub fn duties_not_stored(outcome: &mut CheckOutcome, why: &str) {
    findings::duties_not_stored(outcome, why);
}

/// Makes a check undecided that could not be entered into the audit log.
pub fn not_logged(outcome: &mut CheckOutcome, why: &str, how_to_fix: &str) {
    findings::not_logged(outcome, why, how_to_fix);
}

/// Makes a check undecided whose sketches were to be kept, and could not be.
pub fn sketches_not_kept(outcome: &mut CheckOutcome, why: &str) {
    findings::sketches_not_kept(outcome, why);
}

/// The outcome when there is no snapshot to ask: undecided, and no input was read.
pub fn unavailable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    findings::unavailable(judged, why)
}
