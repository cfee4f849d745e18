//! The outcome of a check, as plain data for the reports.
//!
//! Every list has a defined order, so that the same input, snapshot, policy and date give the
//! same bytes in every report.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use super::{
    AppliedApproval, Decision, Evidence, Level, Location, Obligation, StoredDuties, Tier, Verdict,
};

/// How a column was treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ColumnUse {
    /// Text: every leaf was scanned.
    Scanned,
    /// Text that the user exempted, or did not select with `--text-column`.
    Exempt,
    /// Token ids: text that cannot be read here, hence undecided.
    Tokens,
    /// Bytes that are not UTF-8, hence undecided.
    Binary,
    /// Numbers, booleans, dates: holds no text.
    NotText,
}

impl ColumnUse {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scanned => "scanned",
            Self::Exempt => "exempt",
            Self::Tokens => "tokens",
            Self::Binary => "binary",
            Self::NotText => "not-text",
        }
    }
}

/// Counts of rows; `read == pass + flag + block + undecided`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows read or attempted.
    pub read: u64,
    /// Rows without a finding above note.
    pub pass: u64,
    /// Rows flagged.
    pub flag: u64,
    /// Rows blocked.
    pub block: u64,
    /// Rows undecided.
    pub undecided: u64,
}

impl Tally {
    /// Counts one row under its verdict.
    pub fn count(&mut self, verdict: Verdict) {
        self.read += 1;
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Flag => self.flag += 1,
            Verdict::Block => self.block += 1,
            Verdict::Undecided => self.undecided += 1,
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: Tally) {
        self.read += other.read;
        self.pass += other.pass;
        self.flag += other.flag;
        self.block += other.block;
        self.undecided += other.undecided;
    }

    /// Whether every row read has exactly one verdict.
    pub fn agrees(&self) -> bool {
        self.read == self.pass + self.flag + self.block + self.undecided
    }
}

/// One scanned input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputInfo {
    /// Path as the user named it.
    pub path: Arc<str>,
    /// Format that was recognised, e.g. `jsonl`, `parquet`, `csv+gzip`; `None` if unreadable.
    pub format: Option<String>,
    /// SHA-256 of the very bytes scanned, lower-case hex; `None` when not all could be read.
    pub sha256: Option<String>,
    /// Rows counted in this file.
    pub tally: Tally,
    /// Rows that the reader says it handed on, broken ones included; counted apart from the tally.
    pub rows_read: u64,
    /// Rows that the file itself says it holds; `None` where its format has no such number.
    pub rows_declared: Option<u64>,
    /// Text units scanned.
    pub text_units: u64,
    /// Bytes of the file as stored.
    pub bytes: u64,
    /// UTF-8 bytes of text scanned.
    pub text_bytes: u64,
    /// Every column path found with its use and number of leaves, sorted by path.
    pub columns: Vec<(Arc<str>, ColumnUse, u64)>,
    /// Canaries planted among the texts and found again.
    pub canaries: Canaries,
    /// Registered sources whose text stands in it, in order of name; every finding is counted, also
    /// those beyond the listing limit.
    pub sources: Vec<SourceCount>,
}

/// How many rows of an input hold text of one registered source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCount {
    /// Name of the source.
    pub source: String,
    /// Rows with a match that the source claims, at or above the flag threshold.
    pub rows: u64,
    /// The strictest level among them.
    pub level: Level,
}

/// Texts that a scan was made to meet among those of a file, and must have found: the index's own
/// canary, in the first batch of every thread and now and then after it. How many there are depends
/// on the number of threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canaries {
    /// Planted.
    pub planted: u64,
    /// Found.
    pub found: u64,
}

impl Canaries {
    /// Whether each was found; so also where none was planted.
    pub fn all_found(self) -> bool {
        self.planted == self.found
    }
}

