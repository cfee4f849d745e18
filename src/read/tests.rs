//! Tests of whole files through [`read`]; the split has its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use super::*;
use crate::model::ColumnUse;

mod broken;
mod containers;
mod roles;
mod row_formats;
mod splitting;
mod twins;

/// Everything that a read gave, text by text.
#[derive(Debug)]
struct Got {
    /// `row:column=text`, in order.
    units: Vec<String>,
    /// `row:column=text role model`, in order.
    roles: Vec<String>,
    /// `row: message`, in order.
    errors: Vec<String>,
    /// `row:column`, in order.
    opaque: Vec<String>,
    batches: usize,
    file: FileRead,
}

impl Got {
    fn error(&self) -> String {
        self.file
            .error
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    fn columns(&self) -> Vec<(&str, ColumnUse, u64)> {
        self.file
            .columns
            .iter()
            .map(|c| (&*c.path, c.used, c.leaves))
            .collect()
    }
}

/// Reads an input and checks what must hold of every batch.
fn read_all(input: &InputPath, options: &ReadOptions) -> Got {
    let mut paths: Vec<Arc<str>> = Vec::new();
    let (mut units, mut roles, mut errors, mut opaque) = (vec![], vec![], vec![], vec![]);
    let mut batches = 0;
    let mut next_row = 0;
    let mut ordinal = None;
    let file = read(input, options, &|_| {}, &mut |batch: Batch| {
        batches += 1;
        for (id, path) in &batch.columns {
            assert_eq!(id.0 as usize, paths.len());
            paths.push(Arc::clone(path));
        }
        assert_eq!(batch.first_row + u64::from(batch.continues), next_row);
        next_row = batch.first_row + u64::from(batch.rows);
        assert!(batch.rows > 0);
        for error in &batch.errors {
            assert!((batch.first_row..next_row).contains(&error.row));
            errors.push(format!("{}: {}", error.row, error.message));
        }
        for unit in &batch.units {
            let row = batch.first_row + u64::from(unit.row);
            assert!(unit.row < batch.rows);
            assert!(batch.errors.iter().all(|error| error.row != row));
            let expected = match ordinal {
                Some((last, ordinal)) if last == row => ordinal + 1,
                Some((last, _)) => {
                    assert!(last < row);
                    0
                }
                None => 0,
            };
            assert_eq!(unit.ordinal, expected);
            ordinal = Some((row, unit.ordinal));
            let text = batch
                .text
                .get(unit.start..unit.end)
                .expect("on character boundaries");
            let path = &paths[unit.column.0 as usize];
            units.push(format!("{row}:{path}={text}"));
            let model = unit
                .model
                .map_or("-", |model| &batch.models[model as usize]);
            roles.push(format!("{row}:{path}={text} {:?} {model}", unit.role));
        }
        for (row, column) in &batch.opaque {
            assert!(*row < batch.rows);
            opaque.push(format!(
                "{}:{}",
                batch.first_row + u64::from(*row),
                paths[column.0 as usize]
            ));
        }
        Ok(())
    });
    assert_eq!(file.rows, next_row);
    assert_eq!(file.row_errors, errors.len() as u64);
    assert!(file.columns.len() >= paths.len());
    for (info, path) in file.columns.iter().zip(&paths) {
        assert_eq!(info.path, *path);
    }
    Got {
        units,
        roles,
        errors,
        opaque,
        batches,
        file,
    }
}

/// A folder for one test's files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> InputPath {
        std::fs::write(self.path(name), bytes).unwrap();
        InputPath::file(self.path(name))
    }
}

fn read_bytes(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Got {
    let folder = Folder::new();
    let input = folder.write(name, bytes);
    read_all(&input, options)
}

fn registering() -> ReadOptions {
    ReadOptions {
        purpose: Purpose::Register,
        ..ReadOptions::default()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// JSONL of `rows` rows with a text each.
fn jsonl(rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        writeln!(
            text,
            "{{\"id\": {row}, \"text\": \"the text of row {row}\"}}"
        )
        .unwrap();
    }
    text
}
