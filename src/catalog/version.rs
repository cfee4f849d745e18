//! Reads a Llama version out of a name: `llama-3.1`, `llama3-1`, `Llama-3_1`, `llama-v3p1`,
//! `llama31`, but not a size (`llama-13b`, `llama-3b`), a date or a quantisation.

use crate::model::LlamaVersion;

/// Words that contain "llama" and name a tool or a host, not a model. Checked on the characters
/// before and after an occurrence.
const TOOLS_BEFORE: [&str; 1] = ["o"];
const TOOLS_AFTER: [&str; 9] = [
    "gate", "file", "index", "-index", "factory", "-factory", ".cpp", "-cpp", "-stack",
];

/// What a name says about Llama.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Versions that have a license of their own, each once, oldest first.
    pub(super) versions: Vec<LlamaVersion>,
    /// Versions written out that the catalog does not know (`llama-3.5`, `llama-5`).
    pub(super) unsupported: Vec<String>,
    /// Whether "llama" stands in the name as a model at all.
    pub(super) llama: bool,
    /// The text that was read as versions, for telling the remaining words apart.
    pub(super) rest: String,
}

/// Reads one segment of an id, lower case.
pub(super) fn named(segment: &str) -> Named {
    let mut out = Named::default();
    let mut tail = segment;
    while let Some(found) = tail.find("llama") {
        let (before, after) = tail.split_at(found);
        let after = after.strip_prefix("llama").unwrap_or(after);
        if is_tool(before, after) {
            // The tool's name says nothing about the model; its leading letters go with it.
            out.rest
                .push_str(before.trim_end_matches(|c: char| c.is_ascii_alphabetic()));
            tail = after;
            continue;
        }
        out.rest.push_str(before);
        out.llama = true;
        out.rest.push_str("llama-");
        tail = match number(after) {
            Some(number) => {
                match number.version() {
                    Some(version) if !out.versions.contains(&version) => out.versions.push(version),
                    Some(_) => {}
                    None => out.unsupported.push(number.text()),
                }
                number.tail
            }
            None => after,
        };
    }
    out.rest.push_str(tail);
    out.versions.sort_unstable();
    out
}

fn is_tool(before: &str, after: &str) -> bool {
    let letters_before = before
        .bytes()
        .rev()
        .take_while(u8::is_ascii_alphabetic)
        .count();
    let word = before.get(before.len() - letters_before..).unwrap_or("");
    TOOLS_BEFORE.contains(&word) || TOOLS_AFTER.iter().any(|tool| after.starts_with(tool))
}

/// A version number behind "llama".
struct Number<'a> {
    major: u8,
    minor: Option<u8>,
    tail: &'a str,
}

impl Number<'_> {
    fn version(&self) -> Option<LlamaVersion> {
        match (self.major, self.minor.filter(|minor| *minor != b'0')) {
            (b'1', None) => Some(LlamaVersion::V1),
            (b'2', None) => Some(LlamaVersion::V2),
            (b'3', None) => Some(LlamaVersion::V3),
            (b'3', Some(b'1')) => Some(LlamaVersion::V3_1),
            (b'3', Some(b'2')) => Some(LlamaVersion::V3_2),
            (b'3', Some(b'3')) => Some(LlamaVersion::V3_3),
            (b'4', None) => Some(LlamaVersion::V4),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(char::from(self.major));
        if let Some(minor) = self.minor {
            text.push('.');
            text.push(char::from(minor));
        }
        text
    }
}

fn number(after: &str) -> Option<Number<'_>> {
    let text = after.strip_prefix(['-', '_', '.', ' ']).unwrap_or(after);
    let text = match text.strip_prefix('v') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    };
    let (digits, rest) = digits(text);
    if is_quantity(rest) {
        return None;
    }
    match *digits.as_bytes() {
        [major] => {
            let (minor, tail) = minor(rest);
            Some(Number { major, minor, tail })
        }
        // `llama31`: two digits are read as a version only where one exists.
        [major @ b'3', minor @ b'1'..=b'3'] => Some(Number {
            major,
            minor: Some(minor),
            tail: rest,
        }),
        _ => None,
    }
}

