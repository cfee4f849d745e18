//! The slow and obvious definition of the normal form: the oracle of tests and the baseline of
//! benches. Allocates freely, looks at one character at a time, composes whole texts at once.
//!
//! It shares with the fast path only what a single code point means (`property`) and the list of
//! entity names.

use super::entity;
use super::normal::Undone;
use super::property;
use super::property::Gap;
use super::property::Kind;
use super::undo::LAYERS_MAX;
use super::undo::TAG_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;

/// A normal form as the reference gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The stream.
    pub stream: String,
    /// Byte offsets of word starts in the stream.
    pub word_starts: Vec<u32>,
    /// What had to be undone.
    pub undone: Undone,
}

/// The normal form of `text`, with word starts.
pub fn normalize(text: &str) -> Reference {
    let source = undo(text);
    let mut undone = Undone::default();

    // Every kept code point, decomposed, and whether a word starts at it.
    let mut kept: Vec<(char, bool)> = Vec::new();
    let mut keeps_marks = false;
    let mut letterwise_before = false;
    // Source characters since the last kept one.
    let mut between: Vec<char> = Vec::new();
    for c in source {
        if property::is_bidi_control(c) {
            undone.bidi = true;
        }
        let mut expanded = Vec::new();
        property::expand(c, &mut expanded);
        let mut left_something = false;
        for part in expanded {
            let kind = property::kind(part);
            let is_kept = match kind {
                Kind::Base { .. } => true,
                Kind::Mark => keeps_marks,
                Kind::Dropped => false,
            };
            if !is_kept {
                continue;
            }
            if hides(&between, &kept, keeps_marks) {
                undone.invisible = true;
            }
            let mut starts_word = false;
            if let Kind::Base { keeps_marks: keeps } = kind {
                let letterwise = property::is_letterwise(part);
                starts_word = property::starts_segment(part)
                    && (kept.is_empty() || splits(&between) || letterwise || letterwise_before);
                keeps_marks = keeps;
                letterwise_before = letterwise;
            }
            kept.push((part, starts_word));
            between.clear();
            left_something = true;
        }
        if !left_something {
            between.push(c);
        }
    }

    // Nothing before a code point that starts a word can combine with it, so the text may be
    // composed word by word.
    let mut stream = String::new();
    let mut word_starts = Vec::new();
    let mut word: Vec<char> = Vec::new();
    for (part, starts_word) in kept {
        if starts_word && !word.is_empty() {
            word_starts.push(u32::try_from(stream.len()).unwrap_or(u32::MAX));
            stream.extend(word.drain(..).nfc());
        }
        word.push(part);
    }
    if !word.is_empty() {
        word_starts.push(u32::try_from(stream.len()).unwrap_or(u32::MAX));
        stream.extend(word.drain(..).nfc());
    }
    Reference {
        stream,
        word_starts,
        undone,
    }
}

/// Whether dropped characters between two kept ones split words.
fn splits(between: &[char]) -> bool {
    let visible: Vec<Gap> = between
        .iter()
        .map(|&c| property::gap(c))
        .filter(|&gap| gap != Gap::Transparent)
        .collect();
    !matches!(visible.as_slice(), [] | [Gap::Joiner])
}

/// Whether an ignorable that is worth a note stands directly between two kept characters.
fn hides(between: &[char], kept: &[(char, bool)], keeps_marks: bool) -> bool {
    !kept.is_empty()
        && between
            .iter()
            .all(|&c| property::gap(c) == Gap::Transparent)
        && between.iter().any(|&c| {
            property::is_default_ignorable(c)
                && !(keeps_marks && property::is_orthographic_ignorable(c))
        })
}

/// The characters of `text` with entities, tags and escapes undone.
fn undo(text: &str) -> Vec<char> {
    let mut source: Vec<char> = text.chars().collect();
    for _ in 0..LAYERS_MAX {
        let (target, changed) = undo_once(&source);
        source = target;
        if !changed {
            break;
        }
    }
    source
}

fn undo_once(source: &[char]) -> (Vec<char>, bool) {
    let mut target = Vec::new();
    let mut changed = false;
    let mut rest = source;
    while let Some((&c, tail)) = rest.split_first() {
        let token = match c {
            '\\' => escape(rest),
            '&' => entity(rest),
            '<' => tag(rest),
            _ => None,
        };
        if let Some((becomes, len)) = token {
            target.push(becomes);
            changed = true;
            rest = rest.get(len..).unwrap_or_default();
        } else if c == '\\' {
            let run = rest.iter().take_while(|&&c| c == '\\').count();
            target.extend(std::iter::repeat_n('\\', run));
            rest = rest.get(run..).unwrap_or_default();
        } else {
            target.push(c);
            rest = tail;
        }
    }
    (target, changed)
}

