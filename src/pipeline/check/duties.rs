//! The duties that a check stores for its target, and those that earlier checks stored.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::CheckOutcome;
use crate::model::Decision;
use crate::model::DutyOrigin;
use crate::model::DutyOwner;
use crate::model::DutyRecording;
use crate::model::Finding;
use crate::model::Level;
use crate::model::Obligation;
use crate::model::StandingDuty;
use crate::model::StoredDuties;
use crate::model::StoredDuty;
use crate::model::Verdict;
use crate::policy;
use crate::policy::Ground;
use crate::policy::Readings;

use super::CheckContext;

/// Inputs, models and sources named with a stored duty. *Chosen*: a reader wants an example.
const NAMED_MAX: usize = 20;

/// What is stored for the target, and whether this check adds to it.
#[derive(Debug, Clone)]
pub struct DutyBook {
    /// The file, as the caller names it.
    pub file: Option<String>,
    /// What is stored, for whatever model.
    pub stored: Vec<StoredDuty>,
    /// Whose duties this check stores and enforces; `None` when the target has no file.
    pub owner: Option<DutyOwner>,
    /// Whether this check stores duties.
    pub recording: DutyRecording,
    /// The strictest level of a finding that lets its row through.
    pub let_through: Level,
}

impl DutyBook {
    /// The stored duties of this target.
    pub(crate) fn applicable(&self) -> impl Iterator<Item = &StoredDuty> {
        let owner = self.owner.as_ref();
        self.stored
            .iter()
            .filter(move |duty| owner.is_some_and(|owner| duty.owner.is(owner)))
    }

    /// The book of a check that read nothing.
    pub(crate) fn unread(&self) -> StoredDuties {
        StoredDuties {
            file: self.file.clone(),
            recording: self.recording,
            duties: Vec::new(),
        }
    }
}

/// Duties that came in with what was let through.
#[derive(Debug)]
pub(crate) struct Arising {
    readings: Readings,
    let_through: Level,
    duties: Vec<Arisen>,
}

#[derive(Debug)]
struct Arisen {
    duty: Obligation,
    enforced: bool,
    inputs: BTreeSet<String>,
    models: BTreeSet<String>,
    sources: BTreeSet<String>,
}

impl Arising {
    pub(crate) fn new(readings: Readings, let_through: Level) -> Self {
        Self {
            readings,
            let_through,
            duties: Vec::new(),
        }
    }

    /// Takes in the duties of a finding on a row.
    pub(crate) fn of_row(&mut self, finding: &Finding) {
        if finding.level > self.let_through {
            return;
        }
        for claim in &finding.claims {
            let path = Some(&*finding.location.path);
            self.add(
                &claim.decision,
                path,
                claim.model.as_deref(),
                Some(&claim.source),
            );
        }
    }

    /// Takes in the duties of a use that the target file declares.
    pub(crate) fn of_declared(&mut self, decision: &Decision, model: &str) {
        if decision.level <= self.let_through {
            self.add(decision, None, Some(model), None);
        }
    }

    fn add(
        &mut self,
        decision: &Decision,
        path: Option<&str>,
        model: Option<&str>,
        source: Option<&str>,
    ) {
        if decision.obligations.is_empty() {
            return;
        }
        let Some(enforced) = policy::stores_duties(decision, &self.readings) else {
            return;
        };
        for duty in &decision.obligations {
            let same = |known: &Arisen| {
                known.duty.id == duty.id
                    && known.duty.license == duty.license
                    && known.enforced == enforced
            };
            if !self.duties.iter().any(same) {
                self.duties.push(Arisen {
                    duty: duty.clone(),
                    enforced,
                    inputs: BTreeSet::new(),
                    models: BTreeSet::new(),
                    sources: BTreeSet::new(),
                });
            }
            for known in self.duties.iter_mut().filter(|known| same(known)) {
                insert(&mut known.inputs, path);
                insert(&mut known.models, model);
                insert(&mut known.sources, source);
            }
        }
    }

