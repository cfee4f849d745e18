//! Walks JSON text straight into a [`RowWriter`]: no tree is built, no leaf is allocated.
//!
//! Strict: duplicate keys, lone surrogates, trailing characters, numbers outside the range of
//! `f64`, and nesting beyond [`NESTING_DEPTH_MAX`](super::limits::NESTING_DEPTH_MAX) (the
//! parser's own recursion limit) are errors of the row.

use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use super::columns::NodeId;
use super::rows::RowWriter;

/// Whether a string could be a JSON object or array; cheap, and never wrong about a "no".
pub(super) fn looks_like_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (
        bytes.iter().find(|byte| !byte.is_ascii_whitespace()),
        bytes.iter().rfind(|byte| !byte.is_ascii_whitespace()),
    ) else {
        return false;
    };
    matches!((first, last), (b'{', b'}') | (b'[', b']'))
}

/// Walks one JSON value that is all of `text`.
pub(super) fn walk(
    rows: &mut RowWriter<'_>,
    node: NodeId,
    text: &str,
) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    Value { rows, node }.deserialize(&mut parser)?;
    parser.end()
}

/// What a value was, as far as its list needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bit,
    Integer,
    Number,
    Null,
    Other,
}

struct Value<'r, 's> {
    rows: &'r mut RowWriter<'s>,
    node: NodeId,
}

impl Value<'_, '_> {
    fn text<E: Error>(self, text: &str) -> Result<Kind, E> {
        self.rows.text(self.node, text).map_err(E::custom)?;
        Ok(Kind::Other)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Kind, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
        self.text(text)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind::Number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Kind, E> {
        Ok(if number <= 1 {
            Kind::Bit
        } else {
            Kind::Integer
        })
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind::Integer)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::Number)
    }

    fn visit_unit<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        let (child, outer) = self.rows.enter_list(self.node).map_err(A::Error::custom)?;
        let (mut integers, mut others, mut all_bits) = (0u64, 0u64, true);
        let mut index = 0;
        self.rows.element(child, index);
        while let Some(kind) = list.next_element_seed(Value {
            rows: self.rows,
            node: child,
        })? {
            match kind {
                Kind::Bit => integers += 1,
                Kind::Integer => {
                    integers += 1;
                    all_bits = false;
                }
                Kind::Number => others += 1,
                Kind::Null | Kind::Other => {}
            }
            index += 1;
            self.rows.element(child, index);
        }
        if integers > 0 {
            self.rows.int_list(child, integers, all_bits);
        }
        if others > 0 {
            self.rows.not_text(child, others);
        }
        self.rows.leave_list(outer);
        Ok(Kind::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let object = self.rows.enter_object(self.node);
        while let Some(child) = map.next_key_seed(Key {
            rows: self.rows,
            node: self.node,
            object,
        })? {
            let kind = map.next_value_seed(Value {
                rows: self.rows,
                node: child,
            })?;
            if matches!(kind, Kind::Bit | Kind::Integer | Kind::Number) {
                self.rows.not_text(child, 1);
            }
        }
        self.rows.leave_object();
        Ok(Kind::Other)
    }
}

struct Key<'r, 's> {
    rows: &'r mut RowWriter<'s>,
    node: NodeId,
    object: u64,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = NodeId;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<NodeId, D::Error> {
        parser.deserialize_str(self)
    }
}

#[expect(clippy::elidable_lifetime_names, reason = "as the trait writes it")]
impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = NodeId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<NodeId, E> {
        self.rows
            .key(self.node, key, self.object)
            .map_err(E::custom)
    }
}
