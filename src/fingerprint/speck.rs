//! Speck48/96 and Speck128/128: small block ciphers of 48 and 128 bits, used as keyed
//! permutations of digests.
//!
//! A permutation, not a keyed hash, so that the key's holder can take the key off and put another
//! one on without the text. Additions, rotations and exclusive ors only: no tables, constant time,
//! and a batch is compiled to vector instructions.
//!
//! Source: Beaulieu et al., "The SIMON and SPECK Families of Lightweight Block Ciphers", IACR
//! ePrint 2013/404, with its test vectors in Appendix C.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the same safe loop compiled for wider vectors, behind a look at the processor"
    )
)]
#![expect(
    clippy::inline_always,
    reason = "a loop is compiled for a caller's instructions only when it is part of the caller"
)]

use crate::cpu::Vectors;

const ROUNDS_48: usize = 23;
const ROUNDS_128: usize = 32;

/// Blocks encrypted together in a batch; sixteen 32-bit lanes fill a 512-bit register.
const LANES: usize = 16;

/// Bits of a word of `Speck48`.
const WORD_BITS: u32 = 24;
const WORD: u32 = (1 << WORD_BITS) - 1;

/// Speck48/96: permutes 48-bit values, kept in the upper bits of 64.
#[derive(Clone)]
pub(super) struct Speck48 {
    round_keys: [u32; ROUNDS_48],
}

/// Speck128/128: permutes 128-bit values.
#[derive(Clone)]
pub(super) struct Speck128 {
    round_keys: [u64; ROUNDS_128],
}

#[inline(always)]
fn rotate_24(x: u32, left: u32) -> u32 {
    ((x << left) | (x >> (WORD_BITS - left))) & WORD
}

#[inline(always)]
fn mix_24(x: u32, y: u32, key: u32) -> (u32, u32) {
    let x = (rotate_24(x, WORD_BITS - 8).wrapping_add(y) & WORD) ^ key;
    (x, rotate_24(y, 3) ^ x)
}

fn unmix_24(x: u32, y: u32, key: u32) -> (u32, u32) {
    let y = rotate_24(y ^ x, WORD_BITS - 3);
    (rotate_24((x ^ key).wrapping_sub(y) & WORD, 8), y)
}

fn mix_64(x: u64, y: u64, key: u64) -> (u64, u64) {
    let x = x.rotate_right(8).wrapping_add(y) ^ key;
    (x, y.rotate_left(3) ^ x)
}

fn unmix_64(x: u64, y: u64, key: u64) -> (u64, u64) {
    let y = (y ^ x).rotate_right(3);
    ((x ^ key).wrapping_sub(y).rotate_left(8), y)
}

impl Speck48 {
    /// Expands a key given as the paper writes it: most significant word first. Of each word the
    /// lower 24 bits count.
    pub(super) fn new(key: [u32; 4]) -> Self {
        let [l2, l1, l0, mut key] = key.map(|word| word & WORD);
        let mut round_keys = [0; ROUNDS_48];
        let mut schedule = [l0, l1, l2];
        for (round, slot) in (0_u32..).zip(&mut round_keys) {
            *slot = key;
            let [next, second, third] = schedule;
            let (l, k) = mix_24(next, key, round);
            schedule = [second, third, l];
            key = k;
        }
        Self { round_keys }
    }

    /// The permuted upper 48 bits; the lower 16 are 0.
    pub(super) fn encrypt(&self, block: u64) -> u64 {
        let mut one = [block];
        self.encrypt_lanes(&mut one);
        let [block] = one;
        block
    }

    pub(super) fn decrypt(&self, block: u64) -> u64 {
        let (mut x, mut y) = split_48(block);
        for &key in self.round_keys.iter().rev() {
            (x, y) = unmix_24(x, y, key);
        }
        join_48(x, y)
    }

