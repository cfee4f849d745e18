//! Parses and checks the catalog's files. Every complaint says file, line, column, entry, field
//! and what to do.
//!
//! The build script compiles this module, `file`, `glob` and `crate::model` too, and refuses broken
//! data with it: nothing here may use another part of the crate.

mod access;
mod licenses;
mod models;

use std::ops::Range;
use std::sync::Arc;

use crate::model::License;
use crate::model::LlamaVersion;

use super::file::{CatalogFile, Placed};

pub(super) use access::AccessEntry;
pub(super) use models::{ModelEntry, Models, VersionEntry};

/// Largest file of a catalog, in bytes. *Chosen*: a hundred times the built-in one.
pub const CATALOG_FILE_BYTES_MAX: usize = 4 << 20;

/// Most entries of one kind in a file. *Chosen*: each id is compared with every model entry.
pub const CATALOG_ENTRIES_MAX: usize = 10_000;

/// Longest text of a field, in bytes. *Chosen*: notices and notes stay below 500.
const TEXT_BYTES_MAX: usize = 4096;

/// Licenses, models and hosts, loaded and validated.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// In the order of the data files; ids unique.
    pub(super) licenses: Vec<Arc<License>>,
    /// One per Llama version, oldest first.
    pub(super) versions: Vec<VersionEntry>,
    /// The organisation's own entries, asked first.
    pub(super) own: Models,
    /// Asked before the naming rule, first match wins.
    pub(super) listed: Models,
    /// Asked after the naming rule, first match wins.
    pub(super) other: Models,
    /// Ways to a model, the organisation's own ones first.
    pub(super) access: Vec<AccessEntry>,
}

/// One file of the catalog with the name used in errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    /// Whether an organisation wrote it.
    pub(super) own: bool,
}

/// A file of the catalog is wrong. The message begins with `path:line:column`, both from 1, the
/// column in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
#[non_exhaustive]
pub struct CatalogError {
    /// The file as it was named.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Entry and field, what is wrong, and what to do.
    pub message: String,
}

impl Part<'_> {
    fn wrong(&self, span: &Range<usize>, message: impl Into<String>) -> CatalogError {
        // A span that is out of bounds or splits a character points at the start of the file.
        let before = self.text.get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        CatalogError {
            path: self.path.to_owned(),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column,
            message: message.into(),
        }
    }

    fn parse(&self) -> Result<CatalogFile, CatalogError> {
        if self.text.len() > CATALOG_FILE_BYTES_MAX {
            let message =
                format!("larger than {CATALOG_FILE_BYTES_MAX} bytes: split it into several files");
            return Err(self.wrong(&(0..0), message));
        }
        let file: CatalogFile = toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().trim_end();
            self.wrong(
                &span,
                format!("{message}; correct it, docs/catalog.md describes every key"),
            )
        })?;
        let most = file.license.len().max(file.version.len());
        let most = most.max(file.model.len()).max(file.other.len());
        if most.max(file.access.len()) > CATALOG_ENTRIES_MAX {
            let message = format!(
                "more than {CATALOG_ENTRIES_MAX} entries of one kind: use globs for groups of ids"
            );
            return Err(self.wrong(&(0..0), message));
        }
        Ok(file)
    }
}

/// Parses and checks all files. An organisation's licenses may not take the id of a built-in one;
/// its models are asked before the built-in ones, and its ways of access likewise.
pub(super) fn catalog(parts: &[Part<'_>]) -> Result<Catalog, CatalogError> {
    let files = parts
        .iter()
        .map(|part| Ok((*part, part.parse()?)))
        .collect::<Result<Vec<_>, CatalogError>>()?;
    let mut licenses = Vec::new();
    let mut versions = Vec::new();
    for (part, file) in &files {
        licenses::add(*part, &file.license, &mut licenses)?;
        models::add_versions(*part, &file.version, &mut versions)?;
    }
    if let Some((part, _)) = files.first() {
        models::require_every_version(*part, &versions, &licenses)?;
    }
    let mut models = models::Lists::default();
    let mut access = access::Lists::default();
    for (part, file) in &files {
        models.add(*part, file, &licenses)?;
        access.add(*part, &file.access, &licenses)?;
    }
    Ok(Catalog {
        licenses,
        versions,
        own: models.own,
        listed: models.listed,
        other: models.other,
        access: access.entries(),
    })
}

/// Where an entry stands, for errors.
struct At<'a> {
    part: Part<'a>,
    /// `license`, `model`, …
    kind: &'static str,
    /// Its id or key.
    entry: &'a Placed<String>,
}

