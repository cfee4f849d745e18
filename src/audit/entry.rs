//! One entry of the log.
//!
//! An entry is a JSON object: names, numbers and digests, never text of a data set. What was in
//! force when it was written stands in every one, so that the last entry alone says which snapshot
//! a check reads.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::LogError;
use crate::model::lineage::Statement;
use crate::tlog::ENTRY_BYTES_MAX;

/// Version of the entries that are written.
const VERSION: u32 = 1;

/// Something that was done, and what was in force after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the entry's format: 1.
    pub version: u32,
    /// When, RFC 3339, UTC, by the clock of who wrote it.
    pub time: String,
    /// What was in force once this was done.
    pub in_force: InForce,
    /// What was done.
    pub record: Record,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// The last commit of the index.
    pub commit: Commit,
    /// SHA-256 of the policy of the last check, hex; null before the first.
    pub policy: Option<String>,
    /// The verifier key of the checkpoints that follow.
    pub log_key: String,
    /// Number of the last entry that stated something of the lineage graph; absent before the
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<u64>,
}

/// A commit of the index, as every entry repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 of the manifest of its snapshot, hex.
    pub snapshot: String,
    /// Number of the entry that recorded it.
    pub entry: u64,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Record {
    /// The index was made.
    Init(Change),
    /// A source was registered.
    Register(Change),
    /// A source was withdrawn.
    Withdraw(Change),
    /// The index was sealed again.
    Seal(Change),
    /// A sign-off was requested or decided.
    Signoff(Approval),
    /// A waiver was requested or decided.
    Waive(Approval),
    /// Another answer to a reading was requested or decided.
    Reading(Approval),
    /// It was recorded which model runs where.
    Deployment(Approval),
    /// Another policy than that of the check before comes into force.
    Policy(PolicyChange),
    /// A check was made.
    Check(Box<Check>),
    /// An attestation was issued.
    Attest(Attestation),
    /// Fingerprints of sources were written into a bundle for a partner.
    Share(Share),
    /// Nodes and edges of the lineage graph were stated or taken back.
    Lineage(Box<Statement>),
    /// The log's key was replaced.
    RotateKey(Rotation),
}

impl Record {
    /// The word that stands for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Register(_) => "register",
            Self::Withdraw(_) => "withdraw",
            Self::Seal(_) => "seal",
            Self::Signoff(_) => "signoff",
            Self::Waive(_) => "waive",
            Self::Reading(_) => "reading",
            Self::Deployment(_) => "deployment",
            Self::Policy(_) => "policy",
            Self::Check(_) => "check",
            Self::Attest(_) => "attest",
            Self::Share(_) => "share",
            Self::Lineage(_) => "lineage",
            Self::RotateKey(_) => "rotate-key",
        }
    }

    /// The commit that it records, where it is one.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Init(change)
            | Self::Register(change)
            | Self::Withdraw(change)
            | Self::Seal(change) => Some(change),
            Self::Signoff(_)
            | Self::Waive(_)
            | Self::Reading(_)
            | Self::Deployment(_)
            | Self::Policy(_)
            | Self::Check(_)
            | Self::Attest(_)
            | Self::Share(_)
            | Self::Lineage(_)
            | Self::RotateKey(_) => None,
        }
    }
}

/// A commit of the index: what it changed, and what the index held after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Number of the commit, from 1.
    pub commit: u64,
    /// Name of the source, where there is one.
    pub source: Option<String>,
    /// Digest of the source, where there is one.
    pub source_digest: Option<String>,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Their records.
    pub records: u64,
    /// Distinct texts stored.
    pub texts: u64,
    /// Order-independent digest over texts and claims, hex.
    pub set_hash: String,
    /// SHA-256 of the manifest of the snapshot that holds the result, hex.
    pub snapshot: String,
    /// SHA-256 of the line that recorded this in a log of the format before, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// A line of the approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// `request`, `approve`, `reject`, `revoke` or `record`.
    pub action: String,
    /// SHA-256 of the signed line, without its end, hex.
    pub line: String,
    /// Id of the request, where there is one.
    pub request: Option<String>,
    /// Who signed it: an id of organization.toml.
    pub person: String,
    /// A word of the closed list of reasons, where there is one.
    pub reason: Option<String>,
    /// What it is about, by name: `model`, `environment`, `license`, `source`, … Absent in entries
    /// of before the lineage graph.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

