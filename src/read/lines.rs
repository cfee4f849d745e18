//! Lines of JSON: a stream cut into blocks of whole lines, and the walk through a block.
//!
//! Cutting is all that must be done in order: reading, decompression, the digest, and counting
//! rows. Parsing a block needs nothing but the block.

use std::io;
use std::io::Read as _;
use std::sync::Arc;

use super::error::ReadError;
use super::limits::Limits;
use super::records::RecordError;
use super::row_formats::json_row;
use super::row_formats::record_fault;
use super::row_formats::stopped;
use super::row_formats::too_long;
use super::rows::RowWriter;
use super::scan::frame::Feed;
use super::source::Stream;

/// Whole lines, or the mark of one that is too long to be kept.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    too_long: bool,
}

/// Cuts a stream into blocks.
pub(super) struct Blocks<'a> {
    name: Arc<str>,
    stream: Stream<'a>,
    line_bytes_max: usize,
    block_bytes: usize,
    /// The beginning of a line whose end is not read yet.
    begun: Vec<u8>,
    /// Number of the next row.
    row: u64,
    at_end: bool,
    /// An error of the stream, due once the lines before it are handed on.
    pending: Option<io::Error>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(name: &Arc<str>, stream: Stream<'a>, limits: &Limits) -> Self {
        Self {
            name: Arc::clone(name),
            stream,
            line_bytes_max: limits.line_bytes_max,
            block_bytes: limits.line_block_bytes.max(1),
            begun: Vec::new(),
            row: 0,
            at_end: false,
            pending: None,
        }
    }

    /// Rows cut off so far.
    pub(super) fn rows(&self) -> u64 {
        self.row
    }

    pub(super) fn into_stream(self) -> Stream<'a> {
        self.stream
    }

    /// Reads until `bytes` holds `len`, or as many as there are.
    fn fill(&mut self, bytes: &mut Vec<u8>, len: usize) {
        let mut filled = bytes.len();
        bytes.resize(len.max(filled), 0);
        while !self.at_end && self.pending.is_none() {
            let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            match self.stream.read(rest) {
                Ok(0) => self.at_end = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.pending = Some(error),
            }
        }
        bytes.truncate(filled);
    }

    /// Reads on behind the end of the line in hand, and keeps what follows it.
    fn skip_line(&mut self, bytes: &mut Vec<u8>) {
        loop {
            if let Some(end) = memchr::memchr(b'\n', bytes) {
                self.begun
                    .extend_from_slice(bytes.get(end + 1..).unwrap_or_default());
                return;
            }
            if self.at_end || self.pending.is_some() {
                return;
            }
            bytes.clear();
            self.fill(bytes, self.block_bytes);
        }
    }

    /// Fills `bytes` with whole lines; `false` if it is the beginning of one that is too long.
    fn cut(&mut self, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        bytes.append(&mut self.begun);
        let mut len = self.block_bytes;
        loop {
            self.fill(bytes, len);
            if let Some(end) = memchr::memrchr(b'\n', bytes) {
                if !self.at_end {
                    let begun = bytes.get(end + 1..).unwrap_or_default();
                    self.begun.extend_from_slice(begun);
                    bytes.truncate(end + 1);
                }
                return true;
            }
            if bytes.len() > self.line_bytes_max {
                return false;
            }
            if self.at_end {
                return true;
            }
            if self.pending.is_some() {
                // A line that an error of the stream cuts is no row.
                bytes.clear();
                return true;
            }
            len = bytes.len() * 2;
        }
    }
}

impl Feed for Blocks<'_> {
    type Piece = Block;

    fn next(&mut self, block: &mut Block) -> Result<Option<u64>, ReadError> {
        loop {
            let first = self.row;
            block.too_long = !self.cut(&mut block.bytes);
            if block.too_long {
                self.skip_line(&mut block.bytes);
                if self.pending.is_none() {
                    self.row += 1;
                    return Ok(Some(first));
                }
            } else {
                self.row += Lines::new(&block.bytes, self.line_bytes_max).count() as u64;
                if self.row > first {
                    return Ok(Some(first));
                }
            }
            if let Some(error) = self.pending.take() {
                let error = RecordError::Io(error);
                return Err(record_fault(&self.name, &self.stream, error, self.row));
            }
            if self.at_end && self.begun.is_empty() {
                return Ok(None);
            }
        }
    }
}

/// The lines of a block without their ends; blank ones are left out, unless they are too long to
/// be known for blank in every case.
struct Lines<'a> {
    rest: &'a [u8],
    len_max: usize,
}

impl<'a> Lines<'a> {
    fn new(rest: &'a [u8], len_max: usize) -> Self {
        Self { rest, len_max }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (line, rest) = match memchr::memchr(b'\n', self.rest) {
                Some(end) => (self.rest.get(..end), self.rest.get(end + 1..)),
                None => (Some(self.rest), None),
            };
            self.rest = rest.unwrap_or_default();
            let line = line.unwrap_or_default();
            if line.len() > self.len_max || !line.iter().all(u8::is_ascii_whitespace) {
                return Some(line);
            }
        }
        None
    }
}

/// Reads the rows of a block.
pub(super) fn walk(
    name: &Arc<str>,
    rows: &mut RowWriter<'_>,
    block: &mut Block,
    limits: &Limits,
) -> Result<(), ReadError> {
    if block.too_long {
        rows.begin();
        rows.fail(too_long(limits)).map_err(|_| stopped(name))?;
        return rows.finish().map_err(|_| stopped(name));
    }
    for line in Lines::new(&block.bytes, limits.line_bytes_max) {
        let done = if line.len() > limits.line_bytes_max {
            rows.begin();
            rows.fail(too_long(limits))
        } else {
            json_row(rows, line)
        };
        done.map_err(|_| stopped(name))?;
    }
    // The next block may be another worker's.
    rows.finish().map_err(|_| stopped(name))
}

/// Reads every line, and gives the stream back for its digest.
pub(super) fn read<'a>(
    name: &Arc<str>,
    stream: Stream<'a>,
    limits: &Limits,
    rows: &mut RowWriter<'_>,
) -> Result<Stream<'a>, ReadError> {
    let mut blocks = Blocks::new(name, stream, limits);
    let mut block = Block::default();
    while blocks.next(&mut block)?.is_some() {
        walk(name, rows, &mut block, limits)?;
    }
    Ok(blocks.into_stream())
}
