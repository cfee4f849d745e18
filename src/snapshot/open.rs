//! Opening a sealed snapshot for reading.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ed25519_dalek::VerifyingKey;

use super::OpenError;
use super::manifest;
use super::manifest::Manifest;
use super::seal;
use crate::audit;
use crate::audit::Head;
use crate::index::Compat;
use crate::index::Extracted;
use crate::index::Hit;
use crate::index::IndexDir;
use crate::index::IndexReader;
use crate::index::LookUpError;
use crate::index::Postings;
use crate::index::PublicKeys;
use crate::index::TextId;
use crate::index::TextRow;
use crate::index::Walked;
use crate::model::Claim;
use crate::model::IndexInfo;
use crate::model::SourceId;
use crate::model::SourceInfo;

/// How long a sealed snapshot may stand beside a log that does not name it yet before that is
/// taken for a fault. Chosen: the writer appends within milliseconds of the rename.
const UNLOGGED_WAIT: Duration = Duration::from_secs(5);
/// Pause between looks at the log.
const UNLOGGED_PAUSE: Duration = Duration::from_millis(50);
/// Times the opening starts over when a writer moved the head and removed the snapshot meanwhile.
const HEAD_MOVES_MAX: usize = 3;

/// A verified snapshot, open for reading. Shared between threads freely.
pub struct Snapshot {
    reader: IndexReader,
    manifest: Manifest,
    digest: String,
    verify_time: Duration,
    /// Keeps the writer from collecting it.
    _in_use: File,
}

impl Snapshot {
    /// Opens exactly the snapshot that the head of the audit log names, and verifies both: the
    /// log's checkpoint and last entry, then manifest digest, signature, every file's size and digest, no file added or missing, format,
    /// recipe and fingerprint key. Never an older one.
    ///
    /// An index without sources opens; whoever checks against it must refuse
    /// `info().sources == 0`.
    pub fn open_head(
        dir: &IndexDir,
        compat: &Compat,
        keys: &PublicKeys,
    ) -> Result<Self, OpenError> {
        let mut moves = 0;
        loop {
            let log = head(dir, keys)?;
            let path = dir.snapshot(log.commit());
            let opened = Self::open(&path, log.snapshot(), compat, Some(&keys.signing), || {
                OpenError::HeadMissing {
                    seq: log.commit(),
                    path: path.display().to_string(),
                }
            });
            let error = match opened {
                Ok(snapshot) => return snapshot.agrees(&log, &path),
                Err(error) => error,
            };
            moves += 1;
            if moves > HEAD_MOVES_MAX || audit::head(dir, keys)?.commit() == log.commit() {
                return Err(error);
            }
        }
    }

    /// Opens a snapshot that travelled, by the digest that came with it on another way. The
    /// signature is verified too where the maker's public key is known.
    pub fn open_at(
        path: &Path,
        expected_digest: &str,
        compat: &Compat,
        key: Option<&VerifyingKey>,
    ) -> Result<Self, OpenError> {
        Self::open(path, expected_digest, compat, key, || OpenError::Damaged {
            path: path.display().to_string(),
            what: "there is no manifest.json".to_owned(),
        })
    }

    fn open(
        path: &Path,
        expected_digest: &str,
        compat: &Compat,
        key: Option<&VerifyingKey>,
        missing: impl FnOnce() -> OpenError,
    ) -> Result<Self, OpenError> {
        let started = Instant::now();
        let Some(in_use) = seal::in_use(path)? else {
            return Err(missing());
        };
        let Some((manifest, bytes)) = Manifest::read(path)? else {
            return Err(missing());
        };
        let digest = manifest::digest(&bytes);
        if !digest.eq_ignore_ascii_case(expected_digest) {
            return Err(OpenError::OtherSnapshot {
                path: path.display().to_string(),
                expected: expected_digest.to_owned(),
                found: digest,
            });
        }
        compat.accepts(&manifest.format_row(path)?)?;
        if let Some(key) = key {
            manifest::verify(path, &bytes, key)?;
        }
        seal::verify_listed(path, &manifest.files)?;
        let verify_time = started.elapsed();
        let reader = IndexReader::open(&path.join("db"), &path.join("filters"))?;
        compat.accepts(reader.format())?;
        let state = reader.state();
        let same = manifest.snapshot == state.epoch
            && manifest.sources == u64::from(state.live_sources)
            && manifest.records == state.records
            && manifest.texts == state.next_text
            && manifest.claims == state.claims
            && manifest.set_hash == hex::encode(state.set_hash.to_bytes());
        if !same {
            return Err(OpenError::Damaged {
                path: path.display().to_string(),
                what: "its manifest and its database count differently".to_owned(),
            });
        }
        Ok(Self {
            reader,
            manifest,
            digest,
            verify_time,
            _in_use: in_use,
        })
    }

