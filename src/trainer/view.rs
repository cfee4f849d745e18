//! Typed access to a value of a configuration, with the key's way for messages.
//!
//! Where the trainer has `OmegaConf`, `${key}` stands for another value of the same file; only that
//! form is followed. What comes from the environment or from a resolver is an error: what is not
//! known cannot be checked.

use super::document::Document;
use super::document::Node;
use super::document::Value;
use super::error::TrainerError;
use super::limits::DATASETS_MAX;
use super::limits::DEPTH_MAX;
use super::limits::REFERENCES_MAX;
use super::limits::TEXT_BYTES_MAX;

/// A value, where it stands, and how it is reached.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) document: &'a Document,
    pub(super) node: &'a Node,
    /// E.g. `datasets[0].path`; empty for the file itself.
    pub(super) key: String,
}

impl<'a> View<'a> {
    /// The whole file.
    pub(super) fn of(document: &'a Document) -> Self {
        Self {
            document,
            node: &document.root,
            key: String::new(),
        }
    }

    /// The value of a key, references followed; `None` if it is missing or null.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, TrainerError> {
        let Some(node) = self.node.entry(key) else {
            return Ok(None);
        };
        let view = self.child(key, node).followed()?;
        Ok((view.node.value != Value::Null).then_some(view))
    }

    /// Every entry of a mapping, references followed, nulls left out.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>, TrainerError> {
        let mut found = Vec::new();
        for (key, node) in self.node.entries() {
            let view = self.child(key, node).followed()?;
            if view.node.value != Value::Null {
                found.push((key.as_str(), view));
            }
        }
        Ok(found)
    }

    /// The items of a list, references followed; anything else is its own only item.
    pub(super) fn items(&self) -> Result<Vec<Self>, TrainerError> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| {
                    let key = format!("{}[{index}]", self.key);
                    Self {
                        node,
                        key,
                        ..self.clone()
                    }
                    .followed()
                })
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                Ok(vec![self.clone()])
            }
        }
    }

    /// A path, id or name: one line of text that is not blank.
    pub(super) fn text(&self) -> Result<String, TrainerError> {
        let Value::Text(written) = &self.node.value else {
            return Err(self.wrong(format!(
                "{} stands where a path, id or name belongs; if it is one, put it in quotes",
                self.node.value.kind()
            )));
        };
        let mut references = REFERENCES_MAX;
        let text = self.interpolate(written, &mut references)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(self.wrong("is blank; state it or remove the key"));
        }
        if trimmed.chars().any(char::is_control) {
            return Err(self.wrong("holds a line break or control character"));
        }
        Ok(trimmed.to_owned())
    }

    /// Every text of a value: of a list its items, of a mapping its values, at any depth.
    pub(super) fn texts(&self) -> Result<Vec<(Self, String)>, TrainerError> {
        let mut found = Vec::new();
        // References can repeat and can go round, so the steps are counted, not the values.
        let mut steps = DATASETS_MAX;
        self.collect_texts(&mut found, DEPTH_MAX, &mut steps)?;
        Ok(found)
    }

    fn collect_texts(
        &self,
        found: &mut Vec<(Self, String)>,
        depth: usize,
        steps: &mut usize,
    ) -> Result<(), TrainerError> {
        if depth == 0 || *steps == 0 {
            return Err(self.wrong("refers to itself or holds too many values"));
        }
        *steps -= 1;
        match &self.node.value {
            Value::List(_) => {
                for item in self.items()? {
                    item.collect_texts(found, depth - 1, steps)?;
                }
            }
            Value::Map(_) => {
                for (_, entry) in self.entries()? {
                    entry.collect_texts(found, depth - 1, steps)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
                let text = self.text()?;
                found.push((self.clone(), text));
            }
        }
        Ok(())
    }

    /// Whether a switch is on.
    pub(super) fn flag(&self) -> Result<bool, TrainerError> {
        match &self.node.value {
            Value::Bool(value) => Ok(*value),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                Err(self.wrong(format!(
                    "{} stands where true or false belongs",
                    self.node.value.kind()
                )))
            }
        }
    }

    /// Whether this is a mapping.
    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Whether this is text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }

    /// Refuses anything but a mapping.
    pub(super) fn expect_map(&self) -> Result<(), TrainerError> {
        if self.is_map() {
            return Ok(());
        }
        Err(self.wrong(format!(
            "{} stands where a mapping of keys belongs",
            self.node.value.kind()
        )))
    }

    /// The line, for people; 0 where it is not known.
    pub(super) fn line(&self) -> u64 {
        self.node.at.line
    }

    /// An error about this value.
    pub(super) fn wrong(&self, message: impl Into<String>) -> TrainerError {
        TrainerError::Value {
            place: self.document.place(self.node.at),
            key: self.key.clone(),
            message: message.into(),
        }
    }

    /// An error about a key of this mapping, which may be missing.
    pub(super) fn wrong_key(&self, key: &str, message: String) -> TrainerError {
        match self.node.entry(key) {
            Some(node) => self.child(key, node).wrong(message),
            None => TrainerError::Missing {
                path: self.document.name.clone(),
                message,
            },
        }
    }

    fn child(&self, key: &str, node: &'a Node) -> Self {
        let key = if self.key.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.key)
        };
        Self {
            node,
            key,
            ..self.clone()
        }
    }

    /// What a value that is one reference as a whole refers to; the key stays.
    fn followed(self) -> Result<Self, TrainerError> {
        let mut view = self;
        for _ in 0..REFERENCES_MAX {
            let Value::Text(text) = &view.node.value else {
                return Ok(view);
            };
            let whole = text
                .trim()
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                .filter(|name| !name.contains(['{', '}', '$']));
            let Some(name) = whole else { return Ok(view) };
            if !view.document.interpolated {
                return Ok(view);
            }
            view.node = view.referred(name)?;
        }
        Err(view.wrong("refers to itself; write the value out"))
    }

    /// The value that `${name}` stands for.
    fn referred(&self, name: &str) -> Result<&'a Node, TrainerError> {
        let plain = !name.is_empty()
            && name
                .split('.')
                .all(|part| !part.is_empty() && !part.contains([':', '[', ' ']));
        if !plain {
            return Err(self.wrong(format!(
                "`${{{name}}}` is not a key of this file (values of the environment, resolvers \
                 and relative references are not read); write the value out"
            )));
        }
        let mut node = &self.document.root;
        for part in name.split('.') {
            node = node.entry(part).ok_or_else(|| {
                self.wrong(format!(
                    "`${{{name}}}` refers to a key that does not stand in this file; write the \
                     value out"
                ))
            })?;
        }
        Ok(node)
    }

    fn interpolate(&self, text: &str, references: &mut usize) -> Result<String, TrainerError> {
        let too_long = || self.wrong(format!("is longer than {TEXT_BYTES_MAX} bytes"));
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if !self.document.interpolated {
                return Err(self.wrong(
                    "holds `${…}`, which this trainer does not fill in; write the value out",
                ));
            }
            let (before, reference) = rest.split_at(start);
            let Some((name, after)) = reference.get(2..).and_then(|inside| inside.split_once('}'))
            else {
                return Err(self.wrong("holds `${` without its `}`; write the value out"));
            };
            *references = references.checked_sub(1).ok_or_else(|| {
                self.wrong("refers to itself or to too many values; write the value out")
            })?;
            out.push_str(before);
            let value = match &self.referred(name)?.value {
                Value::Text(text) => self.interpolate(text, references)?,
                Value::Number(number) => number.clone(),
                Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                    return Err(self.wrong(format!(
                        "`${{{name}}}` is no text that could stand inside another; write the \
                         value out"
                    )));
                }
            };
            out.push_str(&value);
            if out.len() > TEXT_BYTES_MAX {
                return Err(too_long());
            }
            rest = after;
        }
        out.push_str(rest);
        if out.len() > TEXT_BYTES_MAX {
            return Err(too_long());
        }
        Ok(out)
    }
}
