//! Undoes HTML entities, HTML tags and backslash escapes.
//!
//! A pass goes left to right over the text and replaces every token by what it stands for. Passes
//! are repeated while they change something, up to `LAYERS_MAX`: text that was escaped, then put
//! into HTML, then into JSON comes out as the text. Nothing is known of the surrounding format, so
//! the same text in any wrapping gives the same result, at registration and at check.
//!
//! Deliberately not undone: entities without their semicolon, tags longer than `TAG_BYTES_MAX`,
//! `\x41` and `\U0001F600`, percent escapes, base64.

use super::entity;
use memchr::memchr3;

/// Longest tag or comment that is dropped, in bytes from `<` to `>` inclusive. *Chosen*: long
/// enough for a link with its attributes, short enough to hide little.
pub(super) const TAG_BYTES_MAX: usize = 256;

/// Layers of escaping undone. *Chosen*: nested entities and doubled backslashes count as one
/// layer, so four is HTML in JSON in HTML in JSON.
pub(super) const LAYERS_MAX: usize = 4;

/// What a token is replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Consumes `len` bytes and leaves this character.
    Becomes { len: usize, c: char },
    /// Consumes `len` bytes and leaves them as they are.
    Stays { len: usize },
}

/// Reusable buffers of the undoing.
#[derive(Debug, Default)]
pub(super) struct Undo {
    source: String,
    target: String,
}

impl Undo {
    /// The text with all escapes undone; the text itself when there are none.
    pub(super) fn undo<'a>(&'a mut self, text: &'a str) -> &'a str {
        self.target.clear();
        if !pass(text, &mut self.target) {
            return text;
        }
        for _ in 1..LAYERS_MAX {
            std::mem::swap(&mut self.source, &mut self.target);
            self.target.clear();
            if !pass(&self.source, &mut self.target) {
                return &self.source;
            }
        }
        &self.target
    }
}

/// One pass; false, with `target` untouched, when there is nothing to undo.
fn pass(source: &str, target: &mut String) -> bool {
    let bytes = source.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    let mut changed = false;
    while let Some(tail) = bytes.get(at..)
        && let Some(found) = memchr3(b'&', b'<', b'\\', tail)
    {
        at += found;
        match token(bytes, at) {
            Token::Stays { len } => at += len,
            Token::Becomes { len, c } => {
                changed = true;
                // Tokens begin and end at ASCII bytes, so both ends are character boundaries.
                target.push_str(&source[copied..at]);
                target.push(c);
                at += len;
                copied = at;
            }
        }
    }
    if changed {
        target.push_str(&source[copied..]);
    }
    changed
}

/// The token that begins at `at`, where one of the three trigger bytes stands.
fn token(bytes: &[u8], at: usize) -> Token {
    let tail = bytes.get(at..).unwrap_or_default();
    match tail.first() {
        Some(b'\\') => escape(tail),
        Some(b'&') => entity(tail),
        Some(b'<') => match tag_len(tail) {
            Some(len) => Token::Becomes { len, c: ' ' },
            None => Token::Stays { len: 1 },
        },
        _ => Token::Stays { len: 1 },
    }
}

/// One or more backslashes and what they escape; `tail` begins with a backslash.
fn escape(tail: &[u8]) -> Token {
    let run = backslashes(tail);
    let c = match tail.get(run) {
        Some(b'n' | b'r' | b't' | b'b' | b'f') => ' ',
        Some(b'"') => '"',
        Some(b'\'') => '\'',
        Some(b'/') => '/',
        Some(b'u') => {
            return match utf16_unit(tail.get(run..).unwrap_or_default()) {
                Some(unit) => utf16(tail, run, unit),
                None => Token::Stays { len: run },
            };
        }
        _ => return Token::Stays { len: run },
    };
    Token::Becomes { len: run + 1, c }
}

/// Number of backslashes that `tail` begins with.
fn backslashes(tail: &[u8]) -> usize {
    tail.iter().take_while(|&&b| b == b'\\').count()
}

/// The UTF-16 unit of `uXXXX` at the start of `tail`.
fn utf16_unit(tail: &[u8]) -> Option<u16> {
    let digits = tail.strip_prefix(b"u")?.get(..4)?;
    digits.iter().try_fold(0_u16, |unit, &b| {
        let digit = char::from(b).to_digit(16)?;
        Some((unit << 4) | u16::try_from(digit).unwrap_or_default())
    })
}

