//! `herdbook deployment …`: which model version runs where.

use clap::Args;
use clap::Subcommand;
use serde::Serialize;

use super::super::args::Global;
use super::super::catalog;
use super::super::date::Date;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::models;
use super::super::out;
use super::super::table::Table;
use super::FileArgs;
use super::SignerArgs;
use super::append;
use super::license;
use super::read_ledger;
use super::today;
use crate::audit::Record;
use crate::governance::Deployed;
use crate::governance::Deployment;
use crate::governance::DeploymentState;
use crate::governance::Payload;
use crate::model::License;
use crate::model::Outcome;
use crate::model::Resolution;

/// `herdbook deployment …`
#[derive(Debug, Clone, Subcommand)]
pub enum DeploymentCommand {
    /// State that a model runs in an environment
    #[command(after_help = "\
Example:
  herdbook deployment add --model meta-llama/Llama-2-13b-chat-hf \\
      --environment prod-eu --from 2026-01-15 --as jdoe --key jdoe.pem")]
    Add(DeploymentStateArgs),
    /// State that a model no longer runs in an environment
    Retire(DeploymentStateArgs),
    /// List what runs where
    #[command(after_help = "\
Example: where do we run Llama 2?
  herdbook deployment list --license llama-2")]
    List(DeploymentListArgs),
}

/// `herdbook deployment add` and `retire`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook deployment add|retire [OPTIONS] --model ID\n       --environment NAME --as PERSON --key FILE"
)]
pub struct DeploymentStateArgs {
    /// Model id as it stands in the deployment
    #[arg(long, value_name = "ID")]
    pub model: String,

    /// Where it runs, in your words
    #[arg(long, value_name = "NAME")]
    pub environment: String,

    /// From which day on, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub from: Option<Date>,

    /// In your words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who signs.
    #[command(flatten)]
    pub signer: SignerArgs,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

/// `herdbook deployment list`
#[derive(Debug, Clone, Args)]
pub struct DeploymentListArgs {
    /// Only models that stand, or may stand, under this license
    #[arg(long, value_name = "LICENSE")]
    pub license: Option<String>,

    /// Also what was retired
    #[arg(long)]
    pub all: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

pub(in crate::cli) fn run(global: &Global, command: &DeploymentCommand) -> Result<Exit, Failure> {
    match command {
        DeploymentCommand::Add(args) => state(global, args, DeploymentState::Running),
        DeploymentCommand::Retire(args) => state(global, args, DeploymentState::Retired),
        DeploymentCommand::List(args) => list(global, args),
    }
}

fn state(
    global: &Global,
    args: &DeploymentStateArgs,
    state: DeploymentState,
) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let at = today()?;
    let deployment = Deployment {
        model: args.model.clone(),
        environment: args.environment.clone(),
        state,
        from: args
            .from
            .map_or_else(|| at.clone(), |date| date.to_string()),
        at,
        note: args.note.clone(),
    };
    append(
        global,
        &files,
        &args.signer,
        &Payload::Deployment(deployment),
        Record::Deployment,
    )?;
    let catalog = catalog::of_index(global)?;
    let resolution = catalog.resolve(&args.model);
    out::print(&format!(
        "Recorded: {} is {} in {}\n  means here  {}\n  license     {}\n",
        args.model,
        state.as_str(),
        args.environment,
        resolution.label(),
        models::licenses(&resolution),
    ))?;
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Listed {
    id: String,
    model: String,
    environment: String,
    state: &'static str,
    from: String,
    means: String,
    license: String,
    stated_by: String,
}

fn list(global: &Global, args: &DeploymentListArgs) -> Result<Exit, Failure> {
    let catalog = catalog::of_index(global)?;
    let wanted = match &args.license {
        Some(id) => Some(license(&catalog, id)?),
        None => None,
    };
    let files = args.files.find(global)?;
    let ledger = read_ledger(&files).or_undecided()?;
    let listed: Vec<Listed> = ledger
        .deployments()
        .filter(|known| args.all || known.deployment.state == DeploymentState::Running)
        .map(|known| (known, catalog.resolve(&known.deployment.model)))
        .filter(|(_, resolution)| {
            wanted
                .as_ref()
                .is_none_or(|wanted| may_stand_under(resolution, wanted))
        })
        .map(|(known, resolution)| listed(known, &resolution))
        .collect();
    if args.json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&[
        "MODEL",
        "ENVIRONMENT",
        "STATE",
        "FROM",
        "MEANS HERE",
        "LICENSE",
    ]);
    for row in listed {
        table.row([
            row.model,
            row.environment,
            row.state.to_owned(),
            row.from,
            row.means,
            row.license,
        ]);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}

/// Whether a model stands under a license, or cannot be told from one that does: an unknown model
/// is listed for every license, so that the answer is never too short.
fn may_stand_under(resolution: &Resolution, wanted: &License) -> bool {
    match &resolution.outcome {
        Outcome::Known(known) => known.licenses.iter().any(|license| license.id == wanted.id),
        Outcome::Ambiguous { candidates, .. } => {
            candidates.iter().any(|license| license.id == wanted.id)
        }
        Outcome::NotLlama { license, .. } => license
            .as_ref()
            .is_some_and(|license| license.id == wanted.id),
        Outcome::LlamaVersionUnknown => wanted.llama.is_some(),
        Outcome::Unknown => true,
    }
}

fn listed(known: &Deployed, resolution: &Resolution) -> Listed {
    Listed {
        id: known.id.clone(),
        model: known.deployment.model.clone(),
        environment: known.deployment.environment.clone(),
        state: known.deployment.state.as_str(),
        from: known.deployment.from.clone(),
        means: resolution.label(),
        license: models::licenses(resolution),
        stated_by: known.by.clone(),
    }
}
