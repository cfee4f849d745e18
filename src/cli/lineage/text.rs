//! Where a text comes from: the registered sources that it matches.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use serde::Serialize;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened::Opened;
use crate::model::Evidence;
use crate::pipeline;
use crate::policy::Policy;
use crate::read;
use crate::read::InputPath;
use crate::read::ReadOptions;
use crate::read::Stop;
use crate::report::escape;
use crate::text::TEXT_BYTES_MAX;

/// A registered record that the text matches.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Match {
    /// Name of the source.
    pub(super) source: String,
    /// The registered record: `file#row:column`.
    record: String,
    /// The model that is claimed to have generated it.
    model: Option<String>,
    tier: &'static str,
    share_of_row: f64,
    share_of_output: f64,
    longest_run_bytes: u64,
    strength: f64,
    /// Column of the row that the text stood in; null for a text that was given.
    column: Option<String>,
}

impl Match {
    /// In a line.
    pub(super) fn line(&self) -> String {
        let column = self
            .column
            .as_ref()
            .map_or_else(String::new, |column| format!("column {column}: "));
        let line = format!(
            "{column}{} match with {} of source {}, {:.0} % of the text, {:.0} % of the output, claimed as output of {}",
            self.tier,
            self.record,
            self.source,
            100.0 * self.share_of_row,
            100.0 * self.share_of_output,
            self.model.as_deref().unwrap_or("no stated model"),
        );
        escape::terminal(&line)
    }
}

/// The text that a command gives: itself, or standard input for `-`.
pub(super) fn given(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(TEXT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .context("cannot read the text from standard input")
        .or_undecided()?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Failure::usage(anyhow!(
            "the text on standard input has more than {TEXT_BYTES_MAX} bytes: check it as a file"
        )));
    }
    String::from_utf8(bytes)
        .context("standard input is not UTF-8 text")
        .or_usage()
}

/// The texts of one row, `FILE#N`, rows counted from 0: each with its column.
pub(super) fn row(place: &str) -> Result<Vec<(String, String)>, Failure> {
    let wrong = || {
        Failure::usage(anyhow!(
            "{place:?} is no row: write FILE#N, rows counted from 0, as reports name them"
        ))
    };
    let (path, number) = place.rsplit_once('#').ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let input = InputPath::file(PathBuf::from(path));
    let mut found = Vec::new();
    let mut columns = std::collections::HashMap::new();
    let mut broken = None;
    let done = read::read(&input, &ReadOptions::default(), &|_| (), &mut |batch| {
        columns.extend(batch.columns.iter().cloned());
        for error in batch.errors.iter().filter(|error| error.row == number) {
            broken = Some(error.message.clone());
        }
        for unit in &batch.units {
            if batch.first_row + u64::from(unit.row) == number {
                let column = columns.get(&unit.column);
                let column = column.map_or_else(String::new, ToString::to_string);
                found.push((column, batch.unit_text(unit).to_owned()));
            }
        }
        if batch.first_row > number {
            Err(Stop)
        } else {
            Ok(())
        }
    });
    if let Some(broken) = broken {
        return Err(Failure::undecided(anyhow!(
            "row {number} of {path} cannot be read: {broken}"
        )));
    }
    if found.is_empty() {
        return Err(match done.error {
            Some(error) => Failure::undecided(error),
            None if done.rows <= number => Failure::usage(anyhow!(
                "{path} has {} rows, counted from 0: there is no row {number}",
                done.rows
            )),
            None => Failure::usage(anyhow!("row {number} of {path} holds no text")),
        });
    }
    Ok(found)
}

/// The registered records that texts match, strongest first within each text.
pub(super) fn matches(
    opened: &Opened,
    texts: &[(Option<String>, String)],
) -> Result<Vec<Match>, Failure> {
    let snapshot = opened.head().or_undecided()?;
    let minimum = Policy::default().flag_strength();
    let mut out = Vec::new();
    for (column, text) in texts {
        let all = pipeline::identify(&snapshot, &opened.recipe, &opened.key, minimum, text);
        for found in all.or_undecided()? {
            for claim in &found.claims {
                let at = usize::try_from(claim.source.0).unwrap_or(usize::MAX);
                let Some(source) = snapshot.sources().get(at) else {
                    continue;
                };
                let file = source.files.get(claim.file as usize);
                let path = source.columns.get(claim.column as usize);
                let model = claim.model.and_then(|m| source.models.get(m as usize));
                let Evidence {
                    tier,
                    share_of_row,
                    share_of_output,
                    longest_run_bytes,
                    strength,
                    ..
                } = found.evidence;
                out.push(Match {
                    source: source.name.clone(),
                    record: format!(
                        "{}#{}:{}",
                        file.map_or("?", |file| file.path.as_str()),
                        claim.row,
                        path.map_or("?", String::as_str)
                    ),
                    model: model.cloned(),
                    tier: tier.as_str(),
                    share_of_row,
                    share_of_output,
                    longest_run_bytes,
                    strength,
                    column: column.clone(),
                });
            }
        }
    }
    Ok(out)
}
