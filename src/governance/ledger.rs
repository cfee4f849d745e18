//! The whole file, verified: every line or none.

use std::collections::BTreeMap;

use crate::model::Organization;
use crate::model::Person;
use crate::model::PersonRole;

use super::ask::Ask;
use super::ask::Decided;
use super::ask::Deployment;
use super::day::Day;
use super::record::FORMAT;
use super::record::Line;
use super::record::NO_PREVIOUS;
use super::record::Payload;
use super::record::id_of;
use super::record::sha256_hex;
use super::record::verifies;
use super::record::verifying_key;

/// Largest file that is read, in bytes. *Chosen*: tens of thousands of records, or a hundred
/// baselines of the largest size.
pub const LEDGER_BYTES_MAX: u64 = 64 << 20;

/// A file of approvals that cannot be trusted. Nothing in it is used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {fault}")]
pub struct LedgerError {
    /// The file as the user named it.
    pub path: String,
    /// 1-based line.
    pub line: usize,
    /// What is wrong, and what to do.
    pub fault: Fault,
}

/// What is wrong with a line, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// More than is read.
    #[error(
        "the file has more than {LEDGER_BYTES_MAX} bytes: begin a new one (docs/governance.md)"
    )]
    TooLarge,
    /// The last line does not end.
    #[error(
        "the last line is incomplete, as a write that was cut off leaves it: restore the file from \
         version control, or remove this line"
    )]
    Torn,
    /// Not a record.
    #[error("this is no approval record ({0}): restore the file from version control")]
    NotARecord(String),
    /// Another format.
    #[error(
        "the record has format {0}, this program reads format {FORMAT}: use the program that wrote it"
    )]
    Format(u32),
    /// The chain does not hold.
    #[error(
        "the line does not continue the one before: a line was changed, removed or moved; restore \
         the file from version control, and after a merge sign the later records again"
    )]
    Chain,
    /// Nobody of that name.
    #[error(
        "the organisation profile has nobody named \"{0}\": add the person to organization.toml, \
         also when they have left (docs/governance.md)"
    )]
    UnknownSigner(String),
    /// A key in the profile that is none.
    #[error("the public key of \"{0}\" in organization.toml is none: it is 64 hex digits")]
    BadKey(String),
    /// The signature does not verify.
    #[error(
        "the signature is not one of \"{0}\" over this record: it was changed, or signed with \
         another key than organization.toml states; restore the file or the key"
    )]
    Signature(String),
    /// The id is not the record's.
    #[error("the id \"{0}\" is not this record's: restore the file from version control")]
    Id(String),
    /// The role is missing.
    #[error(
        "\"{signer}\" has not the role {role} in organization.toml: somebody who has must sign"
    )]
    Role {
        /// Who signed.
        signer: String,
        /// The role needed.
        role: &'static str,
    },
    /// Approval of one's own request.
    #[error("\"{0}\" decided on a request of their own: another person must decide")]
    OwnRequest(String),
    /// No such request before this line.
    #[error("there is no request \"{0}\" before this line, or another one had that digest")]
    UnknownRequest(String),
    /// Decided twice.
    #[error("the request \"{id}\" is {state}: it cannot be decided again; make a new request")]
    AlreadyDecided {
        /// The request.
        id: String,
        /// Its state.
        state: &'static str,
    },
    /// Decided before it was asked, or after it would have expired.
    #[error("the request \"{0}\" was asked for later, or had expired, on the day of this decision")]
    OutOfTime(String),
    /// The same model retired without running.
    #[error("\"{model}\" does not run in \"{environment}\" before this line")]
    NotRunning {
        /// The model.
        model: String,
        /// The environment.
        environment: String,
    },
}

/// Somebody's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The person's id in the profile.
    pub person: String,
    /// Their name.
    pub name: String,
    /// The day.
    pub at: String,
    /// In words.
    pub note: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody decided yet.
    Pending,
    /// Granted.
    Approved(By),
    /// Refused.
    Rejected(By),
    /// Taken back, before or after it was granted.
    Revoked(By),
}

