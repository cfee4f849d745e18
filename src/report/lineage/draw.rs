//! A walk as Mermaid and as DOT. Labels are quoted for each, so that no name is read as syntax.

use super::words;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;
use crate::report::escape;

/// Longest label, in characters. Chosen: a box that can be read.
const LABEL_CHARS_MAX: usize = 60;

/// A Mermaid flowchart; material flows from left to right.
pub fn mermaid(traced: &Traced) -> String {
    let mut out = String::from("flowchart LR\n");
    for (place, reached) in traced.walk.nodes.iter().enumerate() {
        let (open, close) = match reached.node.node.kind {
            NodeKind::Model => ("([", "])"),
            NodeKind::Source | NodeKind::Dataset | NodeKind::File => ("[(", ")]"),
            NodeKind::Run => ("[[", "]]"),
            NodeKind::Deployment => ("{{", "}}"),
            NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => ("[", "]"),
        };
        let label = quoted_mermaid(&label(traced, place, reached));
        let line = format!("  n{place}{open}\"{label}\"{close}\n");
        out.push_str(&line);
    }
    for hop in &traced.walk.edges {
        let label = quoted_mermaid(&escape::terminal(&words(hop)));
        let line = format!("  n{} -->|\"{label}\"| n{}\n", hop.from, hop.to);
        out.push_str(&line);
    }
    out
}

/// A graph in the DOT language of Graphviz.
pub fn dot(traced: &Traced) -> String {
    let mut out =
        String::from("digraph lineage {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for (place, reached) in traced.walk.nodes.iter().enumerate() {
        let shape = match reached.node.node.kind {
            NodeKind::Model => "ellipse",
            NodeKind::Source | NodeKind::Dataset | NodeKind::File => "cylinder",
            NodeKind::Run => "box",
            NodeKind::Deployment => "house",
            NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => "note",
        };
        let label = quoted_dot(&label(traced, place, reached));
        let line = format!("  n{place} [shape={shape}, label=\"{label}\"];\n");
        out.push_str(&line);
    }
    for hop in &traced.walk.edges {
        let label = quoted_dot(&escape::terminal(&words(hop)));
        let line = format!("  n{} -> n{} [label=\"{label}\"];\n", hop.from, hop.to);
        out.push_str(&line);
    }
    out.push_str("}\n");
    out
}

/// The name that a drawing shows: of files what they were called, for the digest says nothing.
pub(crate) fn shown_name(node: &Node) -> String {
    match (&node.node.kind, &node.facts.label) {
        (NodeKind::File, Some(name)) => name.clone(),
        _ => node.label(),
    }
}

fn label(traced: &Traced, place: usize, reached: &Reached) -> String {
    let node = &reached.node;
    let name = shown_name(node);
    let mut label = format!(
        "{}: {}",
        node.node.kind.as_str(),
        escape::shorten(&name, LABEL_CHARS_MAX)
    );
    if let Some(meaning) = traced.meanings.get(&place) {
        let licenses: Vec<&str> = meaning.licenses.iter().map(|l| l.id.as_str()).collect();
        if !licenses.is_empty() {
            label = format!("{label} ({})", licenses.join(", "));
        }
    }
    if reached.cut > 0 {
        label = format!("{label} +{} not shown", reached.cut);
    }
    escape::terminal(&label)
}

/// Entities by number are the only way that Mermaid has.
fn quoted_mermaid(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | '|' | '`' | '\\' | ';' => {
                let line = format!("#{};", u32::from(c));
                out.push_str(&line);
            }
            _ => out.push(c),
        }
    }
    out
}

fn quoted_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
