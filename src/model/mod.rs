//! The shared nouns: plain data that every other module speaks in.
//!
//! Does no I/O, reads no clock, and is not serialisable: wire formats live with the module that
//! owns the wire (`report`, `index`, `catalog`).

pub mod approval;
pub mod decision;
pub mod duty;
pub mod evidence;
pub mod license;
pub mod lineage;
pub mod location;
pub mod organization;
pub mod outcome;
pub mod source;
pub mod target;
pub mod unit;
pub mod verdict;

pub use approval::{AppliedApproval, ApprovalKind};
pub use decision::{Code, Decision, Obligation, ObligationState, Ruling};
pub use duty::{DutyOrigin, DutyOwner, DutyRecording, StandingDuty, StoredDuties, StoredDuty};
pub use evidence::{Evidence, Integrity, Tier};
pub use license::{
    Access, BanScope, Basis, Clauses, CompetingBan, Confidence, DisplayDuty, FolderFacts,
    FolderFile, ImproveBan, KnownModel, License, LlamaVersion, MonthlyUsers, NamePrefix, Notice,
    Outcome, PurposeLimit, Resolution, Section, TargetLineage, Termination, Trigger,
};
pub use location::Location;
pub use organization::{Grant, GrantScope, Organization, Person, PersonRole};
pub use outcome::{
    Canaries, CheckOutcome, ColumnUse, Finding, FindingClaim, FindingCounts, IndexInfo, InputInfo,
    ModelCount, SourceCount, Tally,
};
pub use source::{Acquisition, Claim, SourceId, SourceInfo};
pub use unit::{Batch, ColumnId, Role, RowError, UnitSpan};
pub use verdict::{Level, Verdict};
