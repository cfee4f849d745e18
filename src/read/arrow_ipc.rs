//! Reads Arrow IPC files and streams.
//!
//! The decoder would allocate whatever length a message names, and takes a stream that ends
//! between two messages for complete. So every message is looked at first: its place and size,
//! the sizes of its buffers once decompressed, and the end mark. Only then are batches decoded,
//! one at a time, and the rows compared with what the messages said.

use std::io::BufReader;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::MessageHeader;
use arrow_ipc::reader::FileReader;
use arrow_ipc::reader::StreamReader;
use arrow_schema::ArrowError;
use arrow_schema::SchemaRef;

use super::arrays;
use super::error::ReadError;
use super::limits::FOOTER_BYTES_MAX;
use super::limits::IO_BYTES;
use super::limits::Limits;
use super::row_formats::stopped;
use super::rows::RowWriter;
use super::source::Positioned;
use super::source::ProgressMark;
use super::source::Source;

const MAGIC: &[u8] = b"ARROW1";
/// What a footer ends with: its length (4 bytes) and the magic.
const TRAILER_BYTES: u64 = 10;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The batches of a file or stream, ready to be decoded.
pub(super) enum Batches<'a> {
    File(FileReader<BufReader<Positioned<'a>>>),
    Stream(StreamReader<BufReader<Positioned<'a>>>),
}

impl Batches<'_> {
    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            Self::File(reader) => reader.schema(),
            Self::Stream(reader) => reader.schema(),
        }
    }

    /// The next batch; a panic of the decoder is a damaged file.
    pub(super) fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        guarded(|| match self {
            Self::File(reader) => reader.next().transpose(),
            Self::Stream(reader) => reader.next().transpose(),
        })
        .transpose()
    }
}

fn guarded<T>(run: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(_) => Err(ArrowError::IpcError(
            "the decoder gave up on these bytes".to_owned(),
        )),
    }
}

pub(super) fn fault(name: &Arc<str>, error: &ArrowError, at: String) -> ReadError {
    ReadError::Corrupt {
        path: Arc::clone(name),
        what: error.to_string(),
        at,
    }
}

/// What the messages of a file or stream say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Announced {
    /// Rows of all record batches.
    pub(super) rows: u64,
    /// How buffers are compressed, if any is.
    pub(super) codec: Option<CompressionType>,
}

/// Looks at every message, then opens the decoder.
pub(super) fn open<'a>(
    source: &Source,
    stream: bool,
    limits: &Limits,
    progress: Option<&'a ProgressMark<'a>>,
) -> Result<(Batches<'a>, Announced), ReadError> {
    let survey = Survey { source, limits };
    let announced = if stream {
        survey.stream()?
    } else {
        survey.file()?
    };
    let reader = Positioned::new(Arc::clone(source.file()), progress);
    let reader = BufReader::with_capacity(IO_BYTES, reader);
    let opened = guarded(|| {
        Ok(if stream {
            Batches::Stream(StreamReader::try_new(reader, None)?)
        } else {
            Batches::File(FileReader::try_new(reader, None)?)
        })
    });
    match opened {
        Ok(batches) => Ok((batches, announced)),
        Err(error) => Err(fault(source.name(), &error, "the schema".to_owned())),
    }
}

