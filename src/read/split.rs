//! Splits an input into a clean and a quarantine file in the input's own format.
//!
//! Every row goes to exactly one side. Rows of JSONL, JSON and CSV are copied byte for byte, line
//! ends of the last row and white space between JSON values apart, and a side of such values that begins with a list becomes an array; Parquet and Arrow rows are
//! written again with the same schema, metadata and codec; a plain text is one row and copied
//! whole. A side without rows is still a valid, empty file. The input is read a second time, and
//! must be the one that was checked: its digest is compared before either file gets its name. A
//! file that cannot be read to its end cannot be split; [`copy_whole`] puts all of it aside.

use serde::Deserialize;
use serde::Serialize;

use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ::arrow_ipc::writer::FileWriter;
use ::arrow_ipc::writer::IpcWriteOptions;
use ::arrow_ipc::writer::StreamWriter;
use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::arrow::arrow_reader::ArrowReaderOptions;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::properties::WriterProperties;
use arrow_array::BooleanArray;
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use tempfile::NamedTempFile;

use super::Opened;
use super::ReadOptions;
use super::arrow_ipc;
use super::error::ReadError;
use super::format::Compression;
use super::format::Format;
use super::input::InputPath;
use super::limits::IO_BYTES;
use super::limits::Limits;
use super::limits::SPLIT_ROW_GROUP_BYTES;
use super::parquet;
use super::records::Cut;
use super::records::Record;
use super::records::Records;
use super::row_formats;
use super::source::Source;
use super::source::Stream;
use super::source::read_at_most;

/// Where a row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The set that may be trained on.
    Clean,
    /// The rows put aside.
    Quarantine,
}

/// How many rows went where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Rows in the clean file.
    pub clean: u64,
    /// Rows in the quarantine file.
    pub quarantine: u64,
}

impl SplitCounts {
    fn rows(self) -> u64 {
        self.clean + self.quarantine
    }

    fn count(&mut self, side: Side) {
        match side {
            Side::Clean => self.clean += 1,
            Side::Quarantine => self.quarantine += 1,
        }
    }
}

/// Splits one input. `side` is asked once for each row, ascending from 0; broken rows are rows
/// too. `expected_sha256` is the digest that the check reported. Existing files at `clean` and
/// `quarantine` are replaced, both only after everything was written.
pub fn split(
    input: &InputPath,
    options: &ReadOptions,
    expected_sha256: &str,
    side: &mut dyn FnMut(u64) -> Side,
    clean: &Path,
    quarantine: &Path,
) -> Result<SplitCounts, ReadError> {
    let source = Source::open(input)?;
    let clean = Target::create(&source, clean)?;
    let quarantine = Target::create(&source, quarantine)?;
    if clean.path == quarantine.path {
        return Err(refused(
            &source,
            "the clean and the quarantine file are the same",
        ));
    }
    let opened = super::open(&source, input, options.format, options.limits, &|_| {})?;
    let limits = options.limits;
    let (counts, sha256, [clean, quarantine]) = match opened {
        Opened::Stream(stream, format, compression) => {
            let sides = Sides {
                side,
                counts: SplitCounts::default(),
            };
            let outs = [
                Out::new(clean, compression)?,
                Out::new(quarantine, compression)?,
            ];
            split_stream(&source, stream, format, limits, sides, outs)?
        }
        Opened::Container(format) => {
            let sides = Sides {
                side,
                counts: SplitCounts::default(),
            };
            let (counts, targets) = if format == Format::Parquet {
                split_parquet(&source, limits, sides, [clean, quarantine])?
            } else {
                let stream = format == Format::ArrowStream;
                split_arrow(&source, stream, limits, sides, [clean, quarantine])?
            };
            (counts, source.sha256()?, targets)
        }
    };
    source.unchanged()?;
    if sha256 != expected_sha256 {
        return Err(ReadError::Changed {
            path: Arc::clone(source.name()),
            what: format!("the file is not the one that was checked: its digest is {sha256}"),
        });
    }
    clean.name()?;
    quarantine.name()?;
    Ok(counts)
}

