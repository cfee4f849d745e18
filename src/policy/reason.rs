//! Wording: why, and how to fix it. Plain sentences that state a match and a reading, never who
//! wrote a text, and never advice on the law.

use std::sync::Arc;

use crate::model::Access;
use crate::model::Code;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::Ruling;
use crate::model::target::Target;

use super::cell::Cited;
use super::cell::Why;
use super::codes;
use super::decide::Basis;
use super::decide::ClaimFacts;
use super::position::Position;
use super::readings::Reading;
use super::valid::Policy;

/// The section that a reason rests on; `None` where it rests on none.
pub(super) fn section(why: Why, license: &License) -> Option<&str> {
    let clauses = &license.clauses;
    let ban = clauses.improve_ban.as_ref().map(|c| c.section.as_str());
    let purpose = clauses.purpose_limit.as_ref().map(|c| c.section.as_str());
    let competing = clauses.competing_ban.as_ref().map(|c| c.section.as_str());
    let copy = clauses.copy.as_ref().map(|c| c.section.as_str());
    let duty = || {
        clauses
            .name_prefix
            .as_ref()
            .map(|c| c.section.as_str())
            .or_else(|| clauses.display.as_ref().map(|c| c.section.as_str()))
            .or_else(|| clauses.flow_down.as_ref().map(|c| c.section.as_str()))
            .or(copy)
    };
    match why {
        Why::ImproveBan
        | Why::OpenVersion(_)
        | Why::NotLanguageModel
        | Why::KindNotReached
        | Why::Tolerated(_) => ban,
        Why::Purpose | Why::CommercialResearch | Why::Research => purpose,
        Why::ResearchRelease | Why::Incorporates => copy,
        Why::Competing | Why::Excepted => competing,
        Why::OwnFamily => ban.or(purpose).or_else(duty),
        Why::SeatUnknown | Why::Seated => {
            clauses.eu_multimodal.as_ref().map(|c| c.section.as_str())
        }
        Why::TooManyUsers => clauses.monthly_users.as_ref().map(|c| c.section.as_str()),
        Why::Duties | Why::NoDuty => duty(),
        Why::UseOpen(_)
        | Why::NotOutput(_)
        | Why::Evaluation
        | Why::BaseUnknown
        | Why::Derivative
        | Why::Granted
        | Why::VersionUnknown => ban.or(purpose).or(competing).or_else(duty),
    }
}

/// What a person would have to answer: the id of a reading, or a word for the missing fact.
pub(super) fn question(why: Why) -> &'static str {
    match why {
        Why::OpenVersion(LlamaVersion::V3_1) => Reading::Llama3Includes31.id(),
        Why::OpenVersion(_) | Why::Tolerated(_) => Reading::FamilyTolerated.id(),
        Why::NotLanguageModel | Why::KindNotReached => Reading::OtherKinds.id(),
        Why::UseOpen(reading) | Why::NotOutput(reading) => reading.id(),
        Why::CommercialResearch => Reading::CommercialResearch.id(),
        Why::ResearchRelease | Why::Incorporates => Reading::ResearchRelease.id(),
        Why::Derivative => Reading::DerivativeOutputs.id(),
        Why::Seated => Reading::EuMultimodal.id(),
        Why::Evaluation => Reading::EvaluationImproves.id(),
        Why::SeatUnknown => "seat-not-stated",
        Why::Competing => "target-competes",
        Why::BaseUnknown => "base-unknown",
        Why::VersionUnknown => "llama-version-unknown",
        Why::TooManyUsers => "monthly-users",
        Why::Purpose => "purpose",
        Why::ImproveBan => "improve-ban",
        Why::Granted => "grant",
        Why::Research | Why::Excepted | Why::OwnFamily | Why::Duties | Why::NoDuty => "none",
    }
}

/// What kind of remedy fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fix {
    /// Nothing has to be done.
    Nothing,
    /// Split the rows off, or choose a target that the license allows.
    SplitOrTarget,
    /// Split the rows off; the purpose is what stands in the way.
    SplitOrPurpose,
    /// Counsel decides.
    Counsel,
    /// Name a base that the catalog knows.
    NameBase,
    /// Name the model.
    NameModel,
    /// Name the version.
    NameVersion,
    /// State the facts about the organisation.
    Profile,
    /// Have the grant of the licensor recorded.
    Grant,
    /// Have the use signed off.
    SignOff,
    /// Meet the duties.
    Duties,
}

