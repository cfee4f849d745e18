//! Ways to a model: hosts, contracts, one's own machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Access;
use crate::model::License;

use super::super::file::{AccessFile, Placed, TermsFile};
use super::{At, CatalogError, Part};

/// A way to a model.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct AccessEntry {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) aliases: Vec<String>,
    pub(in crate::catalog) access: Access,
    pub(in crate::catalog) terms: &'static str,
    pub(in crate::catalog) link: Option<String>,
    pub(in crate::catalog) read: Option<String>,
    pub(in crate::catalog) note: String,
}

/// Entries so far: an organisation's own ones are asked first.
#[derive(Debug, Default)]
pub(super) struct Lists {
    own: Vec<AccessEntry>,
    builtin: Vec<AccessEntry>,
    /// Word → whether an own entry may take it over: hosts only, and each once.
    words: BTreeMap<String, Taken>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    BuiltinHost,
    BuiltinFixed,
    Own,
}

impl Lists {
    pub(super) fn entries(self) -> Vec<AccessEntry> {
        self.own.into_iter().chain(self.builtin).collect()
    }

    pub(super) fn add(
        &mut self,
        part: Part<'_>,
        entries: &[AccessFile],
        licenses: &[Arc<License>],
    ) -> Result<(), CatalogError> {
        for entry in entries {
            let at = At {
                part,
                kind: "access",
                entry: &entry.id,
            };
            let loaded = access(&at, entry, licenses)?;
            self.take(&at, &entry.id, "id", &loaded.access)?;
            for alias in &entry.aliases {
                self.take(&at, alias, "aliases", &loaded.access)?;
            }
            if part.own {
                self.own.push(loaded);
            } else {
                self.builtin.push(loaded);
            }
        }
        Ok(())
    }

    /// Notes that a word is in use. A host's terms may have been read by the organisation, so its
    /// own entry stands before the built-in one; what a contract or one's own machine is stays.
    fn take(
        &mut self,
        at: &At<'_>,
        word: &Placed<String>,
        field: &str,
        access: &Access,
    ) -> Result<(), CatalogError> {
        let text = at.id(field, word)?;
        let taken = if at.part.own {
            Taken::Own
        } else if matches!(access, Access::HostRead { .. } | Access::HostUnread { .. }) {
            Taken::BuiltinHost
        } else {
            Taken::BuiltinFixed
        };
        match (self.words.insert(text.clone(), taken), taken) {
            (None, _) | (Some(Taken::BuiltinHost), Taken::Own) => Ok(()),
            (Some(Taken::BuiltinFixed), Taken::Own) => {
                let message = format!(
                    "`{text}` is built in as a contract or as one's own machine, which an own file cannot replace; choose another word"
                );
                Err(at.wrong(&word.span(), field, message))
            }
            (Some(_), _) => {
                let message = format!("`{text}` stands twice; remove one");
                Err(at.wrong(&word.span(), field, message))
            }
        }
    }
}

fn access(
    at: &At<'_>,
    entry: &AccessFile,
    licenses: &[Arc<License>],
) -> Result<AccessEntry, CatalogError> {
    let name = at.filled("name", &entry.name)?;
    let terms = *entry.terms.value();
    if (terms == TermsFile::Contract) != entry.license.is_some() {
        let message = "is stated exactly for terms = \"contract\"; add or remove it";
        return Err(at.missing("license", message));
    }
    let read = entry.read.as_ref().map(|date| at.date("read", date));
    let link = entry.link.as_ref().map(|link| at.link("link", link));
    let (read, link) = (read.transpose()?, link.transpose()?);
    if terms == TermsFile::Read && (read.is_none() || link.is_none()) {
        let message = "terms that were read need `link` and `read`, the date of the copy";
        return Err(at.wrong(&entry.terms.span(), "terms", message));
    }
    let host = name.clone();
    let (access, terms) = match (terms, &entry.license) {
        (TermsFile::Model, _) => (Access::LicenseAlone, "model"),
        (TermsFile::Read, _) => (Access::HostRead { host }, "read"),
        (TermsFile::Contract, Some(id)) => {
            let terms = at.license("license", id, licenses)?;
            (Access::Contract { terms }, "contract")
        }
        (TermsFile::Unread | TermsFile::Contract, _) => (Access::HostUnread { host }, "unread"),
    };
    let aliases = entry.aliases.iter();
    Ok(AccessEntry {
        id: at.id("id", &entry.id)?,
        name,
        aliases: aliases
            .map(|word| at.id("aliases", word))
            .collect::<Result<_, _>>()?,
        access,
        terms,
        link,
        read,
        note: at
            .filled_or_none("note", entry.note.as_ref())?
            .unwrap_or_default(),
    })
}
