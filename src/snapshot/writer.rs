//! The one writer: lock, comparison of index and log, commit, seal, log entry, acknowledgement.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::Read as _;

use super::LogPosition;
use super::OpenError;
use super::SealError;
use super::manifest::Manifest;
use super::open;
use super::seal;
use crate::audit;
use crate::audit::Change;
use crate::audit::Log;
use crate::audit::Record;
use crate::fingerprint::CanaryPrint;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::index;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::IndexReader;
use crate::index::IndexWriter;
use crate::index::Op;
use crate::index::PackedClaim;
use crate::index::Secrets;
use crate::index::SecretsError;
use crate::index::SourceDraft;
use crate::index::StoreError;
use crate::index::TextDraft;
use crate::index::WriteError;
use crate::index::defects::Defect;
use crate::index::defects::seeded;
use crate::index::layout::sync_dir;
use crate::index::layout::write_new;
use crate::model::SourceInfo;
use crate::tlog;

/// An index open for writing. Holds the exclusive lock until dropped.
pub struct Writer {
    index: IndexWriter,
    seals: Seals,
    _lock: File,
}

/// What sealing and logging need beside the index.
struct Seals {
    dir: IndexDir,
    secrets: Secrets,
    log: Log,
    /// Which log, while it has no entry.
    begins: Option<String>,
    /// The snapshot that the log names as the newest.
    newest: Option<seal::Sealed>,
    notes: Vec<String>,
}

/// Refuses an index of before the signed log that this program cannot use, while its log is still
/// the one that the program which made it reads.
fn accepts_unmigrated(dir: &IndexDir, compat: &Compat) -> Result<(), OpenError> {
    let old = dir.old_log();
    if !old.try_exists().map_err(StoreError::io("look for", &old))? {
        return Ok(());
    }
    let Some(newest) = seal::numbers(&dir.snapshots())?.into_iter().next_back() else {
        return Ok(());
    };
    let at = dir.snapshot(newest);
    if let Some((manifest, _)) = Manifest::read(&at)? {
        compat.accepts(&manifest.format_row(&at)?)?;
    }
    Ok(())
}

/// An acknowledged change: committed, sealed and logged, all durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The source as stored.
    pub source: SourceInfo,
    /// Whether it was registered now; `false` if the same source was there already and nothing
    /// was changed.
    pub new: bool,
    /// Number of the snapshot that holds it.
    pub snapshot: u64,
    /// SHA-256 of that snapshot's manifest, hex.
    pub digest: String,
}

impl Writer {
    /// Makes an index that holds nothing but its canary, seals and logs it. Refuses where there is
    /// one; an interrupted `init` is started over. `time` is now, RFC 3339, UTC.
    ///
    /// The keys are made first (`Secrets::load_or_create`), since `compat` proves them.
    pub fn init(
        dir: &IndexDir,
        secrets: &Secrets,
        compat: &Compat,
        time: &str,
    ) -> Result<Self, OpenError> {
        Self::make(dir, secrets, compat, time, true)
    }

    /// As before there were canaries.
    #[cfg(test)]
    pub(crate) fn init_bare(
        dir: &IndexDir,
        secrets: &Secrets,
        compat: &Compat,
        time: &str,
    ) -> Result<Self, OpenError> {
        Self::make(dir, secrets, compat, time, false)
    }

