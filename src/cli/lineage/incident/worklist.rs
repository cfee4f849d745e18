//! What an incident touches: found by walking downstream, frozen when it is opened.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;
use anyhow::anyhow;
use serde::Deserialize;
use serde::Serialize;

use super::super::super::args::Global;
use super::super::super::catalog;
use super::super::super::exit::Exit;
use super::super::super::exit::Failure;
use super::super::super::exit::OrExit as _;
use super::super::super::opened;
use super::super::super::opened::Opened;
use super::super::super::out;
use super::super::Draft;
use super::super::named;
use super::super::trace;
use super::super::view;
use super::Incident;
use super::IncidentNamedArgs;
use super::IncidentOpenArgs;
use super::IncidentQuarantineArgs;
use super::OPEN;
use crate::graph;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Traced;
use crate::report::escape;
use crate::report::lineage::LineageJson;

/// Something that the walk found to be touched.
struct Touched {
    node: NodeRef,
    /// Rows concerned, where they were counted.
    records: Option<u64>,
}

pub(super) fn open(
    global: &Global,
    opened: &Opened,
    args: &IncidentOpenArgs,
) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let text = match (&args.source, &args.node) {
        (Some(source), _) => format!("source:{source}"),
        (None, Some(node)) => node.clone(),
        (None, None) => String::new(),
    };
    let (start, about) = named(&view, &text)?;
    if !matches!(
        about.node.kind,
        NodeKind::Source | NodeKind::Dataset | NodeKind::Model
    ) {
        return Err(Failure::usage(anyhow!(
            "an incident is about a source, data set or model, and {} is none of them",
            about.node
        )));
    }
    let by = args.by.by.as_deref();
    let Some(owner) = args.owner.as_deref().or(by) else {
        return Err(Failure::usage(anyhow!(
            "nobody is named who answers for the incident: add --owner WHO"
        )));
    };
    let title = match &args.title {
        Some(title) => title.clone(),
        None => format!("What {} went into", about.node),
    };
    let traced = downstream(global, &view, start)?;
    let touched = touched(&view, &traced)?;
    let id = next_id(&view)?;
    let json = serde_json::to_string(&LineageJson::from(&traced)).or_undecided()?;
    drop(view);
    let worklist = graph::keep_worklist(&opened.dir, &json).or_undecided()?;
    let node = NodeRef::new(NodeKind::Incident, &id);
    let mut facts = NodeFacts {
        state: Some(OPEN.to_owned()),
        time: Some(opened::now()?),
        owner: Some(owner.to_owned()),
        note: Some(title),
        ..NodeFacts::default()
    };
    facts.more = BTreeMap::from([
        ("about".to_owned(), about.node.to_string()),
        ("worklist".to_owned(), worklist.clone()),
        ("opened_entry".to_owned(), traced.entries.to_string()),
    ]);
    let mut draft = Draft::default();
    draft
        .edges
        .extend(touched.iter().map(|t| affects(&node, t)));
    draft.nodes.push(NodeClaim { node, facts });
    let entry = draft.state(opened, "incident open", Origin::Declared, by)?;
    out::print(&format!(
        "Opened incident {id} about {} in entry {entry}\n  items     {} to be settled or accepted\n  worklist  {worklist} (SHA-256 of what was touched today)\n\nNext: herdbook incident show {id}\n",
        escape::terminal(&about.node.to_string()),
        touched.len(),
    ))?;
    Ok(Exit::Pass)
}

pub(super) fn update(
    global: &Global,
    opened: &Opened,
    args: &IncidentNamedArgs,
) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    incident.refuse_closed()?;
    let new = since(global, &view, &incident)?;
    drop(view);
    if new.is_empty() {
        out::print("Nothing more is touched than the worklist has\n")?;
        return Ok(Exit::Pass);
    }
    let node = &incident.node.node;
    let draft = Draft {
        edges: new
            .iter()
            .map(|node_touched| affects(node, node_touched))
            .collect(),
        ..Draft::default()
    };
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "incident update", Origin::Declared, by)?;
    out::print(&format!(
        "Added {} items in entry {entry}: {}\n",
        new.len(),
        names(&new)
    ))?;
    Ok(Exit::Pass)
}

