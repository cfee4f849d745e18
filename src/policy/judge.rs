//! What the texts say about one claim, before policy and strength of the match: every license of
//! the generating model against every base of the target, the strictest of all.
//!
//! No words are made here, and nothing is allocated: it runs for every claim on every match.

use std::sync::Arc;

use crate::model::Access;
use crate::model::Acquisition;
use crate::model::GrantScope;
use crate::model::License;
use crate::model::LlamaVersion;
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
use super::duties::Duties;
use super::ground::Ground;
use super::position::Users;
use super::readings::Answer;
use super::readings::Reading;
use super::reason;
use super::reason::Fix;
use super::relation::Relation;
use super::relation::relations;

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
pub(super) struct Judged<'a> {
    pub origin: Origin,
    pub ruling: Ruling,
    pub said: Said<'a>,
    pub duties: Duties<'a>,
    pub cited: Cited,
    pub fix: Fix,
    /// Whether the kind of use is only perhaps a use of outputs.
    pub use_open: bool,
    /// Whether the policy asks for a sign-off that is not there.
    pub sign_off: bool,
}

/// Why, with what the sentence is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said<'a> {
    /// Nobody named a model.
    NoModel,
    /// The catalog holds no license of the model.
    NoLicense,
    /// The catalog does not know the model.
    Unknown(&'a Resolution),
    /// Llama of a version that is not known, for a target with this base.
    VersionUnknown(&'a Resolution, Option<&'a Resolution>),
    /// The id has several readings.
    Ambiguous(Readings<'a>),
    /// The id has several readings, and each of them excludes the use.
    EachExcludes(Readings<'a>, Text<'a>),
    /// One license says it.
    Text(Text<'a>),
    /// Not Llama, and no license of this licensor is in the catalog.
    Outside(&'a str),
    /// Not Llama, under a license of its own.
    Other(Text<'a>),
}

/// An id with several readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readings<'a> {
    pub generator: &'a Resolution,
    pub candidates: &'a [Arc<License>],
    pub maybe_not_llama: bool,
}

/// What one license says of one base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub license: &'a License,
    pub why: Why,
    pub base: Option<&'a Resolution>,
    /// The reading on whether the text is the license's business at all, where it turns on that:
    /// the text was merely found, or a model wrote it that had learnt from outputs.
    pub doubt: Option<Reading>,
}

impl<'a> Said<'a> {
    /// The license that decides and why; `None` where no license is read.
    pub(super) fn text(self) -> Option<Text<'a>> {
        match self {
            Self::Text(text) | Self::Other(text) | Self::EachExcludes(_, text) => Some(text),
            Self::NoModel
            | Self::NoLicense
            | Self::Unknown(_)
            | Self::VersionUnknown(..)
            | Self::Ambiguous(_)
            | Self::Outside(_) => None,
        }
    }
}

/// What the texts say about one claim.
pub(super) fn judge<'a>(ground: &'a Ground<'a>, facts: &ClaimFacts<'a>) -> Judged<'a> {
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
        return under(terms, multimodal, false, ground, facts);
    }
    let Some(generator) = facts.generator else {
        return review(Origin::Unknown, Said::NoModel, Fix::NameModel);
    };
    match &generator.outcome {
        Outcome::Known(known) => known
            .licenses
            .iter()
            .map(|license| under(license, known.multimodal, known.derivative, ground, facts))
            .reduce(stricter)
            .unwrap_or_else(|| review(Origin::Unknown, Said::NoLicense, Fix::NameModel)),
        Outcome::LlamaVersionUnknown => version_unknown(generator, ground, facts),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => {
            let readings = Readings {
                generator,
                candidates,
                maybe_not_llama: *maybe_not_llama,
            };
            ambiguous(readings, ground, facts)
        }
        Outcome::NotLlama { licensor, license } => {
            not_llama(licensor, license.as_deref(), ground, facts)
        }
        Outcome::Unknown => review(Origin::Unknown, Said::Unknown(generator), Fix::NameModel),
    }
}

