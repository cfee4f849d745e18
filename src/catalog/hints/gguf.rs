//! The metadata of a GGUF file. Only its first part is read; no length in it is trusted.
//!
//! Layout (all numbers in the file's byte order): magic `GGUF`, version u32, tensors u64, pairs
//! u64, then the pairs: key (length u64, bytes), type u32, value.

use super::{BASES_MAX, Hint, HintError, Says, hint};

/// What a GGUF file begins with.
pub const GGUF_MAGIC: &[u8; 4] = b"GGUF";

/// Most bytes of metadata that are read. *Chosen*: vocabularies with their merges take up to
/// 20 MB in files in use.
pub const GGUF_HEADER_BYTES_MAX: usize = 64 << 20;

/// Most pairs. *Chosen*: files in use have below 100.
const PAIRS_MAX: u64 = 65_536;

/// Longest key, in bytes. *Cited*: the format's specification.
const KEY_BYTES_MAX: u64 = 65_535;

/// Longest text that is kept, in bytes. *Chosen*: ids and links are far shorter.
const KEPT_BYTES_MAX: usize = 4096;

/// Deepest array of arrays. *Chosen*: files in use have arrays of plain values.
const DEPTH_MAX: u32 = 4;

/// Hints of a GGUF file. `bytes` is its beginning; `complete` says that it is the whole file.
///
/// # Errors
/// [`HintError::Gguf`]: another format or version, a length that does not fit, metadata that goes
/// on behind [`GGUF_HEADER_BYTES_MAX`].
pub fn from_gguf(file: &str, bytes: &[u8], complete: bool) -> Result<Vec<Hint>, HintError> {
    let mut header = Header {
        file,
        bytes,
        at: 0,
        big_endian: false,
        complete,
    };
    if header.take(4)? != GGUF_MAGIC {
        header.at = 0;
        return Err(header.wrong("is no GGUF file: it does not begin with GGUF"));
    }
    // A version is small, so that its bytes tell the byte order.
    let version: [u8; 4] = header.array()?;
    header.big_endian = u32::from_le_bytes(version).trailing_zeros() >= 16;
    let version = header.word(version);
    if !(2..=3).contains(&version) {
        return Err(header.wrong(format!("GGUF version {version} is not one of 2 and 3")));
    }
    header.long()?;
    let pairs = header.long()?;
    if pairs > PAIRS_MAX {
        return Err(header.wrong(format!("{pairs} pairs of metadata, at most {PAIRS_MAX}")));
    }
    let mut hints = Vec::new();
    for _ in 0..pairs {
        let length = header.long()?;
        if length > KEY_BYTES_MAX {
            return Err(header.wrong(format!("a key of {length} bytes")));
        }
        let key = header.text(length)?.to_owned();
        let kind = header.kind()?;
        let Some(says) = meaning(&key) else {
            header.skip(kind, 0)?;
            continue;
        };
        if kind != Kind::Text {
            return Err(header.wrong(format!("`{key}` does not hold text")));
        }
        let length = header.long()?;
        let value = header.text(length)?;
        if value.len() > KEPT_BYTES_MAX {
            let message = format!("`{key}` holds {length} bytes, at most {KEPT_BYTES_MAX}");
            return Err(header.wrong(message));
        }
        if hints.len() >= BASES_MAX {
            return Err(header.wrong(format!("more than {BASES_MAX} statements of origin")));
        }
        hints.extend(hint(file, &key, value, says));
    }
    Ok(hints)
}

/// What a key says about where the model comes from, if anything.
fn meaning(key: &str) -> Option<fn(String) -> Says> {
    Some(match key {
        "general.name"
        | "general.basename"
        | "general.source.url"
        | "general.source.repo_url"
        | "general.source.huggingface.repository"
        | "general.repo_url" => Says::Name,
        "general.license" | "general.license.name" => Says::License,
        "general.license.link" => Says::LicenseLink,
        "general.architecture" => Says::Architecture,
        _ => {
            let (number, field) = key.strip_prefix("general.base_model.")?.split_once('.')?;
            let counted = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            if !counted || !matches!(field, "name" | "repo_url") {
                return None;
            }
            Says::Base
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number or truth value of this many bytes.
    Plain(u64),
    Text,
    Array,
}

struct Header<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
    complete: bool,
}

impl<'a> Header<'a> {
    fn wrong(&self, message: impl Into<String>) -> HintError {
        HintError::Gguf {
            file: self.file.to_owned(),
            at: self.at,
            message: message.into(),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], HintError> {
        let end = match usize::try_from(length) {
            Ok(length) => self.at.checked_add(length),
            // More than this machine can address is more than the file has.
            Err(_) => None,
        };
        match end.and_then(|end| Some((end, self.bytes.get(self.at..end)?))) {
            Some((end, taken)) => {
                self.at = end;
                Ok(taken)
            }
            None if self.complete => Err(self.wrong(format!(
                "the file ends here, but {length} more bytes of metadata should follow"
            ))),
            None => Err(self.wrong(format!(
                "metadata goes on behind the first {} bytes, which are read at most",
                self.bytes.len()
            ))),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HintError> {
        let taken = self.take(N as u64)?;
        // `take` returned exactly N bytes, so that this cannot fail.
        <[u8; N]>::try_from(taken).map_err(|_| self.wrong("too few bytes"))
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    fn long(&mut self) -> Result<u64, HintError> {
        let bytes = self.array()?;
        Ok(if self.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    fn text(&mut self, length: u64) -> Result<&'a str, HintError> {
        let from = self.at;
        let taken = self.take(length)?;
        std::str::from_utf8(taken).map_err(|_| {
            self.at = from;
            self.wrong("text that is not UTF-8")
        })
    }

    fn kind(&mut self) -> Result<Kind, HintError> {
        let bytes = self.array()?;
        match self.word(bytes) {
            0 | 1 | 7 => Ok(Kind::Plain(1)),
            2 | 3 => Ok(Kind::Plain(2)),
            4..=6 => Ok(Kind::Plain(4)),
            8 => Ok(Kind::Text),
            9 => Ok(Kind::Array),
            10..=12 => Ok(Kind::Plain(8)),
            other => Err(self.wrong(format!("a value of the unknown type {other}"))),
        }
    }

    /// Steps over a value. Every element takes at least one byte, so that the work is bounded by
    /// the bytes at hand whatever a length claims.
    fn skip(&mut self, kind: Kind, depth: u32) -> Result<(), HintError> {
        match kind {
            Kind::Plain(size) => self.take(size).map(drop),
            Kind::Text => {
                let length = self.long()?;
                self.take(length).map(drop)
            }
            Kind::Array if depth >= DEPTH_MAX => Err(self.wrong("arrays in arrays in arrays")),
            Kind::Array => {
                let kind = self.kind()?;
                let count = self.long()?;
                if let Kind::Plain(size) = kind {
                    let length = count
                        .checked_mul(size)
                        .ok_or_else(|| self.wrong(format!("an array of {count} values")))?;
                    return self.take(length).map(drop);
                }
                for _ in 0..count {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
        }
    }
}
