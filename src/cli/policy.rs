//! `herdbook policy check|explain`: whether policy and profile are valid, and why a decision is
//! what it is.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use serde::Serialize;

use super::args::AcquisitionWord;
use super::args::Global;
use super::args::ListArgs;
use super::args::not_blank;
use super::catalog;
use super::catalog::OwnCatalogArgs;
use super::config::Config;
use super::date::Date;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::governance;
use super::out;
use super::table::Table;
use super::target;
use crate::model::Acquisition;
use crate::model::Ruling;
use crate::model::TargetLineage;
use crate::model::Tier;
use crate::model::target::OutputUse;
use crate::policy;
use crate::policy::Basis;
use crate::policy::ClaimFacts;
use crate::policy::Explanation;
use crate::policy::Policy;
use crate::policy::Position;
use crate::policy::Setting;
use crate::policy::codes;
use crate::policy::readings;
use crate::report::escape;

/// `herdbook policy …`
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyCommand {
    /// Validate a policy and the organisation profile beside it, and show what they change
    #[command(after_help = "\
Errors name file, line and column. Without FILE the policy of the config is
checked, or the built-in one.

Example:
  herdbook policy check policy.toml")]
    Check(PolicyCheckArgs),
    /// Show step by step why output of a model may, or may not, improve a target
    #[command(
        override_usage = "herdbook policy explain [OPTIONS] --model ID --target FILE.toml\n       \
                          herdbook policy explain [OPTIONS] --model ID --target-model ID",
        group(clap::ArgGroup::new("which").args(["target", "target_model"]).required(true)
            .multiple(false)),
        after_help = "\
Answers the question of one strong match, without any data: which license,
which clause, which reading, which duties, which level. Exit code 0 whatever
the answer is.

Examples:
  herdbook policy explain --model llama3:8b --target-model mistralai/Mistral-7B-v0.3
  herdbook policy explain --model meta-llama/Llama-3.1-70B-Instruct --use labels \\
      --target targets/classifier.toml --json")]
    Explain(PolicyExplainArgs),
    /// List the adopted readings: the points that the license texts leave open
    Readings(ListArgs),
}

/// `herdbook policy check`
#[derive(Debug, Clone, Args)]
pub struct PolicyCheckArgs {
    /// Policy file [default: the one of the config, else the built-in one]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Organisation profile [default: organization.toml beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub organization: Option<PathBuf>,
}

/// `herdbook policy explain`
#[derive(Debug, Clone, Args)]
pub struct PolicyExplainArgs {
    /// The model that generated the text, by its id
    #[arg(long, value_name = "ID", value_parser = not_blank)]
    pub model: String,

    /// The model that would be improved, as a file
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub target: Option<PathBuf>,

    /// The model that would be started from, by its id
    #[arg(long, value_name = "ID", value_parser = not_blank)]
    pub target_model: Option<String>,

    /// How the model was reached: self-hosted, bedrock, … [default: its license alone]
    #[arg(long, value_name = "ACCESS", value_parser = not_blank)]
    pub access: Option<String>,

    /// What is taken: text, logits, rewrite, prompts, labels, filter or evaluation
    #[arg(long = "use", value_name = "USE", default_value = "text", value_parser = output_use)]
    pub of_outputs: OutputUse,

    /// How the outputs were acquired [default: self-generated]
    #[arg(long, value_name = "HOW", value_enum)]
    pub acquisition: Option<AcquisitionWord>,

    /// Strength of the match [default: the policy's block threshold]
    #[arg(long, value_name = "NUMBER")]
    pub strength: Option<f64>,

    /// Policy to decide by [default: the one of the config, else the built-in one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,

    /// Organisation profile [default: organization.toml beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub organization: Option<PathBuf>,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

fn output_use(word: &str) -> Result<OutputUse, String> {
    let words: Vec<&str> = OutputUse::ALL.iter().map(|used| used.as_str()).collect();
    OutputUse::parse(word).ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

pub(super) fn run(global: &Global, command: &PolicyCommand) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check(global, args)?,
        PolicyCommand::Explain(args) => explain(global, args)?,
        PolicyCommand::Readings(output) => list_readings(output.json)?,
    }
    Ok(Exit::Pass)
}

