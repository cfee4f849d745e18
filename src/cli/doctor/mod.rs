//! `herdbook doctor`: everything that an index consists of, looked at once.
//!
//! Reads and changes nothing. Each finding says what to do; one that is broken makes exit 3.

mod kept;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde::Serialize;

use super::args::Global;
use super::args::ListArgs;
use super::catalog::OwnCatalogArgs;
use super::config::Config;
use super::exit::Exit;
use super::exit::Failure;
use super::grounds::Grounds;
use super::grounds::Named;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use crate::audit;
use crate::audit::Verified;
use crate::fingerprint::CanaryPrint;
use crate::graph::View;
use crate::index::Postings;
use crate::model::SourceInfo;
use crate::report::escape;
use crate::snapshot;
use crate::snapshot::Live;
use crate::snapshot::Snapshot;

/// How one part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// Works, and should be looked at.
    Warning,
    /// Broken: checks are undecided, or will be.
    Broken,
}

/// One part, looked at.
#[derive(Debug, Clone, Serialize)]
struct Part {
    name: &'static str,
    state: State,
    found: String,
}

#[derive(Default)]
struct Examination(Vec<Part>);

impl Examination {
    fn note(&mut self, name: &'static str, state: State, found: impl Into<String>) {
        let found = found.into();
        self.0.push(Part { name, state, found });
    }

    /// Notes an error as broken; hands on what there is.
    fn take<T, E: std::fmt::Display>(
        &mut self,
        part: &'static str,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(error) => {
                self.note(part, State::Broken, format!("{error:#}"));
                None
            }
        }
    }
}

pub(super) fn run(global: &Global, args: ListArgs) -> Result<Exit, Failure> {
    let spinner = Progress::spinner("examining", global.quiet || args.json);
    let mut found = Examination::default();
    examine(global, &mut found);
    spinner.finish();
    let worst = found.0.iter().map(|part| part.state).max();
    if args.json {
        out::json(&found.0)?;
    } else {
        out::print(&rendered(&found.0))?;
    }
    Ok(if worst == Some(State::Broken) {
        Exit::Undecided
    } else {
        Exit::Pass
    })
}

fn examine(global: &Global, found: &mut Examination) {
    settings(global, found);
    let Some(opened) = found.take("keys", Opened::find(global)) else {
        return;
    };
    keys(&opened, found);
    let log = found.take(
        "audit log",
        audit::verify(&opened.dir, &opened.secrets.public(), &[], None),
    );
    if let Some(log) = &log {
        found.note(
            "audit log",
            State::Ok,
            format!(
                "{} entries in {} files, signed, every one recomputed",
                log.checkpoint.size, log.files
            ),
        );
        for note in &log.notes {
            found.note("audit log", State::Warning, note.clone());
        }
    }
    if let Some(newest) = found.take("snapshot", opened.head()) {
        newest_snapshot(&opened, &newest, found);
    }
    if let Some(log) = &log {
        older_snapshots(&opened, log, found);
    }
    live(&opened, found);
    kept::documents(&opened, found);
    lineage(&opened, found);
}

/// The view of the lineage graph. One that is damaged is made anew by whoever asks, so it is no more
/// than a sign of a disk that does not keep what it is given.
fn lineage(opened: &Opened, found: &mut Examination) {
    match View::standing(&opened.dir, &opened.secrets.public()) {
        Ok(Some(state)) => found.note(
            "lineage",
            State::Ok,
            format!(
                "{} nodes, {} edges, as the first {} entries of the log have them",
                state.nodes, state.edges, state.entries
            ),
        ),
        Ok(None) => found.note(
            "lineage",
            State::Ok,
            "its view is made from the log when it is first asked for",
        ),
        Err(error) => found.note(
            "lineage",
            State::Warning,
            format!("{error:#}; the view is made anew from the log when it is asked for"),
        ),
    }
}

/// Configuration, policy, organisation, approvals, catalog: what a check would decide by.
fn settings(global: &Global, found: &mut Examination) {
    let Some(config) = found.take("config", Config::load(&global.index)) else {
        return;
    };
    let own = OwnCatalogArgs::default();
    let named = Named {
        catalog: &own,
        policy: None,
        organization: None,
        approvals: None,
        as_of: None,
    };
    let grounds = Grounds::gather(global, &config, &named).map_err(|failure| failure.error);
    let Some(grounds) = found.take("policy", grounds) else {
        return;
    };
    found.note(
        "policy",
        State::Ok,
        format!(
            "{} ({}), catalog and organisation profile read",
            grounds.policy.name(),
            grounds.policy.digest()
        ),
    );
    match &grounds.unreadable {
        Some(why) => found.note("approvals", State::Broken, why.clone()),
        None => found.note(
            "approvals",
            State::Ok,
            format!(
                "{} records, every signature verifies",
                grounds.approvals.records()
            ),
        ),
    }
}

