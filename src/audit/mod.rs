//! The append-only log of what was done: a transparency log (C2SP tlog-tiles) beside the index.
//!
//! It stands apart from the database on purpose. A storage engine whose manifest or write-ahead
//! log was cut can open without complaint and answer from before the cut; the log then names a
//! later commit, and the index is refused as behind. Nothing is acknowledged before its entry is
//! durable here, under a checkpoint that the log's key has signed.
//!
//! [`Log`] appends: entries, then tiles, then the checkpoint, each written whole and made durable
//! before the next. What a crash leaves beyond the checkpoint was never acknowledged; nothing
//! reads it, and the next append writes over it. Files that do not give the checkpoint's root are
//! refused, and nothing is ever signed over them. [`head`] is what a check needs: the signature and
//! the last entry proven in the tree. [`verify()`] goes through everything.

mod append;
mod check;
mod entry;
mod error;
mod folder;
mod head;
mod migrate;
mod verify;

pub use append::Log;
pub use append::Logged;
pub use entry::Approval;
pub use entry::Attestation;
pub use entry::Change;
pub use entry::Check;
pub use entry::Commit;
pub use entry::Entry;
pub use entry::INPUTS_LISTED_MAX;
pub use entry::InForce;
pub use entry::PolicyChange;
pub use entry::Record;
pub use entry::Rotation;
pub use entry::Share;
pub use error::LogError;
pub use head::Head;
pub use head::entries;
pub use head::entry;
pub use head::head;
pub use head::receipt;
pub use head::root_at;
pub use migrate::migrate;
pub use verify::Kept;
pub use verify::Verified;
pub use verify::verify;

#[cfg(test)]
mod tests;
