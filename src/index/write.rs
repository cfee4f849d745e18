//! Writing: one registration is one set of table files and one atomic, durable batch.
//!
//! Order of a registration: intent row → files written → files ingested (invisible: nothing names
//! them) → one synced batch with source, counters and segment directory, which is the commit point
//! → rows and files of merged segments removed. What a crash leaves before the commit point is
//! found through the intent row, and removed at the next open for writing.
//!
//! This module neither seals nor logs; `snapshot` does, and acknowledges only then. After any
//! error the writer refuses further writes: reopening decides what is on disk.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;

use super::StoreError;
use super::columns::Access;
use super::format::Compat;
use super::format::Incompatible;
use super::keys;
use super::keys::CLAIMS;
use super::keys::FormatRow;
use super::keys::IntentRow;
use super::keys::META;
use super::keys::NAMES;
use super::keys::Op;
use super::keys::POSTINGS;
use super::keys::PackedClaim;
use super::keys::SOURCES;
use super::keys::SetHash;
use super::keys::StateRow;
use super::keys::TEXTS;
use super::keys::TextRow;
use super::layout::IndexDir;
use super::layout::filter_name;
use super::layout::sync_dir;
use super::look_up;
use super::look_up::Postings;
use super::segment;
use super::segment::Segments;
use super::sort;
use super::sort::Posting;
use super::sort::Record;
use super::sort::Sorter;
use super::source_row;
use super::store::Store;
use crate::model::Acquisition;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::source::SourceFile;

/// Places kept of one text in one source, the first of each claimed model beyond it.
/// Chosen: "Yes." may stand in a million rows; the report needs one, a person some.
pub const CLAIMS_KEPT: usize = 64;

/// What is known of a source before it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDraft {
    /// Name, not yet taken in this index.
    pub name: String,
    /// Digest of content and claim, lower-case hex SHA-256.
    pub digest: String,
    /// The files read.
    pub files: Vec<SourceFile>,
    /// Raw model ids claimed; claims point into it.
    pub models: Vec<String>,
    /// Column paths that outputs were taken from; claims point into it.
    pub columns: Vec<String>,
    /// Access path as given.
    pub access: Option<String>,
    /// How the outputs were acquired.
    pub acquisition: Acquisition,
    /// UTF-8 bytes of the registered units.
    pub text_bytes: u64,
    /// Time of registration, RFC 3339, UTC.
    pub registered_at: String,
}

/// One unit to register, fingerprinted.
#[derive(Debug, Clone, Copy)]
pub struct TextDraft<'a> {
    /// Keyed 128-bit digest of the normal form.
    pub exact: [u8; 16],
    /// The index entry that stands for `exact`.
    pub entry: u64,
    /// Bytes of the normal form.
    pub normal_bytes: u32,
    /// One keyed byte per word; 0 is a word that is no evidence.
    pub words: &'a [u8],
    /// Keyed selected grams, in any order; repeats are harmless.
    pub grams: &'a [u64],
}

/// Why nothing was written, or why it is not known whether something was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Reading or writing failed; the writer is of no more use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index was made with something else.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// An earlier write failed.
    #[error(
        "an earlier write to the index failed, so nothing more is written: run the command again, which first checks what is on disk"
    )]
    Poisoned,
    /// The name is taken.
    #[error(
        "source {name:?} is already registered with other content (digest {registered}, this one has {new}): choose another --source name, or withdraw the old one under its name and register this under a new one"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Digest stored.
        registered: String,
        /// Digest of the draft.
        new: String,
    },
    /// The same source is already registered and was withdrawn.
    #[error(
        "source {name:?} was withdrawn on {at}; to register the same content again choose another --source name"
    )]
    Withdrawn {
        /// The name.
        name: String,
        /// When.
        at: String,
    },
    /// No source of this name.
    #[error("there is no source {name:?}: `herdbook source list` shows the names")]
    NoSuchSource {
        /// The name.
        name: String,
    },
    /// A source without any record.
    #[error("source {name:?} holds no record to register")]
    Empty {
        /// The name.
        name: String,
    },
}

