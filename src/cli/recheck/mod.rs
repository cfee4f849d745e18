//! `herdbook recheck`: past checks decided again by what is known today.
//!
//! A check that kept the sketches of its inputs is decided again whole, by the code of `check`. Of
//! another one only what its verdict lists is known; where that does not suffice, it is undecided
//! and says why. Nothing is recorded: a check is what makes a new verdict stand.

mod about;
mod again;
mod past;
mod runs;
mod tell;
mod told;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;

use super::args::Global;
use super::catalog::OwnCatalogArgs;
use super::config::Config;
use super::date::Date;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::grounds::Grounds;
use super::grounds::Named;
use super::lineage;
use super::opened;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use crate::pipeline::scan::SnapshotFacts;
use crate::report::wire;

pub(in crate::cli) use about::begin;

use again::Ground;
use told::Change;
use told::Rechecked;

/// `herdbook recheck`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Of every target and set of inputs the newest check is decided again, by today's
register, catalog, policy and approvals. `check --keep-sketches` keeps what that
takes; of a check without it only what its verdict lists is known. Nothing is
recorded: check the inputs again to have the new verdict stand.

Exit codes: 0 none is worse, 1 one would be blocked now that was not,
3 one could not be decided again.

Examples:
  herdbook recheck
  herdbook recheck --since 2026-10-01 --json
  herdbook recheck --check 41 --check 57 --policy draft.toml")]
pub struct RecheckArgs {
    /// Number of the check's entry in the audit log; repeat for more
    #[arg(long = "check", value_name = "N", conflicts_with = "since")]
    pub checks: Vec<u64>,

    /// Leave out the checks made before this day
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub since: Option<Date>,

    /// Policy to decide by [default: as for `herdbook check`]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,

    /// Organisation profile [default: organization.toml beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub organization: Option<PathBuf>,

    /// The organisation's own catalog files.
    #[command(flatten)]
    pub own: OwnCatalogArgs,

    /// Sign-offs and waivers [default: approvals.jsonl beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub approvals: Option<PathBuf>,

    /// Date that expiries are compared with, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = Date::parse)]
    pub as_of: Option<Date>,

    /// Threads to work with [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Print JSON, with the whole verdict of each check as it would be now
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(global: &Global, args: &RecheckArgs) -> Result<Exit, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    let named = Named {
        catalog: &args.own,
        policy: args.policy.as_deref(),
        organization: args.organization.as_deref(),
        approvals: args.approvals.as_deref(),
        as_of: args.as_of,
    };
    let grounds = Grounds::gather(global, &config, &named)?;
    if let Some(why) = &grounds.unreadable {
        return Err(Failure::undecided(anyhow!("{why}")));
    }
    let opened = Opened::find(global).or_undecided()?;
    let chosen = past::chosen(&opened, args)?;
    let snapshot = opened.head().or_undecided()?;
    let facts = SnapshotFacts::of(&snapshot);
    let view = lineage::view(&opened)?;
    let ground = Ground {
        opened: &opened,
        grounds: &grounds,
        snapshot: &snapshot,
        facts: &facts,
        since: &chosen.since,
        view: &view,
        threads: opened::threads(args.threads.or(config.threads)),
    };
    let spinner = Progress::spinner("deciding past checks again", global.quiet || args.json);
    let mut checks = Vec::new();
    for past in chosen.checks {
        let mut check = ground.again(past);
        runs::find(&view, &mut check)?;
        checks.push(check);
    }
    spinner.finish();
    let rechecked = Rechecked {
        schema_version: told::SCHEMA_VERSION,
        as_of: grounds.as_of.clone(),
        policy: wire::Policy {
            name: grounds.policy.name().to_owned(),
            digest: grounds.policy.digest(),
        },
        index: wire::Index::from(&facts.info),
        checks,
        superseded: chosen.superseded,
        read_no_index: chosen.read_no_index,
    };
    if args.json {
        out::json(&rechecked)?;
    } else {
        out::print(&tell::told(&rechecked))?;
    }
    let changes = || rechecked.checks.iter().map(|check| check.change);
    Ok(if changes().any(|change| change == Change::Blocked) {
        Exit::Block
    } else if changes().any(|change| change == Change::Undecided) {
        Exit::Undecided
    } else {
        Exit::Pass
    })
}
