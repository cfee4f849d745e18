//! Going through the whole log: every file, every entry, every signature.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Entry;
use super::InForce;
use super::LogError;
use super::Record;
use super::append::follow;
use super::folder::CHECKPOINT;
use super::folder::FileTiles;
use super::folder::Files;
use super::folder::Folder;
use super::folder::MIGRATED;
use super::folder::NEW;
use super::folder::TileError;
use super::folder::bundle;
use super::folder::damaged;
use super::folder::note;
use super::folder::tile_bytes;
use super::head::absent;
use super::head::checkpoint;
use super::migrate::OLD_BYTES_MAX;
use super::migrate::line_digests;
use crate::index::IndexDir;
use crate::index::PublicKeys;
use crate::tlog::Bundle;
use crate::tlog::Checkpoint;
use crate::tlog::Edge;
use crate::tlog::Hash;
use crate::tlog::TILE_WIDTH;
use crate::tlog::Tile;
use crate::tlog::Tree;
use crate::tlog::Verifier;
use crate::tlog::encode_entry;
use crate::tlog::leaf_hash;
use crate::tlog::open_note;
use crate::tlog::verify_consistency;

/// Times the verification starts over when the log grew meanwhile. Chosen.
const HEAD_MOVES_MAX: usize = 3;

/// A log in which everything agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The signed head.
    pub checkpoint: Checkpoint,
    /// Entries by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Digest of the snapshot of every commit, by its number.
    pub commits: BTreeMap<u64, String>,
    /// The keys that signed the log, oldest first, as verifier keys.
    pub keys: Vec<String>,
    /// Files compared.
    pub files: u64,
    /// What an interrupted append left, in sentences. It was never acknowledged.
    pub notes: Vec<String>,
}

/// A checkpoint that somebody kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How it is named to people.
    pub name: String,
    /// The signed checkpoint.
    pub note: String,
}

/// Verifies the log of an index whole: every tile and bundle recomputed from the entries and
/// compared, the checkpoint's signature by one of `keys`, every entry read, what it says is in
/// force followed from one to the next, every rotation of the key signed by the one before, and the
/// log grown from each checkpoint in `kept`. `first_key`, where given, must be one of the keys that
/// signed it.
pub fn verify(
    dir: &IndexDir,
    keys: &PublicKeys,
    kept: &[Kept],
    first_key: Option<&Verifier>,
) -> Result<Verified, LogError> {
    let folder = Folder::new(dir.log());
    let mut moves = 0;
    loop {
        // The checkpoint first: every file that it needs is there before it is.
        let signed = note(&folder)?.ok_or_else(|| absent(dir))?;
        let names = folder.list()?;
        let result = verify_files(&folder, &signed, &names, keys, kept, first_key);
        moves += 1;
        if result.is_ok() || moves > HEAD_MOVES_MAX || note(&folder)?.as_ref() == Some(&signed) {
            return result;
        }
    }
}

/// One key, and the size of the first tree that it alone signs.
struct KeyFrom {
    key: Verifier,
    from: u64,
}

struct Walk<'f> {
    files: &'f dyn Files,
    /// Files not yet compared, by path.
    left: BTreeSet<&'f str>,
    edge: Edge,
    in_force: Option<InForce>,
    keys: Vec<KeyFrom>,
    lines: Vec<Option<String>>,
    out: Verified,
}

pub(super) fn verify_files(
    files: &dyn Files,
    note: &str,
    names: &[String],
    keys: &PublicKeys,
    kept: &[Kept],
    first_key: Option<&Verifier>,
) -> Result<Verified, LogError> {
    let signed = checkpoint(files, note, keys)?;
    let mut walk = Walk {
        files,
        left: names.iter().map(String::as_str).collect(),
        edge: Edge::empty(),
        in_force: None,
        keys: Vec::new(),
        lines: Vec::new(),
        out: Verified {
            checkpoint: signed.clone(),
            kinds: BTreeMap::new(),
            commits: BTreeMap::new(),
            keys: Vec::new(),
            files: 1,
            notes: Vec::new(),
        },
    };
    walk.left.remove(CHECKPOINT);
    let mut at = 0;
    while let Some(found) = Bundle::of_entry(at, signed.size) {
        walk.bundle(found)?;
        at = found.start() + found.width;
    }
    for (tile, hashes) in walk.edge.partial() {
        walk.tile(tile, &hashes)?;
    }
    if walk.edge.root() != signed.root {
        let what = "the entries do not give its root";
        return Err(damaged(files, CHECKPOINT, what));
    }
    walk.signed_by_the_last_key(note)?;
    walk.rest()?;
    for kept in kept {
        walk.grew_from(kept, &signed)?;
    }
    if let Some(first) = first_key
        && !walk.keys.iter().any(|known| known.key == *first)
    {
        return Err(damaged(
            files,
            CHECKPOINT,
            &format!("the key {} never signed this log", first.to_vkey()),
        ));
    }
    walk.out.keys = walk.keys.iter().map(|known| known.key.to_vkey()).collect();
    Ok(walk.out)
}

