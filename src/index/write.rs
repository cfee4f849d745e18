//! The live database, open for writing: commits that change no text, and the tidying up after a
//! crash. `register` holds the commit that does.
//!
//! This module neither seals nor logs; `snapshot` does, and acknowledges only then. After any
//! error the writer refuses further writes: reopening decides what is on disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::StoreError;
use super::columns::Access;
use super::format::Compat;
use super::format::Incompatible;
use super::keys;
use super::keys::CLAIMS;
use super::keys::FormatRow;
use super::keys::META;
use super::keys::Op;
use super::keys::POSTINGS;
use super::keys::PackedClaim;
use super::keys::SOURCES;
use super::keys::StateRow;
use super::keys::TEXTS;
use super::keys::WordCount;
use super::layout::FILTER_SUFFIX;
use super::layout::IndexDir;
use super::layout::filter_name;
use super::look_up;
use super::look_up::Postings;
use super::register::Registration;
use super::segment;
use super::segment::Segment;
use super::segment::Segments;
use super::set_hash::SetHash;
use super::source_row;
use super::store::Store;
use crate::model::Acquisition;
use crate::model::SourceInfo;
use crate::model::source::BundleOrigin;
use crate::model::source::SourceFile;

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
    /// Where it came from, if a partner shared it as fingerprints.
    pub bundle: Option<BundleOrigin>,
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
    /// How many words there are, where their bytes are not known; `words` is empty then.
    pub counted: Option<WordCount>,
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

    /// Opens the database, asks `accept` about its last commit, and removes what a crash left.
    ///
    /// `accept` comes before anything is changed: a database that was rolled back would take the
    /// files of later commits for left-overs.
    pub fn open<E: From<WriteError>>(
        dir: &IndexDir,
        compat: &Compat,
        accept: impl FnOnce(&StateRow) -> Result<(), E>,
    ) -> Result<Self, E> {
        let store = Store::open(&dir.db(), Access::Write).map_err(WriteError::from)?;
        let format = store.format().map_err(WriteError::from)?;
        compat.accepts(&format).map_err(WriteError::from)?;
        let state = store.state().map_err(WriteError::from)?;
        accept(&state)?;
        Ok(Self::tidied(store, dir, format, state)?)
    }

    fn tidied(
        store: Store,
        dir: &IndexDir,
        format: FormatRow,
        state: StateRow,
    ) -> Result<Self, WriteError> {
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
    pub fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
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
        Ok(Registration::new(self)?)
    }

    /// The source that a draft repeats; refuses one that only shares its name.
    pub(super) fn registered(
        &self,
        draft: &SourceDraft,
    ) -> Result<Option<&SourceInfo>, WriteError> {
        let Some(source) = self.source_by_name(&draft.name) else {
            return Ok(None);
        };
        if let Some(at) = &source.withdrawn_at {
            return Err(WriteError::Withdrawn {
                name: draft.name.clone(),
                at: at.clone(),
            });
        }
        if source.digest == draft.digest {
            return Ok(Some(source));
        }
        Err(WriteError::NameTaken {
            name: draft.name.clone(),
            registered: source.digest.clone(),
            new: draft.digest.clone(),
        })
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn dir(&self) -> &IndexDir {
        &self.dir
    }

    pub(super) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Takes over what was committed.
    pub(super) fn committed(
        &mut self,
        state: StateRow,
        source: SourceInfo,
        segment: Option<(u32, Segment)>,
    ) {
        self.state = state;
        self.sources.push(source);
        self.segments.extend(segment);
    }

    /// Removes the rows and filters of segments that were merged away.
    pub(super) fn remove_merged(&mut self, merged: &[u32]) -> Result<(), StoreError> {
        for &number in merged {
            self.segments.remove(&number);
            remove_segment(&self.store, number)?;
            let path = self.dir.filters().join(filter_name(number));
            fs::remove_file(&path).map_err(StoreError::io("remove the merged filter", &path))?;
        }
        Ok(())
    }

    /// Ends what `poison` began, after a complete commit.
    pub(super) fn healed(&mut self) {
        self.poisoned = false;
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

    /// Whether the index holds its canary.
    pub fn has_canary(&self) -> bool {
        let mut sources = self.sources.iter();
        sources.any(|source| source.is_canary() && source.withdrawn_at.is_some())
    }

    /// Plants the canary: a text that a scan can look for to show that it finds what is there. It is
    /// held by a source of its own that counts as withdrawn from the beginning, so that no record
    /// and no claim comes of it. `op` is `Init` where that is part of the commit that makes the
    /// index, else it is a new commit that changes no fact.
    pub fn plant(&mut self, canary: &TextDraft<'_>, op: Op, at: &str) -> Result<(), WriteError> {
        self.usable()?;
        let epoch = self.state.epoch + u64::from(op != Op::Init);
        if self.source_by_name(SourceInfo::CANARY).is_none() {
            let claim = PackedClaim {
                file: 0,
                row: 0,
                column: 0,
                model: None,
            };
            let mut registration = self.begin()?;
            registration.add(canary, claim)?;
            registration.finish(SourceDraft {
                name: SourceInfo::CANARY.to_owned(),
                digest: hex::encode(canary.exact),
                files: Vec::new(),
                models: Vec::new(),
                columns: Vec::new(),
                access: None,
                acquisition: Acquisition::SelfGenerated,
                text_bytes: 0,
                registered_at: at.to_owned(),
                bundle: None,
            })?;
        }
        if !self.has_canary() {
            self.withdraw(SourceInfo::CANARY, at)?;
        }
        self.poisoned = true;
        let mut state = self.state.clone();
        (state.epoch, state.op) = (epoch, op);
        state.op_source = u32::MAX;
        at.clone_into(&mut state.op_time);
        let mut batch = self.store.batch();
        batch.put(META, &keys::STATE_KEY, &state.encode())?;
        batch.commit()?;
        self.state = state;
        self.poisoned = false;
        Ok(())
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

    /// The number of a text that the index holds, by its exact digest: of the one that has word
    /// bytes, where one has. One without them does not do for `with_words`.
    pub(super) fn find(
        &self,
        exact: &[u8; 16],
        entry: u64,
        with_words: bool,
    ) -> Result<Option<u64>, StoreError> {
        if !self
            .segments
            .values()
            .any(|segment| segment.filter.probe(keys::gram_key(entry)).is_some())
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
                    let same = texts
                        .iter()
                        .zip(rows)
                        .filter(|(_, row)| row.exact == *exact);
                    let same = same.min_by_key(|(text, row)| (row.counted.is_some(), **text));
                    if let Some((text, row)) = same
                        && !(with_words && row.counted.is_some())
                    {
                        return Ok(Some(text.0));
                    }
                }
            }
        }
        Ok(None)
    }
}

pub(super) fn encode_source(source: &SourceInfo) -> Result<Vec<u8>, StoreError> {
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
        if let Some(Ok(number)) = name.strip_suffix(FILTER_SUFFIX).map(str::parse::<u32>) {
            remove_segment(store, number)?;
        }
        let path = entry.path();
        fs::remove_file(&path).map_err(StoreError::io("remove the left-over filter", &path))?;
    }
    Ok(())
}

fn remove_segment(store: &Store, number: u32) -> Result<(), StoreError> {
    let last = keys::bucket_key(number, u32::MAX);
    store.delete_range(POSTINGS, &keys::bucket_key(number, 0), &last)
}
