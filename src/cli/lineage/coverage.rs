//! `herdbook coverage`: where nothing is known, so that silence is not mistaken for cleanliness.

use clap::Args;
use serde::Serialize;

use super::super::args::Global;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened::Opened;
use super::super::out;
use super::view;
use crate::catalog::Catalog;
use crate::graph::View;
use crate::index::NodeId;
use crate::lineage::Graph as _;
use crate::model::Outcome;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::report::escape;

/// `herdbook coverage`
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = "\
Exit 0 also when there are gaps; --fail makes them exit 1.

Example:
  herdbook coverage --fail")]
pub struct CoverageArgs {
    /// Exit 1 when there are gaps
    #[arg(long)]
    pub fail: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is not covered, each list in order of name.
#[derive(Debug, Default, Serialize)]
pub(in crate::cli) struct Gaps {
    /// Runs of which inputs were never checked, or only after the run began.
    pub(in crate::cli) runs: Vec<RunGap>,
    /// Files with rows that a check had blocked before a run on them began.
    pub(in crate::cli) runs_on_blocked: Vec<BlockedInput>,
    /// Files that were checked and that no data set and no run has.
    pub(in crate::cli) checked_only: Vec<CheckedOnly>,
    /// Data sets with files that were never checked.
    pub(in crate::cli) datasets: Vec<DatasetGap>,
    /// Deployments of Llama, or of what may be Llama, of which no output is registered.
    pub(in crate::cli) deployments: Vec<DeploymentGap>,
    /// Models that runs here made and that run somewhere, of which no output is registered.
    pub(in crate::cli) models: Vec<String>,
}

/// A run with inputs that were not checked before it.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct RunGap {
    pub(in crate::cli) run: String,
    pub(in crate::cli) files: usize,
    pub(in crate::cli) never_checked: usize,
    pub(in crate::cli) checked_later: usize,
    /// Inputs of which no file is known.
    pub(in crate::cli) unknown: Vec<String>,
}

/// A file that a run began on although a check had blocked some of its rows.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct BlockedInput {
    pub(in crate::cli) run: String,
    pub(in crate::cli) file: String,
    pub(in crate::cli) sha256: String,
    pub(in crate::cli) check: u64,
    /// What the check was made for, which need not be what the run made; null where it had no name.
    pub(in crate::cli) target: Option<String>,
    pub(in crate::cli) source: String,
    pub(in crate::cli) rows: Option<u64>,
}

/// A file that was checked and is used nowhere.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct CheckedOnly {
    pub(in crate::cli) file: String,
    pub(in crate::cli) sha256: String,
    pub(in crate::cli) check: String,
}

/// A data set with files that were not checked.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct DatasetGap {
    pub(in crate::cli) dataset: String,
    pub(in crate::cli) files: usize,
    pub(in crate::cli) never_checked: usize,
}

/// A deployment whose model has no registered output.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct DeploymentGap {
    pub(in crate::cli) model: String,
    pub(in crate::cli) environment: String,
    pub(in crate::cli) means: String,
}

impl BlockedInput {
    fn told(&self) -> String {
        format!("{}: {}", self.run, self.what())
    }

    /// What was known, without the run.
    pub(in crate::cli) fn what(&self) -> String {
        let rows = match self.rows {
            Some(1) => "1 row".to_owned(),
            Some(rows) => format!("{rows} rows"),
            None => "rows".to_owned(),
        };
        let target = match &self.target {
            Some(target) => format!(" for {target}"),
            None => String::new(),
        };
        format!(
            "{}: {rows} from {}, blocked by check {}{target}",
            self.file, self.source, self.check
        )
    }
}

impl Gaps {
    fn is_empty(&self) -> bool {
        self.runs.is_empty()
            && self.runs_on_blocked.is_empty()
            && self.checked_only.is_empty()
            && self.datasets.is_empty()
            && self.deployments.is_empty()
            && self.models.is_empty()
    }
}

pub(in crate::cli) fn run(global: &Global, args: CoverageArgs) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let gaps = gaps(&view(&opened)?, &catalog)?;
    if args.json {
        out::json(&gaps)?;
    } else {
        out::print(&told(&gaps))?;
    }
    Ok(if args.fail && !gaps.is_empty() {
        Exit::Block
    } else {
        Exit::Pass
    })
}

