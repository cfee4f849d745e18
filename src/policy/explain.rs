//! A decision as a derivation that a compliance officer can follow: what was known, which clause
//! and reading decided, and how the policy turned the answer into a level.
//!
//! Made by the same functions that decide, so that it cannot tell another story.

use std::sync::Arc;

use crate::model::Access;
use crate::model::Confidence;
use crate::model::Decision;
use crate::model::GrantScope;
use crate::model::License;
use crate::model::Outcome;
use crate::model::Ruling;

use super::codes;
use super::decide::Basis;
use super::decide::ClaimFacts;
use super::decide::Setting;
use super::decide::bound;
use super::ground::Ground;
use super::judge::under;
use super::position::Users;
use super::readings::Reading;
use super::relation::Relation;
use super::relation::relations;
use super::sentence::Sentence;

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about, in a word or two.
    pub title: &'static str,
    /// What was found, in sentences.
    pub text: Vec<String>,
}

/// A decision with everything that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The steps, in the order in which they were taken.
    pub steps: Vec<Step>,
    /// The decision.
    pub decision: Decision,
}

/// Explains what [`decide`](super::decide()) says of one claim.
pub fn explain(setting: &Setting<'_>, facts: &ClaimFacts<'_>) -> Explanation {
    let ground = Ground::new(*setting);
    let decision = ground.judge(facts).worded(&ground);
    let (licenses, multimodal, derivative) = licenses(facts);
    let mut steps = vec![
        step("Generator", generator(facts)),
        step("Way to the model", access(facts)),
        step("Licenses", licenses.iter().map(license).collect()),
        step("Use", usage(facts, setting)),
        step("Target", target(setting)),
        step("Relation", relation(setting, &licenses)),
        step("Organisation", organisation(setting, &licenses, multimodal)),
    ];
    let mut said: Vec<String> = licenses
        .iter()
        .map(|license| {
            let judged = under(license, multimodal, derivative, &ground, facts);
            let why = Sentence(&judged, setting);
            format!("{}: {why}", words(judged.ruling))
        })
        .collect();
    if said.is_empty() {
        said.push(decision.reason.clone());
    }
    if licenses.len() > 1 {
        said.push("The strictest of these stands, with the duties of all.".to_owned());
    }
    steps.push(step("What the texts say", said));
    let readings = decision.readings.iter().filter_map(|id| Reading::parse(id));
    steps.push(step(
        "Readings it rests on",
        readings
            .map(|reading| {
                let info = reading.info();
                let answer = setting.position.readings.answer(reading);
                format!(
                    "{} = {answer}: {} ({})",
                    info.id, info.statement, info.sources
                )
            })
            .collect(),
    ));
    steps.push(step(
        "Duties",
        decision
            .obligations
            .iter()
            .map(|duty| format!("{}: {} ({})", duty.state.as_str(), duty.text, duty.clause))
            .collect(),
    ));
    steps.push(step("Policy", policy(setting, facts, &decision)));
    steps.retain(|step| !step.text.is_empty());
    Explanation { steps, decision }
}

fn step(title: &'static str, text: Vec<String>) -> Step {
    Step { title, text }
}

fn words(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Permitted => "Permitted",
        Ruling::PermittedWithObligations => "Permitted with obligations",
        Ruling::NeedsReview => "Needs review",
        Ruling::Prohibited => "Prohibited",
    }
}

/// The licenses that are read, whether the model may be multimodal, whether it is a derivative.
fn licenses(facts: &ClaimFacts<'_>) -> (Vec<Arc<License>>, bool, bool) {
    let outcome = facts.generator.map(|generator| &generator.outcome);
    let known = match outcome {
        Some(Outcome::Known(known)) => Some(known),
        Some(
            Outcome::LlamaVersionUnknown
            | Outcome::Ambiguous { .. }
            | Outcome::NotLlama { .. }
            | Outcome::Unknown,
        )
        | None => None,
    };
    if let Access::Contract { terms } = facts.access {
        return (
            vec![terms.clone()],
            known.is_none_or(|k| k.multimodal),
            false,
        );
    }
    known.map_or((Vec::new(), false, false), |known| {
        (known.licenses.clone(), known.multimodal, known.derivative)
    })
}

fn generator(facts: &ClaimFacts<'_>) -> Vec<String> {
    let Some(generator) = facts.generator else {
        return vec!["Nobody named the model that generated the text.".to_owned()];
    };
    let mut out = vec![format!(
        "{} is {}: rule {}, {}.",
        generator.raw_id,
        generator.label(),
        generator.rule,
        match generator.confidence {
            Confidence::Listed => "listed by hand with its source",
            Confidence::Rule => "a naming rule of the publisher or a host",
            Confidence::Recalled => "listed by hand from general knowledge, without a source",
            Confidence::Name => "taken from the words of the name alone",
        }
    )];
    if !generator.note.is_empty() {
        out.push(format!("Note: {}.", generator.note.trim_end_matches('.')));
    }
    if let Outcome::Known(known) = &generator.outcome {
        if known.derivative {
            out.push("Somebody other than Meta derived it from a Llama model.".to_owned());
        }
        if known.multimodal {
            out.push("It is multimodal, or its id does not tell.".to_owned());
        }
    }
    out
}

