//! What the files of a model say about where it comes from: bytes in, hints out. Pure.
//!
//! A hint is one statement at one place (`README.md: base_model`). Nothing is concluded here from
//! a single one; [`Catalog::combine`](super::Catalog::combine) resolves each and compares them.

mod card;
mod combine;
mod gguf;
mod json;

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

pub use card::from_card;
pub use combine::{Combined, Reading};
pub use gguf::{GGUF_HEADER_BYTES_MAX, GGUF_MAGIC, from_gguf};
pub use json::from_json;

/// Largest `config.json` or model card, in bytes. *Chosen*: cards with whole licenses in them stay
/// below 200 kB.
pub const TEXT_FILE_BYTES_MAX: usize = 4 << 20;

/// Most base models that one file may name. *Chosen*: merges name tens.
const BASES_MAX: usize = 256;

/// One statement about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// File and key, e.g. `config.json: model_type`.
    pub place: String,
    /// What it says.
    pub says: Says,
}

/// What a hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The model was made from this one.
    Base(String),
    /// The model is called this, or was loaded from a place called this.
    Name(String),
    /// How it was made from its base: `quantized`, `finetune`, `merge`, `adapter`.
    Relation(String),
    /// The license, as a tag or a name.
    License(String),
    /// Where the license stands.
    LicenseLink(String),
    /// The architecture, which many unrelated models share.
    Architecture(String),
    /// A license, use policy or other text of this digest (SHA-256, lower-case hex) lies beside
    /// the weights.
    Text {
        /// Digest of the file's bytes.
        sha256: String,
    },
    /// A notice lies beside the weights.
    Notice {
        /// Its text.
        text: String,
    },
}

impl Says {
    /// What kind of statement it is, in a word or two.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Base(_) => "base model",
            Self::Name(_) => "name",
            Self::Relation(_) => "relation to the base",
            Self::License(_) => "license tag",
            Self::LicenseLink(_) => "license link",
            Self::Architecture(_) => "architecture",
            Self::Text { .. } => "license text",
            Self::Notice { .. } => "notice",
        }
    }

    /// The value as stated; the digest of a text, nothing of a notice.
    pub fn value(&self) -> &str {
        match self {
            Self::Base(value)
            | Self::Name(value)
            | Self::Relation(value)
            | Self::License(value)
            | Self::LicenseLink(value)
            | Self::Architecture(value)
            | Self::Text { sha256: value } => value,
            Self::Notice { .. } => "",
        }
    }
}

/// A file of a model that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintError {
    /// More than the limit.
    #[error("{file} is larger than {max} bytes, which no such file is; name the model by its id")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        max: usize,
    },
    /// Not UTF-8.
    #[error("{file} is not UTF-8 text (first bad byte at {at}); save it as UTF-8")]
    NotText {
        /// The file.
        file: String,
        /// Byte from 0.
        at: usize,
    },
    /// JSON or YAML that is not well-formed, or a key that does not hold what it should.
    #[error("{file}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A GGUF header that is damaged or not understood.
    #[error("{file}, byte {at}: {message}")]
    Gguf {
        /// The file.
        file: String,
        /// Byte from 0.
        at: usize,
        /// What is wrong.
        message: String,
    },
}

/// A license, use policy or similar text beside the weights.
pub fn from_text(file: &str, bytes: &[u8]) -> Hint {
    Hint {
        place: file.to_owned(),
        says: Says::Text {
            sha256: hex::encode(Sha256::digest(bytes)),
        },
    }
}

/// A notice file beside the weights.
///
/// # Errors
/// [`HintError::TooLarge`] and [`HintError::NotText`].
pub fn from_notice(file: &str, bytes: &[u8]) -> Result<Hint, HintError> {
    Ok(Hint {
        place: file.to_owned(),
        says: Says::Notice {
            text: text(file, bytes)?.to_owned(),
        },
    })
}

/// Bytes as text, within the limit, without a byte order mark.
fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, HintError> {
    if bytes.len() > TEXT_FILE_BYTES_MAX {
        return Err(HintError::TooLarge {
            file: file.to_owned(),
            max: TEXT_FILE_BYTES_MAX,
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| HintError::NotText {
        file: file.to_owned(),
        at: error.valid_up_to(),
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A hint, unless the value is blank.
fn hint(file: &str, key: &str, value: &str, says: impl Fn(String) -> Says) -> Option<Hint> {
    let value = value.trim();
    (!value.is_empty()).then(|| Hint {
        place: format!("{file}: {key}"),
        says: says(value.to_owned()),
    })
}