pub(super) fn fix_for(why: Why) -> Fix {
    match why {
        Why::ImproveBan => Fix::SplitOrTarget,
        Why::Purpose => Fix::SplitOrPurpose,
        Why::OpenVersion(_)
        | Why::NotLanguageModel
        | Why::UseOpen(_)
        | Why::CommercialResearch
        | Why::ResearchRelease
        | Why::Competing
        | Why::Derivative
        | Why::Seated => Fix::Counsel,
        Why::BaseUnknown => Fix::NameBase,
        Why::VersionUnknown => Fix::NameVersion,
        Why::SeatUnknown => Fix::Profile,
        Why::TooManyUsers => Fix::Grant,
        Why::OwnFamily | Why::Tolerated(_) | Why::Incorporates | Why::Duties | Why::Granted => {
            Fix::Duties
        }
        Why::Research
        | Why::Excepted
        | Why::Evaluation
        | Why::NoDuty
        | Why::NotOutput(_)
        | Why::KindNotReached => Fix::Nothing,
    }
}

pub(super) const NOBODY_NAMED_A_MODEL: &str =
    "without a model its license is not known, so what it allows is not known either";
pub(super) const NO_LICENSE_KNOWN: &str = "no license of this model is in the catalog";

/// The command that splits the input. A target without a name was given by its base alone.
fn split_command(target: &Target) -> String {
    let target = match (&target.name, target.base.first()) {
        (Some(_), _) => "--target TARGET.toml".to_owned(),
        (None, Some(base)) => format!("--target-model {base}"),
        (None, None) => "--target-model scratch".to_owned(),
    };
    format!("herdbook check INPUT {target} --clean clean/ --quarantine quarantine/")
}

/// Whom the claim is about: the first half of every reason.
pub(super) fn who(facts: &ClaimFacts<'_>) -> String {
    let Some(generator) = facts.generator else {
        return "matches registered output for which no model was named".to_owned();
    };
    let raw = &generator.raw_id;
    let model = match &generator.outcome {
        Outcome::Known(known) => format!("{} ({raw})", known.family),
        Outcome::NotLlama { licensor, .. } => format!("{raw} (of {licensor})"),
        Outcome::LlamaVersionUnknown | Outcome::Ambiguous { .. } | Outcome::Unknown => raw.clone(),
    };
    match facts.basis {
        Basis::Match => format!("matches registered output claimed as {model}"),
        Basis::Declared => {
            let of_outputs = facts.of_outputs.as_str();
            format!("the target file declares that {model} is used ({of_outputs})")
        }
    }
}

/// Says which of the readings cited the organisation has switched.
pub(super) fn add_readings(reason: &mut String, cited: Cited, position: &Position) {
    let cited = cited.ids();
    for (info, answer) in position.readings.switched() {
        if cited.contains(&info.id) {
            reason.push_str("; adopted reading: ");
            reason.push_str(info.id);
            reason.push_str(" = ");
            reason.push_str(answer.as_str());
        }
    }
}

pub(super) fn unknown_model(generator: &Resolution) -> String {
    let mut text =
        "the catalog does not know this model, so what its license allows is not known".to_owned();
    add_note(&mut text, generator);
    text
}

pub(super) fn version_unknown(
    generator: &Resolution,
    base: Option<&Resolution>,
    ruling: Ruling,
) -> String {
    let mut text = match (ruling, base) {
        (Ruling::Prohibited, Some(base)) => format!(
            "until the version is known it is treated as Llama 2 and Llama 3, whose licenses \
             exclude improving other large language models such as one based on {}",
            base.raw_id
        ),
        (Ruling::Prohibited, None) => "until the version is known it is treated as Llama 2 and \
            Llama 3, whose licenses exclude improving other large language models"
            .to_owned(),
        _ => "what its license allows turns on the version, which is not known".to_owned(),
    };
    add_note(&mut text, generator);
    text
}

pub(super) fn ambiguous(
    generator: &Resolution,
    candidates: &[Arc<License>],
    maybe_not_llama: bool,
) -> String {
    let mut names: Vec<&str> = candidates
        .iter()
        .map(|license| license.title.as_str())
        .collect();
    if maybe_not_llama {
        names.push("terms that are not Meta's");
    }
    let mut text = if candidates.is_empty() {
        "the id has more than one reading, and one of them is not Llama".to_owned()
    } else {
        format!("the id has more than one reading: {}", names.join(" or "))
    };
    add_note(&mut text, generator);
    text
}

pub(super) fn outside(licensor: &str) -> String {
    format!(
        "this is outside the Llama licenses; the catalog holds no output clause of {licensor} for it"
    )
}

pub(super) fn other(license: &License, restricted: bool) -> String {
    let title = &license.title;
    let rule = license.outputs.trim_end_matches('.');
    if restricted {
        format!(
            "this is outside the Llama licenses, but its own terms ({title}) restrict it: {rule}"
        )
    } else {
        format!("this is outside the Llama licenses; its own terms ({title}): {rule}")
    }
}

