//! `herdbook trace` and `herdbook impact`: upstream to generator and clause, downstream to
//! everything touched.

use clap::Args;
use clap::ValueEnum;

use super::super::args::Global;
use super::super::args::not_blank;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened::Opened;
use super::super::out;
use super::meaning;
use super::named;
use super::text;
use super::text::Match;
use super::view;
use crate::catalog::Catalog;
use crate::graph::View;
use crate::index::NodeId;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Traced;
use crate::report::escape;
use crate::report::lineage;

/// Warnings that are printed. Chosen: a screen; how many are left is said.
const WARNINGS_MAX: usize = 20;

/// `herdbook trace`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook trace [OPTIONS] NODE\n       herdbook trace [OPTIONS] --text TEXT|-\n       herdbook trace [OPTIONS] --row FILE#N",
    group(clap::ArgGroup::new("what").args(["node", "text", "row"]).required(true)),
    after_help = "\
NODE is KIND:NAME, or a name alone where only one kind has it:
dataset:acme/mix@v3, model:acme-chat-7b, run:2026-11-20-sft, source:support-bot,
file:9f86d081 (the beginning of its SHA-256), deployment:acme-chat-7b#prod.

Examples:
  herdbook trace dataset:acme/mix@v3
  herdbook trace acme-chat-7b --depth 2
  herdbook trace --row train.parquet#1042
  pbpaste | herdbook trace --text -"
)]
pub struct TraceArgs {
    /// Data set, run, model, source, file or deployment to begin at
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: Option<String>,

    /// A text: whose registered output it matches, and what stands behind that
    #[arg(long, value_name = "TEXT|-", value_parser = not_blank)]
    pub text: Option<String>,

    /// A row of a file, counted from 0
    #[arg(long, value_name = "FILE#N", value_parser = not_blank)]
    pub row: Option<String>,

    /// How far and how it is told.
    #[command(flatten)]
    pub how: HowArgs,
}

/// `herdbook impact`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
NODE as for `herdbook trace`; also license:ID, which begins at every model that
stands, or may stand, under that license.

Examples:
  herdbook impact source:support-bot-2026-10
  herdbook impact model:meta-llama/Llama-2-13b-chat-hf --format mermaid
  herdbook impact license:llama-2 --json")]
pub struct ImpactArgs {
    /// Source, data set, model, run or license to begin at
    #[arg(value_name = "NODE", value_parser = not_blank)]
    pub node: String,

    /// How far and how it is told.
    #[command(flatten)]
    pub how: HowArgs,
}

/// How far a walk goes, and how it is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct HowArgs {
    /// Stop after so many hops, and say what was not followed [default: none is left out]
    #[arg(long, value_name = "N")]
    pub depth: Option<u32>,

    /// How it is told
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Tree)]
    pub format: Format,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// The words of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An indented tree
    Tree,
    /// JSON
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// Graphviz DOT
    Dot,
    /// A drawing for browsers and documents
    Svg,
}

pub(in crate::cli) fn trace(global: &Global, args: &TraceArgs) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let texts = match (&args.text, &args.row) {
        (Some(given), _) => vec![(None, text::given(given)?)],
        (None, Some(place)) => text::row(place)?
            .into_iter()
            .map(|(column, text)| (Some(column), text))
            .collect(),
        (None, None) => Vec::new(),
    };
    if let Some(node) = &args.node {
        let view = view(&opened)?;
        let (id, _) = named(&view, node)?;
        let traced = walked(&view, &catalog, id, Direction::Upstream, args.how.depth)?;
        return tell(&[traced], None, args.how);
    }
    let matches = text::matches(&opened, &texts)?;
    let view = view(&opened)?;
    let mut sources: Vec<&str> = matches.iter().map(|m| m.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut all = Vec::new();
    for source in sources {
        let node = NodeRef::new(NodeKind::Source, source);
        if let Some(id) = view.find(&node).or_undecided()? {
            let direction = Direction::Upstream;
            all.push(walked(&view, &catalog, id, direction, args.how.depth)?);
        }
    }
    tell(&all, Some(&matches), args.how)
}

pub(in crate::cli) fn impact(global: &Global, args: &ImpactArgs) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let view = view(&opened)?;
    let starts = match args.node.strip_prefix("license:") {
        Some(license) => under(&view, &catalog, license)?,
        None => vec![named(&view, &args.node)?.0],
    };
    let mut all = Vec::new();
    for id in starts {
        let direction = Direction::Downstream;
        all.push(walked(&view, &catalog, id, direction, args.how.depth)?);
    }
    let exit = tell(&all, None, args.how);
    // The program ends here: nobody needs the memory of a hundred thousand nodes back.
    std::mem::forget(all);
    exit
}

/// Every model of the graph that stands, or may stand, under a license.
fn under(view: &View, catalog: &Catalog, license: &str) -> Result<Vec<NodeId>, Failure> {
    let Some(wanted) = catalog.license(license) else {
        return Err(Failure::usage(anyhow::anyhow!(
            "the catalog knows no license {license:?}: `herdbook licenses list` shows them"
        )));
    };
    let mut found = Vec::new();
    for (_, id) in view.named(NodeKind::Model, "", usize::MAX).or_undecided()? {
        let walk = view
            .walk(id, Direction::Downstream, Some(0))
            .or_undecided()?;
        let meanings = meaning::of_walk(catalog, &walk);
        let stands = meanings
            .values()
            .flat_map(|meaning| &meaning.licenses)
            .any(|terms| terms.id == wanted.id);
        if stands {
            found.push(id);
        }
    }
    Ok(found)
}

