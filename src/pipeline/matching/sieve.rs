//! Which units of a batch are worth a look-up on disk: decided in memory, many units at a time.
//!
//! In a large register almost every clean text holds *some* registered phrase, and a look-up costs
//! a thousand probes. So the hits of a unit have to be more than chance. They are when two grams
//! agree on a bucket of texts ([`Tag`](crate::index::Tag)), when one stands in a text that is too
//! short to have two, or when there are more hits than a clean unit of that length has in a
//! register of this size ([`Chance`]). A shared run of `k + 2w - 1` bytes of the normal form
//! therefore always passes, unless its grams stand in other texts too.

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::fingerprint::Sketcher;
use crate::index::FALSE_POSITIVES;
use crate::index::Hit;
use crate::index::Tag;
use crate::model::Batch;
use crate::snapshot::Snapshot;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::TextError;

/// Grams that are sealed and probed together. *Chosen*: enough that the processor overlaps the
/// cache misses of many, few enough that they stay in the first-level cache.
const GRAMS_TOGETHER: usize = 2048;

/// Share of a clean text's grams that a register of [`CHANCE_TEXTS`] texts holds. *Measured*: 0.21 %
/// of the grams of human text stand in one of 27,162 registered outputs (k = 24, w = 57).
const CHANCE: f64 = 0.0021;
const CHANCE_TEXTS: f64 = 27_162.0;

/// Share of clean units that may be looked up for the number of their hits alone. *Chosen*: a look-up
/// costs some two checks of a clean unit, so this is an eighth of the time.
const CLEAN_LOOKED_UP: f64 = 1.0 / 16.0;

/// The same where one hit is asked for. *Chosen*: a clipped or heavily edited copy often keeps one
/// gram, so in a small register, where single hits are rare, each is looked up.
const CLEAN_LOOKED_UP_ONCE: f64 = 1.0 / 6.0;

/// Numbers of grams for which the hits needed are kept ready.
const TABLE: usize = 1024;

/// How many hits are more than chance.
#[derive(Debug)]
struct Chance {
    /// Chance that a gram of clean text hits.
    rate: f64,
    /// By number of grams.
    needed: Vec<usize>,
}

impl Chance {
    /// For a register of so many texts, in so many segments. The share of phrases that are known
    /// grows with the square root of what is registered (*measured*, docs/performance.md); each
    /// segment's filter adds its false positives.
    fn new(texts: u64, segments: usize) -> Self {
        let known = CHANCE * (texts as f64 / CHANCE_TEXTS).sqrt();
        let rate = (known + segments as f64 * FALSE_POSITIVES).min(1.0);
        let needed = (0..=TABLE).map(|grams| needed(grams as f64 * rate));
        Self {
            rate,
            needed: needed.collect(),
        }
    }

    /// The fewest hits that a clean unit of so many grams seldom has.
    fn needed(&self, grams: usize) -> usize {
        match self.needed.get(grams) {
            Some(needed) => *needed,
            None => needed(grams as f64 * self.rate),
        }
    }
}

/// The least number that a Poisson variable of this mean reaches in at most [`CLEAN_LOOKED_UP`] of
/// all cases; 1 if it is more than 0 in at most [`CLEAN_LOOKED_UP_ONCE`].
fn needed(mean: f64) -> usize {
    // Beyond this the sum below would start at nothing; four deviations are rarer than asked for.
    if mean > 600.0 {
        let mut hits = 600;
        while (hits as f64) < mean + 4.0 * mean.sqrt() {
            hits += 1;
        }
        return hits;
    }
    let mut chance = (-mean).exp();
    let mut reached = 1.0 - chance;
    let mut hits = 1;
    if reached <= CLEAN_LOOKED_UP_ONCE {
        return hits;
    }
    while reached > CLEAN_LOOKED_UP {
        chance *= mean / hits as f64;
        reached -= chance;
        hits += 1;
    }
    hits
}

/// Passes over the units of batches; keeps its buffers from one batch to the next.
pub(super) struct Sieve {
    chance: Chance,
    normalizer: Normalizer,
    sketcher: Sketcher,
    normal: NormalText,
    loose: NormalText,
    /// Grams of the streams in hand, one stream after the other.
    grams: Vec<u64>,
    streams: Vec<Stream>,
    hits: Vec<Hit>,
}

/// One stream of one unit: its own, or the one with look-alike letters folded.
#[derive(Debug, Clone, Copy)]
struct Stream {
    /// Place of the unit in the batch.
    unit: usize,
    /// Where its grams end.
    end: usize,
}

impl Sieve {
    pub(super) fn new(snapshot: &Snapshot, recipe: Recipe, key: &FingerprintKey) -> Self {
        Self {
            chance: Chance::new(snapshot.manifest().texts, snapshot.segments()),
            normalizer: Normalizer::new(),
            sketcher: Sketcher::new(recipe, key.clone()),
            normal: NormalText::default(),
            loose: NormalText::default(),
            grams: Vec::new(),
            streams: Vec::new(),
            hits: Vec::new(),
        }
    }

