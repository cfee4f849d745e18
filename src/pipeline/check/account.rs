//! The account of one file: every row gets exactly one verdict, every column its use.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Canaries;
use crate::model::ColumnId;
use crate::model::ColumnUse;
use crate::model::Finding;
use crate::model::InputInfo;
use crate::model::Level;
use crate::model::Location;
use crate::model::SourceCount;
use crate::model::Tally;
use crate::model::Verdict;
use crate::policy::codes;
use crate::read::FileRead;
use crate::read::ReadError;

use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::super::split::Sides;
use super::decider::Decider;
use super::findings::Findings;
use super::findings::trouble;

/// A row that has something to be said about it, or that may be carried on by the next batch.
#[derive(Default)]
struct RowState {
    findings: Vec<Finding>,
    opaque: Vec<ColumnId>,
}

/// Takes the batches of one file in row order.
pub(crate) struct FileAccount<'a, 'c> {
    path: Arc<str>,
    decider: &'a mut Decider<'c>,
    findings: &'a mut Findings,
    sides: Option<Sides>,
    paths: BTreeMap<ColumnId, Arc<str>>,
    tally: Tally,
    text_units: u64,
    text_bytes: u64,
    text_rows: u64,
    /// Rows per column whose text exists only as tokens or bytes, with the first of them.
    opaque: BTreeMap<ColumnId, (u64, u64)>,
    /// Rows by the source that claims text in them, with the strictest level.
    sources: BTreeMap<String, (u64, Level)>,
    /// The last row seen, which a next batch may carry on, and whether one did.
    open: Option<(u64, RowState, bool)>,
}

impl<'a, 'c> FileAccount<'a, 'c> {
    pub(crate) fn new(
        path: &Arc<str>,
        decider: &'a mut Decider<'c>,
        findings: &'a mut Findings,
        sides: Option<Sides>,
    ) -> Self {
        Self {
            path: path.clone(),
            decider,
            findings,
            sides,
            paths: BTreeMap::new(),
            tally: Tally::default(),
            text_units: 0,
            text_bytes: 0,
            text_rows: 0,
            opaque: BTreeMap::new(),
            sources: BTreeMap::new(),
            open: None,
        }
    }

    /// Takes the next batch.
    pub(crate) fn take(&mut self, scanned: &Scanned) {
        self.paths
            .extend(scanned.columns.iter().map(|(id, path)| (*id, path.clone())));
        self.text_units += scanned.units;
        self.text_bytes += scanned.text_bytes;
        self.text_rows += u64::from(scanned.text_rows);
        if scanned.rows == 0 {
            return;
        }
        let mut rows = self.states(scanned);
        let first = scanned.first_row;
        let last = first + u64::from(scanned.rows) - 1;
        match self.open.take() {
            Some((row, mut state, _)) if scanned.continues && row == first => {
                if let Some(more) = rows.remove(&first) {
                    state.findings.extend(more.findings);
                    state.opaque.extend(more.opaque);
                }
                self.rows_until(first, last, Some((state, true)), &mut rows);
            }
            Some((row, state, carried)) => {
                self.close_row(row, state, carried);
                self.rows_until(first, last, None, &mut rows);
            }
            None => self.rows_until(first, last, None, &mut rows),
        }
    }

    /// Closes the rows `first..last` and leaves `last` open.
    fn rows_until(
        &mut self,
        first: u64,
        last: u64,
        carried: Option<(RowState, bool)>,
        rows: &mut BTreeMap<u64, RowState>,
    ) {
        let (state, was_carried) = match carried {
            Some((state, was_carried)) => (state, was_carried),
            None => (rows.remove(&first).unwrap_or_default(), false),
        };
        if first == last {
            self.open = Some((last, state, was_carried));
            return;
        }
        self.close_row(first, state, was_carried);
        let open = rows.remove(&last).unwrap_or_default();
        let between = last - first - 1;
        let told = rows.len() as u64;
        for (row, state) in std::mem::take(rows) {
            self.close_row(row, state, false);
        }
        self.tally.read += between - told;
        self.tally.pass += between - told;
        self.open = Some((last, open, false));
    }

    /// Everything there is to say about the rows of a batch.
    fn states(&mut self, scanned: &Scanned) -> BTreeMap<u64, RowState> {
        let mut rows: BTreeMap<u64, RowState> = BTreeMap::new();
        for error in &scanned.errors {
            let location = Location {
                path: self.path.clone(),
                row: Some(error.row),
                column: None,
            };
            let finding = trouble(
                codes::ROW_UNREADABLE,
                location,
                error.message.clone(),
                "repair or remove the row, then check again".to_owned(),
            );
            rows.entry(error.row).or_default().findings.push(finding);
        }
        for (row, column) in &scanned.opaque {
            let row = scanned.first_row + u64::from(*row);
            rows.entry(row).or_default().opaque.push(*column);
            let seen = self.opaque.entry(*column).or_insert((0, row));
            seen.0 += 1;
        }
        for unit in &scanned.found.units {
            let row = scanned.first_row + u64::from(unit.row);
            let location = Location {
                path: self.path.clone(),
                row: Some(row),
                column: self.paths.get(&unit.column).cloned(),
            };
            if let Some(finding) = self.decider.finding(location, unit) {
                rows.entry(row).or_default().findings.push(finding);
            }
        }
        rows
    }

