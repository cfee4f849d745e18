//! One line of the log.

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

/// What was done, to what, and which snapshot holds the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Number of the entry, from 1; equals the commit it records.
    pub seq: u64,
    /// Time of the operation, RFC 3339, UTC.
    pub time: String,
    /// `init`, `register`, `withdraw` or `seal`.
    pub op: String,
    /// Name of the source, where there is one.
    pub source: Option<String>,
    /// Digest of the source, where there is one.
    pub source_digest: Option<String>,
    /// Sources registered and not withdrawn, after the operation.
    pub sources: u64,
    /// Their records.
    pub records: u64,
    /// Distinct texts stored.
    pub texts: u64,
    /// Order-independent digest over texts and claims, hex.
    pub set_hash: String,
    /// SHA-256 of the manifest of the snapshot that holds the result, hex.
    pub snapshot: String,
    /// Digest of the line before, hex; 64 zeros in the first.
    pub previous: String,
}

/// `previous` of the first entry.
pub(crate) const NO_PREVIOUS: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Digest of a line, without its end: lower-case hex SHA-256.
pub(crate) fn line_digest(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}