/// Copies an input as it is stored, for a file that cannot be split; gives its size in bytes.
pub fn copy_whole(input: &InputPath, to: &Path) -> Result<u64, ReadError> {
    let source = Source::open(input)?;
    let mut target = Target::create(&source, to)?;
    let bytes = copy_stored(&source, &mut target)?;
    source.unchanged()?;
    target.name()?;
    Ok(bytes)
}

fn refused(source: &Source, what: &str) -> ReadError {
    ReadError::Unsupported {
        path: Arc::clone(source.name()),
        what: what.to_owned(),
        remedy: "Name other folders with --clean and --quarantine".to_owned(),
    }
}

/// An output under a temporary name, which goes away unless it is [named](Target::name).
struct Target {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Target {
    fn create(source: &Source, path: &Path) -> Result<Self, ReadError> {
        let input = source.file().metadata().map_err(|e| source.io(e))?;
        if let Ok(there) = std::fs::metadata(path)
            && (there.dev(), there.ino()) == (input.dev(), input.ino())
        {
            return Err(refused(source, "the split would overwrite its own input"));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let create = || {
            std::fs::create_dir_all(folder)?;
            // The user's umask applies, as for any file a user makes.
            tempfile::Builder::new()
                .prefix(".herdbook-")
                .suffix(".part")
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)
        };
        let file = create().map_err(|error| written(path, error))?;
        Ok(Self {
            file: BufWriter::with_capacity(IO_BYTES, file),
            path: path.to_path_buf(),
        })
    }

    /// Makes the file durable and gives it its name.
    fn name(self) -> Result<(), ReadError> {
        let path = self.path;
        let file = self
            .file
            .into_inner()
            .map_err(|error| written(&path, error.into_error()))?;
        file.as_file()
            .sync_all()
            .map_err(|error| written(&path, error))?;
        file.persist(&path)
            .map_err(|error| written(&path, error.error))?;
        Ok(())
    }

    fn error(&self, error: io::Error) -> ReadError {
        written(&self.path, error)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn written(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io {
        path: Arc::from(path.to_string_lossy().as_ref()),
        source,
    }
}

/// Asks for the side of each row once, in order, and counts.
struct Sides<'s> {
    side: &'s mut dyn FnMut(u64) -> Side,
    counts: SplitCounts,
}

impl Sides<'_> {
    fn next(&mut self) -> Side {
        let side = (self.side)(self.counts.rows());
        self.counts.count(side);
        side
    }
}

/// A target behind the input's compression.
enum Out {
    Plain(Target),
    Gzip(PathBuf, flate2::write::GzEncoder<Target>),
    Zstd(PathBuf, zstd::stream::write::Encoder<'static, Target>),
}

impl Out {
    fn new(target: Target, compression: Compression) -> Result<Self, ReadError> {
        let path = target.path.clone();
        Ok(match compression {
            Compression::None => Self::Plain(target),
            Compression::Gzip => Self::Gzip(
                path,
                flate2::write::GzEncoder::new(target, flate2::Compression::default()),
            ),
            Compression::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(target, 0)
                    .map_err(|error| written(&path, error))?;
                Self::Zstd(path, encoder)
            }
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        match self {
            Self::Plain(target) => target.write_all(bytes).map_err(|e| target.error(e)),
            Self::Gzip(path, encoder) => encoder.write_all(bytes).map_err(|e| written(path, e)),
            Self::Zstd(path, encoder) => encoder.write_all(bytes).map_err(|e| written(path, e)),
        }
    }

    fn finish(self) -> Result<Target, ReadError> {
        match self {
            Self::Plain(target) => Ok(target),
            Self::Gzip(path, encoder) => encoder.finish().map_err(|e| written(&path, e)),
            Self::Zstd(path, encoder) => encoder.finish().map_err(|e| written(&path, e)),
        }
    }
}

/// What one side of a record format has been given so far.
struct RecordOut {
    out: Out,
    cut: Cut,
    rows: u64,
    /// Whether its rows stand in one JSON array.
    in_array: bool,
}

impl RecordOut {
    fn new(out: Out, cut: Cut) -> Self {
        Self {
            out,
            cut,
            rows: 0,
            in_array: false,
        }
    }

