//! Inputs as the command line names them.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::args::FormatWord;
use super::out;
use super::progress::Progress;
use crate::read;
use crate::read::Format;
use crate::read::InputPath;
use crate::read::ReadError;

/// Entries of folders named in one note. Chosen: a line.
const HIDDEN_NAMED: usize = 3;

/// Resolves what the user named; says which hidden entries of folders were left out.
pub(super) fn expand(paths: &[String]) -> Vec<Result<InputPath, ReadError>> {
    let expansion = read::expand(paths);
    if !expansion.hidden.is_empty() {
        let names: Vec<String> = expansion
            .hidden
            .iter()
            .take(HIDDEN_NAMED)
            .map(|p| p.display().to_string())
            .collect();
        let more = expansion.hidden.len().saturating_sub(HIDDEN_NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        out::note(&format!(
            "left out, because their names begin with a dot: {}{more}",
            names.join(", ")
        ));
    }
    expansion.inputs
}

/// Stored bytes of all inputs; `None` when one of them has no size yet.
pub(super) fn bytes(inputs: &[Result<InputPath, ReadError>]) -> Option<u64> {
    inputs
        .iter()
        .map(|input| match input {
            Ok(input) => match std::fs::metadata(input.path.as_ref()?) {
                Ok(found) => Some(found.len()),
                Err(_) => None,
            },
            Err(_) => Some(0),
        })
        .sum()
}

/// Turns "bytes of this file so far" into bytes done over all files.
pub(super) fn accumulate<'a>(
    seen: &'a AtomicU64,
    progress: &'a Progress,
) -> impl Fn(u64) + Sync + 'a {
    move |so_far| {
        let before = seen.swap(so_far, Ordering::Relaxed);
        // A smaller number is the next file's.
        progress.add(if so_far >= before {
            so_far - before
        } else {
            so_far
        });
    }
}

/// The reader's format for a word of `--format`.
pub(super) fn format(word: FormatWord) -> Format {
    match word {
        FormatWord::Jsonl => Format::Jsonl,
        FormatWord::Json => Format::JsonArray,
        FormatWord::Parquet => Format::Parquet,
        FormatWord::Arrow => Format::ArrowFile,
        FormatWord::ArrowStream => Format::ArrowStream,
        FormatWord::Csv => Format::Csv,
        FormatWord::Tsv => Format::Tsv,
        FormatWord::Text => Format::Text,
    }
}
