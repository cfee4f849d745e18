//! Scanning in this process.

use std::collections::HashMap;
use std::sync::Arc;

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::fingerprint::canary_text;
use crate::model::Batch;
use crate::model::Canaries;
use crate::model::ColumnId;
use crate::model::Role;
use crate::model::UnitSpan;
use crate::read;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::Outcome;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::Side;
use crate::read::SplitCounts;
use crate::snapshot::Snapshot;

use super::super::matching::MatchError;
use super::super::matching::Matcher;
use super::super::matching::Preparer;
use super::super::sketches::BatchSketch;
use super::super::sketches::KeptUnit;
use super::super::sketches::pack;
use super::BatchMatches;
use super::FileScan;
use super::Scanned;
use super::Scanner;
use super::SnapshotFacts;
use super::SplitJob;
use super::is_set;
use super::matches_of;

/// Reads and scans with threads of this process: what a worker does, and what a program does that
/// needs no protection from its inputs.
pub struct Direct<'a> {
    facts: SnapshotFacts,
    lanes: Vec<Lane<'a>>,
}

impl<'a> Direct<'a> {
    /// Scans with `threads` threads, one at least. `minimum` is the strength from which a match
    /// counts.
    pub fn new(
        snapshot: &'a Snapshot,
        recipe: &Recipe,
        key: &FingerprintKey,
        minimum: f64,
        threads: usize,
    ) -> Self {
        let canary: Arc<str> = canary_text(key).into();
        let lane = || Lane {
            matcher: Matcher::new(snapshot, *recipe, key, minimum),
            canary: Arc::clone(&canary),
            until_planted: 0,
            canaries: Canaries::default(),
            preparer: None,
        };
        Self {
            facts: SnapshotFacts::of(snapshot),
            lanes: (0..threads.max(1)).map(|_| lane()).collect(),
        }
    }

    /// The same, and hands on the sketches of every unit with what it matched.
    #[must_use]
    pub fn with_sketches(mut self, recipe: &Recipe, key: &FingerprintKey) -> Self {
        for lane in &mut self.lanes {
            lane.preparer = Some(Preparer::new(*recipe, key));
        }
        self
    }
}

impl Scanner for Direct<'_> {
    fn facts(&self) -> &SnapshotFacts {
        &self.facts
    }

    fn scan(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan {
        for lane in &mut self.lanes {
            (lane.until_planted, lane.canaries) = (0, Canaries::default());
        }
        let work = |lane: &mut Lane<'_>, batch: &mut Batch| lane.scan(batch);
        let (read, failed) = scan_file(input, options, progress, &mut self.lanes, &work, take);
        let failed = failed.map(|error: MatchError| error.to_string());
        let mut canaries = Canaries::default();
        for lane in &self.lanes {
            canaries.planted += lane.canaries.planted;
            canaries.found += lane.canaries.found;
        }
        FileScan {
            read,
            failed,
            canaries,
        }
    }

    fn split(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError> {
        let mut side = |row| {
            if is_set(job.quarantined, row) {
                Side::Quarantine
            } else {
                Side::Clean
            }
        };
        read::split(
            input,
            options,
            job.sha256,
            &mut side,
            job.clean,
            job.quarantine,
        )
    }
}

/// Batches from one canary of a thread to the next. Chosen: a look-up and an alignment in some sixty
/// megabytes of text, far below a hundredth of the time.
const PLANT_EVERY: u32 = 64;

/// One thread of the scan.
struct Lane<'a> {
    matcher: Matcher<'a>,
    canary: Arc<str>,
    /// Batches until the next canary.
    until_planted: u32,
    /// Of the file in hand.
    canaries: Canaries,
    /// Makes sketches, where they are kept.
    preparer: Option<Preparer>,
}

impl Lane<'_> {
    fn scan(&mut self, batch: &mut Batch) -> Result<BatchMatches, MatchError> {
        let mut found = self.matches(batch)?;
        if let Some(preparer) = &mut self.preparer {
            found.sketch = Some(sketch(preparer, batch)?);
        }
        Ok(found)
    }

    /// Matches a batch. Now and then the canary is put behind its last text, and goes the way of all
    /// of them: one pass over the batch, the filters, the database, the alignment.
    fn matches(&mut self, batch: &mut Batch) -> Result<BatchMatches, MatchError> {
        if let Some(left) = self.until_planted.checked_sub(1) {
            self.until_planted = left;
            return matches_of(&mut self.matcher, batch, None).map(|(found, _)| found);
        }
        self.until_planted = PLANT_EVERY - 1;
        let (text, units) = (batch.text.len(), batch.units.len());
        batch.text.push_str(&self.canary);
        batch.units.push(UnitSpan {
            row: batch.rows,
            column: ColumnId(u32::MAX),
            ordinal: 0,
            start: text,
            end: batch.text.len(),
            role: Role::Unknown,
            model: None,
        });
        self.canaries.planted += 1;
        let found = matches_of(&mut self.matcher, batch, Some(units));
        batch.text.truncate(text);
        batch.units.truncate(units);
        let (found, met) = found?;
        self.canaries.found += u64::from(met);
        Ok(found)
    }
}

/// The sketches of a batch.
fn sketch(preparer: &mut Preparer, batch: &Batch) -> Result<BatchSketch, MatchError> {
    let mut columns = Vec::new();
    let mut places: HashMap<ColumnId, u32> = HashMap::new();
    let mut units = Vec::with_capacity(batch.units.len());
    for unit in &batch.units {
        let next = u32::try_from(columns.len()).unwrap_or(u32::MAX);
        let column = *places.entry(unit.column).or_insert_with(|| {
            columns.push(unit.column);
            next
        });
        units.push(KeptUnit {
            row: unit.row,
            ordinal: unit.ordinal,
            column,
            unit: preparer.prepare(batch.unit_text(unit), unit.role)?,
        });
    }
    let packed = pack(&units).map_err(MatchError::Sketch)?;
    Ok(BatchSketch { columns, packed })
}

/// Scans one file: `work` runs on one thread for each of `states`, `take` receives the outcomes in
/// row order. Returns the reader's account of the file, and the first failure of a thread in row
/// order, if any: from there on nothing was taken.
pub(crate) fn scan_file<S, T, E>(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    states: &mut [S],
    work: &(dyn Fn(&mut S, &mut Batch) -> Result<T, E> + Sync),
    take: &mut dyn FnMut(Scanned<T>),
) -> (FileRead, Option<E>)
where
    S: Send,
    T: Outcome,
    E: Send,
{
    let mut failed = None;
    let mut until_failure = |scanned: read::Scanned<Result<T, E>>| {
        // After a failure nothing more counts.
        if failed.is_some() {
            return;
        }
        match scanned.transpose() {
            Ok(scanned) => take(scanned),
            Err(error) => failed = Some(error),
        }
    };
    let read = read::scan(input, options, progress, states, work, &mut until_failure);
    (read, failed)
}
