//! The decision: what the texts say about one claim, and the level the policy gives it.
//!
//! [`cell`] and [`level`] hold all the branching: the first is the decision table, cell by cell;
//! the second turns its ruling into a level. Everything else gathers their inputs and outputs.

use std::cmp::Ordering;

use crate::model::Access;
use crate::model::Acquisition;
use crate::model::BanScope;
use crate::model::Code;
use crate::model::Decision;
use crate::model::Level;
use crate::model::License;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::Ruling;
use crate::model::TargetLineage;
use crate::model::Tier;
use crate::model::target::{OutputUse, Purpose, Stage, Target, TargetKind};

use super::codes;
use super::duties::{base_duties, merged, output_duties, outputs_bind};
use super::reason::{self, Why};
use super::relation::{Relation, is_llama, relations};
use super::valid::Policy;

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Text of an input matches a registered output.
    Match,
    /// The target file declares the use of a model where no text is left to match.
    Declared,
}

/// One claim on one match, resolved: what [`decide()`] needs besides policy and target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClaimFacts<'a> {
    /// What the claimed model id was resolved to; `None` when nobody named a model.
    pub generator: Option<&'a Resolution>,
    /// Whose terms apply besides the license.
    pub access: &'a Access,
    /// How the outputs were acquired.
    pub acquisition: Acquisition,
    /// What is taken from them.
    pub of_outputs: OutputUse,
    /// What the claim rests on.
    pub basis: Basis,
    /// Kind of match. The level follows the strength, not the tier.
    pub tier: Tier,
    /// Strength of the match, compared with the policy's thresholds; not a number counts as
    /// strong. Not looked at for [`Basis::Declared`].
    pub strength: f64,
    /// Whether the text is below the length at which a match is evidence by itself.
    pub short: bool,
}

/// The features of a target and its use that the decision table turns on.
#[derive(Debug, Clone, Copy)]
struct Case {
    distributed: bool,
    language_model: bool,
    purpose: Purpose,
    of_outputs: OutputUse,
}

impl Case {
    fn new(target: &Target, of_outputs: OutputUse) -> Self {
        Self {
            distributed: target.availability.distributed(),
            language_model: matches!(target.kind, TargetKind::Llm | TargetKind::Vlm),
            purpose: target.purpose,
            of_outputs,
        }
    }
}

/// Where a claim comes from, as far as codes and levels are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Llama,
    LlamaVersionUnknown,
    NotLlama,
    Unknown,
}

/// What the texts say, before policy and strength.
struct Judged {
    origin: Origin,
    ruling: Ruling,
    license: Option<String>,
    clause: Option<String>,
    why: String,
    obligations: Vec<Obligation>,
    readings: Vec<&'static str>,
    fix: reason::Fix,
}

/// Decides one claim. Pure and total.
pub fn decide(
    policy: &Policy,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
) -> Decision {
    let judged = judge(target, lineage, facts);
    let (code, level) = level(policy, target, lineage, facts, &judged);
    let mut reason = format!("{}; {}", reason::who(facts), judged.why);
    reason::add_level(&mut reason, code, policy, facts);
    Decision {
        code,
        ruling: Some(judged.ruling),
        level,
        how_to_fix: reason::how_to_fix(code, judged.fix, target, facts, &judged.obligations),
        license: judged.license,
        clause: judged.clause,
        obligations: judged.obligations,
        reason,
        readings: judged.readings,
        question: None,
    }
}

