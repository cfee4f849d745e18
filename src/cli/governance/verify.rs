//! `herdbook licenses verify FILE`: which license or use policy a text is, byte for byte.

use std::path::PathBuf;

use clap::Args;
use clap::ValueHint;
use serde::Serialize;

use super::super::args::Global;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use super::FileArgs;
use super::document;
use super::license;
use super::read_ledger;
use crate::catalog::OfficialText;
use crate::governance::Ask;
use crate::governance::Ledger;
use crate::governance::State;

/// `herdbook licenses verify`
#[derive(Debug, Clone, Args)]
pub struct LicensesVerifyArgs {
    /// License or use policy text, as downloaded
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// The license that it should be, as `herdbook licenses list` prints it
    #[arg(long, value_name = "LICENSE")]
    pub license: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Which files.
    #[command(flatten)]
    pub files: FileArgs,
}

#[derive(Serialize)]
struct Verified {
    file: String,
    sha256: String,
    /// The license whose text it is, byte for byte.
    license: Option<String>,
    /// The license whose use policy it is, byte for byte.
    use_policy: Option<String>,
    /// The license that it was compared with.
    expected: Option<String>,
    expected_sha256: Option<String>,
    matches: bool,
    /// Sign-offs that name the expected license and would be stale with this text.
    would_be_stale: Vec<String>,
}

/// Exit 0 when the text is what it should be, or, where nothing was expected, any known text.
pub(in crate::cli) fn run(global: &Global, args: &LicensesVerifyArgs) -> Result<Exit, Failure> {
    let catalog = catalog::of_index(global)?;
    let text = document(&args.file)?;
    let expected = match &args.license {
        Some(id) => Some(license(&catalog, id)?),
        None => None,
    };
    let found = catalog.text_with_digest(&text.sha256);
    let named = |wanted| {
        let found = found.filter(|(_, which)| *which == wanted);
        found.map(|(license, _)| license.id.clone())
    };
    let matches = match &expected {
        Some(expected) => found.is_some_and(|(license, _)| license.id == expected.id),
        None => found.is_some(),
    };
    let would_be_stale = match &expected {
        Some(expected) if !matches => {
            let files = args.files.find(global)?;
            naming(&read_ledger(&files).or_undecided()?, &expected.id)
        }
        Some(_) | None => Vec::new(),
    };
    let verified = Verified {
        file: args.file.to_string_lossy().into_owned(),
        license: named(OfficialText::License),
        use_policy: named(OfficialText::UsePolicy),
        expected_sha256: expected.as_ref().and_then(|license| license.sha256.clone()),
        expected: expected.map(|license| license.id.clone()),
        sha256: text.sha256,
        matches,
        would_be_stale,
    };
    if args.json {
        out::json(&verified)?;
    } else {
        out::print(&said(&verified))?;
    }
    Ok(if matches { Exit::Pass } else { Exit::Block })
}

/// Sign-offs, pending or approved, that name a license.
fn naming(ledger: &Ledger, license: &str) -> Vec<String> {
    ledger
        .requests()
        .iter()
        .filter(|request| matches!(request.state, State::Pending | State::Approved(_)))
        .filter(|request| match &request.ask {
            Ask::SignOff(ask) => ask.license == license,
            Ask::Waiver(_) | Ask::Reading(_) => false,
        })
        .map(|request| format!("{} ({})", request.id, request.ask.scope()))
        .collect()
}

fn said(verified: &Verified) -> String {
    let mut text = format!("{}\n  sha256  {}\n", verified.file, verified.sha256);
    let is = match (&verified.license, &verified.use_policy) {
        (Some(license), _) => format!("the text of {license}, byte for byte"),
        (None, Some(license)) => format!("the use policy of {license}, byte for byte"),
        (None, None) => "none of the texts whose digest the catalog holds. Another copy of the \
                         same text can differ in line ends, quotes or host names; the catalog holds \
                         no text to compare word by word"
            .to_owned(),
    };
    let line = format!("  is      {is}\n");
    text.push_str(&line);
    if let Some(expected) = &verified.expected {
        let line = match (&verified.expected_sha256, verified.matches) {
            (_, true) => format!("  still   {expected} as the catalog holds it\n"),
            (Some(sha256), false) => {
                format!("  not     {expected} as the catalog holds it ({sha256})\n")
            }
            (None, false) => {
                format!("  not     known: the catalog holds no digest of {expected}\n")
            }
        };
        text.push_str(&line);
        if !verified.matches && !verified.would_be_stale.is_empty() {
            text.push_str("  If this is the new official text, these sign-offs become stale:\n");
            for each in &verified.would_be_stale {
                let line = format!("    {each}\n");
                text.push_str(&line);
            }
        }
    }
    text
}
