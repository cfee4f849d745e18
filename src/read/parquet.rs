//! Reads Parquet: page by page, only the columns that can hold text.
//!
//! Strings are decoded as views into the pages, so that a dictionary stays small and nothing is
//! copied but once, into the batch of units. Page headers are looked at before the decoder sees
//! them: it would allocate whatever size they name. Page checksums are verified where present.
//! The rows read are compared with the footer, row group by row group.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "types without text keep their type, and errors of no special kind are damage"
)]

use std::collections::HashSet;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::reader::Length;

use super::arrays;
use super::arrays::LeafKind;
use super::columns::Leaf;
use super::error::ReadError;
use super::limits::FOOTER_BYTES_MAX;
use super::limits::Limits;
use super::limits::PARQUET_STEP_BYTES;
use super::limits::PARQUET_STEP_ROWS_MAX;
use super::row_formats::stopped;
use super::rows::RowWriter;
use super::source::Positioned;
use super::source::Progress;
use super::source::Source;
use super::source::read_at_most;

/// Buffer for page headers; the pages themselves are read in one piece.
const HEADER_BUFFER_BYTES: usize = 8 << 10;

/// A file as the Parquet decoder sees it: positioned reads on one descriptor, sizes checked.
#[derive(Clone)]
pub(super) struct Chunks {
    file: Arc<std::fs::File>,
    len: u64,
    /// `None` while the footer is read.
    page_bytes_max: Option<usize>,
    furthest: Arc<AtomicU64>,
    pages: Pages,
}

/// Where the pages begin whose headers were read, each until its bytes are asked for. The decoder
/// asks for a reader at a header, and in lists once more at the page itself.
type Pages = Arc<Mutex<HashSet<u64>>>;

impl Chunks {
    pub(super) fn new(source: &Source, page_bytes_max: Option<usize>) -> Self {
        Self {
            file: Arc::clone(source.file()),
            len: source.len(),
            page_bytes_max,
            furthest: Arc::default(),
            pages: Arc::default(),
        }
    }

    fn pages(&self) -> Result<MutexGuard<'_, HashSet<u64>>, ParquetError> {
        self.pages
            .lock()
            .map_err(|_| ParquetError::General("an earlier panic".to_owned()))
    }
}

/// Reads on from an offset, byte by byte if asked so, and notes where it stands: behind a header
/// its page begins.
pub(super) struct From {
    buffer: BufReader<Positioned<'static>>,
    at: u64,
    pages: Pages,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.buffer.read(into)?;
        let mut pages = self
            .pages
            .lock()
            .map_err(|_| io::Error::other("an earlier panic"))?;
        pages.remove(&self.at);
        self.at += read as u64;
        pages.insert(self.at);
        Ok(read)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Chunks {
    type T = From;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        if let Some(limit) = self.page_bytes_max {
            let is_page = self.pages()?.contains(&start);
            if !is_page {
                let mut head = [0; 24];
                let read = read_at_most(&self.file, start, &mut head)?;
                let size = page_size(head.get(..read).unwrap_or_default()).ok_or_else(|| {
                    ParquetError::General(format!("no page header at byte {start}"))
                })?;
                if size > limit as u64 {
                    return Err(too_large(size, limit));
                }
            }
        }
        let mut positioned = Positioned::new(Arc::clone(&self.file), None);
        positioned.seek(SeekFrom::Start(start))?;
        let buffer = BufReader::with_capacity(HEADER_BUFFER_BYTES, positioned);
        Ok(From {
            buffer,
            at: start,
            pages: Arc::clone(&self.pages),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let limit = self.page_bytes_max.unwrap_or(FOOTER_BYTES_MAX);
        if length > limit {
            return Err(too_large(length as u64, limit));
        }
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.len)
        {
            return Err(ParquetError::EOF(format!(
                "bytes {start}+{length} of {}",
                self.len
            )));
        }
        let mut buffer = vec![0; length];
        let read = read_at_most(&self.file, start, &mut buffer)?;
        if read != length {
            return Err(ParquetError::EOF(format!(
                "{read} of {length} bytes at {start}"
            )));
        }
        self.pages()?.remove(&start);
        self.furthest
            .fetch_max(start + length as u64, Ordering::Relaxed);
        Ok(Bytes::from(buffer))
    }
}

/// Marks an error of [`Chunks`] as a matter of limits.
const TOO_LARGE: &str = "over the limit for pages";

fn too_large(size: u64, limit: usize) -> ParquetError {
    ParquetError::General(format!("{TOO_LARGE}: {size} bytes, limit {limit}"))
}

/// The larger of the two sizes that a page header names: fields 2 and 3 of the Thrift struct
/// `PageHeader`, compact protocol, which follow field 1 at once because all three are required.
fn page_size(header: &[u8]) -> Option<u64> {
    let mut bytes = header.iter().copied();
    let mut sizes = [0u64; 3];
    for size in &mut sizes {
        // Field id one up from the last, type i32.
        if bytes.next()? != 0x15 {
            return None;
        }
        let mut shift = 0;
        let mut value = 0u64;
        loop {
            let byte = bytes.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                return None;
            }
        }
        // Zigzag: odd numbers are negative.
        if value % 2 == 1 {
            return None;
        }
        *size = value / 2;
    }
    let [_, uncompressed, compressed] = sizes;
    Some(uncompressed.max(compressed))
}

