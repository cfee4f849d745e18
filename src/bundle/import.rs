//! A partner's bundle into the index, as that partner's claim.

use std::io::Read;
use std::io::Seek;

use sha2::Digest as _;
use sha2::Sha256;

use super::Bundle;
use super::BundleError;
use super::SharedSource;
use super::SharedText;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::index::SourceDraft;
use crate::index::TextDraft;
use crate::index::WriteError;
use crate::model::Acquisition;
use crate::model::source::BundleOrigin;
use crate::snapshot::Registered;
use crate::snapshot::SealError;
use crate::snapshot::Writer;

/// Whose claim it is, and under which keys the fingerprints stand.
#[derive(Debug, Clone, Copy)]
pub struct Partner<'a> {
    /// What the importer calls the partner; it begins the names of the sources.
    pub name: &'a str,
    /// The key of the bundle.
    pub bundle_key: &'a FingerprintKey,
    /// The index's own fingerprint key.
    pub index_key: &'a FingerprintKey,
    /// How this organisation came by such text, where it says so; else as the partner states it.
    pub acquisition: Option<Acquisition>,
    /// Now, RFC 3339, UTC.
    pub now: &'a str,
}

/// What an import came to, source by source.
pub type Imported = Vec<Registered>;

/// Why nothing more was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bundle is refused; nothing was written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A source that the bundle does not have.
    #[error("the bundle has no source {name}; it has {has}")]
    NoSource {
        /// The name.
        name: String,
        /// Those that it has.
        has: String,
    },
    /// The same source of the same bundle is there under another partner's name.
    #[error("this bundle is registered already, as source {source_name} of {partner}")]
    Known {
        /// What it is called here.
        source_name: String,
        /// Whose claim it is.
        partner: String,
    },
    /// The index failed, or refused the source.
    #[error(transparent)]
    Index(#[from] SealError),
}

/// Verifies the whole bundle, then registers each of its sources, or those named, as one source
/// `PARTNER/NAME`: committed, sealed and logged like any other. The same again changes nothing.
///
/// Several sources are several commits; what an interrupted import left out, the same command adds.
/// The caller has compared recipe and key ([`Bundle::accepts`]).
pub fn import<R: Read + Seek>(
    writer: &mut Writer,
    bundle: &mut Bundle<R>,
    partner: &Partner<'_>,
    names: &[String],
) -> Result<Imported, ImportError> {
    let chosen = chosen(bundle, names)?;
    bundle.verify()?;
    let drafts: Vec<(usize, SourceDraft)> = chosen
        .into_iter()
        .filter_map(|number| {
            let source = bundle.manifest().sources.get(number)?;
            Some((number, draft(bundle, source, partner)))
        })
        .collect();
    for (_, draft) in &drafts {
        free(writer, draft)?;
    }
    let mut done = Imported::new();
    for (number, draft) in drafts {
        let mut registration = writer.begin().map_err(SealError::from)?;
        bundle.each(|text| {
            let mut of_source = text
                .claims
                .iter()
                .filter(|one| one.source as usize == number);
            let Some(first) = of_source.next() else {
                return Ok(());
            };
            let (exact, grams) = resealed(&text, partner);
            let shared = TextDraft {
                exact: exact.0,
                entry: exact.entry(),
                normal_bytes: text.normal_bytes,
                words: &[],
                counted: Some(text.words),
                grams: &grams,
            };
            for each in std::iter::once(first).chain(of_source) {
                registration
                    .add(&shared, each.claim)
                    .map_err(SealError::from)?;
            }
            Ok::<_, ImportError>(())
        })?;
        done.push(registration.finish(draft)?);
    }
    Ok(done)
}

/// Numbers of the sources named, or of all: refuses a name that the bundle does not have.
pub fn chosen<R: Read + Seek>(
    bundle: &Bundle<R>,
    names: &[String],
) -> Result<Vec<usize>, ImportError> {
    let sources = &bundle.manifest().sources;
    if names.is_empty() {
        return Ok((0..sources.len()).collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(number) = sources.iter().position(|source| source.name == *name) else {
            let has: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            return Err(ImportError::NoSource {
                name: name.clone(),
                has: has.join(", "),
            });
        };
        if !chosen.contains(&number) {
            chosen.push(number);
        }
    }
    Ok(chosen)
}

/// The text's digest and grams under the index's own key.
fn resealed(text: &SharedText, partner: &Partner<'_>) -> (ExactDigest, Vec<u64>) {
    let (from, to) = (partner.bundle_key, partner.index_key);
    let grams = text.grams.iter();
    (
        ExactDigest(text.exact).rekey(from, to),
        grams
            .map(|gram| to.seal_gram(from.open_gram(*gram)))
            .collect(),
    )
}

fn draft<R: Read + Seek>(
    bundle: &Bundle<R>,
    source: &SharedSource,
    partner: &Partner<'_>,
) -> SourceDraft {
    let manifest = bundle.manifest();
    let stated = Acquisition::parse(&source.acquisition).unwrap_or(Acquisition::Found);
    let acquisition = partner.acquisition.unwrap_or(stated);
    SourceDraft {
        name: format!("{}/{}", partner.name, source.name),
        digest: digest(bundle.digest(), source, acquisition),
        files: Vec::new(),
        models: source.models.clone(),
        columns: Vec::new(),
        access: source.access.clone(),
        acquisition,
        text_bytes: source.text_bytes,
        registered_at: partner.now.to_owned(),
        bundle: Some(BundleOrigin {
            partner: partner.name.to_owned(),
            source: source.name.clone(),
            key: manifest.public_key.clone(),
            bundle: bundle.digest().to_owned(),
            exported_at: manifest.exported_at.clone(),
            records: source.records,
        }),
    }
}

/// Digest of content and claim. Every part is written with its length.
fn digest(bundle: &str, source: &SharedSource, acquisition: Acquisition) -> String {
    let mut hash = Sha256::new();
    for part in [
        "herdbook bundle source 1",
        bundle,
        &source.name,
        acquisition.as_str(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Refuses what clashes with a registered source, before the first of several is written.
fn free(writer: &Writer, draft: &SourceDraft) -> Result<(), ImportError> {
    let clash = |error: WriteError| Err(ImportError::Index(error.into()));
    if let Some(known) = writer.source_by_name(&draft.name) {
        if let Some(at) = &known.withdrawn_at {
            return clash(WriteError::Withdrawn {
                name: draft.name.clone(),
                at: at.clone(),
            });
        }
        if known.digest != draft.digest {
            return clash(WriteError::NameTaken {
                name: draft.name.clone(),
                registered: known.digest.clone(),
                new: draft.digest.clone(),
            });
        }
        return Ok(());
    }
    let Some(new) = &draft.bundle else {
        return Ok(());
    };
    let same = |bundle: &BundleOrigin| bundle.bundle == new.bundle && bundle.source == new.source;
    let live = writer
        .sources()
        .iter()
        .filter(|source| source.withdrawn_at.is_none());
    let mut of_bundle = live.filter(|source| source.bundle.as_ref().is_some_and(same));
    match of_bundle.next() {
        Some(known) => Err(ImportError::Known {
            source_name: known.name.clone(),
            partner: known.claimed_by().unwrap_or_default().to_owned(),
        }),
        None => Ok(()),
    }
}
