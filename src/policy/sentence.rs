//! Why, a sentence for each reason of the decision table and for each gap before it.
//!
//! Everything here is written straight into the text that it becomes a part of.

use std::fmt;
use std::sync::Arc;

use crate::model::GrantScope;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Resolution;
use crate::model::Ruling;

use super::cell::Why;
use super::decide::Setting;
use super::duties::Duties;
use super::duties::of_outputs;
use super::duties::worded;
use super::judge::Judged;
use super::judge::Said;
use super::judge::Text;
use super::readings::Answer;
use super::readings::Reading;
use super::reason::section;

/// Why the texts say what they say: the second half of a reason.
pub(super) struct Sentence<'s, 'j>(pub &'s Judged<'j>, pub &'s Setting<'s>);

impl fmt::Display for Sentence<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(judged, setting) = self;
        match judged.said {
            Said::NoModel => f.write_str(
                "without a model its license is not known, so what it allows is not known either",
            ),
            Said::NoLicense => f.write_str("no license of this model is in the catalog"),
            Said::Unknown(generator) => {
                f.write_str(
                    "the catalog does not know this model, so what its license allows is not known",
                )?;
                note(f, generator)
            }
            Said::VersionUnknown(generator, base) => {
                version_unknown(f, base, judged.ruling)?;
                note(f, generator)
            }
            Said::Ambiguous(readings) => {
                ambiguous(f, readings.candidates, readings.maybe_not_llama)?;
                note(f, readings.generator)
            }
            Said::EachExcludes(readings, text) => {
                ambiguous(f, readings.candidates, readings.maybe_not_llama)?;
                note(f, readings.generator)?;
                f.write_str("; each of them excludes this, for example ")?;
                clause(f, text, setting)
            }
            Said::Text(text) => clause(f, text, setting),
            Said::Outside(licensor) => write!(
                f,
                "this is outside the Llama licenses; the catalog holds no output clause of \
                 {licensor} for it"
            ),
            Said::Other(text) => other(f, text.license, judged.ruling >= Ruling::NeedsReview),
        }?;
        if judged.sign_off {
            f.write_str(
                "; the policy asks for a sign-off before output under this license is used",
            )?;
        }
        Ok(())
    }
}

fn version_unknown(
    f: &mut fmt::Formatter<'_>,
    base: Option<&Resolution>,
    ruling: Ruling,
) -> fmt::Result {
    if ruling != Ruling::Prohibited {
        return f.write_str("what its license allows turns on the version, which is not known");
    }
    f.write_str(
        "until the version is known it is treated as Llama 2 and Llama 3, whose licenses exclude \
         improving other large language models",
    )?;
    match base {
        Some(base) => write!(f, " such as one based on {}", base.raw_id),
        None => Ok(()),
    }
}

fn ambiguous(
    f: &mut fmt::Formatter<'_>,
    candidates: &[Arc<License>],
    maybe_not_llama: bool,
) -> fmt::Result {
    if candidates.is_empty() {
        return f.write_str("the id has more than one reading, and one of them is not Llama");
    }
    f.write_str("the id has more than one reading: ")?;
    for (at, license) in candidates.iter().enumerate() {
        let or = if at == 0 { "" } else { " or " };
        write!(f, "{or}{}", license.title)?;
    }
    if maybe_not_llama {
        f.write_str(" or terms that are not Meta's")?;
    }
    Ok(())
}

fn other(f: &mut fmt::Formatter<'_>, license: &License, restricted: bool) -> fmt::Result {
    let title = &license.title;
    let rule = license.outputs.trim_end_matches('.');
    if restricted {
        write!(
            f,
            "this is outside the Llama licenses, but its own terms ({title}) restrict it: {rule}"
        )
    } else {
        write!(
            f,
            "this is outside the Llama licenses; its own terms ({title}): {rule}"
        )
    }
}

/// What a reader should know about an id.
fn note(f: &mut fmt::Formatter<'_>, generator: &Resolution) -> fmt::Result {
    if generator.note.is_empty() {
        Ok(())
    } else {
        write!(f, " ({})", generator.note)
    }
}

/// A license with the section that a reason rests on.
struct Cited<'a>(&'a License, Why);

impl fmt::Display for Cited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ")?;
        f.write_str(&self.0.title)?;
        match section(self.1, self.0) {
            Some(section) => write!(f, " (section {section})"),
            None => Ok(()),
        }
    }
}

