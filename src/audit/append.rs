//! Appending: entries, then tiles, each durable; the signed checkpoint last.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::Change;
use super::Commit;
use super::Entry;
use super::InForce;
use super::LogError;
use super::PolicyChange;
use super::Record;
use super::Rotation;
use super::folder::CHECKPOINT;
use super::folder::FileTiles;
use super::folder::Folder;
use super::folder::TileError;
use super::folder::bundle;
use super::folder::damaged;
use super::folder::note;
use super::folder::tile_bytes;
use super::head::absent;
use super::head::checkpoint;
use super::head::head;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::index::StoreError;
use crate::model::lineage::Statement;
use crate::tlog::Bundle;
use crate::tlog::Checkpoint;
use crate::tlog::CheckpointError;
use crate::tlog::Edge;
use crate::tlog::Hash;
use crate::tlog::Signer;
use crate::tlog::TILE_WIDTH;
use crate::tlog::Tile;
use crate::tlog::encode_entry;
use crate::tlog::leaf_hash;

/// How long an append waits for one by another process. Chosen: an append takes milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(30);
/// Pause between looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// A log open for appending. Many processes may hold one; each append takes the log's own lock,
/// after the writer's where both are held.
#[derive(Debug)]
pub struct Log {
    dir: IndexDir,
    folder: Folder,
    secrets: Secrets,
    poisoned: bool,
    notes: Vec<String>,
}

/// An entry that is durable, under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Number of the entry, from 0.
    pub index: u64,
    /// What was signed with it.
    pub checkpoint: Checkpoint,
}

/// Where a new log begins.
pub(super) struct Beginning<'a> {
    pub(super) origin: &'a str,
    pub(super) entries: Vec<(String, Change, Kind)>,
}

/// Makes a record of a commit.
pub(super) type Kind = fn(Change) -> Record;

impl Log {
    /// For appending to the log of an index. Reads nothing yet.
    pub fn open(dir: &IndexDir, secrets: &Secrets) -> Self {
        Self {
            dir: dir.clone(),
            folder: Folder::new(dir.log()),
            secrets: secrets.clone(),
            poisoned: false,
            notes: Vec::new(),
        }
    }

    /// Starts a log with its first entry, the making of the index.
    pub fn begin(&mut self, origin: &str, time: &str, init: Change) -> Result<Logged, LogError> {
        let beginning = Beginning {
            origin,
            entries: vec![(time.to_owned(), init, Record::Init)],
        };
        self.begin_with(beginning)
    }

    /// Starts a log with entries of commits, oldest first; the first is an `init`.
    pub(super) fn begin_with(&mut self, beginning: Beginning<'_>) -> Result<Logged, LogError> {
        let _lock = self.lock()?;
        if note(&self.folder)?.is_some() {
            let what = "there is a log already; it is not replaced";
            return Err(damaged(&self.folder, CHECKPOINT, what));
        }
        let signer = self.secrets.add_log(self.dir.keys(), beginning.origin)?;
        let log_key = signer.verifier().to_vkey();
        let mut before: Option<InForce> = None;
        let mut entries = Vec::new();
        for (index, (time, change, kind)) in (0..).zip(beginning.entries) {
            let record = kind(change);
            let in_force = follow(before.as_ref(), index, &log_key, &record)?;
            entries.push(Entry::new(&time, in_force.clone(), record));
            before = Some(in_force);
        }
        let whole = Checkpoint {
            origin: beginning.origin.to_owned(),
            size: 0,
            root: crate::tlog::empty_root(),
        };
        self.write(&whole, &entries, &signer, None)
    }

    /// Appends what was done. `time` is now, RFC 3339, UTC. Returns once entry, tree and checkpoint
    /// are durable.
    pub fn append(&mut self, time: &str, record: Record) -> Result<Logged, LogError> {
        self.append_with(time, |_| Ok(vec![record]))
    }

    /// Appends statements about the lineage graph, one entry each, all of them or none. Returns
    /// where the last one stands.
    pub fn append_lineage(
        &mut self,
        time: &str,
        statements: Vec<Statement>,
    ) -> Result<Logged, LogError> {
        self.append_with(time, |_| {
            let boxed = statements.into_iter().map(Box::new);
            Ok(boxed.map(Record::Lineage).collect())
        })
    }