    /// The bytes before a record: the opening of an array, or a comma. `bytes` begin the record.
    fn begin(&mut self, in_array: bool, bytes: &[u8]) -> Result<(), ReadError> {
        if self.rows == 0 {
            // A file of values whose first is a list would be read as an array of that list's
            // values. Written as an array, its rows stay what they are.
            let a_list = self.cut == Cut::Values && bytes.starts_with(b"[");
            self.in_array = in_array || a_list;
        }
        self.rows += 1;
        match (self.in_array, self.rows) {
            (false, _) => Ok(()),
            (true, 1) => self.out.put(b"[\n"),
            (true, _) => self.out.put(b",\n"),
        }
    }

    /// `in_array`: whether the input is an array, which decides what a side without rows is.
    fn end(mut self, in_array: bool) -> Result<Target, ReadError> {
        match (self.rows, in_array, self.in_array) {
            (0, true, _) => self.out.put(b"[]\n")?,
            (0, false, _) | (_, _, false) => {}
            (_, _, true) => self.out.put(b"\n]\n")?,
        }
        self.out.finish()
    }
}

type Done = (SplitCounts, String, [Target; 2]);

fn split_stream(
    source: &Source,
    stream: Stream<'_>,
    format: Format,
    limits: Limits,
    mut sides: Sides<'_>,
    outs: [Out; 2],
) -> Result<Done, ReadError> {
    let name = source.name();
    let (cut, delimiter) = match format {
        Format::JsonArray => (Cut::Values, b','),
        Format::Csv => (Cut::Csv, row_formats::delimiter(stream.head().0)),
        Format::Tsv => (Cut::Csv, b'\t'),
        Format::Text => return split_text(source, &stream, sides, outs),
        Format::Jsonl | Format::Parquet | Format::ArrowFile | Format::ArrowStream => {
            (Cut::Lines, b',')
        }
    };
    let mut records = Records::new(stream, cut, delimiter, limits.line_bytes_max);
    let [clean, quarantine] = outs.map(|out| RecordOut::new(out, cut));
    let (mut clean, mut quarantine) = (clean, quarantine);
    let mut header = cut == Cut::Csv;
    let mut current: Option<Side> = None;
    loop {
        let next = records.next_with_array();
        let (record, in_array) = match next {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(error) => {
                let row = sides.counts.rows();
                return Err(row_formats::record_fault(
                    name,
                    records.source(),
                    error,
                    row,
                ));
            }
        };
        let (bytes, last) = match record {
            Record::Whole(bytes) => (bytes, true),
            Record::Part { bytes, last } => (bytes, last),
        };
        if header {
            clean.out.put(bytes)?;
            quarantine.out.put(bytes)?;
            if last {
                clean.out.put(b"\n")?;
                quarantine.out.put(b"\n")?;
                header = false;
            }
            continue;
        }
        let first = current.is_none();
        let side = *current.get_or_insert_with(|| sides.next());
        let out = match side {
            Side::Clean => &mut clean,
            Side::Quarantine => &mut quarantine,
        };
        if first {
            out.begin(in_array, bytes)?;
        }
        out.out.put(bytes)?;
        if last {
            if !out.in_array {
                out.out.put(b"\n")?;
            }
            current = None;
        }
    }
    let in_array = records.in_array();
    let (sha256, _) = records.into_source().finish()?;
    Ok((
        sides.counts,
        sha256,
        [clean.end(in_array)?, quarantine.end(in_array)?],
    ))
}

/// A text is one row: the stored bytes go to one side as they are.
fn split_text(
    source: &Source,
    stream: &Stream<'_>,
    mut sides: Sides<'_>,
    outs: [Out; 2],
) -> Result<Done, ReadError> {
    let empty = {
        let (head, whole) = stream.head();
        head.is_empty() && whole
    };
    let [clean, quarantine] = outs;
    let sha256 = source.sha256()?;
    if empty {
        return Ok((
            sides.counts,
            sha256,
            [clean.finish()?, quarantine.finish()?],
        ));
    }
    let side = sides.next();
    let (full, other) = match side {
        Side::Clean => (clean, quarantine),
        Side::Quarantine => (quarantine, clean),
    };
    // Copied as stored, so the encoder of this side has nothing to do.
    let mut full = match full {
        Out::Plain(target) => target,
        Out::Gzip(path, _) | Out::Zstd(path, _) => Target::create(source, &path)?,
    };
    copy_stored(source, &mut full)?;
    let other = other.finish()?;
    let targets = match side {
        Side::Clean => [full, other],
        Side::Quarantine => [other, full],
    };
    Ok((sides.counts, sha256, targets))
}

fn copy_stored(source: &Source, target: &mut Target) -> Result<u64, ReadError> {
    let file: &File = source.file();
    let mut chunk = vec![0; IO_BYTES];
    let mut at = 0;
    loop {
        let read = read_at_most(file, at, &mut chunk).map_err(|e| source.io(e))?;
        if read == 0 {
            return Ok(at);
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        target.write_all(bytes).map_err(|e| target.error(e))?;
        at += read as u64;
    }
}

/// The rows of a batch that belong to each side.
fn parts(batch: &RecordBatch, sides: &mut Sides<'_>) -> Result<[RecordBatch; 2], ArrowError> {
    let clean: Vec<bool> = (0..batch.num_rows())
        .map(|_| sides.next() == Side::Clean)
        .collect();
    let quarantine: BooleanArray = clean.iter().map(|clean| Some(!clean)).collect();
    let clean = BooleanArray::from(clean);
    Ok([
        filter_record_batch(batch, &clean)?,
        filter_record_batch(batch, &quarantine)?,
    ])
}

fn split_parquet(
    source: &Source,
    limits: Limits,
    mut sides: Sides<'_>,
    targets: [Target; 2],
) -> Result<(SplitCounts, [Target; 2]), ReadError> {
    let name = source.name();
    let metadata: ArrowReaderMetadata = parquet::open(source, ArrowReaderOptions::new())?;
    let footer = Arc::clone(metadata.metadata());
    let properties = properties(&footer);
    let mut writers = Vec::new();
    for target in targets {
        let path = target.path.clone();
        let writer = ArrowWriter::try_new(
            target,
            Arc::clone(metadata.schema()),
            Some(properties.clone()),
        );
        let writer = writer.map_err(|error| written(&path, io::Error::other(error)))?;
        writers.push((path, writer));
    }
    let chunks = parquet::Chunks::new(source, Some(limits.page_bytes_max));
    for (number, group) in footer.row_groups().iter().enumerate() {
        let step = parquet::step_rows(group, |_| true);
        let before = sides.counts.rows();
        let at = |row: u64| format!("row group {number}, row {row}");
        let mut reader = parquet::guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), metadata.clone())
                .with_row_groups(vec![number])
                .with_batch_size(step)
                .build()
        })
        .map_err(|error| parquet::fault(name, &error, &at(before)))?;
        loop {
            let row = sides.counts.rows();
            let next = parquet::guarded(|| Ok(reader.next().transpose()?));
            let Some(batch) = next.map_err(|error| parquet::fault(name, &error, &at(row)))? else {
                break;
            };
            let parts = parts(&batch, &mut sides)
                .map_err(|error| arrow_ipc::fault(name, &error, at(row)))?;
            for ((path, writer), part) in writers.iter_mut().zip(parts) {
                if part.num_rows() > 0 {
                    writer
                        .write(&part)
                        .map_err(|e| written(path, io::Error::other(e)))?;
                }
            }
        }
        let rows = sides.counts.rows() - before;
        parquet::rows_agree(name, rows, group.num_rows(), &format!("row group {number}"))?;
    }
    parquet::rows_agree(
        name,
        sides.counts.rows(),
        footer.file_metadata().num_rows(),
        "the footer",
    )?;
    let mut done = Vec::new();
    for (path, writer) in writers {
        done.push(
            writer
                .into_inner()
                .map_err(|e| written(&path, io::Error::other(e)))?,
        );
    }
    Ok((sides.counts, two(source, done)?))
}

