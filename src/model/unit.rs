//! Units of text on their way from a reader to the fingerprint.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

/// Index into a file's table of column paths (`FileRead::columns` of the `read` module).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnId(pub u32);

/// What a unit is, as far as its place in the row tells.
///
/// `check` scans every role; `register` takes only `Output` and uses `Prompt` to leave the
/// prompt's own words out of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Text that a model generated: an output column or an assistant turn.
    Output,
    /// Text that was given to the model: a prompt column, a user, system or tool turn.
    Prompt,
    /// Neither is known (a bare `text` column beside nothing else, a plain text file).
    Unknown,
}

/// One string leaf, chat turn or document window, as a span of its batch's text buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSpan {
    /// Row relative to `Batch::first_row`.
    pub row: u32,
    /// Column the leaf was found in.
    pub column: ColumnId,
    /// Number of the unit within its row, from 0, in reading order.
    pub ordinal: u32,
    /// Half-open byte range in `Batch::text`.
    pub start: usize,
    /// Half-open byte range in `Batch::text`.
    pub end: usize,
    /// What the unit is.
    pub role: Role,
    /// Index into `Batch::models`: the raw model id that the row itself claims for this unit
    /// (`completions[].model` beside `completions[].response`).
    pub model: Option<u32>,
}

/// A broken row: counted, reported, and never skipped silently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// 0-based row in the file.
    pub row: u64,
    /// What is wrong, where, and what to do about it; one sentence or two.
    pub message: String,
}

/// A bounded piece of one file: consecutive rows and the text found in them.
///
/// Invariants: unit rows are ascending and below `rows`; spans are in bounds and on character
/// boundaries; a row named in `errors` contributes no units.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// 0-based row of the first row in this batch.
    pub first_row: u64,
    /// Number of rows covered, broken ones included.
    pub rows: u32,
    /// All unit texts, back to back.
    pub text: String,
    /// The units, ascending by row, then ordinal.
    pub units: Vec<UnitSpan>,
    /// Raw model ids claimed by rows of this batch, each once.
    pub models: Vec<String>,
    /// Rows that could not be read.
    pub errors: Vec<RowError>,
    /// Rows whose `undecided` state has a cause other than an error: text that exists only as
    /// token ids or undecodable bytes (row relative to `first_row`, column).
    pub opaque: Vec<(u32, ColumnId)>,
    /// Columns seen for the first time since the batch before, with their paths: every id that
    /// this or a later batch uses has been announced by then.
    pub columns: Vec<(ColumnId, Arc<str>)>,
    /// Whether the first row of this batch is the last row of the batch before, carried on: a
    /// long document is one row in several batches. Such a row is to be counted once; rows so far
    /// are `first_row + rows`, never the sum of `rows`.
    pub continues: bool,
}

impl Batch {
    /// The text of a unit of this batch.
    pub fn unit_text(&self, unit: &UnitSpan) -> &str {
        self.text.get(unit.start..unit.end).unwrap_or("")
    }
}
