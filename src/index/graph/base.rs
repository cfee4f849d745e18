//! A file of numbered rows that is written once: whoever reads a row reads its chunk, and no chunk is
//! believed before its digest was compared.
//!
//! | part | bytes |
//! |---|---|
//! | chunks | one behind the other; each: where its rows end, 4 bytes a row, then the rows |
//! | directory | for every section the number of chunks, 4 bytes; of each chunk number of the first row 8, rows 4, place in the file 8, length 4, BLAKE3 32 |
//!
//! Numbers are big-endian. Length and digest of the directory stand in the list of the graph's files.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::Serialize;

use super::StoreError;
use crate::index::bytes::Cursor;
use crate::index::bytes::Malformed;

/// Bytes of rows after which a chunk ends. Chosen: read and verified in some ten microseconds, and
/// a thousand small nodes with it.
const CHUNK_BYTES: usize = 32 << 10;
/// Sections of a file.
const SECTIONS: usize = 4;

/// What rows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Nodes, by number.
    Nodes,
    /// Numbers of nodes, in the order in which the nodes are written.
    Names,
    /// Edges that go out from a node, by its number.
    Out,
    /// Edges that come in to a node, by its number.
    In,
}

/// Which file, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BaseFile {
    /// Name within the folder of the view.
    pub(super) name: String,
    /// Bytes, the directory included.
    pub(super) bytes: u64,
    /// Bytes of the directory, which is the end of the file.
    pub(super) directory: u64,
    /// BLAKE3 of the directory, hex.
    pub(super) digest: String,
}

#[derive(Debug)]
struct Chunk {
    first: u64,
    rows: u32,
    at: u64,
    bytes: u32,
    digest: [u8; blake3::OUT_LEN],
    read: OnceLock<Box<[u8]>>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Base {
    file: File,
    path: String,
    sections: [Vec<Chunk>; SECTIONS],
}

impl Base {
    /// Opens the file and verifies its directory.
    pub(super) fn open(folder: &Path, known: &BaseFile) -> Result<Self, StoreError> {
        let path = folder.join(&known.name);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let bytes = file
            .metadata()
            .map_err(StoreError::io("look at", &path))?
            .len();
        let at = path.display().to_string();
        let start = known.bytes.checked_sub(known.directory);
        let (Some(start), true) = (start, bytes == known.bytes) else {
            let what = format!("it has {bytes} bytes instead of {}", known.bytes);
            return Err(StoreError::corrupt(what, at));
        };
        let directory = read_at(&file, &path, start, known.directory)?;
        if blake3::hash(&directory).to_hex().as_str() != known.digest {
            return Err(StoreError::corrupt("its directory was changed", at));
        }
        let sections = sections(&directory).map_err(|bad| bad.at(&at))?;
        Ok(Self {
            file,
            path: at,
            sections,
        })
    }

    fn chunks(&self, section: Section) -> &[Chunk] {
        self.sections
            .get(section as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// How many rows a section has.
    pub(super) fn rows(&self, section: Section) -> u64 {
        self.chunks(section)
            .last()
            .map_or(0, |chunk| chunk.first + u64::from(chunk.rows))
    }

    /// A row by its number, counted from 0.
    pub(super) fn row(&self, section: Section, number: u64) -> Result<&[u8], StoreError> {
        let chunks = self.chunks(section);
        let behind = chunks.partition_point(|chunk| chunk.first <= number);
        let chunk = behind
            .checked_sub(1)
            .and_then(|place| chunks.get(place))
            .ok_or_else(|| self.missing(number))?;
        let bytes = self.read(chunk)?;
        let place = usize::try_from(number - chunk.first).unwrap_or(usize::MAX);
        in_chunk(bytes, chunk.rows, place).ok_or_else(|| self.missing(number))
    }

    fn missing(&self, number: u64) -> StoreError {
        StoreError::corrupt(format!("row {number} is not there"), &self.path)
    }

    /// The bytes of a chunk, verified.
    fn read<'c>(&self, chunk: &'c Chunk) -> Result<&'c [u8], StoreError> {
        if let Some(bytes) = chunk.read.get() {
            return Ok(bytes);
        }
        let bytes = read_at(&self.file, &self.path, chunk.at, chunk.bytes.into())?;
        if *blake3::hash(&bytes).as_bytes() != chunk.digest {
            let what = format!("{} bytes from {} on were changed", chunk.bytes, chunk.at);
            return Err(StoreError::corrupt(what, &self.path));
        }
        // Another thread may have been faster: both read the same.
        Ok(chunk.read.get_or_init(|| bytes))
    }

