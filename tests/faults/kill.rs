//! The process ends at every call that changes something: what was acknowledged is found, what was
//! not is whole or absent, and the next command needs no repair by hand.

use super::bed::Bed;
use super::bed::register;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Fault;
use super::tally::Tally;
use super::tally::side_by_side;
use super::tally::some_of;

/// A small registration, killed at each of its calls.
pub(crate) fn campaign(defect: Option<&'static str>, step: usize) -> Tally {
    let tally = Tally::new("kill at every call of a registration");
    let bed = Bed::new(defect);
    let whole = bed.fork();
    let ran = whole.run_with(&register("new"), &Fault::none(CHANGING));
    assert_eq!(ran.code, Some(0), "{}", ran.said());
    let mut trials = Vec::new();
    // A few more than one run makes: the number of calls may differ by some between runs.
    for at in 1..=ran.calls.len() + 8 {
        trials.push((at, Act::Kill));
        let call = ran.calls.get(at - 1).map(|call| call.name.as_str());
        if call.is_some_and(|call| call.contains("write")) {
            trials.push((at, Act::Torn));
        }
    }
    side_by_side(&some_of(&trials, step), |&(at, act)| {
        let result = one(&bed, at, act);
        tally.count(format!("{act:?} at call {at}"), result);
        defect.is_none() || tally.failed() == 0
    });
    tally
}

fn one(bed: &Bed, at: usize, act: Act) -> Result<String, String> {
    let bed = bed.fork();
    let calls = CHANGING;
    let ran = bed.run_with(&register("new"), &Fault { calls, at, act });
    let Some(fault) = ran.fault() else {
        // Past the last call.
        return match ran.code {
            Some(0) => Ok("after the last call".to_owned()),
            _ => Err(format!("no fault, and yet {}", ran.said())),
        };
    };
    if !ran.killed {
        return Err(format!("not killed: {}", ran.said()));
    }
    let place = format!("{} {}: ", fault.name, fault.path.display());
    afterwards(&bed, ran.acknowledged(), at.is_multiple_of(2))
        .map_err(|what| format!("{place}{what}"))
}

/// What has to hold after a registration of `new` that ended early, on an index that holds `old`.
/// `detour`: another source is registered before the same command is given again.
pub(crate) fn afterwards(bed: &Bed, acknowledged: bool, detour: bool) -> Result<String, String> {
    let must: &[&str] = if acknowledged {
        &["old", "new"]
    } else {
        &["old"]
    };
    let class = bed.check().sound(must)?;
    let mut all = vec!["old", "new"];
    if detour {
        let next = bed.run(&register("other"));
        if next.code != Some(0) {
            return Err(format!("the next command needs repair: {}", next.said()));
        }
        all.push("other");
        bed.check().sound(&["old", "other"])?;
        verified(bed)?;
    }
    let again = bed.run(&register("new"));
    if again.code != Some(0) {
        return Err(format!("the same command again: {}", again.said()));
    }
    bed.check().finds(&all)?;
    verified(bed)?;
    let acked = if acknowledged {
        "acknowledged"
    } else {
        "not acknowledged"
    };
    Ok(format!("{acked}, then {class}"))
}

/// Walks through the sealed snapshot: nothing is left over from what did not happen.
pub(crate) fn verified(bed: &Bed) -> Result<(), String> {
    let ran = bed.run(&["snapshot", "verify"]);
    match ran.code {
        Some(0) => Ok(()),
        _ => Err(format!("left-overs: snapshot verify: {}", ran.said())),
    }
}

#[test]
fn nothing_is_lost_or_half_there_wherever_a_registration_is_killed() {
    campaign(None, 6).holds();
}

/// The same for `init`: started over, or done.
#[test]
fn an_init_that_is_killed_is_started_over() {
    let tally = Tally::new("kill at every call of init");
    let whole = Bed::empty(None);
    let ran = whole.run_with(&["init"], &Fault::none(CHANGING));
    assert_eq!(ran.code, Some(0), "{}", ran.said());
    let all: Vec<usize> = (1..=ran.calls.len()).collect();
    side_by_side(&some_of(&all, 8), |&at| {
        let bed = Bed::empty(None);
        let act = Act::Kill;
        let calls = CHANGING;
        let ran = bed.run_with(&["init"], &Fault { calls, at, act });
        let result = || {
            let class = bed.check().sound(&[])?;
            if class != "undecided" {
                return Err(format!("an index without sources answers: {class}"));
            }
            let again = bed.run(&["init"]);
            let exists = again.code == Some(2) || again.stderr.contains("not replaced");
            if again.code != Some(0) && !exists {
                return Err(format!("init again: {}", again.said()));
            }
            for source in ["old", "new"] {
                let ran = bed.run(&register(source));
                if ran.code != Some(0) {
                    return Err(format!("register afterwards: {}", ran.said()));
                }
            }
            bed.check().finds(&["old", "new"])?;
            Ok(if exists { "was done" } else { "started over" }.to_owned())
        };
        let outcome = if ran.fault().is_some() {
            result()
        } else {
            Ok("after the last call".to_owned())
        };
        tally.count(format!("Kill at call {at}"), outcome);
        true
    });
    tally.holds();
}