impl At<'_> {
    fn wrong(
        &self,
        span: &Range<usize>,
        field: &str,
        message: impl std::fmt::Display,
    ) -> CatalogError {
        let (kind, entry) = (self.kind, self.entry.text());
        self.part.wrong(
            span,
            format!("{kind} `{entry}`, field `{field}`: {message}"),
        )
    }

    /// A complaint about something that is not there: points at the entry's id.
    fn missing(&self, field: &str, message: impl std::fmt::Display) -> CatalogError {
        self.wrong(&self.entry.span(), field, message)
    }

    /// Text of one line that says something.
    fn filled(&self, field: &str, value: &Placed<String>) -> Result<String, CatalogError> {
        let text = value.text();
        if text.trim().is_empty() {
            let message = "is empty; state it or remove the key";
            return Err(self.wrong(&value.span(), field, message));
        }
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("is longer than {TEXT_BYTES_MAX} bytes; shorten it");
            return Err(self.wrong(&value.span(), field, message));
        }
        if text.chars().any(char::is_control) {
            let message = "holds a line break or another control character; write one line";
            return Err(self.wrong(&value.span(), field, message));
        }
        Ok(value.owned())
    }

    fn filled_or_none(
        &self,
        field: &str,
        value: Option<&Placed<String>>,
    ) -> Result<Option<String>, CatalogError> {
        value.map(|text| self.filled(field, text)).transpose()
    }

    /// An id: what stands in command lines, rules and references.
    fn id(&self, field: &str, value: &Placed<String>) -> Result<String, CatalogError> {
        let text = self.filled(field, value)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
        if !text.chars().all(plain) {
            let message =
                format!("`{text}` is no id; write lower-case letters, digits, `-`, `.` and `_`");
            return Err(self.wrong(&value.span(), field, message));
        }
        Ok(text)
    }

    fn date(&self, field: &str, value: &Placed<String>) -> Result<String, CatalogError> {
        let text = value.text();
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if shape && text.parse::<jiff::civil::Date>().is_ok() {
            return Ok(value.owned());
        }
        let message = format!("`{text}` is not a date; write YYYY-MM-DD");
        Err(self.wrong(&value.span(), field, message))
    }

    fn link(&self, field: &str, value: &Placed<String>) -> Result<String, CatalogError> {
        let text = self.filled(field, value)?;
        let host = text.strip_prefix("https://").unwrap_or("");
        if host.is_empty() || text.contains(char::is_whitespace) {
            let message = format!("`{text}` is not an https link; write the whole address");
            return Err(self.wrong(&value.span(), field, message));
        }
        Ok(text)
    }

    fn digest(&self, field: &str, value: &Placed<String>) -> Result<String, CatalogError> {
        let text = value.text();
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(hex) {
            let message = "is not a SHA-256; write 64 lower-case hex digits";
            return Err(self.wrong(&value.span(), field, message));
        }
        Ok(value.owned())
    }

    fn version(&self, field: &str, value: &Placed<String>) -> Result<LlamaVersion, CatalogError> {
        LlamaVersion::parse(value.text()).ok_or_else(|| {
            let words: Vec<&str> = LlamaVersion::ALL.iter().map(|v| v.id()).collect();
            let (text, expected) = (value.text(), words.join(", "));
            let message = format!("unknown version `{text}`; expected one of {expected}");
            self.wrong(&value.span(), field, message)
        })
    }

    fn license(
        &self,
        field: &str,
        id: &Placed<String>,
        licenses: &[Arc<License>],
    ) -> Result<Arc<License>, CatalogError> {
        let found = licenses.iter().find(|license| license.id == id.text());
        found.map(Arc::clone).ok_or_else(|| {
            let message = format!(
                "no license `{}` in the catalog; add a [[license]] or correct the id",
                id.text()
            );
            self.wrong(&id.span(), field, message)
        })
    }
}
