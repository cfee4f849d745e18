//! What must hold of reading any bytes in any format.
//!
//! The batches agree with the account of the file; all threads together read what one alone reads;
//! the digest is that of the bytes; and the two sides of a split hold each row once.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;

use super::rows::is_another_format;
use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::Role;
use crate::model::RowError;
use crate::model::UnitSpan;
use crate::read;
use crate::read::FileRead;
use crate::read::Format;
use crate::read::InputPath;
use crate::read::Outcome;
use crate::read::ReadOptions;
use crate::read::Side;

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// A path in this thread's own folder.
pub(super) fn place(name: &str) -> PathBuf {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
        folder.path().join(name)
    })
}

/// The bytes as a file.
pub(super) fn file(name: &str, bytes: &[u8]) -> InputPath {
    let path = place(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    InputPath::file(path)
}

/// One unit as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) row: u64,
    pub(super) path: String,
    pub(super) text: String,
    role: Role,
    model: Option<String>,
}

/// All that reading a file gave.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) units: Vec<Unit>,
    /// Broken rows.
    pub(super) errors: Vec<RowError>,
    opaque: Vec<(u64, String)>,
    pub(super) file: FileRead,
}

/// A unit of a batch, with what the batch says of it.
type Raw = (u32, ColumnId, String, Role, Option<String>);

/// Collects batches and checks each against those before it.
#[derive(Default)]
struct Collector {
    paths: Vec<Arc<str>>,
    units: Vec<Unit>,
    errors: Vec<RowError>,
    opaque: Vec<(u64, String)>,
    next_row: u64,
}

/// A batch without its text.
struct Frame {
    first_row: u64,
    rows: u32,
    errors: Vec<RowError>,
    opaque: Vec<(u32, ColumnId)>,
    continues: bool,
    columns: Vec<(ColumnId, Arc<str>)>,
}

impl Collector {
    fn take(&mut self, frame: Frame, units: Vec<Raw>) {
        for (id, path) in frame.columns {
            assert_eq!(id.0 as usize, self.paths.len(), "a column out of turn");
            self.paths.push(path);
        }
        assert_eq!(frame.first_row + u64::from(frame.continues), self.next_row);
        assert!(frame.rows > 0, "a batch without rows");
        let end = frame.first_row + u64::from(frame.rows);
        self.next_row = end;
        let path = |column: ColumnId| self.paths[column.0 as usize].to_string();
        for error in &frame.errors {
            assert!((frame.first_row..end).contains(&error.row));
            assert!(!error.message.is_empty());
        }
        let mut last = 0;
        for (row, column, text, role, model) in units {
            assert!(row >= last && row < frame.rows, "units out of order");
            last = row;
            let row = frame.first_row + u64::from(row);
            assert!(
                frame.errors.iter().all(|error| error.row != row),
                "a broken row has text"
            );
            let path = path(column);
            self.units.push(Unit {
                row,
                path,
                text,
                role,
                model,
            });
        }
        for (row, column) in frame.opaque {
            assert!(row < frame.rows);
            self.opaque
                .push((frame.first_row + u64::from(row), path(column)));
        }
        self.errors.extend(frame.errors);
    }

    fn done(self, file: FileRead) -> Got {
        assert_eq!(file.rows, self.next_row, "rows of the account");
        assert_eq!(
            file.row_errors,
            self.errors.len() as u64,
            "broken rows of the account"
        );
        for (info, path) in file.columns.iter().zip(&self.paths) {
            assert_eq!(info.path, *path);
        }
        assert!(file.columns.len() >= self.paths.len());
        Got {
            units: self.units,
            errors: self.errors,
            opaque: self.opaque,
            file,
        }
    }
}

fn raw(batch: &Batch, unit: &UnitSpan) -> Raw {
    let text = batch.text.get(unit.start..unit.end);
    let model = unit.model.map(|model| batch.models[model as usize].clone());
    let text = text.expect("on character boundaries").to_owned();
    (unit.row, unit.column, text, unit.role, model)
}

/// Reads with one thread.
pub(super) fn read_alone(input: &InputPath, options: &ReadOptions) -> Got {
    let mut collector = Collector::default();
    let file = read::read(input, options, &|_| {}, &mut |batch: Batch| {
        let units = batch.units.iter().map(|unit| raw(&batch, unit)).collect();
        let frame = Frame {
            first_row: batch.first_row,
            rows: batch.rows,
            errors: batch.errors,
            opaque: batch.opaque,
            continues: batch.continues,
            columns: batch.columns,
        };
        collector.take(frame, units);
        Ok(())
    });
    collector.done(file)
}

struct Found(Vec<Raw>);

impl Outcome for Found {
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId) {
        for (_, id, ..) in &mut self.0 {
            *id = column(*id);
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, _, text, ..)| text.len() + 64).sum()
    }
}

