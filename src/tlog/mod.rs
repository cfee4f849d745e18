//! A transparency log in pure functions: nothing here opens a file or reads a clock.
//!
//! The formats are those of C2SP: `tlog-tiles` (tree and entries as static files),
//! `tlog-checkpoint` (the signed head), `signed-note` (Ed25519 over text) and `tlog-proof` (one
//! entry's receipt), over the Merkle tree of RFC 6962 with SHA-256. They are kept to the letter, so
//! that programs that know nothing of herdbook verify its log.
//!
//! [`Edge`] grows a tree, [`Tree`] proves from tiles, [`verify_inclusion`] and
//! [`verify_consistency`] verify proofs, [`Signer`], [`Verifier`] and [`Checkpoint`] make and open
//! signed heads, [`Receipt`] is what travels with one entry.

mod bundle;
mod checkpoint;
mod edge;
mod hash;
mod note;
mod proof;
mod receipt;
mod tile;
mod tree;

pub use bundle::BundleError;
pub use bundle::ENTRY_BYTES_MAX;
pub use bundle::decode_bundle;
pub use bundle::encode_entry;
pub use checkpoint::Checkpoint;
pub use checkpoint::CheckpointError;
pub use edge::Edge;
pub use edge::EdgeError;
pub use hash::HASH_BYTES;
pub use hash::Hash;
pub use hash::empty_root;
pub use hash::leaf_hash;
pub use hash::node_hash;
pub use note::NOTE_BYTES_MAX;
pub use note::NoteError;
pub use note::Signer;
pub use note::Verifier;
pub use note::open_note;
pub use proof::ProofError;
pub use proof::verify_consistency;
pub use proof::verify_inclusion;
pub use receipt::Receipt;
pub use receipt::ReceiptError;
pub use tile::Bundle;
pub use tile::TILE_WIDTH;
pub use tile::Tile;
pub use tile::tiles_of;
pub use tree::Tiles;
pub use tree::Tree;
pub use tree::TreeError;

#[cfg(test)]
mod tests;
