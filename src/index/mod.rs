//! The provenance index: which texts were registered, by whom, as output of what.
//!
//! Stores facts, never verdicts, and no text: keyed fingerprints, keyed word bytes and metadata.
//! This is the only code that names the storage engine. [`keys`] owns every byte layout.
//!
//! [`IndexWriter`] changes the live database, one process at a time; [`IndexReader`] reads a
//! sealed copy. Neither seals, verifies files or logs: that is `snapshot` and `audit`.
//!
//! Words: a **text** is one distinct normal form, numbered in order of registration; a **claim**
//! is one place where a source holds it; an **entry** is a hash (a selected gram, or the stand-in
//! of an exact digest) with the list of texts that have it; a **segment** is an immutable set of
//! entries with a **filter** in front.
//!
//! Invariants: an error is never an absence; a committed source is all there or not at all; a text
//! has its entries in exactly one segment, so document frequencies add up over segments; after a
//! failed write nothing more is written.
//!
//! Without the feature `engine` only the byte layouts are left, and files that hold them.

#![cfg_attr(
    not(feature = "engine"),
    allow(dead_code, reason = "the database that uses them is left out")
)]

pub mod bits;
pub mod bucket;
pub mod bytes;
pub(crate) mod defects;
mod error;
pub mod format;
pub mod keys;
pub mod layout;
pub mod secrets;
mod set_hash;
pub(crate) mod source_row;
pub(crate) mod tag;

pub use bucket::DF_CAP;
pub use error::LookUpError;
pub use error::StoreError;
pub use format::Compat;
pub use format::Incompatible;
pub use keys::Op;
pub use keys::PackedClaim;
pub use keys::TextRow;
pub use keys::WordCount;
pub use layout::IndexDir;
pub use secrets::PublicKeys;
pub use secrets::Secrets;
pub use secrets::SecretsError;
pub use set_hash::SetHash;
pub use tag::ALONE_GRAMS;
pub use tag::ALONE_TEXTS;
pub use tag::Tag;

// What opens or writes the database. Without the engine the byte layouts are left.
cfg_if::cfg_if! {
    if #[cfg(feature = "engine")] {
        mod build;
        mod claims;
        mod columns;
        mod extract;
        mod filter;
        mod gather;
        mod graph;
        mod look_up;
        mod register;
        mod rows;
        mod segment;
        mod sort;
        mod store;
        mod verify;
        mod write;

        pub use claims::CLAIMS_KEPT;
        pub use extract::EXTRACT_GRAMS;
        pub use extract::Extracted;
        pub use filter::FALSE_POSITIVES;
        pub use filter::Hit;
        pub use graph::EdgeRow;
        pub use graph::GRAPH_LAYOUT;
        pub use graph::GraphFiles;
        pub use graph::GraphState;
        pub use graph::GraphStore;
        pub use graph::NodeId;
        pub use look_up::IndexReader;
        pub use look_up::Postings;
        pub use look_up::TextId;
        pub use register::Finished;
        pub use register::Registration;
        pub use verify::Walked;
        pub use write::IndexWriter;
        pub use write::SourceDraft;
        pub use write::TextDraft;
        pub use write::WriteError;
    }
}

#[cfg(test)]
#[cfg(feature = "engine")]
mod engine_tests;
#[cfg(test)]
#[cfg(feature = "engine")]
pub(crate) mod testing;
#[cfg(test)]
#[cfg(feature = "engine")]
mod tests;
