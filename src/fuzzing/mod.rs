//! What fuzzing holds the code to: one property per kind of input, each a function that takes any
//! bytes and panics where the property does not hold.
//!
//! The targets of `fuzz/` feed these functions with bytes that libFuzzer makes up; a test feeds
//! them with every seed that is kept in `fuzz/seeds`, and with damaged copies of each.
//! `docs/fuzzing.md` lists the properties. Not an interface: it exists with the feature `fuzzing`
//! and in tests only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a property that does not hold has to stop the fuzzer, and nothing else runs this"
)]

pub mod arrow;
pub mod attested;
pub mod bundles;
pub mod codecs;
pub mod configs;
mod feed;
pub mod fingerprint;
pub mod packed;
pub mod parquet;
mod reading;
pub mod rows;
pub mod signed;
mod slow;
#[cfg(test)]
mod tests;
pub mod text;
pub mod trainer;

/// A property: takes any bytes, panics if it does not hold for them.
pub type Property = fn(&[u8]);

/// Every target by its name, which is that of its folder of seeds.
pub const TARGETS: &[(&str, Property)] = &[
    ("arrow", arrow::check),
    ("attested", attested::check),
    ("bundles", bundles::check),
    ("codecs", codecs::check),
    ("configs", configs::check),
    ("fingerprint", fingerprint::check),
    ("packed", packed::check),
    ("parquet", parquet::check),
    ("rows", rows::check),
    ("signed", signed::check),
    ("text", text::check),
    ("trainer", trainer::check),
];
