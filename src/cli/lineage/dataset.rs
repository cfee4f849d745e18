//! `herdbook dataset …`: data sets by name, version and content, and what they were made from.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use serde::Serialize;

use super::super::args::Global;
use super::super::args::ListArgs;
use super::super::args::not_blank;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened::Opened;
use super::super::out;
use super::super::table::Table;
use super::ByArgs;
use super::Draft;
use super::files;
use super::named;
use super::trace;
use super::view;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeGone;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::report::escape;
use crate::report::lineage;

/// Hex digits of the digest that stand for a version that nobody named. Chosen: as Git shows.
const VERSION_DIGITS: usize = 12;

/// `herdbook dataset …`
#[derive(Debug, Clone, Subcommand)]
pub enum DatasetCommand {
    /// Record a version of a data set: its files, and what it was made from
    #[command(after_help = "\
The version's identity is its content: the same name and version with other
files is refused. What registered output stands in the files is found by
`herdbook check` and drawn beside what is declared here.

Examples:
  herdbook dataset add acme/mix data/*.parquet --version v3 \\
      --from dataset:acme/chat@v7 --from source:support-bot-2026-10 --how mix
  herdbook dataset add acme/mix-tokens tokens/ --from acme/mix@v3 --how tokenise")]
    Add(DatasetAddArgs),
    /// Take back that a data set was made from something
    Unlink(DatasetUnlinkArgs),
    /// List data sets
    List(ListArgs),
    /// Show a data set: files, where it comes from, where it went
    Show(DatasetShowArgs),
}

/// `herdbook dataset add`
#[derive(Debug, Clone, Args)]
pub struct DatasetAddArgs {
    /// Name of the data set, e.g. acme/mix
    #[arg(value_name = "NAME", value_parser = name)]
    pub name: String,

    /// Its files, folders or globs; none for a data set that is elsewhere
    #[arg(value_name = "PATH", required_unless_present = "digest")]
    pub paths: Vec<String>,

    /// Its version [default: the beginning of its digest]
    #[arg(long = "dataset-version", visible_alias = "version", value_name = "VERSION", value_parser = not_blank)]
    pub version: Option<String>,

    /// Its digest, where its files are not here: 64 hex digits
    #[arg(long, value_name = "SHA256", conflicts_with = "paths", value_parser = super::super::args::sha256_hex)]
    pub digest: Option<String>,

    /// A data set, source or model that it was made from; repeat for more
    #[arg(long = "from", value_name = "NODE", value_parser = not_blank)]
    pub from: Vec<String>,

    /// How: filter, rewrite, translate, mix, tokenise, or a word of yours
    #[arg(long, value_name = "WORD", requires = "from", value_parser = not_blank)]
    pub how: Option<String>,

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

/// `herdbook dataset unlink`
#[derive(Debug, Clone, Args)]
pub struct DatasetUnlinkArgs {
    /// The data set, NAME@VERSION
    #[arg(value_name = "DATASET", value_parser = not_blank)]
    pub name: String,

    /// What it was not made from after all; repeat for more
    #[arg(long = "from", value_name = "NODE", required = true, value_parser = not_blank)]
    pub from: Vec<String>,

    /// Who states this.
    #[command(flatten)]
    pub by: ByArgs,
}

/// `herdbook dataset show`
#[derive(Debug, Clone, Args)]
pub struct DatasetShowArgs {
    /// The data set, NAME or NAME@VERSION
    #[arg(value_name = "DATASET", value_parser = not_blank)]
    pub name: String,

    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// A name that can be printed, typed and told from its version.
fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.trim() != text {
        return Err("a name is not blank and has no white space around it".to_owned());
    }
    if text.contains('@') {
        return Err("a name holds no @: give the version with --version".to_owned());
    }
    if text.chars().any(escape::is_deceptive) {
        return Err("a name holds no control or invisible characters".to_owned());
    }
    Ok(text.to_owned())
}

pub(in crate::cli) fn run(global: &Global, command: &DatasetCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    match command {
        DatasetCommand::Add(args) => add(&opened, args),
        DatasetCommand::Unlink(args) => unlink(&opened, args),
        DatasetCommand::List(args) => list(&opened, *args),
        DatasetCommand::Show(args) => show(global, &opened, args),
    }
}

fn add(opened: &Opened, args: &DatasetAddArgs) -> Result<Exit, Failure> {
    let files = files::hashed(&args.paths)?;
    if args.digest.is_none() && files.is_empty() {
        return Err(Failure::usage(anyhow!(
            "the paths name no file: a data set has at least one, or --digest"
        )));
    }
    let digest = match &args.digest {
        Some(digest) => digest.clone(),
        None => files::digest_of(&files),
    };
    let version = match &args.version {
        Some(version) => version.clone(),
        None => digest.chars().take(VERSION_DIGITS).collect(),
    };
    let node = NodeRef::dataset(&args.name, &version);
    let view = view(opened)?;
    let known = match view.find(&node).or_undecided()? {
        Some(id) => Some(view.node(id).or_undecided()?.facts),
        None => None,
    };
    let known_digest = known.as_ref().and_then(|facts| facts.digest.clone());
    if let Some(other) = known_digest.as_ref().filter(|other| **other != digest) {
        return Err(Failure::usage(anyhow!(
            "{node} is recorded with other content: digest {other}, and this is {digest}; give this one another --version"
        )));
    }
    let mut draft = Draft::default();
    if known_digest.is_none() {
        draft.nodes.extend(files.iter().map(files::Hashed::claim));
        draft
            .edges
            .extend(files.iter().map(|file| part(file, &node)));
    }
    let bytes = (!files.is_empty()).then(|| files.iter().map(|file| file.bytes).sum());
    let facts = NodeFacts {
        digest: Some(digest.clone()),
        bytes,
        owner: args.owner.clone(),
        note: args.note.clone(),
        ..NodeFacts::default()
    };
    for from in &args.from {
        let from = origin(&view, from)?;
        draft
            .edges
            .push(derived(&from, &node, args.how.as_deref())?);
    }
    if known_digest.is_some()
        && draft.edges.is_empty()
        && args.owner.is_none()
        && args.note.is_none()
    {
        out::print(&format!("{node} is recorded already; nothing changed\n"))?;
        return Ok(Exit::Pass);
    }
    draft.nodes.push(NodeClaim {
        node: node.clone(),
        facts,
    });
    let made_from = draft.edges.len()
        - draft
            .edges
            .iter()
            .filter(|e| e.edge == EdgeKind::Part)
            .count();
    drop(view);
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "dataset add", Origin::Declared, by)?;
    out::print(&format!(
        "Recorded {} in entry {entry}\n  files    {}\n  digest   {digest}\n  made of  {}\n",
        escape::terminal(&node.to_string()),
        files.len(),
        match made_from {
            0 => "nothing that was stated".to_owned(),
            count => format!("{count} stated"),
        }
    ))?;
    Ok(Exit::Pass)
}

fn part(file: &files::Hashed, to: &NodeRef) -> EdgeClaim {
    EdgeClaim {
        from: file.node(),
        edge: EdgeKind::Part,
        to: to.clone(),
        facts: EdgeFacts {
            path: Some(file.path.clone()),
            ..EdgeFacts::default()
        },
    }
}

/// What a data set was made from: known to the graph, or a model by its id.
fn origin(view: &View, text: &str) -> Result<NodeRef, Failure> {
    if let Ok(node) = NodeRef::parse(text)
        && node.kind == NodeKind::Model
    {
        return Ok(node);
    }
    Ok(named(view, text)?.1.node)
}

fn derived(from: &NodeRef, to: &NodeRef, how: Option<&str>) -> Result<EdgeClaim, Failure> {
    let edge = match from.kind {
        NodeKind::Dataset => EdgeKind::Derived,
        NodeKind::Source => EdgeKind::Contained,
        NodeKind::Model => EdgeKind::Generated,
        NodeKind::File => EdgeKind::Part,
        NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => {
            return Err(Failure::usage(anyhow!(
                "a data set is made from data sets, sources, files and models, and {from} is none of them"
            )));
        }
    };
    if from == to {
        return Err(Failure::usage(anyhow!("{to} cannot be made from itself")));
    }
    Ok(EdgeClaim {
        from: from.clone(),
        edge,
        to: to.clone(),
        facts: EdgeFacts {
            how: how.map(str::to_owned),
            ..EdgeFacts::default()
        },
    })
}

fn unlink(opened: &Opened, args: &DatasetUnlinkArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let (id, dataset) = named(&view, &args.name)?;
    let mut draft = Draft::default();
    for text in &args.from {
        let from = origin(&view, text)?;
        let claim = derived(&from, &dataset.node, None)?;
        let stated =
            edges(&view, id, Direction::Upstream)?
                .into_iter()
                .any(|(edge, kind, origin)| {
                    edge == from
                        && kind == claim.edge
                        && matches!(origin, Origin::Declared | Origin::Imported)
                });
        if !stated {
            return Err(Failure::usage(anyhow!(
                "nobody stated that {} was made from {from}; what a check found is not taken back, but checked again",
                dataset.node
            )));
        }
        draft.gone.push(EdgeGone {
            from,
            edge: claim.edge,
            to: dataset.node.clone(),
        });
    }
    drop(view);
    let by = args.by.by.as_deref();
    let entry = draft.state(opened, "dataset unlink", Origin::Declared, by)?;
    out::print(&format!(
        "Taken back in entry {entry}; the log keeps that it was stated\n"
    ))?;
    Ok(Exit::Pass)
}

fn edges(
    view: &View,
    id: NodeId,
    direction: Direction,
) -> Result<Vec<(NodeRef, EdgeKind, Origin)>, Failure> {
    let mut out = Vec::new();
    for seen in view.edges(id, direction).or_undecided()? {
        let other = view.node(seen.other).or_undecided()?.node;
        out.push((other, seen.kind, seen.origin));
    }
    Ok(out)
}

#[derive(Serialize)]
struct Listed {
    name: String,
    version: String,
    digest: Option<String>,
    bytes: Option<u64>,
    owner: Option<String>,
    files: u64,
    entry: Option<u64>,
}

fn list(opened: &Opened, args: ListArgs) -> Result<Exit, Failure> {
    let view = view(opened)?;
    let mut listed = Vec::new();
    for (node, id) in view
        .named(NodeKind::Dataset, "", usize::MAX)
        .or_undecided()?
    {
        let facts = Arc::unwrap_or_clone(view.node(id).or_undecided()?.facts);
        let parts = edges(&view, id, Direction::Upstream)?;
        let files = parts.iter().filter(|(_, kind, _)| *kind == EdgeKind::Part);
        listed.push(Listed {
            files: files.count() as u64,
            name: node.name,
            version: node.version,
            digest: facts.digest,
            bytes: facts.bytes,
            owner: facts.owner,
            entry: facts.entry,
        });
    }
    if args.json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table =
        Table::new(&["DATASET", "VERSION", "FILES", "BYTES", "OWNER", "DIGEST"]).right(&[2, 3]);
    for item in listed {
        table.row([
            item.name,
            item.version,
            item.files.to_string(),
            item.bytes
                .map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            item.owner.unwrap_or_else(|| "-".to_owned()),
            item.digest.map_or_else(
                || "-".to_owned(),
                |digest| digest.chars().take(16).collect(),
            ),
        ]);
    }
    if table.is_empty() {
        out::print("No data set is recorded: `herdbook dataset add` records one\n")?;
        return Ok(Exit::Pass);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}

fn show(global: &Global, opened: &Opened, args: &DatasetShowArgs) -> Result<Exit, Failure> {
    let catalog = catalog::of_index(global)?;
    let view = view(opened)?;
    let text = match NodeRef::parse(&args.name) {
        Ok(_) => args.name.clone(),
        Err(_) => format!("dataset:{}", args.name),
    };
    let (id, dataset) = named(&view, &text)?;
    let up = trace::walked(&view, &catalog, id, Direction::Upstream, None)?;
    let down = trace::walked(&view, &catalog, id, Direction::Downstream, None)?;
    let mut files = Vec::new();
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        if seen.kind == EdgeKind::Part {
            let file = view.node(seen.other).or_undecided()?;
            files.push((seen.facts.path.clone(), file));
        }
    }
    if args.output.json {
        out::json(&serde_json::json!({
            "dataset": dataset.node,
            "facts": dataset.facts,
            "files": files.iter().map(|(path, file)| serde_json::json!({
                "path": path,
                "sha256": file.node.name,
                "rows": file.facts.records,
                "bytes": file.facts.bytes,
                "checked": file.facts.more.get("checked"),
            })).collect::<Vec<_>>(),
            "upstream": lineage::LineageJson::from(&up),
            "downstream": lineage::LineageJson::from(&down),
        }))?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&["FILE", "ROWS", "BYTES", "CHECKED BY", "SHA-256"]).right(&[1, 2]);
    for (path, file) in files {
        let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |n| n.to_string());
        table.row([
            path.unwrap_or_default(),
            number(file.facts.records),
            number(file.facts.bytes),
            file.facts
                .more
                .get("checked")
                .map_or_else(|| "no check".to_owned(), |entry| format!("check {entry}")),
            file.node.name,
        ]);
    }
    let mut text = format!(
        "{}\ndigest   {}\nowner    {}\n\n{}\nMade of\n{}\nWent into\n{}",
        escape::terminal(&dataset.node.to_string()),
        dataset.facts.digest.as_deref().unwrap_or("not stated"),
        escape::terminal(dataset.facts.owner.as_deref().unwrap_or("not stated")),
        table.render(),
        lineage::tree(&up),
        lineage::tree(&down),
    );
    if let Some(note) = &dataset.facts.note {
        text = format!("{text}\nnote     {}\n", escape::terminal(note));
    }
    out::print(&text)?;
    for warning in up.warnings.iter().chain(&down.warnings) {
        out::warn(warning);
    }
    Ok(Exit::Pass)
}

/// A path that is a data set's, for commands that take either.
pub(in crate::cli) fn is_path(text: &str) -> bool {
    text == "-" || PathBuf::from(text).exists() || text.contains(['*', '?'])
}