/// Reads every row.
pub(super) fn read(
    source: &Source,
    stream: bool,
    limits: Limits,
    progress: super::source::Progress<'_>,
    rows: &mut RowWriter<'_>,
) -> Result<(), ReadError> {
    let name = source.name();
    let mark = ProgressMark::new(progress);
    let (mut batches, announced) = open(source, stream, &limits, Some(&mark))?;
    let schema = batches.schema();
    let leaves = arrays::leaves(&mut rows.columns, schema.fields().iter().map(AsRef::as_ref));
    let columns = leaves.and_then(|leaves| {
        leaves
            .iter()
            .try_for_each(|(node, _)| rows.columns.column(*node).map(|_| ()))
    });
    columns.map_err(|what| ReadError::Corrupt {
        path: Arc::clone(name),
        what,
        at: "the schema".to_owned(),
    })?;
    while let Some(batch) = batches.next() {
        let batch = batch.map_err(|error| fault(name, &error, format!("row {}", rows.row())))?;
        arrays::walk_batch(rows, &batch)
            .map_err(|what| ReadError::Unsupported {
                path: Arc::clone(name),
                what,
                remedy: "Write it as a string, or drop the column".to_owned(),
            })?
            .map_err(|_| stopped(name))?;
    }
    if rows.row() != announced.rows {
        return Err(ReadError::Corrupt {
            path: Arc::clone(name),
            what: format!(
                "{} rows where the messages say {}",
                rows.row(),
                announced.rows
            ),
            at: "the end".to_owned(),
        });
    }
    Ok(())
}

struct Survey<'s> {
    source: &'s Source,
    limits: &'s Limits,
}

