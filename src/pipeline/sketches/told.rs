//! What a file of sketches says beside the sketches: JSON, compressed, of known size.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::scan::BatchMatches;
use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::codec::BatchSketch;
use super::error::SketchError;
use super::layout::LEVEL;
use super::layout::TOLD_BYTES_MAX;
use super::layout::VERSION;
use crate::index::Compat;
use crate::model::Canaries;
use crate::model::ColumnId;
use crate::model::ColumnUse;
use crate::model::RowError;
use crate::read::ColumnInfo;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;

/// An input as the check was given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputNamed {
    /// As the user named it; `-` for standard input.
    pub name: Arc<str>,
    /// Why it could not be opened.
    pub error: Option<Wrong>,
}

/// An error of a reader, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    message: String,
    remedy: Option<String>,
}

impl Wrong {
    fn of(error: &ReadError) -> Self {
        Self {
            message: error.to_string(),
            remedy: error.remedy().map(str::to_owned),
        }
    }

    fn into_error(self, path: &Arc<str>) -> ReadError {
        ReadError::Told {
            path: Arc::clone(path),
            message: self.message,
            remedy: self.remedy,
        }
    }
}

impl InputNamed {
    /// Of the inputs of a check.
    pub fn all(inputs: &[Result<InputPath, ReadError>]) -> Vec<Self> {
        let named = |input: &Result<InputPath, ReadError>| match input {
            Ok(input) => Self {
                name: Arc::clone(&input.name),
                error: None,
            },
            Err(error) => Self {
                name: Arc::clone(error.path()),
                error: Some(Wrong::of(error)),
            },
        };
        inputs.iter().map(named).collect()
    }

    /// The input over again. Nothing is read at the path that it has: a replay reads the sketches.
    pub fn again(&self) -> Result<InputPath, ReadError> {
        match &self.error {
            None => Ok(InputPath::named(&self.name, PathBuf::new())),
            Some(wrong) => Err(wrong.clone().into_error(&self.name)),
        }
    }
}

/// The first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    version: u32,
    recipe: String,
    unicode: String,
    guarantee_bytes: u32,
    key_check: String,
    pub(super) inputs: Vec<InputNamed>,
    /// What the caller needs to decide again.
    pub(super) about: serde_json::Value,
}

impl Head {
    /// Of a check that begins.
    pub(super) fn new(compat: &Compat, inputs: Vec<InputNamed>, about: serde_json::Value) -> Self {
        Self {
            version: VERSION,
            recipe: compat.recipe.clone(),
            unicode: compat.unicode.clone(),
            guarantee_bytes: compat.guarantee_bytes,
            key_check: hex::encode(compat.key_check),
            inputs,
            about,
        }
    }

    /// What differs from what this program and this index have.
    pub(super) fn foreign(&self, compat: &Compat) -> Option<String> {
        if self.version != VERSION {
            return Some(format!(
                "version of the format ({}, and this program knows {VERSION})",
                self.version
            ));
        }
        let differs = |what: &str, has: &str, needs: &str| {
            (has != needs).then(|| format!("{what} ({has:?}, and here it is {needs:?})"))
        };
        differs("recipe", &self.recipe, &compat.recipe)
            .or_else(|| differs("Unicode version", &self.unicode, &compat.unicode))
            .or_else(|| {
                (self.guarantee_bytes != compat.guarantee_bytes).then(|| {
                    format!(
                        "guarantee ({} bytes, and here it is {})",
                        self.guarantee_bytes, compat.guarantee_bytes
                    )
                })
            })
            .or_else(|| {
                (self.key_check != hex::encode(compat.key_check))
                    .then(|| "fingerprint key".to_owned())
            })
    }
}

/// What a batch says beside its units.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchTold {
    first_row: u64,
    rows: u32,
    continues: bool,
    units: u64,
    text_bytes: u64,
    text_rows: u32,
    /// Row and message of rows that could not be read.
    errors: Vec<(u64, String)>,
    /// Row within the batch, and number of the column.
    opaque: Vec<(u32, u32)>,
    /// Number and path of columns first seen here.
    columns: Vec<(u32, Arc<str>)>,
    /// Columns of the units.
    unit_columns: Vec<u32>,
}

