//! Reads Parquet: page by page, only the columns that can hold text.
//!
//! Strings are decoded as views into the pages, so that a dictionary stays small and nothing is
//! copied but once, into the batch of units. Row groups are read each by itself ([`groups`]). Page headers are looked at before the decoder sees
//! them: it would allocate whatever size they name. Page checksums are verified where present.
//! The rows read are compared with the footer, row group by row group.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "types without text keep their type, and errors of no special kind are damage"
)]

mod chunks;
mod groups;

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

pub(super) use self::chunks::Chunks;
pub(super) use self::groups::Groups;
pub(super) use self::groups::Reader;
pub(super) use self::groups::Steps;
pub(super) use self::groups::read;

use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::metadata::RowGroupMetaData;

use self::chunks::TOO_LARGE;
use super::arrays;
use super::arrays::LeafKind;
use super::columns::Columns;
use super::columns::Leaf;
use super::error::ReadError;
use super::limits::PARQUET_STEP_BYTES;
use super::limits::PARQUET_STEP_ROWS_MAX;
use super::source::Source;

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

/// Bytes of a row group's wanted columns, decoded.
fn decoded_bytes(group: &RowGroupMetaData, wanted: impl Fn(usize) -> bool) -> u64 {
    group
        .columns()
        .iter()
        .enumerate()
        .filter(|(leaf, _)| wanted(*leaf))
        .map(|(_, column)| u64::try_from(column.uncompressed_size()).unwrap_or(0))
        .fold(0, u64::saturating_add)
}

/// Rows per step, so that a step decodes about [`PARQUET_STEP_BYTES`].
pub(super) fn step_rows(group: &RowGroupMetaData, wanted: impl Fn(usize) -> bool) -> usize {
    let bytes = decoded_bytes(group, wanted);
    let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
    let step = (PARQUET_STEP_BYTES as u64).saturating_mul(rows) / bytes.max(1);
    usize::try_from(step)
        .unwrap_or(usize::MAX)
        .clamp(1, PARQUET_STEP_ROWS_MAX)
}

/// What of a file is decoded.
pub(super) struct Plan {
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// Per leaf column, whether it is decoded.
    decoded: Vec<bool>,
}

impl Plan {
    fn decoded_bytes(&self, group: &RowGroupMetaData) -> u64 {
        decoded_bytes(group, |leaf| self.decoded.get(leaf) == Some(&true))
    }
}

/// Reads the footer and decides which leaf columns to decode; the others are counted from it.
pub(super) fn plan(source: &Source, columns: &mut Columns) -> Result<Plan, ReadError> {
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
    let leaves = arrays::leaves(columns, fields).map_err(corrupt)?;
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
        let wanted = columns.wanted(*node);
        let emit = columns.node(*node).emit;
        let decode = match kind {
            LeafKind::Text => wanted,
            LeafKind::ListedInts => emit,
            LeafKind::NotText => false,
            LeafKind::Unsupported if !wanted => false,
            LeafKind::Unsupported => {
                return Err(ReadError::Unsupported {
                    path: Arc::clone(name),
                    what: format!("the type of column `{}`", columns.node(*node).path),
                    remedy: "Write it as a string, or leave it out with --exempt-column".to_owned(),
                });
            }
        };
        let column = columns.column(*node).map_err(corrupt)?;
        if !decode {
            let leaf = if emit { Leaf::NotText } else { Leaf::Exempt };
            columns.count(column, leaf, stored_values(metadata.metadata(), index));
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

/// The number of rows that the footer says; fails unless as many were read.
pub(super) fn rows_agree(
    name: &Arc<str>,
    read: u64,
    said: i64,
    at: &str,
) -> Result<u64, ReadError> {
    if let Ok(declared) = u64::try_from(said)
        && declared == read
    {
        return Ok(declared);
    }
    Err(ReadError::Corrupt {
        path: Arc::clone(name),
        what: format!("{read} rows where the footer says {said}"),
        at: at.to_owned(),
    })
}