    /// What they are as entries of the file.
    fn entries(
        self,
        context: &CheckContext<'_>,
        owner: &DutyOwner,
        outcome: &CheckOutcome,
    ) -> Vec<StoredDuty> {
        let snapshot = &context.snapshot.info;
        let sha256 = |path: &String| {
            let mut inputs = outcome.inputs.iter();
            let input = inputs.find(|input| *input.path == **path);
            input.and_then(|input| input.sha256.clone())
        };
        let named = |names: BTreeSet<String>| names.into_iter().take(NAMED_MAX).collect();
        let entry = |arisen: Arisen| StoredDuty {
            id: arisen.duty.id,
            license: arisen.duty.license,
            text: arisen.duty.text,
            clause: arisen.duty.clause,
            enforced: arisen.enforced,
            owner: owner.clone(),
            origin: DutyOrigin {
                as_of: outcome.as_of.clone(),
                snapshot: snapshot.snapshot,
                snapshot_digest: snapshot.digest.clone(),
                policy_digest: outcome.policy_digest.clone(),
                inputs_total: arisen.inputs.len() as u64,
                inputs: (arisen.inputs.iter().take(NAMED_MAX))
                    .map(|path| (path.clone(), sha256(path)))
                    .collect(),
                models: named(arisen.models),
                sources: named(arisen.sources),
            },
        };
        self.duties.into_iter().map(entry).collect()
    }
}

fn insert(names: &mut BTreeSet<String>, name: Option<&str>) {
    if let Some(name) = name
        && !names.contains(name)
    {
        names.insert(name.to_owned());
    }
}

/// What the check says of stored duties, and what is to be written for it.
///
/// Nothing is stored where the gate closes and no split was asked for: then nothing goes into the
/// model. What is stored under another name of the target is stored under this one too, so that it
/// stays with the model whichever of its names changes next.
pub(crate) fn settle(
    context: &CheckContext<'_>,
    ground: &Ground<'_>,
    arising: Arising,
    outcome: &mut CheckOutcome,
    split: bool,
) -> Vec<StoredDuty> {
    let book = context.judged.duties;
    let mut to_store = Vec::new();
    let goes_on = split || outcome.verdict <= Verdict::Flag;
    // What the target's own base asks for is found again at every check.
    let of_base = policy::base_duties(ground.setting());
    let mut arising = arising;
    arising.duties.retain(|arisen| {
        let duty = &arisen.duty;
        !(of_base.iter()).any(|base| base.id == duty.id && base.license == duty.license)
    });
    if goes_on && !arising.duties.is_empty() {
        outcome.limits.extend(not_stored(book.recording));
    }
    if let Some(owner) = &book.owner
        && book.recording == DutyRecording::On
        && goes_on
    {
        let new = arising.entries(context, owner, outcome);
        let carried = book.applicable().map(|duty| StoredDuty {
            owner: owner.clone(),
            ..duty.clone()
        });
        // What is known keeps the check that brought it in first.
        to_store = missing_duties(&book.stored, carried.chain(new));
    }
    let mut duties: BTreeMap<(String, String), StandingDuty> = BTreeMap::new();
    for duty in book.applicable().chain(&to_store) {
        let key = (duty.id.clone(), duty.license.clone());
        let known = duties.get(&key).is_some_and(|known| {
            // Enforced once is enforced.
            known.stored.enforced || !duty.enforced
        });
        if !known {
            let licenses = context.judged.catalog.licenses();
            duties.insert(key, policy::standing(ground, licenses, duty));
        }
    }
    outcome.stored_duties = StoredDuties {
        file: book.file.clone(),
        recording: book.recording,
        duties: duties.into_values().collect(),
    };
    to_store
}

/// That duties arise and are kept nowhere.
fn not_stored(recording: DutyRecording) -> Option<String> {
    let why = match recording {
        DutyRecording::On => return None,
        DutyRecording::Off => "`--no-record-duties` was given",
        DutyRecording::NoFile => {
            "the target was given by an id alone, and they are kept beside a target file"
        }
    };
    Some(format!(
        "The duties that come with these outputs were not stored for the release of the model: {why}."
    ))
}

/// Those of `wanted` that are not there yet, each once, sorted.
pub fn missing_duties(
    there: &[StoredDuty],
    wanted: impl IntoIterator<Item = StoredDuty>,
) -> Vec<StoredDuty> {
    let same = |a: &StoredDuty, b: &StoredDuty| {
        a.id == b.id && a.license == b.license && a.owner == b.owner && a.enforced == b.enforced
    };
    let mut out: Vec<StoredDuty> = Vec::new();
    for duty in wanted {
        if !there.iter().chain(&out).any(|known| same(known, &duty)) {
            out.push(duty);
        }
    }
    out.sort_by(|a, b| (&a.id, &a.license).cmp(&(&b.id, &b.license)));
    out
}
