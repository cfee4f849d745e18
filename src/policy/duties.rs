//! Duties that arise for the target, and whether they are met as far as can be told.
//!
//! Two origins: the source license's own duties on models improved with outputs, and the duties of
//! the licenses of the target's Llama bases. No duty is named, and no name prefix suggested, where
//! none arises: the mark is licensed only to comply.

use crate::model::FolderFacts;
use crate::model::License;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Trigger;
use crate::model::target::{Stage, Target};

use super::decide::Setting;
use super::readings::Answer;
use super::readings::Reading;
use super::readings::Readings;

/// Whether a model's name begins with a required string. The organisation in front of a repository
/// id is not part of the name. Under the reading `llama-3-hyphen-satisfies-prefix` letters and
/// digits are compared, case ignored; else the very characters.
pub fn name_begins_with(name: &str, prefix: &str, readings: &Readings) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    match readings.answer(Reading::Hyphen) {
        Answer::Yes => letters(name).starts_with(&letters(prefix)),
        Answer::No | Answer::Open => name.starts_with(prefix),
    }
}

/// Letters and digits in lower case, nothing else.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The duties that the licenses of the target's own Llama bases put on it when it is distributed
/// or made available, whether or not any record matches. Sorted by id, each once.
pub fn base_duties(setting: &Setting<'_>) -> Vec<Obligation> {
    let mut duties = Vec::new();
    if setting.target.availability.distributed() {
        for base in &setting.lineage.bases {
            if let Outcome::Known(known) = &base.outcome {
                for license in known
                    .licenses
                    .iter()
                    .filter(|license| license.llama.is_some())
                {
                    materials(license, setting, &mut duties);
                }
            }
        }
    }
    merged(duties)
}

/// The duties that a license puts on a model improved with outputs: now, or later if the model is
/// not distributed yet.
pub(super) fn output_duties(license: &License, setting: &Setting<'_>) -> Vec<Obligation> {
    let readings = &setting.position.readings;
    let clauses = &license.clauses;
    let mut duties = Vec::new();
    if let Some(prefix) = &clauses.name_prefix
        && prefix.trigger == Trigger::MaterialsOrOutputs
    {
        duties.extend(name_duty(license, setting));
    }
    if let Some(display) = &clauses.display
        && (display.trigger == Trigger::MaterialsOrOutputs
            || readings.answer(Reading::AttributionForOutputs) == Answer::Yes)
    {
        duties.push(Obligation {
            id: slug("display", &display.text),
            text: format!("display \"{}\" in the model's documentation", display.text),
            clause: license.cite(&display.section),
            state: ObligationState::NotYetCheckable,
        });
    }
    if let Some(flow_down) = &clauses.flow_down {
        duties.push(Obligation {
            id: slug("pass-on", &license.id),
            text: format!(
                "pass on a copy and the use restrictions of the {}",
                license.title
            ),
            clause: license.cite(&flow_down.section),
            state: ObligationState::NotYetCheckable,
        });
    }
    if !setting.target.availability.distributed() {
        for duty in &mut duties {
            duty.state = ObligationState::Latent;
        }
    }
    merged(duties)
}

/// Whether using outputs alone sets off a duty of this license in a distributed model.
pub(super) fn outputs_bind(license: &License) -> bool {
    let clauses = &license.clauses;
    clauses.flow_down.is_some()
        || clauses
            .name_prefix
            .as_ref()
            .is_some_and(|p| p.trigger == Trigger::MaterialsOrOutputs)
        || clauses
            .display
            .as_ref()
            .is_some_and(|d| d.trigger == Trigger::MaterialsOrOutputs)
}

/// One list, sorted by id; the strictest state of each duty stands.
pub(super) fn merged(mut duties: Vec<Obligation>) -> Vec<Obligation> {
    duties.sort_by(|a, b| a.id.cmp(&b.id).then(b.state.cmp(&a.state)));
    duties.dedup_by(|later, kept| later.id == kept.id);
    duties
}

