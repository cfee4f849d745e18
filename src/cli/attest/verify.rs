//! `herdbook attest verify`: whether data may be used, answered offline.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context as _;
use anyhow::anyhow;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::super::args::FailOn;
use super::super::args::Global;
use super::super::date::Date;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::inputs;
use super::super::opened;
use super::super::out;
use super::super::target;
use super::VerifyArgs;
use super::files;
use super::receipt;
use super::write::sha256_from;
use super::write::sha256_of;
use crate::attest;
use crate::attest::Predicate;
use crate::attest::Statement;
use crate::attest::StatementError;
use crate::attest::VerdictWord;
use crate::attest::accept;
use crate::attest::accept::Demands;
use crate::attest::accept::Given;
use crate::attest::bundle;
use crate::model::target::Target;
use crate::report::escape;

/// Files of the data that are named in a message. Chosen: a screen.
const REFUSALS_SHOWN: usize = 20;

/// The public key of the index, where no other is named.
const PUBLIC_KEY: &str = "attest.pub";

/// The answer, for machines.
#[derive(Serialize)]
struct Answer {
    accepted: bool,
    exit_code: u8,
    /// Null where the signature or the form did not hold: then nothing it says counts.
    verdict: Option<VerdictWord>,
    /// Id of the key that signed.
    key_id: Option<String>,
    /// Where it stands in an audit log; null unless that was to be proven.
    log: Option<LogEntry>,
    refusals: Vec<Said>,
    data: Vec<Datum>,
    /// The verified statement.
    statement: Option<Statement<Predicate>>,
}

#[derive(Serialize)]
struct Said {
    code: &'static str,
    reason: String,
    remedy: String,
}

#[derive(Serialize)]
struct LogEntry {
    origin: String,
    entry: u64,
}

#[derive(Serialize)]
struct Datum {
    name: String,
    sha256: String,
}

pub(super) fn run(global: &Global, args: &VerifyArgs) -> Result<Exit, Failure> {
    let keys = keys(global, &args.keys)?;
    let target_sha256 = wanted_target(args)?;
    let today = today(args.as_of)?;
    // The statement first: where it cannot be accepted at all, nothing is hashed for it.
    let opened = files::read(&args.attestation)
        .map_err(|error| {
            unproven(
                "unreadable",
                &error,
                "name the attestation that the check wrote",
            )
        })
        .and_then(|bytes| open(&bytes, &keys));
    let opened = opened.and_then(|opened| logged(args, opened));
    let (statement, key, log) = match opened {
        Ok(opened) => opened,
        Err(reason) => {
            let answer = Answer {
                accepted: false,
                exit_code: Exit::Undecided.code(),
                verdict: None,
                key_id: None,
                log: None,
                refusals: vec![reason],
                data: Vec::new(),
                statement: None,
            };
            return tell(args, &answer, Exit::Undecided);
        }
    };
    let data = data(args)?;
    let refusals = accept::judge(
        &statement,
        &Demands {
            data: &data,
            subset: args.subset,
            policy_digest: args.policy_digest.as_deref(),
            target_sha256: target_sha256.as_deref(),
            today,
            max_age_days: args.max_age,
            fail_on_flag: args.fail_on == Some(FailOn::Flag),
            no_exempt_columns: args.no_exempt_columns,
        },
    );
    let exit = if refusals.is_empty() {
        Exit::Pass
    } else if refusals.iter().all(accept::Refusal::is_of_the_check) {
        Exit::Block
    } else {
        Exit::Undecided
    };
    let answer = Answer {
        accepted: refusals.is_empty(),
        exit_code: exit.code(),
        verdict: Some(statement.predicate.verdict),
        key_id: Some(attest::key_id(&key)),
        log,
        refusals: refusals
            .iter()
            .map(|refusal| Said {
                code: refusal.code(),
                reason: refusal.to_string(),
                remedy: refusal.remedy().to_owned(),
            })
            .collect(),
        data: data
            .into_iter()
            .map(|Given { name, sha256 }| Datum { name, sha256 })
            .collect(),
        statement: Some(statement),
    };
    tell(args, &answer, exit)
}

/// What an attestation says that was accepted for data.
pub(in crate::cli) struct Accepted {
    /// SHA-256 of the signed statement, hex.
    pub(in crate::cli) statement: String,
    /// `pass` or `flag`.
    pub(in crate::cli) verdict: VerdictWord,
    /// Until when it may be relied on, RFC 3339.
    pub(in crate::cli) expires: String,
    /// Id of the key that signed.
    pub(in crate::cli) key_id: String,
}

