//! The command line as typed values.
//!
//! Only the form is checked here: what must stand alone, what goes together, which words exist.
//! Bad usage exits 2, as clap has it. Whether files and models exist is the commands' business.

use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap::ValueHint;

use super::catalog::CatalogListArgs;
use super::catalog::OwnCatalogArgs;
use super::date::Date;
use crate::model::Acquisition;
use crate::model::SourceInfo;
use crate::report::ReportKind;
use crate::report::escape;

/// Where the index is when nobody says.
pub const INDEX_DEFAULT: &str = "./.herdbook";

/// Heading of the options that every command has, so that they stand after its own.
const EVERYWHERE: &str = "Options of every command";

/// Longest name of a source, in characters. Chosen: it stands in file names and reports.
pub const SOURCE_NAME_CHARS_MAX: usize = 200;

/// Registers which records are Llama output, and keeps them out of training runs whose license
/// position forbids it.
///
/// Register what your models generated, then check every training input before the run. A check
/// says which rows match registered output, of which model, and what that model's license says
/// about it for the model you want to train.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "herdbook",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Exit codes: 0 pass (flags are printed), 1 blocked, 2 bad usage, 3 undecided.
An error is never a pass.

First steps:
  herdbook demo
  herdbook init
  herdbook register runs/*.jsonl.zst --model meta-llama/Llama-3.1-70B-Instruct
  herdbook check train.parquet --target-model mistralai/Mistral-7B-v0.3"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder of the index
    #[arg(long, global = true, value_name = "DIR", env = "HERDBOOK_INDEX", hide_env_values = true,
        default_value = INDEX_DEFAULT, help_heading = EVERYWHERE, value_hint = ValueHint::DirPath)]
    pub index: PathBuf,

    /// No progress bars, and of a check's report only the headline
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Make an empty index, its keys and a commented config
    Init(InitArgs),
    /// Record generated data in the index
    Register(RegisterArgs),
    /// Check training inputs for a target model: the gate
    Check(Box<CheckArgs>),
    /// Scan for a check; started by it
    #[command(name = super::worker::COMMAND, hide = true)]
    Worker,
    /// Verify or show an attestation of a check
    #[command(subcommand)]
    Attest(super::attest::AttestCommand),
    /// List, show or withdraw registered sources
    #[command(subcommand)]
    Source(SourceCommand),
    /// Say what a model id means here
    #[command(subcommand)]
    Models(ModelsCommand),
    /// List and show the licenses and their clauses on outputs
    #[command(subcommand)]
    Licenses(LicensesCommand),
    /// Ask for, decide on and list sign-offs of license versions
    #[command(subcommand)]
    Signoff(super::governance::request_args::SignoffCommand),
    /// Ask for, decide on and list waivers and baselines
    #[command(subcommand)]
    Waive(super::governance::request_args::WaiveCommand),
    /// Ask for, decide on and list switched readings of the texts
    #[command(subcommand)]
    Reading(super::governance::request_args::ReadingCommand),
    /// Report for people: on a check, a data set, a model, a period
    #[command(subcommand)]
    Report(super::report::ReportCommand),
    /// List what waits for a decision, by legal question
    #[command(subcommand)]
    Review(super::governance::review::ReviewCommand),
    /// Record and list which model version runs where
    #[command(subcommand)]
    Deployment(super::governance::deployment::DeploymentCommand),
    /// Make the key that a person signs with
    #[command(subcommand)]
    Keys(super::governance::keys::KeysCommand),
    /// Check a policy file, or explain a decision step by step
    #[command(subcommand)]
    Policy(super::policy::PolicyCommand),
    /// Seal, verify or list snapshots, which checks read
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// List, verify and prove what was done: the audit log
    #[command(subcommand)]
    Audit(super::audit::AuditCommand),
    /// Record data sets and what they were made from
    #[command(subcommand)]
    Dataset(super::lineage::dataset::DatasetCommand),
    /// Record training runs: what they read, what they made
    #[command(subcommand)]
    Run(super::lineage::run::RunCommand),
    /// Where a data set, model, run or text comes from, up to generator and clause
    Trace(super::lineage::trace::TraceArgs),
    /// What a source, data set, model or license went into
    Impact(super::lineage::trace::ImpactArgs),
    /// Freeze what a tainted source went into, work it off, close it
    #[command(subcommand)]
    Incident(super::lineage::incident::IncidentCommand),
    /// Show runs without checks, checks without runs, Llama without registered output
    Coverage(super::lineage::coverage::CoverageArgs),
    /// Decide past checks again by what is known today, and list what would change
    Recheck(super::recheck::RecheckArgs),
    /// Write lineage as other tools read it: bill of materials, events, Croissant, CSV, drawings
    #[command(subcommand)]
    Export(super::export::ExportCommand),
    /// Record what other tools wrote down: events, Croissant, model cards, DVC, run folders
    #[command(subcommand)]
    Import(super::import::ImportCommand),
    /// Look at everything that an index consists of, and say what to do
    Doctor(ListArgs),
    /// Copy an index, with digests of its own
    Backup(super::backup::BackupArgs),
    /// Make an index of a backup, once everything in it is compared
    Restore(super::backup::RestoreArgs),
    /// Run the whole story on made-up data: register, check, split, check again
    Demo(DemoArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
}

/// `herdbook init`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
An index that is there already is left as it is, and so are its keys.
The keys make fingerprints unreadable to others: back up the folder keys/
inside the index, or keep it elsewhere and set $HERDBOOK_KEYS.

Example:
  herdbook init --index /srv/herdbook")]
pub struct InitArgs {}

/// `herdbook register`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Reads JSONL, JSON, Parquet, Arrow, CSV, TSV and plain text, also .gz and .zst.
Format, text columns and model are recognised and shown. Of chats only the
assistant's turns are registered, of prompt and answer only the answer.
One row that cannot be read rejects the whole source. The same source again
changes nothing; the same name with other content is refused.

Examples:
  herdbook register runs/*.jsonl.zst --model meta-llama/Llama-3.1-70B-Instruct
  herdbook register prefs.parquet --model-column 'completions[].model'
  herdbook register out.csv --text-column answer --prompt-column question \\
      --model llama3:8b --access self-hosted --source support-bot-2026-10")]
pub struct RegisterArgs {
    /// Files, folders or globs of generated data; - is standard input
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,

    /// Name of the source [default: file name and digest]
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source: Option<String>,

    /// The model that generated the text, for every row; beats a model column
    #[arg(long, value_name = "ID", value_parser = not_blank)]
    pub model: Option<String>,

    /// Column that names each row's model, e.g. completions[].model
    #[arg(long, value_name = "COLUMN", value_parser = not_blank)]
    pub model_column: Option<String>,

    /// Column of generated text; repeat for more [default: recognised]
    #[arg(long = "text-column", value_name = "COLUMN", value_parser = not_blank)]
    pub text_columns: Vec<String>,

    /// Column of the prompt: its words are no evidence [default: recognised]
    #[arg(long, value_name = "COLUMN", value_parser = not_blank)]
    pub prompt_column: Option<String>,

    /// Format of the files [default: recognised]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatWord>,

    /// How the model was reached: self-hosted, bedrock, … (a host may have terms of its own)
    #[arg(long, value_name = "ACCESS", value_parser = not_blank)]
    pub access: Option<String>,

    /// How the outputs were acquired [default: self-generated]
    #[arg(long, value_name = "HOW", value_enum)]
    pub acquisition: Option<AcquisitionWord>,

    /// Threads to work with [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
}

/// `herdbook check`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook check [OPTIONS] --target FILE.toml PATH...\n       \
                      herdbook check [OPTIONS] --target-model ID PATH...\n       \
                      herdbook check [OPTIONS] --from CONFIG [PATH]...",
    group(clap::ArgGroup::new("which target").args(["target", "target_model"])
        .multiple(false)),
    after_help = "\
Exit codes: 0 pass (flags are printed; --fail-on flag makes them 1), 1 blocked,
2 bad usage, 3 undecided. The code describes the input, also with --clean.
With --target-model the target is a language model to be published as weights,
for commercial use, with a name not yet known; a target file can say otherwise.

Examples:
  herdbook check train.parquet --target-model mistralai/Mistral-7B-v0.3
  herdbook check --from axolotl.yml
  herdbook check data/ --target target.toml --report r.json --report r.html
  herdbook check train.jsonl --target target.toml --clean clean/ \\
      --quarantine quarantine/"
)]
pub struct CheckArgs {
    /// Files, folders or globs to check; - is standard input
    #[arg(value_name = "PATH", required_unless_present = "from", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<String>,

    /// The model that the run would improve, as a file
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath,
        required_unless_present_any = ["target_model", "from"])]
    pub target: Option<PathBuf>,

    /// The model that the run would start from, by its id
    #[arg(long, value_name = "ID", value_parser = not_blank)]
    pub target_model: Option<String>,

    /// The configuration of a trainer, which names target and inputs.
    #[command(flatten)]
    pub from: super::from::FromArgs,

    /// Policy to decide by [default: the built-in one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,

    /// Organisation profile [default: organization.toml beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub organization: Option<PathBuf>,

    /// The organisation's own catalog files.
    #[command(flatten)]
    pub own: OwnCatalogArgs,

    /// Where the duties of the target are kept.
    #[command(flatten)]
    pub duties: super::duties::DutyArgs,

    /// Also write a report: .json, .md, .html or .sarif; repeat for more
    #[arg(long = "report", value_name = "FILE", value_parser = report_path, value_hint = ValueHint::FilePath)]
    pub reports: Vec<PathBuf>,

    /// Whether and how long the check is attested.
    #[command(flatten)]
    pub attestation: super::attest::AttestArgs,

    /// Write the rows that may be used to this folder, in the input's format
    #[arg(long, value_name = "DIR", requires = "quarantine", value_hint = ValueHint::DirPath)]
    pub clean: Option<PathBuf>,

    /// Write the other rows to this folder, each with its reason
    #[arg(long, value_name = "DIR", requires = "clean", value_hint = ValueHint::DirPath)]
    pub quarantine: Option<PathBuf>,

    /// Sign-offs and waivers [default: approvals.jsonl beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub approvals: Option<PathBuf>,

    /// Keep the sketches of the inputs (no text), so that `recheck` can decide again
    #[arg(long, conflicts_with = "snapshot")]
    pub keep_sketches: bool,

    /// Read this snapshot instead of the index's newest one
    #[arg(long, value_name = "DIR", requires = "snapshot_digest", value_hint = ValueHint::DirPath)]
    pub snapshot: Option<PathBuf>,

    /// The digest that the snapshot must have: 64 hex digits
    #[arg(long, value_name = "HEX", requires = "snapshot", value_parser = sha256_hex)]
    pub snapshot_digest: Option<String>,

    /// With the word flag: exit 1 on flags too, and put flagged rows into quarantine
    #[arg(long, value_name = "LEVEL", value_enum, hide_possible_values = true)]
    pub fail_on: Option<FailOn>,

    /// Format of the files [default: recognised]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<FormatWord>,

    /// Scan only this column; repeat for more [default: every column with text]
    #[arg(long = "text-column", value_name = "COLUMN", value_parser = not_blank)]
    pub text_columns: Vec<String>,

    /// Leave this column out, and say so in the report; repeat for more
    #[arg(long = "exempt-column", value_name = "COLUMN", value_parser = not_blank)]
    pub exempt_columns: Vec<String>,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// Threads to work with [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// What the scan of a file may use.
    #[command(flatten)]
    pub worker: super::worker::LimitArgs,
}

/// `herdbook source …`
#[derive(Debug, Clone, Subcommand)]
pub enum SourceCommand {
    /// List every source
    List(ListArgs),
    /// Show one source: its files, models, columns and counts
    Show(SourceShowArgs),
    /// Withdraw a source: it no longer matches anything, and stays in the log
    #[command(after_help = "\
Example:
  herdbook source withdraw support-bot-2026-10")]
    Withdraw(SourceWithdrawArgs),
}

/// `herdbook source show`
#[derive(Debug, Clone, Args)]
pub struct SourceShowArgs {
    /// Name of the source, as `herdbook source list` prints it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook source withdraw`
#[derive(Debug, Clone, Args)]
pub struct SourceWithdrawArgs {
    /// Name of the source, as `herdbook source list` prints it
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `herdbook models …`
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Resolve ids or files to family, version, license and lineage, and say why
    #[command(after_help = "\
Understands Hugging Face ids, common derivatives, Ollama tags and hosted ids. Of
a model's folder it reads config, adapter config, card, GGUF header, license and
notice, and compares what they say. An id that is not known is an answer too: it
needs review, and so does one whose files contradict each other.

Examples:
  herdbook models resolve llama3:8b meta.llama3-1-70b-instruct-v1:0
  herdbook models resolve out/acme-chat-7b models/acme.Q4_K_M.gguf")]
    Resolve(ModelsResolveArgs),
    /// List every model of the catalog
    List(CatalogListArgs),
}

/// `herdbook models resolve`
#[derive(Debug, Clone, Args)]
pub struct ModelsResolveArgs {
    /// Model ids as they stand in your data, or a model's folder or file
    #[arg(value_name = "ID|PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub ids: Vec<String>,
    /// The organisation's own catalog files.
    #[command(flatten)]
    pub own: OwnCatalogArgs,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook licenses …`
#[derive(Debug, Clone, Subcommand)]
pub enum LicensesCommand {
    /// List every license of the catalog
    List(CatalogListArgs),
    /// Show what a license says about outputs, with sections and links
    #[command(after_help = "\
Example:
  herdbook licenses show llama-3.1")]
    Show(LicensesShowArgs),
    /// Say which license or use policy a text is, byte for byte
    #[command(after_help = "\
Exit 0 when the text is the one expected (or, without --license, any that the
catalog knows), else 1, with the sign-offs that a new text makes stale.

Example:
  herdbook licenses verify LICENSE.txt --license llama-3.1")]
    Verify(super::governance::verify::LicensesVerifyArgs),
}

/// `herdbook licenses show`
#[derive(Debug, Clone, Args)]
pub struct LicensesShowArgs {
    /// License id, as `herdbook licenses list` prints it
    #[arg(value_name = "ID")]
    pub id: String,
    /// The organisation's own catalog files.
    #[command(flatten)]
    pub own: OwnCatalogArgs,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook snapshot …`
#[derive(Debug, Clone, Subcommand)]
pub enum SnapshotCommand {
    /// Seal the index as it is now; register does so by itself
    Seal(ListArgs),
    /// Verify a snapshot file by file against its manifest
    #[command(after_help = "\
Without DIR, verifies the snapshot that the log's head names: the one a check
would read. Exit 3 if it does not verify.

Examples:
  herdbook snapshot verify
  herdbook snapshot verify /mnt/travel/7 --snapshot-digest 9f86d081…")]
    Verify(SnapshotVerifyArgs),
    /// List the snapshots of the index
    List(ListArgs),
}

/// `herdbook snapshot verify`
#[derive(Debug, Clone, Args)]
pub struct SnapshotVerifyArgs {
    /// Folder of a snapshot [default: the index's newest]
    #[arg(value_name = "DIR", requires = "snapshot_digest", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// The digest that it must have: 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = sha256_hex)]
    pub snapshot_digest: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `herdbook demo`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Everything happens in one folder, which holds the data, an index and the
reports afterwards. Needs no network and no model. Ends by saying what to try
next on your own files.

Example:
  herdbook demo --dir /tmp/herdbook-demo")]
pub struct DemoArgs {
    /// Folder to work in; made anew
    #[arg(long, value_name = "DIR", default_value = ".demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// `herdbook completions`
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = "\
Examples:
  herdbook completions bash > /etc/bash_completion.d/herdbook
  herdbook completions zsh > ~/.zfunc/_herdbook
  herdbook completions fish > ~/.config/fish/completions/herdbook.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// What makes a check exit 1 beside a block. There is no word that does less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Flags too
    Flag,
}

/// The words of `--format`; the same as the readers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatWord {
    /// One JSON value per line
    #[value(alias = "ndjson")]
    Jsonl,
    /// A JSON array of rows
    Json,
    /// Apache Parquet
    Parquet,
    /// Arrow IPC file (Feather V2)
    #[value(alias = "feather")]
    Arrow,
    /// Arrow IPC stream
    ArrowStream,
    /// Comma-separated values with a header line
    Csv,
    /// Tab-separated values with a header line
    Tsv,
    /// Plain text: the file is one document
    #[value(alias = "txt")]
    Text,
}

impl FormatWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow-stream",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Text => "text",
        }
    }
}

/// The words of `--acquisition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AcquisitionWord {
    /// Generated by your organisation, which accepted the model's license
    SelfGenerated,
    /// Received under a dataset license that restates the model's terms
    LicensedDataset,
    /// Found; whether the terms bind the finder is open
    Found,
}

impl From<AcquisitionWord> for Acquisition {
    fn from(word: AcquisitionWord) -> Self {
        match word {
            AcquisitionWord::SelfGenerated => Self::SelfGenerated,
            AcquisitionWord::LicensedDataset => Self::LicensedDataset,
            AcquisitionWord::Found => Self::Found,
        }
    }
}

/// A word that is more than white space.
pub(super) fn not_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("it is blank".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// A source name that can be printed, typed and found again.
fn source_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.trim() != text {
        return Err("a source name is not blank and has no white space around it".to_owned());
    }
    if text == SourceInfo::CANARY {
        return Err("this is the name of the index's own source".to_owned());
    }
    if text.chars().any(escape::is_deceptive) {
        return Err("a source name holds no control or invisible characters".to_owned());
    }
    if text.chars().count() > SOURCE_NAME_CHARS_MAX {
        return Err(format!(
            "a source name has at most {SOURCE_NAME_CHARS_MAX} characters"
        ));
    }
    Ok(text.to_owned())
}

/// A SHA-256 in hex, brought to lower case.
pub(super) fn sha256_hex(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a digest is a SHA-256: 64 hex digits".to_owned())
    }
}

/// A report file whose extension names a kind of report.
fn report_path(text: &str) -> Result<PathBuf, String> {
    match ReportKind::of(Path::new(text)) {
        Ok(_) => Ok(PathBuf::from(text)),
        Err(cause) => Err(cause.to_string()),
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
