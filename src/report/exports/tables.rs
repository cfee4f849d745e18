//! Tables for auditors: RFC 4180 through the `csv` crate, no cell that a spreadsheet would run.

use super::Ledger;
use super::Listed;

/// A finding of a kept verdict, one row of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingRow {
    /// Number of the log entry of the check.
    pub entry: u64,
    /// When it was made.
    pub time: String,
    /// Model that the check was for.
    pub target: Option<String>,
    /// What the check said as a whole.
    pub verdict: String,
    /// Code of the finding.
    pub code: String,
    /// Its level.
    pub level: String,
    /// File, as it was named.
    pub path: String,
    /// SHA-256 of that file.
    pub sha256: Option<String>,
    /// Row, from 0; `None` for a finding on a file or run.
    pub row: Option<u64>,
    /// Column.
    pub column: Option<String>,
    /// Tier of the evidence.
    pub tier: Option<String>,
    /// Share of the row that is registered text.
    pub share_of_row: Option<String>,
    /// Share of the registered output that stands in the row.
    pub share_of_output: Option<String>,
    /// Model of the deciding claim.
    pub model: Option<String>,
    /// License of the deciding claim.
    pub license: Option<String>,
    /// Clause of the deciding claim.
    pub clause: Option<String>,
    /// Registered sources of the claims, each once.
    pub sources: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why a table could not be made. No content is known to cause one.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The writer refused.
    #[error("cannot write the table: {0}")]
    Csv(#[from] csv::Error),
    /// The writer's buffer could not be taken back.
    #[error("cannot finish the table: {0}")]
    Finish(String),
    /// The result is no text.
    #[error("the table is not UTF-8: {0}")]
    Utf8(#[from] std::string::FromUtf8Error),
}

/// A cell that no spreadsheet takes for a formula: one that begins with `=`, `+`, `-`, `@`, a tab or a
/// line break gets an apostrophe before it (OWASP, CSV injection; full-width forms of the signs too,
/// which some programs fold).
pub fn cell(text: &str) -> String {
    let risky = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    if text.starts_with(risky) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

struct Table {
    writer: csv::Writer<Vec<u8>>,
}

impl Table {
    fn new(headings: &[&str]) -> Result<Self, TableError> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(headings)?;
        Ok(Self { writer })
    }

    fn row(&mut self, cells: &[String]) -> Result<(), TableError> {
        self.writer
            .write_record(cells.iter().map(|text| cell(text)))?;
        Ok(())
    }

    fn finish(self) -> Result<String, TableError> {
        let bytes = self
            .writer
            .into_inner()
            .map_err(|error| TableError::Finish(error.to_string()))?;
        Ok(String::from_utf8(bytes)?)
    }
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Every edge: where from, what, where to, who says so and how much.
pub fn edges(ledger: &Ledger) -> Result<String, TableError> {
    let mut table = Table::new(&[
        "from",
        "edge",
        "to",
        "origin",
        "records",
        "of",
        "how",
        "of_outputs",
        "level",
        "path",
        "note",
        "entry",
        "entry_time",
    ])?;
    for listed in &ledger.nodes {
        for edge in &listed.edges {
            let facts = &edge.facts;
            table.row(&[
                edge.from.node.to_string(),
                edge.kind.as_str().to_owned(),
                listed.node.node.to_string(),
                edge.origin.as_str().to_owned(),
                number(facts.records),
                number(facts.of),
                text(facts.how.as_ref()),
                text(facts.of_outputs.as_ref()),
                text(facts.level.as_ref()),
                text(facts.path.as_ref()),
                text(facts.note.as_ref()),
                number(facts.entry),
                text(edge.time.as_ref()),
            ])?;
        }
    }
    table.finish()
}

/// Every node, with what is known of it.
pub fn nodes(ledger: &Ledger) -> Result<String, TableError> {
    let mut table = Table::new(&[
        "node",
        "kind",
        "name",
        "version",
        "state",
        "digest",
        "records",
        "bytes",
        "time",
        "owner",
        "note",
        "more",
        "entry",
        "entry_time",
    ])?;
    for Listed { node, time, .. } in &ledger.nodes {
        let facts = &node.facts;
        let more: Vec<String> = facts
            .more
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        table.row(&[
            node.node.to_string(),
            node.node.kind.as_str().to_owned(),
            facts
                .label
                .clone()
                .unwrap_or_else(|| node.node.name.clone()),
            node.node.version.clone(),
            text(facts.state.as_ref()),
            text(facts.digest.as_ref()),
            number(facts.records),
            number(facts.bytes),
            text(facts.time.as_ref()),
            text(facts.owner.as_ref()),
            text(facts.note.as_ref()),
            more.join("; "),
            number(facts.entry),
            text(time.as_ref()),
        ])?;
    }
    table.finish()
}

/// Every check, with its counts.
pub fn checks(ledger: &Ledger) -> Result<String, TableError> {
    let mut table = Table::new(&[
        "entry",
        "time",
        "verdict",
        "target",
        "read",
        "pass",
        "flag",
        "block",
        "undecided",
        "files",
        "policy_sha256",
        "verdict_sha256",
    ])?;
    for check in &ledger.checks {
        let count = |name: &str| number(check.tally.get(name).copied());
        table.row(&[
            check.entry.to_string(),
            check.time.clone(),
            check.verdict.clone(),
            text(check.target.as_ref()),
            count("read"),
            count("pass"),
            count("flag"),
            count("block"),
            count("undecided"),
            check.files.len().to_string(),
            check.policy.clone(),
            check.digest.clone(),
        ])?;
    }
    table.finish()
}

/// Every finding that kept verdicts list.
pub fn findings(rows: &[FindingRow]) -> Result<String, TableError> {
    let mut table = Table::new(&[
        "check_entry",
        "time",
        "target",
        "verdict",
        "code",
        "level",
        "path",
        "sha256",
        "row",
        "column",
        "tier",
        "share_of_row",
        "share_of_output",
        "model",
        "license",
        "clause",
        "sources",
        "reason",
    ])?;
    for row in rows {
        table.row(&[
            row.entry.to_string(),
            row.time.clone(),
            text(row.target.as_ref()),
            row.verdict.clone(),
            row.code.clone(),
            row.level.clone(),
            row.path.clone(),
            text(row.sha256.as_ref()),
            number(row.row),
            text(row.column.as_ref()),
            text(row.tier.as_ref()),
            text(row.share_of_row.as_ref()),
            text(row.share_of_output.as_ref()),
            text(row.model.as_ref()),
            text(row.license.as_ref()),
            text(row.clause.as_ref()),
            row.sources.clone(),
            row.reason.clone(),
        ])?;
    }
    table.finish()
}