impl Walk<'_> {
    fn bundle(&mut self, found: Bundle) -> Result<(), LogError> {
        let entries = bundle(self.files, found)?;
        let mut full = Vec::new();
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for (index, entry) in (found.start()..).zip(&entries) {
            self.entry(index, entry).map_err(|what| {
                damaged(self.files, &found.path(), &format!("entry {index}: {what}"))
            })?;
            self.edge.push(leaf_hash(entry), &mut full);
            encode_entry(entry, &mut bytes)
                .map_err(|error| damaged(self.files, &found.path(), &error.to_string()))?;
            ends.push(bytes.len());
        }
        for (width, end) in (1..).zip(ends) {
            let path = Bundle { width, ..found }.path();
            let expected = bytes.get(..end).unwrap_or_default();
            self.compare(&path, expected, width == found.width)?;
        }
        for (tile, hashes) in full {
            self.tile(tile, &hashes)?;
        }
        Ok(())
    }

    /// Compares a tile and the partial ones before it.
    fn tile(&mut self, tile: Tile, hashes: &[Hash]) -> Result<(), LogError> {
        let bytes = tile_bytes(hashes);
        for (width, end) in (1..=tile.width).zip((1..).map(|count| count * crate::tlog::HASH_BYTES))
        {
            let path = Tile { width, ..tile }.path();
            let expected = bytes.get(..end).unwrap_or_default();
            self.compare(&path, expected, width == tile.width)?;
        }
        Ok(())
    }

    /// Compares a file, if it is there; the full one stands for a partial one.
    fn compare(&mut self, path: &str, expected: &[u8], needed: bool) -> Result<(), LogError> {
        if !self.left.remove(path) {
            if needed && !path.contains(".p/") {
                return Err(damaged(self.files, path, "it is missing"));
            }
            if needed {
                // A writer may have filled it since the checkpoint was read; reading falls back.
                let full = path.split_once(".p/").map_or(path, |(full, _)| full);
                if !self.left.contains(full) {
                    return Err(damaged(self.files, path, "it is missing"));
                }
            }
            return Ok(());
        }
        let found = self.files.read(path, expected.len())?;
        if found.as_deref() != Some(expected) {
            let what = "it does not hold what the entries of the log give";
            return Err(damaged(self.files, path, what));
        }
        self.out.files += 1;
        Ok(())
    }

    fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), String> {
        let entry = Entry::parse(bytes)?;
        let before = self.in_force.as_ref();
        let key_before = before.map_or(&entry.in_force.log_key, |before| &before.log_key);
        let key = if let Record::RotateKey(rotation) = &entry.record {
            let old = Verifier::parse(&rotation.old).map_err(|error| error.to_string())?;
            let new = Verifier::parse(&rotation.new).map_err(|error| error.to_string())?;
            let origin = &self.out.checkpoint.origin;
            let text = open_note(&rotation.note, &old)
                .map_err(|error| format!("the key's rotation: {error}"))?;
            if rotation.old != *key_before
                || text != super::Rotation::text(origin, index, &rotation.new)
                || new.name() != origin
            {
                return Err("it does not rotate the key of this log here".to_owned());
            }
            let from = index + 2;
            self.keys.push(KeyFrom { key: new, from });
            &rotation.new
        } else {
            key_before
        };
        if self.keys.is_empty() {
            let key = Verifier::parse(key).map_err(|error| error.to_string())?;
            if key.name() != self.out.checkpoint.origin {
                return Err("its key is not of this log".to_owned());
            }
            self.keys.push(KeyFrom { key, from: 0 });
        }
        let expected =
            follow(before, index, key, &entry.record).map_err(|error| error.to_string())?;
        if expected != entry.in_force {
            return Err(
                "what it says is in force does not follow from the entry before".to_owned(),
            );
        }
        if let Some(change) = entry.record.change() {
            self.out
                .commits
                .insert(change.commit, change.snapshot.clone());
            self.lines.push(change.line.clone());
        }
        *self.out.kinds.entry(entry.record.kind()).or_default() += 1;
        self.in_force = Some(expected);
        Ok(())
    }

    /// The checkpoint bears the signature of the key that its entries end with.
    fn signed_by_the_last_key(&self, note: &str) -> Result<(), LogError> {
        let Some(last) = self.keys.last() else {
            return Err(damaged(self.files, CHECKPOINT, "the log has no key"));
        };
        open_note(note, &last.key)
            .map(|_| ())
            .map_err(|error| damaged(self.files, CHECKPOINT, &error.to_string()))
    }

    /// What is left must be what an interrupted append left, or the old log.
    fn rest(&mut self) -> Result<(), LogError> {
        let size = self.out.checkpoint.size;
        for path in std::mem::take(&mut self.left) {
            let end = match (Tile::parse(path), Bundle::parse(path)) {
                (Some(tile), _) => u32::from(tile.level)
                    .checked_mul(8)
                    .and_then(|shift| {
                        let hashes = tile
                            .index
                            .checked_mul(TILE_WIDTH)?
                            .checked_add(tile.width)?;
                        hashes.checked_mul(1_u64.checked_shl(shift)?)
                    })
                    .unwrap_or(u64::MAX),
                (None, Some(bundle)) => bundle.start().saturating_add(bundle.width),
                (None, None) => 0,
            };
            if path == MIGRATED {
                self.old_lines()?;
            } else if path == NEW || end > size {
                self.out.notes.push(format!(
                    "{} was left by an append that was interrupted; it was never acknowledged, and the next append writes over it",
                    self.files.name(path)
                ));
            } else {
                let what = "it is no part of the log; it was added";
                return Err(damaged(self.files, path, what));
            }
        }
        Ok(())
    }

    /// The log of the format before holds the lines that its entries name.
    fn old_lines(&mut self) -> Result<(), LogError> {
        let bytes = self
            .files
            .read(MIGRATED, OLD_BYTES_MAX)?
            .unwrap_or_default();
        let digests = line_digests(&bytes);
        let named: Vec<&String> = self.lines.iter().flatten().collect();
        if digests.iter().collect::<Vec<_>>() != named || !bytes.ends_with(b"\n") {
            let what = "its lines are not those that the first entries name";
            return Err(damaged(self.files, MIGRATED, what));
        }
        self.out.files += 1;
        Ok(())
    }

    /// The log grew from a checkpoint that somebody kept.
    fn grew_from(&self, kept: &Kept, signed: &Checkpoint) -> Result<(), LogError> {
        let inconsistent = |what: String| LogError::Inconsistent {
            kept: kept.name.clone(),
            what,
        };
        let mut opened = None;
        for (place, known) in self.keys.iter().enumerate() {
            if let Ok(old) = Checkpoint::open(&kept.note, &known.key) {
                let until = self.keys.get(place + 1).map_or(u64::MAX, |next| next.from);
                if old.size >= known.from.saturating_sub(1) && old.size < until {
                    opened = Some(old);
                }
            }
        }
        let old = opened.ok_or_else(|| {
            inconsistent("it is not signed by the key that this log had at its size".to_owned())
        })?;
        if old.size > signed.size {
            return Err(inconsistent(format!(
                "it has {} entries, and the log {}: entries were removed",
                old.size, signed.size
            )));
        }
        let tiles = FileTiles(self.files);
        let proof = Tree::new(&tiles, signed.size)
            .consistency(old.size)
            .map_err(|error: TileError| error.in_log(self.files))?;
        verify_consistency(&proof, old.size, old.root, signed.size, signed.root)
            .map_err(|error| inconsistent(format!("the proof between them fails: {error}")))
    }
}
