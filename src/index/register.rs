//! One registration: texts, grams and claims to scratch files, then table files, then one commit.
//!
//! Order: intent row → files written → files ingested (invisible: nothing names them) → one synced
//! batch with source, counters and segment directory, which is the commit point → rows and files
//! of merged segments removed. What a crash leaves before the commit point is found through the
//! intent row, and removed at the next open for writing.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;

use super::StoreError;
use super::keys;
use super::keys::CLAIMS;
use super::keys::IntentRow;
use super::keys::META;
use super::keys::NAMES;
use super::keys::Op;
use super::keys::POSTINGS;
use super::keys::PackedClaim;
use super::keys::SOURCES;
use super::keys::TEXTS;
use super::keys::TextRow;
use super::layout::sync_dir;
use super::segment;
use super::segment::NewSegment;
use super::set_hash::SetHash;
use super::sort;
use super::sort::Posting;
use super::sort::Record;
use super::sort::Sorter;
use super::store::Tables;
use super::tag::ALONE_GRAMS;
use super::write::IndexWriter;
use super::write::SourceDraft;
use super::write::TextDraft;
use super::write::WriteError;
use super::write::encode_source;
use crate::model::SourceId;
use crate::model::SourceInfo;

/// Places kept of one text in one source, the first of each claimed model beyond it.
/// Chosen: "Yes." may stand in a million rows; the report needs one, a person some.
pub const CLAIMS_KEPT: usize = 64;

/// Buffer of the scratch file of text rows.
const SCRATCH_BYTES: usize = 1 << 20;

/// A claim on its way through the sorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ClaimRecord {
    text: u64,
    claim: PackedClaim,
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

/// A registration under way.
///
/// Memory: some 40 bytes per distinct new text for the digests seen, and the sorters' fixed
/// buffers; text rows, grams and claims go to scratch files.
pub struct Registration<'w> {
    writer: &'w mut IndexWriter,
    scratch: tempfile::TempDir,
    /// Text rows behind their length in four bytes, in order of their numbers.
    rows: BufWriter<File>,
    row: Vec<u8>,
    /// Number of each text met, by its exact digest.
    known: HashMap<[u8; 16], u64>,
    postings: Sorter<Posting>,
    claims: Sorter<ClaimRecord>,
    first_text: u64,
    next_text: u64,
    records: u64,
    set_hash: SetHash,
    /// Ends `finish` where a crash would hurt most.
    #[cfg(test)]
    pub(crate) stop_before_commit: bool,
}

impl<'w> Registration<'w> {
    pub(super) fn new(writer: &'w mut IndexWriter) -> Result<Self, StoreError> {
        let tmp = writer.dir().tmp();
        let scratch = tempfile::tempdir_in(&tmp)
            .map_err(StoreError::io("create a scratch directory in", &tmp))?;
        let rows = tempfile::tempfile_in(scratch.path())
            .map_err(StoreError::io("create a scratch file in", &tmp))?;
        let postings = Sorter::new(scratch.path(), sort::BUFFER_BYTES);
        let claims = Sorter::new(scratch.path(), sort::BUFFER_BYTES / 3);
        let first_text = writer.state().next_text;
        Ok(Self {
            first_text,
            next_text: first_text,
            writer,
            scratch,
            rows: BufWriter::with_capacity(SCRATCH_BYTES, rows),
            row: Vec::new(),
            known: HashMap::new(),
            postings,
            claims,
            records: 0,
            set_hash: SetHash::default(),
            #[cfg(test)]
            stop_before_commit: false,
        })
    }

    /// Records added so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Texts met for the first time in this index so far.
    pub fn new_texts(&self) -> u64 {
        self.next_text - self.first_text
    }

    /// Adds one record. A text that the index or this registration already holds gets a claim and
    /// nothing else.
    pub fn add(&mut self, text: &TextDraft<'_>, claim: PackedClaim) -> Result<(), WriteError> {
        let number = if let Some(&number) = self.known.get(&text.exact) {
            number
        } else {
            let number = match self.writer.find(&text.exact, text.entry)? {
                Some(number) => number,
                None => self.add_text(text)?,
            };
            self.known.insert(text.exact, number);
            number
        };
        self.claims.push(ClaimRecord {
            text: number,
            claim,
        })?;
        self.records += 1;
        Ok(())
    }

