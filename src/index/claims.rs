//! Claims on their way: who registered which text, sorted by text, capped, written to table files.

use std::collections::BTreeSet;
use std::path::Path;

use super::StoreError;
use super::keys;
use super::keys::CLAIMS;
use super::keys::PackedClaim;
use super::set_hash::SetHash;
use super::set_hash::claims_member_key;
use super::set_hash::member;
use super::sort;
use super::sort::Record;
use super::sort::Sorter;
use super::store::Store;
use super::store::Tables;
use crate::model::SourceId;

/// Places kept of one text in one source, the first of each claimed model beyond it.
/// Chosen: "Yes." may stand in a million rows; the report needs one, a person some.
pub const CLAIMS_KEPT: usize = 64;

/// A claim on its way through the sorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClaimRecord {
    pub(crate) text: u64,
    pub(crate) claim: PackedClaim,
}

impl Record for ClaimRecord {
    const BYTES: usize = 32;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text.to_be_bytes());
        out.extend_from_slice(&self.claim.row.to_be_bytes());
        out.extend_from_slice(&self.claim.file.to_be_bytes());
        out.extend_from_slice(&self.claim.column.to_be_bytes());
        let model = self.claim.model.map_or(0, |model| u64::from(model) + 1);
        out.extend_from_slice(&model.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let (text, rest) = bytes.split_first_chunk::<8>()?;
        let (row, rest) = rest.split_first_chunk::<8>()?;
        let (file, rest) = rest.split_first_chunk::<4>()?;
        let (column, rest) = rest.split_first_chunk::<4>()?;
        let model = match u64::from_be_bytes(*rest.first_chunk::<8>()?) {
            0 => None,
            model => {
                let Ok(model) = u32::try_from(model - 1) else {
                    return None;
                };
                Some(model)
            }
        };
        Some(Self {
            text: u64::from_be_bytes(*text),
            claim: PackedClaim {
                file: u32::from_be_bytes(*file),
                row: u64::from_be_bytes(*row),
                column: u32::from_be_bytes(*column),
                model,
            },
        })
    }
}

/// Writes the claims of a source; the texts from `first_text` on are new.
pub(crate) fn write(
    store: &Store,
    tmp: &Path,
    claims: Sorter<ClaimRecord>,
    source: SourceId,
    first_text: u64,
) -> Result<WrittenClaims, StoreError> {
    let mut tables = store.tables(CLAIMS, tmp);
    let mut groups = ClaimGroups::new(claims.finish()?)?;
    let mut stored = 0;
    let mut set_hash = SetHash::default();
    let member_key = claims_member_key();
    // Known texts and new ones go to separate files: only the former overlap earlier files.
    for end in [first_text, u64::MAX] {
        tables.write(|key, value| {
            let Some(text) = groups.next(end, value)? else {
                return Ok(false);
            };
            key.extend_from_slice(&keys::claims_key(text, source.0));
            set_hash.add(&member(&member_key, &[key, value]));
            stored += groups.kept;
            Ok(true)
        })?;
    }
    Ok(WrittenClaims {
        tables,
        stored,
        set_hash,
    })
}

/// Table files of claims.
pub(crate) struct WrittenClaims {
    pub(crate) tables: Tables,
    /// Claims in them.
    pub(crate) stored: u64,
    /// What they add to the set hash.
    pub(crate) set_hash: SetHash,
}

/// Sorted claims, grouped by text.
struct ClaimGroups {
    claims: sort::Sorted<ClaimRecord>,
    ahead: Option<ClaimRecord>,
    models: BTreeSet<Option<u32>>,
    kept: u64,
}

impl ClaimGroups {
    fn new(mut claims: sort::Sorted<ClaimRecord>) -> Result<Self, StoreError> {
        let ahead = claims.next()?;
        Ok(Self {
            claims,
            ahead,
            models: BTreeSet::new(),
            kept: 0,
        })
    }

    /// Writes the claims on the next text below `end` into `value`; its number, if there is one.
    fn next(&mut self, end: u64, value: &mut Vec<u8>) -> Result<Option<u64>, StoreError> {
        let Some(first) = self.ahead.take_if(|claim| claim.text < end) else {
            return Ok(None);
        };
        self.models.clear();
        self.kept = 0;
        let mut claim = first;
        loop {
            let new_model = self.models.insert(claim.claim.model);
            if new_model || self.kept < CLAIMS_KEPT as u64 {
                claim.claim.put(value);
                self.kept += 1;
            }
            let previous = claim;
            // A row may hold the same text twice under one column path: one place, one claim.
            self.ahead = self.claims.next()?;
            while self.ahead == Some(previous) {
                self.ahead = self.claims.next()?;
            }
            match self.ahead.take_if(|next| next.text == first.text) {
                Some(next) => claim = next,
                None => return Ok(Some(first.text)),
            }
        }
    }
}
