//! The lineage graph: what was made of what.
//!
//! An edge points the way that material flows: from a generator to its text, from text to the data
//! set that holds it, from the data set to the run that trains on it, from the run to the model.
//! Nodes and edges are facts and claims, each with the log entry that recorded it; what a license
//! says of them is never stored here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A model, by the id that is claimed for it.
    Model,
    /// A registered source.
    Source,
    /// One file, by its SHA-256.
    File,
    /// A data set: a name, a version, and the files that it consists of.
    Dataset,
    /// A run that trains, or otherwise improves, a model.
    Run,
    /// A model running somewhere.
    Deployment,
    /// A check, by the number of its log entry.
    Check,
    /// A sign-off, by its request.
    Signoff,
    /// A waiver, by its request.
    Waiver,
    /// A switched reading, by its request.
    Reading,
    /// An incident: a tainted node, and the worklist of what it went into.
    Incident,
}

/// Every kind with its word, in the order of [`NodeKind`].
const NODE_KINDS: [(NodeKind, &str); 11] = [
    (NodeKind::Model, "model"),
    (NodeKind::Source, "source"),
    (NodeKind::File, "file"),
    (NodeKind::Dataset, "dataset"),
    (NodeKind::Run, "run"),
    (NodeKind::Deployment, "deployment"),
    (NodeKind::Check, "check"),
    (NodeKind::Signoff, "signoff"),
    (NodeKind::Waiver, "waiver"),
    (NodeKind::Reading, "reading"),
    (NodeKind::Incident, "incident"),
];

impl NodeKind {
    /// The word used on the command line, in files and in JSON.
    pub fn as_str(self) -> &'static str {
        NODE_KINDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("node", |(_, word)| word)
    }

    /// Parses the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        NODE_KINDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(kind, _)| *kind)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        NODE_KINDS.iter().map(|(kind, _)| *kind)
    }

    /// The number it has on disk: its place in the list.
    pub fn number(self) -> u8 {
        NODE_KINDS
            .iter()
            .zip(0..)
            .find(|((kind, _), _)| *kind == self)
            .map_or(u8::MAX, |(_, number)| number)
    }

    /// The kind of a number; `None` for one that is not there.
    pub fn of_number(number: u8) -> Option<Self> {
        NODE_KINDS.get(usize::from(number)).map(|(kind, _)| *kind)
    }
}

/// Longest name of a node, in bytes. Chosen: that of the longest model ids and paths in use.
pub const NAME_BYTES_MAX: usize = 1024;

/// Which node: its kind, its name, and for data sets the version. Written
/// `dataset:acme/mix@v3`, `model:meta-llama/Llama-2-7b-chat-hf`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef {
    /// What it is.
    pub kind: NodeKind,
    /// Its name; of models with case folded, for hosts differ in it.
    pub name: String,
    /// The version of a data set; empty for every other kind.
    pub version: String,
}

/// Why a text names no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeRefError {
    /// No known kind before the first colon.
    #[error(
        "{0:?} names no kind of node before a colon: write dataset:NAME@VERSION, model:ID, source:NAME, run:NAME, file:SHA256, check:ENTRY, deployment:ID#ENVIRONMENT"
    )]
    Kind(String),
    /// Nothing behind the colon, or too much.
    #[error("{0:?} has no name of 1 to {NAME_BYTES_MAX} bytes behind its kind")]
    Name(String),
}

impl NodeRef {
    /// A node by kind and name. Of models the case is folded.
    pub fn new(kind: NodeKind, name: &str) -> Self {
        let name = name.trim();
        Self {
            kind,
            name: match kind {
                NodeKind::Model | NodeKind::Deployment | NodeKind::File => name.to_lowercase(),
                NodeKind::Source
                | NodeKind::Dataset
                | NodeKind::Run
                | NodeKind::Check
                | NodeKind::Signoff
                | NodeKind::Waiver
                | NodeKind::Reading
                | NodeKind::Incident => name.to_owned(),
            },
            version: String::new(),
        }
    }

    /// A version of a data set.
    pub fn dataset(name: &str, version: &str) -> Self {
        Self {
            version: version.trim().to_owned(),
            ..Self::new(NodeKind::Dataset, name)
        }
    }

    /// A model in an environment.
    pub fn deployment(model: &str, environment: &str) -> Self {
        Self::new(NodeKind::Deployment, &format!("{model}#{environment}"))
    }

