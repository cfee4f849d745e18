//! The catalog's files as written, the built-in ones and an organisation's own. Only these types
//! are deserialised; `load` checks them and turns them into what the rest of the program speaks in.

use std::borrow::Cow;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// A value that knows where it stands in its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Placed<T>(Spanned<T>);

impl<T> Placed<T> {
    pub(super) fn value(&self) -> &T {
        self.0.get_ref()
    }

    /// Range of bytes in the file.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl Placed<String> {
    pub(super) fn text(&self) -> &str {
        self.0.get_ref()
    }

    pub(super) fn owned(&self) -> String {
        self.0.get_ref().clone()
    }
}

/// The place is no part of the file's form.
impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

type Text = Placed<String>;

/// A file of the catalog: licenses, models and ways to reach them. Every list may be absent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook catalog")]
pub struct CatalogFile {
    /// Licenses and contracts.
    #[serde(default)]
    pub(super) license: Vec<LicenseFile>,
    /// Sizes per Llama version; in the built-in catalog only.
    #[serde(default)]
    pub(super) version: Vec<VersionFile>,
    /// Models by id. The first match wins; they are asked before the naming rule.
    #[serde(default)]
    pub(super) model: Vec<ModelFile>,
    /// Models that are not Llama, asked after the naming rule; in the built-in catalog only.
    #[serde(default)]
    pub(super) other: Vec<ModelFile>,
    /// Ways to a model: hosts and contracts.
    #[serde(default)]
    pub(super) access: Vec<AccessFile>,
}

/// One license or contract.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LicenseFile {
    /// Permanent id: lower-case letters, digits, `-` and `.`.
    pub(super) id: Text,
    /// Title of the text.
    pub(super) title: Text,
    /// Who grants it.
    pub(super) licensor: Text,
    /// The Llama version whose own license this is; in the built-in catalog only.
    pub(super) llama: Option<Text>,
    /// The `license:` tag at Hugging Face.
    pub(super) hugging_face: Option<Text>,
    /// Other words that model cards use for it.
    #[serde(default)]
    pub(super) card_names: Vec<Text>,
    /// Its key in `ScanCode`'s license list.
    pub(super) scancode: Option<Text>,
    /// Where the text was read, https.
    pub(super) link: Text,
    /// Release or effective date in the text, YYYY-MM-DD.
    pub(super) version_date: Option<Text>,
    /// The line that states the date, verbatim.
    pub(super) date_line: Option<Text>,
    /// Date of the copy that was read, YYYY-MM-DD.
    pub(super) read: Text,
    /// SHA-256 of the official text, 64 lower-case hex digits.
    pub(super) sha256: Option<Text>,
    /// The output rule in your own words.
    pub(super) outputs: Text,
    /// Outputs may not improve other models.
    pub(super) improve_ban: Option<ImproveBanFile>,
    /// Outputs may not serve competing models.
    pub(super) competing_ban: Option<CompetingBanFile>,
    /// Outputs only for non-commercial research.
    pub(super) purpose_limit: Option<SectionFile>,
    /// The name of a distributed model begins with a string.
    pub(super) name_prefix: Option<NamePrefixFile>,
    /// A string is displayed.
    pub(super) display: Option<DisplayFile>,
    /// A model trained on outputs counts as derived.
    pub(super) flow_down: Option<SectionFile>,
    /// A notice line goes with copies of the weights.
    pub(super) notice: Option<NoticeFile>,
    /// A copy of the license goes with the weights.
    pub(super) copy: Option<SectionFile>,
    /// A separate license is needed above a number of monthly users.
    pub(super) monthly_users: Option<MonthlyUsersFile>,
    /// No rights in multimodal models for licensees seated in the European Union.
    pub(super) eu_multimodal: Option<SectionFile>,
    /// The acceptable use policy.
    pub(super) use_policy: Option<UsePolicyFile>,
    /// How the license ends.
    pub(super) termination: Option<TerminationFile>,
}

/// Where a clause stands.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionFile {
    /// Section, or the name of the document it stands in.
    pub(super) section: Text,
}

/// Outputs may not improve other models.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImproveBanFile {
    /// Section.
    pub(super) section: Text,
    /// Which targets the text names.
    pub(super) scope: ScopeFile,
    /// Whether the licensor's own model of this version, and what derives from it, is excluded.
    pub(super) own_family_excluded: bool,
    /// Llama versions for which the texts leave open whether the exclusion reaches them.
    #[serde(default)]
    pub(super) open_for: Vec<Text>,
}

/// Which targets a ban names.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ScopeFile {
    /// Large language models.
    LanguageModels,
    /// Any model.
    AnyModel,
}

/// Outputs may not serve competing models.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompetingBanFile {
    /// Section.
    pub(super) section: Text,
    /// Whether classifiers and embeddings that are not distributed are excepted.
    pub(super) classifiers_excepted: bool,
    /// Whether the text itself lets evaluation through.
    pub(super) evaluation_excepted: bool,
}

/// The name of a distributed model begins with a string.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamePrefixFile {
    /// Section.
    pub(super) section: Text,
    /// The string, verbatim.
    pub(super) text: Text,
    /// What sets the duty off.
    pub(super) trigger: TriggerFile,
}

/// A string is displayed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DisplayFile {
    /// Section.
    pub(super) section: Text,
    /// The string, verbatim.
    pub(super) text: Text,
    /// Other strings that satisfy the duty as well, verbatim.
    #[serde(default)]
    pub(super) alternatives: Vec<Text>,
    /// What sets the duty off.
    pub(super) trigger: TriggerFile,
}