/// A `\uXXXX` escape, taken together with a following one when the two form a surrogate pair. A
/// lone surrogate becomes U+FFFD, which is no letter.
fn utf16(tail: &[u8], run: usize, unit: u16) -> Token {
    let len = run + 5;
    let rest = tail.get(len..).unwrap_or_default();
    let next_run = backslashes(rest);
    let next = if next_run == 0 {
        None
    } else {
        utf16_unit(rest.get(next_run..).unwrap_or_default())
    };
    let units = [unit, next.unwrap_or_default()];
    let mut decoded = char::decode_utf16(units);
    match decoded.next() {
        Some(Ok(c)) if u32::from(c) > 0xFFFF => Token::Becomes {
            len: len + next_run + 5,
            c,
        },
        Some(Ok(c)) => Token::Becomes { len, c },
        Some(Err(_)) | None => Token::Becomes {
            len,
            c: char::REPLACEMENT_CHARACTER,
        },
    }
}

/// An entity, however often its ampersand was escaped again; `tail` begins with `&`.
fn entity(tail: &[u8]) -> Token {
    let mut name_at = 1;
    while tail
        .get(name_at..)
        .is_some_and(|rest| rest.starts_with(b"amp;"))
    {
        name_at += 4;
    }
    let name = tail.get(name_at..).unwrap_or_default();
    // The longest body is `#` with seven decimal digits or a name of eight letters.
    let end = name
        .iter()
        .take(entity::NAME_BYTES_MAX + 1)
        .position(|&b| b == b';');
    if let Some(end) = end
        && let Some(body) = name.get(..end)
        && let Some(c) = entity::decode(body)
    {
        let len = name_at + end + 1;
        return Token::Becomes { len, c };
    }
    if name_at > 1 {
        Token::Becomes {
            len: name_at,
            c: '&',
        }
    } else {
        Token::Stays { len: 1 }
    }
}

/// Length of the tag or comment that `tail` begins with, if it is one.
///
/// `</name>`, `<name>`, `<name/>`, `<name key=value key="value" key='value'>` and `<!-- … -->`.
/// Attributes without a value are not accepted, so that a comparison such as `a <b and c> d` is
/// no tag and little can be hidden in one.
fn tag_len(tail: &[u8]) -> Option<usize> {
    let tail = tail.get(..tail.len().min(TAG_BYTES_MAX))?;
    if tail.starts_with(b"<!--") {
        let body = tail.get(4..)?;
        let end = body.windows(3).position(|bytes| bytes == b"-->")?;
        return Some(4 + end + 3);
    }
    let mut at = 1;
    let closing = tail.get(at) == Some(&b'/');
    if closing {
        at += 1;
    }
    if !tail.get(at)?.is_ascii_alphabetic() {
        return None;
    }
    at += span(tail, at, |b| {
        b.is_ascii_alphanumeric() || b == b'-' || b == b':'
    });
    loop {
        let spaces = span(tail, at, |b| b.is_ascii_whitespace());
        at += spaces;
        match *tail.get(at)? {
            b'>' => return Some(at + 1),
            b'/' if !closing && tail.get(at + 1) == Some(&b'>') => return Some(at + 2),
            _ if closing || spaces == 0 => return None,
            _ => at += attribute_len(tail.get(at..)?)?,
        }
    }
}

/// Length of `key=value` at the start of `tail`.
fn attribute_len(tail: &[u8]) -> Option<usize> {
    let is_key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.' | b'@');
    let mut at = span(tail, 0, is_key);
    if at == 0 {
        return None;
    }
    at += span(tail, at, |b| b.is_ascii_whitespace());
    if *tail.get(at)? != b'=' {
        return None;
    }
    at += 1;
    at += span(tail, at, |b| b.is_ascii_whitespace());
    let quote = *tail.get(at)?;
    if quote == b'"' || quote == b'\'' {
        let value = tail.get(at + 1..)?;
        let end = value.iter().position(|&b| b == quote)?;
        return Some(at + 1 + end + 1);
    }
    let value = span(tail, at, |b| {
        !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'=' | b'<' | b'>' | b'`' | b'\\')
    });
    (value > 0).then_some(at + value)
}

/// Number of bytes from `at` on that satisfy `accept`.
fn span(bytes: &[u8], at: usize, accept: impl Fn(u8) -> bool) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|&&b| accept(b))
        .count()
}
