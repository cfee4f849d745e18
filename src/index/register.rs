//! One registration: texts, grams and claims to scratch files, then table files, then one commit.
//!
//! Order: intent row → files written → files ingested (invisible: nothing names them) → one synced
//! batch with source, counters and segment directory, which is the commit point → rows and files
//! of merged segments removed. What a crash leaves before the commit point is found through the
//! intent row, and removed at the next open for writing.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::path::Path;

use super::StoreError;
use super::build;
use super::build::NewSegment;
use super::claims;
use super::claims::ClaimRecord;
use super::claims::WrittenClaims;
use super::gather::Gatherer;
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
use super::rows::Rows;
use super::rows::TableThread;
use super::segment;
use super::set_hash::SetHash;
use super::set_hash::member;
use super::set_hash::text_member_key;
use super::sort;
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

/// Bytes of text rows that are handed over together.
const ROWS_BYTES: usize = 1 << 20;

/// A registration under way.
///
/// Memory: some 40 bytes per distinct new text for the digests seen, then the filter of the new
/// segment, beside fixed buffers; text rows go to table files at once, grams and claims to scratch
/// files.
pub struct Registration<'w> {
    writer: &'w mut IndexWriter,
    /// Rows of the new texts, in order of their numbers, and what becomes of them.
    rows: Rows,
    texts: TableThread<SetHash>,
    /// Number of each text met, by its exact digest.
    known: HashMap<[u8; 16], u64, BuildHasherDefault<OfDigest>>,
    grams: Gatherer,
    claims: Sorter<ClaimRecord>,
    // After what writes into it.
    scratch: tempfile::TempDir,
    first_text: u64,
    next_text: u64,
    records: u64,
    /// Ends `finish` where a crash would hurt most.
    #[cfg(test)]
    pub(crate) stop_before_commit: bool,
}

