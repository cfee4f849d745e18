//! The verdict JSON: the document that machines read and auditors keep.
//!
//! `schemas/verdict.schema.json` is generated from these types and compared in a test
//! (`HERDBOOK_BLESS=1 cargo test --release report::wire` writes it anew). A change that an
//! existing reader could stumble over raises [`SCHEMA_VERSION`].
//!
//! Every key is always there, `null` where there is nothing to say. Keys keep the order of the
//! fields here, maps are sorted, shares are rounded to [`SHARE_DECIMALS`] decimals: equal outcomes
//! give equal bytes. Only this file, `duties`, `sources` and `sarif` are serialisable; the model is free to
//! change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::Serialize;

use crate::model;

use super::duties::StoredDuties;

/// Version of the document's form. Raised when a key disappears or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Decimals that shares and strengths are rounded to, half away from zero. Chosen: finer than any
/// threshold, coarser than the noise of a sum of floats.
pub const SHARE_DECIMALS: i32 = 4;

/// Mirrors one of the model's word enums: same variants, serialised as the model's own word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident from $model:ty { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl From<$model> for $name {
            fn from(value: $model) -> Self {
                match value { $(<$model>::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for $model {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

words! {
    /// The answer of the gate.
    Verdict from model::Verdict {
        /// No match at or above the policy's thresholds, everything was read.
        Pass,
        /// Matches that the policy lets through but wants seen.
        Flag,
        /// Something could not be read, looked up or proven. Not a pass.
        Undecided,
        /// The policy stops this run.
        Block,
    }
}
words! {
    /// The level of one finding or claim.
    Level from model::Level {
        /// For information; does not change the verdict.
        Note,
        /// Raises the verdict to at least `flag`.
        Flag,
        /// Raises the verdict to at least `undecided`.
        Undecided,
        /// Raises the verdict to `block`.
        Block,
    }
}
words! {
    /// How a unit and a registered output relate.
    Tier from model::Tier {
        /// Enough rare grams shared, edited between.
        Near,
        /// A registered output or a long part of one stands in the unit, or the unit in it.
        Contained,
        /// The unit is a registered output, letter for letter in normal form.
        Exact,
    }
}
words! {
    /// What the license readings say, before policy turns it into a level.
    Ruling from model::Ruling {
        /// Permitted.
        Permitted,
        /// Permitted with obligations.
        PermittedWithObligations,
        /// The texts are open or a fact is missing; a person has to decide.
        NeedsReview,
        /// Prohibited.
        Prohibited,
    }
}
words! {
    /// What lowered a decision from block to flag.
    ApprovalKind from model::ApprovalKind {
        /// Counsel answered an open question of a license text.
        SignOff,
        /// A risk was accepted; nothing was permitted.
        Waiver,
    }
}
words! {
    /// Whether an obligation is met by the target as described.
    ObligationState from model::ObligationState {
        /// Known to be met.
        Met,
        /// Arises only if the model is distributed or made available later.
        Latent,
        /// Cannot be checked yet; stored for the output model.
        NotYetCheckable,
        /// Known to be unmet.
        Unmet,
    }
}
words! {
    /// How a column was treated.
    ColumnUse from model::ColumnUse {
        /// Text: every leaf was scanned.
        Scanned,
        /// Text that the user exempted or did not select.
        Exempt,
        /// Token ids: text that cannot be read here, hence undecided.
        Tokens,
        /// Bytes that are not UTF-8, hence undecided.
        Binary,
        /// Numbers, booleans, dates: holds no text.
        NotText,
    }
}
words! {
    /// What the target model is.
    TargetKind from model::target::TargetKind {
        /// Large language model.
        Llm,
        /// Vision-language model.
        Vlm,
        /// Embedding model.
        Embedding,
        /// Reranker.
        Reranker,
        /// Small encoder.
        Encoder,
        /// Classifier.
        Classifier,
        /// Reward model.
        Reward,
        /// Anything else.
        Other,
    }
}
words! {
    /// To whom the target will be available; all but the first two count as distributed.
    Availability from model::target::Availability {
        /// Inside the organisation.
        Internal,
        /// Inside the organisation and its affiliates.
        Affiliate,
        /// Inside a product.
        Product,
        /// As an API.
        Api,
        /// As weights.
        Weights,
    }
}
words! {
    /// Where in its life the target is.
    Stage from model::target::Stage {
        /// Being trained: duties may still be met.
        Train,
        /// About to be released: duties must be met.
        Release,
    }
}
words! {
    /// What the target is for.
    Purpose from model::target::Purpose {
        /// Commercial.
        Commercial,
        /// Production use without sale.
        Production,
        /// Research by a commercial entity.
        CommercialResearch,
        /// Non-commercial research.
        NonCommercialResearch,
    }
}
words! {
    /// What was taken from the registered model.
    OutputUse from model::target::OutputUse {
        /// Generated text.
        Text,
        /// Logits or soft labels.
        Logits,
        /// A rewrite or translation of other text.
        Rewrite,
        /// Prompts only.
        Prompts,
        /// Labels, scores, judge verdicts.
        Labels,
        /// Selection of data.
        Filter,
        /// Evaluation, nothing fed back.
        Evaluation,
    }
}
words! {
    /// How the registering organisation came by the outputs.
    Acquisition from model::Acquisition {
        /// Generated by the organisation itself.
        SelfGenerated,
        /// Received under a dataset license that restates the model's terms.
        LicensedDataset,
        /// Found; whether the terms bind the finder is open.
        Found,
    }
}

/// The verdict of one check and the evidence for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook verdict")]
pub struct VerdictDocument {
    /// Version of this document's form.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// The answer.
    pub verdict: Verdict,
    /// The model that the run would improve.
    pub target: Target,
    /// The policy in effect.
    pub policy: Policy,
    /// The sealed snapshot that answered; null when none could be opened.
    pub index: Option<Index>,
    /// The inputs, in the order scanned.
    pub inputs: Vec<Input>,
    /// Sum of rows over the inputs.
    pub tally: Tally,
    /// Findings in the order of inputs, rows and units; file and run findings first.
    pub findings: Vec<Finding>,
    /// All findings, also those beyond the listing limit.
    pub findings_total: u64,
    /// Matches per claimed model, most first.
    pub models: Vec<Model>,
    /// Duties that arise for the target, each once.
    pub obligations: Vec<Obligation>,
    /// Duties stored for the target, by this check or an earlier one.
    pub stored_duties: StoredDuties,
    /// What this check did not and could not see.
    pub limits: Vec<String>,
    /// The date used for expiries.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub as_of: String,
}

/// The model that a run would improve, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name it will carry; null when not yet known.
    pub name: Option<String>,
    /// Raw ids of the models it starts from; empty for a model trained from scratch.
    pub base: Vec<String>,
    /// What it is.
    pub kind: TargetKind,
    /// To whom it will be available.
    pub availability: Availability,
    /// Folder where card, notice and license copy are looked for.
    pub folder: Option<String>,
    /// Where in its life it is.
    pub stage: Stage,
    /// What it is for.
    pub purpose: Purpose,
    /// Per-input statements; the last match wins.
    pub inputs: Vec<InputUse>,
    /// Models used where no text is left to match.
    pub models_used: Vec<ModelUsed>,
}

/// How one input, by path or glob, is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputUse {
    /// Path or glob.
    pub path: String,
    /// What is taken from it.
    pub of_outputs: OutputUse,
    /// Acquisition stated for this input; null leaves the source's own statement.
    pub acquisition: Option<Acquisition>,
}

/// A model used where no text is left to match (judge, filter, reward, distillation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelUsed {
    /// Raw model id.
    pub model: String,
    /// What was taken from it.
    pub of_outputs: OutputUse,
}

/// The policy in effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `default`, or the path it was read from.
    pub name: String,
    /// SHA-256, lower-case hex.
    pub digest: String,
}

