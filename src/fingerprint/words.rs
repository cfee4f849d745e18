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
    out.reserve(text.word_starts().len());
    let bytes = text.as_bytes();
    let starts = text.word_starts();
    // All words but the last end where the next begins.
    out.extend(starts.windows(2).map(|pair| match *pair {
        [start, end] => word_hash(bytes, start as usize, end as usize, key),
        _ => NOT_EVIDENCE,
    }));
    let last = starts.last().map(|&start| start as usize);
    out.extend(last.map(|start| word_hash(bytes, start, bytes.len(), key)));
}

/// A multiply-fold over the bytes of the word from `start` to `end` under four secret words of 64
/// bits, brought to 1..=255 by the upper bits.
#[inline]
fn word_hash(bytes: &[u8], start: usize, end: usize, key: &FingerprintKey) -> u8 {
    let mut h = begin(end - start, key);
    let mut at = start;
    while at < end {
        let len = (end - at).min(8);
        let rest = bytes.get(at..).unwrap_or_default();
        // One read and a mask, where there is text behind.
        let piece = match rest.first_chunk() {
            Some(head) => u64::from_le_bytes(*head) & (u64::MAX >> (64 - 8 * len)),
            None => last_piece(rest, len),
        };
        h = piece_in(h, piece, key);
        at += 8;
    }
    finish(h, key)
}

/// The first `len` bytes of fewer than eight.
#[cold]
fn last_piece(rest: &[u8], len: usize) -> u64 {
    let mut piece = [0; 8];
    for (to, from) in piece.iter_mut().zip(rest).take(len) {
        *to = *from;
    }
    u64::from_le_bytes(piece)
}

#[inline]
fn begin(len: usize, key: &FingerprintKey) -> u64 {
    let [seed, _, _, _] = key.words;
    seed ^ len as u64
}

#[inline]
fn piece_in(h: u64, piece: u64, key: &FingerprintKey) -> u64 {
    let [_, first, second, _] = key.words;
    fold(h ^ first, piece ^ second)
}

#[inline]
fn finish(h: u64, key: &FingerprintKey) -> u8 {
    let [_, _, second, last] = key.words;
    let scaled = (u128::from(fold(h ^ second, last | 1)) * 255) >> 64;
    u8::try_from(scaled + 1).unwrap_or(u8::MAX)
}

/// The exclusive or of the two halves of a 128-bit product.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::KEY_BYTES;
    use crate::text::Normalizer;
    use proptest::prelude::*;

    /// The definition, piece by piece of a word that stands alone.
    fn defined_hash(word: &[u8], key: &FingerprintKey) -> u8 {
        let h = word.chunks(8).fold(begin(word.len(), key), |h, piece| {
            let padded: Vec<u8> = piece.iter().copied().chain([0; 8]).take(8).collect();
            piece_in(h, u64::from_le_bytes(padded.try_into().unwrap()), key)
        });
        finish(h, key)
    }

    proptest! {
        #[test]
        fn a_word_has_one_hash_wherever_it_stands(text in "[a-z\u{e9}]{1,20}( [a-z0-9\u{430}]{1,20}){0,8}") {
            let key = FingerprintKey::from_bytes(&[5; KEY_BYTES]).unwrap();
            let mut normal = NormalText::default();
            Normalizer::new().normalize_with_words(&text, &mut normal).unwrap();
            let mut hashes = Vec::new();
            word_hashes(&normal, &key, &mut hashes);
            let alone: Vec<u8> = normal.words().map(|word| defined_hash(word, &key)).collect();
            prop_assert_eq!(hashes, alone);
        }
    }
}
