//! The decision table: what one license says of one base, cell by cell, on one screen.

use crate::model::BanScope;
use crate::model::Clauses;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Ruling;
use crate::model::target::{OutputUse, Purpose, Target, TargetKind};

use super::duties::outputs_bind;
use super::readings::Answer;
use super::readings::Reading;
use super::readings::ReadingInfo;
use super::readings::Readings;
use super::relation::Relation;

/// The features of a target and its use that the decision table turns on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub distributed: bool,
    pub language_model: bool,
    pub purpose: Purpose,
    pub of_outputs: OutputUse,
}

impl Case {
    pub(super) fn new(target: &Target, of_outputs: OutputUse) -> Self {
        Self {
            distributed: target.availability.distributed(),
            language_model: matches!(target.kind, TargetKind::Llm | TargetKind::Vlm),
            purpose: target.purpose,
            of_outputs,
        }
    }
}

/// Why a cell of the decision table says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The license excludes improving other models.
    ImproveBan,
    /// Whether the exclusion of the own family reaches this version is open.
    OpenVersion(LlamaVersion),
    /// Whether a ban on language models reaches this kind is open.
    NotLanguageModel,
    /// A ban on language models does not reach this kind, as adopted.
    KindNotReached,
    /// Whether what was taken is an output at all is open.
    UseOpen(Reading),
    /// What was taken is no output, as adopted.
    NotOutput(Reading),
    /// The purpose is excluded.
    Purpose,
    /// Whether research by a commercial entity is non-commercial research is open.
    CommercialResearch,
    /// Whether a released research model incorporates the outputs is open.
    ResearchRelease,
    /// A released research model incorporates the outputs, as adopted.
    Incorporates,
    /// Non-commercial research is what the license is for.
    Research,
    /// Whether the target competes is not known.
    Competing,
    /// The text itself lets this use through.
    Excepted,
    /// Evaluation improves nothing.
    Evaluation,
    /// The target belongs to the license's own family.
    OwnFamily,
    /// Another version of the family, tolerated as adopted.
    Tolerated(LlamaVersion),
    /// Permitted, with duties on what is distributed.
    Duties,
    /// Permitted, no duty arises now.
    NoDuty,
    /// The base is not known and the answer turns on it.
    BaseUnknown,
    /// Whether outputs of a derivative are covered is open.
    Derivative,
    /// Where the organisation is seated is not known.
    SeatUnknown,
    /// It is seated where the use policy grants no rights.
    Seated,
    /// It had more monthly users than the license covers.
    TooManyUsers,
    /// A separate grant lifts the restriction.
    Granted,
    /// The Llama version is not known.
    VersionUnknown,
}

/// Readings that a ruling rests on, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cited(u32);

impl Cited {
    pub(super) fn add(&mut self, reading: Reading) {
        self.0 |= 1 << reading as u32;
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// What is said about each, in order.
    pub(super) fn infos(self) -> impl Iterator<Item = &'static ReadingInfo> {
        super::readings::ALL
            .iter()
            .filter(move |info| self.0 & (1 << info.reading as u32) != 0)
    }

    /// Their ids, in order.
    pub(super) fn ids(self) -> Vec<&'static str> {
        self.infos().map(|info| info.id).collect()
    }
}

/// One cell: the ruling, why, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub ruling: Ruling,
    pub why: Why,
    pub cited: Cited,
    /// Whether the kind of use is only perhaps a use of outputs.
    pub use_open: bool,
}

impl Cell {
    pub(super) fn new(ruling: Ruling, why: Why) -> Self {
        Self {
            ruling,
            why,
            cited: Cited::default(),
            use_open: false,
        }
    }

    /// The same cell, resting on a reading.
    pub(super) fn by(mut self, reading: Reading) -> Self {
        self.cited.add(reading);
        self
    }
}

/// The reading that tells whether a kind of use is a use of outputs; none for the plain text.
pub(super) fn use_reading(of_outputs: OutputUse) -> Option<Reading> {
    match of_outputs {
        OutputUse::Text => None,
        OutputUse::Logits => Some(Reading::Logits),
        OutputUse::Rewrite => Some(Reading::Rewriting),
        OutputUse::Prompts => Some(Reading::Prompts),
        OutputUse::Labels => Some(Reading::Labels),
        OutputUse::Filter => Some(Reading::Selection),
        OutputUse::Evaluation => Some(Reading::EvaluationImproves),
    }
}

/// Whether a reading is about a kind of use.
pub(super) fn is_use_reading(reading: Reading) -> bool {
    OutputUse::ALL
        .iter()
        .any(|of_outputs| use_reading(*of_outputs) == Some(reading))
}

