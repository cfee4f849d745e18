//! Makes text from data harmless for a terminal, HTML, Markdown and a shell command line.
//!
//! Paths, column names and model ids come from files that somebody else wrote. An escape sequence
//! in one could repaint a verdict, a bidirectional control could reverse it, a `<script>` could
//! run in the report. Characters that draw nothing, move the cursor or reorder text are shown as
//! `\u{202E}`; nothing is dropped, so that the reader sees what the data holds.
//!
//! Does not shorten on its own: see [`shorten`].

use std::fmt::Write as _;

/// Longest identifier (path, column, model id) printed in a report for people, in characters.
/// Chosen: two terminal lines; the verdict JSON always holds the whole of it.
pub const IDENTIFIER_CHARS_MAX: usize = 160;

/// Whether a character must be shown as an escape: controls, bidirectional controls, characters
/// that draw nothing, line and paragraph separators.
///
/// Sources: Unicode `Cc`; the `Bidi_Control` list of UAX #9; `Default_Ignorable_Code_Point` of
/// `DerivedCoreProperties` (ranges as assigned in Unicode 16, unassigned planes included).
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}'
            | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Appends `c`, or its visible escape.
fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_deceptive(c) => push_code_point(out, c),
        c => out.push(c),
    }
}

/// Appends `\u{…}` with at least four upper-case hex digits.
fn push_code_point(out: &mut String, c: char) {
    #[expect(
        clippy::let_underscore_must_use,
        reason = "writing to a String cannot fail"
    )]
    let _ = write!(out, "\\u{{{:04X}}}", u32::from(c));
}

/// Text for one line of a terminal: every deceptive character shown as an escape.
pub fn terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}

/// Text for HTML content and quoted attributes: deceptive characters shown, `& < > " '` as
/// entities.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => push_visible(&mut out, c),
        }
    }
    out
}

/// A sentence for Markdown: markup characters escaped, no line breaks, no automatic links.
///
/// Escapes what starts inline markup in `CommonMark` and GitHub's dialect. A line must not start
/// with the result: list and heading markers are not escaped (`#` is).
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut before = [' '; 3];
    for c in text.chars() {
        let in_link = (c == '/' && before[2] == ':')
            || (c == '.' && before.iter().all(|b| b.eq_ignore_ascii_case(&'w')));
        let markup = matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '['
                | ']'
                | '<'
                | '>'
                | '#'
                | '|'
                | '~'
                | '&'
                | '!'
                | '$'
                | '@'
        );
        if in_link || markup {
            out.push('\\');
        }
        if is_deceptive(c) {
            // The backslash of the escape is markup too.
            out.push('\\');
        }
        push_visible(&mut out, c);
        before = [before[1], before[2], c];
    }
    out
}

/// An identifier for Markdown as a code span; a backtick in it is shown as `\u{0060}`, so that
/// nothing can close the span, and a pipe as `\u{007C}`, so that it is safe in a table.
pub fn markdown_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('`');
    for c in text.chars() {
        match c {
            '`' | '|' => push_code_point(&mut out, c),
            c => push_visible(&mut out, c),
        }
    }
    if text.is_empty() {
        out.push(' ');
    }
    out.push('`');
    out
}

