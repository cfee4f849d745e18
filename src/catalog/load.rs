//! Parses and checks the data files. Every complaint names file, entry and field.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Access;
use crate::model::BanScope;
use crate::model::Clauses;
use crate::model::CompetingBan;
use crate::model::DisplayDuty;
use crate::model::ImproveBan;
use crate::model::KnownModel;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::MonthlyUsers;
use crate::model::NamePrefix;
use crate::model::Notice;
use crate::model::Outcome;
use crate::model::PurposeLimit;
use crate::model::Section;
use crate::model::Trigger;

use super::Catalog;
use super::file::{
    AccessFile, HostsFile, ImproveBanFile, LicenseFile, LicensesFile, ListedFile, ModelsFile,
    ScopeFile, SectionFile, TermsFile, TriggerFile, VersionFile,
};
use super::glob;

/// The text of the data files, each with the name used in errors.
pub(super) struct Files<'a> {
    pub(super) licenses: &'a [(&'a str, &'a str)],
    pub(super) models: (&'a str, &'a str),
    pub(super) hosts: (&'a str, &'a str),
}

/// A data file of the catalog is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Not TOML, or a key that is missing, unknown or of the wrong type.
    #[error("catalog file {file}: {message}")]
    Syntax {
        /// File.
        file: String,
        /// What the parser says, with the line.
        message: String,
    },
    /// A value that does not make sense.
    #[error("catalog file {file}, entry `{entry}`, field `{field}`: {message}")]
    Value {
        /// File.
        file: String,
        /// Id or key of the entry.
        entry: String,
        /// Field.
        field: String,
        /// What is wrong and what is expected.
        message: String,
    },
}

/// Sizes of a Llama version.
#[derive(Debug, Clone)]
pub(super) struct VersionEntry {
    pub(super) llama: LlamaVersion,
    /// In billions of parameters, as in the names.
    pub(super) sizes: Vec<u32>,
    pub(super) multimodal_sizes: Vec<u32>,
    pub(super) always_multimodal: bool,
}

/// A listed model: globs and what they mean.
#[derive(Debug, Clone)]
pub(super) struct ListedEntry {
    pub(super) key: String,
    pub(super) patterns: Vec<String>,
    pub(super) outcome: Outcome,
    pub(super) weights: bool,
    pub(super) note: String,
}

impl ListedEntry {
    pub(super) fn label(&self) -> &str {
        match &self.outcome {
            Outcome::Known(known) => &known.family,
            Outcome::NotLlama { licensor, .. } => licensor,
            Outcome::LlamaVersionUnknown => "Llama, version unknown",
            Outcome::Ambiguous { .. } => "ambiguous",
            Outcome::Unknown => "unknown",
        }
    }

    pub(super) fn license_ids(&self) -> Vec<&str> {
        match &self.outcome {
            Outcome::Known(known) => known.licenses.iter().map(|l| l.id.as_str()).collect(),
            Outcome::Ambiguous { candidates, .. } => {
                candidates.iter().map(|l| l.id.as_str()).collect()
            }
            Outcome::NotLlama {
                license: Some(license),
                ..
            } => vec![license.id.as_str()],
            Outcome::NotLlama { license: None, .. }
            | Outcome::LlamaVersionUnknown
            | Outcome::Unknown => Vec::new(),
        }
    }

    pub(super) fn matches(&self, normalised: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| glob::matches(pattern, normalised))
    }
}

/// A way to a model.
#[derive(Debug, Clone)]
pub(super) struct AccessEntry {
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    pub(super) access: Access,
}

/// Parses and checks all files.
pub(super) fn catalog(files: &Files<'_>) -> Result<Catalog, CatalogError> {
    let mut licenses = Vec::new();
    for &(file, text) in files.licenses {
        let parsed: LicensesFile = parse(file, text)?;
        for entry in parsed.license {
            let at = At {
                file,
                entry: entry.id.clone(),
            };
            let license = license(&at, entry)?;
            if licenses
                .iter()
                .any(|known: &Arc<License>| known.id == license.id)
            {
                return Err(at.wrong("id", "stands twice; ids are unique across all files"));
            }
            licenses.push(Arc::new(license));
        }
    }
    let (file, text) = files.models;
    let models: ModelsFile = parse(file, text)?;
    let versions = versions(file, models.version, &licenses)?;
    let mut keys = BTreeSet::new();
    let listed = listed(file, models.listed, &licenses, &mut keys)?;
    let other = listed_other(file, models.other, &licenses, &mut keys)?;
    let (file, text) = files.hosts;
    let hosts: HostsFile = parse(file, text)?;
    let access = access(file, hosts.access, &licenses)?;
    Ok(Catalog {
        licenses,
        versions,
        listed,
        other,
        access,
    })
}