/// The decision table: what one license says of one base. Every cell of the published table is
/// one arm here.
fn cell(license: &License, relation: Relation, case: Case) -> (Ruling, Why) {
    use Relation::{NotLlama, OtherLlama, Same};
    let clauses = &license.clauses;
    // Shape 3: the purpose decides, whatever the target is.
    if clauses.purpose_limit.is_some() {
        return match (case.purpose, relation) {
            (Purpose::Commercial | Purpose::Production, _) => (Ruling::Prohibited, Why::Purpose),
            (Purpose::CommercialResearch, NotLlama) if case.distributed && case.language_model => {
                (Ruling::Prohibited, Why::Purpose)
            }
            (Purpose::CommercialResearch, _) => (Ruling::NeedsReview, Why::CommercialResearch),
            (Purpose::NonCommercialResearch, Same) if case.distributed => {
                (Ruling::PermittedWithObligations, Why::OwnFamily)
            }
            (Purpose::NonCommercialResearch, NotLlama)
                if case.distributed && case.language_model =>
            {
                (Ruling::NeedsReview, Why::ResearchRelease)
            }
            (Purpose::NonCommercialResearch, _) => (Ruling::Permitted, Why::Research),
        };
    }
    // Shape 2: whether the target competes is not known here.
    if let Some(ban) = &clauses.competing_ban {
        let evaluated = ban.evaluation_excepted && case.of_outputs == OutputUse::Evaluation;
        let classifies = ban.classifiers_excepted && !case.language_model && !case.distributed;
        return if evaluated || classifies {
            (Ruling::Permitted, Why::Excepted)
        } else {
            (Ruling::NeedsReview, Why::Competing)
        };
    }
    // Nothing is improved by an evaluation that is not fed back.
    if case.of_outputs == OutputUse::Evaluation {
        return (Ruling::Permitted, Why::Evaluation);
    }
    // Shape 1: a ban on improving other models, the licensor's own family excluded.
    if let Some(ban) = &clauses.improve_ban {
        let names_target = case.language_model || ban.scope == BanScope::AnyModel;
        match relation {
            Same if ban.own_family_excluded && case.distributed => {
                return (Ruling::PermittedWithObligations, Why::OwnFamily);
            }
            Same if ban.own_family_excluded => return (Ruling::Permitted, Why::OwnFamily),
            Same | OtherLlama(_) | NotLlama if !names_target => {
                return (Ruling::NeedsReview, Why::NotLanguageModel);
            }
            OtherLlama(version) if ban.open_for.contains(&version) => {
                return (Ruling::NeedsReview, Why::OpenVersion(version));
            }
            Same | OtherLlama(_) | NotLlama if case.of_outputs == OutputUse::Filter => {
                return (Ruling::NeedsReview, Why::Filter);
            }
            Same | OtherLlama(_) | NotLlama => return (Ruling::Prohibited, Why::ImproveBan),
        }
    }
    // Shapes 4 and 5: duties of what is distributed or made available.
    let bound = relation == Same || outputs_bind(license);
    if case.distributed && bound {
        (Ruling::PermittedWithObligations, Why::Duties)
    } else {
        (Ruling::Permitted, Why::NoDuty)
    }
}

