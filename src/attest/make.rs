//! From the outcome of a check to a statement.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::complete::CheckFacts;
use super::complete::CompleteScan;
use super::complete::Gap;
use super::complete::PolicyText;
use super::predicate::Canaries;
use super::predicate::ColumnCoverage;
use super::predicate::DutyRef;
use super::predicate::ExemptReason;
use super::predicate::FileCoverage;
use super::predicate::LevelCounts;
use super::predicate::ModelRef;
use super::predicate::PolicyRef;
use super::predicate::Predicate;
use super::predicate::SCHEMA_VERSION;
use super::predicate::Selection;
use super::predicate::SnapshotRef;
use super::predicate::StoredDutyRef;
use super::predicate::TargetRef;
use super::predicate::TierCount;
use super::predicate::UseWord;
use super::predicate::VerdictWord;
use super::statement::CHECK_TYPE;
use super::statement::REFUSED_TYPE;
use super::statement::Statement;
use super::statement::subjects;
use crate::model::CheckOutcome;
use crate::model::ColumnUse;
use crate::model::InputInfo;
use crate::model::Level;
use crate::model::Verdict;

/// A date that an expiry cannot be counted from.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no day that an expiry can be counted from")]
pub struct ExpiryError {
    text: String,
}

/// Last day on which a statement may be relied on: `days` after the earlier of the day that
/// approvals were judged by and the day on which the check ended. A check made as of a day long
/// past has expired from the beginning.
///
/// # Errors
/// [`ExpiryError`] for what is no date.
pub fn expiry(as_of: &str, finished: &str, days: u32) -> Result<String, ExpiryError> {
    let day = |text: &str| {
        let wrong = || ExpiryError {
            text: text.to_owned(),
        };
        let date = text.get(..10).ok_or_else(wrong)?;
        date.parse::<Date>().map_err(|_| wrong())
    };
    let from = day(as_of)?.min(day(finished)?);
    let last = from.checked_add(i64::from(days).days());
    Ok(last
        .map_err(|_| ExpiryError {
            text: from.to_string(),
        })?
        .to_string())
}

/// The statement of a check that let its inputs through.
///
/// # Errors
/// Only if a text had no JSON form, which cannot be.
pub fn passing(scan: &CompleteScan<'_>) -> Result<Statement<Predicate>, serde_json::Error> {
    let predicate = predicate(
        scan.outcome(),
        scan.facts(),
        scan.outcome().verdict.into(),
        Vec::new(),
    );
    let subject = subjects(&predicate)?;
    Ok(Statement::new(CHECK_TYPE, subject, predicate))
}

/// The statement of a check that did not, and why; `gaps` is what [`CompleteScan::prove`] said. A
/// check that was not complete is undecided, whatever its own verdict; a block stays a block.
///
/// # Errors
/// Only if a text had no JSON form, which cannot be.
pub fn refusal(
    outcome: &CheckOutcome,
    facts: &CheckFacts,
    gaps: &[Gap],
) -> Result<Statement<Predicate>, serde_json::Error> {
    let verdict = match outcome.verdict {
        Verdict::Block => VerdictWord::Block,
        Verdict::Pass | Verdict::Flag | Verdict::Undecided => VerdictWord::Undecided,
    };
    let mut because: Vec<String> = gaps.iter().map(ToString::to_string).collect();
    because.extend(first_of(outcome));
    let predicate = predicate(outcome, facts, verdict, because);
    let subject = subjects(&predicate)?;
    Ok(Statement::new(REFUSED_TYPE, subject, predicate))
}

/// Names the first finding that made a check refuse, without any word of the data.
fn first_of(outcome: &CheckOutcome) -> Option<String> {
    let level = match outcome.verdict {
        Verdict::Block => Level::Block,
        Verdict::Undecided => Level::Undecided,
        Verdict::Pass | Verdict::Flag => return None,
    };
    let first = outcome.findings.iter().find(|f| f.level == level)?;
    let count = outcome.counts.of(level);
    let row = first.location.row;
    let place = row.map_or(String::new(), |row| format!(", row {row}"));
    Some(format!(
        "{count} findings of that level, the first {} in {}{place}",
        first.decision.code.0, first.location.path
    ))
}