/// Reads the footer. Says which of the many ways to be broken it is.
pub(super) fn open(
    source: &Source,
    options: ArrowReaderOptions,
) -> Result<ArrowReaderMetadata, ReadError> {
    let path = || Arc::clone(source.name());
    let head = source.pread(0, 4)?;
    let tail = source.pread(source.len().saturating_sub(8), 8)?;
    if tail.ends_with(b"PARE") {
        return Err(ReadError::Unsupported {
            path: path(),
            what: "an encrypted Parquet file".to_owned(),
            remedy: "Decrypt it first".to_owned(),
        });
    }
    if head != b"PAR1" {
        let what = "the file does not begin with PAR1".to_owned();
        let at = "byte 0".to_owned();
        return Err(if head.len() < 4 {
            ReadError::Truncated {
                path: path(),
                what: "the file is empty".to_owned(),
                at,
            }
        } else {
            ReadError::Corrupt {
                path: path(),
                what,
                at,
            }
        });
    }
    if source.len() < 12 || !tail.ends_with(b"PAR1") {
        return Err(ReadError::Truncated {
            path: path(),
            what: "the footer is missing".to_owned(),
            at: format!("byte {}", source.len()),
        });
    }
    let chunks = Chunks::new(source, None);
    guarded(|| ArrowReaderMetadata::load(&chunks, options))
        .map_err(|error| fault(source.name(), &error, "the footer"))
}

/// Runs the decoder; a panic in it is a damaged file, not the end of the process.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(_) => Err(ParquetError::General(
            "the decoder gave up on these bytes".to_owned(),
        )),
    }
}

pub(super) fn fault(name: &Arc<str>, error: &ParquetError, at: &str) -> ReadError {
    let path = Arc::clone(name);
    let text = error.to_string();
    if text.contains(TOO_LARGE) {
        return ReadError::TooLarge {
            path,
            what: format!("a page in {at} ({text})"),
            limit: "the named size".to_owned(),
            remedy: "Write the file again with smaller pages".to_owned(),
        };
    }
    match error {
        ParquetError::NYI(what) => ReadError::Unsupported {
            path,
            what: format!("{what}, in {at}"),
            remedy: "Write the file again with a common codec and encoding".to_owned(),
        },
        ParquetError::EOF(what) => ReadError::Truncated {
            path,
            what: what.clone(),
            at: at.to_owned(),
        },
        _ => ReadError::Corrupt {
            path,
            what: text,
            at: at.to_owned(),
        },
    }
}

/// The schema with every string and bytes as views.
fn with_views(schema: &Schema) -> Schema {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| view_field(field))
        .collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn view_field(field: &Field) -> Field {
    field.clone().with_data_type(view_type(field.data_type()))
}

fn view_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, value)
            if matches!(
                **value,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary
            ) =>
        {
            view_type(value)
        }
        DataType::List(field) => DataType::List(Arc::new(view_field(field))),
        DataType::LargeList(field) => DataType::LargeList(Arc::new(view_field(field))),
        DataType::FixedSizeList(field, size) => {
            DataType::FixedSizeList(Arc::new(view_field(field)), *size)
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| view_field(field)).collect())
        }
        DataType::Map(entries, sorted) => DataType::Map(Arc::new(view_field(entries)), *sorted),
        other => other.clone(),
    }
}

/// Rows per step, so that a step decodes about [`PARQUET_STEP_BYTES`].
pub(super) fn step_rows(group: &RowGroupMetaData, wanted: impl Fn(usize) -> bool) -> usize {
    let bytes: u64 = group
        .columns()
        .iter()
        .enumerate()
        .filter(|(leaf, _)| wanted(*leaf))
        .map(|(_, column)| u64::try_from(column.uncompressed_size()).unwrap_or(0))
        .sum();
    let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
    let step = (PARQUET_STEP_BYTES as u64).saturating_mul(rows) / bytes.max(1);
    usize::try_from(step)
        .unwrap_or(usize::MAX)
        .clamp(1, PARQUET_STEP_ROWS_MAX)
}

/// What of a file is decoded.
struct Plan {
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// Per leaf column, whether it is decoded.
    decoded: Vec<bool>,
}

