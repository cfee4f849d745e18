//! Backups: a copy of what an index is, with digests of its own, and the way back.
//!
//! A backup is a folder: the snapshot that the log names as the newest, the log whole, the plain
//! files beside them, and on demand the keys; `backup.json` lists every file with size and SHA-256,
//! `backup.sig` signs that list. The engine's own backups are not used: their verification compares
//! sizes only. [`restore`] believes nothing that it has not compared, opens the result as a check
//! and as a writer would, and only then gives it its name.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::OpenError;
use super::Snapshot;
use super::Writer;
use super::manifest;
use super::seal;
use crate::audit;
use crate::audit::LogError;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::index::SecretsError;
use crate::index::StoreError;
use crate::index::layout::sync_dir;
use crate::index::layout::write_new;

/// Version of the format of backups.
const VERSION: u32 = 1;
/// The list of files.
const LIST: &str = "backup.json";
/// Its signature: Ed25519 over its bytes by the key of the manifests, in hex.
const SIGNATURE: &str = "backup.sig";
/// Parts of a backup.
const SNAPSHOT: &str = "snapshot";
const LOG: &str = "log";
const BESIDE: &str = "beside";
const KEYS: &str = "keys";
/// What the names of kept verdicts and worklists end with, and those of kept sketches.
const DOCUMENT_SUFFIXES: [&str; 2] = [".json.zst", ".sketch"];
/// Largest list that is read. Chosen: some hundred thousand files.
const LIST_BYTES_MAX: u64 = 64 << 20;
/// Bytes copied at a time. Chosen.
const COPY_BYTES: usize = 1 << 20;
/// Times the copying starts over because the log grew meanwhile. Chosen: a copy of the log takes
/// less time than what is logged.
const GROWN_MAX: usize = 20;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The place is taken.
    #[error("{dir} exists already; it is not replaced: name another folder")]
    Exists {
        /// The folder.
        dir: String,
    },
    /// No backup there.
    #[error("there is no backup at {dir}: it has no backup.json")]
    NoBackup {
        /// The folder.
        dir: String,
    },
    /// Not what was backed up.
    #[error("the backup {dir} is not what was written: {what}; use another backup")]
    Damaged {
        /// The backup.
        dir: String,
        /// What differs.
        what: String,
    },
    /// No keys to restore with.
    #[error(
        "the backup {dir} holds no keys: put the keys folder back first and point $HERDBOOK_KEYS at it"
    )]
    NoKeys {
        /// The backup.
        dir: String,
    },
    /// The log did not stand still.
    #[error("the audit log grew {times} times while it was copied: try again when less is checked")]
    Busy {
        /// How often.
        times: usize,
    },
    /// The index, or what was restored, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LogError> for BackupError {
    fn from(error: LogError) -> Self {
        Self::Open(error.into())
    }
}

