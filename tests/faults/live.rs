//! Damage to the live index, which only a writer opens, and parts of it set back to an earlier time:
//! the writer refuses, or everything acknowledged is still there. In the states that a crash leaves
//! too, when the last commits stand in the write-ahead log only.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::bed::Bed;
use super::bed::copy_tree;
use super::bed::files;
use super::bed::register;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Fault;
use super::kill::verified;
use super::storage::DAMAGES;
use super::storage::Damage;
use super::storage::Others;
use super::storage::damage;
use super::tally::Dice;
use super::tally::Tally;
use super::tally::seed;
use super::tally::side_by_side;
use super::tally::some_of;

fn write_ahead_log(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "log")
}

/// A clean index, and what it is after a registration was killed right before and after each sync of
/// the write-ahead log.
fn states(defect: Option<&'static str>) -> Vec<(String, Bed)> {
    let clean = Bed::new(defect);
    let dry = clean.fork();
    let ran = dry.run_with(&register("new"), &Fault::none(CHANGING));
    let mut out = Vec::new();
    for (place, call) in ran.calls.iter().enumerate() {
        if !write_ahead_log(&call.path) {
            continue;
        }
        // Calls count from 1: right before this one, and right before the next.
        let (calls, act) = (CHANGING, Act::Kill);
        let bed = clean.fork();
        let at = match call.name.as_str() {
            "write" => place + 1,
            "fsync" | "fdatasync" => place + 2,
            _ => continue,
        };
        let ran = bed.run_with(&register("new"), &Fault { calls, at, act });
        assert!(ran.killed, "{}", ran.said());
        out.push((format!("killed at {} {at}", call.name), bed));
    }
    assert!(out.len() >= 4, "commits go through the write-ahead log");
    out.push(("clean".to_owned(), clean));
    out
}

/// Every damage of every file of the live index in every state; in the short form, all of the
/// write-ahead log and some of the others.
pub(crate) fn campaign(defect: Option<&'static str>, step: usize) -> Tally {
    let tally = Tally::new("damage to the live index");
    let states = states(defect);
    let foreign = Bed::new(defect);
    let mut dice = Dice::new(seed());
    let mut logs = Vec::new();
    let mut rest = Vec::new();
    for (place, (_, bed)) in states.iter().enumerate() {
        for file in files(&bed.index()) {
            let live = file.starts_with("db") || file.starts_with("filters");
            if !live && !file.starts_with("log") {
                continue;
            }
            let wal = write_ahead_log(&file) && file.starts_with("db");
            for how in DAMAGES {
                let times = if wal && how == Damage::FlipBit { 12 } else { 1 };
                for _ in 0..times {
                    let list = if wal { &mut logs } else { &mut rest };
                    list.push((place, file.clone(), how, dice.next()));
                }
            }
        }
    }
    for (state, base) in &states {
        noticed(state, base, &tally);
    }
    let mut trials = some_of(&logs, step.div_ceil(8));
    trials.extend(some_of(&rest, step));
    side_by_side(&trials, |(place, file, how, dice)| {
        let (state, base) = &states[*place];
        let bed = base.fork();
        let others = Others {
            older: &states.last().unwrap().1.index(),
            foreign: &foreign.index(),
        };
        if !damage(&bed.index(), file, *how, &mut Dice::new(*dice), &others) {
            return true;
        }
        let result = refused_or_whole(&bed, file);
        tally.count(
            format!("{state}, {how:?} ({dice}) of {}", file.display()),
            result,
        );
        defect.is_none() || tally.failed() == 0
    });
    tally
}

/// One bit inside the first record of the write-ahead log: its checksum shows it, so the index is
/// refused, and what follows is not dropped in silence.
fn noticed(state: &str, base: &Bed, tally: &Tally) {
    /// Behind the head of the record, which has 11 bytes at most.
    const INSIDE: usize = 20;
    for file in files(&base.index()) {
        let bytes = fs::read(base.index().join(&file)).unwrap();
        if !write_ahead_log(&file) || !file.starts_with("db") || bytes.len() <= 2 * INSIDE {
            continue;
        }
        let bed = base.fork();
        let mut bytes = bytes;
        bytes[INSIDE] ^= 1;
        fs::write(bed.index().join(&file), bytes).unwrap();
        let ran = bed.run(&register("other"));
        let result = match ran.code {
            Some(3) if !ran.stderr.is_empty() => Ok("refused by the checksum".to_owned()),
            _ => Err(format!("damage was passed over: {}", ran.said())),
        };
        tally.count(
            format!("{state}, a bit inside of {}", file.display()),
            result,
        );
    }
}