/// Reads with several threads.
fn read_together(input: &InputPath, options: &ReadOptions, threads: usize) -> Got {
    let mut collector = Collector::default();
    let file = read::scan(
        input,
        options,
        &|_| {},
        &mut vec![(); threads],
        &|(), batch: &mut Batch| Found(batch.units.iter().map(|unit| raw(batch, unit)).collect()),
        &mut |scanned| {
            let frame = Frame {
                first_row: scanned.first_row,
                rows: scanned.rows,
                errors: scanned.errors,
                opaque: scanned.opaque,
                continues: scanned.continues,
                columns: scanned.columns,
            };
            collector.take(frame, scanned.found.0);
        },
    );
    collector.done(file)
}

/// Holds both ways of reading, the digest and, by the low bits of `asked`, a split to what they
/// promise. Gives what was read.
pub(super) fn check(bytes: &[u8], options: &ReadOptions, asked: u8) -> Got {
    let input = file("input", bytes);
    let got = read_alone(&input, options);
    assert_eq!(got.file.bytes, bytes.len() as u64);
    match (&got.file.error, &got.file.sha256) {
        (None, Some(sha256)) => assert_eq!(*sha256, hex::encode(Sha256::digest(bytes))),
        (Some(error), None) => assert!(!error.to_string().is_empty()),
        (error, sha256) => panic!("error {error:?} beside digest {sha256:?}"),
    }
    if asked & 1 == 1 {
        let together = read_together(&input, options, 1 + usize::from(asked >> 1 & 1));
        assert_eq!(got.units, together.units, "texts of several threads");
        assert_eq!(
            got.errors, together.errors,
            "broken rows of several threads"
        );
        assert_eq!(got.opaque, together.opaque);
        assert_eq!(account(&got.file), account(&together.file));
    }
    if asked & 4 == 4
        && let Some(sha256) = &got.file.sha256
    {
        split(&input, options, sha256, &got, asked >> 3);
    }
    got
}

fn account(file: &FileRead) -> String {
    let error = file.error.as_ref().map(ToString::to_string);
    format!(
        "{:?} {:?} {} {} {} {:?} {error:?}",
        file.format, file.sha256, file.bytes, file.rows, file.row_errors, file.columns
    )
}

fn is_container(format: Option<Format>) -> bool {
    matches!(
        format,
        Some(Format::Parquet | Format::ArrowFile | Format::ArrowStream)
    )
}

fn begins_as_array(input: &InputPath) -> bool {
    let path = input.path.as_ref().expect("a file");
    let bytes = std::fs::read(path).expect("what was read");
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    body.trim_ascii_start().starts_with(b"[")
}

/// Splits, reads both sides, and looks for each row in one of them.
fn split(input: &InputPath, options: &ReadOptions, sha256: &str, got: &Got, pattern: u8) {
    let aside = |row: u64| pattern >> (row % 5) & 1 == 1;
    let outs = [place("clean"), place("aside")];
    let mut asked = 0;
    let counts = match read::split(
        input,
        options,
        sha256,
        &mut |row| {
            assert_eq!(row, asked, "rows are asked for in order");
            asked += 1;
            if aside(row) {
                Side::Quarantine
            } else {
                Side::Clean
            }
        },
        &outs[0],
        &outs[1],
    ) {
        Ok(counts) => counts,
        // Writing a container again needs parts of its footer that reading does not look at. To
        // refuse is safe: the caller puts the whole file aside.
        Err(_) if is_container(options.format) => return,
        Err(error) => panic!("what was read cannot be split: {error}"),
    };
    assert_eq!(asked, got.file.rows);
    assert_eq!(counts.clean + counts.quarantine, got.file.rows);
    for (out, quarantined) in outs.iter().zip([false, true]) {
        let rows: Vec<u64> = (0..got.file.rows)
            .filter(|row| aside(*row) == quarantined)
            .collect();
        let again = read_alone(&InputPath::file(out), options);
        // The first row of a side may be a broken one that begins as another format does, or with
        // the mark that a file may begin with; then there is no telling what comes after it.
        let first = std::fs::read(out).expect("what was written");
        let marked = first.starts_with(b"\xef\xbb\xbf");
        // A side of values that begins with a list is written as an array, which a broken row breaks.
        let became_array = options.format == Some(Format::JsonArray)
            && first.starts_with(b"[")
            && !begins_as_array(input);
        let cannot_tell = (marked || became_array) && !got.errors.is_empty();
        if !is_container(options.format) && (cannot_tell || is_another_format(&first)) {
            continue;
        }
        assert!(again.file.error.is_none(), "{:?}", again.file.error);
        assert_eq!(again.file.rows, rows.len() as u64, "rows of one side");
        let new_row = |row: u64| rows.binary_search(&row).map(|at| at as u64);
        let expected: Vec<(u64, &str, &str)> = (got.units.iter())
            .filter_map(|unit| Some((new_row(unit.row).ok()?, &*unit.path, &*unit.text)))
            .collect();
        let found: Vec<(u64, &str, &str)> = (again.units.iter())
            .map(|unit| (unit.row, &*unit.path, &*unit.text))
            .collect();
        assert_eq!(found, expected, "texts of one side");
        let expected: Vec<u64> = (got.errors.iter())
            .filter_map(|error| new_row(error.row).ok())
            .collect();
        let found: Vec<u64> = again.errors.iter().map(|error| error.row).collect();
        assert_eq!(found, expected, "broken rows of one side");
    }
}
