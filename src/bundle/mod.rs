//! Sources shared with a partner as fingerprints: no text, and under a key made for one bundle.
//!
//! A bundle is one file: a signed manifest, then blocks of texts, each text as its exact digest,
//! lengths, grams and claims (`docs/bundles.md` has every byte and what it leaks). Grams and digests
//! are permutations of unkeyed digests, so they change keys without the text; word bytes are not,
//! and stay at home (`docs/decisions/0016-bundles.md`).
//!
//! [`Bundle`] reads what came from outside: nothing is believed before the partner's signature and
//! the digests under it agree, and every length is checked before memory is asked for. [`export`]
//! reads a sealed snapshot, [`import`] goes through the one writer like any registration.

mod error;
mod format;
mod manifest;
mod read;
mod write;

pub use error::BundleError;
pub use format::SharedClaim;
pub use format::SharedText;
pub use manifest::BUNDLE_FORMAT;
pub use manifest::Block;
pub use manifest::Manifest;
pub use manifest::SharedSource;
pub use manifest::public_key;
pub use read::Bundle;
pub use read::Expected;
pub use write::BundleWriter;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use write::signed;

// What opens or writes an index.
cfg_if::cfg_if! {
    if #[cfg(feature = "engine")] {
        mod export;
        mod import;

        pub use export::Exported;
        pub use export::ExportError;
        pub use export::Exporter;
        pub use export::export;
        pub use import::ImportError;
        pub use import::Imported;
        pub use import::Partner;
        pub use import::chosen;
        pub use import::import;
    }
}

#[cfg(test)]
#[cfg(feature = "engine")]
mod tests;
