//! Reading by one thread and scanning by all: for formats that are not read in pieces.
//!
//! The outcome of the batches is handed over in the order of the rows. Memory is a bounded number
//! of batches in flight, whatever the size of the file.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use super::Outcome;
use super::Scanned;
use super::Work;
use super::frame::cut_short;
use super::frame::gave_up;
use crate::model::Batch;
use crate::read;
use crate::read::FileRead;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::Stop;
use crate::read::input::InputPath;

/// Batches in flight per worker. Chosen: enough that a worker never waits for the reader's turn,
/// few enough that memory stays at some megabytes a thread.
const BATCHES_PER_WORKER: usize = 3;

enum Message<T> {
    Batch(u64, Scanned<T>),
    End { read: Box<FileRead>, batches: u64 },
}

/// Scans one file; rows before `hand_on_from` are read but neither scanned nor handed on.
pub(super) fn scan<S: Send, T: Outcome>(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    hand_on_from: u64,
    states: &mut [S],
    work: Work<'_, S, T>,
    take: &mut dyn FnMut(Scanned<T>),
) -> FileRead {
    let workers = states.len().max(1);
    thread::scope(|scope| {
        let (to_work, jobs) = bounded::<(u64, Batch)>(workers * BATCHES_PER_WORKER);
        let (to_take, results) = bounded::<Message<T>>(workers * BATCHES_PER_WORKER);
        for state in states.iter_mut() {
            let (jobs, to_take) = (jobs.clone(), to_take.clone());
            scope.spawn(move || worker(state, &jobs, &to_take, work));
        }
        drop(jobs);
        scope.spawn(move || {
            let (read, batches) = read_all(input, options, progress, hand_on_from, &to_work);
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

fn worker<S, T>(
    state: &mut S,
    jobs: &Receiver<(u64, Batch)>,
    to_take: &Sender<Message<T>>,
    work: Work<'_, S, T>,
) {
    for (number, mut batch) in jobs {
        let found = work(state, &mut batch);
        let scanned = Scanned::of(&mut batch, found);
        if to_take.send(Message::Batch(number, scanned)).is_err() {
            return;
        }
    }
}

/// Reads the file to its end, to its first error, or until nobody takes batches any more.
fn read_all(
    input: &InputPath,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
    hand_on_from: u64,
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
        read::read_from(input, options, progress, hand_on_from, &mut sink)
    }));
    let read = read.unwrap_or_else(|_| unread(gave_up(&input.name)));
    (read, batches)
}

fn collect<T>(
    name: &Arc<str>,
    results: &Receiver<Message<T>>,
    take: &mut dyn FnMut(Scanned<T>),
) -> FileRead {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    let mut end: Option<(Box<FileRead>, u64)> = None;
    while end.as_ref().is_none_or(|(_, batches)| next < *batches) {
        let Ok(message) = results.recv() else { break };
        match message {
            Message::Batch(number, done) => {
                waiting.insert(number, done);
            }
            Message::End { read, batches } => end = Some((read, batches)),
        }
        while let Some(scanned) = waiting.remove(&next) {
            next += 1;
            take(scanned);
        }
    }
    match end {
        Some((read, _)) => *read,
        None => unread(cut_short(name)),
    }
}

/// The account of a file whose reader did not come to an end of its own.
fn unread(error: ReadError) -> FileRead {
    FileRead {
        format: None,
        sha256: None,
        bytes: 0,
        rows: 0,
        row_errors: 0,
        rows_declared: None,
        columns: Vec::new(),
        model_columns: Vec::new(),
        error: Some(error),
        exempt_unused: Vec::new(),
    }
}
