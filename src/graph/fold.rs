//! From entries of the log, kept verdicts and registered sources to nodes and edges.

use serde::Deserialize;

use super::GraphError;
use super::kept::kept_verdict;
use super::kept::path_of;
use crate::audit::Approval;
use crate::audit::Check;
use crate::audit::Entry;
use crate::audit::Record;
use crate::index::GraphStore;
use crate::index::IndexDir;
use crate::index::NodeId;
use crate::index::StoreError;
use crate::model::SourceInfo;
use crate::model::lineage::CHECKED;
use crate::model::lineage::CLAIMED_BY;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Statement;
use crate::model::lineage::UNSEEN;

/// What is read of a kept verdict; the rest of its keys is passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct KeptVerdict {
    /// Files checked.
    pub inputs: Vec<KeptInput>,
    /// What the check was for.
    pub target: KeptTarget,
}

/// The target of a kept verdict.
#[derive(Debug, Clone, Deserialize)]
pub struct KeptTarget {
    /// Name of the model that would be improved; null where it had none yet.
    pub name: Option<String>,
    /// Ids of what it is made from.
    #[serde(default)]
    pub base: Vec<String>,
}

/// A file of a kept verdict.
#[derive(Debug, Clone, Deserialize)]
pub struct KeptInput {
    /// As it was named.
    pub path: String,
    /// Its digest; null where it was not read to its end.
    pub sha256: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// Registered sources whose text stands in it. Absent in verdicts of before they were counted.
    #[serde(default)]
    pub sources: Vec<KeptSource>,
}

/// A registered source that was found in a file.
#[derive(Debug, Clone, Deserialize)]
pub struct KeptSource {
    /// Its name.
    pub source: String,
    /// Rows that hold text of it.
    pub rows: u64,
    /// The strictest level among them.
    pub level: String,
}

/// Whether an entry can have changed which sources there are, or what is known of them.
pub(super) fn changes_sources(entry: &Entry) -> bool {
    entry.record.change().is_some()
}

/// Takes one entry into the view.
pub(super) fn entry(
    store: &mut GraphStore,
    dir: &IndexDir,
    number: u64,
    entry: &Entry,
) -> Result<(), GraphError> {
    match &entry.record {
        Record::Lineage(stated) => Ok(statement(store, number, stated)?),
        Record::Check(found) => check(store, dir, number, &entry.time, found),
        Record::Deployment(made) => Ok(deployment(store, number, made)?),
        Record::Signoff(made) => Ok(approval(
            store,
            NodeKind::Signoff,
            number,
            &entry.time,
            made,
        )?),
        Record::Waive(made) => Ok(approval(
            store,
            NodeKind::Waiver,
            number,
            &entry.time,
            made,
        )?),
        Record::Reading(made) => Ok(approval(
            store,
            NodeKind::Reading,
            number,
            &entry.time,
            made,
        )?),
        // Commits are read from the snapshot, which knows the sources whole; the rest says nothing
        // of lineage.
        Record::Init(_)
        | Record::Register(_)
        | Record::Withdraw(_)
        | Record::Seal(_)
        | Record::Policy(_)
        | Record::Attest(_)
        | Record::Share(_)
        | Record::RotateKey(_) => Ok(()),
    }
}

fn statement(store: &mut GraphStore, number: u64, stated: &Statement) -> Result<(), StoreError> {
    for gone in &stated.gone {
        if let (Some(from), Some(to)) = (store.find(&gone.from)?, store.find(&gone.to)?) {
            for origin in [Origin::Declared, Origin::Imported] {
                store.remove_edge(from, gone.edge, origin, to)?;
            }
        }
    }
    for claim in &stated.nodes {
        let mut facts = claim.facts.clone();
        facts.entry = Some(number);
        store.put_node(&claim.node, &facts)?;
    }
    for claim in &stated.edges {
        let from = end(store, &claim.from)?;
        let to = end(store, &claim.to)?;
        let mut facts = claim.facts.clone();
        facts.entry = Some(number);
        store.put_edge(from, claim.edge, stated.origin, to, &facts)?;
    }
    Ok(())
}

/// A node that an edge names; made where nobody stated it.
fn end(store: &mut GraphStore, node: &NodeRef) -> Result<NodeId, StoreError> {
    match store.find(node)? {
        Some(id) => Ok(id),
        None => store.put_node(node, &NodeFacts::default()),
    }
}

