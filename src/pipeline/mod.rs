//! The flows: registration and check, from files to an outcome.
//!
//! Judgement stays in `policy`, facts stay in `index`; this module carries the one to the other, in
//! row order, with bounded memory, and turns every failure on the way into `undecided`.

pub mod check;
mod identify;
mod matching;
pub mod register;
pub mod scan;
pub mod sketches;
mod split;

pub use check::Ancestry;
pub use check::CheckContext;
pub use check::CheckOptions;
pub use check::CheckRun;
pub use check::DutyBook;
pub use check::Judged;
pub use check::OneByOne;
pub use check::approvals_unreadable;
pub use check::check;
pub use check::duties_not_stored;
pub use check::duties_unreadable;
pub use check::lineage;
pub use check::missing_duties;
pub use check::not_logged;
pub use check::sketches_not_kept;
pub use check::unavailable;
pub use check::unfit;
pub use identify::Identified;
pub use identify::identify;
pub use matching::EXACT_BYTES_MIN;
pub use matching::MatchError;
pub use register::RegisterError;
pub use register::RegisterOptions;
pub use register::RegisterOutcome;
pub use register::register;
pub use split::SplitCount;
pub use split::SplitError;
pub use split::SplitFolders;
