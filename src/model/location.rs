//! Where something stands in an input.

use std::sync::Arc;

/// A place in an input file.
///
/// `row` is 0-based per file, headers and blank lines not counted; `None` only for a statement
/// about the whole file or run. `column` is the path of the string leaf, list elements written
/// `[]`, e.g. `messages[].content`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The input as the user named it (`-` for standard input).
    pub path: Arc<str>,
    /// 0-based row.
    pub row: Option<u64>,
    /// Path of the column inside the row.
    pub column: Option<Arc<str>>,
}

impl Location {
    /// A statement about a whole file.
    pub fn file(path: impl Into<Arc<str>>) -> Self {
        Self {
            path: path.into(),
            row: None,
            column: None,
        }
    }
}