/// One argument of a POSIX shell command line, quoted where it has to be.
///
/// Deceptive characters use `$'…'` quoting (bash, zsh, ksh), so that the line is both harmless to
/// print and right to paste.
pub fn shell(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    if !argument.chars().any(is_deceptive) {
        return format!("'{}'", argument.replace('\'', r"'\''"));
    }
    let mut out = String::from("$'");
    for c in argument.chars() {
        match c {
            '\\' | '\'' => out.extend(['\\', c]),
            c if is_deceptive(c) => {
                let code = u32::from(c);
                #[expect(
                    clippy::let_underscore_must_use,
                    reason = "writing to a String cannot fail"
                )]
                let _ = if code < 0x80 {
                    write!(out, "\\{code:03o}")
                } else {
                    write!(out, "\\U{code:08X}")
                };
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Shortens an identifier to `chars_max` characters, keeping both ends and saying how many
/// characters were left out. Call it before escaping.
pub fn shorten(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let keep = chars_max.saturating_sub(24).max(8);
    let head = keep / 2;
    let tail = keep - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…({} characters)…{end}", count - head - tail)
}

/// A path, column or model id for one line of a terminal, shortened and escaped.
pub fn identifier(text: &str) -> String {
    terminal(&shorten(text, IDENTIFIER_CHARS_MAX))
}

/// For a cell of a CSV file: a spreadsheet takes it for text, never for a formula. Quoting is the
/// CSV writer's.
pub fn cell(text: &str) -> String {
    let safe = terminal(text);
    if safe.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{safe}")
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_escape_sequences_bidi_and_zero_width() {
        assert_eq!(
            terminal("a\u{1b}[31mb\u{202e}c\u{200b}d\n\u{9b}2J"),
            "a\\u{001B}[31mb\\u{202E}c\\u{200B}d\\n\\u{009B}2J"
        );
        assert_eq!(terminal("Größe 中文 ≥ é"), "Größe 中文 ≥ é");
        assert_eq!(
            terminal("\u{E0041}\u{FE0F}\u{2066}"),
            "\\u{E0041}\\u{FE0F}\\u{2066}"
        );
    }

    #[test]
    fn html_cannot_leave_its_element_or_attribute() {
        assert_eq!(
            html("<a href=\"x\" b='y'>&\0"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\\u{0000}"
        );
    }

    #[test]
    fn markdown_cannot_start_markup() {
        assert_eq!(
            markdown("[x](https://e.test) <b> *a*\n# h www.e.test a@b"),
            "\\[x\\](https:\\//e.test) \\<b\\> \\*a\\*\\\\n\\# h www\\.e.test a\\@b"
        );
        assert_eq!(markdown_code("a`b|c\nd"), "`a\\u{0060}b\\u{007C}c\\nd`");
    }

    #[test]
    fn shell_quotes_only_what_needs_it() {
        assert_eq!(shell("data/train-00.parquet"), "data/train-00.parquet");
        assert_eq!(shell("my file's.jsonl"), r"'my file'\''s.jsonl'");
        assert_eq!(shell("$(rm -rf x)"), "'$(rm -rf x)'");
        assert_eq!(shell("*"), "'*'");
        assert_eq!(shell("~"), "'~'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a\u{1b}'\u{202e}"), r"$'a\033\'\U0000202E'");
    }

    #[test]
    fn bash_reads_a_quoted_argument_back() {
        for argument in [
            "a b",
            "it's",
            "\u{1b}[31m\\'x",
            "\u{202e}n\u{e4}",
            "$HOME`id`",
            "\u{1}7",
        ] {
            let output = std::process::Command::new("bash")
                .env("LC_ALL", "C.UTF-8")
                .args(["-c", &format!("printf %s {}", shell(argument))])
                .output()
                .expect("bash runs");
            assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), argument);
        }
    }

    #[test]
    fn shortening_keeps_both_ends_and_says_how_much_is_gone() {
        let long = "a".repeat(100) + "zzz";
        let short = shorten(&long, 40);
        assert!(short.chars().count() <= 40, "{short}");
        assert!(
            short.starts_with("aaaaaaaa…(") && short.ends_with("zzz"),
            "{short}"
        );
        assert!(short.contains("(87 characters)"), "{short}");
        assert_eq!(shorten("short", 40), "short");
    }

    proptest! {
        #[test]
        fn nothing_deceptive_survives(text in any::<String>()) {
            for out in [terminal(&text), html(&text), markdown(&text), markdown_code(&text), shell(&text)] {
                prop_assert!(!out.chars().any(is_deceptive), "{:?}", out);
            }
            let out = html(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert_eq!(markdown_code(&text).matches('`').count(), 2);
        }
    }
}