    fn make(
        dir: &IndexDir,
        secrets: &Secrets,
        compat: &Compat,
        time: &str,
        canary: bool,
    ) -> Result<Self, OpenError> {
        let root = dir.root();
        fs::create_dir_all(root).map_err(StoreError::io("create the directory", root))?;
        let lock = lock(dir, true)?;
        let mut secrets = secrets.clone();
        let origin = match open::present(dir) {
            Err(OpenError::NoIndex { .. }) => {
                let origin = new_origin()?;
                write_new(&dir.unfinished(), origin.as_bytes())?;
                origin
            }
            // Only `init` makes this mark, before anything else, and removes it last: nothing was
            // ever registered here.
            Err(OpenError::Unfinished { .. }) => {
                for made in [
                    dir.log(),
                    dir.db(),
                    dir.filters(),
                    dir.snapshots(),
                    dir.tmp(),
                ] {
                    seal::remove_dir_if_any(&made)?;
                }
                began(dir)?
            }
            Ok(()) => {
                return Err(OpenError::Exists {
                    dir: root.display().to_string(),
                });
            }
            Err(error) => return Err(error),
        };
        sync_dir(root)?;
        // A keys directory of before there was a signed log lacks its key; nothing was signed with
        // one here.
        secrets.complete(dir.keys())?;
        for made in [&dir.log(), &dir.filters(), &dir.snapshots(), &dir.tmp()] {
            fs::create_dir(made).map_err(StoreError::io("create the directory", made))?;
        }
        let mut index = IndexWriter::create(dir, compat, time)?;
        if canary {
            plant(&mut index, &secrets, Op::Init, time)?;
        }
        let mut seals = Seals {
            dir: dir.clone(),
            log: Log::open(dir, &secrets),
            secrets,
            begins: Some(origin),
            newest: None,
            notes: Vec::new(),
        };
        seals.seal_and_log(&index).map_err(opening)?;
        sync_dir(root)?;
        let unfinished = dir.unfinished();
        fs::remove_file(&unfinished).map_err(StoreError::io("remove", &unfinished))?;
        sync_dir(root)?;
        Ok(Self {
            index,
            seals,
            _lock: lock,
        })
    }

    /// Opens an index for writing: takes the lock, moves a log of the format before into a signed
    /// one, verifies the log's head, compares it with the index, and completes a change that was committed but not yet sealed and logged when its process
    /// ended. Refuses an index that is behind its log, and a log that is behind its index.
    pub fn open(dir: &IndexDir, secrets: &Secrets, compat: &Compat) -> Result<Self, OpenError> {
        open::present(dir)?;
        let lock = lock(dir, false)?;
        let mut secrets = secrets.clone();
        accepts_unmigrated(dir, compat)?;
        let notes = audit::migrate(dir, &mut secrets)?;
        let log = Log::open(dir, &secrets);
        let head = log.head()?;
        let logged = head.commit();
        let sealed = seal::numbers(&dir.snapshots())?.into_iter().next_back();
        let index = IndexWriter::open(dir, compat, |state| {
            if state.epoch < logged {
                let indexed = state.epoch;
                return Err(OpenError::BehindLog { logged, indexed });
            }
            // A snapshot is sealed after its commit: database and log were both set back.
            if let Some(sealed) = sealed
                && sealed > state.epoch
            {
                let indexed = state.epoch;
                return Err(OpenError::BehindSnapshots { sealed, indexed });
            }
            if state.epoch > logged + 1 {
                let found = state.epoch;
                return Err(OpenError::LogBehind { logged, found });
            }
            Ok(())
        })?;
        let entry = log.entry(head.last.in_force.commit.entry)?;
        let digest = head.snapshot().to_owned();
        let mut seals = Seals {
            dir: dir.clone(),
            secrets,
            log,
            begins: None,
            newest: Some(seal::Sealed {
                seq: logged,
                digest: digest.clone(),
            }),
            notes,
        };
        if index.state().epoch == logged {
            let found = change(&index, digest)?;
            let stored = entry.record.change().map(|change| Change {
                line: None,
                ..change.clone()
            });
            let kind = record(&index, found.clone()).kind();
            let same = (entry.record.kind(), &entry.time) == (kind, &index.state().op_time);
            if !same || stored != Some(found) {
                return Err(OpenError::Differs {
                    seq: logged,
                    what: "counts, set hash or operation".to_owned(),
                });
            }
        } else {
            seals.seal_and_log(&index).map_err(opening)?;
            seals.notes.push(format!(
                "completed the {} of commit {}, which was committed but not yet acknowledged when its process ended",
                index.state().op.as_str(),
                index.state().epoch
            ));
        }
        Ok(Self {
            index,
            seals,
            _lock: lock,
        })
    }

