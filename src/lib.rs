//! herdbook: the register of which training records are Llama output, and the gate that keeps
//! them out of a model whose license position forbids it.
//!
//! The flow of a check: [`read`] turns files into units at locations, [`text`] brings each unit
//! into normal form, [`fingerprint`] selects keyed grams from it, [`snapshot`] answers which
//! registered texts share them, [`pipeline`] measures how much, [`catalog`] and [`policy`] decide
//! what that means for the target, [`report`] says it. `docs/architecture.md` holds the invariants.

pub mod attest;
#[cfg(feature = "engine")]
pub mod audit;
pub mod bundle;
pub mod catalog;
#[cfg(feature = "engine")]
pub mod cli;
pub mod cpu;
pub mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod governance;
#[cfg(feature = "engine")]
pub mod graph;
pub mod index;
pub mod interchange;
#[cfg(feature = "engine")]
mod library;
pub mod lineage;
pub mod model;
#[cfg(feature = "engine")]
pub mod pipeline;
pub mod policy;
pub mod read;
pub mod report;
#[cfg(feature = "engine")]
pub mod snapshot;
pub mod text;
pub mod tlog;
pub mod trainer;

#[cfg(feature = "engine")]
pub use library::{Answer, CheckError, Checker, Gate, GateError, GateOptions, Register};
