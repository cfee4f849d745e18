//! Sealing: a checkpoint by hard links, the digest of every file, a signed manifest.
//!
//! The cost follows what was added: a file that the sealed snapshot before holds as well (same
//! path, size and inode) keeps the digest it has there, and was made durable then. A file that
//! was damaged since keeps its old digest too, and is refused at the next verification.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use rayon::iter::IntoParallelIterator as _;
use rayon::iter::ParallelIterator as _;

use super::OpenError;
use super::manifest;
use super::manifest::LogPosition;
use super::manifest::MANIFEST;
use super::manifest::Manifest;
use super::manifest::ManifestFile;
use super::manifest::SIGNATURE;
use crate::index::IndexDir;
use crate::index::IndexWriter;
use crate::index::Secrets;
use crate::index::StoreError;
use crate::index::defects::Defect;
use crate::index::defects::seeded;
use crate::index::layout::sync_dir;
use crate::index::layout::write_new;

/// Sealed snapshots kept. Chosen: a check under way holds its files open in any case; the older
/// ones let a person compare and cost only what was merged away since.
pub(crate) const KEEP_SNAPSHOTS: usize = 3;

/// Size from which the parts of one file are hashed on all cores. Chosen: table files are smaller
/// and there are many of them, a core for each; a filter grows with the index and would be waited
/// for.
const HASH_IN_PARTS_BYTES: u64 = 256 << 20;
/// Bytes of such a file that are hashed together. Chosen: far more than handing work over costs.
const HASH_BYTES: u64 = 4 << 20;

/// A sealed snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) seq: u64,
    pub(crate) digest: String,
}

/// Seals the last commit. `log` is where the audit log stands, `before` the snapshot that it names
/// as the newest. A snapshot of the same number, left by a crash before its log entry, is
/// made anew.
pub(crate) fn seal(
    index: &IndexWriter,
    dir: &IndexDir,
    secrets: &Secrets,
    log: LogPosition,
    before: Option<&Sealed>,
) -> Result<Sealed, StoreError> {
    let state = index.state();
    let seq = state.epoch;
    let path = dir.snapshot(seq);
    let tmp = path.with_extension("tmp");
    for old in [&path, &tmp] {
        remove_dir_if_any(old)?;
    }
    let filters = tmp.join("filters");
    create_dir(&tmp)?;
    create_dir(&filters)?;
    index.checkpoint(&tmp.join("db"))?;
    for name in index.filter_names() {
        let (from, to) = (dir.filters().join(&name), filters.join(&name));
        fs::hard_link(&from, &to).map_err(StoreError::io("hard-link into a snapshot", &from))?;
    }
    let known = match before {
        Some(before) => digests_of(&dir.snapshot(before.seq), &before.digest),
        None => BTreeMap::new(),
    };
    let files: Result<Vec<ManifestFile>, StoreError> = list_files(&tmp)?
        .into_par_iter()
        .map(|found| {
            if let Some((size, inode, digest)) = known.get(&found.path)
                && (*size, *inode) == (found.size, found.inode)
            {
                let (path, size) = (found.path, found.size);
                return Ok(ManifestFile {
                    path,
                    size,
                    blake3: digest.clone(),
                });
            }
            let at = tmp.join(&found.path);
            let file = File::open(&at).map_err(StoreError::io("open", &at))?;
            file.sync_all()
                .map_err(StoreError::io("make durable", &at))?;
            hash_file(&at).map(|blake3| ManifestFile {
                path: found.path,
                size: found.size,
                blake3,
            })
        })
        .collect();
    let mut files = files?;
    files.sort_unstable();
    let format = index.format();
    let manifest = Manifest {
        format: format.version,
        snapshot: seq,
        time: state.op_time.clone(),
        recipe: format.recipe.clone(),
        unicode: format.unicode.clone(),
        guarantee_bytes: format.guarantee_bytes,
        key_check: hex::encode(format.key_check),
        sources: u64::from(state.live_sources),
        records: state.records,
        texts: state.next_text,
        claims: state.claims,
        set_hash: hex::encode(state.set_hash.to_bytes()),
        log: Some(log),
        log_previous: None,
        public_key: hex::encode(secrets.verifying().to_bytes()),
        files,
    };
    let bytes = manifest.to_bytes()?;
    write_new(&tmp.join(MANIFEST), &bytes)?;
    write_new(
        &tmp.join(SIGNATURE),
        &manifest::sign(&bytes, secrets.signing()),
    )?;
    for made in [&tmp.join("db"), &filters, &tmp] {
        sync_dir(made)?;
    }
    if !seeded(Defect::LogFirst) {
        name(dir, seq)?;
    }
    Ok(Sealed {
        seq,
        digest: manifest::digest(&bytes),
    })
}

