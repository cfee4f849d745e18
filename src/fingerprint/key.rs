//! The secret that fingerprints are made under.

use super::speck::Speck48;
use super::speck::Speck128;
use std::fmt;
use thiserror::Error;

/// Length of the master key in bytes.
pub const KEY_BYTES: usize = 32;

/// Contexts of BLAKE3's key derivation: fixed for ever, one per purpose.
const GRAM_CONTEXT: &str = "herdbook 2026-11 gram permutation Speck48/96";
const EXACT_CONTEXT: &str = "herdbook 2026-11 exact digest permutation Speck128/128";
const WORD_CONTEXT: &str = "herdbook 2026-11 word hash seeds";
const CHECK_CONTEXT: &str = "herdbook 2026-11 key check";
const CANARY_CONTEXT: &str = "herdbook 2026-11 canary text";

/// A fingerprint key: 32 secret random bytes and the subkeys derived from them.
///
/// Never printed: `Debug` shows the key check only. The bytes are not wiped from memory when the
/// value is dropped.
#[derive(Clone)]
pub struct FingerprintKey {
    pub(super) grams: Speck48,
    pub(super) exact: Speck128,
    pub(super) words: [u64; 4],
    /// What the canary is drawn from.
    pub(super) canary: [u8; 32],
    check: KeyCheck,
}

/// A public value that tells whether two keys are the same; stored with everything made under one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyCheck(pub [u8; 16]);

/// Why bytes are no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not `KEY_BYTES` bytes.
    #[error(
        "a fingerprint key has {KEY_BYTES} bytes, this one {found}: restore the key file from a \
         backup, or make a new index with `herdbook init`"
    )]
    Length {
        /// Number of bytes given.
        found: usize,
    },
    /// All bytes are zero: a key file that was created but never filled.
    #[error(
        "the fingerprint key is all zeros, so its file was never filled: restore it from a \
         backup, or make a new index with `herdbook init`"
    )]
    Zero,
}

impl FingerprintKey {
    /// Derives the subkeys from a master key of `KEY_BYTES` random bytes.
    pub fn from_bytes(master: &[u8]) -> Result<Self, KeyError> {
        let Ok(master) = <&[u8; KEY_BYTES]>::try_from(master) else {
            return Err(KeyError::Length {
                found: master.len(),
            });
        };
        if *master == [0; KEY_BYTES] {
            return Err(KeyError::Zero);
        }
        let check = derive::<16>(CHECK_CONTEXT, master);
        Ok(Self {
            grams: Speck48::new(words_32(&derive(GRAM_CONTEXT, master))),
            exact: Speck128::new(words_64(&derive::<16>(EXACT_CONTEXT, master))),
            words: words_64(&derive::<32>(WORD_CONTEXT, master)),
            canary: derive(CANARY_CONTEXT, master),
            check: KeyCheck(check),
        })
    }

    /// The value by which a wrong key is noticed. It reveals nothing of the key.
    pub fn key_check(&self) -> KeyCheck {
        self.check
    }

    /// Takes the key off a gram's id. With [`seal_gram`](Self::seal_gram) of another key this
    /// re-keys a fingerprint without the text.
    pub fn open_gram(&self, id: u64) -> u64 {
        self.grams.decrypt(id)
    }

    /// Puts the key on a gram's unkeyed digest.
    pub fn seal_gram(&self, digest: u64) -> u64 {
        self.grams.encrypt(digest)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FingerprintKey")
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The first `N` bytes of BLAKE3's derivation for a context.
fn derive<const N: usize>(context: &str, master: &[u8; KEY_BYTES]) -> [u8; N] {
    let mut out = [0; N];
    blake3::Hasher::new_derive_key(context)
        .update(master)
        .finalize_xof()
        .fill(&mut out);
    out
}

/// Big-endian words of 32 bits.
fn words_32(bytes: &[u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, piece) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*piece);
    }
    words
}

/// Big-endian words of 64 bits; `N` words need `8 * N` bytes.
fn words_64<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, piece) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*piece);
    }
    words
}