/// `old` was acknowledged; something of the live index was damaged.
fn refused_or_whole(bed: &Bed, damaged: &Path) -> Result<String, String> {
    bed.check().sound(&["old"])?;
    let ran = bed.run(&register("other"));
    match ran.code {
        Some(3) if !ran.stderr.is_empty() => return Ok("refused".to_owned()),
        Some(0) => {}
        _ => return Err(format!("register: {}", ran.said())),
    }
    let class = bed.check().sound(&["old", "other"])?;
    if class == "undecided" {
        return Ok("registered, then refused by the check".to_owned());
    }
    match verified(bed) {
        Ok(()) => Ok("whole".to_owned()),
        // A table file may be damaged where nobody read: the walk says so. But what a lost
        // write-ahead log leaves behind must have been noticed.
        Err(_) if !write_ahead_log(damaged) => Ok("refused by the walk".to_owned()),
        Err(what) => Err(what),
    }
}

#[test]
fn a_writer_refuses_a_damaged_index_or_keeps_what_was_acknowledged() {
    campaign(None, 24).holds();
}

/// One index at four moments: made, and after each of three registrations.
fn moments() -> Vec<Bed> {
    let first = Bed::empty(None);
    first.must(&["init"]);
    let mut out = vec![first];
    for source in ["old", "new", "other"] {
        let next = out.last().unwrap().fork();
        next.must(&register(source));
        out.push(next);
    }
    out
}

const NAMES: [&str; 3] = ["old", "new", "other"];

#[test]
fn parts_of_an_index_from_different_times_are_refused_or_brought_together() {
    let tally = Tally::new("database, snapshots and log of different times");
    let moments = moments();
    let mut all = Vec::new();
    for database in 0..moments.len() {
        for snapshots in 0..moments.len() {
            for log in 0..moments.len() {
                all.push([database, snapshots, log]);
            }
        }
    }
    side_by_side(&some_of(&all, 2), |times| {
        let [database, snapshots, log] = *times;
        let newest = database.max(snapshots).max(log);
        let bed = moments[newest].fork();
        for (part, time) in [
            ("db", database),
            ("filters", database),
            ("snapshots", snapshots),
            ("log", log),
        ] {
            let to = bed.index().join(part);
            fs::remove_dir_all(&to).unwrap();
            copy_tree(&moments[time].index().join(part), &to);
        }
        let result = set_back(&bed, *times, &NAMES[..newest]);
        tally.count(
            format!("database {database}, snapshots {snapshots}, log {log}"),
            result,
        );
        true
    });
    tally.holds();
}

/// `acknowledged`: everything that any part of the index knows of.
fn set_back(
    bed: &Bed,
    [database, snapshots, log]: [usize; 3],
    acknowledged: &[&str],
) -> Result<String, String> {
    let newest = acknowledged.len();
    let check = bed.check();
    // Log and snapshots set back together are an earlier index: only who remembers a later
    // checkpoint of the log can tell, or the writer, from the database.
    let together = snapshots == log && log < newest;
    if together {
        check.sound(&NAMES[..log])?;
    } else {
        check.sound(acknowledged)?;
    }
    let ran = bed.run(&["snapshot", "seal"]);
    match ran.code {
        Some(3) if !ran.stderr.is_empty() => return Ok("refused".to_owned()),
        Some(0) => {}
        _ => return Err(format!("seal: {}", ran.said())),
    }
    if database < newest && log < newest && snapshots < newest {
        return Err("nothing is newest".to_owned());
    }
    if newest > 0 {
        bed.check().finds(acknowledged)?;
    }
    verified(bed)?;
    let class = if (database, snapshots, log) == (newest, newest, newest) {
        "of one time"
    } else {
        "brought together"
    };
    Ok(class.to_owned())
}

/// The files of the live database exist under the names that this campaign looks for.
#[test]
fn the_live_index_has_the_files_that_are_damaged() {
    let bed = Bed::new(None);
    let all = files(&bed.index());
    let has = |begin: &str, end: &str| {
        all.iter().any(|file: &PathBuf| {
            let name = file.file_name().unwrap().to_str().unwrap();
            file.starts_with("db") && name.starts_with(begin) && name.ends_with(end)
        })
    };
    for (begin, end) in [
        ("MANIFEST", ""),
        ("CURRENT", ""),
        ("", ".log"),
        ("", ".sst"),
    ] {
        assert!(has(begin, end), "{begin}*{end} in {all:?}");
    }
}
