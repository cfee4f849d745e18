//! The sketch: grams selected by winnowing, so that a long enough shared run always shares one.

use super::gram;
use super::key::FingerprintKey;
use super::prompt::GramSet;
use super::recipe::Recipe;
use super::select::Selector;
use crate::cpu::Vectors;
use crate::text::NormalText;

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
    key: FingerprintKey,
    vectors: Vectors,
    selector: Selector,
    selected: Vec<u32>,
    digests: Vec<u64>,
}

impl Sketcher {
    /// A sketcher for one recipe and one key.
    pub fn new(recipe: Recipe, key: FingerprintKey) -> Self {
        Self::with(Vectors::get(), recipe, key)
    }

    /// A sketcher that uses these instructions, which the machine must have: the result is the
    /// same, and tests hold it so.
    pub fn with(vectors: Vectors, recipe: Recipe, key: FingerprintKey) -> Self {
        let vectors = vectors.min(Vectors::widest());
        Self {
            recipe,
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
    /// In every window of `w` positions the one of least order value is selected, the leftmost
    /// among equals; a text with fewer positions selects one, a text shorter than a gram none. A
    /// selected gram equal to the one selected before it is left out, so a text of one repeated
    /// letter gives one gram.
    ///
    /// Time is linear in the length of the text, for every text.
    pub fn sketch(&mut self, text: &NormalText, out: &mut Vec<Gram>) {
        self.sketch_where(text, |_| true, out);
    }

    /// Appends the digests of the sketch of `text` to `out`, not yet under the key: the grams of
    /// many texts are sealed together by [`seal`](Self::seal), which is faster. Returns how many.
    pub fn append_digests(&mut self, text: &NormalText, out: &mut Vec<u64>) -> usize {
        let bytes = text.as_bytes();
        self.selector.select(bytes, self.recipe, &mut self.selected);
        let start = out.len();
        let gram_bytes = self.recipe.gram_bytes();
        for &at in &self.selected {
            let at = at as usize;
            let gram = bytes.get(at..at + gram_bytes).unwrap_or_default();
            let digest = gram::digest(gram);
            if out.len() == start || out.last() != Some(&digest) {
                out.push(digest);
            }
        }
        out.len() - start
    }

    /// Turns digests into the ids of their grams.
    pub fn seal(&self, digests: &mut [u64]) {
        self.key.grams.encrypt_all(self.vectors, digests);
    }

    /// Like `sketch`, but leaves out grams that are in `prompt`, wherever they stand there.
    pub fn sketch_without(&mut self, text: &NormalText, prompt: &GramSet, out: &mut Vec<Gram>) {
        self.sketch_where(text, |digest| !prompt.contains(digest), out);
    }

    fn sketch_where(&mut self, text: &NormalText, keep: impl Fn(u64) -> bool, out: &mut Vec<Gram>) {
        out.clear();
        let bytes = text.as_bytes();
        self.selector.select(bytes, self.recipe, &mut self.selected);
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
