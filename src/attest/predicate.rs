//! The predicate: everything that an attestation says about a check.
//!
//! `schemas/attestation.schema.json` is generated from these types and compared in a test. Every
//! key is always there, `null` where there is nothing to say, and no other key may stand there: what
//! a verifier does not know could be a restriction. Counts are lists, not maps, so that no entry
//! can hide another.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::Serialize;

use crate::model;

/// Version of the predicate's form. Another meaning gets another predicate type.
pub const SCHEMA_VERSION: u32 = 1;

/// The answer of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictWord {
    /// No match at or above the policy's thresholds, everything was read.
    Pass,
    /// Matches that the policy lets through but wants seen.
    Flag,
    /// Something could not be read, looked up or proven.
    Undecided,
    /// The policy stops the run.
    Block,
}

impl From<model::Verdict> for VerdictWord {
    fn from(verdict: model::Verdict) -> Self {
        match verdict {
            model::Verdict::Pass => Self::Pass,
            model::Verdict::Flag => Self::Flag,
            model::Verdict::Undecided => Self::Undecided,
            model::Verdict::Block => Self::Block,
        }
    }
}

impl VerdictWord {
    /// The word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Flag => "flag",
            Self::Undecided => "undecided",
            Self::Block => "block",
        }
    }
}

/// How a column was treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UseWord {
    /// Text: every leaf was scanned.
    Scanned,
    /// Text that the caller exempted or did not select.
    Exempt,
    /// Token ids: text that cannot be read, hence undecided.
    Tokens,
    /// Bytes that are not UTF-8, hence undecided.
    Binary,
    /// Numbers, booleans, dates.
    NotText,
}

impl From<model::ColumnUse> for UseWord {
    fn from(used: model::ColumnUse) -> Self {
        match used {
            model::ColumnUse::Scanned => Self::Scanned,
            model::ColumnUse::Exempt => Self::Exempt,
            model::ColumnUse::Tokens => Self::Tokens,
            model::ColumnUse::Binary => Self::Binary,
            model::ColumnUse::NotText => Self::NotText,
        }
    }
}

/// Why a column with text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExemptReason {
    /// The caller named it with `--exempt-column`.
    ExemptedByCaller,
    /// The caller selected other columns with `--text-column`.
    NotSelectedByCaller,
    /// The caller gave both; one of them.
    ExemptedOrNotSelectedByCaller,
}

/// What a check found and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook attestation: predicate of a check")]
pub struct Predicate {
    /// Version of this form.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// The answer: pass or flag in a statement that may be accepted, block or undecided in a refusal.
    pub verdict: VerdictWord,
    /// Why nobody may accept this; empty for pass and flag.
    pub refused_because: Vec<String>,
    /// The model that the run would improve.
    pub target: TargetRef,
    /// The policy that decided.
    pub policy: PolicyRef,
    /// The sealed snapshot that answered; null when there was none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub snapshot: Option<SnapshotRef>,
    /// The entry of the audit log that records the check; null where none was written.
    #[serde(deserialize_with = "Option::deserialize")]
    pub log: Option<LogPosition>,
    /// The program that checked.
    pub tool: Tool,
    /// What the caller chose to have read.
    pub selection: Selection,
    /// Every input, in the order scanned.
    pub coverage: Vec<FileCoverage>,
    /// Rows of all inputs.
    pub rows: RowCounts,
    /// Matches by tier and level; a tier that is not listed has none.
    pub matches: Vec<TierCount>,
    /// All findings by level.
    pub findings: LevelCounts,
    /// Matches by claimed model, most first.
    pub models: Vec<ModelRef>,
    /// Texts planted in what was read, which the index holds, and how many of them were found.
    pub canaries: Canaries,
    /// Duties that arise for the target.
    pub obligations: Vec<DutyRef>,
    /// Duties stored for the target, by this check or an earlier one.
    pub stored_duties: Vec<StoredDutyRef>,
    /// What the check did not and could not see.
    pub limits: Vec<String>,
    /// The date that expiries of approvals were compared with.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub as_of: String,
    /// When the check began, RFC 3339, UTC.
    pub started: String,
    /// When it ended, RFC 3339, UTC.
    pub finished: String,
    /// The last day on which this statement may be relied on.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub expires: String,
}

/// The model that a run would improve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetRef {
    /// The name it will carry; null when not yet known.
    #[serde(deserialize_with = "Option::deserialize")]
    pub name: Option<String>,
    /// Raw ids of the models it starts from.
    pub base: Vec<String>,
    /// Train or release.
    pub stage: String,
    /// SHA-256 of all that the target states, every default filled in.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// The policy that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// `default`, or the path it was read from.
    pub name: String,
    /// SHA-256 of what it means: equal policies have equal digests, however they are written.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub digest: String,
    /// SHA-256 of the file's bytes; null for the built-in policy.
    #[serde(deserialize_with = "Option::deserialize")]
    pub text_sha256: Option<String>,
}