/// Turns what the texts say into code and level: the policy's levels first, then the strength of
/// the match as an upper bound.
fn level(
    policy: &Policy,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
    judged: &Judged,
) -> (Code, Level) {
    let worst = judged.obligations.iter().map(|duty| duty.state).max();
    let into_llama = is_llama(lineage);
    let code = match (judged.origin, judged.ruling) {
        (Origin::Unknown, _) => codes::GENERATOR_UNKNOWN,
        (Origin::LlamaVersionUnknown, _) => codes::LLAMA_VERSION_UNKNOWN,
        (Origin::NotLlama, Ruling::Prohibited | Ruling::NeedsReview) => {
            codes::OTHER_OUTPUT_NEEDS_REVIEW
        }
        (Origin::NotLlama, Ruling::PermittedWithObligations | Ruling::Permitted) => {
            codes::NON_LLAMA_OUTPUT
        }
        (Origin::Llama, Ruling::Prohibited) => codes::LLAMA_OUTPUT_PROHIBITED,
        (Origin::Llama, Ruling::NeedsReview) => codes::LLAMA_OUTPUT_NEEDS_REVIEW,
        (Origin::Llama, Ruling::PermittedWithObligations) => match worst {
            Some(ObligationState::Unmet) => codes::DUTY_UNMET,
            Some(ObligationState::NotYetCheckable) => codes::DUTY_OPEN,
            Some(ObligationState::Latent | ObligationState::Met) | None => {
                codes::LLAMA_OUTPUT_PERMITTED
            }
        },
        (Origin::Llama, Ruling::Permitted) => codes::LLAMA_OUTPUT_PERMITTED,
    };
    let mut code = code;
    let mut level = policy.level(code);
    let dutiful = judged.ruling == Ruling::PermittedWithObligations;
    if code == codes::DUTY_OPEN && target.stage == Stage::Release {
        level = Level::Block;
    }
    // Selecting data: the texts read plainly ask for the duty, the reading by default only shows it.
    if judged.origin == Origin::Llama && dutiful && facts.of_outputs == OutputUse::Filter {
        level = level.min(Level::Flag);
    }
    // Llama into Llama, no duty: nothing that has to be seen.
    if code == codes::LLAMA_OUTPUT_PERMITTED && !dutiful && into_llama {
        level = level.min(Level::Note);
    }
    if judged.origin == Origin::Llama && matches!(facts.access, Access::HostUnread { .. }) {
        let host = policy.level(codes::HOST_TERMS_UNREAD);
        if host > level || code == codes::LLAMA_OUTPUT_PERMITTED {
            code = codes::HOST_TERMS_UNREAD;
            level = level.max(host);
        }
    }
    if policy.strict() && judged.origin == Origin::Llama && !into_llama && level < Level::Block {
        code = codes::STRICT_LLAMA_OUTPUT;
        level = policy.level(code);
    }
    let (bound_code, bound) = bound(policy, facts).unwrap_or((code, Level::Block));
    if level > bound {
        (bound_code, bound)
    } else {
        (code, level)
    }
}

/// The level that the strength of a match allows at most; `None` when it allows any. Written so
/// that a strength that is not a number bounds nothing.
fn bound(policy: &Policy, facts: &ClaimFacts<'_>) -> Option<(Code, Level)> {
    let level = |code| Some((code, policy.level(code)));
    match facts.basis {
        Basis::Match if facts.strength < policy.flag_strength() => {
            Some((codes::WEAK_MATCH, Level::Note))
        }
        Basis::Match if facts.short => level(codes::SHORT_EXACT_MATCH),
        Basis::Match if facts.strength < policy.block_strength() => level(codes::WEAK_MATCH),
        Basis::Match | Basis::Declared => None,
    }
}

fn judge(target: &Target, lineage: &TargetLineage, facts: &ClaimFacts<'_>) -> Judged {
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
        return under(terms, multimodal, target, lineage, facts);
    }
    let Some(generator) = facts.generator else {
        let fix = reason::Fix::NameModel;
        return review(
            Origin::Unknown,
            reason::NOBODY_NAMED_A_MODEL.to_owned(),
            fix,
        );
    };
    match &generator.outcome {
        Outcome::Known(known) => {
            let mut judged = known
                .licenses
                .iter()
                .map(|license| under(license, known.multimodal, target, lineage, facts))
                .reduce(stricter)
                .unwrap_or_else(|| {
                    let why = reason::NO_LICENSE_KNOWN.to_owned();
                    review(Origin::Unknown, why, reason::Fix::NameModel)
                });
            if known.derivative {
                judged.readings.push("derivative-outputs-covered");
            }
            judged
        }
        Outcome::LlamaVersionUnknown => version_unknown(generator, target, lineage, facts),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => ambiguous(
            generator,
            candidates,
            *maybe_not_llama,
            target,
            lineage,
            facts,
        ),
        Outcome::NotLlama { licensor, license } => {
            not_llama(licensor, license.as_deref(), target, lineage, facts)
        }
        Outcome::Unknown => {
            let why = reason::unknown_model(generator);
            review(Origin::Unknown, why, reason::Fix::NameModel)
        }
    }
}

