//! `herdbook export …`: the lineage graph in the forms that other tools read.

#![expect(
    clippy::doc_markdown,
    reason = "help is printed as it stands, without backticks"
)]

pub(super) mod bundle;
mod findings;
mod gather;
mod ledger;
mod place;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use clap::ValueHint;

use super::args::Global;
use super::args::not_blank;
use super::catalog;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::lineage::view;
use super::opened::Opened;
use super::out;
use crate::model::lineage::Direction;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Traced;
use crate::report::exports;
use crate::report::exports::CycloneDxVersion;
use crate::report::exports::EuSummary;
use crate::report::exports::tables;
use crate::report::lineage;

/// `herdbook export …`
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
The same log gives the same bytes: times are those of the log, ids are digests.
No text of a data set is ever exported, only names, numbers and digests. What
`bundle` writes is sealed and signed anew each time.")]
pub enum ExportCommand {
    /// A data set, model or run with all it came from, as a CycloneDX ML-BOM
    #[command(name = "cyclonedx")]
    CycloneDx(CycloneDxArgs),
    /// Checks, runs and everything made from something, as OpenLineage events
    #[command(name = "openlineage")]
    OpenLineage(OpenLineageArgs),
    /// A data set with its provenance, as Croissant 1.1
    Croissant(NodeArgs),
    /// The synthetic-data part of the EU training-data summary of a model
    EuSummary(EuSummaryArgs),
    /// Tables for auditors, as CSV that no spreadsheet runs
    Csv(CsvArgs),
    /// What lies upstream or downstream, as a Mermaid flowchart
    Mermaid(DrawArgs),
    /// What lies upstream or downstream, in the DOT language of Graphviz
    Dot(DrawArgs),
    /// Registered sources for a partner, as signed fingerprints without text
    Bundle(bundle::BundleArgs),
}

/// Where an export goes.
#[derive(Debug, Clone, Args)]
pub struct OutArgs {
    /// File to write, or - for standard output; a file is replaced whole or not at all
    #[arg(long, value_name = "FILE|-", value_parser = not_blank, value_hint = ValueHint::FilePath)]
    pub out: String,
}

/// `herdbook export croissant`
#[derive(Debug, Clone, Args)]
pub struct NodeArgs {
    /// What to export, as for `herdbook trace`: dataset:acme/mix@v3
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: String,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

/// `herdbook export cyclonedx`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Example:
  herdbook export cyclonedx model:acme-chat-7b --out acme-chat-7b.cdx.json")]
pub struct CycloneDxArgs {
    /// Data set, model or run, as for `herdbook trace`: model:acme-chat-7b
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: String,

    /// Version of the specification
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = SpecWord::V1_7)]
    pub spec: SpecWord,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

/// The words of `--spec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpecWord {
    /// CycloneDX 1.6
    #[value(name = "1.6")]
    V1_6,
    /// CycloneDX 1.7
    #[value(name = "1.7")]
    V1_7,
}

/// `herdbook export openlineage`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
One event per line. No event has more than one output, and every edge is written
out in the lineage facet, so that no reader has to guess inputs times outputs.

Example:
  herdbook export openlineage --namespace acme --out events.ndjson")]
pub struct OpenLineageArgs {
    /// Only what hangs together with this node [default: the whole log]
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: Option<String>,

    /// Begins the namespaces: NAMESPACE.dataset, NAMESPACE.model, …
    #[arg(long, value_name = "NAMESPACE", default_value = "herdbook", value_parser = not_blank)]
    pub namespace: String,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

/// `herdbook export eu-summary`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Fills in what the log knows of section 2.5 of the AI Office's template, and says
what it does not know. An empty register is never given out as \"no\".")]
pub struct EuSummaryArgs {
    /// The model, as for `herdbook trace`: model:acme-chat-7b
    #[arg(value_name = "MODEL", value_parser = not_blank)]
    pub node: String,

    /// JSON in place of Markdown
    #[arg(long)]
    pub json: bool,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

/// `herdbook export csv`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
RFC 4180, UTF-8. A cell that begins with = + - @ or a tab or line break has an
apostrophe before it, so that no spreadsheet takes it for a formula.

Example:
  herdbook export csv --table findings --out findings.csv")]
pub struct CsvArgs {
    /// Only what hangs together with this node [default: the whole log]
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: Option<String>,

