//! The catalog's data files as written. Only these types are deserialised; `load` checks them and
//! turns them into what the rest of the program speaks in.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LicensesFile {
    pub(super) license: Vec<LicenseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LicenseFile {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) licensor: String,
    pub(super) llama: Option<String>,
    pub(super) hugging_face: Option<String>,
    pub(super) link: String,
    pub(super) version_date: Option<String>,
    pub(super) read: String,
    pub(super) sha256: Option<String>,
    pub(super) outputs: String,
    pub(super) improve_ban: Option<ImproveBanFile>,
    pub(super) competing_ban: Option<CompetingBanFile>,
    pub(super) purpose_limit: Option<SectionFile>,
    pub(super) name_prefix: Option<StringDutyFile>,
    pub(super) display: Option<StringDutyFile>,
    pub(super) flow_down: Option<SectionFile>,
    pub(super) notice: Option<NoticeFile>,
    pub(super) copy: Option<SectionFile>,
    pub(super) monthly_users: Option<MonthlyUsersFile>,
    pub(super) eu_multimodal: Option<SectionFile>,
    pub(super) use_policy: Option<SectionFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionFile {
    pub(super) section: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImproveBanFile {
    pub(super) section: String,
    pub(super) scope: ScopeFile,
    pub(super) own_family_excluded: bool,
    #[serde(default)]
    pub(super) open_for: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ScopeFile {
    LanguageModels,
    AnyModel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompetingBanFile {
    pub(super) section: String,
    pub(super) classifiers_excepted: bool,
    pub(super) evaluation_excepted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StringDutyFile {
    pub(super) section: String,
    pub(super) text: String,
    pub(super) trigger: TriggerFile,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TriggerFile {
    Materials,
    MaterialsOrOutputs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeFile {
    pub(super) section: String,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MonthlyUsersFile {
    pub(super) section: String,
    pub(super) above: u64,
    pub(super) rolling: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelsFile {
    pub(super) version: Vec<VersionFile>,
    #[serde(default)]
    pub(super) listed: Vec<ListedFile>,
    #[serde(default)]
    pub(super) other: Vec<ListedFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionFile {
    pub(super) llama: String,
    pub(super) sizes: Vec<u32>,
    #[serde(default)]
    pub(super) multimodal_sizes: Vec<u32>,
    #[serde(default)]
    pub(super) always_multimodal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "mirrors the keys of the file one to one"
)]
pub(super) struct ListedFile {
    pub(super) key: String,
    #[serde(rename = "match")]
    pub(super) patterns: Vec<String>,
    pub(super) family: Option<String>,
    pub(super) llama: Option<String>,
    #[serde(default)]
    pub(super) licenses: Vec<String>,
    #[serde(default)]
    pub(super) multimodal: bool,
    #[serde(default = "yes")]
    pub(super) derivative: bool,
    #[serde(default)]
    pub(super) candidates: Vec<String>,
    #[serde(default)]
    pub(super) maybe_not_llama: bool,
    #[serde(default)]
    pub(super) version_unknown: bool,
    pub(super) licensor: Option<String>,
    pub(super) license: Option<String>,
    #[serde(default)]
    pub(super) weights: bool,
    #[serde(default)]
    pub(super) note: String,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostsFile {
    pub(super) access: Vec<AccessFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessFile {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) terms: TermsFile,
    pub(super) license: Option<String>,
    pub(super) link: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TermsFile {
    Model,
    Read,
    Unread,
    Contract,
}