fn review(origin: Origin, why: String, fix: reason::Fix) -> Judged {
    Judged {
        origin,
        ruling: Ruling::NeedsReview,
        license: None,
        clause: None,
        why,
        obligations: Vec::new(),
        readings: Vec::new(),
        fix,
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
    kept.readings.extend(other.readings);
    kept.readings.sort_unstable();
    kept.readings.dedup();
    kept
}

/// What the texts of one license say about every base together.
fn under(
    license: &License,
    multimodal: bool,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let case = Case::new(target, facts.of_outputs);
    let (mut ruling, mut why, base) = over_bases(lineage, license.llama, |relation| {
        cell(license, relation, case)
    });
    let mut fix = reason::fix_for(&why);
    if ruling == Ruling::Prohibited && facts.acquisition == Acquisition::Found {
        ruling = Ruling::NeedsReview;
        why = Why::Found(Box::new(why));
        fix = reason::Fix::Counsel;
    }
    if ruling < Ruling::NeedsReview && multimodal && license.clauses.eu_multimodal.is_some() {
        ruling = Ruling::NeedsReview;
        why = Why::SeatUnknown;
        fix = reason::Fix::Profile;
    }
    let mut obligations = Vec::new();
    if ruling < Ruling::NeedsReview && facts.of_outputs != OutputUse::Evaluation {
        obligations = output_duties(license, target);
        if ruling == Ruling::PermittedWithObligations {
            obligations.extend(base_duties(target, lineage));
        }
    }
    Judged {
        origin: Origin::Llama,
        ruling,
        license: Some(license.id.clone()),
        clause: why.section(license).map(|section| license.cite(section)),
        why: reason::sentence(&why, license, base, target),
        obligations: merged(obligations),
        readings: reason::readings(&why, facts),
        fix,
    }
}

/// The strictest ruling over all bases: a merge is allowed only where each of them is. A base of
/// several possible relations gives its ruling only if every relation gives the same.
fn over_bases(
    lineage: &TargetLineage,
    own: Option<crate::model::LlamaVersion>,
    rule: impl Fn(Relation) -> (Ruling, Why),
) -> (Ruling, Why, Option<&Resolution>) {
    let mut strictest: Option<(Ruling, Why, Option<&Resolution>)> = None;
    for base in &lineage.bases {
        let mut possible = relations(base, own).into_iter().map(&rule);
        // `relations` is never empty; if it were, the base would be unknown.
        let first = possible
            .next()
            .unwrap_or((Ruling::NeedsReview, Why::BaseUnknown));
        let (ruling, why) = if possible.all(|(ruling, _)| ruling == first.0) {
            first
        } else {
            (Ruling::NeedsReview, Why::BaseUnknown)
        };
        if strictest
            .as_ref()
            .is_none_or(|(known, _, _)| ruling > *known)
        {
            strictest = Some((ruling, why, Some(base)));
        }
    }
    strictest.unwrap_or_else(|| {
        let (ruling, why) = rule(Relation::NotLlama);
        (ruling, why, None)
    })
}

/// Llama without a known version: treated as Llama 2 and 3 where the target is not Llama, open
/// where it is.
fn version_unknown(
    generator: &Resolution,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let case = Case::new(target, facts.of_outputs);
    let open = !case.language_model
        || matches!(case.of_outputs, OutputUse::Evaluation | OutputUse::Filter)
        || facts.acquisition == Acquisition::Found;
    let (ruling, _, base) = over_bases(lineage, None, |relation| match relation {
        Relation::NotLlama if !open => (Ruling::Prohibited, Why::VersionUnknown),
        Relation::NotLlama | Relation::Same | Relation::OtherLlama(_) => {
            (Ruling::NeedsReview, Why::VersionUnknown)
        }
    });
    Judged {
        ruling,
        ..review(
            Origin::LlamaVersionUnknown,
            reason::version_unknown(generator, base, ruling),
            reason::Fix::NameVersion,
        )
    }
}

/// An id with several readings is never permitted; it is prohibited where each reading is.
fn ambiguous(
    generator: &Resolution,
    candidates: &[std::sync::Arc<License>],
    maybe_not_llama: bool,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let origin = if candidates.is_empty() {
        Origin::Unknown
    } else {
        Origin::LlamaVersionUnknown
    };
    let readings: Vec<Judged> = candidates
        .iter()
        .map(|license| under(license, false, target, lineage, facts))
        .collect();
    let why = reason::ambiguous(generator, candidates, maybe_not_llama);
    let prohibited = !maybe_not_llama
        && !readings.is_empty()
        && readings
            .iter()
            .all(|judged| judged.ruling == Ruling::Prohibited);
    match readings.into_iter().reduce(stricter).filter(|_| prohibited) {
        Some(judged) => Judged {
            origin,
            why: format!(
                "{why}; each of them excludes this, for example {}",
                judged.why
            ),
            fix: reason::Fix::NameVersion,
            ..judged
        },
        None => review(origin, why, reason::Fix::NameVersion),
    }
}

/// Output of a model that is not Llama: a note, unless a clause that is known restricts this use;
/// then a person decides.
fn not_llama(
    licensor: &str,
    license: Option<&License>,
    target: &Target,
    lineage: &TargetLineage,
    facts: &ClaimFacts<'_>,
) -> Judged {
    let Some(license) = license else {
        return Judged {
            ruling: Ruling::Permitted,
            ..review(
                Origin::NotLlama,
                reason::outside(licensor),
                reason::Fix::Nothing,
            )
        };
    };
    let same_licensor = !lineage.bases.is_empty()
        && lineage.bases.iter().all(|base| match &base.outcome {
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
    let (ruling, why) = cell(license, relation, Case::new(target, facts.of_outputs));
    // The texts of other licensors are read by shape only; a person has to look before "prohibited".
    let ruling = ruling.min(Ruling::NeedsReview);
    let restricted = ruling == Ruling::NeedsReview;
    Judged {
        origin: Origin::NotLlama,
        ruling,
        license: Some(license.id.clone()),
        clause: why.section(license).map(|section| license.cite(section)),
        why: reason::other(license, restricted),
        obligations: Vec::new(),
        readings: Vec::new(),
        fix: if restricted {
            reason::Fix::Counsel
        } else {
            reason::Fix::Nothing
        },
    }
}

/// Findings on the run as a whole. `llama_seen`: whether any claim was on Llama output.
///
/// Facts about the organisation are asked for only where a clause turns on them: Llama output was
/// matched, or a base is Llama.
pub fn run_decisions(policy: &Policy, lineage: &TargetLineage, llama_seen: bool) -> Vec<Decision> {
    let llama_base = lineage
        .bases
        .iter()
        .any(|base| matches!(base.outcome, Outcome::Known(_)));
    if !llama_seen && !llama_base {
        return Vec::new();
    }
    vec![Decision {
        code: codes::ORGANIZATION_PROFILE_MISSING,
        ruling: None,
        level: policy.level(codes::ORGANIZATION_PROFILE_MISSING),
        license: None,
        clause: None,
        obligations: Vec::new(),
        reason: reason::PROFILE_MISSING.to_owned(),
        how_to_fix: reason::PROFILE_FIX.to_owned(),
        readings: Vec::new(),
        question: None,
    }]
}

/// Orders decisions from mildest to strictest: level, then ruling, then license and code, so that
/// the order is the same in every run.
pub fn compare(a: &Decision, b: &Decision) -> Ordering {
    a.level
        .cmp(&b.level)
        .then_with(|| a.ruling.cmp(&b.ruling))
        .then_with(|| b.license.cmp(&a.license))
        .then_with(|| b.code.cmp(&a.code))
}

/// The strictest of several decisions on one text; of equals the first.
pub fn strictest<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Option<&'a Decision> {
    decisions.into_iter().reduce(|kept, next| {
        if compare(next, kept) == Ordering::Greater {
            next
        } else {
            kept
        }
    })
}
