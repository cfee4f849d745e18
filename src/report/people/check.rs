//! The report on one check, from its verdict document.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

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
use super::words;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;
use crate::model::lineage::Walk;
use crate::report::facts;
use crate::report::lineage;
use crate::report::wire::Finding;
use crate::report::wire::Level;
use crate::report::wire::ObligationState;
use crate::report::wire::Tier;
use crate::report::wire::Verdict;
use crate::report::wire::VerdictDocument;

/// Findings that are listed. Chosen: some twenty pages of paper; the verdict JSON has all.
const FINDINGS_MAX: usize = 200;
/// Inputs that are listed. Chosen.
const INPUTS_MAX: usize = 200;
/// Bars of a chart. Chosen: what is seen at once; the last one sums up the rest.
const BARS_MAX: usize = 15;
/// The parts of charts of findings, strictest first.
const LEVELS: [&str; 4] = ["block", "undecided", "flag", "note"];

/// Where a check stands in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Number of its entry.
    pub entry: u64,
    /// When it was entered, RFC 3339.
    pub time: String,
}

/// A check to be reported.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Its verdict.
    pub document: VerdictDocument,
    /// Its place in the log; `None` for a file that nobody looked up.
    pub logged: Option<Logged>,
    /// [`walk`] of the verdict, with what its models mean.
    pub traced: Traced,
}

/// What the findings of one kind have in common.
struct Group<'a> {
    first: &'a Finding,
    findings: u64,
    rows: u64,
}

/// Findings that say the same of the same generator, strictest first, then most.
fn groups(document: &VerdictDocument) -> Vec<Group<'_>> {
    type Key<'a> = (u8, &'a str, Option<&'a str>, Option<&'a str>);
    let mut by_key: BTreeMap<Key<'_>, Vec<&Finding>> = BTreeMap::new();
    for finding in &document.findings {
        let key = (
            mildness(finding.level),
            finding.code.as_str(),
            finding.model.as_deref(),
            finding.license.as_deref(),
        );
        by_key.entry(key).or_default().push(finding);
    }
    let mut groups: Vec<(u8, Group<'_>)> = by_key
        .into_iter()
        .filter_map(|((mildness, ..), findings)| {
            let rows: BTreeSet<(&str, u64)> = findings.iter().filter_map(|f| row(f)).collect();
            let group = Group {
                first: findings.first()?,
                findings: findings.len() as u64,
                rows: rows.len() as u64,
            };
            Some((mildness, group))
        })
        .collect();
    groups.sort_by_key(|(mildness, group)| (*mildness, std::cmp::Reverse(group.findings)));
    groups.into_iter().map(|(_, group)| group).collect()
}

fn mildness(level: Level) -> u8 {
    match level {
        Level::Block => 0,
        Level::Undecided => 1,
        Level::Flag => 2,
        Level::Note => 3,
    }
}

fn row(finding: &Finding) -> Option<(&str, u64)> {
    let row = finding.location.row?;
    Some((finding.location.path.as_str(), row))
}

fn all_listed(document: &VerdictDocument) -> bool {
    document.findings_total <= document.findings.len() as u64
}

