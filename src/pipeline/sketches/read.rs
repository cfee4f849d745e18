//! Reading the file of a check's sketches.
//!
//! [`SketchFile::open`] compares every byte with the digest that the log names before it believes
//! one; what is read after that is checked all the same.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Seek as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;

use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::codec::BatchSketch;
use super::error::SketchError;
use super::error::damaged;
use super::error::io_error;
use super::layout::ACCOUNT;
use super::layout::BATCH;
use super::layout::END;
use super::layout::FRAME_BYTES_MAX;
use super::layout::HEAD;
use super::layout::MAGIC;
use super::layout::path_of;
use super::told::Account;
use super::told::BatchTold;
use super::told::Head;
use super::told::InputNamed;
use super::told::untold;
use crate::index::Compat;
use crate::index::IndexDir;

/// Bytes read at a time. Chosen.
const BUFFER_BYTES: usize = 1 << 18;

/// What stands next in a file.
pub(super) enum Next {
    /// A batch, its units still packed.
    Batch(Box<Scanned>, BatchSketch),
    /// The end of the input.
    Account(Box<FileScan>),
    /// The end of the file.
    End,
}

/// A file of sketches, verified.
#[derive(Debug)]
pub struct SketchFile {
    path: PathBuf,
    input: BufReader<File>,
    head: Head,
    /// The digest of each input that was opened, in order; `None` for one that was not read to its
    /// end.
    contents: Vec<Option<String>>,
}

impl SketchFile {
    /// Opens the file that a log entry names by its digest: every byte is compared with it, and the
    /// recipe with that of this program and this index.
    pub fn open(dir: &IndexDir, digest: &str, compat: &Compat) -> Result<Self, SketchError> {
        let path = path_of(&dir.sketches(), digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SketchError::Missing {
                    path: path.display().to_string(),
                });
            }
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        let mut frames = Frames::new(BufReader::with_capacity(BUFFER_BYTES, file), &path);
        let found = frames.walk_whole();
        let (input, found_digest) = (frames.input, hex::encode(frames.sha.finalize()));
        if found_digest != digest {
            // Where it broke off says less than that it is not what it was.
            let what = match found {
                Err(error @ SketchError::Io { .. }) => return Err(error),
                Ok(_) | Err(_) => "its bytes have another digest".to_owned(),
            };
            return Err(damaged(&path, what));
        }
        let (head, contents) = found?;
        if let Some(what) = head.foreign(compat) {
            return Err(SketchError::Foreign {
                path: path.display().to_string(),
                what,
            });
        }
        let opened = head.inputs.iter().filter(|input| input.error.is_none());
        if opened.count() != contents.len() {
            let what = "it has not every input that it names".to_owned();
            return Err(damaged(&path, what));
        }
        let mut file = Self {
            path,
            input,
            head,
            contents,
        };
        file.rewind()?;
        Ok(file)
    }

    /// The inputs of the check, in order.
    pub fn inputs(&self) -> &[InputNamed] {
        &self.head.inputs
    }

    /// What deciding again needs beside the inputs, as the caller gave it.
    pub fn about(&self) -> &serde_json::Value {
        &self.head.about
    }

    /// Digests of the inputs that could be opened, in order.
    pub(super) fn contents(&self) -> &[Option<String>] {
        &self.contents
    }

    /// Back to the first batch.
    fn rewind(&mut self) -> Result<(), SketchError> {
        let rewound = self.input.rewind();
        rewound.map_err(io_error("read", &self.path))?;
        let mut magic = [0; MAGIC.len()];
        let read = self.input.read_exact(&mut magic);
        read.map_err(io_error("read", &self.path))?;
        read_frame(&mut self.input, &self.path).map(drop)
    }

    /// What stands next; `name` is that of the input in hand.
    pub(super) fn next(&mut self, name: &Arc<str>) -> Result<Next, SketchError> {
        let (kind, bytes) = read_frame(&mut self.input, &self.path)?;
        let wrong = |what: String| damaged(&self.path, what);
        match kind {
            BATCH => {
                let (length, rest) = bytes
                    .split_first_chunk()
                    .ok_or_else(|| wrong("a batch ends early".to_owned()))?;
                let length = u32::from_le_bytes(*length) as usize;
                let (told, packed) = rest
                    .split_at_checked(length)
                    .ok_or_else(|| wrong("a batch ends early".to_owned()))?;
                let batch: BatchTold = untold(told).map_err(wrong)?;
                let sketch = BatchSketch {
                    columns: batch.unit_columns(),
                    packed: packed.to_vec(),
                };
                Ok(Next::Batch(Box::new(batch.into_scanned()), sketch))
            }
            ACCOUNT => {
                let account: Account = untold(&bytes).map_err(wrong)?;
                Ok(Next::Account(Box::new(account.into_scan(name))))
            }
            END => Ok(Next::End),
            _ => Err(wrong("a frame is of no known kind".to_owned())),
        }
    }

    /// An error that names this file.
    pub(super) fn damaged(&self, what: String) -> SketchError {
        damaged(&self.path, what)
    }
}

