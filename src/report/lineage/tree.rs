//! A walk as an indented tree for the terminal.
//!
//! A node is told in full where it stands first; where the same node is reached again a line says
//! so, so that a diamond is not told twice and a cycle ends.

use std::collections::BTreeSet;

use super::words;
use crate::model::lineage::Direction;
use crate::model::lineage::Hop;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;
use crate::report::escape;

/// Lines that are printed. Chosen: what a person scrolls through; how many are left is said.
const LINES_MAX: usize = 2_000;
/// Longest name, in characters. Chosen; JSON has the whole.
const NAME_CHARS_MAX: usize = 120;

/// A line that is still to be told.
struct Waiting<'t> {
    place: usize,
    /// What stands before the branch.
    lead: String,
    branch: &'static str,
    by: Option<&'t Hop>,
    /// Told in place of a node: neighbours that were not followed.
    cut: u64,
}

/// The walk as lines. Names are escaped.
pub fn tree(traced: &Traced) -> String {
    let mut hops: Vec<Vec<&Hop>> = vec![Vec::new(); traced.walk.nodes.len()];
    for hop in &traced.walk.edges {
        let near = match traced.walk.direction {
            Direction::Upstream => hop.to,
            Direction::Downstream => hop.from,
        };
        if let Some(hops) = hops.get_mut(near) {
            hops.push(hop);
        }
    }
    let mut out = String::new();
    let mut told = BTreeSet::new();
    let mut lines = 0;
    let mut waiting = vec![Waiting {
        place: 0,
        lead: String::new(),
        branch: "",
        by: None,
        cut: 0,
    }];
    while let Some(next) = waiting.pop() {
        if lines == LINES_MAX {
            let left = traced.walk.nodes.len() - told.len();
            let line = format!("… {left} more nodes are not printed: --json has all\n");
            out.push_str(&line);
            break;
        }
        lines += 1;
        if next.cut > 0 {
            let line = format!("{}└─ … {} more, not followed\n", next.lead, next.cut);
            out.push_str(&line);
            continue;
        }
        let Some(reached) = traced.walk.nodes.get(next.place) else {
            continue;
        };
        let first = told.insert(next.place);
        line(traced, &next, reached, first, &mut out);
        if !first {
            continue;
        }
        let inner = match next.branch {
            "" => next.lead,
            "└─ " => format!("{}   ", next.lead),
            _ => format!("{}│  ", next.lead),
        };
        let below = hops.get(next.place).map_or(&[][..], Vec::as_slice);
        if reached.cut > 0 {
            waiting.push(Waiting {
                place: next.place,
                lead: inner.clone(),
                branch: "",
                by: None,
                cut: reached.cut,
            });
        }
        for (at, hop) in below.iter().enumerate().rev() {
            let last = at + 1 == below.len() && reached.cut == 0;
            waiting.push(Waiting {
                place: match traced.walk.direction {
                    Direction::Upstream => hop.from,
                    Direction::Downstream => hop.to,
                },
                lead: inner.clone(),
                branch: if last { "└─ " } else { "├─ " },
                by: Some(hop),
                cut: 0,
            });
        }
    }
    out
}

fn line(traced: &Traced, next: &Waiting<'_>, reached: &Reached, first: bool, out: &mut String) {
    let by = next.by.map_or_else(String::new, |hop| {
        // Downstream the lower line is told of the upper one: "mix contains this".
        match traced.walk.direction {
            Direction::Upstream => format!("{}: ", escape::terminal(&words(hop))),
            Direction::Downstream => String::new(),
        }
    });
    let behind = match (next.by, traced.walk.direction) {
        (Some(hop), Direction::Downstream) => format!("  ({})", escape::terminal(&words(hop))),
        _ => String::new(),
    };
    let about = if first {
        about(traced, next.place, reached)
    } else {
        "  (told above)".to_owned()
    };
    let name = name(reached);
    let line = format!("{}{}{by}{name}{behind}{about}\n", next.lead, next.branch);
    out.push_str(&line);
}

fn name(reached: &Reached) -> String {
    let node = &reached.node;
    let label = match node.node.kind {
        // The digest tells files apart; the name is what people know them by.
        NodeKind::File => format!(
            "{} ({})",
            node.facts.label.as_deref().unwrap_or("unnamed"),
            node.node.name.chars().take(12).collect::<String>()
        ),
        NodeKind::Model
        | NodeKind::Source
        | NodeKind::Dataset
        | NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => node.label(),
    };
    format!(
        "{} {}",
        node.node.kind.as_str(),
        escape::terminal(&escape::shorten(&label, NAME_CHARS_MAX))
    )
}

/// What is known of a node, behind its name.
fn about(traced: &Traced, place: usize, reached: &Reached) -> String {
    let facts = &reached.node.facts;
    let mut parts = Vec::new();
    if let Some(meaning) = traced.meanings.get(&place) {
        let licenses: Vec<&str> = meaning.licenses.iter().map(|l| l.id.as_str()).collect();
        let join = if meaning.known { " + " } else { " or " };
        parts.push(if licenses.is_empty() {
            meaning.means.clone()
        } else {
            format!("{}: {}", meaning.means, licenses.join(join))
        });
    }
    let rows = match reached.node.node.kind {
        NodeKind::Source => Some("records"),
        NodeKind::Dataset | NodeKind::File => Some("rows"),
        NodeKind::Model
        | NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => None,
    };
    if let (Some(records), Some(rows)) = (facts.records, rows) {
        parts.push(format!("{records} {rows}"));
    }
    parts.extend(facts.state.clone().filter(|state| state != "registered"));
    parts.extend(facts.owner.as_ref().map(|owner| format!("owner {owner}")));
    if parts.is_empty() {
        return String::new();
    }
    format!("  [{}]", escape::terminal(&parts.join("; ")))
}
