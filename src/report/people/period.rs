//! The report on a period: what was checked, decided, registered, and what runs.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

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
use crate::report::facts;

/// Rows of a table. Chosen; `herdbook audit log --json` has all.
const ROWS_MAX: usize = 300;
/// Bars of a chart. Chosen; the last one sums up the rest.
const BARS_MAX: usize = 15;
/// Weeks that are drawn one by one; a longer period is drawn by month. Chosen: columns stay apart.
const WEEKS_MAX: usize = 60;
/// Verdicts, from below in a column.
const VERDICTS: [&str; 4] = ["block", "undecided", "flag", "pass"];

/// A check within the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodCheck {
    /// Number of its log entry.
    pub entry: u64,
    /// When, RFC 3339.
    pub time: String,
    /// `pass`, `flag`, `block`, `undecided`.
    pub verdict: String,
    /// What it was for; `None` where it had no name or the verdict was not kept.
    pub target: Option<String>,
    /// Files.
    pub inputs: u64,
    /// Rows by verdict.
    pub tally: BTreeMap<String, u64>,
    /// Findings by model and license; `None` where the verdict was not kept.
    pub models: Option<Vec<(String, Option<String>, u64)>>,
}

/// A sign-off, waiver or switched reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodApproval {
    /// Id of the request.
    pub id: String,
    /// `sign-off`, `waiver`, `baseline`, `reading`.
    pub kind: String,
    /// `pending`, `in force`, `expired`, …
    pub standing: String,
    /// What for, in a few words.
    pub scope: String,
    /// Who asked.
    pub requester: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    pub expires: String,
    /// Whether it is in force and ends within [`PeriodReport::soon_days`].
    pub soon: bool,
}

/// A model that runs somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodDeployment {
    /// Model id.
    pub model: String,
    /// Where.
    pub environment: String,
    /// Since when.
    pub from: String,
    /// What the catalog makes of it.
    pub means: String,
    /// Its licenses; empty where none is known.
    pub licenses: Vec<String>,
}

/// Something else that the log holds of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodEvent {
    /// Number of its log entry.
    pub entry: u64,
    /// When.
    pub time: String,
    /// What kind of entry.
    pub kind: String,
    /// What it says, in a few words.
    pub about: String,
}

/// A period to be reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodReport {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// The day that expiries are compared with.
    pub as_of: String,
    /// An approval that ends within so many days ends soon.
    pub soon_days: i64,
    /// Entries that the log has.
    pub entries: u64,
    /// Checks of the period, oldest first.
    pub checks: Vec<PeriodCheck>,
    /// Every approval and request, whenever it was made.
    pub approvals: Vec<PeriodApproval>,
    /// What runs now.
    pub deployments: Vec<PeriodDeployment>,
    /// Other entries of the period, oldest first.
    pub events: Vec<PeriodEvent>,
    /// Further sections: what is checked without a run, and the like.
    pub further: Vec<Section>,
}

impl PeriodReport {
    fn of(&self, verdict: &str) -> Vec<&PeriodCheck> {
        self.checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .collect()
    }

    fn soon(&self) -> Vec<&PeriodApproval> {
        self.approvals.iter().filter(|it| it.soon).collect()
    }
}

/// The whole report.
pub fn page(report: &PeriodReport) -> Page {
    let mut sections = vec![
        section(words::WHAT_THIS_IS, what_it_is(report)),
        section(words::WHAT_WAS_FOUND, what_was_found(report)),
        section(words::WHAT_IT_MEANS, what_it_means(report)),
        section(words::WHAT_TO_DO, what_to_do(report)),
        section(words::WHAT_IT_CANNOT_SHOW, cannot_show(report)),
        section("Charts", charts(report)),
    ];
    sections.extend(report.further.iter().cloned());
    sections.push(section(
        "Evidence: blocks",
        vec![Block::Table(checks(
            "Checks that blocked",
            &report.of("block"),
        ))],
    ));
    sections.push(section("Evidence: approvals", approvals(report)));
    sections.push(section(
        "Evidence: versions in use",
        vec![Block::Table(deployments(report))],
    ));
    let all: Vec<&PeriodCheck> = report.checks.iter().collect();
    sections.push(section(
        "Evidence: all checks",
        vec![Block::Table(checks("Checks of the period", &all))],
    ));
    sections.push(section(
        "Evidence: what else was done",
        vec![Block::Table(events(report))],
    ));
    Page {
        kind: "period",
        title: format!("Checks and approvals, {} to {}", report.from, report.to),
        word: None,
        lead: lead(report),
        stamp: vec![
            (
                "Period".to_owned(),
                format!("{} to {}, both days included, UTC", report.from, report.to).into(),
            ),
            (
                "As of".to_owned(),
                format!("{} (expiries are compared with this day)", report.as_of).into(),
            ),
            (
                "Audit log".to_owned(),
                format!(
                    "read and verified to its entry {}",
                    report.entries.saturating_sub(1)
                )
                .into(),
            ),
        ],
        sections,
    }
}

