//! What a batch came to: the units that matched something, and nothing of their text.

use serde::Deserialize;
use serde::Serialize;

use crate::model::Batch;
use crate::model::Claim;
use crate::model::ColumnId;
use crate::model::Tier;
use crate::read::Outcome;

use super::super::matching::Match;
use super::super::matching::MatchError;
use super::super::matching::Matcher;
use super::super::sketches::BatchSketch;
use super::super::sketches::KeptUnit;

/// The units of one batch that matched something.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchMatches {
    pub(crate) units: Vec<UnitMatches>,
    /// What is kept of all its units, where the check keeps them.
    pub(crate) sketch: Option<BatchSketch>,
}

/// One unit with the registered texts it has evidence for, and who claims them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitMatches {
    /// Row relative to the batch.
    pub row: u32,
    pub ordinal: u32,
    pub column: ColumnId,
    pub matches: Vec<(Match, Vec<Claim>)>,
}

impl Outcome for BatchMatches {
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId) {
        for unit in &mut self.units {
            unit.column = column(unit.column);
        }
        if let Some(sketch) = &mut self.sketch {
            for known in &mut sketch.columns {
                *known = column(*known);
            }
        }
    }

    fn bytes(&self) -> usize {
        let claims = |(_, claims): &(Match, Vec<Claim>)| size_of_val(claims.as_slice());
        let matches = |unit: &UnitMatches| {
            size_of_val(unit.matches.as_slice()) + unit.matches.iter().map(claims).sum::<usize>()
        };
        let sketch =
            |sketch: &BatchSketch| size_of_val(sketch.columns.as_slice()) + sketch.packed.len();
        size_of_val(self.units.as_slice())
            + self.units.iter().map(matches).sum::<usize>()
            + self.sketch.as_ref().map_or(0, sketch)
    }
}

/// The work of one thread: every unit of a batch against the snapshot, those that may match in
/// full. The unit at `canary` is the canary; whether it was met is told apart.
pub(crate) fn matches_of(
    matcher: &mut Matcher<'_>,
    batch: &Batch,
    canary: Option<usize>,
) -> Result<(BatchMatches, bool), MatchError> {
    let mut out = BatchMatches::default();
    let mut met = false;
    let mut places = Vec::new();
    matcher.sieve(batch, &mut places)?;
    for place in places {
        let Some(unit) = batch.units.get(place) else {
            continue;
        };
        let all = matcher.matches(batch.unit_text(unit), unit.role)?;
        if canary == Some(place) {
            met = is_met(&all);
            continue;
        }
        let claimed = claimed(matcher, all)?;
        if !claimed.is_empty() {
            out.units.push(UnitMatches {
                row: unit.row,
                ordinal: unit.ordinal,
                column: unit.column,
                matches: claimed,
            });
        }
    }
    Ok((out, met))
}

/// The same of units whose sketches were kept, in the columns that their batch names.
pub(crate) fn matches_of_kept(
    matcher: &mut Matcher<'_>,
    units: &[KeptUnit],
    columns: &[ColumnId],
    canary: Option<usize>,
) -> Result<(BatchMatches, bool), MatchError> {
    let mut out = BatchMatches::default();
    let mut met = false;
    let mut places = Vec::new();
    matcher.sieve_prepared(units.iter().map(|kept| &kept.unit), &mut places);
    for place in places {
        let Some(kept) = units.get(place) else {
            continue;
        };
        let all = matcher.matches_prepared(&kept.unit)?;
        if canary == Some(place) {
            met = is_met(&all);
            continue;
        }
        let claimed = claimed(matcher, all)?;
        let column = columns.get(kept.column as usize);
        if let Some(column) = column.filter(|_| !claimed.is_empty()) {
            out.units.push(UnitMatches {
                row: kept.row,
                ordinal: kept.ordinal,
                column: *column,
                matches: claimed,
            });
        }
    }
    Ok((out, met))
}

fn is_met(canary: &[Match]) -> bool {
    let exact = |found: &Match| found.evidence.tier == Tier::Exact;
    canary.iter().any(exact)
}

/// Matches with who claims them; those that nobody does any more are left out.
fn claimed(matcher: &Matcher<'_>, all: Vec<Match>) -> Result<Vec<(Match, Vec<Claim>)>, MatchError> {
    let mut claimed = Vec::new();
    for found in all {
        let claims = matcher.claims(found.text)?;
        // All sources that held the text were withdrawn: it is no longer registered.
        if !claims.is_empty() {
            claimed.push((found, claims));
        }
    }
    Ok(claimed)
}