    /// Appends a check, and before it the policy that it was made under where that is not the one
    /// of the check before. Returns where the check stands.
    pub fn append_check(&mut self, time: &str, check: super::Check) -> Result<Logged, LogError> {
        self.append_with(time, |in_force| {
            let mut records = Vec::new();
            if in_force.policy.as_ref() != Some(&check.policy) {
                records.push(Record::Policy(PolicyChange {
                    policy: check.policy.clone(),
                    before: in_force.policy.clone(),
                }));
            }
            records.push(Record::Check(Box::new(check)));
            Ok(records)
        })
    }

    /// Replaces the key that signs the log, by an entry that the old key signs. `time` is now.
    pub fn rotate_key(&mut self, time: &str) -> Result<Logged, LogError> {
        let _lock = self.lock()?;
        let (checkpoint, last) = self.ready()?;
        let origin = checkpoint.origin.clone();
        let keys = self.dir.keys().to_path_buf();
        let old = self.secrets.log_signer(&keys, &origin)?;
        let new = self.secrets.next_log_key(&keys, &origin)?;
        self.secrets.begin_rotation(&keys, &new)?;
        let (old_vkey, new_vkey) = (old.verifier().to_vkey(), new.verifier().to_vkey());
        let note = old
            .sign(&Rotation::text(&origin, checkpoint.size, &new_vkey))
            .map_err(|error| LogError::Entry {
                what: error.to_string(),
            })?;
        let in_force = InForce {
            log_key: new_vkey.clone(),
            ..last.in_force
        };
        let record = Record::RotateKey(Rotation {
            old: old_vkey,
            new: new_vkey,
            note,
        });
        let entry = Entry::new(time, in_force, record);
        let logged = self.write(&checkpoint, &[entry], &old, Some(&new))?;
        self.secrets.end_rotation(&keys, &origin)?;
        Ok(logged)
    }

    /// The signed head, read and verified anew.
    pub fn head(&self) -> Result<super::Head, LogError> {
        // Another process may have rotated the key since these were read.
        let keys = Secrets::load(self.dir.keys())?.public();
        head(&self.dir, &keys)
    }

    /// One entry by its number, proven to be in the tree.
    pub fn entry(&self, index: u64) -> Result<Entry, LogError> {
        let keys = Secrets::load(self.dir.keys())?.public();
        super::entry(&self.dir, &keys, index)
    }