/// What flows into the model that the check was for, as the verdict tells it: generators, sources,
/// files.
pub fn walk(document: &VerdictDocument) -> Walk {
    let target = match &document.target.name {
        Some(name) => NodeRef::new(NodeKind::Model, name),
        None => NodeRef::new(NodeKind::Run, "the run that this check was for"),
    };
    let mut drawing = Drawing::default();
    let root = drawing.node(target, NodeFacts::default(), 0);
    for base in &document.target.base {
        let facts = NodeFacts {
            label: Some(base.clone()),
            ..NodeFacts::default()
        };
        let base = drawing.node(NodeRef::new(NodeKind::Model, base), facts, 1);
        drawing.edge(
            base,
            root,
            EdgeKind::Base,
            Origin::Declared,
            EdgeFacts::default(),
        );
    }
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    for input in &document.inputs {
        let name = input.sha256.as_deref().unwrap_or(&input.path);
        let facts = NodeFacts {
            label: Some(input.path.clone()),
            records: Some(input.rows),
            state: input
                .sha256
                .is_none()
                .then(|| "not read to its end".to_owned()),
            ..NodeFacts::default()
        };
        let file = drawing.node(NodeRef::new(NodeKind::File, name), facts, 1);
        drawing.edge(
            file,
            root,
            EdgeKind::Input,
            Origin::Declared,
            EdgeFacts::default(),
        );
        for found in &input.sources {
            let node = NodeRef::new(NodeKind::Source, &found.source);
            let source = drawing.node(node, NodeFacts::default(), 2);
            sources.insert(&found.source, source);
            let facts = EdgeFacts {
                records: Some(found.rows),
                of: Some(input.rows),
                level: Some(words::level(found.level).to_owned()),
                ..EdgeFacts::default()
            };
            drawing.edge(source, file, EdgeKind::Contained, Origin::Found, facts);
        }
    }
    let claims = document.findings.iter().flat_map(|finding| &finding.claims);
    for claim in claims {
        if let (Some(source), Some(model)) = (sources.get(claim.source.as_str()), &claim.model) {
            let facts = NodeFacts {
                label: Some(model.clone()),
                ..NodeFacts::default()
            };
            let model = drawing.node(NodeRef::new(NodeKind::Model, model), facts, 3);
            let facts = EdgeFacts::default();
            drawing.edge(
                model,
                *source,
                EdgeKind::Generated,
                Origin::Registered,
                facts,
            );
        }
    }
    drawing.walk()
}

/// A walk that is put together by hand.
#[derive(Default)]
struct Drawing {
    places: BTreeMap<NodeRef, usize>,
    nodes: Vec<Reached>,
    edges: BTreeMap<(usize, usize, EdgeKind, Origin), EdgeFacts>,
}

impl Drawing {
    fn node(&mut self, node: NodeRef, facts: NodeFacts, depth: u32) -> usize {
        if let Some(place) = self.places.get(&node) {
            return *place;
        }
        let place = self.nodes.len();
        self.places.insert(node.clone(), place);
        self.nodes.push(Reached {
            node: Node {
                node,
                facts: Arc::new(facts),
            },
            depth,
            cut: 0,
        });
        place
    }

    fn edge(&mut self, from: usize, to: usize, kind: EdgeKind, origin: Origin, facts: EdgeFacts) {
        self.edges.insert((from, to, kind, origin), facts);
    }

    fn walk(self) -> Walk {
        Walk {
            direction: Direction::Upstream,
            depth_max: None,
            nodes: self.nodes,
            edges: self
                .edges
                .into_iter()
                .map(|((from, to, kind, origin), facts)| Hop {
                    from,
                    to,
                    kind,
                    origin,
                    facts: Arc::new(facts),
                })
                .collect(),
        }
    }
}

/// The whole report.
pub fn page(report: &CheckReport) -> Page {
    let document = &report.document;
    let verdict = words::verdict(document.verdict);
    let target = document
        .target
        .name
        .clone()
        .unwrap_or_else(|| "a model not yet named".to_owned());
    let title = match &report.logged {
        Some(logged) => format!("Check {} of training data for {target}", logged.entry),
        None => format!("Check of training data for {target}"),
    };
    let groups = groups(document);
    Page {
        kind: "check",
        title,
        word: Some(verdict.as_str().to_owned()),
        lead: lead(document, &groups),
        stamp: stamp(report),
        sections: vec![
            section(words::WHAT_THIS_IS, what_it_is(report)),
            section(words::WHAT_WAS_FOUND, what_was_found(document, &groups)),
            section(words::WHAT_IT_MEANS, what_it_means(report, &groups)),
            section(words::WHAT_TO_DO, what_to_do(document, &groups)),
            section(words::WHAT_IT_CANNOT_SHOW, cannot_show(document)),
            charts(document),
            section(
                "Lineage",
                words::graph(
                    "Where the text that matched came from, and what it would have gone into",
                    &report.traced,
                    vec![(
                        "The same as a tree, from the model back".to_owned(),
                        lineage::tree(&report.traced),
                    )],
                ),
            ),
            section("Evidence: findings", vec![Block::Table(findings(document))]),
            section("Evidence: inputs", vec![Block::Table(inputs(document))]),
            section("Evidence: duties of the target", duties(document)),
        ],
    }
}

