//! What people ask for, decide and state: the payloads of records, each checked whole.
//!
//! The same checks run when a record is made and when it is read, so that a record that somebody
//! wrote and signed by other means cannot ask for more than the commands let through.

use serde::Deserialize;
use serde::Serialize;

use super::day::Day;
use super::reason::WaiverReason;

/// Longest time a sign-off may be asked for, in days. *Chosen*: an answer on a license text is
/// looked at again every year.
pub const SIGN_OFF_DAYS_MAX: i64 = 366;

/// Longest time a waiver may be asked for, in days. *Chosen*: a quarter; a risk that lasts longer
/// is a decision for the policy file.
pub const WAIVER_DAYS_MAX: i64 = 92;

/// Longest time a switched reading may be asked for, in days. *Chosen*: as a sign-off.
pub const READING_DAYS_MAX: i64 = 366;

/// Most findings that one baseline lists. *Chosen*: 670 kB of digests; more is no list of known
/// exceptions but a policy.
pub const BASELINE_FINDINGS_MAX: usize = 10_000;

/// Longest note, in bytes. *Chosen*: a paragraph; the memo is the evidence.
const NOTE_BYTES_MAX: usize = 2_000;

/// Longest id, name or word, in bytes. *Chosen*: above any model id or path component.
const WORD_BYTES_MAX: usize = 300;

/// The target scope that covers every target.
pub const TARGET_ANY: &str = "*";

/// A document that a request rests on. Only its digest is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// File name without its folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// Asks that an open question of one license text be taken as answered for a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOffAsk {
    /// License id, e.g. `llama-3.1`. No other version is covered.
    pub license: String,
    /// Digest of that text in the catalog when this was asked; `None` where it has none. Another
    /// digest makes the sign-off stale.
    pub license_sha256: Option<String>,
    /// The legal question answered; `None` for every open question of this license.
    pub question: Option<String>,
    /// Name of the target, or `*`.
    pub target: String,
    /// Base of the target that it is limited to, as its id stands in the target file.
    pub base: Option<String>,
    /// Host whose terms were read; limits the sign-off to outputs generated there.
    pub host: Option<String>,
    /// The opinion it rests on.
    pub evidence: Document,
    /// Day of the request.
    pub at: String,
    /// Last day on which it would hold.
    pub expires: String,
    /// In words.
    pub note: Option<String>,
}

/// Asks that a risk be accepted. It permits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverAsk {
    /// Finding code; `None` for a baseline, whose digests hold the code.
    pub code: Option<String>,
    /// License id that it is limited to.
    pub license: Option<String>,
    /// Name of the registered source that it is limited to.
    pub source: Option<String>,
    /// Name of the target that it is limited to.
    pub target: Option<String>,
    /// A baseline: digests of known findings. Empty for any other waiver.
    pub findings: Vec<String>,
    /// Why.
    pub reason: WaiverReason,
    /// The document it rests on.
    pub evidence: Option<Document>,
    /// Day of the request.
    pub at: String,
    /// Last day on which it would hold.
    pub expires: String,
    /// In words.
    pub note: Option<String>,
}

/// Asks that an adopted reading be answered another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingAsk {
    /// Id of the reading.
    pub reading: String,
    /// The answer to adopt.
    pub answer: String,
    /// The opinion it rests on.
    pub evidence: Option<Document>,
    /// Day of the request.
    pub at: String,
    /// Last day on which it would hold.
    pub expires: String,
    /// In words.
    pub note: Option<String>,
}

/// The payload of a `request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum Ask {
    /// A sign-off.
    SignOff(SignOffAsk),
    /// A waiver or a baseline.
    Waiver(WaiverAsk),
    /// Another answer for an adopted reading.
    Reading(ReadingAsk),
}

/// The payload of `approve`, `reject` and `revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Id of the request.
    pub request: String,
    /// Its full digest, so that the id cannot come to mean another request.
    pub request_sha256: String,
    /// Day of the decision.
    pub at: String,
    /// In words.
    pub note: Option<String>,
}

/// Whether a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// It runs from the day stated.
    Running,
    /// It no longer runs from the day stated.
    Retired,
}

