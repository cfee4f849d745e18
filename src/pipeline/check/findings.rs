//! Findings as they add up to an outcome.

use std::collections::BTreeMap;

use crate::model::CheckOutcome;
use crate::model::Code;
use crate::model::Decision;
use crate::model::Finding;
use crate::model::FindingCounts;
use crate::model::InputInfo;
use crate::model::Level;
use crate::model::Location;
use crate::model::ModelCount;
use crate::model::Obligation;
use crate::model::StandingDuty;
use crate::model::Tally;
use crate::model::Verdict;
use crate::policy::Policy;
use crate::policy::codes;

use super::super::scan::SnapshotFacts;
use super::CheckContext;
use super::Judged;
use super::ancestry::Ancestry;
use super::duties::Arising;

/// Collects findings: all are counted, the first `findings_max` of the policy are kept.
pub(crate) struct Findings {
    max: usize,
    /// Findings on the run as a whole; they stand first and are always listed.
    run: Vec<Finding>,
    kept: Vec<Finding>,
    levels: Levels,
    total: u64,
    counts: FindingCounts,
    verdict: Verdict,
    models: BTreeMap<(String, Option<String>), u64>,
    obligations: BTreeMap<String, Obligation>,
    input_empty: Level,
    text_share_min: Option<f64>,
    arising: Arising,
}

/// How many findings of each level are kept.
#[derive(Debug, Default)]
struct Levels(BTreeMap<Level, i64>);

impl Levels {
    fn count(&mut self, level: Level, by: i64) {
        *self.0.entry(level).or_default() += by;
    }

    fn mildest(&self) -> Option<Level> {
        self.0
            .iter()
            .find(|(_, count)| **count > 0)
            .map(|(level, _)| *level)
    }
}

impl Findings {
    pub(crate) fn new(policy: &Policy, arising: Arising) -> Self {
        Self {
            max: usize::try_from(policy.findings_max()).unwrap_or(usize::MAX),
            run: Vec::new(),
            kept: Vec::new(),
            levels: Levels::default(),
            total: 0,
            counts: FindingCounts::default(),
            verdict: Verdict::Pass,
            models: BTreeMap::new(),
            obligations: BTreeMap::new(),
            input_empty: policy.level(codes::INPUT_EMPTY),
            text_share_min: policy.text_share_min(),
            arising,
        }
    }

    /// The level of an input without text under the policy.
    pub(crate) fn input_empty(&self) -> Level {
        self.input_empty
    }

    /// The share of an input's rows that have to hold text under the policy.
    pub(crate) fn text_share_min(&self) -> Option<f64> {
        self.text_share_min
    }

    /// Adds a finding on the run as a whole.
    pub(crate) fn push_run(&mut self, finding: Finding) {
        self.count(&finding);
        self.run.push(finding);
    }

    /// The duties that come in with what is let through.
    pub(crate) fn arising(&mut self) -> &mut Arising {
        &mut self.arising
    }

    /// Adds a finding on a stored duty; one that was stored under several names of the target once.
    pub(crate) fn push_stored(&mut self, finding: Finding) {
        let known = self.run.iter().any(|known| {
            let (known, new) = (&known.decision, &finding.decision);
            known.code == new.code
                && known.license == new.license
                && known.reason == new.reason
                && known.obligations == new.obligations
        });
        if !known {
            self.push_run(finding);
        }
    }

    /// Lists a stored duty about which nothing else is to be said.
    pub(crate) fn oblige_stored(&mut self, standing: &StandingDuty) {
        let duty = &standing.stored;
        self.oblige(&[Obligation {
            id: duty.id.clone(),
            text: duty.text.clone(),
            clause: duty.clause.clone(),
            license: duty.license.clone(),
            state: standing.state,
        }]);
    }

    /// A snapshot older, or with less of a log behind it, than the policy allows: what was
    /// registered since was not compared.
    pub(crate) fn stale_snapshot(&mut self, context: &CheckContext<'_>) {
        let (snapshot, judged) = (context.snapshot, context.judged);
        let all = [
            (
                too_old(snapshot, judged),
                "register what was generated since, or run `herdbook snapshot seal` if nothing was",
            ),
            (
                log_too_short(snapshot, judged),
                "use the newest snapshot of this index, or restore the index and its log from the \
                 newest backup; log_size_min of the policy belongs to one index",
            ),
        ];
        for (reason, fix) in all {
            let Some(reason) = reason else { continue };
            let at = Location::file("(index)");
            self.push_run(trouble(codes::SNAPSHOT_STALE, at, reason, fix.to_owned()));
        }
    }

