//! A call fails, each in turn: nothing is acknowledged that is not durable, no dataset with a
//! registered row passes, nothing hangs, and what comes after works.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::bed::Bed;
use super::bed::Ran;
use super::bed::everything;
use super::bed::register;
use super::bed::sources;
use super::fault::ALL;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Call;
use super::fault::Errno;
use super::fault::Fault;
use super::inputs::Source;
use super::kill::afterwards;
use super::kill::verified;
use super::order::durable;
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
        for act in acts(&call.name) {
            trials.push((place + 1, act));
        }
    }
    assert!(trials.len() > 20, "calls were counted: {}", ran.said());
    side_by_side(&some_of(&trials, step), |&(at, act)| {
        let bed = bed.fork();
        let before = everything(&bed.index());
        let ran = run(&bed, what, &Fault { calls, at, act });
        let place = ran.fault().map_or_else(
            || "no fault".to_owned(),
            |call| {
                format!(
                    "{} {} {}",
                    call.name,
                    call.path.display(),
                    call.to.display()
                )
            },
        );
        let result = judged(&bed, what, &ran, &before, (at, act));
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
        What::Register => bed.run_with(&register("new"), fault),
        What::Check => bed.check_with(Some(fault)).ran,
        What::Seal => bed.run_with(&["snapshot", "seal"], fault),
    }
}

fn judged(
    bed: &Bed,
    what: What,
    ran: &Ran,
    before: &BTreeSet<PathBuf>,
    (at, act): (usize, Act),
) -> Result<String, String> {
    if ran.hung {
        return Err(format!("hangs: {}", ran.said()));
    }
    if ran.fault().is_none() {
        return Ok("not reached".to_owned());
    }
    let Some(code @ 0..=3) = ran.code else {
        return Err(format!("crash: {}", ran.said()));
    };
    if what == What::Check {
        return match code {
            0 => Err(format!("FALSE PASS: {}", ran.said())),
            1 if !ran.stdout.contains("BLOCK") && !ran.stderr.is_empty() => {
                Ok("found, with an error told".to_owned())
            }
            1 => Ok("found".to_owned()),
            // Where every later call fails, so does every write of a word: the exit code is all.
            _ if ran.stderr.is_empty()
                && ran.stdout.is_empty()
                && matches!(act, Act::FailsFromThen(_)) =>
            {
                Ok("undecided, and could not say so".to_owned())
            }
            _ if ran.stderr.is_empty() && ran.stdout.is_empty() => {
                Err("undecided without a word".to_owned())
            }
            _ => Ok("undecided".to_owned()),
        };
    }
    if code == 0 {
        durable(bed, before.clone(), &ran.calls)?;
    }
    if what == What::Register {
        let after = afterwards(bed, ran.acknowledged(), at.is_multiple_of(2))?;
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

/// After a registration that was killed right before its commit, with texts that were registered
/// before, the next writer removes what it left; reads fail meanwhile, each in turn.
pub(crate) fn recovery(defect: Option<&'static str>, step: usize) -> Tally {
    let tally = Tally::new("errors at every read of the writer after a crash");
    let bed = crashed(defect);
    let reads = "read";
    let dry = bed.fork();
    let ran = dry.run_with(&register("other"), &Fault::none(reads));
    assert_eq!(ran.code, Some(0), "{}", ran.said());
    let all: Vec<usize> = (1..=ran.calls.len()).collect();
    side_by_side(&some_of(&all, step), |&at| {
        let bed = bed.fork();
        let act = Act::Fails(Errno::Io);
        let calls = reads;
        let ran = bed.run_with(&register("other"), &Fault { calls, at, act });
        let place = ran.fault().map(|call| call.path.display().to_string());
        let result = || {
            if ran.hung || !matches!(ran.code, Some(0 | 2 | 3)) {
                return Err(format!("crash or hang: {}", ran.said()));
            }
            let must: &[&str] = if ran.acknowledged() {
                &["old", "other"]
            } else {
                &["old"]
            };
            bed.check().sound(must)?;
            let again = bed.run(&register("other"));
            if again.code != Some(0) {
                return Err(format!("the same command again: {}", again.said()));
            }
            bed.check().finds(&["old", "other"])?;
            verified(&bed)?;
            Ok(format!("exit {:?}", ran.code.unwrap_or_default()))
        };
        tally.count(
            format!("read {at} of {}", place.unwrap_or_default()),
            result(),
        );
        defect.is_none() || tally.failed() == 0
    });
    tally
}

/// Holds `old`, and in its database what a registration leaves that was killed before its commit.
fn crashed(defect: Option<&'static str>) -> Bed {
    let bed = Bed::new(defect);
    let [old, _, _] = sources();
    let mut mixed = Source::new("mixed", 300, 3);
    mixed.texts.extend_from_slice(&old.texts[..2]);
    std::fs::write(bed.path().join(mixed.file()), mixed.lines()).unwrap();
    let dry = bed.fork();
    let ran = dry.run_with(&register("mixed"), &Fault::none(CHANGING));
    let commits = |call: &Call| {
        let log = call.path.extension().is_some_and(|end| end == "log");
        log && call.name == "write" && call.path.starts_with(dry.index().join("db"))
    };
    // The first tells what is about to be added.
    let places: Vec<usize> = (1..)
        .zip(&ran.calls)
        .filter(|(_, call)| commits(call))
        .map(|(at, _)| at)
        .collect();
    let fault = Fault {
        calls: CHANGING,
        at: places[1],
        act: Act::Kill,
    };
    let ran = bed.run_with(&register("mixed"), &fault);
    assert!(ran.killed, "{}", ran.said());
    bed
}

#[test]
fn a_failed_read_never_leaves_half_of_a_killed_registration() {
    recovery(None, 10).holds();
}
