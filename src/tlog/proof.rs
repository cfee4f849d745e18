//! Verifying proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2; the proofs are those of RFC 6962).

use super::hash::Hash;
use super::hash::node_hash;

/// A proof that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The entry or the older tree lies beyond the tree.
    #[error("it speaks of {asked} in a tree of {size} entries")]
    Beyond {
        /// Entry or size.
        asked: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// It has too few or too many hashes.
    #[error("it has {found} hashes, which is not the length of such a proof")]
    Length {
        /// Hashes in it.
        found: usize,
    },
    /// The root that it leads to is another one.
    #[error("it does not lead to the root")]
    Root,
    /// The root of the older tree that it leads to is another one.
    #[error("it does not lead to the root of the older tree, so that one was not kept")]
    OldRoot,
}

/// Verifies that `leaf` is entry `index` of the tree of `size` entries with this root.
pub fn verify_inclusion(
    proof: &[Hash],
    index: u64,
    leaf: Hash,
    size: u64,
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        let asked = index;
        return Err(ProofError::Beyond { asked, size });
    }
    let found = proof.len();
    let (mut at, mut last) = (index, size - 1);
    let mut hash = leaf;
    for &other in proof {
        if last == 0 {
            return Err(ProofError::Length { found });
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(other, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, other);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length { found });
    }
    if hash != root {
        return Err(ProofError::Root);
    }
    Ok(())
}

/// Verifies that the tree of `size` entries with `root` grew from the one of `old` entries with
/// `old_root`. From nothing grows every tree.
pub fn verify_consistency(
    proof: &[Hash],
    old: u64,
    old_root: Hash,
    size: u64,
    root: Hash,
) -> Result<(), ProofError> {
    let found = proof.len();
    if old > size {
        let asked = old;
        return Err(ProofError::Beyond { asked, size });
    }
    if old == 0 || old == size {
        let same = old == 0 || old_root == root;
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length { found }),
            (true, false) => Err(ProofError::OldRoot),
            (true, true) => Ok(()),
        };
    }
    let mut rest = proof.iter().copied();
    let (mut at, mut last) = (old - 1, size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A whole subtree stands for itself: its root is the old one.
    let first = if old.is_power_of_two() {
        old_root
    } else {
        rest.next().ok_or(ProofError::Length { found })?
    };
    let (mut before, mut after) = (first, first);
    for other in rest {
        if last == 0 {
            return Err(ProofError::Length { found });
        }
        if at & 1 == 1 || at == last {
            before = node_hash(other, before);
            after = node_hash(other, after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(after, other);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length { found });
    }
    if before != old_root {
        return Err(ProofError::OldRoot);
    }
    if after != root {
        return Err(ProofError::Root);
    }
    Ok(())
}
