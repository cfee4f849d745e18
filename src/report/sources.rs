//! Registered sources as JSON, for `herdbook source list --json` and `source show --json`.

use serde::Serialize;

use super::wire::Acquisition;
use crate::model;

/// One registered source; every key is always there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// Number in the index.
    pub id: u32,
    /// Name.
    pub name: String,
    /// SHA-256 of content and claim, lower-case hex.
    pub digest: String,
    /// Raw model ids claimed.
    pub models: Vec<String>,
    /// Column paths that outputs were taken from.
    pub columns: Vec<String>,
    /// Access path as given.
    pub access: Option<String>,
    /// How the outputs were acquired.
    pub acquisition: Acquisition,
    /// Registered records.
    pub records: u64,
    /// Distinct normal forms that this source was first to bring.
    pub new_texts: u64,
    /// UTF-8 bytes of the registered units.
    pub text_bytes: u64,
    /// Bytes added to the index.
    pub index_bytes: u64,
    /// Time of registration, RFC 3339, UTC.
    pub registered_at: String,
    /// Time of withdrawal.
    pub withdrawn_at: Option<String>,
    /// The files registered.
    pub files: Vec<SourceFile>,
    /// Where it came from, if a partner shared it as fingerprints.
    pub bundle: Option<Bundle>,
}

/// Where a source came from that a partner shared without its text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bundle {
    /// Who claims it.
    pub partner: String,
    /// What the partner calls it.
    pub source: String,
    /// The Ed25519 key that signed the bundle, hex.
    pub key: String,
    /// SHA-256 of the bundle's manifest, hex.
    pub bundle: String,
    /// When it was exported, RFC 3339.
    pub exported_at: String,
    /// Records that the partner counts.
    pub records: u64,
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceFile {
    /// Path as given at registration.
    pub path: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Rows read.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl From<&model::SourceInfo> for Source {
    fn from(info: &model::SourceInfo) -> Self {
        Self {
            id: info.id.0,
            name: info.name.clone(),
            digest: info.digest.clone(),
            models: info.models.clone(),
            columns: info.columns.clone(),
            access: info.access.clone(),
            acquisition: info.acquisition.into(),
            records: info.records,
            new_texts: info.new_texts,
            text_bytes: info.text_bytes,
            index_bytes: info.index_bytes,
            registered_at: info.registered_at.clone(),
            withdrawn_at: info.withdrawn_at.clone(),
            files: (info.files.iter())
                .map(|file| SourceFile {
                    path: file.path.clone(),
                    sha256: file.sha256.clone(),
                    rows: file.rows,
                    bytes: file.bytes,
                })
                .collect(),
            bundle: info.bundle.as_ref().map(|bundle| Bundle {
                partner: bundle.partner.clone(),
                source: bundle.source.clone(),
                key: bundle.key.clone(),
                bundle: bundle.bundle.clone(),
                exported_at: bundle.exported_at.clone(),
                records: bundle.records,
            }),
        }
    }
}
