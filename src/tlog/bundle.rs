//! Entry bundles: entries behind their length, one after another.

use super::tile::TILE_WIDTH;

/// Largest entry in bytes. Cited: the length stands in two bytes (C2SP tlog-tiles).
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Bytes that are no entry or no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The entry does not fit.
    #[error("an entry of {bytes} bytes is longer than the format allows, {ENTRY_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The bytes end inside an entry or its length.
    #[error("it ends inside entry {entry}, counted from 0")]
    Cut {
        /// Place in the bundle.
        entry: usize,
    },
    /// Not as many entries as there should be.
    #[error("it holds {found} entries instead of {expected}")]
    Count {
        /// Entries found.
        found: u64,
        /// Entries that belong there.
        expected: u64,
    },
}

/// Appends an entry to a bundle.
pub fn encode_entry(entry: &[u8], bundle: &mut Vec<u8>) -> Result<(), BundleError> {
    let bytes = entry.len();
    let length = u16::try_from(bytes).map_err(|_| BundleError::TooLong { bytes })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle, which must be `width` and fill it to its end.
pub fn decode_bundle(mut bytes: &[u8], width: u64) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let entry = entries.len();
        if entry as u64 >= width.min(TILE_WIDTH) {
            return Err(BundleError::Count {
                found: entry as u64 + 1,
                expected: width,
            });
        }
        let (length, rest) = bytes
            .split_first_chunk()
            .ok_or(BundleError::Cut { entry })?;
        let (found, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(BundleError::Cut { entry })?;
        entries.push(found);
        bytes = rest;
    }
    if entries.len() as u64 != width {
        return Err(BundleError::Count {
            found: entries.len() as u64,
            expected: width,
        });
    }
    Ok(entries)
}