fn check(global: &Global, args: &PolicyCheckArgs) -> Result<(), Failure> {
    let config = Config::load(&global.index).or_usage()?;
    let catalog = catalog::load(&config, &OwnCatalogArgs::default())?;
    let path = args.file.as_deref().or(config.policy.as_deref());
    let policy = target::policy(path, &catalog)?;
    let organization = args.organization.as_deref();
    let position = target::position(organization, path, &global.index, &catalog, "")?;
    out::print(&checked(&policy, &position))
}

fn checked(policy: &Policy, position: &Position) -> String {
    let mut text = format!(
        "Policy {} is valid.\n  digest      {}\n  flag from   {}\n  block from  {}\n  strict      {}\n",
        escape::terminal(policy.name()),
        policy.digest(),
        policy.flag_strength(),
        policy.block_strength(),
        policy.strict()
    );
    for demand in demands(policy) {
        text.push_str(&demand);
    }
    let mut table = Table::new(&["CODE", "LEVEL", "BY DEFAULT"]);
    for (code, level) in policy.changed_levels() {
        let default = codes::info(code).map_or_else(String::new, |info| info.level.to_string());
        table.row([code.to_owned(), level.to_string(), default]);
    }
    if policy.changed_levels().next().is_some() {
        text.push('\n');
        text.push_str(&table.render());
    }
    text.push('\n');
    let profile = match &position.organization {
        Some(profile) => format!(
            "Organisation profile of {}: {} grants, {} persons.\n",
            escape::terminal(&profile.name),
            profile.grants.len(),
            profile.people.len()
        ),
        None => "No organisation profile: what turns on it needs review.\n".to_owned(),
    };
    text.push_str(&profile);
    text
}

/// What leaves a check undecided under this policy and not under the default one, a line each.
fn demands(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(days) = policy.snapshot_max_age_days() {
        lines.push(format!(
            "Undecided with a snapshot older than {days} days.\n"
        ));
    }
    if let Some(size) = policy.log_size_min() {
        lines.push(format!(
            "Undecided with a snapshot sealed when the audit log had fewer than {size} entries.\n"
        ));
    }
    if let Some(share) = policy.text_share_min() {
        lines.push(format!(
            "Undecided where text stands in less than {share} of an input's rows.\n"
        ));
    }
    lines
}

fn explain(global: &Global, args: &PolicyExplainArgs) -> Result<(), Failure> {
    let config = Config::load(&global.index).or_usage()?;
    let catalog = catalog::load(&config, &OwnCatalogArgs::default())?;
    let path = args.policy.as_deref().or(config.policy.as_deref());
    let policy = target::policy(path, &catalog)?;
    let as_of = match args.as_of {
        Some(date) => date,
        None => Date::of(SystemTime::now()).map_err(|e| Failure::undecided(anyhow!(e)))?,
    };
    let organization = args.organization.as_deref();
    let as_of = as_of.to_string();
    let mut position = target::position(organization, path, &global.index, &catalog, &as_of)?;
    let files = governance::governance_files(global, path, organization, None, &catalog)?;
    governance::approvals(&files, &catalog, &mut position).or_undecided()?;
    let target = target::of(args.target.as_deref(), args.target_model.as_deref())?;
    let lineage = TargetLineage {
        bases: target.base.iter().map(|id| catalog.resolve(id)).collect(),
        folder: target::folder(&target)?,
    };
    let setting = Setting {
        policy: &policy,
        position: &position,
        target: &target,
        lineage: &lineage,
    };
    let generator = catalog.resolve(&args.model);
    let access = catalog.access(args.access.as_deref());
    let facts = ClaimFacts {
        generator: Some(&generator),
        access: &access,
        acquisition: args.acquisition.map(Acquisition::from).unwrap_or_default(),
        of_outputs: args.of_outputs,
        basis: Basis::Match,
        tier: Tier::Exact,
        strength: args.strength.unwrap_or_else(|| policy.block_strength()),
        short: false,
        second_generation: false,
    };
    let explanation = policy::explain(&setting, &facts);
    if args.output.json {
        out::json(&Explained::from(&explanation))
    } else {
        out::print(&derivation(&explanation))
    }
}

