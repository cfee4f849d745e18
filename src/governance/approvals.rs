//! What approvals do to a decision.
//!
//! All of it is visible in [`Approvals::apply`] and the two `covers` functions: a sign-off answers
//! needs-review decisions of its license, a waiver lowers a block within its scope, and both leave
//! a flag.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::AppliedApproval;
use crate::model::ApprovalKind;
use crate::model::Decision;
use crate::model::Level;
use crate::model::License;
use crate::model::Ruling;
use crate::model::target::Target;

use super::ask::Ask;
use super::ask::SignOffAsk;
use super::ask::TARGET_ANY;
use super::ask::WaiverAsk;
use super::baseline::Place;
use super::baseline::finding_digest;
use super::day::Day;
use super::ledger::Ledger;
use super::ledger::Request;
use super::ledger::State;

/// Codes whose needs-review decisions a sign-off answers.
pub const SIGN_OFF_CODES: &[&str] = &["llama-output-needs-review", "other-output-needs-review"];

/// The code that a sign-off with a host answers.
const HOST_CODE: &str = "host-terms-unread";

/// Codes that no waiver lowers: the policy states them without exception.
pub const NOT_WAIVABLE: &[&str] = &["strict-llama-output"];

/// What a decision is about, beside the decision itself.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The model that the run would improve.
    pub target: &'a Target,
    /// The registered source matched; `None` for a declared use.
    pub source: Option<&'a str>,
    /// The host whose terms were not read, where the output came from one.
    pub host: Option<&'a str>,
    /// Where the match stands; `None` when the file's content is not known beforehand.
    pub place: Option<Place<'a>>,
    /// Every license that the model stands under. A decision shows one of them; a sign-off has to
    /// cover them all.
    pub licenses: &'a [Arc<License>],
}

/// Whether an approved request can be used on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It holds.
    InForce,
    /// The text that it was given for is no longer the catalog's.
    Stale,
    /// Its last day is past.
    Expired,
    /// It was approved later than this day.
    NotYet,
}

impl Standing {
    /// The word used in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::NotYet => "not yet",
        }
    }
}

/// Which approvals mattered in a run, by their place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    used: BTreeSet<usize>,
    missed: BTreeSet<usize>,
}

/// Something to be said about an approval at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What about it.
    pub kind: RemarkKind,
    /// Why, in a sentence that names the approval.
    pub reason: String,
    /// What to do.
    pub how_to_fix: String,
}

/// What is said about an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemarkKind {
    /// It would have applied and had expired.
    Expired,
    /// It would have applied and was given for another text.
    Stale,
    /// It holds for this target and matched nothing.
    Unused,
}

/// An approved reading names something that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "approval {id} switches the reading \"{reading}\" to \"{answer}\", which this version does not \
     know: revoke it with `herdbook reading revoke {id}`, or use the version it was made for"
)]
pub struct UnknownReading {
    /// Id of the request.
    pub id: String,
    /// The reading.
    pub reading: String,
    /// The answer.
    pub answer: String,
}

/// One approved request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Granted {
    id: String,
    ask: Ask,
    approver: String,
    /// Day of the approval.
    from: String,
    stale: bool,
    /// A baseline's digests, for look-up.
    findings: BTreeSet<String>,
}

/// Every approved request of a ledger. Immutable: what was used is the caller's to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    granted: Vec<Granted>,
    records: u64,
    head: String,
}

impl Approvals {
    /// Takes the approved requests of a ledger. `licenses` are the catalog's: a sign-off for a
    /// text with another digest than theirs is stale.
    pub fn new(ledger: &Ledger, licenses: &[Arc<License>]) -> Self {
        let granted = ledger
            .requests()
            .iter()
            .filter_map(|request| match &request.state {
                State::Approved(by) => Some(Granted {
                    id: request.id.clone(),
                    ask: request.ask.clone(),
                    approver: by.person.clone(),
                    from: by.at.clone(),
                    stale: is_stale(&request.ask, licenses),
                    findings: match &request.ask {
                        Ask::Waiver(ask) => ask.findings.iter().cloned().collect(),
                        Ask::SignOff(_) | Ask::Reading(_) => BTreeSet::new(),
                    },
                }),
                State::Pending | State::Rejected(_) | State::Revoked(_) => None,
            })
            .collect();
        Self {
            granted,
            records: ledger.records(),
            head: ledger.head().to_owned(),
        }
    }

