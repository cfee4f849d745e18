//! Working a worklist off: settled with evidence, or the risk accepted by a named authority.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use anyhow::anyhow;

use super::super::super::args::Global;
use super::super::super::exit::Exit;
use super::super::super::exit::Failure;
use super::super::super::exit::OrExit as _;
use super::super::super::governance;
use super::super::super::opened::Opened;
use super::super::super::out;
use super::super::Draft;
use super::super::files;
use super::super::view;
use super::ACCEPTED;
use super::CLOSED;
use super::How;
use super::Incident;
use super::IncidentAcceptArgs;
use super::IncidentNamedArgs;
use super::IncidentSettleArgs;
use super::Item;
use super::OPEN;
use super::SETTLED;
use super::accepted_text;
use super::worklist;
use crate::audit;
use crate::graph::View;
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
use crate::report::escape;

pub(super) fn settle(opened: &Opened, args: &IncidentSettleArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    incident.refuse_closed()?;
    if args.how == How::RowsDropped && args.check.is_none() {
        return Err(Failure::usage(anyhow!(
            "that rows were dropped is shown by a check of what is left: name its entry with --check"
        )));
    }
    let mut more = BTreeMap::from([(
        "day".to_owned(),
        match args.on {
            Some(day) => day.to_string(),
            None => governance::today()?,
        },
    )]);
    if let Some(check) = args.check {
        clean(&view, &incident, check)?;
        more.insert("check".to_owned(), check.to_string());
    }
    if let Some(path) = &args.evidence {
        let (name, sha256) = evidence(path)?;
        more.insert("evidence".to_owned(), name);
        more.insert("evidence_sha256".to_owned(), sha256);
    }
    let mut draft = Draft::default();
    for text in &args.items {
        let item = incident.item(text)?;
        draft.edges.push(step(
            &incident,
            item,
            EdgeFacts {
                state: Some(SETTLED.to_owned()),
                how: Some(args.how.as_str().to_owned()),
                note: args.note.clone(),
                more: more.clone(),
                ..EdgeFacts::default()
            },
        ));
    }
    drop(view);
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "incident settle", Origin::Declared, by)?;
    told(opened, &args.incident, args.items.len(), "settled", entry)
}

pub(super) fn accept(
    global: &Global,
    opened: &Opened,
    args: &IncidentAcceptArgs,
) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    incident.refuse_closed()?;
    let origin = origin(opened)?;
    let day = governance::today()?;
    let mut draft = Draft::default();
    for text in &args.items {
        let item = incident.item(text)?;
        let signed = accepted_text(
            &origin,
            &incident.node.node.name,
            &item.node.node.to_string(),
            &args.reason,
            &day,
        );
        let signature = governance::vouch(&files, &args.signer, &signed)?;
        draft.edges.push(step(
            &incident,
            item,
            EdgeFacts {
                state: Some(ACCEPTED.to_owned()),
                note: Some(args.reason.clone()),
                more: BTreeMap::from([
                    ("day".to_owned(), day.clone()),
                    ("person".to_owned(), args.signer.person.clone()),
                    ("signature".to_owned(), signature),
                ]),
                ..EdgeFacts::default()
            },
        ));
    }
    drop(view);
    let by = Some(args.signer.person.as_str());
    let entry = draft.state(opened, "incident accept", Origin::Declared, by)?;
    told(opened, &args.incident, args.items.len(), "accepted", entry)
}

pub(super) fn close(
    global: &Global,
    opened: &Opened,
    args: &IncidentNamedArgs,
) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    incident.refuse_closed()?;
    let left: Vec<String> = incident
        .items
        .iter()
        .filter(|item| item.state() == OPEN)
        .map(|item| item.node.node.to_string())
        .collect();
    if !left.is_empty() {
        return Err(Failure::blocked(anyhow!(
            "{} items are neither settled nor accepted: {}",
            left.len(),
            escape::terminal(&left.join(", "))
        )));
    }
    if let Some(new) = worklist::beyond(global, &view, &incident)? {
        return Err(Failure::blocked(anyhow!(
            "since the worklist was made more was touched: {new}; `herdbook incident update {}` adds it",
            incident.node.node.name
        )));
    }
    let origin = origin(opened)?;
    for item in incident
        .items
        .iter()
        .filter(|item| item.state() == ACCEPTED)
    {
        if !verified(&files, &origin, &incident, item) {
            return Err(Failure::undecided(anyhow!(
                "the acceptance of {} does not verify against {}: was the person or key removed?",
                item.node.node,
                files.organization_path.display()
            )));
        }
    }
    drop(view);
    let mut facts = NodeFacts {
        state: Some(CLOSED.to_owned()),
        ..NodeFacts::default()
    };
    facts
        .more
        .insert("closed".to_owned(), super::super::super::opened::now()?);
    let draft = Draft {
        nodes: vec![NodeClaim {
            node: incident.node.node.clone(),
            facts,
        }],
        ..Draft::default()
    };
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "incident close", Origin::Declared, by)?;
    out::print(&format!(
        "Closed incident {} in entry {entry}: {} items settled or accepted\n",
        escape::identifier(&incident.node.node.name),
        incident.items.len()
    ))?;
    Ok(Exit::Pass)
}

