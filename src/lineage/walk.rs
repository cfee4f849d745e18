//! Everything upstream or downstream of a node.
//!
//! Breadth first, so that a depth is that of the shortest way. Files stand between sources and data
//! sets: there they are no hop of their own, and what is known of them adds up on the edge.

use std::collections::HashMap;
use std::sync::Arc;

use super::Graph;
use super::Seen;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Origin;
use crate::model::lineage::Reached;
use crate::model::lineage::Walk;

/// Nodes that a walk reaches at most; what lies behind is counted as cut. Chosen: more than a
/// person reads by far, and some hundred megabytes.
pub const NODES_MAX: usize = 200_000;

/// A hop before its ends have places.
struct Step<K> {
    other: K,
    kind: EdgeKind,
    origin: Origin,
    facts: Arc<EdgeFacts>,
}

/// Walks from `start`, at most `depth_max` hops, at most `nodes_max` nodes.
pub fn walk<G: Graph>(
    graph: &G,
    start: G::Key,
    direction: Direction,
    depth_max: Option<u32>,
    nodes_max: usize,
) -> Result<Walk, G::Error> {
    let mut walk = Walking {
        graph,
        direction,
        nodes_max,
        places: HashMap::new(),
        rows: HashMap::new(),
        nodes: Vec::new(),
        hops: Vec::new(),
        next: Vec::new(),
    };
    walk.reach(start, 0)?;
    let mut depth = 0;
    while !walk.next.is_empty() {
        for (key, place) in std::mem::take(&mut walk.next) {
            let steps = walk.steps(key, place)?;
            if depth_max.is_some_and(|max| depth >= max) {
                walk.cut(place, &steps);
            } else {
                walk.take(place, depth, steps)?;
            }
        }
        depth += 1;
    }
    Ok(walk.finish(depth_max))
}

struct Walking<'g, G: Graph> {
    graph: &'g G,
    direction: Direction,
    nodes_max: usize,
    places: HashMap<G::Key, usize>,
    rows: HashMap<G::Key, Option<u64>>,
    nodes: Vec<Reached>,
    /// Each once, in the order of the nodes that they were met at.
    hops: Vec<Hop>,
    /// Nodes of the next depth, in the order in which they were met.
    next: Vec<(G::Key, usize)>,
}

