//! The append-only log of what was done to the index: one JSON object per line, chained by hash.
//!
//! It stands apart from the database on purpose. A storage engine whose manifest or write-ahead
//! log was cut can open without complaint and answer from before the cut; the log then names a
//! later commit, and the index is refused as behind. Nothing is acknowledged before its entry is
//! durable here.
//!
//! Reading verifies the chain. A last line without its end is what a crash during an append
//! leaves: it was never acknowledged; readers ignore it and the next writer removes it. Removing
//! whole entries from the end cannot be seen from the log alone; `snapshot` notices it while a
//! later sealed snapshot stands beside.

mod entry;
mod log;

pub use entry::Entry;
pub(crate) use entry::NO_PREVIOUS;
pub use log::LogError;
pub use log::ReadLog;
pub use log::append;
pub use log::cut_torn_tail;
pub use log::read;
