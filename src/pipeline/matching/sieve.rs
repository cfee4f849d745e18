//! Which units of a batch are worth a look-up on disk: decided in memory, many units at a time.
//!
//! In a large register almost every clean text holds *some* registered phrase, and a look-up costs
//! a thousand probes. So the hits of a unit have to be more than chance. They are when two grams
//! agree on a bucket of texts ([`Tag`](crate::index::Tag)) and are farther from each other than one
//! phrase reaches, when one stands in a text that is too short to have two, or when there are more
//! hits than a clean unit of that length has in a register of this size ([`Chance`]). A shared run
//! of `k + 3w - 1` bytes of the normal form therefore always passes, unless its grams stand in other
//! texts too.

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::fingerprint::Side;
use crate::fingerprint::Sketcher;
use crate::index::FALSE_POSITIVES;
use crate::index::Hit;
use crate::index::Tag;
use crate::model::Batch;
use crate::snapshot::Snapshot;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::TextError;

use super::Prepared;

/// Grams that are sealed and probed together. *Chosen*: enough that the processor overlaps the
/// cache misses of many, few enough that they stay in the first-level cache, and their filter lines,
/// 128 KiB, in the second.
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

/// Hits needed up to which two of one phrase are two. *Measured*: where two are enough, in a register
/// of 27,162 labelled outputs, counting phrases lost one copy with a fifth of its words changed.
const FEW_NEEDED: usize = 2;

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
    /// The streams in hand.
    now: Group,
    /// Those before, whose filter lines are fetched meanwhile.
    before: Group,
    /// How many of its grams' lines were asked for.
    fetched: usize,
    hits: Vec<Hit>,
}

/// Streams that are probed together.
#[derive(Default)]
struct Group {
    /// Grams, one stream after the other.
    grams: Vec<u64>,
    /// Where in its stream each starts, in bytes.
    starts: Vec<u32>,
    streams: Vec<Stream>,
}

impl Group {
    fn clear(&mut self) {
        self.grams.clear();
        self.starts.clear();
        self.streams.clear();
    }
}

/// One stream of one unit: its own, or the one with look-alike letters folded.
#[derive(Debug, Clone, Copy)]
struct Stream {
    /// Place of the unit in the batch.
    unit: usize,
    /// Where its grams end.
    end: usize,
    /// Bytes from one gram to the next that shares no phrase with it.
    apart: u32,
    /// Whether it has the widest windows.
    long: bool,
}

impl Stream {
    /// Of a normal form of so many bytes, whose grams end at `end`.
    fn new(recipe: Recipe, unit: usize, end: usize, bytes: usize) -> Self {
        Self {
            unit,
            end,
            apart: apart(recipe, bytes),
            long: recipe.window_for(Side::Checked, bytes) == recipe.window(),
        }
    }
}

impl Sieve {
    pub(super) fn new(snapshot: &Snapshot, recipe: Recipe, key: &FingerprintKey) -> Self {
        Self {
            chance: Chance::new(snapshot.manifest().texts, snapshot.segments()),
            normalizer: Normalizer::new(),
            sketcher: Sketcher::new(recipe, Side::Checked, key.clone()),
            normal: NormalText::default(),
            loose: NormalText::default(),
            now: Group::default(),
            before: Group::default(),
            fetched: 0,
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
        let recipe = self.begin(out);
        for (place, unit) in batch.units.iter().enumerate() {
            self.normalizer
                .normalize(batch.unit_text(unit), &mut self.normal)?;
            let folded = self.normalizer.look_alike(&self.normal, &mut self.loose);
            let had = self.now.grams.len();
            for text in [Some(&self.normal), folded.then_some(&self.loose)] {
                let Some(text) = text.filter(|text| !text.is_empty()) else {
                    continue;
                };
                let Group { grams, starts, .. } = &mut self.now;
                let grams = self.sketcher.append_digests(text, grams, starts);
                if grams == 0 {
                    // Too short for a gram: only the whole of it can be registered.
                    let exact = ExactDigest::of(text, self.sketcher.key());
                    if snapshot.probe(exact.entry()) {
                        out.push(place);
                    }
                    continue;
                }
                let stream = Stream::new(recipe, place, self.now.grams.len(), text.len());
                self.now.streams.push(stream);
            }
            self.fetch(snapshot, self.now.grams.len() - had);
            if self.now.grams.len() >= GRAMS_TOGETHER {
                self.sketcher.seal(&mut self.now.grams);
                self.turn(snapshot, out);
            }
        }
        self.sketcher.seal(&mut self.now.grams);
        self.turn(snapshot, out);
        self.turn(snapshot, out);
        in_order(out);
        Ok(())
    }

    /// The same of units that were prepared before; the places are those in `units`.
    pub(super) fn pass_prepared<'u>(
        &mut self,
        snapshot: &Snapshot,
        units: impl Iterator<Item = &'u Prepared>,
        out: &mut Vec<usize>,
    ) {
        let recipe = self.begin(out);
        for (place, unit) in units.enumerate() {
            for text in unit.whole() {
                if text.grams.is_empty() {
                    if snapshot.probe(text.exact.entry()) {
                        out.push(place);
                    }
                    continue;
                }
                let Group { grams, starts, .. } = &mut self.now;
                grams.extend(text.grams.iter().map(|gram| gram.id));
                starts.extend(text.grams.iter().map(|gram| gram.at));
                let stream = Stream::new(recipe, place, grams.len(), text.bytes as usize);
                self.now.streams.push(stream);
                self.fetch(snapshot, text.grams.len());
            }
            if self.now.grams.len() >= GRAMS_TOGETHER {
                self.turn(snapshot, out);
            }
        }
        self.turn(snapshot, out);
        self.turn(snapshot, out);
        in_order(out);
    }

