//! The report on an incident: what was tainted, what it touched, what was done about it.

use super::page::Block;
use super::page::Chart;
use super::page::ChartForm;
use super::page::Page;
use super::page::Rich;
use super::page::Table;
use super::page::code;
use super::page::number;
use super::page::section;
use super::words;
use crate::model::lineage::Traced;
use crate::report::facts;
use crate::report::lineage;

/// Items listed. Chosen; `herdbook incident show --json` has all.
const ITEMS_MAX: usize = 500;

/// An item of the worklist, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentItem {
    /// The node.
    pub item: String,
    /// `open`, `settled` or `accepted`.
    pub state: String,
    /// What was done: `rows-dropped`, `model-retired`, …
    pub how: Option<String>,
    /// Rows concerned.
    pub rows: Option<u64>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// In the words of who recorded it; of an accepted risk the reason.
    pub note: Option<String>,
    /// The day.
    pub day: Option<String>,
    /// Entry of the check that shows it.
    pub check: Option<String>,
    /// Name and SHA-256 of the document that proves it.
    pub evidence: Option<(String, String)>,
    /// Who took the risk, and whether that signature verifies.
    pub accepted_by: Option<(String, bool)>,
    /// Entry of the log that holds the step.
    pub entry: Option<u64>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentReport {
    /// Its id.
    pub incident: String,
    /// `open` or `closed`.
    pub state: String,
    /// What happened.
    pub title: String,
    /// The node that it is about.
    pub about: String,
    /// Who answers for it.
    pub owner: String,
    /// When it was opened and closed, RFC 3339.
    pub opened: String,
    /// See there; `None` while it is open.
    pub closed: Option<String>,
    /// SHA-256 of the frozen worklist.
    pub worklist: String,
    /// Its items, in order of name.
    pub items: Vec<IncidentItem>,
    /// What was touched since and stands on no worklist.
    pub beyond: Option<String>,
    /// What licenses of the generators say of their own end.
    pub ends: Vec<String>,
    /// What stands behind what it is about.
    pub upstream: Traced,
    /// What it went into, as it is now.
    pub downstream: Traced,
}

impl IncidentReport {
    fn count(&self, state: &str) -> u64 {
        self.items.iter().filter(|item| item.state == state).count() as u64
    }
}

/// The report.
pub fn page(report: &IncidentReport) -> Page {
    let left = report.count("open");
    let lead = Rich::new()
        .text(format!("{}: ", report.title))
        .code(report.about.as_str())
        .text(format!(
            " went into {}; {} settled, {} accepted as a risk, {}.",
            facts::plural(report.items.len() as u64, "thing"),
            report.count("settled"),
            report.count("accepted"),
            if left == 0 {
                "nothing is left".to_owned()
            } else {
                format!("{left} left")
            }
        ));
    let both = lineage::both_ways(&report.upstream, &report.downstream);
    let trees = vec![
        (
            "What stands behind it, as a tree".to_owned(),
            lineage::tree(&report.upstream),
        ),
        (
            "What it went into, as a tree".to_owned(),
            lineage::tree(&report.downstream),
        ),
    ];
    let mut stamp = vec![
        (
            "State".to_owned(),
            Rich::new().strong(report.state.as_str()),
        ),
        ("About".to_owned(), code(report.about.as_str())),
        ("Owner".to_owned(), report.owner.as_str().into()),
        ("Opened".to_owned(), report.opened.as_str().into()),
    ];
    if let Some(closed) = &report.closed {
        stamp.push(("Closed".to_owned(), closed.as_str().into()));
    }
    stamp.push((
        "Worklist, SHA-256".to_owned(),
        code(report.worklist.as_str()),
    ));
    stamp.push((
        "Audit log".to_owned(),
        format!("{} entries", facts::count(report.downstream.entries)).into(),
    ));
    Page {
        kind: "incident",
        title: format!("Incident {}: {}", report.incident, report.title),
        word: None,
        lead,
        stamp,
        sections: vec![
            section(words::WHAT_THIS_IS, what_it_is(report)),
            section(words::WHAT_WAS_FOUND, what_was_found(report)),
            section(words::WHAT_IT_MEANS, what_it_means(report)),
            section(words::WHAT_TO_DO, what_to_do(report)),
            section(
                words::WHAT_IT_CANNOT_SHOW,
                vec![Block::List(words::standing_limits())],
            ),
            section("How far the work is", vec![Block::Chart(progress(report))]),
            section(
                "Lineage",
                words::graph(
                    "What stands behind it, on the left, and what it went into, on the right",
                    &both,
                    trees,
                ),
            ),
            section(
                "Evidence: the worklist",
                vec![Block::Table(worklist(report))],
            ),
        ],
    }
}

fn what_it_is(report: &IncidentReport) -> Vec<Block> {
    vec![Block::Text(
        Rich::new()
            .text("This is the record of an incident about ")
            .code(report.about.as_str())
            .text(format!(
                ", opened on {} and answered for by {}. When it was opened, everything that it went into was listed and the list frozen; each step since stands in the audit log, with its evidence.",
                report.opened.get(..10).unwrap_or(&report.opened),
                report.owner
            )),
    )]
}

