//! Workers that take the pieces of a file in turn, read and scan each at once, and give the
//! results back in the order of the rows.
//!
//! A worker that is free takes the next piece from the [`Feed`], under a lock: for Parquet a row
//! group, for JSONL a block of lines that it cuts off there. What it reads it scans in the same
//! thread, while the text is in its cache. Its results go into a lane of the piece, and the lanes
//! are emptied in the order of the pieces. The earliest piece that is not finished is always in
//! work and always emptied, so a full lane delays only pieces that are ahead.

use std::cell::Cell;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use super::Outcome;
use super::Scanned;
use super::lane;
use crate::model::Batch;
use crate::model::RowError;
use crate::read::columns::Columns;
use crate::read::columns::Map;
use crate::read::columns::News;
use crate::read::columns::Wide;
use crate::read::error::ReadError;
use crate::read::error::Stop;
use crate::read::limits::Limits;
use crate::read::rows::RowWriter;
use crate::read::rows::Sink;

/// Pieces whose results may be on their way, per worker: the one in hand and one that waits.
/// *Chosen*.
const PIECES_PER_WORKER: usize = 2;

/// Where the pieces of a file come from, in order.
pub(in crate::read) trait Feed: Send {
    /// A piece; each worker has one, filled again and again.
    type Piece: Default;

    /// Fills `piece` with the next one and gives the number of its first row; `None` at the end.
    fn next(&mut self, piece: &mut Self::Piece) -> Result<Option<u64>, ReadError>;
}

/// Reads the rows of a piece.
pub(in crate::read) type Walk<'a, P> =
    &'a (dyn Fn(&mut RowWriter<'_>, &mut P) -> Result<(), ReadError> + Sync);

/// What stays the same for all pieces.
pub(super) struct Frame<'a, S, T> {
    pub(super) name: &'a Arc<str>,
    pub(super) limits: Limits,
    /// Weight of the results of one piece that may wait, in bytes.
    pub(super) room: usize,
    pub(super) work: &'a (dyn Fn(&mut S, &mut Batch) -> T + Sync),
}

/// How far all pieces came.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) rows: u64,
    pub(super) row_errors: u64,
    pub(super) end: End,
}

/// Why there are no more pieces.
#[derive(Debug)]
pub(super) enum End {
    /// All were read.
    Whole,
    /// The rest could not be read.
    Error(ReadError),
    /// A limit on columns is near; from here on the file must be read by one.
    Wide,
}

enum Message<T> {
    Batch(Box<Handed<T>>),
    End(Result<(), ReadError>),
}

struct Handed<T> {
    worker: usize,
    news: News,
    scanned: Scanned<T>,
}

/// Weight of a message besides what it came to.
fn weight<T: Outcome>(handed: &Handed<T>) -> usize {
    let scanned = &handed.scanned;
    let errors: usize = scanned
        .errors
        .iter()
        .map(|error| size_of::<RowError>() + error.message.len())
        .sum();
    size_of::<Handed<T>>() + errors + size_of_val(scanned.opaque.as_slice()) + scanned.found.bytes()
}

/// The lanes of the pieces, in their order: a lane itself, so that whoever drops it drops what
/// waits in it, and with that ends every worker that waits.
type Lanes<T> = Arc<lane::Sender<lane::Receiver<Message<T>>>>;

/// The feed, and whether it came to its end.
struct Shared<F> {
    feed: F,
    ended: bool,
}

impl<S: Send, T: Outcome> Frame<'_, S, T> {
    /// Reads and scans every piece of `feed`, one worker for each of `states`. `columns` becomes
    /// the table of who reads the file alone.
    pub(super) fn run<F: Feed>(
        &self,
        feed: F,
        walk: Walk<'_, F::Piece>,
        columns: &mut Columns,
        states: &mut [S],
        take: &mut dyn FnMut(Scanned<T>),
    ) -> (F, Reached) {
        let shared = Mutex::new(Shared { feed, ended: false });
        let reached = thread::scope(|scope| {
            let (lanes, pieces) = lane::lane(states.len() * PIECES_PER_WORKER);
            let lanes = Arc::new(lanes);
            let mut maps = Vec::new();
            for (worker, state) in states.iter_mut().enumerate() {
                maps.push(columns.map());
                let (fork, lanes, shared) = (columns.fork(), Arc::clone(&lanes), &shared);
                scope.spawn(move || self.worker(worker, state, fork, shared, walk, &lanes));
            }
            drop(lanes);
            // Dropped on return, which ends every worker that is still at it.
            let mut taker = Taker {
                name: self.name,
                pieces,
                columns,
                maps,
                rows: 0,
                row_errors: 0,
            };
            let end = taker.take_all(take);
            Reached {
                rows: taker.rows,
                row_errors: taker.row_errors,
                end,
            }
        });
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        (shared.feed, reached)
    }

    fn worker<F: Feed>(
        &self,
        worker: usize,
        state: &mut S,
        columns: Columns,
        shared: &Mutex<Shared<F>>,
        walk: Walk<'_, F::Piece>,
        lanes: &Lanes<T>,
    ) {
        let out = RefCell::new(None);
        let at_work = Cell::new(false);
        let mut hand = Hand {
            worker,
            state,
            work: self.work,
            out: &out,
            at_work: &at_work,
        };
        let mut rows = RowWriter::new(columns, self.limits, &mut hand);
        let mut piece = F::Piece::default();
        while let Some((to, first)) = self.next(shared, &mut piece, lanes) {
            out.replace(Some(to));
            let ended = first.and_then(|row| {
                rows.start_at(row);
                let walked = catch_unwind(AssertUnwindSafe(|| walk(&mut rows, &mut piece)));
                let walked = walked.unwrap_or_else(|panic| {
                    // Decoders of foreign formats panic on some malformed files; the scan has no
                    // such excuse.
                    if at_work.get() {
                        resume_unwind(panic);
                    }
                    Err(gave_up(self.name))
                });
                if !matches!(walked, Err(ReadError::Stopped { .. })) && rows.finish().is_err() {
                    return Err(stopped(self.name));
                }
                walked
            });
            let failed = ended.is_err();
            let sent = out.take().map(|to| to.send(Message::End(ended), 0));
            if failed || sent != Some(Ok(())) {
                return;
            }
        }
    }

    /// The next piece and the lane for its results, which is queued in the order of the pieces
    /// because both happen under one lock.
    #[expect(clippy::type_complexity, reason = "one place")]
    fn next<F: Feed>(
        &self,
        shared: &Mutex<Shared<F>>,
        piece: &mut F::Piece,
        lanes: &Lanes<T>,
    ) -> Option<(lane::Sender<Message<T>>, Result<u64, ReadError>)> {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.ended {
            return None;
        }
        let next = catch_unwind(AssertUnwindSafe(|| shared.feed.next(piece)));
        let first = match next.unwrap_or_else(|_| Err(gave_up(self.name))) {
            Ok(Some(row)) => Ok(row),
            Ok(None) => {
                shared.ended = true;
                return None;
            }
            Err(error) => {
                shared.ended = true;
                Err(error)
            }
        };
        let (to, from) = lane::lane(self.room);
        // Nobody takes any more: what is in the feed stays there.
        if lanes.send(from, 1).is_err() {
            shared.ended = true;
            return None;
        }
        Some((to, first))
    }
}

