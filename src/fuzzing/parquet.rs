//! Parquet: any bytes are read, or refused with an error, and never end the process.
//!
//! The first byte says which ways of reading are compared, the second how small the batches are.

use super::feed::Feed;
use super::reading;
use super::rows::limits;
use crate::read::Format;
use crate::read::Limits;
use crate::read::ReadOptions;

/// The property.
pub fn check(data: &[u8]) {
    container(data, |_| Format::Parquet);
}

/// For Arrow too, whose format the first byte tells.
pub(super) fn container(data: &[u8], format: fn(u8) -> Format) {
    let mut feed = Feed(data);
    let asked = feed.u8();
    let options = ReadOptions {
        format: Some(format(asked)),
        limits: Limits {
            // Chosen: a file of a few kilobytes has no use for more.
            page_bytes_max: 1 << 20,
            arrow_batch_bytes_max: 1 << 20,
            columns_max: 256,
            ..limits(feed.u8() & 0xf3)
        },
        ..ReadOptions::default()
    };
    let got = reading::check(feed.0, &options, asked);
    let rows: std::collections::BTreeSet<u64> = got.units.iter().map(|unit| unit.row).collect();
    assert!(
        rows.len() as u64 + got.file.row_errors <= got.file.rows,
        "more rows than were counted"
    );
}
