//! From normal form to fingerprint: what is stored of a text instead of the text.
//!
//! - [`ExactDigest`]: 128 keyed bits for the whole normal form;
//! - [`Sketcher`]: keyed grams selected by winnowing, with the guarantee that two texts that share
//!   a run of [`Recipe::guarantee_bytes`] bytes of normal form share a selected gram;
//! - [`word_hashes`]: one keyed byte per word, for the alignment that measures how much is shared;
//! - [`GramSet`]: the grams of a prompt, which are left out of its output's fingerprint.
//!
//! `docs/fingerprint.md` holds the definitions, the proof of the guarantee and what the key does
//! and does not protect. [`mod@reference`] is the slow and obvious sketch.
//!
//! Does no I/O, reads no clock, compares nothing: that is the pipeline's part. A fingerprint means
//! nothing without its [`RecipeId`] and its [`KeyCheck`]; whoever stores one stores both.
//!
//! Sources: Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document
//! Fingerprinting", SIGMOD 2003, DOI 10.1145/872757.872770; Beaulieu et al. 2013, IACR ePrint
//! 2013/404 (Speck); the BLAKE3 paper, 2020.

mod canary;
mod exact;
mod gram;
mod key;
mod prompt;
mod recipe;
pub mod reference;
mod select;
mod sketch;
mod speck;
mod words;

#[cfg(test)]
mod tests;

pub use canary::CanaryPrint;
pub use canary::canary_text;
pub use exact::ExactDigest;
pub use key::FingerprintKey;
pub use key::KEY_BYTES;
pub use key::KeyCheck;
pub use key::KeyError;
pub use prompt::GramSet;
pub use recipe::FINGERPRINT_VERSION;
pub use recipe::GRAM_BYTES_DEFAULT;
pub use recipe::GRAM_BYTES_MAX;
pub use recipe::GRAM_BYTES_MIN;
pub use recipe::Recipe;
pub use recipe::RecipeError;
pub use recipe::RecipeId;
pub use recipe::Side;
pub use recipe::WINDOW_DEFAULT;
pub use recipe::WINDOW_MAX;
pub use sketch::Gram;
pub use sketch::Sketcher;
pub use words::NOT_EVIDENCE;
pub use words::word_hashes;

use crate::model::Integrity;
use crate::text::Undone;

/// The integrity note of a match: what the normal form had to undo, and whether the match showed
/// only in the looser stream.
pub fn integrity(undone: Undone, look_alike: bool) -> Integrity {
    Integrity {
        invisible: undone.invisible,
        bidi: undone.bidi,
        look_alike,
    }
}
