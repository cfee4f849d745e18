//! The command line: arguments, dispatch, exit codes, progress and printing.
//!
//! One file per command. Everything that decides, reads or stores is called, not done here.
//! Invariant: only a finished command answers 0; an error, a panic or a lost report never does.

pub mod args;
pub mod attest;
pub mod audit;
pub mod backup;
pub mod catalog;
mod check;
mod completions;
pub mod config;
pub mod date;
mod demo;
mod doctor;
mod duties;
pub mod exit;
mod export;
pub mod from;
mod governance;
pub(crate) mod grounds;
mod import;
mod init;
mod inputs;
mod licenses;
pub mod lineage;
mod model_files;
mod models;
pub(crate) mod opened;
pub mod out;
mod panics;
mod policy;
pub mod progress;
pub mod recheck;
mod register;
pub mod report;
mod snapshot;
mod source;
pub mod table;
pub(crate) mod target;
pub mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;
use args::Command;
use exit::Exit;
use exit::Failure;

/// Runs the command line of this process, panics included, to its exit code.
pub fn main() -> ExitCode {
    panics::guarded(|| run(std::env::args_os())).into()
}

/// Parses a command line (program name first) and runs it. Messages go to standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            // Help and version come this way too: they go to standard output and are no error.
            return if error.use_stderr() {
                Exit::Usage
            } else if printed.is_ok() {
                Exit::Pass
            } else {
                Exit::Undecided
            };
        }
    };
    match dispatch(&cli) {
        Ok(exit) => exit,
        Err(failure) => {
            out::error(&failure);
            failure.exit
        }
    }
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => init::run(global, args),
        Command::Register(args) => register::run(global, args),
        Command::Check(args) => check::run(global, args),
        Command::Worker => worker::run(),
        Command::Dataset(command) => lineage::dataset::run(global, command),
        Command::Run(command) => lineage::run::run(global, command),
        Command::Trace(args) => lineage::trace::trace(global, args),
        Command::Impact(args) => lineage::trace::impact(global, args),
        Command::Incident(command) => lineage::incident::run(global, command),
        Command::Coverage(args) => lineage::coverage::run(global, *args),
        Command::Recheck(args) => recheck::run(global, args),
        Command::Export(command) => export::run(global, command),
        Command::Import(command) => import::run(global, command),
        Command::Doctor(args) => doctor::run(global, *args),
        Command::Backup(args) => backup::backup(global, args),
        Command::Restore(args) => backup::restore(global, args),
        Command::Attest(command) => attest::run(global, command),
        Command::Source(command) => source::run(global, command),
        Command::Models(command) => models::run(global, command),
        Command::Licenses(command) => licenses::run(global, command),
        Command::Signoff(command) => governance::requests::signoff(global, command),
        Command::Waive(command) => governance::requests::waive(global, command),
        Command::Reading(command) => governance::requests::reading(global, command),
        Command::Report(command) => report::run(global, command),
        Command::Review(command) => governance::review::run(global, command),
        Command::Deployment(command) => governance::deployment::run(global, command),
        Command::Keys(command) => governance::keys::run(command),
        Command::Policy(command) => policy::run(global, command),
        Command::Snapshot(command) => snapshot::run(global, command),
        Command::Audit(command) => audit::run(global, command),
        Command::Demo(args) => demo::run(global, args),
        Command::Completions(args) => completions::run(*args),
    }
}