fn lead(report: &PeriodReport) -> Rich {
    let blocks = report.of("block").len() as u64;
    let soon = report.soon().len() as u64;
    format!(
        "{} were made, {} blocked; {} soon.",
        facts::plural(report.checks.len() as u64, "check"),
        facts::count(blocks),
        if soon == 1 {
            "1 approval ends".to_owned()
        } else {
            format!("{} approvals end", facts::count(soon))
        }
    )
    .into()
}

fn what_it_is(report: &PeriodReport) -> Vec<Block> {
    vec![Block::Text(Rich::from(format!(
        "An account of what the gate did from {} to {}: which training data was checked, what was stopped, who asked for and granted exceptions, and which model versions are stated to run. It is read from the audit log, in which nothing can be changed without being seen, and from the signed approvals.",
        report.from, report.to
    )))]
}

fn what_was_found(report: &PeriodReport) -> Vec<Block> {
    let mut items = Vec::new();
    for verdict in VERDICTS {
        let checks = report.of(verdict);
        let rows: u64 = checks
            .iter()
            .filter_map(|check| check.tally.get("read"))
            .sum();
        items.push(Rich::new().word(verdict).text(format!(
            " {}, {} read",
            facts::plural(checks.len() as u64, "check"),
            facts::rows(rows)
        )));
    }
    let mut standing: BTreeMap<&str, u64> = BTreeMap::new();
    for approval in &report.approvals {
        *standing.entry(approval.standing.as_str()).or_default() += 1;
    }
    let standing: Vec<String> = standing
        .iter()
        .map(|(standing, count)| format!("{count} {standing}"))
        .collect();
    items.push(Rich::from(if standing.is_empty() {
        "No sign-off, waiver or switched reading was ever asked for.".to_owned()
    } else {
        format!(
            "Sign-offs, waivers and switched readings, as of {}: {}.",
            report.as_of,
            standing.join(", ")
        )
    }));
    items.push(Rich::from(format!(
        "{} of {} stated to run.",
        facts::plural(report.deployments.len() as u64, "deployment"),
        facts::plural(by_license(report).len() as u64, "license")
    )));
    vec![Block::List(items)]
}