    fn add_text(&mut self, text: &TextDraft<'_>) -> Result<u64, StoreError> {
        let number = self.next_text;
        if number >= keys::TEXT_ID_MAX {
            return Err(StoreError::Limit {
                what: "the index is full".to_owned(),
            });
        }
        let words = u32::try_from(text.words.len()).map_err(|_| StoreError::Limit {
            what: "a text of more than 2^32 words".to_owned(),
        })?;
        self.row.clear();
        TextRow::put(
            &mut self.row,
            &text.exact,
            text.normal_bytes,
            words,
            text.words,
        );
        self.set_hash.add(&text_member(&self.row));
        let length = u32::try_from(self.row.len()).map_err(|_| StoreError::Limit {
            what: "a text of more than 2^32 words".to_owned(),
        })?;
        let failed = || StoreError::io("write a scratch file in", self.scratch.path());
        self.rows
            .write_all(&length.to_be_bytes())
            .map_err(failed())?;
        self.rows.write_all(&self.row).map_err(failed())?;
        let alone = few_grams(text.grams);
        for hash in text.grams.iter().chain([&text.entry]) {
            self.postings.push(Posting {
                hash: keys::gram_key(*hash),
                text: number,
                alone,
            })?;
        }
        self.next_text += 1;
        Ok(number)
    }

    /// Commits. On success the source is durable in the live database, but neither sealed nor
    /// logged; the caller acknowledges after both. The same source again changes nothing.
    pub fn finish(mut self, draft: SourceDraft) -> Result<Finished<'w>, WriteError> {
        self.writer.usable()?;
        if let Some(source) = self.writer.registered(&draft)? {
            let source = source.clone();
            return Ok(Finished {
                source,
                new: false,
                writer: self.writer,
            });
        }
        if self.records == 0 {
            return Err(WriteError::Empty { name: draft.name });
        }
        self.writer.poison();
        let state = self.writer.state();
        let (source, number) = (SourceId(state.next_source), state.next_segment);
        let intent = IntentRow {
            source: source.0,
            segment: number,
            first_text: self.first_text,
        };
        let mut batch = self.writer.store().batch();
        batch.put(META, &keys::INTENT_KEY, &intent.encode())?;
        batch.commit()?;

        let texts = self.write_texts()?;
        let claims = self.write_claims(source)?;
        let (segment, merge) = self.write_segment(number)?;
        let store = self.writer.store();
        store.ingest(TEXTS, texts.paths())?;
        store.ingest(CLAIMS, claims.tables.paths())?;
        if let Some(new) = &segment {
            store.ingest(POSTINGS, new.tables.paths())?;
        }
        #[cfg(test)]
        if self.stop_before_commit {
            return Err(WriteError::Poisoned);
        }

        let segment_bytes = |row: &keys::SegmentRow| row.table_bytes + row.filter_bytes;
        let live = self.writer.segments();
        let replaced: u64 = merge
            .iter()
            .filter_map(|at| live.get(at))
            .map(|live| segment_bytes(&live.row))
            .sum();
        let added = segment
            .as_ref()
            .map_or(0, |new| segment_bytes(&new.segment.row));
        let written = texts.bytes() + claims.tables.bytes() + added;
        let info = SourceInfo {
            id: source,
            name: draft.name,
            digest: draft.digest,
            files: draft.files,
            models: draft.models,
            columns: draft.columns,
            access: draft.access,
            acquisition: draft.acquisition,
            records: self.records,
            new_texts: self.next_text - self.first_text,
            text_bytes: draft.text_bytes,
            index_bytes: written.saturating_sub(replaced),
            registered_at: draft.registered_at,
            withdrawn_at: None,
        };
        let mut state = self.writer.state().clone();
        state.epoch += 1;
        state.next_text = self.next_text;
        state.next_source += 1;
        state.live_sources += 1;
        state.records += self.records;
        state.claims += claims.stored;
        state.set_hash.merge(&self.set_hash);
        state.op = Op::Register;
        state.op_source = source.0;
        state.op_time.clone_from(&info.registered_at);
        let mut batch = store.batch();
        if let Some(new) = &segment {
            state.next_segment += 1;
            batch.put(META, &keys::segment_key(number), &new.segment.row.encode())?;
        }
        for number in &merge {
            batch.delete(META, &keys::segment_key(*number))?;
        }
        batch.put(META, &keys::STATE_KEY, &state.encode())?;
        batch.put(SOURCES, &source.0.to_be_bytes(), &encode_source(&info)?)?;
        batch.put(NAMES, info.name.as_bytes(), &source.0.to_be_bytes())?;
        batch.delete(META, &keys::INTENT_KEY)?;
        batch.commit()?;