fn two(source: &Source, targets: Vec<Target>) -> Result<[Target; 2], ReadError> {
    targets
        .try_into()
        .map_err(|_| source.io(io::Error::other("a split has two sides")))
}

/// The codec of each column and the metadata of the file, as they were.
fn properties(footer: &ParquetMetaData) -> WriterProperties {
    let file = footer.file_metadata();
    let metadata = file.key_value_metadata().map(|pairs| {
        // Written anew from the schema.
        pairs
            .iter()
            .filter(|pair| pair.key != "ARROW:schema")
            .cloned()
            .collect()
    });
    let mut properties = WriterProperties::builder()
        .set_key_value_metadata(metadata)
        .set_max_row_group_bytes(Some(SPLIT_ROW_GROUP_BYTES));
    if let Some(group) = footer.row_groups().first() {
        for column in group.columns() {
            properties = properties
                .set_column_compression(column.column_path().clone(), column.compression());
        }
    }
    properties.build()
}

enum ArrowOut {
    File(FileWriter<Target>),
    Stream(StreamWriter<Target>),
}

impl ArrowOut {
    fn new(
        target: Target,
        stream: bool,
        schema: &SchemaRef,
        options: IpcWriteOptions,
    ) -> Result<Self, ArrowError> {
        Ok(if stream {
            Self::Stream(StreamWriter::try_new_with_options(target, schema, options)?)
        } else {
            Self::File(FileWriter::try_new_with_options(target, schema, options)?)
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::File(writer) => writer.write(batch),
            Self::Stream(writer) => writer.write(batch),
        }
    }

    fn finish(self) -> Result<Target, ArrowError> {
        match self {
            Self::File(writer) => writer.into_inner(),
            Self::Stream(writer) => writer.into_inner(),
        }
    }
}

fn split_arrow(
    source: &Source,
    stream: bool,
    limits: Limits,
    mut sides: Sides<'_>,
    targets: [Target; 2],
) -> Result<(SplitCounts, [Target; 2]), ReadError> {
    let name = source.name();
    let (mut batches, announced) = arrow_ipc::open(source, stream, &limits, None)?;
    let schema = batches.schema();
    let options = IpcWriteOptions::default()
        .try_with_compression(announced.codec)
        .map_err(|error| arrow_ipc::fault(name, &error, "the codec".to_owned()))?;
    let mut writers = Vec::new();
    for target in targets {
        let path = target.path.clone();
        let writer = ArrowOut::new(target, stream, &schema, options.clone())
            .map_err(|error| written(&path, io::Error::other(error)))?;
        writers.push((path, writer));
    }
    for (_, writer) in &mut writers {
        if let (ArrowOut::File(writer), arrow_ipc::Batches::File(reader)) = (writer, &batches) {
            let mut pairs: Vec<_> = reader.custom_metadata().iter().collect();
            pairs.sort();
            for (key, value) in pairs {
                writer.write_metadata(key, value);
            }
        }
    }
    while let Some(batch) = batches.next() {
        let at = || format!("row {}", sides.counts.rows());
        let batch = batch.map_err(|error| arrow_ipc::fault(name, &error, at()))?;
        let at = at();
        let parts =
            parts(&batch, &mut sides).map_err(|error| arrow_ipc::fault(name, &error, at))?;
        for ((path, writer), part) in writers.iter_mut().zip(parts) {
            if part.num_rows() > 0 {
                writer
                    .write(&part)
                    .map_err(|e| written(path, io::Error::other(e)))?;
            }
        }
    }
    if sides.counts.rows() != announced.rows {
        return Err(ReadError::Corrupt {
            path: Arc::clone(name),
            what: format!(
                "{} rows of {} announced",
                sides.counts.rows(),
                announced.rows
            ),
            at: "the end".to_owned(),
        });
    }
    let mut done = Vec::new();
    for (path, writer) in writers {
        done.push(
            writer
                .finish()
                .map_err(|e| written(&path, io::Error::other(e)))?,
        );
    }
    Ok((sides.counts, two(source, done)?))
}
