//! Reading and scanning together, on all threads: results come in the order of the rows and are
//! the same for any number of threads.
//!
//! Row groups of Parquet and lines of JSON are read by the workers themselves ([`frame`]). The
//! other formats are read by a thread of their own that hands batches to the workers ([`serial`]).

use serde::Deserialize;
use serde::Serialize;

pub(super) mod frame;
mod lane;
mod serial;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::frame::End;
use self::frame::Frame;
use self::frame::Reached;
use super::FileRead;
use super::Opened;
use super::Seen;
use super::columns::Columns;
use super::error::ReadError;
use super::format;
use super::format::Compression;
use super::format::Format;
use super::input::InputPath;
use super::limits::RESULTS_BYTES_MAX;
use super::lines;
use super::parquet;
use super::source::Source;
use super::source::Stream;
use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::RowError;
use crate::read::ReadOptions;

/// What one batch came to: the batch without its text, and what a worker made of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Scanned<T> {
    /// 0-based row of the first row.
    pub first_row: u64,
    /// Rows covered, broken ones included.
    pub rows: u32,
    /// Broken rows.
    pub errors: Vec<RowError>,
    /// Rows whose text cannot be read here, with the column.
    pub opaque: Vec<(u32, ColumnId)>,
    /// Whether the first row is the last row of the batch before, carried on.
    pub continues: bool,
    /// Paths of columns first seen in this batch.
    pub columns: Vec<(ColumnId, Arc<str>)>,
    /// Units in the batch.
    pub units: u64,
    /// UTF-8 bytes of text in the batch.
    pub text_bytes: u64,
    /// Rows with text that is not all white space. A row that is carried on counts where it begins.
    pub text_rows: u32,
    /// What the worker made of the units.
    pub found: T,
}

impl<T> Scanned<T> {
    fn of(batch: &mut Batch, found: T) -> Self {
        Self {
            first_row: batch.first_row,
            rows: batch.rows,
            errors: std::mem::take(&mut batch.errors),
            opaque: std::mem::take(&mut batch.opaque),
            continues: batch.continues,
            columns: std::mem::take(&mut batch.columns),
            units: batch.units.len() as u64,
            text_bytes: batch.text.len() as u64,
            text_rows: text_rows(batch),
            found,
        }
    }
}

/// Rows of a batch that hold text; its units are in the order of their rows.
fn text_rows(batch: &Batch) -> u32 {
    let mut counted = if batch.continues { Some(0) } else { None };
    let mut rows = 0;
    for unit in &batch.units {
        if counted != Some(unit.row) && !batch.unit_text(unit).trim_start().is_empty() {
            counted = Some(unit.row);
            rows += 1;
        }
    }
    rows
}

impl<T, E> Scanned<Result<T, E>> {
    /// The same with what was found, or why nothing could be.
    pub fn transpose(self) -> Result<Scanned<T>, E> {
        Ok(Scanned {
            found: self.found?,
            first_row: self.first_row,
            rows: self.rows,
            errors: self.errors,
            opaque: self.opaque,
            continues: self.continues,
            columns: self.columns,
            units: self.units,
            text_bytes: self.text_bytes,
            text_rows: self.text_rows,
        })
    }
}

/// What a worker makes of a batch.
pub trait Outcome: Send {
    /// Replaces every column number by what `column` gives for it: workers find columns in an
    /// order of their own, and number them so.
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId);

    /// Heap bytes, roughly: what waits for its turn is bounded by them.
    fn bytes(&self) -> usize;
}

impl<T: Outcome, E: Send> Outcome for Result<T, E> {
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId) {
        if let Ok(found) = self {
            found.renumber(column);
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Ok(found) => found.bytes(),
            Err(_) => 0,
        }
    }
}

/// The work on one batch, with the state of the worker that does it. It may change the batch while
/// it is at it, and leaves it as it was.
pub type Work<'a, S, T> = &'a (dyn Fn(&mut S, &mut Batch) -> T + Sync);

/// Reads one input and scans it: `work` runs on one thread for each of `states`, of which there
/// must be one at least, and `take` receives what it made of each batch in the order of the rows.
/// Account and results are those of [`read()`](super::read()), whatever the number of threads.
pub fn scan<S: Send, T: Outcome>(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    states: &mut [S],
    work: Work<'_, S, T>,
    take: &mut dyn FnMut(Scanned<T>),
) -> FileRead {
    scan_with(
        input,
        options,
        progress,
        states,
        work,
        take,
        RESULTS_BYTES_MAX,
    )
}

fn scan_with<S: Send, T: Outcome>(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    states: &mut [S],
    work: Work<'_, S, T>,
    take: &mut dyn FnMut(Scanned<T>),
    room: usize,
) -> FileRead {
    let mut scan = Scan {
        input,
        options,
        progress,
        states,
        work,
        take,
        room,
        seen: Seen::default(),
        columns: Columns::new(options.selection(), options.limits.columns_max),
        rows: 0,
        row_errors: 0,
    };
    let result = scan.read();
    match result {
        Ok(Done::Read(sha256)) => scan.account(Ok(sha256)),
        Err(error) => scan.account(Err(error)),
        Ok(Done::Serial(account)) => *account,
    }
}

