//! `herdbook check --from CONFIG`: target and inputs from the configuration of a trainer.
//!
//! What was recognised is shown before anything is checked. The command line beats the
//! configuration: `--target` and `--target-model` replace the target, PATH arguments add inputs.
//! Models that the configuration uses where no text is left to match (teacher, reward model) stay
//! in every case: the command line cannot make them go away. A data set that is not on this
//! machine becomes an input that could not be read, hence undecided.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;

use super::args::CheckArgs;
use super::args::Global;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::inputs;
use super::out;
use super::target;
use crate::model::target::Target;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::report::escape;
use crate::trainer;
use crate::trainer::Origin;
use crate::trainer::Recognised;
use crate::trainer::Request;

/// Unread keys named in the summary. Chosen: a line; the rest is counted.
const IGNORED_NAMED: usize = 6;

/// Columns named per input. Chosen: a line.
const COLUMNS_NAMED: usize = 8;

/// `--from` and what belongs to it.
#[derive(Debug, Clone, Default, Args)]
pub struct FromArgs {
    /// Take target and inputs from the configuration of a trainer (Axolotl, LLaMA-Factory,
    /// torchtune, TRL) or the target from a model folder or card
    #[arg(long, value_name = "[FORMAT:]CONFIG", value_parser = not_blank,
        value_hint = ValueHint::AnyPath)]
    pub from: Option<String>,

    /// Check PATH in place of a data set of the configuration that is not on this machine; repeat
    /// for more
    #[arg(long = "input-override", value_name = "ID=PATH", requires = "from",
        value_parser = assignment)]
    pub input_overrides: Vec<String>,

    /// Take only the target from the configuration, and check only PATH
    #[arg(
        long,
        requires = "from",
        requires = "paths",
        conflicts_with = "input_overrides"
    )]
    pub paths_only: bool,
}

/// A word that is more than white space.
fn not_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is blank".to_owned());
    }
    Ok(text.to_owned())
}

/// Something on both sides of an equals sign; which one it is depends on the ids of the
/// configuration, since both sides may hold more of them.
fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((id, _)) if !id.trim().is_empty() && !text.ends_with('=') => Ok(text.to_owned()),
        Some(_) | None => Err("write ID=PATH".to_owned()),
    }
}

/// What is to be checked, and for which target.
#[derive(Debug)]
pub(super) struct Plan {
    /// The target.
    pub(super) target: Target,
    /// Inputs and failures, in order.
    pub(super) inputs: Vec<Result<InputPath, ReadError>>,
    /// Files that the configuration is read from or names, which no output may overwrite.
    pub(super) named: Vec<PathBuf>,
}

/// Settles target and inputs from the command line and the configuration it names.
pub(super) fn plan(global: &Global, args: &CheckArgs) -> Result<Plan, Failure> {
    let Some(text) = &args.from.from else {
        return Ok(Plan {
            target: target::read(args)?,
            inputs: inputs::expand(&args.paths),
            named: Vec::new(),
        });
    };
    let working = Path::new("");
    let request = Request::parse(text, working);
    let recognised = trainer::recognise(&request, working).or_usage()?;
    let taken = if args.from.paths_only {
        Taken::default()
    } else {
        Taken::new(&recognised, &args.from.input_overrides)?
    };
    let overridden = overridden_target(args, &recognised)?;
    if taken.paths.is_empty() && taken.remote.is_empty() && args.paths.is_empty() {
        return Err(Failure::usage(anyhow!(
            "{} names no training data: name the files to check as PATH",
            recognised.path
        )));
    }
    if !global.quiet {
        let note = overridden.note.as_deref();
        show(&recognised, &taken, note, args.from.paths_only);
    }
    for note in &recognised.notes {
        out::note(note);
    }
    let mut paths = taken.paths.clone();
    paths.extend(args.paths.iter().cloned());
    let mut inputs = inputs::expand(&paths);
    inputs.extend(taken.remote.iter().map(|remote| Err(elsewhere(remote))));
    let mut named: Vec<PathBuf> = taken.paths.iter().map(PathBuf::from).collect();
    named.push(PathBuf::from(&request.path));
    Ok(Plan {
        target: overridden.target,
        inputs,
        named,
    })
}

/// The inputs of a configuration after `--input-override`.
#[derive(Default)]
struct Taken<'r> {
    paths: Vec<String>,
    /// Lines for people: what, and where it comes from.
    shown: Vec<(String, String)>,
    remote: Vec<&'r trainer::Remote>,
}

impl<'r> Taken<'r> {
    fn new(recognised: &'r Recognised, overrides: &[String]) -> Result<Self, Failure> {
        let mut used = vec![false; overrides.len()];
        let mut replacement = |id: &str| -> Vec<String> {
            let mut paths = Vec::new();
            for (text, used) in overrides.iter().zip(&mut used) {
                if let Some(path) = text
                    .strip_prefix(id)
                    .and_then(|rest| rest.strip_prefix('='))
                {
                    *used = true;
                    paths.push(path.to_owned());
                }
            }
            paths
        };
        let mut taken = Self {
            paths: Vec::new(),
            shown: Vec::new(),
            remote: Vec::new(),
        };
        for input in &recognised.inputs {
            let instead = replacement(&input.id);
            if instead.is_empty() {
                let mut about = place(&input.origin);
                if !input.columns.is_empty() {
                    about.push_str("; the trainer reads ");
                    about.push_str(&few(&input.columns, COLUMNS_NAMED));
                }
                if let Some(note) = &input.note {
                    about.push_str("; ");
                    about.push_str(note);
                }
                taken.shown.push((input.path.clone(), about));
                taken.paths.push(input.path.clone());
            } else {
                taken.replace(&input.id, instead);
            }
        }
        for remote in &recognised.remote {
            let instead = replacement(&remote.id);
            if instead.is_empty() {
                taken.remote.push(remote);
            } else {
                taken.replace(&remote.id, instead);
            }
        }
        if let Some((unused, _)) = overrides.iter().zip(&used).find(|(_, used)| !**used) {
            let ids: Vec<&str> = recognised
                .remote
                .iter()
                .map(|remote| remote.id.as_str())
                .chain(recognised.inputs.iter().map(|input| input.id.as_str()))
                .collect();
            return Err(Failure::usage(anyhow!(
                "--input-override {unused} names no data set of {}, which has: {}",
                recognised.path,
                if ids.is_empty() {
                    "none".to_owned()
                } else {
                    ids.join(", ")
                }
            )));
        }
        Ok(taken)
    }