/// What sets a duty off.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TriggerFile {
    /// Use of the weights.
    Materials,
    /// Use of the weights or of outputs.
    MaterialsOrOutputs,
}

/// A notice line goes with copies of the weights.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeFile {
    /// Section.
    pub(super) section: Text,
    /// The line, verbatim.
    pub(super) text: Text,
}

/// A separate license is needed above a number of monthly users.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MonthlyUsersFile {
    /// Section.
    pub(super) section: Text,
    /// Number above which a separate license is needed.
    pub(super) above: Placed<u64>,
    /// Whether the test is made each month (`true`) or once, at the version's release.
    pub(super) rolling: bool,
}

/// The acceptable use policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UsePolicyFile {
    /// Section that includes it.
    pub(super) section: Text,
    /// Where it stands, https.
    pub(super) link: Option<Text>,
    /// SHA-256 of the official text, 64 lower-case hex digits.
    pub(super) sha256: Option<Text>,
}

/// How a license ends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TerminationFile {
    /// Section.
    pub(super) section: Text,
    /// Whether a breach ends it by itself.
    pub(super) automatic: bool,
    /// Whether the weights and documents have to be deleted.
    pub(super) deletes_materials: bool,
    /// Whether the restriction of outputs goes on after the end.
    pub(super) outputs_restriction_survives: bool,
    /// Sections that go on after the end, as the text lists them.
    pub(super) survives: Text,
}

/// Sizes of a Llama version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionFile {
    /// Its id, `llama-3.1`.
    pub(super) llama: Text,
    /// In billions of parameters, as in the names.
    pub(super) sizes: Placed<Vec<u32>>,
    /// Sizes that take images.
    pub(super) multimodal_sizes: Option<Placed<Vec<u32>>>,
    /// Whether every size takes images.
    #[serde(default)]
    pub(super) always_multimodal: bool,
}

/// A model, or a group of models with one answer. States exactly one of `llama` or `licenses`,
/// `candidates`, `version_unknown`, `licensor`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "mirrors the keys of the file one to one"
)]
pub(super) struct ModelFile {
    /// Unique key; reports name it.
    pub(super) key: Text,
    /// Globs (`*` only) over the last segment of an id, or with `/` over its last segments; lower
    /// case, every run of characters other than letters and digits as one `-`.
    #[serde(rename = "match")]
    pub(super) patterns: Placed<Vec<Text>>,
    /// What to call it in a sentence.
    pub(super) family: Option<Text>,
    /// The Llama version that its weights derive from.
    pub(super) llama: Option<Text>,
    /// Every license that applies, the base's first; the version's own if not stated.
    #[serde(default)]
    pub(super) licenses: Vec<Text>,
    /// Whether it takes images.
    #[serde(default)]
    pub(super) multimodal: bool,
    /// Whether somebody other than the licensor made it from the base; true if not stated.
    #[serde(default = "yes")]
    pub(super) derivative: bool,
    /// Licenses it may stand under when the id does not tell.
    #[serde(default)]
    pub(super) candidates: Vec<Text>,
    /// Beside `candidates`: whether it may be no Llama at all.
    #[serde(default)]
    pub(super) maybe_not_llama: bool,
    /// Llama by name, of a version that the id does not tell.
    #[serde(default)]
    pub(super) version_unknown: bool,
    /// Not Llama: who made it.
    pub(super) licensor: Option<Text>,
    /// Beside `licensor`: its license or terms.
    pub(super) license: Option<Text>,
    /// Whether the name stands for weights of its own: beside "llama" in one id the lineage is
    /// open.
    #[serde(default)]
    pub(super) weights: bool,
    /// License tags that its cards carry and that do not name the base's license.
    #[serde(default)]
    pub(super) card_tags: Vec<Text>,
    /// Where the lineage was read: an https link, or `card` for the model's own card.
    pub(super) source: Option<Text>,
    /// How it is known: `source` (stated) or `general-knowledge` (no source; lower confidence).
    pub(super) basis: Option<BasisFile>,
    /// What a reader should know.
    pub(super) note: Option<Text>,
}

/// How an entry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BasisFile {
    /// From the document that `source` names.
    Source,
    /// Without a source on record.
    GeneralKnowledge,
}

fn yes() -> bool {
    true
}

/// A way to a model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessFile {
    /// The word that registrations state, lower case.
    pub(super) id: Text,
    /// Its name in sentences.
    pub(super) name: Text,
    /// Other words for it, lower case.
    #[serde(default)]
    pub(super) aliases: Vec<Text>,
    /// Whose terms apply beside the model's license.
    pub(super) terms: Placed<TermsFile>,
    /// With `contract`: the license that takes the place of the model's own.
    pub(super) license: Option<Text>,
    /// Where the terms were read, https.
    pub(super) link: Option<Text>,
    /// Date of the copy that was read, YYYY-MM-DD.
    pub(super) read: Option<Text>,
    /// What the terms say, in your own words.
    pub(super) note: Option<Text>,
}

/// Whose terms apply beside the model's license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TermsFile {
    /// Nobody's: the model's license alone.
    Model,
    /// The host's, which were read and add nothing that changes a decision here.
    Read,
    /// The host's, which were not read.
    Unread,
    /// A contract that takes the place of the model's license.
    Contract,
}
