//! Evidence that the gate keeps its promise when machines do not: storage that flips bits, processes
//! that die, calls that fail, power that goes. Each module is one campaign; `docs/faults.md` says
//! what each counts and what none of them can show.
//!
//! `make test` runs the short form, `make faults` the long one (`HERDBOOK_FAULTS=long`). Every
//! campaign prints its counts and, for a failure, the seed and trial that make it again:
//! `HERDBOOK_FAULTS_SEED=N`. `make faults-teeth` runs the campaigns against programs with a seeded
//! defect, each of which has to be caught.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that meets the unexpected stops there, and a campaign prints what it counted"
)]
// The faults are made with Linux's own means: a preloaded C library, loop devices.
#![cfg(target_os = "linux")]

mod bed;
mod fault;
mod inputs;
mod io_errors;
mod kill;
mod live;
mod model;
mod order;
mod plants;
mod power;
mod storage;
mod tally;
#[cfg(feature = "defects")]
mod teeth;