/// The sealed snapshot that a check was answered from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Sequence number: its position in the log.
    pub snapshot: u64,
    /// SHA-256 of the snapshot's manifest, lower-case hex.
    pub digest: String,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Records registered in them.
    pub records: u64,
    /// Id of the fingerprint recipe.
    pub recipe: String,
    /// Any shared run of at least this many bytes of the normal form is seen.
    pub guarantee_bytes: u32,
}

/// One scanned input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Path as the user named it; `-` is standard input.
    pub path: String,
    /// Format that was recognised; null if none was.
    pub format: Option<String>,
    /// SHA-256 of the very bytes scanned; null when not all could be read.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// Rows read or attempted.
    pub rows: u64,
    /// Text units scanned.
    pub text_units: u64,
    /// Bytes of the file as stored.
    pub bytes: u64,
    /// UTF-8 bytes of text scanned.
    pub text_bytes: u64,
    /// Rows of this input by verdict.
    pub tally: Tally,
    /// Every column path found and how it was treated. A path found with several treatments shows
    /// the one that demands most care: binary, tokens, scanned, exempt, not-text.
    pub columns: BTreeMap<String, ColumnUse>,
    /// Leaves found per column path.
    pub column_leaves: BTreeMap<String, u64>,
    /// Registered sources whose text stands in this input, by name; all findings are counted, those
    /// beyond the listing limit too.
    pub sources: Vec<InputSource>,
}

