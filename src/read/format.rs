//! Which format a file has: the extension proposes, the bytes decide.

use serde::Deserialize;
use serde::Serialize;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::error::ReadError;
use super::source::Source;

/// How rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// One JSON value per line.
    Jsonl,
    /// One JSON array of rows, or JSON values one after the other with any white space between.
    JsonArray,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC with a footer (also Feather V2).
    ArrowFile,
    /// Arrow IPC without a footer.
    ArrowStream,
    /// Separated values with a header line; comma, or semicolon or tab where the header has no
    /// comma.
    Csv,
    /// Tab-separated values with a header line.
    Tsv,
    /// Plain text: the file is one document.
    Text,
}

impl Format {
    /// Every format, for help texts.
    pub const ALL: [Self; 8] = [
        Self::Jsonl,
        Self::JsonArray,
        Self::Parquet,
        Self::ArrowFile,
        Self::ArrowStream,
        Self::Csv,
        Self::Tsv,
        Self::Text,
    ];

    /// The word used by `--format` and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::JsonArray => "json",
            Self::Parquet => "parquet",
            Self::ArrowFile => "arrow",
            Self::ArrowStream => "arrow-stream",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Text => "text",
        }
    }

    /// Whether the format needs the whole file at hand rather than a stream of its bytes.
    pub(super) fn is_container(self) -> bool {
        matches!(self, Self::Parquet | Self::ArrowFile | Self::ArrowStream)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let word = word.to_ascii_lowercase();
        let word = match word.as_str() {
            "ndjson" => "jsonl",
            "pq" => "parquet",
            "txt" | "md" => "text",
            "feather" | "ipc" => "arrow",
            other => other,
        };
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == word)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|format| format.as_str()).collect();
                format!("unknown format `{word}`; one of {}", known.join(", "))
            })
    }
}

/// What a row or text file is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Nothing.
    None,
    /// gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

/// `jsonl`, `jsonl+gzip`, …: format and compression as one word for reports.
pub(super) fn label(format: Format, compression: Compression) -> String {
    match compression {
        Compression::None => format.as_str().to_owned(),
        Compression::Gzip => format!("{format}+gzip"),
        Compression::Zstd => format!("{format}+zstd"),
    }
}

/// What a file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) format: NamedFormat,
    pub(super) compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedFormat {
    Jsonl,
    Json,
    Parquet,
    Arrow,
    Csv,
    Tsv,
    Text,
    Unknown,
}

pub(super) fn by_name(path: Option<&Path>) -> Named {
    let unknown = Named {
        format: NamedFormat::Unknown,
        compression: Compression::None,
    };
    let Some(name) = path.and_then(Path::file_name) else {
        return unknown;
    };
    let name = name.to_string_lossy().to_ascii_lowercase();
    let (stem, compression) = [
        (".gz", Compression::Gzip),
        (".gzip", Compression::Gzip),
        (".zst", Compression::Zstd),
        (".zstd", Compression::Zstd),
    ]
    .into_iter()
    .find_map(|(end, compression)| Some((name.strip_suffix(end)?, compression)))
    .unwrap_or((&name, Compression::None));
    let format = match stem.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "jsonl" | "ndjson" | "jsonlines" => NamedFormat::Jsonl,
        "json" => NamedFormat::Json,
        "parquet" | "pq" => NamedFormat::Parquet,
        "arrow" | "arrows" | "feather" | "ipc" => NamedFormat::Arrow,
        "csv" => NamedFormat::Csv,
        "tsv" | "tab" => NamedFormat::Tsv,
        "txt" | "text" | "md" | "markdown" => NamedFormat::Text,
        _ => NamedFormat::Unknown,
    };
    Named {
        format,
        compression,
    }
}

/// What the first step decides: a container, or a stream whose content is still to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outer {
    Container(Format),
    Stream(Compression),
}

const PARQUET_MAGIC: &[u8] = b"PAR1";
const ARROW_MAGIC: &[u8] = b"ARROW1";
const ARROW_CONTINUATION: &[u8] = &[0xff; 4];