/// The live database, open for writing by one process. The caller holds the lock.
pub struct IndexWriter {
    store: Store,
    dir: IndexDir,
    format: FormatRow,
    state: StateRow,
    segments: Segments,
    sources: Vec<SourceInfo>,
    poisoned: bool,
}

impl IndexWriter {
    /// Makes an empty database. The directories exist and are empty.
    pub fn create(dir: &IndexDir, compat: &Compat, time: &str) -> Result<Self, StoreError> {
        let store = Store::open(&dir.db(), Access::Create)?;
        let format = compat.row();
        let state = StateRow {
            epoch: 1,
            next_text: 0,
            next_source: 0,
            next_segment: 0,
            live_sources: 0,
            records: 0,
            claims: 0,
            set_hash: SetHash::default(),
            op: Op::Init,
            op_source: u32::MAX,
            op_time: time.to_owned(),
        };
        let mut batch = store.batch();
        batch.put(META, &keys::FORMAT_KEY, &format.encode())?;
        batch.put(META, &keys::STATE_KEY, &state.encode())?;
        batch.commit()?;
        Ok(Self {
            store,
            dir: dir.clone(),
            format,
            state,
            segments: Segments::new(),
            sources: Vec::new(),
            poisoned: false,
        })
    }

    /// Opens the database and removes what a crash left.
    pub fn open(dir: &IndexDir, compat: &Compat) -> Result<Self, WriteError> {
        let store = Store::open(&dir.db(), Access::Write)?;
        let format = store.format()?;
        compat.accepts(&format)?;
        let state = store.state()?;
        let sources = store.sources(&state)?;
        remove_leftovers(&store, dir, &state)?;
        let segments = segment::load(&store, &dir.filters())?;
        Ok(Self {
            store,
            dir: dir.clone(),
            format,
            state,
            segments,
            sources,
            poisoned: false,
        })
    }

    /// What the index was made with.
    pub fn format(&self) -> &FormatRow {
        &self.format
    }

    /// Counters and the last commit.
    pub fn state(&self) -> &StateRow {
        &self.state
    }

    /// All sources by number, withdrawn ones included.
    pub fn sources(&self) -> &[SourceInfo] {
        &self.sources
    }

    /// The source of a name.
    pub fn source_by_name(&self, name: &str) -> Option<&SourceInfo> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// File names of the live filters.
    pub fn filter_names(&self) -> Vec<String> {
        self.segments
            .keys()
            .map(|&segment| filter_name(segment))
            .collect()
    }

    /// Hard-links a consistent copy of the database into `path`, which must not exist.
    pub fn checkpoint(&self, path: &std::path::Path) -> Result<(), StoreError> {
        self.store.checkpoint(path)
    }

    /// Refuses after a failed write.
    pub fn usable(&self) -> Result<(), WriteError> {
        if self.poisoned {
            Err(WriteError::Poisoned)
        } else {
            Ok(())
        }
    }

    /// Marks the writer as of no more use; for the caller's own failed seal or log entry.
    pub fn poison(&mut self) {
        self.poisoned = true;
    }

