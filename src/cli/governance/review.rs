//! `herdbook review list`: what waits for a decision, by legal question; and the known findings of
//! reports, for baselines.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use serde::Serialize;

use super::super::args::Global;
use super::super::catalog;
use super::super::date::Date;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use super::FileArgs;
use super::day;
use super::read_ledger;
use super::requests::Listed;
use super::requests::table;
use crate::governance::Day;
use crate::governance::NOT_WAIVABLE;
use crate::governance::Place;
use crate::governance::Request;
use crate::governance::SIGN_OFF_CODES;
use crate::governance::Standing;
use crate::governance::State;
use crate::governance::finding_digest;
use crate::report::escape;
use crate::report::wire::Finding;
use crate::report::wire::Level;
use crate::report::wire::Ruling;
use crate::report::wire::VerdictDocument;

/// Approvals that expire within this many days are shown. Chosen: time to have them renewed.
pub(in crate::cli) const EXPIRES_SOON_DAYS: i64 = 30;

/// Largest report that is read, in bytes. Chosen: a million findings.
const REPORT_BYTES_MAX: u64 = 2 << 30;

/// Most targets and reports that a question names. Chosen: what a person reads; all are counted.
const NAMED_MAX: usize = 3;

/// `herdbook review …`
#[derive(Debug, Clone, Subcommand)]
pub enum ReviewCommand {
    /// List what waits for a decision: requests, open legal questions, approvals about to expire
    #[command(after_help = "\
Questions come from verdict JSON reports (`herdbook check … --report r.json`),
one line for each question however many records raise it.

Example:
  herdbook review list reports/*.json")]
    List(ReviewListArgs),
}

/// `herdbook review list`
#[derive(Debug, Clone, Args)]
pub struct ReviewListArgs {
    /// Verdict JSON reports to look through
    #[arg(value_name = "REPORT.json", value_hint = ValueHint::FilePath)]
    pub reports: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

#[derive(Serialize)]
struct Inbox {
    as_of: String,
    pending: Vec<Listed>,
    questions: Vec<Question>,
    expiring: Vec<Listed>,
}

/// One legal question with what it stops.
#[derive(Serialize)]
struct Question {
    #[serde(rename = "question")]
    id: String,
    license: Option<String>,
    asked: String,
    clause: Option<String>,
    /// Findings that raise it.
    findings: u64,
    targets: Vec<String>,
    reports: Vec<String>,
    /// The command that asks for a sign-off; null where no sign-off can answer it.
    request: Option<String>,
    how_to_fix: String,
}

pub(in crate::cli) fn run(global: &Global, command: &ReviewCommand) -> Result<Exit, Failure> {
    let ReviewCommand::List(args) = command;
    let files = args.files.find(global)?;
    let ledger = read_ledger(&files).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let licenses = catalog.licenses();
    let as_of = day(args.as_of)?;
    let pick = |wanted: &dyn Fn(&Request) -> bool| -> Vec<Listed> {
        ledger
            .requests()
            .iter()
            .filter(|request| wanted(request))
            .map(|request| Listed::new(request, licenses, &as_of))
            .collect()
    };
    let inbox = Inbox {
        pending: pick(&|request| request.state == State::Pending),
        questions: questions(&args.reports)?,
        expiring: pick(&|request| {
            request.standing(licenses, &as_of) == Some(Standing::InForce)
                && expires_soon(request.ask.expires(), &as_of)
        }),
        as_of,
    };
    if args.json {
        out::json(&inbox)?;
    } else {
        out::print(&rendered(&inbox, args.reports.is_empty()))?;
    }
    Ok(Exit::Pass)
}

fn expires_soon(expires: &str, as_of: &str) -> bool {
    match (Day::parse(as_of), Day::parse(expires)) {
        (Some(today), Some(expires)) => today.days_until(expires) <= EXPIRES_SOON_DAYS,
        _ => true,
    }
}

/// Reads a verdict JSON report.
fn report(path: &Path) -> Result<VerdictDocument, Failure> {
    let unreadable = || format!("cannot read the report {}", path.display());
    let size = fs::metadata(path)
        .with_context(unreadable)
        .or_usage()?
        .len();
    if size > REPORT_BYTES_MAX {
        let error = anyhow!("{} has more than {REPORT_BYTES_MAX} bytes", path.display());
        return Err(Failure::usage(error));
    }
    let bytes = fs::read(path).with_context(unreadable).or_usage()?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(anyhow!(
            "{} is no verdict JSON report: {error}; `herdbook check … --report FILE.json` writes one",
            path.display()
        ))
    })
}

/// What one decision of a report says of an open question.
struct Open<'a> {
    question: Option<&'a str>,
    license: Option<&'a str>,
    clause: Option<&'a str>,
    code: &'a str,
    reason: &'a str,
    how_to_fix: &'a str,
}

/// The needs-review decisions of a finding that stop a run, each question once.
fn open_in(finding: &Finding) -> Vec<Open<'_>> {
    let stops = |ruling: Option<Ruling>, level: Level| {
        ruling == Some(Ruling::NeedsReview) && level == Level::Block
    };
    if finding.claims.is_empty() {
        return stops(finding.ruling, finding.level)
            .then_some(Open {
                question: finding.question.as_deref(),
                license: finding.license.as_deref(),
                clause: finding.clause.as_deref(),
                code: &finding.code,
                reason: &finding.reason,
                how_to_fix: &finding.how_to_fix,
            })
            .into_iter()
            .collect();
    }
    finding
        .claims
        .iter()
        .filter(|claim| stops(claim.ruling, claim.level))
        .map(|claim| Open {
            question: claim.question.as_deref(),
            license: claim.license.as_deref(),
            clause: claim.clause.as_deref(),
            code: &claim.code,
            reason: &claim.reason,
            how_to_fix: &finding.how_to_fix,
        })
        .collect()
}

/// The question's name; where the decision has none, its license and code stand for it.
fn name(open: &Open<'_>) -> String {
    match (open.question, open.license) {
        (Some(question), _) => question.to_owned(),
        (None, Some(license)) => format!("{license}:{}", open.code),
        (None, None) => open.code.to_owned(),
    }
}

/// The half of a reason that says what is open, without the record it was found on.
fn asked(reason: &str) -> String {
    reason
        .split_once("; ")
        .map_or(reason, |(_, asked)| asked)
        .to_owned()
}

fn questions(reports: &[PathBuf]) -> Result<Vec<Question>, Failure> {
    struct Found {
        question: Question,
        targets: BTreeSet<String>,
        reports: BTreeSet<String>,
    }
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for path in reports {
        let document = report(path)?;
        let shown = path.to_string_lossy().into_owned();
        let target = match &document.target.name {
            Some(name) => name.clone(),
            None => format!("based on {}", document.target.base.join(" and ")),
        };
        for finding in &document.findings {
            let mut counted: BTreeSet<String> = BTreeSet::new();
            for open in open_in(finding) {
                let name = name(&open);
                let entry = found.entry(name.clone()).or_insert_with(|| Found {
                    question: question(name.clone(), &open, document.target.name.as_deref()),
                    targets: BTreeSet::new(),
                    reports: BTreeSet::new(),
                });
                if counted.insert(name) {
                    entry.question.findings += 1;
                }
                entry.targets.insert(target.clone());
                entry.reports.insert(shown.clone());
            }
        }
    }
    let mut questions: Vec<Question> = found
        .into_values()
        .map(|found| Question {
            targets: found.targets.into_iter().collect(),
            reports: found.reports.into_iter().collect(),
            ..found.question
        })
        .collect();
    questions.sort_by(|a, b| b.findings.cmp(&a.findings).then_with(|| a.id.cmp(&b.id)));
    Ok(questions)
}

fn question(name: String, open: &Open<'_>, target: Option<&str>) -> Question {
    let request = open
        .license
        .filter(|_| SIGN_OFF_CODES.contains(&open.code))
        .map(|license| {
            let question = match open.question {
                Some(question) => format!(" --question {question}"),
                None => String::new(),
            };
            let target = match target {
                Some(target) => format!(" --target {}", escape::shell(target)),
                None => String::new(),
            };
            format!(
                "herdbook signoff request --license {license}{question}{target} --evidence FILE \
                 --expires DATE --as PERSON --key FILE"
            )
        });
    Question {
        id: name,
        license: open.license.map(str::to_owned),
        asked: asked(open.reason),
        clause: open.clause.map(str::to_owned),
        findings: 0,
        targets: Vec::new(),
        reports: Vec::new(),
        request,
        how_to_fix: open.how_to_fix.to_owned(),
    }
}

/// The first few names, and how many more there are.
fn few(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let text = escape::terminal(&shown.join(", "));
    if more == 0 {
        text
    } else {
        format!("{text} and {more} more")
    }
}

fn rendered(inbox: &Inbox, no_reports: bool) -> String {
    let mut text = format!(
        "Requests that wait for a decision: {}\n",
        inbox.pending.len()
    );
    if !inbox.pending.is_empty() {
        text.push_str(&table(&inbox.pending));
    }
    text.push('\n');
    if no_reports {
        text.push_str(
            "Open legal questions: name verdict JSON reports to have them looked through\n",
        );
    } else {
        let line = format!("Open legal questions: {}\n", inbox.questions.len());
        text.push_str(&line);
    }
    for each in &inbox.questions {
        let (question, findings) = (escape::terminal(&each.id), each.findings);
        let lines = format!(
            "\n{question}\n  stops    {findings} findings\n  targets  {}\n  reports  {}\n  \
             asked    {}\n  clause   {}\n  next     {}\n",
            few(&each.targets),
            few(&each.reports),
            escape::terminal(&each.asked),
            escape::terminal(each.clause.as_deref().unwrap_or("none is cited")),
            escape::terminal(each.request.as_deref().unwrap_or(&each.how_to_fix)),
        );
        text.push_str(&lines);
    }
    let line = format!(
        "\nApprovals that expire within {EXPIRES_SOON_DAYS} days of {}: {}\n",
        inbox.as_of,
        inbox.expiring.len()
    );
    text.push_str(&line);
    if !inbox.expiring.is_empty() {
        text.push_str(&table(&inbox.expiring));
    }
    text
}

/// The blocked findings of reports, as a baseline lists them.
pub(super) struct Known {
    /// Digests, each once, sorted.
    pub(super) digests: Vec<String>,
    /// Blocked decisions that no digest can name.
    pub(super) left_out: u64,
}

/// Digests of every blocked claim of these reports.
pub(super) fn baseline(reports: &[PathBuf]) -> Result<Known, Failure> {
    let mut digests = BTreeSet::new();
    let mut left_out = 0;
    for path in reports {
        let document = report(path)?;
        let listed = document.findings.len() as u64;
        if document.findings_total > listed {
            return Err(Failure::usage(anyhow!(
                "{} lists {listed} of {} findings: raise findings_max in the policy and check \
                 again, so that the baseline is whole",
                path.display(),
                document.findings_total
            )));
        }
        let contents: BTreeMap<&str, &str> = document
            .inputs
            .iter()
            .filter(|input| input.path != "-")
            .filter_map(|input| Some((input.path.as_str(), input.sha256.as_deref()?)))
            .collect();
        for finding in &document.findings {
            let location = &finding.location;
            let content = contents.get(location.path.as_str());
            let place = match (content, location.row) {
                (Some(sha256), Some(row)) => Some(Place {
                    sha256,
                    row,
                    column: location.column.as_deref(),
                    unit: location.unit,
                }),
                _ => None,
            };
            let blocked = finding
                .claims
                .iter()
                .filter(|claim| claim.level == Level::Block);
            let mut any = false;
            for claim in blocked {
                any = true;
                match place {
                    Some(place) if !NOT_WAIVABLE.contains(&claim.code.as_str()) => {
                        let license = claim.license.as_deref();
                        digests.insert(finding_digest(&place, &claim.code, license));
                    }
                    Some(_) | None => left_out += 1,
                }
            }
            if finding.level == Level::Block && !any {
                left_out += 1;
            }
        }
    }
    Ok(Known {
        digests: digests.into_iter().collect(),
        left_out,
    })
}