    /// Parses the written form. A data set without `@VERSION` has an empty version.
    pub fn parse(text: &str) -> Result<Self, NodeRefError> {
        let (word, name) = text
            .split_once(':')
            .ok_or_else(|| NodeRefError::Kind(text.to_owned()))?;
        let kind = NodeKind::parse(word).ok_or_else(|| NodeRefError::Kind(text.to_owned()))?;
        let found = match (kind, name.rsplit_once('@')) {
            (NodeKind::Dataset, Some((name, version))) if !name.is_empty() => {
                Self::dataset(name, version)
            }
            _ => Self::new(kind, name),
        };
        if found.name.is_empty() || found.name.len() + found.version.len() > NAME_BYTES_MAX {
            return Err(NodeRefError::Name(text.to_owned()));
        }
        Ok(found)
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        f.write_str(":")?;
        f.write_str(&self.name)?;
        if self.version.is_empty() {
            return Ok(());
        }
        f.write_str("@")?;
        f.write_str(&self.version)
    }
}

impl Serialize for NodeRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// How material flows along an edge, or that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// model → source: the model generated the text.
    Generated,
    /// source → file or data set: the registered text stands in it.
    Contained,
    /// file → data set: the data set consists of the file.
    Part,
    /// data set → data set, by a transformation.
    Derived,
    /// data set, source or file → run: it is trained on.
    Input,
    /// model → run, or model → model: its weights are the start.
    Base,
    /// model → run: it judged, filtered, scored or taught.
    Used,
    /// data set → model: trained on it, by a run that is not recorded.
    Trained,
    /// run → model: the run produced it.
    Produced,
    /// model → deployment.
    Deployed,
    /// check → file, data set or run: it was checked. Nothing flows.
    Checked,
    /// sign-off, waiver or reading → what it is about. Nothing flows.
    Approved,
    /// incident → what has to be settled before it is closed. Nothing flows.
    Affects,
}

/// Every kind with its word and whether material flows along it.
const EDGE_KINDS: [(EdgeKind, &str, bool); 13] = [
    (EdgeKind::Generated, "generated", true),
    (EdgeKind::Contained, "contained", true),
    (EdgeKind::Part, "part", true),
    (EdgeKind::Derived, "derived", true),
    (EdgeKind::Input, "input", true),
    (EdgeKind::Base, "base", true),
    (EdgeKind::Used, "used", true),
    (EdgeKind::Trained, "trained", true),
    (EdgeKind::Produced, "produced", true),
    (EdgeKind::Deployed, "deployed", true),
    (EdgeKind::Checked, "checked", false),
    (EdgeKind::Approved, "approved", false),
    (EdgeKind::Affects, "affects", false),
];

impl EdgeKind {
    /// The word used in JSON and exports.
    pub fn as_str(self) -> &'static str {
        EDGE_KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("edge", |(_, word, _)| word)
    }

    /// Whether material flows along it: what `trace` and `impact` follow.
    pub fn flows(self) -> bool {
        EDGE_KINDS
            .iter()
            .any(|(kind, _, flows)| *kind == self && *flows)
    }

    /// The number it has on disk: its place in the list.
    pub fn number(self) -> u8 {
        EDGE_KINDS
            .iter()
            .zip(0..)
            .find(|((kind, ..), _)| *kind == self)
            .map_or(u8::MAX, |(_, number)| number)
    }

    /// The kind of a number; `None` for one that is not there.
    pub fn of_number(number: u8) -> Option<Self> {
        EDGE_KINDS.get(usize::from(number)).map(|(kind, ..)| *kind)
    }
}

/// Who says that an edge is there. The same edge may be declared and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Somebody said so with a command of herdbook.
    Declared,
    /// It stood in a file of another tool.
    Imported,
    /// A registration claims it.
    Registered,
    /// A check compared the texts.
    Found,
}

/// Every origin with its word; the place is its number on disk.
const ORIGINS: [(Origin, &str); 4] = [
    (Origin::Declared, "declared"),
    (Origin::Imported, "imported"),
    (Origin::Registered, "registered"),
    (Origin::Found, "found"),
];

impl Origin {
    /// The word used in JSON and exports.
    pub fn as_str(self) -> &'static str {
        ORIGINS
            .iter()
            .find(|(origin, _)| *origin == self)
            .map_or("?", |(_, word)| word)
    }

    /// The number it has on disk.
    pub fn number(self) -> u8 {
        ORIGINS
            .iter()
            .zip(0..)
            .find(|((origin, _), _)| *origin == self)
            .map_or(u8::MAX, |(_, number)| number)
    }

    /// The origin of a number; `None` for one that is not there.
    pub fn of_number(number: u8) -> Option<Self> {
        ORIGINS.get(usize::from(number)).map(|(origin, _)| *origin)
    }
}

