//! What `herdbook signoff`, `waive` and `reading` are asked.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueHint;

use super::super::date::Date;
use super::FileArgs;
use super::SignerArgs;
use crate::governance::TARGET_ANY;
use crate::governance::WaiverReason;

/// `herdbook signoff …`
#[derive(Debug, Clone, Subcommand)]
pub enum SignoffCommand {
    /// Ask that an open question of one license version be taken as answered
    #[command(after_help = "\
A sign-off is for one license version and the text that the catalog holds of it
now. It turns findings that need review into flags; it never touches what is
prohibited, undecided, or a duty that is not met. Somebody else approves it.

Example:
  herdbook signoff request --license llama-3 \\
      --question llama-3:language-model-covers-other-kinds \\
      --evidence memo.pdf --expires 2027-06-30 --as jdoe --key jdoe.pem")]
    Request(SignoffRequestArgs),
    /// Approve somebody else's request
    Approve(DecideArgs),
    /// Reject somebody else's request
    Reject(DecideArgs),
    /// Take back a request, or an approval before its last day
    Revoke(DecideArgs),
    /// List sign-offs with their standing
    List(RequestListArgs),
}

/// `herdbook waive …`
#[derive(Debug, Clone, Subcommand)]
pub enum WaiveCommand {
    /// Ask that a block be let through for a while, at the organisation's risk
    #[command(after_help = "\
A waiver permits nothing: it says that the organisation bears the risk. It needs
a scope (license, source or target), a reason out of the list, and somebody else
who approves it. It lowers a block to a flag, never what is undecided.

Reasons: false-match, source-mislabelled, own-text, separate-grant-pending,
duty-met-elsewhere, counsel-risk-accepted, test-data-only,
removed-in-next-build.

Example:
  herdbook waive request --code llama-output-prohibited --source faq-2024 \\
      --reason false-match --expires 2026-12-31 --as jdoe --key jdoe.pem")]
    Request(WaiveRequestArgs),
    /// Ask that the blocks of these reports be let through as known; new ones are not covered
    #[command(after_help = "\
Lists exactly the blocked findings of verdict JSON reports, by content of the
file, row, column, code and license. A changed file or a new finding is blocked.

Example:
  herdbook waive baseline report.json --reason removed-in-next-build \\
      --expires 2026-12-31 --as jdoe --key jdoe.pem")]
    Baseline(WaiveBaselineArgs),
    /// Approve somebody else's request
    Approve(DecideArgs),
    /// Reject somebody else's request
    Reject(DecideArgs),
    /// Take back a request, or an approval before its last day
    Revoke(DecideArgs),
    /// List waivers with their standing
    List(RequestListArgs),
}

/// `herdbook reading …`
#[derive(Debug, Clone, Subcommand)]
pub enum ReadingCommand {
    /// Ask that an adopted reading of the texts be answered another way
    #[command(after_help = "\
Example:
  herdbook reading request --id rewriting-is-output --answer open \\
      --expires 2027-06-30 --as jdoe --key jdoe.pem")]
    Request(ReadingRequestArgs),
    /// Approve somebody else's request
    Approve(DecideArgs),
    /// Reject somebody else's request
    Reject(DecideArgs),
    /// Take back a request, or an approval before its last day
    Revoke(DecideArgs),
    /// List switched readings with their standing
    List(RequestListArgs),
}

/// `herdbook signoff request`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook signoff request [OPTIONS] --license LICENSE --evidence FILE\n       --expires DATE --as PERSON --key FILE"
)]
pub struct SignoffRequestArgs {
    /// License version, as `herdbook licenses list` prints it; no other is covered
    #[arg(long, value_name = "LICENSE")]
    pub license: String,

    /// Legal question, as findings and `herdbook review list` name it [default: all of this license]
    #[arg(long, value_name = "QUESTION")]
    pub question: Option<String>,

    /// Name of the target it is limited to, or *
    #[arg(long, value_name = "NAME", default_value = TARGET_ANY)]
    pub target: String,

    /// Base model of the target it is limited to
    #[arg(long, value_name = "ID")]
    pub base: Option<String>,

    /// Host whose terms on outputs were read; limits it to outputs generated there
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// The opinion it rests on; its digest is recorded, not its text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub evidence: PathBuf,

    /// What every request has.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `herdbook waive request`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook waive request [OPTIONS] --code CODE --reason REASON\n       --expires DATE --as PERSON --key FILE"
)]
pub struct WaiveRequestArgs {
    /// Finding code to let through
    #[arg(long, value_name = "CODE")]
    pub code: String,

    /// Limited to outputs under this license
    #[arg(long, value_name = "LICENSE")]
    pub license: Option<String>,

    /// Limited to matches with this registered source
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    /// Limited to the target with this name
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,

    /// What every waiver has.
    #[command(flatten)]
    pub waiver: WaiverArgs,
}

/// `herdbook waive baseline`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook waive baseline [OPTIONS] --reason REASON --expires DATE\n       --as PERSON --key FILE REPORT.json..."
)]
pub struct WaiveBaselineArgs {
    /// Verdict JSON reports whose blocked findings are known
    #[arg(value_name = "REPORT.json", required = true, value_hint = ValueHint::FilePath)]
    pub reports: Vec<PathBuf>,

    /// Limited to the target with this name
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,

    /// What every waiver has.
    #[command(flatten)]
    pub waiver: WaiverArgs,
}

/// What every waiver has.
#[derive(Debug, Clone, Args)]
pub struct WaiverArgs {
    /// Why, out of the closed list (docs/governance.md)
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: WaiverReason,

    /// A document it rests on; its digest is recorded, not its text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub evidence: Option<PathBuf>,

    /// What every request has.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `herdbook reading request`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook reading request [OPTIONS] --id READING --answer ANSWER\n       --expires DATE --as PERSON --key FILE"
)]
pub struct ReadingRequestArgs {
    /// Id of the reading, as findings cite it
    #[arg(long, value_name = "READING")]
    pub id: String,

    /// The answer to adopt: yes, no or open
    #[arg(long, value_name = "ANSWER")]
    pub answer: String,

    /// A document it rests on; its digest is recorded, not its text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub evidence: Option<PathBuf>,

    /// What every request has.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What every request has.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Last day on which it holds, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub expires: Date,

    /// In your words, for those who decide and for auditors
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who signs.
    #[command(flatten)]
    pub signer: SignerArgs,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

/// `… approve`, `… reject`, `… revoke`
#[derive(Debug, Clone, Args)]
pub struct DecideArgs {
    /// Id of the request, as the lists print it
    #[arg(value_name = "ID")]
    pub id: String,

    /// In your words, for auditors
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who signs.
    #[command(flatten)]
    pub signer: SignerArgs,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

/// `… list`
#[derive(Debug, Clone, Args)]
pub struct RequestListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

fn reason(word: &str) -> Result<WaiverReason, String> {
    WaiverReason::parse(word).ok_or_else(|| {
        let lines: Vec<String> = WaiverReason::ALL
            .iter()
            .map(|reason| format!("\n  {}: {}", reason.as_str(), reason.meaning()))
            .collect();
        format!("it is none of the reasons there are:{}", lines.concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_outside_the_list_is_answered_with_the_list() {
        assert_eq!(reason("false-match"), Ok(WaiverReason::FalseMatch));
        let said = reason("urgent").expect_err("not in the list");
        for each in WaiverReason::ALL {
            assert!(said.contains(each.as_str()), "{said}");
        }
    }
}