/// Reads the footer and decides which leaf columns to decode; the others are counted from it.
fn plan(source: &Source, rows: &mut RowWriter<'_>) -> Result<Plan, ReadError> {
    let name = source.name();
    let stored = open(source, ArrowReaderOptions::new())?;
    let views = Arc::new(with_views(stored.schema()));
    let options = ArrowReaderOptions::new().with_schema(views);
    let viewed = guarded(|| ArrowReaderMetadata::try_new(Arc::clone(stored.metadata()), options));
    // Only a matter of speed: a type that cannot be viewed is read as it is stored.
    let metadata = viewed.unwrap_or(stored);
    let corrupt = |what: String| ReadError::Corrupt {
        path: Arc::clone(name),
        what,
        at: "the schema".to_owned(),
    };

    let fields = metadata.schema().fields().iter().map(AsRef::as_ref);
    let leaves = arrays::leaves(&mut rows.columns, fields).map_err(corrupt)?;
    let schema = metadata.parquet_schema();
    if leaves.len() != schema.num_columns() {
        let stored = schema.num_columns();
        return Err(corrupt(format!(
            "{} leaf columns for {stored} stored ones",
            leaves.len()
        )));
    }
    let mut decoded = Vec::with_capacity(leaves.len());
    for (index, (node, kind)) in leaves.iter().enumerate() {
        let wanted = rows.columns.wanted(*node);
        let emit = rows.columns.node(*node).emit;
        let decode = match kind {
            LeafKind::Text => wanted,
            LeafKind::ListedInts => emit,
            LeafKind::NotText => false,
            LeafKind::Unsupported if !wanted => false,
            LeafKind::Unsupported => {
                return Err(ReadError::Unsupported {
                    path: Arc::clone(name),
                    what: format!("the type of column `{}`", rows.columns.node(*node).path),
                    remedy: "Write it as a string, or leave it out with --exempt-column".to_owned(),
                });
            }
        };
        let column = rows.columns.column(*node).map_err(corrupt)?;
        if !decode {
            let leaf = if emit { Leaf::NotText } else { Leaf::Exempt };
            rows.columns
                .count(column, leaf, stored_values(metadata.metadata(), index));
        }
        decoded.push(decode);
    }
    let picked = decoded
        .iter()
        .enumerate()
        .filter(|(_, wanted)| **wanted)
        .map(|(leaf, _)| leaf);
    let mask = ProjectionMask::leaves(schema, picked);
    Ok(Plan {
        metadata,
        mask,
        decoded,
    })
}

/// Values of a leaf column, nulls included.
fn stored_values(footer: &ParquetMetaData, leaf: usize) -> u64 {
    footer
        .row_groups()
        .iter()
        .filter_map(|group| group.columns().get(leaf))
        .map(|column| u64::try_from(column.num_values()).unwrap_or(0))
        .sum()
}

/// Reads every row of a Parquet file.
pub(super) fn read(
    source: &Source,
    limits: Limits,
    progress: Progress<'_>,
    rows: &mut RowWriter<'_>,
) -> Result<(), ReadError> {
    let name = source.name();
    let Plan {
        metadata,
        mask,
        decoded,
    } = plan(source, rows)?;
    let footer = metadata.metadata();
    let chunks = Chunks::new(source, Some(limits.page_bytes_max));
    for (number, group) in footer.row_groups().iter().enumerate() {
        let step = step_rows(group, |leaf| decoded.get(leaf) == Some(&true));
        let at = |rows: &RowWriter<'_>| format!("row group {number}, row {}", rows.row());
        let before = rows.row();
        let mut reader = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), metadata.clone())
                .with_row_groups(vec![number])
                .with_projection(mask.clone())
                .with_batch_size(step)
                .build()
        })
        .map_err(|error| fault(name, &error, &at(rows)))?;
        loop {
            let next = guarded(|| Ok(reader.next().transpose()?));
            let Some(batch) = next.map_err(|error| fault(name, &error, &at(rows)))? else {
                break;
            };
            arrays::walk_batch(rows, &batch)
                .map_err(|what| ReadError::Unsupported {
                    path: Arc::clone(name),
                    what,
                    remedy: "Write it as a string, or leave it out with --exempt-column".to_owned(),
                })?
                .map_err(|_| stopped(name))?;
            progress(chunks.furthest.load(Ordering::Relaxed));
        }
        rows_agree(
            name,
            rows.row() - before,
            group.num_rows(),
            &format!("row group {number}"),
        )?;
    }
    rows_agree(
        name,
        rows.row(),
        footer.file_metadata().num_rows(),
        "the footer",
    )
}

/// Fails unless as many rows were read as the footer says.
pub(super) fn rows_agree(name: &Arc<str>, read: u64, said: i64, at: &str) -> Result<(), ReadError> {
    if u64::try_from(said) == Ok(read) {
        return Ok(());
    }
    Err(ReadError::Corrupt {
        path: Arc::clone(name),
        what: format!("{read} rows where the footer says {said}"),
        at: at.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_page_headers() {
        // type 0, uncompressed 300 (zigzag 600), compressed 5 (zigzag 10), then more fields.
        assert_eq!(
            page_size(&[0x15, 0, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x2c]),
            Some(300)
        );
        // -1 as a size.
        assert_eq!(page_size(&[0x15, 0, 0x15, 0x01, 0x15, 0x0a]), None);
        // 2^31 - 1, the most that an i32 can name.
        let most = [0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x0a];
        assert_eq!(page_size(&most), Some((1 << 31) - 1));
        assert_eq!(page_size(&[0x15, 0, 0x25, 2, 0x15, 2]), None);
        assert_eq!(page_size(&[0x15]), None);
    }
}
