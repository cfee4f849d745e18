//! The end of the log, proven: what a check needs of it, at a cost that does not follow its size.

use super::Entry;
use super::LogError;
use super::folder::CHECKPOINT;
use super::folder::FileTiles;
use super::folder::Files;
use super::folder::Folder;
use super::folder::TileError;
use super::folder::bundle;
use super::folder::damaged;
use super::folder::note;
use crate::index::IndexDir;
use crate::index::PublicKeys;
use crate::tlog::Bundle;
use crate::tlog::Checkpoint;
use crate::tlog::CheckpointError;
use crate::tlog::NoteError;
use crate::tlog::Receipt;
use crate::tlog::Tree;
use crate::tlog::leaf_hash;
use crate::tlog::verify_consistency;
use crate::tlog::verify_inclusion;

/// The signed head of a log with its last entry, proven to be in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The signed checkpoint, verbatim.
    pub note: String,
    /// The last entry.
    pub last: Entry,
}

impl Head {
    /// Number of the last commit of the index.
    pub fn commit(&self) -> u64 {
        self.last.in_force.commit.number
    }

    /// SHA-256 of the manifest of its snapshot, hex.
    pub fn snapshot(&self) -> &str {
        &self.last.in_force.commit.snapshot
    }
}

/// Reads and verifies the head: the checkpoint's signature by one of `keys`, and the last entry
/// proven in its tree. Reads a handful of files, however long the log is.
pub fn head(dir: &IndexDir, keys: &PublicKeys) -> Result<Head, LogError> {
    let folder = Folder::new(dir.log());
    let Some(note) = note(&folder)? else {
        return Err(absent(dir));
    };
    let checkpoint = checkpoint(&folder, &note, keys)?;
    let (_, last) = proven(&folder, &checkpoint, checkpoint.size.saturating_sub(1))?;
    Ok(Head {
        checkpoint,
        note,
        last,
    })
}

/// A log without a checkpoint: one of the format before, or none.
pub(super) fn absent(dir: &IndexDir) -> LogError {
    let old = dir.old_log();
    match old.try_exists() {
        Ok(true) => match super::migrate::of_this_format(dir) {
            Ok(()) => LogError::Unmigrated {
                path: old.display().to_string(),
            },
            Err(error) => error,
        },
        Ok(false) => LogError::Missing {
            path: dir.log().display().to_string(),
        },
        Err(error) => crate::index::StoreError::io("look for", &old)(error).into(),
    }
}

/// Verifies a signed checkpoint by the keys of the log that it claims to be of.
pub(super) fn checkpoint(
    files: &dyn Files,
    note: &str,
    keys: &PublicKeys,
) -> Result<Checkpoint, LogError> {
    let wrong = |error: &CheckpointError| damaged(files, CHECKPOINT, &error.to_string());
    let origin = Checkpoint::claimed_origin(note).map_err(|error| wrong(&error))?;
    let mut opened = None;
    let mut refused = None;
    for key in keys.log(&origin) {
        match Checkpoint::open(note, key) {
            Ok(checkpoint) => opened = Some(checkpoint),
            // While a rotation goes on, one of two keys has signed.
            Err(error @ CheckpointError::Note(NoteError::Unsigned { .. })) => refused = Some(error),
            Err(error) => return Err(wrong(&error)),
        }
    }
    match (opened, refused) {
        (Some(checkpoint), _) if checkpoint.size > 0 => Ok(checkpoint),
        (Some(_), _) => Err(damaged(files, CHECKPOINT, "it is of a log without entries")),
        (None, Some(error)) => Err(wrong(&error)),
        (None, None) => Err(LogError::Foreign {
            path: files.name(CHECKPOINT),
            origin,
        }),
    }
}

/// One entry, its bytes proven to be in the tree of a checkpoint.
pub(super) fn proven(
    files: &dyn Files,
    checkpoint: &Checkpoint,
    index: u64,
) -> Result<(Vec<u8>, Entry), LogError> {
    let found = Bundle::of_entry(index, checkpoint.size).ok_or(LogError::NoEntry {
        index,
        last: checkpoint.size.saturating_sub(1),
    })?;
    let place = usize::try_from(index - found.start()).unwrap_or(usize::MAX);
    let path = found.path();
    let bytes = bundle(files, found)?
        .into_iter()
        .nth(place)
        .ok_or_else(|| damaged(files, &path, "it is too short"))?;
    let tiles = FileTiles(files);
    let proof = Tree::new(&tiles, checkpoint.size)
        .inclusion(index)
        .map_err(|error: TileError| error.in_log(files))?;
    verify_inclusion(
        &proof,
        index,
        leaf_hash(&bytes),
        checkpoint.size,
        checkpoint.root,
    )
    .map_err(|error| {
        let what = format!("entry {index} is not in the tree of the signed checkpoint ({error})");
        damaged(files, &path, &what)
    })?;
    let entry = Entry::parse(&bytes).map_err(|error| {
        let what = format!("entry {index} cannot be read: {error}");
        damaged(files, &path, &what)
    })?;
    Ok((bytes, entry))
}