/// Where an entry stands, for errors.
struct At<'a> {
    file: &'a str,
    entry: String,
}

impl At<'_> {
    fn wrong(&self, field: &str, message: impl Into<String>) -> CatalogError {
        CatalogError::Value {
            file: self.file.to_owned(),
            entry: self.entry.clone(),
            field: field.to_owned(),
            message: message.into(),
        }
    }

    fn filled(&self, field: &str, value: &str) -> Result<(), CatalogError> {
        if value.trim().is_empty() {
            return Err(self.wrong(field, "is empty; state it or remove the key"));
        }
        Ok(())
    }

    fn date(&self, field: &str, value: &str) -> Result<(), CatalogError> {
        let shape = value.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
        if value.len() == 10 && shape {
            return Ok(());
        }
        Err(self.wrong(
            field,
            format!("`{value}` is not a date; expected YYYY-MM-DD"),
        ))
    }

    fn version(&self, field: &str, value: &str) -> Result<LlamaVersion, CatalogError> {
        LlamaVersion::parse(value).ok_or_else(|| {
            let words: Vec<&str> = LlamaVersion::ALL.iter().map(|v| v.id()).collect();
            let expected = words.join(", ");
            self.wrong(
                field,
                format!("unknown version `{value}`; expected one of {expected}"),
            )
        })
    }

    fn license(
        &self,
        field: &str,
        id: &str,
        licenses: &[Arc<License>],
    ) -> Result<Arc<License>, CatalogError> {
        licenses
            .iter()
            .find(|license| license.id == id)
            .map(Arc::clone)
            .ok_or_else(|| {
                self.wrong(
                    field,
                    format!("no license `{id}` in the catalog; add it or correct the id"),
                )
            })
    }
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, CatalogError> {
    toml::from_str(text).map_err(|error| CatalogError::Syntax {
        file: file.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}

/// Checks what every license states, and returns whose own license it is.
fn head(at: &At<'_>, entry: &LicenseFile) -> Result<Option<LlamaVersion>, CatalogError> {
    at.filled("id", &entry.id)?;
    at.filled("title", &entry.title)?;
    at.filled("licensor", &entry.licensor)?;
    at.filled("outputs", &entry.outputs)?;
    if !entry.link.starts_with("https://") {
        return Err(at.wrong("link", "is not an https link"));
    }
    at.date("read", &entry.read)?;
    if let Some(date) = &entry.version_date {
        at.date("version_date", date)?;
    }
    let hex = |digest: &str| {
        digest
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if let Some(digest) = &entry.sha256
        && (digest.len() != 64 || !hex(digest))
    {
        return Err(at.wrong("sha256", "is not 64 lower-case hex digits"));
    }
    for (field, duty) in [
        ("name_prefix", &entry.name_prefix),
        ("display", &entry.display),
    ] {
        if let Some(duty) = duty {
            at.filled(&format!("{field}.section"), &duty.section)?;
            at.filled(&format!("{field}.text"), &duty.text)?;
        }
    }
    let llama = entry
        .llama
        .as_deref()
        .map(|id| at.version("llama", id))
        .transpose()?;
    if let Some(version) = llama
        && version.id() != entry.id
    {
        return Err(at.wrong(
            "llama",
            "the own license of a version carries the version's id",
        ));
    }
    Ok(llama)
}

fn improve_ban(at: &At<'_>, ban: ImproveBanFile) -> Result<ImproveBan, CatalogError> {
    at.filled("improve_ban.section", &ban.section)?;
    let open_for = ban
        .open_for
        .iter()
        .map(|id| at.version("improve_ban.open_for", id))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ImproveBan {
        section: ban.section,
        scope: match ban.scope {
            ScopeFile::LanguageModels => BanScope::LanguageModels,
            ScopeFile::AnyModel => BanScope::AnyModel,
        },
        own_family_excluded: ban.own_family_excluded,
        open_for,
    })
}

fn license(at: &At<'_>, entry: LicenseFile) -> Result<License, CatalogError> {
    let llama = head(at, &entry)?;
    let section = |field: &str, value: Option<SectionFile>| {
        value
            .map(|s| {
                at.filled(&format!("{field}.section"), &s.section)?;
                Ok(Section { section: s.section })
            })
            .transpose()
    };
    let clauses = Clauses {
        improve_ban: entry
            .improve_ban
            .map(|ban| improve_ban(at, ban))
            .transpose()?,
        competing_ban: entry.competing_ban.map(|ban| CompetingBan {
            section: ban.section,
            classifiers_excepted: ban.classifiers_excepted,
            evaluation_excepted: ban.evaluation_excepted,
        }),
        purpose_limit: section("purpose_limit", entry.purpose_limit)?
            .map(|s| PurposeLimit { section: s.section }),
        name_prefix: entry.name_prefix.map(|duty| NamePrefix {
            section: duty.section,
            text: duty.text,
            trigger: trigger(duty.trigger),
        }),
        display: entry.display.map(|duty| DisplayDuty {
            section: duty.section,
            text: duty.text,
            trigger: trigger(duty.trigger),
        }),
        flow_down: section("flow_down", entry.flow_down)?,
        notice: entry.notice.map(|n| Notice {
            section: n.section,
            text: n.text,
        }),
        copy: section("copy", entry.copy)?,
        monthly_users: entry.monthly_users.map(|gate| MonthlyUsers {
            section: gate.section,
            above: gate.above,
            rolling: gate.rolling,
        }),
        eu_multimodal: section("eu_multimodal", entry.eu_multimodal)?,
        use_policy: section("use_policy", entry.use_policy)?,
    };
    Ok(License {
        id: entry.id,
        title: entry.title,
        licensor: entry.licensor,
        llama,
        hugging_face: entry.hugging_face,
        link: entry.link,
        version_date: entry.version_date,
        read: entry.read,
        sha256: entry.sha256,
        outputs: entry.outputs,
        clauses,
    })
}

fn trigger(value: TriggerFile) -> Trigger {
    match value {
        TriggerFile::Materials => Trigger::Materials,
        TriggerFile::MaterialsOrOutputs => Trigger::MaterialsOrOutputs,
    }
}

fn versions(
    file: &str,
    entries: Vec<VersionFile>,
    licenses: &[Arc<License>],
) -> Result<Vec<VersionEntry>, CatalogError> {
    let mut out: Vec<VersionEntry> = Vec::new();
    for entry in entries {
        let at = At {
            file,
            entry: entry.llama.clone(),
        };
        let llama = at.version("llama", &entry.llama)?;
        if out.iter().any(|known| known.llama == llama) {
            return Err(at.wrong("llama", "stands twice"));
        }
        if entry.sizes.is_empty() {
            return Err(at.wrong("sizes", "is empty"));
        }
        if let Some(size) = entry
            .multimodal_sizes
            .iter()
            .find(|s| !entry.sizes.contains(s))
        {
            return Err(at.wrong("multimodal_sizes", format!("{size} is not among `sizes`")));
        }
        out.push(VersionEntry {
            llama,
            sizes: entry.sizes,
            multimodal_sizes: entry.multimodal_sizes,
            always_multimodal: entry.always_multimodal,
        });
    }
    for version in LlamaVersion::ALL {
        let at = At {
            file,
            entry: version.id().to_owned(),
        };
        if !out.iter().any(|known| known.llama == version) {
            return Err(at.wrong("version", "no entry for this version"));
        }
        if !licenses
            .iter()
            .any(|license| license.llama == Some(version))
        {
            return Err(at.wrong("llama", "no license entry for this version"));
        }
    }
    Ok(out)
}

fn listed(
    file: &str,
    entries: Vec<ListedFile>,
    licenses: &[Arc<License>],
    keys: &mut BTreeSet<String>,
) -> Result<Vec<ListedEntry>, CatalogError> {
    entries
        .into_iter()
        .map(|entry| listed_entry(file, entry, licenses, keys))
        .collect()
}

/// The entries asked after the naming rule. They may not claim Llama weights: the naming rule
/// would have taken an id with Llama in it before they are asked.
fn listed_other(
    file: &str,
    entries: Vec<ListedFile>,
    licenses: &[Arc<License>],
    keys: &mut BTreeSet<String>,
) -> Result<Vec<ListedEntry>, CatalogError> {
    let entries = listed(file, entries, licenses, keys)?;
    for entry in &entries {
        if matches!(entry.outcome, Outcome::Known(_)) {
            let at = At {
                file,
                entry: entry.key.clone(),
            };
            return Err(at.wrong("llama", "belongs under `listed`, not under `other`"));
        }
    }
    Ok(entries)
}

fn listed_entry(
    file: &str,
    entry: ListedFile,
    licenses: &[Arc<License>],
    keys: &mut BTreeSet<String>,
) -> Result<ListedEntry, CatalogError> {
    let at = At {
        file,
        entry: entry.key.clone(),
    };
    at.filled("key", &entry.key)?;
    if !keys.insert(entry.key.clone()) {
        return Err(at.wrong("key", "stands twice; keys are unique"));
    }
    if entry.patterns.is_empty() {
        return Err(at.wrong("match", "is empty; give at least one glob"));
    }
    for pattern in &entry.patterns {
        let literal: String = pattern.replace('*', "");
        let plain = literal
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if literal.is_empty() || !plain || pattern.contains("--") {
            return Err(at.wrong(
                "match",
                format!(
                    "`{pattern}` cannot match: write lower-case letters, digits, single `-` and `*`"
                ),
            ));
        }
    }
    let stated = [
        entry.llama.is_some() || !entry.licenses.is_empty(),
        !entry.candidates.is_empty(),
        entry.version_unknown,
        entry.licensor.is_some(),
    ];
    if stated.iter().filter(|s| **s).count() != 1 {
        return Err(at.wrong(
            "llama",
            "state exactly one of `llama` or `licenses`, `candidates`, `version_unknown`, `licensor`",
        ));
    }
    let outcome = if let Some(licensor) = entry.licensor {
        let license = entry
            .license
            .as_deref()
            .map(|id| at.license("license", id, licenses))
            .transpose()?;
        Outcome::NotLlama { licensor, license }
    } else if entry.version_unknown {
        Outcome::LlamaVersionUnknown
    } else if !entry.candidates.is_empty() {
        let candidates = entry
            .candidates
            .iter()
            .map(|id| at.license("candidates", id, licenses))
            .collect::<Result<Vec<_>, _>>()?;
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama: entry.maybe_not_llama,
        }
    } else {
        let lineage = entry
            .llama
            .as_deref()
            .map(|id| at.version("llama", id))
            .transpose()?;
        let ids: Vec<&str> = if entry.licenses.is_empty() {
            lineage.iter().map(|version| version.id()).collect()
        } else {
            entry.licenses.iter().map(String::as_str).collect()
        };
        if let Some(version) = lineage
            && ids.first() != Some(&version.id())
        {
            return Err(at.wrong("licenses", "the license of the base comes first"));
        }
        let licenses = ids
            .into_iter()
            .map(|id| at.license("licenses", id, licenses))
            .collect::<Result<Vec<_>, _>>()?;
        let family = entry
            .family
            .ok_or_else(|| at.wrong("family", "is missing"))?;
        at.filled("family", &family)?;
        Outcome::Known(KnownModel {
            family,
            lineage,
            licenses,
            multimodal: entry.multimodal,
            derivative: entry.derivative,
        })
    };
    Ok(ListedEntry {
        key: entry.key,
        patterns: entry.patterns,
        outcome,
        weights: entry.weights,
        note: entry.note,
    })
}

fn access(
    file: &str,
    entries: Vec<AccessFile>,
    licenses: &[Arc<License>],
) -> Result<Vec<AccessEntry>, CatalogError> {
    let mut words = BTreeSet::new();
    entries
        .into_iter()
        .map(|entry| {
            let at = At {
                file,
                entry: entry.id.clone(),
            };
            at.filled("name", &entry.name)?;
            for word in std::iter::once(&entry.id).chain(&entry.aliases) {
                if word.chars().any(|c| c.is_ascii_uppercase()) {
                    return Err(at.wrong("aliases", format!("`{word}` is not lower case")));
                }
                if !words.insert(word.clone()) {
                    return Err(at.wrong("aliases", format!("`{word}` stands twice")));
                }
            }
            if (entry.terms == TermsFile::Contract) != entry.license.is_some() {
                return Err(at.wrong("license", "is stated exactly for terms = \"contract\""));
            }
            if entry.terms == TermsFile::Read && entry.link.is_none() {
                return Err(at.wrong("link", "terms that were read need their link"));
            }
            let host = entry.name;
            let access = match (entry.terms, entry.license.as_deref()) {
                (TermsFile::Model, _) => Access::LicenseAlone,
                (TermsFile::Read, _) => Access::HostRead { host },
                (TermsFile::Contract, Some(id)) => Access::Contract {
                    terms: at.license("license", id, licenses)?,
                },
                (TermsFile::Unread | TermsFile::Contract, _) => Access::HostUnread { host },
            };
            Ok(AccessEntry {
                id: entry.id,
                aliases: entry.aliases,
                access,
            })
        })
        .collect()
}
