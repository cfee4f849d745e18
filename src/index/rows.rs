//! Rows on their way to table files, which a thread of their own writes.

use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use super::StoreError;
use super::store::Tables;

/// Batches of rows that may wait. Chosen: the writer never waits for its next one, and waiting
/// rows stay at some megabytes.
const BATCHES_WAITING: usize = 4;

/// Rows whose keys are consecutive numbers of eight bytes.
#[derive(Debug)]
pub(crate) struct Rows {
    first: u64,
    values: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
}

impl Rows {
    /// No rows yet; `first` is the key of the first.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            values: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Adds a row, whose value `append` appends to what it is given.
    pub(crate) fn push(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.values);
        self.ends.push(self.values.len());
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.values.len()
    }

    /// Key of the row after the last.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.ends.len() as u64
    }
}

enum Message {
    Rows(Rows),
    /// Nothing was lost: finish the files.
    End,
}

/// A thread that writes rows to table files, in the order they come. `S` is what it learns of the
/// values. Dropped before its end, it leaves an unfinished file.
pub(crate) struct TableThread<S> {
    to: Option<Sender<Message>>,
    thread: Option<JoinHandle<Result<(Tables, S), StoreError>>>,
}

impl<S: Send + 'static> TableThread<S> {
    /// Starts the thread; `each` is called with every value.
    pub(crate) fn start(
        mut tables: Tables,
        mut state: S,
        each: impl Fn(&mut S, &[u8]) + Send + 'static,
    ) -> Self {
        let (to, from) = bounded(BATCHES_WAITING);
        let thread = std::thread::spawn(move || {
            write(&mut tables, &from, |value| each(&mut state, value))?;
            Ok((tables, state))
        });
        Self {
            to: Some(to),
            thread: Some(thread),
        }
    }

    /// Hands rows over, whose keys follow those before. Waits while many are on their way.
    pub(crate) fn write(&mut self, rows: Rows) -> Result<(), StoreError> {
        self.send(Message::Rows(rows))
    }

    /// Says that there are no more rows; the thread finishes the files meanwhile.
    pub(crate) fn close(&mut self) -> Result<(), StoreError> {
        self.send(Message::End)?;
        self.to = None;
        Ok(())
    }

    /// The files, once they are durable; an error unless they were closed.
    pub(crate) fn finish(&mut self) -> Result<(Tables, S), StoreError> {
        self.join()
    }

    fn send(&mut self, message: Message) -> Result<(), StoreError> {
        match &self.to {
            Some(to) if to.send(message).is_ok() => Ok(()),
            // It ended early, so it has an error to tell.
            _ => match self.join() {
                Err(error) => Err(error),
                Ok(_) => Err(ended_early()),
            },
        }
    }

    fn join(&mut self) -> Result<(Tables, S), StoreError> {
        self.to = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(ended_early()),
        }
    }
}

impl<S> Drop for TableThread<S> {
    fn drop(&mut self) {
        self.to = None;
        if let Some(thread) = self.thread.take() {
            // It writes into a directory that is about to be removed. Nobody waits for its files
            // any more, so what it has to say no longer matters.
            drop(thread.join());
        }
    }
}

fn ended_early() -> StoreError {
    StoreError::corrupt("rows were lost on their way", "the writer of table files")
}

fn write(
    tables: &mut Tables,
    from: &Receiver<Message>,
    mut each: impl FnMut(&[u8]),
) -> Result<(), StoreError> {
    let mut rows = Rows::new(0);
    let (mut at, mut begin) = (0, 0);
    tables.write(|key, value| {
        loop {
            if let Some(&end) = rows.ends.get(at) {
                value.extend_from_slice(rows.values.get(begin..end).unwrap_or_default());
                each(value);
                key.extend_from_slice(&(rows.first + at as u64).to_be_bytes());
                (at, begin) = (at + 1, end);
                return Ok(true);
            }
            match from.recv() {
                Ok(Message::Rows(next)) => rows = next,
                Ok(Message::End) => return Ok(false),
                // The other end was dropped.
                Err(_) => return Err(ended_early()),
            }
            (at, begin) = (0, 0);
        }
    })
}
