//! A walk as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::Serializer;

use crate::model::lineage;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::Traced;

/// Version of the JSON. Raised when a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// A walk. Every key is always there, null where there is none, but those of the facts, which are
/// there where they were stated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageJson<'a> {
    schema_version: u32,
    direction: &'static str,
    root: Id,
    depth: u32,
    depth_max: Option<u32>,
    /// Neighbours that were not followed; 0 when everything is here.
    cut: u64,
    log_entries: u64,
    nodes: Vec<NodeJson<'a>>,
    edges: Vec<EdgeJson<'a>>,
    warnings: &'a [String],
}

/// What a node is called, written once: each of its edges names it again.
#[derive(Debug, Clone, Default, PartialEq)]
struct Id(Arc<str>);

impl Id {
    fn of(node: &lineage::Node) -> Self {
        Self(node.node.to_string().into())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct NodeJson<'a> {
    id: Id,
    kind: &'static str,
    name: &'a str,
    version: Option<&'a str>,
    depth: u32,
    cut: u64,
    facts: &'a NodeFacts,
    means: Option<&'a str>,
    licenses: Vec<LicenseJson<'a>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LicenseJson<'a> {
    id: &'a str,
    title: &'a str,
    link: &'a str,
    clauses: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct EdgeJson<'a> {
    from: Id,
    to: Id,
    kind: &'static str,
    origin: &'static str,
    facts: &'a EdgeFacts,
}

impl<'a> From<&'a Traced> for LineageJson<'a> {
    fn from(traced: &'a Traced) -> Self {
        let walk = &traced.walk;
        let nodes = walk.nodes.iter();
        let ids: Vec<Id> = nodes.map(|reached| Id::of(&reached.node)).collect();
        let id = |place: usize| ids.get(place).cloned().unwrap_or_default();
        Self {
            schema_version: SCHEMA_VERSION,
            direction: walk.direction.as_str(),
            root: id(0),
            depth: walk.depth(),
            depth_max: walk.depth_max,
            cut: walk.cut(),
            log_entries: traced.entries,
            nodes: walk
                .nodes
                .iter()
                .enumerate()
                .map(|(place, reached)| node(traced, place, id(place), reached))
                .collect(),
            edges: walk
                .edges
                .iter()
                .map(|hop| EdgeJson {
                    from: id(hop.from),
                    to: id(hop.to),
                    kind: hop.kind.as_str(),
                    origin: hop.origin.as_str(),
                    facts: &hop.facts,
                })
                .collect(),
            warnings: &traced.warnings,
        }
    }
}

fn node<'a>(
    traced: &'a Traced,
    place: usize,
    id: Id,
    reached: &'a lineage::Reached,
) -> NodeJson<'a> {
    let node = &reached.node;
    let meaning = traced.meanings.get(&place);
    NodeJson {
        id,
        kind: node.node.kind.as_str(),
        name: node.facts.label.as_deref().unwrap_or(&node.node.name),
        version: Some(node.node.version.as_str()).filter(|version| !version.is_empty()),
        depth: reached.depth,
        cut: reached.cut,
        facts: &node.facts,
        means: meaning.map(|meaning| meaning.means.as_str()),
        licenses: meaning
            .iter()
            .flat_map(|meaning| &meaning.licenses)
            .map(|license| LicenseJson {
                id: &license.id,
                title: &license.title,
                link: &license.link,
                clauses: license
                    .says
                    .iter()
                    .map(|says| (says.section.as_str(), says.says.as_str()))
                    .collect(),
            })
            .collect(),
    }
}
