//! A recheck for the terminal: what would change first, with what it touches.

use super::told::Again;
use super::told::By;
use super::told::Change;
use super::told::Rechecked;
use super::told::Rows;
use super::told::Source;
use crate::model;
use crate::report::escape;
use crate::report::wire;

/// Names listed of each kind. Chosen: a screen; `--json` has all.
const LISTED_MAX: usize = 12;
/// Digits of a digest that are shown. Chosen.
const DIGITS: usize = 12;

/// What to call a change, and what to count it as.
fn words(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Blocked => ("BLOCKED", "would be blocked now"),
        Change::Undecided => ("UNDECIDED", "cannot be decided again"),
        Change::Flagged => ("FLAGGED", "would be flagged now"),
        Change::Milder => ("MILDER", "would be decided more mildly"),
        Change::Otherwise => ("OTHERWISE", "would say the same for other reasons"),
        Change::Same => ("same", "would stay as it is"),
    }
}

const CHANGES: [Change; 6] = [
    Change::Blocked,
    Change::Undecided,
    Change::Flagged,
    Change::Milder,
    Change::Otherwise,
    Change::Same,
];

pub(super) fn told(all: &Rechecked) -> String {
    let digest: String = all.policy.digest.chars().take(DIGITS).collect();
    let mut lines = vec![format!(
        "{}, decided again as of {}: snapshot {} ({}), policy {} ({digest})",
        count(all.checks.len() as u64, "past check"),
        all.as_of,
        all.index.snapshot,
        count(all.index.sources, "source"),
        all.policy.name,
    )];
    for change in CHANGES {
        let of_change = all.checks.iter().filter(|check| check.change == change);
        for (number, check) in of_change.enumerate() {
            // What stays is told in a line, one under the other.
            if change != Change::Same || !check.notes.is_empty() || number == 0 {
                lines.push(String::new());
            }
            tell(check, &mut lines);
        }
    }
    lines.push(String::new());
    if all.checks.is_empty() {
        lines.push("There is no check to decide again.".to_owned());
    }
    for change in CHANGES {
        let number = all.checks.iter().filter(|c| c.change == change).count();
        if number > 0 {
            lines.push(format!("{number} {}.", words(change).1));
        }
    }
    let left_out = [
        (all.superseded, "an earlier check of the same inputs"),
        (all.read_no_index, "a check that read no index"),
    ];
    for (number, what) in left_out.iter().filter(|(number, _)| *number > 0) {
        lines.push(format!("{number} left out: {what}."));
    }
    lines.push(
        "Nothing was recorded: `herdbook check` of the same inputs makes a new verdict stand."
            .to_owned(),
    );
    let line = |line: &String| escape::terminal(line) + "\n";
    lines.iter().map(line).collect()
}

fn tell(check: &Again, lines: &mut Vec<String>) {
    let (word, _) = words(check.change);
    let then = model::Verdict::from(check.then.verdict);
    let now = model::Verdict::from(check.now.verdict);
    lines.push(format!(
        "{word:<9}  check {} of {}: {then} then, {now} now; for {}",
        check.check,
        check.time.get(..10).unwrap_or(&check.time),
        check
            .target
            .as_deref()
            .unwrap_or("a target that is not known"),
    ));
    let mut line = |name: &str, what: String| lines.push(format!("  {name:<9}{what}"));
    for why in &check.undecided {
        line("why", why.clone());
    }
    if check.change == Change::Same && check.notes.is_empty() {
        return;
    }
    let paths: Vec<String> = check
        .inputs
        .iter()
        .map(|input| input.path.clone())
        .collect();
    let rows = count(check.then.tally.read, "row");
    line("inputs", format!("{}; {rows}", listed(&paths)));
    if let Some(now) = check.now.tally {
        line("rows", moved(check.then.tally, now));
    }
    for found in check.sources.iter().take(LISTED_MAX) {
        line(kind(found), source(found));
    }
    let more = check.sources.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        line(
            "",
            format!("and {}; --json has all", count(more as u64, "more source")),
        );
    }
    for run in check.runs.iter().take(LISTED_MAX) {
        let made = if run.models.is_empty() {
            "which made nothing that is recorded".to_owned()
        } else {
            format!("which made {}", listed(&run.models))
        };
        let state = run
            .state
            .as_ref()
            .map_or_else(String::new, |state| format!(" ({state})"));
        line("run", format!("{}{state}, {made}", run.name));
    }
    let more = check.runs.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        line(
            "",
            format!("and {}; --json has all", count(more as u64, "more run")),
        );
    }
    if !check.deployments.is_empty() {
        line("runs as", listed(&check.deployments));
    }
    for note in &check.notes {
        line("note", note.clone());
    }
    if check.by == By::Verdict && check.change == Change::Undecided {
        line(
            "do",
            "check the inputs again, with --keep-sketches".to_owned(),
        );
    }
}

fn kind(found: &Source) -> &'static str {
    match (found.then, found.now) {
        (None, _) => "new",
        (Some(_), None) => "gone",
        (Some(_), Some(_)) => "source",
    }
}

