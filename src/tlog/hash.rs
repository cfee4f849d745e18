//! The hashes of RFC 6962, section 2.1.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// A leaf hash, node hash or root: SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Standard base64, as checkpoints and receipts write it.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads what [`Hash::to_base64`] wrote, in that spelling only.
    pub fn from_base64(text: &str) -> Option<Self> {
        match STANDARD.decode(text) {
            Ok(bytes) => <[u8; HASH_BYTES]>::try_from(bytes.as_slice())
                .map_or(None, |bytes| Some(Self(bytes))),
            Err(_) => None,
        }
    }

    /// Lower-case hex.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Root of the tree without entries: the hash of nothing.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest(b"").into())
}

/// Hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// Hash of two subtrees side by side.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.0);
    hasher.update(right.0);
    Hash(hasher.finalize().into())
}

/// Root over hashes of subtrees that stand side by side, all of one size but the last, which may
/// be smaller. `None` of none.
pub(super) fn fold(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [only] => Some(*only),
        _ => {
            let at = usize::try_from(split(hashes.len() as u64)).unwrap_or(usize::MAX);
            let (left, right) = hashes.split_at_checked(at)?;
            Some(node_hash(fold(left)?, fold(right)?))
        }
    }
}

/// The largest power of two below `size`, which is at least 2.
pub(super) fn split(size: u64) -> u64 {
    1 << size.saturating_sub(1).max(1).ilog2()
}