    /// Compares with what the log says of this snapshot, beside its digest: its number, and that
    /// it was sealed before it was logged, in this log.
    fn agrees(self, log: &Head, path: &Path) -> Result<Self, OpenError> {
        let (commit, manifest) = (&log.last.in_force.commit, &self.manifest);
        let position = manifest.log.as_ref().is_none_or(|position| {
            position.origin == log.checkpoint.origin && position.size <= commit.entry
        });
        if commit.number == manifest.snapshot && position {
            Ok(self)
        } else {
            Err(OpenError::Differs {
                seq: commit.number,
                what: format!(
                    "the log entry and the manifest of {} differ",
                    path.display()
                ),
            })
        }
    }

    /// What reports say about the index.
    pub fn info(&self) -> IndexInfo {
        IndexInfo {
            snapshot: self.manifest.snapshot,
            digest: self.digest.clone(),
            sources: self.manifest.sources,
            records: self.manifest.records,
            recipe: self.manifest.recipe.clone(),
            guarantee_bytes: self.manifest.guarantee_bytes,
        }
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest, lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How long the verification of signature and files took.
    pub fn verify_time(&self) -> Duration {
        self.verify_time
    }

    /// Memory of the filters in bytes.
    pub fn filter_bytes(&self) -> u64 {
        self.reader.filter_bytes()
    }

    /// Bytes on disk of each kind of row, by column family. Filters come on top.
    pub fn family_bytes(&self) -> Result<Vec<(&'static str, u64)>, LookUpError> {
        self.reader.family_bytes()
    }

    /// Distinct entries, summed over segments.
    pub fn entries(&self) -> u64 {
        self.reader.entries()
    }

    /// Number of segments; a probe costs one filter look-up in each.
    pub fn segments(&self) -> usize {
        self.reader.segments()
    }

    /// All sources by number, withdrawn ones included.
    pub fn sources(&self) -> &[SourceInfo] {
        self.reader.sources()
    }

    /// Whether a gram or exact entry may be registered; `false` is certain. Memory only.
    #[inline]
    pub fn probe(&self, hash: u64) -> bool {
        self.reader.probe(hash)
    }

    /// Appends a hit with its tag for every hash that may be registered, ascending by position
    /// among the hashes; one from each segment that may hold the hash. Memory only.
    pub fn probe_batch(&self, hashes: &[u64], out: &mut Vec<Hit>) {
        self.reader.probe_batch(hashes, out);
    }

    /// Asks the processor for what a probe of these hashes will read; waits for nothing.
    pub fn fetch(&self, hashes: &[u64]) {
        self.reader.fetch(hashes);
    }

    /// The texts that hold each hash, in the order asked. An error means that nothing is known.
    pub fn look_up(&self, hashes: &[u64]) -> Result<Vec<Postings>, LookUpError> {
        self.reader.look_up(hashes)
    }

    /// The rows of texts, in the order asked.
    pub fn texts(&self, ids: &[TextId]) -> Result<Vec<TextRow>, LookUpError> {
        self.reader.texts(ids)
    }

    /// Who registered a text, by source, then place; claims of withdrawn sources are left out. An
    /// empty answer means that only withdrawn sources held the text: it is no match.
    pub fn claims(&self, id: TextId) -> Result<Vec<Claim>, LookUpError> {
        self.reader.claims(id)
    }

    /// Hands over every text that one of some sources claims, with its grams; see
    /// [`IndexReader::extract`].
    pub fn extract<E: From<LookUpError>>(
        &self,
        sources: &[SourceId],
        order: impl Fn([u8; 16]) -> [u8; 16],
        grams_at_once: u64,
        each: impl FnMut(Extracted) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.reader.extract(sources, order, grams_at_once, each)
    }

    /// Reads every row and compares everything with everything.
    pub fn walk(&self) -> Result<Walked, LookUpError> {
        self.reader.walk()
    }
}

/// The log, once it names the newest sealed snapshot.
///
/// A later snapshot than the log's head is what a seal leaves for a moment before its entry; when
/// it stays so, either a registration was interrupted or the log was cut, and which one cannot be
/// told from here: no answer.
fn head(dir: &IndexDir, keys: &PublicKeys) -> Result<Head, OpenError> {
    present(dir)?;
    let started = Instant::now();
    loop {
        let newest = seal::numbers(&dir.snapshots())?.into_iter().next_back();
        let log = audit::head(dir, keys)?;
        match newest {
            Some(newest) if newest > log.commit() => {
                if started.elapsed() >= UNLOGGED_WAIT || !being_written(dir)? {
                    // The writer may have ended between the two looks.
                    let log = audit::head(dir, keys)?;
                    if newest <= log.commit() {
                        continue;
                    }
                    return Err(OpenError::LogBehind {
                        logged: log.commit(),
                        found: newest,
                    });
                }
                thread::sleep(UNLOGGED_PAUSE);
            }
            _ => return Ok(log),
        }
    }
}

/// How the live database stands to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// At the commit that the log's head names.
    Agrees,
    /// One commit further, which the next writer seals and logs: what that commit did.
    Ahead(&'static str),
    /// Another process is writing, so that it cannot be read.
    Busy,
}

/// Looks at the live database without changing it, and compares it with the log.
pub fn live(dir: &IndexDir, compat: &Compat, keys: &PublicKeys) -> Result<Live, OpenError> {
    use crate::index::StoreError;
    present(dir)?;
    let path = dir.lock();
    let lock = File::open(&path).map_err(StoreError::io("open the lock", &path))?;
    // The engine does not define what a reader sees of a database that somebody writes to.
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(Live::Busy),
        Err(std::fs::TryLockError::Error(error)) => {
            return Err(StoreError::io("try the lock", &path)(error).into());
        }
    }
    let logged = audit::head(dir, keys)?.commit();
    let reader = IndexReader::open(&dir.db(), &dir.filters())?;
    compat.accepts(reader.format())?;
    let state = reader.state();
    if state.epoch < logged {
        let indexed = state.epoch;
        return Err(OpenError::BehindLog { logged, indexed });
    }
    if state.epoch > logged + 1 {
        let found = state.epoch;
        return Err(OpenError::LogBehind { logged, found });
    }
    Ok(if state.epoch == logged {
        Live::Agrees
    } else {
        Live::Ahead(state.op.as_str())
    })
}

