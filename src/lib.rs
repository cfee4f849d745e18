//! herdbook: the register of which training records are Llama output, and the gate that keeps
//! them out of a model whose license position forbids it.
//!
//! The flow of a check: [`read`] turns files into units at locations, [`text`] brings each unit
//! into normal form, [`fingerprint`] selects keyed grams from it, [`snapshot`] answers which
//! registered texts share them, [`pipeline`] measures how much, [`catalog`] and [`policy`] decide
//! what that means for the target, [`report`] says it. `docs/architecture.md` holds the invariants.

pub mod audit;
pub mod catalog;
pub mod cli;
pub mod cpu;
pub mod fingerprint;
pub mod governance;
pub mod index;
mod library;
pub mod model;
pub mod pipeline;
pub mod policy;
pub mod read;
pub mod report;
pub mod snapshot;
pub mod text;
pub mod tlog;
pub mod trainer;

pub use library::Answer;
pub use library::CheckError;
pub use library::Checker;
pub use library::Gate;
pub use library::GateError;
pub use library::GateOptions;
pub use library::Register;
