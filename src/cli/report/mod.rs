//! `herdbook report …`: reports for people on a check, a data set, a model, a period.
//!
//! Gathers from the audit log, kept verdicts, the lineage graph, the catalog and the approvals;
//! what a report says and how it looks is [`crate::report::people`].

mod check;
mod period;
mod thing;

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueHint;

use super::args::Global;
use super::args::not_blank;
use super::exit::Exit;
use super::exit::Failure;
use super::out;
use crate::report;
use crate::report::ReportKind;
use crate::report::WriteError;
use crate::report::people;
use crate::report::people::Page;

/// `herdbook report …`
#[derive(Debug, Clone, Subcommand)]
pub enum ReportCommand {
    /// Report on one check: what matched, under which clause, what to do
    #[command(after_help = "\
A check is named by its entry in the audit log, or by a verdict JSON file that
it wrote. Without --out a short summary is printed.

Examples:
  herdbook report check 41 --out check-41.html
  herdbook report check verdict.json --out check.md")]
    Check(CheckReportArgs),
    /// Report on a data set: what it is made of, what was found in it
    #[command(after_help = "\
Example:
  herdbook report dataset acme/mix@v3 --out mix.html --out mix.md")]
    Dataset(ThingReportArgs),
    /// Report on a model: everything behind it, everything it went into
    #[command(after_help = "\
Example:
  herdbook report model acme-chat-7b --out acme-chat-7b.html")]
    Model(ThingReportArgs),
    /// Report on a period: checks, blocks, approvals, versions in use
    #[command(after_help = "\
Example:
  herdbook report period --from 2026-10-01 --to 2026-12-31 --out q4.html")]
    Period(period::PeriodReportArgs),
}

/// Where a report goes.
#[derive(Debug, Clone, Args)]
pub struct OutArgs {
    /// Write the report: .html or .md; repeat for more [default: a summary on the terminal]
    #[arg(long = "out", value_name = "FILE", value_parser = page_path, value_hint = ValueHint::FilePath)]
    pub out: Vec<PathBuf>,
}

/// `herdbook report check`
#[derive(Debug, Clone, Args)]
pub struct CheckReportArgs {
    /// Number of the check's log entry, or a verdict JSON file
    #[arg(value_name = "N|FILE.json", value_parser = not_blank, value_hint = ValueHint::FilePath)]
    pub check: String,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArgs,
}

/// `herdbook report dataset` and `report model`
#[derive(Debug, Clone, Args)]
pub struct ThingReportArgs {
    /// NAME@VERSION of a data set, or id of a model
    #[arg(value_name = "NAME", value_parser = not_blank)]
    pub name: String,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArgs,
}

pub(super) fn run(global: &Global, command: &ReportCommand) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Check(args) => deliver(&args.out, || check::page(global, &args.check)),
        ReportCommand::Dataset(args) => {
            deliver(&args.out, || thing::page(global, "dataset", &args.name))
        }
        ReportCommand::Model(args) => {
            deliver(&args.out, || thing::page(global, "model", &args.name))
        }
        ReportCommand::Period(args) => deliver(&args.out, || period::page(global, args)),
    }
}

/// Makes a report and writes it to every file, or prints its summary. Files that are no reports of
/// ours are refused before anything is read.
pub(in crate::cli) fn deliver(
    args: &OutArgs,
    page: impl FnOnce() -> Result<Page, Failure>,
) -> Result<Exit, Failure> {
    for path in &args.out {
        report::check_stale(path).map_err(failure)?;
    }
    let page = page()?;
    for path in &args.out {
        report::write_page(path, &page).map_err(failure)?;
    }
    if args.out.is_empty() {
        out::print(&people::terminal(&page))?;
    } else {
        for path in &args.out {
            out::note(&format!("wrote {}", path.display()));
        }
    }
    Ok(Exit::Pass)
}

fn failure(error: WriteError) -> Failure {
    match error {
        WriteError::UnknownKind(_) | WriteError::NoPage(_) | WriteError::NotAReport(_) => {
            Failure::usage(error)
        }
        WriteError::Io { .. } | WriteError::Render { .. } => Failure::undecided(error),
    }
}

/// A file whose extension is that of a report for people.
fn page_path(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    match ReportKind::of(path) {
        Ok(ReportKind::Html | ReportKind::Markdown) => Ok(path.to_owned()),
        Ok(ReportKind::Json | ReportKind::Sarif) | Err(_) => {
            Err(WriteError::NoPage(path.to_owned()).to_string())
        }
    }
}