    /// Number of records in the file.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Digest of its last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Whether a baseline is in force, so that the digests of the inputs have to be known before
    /// they are read.
    pub fn has_baseline(&self, as_of: &str) -> bool {
        self.granted.iter().any(|granted| {
            !granted.findings.is_empty() && granted.standing(as_of) == Standing::InForce
        })
    }

    /// Lowers a block to a flag where an approval in force covers it, and says so in the reason.
    /// `uses` keeps what was used, and what would have been used if it still held.
    pub fn apply(
        &self,
        decision: &mut Decision,
        subject: &Subject<'_>,
        as_of: &str,
        uses: &mut Uses,
    ) -> Option<AppliedApproval> {
        let host_unread = decision.code.0 == HOST_CODE && decision.level >= Level::Flag;
        if self.granted.is_empty() || !(decision.level == Level::Block || host_unread) {
            return None;
        }
        let mut missed: Vec<usize> = Vec::new();
        // A sign-off answers the question; a waiver only accepts the risk. The answer comes first.
        for kind in [ApprovalKind::SignOff, ApprovalKind::Waiver] {
            for (place, granted) in self.granted.iter().enumerate() {
                let covers = match (&granted.ask, kind) {
                    (Ask::SignOff(ask), ApprovalKind::SignOff) => {
                        sign_off_covers(ask, decision, subject)
                    }
                    (Ask::Waiver(ask), ApprovalKind::Waiver) => {
                        waiver_covers(ask, &granted.findings, decision, subject)
                    }
                    _ => false,
                };
                if !covers {
                    continue;
                }
                match granted.standing(as_of) {
                    Standing::InForce
                        if kind == ApprovalKind::SignOff
                            && !self.others_signed_off(decision, subject, as_of) => {}
                    Standing::InForce => {
                        uses.used.insert(place);
                        return Some(granted.lower(kind, decision));
                    }
                    Standing::Expired | Standing::Stale => missed.push(place),
                    Standing::NotYet => {}
                }
            }
        }
        uses.missed.extend(missed);
        None
    }

    /// Whether a license version is signed off as a whole for a target: every open question of it,
    /// at any host.
    pub fn signed_off(&self, license: &str, target: &Target, as_of: &str) -> bool {
        self.granted.iter().any(|granted| match &granted.ask {
            Ask::SignOff(ask) => {
                ask.license == license
                    && ask.question.is_none()
                    && ask.host.is_none()
                    && sign_off_in_scope(ask, target)
                    && granted.standing(as_of) == Standing::InForce
            }
            Ask::Waiver(_) | Ask::Reading(_) => false,
        })
    }

    /// Whether every further license of the model is signed off as a whole: the decision shows only
    /// the strictest, and what is open under another must not be lost behind it.
    fn others_signed_off(&self, decision: &Decision, subject: &Subject<'_>, as_of: &str) -> bool {
        subject
            .licenses
            .iter()
            .filter(|license| decision.license.as_ref() != Some(&license.id))
            .all(|license| self.signed_off(&license.id, subject.target, as_of))
    }

