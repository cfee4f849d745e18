//! License facts as the policy needs them: clause shapes, not prose; and what a model id was
//! resolved to.
//!
//! Every license seen so far is described by five shapes of output clause: a ban on improving
//! other models, a ban on competing models, a limit of purpose, a name or display duty, and
//! "trained on outputs counts as derived". The catalog fills these from its data files; the
//! policy reads nothing else. Plain data: no I/O, no judgement.

use std::fmt;
use std::sync::Arc;

/// A version of Llama that has a license of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LlamaVersion {
    /// The first `LLaMA` (February 2023).
    V1,
    /// Llama 2, Code Llama included.
    V2,
    /// Llama 3.
    V3,
    /// Llama 3.1.
    V3_1,
    /// Llama 3.2.
    V3_2,
    /// Llama 3.3.
    V3_3,
    /// Llama 4.
    V4,
}

impl LlamaVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 7] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V3_1,
        Self::V3_2,
        Self::V3_3,
        Self::V4,
    ];

    /// The license id in the catalog, e.g. `llama-3.1`.
    pub fn id(self) -> &'static str {
        match self {
            Self::V1 => "llama-1",
            Self::V2 => "llama-2",
            Self::V3 => "llama-3",
            Self::V3_1 => "llama-3.1",
            Self::V3_2 => "llama-3.2",
            Self::V3_3 => "llama-3.3",
            Self::V4 => "llama-4",
        }
    }

    /// The name used in sentences, e.g. `Llama 3.1`.
    pub fn label(self) -> &'static str {
        match self {
            Self::V1 => "LLaMA 1",
            Self::V2 => "Llama 2",
            Self::V3 => "Llama 3",
            Self::V3_1 => "Llama 3.1",
            Self::V3_2 => "Llama 3.2",
            Self::V3_3 => "Llama 3.3",
            Self::V4 => "Llama 4",
        }
    }

    /// Parses a license id of the catalog; `None` for any other word.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.id() == id)
    }
}

impl fmt::Display for LlamaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// One license or contract, as far as outputs and target models are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// Permanent id, e.g. `llama-3.1`.
    pub id: String,
    /// Title of the text.
    pub title: String,
    /// Who grants it.
    pub licensor: String,
    /// The Llama version whose own license this is; `None` for every other text.
    pub llama: Option<LlamaVersion>,
    /// The `license:` tag at Hugging Face; `None` where there is none.
    pub hugging_face: Option<String>,
    /// Other words that model cards use for it (`license_name:`), lower case.
    pub card_names: Vec<String>,
    /// The key of the text in `ScanCode`'s license list; `None` where none was found.
    pub scancode: Option<String>,
    /// Where the text was read.
    pub link: String,
    /// Release or effective date in the text, `YYYY-MM-DD`; `None` where it states none.
    pub version_date: Option<String>,
    /// The line of the text that states the date, verbatim; `None` where it states none.
    pub date_line: Option<String>,
    /// Date of the copy that was read, `YYYY-MM-DD`.
    pub read: String,
    /// SHA-256 of the official text, lower-case hex; `None` where none is published.
    pub sha256: Option<String>,
    /// Where the acceptable use policy stands that the license includes.
    pub use_policy_link: Option<String>,
    /// SHA-256 of the official use policy, lower-case hex; `None` where none is published.
    pub use_policy_sha256: Option<String>,
    /// The output rule in our own words, a sentence or two.
    pub outputs: String,
    /// The organisation's own file that states it; `None` for a license of this build.
    pub own_file: Option<String>,
    /// The clauses.
    pub clauses: Clauses,
}

/// The clauses of a license, by shape. `None` means that the text has no such clause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clauses {
    /// Shape 1: outputs may not improve other models.
    pub improve_ban: Option<ImproveBan>,
    /// Shape 2: outputs may not serve competing models.
    pub competing_ban: Option<CompetingBan>,
    /// Shape 3: outputs only for some purposes.
    pub purpose_limit: Option<PurposeLimit>,
    /// Shape 4: the model's name begins with a string.
    pub name_prefix: Option<NamePrefix>,
    /// Shape 4: a string is displayed.
    pub display: Option<DisplayDuty>,
    /// Shape 5: a model trained on outputs counts as derived.
    pub flow_down: Option<Section>,
    /// A notice line goes with copies of the weights.
    pub notice: Option<Notice>,
    /// A copy of the license goes with the weights.
    pub copy: Option<Section>,
    /// A separate license is needed above a number of monthly users.
    pub monthly_users: Option<MonthlyUsers>,
    /// No rights in multimodal models for licensees seated in the European Union.
    pub eu_multimodal: Option<Section>,
    /// The acceptable use policy that the license includes.
    pub use_policy: Option<Section>,
    /// How the license ends, and what is left of it then.
    pub termination: Option<Termination>,
}

/// Where a clause stands, e.g. `1.b.v`, and for clauses without further data nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Section of the text, or the name of the document it stands in.
    pub section: String,
}

/// Outputs may not improve any other model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImproveBan {
    /// Section.
    pub section: String,
    /// Which targets the text names.
    pub scope: BanScope,
    /// Whether the licensor's own model of this version, and what derives from it, is excluded.
    pub own_family_excluded: bool,
    /// Versions for which the texts leave open whether the exclusion reaches them.
    pub open_for: Vec<LlamaVersion>,
}

/// Which targets a ban names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BanScope {
    /// Large language models; whether it reaches other models is open.
    LanguageModels,
    /// Any model.
    AnyModel,
}

/// Outputs may not serve competing models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompetingBan {
    /// Section.
    pub section: String,
    /// Whether classifiers and embeddings that are not distributed are excepted.
    pub classifiers_excepted: bool,
    /// Whether the text itself lets evaluation through.
    pub evaluation_excepted: bool,
}