    /// Adds what the lineage graph cannot tell of the models that are claimed.
    pub(crate) fn unknown_lineage(&mut self, ancestry: &Ancestry) {
        for why in ancestry.unknown() {
            self.push_run(trouble(
                codes::LINEAGE_UNKNOWN,
                Location::file("(lineage)"),
                why.clone(),
                "restore the folder verdicts/ of the index from a backup, or check the file again \
                 that is named, then this input"
                    .to_owned(),
            ));
        }
    }

    /// Adds findings on a file or its rows.
    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.push(finding);
        }
    }

    /// Adds a finding on a file or row. Beyond the limit a stricter one takes the place of the last
    /// of the mildest kept, so that what decides the verdict is always listed.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.count(&finding);
        self.arising.of_row(&finding);
        if self.kept.len() < self.max {
            self.levels.count(finding.level, 1);
            self.kept.push(finding);
            return;
        }
        let Some(mildest) = self.levels.mildest().filter(|level| *level < finding.level) else {
            return;
        };
        if let Some(at) = self.kept.iter().rposition(|kept| kept.level == mildest) {
            self.kept.remove(at);
            self.levels.count(mildest, -1);
            self.levels.count(finding.level, 1);
            self.kept.push(finding);
        }
    }

    /// Counts a finding; the verdict never gets milder.
    fn count(&mut self, finding: &Finding) {
        self.total += 1;
        self.counts.count(finding);
        self.verdict = self.verdict.max(finding.level.verdict());
        if let Some(claim) = finding.claims.first() {
            let model = claim
                .model
                .clone()
                .unwrap_or_else(|| "(no model claimed)".to_owned());
            let license = claim.decision.license.clone();
            *self.models.entry((model, license)).or_default() += 1;
        }
        for claim in &finding.claims {
            self.oblige(&claim.decision.obligations);
        }
        self.oblige(&finding.decision.obligations);
    }

    /// Adds duties of the target; of one duty met in several places the worst state stands.
    pub(crate) fn oblige(&mut self, obligations: &[Obligation]) {
        for new in obligations {
            match self.obligations.get_mut(&new.id) {
                Some(known) if known.state < new.state => *known = new.clone(),
                Some(_) => {}
                None => {
                    self.obligations.insert(new.id.clone(), new.clone());
                }
            }
        }
    }

    /// Everything the check has to say.
    pub(crate) fn into_outcome(
        self,
        context: &CheckContext<'_>,
        inputs: Vec<InputInfo>,
    ) -> (CheckOutcome, Arising) {
        let mut tally = Tally::default();
        for input in &inputs {
            tally.add(input.tally);
        }
        let mut verdict = self.verdict;
        // A pass is a positive statement: only from counters that agree, over at least one input.
        if !tally.agrees() || inputs.is_empty() {
            verdict = verdict.max(Verdict::Undecided);
        }
        let mut models: Vec<ModelCount> = self
            .models
            .into_iter()
            .map(|((model, license), records)| ModelCount {
                model,
                license,
                records,
            })
            .collect();
        models.sort_by(|a, b| {
            b.records
                .cmp(&a.records)
                .then_with(|| a.model.cmp(&b.model))
        });
        let mut findings = self.run;
        findings.extend(self.kept);
        let unlisted = self.total - findings.len() as u64;
        let outcome = CheckOutcome {
            verdict,
            target: context.judged.target.clone(),
            policy_digest: context.judged.policy.digest(),
            policy_name: context.judged.policy.name().to_owned(),
            index: Some(context.snapshot.info.clone()),
            limits: limits(context, &inputs, unlisted),
            inputs,
            tally,
            findings,
            findings_total: self.total,
            counts: self.counts,
            models,
            obligations: self.obligations.into_values().collect(),
            stored_duties: context.judged.duties.unread(),
            as_of: context.judged.as_of.to_owned(),
        };
        (outcome, self.arising)
    }
}

/// Why the policy does not allow a snapshot of that age or log; `None` when it does.
pub(crate) fn stale(snapshot: &SnapshotFacts, judged: &Judged<'_>) -> Option<String> {
    too_old(snapshot, judged).or_else(|| log_too_short(snapshot, judged))
}

