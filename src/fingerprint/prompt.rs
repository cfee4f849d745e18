//! What an output owes to its prompt: text that the model was given is no evidence of the model.

#![expect(
    clippy::inline_always,
    reason = "a digest is unrolled where the caller's length is a constant"
)]

use std::hash::BuildHasher as _;
use std::hash::RandomState;

use super::gram;
use super::gram::ORDER_BYTES;
use super::recipe::GRAM_BYTES_DEFAULT;
use super::recipe::Recipe;
use crate::text::NormalText;

const DEFAULT_GRAM: usize = GRAM_BYTES_DEFAULT as usize;

/// A slot without a digest.
const FREE: u64 = 0;

/// Bits of the sieve for each gram, and most of them: powers of two. *Chosen*: 15 in 16 foreign grams
/// are turned away, and 8 KiB stay in the first-level cache.
const SIEVE_BITS_PER_GRAM: usize = 16;
const SIEVE_BITS_MAX: usize = 1 << 16;

/// Most slots that are kept for the next prompt. *Chosen*: 8 MiB, of a prompt of some 500 KB; a
/// single book must not stay in memory until the command ends.
const SLOTS_KEPT: usize = 1 << 20;

/// Places of an output that are looked at together: as many as a mask has bits.
const TOGETHER: usize = 64;

/// The unkeyed digests of all grams of a text, at every position.
#[derive(Debug, Clone)]
pub struct GramSet {
    gram_bytes: usize,
    /// Digests by open addressing: a power of two of slots, at most two in three of them taken; none
    /// for the set of a text without a gram.
    slots: Vec<u64>,
    /// How many are taken.
    taken: usize,
    /// Whether a digest is in the set that looks like a free slot.
    holds_free: bool,
    /// One bit for each value of a hash of [`ORDER_BYTES`] bytes: whether they stand in the text. A
    /// gram is in the set only where its first and its last bytes do, which turns away almost every
    /// position of an output before its digest is made.
    sieve: Vec<u64>,
    /// Odd and random, so that nobody can write a prompt whose grams fall into one place.
    multiplier: u64,
}

impl Default for GramSet {
    fn default() -> Self {
        Self {
            gram_bytes: 0,
            slots: Vec::new(),
            taken: 0,
            holds_free: false,
            sieve: Vec::new(),
            multiplier: RandomState::new().hash_one(0_u8) | 1,
        }
    }
}

impl GramSet {
    /// All grams of `text` under `recipe`; none if it is shorter than a gram.
    pub fn of(text: &NormalText, recipe: &Recipe) -> Self {
        let mut set = Self::default();
        set.refill(text, recipe);
        set
    }

    /// Replaces the set by that of another text and keeps the buffers, unless they are very large.
    pub fn refill(&mut self, text: &NormalText, recipe: &Recipe) {
        let bytes = text.as_bytes();
        self.gram_bytes = recipe.gram_bytes();
        if self.slots.capacity() > SLOTS_KEPT {
            self.slots = Vec::new();
        }
        self.slots.clear();
        self.sieve.clear();
        self.taken = 0;
        self.holds_free = false;
        let grams = (bytes.len() + 1).saturating_sub(self.gram_bytes);
        if grams == 0 {
            return;
        }
        // One slot stays free, where every search ends.
        let slots = (grams + grams / 2 + 1).next_power_of_two();
        self.slots.resize(slots, FREE);
        let bits = grams.saturating_mul(SIEVE_BITS_PER_GRAM);
        let bits = bits.clamp(64, SIEVE_BITS_MAX).next_power_of_two();
        self.sieve.resize(bits / 64, 0);
        for piece in bytes.windows(ORDER_BYTES) {
            let (at, bit) = self.sieve_place(piece);
            if let Some(word) = self.sieve.get_mut(at) {
                *word |= bit;
            }
        }
        if self.gram_bytes == DEFAULT_GRAM {
            let grams = bytes.windows(DEFAULT_GRAM);
            for gram in grams.filter_map(|gram| gram.first_chunk::<DEFAULT_GRAM>()) {
                self.insert(gram::digest(gram));
            }
        } else {
            for gram in bytes.windows(self.gram_bytes) {
                self.insert(gram::digest(gram));
            }
        }
    }

