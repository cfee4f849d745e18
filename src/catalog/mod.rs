//! The catalog: licenses, models and hosts as data, and the resolver of model ids.
//!
//! Facts only: what a text says and what an id means. Whether a use is allowed is the policy's to
//! say. The data files under `data/` are part of the binary. They are parsed and checked by the
//! build, which fails if one of them is wrong, and by the same code whenever a [`Catalog`] is made;
//! an error names file, line, column, entry and field.

mod builtin;
mod explain;
mod file;
mod glob;
pub mod hints;
mod load;
mod naming;
mod resolve;
mod version;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::model::Access;
use crate::model::Basis;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Resolution;

pub use explain::{Asked, Explanation, Step};
pub use file::CatalogFile;
pub use load::{CATALOG_ENTRIES_MAX, CATALOG_FILE_BYTES_MAX, Catalog, CatalogError};
pub use resolve::MODEL_ID_BYTES_MAX;

use builtin::BUILTIN;
use load::Part;

impl Catalog {
    /// The catalog that this build carries.
    ///
    /// # Errors
    /// Only if the data files compiled in are inconsistent, which the build excludes.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::with(&[])
    }

    /// The catalog of this build and an organisation's own files, each with the name used in
    /// errors and its text. An own model beats a built-in one, and its rule begins with `own:`; an
    /// own host beats a built-in host; an own license stands beside the built-in ones and cannot
    /// take their ids.
    ///
    /// # Errors
    /// [`CatalogError`] with file, line and column, entry and field, and what to do.
    pub fn with(own: &[(&str, &str)]) -> Result<Self, CatalogError> {
        let part = |(path, text), own| Part { path, text, own };
        let parts: Vec<Part<'_>> = BUILTIN
            .iter()
            .map(|file| part(*file, false))
            .chain(own.iter().map(|file| part(*file, true)))
            .collect();
        load::catalog(&parts)
    }

    /// Every license and contract, in the order of the data files.
    pub fn licenses(&self) -> &[Arc<License>] {
        &self.licenses
    }

    /// The license with this id (`llama-3.1`), with this tag at Hugging Face (`llama3.1`), or with
    /// this name in model cards. The loader has made sure that no word means two.
    pub fn license(&self, id: &str) -> Option<&Arc<License>> {
        self.licenses.iter().find(|license| {
            license.id == id
                || license.hugging_face.as_deref() == Some(id)
                || license.card_names.iter().any(|name| name == id)
        })
    }

    /// The license, use policy or other text with this SHA-256 (lower-case hex), as published.
    pub fn text_with_digest(&self, sha256: &str) -> Option<(&Arc<License>, OfficialText)> {
        self.licenses.iter().find_map(|license| {
            if license.sha256.as_deref() == Some(sha256) {
                Some((license, OfficialText::License))
            } else if license.use_policy_sha256.as_deref() == Some(sha256) {
                Some((license, OfficialText::UsePolicy))
            } else {
                None
            }
        })
    }

    /// Every rule about listed models: key, family or licensor, globs, note; for
    /// `herdbook models list`.
    pub fn models(&self) -> impl Iterator<Item = ModelRule<'_>> {
        let own = self.own.as_slice().iter().map(|entry| ("own", entry));
        let listed = self.listed.as_slice().iter().map(|entry| ("listed", entry));
        let other = self.other.as_slice().iter().map(|entry| ("other", entry));
        own.chain(listed)
            .chain(other)
            .map(|(list, entry)| ModelRule {
                list,
                key: &entry.key,
                label: entry.label(),
                patterns: &entry.patterns,
                licenses: entry.license_ids(),
                basis: &entry.basis,
                note: &entry.note,
            })
    }

    /// Every way to a model, with what is known of its terms; the organisation's own ones first.
    pub fn hosts(&self) -> impl Iterator<Item = Host<'_>> {
        self.access.iter().map(|entry| Host {
            id: &entry.id,
            name: &entry.name,
            aliases: &entry.aliases,
            terms: entry.terms,
            link: entry.link.as_deref(),
            read: entry.read.as_deref(),
            note: &entry.note,
        })
    }

    /// What a model id means here. Never fails: what is not known is [`Unknown`].
    ///
    /// [`Unknown`]: crate::model::Outcome::Unknown
    pub fn resolve(&self, raw_id: &str) -> Resolution {
        resolve::resolve(self, raw_id, &mut None).0
    }

    /// Resolves an id and says how: every list that was asked, up to the rule that answered.
    pub fn explain(&self, raw_id: &str) -> Explanation {
        let mut trail = Some(Vec::new());
        let (resolution, entry) = resolve::resolve(self, raw_id, &mut trail);
        Explanation {
            resolution,
            basis: entry.map(|entry| entry.basis.clone()),
            steps: trail.unwrap_or_default(),
        }
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
    /// `own`, `listed` or `other`, as [`Resolution::rule`] begins.
    pub list: &'static str,
    /// Key of the rule, as [`Resolution::rule`] names it after its colon.
    pub key: &'a str,
    /// Family or licensor.
    pub label: &'a str,
    /// Globs over the normalised name.
    pub patterns: &'a [String],
    /// Ids of the licenses that apply, or that may apply.
    pub licenses: Vec<&'a str>,
    /// Where it is known from.
    pub basis: &'a Basis,
    /// What a reader should know; empty when there is nothing.
    pub note: &'a str,
}

/// A way to a model, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<'a> {
    /// The word that registrations state.
    pub id: &'a str,
    /// Its name in sentences.
    pub name: &'a str,
    /// Other words for it.
    pub aliases: &'a [String],
    /// `model`, `read`, `unread` or `contract`.
    pub terms: &'static str,
    /// Where its terms were read.
    pub link: Option<&'a str>,
    /// Date of the copy that was read.
    pub read: Option<&'a str>,
    /// What the terms say, in our own words; empty when there is nothing.
    pub note: &'a str,
}

/// Which of a license's published texts a digest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficialText {
    /// The license.
    License,
    /// The acceptable use policy that it includes.
    UsePolicy,
}
