//! Why one license says what it says, a sentence for each reason of the decision table.

use crate::model::GrantScope;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Resolution;

use super::cell::Why;
use super::decide::Setting;
use super::duties::output_duties;
use super::readings::Answer;
use super::readings::Reading;
use super::reason::section;

/// Why one license says what it says: the second half. `found`: the text was merely found.
#[expect(clippy::too_many_lines, reason = "one sentence per reason")]
pub(super) fn sentence(
    why: Why,
    license: &License,
    base: Option<&Resolution>,
    setting: &Setting<'_>,
    found: bool,
) -> String {
    let target = setting.target;
    let title = &license.title;
    let text = match section(why, license) {
        Some(section) => format!("the {title} (section {section})"),
        None => format!("the {title}"),
    };
    let own = license
        .llama
        .map_or(license.licensor.as_str(), |version| version.label());
    let base_id = base.map_or("", |base| base.raw_id.as_str());
    let kind = target.kind.as_str();
    let mut said = match why {
        Why::ImproveBan if base.is_none() => format!(
            "{text} excludes improving any other large language model, and a target trained from \
             scratch is not {own} or a derivative of it"
        ),
        Why::ImproveBan => format!(
            "{text} excludes improving any other large language model, and the target's base \
             {base_id} is not {own} or a derivative of it"
        ),
        Why::OpenVersion(LlamaVersion::V3_1) => format!(
            "{text} excludes improving any other large language model; whether Llama 3.1 counts as \
             {own} is open, since both licenses define their model by the same download page"
        ),
        Why::OpenVersion(version) => format!(
            "{text} excludes improving any other large language model; whether {version}, of the \
             same family, may be improved is left open here"
        ),
        Why::Tolerated(version) => format!(
            "{text} excludes only {own}; improving {version}, of the same family, is tolerated as \
             this organisation reads it"
        ),
        Why::NotLanguageModel => format!(
            "{text} speaks of large language models; whether that reaches a model of kind {kind} \
             is open"
        ),
        Why::KindNotReached => format!(
            "{text} speaks of large language models, and as this organisation reads it that does \
             not reach a model of kind {kind}"
        ),
        Why::UseOpen(reading) => format!(
            "{text} excludes improving other large language models with outputs or results; \
             whether this use ({}) is a use of them is open",
            setting_use(reading)
        ),
        Why::NotOutput(reading) => format!(
            "as this organisation reads {text}, this use ({}) is no use of outputs or results",
            setting_use(reading)
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
        Why::Incorporates => format!(
            "the {title} allows non-commercial research; a released model incorporates the outputs \
             as this organisation reads it, and carries license and notice"
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
            let duties: Vec<String> = output_duties(license, setting)
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
        Why::Derivative => format!(
            "the model derives from {own}; whether its outputs are outputs under the {title} is \
             left open here"
        ),
        Why::SeatUnknown => format!(
            "{text} grants no rights in multimodal models to those seated in the European Union, \
             and where the organisation is seated is not stated"
        ),
        Why::Seated => format!(
            "{text} grants no rights in multimodal models to those seated in the European Union, \
             as the organisation is"
        ),
        Why::TooManyUsers => format!(
            "{text} grants no rights to those with more monthly users at the version's release than \
             it covers, without a separate license, and the profile states more"
        ),
        Why::Granted => {
            let grant = setting.position.grant(license, GrantScope::Outputs);
            let id = grant.map_or("", |grant| grant.id.as_str());
            format!(
                "the grant {id} of {} lifts what the {title} restricts",
                license.licensor
            )
        }
        Why::VersionUnknown => "the Llama version is not known".to_owned(),
    };
    if found {
        let answer = setting.position.readings.answer(Reading::FoundOutputs);
        said.push_str(match answer {
            Answer::No => {
                "; the text was found, and as this organisation reads it the license does not bind \
                 somebody who never accepted it"
            }
            Answer::Yes | Answer::Open => {
                "; the text was found, and whether the license binds somebody who never accepted \
                 it is open"
            }
        });
    }
    said
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
        | Reading::ResearchRelease => "text",
    }
}
