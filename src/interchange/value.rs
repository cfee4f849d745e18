//! Values of JSON and YAML that know where they stand.

use serde_json::Value;

use super::Document;
use super::ImportError;
use super::limits::DEPTH_MAX;
use super::limits::FACT_BYTES_MAX;
use super::limits::ITEMS_MAX;
use super::limits::YAML_BYTES_MAX;
use super::limits::YAML_NODES_MAX;
use crate::model::lineage::NAME_BYTES_MAX;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// A value with its way from the top of its document.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    /// `file`, or `file:line`.
    pub(super) place: &'a str,
    /// Keys and places from the top, `run.facets.x`.
    pub(super) key: String,
    /// The value.
    pub(super) value: &'a Value,
}

impl<'a> At<'a> {
    /// The top of a document.
    pub(super) fn top(place: &'a str, value: &'a Value) -> Self {
        Self {
            place,
            key: String::new(),
            value,
        }
    }

    fn under(&self, key: &str) -> String {
        if self.key.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.key)
        }
    }

    /// The value of a key; `None` where it is not there or null.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self {
            place: self.place,
            key: self.under(key),
            value,
        })
    }

    /// The value of a key that has to be there.
    pub(super) fn need(&self, key: &str) -> Result<Self, ImportError> {
        self.get(key).ok_or_else(|| ImportError::Value {
            place: self.place.to_owned(),
            key: self.under(key),
            message: "is missing".to_owned(),
        })
    }

    /// What is wrong here.
    pub(super) fn wrong(&self, message: impl Into<String>) -> ImportError {
        ImportError::Value {
            place: self.place.to_owned(),
            key: if self.key.is_empty() {
                "the document".to_owned()
            } else {
                self.key.clone()
            },
            message: message.into(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        }
    }

    /// Text that is not blank, without control characters, not longer than a fact.
    pub(super) fn text(&self) -> Result<&'a str, ImportError> {
        let Value::String(text) = self.value else {
            return Err(self.wrong(format!("is {}, and text is needed", self.kind())));
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(self.wrong("is blank"));
        }
        if text.len() > FACT_BYTES_MAX {
            return Err(self.wrong(format!(
                "has {} bytes, more than {FACT_BYTES_MAX}",
                text.len()
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong("holds control characters"));
        }
        Ok(text)
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Result<u64, ImportError> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong(format!("is {}, and a count is needed", self.kind())))
    }

    /// The items of a list; of anything else the thing itself.
    pub(super) fn each(&self) -> Result<Vec<Self>, ImportError> {
        let Value::Array(items) = self.value else {
            return Ok(vec![self.clone()]);
        };
        if items.len() > ITEMS_MAX {
            return Err(ImportError::TooLarge {
                place: self.place.to_owned(),
                what: format!("{} has {} items", self.key, items.len()),
                limit: ITEMS_MAX.to_string(),
            });
        }
        let each = items.iter().enumerate().map(|(number, value)| Self {
            place: self.place,
            key: format!("{}[{number}]", self.key),
            value,
        });
        Ok(each.collect())
    }

    /// The items of a key's list; none where the key is not there.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Self>, ImportError> {
        match self.get(key) {
            Some(list) if list.value.is_array() => list.each(),
            Some(other) => Err(other.wrong(format!("is {}, and a list is needed", other.kind()))),
            None => Ok(Vec::new()),
        }
    }

    /// The entries of a mapping, in order of key.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>, ImportError> {
        let Value::Object(map) = self.value else {
            return Err(self.wrong(format!("is {}, and a mapping is needed", self.kind())));
        };
        if map.len() > ITEMS_MAX {
            return Err(ImportError::TooLarge {
                place: self.place.to_owned(),
                what: format!("{} has {} entries", self.key, map.len()),
                limit: ITEMS_MAX.to_string(),
            });
        }
        let each = map.iter().map(|(name, value)| {
            let at = Self {
                place: self.place,
                key: self.under(name),
                value,
            };
            (name.as_str(), at)
        });
        Ok(each.collect())
    }

    /// A node by the text here.
    pub(super) fn node(&self, kind: NodeKind) -> Result<NodeRef, ImportError> {
        self.named(kind, self.text()?)
    }

    /// A node by a name that was put together from what stands here.
    pub(super) fn named(&self, kind: NodeKind, name: &str) -> Result<NodeRef, ImportError> {
        self.parsed(&format!("{}:{name}", kind.as_str()))
    }

    /// A version of a data set. The name may hold an `@`, its version may not.
    pub(super) fn dataset(&self, name: &str, version: &str) -> Result<NodeRef, ImportError> {
        if version.is_empty() {
            return self.named(NodeKind::Dataset, name);
        }
        if version.contains('@') {
            return Err(self.wrong(format!("the version {version:?} holds an @")));
        }
        self.parsed(&format!("dataset:{name}@{version}"))
    }

    /// A node as it is written.
    pub(super) fn parsed(&self, text: &str) -> Result<NodeRef, ImportError> {
        if text.len() > NAME_BYTES_MAX {
            return Err(self.wrong(format!(
                "gives a name of {} bytes, more than {NAME_BYTES_MAX}",
                text.len()
            )));
        }
        NodeRef::parse(text).map_err(|error| self.wrong(error.to_string()))
    }
}

/// Parses JSON.
pub(super) fn json(document: Document<'_>) -> Result<Value, ImportError> {
    serde_json::from_str(document.text).map_err(|error| ImportError::Syntax {
        place: format!("{}:{}:{}", document.name, error.line(), error.column()),
        message: format!("not JSON: {}", without_place(&error.to_string())),
    })
}

/// The parser's sentence without the place, which is said before it.
pub(super) fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(sentence, _)| sentence)
}

/// Parses YAML; `lines_before` are those of the file before the text begins.
pub(super) fn yaml(document: Document<'_>, lines_before: u64) -> Result<Value, ImportError> {
    if document.text.len() > YAML_BYTES_MAX {
        return Err(ImportError::TooLarge {
            place: document.name.to_owned(),
            what: format!("{} bytes of YAML", document.text.len()),
            limit: format!("{YAML_BYTES_MAX} bytes"),
        });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: YAML_NODES_MAX,
            max_events: 2 * YAML_NODES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: YAML_NODES_MAX,
        },
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    if document.text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str_with_options(document.text, options).map_err(|error| {
        let place = match error.location() {
            Some(at) => format!(
                "{}:{}:{}",
                document.name,
                lines_before + at.line(),
                at.column()
            ),
            None => document.name.to_owned(),
        };
        let message = error.to_string();
        ImportError::Syntax {
            place,
            message: format!(
                "not YAML that can be read: {}",
                message.split_whitespace().collect::<Vec<_>>().join(" ")
            ),
        }
    })
}