/// The sealed snapshot that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRef {
    /// Its number: the position in the audit log of the entry that names it.
    pub number: u64,
    /// SHA-256 of its manifest.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub manifest_sha256: String,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Records registered in them.
    pub records: u64,
    /// Id of the fingerprint recipe.
    pub recipe: String,
    /// Any shared run of at least this many bytes of the normal form is looked up.
    pub guarantee_bytes: u32,
}

/// A place in an audit log, and the state of the log that was signed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// Name of the log.
    pub origin: String,
    /// Number of the entry, from 0.
    pub entry: u64,
    /// Entries of the log then.
    pub tree_size: u64,
    /// Root of its tree, hex.
    pub root: String,
}

/// The program that checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `herdbook`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the program file that ran.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// What the caller chose to have read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Values of `--text-column`; empty means every column with text.
    pub text_columns: Vec<String>,
    /// Values of `--exempt-column`.
    pub exempt_columns: Vec<String>,
    /// Whether the policy lets inputs without rows or text through.
    pub allow_empty: bool,
}

/// How one input was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileCoverage {
    /// As the caller named it; `-` is standard input.
    pub path: String,
    /// SHA-256 of the very bytes scanned; null when not all could be read.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// Format that was recognised; null if none was.
    #[serde(deserialize_with = "Option::deserialize")]
    pub format: Option<String>,
    /// Bytes as stored.
    pub bytes: u64,
    /// UTF-8 bytes of text scanned.
    pub text_bytes: u64,
    /// Text units scanned.
    pub text_units: u64,
    /// Rows that the file itself says it holds; null where its format has no such number.
    #[serde(deserialize_with = "Option::deserialize")]
    pub rows_declared: Option<u64>,
    /// Rows that the reader handed on, counted apart from the rows decided.
    pub rows_read: u64,
    /// Rows decided.
    pub rows: RowCounts,
    /// Every column found, sorted by path.
    pub columns: Vec<ColumnCoverage>,
}

/// Rows by verdict; `read` is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowCounts {
    /// Rows decided.
    pub read: u64,
    /// Without a finding above note.
    pub pass: u64,
    /// Flagged.
    pub flag: u64,
    /// Blocked.
    pub block: u64,
    /// Undecided.
    pub undecided: u64,
}

impl From<model::Tally> for RowCounts {
    fn from(tally: model::Tally) -> Self {
        Self {
            read: tally.read,
            pass: tally.pass,
            flag: tally.flag,
            block: tally.block,
            undecided: tally.undecided,
        }
    }
}

/// How one column was treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnCoverage {
    /// Column path, list elements written `[]`.
    pub path: String,
    /// How.
    #[serde(rename = "use")]
    pub used: UseWord,
    /// Values found.
    pub leaves: u64,
    /// Why it was not read; null unless it is exempt.
    #[serde(deserialize_with = "Option::deserialize")]
    pub reason: Option<ExemptReason>,
}

/// Matches of one tier by level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierCount {
    /// Exact, contained or near.
    pub tier: String,
    /// By level.
    pub levels: LevelCounts,
}

/// Findings by level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelCounts {
    /// For information.
    pub note: u64,
    /// Let through and wanted seen.
    pub flag: u64,
    /// Not decided.
    pub undecided: u64,
    /// Stops the run.
    pub block: u64,
}

/// Matches of one claimed model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// Raw model id as claimed.
    pub model: String,
    /// Its license id; null when unknown.
    #[serde(deserialize_with = "Option::deserialize")]
    pub license: Option<String>,
    /// Findings that this claim decides.
    pub findings: u64,
}

/// Texts planted in what was read, which the index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canaries {
    /// Planted.
    pub planted: u64,
    /// Found.
    pub found: u64,
}

/// A duty of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyRef {
    /// Permanent id.
    pub id: String,
    /// What has to be done.
    pub text: String,
    /// License and section it comes from.
    pub clause: String,
    /// License id.
    pub license: String,
    /// Met, latent, not-yet-checkable or unmet.
    pub state: String,
}

/// A duty stored for the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredDutyRef {
    /// Permanent id.
    pub id: String,
    /// License id.
    pub license: String,
    /// Whether a release is stopped while it is not met.
    pub enforced: bool,
    /// Met, latent, not-yet-checkable or unmet.
    pub state: String,
}

/// The JSON Schema of [`Predicate`], as in `schemas/attestation.schema.json`.
///
/// # Errors
/// Only if the schema has no JSON form, which its generator rules out.
pub fn schema_json() -> Result<String, serde_json::Error> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings
        .into_generator()
        .into_root_schema_for::<Predicate>();
    let mut json = serde_json::to_string_pretty(&schema)?;
    json.push('\n');
    Ok(json)
}
