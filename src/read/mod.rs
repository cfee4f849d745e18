//! From files to batches of text units: every string leaf of every row, at any nesting.
//!
//! [`expand`] turns what the user named into inputs; [`read()`] reads one input and hands on
//! batches of bounded size; [`scan()`] does so on all threads and gives each batch to its scan at once; [`split()`] copies an input's rows to a clean and a quarantine file in
//! the input's own format.
//!
//! What holds:
//! - Memory does not grow with the file: a row, a Parquet step or an Arrow record batch at a time.
//! - Nothing is skipped silently. A broken row is counted with its place and reading goes on; a
//!   broken container ends the file with an error, and what was read until then stands. Text that
//!   cannot be read (token ids, undecodable bytes) is named row by row.
//! - The digest is of the very bytes scanned, through one descriptor that is opened once; a file
//!   that changes under the reader is an error.
//! - Keys of JSON objects are not scanned; keys of Arrow maps are, as they are data.
//!
//! What does not hold: a text that is cut by the edge of two rows is not joined, and a JSONL file
//! that was cut exactly between two rows reads as complete, since the format has no end mark.

use serde::Deserialize;
use serde::Serialize;

mod arrays;
mod arrow_ipc;
mod columns;
mod error;
mod format;
mod input;
mod json;
pub mod limits;
mod lines;
mod names;
mod parquet;
mod records;
mod row_formats;
mod rows;
mod scan;
mod source;
mod split;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

pub use self::columns::ColumnInfo;
pub use self::error::ReadError;
pub use self::error::Stop;
pub use self::format::Compression;
pub use self::format::Format;
pub use self::input::Expansion;
pub use self::input::InputPath;
pub use self::input::expand;
pub use self::limits::Limits;
pub use self::scan::Outcome;
pub use self::scan::Scanned;
pub use self::scan::Work;
pub use self::scan::scan;
pub use self::split::Side;
pub use self::split::SplitCounts;
pub use self::split::copy_whole;
pub use self::split::split;

use self::columns::Columns;
use self::columns::Pattern;
use self::columns::Selection;
use self::format::Outer;
use self::rows::RowWriter;
use self::rows::Whole;
use self::source::Source;
use self::source::Stream;
use crate::model::Batch;

/// What the text is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Purpose {
    /// Every text is looked at, whatever its role.
    #[default]
    Check,
    /// Outputs are registered; prompts are handed on as prompts even beside `--text-column`.
    Register,
}

/// How to read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReadOptions {
    /// The format, where it is not to be recognised.
    pub format: Option<Format>,
    /// Only these columns, and what is below them, are text; all if empty.
    pub text_columns: Vec<String>,
    /// These columns, and what is below them, are left out.
    pub exempt_columns: Vec<String>,
    /// These columns, and what is below them, are prompts.
    pub prompt_columns: Vec<String>,
    /// The column that names the generating model.
    pub model_column: Option<String>,
    /// What the text is read for.
    pub purpose: Purpose,
    /// The limits in effect.
    pub limits: Limits,
}

/// What reading one input came to.
#[derive(Debug)]
pub struct FileRead {
    /// Format and compression, e.g. `jsonl+gzip`; `None` if it was not recognised.
    pub format: Option<String>,
    /// SHA-256 of the stored bytes, lower-case hex; `None` unless all were read without a
    /// file-level error.
    pub sha256: Option<String>,
    /// Stored bytes.
    pub bytes: u64,
    /// Rows read, broken ones included. With an error: the rows before it, and a long document of
    /// which a part was handed on.
    pub rows: u64,
    /// Rows of these that are broken.
    pub row_errors: u64,
    /// Rows that the file's footer says it holds; `None` without an error only where the format
    /// has no such number.
    pub rows_declared: Option<u64>,
    /// The columns, by [`ColumnId`](crate::model::ColumnId).
    pub columns: Vec<ColumnInfo>,
    /// The columns that outputs took the id of their model from; registration only.
    pub model_columns: Vec<Arc<str>>,
    /// Why the file could not be read, or not to its end: it is undecided from row `rows` on.
    pub error: Option<ReadError>,
    /// `--exempt-column` values that cover no column of this file. An error only if no file of
    /// the run has one: folders hold files of different shape.
    pub exempt_unused: Vec<String>,
}

