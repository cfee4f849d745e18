//! What the texts say about one claim, before policy and strength of the match: every license of
//! the generating model against every base of the target, the strictest of all.

use crate::model::Access;
use crate::model::Acquisition;
use crate::model::GrantScope;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Obligation;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::Ruling;
use crate::model::target::OutputUse;

use super::cell::Case;
use super::cell::Cell;
use super::cell::Cited;
use super::cell::Why;
use super::cell::cell;
use super::decide::ClaimFacts;
use super::decide::Setting;
use super::duties;
use super::duties::merged;
use super::position::Users;
use super::readings::Answer;
use super::readings::Reading;
use super::reason;
use super::reason::Fix;
use super::relation::Relation;
use super::relation::relations;
use super::sentence::sentence;

/// Where a claim comes from, as far as codes and levels are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Llama,
    LlamaVersionUnknown,
    NotLlama,
    Unknown,
}

/// What the texts say.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub origin: Origin,
    pub ruling: Ruling,
    pub license: Option<String>,
    pub clause: Option<String>,
    pub why: String,
    pub obligations: Vec<Obligation>,
    pub cited: Cited,
    pub fix: Fix,
    /// Whether the kind of use is only perhaps a use of outputs.
    pub use_open: bool,
    /// What a person would have to answer, beside the license.
    pub question: String,
}

/// What the texts say about one claim.
pub(super) fn judge(setting: &Setting<'_>, facts: &ClaimFacts<'_>) -> Judged {
    // A contract of the licensor takes the place of the model's license.
    if let Access::Contract { terms } = facts.access {
        let multimodal = match facts.generator.map(|generator| &generator.outcome) {
            Some(Outcome::Known(known)) => known.multimodal,
            // Not known to take text only.
            Some(
                Outcome::LlamaVersionUnknown
                | Outcome::Ambiguous { .. }
                | Outcome::NotLlama { .. }
                | Outcome::Unknown,
            )
            | None => true,
        };
        return under(terms, multimodal, false, setting, facts);
    }
    let Some(generator) = facts.generator else {
        let why = reason::NOBODY_NAMED_A_MODEL.to_owned();
        return review(Origin::Unknown, why, Fix::NameModel, "model-not-named");
    };
    match &generator.outcome {
        Outcome::Known(known) => known
            .licenses
            .iter()
            .map(|license| under(license, known.multimodal, known.derivative, setting, facts))
            .reduce(stricter)
            .unwrap_or_else(|| {
                let why = reason::NO_LICENSE_KNOWN.to_owned();
                review(Origin::Unknown, why, Fix::NameModel, "license-unknown")
            }),
        Outcome::LlamaVersionUnknown => version_unknown(generator, setting, facts),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => ambiguous(generator, candidates, *maybe_not_llama, setting, facts),
        Outcome::NotLlama { licensor, license } => {
            not_llama(licensor, license.as_deref(), setting, facts)
        }
        Outcome::Unknown => {
            let why = reason::unknown_model(generator);
            let question = format!("model-unknown:{}", generator.raw_id);
            review(Origin::Unknown, why, Fix::NameModel, &question)
        }
    }
}

fn review(origin: Origin, why: String, fix: Fix, question: &str) -> Judged {
    Judged {
        origin,
        ruling: Ruling::NeedsReview,
        license: None,
        clause: None,
        why,
        obligations: Vec::new(),
        cited: Cited::default(),
        fix,
        use_open: false,
        question: question.to_owned(),
    }
}

/// The stricter of two judgements, with the duties of both.
fn stricter(a: Judged, b: Judged) -> Judged {
    let (mut kept, other) = if b.ruling > a.ruling { (b, a) } else { (a, b) };
    kept.obligations = merged(
        kept.obligations
            .into_iter()
            .chain(other.obligations)
            .collect(),
    );
    kept.cited.join(other.cited);
    kept.use_open &= other.use_open;
    kept
}

