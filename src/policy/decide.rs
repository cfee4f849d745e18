//! The decision: what the texts say about one claim, and the level the policy gives it.
//!
//! [`cell`](super::cell::cell) and [`level`] hold all the branching: the first is the decision
//! table, cell by cell; the second turns its ruling into a level. Everything else gathers their
//! inputs and outputs.

use std::cmp::Ordering;

use crate::model::Access;
use crate::model::Acquisition;
use crate::model::Code;
use crate::model::Decision;
use crate::model::Level;
use crate::model::ObligationState;
use crate::model::Resolution;
use crate::model::Ruling;
use crate::model::TargetLineage;
use crate::model::Tier;
use crate::model::target::{OutputUse, Stage, Target};

use super::codes;
use super::ground::Ground;
use super::judge::Judged;
use super::judge::Origin;
use super::position::Position;
use super::reason::Fix;
use super::valid::Policy;

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Text of an input matches a registered output.
    Match,
    /// The target file declares the use of a model where no text is left to match.
    Declared,
}

/// What is the same for every claim of a run.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The organisation's policy.
    pub policy: &'a Policy,
    /// Its readings, and the facts about itself.
    pub position: &'a Position,
    /// The model that the run would improve.
    pub target: &'a Target,
    /// What that model is made from, resolved.
    pub lineage: &'a TargetLineage,
}

/// One claim on one match, resolved: what [`decide()`] needs besides the setting.
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
    /// Whether the generator is not the model that wrote the text, but one whose outputs that model
    /// was improved with.
    pub second_generation: bool,
}

/// Decides one claim and puts it into words. Pure and total. For many claims in one setting make
/// a [`Ground`] once, or ask [`Decisions`](super::Decisions).
pub fn decide(setting: &Setting<'_>, facts: &ClaimFacts<'_>) -> Decision {
    let ground = Ground::new(*setting);
    ground.judge(facts).worded(&ground)
}

/// Turns what the texts say into code and level: the policy's levels first, then the strength of
/// the match as an upper bound.
pub(super) fn level(
    ground: &Ground<'_>,
    facts: &ClaimFacts<'_>,
    judged: &mut Judged<'_>,
) -> (Code, Level) {
    let setting = ground.setting();
    let policy = setting.policy;
    let worst = judged.duties.iter().map(|duty| duty.state).max();
    let into_llama = ground.improves_llama();
    let llama = matches!(judged.origin, Origin::Llama);
    let mut code = match (judged.origin, judged.ruling) {
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
    let mut level = policy.level(code);
    let dutiful = judged.ruling == Ruling::PermittedWithObligations;
    if code == codes::DUTY_OPEN && setting.target.stage == Stage::Release {
        level = Level::Block;
    }
    // A use that is only perhaps one of outputs: the texts read plainly ask for the duty, the
    // reading only shows it.
    if llama && dutiful && judged.use_open {
        level = level.min(Level::Flag);
    }
    // Llama into Llama, no duty: nothing that has to be seen.
    if code == codes::LLAMA_OUTPUT_PERMITTED && !dutiful && into_llama {
        level = level.min(Level::Note);
    }
    if llama && matches!(facts.access, Access::HostUnread { .. }) {
        let host = policy.level(codes::HOST_TERMS_UNREAD);
        if host > level || code == codes::LLAMA_OUTPUT_PERMITTED {
            code = codes::HOST_TERMS_UNREAD;
            level = level.max(host);
        }
    }
    if judged.origin != Origin::NotLlama && level < Level::Block {
        let strict = policy.strict() && llama && !into_llama;
        let allowed = facts
            .generator
            .is_none_or(|generator| policy.allows_model(&generator.raw_id));
        if strict || !allowed {
            code = if strict {
                codes::STRICT_LLAMA_OUTPUT
            } else {
                codes::MODEL_NOT_ALLOWED
            };
            level = policy.level(code);
        }
    }
    let license = judged.said.text().map_or("", |text| &text.license.id);
    if llama && level < Level::Block && policy.requires_sign_off(license) {
        judged.ruling = Ruling::NeedsReview;
        judged.sign_off = true;
        judged.fix = Fix::SignOff;
        code = codes::LLAMA_OUTPUT_NEEDS_REVIEW;
        level = policy.level(code);
    }
    let (bound_code, bound) = bound(policy, facts).unwrap_or((code, Level::Block));
    if level > bound {
        (bound_code, bound)
    } else {
        (code, level)
    }
}

/// The level that the strength of a match, and the policy's level for its tier, allow at most;
/// `None` when they allow any. Written so that a strength that is not a number bounds nothing.
pub(super) fn bound(policy: &Policy, facts: &ClaimFacts<'_>) -> Option<(Code, Level)> {
    let level = |code| Some((code, policy.level(code)));
    match facts.basis {
        Basis::Match if facts.strength < policy.flag_strength() => {
            Some((codes::WEAK_MATCH, Level::Note))
        }
        Basis::Match if facts.short => level(codes::SHORT_EXACT_MATCH),
        Basis::Match if facts.strength < policy.block_strength() => level(codes::WEAK_MATCH),
        Basis::Match => policy
            .tier_level(facts.tier)
            .map(|level| (codes::TIER_BOUNDED, level)),
        Basis::Declared => None,
    }
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
