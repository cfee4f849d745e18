//! The files of the log: reading them bounded, writing them so that a crash leaves whole ones.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use super::LogError;
use crate::index::StoreError;
use crate::index::layout::sync_dir;
use crate::tlog::Bundle;
use crate::tlog::ENTRY_BYTES_MAX;
use crate::tlog::EdgeError;
use crate::tlog::HASH_BYTES;
use crate::tlog::Hash;
use crate::tlog::NOTE_BYTES_MAX;
use crate::tlog::TILE_WIDTH;
use crate::tlog::Tile;
use crate::tlog::Tiles;
use crate::tlog::TreeError;

/// The signed head.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// A file that is being written; renamed when it is durable.
pub(super) const NEW: &str = ".new";
/// The log of the format before, once its lines stand in this one.
pub(super) const MIGRATED: &str = "audit.jsonl.migrated";

/// Largest bundle: full of entries of the largest size. Follows from the format.
const BUNDLE_BYTES_MAX: usize = 256 * (ENTRY_BYTES_MAX + 2);

/// Where the files of a log come from.
pub(super) trait Files {
    /// The bytes of a file by its path in the log; `None` where there is no such file. One larger
    /// than `bytes_max` is refused.
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError>;

    /// How a file is named to people.
    fn name(&self, path: &str) -> String;
}

/// The folder of a log.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes files durably, in the order given, each in one step; then the names of all of them.
    pub(super) fn write(&self, files: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut dirs = BTreeSet::new();
        for (path, bytes) in files {
            let target = self.root.join(path);
            let dir = target.parent().unwrap_or(&self.root).to_path_buf();
            self.make_dirs(&dir, &mut dirs)?;
            let new = self.root.join(NEW);
            let mut file = File::create(&new).map_err(StoreError::io("create", &new))?;
            file.write_all(bytes)
                .map_err(StoreError::io("write", &new))?;
            file.sync_all()
                .map_err(StoreError::io("make durable", &new))?;
            fs::rename(&new, &target).map_err(StoreError::io("name", &target))?;
            dirs.insert(dir);
        }
        for dir in dirs {
            sync_dir(&dir)?;
        }
        Ok(())
    }

    /// Makes a directory and those above it; each that gained one is to be made durable.
    fn make_dirs(&self, dir: &Path, dirs: &mut BTreeSet<PathBuf>) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        let mut at = dir;
        while at != self.root && !at.try_exists().map_err(StoreError::io("look for", at))? {
            missing.push(at);
            at = at.parent().unwrap_or(&self.root);
        }
        for made in missing.into_iter().rev() {
            fs::create_dir(made).map_err(StoreError::io("create the directory", made))?;
            dirs.insert(made.parent().unwrap_or(&self.root).to_path_buf());
            dirs.insert(made.to_path_buf());
        }
        Ok(())
    }

    /// Removes the partial files of a tile or bundle that is full now.
    pub(super) fn remove_partial(&self, full: &str) -> Result<(), StoreError> {
        let dir = self.root.join(format!("{full}.p"));
        match fs::remove_dir_all(&dir) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("remove", &dir)(error)),
        }
    }

    /// Every file in the folder by its path, sorted; refuses what is neither file nor directory.
    pub(super) fn list(&self) -> Result<Vec<String>, LogError> {
        let mut out = Vec::new();
        let mut open = vec![(self.root.clone(), String::new())];
        while let Some((dir, prefix)) = open.pop() {
            for entry in fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
                let entry = entry.map_err(StoreError::io("list", &dir))?;
                let at = entry.path();
                let damaged = |what: &str| LogError::Damaged {
                    path: at.display().to_string(),
                    what: what.to_owned(),
                };
                let Ok(name) = entry.file_name().into_string() else {
                    return Err(damaged("a file name that is not UTF-8"));
                };
                let meta = fs::symlink_metadata(&at).map_err(StoreError::io("look at", &at))?;
                let path = format!("{prefix}{name}");
                if meta.is_dir() {
                    open.push((at, format!("{path}/")));
                } else if meta.is_file() {
                    out.push(path);
                } else {
                    return Err(damaged("it is neither a plain file nor a directory"));
                }
            }
        }
        out.sort_unstable();
        Ok(out)
    }
}