    /// Approved readings in force on a day, the latest approval of each last.
    ///
    /// # Errors
    /// [`UnknownReading`] when one names a reading or an answer that is not in `known`: what was
    /// approved must not silently do nothing.
    pub fn readings(
        &self,
        as_of: &str,
        known: &[(&str, &[&str])],
    ) -> Result<Vec<(String, String)>, UnknownReading> {
        let mut readings: Vec<(String, String)> = Vec::new();
        for granted in &self.granted {
            let Ask::Reading(ask) = &granted.ask else {
                continue;
            };
            if granted.standing(as_of) != Standing::InForce {
                continue;
            }
            let answers = known.iter().find(|(id, _)| *id == ask.reading);
            if !answers.is_some_and(|(_, answers)| answers.contains(&ask.answer.as_str())) {
                return Err(UnknownReading {
                    id: granted.id.clone(),
                    reading: ask.reading.clone(),
                    answer: ask.answer.clone(),
                });
            }
            readings.retain(|(id, _)| *id != ask.reading);
            readings.push((ask.reading.clone(), ask.answer.clone()));
        }
        Ok(readings)
    }

    /// What is to be said at the end of a run for a target, in order of the file.
    pub fn remarks(&self, uses: &Uses, target: &Target, as_of: &str) -> Vec<Remark> {
        self.granted
            .iter()
            .enumerate()
            .filter_map(|(place, granted)| {
                let standing = granted.standing(as_of);
                if uses.missed.contains(&place) {
                    return granted.missed(standing);
                }
                let idle = standing == Standing::InForce && !uses.used.contains(&place);
                (idle && in_scope_of(&granted.ask, target)).then(|| granted.unused())
            })
            .collect()
    }
}

/// Whether the catalog holds another text than the one that a sign-off was asked for.
pub(super) fn is_stale(ask: &Ask, licenses: &[Arc<License>]) -> bool {
    let Ask::SignOff(ask) = ask else {
        return false;
    };
    licenses
        .iter()
        .find(|license| license.id == ask.license)
        .is_none_or(|license| license.sha256 != ask.license_sha256)
}

/// Standing of a period on a day. Days that cannot be read never hold.
fn standing(from: &str, expires: &str, stale: bool, as_of: &str) -> Standing {
    match (Day::parse(from), Day::parse(expires), Day::parse(as_of)) {
        (Some(from), _, Some(today)) if today < from => Standing::NotYet,
        (Some(_), Some(expires), Some(today)) if today <= expires => {
            if stale {
                Standing::Stale
            } else {
                Standing::InForce
            }
        }
        _ => Standing::Expired,
    }
}

impl Request {
    /// Whether an approved request can be used on a day; `None` when it is not approved.
    pub fn standing(&self, licenses: &[Arc<License>], as_of: &str) -> Option<Standing> {
        match &self.state {
            State::Approved(by) => Some(standing(
                &by.at,
                self.ask.expires(),
                is_stale(&self.ask, licenses),
                as_of,
            )),
            State::Pending | State::Rejected(_) | State::Revoked(_) => None,
        }
    }
}

impl Granted {
    fn standing(&self, as_of: &str) -> Standing {
        standing(&self.from, self.ask.expires(), self.stale, as_of)
    }

    fn lower(&self, kind: ApprovalKind, decision: &mut Decision) -> AppliedApproval {
        let (id, approver, expires) = (&self.id, &self.approver, self.ask.expires());
        let reason = match &self.ask {
            Ask::Waiver(ask) => ask.reason.as_str().to_owned(),
            Ask::SignOff(ask) => match (&ask.question, &ask.host) {
                (Some(question), _) => question.clone(),
                (None, Some(host)) => format!("terms of {host}"),
                (None, None) => format!("open questions of {}", ask.license),
            },
            Ask::Reading(ask) => ask.reading.clone(),
        };
        let said = match kind {
            ApprovalKind::SignOff => {
                format!("; approved by {approver} until {expires}, sign-off {id}")
            }
            ApprovalKind::Waiver => format!(
                "; risk accepted under waiver {id} by {approver} until {expires} ({reason}), no \
                 permission"
            ),
        };
        decision.reason.push_str(&said);
        decision.how_to_fix = match kind {
            ApprovalKind::SignOff => format!("nothing has to be done until {expires}"),
            ApprovalKind::Waiver => format!("by {expires}: {}", decision.how_to_fix),
        };
        decision.level = Level::Flag;
        AppliedApproval {
            id: id.clone(),
            kind,
            approver: approver.clone(),
            reason,
            expires: expires.to_owned(),
        }
    }