impl BatchTold {
    pub(super) fn of(scanned: &Scanned, sketch: &BatchSketch) -> Self {
        Self {
            first_row: scanned.first_row,
            rows: scanned.rows,
            continues: scanned.continues,
            units: scanned.units,
            text_bytes: scanned.text_bytes,
            text_rows: scanned.text_rows,
            errors: (scanned.errors.iter())
                .map(|error| (error.row, error.message.clone()))
                .collect(),
            opaque: (scanned.opaque.iter())
                .map(|(row, column)| (*row, column.0))
                .collect(),
            columns: (scanned.columns.iter())
                .map(|(column, path)| (column.0, Arc::clone(path)))
                .collect(),
            unit_columns: sketch.columns.iter().map(|column| column.0).collect(),
        }
    }

    /// The columns that the units name.
    pub(super) fn unit_columns(&self) -> Vec<ColumnId> {
        self.unit_columns.iter().copied().map(ColumnId).collect()
    }

    pub(super) fn into_scanned(self) -> Scanned {
        Scanned {
            first_row: self.first_row,
            rows: self.rows,
            errors: (self.errors.into_iter())
                .map(|(row, message)| RowError { row, message })
                .collect(),
            opaque: (self.opaque.into_iter())
                .map(|(row, column)| (row, ColumnId(column)))
                .collect(),
            continues: self.continues,
            columns: (self.columns.into_iter())
                .map(|(column, path)| (ColumnId(column), path))
                .collect(),
            units: self.units,
            text_bytes: self.text_bytes,
            text_rows: self.text_rows,
            found: BatchMatches::default(),
        }
    }
}

/// What stands behind the batches of an input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    format: Option<String>,
    pub(super) sha256: Option<String>,
    bytes: u64,
    rows: u64,
    row_errors: u64,
    rows_declared: Option<u64>,
    /// Path, use and number of leaves.
    columns: Vec<(Arc<str>, ColumnUse, u64)>,
    error: Option<Wrong>,
    exempt_unused: Vec<String>,
    failed: Option<String>,
}

impl Account {
    pub(super) fn of(scan: &FileScan) -> Self {
        let read = &scan.read;
        let column = |column: &ColumnInfo| (Arc::clone(&column.path), column.used, column.leaves);
        Self {
            format: read.format.clone(),
            sha256: read.sha256.clone(),
            bytes: read.bytes,
            rows: read.rows,
            row_errors: read.row_errors,
            rows_declared: read.rows_declared,
            columns: read.columns.iter().map(column).collect(),
            error: read.error.as_ref().map(Wrong::of),
            exempt_unused: read.exempt_unused.clone(),
            failed: scan.failed.clone(),
        }
    }

    pub(super) fn into_scan(self, path: &Arc<str>) -> FileScan {
        let column = |(path, used, leaves)| ColumnInfo { path, used, leaves };
        FileScan {
            read: FileRead {
                format: self.format,
                sha256: self.sha256,
                bytes: self.bytes,
                rows: self.rows,
                row_errors: self.row_errors,
                rows_declared: self.rows_declared,
                columns: self.columns.into_iter().map(column).collect(),
                model_columns: Vec::new(),
                error: self.error.map(|error| error.into_error(path)),
                exempt_unused: self.exempt_unused,
            },
            failed: self.failed,
            canaries: Canaries::default(),
        }
    }
}

/// As JSON, compressed.
pub(super) fn told(value: &impl Serialize) -> Result<Vec<u8>, SketchError> {
    let failed = |why: String| SketchError::NotMade { what: why };
    let json = serde_json::to_vec(value).map_err(|error| failed(error.to_string()))?;
    if json.len() as u64 > TOLD_BYTES_MAX {
        return Err(failed(format!(
            "what is to be said beside the sketches has {} bytes, more than {TOLD_BYTES_MAX}",
            json.len()
        )));
    }
    zstd::bulk::compress(&json, LEVEL).map_err(|error| failed(error.to_string()))
}

/// The way back.
pub(super) fn untold<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut json = Vec::new();
    zstd::stream::Decoder::new(bytes)
        .and_then(|decoder| decoder.take(TOLD_BYTES_MAX + 1).read_to_end(&mut json))
        .map_err(|error| error.to_string())?;
    if json.len() as u64 > TOLD_BYTES_MAX {
        return Err(format!("a part of it has more than {TOLD_BYTES_MAX} bytes"));
    }
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}
