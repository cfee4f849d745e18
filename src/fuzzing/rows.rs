//! JSON Lines, JSON, CSV, TSV and plain text: read as a slow and obvious reader reads them.
//!
//! The first byte names the format (`j`, `a`, `c`, `t`, `x`), the second how small the limits are,
//! the third which ways of reading are compared; the rest is the file.

use serde_json::value::RawValue;

use super::feed::Feed;
use super::reading;
use super::reading::Got;
use super::slow;
use super::slow::Row;
use crate::read::Format;
use crate::read::Limits;
use crate::read::ReadOptions;

/// Longest file. Chosen: rows have to be many, not long.
const FILE_BYTES_MAX: usize = 16 << 10;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    let format = match feed.u8() {
        b'a' => Format::JsonArray,
        b'c' => Format::Csv,
        b't' => Format::Tsv,
        b'x' => Format::Text,
        _ => Format::Jsonl,
    };
    let options = ReadOptions {
        format: Some(format),
        limits: limits(feed.u8()),
        ..ReadOptions::default()
    };
    let asked = feed.u8();
    let bytes = feed.take(FILE_BYTES_MAX);
    if is_another_format(bytes) {
        return;
    }
    let got = reading::check(bytes, &options, asked);
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match format {
        Format::Jsonl => lines(body, &options.limits, &got),
        Format::JsonArray => values(body, &options.limits, &got),
        Format::Csv | Format::Tsv => separated(body, format, &got),
        Format::Text => text(body, &got),
        Format::Parquet | Format::ArrowFile | Format::ArrowStream => {}
    }
}

/// Small limits, so that edges of batches and blocks fall into small files.
pub(super) fn limits(small: u8) -> Limits {
    let mut limits = Limits::default();
    if small & 1 == 1 {
        limits.batch_rows_max = 1 + u32::from(small >> 4);
    }
    if small & 2 == 2 {
        limits.batch_text_bytes = 16;
    }
    if small & 4 == 4 {
        limits.line_block_bytes = 16 + usize::from(small >> 4);
    }
    if small & 8 == 8 {
        limits.line_bytes_max = 64;
    }
    limits
}

/// What the reader takes for compressed, for a container or for something that it does not read,
/// whatever it was told: the files here have no name that claims a text format.
pub(super) fn is_another_format(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 16] = [
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"PAR1",
        b"ARROW1",
        b"\xff\xff\xff\xff",
        b"\xff\xfe",
        b"\xfe\xff",
        b"PK\x03\x04",
        b"BZh",
        b"\xfd7zXZ\0",
        b"\x04\x22\x4d\x18",
        b"FEA1",
        b"ORC",
        b"Obj\x01",
        b"PARE",
        b"SQLite format 3\0",
    ];
    magic.iter().any(|magic| bytes.starts_with(magic))
        || matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn compare(expected: &[Row], got: &Got) {
    assert!(got.file.error.is_none(), "{:?}", got.file.error);
    assert_eq!(got.file.rows, expected.len() as u64, "rows");
    for (row, expected) in (0_u64..).zip(expected) {
        let error = got.errors.iter().find(|error| error.row == row);
        let texts: Vec<&str> = (got.units.iter())
            .filter(|unit| unit.row == row)
            .map(|unit| unit.text.as_str())
            .collect();
        match (expected, error) {
            (Some(items), None) => assert!(
                slow::matches(items, &texts),
                "row {row} gives {texts:?}, a slow reading {items:?}"
            ),
            (None, Some(_)) => {}
            (Some(_), Some(error)) => panic!("row {row} is not broken: {}", error.message),
            (None, None) => panic!("row {row} is broken and was read as {texts:?}"),
        }
    }
}

fn lines(body: &[u8], limits: &Limits, got: &Got) {
    let rows: Vec<Row> = body
        .split(|byte| *byte == b'\n')
        .filter(|line| {
            line.len() > limits.line_bytes_max || !line.iter().all(u8::is_ascii_whitespace)
        })
        .map(|line| {
            if line.len() > limits.line_bytes_max {
                None
            } else {
                slow::json_row(line)
            }
        })
        .collect();
    compare(&rows, got);
}

fn values(body: &[u8], limits: &Limits, got: &Got) {
    let clean = got.file.error.is_none() && got.errors.is_empty();
    let Ok(whole) = std::str::from_utf8(body) else {
        assert!(!clean, "bytes that are no UTF-8 were read as JSON");
        return;
    };
    let array = whole.trim_ascii_start().starts_with('[');
    let values: Result<Vec<&RawValue>, _> = if array {
        serde_json::from_str(whole)
    } else {
        serde_json::Deserializer::from_str(whole)
            .into_iter()
            .collect()
    };
    match values {
        // `true"a"` is two values to the parser, and one broken row here: a word ends at white space.
        Ok(values) if !array && is_glued(body, &values) => {
            assert!(!clean, "two values without anything between them were read");
        }
        Ok(values) => {
            let row = |value: &&RawValue| {
                let text = value.get().as_bytes();
                (text.len() <= limits.line_bytes_max)
                    .then(|| slow::json_row(text))
                    .flatten()
            };
            compare(&values.iter().map(row).collect::<Vec<_>>(), got);
        }
        // A form feed is white space here and not in JSON.
        Err(_) if body.contains(&0x0c) => {}
        Err(error) => assert!(!clean, "read, and is no JSON: {error}"),
    }
}

/// Whether a value that is a bare word or a number has the next right behind it.
fn is_glued(body: &[u8], values: &[&RawValue]) -> bool {
    let base = body.as_ptr().addr();
    values.iter().any(|value| {
        let text = value.get();
        let end = text.as_ptr().addr() - base + text.len();
        let next = body.get(end).copied();
        !text.starts_with(['{', '[', '"']) && next.is_some_and(|next| !next.is_ascii_whitespace())
    })
}

fn separated(body: &[u8], format: Format, got: &Got) {
    if got.file.error.is_some() || !got.errors.is_empty() {
        return;
    }
    let line = body
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let delimiter = if format == Format::Tsv {
        b'\t'
    } else {
        let mut known = b",\t;".iter();
        *known.find(|byte| line.contains(byte)).unwrap_or(&b',')
    };
    let rows = slow::csv_rows(body, delimiter).expect("no UTF-8, and read");
    let rows: Vec<Row> = rows
        .iter()
        .skip(1)
        .map(|fields| Some(slow::csv_row(fields)))
        .collect();
    compare(&rows, got);
}

fn text(body: &[u8], got: &Got) {
    match std::str::from_utf8(body) {
        Ok(text) => {
            assert!(got.file.error.is_none(), "{:?}", got.file.error);
            assert_eq!(got.file.rows, u64::from(!text.is_empty()));
            let read: String = got.units.iter().map(|unit| unit.text.as_str()).collect();
            assert_eq!(read, text);
        }
        Err(_) => assert!(got.file.error.is_some(), "no UTF-8, and read"),
    }
}
