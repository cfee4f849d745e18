//! Duties stored for a model: the file they stand in, and how they stand for a target.
//!
//! The file is TOML, one `[[duty]]` after the other, and only ever appended to. This module does
//! no I/O: it reads and writes text.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::model::Decision;
use crate::model::DutyOrigin;
use crate::model::DutyOwner;
use crate::model::Level;
use crate::model::License;
use crate::model::ObligationState;
use crate::model::Ruling;
use crate::model::StandingDuty;
use crate::model::StoredDuty;
use crate::model::target::Stage;

use super::cell::is_use_reading;
use super::codes;
use super::duties;
use super::file::FileError;
use super::file::Source;
use super::ground::Ground;
use super::readings::Answer;
use super::readings::Reading;
use super::readings::Readings;

/// The form of the file: its first key, so that no other file is taken for one.
const FORMAT: &str = "herdbook-duties/1";

/// How a file of duties begins.
pub const STORED_DUTIES_HEADER: &str = "\
# Duties that come with what models of this folder were trained on. `herdbook check` appends to this
# file and enforces it at stage \"release\"; keep it with the target file, under version control.
# A duty ends when somebody removes its entry: see \"Stored duties\" in docs/policy.md.
format = \"herdbook-duties/1\"
";

/// Most entries of a file. *Chosen*: a model has a handful.
const ENTRIES_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DutiesFile {
    format: toml::Spanned<String>,
    #[serde(default)]
    duty: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Appended<'a> {
    duty: &'a [Entry],
}

/// One entry, as written: flat, and with a word last that is none when it is cut, so that an entry
/// that was not written to its end is seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    license: String,
    text: String,
    clause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    target_file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    since: String,
    snapshot: u64,
    snapshot_digest: String,
    policy_digest: String,
    models: Vec<String>,
    sources: Vec<String>,
    inputs_total: u64,
    inputs: Vec<String>,
    /// One per input; empty where not all of it could be read.
    inputs_sha256: Vec<String>,
    enforced: bool,
}

/// Reads a file of stored duties. `path` is only used in errors.
///
/// # Errors
/// With line and column: what is not TOML, another form, missing and unknown keys, too many entries.
pub fn stored_duties(text: &str, path: &str) -> Result<Vec<StoredDuty>, FileError> {
    let source = Source { path, text };
    let file: DutiesFile = source.parse()?;
    if file.format.get_ref() != FORMAT {
        let message = format!("this is not a file of duties in the form {FORMAT}");
        return Err(source.wrong(&file.format.span(), message));
    }
    if file.duty.len() > ENTRIES_MAX {
        let message = format!("more than {ENTRIES_MAX} entries");
        return Err(source.wrong(&(0..0), message));
    }
    if let Some(entry) = (file.duty.iter()).find(|e| e.inputs.len() != e.inputs_sha256.len()) {
        let message = format!(
            "the duty `{}` has not one of `inputs_sha256` for each of `inputs`",
            entry.id
        );
        return Err(source.wrong(&(0..0), message));
    }
    Ok(file.duty.into_iter().map(StoredDuty::from).collect())
}

/// The text that is appended for these duties; nothing for none.
///
/// # Errors
/// Only if a value has no form in TOML, which these types rule out but for numbers above `i64`.
pub fn stored_duties_text(duties: &[StoredDuty]) -> Result<String, toml::ser::Error> {
    let entries: Vec<Entry> = duties.iter().map(Entry::from).collect();
    if entries.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "\n{}",
        toml::to_string(&Appended { duty: &entries })?
    ))
}

/// Whether a decision that lets a text through stores its duties for the model, and whether they
/// are enforced. `None` where the license decision does not apply in full: the match is too weak,
/// or bounded by the policy.
pub fn stores_duties(decision: &Decision, readings: &Readings) -> Option<bool> {
    match decision.code {
        codes::WEAK_MATCH | codes::SHORT_EXACT_MATCH | codes::TIER_BOUNDED => None,
        codes::NON_LLAMA_OUTPUT | codes::OTHER_OUTPUT_NEEDS_REVIEW => Some(false),
        _ => {
            let mut cited = decision.readings.iter().filter_map(|id| Reading::parse(id));
            let use_open =
                cited.any(|cited| is_use_reading(cited) && readings.answer(cited) == Answer::Open);
            Some(!use_open)
        }
    }
}