/// The minor number and what follows; no minor number leaves the text as it is.
fn minor(text: &str) -> (Option<u8>, &str) {
    let Some(after) = text.strip_prefix(['.', '-', '_', 'p']) else {
        return (None, text);
    };
    let (digits, rest) = digits(after);
    match *digits.as_bytes() {
        [minor] if !is_quantity(rest) && !counts(rest) => (Some(minor), rest),
        _ => (None, text),
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

/// Whether the text behind a number makes it a size: `b`, `m`, or decimals and then `b` or `m`
/// (`1.1b`), as a word of its own.
fn is_quantity(rest: &str) -> bool {
    let rest = match rest.strip_prefix('.').map(digits) {
        Some(("", _)) => return false,
        Some((_, after_decimals)) => after_decimals,
        None => rest,
    };
    let Some(unit) = rest.strip_prefix(['b', 'm']) else {
        return false;
    };
    !unit.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether the text behind a lone digit makes it a count of something: `8x7b`, `8k`, `4bit`, `2x`.
fn counts(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(name: &str) -> Vec<&'static str> {
        named(&name.to_lowercase())
            .versions
            .iter()
            .map(|v| v.id())
            .collect()
    }

    #[test]
    fn every_separator_in_use_is_read() {
        for name in [
            "llama-3.1-8b",
            "llama3.1",
            "llama-3-1-8b",
            "llama3-1-70b",
            "Llama-3_1-8B",
            "llama-v3p1-8b",
            "llama3_1",
            "llama31",
            "Meta-Llama-3.1",
            "llama 3.1",
            "llama-3.1:8b",
        ] {
            assert_eq!(versions(name), ["llama-3.1"], "{name}");
        }
    }

    #[test]
    fn sizes_dates_and_counts_are_not_versions() {
        for (name, expected) in [
            ("llama-3b", &[][..]),
            ("llama-7b", &[]),
            ("llama-13b-hf", &[]),
            ("llama-33b", &[]),
            ("llama-1.1b", &[]),
            ("llama-3-8b", &["llama-3"]),
            ("llama-3-1b", &["llama-3"]),
            ("llama-3-1.5b", &["llama-3"]),
            ("llama3-8b-8192", &["llama-3"]),
            ("llama2-70b-4096", &["llama-2"]),
            ("llama-3-20240718", &["llama-3"]),
            ("llama-3-8k", &["llama-3"]),
            ("llama-3-4bit", &["llama-3"]),
            ("llama-3-2x8b", &["llama-3"]),
            ("llama-3-2-1b", &["llama-3.2"]),
            ("llama-3.0-8b", &["llama-3"]),
            ("llama-2023", &[]),
        ] {
            assert_eq!(versions(name), expected, "{name}");
        }
    }

    #[test]
    fn unknown_numbers_are_not_rounded_down() {
        for name in [
            "llama-3.5",
            "llama-5",
            "llama-2.1",
            "llama-3-8-b",
            "llama-4.1",
        ] {
            let named = named(name);
            assert!(named.versions.is_empty(), "{name}");
            assert_eq!(named.unsupported.len(), 1, "{name}");
        }
    }

    #[test]
    fn tools_are_not_models() {
        for name in [
            "ollama",
            "llamagate",
            "llama.cpp",
            "llama-factory",
            "llamafile",
            "ollama-chat",
        ] {
            assert!(!named(name).llama, "{name}");
        }
        assert_eq!(versions("ollama-chat-llama3:8b"), ["llama-3"]);
    }

    #[test]
    fn two_versions_are_both_reported() {
        assert_eq!(versions("llama-2-to-llama-3.1"), ["llama-2", "llama-3.1"]);
        assert_eq!(versions("llama3-2@llama-3.2-3b"), ["llama-3.2"]);
    }
}