/// Why the log that a snapshot stands on is shorter than the policy asks for.
fn log_too_short(snapshot: &SnapshotFacts, judged: &Judged<'_>) -> Option<String> {
    let min = judged.policy.log_size_min()?;
    let stood = match snapshot.log_size {
        Some(size) if size >= min => return None,
        Some(size) => format!("the audit log had {size} of the {min} entries"),
        None => format!("there was no signed audit log with the {min} entries"),
    };
    Some(format!(
        "when the snapshot was sealed {stood} that the policy asks for: what was registered since \
         was not compared"
    ))
}

/// Why a snapshot is older than the policy allows; `None` when it is not.
fn too_old(snapshot: &SnapshotFacts, judged: &Judged<'_>) -> Option<String> {
    let max = judged.policy.snapshot_max_age_days()?;
    let time = &snapshot.sealed_at;
    let age = days_between(time, judged.as_of);
    if age.is_some_and(|days| days <= i64::from(max)) {
        return None;
    }
    Some(format!(
        "the snapshot was sealed at {time}, and the policy allows {max} days: what was registered \
         since was not compared"
    ))
}

/// Whole days from an RFC 3339 time to a day; `None` when one of them is not what it should be.
fn days_between(time: &str, day: &str) -> Option<i64> {
    let parsed = |text: &str| text.parse::<jiff::civil::Date>();
    match (parsed(time.get(..10)?), parsed(day)) {
        (Ok(from), Ok(to)) => Some(from.duration_until(to).as_hours() / 24),
        (Err(_), _) | (_, Err(_)) => None,
    }
}

/// The outcome of a check that had nothing to ask.
pub(crate) fn unavailable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    let finding = trouble(
        codes::INDEX_UNAVAILABLE,
        Location::file("(index)"),
        why.to_owned(),
        "repair or name the index as the message says, then check again".to_owned(),
    );
    let limit = "No input was read: there was nothing to compare it with.";
    unread(judged, finding, limit)
}

/// The outcome of a check whose approvals cannot be trusted.
pub(crate) fn approvals_unreadable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    let finding = trouble(
        codes::APPROVALS_UNREADABLE,
        Location::file("(approvals)"),
        why.to_owned(),
        "repair the file as the message says, then check again".to_owned(),
    );
    let limit = "No input was read: what was approved is not known.";
    unread(judged, finding, limit)
}

/// The outcome of a check that does not know which duties were stored.
pub(crate) fn duties_unreadable(judged: &Judged<'_>, why: &str) -> CheckOutcome {
    let finding = trouble(
        codes::DUTIES_UNREADABLE,
        Location::file("(duties)"),
        why.to_owned(),
        "repair the file, or restore it from version control, then check again".to_owned(),
    );
    let limit = "No input was read: which duties were stored for the target is not known.";
    unread(judged, finding, limit)
}

/// Adds that the duties could not be stored.
pub(crate) fn duties_not_stored(outcome: &mut CheckOutcome, why: &str) {
    let finding = trouble(
        codes::DUTIES_NOT_STORED,
        Location::file("(duties)"),
        why.to_owned(),
        "make the file writable, name another one with `--duties FILE`, or have the duties kept \
         elsewhere and check with `--no-record-duties`"
            .to_owned(),
    );
    outcome.verdict = outcome.verdict.max(finding.level.verdict());
    outcome.counts.count(&finding);
    outcome.findings.insert(0, finding);
    outcome.findings_total += 1;
}

/// Adds that the check stands in no log: what nobody can find again is no pass.
pub(crate) fn not_logged(outcome: &mut CheckOutcome, why: &str, how_to_fix: &str) {
    let finding = trouble(
        codes::CHECK_NOT_LOGGED,
        Location::file("(audit log)"),
        why.to_owned(),
        how_to_fix.to_owned(),
    );
    add_first(outcome, finding);
}

/// Adds that the sketches that were asked for are not there: who relies on them for later would
/// look in vain.
pub(crate) fn sketches_not_kept(outcome: &mut CheckOutcome, why: &str) {
    let finding = trouble(
        codes::SKETCHES_NOT_KEPT,
        Location::file("(kept sketches)"),
        format!("the sketches of the inputs could not be kept: {why}"),
        "make the folder sketches/ of the index writable and free space, or check without \
         --keep-sketches, then check again"
            .to_owned(),
    );
    add_first(outcome, finding);
}

