//! What an export about one node says, read from graph, log and catalog.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::lineage::named;
use super::super::lineage::trace;
use super::super::lineage::view;
use super::super::opened::Opened;
use crate::audit;
use crate::catalog::Catalog;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::report::exports::Checked;
use crate::report::exports::Dossier;
use crate::report::exports::FromLog;
use crate::report::exports::Part;

/// The state of the log that a view was read from.
pub(super) fn from_log(opened: &Opened, view: &View) -> Result<FromLog, Failure> {
    let public = opened.secrets.public();
    let head = audit::head(&opened.dir, &public).or_undecided()?;
    let state = view.state();
    let last = state.entries.saturating_sub(1);
    // The log may have grown since the view was opened: the export is of what the view has.
    let time = if head.checkpoint.size == state.entries {
        head.last.time
    } else {
        audit::entry(&opened.dir, &public, last)
            .or_undecided()?
            .time
    };
    Ok(FromLog {
        origin: head.checkpoint.origin,
        entries: state.entries,
        root: state.root.clone(),
        time,
    })
}

/// Everything upstream of a node of one of the kinds.
pub(super) fn dossier(
    opened: &Opened,
    catalog: &Catalog,
    text: &str,
    kinds: &[NodeKind],
) -> Result<Dossier, Failure> {
    let view = view(opened)?;
    let (id, node) = named(&view, text)?;
    if !kinds.contains(&node.node.kind) {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        return Err(Failure::usage(anyhow!(
            "{} cannot be exported in this form: name a {}",
            node.node,
            words.join(", ")
        )));
    }
    let traced = trace::walked(&view, catalog, id, Direction::Upstream, None)?;
    let mut parts = BTreeMap::new();
    let mut checks = Vec::new();
    for (place, reached) in traced.walk.nodes.iter().enumerate() {
        let kind = reached.node.node.kind;
        if !matches!(kind, NodeKind::Dataset | NodeKind::File | NodeKind::Run) {
            continue;
        }
        let Some(id) = view.find(&reached.node.node).or_undecided()? else {
            continue;
        };
        checked(&view, id, place, &mut checks)?;
        let mut files = Vec::new();
        for seen in view.edges(id, Direction::Upstream).or_undecided()? {
            if kind == NodeKind::Dataset && seen.kind == EdgeKind::Part {
                let file = view.node(seen.other).or_undecided()?;
                checked(&view, seen.other, place, &mut checks)?;
                files.push(Part {
                    sha256: file.node.name.clone(),
                    path: seen.facts.path.clone().or_else(|| file.facts.label.clone()),
                    rows: file.facts.records,
                    bytes: file.facts.bytes,
                });
            }
        }
        files.sort_by(|a, b| a.sha256.cmp(&b.sha256));
        files.dedup_by(|a, b| a.sha256 == b.sha256);
        if !files.is_empty() {
            parts.insert(place, files);
        }
    }
    checks.sort_by_key(|check| (check.entry, check.of));
    // A data set of many files is checked file by file, and named once.
    checks.dedup_by(|a, b| (a.entry, a.of) == (b.entry, b.of));
    Ok(Dossier {
        log: from_log(opened, &view)?,
        traced,
        parts,
        checks,
    })
}

/// Checks of a node.
fn checked(
    view: &View,
    id: NodeId,
    place: usize,
    checks: &mut Vec<Checked>,
) -> Result<(), Failure> {
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        if seen.kind == EdgeKind::Checked {
            let check = view.node(seen.other).or_undecided()?;
            checks.push(of_node(&check, place)?);
        }
    }
    Ok(())
}

/// A check as its node has it.
fn of_node(check: &Node, place: usize) -> Result<Checked, Failure> {
    let facts = &check.facts;
    let entry = check.node.name.parse().or_undecided()?;
    Ok(Checked {
        entry,
        verdict: facts.state.clone().unwrap_or_default(),
        time: facts.time.clone().unwrap_or_default(),
        digest: facts.digest.clone().unwrap_or_default(),
        policy: facts.more.get("policy").cloned().unwrap_or_default(),
        target: facts.more.get("target").cloned(),
        rows: facts.records,
        of: place,
    })
}
