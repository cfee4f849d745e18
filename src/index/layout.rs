//! Where the parts of an index stand on disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use super::StoreError;
use super::defects::Defect;
use super::defects::seeded;

/// The directory of an index and the directory of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDir {
    root: PathBuf,
    keys: PathBuf,
}

impl IndexDir {
    /// An index in `root`; its keys in `keys`, or in `root/keys` when none is given
    /// (`$HERDBOOK_KEYS` is read by the caller).
    pub fn new(root: impl Into<PathBuf>, keys: Option<PathBuf>) -> Self {
        let root = root.into();
        let keys = keys.unwrap_or_else(|| root.join("keys"));
        Self { root, keys }
    }

    /// The index directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The live database; only the writer opens it.
    pub fn db(&self) -> PathBuf {
        self.root.join("db")
    }

    /// The filter files of the live segments.
    pub fn filters(&self) -> PathBuf {
        self.root.join("filters")
    }

    /// The sealed snapshots.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// One sealed snapshot.
    pub fn snapshot(&self, seq: u64) -> PathBuf {
        self.snapshots().join(format!("{seq:010}"))
    }

    /// The folder of the audit log, apart from the database so that one fault cannot take both.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The audit log of the format before, until it is moved into the folder's tree.
    pub fn old_log(&self) -> PathBuf {
        self.log().join("audit.jsonl")
    }

    /// The lineage graph: a view of what log and snapshots say, made anew where it is lost.
    pub fn graph(&self) -> PathBuf {
        self.root.join("graph")
    }

    /// Held locked while the view is brought up to date, and shared while it is read.
    pub fn graph_lock(&self) -> PathBuf {
        self.root.join("graph.lock")
    }

    /// Verdicts of checks, each under the digest by which the log names it.
    pub fn verdicts(&self) -> PathBuf {
        self.root.join("verdicts")
    }

    /// Worklists of incidents, each under the digest by which the log names it.
    pub fn worklists(&self) -> PathBuf {
        self.root.join("worklists")
    }

    /// Kept sketches of checked inputs, each file under the digest by which the log names it.
    pub fn sketches(&self) -> PathBuf {
        self.root.join("sketches")
    }

    /// Held locked while entries are appended to the log.
    pub fn log_lock(&self) -> PathBuf {
        self.root.join("log.lock")
    }

    /// Scratch space on the same file system; emptied at every open for writing.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Key files.
    pub fn keys(&self) -> &Path {
        &self.keys
    }

    /// Held locked by the one writer.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Present while `init` has not finished.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("init-unfinished")
    }
}

/// What the name of a filter file ends with.
pub const FILTER_SUFFIX: &str = ".filter";

/// Name of the filter file of a segment, in `filters/` and in a snapshot's `filters/`.
pub fn filter_name(segment: u32) -> String {
    format!("{segment:010}{FILTER_SUFFIX}")
}

/// Makes the entries of a directory durable.
pub fn sync_dir(path: &Path) -> Result<(), StoreError> {
    if seeded(Defect::DirectoryNotSynced) {
        return Ok(());
    }
    let dir = File::open(path).map_err(StoreError::io("open the directory", path))?;
    dir.sync_all()
        .map_err(StoreError::io("make durable the directory", path))
}

/// Writes a new file durably; refuses to replace one.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = File::create_new(path).map_err(StoreError::io("create", path))?;
    file.write_all(bytes)
        .map_err(StoreError::io("write", path))?;
    if seeded(Defect::SyncOff) {
        return Ok(());
    }
    file.sync_all()
        .map_err(StoreError::io("make durable", path))
}
