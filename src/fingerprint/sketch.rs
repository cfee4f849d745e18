//! The sketch: grams selected by winnowing, so that a long enough shared run always shares one.

use super::gram;
use super::gram::ORDER_BYTES;
use super::key::FingerprintKey;
use super::prompt::GramSet;
use super::recipe::Recipe;
use crate::text::NormalText;

/// One selected gram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram {
    /// Identity under the key: equal for equal grams.
    pub id: u64,
    /// Byte of the stream at which the gram starts.
    pub at: u32,
}

/// Selects the grams of texts; keeps its buffers from one text to the next.
#[derive(Debug, Clone)]
pub struct Sketcher {
    recipe: Recipe,
    key: FingerprintKey,
    /// Ranks of the current block, replaced by the least from each place to the block's end.
    tails: Vec<u64>,
    /// Ranks of the next block.
    heads: Vec<u64>,
    /// Positions of the minima of the windows that start in the current block.
    minima: Vec<u32>,
    selected: Vec<u32>,
    digests: Vec<u64>,
}

impl Sketcher {
    /// A sketcher for one recipe and one key.
    pub fn new(recipe: Recipe, key: FingerprintKey) -> Self {
        Self {
            recipe,
            key,
            tails: Vec::new(),
            heads: Vec::new(),
            minima: Vec::new(),
            selected: Vec::new(),
            digests: Vec::new(),
        }
    }

    /// The recipe that grams are selected by.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The key that grams are made under.
    pub fn key(&self) -> &FingerprintKey {
        &self.key
    }

    /// Writes the sketch of `text` to `out`, ascending by position; `out` is emptied first.
    ///
    /// In every window of `w` positions the one of least order value is selected, the leftmost
    /// among equals; a text with fewer positions selects one, a text shorter than a gram none. A
    /// selected gram equal to the one selected before it is left out, so a text of one repeated
    /// letter gives one gram.
    ///
    /// Time is linear in the length of the text, for every text.
    pub fn sketch(&mut self, text: &NormalText, out: &mut Vec<Gram>) {
        self.sketch_where(text, |_| true, out);
    }

    /// Like `sketch`, but leaves out grams that are in `prompt`, wherever they stand there.
    pub fn sketch_without(&mut self, text: &NormalText, prompt: &GramSet, out: &mut Vec<Gram>) {
        self.sketch_where(text, |digest| !prompt.contains(digest), out);
    }

    fn sketch_where(&mut self, text: &NormalText, keep: impl Fn(u64) -> bool, out: &mut Vec<Gram>) {
        out.clear();
        self.select(text.as_bytes());
        self.digests.clear();
        let bytes = text.as_bytes();
        let mut before = None;
        for &at in &self.selected {
            let start = at as usize;
            let bytes = bytes
                .get(start..start + self.recipe.gram_bytes())
                .unwrap_or_default();
            let digest = gram::digest(bytes);
            if before == Some(digest) {
                continue;
            }
            before = Some(digest);
            if keep(digest) {
                self.digests.push(digest);
                out.push(Gram { id: 0, at });
            }
        }
        self.key.grams.encrypt_all(&mut self.digests);
        for (gram, &id) in out.iter_mut().zip(&self.digests) {
            gram.id = id;
        }
    }

    /// Fills `selected` with the positions of window minima, ascending and unique.
    ///
    /// Positions are cut into blocks of `w`. A window that starts inside a block is a tail of that
    /// block and a head of the next, so its minimum is the lesser of a minimum over the tail,
    /// computed once per block from the back, and a running minimum over the head (van Herk 1992,
    /// DOI 10.1016/0167-8655(92)90069-C).
    fn select(&mut self, bytes: &[u8]) {
        self.selected.clear();
        let Some(positions) = (bytes.len() + 1).checked_sub(self.recipe.gram_bytes()) else {
            return;
        };
        let window = self.recipe.window();
        // The bytes that order values are read from: one value per position.
        let heads = bytes.get(..positions + ORDER_BYTES - 1).unwrap_or_default();
        let mut starts = (0..positions).step_by(window);
        rank_block(heads, starts.next().unwrap_or(0), window, &mut self.tails);
        if self.tails.len() < window {
            // Fewer positions than a window: one minimum over all of them.
            self.minima.clear();
            self.minima
                .extend(self.tails.iter().min().map(|&rank| position(rank)));
            push_changes(&self.minima, &mut self.selected);
            return;
        }
        loop {
            rank_block(
                heads,
                starts.next().unwrap_or(positions),
                window,
                &mut self.heads,
            );
            // From the back: each place holds the least rank from there to the block's end.
            let mut least = u64::MAX;
            for place in self.tails.iter_mut().rev() {
                least = least.min(*place);
                *place = least;
            }
            // One window at the block's start, then one for each position of the next block but
            // its last, which completes the next block's first window.
            let mut least = u64::MAX;
            self.minima.clear();
            self.minima
                .extend(self.tails.first().map(|&tail| position(tail)));
            self.minima.extend(
                self.tails
                    .iter()
                    .skip(1)
                    .zip(&self.heads)
                    .map(|(&tail, &head)| {
                        least = least.min(head);
                        position(tail.min(least))
                    }),
            );
            push_changes(&self.minima, &mut self.selected);
            if self.heads.len() < window {
                return;
            }
            std::mem::swap(&mut self.tails, &mut self.heads);
        }
    }
}

/// Replaces `ranks` by those of up to `window` positions from `start` on.
///
/// A rank has the order value above and the position below, so that the least rank is the least
/// order value, leftmost among equals.
#[inline]
fn rank_block(heads: &[u8], start: usize, window: usize, ranks: &mut Vec<u64>) {
    ranks.clear();
    let tail = heads.get(start..).unwrap_or_default();
    let first = u32::try_from(start).unwrap_or(u32::MAX);
    ranks.extend(
        tail.windows(ORDER_BYTES)
            .take(window)
            .zip(first..)
            .map(|(head, at)| {
                let head = head.first_chunk().copied().unwrap_or_default();
                (u64::from(gram::order(head)) << 32) | u64::from(at)
            }),
    );
}

/// The position in a rank.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is the position"
)]
fn position(rank: u64) -> u32 {
    rank as u32
}

/// Appends each position that differs from the one before it. Minima of successive windows come in
/// ascending order, mostly the same again.
#[inline]
fn push_changes(minima: &[u32], selected: &mut Vec<u32>) {
    let mut last = selected.last().copied().unwrap_or(u32::MAX);
    for &at in minima {
        if at != last {
            selected.push(at);
            last = at;
        }
    }
}