fn add_first(outcome: &mut CheckOutcome, finding: Finding) {
    outcome.verdict = outcome.verdict.max(finding.level.verdict());
    outcome.counts.count(&finding);
    outcome.findings.insert(0, finding);
    outcome.findings_total += 1;
}

/// The outcome of a check that read no input.
fn unread(judged: &Judged<'_>, finding: Finding, limit: &str) -> CheckOutcome {
    let mut counts = FindingCounts::default();
    counts.count(&finding);
    CheckOutcome {
        verdict: Verdict::Undecided,
        target: judged.target.clone(),
        policy_digest: judged.policy.digest(),
        policy_name: judged.policy.name().to_owned(),
        index: None,
        inputs: Vec::new(),
        tally: Tally::default(),
        findings: vec![finding],
        findings_total: 1,
        counts,
        models: Vec::new(),
        obligations: Vec::new(),
        stored_duties: judged.duties.unread(),
        limits: vec![limit.to_owned()],
        as_of: judged.as_of.to_owned(),
    }
}

/// What this check did not and could not see.
fn limits(context: &CheckContext<'_>, inputs: &[InputInfo], unlisted: u64) -> Vec<String> {
    let mut limits = vec![
        "Only text registered in this snapshot can match: unregistered, paraphrased or translated \
         output, and uses that were not declared, were not assessed."
            .to_owned(),
        format!(
            "A shared run of at least {} bytes of letters and digits is always looked up (its grams \
             that stand in other registered texts too, and the prompt's own, excepted); every text \
             found so that shares half of its grams or of the row's, and the eight with the rarest, are \
             compared, and what reaches the policy's threshold is reported. Shorter or heavily \
             edited runs may be missed.",
            context.recipe.looked_up_bytes()
        ),
        "This is no finding of compliance and no legal advice: the verdict applies the adopted \
         readings of license texts that the findings cite."
            .to_owned(),
    ];
    let exempt: Vec<&str> = inputs
        .iter()
        .flat_map(|i| &i.columns)
        .filter(|(_, used, _)| *used == crate::model::ColumnUse::Exempt)
        .map(|(path, _, _)| path.as_ref())
        .collect();
    if !exempt.is_empty() {
        let mut names = exempt;
        names.sort_unstable();
        names.dedup();
        limits.push(format!(
            "Columns exempted by the caller were not read: {}.",
            names.join(", ")
        ));
    }
    let approvals = context.judged.approvals;
    if approvals.records() > 0 {
        limits.push(format!(
            "Approvals were read to record {} with digest {}; whether later records were removed \
             from the file cannot be seen here.",
            approvals.records(),
            approvals.head(),
        ));
    }
    if unlisted > 0 {
        limits.push(format!(
            "{unlisted} further findings are counted but not listed (findings_max in the policy)."
        ));
    }
    limits
}

/// A finding that is no match: something could not be read, looked up or proven.
pub(crate) fn trouble(
    code: Code,
    location: Location,
    reason: String,
    how_to_fix: String,
) -> Finding {
    Finding {
        level: Level::Undecided,
        location,
        ordinal: 0,
        evidence: None,
        claims: Vec::new(),
        approval: None,
        decision: Decision {
            code,
            ruling: None,
            level: Level::Undecided,
            license: None,
            clause: None,
            obligations: Vec::new(),
            reason,
            how_to_fix,
            readings: Vec::new(),
            question: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn at(row: u64, level: Level) -> Finding {
        let location = Location {
            path: "a".into(),
            row: Some(row),
            column: None,
        };
        let mut finding = trouble(
            codes::ROW_UNREADABLE,
            location,
            String::new(),
            String::new(),
        );
        finding.level = level;
        finding
    }

    #[test]
    fn beyond_the_limit_the_strictest_findings_are_listed_and_all_are_counted() {
        let arising = Arising::new(crate::policy::Readings::default(), Level::Flag);
        let mut findings = Findings::new(&Policy::default(), arising);
        findings.max = 3;
        for row in 0..5 {
            findings.push(at(row, Level::Flag));
        }
        for row in 5..7 {
            findings.push(at(row, Level::Block));
        }
        findings.push(at(7, Level::Note));
        let rows: Vec<_> = findings.kept.iter().map(|f| f.location.row).collect();
        assert_eq!(rows, [Some(0), Some(5), Some(6)], "in row order still");
        assert_eq!(findings.total, 8);
        assert_eq!(findings.verdict, Verdict::Block);
    }
}
