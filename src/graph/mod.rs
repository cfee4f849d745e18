//! The lineage graph, kept up to date: a view of what the audit log and the snapshots say.
//!
//! Nothing is stored here that is not stored there. [`View::open`] compares the view with the signed
//! head of the log, reads what came since, and makes the view anew where anything differs. No byte of
//! it is believed that was not verified: what was lost can never pass for something that was not there.

mod error;
mod fold;
mod kept;
mod view;

#[cfg(test)]
mod tests;

pub use error::GraphError;
pub use fold::KeptInput;
pub use fold::KeptSource;
pub use fold::KeptVerdict;
pub use kept::DOCUMENT_BYTES_MAX;
pub use kept::keep_verdict;
pub use kept::keep_worklist;
pub use kept::kept_verdict;
pub use kept::kept_worklist;
pub use view::View;