/// A worker's end of its row writer: scans each batch at once.
struct Hand<'a, S, T> {
    worker: usize,
    state: &'a mut S,
    work: &'a (dyn Fn(&mut S, &mut Batch) -> T + Sync),
    out: &'a RefCell<Option<lane::Sender<Message<T>>>>,
    /// Whether the scan is at it, for telling who panicked.
    at_work: &'a Cell<bool>,
}

impl<S, T: Outcome> Sink for Hand<'_, S, T> {
    fn batch(&mut self, batch: &mut Batch, columns: &mut Columns) -> Result<(), Stop> {
        self.at_work.set(true);
        let found = (self.work)(self.state, batch);
        self.at_work.set(false);
        let news = columns.news(std::mem::take(&mut batch.columns));
        let handed = Box::new(Handed {
            worker: self.worker,
            news,
            scanned: Scanned::of(batch, found),
        });
        let weight = weight(&handed);
        match &*self.out.borrow() {
            Some(to) => to.send(Message::Batch(handed), weight).map_err(|_| Stop),
            None => Err(Stop),
        }
    }
}

/// Takes the results in the order of the rows.
struct Taker<'a, T> {
    name: &'a Arc<str>,
    pieces: lane::Receiver<lane::Receiver<Message<T>>>,
    columns: &'a mut Columns,
    maps: Vec<Map>,
    rows: u64,
    row_errors: u64,
}

impl<T: Outcome> Taker<'_, T> {
    fn take_all(&mut self, take: &mut dyn FnMut(Scanned<T>)) -> End {
        while let Ok(piece) = self.pieces.receive() {
            loop {
                match piece.receive() {
                    Ok(Message::Batch(handed)) => match self.place(*handed) {
                        Ok(scanned) => take(scanned),
                        Err(end) => return end,
                    },
                    Ok(Message::End(Ok(()))) => break,
                    Ok(Message::End(Err(error))) => return End::Error(error),
                    Err(lane::Gone) => return End::Error(cut_short(self.name)),
                }
            }
        }
        End::Whole
    }

    /// Turns the worker's column numbers into those of the file.
    fn place(&mut self, handed: Handed<T>) -> Result<Scanned<T>, End> {
        let Handed {
            worker,
            news,
            mut scanned,
        } = handed;
        let lost = || End::Error(cut_short(self.name));
        // The rows before these are all there, or something was lost on the way.
        if scanned.first_row != self.rows {
            return Err(lost());
        }
        let map = self.maps.get_mut(worker).ok_or_else(lost)?;
        self.columns.learn(news, map).map_err(|Wide| End::Wide)?;
        scanned.columns = self.columns.announce();
        if !map.is_same() {
            for (_, column) in &mut scanned.opaque {
                *column = map.column(*column);
            }
            scanned.found.renumber(&|column| map.column(column));
        }
        self.rows = scanned.first_row + u64::from(scanned.rows);
        self.row_errors += scanned.errors.len() as u64;
        Ok(scanned)
    }
}

fn stopped(name: &Arc<str>) -> ReadError {
    ReadError::Stopped {
        path: Arc::clone(name),
    }
}

fn corrupt(name: &Arc<str>, what: &str) -> ReadError {
    ReadError::Corrupt {
        path: Arc::clone(name),
        what: what.to_owned(),
        at: "a place that is not known".to_owned(),
    }
}

pub(super) fn gave_up(name: &Arc<str>) -> ReadError {
    corrupt(
        name,
        "the decoder failed on it; it is malformed or of another format than it says",
    )
}

pub(super) fn cut_short(name: &Arc<str>) -> ReadError {
    corrupt(name, "reading or scanning it was cut short")
}