    /// Which table
    #[arg(long, value_name = "TABLE", value_enum, default_value_t = TableWord::Edges)]
    pub table: TableWord,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

/// The words of `--table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableWord {
    /// What was made of what, by whose word
    Edges,
    /// What there is, with what is known of it
    Nodes,
    /// Every check, with its counts
    Checks,
    /// Every finding that kept verdicts list
    Findings,
}

/// `herdbook export mermaid|dot`
#[derive(Debug, Clone, Args)]
pub struct DrawArgs {
    /// What to begin at, as for `herdbook trace`
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: String,

    /// Draw what was made of it, not what it was made of
    #[arg(long)]
    pub downstream: bool,

    /// Stop after so many hops, and say what was not followed
    #[arg(long, value_name = "N")]
    pub depth: Option<u32>,

    /// Where to.
    #[command(flatten)]
    pub out: OutArgs,
}

pub(super) fn run(global: &Global, command: &ExportCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let (text, out) = match command {
        ExportCommand::Bundle(args) => return bundle::run(global, &opened, args),
        ExportCommand::CycloneDx(args) => {
            let kinds = [NodeKind::Dataset, NodeKind::Model, NodeKind::Run];
            let dossier = gather::dossier(&opened, &catalog, &args.node, &kinds)?;
            told(&dossier.traced);
            let version = match args.spec {
                SpecWord::V1_6 => CycloneDxVersion::V1_6,
                SpecWord::V1_7 => CycloneDxVersion::V1_7,
            };
            (exports::cyclonedx(&dossier, version), &args.out)
        }
        ExportCommand::Croissant(args) => {
            let dossier = gather::dossier(&opened, &catalog, &args.node, &[NodeKind::Dataset])?;
            told(&dossier.traced);
            if !dossier.parts.contains_key(&0) {
                out::warn(
                    "none of the files of this data set is recorded: the distribution is empty, and readers of Croissant may refuse it",
                );
            }
            (exports::croissant(&dossier).or_undecided()?, &args.out)
        }
        ExportCommand::EuSummary(args) => {
            let dossier = gather::dossier(&opened, &catalog, &args.node, &[NodeKind::Model])?;
            told(&dossier.traced);
            let summary = EuSummary::of(&dossier);
            let text = if args.json {
                format!(
                    "{}\n",
                    serde_json::to_string_pretty(&summary).or_undecided()?
                )
            } else {
                summary.markdown()
            };
            (text, &args.out)
        }
        ExportCommand::OpenLineage(args) => {
            let (ledger, _) = ledger::ledger(&opened, args.node.as_deref(), false)?;
            (exports::openlineage(&ledger, &args.namespace), &args.out)
        }
        ExportCommand::Csv(args) => {
            let with_findings = args.table == TableWord::Findings;
            let (ledger, found) = ledger::ledger(&opened, args.node.as_deref(), with_findings)?;
            let text = match args.table {
                TableWord::Edges => tables::edges(&ledger),
                TableWord::Nodes => tables::nodes(&ledger),
                TableWord::Checks => tables::checks(&ledger),
                TableWord::Findings => tables::findings(&found),
            };
            (text.or_undecided()?, &args.out)
        }
        ExportCommand::Mermaid(args) | ExportCommand::Dot(args) => {
            let view = view(&opened)?;
            let (id, _) = super::lineage::named(&view, &args.node)?;
            let direction = if args.downstream {
                Direction::Downstream
            } else {
                Direction::Upstream
            };
            let traced = super::lineage::trace::walked(&view, &catalog, id, direction, args.depth)?;
            told(&traced);
            let text = if matches!(command, ExportCommand::Dot(_)) {
                lineage::dot(&traced)
            } else {
                lineage::mermaid(&traced)
            };
            (text, &args.out)
        }
    };
    place::write(&out.out, &text)?;
    Ok(Exit::Pass)
}

/// What a reader of the export has to know, also where the format has no place for it.
fn told(traced: &Traced) {
    for warning in &traced.warnings {
        out::warn(warning);
    }
}
