//! Models and the sizes of the Llama versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Basis;
use crate::model::KnownModel;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Outcome;

use super::super::file::{BasisFile, CatalogFile, ModelFile, Placed, VersionFile};
use super::super::glob::{Glob, Name, Wanted};
use super::{At, CatalogError, Part};

/// Longest glob, in bytes. *Chosen*: four times the longest built-in one.
const PATTERN_BYTES_MAX: usize = 256;

/// Fewest letters and digits of a glob beside its `*`. *Chosen*: `o1` is a model's whole name.
const PATTERN_LETTERS_MIN: usize = 2;

/// Sizes of a Llama version.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct VersionEntry {
    pub(in crate::catalog) llama: LlamaVersion,
    /// In billions of parameters, as in the names.
    pub(in crate::catalog) sizes: Vec<u32>,
    pub(in crate::catalog) multimodal_sizes: Vec<u32>,
    pub(in crate::catalog) always_multimodal: bool,
}

/// A model: globs and what they mean.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct ModelEntry {
    pub(in crate::catalog) key: String,
    /// As they are written.
    pub(in crate::catalog) patterns: Vec<String>,
    globs: Vec<Glob>,
    pub(in crate::catalog) outcome: Outcome,
    pub(in crate::catalog) weights: bool,
    pub(in crate::catalog) card_tags: Vec<String>,
    pub(in crate::catalog) basis: Basis,
    pub(in crate::catalog) note: String,
}

impl ModelEntry {
    pub(in crate::catalog) fn label(&self) -> &str {
        match &self.outcome {
            Outcome::Known(known) => &known.family,
            Outcome::NotLlama { licensor, .. } => licensor,
            Outcome::LlamaVersionUnknown => "Llama, version unknown",
            Outcome::Ambiguous { .. } => "ambiguous",
            Outcome::Unknown => "unknown",
        }
    }

    pub(in crate::catalog) fn license_ids(&self) -> Vec<&str> {
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

    /// Whether one of its globs matches.
    fn matches(&self, name: &Name<'_>) -> bool {
        self.globs.iter().any(|glob| glob.matches(name))
    }
}

/// Models in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub(in crate::catalog) struct Models {
    entries: Vec<ModelEntry>,
    /// What each glob wants, with the place of its entry: an id is compared with hundreds of them,
    /// and nearly all are refused by this alone.
    wanted: Vec<(Wanted, usize)>,
}

impl Models {
    fn push(&mut self, entry: ModelEntry) {
        let place = self.entries.len();
        let globs = entry.globs.iter();
        self.wanted.extend(globs.map(|glob| (glob.wanted(), place)));
        self.entries.push(entry);
    }

    pub(in crate::catalog) fn as_slice(&self) -> &[ModelEntry] {
        &self.entries
    }

    /// The place of the first that matches.
    pub(in crate::catalog) fn first(&self, name: &Name<'_>) -> Option<usize> {
        let likely = self.wanted.iter().filter(|(wanted, _)| name.has(*wanted));
        likely.map(|(_, place)| *place).find(|place| {
            let entry = self.entries.get(*place);
            entry.is_some_and(|entry| entry.matches(name))
        })
    }
}

/// The three lists that an id is compared with.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) own: Models,
    pub(super) listed: Models,
    pub(super) other: Models,
    own_keys: BTreeSet<String>,
    keys: BTreeSet<String>,
}

impl Lists {
    pub(super) fn add(
        &mut self,
        part: Part<'_>,
        file: &CatalogFile,
        licenses: &[Arc<License>],
    ) -> Result<(), CatalogError> {
        let (list, keys) = if part.own {
            (&mut self.own, &mut self.own_keys)
        } else {
            (&mut self.listed, &mut self.keys)
        };
        for entry in &file.model {
            list.push(model(part, entry, licenses, keys)?);
        }
        for entry in &file.other {
            let loaded = model(part, entry, licenses, &mut self.keys)?;
            let at = At {
                part,
                kind: "other",
                entry: &entry.key,
            };
            if part.own {
                let message = "own entries stand under [[model]]; they are always asked first";
                return Err(at.missing("other", message));
            }
            // The naming rule would have taken an id with Llama in it before these are asked.
            if matches!(loaded.outcome, Outcome::Known(_)) {
                let message = "claims Llama weights; such an entry belongs under [[model]]";
                return Err(at.missing("llama", message));
            }
            self.other.push(loaded);
        }
        Ok(())
    }
}

