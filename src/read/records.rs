//! Cuts a stream of bytes into the raw records of a row format: lines, JSON values, CSV records.
//!
//! The same cut serves reading and splitting, so that row numbers agree and a split can copy the
//! very bytes. Memory is bounded by the longest record allowed; of a longer one the bytes come
//! in parts.

use std::io;
use std::io::Read;

use super::limits::IO_BYTES;

/// One record, or a part of one that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A record without its terminator.
    Whole(&'a [u8]),
    /// The next bytes of a record over the limit; `last` ends it.
    Part { bytes: &'a [u8], last: bool },
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum RecordError {
    /// The stream failed.
    Io(io::Error),
    /// The bytes break the rules of the format, so that the next record cannot be found.
    Broken { what: &'static str, byte: u64 },
    /// The stream ends inside a record or before the end mark.
    Cut { what: &'static str, byte: u64 },
}

/// How records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// At line feeds.
    Lines,
    /// JSON values, inside one array or one after the other: the first byte tells.
    Values,
    /// Separated values; line ends inside quotes do not count.
    Csv,
}

/// Where the scan of a record stands between two fills of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a record.
    Between,
    /// Inside a line, an unquoted field, or a JSON number or word.
    Plain,
    /// CSV: at the start of a field.
    FieldStart,
    /// Inside quotes.
    Quoted,
    /// CSV: after a quote inside quotes.
    QuoteSeen,
    /// JSON: after a backslash inside quotes.
    Escaped,
    /// JSON: inside an object or array, outside quotes.
    Nested,
}

/// Where a JSON array stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Array {
    /// Nothing seen yet.
    Unknown,
    /// No array: values follow each other.
    No,
    /// After `[`.
    Opened,
    /// After an element.
    AfterElement,
    /// After a comma.
    AfterComma,
    /// After `]`.
    Closed,
}

/// A stream and a buffer with the record in hand.
pub(super) struct Records<R> {
    source: R,
    cut: Cut,
    delimiter: u8,
    len_max: usize,
    buffer: Vec<u8>,
    /// The record in hand starts here.
    start: usize,
    /// Scanned up to here.
    scanned: usize,
    /// Valid bytes end here.
    end: usize,
    at_end: bool,
    /// Bytes of the stream before `buffer[0]`.
    before: u64,
    state: State,
    depth: usize,
    array: Array,
    in_parts: bool,
}

impl<R: Read> Records<R> {
    pub(super) fn new(source: R, cut: Cut, delimiter: u8, len_max: usize) -> Self {
        Self {
            source,
            cut,
            delimiter,
            len_max,
            buffer: vec![0; IO_BYTES],
            start: 0,
            scanned: 0,
            end: 0,
            at_end: false,
            before: 0,
            state: State::Between,
            depth: 0,
            array: Array::Unknown,
            in_parts: false,
        }
    }

    pub(super) fn source(&self) -> &R {
        &self.source
    }

    pub(super) fn into_source(self) -> R {
        self.source
    }

    /// The next record, and whether it stands in an array.
    pub(super) fn next_with_array(&mut self) -> Result<Option<(Record<'_>, bool)>, RecordError> {
        // A record is found only after the first byte of the stream was judged, but it borrows
        // the reader; so the flag is looked up in between.
        if self.state == State::Between && self.array == Array::Unknown && self.cut == Cut::Values {
            self.peek_array()?;
        }
        let in_array = self.in_array();
        Ok(self.next()?.map(|record| (record, in_array)))
    }

    /// Reads up to the first byte that tells an array.
    fn peek_array(&mut self) -> Result<(), RecordError> {
        loop {
            while let Some(byte) = self.byte(self.start) {
                if !byte.is_ascii_whitespace() {
                    if byte == b'[' {
                        self.array = Array::Opened;
                        self.start += 1;
                    } else {
                        self.array = Array::No;
                    }
                    return Ok(());
                }
                self.start += 1;
            }
            if self.at_end {
                return Ok(());
            }
            self.scanned = self.start;
            self.fill()?;
        }
    }

    /// Whether the records stand in one JSON array.
    pub(super) fn in_array(&self) -> bool {
        !matches!(self.array, Array::Unknown | Array::No)
    }

    /// The next record that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        loop {
            if self.state == State::Between && !self.begin()? {
                return Ok(None);
            }
            if let Some(after) = self.scan() {
                let (from, to) = (self.start, self.scanned);
                self.state = State::Between;
                self.start = after;
                self.scanned = after;
                // Where the buffer ends must not decide whether a record is too long.
                let last = std::mem::take(&mut self.in_parts) || to - from > self.len_max;
                let blank = {
                    let bytes = self.buffer.get(from..to).unwrap_or_default();
                    self.cut != Cut::Values && bytes.iter().all(u8::is_ascii_whitespace)
                };
                if last {
                    let bytes = self.buffer.get(from..to).unwrap_or_default();
                    return Ok(Some(Record::Part { bytes, last: true }));
                }
                if blank && (self.cut == Cut::Lines || from == to) {
                    continue;
                }
                let bytes = self.buffer.get(from..to).unwrap_or_default();
                return Ok(Some(Record::Whole(bytes)));
            }
            if self.end - self.start > self.len_max {
                let (from, to) = (self.start, self.end);
                self.in_parts = true;
                self.start = self.end;
                self.scanned = self.end;
                let bytes = self.buffer.get(from..to).unwrap_or_default();
                return Ok(Some(Record::Part { bytes, last: false }));
            }
            self.fill()?;
        }
    }

    fn byte_at(&self, position: usize) -> u64 {
        self.before + position as u64
    }

    /// Makes room and reads on. Sets `at_end` when there is nothing more.
    fn fill(&mut self) -> Result<(), RecordError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.before += self.start as u64;
            self.scanned -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(free) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(RecordError::Io(error)),
            }
            return Ok(());
        }
    }

    /// Goes to the first byte of the next record. `false` at the end of the stream.
    fn begin(&mut self) -> Result<bool, RecordError> {
        loop {
            if self.cut == Cut::Values {
                while let Some(byte) = self.byte(self.start) {
                    if !byte.is_ascii_whitespace() {
                        if self.between_values(byte)? {
                            break;
                        }
                        self.start += 1;
                        continue;
                    }
                    self.start += 1;
                }
                self.scanned = self.start;
            }
            if self.start < self.end {
                break;
            }
            if self.at_end {
                if matches!(
                    self.array,
                    Array::Opened | Array::AfterElement | Array::AfterComma
                ) {
                    return Err(RecordError::Cut {
                        what: "the array is not closed",
                        byte: self.byte_at(self.end),
                    });
                }
                return Ok(false);
            }
            self.fill()?;
        }
        self.depth = 0;
        self.state = match self.cut {
            Cut::Lines => State::Plain,
            Cut::Csv => State::FieldStart,
            Cut::Values => match self.byte(self.start) {
                Some(b'{' | b'[') => State::Nested,
                Some(b'"') => {
                    self.scanned += 1;
                    State::Quoted
                }
                _ => State::Plain,
            },
        };
        Ok(true)
    }

    /// A byte between two values: `true` if a value starts with it, `false` if it is punctuation
    /// of the array.
    fn between_values(&mut self, byte: u8) -> Result<bool, RecordError> {
        let broken = |what| {
            Err(RecordError::Broken {
                what,
                byte: self.byte_at(self.start),
            })
        };
        let (next, value) = match (self.array, byte) {
            (Array::Unknown, b'[') => (Array::Opened, false),
            (Array::Unknown | Array::No, _) => (Array::No, true),
            (Array::Opened | Array::AfterElement, b']') => (Array::Closed, false),
            (Array::Opened | Array::AfterComma, b',' | b']') => {
                return broken("a value is missing in the array");
            }
            (Array::Opened | Array::AfterComma, _) => (Array::AfterElement, true),
            (Array::AfterElement, b',') => (Array::AfterComma, false),
            (Array::AfterElement, _) => return broken("a comma is missing in the array"),
            (Array::Closed, _) => return broken("something follows the end of the array"),
        };
        self.array = next;
        Ok(value)
    }

    fn byte(&self, position: usize) -> Option<u8> {
        if position < self.end {
            self.buffer.get(position).copied()
        } else {
            None
        }
    }

    /// Scans on. At the end of the record `scanned` stands behind its last byte, and the position
    /// behind its terminator is given.
    fn scan(&mut self) -> Option<usize> {
        match self.cut {
            Cut::Lines => self.scan_line(),
            Cut::Csv => self.scan_csv(),
            Cut::Values => self.scan_value(),
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.scanned..self.end).unwrap_or_default()
    }

    fn scan_line(&mut self) -> Option<usize> {
        if let Some(offset) = memchr::memchr(b'\n', self.rest()) {
            self.scanned += offset;
            return Some(self.scanned + 1);
        }
        self.scanned = self.end;
        self.at_end.then_some(self.end)
    }

    fn scan_csv(&mut self) -> Option<usize> {
        loop {
            match self.state {
                State::Quoted => {
                    let Some(offset) = memchr::memchr(b'"', self.rest()) else {
                        self.scanned = self.end;
                        // A quote that is never closed is told by the row, which ends here.
                        return self.at_end.then_some(self.end);
                    };
                    self.scanned += offset + 1;
                    self.state = State::QuoteSeen;
                }
                State::Plain => {
                    let stops = memchr::memchr3(self.delimiter, b'\n', b'\r', self.rest());
                    let Some(offset) = stops else {
                        self.scanned = self.end;
                        return self.at_end.then_some(self.end);
                    };
                    self.scanned += offset;
                    if self.byte(self.scanned) != Some(self.delimiter) {
                        return Some(self.scanned + 1);
                    }
                    self.scanned += 1;
                    self.state = State::FieldStart;
                }
                State::Between
                | State::FieldStart
                | State::QuoteSeen
                | State::Escaped
                | State::Nested => {
                    let Some(byte) = self.byte(self.scanned) else {
                        return self.at_end.then_some(self.end);
                    };
                    self.state = match byte {
                        b'"' => State::Quoted,
                        b'\n' | b'\r' => return Some(self.scanned + 1),
                        byte if byte == self.delimiter => State::FieldStart,
                        _ => State::Plain,
                    };
                    self.scanned += 1;
                }
            }
        }
    }

    fn scan_value(&mut self) -> Option<usize> {
        loop {
            match self.state {
                State::Quoted => match memchr::memchr2(b'"', b'\\', self.rest()) {
                    Some(offset) => {
                        self.scanned += offset + 1;
                        if self.byte(self.scanned - 1) == Some(b'\\') {
                            self.state = State::Escaped;
                        } else if self.depth == 0 {
                            return Some(self.scanned);
                        } else {
                            self.state = State::Nested;
                        }
                    }
                    None => break,
                },
                State::Escaped => {
                    if self.scanned >= self.end {
                        break;
                    }
                    self.scanned += 1;
                    self.state = State::Quoted;
                }
                State::Nested => {
                    let Some(byte) = self.byte(self.scanned) else {
                        break;
                    };
                    self.scanned += 1;
                    match byte {
                        b'{' | b'[' => self.depth += 1,
                        b'}' | b']' => {
                            self.depth = self.depth.saturating_sub(1);
                            if self.depth == 0 {
                                return Some(self.scanned);
                            }
                        }
                        b'"' => self.state = State::Quoted,
                        _ => {}
                    }
                }
                State::Between | State::Plain | State::FieldStart | State::QuoteSeen => {
                    let Some(byte) = self.byte(self.scanned) else {
                        break;
                    };
                    if byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}') {
                        // A lone `}` or `]` between values is a record of its own, and no JSON.
                        if self.scanned == self.start && !self.in_parts {
                            self.scanned += 1;
                        }
                        return Some(self.scanned);
                    }
                    self.scanned += 1;
                }
            }
        }
        self.scanned = self.end;
        // What the stream ends in is a record, which its parser finds unfinished.
        self.at_end.then_some(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, so that every state is met at the edge of the buffer.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(into.len()).min(self.0.len());
            into[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    fn all(cut: Cut, text: &str, step: usize, len_max: usize) -> Result<Vec<String>, String> {
        let mut records = Records::new(Drops(text.as_bytes(), step), cut, b',', len_max);
        let mut out = Vec::new();
        loop {
            match records.next() {
                Ok(Some(Record::Whole(bytes))) => out.push(String::from_utf8_lossy(bytes).into()),
                Ok(Some(Record::Part { bytes, last })) => {
                    let text = String::from_utf8_lossy(bytes);
                    out.push(format!("~{text}{}", if last { "." } else { "" }));
                }
                Ok(None) => return Ok(out),
                Err(RecordError::Broken { what, byte } | RecordError::Cut { what, byte }) => {
                    return Err(format!("{} | {what} @{byte}", out.join(" | ")));
                }
                Err(RecordError::Io(error)) => panic!("{error}"),
            }
        }
    }

    fn check(cut: Cut, text: &str, expected: Result<&[&str], &str>) {
        for step in [1, 2, 3, 1000] {
            let got = all(cut, text, step, 1000);
            match (&got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text:?} by {step}"),
                (Err(got), Err(expected)) => assert_eq!(got, expected, "{text:?} by {step}"),
                _ => panic!("{text:?} by {step}: {got:?}"),
            }
        }
    }

    #[test]
    fn lines() {
        check(Cut::Lines, "", Ok(&[]));
        check(Cut::Lines, "a\n\n \nb", Ok(&["a", "b"]));
        check(Cut::Lines, "a\r\nb\n", Ok(&["a\r", "b"]));
        check(Cut::Lines, "\n\n", Ok(&[]));
    }

    #[test]
    fn values() {
        check(Cut::Values, "[]", Ok(&[]));
        check(
            Cut::Values,
            " [ 1 ,\"a,]\\\"\",{\"b\":[2,\"}\"]}, null ] \n",
            Ok(&["1", "\"a,]\\\"\"", "{\"b\":[2,\"}\"]}", "null"]),
        );
        check(
            Cut::Values,
            "{\"a\":1}\n {\n}{}",
            Ok(&["{\"a\":1}", "{\n}", "{}"]),
        );
        check(
            Cut::Values,
            "[1,2",
            Err("1 | 2 | the array is not closed @4"),
        );
        check(Cut::Values, "[1,", Err("1 | the array is not closed @3"));
        check(
            Cut::Values,
            "[1,]",
            Err("1 | a value is missing in the array @3"),
        );
        check(
            Cut::Values,
            "[1 2]",
            Err("1 | a comma is missing in the array @3"),
        );
        check(
            Cut::Values,
            "[1] x",
            Err("1 | something follows the end of the array @4"),
        );
        check(Cut::Values, "[\"a", Err("\"a | the array is not closed @3"));
        check(Cut::Values, "{} }", Ok(&["{}", "}"]));
    }

    #[test]
    fn csv() {
        check(
            Cut::Csv,
            "a,b\r\n\r\n\"x\ny\",\"\"\"\"\n",
            Ok(&["a,b", "\"x\ny\",\"\"\"\""]),
        );
        check(Cut::Csv, "a\rb\n\nc", Ok(&["a", "b", "c"]));
        check(Cut::Csv, "x\"y\nz", Ok(&["x\"y", "z"]));
        check(Cut::Csv, "\"open\nz", Ok(&["\"open\nz"]));
    }

    #[test]
    fn a_record_over_the_limit_comes_in_parts_and_the_next_is_whole() {
        let text = "aaaaaaaaaa\nbb\n";
        assert_eq!(
            all(Cut::Lines, text, 4, 5).unwrap(),
            ["~aaaaaaaa", "~aa.", "bb"]
        );
        let text = "[\"aaaaaaaaaa\",2]";
        assert_eq!(
            all(Cut::Values, text, 4, 5).unwrap(),
            ["~\"aaaaaa", "~aaaa\".", "2"]
        );
    }
}
