//! What an import is about to record, for whoever records it.

use anyhow::anyhow;

use super::super::exit::Failure;
use super::super::lineage::Draft;
use crate::model::lineage::EdgeClaim;
use crate::report::escape;

/// Nodes and edges that are shown one by one; the rest is counted. Chosen: some screens.
const SHOWN_MAX: usize = 400;

/// Refuses names that would deceive whoever reads them: controls, and characters that draw nothing
/// or reorder what stands beside them.
pub(super) fn harmless(draft: &Draft) -> Result<(), Failure> {
    let nodes = draft.nodes.iter().map(|claim| &claim.node);
    let ends = draft
        .edges
        .iter()
        .flat_map(|claim| [&claim.from, &claim.to]);
    for node in nodes.chain(ends) {
        if node.to_string().chars().any(escape::is_deceptive) {
            return Err(Failure::usage(anyhow!(
                "{} holds control or invisible characters in its name: such a name is not recorded",
                escape::identifier(&node.to_string())
            )));
        }
    }
    Ok(())
}

/// Every node and edge, one line each.
#[expect(clippy::format_push_string, reason = "some hundred lines, made once")]
pub(super) fn told(draft: &Draft) -> String {
    let mut out = format!(
        "{} nodes and {} edges\n",
        draft.nodes.len(),
        draft.edges.len()
    );
    let mut left = SHOWN_MAX;
    for claim in &draft.nodes {
        if left == 0 {
            break;
        }
        left -= 1;
        let facts = &claim.facts;
        let mut said = Vec::new();
        for (name, value) in [
            ("state", &facts.state),
            ("time", &facts.time),
            ("owner", &facts.owner),
            ("sha256", &facts.digest),
            ("name", &facts.label),
        ] {
            if let Some(value) = value {
                said.push(format!("{name} {}", escape::identifier(value)));
            }
        }
        for (name, value) in &facts.more {
            said.push(format!(
                "{} {}",
                escape::identifier(name),
                escape::identifier(value)
            ));
        }
        out.push_str(&format!(
            "  {}{}\n",
            escape::identifier(&claim.node.to_string()),
            if said.is_empty() {
                String::new()
            } else {
                format!("  ({})", said.join(", "))
            }
        ));
    }
    for claim in draft.edges.iter().take(left) {
        out.push_str(&edge(claim));
    }
    let hidden = (draft.nodes.len() + draft.edges.len()).saturating_sub(SHOWN_MAX);
    if hidden > 0 {
        out.push_str(&format!("  and {hidden} more\n"));
    }
    out
}

fn edge(claim: &EdgeClaim) -> String {
    let facts = &claim.facts;
    let mut said = Vec::new();
    for (name, value) in [
        ("by", &facts.how),
        ("path", &facts.path),
        ("from", &facts.note),
    ] {
        if let Some(value) = value {
            said.push(format!("{name} {}", escape::identifier(value)));
        }
    }
    format!(
        "  {} -{}-> {}{}\n",
        escape::identifier(&claim.from.to_string()),
        claim.edge.as_str(),
        escape::identifier(&claim.to.to_string()),
        if said.is_empty() {
            String::new()
        } else {
            format!("  ({})", said.join(", "))
        }
    )
}