/// How much of an input is text of one registered source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSource {
    /// Name of the source.
    pub source: String,
    /// Rows with a match that it claims; a row counts for every source that claims text in it.
    pub rows: u64,
    /// The strictest level among them.
    pub level: Level,
}

/// Counts of rows; `read = pass + flag + block + undecided`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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

/// Something that a report must say. `model`, `license` and `clause` repeat the deciding claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Permanent code.
    #[schemars(regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub code: String,
    /// Level after policy; the strictest of its claims.
    pub level: Level,
    /// Where.
    pub location: Location,
    /// Kind of match; null for a finding that is not a match, as are the next five keys.
    pub tier: Option<Tier>,
    /// Share of the unit's words that align with the registered text.
    #[schemars(range(min = 0, max = 1))]
    pub share_of_row: Option<f64>,
    /// Share of the registered output's own words that stand in the unit.
    #[schemars(range(min = 0, max = 1))]
    pub share_of_output: Option<f64>,
    /// Longest aligned run in bytes of the normal form.
    pub longest_run_bytes: Option<u64>,
    /// The number that the policy's thresholds are compared with.
    pub strength: Option<f64>,
    /// What had to be undone before the match showed.
    pub integrity: Option<Integrity>,
    /// Raw model id as claimed by the deciding claim; null when nobody claimed one.
    pub model: Option<String>,
    /// Its license id; null when unknown.
    pub license: Option<String>,
    /// Clause cited: license, section, link.
    pub clause: Option<String>,
    /// What the readings say; null when the finding is not about a license.
    pub ruling: Option<Ruling>,
    /// Ids of the adopted readings that the decision rests on.
    pub readings: Vec<String>,
    /// The legal question that a person has to answer; null unless the ruling is needs-review.
    pub question: Option<String>,
    /// The approval that lowered the decision from block to flag; null when none did.
    pub approval: Option<Approval>,
    /// Ids of the duties that arise.
    pub obligations: Vec<String>,
    /// Every claim on the matched text, strictest first; the first decides.
    pub claims: Vec<Claim>,
    /// Why.
    pub reason: String,
    /// How to fix it.
    pub how_to_fix: String,
}

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The input as the user named it.
    pub path: String,
    /// 0-based row, headers and blank lines not counted; null for a finding on a file or run.
    pub row: Option<u64>,
    /// Column path, list elements written `[]`; null for a finding on a row, file or run.
    pub column: Option<String>,
    /// Number of the unit within the row, from 0.
    pub unit: u32,
}

/// What had to be undone before a match showed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// Zero-width or other invisible characters were removed between letters.
    pub invisible: bool,
    /// Bidirectional control characters were removed.
    pub bidi: bool,
    /// The match showed only after look-alike letters were folded.
    pub look_alike: bool,
}

/// One claim on a matched text, decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Source name.
    pub source: String,
    /// The registered record: `file#row:column`.
    pub source_record: String,
    /// Raw model id as claimed, or that of a model behind it; null when nobody claimed one.
    pub model: Option<String>,
    /// The way from the model that wrote the text to `model`, both included, in nodes of the
    /// lineage graph; null where `model` itself is claimed.
    pub lineage: Option<Vec<String>>,
    /// Its license id; null when unknown.
    pub license: Option<String>,
    /// Clause cited.
    pub clause: Option<String>,
    /// Code that this claim alone would give.
    #[schemars(regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub code: String,
    /// Level that this claim alone would give.
    pub level: Level,
    /// What the readings say.
    pub ruling: Option<Ruling>,
    /// The legal question that a person has to answer; null unless the ruling is needs-review.
    pub question: Option<String>,
    /// The approval that lowered this claim's decision; null when none did.
    pub approval: Option<Approval>,
    /// Why.
    pub reason: String,
}

/// The approval under which a decision was lowered from block to flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Id of the approved request.
    pub id: String,
    /// What it is.
    pub kind: ApprovalKind,
    /// Who approved it: the person's id in the organisation profile.
    pub approver: String,
    /// A waiver's reason out of the closed list; what a sign-off answers.
    pub reason: String,
    /// Last day on which it holds.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub expires: String,
}

/// Matches of one claimed model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Raw model id as claimed.
    pub model: String,
    /// Its license id; null when unknown.
    pub license: Option<String>,
    /// Findings that this model's claim decides.
    pub records: u64,
}