/// How a stored duty stands for the target as it is now. One that no license of the catalog asks
/// for any more cannot be checked.
pub fn standing(ground: &Ground<'_>, licenses: &[Arc<License>], duty: &StoredDuty) -> StandingDuty {
    let setting = ground.setting();
    let state = if setting.target.availability.distributed() {
        licenses
            .iter()
            .find(|license| license.id == duty.license)
            .and_then(|license| duties::state_of(&duty.id, license, setting, ground.folder()))
            .unwrap_or(ObligationState::NotYetCheckable)
    } else {
        ObligationState::Latent
    };
    StandingDuty {
        stored: duty.clone(),
        state,
    }
}

/// What is to be said of a stored duty: nothing before the release, and nothing of one that is met
/// or does not arise.
pub fn stored_decision(ground: &Ground<'_>, standing: &StandingDuty) -> Option<Decision> {
    let setting = ground.setting();
    let duty = &standing.stored;
    if setting.target.stage != Stage::Release || !duty.enforced {
        return None;
    }
    let (code, level, said) = match standing.state {
        ObligationState::Met | ObligationState::Latent => return None,
        ObligationState::Unmet => (
            codes::DUTY_UNMET,
            setting.policy.level(codes::DUTY_UNMET),
            "is not met",
        ),
        ObligationState::NotYetCheckable => (codes::DUTY_OPEN, Level::Block, "cannot be checked"),
    };
    Some(Decision {
        code,
        ruling: Some(Ruling::PermittedWithObligations),
        level,
        license: Some(duty.license.clone()),
        clause: Some(duty.clause.clone()),
        obligations: vec![duties::stored(standing)],
        reason: format!(
            "a duty that came with what the model was trained on {said}; {}",
            origin(&duty.origin)
        ),
        how_to_fix: match (standing.state, &setting.target.folder) {
            (ObligationState::NotYetCheckable, None) => format!(
                "{} (state `folder` in the target file to have the model's folder looked into)",
                duty.text
            ),
            _ => duty.text.clone(),
        },
        readings: Vec::new(),
        question: None,
    })
}

/// Where a duty comes from, in words.
fn origin(origin: &DutyOrigin) -> String {
    let models = if origin.models.is_empty() {
        String::new()
    } else {
        format!(" with output of {}", origin.models.join(", "))
    };
    let inputs = match origin.inputs.split_first() {
        None => " declared in the target file".to_owned(),
        Some(((first, _), _)) if origin.inputs_total > 1 => {
            format!(" in {first} and {} more", origin.inputs_total - 1)
        }
        Some(((first, _), _)) => format!(" in {first}"),
    };
    format!(
        "it was stored by the check of {} against snapshot {}{models}{inputs}",
        origin.as_of, origin.snapshot
    )
}

impl From<Entry> for StoredDuty {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            license: entry.license,
            text: entry.text,
            clause: entry.clause,
            enforced: entry.enforced,
            owner: DutyOwner {
                target: entry.target,
                file: entry.target_file,
                folder: entry.folder,
            },
            origin: DutyOrigin {
                as_of: entry.since,
                snapshot: entry.snapshot,
                snapshot_digest: entry.snapshot_digest,
                policy_digest: entry.policy_digest,
                inputs: (entry.inputs.into_iter())
                    .zip(entry.inputs_sha256)
                    .map(|(path, sha256)| (path, Some(sha256).filter(|hex| !hex.is_empty())))
                    .collect(),
                inputs_total: entry.inputs_total,
                models: entry.models,
                sources: entry.sources,
            },
        }
    }
}

