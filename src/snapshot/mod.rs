//! Sealed snapshots: the only thing a check reads, and the only way something becomes checkable.
//!
//! [`Writer`] is the one writer: it holds the lock, compares index and audit log, and after every
//! commit seals a snapshot and logs it before it acknowledges. [`Snapshot`] is the reader: it opens
//! exactly the snapshot that the log's head names, after verifying its signature and every file.
//! If that one does not verify there is no answer; an older one is never used.
//!
//! A snapshot is a directory: `manifest.json`, its signature `manifest.sig`, the hard-linked
//! database in `db/` and the filters in `filters/`. Nothing is ever written into it again.

mod backup;
mod error;
mod manifest;
mod open;
mod seal;
mod writer;

pub use backup::Backup;
pub use backup::BackupError;
pub use backup::BackupFile;
pub use backup::backup;
pub use backup::restore;
pub use backup::verify_backup;
pub use error::OpenError;
pub use error::SealError;
pub use manifest::LogPosition;
pub use manifest::Manifest;
pub use manifest::ManifestFile;
pub use open::Live;
pub use open::Snapshot;
pub use open::SnapshotListed;
pub use open::list;
pub use open::live;
pub use writer::Registered;
pub use writer::Registration;
pub use writer::Writer;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
