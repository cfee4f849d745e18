//! Which registered texts a unit is compared with: what its grams say about each, and which of
//! several matches with one text stands.
//!
//! Pure: no I/O, no clock.

use std::collections::HashMap;

use crate::fingerprint::Gram;
use crate::index::Postings;
use crate::index::TextId;
use crate::model::Tier;

use super::Match;
use super::strength;

/// Candidates that are compared whatever part of their grams is shared: those with the largest
/// summed rarity. *Measured*: comparing every text that shares one gram finds 0.4 % more of the
/// changed copies in the labelled set, flags a third more of other models' answers to the same
/// prompts, and takes five times as long (`docs/decisions/0006`).
pub(super) const RAREST_CANDIDATES: usize = 8;

/// What the grams of a unit say about one candidate.
#[derive(Default)]
pub(super) struct Tally {
    /// Summed rarity of the grams shared.
    pub rarity: f64,
    /// Distinct grams.
    pub grams: u32,
    /// Sum of one over the number of texts that hold each.
    pub alone: f64,
    /// Where the first and the last of them stand in the unit.
    pub first: u32,
    pub last: u32,
}

/// Sums up, per candidate text, the rarity of the grams it shares with the unit; and the rarity
/// of all grams of the unit.
pub(super) fn tally(
    grams: &[Gram],
    hits: &[Gram],
    answers: &[Postings],
    texts: u64,
) -> (HashMap<TextId, Tally>, f64) {
    let absent = grams.len().saturating_sub(hits.len());
    let mut unit_rarity = strength::RAREST * absent as f64;
    let mut tallies: HashMap<TextId, Tally> = HashMap::new();
    for (gram, answer) in hits.iter().zip(answers) {
        match answer {
            Postings::Absent => unit_rarity += strength::RAREST,
            Postings::Common(_) => {}
            Postings::Texts(ids) => {
                let rarity = strength::rarity(ids.len() as u64, texts);
                unit_rarity += rarity;
                for &id in ids {
                    let tally = tallies.entry(id).or_insert_with(|| Tally {
                        first: gram.at,
                        ..Tally::default()
                    });
                    tally.rarity += rarity;
                    tally.grams += 1;
                    tally.alone += 1.0 / ids.len() as f64;
                    tally.first = tally.first.min(gram.at);
                    tally.last = tally.last.max(gram.at);
                }
            }
        }
    }
    (tallies, unit_rarity)
}

/// The texts to look at, by id: every exact one, and of those that share a gram the ones that share
/// `copied` grams or more or are among the [`RAREST_CANDIDATES`]; and the summed rarity from which a
/// text is. What else shares a gram is not even read.
pub(super) fn candidates(
    tallies: &HashMap<TextId, Tally>,
    exact: &[TextId],
    copied: f64,
) -> (Vec<TextId>, f64) {
    most_alike(tallies, exact, copied, RAREST_CANDIDATES)
}

/// As [`candidates`], with so many of those that share the rarest grams.
pub(super) fn most_alike(
    tallies: &HashMap<TextId, Tally>,
    exact: &[TextId],
    copied: f64,
    rarest: usize,
) -> (Vec<TextId>, f64) {
    let wanted = rarest;
    let mut rarities: Vec<f64> = tallies.values().map(|tally| tally.rarity).collect();
    let descending = |a: &f64, b: &f64| b.total_cmp(a);
    let rarest = if rarities.len() < wanted {
        0.0
    } else {
        *rarities
            .select_nth_unstable_by(wanted.saturating_sub(1), descending)
            .1
    };
    let mut ids: Vec<TextId> = tallies
        .iter()
        .filter(|(_, tally)| f64::from(tally.grams) >= copied || tally.rarity >= rarest)
        .map(|(id, _)| *id)
        .chain(exact.iter().copied())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    (ids, rarest)
}

/// Of several matches with one registered text the exact one, else the strongest, else the first; as
/// strong as the strongest of them.
pub(super) fn one_of_each_text(found: Vec<Match>) -> Vec<Match> {
    let mut places: HashMap<TextId, usize> = HashMap::new();
    let mut kept: Vec<Match> = Vec::with_capacity(found.len());
    for each in found {
        let place = *places.entry(each.text).or_insert(kept.len());
        let Some(known) = kept.get_mut(place) else {
            kept.push(each);
            continue;
        };
        let strength = known.evidence.strength.max(each.evidence.strength);
        let is_exact = |one: &Match| one.evidence.tier == Tier::Exact;
        let stronger = match (is_exact(&each), is_exact(known)) {
            (true, false) => true,
            (false, true) => false,
            _ => each.evidence.strength > known.evidence.strength,
        };
        if stronger {
            *known = each;
        }
        known.evidence.strength = strength;
    }
    kept
}
