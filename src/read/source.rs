//! One opened input: the same descriptor is read, hashed, and compared before and after.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use flate2::bufread::MultiGzDecoder;
use sha2::Digest;
use sha2::Sha256;

use super::error::ReadError;
use super::format::Compression;
use super::input::InputPath;
use super::limits::IO_BYTES;
use super::limits::Limits;
use super::limits::PEEK_BYTES;
use super::limits::ZSTD_WINDOW_LOG_MAX;

/// Receives the number of stored bytes consumed so far.
pub(super) type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// An opened file.
#[derive(Debug)]
pub(super) struct Source {
    name: Arc<str>,
    path: Option<PathBuf>,
    file: Arc<File>,
    before: Stamp,
}

/// What must not change while a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// Unlike the time of modification nobody can set this one back.
    status_changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            status_changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Source {
    pub(super) fn open(input: &InputPath) -> Result<Self, ReadError> {
        let io = |source: io::Error| {
            let path = Arc::clone(&input.name);
            if source.kind() == io::ErrorKind::NotFound {
                ReadError::NotFound { path }
            } else {
                ReadError::Io { path, source }
            }
        };
        let file = match &input.path {
            Some(path) => {
                // Opening a pipe without a writer would wait for ever.
                if !std::fs::metadata(path).map_err(io)?.is_file() {
                    return Err(ReadError::Unsupported {
                        path: Arc::clone(&input.name),
                        what: "not a regular file".to_owned(),
                        remedy: "Name a regular file, or pipe the data into `-`".to_owned(),
                    });
                }
                Arc::new(File::open(path).map_err(io)?)
            }
            None => input.spooled()?,
        };
        let before = Stamp::of(&file.metadata().map_err(io)?);
        Ok(Self {
            name: Arc::clone(&input.name),
            path: input.path.clone(),
            file,
            before,
        })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Length when opened, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.before.len
    }

    pub(super) fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: Arc::clone(&self.name),
            source,
        }
    }

    /// Up to `len` bytes at `offset`; fewer at the end of the file.
    pub(super) fn pread(&self, offset: u64, len: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; len];
        let read = read_at_most(&self.file, offset, &mut bytes).map_err(|e| self.io(e))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Fails if the file was written to, or another one took its place, since it was opened.
    pub(super) fn unchanged(&self) -> Result<(), ReadError> {
        let changed = |what: &str| ReadError::Changed {
            path: Arc::clone(&self.name),
            what: what.to_owned(),
        };
        let after = Stamp::of(&self.file.metadata().map_err(|e| self.io(e))?);
        if after != self.before {
            return Err(changed("the file changed while it was read"));
        }
        if let Some(path) = &self.path {
            match std::fs::metadata(path) {
                Ok(metadata) if Stamp::of(&metadata) == self.before => {}
                Ok(_) => {
                    return Err(changed(
                        "another file took this one's place during the read",
                    ));
                }
                Err(_) => return Err(changed("the file was moved away while it was read")),
            }
        }
        Ok(())
    }

    /// SHA-256 of the whole file through the open descriptor, lower-case hex.
    pub(super) fn sha256(&self) -> Result<String, ReadError> {
        let digest = self.sha256_unless(&AtomicBool::new(false))?;
        digest.ok_or_else(|| self.io(io::Error::other("hashing ended early")))
    }

    /// As [`Self::sha256`]; none once `given_up` is set, which is looked at now and then.
    pub(super) fn sha256_unless(&self, given_up: &AtomicBool) -> Result<Option<String>, ReadError> {
        sha256_of(&self.file, given_up).map_err(|e| self.io(e))
    }
}

/// SHA-256 of a whole file by positioned reads, lower-case hex; none if that was given up.
fn sha256_of(file: &File, given_up: &AtomicBool) -> io::Result<Option<String>> {
    let mut sha = Sha256::new();
    let mut chunk = vec![0; IO_BYTES];
    let mut offset = 0;
    loop {
        if given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let read = read_at_most(file, offset, &mut chunk)?;
        if read == 0 {
            return Ok(Some(hex::encode(sha.finalize())));
        }
        sha.update(chunk.get(..read).unwrap_or_default());
        offset += read as u64;
    }
}

/// Fills `into` from `offset`, stopping early only at the end of the file.
pub(super) fn read_at_most(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// A reader with a position of its own on a shared descriptor.
#[derive(Debug)]
pub(super) struct Positioned<'a> {
    file: Arc<File>,
    at: u64,
    progress: Option<&'a ProgressMark<'a>>,
}

/// The furthest byte consumed so far.
pub(super) struct ProgressMark<'a> {
    report: Progress<'a>,
    furthest: std::sync::atomic::AtomicU64,
}

impl std::fmt::Debug for ProgressMark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgressMark")
            .field("furthest", &self.furthest)
            .finish_non_exhaustive()
    }
}

impl<'a> ProgressMark<'a> {
    pub(super) fn new(report: Progress<'a>) -> Self {
        Self {
            report,
            furthest: std::sync::atomic::AtomicU64::new(0),
        }
    }

    pub(super) fn reached(&self, byte: u64) {
        let before = self
            .furthest
            .fetch_max(byte, std::sync::atomic::Ordering::Relaxed);
        if byte > before {
            (self.report)(byte);
        }
    }
}

impl<'a> Positioned<'a> {
    pub(super) fn new(file: Arc<File>, progress: Option<&'a ProgressMark<'a>>) -> Self {
        Self {
            file,
            at: 0,
            progress,
        }
    }
}