    /// Takes what could not be tidied up, in sentences.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The keys, as a rotation may have left them.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn append_with(
        &mut self,
        time: &str,
        records: impl FnOnce(&InForce) -> Result<Vec<Record>, LogError>,
    ) -> Result<Logged, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let _lock = self.lock()?;
        let (checkpoint, last) = self.ready()?;
        let signer = self
            .secrets
            .log_signer(self.dir.keys(), &checkpoint.origin)?;
        let mut in_force = last.in_force;
        let mut entries = Vec::new();
        for (index, record) in (checkpoint.size..).zip(records(&in_force)?) {
            in_force = follow(Some(&in_force), index, &in_force.log_key, &record)?;
            entries.push(Entry::new(time, in_force.clone(), record));
        }
        self.write(&checkpoint, &entries, &signer, None)
    }

    /// Verifies the head, and completes a rotation whose entry is durable.
    fn ready(&mut self) -> Result<(Checkpoint, Entry), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let keys = self.dir.keys().to_path_buf();
        // Another process may have rotated the key since these were read.
        let mut secrets = Secrets::load(&keys)?;
        let Some(note) = note(&self.folder)? else {
            return Err(absent(&self.dir));
        };
        let checkpoint = checkpoint(&self.folder, &note, &secrets.public())?;
        let (_, last) =
            super::head::proven(&self.folder, &checkpoint, checkpoint.size.saturating_sub(1))?;
        let origin = checkpoint.origin.clone();
        let in_force = |secrets: &Secrets| {
            let signer = secrets.log_signer(&keys, &origin)?;
            Ok::<_, LogError>(signer.verifier().to_vkey() == last.in_force.log_key)
        };
        let begun = Secrets::rotation_begun(&keys)?;
        if !in_force(&secrets)? && begun {
            let next = secrets.next_log_key(&keys, &origin)?;
            if next.verifier().to_vkey() == last.in_force.log_key {
                secrets.end_rotation(&keys, &origin)?;
            }
        }
        if !in_force(&secrets)? {
            return Err(damaged(
                &self.folder,
                CHECKPOINT,
                &format!(
                    "its last entry says that {} signs it, which is not log.key in {}: restore the keys from a backup",
                    last.in_force.log_key,
                    keys.display()
                ),
            ));
        }
        if !begun && secrets.public().log(&origin).count() > 1 {
            secrets.end_rotation(&keys, &origin)?;
        }
        self.secrets = secrets;
        Ok((checkpoint, last))
    }

    /// Makes entries durable behind the tree of a checkpoint, and signs the tree that they give.
    fn write(
        &mut self,
        before: &Checkpoint,
        entries: &[Entry],
        signer: &Signer,
        second: Option<&Signer>,
    ) -> Result<Logged, LogError> {
        let tiles = FileTiles(&self.folder);
        let mut edge = Edge::load(&tiles, before.size)
            .map_err(|error: TileError| error.in_log(&self.folder))?;
        if edge.root() != before.root {
            let what = "the tiles beside it do not give its root, so nothing is signed";
            return Err(damaged(&self.folder, CHECKPOINT, what));
        }
        let mut files = Vec::new();
        let mut full: Vec<(Tile, Vec<Hash>)> = Vec::new();
        let mut open = match before.size % TILE_WIDTH {
            0 => Vec::new(),
            width => {
                let index = before.size / TILE_WIDTH;
                self.whole(Bundle { index, width }, &edge)?
            }
        };
        for entry in entries {
            let bytes = entry.to_bytes()?;
            edge.push(leaf_hash(&bytes), &mut full);
            encode_entry(&bytes, &mut open).map_err(|error| LogError::Entry {
                what: error.to_string(),
            })?;
            if edge.size().is_multiple_of(TILE_WIDTH) {
                let index = edge.size() / TILE_WIDTH - 1;
                let width = TILE_WIDTH;
                files.push((Bundle { index, width }.path(), std::mem::take(&mut open)));
            }
        }
        if !open.is_empty() {
            let index = edge.size() / TILE_WIDTH;
            let width = edge.size() % TILE_WIDTH;
            files.push((Bundle { index, width }.path(), open));
        }
        let mut done: Vec<String> = Vec::new();
        for (tile, hashes) in &full {
            files.push((tile.path(), tile_bytes(hashes)));
            done.push(tile.path());
            if tile.level == 0 {
                let (index, width) = (tile.index, tile.width);
                done.push(Bundle { index, width }.path());
            }
        }
        for (tile, hashes) in edge.partial() {
            files.push((tile.path(), tile_bytes(&hashes)));
        }
        let checkpoint = Checkpoint {
            origin: before.origin.clone(),
            size: edge.size(),
            root: edge.root(),
        };
        let unsignable = |error: CheckpointError| LogError::Entry {
            what: error.to_string(),
        };
        let mut note = checkpoint.sign(signer).map_err(unsignable)?;
        if let Some(second) = second {
            let also = checkpoint.sign(second).map_err(unsignable)?;
            let line = also.rsplit_once("\n\n").map_or("", |(_, line)| line);
            note.push_str(line);
        }
        let written = self
            .drop_unsigned(before.size, &edge, &full)
            .and_then(|()| self.folder.write(&files))
            .and_then(|()| {
                self.folder
                    .write(&[(CHECKPOINT.to_owned(), note.into_bytes())])
            });
        if let Err(error) = written {
            self.poisoned = true;
            return Err(error.into());
        }
        // Acknowledged from here on; what is superseded and cannot be removed is no reason to take
        // that back, and a reader passes it over.
        for path in done {
            if let Err(error) = self.folder.remove_partial(&path) {
                self.notes
                    .push(format!("a superseded part of the log remains: {error}"));
            }
        }
        let index = checkpoint.size.saturating_sub(1);
        Ok(Logged { index, checkpoint })
    }

    /// Removes what an interrupted append left of the tiles that are written now.
    fn drop_unsigned(
        &self,
        before: u64,
        edge: &Edge,
        full: &[(Tile, Vec<Hash>)],
    ) -> Result<(), StoreError> {
        let partial = edge.partial();
        for (tile, _) in full.iter().chain(&partial) {
            let (level, index) = (tile.level, tile.index);
            let width = Tile::in_tree(level, index, before).map_or(0, |tile| tile.width);
            let whole = Tile {
                width: TILE_WIDTH,
                ..*tile
            };
            self.folder.drop_unsigned(&whole.path(), width)?;
            if level == 0 {
                let whole = Bundle {
                    index,
                    width: TILE_WIDTH,
                };
                self.folder.drop_unsigned(&whole.path(), width)?;
            }
        }
        Ok(())
    }

    /// The last bundle as it is, its entries those of the tree.
    fn whole(&self, open: Bundle, edge: &Edge) -> Result<Vec<u8>, LogError> {
        let entries = bundle(&self.folder, open)?;
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        if edge.leaves() != leaves {
            let what = "its entries are not those of the tree, so nothing is signed";
            return Err(damaged(&self.folder, &open.path(), what));
        }
        let mut bytes = Vec::new();
        for entry in entries {
            encode_entry(&entry, &mut bytes).map_err(|error| LogError::Entry {
                what: error.to_string(),
            })?;
        }
        Ok(bytes)
    }

    fn lock(&self) -> Result<File, LogError> {
        lock(&self.dir.log_lock())
    }
}

