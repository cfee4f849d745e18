//! Whose text is this: matches of one text, without a target and without a decision.

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::model::Batch;
use crate::model::Claim;
use crate::model::ColumnId;
use crate::model::Evidence;
use crate::model::Role;
use crate::model::UnitSpan;
use crate::snapshot::Snapshot;

use super::matching::MatchError;
use super::matching::Matcher;
use super::scan::matches_of;

/// A registered text that was found in the text asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// How much is shared.
    pub evidence: Evidence,
    /// Who registered it, as what.
    pub claims: Vec<Claim>,
}

/// What a check against `snapshot` would find in `text`, a unit by itself: every registered text at
/// or above `minimum` strength with its claims, strongest first.
pub fn identify(
    snapshot: &Snapshot,
    recipe: &Recipe,
    key: &FingerprintKey,
    minimum: f64,
    text: &str,
) -> Result<Vec<Identified>, MatchError> {
    let mut matcher = Matcher::new(snapshot, *recipe, key, minimum);
    let batch = Batch {
        rows: 1,
        text: text.to_owned(),
        units: vec![UnitSpan {
            row: 0,
            column: ColumnId(0),
            ordinal: 0,
            start: 0,
            end: text.len(),
            role: Role::Unknown,
            model: None,
        }],
        ..Batch::default()
    };
    let (found, _) = matches_of(&mut matcher, &batch, None)?;
    let mut all: Vec<Identified> = found
        .units
        .into_iter()
        .flat_map(|unit| unit.matches)
        .map(|(found, claims)| Identified {
            evidence: found.evidence,
            claims: claims.clone(),
        })
        .collect();
    all.sort_by(|a, b| b.evidence.strength.total_cmp(&a.evidence.strength));
    Ok(all)
}
