//! Every limit on what a reader accepts.
//!
//! A limit never truncates: what lies beyond it is an error with its place, so that the check is
//! undecided rather than blind. All values are *chosen* unless a line says otherwise.

use serde::Deserialize;
use serde::Serialize;

/// Longest row of a row format in bytes, line ending not counted. Longer rows are counted row
/// errors.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Deepest nesting of JSON arrays and objects. *Cited*: the recursion limit of `serde_json`,
/// which is never switched off here; a test holds the two together.
pub const NESTING_DEPTH_MAX: usize = 128;

/// How many times JSON inside a string is opened (a string in a string in a string). Deeper
/// strings are still scanned as the plain text they are.
pub const JSON_IN_STRING_DEPTH_MAX: usize = 3;

/// A batch is handed on once it holds this much text.
pub const BATCH_TEXT_BYTES: usize = 1 << 20;

/// A batch is handed on once it covers this many rows.
pub const BATCH_ROWS_MAX: u32 = 4096;

/// Bytes of lines that are cut off a stream of rows at a time, for one thread to parse.
pub const LINE_BLOCK_BYTES: usize = 1 << 20;

/// Results of one piece of a file (a row group, a block of lines) that wait for those of the
/// pieces before it, in bytes.
pub const RESULTS_BYTES_MAX: usize = 32 << 20;

/// Row errors whose message a batch carries in full before it is handed on early.
pub const BATCH_ERRORS_MAX: usize = 1024;

/// Columns (distinct paths) of one file.
pub const COLUMNS_MAX: usize = 16_384;

/// Distinct keys of one JSON object path that become columns of their own. Keys beyond are folded
/// into one path, `{}`, as for a map: objects keyed by ids would otherwise be endless columns.
pub const OBJECT_KEYS_MAX: usize = 1024;

/// Keys beyond [`OBJECT_KEYS_MAX`] that are remembered while their objects are open, to tell a key
/// given twice. A row with more is a counted row error: some 100 MB of keys.
pub const FOLDED_KEYS_MAX: usize = 1 << 20;

/// Path nodes of one file: columns, and the objects and lists above them.
pub const PATH_NODES_MAX: usize = 4 * COLUMNS_MAX;

/// Size of one window of a plain text document in bytes.
pub const TEXT_WINDOW_BYTES: usize = 1 << 20;

/// Bytes that a window repeats from the end of the one before it, so that no passage up to this
/// length is cut by a window's edge.
pub const TEXT_OVERLAP_BYTES: usize = 64 << 10;

/// Integers in one row under one list path from which the list counts as token ids whatever its
/// name.
pub const TOKEN_LIST_MIN: u64 = 64;

/// Largest page of a Parquet file, compressed or not. *Cited*: arrow-go's limit for uncompressed
/// pages.
pub const PAGE_BYTES_MAX: usize = 256 << 20;

/// Largest footer of a Parquet or Arrow file.
pub const FOOTER_BYTES_MAX: usize = 256 << 20;

/// Largest record batch of an Arrow IPC file or stream; a batch is the least that can be read.
pub const ARROW_BATCH_BYTES_MAX: u64 = 1 << 30;

/// Decoded bytes that one step of the Parquet reader aims for.
pub const PARQUET_STEP_BYTES: usize = 4 << 20;

/// Row groups up to this size, decoded, are read each by one thread; larger ones step by step by
/// all, so that the results that wait for their turn stay few.
pub const PARQUET_GROUP_BYTES: u64 = 64 << 20;

/// Rows of one step of the Parquet reader.
pub const PARQUET_STEP_ROWS_MAX: usize = 4096;

/// Row groups that a split writes before they hold more than this many bytes in memory.
pub const SPLIT_ROW_GROUP_BYTES: usize = 64 << 20;

/// Decompressed bytes per stored byte of a `.gz` or `.zst`, once more than
/// [`DECOMPRESSION_FREE_BYTES`] have come out. Text compresses to a tenth, very repetitive logs
/// to a fiftieth; a bomb reaches a thousandth and beyond.
pub const DECOMPRESSION_RATIO_MAX: u64 = 200;

/// Decompressed bytes before the ratio is looked at: small repetitive files are no danger.
pub const DECOMPRESSION_FREE_BYTES: u64 = 64 << 20;

/// Largest window a `.zst` may ask for, as a power of two. *Cited*: zstd's own default for
/// streaming decoders (128 MiB).
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Bytes of a stream looked at to recognise its format.
pub const PEEK_BYTES: usize = 1 << 20;

/// Bytes asked from the operating system at a time.
pub const IO_BYTES: usize = 256 << 10;

/// Deepest folder below a folder that was named as input.
pub const FOLDER_DEPTH_MAX: usize = 64;

/// The limits that tests and callers may tighten; the constants above are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// See [`LINE_BYTES_MAX`].
    pub line_bytes_max: usize,
    /// See [`BATCH_TEXT_BYTES`].
    pub batch_text_bytes: usize,
    /// See [`BATCH_ROWS_MAX`].
    pub batch_rows_max: u32,
    /// See [`LINE_BLOCK_BYTES`].
    pub line_block_bytes: usize,
    /// See [`COLUMNS_MAX`].
    pub columns_max: usize,
    /// See [`PAGE_BYTES_MAX`].
    pub page_bytes_max: usize,
    /// See [`ARROW_BATCH_BYTES_MAX`].
    pub arrow_batch_bytes_max: u64,
    /// See [`DECOMPRESSION_RATIO_MAX`].
    pub decompression_ratio_max: u64,
    /// See [`DECOMPRESSION_FREE_BYTES`].
    pub decompression_free_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes_max: LINE_BYTES_MAX,
            batch_text_bytes: BATCH_TEXT_BYTES,
            batch_rows_max: BATCH_ROWS_MAX,
            line_block_bytes: LINE_BLOCK_BYTES,
            columns_max: COLUMNS_MAX,
            page_bytes_max: PAGE_BYTES_MAX,
            arrow_batch_bytes_max: ARROW_BATCH_BYTES_MAX,
            decompression_ratio_max: DECOMPRESSION_RATIO_MAX,
            decompression_free_bytes: DECOMPRESSION_FREE_BYTES,
        }
    }
}
