//! What the file of a check's sketches is made of. `docs/index-format.md` has the layout.
//!
//! Eight bytes of magic, then frames: a kind, a length, so many bytes. First the head, then for each
//! input that could be opened its batches and its account, then the end. The name is the SHA-256 of
//! all of it, which the check's log entry repeats.

use std::path::Path;
use std::path::PathBuf;

/// First bytes of every file.
pub(super) const MAGIC: &[u8; 8] = b"hbsketch";
/// Version of the layout.
pub(super) const VERSION: u32 = 1;
/// What the names of kept files end with.
const SUFFIX: &str = ".sketch";
/// Compression level. Chosen: the default of zstd.
pub(super) const LEVEL: i32 = 3;
/// Longest frame as stored. Chosen: as a message of the scan worker, which a batch comes in.
pub(super) const FRAME_BYTES_MAX: u32 = 1 << 30;
/// Most bytes of a head, an account or what a batch says beside its units, unpacked. Chosen: a
/// million inputs or columns.
pub(super) const TOLD_BYTES_MAX: u64 = 256 << 20;

pub(super) const HEAD: u8 = b'H';
pub(super) const BATCH: u8 = b'B';
pub(super) const ACCOUNT: u8 = b'A';
pub(super) const END: u8 = b'E';

/// The file of a digest.
pub(super) fn path_of(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{digest}{SUFFIX}"))
}
