//! The least that any program must do with the same bytes: decode the column, parse the lines.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray as _;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use memchr::memchr;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// Decodes one column with arrow-rs, its row groups on `threads` threads; returns the bytes of
/// text. `views`: as string views, which copy nothing, instead of the default strings.
pub(crate) fn decode(path: &Path, column: &str, threads: usize, views: bool) -> u64 {
    let open = || File::open(path).expect("the file");
    let load = |options| ArrowReaderMetadata::load(&open(), options).expect("a Parquet file");
    let mut metadata = load(ArrowReaderOptions::new());
    if views {
        let viewed = |field: &Arc<Field>| {
            let field = field.as_ref().clone();
            if matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8) {
                field.with_data_type(DataType::Utf8View)
            } else {
                field
            }
        };
        let fields: Vec<Field> = metadata.schema().fields().iter().map(viewed).collect();
        let schema = Arc::new(Schema::new(fields));
        metadata = load(ArrowReaderOptions::new().with_schema(schema));
    }
    let groups = metadata.metadata().num_row_groups();
    let next = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let group = next.fetch_add(1, Ordering::Relaxed);
                    if group >= groups {
                        return;
                    }
                    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                        open(),
                        metadata.clone(),
                    );
                    let mask = ProjectionMask::columns(builder.parquet_schema(), [column]);
                    let reader = builder
                        .with_row_groups(vec![group])
                        .with_projection(mask)
                        .build()
                        .expect("a reader");
                    for batch in reader {
                        let batch = batch.expect("a batch");
                        let column = batch.column(0);
                        let text: usize = if views {
                            column.as_string_view().lengths().map(|n| n as usize).sum()
                        } else {
                            let offsets = column.as_string::<i32>().value_offsets();
                            let ends = offsets.first().zip(offsets.last());
                            ends.map_or(0, |(from, to)| usize::try_from(to - from).unwrap_or(0))
                        };
                        bytes.fetch_add(text as u64, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    bytes.into_inner()
}

/// Parses every line of a JSONL file, lines shared out in stretches; returns the bytes of text.
pub(crate) fn parse(path: &Path, column: &str, threads: usize) -> u64 {
    let all = std::fs::read(path).expect("the file");
    let bytes = AtomicU64::new(0);
    let share = all.len().div_ceil(threads.max(1));
    std::thread::scope(|scope| {
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let cut = share.min(rest.len());
            let (_, after) = rest.split_at(cut);
            let end = cut + memchr(b'\n', after).map_or(after.len(), |at| at + 1);
            let (mine, others) = rest.split_at(end);
            rest = others;
            let bytes = &bytes;
            scope.spawn(move || {
                for line in mine.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                    let value: Value = serde_json::from_slice(line).expect("a line of JSON");
                    let text = value
                        .get(column)
                        .and_then(Value::as_str)
                        .map_or(0, str::len);
                    bytes.fetch_add(text as u64, Ordering::Relaxed);
                }
            });
        }
    });
    bytes.into_inner()
}