/// The snapshot a check was answered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexInfo {
    /// Sequence number of the snapshot (its log position).
    pub snapshot: u64,
    /// SHA-256 of the snapshot's manifest, lower-case hex.
    pub digest: String,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Records registered in them.
    pub records: u64,
    /// Recipe id.
    pub recipe: String,
    /// Guaranteed run in bytes of the normal form: any shared run at least this long is seen.
    pub guarantee_bytes: u32,
}

/// One claim on a matched text, decided.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingClaim {
    /// Source name.
    pub source: String,
    /// The registered record: `file#row:column`.
    pub source_record: String,
    /// Raw model id as claimed, or `None`. Where another model stands behind that one, that
    /// other.
    pub model: Option<String>,
    /// The way from the model that wrote the text to `model`, both included, in nodes of the
    /// lineage graph; empty where `model` itself is claimed.
    pub lineage: Vec<String>,
    /// What the policy decided for this claim.
    pub decision: Decision,
    /// The approval that lowered it, if one did.
    pub approval: Option<AppliedApproval>,
}

/// Something that a report must say.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Level after policy; the strictest of its claims.
    pub level: Level,
    /// Where.
    pub location: Location,
    /// Number of the unit within the row; orders findings of one row.
    pub ordinal: u32,
    /// How much; `None` for findings that are not matches (unreadable rows, duties).
    pub evidence: Option<Evidence>,
    /// Every claim on the matched text, strictest first; the first one decides. Empty for
    /// findings that are not matches.
    pub claims: Vec<FindingClaim>,
    /// The decision that stands; equals the first claim's where there are claims.
    pub decision: Decision,
    /// The approval that lowered that decision, if one did.
    pub approval: Option<AppliedApproval>,
}

/// How many rows matched output of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCount {
    /// Raw model id as claimed.
    pub model: String,
    /// Its license id, if resolved.
    pub license: Option<String>,
    /// Number of findings that name it first.
    pub records: u64,
}

/// All findings of a check counted, those beyond the listing limit too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Findings by level, ordered by it; levels without any are left out.
    pub levels: BTreeMap<Level, u64>,
    /// Findings that are matches, by tier and level; what is not there is zero.
    pub tiers: BTreeMap<(Tier, Level), u64>,
}

impl FindingCounts {
    /// Counts one finding.
    pub fn count(&mut self, finding: &Finding) {
        *self.levels.entry(finding.level).or_default() += 1;
        if let Some(evidence) = &finding.evidence {
            *self
                .tiers
                .entry((evidence.tier, finding.level))
                .or_default() += 1;
        }
    }

    /// Findings of one level.
    pub fn of(&self, level: Level) -> u64 {
        self.levels.get(&level).copied().unwrap_or(0)
    }
}

/// Everything a check has to say. Built only by `pipeline::check`.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOutcome {
    /// The answer.
    pub verdict: Verdict,
    /// The target, as key and value pairs in reading order, for display.
    pub target: super::target::Target,
    /// SHA-256 of the policy in effect, lower-case hex, and its name.
    pub policy_digest: String,
    /// Name of the policy (`default` or a path).
    pub policy_name: String,
    /// The snapshot; `None` when none could be opened (then the verdict is undecided).
    pub index: Option<IndexInfo>,
    /// Inputs in the order scanned.
    pub inputs: Vec<InputInfo>,
    /// Sum over inputs.
    pub tally: Tally,
    /// Findings in the order of inputs, rows, ordinals; file and run findings first in each file.
    /// At most `findings_max` of them are kept; `findings_total` counts all.
    pub findings: Vec<Finding>,
    /// All findings, also those beyond the listing limit.
    pub findings_total: u64,
    /// All findings by level and tier.
    pub counts: FindingCounts,
    /// Matches per claimed model, most first, then by name.
    pub models: Vec<ModelCount>,
    /// Duties that arise for the target, each once, in order of code.
    pub obligations: Vec<Obligation>,
    /// Duties stored for the target, by this check or an earlier one.
    pub stored_duties: StoredDuties,
    /// What this check did not and could not see, in plain sentences.
    pub limits: Vec<String>,
    /// The date used for expiries, `YYYY-MM-DD`.
    pub as_of: String,
}
