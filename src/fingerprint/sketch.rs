//! The sketch: grams selected by winnowing, so that a long enough shared run always shares one.

use super::gram;
use super::key::FingerprintKey;
use super::prompt::GramSet;
use super::recipe::GRAM_BYTES_DEFAULT;
use super::recipe::Recipe;
use super::recipe::Side;
use super::select::Selector;
use crate::cpu::Vectors;
use crate::text::NormalText;

const DEFAULT_GRAM: usize = GRAM_BYTES_DEFAULT as usize;

/// One selected gram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram {
    /// Identity under the key: equal for equal grams. The upper 48 bits; the lower 16 are 0.
    pub id: u64,
    /// Byte of the stream at which the gram starts.
    pub at: u32,
}

/// Selects the grams of texts; keeps its buffers from one text to the next.
#[derive(Debug, Clone)]
pub struct Sketcher {
    recipe: Recipe,
    side: Side,
    key: FingerprintKey,
    vectors: Vectors,
    selector: Selector,
    selected: Vec<u32>,
    digests: Vec<u64>,
}

impl Sketcher {
    /// A sketcher for one recipe, one side of the comparison and one key.
    pub fn new(recipe: Recipe, side: Side, key: FingerprintKey) -> Self {
        Self::with(Vectors::get(), recipe, side, key)
    }

    /// A sketcher that uses these instructions, which the machine must have: the result is the
    /// same, and tests hold it so.
    pub fn with(vectors: Vectors, recipe: Recipe, side: Side, key: FingerprintKey) -> Self {
        let vectors = vectors.min(Vectors::widest());
        Self {
            recipe,
            side,
            key,
            vectors,
            selector: Selector::new(vectors),
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
    /// In every window ([`Recipe::window_for`] says how wide) the position of least order value is
    /// selected, the leftmost among equals; a text with fewer positions selects one, a text shorter than a gram none. A
    /// selected gram equal to the one selected before it is left out, so a text of one repeated
    /// letter gives one gram.
    ///
    /// Time is linear in the length of the text, for every text.
    pub fn sketch(&mut self, text: &NormalText, out: &mut Vec<Gram>) {
        self.sketch_where(text, |_| true, out);
    }

    /// Appends the digests of the sketch of `text` to `out`, not yet under the key: the grams of
    /// many texts are sealed together by [`seal`](Self::seal), which is faster. The byte at which
    /// each starts is appended to `places`. Returns how many.
    pub fn append_digests(
        &mut self,
        text: &NormalText,
        out: &mut Vec<u64>,
        places: &mut Vec<u32>,
    ) -> usize {
        let bytes = text.as_bytes();
        self.select(bytes);
        let start = out.len();
        out.reserve(self.selected.len());
        // With the length a constant, the digests of neighbouring grams overlap.
        if self.recipe.gram_bytes() == DEFAULT_GRAM {
            let gram = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk());
            out.extend(self.selected.iter().map(|&at| {
                let gram: [u8; DEFAULT_GRAM] = gram(at as usize).copied().unwrap_or_default();
                gram::digest(&gram)
            }));
        } else {
            let length = self.recipe.gram_bytes();
            let gram = |at: usize| bytes.get(at..at + length).unwrap_or_default();
            let digests = self
                .selected
                .iter()
                .map(|&at| gram::digest(gram(at as usize)));
            out.extend(digests);
        }
        let first_place = places.len();
        places.extend_from_slice(&self.selected);
        drop_repeated(out, start, places, first_place);
        out.len() - start
    }

    fn select(&mut self, bytes: &[u8]) {
        let window = self.recipe.window_for(self.side, bytes.len());
        self.selector
            .select(bytes, self.recipe.gram_bytes(), window, &mut self.selected);
    }

    /// Turns digests into the ids of their grams.
    pub fn seal(&self, digests: &mut [u64]) {
        self.key.grams.encrypt_all(self.vectors, digests);
    }

    /// Like `sketch`, but leaves out grams that are in one of `prompts`, wherever they stand there.
    pub fn sketch_without(&mut self, text: &NormalText, prompts: &[GramSet], out: &mut Vec<Gram>) {
        let asked = |digest| prompts.iter().any(|prompt| prompt.contains(digest));
        self.sketch_where(text, |digest| !asked(digest), out);
    }

    fn sketch_where(&mut self, text: &NormalText, keep: impl Fn(u64) -> bool, out: &mut Vec<Gram>) {
        out.clear();
        let bytes = text.as_bytes();
        self.select(bytes);
        self.digests.clear();
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
        self.key.grams.encrypt_all(self.vectors, &mut self.digests);
        for (gram, &id) in out.iter_mut().zip(&self.digests) {
            gram.id = id;
        }
    }
}

/// Leaves out, from `start` on, every digest that equals the one before it, and its place, of which
/// the first stands at `first_place`.
fn drop_repeated(digests: &mut Vec<u64>, start: usize, places: &mut Vec<u32>, first_place: usize) {
    let new = digests.get(start..).unwrap_or_default();
    // Repetitions are rare: nothing is moved unless there is one.
    if !new.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return;
    }
    let tail = digests.split_off(start);
    let tail_places = places.split_off(first_place);
    let mut before = None;
    for (digest, place) in tail.into_iter().zip(tail_places) {
        if before != Some(digest) {
            digests.push(digest);
            places.push(place);
        }
        before = Some(digest);
    }
}