/// Whether others may read the private keys.
fn keys(opened: &Opened, found: &mut Examination) {
    let dir = opened.dir.keys();
    let listed = found.take(
        "keys",
        fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>),
    );
    let Some(entries) = listed else { return };
    let mut open = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().extension().is_none_or(|kind| kind != "key") {
            continue;
        }
        let Some(metadata) = found.take("keys", entry.metadata()) else {
            return;
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            open.push(name);
        }
    }
    if open.is_empty() {
        found.note("keys", State::Ok, format!("in {}, private", dir.display()));
    } else {
        found.note(
            "keys",
            State::Warning,
            format!(
                "others may read {} in {}: `chmod 600` them, and think about who could have",
                open.join(", "),
                dir.display()
            ),
        );
    }
}

fn newest_snapshot(opened: &Opened, newest: &Snapshot, found: &mut Examination) {
    let info = newest.info();
    let walked = newest.walk();
    let Some(walked) = found.take("snapshot", walked) else {
        return;
    };
    found.note(
        "snapshot",
        State::Ok,
        format!(
            "number {}: signature, every file and every row agree; {} sources, {} records, {} texts, \
             {} entries",
            info.snapshot, info.sources, info.records, walked.texts, walked.entries
        ),
    );
    match canary(opened, newest) {
        Ok(true) => found.note("canary", State::Ok, "planted, and found"),
        Ok(false) => found.note(
            "canary",
            State::Broken,
            "there is none, so checks are undecided: `herdbook snapshot seal` plants one",
        ),
        Err(why) => found.note("canary", State::Broken, why),
    }
}

/// Whether the canary is where a check will look for it.
fn canary(opened: &Opened, snapshot: &Snapshot) -> Result<bool, String> {
    if !snapshot.sources().iter().any(SourceInfo::is_canary) {
        return Ok(false);
    }
    let print = CanaryPrint::of(&opened.key, opened.recipe).map_err(|error| error.to_string())?;
    let mut asked = print.grams.clone();
    asked.push(print.exact.entry());
    let answers = snapshot
        .look_up(&asked)
        .map_err(|error| error.to_string())?;
    let lost = asked.iter().zip(&answers).filter(|(hash, answer)| {
        !snapshot.probe(**hash) || !matches!(answer, Postings::Texts(texts) if !texts.is_empty())
    });
    match lost.count() {
        0 => Ok(true),
        lost => Err(format!(
            "{lost} of its {} entries are not found: run `herdbook snapshot seal`; if it stays so, \
             report it",
            asked.len()
        )),
    }
}

fn older_snapshots(opened: &Opened, log: &Verified, found: &mut Examination) {
    let listed = snapshot::list(&opened.dir, &opened.secrets.public());
    let Some(listed) = found.take("snapshots", listed) else {
        return;
    };
    let mut whole = 0;
    for old in listed.iter().filter(|old| !old.head) {
        let name = old.path.display();
        let Some(digest) = log.commits.get(&old.seq) else {
            found.note(
                "snapshots",
                State::Warning,
                format!("{name} is in no entry of the log; no check reads it: remove it"),
            );
            continue;
        };
        let key = opened.secrets.verifying();
        match Snapshot::open_at(&old.path, digest, &opened.compat, Some(&key)) {
            Ok(_) => whole += 1,
            Err(error) => found.note(
                "snapshots",
                State::Warning,
                format!("an older one does not verify; no check reads it: remove it ({error})"),
            ),
        }
    }
    found.note("snapshots", State::Ok, format!("{whole} older ones verify"));
}

/// The live database, which the next registration will go on with.
fn live(opened: &Opened, found: &mut Examination) {
    match snapshot::live(&opened.dir, &opened.compat, &opened.secrets.public()) {
        Ok(Live::Agrees) => found.note("live index", State::Ok, "agrees with the log"),
        Ok(Live::Busy) => found.note(
            "live index",
            State::Warning,
            "another process is writing to it, so it was not looked at",
        ),
        Ok(Live::Ahead(what)) => found.note(
            "live index",
            State::Warning,
            format!(
                "a {what} was committed and not acknowledged: the next writing command completes it"
            ),
        ),
        Err(error) => found.note("live index", State::Broken, error.to_string()),
    }
}

fn rendered(parts: &[Part]) -> String {
    let line = |part: &Part| {
        let state = match part.state {
            State::Ok => "ok     ",
            State::Warning => "warning",
            State::Broken => "BROKEN ",
        };
        let found = escape::terminal(&part.found);
        format!("{state}  {:<11} {found}\n", part.name)
    };
    let mut out: String = parts.iter().map(line).collect();
    let count = |state| parts.iter().filter(|part| part.state == state).count();
    out += "\n";
    let (broken, warnings) = (count(State::Broken), count(State::Warning));
    if broken > 0 {
        out + &broken.to_string() + " broken: checks are undecided, or will be, until repaired.\n"
    } else if warnings > 0 {
        out + "Nothing is broken; " + &warnings.to_string() + " to be looked at.\n"
    } else {
        out + "Everything is as it should be.\n"
    }
}