/// Whether a writer holds the lock.
fn being_written(dir: &IndexDir) -> Result<bool, OpenError> {
    use crate::index::StoreError;
    let path = dir.lock();
    let file = File::open(&path).map_err(StoreError::io("open the lock", &path))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(StoreError::io("try the lock", &path)(error).into())
        }
    }
}

/// Refuses a directory that holds no finished index.
pub(crate) fn present(dir: &IndexDir) -> Result<(), OpenError> {
    use crate::index::StoreError;
    let exists = |path: PathBuf| {
        path.try_exists()
            .map_err(|error| OpenError::from(StoreError::io("look for", &path)(error)))
    };
    if exists(dir.unfinished())? {
        return Err(OpenError::Unfinished {
            dir: dir.root().display().to_string(),
        });
    }
    if !exists(dir.log())? && !exists(dir.db())? && !exists(dir.snapshots())? {
        return Err(OpenError::NoIndex {
            dir: dir.root().display().to_string(),
        });
    }
    Ok(())
}

/// A snapshot as its own manifest describes it; nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotListed {
    /// Its number.
    pub seq: u64,
    /// Its directory.
    pub path: PathBuf,
    /// SHA-256 of its manifest, hex; `None` when there is no manifest.
    pub digest: Option<String>,
    /// Its manifest, where there is one.
    pub manifest: Option<Manifest>,
    /// Whether the audit log names it as the newest.
    pub head: bool,
}

/// The snapshots of an index, oldest first.
pub fn list(dir: &IndexDir, keys: &PublicKeys) -> Result<Vec<SnapshotListed>, OpenError> {
    present(dir)?;
    let log = audit::head(dir, keys)?;
    let mut out = Vec::new();
    for seq in seal::numbers(&dir.snapshots())? {
        let path = dir.snapshot(seq);
        let (manifest, digest) = match Manifest::read(&path)? {
            None => (None, None),
            Some((manifest, bytes)) => (Some(manifest), Some(manifest::digest(&bytes))),
        };
        let head = seq == log.commit() && digest.as_deref() == Some(log.snapshot());
        out.push(SnapshotListed {
            seq,
            path,
            digest,
            manifest,
            head,
        });
    }
    Ok(out)
}
