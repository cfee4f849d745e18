//! Lineage: what is reached from a node of the graph, and which models stand behind another.
//!
//! Pure: a [`Graph`] gives nodes and edges, nothing here reads files or clocks. Every walk visits a
//! node once, whatever cycles the statements make, and says where it stopped.

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

use std::sync::Arc;

use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
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
    pub facts: Arc<EdgeFacts>,
}

/// Where nodes and edges come from.
pub trait Graph {
    /// What stands for a node.
    type Key: Copy + Eq + Ord + std::hash::Hash;
    /// Why one cannot be read.
    type Error;

    /// A node.
    fn node(&self, key: Self::Key) -> Result<Node, Self::Error>;

    /// Of what kind a node is.
    fn kind(&self, key: Self::Key) -> Result<NodeKind, Self::Error> {
        Ok(self.node(key)?.node.kind)
    }

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
}