impl State {
    /// The word used in lists.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Revoked(_) => "revoked",
        }
    }

    /// Who decided, if somebody did.
    pub fn by(&self) -> Option<&By> {
        match self {
            Self::Pending => None,
            Self::Approved(by) | Self::Rejected(by) | Self::Revoked(by) => Some(by),
        }
    }
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// Its full digest, which a decision repeats.
    pub sha256: String,
    /// What is asked for.
    pub ask: Ask,
    /// Who asks.
    pub requester: String,
    /// What became of it.
    pub state: State,
}

/// A model that runs or ran somewhere: the latest statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Id of the record.
    pub id: String,
    /// What it states.
    pub deployment: Deployment,
    /// Who stated it.
    pub by: String,
}

/// Every record of a file, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    records: u64,
    head: String,
    requests: Vec<Request>,
    /// Places in `requests` by id.
    places: BTreeMap<String, usize>,
    deployments: BTreeMap<(String, String), Deployed>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            records: 0,
            head: NO_PREVIOUS.to_owned(),
            requests: Vec::new(),
            places: BTreeMap::new(),
            deployments: BTreeMap::new(),
        }
    }
}

impl Ledger {
    /// Verifies every line against the profile. `path` is only used in errors. No bytes are no
    /// records.
    ///
    /// # Errors
    /// [`LedgerError`] at the first line that is not what it should be.
    pub fn read(
        bytes: &[u8],
        path: &str,
        organization: &Organization,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        let mut at = 0;
        let wrong = |line: usize, fault: Fault| LedgerError {
            path: path.to_owned(),
            line,
            fault,
        };
        if bytes.len() as u64 > LEDGER_BYTES_MAX {
            return Err(wrong(1, Fault::TooLarge));
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            at += 1;
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err(wrong(at, Fault::Torn));
            };
            ledger
                .take(line, organization)
                .map_err(|fault| wrong(at, fault))?;
        }
        Ok(ledger)
    }

    /// Number of records.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// SHA-256 of the last line without its end, which the next record carries; 64 zeros when
    /// there is none.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Every request, in order of the file.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The request with this id.
    pub fn request(&self, id: &str) -> Option<&Request> {
        self.places
            .get(id)
            .and_then(|place| self.requests.get(*place))
    }

    /// The latest statement on each model and environment, by model, then environment.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployed> {
        self.deployments.values()
    }

    fn take(&mut self, bytes: &[u8], organization: &Organization) -> Result<(), Fault> {
        let line: Line =
            serde_json::from_slice(bytes).map_err(|error| Fault::NotARecord(error.to_string()))?;
        if line.format != FORMAT {
            return Err(Fault::Format(line.format));
        }
        if line.previous != self.head {
            return Err(Fault::Chain);
        }
        // What stands before the payload in the signed bytes must not hold their separator.
        if line.signer.chars().any(char::is_control) {
            return Err(Fault::NotARecord(
                "the signer's id holds a control character".to_owned(),
            ));
        }
        let signer = person(organization, &line.signer)?;
        let key =
            verifying_key(&signer.public_key).ok_or_else(|| Fault::BadKey(line.signer.clone()))?;
        let message = line.signed_bytes();
        if !verifies(&key, &message, &line.signature) {
            return Err(Fault::Signature(line.signer.clone()));
        }
        let payload = line.payload().map_err(Fault::NotARecord)?;
        let sha256 = sha256_hex(&message);
        if line.id != id_of(&payload, &sha256) {
            return Err(Fault::Id(line.id));
        }
        self.fold(payload, line.id, sha256, signer, organization)?;
        self.records += 1;
        self.head = sha256_hex(bytes);
        Ok(())
    }

    /// What a verified record changes; whether its signer may.
    fn fold(
        &mut self,
        payload: Payload,
        id: String,
        sha256: String,
        signer: &Person,
        organization: &Organization,
    ) -> Result<(), Fault> {
        match payload {
            Payload::Request(ask) => {
                needs(signer, PersonRole::Requester)?;
                if self.request(&id).is_some() {
                    return Err(Fault::Id(id));
                }
                self.places.insert(id.clone(), self.requests.len());
                self.requests.push(Request {
                    id,
                    sha256,
                    ask,
                    requester: signer.id.clone(),
                    state: State::Pending,
                });
                Ok(())
            }
            Payload::Approve(decided) => {
                needs(signer, PersonRole::Approver)?;
                let request = self.decidable(&decided, signer, organization)?;
                if !in_time(&request.ask, &decided.at) {
                    return Err(Fault::OutOfTime(decided.request));
                }
                request.state = State::Approved(by(signer, decided));
                Ok(())
            }
            Payload::Reject(decided) => {
                needs(signer, PersonRole::Approver)?;
                let request = self.decidable(&decided, signer, organization)?;
                request.state = State::Rejected(by(signer, decided));
                Ok(())
            }
            Payload::Revoke(decided) => {
                let request = self.named(&decided)?;
                // Taking back one's own request closes the gate: nobody else is needed for that.
                if request.requester != signer.id {
                    needs(signer, PersonRole::Approver)?;
                }
                if matches!(request.state, State::Rejected(_) | State::Revoked(_)) {
                    return Err(Fault::AlreadyDecided {
                        id: decided.request,
                        state: request.state.as_str(),
                    });
                }
                request.state = State::Revoked(by(signer, decided));
                Ok(())
            }
            Payload::Deployment(deployment) => {
                if signer.roles.is_empty() {
                    needs(signer, PersonRole::Requester)?;
                }
                self.deploy(id, deployment, signer)
            }
        }
    }

    fn deploy(&mut self, id: String, deployment: Deployment, signer: &Person) -> Result<(), Fault> {
        use super::ask::DeploymentState::{Retired, Running};
        let key = (deployment.model.clone(), deployment.environment.clone());
        let runs = self
            .deployments
            .get(&key)
            .is_some_and(|known| known.deployment.state == Running);
        if deployment.state == Retired && !runs {
            return Err(Fault::NotRunning {
                model: deployment.model,
                environment: deployment.environment,
            });
        }
        let by = signer.id.clone();
        self.deployments
            .insert(key, Deployed { id, deployment, by });
        Ok(())
    }

    /// The pending request that a decision is on, if this person may decide on it.
    fn decidable(
        &mut self,
        decided: &Decided,
        signer: &Person,
        organization: &Organization,
    ) -> Result<&mut Request, Fault> {
        let request = self.named(decided)?;
        let requester = person(organization, &request.requester)?;
        let same_key = requester
            .public_key
            .eq_ignore_ascii_case(&signer.public_key);
        if requester.id == signer.id || same_key {
            return Err(Fault::OwnRequest(signer.id.clone()));
        }
        if request.state != State::Pending {
            return Err(Fault::AlreadyDecided {
                id: decided.request.clone(),
                state: request.state.as_str(),
            });
        }
        Ok(request)
    }

    fn named(&mut self, decided: &Decided) -> Result<&mut Request, Fault> {
        self.places
            .get(&decided.request)
            .and_then(|place| self.requests.get_mut(*place))
            .filter(|request| request.sha256 == decided.request_sha256)
            .ok_or_else(|| Fault::UnknownRequest(decided.request.clone()))
    }
}