/// Everything that the graph shows to be uncovered.
pub(in crate::cli) fn gaps(view: &View, catalog: &Catalog) -> Result<Gaps, Failure> {
    let mut gaps = Gaps::default();
    for (_, id) in all(view, NodeKind::Run)? {
        let run = RunRead::of(view, id)?;
        gaps.runs_on_blocked.extend(run.blocked(view)?);
        gaps.runs.extend(run.gap());
    }
    for (_, id) in all(view, NodeKind::Dataset)? {
        let node = view.node(id).or_undecided()?;
        let files = parts(view, id)?;
        let unchecked = files.iter().filter(|(_, file)| checked(file).is_none());
        let never = unchecked.count();
        if never > 0 {
            gaps.datasets.push(DatasetGap {
                dataset: node.node.to_string(),
                files: files.len(),
                never_checked: never,
            });
        }
    }
    for (_, id) in all(view, NodeKind::File)? {
        let node = view.node(id).or_undecided()?;
        let used = view.edges(id, Direction::Downstream).or_undecided()?;
        if let Some(check) = checked(&node)
            && used.is_empty()
        {
            gaps.checked_only.push(CheckedOnly {
                file: node.label(),
                sha256: node.node.name.clone(),
                check: check.to_string(),
            });
        }
    }
    for (_, id) in all(view, NodeKind::Deployment)? {
        gaps.deployments.extend(deployment_gap(view, catalog, id)?);
    }
    for (_, id) in all(view, NodeKind::Model)? {
        let down = view.edges(id, Direction::Downstream).or_undecided()?;
        let up = view.edges(id, Direction::Upstream).or_undecided()?;
        let made_here = up.iter().any(|seen| seen.kind == EdgeKind::Produced);
        let runs = down.iter().any(|seen| seen.kind == EdgeKind::Deployed);
        let registered = down.iter().any(|seen| seen.kind == EdgeKind::Generated);
        if made_here && runs && !registered {
            gaps.models.push(view.node(id).or_undecided()?.label());
        }
    }
    Ok(gaps)
}

fn all(view: &View, kind: NodeKind) -> Result<Vec<(NodeRef, NodeId)>, Failure> {
    view.named(kind, "", usize::MAX).or_undecided()
}

/// The check that read a file last; `None` where none did.
fn checked(file: &Node) -> Option<u64> {
    let entry = file.facts.more.get("checked")?;
    // The fold writes a number; what is none would be a check of nobody knows when.
    Some(entry.parse().unwrap_or(u64::MAX))
}

fn parts(view: &View, id: NodeId) -> Result<Vec<(NodeId, Node)>, Failure> {
    let mut out = Vec::new();
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        if seen.kind == EdgeKind::Part {
            out.push((seen.other, view.node(seen.other).or_undecided()?));
        }
    }
    Ok(out)
}

/// What a check had blocked of the files that a run read.
pub(super) fn blocked_inputs(view: &View, run: NodeId) -> Result<Vec<BlockedInput>, Failure> {
    RunRead::of(view, run)?.blocked(view)
}

/// What a run read.
struct RunRead {
    name: String,
    files: Vec<(NodeId, Node)>,
    /// Inputs of which no file is known.
    unknown: Vec<String>,
    /// Entry of the log that says that it began.
    began: u64,
}

impl RunRead {
    fn of(view: &View, id: NodeId) -> Result<Self, Failure> {
        let mut run = Self {
            name: view.node(id).or_undecided()?.node.name,
            files: Vec::new(),
            unknown: Vec::new(),
            began: u64::MAX,
        };
        for seen in view.edges(id, Direction::Upstream).or_undecided()? {
            if seen.kind != EdgeKind::Input {
                continue;
            }
            run.began = run.began.min(seen.facts.entry.unwrap_or(u64::MAX));
            let input = view.node(seen.other).or_undecided()?;
            if input.node.kind == NodeKind::File {
                run.files.push((seen.other, input));
                continue;
            }
            let of_input = parts(view, seen.other)?;
            if of_input.is_empty() {
                run.unknown.push(input.node.to_string());
            }
            run.files.extend(of_input);
        }
        Ok(run)
    }

    fn gap(self) -> Option<RunGap> {
        let last = || self.files.iter().map(|(_, file)| checked(file));
        let gap = RunGap {
            files: self.files.len(),
            never_checked: last().filter(Option::is_none).count(),
            checked_later: last().flatten().filter(|at| *at > self.began).count(),
            run: self.name,
            unknown: self.unknown,
        };
        let whole = gap.never_checked == 0 && gap.checked_later == 0 && gap.unknown.is_empty();
        (!whole).then_some(gap)
    }

