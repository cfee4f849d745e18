//! `herdbook incident …`: a worklist that is frozen, worked off and closed.
//!
//! Everything is in the audit log: what was touched when the incident was opened, each step with its
//! evidence, and who accepted which risk. What a license asks for when it ends is quoted for what it
//! speaks of, the licensor's materials, and never for outputs or models.

mod report;
mod settle;
mod show;
mod worklist;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use clap::ValueHint;

use super::super::args::Global;
use super::super::args::ListArgs;
use super::super::args::not_blank;
use super::super::date::Date;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::governance::FileArgs;
use super::super::governance::SignerArgs;
use super::super::opened::Opened;
use super::super::report::OutArgs;
use super::ByArgs;
use crate::graph::View;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// State of an incident, and of an item, that waits.
const OPEN: &str = "open";
/// State of an incident that is over.
const CLOSED: &str = "closed";
/// State of an item that was dealt with.
const SETTLED: &str = "settled";
/// State of an item whose risk somebody took.
const ACCEPTED: &str = "accepted";

/// `herdbook incident …`
#[derive(Debug, Clone, Subcommand)]
pub enum IncidentCommand {
    /// Open an incident: freeze the list of what a tainted source, data set or model went into
    #[command(after_help = "\
Example:
  herdbook incident open --source support-bot-2026-10 --owner compliance \\
      --title 'Llama 2 text in acme/mix'")]
    Open(IncidentOpenArgs),
    /// Add what was touched since the incident was opened
    Update(IncidentNamedArgs),
    /// Record what was done about items, with evidence
    #[command(after_help = "\
Examples:
  herdbook incident settle I-1 dataset:acme/mix@v3 --how rows-dropped --check 41
  herdbook incident settle I-1 deployment:acme-x#prod --how deployment-retired \\
      --evidence change-4711.pdf")]
    Settle(IncidentSettleArgs),
    /// Take the risk of items, as an approver of organization.toml
    #[command(after_help = "\
Example:
  herdbook incident accept I-1 model:acme-x --as mrossi --key mrossi.pem \\
      --reason 'research only, never distributed'")]
    Accept(IncidentAcceptArgs),
    /// Close an incident of which every item is settled or accepted
    Close(IncidentNamedArgs),
    /// List incidents
    List(ListArgs),
    /// Show an incident: its items, what was done, what is left
    Show(IncidentShowArgs),
    /// Write the incident down for people who were not there
    #[command(after_help = "\
Example:
  herdbook incident report I-1 --out incident-1.html --out incident-1.md")]
    Report(IncidentReportArgs),
    /// Write the rows to be quarantined, a CSV file per file of data
    Quarantine(IncidentQuarantineArgs),
}

/// `herdbook incident open`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook incident open [OPTIONS] --source NAME\n       \
                      herdbook incident open [OPTIONS] --node NODE",
    group(clap::ArgGroup::new("about").args(["source", "node"]).required(true))
)]
pub struct IncidentOpenArgs {
    /// The registered source that the incident is about
    #[arg(long, value_name = "NAME", value_parser = not_blank)]
    pub source: Option<String>,

    /// Or the data set or model, KIND:NAME
    #[arg(long, value_name = "NODE", value_parser = not_blank)]
    pub node: Option<String>,

    /// What happened, in a line [default: what it is about]
    #[arg(long, value_name = "TEXT", value_parser = not_blank)]
    pub title: Option<String>,

    /// Who answers for the incident [default: who states this]
    #[arg(long, value_name = "WHO", value_parser = not_blank)]
    pub owner: Option<String>,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// A command that takes an incident.
#[derive(Debug, Clone, Args)]
pub struct IncidentNamedArgs {
    /// The incident, as `herdbook incident list` prints it
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Which files; risks accepted are verified with them.
    #[command(flatten)]
    pub files: FileArgs,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// `herdbook incident settle`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook incident settle INCIDENT ITEM... --how HOW\n       \
                      [--check ENTRY] [--evidence FILE] [--note TEXT]",
    group(clap::ArgGroup::new("proof").args(["check", "evidence", "note"]).required(true).multiple(true))
)]
pub struct IncidentSettleArgs {
    /// The incident
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Items of its worklist, KIND:NAME
    #[arg(value_name = "ITEM", required = true, value_parser = not_blank)]
    pub items: Vec<String>,

    /// What was done
    #[arg(long, value_name = "HOW", value_enum)]
    pub how: How,

    /// Entry of a later check, which must not have found the incident's text again
    #[arg(long, value_name = "ENTRY")]
    pub check: Option<u64>,

    /// A document that proves it; its digest is recorded
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub evidence: Option<PathBuf>,

    /// In your words
    #[arg(long, value_name = "TEXT", value_parser = not_blank)]
    pub note: Option<String>,

    /// When it was done, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub on: Option<Date>,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// What was done about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// The rows were taken out; a later check shows it
    RowsDropped,
    /// Another version stands in its place
    Replaced,
    /// It was deleted
    Deleted,
    /// The model is no longer used
    ModelRetired,
    /// It was trained again without the data
    Retrained,
    /// It no longer runs
    DeploymentRetired,
    /// A license or grant that allows it was obtained
    Licensed,
    /// It turned out not to be touched
    NotAffected,
}

