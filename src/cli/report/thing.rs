//! `herdbook report dataset` and `report model`: both ways through the lineage graph.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::anyhow;

use super::super::args::Global;
use super::super::catalog;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::lineage::meaning;
use super::super::lineage::named;
use super::super::lineage::trace;
use super::super::lineage::view;
use super::super::opened::Opened;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Walk;
use crate::report::people::Page;
use crate::report::people::thing;
use crate::report::people::thing::Ancestor;
use crate::report::people::thing::CheckSeen;
use crate::report::people::thing::ThingReport;

/// Nodes upstream whose checks are looked up. Chosen: what a report lists is less by far.
const CHECKED_MAX: usize = 10_000;

pub(super) fn page(global: &Global, kind: &str, name: &str) -> Result<Page, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let view = view(&opened)?;
    let prefix = format!("{kind}:");
    let asked = if name.starts_with(&prefix) {
        name.to_owned()
    } else {
        format!("{prefix}{name}")
    };
    let (id, node) = named(&view, &asked)?;
    if node.node.kind.as_str() != kind {
        return Err(Failure::usage(anyhow!("{} is no {kind}", node.node)));
    }
    let upstream = trace::walked(&view, &catalog, id, Direction::Upstream, None)?;
    let downstream = trace::walked(&view, &catalog, id, Direction::Downstream, None)?;
    let ancestors = if node.node.kind == NodeKind::Model {
        view.behind_node(id)
            .or_undecided()?
            .into_iter()
            .map(|behind| Ancestor {
                meaning: meaning::of_model(&catalog, &behind.model),
                model: behind.model,
                weights: behind.weights,
                way: behind.way,
            })
            .collect()
    } else {
        Vec::new()
    };
    Ok(thing::page(&ThingReport {
        checks: checks(&view, &upstream.walk)?,
        upstream,
        downstream,
        ancestors,
    }))
}

/// Checks of everything upstream, and of the files that data sets consist of; newest first.
fn checks(view: &View, walk: &Walk) -> Result<Vec<CheckSeen>, Failure> {
    let mut found: BTreeMap<Reverse<u64>, CheckSeen> = BTreeMap::new();
    for reached in walk.nodes.iter().take(CHECKED_MAX) {
        let Some(id) = view.find(&reached.node.node).or_undecided()? else {
            continue;
        };
        of_node(view, id, &mut found)?;
        for seen in view.edges(id, Direction::Upstream).or_undecided()? {
            if seen.kind == EdgeKind::Part {
                of_node(view, seen.other, &mut found)?;
            }
        }
    }
    Ok(found.into_values().collect())
}

fn of_node(
    view: &View,
    id: NodeId,
    found: &mut BTreeMap<Reverse<u64>, CheckSeen>,
) -> Result<(), Failure> {
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        if seen.kind != EdgeKind::Checked {
            continue;
        }
        let check = view.node(seen.other).or_undecided()?;
        let entry = check.facts.entry.unwrap_or(0);
        let what = match &seen.facts.path {
            Some(path) => path.clone(),
            None => view.node(id).or_undecided()?.label(),
        };
        found
            .entry(Reverse(entry))
            .and_modify(|known| {
                if !known.of.split(", ").any(|of| of == what) {
                    known.of = format!("{}, {what}", known.of);
                }
            })
            .or_insert_with(|| CheckSeen {
                entry,
                time: check.facts.time.clone().unwrap_or_default(),
                verdict: check.facts.state.clone().unwrap_or_default(),
                target: check.facts.more.get("target").cloned(),
                of: what.clone(),
            });
    }
    Ok(())
}
