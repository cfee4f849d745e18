//! The normal form: what is left of a text when case, spacing, punctuation, markup and escapes are
//! taken away, so that a copy that was reformatted still reads the same.
//!
//! [`Normalizer`] turns a unit's text into [`NormalText`]: HTML entities, tags and backslash
//! escapes undone, compatibility forms and case folded (NFKC with full case folding),
//! default-ignorable code points dropped, accents stripped, letters and digits kept, as UTF-8 in
//! Normalization Form C. `docs/fingerprint.md` defines every step.
//!
//! Does no I/O, reads no clock, knows nothing of formats or files, and does not guess languages.
//!
//! Invariants: the form is idempotent; it depends on the text alone; it equals
//! [`reference::normalize`](mod@reference), the slow and obvious definition, on every text.
//!
//! Sources: Unicode Standard Annex 15 (normalization) and 44 (properties), Unicode Technical
//! Standard 39 (skeletons), HTML 4.01 chapter 24 (entities), RFC 8259 section 7 (escapes).

mod compact;
mod entity;
mod look_alike;
mod normal;
mod normalizer;
mod page;
mod property;
pub mod reference;
mod turns;
mod undo;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

pub use look_alike::RUN_BYTES as LOOK_ALIKE_RUN_BYTES;
pub use normal::NormalText;
pub use normal::Undone;
pub use normalizer::Normalizer;
pub use normalizer::TEXT_BYTES_MAX;
pub use normalizer::TextError;
pub use turns::Speaker;
pub use turns::Turn;
pub use turns::turns;

/// Version of the definition of the normal form; part of every recipe. Raised by any change that
/// alters the form of some text under the same Unicode version.
pub const NORMAL_FORM_VERSION: u16 = 1;

/// The version of Unicode whose tables define the normal form, as (major, minor, update).
///
/// Decomposition, categories, scripts and skeletons come from four crates and case folding from a
/// fifth. The build fails when the versions of the first four differ; a test pins a digest over
/// the form of every code point, which notices the fifth.
pub const UNICODE_VERSION: (u8, u8, u8) = unicode_normalization::UNICODE_VERSION;

const _: () = {
    let (major, minor, update) = UNICODE_VERSION;
    let expected = (major as u64, minor as u64, update as u64);
    let versions = [
        unicode_properties::UNICODE_VERSION,
        unicode_script::UNICODE_VERSION,
        unicode_security::UNICODE_VERSION,
    ];
    let mut at = 0;
    while at < versions.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        let version = versions[at];
        assert!(
            version.0 == expected.0 && version.1 == expected.1 && version.2 == expected.2,
            "the Unicode crates disagree on the Unicode version: bring unicode-normalization, \
             unicode-properties, unicode-script and unicode-security to the same one"
        );
        at += 1;
    }
};
