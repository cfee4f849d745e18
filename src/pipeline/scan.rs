//! The boundary of the scan: files in, matches of batches out, in input order.
//!
//! A file is read and scanned by all threads; what its batches came to is handed over in the order
//! of the rows, so that everything after this boundary is deterministic.

use crate::model::Batch;
use crate::read;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::Outcome;
use crate::read::ReadOptions;

/// What one batch came to.
pub(crate) type Scanned<T> = read::Scanned<T>;

/// Scans one file: `work` runs on one thread for each of `states`, `take` receives the outcomes in
/// row order. Returns the reader's account of the file, and the first failure of a worker in row
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
