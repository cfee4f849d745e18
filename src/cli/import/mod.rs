//! `herdbook import …`: what other tools wrote down, recorded as imported.
//!
//! Everything is shown before it is recorded. What is recorded says that it was imported, from which
//! file and by whom; a check that compares the texts stands beside it and may contradict it.

#![expect(
    clippy::doc_markdown,
    reason = "help is printed as it stands, without backticks"
)]

mod bundle;
mod files;
mod show;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;

use super::args::Global;
use super::args::not_blank;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::lineage::ByArgs;
use super::lineage::Draft;
use super::opened::Opened;
use super::out;
use crate::interchange;
use crate::interchange::Document;
use crate::interchange::Taken;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;

/// Statements that one import makes. Chosen: the log keeps them for ever.
const STATEMENTS_MAX: usize = 200_000;

/// `herdbook import …`
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
Everything is shown before it is recorded; --dry-run records nothing. What is
not understood is counted and named. An import is a claim of whoever wrote the
file: `herdbook check` compares the texts, and what it finds stands beside it.")]
pub enum ImportCommand {
    /// OpenLineage events: one per line, or a JSON array
    #[command(name = "openlineage")]
    OpenLineage(OpenLineageArgs),
    /// A Croissant 1.0 or 1.1 description of a data set
    Croissant(CroissantArgs),
    /// A model card (README.md) or the folder of a model
    ModelCard(ModelArgs),
    /// A dvc.lock or *.dvc file
    Dvc(DvcArgs),
    /// An MLflow run: its folder in a file store, or its JSON
    #[command(name = "mlflow")]
    MlFlow(ModelArgs),
    /// The folder of a Weights & Biases run
    Wandb(ModelArgs),
    /// Fingerprints that a partner shared, registered as the partner's claim
    Bundle(bundle::BundleArgs),
}

/// What every import has.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Show what would be recorded, and record nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// `herdbook import openlineage`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Where events say which output came from which input (lineage facet), these edges
are recorded. Where they do not, inputs and outputs meet in the run and nowhere
else.

Example:
  herdbook import openlineage events.ndjson --model-namespace hf")]
pub struct OpenLineageArgs {
    /// Files of events
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// A namespace whose data sets are models; repeat for more [those ending in .model are]
    #[arg(long = "model-namespace", value_name = "NAMESPACE", value_parser = not_blank)]
    pub models: Vec<String>,

    /// How.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `herdbook import croissant`
#[derive(Debug, Clone, Args)]
pub struct CroissantArgs {
    /// Descriptions, one of each data set
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Version of a data set whose description names none
    #[arg(long = "dataset-version", value_name = "VERSION", value_parser = not_blank)]
    pub version: Option<String>,

    /// How.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `herdbook import model-card|mlflow|wandb`
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// The file or folder
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,

    /// Id of the model that it is about, or that the run made
    #[arg(long, value_name = "ID", value_parser = not_blank)]
    pub model: Option<String>,

    /// How.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `herdbook import dvc`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
DVC knows content by MD5, which is kept as a fact. Where a file is here and has
that MD5, its SHA-256 is computed, so that checks of it are found.

Example:
  herdbook import dvc dvc.lock --model models/final=acme-chat-7b")]
pub struct DvcArgs {
    /// Files of DVC
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// An output that is a model, and its id; repeat for more
    #[arg(long = "model", value_name = "PATH=ID", value_parser = pair)]
    pub models: Vec<(String, String)>,

    /// How.
    #[command(flatten)]
    pub common: CommonArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, id)) if !path.trim().is_empty() && !id.trim().is_empty() => {
            Ok((path.to_owned(), id.to_owned()))
        }
        _ => Err("write PATH=ID, as in models/final=acme-chat-7b".to_owned()),
    }
}

