//! Which units of a batch are worth a look-up on disk: decided in memory, many units at a time.
//!
//! In a large register almost every clean text holds *some* registered phrase, and a look-up costs
//! a thousand probes. So one hit is not enough: two grams have to agree on a bucket of texts
//! ([`Tag`](crate::index::Tag)), or make up half of the unit's grams, or stand in a text that is too
//! short to have two. A shared run of `k + 2w - 1` bytes of the normal form therefore always
//! passes, unless its grams are common phrases.

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::fingerprint::Sketcher;
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

/// Passes over the units of batches; keeps its buffers from one batch to the next.
pub(super) struct Sieve {
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
    pub(super) fn new(recipe: Recipe, key: &FingerprintKey) -> Self {
        Self {
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
            if !these.is_empty() && worth_a_look_up(these, stream.end - start) {
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

/// Whether the hits among `grams` grams, ascending by place, suggest a registered text.
fn worth_a_look_up(hits: &[Hit], grams: usize) -> bool {
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
    places * 2 >= grams
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(at: u32, tag: Tag) -> Hit {
        Hit { at, tag }
    }

    #[test]
    fn one_chance_hit_among_many_grams_is_not_enough() {
        let bucket = Tag::of_text(7);
        assert!(!worth_a_look_up(&[hit(3, bucket)], 20));
        assert!(!worth_a_look_up(
            &[hit(3, Tag::COMMON), hit(9, Tag::COMMON)],
            20
        ));
    }

    #[test]
    fn two_grams_that_agree_are() {
        let bucket = Tag::of_text(7);
        let other = (8..99)
            .map(Tag::of_text)
            .find(|tag| *tag != bucket)
            .unwrap();
        assert!(worth_a_look_up(&[hit(3, bucket), hit(9, bucket)], 20));
        assert!(worth_a_look_up(
            &[hit(3, bucket), hit(5, other), hit(9, bucket)],
            20
        ));
        assert!(!worth_a_look_up(&[hit(3, bucket), hit(9, other)], 20));
    }

    #[test]
    fn one_gram_in_two_segments_is_one_gram() {
        let bucket = Tag::of_text(7);
        assert!(!worth_a_look_up(&[hit(3, bucket), hit(3, bucket)], 20));
        assert!(worth_a_look_up(
            &[hit(3, bucket), hit(3, bucket), hit(4, bucket)],
            20
        ));
        assert!(!worth_a_look_up(&[hit(3, bucket), hit(3, bucket)], 3));
    }

    #[test]
    fn half_of_the_grams_are_and_so_is_one_of_a_short_text() {
        assert!(worth_a_look_up(&[hit(0, Tag::COMMON)], 2));
        assert!(worth_a_look_up(
            &[hit(0, Tag::COMMON), hit(3, Tag::of_text(1))],
            4
        ));
        assert!(!worth_a_look_up(
            &[hit(0, Tag::COMMON), hit(3, Tag::of_text(1))],
            5
        ));
        assert!(worth_a_look_up(&[hit(40, Tag::ALONE)], 90));
    }
}
