//! The lineage graph for other tools: `CycloneDX`, `OpenLineage`, Croissant, the synthetic-data part of
//! the EU training-data summary, and tables for auditors.
//!
//! Pure: what the graph, the log and the catalog say comes in ([`Dossier`] for one node, [`Ledger`]
//! for many), text goes out. No clock and no randomness: times are those of the log, ids are digests
//! over the log's name and what they stand for, so the same log gives the same bytes.

mod croissant;
mod cyclonedx;
mod eu_summary;
mod openlineage;
pub mod tables;

#[cfg(test)]
mod tests;

pub use croissant::croissant;
pub use cyclonedx::CycloneDxVersion;
pub use cyclonedx::cyclonedx;
pub use eu_summary::EuSummary;
pub use openlineage::openlineage;

use std::collections::BTreeMap;

use sha2::Digest as _;
use sha2::Sha256;

use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::Node;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;

/// What writes the exports, as they name it.
pub const PRODUCER: &str = concat!(
    "https://crates.io/crates/herdbook/",
    env!("CARGO_PKG_VERSION")
);

/// The state of the audit log that an export was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromLog {
    /// Name of the log.
    pub origin: String,
    /// Entries of the log.
    pub entries: u64,
    /// Root hash of the log at that size, hex.
    pub root: String,
    /// Time of the last entry, RFC 3339, UTC.
    pub time: String,
}

/// A file that a data set consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its SHA-256, hex.
    pub sha256: String,
    /// Its name in the data set, or as a check or registration named it.
    pub path: Option<String>,
    /// Rows, where somebody counted.
    pub rows: Option<u64>,
    /// Bytes, where somebody counted.
    pub bytes: Option<u64>,
}

/// A check of something that an export is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Number of its log entry.
    pub entry: u64,
    /// `pass`, `flag`, `block` or `undecided`.
    pub verdict: String,
    /// When, RFC 3339.
    pub time: String,
    /// SHA-256 of the verdict document, hex.
    pub digest: String,
    /// SHA-256 of the policy, hex.
    pub policy: String,
    /// Name of the model that the check was for.
    pub target: Option<String>,
    /// Rows read.
    pub rows: Option<u64>,
    /// What it looked at: a place in the walk.
    pub of: usize,
}

/// Everything that an export about one node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// The log it stands in.
    pub log: FromLog,
    /// What lies upstream; the first node is the one that is exported.
    pub traced: Traced,
    /// Files of the data sets, by place in the walk, in order of their digest.
    pub parts: BTreeMap<usize, Vec<Part>>,
    /// Checks, in order of entry and place.
    pub checks: Vec<Checked>,
}

impl Dossier {
    /// The node that is exported.
    fn subject(&self) -> Option<&Reached> {
        self.traced.walk.nodes.first()
    }

    fn at(&self, place: usize) -> Option<&Reached> {
        self.traced.walk.nodes.get(place)
    }

    /// Edges that lead to a place, in order.
    fn edges_into(&self, place: usize) -> impl Iterator<Item = &Hop> {
        let edges = self.traced.walk.edges.iter();
        edges.filter(move |hop| hop.to == place)
    }

    /// Models that generated what flows to a place through the given edge: those of a source.
    fn generators(&self, source: usize) -> impl Iterator<Item = (usize, &Reached)> {
        self.edges_into(source)
            .filter(|hop| hop.kind == EdgeKind::Generated)
            .filter_map(|hop| Some((hop.from, self.at(hop.from)?)))
    }
}

/// An edge of a [`Ledger`] as seen from where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where material comes from.
    pub from: Node,
    /// What kind.
    pub kind: EdgeKind,
    /// Who says so.
    pub origin: Origin,
    /// What is known of it.
    pub facts: EdgeFacts,
    /// When it was recorded; `None` where no entry of its own says it (registrations).
    pub time: Option<String>,
}

/// A node of a [`Ledger`], with everything upstream of it by one edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The node.
    pub node: Node,
    /// When its last entry was made; `None` where no entry speaks of it.
    pub time: Option<String>,
    /// Edges that lead to it, in order.
    pub edges: Vec<Upstream>,
}