impl<G: Graph> Walking<'_, G> {
    /// The place of a node, which is visited later where it is new; `None` where there is no room.
    fn reach(&mut self, key: G::Key, depth: u32) -> Result<Option<usize>, G::Error> {
        if let Some(place) = self.places.get(&key) {
            return Ok(Some(*place));
        }
        if self.nodes.len() >= self.nodes_max {
            return Ok(None);
        }
        let node = self.graph.node(key)?;
        let place = self.nodes.len();
        room(&mut self.nodes);
        self.nodes.push(Reached {
            node,
            depth,
            cut: 0,
        });
        self.places.insert(key, place);
        self.next.push((key, place));
        Ok(Some(place))
    }

    fn kind_at(&self, place: usize) -> Option<NodeKind> {
        self.nodes.get(place).map(|node| node.node.node.kind)
    }

    fn kind(&self, key: G::Key) -> Result<NodeKind, G::Error> {
        match self.places.get(&key).and_then(|place| self.kind_at(*place)) {
            Some(kind) => Ok(kind),
            None => self.graph.kind(key),
        }
    }

    /// Where material comes from or goes, seen from one node.
    fn steps(&mut self, key: G::Key, place: usize) -> Result<Vec<Step<G::Key>>, G::Error> {
        let own = self.kind_at(place);
        let upstream = self.direction == Direction::Upstream;
        let rows = if own == Some(NodeKind::Dataset) && upstream {
            self.rows_of(key)?
        } else {
            None
        };
        let mut steps = Vec::new();
        for seen in self.graph.edges(key, self.direction)? {
            if !seen.kind.flows() {
                continue;
            }
            let through = match (own, self.direction, seen.kind) {
                (Some(NodeKind::Source), Direction::Downstream, EdgeKind::Contained) => {
                    self.kind(seen.other)? == NodeKind::File
                }
                (Some(NodeKind::Dataset), Direction::Upstream, EdgeKind::Part) => true,
                _ => false,
            };
            if !through {
                steps.push(step(seen));
                continue;
            }
            let beyond = self.beyond(&seen, rows)?;
            // A file that nothing is known to hold, or to come from, is where the walk ends.
            if beyond.is_empty() && self.direction == Direction::Downstream {
                steps.push(step(seen));
            }
            steps.extend(beyond);
        }
        if own == Some(NodeKind::Dataset) && self.direction == Direction::Downstream {
            steps.extend(self.runs_on_files(key)?);
        }
        Ok(steps)
    }

    /// What lies behind a file between a source and a data set.
    fn beyond(
        &mut self,
        file: &Seen<G::Key>,
        rows: Option<u64>,
    ) -> Result<Vec<Step<G::Key>>, G::Error> {
        let mut out = Vec::new();
        for seen in self.graph.edges(file.other, self.direction)? {
            let (held, of) = match self.direction {
                Direction::Downstream => (&file.facts, self.rows_of(seen.other)?),
                Direction::Upstream => (&seen.facts, rows),
            };
            match (self.direction, seen.kind) {
                (Direction::Downstream, EdgeKind::Part) => out.push(Step {
                    other: seen.other,
                    kind: EdgeKind::Contained,
                    origin: file.origin,
                    facts: Arc::new(EdgeFacts {
                        of: of.or(held.of),
                        path: None,
                        ..held.as_ref().clone()
                    }),
                }),
                (Direction::Upstream, EdgeKind::Contained) => out.push(Step {
                    other: seen.other,
                    kind: EdgeKind::Contained,
                    origin: seen.origin,
                    facts: Arc::new(EdgeFacts {
                        of: of.or(held.of),
                        path: None,
                        ..held.as_ref().clone()
                    }),
                }),
                // The file itself was trained on: it is shown.
                (Direction::Downstream, kind) if kind.flows() => out.push(Step {
                    other: file.other,
                    kind: file.kind,
                    origin: file.origin,
                    facts: file.facts.clone(),
                }),
                _ => {}
            }
        }
        Ok(out)
    }

    /// Rows of a data set: stated, or those of its files where all are known.
    fn rows_of(&mut self, key: G::Key) -> Result<Option<u64>, G::Error> {
        if let Some(rows) = self.rows.get(&key) {
            return Ok(*rows);
        }
        let known = self.places.get(&key);
        let mut rows = match known.and_then(|place| self.nodes.get(*place)) {
            Some(reached) => reached.node.facts.records,
            None => self.graph.node(key)?.facts.records,
        };
        if rows.is_none() {
            let mut sum = None;
            let mut known = true;
            for file in self.files(key)? {
                let of_file = self.graph.node(file.other)?.facts.records;
                known &= of_file.is_some();
                sum = Some(sum.unwrap_or(0) + of_file.unwrap_or(0));
            }
            rows = sum.filter(|_| known);
        }
        self.rows.insert(key, rows);
        Ok(rows)
    }

    /// The files of a data set.
    fn files(&self, key: G::Key) -> Result<Vec<Seen<G::Key>>, G::Error> {
        let kind = Some(EdgeKind::Part);
        self.graph.edges_of(key, Direction::Upstream, kind)
    }

    /// Runs that read a file of the data set by its path: they trained on the data set.
    fn runs_on_files(&self, key: G::Key) -> Result<Vec<Step<G::Key>>, G::Error> {
        let mut out = Vec::new();
        for file in self.files(key)? {
            let (way, kind) = (Direction::Downstream, Some(EdgeKind::Input));
            let runs = self.graph.edges_of(file.other, way, kind)?;
            out.extend(runs.into_iter().map(step));
        }
        Ok(out)
    }

    /// Counts what is not followed from here.
    fn cut(&mut self, place: usize, steps: &[Step<G::Key>]) {
        let mut new: Vec<G::Key> = steps
            .iter()
            .map(|step| step.other)
            .filter(|other| !self.places.contains_key(other))
            .collect();
        new.sort_unstable();
        new.dedup();
        if let Some(node) = self.nodes.get_mut(place) {
            node.cut += new.len() as u64;
        }
    }

    fn take(&mut self, place: usize, depth: u32, steps: Vec<Step<G::Key>>) -> Result<(), G::Error> {
        let mut refused = Vec::new();
        let mut hops = Vec::with_capacity(steps.len());
        for step in steps {
            let Some(other) = self.reach(step.other, depth + 1)? else {
                refused.push(step);
                continue;
            };
            let (from, to) = match self.direction {
                Direction::Downstream => (place, other),
                Direction::Upstream => (other, place),
            };
            hops.push(Hop {
                from,
                to,
                kind: step.kind,
                origin: step.origin,
                facts: step.facts,
            });
        }
        // A node is stepped from once, so what says the same twice is here.
        hops.sort_by_key(in_order);
        hops.dedup_by(|more, known| {
            let same = in_order(more) == in_order(known);
            if same {
                add(Arc::make_mut(&mut known.facts), &more.facts);
            }
            same
        });
        room(&mut self.hops);
        self.hops.append(&mut hops);
        self.cut(place, &refused);
        Ok(())
    }

    /// Brings the nodes in order of depth and name.
    fn finish(self, depth_max: Option<u32>) -> Walk {
        let mut order: Vec<(u32, NodeKind, u128, usize)> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(place, reached)| {
                let node = &reached.node.node;
                (reached.depth, node.kind, head(&node.name), place)
            })
            .collect();
        let node = |place: usize| self.nodes.get(place).map(|reached| &reached.node.node);
        order.sort_unstable_by(|a, b| {
            let heads = (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2));
            heads.then_with(|| node(a.3).cmp(&node(b.3)))
        });
        let mut moved = vec![0; order.len()];
        for (new, (.., old)) in order.iter().enumerate() {
            if let Some(slot) = moved.get_mut(*old) {
                *slot = new;
            }
        }
        let at = |old: usize| moved.get(old).copied().unwrap_or(0);
        let mut edges = self.hops;
        for hop in &mut edges {
            (hop.from, hop.to) = (at(hop.from), at(hop.to));
        }
        edges.sort_unstable_by_key(in_order);
        let mut nodes: Vec<Option<Reached>> = self.nodes.into_iter().map(Some).collect();
        Walk {
            direction: self.direction,
            depth_max,
            nodes: order
                .into_iter()
                .filter_map(|(.., old)| nodes.get_mut(old).and_then(Option::take))
                .collect(),
            edges,
        }
    }
}

