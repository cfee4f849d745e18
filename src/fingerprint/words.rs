//! Word hashes: one keyed byte per word, what an alignment of two texts is computed on.

use super::key::FingerprintKey;
use crate::text::NormalText;

/// The word hash that is reserved for "not evidence": a word of the prompt. No word has it.
pub const NOT_EVIDENCE: u8 = 0;

/// Writes one byte, 1 to 255, for each word of `text` to `out`, emptying it first.
///
/// A text without word starts gives none. Equal words give equal bytes; two different words agree
/// with probability 1/255. What that reveals stands in `docs/fingerprint.md`.
pub fn word_hashes(text: &NormalText, key: &FingerprintKey, out: &mut Vec<u8>) {
    out.clear();
    out.extend(text.words().map(|word| word_hash(word, key)));
}

/// A multiply-fold over the word's bytes under four secret words of 64 bits, brought to 1..=255 by
/// the upper bits.
#[inline]
fn word_hash(word: &[u8], key: &FingerprintKey) -> u8 {
    let [seed, first, second, last] = key.words;
    let mut h = seed ^ word.len() as u64;
    let (pieces, rest) = word.as_chunks::<8>();
    for &piece in pieces {
        h = fold(h ^ first, u64::from_le_bytes(piece) ^ second);
    }
    if !rest.is_empty() {
        let mut piece = [0; 8];
        for (to, from) in piece.iter_mut().zip(rest) {
            *to = *from;
        }
        h = fold(h ^ first, u64::from_le_bytes(piece) ^ second);
    }
    let h = fold(h ^ second, last | 1);
    let scaled = (u128::from(h) * 255) >> 64;
    u8::try_from(scaled + 1).unwrap_or(u8::MAX)
}

/// The exclusive or of the two halves of a 128-bit product.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