        let writer = self.writer;
        writer.committed(
            state,
            info.clone(),
            segment.map(|new| (number, new.segment)),
        );
        writer.remove_merged(&merge)?;
        writer.healed();
        Ok(Finished {
            source: info,
            new: true,
            writer,
        })
    }

    /// The rows of the new texts, which stand in the scratch file in order.
    fn write_texts(&mut self) -> Result<Tables, StoreError> {
        let failed = || StoreError::io("read a scratch file in", self.scratch.path());
        self.rows.flush().map_err(failed())?;
        let rows = self.rows.get_mut();
        rows.rewind().map_err(failed())?;
        let mut rows = BufReader::with_capacity(SCRATCH_BYTES, rows);
        let mut tables = self.writer.store().tables(TEXTS, self.scratch.path());
        let mut next = self.first_text;
        tables.write(|key, value| {
            if next == self.next_text {
                return Ok(false);
            }
            let mut length = [0; 4];
            rows.read_exact(&mut length).map_err(failed())?;
            value.resize(u32::from_be_bytes(length) as usize, 0);
            rows.read_exact(value).map_err(failed())?;
            key.extend_from_slice(&keys::text_key(next));
            next += 1;
            Ok(true)
        })?;
        Ok(tables)
    }

    /// The claims of this source; adds them to the set hash.
    fn write_claims(&mut self, source: SourceId) -> Result<WrittenClaims, StoreError> {
        let mut tables = self.writer.store().tables(CLAIMS, self.scratch.path());
        let claims = std::mem::replace(&mut self.claims, Sorter::new(self.scratch.path(), 0));
        let mut groups = ClaimGroups::new(claims.finish()?)?;
        let mut stored = 0;
        // Known texts and new ones go to separate files: only the former overlap earlier files.
        for end in [self.first_text, u64::MAX] {
            tables.write(|key, value| {
                let Some(text) = groups.next(end, value)? else {
                    return Ok(false);
                };
                key.extend_from_slice(&keys::claims_key(text, source.0));
                self.set_hash.add(&claims_member(key, value));
                stored += groups.kept;
                Ok(true)
            })?;
        }
        Ok(WrittenClaims { tables, stored })
    }

    /// The segment of the new texts, merged with live ones; their numbers. None without new texts.
    fn write_segment(&mut self, number: u32) -> Result<(Option<NewSegment>, Vec<u32>), StoreError> {
        let fresh = self.postings.count();
        if fresh == 0 {
            return Ok((None, Vec::new()));
        }
        let live = self.writer.segments();
        let merge = segment::choose_merge(live, fresh);
        let merged: Vec<_> = merge
            .iter()
            .filter_map(|number| live.get(number).map(|live| (*number, live)))
            .collect();
        let filters = self.writer.dir().filters();
        let target = segment::Target {
            store: self.writer.store(),
            number,
            tmp: self.scratch.path(),
            filters: &filters,
        };
        let postings = std::mem::replace(&mut self.postings, Sorter::new(self.scratch.path(), 0));
        let new = segment::write(&target, postings.finish()?, fresh, self.first_text, &merged)?;
        sync_dir(&filters)?;
        Ok((Some(new), merge))
    }
}

/// Whether a text has at most [`ALONE_GRAMS`] distinct grams.
fn few_grams(grams: &[u64]) -> bool {
    let mut distinct = [0; ALONE_GRAMS];
    let mut count = 0;
    for gram in grams.iter().map(|gram| keys::gram_key(*gram)) {
        if distinct.iter().take(count).any(|earlier| *earlier == gram) {
            continue;
        }
        let Some(free) = distinct.get_mut(count) else {
            return false;
        };
        *free = gram;
        count += 1;
    }
    true
}

/// Table files of claims.
struct WrittenClaims {
    tables: Tables,
    /// Claims in them.
    stored: u64,
}

/// What [`Registration::finish`] leaves.
pub struct Finished<'w> {
    /// The source as stored.
    pub source: SourceInfo,
    /// Whether it was registered now; `false` if it was there already.
    pub new: bool,
    /// The writer, for the seal.
    pub writer: &'w mut IndexWriter,
}

/// What a text row adds to the set hash.
pub(crate) fn text_member(row: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("herdbook 2026 set hash: text row");
    hasher.update(row).finalize()
}

/// What a claims row adds to the set hash.
pub(crate) fn claims_member(key: &[u8], value: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("herdbook 2026 set hash: claims row");
    hasher.update(key).update(value).finalize()
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