fn review(origin: Origin, said: Said<'_>, fix: Fix) -> Judged<'_> {
    Judged {
        origin,
        ruling: Ruling::NeedsReview,
        said,
        duties: Duties::new(),
        cited: Cited::default(),
        fix,
        use_open: false,
        sign_off: false,
    }
}

/// The stricter of two judgements, with the duties of both.
fn stricter<'a>(a: Judged<'a>, b: Judged<'a>) -> Judged<'a> {
    let (mut kept, other) = if b.ruling > a.ruling { (b, a) } else { (a, b) };
    kept.duties.extend_from_slice(&other.duties);
    kept.cited.join(other.cited);
    kept.use_open &= other.use_open;
    kept
}

/// What the texts of one license say about every base together, for this organisation.
pub(super) fn under<'a>(
    license: &'a License,
    multimodal: bool,
    derivative: bool,
    ground: &'a Ground<'a>,
    facts: &ClaimFacts<'a>,
) -> Judged<'a> {
    let setting = ground.setting();
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
    let mut doubt = None;
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
            Answer::Open => {
                (found.ruling, doubt) = (Ruling::NeedsReview, Some(Reading::FoundOutputs));
            }
            Answer::No => (found.ruling, doubt) = (Ruling::Permitted, Some(Reading::FoundOutputs)),
        }
    }
    if facts.second_generation {
        found = found.by(Reading::SecondGeneration);
        let answer = readings.answer(Reading::SecondGeneration);
        match (answer, found.ruling) {
            (Answer::Open, Ruling::Prohibited) => {
                (found.ruling, doubt) = (Ruling::NeedsReview, Some(Reading::SecondGeneration));
            }
            (Answer::No, _) => {
                (found.ruling, doubt) = (Ruling::Permitted, Some(Reading::SecondGeneration));
            }
            // What would be owed if it were covered is owed until somebody decides.
            (Answer::Yes | Answer::Open, _) => {}
        }
    }
    organisation(license, multimodal, setting, &mut found);
    let fix = if doubt.is_some() {
        Fix::Counsel
    } else {
        reason::fix_for(found.why)
    };
    Judged {
        origin: Origin::Llama,
        ruling: found.ruling,
        said: Said::Text(Text {
            license,
            why: found.why,
            base,
            doubt,
        }),
        duties: if doubt.is_some() && found.ruling == Ruling::Permitted {
            // Not the license's business, as the organisation reads it: nothing is owed under it.
            Duties::new()
        } else {
            arising(license, found, ground, facts)
        },
        cited: found.cited,
        fix,
        use_open: found.use_open,
        sign_off: false,
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

/// The duties that arise from a cell that permits the use.
fn arising<'a>(
    license: &'a License,
    found: Cell,
    ground: &'a Ground<'a>,
    facts: &ClaimFacts<'a>,
) -> Duties<'a> {
    let mut all = Duties::new();
    let none = matches!(found.why, Why::NotOutput(_) | Why::Evaluation)
        || facts.of_outputs == OutputUse::Evaluation;
    if found.ruling >= Ruling::NeedsReview || none {
        return all;
    }
    let setting = ground.setting();
    duties::of_outputs(license, setting, ground.folder(), &mut all);
    if found.why == Why::Incorporates {
        duties::materials(license, setting, ground.folder(), &mut all);
    }
    if found.ruling == Ruling::PermittedWithObligations {
        all.extend(ground.base_duties());
    }
    all
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
        let mut possible = relations(base, own).map(&rule);
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
fn version_unknown<'a>(
    generator: &'a Resolution,
    ground: &'a Ground<'a>,
    facts: &ClaimFacts<'a>,
) -> Judged<'a> {
    let setting = ground.setting();
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
            Said::VersionUnknown(generator, base),
            Fix::NameVersion,
        )
    }
}

/// An id with several readings is never permitted; it is prohibited where each reading is.
fn ambiguous<'a>(
    readings: Readings<'a>,
    ground: &'a Ground<'a>,
    facts: &ClaimFacts<'a>,
) -> Judged<'a> {
    let origin = if readings.candidates.is_empty() {
        Origin::Unknown
    } else {
        Origin::LlamaVersionUnknown
    };
    let mut judged = readings
        .candidates
        .iter()
        .map(|license| under(license, false, false, ground, facts));
    let prohibited = !readings.maybe_not_llama
        && judged
            .clone()
            .all(|judged| judged.ruling == Ruling::Prohibited);
    if prohibited && let Some(first) = judged.next() {
        let judged = judged.fold(first, stricter);
        if let Some(text) = judged.said.text() {
            return Judged {
                origin,
                said: Said::EachExcludes(readings, text),
                fix: Fix::NameVersion,
                ..judged
            };
        }
    }
    review(origin, Said::Ambiguous(readings), Fix::NameVersion)
}

/// Output of a model that is not Llama: a note, unless a clause that is known restricts this use;
/// then a person decides.
fn not_llama<'a>(
    licensor: &'a str,
    license: Option<&'a License>,
    ground: &'a Ground<'a>,
    facts: &ClaimFacts<'a>,
) -> Judged<'a> {
    let Some(license) = license else {
        return Judged {
            ruling: Ruling::Permitted,
            ..review(Origin::NotLlama, Said::Outside(licensor), Fix::Nothing)
        };
    };
    let setting = ground.setting();
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
    let mut duties = Duties::new();
    if !restricted {
        duties::of_outputs(license, setting, ground.folder(), &mut duties);
    }
    Judged {
        origin: Origin::NotLlama,
        ruling,
        said: Said::Other(Text {
            license,
            why: found.why,
            base: None,
            doubt: None,
        }),
        duties,
        cited: found.cited,
        fix: if restricted {
            Fix::Counsel
        } else {
            Fix::Nothing
        },
        use_open: found.use_open,
        sign_off: false,
    }
}
