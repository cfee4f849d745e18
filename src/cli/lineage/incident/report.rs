//! `herdbook incident report`: an incident for people who were not there.

use super::super::super::args::Global;
use super::super::super::catalog;
use super::super::super::exit::Exit;
use super::super::super::exit::Failure;
use super::super::super::opened::Opened;
use super::super::super::report;
use super::super::named;
use super::super::trace;
use super::super::view;
use super::ACCEPTED;
use super::Incident;
use super::IncidentReportArgs;
use super::Item;
use super::settle;
use super::show;
use super::worklist;
use crate::model::lineage::Direction;
use crate::report::people::Page;
use crate::report::people::incident;
use crate::report::people::incident::IncidentItem;
use crate::report::people::incident::IncidentReport;

pub(super) fn report(
    global: &Global,
    opened: &Opened,
    args: &IncidentReportArgs,
) -> Result<Exit, Failure> {
    report::deliver(&args.out, || page(global, opened, args))
}

fn page(global: &Global, opened: &Opened, args: &IncidentReportArgs) -> Result<Page, Failure> {
    let files = args.files.find(global)?;
    let catalog = catalog::of_index(global)?;
    let view = view(opened)?;
    let found = Incident::find(&view, &args.incident)?;
    let origin = settle::origin(opened)?;
    let (about, _) = named(&view, found.fact("about"))?;
    let beyond = if found.closed() {
        None
    } else {
        worklist::beyond(global, &view, &found)?
    };
    let facts = &found.node.facts;
    let text = |fact: &Option<String>| fact.clone().unwrap_or_default();
    let item = |item: &Item| {
        let fact = |name: &str| item.facts.more.get(name).cloned();
        IncidentItem {
            item: item.node.node.to_string(),
            state: item.state().to_owned(),
            how: item.facts.how.clone(),
            rows: item.facts.records,
            owner: item.node.facts.owner.clone(),
            note: item.facts.note.clone(),
            day: fact("day"),
            check: fact("check"),
            evidence: fact("evidence").zip(fact("evidence_sha256")),
            accepted_by: (item.state() == ACCEPTED)
                .then(|| fact("person"))
                .flatten()
                .map(|person| (person, settle::verified(&files, &origin, &found, item))),
            entry: item.facts.entry,
        }
    };
    Ok(incident::page(&IncidentReport {
        incident: found.node.node.name.clone(),
        state: text(&facts.state),
        title: text(&facts.note),
        about: found.fact("about").to_owned(),
        owner: text(&facts.owner),
        opened: text(&facts.time),
        closed: facts.more.get("closed").cloned(),
        worklist: found.fact("worklist").to_owned(),
        items: found.items.iter().map(item).collect(),
        beyond,
        ends: show::licenses(&view, &catalog, &found)?.ends,
        upstream: trace::walked(&view, &catalog, about, Direction::Upstream, None)?,
        downstream: trace::walked(&view, &catalog, about, Direction::Downstream, None)?,
    }))
}
