//! Why a bundle is refused.

use std::io;

/// Nothing is taken from this bundle. `import` leaves the index as it is (exit code 3).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The operating system refused or failed.
    #[error("cannot {doing} the bundle: {source}")]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("this is no bundle: `herdbook export bundle` makes one")]
    NotABundle,
    /// Made by another version.
    #[error(
        "the bundle has format {found}, and this herdbook reads format {known}: ask for one made by the same version"
    )]
    Format {
        /// Its format.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// The signature is not that of the key.
    #[error(
        "the bundle is not signed by the key that was given: it was changed, or another index made it; compare its signing.pub with the partner over another channel"
    )]
    Signature,
    /// What is signed and what is there differ.
    #[error("the bundle is damaged: {what} {at}; ask for it again")]
    Damaged {
        /// What is wrong.
        what: String,
        /// Where.
        at: String,
    },
    /// Too large to be read or written.
    #[error("{what}; divide the sources over several bundles")]
    Limit {
        /// Which limit, with its value.
        what: String,
    },
    /// Fingerprints of another kind.
    #[error(
        "the bundle was made with {what} {found}, this index with {wanted}: fingerprints of the two cannot be compared; ask for one made by the same version"
    )]
    Incompatible {
        /// What differs.
        what: &'static str,
        /// As the bundle has it.
        found: String,
        /// As the index has it.
        wanted: String,
    },
    /// The key is another bundle's.
    #[error(
        "the bundle key is not that of this bundle (its check value is {found}, the bundle's {wanted}): each bundle has a key of its own"
    )]
    WrongKey {
        /// Check value of the key that was given.
        found: String,
        /// That of the bundle's.
        wanted: String,
    },
}

impl BundleError {
    /// Wraps an error of the operating system.
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn damaged(what: impl Into<String>, at: impl Into<String>) -> Self {
        Self::Damaged {
            what: what.into(),
            at: at.into(),
        }
    }
}