/// Width of the derivation's lines, in characters. Chosen: a terminal of 80 columns, indented.
const WIDTH: usize = 76;

/// The derivation as text.
pub(super) fn derivation(explanation: &Explanation) -> String {
    let decision = &explanation.decision;
    let mut text = format!(
        "{}  {}\n",
        decision.level.to_string().to_uppercase(),
        decision.code.0
    );
    for (number, step) in explanation.steps.iter().enumerate() {
        let heading = format!("\n{}. {}\n", number + 1, step.title);
        text.push_str(&heading);
        for sentence in &step.text {
            push_wrapped(&mut text, &escape::terminal(sentence));
        }
    }
    text.push_str("\nFix\n");
    push_wrapped(&mut text, &escape::terminal(&decision.how_to_fix));
    text.push_str(
        "\nThis applies the organisation's adopted readings of license texts; it is no legal \
         advice.\n",
    );
    text
}

fn push_wrapped(text: &mut String, sentence: &str) {
    let mut column = 0;
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        }
        text.push_str(if column == 0 { "   " } else { " " });
        text.push_str(word);
        column += length + 1;
    }
    text.push('\n');
}

#[derive(Serialize)]
struct Explained {
    schema_version: u32,
    level: String,
    code: &'static str,
    ruling: Option<&'static str>,
    license: Option<String>,
    clause: Option<String>,
    readings: Vec<&'static str>,
    question: Option<String>,
    obligations: Vec<ExplainedDuty>,
    reason: String,
    how_to_fix: String,
    steps: Vec<ExplainedStep>,
}

#[derive(Serialize)]
struct ExplainedDuty {
    id: String,
    state: &'static str,
    text: String,
    clause: String,
}

#[derive(Serialize)]
struct ExplainedStep {
    title: &'static str,
    text: Vec<String>,
}

impl From<&Explanation> for Explained {
    fn from(explanation: &Explanation) -> Self {
        let decision = &explanation.decision;
        Self {
            schema_version: 1,
            level: decision.level.to_string(),
            code: decision.code.0,
            ruling: decision.ruling.map(Ruling::as_str),
            license: decision.license.clone(),
            clause: decision.clause.clone(),
            readings: decision.readings.clone(),
            question: decision.question.clone(),
            obligations: decision
                .obligations
                .iter()
                .map(|duty| ExplainedDuty {
                    id: duty.id.clone(),
                    state: duty.state.as_str(),
                    text: duty.text.clone(),
                    clause: duty.clause.clone(),
                })
                .collect(),
            reason: decision.reason.clone(),
            how_to_fix: decision.how_to_fix.clone(),
            steps: explanation
                .steps
                .iter()
                .map(|step| ExplainedStep {
                    title: step.title,
                    text: step.text.clone(),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct ListedReading {
    id: &'static str,
    statement: &'static str,
    default: &'static str,
    answers: Vec<&'static str>,
    sources: &'static str,
}

fn list_readings(json: bool) -> Result<(), Failure> {
    if json {
        let all: Vec<ListedReading> = readings::ALL
            .iter()
            .map(|info| ListedReading {
                id: info.id,
                statement: info.statement,
                default: info.default.as_str(),
                answers: info.answers.iter().map(|answer| answer.as_str()).collect(),
                sources: info.sources,
            })
            .collect();
        return out::json(&all);
    }
    let mut text = String::new();
    for info in readings::ALL {
        let answers: Vec<&str> = info.answers.iter().map(|answer| answer.as_str()).collect();
        let heading = format!(
            "{}: {} (may be {})\n",
            info.id,
            info.default,
            answers.join(", ")
        );
        text.push_str(&heading);
        push_wrapped(&mut text, info.statement);
        push_wrapped(&mut text, info.sources);
        text.push('\n');
    }
    out::print(&text)
}
