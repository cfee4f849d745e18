//! One line of the file: its form, the bytes that are signed, and its id.
//!
//! The only place that knows the format; `docs/governance.md` describes it and a test holds the
//! two together.

use ed25519_dalek::Signature;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::Digest as _;
use sha2::Sha256;

use super::ask::Ask;
use super::ask::AskError;
use super::ask::Decided;
use super::ask::Deployment;

/// Version of the format.
pub(super) const FORMAT: u32 = 1;

/// Begins the bytes that are signed, so that a signature made here is valid nowhere else.
pub(super) const DOMAIN: &str = "herdbook approval record";

/// `previous` of the first record.
pub(super) const NO_PREVIOUS: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Hex digits of a record's digest that its id shows. *Chosen*: short enough to be read out; what
/// must not be mistaken carries the whole digest.
const ID_DIGITS: usize = 12;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Somebody asks for something.
    Request(Ask),
    /// Somebody else grants it.
    Approve(Decided),
    /// Somebody else refuses it.
    Reject(Decided),
    /// It no longer holds, or is no longer asked for.
    Revoke(Decided),
    /// Which model runs where.
    Deployment(Deployment),
}

/// The words of `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Request,
    Approve,
    Reject,
    Revoke,
    Deployment,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Revoke => "revoke",
            Self::Deployment => "deployment",
        }
    }
}

/// A line as it stands in the file, keys in this order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) format: u32,
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) signer: String,
    pub(super) previous: String,
    /// Kept byte for byte: these very bytes are signed.
    pub(super) payload: Box<RawValue>,
    pub(super) signature: String,
}

/// Why a record could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It asks for something that cannot be asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It has no JSON form; its types rule that out.
    #[error("the record cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Line {
    /// The bytes that are signed: domain, format, kind, signer, digest of the line before, and the
    /// payload exactly as stored, separated by line ends. None of the values before the payload
    /// can hold one.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{DOMAIN}\n{FORMAT}\n{}\n{}\n{}\n",
            self.kind.as_str(),
            self.signer,
            self.previous
        )
        .into_bytes();
        bytes.extend_from_slice(self.payload.get().as_bytes());
        bytes
    }

    /// Reads the payload as its kind demands.
    pub(super) fn payload(&self) -> Result<Payload, String> {
        let text = self.payload.get();
        let json = |error: serde_json::Error| error.to_string();
        let ask = |error: AskError| error.to_string();
        let decided = || -> Result<Decided, String> {
            let decided: Decided = serde_json::from_str(text).map_err(json)?;
            decided.check().map_err(ask)?;
            Ok(decided)
        };
        Ok(match self.kind {
            Kind::Request => {
                let request: Ask = serde_json::from_str(text).map_err(json)?;
                request.check().map_err(ask)?;
                Payload::Request(request)
            }
            Kind::Approve => Payload::Approve(decided()?),
            Kind::Reject => Payload::Reject(decided()?),
            Kind::Revoke => Payload::Revoke(decided()?),
            Kind::Deployment => {
                let deployment: Deployment = serde_json::from_str(text).map_err(json)?;
                deployment.check().map_err(ask)?;
                Payload::Deployment(deployment)
            }
        })
    }
}

/// The id of a record: two letters for what it is, then the beginning of its digest.
pub(super) fn id_of(payload: &Payload, sha256: &str) -> String {
    let letters = match payload {
        Payload::Request(Ask::SignOff(_)) => "so",
        Payload::Request(Ask::Waiver(_)) => "wa",
        Payload::Request(Ask::Reading(_)) => "re",
        Payload::Approve(_) => "ok",
        Payload::Reject(_) => "no",
        Payload::Revoke(_) => "rv",
        Payload::Deployment(_) => "dp",
    };
    let digits: String = sha256.chars().take(ID_DIGITS).collect();
    format!("{letters}-{digits}")
}

/// SHA-256, lower-case hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The public key that belongs to a signing key, as the organisation profile states it.
pub fn public_key_hex(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().to_bytes())
}

/// Makes a signed line without its line end. `previous` is [`Ledger::head`](super::Ledger::head)
/// of the file that it is appended to. Whether the record may stand there is for
/// [`Ledger::read`](super::Ledger::read) to say, over the file with the line appended.
///
/// # Errors
/// [`SealError`] when the payload asks for something that cannot be asked for.
pub fn seal(
    payload: &Payload,
    signer: &str,
    key: &SigningKey,
    previous: &str,
) -> Result<String, SealError> {
    let (kind, json) = match payload {
        Payload::Request(ask) => {
            ask.check()?;
            (Kind::Request, serde_json::to_string(ask)?)
        }
        Payload::Approve(decided) => (Kind::Approve, checked(decided)?),
        Payload::Reject(decided) => (Kind::Reject, checked(decided)?),
        Payload::Revoke(decided) => (Kind::Revoke, checked(decided)?),
        Payload::Deployment(deployment) => {
            deployment.check()?;
            (Kind::Deployment, serde_json::to_string(deployment)?)
        }
    };
    let mut line = Line {
        format: FORMAT,
        id: String::new(),
        kind,
        signer: signer.to_owned(),
        previous: previous.to_owned(),
        payload: RawValue::from_string(json)?,
        signature: String::new(),
    };
    let bytes = line.signed_bytes();
    line.id = id_of(payload, &sha256_hex(&bytes));
    line.signature = hex::encode(key.sign(&bytes).to_bytes());
    Ok(serde_json::to_string(&line)?)
}

fn checked(decided: &Decided) -> Result<String, SealError> {
    decided.check()?;
    Ok(serde_json::to_string(decided)?)
}

/// Reads a public key of the profile: 64 hex digits of a point that is no weak key.
pub(super) fn verifying_key(hex_digits: &str) -> Option<VerifyingKey> {
    let mut bytes = [0; 32];
    if hex::decode_to_slice(hex_digits, &mut bytes).is_err() {
        return None;
    }
    match VerifyingKey::from_bytes(&bytes) {
        Ok(key) if !key.is_weak() => Some(key),
        Ok(_) | Err(_) => None,
    }
}

/// Whether a signature in hex stands over these bytes.
pub(super) fn verifies(key: &VerifyingKey, bytes: &[u8], signature: &str) -> bool {
    let mut raw = [0; 64];
    hex::decode_to_slice(signature, &mut raw).is_ok()
        && key
            .verify_strict(bytes, &Signature::from_bytes(&raw))
            .is_ok()
}

/// Whether a public key of the profile signed a text; `signature` is hex. A key or signature that is
/// none signed nothing.
pub fn signed_by(public_key: &str, text: &str, signature: &str) -> bool {
    verifying_key(public_key).is_some_and(|key| verifies(&key, text.as_bytes(), signature))
}
