//! The report as one HTML page: no script, no outside resource, nothing but escaped text.
//!
//! The page forbids itself everything but its own style sheet (`Content-Security-Policy`), so that
//! even a hole in the escaping could not run code or call home. It prints on paper.

use std::fmt;
use std::fmt::Write;

use super::duties;
use super::escape;
use super::facts;
use super::links;
use crate::model::CheckOutcome;
use crate::model::Finding;

/// Stands near the top of every file written here: how a later run knows its own report.
pub(super) const MARKER: &str = "<meta name=\"generator\" content=\"herdbook\">";

/// Locations listed per group. Chosen: a page stays below a few megabytes; the JSON report holds all.
const LOCATIONS_MAX: usize = 200;
/// Columns listed per input and use. Chosen.
const COLUMNS_MAX: usize = 200;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1 span,.level{color:#fff;border-radius:.2rem;padding:0 .5rem}
.pass{background:#1a7f37}.flag{background:#9a6700}.undecided{background:#8250df}.block{background:#cf222e}.note{background:#57606a}
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
dt{font-weight:600}dd{margin:0 0 .4rem 1.5rem}
section.finding{border-left:4px solid #d0d7de;padding-left:1rem;margin:1rem 0}
@media print{body{max-width:none;margin:0}section.finding{break-inside:avoid-page}a::after{content:\" (\" attr(href) \")\"}}
";

/// Renders the page.
pub(super) fn render(outcome: &CheckOutcome) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let verdict = outcome.verdict.as_str();
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{MARKER}"
    )?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                   style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    )?;
    writeln!(
        out,
        "<title>herdbook check: {verdict}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
    )?;
    writeln!(
        out,
        "<h1>herdbook check: <span class=\"{verdict}\">{verdict}</span></h1>"
    )?;
    writeln!(
        out,
        "<p><strong>{}</strong></p>\n<p>{}</p>\n<dl>",
        text(&facts::headline(outcome)),
        text(facts::meaning(outcome.verdict))
    )?;
    entry(&mut out, "Target", &text(&facts::target(&outcome.target)))?;
    entry(&mut out, "Rows", &text(&facts::tally(outcome)))?;
    entry(&mut out, "Snapshot", &text(&facts::snapshot(outcome)))?;
    if let Some(index) = &outcome.index {
        entry(&mut out, "Snapshot digest", &code(&index.digest))?;
    }
    entry(&mut out, "Policy", &text(&facts::policy(outcome)))?;
    writeln!(out, "</dl>")?;
    findings(&mut out, outcome)?;
    models(&mut out, outcome)?;
    duties(&mut out, outcome)?;
    inputs(&mut out, outcome)?;
    writeln!(out, "<h2>What this does not prove</h2>\n<ul>")?;
    for limit in &outcome.limits {
        writeln!(out, "<li>{}</li>", text(limit))?;
    }
    writeln!(out, "</ul>\n</body>\n</html>")?;
    Ok(out)
}

fn findings(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.findings.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Findings, strictest first (rows count from 0)</h2>"
    )?;
    for group in facts::groups(outcome) {
        let level = group.level.as_str();
        writeln!(
            out,
            "<section class=\"finding\">\n<h3><span class=\"level {level}\">{level}</span> {}</h3>\n<dl>",
            text(group.code)
        )?;
        entry(out, "How much", &text(&facts::how_much(&group, outcome)))?;
        if group.is_match() {
            entry(
                out,
                "Generator",
                &text(&facts::generator(group.model, group.license)),
            )?;
        }
        if let Some(cited) = group
            .findings
            .first()
            .and_then(|f| f.decision.clause.as_deref())
        {
            entry(out, "Clause", &clause(cited))?;
        }
        let why = group.common(|finding| &finding.decision.reason);
        if let Some(reason) = why {
            entry(out, "Why", &text(reason))?;
        }
        let fix = group.common(|finding| &finding.decision.how_to_fix);
        if let Some(fix) = fix {
            entry(out, "How to fix", &text(fix))?;
        }
        writeln!(out, "<dt>Where</dt><dd><ul>")?;
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
                "<li>… and {} more; the JSON report lists them</li>",
                facts::count(more as u64)
            )?;
        }
        writeln!(out, "</ul></dd>\n</dl>\n</section>")?;
    }
    if let Some(note) = facts::unlisted(outcome) {
        writeln!(out, "<p>{}</p>", text(&note))?;
    }
    Ok(())
}

