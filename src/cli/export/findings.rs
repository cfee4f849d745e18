//! Findings of a kept verdict, as rows of a table.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use crate::report::exports::tables::FindingRow;
use crate::report::wire::Finding;
use crate::report::wire::VerdictDocument;

/// The findings that a verdict lists.
pub(super) fn rows(entry: u64, time: &str, json: &str) -> Result<Vec<FindingRow>, Failure> {
    let document: VerdictDocument = serde_json::from_str(json).or_undecided()?;
    let listed = document.findings.len() as u64;
    if document.findings_total > listed {
        out::warn(&format!(
            "the check of entry {entry} lists {listed} of {} findings: the rest is not here",
            document.findings_total
        ));
    }
    let digests: BTreeMap<&str, Option<&String>> = document
        .inputs
        .iter()
        .map(|input| (input.path.as_str(), input.sha256.as_ref()))
        .collect();
    let verdict = word(&document.verdict)?;
    let each = document.findings.iter().map(|finding| {
        row(finding, |row| {
            row.entry = entry;
            time.clone_into(&mut row.time);
            row.verdict.clone_from(&verdict);
            row.target.clone_from(&document.target.name);
            row.sha256 = digests.get(row.path.as_str()).copied().flatten().cloned();
        })
    });
    each.collect()
}

fn row(finding: &Finding, of_check: impl Fn(&mut FindingRow)) -> Result<FindingRow, Failure> {
    let sources: BTreeSet<&str> = finding
        .claims
        .iter()
        .map(|claim| claim.source.as_str())
        .collect();
    let tier = match &finding.tier {
        Some(tier) => Some(word(tier)?),
        None => None,
    };
    let mut row = FindingRow {
        code: finding.code.clone(),
        level: word(&finding.level)?,
        path: finding.location.path.clone(),
        row: finding.location.row,
        column: finding.location.column.clone(),
        tier,
        share_of_row: finding.share_of_row.map(|share| share.to_string()),
        share_of_output: finding.share_of_output.map(|share| share.to_string()),
        model: finding.model.clone(),
        license: finding.license.clone(),
        clause: finding.clause.clone(),
        sources: sources.into_iter().collect::<Vec<_>>().join("; "),
        reason: finding.reason.clone(),
        ..FindingRow::default()
    };
    of_check(&mut row);
    Ok(row)
}

/// The word that the verdict document has for a value.
fn word(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_value(value).or_undecided()?;
    Ok(json.as_str().unwrap_or_default().to_owned())
}