/// Gives a complete snapshot its name, durably: it exists from here on.
pub(crate) fn name(dir: &IndexDir, seq: u64) -> Result<(), StoreError> {
    let path = dir.snapshot(seq);
    fs::rename(path.with_extension("tmp"), &path)
        .map_err(StoreError::io("name the snapshot", &path))?;
    sync_dir(&dir.snapshots())
}

/// Removes all but the newest snapshots, those that somebody reads, and what interrupted seals left.
/// `head` is kept.
pub(crate) fn prune(dir: &IndexDir, head: u64) -> Result<(), StoreError> {
    let all = numbers(&dir.snapshots())?;
    let keep = all
        .iter()
        .rev()
        .filter(|&&seq| seq <= head)
        .take(KEEP_SNAPSHOTS);
    let keep: Vec<u64> = keep.copied().collect();
    for seq in all {
        if !keep.contains(&seq) {
            let path = dir.snapshot(seq);
            match use_of(&path)? {
                Use::Read => {}
                Use::Unread { _lock } => remove_dir_if_any(&path)?,
            }
        }
    }
    Ok(())
}

/// Tells [`prune`] that a snapshot is read, for as long as the answer lives. A file system without
/// locks tells nothing: what is read there may be collected after two more seals, and the reader,
/// which holds its files open, notices only when it opens them anew.
pub(crate) fn in_use(path: &Path) -> Result<Option<File>, StoreError> {
    let manifest = path.join(MANIFEST);
    let file = match File::open(&manifest) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", &manifest)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
        // It is being removed at this moment.
        Err(TryLockError::WouldBlock) => Ok(None),
    }
}

/// Whether somebody reads a snapshot.
enum Use {
    /// Somebody does.
    Read,
    /// Nobody does, and nobody can begin to while this lives.
    Unread { _lock: Option<File> },
}

fn use_of(path: &Path) -> Result<Use, StoreError> {
    let manifest = path.join(MANIFEST);
    let file = match File::open(&manifest) {
        Ok(file) => file,
        // What an interrupted seal or removal left: nobody can open it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Use::Unread { _lock: None });
        }
        Err(error) => return Err(StoreError::io("open", &manifest)(error)),
    };
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Use::Unread { _lock: Some(file) }),
        Err(TryLockError::WouldBlock) => Ok(Use::Read),
    }
}

/// Numbers of the snapshots in a directory, ascending.
pub(crate) fn numbers(snapshots: &Path) -> Result<Vec<u64>, StoreError> {
    let mut out = Vec::new();
    for entry in fs::read_dir(snapshots).map_err(StoreError::io("list", snapshots))? {
        let entry = entry.map_err(StoreError::io("list", snapshots))?;
        if let Some(Ok(seq)) = entry.file_name().to_str().map(str::parse::<u64>) {
            out.push(seq);
        }
    }
    out.sort_unstable();
    Ok(out)
}

/// A file found in a snapshot.
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) inode: (u64, u64),
}

