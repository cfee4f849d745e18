//! Says what a check found: on a terminal, as verdict JSON, Markdown, HTML and SARIF.
//!
//! Reads [`CheckOutcome`](crate::model::CheckOutcome) and nothing else: it decides nothing, opens
//! no index and reads no clock, so the same outcome gives the same bytes. No text of a dataset is
//! ever printed; what does come from data (paths, columns, model ids, reasons) is made harmless
//! for the medium it is written to ([`escape`]).
//!
//! `wire` owns the verdict JSON and with it `schemas/verdict.schema.json`.

pub mod duties;
pub mod escape;
pub mod exports;
mod facts;
mod file;
mod html;
pub mod lineage;
mod links;
mod markdown;
pub mod people;
pub(crate) mod pretty;
mod sarif;
pub mod sources;
pub mod terminal;
pub mod wire;

#[cfg(test)]
mod samples;
#[cfg(test)]
pub(crate) use samples::pass as sample_outcome;

#[cfg(feature = "engine")]
pub(crate) use facts::plural;
pub use file::{ReportKind, WriteError, check_stale, remove_stale, write, write_page};

/// Adds words to a text.
pub(crate) fn add(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    if std::fmt::Write::write_fmt(out, words).is_err() {}
}