impl<'w> Registration<'w> {
    pub(super) fn new(writer: &'w mut IndexWriter) -> Result<Self, StoreError> {
        let tmp = writer.dir().tmp();
        let scratch = tempfile::tempdir_in(&tmp)
            .map_err(StoreError::io("create a scratch directory in", &tmp))?;
        let first_text = writer.state().next_text;
        let texts = writer.store().tables(TEXTS, scratch.path());
        let key = text_member_key();
        let texts = TableThread::start(texts, SetHash::default(), move |sum, row| {
            sum.add(&member(&key, &[row]));
        });
        Ok(Self {
            first_text,
            next_text: first_text,
            writer,
            rows: Rows::new(first_text),
            texts,
            known: HashMap::default(),
            grams: Gatherer::new(scratch.path()),
            claims: Sorter::new(scratch.path(), sort::BUFFER_BYTES),
            scratch,
            records: 0,
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
    /// nothing else; one that the index holds without its words, and that comes with them, is a text
    /// of its own, so that it is compared by its words from now on. Either all drafts of a
    /// registration have words or none.
    pub fn add(&mut self, text: &TextDraft<'_>, claim: PackedClaim) -> Result<(), WriteError> {
        let number = if let Some(&number) = self.known.get(&text.exact) {
            number
        } else {
            let with_words = text.counted.is_none();
            let number = match self.writer.find(&text.exact, text.entry, with_words)? {
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
        self.rows.push(|row| match text.counted {
            Some(counted) => {
                TextRow::put_counted(row, &text.exact, text.normal_bytes, counted);
            }
            None => TextRow::put(row, &text.exact, text.normal_bytes, words, text.words),
        });
        if self.rows.bytes() >= ROWS_BYTES {
            let next = Rows::new(self.rows.next());
            self.texts.write(std::mem::replace(&mut self.rows, next))?;
        }
        self.grams
            .add(text.grams, text.entry, few_grams(text.grams))?;
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
        self.announce(source, number)?;
        let Written {
            texts,
            texts_hash,
            claims,
            segment,
            merge,
        } = self.write(source, number)?;
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
            bundle: draft.bundle,
        };
        let mut state = self.writer.state().clone();
        state.epoch += 1;
        state.next_text = self.next_text;
        state.next_source += 1;
        state.live_sources += 1;
        state.records += self.records;
        state.claims += claims.stored;
        state.set_hash.merge(&texts_hash);
        state.set_hash.merge(&claims.set_hash);
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

    /// Makes it durable that files of this source may lie in the index although it is not committed:
    /// the next writer removes them.
    fn announce(&self, source: SourceId, segment: u32) -> Result<(), WriteError> {
        let intent = IntentRow {
            source: source.0,
            segment,
            first_text: self.first_text,
        };
        let mut batch = self.writer.store().batch();
        batch.put(META, &keys::INTENT_KEY, &intent.encode())?;
        batch.commit()?;
        // Damage can make the engine drop the end of its write-ahead log in silence; the files that
        // are about to be added would stay. In a table file the intent is as lasting as they are.
        self.writer.store().flush(META)?;
        Ok(())
    }

    /// Writes every file of the source: texts, claims, and the segment with its filter.
    fn write(&mut self, source: SourceId, number: u32) -> Result<Written, StoreError> {
        // No more texts come, and the filter is about to need the memory.
        self.known = HashMap::default();
        // The last rows are written while the segment is built.
        let rows = std::mem::replace(&mut self.rows, Rows::new(0));
        self.texts.write(rows)?;
        self.texts.close()?;
        let tmp = self.scratch.path();
        let claims = std::mem::replace(&mut self.claims, Sorter::new(tmp, 0));
        let grams = std::mem::replace(&mut self.grams, Gatherer::new(tmp));
        let (writer, first_text) = (&*self.writer, self.first_text);
        let (claims, segment) = rayon::join(
            || claims::write(writer.store(), tmp, claims, source, first_text),
            || write_segment(writer, tmp, grams, number, first_text),
        );
        let (claims, (segment, merge)) = (claims?, segment?);
        let (texts, texts_hash) = self.texts.finish()?;
        Ok(Written {
            texts,
            texts_hash,
            claims,
            segment,
            merge,
        })
    }
}

/// The files of a source, durable, and not yet part of the index.
struct Written {
    texts: Tables,
    /// What the texts add to the set hash.
    texts_hash: SetHash,
    claims: WrittenClaims,
    /// None without new texts.
    segment: Option<NewSegment>,
    /// Segments that it takes the place of.
    merge: Vec<u32>,
}

/// The segment of the new texts, merged with live ones; their numbers. None without new texts.
fn write_segment(
    writer: &IndexWriter,
    tmp: &Path,
    grams: Gatherer,
    number: u32,
    first_text: u64,
) -> Result<(Option<NewSegment>, Vec<u32>), StoreError> {
    let fresh = grams.finish()?;
    if fresh.count() == 0 {
        return Ok((None, Vec::new()));
    }
    let live = writer.segments();
    let merge = segment::choose_merge(live, fresh.count());
    let merged: Vec<_> = merge
        .iter()
        .filter_map(|number| live.get(number).map(|live| (*number, live)))
        .collect();
    let filters = writer.dir().filters();
    let target = build::Target {
        store: writer.store(),
        number,
        tmp,
        filters: &filters,
    };
    let new = build::write(&target, &fresh, first_text, &merged)?;
    sync_dir(&filters)?;
    Ok((Some(new), merge))
}

/// The hash of a digest: its first bytes. Digests are uniform, and nobody without the key can
/// choose them.
#[derive(Default)]
struct OfDigest(u64);

impl Hasher for OfDigest {
    fn write(&mut self, bytes: &[u8]) {
        // The length comes first, then the digest.
        self.0 = bytes
            .first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head));
    }

    fn finish(&self) -> u64 {
        self.0
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

/// What [`Registration::finish`] leaves.
pub struct Finished<'w> {
    /// The source as stored.
    pub source: SourceInfo,
    /// Whether it was registered now; `false` if it was there already.
    pub new: bool,
    /// The writer, for the seal.
    pub writer: &'w mut IndexWriter,
}
