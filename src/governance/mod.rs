//! Approvals: who asked for an exception, who granted it, until when, and what it does to a
//! decision.
//!
//! Records are lines of a file that the organisation keeps under version control
//! (`docs/governance.md` has the format byte for byte). Each is signed by a person of the
//! organisation profile and carries the digest of the line before. [`Ledger::read`] verifies all of
//! them or refuses the file; [`Approvals`] applies what was approved, is in force and is not stale.
//!
//! Does no I/O and reads no clock: bytes, profile and date come in as arguments. An approval lowers
//! a block to a flag and nothing else; it never touches what is undecided.

mod approvals;
mod ask;
mod baseline;
mod day;
mod ledger;
mod reason;
mod record;
#[cfg(test)]
mod tests;

pub use approvals::Approvals;
pub use approvals::NOT_WAIVABLE;
pub use approvals::Remark;
pub use approvals::RemarkKind;
pub use approvals::SIGN_OFF_CODES;
pub use approvals::Standing;
pub use approvals::Subject;
pub use approvals::UnknownReading;
pub use approvals::Uses;
pub use ask::Ask;
pub use ask::AskError;
pub use ask::BASELINE_FINDINGS_MAX;
pub use ask::Decided;
pub use ask::Deployment;
pub use ask::DeploymentState;
pub use ask::Document;
pub use ask::READING_DAYS_MAX;
pub use ask::ReadingAsk;
pub use ask::SIGN_OFF_DAYS_MAX;
pub use ask::SignOffAsk;
pub use ask::TARGET_ANY;
pub use ask::WAIVER_DAYS_MAX;
pub use ask::WaiverAsk;
pub use baseline::Place;
pub use baseline::finding_digest;
pub use day::Day;
pub use ledger::By;
pub use ledger::Deployed;
pub use ledger::Fault;
pub use ledger::LEDGER_BYTES_MAX;
pub use ledger::Ledger;
pub use ledger::LedgerError;
pub use ledger::Request;
pub use ledger::State;
pub use reason::WaiverReason;
pub use record::Payload;
pub use record::SealError;
pub use record::public_key_hex;
pub use record::seal;
pub use record::signed_by;