/// A file that a check read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// As it was named.
    pub path: String,
    /// Its digest; `None` where it was not read to its end.
    pub sha256: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Registered sources whose text stands in it.
    pub sources: Vec<FoundSource>,
}

/// A registered source that stood in a checked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSource {
    /// Its name.
    pub source: String,
    /// The models that it is claimed to be of, as they were written.
    pub models: Vec<String>,
    /// Rows that hold text of it.
    pub rows: u64,
    /// The strictest level among them.
    pub level: String,
}

/// A check of a [`Ledger`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCheck {
    /// Number of its log entry.
    pub entry: u64,
    /// When, RFC 3339.
    pub time: String,
    /// `pass`, `flag`, `block` or `undecided`.
    pub verdict: String,
    /// SHA-256 of the verdict document, hex.
    pub digest: String,
    /// SHA-256 of the policy, hex.
    pub policy: String,
    /// Name of the model that the check was for.
    pub target: Option<String>,
    /// Rows by outcome: `read`, `pass`, `flag`, `block`, `undecided`.
    pub tally: BTreeMap<String, u64>,
    /// Files; empty where the verdict was not kept.
    pub files: Vec<CheckedFile>,
}

/// Everything that an export about many nodes says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The log it stands in.
    pub log: FromLog,
    /// Nodes by kind, then name.
    pub nodes: Vec<Listed>,
    /// Checks in order of entry.
    pub checks: Vec<LedgerCheck>,
}

/// An id for something in a log: a UUID of version 8 (RFC 9562, section 5.8) over SHA-256, so that
/// the same thing in the same log always has the same one.
pub(crate) fn uuid(log: &FromLog, what: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"herdbook export id v1\0")
        .chain_update(log.origin.as_bytes())
        .chain_update(b"\0")
        .chain_update(what.as_bytes())
        .finalize();
    let mut bytes = [0_u8; 16];
    bytes
        .iter_mut()
        .zip(digest.iter())
        .for_each(|(to, from)| *to = *from);
    let number = u128::from_be_bytes(bytes);
    // Version 8 in the upper half, the variant of RFC 9562 in the lower.
    let number = (number & !(0xf_u128 << 76)) | (8_u128 << 76);
    let number = (number & !(0b11_u128 << 62)) | (0b10_u128 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// Whether a text is a SHA-256 in lower-case hex: only such a one is given out as a hash.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether a text has the form of a time of RFC 3339 with a zone, as the schemas ask for.
pub(crate) fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

/// The name that people gave a node, with its kind.
pub(crate) fn title(node: &Node) -> String {
    format!("{}:{}", node.node.kind.as_str(), node.label())
}

/// What an edge says, for a property: `found, 7 of 200 rows, block, entry 12`.
pub(crate) fn said(origin: Origin, facts: &EdgeFacts) -> String {
    let mut parts = vec![origin.as_str().to_owned()];
    match (facts.records, facts.of) {
        (Some(records), Some(of)) => parts.push(format!("{records} of {of} rows")),
        (Some(records), None) => parts.push(format!("{records} rows")),
        (None, _) => {}
    }
    let words = [
        ("by ", &facts.how),
        ("used as ", &facts.of_outputs),
        ("level ", &facts.level),
        ("note: ", &facts.note),
    ];
    for (before, word) in words {
        if let Some(word) = word {
            parts.push(format!("{before}{word}"));
        }
    }
    if let Some(entry) = facts.entry {
        parts.push(format!("log entry {entry}"));
    }
    parts.join(", ")
}

/// A JSON value as lines that people can read, with a line end.
pub(crate) fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// Sets a key of a JSON object.
pub(crate) fn set(object: &mut serde_json::Value, key: &str, value: serde_json::Value) {
    if let serde_json::Value::Object(map) = object {
        map.insert(key.to_owned(), value);
    }
}

/// What a node is called inside one document.
pub(crate) fn reference(node: &NodeRef) -> String {
    node.to_string()
}
