//! Reading a sealed database: probes in memory, batched look-ups on disk.
//!
//! An error is an error and never an absence: a bucket, a text row or a claim that the index says
//! must exist and does not is reported as damage.

use serde::Deserialize;
use serde::Serialize;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::LookUpError;
use super::StoreError;
use super::columns::Access;
use super::filter;
use super::filter::Filter;
use super::filter::Hit;
use super::keys;
use super::keys::CLAIMS;
use super::keys::FormatRow;
use super::keys::POSTINGS;
use super::keys::PackedClaim;
use super::keys::StateRow;
use super::keys::TEXTS;
use super::keys::TextList;
use super::keys::TextRow;
use super::segment;
use super::segment::Segments;
use super::store::Store;
use crate::model::Claim;
use crate::model::SourceInfo;

/// Number of a distinct registered normal form, from 0 in order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TextId(pub u64);

/// Which texts hold a gram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Postings {
    /// None.
    Absent,
    /// These, ascending, each once.
    Texts(Vec<TextId>),
    /// This many distinct texts: more than the cap, so a common phrase and no evidence.
    Common(u64),
}

impl Postings {
    /// Number of distinct registered texts that hold the gram, those of withdrawn sources
    /// included.
    pub fn texts_count(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Texts(texts) => texts.len() as u64,
            Self::Common(count) => *count,
        }
    }
}

/// A database opened for reading only, with its filters in memory.
pub struct IndexReader {
    store: Store,
    segments: Segments,
    /// The filters of all segments, largest first.
    filters: Vec<Arc<Filter>>,
    format: FormatRow,
    state: StateRow,
    sources: Vec<SourceInfo>,
}

impl IndexReader {
    /// Opens the database in `db` with the filters in `filters`. Nothing is written there.
    ///
    /// The caller has verified the files, and compares [`Self::format`] with what it brings.
    pub fn open(db: &Path, filters: &Path) -> Result<Self, StoreError> {
        let store = Store::open(db, Access::Read)?;
        let format = store.format()?;
        if format.version != keys::FORMAT_VERSION {
            return Err(StoreError::corrupt(
                format!(
                    "format {} behind a manifest of format {}",
                    format.version,
                    keys::FORMAT_VERSION
                ),
                db.display().to_string(),
            ));
        }
        let state = store.state()?;
        let sources = store.sources(&state)?;
        let segments = segment::load(&store, filters)?;
        let mut filters: Vec<_> = segments
            .values()
            .map(|segment| Arc::clone(&segment.filter))
            .collect();
        filters.sort_by_key(|filter| std::cmp::Reverse(filter.entries()));
        Ok(Self {
            store,
            segments,
            filters,
            format,
            state,
            sources,
        })
    }

    /// What the index was made with.
    pub fn format(&self) -> &FormatRow {
        &self.format
    }

    /// Counters.
    pub fn state(&self) -> &StateRow {
        &self.state
    }

    /// All sources by number, withdrawn ones included.
    pub fn sources(&self) -> &[SourceInfo] {
        &self.sources
    }

    /// Number of segments; a probe costs one filter look-up in each.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Memory of the filters in bytes.
    pub fn filter_bytes(&self) -> u64 {
        self.segments
            .values()
            .map(|segment| segment.filter.memory_bytes())
            .sum()
    }

    /// Bytes on disk of each kind of row, by column family. Filters come on top.
    pub fn family_bytes(&self) -> Result<Vec<(&'static str, u64)>, StoreError> {
        self.store.family_bytes()
    }