/// One frame: its kind and its bytes.
fn read_frame(input: &mut impl io::Read, path: &Path) -> Result<(u8, Vec<u8>), SketchError> {
    let (kind, length) = frame_begins(input, path)?;
    let mut bytes = Vec::new();
    let read = input.take(u64::from(length)).read_to_end(&mut bytes);
    let read = read.map_err(io_error("read", path))?;
    if read as u64 != u64::from(length) {
        return Err(damaged(path, "it ends early".to_owned()));
    }
    Ok((kind, bytes))
}

fn frame_begins(input: &mut impl io::Read, path: &Path) -> Result<(u8, u32), SketchError> {
    let mut begin = [0; 5];
    input.read_exact(&mut begin).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            damaged(path, "it ends early".to_owned())
        } else {
            io_error("read", path)(error)
        }
    })?;
    let [kind, a, b, c, d] = begin;
    let length = u32::from_le_bytes([a, b, c, d]);
    if length > FRAME_BYTES_MAX {
        let what = format!("a frame has more than {FRAME_BYTES_MAX} bytes");
        return Err(damaged(path, what));
    }
    Ok((kind, length))
}

/// Reads a file once from end to end, and its digest with it.
struct Frames<'p> {
    input: BufReader<File>,
    path: &'p Path,
    sha: Sha256,
}

impl<'p> Frames<'p> {
    fn new(input: BufReader<File>, path: &'p Path) -> Self {
        Self {
            input,
            path,
            sha: Sha256::new(),
        }
    }

    /// The head, and the digests of the inputs in their accounts. Whatever is found, every byte of
    /// the file goes into the digest.
    fn walk_whole(&mut self) -> Result<(Head, Vec<Option<String>>), SketchError> {
        let found = self.walk();
        let rest = io::copy(self, &mut io::sink());
        rest.map_err(io_error("read", self.path))?;
        found
    }

    fn walk(&mut self) -> Result<(Head, Vec<Option<String>>), SketchError> {
        let path = self.path;
        let wrong = |what: &str| damaged(path, what.to_owned());
        let mut magic = [0; MAGIC.len()];
        let begins = self.read_exact(&mut magic);
        if begins.is_err() || &magic != MAGIC {
            return Err(wrong("it is no file of sketches"));
        }
        let (kind, bytes) = read_frame(self, path)?;
        if kind != HEAD {
            return Err(wrong("it has no head"));
        }
        let head: Head = untold(&bytes).map_err(|what| damaged(path, what))?;
        let mut contents = Vec::new();
        loop {
            let (kind, length) = frame_begins(self, path)?;
            match kind {
                BATCH => {
                    let skipped = io::copy(&mut self.take(u64::from(length)), &mut io::sink());
                    if skipped.map_err(io_error("read", path))? != u64::from(length) {
                        return Err(wrong("it ends early"));
                    }
                }
                ACCOUNT => {
                    let mut bytes = Vec::new();
                    let read = self.take(u64::from(length)).read_to_end(&mut bytes);
                    read.map_err(io_error("read", path))?;
                    let account: Account = untold(&bytes).map_err(|what| damaged(path, what))?;
                    contents.push(account.sha256);
                }
                END if length == 0 => break,
                _ => return Err(wrong("a frame is of no known kind")),
            }
        }
        if self.read(&mut [0]).map_err(io_error("read", path))? != 0 {
            return Err(wrong("something follows its end"));
        }
        Ok((head, contents))
    }
}

impl io::Read for Frames<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.sha.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
