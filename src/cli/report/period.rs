//! `herdbook report period`: the audit log, the kept verdicts and the approvals.

use std::time::SystemTime;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;

use super::super::args::Global;
use super::super::audit as log;
use super::super::catalog;
use super::super::date::Date;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::governance::EXPIRES_SOON_DAYS;
use super::super::governance::FileArgs;
use super::super::governance::read_ledger;
use super::super::lineage::coverage;
use super::super::lineage::coverage::Gaps;
use super::super::lineage::meaning;
use super::super::lineage::view;
use super::super::opened::Opened;
use super::OutArgs;
use crate::audit;
use crate::audit::Check;
use crate::audit::Record;
use crate::catalog::Catalog;
use crate::governance::Day;
use crate::governance::DeploymentState;
use crate::governance::Ledger;
use crate::governance::Request;
use crate::governance::Standing;
use crate::governance::State;
use crate::graph;
use crate::report::people::Block;
use crate::report::people::Page;
use crate::report::people::Rich;
use crate::report::people::Section;
use crate::report::people::Table;
use crate::report::people::code;
use crate::report::people::period;
use crate::report::people::period::PeriodApproval;
use crate::report::people::period::PeriodCheck;
use crate::report::people::period::PeriodDeployment;
use crate::report::people::period::PeriodEvent;
use crate::report::people::period::PeriodReport;
use crate::report::people::section;
use crate::report::wire::VerdictDocument;

/// Gaps that are listed. Chosen; `herdbook coverage` has all.
const GAPS_MAX: usize = 200;

/// `herdbook report period`
#[derive(Debug, Clone, Args)]
pub struct PeriodReportArgs {
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub from: Date,

    /// Last day, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub to: Option<Date>,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,

    /// Where it goes.
    #[command(flatten)]
    pub out: OutArgs,
}

pub(super) fn page(global: &Global, args: &PeriodReportArgs) -> Result<Page, Failure> {
    let today = || Date::of(SystemTime::now()).map_err(|error| Failure::undecided(anyhow!(error)));
    let to = match args.to {
        Some(day) => day,
        None => today()?,
    };
    if to < args.from {
        return Err(Failure::usage(anyhow!(
            "the period ends on {to}, before it begins on {}",
            args.from
        )));
    }
    let as_of = match args.as_of {
        Some(day) => day,
        None => today()?,
    };
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let files = args.files.find(global)?;
    let ledger = read_ledger(&files).or_undecided()?;
    let mut report = PeriodReport {
        from: civil(args.from)?,
        to: civil(to)?,
        as_of: as_of.to_string(),
        soon_days: EXPIRES_SOON_DAYS,
        entries: 0,
        checks: Vec::new(),
        approvals: approvals(&ledger, &catalog, &as_of.to_string()),
        deployments: deployments(&ledger, &catalog),
        events: Vec::new(),
        further: Vec::new(),
    };
    let view = view(&opened)?;
    report
        .further
        .push(not_covered(&coverage::gaps(&view, &catalog)?));
    drop(view);
    let (first, last) = (args.from.to_string(), to.to_string());
    let mut found = Vec::new();
    let read = audit::entries(&opened.dir, &opened.secrets.public(), 0, |number, entry| {
        // Times are RFC 3339 in UTC, so that days compare as texts.
        let day = entry.time.get(..10).unwrap_or_default();
        if (first.as_str()..=last.as_str()).contains(&day) {
            found.push((number, entry));
        }
    })
    .or_undecided()?;
    report.entries = read.size;
    for (entry, found) in found {
        if let Record::Check(made) = &found.record {
            report.checks.push(check(&opened, entry, found.time, made)?);
        } else {
            report.events.push(PeriodEvent {
                entry,
                time: found.time.clone(),
                kind: found.record.kind().to_owned(),
                about: log::detail(&found.record),
            });
        }
    }
    Ok(period::page(&report))
}

fn civil(day: Date) -> Result<jiff::civil::Date, Failure> {
    day.to_string()
        .parse()
        .with_context(|| format!("{day} is no day"))
        .or_usage()
}