impl ReadOptions {
    fn selection(&self) -> Selection {
        let patterns = |list: &[String]| list.iter().map(|path| Pattern::new(path)).collect();
        Selection {
            text: patterns(&self.text_columns),
            exempt: patterns(&self.exempt_columns),
            prompt: patterns(&self.prompt_columns),
            model: self.model_column.as_deref().map(Pattern::new),
            registering: self.purpose == Purpose::Register,
        }
    }
}

/// Reads one input from beginning to end.
///
/// `progress` is called with the number of stored bytes consumed so far; for Parquet and Arrow
/// files roughly. `sink` receives the batches in order; once it says [`Stop`] nothing more is
/// read. An error of the file comes last, after everything before it has been handed on.
pub fn read(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    sink: &mut dyn FnMut(Batch) -> Result<(), Stop>,
) -> FileRead {
    read_from(input, options, progress, 0, sink)
}

/// As [`read()`], but rows before `hand_on_from` are read and not handed on: they were, by who read
/// the file before.
fn read_from(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    hand_on_from: u64,
    sink: &mut dyn FnMut(Batch) -> Result<(), Stop>,
) -> FileRead {
    let mut sink = Whole(sink);
    let columns = Columns::new(options.selection(), options.limits.columns_max);
    let mut rows = RowWriter::new(columns, options.limits, &mut sink);
    rows.hand_on_from(hand_on_from);
    let mut seen = Seen::default();
    let mut result = read_into(input, options, progress, &mut rows, &mut seen);
    if !matches!(result, Err(ReadError::Stopped { .. })) && rows.finish().is_err() {
        result = Err(ReadError::Stopped {
            path: Arc::clone(&input.name),
        });
    }
    let counts = (rows.rows_begun(), rows.row_errors());
    account(input, options, seen, &rows.columns, counts, result)
}

/// The account of a file: `counts` are its rows and the broken ones, `result` its digest.
fn account(
    input: &InputPath,
    options: &ReadOptions,
    seen: Seen,
    columns: &Columns,
    (rows, row_errors): (u64, u64),
    result: Result<String, ReadError>,
) -> FileRead {
    let result = result.and_then(|sha256| {
        // Files without rows have no columns to miss.
        if rows > row_errors {
            missing_column(input, options, columns)?;
        }
        Ok(sha256)
    });
    let exempt_unused = options
        .exempt_columns
        .iter()
        .filter(|path| !columns.occurs(&Pattern::new(path)))
        .cloned()
        .collect();
    let (sha256, error) = match result {
        Ok(sha256) => (Some(sha256), None),
        Err(error) => (None, Some(error)),
    };
    FileRead {
        format: seen.format,
        sha256,
        bytes: seen.bytes,
        rows,
        row_errors,
        rows_declared: seen.rows_declared,
        columns: columns.infos(),
        model_columns: columns.model_columns(),
        error,
        exempt_unused,
    }
}

/// What is known about an input even if it fails later.
#[derive(Debug, Default)]
struct Seen {
    format: Option<String>,
    bytes: u64,
    rows_declared: Option<u64>,
}

fn read_into(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    rows: &mut RowWriter<'_>,
    seen: &mut Seen,
) -> Result<String, ReadError> {
    let source = Source::open(input)?;
    seen.bytes = source.len();
    let sha256 = match open(&source, input, options.format, options.limits, progress)? {
        Opened::Container(format) => {
            seen.format = Some(format::label(format, Compression::None));
            let declared = &mut seen.rows_declared;
            read_container(&source, format, options.limits, progress, rows, declared)?
        }
        Opened::Stream(stream, format, compression) => {
            seen.format = Some(format::label(format, compression));
            let stream = read_stream(stream, &source, format, options.limits, rows)?;
            finish_stream(&source, stream)?
        }
    };
    source.unchanged()?;
    progress(source.len());
    Ok(sha256)
}

/// The digest of a stream that was read to its end, and of what stands behind that.
fn finish_stream(source: &Source, stream: Stream<'_>) -> Result<String, ReadError> {
    let (sha256, bytes) = stream.finish()?;
    if bytes != source.len() {
        return Err(ReadError::Changed {
            path: Arc::clone(source.name()),
            what: "the file changed while it was read".to_owned(),
        });
    }
    Ok(sha256)
}

