//! One test binary; each module is a journey of somebody who uses herdbook, through the real
//! binary and real files. `layers` and `docs` hold the tree itself to what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected stops there; that is what it is for"
)]
#![allow(
    clippy::similar_names,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "`test` and `text` are the words here; small fixtures are built by mapping rows; counts \
              are printed for who asks with --nocapture"
)]

mod attest;
mod audit_log;
mod bundles;
mod common;
mod demo;
mod docs;
mod earlier_formats;
mod embed_the_check;
mod exchange;
mod fail_closed;
mod from_a_trainer;
mod gate_a_pipeline;
mod govern;
mod hostile;
mod layers;
mod lineage;
mod look_after_it;
mod mutants;
mod own_catalog;
mod people;
mod policy_explained;
mod read_any_shape;
mod recheck;
mod register_then_check;
mod stored_duties;
mod transcripts;