/// Every file below `root` but the manifest and its signature, sorted; refuses anything that is
/// neither a plain file nor a directory.
pub(crate) fn list_files(root: &Path) -> Result<Vec<Found>, StoreError> {
    let mut out = Vec::new();
    let mut open: Vec<(PathBuf, String)> = vec![(root.to_path_buf(), String::new())];
    while let Some((dir, prefix)) = open.pop() {
        for entry in fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
            let entry = entry.map_err(StoreError::io("list", &dir))?;
            let at = entry.path();
            let strange = |what: &str| StoreError::Corrupt {
                what: what.to_owned(),
                at: at.display().to_string(),
            };
            let Ok(name) = entry.file_name().into_string() else {
                return Err(strange("a file name that is not UTF-8"));
            };
            let path = format!("{prefix}{name}");
            let meta = fs::symlink_metadata(&at).map_err(StoreError::io("look at", &at))?;
            if meta.is_dir() {
                open.push((at, format!("{path}/")));
            } else if !meta.is_file() {
                return Err(strange(
                    "neither a plain file nor a directory in a snapshot",
                ));
            } else if path != MANIFEST && path != SIGNATURE {
                out.push(Found {
                    path,
                    size: meta.len(),
                    inode: (meta.dev(), meta.ino()),
                });
            }
        }
    }
    out.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

/// BLAKE3 of a file, hex; a very large one is hashed on all cores.
pub(crate) fn hash_file(path: &Path) -> Result<String, StoreError> {
    let failed = || StoreError::io("read", path);
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let size = file.metadata().map_err(failed())?.len();
    if size < HASH_IN_PARTS_BYTES {
        hasher.update_reader(file).map_err(failed())?;
        return Ok(hasher.finalize().to_hex().to_string());
    }
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let mut part = Read::by_ref(&mut file).take(HASH_BYTES);
        let read = part.read_to_end(&mut bytes).map_err(failed())?;
        if read == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update_rayon(&bytes);
    }
}

/// Size, inode and digest of the files of an earlier snapshot. One that cannot be read, or is not
/// the one logged, only means that everything is hashed again.
fn digests_of(snapshot: &Path, digest: &str) -> BTreeMap<String, (u64, (u64, u64), String)> {
    let mut out = BTreeMap::new();
    let Ok(Some((manifest, bytes))) = Manifest::read(snapshot) else {
        return out;
    };
    if manifest::digest(&bytes) != digest {
        return out;
    }
    let Ok(found) = list_files(snapshot) else {
        return out;
    };
    let digests: BTreeMap<String, ManifestFile> = manifest
        .files
        .into_iter()
        .map(|file| (file.path.clone(), file))
        .collect();
    for file in found {
        if let Some(known) = digests.get(&file.path)
            && known.size == file.size
        {
            out.insert(file.path, (file.size, file.inode, known.blake3.clone()));
        }
    }
    out
}

fn create_dir(path: &Path) -> Result<(), StoreError> {
    fs::create_dir(path).map_err(StoreError::io("create the directory", path))
}

pub(crate) fn remove_dir_if_any(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("remove", path)(error)),
    }
}

/// Compares the files below a folder with a list of them: none missing, none added, sizes and
/// digests as listed.
pub(super) fn verify_listed(dir: &Path, files: &[ManifestFile]) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged {
        path: dir.display().to_string(),
        what,
    };
    let found = list_files(dir)?;
    let mut found = found.into_iter().peekable();
    for file in files {
        if let Some(extra) = found.next_if(|found| found.path < file.path) {
            return Err(damaged(format!("file {} was added", extra.path)));
        }
        match found.next_if(|found| found.path == file.path) {
            None => return Err(damaged(format!("file {} is missing", file.path))),
            Some(found) if found.size != file.size => {
                return Err(damaged(format!(
                    "file {} has {} bytes instead of {}",
                    file.path, found.size, file.size
                )));
            }
            Some(_) => {}
        }
    }
    if let Some(extra) = found.next() {
        return Err(damaged(format!("file {} was added", extra.path)));
    }
    let wrong: Result<Vec<Option<&str>>, StoreError> = files
        .into_par_iter()
        .map(|file| {
            let digest = hash_file(&dir.join(&file.path))?;
            Ok((digest != file.blake3).then_some(file.path.as_str()))
        })
        .collect();
    match wrong?.into_iter().flatten().next() {
        None => Ok(()),
        Some(path) => Err(damaged(format!("the bytes of file {path} were changed"))),
    }
}