    /// Distinct entries, summed over segments.
    pub fn entries(&self) -> u64 {
        self.segments
            .values()
            .map(|segment| segment.filter.entries())
            .sum()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn all_segments(&self) -> &Segments {
        &self.segments
    }

    /// Whether a gram may be registered; `false` is certain. Memory only.
    #[inline]
    pub fn probe(&self, hash: u64) -> bool {
        let hash = keys::gram_key(hash);
        self.filters
            .iter()
            .any(|filter| filter.probe(hash).is_some())
    }

    /// Appends a hit with its tag for every gram that may be registered, ascending by position
    /// among the hashes; one from each segment that may hold the gram. Memory only.
    pub fn probe_batch(&self, hashes: &[u64], out: &mut Vec<Hit>) {
        filter::probe_batch(&self.filters, hashes, out);
    }

    /// Asks the processor for what a probe of these grams will read; waits for nothing. For a caller
    /// that has other work meanwhile.
    pub fn fetch(&self, hashes: &[u64]) {
        for filter in &self.filters {
            filter.fetch(hashes);
        }
    }

    /// The texts that hold each gram, in the order asked.
    pub fn look_up(&self, hashes: &[u64]) -> Result<Vec<Postings>, LookUpError> {
        look_up(&self.store, &self.segments, hashes)
    }

    /// The rows of texts, in the order asked. A text that does not exist is damage: its number
    /// came from a posting.
    pub fn texts(&self, ids: &[TextId]) -> Result<Vec<TextRow>, LookUpError> {
        texts(&self.store, ids)
    }

    /// Who registered a text, by source, then place. Claims of withdrawn sources are left out, so
    /// the answer may be empty: then the text is no longer registered and is no match. Of a text
    /// that one source holds very often only some places are kept, at least one per model
    /// ([`super::CLAIMS_KEPT`]).
    pub fn claims(&self, id: TextId) -> Result<Vec<Claim>, LookUpError> {
        let at = || format!("text {}", id.0);
        let to = keys::claims_key(id.0 + 1, 0);
        let mut out = Vec::new();
        let mut any = false;
        for row in self
            .store
            .scan(CLAIMS, &keys::claims_key(id.0, 0), Some(&to))?
        {
            let (key, value) = row?;
            any = true;
            let (_, number) = keys::decode_claims_key(&key).map_err(|bad| bad.at(at()))?;
            let claims = PackedClaim::decode_all(&value).map_err(|bad| bad.at(at()))?;
            let source = usize::try_from(number)
                .map_or(None, |number| self.sources.get(number))
                .ok_or_else(|| StoreError::corrupt("a claim of an unknown source", at()))?;
            if source.withdrawn_at.is_some() {
                continue;
            }
            out.extend(claims.into_iter().map(|claim| Claim {
                source: source.id,
                file: claim.file,
                row: claim.row,
                column: claim.column,
                model: claim.model,
            }));
        }
        if any {
            Ok(out)
        } else {
            Err(StoreError::corrupt("a text without a claim", at()))
        }
    }
}

/// See [`IndexReader::look_up`].
pub(crate) fn look_up(
    store: &Store,
    segments: &Segments,
    hashes: &[u64],
) -> Result<Vec<Postings>, LookUpError> {
    let mut found: BTreeMap<u64, TextList> = BTreeMap::new();
    let mut asked: Vec<u64> = hashes.iter().map(|hash| keys::gram_key(*hash)).collect();
    asked.sort_unstable();
    asked.dedup();
    for (&number, segment) in segments {
        let bits = segment.row.bucket_bits;
        let here: Vec<u64> = asked
            .iter()
            .copied()
            .filter(|&hash| segment.filter.probe(hash).is_some())
            .collect();
        // One read per bucket; `here` ascends, so buckets do.
        let groups: Vec<&[u64]> = here
            .chunk_by(|a, b| keys::bucket_of(*a, bits) == keys::bucket_of(*b, bits))
            .collect();
        let buckets: Vec<u32> = groups
            .iter()
            .filter_map(|group| group.first().map(|&hash| keys::bucket_of(hash, bits)))
            .collect();
        let wanted: Vec<[u8; 8]> = buckets
            .iter()
            .map(|&bucket| keys::bucket_key(number, bucket))
            .collect();
        store.get_many(POSTINGS, &wanted, |at, value| {
            let (Some(group), Some(&bucket)) = (groups.get(at), buckets.get(at)) else {
                return Err(StoreError::corrupt(
                    "an answer to no question",
                    "a batched read",
                ));
            };
            segment::find_in_bucket(value, number, bucket, &segment.row, group, |hash, list| {
                let joined = match found.remove(&hash) {
                    None => list,
                    Some(earlier) => segment::join(earlier, list),
                };
                found.insert(hash, joined);
                Ok(())
            })
        })?;
    }
    Ok(hashes
        .iter()
        .map(|hash| match found.get(&keys::gram_key(*hash)) {
            None => Postings::Absent,
            Some(TextList::Common(count)) => Postings::Common(*count),
            Some(TextList::Texts(texts)) => {
                Postings::Texts(texts.iter().map(|&text| TextId(text)).collect())
            }
        })
        .collect())
}

/// See [`IndexReader::texts`].
pub(crate) fn texts(store: &Store, ids: &[TextId]) -> Result<Vec<TextRow>, LookUpError> {
    let mut order: Vec<(TextId, usize)> = ids.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let wanted: Vec<[u8; 8]> = order.iter().map(|(id, _)| keys::text_key(id.0)).collect();
    let mut rows: Vec<(usize, TextRow)> = Vec::with_capacity(ids.len());
    store.get_many(TEXTS, &wanted, |at, value| {
        let Some(&(id, place)) = order.get(at) else {
            return Err(StoreError::corrupt(
                "an answer to no question",
                "a batched read",
            ));
        };
        let name = || format!("text {}", id.0);
        let value = value.ok_or_else(|| StoreError::corrupt("a text row is missing", name()))?;
        rows.push((place, TextRow::decode(value).map_err(|bad| bad.at(name()))?));
        Ok(())
    })?;
    rows.sort_unstable_by_key(|(place, _)| *place);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}
