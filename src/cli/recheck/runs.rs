//! Which runs the inputs of a check went into.

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::told::Again;
use super::told::Run;
use crate::graph::View;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Writes the runs and deployments that lie behind the inputs of a check into the answer.
pub(super) fn find(view: &View, again: &mut Again) -> Result<(), Failure> {
    let mut runs = std::collections::BTreeMap::new();
    let mut deployments = std::collections::BTreeSet::new();
    for sha256 in again
        .inputs
        .iter()
        .filter_map(|input| input.sha256.as_ref())
    {
        let file = NodeRef::new(NodeKind::File, sha256);
        let Some(id) = view.find(&file).or_undecided()? else {
            continue;
        };
        let walk = view.walk(id, Direction::Downstream, None).or_undecided()?;
        if walk.cut() > 0 {
            again.notes.push(format!(
                "{} nodes of the lineage graph behind the inputs were not followed",
                walk.cut()
            ));
        }
        for reached in walk.nodes {
            let node = reached.node;
            match node.node.kind {
                NodeKind::Run => {
                    runs.insert(node.node.clone(), node);
                }
                NodeKind::Deployment => {
                    deployments.insert(node.label());
                }
                NodeKind::Model
                | NodeKind::Source
                | NodeKind::File
                | NodeKind::Dataset
                | NodeKind::Check
                | NodeKind::Signoff
                | NodeKind::Waiver
                | NodeKind::Reading
                | NodeKind::Incident => {}
            }
        }
    }
    for (name, node) in runs {
        let mut models = Vec::new();
        if let Some(id) = view.find(&name).or_undecided()? {
            let produced = view
                .edges_of(id, Direction::Downstream, Some(EdgeKind::Produced))
                .or_undecided()?;
            for seen in produced {
                models.push(view.node(seen.other).or_undecided()?.label());
            }
        }
        models.sort_unstable();
        models.dedup();
        again.runs.push(Run {
            name: node.label(),
            state: node.facts.state.clone(),
            models,
        });
    }
    again.deployments = deployments.into_iter().collect();
    Ok(())
}