fn slug(kind: &str, text: &str) -> String {
    let mut out = String::from(kind);
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        out.push('-');
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

/// Duties on whoever distributes the license's own materials.
pub(super) fn materials(license: &License, setting: &Setting<'_>, duties: &mut Vec<Obligation>) {
    let (target, folder) = (setting.target, setting.lineage.folder.as_ref());
    duties.extend(name_duty(license, setting));
    if let Some(copy) = &license.clauses.copy {
        let policy = if license.clauses.use_policy.is_some() {
            "; its acceptable use policy binds recipients too"
        } else {
            ""
        };
        duties.push(Obligation {
            id: slug("copy", &license.id),
            text: format!(
                "provide a copy of the {} with the weights{policy}",
                license.title
            ),
            clause: license.cite(&copy.section),
            state: in_folder(target, folder, |facts| holds_copy(facts, license)),
        });
    }
    if let Some(notice) = &license.clauses.notice {
        duties.push(Obligation {
            id: slug("notice", &license.id),
            text: format!("keep this line in a file named Notice: \"{}\"", notice.text),
            clause: license.cite(&notice.section),
            state: in_folder(target, folder, |facts| {
                holds_line(facts, &notice.text, |name| name.starts_with("notice"))
            }),
        });
    }
    if let Some(display) = &license.clauses.display {
        duties.push(Obligation {
            id: slug("display", &display.text),
            text: format!(
                "display \"{}\" prominently, for example in the model card",
                display.text
            ),
            clause: license.cite(&display.section),
            state: in_folder(target, folder, |facts| {
                holds_line(facts, &display.text, |name| name.starts_with("readme"))
            }),
        });
    }
}

fn name_duty(license: &License, setting: &Setting<'_>) -> Option<Obligation> {
    let prefix = license.clauses.name_prefix.as_ref()?;
    let readings = &setting.position.readings;
    let state = match &setting.target.name {
        None => ObligationState::NotYetCheckable,
        Some(name) if name_begins_with(name, &prefix.text, readings) => ObligationState::Met,
        Some(_) => ObligationState::Unmet,
    };
    Some(Obligation {
        id: slug("name-prefix", &prefix.text),
        text: format!("begin the model's name with \"{}\"", prefix.text),
        clause: license.cite(&prefix.section),
        state,
    })
}

/// The state of a duty that shows in the target's folder. What is missing while training may still
/// come; at release it is missing for good.
fn in_folder(
    target: &Target,
    folder: Option<&FolderFacts>,
    holds: impl Fn(&FolderFacts) -> bool,
) -> ObligationState {
    match (folder, target.stage) {
        (Some(facts), _) if holds(facts) => ObligationState::Met,
        (Some(_), Stage::Release) => ObligationState::Unmet,
        (Some(_), Stage::Train) | (None, _) => ObligationState::NotYetCheckable,
    }
}

fn holds_copy(facts: &FolderFacts, license: &License) -> bool {
    let title = letters(&license.title);
    facts.files.iter().any(|file| {
        let official = license.sha256.as_deref() == Some(file.sha256.as_str());
        let name = file.name.to_lowercase();
        let titled = (name.contains("license") || name.contains("licence"))
            && file
                .text
                .as_deref()
                .is_some_and(|text| letters(text).contains(&title));
        official || titled
    })
}

fn holds_line(facts: &FolderFacts, line: &str, named: impl Fn(&str) -> bool) -> bool {
    let line = letters(line);
    facts.files.iter().any(|file| {
        named(&file.name.to_lowercase())
            && file
                .text
                .as_deref()
                .is_some_and(|text| letters(text).contains(&line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_duty_the_strictest_state_stands() {
        let duty = |id: &str, state| Obligation {
            id: id.to_owned(),
            text: String::new(),
            clause: String::new(),
            state,
        };
        let merged = merged(vec![
            duty("b", ObligationState::Met),
            duty("a", ObligationState::Latent),
            duty("b", ObligationState::Unmet),
            duty("b", ObligationState::NotYetCheckable),
        ]);
        let states: Vec<(&str, ObligationState)> = merged
            .iter()
            .map(|duty| (duty.id.as_str(), duty.state))
            .collect();
        assert_eq!(
            states,
            [
                ("a", ObligationState::Latent),
                ("b", ObligationState::Unmet)
            ]
        );
    }

    #[test]
    fn slugs_are_kebab_case() {
        assert_eq!(
            slug("display", "Built with Meta Llama 3"),
            "display-built-with-meta-llama-3"
        );
        assert_eq!(slug("copy", "llama-3.1"), "copy-llama-3-1");
    }
}