    /// Lets go of what a pass that ended early left: a text that could not be normalised.
    fn begin(&mut self, out: &mut Vec<usize>) -> Recipe {
        out.clear();
        self.now.clear();
        self.before.clear();
        self.fetched = 0;
        *self.sketcher.recipe()
    }

    /// Asks for the filter lines of as many grams of the group before as were added to this one: they
    /// come while the next text is brought into normal form, and nobody waits for them.
    fn fetch(&mut self, snapshot: &Snapshot, added: usize) {
        let to = (self.fetched + added).min(self.before.grams.len());
        snapshot.fetch(self.before.grams.get(self.fetched..to).unwrap_or_default());
        self.fetched = to;
    }

    /// Probes the group before and lets it go; the sealed one in hand takes its place.
    fn turn(&mut self, snapshot: &Snapshot, out: &mut Vec<usize>) {
        let Group {
            grams,
            starts,
            streams,
        } = &self.before;
        self.hits.clear();
        snapshot.probe_batch(grams, &mut self.hits);
        let mut hits = self.hits.as_slice();
        let mut start = 0;
        for stream in streams {
            let mine = hits.partition_point(|hit| (hit.at as usize) < stream.end);
            let (these, later) = hits.split_at(mine);
            hits = later;
            let needed = self.chance.needed(stream.end - start);
            if !these.is_empty()
                && worth_a_look_up(these, starts, needed, stream.apart, stream.long)
            {
                out.push(stream.unit);
            }
            start = stream.end;
            if hits.is_empty() {
                break;
            }
        }
        self.before.clear();
        std::mem::swap(&mut self.now, &mut self.before);
        self.fetched = 0;
    }
}

/// Places ascending, each once: units without grams came before their neighbours' probes.
fn in_order(out: &mut Vec<usize>) {
    out.sort_unstable();
    out.dedup();
}

/// How many bytes lie from one gram to another that a phrase of chance does not reach. What a
/// registered text selects in two windows with one between them is at least `w + 1` positions apart.
/// In a short text fewer will do: a copy of it has no room for three windows, and a clean one none
/// for many phrases.
fn apart(recipe: Recipe, bytes: usize) -> u32 {
    let whole = recipe.window() + 1;
    let narrow = recipe.window_for(Side::Checked, bytes);
    let apart = (whole * narrow / recipe.window()).max(whole / 2);
    u32::try_from(apart).unwrap_or(u32::MAX)
}

