//! What an export about many nodes says: the whole log, or what hangs together with one node.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use anyhow::anyhow;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::lineage::named;
use super::super::lineage::view;
use super::super::opened::Opened;
use super::super::out;
use super::findings;
use super::gather::from_log;
use crate::audit;
use crate::audit::Record;
use crate::graph;
use crate::graph::KeptVerdict;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::report::exports::CheckedFile;
use crate::report::exports::FoundSource;
use crate::report::exports::Ledger;
use crate::report::exports::LedgerCheck;
use crate::report::exports::Listed;
use crate::report::exports::Upstream;
use crate::report::exports::tables::FindingRow;

/// Nodes of one export at most. Chosen: the nodes of one walk, some hundred megabytes.
const NODES_MAX: usize = 200_000;
/// Checks of one export at most. Chosen: as many.
const CHECKS_MAX: usize = 200_000;

/// Times of the log's entries, by number, and its checks.
struct Read {
    times: Vec<String>,
    checks: Vec<(u64, String, Box<audit::Check>)>,
}

/// The whole log, or what hangs together with `node`; with every finding of the kept verdicts
/// where they are asked for.
pub(super) fn ledger(
    opened: &Opened,
    node: Option<&str>,
    with_findings: bool,
) -> Result<(Ledger, Vec<FindingRow>), Failure> {
    let view = view(opened)?;
    let ids = match node {
        Some(text) => around(&view, named(&view, text)?.0)?,
        None => all(&view)?,
    };
    let log = from_log(opened, &view)?;
    let read = entries(opened, log.entries)?;
    let time_of = |entry: Option<u64>| {
        match usize::try_from(entry?) {
            Ok(place) => read.times.get(place).cloned(),
            // More entries than this machine can count are not in the list.
            Err(_) => None,
        }
    };
    let mut nodes = Vec::new();
    for id in ids.values() {
        let found = view.node(*id).or_undecided()?;
        let mut edges = Vec::new();
        for seen in view.edges(*id, Direction::Upstream).or_undecided()? {
            let from = view.node(seen.other).or_undecided()?;
            if node.is_some() && !ids.contains_key(&from.node) {
                continue;
            }
            edges.push(Upstream {
                time: time_of(seen.facts.entry),
                from,
                kind: seen.kind,
                origin: seen.origin,
                facts: std::sync::Arc::unwrap_or_clone(seen.facts),
            });
        }
        edges.sort_by(|a, b| {
            (&a.from.node, a.kind, a.origin).cmp(&(&b.from.node, b.kind, b.origin))
        });
        nodes.push(Listed {
            time: time_of(found.facts.entry),
            node: found,
            edges,
        });
    }
    let mut checks = Vec::new();
    let mut rows = Vec::new();
    let mut not_kept = 0_u64;
    for (number, time, made) in &read.checks {
        let name = NodeRef::new(NodeKind::Check, &number.to_string());
        if node.is_some() && !ids.contains_key(&name) {
            continue;
        }
        let kept = graph::kept_verdict(&opened.dir, *number, &made.outcome).or_undecided()?;
        let document = if let Some(json) = &kept {
            Some(serde_json::from_str::<KeptVerdict>(json).or_undecided()?)
        } else {
            not_kept += 1;
            None
        };
        if let Some(json) = kept.as_ref().filter(|_| with_findings) {
            rows.extend(findings::rows(*number, time, json)?);
        }
        let files = match &document {
            Some(document) => files(&view, document)?,
            None => Vec::new(),
        };
        checks.push(LedgerCheck {
            entry: *number,
            time: time.clone(),
            verdict: made.verdict.clone(),
            digest: made.outcome.clone(),
            policy: made.policy.clone(),
            target: document.and_then(|document| document.target.name),
            tally: made.tally.clone(),
            files,
        });
    }
    if not_kept > 0 {
        out::warn(&format!(
            "the verdicts of {not_kept} checks were not kept: what they found is not here"
        ));
    }
    Ok((Ledger { log, nodes, checks }, rows))
}

