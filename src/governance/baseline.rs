//! The identity of a known finding, for baselines.

use sha2::Digest as _;
use sha2::Sha256;

/// Separates these digests from any other of this program.
const DOMAIN: &str = "herdbook finding 1";

/// Where a match stands, in a file of known content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// SHA-256 of the file, lower-case hex.
    pub sha256: &'a str,
    /// 0-based row.
    pub row: u64,
    /// Column path; `None` where the finding has none.
    pub column: Option<&'a str>,
    /// Number of the unit within the row.
    pub unit: u32,
}

/// The digest that a baseline lists: same file content, place, code and license. Lower-case hex
/// SHA-256 over the domain and the values, one per line, the column last (it may hold anything).
pub fn finding_digest(place: &Place<'_>, code: &str, license: Option<&str>) -> String {
    let bytes = format!(
        "{DOMAIN}\n{}\n{}\n{}\n{code}\n{}\n{}",
        place.sha256,
        place.row,
        place.unit,
        license.unwrap_or(""),
        place.column.unwrap_or(""),
    );
    hex::encode(Sha256::digest(bytes.as_bytes()))
}
