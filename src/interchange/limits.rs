//! Every limit on what is read of another tool's files. All values are *chosen*: far above any real
//! file, low enough that a hostile one costs neither memory nor time. Beyond a limit lies an error,
//! never a shorter reading.

/// Largest file, in bytes: a hundred thousand events.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// Files of one folder that are looked at.
pub const FILES_MAX: usize = 10_000;

/// Largest YAML file, in bytes; a `dvc.lock` of ten thousand outputs.
pub(super) const YAML_BYTES_MAX: usize = 16 << 20;

/// Deepest nesting of YAML; of JSON it is 128, the limit of `serde_json`, which is never lifted.
pub(super) const DEPTH_MAX: usize = 64;

/// Values of one YAML file, those repeated by aliases included.
pub(super) const YAML_NODES_MAX: usize = 1_000_000;

/// Events of one file, or stages, or files of a data set.
pub(super) const ITEMS_MAX: usize = 200_000;

/// Longest value that is kept as a fact, in bytes; the longest path Linux takes.
pub(super) const FACT_BYTES_MAX: usize = 4096;