impl DeploymentState {
    /// The word used in records and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Retired => "retired",
        }
    }
}

/// The payload of a `deployment`: which model runs where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Model id as it stands in the deployment.
    pub model: String,
    /// Where, e.g. `prod-eu`.
    pub environment: String,
    /// Whether it runs.
    pub state: DeploymentState,
    /// From which day.
    pub from: String,
    /// Day of the record.
    pub at: String,
    /// In words.
    pub note: Option<String>,
}

/// A payload that asks for something that cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// A value is blank, too long, or holds a control character.
    #[error("{what} must be one line of 1 to {WORD_BYTES_MAX} bytes")]
    Word {
        /// Which value.
        what: &'static str,
    },
    /// A note is too long.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes: put the rest into a document")]
    Note,
    /// Not a digest.
    #[error("{what} must be a SHA-256: 64 lower-case hex digits")]
    Digest {
        /// Which value.
        what: &'static str,
    },
    /// Not a day.
    #[error("{what} must be a day written as 2026-11-30")]
    Day {
        /// Which value.
        what: &'static str,
    },
    /// It would end before it begins.
    #[error(
        "it would expire ({expires}) before the day it is asked for ({at}): choose a later day"
    )]
    Over {
        /// Day of the request.
        at: String,
        /// Day of expiry.
        expires: String,
    },
    /// It would hold for too long.
    #[error("it would hold for {days} days; {what} holds for at most {max}: choose an earlier day")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// Days asked for.
        days: i64,
        /// Days that may be asked for.
        max: i64,
    },
    /// A waiver for everything.
    #[error(
        "a waiver without a scope would cover everything: name a license, a source or a target"
    )]
    NoScope,
    /// Neither a code nor a list, or both.
    #[error("a waiver names either one finding code or a list of known findings")]
    CodeOrFindings,
    /// Too many findings in a baseline.
    #[error(
        "a baseline lists at most {BASELINE_FINDINGS_MAX} findings, and this has {found}: take \
         rows out, or waive a code within a scope"
    )]
    TooMany {
        /// Findings listed.
        found: usize,
    },
}

impl Ask {
    /// Whether it may be asked for.
    ///
    /// # Errors
    /// [`AskError`] with what is wrong and what to do.
    pub fn check(&self) -> Result<(), AskError> {
        match self {
            Self::SignOff(ask) => {
                word(&ask.license, "the license")?;
                word(&ask.target, "the target")?;
                optional_word(ask.question.as_ref(), "the question")?;
                optional_word(ask.base.as_ref(), "the base")?;
                optional_word(ask.host.as_ref(), "the host")?;
                if let Some(sha256) = &ask.license_sha256 {
                    digest(sha256, "the license's digest")?;
                }
                ask.evidence.check()?;
                note(ask.note.as_ref())?;
                lifetime(&ask.at, &ask.expires, "a sign-off", SIGN_OFF_DAYS_MAX)
            }
            Self::Waiver(ask) => {
                if ask.code.is_some() != ask.findings.is_empty() {
                    return Err(AskError::CodeOrFindings);
                }
                let scoped = ask.license.is_some() || ask.source.is_some() || ask.target.is_some();
                if ask.findings.is_empty() && !scoped {
                    return Err(AskError::NoScope);
                }
                if ask.findings.len() > BASELINE_FINDINGS_MAX {
                    let found = ask.findings.len();
                    return Err(AskError::TooMany { found });
                }
                for finding in &ask.findings {
                    digest(finding, "a finding")?;
                }
                optional_word(ask.code.as_ref(), "the code")?;
                optional_word(ask.license.as_ref(), "the license")?;
                optional_word(ask.source.as_ref(), "the source")?;
                optional_word(ask.target.as_ref(), "the target")?;
                if let Some(evidence) = &ask.evidence {
                    evidence.check()?;
                }
                note(ask.note.as_ref())?;
                lifetime(&ask.at, &ask.expires, "a waiver", WAIVER_DAYS_MAX)
            }
            Self::Reading(ask) => {
                word(&ask.reading, "the reading")?;
                word(&ask.answer, "the answer")?;
                if let Some(evidence) = &ask.evidence {
                    evidence.check()?;
                }
                note(ask.note.as_ref())?;
                lifetime(
                    &ask.at,
                    &ask.expires,
                    "a switched reading",
                    READING_DAYS_MAX,
                )
            }
        }
    }

