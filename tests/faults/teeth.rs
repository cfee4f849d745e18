//! Each seeded defect has to be caught by a campaign: run with `make faults-teeth`.
//!
//! The campaigns are the very same that find nothing in the program as it is.

use super::io_errors;
use super::kill;
use super::live;
use super::order;
use super::power;
use super::tally::Tally;

#[track_caller]
fn caught(defect: &str, tally: &Tally) {
    let first = tally.first_failure();
    assert!(first.is_some(), "{defect} is not caught by: {tally}");
    println!(
        "teeth: {defect}: caught after {} trials: {tally}",
        first.unwrap()
    );
}

#[test]
fn sync_off_is_caught() {
    const NAME: &str = "sync-off";
    caught(NAME, &order::campaign(Some(NAME)));
    match power::campaign(Some(NAME), 10) {
        Some(tally) => caught(NAME, &tally),
        None => eprintln!("SKIPPED: sync-off under power cuts: no loop device can be mounted here"),
    }
}

#[test]
fn log_before_snapshot_is_caught() {
    const NAME: &str = "log-first";
    caught(NAME, &kill::campaign(Some(NAME), 1));
}

#[test]
fn a_directory_that_is_not_synced_is_caught() {
    const NAME: &str = "directory-not-synced";
    caught(NAME, &order::campaign(Some(NAME)));
}

#[test]
fn the_default_recovery_mode_is_caught() {
    const NAME: &str = "default-recovery";
    caught(NAME, &live::campaign(Some(NAME), 1));
}

#[test]
fn an_ignored_iterator_status_is_caught() {
    const NAME: &str = "iterator-status-ignored";
    caught(NAME, &io_errors::recovery(Some(NAME), 1));
}