/// What the texts of one license say about every base together, for this organisation.
pub(super) fn under(
    license: &License,
    multimodal: bool,
    derivative: bool,
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let position = setting.position;
    let readings = &position.readings;
    let case = Case::new(setting.target, facts.of_outputs);
    let (mut found, base) = over_bases(setting, license.llama, |relation| {
        cell(license, relation, case, readings)
    });
    if derivative {
        found = found.by(Reading::DerivativeOutputs);
        if readings.answer(Reading::DerivativeOutputs) == Answer::Open
            && found.ruling < Ruling::NeedsReview
        {
            (found.ruling, found.why) = (Ruling::NeedsReview, Why::Derivative);
        }
    }
    let mut merely_found = false;
    if found.ruling >= Ruling::NeedsReview
        && liftable(found.why)
        && position.grant(license, GrantScope::Outputs).is_some()
    {
        found.ruling = if case.distributed {
            Ruling::PermittedWithObligations
        } else {
            Ruling::Permitted
        };
        found.why = Why::Granted;
    } else if found.ruling == Ruling::Prohibited
        && facts.acquisition == Acquisition::Found
        // Who accepted the license elsewhere is bound by it here too.
        && position.accepted(license) != Some(true)
    {
        found = found.by(Reading::FoundOutputs);
        match readings.answer(Reading::FoundOutputs) {
            Answer::Yes => {}
            Answer::Open => (found.ruling, merely_found) = (Ruling::NeedsReview, true),
            Answer::No => (found.ruling, merely_found) = (Ruling::Permitted, true),
        }
    }
    organisation(license, multimodal, setting, &mut found);
    let mut fix = reason::fix_for(found.why);
    if merely_found {
        fix = Fix::Counsel;
    }
    Judged {
        origin: Origin::Llama,
        ruling: found.ruling,
        license: Some(license.id.clone()),
        clause: reason::section(found.why, license).map(|section| license.cite(section)),
        why: sentence(found.why, license, base, setting, merely_found),
        obligations: obligations(license, found, setting, facts),
        cited: found.cited,
        fix,
        use_open: found.use_open,
        question: match (merely_found, found.why) {
            (true, _) => Reading::FoundOutputs.id().to_owned(),
            (false, Why::BaseUnknown) => {
                format!(
                    "base-unknown:{}",
                    base.map_or("", |base| base.raw_id.as_str())
                )
            }
            (false, why) => reason::question(why).to_owned(),
        },
    }
}

/// Whether a grant to use outputs answers this.
fn liftable(why: Why) -> bool {
    matches!(
        why,
        Why::ImproveBan
            | Why::OpenVersion(_)
            | Why::NotLanguageModel
            | Why::UseOpen(_)
            | Why::Purpose
            | Why::CommercialResearch
            | Why::ResearchRelease
            | Why::Competing
            | Why::Derivative
    )
}

/// What turns on the organisation: where it is seated, how many users it had.
fn organisation(license: &License, multimodal: bool, setting: &Setting<'_>, found: &mut Cell) {
    let position = setting.position;
    if multimodal && license.clauses.eu_multimodal.is_some() {
        let (ruling, why) = match position.in_eu() {
            Some(false) => (Ruling::Permitted, found.why),
            None => (Ruling::NeedsReview, Why::SeatUnknown),
            Some(true) => {
                *found = found.by(Reading::EuMultimodal);
                match position.readings.answer(Reading::EuMultimodal) {
                    Answer::Yes => (Ruling::Prohibited, Why::Seated),
                    Answer::No => (Ruling::Permitted, found.why),
                    Answer::Open => (Ruling::NeedsReview, Why::Seated),
                }
            }
        };
        if ruling > found.ruling {
            (found.ruling, found.why) = (ruling, why);
        }
    }
    if let Users::Above(_) = position.users(license)
        && found.ruling < Ruling::Prohibited
    {
        (found.ruling, found.why) = (Ruling::Prohibited, Why::TooManyUsers);
    }
}

fn obligations(
    license: &License,
    found: Cell,
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
) -> Vec<Obligation> {
    let none = matches!(found.why, Why::NotOutput(_) | Why::Evaluation)
        || facts.of_outputs == OutputUse::Evaluation;
    if found.ruling >= Ruling::NeedsReview || none {
        return Vec::new();
    }
    let mut all = duties::output_duties(license, setting);
    if found.why == Why::Incorporates {
        duties::materials(license, setting, &mut all);
    }
    if found.ruling == Ruling::PermittedWithObligations {
        all.extend(duties::base_duties(setting));
    }
    merged(all)
}

/// The strictest ruling over all bases: a merge is allowed only where each of them is. A base of
/// several possible relations gives its ruling only if every relation gives the same.
pub(super) fn over_bases<'l>(
    setting: &Setting<'l>,
    own: Option<LlamaVersion>,
    rule: impl Fn(Relation) -> Cell,
) -> (Cell, Option<&'l Resolution>) {
    let mut strictest: Option<(Cell, &Resolution)> = None;
    for base in &setting.lineage.bases {
        let mut possible = relations(base, own).into_iter().map(&rule);
        let unknown = Cell::new(Ruling::NeedsReview, Why::BaseUnknown);
        // `relations` is never empty; if it were, the base would be unknown.
        let first = possible.next().unwrap_or(unknown);
        let found = if possible.all(|other| other.ruling == first.ruling) {
            first
        } else {
            unknown
        };
        if strictest
            .as_ref()
            .is_none_or(|(known, _)| found.ruling > known.ruling)
        {
            strictest = Some((found, base));
        }
    }
    strictest.map_or_else(
        || (rule(Relation::NotLlama), None),
        |(found, base)| (found, Some(base)),
    )
}