/// What is touched and stands on no worklist of the incident yet.
fn since(global: &Global, view: &View, incident: &Incident) -> Result<Vec<Touched>, Failure> {
    let (start, _) = named(view, incident.fact("about"))?;
    let traced = downstream(global, view, start)?;
    let mut all = touched(view, &traced)?;
    all.retain(|touched| {
        incident
            .items
            .iter()
            .all(|item| item.node.node != touched.node)
    });
    Ok(all)
}

/// Names of what is touched beyond the worklist; empty when nothing is.
pub(super) fn beyond(
    global: &Global,
    view: &View,
    incident: &Incident,
) -> Result<Option<String>, Failure> {
    let new = since(global, view, incident)?;
    Ok((!new.is_empty()).then(|| names(&new)))
}

fn names(all: &[Touched]) -> String {
    let names: Vec<String> = all.iter().map(|t| t.node.to_string()).collect();
    escape::terminal(&names.join(", "))
}

fn downstream(global: &Global, view: &View, start: NodeId) -> Result<Traced, Failure> {
    let catalog = catalog::of_index(global)?;
    let traced = trace::walked(view, &catalog, start, Direction::Downstream, None)?;
    if traced.walk.cut() > 0 {
        return Err(Failure::undecided(anyhow!(
            "{} neighbours could not be followed: the worklist would not be whole",
            traced.walk.cut()
        )));
    }
    Ok(traced)
}

/// What has to be settled: data sets, files that stand in none, models, deployments, and text that a
/// touched model generated. Runs are history, and the files that a source was registered from are
/// the source.
fn touched(view: &View, traced: &Traced) -> Result<Vec<Touched>, Failure> {
    let walk = &traced.walk;
    let mut out = Vec::new();
    for (place, reached) in walk.nodes.iter().enumerate().skip(1) {
        let node = &reached.node.node;
        let wanted = match node.kind {
            NodeKind::Dataset | NodeKind::Model | NodeKind::Deployment | NodeKind::Source => true,
            NodeKind::File => {
                let registered = walk
                    .edges
                    .iter()
                    .any(|hop| hop.to == place && hop.origin == Origin::Registered);
                let part = match view.find(node).or_undecided()? {
                    Some(id) => view
                        .edges(id, Direction::Downstream)
                        .or_undecided()?
                        .iter()
                        .any(|seen| seen.kind == EdgeKind::Part),
                    None => false,
                };
                !registered && !part
            }
            NodeKind::Run
            | NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => false,
        };
        let retired = node.kind == NodeKind::Deployment
            && reached.node.facts.state.as_deref() == Some("retired");
        if wanted && !retired {
            let contained = walk
                .edges
                .iter()
                .filter(|hop| hop.to == place && hop.kind == EdgeKind::Contained);
            out.push(Touched {
                node: node.clone(),
                records: contained.filter_map(|hop| hop.facts.records).max(),
            });
        }
    }
    Ok(out)
}

fn affects(incident: &NodeRef, touched: &Touched) -> EdgeClaim {
    EdgeClaim {
        from: incident.clone(),
        edge: EdgeKind::Affects,
        to: touched.node.clone(),
        facts: EdgeFacts {
            state: Some(OPEN.to_owned()),
            records: touched.records,
            ..EdgeFacts::default()
        },
    }
}

/// `I-1`, `I-2`, …
fn next_id(view: &View) -> Result<String, Failure> {
    let all = view
        .named(NodeKind::Incident, "I-", usize::MAX)
        .or_undecided()?;
    // None is ever taken away.
    Ok(format!("I-{}", all.len() + 1))
}

/// What is read of a kept verdict for the lists of rows.
#[derive(Deserialize)]
struct Rows {
    inputs: Vec<graph::KeptInput>,
    findings: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    location: Place,
    claims: Vec<Claimed>,
}

#[derive(Deserialize)]
struct Place {
    path: String,
    row: Option<u64>,
    column: Option<String>,
}

#[derive(Deserialize)]
struct Claimed {
    source: String,
}

/// A row to be quarantined, as its CSV file has it.
#[derive(Serialize)]
struct Listed<'a> {
    path: &'a str,
    sha256: &'a str,
    row: u64,
    column: &'a str,
    source: &'a str,
    check: &'a str,
}