    /// Reads every chunk.
    pub(super) fn verify(&self) -> Result<(), StoreError> {
        self.sections
            .iter()
            .flatten()
            .try_for_each(|chunk| self.read(chunk).map(drop))
    }
}

fn read_at(
    file: &File,
    path: impl AsRef<Path>,
    at: u64,
    bytes: u64,
) -> Result<Box<[u8]>, StoreError> {
    let path = path.as_ref();
    let bytes = usize::try_from(bytes).map_err(|_| {
        StoreError::corrupt("a part is larger than memory", path.display().to_string())
    })?;
    let mut out = vec![0; bytes];
    file.read_exact_at(&mut out, at)
        .map_err(StoreError::io("read", path))?;
    Ok(out.into_boxed_slice())
}

/// A count as an index; past every end where it does not fit.
fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A row of a chunk; `None` where the chunk is none.
fn in_chunk(bytes: &[u8], rows: u32, place: usize) -> Option<&[u8]> {
    let rows = size(rows);
    let (ends, data) = bytes.split_at_checked(rows.checked_mul(4)?)?;
    let (ends, _) = ends.as_chunks::<4>();
    let end_of = |place: usize| ends.get(place).map(|end| size(u32::from_be_bytes(*end)));
    let start = match place.checked_sub(1) {
        Some(before) => end_of(before)?,
        None => 0,
    };
    data.get(start..end_of(place)?)
}

fn sections(directory: &[u8]) -> Result<[Vec<Chunk>; SECTIONS], Malformed> {
    const WHAT: &str = "the directory is not one";
    let mut cursor = Cursor::new(directory);
    let mut out = [const { Vec::new() }; SECTIONS];
    for section in &mut out {
        let mut next = 0;
        for _ in 0..cursor.u32(WHAT)? {
            let chunk = Chunk {
                first: cursor.u64(WHAT)?,
                rows: cursor.u32(WHAT)?,
                at: cursor.u64(WHAT)?,
                bytes: cursor.u32(WHAT)?,
                digest: cursor.array(WHAT)?,
                read: OnceLock::new(),
            };
            if chunk.first != next {
                return Err(Malformed(WHAT));
            }
            next += u64::from(chunk.rows);
            section.push(chunk);
        }
    }
    cursor.end(WHAT)?;
    Ok(out)
}

/// Writes a file, section after section, each row after row.
pub(super) struct BaseWriter {
    out: BufWriter<tempfile::NamedTempFile>,
    at: u64,
    /// Of each section, the first row that is not in a chunk yet, and its chunks.
    chunks: [Vec<Chunk>; SECTIONS],
    section: Section,
    next: u64,
    ends: Vec<u32>,
    rows: Vec<u8>,
}

impl BaseWriter {
    /// Begins a file in `folder`, under a name that no other has.
    pub(super) fn create(folder: &Path) -> Result<Self, StoreError> {
        let file = tempfile::Builder::new()
            .prefix("base-")
            .tempfile_in(folder)
            .map_err(StoreError::io("create a file in", folder))?;
        Ok(Self {
            out: BufWriter::new(file),
            at: 0,
            chunks: [const { Vec::new() }; SECTIONS],
            section: Section::Nodes,
            next: 0,
            ends: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// The rows that follow are of this section, from number 0 on.
    pub(super) fn begin(&mut self, section: Section) -> Result<(), StoreError> {
        self.end_chunk()?;
        self.section = section;
        self.next = 0;
        Ok(())
    }

    /// The next row.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), StoreError> {
        self.rows.extend_from_slice(row);
        self.ends.push(limited(self.rows.len())?);
        if self.rows.len() + 4 * self.ends.len() >= CHUNK_BYTES {
            self.end_chunk()?;
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), StoreError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let ends = std::mem::take(&mut self.ends);
        let mut bytes: Vec<u8> = ends.iter().flat_map(|end| end.to_be_bytes()).collect();
        bytes.append(&mut self.rows);
        let rows = limited(ends.len())?;
        let chunk = Chunk {
            first: self.next,
            rows,
            at: self.at,
            bytes: limited(bytes.len())?,
            digest: *blake3::hash(&bytes).as_bytes(),
            read: OnceLock::new(),
        };
        self.write(&bytes)?;
        self.next += u64::from(rows);
        if let Some(chunks) = self.chunks.get_mut(self.section as usize) {
            chunks.push(chunk);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.out
            .write_all(bytes)
            .map_err(StoreError::io("write", self.out.get_ref().path()))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes the directory. Durable once this returns.
    pub(super) fn finish(mut self) -> Result<BaseFile, StoreError> {
        self.end_chunk()?;
        let mut directory = Vec::new();
        for chunks in std::mem::take(&mut self.chunks) {
            directory.extend(limited(chunks.len())?.to_be_bytes());
            for chunk in chunks {
                directory.extend(chunk.first.to_be_bytes());
                directory.extend(chunk.rows.to_be_bytes());
                directory.extend(chunk.at.to_be_bytes());
                directory.extend(chunk.bytes.to_be_bytes());
                directory.extend(chunk.digest);
            }
        }
        self.write(&directory)?;
        let bytes = self.at;
        let path = self.out.get_ref().path().to_path_buf();
        let file = self
            .out
            .into_inner()
            .map_err(|error| StoreError::io("write", &path)(error.into_error()))?;
        // Whoever opens it compares only what is asked for, so a crash must not have cut it short.
        file.as_file()
            .sync_all()
            .map_err(StoreError::io("make durable", &path))?;
        let (_, path) = file
            .keep()
            .map_err(|error| StoreError::io("keep", &path)(error.error))?;
        let name = path.file_name().unwrap_or_default();
        Ok(BaseFile {
            name: name.to_string_lossy().into_owned(),
            bytes,
            directory: directory.len() as u64,
            digest: blake3::hash(&directory).to_hex().to_string(),
        })
    }
}

/// A length or count as the file has it.
fn limited(count: usize) -> Result<u32, StoreError> {
    u32::try_from(count).map_err(|_| StoreError::Limit {
        what: format!(
            "a node of the lineage graph has more than {} bytes of edges",
            u32::MAX
        ),
    })
}
