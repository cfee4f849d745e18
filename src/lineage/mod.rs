//! Lineage: what is reached from a node of the graph, and which models stand behind another.
//!
//! Pure: a [`Graph`] gives nodes and edges, nothing here reads files or clocks. Every walk visits a
//! node once, whatever cycles the statements make, and says where it stopped.

mod ahead;
mod chain;
mod walk;

#[cfg(test)]
mod tests;

pub use chain::Behind;
pub use chain::Chain;
pub use chain::Unseen;
pub use chain::chain;
pub use walk::NODES_MAX;
pub use walk::walk;

use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::Origin;

/// One edge as seen from one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<K> {
    /// The other end.
    pub other: K,
    /// What kind.
    pub kind: EdgeKind,
    /// Who says so.
    pub origin: Origin,
    /// What is known of it.
    pub facts: Box<EdgeFacts>,
}

/// Edges of one node.
pub type Edges<K> = Vec<Seen<K>>;

/// Where nodes and edges come from.
pub trait Graph {
    /// What stands for a node.
    type Key: Copy + Eq + Ord + std::hash::Hash;
    /// Why one cannot be read.
    type Error;

    /// A node.
    fn node(&self, key: Self::Key) -> Result<Node, Self::Error>;

    /// Its edges in one direction; those of one kind, where one is given.
    fn edges_of(
        &self,
        key: Self::Key,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Seen<Self::Key>>, Self::Error>;

    /// All its edges in one direction.
    fn edges(
        &self,
        key: Self::Key,
        direction: Direction,
    ) -> Result<Vec<Seen<Self::Key>>, Self::Error> {
        self.edges_of(key, direction, None)
    }

    /// Several nodes, in the order of `keys`. For a graph that reads many faster than one by one.
    fn nodes(&self, keys: &[Self::Key]) -> Result<Vec<Node>, Self::Error> {
        keys.iter().map(|key| self.node(*key)).collect()
    }

    /// The edges of each of several nodes, in the order of `keys`, as [`Graph::edges_of`] has them.
    fn edges_of_each(
        &self,
        keys: &[Self::Key],
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Edges<Self::Key>>, Self::Error> {
        keys.iter()
            .map(|key| self.edges_of(*key, direction, kind))
            .collect()
    }
}