impl Read for Positioned<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        if let Some(progress) = self.progress {
            progress.reached(self.at);
        }
        Ok(read)
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// The stored bytes in order, hashed as they pass.
struct Raw<'a> {
    file: Arc<File>,
    at: u64,
    sha: Sha256,
    failed: bool,
    progress: Progress<'a>,
}

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.file.read_at(into, self.at) {
            Ok(read) => {
                self.sha.update(into.get(..read).unwrap_or_default());
                self.at += read as u64;
                (self.progress)(self.at);
                Ok(read)
            }
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "one per file")]
enum Decoder<'a> {
    Plain(Raw<'a>),
    Gzip(MultiGzDecoder<BufReader<Raw<'a>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Raw<'a>>>),
}

/// A row or text file as a stream of decompressed bytes, hashed as stored.
pub(super) struct Stream<'a> {
    name: Arc<str>,
    decoder: Decoder<'a>,
    head: Vec<u8>,
    head_at: usize,
    head_is_all: bool,
    /// An error met while the head was filled; due once the head is used up.
    pending: Option<io::Error>,
    out: u64,
    limits: Limits,
    ratio_exceeded: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn open(
        source: &Source,
        compression: Compression,
        limits: Limits,
        progress: Progress<'a>,
    ) -> Result<Self, ReadError> {
        let raw = Raw {
            file: Arc::clone(&source.file),
            at: 0,
            sha: Sha256::new(),
            failed: false,
            progress,
        };
        let decoder = match compression {
            Compression::None => Decoder::Plain(raw),
            Compression::Gzip => {
                Decoder::Gzip(MultiGzDecoder::new(BufReader::with_capacity(IO_BYTES, raw)))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(
                    BufReader::with_capacity(IO_BYTES, raw),
                )
                .map_err(|e| source.io(e))?;
                decoder
                    .window_log_max(ZSTD_WINDOW_LOG_MAX)
                    .map_err(|e| source.io(e))?;
                Decoder::Zstd(decoder)
            }
        };
        let mut stream = Self {
            name: Arc::clone(&source.name),
            decoder,
            head: Vec::new(),
            head_at: 0,
            head_is_all: false,
            pending: None,
            out: 0,
            limits,
            ratio_exceeded: false,
        };
        stream.fill_head();
        Ok(stream)
    }

    fn fill_head(&mut self) {
        let mut head = vec![0; PEEK_BYTES];
        let mut filled = 0;
        while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.decode(rest) {
                Ok(0) => {
                    self.head_is_all = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.pending = Some(error);
                    break;
                }
            }
        }
        head.truncate(filled);
        if head.starts_with(b"\xef\xbb\xbf") {
            self.head_at = 3;
        }
        self.head = head;
    }

    /// The first bytes, byte order mark taken off, and whether they are all there are.
    pub(super) fn head(&self) -> (&[u8], bool) {
        (
            self.head.get(self.head_at..).unwrap_or_default(),
            self.head_is_all,
        )
    }

    /// Takes note of an error before any row was delivered.
    pub(super) fn take_pending_if_empty(&mut self) -> Option<io::Error> {
        if self.head.is_empty() {
            self.pending.take()
        } else {
            None
        }
    }

    fn decode(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Plain(raw) => return raw.read(into),
            Decoder::Gzip(decoder) => decoder.read(into)?,
            Decoder::Zstd(decoder) => decoder.read(into)?,
        };
        self.out += read as u64;
        let stored = self.raw().at;
        if self.out > self.limits.decompression_free_bytes
            && self.out > stored.saturating_mul(self.limits.decompression_ratio_max)
        {
            self.ratio_exceeded = true;
            return Err(io::Error::other("decompression ratio"));
        }
        Ok(read)
    }

    fn raw(&self) -> &Raw<'a> {
        match &self.decoder {
            Decoder::Plain(raw) => raw,
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    fn raw_mut(&mut self) -> &mut Raw<'a> {
        match &mut self.decoder {
            Decoder::Plain(raw) => raw,
            Decoder::Gzip(decoder) => decoder.get_mut().get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut().get_mut(),
        }
    }

    /// Says what an error of [`Read::read`] means.
    pub(super) fn fault(&self, error: io::Error, at: &str) -> ReadError {
        let path = Arc::clone(&self.name);
        let at = format!("{at}, byte {} of the stored file", self.raw().at);
        if self.raw().failed {
            ReadError::Io {
                path,
                source: error,
            }
        } else if self.ratio_exceeded {
            ReadError::TooLarge {
                path,
                what: format!("{} bytes from {} stored ones", self.out, self.raw().at),
                limit: format!("{} to 1", self.limits.decompression_ratio_max),
                remedy: "If the file is what you expect, decompress it first and name the plain \
                         file"
                    .to_owned(),
            }
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            ReadError::Truncated {
                path,
                what: "the compressed data ends early".to_owned(),
                at,
            }
        } else {
            ReadError::Corrupt {
                path,
                what: format!("the compressed data: {error}"),
                at,
            }
        }
    }

    /// Reads whatever stored bytes are left and gives the digest of all of them and their number.
    pub(super) fn finish(mut self) -> Result<(String, u64), ReadError> {
        let name = Arc::clone(&self.name);
        let raw = self.raw_mut();
        let mut chunk = vec![0; IO_BYTES];
        loop {
            match raw.read(&mut chunk) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { path: name, source }),
            }
        }
        let sha = std::mem::take(&mut raw.sha);
        Ok((hex::encode(sha.finalize()), raw.at))
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.head.get(self.head_at..).unwrap_or_default();
        if !rest.is_empty() {
            let len = rest.len().min(into.len());
            if let (Some(from), Some(to)) = (rest.get(..len), into.get_mut(..len)) {
                to.copy_from_slice(from);
            }
            self.head_at += len;
            return Ok(len);
        }
        if !self.head.is_empty() {
            // Used up: give the memory back.
            self.head = Vec::new();
            self.head_at = 0;
        }
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        self.decode(into)
    }
}