    /// Starts a registration. Nothing is visible before [`Registration::finish`]; dropping it
    /// leaves nothing behind.
    pub fn begin(&mut self) -> Result<Registration<'_>, WriteError> {
        self.usable()?;
        let tmp = self.dir.tmp();
        let scratch = tempfile::tempdir_in(&tmp)
            .map_err(StoreError::io("create a scratch directory in", &tmp))?;
        let rows = tempfile::tempfile_in(scratch.path())
            .map_err(StoreError::io("create a scratch file in", &tmp))?;
        let (postings, claims) = (
            Sorter::new(scratch.path(), sort::BUFFER_BYTES),
            Sorter::new(scratch.path(), sort::BUFFER_BYTES / 3),
        );
        Ok(Registration {
            first_text: self.state.next_text,
            next_text: self.state.next_text,
            writer: self,
            scratch,
            rows: BufWriter::with_capacity(1 << 20, rows),
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

    /// Marks a source as withdrawn: its claims no longer count. Its texts stay, without claims
    /// unless another source holds them too.
    pub fn withdraw(&mut self, name: &str, at: &str) -> Result<SourceInfo, WriteError> {
        self.usable()?;
        let Some(place) = self.sources.iter().position(|source| source.name == name) else {
            return Err(WriteError::NoSuchSource {
                name: name.to_owned(),
            });
        };
        let Some(source) = self.sources.get_mut(place) else {
            return Err(WriteError::NoSuchSource {
                name: name.to_owned(),
            });
        };
        if let Some(at) = &source.withdrawn_at {
            return Err(WriteError::Withdrawn {
                name: name.to_owned(),
                at: at.clone(),
            });
        }
        self.poisoned = true;
        let mut changed = source.clone();
        changed.withdrawn_at = Some(at.to_owned());
        let mut state = self.state.clone();
        state.epoch += 1;
        state.live_sources = state.live_sources.saturating_sub(1);
        state.records = state.records.saturating_sub(changed.records);
        state.op = Op::Withdraw;
        state.op_source = changed.id.0;
        at.clone_into(&mut state.op_time);
        let mut batch = self.store.batch();
        batch.put(
            SOURCES,
            &changed.id.0.to_be_bytes(),
            &encode_source(&changed)?,
        )?;
        batch.put(META, &keys::STATE_KEY, &state.encode())?;
        batch.commit()?;
        *source = changed.clone();
        self.state = state;
        self.poisoned = false;
        Ok(changed)
    }

    /// Begins a new commit that changes no fact, so that the index can be sealed again.
    pub fn renew(&mut self, at: &str) -> Result<(), WriteError> {
        self.usable()?;
        self.poisoned = true;
        let mut state = self.state.clone();
        state.epoch += 1;
        state.op = Op::Seal;
        state.op_source = u32::MAX;
        at.clone_into(&mut state.op_time);
        let mut batch = self.store.batch();
        batch.put(META, &keys::STATE_KEY, &state.encode())?;
        batch.commit()?;
        self.state = state;
        self.poisoned = false;
        Ok(())
    }

    /// The number of a text that the index holds, by its exact digest.
    fn find(&self, exact: &[u8; 16], entry: u64) -> Result<Option<u64>, StoreError> {
        if !self
            .segments
            .values()
            .any(|segment| segment.filter.contains(entry))
        {
            return Ok(None);
        }
        let answers = look_up::look_up(&self.store, &self.segments, &[entry])?;
        for answer in answers {
            match answer {
                Postings::Absent => {}
                Postings::Common(count) => {
                    return Err(StoreError::corrupt(
                        format!("{count} texts share the entry of one exact digest"),
                        format!("entry {entry:016x}"),
                    ));
                }
                Postings::Texts(texts) => {
                    let rows = look_up::texts(&self.store, &texts)?;
                    let same = texts.iter().zip(rows).find(|(_, row)| row.exact == *exact);
                    if let Some((text, _)) = same {
                        return Ok(Some(text.0));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn encode_source(source: &SourceInfo) -> Result<Vec<u8>, StoreError> {
    source_row::encode(source)
        .map_err(|what| StoreError::corrupt(what, format!("source {}", source.name)))
}

/// Removes what no row of the directory names: the files of an unfinished registration and of
/// segments that were merged away.
fn remove_leftovers(store: &Store, dir: &IndexDir, state: &StateRow) -> Result<(), StoreError> {
    let tmp = dir.tmp();
    if tmp.try_exists().map_err(StoreError::io("look for", &tmp))? {
        fs::remove_dir_all(&tmp).map_err(StoreError::io("empty the scratch directory", &tmp))?;
    }
    fs::create_dir(&tmp).map_err(StoreError::io("create the scratch directory", &tmp))?;
    if let Some(intent) = store.intent()? {
        store.delete_range(
            TEXTS,
            &keys::text_key(state.next_text),
            &keys::text_key(u64::MAX),
        )?;
        store.delete_range(
            CLAIMS,
            &keys::claims_key(state.next_text, 0),
            &keys::claims_key(u64::MAX, u32::MAX),
        )?;
        store.delete_range(
            POSTINGS,
            &keys::bucket_key(state.next_segment, 0),
            &keys::bucket_key(u32::MAX, u32::MAX),
        )?;
        // Claims on texts known before stand between committed ones; the source number, which
        // will be given again, tells them apart.
        let mut batch = store.batch();
        for row in store.scan(CLAIMS, &[], None)? {
            let (key, _) = row?;
            let (_, source) = keys::decode_claims_key(&key).map_err(|bad| bad.at("the claims"))?;
            if source >= intent.source {
                batch.delete(CLAIMS, &key)?;
            }
        }
        batch.delete(META, &keys::INTENT_KEY)?;
        batch.commit()?;
    }
    let live: BTreeSet<String> = store
        .segments()?
        .iter()
        .map(|(segment, _)| filter_name(*segment))
        .collect();
    let filters = dir.filters();
    for entry in fs::read_dir(&filters).map_err(StoreError::io("list", &filters))? {
        let entry = entry.map_err(StoreError::io("list", &filters))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if live.contains(name) {
            continue;
        }
        // The file is the mark that a segment was left over, so it goes last.
        if let Some(Ok(number)) = name.strip_suffix(".fuse").map(str::parse::<u32>) {
            store.delete_range(
                POSTINGS,
                &keys::bucket_key(number, 0),
                &keys::bucket_key(number, u32::MAX),
            )?;
        }
        let path = entry.path();
        fs::remove_file(&path).map_err(StoreError::io("remove the left-over filter", &path))?;
    }
    Ok(())
}

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
            model => Some(u32::try_from(model - 1).map_or(None, Some)?),
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
        let number = match self.known.get(&text.exact) {
            Some(&number) => number,
            None => {
                let number = match self.writer.find(&text.exact, text.entry)? {
                    Some(number) => number,
                    None => self.add_text(text)?,
                };
                self.known.insert(text.exact, number);
                number
            }
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
        self.postings.push(Posting {
            hash: text.entry,
            text: number,
        })?;
        for &hash in text.grams {
            self.postings.push(Posting { hash, text: number })?;
        }
        self.next_text += 1;
        Ok(number)
    }

    /// Commits. On success the source is durable in the live database, but neither sealed nor
    /// logged; the caller acknowledges after both. The same source again changes nothing.
    pub fn finish(self, draft: SourceDraft) -> Result<Finished<'w>, WriteError> {
        self.writer.usable()?;
        if let Some(source) = self.writer.source_by_name(&draft.name) {
            if let Some(at) = &source.withdrawn_at {
                return Err(WriteError::Withdrawn {
                    name: draft.name,
                    at: at.clone(),
                });
            }
            if source.digest == draft.digest {
                let source = source.clone();
                return Ok(Finished {
                    source,
                    new: false,
                    writer: self.writer,
                });
            }
            return Err(WriteError::NameTaken {
                name: draft.name,
                registered: source.digest.clone(),
                new: draft.digest,
            });
        }
        if self.records == 0 {
            return Err(WriteError::Empty { name: draft.name });
        }
        self.writer.poisoned = true;
        let Self {
            writer,
            scratch,
            rows,
            claims,
            postings,
            ..
        } = self;
        let source = SourceId(writer.state.next_source);
        let number = writer.state.next_segment;
        let mut batch = writer.store.batch();
        let intent = IntentRow {
            source: source.0,
            segment: number,
            first_text: self.first_text,
        };
        batch.put(META, &keys::INTENT_KEY, &intent.encode())?;
        batch.commit()?;

        let failed = || StoreError::io("read a scratch file in", scratch.path());
        let mut rows = rows
            .into_inner()
            .map_err(|error| failed()(error.into_error()))?;
        rows.rewind().map_err(failed())?;
        let mut rows = BufReader::with_capacity(1 << 20, rows);
        let mut text_tables = writer.store.tables(TEXTS, scratch.path());
        let mut next = self.first_text;
        text_tables.write(|key, value| {
            if next == self.next_text {
                return Ok(false);
            }
            let mut length = [0; 4];
            rows.read_exact(&mut length).map_err(failed())?;
            value.resize(
                usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX),
                0,
            );
            rows.read_exact(value).map_err(failed())?;
            key.extend_from_slice(&keys::text_key(next));
            next += 1;
            Ok(true)
        })?;

        let mut set_hash = self.set_hash;
        let mut claim_tables = writer.store.tables(CLAIMS, scratch.path());
        let mut groups = ClaimGroups::new(claims.finish()?)?;
        let mut stored_claims = 0;
        // Known texts and new ones go to separate files: only the former overlap earlier files.
        for end in [self.first_text, u64::MAX] {
            claim_tables.write(|key, value| {
                let Some(text) = groups.next(end, value)? else {
                    return Ok(false);
                };
                key.extend_from_slice(&keys::claims_key(text, source.0));
                set_hash.add(&claims_member(key, value));
                stored_claims += groups.kept;
                Ok(true)
            })?;
        }

        let fresh = postings.count();
        let merge = if fresh == 0 {
            Vec::new()
        } else {
            segment::choose_merge(&writer.segments, fresh)
        };
        let merged: Vec<_> = merge
            .iter()
            .filter_map(|number| writer.segments.get(number).map(|live| (*number, &live.row)))
            .collect();
        let new = if fresh == 0 {
            None
        } else {
            let target = segment::Target {
                store: &writer.store,
                number,
                tmp: scratch.path(),
                filters: &writer.dir.filters(),
            };
            let new = segment::write(&target, postings.finish()?, fresh, self.first_text, &merged)?;
            sync_dir(&writer.dir.filters())?;
            Some(new)
        };
        let replaced: u64 = merged
            .iter()
            .map(|(_, row)| row.table_bytes + row.filter_bytes)
            .sum();
        let added = new.as_ref().map_or(0, |new| {
            new.segment.row.table_bytes + new.segment.row.filter_bytes
        });

        writer.store.ingest(TEXTS, text_tables.paths())?;
        writer.store.ingest(CLAIMS, claim_tables.paths())?;
        if let Some(new) = &new {
            writer.store.ingest(POSTINGS, new.tables.paths())?;
        }
        #[cfg(test)]
        if self.stop_before_commit {
            return Err(WriteError::Poisoned);
        }

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
            index_bytes: (text_tables.bytes() + claim_tables.bytes() + added)
                .saturating_sub(replaced),
            registered_at: draft.registered_at,
            withdrawn_at: None,
        };
        let mut state = writer.state.clone();
        state.epoch += 1;
        state.next_text = self.next_text;
        state.next_source += 1;
        state.live_sources += 1;
        state.records += self.records;
        state.claims += stored_claims;
        state.set_hash.merge(&set_hash);
        state.op = Op::Register;
        state.op_source = source.0;
        state.op_time.clone_from(&info.registered_at);
        let mut batch = writer.store.batch();
        if let Some(new) = &new {
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

        writer.state = state;
        writer.sources.push(info.clone());
        if let Some(new) = new {
            writer.segments.insert(number, new.segment);
        }
        for number in merge {
            writer.segments.remove(&number);
            let last = keys::bucket_key(number, u32::MAX);
            writer
                .store
                .delete_range(POSTINGS, &keys::bucket_key(number, 0), &last)?;
            let path = writer.dir.filters().join(filter_name(number));
            fs::remove_file(&path).map_err(StoreError::io("remove the merged filter", &path))?;
        }
        writer.poisoned = false;
        Ok(Finished {
            source: info,
            new: true,
            writer,
        })
    }
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