fn source(found: &Source) -> String {
    let rows = |rows: Rows| {
        format!(
            "{} {}",
            count(rows.rows, "row"),
            model::Level::from(rows.level).as_str()
        )
    };
    let models = if found.models.is_empty() {
        "no model claimed".to_owned()
    } else {
        listed(&found.models)
    };
    let withdrawn = found.withdrawn_at.as_ref().map_or_else(String::new, |at| {
        format!(", withdrawn {}", at.get(..10).unwrap_or(at))
    });
    let what = match (found.then, found.now) {
        (Some(then), Some(now)) => format!("{} then, {} now", rows(then), rows(now)),
        (None, Some(now)) => rows(now),
        (Some(then), None) => format!("{} then", rows(then)),
        (None, None) => String::new(),
    };
    format!("{} ({models}){withdrawn}: {what}", found.name)
}

/// Rows by verdict, then and now, where they differ.
fn moved(then: wire::Tally, now: wire::Tally) -> String {
    let counts = [
        ("pass", then.pass, now.pass),
        ("flag", then.flag, now.flag),
        ("block", then.block, now.block),
        ("undecided", then.undecided, now.undecided),
    ];
    let moved: Vec<String> = counts
        .iter()
        .filter(|(_, then, now)| then != now)
        .map(|(name, then, now)| format!("{name} {then} → {now}"))
        .collect();
    if moved.is_empty() {
        "each as it was".to_owned()
    } else {
        moved.join(", ")
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

fn listed(names: &[String]) -> String {
    let some: Vec<String> = names
        .iter()
        .take(LISTED_MAX)
        .map(|name| escape::identifier(name))
        .collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        format!("{} and {more} more", some.join(", "))
    } else {
        some.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::Input;
    use super::super::told::Now;
    use super::super::told::Run;
    use super::super::told::SCHEMA_VERSION;
    use super::super::told::Then;
    use super::*;
    use crate::report::wire::Level;
    use crate::report::wire::Verdict;

    fn rows(rows: u64, level: Level) -> Rows {
        Rows { rows, level }
    }

    fn tally(pass: u64, flag: u64, block: u64) -> wire::Tally {
        wire::Tally {
            read: pass + flag + block,
            pass,
            flag,
            block,
            undecided: 0,
        }
    }

    fn again(check: u64, change: Change, then: Verdict, now: Verdict) -> Again {
        Again {
            check,
            time: format!("2026-11-{:02}T09:00:00Z", check % 20 + 1),
            target: Some("acme-chat-7b".to_owned()),
            inputs: vec![Input {
                path: "data/a.jsonl".to_owned(),
                sha256: Some("ab".repeat(32)),
                rows: 1204,
            }],
            by: By::Sketches,
            change,
            then: Then {
                verdict: then,
                snapshot: Some(3),
                policy: "cd".repeat(32),
                as_of: "2026-11-10".to_owned(),
                tally: tally(1204, 0, 0),
                findings_total: Some(0),
            },
            now: Now {
                verdict: now,
                tally: Some(tally(1204, 0, 0)),
                findings_total: Some(0),
            },
            undecided: Vec::new(),
            sources: Vec::new(),
            not_looked_for: Vec::new(),
            notes: Vec::new(),
            runs: Vec::new(),
            deployments: Vec::new(),
            verdict: None,
        }
    }

    fn source(name: &str, then: Option<Rows>, now: Option<Rows>) -> Source {
        Source {
            name: name.to_owned(),
            models: vec!["meta-llama/Llama-2-70b-chat-hf".to_owned()],
            withdrawn_at: None,
            then,
            now,
        }
    }

    fn run(name: &str, models: &[&str]) -> Run {
        Run {
            name: name.to_owned(),
            state: Some("finished".to_owned()),
            models: models.iter().map(|&model| model.to_owned()).collect(),
        }
    }

    fn all(checks: Vec<Again>) -> Rechecked {
        Rechecked {
            schema_version: SCHEMA_VERSION,
            as_of: "2026-11-22".to_owned(),
            policy: wire::Policy {
                name: "default".to_owned(),
                digest: "0123456789abcdef".repeat(4),
            },
            index: wire::Index {
                snapshot: 7,
                digest: "ef".repeat(32),
                sources: 2,
                records: 40,
                recipe: "r".to_owned(),
                guarantee_bytes: 80,
            },
            checks,
            superseded: 4,
            read_no_index: 1,
        }
    }

    #[test]
    fn what_compliance_reads() {
        let mut blocked = again(31, Change::Blocked, Verdict::Pass, Verdict::Block);
        blocked.now.tally = Some(tally(1190, 2, 12));
        blocked.sources = vec![
            source("support-bot", None, Some(rows(12, Level::Block))),
            Source {
                withdrawn_at: Some("2026-11-20T10:00:00Z".to_owned()),
                ..source("old-bot", Some(rows(3, Level::Flag)), None)
            },
            source(
                "wiki",
                Some(rows(1, Level::Note)),
                Some(rows(2, Level::Flag)),
            ),
        ];
        blocked.runs = vec![run("x-sft", &["acme/X-7b"]), run("probe", &[])];
        blocked.deployments = vec!["acme/X-7b#prod".to_owned()];
        let mut unknown = again(12, Change::Undecided, Verdict::Flag, Verdict::Undecided);
        unknown.by = By::Verdict;
        unknown.now.tally = None;
        unknown.undecided = vec!["no sketches were kept".to_owned()];
        unknown.notes = vec!["a\u{202e} note".to_owned()];
        let same = again(9, Change::Same, Verdict::Pass, Verdict::Pass);
        insta::assert_snapshot!(told(&all(vec![same, unknown, blocked])));
    }

    #[test]
    fn nothing_to_tell() {
        let told = told(&all(Vec::new()));
        assert!(
            told.contains("There is no check to decide again."),
            "{told}"
        );
    }
}
