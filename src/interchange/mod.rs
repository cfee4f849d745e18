//! What other tools wrote down about data sets, runs and models, read as statements of the lineage
//! graph.
//!
//! Pure: text goes in, [`Taken`] comes out. Nothing is believed: what is read here is recorded as
//! imported, under the name of who imported it. Nothing is dropped in silence: what is not
//! understood is counted in [`Taken::passed`], what is understood with a doubt stands in
//! [`Taken::notes`]. What is wrong is an error with its place.

mod card;
mod croissant;
mod dvc;
mod error;
mod limits;
mod mlflow;
mod openlineage;
mod value;
mod wandb;

#[cfg(test)]
mod tests;

pub use card::card;
pub use card::card_folder;
pub use croissant::croissant;
pub use dvc::DvcOut;
pub use dvc::dvc;
pub use error::ImportError;
pub use limits::FILE_BYTES_MAX;
pub use limits::FILES_MAX;
pub use mlflow::mlflow_folder;
pub use mlflow::mlflow_json;
pub use openlineage::openlineage;
pub use wandb::wandb;

use std::collections::BTreeMap;

use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Text of one file, with the name that messages call it by.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// As the user named it, or its way within a folder.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// What was read: statements, and what was not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    nodes: BTreeMap<NodeRef, NodeFacts>,
    edges: BTreeMap<(NodeRef, EdgeKind, NodeRef), EdgeFacts>,
    /// What was passed over, by name, and how often.
    pub passed: BTreeMap<String, u64>,
    /// What the reader has to know, in sentences.
    pub notes: Vec<String>,
}

impl Taken {
    /// States a node; what is said of it twice, the later wins.
    fn node(&mut self, node: &NodeRef, facts: &NodeFacts) {
        self.nodes.entry(node.clone()).or_default().update(facts);
    }

    /// States an edge, once; refuses nothing but a thing that comes from itself.
    fn edge(&mut self, from: &NodeRef, edge: EdgeKind, to: &NodeRef, facts: EdgeFacts) {
        if from == to {
            self.pass("edges from a thing to itself");
            return;
        }
        self.edges.insert((from.clone(), edge, to.clone()), facts);
    }

    fn pass(&mut self, what: &str) {
        *self.passed.entry(what.to_owned()).or_default() += 1;
    }

    fn note(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }

    /// Takes in what another file said.
    pub fn join(&mut self, other: Self) {
        for (node, facts) in other.nodes {
            self.node(&node, &facts);
        }
        self.edges.extend(other.edges);
        for (what, count) in other.passed {
            *self.passed.entry(what).or_default() += count;
        }
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// Whether nothing was stated.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty()
    }

    /// Nodes and edges, in order of name.
    pub fn claims(self) -> (Vec<NodeClaim>, Vec<EdgeClaim>) {
        let nodes = self.nodes.into_iter();
        let edges = self.edges.into_iter();
        (
            nodes
                .map(|(node, facts)| NodeClaim { node, facts })
                .collect(),
            edges
                .map(|((from, edge, to), facts)| EdgeClaim {
                    from,
                    edge,
                    to,
                    facts,
                })
                .collect(),
        )
    }
}

/// The edge that leads from one kind of node to another where a file only says that one came from
/// the other; `None` where nothing flows that way.
fn between(from: NodeKind, to: NodeKind) -> Option<EdgeKind> {
    use NodeKind as K;
    Some(match (from, to) {
        (K::Model, K::Source | K::Dataset) => EdgeKind::Generated,
        (K::Source, K::File | K::Dataset) => EdgeKind::Contained,
        (K::File, K::Dataset) => EdgeKind::Part,
        (K::Dataset, K::Dataset) => EdgeKind::Derived,
        (K::Dataset | K::Source | K::File, K::Run) => EdgeKind::Input,
        (K::Model, K::Model | K::Run) => EdgeKind::Base,
        (K::Dataset, K::Model) => EdgeKind::Trained,
        (K::Run, K::Model | K::Dataset) => EdgeKind::Produced,
        (K::Model, K::Deployment) => EdgeKind::Deployed,
        _ => return None,
    })
}

/// Whether a text is a SHA-256 in lower-case hex.
fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