/// Llama without a known version: treated as Llama 2 and 3 where the target is not Llama, open
/// where it is.
fn version_unknown(
    generator: &Resolution,
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let case = Case::new(setting.target, facts.of_outputs);
    let open = !case.language_model
        || matches!(case.of_outputs, OutputUse::Evaluation | OutputUse::Filter)
        || facts.acquisition == Acquisition::Found;
    let (found, base) = over_bases(setting, None, |relation| match relation {
        Relation::NotLlama if !open => Cell::new(Ruling::Prohibited, Why::VersionUnknown),
        Relation::NotLlama | Relation::Same | Relation::OtherLlama(_) => {
            Cell::new(Ruling::NeedsReview, Why::VersionUnknown)
        }
    });
    Judged {
        ruling: found.ruling,
        ..review(
            Origin::LlamaVersionUnknown,
            reason::version_unknown(generator, base, found.ruling),
            Fix::NameVersion,
            &format!("llama-version-unknown:{}", generator.raw_id),
        )
    }
}

/// An id with several readings is never permitted; it is prohibited where each reading is.
fn ambiguous(
    generator: &Resolution,
    candidates: &[std::sync::Arc<License>],
    maybe_not_llama: bool,
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let origin = if candidates.is_empty() {
        Origin::Unknown
    } else {
        Origin::LlamaVersionUnknown
    };
    let readings: Vec<Judged> = candidates
        .iter()
        .map(|license| under(license, false, false, setting, facts))
        .collect();
    let why = reason::ambiguous(generator, candidates, maybe_not_llama);
    let prohibited = !maybe_not_llama
        && !readings.is_empty()
        && readings
            .iter()
            .all(|judged| judged.ruling == Ruling::Prohibited);
    if let Some(judged) = readings.into_iter().reduce(stricter).filter(|_| prohibited) {
        return Judged {
            origin,
            why: format!(
                "{why}; each of them excludes this, for example {}",
                judged.why
            ),
            fix: Fix::NameVersion,
            ..judged
        };
    }
    let question = format!("model-ambiguous:{}", generator.raw_id);
    review(origin, why, Fix::NameVersion, &question)
}

/// Output of a model that is not Llama: a note, unless a clause that is known restricts this use;
/// then a person decides.
fn not_llama(
    licensor: &str,
    license: Option<&License>,
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let Some(license) = license else {
        let why = reason::outside(licensor);
        return Judged {
            ruling: Ruling::Permitted,
            ..review(Origin::NotLlama, why, Fix::Nothing, "")
        };
    };
    let bases = &setting.lineage.bases;
    let same_licensor = !bases.is_empty()
        && bases.iter().all(|base| match &base.outcome {
            Outcome::NotLlama {
                license: Some(own), ..
            } => own.id == license.id,
            Outcome::NotLlama { license: None, .. }
            | Outcome::Known(_)
            | Outcome::LlamaVersionUnknown
            | Outcome::Ambiguous { .. }
            | Outcome::Unknown => false,
        });
    // The exclusion of the own family is read as for Llama: the base stands under the same text.
    let relation = if same_licensor {
        Relation::Same
    } else {
        Relation::NotLlama
    };
    let case = Case::new(setting.target, facts.of_outputs);
    let mut found = cell(license, relation, case, &setting.position.readings);
    if found.ruling >= Ruling::NeedsReview
        && setting
            .position
            .grant(license, GrantScope::Outputs)
            .is_some()
    {
        (found.ruling, found.why) = (Ruling::Permitted, Why::Granted);
    }
    // The texts of other licensors are read by shape only; a person has to look before "prohibited".
    let ruling = found.ruling.min(Ruling::NeedsReview);
    let restricted = ruling == Ruling::NeedsReview;
    let duties = if restricted {
        Vec::new()
    } else {
        duties::output_duties(license, setting)
    };
    Judged {
        origin: Origin::NotLlama,
        ruling,
        license: Some(license.id.clone()),
        clause: reason::section(found.why, license).map(|section| license.cite(section)),
        why: reason::other(license, restricted),
        obligations: duties,
        cited: found.cited,
        fix: if restricted {
            Fix::Counsel
        } else {
            Fix::Nothing
        },
        use_open: found.use_open,
        question: reason::question(found.why).to_owned(),
    }
}
