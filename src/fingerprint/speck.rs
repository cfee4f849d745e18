//! Speck64/128 and Speck128/128: small block ciphers of 64 and 128 bits, used as keyed
//! permutations of digests.
//!
//! A permutation, not a keyed hash, so that the key's holder can take the key off and put another
//! one on without the text. Additions, rotations and exclusive ors only: no tables, constant time,
//! and a batch is compiled to vector instructions.
//!
//! Source: Beaulieu et al., "The SIMON and SPECK Families of Lightweight Block Ciphers", IACR
//! ePrint 2013/404, with its test vectors in Appendix C.

const ROUNDS_64: usize = 27;
const ROUNDS_128: usize = 32;

/// Blocks encrypted together in a batch; eight 32-bit lanes fill a 256-bit register.
const LANES: usize = 8;

/// Speck64/128: permutes 64-bit values.
#[derive(Clone)]
pub(super) struct Speck64 {
    round_keys: [u32; ROUNDS_64],
}

/// Speck128/128: permutes 128-bit values.
#[derive(Clone)]
pub(super) struct Speck128 {
    round_keys: [u64; ROUNDS_128],
}

fn mix_32(x: u32, y: u32, key: u32) -> (u32, u32) {
    let x = x.rotate_right(8).wrapping_add(y) ^ key;
    (x, y.rotate_left(3) ^ x)
}

fn unmix_32(x: u32, y: u32, key: u32) -> (u32, u32) {
    let y = (y ^ x).rotate_right(3);
    ((x ^ key).wrapping_sub(y).rotate_left(8), y)
}

fn mix_64(x: u64, y: u64, key: u64) -> (u64, u64) {
    let x = x.rotate_right(8).wrapping_add(y) ^ key;
    (x, y.rotate_left(3) ^ x)
}

fn unmix_64(x: u64, y: u64, key: u64) -> (u64, u64) {
    let y = (y ^ x).rotate_right(3);
    ((x ^ key).wrapping_sub(y).rotate_left(8), y)
}

impl Speck64 {
    /// Expands a key given as the paper writes it: most significant word first.
    pub(super) fn new([l2, l1, l0, k0]: [u32; 4]) -> Self {
        let mut round_keys = [0; ROUNDS_64];
        let mut schedule = [l0, l1, l2];
        let mut key = k0;
        for (round, slot) in (0_u32..).zip(&mut round_keys) {
            *slot = key;
            let [next, second, third] = schedule;
            let (l, k) = mix_32(next, key, round);
            schedule = [second, third, l];
            key = k;
        }
        Self { round_keys }
    }

    pub(super) fn encrypt(&self, block: u64) -> u64 {
        let mut one = [block];
        self.encrypt_all(&mut one);
        let [block] = one;
        block
    }

    pub(super) fn decrypt(&self, block: u64) -> u64 {
        let (mut x, mut y) = split_64(block);
        for &key in self.round_keys.iter().rev() {
            (x, y) = unmix_32(x, y, key);
        }
        (u64::from(x) << 32) | u64::from(y)
    }

    /// Encrypts every block in place.
    pub(super) fn encrypt_all(&self, blocks: &mut [u64]) {
        for chunk in blocks.chunks_mut(LANES) {
            let mut x = [0_u32; LANES];
            let mut y = [0_u32; LANES];
            for ((block, x), y) in chunk.iter().zip(&mut x).zip(&mut y) {
                (*x, *y) = split_64(*block);
            }
            for &key in &self.round_keys {
                // One simple step over all lanes at a time, which compilers turn into vectors.
                for (x, y) in x.iter_mut().zip(&y) {
                    *x = x.rotate_right(8).wrapping_add(*y) ^ key;
                }
                for (y, x) in y.iter_mut().zip(&x) {
                    *y = y.rotate_left(3) ^ *x;
                }
            }
            for ((block, x), y) in chunk.iter_mut().zip(x).zip(y) {
                *block = (u64::from(x) << 32) | u64::from(y);
            }
        }
    }
}

/// High and low half.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
fn split_64(block: u64) -> (u32, u32) {
    ((block >> 32) as u32, block as u32)
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
    use super::Speck64;
    use super::Speck128;

    // Both vectors: ePrint 2013/404, Appendix C.
    const KEY_64: [u32; 4] = [0x1b1a_1918, 0x1312_1110, 0x0b0a_0908, 0x0302_0100];
    const KEY_128: [u64; 2] = [0x0f0e_0d0c_0b0a_0908, 0x0706_0504_0302_0100];

    #[test]
    fn speck64_gives_the_published_ciphertext() {
        let speck = Speck64::new(KEY_64);
        assert_eq!(speck.encrypt(0x3b72_6574_7475_432d), 0x8c6f_a548_454e_028b);
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
        let speck = Speck64::new(KEY_64);
        let wide = Speck128::new(KEY_128);
        for len in 0..40_u64 {
            let plain: Vec<u64> = (0..len)
                .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
                .collect();
            let mut blocks = plain.clone();
            speck.encrypt_all(&mut blocks);
            for (&block, &plain) in blocks.iter().zip(&plain) {
                assert_eq!(block, speck.encrypt(plain));
                assert_eq!(speck.decrypt(block), plain);
                let plain = u128::from(plain) << 64 | u128::from(!plain);
                assert_eq!(wide.decrypt(wide.encrypt(plain)), plain);
            }
        }
    }
}
