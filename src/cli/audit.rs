//! `herdbook audit …`: the log of what was done; and what a check and a decision write into it.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use serde::Serialize;

use super::args::CheckArgs;
use super::args::Global;
use super::args::ListArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use super::table::Table;
use crate::audit;
use crate::audit::Approval;
use crate::audit::Check;
use crate::audit::Entry;
use crate::audit::Log;
use crate::audit::LogError;
use crate::audit::Logged;
use crate::audit::Record;
use crate::graph;
use crate::model::CheckOutcome;
use crate::model::lineage::Statement;
use crate::pipeline;
use crate::report;
use crate::report::escape;
use crate::snapshot;
use crate::snapshot::OpenError;
use crate::tlog::NOTE_BYTES_MAX;
use crate::tlog::Verifier;

/// `herdbook audit …`
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// List what was done: registrations, checks, decisions, seals
    #[command(after_help = "\
Entries hold names, numbers and digests, never text of your data.

Examples:
  herdbook audit log
  herdbook audit log --since 120 --json")]
    Log(AuditLogArgs),
    /// Recompute the log from its entries and compare everything with it
    #[command(after_help = "\
Exit 3 when anything differs, and the message says what. Keep a checkpoint now and
then, away from the index, and name it with --from: only a kept checkpoint shows
that somebody who holds the keys has written the whole log anew.

Examples:
  herdbook audit verify
  herdbook audit verify --from 2026-10.checkpoint --from 2026-11.checkpoint")]
    Verify(AuditVerifyArgs),
    /// Print the signed checkpoint, to be kept elsewhere
    #[command(after_help = "\
Example:
  herdbook audit checkpoint > 2026-11.checkpoint")]
    Checkpoint,
    /// Print the proof that an entry is in the log (C2SP tlog-proof)
    #[command(after_help = "\
Example:
  herdbook audit prove 41 > check-41.tlog-proof")]
    Prove(AuditProveArgs),
    /// Replace the key that signs the log, by an entry that the old key signs
    #[command(after_help = "\
The old private key is removed. Whoever verifies with the old verifier key is led
to the new one by the log itself; tell others the new line of keys/log.pub.")]
    RotateKey,
}

