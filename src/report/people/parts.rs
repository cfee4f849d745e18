//! What charts share: the table of their numbers, shares, the classes of their parts.

use super::page::Chart;
use super::page::Rich;
use super::page::Table;
use super::page::number;

/// A share for people, one decimal: `16.7 %`; empty where there is no whole.
pub(super) fn share(part: u64, whole: Option<u64>) -> String {
    match whole {
        Some(whole) if whole > 0 => crate::report::lineage::percent(part, whole),
        Some(_) | None => String::new(),
    }
}

/// The numbers of a chart as a table: its text alternative.
pub(super) fn numbers(chart: &Chart) -> Table {
    let mut head = vec![(chart.rows_are.clone(), false)];
    let many = chart.parts.len() > 1;
    head.extend(chart.parts.iter().map(|part| (part.clone(), true)));
    if many {
        head.push((format!("{} in all", chart.unit), true));
    }
    if chart.of.is_some() {
        head.push(("share".to_owned(), true));
    }
    let rows = chart
        .rows
        .iter()
        .map(|(label, counts)| {
            let sum = counts.iter().sum();
            let mut cells = vec![Rich::from(label.as_str())];
            cells.extend(counts.iter().map(|count| number(*count)));
            if many {
                cells.push(number(sum));
            }
            if chart.of.is_some() {
                cells.push(share(sum, chart.of).into());
            }
            cells
        })
        .collect();
    Table {
        caption: format!("Numbers of the chart: {}", chart.title),
        head,
        rows,
        more: None,
    }
}

/// The class of a part: levels and verdicts have their own, others are told apart by place.
pub(super) fn class(part: &str, place: usize) -> &'static str {
    match (part, place) {
        ("block" | "blocked", _) => "p-block",
        ("flag" | "flagged", _) => "p-flag",
        ("undecided", _) => "p-undecided",
        ("pass" | "passed", _) => "p-pass",
        ("note", _) => "p-note",
        (_, 0) => "p-one",
        (_, 1) => "p-flag",
        (_, 2) => "p-undecided",
        _ => "p-note",
    }
}
