//! Showing incidents: how each item stands, and what licenses do and do not ask for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::super::args::Global;
use super::super::super::args::ListArgs;
use super::super::super::catalog;
use super::super::super::exit::Exit;
use super::super::super::exit::Failure;
use super::super::super::exit::OrExit as _;
use super::super::super::opened::Opened;
use super::super::super::out;
use super::super::super::table::Table;
use super::super::named;
use super::super::trace;
use super::super::view;
use super::ACCEPTED;
use super::Incident;
use super::IncidentShowArgs;
use super::Item;
use super::OPEN;
use super::settle;
use crate::catalog::Catalog;
use crate::graph::View;
use crate::model::lineage::Direction;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Traced;
use crate::report::escape;

#[derive(Serialize)]
struct Listed {
    incident: String,
    state: String,
    title: String,
    about: String,
    owner: String,
    opened: String,
    closed: Option<String>,
    items: usize,
    open: usize,
}

pub(super) fn list(opened: &Opened, args: ListArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let mut listed = Vec::new();
    let all = view.named(NodeKind::Incident, "", usize::MAX);
    for (node, _) in all.or_undecided()? {
        let incident = Incident::find(&view, &node.name)?;
        let facts = &incident.node.facts;
        listed.push(Listed {
            incident: node.name,
            state: facts.state.clone().unwrap_or_default(),
            title: facts.note.clone().unwrap_or_default(),
            about: incident.fact("about").to_owned(),
            owner: facts.owner.clone().unwrap_or_default(),
            opened: facts.time.clone().unwrap_or_default(),
            closed: facts.more.get("closed").cloned(),
            items: incident.items.len(),
            open: incident
                .items
                .iter()
                .filter(|item| item.state() == OPEN)
                .count(),
        });
    }
    if args.json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&[
        "INCIDENT", "STATE", "LEFT", "ABOUT", "OWNER", "OPENED", "TITLE",
    ]);
    for item in listed {
        table.row([
            item.incident,
            item.state,
            format!("{} of {}", item.open, item.items),
            item.about,
            item.owner,
            item.opened,
            item.title,
        ]);
    }
    if table.is_empty() {
        out::print("No incident was opened: `herdbook incident open` opens one\n")?;
        return Ok(Exit::Pass);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Shown<'a> {
    incident: &'a str,
    state: &'a str,
    title: &'a str,
    about: &'a str,
    owner: &'a str,
    opened: &'a str,
    closed: Option<&'a str>,
    worklist_sha256: &'a str,
    items: Vec<ShownItem<'a>>,
    touched_since: Option<String>,
    licenses: Vec<String>,
}

#[derive(Serialize)]
struct ShownItem<'a> {
    item: String,
    state: &'a str,
    how: Option<&'a str>,
    records: Option<u64>,
    owner: Option<&'a str>,
    note: Option<&'a str>,
    facts: &'a BTreeMap<String, String>,
    /// Of an accepted risk: whether the signature verifies; null otherwise.
    verified: Option<bool>,
    entry: Option<u64>,
}

pub(super) fn show(
    global: &Global,
    opened: &Opened,
    args: &IncidentShowArgs,
) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let catalog = catalog::of_index(global)?;
    let view = view(opened)?;
    let incident = Incident::find(&view, &args.incident)?;
    let origin = settle::origin(opened)?;
    let verified = |item: &Item| {
        (item.state() == ACCEPTED).then(|| settle::verified(&files, &origin, &incident, item))
    };
    let beyond = if incident.closed() {
        None
    } else {
        super::worklist::beyond(global, &view, &incident)?
    };
    let facts = &incident.node.facts;
    let shown = Shown {
        incident: &incident.node.node.name,
        state: facts.state.as_deref().unwrap_or_default(),
        title: facts.note.as_deref().unwrap_or_default(),
        about: incident.fact("about"),
        owner: facts.owner.as_deref().unwrap_or_default(),
        opened: facts.time.as_deref().unwrap_or_default(),
        closed: facts.more.get("closed").map(String::as_str),
        worklist_sha256: incident.fact("worklist"),
        items: incident
            .items
            .iter()
            .map(|item| ShownItem {
                item: item.node.node.to_string(),
                state: item.state(),
                how: item.facts.how.as_deref(),
                records: item.facts.records,
                owner: item.node.facts.owner.as_deref(),
                note: item.facts.note.as_deref(),
                facts: &item.facts.more,
                verified: verified(item),
                entry: item.facts.entry,
            })
            .collect(),
        touched_since: beyond,
        licenses: {
            let said = licenses(&view, &catalog, &incident)?;
            said.outputs.into_iter().chain(said.ends).collect()
        },
    };
    if args.output.json {
        out::json(&shown)?;
        return Ok(Exit::Pass);
    }
    out::print(&told(&shown))?;
    if let Some(new) = &shown.touched_since {
        out::warn(&format!(
            "touched since the worklist was made: {new}; `herdbook incident update {}` adds it",
            shown.incident
        ));
    }
    for item in shown
        .items
        .iter()
        .filter(|item| item.verified == Some(false))
    {
        out::warn(&format!(
            "the acceptance of {} does not verify: its signature is not that of a person of organization.toml",
            item.item
        ));
    }
    Ok(Exit::Pass)
}

