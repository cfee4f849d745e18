//! Arrow IPC, file and stream: as for Parquet. The highest bit of the first byte chooses the stream.

use super::parquet;
use crate::read::Format;

/// The property.
pub fn check(data: &[u8]) {
    parquet::container(data, |asked| {
        if asked & 0x80 == 0 {
            Format::ArrowFile
        } else {
            Format::ArrowStream
        }
    });
}
