//! Scanning in this process.

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::model::Batch;
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
    matchers: Vec<Matcher<'a>>,
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
        let matcher = || Matcher::new(snapshot, *recipe, key, minimum);
        Self {
            facts: SnapshotFacts::of(snapshot),
            matchers: (0..threads.max(1)).map(|_| matcher()).collect(),
        }
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
        let (read, failed) = scan_file(
            input,
            options,
            progress,
            &mut self.matchers,
            &matches_of,
            take,
        );
        let failed = failed.map(|error: MatchError| error.to_string());
        FileScan { read, failed }
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

/// Scans one file: `work` runs on one thread for each of `states`, `take` receives the outcomes in
/// row order. Returns the reader's account of the file, and the first failure of a thread in row
/// order, if any: from there on nothing was taken.
pub(crate) fn scan_file<S, T, E>(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    states: &mut [S],
    work: &(dyn Fn(&mut S, &Batch) -> Result<T, E> + Sync),
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