fn told(shown: &Shown<'_>) -> String {
    let mut head = Table::new(&["incident", shown.incident]);
    for (name, value) in [
        ("state", shown.state),
        ("title", shown.title),
        ("about", shown.about),
        ("owner", shown.owner),
        ("opened", shown.opened),
        ("closed", shown.closed.unwrap_or("no")),
        ("worklist", shown.worklist_sha256),
    ] {
        head.row([name.to_owned(), value.to_owned()]);
    }
    let mut table = Table::new(&[
        "STATE",
        "ITEM",
        "ROWS",
        "OWNER",
        "WHAT WAS DONE",
        "EVIDENCE",
    ]);
    for item in &shown.items {
        let fact = |name: &str| item.facts.get(name).cloned();
        let done = match (item.state, item.how) {
            (OPEN, _) => String::new(),
            (_, Some(how)) => format!("{how} on {}", fact("day").unwrap_or_default()),
            (_, None) => format!(
                "risk taken by {} on {}",
                fact("person").unwrap_or_default(),
                fact("day").unwrap_or_default()
            ),
        };
        let mut evidence = Vec::new();
        evidence.extend(fact("check").map(|check| format!("check {check}")));
        evidence.extend(fact("evidence"));
        evidence.extend(item.note.map(str::to_owned));
        table.row([
            item.state.to_owned(),
            item.item.clone(),
            item.records
                .map_or_else(String::new, |rows| rows.to_string()),
            item.owner.unwrap_or("not stated").to_owned(),
            done,
            evidence.join("; "),
        ]);
    }
    let licenses: Vec<String> = shown
        .licenses
        .iter()
        .map(|line| format!("  {}\n", escape::terminal(line)))
        .collect();
    format!(
        "{}\n{}\nWhat the licenses say\n{}",
        head.render(),
        table.render(),
        if licenses.is_empty() {
            "  no license of a generator is known\n".to_owned()
        } else {
            licenses.concat()
        }
    )
}

/// What the licenses of the generators say.
pub(super) struct Said {
    /// Of outputs.
    pub(super) outputs: Vec<String>,
    /// Of their own end.
    pub(super) ends: Vec<String>,
}

/// What the licenses of the generators say of outputs and of their own end.
pub(super) fn licenses(
    view: &View,
    catalog: &Catalog,
    incident: &Incident,
) -> Result<Said, Failure> {
    let (start, _) = named(view, incident.fact("about"))?;
    let up: Traced = trace::walked(view, catalog, start, Direction::Upstream, None)?;
    let (mut outputs, mut ends) = (Vec::new(), Vec::new());
    for terms in up.meanings.values().flat_map(|meaning| &meaning.licenses) {
        for says in &terms.says {
            outputs.push(format!(
                "{}, section {}: {} ({})",
                terms.id, says.section, says.says, terms.link
            ));
        }
        let end = catalog
            .license(&terms.id)
            .and_then(|license| license.clauses.termination.as_ref());
        if let Some(end) = end.filter(|end| end.deletes_materials) {
            ends.push(format!(
                "{}, section {}: when the license ends its materials (weights, documents) are to be deleted; it names neither outputs nor models trained on them, so what becomes of these is the organisation's decision",
                terms.id, end.section
            ));
        }
    }
    for lines in [&mut outputs, &mut ends] {
        lines.sort();
        lines.dedup();
    }
    Ok(Said { outputs, ends })
}