fn predicate(
    outcome: &CheckOutcome,
    facts: &CheckFacts,
    verdict: VerdictWord,
    refused_because: Vec<String>,
) -> Predicate {
    Predicate {
        schema_version: SCHEMA_VERSION,
        verdict,
        refused_because,
        target: TargetRef {
            name: outcome.target.name.clone(),
            base: outcome.target.base.clone(),
            stage: outcome.target.stage.as_str().to_owned(),
            sha256: facts.target_sha256.clone(),
        },
        policy: PolicyRef {
            name: outcome.policy_name.clone(),
            digest: outcome.policy_digest.clone(),
            text_sha256: match &facts.policy_text {
                PolicyText::BuiltIn => None,
                PolicyText::File(sha256) => Some(sha256.clone()),
            },
        },
        snapshot: outcome.index.as_ref().map(|index| SnapshotRef {
            number: index.snapshot,
            manifest_sha256: index.digest.clone(),
            sources: index.sources,
            records: index.records,
            recipe: index.recipe.clone(),
            guarantee_bytes: index.guarantee_bytes,
        }),
        log: facts.log.clone(),
        tool: facts.tool.clone(),
        selection: Selection {
            text_columns: facts.text_columns.clone(),
            exempt_columns: facts.exempt_columns.clone(),
            allow_empty: facts.allow_empty,
        },
        coverage: outcome
            .inputs
            .iter()
            .map(|input| coverage(input, facts))
            .collect(),
        rows: outcome.tally.into(),
        matches: matches(outcome),
        findings: levels(&outcome.counts.levels),
        models: outcome
            .models
            .iter()
            .map(|model| ModelRef {
                model: model.model.clone(),
                license: model.license.clone(),
                findings: model.records,
            })
            .collect(),
        canaries: Canaries {
            planted: outcome
                .inputs
                .iter()
                .map(|input| input.canaries.planted)
                .sum(),
            found: outcome
                .inputs
                .iter()
                .map(|input| input.canaries.found)
                .sum(),
        },
        obligations: outcome
            .obligations
            .iter()
            .map(|duty| DutyRef {
                id: duty.id.clone(),
                text: duty.text.clone(),
                clause: duty.clause.clone(),
                license: duty.license.clone(),
                state: duty.state.as_str().to_owned(),
            })
            .collect(),
        stored_duties: outcome
            .stored_duties
            .duties
            .iter()
            .map(|duty| StoredDutyRef {
                id: duty.stored.id.clone(),
                license: duty.stored.license.clone(),
                enforced: duty.stored.enforced,
                state: duty.state.as_str().to_owned(),
            })
            .collect(),
        limits: outcome.limits.clone(),
        as_of: outcome.as_of.clone(),
        started: facts.started.clone(),
        finished: facts.finished.clone(),
        expires: facts.expires.clone(),
    }
}

fn coverage(input: &InputInfo, facts: &CheckFacts) -> FileCoverage {
    FileCoverage {
        path: input.path.to_string(),
        sha256: input.sha256.clone(),
        format: input.format.clone(),
        bytes: input.bytes,
        text_bytes: input.text_bytes,
        text_units: input.text_units,
        rows_declared: input.rows_declared,
        rows_read: input.rows_read,
        rows: input.tally.into(),
        columns: input
            .columns
            .iter()
            .map(|(path, used, leaves)| ColumnCoverage {
                path: path.to_string(),
                used: UseWord::from(*used),
                leaves: *leaves,
                reason: (*used == ColumnUse::Exempt)
                    .then(|| exempt_reason(facts))
                    .flatten(),
            })
            .collect(),
    }
}

/// Why a column with text was left out; `None` when the caller asked for nothing of the kind.
fn exempt_reason(facts: &CheckFacts) -> Option<ExemptReason> {
    match (
        facts.exempt_columns.is_empty(),
        facts.text_columns.is_empty(),
    ) {
        (false, true) => Some(ExemptReason::ExemptedByCaller),
        (true, false) => Some(ExemptReason::NotSelectedByCaller),
        (false, false) => Some(ExemptReason::ExemptedOrNotSelectedByCaller),
        (true, true) => None,
    }
}

fn levels(counts: &BTreeMap<Level, u64>) -> LevelCounts {
    let mut out = LevelCounts::default();
    for (level, count) in counts {
        *of(&mut out, *level) += count;
    }
    out
}

fn of(counts: &mut LevelCounts, level: Level) -> &mut u64 {
    match level {
        Level::Note => &mut counts.note,
        Level::Flag => &mut counts.flag,
        Level::Undecided => &mut counts.undecided,
        Level::Block => &mut counts.block,
    }
}

/// Matches by tier, strongest first.
fn matches(outcome: &CheckOutcome) -> Vec<TierCount> {
    let mut tiers: BTreeMap<crate::model::Tier, LevelCounts> = BTreeMap::new();
    for ((tier, level), count) in &outcome.counts.tiers {
        *of(tiers.entry(*tier).or_default(), *level) += count;
    }
    tiers
        .into_iter()
        .rev()
        .map(|(tier, levels)| TierCount {
            tier: tier.as_str().to_owned(),
            levels,
        })
        .collect()
}