    fn close_row(&mut self, row: u64, mut state: RowState, carried: bool) {
        if carried {
            strongest_of_each(&mut state.findings);
        }
        let mut verdict = state
            .findings
            .iter()
            .map(|f| f.level.verdict())
            .max()
            .unwrap_or(Verdict::Pass);
        if !state.opaque.is_empty() {
            verdict = verdict.max(Verdict::Undecided);
        }
        self.tally.count(verdict);
        self.count_sources(&state.findings);
        if let Some(sides) = &mut self.sides {
            let opaque: Vec<Finding> = state
                .opaque
                .iter()
                .map(|id| opaque_finding(&self.path, self.paths.get(id), Some(row), None))
                .collect();
            let all: Vec<&Finding> = state.findings.iter().chain(&opaque).collect();
            sides.row(row, verdict, &all);
        }
        for finding in state.findings {
            self.findings.push(finding);
        }
    }

    /// Counts a row once for each source that claims text in it.
    fn count_sources(&mut self, findings: &[Finding]) {
        let mut row: BTreeMap<&str, Level> = BTreeMap::new();
        for claim in findings.iter().flat_map(|finding| &finding.claims) {
            let level = row.entry(&claim.source).or_insert(claim.decision.level);
            *level = (*level).max(claim.decision.level);
        }
        for (source, level) in row {
            match self.sources.get_mut(source) {
                Some((rows, strictest)) => {
                    *rows += 1;
                    *strictest = (*strictest).max(level);
                }
                None => {
                    self.sources.insert(source.to_owned(), (1, level));
                }
            }
        }
    }

    /// Ends the account: what the reader and the workers say about the file as a whole.
    pub(crate) fn close(
        mut self,
        scan: &FileScan,
        expected: Option<&str>,
    ) -> (InputInfo, Option<Sides>) {
        let (read, failed) = (&scan.read, scan.failed.as_deref());
        if let Some((row, state, carried)) = self.open.take() {
            self.close_row(row, state, carried);
        }
        for (id, (rows, first)) in std::mem::take(&mut self.opaque) {
            let used = read.columns.get(id.0 as usize).map(|c| c.used);
            let path = self.paths.get(&id);
            let finding = opaque_finding(&self.path, path, None, Some((rows, first, used)));
            self.findings.push(finding);
        }
        if let Some(error) = failed {
            self.findings.push(trouble(
                codes::INDEX_UNAVAILABLE,
                Location::file(self.path.clone()),
                format!(
                    "the register did not answer, so the rest of this file was not checked: {error}"
                ),
                "run `herdbook snapshot verify`, then check again".to_owned(),
            ));
        }
        let Canaries { planted, found } = scan.canaries;
        let complete = read.error.is_none() && failed.is_none();
        if found != planted || (complete && planted == 0 && self.text_units > 0) {
            self.findings.push(trouble(
                codes::CANARY_LOST,
                Location::file(self.path.clone()),
                format!(
                    "of {planted} canary texts that were planted among the texts of this file {found} \
                     were found, so registered texts may have been missed too"
                ),
                "run `herdbook snapshot verify`, then check again; if it stays so, report it: \
                 this program or this machine does not compute what it should"
                    .to_owned(),
            ));
        }
        if let (Some(expected), Some(found)) = (expected, read.sha256.as_deref())
            && expected != found
        {
            self.findings.push(trouble(
                codes::FILE_UNREADABLE,
                Location::file(self.path.clone()),
                "the file changed while it was checked, so a baseline of known findings may have \
                 been applied to other rows"
                    .to_owned(),
                "check again once nothing writes to the file".to_owned(),
            ));
        }
        if let Some(error) = &read.error {
            self.findings
                .push(unreadable_file(&self.path, error, read.rows));
        } else if failed.is_none() && (read.rows == 0 || self.text_units == 0) {
            let level = self.findings.input_empty();
            self.findings.push(empty(&self.path, read, level));
        }
        if let Some(share) = self.findings.text_share_min() {
            (self.findings).extend(too_little_text(
                &self.path,
                read.rows,
                self.text_rows,
                share,
            ));
        }
        let mut columns: Vec<(Arc<str>, ColumnUse, u64)> = read
            .columns
            .iter()
            .map(|c| (c.path.clone(), c.used, c.leaves))
            .collect();
        columns.sort();
        let info = InputInfo {
            path: self.path,
            format: read.format.clone(),
            sha256: if complete { read.sha256.clone() } else { None },
            tally: self.tally,
            rows_read: read.rows,
            rows_declared: read.rows_declared,
            text_units: self.text_units,
            bytes: read.bytes,
            text_bytes: self.text_bytes,
            columns,
            canaries: scan.canaries,
            sources: self
                .sources
                .into_iter()
                .map(|(source, (rows, level))| SourceCount {
                    source,
                    rows,
                    level,
                })
                .collect(),
        };
        (info, self.sides)
    }
}