/// What is in force after a record: the chain that `audit verify` follows.
pub(super) fn follow(
    before: Option<&InForce>,
    index: u64,
    log_key: &str,
    record: &Record,
) -> Result<InForce, LogError> {
    let wrong = |what: String| LogError::Entry { what };
    let commit = match (record.change(), before) {
        (Some(change), before) => {
            let number = before.map_or(0, |before| before.commit.number) + 1;
            if change.commit != number {
                return Err(wrong(format!(
                    "commit {} cannot follow commit {}",
                    change.commit,
                    number - 1
                )));
            }
            Commit {
                number,
                snapshot: change.snapshot.clone(),
                entry: index,
            }
        }
        (None, Some(before)) => before.commit.clone(),
        (None, None) => {
            return Err(wrong(
                "a log begins with the making of its index".to_owned(),
            ));
        }
    };
    if before.is_none() != matches!(record, Record::Init(_)) {
        return Err(wrong(
            "the making of the index comes first, and once".to_owned(),
        ));
    }
    let in_force = before.and_then(|before| before.policy.clone());
    let policy = match record {
        Record::Policy(change) if change.before != in_force => {
            return Err(wrong("the policy before it is another one".to_owned()));
        }
        Record::Check(check) if in_force.as_ref() != Some(&check.policy) => {
            return Err(wrong("its policy was not entered before it".to_owned()));
        }
        Record::Policy(change) => Some(change.policy.clone()),
        Record::Init(_)
        | Record::Register(_)
        | Record::Withdraw(_)
        | Record::Seal(_)
        | Record::Signoff(_)
        | Record::Waive(_)
        | Record::Reading(_)
        | Record::Deployment(_)
        | Record::Check(_)
        | Record::Attest(_)
        | Record::Share(_)
        | Record::Lineage(_)
        | Record::RotateKey(_) => in_force,
    };
    let lineage = if matches!(record, Record::Lineage(_)) {
        Some(index)
    } else {
        before.and_then(|before| before.lineage)
    };
    Ok(InForce {
        commit,
        policy,
        log_key: log_key.to_owned(),
        lineage,
    })
}

/// Takes the log's lock, waiting for others a while.
fn lock(path: &Path) -> Result<File, LogError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::io("open the log's lock", path))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::Busy {
                    path: path.display().to_string(),
                    seconds: LOCK_WAIT.as_secs(),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("take the log's lock", path)(error).into());
            }
        }
    }
}