    fn blocked(&self, view: &View) -> Result<Vec<BlockedInput>, Failure> {
        let mut out = Vec::new();
        for (id, file) in &self.files {
            let Some(check) = checked(file).filter(|at| *at < self.began) else {
                continue;
            };
            for seen in view.edges(*id, Direction::Upstream).or_undecided()? {
                let by_it = seen.kind == EdgeKind::Contained && seen.facts.entry == Some(check);
                if !by_it || seen.facts.level.as_deref() != Some("block") {
                    continue;
                }
                let about = NodeRef::new(NodeKind::Check, &check.to_string());
                let target = match view.find(&about).or_undecided()? {
                    Some(id) => view
                        .node(id)
                        .or_undecided()?
                        .facts
                        .more
                        .get("target")
                        .cloned(),
                    None => None,
                };
                out.push(BlockedInput {
                    run: self.name.clone(),
                    file: file.label(),
                    sha256: file.node.name.clone(),
                    check,
                    target,
                    source: view.node(seen.other).or_undecided()?.label(),
                    rows: seen.facts.records,
                });
            }
        }
        Ok(out)
    }
}

fn deployment_gap(
    view: &View,
    catalog: &Catalog,
    id: NodeId,
) -> Result<Option<DeploymentGap>, Failure> {
    let node = view.node(id).or_undecided()?;
    if node.facts.state.as_deref() == Some("retired") {
        return Ok(None);
    }
    let fact = |name: &str| node.facts.more.get(name).cloned().unwrap_or_default();
    let model = fact("model");
    let resolution = catalog.resolve(&model);
    // What is surely no Llama owes the register nothing.
    if matches!(
        resolution.outcome,
        Outcome::NotLlama { .. } | Outcome::Unknown
    ) {
        return Ok(None);
    }
    for seen in view.edges(id, Direction::Upstream).or_undecided()? {
        let of_model = view.edges(seen.other, Direction::Downstream);
        let generated = |kind| kind == EdgeKind::Generated;
        if of_model
            .or_undecided()?
            .iter()
            .any(|out| generated(out.kind))
        {
            return Ok(None);
        }
    }
    Ok(Some(DeploymentGap {
        model,
        environment: fact("environment"),
        means: resolution.label(),
    }))
}

fn told(gaps: &Gaps) -> String {
    if gaps.is_empty() {
        return "No gap: every run's inputs were checked before it and no row of them was blocked, every data set was checked, and every Llama that runs has registered output.\nWhat is recorded nowhere cannot be missed here.\n".to_owned();
    }
    let mut sections = Vec::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| format!("  {}\n", escape::terminal(line)))
                .collect();
            sections.push(format!("{title}\n{}", lines.concat()));
        }
    };
    section(
        "Runs with inputs that no check read before",
        gaps.runs
            .iter()
            .map(|gap| {
                let mut parts = Vec::new();
                if gap.never_checked > 0 {
                    parts.push(format!(
                        "{} of {} files never checked",
                        gap.never_checked, gap.files
                    ));
                }
                if gap.checked_later > 0 {
                    parts.push(format!(
                        "{} of {} files last checked after the run began",
                        gap.checked_later, gap.files
                    ));
                }
                if !gap.unknown.is_empty() {
                    parts.push(format!("content unknown: {}", gap.unknown.join(", ")));
                }
                format!("{}: {}", gap.run, parts.join("; "))
            })
            .collect(),
    );
    section(
        "Runs on rows that a check had blocked before",
        gaps.runs_on_blocked
            .iter()
            .map(BlockedInput::told)
            .collect(),
    );
    section(
        "Data sets with files that were never checked",
        gaps.datasets
            .iter()
            .map(|gap| format!("{}: {} of {}", gap.dataset, gap.never_checked, gap.files))
            .collect(),
    );
    section(
        "Llama that runs, and of which no output is registered",
        gaps.deployments
            .iter()
            .map(|gap| format!("{} ({}) in {}", gap.model, gap.means, gap.environment))
            .collect(),
    );
    section(
        "Models made here that run, and of which no output is registered",
        gaps.models.clone(),
    );
    section(
        "Files that were checked, and that no data set and no run has",
        gaps.checked_only
            .iter()
            .map(|gap| format!("{} (check {})", gap.file, gap.check))
            .collect(),
    );
    sections.join("\n")
}