/// A policy that comes into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// SHA-256 of the policy, hex.
    pub policy: String,
    /// That of the policy before; null for the first.
    pub before: Option<String>,
}

/// A check that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// `pass`, `flag`, `block` or `undecided`.
    pub verdict: String,
    /// SHA-256 of the verdict as JSON, hex.
    pub outcome: String,
    /// SHA-256 of the target's description, hex.
    pub target: String,
    /// SHA-256 of the policy, hex.
    pub policy: String,
    /// Number of the snapshot that was read; null when none could be opened.
    pub snapshot: Option<u64>,
    /// SHA-256 of its manifest, hex.
    pub snapshot_digest: Option<String>,
    /// Number of inputs.
    pub inputs: u64,
    /// SHA-256 of each input in order, hex, null for one that was not read to its end. Empty when
    /// there are more than [`INPUTS_LISTED_MAX`].
    pub input_digests: Vec<Option<String>>,
    /// SHA-256 over those digests, a line each, hex (`-` for null).
    pub inputs_digest: String,
    /// Rows by verdict.
    pub tally: BTreeMap<String, u64>,
    /// The day that expiries were compared with.
    pub as_of: String,
    /// SHA-256 of the file of the inputs' sketches, hex; absent where none were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketches: Option<String>,
}

/// Inputs whose digests stand in the entry; of more only the digest over all. Chosen: 4 KB.
pub const INPUTS_LISTED_MAX: usize = 64;

/// An attestation that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// SHA-256 of the signed statement, hex.
    pub statement: String,
    /// Its predicate type.
    pub predicate_type: String,
    /// `pass`, `flag`, `block` or `undecided`.
    pub verdict: String,
    /// Number of the entry of the check that it attests.
    pub check: u64,
    /// Until when it may be relied on, RFC 3339.
    pub expires: Option<String>,
}

/// A bundle that was written for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Digest of the bundle: SHA-256 of its manifest, hex.
    pub bundle: String,
    /// Names of the sources in it.
    pub sources: Vec<String>,
    /// Distinct texts.
    pub texts: u64,
    /// Check value of the key that its fingerprints are sealed under, hex.
    pub key_check: String,
}

/// The log's key was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Verifier key before.
    pub old: String,
    /// Verifier key from now on.
    pub new: String,
    /// A signed note by the old key; see [`Rotation::text`].
    pub note: String,
}

impl Rotation {
    /// The text that the old key signs: which log, at which entry, which key follows.
    pub fn text(origin: &str, entry: u64, new: &str) -> String {
        format!("herdbook log key rotation v1\n{origin}\n{entry}\n{new}\n")
    }
}

impl Entry {
    /// An entry of the present version.
    pub fn new(time: &str, in_force: InForce, record: Record) -> Self {
        Self {
            version: VERSION,
            time: time.to_owned(),
            in_force,
            record,
        }
    }

    /// Its bytes in the log.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LogError> {
        let bytes = serde_json::to_vec(self).map_err(|error| LogError::Entry {
            what: format!("it cannot be written as JSON ({error})"),
        })?;
        if bytes.len() > ENTRY_BYTES_MAX {
            let what = format!("it has {} bytes, more than {ENTRY_BYTES_MAX}", bytes.len());
            return Err(LogError::Entry { what });
        }
        Ok(bytes)
    }

    /// Reads bytes of the log: this version, no unknown field, nothing behind.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if entry.version == VERSION {
            Ok(entry)
        } else {
            Err(format!(
                "it has version {}, and this program knows {VERSION}",
                entry.version
            ))
        }
    }
}
