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
    /// The least rank from each place of a stretch of positions to the stretch's end.
    tails: Vec<u64>,
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
    /// The least rank of the window is known from one position to the next, unless it leaves the
    /// window. Then the least of what is left is looked up: `tails` holds, for a stretch of `w`
    /// positions, the least from each place to the stretch's end, and `head` the least of all
    /// positions after that stretch. When the window has left the stretch behind, the window
    /// itself becomes the stretch. That happens at most once in `w` positions, so that every
    /// position costs a constant number of steps whatever the text.
    fn select(&mut self, bytes: &[u8]) {
        self.selected.clear();
        let Some(positions) = (bytes.len() + 1).checked_sub(self.recipe.gram_bytes()) else {
            return;
        };
        if positions == 0 {
            return;
        }
        let window = self.recipe.window().min(positions);
        // The bytes that order values are read from: one value per position.
        let bytes = bytes.get(..positions + ORDER_BYTES - 1).unwrap_or_default();
        let mut stretch = 0;
        let mut least = fill_tails(bytes, stretch, window, &mut self.tails);
        let mut head = u64::MAX;
        self.selected.push(position(least));
        let entering = ranks(bytes, window);
        for (start, rank) in (1..).zip(entering) {
            head = head.min(rank);
            if rank < least {
                least = rank;
            } else if (position(least) as usize) < start {
                if start < stretch + window {
                    let tail = self.tails.get(start - stretch).copied();
                    least = head.min(tail.unwrap_or(u64::MAX));
                } else {
                    stretch = start;
                    head = u64::MAX;
                    least = fill_tails(bytes, stretch, window, &mut self.tails);
                }
            } else {
                continue;
            }
            self.selected.push(position(least));
        }
    }
}

/// The ranks of all positions from `from` on. A rank has the order value above and the position
/// below, so that the least rank is the least order value, leftmost among equals.
#[inline]
fn ranks(bytes: &[u8], from: usize) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
    let tail = bytes.get(from..).unwrap_or_default();
    tail.windows(ORDER_BYTES)
        .enumerate()
        .map(move |(at, head)| {
            let head = head.first_chunk().copied().unwrap_or_default();
            // Fits: a normal form has fewer than 2^32 bytes.
            (u64::from(gram::order(head)) << 32) | (from + at) as u64
        })
}

/// Replaces `tails` by the least rank from each of `len` positions to the last of them; returns
/// the least of all.
fn fill_tails(bytes: &[u8], start: usize, len: usize, tails: &mut Vec<u64>) -> u64 {
    tails.resize(len, u64::MAX);
    let stretch = bytes
        .get(..start + len + ORDER_BYTES - 1)
        .unwrap_or_default();
    let mut least = u64::MAX;
    for (tail, rank) in tails.iter_mut().rev().zip(ranks(stretch, start).rev()) {
        least = least.min(rank);
        *tail = least;
    }
    least
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
