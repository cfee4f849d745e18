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
use crate::model::target::{OutputUse, Target};

use super::codes;
use super::decide::{Basis, ClaimFacts};
use super::duties::output_duties;
use super::valid::Policy;

/// Why a cell of the decision table says what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The license excludes improving other models.
    ImproveBan,
    /// Whether the exclusion of the own family reaches this version is open.
    OpenVersion(LlamaVersion),
    /// Whether a ban on language models reaches this kind is open.
    NotLanguageModel,
    /// Whether selecting data improves the target is open.
    Filter,
    /// The purpose is excluded.
    Purpose,
    /// Whether research by a commercial entity is non-commercial research is open.
    CommercialResearch,
    /// Whether a released research model incorporates the outputs is open.
    ResearchRelease,
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
    /// Permitted, with duties on what is distributed.
    Duties,
    /// Permitted, no duty arises now.
    NoDuty,
    /// The base is not known and the answer turns on it.
    BaseUnknown,
    /// The text was found; otherwise it would be prohibited.
    Found(Box<Why>),
    /// Where the organisation is seated is not known.
    SeatUnknown,
    /// The Llama version is not known.
    VersionUnknown,
}

impl Why {
    /// The section that the reason rests on; `None` where it rests on none.
    pub(super) fn section<'a>(&self, license: &'a License) -> Option<&'a str> {
        let clauses = &license.clauses;
        let ban = clauses.improve_ban.as_ref().map(|c| c.section.as_str());
        let purpose = clauses.purpose_limit.as_ref().map(|c| c.section.as_str());
        let competing = clauses.competing_ban.as_ref().map(|c| c.section.as_str());
        let duty = || {
            clauses
                .name_prefix
                .as_ref()
                .map(|c| c.section.as_str())
                .or_else(|| clauses.display.as_ref().map(|c| c.section.as_str()))
                .or_else(|| clauses.flow_down.as_ref().map(|c| c.section.as_str()))
                .or_else(|| clauses.copy.as_ref().map(|c| c.section.as_str()))
        };
        match self {
            Self::ImproveBan | Self::OpenVersion(_) | Self::NotLanguageModel | Self::Filter => ban,
            Self::Purpose | Self::CommercialResearch | Self::Research => purpose,
            Self::ResearchRelease => clauses.copy.as_ref().map(|c| c.section.as_str()),
            Self::Competing | Self::Excepted => competing,
            Self::OwnFamily => ban.or(purpose).or_else(duty),
            Self::SeatUnknown => clauses.eu_multimodal.as_ref().map(|c| c.section.as_str()),
            Self::Found(inner) => inner.section(license),
            Self::Duties | Self::NoDuty => duty(),
            Self::Evaluation | Self::BaseUnknown | Self::VersionUnknown => {
                ban.or(purpose).or(competing).or_else(duty)
            }
        }
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
    /// Meet the duties.
    Duties,
}

pub(super) fn fix_for(why: &Why) -> Fix {
    match why {
        Why::ImproveBan => Fix::SplitOrTarget,
        Why::Purpose => Fix::SplitOrPurpose,
        Why::OpenVersion(_)
        | Why::NotLanguageModel
        | Why::Filter
        | Why::CommercialResearch
        | Why::ResearchRelease
        | Why::Competing
        | Why::Found(_) => Fix::Counsel,
        Why::BaseUnknown => Fix::NameBase,
        Why::VersionUnknown => Fix::NameVersion,
        Why::SeatUnknown => Fix::Profile,
        Why::OwnFamily | Why::Duties => Fix::Duties,
        Why::Research | Why::Excepted | Why::Evaluation | Why::NoDuty => Fix::Nothing,
    }
}

pub(super) const NOBODY_NAMED_A_MODEL: &str =
    "without a model its license is not known, so what it allows is not known either";
pub(super) const NO_LICENSE_KNOWN: &str = "no license of this model is in the catalog";
pub(super) const PROFILE_MISSING: &str = "no organisation profile is given: where the organisation \
is seated and how many monthly users it had when a Llama version was released are not known, and \
some clauses turn on it";
pub(super) const PROFILE_FIX: &str = "have compliance confirm both; until then this stays a flag, \
and outputs of multimodal models need review";

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