fn escape(rest: &[char]) -> Option<(char, usize)> {
    let run = rest.iter().take_while(|&&c| c == '\\').count();
    let c = *rest.get(run)?;
    match c {
        'n' | 'r' | 't' | 'b' | 'f' => Some((' ', run + 1)),
        '"' | '\'' | '/' => Some((c, run + 1)),
        'u' => {
            let (high, len) = unit(rest)?;
            if (0xD800..0xDC00).contains(&high)
                && let Some((low, low_len)) = unit(rest.get(len..)?)
                && (0xDC00..0xE000).contains(&low)
            {
                let scalar = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(scalar).map(|c| (c, len + low_len));
            }
            Some((char::from_u32(high).unwrap_or('\u{FFFD}'), len))
        }
        _ => None,
    }
}

/// Backslashes, `u`, four hexadecimal digits: the value and the length.
fn unit(rest: &[char]) -> Option<(u32, usize)> {
    let run = rest.iter().take_while(|&&c| c == '\\').count();
    let (u, digits) = rest.get(run..run + 5)?.split_first()?;
    if run == 0 || *u != 'u' || !digits.iter().all(char::is_ascii_hexdigit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, c| value * 16 + c.to_digit(16).unwrap_or(0));
    Some((value, run + 5))
}

fn entity(rest: &[char]) -> Option<(char, usize)> {
    // All ampersands that follow the first one are escapes of it.
    let text: String = rest.get(1..)?.iter().collect();
    let mut body = text.as_str();
    let mut skipped = 1;
    while let Some(tail) = body.strip_prefix("amp;") {
        body = tail;
        skipped += 4;
    }
    if let Some((name, _)) = body.split_once(';')
        && name.len() <= entity::NAME_BYTES_MAX
        && let Some(c) = entity::decode(name.as_bytes())
    {
        return Some((c, skipped + name.len() + 1));
    }
    (skipped > 1).then_some(('&', skipped))
}

/// A tag or comment, recognised by trying every closing bracket in turn.
fn tag(rest: &[char]) -> Option<(char, usize)> {
    let mut bytes = 0;
    for (at, &c) in rest.iter().enumerate() {
        bytes += c.len_utf8();
        if bytes > TAG_BYTES_MAX {
            return None;
        }
        if c == '>' {
            let candidate: String = rest.get(..=at)?.iter().collect();
            if is_tag(&candidate) {
                return Some((' ', at + 1));
            }
        }
    }
    None
}

/// Whether the whole of `text` is one tag or comment.
fn is_tag(text: &str) -> bool {
    if let Some(comment) = text.strip_prefix("<!--") {
        return comment.ends_with("-->");
    }
    let Some(inner) = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')) else {
        return false;
    };
    if let Some(name) = inner.strip_prefix('/') {
        return is_name(name.trim_end_matches(|c: char| c.is_ascii_whitespace()));
    }
    // A slash before the bracket closes the tag or ends an unquoted value: try both.
    is_open_tag(inner) || inner.strip_suffix('/').is_some_and(is_open_tag)
}

fn is_open_tag(inner: &str) -> bool {
    let name_len = inner
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'))
        .unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(name_len);
    is_name(name) && are_attributes(attributes)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':')
}

/// Whether `text` is a series of `key=value`, each after white space.
fn are_attributes(text: &str) -> bool {
    let is_space = |c: char| c.is_ascii_whitespace();
    let trimmed = text.trim_start_matches(is_space);
    if trimmed.is_empty() {
        return true;
    }
    if trimmed.len() == text.len() {
        return false;
    }
    let Some((key, value)) = trimmed.split_once('=') else {
        return false;
    };
    let key = key.trim_end_matches(is_space);
    let is_key = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_:.@".contains(c));
    let value = value.trim_start_matches(is_space);
    let rest = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => match value.get(1..).and_then(|v| v.split_once(quote)) {
            Some((_, rest)) => rest,
            None => return false,
        },
        Some(_) => {
            let len = value
                .find(|c: char| c.is_ascii_whitespace() || "\"'=<>`\\".contains(c))
                .unwrap_or(value.len());
            if len == 0 {
                return false;
            }
            value.get(len..).unwrap_or_default()
        }
        None => return false,
    };
    is_key && are_attributes(rest)
}