/// Accepts an attestation for data that is about to be used for `target`, today, as `attest verify
/// --subset` would; keys as there. Refused is exit 1 where the check said no, otherwise 3.
pub(in crate::cli) fn accepted(
    global: &Global,
    attestation: &Path,
    key_files: &[PathBuf],
    data: &[Given],
    target: Option<&Target>,
) -> Result<Accepted, Failure> {
    let keys = keys(global, key_files)?;
    let target_sha256 = target
        .map(attest::target_digest)
        .transpose()
        .or_undecided()?;
    let bytes = files::read(attestation).or_undecided()?;
    let (statement, sha256, key) = open(&bytes, &keys).map_err(|said| {
        Failure::undecided(anyhow!(
            "{}: {}; {}",
            attestation.display(),
            said.reason,
            said.remedy
        ))
    })?;
    let refusals = accept::judge(
        &statement,
        &Demands {
            data,
            subset: true,
            policy_digest: None,
            target_sha256: target_sha256.as_deref(),
            today: today(None)?,
            max_age_days: None,
            fail_on_flag: false,
            no_exempt_columns: false,
        },
    );
    if let Some(first) = refusals.first() {
        let more = refusals.len() - 1;
        let error = anyhow!(
            "{} does not hold for this: {first}{}; {}",
            attestation.display(),
            if more > 0 {
                format!(", and {more} more reasons")
            } else {
                String::new()
            },
            first.remedy(),
        );
        let of_the_check = refusals.iter().all(accept::Refusal::is_of_the_check);
        return Err(if of_the_check {
            Failure {
                exit: Exit::Block,
                ..Failure::undecided(error)
            }
        } else {
            Failure::undecided(error)
        });
    }
    Ok(Accepted {
        statement: sha256,
        verdict: statement.predicate.verdict,
        expires: statement.predicate.expires,
        key_id: attest::key_id(&key),
    })
}

/// The day that expiries are compared with.
fn today(as_of: Option<Date>) -> Result<jiff::civil::Date, Failure> {
    let today = match as_of {
        Some(date) => date,
        None => Date::of(SystemTime::now()).map_err(|e| Failure::undecided(anyhow!(e)))?,
    };
    today.to_string().parse().or_usage()
}

/// A statement out of verified bytes, the digest of those, and the key that signed them.
type Opened = (Statement<Predicate>, String, VerifyingKey);

/// Proves that it stands in the audit log, where that is demanded.
fn logged(
    args: &VerifyArgs,
    (statement, sha256, key): Opened,
) -> Result<(Statement<Predicate>, VerifyingKey, Option<LogEntry>), Said> {
    if args.log_keys.is_empty() {
        return Ok((statement, key, None));
    }
    let proven = receipt::proven(&args.attestation, &args.log_keys, &statement, &sha256);
    match proven {
        Ok((origin, entry)) => Ok((statement, key, Some(LogEntry { origin, entry }))),
        Err(error) => Err(unproven(
            "not-logged",
            &error,
            "get the .tlog-proof and .tlog-entry files that were written beside the attestation, \
             and the log.pub of who made it",
        )),
    }
}

/// Verifies the envelope and reads the statement in the verified bytes.
fn open(bytes: &[u8], keys: &[VerifyingKey]) -> Result<Opened, Said> {
    let remedy = "get the attestation again from where it was made, with the public key of who made \
                  it (--key)";
    let reason = |error: StatementError| {
        let code = match error {
            StatementError::Envelope(_) => "not-signed",
            StatementError::Form(_)
            | StatementError::Kind { .. }
            | StatementError::PredicateType { .. } => "no-statement",
        };
        unproven(code, &error.into(), remedy)
    };
    let verified = bundle::read(bytes)
        .and_then(|envelope| envelope.verify(keys))
        .map_err(|error| reason(error.into()))?;
    let statement = Statement::read(&verified).map_err(reason)?;
    let sha256 = hex::encode(Sha256::digest(verified.payload()));
    Ok((statement, sha256, *verified.key()))
}

fn unproven(code: &'static str, error: &anyhow::Error, remedy: &str) -> Said {
    Said {
        code,
        reason: format!("{error:#}"),
        remedy: remedy.to_owned(),
    }
}