    /// Last day on which it would hold, `YYYY-MM-DD`.
    pub fn expires(&self) -> &str {
        match self {
            Self::SignOff(ask) => &ask.expires,
            Self::Waiver(ask) => &ask.expires,
            Self::Reading(ask) => &ask.expires,
        }
    }

    /// What it is, in a sentence.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::SignOff(_) => "sign-off",
            Self::Waiver(ask) if !ask.findings.is_empty() => "baseline",
            Self::Waiver(_) => "waiver",
            Self::Reading(_) => "reading",
        }
    }

    /// The scope in a few words, for lists and reports.
    pub fn scope(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |what: &str, value: Option<&String>| {
            if let Some(value) = value {
                parts.push(format!("{what} {value}"));
            }
        };
        match self {
            Self::SignOff(ask) => {
                add("license", Some(&ask.license));
                add("question", ask.question.as_ref());
                add("target", Some(&ask.target));
                add("base", ask.base.as_ref());
                add("host", ask.host.as_ref());
            }
            Self::Waiver(ask) => {
                add("code", ask.code.as_ref());
                add("license", ask.license.as_ref());
                add("source", ask.source.as_ref());
                add("target", ask.target.as_ref());
                if !ask.findings.is_empty() {
                    parts.push(format!("{} known findings", ask.findings.len()));
                }
            }
            Self::Reading(ask) => {
                add("reading", Some(&ask.reading));
                add("answer", Some(&ask.answer));
            }
        }
        parts.join(", ")
    }
}

impl Document {
    fn check(&self) -> Result<(), AskError> {
        word(&self.name, "the evidence's name")?;
        digest(&self.sha256, "the evidence's digest")
    }
}

impl Decided {
    /// Whether it is whole.
    ///
    /// # Errors
    /// [`AskError`] with what is wrong.
    pub fn check(&self) -> Result<(), AskError> {
        word(&self.request, "the request")?;
        digest(&self.request_sha256, "the request's digest")?;
        day(&self.at, "the day of the decision")?;
        note(self.note.as_ref())
    }
}

impl Deployment {
    /// Whether it is whole.
    ///
    /// # Errors
    /// [`AskError`] with what is wrong.
    pub fn check(&self) -> Result<(), AskError> {
        word(&self.model, "the model")?;
        word(&self.environment, "the environment")?;
        day(&self.from, "the first day")?;
        day(&self.at, "the day of the record")?;
        note(self.note.as_ref())
    }
}

fn word(value: &str, what: &'static str) -> Result<(), AskError> {
    let fits = !value.trim().is_empty() && value.len() <= WORD_BYTES_MAX;
    if fits && !value.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(AskError::Word { what })
    }
}

fn optional_word(value: Option<&String>, what: &'static str) -> Result<(), AskError> {
    value.map_or(Ok(()), |value| word(value, what))
}

fn note(value: Option<&String>) -> Result<(), AskError> {
    match value {
        Some(text) if text.len() > NOTE_BYTES_MAX => Err(AskError::Note),
        Some(_) | None => Ok(()),
    }
}

/// Whether a text is a SHA-256 in lower-case hex.
pub(super) fn is_digest(value: &str) -> bool {
    value.len() == 64
        && value
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn digest(value: &str, what: &'static str) -> Result<(), AskError> {
    if is_digest(value) {
        Ok(())
    } else {
        Err(AskError::Digest { what })
    }
}

fn day(value: &str, what: &'static str) -> Result<Day, AskError> {
    Day::parse(value).ok_or(AskError::Day { what })
}

fn lifetime(at: &str, expires: &str, what: &'static str, max: i64) -> Result<(), AskError> {
    let days = day(at, "the day of the request")?.days_until(day(expires, "the expiry")?);
    if days < 0 {
        return Err(AskError::Over {
            at: at.to_owned(),
            expires: expires.to_owned(),
        });
    }
    if days > max {
        return Err(AskError::TooLong { what, days, max });
    }
    Ok(())
}
