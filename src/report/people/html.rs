//! A report for people as one HTML page.
//!
//! The page forbids itself everything but its own style sheet and one script, each by its digest
//! (`Content-Security-Policy`): even a hole in the escaping could not run code or call home. The
//! script opens and closes the graph and reads nothing but numbers that stand in the drawing;
//! without it everything is shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;

use super::chart;
use super::page::Block;
use super::page::Chart;
use super::page::Lineage;
use super::page::Page;
use super::page::Rich;
use super::page::Section;
use super::page::Span;
use super::page::Table;
use super::parts;
use crate::report::add;
use crate::report::escape;
use crate::report::html::MARKER;
use crate::report::lineage;
use crate::report::links;

/// The page's own style; that of drawings follows it.
const STYLE: &str = include_str!("style.css");
/// The page's only script.
const SCRIPT: &str = include_str!("graph.js");
/// Columns of a table from which on it may be wider than a small window. Chosen.
const WIDE_COLUMNS: usize = 5;

/// The whole report.
pub fn html(page: &Page) -> String {
    let mut out = head(&page.title, page.kind);
    out.push_str("<header>\n");
    let word = page
        .word
        .as_ref()
        .map_or_else(String::new, |word| format!(" {}", level(word)));
    add(
        &mut out,
        format_args!("<h1>{}{word}</h1>\n", text(&page.title)),
    );
    add(
        &mut out,
        format_args!("<p class=\"lead\">{}</p>\n", rich(&page.lead)),
    );
    out.push_str(&facts(&page.stamp));
    out.push_str("<nav aria-label=\"Contents\"><strong>Contents</strong><ol>");
    for (at, section) in page.sections.iter().enumerate() {
        let link = format!("<li><a href=\"#s{at}\">{}</a></li>", text(&section.heading));
        out.push_str(&link);
    }
    out.push_str("</ol></nav>\n</header>\n<main>\n");
    for (at, section) in page.sections.iter().enumerate() {
        out.push_str(&self::section(section, at));
    }
    out.push_str("</main>\n");
    out.push_str(&foot());
    out
}

/// From the first byte to the beginning of the body.
pub fn head(title: &str, kind: &str) -> String {
    let style = style();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{MARKER}\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} · herdbook report: {}</title>\n<style>{style}</style>\n</head>\n<body>\n{}",
        digest(&style),
        digest(SCRIPT),
        text(title),
        text(kind),
        chart::PATTERNS.replace("<defs>", &format!("{}<defs>", lineage::TIP)),
    )
}

/// From the end of the content to the last byte, the script included.
pub fn foot() -> String {
    format!(
        "<footer><p>Made by herdbook. This page loads nothing and sends nothing. It holds names, numbers and digests, and no text of a data set. It is no legal advice and no finding of compliance.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn style() -> String {
    format!("{STYLE}{}\n", lineage::DRAWING_STYLE)
}

/// A digest as a content security policy names it.
fn digest(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(source)))
}

/// A section, the `at`-th of its page.
pub fn section(section: &Section, at: usize) -> String {
    let mut out = format!(
        "<section aria-labelledby=\"s{at}\">\n<h2 id=\"s{at}\">{}</h2>\n",
        text(&section.heading)
    );
    for (place, block) in section.blocks.iter().enumerate() {
        out.push_str(&self::block(block, &format!("b{at}-{place}")));
    }
    out.push_str("</section>\n");
    out
}

/// A block. `id` is unique in the page.
pub fn block(block: &Block, id: &str) -> String {
    match block {
        Block::Text(words) => format!("<p>{}</p>\n", rich(words)),
        Block::List(items) => list("ul", items),
        Block::Steps(items) => list("ol", items),
        Block::Facts(names) => facts(names),
        Block::Table(shown) => table(shown),
        Block::Chart(shown) => figure(shown, id),
        Block::Lineage(shown) => graph(shown, id),
    }
}

fn list(tag: &str, items: &[Rich]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| format!("<li>{}</li>\n", rich(item)))
        .collect();
    format!("<{tag}>\n{}</{tag}>\n", items.concat())
}

fn facts(names: &[(String, Rich)]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", text(name), rich(value)))
        .collect();
    format!("<dl>\n{}</dl>\n", names.concat())
}