/// The keys of which one must have signed.
fn keys(global: &Global, named: &[PathBuf]) -> Result<Vec<VerifyingKey>, Failure> {
    let paths: Vec<PathBuf> = if named.is_empty() {
        let path = opened::index_dir(global).keys().join(PUBLIC_KEY);
        if !path.exists() {
            return Err(Failure::usage(anyhow!(
                "there is no {} to verify with: name the public key of who attested with --key \
                 attest.pub",
                path.display()
            )));
        }
        vec![path]
    } else {
        named.to_vec()
    };
    paths.iter().map(|path| key(path)).collect()
}

fn key(path: &Path) -> Result<VerifyingKey, Failure> {
    let bytes = files::read(path).or_usage()?;
    let text = String::from_utf8_lossy(&bytes);
    attest::public_key(&text).ok_or_else(|| {
        Failure::usage(anyhow!(
            "{} is no Ed25519 public key in PEM, as attest.pub is",
            path.display()
        ))
    })
}

fn wanted_target(args: &VerifyArgs) -> Result<Option<String>, Failure> {
    if args.target.is_none() && args.target_model.is_none() {
        return Ok(None);
    }
    let target = target::of(args.target.as_deref(), args.target_model.as_deref())?;
    Ok(Some(attest::target_digest(&target).or_undecided()?))
}

/// Hashes the data that was named.
fn data(args: &VerifyArgs) -> Result<Vec<Given>, Failure> {
    let mut data: Vec<Given> = args
        .digests
        .iter()
        .map(|sha256| Given {
            name: format!("sha256:{sha256}"),
            sha256: sha256.clone(),
        })
        .collect();
    for input in inputs::expand(&args.data) {
        let input = input.or_undecided()?;
        let sha256 = match &input.path {
            Some(path) => sha256_of(path),
            None => sha256_from(&mut io::stdin().lock()).context("cannot read standard input"),
        };
        data.push(Given {
            name: input.name.to_string(),
            sha256: sha256.or_undecided()?,
        });
    }
    if data.is_empty() {
        return Err(Failure::undecided(anyhow!(
            "there is no file in the data that was named"
        )));
    }
    Ok(data)
}

fn tell(args: &VerifyArgs, answer: &Answer, exit: Exit) -> Result<Exit, Failure> {
    if args.json {
        out::json(answer)?;
        return Ok(exit);
    }
    out::print(&text(answer))?;
    Ok(exit)
}

fn text(answer: &Answer) -> String {
    let mut lines = Vec::new();
    if !answer.accepted {
        lines
            .push("REFUSED: this data may not be used on the strength of this attestation.".into());
        for refusal in answer.refusals.iter().take(REFUSALS_SHOWN) {
            lines.push(format!("  {}", escape::terminal(&refusal.reason)));
            lines.push(format!("    fix: {}", escape::terminal(&refusal.remedy)));
        }
        let more = answer.refusals.len().saturating_sub(REFUSALS_SHOWN);
        if more > 0 {
            lines.push(format!("  and {more} more reasons (--json lists them)"));
        }
        lines.push(String::new());
        return lines.join("\n");
    }
    let (Some(statement), Some(key)) = (&answer.statement, &answer.key_id) else {
        return String::new();
    };
    let predicate = &statement.predicate;
    let word = match predicate.verdict {
        VerdictWord::Flag => "ACCEPTED WITH FLAGS",
        VerdictWord::Pass | VerdictWord::Undecided | VerdictWord::Block => "ACCEPTED",
    };
    let files = statement.subject.len();
    let s = if files == 1 { "" } else { "s" };
    lines.push(format!(
        "{word}: {files} file{s}, {} rows checked, good until {}.",
        predicate.rows.read, predicate.expires
    ));
    if let Some(snapshot) = &predicate.snapshot {
        lines.push(format!(
            "  checked against the {} sources of snapshot {} under policy {}",
            snapshot.sources,
            snapshot.number,
            escape::identifier(&predicate.policy.name)
        ));
    }
    lines.push(format!("  signed by key {key}"));
    if let Some(log) = &answer.log {
        lines.push(format!(
            "  entry {} of log {}",
            log.entry,
            escape::identifier(&log.origin)
        ));
    }
    if predicate.findings.flag > 0 {
        lines.push(format!("  {} findings are flags", predicate.findings.flag));
    }
    for duty in &predicate.obligations {
        lines.push(format!(
            "  duty ({}): {}",
            escape::terminal(&duty.state),
            escape::terminal(&duty.text)
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