impl From<SecretsError> for BackupError {
    fn from(error: SecretsError) -> Self {
        Self::Open(error.into())
    }
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Version of the format: 1.
    pub version: u32,
    /// When it was made, RFC 3339, UTC.
    pub time: String,
    /// Commit of the index that it holds.
    pub commit: u64,
    /// SHA-256 of the snapshot's manifest, hex.
    pub snapshot: String,
    /// The log's signed checkpoint.
    pub checkpoint: String,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Their records.
    pub records: u64,
    /// Whether the keys are in it.
    pub keys: bool,
    /// Every file but this list and its signature, by path.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Path in the backup, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

impl Backup {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Copies an index into `to`, which must not exist. Checks and registrations may go on meanwhile:
/// what is copied is one state, that of a signed checkpoint. `time` is now, RFC 3339, UTC.
pub fn backup(
    dir: &IndexDir,
    secrets: &Secrets,
    compat: &Compat,
    to: &Path,
    with_keys: bool,
    time: &str,
) -> Result<Backup, BackupError> {
    refuse_existing(to)?;
    let parent = parent(to);
    fs::create_dir_all(parent).map_err(StoreError::io("create the directory", parent))?;
    let made = tempfile::Builder::new()
        .prefix(".herdbook-backup-")
        .tempdir_in(parent)
        .map_err(StoreError::io("create a folder in", parent))?;
    let mut copy = Copy::new(made.path());
    let head = copy_log(dir, secrets, &mut copy)?;
    let source = dir.snapshot(head.commit());
    // Opening verifies every file; holding it open keeps it from being collected.
    let snapshot = Snapshot::open_at(&source, head.snapshot(), compat, Some(&secrets.verifying()))?;
    copy.tree(&source, SNAPSHOT)?;
    for name in [manifest::MANIFEST, manifest::SIGNATURE] {
        copy.file(&source.join(name), &format!("{SNAPSHOT}/{name}"))?;
    }
    copy.plain_files(dir.root())?;
    for folder in [dir.verdicts(), dir.worklists(), dir.sketches()] {
        copy.documents(&folder)?;
    }
    if with_keys {
        copy.tree(dir.keys(), KEYS)?;
    }
    let info = snapshot.info();
    let backup = Backup {
        version: VERSION,
        time: time.to_owned(),
        commit: head.commit(),
        snapshot: head.snapshot().to_owned(),
        checkpoint: head.note.clone(),
        sources: info.sources,
        records: info.records,
        keys: with_keys,
        files: copy.finish()?,
    };
    let list = list_bytes(&backup)?;
    write_new(&made.path().join(LIST), &list)?;
    let signature = manifest::sign(&list, secrets.signing());
    write_new(&made.path().join(SIGNATURE), &signature)?;
    sync_dir(made.path())?;
    // What was written is read back: a backup that cannot be restored is none.
    verify_files(made.path(), &backup)?;
    publish(made, to)?;
    Ok(backup)
}

/// The log, copied while it stood still: until its checkpoint is the same before and after.
fn copy_log(
    dir: &IndexDir,
    secrets: &Secrets,
    copy: &mut Copy<'_>,
) -> Result<audit::Head, BackupError> {
    for _ in 0..GROWN_MAX {
        let head = audit::head(dir, &secrets.public())?;
        let copied = copy.tree(&dir.log(), LOG);
        let still = audit::head(dir, &secrets.public())?.note == head.note;
        match copied {
            Ok(()) if still => return Ok(head),
            // A file that was there a moment ago: a partial tile that is full now.
            Err(error) if still => return Err(error),
            Ok(()) | Err(_) => copy.discard(LOG)?,
        }
    }
    Err(BackupError::Busy { times: GROWN_MAX })
}

/// Compares a backup with its signed list and restores nothing. The keys are those of `dir`, where
/// it has any, else those in the backup.
pub fn verify_backup(from: &Path, dir: &IndexDir) -> Result<Backup, BackupError> {
    let standing = if exists(dir.keys())? {
        Some(Secrets::load(dir.keys())?)
    } else {
        None
    };
    verify(from, standing.as_ref())
}

/// What stands in a backup, verified: signature, list, every byte. `secrets` are the index's, where
/// the backup holds none.
fn verify(from: &Path, secrets: Option<&Secrets>) -> Result<Backup, BackupError> {
    let (backup, list) = read_list(from)?;
    let own;
    let secrets = match secrets {
        Some(secrets) => secrets,
        None if backup.keys => {
            own = Secrets::load(&from.join(KEYS))?;
            &own
        }
        None => {
            return Err(BackupError::NoKeys {
                dir: from.display().to_string(),
            });
        }
    };
    verify_signature(from, &list, secrets)?;
    verify_files(from, &backup)?;
    Ok(backup)
}

/// Makes an index of a backup at `dir`, which must not exist. The keys go where `dir` has them,
/// unless they are there. The index is opened as a check and as a writer would before it gets its
/// name.
pub fn restore(
    from: &Path,
    dir: &IndexDir,
    compat: impl FnOnce(&Secrets) -> Result<Compat, SecretsError>,
) -> Result<Backup, BackupError> {
    refuse_existing(dir.root())?;
    let keys_inside = dir.keys().starts_with(dir.root());
    let standing = if !keys_inside && exists(dir.keys())? {
        Some(Secrets::load(dir.keys())?)
    } else {
        None
    };
    let backup = verify(from, standing.as_ref())?;
    let parent = parent(dir.root());
    fs::create_dir_all(parent).map_err(StoreError::io("create the directory", parent))?;
    let made = tempfile::Builder::new()
        .prefix(".herdbook-restore-")
        .tempdir_in(parent)
        .map_err(StoreError::io("create a folder in", parent))?;
    let keys = if keys_inside {
        None
    } else {
        Some(dir.keys().to_path_buf())
    };
    let new = IndexDir::new(made.path(), keys);
    put_back(from, &backup, &new, standing.is_some())?;
    let secrets = Secrets::load(new.keys())?;
    let compat = compat(&secrets)?;
    drop(Writer::open(&new, &secrets, &compat)?);
    let snapshot = Snapshot::open_head(&new, &compat, &secrets.public())?;
    if snapshot.digest() != backup.snapshot {
        return Err(damaged(
            from,
            "its snapshot is not the one that its log names",
        ));
    }
    snapshot
        .walk()
        .map_err(|error| damaged(from, &error.to_string()))?;
    drop(snapshot);
    publish(made, dir.root())?;
    Ok(backup)
}

/// Copies the files of a backup to where an index has them.
fn put_back(
    from: &Path,
    backup: &Backup,
    new: &IndexDir,
    keys_stand: bool,
) -> Result<(), BackupError> {
    let snapshot = new.snapshot(backup.commit);
    let mut dirs = BTreeSet::new();
    for made in [
        new.db(),
        new.filters(),
        new.snapshots(),
        new.tmp(),
        new.log(),
    ] {
        fs::create_dir_all(&made).map_err(StoreError::io("create the directory", &made))?;
        dirs.insert(made);
    }
    write_new(&new.lock(), b"")?;
    for file in &backup.files {
        let path = Path::new(&file.path);
        let mut parts = path.components();
        let first = parts.next().and_then(|part| part.as_os_str().to_str());
        let rest = parts.as_path();
        let to = match first {
            Some(SNAPSHOT) => snapshot.join(rest),
            Some(LOG) => new.log().join(rest),
            Some(BESIDE) => new.root().join(rest),
            Some(KEYS) if keys_stand => continue,
            Some(KEYS) => new.keys().join(rest),
            Some(_) | None => return Err(damaged(from, &format!("it lists {}", file.path))),
        };
        copy_checked(&from.join(path), &to, Some(file), &mut dirs)?;
        if first == Some(KEYS) {
            private(&to)?;
        }
        // The live database is the sealed one over again. Table files and filters are never
        // changed, so they are linked; the rest the engine goes on writing.
        let live = match (first, rest.components().next()) {
            (Some(SNAPSHOT), Some(Component::Normal(part))) if part == "db" => {
                rest.strip_prefix("db").map(|name| new.db().join(name))
            }
            (Some(SNAPSHOT), Some(Component::Normal(part))) if part == "filters" => rest
                .strip_prefix("filters")
                .map(|name| new.filters().join(name)),
            _ => continue,
        };
        let live = live.map_err(|_| damaged(from, &format!("it lists {}", file.path)))?;
        let immutable = live
            .extension()
            .is_some_and(|kind| kind == "sst" || kind == "filter");
        if immutable {
            fs::hard_link(&to, &live).map_err(StoreError::io("hard-link", &live))?;
        } else {
            copy_checked(&to, &live, None, &mut dirs)?;
        }
    }
    for dir in dirs {
        sync_dir(&dir)?;
    }
    Ok(())
}

/// Collects copies and what they consist of.
struct Copy<'a> {
    root: &'a Path,
    files: Vec<BackupFile>,
    dirs: BTreeSet<PathBuf>,
}

impl<'a> Copy<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            files: Vec::new(),
            dirs: BTreeSet::new(),
        }
    }

    /// Copies every file below `from` into the part of that name.
    fn tree(&mut self, from: &Path, part: &str) -> Result<(), BackupError> {
        for found in seal::list_files(from)? {
            self.file(&from.join(&found.path), &format!("{part}/{}", found.path))?;
        }
        Ok(())
    }

    /// Copies the plain files that stand in a directory itself: configuration, policy, approvals.
    fn plain_files(&mut self, from: &Path) -> Result<(), BackupError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(from).map_err(StoreError::io("list", from))? {
            let entry = entry.map_err(StoreError::io("list", from))?;
            let kind = entry
                .file_type()
                .map_err(StoreError::io("look at", &entry.path()))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if kind.is_file() && !LOCKS.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.sort_unstable();
        for name in names {
            self.file(&from.join(&name), &format!("{BESIDE}/{name}"))?;
        }
        Ok(())
    }

    /// Copies the documents that the log names; what another process is writing has no such name.
    fn documents(&mut self, from: &Path) -> Result<(), BackupError> {
        if !exists(from)? {
            return Ok(());
        }
        let part = from
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        for found in seal::list_files(from)? {
            if (DOCUMENT_SUFFIXES.iter()).any(|suffix| found.path.ends_with(suffix)) {
                self.file(
                    &from.join(&found.path),
                    &format!("{BESIDE}/{part}/{}", found.path),
                )?;
            }
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, path: &str) -> Result<(), BackupError> {
        let to = self.root.join(path);
        let (size, sha256) = copy_checked(from, &to, None, &mut self.dirs)?;
        if path.starts_with(KEYS) {
            private(&to)?;
        }
        self.files.push(BackupFile {
            path: path.to_owned(),
            size,
            sha256,
        });
        Ok(())
    }

    /// Forgets a part that was not copied whole.
    fn discard(&mut self, part: &str) -> Result<(), BackupError> {
        let prefix = format!("{part}/");
        self.files.retain(|file| !file.path.starts_with(&prefix));
        self.dirs.clear();
        Ok(seal::remove_dir_if_any(&self.root.join(part))?)
    }

    fn finish(self) -> Result<Vec<BackupFile>, BackupError> {
        for dir in &self.dirs {
            sync_dir(dir)?;
        }
        let mut files = self.files;
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// Files of an index that only its processes use.
const LOCKS: [&str; 4] = ["lock", "log.lock", "graph.lock", "init-unfinished"];

/// Copies a file durably, and compares it on the way with what it is to be. Returns size and digest.
fn copy_checked(
    from: &Path,
    to: &Path,
    expected: Option<&BackupFile>,
    dirs: &mut BTreeSet<PathBuf>,
) -> Result<(u64, String), BackupError> {
    let dir = to.parent().unwrap_or(to);
    fs::create_dir_all(dir).map_err(StoreError::io("create the directory", dir))?;
    dirs.extend(dir.ancestors().take(3).map(Path::to_path_buf));
    let mut source = File::open(from).map_err(StoreError::io("open", from))?;
    let mut out = File::create_new(to).map_err(StoreError::io("create", to))?;
    let (size, sha256) = hashed(&mut source, from, |bytes| {
        out.write_all(bytes).map_err(StoreError::io("write", to))
    })?;
    out.sync_all().map_err(StoreError::io("make durable", to))?;
    if let Some(expected) = expected
        && (expected.size, &expected.sha256) != (size, &sha256)
    {
        return Err(damaged(from, "a file changed while it was copied"));
    }
    Ok((size, sha256))
}

/// Reads a file to its end, handing on what is read. Returns its size and SHA-256 in hex.
fn hashed(
    file: &mut File,
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(u64, String), StoreError> {
    let mut sha = Sha256::new();
    let mut size = 0;
    let mut chunk = vec![0; COPY_BYTES];
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => return Ok((size, hex::encode(sha.finalize()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        sha.update(bytes);
        take(bytes)?;
        size += read as u64;
    }
}

/// Compares every file with the list, and the list with the files that are there.
fn verify_files(from: &Path, backup: &Backup) -> Result<(), BackupError> {
    let mut listed = BTreeSet::new();
    for file in &backup.files {
        let path = Path::new(&file.path);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || !listed.insert(file.path.as_str()) {
            return Err(damaged(from, &format!("it lists {:?}", file.path)));
        }
        let at = from.join(path);
        let mut found = match File::open(&at) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(from, &format!("{} is missing", file.path)));
            }
            Err(error) => return Err(StoreError::io("open", &at)(error).into()),
        };
        let (size, sha256) = hashed(&mut found, &at, |_| Ok(()))?;
        if (size, &sha256) != (file.size, &file.sha256) {
            return Err(damaged(
                from,
                &format!("{} has another size or digest", file.path),
            ));
        }
    }
    for found in seal::list_files(from)? {
        let known = [LIST, SIGNATURE].contains(&found.path.as_str());
        if !known && !listed.contains(found.path.as_str()) {
            return Err(damaged(from, &format!("{} is not on its list", found.path)));
        }
    }
    Ok(())
}

fn verify_signature(from: &Path, list: &[u8], secrets: &Secrets) -> Result<(), BackupError> {
    manifest::verify_beside(&from.join(SIGNATURE), list, &secrets.verifying())?
        .map_err(|what| damaged(from, &format!("backup.json {what}")))
}

fn read_list(from: &Path) -> Result<(Backup, Vec<u8>), BackupError> {
    let path = from.join(LIST);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::NoBackup {
                dir: from.display().to_string(),
            });
        }
        Err(error) => return Err(StoreError::io("open", &path)(error).into()),
    };
    let mut bytes = Vec::new();
    file.take(LIST_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", &path))?;
    let backup: Backup = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(from, &format!("backup.json cannot be read ({error})")))?;
    if backup.version != VERSION {
        return Err(damaged(
            from,
            &format!(
                "it has version {}, this program knows {VERSION}",
                backup.version
            ),
        ));
    }
    Ok((backup, bytes))
}

fn list_bytes(backup: &Backup) -> Result<Vec<u8>, BackupError> {
    let mut bytes = serde_json::to_vec_pretty(backup).map_err(|error| StoreError::Corrupt {
        what: format!("the list of the backup cannot be written ({error})"),
        at: LIST.to_owned(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn damaged(from: &Path, what: &str) -> BackupError {
    BackupError::Damaged {
        dir: from.display().to_string(),
        what: what.to_owned(),
    }
}

/// Gives a finished folder its name, durably; nothing stands there.
fn publish(made: tempfile::TempDir, to: &Path) -> Result<(), BackupError> {
    refuse_existing(to)?;
    let made = made.keep();
    fs::rename(&made, to).map_err(StoreError::io("name", to))?;
    Ok(sync_dir(parent(to))?)
}

fn refuse_existing(path: &Path) -> Result<(), BackupError> {
    if exists(path)? {
        return Err(BackupError::Exists {
            dir: path.display().to_string(),
        });
    }
    Ok(())
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("look for", path)(error)),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Readable by its owner only.
fn private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(StoreError::io("make private", path))
}
