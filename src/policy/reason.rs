//! Wording: why, and how to fix it. Plain sentences that state a match and a reading, never who
//! wrote a text, and never advice on the law.

use std::fmt;
use std::fmt::Write as _;

use crate::model::Access;
use crate::model::Code;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Ruling;
use crate::model::target::Target;

use super::cell::Cited;
use super::cell::Why;
use super::codes;
use super::decide::Basis;
use super::decide::ClaimFacts;
use super::decide::Setting;
use super::judge::Judged;
use super::judge::Said;
use super::judge::Text;
use super::position::Position;
use super::readings::Reading;
use super::sentence::Sentence;
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

/// What a person would have to answer, beside the license: the same for every record that raises
/// it. `None` unless the ruling is "needs review".
pub(super) fn question(judged: &Judged<'_>) -> Option<String> {
    if judged.ruling != Ruling::NeedsReview {
        return None;
    }
    let asked = match judged.said {
        _ if judged.sign_off => "sign-off-required".to_owned(),
        Said::NoModel => "model-not-named".to_owned(),
        Said::NoLicense => "license-unknown".to_owned(),
        Said::Unknown(generator) => format!("model-unknown:{}", generator.raw_id),
        Said::VersionUnknown(generator, _) => {
            format!("llama-version-unknown:{}", generator.raw_id)
        }
        Said::Ambiguous(readings) => format!("model-ambiguous:{}", readings.generator.raw_id),
        Said::Text(text) | Said::Other(text) | Said::EachExcludes(_, text) => asked(text),
        Said::Outside(_) => String::new(),
    };
    Some(match judged.said.text() {
        Some(text) => format!("{}:{asked}", text.license.id),
        None => asked,
    })
}

/// What a person would have to answer about one license.
fn asked(text: Text<'_>) -> String {
    match (text.doubt, text.why) {
        (Some(reading), _) => reading.id().to_owned(),
        (None, Why::BaseUnknown) => {
            let base = text.base.map_or("", |base| base.raw_id.as_str());
            format!("base-unknown:{base}")
        }
        (None, why) => open_point(why).to_owned(),
    }
}

/// The id of a reading, or a word for the missing fact.
fn open_point(why: Why) -> &'static str {
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

/// How the rows, or the use, are left out; for rows the command that splits the input. A target
/// without a name was given by its base alone.
struct Split<'s>(&'s Target, Basis);

impl fmt::Display for Split<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(target, basis) = self;
        if *basis == Basis::Declared {
            return f.write_str(
                "train without what this model produced and remove its entry from the target file",
            );
        }
        f.write_str("split the rows off with `herdbook check INPUT ")?;
        match (&target.name, target.base.first()) {
            (Some(_), _) => f.write_str("--target TARGET.toml"),
            (None, Some(base)) => write!(f, "--target-model {base}"),
            (None, None) => f.write_str("--target-model scratch"),
        }?;
        f.write_str(" --clean clean/ --quarantine quarantine/` and train on clean/")
    }
}

/// The duties that are still to be met.
struct Open<'s>(&'s [Obligation]);

impl fmt::Display for Open<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.0.iter();
        let open = open.filter(|duty| duty.state >= ObligationState::NotYetCheckable);
        for (at, duty) in open.enumerate() {
            let then = if at == 0 { "" } else { "; " };
            write!(f, "{then}{}", duty.text)?;
        }
        Ok(())
    }
}

/// A text of which is known about how long it will be, so that it is allocated once.
fn written(bytes: usize, text: fmt::Arguments<'_>) -> String {
    let mut out = String::with_capacity(bytes);
    match out.write_fmt(text) {
        Ok(()) => out,
        // A string takes whatever is written to it; `format` says so if not.
        Err(fmt::Error) => fmt::format(text),
    }
}

/// Room for a reason and for a remedy. *Measured*: most are shorter.
const REASON_BYTES: usize = 512;
const REMEDY_BYTES: usize = 320;

/// The whole reason: whom the claim is about, what the texts say, what the level rests on.
pub(super) fn reason(
    setting: &Setting<'_>,
    facts: &ClaimFacts<'_>,
    judged: &Judged<'_>,
    code: Code,
) -> String {
    let claim = Claim(facts);
    let sentence = Sentence(judged, setting);
    let level = LevelReason(code, setting.policy, facts);
    let readings = SwitchedReadings(judged.cited, setting.position);
    written(
        REASON_BYTES,
        format_args!("{claim}; {sentence}{level}{readings}"),
    )
}

/// Whom the claim is about: the first half of every reason.
struct Claim<'s>(&'s ClaimFacts<'s>);

impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(facts) = self;
        let Some(generator) = facts.generator else {
            return f.write_str("matches registered output for which no model was named");
        };
        f.write_str(match facts.basis {
            Basis::Match => "matches registered output claimed as ",
            Basis::Declared => "the target file declares that ",
        })?;
        let raw = &generator.raw_id;
        match &generator.outcome {
            Outcome::Known(known) => write!(f, "{} ({raw})", known.family),
            Outcome::NotLlama { licensor, .. } => write!(f, "{raw} (of {licensor})"),
            Outcome::LlamaVersionUnknown | Outcome::Ambiguous { .. } | Outcome::Unknown => {
                f.write_str(raw)
            }
        }?;
        match facts.basis {
            Basis::Match => Ok(()),
            Basis::Declared => write!(f, " is used ({})", facts.of_outputs.as_str()),
        }
    }
}

