//! An envelope as a Sigstore bundle of version 0.3, for tools that read nothing else. The key is
//! named by a hint; there is no certificate and no public log.

use serde::Serialize;
use serde_json::Value;

use super::dsse::DsseError;
use super::dsse::Envelope;
use super::dsse::Unverified;
use super::json;

/// Media type of the bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: Material<'a>,
    dsse_envelope: &'a Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    public_key: Hint<'a>,
    tlog_entries: [(); 0],
    timestamp_verification_data: Timestamps,
}

#[derive(Serialize)]
struct Hint<'a> {
    hint: &'a str,
}

#[derive(Serialize)]
struct Timestamps {
    #[serde(rename = "rfc3161Timestamps")]
    rfc3161: [(); 0],
}

/// The bundle's bytes: one line of JSON and a line end.
pub fn bundle(envelope: &Envelope) -> Result<Vec<u8>, serde_json::Error> {
    let hint = envelope
        .signatures
        .first()
        .map_or("", |signature| signature.keyid.as_str());
    let mut bytes = serde_json::to_vec(&Bundle {
        media_type: BUNDLE_TYPE,
        verification_material: Material {
            public_key: Hint { hint },
            tlog_entries: [],
            timestamp_verification_data: Timestamps { rfc3161: [] },
        },
        dsse_envelope: envelope,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads an envelope, bare or in a bundle.
///
/// # Errors
/// As [`Unverified::read`]; what claims to be a bundle of another version is refused.
pub fn read(bytes: &[u8]) -> Result<Unverified, DsseError> {
    let value = json::parse(bytes)?;
    match value.get("mediaType") {
        None => Unverified::of(&value),
        Some(found) if found.as_str() == Some(BUNDLE_TYPE) => match value.get("dsseEnvelope") {
            Some(envelope @ Value::Object(_)) => Unverified::of(envelope),
            Some(_) | None => Err(DsseError::Form("bundle holds no dsseEnvelope")),
        },
        Some(_) => Err(DsseError::Form("mediaType is no Sigstore bundle v0.3")),
    }
}