/// What is known of a node. Absent where nobody said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeFacts {
    /// The name as it was given, where it differs from that of the node (case of model ids).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Digest of the content, hex SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Rows of a file or data set, records of a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Bytes as stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// `started`, `finished`, `failed` of runs; `running`, `retired` of deployments; `registered`,
    /// `withdrawn` of sources; the verdict of checks; what was decided on approvals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it began or was made, RFC 3339 or a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Who answers for it, in the words of the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// In the words of who recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Further facts by name: `path`, `license`, `access`, `acquisition`, `target`, `policy`, …
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, String>,
    /// Number of the log entry that spoke of it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl NodeFacts {
    /// Takes over what `newer` says; what it is silent about stays.
    pub fn update(&mut self, newer: &Self) {
        fn take<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *old = Some(new.clone());
            }
        }
        take(&mut self.label, newer.label.as_ref());
        take(&mut self.digest, newer.digest.as_ref());
        take(&mut self.records, newer.records.as_ref());
        take(&mut self.bytes, newer.bytes.as_ref());
        take(&mut self.state, newer.state.as_ref());
        take(&mut self.time, newer.time.as_ref());
        take(&mut self.owner, newer.owner.as_ref());
        take(&mut self.note, newer.note.as_ref());
        take(&mut self.entry, newer.entry.as_ref());
        self.more.extend(newer.more.clone());
    }

    /// Of a file, the check after which nothing is known of what it found, its verdict being gone:
    /// [`UNSEEN`], unless a later check's verdict is there ([`CHECKED`]).
    pub fn unseen(&self) -> Option<u64> {
        // What is no number is no proof of a later check, and no reason to believe that none is due.
        let number = |key: &str, or: u64| {
            let text = self.more.get(key)?;
            Some(text.parse::<u64>().unwrap_or(or))
        };
        let unseen = number(UNSEEN, u64::MAX)?;
        (number(CHECKED, 0).unwrap_or(0) < unseen).then_some(unseen)
    }
}

/// Further fact of a file: the entry of the last check whose verdict is there.
pub const CHECKED: &str = "checked";
/// Further fact of a file: the entry of the last check whose verdict is gone.
pub const UNSEEN: &str = "unseen";

/// Further fact of `generated`: the partner who claims it, where it is not the index's owner.
pub const CLAIMED_BY: &str = "claimed_by";

/// What is known of an edge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeFacts {
    /// Rows concerned: those of a data set that hold registered text of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Rows that were looked at; `records` of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// `filter`, `rewrite`, `translate`, `mix`, `tokenise` or another word, of a derivation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// What of the outputs was used, as in a target file: `text`, `labels`, `filter`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_outputs: Option<String>,
    /// Name of a file within a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Strictest level that the check gave the rows concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// In the words of who recorded it; of imports the file it stood in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `open`, `settled` or `accepted`, of an item of an incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Further facts by name: `evidence`, `evidence_sha256`, `check`, `person`, `signature`, `day`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, String>,
    /// Number of the log entry that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

fn silent_node(facts: &NodeFacts) -> bool {
    *facts == NodeFacts::default()
}

fn silent_edge(facts: &EdgeFacts) -> bool {
    *facts == EdgeFacts::default()
}

/// A node that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeClaim {
    /// Which.
    pub node: NodeRef,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "silent_node")]
    pub facts: NodeFacts,
}

/// An edge that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeClaim {
    /// Where it comes from.
    pub from: NodeRef,
    /// What kind.
    pub edge: EdgeKind,
    /// Where it leads.
    pub to: NodeRef,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "silent_edge")]
    pub facts: EdgeFacts,
}

/// An edge that is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeGone {
    /// Where it came from.
    pub from: NodeRef,
    /// What kind.
    pub edge: EdgeKind,
    /// Where it led.
    pub to: NodeRef,
}

/// Statements about the graph, as one log entry holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The command that made it, e.g. `dataset add`.
    pub command: String,
    /// Who says so.
    pub origin: Origin,
    /// Who ran the command, in their own words; `None` where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Nodes stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeClaim>,
    /// Edges stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeClaim>,
    /// Edges taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<EdgeGone>,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub node: NodeRef,
    /// What is known of it. Shared: of most nodes the same little is known.
    pub facts: Arc<NodeFacts>,
}

