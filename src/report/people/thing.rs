//! The report on a data set or a model: what it is made of, what that means, what came of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::page::Block;
use super::page::Chart;
use super::page::ChartForm;
use super::page::Page;
use super::page::Rich;
use super::page::Section;
use super::page::Table;
use super::page::code;
use super::page::number;
use super::page::section;
use super::parts;
use super::words;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::Meaning;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Origin;
use crate::model::lineage::Traced;
use crate::report::facts;
use crate::report::lineage;

/// Rows of a table of evidence. Chosen; `herdbook trace --json` has all.
const ROWS_MAX: usize = 300;
/// Bars of the chart. Chosen; the last one sums up the rest.
const BARS_MAX: usize = 15;

/// A check of what the report is about, or of something that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSeen {
    /// Number of its log entry.
    pub entry: u64,
    /// When, RFC 3339.
    pub time: String,
    /// `pass`, `flag`, `block`, `undecided`.
    pub verdict: String,
    /// What it was for.
    pub target: Option<String>,
    /// What was checked.
    pub of: String,
}

/// A model that stands behind the one that the report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its id, as claimed.
    pub model: String,
    /// Whether its weights went on; otherwise its outputs did.
    pub weights: bool,
    /// The shortest way to it, both ends included.
    pub way: Vec<String>,
    /// What the catalog makes of it.
    pub meaning: Meaning,
}

/// A data set or model to be reported, or any other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingReport {
    /// Everything that it is made of; itself first.
    pub upstream: Traced,
    /// Everything that it went into; itself first.
    pub downstream: Traced,
    /// Checks of it and of what it is made of, newest first.
    pub checks: Vec<CheckSeen>,
    /// Models behind a model; empty for everything else.
    pub ancestors: Vec<Ancestor>,
}

/// Registered text in a file or data set.
struct Held<'a> {
    hop: &'a Hop,
    holder: &'a Node,
    source: &'a Node,
    /// Models that generated the source, with their licenses.
    generators: Vec<(String, String)>,
}

/// Registered text in everything upstream, the node's own first.
fn held(traced: &Traced) -> Vec<Held<'_>> {
    let nodes = &traced.walk.nodes;
    let node = |place: usize| nodes.get(place).map(|reached| &reached.node);
    let mut out: Vec<Held<'_>> = traced
        .walk
        .edges
        .iter()
        .filter(|hop| hop.kind == EdgeKind::Contained)
        .filter_map(|hop| {
            let generators = traced
                .walk
                .edges
                .iter()
                .filter(|edge| edge.kind == EdgeKind::Generated && edge.to == hop.from)
                .filter_map(|edge| {
                    let licenses = words::licenses(traced.meanings.get(&edge.from));
                    Some((node(edge.from)?.label(), licenses))
                })
                .collect();
            Some(Held {
                hop,
                holder: node(hop.to)?,
                source: node(hop.from)?,
                generators,
            })
        })
        .collect();
    out.sort_by_key(|held| (held.hop.to, std::cmp::Reverse(held.hop.facts.records)));
    out
}

/// Who generated a source, in a line.
fn generators(held: &Held<'_>) -> String {
    let names: Vec<String> = held
        .generators
        .iter()
        .map(|(model, licenses)| format!("{model} ({licenses})"))
        .collect();
    if names.is_empty() {
        "model not stated".to_owned()
    } else {
        // Which of them wrote which row is not known of a source.
        names.join(" or ")
    }
}