/// How a file was read.
enum Done {
    /// By the workers; its digest.
    Read(String),
    /// By a thread of its own, which gave this account.
    Serial(Box<FileRead>),
}

/// One input on its way.
struct Scan<'a, 't, S, T> {
    input: &'a InputPath,
    options: &'a ReadOptions,
    progress: &'a (dyn Fn(u64) + Sync),
    states: &'a mut [S],
    work: Work<'a, S, T>,
    take: &'a mut (dyn FnMut(Scanned<T>) + 't),
    room: usize,
    seen: Seen,
    columns: Columns,
    rows: u64,
    row_errors: u64,
}

impl<S: Send, T: Outcome> Scan<'_, '_, S, T> {
    fn account(self, result: Result<String, ReadError>) -> FileRead {
        super::account(
            self.input,
            self.options,
            self.seen,
            &self.columns,
            (self.rows, self.row_errors),
            result,
        )
    }

    fn read(&mut self) -> Result<Done, ReadError> {
        if self.states.is_empty() {
            return Err(ReadError::Stopped {
                path: Arc::clone(&self.input.name),
            });
        }
        let source = Source::open(self.input)?;
        self.seen.bytes = source.len();
        let limits = self.options.limits;
        let opened = super::open(
            &source,
            self.input,
            self.options.format,
            limits,
            self.progress,
        )?;
        let digest = match opened {
            Opened::Container(Format::Parquet) => {
                self.seen.format = Some(format::label(Format::Parquet, Compression::None));
                self.parquet(&source)?
            }
            Opened::Stream(stream, Format::Jsonl, compression) => {
                self.seen.format = Some(format::label(Format::Jsonl, compression));
                self.lines(&source, stream)?
            }
            opened @ (Opened::Container(_) | Opened::Stream(..)) => {
                drop(opened);
                return Ok(Done::Serial(Box::new(self.alone())));
            }
        };
        let Some(sha256) = digest else {
            let mut account = self.alone();
            // What was handed on before is of the file as it was then.
            if let (None, Err(error)) = (&account.error, source.unchanged()) {
                account.sha256 = None;
                account.error = Some(error);
            }
            return Ok(Done::Serial(Box::new(account)));
        };
        source.unchanged()?;
        (self.progress)(source.len());
        Ok(Done::Read(sha256))
    }

    /// Has one thread read the file, from its beginning, and hands on what is not yet.
    fn alone(&mut self) -> FileRead {
        serial::scan(
            self.input,
            self.options,
            self.progress,
            self.rows,
            self.states,
            self.work,
            self.take,
        )
    }

    /// The digest; `None` if the file has to be read alone.
    fn parquet(&mut self, source: &Source) -> Result<Option<String>, ReadError> {
        let mut declared = None;
        let digest = super::while_hashing(source, || {
            let limits = self.options.limits;
            let plan = parquet::plan(source, &mut self.columns)?;
            let reader = parquet::Reader::new(source, &plan, limits, self.progress);
            let whole = if reader.suits_groups(self.states.len()) {
                let feed = parquet::Groups::new(&reader);
                let walk = |rows: &mut super::rows::RowWriter<'_>, group: &mut usize| {
                    reader.group(rows, *group)
                };
                let (_, reached) = self.run(source, feed, &walk);
                self.reached(reached)?
            } else {
                let feed = parquet::Steps::new(&reader);
                let (_, reached) = self.run(source, feed, &|rows, step| reader.walk(rows, step));
                self.reached(reached)?
            };
            if whole {
                declared = Some(reader.rows_agree(self.rows)?);
            }
            Ok(whole)
        });
        self.seen.rows_declared = declared;
        digest
    }

    fn lines(&mut self, source: &Source, stream: Stream<'_>) -> Result<Option<String>, ReadError> {
        let limits = self.options.limits;
        let feed = lines::Blocks::new(source.name(), stream, &limits);
        let (feed, reached) = self.run(source, feed, &|rows, block| {
            lines::walk(source.name(), rows, block, &limits)
        });
        if !self.reached(reached)? {
            return Ok(None);
        }
        if feed.rows() != self.rows {
            return Err(frame::cut_short(source.name()));
        }
        super::finish_stream(source, feed.into_stream()).map(Some)
    }

    fn run<F: frame::Feed>(
        &mut self,
        source: &Source,
        feed: F,
        walk: frame::Walk<'_, F::Piece>,
    ) -> (F, Reached) {
        let frame = Frame {
            name: source.name(),
            limits: self.options.limits,
            room: self.room,
            work: self.work,
        };
        frame.run(feed, walk, &mut self.columns, self.states, self.take)
    }

    /// Whether the file was read to its end.
    fn reached(&mut self, reached: Reached) -> Result<bool, ReadError> {
        self.rows = reached.rows;
        self.row_errors = reached.row_errors;
        match reached.end {
            End::Whole => Ok(true),
            End::Wide => Ok(false),
            End::Error(error) => Err(error),
        }
    }
}