    /// What opening had to repair and what could not be tidied up, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.seals.notes
    }

    /// All sources by number, withdrawn ones included.
    pub fn sources(&self) -> &[SourceInfo] {
        self.index.sources()
    }

    /// The source of a name.
    pub fn source_by_name(&self, name: &str) -> Option<&SourceInfo> {
        self.index.source_by_name(name)
    }

    /// Starts a registration. Nothing is visible before [`Registration::finish`]; dropping it
    /// changes nothing.
    pub fn begin(&mut self) -> Result<Registration<'_>, WriteError> {
        Ok(Registration {
            index: self.index.begin()?,
            seals: &mut self.seals,
        })
    }

    /// Withdraws a source: its claims no longer count. `time` is now, RFC 3339, UTC.
    pub fn withdraw(&mut self, name: &str, time: &str) -> Result<Registered, SealError> {
        let source = self.index.withdraw(name, time)?;
        self.seals.acknowledge(&mut self.index, source, true)
    }

    /// Seals the live index again, as a new commit that changes no fact, after walking through
    /// the sealed copy. The remedy for a lost or damaged newest snapshot. `time` is now.
    pub fn reseal(&mut self, time: &str) -> Result<(u64, String), SealError> {
        if self.index.has_canary() {
            self.index.renew(time)?;
        } else {
            plant(&mut self.index, &self.seals.secrets, Op::Seal, time)?;
        }
        let walked = self.seals.seal(&self.index).and_then(|sealed| {
            let path = self.seals.dir.snapshot(sealed.seq);
            let walked = IndexReader::open(&path.join("db"), &path.join("filters"))
                .and_then(|reader| reader.walk());
            walked.map_err(SealError::Seal)?;
            Ok(sealed)
        });
        let logged = match walked {
            Err(error) => Err(error),
            Ok(sealed) => {
                let (seq, digest) = (sealed.seq, sealed.digest.clone());
                self.seals.log(&self.index, &sealed).map(|()| (seq, digest))
            }
        };
        if logged.is_err() {
            self.index.poison();
        }
        logged
    }
}

/// A registration under way; see [`crate::index::Registration`].
pub struct Registration<'w> {
    index: index::Registration<'w>,
    seals: &'w mut Seals,
}

impl Registration<'_> {
    /// Records added so far.
    pub fn records(&self) -> u64 {
        self.index.records()
    }

    /// Texts met for the first time in this index so far.
    pub fn new_texts(&self) -> u64 {
        self.index.new_texts()
    }

    /// Adds one record.
    pub fn add(&mut self, text: &TextDraft<'_>, claim: PackedClaim) -> Result<(), WriteError> {
        self.index.add(text, claim)
    }

    /// Commits, seals, logs, and only then returns. The same source again changes nothing; the
    /// same name with other content is refused.
    pub fn finish(self, draft: SourceDraft) -> Result<Registered, SealError> {
        let done = self.index.finish(draft)?;
        self.seals.acknowledge(done.writer, done.source, done.new)
    }
}

impl Seals {
    fn acknowledge(
        &mut self,
        index: &mut IndexWriter,
        source: SourceInfo,
        new: bool,
    ) -> Result<Registered, SealError> {
        if new {
            let logged = self.seal_and_log(index);
            if logged.is_err() {
                index.poison();
            }
            logged?;
        }
        let (snapshot, digest) = match &self.newest {
            Some(newest) => (newest.seq, newest.digest.clone()),
            None => (0, String::new()),
        };
        Ok(Registered {
            source,
            new,
            snapshot,
            digest,
        })
    }

    fn seal_and_log(&mut self, index: &IndexWriter) -> Result<(), SealError> {
        let sealed = self.seal(index)?;
        self.log(index, &sealed)
    }

    fn seal(&self, index: &IndexWriter) -> Result<seal::Sealed, SealError> {
        let position = match &self.begins {
            Some(origin) => LogPosition {
                origin: origin.clone(),
                size: 0,
                root: tlog::empty_root().to_hex(),
            },
            None => LogPosition::from(&self.log.head().map_err(SealError::Log)?.checkpoint),
        };
        let newest = self.newest.as_ref();
        seal::seal(index, &self.dir, &self.secrets, position, newest).map_err(SealError::Seal)
    }