    /// What is said of one that would have applied.
    fn missed(&self, standing: Standing) -> Option<Remark> {
        let (id, noun, scope) = (&self.id, self.ask.noun(), self.ask.scope());
        let again = match self.ask {
            Ask::SignOff(_) => "`herdbook signoff request`",
            Ask::Waiver(_) | Ask::Reading(_) => "`herdbook waive request`",
        };
        match standing {
            Standing::Expired => Some(Remark {
                kind: RemarkKind::Expired,
                reason: format!(
                    "{noun} {id} ({scope}) would have covered findings of this run, but it held \
                     until {} only",
                    self.ask.expires()
                ),
                how_to_fix: format!("ask for a new one with {again}, or take the rows out"),
            }),
            Standing::Stale => Some(Remark {
                kind: RemarkKind::Stale,
                reason: format!(
                    "{noun} {id} ({scope}) would have covered findings of this run, but it was \
                     given for another text of this license than the catalog now holds"
                ),
                how_to_fix: format!("have the new text read, then ask again with {again}"),
            }),
            Standing::InForce | Standing::NotYet => None,
        }
    }

    fn unused(&self) -> Remark {
        let (id, noun, scope) = (&self.id, self.ask.noun(), self.ask.scope());
        Remark {
            kind: RemarkKind::Unused,
            reason: format!("{noun} {id} ({scope}) matched nothing in this run"),
            how_to_fix: "revoke it if no run needs it any more".to_owned(),
        }
    }
}

/// Whether a sign-off answers this decision.
fn sign_off_covers(ask: &SignOffAsk, decision: &Decision, subject: &Subject<'_>) -> bool {
    let in_scope = sign_off_in_scope(ask, subject.target)
        && ask
            .host
            .as_deref()
            .is_none_or(|host| subject.host == Some(host))
        && decision.license.as_deref() == Some(ask.license.as_str());
    if !in_scope {
        return false;
    }
    if decision.code.0 == HOST_CODE {
        // Only one that names the host says that its terms were read.
        return ask.host.is_some() && ask.question.is_none();
    }
    decision.ruling == Some(Ruling::NeedsReview)
        && SIGN_OFF_CODES.contains(&decision.code.0)
        && ask
            .question
            .as_deref()
            .is_none_or(|question| decision.question.as_deref() == Some(question))
}

fn sign_off_in_scope(ask: &SignOffAsk, target: &Target) -> bool {
    let name = ask.target == TARGET_ANY || target.name.as_ref() == Some(&ask.target);
    name && ask
        .base
        .as_ref()
        .is_none_or(|base| target.base.contains(base))
}

/// Whether a waiver covers this decision.
fn waiver_covers(
    ask: &WaiverAsk,
    findings: &BTreeSet<String>,
    decision: &Decision,
    subject: &Subject<'_>,
) -> bool {
    if decision.level != Level::Block || NOT_WAIVABLE.contains(&decision.code.0) {
        return false;
    }
    if !waiver_in_scope(ask, subject.target) {
        return false;
    }
    let license = decision.license.as_deref();
    let limited = ask.license.is_none() || ask.license.as_deref() == license;
    let from = ask.source.is_none() || ask.source.as_deref() == subject.source;
    let named = match &ask.code {
        Some(code) => code == decision.code.0,
        None => subject.place.is_some_and(|place| {
            findings.contains(&finding_digest(&place, decision.code.0, license))
        }),
    };
    limited && from && named
}

fn waiver_in_scope(ask: &WaiverAsk, target: &Target) -> bool {
    ask.target.is_none() || ask.target == target.name
}

/// Whether an approval is about this target at all. A switched reading is about every run and
/// matches no finding of its own.
fn in_scope_of(ask: &Ask, target: &Target) -> bool {
    match ask {
        Ask::SignOff(ask) => sign_off_in_scope(ask, target),
        Ask::Waiver(ask) => waiver_in_scope(ask, target),
        Ask::Reading(_) => false,
    }
}