fn check(
    store: &mut GraphStore,
    dir: &IndexDir,
    number: u64,
    time: &str,
    made: &Check,
) -> Result<(), GraphError> {
    let kept = kept_verdict(dir, number, &made.outcome)?;
    let mut facts = NodeFacts {
        state: Some(made.verdict.clone()),
        time: Some(time.to_owned()),
        digest: Some(made.outcome.clone()),
        records: made.tally.get("read").copied(),
        entry: Some(number),
        ..NodeFacts::default()
    };
    facts.more.insert("policy".to_owned(), made.policy.clone());
    let verdict: Option<KeptVerdict> = match &kept {
        None => {
            facts.note = Some("its verdict was not kept: what it found is not here".to_owned());
            None
        }
        Some(json) => {
            let wrong = |error: serde_json::Error| GraphError::Verdict {
                path: path_of(&dir.verdicts(), &made.outcome)
                    .display()
                    .to_string(),
                entry: number,
                what: error.to_string(),
            };
            Some(serde_json::from_str(json).map_err(wrong)?)
        }
    };
    if let Some(name) = verdict.as_ref().and_then(|kept| kept.target.name.clone()) {
        facts.more.insert("target".to_owned(), name);
    }
    let node = NodeRef::new(NodeKind::Check, &number.to_string());
    let id = store.put_node(&node, &facts)?;
    if let Some(kept) = verdict {
        for input in &kept.inputs {
            file(store, number, id, input)?;
        }
        return Ok(());
    }
    // What a check found that nobody knows is not nothing. Where the entry does not list its inputs,
    // any file may be one of them.
    if made.inputs > 0 && made.input_digests.is_empty() {
        store.put_unseen(number);
    }
    let mut unseen = NodeFacts::default();
    unseen.more.insert(UNSEEN.to_owned(), number.to_string());
    for sha256 in made.input_digests.iter().flatten() {
        let file = store.put_node(&NodeRef::new(NodeKind::File, sha256), &unseen)?;
        let facts = EdgeFacts {
            entry: Some(number),
            ..EdgeFacts::default()
        };
        store.put_edge(id, EdgeKind::Checked, Origin::Found, file, &facts)?;
    }
    Ok(())
}

/// A file that a check read: what was found in it by an earlier check no longer stands.
fn file(
    store: &mut GraphStore,
    number: u64,
    check: NodeId,
    input: &KeptInput,
) -> Result<(), StoreError> {
    // One that was not read to its end has no identity, and what was found in it proves nothing
    // about a whole.
    let Some(sha256) = &input.sha256 else {
        return Ok(());
    };
    let mut facts = NodeFacts {
        label: Some(input.path.clone()),
        digest: Some(sha256.clone()),
        records: Some(input.rows),
        bytes: Some(input.bytes),
        entry: Some(number),
        ..NodeFacts::default()
    };
    facts.more.insert(CHECKED.to_owned(), number.to_string());
    let node = NodeRef::new(NodeKind::File, sha256);
    let known = store.find(&node)?.is_some();
    let id = store.put_node(&node, &facts)?;
    if known {
        for edge in store.edges(id, Direction::Upstream, Some(EdgeKind::Contained))? {
            if edge.origin == Origin::Found {
                store.remove_edge(edge.other, edge.kind, edge.origin, id)?;
            }
        }
    }
    let facts = EdgeFacts {
        path: Some(input.path.clone()),
        entry: Some(number),
        ..EdgeFacts::default()
    };
    store.put_edge(check, EdgeKind::Checked, Origin::Found, id, &facts)?;
    for found in &input.sources {
        let source = end(store, &NodeRef::new(NodeKind::Source, &found.source))?;
        let facts = EdgeFacts {
            records: Some(found.rows),
            of: Some(input.rows),
            level: Some(found.level.clone()),
            entry: Some(number),
            ..EdgeFacts::default()
        };
        store.put_edge(source, EdgeKind::Contained, Origin::Found, id, &facts)?;
    }
    Ok(())
}

