//! An upper bound of what an alignment can score, at a hundredth of its cost.
//!
//! A unit may share a gram with thousands of registered texts. Aligning each is a table of unit
//! words × text words; counting equal words and equal pairs of neighbours is one pass over the
//! text. When even the bound keeps a candidate below the policy's threshold, the alignment is not
//! run: nothing that would be reported is lost.
//!
//! Why it holds: an alignment with `M` equal words in `R` runs without a gap has `M − R` equal
//! pairs of neighbours, and pays at least one miss (0.8) between runs, so with `h` equal words and
//! `p` equal pairs in the two bags, `score ≤ M − 0.8 (R − 1)`, `M ≤ h` and `M − R ≤ p`, thus
//! `score ≤ 0.2 h + 0.8 p + 0.8`; several blocks add 0.8 each.
//!
//! Pure: no I/O, no clock.

use super::align::BLOCKS_MAX;
use super::align::MISS_WORDS;
use super::align::NOT_EVIDENCE;

/// Kinds of words: one byte.
const WORDS: usize = 1 << 8;
/// Kinds of pairs of neighbours: two bytes.
const PAIRS: usize = 1 << 16;

/// The words of one unit, counted. 129 KiB, reused from unit to unit.
pub(crate) struct WordBag {
    /// Numbers stop at the largest: a text that is aligned exactly with a unit of so many words has
    /// fewer itself, and finds its partners all the same.
    words: Vec<u16>,
    pairs: Vec<u16>,
    /// What was counted, to take it back without clearing the tables.
    unit: Vec<u8>,
    /// What a text found a partner for, likewise.
    taken: Vec<u16>,
}

/// The most that any alignment with a text can score, in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    /// Of the best block.
    pub best: f64,
    /// Of all blocks together.
    pub total: f64,
}

impl Default for WordBag {
    fn default() -> Self {
        Self {
            words: vec![0; WORDS],
            pairs: vec![0; PAIRS],
            unit: Vec::new(),
            taken: Vec::new(),
        }
    }
}

impl WordBag {
    /// Counts the words of another unit instead.
    pub(crate) fn fill(&mut self, unit: &[u8]) {
        let last = std::mem::take(&mut self.unit);
        self.count(&last, |n| *n = 0);
        self.unit = last;
        self.unit.clear();
        self.unit.extend_from_slice(unit);
        self.count(unit, |n| *n = n.saturating_add(1));
    }

    fn count(&mut self, unit: &[u8], change: impl Fn(&mut u16)) {
        for word in unit.iter().filter(|w| **w != NOT_EVIDENCE) {
            self.words.get_mut(usize::from(*word)).map(&change);
        }
        for pair in pairs(unit) {
            self.pairs.get_mut(usize::from(pair)).map(&change);
        }
    }

    /// The bound for a registered text.
    pub(crate) fn bound(&mut self, text: &[u8]) -> Bound {
        let words = text.iter().filter(|w| **w != NOT_EVIDENCE);
        let words = words.map(|w| u16::from(*w));
        let words = shared(&mut self.words, &mut self.taken, words);
        let pairs = shared(&mut self.pairs, &mut self.taken, pairs(text));
        let inside = (1.0 - MISS_WORDS) * words + MISS_WORDS * pairs;
        Bound {
            best: (inside + MISS_WORDS).min(words),
            total: (inside + MISS_WORDS * BLOCKS_MAX as f64).min(words),
        }
    }
}

/// Neighbours that are both evidence, as one number each.
fn pairs(words: &[u8]) -> impl Iterator<Item = u16> + '_ {
    words
        .windows(2)
        .filter_map(|pair| match (pair.first(), pair.last()) {
            (Some(a), Some(b)) if *a != NOT_EVIDENCE && *b != NOT_EVIDENCE => {
                Some(u16::from_be_bytes([*a, *b]))
            }
            _ => None,
        })
}

/// How many of `keys` find a partner among the counted, each partner once. The counts are as
/// before afterwards.
fn shared(counts: &mut [u16], taken: &mut Vec<u16>, keys: impl Iterator<Item = u16>) -> f64 {
    taken.clear();
    for key in keys {
        if let Some(left @ 1..) = counts.get_mut(usize::from(key)) {
            *left -= 1;
            taken.push(key);
        }
    }
    for key in taken.iter() {
        if let Some(count) = counts.get_mut(usize::from(*key)) {
            *count += 1;
        }
    }
    taken.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::align::Aligner;
    use super::super::align::Blocks;
    use super::*;
    use proptest::prelude::*;

    fn bound(unit: &[u8], text: &[u8]) -> Bound {
        let mut bag = WordBag::default();
        bag.fill(b"what an earlier unit left behind");
        bag.fill(unit);
        let first = bag.bound(text);
        assert_eq!(first, bag.bound(text), "asking changes nothing");
        first
    }

    #[test]
    fn unrelated_order_is_bounded_far_below_a_copy() {
        let text: Vec<u8> = (0..200u16)
            .map(|i| u8::try_from(i * 7 % 50 + 1).unwrap())
            .collect();
        let mut backwards = text.clone();
        backwards.reverse();
        assert!((bound(&text, &text).best - 200.0).abs() < 1.0);
        // The same words in the other order: all words shared, hardly a pair.
        assert!(bound(&backwards, &text).best < 50.0);
    }

    #[test]
    fn words_that_are_not_evidence_count_for_nothing() {
        assert!(bound(&[0; 9], &[0; 9]).total.abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn no_alignment_scores_more(unit in prop::collection::vec(0u8..6, 0..90),
                                    text in prop::collection::vec(0u8..6, 0..90)) {
            let a = Aligner::default().align(&unit, &text, Blocks::All);
            let b = bound(&unit, &text);
            prop_assert!(a.best <= b.best + 1e-9, "{a:?} {b:?}");
            prop_assert!(a.total <= b.total + 1e-9, "{a:?} {b:?}");
        }

        #[test]
        fn nor_when_whole_stretches_are_shared(parts in prop::collection::vec(0usize..4, 1..8),
                                               order in prop::collection::vec(0usize..4, 1..8)) {
            let stretch = |part: &usize| {
                let part = u8::try_from(*part).unwrap();
                (0..30u8).map(move |i| part * 31 + i * 3 % 29 + 1)
            };
            let unit: Vec<u8> = parts.iter().flat_map(stretch).collect();
            let text: Vec<u8> = order.iter().flat_map(stretch).collect();
            let a = Aligner::default().align(&unit, &text, Blocks::All);
            let b = bound(&unit, &text);
            prop_assert!(a.best <= b.best + 1e-9 && a.total <= b.total + 1e-9, "{a:?} {b:?}");
        }
    }
}