impl Survey<'_> {
    fn truncated(&self, what: &str, byte: u64) -> ReadError {
        ReadError::Truncated {
            path: Arc::clone(self.source.name()),
            what: what.to_owned(),
            at: format!("byte {byte}"),
        }
    }

    fn corrupt(&self, what: impl Into<String>, byte: u64) -> ReadError {
        ReadError::Corrupt {
            path: Arc::clone(self.source.name()),
            what: what.into(),
            at: format!("byte {byte}"),
        }
    }

    fn too_large(&self, what: &str, limit: u64) -> ReadError {
        ReadError::TooLarge {
            path: Arc::clone(self.source.name()),
            what: what.to_owned(),
            limit: format!("{limit} bytes"),
            remedy: "Write the file again with smaller record batches".to_owned(),
        }
    }

    /// A file with a footer.
    fn file(&self) -> Result<Announced, ReadError> {
        let len = self.source.len();
        let tail = self.source.pread(len.saturating_sub(TRAILER_BYTES), 10)?;
        let footer_len = match (tail.first_chunk::<4>(), tail.ends_with(MAGIC)) {
            (Some(bytes), true) if len >= 8 + TRAILER_BYTES => u32::from_le_bytes(*bytes),
            _ => return Err(self.truncated("the footer is missing", len)),
        };
        let footer_len = footer_len as usize;
        if footer_len > FOOTER_BYTES_MAX {
            return Err(self.too_large("the footer", FOOTER_BYTES_MAX as u64));
        }
        let Some(footer_at) = (len - TRAILER_BYTES).checked_sub(footer_len as u64) else {
            return Err(self.corrupt("the footer is longer than the file", len));
        };
        let bytes = self.source.pread(footer_at, footer_len)?;
        let footer = arrow_ipc::root_as_footer(&bytes)
            .map_err(|error| self.corrupt(format!("the footer: {error}"), footer_at))?;
        if footer.schema().is_none() {
            return Err(self.corrupt("the footer has no schema", footer_at));
        }
        let mut announced = Announced::default();
        let (dictionaries, batches) = (footer.dictionaries(), footer.recordBatches());
        for block in dictionaries.iter().chain(batches.iter()).flatten() {
            let place = (
                u64::try_from(block.offset()),
                u64::try_from(block.metaDataLength()),
                u64::try_from(block.bodyLength()),
            );
            let (Ok(at), Ok(meta), Ok(body)) = place else {
                return Err(self.corrupt("a block with a negative place", footer_at));
            };
            let end = at.checked_add(meta).and_then(|end| end.checked_add(body));
            if end.is_none_or(|end| end > footer_at) {
                return Err(self.corrupt("a block reaches beyond its file", at));
            }
            let prefix = self.source.pread(at, 4)?;
            let skip = if prefix == CONTINUATION { 8 } else { 4 };
            let meta_at = at + skip;
            let meta_len = meta.saturating_sub(skip);
            let found = self.message(meta_at, meta_len, at + meta, &mut announced)?;
            if found != body {
                return Err(self.corrupt("a block whose two lengths differ", at));
            }
        }
        Ok(announced)
    }

    /// A stream, which must have its end mark and end there.
    fn stream(&self) -> Result<Announced, ReadError> {
        let len = self.source.len();
        let mut announced = Announced::default();
        let mut at = 0;
        loop {
            let prefix = self.source.pread(at, 8)?;
            let continued = prefix.starts_with(&CONTINUATION);
            let skip: u64 = if continued { 8 } else { 4 };
            let length = if continued {
                prefix.get(4..8)
            } else {
                prefix.get(..4)
            };
            let Some(length) = length.and_then(|bytes| bytes.first_chunk::<4>()) else {
                return Err(self.truncated("the end mark of the stream is missing", len));
            };
            let meta = u64::from(u32::from_le_bytes(*length));
            at += skip;
            if meta == 0 {
                if at != len {
                    return Err(self.corrupt("something follows the end of the stream", at));
                }
                return Ok(announced);
            }
            if at == 4 && meta > FOOTER_BYTES_MAX as u64 {
                return Err(self.corrupt("not an Arrow stream", 0));
            }
            if at.checked_add(meta).is_none_or(|end| end > len) {
                return Err(self.truncated("a message ends early", len));
            }
            let body = self.message(at, meta, at + meta, &mut announced)?;
            let next = (at + meta).checked_add(body);
            match next {
                Some(next) if next <= len => at = next,
                _ => return Err(self.truncated("the body of a message ends early", len)),
            }
        }
    }

    /// Looks at one message and gives the length of its body.
    fn message(
        &self,
        at: u64,
        len: u64,
        body_at: u64,
        announced: &mut Announced,
    ) -> Result<u64, ReadError> {
        if len > FOOTER_BYTES_MAX as u64 {
            return Err(self.too_large("the head of a message", FOOTER_BYTES_MAX as u64));
        }
        let bytes = self.source.pread(at, usize::try_from(len).unwrap_or(0))?;
        let message = arrow_ipc::root_as_message(&bytes)
            .map_err(|error| self.corrupt(format!("a message: {error}"), at))?;
        let Ok(body) = u64::try_from(message.bodyLength()) else {
            return Err(self.corrupt("a message with a negative length", at));
        };
        let limit = self.limits.arrow_batch_bytes_max;
        if body > limit {
            return Err(self.too_large("a record batch", limit));
        }
        let (batch, counts) = match message.header_type() {
            MessageHeader::RecordBatch => (message.header_as_record_batch(), true),
            MessageHeader::DictionaryBatch => (
                message
                    .header_as_dictionary_batch()
                    .and_then(|batch| batch.data()),
                false,
            ),
            _ => return Ok(body),
        };
        let Some(batch) = batch else {
            return Err(self.corrupt("a message without its batch", at));
        };
        if let Some(compression) = batch.compression() {
            announced.codec = Some(compression.codec());
            let mut total = 0u64;
            for buffer in batch.buffers().iter().flatten() {
                let (Ok(offset), Ok(length)) = (
                    u64::try_from(buffer.offset()),
                    u64::try_from(buffer.length()),
                ) else {
                    return Err(self.corrupt("a buffer with a negative place", at));
                };
                if offset.checked_add(length).is_none_or(|end| end > body) {
                    return Err(self.corrupt("a buffer reaches beyond its message", at));
                }
                if length < 8 {
                    continue;
                }
                let head = self.source.pread(body_at + offset, 8)?;
                if let Some(head) = head.first_chunk::<8>() {
                    // -1 marks a buffer that is stored as it is.
                    let size = i64::from_le_bytes(*head);
                    total = total.saturating_add(u64::try_from(size).unwrap_or(length));
                }
            }
            if total > limit {
                return Err(self.too_large("a record batch once decompressed", limit));
            }
        }
        let rows = u64::try_from(batch.length())
            .map_err(|_| self.corrupt("a record batch with a negative length", at))?;
        if counts {
            announced.rows += rows;
        }
        Ok(body)
    }
}