/// Writes the rows that hold text of the incident's source, or of a source that a touched model
/// generated, from the last check of each file.
pub(super) fn quarantine(opened: &Opened, args: &IncidentQuarantineArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    let mut sources: Vec<NodeRef> = incident
        .items
        .iter()
        .map(|item| item.node.node.clone())
        .collect();
    sources.push(NodeRef::parse(incident.fact("about")).or_undecided()?);
    sources.retain(|node| node.kind == NodeKind::Source);
    let failed = || format!("cannot write to {}", args.out.display());
    fs::create_dir_all(&args.out)
        .with_context(failed)
        .or_undecided()?;
    let mut written = Vec::new();
    for (sha256, check, named) in files(&view, &sources)? {
        let name = format!("{}.csv", sha256.chars().take(16).collect::<String>());
        let path = args.out.join(&name);
        let rows = rows(opened, &check, &sha256, &sources)?;
        let mut csv = csv::Writer::from_path(&path)
            .with_context(failed)
            .or_undecided()?;
        for row in &rows.listed {
            csv.serialize(Listed {
                path: &escape::cell(&named),
                sha256: &sha256,
                row: row.0,
                column: &escape::cell(&row.1),
                source: &escape::cell(&row.2),
                check: &check,
            })
            .with_context(failed)
            .or_undecided()?;
        }
        csv.flush().with_context(failed).or_undecided()?;
        if (rows.listed.len() as u64) < rows.counted {
            out::warn(&format!(
                "{named}: {} of {} rows are listed, since the check listed no more findings: check the file again with a larger findings_max in the policy, or with --clean and --quarantine",
                rows.listed.len(),
                rows.counted
            ));
        }
        written.push(format!(
            "  {name}  {} rows of {}\n",
            rows.listed.len(),
            escape::terminal(&named)
        ));
    }
    if written.is_empty() {
        out::print("No check found a row with text of this incident\n")?;
        return Ok(Exit::Pass);
    }
    out::print(&format!(
        "Rows to be quarantined, in {}\n{}",
        args.out.display(),
        written.concat()
    ))?;
    Ok(Exit::Pass)
}

/// Files in which checks found text of one of the sources: digest, check, name.
fn files(view: &View, sources: &[NodeRef]) -> Result<Vec<(String, String, String)>, Failure> {
    let mut out = Vec::new();
    for source in sources {
        let Some(id) = view.find(source).or_undecided()? else {
            continue;
        };
        for seen in view.edges(id, Direction::Downstream).or_undecided()? {
            if seen.kind == EdgeKind::Contained && seen.origin == Origin::Found {
                let file = view.node(seen.other).or_undecided()?;
                let check = file.facts.more.get("checked").cloned().unwrap_or_default();
                let name = file.label();
                out.push((file.node.name, check, name));
            }
        }
    }
    out.sort();
    out.dedup();
    Ok(out)
}

struct RowList {
    /// Row, column, source.
    listed: Vec<(u64, String, String)>,
    /// Rows that the check counted.
    counted: u64,
}

fn rows(
    opened: &Opened,
    check: &str,
    sha256: &str,
    sources: &[NodeRef],
) -> Result<RowList, Failure> {
    let gone = || Failure::undecided(anyhow!("the verdict of check {check} is not there"));
    let entry: u64 = check.parse().map_err(|_| gone())?;
    let logged =
        crate::audit::entry(&opened.dir, &opened.secrets.public(), entry).or_undecided()?;
    let crate::audit::Record::Check(made) = &logged.record else {
        return Err(gone());
    };
    let kept = graph::kept_verdict(&opened.dir, entry, &made.outcome).or_undecided()?;
    let verdict: Rows = serde_json::from_str(&kept.ok_or_else(gone)?).or_undecided()?;
    let wanted = |name: &str| sources.iter().any(|source| source.name == name);
    let mut list = RowList {
        listed: Vec::new(),
        counted: 0,
    };
    let of_file = |input: &&graph::KeptInput| input.sha256.as_deref() == Some(sha256);
    for input in verdict.inputs.iter().filter(of_file) {
        let counts = input.sources.iter().filter(|count| wanted(&count.source));
        list.counted = list
            .counted
            .max(counts.map(|count| count.rows).max().unwrap_or(0));
        for found in verdict
            .findings
            .iter()
            .filter(|f| f.location.path == input.path)
        {
            let claim = found.claims.iter().find(|claim| wanted(&claim.source));
            if let (Some(row), Some(claim)) = (found.location.row, claim) {
                let column = found.location.column.clone().unwrap_or_default();
                list.listed.push((row, column, claim.source.clone()));
            }
        }
    }
    list.listed.sort();
    list.listed.dedup();
    Ok(list)
}
