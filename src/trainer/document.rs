//! A configuration file as a tree of values that know their line.
//!
//! YAML goes through `serde-saphyr`: it refuses keys given twice, expands anchors and merge keys
//! under a budget that ends alias bombs, tells line and column of every value, is written without
//! unsafe code and never includes other files. The forks of `serde_yaml` tell places in errors
//! only, so that a wrong value could not be pointed at. JSON is read by the same parser, since the
//! JSON that trainers read is YAML too. Of a Markdown file only the front matter between its first
//! two `---` lines is read.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde_saphyr::Spanned;

use super::error::TrainerError;
use super::limits::DEPTH_MAX;
use super::limits::FILE_BYTES_MAX;
use super::limits::NODES_MAX;

/// Where a value stands: 1-based line and column, in characters; 0 where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Any number, in Rust's notation: only told apart from text, never computed with.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In file order; no key stands twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key; `None` if this is no mapping or lacks the key.
    pub(super) fn entry(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find_map(|(name, node)| (name == key).then_some(node))
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                &[]
            }
        }
    }

    /// Whether a key stands with a value other than null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key)
            .is_some_and(|node| node.value != Value::Null)
    }
}

impl Value {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// As the user named it, for messages.
    pub(super) name: String,
    pub(super) root: Node,
    /// It is a Markdown file, and `root` its front matter.
    pub(super) front_matter: bool,
    /// `${key}` stands for another value of the file (`OmegaConf`).
    pub(super) interpolated: bool,
}

impl Document {
    /// Reads a file. `name` is what messages call it.
    pub(super) fn read(path: &Path, name: &str) -> Result<Self, TrainerError> {
        let bytes = read_bounded(path, name)?;
        // YAML may begin with `---` too; only Markdown has a text after the next one.
        let is_data = path.extension().is_some_and(|extension| {
            ["yaml", "yml", "json"]
                .iter()
                .any(|data| extension.eq_ignore_ascii_case(data))
        });
        Self::parse(&bytes, name, !is_data)
    }

    /// Reads the front matter of a Markdown file; `None` if it has none.
    pub(super) fn read_front_matter(path: &Path, name: &str) -> Result<Option<Self>, TrainerError> {
        let bytes = read_bounded(path, name)?;
        let text = utf8(&bytes, name)?;
        match front_matter(text) {
            Some(_) => Self::parse(&bytes, name, true).map(Some),
            None => Ok(None),
        }
    }

    /// Parses the bytes of a file; `markdown` says whether it may be text with front matter.
    pub(super) fn parse(bytes: &[u8], name: &str, markdown: bool) -> Result<Self, TrainerError> {
        let text = utf8(bytes, name)?;
        let front = if markdown { front_matter(text) } else { None };
        let root = parse_yaml(front.unwrap_or(text), name)?;
        Ok(Self {
            name: name.to_owned(),
            root,
            front_matter: front.is_some(),
            interpolated: false,
        })
    }

    /// `file:line:column` of a value.
    pub(super) fn place(&self, at: At) -> String {
        place(&self.name, at)
    }
}

/// `file:line:column`, or the file alone where the line is not known.
pub(super) fn place(name: &str, at: At) -> String {
    match at {
        At { line: 0, .. } => name.to_owned(),
        At { line, column } => format!("{name}:{line}:{column}"),
    }
}

fn utf8<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, TrainerError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text)),
        Err(error) => {
            let line = bytes
                .iter()
                .take(error.valid_up_to())
                .filter(|byte| **byte == b'\n')
                .count();
            Err(TrainerError::Syntax {
                place: format!("{name}:{}", line + 1),
                message: "not UTF-8 text; a configuration is YAML or JSON in UTF-8".to_owned(),
            })
        }
    }
}

fn read_bounded(path: &Path, name: &str) -> Result<Vec<u8>, TrainerError> {
    let failed = |source| TrainerError::Io {
        path: name.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TrainerError::TooLarge {
            path: name.to_owned(),
            what: format!("more than {FILE_BYTES_MAX} bytes"),
            limit: format!("{FILE_BYTES_MAX} bytes of a configuration"),
        });
    }
    Ok(bytes)
}

/// The YAML between the first line `---` and the next one. The first line stays in it, so that
/// lines count as in the file.
fn front_matter(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("---")?;
    let first_end = rest.find('\n')?;
    if !rest.get(..first_end)?.trim().is_empty() {
        return None;
    }
    let mut at = 3 + first_end + 1;
    for line in text.get(at..)?.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return text.get(..at);
        }
        at += line.len();
    }
    None
}

fn parse_yaml(text: &str, name: &str) -> Result<Node, TrainerError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 2 * NODES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
        },
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(root) => Ok(node(root)),
        Err(error) => {
            let at = error.location().map_or(At { line: 0, column: 0 }, at);
            Err(TrainerError::Syntax {
                place: place(name, at),
                message: one_line(&error.to_string()),
            })
        }
    }
}

/// The parser's own sentence without line breaks.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn at(location: serde_saphyr::Location) -> At {
    At {
        line: location.line(),
        column: location.column(),
    }
}

fn node(spanned: Spanned<Raw>) -> Node {
    Node {
        at: at(spanned.referenced),
        value: spanned.value.0,
    }
}

/// Any YAML value; places come from the [`Spanned`] around each.
struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Raw)
    }
}

struct Any;

impl<'de> de::Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("binary values are not read here; write text"))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Raw>>()? {
            items.push(node(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some((key, value)) = access.next_entry::<String, Spanned<Raw>>()? {
            entries.push((key, node(value)));
        }
        Ok(Value::Map(entries))
    }
}
