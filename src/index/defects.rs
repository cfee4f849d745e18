//! Seeded defects, to show that the fault campaigns of `tests/faults` have teeth.
//!
//! Without the feature `defects`, which no release has, every question here is answered `false` at
//! compile time and nothing of it is in the program. With it, `$HERDBOOK_DEFECT` names the one that
//! is in force.

/// A mistake that a campaign has to catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Commits and new files are not synced.
    SyncOff,
    /// The log names a snapshot before there is one under its name.
    LogFirst,
    /// Names of files are not made durable.
    DirectoryNotSynced,
    /// The engine's own recovery mode, which drops what follows damage.
    DefaultRecovery,
    /// A scan that fails half-way ends like a complete one.
    IteratorStatusIgnored,
}

/// Whether this program has the defect.
#[cfg(not(feature = "defects"))]
#[inline]
pub(crate) const fn seeded(_: Defect) -> bool {
    false
}

/// Whether this program has the defect.
#[cfg(feature = "defects")]
pub(crate) fn seeded(defect: Defect) -> bool {
    let name = match defect {
        Defect::SyncOff => "sync-off",
        Defect::LogFirst => "log-first",
        Defect::DirectoryNotSynced => "directory-not-synced",
        Defect::DefaultRecovery => "default-recovery",
        Defect::IteratorStatusIgnored => "iterator-status-ignored",
    };
    std::env::var_os("HERDBOOK_DEFECT").is_some_and(|set| set == name)
}
