//! The report as Markdown, for a pull request or a ticket.
//!
//! Identifiers from data stand in code spans, sentences are escaped, links only from clauses.

use std::fmt;
use std::fmt::Write;

use super::duties;
use super::escape;
use super::facts;
use super::links;
use crate::model::CheckOutcome;
use crate::model::Finding;

/// First line of every file written here: how a later run knows its own report.
pub(super) const MARKER: &str = "<!-- herdbook report -->";

/// Locations listed per group. Chosen; the JSON report holds all of them.
const LOCATIONS_MAX: usize = 100;
/// Columns listed per input and use. Chosen; the JSON report holds all of them.
const COLUMNS_MAX: usize = 100;

/// Renders the report.
pub(super) fn render(outcome: &CheckOutcome) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{MARKER}\n# herdbook check: {}\n", outcome.verdict)?;
    writeln!(
        out,
        "**{}** {}\n",
        escape::markdown(&facts::headline(outcome)),
        facts::meaning(outcome.verdict)
    )?;
    writeln!(
        out,
        "- Target: {}",
        escape::markdown(&facts::target(&outcome.target))
    )?;
    writeln!(out, "- Rows: {}", facts::tally(outcome))?;
    writeln!(
        out,
        "- Snapshot: {}",
        escape::markdown(&facts::snapshot(outcome))
    )?;
    if let Some(index) = &outcome.index {
        writeln!(out, "- Snapshot digest: {}", code(&index.digest))?;
    }
    writeln!(
        out,
        "- Policy: {}",
        escape::markdown(&facts::policy(outcome))
    )?;
    findings(&mut out, outcome)?;
    if !outcome.models.is_empty() {
        writeln!(out, "\n## Generators as claimed by the sources\n")?;
        for model in &outcome.models {
            let license = model.license.as_deref().unwrap_or("not known");
            let records = facts::plural(model.records, "finding");
            writeln!(
                out,
                "- {}, license {}: {records}",
                code(&model.model),
                code(license)
            )?;
        }
    }
    if !outcome.obligations.is_empty() {
        writeln!(
            out,
            "\n## Duties of the target, from these outputs and from its base\n"
        )?;
        for duty in &outcome.obligations {
            writeln!(
                out,
                "- **{}**: {} ({}; {})",
                facts::duty_state(duty.state),
                escape::markdown(&duty.text),
                code(&duty.id),
                clause(&duty.clause)
            )?;
        }
        stored_duties(&mut out, outcome)?;
    }
    inputs(&mut out, outcome)?;
    writeln!(out, "\n## What this does not prove\n")?;
    for limit in &outcome.limits {
        writeln!(out, "- {}", escape::markdown(limit))?;
    }
    Ok(out)
}

fn stored_duties(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    let Some(kept) = duties::kept_in(outcome) else {
        return Ok(());
    };
    writeln!(out, "\n{}:\n", escape::markdown(&kept))?;
    for duty in &outcome.stored_duties.duties {
        writeln!(out, "- {}", escape::markdown(&duties::stored(duty)))?;
    }
    Ok(())
}

fn findings(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Findings, strictest first (rows count from 0)")?;
    for group in facts::groups(outcome) {
        writeln!(out, "\n### {}: {}\n", group.level, group.code)?;
        writeln!(out, "- How much: {}", facts::how_much(&group, outcome))?;
        if group.is_match() {
            let model = group
                .model
                .map_or_else(|| "not stated by the source".to_owned(), code);
            let license = group.license.map_or_else(|| "not known".to_owned(), code);
            writeln!(out, "- Generator: {model}, license {license}")?;
        }
        if let Some(text) = group
            .findings
            .first()
            .and_then(|f| f.decision.clause.as_deref())
        {
            writeln!(out, "- Clause: {}", clause(text))?;
        }
        let why = group.common(|finding| &finding.decision.reason);
        if let Some(text) = why {
            writeln!(out, "- Why: {}", escape::markdown(text))?;
        }
        let fix = group.common(|finding| &finding.decision.how_to_fix);
        if let Some(text) = fix {
            writeln!(out, "- How to fix: {}", escape::markdown(text))?;
        }
        writeln!(out, "- Where:")?;
        for finding in group.findings.iter().take(LOCATIONS_MAX) {
            location(out, finding, why.is_none(), fix.is_none())?;
        }
        if let Some(more) = group
            .findings
            .len()
            .checked_sub(LOCATIONS_MAX)
            .filter(|n| *n > 0)
        {
            writeln!(
                out,
                "  - … and {} more; the JSON report lists them",
                facts::count(more as u64)
            )?;
        }
    }
    if let Some(text) = facts::unlisted(outcome) {
        writeln!(out, "\n{text}")?;
    }
    Ok(())
}

