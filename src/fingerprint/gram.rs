//! What a gram is worth: its place in the order of selection, and its identity.
//!
//! Both are unkeyed functions of the gram's bytes, frozen with `FINGERPRINT_VERSION`.

/// Bytes that the order value reads, from the start of the gram.
pub(super) const ORDER_BYTES: usize = 8;

/// Odd multiplier of the order value: 2^64 divided by the golden ratio. *Chosen*: any odd constant
/// without structure would do.
const ORDER_MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Odd multipliers of the digest, from the finalizer of `SplitMix64` (Steele, Lea and Flood 2014,
/// DOI 10.1145/2660193.2660195).
const DIGEST_MULTIPLIERS: [u64; 2] = [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];

/// Start value of the digest: the first 64 fraction bits of pi.
const DIGEST_SEED: u64 = 0x243F_6A88_85A3_08D3;

/// The order value of the position whose first bytes are `head`: the upper half of their
/// little-endian value times a constant. Smaller is selected first.
#[inline]
pub(super) fn order(head: [u8; ORDER_BYTES]) -> u32 {
    (u64::from_le_bytes(head).wrapping_mul(ORDER_MULTIPLIER) >> 32) as u32
}

/// The digest of a gram: 64 bits, equal for equal bytes.
///
/// `h = SEED xor length`; for every 8 bytes, little-endian, the last ones taken from the end of
/// the gram and overlapping if its length is no multiple of 8: `h = (h xor bytes) * M0`,
/// `h = h xor (h >> 32)`; then the `SplitMix64` finalizer. Each step is a bijection of `h` for given
/// bytes and of the bytes for given `h`, so grams that differ in one 8-byte piece never collide.
/// A gram of fewer than 8 bytes is no gram and gives the value of the empty one.
#[inline]
pub(super) fn digest(gram: &[u8]) -> u64 {
    let [first, second] = DIGEST_MULTIPLIERS;
    let mut h = DIGEST_SEED ^ gram.len() as u64;
    let mut step = |piece: [u8; 8]| {
        h = (h ^ u64::from_le_bytes(piece)).wrapping_mul(first);
        h ^= h >> 32;
    };
    let (pieces, rest) = gram.as_chunks::<8>();
    for &piece in pieces {
        step(piece);
    }
    if !rest.is_empty()
        && let Some(&last) = gram.last_chunk::<8>()
    {
        step(last);
    }
    h = (h ^ (h >> 30)).wrapping_mul(first);
    h = (h ^ (h >> 27)).wrapping_mul(second);
    h ^ (h >> 31)
}