fn lead(document: &VerdictDocument, groups: &[Group<'_>]) -> Rich {
    let tally = document.tally;
    let read = facts::rows(tally.read);
    let generators: BTreeSet<&str> = groups
        .iter()
        .filter(|group| group.first.tier.is_some())
        // The row counts are of the level that decides.
        .filter(|group| match document.verdict {
            Verdict::Flag => group.first.level == Level::Flag,
            Verdict::Block => group.first.level == Level::Block,
            Verdict::Pass | Verdict::Undecided => true,
        })
        .filter_map(|group| group.first.model.as_deref())
        .collect();
    let of = match generators.len() {
        0 => String::new(),
        1 => generators
            .first()
            .map_or_else(String::new, |model| format!(" of {model}")),
        more => format!(" of {more} models"),
    };
    match document.verdict {
        Verdict::Pass => format!(
            "No match at or above the policy's thresholds with registered output in {read}."
        ),
        Verdict::Flag if tally.flag > 0 => format!(
            "{} of {read} match registered output{of}; the policy lets that through, to be seen.",
            facts::count(tally.flag)
        ),
        Verdict::Flag => {
            "The policy lets this run through and wants what is listed below seen.".to_owned()
        }
        Verdict::Undecided => format!(
            "Undecided: {} of {read} could not be read, looked up or proven, or the check itself could not be made. This is not a pass.",
            facts::count(tally.undecided)
        ),
        Verdict::Block if tally.block > 0 => format!(
            "The policy stops this run: {} of {read} match registered output{of}.",
            facts::count(tally.block)
        ),
        Verdict::Block => {
            "The policy stops this run for what it declares; see below.".to_owned()
        }
    }
    .into()
}

fn stamp(report: &CheckReport) -> Vec<(String, Rich)> {
    let document = &report.document;
    let mut stamp = Vec::new();
    match &report.logged {
        Some(logged) => stamp.push((
            "Audit log".to_owned(),
            Rich::from(format!("entry {} of {}", logged.entry, logged.time)),
        )),
        None => stamp.push((
            "Audit log".to_owned(),
            "not looked up: this report was made from a verdict file".into(),
        )),
    }
    let as_of = Rich::from(format!(
        "{} (expiries were compared with this day)",
        document.as_of
    ));
    stamp.push(("As of".to_owned(), as_of));
    stamp.push((
        "Policy".to_owned(),
        Rich::new()
            .code(document.policy.name.as_str())
            .text(", sha256 ")
            .code(document.policy.digest.as_str()),
    ));
    stamp.push((
        "Snapshot".to_owned(),
        match &document.index {
            Some(index) => Rich::new()
                .text(format!(
                    "{}: {}, {}; any shared run of {} bytes of letters and digits is seen; sha256 ",
                    index.snapshot,
                    facts::plural(index.sources, "source"),
                    facts::plural(index.records, "record"),
                    index.guarantee_bytes
                ))
                .code(index.digest.as_str()),
            None => "none could be opened".into(),
        },
    ));
    stamp
}

fn what_it_is(report: &CheckReport) -> Vec<Block> {
    let document = &report.document;
    let mut first = Rich::new()
        .text("Before training, herdbook compared ")
        .text(facts::plural(document.inputs.len() as u64, "file"))
        .text(format!(
            " with {} in all with text that models generated and that was registered",
            facts::rows(document.tally.read)
        ));
    if let Some(index) = &document.index {
        first = first.text(format!(
            " ({} of {})",
            facts::plural(index.records, "record"),
            facts::plural(index.sources, "source")
        ));
    }
    first = first.text(". ");
    let target = &document.target;
    let mut second = Rich::new().text("The data was meant to improve ");
    second = match &target.name {
        Some(name) => second.text("the model ").code(name.as_str()),
        None => second.text("a model whose name was not yet known"),
    };
    second = if target.base.is_empty() {
        second.text(", trained from scratch")
    } else {
        second
            .text(", which starts from ")
            .code(target.base.join(" + "))
    };
    second = second.text(
        ". Whether that is allowed turns on the license of each generating model, and the policy of the organisation turns the answer into pass, flag or block.",
    );
    vec![Block::Text(first), Block::Text(second)]
}

fn what_was_found(document: &VerdictDocument, groups: &[Group<'_>]) -> Vec<Block> {
    let tally = document.tally;
    let mut items = vec![Rich::from(format!(
        "{} read: {} passed, {} flagged, {} blocked, {} undecided.",
        facts::rows(tally.read),
        facts::count(tally.pass),
        facts::count(tally.flag),
        facts::count(tally.block),
        facts::count(tally.undecided)
    ))];
    for group in groups {
        let listed = if all_listed(document) {
            facts::plural(group.findings, "finding")
        } else {
            facts::plural(group.findings, "listed finding")
        };
        let mut item = Rich::new()
            .word(words::level(group.first.level))
            .text(format!(" {listed}"));
        if group.rows > 0 {
            item = item.text(format!(" in {}", facts::rows(group.rows)));
        }
        item = match (&group.first.model, group.first.tier.is_some()) {
            (Some(model), true) => item
                .text(", matching registered output of ")
                .code(model.as_str()),
            (None, true) => item.text(", matching registered output of a model nobody named"),
            (_, false) => item,
        };
        item = match &group.first.license {
            Some(license) => item.text(", license ").code(license.as_str()),
            None => item,
        };
        items.push(item.text(format!(" ({})", group.first.code)));
    }
    if groups.is_empty() {
        items.push("No finding of any kind.".into());
    }
    if !all_listed(document) {
        items.push(Rich::from(format!(
            "{} in all; the verdict lists the first {}, and the counts of rows are of all.",
            facts::plural(document.findings_total, "finding"),
            facts::count(document.findings.len() as u64)
        )));
    }
    vec![Block::List(items)]
}

fn what_it_means(report: &CheckReport, groups: &[Group<'_>]) -> Vec<Block> {
    let document = &report.document;
    let verdict = words::verdict(document.verdict);
    let mut blocks = vec![Block::Text(facts::meaning(verdict).into())];
    let mut table = Table::new(
        "Why, and under which clause",
        &["Level", "Generator, license", "Clause", "Why"],
    );
    for group in groups {
        let first = group.first;
        let generator = match (&first.model, &first.license) {
            (Some(model), Some(license)) => Rich::new()
                .code(model.as_str())
                .text(", ")
                .code(license.as_str()),
            (Some(model), None) => Rich::new().code(model.as_str()).text(", license not known"),
            (None, Some(license)) => code(license.as_str()),
            (None, None) => "not about a license".into(),
        };
        let clause = first.clause.as_ref().map_or_else(
            || Rich::from("none is cited"),
            |c| Rich::new().clause(c.as_str()),
        );
        table.rows.push(vec![
            Rich::new().word(words::level(first.level)),
            generator,
            clause,
            Rich::new().prose(&first.reason),
        ]);
    }
    if !table.rows.is_empty() {
        blocks.push(Block::Table(table));
    }
    let clauses = words::clauses(&report.traced);
    if !clauses.rows.is_empty() {
        blocks.push(Block::Table(clauses));
    }
    blocks
}

fn what_to_do(document: &VerdictDocument, groups: &[Group<'_>]) -> Vec<Block> {
    let mut seen = BTreeSet::new();
    let mut steps: Vec<Rich> = groups
        .iter()
        .filter(|group| group.first.level != Level::Note)
        .filter(|group| seen.insert(group.first.how_to_fix.as_str()))
        .map(|group| {
            Rich::new()
                .word(words::level(group.first.level))
                .text(format!(" {}: ", group.first.code))
                .prose(&group.first.how_to_fix)
        })
        .collect();
    let open = document
        .obligations
        .iter()
        .filter(|duty| duty.state != ObligationState::Met);
    for duty in open {
        steps.push(
            Rich::new()
                .text(format!("Duty, {}: {} (", state(duty.state), duty.text))
                .clause(duty.clause.as_str())
                .text(")"),
        );
    }
    if steps.is_empty() {
        return vec![Block::Text(
            "Nothing has to be done for what this check could see. Check again when the data, the sources or the policy change.".into(),
        )];
    }
    vec![Block::Steps(steps)]
}

fn state(state: ObligationState) -> &'static str {
    match state {
        ObligationState::Met => "met",
        ObligationState::Latent => "if it is published",
        ObligationState::NotYetCheckable => "to be met",
        ObligationState::Unmet => "not met",
    }
}

fn cannot_show(document: &VerdictDocument) -> Vec<Block> {
    let mut items: Vec<Rich> = document.limits.iter().map(|l| l.as_str().into()).collect();
    items.extend(words::standing_limits());
    vec![Block::List(items)]
}

/// What was taken from where: rows where every finding is listed, findings otherwise.
fn charts(document: &VerdictDocument) -> Section {
    let mut blocks = Vec::new();
    let matched: Vec<&Finding> = document
        .findings
        .iter()
        .filter(|finding| finding.tier.is_some())
        .collect();
    if matched.is_empty() {
        let words = "No row matched, so that there is nothing to draw.";
        return section("Charts", vec![Block::Text(words.into())]);
    }
    blocks.push(Block::Chart(by_model(document, &matched)));
    let mut columns: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for finding in &matched {
        let column = finding.location.column.as_deref().unwrap_or("whole row");
        let counts = columns
            .entry(column.to_owned())
            .or_insert_with(|| vec![0; LEVELS.len()]);
        let place = LEVELS
            .iter()
            .position(|level| *level == words::level(finding.level));
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    let rows = words::most_first(columns);
    let says = rows.first().map_or_else(String::new, |(column, counts)| {
        format!(
            "Most findings are in the column {column}: {} of {}{}.",
            facts::count(counts.iter().sum()),
            facts::count(matched.len() as u64),
            if all_listed(document) { "" } else { " listed" }
        )
    });
    blocks.push(Block::Chart(
        Chart {
            form: ChartForm::Bars,
            title: "Matches over columns".to_owned(),
            says,
            rows_are: "Column".to_owned(),
            unit: "findings".to_owned(),
            parts: LEVELS.iter().map(|level| (*level).to_owned()).collect(),
            rows,
            of: Some(matched.len() as u64),
        }
        .cut(BARS_MAX),
    ));
    section("Charts", blocks)
}

fn by_model(document: &VerdictDocument, matched: &[&Finding]) -> Chart {
    let label = |model: Option<&str>, license: Option<&str>| {
        format!(
            "{} ({})",
            model.unwrap_or("model not stated"),
            license.map_or_else(|| "license not known".to_owned(), str::to_owned)
        )
    };
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (unit, whole) = if all_listed(document) {
        let rows: BTreeSet<(&str, u64, String)> = matched
            .iter()
            .filter_map(|finding| {
                let (path, row) = row(finding)?;
                let label = label(finding.model.as_deref(), finding.license.as_deref());
                Some((path, row, label))
            })
            .collect();
        let whole: BTreeSet<(&str, u64)> =
            rows.iter().map(|(path, row, _)| (*path, *row)).collect();
        let whole = whole.len() as u64;
        for (_, _, label) in rows {
            let count = counts.entry(label).or_insert_with(|| vec![0]);
            for count in count {
                *count += 1;
            }
        }
        ("matched rows", whole)
    } else {
        for model in &document.models {
            let label = label(Some(&model.model), model.license.as_deref());
            let count = counts.entry(label).or_insert_with(|| vec![0]);
            for count in count {
                *count += model.records;
            }
        }
        ("findings", document.models.iter().map(|m| m.records).sum())
    };
    let rows = words::most_first(counts);
    let says = rows.first().map_or_else(String::new, |(label, counts)| {
        let sum: u64 = counts.iter().sum();
        format!(
            "Most {unit} agree with registered output of {label}: {} of {}. A row that agrees with outputs of several models counts for each.",
            facts::count(sum),
            facts::count(whole)
        )
    });
    Chart {
        form: ChartForm::Bars,
        title: format!("Share of {unit} by model and license"),
        says,
        rows_are: "Model and license".to_owned(),
        unit: unit.to_owned(),
        parts: vec![unit.to_owned()],
        rows,
        of: Some(whole),
    }
    .cut(BARS_MAX)
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Near => "near",
        Tier::Contained => "contained",
        Tier::Exact => "exact",
    }
}

fn findings(document: &VerdictDocument) -> Table {
    let mut table = Table::new(
        "Findings, strictest first (rows count from 0)",
        &[
            "Level",
            "Where",
            "Match",
            "#Of this text",
            "#Of the output",
            "Registered as",
            "Approved",
        ],
    );
    let mut listed: Vec<&Finding> = document.findings.iter().collect();
    listed.sort_by_key(|finding| mildness(finding.level));
    for finding in listed {
        let location = &finding.location;
        let mut place = code(location.path.as_str());
        if let Some(row) = location.row {
            place = place.text(format!(" row {row}"));
        }
        if let Some(column) = &location.column {
            place = place.text(" ").code(column.as_str());
        }
        let share = |share: Option<f64>| share.map_or_else(Rich::new, |s| facts::percent(s).into());
        let registered = match finding.claims.first() {
            Some(claim) => {
                let more = finding.claims.len() - 1;
                let place = code(claim.source_record.as_str())
                    .text(" in ")
                    .code(claim.source.as_str());
                if more > 0 {
                    place.text(format!(
                        " and {}",
                        facts::plural(more as u64, "other claim")
                    ))
                } else {
                    place
                }
            }
            None => finding.reason.as_str().into(),
        };
        let approved = finding
            .approval
            .as_ref()
            .map_or_else(Rich::new, |approval| {
                Rich::new().code(approval.id.as_str()).text(format!(
                    " by {} until {}",
                    approval.approver, approval.expires
                ))
            });
        table.rows.push(vec![
            Rich::new().word(words::level(finding.level)),
            place,
            finding
                .tier
                .map_or_else(|| finding.code.clone(), |kind| tier(kind).to_owned())
                .into(),
            share(finding.share_of_row),
            share(finding.share_of_output),
            registered,
            approved,
        ]);
    }
    table.cut(FINDINGS_MAX, "the verdict JSON has them")
}

fn inputs(document: &VerdictDocument) -> Table {
    let mut table = Table::new(
        "Files, as they were checked",
        &[
            "File",
            "#Rows",
            "#Pass",
            "#Flag",
            "#Block",
            "#Undecided",
            "SHA-256",
        ],
    );
    for input in &document.inputs {
        let tally = input.tally;
        table.rows.push(vec![
            code(input.path.as_str()),
            number(input.rows),
            number(tally.pass),
            number(tally.flag),
            number(tally.block),
            number(tally.undecided),
            input
                .sha256
                .as_ref()
                .map_or_else(|| "not read to its end".into(), |sha| code(sha.as_str())),
        ]);
    }
    table.cut(INPUTS_MAX, "the verdict JSON has them")
}

fn duties(document: &VerdictDocument) -> Vec<Block> {
    let mut table = Table::new(
        "Duties of the target, from these outputs and from its base",
        &["State", "Duty", "Clause"],
    );
    for duty in &document.obligations {
        table.rows.push(vec![
            state(duty.state).into(),
            duty.text.as_str().into(),
            Rich::new().clause(duty.clause.as_str()),
        ]);
    }
    vec![Block::Table(table)]
}
