//! Plain aligned columns for lists on the terminal.

use crate::report::escape;

/// Longest cell, in characters. Chosen; `--json` gives the whole value.
const CELL_CHARS_MAX: usize = 80;

/// A table that is built row by row and printed at once. Cells are escaped.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// A table with one heading per column.
    pub fn new(headings: &[&str]) -> Self {
        Self {
            rows: vec![headings.iter().map(|h| (*h).to_owned()).collect()],
            right: Vec::new(),
        }
    }

    /// Aligns the columns with these numbers, from 0, at the right: numbers.
    #[must_use]
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row; missing cells stay empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells
            .into_iter()
            .map(|cell| escape::terminal(&escape::shorten(&cell, CELL_CHARS_MAX)))
            .collect();
        self.rows.push(cells);
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// The table as lines, two spaces between columns, none at the ends of lines.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (i, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(i) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if i > 0 {
                    line.push_str("  ");
                }
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                if self.right.contains(&i) {
                    line.extend([padding.as_str(), cell]);
                } else {
                    line.extend([cell, padding.as_str()]);
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_escaped() {
        let mut table = Table::new(&["NAME", "RECORDS", "MODEL"]).right(&[1]);
        assert!(table.is_empty());
        table.row(["a".into(), "12".into(), "m\u{1b}[2J".into()]);
        table.row(["long name".into(), "1,234,567".into()]);
        assert!(!table.is_empty());
        assert_eq!(
            table.render(),
            "\
NAME         RECORDS  MODEL
a                 12  m\\u{001B}[2J
long name  1,234,567
"
        );
    }
}