/// Every node, by name.
fn all(view: &View) -> Result<BTreeMap<NodeRef, NodeId>, Failure> {
    let mut ids = BTreeMap::new();
    for kind in NodeKind::all() {
        let found = view.named(kind, "", NODES_MAX + 1).or_undecided()?;
        ids.extend(found);
        if ids.len() > NODES_MAX {
            return Err(Failure::usage(anyhow!(
                "the lineage graph has more than {NODES_MAX} nodes, too many for one export: name one, as in `herdbook export openlineage dataset:acme/mix@v3`"
            )));
        }
    }
    Ok(ids)
}

/// What lies upstream and downstream of a node, the files of its data sets, and the checks and
/// approvals of all of these.
fn around(view: &View, start: NodeId) -> Result<BTreeMap<NodeRef, NodeId>, Failure> {
    let mut ids = BTreeMap::new();
    let mut waiting = Vec::new();
    for direction in [Direction::Upstream, Direction::Downstream] {
        for reached in view.walk(start, direction, None).or_undecided()?.nodes {
            if let Some(id) = view.find(&reached.node.node).or_undecided()?
                && ids.insert(reached.node.node, id).is_none()
            {
                waiting.push(id);
            }
        }
    }
    while let Some(id) = waiting.pop() {
        for seen in view.edges(id, Direction::Upstream).or_undecided()? {
            // Through a file a walk goes without a stop; what flows is followed by the walk alone.
            if seen.kind.flows() && seen.kind != EdgeKind::Part {
                continue;
            }
            let node = view.node(seen.other).or_undecided()?.node;
            if ids.insert(node, seen.other).is_none() {
                waiting.push(seen.other);
            }
            if ids.len() > NODES_MAX {
                return Err(Failure::usage(anyhow!(
                    "more than {NODES_MAX} nodes hang together with this one, too many for one export: name one farther out"
                )));
            }
        }
    }
    Ok(ids)
}

/// Reads the first `size` entries of the log.
fn entries(opened: &Opened, size: u64) -> Result<Read, Failure> {
    let mut read = Read {
        times: Vec::new(),
        checks: Vec::new(),
    };
    let public = opened.secrets.public();
    audit::entries(&opened.dir, &public, 0, |number, entry| {
        if number >= size {
            return;
        }
        if let Record::Check(check) = entry.record {
            read.checks.push((number, entry.time.clone(), check));
        }
        read.times.push(entry.time);
    })
    .or_undecided()?;
    if read.checks.len() > CHECKS_MAX {
        return Err(Failure::usage(anyhow!(
            "the log has {} checks, more than the {CHECKS_MAX} of one export: name a node",
            read.checks.len()
        )));
    }
    Ok(read)
}

/// The files of a verdict, with whose output stood in them.
fn files(view: &View, document: &KeptVerdict) -> Result<Vec<CheckedFile>, Failure> {
    let mut out = Vec::new();
    for input in &document.inputs {
        let mut sources = Vec::new();
        for found in &input.sources {
            sources.push(FoundSource {
                source: found.source.clone(),
                models: models(view, &found.source)?,
                rows: found.rows,
                level: found.level.clone(),
            });
        }
        out.push(CheckedFile {
            path: input.path.clone(),
            sha256: input.sha256.clone(),
            rows: input.rows,
            sources,
        });
    }
    Ok(out)
}

/// Models that a source is claimed to be of, as they were written.
fn models(view: &View, source: &str) -> Result<Vec<String>, Failure> {
    let node = NodeRef::new(NodeKind::Source, source);
    let Some(id) = view.find(&node).or_undecided()? else {
        return Ok(Vec::new());
    };
    let mut found = BTreeSet::new();
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        if seen.kind == EdgeKind::Generated {
            found.insert(view.node(seen.other).or_undecided()?.label());
        }
    }
    Ok(found.into_iter().collect())
}
