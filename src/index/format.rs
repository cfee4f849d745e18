//! What an index was made with, and the refusal when that is not what the caller brings.

use super::keys::FORMAT_VERSION;
use super::keys::FormatRow;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;

/// What the caller's program and key stand for. A fingerprint means nothing without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compat {
    /// Recipe id: parameters and version of normal form and fingerprint.
    pub recipe: String,
    /// Unicode version of the normal form's tables.
    pub unicode: String,
    /// Guaranteed run in bytes of the normal form.
    pub guarantee_bytes: u32,
    /// Proof of the fingerprint key; tells two keys apart and does not reveal either.
    pub key_check: [u8; 16],
}

/// An index that this program or this key cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatible {
    /// Another layout.
    #[error(
        "the index has format {found}, this herdbook reads format {supported}: use the herdbook that made it, or register the sources into a new index"
    )]
    Format {
        /// Version stored.
        found: u32,
        /// Version this program reads.
        supported: u32,
    },
    /// Another recipe: its fingerprints cannot be compared with ours.
    #[error(
        "the index uses fingerprint recipe {found}, this herdbook makes {expected}: use the herdbook that made it, or register the sources into a new index"
    )]
    Recipe {
        /// Recipe stored.
        found: String,
        /// Recipe of this program.
        expected: String,
    },
    /// Another Unicode version: some letters normalise differently.
    #[error(
        "the index was made with Unicode {found} tables, this herdbook has {expected}: use the herdbook that made it, or register the sources into a new index"
    )]
    Unicode {
        /// Version stored.
        found: String,
        /// Version of this program.
        expected: String,
    },
    /// Another fingerprint key: every look-up would come back empty.
    #[error(
        "the index was made with another fingerprint key (check value {found}, yours is {expected}): point $HERDBOOK_KEYS at the keys directory made by its `herdbook init`"
    )]
    Key {
        /// Check value stored, in hex.
        found: String,
        /// Check value of the caller's key, in hex.
        expected: String,
    },
}

impl Compat {
    /// What fingerprints made with this recipe and key stand for. `unicode` is the version of the
    /// normal form's tables.
    pub fn of(recipe: &Recipe, key: &FingerprintKey, unicode: (u8, u8, u8)) -> Self {
        let (major, minor, update) = unicode;
        Self {
            recipe: recipe.id().as_str().to_owned(),
            unicode: format!("{major}.{minor}.{update}"),
            guarantee_bytes: u32::try_from(recipe.looked_up_bytes()).unwrap_or(u32::MAX),
            key_check: key.key_check().0,
        }
    }

    /// The row that records this in a new index.
    pub fn row(&self) -> FormatRow {
        FormatRow {
            version: FORMAT_VERSION,
            guarantee_bytes: self.guarantee_bytes,
            key_check: self.key_check,
            recipe: self.recipe.clone(),
            unicode: self.unicode.clone(),
        }
    }

    /// Compares with what an index was made with.
    pub fn accepts(&self, row: &FormatRow) -> Result<(), Incompatible> {
        if row.version != FORMAT_VERSION {
            return Err(Incompatible::Format {
                found: row.version,
                supported: FORMAT_VERSION,
            });
        }
        if row.recipe != self.recipe || row.guarantee_bytes != self.guarantee_bytes {
            return Err(Incompatible::Recipe {
                found: format!("{} (guarantee {} bytes)", row.recipe, row.guarantee_bytes),
                expected: format!("{} (guarantee {} bytes)", self.recipe, self.guarantee_bytes),
            });
        }
        if row.unicode != self.unicode {
            return Err(Incompatible::Unicode {
                found: row.unicode.clone(),
                expected: self.unicode.clone(),
            });
        }
        if row.key_check != self.key_check {
            return Err(Incompatible::Key {
                found: hex::encode(row.key_check),
                expected: hex::encode(self.key_check),
            });
        }
        Ok(())
    }
}
