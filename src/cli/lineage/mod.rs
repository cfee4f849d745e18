//! The commands about lineage: data sets, runs, `trace` and `impact`.
//!
//! A command states nodes and edges in the audit log; the graph is read from there. Nothing is
//! stated that the log does not hold.

pub mod coverage;
pub mod dataset;
pub(super) mod files;
pub mod incident;
pub(super) mod meaning;
pub mod run;
mod text;
pub mod trace;

use anyhow::anyhow;
use clap::Args;

use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use crate::audit;
use crate::audit::Log;
use crate::graph::GraphError;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeGone;
use crate::model::lineage::Node;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Statement;
use crate::model::target::Target;
use crate::pipeline::Ancestry;
use crate::pipeline::scan::SnapshotFacts;

/// Versions of a data set that an error names. Chosen: a line.
const VERSIONS_NAMED: usize = 8;
/// Digits by which a file may be named, at least. Chosen: as Git.
const DIGITS_MIN: usize = 7;
/// Claims in one log entry, before it is divided. Chosen: an entry holds 64 KB, a claim with two
/// long names 2 KB at most and 150 bytes as a rule.
const CLAIM_BYTES_MAX: usize = 48_000;

/// Who states something.
#[derive(Debug, Clone, Default, Args)]
pub struct ByArgs {
    /// Who states this, for the log
    #[arg(long, value_name = "WHO", env = "USER", hide_env_values = true)]
    pub by: Option<String>,
}

/// The graph as the log has it now.
pub(in crate::cli) fn view(opened: &Opened) -> Result<View, Failure> {
    View::open(&opened.dir, &opened.secrets.public(), &opened.compat).or_undecided()
}

/// The models behind those that live sources claim and the target is made from. Empty where no
/// lineage was ever stated: the graph is not looked at then.
pub(crate) fn ancestry(
    opened: &Opened,
    facts: &SnapshotFacts,
    target: &Target,
) -> Result<Ancestry, GraphError> {
    let keys = opened.secrets.public();
    if audit::head(&opened.dir, &keys)?
        .last
        .in_force
        .lineage
        .is_none()
    {
        return Ok(Ancestry::default());
    }
    let view = View::open(&opened.dir, &keys, &opened.compat)?;
    ancestry_by(&view, facts, target)
}