fn what_it_means(report: &PeriodReport) -> Vec<Block> {
    let mut table = Table::new(
        "Findings by model and license, over the checks of the period",
        &["Model", "License", "#Findings", "#Checks"],
    );
    let mut sums: BTreeMap<(&str, Option<&str>), (u64, u64)> = BTreeMap::new();
    for check in &report.checks {
        for (model, license, findings) in check.models.iter().flatten() {
            let sum = sums.entry((model, license.as_deref())).or_default();
            sum.0 += findings;
            sum.1 += 1;
        }
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    for ((model, license), (findings, checks)) in rows {
        table.rows.push(vec![
            code(model),
            license.map_or_else(|| "not known".into(), code),
            number(findings),
            number(checks),
        ]);
    }
    vec![
        Block::Text(
            "A block is the organisation's policy under its adopted readings of the licenses; a flag is a match that the policy lets through, to be seen. The clause of each finding stands in the report of its check.".into(),
        ),
        Block::Text(Rich::new().text("For the clause of a license: ").code("herdbook licenses show LICENSE").text(". For a check: ").code("herdbook report check ENTRY --out check.html").text(".")),
        Block::Table(table.cut(ROWS_MAX, "`herdbook audit log --json` names every check")),
    ]
}

fn what_to_do(report: &PeriodReport) -> Vec<Block> {
    let mut steps = Vec::new();
    for approval in report.soon() {
        steps.push(
            Rich::new()
                .text(format!(
                    "Renew or let end by {}: {} ",
                    approval.expires, approval.kind
                ))
                .code(approval.id.as_str())
                .text(format!(" ({})", approval.scope)),
        );
    }
    for approval in &report.approvals {
        if approval.standing == "pending" {
            steps.push(
                Rich::new()
                    .text(format!("Decide on the {} ", approval.kind))
                    .code(approval.id.as_str())
                    .text(format!(
                        ", asked for by {}: {}",
                        approval.requester, approval.scope
                    )),
            );
        }
    }
    let undecided = report.of("undecided").len();
    if undecided > 0 {
        steps.push(Rich::from(format!(
            "See to the {}: the gate stayed closed, and nothing is known of what was not read.",
            facts::plural(undecided as u64, "undecided check")
        )));
    }
    for place in &report.deployments {
        if place.licenses.is_empty() {
            steps.push(
                Rich::new()
                    .text("Find out under which license ")
                    .code(place.model.as_str())
                    .text(format!(" stands, which runs in {}", place.environment)),
            );
        }
    }
    if steps.is_empty() {
        return vec![Block::Text("Nothing waits in what is recorded.".into())];
    }
    vec![Block::Steps(steps)]
}

fn cannot_show(report: &PeriodReport) -> Vec<Block> {
    let mut items = words::standing_limits();
    items.push("Data that nobody checked, runs that nobody recorded and deployments that nobody stated are not here: silence is no cleanliness.".into());
    items.push("A file that was checked twice counts twice.".into());
    let not_kept = report
        .checks
        .iter()
        .filter(|check| check.models.is_none())
        .count() as u64;
    if not_kept > 0 {
        items.push(Rich::from(format!(
            "Of {} the verdict was not kept: it counts in the numbers of checks and rows, and is missing where models are named.",
            facts::plural(not_kept, "check")
        )));
    }
    vec![Block::List(items)]
}

fn charts(report: &PeriodReport) -> Vec<Block> {
    let mut blocks = vec![Block::Chart(trend(report))];
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for check in &report.checks {
        for (model, license, findings) in check.models.iter().flatten() {
            let license = license.as_deref().unwrap_or("license not known");
            let sum = counts
                .entry(format!("{model} ({license})"))
                .or_insert_with(|| vec![0]);
            for sum in sum {
                *sum += findings;
            }
        }
    }
    let rows = words::most_first(counts);
    let whole = rows.iter().flat_map(|(_, counts)| counts).sum();
    if let Some((most, _)) = rows.first() {
        let says = format!("Most findings are of {most}.");
        let chart = Chart {
            form: ChartForm::Bars,
            title: "Share of findings by model and license".to_owned(),
            says,
            rows_are: "Model and license".to_owned(),
            unit: "findings".to_owned(),
            parts: vec!["findings".to_owned()],
            rows,
            of: Some(whole),
        };
        blocks.push(Block::Chart(chart.cut(BARS_MAX)));
    }
    let rows = words::most_first(
        by_license(report)
            .into_iter()
            .map(|(license, count)| (license, vec![count]))
            .collect(),
    );
    if let Some((most, _)) = rows.first() {
        let chart = Chart {
            form: ChartForm::Bars,
            title: "Versions in use: deployments by license".to_owned(),
            says: format!("Most deployments run a model under {most}."),
            rows_are: "License".to_owned(),
            unit: "deployments".to_owned(),
            parts: vec!["deployments".to_owned()],
            rows,
            of: Some(report.deployments.len() as u64),
        };
        blocks.push(Block::Chart(chart.cut(BARS_MAX)));
    }
    blocks
}

fn by_license(report: &PeriodReport) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for place in &report.deployments {
        let name = if place.licenses.is_empty() {
            "license not known".to_owned()
        } else {
            place.licenses.join(" or ")
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Checks by week, stacked by verdict; weeks begin on Monday.
fn trend(report: &PeriodReport) -> Chart {
    let weeks = beginnings(report, week, 7.days());
    let (starts, begin, every): (Vec<Date>, fn(Date) -> Date, &str) = if weeks.len() > WEEKS_MAX {
        (beginnings(report, month, 1.month()), month, "month")
    } else {
        (weeks, week, "week")
    };
    let mut rows: Vec<(Date, Vec<u64>)> = starts
        .into_iter()
        .map(|start| (start, vec![0; VERDICTS.len()]))
        .collect();
    for check in &report.checks {
        // The log's own times are well formed; one that is not is in no week.
        let Ok(day) = check.time.get(..10).unwrap_or_default().parse::<Date>() else {
            continue;
        };
        let verdict = VERDICTS.iter().position(|word| *word == check.verdict);
        let row = rows.iter_mut().find(|(start, _)| *start == begin(day));
        if let (Some(verdict), Some((_, counts))) = (verdict, row)
            && let Some(count) = counts.get_mut(verdict)
        {
            *count += 1;
        }
    }
    let busiest = rows
        .iter()
        .max_by_key(|(start, counts)| (counts.iter().sum::<u64>(), std::cmp::Reverse(*start)));
    let says = busiest.map_or_else(String::new, |(start, counts)| {
        format!(
            "Most checks, {}, were made in the {every} from {start}; {} of {} checks of the period blocked.",
            counts.iter().sum::<u64>(),
            report.of("block").len(),
            report.checks.len()
        )
    });
    Chart {
        form: ChartForm::Columns,
        title: format!("Checks by {every}, by verdict"),
        says,
        rows_are: format!("The {every} from"),
        unit: "checks".to_owned(),
        parts: VERDICTS.iter().map(|word| (*word).to_owned()).collect(),
        rows: rows
            .into_iter()
            .map(|(start, counts)| (start.to_string(), counts))
            .collect(),
        of: None,
    }
}

fn week(day: Date) -> Date {
    let since = i64::from(day.weekday().to_monday_zero_offset());
    day.saturating_sub(since.days())
}

fn month(day: Date) -> Date {
    day.first_of_month()
}

/// The first days of the weeks or months that the period touches.
fn beginnings(report: &PeriodReport, begin: fn(Date) -> Date, step: jiff::Span) -> Vec<Date> {
    let mut starts = Vec::new();
    let mut at = begin(report.from);
    while at <= report.to {
        starts.push(at);
        let next = at.saturating_add(step);
        if next <= at {
            break;
        }
        at = next;
    }
    starts
}

fn checks(caption: &str, checks: &[&PeriodCheck]) -> Table {
    let mut table = Table::new(
        caption,
        &[
            "#Entry", "Time", "Verdict", "For", "#Files", "#Rows", "#Blocked", "#Flagged",
        ],
    );
    for check in checks {
        let rows = |name: &str| number(check.tally.get(name).copied().unwrap_or(0));
        table.rows.push(vec![
            check.entry.to_string().into(),
            check.time.as_str().into(),
            Rich::new().word(check.verdict.as_str()),
            check.target.as_ref().map_or_else(
                || {
                    if check.models.is_some() {
                        "a model not yet named".into()
                    } else {
                        "not kept".into()
                    }
                },
                |name| code(name.as_str()),
            ),
            number(check.inputs),
            rows("read"),
            rows("block"),
            rows("flag"),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook audit log --json` has all")
}

fn approvals(report: &PeriodReport) -> Vec<Block> {
    let listed = |caption: &str, which: Vec<&PeriodApproval>| {
        let mut table = Table::new(
            caption,
            &[
                "Id",
                "Kind",
                "Standing",
                "Until",
                "Asked by",
                "Decided by",
                "Scope",
            ],
        );
        for approval in which {
            table.rows.push(vec![
                code(approval.id.as_str()),
                approval.kind.as_str().into(),
                approval.standing.as_str().into(),
                approval.expires.as_str().into(),
                approval.requester.as_str().into(),
                approval.decided_by.as_deref().unwrap_or_default().into(),
                approval.scope.as_str().into(),
            ]);
        }
        Block::Table(table.cut(ROWS_MAX, "the lists of the commands have all"))
    };
    vec![
        listed(
            &format!("In force, and ending within {} days", report.soon_days),
            report.soon(),
        ),
        listed(
            "Every sign-off, waiver and switched reading",
            report.approvals.iter().collect(),
        ),
    ]
}

fn deployments(report: &PeriodReport) -> Table {
    let mut table = Table::new(
        "What runs where, as stated",
        &["Model", "Where", "Since", "Means here", "License"],
    );
    for place in &report.deployments {
        table.rows.push(vec![
            code(place.model.as_str()),
            place.environment.as_str().into(),
            place.from.as_str().into(),
            place.means.as_str().into(),
            if place.licenses.is_empty() {
                "not known".into()
            } else {
                code(place.licenses.join(" or "))
            },
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook deployment list` has all")
}

fn events(report: &PeriodReport) -> Table {
    let mut table = Table::new(
        "Other entries of the audit log",
        &["#Entry", "Time", "What", "About"],
    );
    for event in &report.events {
        table.rows.push(vec![
            event.entry.to_string().into(),
            event.time.as_str().into(),
            event.kind.as_str().into(),
            event.about.as_str().into(),
        ]);
    }
    table.cut(ROWS_MAX, "`herdbook audit log --json` has all")
}