fn table(shown: &Table) -> String {
    let caption = text(&shown.caption);
    if shown.rows.is_empty() {
        return format!("<p><strong>{caption}:</strong> none.</p>\n");
    }
    // A table that can be wider than its window is to be moved by keyboard too.
    let focus = if shown.head.len() >= WIDE_COLUMNS {
        format!(" tabindex=\"0\" role=\"group\" aria-label=\"{caption}\"")
    } else {
        String::new()
    };
    let mut out =
        format!("<div class=\"wide\"{focus}><table>\n<caption>{caption}</caption>\n<thead><tr>");
    let number = |at: usize| match shown.head.get(at) {
        Some((_, true)) => " class=\"n\"",
        Some((_, false)) | None => "",
    };
    for (at, (name, _)) in shown.head.iter().enumerate() {
        let cell = format!("<th scope=\"col\"{}>{}</th>", number(at), text(name));
        out.push_str(&cell);
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &shown.rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let cell = format!("<td{}>{}</td>", number(at), rich(cell));
            out.push_str(&cell);
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if let Some(more) = &shown.more {
        add(&mut out, format_args!("<p>{}</p>\n", text(more)));
    }
    out
}

fn figure(shown: &Chart, id: &str) -> String {
    format!(
        "<figure>\n<figcaption>{}<span>{}</span></figcaption>\n{}</figure>\n{}",
        text(&shown.title),
        text(&shown.says),
        chart::svg(shown, id),
        table(&parts::numbers(shown))
    )
}

fn graph(shown: &Lineage, id: &str) -> String {
    let drawn = lineage::nearest(&shown.traced);
    let drawing = lineage::Drawing::new(&drawn.traced);
    let legend = drawing.legend(2.0, 6.0);
    let mut out = format!(
        "<figure>\n<figcaption>{}</figcaption>\n\
         <svg class=\"legend\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" role=\"img\" aria-labelledby=\"{id}-lt\"><title id=\"{id}-lt\">What shapes and lines mean</title>\n{}</svg>\n",
        text(&shown.caption),
        legend.body,
        w = legend.width,
        h = legend.height,
    );
    let svg = format!(
        "<div class=\"graph\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">\n\
         <svg class=\"lineage\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" data-w=\"{}\" data-h=\"{}\" data-p=\"{}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n{}</svg>\n</div>\n",
        text(&shown.caption),
        lineage::BOX_WIDTH,
        lineage::BOX_HEIGHT,
        lineage::BOX_WIDTH + lineage::LAYER_GAP,
        text(&drawing.title),
        text(&drawing.says),
        drawing.body,
        w = drawing.width,
        h = drawing.height,
    );
    out.push_str(&svg);
    if let Some(left) = drawn.left_out() {
        add(&mut out, format_args!("<p>{}</p>\n", text(&left)));
    }
    for (heading, tree) in &shown.trees {
        let tree = format!(
            "<details>\n<summary>{}</summary>\n<pre tabindex=\"0\">{}</pre>\n</details>\n",
            text(heading),
            lines(tree)
        );
        out.push_str(&tree);
    }
    out.push_str("</figure>\n");
    out
}

/// Text of several lines, each escaped.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escape::html).collect();
    lines.join("\n")
}

fn rich(words: &Rich) -> String {
    words.0.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => text(words),
        Span::Code(name) => format!(
            "<code>{}</code>",
            text(&escape::shorten(name, escape::IDENTIFIER_CHARS_MAX))
        ),
        Span::Strong(words) => format!("<strong>{}</strong>", text(words)),
        Span::Word(word) => level(word),
        Span::Clause(cited) => links::pieces(cited)
            .into_iter()
            .map(|piece| match piece {
                links::Piece::Text(words) => text(words),
                links::Piece::Link(link) => {
                    let link = text(link);
                    format!("<a href=\"{link}\" rel=\"noopener noreferrer\">{link}</a>")
                }
            })
            .collect(),
    }
}

/// A level or verdict in its colours.
fn level(word: &str) -> String {
    let class = match word {
        "block" => "w-block",
        "flag" => "w-flag",
        "undecided" => "w-undecided",
        "pass" => "w-pass",
        _ => "w-note",
    };
    format!("<span class=\"word {class}\">{}</span>", text(word))
}

fn text(words: &str) -> String {
    escape::html(words)
}