impl Files for Folder {
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError> {
        let at = self.root.join(path);
        let file = match File::open(&at) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", &at)(error).into()),
        };
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(StoreError::io("read", &at))?;
        if bytes.len() > bytes_max {
            return Err(LogError::Damaged {
                path: at.display().to_string(),
                what: format!("it is larger than {bytes_max} bytes"),
            });
        }
        Ok(Some(bytes))
    }

    fn name(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }
}

/// The signed checkpoint as text; `None` where there is none.
pub(super) fn note(files: &dyn Files) -> Result<Option<String>, LogError> {
    let Some(bytes) = files.read(CHECKPOINT, NOTE_BYTES_MAX)? else {
        return Ok(None);
    };
    match String::from_utf8(bytes) {
        Ok(note) => Ok(Some(note)),
        Err(_) => Err(damaged(files, CHECKPOINT, "it is not UTF-8")),
    }
}

/// The bytes of a bundle, cut out of the full one where the partial one is gone.
pub(super) fn bundle(files: &dyn Files, bundle: Bundle) -> Result<Vec<Vec<u8>>, LogError> {
    let path = bundle.path();
    let full = Bundle {
        width: TILE_WIDTH,
        ..bundle
    };
    let (path, bytes, width) = match files.read(&path, BUNDLE_BYTES_MAX)? {
        Some(bytes) => (path, bytes, bundle.width),
        None => match files.read(&full.path(), BUNDLE_BYTES_MAX)? {
            Some(bytes) => (full.path(), bytes, TILE_WIDTH),
            None => return Err(damaged(files, &path, "it is missing")),
        },
    };
    let entries = crate::tlog::decode_bundle(&bytes, width)
        .map_err(|error| damaged(files, &path, &error.to_string()))?;
    let kept = usize::try_from(bundle.width).unwrap_or(usize::MAX);
    Ok(entries.into_iter().take(kept).map(<[u8]>::to_vec).collect())
}

/// Bytes of a tile's file.
pub(super) fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

pub(super) fn damaged(files: &dyn Files, path: &str, what: &str) -> LogError {
    LogError::Damaged {
        path: files.name(path),
        what: what.to_owned(),
    }
}

/// Tiles out of files.
pub(super) struct FileTiles<'f>(pub(super) &'f dyn Files);

/// What reading a tile fails with, with the name of the log still to be added.
#[derive(Debug)]
pub(super) enum TileError {
    Log(LogError),
    Tree(TreeError),
    Edge(EdgeError),
}

impl From<TreeError> for TileError {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

impl From<EdgeError> for TileError {
    fn from(error: EdgeError) -> Self {
        Self::Edge(error)
    }
}

impl TileError {
    pub(super) fn in_log(self, files: &dyn Files) -> LogError {
        match self {
            Self::Log(error) => error,
            Self::Tree(error) => damaged(files, CHECKPOINT, &error.to_string()),
            Self::Edge(error) => damaged(files, CHECKPOINT, &error.to_string()),
        }
    }
}

impl Tiles for FileTiles<'_> {
    type Error = TileError;

    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, TileError> {
        let max = usize::try_from(TILE_WIDTH).unwrap_or(usize::MAX) * HASH_BYTES;
        let full = Tile {
            width: TILE_WIDTH,
            ..tile
        };
        let read = |path: &str| self.0.read(path, max).map_err(TileError::Log);
        let missing = |what: &str| TileError::Log(damaged(self.0, &tile.path(), what));
        let (bytes, width) = match read(&tile.path())? {
            Some(bytes) => (bytes, tile.width),
            None => match read(&full.path())? {
                Some(bytes) => (bytes, TILE_WIDTH),
                None => return Err(missing("it is missing")),
            },
        };
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.len() as u64 != width || !rest.is_empty() {
            return Err(missing(&format!("it does not hold {width} hashes")));
        }
        let kept = usize::try_from(tile.width).unwrap_or(usize::MAX);
        Ok(hashes.iter().take(kept).map(|bytes| Hash(*bytes)).collect())
    }
}
