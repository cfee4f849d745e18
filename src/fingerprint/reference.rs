//! Winnowing as it is defined, window by window: the oracle of tests and the baseline of benches.

use super::gram;
use super::gram::ORDER_BYTES;
use super::key::FingerprintKey;
use super::recipe::Recipe;
use super::recipe::Side;
use super::sketch::Gram;
use crate::text::NormalText;
use std::collections::BTreeSet;

/// The sketch of `text`: same result as `Sketcher::sketch`, in time proportional to length times
/// window.
pub fn sketch(text: &NormalText, recipe: &Recipe, side: Side, key: &FingerprintKey) -> Vec<Gram> {
    let window = recipe.window_for(side, text.len());
    let grams: Vec<&[u8]> = text.as_bytes().windows(recipe.gram_bytes()).collect();
    let values: Vec<u32> = grams.iter().map(|gram| order(gram)).collect();
    let mut selected = BTreeSet::new();
    for (start, window) in values.windows(window.min(values.len()).max(1)).enumerate() {
        // `min_by_key` returns the first of several equal minima.
        if let Some((offset, _)) = window.iter().enumerate().min_by_key(|&(_, value)| *value) {
            selected.insert(start + offset);
        }
    }
    let mut sketch = Vec::new();
    let mut before: Option<&[u8]> = None;
    for at in selected {
        let Some(&bytes) = grams.get(at) else {
            continue;
        };
        if before == Some(bytes) {
            continue;
        }
        before = Some(bytes);
        sketch.push(Gram {
            id: key.seal_gram(gram::digest(bytes)),
            at: u32::try_from(at).unwrap_or(u32::MAX),
        });
    }
    sketch
}

fn order(gram: &[u8]) -> u32 {
    let mut head = [0; ORDER_BYTES];
    for (to, from) in head.iter_mut().zip(gram) {
        *to = *from;
    }
    gram::order(head)
}
