//! Reads the formats that are a stream of records or one text: JSONL, JSON, CSV, TSV, plain text.

use std::borrow::Cow;
use std::io;
use std::io::Read;
use std::sync::Arc;

use super::columns::ROOT;
use super::error::ReadError;
use super::json;
use super::limits::Limits;
use super::limits::TEXT_OVERLAP_BYTES;
use super::limits::TEXT_WINDOW_BYTES;
use super::records::Cut;
use super::records::Record;
use super::records::RecordError;
use super::records::Records;
use super::rows::RowWriter;
use super::source::Stream;

/// What a row's errors end with.
const REMEDY: &str = "Correct or remove the row";

/// The name of the only column of a plain text file.
pub(super) const TEXT_COLUMN: &str = "text";

pub(super) fn stopped(name: &Arc<str>) -> ReadError {
    ReadError::Stopped {
        path: Arc::clone(name),
    }
}

/// Turns the end of the records into an error of the file.
pub(super) fn record_fault(
    name: &Arc<str>,
    stream: &Stream<'_>,
    error: RecordError,
    row: u64,
) -> ReadError {
    match error {
        RecordError::Io(error) => stream.fault(error, &format!("row {row}")),
        RecordError::Broken { what, byte } => ReadError::Corrupt {
            path: Arc::clone(name),
            what: what.to_owned(),
            at: format!("row {row}, byte {byte}"),
        },
        RecordError::Cut { what, byte } => ReadError::Truncated {
            path: Arc::clone(name),
            what: what.to_owned(),
            at: format!("row {row}, byte {byte}"),
        },
    }
}

/// Reads a JSON array or sequence, and gives the stream back for its digest.
pub(super) fn read_json<'a>(
    name: &Arc<str>,
    stream: Stream<'a>,
    limits: Limits,
    rows: &mut RowWriter<'_>,
) -> Result<Stream<'a>, ReadError> {
    let mut records = Records::new(stream, Cut::Values, b',', limits.line_bytes_max);
    loop {
        let result = match records.next() {
            Ok(Some(Record::Whole(bytes))) => json_row(rows, bytes),
            Ok(Some(Record::Part { last: false, .. })) => continue,
            Ok(Some(Record::Part { last: true, .. })) => {
                rows.begin();
                rows.fail(too_long(&limits))
            }
            Ok(None) => break,
            Err(error) => {
                return Err(record_fault(name, records.source(), error, rows.row()));
            }
        };
        result.map_err(|_| stopped(name))?;
    }
    Ok(records.into_source())
}

pub(super) fn too_long(limits: &Limits) -> String {
    format!(
        "the row is longer than {} bytes. {REMEDY}",
        limits.line_bytes_max
    )
}

pub(super) fn json_row(rows: &mut RowWriter<'_>, bytes: &[u8]) -> Result<(), super::Stop> {
    rows.begin();
    let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
        return rows.fail(invalid_utf8(bytes));
    };
    match json::walk(rows, ROOT, text) {
        Ok(()) => rows.commit(),
        Err(error) => rows.fail(json_message(&error, text)),
    }
}

fn invalid_utf8(bytes: &[u8]) -> String {
    let at = match std::str::from_utf8(bytes) {
        Ok(_) => 0,
        Err(error) => error.valid_up_to(),
    };
    format!(
        "invalid UTF-8 at byte {at} of the row. Write the file as UTF-8 again, or remove the row"
    )
}

fn json_message(error: &serde_json::Error, text: &str) -> String {
    // An unfinished value on the last line is what a cut file ends in.
    if error.is_eof() {
        return format!(
            "the JSON value is not finished after {} bytes: the file may be truncated. {REMEDY}",
            text.len()
        );
    }
    format!("invalid JSON: {error} of the row. {REMEDY}")
}

