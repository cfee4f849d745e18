//! Past checks, and what was recorded since.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened::Opened;
use super::RecheckArgs;
use crate::audit;
use crate::audit::Check;
use crate::audit::Record;
use crate::graph;
use crate::report::wire::VerdictDocument;

/// A check as the log has it, with the verdict that was kept of it.
pub(super) struct Past {
    /// Number of its entry.
    pub(super) number: u64,
    pub(super) time: String,
    pub(super) check: Check,
    /// Why there is no verdict, or it.
    pub(super) kept: Result<VerdictDocument, String>,
}

/// What the log says that bears on past checks.
#[derive(Default)]
pub(super) struct Since {
    /// Number of the commit, and name, of every registration; no name where the entry has none.
    pub(super) registered: Vec<(u64, Option<String>)>,
    /// Number of the last entry that approved something or took it back.
    pub(super) approved: Option<u64>,
    /// Number of the last entry that stated something of the lineage graph.
    pub(super) stated: Option<u64>,
}

/// Which checks were chosen.
pub(super) struct Chosen {
    /// Newest first.
    pub(super) checks: Vec<Past>,
    pub(super) superseded: u64,
    pub(super) read_no_index: u64,
    pub(super) since: Since,
}

/// Reads the log and chooses.
pub(super) fn chosen(opened: &Opened, args: &RecheckArgs) -> Result<Chosen, Failure> {
    let mut since = Since::default();
    let mut all: BTreeMap<u64, (String, Check)> = BTreeMap::new();
    audit::entries(
        &opened.dir,
        &opened.secrets.public(),
        0,
        |number, entry| match entry.record {
            Record::Check(check) => {
                all.insert(number, (entry.time, *check));
            }
            Record::Register(change) => {
                since.registered.push((change.commit, change.source));
            }
            Record::Signoff(_) | Record::Waive(_) | Record::Reading(_) => {
                since.approved = Some(number);
            }
            Record::Lineage(_) => since.stated = Some(number),
            Record::Init(_)
            | Record::Withdraw(_)
            | Record::Seal(_)
            | Record::Deployment(_)
            | Record::Policy(_)
            | Record::Attest(_)
            | Record::Share(_)
            | Record::RotateKey(_) => {}
        },
    )
    .or_undecided()?;
    let mut chosen = Chosen {
        checks: Vec::new(),
        superseded: 0,
        read_no_index: 0,
        since,
    };
    for number in &args.checks {
        if !all.contains_key(number) {
            return Err(Failure::usage(anyhow!(
                "entry {number} of the audit log is no check: `herdbook audit log` lists them"
            )));
        }
    }
    let after = args.since.map(|date| date.to_string());
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (number, (time, check)) in all.into_iter().rev() {
        if args.checks.is_empty() {
            if after
                .as_ref()
                .is_some_and(|day| time.as_str() < day.as_str())
            {
                continue;
            }
            if check.snapshot.is_none() {
                chosen.read_no_index += 1;
                continue;
            }
            let key = (check.target.clone(), check.inputs_digest.clone());
            if seen.insert(key, number).is_some() {
                chosen.superseded += 1;
                continue;
            }
        } else if !args.checks.contains(&number) {
            continue;
        }
        let kept = verdict(opened, number, &check);
        chosen.checks.push(Past {
            number,
            time,
            check,
            kept,
        });
    }
    Ok(chosen)
}

fn verdict(opened: &Opened, number: u64, check: &Check) -> Result<VerdictDocument, String> {
    let json = graph::kept_verdict(&opened.dir, number, &check.outcome)
        .map_err(|error| error.to_string())?
        .ok_or("its verdict was not kept")?;
    serde_json::from_str(&json)
        .map_err(|error| format!("its verdict is of an earlier form ({error})"))
}