fn access(facts: &ClaimFacts<'_>) -> Vec<String> {
    vec![match facts.access {
        Access::LicenseAlone => {
            "Run by the organisation, or not stated: the license alone applies.".to_owned()
        }
        Access::HostRead { host } => {
            format!("At {host}, whose terms were read and change nothing here.")
        }
        Access::HostUnread { host } => {
            format!("At {host}, whose terms on outputs were not read: at least a flag.")
        }
        Access::Contract { terms } => {
            format!(
                "Under {}, which takes the place of the model's license.",
                terms.title
            )
        }
    }]
}

fn license(license: &Arc<License>) -> String {
    format!(
        "{}: {} Read {} at {}.",
        license.title, license.outputs, license.read, license.link
    )
}

fn usage(facts: &ClaimFacts<'_>, setting: &Setting<'_>) -> Vec<String> {
    let mut out = vec![format!(
        "What is taken: {}. Acquired as: {}.",
        facts.of_outputs.as_str(),
        facts.acquisition.as_str()
    )];
    if let Some(reading) = super::cell::use_reading(facts.of_outputs) {
        out.push(format!(
            "{} Adopted answer: {}.",
            reading.info().statement,
            setting.position.readings.answer(reading)
        ));
    }
    out
}

fn target(setting: &Setting<'_>) -> Vec<String> {
    let target = setting.target;
    let base = if target.base.is_empty() {
        "nothing (from scratch)".to_owned()
    } else {
        target.base.join(" and ")
    };
    let reach = if target.availability.distributed() {
        "distributed or made available"
    } else {
        "neither distributed nor made available"
    };
    vec![format!(
        "{} from {base}: {}, availability {} ({reach}), stage {}, purpose {}.",
        target.name.as_deref().unwrap_or("A model without a name"),
        target.kind.as_str(),
        target.availability.as_str(),
        target.stage.as_str(),
        target.purpose.as_str()
    )]
}

fn relation(setting: &Setting<'_>, licenses: &[Arc<License>]) -> Vec<String> {
    let mut out = Vec::new();
    for license in licenses {
        for base in &setting.lineage.bases {
            let possible: Vec<Relation> = relations(base, license.llama).collect();
            let said = match possible.as_slice() {
                [Relation::Same] => "the same version, or a derivative of it".to_owned(),
                [Relation::OtherLlama(version)] => format!("another Llama version ({version})"),
                [Relation::NotLlama] => "not Llama".to_owned(),
                [] | [_, ..] => "not known well enough to say".to_owned(),
            };
            out.push(format!(
                "{} against the {}: {said}.",
                base.raw_id, license.title
            ));
        }
    }
    out
}

fn organisation(setting: &Setting<'_>, licenses: &[Arc<License>], multimodal: bool) -> Vec<String> {
    let position = setting.position;
    let Some(profile) = &position.organization else {
        return vec!["No profile is given; what turns on it needs review.".to_owned()];
    };
    let mut out = vec![format!("Profile of {}.", profile.name)];
    for license in licenses {
        if multimodal && license.clauses.eu_multimodal.is_some() {
            out.push(
                match position.in_eu() {
                    None => "Where it is seated is not stated.",
                    Some(true) => "It is seated in the European Union.",
                    Some(false) => "It is not seated in the European Union.",
                }
                .to_owned(),
            );
        }
        out.push(match position.users(license) {
            Users::Fine => format!("{}: monthly users are no obstacle.", license.title),
            Users::Unstated => format!("{}: monthly users are not stated.", license.title),
            Users::Above(users) => {
                format!(
                    "{}: {users} monthly users are above its gate.",
                    license.title
                )
            }
        });
        if let Some(accepted) = position.accepted(license) {
            let not = if accepted { "" } else { "not " };
            out.push(format!("{}: {not}listed as accepted.", license.title));
        }
        if let Some(grant) = position.grant(license, GrantScope::Outputs) {
            out.push(format!(
                "{}: the grant {} of {} covers outputs (document {}).",
                license.title, grant.id, grant.licensor, grant.document_sha256
            ));
        }
    }
    out
}

fn policy(setting: &Setting<'_>, facts: &ClaimFacts<'_>, decision: &Decision) -> Vec<String> {
    let policy = setting.policy;
    let mut out = Vec::new();
    if let Some(info) = codes::info(decision.code.0) {
        out.push(format!("{}: {}", info.code.0, info.description));
    }
    out.push(match facts.basis {
        Basis::Declared => "The use is declared in the target file, so no match is weighed.".into(),
        Basis::Match => format!(
            "A match of tier {} with strength {:.1}; flagged from {:.1}, decided in full from {:.1}.",
            facts.tier.as_str(),
            facts.strength,
            policy.flag_strength(),
            policy.block_strength()
        ),
    });
    if let Some((_, level)) = bound(policy, facts) {
        out.push(format!("That bounds the level at {level}."));
    }
    if let Some(question) = &decision.question {
        out.push(format!("The question for a person: {question}."));
    }
    out.push(format!(
        "Level under policy \"{}\": {}.",
        policy.name(),
        decision.level
    ));
    out
}