fn deployment(store: &mut GraphStore, number: u64, made: &Approval) -> Result<(), StoreError> {
    let about = |name: &str| made.about.get(name).cloned();
    // Entries of before the graph name the line only, and the line stands in another file.
    let (Some(model), Some(environment)) = (about("model"), about("environment")) else {
        return Ok(());
    };
    let mut facts = NodeFacts {
        label: Some(format!("{model} in {environment}")),
        state: about("state"),
        time: about("from"),
        owner: Some(made.person.clone()),
        note: about("note"),
        entry: Some(number),
        ..NodeFacts::default()
    };
    facts.more.insert("model".to_owned(), model.clone());
    facts
        .more
        .insert("environment".to_owned(), environment.clone());
    let id = store.put_node(&NodeRef::deployment(&model, &environment), &facts)?;
    let model = put_model(store, &model)?;
    let facts = EdgeFacts {
        entry: Some(number),
        ..EdgeFacts::default()
    };
    store.put_edge(model, EdgeKind::Deployed, Origin::Declared, id, &facts)
}

/// A model by the id that somebody claims; the id as written is kept.
fn put_model(store: &mut GraphStore, model: &str) -> Result<NodeId, StoreError> {
    let node = NodeRef::new(NodeKind::Model, model);
    let facts = NodeFacts {
        label: (node.name != model).then(|| model.to_owned()),
        ..NodeFacts::default()
    };
    store.put_node(&node, &facts)
}

fn approval(
    store: &mut GraphStore,
    kind: NodeKind,
    number: u64,
    time: &str,
    made: &Approval,
) -> Result<(), StoreError> {
    let Some(request) = &made.request else {
        return Ok(());
    };
    let mut facts = NodeFacts {
        state: Some(made.action.clone()),
        time: Some(time.to_owned()),
        owner: Some(made.person.clone()),
        entry: Some(number),
        ..NodeFacts::default()
    };
    if let Some(reason) = &made.reason {
        facts.more.insert("reason".to_owned(), reason.clone());
    }
    if made.action == "request" {
        facts.more.extend(made.about.clone());
    }
    let id = store.put_node(&NodeRef::new(kind, request), &facts)?;
    if let Some(source) = made.about.get("source") {
        let source = end(store, &NodeRef::new(NodeKind::Source, source))?;
        let facts = EdgeFacts {
            entry: Some(number),
            ..EdgeFacts::default()
        };
        store.put_edge(id, EdgeKind::Approved, Origin::Declared, source, &facts)?;
    }
    Ok(())
}

/// Takes the registered sources into the view: who generated them, and the files that they stood in.
pub(super) fn sources(store: &mut GraphStore, sources: &[SourceInfo]) -> Result<(), StoreError> {
    for source in sources.iter().filter(|source| !source.is_canary()) {
        let mut facts = NodeFacts {
            digest: Some(source.digest.clone()),
            records: Some(source.records),
            bytes: Some(source.text_bytes),
            state: Some(match &source.withdrawn_at {
                Some(_) => "withdrawn".to_owned(),
                None => "registered".to_owned(),
            }),
            time: Some(source.registered_at.clone()),
            ..NodeFacts::default()
        };
        let more = [
            ("acquisition", Some(source.acquisition.as_str().to_owned())),
            ("access", source.access.clone()),
            ("withdrawn", source.withdrawn_at.clone()),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                facts.more.insert(name.to_owned(), value);
            }
        }
        let id = store.put_node(&NodeRef::new(NodeKind::Source, &source.name), &facts)?;
        for model in &source.models {
            let model = put_model(store, model)?;
            let mut facts = EdgeFacts::default();
            if let Some(partner) = source.claimed_by() {
                let name = CLAIMED_BY.to_owned();
                facts.more.insert(name, partner.to_owned());
            }
            store.put_edge(model, EdgeKind::Generated, Origin::Registered, id, &facts)?;
        }
        for stood in &source.files {
            let known = NodeFacts {
                label: Some(stood.path.clone()),
                digest: Some(stood.sha256.clone()),
                records: Some(stood.rows),
                bytes: Some(stood.bytes),
                ..NodeFacts::default()
            };
            let node = NodeRef::new(NodeKind::File, &stood.sha256);
            let file = store.put_node(&node, &known)?;
            let facts = EdgeFacts {
                path: Some(stood.path.clone()),
                of: Some(stood.rows),
                ..EdgeFacts::default()
            };
            store.put_edge(id, EdgeKind::Contained, Origin::Registered, file, &facts)?;
        }
    }
    Ok(())
}