/// A duty that using the outputs puts on the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// Permanent id.
    pub id: String,
    /// What has to be done.
    pub text: String,
    /// License and section it comes from.
    pub clause: String,
    /// Whether it is met.
    pub state: ObligationState,
}

/// Rounds to [`SHARE_DECIMALS`]; a number that is not finite has no JSON form and becomes null.
fn rounded(value: f64) -> Option<f64> {
    let scale = 10f64.powi(SHARE_DECIMALS);
    // Adding zero turns -0.0 into 0.0, which would otherwise be written with its sign.
    value
        .is_finite()
        .then(|| (value * scale).round() / scale + 0.0)
}

impl From<&model::CheckOutcome> for VerdictDocument {
    fn from(outcome: &model::CheckOutcome) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            verdict: outcome.verdict.into(),
            target: Target::from(&outcome.target),
            policy: Policy {
                name: outcome.policy_name.clone(),
                digest: outcome.policy_digest.clone(),
            },
            index: outcome.index.as_ref().map(Index::from),
            inputs: outcome.inputs.iter().map(Input::from).collect(),
            tally: outcome.tally.into(),
            findings: outcome.findings.iter().map(Finding::from).collect(),
            findings_total: outcome.findings_total,
            models: outcome.models.iter().map(Model::from).collect(),
            obligations: outcome.obligations.iter().map(Obligation::from).collect(),
            stored_duties: StoredDuties::from(&outcome.stored_duties),
            limits: outcome.limits.clone(),
            as_of: outcome.as_of.clone(),
        }
    }
}

impl From<&model::target::Target> for Target {
    fn from(target: &model::target::Target) -> Self {
        Self {
            name: target.name.clone(),
            base: target.base.clone(),
            kind: target.kind.into(),
            availability: target.availability.into(),
            folder: target.folder.clone(),
            stage: target.stage.into(),
            purpose: target.purpose.into(),
            inputs: (target.inputs.iter())
                .map(|input| InputUse {
                    path: input.path.clone(),
                    of_outputs: input.of_outputs.into(),
                    acquisition: input.acquisition.map(Acquisition::from),
                })
                .collect(),
            models_used: (target.models_used.iter())
                .map(|used| ModelUsed {
                    model: used.model.clone(),
                    of_outputs: used.of_outputs.into(),
                })
                .collect(),
        }
    }
}

impl From<Target> for model::target::Target {
    fn from(target: Target) -> Self {
        Self {
            name: target.name,
            base: target.base,
            kind: target.kind.into(),
            availability: target.availability.into(),
            folder: target.folder,
            stage: target.stage.into(),
            purpose: target.purpose.into(),
            inputs: (target.inputs.into_iter())
                .map(|input| model::target::InputUse {
                    path: input.path,
                    of_outputs: input.of_outputs.into(),
                    acquisition: input.acquisition.map(model::Acquisition::from),
                })
                .collect(),
            models_used: (target.models_used.into_iter())
                .map(|used| model::target::ModelUsed {
                    model: used.model,
                    of_outputs: used.of_outputs.into(),
                })
                .collect(),
        }
    }
}

impl From<&model::IndexInfo> for Index {
    fn from(index: &model::IndexInfo) -> Self {
        Self {
            snapshot: index.snapshot,
            digest: index.digest.clone(),
            sources: index.sources,
            records: index.records,
            recipe: index.recipe.clone(),
            guarantee_bytes: index.guarantee_bytes,
        }
    }
}

/// How much care a treatment demands: what a path with several treatments is shown as.
fn care(column_use: ColumnUse) -> u8 {
    match column_use {
        ColumnUse::NotText => 0,
        ColumnUse::Exempt => 1,
        ColumnUse::Scanned => 2,
        ColumnUse::Tokens => 3,
        ColumnUse::Binary => 4,
    }
}

impl From<&model::InputInfo> for Input {
    fn from(input: &model::InputInfo) -> Self {
        let mut columns: BTreeMap<String, ColumnUse> = BTreeMap::new();
        let mut column_leaves: BTreeMap<String, u64> = BTreeMap::new();
        for (path, column_use, leaves) in &input.columns {
            let found = ColumnUse::from(*column_use);
            columns
                .entry(path.to_string())
                .and_modify(|known| {
                    if care(found) > care(*known) {
                        *known = found;
                    }
                })
                .or_insert(found);
            *column_leaves.entry(path.to_string()).or_default() += leaves;
        }
        Self {
            path: input.path.to_string(),
            format: input.format.clone(),
            sha256: input.sha256.clone(),
            rows: input.tally.read,
            text_units: input.text_units,
            bytes: input.bytes,
            text_bytes: input.text_bytes,
            tally: input.tally.into(),
            columns,
            column_leaves,
            sources: input
                .sources
                .iter()
                .map(|count| InputSource {
                    source: count.source.clone(),
                    rows: count.rows,
                    level: count.level.into(),
                })
                .collect(),
        }
    }
}