/// `herdbook audit log`
#[derive(Debug, Clone, Args)]
pub struct AuditLogArgs {
    /// Leave out the entries before this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub since: u64,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook audit verify`
#[derive(Debug, Clone, Args)]
pub struct AuditVerifyArgs {
    /// A checkpoint kept earlier; repeat for more
    #[arg(long = "from", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub from: Vec<PathBuf>,
    /// The verifier key that you know of this log, NAME+HASH+KEY
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// `herdbook audit prove`
#[derive(Debug, Clone, Args)]
pub struct AuditProveArgs {
    /// Number of the entry, as `herdbook audit log` prints it
    #[arg(value_name = "N")]
    pub number: u64,
    /// Also write the entry itself, the bytes that the proof is about
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub entry: Option<PathBuf>,
}

pub(super) fn run(global: &Global, command: &AuditCommand) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    match command {
        AuditCommand::Log(args) => log(&opened, args),
        AuditCommand::Verify(args) => verify(&opened, args),
        AuditCommand::Checkpoint => {
            let head = audit::head(&opened.dir, &opened.secrets.public()).or_undecided()?;
            out::print(&head.note)?;
            Ok(Exit::Pass)
        }
        AuditCommand::Prove(args) => prove(&opened, args),
        AuditCommand::RotateKey => rotate(&opened),
    }
}

#[derive(Serialize)]
struct Listed {
    index: u64,
    #[serde(flatten)]
    entry: Entry,
}

fn log(opened: &Opened, args: &AuditLogArgs) -> Result<Exit, Failure> {
    let mut listed = Vec::new();
    audit::entries(
        &opened.dir,
        &opened.secrets.public(),
        args.since,
        |index, entry| listed.push(Listed { index, entry }),
    )
    .or_undecided()?;
    if args.output.json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table = Table::new(&["ENTRY", "TIME", "WHAT", "SNAPSHOT", "DETAIL"]).right(&[0, 3]);
    for Listed { index, entry } in listed {
        table.row([
            index.to_string(),
            entry.time.clone(),
            entry.record.kind().to_owned(),
            entry.in_force.commit.number.to_string(),
            detail(&entry.record),
        ]);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}

/// What an entry says, in a few words.
pub(super) fn detail(record: &Record) -> String {
    match record {
        Record::Init(_) => "empty index".to_owned(),
        Record::Register(change) | Record::Withdraw(change) => format!(
            "{}, {} records in all",
            escape::identifier(change.source.as_deref().unwrap_or("?")),
            change.records
        ),
        Record::Seal(change) => format!("{} records in all", change.records),
        Record::Signoff(approval)
        | Record::Waive(approval)
        | Record::Reading(approval)
        | Record::Deployment(approval) => format!(
            "{} {} by {}",
            approval.action,
            escape::identifier(approval.request.as_deref().unwrap_or("")),
            escape::identifier(&approval.person)
        ),
        Record::Policy(change) => short(&change.policy),
        Record::Check(check) => {
            let counts: Vec<String> = ["pass", "flag", "block", "undecided"]
                .iter()
                .filter_map(|name| {
                    let count = check.tally.get(*name).copied().unwrap_or_default();
                    (count > 0).then(|| format!("{count} {name}"))
                })
                .collect();
            let verdict = escape::identifier(&check.verdict);
            format!(
                "{verdict}: {} inputs, rows {}",
                check.inputs,
                counts.join(", ")
            )
        }
        Record::Attest(attestation) => {
            let verdict = escape::identifier(&attestation.verdict);
            format!("{verdict}, of the check in entry {}", attestation.check)
        }
        Record::Share(share) => {
            let sources: Vec<String> = share
                .sources
                .iter()
                .map(|source| escape::identifier(source))
                .collect();
            format!("{} texts of {}", share.texts, sources.join(", "))
        }
        Record::Lineage(stated) => stated_detail(stated),
        Record::RotateKey(rotation) => format!("to {}", escape::identifier(&rotation.new)),
    }
}

/// What a statement about the lineage graph says, in a few words.
fn stated_detail(stated: &Statement) -> String {
    // What a command is about stands last.
    let about = stated.nodes.last().map(|claim| &claim.node);
    let about = about.or_else(|| stated.edges.last().map(|claim| &claim.to));
    let about = about.map_or_else(String::new, |node| escape::identifier(&node.to_string()));
    format!(
        "{}: {about}; {} nodes, {} edges, {} taken back",
        escape::identifier(&stated.command),
        stated.nodes.len(),
        stated.edges.len(),
        stated.gone.len(),
    )
}

/// The beginning of a digest.
fn short(digest: &str) -> String {
    escape::identifier(&digest.chars().take(16).collect::<String>())
}

#[derive(Serialize)]
struct Verified {
    origin: String,
    size: u64,
    root: String,
    kinds: std::collections::BTreeMap<&'static str, u64>,
    keys: Vec<String>,
    files: u64,
    snapshots: u64,
    kept_checkpoints: usize,
    notes: Vec<String>,
}

fn verify(opened: &Opened, args: &AuditVerifyArgs) -> Result<Exit, Failure> {
    let key = match &args.key {
        Some(text) => Some(
            Verifier::parse(text)
                .with_context(|| format!("--key {text}"))
                .or_usage()?,
        ),
        None => None,
    };
    let mut kept = Vec::new();
    for path in &args.from {
        let name = path.display().to_string();
        let unreadable = || format!("cannot read the checkpoint {name}");
        let file = fs::File::open(path)
            .with_context(unreadable)
            .or_undecided()?;
        let mut note = String::new();
        file.take(NOTE_BYTES_MAX as u64 + 1)
            .read_to_string(&mut note)
            .with_context(unreadable)
            .or_undecided()?;
        kept.push(audit::Kept { name, note });
    }
    let public = opened.secrets.public();
    let found = audit::verify(&opened.dir, &public, &kept, key.as_ref()).or_undecided()?;
    let mut snapshots = 0;
    for listed in snapshot::list(&opened.dir, &public).or_undecided()? {
        let logged = found.commits.get(&listed.seq);
        if listed.digest.is_none() || logged != listed.digest.as_ref() {
            // A seal that a crash kept from the log stands beyond its end.
            if logged.is_none() && !listed.head {
                continue;
            }
            return Err(Failure::undecided(anyhow!(
                "snapshot {} at {} is not the one that the audit log names: remove it, or restore it from a backup; `herdbook snapshot seal` seals the index again",
                listed.seq,
                listed.path.display()
            )));
        }
        snapshots += 1;
    }
    let verified = Verified {
        origin: found.checkpoint.origin,
        size: found.checkpoint.size,
        root: found.checkpoint.root.to_hex(),
        kinds: found.kinds,
        keys: found.keys,
        files: found.files,
        snapshots,
        kept_checkpoints: kept.len(),
        notes: found.notes,
    };
    for note in &verified.notes {
        out::note(note);
    }
    if args.output.json {
        out::json(&verified)?;
        return Ok(Exit::Pass);
    }
    let kinds: Vec<String> = verified
        .kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let mut text = format!(
        "The audit log verifies: every entry, file and signature\n  log       {}\n  entries   {} ({})\n  root      {}\n  files     {}\n  snapshots {} beside it are those that it names\n",
        escape::identifier(&verified.origin),
        verified.size,
        kinds.join(", "),
        verified.root,
        verified.files,
        verified.snapshots,
    );
    let keys = verified.keys.iter().map(|key| {
        let key = escape::identifier(key);
        format!("  key       {key}\n")
    });
    text.extend(keys);
    let kept = match verified.kept_checkpoints {
        0 => "  kept      no earlier checkpoint was named: `herdbook audit checkpoint` prints one to keep\n".to_owned(),
        count => format!("  kept      it grew from all {count} checkpoints named\n"),
    };
    text.push_str(&kept);
    out::print(&text)?;
    Ok(Exit::Pass)
}

fn prove(opened: &Opened, args: &AuditProveArgs) -> Result<Exit, Failure> {
    let (receipt, entry) = audit::receipt(&opened.dir, &opened.secrets.public(), args.number)
        .map_err(|error| {
            if matches!(error, LogError::NoEntry { .. }) {
                Failure::usage(error)
            } else {
                Failure::undecided(error)
            }
        })?;
    if let Some(path) = &args.entry {
        fs::write(path, entry)
            .with_context(|| format!("cannot write {}", path.display()))
            .or_undecided()?;
    }
    out::print(&receipt.to_text())?;
    Ok(Exit::Pass)
}

fn rotate(opened: &Opened) -> Result<Exit, Failure> {
    let mut log = Log::open(&opened.dir, &opened.secrets);
    let logged = log.rotate_key(&opened::now()?).or_undecided()?;
    let public = log.secrets().public();
    let key = public.log(&logged.checkpoint.origin).next();
    out::print(&format!(
        "The log is signed by a new key since entry {}; back up {} again\n  key  {}\n",
        logged.index,
        escape::terminal(&opened.dir.keys().display().to_string()),
        key.map_or_else(String::new, Verifier::to_vkey),
    ))?;
    Ok(Exit::Pass)
}

/// Logs a check that read the index. Where that fails, the check is undecided and says why.
/// `sketches` is the digest of those that were kept. Returns where it stands; `None` where nothing was logged: a travelling snapshot has no log, and
/// without an index there is none.
pub(super) fn log_check(
    global: &Global,
    args: &CheckArgs,
    outcome: &mut CheckOutcome,
    sketches: Option<String>,
) -> Option<Logged> {
    if args.snapshot.is_some() {
        return None;
    }
    match append_check(global, outcome, sketches) {
        Ok(logged) => logged,
        // Undecided already, and most often for the same reason: said, but no finding of its own.
        Err(error) if outcome.index.is_none() => {
            out::warn(&format!(
                "this check was not entered into the audit log: {error:#}"
            ));
            None
        }
        Err(error) => {
            let read_only = "the log must be writable for a check; a read-only copy is checked as a travelling snapshot, which is not logged: --snapshot DIR --snapshot-digest HEX";
            pipeline::not_logged(outcome, &format!("{error:#}"), read_only);
            None
        }
    }
}

fn append_check(
    global: &Global,
    outcome: &CheckOutcome,
    sketches: Option<String>,
) -> Result<Option<Logged>, anyhow::Error> {
    let opened = match Opened::find(global) {
        Ok(opened) => opened,
        // The outcome says so already, and there is no log to write to.
        Err(OpenError::NoIndex { .. }) if outcome.index.is_none() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Nothing was asked, and what is wrong is said: a log that is not there gains nothing.
    if outcome.index.is_none() && !opened.dir.log().exists() {
        return Ok(None);
    }
    let json = report::wire::to_json(outcome)?;
    let check = Check {
        sketches,
        ..Check::of(outcome, &json)?
    };
    let mut log = Log::open(&opened.dir, &opened.secrets);
    // Nothing is written beside a log that cannot be appended to.
    log.head()?;
    // Before the entry that names it: what is logged can be followed.
    graph::keep_verdict(&opened.dir, &json)?;
    let now = opened::now().map_err(|failure| failure.error)?;
    let logged = log.append_check(&now, check)?;
    for note in log.take_notes() {
        out::note(&note);
    }
    Ok(Some(logged))
}

/// The log that a decision is to be entered into, proven to be usable; `None` where the command
/// runs without an index, as approvals may be kept in a repository that has none.
pub(super) fn for_approvals(global: &Global) -> Result<Option<Log>, Failure> {
    let dir = opened::index_dir(global);
    if !dir.log().exists() {
        return Ok(None);
    }
    let opened = Opened::find(global).or_undecided()?;
    let log = Log::open(&opened.dir, &opened.secrets);
    log.head().or_undecided()?;
    Ok(Some(log))
}

/// Enters a line of the approvals into the log.
pub(super) fn log_approval(
    log: Option<Log>,
    record: fn(Approval) -> Record,
    approval: Approval,
) -> Result<(), Failure> {
    let Some(mut log) = log else {
        out::note(
            "there is no index here, so the decision stands in the approvals and in no audit log",
        );
        return Ok(());
    };
    log.append(&opened::now()?, record(approval))
        .context("the decision was recorded in the approvals, and not in the audit log")
        .or_undecided()?;
    Ok(())
}
