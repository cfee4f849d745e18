//! A graph with what a walk is about to ask for read beforehand, many rows at a time.
//!
//! Only speed depends on what was read: whatever is not there is asked for when it is needed.

use std::collections::BTreeSet;
use std::collections::HashMap;

use super::Edges;
use super::Graph;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;

pub(super) struct Ahead<'g, G: Graph> {
    graph: &'g G,
    direction: Direction,
    nodes: HashMap<G::Key, Node>,
    edges: HashMap<G::Key, Edges<G::Key>>,
    /// Files of data sets.
    parts: HashMap<G::Key, Vec<G::Key>>,
}

impl<'g, G: Graph> Ahead<'g, G> {
    pub(super) fn new(graph: &'g G, direction: Direction) -> Self {
        Self {
            graph,
            direction,
            nodes: HashMap::new(),
            edges: HashMap::new(),
            parts: HashMap::new(),
        }
    }

    /// Reads what steps from these nodes lead to, in place of what was read before; nodes that are
    /// `known` are left out.
    pub(super) fn read(
        &mut self,
        level: &[(G::Key, NodeKind)],
        known: impl Fn(G::Key) -> bool,
    ) -> Result<(), G::Error> {
        self.nodes.clear();
        self.edges.clear();
        self.parts.clear();
        let keys: Vec<G::Key> = level.iter().map(|(key, _)| *key).collect();
        self.read_edges(keys, &known)?;
        let datasets: Vec<G::Key> = level
            .iter()
            .filter(|(_, kind)| *kind == NodeKind::Dataset)
            .map(|(key, _)| *key)
            .collect();
        if self.direction == Direction::Downstream {
            self.read_parts(datasets)?;
        }
        // Files between sources and data sets are walked through, so what lies behind is asked for.
        let between = level
            .iter()
            .filter(|(_, kind)| matches!(kind, NodeKind::Source | NodeKind::Dataset))
            .filter_map(|(key, _)| self.edges.get(key))
            .flatten()
            .filter(|seen| matches!(seen.kind, EdgeKind::Contained | EdgeKind::Part))
            .map(|seen| seen.other)
            .filter(|other| {
                let node = self.nodes.get(other);
                node.is_some_and(|node| node.node.kind == NodeKind::File)
            });
        let files: BTreeSet<G::Key> = between.collect();
        self.read_edges(files.into_iter().collect(), &known)
    }

    /// The edges of these nodes, and the nodes at their other ends.
    fn read_edges(
        &mut self,
        keys: Vec<G::Key>,
        known: impl Fn(G::Key) -> bool,
    ) -> Result<(), G::Error> {
        let found = self.graph.edges_of_each(&keys, self.direction, None)?;
        let ends: BTreeSet<G::Key> = found
            .iter()
            .flatten()
            .filter(|seen| seen.kind.flows())
            .map(|seen| seen.other)
            .filter(|other| !known(*other) && !self.nodes.contains_key(other))
            .collect();
        let ends: Vec<G::Key> = ends.into_iter().collect();
        let nodes = self.graph.nodes(&ends)?;
        self.nodes.extend(ends.into_iter().zip(nodes));
        self.edges.extend(keys.into_iter().zip(found));
        Ok(())
    }

    fn read_parts(&mut self, datasets: Vec<G::Key>) -> Result<(), G::Error> {
        let (way, kind) = (Direction::Upstream, Some(EdgeKind::Part));
        let found = self.graph.edges_of_each(&datasets, way, kind)?;
        let files = found
            .into_iter()
            .map(|edges| edges.into_iter().map(|seen| seen.other).collect());
        self.parts.extend(datasets.into_iter().zip(files));
        Ok(())
    }

    /// A node, which the walk keeps.
    pub(super) fn node(&mut self, key: G::Key) -> Result<Node, G::Error> {
        match self.nodes.remove(&key) {
            Some(node) => Ok(node),
            None => self.graph.node(key),
        }
    }

    pub(super) fn kind(&mut self, key: G::Key) -> Result<NodeKind, G::Error> {
        Ok(self.look(key)?.node.kind)
    }

    /// Rows that are stated of a node.
    pub(super) fn records(&mut self, key: G::Key) -> Result<Option<u64>, G::Error> {
        Ok(self.look(key)?.facts.records)
    }

    /// A node that the walk may meet again.
    fn look(&mut self, key: G::Key) -> Result<&Node, G::Error> {
        use std::collections::hash_map::Entry;
        match self.nodes.entry(key) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(self.graph.node(key)?)),
        }
    }

    /// The edges of a node in the walk's direction, which are not asked for again.
    pub(super) fn take_edges(&mut self, key: G::Key) -> Result<Edges<G::Key>, G::Error> {
        match self.edges.remove(&key) {
            Some(edges) => Ok(edges),
            None => self.graph.edges(key, self.direction),
        }
    }

    /// The same, of a node that several may lead through.
    pub(super) fn edges(&self, key: G::Key) -> Result<Edges<G::Key>, G::Error> {
        match self.edges.get(&key) {
            Some(edges) => Ok(edges.clone()),
            None => self.graph.edges(key, self.direction),
        }
    }

    /// The files of a data set.
    pub(super) fn parts(&self, key: G::Key) -> Result<Vec<G::Key>, G::Error> {
        if let Some(files) = self.parts.get(&key) {
            return Ok(files.clone());
        }
        let (way, kind) = (Direction::Upstream, Some(EdgeKind::Part));
        let edges = self.graph.edges_of(key, way, kind)?;
        Ok(edges.into_iter().map(|seen| seen.other).collect())
    }

    /// The runs that read one of these files.
    pub(super) fn runs_on(&self, files: &[G::Key]) -> Result<Edges<G::Key>, G::Error> {
        let (way, kind) = (Direction::Downstream, Some(EdgeKind::Input));
        let found = self.graph.edges_of_each(files, way, kind)?;
        Ok(found.into_iter().flatten().collect())
    }
}