    /// Writes the places of the units that may match to `out`, ascending, each once; `out` is
    /// emptied first. A unit left out has no registered text to show for, up to what the module
    /// says.
    pub(super) fn pass(
        &mut self,
        snapshot: &Snapshot,
        batch: &Batch,
        out: &mut Vec<usize>,
    ) -> Result<(), TextError> {
        out.clear();
        // A text that could not be normalised ends a pass early.
        self.grams.clear();
        self.streams.clear();
        for (place, unit) in batch.units.iter().enumerate() {
            self.normalizer
                .normalize(batch.unit_text(unit), &mut self.normal)?;
            let folded = self.normalizer.look_alike(&self.normal, &mut self.loose);
            for text in [Some(&self.normal), folded.then_some(&self.loose)] {
                let Some(text) = text.filter(|text| !text.is_empty()) else {
                    continue;
                };
                if self.sketcher.append_digests(text, &mut self.grams) == 0 {
                    // Too short for a gram: only the whole of it can be registered.
                    let exact = ExactDigest::of(text, self.sketcher.key());
                    if snapshot.probe(exact.entry()) {
                        out.push(place);
                    }
                    continue;
                }
                self.streams.push(Stream {
                    unit: place,
                    end: self.grams.len(),
                });
            }
            if self.grams.len() >= GRAMS_TOGETHER {
                self.probe(snapshot, out);
            }
        }
        self.probe(snapshot, out);
        // Units without grams came before their neighbours' probes.
        out.sort_unstable();
        out.dedup();
        Ok(())
    }

    /// Probes the grams in hand and lets them go.
    fn probe(&mut self, snapshot: &Snapshot, out: &mut Vec<usize>) {
        self.sketcher.seal(&mut self.grams);
        self.hits.clear();
        snapshot.probe_batch(&self.grams, &mut self.hits);
        let mut hits = self.hits.as_slice();
        let mut start = 0;
        for stream in &self.streams {
            let mine = hits.partition_point(|hit| (hit.at as usize) < stream.end);
            let (these, later) = hits.split_at(mine);
            hits = later;
            let needed = self.chance.needed(stream.end - start);
            if !these.is_empty() && worth_a_look_up(these, needed) {
                out.push(stream.unit);
            }
            start = stream.end;
            if hits.is_empty() {
                break;
            }
        }
        self.grams.clear();
        self.streams.clear();
    }
}

/// Whether the hits of one unit, ascending by place, suggest a registered text: `needed` of them do
/// whatever they are.
fn worth_a_look_up(hits: &[Hit], needed: usize) -> bool {
    let mut buckets = [0_u64; 4];
    let mut places = 0;
    let mut before = None;
    for hit in hits {
        // A gram may be in several segments: that is one gram.
        places += usize::from(before != Some(hit.at));
        if hit.tag == Tag::ALONE {
            return true;
        }
        if let Some(bucket) = hit.tag.bucket() {
            let bit = 1_u64 << (bucket % 64);
            let again = before != Some(hit.at);
            if let Some(seen) = buckets.get_mut(usize::from(bucket / 64)) {
                if again && *seen & bit != 0 {
                    return true;
                }
                *seen |= bit;
            }
        }
        before = Some(hit.at);
    }
    places >= needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(at: u32, tag: Tag) -> Hit {
        Hit { at, tag }
    }

    #[test]
    fn chance_hits_are_not_enough() {
        let bucket = Tag::of_text(7);
        let common = [hit(3, Tag::COMMON), hit(9, Tag::COMMON)];
        assert!(!worth_a_look_up(&[hit(3, bucket)], 2));
        assert!(!worth_a_look_up(&common, 3));
        assert!(worth_a_look_up(&common, 2));
    }

    #[test]
    fn two_grams_that_agree_are() {
        let bucket = Tag::of_text(7);
        let other = (8..99).map(Tag::of_text).find(|tag| *tag != bucket);
        let other = other.unwrap();
        assert!(worth_a_look_up(&[hit(3, bucket), hit(9, bucket)], 5));
        assert!(worth_a_look_up(
            &[hit(3, bucket), hit(5, other), hit(9, bucket)],
            5
        ));
        assert!(!worth_a_look_up(&[hit(3, bucket), hit(9, other)], 5));
    }

    #[test]
    fn one_gram_in_two_segments_is_one_gram() {
        let bucket = Tag::of_text(7);
        assert!(!worth_a_look_up(&[hit(3, bucket), hit(3, bucket)], 2));
        assert!(worth_a_look_up(
            &[hit(3, bucket), hit(3, bucket), hit(4, bucket)],
            5
        ));
    }

    #[test]
    fn one_gram_of_a_short_text_is() {
        assert!(worth_a_look_up(&[hit(40, Tag::ALONE)], 9));
    }

    #[test]
    fn more_hits_are_needed_in_a_larger_register_and_a_longer_unit() {
        // Poisson tails by hand: at a mean of 0.15 one hit in 13.9 % of cases; at 0.2 one in
        // 18.1 %, two in 1.8 %; at 1 three in 8.0 %, four in 1.9 %.
        assert_eq!([0.0, 0.15, 0.2, 1.0].map(needed), [1, 1, 2, 4]);
        let (small, large) = (Chance::new(27_162, 1), Chance::new(10_000_000, 1));
        assert_eq!((small.needed(25), small.needed(50)), (1, 2));
        assert_eq!(large.needed(25), 4);
        let needed: Vec<usize> = (0..3 * TABLE).map(|grams| large.needed(grams)).collect();
        assert!(needed.is_sorted());
        // Where the table ends and where the sum gives way to deviations.
        assert!(large.needed(100_000) < 100_000 / 10);
        assert!(large.needed(14_000) <= large.needed(16_000));
    }
}