/// Makes room fourfold where there is none: what is not used yet is not touched, and what is there
/// is moved seldom.
fn room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve(3 * list.len());
    }
}

/// What edges are ordered by.
fn in_order(hop: &Hop) -> (usize, usize, EdgeKind, Origin) {
    (hop.from, hop.to, hop.kind, hop.origin)
}

/// The first bytes of a name, as a number of the same order: it decides most comparisons without
/// going to where the name is.
fn head(name: &str) -> u128 {
    let mut head = [0; 16];
    for (place, byte) in head.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    u128::from_be_bytes(head)
}

fn step<K>(seen: Seen<K>) -> Step<K> {
    Step {
        other: seen.other,
        kind: seen.kind,
        origin: seen.origin,
        facts: seen.facts,
    }
}

/// Adds what another file says of the same edge.
fn add(known: &mut EdgeFacts, more: &EdgeFacts) {
    if let Some(records) = more.records {
        known.records = Some(known.records.unwrap_or(0) + records);
    }
    if strictness(known.level.as_deref()) < strictness(more.level.as_deref()) {
        known.level.clone_from(&more.level);
    }
    known.entry = known.entry.max(more.entry);
    if known.of.is_none() {
        known.of = more.of;
    }
}

/// How strict a level is; one that nobody gave is the mildest.
fn strictness(level: Option<&str>) -> usize {
    ["note", "flag", "block", "undecided"]
        .iter()
        .position(|known| Some(*known) == level)
        .map_or(0, |place| place + 1)
}