/// Outputs only for non-commercial research.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeLimit {
    /// Section.
    pub section: String,
}

/// What sets off a name or display duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Use of the weights: the target derives from the model.
    Materials,
    /// Use of the weights or of outputs.
    MaterialsOrOutputs,
}

/// The name of a distributed model begins with a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePrefix {
    /// Section.
    pub section: String,
    /// The string, verbatim.
    pub text: String,
    /// What sets the duty off.
    pub trigger: Trigger,
}

/// A string is displayed prominently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayDuty {
    /// Section.
    pub section: String,
    /// The string, verbatim.
    pub text: String,
    /// Other strings that satisfy the duty as well, verbatim.
    pub alternatives: Vec<String>,
    /// What sets the duty off.
    pub trigger: Trigger,
}

/// A notice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Section.
    pub section: String,
    /// The line, verbatim.
    pub text: String,
}

/// A gate on monthly users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlyUsers {
    /// Section.
    pub section: String,
    /// Number of monthly active users above which a separate license is needed.
    pub above: u64,
    /// Whether the test is made each month (`true`) or once, at the version's release.
    pub rolling: bool,
}

/// How a license ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// Section.
    pub section: String,
    /// Whether a breach ends it by itself (`true`), or the licensor may end it (`false`).
    pub automatic: bool,
    /// Whether the weights and documents have to be deleted. What they generated is never meant.
    pub deletes_materials: bool,
    /// Whether the restriction of outputs goes on after the end.
    pub outputs_restriction_survives: bool,
    /// Sections that go on after the end, as the text lists them.
    pub survives: String,
}

impl License {
    /// The citation used in findings: license, section, link.
    pub fn cite(&self, section: &str) -> String {
        format!("{}, section {section} ({})", self.title, self.link)
    }
}

/// How sure the resolver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Taken from the words of the name alone.
    Name,
    /// Listed by hand from general knowledge, without a source on record.
    Recalled,
    /// A naming rule of the publisher or a host.
    Rule,
    /// Listed by hand with its source.
    Listed,
}

impl Confidence {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Recalled => "recalled",
            Self::Rule => "rule",
            Self::Listed => "listed",
        }
    }
}

/// A model that the catalog knows to stand under Llama licenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownModel {
    /// What to call it in a sentence, e.g. `Llama 3.1`, `Code Llama`, `Vicuna`.
    pub family: String,
    /// The Llama version that its weights derive from; `None` where a Llama license covers
    /// weights that are not Llama (Prompt Guard).
    pub lineage: Option<LlamaVersion>,
    /// Every license that applies, the base's first, each once. Never empty.
    pub licenses: Vec<Arc<License>>,
    /// Whether it takes images; `true` also where the id does not tell.
    pub multimodal: bool,
    /// Whether somebody other than the licensor made it from the base.
    pub derivative: bool,
}

/// What a model id was resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Family, version and licenses are known.
    Known(KnownModel),
    /// Llama by name, without a version that the catalog knows.
    LlamaVersionUnknown,
    /// More than one reading; none of them is taken.
    Ambiguous {
        /// Licenses it may stand under, each once, in catalog order.
        candidates: Vec<Arc<License>>,
        /// Whether it may be no Llama at all.
        maybe_not_llama: bool,
    },
    /// Not Llama.
    NotLlama {
        /// Who made it.
        licensor: String,
        /// Its license or terms, where the catalog holds them.
        license: Option<Arc<License>>,
    },
    /// The catalog does not know it.
    Unknown,
}

/// Where an entry of the catalog has its facts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// A document that was read: a link, or `card` for the model card of the id itself.
    Source(String),
    /// Nothing that was read for this catalog.
    GeneralKnowledge,
}

/// A model id with what the catalog makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The id as claimed.
    pub raw_id: String,
    /// What it was resolved to.
    pub outcome: Outcome,
    /// The rule that fired, e.g. `lineage:vicuna-1.5`, `name:llama-version`.
    pub rule: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// What a reader should know about this id; empty when there is nothing.
    pub note: String,
}

impl Resolution {
    /// What to call the model in a sentence.
    pub fn label(&self) -> String {
        match &self.outcome {
            Outcome::Known(known) => known.family.clone(),
            Outcome::LlamaVersionUnknown => "Llama of an unknown version".to_owned(),
            Outcome::Ambiguous { .. } => "an ambiguous model id".to_owned(),
            Outcome::NotLlama { licensor, .. } => format!("a model of {licensor}"),
            Outcome::Unknown => "an unknown model".to_owned(),
        }
    }
}

/// What is known of the way to the model: whose terms apply besides the license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing was stated, or the model was run by the organisation: the license alone.
    LicenseAlone,
    /// A host whose terms were read and add nothing that changes a decision here.
    HostRead {
        /// The host's name.
        host: String,
    },
    /// A host whose terms on outputs were not read, or a word that the catalog does not know.
    HostUnread {
        /// The host's name, or the word as given.
        host: String,
    },
    /// A contract of the licensor that takes the place of the model's license.
    Contract {
        /// The contract.
        terms: Arc<License>,
    },
}

/// One file of the target's folder, read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    /// File name without its folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Its text; `None` when it was too large or not UTF-8.
    pub text: Option<String>,
}

/// What the target's folder holds, as far as duties are concerned: the card, notice and license
/// files at its top level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderFacts {
    /// Files in order of name.
    pub files: Vec<FolderFile>,
}

/// What the target is made from, resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetLineage {
    /// One per base, in the order of the target file; empty for a model trained from scratch.
    pub bases: Vec<Resolution>,
    /// What its folder holds; `None` when no folder was named or looked into.
    pub folder: Option<FolderFacts>,
}