/// Reads CSV or TSV. `delimiter` comes from [`delimiter`].
pub(super) fn read_csv<'a>(
    name: &Arc<str>,
    stream: Stream<'a>,
    delimiter: u8,
    limits: Limits,
    rows: &mut RowWriter<'_>,
) -> Result<Stream<'a>, ReadError> {
    let mut records = Records::new(stream, Cut::Csv, delimiter, limits.line_bytes_max);
    let header = match records.next() {
        Ok(Some(Record::Whole(bytes))) => header(name, bytes, delimiter, &limits)?,
        Ok(Some(Record::Part { .. })) => {
            return Err(ReadError::TooLarge {
                path: Arc::clone(name),
                what: "the header line".to_owned(),
                limit: format!("{} bytes", limits.line_bytes_max),
                remedy: "Check that the file is what its name says".to_owned(),
            });
        }
        Ok(None) => return Ok(records.into_source()),
        Err(error) => return Err(record_fault(name, records.source(), error, 0)),
    };
    loop {
        let result = match records.next() {
            Ok(Some(Record::Whole(bytes))) => {
                rows.begin();
                match csv_row(rows, &header, bytes, delimiter) {
                    Ok(()) => rows.commit(),
                    Err(message) => rows.fail(message),
                }
            }
            Ok(Some(Record::Part { last: false, .. })) => continue,
            Ok(Some(Record::Part { last: true, .. })) => {
                rows.begin();
                rows.fail(too_long(&limits))
            }
            Ok(None) => break,
            Err(error) => {
                return Err(record_fault(name, records.source(), error, rows.row()));
            }
        };
        result.map_err(|_| stopped(name))?;
    }
    Ok(records.into_source())
}

/// The separator that the header line uses: a comma, unless it has none and a tab or a
/// semicolon. Empty lines before the header are passed over, as the records pass over them: what a
/// split writes begins with the header, and has to be read alike.
pub(super) fn delimiter(head: &[u8]) -> u8 {
    let empty = |byte: &&u8| matches!(**byte, b'\n' | b'\r');
    let head = head
        .get(head.iter().take_while(empty).count()..)
        .unwrap_or_default();
    let end = memchr::memchr2(b'\n', b'\r', head).unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    [b',', b'\t', b';']
        .into_iter()
        .find(|byte| line.contains(byte))
        .unwrap_or(b',')
}

fn header(
    name: &Arc<str>,
    bytes: &[u8],
    delimiter: u8,
    limits: &Limits,
) -> Result<Vec<String>, ReadError> {
    let corrupt = |what: String| ReadError::Corrupt {
        path: Arc::clone(name),
        what,
        at: "the header line".to_owned(),
    };
    let fields = fields(bytes, delimiter).map_err(corrupt)?;
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    for (index, field) in fields.into_iter().enumerate() {
        // Written by pandas for an unnamed index.
        let column = if field.is_empty() {
            format!("column_{}", index + 1)
        } else {
            field.into_owned()
        };
        if names.contains(&column) {
            return Err(corrupt(format!("two columns are named {column:?}")));
        }
        names.push(column);
        if names.len() > limits.columns_max {
            return Err(ReadError::TooLarge {
                path: Arc::clone(name),
                what: "the number of columns".to_owned(),
                limit: limits.columns_max.to_string(),
                remedy: "Check that the file is what its name says".to_owned(),
            });
        }
    }
    Ok(names)
}

fn csv_row(
    rows: &mut RowWriter<'_>,
    header: &[String],
    bytes: &[u8],
    delimiter: u8,
) -> Result<(), String> {
    let fields = fields(bytes, delimiter)?;
    if fields.len() != header.len() {
        return Err(format!(
            "the row has {} fields and the header {}. {REMEDY}; text with separators or line \
             ends must stand in quotes",
            fields.len(),
            header.len()
        ));
    }
    let object = rows.enter_object(ROOT);
    for (name, field) in header.iter().zip(&fields) {
        let node = rows.key(ROOT, name, object)?;
        rows.text(node, field)?;
    }
    rows.leave_object();
    Ok(())
}

