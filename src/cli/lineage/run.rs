//! `herdbook run …`: training runs, what they read and what they made.

use std::path::Path;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use serde::Serialize;

use super::super::args::Global;
use super::super::args::ListArgs;
use super::super::args::not_blank;
use super::super::attest;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened;
use super::super::opened::Opened;
use super::super::out;
use super::super::table::Table;
use super::super::target;
use super::ByArgs;
use super::Draft;
use super::coverage;
use super::coverage::BlockedInput;
use super::dataset;
use super::files;
use super::named;
use super::trace;
use super::view;
use crate::attest::accept::Given;
use crate::graph::View;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::target::Target;
use crate::report::escape;
use crate::report::lineage;
use crate::trainer;
use crate::trainer::Request;

/// State of a run that was started.
const STARTED: &str = "started";
/// State of a run that made its model.
const FINISHED: &str = "finished";
/// State of a run that made none.
const FAILED: &str = "failed";

/// `herdbook run …`
#[derive(Debug, Clone, Subcommand)]
pub enum RunCommand {
    /// Record that a training run begins: its inputs and its target
    #[command(after_help = "\
Inputs are data sets (NAME@VERSION) or paths; files are known by their content,
so that a check of the same bytes is found. --from takes inputs and target from
the configuration of a trainer.

Examples:
  herdbook run start 2026-11-20-sft --input acme/mix@v3 --target target.toml
  herdbook run start 2026-11-20-sft --from axolotl.yml")]
    Start(RunStartArgs),
    /// Record how a run ended, and the model that it made
    #[command(after_help = "\
Examples:
  herdbook run finish 2026-11-20-sft --model acme-chat-7b
  herdbook run finish 2026-11-21-sft --failed")]
    Finish(RunFinishArgs),
    /// List runs
    List(ListArgs),
    /// Show a run: inputs, checks, what it made, where that went
    Show(RunShowArgs),
}

/// `herdbook run start`
#[derive(Debug, Clone, Args)]
pub struct RunStartArgs {
    /// Name of the run; no other run has it
    #[arg(value_name = "NAME", value_parser = not_blank)]
    pub name: String,

    /// A data set (NAME@VERSION), source, or path that it reads; repeat for more
    #[arg(long = "input", value_name = "NODE|PATH", value_parser = not_blank)]
    pub inputs: Vec<String>,

    /// The model that it improves, as a file
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub target: Option<PathBuf>,

    /// The model that it starts from, by its id
    #[arg(long, value_name = "ID", conflicts_with = "target", value_parser = not_blank)]
    pub target_model: Option<String>,

    /// The configuration of a trainer, which names inputs and target
    #[arg(long, value_name = "[FORMAT:]CONFIG", value_parser = not_blank)]
    pub from: Option<String>,

    /// Attestation of a check; it must hold for every file read, and for the target
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub attestation: Option<PathBuf>,

    /// Public key that the attestation must be signed by [default: this index's]
    #[arg(long = "key", value_name = "FILE.pub", requires = "attestation", value_hint = ValueHint::FilePath)]
    pub keys: Vec<PathBuf>,

    /// Who answers for it
    #[arg(long, value_name = "WHO", value_parser = not_blank)]
    pub owner: Option<String>,

    /// In your words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// `herdbook run finish`
#[derive(Debug, Clone, Args)]
pub struct RunFinishArgs {
    /// Name of the run
    #[arg(value_name = "NAME", value_parser = not_blank)]
    pub name: String,

    /// The model that it made, by the id that it will carry [default: the target's name]
    #[arg(long, value_name = "ID", conflicts_with = "failed", value_parser = not_blank)]
    pub model: Option<String>,

    /// It made none
    #[arg(long)]
    pub failed: bool,

