//! Some sources of a sealed snapshot as a bundle.

use std::io::Write;
use std::path::Path;

use ed25519_dalek::SigningKey;

use super::BundleError;
use super::BundleWriter;
use super::Manifest;
use super::SharedClaim;
use super::SharedSource;
use super::SharedText;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::index::EXTRACT_GRAMS;
use crate::index::Extracted;
use crate::index::StoreError;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::snapshot::Snapshot;

/// What an export is made from.
#[derive(Clone, Copy)]
pub struct Exporter<'a> {
    /// The snapshot that is read.
    pub snapshot: &'a Snapshot,
    /// The index's own fingerprint key, which is taken off and never given away.
    pub index_key: &'a FingerprintKey,
    /// The key of this bundle alone.
    pub bundle_key: &'a FingerprintKey,
    /// The index's signing key.
    pub signing: &'a SigningKey,
    /// A folder for a scratch file, which holds what the bundle will.
    pub scratch: &'a Path,
    /// Now, RFC 3339, UTC.
    pub now: &'a str,
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// What it holds.
    pub manifest: Manifest,
    /// Its digest: SHA-256 of the manifest, hex.
    pub digest: String,
    /// Texts that have no gram in it, so that only an equal text is found by them.
    pub texts_without_grams: u64,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No source of this name, or named twice.
    #[error("no source is named {name}: `herdbook source list` prints the names")]
    NoSource {
        /// The name.
        name: String,
    },
    /// It was withdrawn.
    #[error("source {name} was withdrawn on {at}: its claims count no longer, and are not shared")]
    Withdrawn {
        /// The name.
        name: String,
        /// When.
        at: String,
    },
    /// It is another organisation's claim.
    #[error(
        "source {name} is a claim of {partner}, who shared it here: who wants it asks {partner}"
    )]
    OfPartner {
        /// The name.
        name: String,
        /// Whose it is.
        partner: String,
    },
    /// The bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a bundle of the sources of these names to `out`. Time follows the whole index.
pub fn export(
    exporter: &Exporter<'_>,
    names: &[String],
    out: &mut impl Write,
) -> Result<Exported, ExportError> {
    export_in(exporter, names, EXTRACT_GRAMS, out)
}

/// As [`export`], with so many grams in memory.
pub(super) fn export_in(
    exporter: &Exporter<'_>,
    names: &[String],
    grams_at_once: u64,
    out: &mut impl Write,
) -> Result<Exported, ExportError> {
    let snapshot = exporter.snapshot;
    let mut chosen: Vec<&SourceInfo> = Vec::new();
    for name in names {
        let source = own_source(snapshot, name)?;
        if !chosen.iter().any(|known| known.id == source.id) {
            chosen.push(source);
        }
    }
    let ids: Vec<SourceId> = chosen.iter().map(|source| source.id).collect();
    let shared = chosen.iter().map(|source| shared_source(source)).collect();
    let mut writer = BundleWriter::new(exporter.scratch, shared)?;
    let mut texts_without_grams = 0;
    let (from, to) = (exporter.index_key, exporter.bundle_key);
    let reseal = |exact: [u8; 16]| ExactDigest(exact).rekey(from, to).0;
    let common_grams = snapshot.extract(&ids, reseal, grams_at_once, |text| {
        let text = shared_text(text, &ids, from, to);
        texts_without_grams += u64::from(text.grams.is_empty());
        Ok::<_, ExportError>(writer.add(&text)?)
    })?;
    let made = Manifest {
        format: 0,
        recipe: snapshot.manifest().recipe.clone(),
        unicode: snapshot.manifest().unicode.clone(),
        exported_at: exporter.now.to_owned(),
        key_check: to.key_check().to_string(),
        public_key: hex::encode(exporter.signing.verifying_key().to_bytes()),
        texts: 0,
        grams: 0,
        common_grams,
        sources: Vec::new(),
        blocks: Vec::new(),
    };
    let (manifest, digest) = writer.finish(made, exporter.signing, out)?;
    Ok(Exported {
        manifest,
        digest,
        texts_without_grams,
    })
}

/// A source that its owner may share.
fn own_source<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s SourceInfo, ExportError> {
    let mut sources = snapshot.sources().iter();
    let source = sources.find(|source| source.name == name && !source.is_canary());
    let Some(source) = source else {
        return Err(ExportError::NoSource {
            name: name.to_owned(),
        });
    };
    if let Some(at) = &source.withdrawn_at {
        return Err(ExportError::Withdrawn {
            name: name.to_owned(),
            at: at.clone(),
        });
    }
    match source.claimed_by() {
        Some(partner) => Err(ExportError::OfPartner {
            name: name.to_owned(),
            partner: partner.to_owned(),
        }),
        None => Ok(source),
    }
}

/// Of files and columns only how many there are: their names, digests and sizes stay at home.
fn shared_source(source: &SourceInfo) -> SharedSource {
    let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
    SharedSource {
        name: source.name.clone(),
        models: source.models.clone(),
        access: source.access.clone(),
        acquisition: source.acquisition.as_str().to_owned(),
        files: count(source.files.len()),
        columns: count(source.columns.len()),
        records: source.records,
        text_bytes: source.text_bytes,
        texts: 0,
        claims: 0,
    }
}

/// The text under the bundle's key.
fn shared_text(
    text: Extracted,
    sources: &[SourceId],
    from: &FingerprintKey,
    to: &FingerprintKey,
) -> SharedText {
    let mut grams: Vec<u64> = text
        .grams
        .into_iter()
        .map(|gram| to.seal_gram(from.open_gram(gram)))
        .collect();
    grams.sort_unstable();
    let mut claims: Vec<SharedClaim> = Vec::new();
    for (source, places) in text.claims {
        let Some(number) = sources.iter().position(|known| *known == source) else {
            continue;
        };
        let source = u32::try_from(number).unwrap_or(u32::MAX);
        claims.extend(
            places
                .into_iter()
                .map(|claim| SharedClaim { source, claim }),
        );
    }
    claims.sort_unstable();
    claims.dedup();
    SharedText {
        exact: ExactDigest(text.exact).rekey(from, to).0,
        normal_bytes: text.normal_bytes,
        words: text.words,
        grams,
        claims,
    }
}