/// Whether the hits of one unit, ascending by place, suggest a registered text: `needed` of them do
/// whatever they are, and two that agree do when they are `apart` bytes from each other. Closer ones
/// are one phrase: in a large register clean text is full of phrases that *some* text has, and one
/// of twelve words often holds two grams. Where more than [`FEW_NEEDED`] are needed and the unit is
/// `long`, a phrase counts as one hit; in a short one all there is may be a phrase. `starts` has the
/// bytes at which grams start.
fn worth_a_look_up(hits: &[Hit], starts: &[u32], needed: usize, apart: u32, long: bool) -> bool {
    let mut first = [u32::MAX; Tag::BUCKETS as usize];
    let once = long && needed > FEW_NEEDED;
    let mut count = 0;
    let mut counted = None;
    for hit in hits {
        if hit.tag == Tag::ALONE {
            return true;
        }
        let start = starts.get(hit.at as usize).copied().unwrap_or(0);
        let bucket = hit.tag.bucket().map(usize::from);
        let known = bucket.and_then(|bucket| first.get_mut(bucket));
        let mut phrase = false;
        if let Some(first) = known {
            phrase = *first != u32::MAX;
            if phrase && start - *first >= apart {
                return true;
            }
            *first = start.min(*first);
        }
        // A gram may be in several segments: that is one gram.
        if counted != Some(hit.at) && !(phrase && once) {
            count += 1;
            counted = Some(hit.at);
        }
        if count >= needed {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(at: u32, tag: Tag) -> Hit {
        Hit { at, tag }
    }

    /// Of grams that start in every tenth byte.
    fn worth(hits: &[Hit], needed: usize, apart: u32) -> bool {
        let starts: Vec<u32> = (0..100).map(|gram| 10 * gram).collect();
        worth_a_look_up(hits, &starts, needed, apart, false)
    }

    #[test]
    fn in_a_long_unit_a_phrase_counts_once() {
        let one = Tag::of_text(7);
        let other = (8..99).map(Tag::of_text).find(|tag| *tag != one).unwrap();
        let starts: Vec<u32> = (0..100).map(|gram| 10 * gram).collect();
        let worth = |hits: &[Hit], long| worth_a_look_up(hits, &starts, 3, 58, long);
        let phrase = [hit(3, one), hit(5, one), hit(9, other)];
        assert_eq!(
            [false, true].map(|long| worth(&phrase, long)),
            [true, false]
        );
        // What another segment says of the same gram counts.
        let phrases = [hit(3, one), hit(5, one), hit(5, other), hit(9, other)];
        assert!(!worth(&phrases, true));
        let phrases = [hit(3, one), hit(5, one), hit(5, other), hit(9, Tag::COMMON)];
        assert!(worth(&phrases, true));
    }

    #[test]
    fn chance_hits_are_not_enough() {
        let bucket = Tag::of_text(7);
        let common = [hit(3, Tag::COMMON), hit(9, Tag::COMMON)];
        assert!(!worth(&[hit(3, bucket)], 2, 1));
        assert!(!worth(&common, 3, 1));
        assert!(worth(&common, 2, 1));
    }

    #[test]
    fn two_grams_that_agree_are() {
        let bucket = Tag::of_text(7);
        let other = (8..99).map(Tag::of_text).find(|tag| *tag != bucket);
        let other = other.unwrap();
        assert!(worth(&[hit(3, bucket), hit(9, bucket)], 5, 1));
        assert!(worth(
            &[hit(3, bucket), hit(5, other), hit(9, bucket)],
            5,
            1
        ));
        assert!(!worth(&[hit(3, bucket), hit(9, other)], 5, 1));
    }

    #[test]
    fn one_gram_in_two_segments_is_one_gram() {
        let bucket = Tag::of_text(7);
        assert!(!worth(&[hit(3, bucket), hit(3, bucket)], 2, 1));
        assert!(worth(
            &[hit(3, bucket), hit(3, bucket), hit(4, bucket)],
            5,
            1
        ));
    }

    #[test]
    fn grams_of_one_phrase_are_one() {
        let bucket = Tag::of_text(7);
        let hits = |last| [hit(10, bucket), hit(12, bucket), hit(last, bucket)];
        assert!(!worth(&hits(15), 9, 58));
        assert!(worth(&hits(16), 9, 58));
        assert!(worth(&hits(13), 9, 29));
        let recipe = Recipe::default();
        let apart = [80, 160, 456, 700, 911, 5_000].map(|bytes| apart(recipe, bytes));
        assert_eq!(apart, [29, 29, 29, 43, 56, 58]);
    }

    #[test]
    fn one_gram_of_a_short_text_is() {
        assert!(worth(&[hit(40, Tag::ALONE)], 9, 11));
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
