//! `herdbook attest show`: what an attestation says, for people. Nothing is verified.

use std::fmt::Write as _;

use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use super::super::table::Table;
use super::ShowArgs;
use super::files;
use crate::attest::Predicate;
use crate::attest::Statement;
use crate::attest::UseWord;
use crate::attest::bundle;
use crate::report::escape;

/// Said above everything else.
const UNVERIFIED: &str = "NOT VERIFIED: anyone could have written this. `herdbook attest verify` proves \
                          who signed it, and that it is about your data.";

/// Files that are listed. Chosen: a screen; `--json` has all.
const FILES_SHOWN: usize = 30;

pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let bytes = files::read(&args.attestation).or_undecided()?;
    let envelope = bundle::read(&bytes).or_undecided()?;
    let statement = Statement::read_unverified(&envelope).or_undecided()?;
    if args.json {
        out::warn("the statement was not verified");
        out::json(&statement)?;
    } else {
        out::print(&text(&statement))?;
    }
    Ok(Exit::Pass)
}

fn text(statement: &Statement<Predicate>) -> String {
    let predicate = &statement.predicate;
    let mut facts = Table::new(&["it says", ""]);
    let mut fact = |name: &str, value: String| facts.row([name.to_owned(), value]);
    fact("verdict", predicate.verdict.as_str().to_owned());
    for reason in &predicate.refused_because {
        fact("refused because", reason.clone());
    }
    let name = predicate.target.name.as_deref();
    fact(
        "target",
        format!(
            "{} (from {}; stage {})",
            name.unwrap_or("no name yet"),
            predicate.target.base.join(", "),
            predicate.target.stage
        ),
    );
    fact("policy", predicate.policy.name.clone());
    fact("policy digest", predicate.policy.digest.clone());
    match &predicate.snapshot {
        Some(snapshot) => fact(
            "snapshot",
            format!(
                "{} with {} sources and {} records",
                snapshot.number, snapshot.sources, snapshot.records
            ),
        ),
        None => fact("snapshot", "none answered".to_owned()),
    }
    let rows = predicate.rows;
    fact(
        "rows",
        format!(
            "{} read = {} pass + {} flag + {} block + {} undecided",
            rows.read, rows.pass, rows.flag, rows.block, rows.undecided
        ),
    );
    for tier in &predicate.matches {
        let levels = tier.levels;
        fact(
            "matches",
            format!(
                "{}: {} note, {} flag, {} undecided, {} block",
                tier.tier, levels.note, levels.flag, levels.undecided, levels.block
            ),
        );
    }
    fact(
        "made",
        format!("{} to {}", predicate.started, predicate.finished),
    );
    fact("as of", predicate.as_of.clone());
    fact("last good day", predicate.expires.clone());
    fact(
        "program",
        format!("{} {}", predicate.tool.name, predicate.tool.version),
    );
    let mut out = format!("{UNVERIFIED}\n\n{}\n", facts.render());
    let mut covered = Table::new(&["file", "rows", "scanned", "left out", "sha256"]).right(&[1]);
    for file in predicate.coverage.iter().take(FILES_SHOWN) {
        let columns = |used: UseWord| {
            let names: Vec<&str> = file
                .columns
                .iter()
                .filter(|column| column.used == used)
                .map(|column| column.path.as_str())
                .collect();
            names.join(", ")
        };
        let digest = file.sha256.as_deref();
        covered.row([
            file.path.clone(),
            file.rows.read.to_string(),
            columns(UseWord::Scanned),
            columns(UseWord::Exempt),
            digest.unwrap_or("not read to its end").to_owned(),
        ]);
    }
    out.push_str(&covered.render());
    let more = predicate.coverage.len().saturating_sub(FILES_SHOWN);
    let mut line = |text: &str| {
        // Writing to a String cannot fail.
        if writeln!(out, "{text}").is_err() {}
    };
    if more > 0 {
        line(&format!("and {more} more files (--json lists them)"));
    }
    for duty in &predicate.obligations {
        line(&format!(
            "duty ({}): {} [{}]",
            escape::terminal(&duty.state),
            escape::terminal(&duty.text),
            escape::terminal(&duty.clause)
        ));
    }
    for limit in &predicate.limits {
        line(&format!("limit: {}", escape::terminal(limit)));
    }
    out
}
