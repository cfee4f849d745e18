//! A call fails, each in turn: nothing is acknowledged that is not durable, no dataset with a
//! registered row passes, nothing hangs, and what comes after works.

use std::path::Path;

use super::bed::Bed;
use super::bed::Ran;
use super::fault::ALL;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Call;
use super::fault::Errno;
use super::fault::Fault;
use super::kill::afterwards;
use super::kill::verified;
use super::tally::Tally;
use super::tally::long;
use super::tally::side_by_side;
use super::tally::some_of;

/// What the command under faults is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Register,
    Check,
    Seal,
}

/// The faults at one call: of changing calls the errors of full and broken disks, of reads those of
/// broken ones. More kinds in the long form.
fn acts(call: &str) -> Vec<Act> {
    let read = ["read", "pread64", "fread"].contains(&call);
    let sync = call.contains("sync");
    let mut out = vec![Act::Fails(Errno::Io)];
    if !read && !sync {
        out.push(Act::Fails(Errno::NoSpace));
    }
    if long() {
        out.push(Act::FailsFromThen(Errno::Io));
        if !read {
            out.push(Act::FailsFromThen(Errno::NoSpace));
            out.push(Act::Fails(Errno::Quota));
        }
        if !sync {
            out.push(Act::Fails(Errno::Interrupted));
        }
        if read || call.contains("write") {
            out.push(Act::Short);
        }
    }
    out
}

/// Every call of a command, or each `step`th in the short form.
pub(crate) fn campaign(what: What, defect: Option<&'static str>, step: usize) -> Tally {
    let tally = Tally::new(&format!("errors at every call of {what:?}").to_lowercase());
    let bed = Bed::new(defect);
    let dry = bed.fork();
    let calls = if what == What::Check {
        ALL
    } else {
        long_calls()
    };
    let ran = run(&dry, what, &Fault::none(calls));
    let mut trials = Vec::new();
    for (place, call) in ran.calls.iter().enumerate() {
        for act in acts(&call.call) {
            trials.push((place + 1, act));
        }
    }
    assert!(trials.len() > 20, "calls were counted: {}", ran.said());
    side_by_side(&some_of(&trials, step), |&(at, act)| {
        let bed = bed.fork();
        let ran = run(&bed, what, &Fault { calls, at, act });
        let place = ran.fault().map_or_else(
            || "no fault".to_owned(),
            |call| {
                format!(
                    "{} {} {}",
                    call.call,
                    call.path.display(),
                    call.to.display()
                )
            },
        );
        let result = judged(&bed, what, &ran, act, at);
        tally.count(format!("{act:?} at call {at}, {place}"), result);
        defect.is_none() || tally.failed() == 0
    });
    tally
}

/// Reads are the bulk of the calls: only the long form fails those of a writer too.
fn long_calls() -> &'static str {
    if long() { ALL } else { CHANGING }
}

fn run(bed: &Bed, what: What, fault: &Fault) -> Ran {
    match what {
        What::Register => bed.run_with(&bed.register("new"), fault),
        What::Check => bed.check_with(Some(fault)).ran,
        What::Seal => bed.run_with(&["snapshot", "seal"], fault),
    }
}

fn judged(bed: &Bed, what: What, ran: &Ran, act: Act, at: usize) -> Result<String, String> {
    if ran.hung {
        return Err(format!("hangs: {}", ran.said()));
    }
    let Some(fault) = ran.fault() else {
        return Ok("not reached".to_owned());
    };
    let code = match ran.code {
        Some(code @ 0..=3) => code,
        _ => return Err(format!("crash: {}", ran.said())),
    };
    if what == What::Check {
        return match code {
            0 => Err(format!("FALSE PASS: {}", ran.said())),
            1 if !ran.stdout.contains("BLOCK") && !ran.stderr.is_empty() => {
                Ok("found, with an error told".to_owned())
            }
            1 => Ok("found".to_owned()),
            _ if ran.stderr.is_empty() && ran.stdout.is_empty() => {
                Err("undecided without a word".to_owned())
            }
            _ => Ok("undecided".to_owned()),
        };
    }
    let lasting = matches!(
        act,
        Act::Fails(Errno::Io | Errno::NoSpace) | Act::FailsFromThen(_)
    );
    let tidying = fault
        .path
        .strip_prefix(bed.index())
        .is_ok_and(|path| path.starts_with("tmp"))
        || only_removals(&ran.calls, fault);
    if code == 0 && lasting && fault.call.contains("sync") && !tidying {
        return Err(format!("acknowledged although {} failed", fault.call));
    }
    if what == What::Register {
        let after = afterwards(bed, ran.acknowledged(), at % 2 == 0)?;
        return Ok(format!("exit {code}, {after}"));
    }
    let class = bed.check().sound(&["old"])?;
    let again = bed.run(&["snapshot", "seal"]);
    if again.code != Some(0) {
        return Err(format!("the seal again: {}", again.said()));
    }
    bed.check().finds(&["old"])?;
    verified(bed)?;
    Ok(format!("exit {code}, then {class}"))
}

/// Whether a sync of a directory is for the sake of names that were removed: should they come back,
/// nothing is lost. The engine does not report such a failure.
fn only_removals(calls: &[Call], sync: &Call) -> bool {
    if !sync.path.is_dir() {
        return false;
    }
    let before = calls.iter().take_while(|call| !call.fault);
    let mut made = false;
    for call in before {
        let inside = |path: &Path| path.parent() == Some(sync.path.as_path());
        match call.call.as_str() {
            "fsync" | "fdatasync" if call.path == sync.path => made = false,
            "create" | "mkdir" => made |= inside(&call.path),
            "rename" | "link" | "linkat" => made |= inside(&call.to),
            _ => {}
        }
    }
    !made
}

#[test]
fn a_failed_call_never_makes_a_lost_registration() {
    campaign(What::Register, None, 9).holds();
}

#[test]
fn a_failed_call_never_makes_a_pass() {
    campaign(What::Check, None, 3).holds();
}

#[test]
fn a_failed_call_never_breaks_a_seal() {
    campaign(What::Seal, None, 12).holds();
}