    fn log(&mut self, index: &IndexWriter, sealed: &seal::Sealed) -> Result<(), SealError> {
        let change = change(index, sealed.digest.clone()).map_err(SealError::Seal)?;
        let time = index.state().op_time.clone();
        match &self.begins {
            Some(origin) => self.log.begin(origin, &time, change),
            None => self.log.append(&time, record(index, change)),
        }
        .map_err(SealError::Log)?;
        self.begins = None;
        self.notes.extend(self.log.take_notes());
        self.newest = Some(sealed.clone());
        if seeded(Defect::LogFirst) {
            seal::name(&self.dir, sealed.seq).map_err(SealError::Seal)?;
        }
        // The change is acknowledged from here on; old snapshots that cannot be removed are no
        // reason to take that back, and the next seal tries again.
        if let Err(error) = seal::prune(&self.dir, sealed.seq) {
            self.notes
                .push(format!("an old snapshot could not be removed: {error}"));
        }
        Ok(())
    }
}

/// Plants the canary of the index's own key.
fn plant(index: &mut IndexWriter, secrets: &Secrets, op: Op, time: &str) -> Result<(), WriteError> {
    let unusable = |what: String| {
        WriteError::Store(StoreError::Corrupt {
            what,
            at: "the fingerprint key".to_owned(),
        })
    };
    let key = FingerprintKey::from_bytes(secrets.fingerprint());
    let key = key.map_err(|error| unusable(error.to_string()))?;
    let print = CanaryPrint::of(&key, Recipe::default());
    let print = print.map_err(|error| unusable(error.to_string()))?;
    let canary = TextDraft {
        exact: print.exact.0,
        entry: print.exact.entry(),
        normal_bytes: print.normal_bytes,
        words: &print.words,
        counted: None,
        grams: &print.grams,
    };
    index.plant(&canary, op, time)
}

/// The kind of record that the last commit is.
fn record(index: &IndexWriter, change: Change) -> Record {
    match index.state().op {
        Op::Init => Record::Init(change),
        Op::Register => Record::Register(change),
        Op::Withdraw => Record::Withdraw(change),
        Op::Seal => Record::Seal(change),
    }
}

/// Which log an interrupted `init` began; a new one where it had not said so yet.
fn began(dir: &IndexDir) -> Result<String, OpenError> {
    let path = dir.unfinished();
    let mut text = String::new();
    File::open(&path)
        .map_err(StoreError::io("open", &path))?
        .take(64)
        .read_to_string(&mut text)
        .map_err(StoreError::io("read", &path))?;
    let whole = text.len() == ORIGIN.len() + 16 && text.starts_with(ORIGIN);
    if whole { Ok(text) } else { new_origin() }
}

/// What the names of logs begin with.
const ORIGIN: &str = "herdbook/";

/// A name for a log that no other log has.
fn new_origin() -> Result<String, OpenError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| SecretsError::Random(error.to_string()))?;
    Ok(format!("{ORIGIN}{}", hex::encode(bytes)))
}

/// What the last commit changed, and what the index holds since.
fn change(index: &IndexWriter, snapshot: String) -> Result<Change, StoreError> {
    let state = index.state();
    let source = match state.op {
        Op::Init | Op::Seal => None,
        Op::Register | Op::Withdraw => {
            let place = usize::try_from(state.op_source).unwrap_or(usize::MAX);
            let source = index
                .sources()
                .get(place)
                .ok_or_else(|| StoreError::Corrupt {
                    what: "the last commit names an unknown source".to_owned(),
                    at: format!("source {}", state.op_source),
                })?;
            Some(source)
        }
    };
    Ok(Change {
        commit: state.epoch,
        source: source.map(|source| source.name.clone()),
        source_digest: source.map(|source| source.digest.clone()),
        sources: u64::from(state.live_sources),
        records: state.records,
        texts: state.next_text,
        set_hash: hex::encode(state.set_hash.to_bytes()),
        snapshot,
        line: None,
    })
}

fn lock(dir: &IndexDir, create: bool) -> Result<File, OpenError> {
    let path = dir.lock();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("open the lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            dir: dir.root().display().to_string(),
        }),
        Err(TryLockError::Error(error)) => {
            Err(StoreError::io("take the lock", &path)(error).into())
        }
    }
}

fn opening(error: SealError) -> OpenError {
    match error {
        SealError::Write(error) => error.into(),
        SealError::Seal(error) => error.into(),
        SealError::Log(error) => error.into(),
    }
}
