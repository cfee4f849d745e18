//! Every limit on what is read of a configuration. All values are *chosen*: far above any real
//! configuration, low enough that a hostile one costs neither memory nor time. Beyond a limit lies
//! an error, never a shorter reading.

/// Largest configuration, data set list or model card, in bytes. The data set list that
/// LLaMA-Factory ships is 20 kB; a model card with its tables stays below 200 kB.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// Deepest nesting of a configuration.
pub const DEPTH_MAX: usize = 64;

/// Values of a configuration, those repeated by aliases included.
pub const NODES_MAX: usize = 200_000;

/// Data sets of one configuration, those that are not on this machine included.
pub const DATASETS_MAX: usize = 10_000;

/// Longest path, id or name in bytes: the longest path Linux takes.
pub const TEXT_BYTES_MAX: usize = 4096;

/// References that are followed for one interpolated value.
pub const REFERENCES_MAX: usize = 64;

/// Model folders that are looked into from one base to the next.
pub const LINEAGE_DEPTH_MAX: usize = 8;

/// Base models of one target.
pub const BASES_MAX: usize = 1000;