    /// Encrypts every block in place.
    pub(super) fn encrypt_all(&self, vectors: Vectors, blocks: &mut [u64]) {
        match vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Vectors` names a set only after the processor was asked for it.
            Vectors::Avx512 => unsafe { self.encrypt_avx512(blocks) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { self.encrypt_avx2(blocks) },
            #[cfg(not(target_arch = "x86_64"))]
            Vectors::Avx512 | Vectors::Avx2 => self.encrypt_lanes(blocks),
            Vectors::Portable => self.encrypt_lanes(blocks),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn encrypt_avx512(&self, blocks: &mut [u64]) {
        self.encrypt_lanes(blocks);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn encrypt_avx2(&self, blocks: &mut [u64]) {
        self.encrypt_lanes(blocks);
    }

    #[inline(always)]
    fn encrypt_lanes(&self, blocks: &mut [u64]) {
        for chunk in blocks.chunks_mut(LANES) {
            let mut x = [0_u32; LANES];
            let mut y = [0_u32; LANES];
            for ((block, x), y) in chunk.iter().zip(&mut x).zip(&mut y) {
                (*x, *y) = split_48(*block);
            }
            for &key in &self.round_keys {
                // One simple step over all lanes at a time, which compilers turn into vectors.
                for (x, y) in x.iter_mut().zip(&mut y) {
                    (*x, *y) = mix_24(*x, *y, key);
                }
            }
            for ((block, x), y) in chunk.iter_mut().zip(x).zip(y) {
                *block = join_48(x, y);
            }
        }
    }
}

/// The two words in the upper 48 bits.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "each word is taken on purpose"
)]
fn split_48(block: u64) -> (u32, u32) {
    ((block >> 40) as u32, (block >> 16) as u32 & WORD)
}

#[inline(always)]
fn join_48(x: u32, y: u32) -> u64 {
    (u64::from(x) << 40) | (u64::from(y) << 16)
}

/// High and low half.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
fn split_128(block: u128) -> (u64, u64) {
    ((block >> 64) as u64, block as u64)
}

impl Speck128 {
    /// Expands a key given as the paper writes it: most significant word first.
    pub(super) fn new([l0, k0]: [u64; 2]) -> Self {
        let mut round_keys = [0; ROUNDS_128];
        let (mut l, mut key) = (l0, k0);
        for (round, slot) in (0_u64..).zip(&mut round_keys) {
            *slot = key;
            (l, key) = mix_64(l, key, round);
        }
        Self { round_keys }
    }

    pub(super) fn encrypt(&self, block: u128) -> u128 {
        let (mut x, mut y) = split_128(block);
        for &key in &self.round_keys {
            (x, y) = mix_64(x, y, key);
        }
        (u128::from(x) << 64) | u128::from(y)
    }

    pub(super) fn decrypt(&self, block: u128) -> u128 {
        let (mut x, mut y) = split_128(block);
        for &key in self.round_keys.iter().rev() {
            (x, y) = unmix_64(x, y, key);
        }
        (u128::from(x) << 64) | u128::from(y)
    }
}

#[cfg(test)]
mod tests {
    use super::Speck48;
    use super::Speck128;
    use crate::cpu::Vectors;

    // Both vectors: ePrint 2013/404, Appendix C.
    const KEY_48: [u32; 4] = [0x001a_1918, 0x0012_1110, 0x000a_0908, 0x0002_0100];
    const KEY_128: [u64; 2] = [0x0f0e_0d0c_0b0a_0908, 0x0706_0504_0302_0100];

    #[test]
    fn speck48_gives_the_published_ciphertext() {
        let speck = Speck48::new(KEY_48);
        let plain = 0x6d20_7369_6874 << 16;
        let cipher = 0x735e_10b6_445d << 16;
        assert_eq!(speck.encrypt(plain), cipher);
        // The lower bits of a block do not count.
        assert_eq!(speck.encrypt(plain | 0xFFFF), cipher);
    }

    #[test]
    fn speck128_gives_the_published_ciphertext() {
        let speck = Speck128::new(KEY_128);
        assert_eq!(
            speck.encrypt(0x6c61_7669_7571_6520_7469_2065_6461_6d20),
            0xa65d_9851_7978_3265_7860_fedf_5c57_0d18
        );
    }

    #[test]
    fn decryption_undoes_encryption_in_every_lane() {
        let speck = Speck48::new(KEY_48);
        let wide = Speck128::new(KEY_128);
        for len in 0..40_u64 {
            let plain: Vec<u64> = (0..len)
                .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) & !0xFFFF)
                .collect();
            for vectors in Vectors::all() {
                let mut blocks = plain.clone();
                speck.encrypt_all(vectors, &mut blocks);
                for (&block, &plain) in blocks.iter().zip(&plain) {
                    assert_eq!(block, speck.encrypt(plain));
                    assert_eq!(speck.decrypt(block), plain);
                }
            }
            for &plain in &plain {
                let plain = u128::from(plain) << 64 | u128::from(!plain);
                assert_eq!(wide.decrypt(wide.encrypt(plain)), plain);
            }
        }
    }
}