/// An input that could not even be opened.
pub(crate) fn unreadable(error: &ReadError, findings: &mut Findings) -> InputInfo {
    let path = error.path().clone();
    findings.push(unreadable_file(&path, error, 0));
    InputInfo {
        path,
        format: None,
        sha256: None,
        tally: Tally::default(),
        rows_read: 0,
        rows_declared: None,
        text_units: 0,
        bytes: 0,
        text_bytes: 0,
        columns: Vec::new(),
        canaries: Canaries::default(),
        sources: Vec::new(),
    }
}

fn unreadable_file(path: &Arc<str>, error: &ReadError, rows: u64) -> Finding {
    let text = error.to_string();
    let reason = if rows == 0 {
        text
    } else {
        format!("{text} ({rows} rows were read before; nothing after them was checked)")
    };
    let fix = error
        .remedy()
        .unwrap_or("repair or replace the file, or leave it out of the run, then check again");
    trouble(
        codes::FILE_UNREADABLE,
        Location::file(path.clone()),
        reason,
        fix.to_owned(),
    )
}

/// An input without text: undecided, unless the policy expects such inputs.
fn empty(path: &Arc<str>, read: &FileRead, level: Level) -> Finding {
    let (reason, fix) = if read.rows == 0 {
        (
            "the input holds no rows, so nothing was checked",
            "check the path, or leave it out",
        )
    } else {
        (
            "no text was found in the rows of this input, so nothing was checked",
            "name the text with --text-column, or leave the input out of the run",
        )
    };
    let mut finding = trouble(
        codes::INPUT_EMPTY,
        Location::file(path.clone()),
        reason.to_owned(),
        fix.to_owned(),
    );
    finding.level = level;
    finding.decision.level = level;
    finding
}

/// An input of which fewer rows hold text than the policy asks for: its text may stand where it is
/// not looked for. One without any row is [`empty`].
fn too_little_text(path: &Arc<str>, rows: u64, text_rows: u64, share: f64) -> Option<Finding> {
    if rows == 0 || text_rows as f64 >= share * rows as f64 {
        return None;
    }
    Some(trouble(
        codes::TEXT_SHARE_LOW,
        Location::file(path.clone()),
        format!(
            "{text_rows} of {rows} rows hold text, and the policy asks for a share of {share}: what \
             the others say was not checked"
        ),
        "look at the rows without text, and at the columns in the report; if they are as they should \
         be, lower text_share_min in the policy"
            .to_owned(),
    ))
}

/// Text that exists only as tokens or bytes: once for the file (`rows`, first row and use known),
/// and once for each row that goes to quarantine.
fn opaque_finding(
    file: &Arc<str>,
    column: Option<&Arc<str>>,
    row: Option<u64>,
    rows: Option<(u64, u64, Option<ColumnUse>)>,
) -> Finding {
    let name = column.map_or("?", AsRef::as_ref);
    let binary = matches!(rows, Some((_, _, Some(ColumnUse::Binary))));
    let what = if binary {
        "bytes that are not UTF-8 text"
    } else {
        "token ids or bytes, not text"
    };
    let place = rows.map_or(String::new(), |(rows, first, _)| {
        format!(" in {rows} rows, first in row {first}")
    });
    trouble(
        if binary {
            codes::COLUMN_BINARY
        } else {
            codes::COLUMN_TOKENS
        },
        Location {
            path: file.clone(),
            row,
            column: column.cloned(),
        },
        format!("column `{name}` holds {what}{place}; what they say was not checked"),
        format!(
            "check the text before it is tokenised, or exempt the column with --exempt-column {name} \
             if it holds no text"
        ),
    )
}

/// Windows of one document overlap: what two of them found is said once.
fn strongest_of_each(findings: &mut Vec<Finding>) {
    let strength = |f: &Finding| f.evidence.map_or(f64::INFINITY, |e| e.strength);
    let mut kept: Vec<Finding> = Vec::new();
    for finding in std::mem::take(findings) {
        let record = finding.claims.first().map(|c| &c.source_record);
        let same = kept.iter_mut().find(|k| {
            record.is_some()
                && k.location == finding.location
                && k.claims.first().map(|c| &c.source_record) == record
        });
        match same {
            Some(k) if strength(k) >= strength(&finding) => {}
            Some(k) => *k = finding,
            None => kept.push(finding),
        }
    }
    *findings = kept;
}
