//! Which models stand behind a model, and how: by its weights, or by text that it learnt from.

use std::collections::HashMap;
use std::collections::VecDeque;

use super::Graph;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;

/// A model that another one descends from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The model, as it was claimed.
    pub model: String,
    /// Whether its weights went on (a fine-tune, a merge); otherwise its outputs did.
    pub weights: bool,
    /// Whether it was itself recorded as made from something: what stands behind it stands here
    /// too.
    pub recorded: bool,
    /// The nodes on the shortest way, from the model asked about to this one, both included.
    pub way: Vec<String>,
}

/// What stands behind a model, and where that cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Every model behind it, in order of the shortest way, then of name.
    pub behind: Vec<Behind>,
    /// Files behind it of which nobody knows any more what their last check found. While there is
    /// one, further models may stand behind this one.
    pub unseen: Vec<Unseen>,
}

/// A file of which nobody knows any more what its last check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The file, as it was named or by its digest.
    pub file: String,
    /// Entry of the check whose verdict is gone.
    pub check: u64,
}

/// Every model behind `start`. `start` itself is left out, also where it stands behind itself.
pub fn chain<G: Graph>(graph: &G, start: G::Key) -> Result<Chain, G::Error> {
    let all = upstream(graph, start, EdgeKind::flows)?;
    let weights = upstream(graph, start, |kind| {
        matches!(kind, EdgeKind::Base | EdgeKind::Produced)
    })?;
    let mut found = Vec::new();
    let mut unseen = Vec::new();
    for reached in all.order.iter().filter(|reached| reached.key != start) {
        if let Some(check) = reached.node.facts.unseen() {
            unseen.push(Unseen {
                file: reached.node.label(),
                check,
            });
        }
        if reached.node.node.kind != NodeKind::Model {
            continue;
        }
        let by_weights = weights.before.contains_key(&reached.key);
        let way = if by_weights { &weights } else { &all };
        found.push((
            reached.depth,
            Behind {
                model: reached.node.label(),
                weights: by_weights,
                recorded: reached.recorded,
                way: way.labels(reached.key),
            },
        ));
    }
    found.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.model.cmp(&y.model)));
    Ok(Chain {
        behind: found.into_iter().map(|(_, behind)| behind).collect(),
        unseen,
    })
}

struct At<K> {
    key: K,
    node: Node,
    depth: u32,
    recorded: bool,
}

struct Upstream<K> {
    order: Vec<At<K>>,
    /// The node that each was reached from; the start from itself.
    before: HashMap<K, K>,
    labels: HashMap<K, String>,
}

impl<K: Copy + Eq + std::hash::Hash> Upstream<K> {
    fn labels(&self, key: K) -> Vec<String> {
        let mut way = Vec::new();
        let mut at = key;
        loop {
            way.push(self.labels.get(&at).cloned().unwrap_or_default());
            match self.before.get(&at) {
                Some(next) if *next != at => at = *next,
                _ => break,
            }
        }
        way.reverse();
        way
    }
}

fn upstream<G: Graph>(
    graph: &G,
    start: G::Key,
    follow: impl Fn(EdgeKind) -> bool,
) -> Result<Upstream<G::Key>, G::Error> {
    let mut found = Upstream {
        order: Vec::new(),
        before: HashMap::from([(start, start)]),
        labels: HashMap::new(),
    };
    let mut waiting = VecDeque::from([(start, 0)]);
    while let Some((key, depth)) = waiting.pop_front() {
        let node = graph.node(key)?;
        let label = format!("{}:{}", node.node.kind.as_str(), node.label());
        found.labels.insert(key, label);
        let mut recorded = false;
        for seen in graph.edges(key, Direction::Upstream)? {
            recorded |= seen.kind.flows();
            if follow(seen.kind) && !found.before.contains_key(&seen.other) {
                found.before.insert(seen.other, key);
                waiting.push_back((seen.other, depth + 1));
            }
        }
        found.order.push(At {
            key,
            node,
            depth,
            recorded,
        });
    }
    Ok(found)
}