    #[inline(always)]
    fn insert(&mut self, digest: u64) {
        if digest == FREE {
            self.holds_free = true;
            return;
        }
        let mut place = self.first_place(digest);
        while let Some(slot) = self.slots.get_mut(place) {
            if *slot == digest {
                return;
            }
            if *slot == FREE {
                *slot = digest;
                self.taken += 1;
                return;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// Number of distinct grams.
    pub fn len(&self) -> usize {
        self.taken + usize::from(self.holds_free)
    }

    /// Whether there is no gram.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a gram with this unkeyed digest is in the set.
    pub(super) fn contains(&self, digest: u64) -> bool {
        if digest == FREE {
            return self.holds_free;
        }
        let mut place = self.first_place(digest);
        while let Some(slot) = self.slots.get(place) {
            if *slot == digest {
                return true;
            }
            if *slot == FREE {
                return false;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
        false
    }

    /// Where a digest stands, if the slot is not another's.
    #[inline(always)]
    fn first_place(&self, digest: u64) -> usize {
        // The upper bits of the product; the shift keeps as many as the slots have.
        let bits = self.slots.len().trailing_zeros();
        let product = digest.wrapping_mul(self.multiplier);
        usize::try_from(product.checked_shr(64 - bits).unwrap_or(0)).unwrap_or(0)
    }

    /// Word and bit of a piece of [`ORDER_BYTES`] bytes in the sieve.
    #[inline(always)]
    fn sieve_place(&self, piece: &[u8]) -> (usize, u64) {
        let piece = piece.first_chunk::<ORDER_BYTES>().copied();
        let piece = u64::from_le_bytes(piece.unwrap_or_default());
        // The upper bits of the product depend on all bytes.
        let hash = piece.wrapping_mul(self.multiplier) >> (64 - SIEVE_BITS_MAX.trailing_zeros());
        let word = usize::try_from(hash / 64).unwrap_or(0);
        (word & (self.sieve.len().max(1) - 1), 1 << (hash % 64))
    }

    /// For every place of `bytes`, whether the piece that starts there may stand in the text: a bit
    /// for each, the first place lowest. No branch depends on it.
    fn known(&self, bytes: &[u8]) -> Vec<u64> {
        let pieces = (bytes.len() + 1).saturating_sub(ORDER_BYTES);
        let of_word = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            let pieces = rest.windows(ORDER_BYTES).take(TOGETHER).zip(0_u32..);
            pieces.fold(0, |known, (piece, at)| {
                let (word, bit) = self.sieve_place(piece);
                let word = self.sieve.get(word).copied().unwrap_or(0);
                known | (u64::from(word & bit != 0) << at)
            })
        };
        (0..pieces).step_by(TOGETHER).map(of_word).collect()
    }

    /// For each word of `output`, whether all its bytes lie in grams that are in the set: such a
    /// word repeats the prompt and its hash is to become `NOT_EVIDENCE`.
    ///
    /// `covered` is emptied first; it ends with one value per word of `output`, which must have
    /// been normalised with words.
    pub fn cover(&self, output: &NormalText, covered: &mut Vec<bool>) {
        covered.clear();
        // Maximal stretches of shared grams that overlap or touch: half-open, ascending.
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        if !self.is_empty() {
            let bytes = output.as_bytes();
            let known = self.known(bytes);
            let ends = self.gram_bytes.saturating_sub(ORDER_BYTES);
            for (number, begins) in known.iter().enumerate() {
                let mut likely = begins & word_from(&known, number * TOGETHER + ends);
                while likely != 0 {
                    let at = number * TOGETHER + likely.trailing_zeros() as usize;
                    likely &= likely - 1;
                    let end = at + self.gram_bytes;
                    let gram = bytes.get(at..end);
                    if !gram.is_some_and(|gram| self.contains(gram::digest(gram))) {
                        continue;
                    }
                    match stretches.last_mut() {
                        Some((_, last_end)) if at <= *last_end => *last_end = end,
                        _ => stretches.push((at, end)),
                    }
                }
            }
        }
        let starts = output.word_starts();
        covered.resize(starts.len(), false);
        for (first, last) in stretches {
            let from = starts.partition_point(|&start| (start as usize) < first);
            // A word ends where the next one begins, the last one with the stream.
            let to = if last == output.len() {
                starts.len()
            } else {
                let begun = starts.partition_point(|&start| start as usize <= last);
                begun.saturating_sub(1)
            };
            if let Some(words) = covered.get_mut(from..to) {
                words.fill(true);
            }
        }
    }
}

/// The bits from one place on, as many as a word has.
fn word_from(words: &[u64], place: usize) -> u64 {
    let word = |at: usize| words.get(at).copied().unwrap_or(0);
    let (at, shift) = (place / TOGETHER, place % TOGETHER);
    let high = word(at + 1)
        .checked_shl(64 - u32::try_from(shift).unwrap_or(0))
        .unwrap_or(0);
    (word(at) >> shift) | high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Normalizer;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn normal(text: &str) -> NormalText {
        let mut out = NormalText::default();
        Normalizer::new()
            .normalize_with_words(text, &mut out)
            .unwrap();
        out
    }

    #[test]
    fn a_digest_that_looks_like_a_free_slot_is_in_no_set_by_chance() {
        assert!(!GramSet::default().contains(FREE));
        let set = GramSet::of(
            &normal("one gram of 24 letters, just so"),
            &Recipe::default(),
        );
        assert_eq!(set.len(), 1);
        assert!(!set.contains(FREE));
        assert!(!set.contains(1));
    }

    #[test]
    fn a_long_prompt_is_searched_whole_and_its_buffers_are_not_kept() {
        let long = (0..150_000).fold(String::new(), |mut text, number: u32| {
            text.push_str(&number.to_string());
            text.push(' ');
            text
        });
        let long = normal(&long);
        let short = normal("a short one that has some grams of its own");
        let recipe = Recipe::default();
        let mut set = GramSet::of(&long, &recipe);
        assert!(set.len() > 700_000, "{}", set.len());
        for gram in long.as_bytes().windows(recipe.gram_bytes()).step_by(997) {
            assert!(set.contains(gram::digest(gram)));
        }
        assert!(set.slots.capacity() > SLOTS_KEPT);
        set.refill(&short, &recipe);
        let grams = short.as_bytes().windows(recipe.gram_bytes());
        assert_eq!(set.len(), grams.len());
        assert!(set.slots.capacity() < 100);
    }

    proptest! {
        #[test]
        fn a_set_is_that_of_the_windows_and_covers_what_lies_in_them(
            prompts in prop::collection::vec("[ab]{0,90}( [abc]{1,9}){0,9}", 1..4),
            between in "[ab ]{0,60}",
            gram_bytes in prop::sample::select(vec![8, 9, 24, 31]),
        ) {
            let recipe = Recipe::new(gram_bytes, 5).unwrap();
            let grams = recipe.gram_bytes();
            let mut set = GramSet::default();
            for prompt in &prompts {
                let prompt = normal(prompt);
                // What a set held before is gone.
                set.refill(&prompt, &recipe);
                let windows: HashSet<&[u8]> = prompt.as_bytes().windows(grams).collect();
                prop_assert_eq!(set.len(), windows.len());
                let output = normal(&format!("{between} {} {between}", prompts.concat()));
                let mut inside = vec![false; output.len()];
                for (at, gram) in output.as_bytes().windows(grams).enumerate() {
                    prop_assert_eq!(set.contains(gram::digest(gram)), windows.contains(gram));
                    if windows.contains(gram) {
                        inside[at..at + grams].fill(true);
                    }
                }
                let mut at = 0;
                let expected: Vec<bool> = output.words().map(|word| {
                    at += word.len();
                    inside[at - word.len()..at].iter().all(|&byte| byte)
                }).collect();
                let mut covered = vec![true; 3];
                set.cover(&output, &mut covered);
                prop_assert_eq!(covered, expected);
            }
        }
    }
}
