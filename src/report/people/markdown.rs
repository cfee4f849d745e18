//! A report for people as Markdown of GitHub's dialect.

use super::page::Block;
use super::page::Chart;
use super::page::Lineage;
use super::page::Page;
use super::page::Rich;
use super::page::Span;
use super::page::Table;
use super::parts;
use crate::report::add;
use crate::report::escape;
use crate::report::lineage;
use crate::report::links;
use crate::report::markdown::MARKER;

/// The whole report.
pub fn markdown(page: &Page) -> String {
    let mut out = format!("{MARKER}\n# {}", text(&page.title));
    if let Some(word) = &page.word {
        add(&mut out, format_args!(": {}", text(word)));
    }
    add(&mut out, format_args!("\n\n**{}**\n", rich(&page.lead)));
    facts(&mut out, &page.stamp);
    for section in &page.sections {
        add(&mut out, format_args!("\n## {}\n", text(&section.heading)));
        for block in &section.blocks {
            self::block(&mut out, block);
        }
    }
    out
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Text(words) => add(out, format_args!("\n{}\n", sentence(words))),
        Block::List(items) => list(out, items, |_| "-".to_owned()),
        Block::Steps(items) => list(out, items, |at| format!("{}.", at + 1)),
        Block::Facts(names) => facts(out, names),
        Block::Table(shown) => table(out, shown),
        Block::Chart(shown) => chart(out, shown),
        Block::Lineage(shown) => graph(out, shown),
    }
}

fn list(out: &mut String, items: &[Rich], mark: impl Fn(usize) -> String) {
    out.push('\n');
    for (at, item) in items.iter().enumerate() {
        add(out, format_args!("{} {}\n", mark(at), rich(item)));
    }
}

fn facts(out: &mut String, names: &[(String, Rich)]) {
    if names.is_empty() {
        return;
    }
    out.push('\n');
    for (name, value) in names {
        add(out, format_args!("- {}: {}\n", text(name), rich(value)));
    }
}

fn table(out: &mut String, shown: &Table) {
    add(out, format_args!("\n**{}**\n\n", text(&shown.caption)));
    if shown.rows.is_empty() {
        out.push_str("None.\n");
        return;
    }
    let names: Vec<String> = shown.head.iter().map(|(name, _)| text(name)).collect();
    add(out, format_args!("| {} |\n", names.join(" | ")));
    let marks: Vec<&str> = shown
        .head
        .iter()
        .map(|(_, number)| if *number { "---:" } else { "---" })
        .collect();
    add(out, format_args!("| {} |\n", marks.join(" | ")));
    for row in &shown.rows {
        let cells: Vec<String> = row.iter().map(rich).collect();
        add(out, format_args!("| {} |\n", cells.join(" | ")));
    }
    if let Some(more) = &shown.more {
        add(out, format_args!("\n{}\n", text(more)));
    }
}

fn chart(out: &mut String, shown: &Chart) {
    add(out, format_args!("\n{}\n", text(&shown.says)));
    table(out, &parts::numbers(shown));
}

fn graph(out: &mut String, shown: &Lineage) {
    add(out, format_args!("\n{}\n", text(&shown.caption)));
    let drawn = lineage::nearest(&shown.traced);
    add(
        out,
        format_args!("\n```mermaid\n{}```\n", lineage::mermaid(&drawn.traced)),
    );
    if let Some(left) = drawn.left_out() {
        add(out, format_args!("\n{}\n", text(&left)));
    }
    for (heading, tree) in &shown.trees {
        // No fence of ours can be closed by a name: names have no line of their own in a tree.
        add(
            out,
            format_args!("\n{}:\n\n````text\n{tree}````\n", text(heading)),
        );
    }
}

/// A line may not begin with what would make it a list or a heading.
fn sentence(words: &Rich) -> String {
    let text = rich(words);
    match text.chars().next() {
        Some('-' | '+' | '=') => format!("\\{text}"),
        _ => text,
    }
}

fn rich(words: &Rich) -> String {
    words.0.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => text(words),
        Span::Code(name) => {
            escape::markdown_code(&escape::shorten(name, escape::IDENTIFIER_CHARS_MAX))
        }
        Span::Strong(words) | Span::Word(words) => format!("**{}**", text(words)),
        Span::Clause(cited) => links::pieces(cited)
            .into_iter()
            .map(|piece| match piece {
                links::Piece::Text(words) => text(words),
                links::Piece::Link(link) => format!("<{link}>"),
            })
            .collect(),
    }
}

fn text(words: &str) -> String {
    escape::markdown(words)
}
