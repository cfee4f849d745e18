//! What supervisor and worker say to each other, and how it is framed: four bytes of length, lowest
//! first, then the message in postcard's encoding.
//!
//! Both ends are the same program, so nothing here is a format that lasts. A message that does not
//! decode ends the conversation.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Canaries;
use crate::read::ColumnInfo;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::SplitCounts;

use super::FileScan;
use super::Scanned;
use super::SnapshotFacts;
use super::WorkerLimits;

/// Longest message. Chosen: what a batch may come to is bounded far below it; a split of 10^9 rows
/// sends 125 MB of bits.
const MESSAGE_BYTES_MAX: u32 = 1 << 30;

/// What the supervisor asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Open the snapshot; always the first one.
    Open(OpenRequest),
    /// Scan an input.
    Scan(WireInput, ReadOptions),
    /// Divide an input.
    Split(WireInput, ReadOptions, WireSplit),
}

/// What to open, and how to scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenRequest {
    pub(super) index: WirePath,
    pub(super) snapshot: Option<(WirePath, String)>,
    pub(super) threads: usize,
    pub(super) minimum: f64,
    pub(super) limits: WorkerLimits,
    pub(super) sketches: bool,
}

impl OpenRequest {
    /// The folder of the index.
    pub fn index(&self) -> PathBuf {
        self.index.to_path()
    }

    /// A snapshot that travelled, with the digest that it must have; else the one that the log's
    /// head names.
    pub fn snapshot(&self) -> Option<(PathBuf, &str)> {
        let (path, digest) = self.snapshot.as_ref()?;
        Some((path.to_path(), digest))
    }
}

/// What the worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The snapshot is open and verified.
    Opened(Box<Opening>),
    /// It is not, and why.
    Refused(String),
    /// Stored bytes of the input consumed so far.
    Progress(u64),
    /// What the next batch came to.
    Batch(Box<Scanned>),
    /// The input is scanned.
    Scanned(Box<WireScan>),
    /// The input is divided, or not, and why.
    Divided(Result<SplitCounts, WireError>),
}

/// What opening came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) facts: SnapshotFacts,
    pub(super) cost: OpenCost,
}

/// What opening a snapshot took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCost {
    /// Milliseconds of verifying signature and files.
    pub verify_ms: u64,
    /// Files verified.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of filters held in memory.
    pub filter_bytes: u64,
}

/// A path, whatever bytes it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WirePath(Vec<u8>);

impl WirePath {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }

    pub(super) fn to_path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0.clone()))
    }

    pub(super) fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

/// An input. Standard input is the worker's own: its supervisor put a file there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireInput {
    pub(super) name: Arc<str>,
    pub(super) path: Option<WirePath>,
}

impl WireInput {
    pub(super) fn of(input: &InputPath) -> Self {
        Self {
            name: Arc::clone(&input.name),
            path: input.path.as_deref().map(WirePath::new),
        }
    }
}

/// A split.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireSplit {
    pub(super) sha256: String,
    pub(super) quarantined: Vec<u64>,
    pub(super) clean: WirePath,
    pub(super) quarantine: WirePath,
}

/// An error of a reader, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireError {
    message: String,
    remedy: Option<String>,
}

impl WireError {
    pub(super) fn of(error: &ReadError) -> Self {
        Self {
            message: error.to_string(),
            remedy: error.remedy().map(str::to_owned),
        }
    }

    pub(super) fn into_error(self, path: &Arc<str>) -> ReadError {
        ReadError::Told {
            path: Arc::clone(path),
            message: self.message,
            remedy: self.remedy,
        }
    }
}

/// The account of a scan.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireScan {
    format: Option<String>,
    sha256: Option<String>,
    bytes: u64,
    rows: u64,
    row_errors: u64,
    rows_declared: Option<u64>,
    columns: Vec<ColumnInfo>,
    model_columns: Vec<Arc<str>>,
    error: Option<WireError>,
    exempt_unused: Vec<String>,
    failed: Option<String>,
    canaries: Canaries,
}

impl WireScan {
    pub(super) fn of(scan: FileScan) -> Self {
        let FileScan {
            read,
            failed,
            canaries,
        } = scan;
        Self {
            format: read.format,
            sha256: read.sha256,
            bytes: read.bytes,
            rows: read.rows,
            row_errors: read.row_errors,
            rows_declared: read.rows_declared,
            columns: read.columns,
            model_columns: read.model_columns,
            error: read.error.as_ref().map(WireError::of),
            exempt_unused: read.exempt_unused,
            failed,
            canaries,
        }
    }

    pub(super) fn into_scan(self, path: &Arc<str>) -> FileScan {
        let read = FileRead {
            format: self.format,
            sha256: self.sha256,
            bytes: self.bytes,
            rows: self.rows,
            row_errors: self.row_errors,
            rows_declared: self.rows_declared,
            columns: self.columns,
            model_columns: self.model_columns,
            error: self.error.map(|error| error.into_error(path)),
            exempt_unused: self.exempt_unused,
        };
        FileScan {
            read,
            failed: self.failed,
            canaries: self.canaries,
        }
    }
}

/// Writes one message; the caller flushes.
pub(super) fn send<M: Serialize>(out: &mut impl Write, message: &M) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let too_long = || io::Error::other("a message is longer than messages may be");
    let length = u32::try_from(bytes.len()).map_err(|_| too_long())?;
    if length > MESSAGE_BYTES_MAX {
        return Err(too_long());
    }
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)
}

/// Reads one message; none at the end of the conversation, which may only be between two.
pub(super) fn receive<M: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while let Some(rest) = length.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(length);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::other("a message is longer than messages may be"));
    }
    let mut bytes = Vec::new();
    let read = input.take(u64::from(length)).read_to_end(&mut bytes)?;
    if read as u64 != u64::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(io::Error::other)
}
