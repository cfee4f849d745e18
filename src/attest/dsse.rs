//! DSSE envelopes: a payload, its type, and Ed25519 signatures over both.
//!
//! What is signed is the pre-authentication encoding, so that neither the JSON around the payload
//! nor its base64 form matters. Whoever opens an envelope gets the bytes that were verified
//! ([`Verified`]) and reads nothing else. A `keyid` is a hint for people: no decision looks at it.

use base64::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE;
use ed25519_dalek::Signature;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use serde_json::Value;

use super::json;
use super::keys::key_id;

/// Type of a payload that is an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Signatures of one envelope that are looked at. Chosen: a key and its successors; each costs a
/// verification per key.
const SIGNATURES_MAX: usize = 16;

/// Why an envelope proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DsseError {
    /// It is not JSON, or a key stands twice.
    #[error("the envelope is no JSON that can be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It lacks a field, or one has another type.
    #[error("the envelope's {0}")]
    Form(&'static str),
    /// The payload is of another type than wanted.
    #[error("the payload is of type {found:?}, not {PAYLOAD_TYPE:?}")]
    PayloadType {
        /// The type it states.
        found: String,
    },
    /// None of its signatures is one of the keys.
    #[error("none of its {signatures} signatures is by one of the {keys} keys given")]
    Unsigned {
        /// Signatures it has.
        signatures: usize,
        /// Keys that were tried.
        keys: usize,
    },
}

/// The bytes that are signed for a payload of a type.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    out.extend_from_slice(payload);
    out
}

/// An envelope as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// The payload in base64.
    pub payload: String,
    /// What the payload is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// At least one.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvelopeSignature {
    /// A hint which key it is.
    pub keyid: String,
    /// The signature in base64.
    pub sig: String,
}

impl Envelope {
    /// Signs a payload.
    pub fn sign(payload_type: &str, payload: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&pae(payload_type, payload)).to_bytes();
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature {
                keyid: key_id(&key.verifying_key()),
                sig: STANDARD.encode(signature),
            }],
        }
    }

    /// The file's bytes: one line of JSON and a line end.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// An envelope that was read and not yet verified. Its payload can be shown, and proves nothing.
#[derive(Debug, Clone)]
pub struct Unverified {
    payload: Vec<u8>,
    payload_type: String,
    signatures: Vec<Vec<u8>>,
}

/// A payload whose signature was verified. Only [`Unverified::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified {
    payload: Vec<u8>,
    key: VerifyingKey,
}

impl Unverified {
    /// Reads an envelope. Keys that are not known are ignored; one that stands twice is an error.
    pub fn read(bytes: &[u8]) -> Result<Self, DsseError> {
        Self::of(&json::parse(bytes)?)
    }

    pub(super) fn of(envelope: &Value) -> Result<Self, DsseError> {
        let envelope = envelope
            .as_object()
            .ok_or(DsseError::Form("form is wrong: it is no JSON object"))?;
        let text = |key: &str| envelope.get(key).and_then(Value::as_str);
        let payload_type =
            text("payloadType").ok_or(DsseError::Form("payloadType is missing or no text"))?;
        let payload = text("payload").ok_or(DsseError::Form("payload is missing or no text"))?;
        let payload = decode(payload).map_err(|_| DsseError::Form("payload is no base64"))?;
        let listed = envelope
            .get("signatures")
            .and_then(Value::as_array)
            .ok_or(DsseError::Form("signatures are missing or no list"))?;
        if listed.is_empty() {
            return Err(DsseError::Form("list of signatures is empty"));
        }
        if listed.len() > SIGNATURES_MAX {
            return Err(DsseError::Form("list of signatures has more than 16"));
        }
        let mut signatures = Vec::new();
        for signature in listed {
            let sig = signature
                .as_object()
                .and_then(|signature| signature.get("sig"))
                .and_then(Value::as_str)
                .ok_or(DsseError::Form("signature has no sig"))?;
            signatures.push(decode(sig).map_err(|_| DsseError::Form("sig is no base64"))?);
        }
        Ok(Self {
            payload,
            payload_type: payload_type.to_owned(),
            signatures,
        })
    }

    /// The payload, which nobody vouches for.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// What the payload says it is.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// Proves that one of the keys signed this payload as an in-toto statement.
    pub fn verify(self, keys: &[VerifyingKey]) -> Result<Verified, DsseError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(DsseError::PayloadType {
                found: self.payload_type,
            });
        }
        let signed = pae(&self.payload_type, &self.payload);
        for raw in &self.signatures {
            let Ok(signature) = Signature::from_slice(raw) else {
                continue;
            };
            for key in keys {
                if key.verify_strict(&signed, &signature).is_ok() {
                    return Ok(Verified {
                        payload: self.payload,
                        key: *key,
                    });
                }
            }
        }
        Err(DsseError::Unsigned {
            signatures: self.signatures.len(),
            keys: keys.len(),
        })
    }
}

impl Verified {
    /// The bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The key that signed them.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

/// Both alphabets, as the format demands of a verifier; padded, and with no bit to spare.
fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text))
}