/// Which of the readings cited the organisation has switched.
struct SwitchedReadings<'s>(Cited, &'s Position);

impl fmt::Display for SwitchedReadings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for info in self.0.infos() {
            let answer = self.1.readings.answer(info.reading);
            if answer != info.default {
                write!(f, "; adopted reading: {} = {answer}", info.id)?;
            }
        }
        Ok(())
    }
}

/// What the level rests on where that is not the license.
struct LevelReason<'s>(Code, &'s Policy, &'s ClaimFacts<'s>);

impl fmt::Display for LevelReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code, policy, facts) = self;
        match *code {
            codes::WEAK_MATCH => write!(
                f,
                "; the match is weaker ({:.2}) than the policy's block threshold ({:.2}), so this \
                 is for a person to look at",
                facts.strength,
                policy.block_strength()
            ),
            codes::TIER_BOUNDED => write!(
                f,
                "; the policy bounds matches of tier {}",
                facts.tier.as_str()
            ),
            codes::MODEL_NOT_ALLOWED => write!(
                f,
                "; policy \"{}\" does not list this model as allowed",
                policy.name()
            ),
            codes::SHORT_EXACT_MATCH => {
                f.write_str("; the text is too short to be evidence by itself")
            }
            codes::STRICT_LLAMA_OUTPUT => write!(
                f,
                "; policy \"{}\" admits no Llama output in a target that is not Llama",
                policy.name()
            ),
            _ => Ok(()),
        }?;
        if let Access::HostUnread { host } = facts.access {
            write!(
                f,
                "; it was generated at {host}, whose terms on outputs were not read"
            )?;
        }
        Ok(())
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
    let remedy = Remedy {
        code,
        fix,
        target,
        basis: facts.basis,
        obligations,
    };
    written(REMEDY_BYTES, format_args!("{remedy}"))
}

struct Remedy<'s> {
    code: Code,
    fix: Fix,
    target: &'s Target,
    basis: Basis,
    obligations: &'s [Obligation],
}

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = Split(self.target, self.basis);
        let open = Open(self.obligations);
        if [
            codes::WEAK_MATCH,
            codes::SHORT_EXACT_MATCH,
            codes::TIER_BOUNDED,
        ]
        .contains(&self.code)
        {
            return write!(
                f,
                "look at the rows beside the registered record; if they are copies, {split}"
            );
        }
        if self.code == codes::STRICT_LLAMA_OUTPUT {
            return write!(f, "{split}, or use a policy that is not strict");
        }
        if self.code == codes::MODEL_NOT_ALLOWED {
            return write!(
                f,
                "{split}, or have the model added to `allowed_models` in the policy"
            );
        }
        if self.code == codes::DUTY_UNMET {
            return write!(f, "{open}; or {split}");
        }
        if self.code == codes::DUTY_OPEN {
            let name = match &self.target.name {
                None => " (state `name` in a target file to have the name checked)",
                Some(_) => "",
            };
            return write!(f, "before release{name}: {open}");
        }
        if self.code == codes::HOST_TERMS_UNREAD {
            return f.write_str("have the host's terms on outputs read before training on this");
        }
        match self.fix {
            Fix::Nothing => f.write_str("nothing has to be done"),
            Fix::SplitOrTarget => {
                write!(
                    f,
                    "{split}, or choose a target that is based on the same Llama version"
                )
            }
            Fix::SplitOrPurpose => {
                write!(
                    f,
                    "{split}; these rows can only serve non-commercial research"
                )
            }
            Fix::Counsel => write!(f, "have counsel decide the open point; until then {split}"),
            Fix::NameBase => write!(
                f,
                "name the base by an id that `herdbook models resolve ID` knows, e.g. its Hugging \
             Face id; or {split}"
            ),
            Fix::NameModel => write!(
                f,
                "find out which model it was, withdraw the source and register it again with `herdbook \
             register FILE --source NEW-NAME --model ID`; or {split}"
            ),
            Fix::NameVersion => write!(
                f,
                "find out which version it was, withdraw the source and register it again under the \
             full id with `herdbook register FILE --source NEW-NAME --model ID`; or {split}"
            ),
            Fix::Profile => {
                write!(
                    f,
                    "have compliance state `principal_place_in_eu` in organization.toml; until then \
                 {split}"
                )
            }
            Fix::Grant => write!(
                f,
                "have compliance record the licensor's separate grant in organization.toml; until then \
             {split}"
            ),
            Fix::SignOff => {
                write!(
                    f,
                    "request it with `herdbook signoff request`; until it is approved {split}"
                )
            }
            Fix::Duties => f.write_str("nothing has to be done now: the duties are met"),
        }
    }
}