fn what_was_found(report: &IncidentReport) -> Vec<Block> {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for item in &report.items {
        let kind = item.item.split_once(':').map_or("node", |(kind, _)| kind);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let mut list: Vec<Rich> = kinds
        .into_iter()
        .map(|(kind, count)| facts::plural(count, kind).into())
        .collect();
    if list.is_empty() {
        list.push("It went into nothing that is recorded.".into());
    }
    let rows: u64 = report.items.iter().filter_map(|item| item.rows).sum();
    if rows > 0 {
        list.push(
            format!(
                "{} of data sets and files match its text, or text of models that learnt from it",
                facts::rows(rows)
            )
            .into(),
        );
    }
    if let Some(beyond) = &report.beyond {
        list.push(
            Rich::new()
                .strong("Touched since the list was made: ")
                .code(beyond.as_str()),
        );
    }
    vec![Block::List(list)]
}

fn what_it_means(report: &IncidentReport) -> Vec<Block> {
    let table = words::clauses(&report.upstream);
    let mut blocks = Vec::new();
    if table.rows.is_empty() {
        blocks.push(Block::Text(
            "No license of a generator is known, so that no clause on outputs is known to apply."
                .into(),
        ));
    } else {
        blocks.push(Block::Table(table));
    }
    if !report.ends.is_empty() {
        let lines = report.ends.iter().map(|line| line.as_str().into());
        blocks.push(Block::List(lines.collect()));
    }
    blocks
}

fn what_to_do(report: &IncidentReport) -> Vec<Block> {
    let mut steps: Vec<Rich> = report
        .items
        .iter()
        .filter(|item| item.state == "open")
        .take(ITEMS_MAX)
        .map(|item| {
            let step = Rich::new()
                .text("Settle or accept ")
                .code(item.item.as_str());
            match &item.owner {
                Some(owner) => step.text(format!(" (owner {owner})")),
                None => step.text(" (no owner stated)"),
            }
        })
        .collect();
    let unverified = report.items.iter().filter(|item| {
        item.accepted_by
            .as_ref()
            .is_some_and(|(_, verified)| !verified)
    });
    steps.extend(unverified.map(|item| {
        Rich::new()
            .text("The signature under the accepted risk of ")
            .code(item.item.as_str())
            .text(" does not verify: have it accepted again")
    }));
    if report.beyond.is_some() {
        steps.push(
            Rich::new()
                .text("Add what was touched since: ")
                .code(format!("herdbook incident update {}", report.incident)),
        );
    }
    if steps.is_empty() {
        let close = if report.closed.is_some() {
            Rich::from(
                "Nothing: every item was settled or its risk accepted, and the incident is closed.",
            )
        } else {
            Rich::new()
                .text("Every item is settled or accepted: ")
                .code(format!("herdbook incident close {}", report.incident))
        };
        return vec![Block::Text(close)];
    }
    vec![Block::Steps(steps)]
}

fn progress(report: &IncidentReport) -> Chart {
    let states = ["settled", "accepted", "open"];
    Chart {
        form: ChartForm::Bars,
        title: "Items of the worklist by state".to_owned(),
        says: states
            .map(|state| format!("{} {state}", report.count(state)))
            .join(", "),
        rows_are: "State".to_owned(),
        unit: "items".to_owned(),
        parts: vec!["items".to_owned()],
        rows: states
            .iter()
            .map(|state| ((*state).to_owned(), vec![report.count(state)]))
            .collect(),
        of: Some(report.items.len() as u64),
    }
}

fn worklist(report: &IncidentReport) -> Table {
    let mut table = Table::new(
        "Every item, what was done about it, and what shows it",
        &[
            "Item",
            "#Rows",
            "Owner",
            "State",
            "What was done",
            "Evidence",
            "#Log entry",
        ],
    );
    table.rows = report
        .items
        .iter()
        .map(|item| {
            let day = item.day.as_deref().unwrap_or_default();
            let done = match (&item.how, &item.accepted_by) {
                (Some(how), _) => Rich::new().strong(how.as_str()).text(format!(" on {day}")),
                (None, Some((person, verified))) => Rich::new()
                    .text(format!("risk taken by {person} on {day}"))
                    .text(if *verified {
                        ", signature verified"
                    } else {
                        ", signature does not verify"
                    }),
                (None, None) => Rich::new(),
            };
            let mut evidence = Rich::new();
            if let Some(check) = &item.check {
                evidence = evidence.text(format!("check {check} "));
            }
            if let Some((name, sha256)) = &item.evidence {
                evidence = evidence.text(format!("{name} ")).code(sha256.as_str());
            }
            if let Some(note) = &item.note {
                evidence = evidence.text(format!(" {note}"));
            }
            vec![
                code(item.item.as_str()),
                item.rows.map_or_else(Rich::new, number),
                item.owner.as_deref().unwrap_or("not stated").into(),
                Rich::new().strong(item.state.as_str()),
                done,
                evidence,
                item.entry.map_or_else(Rich::new, number),
            ]
        })
        .collect();
    table.cut(ITEMS_MAX, "`herdbook incident show --json` has all")
}