impl How {
    fn as_str(self) -> &'static str {
        match self {
            Self::RowsDropped => "rows-dropped",
            Self::Replaced => "replaced",
            Self::Deleted => "deleted",
            Self::ModelRetired => "model-retired",
            Self::Retrained => "retrained",
            Self::DeploymentRetired => "deployment-retired",
            Self::Licensed => "licensed",
            Self::NotAffected => "not-affected",
        }
    }
}

/// `herdbook incident accept`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook incident accept INCIDENT ITEM... --reason TEXT\n       \
                      --as PERSON --key FILE"
)]
pub struct IncidentAcceptArgs {
    /// The incident
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Items of its worklist, KIND:NAME
    #[arg(value_name = "ITEM", required = true, value_parser = not_blank)]
    pub items: Vec<String>,

    /// Why the risk is taken, in your words
    #[arg(long, value_name = "TEXT", value_parser = not_blank)]
    pub reason: String,

    /// Who takes it.
    #[command(flatten)]
    pub signer: SignerArgs,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

/// `herdbook incident show`
#[derive(Debug, Clone, Args)]
pub struct IncidentShowArgs {
    /// The incident
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Which files; risks accepted are verified with them.
    #[command(flatten)]
    pub files: FileArgs,

    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook incident report`
#[derive(Debug, Clone, Args)]
pub struct IncidentReportArgs {
    /// The incident
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Where it goes.
    #[command(flatten)]
    pub out: OutArgs,

    /// Which files; risks accepted are verified with them.
    #[command(flatten)]
    pub files: FileArgs,
}

/// `herdbook incident quarantine`
#[derive(Debug, Clone, Args)]
pub struct IncidentQuarantineArgs {
    /// The incident
    #[arg(value_name = "INCIDENT", value_parser = not_blank)]
    pub incident: String,

    /// Folder to write to; made where it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

pub(in crate::cli) fn run(global: &Global, command: &IncidentCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    match command {
        IncidentCommand::Open(args) => worklist::open(global, &opened, args),
        IncidentCommand::Update(args) => worklist::update(global, &opened, args),
        IncidentCommand::Settle(args) => settle::settle(&opened, args),
        IncidentCommand::Accept(args) => settle::accept(global, &opened, args),
        IncidentCommand::Close(args) => settle::close(global, &opened, args),
        IncidentCommand::List(args) => show::list(&opened, *args),
        IncidentCommand::Show(args) => show::show(global, &opened, args),
        IncidentCommand::Report(args) => report::report(global, &opened, args),
        IncidentCommand::Quarantine(args) => worklist::quarantine(&opened, args),
    }
}

/// An incident as the graph has it.
pub(in crate::cli) struct Incident {
    /// Its node.
    pub(in crate::cli) node: Node,
    /// Its items, in order of name.
    pub(in crate::cli) items: Vec<Item>,
}

/// Something that has to be settled.
pub(in crate::cli) struct Item {
    /// What it is.
    pub(in crate::cli) node: Node,
    /// How it stands.
    pub(in crate::cli) facts: EdgeFacts,
}

impl Item {
    /// Its state.
    pub(in crate::cli) fn state(&self) -> &str {
        self.facts.state.as_deref().unwrap_or(OPEN)
    }
}

impl Incident {
    /// The incident of an id.
    pub(in crate::cli) fn find(view: &View, id: &str) -> Result<Self, Failure> {
        let name = id.strip_prefix("incident:").unwrap_or(id);
        let node = NodeRef::new(NodeKind::Incident, name);
        let Some(at) = view.find(&node).or_undecided()? else {
            return Err(Failure::usage(anyhow!(
                "no incident is named {name}: `herdbook incident list` shows them"
            )));
        };
        let mut items = Vec::new();
        for seen in view.edges(at, Direction::Downstream).or_undecided()? {
            if seen.kind == EdgeKind::Affects {
                items.push(Item {
                    node: view.node(seen.other).or_undecided()?,
                    facts: std::sync::Arc::unwrap_or_clone(seen.facts),
                });
            }
        }
        items.sort_by(|a, b| a.node.node.cmp(&b.node.node));
        Ok(Self {
            node: view.node(at).or_undecided()?,
            items,
        })
    }

    /// A fact by its name.
    pub(in crate::cli) fn fact(&self, name: &str) -> &str {
        self.node.facts.more.get(name).map_or("", String::as_str)
    }

    /// Whether it is over.
    pub(in crate::cli) fn closed(&self) -> bool {
        self.node.facts.state.as_deref() == Some(CLOSED)
    }

    fn refuse_closed(&self) -> Result<(), Failure> {
        if self.closed() {
            return Err(Failure::usage(anyhow!(
                "{} is closed; open another incident for what came up since",
                self.node.node
            )));
        }
        Ok(())
    }

    /// The item of a name.
    fn item(&self, text: &str) -> Result<&Item, Failure> {
        let node = NodeRef::parse(text).or_usage()?;
        self.items
            .iter()
            .find(|item| item.node.node == node)
            .ok_or_else(|| {
                Failure::usage(anyhow!(
                    "{node} is no item of {}: `herdbook incident show {}` lists them",
                    self.node.node,
                    self.node.node.name
                ))
            })
    }
}

/// What somebody who accepts a risk signs.
fn accepted_text(origin: &str, incident: &str, item: &str, reason: &str, day: &str) -> String {
    format!("herdbook incident risk accepted v1\n{origin}\n{incident}\n{item}\n{day}\n{reason}\n")
}
