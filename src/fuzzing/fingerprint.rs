//! Sketches against their definition and their guarantee.
//!
//! Two bytes choose the recipe, one the place of the shared run, four more its surroundings; the
//! rest is text.

use std::collections::BTreeSet;

use super::feed::Feed;
use crate::cpu::Vectors;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::GRAM_BYTES_MAX;
use crate::fingerprint::GRAM_BYTES_MIN;
use crate::fingerprint::Gram;
use crate::fingerprint::KEY_BYTES;
use crate::fingerprint::Recipe;
use crate::fingerprint::Side;
use crate::fingerprint::Sketcher;
use crate::fingerprint::reference;
use crate::text::NormalText;
use crate::text::Normalizer;

/// Longest text. Chosen: the reference costs length times window.
const TEXT_BYTES_MAX: usize = 2 << 10;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    let gram = GRAM_BYTES_MIN + u32::from(feed.u8()) % (GRAM_BYTES_MAX - GRAM_BYTES_MIN + 1);
    let window = 1 + u32::from(feed.u8()) % 80;
    let recipe = match feed.u8() % 4 {
        0 => Recipe::new(gram, window).unwrap(),
        _ => Recipe::default(),
    };
    let at = usize::from(feed.u16());
    let [before, after] = [feed.u8(), feed.u8()];
    // Never all zeros: no key is.
    let key = FingerprintKey::from_bytes(&[feed.u8() | 1; KEY_BYTES]).unwrap();
    permutation(&key, feed.u64());
    let text = String::from_utf8_lossy(feed.take(TEXT_BYTES_MAX)).into_owned();
    let normal = normalized(&text);
    let [registered, _] =
        [Side::Registered, Side::Checked].map(|side| as_defined(&normal, recipe, side, &key));
    shared_run(&normal, recipe, &key, &registered, at, [before, after]);
}

fn normalized(text: &str) -> NormalText {
    let mut out = NormalText::default();
    Normalizer::new()
        .normalize_with_words(text, &mut out)
        .unwrap();
    out
}

/// A gram's id is its digest under a permutation.
fn permutation(key: &FingerprintKey, digest: u64) {
    let digest = digest & !0xffff;
    assert_eq!(key.open_gram(key.seal_gram(digest)), digest);
    assert_eq!(key.seal_gram(key.open_gram(digest)), digest);
}

/// With every set of vector instructions: what the definition selects.
fn as_defined(text: &NormalText, recipe: Recipe, side: Side, key: &FingerprintKey) -> Vec<Gram> {
    let expected = reference::sketch(text, &recipe, side, key);
    for vectors in Vectors::all() {
        let mut sketcher = Sketcher::with(vectors, recipe, side, key.clone());
        let mut sketch = Vec::new();
        sketcher.sketch(text, &mut sketch);
        assert_eq!(sketch, expected, "{vectors:?} {side:?}");
        let (mut digests, mut places) = (Vec::new(), Vec::new());
        sketcher.append_digests(text, &mut digests, &mut places);
        sketcher.seal(&mut digests);
        let ids: Vec<u64> = expected.iter().map(|gram| gram.id).collect();
        assert_eq!(digests, ids, "{vectors:?} {side:?}");
        let at: Vec<u32> = expected.iter().map(|gram| gram.at).collect();
        assert_eq!(places, at, "{vectors:?} {side:?}");
    }
    expected
}

/// A run of the guaranteed length, planted in another text, shares a gram; the same text whole
/// has the same exact digest.
fn shared_run(
    text: &NormalText,
    recipe: Recipe,
    key: &FingerprintKey,
    registered: &[Gram],
    at: usize,
    around: [u8; 2],
) {
    let stream = text.as_str();
    assert!(ExactDigest::of(text, key) == ExactDigest::of(&normalized(stream), key));
    let Some(room) = stream.len().checked_sub(recipe.guarantee_bytes()) else {
        return;
    };
    // On character boundaries, so the run may be a little longer than the guarantee.
    let mut start = at % (room + 1);
    while !stream.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = start + recipe.guarantee_bytes();
    while end < stream.len() && !stream.is_char_boundary(end) {
        end += 1;
    }
    let Some(run) = stream
        .get(start..end)
        .filter(|run| run.len() >= recipe.guarantee_bytes())
    else {
        return;
    };
    let [before, after] =
        around.map(|len| "qxzj".chars().cycle().take(len.into()).collect::<String>());
    let planted = normalized(&format!("{before}{run}{after}"));
    if !planted.as_str().contains(run) {
        // The run's first mark composed with what was put before it.
        return;
    }
    let checked = reference::sketch(&planted, &recipe, Side::Checked, key);
    let ids = |grams: &[Gram]| grams.iter().map(|gram| gram.id).collect::<BTreeSet<u64>>();
    assert!(
        !ids(registered).is_disjoint(&ids(&checked)),
        "a run of {} bytes at {start} is not seen",
        run.len()
    );
}