/// The receipt of an entry: its number, the proof, the signed checkpoint (C2SP tlog-proof); with
/// the bytes of the entry, which it is verified with.
pub fn receipt(
    dir: &IndexDir,
    keys: &PublicKeys,
    index: u64,
) -> Result<(Receipt, Vec<u8>), LogError> {
    let folder = Folder::new(dir.log());
    let Some(note) = note(&folder)? else {
        return Err(absent(dir));
    };
    let checkpoint = checkpoint(&folder, &note, keys)?;
    let (bytes, _) = proven(&folder, &checkpoint, index)?;
    let tiles = FileTiles(&folder);
    let proof = Tree::new(&tiles, checkpoint.size)
        .inclusion(index)
        .map_err(|error: TileError| error.in_log(&folder))?;
    let receipt = Receipt {
        index,
        proof,
        checkpoint: note,
    };
    Ok((receipt, bytes))
}

/// One entry by its number, proven to be in the tree.
pub fn entry(dir: &IndexDir, keys: &PublicKeys, index: u64) -> Result<Entry, LogError> {
    let folder = Folder::new(dir.log());
    let Some(note) = note(&folder)? else {
        return Err(absent(dir));
    };
    let checkpoint = checkpoint(&folder, &note, keys)?;
    Ok(proven(&folder, &checkpoint, index)?.1)
}

/// Calls `each` with every entry from number `since` on, every bundle proven to be in the tree of
/// the signed checkpoint. Returns that checkpoint.
pub fn entries(
    dir: &IndexDir,
    keys: &PublicKeys,
    since: u64,
    mut each: impl FnMut(u64, Entry),
) -> Result<Checkpoint, LogError> {
    let folder = Folder::new(dir.log());
    let Some(note) = note(&folder)? else {
        return Err(absent(dir));
    };
    let checkpoint = checkpoint(&folder, &note, keys)?;
    let mut at = since;
    while let Some(found) = Bundle::of_entry(at, checkpoint.size) {
        let path = found.path();
        let wrong = |what: &str| damaged(&folder, &path, what);
        // Proving one entry of a tile proves the tile: its hashes are all in the proof.
        proven(&folder, &checkpoint, at)?;
        let leaves = leaves(&folder, found)?;
        for ((index, bytes), leaf) in (found.start()..).zip(bundle(&folder, found)?).zip(leaves) {
            if index < at {
                continue;
            }
            if leaf_hash(&bytes) != leaf {
                return Err(wrong(&format!("entry {index} is not in the tree")));
            }
            let entry = Entry::parse(&bytes)
                .map_err(|error| wrong(&format!("entry {index} cannot be read: {error}")))?;
            each(index, entry);
        }
        at = found.start() + found.width;
    }
    Ok(checkpoint)
}

/// Root of the tree of the first `size` entries, by the tiles; `None` where the signed log has
/// fewer. The tiles themselves are proven to give the signed root.
pub fn root_at(
    dir: &IndexDir,
    keys: &PublicKeys,
    size: u64,
) -> Result<Option<crate::tlog::Hash>, LogError> {
    let folder = Folder::new(dir.log());
    let Some(note) = note(&folder)? else {
        return Err(absent(dir));
    };
    let checkpoint = checkpoint(&folder, &note, keys)?;
    if size > checkpoint.size {
        return Ok(None);
    }
    let tiles = FileTiles(&folder);
    let in_log = |error: TileError| error.in_log(&folder);
    let tree = Tree::new(&tiles, checkpoint.size);
    let proof = tree.consistency(size).map_err(in_log)?;
    let root = tree.root_at(size).map_err(in_log)?;
    verify_consistency(&proof, size, root, checkpoint.size, checkpoint.root).map_err(|error| {
        let what = format!("the tiles beside it do not give its root ({error})");
        damaged(&folder, CHECKPOINT, &what)
    })?;
    Ok(Some(root))
}

/// Leaf hashes of a bundle, from its tile.
fn leaves(files: &dyn Files, bundle: Bundle) -> Result<Vec<crate::tlog::Hash>, LogError> {
    use crate::tlog::Tiles as _;
    let tile = crate::tlog::Tile {
        level: 0,
        index: bundle.index,
        width: bundle.width,
    };
    FileTiles(files)
        .tile(tile)
        .map_err(|error| error.in_log(files))
}
