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

/// The units of one batch that matched something.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchMatches {
    pub(crate) units: Vec<UnitMatches>,
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
    }

    fn bytes(&self) -> usize {
        let claims = |(_, claims): &(Match, Vec<Claim>)| size_of_val(claims.as_slice());
        let matches = |unit: &UnitMatches| {
            size_of_val(unit.matches.as_slice()) + unit.matches.iter().map(claims).sum::<usize>()
        };
        size_of_val(self.units.as_slice()) + self.units.iter().map(matches).sum::<usize>()
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
            met = all.iter().any(|found| found.evidence.tier == Tier::Exact);
            continue;
        }
        let mut claimed = Vec::new();
        for found in all {
            let claims = matcher.claims(found.text)?;
            // All sources that held the text were withdrawn: it is no longer registered.
            if !claims.is_empty() {
                claimed.push((found, claims));
            }
        }
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