    /// In your words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// `herdbook run show`
#[derive(Debug, Clone, Args)]
pub struct RunShowArgs {
    /// Name of the run
    #[arg(value_name = "NAME", value_parser = not_blank)]
    pub name: String,

    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

pub(in crate::cli) fn run(global: &Global, command: &RunCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    match command {
        RunCommand::Start(args) => start(global, &opened, args),
        RunCommand::Finish(args) => finish(&opened, args),
        RunCommand::List(args) => list(&opened, *args),
        RunCommand::Show(args) => show(global, &opened, args),
    }
}

fn start(global: &Global, opened: &Opened, args: &RunStartArgs) -> Result<Exit, Failure> {
    let node = NodeRef::new(NodeKind::Run, &args.name);
    let view = view(opened)?;
    if view.find(&node).or_undecided()?.is_some() {
        return Err(Failure::usage(anyhow!(
            "a run is named {} already: give this one another name",
            args.name
        )));
    }
    let mut inputs = args.inputs.clone();
    let mut target = match (&args.target, &args.target_model) {
        (None, None) => None,
        (file, model) => Some(target::of(file.as_deref(), model.as_deref())?),
    };
    let mut remote = Vec::new();
    if let Some(config) = &args.from {
        let working = Path::new("");
        let request = Request::parse(config, working);
        let recognised = trainer::recognise(&request, working).or_usage()?;
        inputs.extend(recognised.inputs.iter().map(|input| input.path.clone()));
        remote.extend(recognised.remote.iter().map(|remote| remote.id.clone()));
        target = target.or(recognised.target);
        for note in &recognised.notes {
            out::note(note);
        }
    }
    if inputs.is_empty() && remote.is_empty() {
        return Err(Failure::usage(anyhow!(
            "a run reads something: name it with --input, or a configuration with --from"
        )));
    }
    let mut draft = Draft::default();
    let mut paths = Vec::new();
    for input in &inputs {
        match named(&view, input) {
            Ok((_, found)) => draft.edges.push(input_edge(&readable(found)?, &node, None)),
            Err(_) if dataset::is_path(input) => paths.push(input.clone()),
            Err(failure) => return Err(failure),
        }
    }
    for file in files::hashed(&paths)? {
        draft.nodes.push(file.claim());
        let path = Some(file.path.clone());
        draft.edges.push(input_edge(&file.node(), &node, path));
    }
    for id in &remote {
        out::note(&format!(
            "{id} is not on this machine: it is recorded by its name, and what stands in it is not known"
        ));
        draft
            .edges
            .push(input_edge(&NodeRef::dataset(id, ""), &node, None));
    }
    let mut facts = NodeFacts {
        state: Some(STARTED.to_owned()),
        time: Some(opened::now()?),
        owner: args.owner.clone(),
        note: args.note.clone(),
        ..NodeFacts::default()
    };
    match &target {
        Some(target) => aim(target, &node, &mut facts, &mut draft),
        None => out::note(
            "no target was stated, so that the graph does not know what this run starts from: give --target or --target-model",
        ),
    }
    if let Some(attestation) = &args.attestation {
        let data = attested(&view, &draft)?;
        let accepted = attest::accepted(global, attestation, &args.keys, &data, target.as_ref())?;
        facts.more.extend([
            ("attestation".to_owned(), accepted.statement),
            ("attested".to_owned(), accepted.verdict.as_str().to_owned()),
            ("attested_until".to_owned(), accepted.expires),
            ("attested_by".to_owned(), accepted.key_id),
        ]);
    }
    draft.nodes.push(NodeClaim {
        node: node.clone(),
        facts,
    });
    drop(view);
    let count = draft
        .edges
        .iter()
        .filter(|e| e.edge == EdgeKind::Input)
        .count();
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "run start", Origin::Declared, by)?;
    out::print(&format!(
        "Recorded {} in entry {entry}\n  inputs  {count}\n",
        escape::terminal(&node.to_string())
    ))?;
    warn_of_blocked(opened, &node);
    Ok(Exit::Pass)
}

/// Says what a check had blocked of what a run reads. The run stands in the log whatever comes of it.
fn warn_of_blocked(opened: &Opened, run: &NodeRef) {
    match blocked_before(opened, run) {
        Ok(blocked) => blocked.iter().for_each(|input| out::warn(&input.what())),
        Err(failure) => out::warn(&format!(
            "whether a check had blocked what this run reads could not be looked up: {}",
            failure.error
        )),
    }
}

/// What a check had blocked of the inputs of a run that was just recorded.
fn blocked_before(opened: &Opened, run: &NodeRef) -> Result<Vec<BlockedInput>, Failure> {
    let view = view(opened)?;
    match view.find(run).or_undecided()? {
        Some(id) => coverage::blocked_inputs(&view, id),
        None => Err(Failure::undecided(anyhow!("{run} is not in the graph"))),
    }
}

/// What a run starts from, and the models that helped.
fn aim(target: &Target, run: &NodeRef, facts: &mut NodeFacts, draft: &mut Draft) {
    let more = [
        ("target", target.name.clone()),
        (
            "availability",
            Some(target.availability.as_str().to_owned()),
        ),
        ("stage", Some(target.stage.as_str().to_owned())),
        ("purpose", Some(target.purpose.as_str().to_owned())),
        ("kind", Some(target.kind.as_str().to_owned())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            facts.more.insert(name.to_owned(), value);
        }
    }
    for base in &target.base {
        draft.nodes.push(model(base));
        draft.edges.push(EdgeClaim {
            from: NodeRef::new(NodeKind::Model, base),
            edge: EdgeKind::Base,
            to: run.clone(),
            facts: EdgeFacts::default(),
        });
    }
    for used in &target.models_used {
        draft.nodes.push(model(&used.model));
        draft.edges.push(EdgeClaim {
            from: NodeRef::new(NodeKind::Model, &used.model),
            edge: EdgeKind::Used,
            to: run.clone(),
            facts: EdgeFacts {
                of_outputs: Some(used.of_outputs.as_str().to_owned()),
                ..EdgeFacts::default()
            },
        });
    }
}

/// A model, with the id as it was written.
fn model(id: &str) -> NodeClaim {
    let node = NodeRef::new(NodeKind::Model, id);
    NodeClaim {
        facts: NodeFacts {
            label: (node.name != id).then(|| id.to_owned()),
            ..NodeFacts::default()
        },
        node,
    }
}

/// Every file that a run is about to read, for an attestation to be held against.
fn attested(view: &View, draft: &Draft) -> Result<Vec<Given>, Failure> {
    let mut data = Vec::new();
    for input in draft.edges.iter().filter(|e| e.edge == EdgeKind::Input) {
        let from = &input.from;
        if from.kind == NodeKind::File {
            let name = input.facts.path.clone();
            data.push(Given {
                name: name.unwrap_or_else(|| from.to_string()),
                sha256: from.name.clone(),
            });
            continue;
        }
        let before = data.len();
        if let Some(id) = view.find(from).or_undecided()? {
            let parts = view
                .edges_of(id, Direction::Upstream, Some(EdgeKind::Part))
                .or_undecided()?;
            for part in parts {
                data.push(Given {
                    name: part.facts.path.clone().unwrap_or_else(|| from.to_string()),
                    sha256: view.node(part.other).or_undecided()?.node.name,
                });
            }
        }
        if data.len() == before {
            return Err(Failure::undecided(anyhow!(
                "of which files {from} consists is not recorded, so no attestation can hold for it: name its files with --input"
            )));
        }
    }
    Ok(data)
}

fn readable(found: Node) -> Result<NodeRef, Failure> {
    match found.node.kind {
        NodeKind::Dataset | NodeKind::Source | NodeKind::File => Ok(found.node),
        NodeKind::Model
        | NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => Err(Failure::usage(anyhow!(
            "a run reads data sets, sources and files, and {} is none of them",
            found.node
        ))),
    }
}

fn input_edge(from: &NodeRef, run: &NodeRef, path: Option<String>) -> EdgeClaim {
    EdgeClaim {
        from: from.clone(),
        edge: EdgeKind::Input,
        to: run.clone(),
        facts: EdgeFacts {
            path,
            ..EdgeFacts::default()
        },
    }
}

fn finish(opened: &Opened, args: &RunFinishArgs) -> Result<Exit, Failure> {
    let node = NodeRef::new(NodeKind::Run, &args.name);
    let view = view(opened)?;
    let Some(id) = view.find(&node).or_undecided()? else {
        return Err(Failure::usage(anyhow!(
            "no run is named {}: `herdbook run start` records one, `herdbook run list` shows them",
            args.name
        )));
    };
    let known = view.node(id).or_undecided()?.facts;
    if known.state.as_deref() != Some(STARTED) {
        return Err(Failure::usage(anyhow!(
            "{} is {} already; a further model of it is another run",
            node,
            known.state.as_deref().unwrap_or("of an unknown state")
        )));
    }
    drop(view);
    let mut draft = Draft::default();
    let mut facts = NodeFacts {
        note: args.note.clone(),
        ..NodeFacts::default()
    };
    facts.more.insert("ended".to_owned(), opened::now()?);
    let told = if args.failed {
        facts.state = Some(FAILED.to_owned());
        "it made no model".to_owned()
    } else {
        let target = known.more.get("target").cloned();
        let Some(made) = args.model.clone().or(target) else {
            return Err(Failure::usage(anyhow!(
                "the target of {node} has no name: say with --model ID what it made"
            )));
        };
        facts.state = Some(FINISHED.to_owned());
        let claim = model(&made);
        draft.edges.push(EdgeClaim {
            from: node.clone(),
            edge: EdgeKind::Produced,
            to: claim.node.clone(),
            facts: EdgeFacts::default(),
        });
        draft.nodes.push(claim);
        format!("it made {made}")
    };
    draft.nodes.push(NodeClaim {
        node: node.clone(),
        facts,
    });
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "run finish", Origin::Declared, by)?;
    out::print(&format!(
        "Recorded in entry {entry}: {} ended, {}\n",
        escape::terminal(&node.to_string()),
        escape::terminal(&told)
    ))?;
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Listed {
    run: String,
    state: Option<String>,
    started: Option<String>,
    ended: Option<String>,
    owner: Option<String>,
    inputs: Vec<String>,
    models: Vec<String>,
}

fn list(opened: &Opened, args: ListArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let mut listed = Vec::new();
    for (node, id) in view.named(NodeKind::Run, "", usize::MAX).or_undecided()? {
        let facts = std::sync::Arc::unwrap_or_clone(view.node(id).or_undecided()?.facts);
        listed.push(Listed {
            run: node.name,
            state: facts.state,
            started: facts.time,
            ended: facts.more.get("ended").cloned(),
            owner: facts.owner,
            inputs: others(&view, id, Direction::Upstream, EdgeKind::Input)?,
            models: others(&view, id, Direction::Downstream, EdgeKind::Produced)?,
        });
    }
    if args.json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&["RUN", "STATE", "STARTED", "INPUTS", "MODEL"]);
    for item in listed {
        table.row([
            item.run,
            item.state.unwrap_or_else(|| "-".to_owned()),
            item.started.unwrap_or_else(|| "-".to_owned()),
            item.inputs.join(", "),
            item.models.join(", "),
        ]);
    }
    if table.is_empty() {
        out::print("No run is recorded: `herdbook run start` records one\n")?;
        return Ok(Exit::Pass);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}

fn others(
    view: &View,
    id: crate::index::NodeId,
    direction: Direction,
    kind: EdgeKind,
) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    for seen in view.edges(id, direction).or_undecided()? {
        if seen.kind == kind {
            let node = view.node(seen.other).or_undecided()?;
            let label = node.label();
            out.push(match seen.facts.path.clone() {
                Some(path) if node.node.kind == NodeKind::File => path,
                Some(_) | None => label,
            });
        }
    }
    Ok(out)
}

fn show(global: &Global, opened: &Opened, args: &RunShowArgs) -> Result<Exit, Failure> {
    let catalog = catalog::of_index(global)?;
    let view = view(opened)?;
    let text = match NodeRef::parse(&args.name) {
        Ok(_) => args.name.clone(),
        Err(_) => format!("run:{}", args.name),
    };
    let (id, node) = named(&view, &text)?;
    let up = trace::walked(&view, &catalog, id, Direction::Upstream, None)?;
    let down = trace::walked(&view, &catalog, id, Direction::Downstream, None)?;
    if args.output.json {
        out::json(&serde_json::json!({
            "run": node.node,
            "facts": node.facts,
            "upstream": lineage::LineageJson::from(&up),
            "downstream": lineage::LineageJson::from(&down),
        }))?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&["run", &escape::identifier(&node.node.name)]);
    let facts = &node.facts;
    let rest = facts
        .more
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value)));
    let first = [
        ("state", facts.state.as_ref()),
        ("started", facts.time.as_ref()),
        ("owner", facts.owner.as_ref()),
        ("note", facts.note.as_ref()),
    ];
    for (name, value) in first.into_iter().chain(rest) {
        if let Some(value) = value {
            table.row([name.to_owned(), value.clone()]);
        }
    }
    out::print(&format!(
        "{}\nMade of\n{}\nWent into\n{}",
        table.render(),
        lineage::tree(&up),
        lineage::tree(&down),
    ))?;
    for warning in up.warnings.iter().chain(&down.warnings) {
        out::warn(warning);
    }
    Ok(Exit::Pass)
}
