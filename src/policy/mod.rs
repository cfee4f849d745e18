//! Judgement: what a match with registered output means for a target.
//!
//! Pure and total: no I/O, no clock; every input has an answer. License facts come in as plain
//! data of `model`, resolved by the catalog. The texts decide a [`Ruling`](crate::model::Ruling);
//! the organisation's [`Policy`] and the strength of the match turn it into a level. What is said
//! here is how the organisation reads the texts, not legal advice.

mod cell;
pub mod codes;
mod decide;
mod duties;
mod explain;
mod file;
mod folder;
mod ground;
mod judge;
mod memo;
pub mod organization;
mod position;
pub mod readings;
mod reason;
mod relation;
mod run;
mod sentence;
mod stored;
pub mod target_file;
mod valid;

#[cfg(test)]
mod tests;

pub use decide::{Basis, ClaimFacts, Setting, compare, decide, strictest};
pub use duties::{base_duties, name_begins_with};
pub use explain::{Explanation, Step, explain};
pub use file::{FILE_BYTES_MAX, FileError, PolicyFile, TargetFile};
pub use ground::{Ground, Judgement};
pub use memo::Decisions;
pub use position::Position;
pub use readings::{Answer, Reading, Readings};
pub use run::{Touched, run_decisions};
pub use stored::{
    STORED_DUTIES_HEADER, standing, stored_decision, stored_duties, stored_duties_text,
    stores_duties,
};
pub use valid::{BLOCK_STRENGTH_DEFAULT, FINDINGS_MAX_DEFAULT, FLAG_STRENGTH_DEFAULT, Policy};
