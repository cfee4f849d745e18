//! What an output owes to its prompt: text that the model was given is no evidence of the model.

use super::gram;
use super::recipe::Recipe;
use crate::text::NormalText;

/// The unkeyed digests of all grams of a text, at every position.
#[derive(Debug, Clone, Default)]
pub struct GramSet {
    gram_bytes: usize,
    /// Ascending, unique.
    digests: Vec<u64>,
    /// One bit for each value of the digest's low bits: whether a digest with them is in the set.
    sieve: Vec<u64>,
}

/// Bits of the sieve. *Chosen*: 8 KiB stay in the first-level cache and turn away nine in ten
/// foreign grams of a prompt of some thousand bytes.
const SIEVE_BITS: usize = 1 << 16;

impl GramSet {
    /// All grams of `text` under `recipe`; none if it is shorter than a gram.
    pub fn of(text: &NormalText, recipe: &Recipe) -> Self {
        let mut set = Self::default();
        set.refill(text, recipe);
        set
    }

    /// Replaces the set by that of another text and keeps the buffers.
    pub fn refill(&mut self, text: &NormalText, recipe: &Recipe) {
        self.gram_bytes = recipe.gram_bytes();
        self.digests.clear();
        let grams = text.as_bytes().windows(self.gram_bytes);
        self.digests.extend(grams.map(gram::digest));
        self.digests.sort_unstable();
        self.digests.dedup();
        self.sieve.clear();
        if !self.digests.is_empty() {
            self.sieve.resize(SIEVE_BITS / 64, 0);
            for &digest in &self.digests {
                let (at, bit) = sieve_place(digest);
                if let Some(word) = self.sieve.get_mut(at) {
                    *word |= bit;
                }
            }
        }
    }

    /// Number of distinct grams.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether there is no gram.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether a gram with this unkeyed digest is in the set.
    pub(super) fn contains(&self, digest: u64) -> bool {
        let (at, bit) = sieve_place(digest);
        self.sieve.get(at).is_some_and(|word| word & bit != 0)
            && self.digests.binary_search(&digest).is_ok()
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
            for (at, gram) in output.as_bytes().windows(self.gram_bytes).enumerate() {
                if !self.contains(gram::digest(gram)) {
                    continue;
                }
                let end = at + self.gram_bytes;
                match stretches.last_mut() {
                    Some((_, last_end)) if at <= *last_end => *last_end = end,
                    _ => stretches.push((at, end)),
                }
            }
        }
        let mut stretches = stretches.into_iter().peekable();
        let mut start = 0;
        for word in output.words() {
            let end = start + word.len();
            while stretches.next_if(|&(_, last)| last < end).is_some() {}
            covered.push(stretches.peek().is_some_and(|&(first, _)| first <= start));
            start = end;
        }
    }
}

/// Word and bit of a digest in the sieve.
fn sieve_place(digest: u64) -> (usize, u64) {
    let low = usize::from(u16::try_from(digest & 0xFFFF).unwrap_or_default());
    (low / 64, 1 << (low % 64))
}