fn person<'a>(organization: &'a Organization, id: &str) -> Result<&'a Person, Fault> {
    organization
        .people
        .iter()
        .find(|person| person.id == id)
        .ok_or_else(|| Fault::UnknownSigner(id.to_owned()))
}

fn needs(signer: &Person, role: PersonRole) -> Result<(), Fault> {
    if signer.roles.contains(&role) {
        return Ok(());
    }
    Err(Fault::Role {
        signer: signer.id.clone(),
        role: match role {
            PersonRole::Requester => "requester",
            PersonRole::Approver => "approver",
        },
    })
}

fn by(signer: &Person, decided: Decided) -> By {
    By {
        person: signer.id.clone(),
        name: signer.name.clone(),
        at: decided.at,
        note: decided.note,
    }
}

/// Whether a decision falls between the request and its expiry.
fn in_time(ask: &Ask, at: &str) -> bool {
    let asked = match ask {
        Ask::SignOff(ask) => &ask.at,
        Ask::Waiver(ask) => &ask.at,
        Ask::Reading(ask) => &ask.at,
    };
    match (Day::parse(asked), Day::parse(at), Day::parse(ask.expires())) {
        (Some(asked), Some(at), Some(expires)) => asked <= at && at <= expires,
        _ => false,
    }
}