/// The same by a graph that is open.
pub(in crate::cli) fn ancestry_by(
    view: &View,
    facts: &SnapshotFacts,
    target: &Target,
) -> Result<Ancestry, GraphError> {
    let live = facts
        .sources
        .iter()
        .filter(|source| source.withdrawn_at.is_none());
    let mut models: Vec<&String> = live.flat_map(|source| &source.models).collect();
    models.extend(&target.base);
    models.sort_unstable();
    models.dedup();
    let (mut behind, mut unknown) = (Vec::new(), Vec::new());
    for model in models {
        match view.behind(model) {
            Ok(all) => behind.push((model.clone(), all)),
            // The check goes on, since checking the file again is what repairs this.
            Err(error @ GraphError::Unseen { .. }) => unknown.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok(Ancestry::new(behind).with_unknown(unknown))
}

/// Nodes and edges about to be stated.
#[derive(Debug, Default)]
pub(in crate::cli) struct Draft {
    pub(in crate::cli) nodes: Vec<NodeClaim>,
    pub(in crate::cli) edges: Vec<EdgeClaim>,
    pub(in crate::cli) gone: Vec<EdgeGone>,
}

impl Draft {
    /// Enters them into the log, all or none; divided where they are more than an entry holds.
    /// Returns the number of the last entry.
    pub(in crate::cli) fn state(
        self,
        opened: &Opened,
        command: &str,
        origin: Origin,
        by: Option<&str>,
    ) -> Result<u64, Failure> {
        let empty = || Statement {
            command: command.to_owned(),
            origin,
            by: by.map(str::to_owned),
            nodes: Vec::new(),
            edges: Vec::new(),
            gone: Vec::new(),
        };
        let mut statements = vec![empty()];
        let mut bytes = 0;
        let mut place = |size: usize, statements: &mut Vec<Statement>| {
            if bytes > 0 && bytes + size > CLAIM_BYTES_MAX {
                statements.push(empty());
                bytes = 0;
            }
            bytes += size;
        };
        for gone in self.gone {
            place(size(&gone)?, &mut statements);
            if let Some(last) = statements.last_mut() {
                last.gone.push(gone);
            }
        }
        for node in self.nodes {
            place(size(&node)?, &mut statements);
            if let Some(last) = statements.last_mut() {
                last.nodes.push(node);
            }
        }
        for edge in self.edges {
            place(size(&edge)?, &mut statements);
            if let Some(last) = statements.last_mut() {
                last.edges.push(edge);
            }
        }
        let mut log = Log::open(&opened.dir, &opened.secrets);
        let logged = log
            .append_lineage(&opened::now()?, statements)
            .or_undecided()?;
        for note in log.take_notes() {
            out::note(&note);
        }
        Ok(logged.index)
    }
}

fn size<T: serde::Serialize>(claim: &T) -> Result<usize, Failure> {
    let bytes = serde_json::to_vec(claim).or_undecided()?;
    if bytes.len() > CLAIM_BYTES_MAX {
        return Err(Failure::usage(anyhow!(
            "one statement has {} bytes, more than {CLAIM_BYTES_MAX}: shorten its note",
            bytes.len()
        )));
    }
    Ok(bytes.len())
}

/// A node that a command names: `KIND:NAME`, or a name that only one kind of node has.
pub(in crate::cli) fn named(view: &View, text: &str) -> Result<(NodeId, Node), Failure> {
    let mut found = Vec::new();
    match NodeRef::parse(text) {
        Ok(node) => candidates(view, &node, &mut found)?,
        // No kind before a colon: any of them.
        Err(_) => {
            for kind in NodeKind::all() {
                let node = match (kind, text.rsplit_once('@')) {
                    (NodeKind::Dataset, Some((name, version))) => NodeRef::dataset(name, version),
                    _ => NodeRef::new(kind, text),
                };
                candidates(view, &node, &mut found)?;
            }
        }
    }
    match found.as_slice() {
        [(_, id)] => Ok((*id, view.node(*id).or_undecided()?)),
        [] => Err(Failure::usage(anyhow!(
            "nothing in the lineage graph is named {text:?}: {}",
            near(view, text)?
        ))),
        several => {
            let names: Vec<String> = several
                .iter()
                .take(VERSIONS_NAMED)
                .map(|(node, _)| node.to_string())
                .collect();
            let more = several.len().saturating_sub(VERSIONS_NAMED);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Err(Failure::usage(anyhow!(
                "{text:?} may be {}{more}: name one of them",
                names.join(", ")
            )))
        }
    }
}

fn candidates(
    view: &View,
    node: &NodeRef,
    found: &mut Vec<(NodeRef, NodeId)>,
) -> Result<(), Failure> {
    if let Some(id) = view.find(node).or_undecided()? {
        found.push((node.clone(), id));
        return Ok(());
    }
    let prefix = if node.kind == NodeKind::Dataset && node.version.is_empty() {
        // Every version that it has.
        format!("{}@", node.name)
    } else if node.kind == NodeKind::File && node.name.len() >= DIGITS_MIN {
        node.name.clone()
    } else {
        return Ok(());
    };
    let all = view.named(node.kind, &prefix, VERSIONS_NAMED + 1);
    found.extend(all.or_undecided()?);
    Ok(())
}

/// What may have been meant.
fn near(view: &View, text: &str) -> Result<String, Failure> {
    let name = text.split_once(':').map_or(text, |(_, name)| name);
    let begin: String = name.chars().take(3).collect();
    let mut names = Vec::new();
    for kind in NodeKind::all() {
        let found = view.named(kind, &begin, VERSIONS_NAMED).or_undecided()?;
        names.extend(found.into_iter().map(|(node, _)| node.to_string()));
    }
    names.truncate(VERSIONS_NAMED);
    Ok(if names.is_empty() {
        "record it with `herdbook dataset add` or `herdbook run start`; `herdbook source list` shows what is registered".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    })
}