fn add_note(text: &mut String, generator: &Resolution) {
    if !generator.note.is_empty() {
        text.push_str(" (");
        text.push_str(&generator.note);
        text.push(')');
    }
}

/// Adds what the level rests on where that is not the license.
pub(super) fn add_level(reason: &mut String, code: Code, policy: &Policy, facts: &ClaimFacts<'_>) {
    let addition = if code == codes::WEAK_MATCH {
        format!(
            "; the match is weaker ({:.2}) than the policy's block threshold ({:.2}), so this is \
             for a person to look at",
            facts.strength,
            policy.block_strength()
        )
    } else if code == codes::TIER_BOUNDED {
        format!(
            "; the policy bounds matches of tier {}",
            facts.tier.as_str()
        )
    } else if code == codes::MODEL_NOT_ALLOWED {
        format!(
            "; policy \"{}\" does not list this model as allowed",
            policy.name()
        )
    } else if code == codes::SHORT_EXACT_MATCH {
        "; the text is too short to be evidence by itself".to_owned()
    } else if code == codes::STRICT_LLAMA_OUTPUT {
        format!(
            "; policy \"{}\" admits no Llama output in a target that is not Llama",
            policy.name()
        )
    } else {
        String::new()
    };
    reason.push_str(&addition);
    if let Access::HostUnread { host } = facts.access {
        reason.push_str("; it was generated at ");
        reason.push_str(host);
        reason.push_str(", whose terms on outputs were not read");
    }
}

/// What to do, with the command where there is one.
pub(super) fn how_to_fix(
    code: Code,
    fix: Fix,
    target: &Target,
    facts: &ClaimFacts<'_>,
    obligations: &[Obligation],
) -> String {
    let split = if facts.basis == Basis::Declared {
        "train without what this model produced and remove its entry from the target file"
            .to_owned()
    } else {
        format!(
            "split the rows off with `{}` and train on clean/",
            split_command(target)
        )
    };
    if [
        codes::WEAK_MATCH,
        codes::SHORT_EXACT_MATCH,
        codes::TIER_BOUNDED,
    ]
    .contains(&code)
    {
        return format!(
            "look at the rows beside the registered record; if they are copies, {split}"
        );
    }
    if code == codes::STRICT_LLAMA_OUTPUT {
        return format!("{split}, or use a policy that is not strict");
    }
    if code == codes::MODEL_NOT_ALLOWED {
        return format!("{split}, or have the model added to `allowed_models` in the policy");
    }
    let open: Vec<&str> = obligations
        .iter()
        .filter(|duty| duty.state >= ObligationState::NotYetCheckable)
        .map(|duty| duty.text.as_str())
        .collect();
    let open = open.join("; ");
    if code == codes::DUTY_UNMET {
        return format!("{open}; or {split}");
    }
    if code == codes::DUTY_OPEN {
        let name = match &target.name {
            None => " (state `name` in a target file to have the name checked)",
            Some(_) => "",
        };
        return format!("before release{name}: {open}");
    }
    if code == codes::HOST_TERMS_UNREAD {
        return "have the host's terms on outputs read before training on this".to_owned();
    }
    match fix {
        Fix::Nothing => "nothing has to be done".to_owned(),
        Fix::SplitOrTarget => {
            format!("{split}, or choose a target that is based on the same Llama version")
        }
        Fix::SplitOrPurpose => {
            format!("{split}; these rows can only serve non-commercial research")
        }
        Fix::Counsel => format!("have counsel decide the open point; until then {split}"),
        Fix::NameBase => format!(
            "name the base by an id that `herdbook models resolve ID` knows, e.g. its Hugging \
             Face id; or {split}"
        ),
        Fix::NameModel => format!(
            "find out which model it was, withdraw the source and register it again with `herdbook \
             register FILE --source NEW-NAME --model ID`; or {split}"
        ),
        Fix::NameVersion => format!(
            "find out which version it was, withdraw the source and register it again under the \
             full id with `herdbook register FILE --source NEW-NAME --model ID`; or {split}"
        ),
        Fix::Profile => {
            format!(
                "have compliance state `principal_place_in_eu` in organization.toml; until then \
                 {split}"
            )
        }
        Fix::Grant => format!(
            "have compliance record the licensor's separate grant in organization.toml; until then \
             {split}"
        ),
        Fix::SignOff => {
            format!("request it with `herdbook signoff request`; until it is approved {split}")
        }
        Fix::Duties => "nothing has to be done now: the duties are met".to_owned(),
    }
}