fn model(
    part: Part<'_>,
    entry: &ModelFile,
    licenses: &[Arc<License>],
    keys: &mut BTreeSet<String>,
) -> Result<ModelEntry, CatalogError> {
    let at = At {
        part,
        kind: "model",
        entry: &entry.key,
    };
    let key = at.id("key", &entry.key)?;
    if !keys.insert(key.clone()) {
        return Err(at.missing("key", "stands twice; keys are unique"));
    }
    let patterns = patterns(&at, &entry.patterns)?;
    Ok(ModelEntry {
        key,
        globs: patterns.iter().map(|pattern| Glob::new(pattern)).collect(),
        patterns,
        outcome: outcome(&at, entry, licenses)?,
        weights: entry.weights,
        card_tags: entry
            .card_tags
            .iter()
            .map(|tag| at.id("card_tags", tag))
            .collect::<Result<_, _>>()?,
        basis: basis(&at, entry)?,
        note: at
            .filled_or_none("note", entry.note.as_ref())?
            .unwrap_or_default(),
    })
}

/// Globs in the form of normalised segments; anything else could never match.
fn patterns(
    at: &At<'_>,
    patterns: &Placed<Vec<Placed<String>>>,
) -> Result<Vec<String>, CatalogError> {
    if patterns.value().is_empty() {
        return Err(at.wrong(
            &patterns.span(),
            "match",
            "is empty; give at least one glob",
        ));
    }
    let mut seen = BTreeSet::new();
    for pattern in patterns.value() {
        let text = pattern.text();
        let letters = text
            .bytes()
            .filter(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            .count();
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-*/".contains(&b));
        let segments = text.split('/').all(|s| !s.is_empty() && !s.contains("--"));
        let message = if !plain || !segments {
            format!(
                "`{text}` cannot match: write lower-case letters, digits, single `-`, `*` and `/` between segments"
            )
        } else if letters < PATTERN_LETTERS_MIN {
            format!("`{text}` would match nearly every id; write more of the name")
        } else if text.len() > PATTERN_BYTES_MAX {
            format!("a glob has at most {PATTERN_BYTES_MAX} bytes; shorten it")
        } else if !seen.insert(text) {
            format!("`{text}` stands twice; remove one")
        } else {
            continue;
        };
        return Err(at.wrong(&pattern.span(), "match", message));
    }
    Ok(seen_in_order(patterns))
}

fn seen_in_order(patterns: &Placed<Vec<Placed<String>>>) -> Vec<String> {
    patterns.value().iter().map(Placed::owned).collect()
}

/// What the entry states: exactly one of four things.
fn outcome(
    at: &At<'_>,
    entry: &ModelFile,
    licenses: &[Arc<License>],
) -> Result<Outcome, CatalogError> {
    let stated = [
        entry.llama.is_some() || !entry.licenses.is_empty(),
        !entry.candidates.is_empty(),
        entry.version_unknown,
        entry.licensor.is_some(),
    ];
    if stated.iter().filter(|s| **s).count() != 1 {
        let message = "state exactly one of `llama` or `licenses`, `candidates`, \
                       `version_unknown`, `licensor`";
        return Err(at.missing("llama", message));
    }
    stray(at, entry)?;
    if let Some(licensor) = &entry.licensor {
        let license = entry.license.as_ref();
        let license = license.map(|id| at.license("license", id, licenses));
        return Ok(Outcome::NotLlama {
            licensor: at.filled("licensor", licensor)?,
            license: license.transpose()?,
        });
    }
    if entry.version_unknown {
        return Ok(Outcome::LlamaVersionUnknown);
    }
    if !entry.candidates.is_empty() {
        return Ok(Outcome::Ambiguous {
            candidates: all_licenses(at, "candidates", &entry.candidates, licenses)?,
            maybe_not_llama: entry.maybe_not_llama,
        });
    }
    known(at, entry, licenses).map(Outcome::Known)
}

/// Keys that mean nothing beside what the entry states.
fn stray(at: &At<'_>, entry: &ModelFile) -> Result<(), CatalogError> {
    if let Some(license) = &entry.license
        && entry.licensor.is_none()
    {
        let message = "goes with `licensor` only; write `licenses`";
        return Err(at.wrong(&license.span(), "license", message));
    }
    if entry.maybe_not_llama && entry.candidates.is_empty() {
        let message = "goes with `candidates` only; remove it";
        return Err(at.missing("maybe_not_llama", message));
    }
    Ok(())
}

fn known(
    at: &At<'_>,
    entry: &ModelFile,
    licenses: &[Arc<License>],
) -> Result<KnownModel, CatalogError> {
    let lineage = entry.llama.as_ref().map(|id| at.version("llama", id));
    let lineage = lineage.transpose()?;
    let mut applying = all_licenses(at, "licenses", &entry.licenses, licenses)?;
    if let Some(version) = lineage {
        match applying.first() {
            None => {
                let own = licenses.iter().find(|l| l.llama == Some(version));
                applying.extend(own.map(Arc::clone));
            }
            Some(first) if first.llama == Some(version) => {}
            Some(_) => {
                return Err(at.missing("licenses", "the license of the base comes first"));
            }
        }
    }
    if applying.is_empty() {
        return Err(at.missing("licenses", "no license applies; state at least one"));
    }
    let family = entry.family.as_ref().ok_or_else(|| {
        at.missing(
            "family",
            "is missing; say what to call the model in a sentence",
        )
    })?;
    Ok(KnownModel {
        family: at.filled("family", family)?,
        lineage,
        licenses: applying,
        multimodal: entry.multimodal,
        derivative: entry.derivative,
    })
}

fn all_licenses(
    at: &At<'_>,
    field: &str,
    ids: &[Placed<String>],
    licenses: &[Arc<License>],
) -> Result<Vec<Arc<License>>, CatalogError> {
    let mut found: Vec<Arc<License>> = Vec::new();
    for id in ids {
        let license = at.license(field, id, licenses)?;
        if found.iter().any(|other| other.id == license.id) {
            let message = format!("`{}` stands twice; remove one", id.text());
            return Err(at.wrong(&id.span(), field, message));
        }
        found.push(license);
    }
    Ok(found)
}

/// Where the entry is known from. The built-in catalog always says; what an organisation states
/// without a source rests on its own file.
fn basis(at: &At<'_>, entry: &ModelFile) -> Result<Basis, CatalogError> {
    match (&entry.source, entry.basis) {
        (Some(source), None | Some(BasisFile::Source)) => {
            if source.text() == "card" {
                return Ok(Basis::Source(source.owned()));
            }
            at.link("source", source).map(Basis::Source)
        }
        (None, Some(BasisFile::GeneralKnowledge)) => Ok(Basis::GeneralKnowledge),
        (None, None) if at.part.own => Ok(Basis::Source(at.part.path.to_owned())),
        (Some(source), Some(BasisFile::GeneralKnowledge)) => {
            let message = "an entry with a source is not general knowledge; remove one of the two";
            Err(at.wrong(&source.span(), "source", message))
        }
        (None, Some(BasisFile::Source)) => Err(at.missing("source", "is missing; link it")),
        (None, None) => Err(at.missing(
            "basis",
            "is missing; give `source`, or say `basis = \"general-knowledge\"`",
        )),
    }
}

/// Adds the sizes of one file.
pub(super) fn add_versions(
    part: Part<'_>,
    entries: &[VersionFile],
    versions: &mut Vec<VersionEntry>,
) -> Result<(), CatalogError> {
    for entry in entries {
        let at = At {
            part,
            kind: "version",
            entry: &entry.llama,
        };
        if part.own {
            let message = "the versions of Llama are built in; remove the entry";
            return Err(at.missing("llama", message));
        }
        let llama = at.version("llama", &entry.llama)?;
        if versions.iter().any(|known| known.llama == llama) {
            return Err(at.missing("llama", "stands twice; remove one"));
        }
        let sizes = entry.sizes.value();
        if sizes.is_empty() || sizes.contains(&0) {
            let message = "is empty or holds 0; state the sizes in billions";
            return Err(at.wrong(&entry.sizes.span(), "sizes", message));
        }
        let multimodal = entry.multimodal_sizes.as_ref();
        let multimodal_sizes = multimodal.map_or(&[][..], |sizes| sizes.value());
        if let Some(size) = multimodal_sizes.iter().find(|s| !sizes.contains(s)) {
            let message = format!("{size} is not among `sizes`; add it there or remove it here");
            let span = multimodal.map_or(0..0, Placed::span);
            return Err(at.wrong(&span, "multimodal_sizes", message));
        }
        versions.push(VersionEntry {
            llama,
            sizes: sizes.clone(),
            multimodal_sizes: multimodal_sizes.to_vec(),
            always_multimodal: entry.always_multimodal,
        });
    }
    Ok(())
}

/// The resolver counts on sizes and a license for every version.
pub(super) fn require_every_version(
    part: Part<'_>,
    versions: &[VersionEntry],
    licenses: &[Arc<License>],
) -> Result<(), CatalogError> {
    for version in LlamaVersion::ALL {
        let id = version.id();
        let missing = if !versions.iter().any(|known| known.llama == version) {
            "[[version]]"
        } else if !licenses.iter().any(|l| l.llama == Some(version)) {
            "[[license]]"
        } else {
            continue;
        };
        let message = format!("no {missing} for `{id}` in any file; add it");
        return Err(part.wrong(&(0..0), message));
    }
    Ok(())
}