/// The whole report.
pub fn page(report: &ThingReport) -> Page {
    let upstream = &report.upstream;
    let Some(root) = upstream.walk.nodes.first().map(|reached| &reached.node) else {
        return nothing();
    };
    let held = held(upstream);
    let found: Vec<&Held<'_>> = held
        .iter()
        .filter(|held| held.hop.origin == Origin::Found)
        .collect();
    let (kind, word) = match root.node.kind {
        NodeKind::Model => ("model", "Model"),
        NodeKind::Dataset => ("dataset", "Data set"),
        NodeKind::Source => ("source", "Source"),
        NodeKind::File => ("file", "File"),
        NodeKind::Run => ("run", "Run"),
        NodeKind::Deployment => ("deployment", "Deployment"),
        NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => ("lineage", "Lineage of"),
    };
    let both = lineage::both_ways(upstream, &report.downstream);
    let trees = vec![
        (
            "What it is made of, as a tree".to_owned(),
            lineage::tree(upstream),
        ),
        (
            "What it went into, as a tree".to_owned(),
            lineage::tree(&report.downstream),
        ),
    ];
    let mut sections = vec![
        section(words::WHAT_THIS_IS, what_it_is(root, upstream)),
        section(words::WHAT_WAS_FOUND, what_was_found(report, &held)),
        section(words::WHAT_IT_MEANS, what_it_means(upstream)),
        section(words::WHAT_TO_DO, what_to_do(report, &held)),
        section(words::WHAT_IT_CANNOT_SHOW, cannot_show(&both)),
        charts(root, &held),
        section(
            "Lineage",
            words::graph(
                "What it is made of, on the left, and what it went into, on the right",
                &both,
                trees,
            ),
        ),
        section(
            "Evidence: registered text",
            vec![Block::Table(texts(&held))],
        ),
    ];
    if root.node.kind == NodeKind::Model {
        let behind = vec![Block::Table(ancestors(&report.ancestors))];
        sections.push(section("Evidence: models behind it", behind));
    }
    sections.push(section(
        "Evidence: checks",
        vec![Block::Table(checks(&report.checks))],
    ));
    sections.push(section(
        "Evidence: what it went into",
        vec![Block::Table(downstream(&report.downstream))],
    ));
    Page {
        kind,
        title: format!("{word} {}", lineage::shown_name(root)),
        word: None,
        lead: lead(&found, upstream),
        stamp: stamp(root, upstream),
        sections,
    }
}

fn nothing() -> Page {
    Page {
        kind: "lineage",
        title: "Nothing".to_owned(),
        word: None,
        lead: "Nothing is recorded of it.".into(),
        stamp: Vec::new(),
        sections: Vec::new(),
    }
}

fn models(traced: &Traced) -> Vec<(String, String)> {
    traced
        .meanings
        .iter()
        .filter(|(place, _)| **place > 0)
        .filter_map(|(place, meaning)| {
            let node = &traced.walk.nodes.get(*place)?.node;
            Some((node.label(), words::licenses(Some(meaning))))
        })
        .collect()
}

