//! `herdbook report check`: the verdict that a log entry names, or that a file holds.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::anyhow;

use super::super::args::Global;
use super::super::catalog;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::lineage::meaning;
use super::super::opened::Opened;
use crate::audit;
use crate::audit::LogError;
use crate::audit::Record;
use crate::graph;
use crate::graph::DOCUMENT_BYTES_MAX;
use crate::model::lineage::Traced;
use crate::report::people::Page;
use crate::report::people::check;
use crate::report::people::check::CheckReport;
use crate::report::people::check::Logged;
use crate::report::wire::VerdictDocument;

pub(super) fn page(global: &Global, named: &str) -> Result<Page, Failure> {
    let (document, logged) = match named.parse::<u64>() {
        Ok(entry) => of_entry(global, entry)?,
        Err(_) => (of_file(Path::new(named))?, None),
    };
    let catalog = catalog::of_index(global)?;
    let walk = check::walk(&document);
    let traced = Traced {
        meanings: meaning::of_walk(&catalog, &walk),
        walk,
        entries: logged.as_ref().map_or(0, |logged| logged.entry + 1),
        warnings: Vec::new(),
    };
    Ok(check::page(&CheckReport {
        document,
        logged,
        traced,
    }))
}

fn of_entry(global: &Global, entry: u64) -> Result<(VerdictDocument, Option<Logged>), Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let found = audit::entry(&opened.dir, &opened.secrets.public(), entry).map_err(|error| {
        if matches!(error, LogError::NoEntry { .. }) {
            Failure::usage(error)
        } else {
            Failure::undecided(error)
        }
    })?;
    let Record::Check(made) = &found.record else {
        return Err(Failure::usage(anyhow!(
            "entry {entry} of the audit log is no check but {}: `herdbook audit log` lists them",
            found.record.kind()
        )));
    };
    let kept = graph::kept_verdict(&opened.dir, entry, &made.outcome).or_undecided()?;
    let Some(json) = kept else {
        return Err(Failure::undecided(anyhow!(
            "the verdict of entry {entry} was not kept in this index: name the verdict JSON that the check wrote, whose SHA-256 is {}",
            made.outcome
        )));
    };
    let document = serde_json::from_str(&json)
        .with_context(|| format!("the kept verdict of entry {entry} cannot be read"))
        .or_undecided()?;
    let logged = Logged {
        entry,
        time: found.time,
    };
    Ok((document, Some(logged)))
}

fn of_file(path: &Path) -> Result<VerdictDocument, Failure> {
    let unreadable = || {
        format!(
            "cannot read {}: name a log entry by its number, or a verdict JSON file",
            path.display()
        )
    };
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes))
        .with_context(unreadable)
        .or_usage()?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        let error = anyhow!(
            "{} has more than {DOCUMENT_BYTES_MAX} bytes",
            path.display()
        );
        return Err(Failure::usage(error));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(anyhow!(
            "{} is no verdict JSON: {error}; `herdbook check … --report FILE.json` writes one",
            path.display()
        ))
    })
}
