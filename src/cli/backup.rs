//! `herdbook backup DIR`, `herdbook restore DIR`.

use std::path::PathBuf;

use clap::Args;
use clap::ValueHint;
use serde::Serialize;

use super::args::Global;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use crate::index::Secrets;
use crate::report::escape;
use crate::snapshot;
use crate::snapshot::Backup;
use crate::snapshot::BackupError;

/// `herdbook backup`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The newest snapshot, the log, the configuration and the approvals, each file with
its digest, the list of them signed. Checks and registrations may go on meanwhile.
Keys are left out unless you say so: keep them apart from the backups, and keep them.

Examples:
  herdbook backup /backups/herdbook-2026-11-22
  herdbook restore /backups/herdbook-2026-11-22 --index restored")]
pub struct BackupArgs {
    /// Folder to write; it must not exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: PathBuf,
    /// Put the keys in too: whoever has the backup then has the index
    #[arg(long)]
    pub with_keys: bool,
    /// How to print.
    #[command(flatten)]
    pub output: super::args::ListArgs,
}

/// `herdbook restore`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Every byte is compared with the signed list, and the result is opened as a check and
as a registration would, before it gets its name. What was registered after the
backup was made is not in it, and cannot be known from it: hold the log against a
checkpoint that you kept (`herdbook audit verify --from FILE`).

Example:
  HERDBOOK_KEYS=/secure/keys herdbook restore /backups/herdbook-2026-11-22")]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub from: PathBuf,
    /// Compare everything, and restore nothing
    #[arg(long)]
    pub verify_only: bool,
    /// How to print.
    #[command(flatten)]
    pub output: super::args::ListArgs,
}

#[derive(Serialize)]
struct Done<'a> {
    path: String,
    commit: u64,
    snapshot: &'a str,
    time: &'a str,
    sources: u64,
    records: u64,
    files: usize,
    bytes: u64,
    keys: bool,
}

pub(super) fn backup(global: &Global, args: &BackupArgs) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let spinner = Progress::spinner("backing up", global.quiet || args.output.json);
    let made = snapshot::backup(
        &opened.dir,
        &opened.secrets,
        &opened.compat,
        &args.to,
        args.with_keys,
        &opened::now()?,
    );
    spinner.finish();
    let made = made.map_err(failure)?;
    told("Backed up to", &args.to, &made, args.output.json)?;
    if !made.keys && !args.output.json {
        out::note("the keys are not in it: a backup without its keys cannot be restored");
    }
    Ok(Exit::Pass)
}

pub(super) fn restore(global: &Global, args: &RestoreArgs) -> Result<Exit, Failure> {
    let dir = opened::index_dir(global);
    let spinner = Progress::spinner("restoring", global.quiet || args.output.json);
    let compat = |secrets: &Secrets| opened::compat_of(&dir, secrets);
    let done = if args.verify_only {
        snapshot::verify_backup(&args.from, &dir)
    } else {
        snapshot::restore(&args.from, &dir, compat)
    };
    spinner.finish();
    let done = done.map_err(failure)?;
    if args.verify_only {
        told("Verifies:", &args.from, &done, args.output.json)?;
    } else {
        told("Restored to", &global.index, &done, args.output.json)?;
    }
    Ok(Exit::Pass)
}

fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Exists { .. } => Failure::usage(error),
        BackupError::NoBackup { .. }
        | BackupError::Damaged { .. }
        | BackupError::NoKeys { .. }
        | BackupError::Busy { .. }
        | BackupError::Open(_)
        | BackupError::Store(_) => Failure::undecided(error),
    }
}

fn told(what: &str, path: &std::path::Path, done: &Backup, json: bool) -> Result<(), Failure> {
    let path = path.display().to_string();
    if json {
        return out::json(&Done {
            path,
            commit: done.commit,
            snapshot: &done.snapshot,
            time: &done.time,
            sources: done.sources,
            records: done.records,
            files: done.files.len(),
            bytes: done.bytes(),
            keys: done.keys,
        });
    }
    out::print(&format!(
        "{what} {}\n  commit   {} ({})\n  made     {}\n  holds    {} records of {} sources{}\n  files    {}, {} bytes, every digest compared\n",
        escape::terminal(&path),
        done.commit,
        done.snapshot,
        done.time,
        done.records,
        done.sources,
        if done.keys { ", and the keys" } else { "" },
        done.files.len(),
        done.bytes(),
    ))
}