fn location(out: &mut String, finding: &Finding, why: bool, fix: bool) -> fmt::Result {
    write!(out, "<li>{}", code(&finding.location.path))?;
    let place = facts::place(&finding.location);
    if !place.is_empty() {
        write!(out, " {}", code(&place))?;
    }
    let mut lines: Vec<String> = Vec::new();
    lines.extend(facts::evidence(finding));
    lines.extend(
        finding
            .claims
            .first()
            .map(|claim| format!("registered: {}", facts::registered(claim))),
    );
    lines.extend(finding.claims.iter().skip(1).map(facts::also_claimed));
    lines.extend(
        finding
            .evidence
            .and_then(|found| facts::hidden(found.integrity)),
    );
    if why {
        lines.push(finding.decision.reason.clone());
    }
    if fix {
        lines.push(format!("how to fix: {}", finding.decision.how_to_fix));
    }
    for line in lines {
        write!(out, "<br>{}", text(&line))?;
    }
    writeln!(out, "</li>")
}

fn models(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.models.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Generators as claimed by the sources</h2>\n<ul>")?;
    for model in &outcome.models {
        let who = facts::generator(Some(&model.model), model.license.as_deref());
        writeln!(
            out,
            "<li>{}: {}</li>",
            text(&who),
            facts::plural(model.records, "finding")
        )?;
    }
    writeln!(out, "</ul>")
}

fn duties(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.obligations.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Duties of the target, from these outputs and from its base</h2>\n<ul>"
    )?;
    for duty in &outcome.obligations {
        writeln!(
            out,
            "<li><strong>{}</strong>: {} ({}; {})</li>",
            facts::duty_state(duty.state),
            text(&duty.text),
            code(&duty.id),
            clause(&duty.clause)
        )?;
    }
    writeln!(out, "</ul>")?;
    let Some(kept) = duties::kept_in(outcome) else {
        return Ok(());
    };
    writeln!(out, "<p>{}:</p>\n<ul>", text(&kept))?;
    for duty in &outcome.stored_duties.duties {
        writeln!(out, "<li>{}</li>", text(&duties::stored(duty)))?;
    }
    writeln!(out, "</ul>")
}

fn inputs(out: &mut String, outcome: &CheckOutcome) -> fmt::Result {
    if outcome.inputs.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Inputs</h2>\n<ul>")?;
    for info in &outcome.inputs {
        write!(
            out,
            "<li>{}: {}",
            code(&info.path),
            text(&facts::input(info))
        )?;
        if let Some(sha256) = &info.sha256 {
            write!(out, "<br>sha256 {}", code(sha256))?;
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
            write!(out, "<br>{words}: {}", named.join(", "))?;
            if all.len() > named.len() {
                write!(
                    out,
                    " and {} more",
                    facts::count((all.len() - named.len()) as u64)
                )?;
            }
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

/// A definition; `value` is HTML.
fn entry(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "<dt>{name}</dt><dd>{value}</dd>")
}

fn text(text: &str) -> String {
    escape::html(text)
}

/// An identifier from data, shortened.
fn code(text: &str) -> String {
    format!(
        "<code>{}</code>",
        escape::html(&escape::shorten(text, escape::IDENTIFIER_CHARS_MAX))
    )
}

/// A clause with its links clickable.
fn clause(cited: &str) -> String {
    links::pieces(cited)
        .into_iter()
        .map(|piece| match piece {
            links::Piece::Text(plain) => text(plain),
            links::Piece::Link(link) => {
                let link = text(link);
                format!("<a href=\"{link}\" rel=\"noopener noreferrer\">{link}</a>")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn block_page() {
        insta::assert_snapshot!(render(&samples::block_two_claims()).expect("renders"));
    }

    #[test]
    fn hostile_data_adds_no_element_and_no_attribute() {
        let tags = |page: &str| -> Vec<String> {
            page.split('<')
                .skip(1)
                .map(|piece| piece.split('>').next().unwrap_or("").to_owned())
                .collect()
        };
        let page = render(&samples::hostile()).expect("renders");
        assert!(!page.chars().any(|c| c != '\n' && escape::is_deceptive(c)));
        assert!(page.contains("&lt;script&gt;"), "{page}");
        // Every tag that occurs is one this file writes.
        let known = [
            "!doctype html",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "h3",
            "span",
            "p",
            "strong",
            "dl",
            "dt",
            "dd",
            "ul",
            "li",
            "br",
            "code",
            "section",
            "a",
        ];
        for tag in tags(&page) {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or("");
            assert!(known.contains(&name) || tag == "!doctype html", "<{tag}>");
            assert!(
                !tag.contains("onerror") && !tag.contains("javascript:"),
                "<{tag}>"
            );
        }
    }
}
