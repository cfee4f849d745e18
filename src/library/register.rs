//! A verified snapshot, opened once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::Gate;
use super::GateError;
use super::GateOptions;
use crate::cli::args::Global;
use crate::cli::opened::Opened;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::model::IndexInfo;
use crate::pipeline::scan::SnapshotFacts;
use crate::snapshot::OpenError;
use crate::snapshot::Snapshot;

/// A verified snapshot of the register, its filters in memory. Opened once per process and shared
/// between threads; a clone is the same register.
///
/// It answers from the snapshot that it opened: what is registered later is seen by the next one
/// that is opened.
#[derive(Clone)]
pub struct Register(Arc<Open>);

/// What is open.
pub(super) struct Open {
    pub(super) global: Global,
    pub(super) snapshot: Snapshot,
    pub(super) facts: SnapshotFacts,
    pub(super) recipe: Recipe,
    pub(super) key: FingerprintKey,
    /// Whether the snapshot came from elsewhere: no log and no lineage graph stand beside it.
    pub(super) travelled: bool,
}

impl Register {
    /// Opens exactly the snapshot that the log of the index in `index` names, and verifies it:
    /// every file is read once. Keys are in the index, or where `$HERDBOOK_KEYS` points.
    ///
    /// # Errors
    /// [`GateError::Index`]: there is no index, or it cannot be trusted. An older snapshot is
    /// never used instead.
    pub fn open(index: impl AsRef<Path>) -> Result<Self, GateError> {
        Self::opened(index.as_ref(), false, Opened::head)
    }

    /// Opens a snapshot that travelled, by the digest that came with it on another way, with the
    /// keys of the index in `index`: `check --snapshot DIR --snapshot-digest SHA256`.
    ///
    /// # Errors
    /// [`GateError::Index`]: as for [`open`](Self::open), or it is another snapshot.
    pub fn open_snapshot(
        index: impl AsRef<Path>,
        snapshot: impl AsRef<Path>,
        digest: &str,
    ) -> Result<Self, GateError> {
        Self::opened(index.as_ref(), true, |opened| {
            Snapshot::open_at(snapshot.as_ref(), digest, &opened.compat, None)
        })
    }

    fn opened(
        index: &Path,
        travelled: bool,
        snapshot: impl FnOnce(&Opened) -> Result<Snapshot, OpenError>,
    ) -> Result<Self, GateError> {
        let global = Global {
            index: index.to_owned(),
            quiet: true,
        };
        let opened = Opened::find(&global)?;
        let snapshot = snapshot(&opened)?;
        Ok(Self(Arc::new(Open {
            global,
            facts: SnapshotFacts::of(&snapshot),
            snapshot,
            recipe: opened.recipe,
            key: opened.key,
            travelled,
        })))
    }

    /// The gate of one target: what a match with this register means for it.
    ///
    /// # Errors
    /// Whatever makes `herdbook check` end with 2 or 3 before it reads an input, but for stored
    /// duties, which do not bear on a text.
    pub fn gate(&self, options: &GateOptions) -> Result<Gate, GateError> {
        Gate::open(Arc::clone(&self.0), options)
    }

    /// Number, digest and counts of the snapshot: what a log should name beside an answer.
    pub fn info(&self) -> IndexInfo {
        self.0.snapshot.info()
    }

    /// Memory of the filters in bytes; all else that stays is small.
    pub fn filter_bytes(&self) -> u64 {
        self.0.snapshot.filter_bytes()
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Register").field(&self.info()).finish()
    }
}