/// Looks at the stored bytes.
pub(super) fn outer(
    source: &Source,
    named: Named,
    forced: Option<Format>,
) -> Result<Outer, ReadError> {
    let head = source.pread(0, 16)?;
    let tail = source.pread(source.len().saturating_sub(6), 6)?;
    let name = source.name();
    let compression = if head.starts_with(&[0x1f, 0x8b]) {
        Compression::Gzip
    } else if is_zstd(&head) {
        Compression::Zstd
    } else {
        Compression::None
    };
    if named.compression != Compression::None && compression != named.compression {
        let what = format!("the name says {:?} but the bytes do not", named.compression);
        let at = "byte 0".to_owned();
        return Err(if head.len() < 4 {
            let what = format!("the file has only {} bytes", head.len());
            ReadError::Truncated {
                path: Arc::clone(name),
                what,
                at,
            }
        } else {
            ReadError::Corrupt {
                path: Arc::clone(name),
                what,
                at,
            }
        });
    }
    let wants_container = forced.is_some_and(Format::is_container)
        || forced.is_none() && matches!(named.format, NamedFormat::Parquet | NamedFormat::Arrow);
    if compression != Compression::None {
        if wants_container {
            return Err(ReadError::Unsupported {
                path: Arc::clone(name),
                what: "a Parquet or Arrow file inside another compression".to_owned(),
                remedy: "Decompress it first (gunzip, unzstd); both formats compress inside"
                    .to_owned(),
            });
        }
        return Ok(Outer::Stream(compression));
    }
    let content = if head.starts_with(PARQUET_MAGIC) && tail.ends_with(PARQUET_MAGIC) {
        Some(Format::Parquet)
    } else if head.starts_with(ARROW_MAGIC) && tail.ends_with(ARROW_MAGIC) {
        Some(Format::ArrowFile)
    } else if head.starts_with(ARROW_CONTINUATION) {
        Some(Format::ArrowStream)
    } else {
        None
    };
    let expected = match (forced, named.format) {
        (Some(format), _) => format.is_container().then_some(format),
        (None, NamedFormat::Parquet) => Some(Format::Parquet),
        (None, NamedFormat::Arrow) => Some(if head.starts_with(ARROW_MAGIC) {
            Format::ArrowFile
        } else {
            Format::ArrowStream
        }),
        (None, NamedFormat::Unknown) if head.starts_with(PARQUET_MAGIC) => Some(Format::Parquet),
        (None, NamedFormat::Unknown) if head.starts_with(ARROW_MAGIC) => Some(Format::ArrowFile),
        (None, _) => None,
    };
    match (expected, content) {
        (Some(expected), Some(content)) if expected != content && forced.is_some() => {
            Err(mismatch(name, expected, content))
        }
        (None, Some(content)) if forced.is_some() => {
            Err(mismatch(name, forced.unwrap_or(Format::Text), content))
        }
        (_, Some(content)) => Ok(Outer::Container(content)),
        (Some(expected), None) => Ok(Outer::Container(expected)),
        (None, None) => {
            reject_foreign(name, &head, named.format)?;
            Ok(Outer::Stream(Compression::None))
        }
    }
}

fn mismatch(name: &Arc<str>, forced: Format, content: Format) -> ReadError {
    ReadError::Unsupported {
        path: Arc::clone(name),
        what: format!("--format {forced} for a file whose bytes are {content}"),
        remedy: format!("Leave --format away, or say --format {content}"),
    }
}

fn is_zstd(head: &[u8]) -> bool {
    match head {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        // A skippable frame may come first.
        [low, 0x2a, 0x4d, 0x18, ..] => (0x50..=0x5f).contains(low),
        _ => false,
    }
}