fn location(out: &mut String, finding: &Finding, why: bool, fix: bool) -> fmt::Result {
    let place = facts::place(&finding.location);
    let path = code(&finding.location.path);
    if place.is_empty() {
        writeln!(out, "  - {path}")?;
    } else {
        writeln!(out, "  - {path} {}", code(&place))?;
    }
    if let Some(text) = facts::evidence(finding) {
        writeln!(out, "    - {text}")?;
    }
    if let Some(claim) = finding.claims.first() {
        writeln!(
            out,
            "    - registered: {}",
            escape::markdown(&facts::registered(claim))
        )?;
    }
    for claim in finding.claims.iter().skip(1) {
        writeln!(
            out,
            "    - {}",
            escape::markdown(&facts::also_claimed(claim))
        )?;
    }
    if let Some(text) = finding
        .evidence
        .and_then(|found| facts::hidden(found.integrity))
    {
        writeln!(out, "    - {text}")?;
    }
    if why {
        writeln!(
            out,
            "    - why: {}",
            escape::markdown(&finding.decision.reason)
        )?;
    }
    if fix {
        writeln!(
            out,
            "    - how to fix: {}",
            escape::markdown(&finding.decision.how_to_fix)
        )?;
    }
    Ok(())
}

fn inputs(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.inputs.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Inputs\n")?;
    for info in &outcome.inputs {
        writeln!(
            out,
            "- {}: {}",
            code(&info.path),
            escape::markdown(&facts::input(info))
        )?;
        if let Some(sha256) = &info.sha256 {
            writeln!(out, "  - sha256 {}", code(sha256))?;
        }
        for (column_use, words) in facts::COLUMN_USES {
            let all: Vec<String> = (info.columns.iter())
                .filter(|(_, used, _)| *used == column_use)
                .map(|(path, _, _)| code(path))
                .collect();
            if all.is_empty() {
                continue;
            }
            let named: Vec<&str> = all.iter().take(COLUMNS_MAX).map(String::as_str).collect();
            let more = all.len() - named.len();
            let rest = if more > 0 {
                format!(" and {} more", facts::count(more as u64))
            } else {
                String::new()
            };
            writeln!(out, "  - {words}: {}{rest}", named.join(", "))?;
        }
    }
    Ok(())
}

/// An identifier from data, shortened, as a code span.
fn code(text: &str) -> String {
    escape::markdown_code(&escape::shorten(text, escape::IDENTIFIER_CHARS_MAX))
}

/// A clause with its links clickable.
fn clause(text: &str) -> String {
    links::pieces(text)
        .into_iter()
        .map(|piece| match piece {
            links::Piece::Text(text) => escape::markdown(text),
            links::Piece::Link(link) => format!("<{link}>"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn block_report() {
        insta::assert_snapshot!(render(&samples::block_two_claims()).expect("renders"));
    }

    #[test]
    fn hostile_data_stays_text() {
        let outcome = samples::hostile();
        let text = render(&outcome).expect("renders");
        assert!(
            !text.chars().any(|c| c != '\n' && escape::is_deceptive(c)),
            "{text}"
        );
        // Outside code spans, every bracket is escaped, apart from the marker and the links.
        let mut prose = String::new();
        let (mut in_code, mut escaped) = (false, false);
        for c in text
            .replace(MARKER, "")
            .replace("<https://x.test/>", "")
            .chars()
        {
            match c {
                '`' if !escaped || in_code => in_code = !in_code,
                c if !in_code && !escaped && c != '\\' => prose.push(c),
                _ => {}
            }
            escaped = c == '\\' && !escaped && !in_code;
        }
        assert!(!in_code, "a code span is open at the end: {text}");
        assert!(!prose.contains(['<', '[', '|']), "{prose}");
        // A backtick in a model id must not close its code span.
        assert!(text.contains("evil\\u{0060}model"), "{text}");
    }
}
