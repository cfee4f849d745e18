//! The plain summary of a report, for a terminal.

use super::page::Block;
use super::page::Page;
use super::page::Rich;
use crate::report::add;
use crate::report::escape;

/// Sections that a terminal shows: the summary. Chosen: what fits on a screen.
const SECTIONS_SHOWN: usize = 5;
/// Items of a list that are printed. Chosen; the report has all.
const ITEMS_MAX: usize = 10;

/// The title, the sentence that matters and the summary.
pub fn terminal(page: &Page) -> String {
    let mut out = line(&page.title);
    if let Some(word) = &page.word {
        add(&mut out, format_args!(": {}", line(word)));
    }
    add(&mut out, format_args!("\n{}\n", rich(&page.lead)));
    for section in page.sections.iter().take(SECTIONS_SHOWN) {
        add(&mut out, format_args!("\n{}\n", line(&section.heading)));
        for block in &section.blocks {
            match block {
                Block::Text(text) => add(&mut out, format_args!("  {}\n", rich(text))),
                Block::List(items) | Block::Steps(items) => list(&mut out, items),
                Block::Facts(facts) => {
                    for (name, value) in facts {
                        add(
                            &mut out,
                            format_args!("  {}: {}\n", line(name), rich(value)),
                        );
                    }
                }
                Block::Table(table) => {
                    let rows: Vec<Rich> = table
                        .rows
                        .iter()
                        .map(|cells| {
                            let mut cells: Vec<String> = cells.iter().map(Rich::plain).collect();
                            cells.retain(|cell| !cell.is_empty());
                            Rich::from(cells.join("; "))
                        })
                        .collect();
                    list(&mut out, &rows);
                }
                Block::Chart(_) | Block::Lineage(_) => {}
            }
        }
    }
    out
}

fn list(out: &mut String, items: &[Rich]) {
    for item in items.iter().take(ITEMS_MAX) {
        add(out, format_args!("  - {}\n", rich(item)));
    }
    if let Some(more) = items.len().checked_sub(ITEMS_MAX).filter(|more| *more > 0) {
        add(out, format_args!("  - … and {more} more\n"));
    }
}

fn rich(text: &Rich) -> String {
    line(&text.plain())
}

fn line(text: &str) -> String {
    escape::terminal(text)
}