/// Why one license says what it says.
#[expect(clippy::too_many_lines, reason = "one sentence per reason")]
fn clause(f: &mut fmt::Formatter<'_>, text: Text<'_>, setting: &Setting<'_>) -> fmt::Result {
    let Text {
        license,
        why,
        base,
        doubt,
    } = text;
    let target = setting.target;
    let title = &license.title;
    let text = Cited(license, why);
    let own = license
        .llama
        .map_or(license.licensor.as_str(), |version| version.label());
    let base_id = base.map_or("", |base| base.raw_id.as_str());
    let kind = target.kind.as_str();
    match why {
        Why::ImproveBan if base.is_none() => write!(
            f,
            "{text} excludes improving any other large language model, and a target trained from \
             scratch is not {own} or a derivative of it"
        ),
        Why::ImproveBan => write!(
            f,
            "{text} excludes improving any other large language model, and the target's base \
             {base_id} is not {own} or a derivative of it"
        ),
        Why::OpenVersion(LlamaVersion::V3_1) => write!(
            f,
            "{text} excludes improving any other large language model; whether Llama 3.1 counts as \
             {own} is open, since both licenses define their model by the same download page"
        ),
        Why::OpenVersion(version) => write!(
            f,
            "{text} excludes improving any other large language model; whether {version}, of the \
             same family, may be improved is left open here"
        ),
        Why::Tolerated(version) => write!(
            f,
            "{text} excludes only {own}; improving {version}, of the same family, is tolerated as \
             this organisation reads it"
        ),
        Why::NotLanguageModel => write!(
            f,
            "{text} speaks of large language models; whether that reaches a model of kind {kind} \
             is open"
        ),
        Why::KindNotReached => write!(
            f,
            "{text} speaks of large language models, and as this organisation reads it that does \
             not reach a model of kind {kind}"
        ),
        Why::UseOpen(reading) => write!(
            f,
            "{text} excludes improving other large language models with outputs or results; \
             whether this use ({}) is a use of them is open",
            setting_use(reading)
        ),
        Why::NotOutput(reading) => write!(
            f,
            "as this organisation reads {text}, this use ({}) is no use of outputs or results",
            setting_use(reading)
        ),
        Why::Purpose => write!(
            f,
            "{text} excludes commercial and production use of what the model produces, and the \
             target's purpose is {}",
            target.purpose.as_str()
        ),
        Why::CommercialResearch => write!(
            f,
            "{text} allows non-commercial research; whether research by a commercial entity is \
             that is open"
        ),
        Why::ResearchRelease => write!(
            f,
            "the {title} allows non-commercial research; whether a released model is a work that \
             incorporates the outputs is open"
        ),
        Why::Incorporates => write!(
            f,
            "the {title} allows non-commercial research; a released model incorporates the outputs \
             as this organisation reads it, and carries license and notice"
        ),
        Why::Research => write!(f, "the {title} allows non-commercial research"),
        Why::Competing => write!(
            f,
            "{text} excludes models that compete with those of {}; whether this target does is \
             for a person to say",
            license.licensor
        ),
        Why::Excepted => write!(f, "{text} lets this use through"),
        Why::Evaluation => {
            write!(
                f,
                "an evaluation that is not fed back improves nothing under the {title}"
            )
        }
        Why::OwnFamily => {
            write!(
                f,
                "the target's base {base_id} is {own} or a derivative of it, which {text} allows"
            )
        }
        Why::Duties => {
            write!(
                f,
                "{text} allows it and asks, of a model that is distributed or made available, to "
            )?;
            let mut duties = Duties::new();
            of_outputs(license, setting, None, &mut duties);
            for (at, duty) in worded(&duties).iter().enumerate() {
                let and = if at == 0 { "" } else { " and to " };
                write!(f, "{and}{}", duty.text)?;
            }
            Ok(())
        }
        Why::NoDuty if target.availability.distributed() => {
            write!(f, "the {title} allows it without a duty")
        }
        Why::NoDuty => write!(
            f,
            "the {title} allows it; its duties arise only when the model is distributed or made \
             available"
        ),
        Why::BaseUnknown => write!(
            f,
            "the lineage of the target's base {base_id} is not known for sure, and what the \
             {title} says turns on it"
        ),
        Why::Derivative => write!(
            f,
            "the model derives from {own}; whether its outputs are outputs under the {title} is \
             left open here"
        ),
        Why::SeatUnknown => write!(
            f,
            "{text} grants no rights in multimodal models to those seated in the European Union, \
             and where the organisation is seated is not stated"
        ),
        Why::Seated => write!(
            f,
            "{text} grants no rights in multimodal models to those seated in the European Union, \
             as the organisation is"
        ),
        Why::TooManyUsers => write!(
            f,
            "{text} grants no rights to those with more monthly users at the version's release than \
             it covers, without a separate license, and the profile states more"
        ),
        Why::Granted => {
            let grant = setting.position.grant(license, GrantScope::Outputs);
            let id = grant.map_or("", |grant| grant.id.as_str());
            write!(
                f,
                "the grant {id} of {} lifts what the {title} restricts",
                license.licensor
            )
        }
        Why::VersionUnknown => f.write_str("the Llama version is not known"),
    }?;
    if let Some(reading) = doubt {
        let answer = setting.position.readings.answer(reading);
        f.write_str(match (reading, answer) {
            (Reading::SecondGeneration, Answer::No) => {
                "; another model wrote the text, and as this organisation reads it what a model writes \
                 that learnt from outputs is no output any more"
            }
            (Reading::SecondGeneration, Answer::Yes | Answer::Open) => {
                "; another model wrote the text, and whether what a model writes that learnt from \
                 outputs is an output too is open"
            }
            (_, Answer::No) => {
                "; the text was found, and as this organisation reads it the license does not bind \
                 somebody who never accepted it"
            }
            (_, Answer::Yes | Answer::Open) => {
                "; the text was found, and whether the license binds somebody who never accepted \
                 it is open"
            }
        })?;
    }
    Ok(())
}

/// The kind of use that a reading is about, in words.
fn setting_use(reading: Reading) -> &'static str {
    match reading {
        Reading::Logits => "logits",
        Reading::Rewriting => "rewriting",
        Reading::Prompts => "prompts",
        Reading::Labels => "labels",
        Reading::Selection => "selecting data",
        Reading::EvaluationImproves => "evaluation",
        Reading::AttributionForOutputs
        | Reading::CommercialResearch
        | Reading::DerivativeOutputs
        | Reading::EuMultimodal
        | Reading::FoundOutputs
        | Reading::OtherKinds
        | Reading::Hyphen
        | Reading::Llama3Includes31
        | Reading::FamilyTolerated
        | Reading::ResearchRelease
        | Reading::SecondGeneration => "text",
    }
}
