//! Walks brought together for one drawing, and cut to what a drawing can hold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::lineage::Hop;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;
use crate::model::lineage::Walk;

/// Nodes that are drawn. Chosen: more boxes are no picture.
const DRAWN_MAX: usize = 120;

/// What a drawing shows of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// What is drawn.
    pub traced: Traced,
    /// Nodes that are not.
    pub left: usize,
}

impl Drawn {
    /// What is not drawn, in a sentence; `None` where everything is.
    pub fn left_out(&self) -> Option<String> {
        (self.left > 0).then(|| {
            format!(
                "The drawing shows the {} nearest; {} more are not drawn. The tree and `herdbook trace --json` have them.",
                self.traced.walk.nodes.len(),
                self.left
            )
        })
    }
}

/// The nearest nodes and what hangs between them.
pub fn nearest(traced: &Traced) -> Drawn {
    let left = traced.walk.nodes.len().saturating_sub(DRAWN_MAX);
    let mut shown = traced.clone();
    if left > 0 {
        shown.walk.nodes.truncate(DRAWN_MAX);
        shown
            .walk
            .edges
            .retain(|hop| hop.from < DRAWN_MAX && hop.to < DRAWN_MAX);
        shown.meanings.retain(|place, _| *place < DRAWN_MAX);
    }
    Drawn {
        traced: shown,
        left,
    }
}

/// What lies up and down of the same node, in one.
pub fn both_ways(upstream: &Traced, downstream: &Traced) -> Traced {
    joined(upstream, std::slice::from_ref(downstream))
}

/// Walks of one graph in one, each node and edge once. Direction and depth are those of the first.
pub fn joined(first: &Traced, others: &[Traced]) -> Traced {
    let all = || std::iter::once(first).chain(others);
    let mut places: BTreeMap<NodeRef, (usize, usize)> = BTreeMap::new();
    let mut nodes: Vec<Reached> = Vec::new();
    for traced in all() {
        for reached in &traced.walk.nodes {
            let place = nodes.len();
            let known = places.get(&reached.node.node).map(|(known, _)| *known);
            if let Some(known) = known.and_then(|known| nodes.get_mut(known)) {
                known.depth = known.depth.min(reached.depth);
                known.cut += reached.cut;
            } else {
                places.insert(reached.node.node.clone(), (place, 0));
                nodes.push(reached.clone());
            }
        }
    }
    nodes.sort_by(|a, b| (a.depth, &a.node.node).cmp(&(b.depth, &b.node.node)));
    for (place, reached) in nodes.iter().enumerate() {
        if let Some((_, new)) = places.get_mut(&reached.node.node) {
            *new = place;
        }
    }
    let mut meanings = BTreeMap::new();
    let mut edges: Vec<Hop> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut warnings = Vec::new();
    for traced in all() {
        let now = |place: usize| {
            traced
                .walk
                .nodes
                .get(place)
                .and_then(|reached| places.get(&reached.node.node))
                .map(|(_, now)| *now)
        };
        for (place, meaning) in &traced.meanings {
            if let Some(place) = now(*place) {
                meanings.insert(place, meaning.clone());
            }
        }
        for hop in &traced.walk.edges {
            if let (Some(from), Some(to)) = (now(hop.from), now(hop.to)) {
                let hop = Hop {
                    from,
                    to,
                    ..hop.clone()
                };
                if seen.insert((from, to, hop.kind, hop.origin)) {
                    edges.push(hop);
                }
            }
        }
        for warning in &traced.warnings {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
    }
    edges.sort_by_key(|hop| (hop.from, hop.to, hop.kind, hop.origin));
    Traced {
        walk: Walk {
            direction: first.walk.direction,
            depth_max: first.walk.depth_max,
            nodes,
            edges,
        },
        meanings,
        entries: all().map(|traced| traced.entries).max().unwrap_or(0),
        warnings,
    }
}