/// Whether the signature under an accepted risk verifies.
pub(super) fn verified(
    files: &governance::Files,
    origin: &str,
    incident: &Incident,
    item: &Item,
) -> bool {
    let fact = |name: &str| item.facts.more.get(name).map_or("", String::as_str);
    let text = accepted_text(
        origin,
        &incident.node.node.name,
        &item.node.node.to_string(),
        item.facts.note.as_deref().unwrap_or_default(),
        fact("day"),
    );
    governance::vouched(files, fact("person"), &text, fact("signature"))
}

/// The name of the log, which a signature is bound to.
pub(super) fn origin(opened: &Opened) -> Result<String, Failure> {
    let head = audit::head(&opened.dir, &opened.secrets.public()).or_undecided()?;
    Ok(head.checkpoint.origin)
}

/// Refuses a check that is older than the incident, or found its text again.
fn clean(view: &View, incident: &Incident, entry: u64) -> Result<(), Failure> {
    let node = NodeRef::new(NodeKind::Check, &entry.to_string());
    let Some(id) = view.find(&node).or_undecided()? else {
        return Err(Failure::usage(anyhow!(
            "entry {entry} of the log is no check: `herdbook audit log` lists them"
        )));
    };
    let check = view.node(id).or_undecided()?;
    let opened_at: u64 = incident
        .fact("opened_entry")
        .parse()
        .context("the incident does not say where in the log it was opened")
        .or_undecided()?;
    if entry < opened_at {
        return Err(Failure::usage(anyhow!(
            "check {entry} was made before the incident was opened: check again what is left"
        )));
    }
    if check.facts.state.as_deref() == Some("undecided") {
        return Err(Failure::usage(anyhow!(
            "check {entry} is undecided: it shows nothing"
        )));
    }
    let mut tainted: Vec<NodeRef> = vec![NodeRef::parse(incident.fact("about")).or_undecided()?];
    tainted.extend(incident.items.iter().map(|item| item.node.node.clone()));
    for seen in view.edges(id, Direction::Downstream).or_undecided()? {
        for held in view.edges(seen.other, Direction::Upstream).or_undecided()? {
            let source = view.node(held.other).or_undecided()?.node;
            if held.kind == EdgeKind::Contained
                && held.origin == Origin::Found
                && tainted.contains(&source)
            {
                return Err(Failure::usage(anyhow!(
                    "check {entry} found text of {source} again, in {} rows",
                    held.facts.records.unwrap_or(0)
                )));
            }
        }
    }
    Ok(())
}

fn evidence(path: &Path) -> Result<(String, String), Failure> {
    let hashed = files::hashed(&[path.to_string_lossy().into_owned()])?;
    let [file] = hashed.as_slice() else {
        return Err(Failure::usage(anyhow!(
            "{} is not one file",
            path.display()
        )));
    };
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok((name.to_string_lossy().into_owned(), file.sha256.clone()))
}

/// An item in a new state; the rows that it was listed with stay.
fn step(incident: &Incident, item: &Item, facts: EdgeFacts) -> EdgeClaim {
    EdgeClaim {
        from: incident.node.node.clone(),
        edge: EdgeKind::Affects,
        to: item.node.node.clone(),
        facts: EdgeFacts {
            records: item.facts.records,
            ..facts
        },
    }
}

fn told(opened: &Opened, id: &str, count: usize, what: &str, entry: u64) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let incident = Incident::find(&view, id)?;
    let left = incident.items.iter().filter(|item| item.state() == OPEN);
    out::print(&format!(
        "Recorded {count} as {what} in entry {entry}; {} of {} items are left\n",
        left.count(),
        incident.items.len()
    ))?;
    Ok(Exit::Pass)
}