/// What one license says of one base. Every cell of the published table is one arm here.
pub(super) fn cell(license: &License, relation: Relation, case: Case, readings: &Readings) -> Cell {
    use Answer::{No, Open, Yes};
    use Relation::{NotLlama, OtherLlama, Same};
    use Ruling::{NeedsReview, Permitted, PermittedWithObligations, Prohibited};
    let clauses = &license.clauses;
    let owed = |why| {
        if case.distributed {
            Cell::new(PermittedWithObligations, why)
        } else {
            Cell::new(Permitted, why)
        }
    };
    // Shape 3: the purpose decides, whatever the target is.
    if clauses.purpose_limit.is_some() {
        return purpose(relation, case, readings);
    }
    // Shape 2: whether the target competes is not known here.
    if let Some(ban) = &clauses.competing_ban {
        let evaluated = ban.evaluation_excepted && case.of_outputs == OutputUse::Evaluation;
        let classifies = ban.classifiers_excepted && !case.language_model && !case.distributed;
        return if evaluated || classifies {
            Cell::new(Permitted, Why::Excepted)
        } else {
            Cell::new(NeedsReview, Why::Competing)
        };
    }
    // Whether what was taken is output at all: an adopted reading for all but the plain text.
    let taken = use_reading(case.of_outputs);
    let use_open = match taken.map(|reading| (reading, readings.answer(reading))) {
        Some((reading @ Reading::EvaluationImproves, Yes)) => {
            return Cell::new(Permitted, Why::Evaluation).by(reading);
        }
        Some((reading, No)) => return Cell::new(Permitted, Why::NotOutput(reading)).by(reading),
        Some((_, Open)) => true,
        Some((_, Yes)) | None => false,
    };
    let with_use = |mut found: Cell| {
        if let Some(reading) = taken {
            found.cited.add(reading);
        }
        found.use_open = use_open;
        found
    };
    // Shape 1: a ban on improving other models, the licensor's own family excluded.
    if let Some(ban) = &clauses.improve_ban {
        let reached = case.language_model || ban.scope == BanScope::AnyModel;
        let kind = readings.answer(Reading::OtherKinds);
        let version = readings.answer(Reading::Llama3Includes31);
        let family = readings.answer(Reading::FamilyTolerated);
        let found = match relation {
            Same if ban.own_family_excluded => owed(Why::OwnFamily),
            Same | OtherLlama(_) | NotLlama if !reached && kind == Open => {
                Cell::new(NeedsReview, Why::NotLanguageModel).by(Reading::OtherKinds)
            }
            Same | OtherLlama(_) | NotLlama if !reached && kind == No => {
                Cell::new(Permitted, Why::KindNotReached).by(Reading::OtherKinds)
            }
            OtherLlama(v) if ban.open_for.contains(&v) && version == Open => {
                Cell::new(NeedsReview, Why::OpenVersion(v)).by(Reading::Llama3Includes31)
            }
            OtherLlama(v) if ban.open_for.contains(&v) && version == Yes => {
                owed(Why::OwnFamily).by(Reading::Llama3Includes31)
            }
            OtherLlama(v) if ban.own_family_excluded && family == Yes => {
                owed(Why::Tolerated(v)).by(Reading::FamilyTolerated)
            }
            OtherLlama(v) if ban.own_family_excluded && family == Open => {
                Cell::new(NeedsReview, Why::OpenVersion(v)).by(Reading::FamilyTolerated)
            }
            Same | OtherLlama(_) | NotLlama => match taken {
                Some(reading) if use_open => Cell::new(NeedsReview, Why::UseOpen(reading)),
                Some(_) | None => Cell::new(Prohibited, Why::ImproveBan),
            },
        };
        return with_use(found);
    }
    // Shapes 4 and 5: duties of what is distributed or made available.
    let attribution =
        clauses.display.is_some() && readings.answer(Reading::AttributionForOutputs) == Yes;
    // A license without clauses (Apache-2.0, MIT) leaves nothing to do, whatever the base is.
    let same = relation == Same && license.clauses != Clauses::default();
    let bound = same || outputs_bind(license) || attribution;
    with_use(if case.distributed && bound {
        Cell::new(PermittedWithObligations, Why::Duties)
    } else {
        Cell::new(Permitted, Why::NoDuty)
    })
}

/// The cells of a license that limits the purpose.
fn purpose(relation: Relation, case: Case, readings: &Readings) -> Cell {
    use Relation::{NotLlama, OtherLlama, Same};
    use Ruling::{NeedsReview, Permitted, PermittedWithObligations, Prohibited};
    let released = case.distributed && case.language_model;
    let research = || match relation {
        Same if case.distributed => Cell::new(PermittedWithObligations, Why::OwnFamily),
        NotLlama if released => match readings.answer(Reading::ResearchRelease) {
            Answer::Open => Cell::new(NeedsReview, Why::ResearchRelease),
            Answer::Yes => Cell::new(PermittedWithObligations, Why::Incorporates),
            Answer::No => Cell::new(Permitted, Why::Research),
        }
        .by(Reading::ResearchRelease),
        Same | OtherLlama(_) | NotLlama => Cell::new(Permitted, Why::Research),
    };
    let commercial = readings.answer(Reading::CommercialResearch);
    match (case.purpose, relation) {
        (Purpose::NonCommercialResearch, _) => research(),
        (Purpose::CommercialResearch, NotLlama) if released && commercial == Answer::Open => {
            Cell::new(Prohibited, Why::Purpose).by(Reading::CommercialResearch)
        }
        (Purpose::CommercialResearch, _) => match commercial {
            Answer::Open => Cell::new(NeedsReview, Why::CommercialResearch),
            Answer::Yes => research(),
            Answer::No => Cell::new(Prohibited, Why::Purpose),
        }
        .by(Reading::CommercialResearch),
        (Purpose::Commercial | Purpose::Production, _) => Cell::new(Prohibited, Why::Purpose),
    }
}