pub(super) fn run(global: &Global, command: &ImportCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let mut draft = Draft::default();
    let (name, taken, common) = match command {
        ImportCommand::Bundle(args) => return bundle::run(global, &opened, args),
        ImportCommand::OpenLineage(args) => {
            let taken = each(&args.files, |document| {
                interchange::openlineage(document, &args.models).or_usage()
            })?;
            ("import openlineage", taken, &args.common)
        }
        ImportCommand::Croissant(args) => {
            let taken = each(&args.files, |document| {
                interchange::croissant(document, args.version.as_deref()).or_usage()
            })?;
            ("import croissant", taken, &args.common)
        }
        ImportCommand::ModelCard(args) => ("import model-card", card(args)?, &args.common),
        ImportCommand::Dvc(args) => ("import dvc", dvc(args, &mut draft)?, &args.common),
        ImportCommand::MlFlow(args) => ("import mlflow", mlflow(args)?, &args.common),
        ImportCommand::Wandb(args) => ("import wandb", wandb(args)?, &args.common),
    };
    record(&opened, name, taken, draft, common)
}

/// Reads files one by one.
fn each(
    paths: &[PathBuf],
    read: impl Fn(Document<'_>) -> Result<Taken, Failure>,
) -> Result<Taken, Failure> {
    let mut all = Taken::default();
    for path in paths {
        let (name, text) = files::text(path)?;
        all.join(read(Document {
            name: &name,
            text: &text,
        })?);
    }
    Ok(all)
}

fn card(args: &ModelArgs) -> Result<Taken, Failure> {
    let model = args.model.as_deref();
    if !args.file.is_dir() {
        return each(std::slice::from_ref(&args.file), |document| {
            interchange::card(document, model).or_usage()
        });
    }
    // Of a folder with weights, only what names a base is read.
    let mut texts = Vec::new();
    for name in ["README.md", "adapter_config.json", "config.json"] {
        let path = args.file.join(name);
        if path.is_file() {
            texts.push(files::text(&path)?);
        }
    }
    if texts.is_empty() {
        return Err(Failure::usage(anyhow!(
            "{} holds none of README.md, adapter_config.json and config.json: name a model card, or the folder of a model",
            args.file.display()
        )));
    }
    interchange::card_folder(&documents(&texts), model).or_usage()
}

fn documents(texts: &[(String, String)]) -> Vec<Document<'_>> {
    texts
        .iter()
        .map(|(name, text)| Document { name, text })
        .collect()
}

fn mlflow(args: &ModelArgs) -> Result<Taken, Failure> {
    let model = args.model.as_deref();
    if !args.file.is_dir() {
        return each(std::slice::from_ref(&args.file), |document| {
            interchange::mlflow_json(document, model).or_usage()
        });
    }
    let (run, experiment) = named_folder(&args.file)?;
    let mut texts = files::folder(&experiment.join(&run), &run, &["metrics", "artifacts"])?;
    let datasets = experiment.join("datasets");
    if datasets.is_dir() {
        texts.extend(files::folder(&datasets, "datasets", &[])?);
    }
    let mut taken = interchange::mlflow_folder(&documents(&texts), &run, model).or_usage()?;
    taken
        .notes
        .push("metrics and artifacts of the run were not looked at".to_owned());
    Ok(taken)
}

fn wandb(args: &ModelArgs) -> Result<Taken, Failure> {
    if !args.file.is_dir() {
        return Err(Failure::usage(anyhow!(
            "{} is no folder: name the folder of a run, wandb/run-DATE-ID",
            args.file.display()
        )));
    }
    let (folder, above) = named_folder(&args.file)?;
    // run-20261120_101112-abcd1234: the id is what stands last.
    let id = folder.rsplit('-').next().unwrap_or(&folder).to_owned();
    let texts = files::folder(&above.join(&folder), &folder, &["logs", "media", "tmp"])?;
    interchange::wandb(&documents(&texts), &id, args.model.as_deref()).or_usage()
}