/// Names well-known formats that are not read here, where the name claims no text format.
fn reject_foreign(name: &Arc<str>, head: &[u8], named: NamedFormat) -> Result<(), ReadError> {
    let foreign: [(&[u8], &str); 9] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"BZh", "bzip2 compression"),
        (b"\xfd7zXZ\0", "xz compression"),
        (b"\x04\x22\x4d\x18", "lz4 compression"),
        (b"FEA1", "Feather V1"),
        (b"ORC", "ORC"),
        (b"Obj\x01", "Avro"),
        (b"PARE", "an encrypted Parquet file"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    let found = foreign.iter().find(|(magic, _)| head.starts_with(magic));
    match found {
        Some((_, what)) if matches!(named, NamedFormat::Unknown | NamedFormat::Parquet) => {
            Err(ReadError::Unsupported {
                path: Arc::clone(name),
                what: (*what).to_owned(),
                remedy: "Write the rows as Parquet, JSONL, CSV or text first".to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// Decides the format of a stream from its (decompressed) first bytes, BOM already taken off.
/// `whole` tells whether `head` is all there is.
pub(super) fn inner(
    name: &Arc<str>,
    named: NamedFormat,
    forced: Option<Format>,
    head: &[u8],
    whole: bool,
) -> Result<Format, ReadError> {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(ReadError::Unsupported {
            path: Arc::clone(name),
            what: "UTF-16 text".to_owned(),
            remedy: "Convert it first, e.g. `iconv -f UTF-16 -t UTF-8`".to_owned(),
        });
    }
    let container = head.starts_with(PARQUET_MAGIC) || head.starts_with(ARROW_MAGIC);
    if container && matches!(named, NamedFormat::Unknown) {
        return Err(ReadError::Unsupported {
            path: Arc::clone(name),
            what: "a Parquet or Arrow file inside another compression".to_owned(),
            remedy: "Decompress it first (gunzip, unzstd)".to_owned(),
        });
    }
    if let Some(format) = forced {
        return Ok(format);
    }
    match named {
        NamedFormat::Jsonl => Ok(json(head, whole, false)),
        NamedFormat::Json => Ok(json(head, whole, true)),
        NamedFormat::Csv => Ok(Format::Csv),
        NamedFormat::Tsv => Ok(Format::Tsv),
        NamedFormat::Text => Ok(Format::Text),
        NamedFormat::Unknown | NamedFormat::Parquet | NamedFormat::Arrow => {
            match first_byte(head) {
                Some(b'{' | b'[') => Ok(json(head, whole, true)),
                _ => Err(ReadError::Unsupported {
                    path: Arc::clone(name),
                    what: "neither name nor content tells the format".to_owned(),
                    remedy: "Name it with --format (jsonl, json, parquet, arrow, csv, tsv, text)"
                        .to_owned(),
                }),
            }
        }
    }
}

fn first_byte(head: &[u8]) -> Option<u8> {
    head.iter()
        .copied()
        .find(|byte| !byte.is_ascii_whitespace())
}

/// One value per line, or one array (or values spread over lines)? The first line decides: a
/// complete value on it, with more to come, is JSONL. `named_json` is false where the name says
/// that lines are rows; then only an array that spans lines overrules it.
fn json(head: &[u8], whole: bool, named_json: bool) -> Format {
    let array = match first_byte(head) {
        Some(b'[') => true,
        Some(b'{') => false,
        _ => return Format::Jsonl,
    };
    if !array && !named_json {
        return Format::Jsonl;
    }
    let start = head
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(0);
    let text = head.get(start..).unwrap_or_default();
    let (line, rest) = match memchr::memchr(b'\n', text) {
        Some(end) => (
            text.get(..end).unwrap_or_default(),
            text.get(end..).unwrap_or_default(),
        ),
        None if whole => (text, &[][..]),
        None => return Format::JsonArray,
    };
    if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err() {
        return Format::JsonArray;
    }
    if array && first_byte(rest).is_none() && whole {
        return Format::JsonArray;
    }
    Format::Jsonl
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner_of(name: &str, head: &[u8]) -> Result<Format, String> {
        let named = by_name(Some(Path::new(name)));
        inner(&Arc::from(name), named.format, None, head, true).map_err(|e| e.to_string())
    }

    #[test]
    fn names() {
        let named = |name: &str| {
            let named = by_name(Some(Path::new(name)));
            (named.format, named.compression)
        };
        assert_eq!(named("a.jsonl"), (NamedFormat::Jsonl, Compression::None));
        assert_eq!(
            named("a.b.NDJSON.GZ"),
            (NamedFormat::Jsonl, Compression::Gzip)
        );
        assert_eq!(named("a.csv.zst"), (NamedFormat::Csv, Compression::Zstd));
        assert_eq!(named("a.zst"), (NamedFormat::Unknown, Compression::Zstd));
        assert_eq!(named("README"), (NamedFormat::Unknown, Compression::None));
        assert_eq!(named("jsonl"), (NamedFormat::Unknown, Compression::None));
    }

    #[test]
    fn json_is_told_by_its_first_line() {
        let cases: [(&str, &[u8], Format); 11] = [
            ("a.json", b"[{\"a\":1}]", Format::JsonArray),
            ("a.json", b"[\n{\"a\":1}\n]\n", Format::JsonArray),
            ("a.json", b"{\"a\":1}\n{\"a\":2}\n", Format::Jsonl),
            ("a.json", b"{\"a\":1}", Format::Jsonl),
            ("a.json", b"{\n \"a\": 1\n}\n", Format::JsonArray),
            ("a.json", b"[1]\n[2]\n", Format::Jsonl),
            ("a.jsonl", b"[\n{\"a\":1}\n]\n", Format::JsonArray),
            ("a.jsonl", b"[1]\n[2]\n", Format::Jsonl),
            ("a.jsonl", b"{\"a\":\n{\"a\":1}\n", Format::Jsonl),
            ("a.jsonl", b"", Format::Jsonl),
            ("noext", b" {\"a\":1}\n", Format::Jsonl),
        ];
        for (name, head, expected) in cases {
            assert_eq!(inner_of(name, head), Ok(expected), "{name} {head:?}");
        }
    }

    #[test]
    fn unknown_content_names_the_option() {
        assert!(
            inner_of("noext", b"once upon a time")
                .unwrap_err()
                .contains("--format")
        );
        assert!(
            inner_of("a.jsonl", b"\xff\xfe{\0")
                .unwrap_err()
                .contains("UTF-16")
        );
    }

    #[test]
    fn every_format_reads_its_own_word() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!("NDJSON".parse(), Ok(Format::Jsonl));
        assert!("xls".parse::<Format>().unwrap_err().contains("parquet"));
    }
}