fn lead(found: &[&Held<'_>], upstream: &Traced) -> Rich {
    let sources: BTreeSet<&str> = found
        .iter()
        .map(|held| held.source.node.name.as_str())
        .collect();
    let models = models(upstream);
    let behind = match models.as_slice() {
        [] => "no model is recorded behind it".to_owned(),
        [(model, licenses)] => format!("{model} ({licenses}) stands behind it"),
        more => format!("{} models stand behind it", more.len()),
    };
    match sources.len() {
        0 => format!("No check found registered text in what it is made of; {behind}."),
        count => format!(
            "Checks found text of {} in what it is made of; {behind}.",
            facts::plural(count as u64, "registered source")
        ),
    }
    .into()
}

fn stamp(root: &Node, traced: &Traced) -> Vec<(String, Rich)> {
    let known = &root.facts;
    let mut stamp = vec![("Recorded as".to_owned(), code(root.node.to_string()))];
    let mut add = |name: &str, value: Option<Rich>| {
        if let Some(value) = value {
            stamp.push((name.to_owned(), value));
        }
    };
    add("Rows", known.records.map(number));
    add("State", known.state.as_deref().map(Rich::from));
    add("Time", known.time.as_deref().map(Rich::from));
    add("Owner", known.owner.as_deref().map(Rich::from));
    add("Digest", known.digest.as_deref().map(code));
    add("Note", known.note.as_deref().map(Rich::from));
    for (name, value) in &known.more {
        add(name, Some(code(value.as_str())));
    }
    add(
        "Audit log",
        Some(
            format!(
                "as of {}",
                facts::plural(traced.entries, "entry").replace("entrys", "entries")
            )
            .into(),
        ),
    );
    stamp
}

fn what_it_is(root: &Node, traced: &Traced) -> Vec<Block> {
    let about = match root.node.kind {
        NodeKind::Model => {
            "a model, with everything that it was made of: base models, training data, and models whose output is in that data"
        }
        NodeKind::Dataset => {
            "a data set, with everything that it was made of: files, other data sets, and registered text of models that was found in it"
        }
        NodeKind::Source
        | NodeKind::File
        | NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => {
            "one node of the lineage graph, with everything that it was made of"
        }
    };
    let mut blocks = vec![Block::Text(Rich::from(format!(
        "This is what the register knows of {about}, and of what it went into. Some of it was declared by people, some was found by comparing texts; each connection says which."
    )))];
    let depth = traced.walk.depth();
    if traced.walk.cut() > 0 {
        blocks.push(Block::Text(Rich::from(format!(
            "Not everything is here: {} further things upstream were not followed after {}.",
            facts::count(traced.walk.cut()),
            facts::plural(u64::from(depth), "hop")
        ))));
    }
    blocks
}

fn what_was_found(report: &ThingReport, held: &[Held<'_>]) -> Vec<Block> {
    let mut items: Vec<Rich> = held
        .iter()
        .filter(|held| held.hop.origin == Origin::Found)
        .map(|held| {
            let rows = match (held.hop.facts.records, held.hop.facts.of) {
                (Some(records), Some(of)) => format!(
                    "{} of {} ({})",
                    facts::count(records),
                    facts::rows(of),
                    parts::share(records, Some(of))
                ),
                (Some(records), None) => facts::rows(records),
                (None, _) => "rows not counted".to_owned(),
            };
            let mut item = code(lineage::shown_name(held.holder))
                .text(format!(": {rows} match text of the registered source "))
                .code(held.source.label())
                .text(format!(", generated, as claimed, by {}", generators(held)));
            if let Some(level) = &held.hop.facts.level {
                item = item.text("; strictest level ").word(level.as_str());
            }
            item
        })
        .collect();
    if items.is_empty() {
        items.push("No check found registered text in it or in what it is made of. Whether it was checked at all stands under Evidence: checks.".into());
    }
    for ancestor in &report.ancestors {
        let how = if ancestor.weights {
            "its weights went on into this model"
        } else {
            "its output is in what this model was trained on"
        };
        items.push(
            Rich::new()
                .text("Behind it stands ")
                .code(ancestor.model.as_str())
                .text(format!(
                    " ({}): {how}",
                    words::licenses(Some(&ancestor.meaning))
                )),
        );
    }
    let after = report.downstream.walk.nodes.len().saturating_sub(1);
    items.push(if after == 0 {
        "Nothing is recorded that it went into.".into()
    } else {
        Rich::from(format!(
            "It went into {}, listed below.",
            facts::plural(after as u64, "other thing")
        ))
    });
    items.extend(report.upstream.warnings.iter().map(|w| w.as_str().into()));
    vec![Block::List(items.into_iter().take(ROWS_MAX).collect())]
}

fn what_it_means(upstream: &Traced) -> Vec<Block> {
    let table = words::clauses(upstream);
    if table.rows.is_empty() {
        return vec![Block::Text(
            "No model is recorded in what it is made of, so that no clause on outputs is known to apply. That nothing is recorded does not mean that nothing applies.".into(),
        )];
    }
    vec![
        Block::Text(
            "These licenses speak of the models behind it. What follows for a given use turns on the target, on how the outputs were acquired and on the readings that the organisation adopted: a check decides that, this report does not.".into(),
        ),
        Block::Table(table),
    ]
}

fn what_to_do(report: &ThingReport, held: &[Held<'_>]) -> Vec<Block> {
    let mut steps: Vec<Rich> = Vec::new();
    let blocked = held
        .iter()
        .filter(|held| held.hop.facts.level.as_deref() == Some("block"));
    for held in blocked {
        steps.push(
            Rich::new()
                .text("Take the rows that match ")
                .code(held.source.label())
                .text(" out of ")
                .code(lineage::shown_name(held.holder))
                .text(" (")
                .code("herdbook check … --clean DIR --quarantine DIR")
                .text("), or have the question decided: ")
                .code("herdbook review list"),
        );
    }
    for (held, what) in disagreements(held) {
        steps.push(
            Rich::new()
                .text(format!("{what}: "))
                .code(held.source.label())
                .text(" in ")
                .code(lineage::shown_name(held.holder))
                .text(". Correct what was declared, or find out why."),
        );
    }
    if report.checks.is_empty() {
        steps.push(
            Rich::new()
                .text("No check of it is recorded: run ")
                .code("herdbook check")
                .text(" on its files, for the model that they are to train."),
        );
    }
    let unknown: BTreeSet<String> = report
        .upstream
        .meanings
        .iter()
        .filter(|(place, meaning)| {
            **place > 0 && meaning.licenses.is_empty() && !words::is_made(&report.upstream, **place)
        })
        .filter_map(|(place, _)| Some(report.upstream.walk.nodes.get(*place)?.node.label()))
        .collect();
    for model in unknown {
        steps.push(
            Rich::new()
                .text("Find out under which license ")
                .code(model.as_str())
                .text(" stands: the catalog does not know, and what is not known needs review."),
        );
    }
    if steps.is_empty() {
        return vec![Block::Text(
            "Nothing stands open in what is recorded. Record new versions, runs and deployments as they come, and check again when sources are registered.".into(),
        )];
    }
    vec![Block::Steps(steps)]
}

/// Where what was declared and what was found disagree.
fn disagreements<'h, 'a>(held: &'h [Held<'a>]) -> Vec<(&'h Held<'a>, &'static str)> {
    let there: BTreeSet<(usize, usize, bool)> = held
        .iter()
        .map(|held| (held.hop.from, held.hop.to, held.hop.origin == Origin::Found))
        .collect();
    held.iter()
        .filter(|held| held.holder.node.kind == NodeKind::Dataset)
        .filter_map(|held| {
            let found = held.hop.origin == Origin::Found;
            if there.contains(&(held.hop.from, held.hop.to, !found)) {
                return None;
            }
            disagreement(held).map(|what| (held, what))
        })
        .collect()
}

fn disagreement(held: &Held<'_>) -> Option<&'static str> {
    match held.hop.origin {
        Origin::Found => Some("Found, and nobody declared it"),
        Origin::Declared | Origin::Imported => Some("Declared, and no check found it"),
        // A source's own file need not be checked.
        Origin::Registered => None,
    }
}

fn cannot_show(both: &Traced) -> Vec<Block> {
    let mut items = words::standing_limits();
    items.push("What nobody recorded is not here: a model or data set that is missing from the graph is missing from this report.".into());
    if both.walk.cut() > 0 {
        items.push(Rich::from(format!(
            "{} neighbours were not followed, because the walk ended there.",
            facts::count(both.walk.cut())
        )));
    }
    vec![Block::List(items)]
}

/// Rows of registered text by the models that generated it.
fn charts(root: &Node, held: &[Held<'_>]) -> Section {
    let found = || held.iter().filter(|held| held.hop.origin == Origin::Found);
    // Its own rows; where it has none, those of what it was trained on.
    let own: Vec<&Held<'_>> = found()
        .filter(|held| held.holder.node == root.node)
        .collect();
    let all: Vec<&Held<'_>> = if own.is_empty() {
        found().collect()
    } else {
        own
    };
    if all.is_empty() {
        let words = "No check found registered text, so that there is nothing to draw.";
        return section("Charts", vec![Block::Text(words.into())]);
    }
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut wholes: BTreeMap<String, u64> = BTreeMap::new();
    for held in &all {
        let rows = held.hop.facts.records.unwrap_or(0);
        let sum = counts.entry(generators(held)).or_insert_with(|| vec![0]);
        for sum in sum {
            *sum += rows;
        }
        if let Some(of) = held.hop.facts.of {
            wholes.insert(held.holder.node.to_string(), of);
        }
    }
    let whole: u64 = wholes.values().sum();
    let rows = words::most_first(counts);
    let says = rows.first().map_or_else(String::new, |(label, counts)| {
        format!(
            "Most matched rows agree with registered output of {label}: {} of {} read. A row that agrees with several sources counts for each.",
            facts::count(counts.iter().sum()),
            facts::rows(whole)
        )
    });
    let chart = Chart {
        form: ChartForm::Bars,
        title: "Rows that match registered text, by model and license".to_owned(),
        says,
        rows_are: "Model and license, as claimed".to_owned(),
        unit: "rows".to_owned(),
        parts: vec!["rows".to_owned()],
        rows,
        of: Some(whole).filter(|whole| *whole > 0),
    };
    section("Charts", vec![Block::Chart(chart.cut(BARS_MAX))])
}

fn texts(held: &[Held<'_>]) -> Table {
    let mut table = Table::new(
        "Registered text in it and in what it is made of",
        &[
            "In",
            "Source",
            "Generated by, as claimed",
            "#Rows",
            "#Of",
            "#Share",
            "Level",
            "Who says so",
        ],
    );
    for held in held {
        let known = &held.hop.facts;
        table.rows.push(vec![
            code(lineage::shown_name(held.holder)),
            code(held.source.label()),
            generators(held).into(),
            known.records.map_or_else(Rich::new, number),
            known.of.map_or_else(Rich::new, number),
            known
                .records
                .map_or_else(String::new, |records| parts::share(records, known.of))
                .into(),
            known
                .level
                .as_ref()
                .map_or_else(Rich::new, |level| Rich::new().word(level.as_str())),
            held.hop.origin.as_str().into(),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook trace --json` has all")
}

fn ancestors(ancestors: &[Ancestor]) -> Table {
    let mut table = Table::new(
        "Models behind it, nearest first",
        &["Model", "License", "How", "The way to it"],
    );
    for ancestor in ancestors {
        table.rows.push(vec![
            code(ancestor.model.as_str()),
            words::licenses(Some(&ancestor.meaning)).into(),
            if ancestor.weights {
                "weights"
            } else {
                "outputs"
            }
            .into(),
            code(ancestor.way.join(" ← ")),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook trace --json` has all")
}

fn checks(checks: &[CheckSeen]) -> Table {
    let mut table = Table::new(
        "Checks of it and of what it is made of, newest first",
        &["#Entry", "Time", "Verdict", "What was checked", "For"],
    );
    for check in checks {
        table.rows.push(vec![
            check.entry.to_string().into(),
            check.time.as_str().into(),
            Rich::new().word(check.verdict.as_str()),
            code(check.of.as_str()),
            check.target.as_ref().map_or_else(
                || "a model not yet named".into(),
                |name| code(name.as_str()),
            ),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook audit log` has all")
}

fn downstream(traced: &Traced) -> Table {
    let mut table = Table::new(
        "Everything that it went into, nearest first",
        &["#Hops", "Kind", "What", "State", "Owner"],
    );
    for reached in traced.walk.nodes.iter().skip(1) {
        let node = &reached.node;
        table.rows.push(vec![
            reached.depth.to_string().into(),
            node.node.kind.as_str().into(),
            code(lineage::shown_name(node)),
            node.facts.state.as_deref().unwrap_or_default().into(),
            node.facts.owner.as_deref().unwrap_or_default().into(),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook impact --json` has all")
}
