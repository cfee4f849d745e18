//! The catalog: licenses, models and hosts as data, and the resolver of model ids.
//!
//! Facts only: what a text says and what an id means. Whether a use is allowed is the policy's to
//! say. The data files under `data/` are part of the binary; they are parsed and checked whenever
//! a [`Catalog`] is made, and an error names file, entry and field.

mod file;
mod glob;
mod load;
mod resolve;
mod version;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::model::Access;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Resolution;

pub use load::CatalogError;
pub use resolve::MODEL_ID_BYTES_MAX;

use load::{AccessEntry, ListedEntry, VersionEntry};

/// Licenses, models and hosts, loaded and validated.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// In the order of the data files; ids unique.
    licenses: Vec<Arc<License>>,
    /// One per Llama version, oldest first.
    versions: Vec<VersionEntry>,
    /// Asked before the naming rule, first match wins.
    listed: Vec<ListedEntry>,
    /// Asked after the naming rule, first match wins.
    other: Vec<ListedEntry>,
    /// Ways to a model.
    access: Vec<AccessEntry>,
}

impl Catalog {
    /// The catalog that this build carries.
    ///
    /// # Errors
    /// Only if the data files compiled in are inconsistent, which a unit test excludes.
    pub fn builtin() -> Result<Self, CatalogError> {
        load::catalog(&load::Files {
            licenses: &[
                ("licenses.toml", include_str!("data/licenses.toml")),
                (
                    "other_licenses.toml",
                    include_str!("data/other_licenses.toml"),
                ),
            ],
            models: ("models.toml", include_str!("data/models.toml")),
            hosts: ("hosts.toml", include_str!("data/hosts.toml")),
        })
    }

    /// Every license and contract, in the order of the data files.
    pub fn licenses(&self) -> &[Arc<License>] {
        &self.licenses
    }

    /// The license with this id (`llama-3.1`), or with this tag at Hugging Face (`llama3.1`).
    pub fn license(&self, id: &str) -> Option<&Arc<License>> {
        self.licenses
            .iter()
            .find(|license| license.id == id)
            .or_else(|| {
                self.licenses
                    .iter()
                    .find(|l| l.hugging_face.as_deref() == Some(id))
            })
    }

    /// Every rule about listed models: key, family or licensor, globs, note; for
    /// `herdbook models list`.
    pub fn models(&self) -> impl Iterator<Item = ModelRule<'_>> {
        self.listed
            .iter()
            .chain(&self.other)
            .map(|entry| ModelRule {
                key: &entry.key,
                label: entry.label(),
                patterns: &entry.patterns,
                licenses: entry.license_ids(),
                note: &entry.note,
            })
    }

    /// What a model id means here. Never fails: what is not known is [`Unknown`].
    ///
    /// [`Unknown`]: crate::model::Outcome::Unknown
    pub fn resolve(&self, raw_id: &str) -> Resolution {
        resolve::resolve(self, raw_id)
    }

    /// Whose terms apply besides the license when a model is reached this way. A word that the
    /// catalog does not hold counts as a host whose terms were not read.
    pub fn access(&self, stated: Option<&str>) -> Access {
        let Some(word) = stated.map(str::trim).filter(|word| !word.is_empty()) else {
            return Access::LicenseAlone;
        };
        let lower = word.to_ascii_lowercase();
        self.access
            .iter()
            .find(|entry| entry.id == lower || entry.aliases.contains(&lower))
            .map_or_else(
                || Access::HostUnread {
                    host: word.to_owned(),
                },
                |e| e.access.clone(),
            )
    }

    /// The license of a Llama version. The loader has made sure that each one is there.
    fn llama(&self, version: LlamaVersion) -> Option<&Arc<License>> {
        self.licenses
            .iter()
            .find(|license| license.llama == Some(version))
    }
}

/// One rule about listed models, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRule<'a> {
    /// Key of the rule, as [`Resolution::rule`] names it after its colon.
    pub key: &'a str,
    /// Family or licensor.
    pub label: &'a str,
    /// Globs over the normalised name.
    pub patterns: &'a [String],
    /// Ids of the licenses that apply, or that may apply.
    pub licenses: Vec<&'a str>,
    /// What a reader should know; empty when there is nothing.
    pub note: &'a str,
}
