//! `herdbook attest …`, and `--attest` of a check: writing, verifying and showing attestations.

mod files;
mod receipt;
mod show;
mod verify;
mod write;

pub(super) use verify::accepted;

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueHint;

use super::args::FailOn;
use super::args::Global;
use super::date::Date;
use super::exit::Exit;
use super::exit::Failure;
use crate::tlog::Verifier;

pub(super) use write::Checked;
pub(super) use write::Planned;

/// Days that an attestation is good for unless the caller says otherwise. Chosen: a month's
/// registrations are missing from it at most.
const DAYS_DEFAULT: u16 = 30;

/// Options of a check that is to be attested.
#[derive(Debug, Clone, Default, Args)]
pub struct AttestArgs {
    /// Attest what was checked: write a signed statement to this file, last of all
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub attest: Option<PathBuf>,

    /// Days that the attestation may be relied on
    #[arg(long, value_name = "DAYS", requires = "attest", default_value_t = DAYS_DEFAULT,
        value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub attest_days: u16,
}

/// `herdbook attest …`
#[derive(Debug, Clone, Subcommand)]
pub enum AttestCommand {
    /// Verify an attestation for data that is about to be used: the gate at a trainer's start
    #[command(after_help = "\
Works offline. Every file given must be one that was checked, and every file that
was checked must be given. Exit codes: 0 accepted, 1 it attests a block (or a flag,
with --fail-on flag), 2 bad usage, 3 nothing is proven. Hashing the data is what
takes time; where its digest is known already, give --digest.

Examples:
  herdbook attest verify train.attest --data data/ --target target.toml \\
      --key attest.pub --max-age 7
  herdbook attest verify train.attest --digest sha256:9f86d08… --key attest.pub")]
    Verify(VerifyArgs),
    /// Show what an attestation says, without verifying it
    Show(ShowArgs),
}

/// `herdbook attest verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The attestation, or the Sigstore bundle beside it
    #[arg(value_name = "ATTESTATION", value_hint = ValueHint::FilePath)]
    pub attestation: PathBuf,

    /// Data that is about to be used: files, folders or globs; - is standard input
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "digests",
        value_hint = ValueHint::AnyPath)]
    pub data: Vec<String>,

    /// Digest of data that was hashed already; repeat for more
    #[arg(long = "digest", value_name = "sha256:HEX", value_parser = sha256_digest)]
    pub digests: Vec<String>,

    /// Public key that must have signed, in PEM; repeat for more [default: the index's attest.pub]
    #[arg(long = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Vec<PathBuf>,

    /// Digest that the policy must have, of its meaning or of its file
    #[arg(long, value_name = "HEX", value_parser = sha256_digest)]
    pub policy_digest: Option<String>,

    /// The target that it must be for, as a file
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath,
        conflicts_with = "target_model")]
    pub target: Option<PathBuf>,

    /// The target that it must be for, by the id of the model the run starts from
    #[arg(long, value_name = "ID")]
    pub target_model: Option<String>,

    /// Verifier key of the audit log that it must be in (log.pub); repeat for more
    #[arg(long = "log-key", value_name = "VKEY", value_parser = log_key)]
    pub log_keys: Vec<Verifier>,

    /// Oldest check that is good enough, in days
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u32>,

    /// The day on which it is relied on, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// With the word flag: refuse flags too, with exit 1
    #[arg(long, value_name = "LEVEL", value_enum, hide_possible_values = true)]
    pub fail_on: Option<FailOn>,

    /// Accept it for less data than was checked
    #[arg(long)]
    pub subset: bool,

    /// Refuse it if columns with text were left out of the check
    #[arg(long)]
    pub no_exempt_columns: bool,

    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `herdbook attest show`
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The attestation, or the Sigstore bundle beside it
    #[arg(value_name = "ATTESTATION", value_hint = ValueHint::FilePath)]
    pub attestation: PathBuf,

    /// Print the statement as JSON
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(global: &Global, command: &AttestCommand) -> Result<Exit, Failure> {
    match command {
        AttestCommand::Verify(args) => verify::run(global, args),
        AttestCommand::Show(args) => show::run(args),
    }
}

fn log_key(text: &str) -> Result<Verifier, String> {
    Verifier::parse(text.trim()).map_err(|error| error.to_string())
}

/// 64 hex digits, with or without `sha256:`, as lower-case hex.
fn sha256_digest(text: &str) -> Result<String, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(hex.to_ascii_lowercase())
    } else {
        Err("a digest is sha256: and 64 hex digits".to_owned())
    }
}