impl From<&StoredDuty> for Entry {
    fn from(duty: &StoredDuty) -> Self {
        let (owner, origin) = (&duty.owner, &duty.origin);
        Self {
            id: duty.id.clone(),
            license: duty.license.clone(),
            text: duty.text.clone(),
            clause: duty.clause.clone(),
            target: owner.target.clone(),
            target_file: owner.file.clone(),
            folder: owner.folder.clone(),
            since: origin.as_of.clone(),
            snapshot: origin.snapshot,
            snapshot_digest: origin.snapshot_digest.clone(),
            policy_digest: origin.policy_digest.clone(),
            models: origin.models.clone(),
            sources: origin.sources.clone(),
            inputs_total: origin.inputs_total,
            inputs: origin.inputs.iter().map(|(path, _)| path.clone()).collect(),
            inputs_sha256: (origin.inputs.iter())
                .map(|(_, sha256)| sha256.clone().unwrap_or_default())
                .collect(),
            enforced: duty.enforced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duty() -> StoredDuty {
        StoredDuty {
            id: "name-prefix-llama".to_owned(),
            license: "llama-3.1".to_owned(),
            text: "begin the model's name with \"Llama\"".to_owned(),
            clause: "section 1.b.i\nof a text".to_owned(),
            enforced: true,
            owner: DutyOwner {
                target: Some("acme".to_owned()),
                file: "target.toml".to_owned(),
                folder: None,
            },
            origin: DutyOrigin {
                as_of: "2026-11-22".to_owned(),
                snapshot: 3,
                snapshot_digest: "00".to_owned(),
                policy_digest: "11".to_owned(),
                inputs: vec![("a \"b\".jsonl".to_owned(), None)],
                inputs_total: 2,
                models: vec!["meta-llama/Llama-3.1-8B-Instruct".to_owned()],
                sources: Vec::new(),
            },
        }
    }

    #[test]
    fn what_is_written_is_read_again_also_in_parts() {
        let mut text = STORED_DUTIES_HEADER.to_owned();
        assert_eq!(stored_duties(&text, "d").expect("no duties"), []);
        let mut other = duty();
        other.id = "copy-llama-3-1".to_owned();
        other.owner.folder = Some("out".to_owned());
        other.origin.inputs.clear();
        text += &stored_duties_text(&[duty()]).expect("text");
        text += &stored_duties_text(&[]).expect("text");
        text += &stored_duties_text(&[other.clone(), duty()]).expect("text");
        assert_eq!(
            stored_duties(&text, "d").expect("read"),
            [duty(), other, duty()]
        );
    }

    #[test]
    fn what_is_no_file_of_duties_is_refused_with_its_place() {
        let whole = format!(
            "{STORED_DUTIES_HEADER}{}",
            stored_duties_text(&[duty()]).expect("text")
        );
        let refused = |text: &str| {
            stored_duties(text, "d.toml")
                .expect_err("refused")
                .to_string()
        };
        // A write that stopped in the middle, at any byte of the entry, is seen.
        let torn = whole.split("[[duty]]").next().expect("header").len();
        for end in torn + 1..whole.len() - 1 {
            let message = refused(&whole[..end]);
            assert!(message.starts_with("d.toml:"), "{end}: {message}");
        }
        assert!(refused("").contains("missing field `format`"));
        let foreign = refused("format = \"other/1\"\n");
        assert_eq!(
            foreign,
            "d.toml:1:10: this is not a file of duties in the form herdbook-duties/1"
        );
        let line = whole.lines().position(|line| line.starts_with("enforced"));
        let edited = whole.replace("enforced = true", "enforced = \"yes\"");
        let place = format!("d.toml:{}:12", line.expect("there") + 1);
        assert!(refused(&edited).starts_with(&place), "{}", refused(&edited));
        assert!(refused("[model]\nname = \"acme\"\n").starts_with("d.toml:1:"));
    }

    #[test]
    fn one_of_three_names_is_enough_to_be_the_same_model() {
        let owner = |target: Option<&str>, file: &str, folder: Option<&str>| DutyOwner {
            target: target.map(str::to_owned),
            file: file.to_owned(),
            folder: folder.map(str::to_owned),
        };
        let stored = owner(Some("acme"), "train.toml", Some("out"));
        assert!(stored.is(&owner(Some("Llama-acme"), "train.toml", None)));
        assert!(stored.is(&owner(Some("acme"), "release.toml", None)));
        assert!(stored.is(&owner(Some("Llama-acme"), "release.toml", Some("out"))));
        assert!(!stored.is(&owner(Some("other"), "release.toml", Some("elsewhere"))));
        assert!(!owner(None, "a", None).is(&owner(None, "b", None)));
    }
}