/// The fields of one record, quotes resolved.
fn fields(bytes: &[u8], delimiter: u8) -> Result<Vec<Cow<'_, str>>, String> {
    let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
        return Err(invalid_utf8(bytes));
    };
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_field(quoted)?
        } else {
            let end = memchr::memchr(delimiter, rest.as_bytes()).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            (Cow::Borrowed(field), after)
        };
        fields.push(field);
        match after.as_bytes().first() {
            None => return Ok(fields),
            Some(byte) if *byte == delimiter => rest = after.get(1..).unwrap_or_default(),
            Some(_) => {
                return Err(format!("text follows a closing quote. {REMEDY}"));
            }
        }
    }
}

/// A field whose opening quote is already taken off; the second part is what follows it.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let mut field = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let Some((piece, after)) = rest.split_once('"') else {
            return Err(format!("a quote is never closed. {REMEDY}"));
        };
        if field.is_empty() {
            field = Cow::Borrowed(piece);
        } else {
            field.to_mut().push_str(piece);
        }
        match after.strip_prefix('"') {
            Some(after) => {
                field.to_mut().push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

/// Reads a plain text document in overlapping windows.
pub(super) fn read_text<'a>(
    name: &Arc<str>,
    mut stream: Stream<'a>,
    rows: &mut RowWriter<'_>,
) -> Result<Stream<'a>, ReadError> {
    let (head, whole) = stream.head();
    if head.is_empty() && whole {
        return Ok(stream);
    }
    rows.begin();
    let too_many = |what: String| ReadError::Corrupt {
        path: Arc::clone(name),
        what,
        at: "row 0".to_owned(),
    };
    let object = rows.enter_object(ROOT);
    let node = rows.key(ROOT, TEXT_COLUMN, object).map_err(too_many)?;
    let mut windows = Windows {
        buffer: Vec::new(),
        before: 0,
        fresh: 0,
        at_end: false,
    };
    loop {
        windows
            .fill(&mut stream)
            .map_err(|e| stream.fault(e, "row 0"))?;
        let text = windows.text(name)?;
        let first = windows.before == 0;
        // Nothing new since the window before: its text was all there is.
        if windows.fresh > 0 || first {
            rows.window(node, text);
        }
        if windows.at_end {
            rows.leave_object();
            rows.commit().map_err(|_| stopped(name))?;
            return Ok(stream);
        }
        rows.flush_within_row().map_err(|_| stopped(name))?;
        let keep = text.len();
        windows.advance(keep);
    }
}

/// The window of a document that is in memory.
struct Windows {
    buffer: Vec<u8>,
    /// Bytes of the document before the buffer.
    before: u64,
    /// Bytes read by the last fill.
    fresh: usize,
    at_end: bool,
}

impl Windows {
    fn fill(&mut self, stream: &mut Stream<'_>) -> io::Result<()> {
        let mut filled = self.buffer.len();
        let kept = filled;
        self.buffer.resize(TEXT_WINDOW_BYTES, 0);
        while let Some(rest) = self
            .buffer
            .get_mut(filled..)
            .filter(|rest| !rest.is_empty())
        {
            match stream.read(rest) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(filled);
        self.fresh = filled - kept;
        Ok(())
    }

    /// The text of the window, without a character that its end cuts.
    fn text(&self, name: &Arc<str>) -> Result<&str, ReadError> {
        let error = match std::str::from_utf8(&self.buffer) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let valid = error.valid_up_to();
        if error.error_len().is_none() && !self.at_end {
            let bytes = self.buffer.get(..valid).unwrap_or_default();
            return Ok(std::str::from_utf8(bytes).unwrap_or_default());
        }
        Err(ReadError::Corrupt {
            path: Arc::clone(name),
            what: "the text is not UTF-8".to_owned(),
            at: format!("byte {}", self.before + valid as u64),
        })
    }

    /// Keeps the end of a window of `len` bytes, from a character's start, and what follows it.
    fn advance(&mut self, len: usize) {
        let mut from = len.saturating_sub(TEXT_OVERLAP_BYTES);
        while self
            .buffer
            .get(from)
            .is_some_and(|byte| byte & 0xc0 == 0x80)
        {
            from += 1;
        }
        self.buffer.drain(..from);
        self.before += from as u64;
    }
}
