//! The exact digest: one keyed value for a whole normal form.

use super::key::FingerprintKey;
use crate::text::NormalText;
use std::fmt;

/// 128 keyed bits that are equal when two normal forms are equal, and otherwise but for chance
/// (2^-128 per pair) different.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExactDigest(pub [u8; 16]);

impl ExactDigest {
    /// BLAKE3 of the stream, its first 16 bytes taken as a big-endian number and permuted under
    /// the key by Speck128/128.
    pub fn of(text: &NormalText, key: &FingerprintKey) -> Self {
        let hash = blake3::hash(text.as_bytes());
        let mut plain = [0; 16];
        for (to, from) in plain.iter_mut().zip(hash.as_bytes()) {
            *to = *from;
        }
        let sealed = key.exact.encrypt(u128::from_be_bytes(plain));
        Self(sealed.to_be_bytes())
    }

    /// The first 6 bytes in the upper bits of 64: how the digest stands among the postings of
    /// grams, whose ids look alike.
    pub fn entry(self) -> u64 {
        let upper = u128::from_be_bytes(self.0) >> 80;
        (upper as u64) << 16
    }

    /// The same digest under another key.
    #[must_use]
    pub fn rekey(self, from: &FingerprintKey, to: &FingerprintKey) -> Self {
        let plain = from.exact.decrypt(u128::from_be_bytes(self.0));
        Self(to.exact.encrypt(plain).to_be_bytes())
    }
}

impl fmt::Display for ExactDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ExactDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExactDigest({self})")
    }
}