/// An input whose format is decided.
#[expect(clippy::large_enum_variant, reason = "one per file")]
enum Opened<'a> {
    Container(Format),
    Stream(Stream<'a>, Format, Compression),
}

fn open<'a>(
    source: &Source,
    input: &InputPath,
    forced: Option<Format>,
    limits: Limits,
    progress: source::Progress<'a>,
) -> Result<Opened<'a>, ReadError> {
    let named = format::by_name(input.path.as_deref().map(Path::new));
    match format::outer(source, named, forced)? {
        Outer::Container(format) => Ok(Opened::Container(format)),
        Outer::Stream(compression) => {
            let mut stream = Stream::open(source, compression, limits, progress)?;
            if let Some(error) = stream.take_pending_if_empty() {
                return Err(stream.fault(error, "the beginning"));
            }
            let (head, whole) = stream.head();
            let format = format::inner(source.name(), named.format, forced, head, whole)?;
            Ok(Opened::Stream(stream, format, compression))
        }
    }
}

fn read_stream<'a>(
    stream: Stream<'a>,
    source: &Source,
    format: Format,
    limits: Limits,
    rows: &mut RowWriter<'_>,
) -> Result<Stream<'a>, ReadError> {
    let name = source.name();
    match format {
        Format::JsonArray => row_formats::read_json(name, stream, limits, rows),
        Format::Csv => {
            let delimiter = row_formats::delimiter(stream.head().0);
            row_formats::read_csv(name, stream, delimiter, limits, rows)
        }
        Format::Tsv => row_formats::read_csv(name, stream, b'\t', limits, rows),
        Format::Text => row_formats::read_text(name, stream, rows),
        Format::Jsonl | Format::Parquet | Format::ArrowFile | Format::ArrowStream => {
            lines::read(name, stream, &limits, rows)
        }
    }
}

/// Reads a container while a second thread hashes the same descriptor.
fn read_container(
    source: &Source,
    format: Format,
    limits: Limits,
    progress: &(dyn Fn(u64) + Sync),
    rows: &mut RowWriter<'_>,
    declared: &mut Option<u64>,
) -> Result<String, ReadError> {
    let digest = while_hashing(source, || {
        if format == Format::Parquet {
            *declared = Some(parquet::read(source, limits, progress, rows)?);
        } else {
            arrow_ipc::read(
                source,
                format == Format::ArrowStream,
                limits,
                progress,
                rows,
            )?;
        }
        Ok(true)
    })?;
    digest.ok_or_else(|| source.io(std::io::Error::other("reading ended early")))
}

/// Hashes the descriptor on a second thread while `read` reads. The digest is wanted if `read`
/// says that it read to the end; otherwise hashing is given up.
fn while_hashing(
    source: &Source,
    read: impl FnOnce() -> Result<bool, ReadError>,
) -> Result<Option<String>, ReadError> {
    let given_up = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| source.sha256_unless(&given_up));
        let read = read();
        if !matches!(read, Ok(true)) {
            given_up.store(true, Ordering::Relaxed);
            return read.map(|_| None);
        }
        match hashing.join() {
            Ok(sha256) => sha256,
            Err(_) => Err(source.io(std::io::Error::other("hashing ended early"))),
        }
    })
}

/// A column that the user named and that does not occur: a misspelt name would leave the text
/// unread.
fn missing_column(
    input: &InputPath,
    options: &ReadOptions,
    columns: &Columns,
) -> Result<(), ReadError> {
    let named = options
        .text_columns
        .iter()
        .map(|path| ("--text-column", path))
        .chain(
            options
                .prompt_columns
                .iter()
                .map(|path| ("--prompt-column", path)),
        )
        .chain(
            options
                .model_column
                .iter()
                .map(|path| ("--model-column", path)),
        );
    for (option, path) in named {
        if !columns.occurs(&Pattern::new(path)) {
            return Err(ReadError::NoSuchColumn {
                path: Arc::clone(&input.name),
                option,
                column: path.clone(),
                found: columns.listing(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