/// Why one license says what it says: the second half.
pub(super) fn sentence(
    why: &Why,
    license: &License,
    base: Option<&Resolution>,
    target: &Target,
) -> String {
    let title = &license.title;
    let text = match why.section(license) {
        Some(section) => format!("the {title} (section {section})"),
        None => format!("the {title}"),
    };
    let own = license
        .llama
        .map_or(license.licensor.as_str(), |version| version.label());
    let base_id = base.map_or("", |base| base.raw_id.as_str());
    let kind = target.kind.as_str();
    match why {
        Why::ImproveBan if base.is_none() => format!(
            "{text} excludes improving any other large language model, and a target trained from \
             scratch is not {own} or a derivative of it"
        ),
        Why::ImproveBan => format!(
            "{text} excludes improving any other large language model, and the target's base \
             {base_id} is not {own} or a derivative of it"
        ),
        Why::OpenVersion(version) => format!(
            "{text} excludes improving any other large language model; whether {version} counts as \
             {own} is open, since both licenses define their model by the same download page"
        ),
        Why::NotLanguageModel => format!(
            "{text} speaks of large language models; whether that reaches a model of kind {kind} \
             is open"
        ),
        Why::Filter => format!(
            "{text} excludes improving other large language models; whether selecting data with \
             {own} does so is open"
        ),
        Why::Purpose => format!(
            "{text} excludes commercial and production use of what the model produces, and the \
             target's purpose is {}",
            target.purpose.as_str()
        ),
        Why::CommercialResearch => format!(
            "{text} allows non-commercial research; whether research by a commercial entity is \
             that is open"
        ),
        Why::ResearchRelease => format!(
            "the {title} allows non-commercial research; whether a released model is a work that \
             incorporates the outputs is open"
        ),
        Why::Research => format!("the {title} allows non-commercial research"),
        Why::Competing => format!(
            "{text} excludes models that compete with those of {}; whether this target does is \
             for a person to say",
            license.licensor
        ),
        Why::Excepted => format!("{text} lets this use through"),
        Why::Evaluation => {
            format!("an evaluation that is not fed back improves nothing under the {title}")
        }
        Why::OwnFamily => {
            format!(
                "the target's base {base_id} is {own} or a derivative of it, which {text} allows"
            )
        }
        Why::Duties => {
            let duties: Vec<String> = output_duties(license, target)
                .into_iter()
                .map(|duty| duty.text)
                .collect();
            format!(
                "{text} allows it and asks, of a model that is distributed or made available, to {}",
                duties.join(" and to ")
            )
        }
        Why::NoDuty if target.availability.distributed() => {
            format!("the {title} allows it without a duty")
        }
        Why::NoDuty => format!(
            "the {title} allows it; its duties arise only when the model is distributed or made \
             available"
        ),
        Why::BaseUnknown => format!(
            "the lineage of the target's base {base_id} is not known for sure, and what the \
             {title} says turns on it"
        ),
        Why::Found(inner) => format!(
            "{}; the text was found, and whether the license binds somebody who never accepted it \
             is open",
            sentence(inner, license, base, target)
        ),
        Why::SeatUnknown => format!(
            "{text} grants no rights in multimodal models to those seated in the European Union, \
             and where the organisation is seated is not stated"
        ),
        Why::VersionUnknown => "the Llama version is not known".to_owned(),
    }
}

/// Ids of the adopted readings that a ruling rests on, sorted.
pub(super) fn readings(why: &Why, facts: &ClaimFacts<'_>) -> Vec<&'static str> {
    let mut out = Vec::new();
    match why {
        Why::OpenVersion(_) => out.push("llama-3-is-not-3.1"),
        Why::NotLanguageModel => out.push("language-model-is-open-for-other-kinds"),
        Why::Found(_) => out.push("found-outputs-may-bind"),
        Why::ImproveBan
        | Why::Filter
        | Why::Purpose
        | Why::CommercialResearch
        | Why::ResearchRelease
        | Why::Research
        | Why::Competing
        | Why::Excepted
        | Why::Evaluation
        | Why::OwnFamily
        | Why::Duties
        | Why::NoDuty
        | Why::BaseUnknown
        | Why::SeatUnknown
        | Why::VersionUnknown => {}
    }
    match facts.of_outputs {
        OutputUse::Rewrite => out.push("rewriting-is-output"),
        OutputUse::Logits => out.push("logits-are-output"),
        OutputUse::Prompts => out.push("prompts-are-output"),
        OutputUse::Labels => out.push("labels-are-results"),
        OutputUse::Filter => out.push("selection-is-a-result"),
        OutputUse::Evaluation => out.push("evaluation-improves-nothing"),
        OutputUse::Text => {}
    }
    out.sort_unstable();
    out
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
    if code == codes::WEAK_MATCH || code == codes::SHORT_EXACT_MATCH {
        return format!(
            "look at the rows beside the registered record; if they are copies, {split}"
        );
    }
    if code == codes::STRICT_LLAMA_OUTPUT {
        return format!("{split}, or use a policy that is not strict");
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
            format!("have compliance confirm where the organisation is seated; until then {split}")
        }
        Fix::Duties => "nothing has to be done now: the duties are met".to_owned(),
    }
}
