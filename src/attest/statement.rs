//! The in-toto Statement v1 around a predicate.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use super::dsse::DsseError;
use super::dsse::Envelope;
use super::dsse::PAYLOAD_TYPE;
use super::dsse::Unverified;
use super::dsse::Verified;
use super::json;
use super::predicate::Predicate;

/// What every statement says it is.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Predicate type of a check whose verdict is pass or flag.
pub const CHECK_TYPE: &str = "https://herdbook.dev/check/v1";
/// Predicate type of a check that was blocked or came to no decision. It is another type so that a
/// tool which looks for [`CHECK_TYPE`], and at nothing in the predicate, accepts none of these.
pub const REFUSED_TYPE: &str = "https://herdbook.dev/check-refused/v1";

/// Name of the subject where no input was read to its end: the check itself.
const CHECK_SUBJECT: &str = "herdbook check";

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// For people; verifiers go by the digest.
    pub name: String,
    /// Digests of its bytes.
    pub digest: DigestSet,
}

/// Digests of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// Lower-case hex.
    pub sha256: String,
}

/// A statement about subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// At least one.
    pub subject: Vec<Subject>,
    /// What the predicate is.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said.
    pub predicate: P,
}

/// Why signed bytes are no statement of a check.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The envelope proves nothing.
    #[error(transparent)]
    Envelope(#[from] DsseError),
    /// The payload is no statement of this form.
    #[error("the statement cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// It is no in-toto Statement v1.
    #[error("the statement is of type {found:?}, not {STATEMENT_TYPE:?}")]
    Kind {
        /// What it says it is.
        found: String,
    },
    /// It is about something else than a check.
    #[error(
        "the predicate is of type {found:?}, not {CHECK_TYPE:?}: give the attestation itself, not \
         the file beside it"
    )]
    PredicateType {
        /// What it says it is.
        found: String,
    },
}

impl<P: Serialize> Statement<P> {
    pub(super) fn new(predicate_type: &str, subject: Vec<Subject>, predicate: P) -> Self {
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Signs it; returns the bytes that were signed, and the envelope around them.
    ///
    /// # Errors
    /// Only if a text had no JSON form, which cannot be.
    pub fn sign(
        &self,
        key: &ed25519_dalek::SigningKey,
    ) -> Result<(Vec<u8>, Envelope), serde_json::Error> {
        let payload = serde_json::to_vec(self)?;
        let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, key);
        Ok((payload, envelope))
    }
}

impl Statement<Predicate> {
    /// The statement in verified bytes.
    ///
    /// # Errors
    /// [`StatementError`]; a key that is missing, stands twice or is not known is one.
    pub fn read(verified: &Verified) -> Result<Self, StatementError> {
        Self::of(verified.payload())
    }

    /// The statement in an envelope that nobody verified; for showing only.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_unverified(envelope: &Unverified) -> Result<Self, StatementError> {
        Self::of(envelope.unverified_payload())
    }

    fn of(payload: &[u8]) -> Result<Self, StatementError> {
        let value = json::parse(payload)?;
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = word("_type");
        if kind != STATEMENT_TYPE {
            return Err(StatementError::Kind {
                found: kind.to_owned(),
            });
        }
        let predicate_type = word("predicateType");
        if predicate_type != CHECK_TYPE && predicate_type != REFUSED_TYPE {
            return Err(StatementError::PredicateType {
                found: predicate_type.to_owned(),
            });
        }
        Ok(serde_json::from_value(value)?)
    }
}

/// One subject per input that was read to its end; the check itself where there is none, since a
/// statement needs a subject.
pub(super) fn subjects(predicate: &Predicate) -> Result<Vec<Subject>, serde_json::Error> {
    let subject = |name: &str, sha256: &str| Subject {
        name: name.to_owned(),
        digest: DigestSet {
            sha256: sha256.to_owned(),
        },
    };
    let files: Vec<Subject> = predicate
        .coverage
        .iter()
        .filter_map(|file| Some(subject(&file.path, file.sha256.as_deref()?)))
        .collect();
    if !files.is_empty() {
        return Ok(files);
    }
    let said = serde_json::to_vec(predicate)?;
    let digest = hex::encode(Sha256::digest(&said));
    Ok(vec![subject(CHECK_SUBJECT, &digest)])
}
