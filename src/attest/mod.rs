//! Attestations: what a check found, as a signed statement that others verify without herdbook.
//!
//! An in-toto Statement v1 in a DSSE envelope ([`dsse`]), the same envelope as a Sigstore bundle
//! ([`bundle`]), and for a pass the short form SVR ([`svr`]). A statement that may be accepted is
//! made from a [`CompleteScan`] only, and that exists only if every counter of the check agrees;
//! everything else becomes a refusal, of another predicate type. [`accept`] holds a verified
//! statement against what a trainer demands. Nothing here touches a file or a clock.
//! The format is described in `docs/attestation.md`.

pub mod accept;
pub mod bundle;
mod complete;
pub mod dsse;
mod json;
mod keys;
mod make;
mod predicate;
mod statement;
pub mod svr;
mod target;

pub use complete::CheckFacts;
pub use complete::CompleteScan;
pub use complete::Gap;
pub use complete::PolicyText;
pub use keys::key_id;
pub use keys::public_key;
pub use make::ExpiryError;
pub use make::expiry;
pub use make::passing;
pub use make::refusal;
pub use predicate::*;
pub use statement::CHECK_TYPE;
pub use statement::REFUSED_TYPE;
pub use statement::STATEMENT_TYPE;
pub use statement::Statement;
pub use statement::StatementError;
pub use statement::Subject;
pub use target::target_digest;

#[cfg(test)]
mod tests;
