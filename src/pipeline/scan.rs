//! The boundary of the scan: batches of units in, matches out, in input order.
//!
//! A file is read by one thread and scanned by all; the outcome of its batches is handed over in
//! the order of the rows, so that everything after this boundary is deterministic. Memory is a
//! bounded number of batches in flight, whatever the size of the file.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::RowError;
use crate::read;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::Stop;

/// Batches in flight per worker. Chosen: enough that a worker never waits for the reader's turn,
/// few enough that memory stays at some megabytes a thread.
const BATCHES_PER_WORKER: usize = 3;

/// What one batch came to.
#[derive(Debug)]
pub(crate) struct Scanned<T> {
    /// 0-based row of the first row.
    pub first_row: u64,
    /// Rows covered, broken ones included.
    pub rows: u32,
    /// Broken rows.
    pub errors: Vec<RowError>,
    /// Rows whose text cannot be read here, with the column.
    pub opaque: Vec<(u32, ColumnId)>,
    /// Whether the first row is the last row of the batch before, carried on.
    pub continues: bool,
    /// Paths of columns first seen in this batch.
    pub columns: Vec<(ColumnId, Arc<str>)>,
    /// Units in the batch.
    pub units: u64,
    /// UTF-8 bytes of text in the batch.
    pub text_bytes: u64,
    /// What the worker made of the units.
    pub found: T,
}

enum Message<T, E> {
    Batch(u64, Result<Scanned<T>, E>),
    End { read: Box<FileRead>, batches: u64 },
}

/// Scans one file: `work` runs on `threads` workers (each with its own `state`), `take` receives
/// the outcomes in row order. Returns the reader's account of the file, and the first failure of a
/// worker, if any: from there on nothing was taken.
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
    T: Send,
    E: Send,
{
    let workers = states.len().max(1);
    thread::scope(|scope| {
        let (to_work, jobs) = bounded::<(u64, Batch)>(workers * BATCHES_PER_WORKER);
        let (to_take, results) = bounded::<Message<T, E>>(workers * BATCHES_PER_WORKER);
        for state in states.iter_mut() {
            let (jobs, to_take) = (jobs.clone(), to_take.clone());
            scope.spawn(move || worker(state, &jobs, &to_take, work));
        }
        drop(jobs);
        scope.spawn(move || {
            let (read, batches) = read_all(input, options, progress, &to_work);
            drop(to_work);
            // The receiver outlives this thread; if it is gone the scan was abandoned.
            let end = Message::End {
                read: Box::new(read),
                batches,
            };
            if to_take.send(end).is_err() {}
        });
        collect(&input.name, &results, take)
    })
}

fn worker<S, T, E>(
    state: &mut S,
    jobs: &Receiver<(u64, Batch)>,
    to_take: &Sender<Message<T, E>>,
    work: &(dyn Fn(&mut S, &Batch) -> Result<T, E> + Sync),
) {
    for (number, batch) in jobs {
        let done = work(state, &batch).map(|found| Scanned {
            first_row: batch.first_row,
            rows: batch.rows,
            units: batch.units.len() as u64,
            text_bytes: batch.text.len() as u64,
            errors: batch.errors,
            opaque: batch.opaque,
            continues: batch.continues,
            columns: batch.columns,
            found,
        });
        if to_take.send(Message::Batch(number, done)).is_err() {
            return;
        }
    }
}

/// Reads the file to its end, to its first error, or until nobody takes batches any more.
fn read_all(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    to_work: &Sender<(u64, Batch)>,
) -> (FileRead, u64) {
    let mut batches = 0;
    let mut sink = |batch: Batch| {
        if to_work.send((batches, batch)).is_err() {
            return Err(Stop);
        }
        batches += 1;
        Ok(())
    };
    // Decoders of foreign formats panic on some malformed files; that is an unreadable file, not a
    // reason to lose the run.
    let read = catch_unwind(AssertUnwindSafe(|| {
        read::read(input, options, progress, &mut sink)
    }));
    let read = read.unwrap_or_else(|_| {
        unread(
            &input.name,
            "the decoder failed on it; it is malformed or of another format than it says",
        )
    });
    (read, batches)
}

fn collect<T, E>(
    name: &Arc<str>,
    results: &Receiver<Message<T, E>>,
    take: &mut dyn FnMut(Scanned<T>),
) -> (FileRead, Option<E>) {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    let mut end: Option<(Box<FileRead>, u64)> = None;
    let mut failed = None;
    while end.as_ref().is_none_or(|(_, batches)| next < *batches) {
        let Ok(message) = results.recv() else { break };
        match message {
            Message::Batch(number, done) => {
                waiting.insert(number, done);
            }
            Message::End { read, batches } => end = Some((read, batches)),
        }
        while let Some(done) = waiting.remove(&next) {
            next += 1;
            match done {
                Ok(scanned) if failed.is_none() => take(scanned),
                Err(e) if failed.is_none() => failed = Some(e),
                // After a failure nothing more counts.
                Ok(_) | Err(_) => {}
            }
        }
    }
    let read = match end {
        Some((read, _)) => *read,
        None => unread(name, "reading or scanning it was cut short"),
    };
    (read, failed)
}

/// The account of a file whose reader did not come to an end of its own.
fn unread(name: &Arc<str>, what: &str) -> FileRead {
    FileRead {
        format: None,
        sha256: None,
        bytes: 0,
        rows: 0,
        row_errors: 0,
        columns: Vec::new(),
        model_columns: Vec::new(),
        error: Some(ReadError::Corrupt {
            path: Arc::clone(name),
            what: what.to_owned(),
            at: "a place that is not known".to_owned(),
        }),
        exempt_unused: Vec::new(),
    }
}