impl From<model::Tally> for Tally {
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

impl From<&model::Finding> for Finding {
    fn from(finding: &model::Finding) -> Self {
        let evidence = finding.evidence.as_ref();
        let decision = &finding.decision;
        Self {
            code: decision.code.0.to_owned(),
            level: finding.level.into(),
            location: Location {
                path: finding.location.path.to_string(),
                row: finding.location.row,
                column: finding.location.column.as_deref().map(str::to_owned),
                unit: finding.ordinal,
            },
            tier: evidence.map(|e| e.tier.into()),
            share_of_row: evidence.and_then(|e| rounded(e.share_of_row)),
            share_of_output: evidence.and_then(|e| rounded(e.share_of_output)),
            longest_run_bytes: evidence.map(|e| e.longest_run_bytes),
            strength: evidence.and_then(|e| rounded(e.strength)),
            integrity: evidence.map(|e| Integrity {
                invisible: e.integrity.invisible,
                bidi: e.integrity.bidi,
                look_alike: e.integrity.look_alike,
            }),
            model: finding.claims.first().and_then(|claim| claim.model.clone()),
            license: decision.license.clone(),
            clause: decision.clause.clone(),
            ruling: decision.ruling.map(Ruling::from),
            readings: decision
                .readings
                .iter()
                .map(|id| (*id).to_owned())
                .collect(),
            question: decision.question.clone(),
            approval: finding.approval.as_ref().map(Approval::from),
            obligations: decision
                .obligations
                .iter()
                .map(|duty| duty.id.clone())
                .collect(),
            claims: finding.claims.iter().map(Claim::from).collect(),
            reason: decision.reason.clone(),
            how_to_fix: decision.how_to_fix.clone(),
        }
    }
}

impl From<&model::FindingClaim> for Claim {
    fn from(claim: &model::FindingClaim) -> Self {
        Self {
            source: claim.source.clone(),
            source_record: claim.source_record.clone(),
            model: claim.model.clone(),
            lineage: (!claim.lineage.is_empty()).then(|| claim.lineage.clone()),
            license: claim.decision.license.clone(),
            clause: claim.decision.clause.clone(),
            code: claim.decision.code.0.to_owned(),
            level: claim.decision.level.into(),
            ruling: claim.decision.ruling.map(Ruling::from),
            question: claim.decision.question.clone(),
            approval: claim.approval.as_ref().map(Approval::from),
            reason: claim.decision.reason.clone(),
        }
    }
}

impl From<&model::AppliedApproval> for Approval {
    fn from(approval: &model::AppliedApproval) -> Self {
        Self {
            id: approval.id.clone(),
            kind: approval.kind.into(),
            approver: approval.approver.clone(),
            reason: approval.reason.clone(),
            expires: approval.expires.clone(),
        }
    }
}

impl From<&model::ModelCount> for Model {
    fn from(count: &model::ModelCount) -> Self {
        Self {
            model: count.model.clone(),
            license: count.license.clone(),
            records: count.records,
        }
    }
}

impl From<&model::Obligation> for Obligation {
    fn from(duty: &model::Obligation) -> Self {
        Self {
            id: duty.id.clone(),
            text: duty.text.clone(),
            clause: duty.clause.clone(),
            state: duty.state.into(),
        }
    }
}

/// The verdict document of an outcome, as pretty-printed JSON with a final newline.
///
/// # Errors
/// Only if a value has no JSON form, which these types rule out.
pub fn to_json(outcome: &model::CheckOutcome) -> Result<String, serde_json::Error> {
    let mut json = serde_json::to_string_pretty(&VerdictDocument::from(outcome))?;
    json.push('\n');
    Ok(json)
}

/// The JSON Schema (2020-12) of the verdict document, as committed under `schemas/`.
///
/// # Errors
/// Only if the schema has no JSON form, which its generator rules out.
pub fn schema_json() -> Result<String, serde_json::Error> {
    // "Serialize" describes what is written: keys that hold null are still required.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings
        .into_generator()
        .into_root_schema_for::<VerdictDocument>();
    let mut json = serde_json::to_string_pretty(&schema)?;
    json.push('\n');
    Ok(json)
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
