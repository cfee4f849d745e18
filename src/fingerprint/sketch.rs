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
    /// Order value and position of each position in the current block, replaced from the back by
    /// the least of itself and all that follow.
    block: Vec<u64>,
    selected: Vec<u32>,
    digests: Vec<u64>,
}

impl Sketcher {
    /// A sketcher for one recipe and one key.
    pub fn new(recipe: Recipe, key: FingerprintKey) -> Self {
        Self {
            recipe,
            key,
            block: Vec::new(),
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
        let mut ranks = bytes
            .windows(ORDER_BYTES)
            .zip(0_u32..)
            .take(positions)
            .map(rank);
        self.block.clear();
        self.block.extend(ranks.by_ref().take(self.recipe.window()));
        if self.block.is_empty() {
            return;
        }
        let mut selector = Selector {
            selected: &mut self.selected,
            last: None,
        };
        while self.block.len() == self.recipe.window() {
            // From the back: each place holds the least rank from there to the block's end.
            let mut least = u64::MAX;
            for place in self.block.iter_mut().rev() {
                least = least.min(*place);
                *place = least;
            }
            // Windows that start in this block, as far as the next block reaches. The next block
            // overwrites places that no later window needs.
            let mut head = u64::MAX;
            let mut filled = 0;
            if let Some(&first) = self.block.first() {
                selector.take(first);
            }
            let window = self.recipe.window();
            for place in 0..window {
                let Some(rank) = ranks.next() else { break };
                filled = place + 1;
                head = head.min(rank);
                if let Some(&tail) = self.block.get(place + 1) {
                    selector.take(tail.min(head));
                }
                if let Some(place) = self.block.get_mut(place) {
                    *place = rank;
                }
            }
            if filled < window {
                return;
            }
        }
        // Fewer positions than a window: one minimum over all of them.
        if let Some(&least) = self.block.iter().min() {
            selector.take(least);
        }
    }
}

/// Order value above, position below: the least rank is the least order value, leftmost.
fn rank((head, at): (&[u8], u32)) -> u64 {
    let head = head.first_chunk().copied().unwrap_or_default();
    (u64::from(gram::order(head)) << 32) | u64::from(at)
}

/// Collects window minima; they come in ascending order of position, often the same again.
struct Selector<'a> {
    selected: &'a mut Vec<u32>,
    last: Option<u32>,
}

impl Selector<'_> {
    #[inline]
    fn take(&mut self, rank: u64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half is the position"
        )]
        let at = rank as u32;
        if self.last != Some(at) {
            self.last = Some(at);
            self.selected.push(at);
        }
    }
}