/// A walk with what its models mean and what a reader has to be told.
pub(in crate::cli) fn walked(
    view: &View,
    catalog: &Catalog,
    start: NodeId,
    direction: Direction,
    depth: Option<u32>,
) -> Result<Traced, Failure> {
    let walk = view.walk(start, direction, depth).or_undecided()?;
    let meanings = meaning::of_walk(catalog, &walk);
    let mut traced = Traced {
        walk,
        meanings,
        entries: view.state().entries,
        warnings: Vec::new(),
    };
    traced.warnings = warnings(&traced);
    Ok(traced)
}

/// Where what was declared and what was found disagree, and what was never looked at.
fn warnings(traced: &Traced) -> Vec<String> {
    let walk = &traced.walk;
    let mut out = Vec::new();
    let name = |place: usize| {
        walk.nodes
            .get(place)
            .map_or_else(String::new, |reached| reached.node.node.to_string())
    };
    for hop in &walk.edges {
        if hop.kind != EdgeKind::Contained {
            continue;
        }
        // Edges are in order of their ends and kind: twins stand together.
        let ends = (hop.from, hop.to, hop.kind);
        let first = walk
            .edges
            .partition_point(|other| (other.from, other.to, other.kind) < ends);
        let twin = |origins: &[Origin]| {
            let same = walk.edges.iter().skip(first);
            same.take_while(|other| (other.from, other.to, other.kind) == ends)
                .any(|other| origins.contains(&other.origin))
        };
        let to_dataset = walk
            .nodes
            .get(hop.to)
            .is_some_and(|reached| reached.node.node.kind == NodeKind::Dataset);
        match hop.origin {
            Origin::Found if to_dataset && !twin(&[Origin::Declared, Origin::Imported]) => {
                out.push(format!(
                    "{} was found in {} and is declared nowhere",
                    name(hop.from),
                    name(hop.to)
                ));
            }
            Origin::Declared | Origin::Imported if to_dataset && !twin(&[Origin::Found]) => {
                out.push(format!(
                    "{} is declared to stand in {}; no check found it there",
                    name(hop.from),
                    name(hop.to)
                ));
            }
            Origin::Found | Origin::Declared | Origin::Imported | Origin::Registered => {}
        }
    }
    if walk.cut() > 0 {
        out.push(format!(
            "{} neighbours were not followed: give a larger --depth",
            walk.cut()
        ));
    }
    out
}

fn tell(all: &[Traced], matches: Option<&[Match]>, how: HowArgs) -> Result<Exit, Failure> {
    match how.format {
        Format::Tree if !how.json => {}
        Format::Tree | Format::Json => {
            out::stream(|out| lineage::write(out, matches, all))?;
            return Ok(Exit::Pass);
        }
        Format::Mermaid | Format::Dot | Format::Svg => {
            // Where there is nothing to draw, a drawing would be an empty file.
            let Some((first, others)) = all.split_first() else {
                out::warn("there is nothing to draw: see `--format tree`");
                return Ok(Exit::Pass);
            };
            let one = lineage::joined(first, others);
            out::print(&match how.format {
                Format::Dot => lineage::dot(&one),
                Format::Svg => lineage::svg(&one),
                Format::Mermaid | Format::Tree | Format::Json => lineage::mermaid(&one),
            })?;
            return Ok(Exit::Pass);
        }
    }
    let mut text = String::new();
    match matches {
        Some([]) => text.push_str(
            "No registered output matches this text. That is no statement about who wrote it:\n\
             unregistered, paraphrased and translated output is not seen.\n",
        ),
        Some(matches) => {
            for found in matches {
                text.push_str(&found.line());
                text.push('\n');
            }
            text.push('\n');
        }
        None => {}
    }
    for traced in all {
        text.push_str(&lineage::tree(traced));
        text.push_str(&summary(traced));
    }
    if all.is_empty() && matches.is_none() {
        text.push_str("Nothing in the lineage graph stands under this license.\n");
    }
    out::print(&text)?;
    let mut warnings = all.iter().flat_map(|traced| &traced.warnings);
    for warning in warnings.by_ref().take(WARNINGS_MAX) {
        out::warn(warning);
    }
    let more = warnings.count();
    if more > 0 {
        out::warn(&format!("{more} more of this kind: --json has all of them"));
    }
    Ok(Exit::Pass)
}

/// Counts by kind, and what the licenses met say of outputs.
fn summary(traced: &Traced) -> String {
    let walk = &traced.walk;
    let mut counts: Vec<String> = Vec::new();
    for kind in NodeKind::all() {
        let of_kind = walk.nodes.iter().skip(1);
        let count = of_kind
            .filter(|reached| reached.node.node.kind == kind)
            .count();
        if count > 0 {
            let s = if count == 1 { "" } else { "s" };
            counts.push(format!("{count} {}{s}", kind.as_str()));
        }
    }
    let way = walk.direction.as_str();
    let mut text = if counts.is_empty() {
        format!("Nothing {way} is recorded.\n")
    } else {
        format!(
            "{way}: {}; {} hops deep{}\n",
            counts.join(", "),
            walk.depth(),
            match walk.depth_max {
                Some(max) => format!(", at most {max} were asked for"),
                None => String::new(),
            }
        )
    };
    let mut told = std::collections::BTreeSet::new();
    for license in traced.meanings.values().flat_map(|m| &m.licenses) {
        for says in &license.says {
            if told.insert((&license.id, &says.section)) {
                text.push_str(&escape::terminal(&format!(
                    "  {}, section {}: {} ({})",
                    license.id, says.section, says.says, license.link
                )));
                text.push('\n');
            }
        }
    }
    text.push('\n');
    text
}