fn check(opened: &Opened, entry: u64, time: String, made: &Check) -> Result<PeriodCheck, Failure> {
    let kept = graph::kept_verdict(&opened.dir, entry, &made.outcome).or_undecided()?;
    let document: Option<VerdictDocument> = match kept {
        Some(json) => Some(
            serde_json::from_str(&json)
                .with_context(|| format!("the kept verdict of entry {entry} cannot be read"))
                .or_undecided()?,
        ),
        None => None,
    };
    Ok(PeriodCheck {
        entry,
        time,
        verdict: made.verdict.clone(),
        target: document
            .as_ref()
            .and_then(|document| document.target.name.clone()),
        inputs: made.inputs,
        tally: made.tally.clone(),
        models: document.map(|document| {
            document
                .models
                .into_iter()
                .map(|count| (count.model, count.license, count.records))
                .collect()
        }),
    })
}

fn approvals(ledger: &Ledger, catalog: &Catalog, as_of: &str) -> Vec<PeriodApproval> {
    ledger
        .requests()
        .iter()
        .map(|request| approval(request, catalog, as_of))
        .collect()
}

fn approval(request: &Request, catalog: &Catalog, as_of: &str) -> PeriodApproval {
    let standing = request.standing(catalog.licenses(), as_of);
    let expires = request.ask.expires();
    let ends_soon = match (Day::parse(as_of), Day::parse(expires)) {
        (Some(today), Some(last)) => today.days_until(last) <= EXPIRES_SOON_DAYS,
        _ => true,
    };
    PeriodApproval {
        id: request.id.clone(),
        kind: request.ask.noun().to_owned(),
        standing: standing
            .map_or(request.state.as_str(), Standing::as_str)
            .to_owned(),
        scope: request.ask.scope(),
        requester: request.requester.clone(),
        decided_by: request.state.by().map(|by| by.person.clone()),
        expires: expires.to_owned(),
        soon: matches!(request.state, State::Approved(_))
            && standing == Some(Standing::InForce)
            && ends_soon,
    }
}

fn deployments(ledger: &Ledger, catalog: &Catalog) -> Vec<PeriodDeployment> {
    ledger
        .deployments()
        .filter(|known| known.deployment.state == DeploymentState::Running)
        .map(|known| {
            let meaning = meaning::of_model(catalog, &known.deployment.model);
            PeriodDeployment {
                model: known.deployment.model.clone(),
                environment: known.deployment.environment.clone(),
                from: known.deployment.from.clone(),
                means: meaning.means,
                licenses: meaning.licenses.into_iter().map(|terms| terms.id).collect(),
            }
        })
        .collect()
}

/// Where nothing is known as the graph stands now, so that silence is not mistaken for cleanliness.
fn not_covered(gaps: &Gaps) -> Section {
    let mut table = Table::new("What is not covered", &["Kind", "What", "What is missing"]);
    let mut add = |kind: &str, what: &str, missing: String| {
        table
            .rows
            .push(vec![Rich::from(kind), code(what), Rich::from(missing)]);
    };
    for gap in &gaps.runs {
        let mut missing = format!(
            "of {} files {} were never checked and {} only after the run began",
            gap.files, gap.never_checked, gap.checked_later
        );
        if !gap.unknown.is_empty() {
            missing = format!(
                "{missing}; {} inputs without a known file",
                gap.unknown.len()
            );
        }
        add("run", &gap.run, missing);
    }
    for gap in &gaps.runs_on_blocked {
        add(
            "run",
            &gap.run,
            format!("began all the same: {}", gap.what()),
        );
    }
    for gap in &gaps.datasets {
        let missing = format!(
            "of {} files {} were never checked",
            gap.files, gap.never_checked
        );
        add("data set", &gap.dataset, missing);
    }
    for gap in &gaps.checked_only {
        let missing = format!(
            "checked by {}, and no data set and no run has it",
            gap.check
        );
        add("file", &gap.file, missing);
    }
    for gap in &gaps.deployments {
        let missing = format!(
            "runs in {} ({}), and no output of it is registered",
            gap.environment, gap.means
        );
        add("deployment", &gap.model, missing);
    }
    for model in &gaps.models {
        let missing = "made here and running, and no output of it is registered".to_owned();
        add("model", model, missing);
    }
    let about = "As of now, not of the period: runs without a check and on rows that one had blocked, checks without a run, deployments of which no output is registered.";
    let table = table.cut(GAPS_MAX, "`herdbook coverage --json` has all");
    section(
        "What is not covered",
        vec![Block::Text(about.into()), Block::Table(table)],
    )
}
