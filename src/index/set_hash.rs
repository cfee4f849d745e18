//! A digest over a set that does not depend on the order of its members.

use blake3::hazmat::ContextKey;
use blake3::hazmat::HasherExt as _;

/// Sum modulo 2^256 of the BLAKE3 digests of a set's members: the same for every order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetHash([u64; 4]);

impl SetHash {
    /// Adds one member.
    pub fn add(&mut self, member: &blake3::Hash) {
        self.merge(&Self::from_bytes(*member.as_bytes()));
    }

    /// Adds all members of another set.
    pub fn merge(&mut self, other: &Self) {
        let mut carry = false;
        // Limb 3 is the lowest.
        for (mine, theirs) in self.0.iter_mut().zip(other.0).rev() {
            let (sum, over) = mine.overflowing_add(theirs);
            let (sum, over_carry) = sum.overflowing_add(u64::from(carry));
            *mine = sum;
            carry = over || over_carry;
        }
    }

    /// 32 bytes, big-endian.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (chunk, limb) in out.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        out
    }

    /// From 32 bytes, big-endian.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let (limbs, _) = bytes.as_chunks::<8>();
        let mut out = [0; 4];
        for (limb, chunk) in out.iter_mut().zip(limbs) {
            *limb = u64::from_be_bytes(*chunk);
        }
        Self(out)
    }
}

/// The key under which a text row is hashed into the set hash.
pub(crate) fn text_member_key() -> ContextKey {
    blake3::hazmat::hash_derive_key_context("herdbook 2026 set hash: text row")
}

/// The key under which a claims row, key and value, is hashed into the set hash.
pub(crate) fn claims_member_key() -> ContextKey {
    blake3::hazmat::hash_derive_key_context("herdbook 2026 set hash: claims row")
}

/// What a row of these parts adds to the set hash: BLAKE3 in its mode of key derivation.
pub(crate) fn member(key: &ContextKey, parts: &[&[u8]]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_from_context_key(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