    fn replace(&mut self, id: &str, paths: Vec<String>) {
        for path in paths {
            self.shown.push((
                path.clone(),
                format!("in place of {id}, by --input-override"),
            ));
            self.paths.push(path);
        }
    }
}

/// A target with a sentence on why it is not the configuration's.
struct Overridden {
    target: Target,
    note: Option<String>,
}

/// The target: the command line's where it names one, else the configuration's.
fn overridden_target(args: &CheckArgs, recognised: &Recognised) -> Result<Overridden, Failure> {
    let Some(own) = &recognised.target else {
        if args.target.is_none() && args.target_model.is_none() {
            return Err(Failure::usage(anyhow!(
                "{} is {} and says nothing about the model: give --target FILE.toml or \
                 --target-model ID",
                recognised.path,
                recognised.format.describe()
            )));
        }
        return Ok(Overridden {
            target: target::read(args)?,
            note: None,
        });
    };
    match (&args.target, &args.target_model) {
        (None, None) => Ok(Overridden {
            target: own.clone(),
            note: None,
        }),
        (Some(path), _) => {
            let mut target = target::read(args)?;
            for used in &own.models_used {
                if !target.models_used.contains(used) {
                    target.models_used.push(used.clone());
                }
            }
            Ok(Overridden {
                target,
                note: Some(format!(
                    "the target is {}; of the configuration's own only the models used stay",
                    path.display()
                )),
            })
        }
        (None, Some(id)) => Ok(Overridden {
            target: Target {
                base: target::read(args)?.base,
                ..own.clone()
            },
            note: Some(format!(
                "the base is {id}, by --target-model, instead of {}",
                own.base.join(", ")
            )),
        }),
    }
}

/// An input that stands for a data set elsewhere: it can only be undecided.
fn elsewhere(remote: &trainer::Remote) -> ReadError {
    ReadError::Elsewhere {
        path: Arc::from(remote.id.as_str()),
        what: format!(
            "{}, which is not on this machine ({})",
            remote.what,
            place(&remote.origin)
        ),
        remedy: format!(
            "download it, then check again with --input-override {}=PATH",
            remote.id
        ),
    }
}

/// Shows what was recognised, on standard error like everything that is not the report.
fn show(recognised: &Recognised, taken: &Taken<'_>, target_note: Option<&str>, paths_only: bool) {
    let mut lines = vec![format!(
        "{} is read as {}:",
        recognised.path,
        recognised.format.describe()
    )];
    let mut line = |what: &str, value: &str, about: &str| {
        lines.push(format!("  {what:<9} {value}  ({about})"));
    };
    for fact in &recognised.facts {
        let about = fact
            .origin
            .as_ref()
            .map_or_else(|| "by default".to_owned(), place);
        line(fact.what, &fact.value, &about);
    }
    if let Some(target) = &recognised.target {
        if target.name.is_none() {
            line("name", "not yet known", "not stated");
        }
        let rest = format!(
            "{}, {}, {}",
            target.availability.as_str(),
            target.stage.as_str(),
            target.purpose.as_str()
        );
        line("use", &rest, "by default; a target file can say otherwise");
    }
    for (path, about) in &taken.shown {
        line("input", path, about);
    }
    for remote in &taken.remote {
        let about = format!("{}: {}, not checked", place(&remote.origin), remote.what);
        line("elsewhere", &remote.id, &about);
    }
    if !taken.paths.is_empty() {
        lines.push(
            "  Inputs are checked whole: every row and column, also what the trainer would leave \
             out."
                .to_owned(),
        );
    }
    if let Some(note) = target_note {
        lines.push(format!("  On the command line: {note}."));
    }
    if paths_only {
        lines.push(
            "  By --paths-only, the inputs of the configuration are left out of this check."
                .to_owned(),
        );
    }
    if !recognised.ignored.is_empty() {
        lines.push(format!(
            "  Keys not read: {}.",
            few(&recognised.ignored, IGNORED_NAMED)
        ));
    }
    for line in lines {
        out::plain_to_stderr(&escape::terminal(&line));
    }
}

/// `datasets[0].path, line 7 of axolotl.yml`.
fn place(origin: &Origin) -> String {
    let mut parts = Vec::new();
    if !origin.key.is_empty() {
        parts.push(origin.key.clone());
    }
    if origin.line > 0 {
        parts.push(format!("line {}", origin.line));
    }
    format!("{} of {}", parts.join(", "), origin.file)
        .trim_start_matches(" of ")
        .to_owned()
}

/// The first of a list, and how many more there are.
fn few(words: &[String], most: usize) -> String {
    let named: Vec<&str> = words.iter().take(most).map(String::as_str).collect();
    let more = words.len().saturating_sub(most);
    if more == 0 {
        named.join(", ")
    } else {
        format!("{} and {more} more", named.join(", "))
    }
}
