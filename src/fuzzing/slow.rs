//! Slow and obvious readings of JSON and CSV: a tree per row, no columns, no batches.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use crate::read::limits::JSON_IN_STRING_DEPTH_MAX;

/// A text that a row must give. The string around a chat in JSON may be left out: its turns stand
/// for it.
#[derive(Debug)]
pub(super) struct Item {
    text: String,
    optional: bool,
}

/// The texts of a row; none if the row is broken.
pub(super) type Row = Option<Vec<Item>>;

enum Tree {
    Text(String),
    List(Vec<Tree>),
    Object(Vec<Tree>),
    Other,
}

struct Any;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut out = Vec::new();
        while let Some(element) = list.next_element()? {
            out.push(element);
        }
        Ok(Tree::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut keys = HashSet::new();
        let mut out = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            out.push(map.next_value()?);
        }
        Ok(Tree::Object(out))
    }
}

fn tree(text: &str) -> Result<Tree, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let tree = Tree::deserialize(&mut parser)?;
    parser.end()?;
    Ok(tree)
}

/// One JSON value that is all of the bytes.
pub(super) fn json_row(bytes: &[u8]) -> Row {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut out = Vec::new();
    items(&tree(text).ok()?, 0, &mut out);
    Some(out)
}

fn items(tree: &Tree, depth: usize, out: &mut Vec<Item>) {
    match tree {
        Tree::Text(text) => string(text, depth, out),
        Tree::List(list) | Tree::Object(list) => {
            for tree in list {
                items(tree, depth, out);
            }
        }
        Tree::Other => {}
    }
}

/// A string, with what stands in it if it is JSON.
fn string(text: &str, depth: usize, out: &mut Vec<Item>) {
    let before = out.len();
    let bare = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let looks = bare.starts_with('{') && bare.ends_with('}')
        || bare.starts_with('[') && bare.ends_with(']');
    if looks
        && depth < JSON_IN_STRING_DEPTH_MAX
        && let Ok(inner) = tree(text)
    {
        items(&inner, depth + 1, out);
    }
    out.push(Item {
        text: text.to_owned(),
        optional: out.len() > before,
    });
}

/// The fields of CSV records, the header among them.
pub(super) fn csv_rows(bytes: &[u8], delimiter: u8) -> Option<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes);
    let mut rows = Vec::new();
    for record in reader.records() {
        rows.push(record.ok()?.iter().map(str::to_owned).collect());
    }
    Some(rows)
}

/// The texts of the fields of one CSV record.
pub(super) fn csv_row(fields: &[String]) -> Vec<Item> {
    let mut out = Vec::new();
    for field in fields {
        string(field, 0, &mut out);
    }
    out
}

/// Whether these texts are those of the row.
pub(super) fn matches(items: &[Item], texts: &[&str]) -> bool {
    // Where in `texts` one can be after each item.
    let mut places = BTreeSet::from([0]);
    for item in items {
        let mut next = BTreeSet::new();
        for at in places {
            if item.optional {
                next.insert(at);
            }
            if texts.get(at) == Some(&item.text.as_str()) {
                next.insert(at + 1);
            }
        }
        places = next;
    }
    places.contains(&texts.len())
}