/// Name of a folder, and what it stands in.
fn named_folder(path: &Path) -> Result<(String, PathBuf), Failure> {
    let real = std::fs::canonicalize(path)
        .map_err(|error| anyhow!("cannot read {}: {error}", path.display()))
        .or_undecided()?;
    match (
        real.file_name().and_then(|name| name.to_str()),
        real.parent(),
    ) {
        (Some(name), Some(above)) => Ok((name.to_owned(), above.to_owned())),
        _ => Err(Failure::usage(anyhow!(
            "{} has no name that can be read: name the folder of one run",
            path.display()
        ))),
    }
}

/// Files that DVC keeps are looked at where they are here.
fn dvc(args: &DvcArgs, draft: &mut Draft) -> Result<Taken, Failure> {
    let models: BTreeMap<String, String> = args.models.iter().cloned().collect();
    let mut all = Taken::default();
    let mut named = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for path in &args.files {
        let (name, text) = files::text(path)?;
        let document = Document {
            name: &name,
            text: &text,
        };
        let (taken, outs) = interchange::dvc(document, &models).or_usage()?;
        all.join(taken);
        let folder = path.parent().unwrap_or(Path::new(""));
        for out in outs {
            named.insert(out.path.clone());
            let Some(wanted) = &out.md5 else { continue };
            let first = seen.insert((out.node.clone(), out.path.clone()));
            if !first || is_folder(wanted) {
                continue;
            }
            let Some(found) = files::beneath(folder, &out.path)? else {
                continue;
            };
            if found.md5 != *wanted {
                all.notes.push(format!(
                    "{} is here with another content than {name} has: md5 {}, not {wanted}; its SHA-256 is not recorded",
                    out.path, found.md5
                ));
                continue;
            }
            let file = NodeRef::new(NodeKind::File, &found.sha256);
            draft.nodes.push(NodeClaim {
                node: file.clone(),
                facts: NodeFacts {
                    label: Some(out.path.clone()),
                    digest: Some(found.sha256),
                    bytes: Some(found.bytes),
                    ..NodeFacts::default()
                },
            });
            if out.node.kind == NodeKind::Dataset {
                draft.edges.push(EdgeClaim {
                    from: file,
                    edge: EdgeKind::Part,
                    to: out.node,
                    facts: EdgeFacts {
                        path: Some(out.path),
                        ..EdgeFacts::default()
                    },
                });
            }
        }
    }
    for (path, id) in &args.models {
        if !named.contains(path) {
            return Err(Failure::usage(anyhow!(
                "--model {path}={id}: no output or dependency has this path"
            )));
        }
    }
    Ok(all)
}

/// Whether an MD5 of DVC is that of a folder's listing.
fn is_folder(md5: &str) -> bool {
    md5.strip_suffix(".dir").is_some()
}

/// Shows what was read, and records it.
fn record(
    opened: &Opened,
    name: &str,
    taken: Taken,
    mut draft: Draft,
    common: &CommonArgs,
) -> Result<Exit, Failure> {
    let passed = taken.passed.clone();
    let notes = taken.notes.clone();
    let (new, between) = taken.claims();
    draft.nodes.extend(new);
    draft.edges.extend(between);
    let count = draft.nodes.len() + draft.edges.len();
    if count > STATEMENTS_MAX {
        return Err(Failure::usage(anyhow!(
            "{count} statements are more than the {STATEMENTS_MAX} of one import: divide the file"
        )));
    }
    show::harmless(&draft)?;
    out::print(&show::told(&draft))?;
    for note in &notes {
        out::note(note);
    }
    for (what, count) in &passed {
        out::note(&format!("passed over: {count} {what}"));
    }
    if count == 0 {
        out::warn("nothing in it says what was made of what: nothing is recorded");
        return Ok(Exit::Pass);
    }
    if common.dry_run {
        out::print("Nothing was recorded (--dry-run)\n")?;
        return Ok(Exit::Pass);
    }
    let entry = draft.state(opened, name, Origin::Imported, common.by.by.as_deref())?;
    out::print(&format!(
        "Recorded {count} statements, the last in entry {entry}\n"
    ))?;
    Ok(Exit::Pass)
}