impl Node {
    /// The name as people wrote it.
    pub fn label(&self) -> String {
        let name = self.facts.label.as_ref().unwrap_or(&self.node.name);
        if self.node.version.is_empty() {
            name.clone()
        } else {
            format!("{name}@{}", self.node.version)
        }
    }
}

/// Which way edges are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Against the flow: where something came from.
    Upstream,
    /// With the flow: what it went into.
    Downstream,
}

impl Direction {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// A node that a walk reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The node.
    pub node: Node,
    /// Hops from where the walk began, by the shortest way. A file within a data set is no hop.
    pub depth: u32,
    /// Neighbours that were not followed because the walk ends here; 0 where all were.
    pub cut: u64,
}

/// An edge that a walk went along, between places in its list of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where material comes from: a place in [`Walk::nodes`].
    pub from: usize,
    /// Where it goes: a place in [`Walk::nodes`].
    pub to: usize,
    /// What kind of edge.
    pub kind: EdgeKind,
    /// Who says so.
    pub origin: Origin,
    /// What is known of it; over several files of a data set the sum.
    pub facts: Arc<EdgeFacts>,
}

/// What was reached from one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Which way.
    pub direction: Direction,
    /// Most hops that were gone; `None` for no limit.
    pub depth_max: Option<u32>,
    /// Nodes in order of depth, then of name; the first is where the walk began.
    pub nodes: Vec<Reached>,
    /// Edges between them, each once.
    pub edges: Vec<Hop>,
}

impl Walk {
    /// Hops to the farthest node.
    pub fn depth(&self) -> u32 {
        self.nodes.iter().map(|node| node.depth).max().unwrap_or(0)
    }

    /// Neighbours that were not followed, over all nodes.
    pub fn cut(&self) -> u64 {
        self.nodes.iter().map(|node| node.cut).sum()
    }
}

/// What a license says of outputs, in one place of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Says {
    /// Section of the text.
    pub section: String,
    /// What it says, in our words.
    pub says: String,
}

/// A license that a model stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its id in the catalog.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where its text stands.
    pub link: String,
    /// What it says of outputs, in order of section.
    pub says: Vec<Says>,
}

/// What the catalog makes of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What to call it in a sentence.
    pub means: String,
    /// The licenses that it stands, or may stand, under; empty where none is known.
    pub licenses: Vec<Terms>,
    /// Whether it is known which: otherwise one of them, or none.
    pub known: bool,
}

/// A walk with what a reader needs to make sense of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// What was reached.
    pub walk: Walk,
    /// What the models among its nodes mean, by place.
    pub meanings: BTreeMap<usize, Meaning>,
    /// Entries of the audit log that the graph was read from.
    pub entries: u64,
    /// What the graph cannot show, and statements that contradict what was found, in sentences.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_number_has_one_meaning() {
        for (kind, word) in NODE_KINDS {
            assert_eq!(NodeKind::parse(word), Some(kind));
            assert_eq!(kind.as_str(), word);
            assert_eq!(NodeKind::of_number(kind.number()), Some(kind));
        }
        for (kind, ..) in EDGE_KINDS {
            assert_eq!(EdgeKind::of_number(kind.number()), Some(kind));
        }
        for (origin, _) in ORIGINS {
            assert_eq!(Origin::of_number(origin.number()), Some(origin));
        }
        assert_eq!(EdgeKind::of_number(200), None);
        assert_eq!(NodeKind::of_number(200), None);
    }

    #[test]
    fn a_node_is_written_and_read_again() {
        for text in [
            "dataset:acme/mix@v3",
            "model:meta-llama/llama-2-7b",
            "deployment:acme-y#prod",
            "source:a:b c",
            "run:r@1",
        ] {
            assert_eq!(NodeRef::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            NodeRef::parse("model:Meta-Llama/X").unwrap(),
            NodeRef::new(NodeKind::Model, "meta-llama/x")
        );
        let versioned = NodeRef::parse("dataset:a@b@v1").unwrap();
        assert_eq!(
            (versioned.name.as_str(), versioned.version.as_str()),
            ("a@b", "v1")
        );
        for text in ["acme/mix", "horse:x", "dataset:", "run: "] {
            assert!(NodeRef::parse(text).is_err(), "{text}");
        }
        assert!(NodeRef::parse(&format!("run:{}", "x".repeat(NAME_BYTES_MAX + 1))).is_err());
    }
}
