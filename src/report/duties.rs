//! The duties stored for a target, as reports show them: their part of the verdict document, and
//! sentences for people.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::model;

use super::facts;
use super::wire::ObligationState;

/// Whether a check stores the duties that arise in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DutyRecording {
    /// It does.
    On,
    /// The caller asked it not to.
    Off,
    /// There is no place: the target was given by an id alone.
    NoFile,
}

impl From<model::DutyRecording> for DutyRecording {
    fn from(recording: model::DutyRecording) -> Self {
        match recording {
            model::DutyRecording::On => Self::On,
            model::DutyRecording::Off => Self::Off,
            model::DutyRecording::NoFile => Self::NoFile,
        }
    }
}

/// The duties stored for the target, by this check or an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredDuties {
    /// The file they are kept in; null where there is none.
    pub file: Option<String>,
    /// Whether this check stores the duties that arise in it.
    pub recording: DutyRecording,
    /// Each duty once.
    pub duties: Vec<StoredDuty>,
}

/// A duty that came with what the target was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredDuty {
    /// Permanent id.
    pub id: String,
    /// Id of the license that asks for it.
    pub license: String,
    /// What has to be done.
    pub text: String,
    /// License and section it comes from.
    pub clause: String,
    /// Whether a release is stopped while it is not met.
    pub enforced: bool,
    /// Whether it is met by the target as it is now.
    pub state: ObligationState,
    /// The check that brought it in.
    pub since: DutyOrigin,
}

/// The check that brought a stored duty in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyOrigin {
    /// Its date, YYYY-MM-DD.
    pub as_of: String,
    /// The snapshot that it read.
    pub snapshot: u64,
    /// SHA-256 of that snapshot's manifest.
    pub snapshot_digest: String,
    /// SHA-256 of the policy that it applied.
    pub policy_digest: String,
    /// The models whose output it was, the first of them.
    pub models: Vec<String>,
    /// The sources that claim it, the first of them.
    pub sources: Vec<String>,
    /// The inputs with such rows, the first of them; empty for a use that the target file declares.
    pub inputs: Vec<DutyInput>,
    /// How many inputs those were.
    pub inputs_total: u64,
}

/// An input that brought a duty in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyInput {
    /// Its path, as the check named it.
    pub path: String,
    /// SHA-256 of its bytes; null when not all could be read.
    pub sha256: Option<String>,
}

impl From<&model::StoredDuties> for StoredDuties {
    fn from(stored: &model::StoredDuties) -> Self {
        Self {
            file: stored.file.clone(),
            recording: stored.recording.into(),
            duties: stored.duties.iter().map(StoredDuty::from).collect(),
        }
    }
}

impl From<&model::StandingDuty> for StoredDuty {
    fn from(standing: &model::StandingDuty) -> Self {
        let (duty, origin) = (&standing.stored, &standing.stored.origin);
        Self {
            id: duty.id.clone(),
            license: duty.license.clone(),
            text: duty.text.clone(),
            clause: duty.clause.clone(),
            enforced: duty.enforced,
            state: standing.state.into(),
            since: DutyOrigin {
                as_of: origin.as_of.clone(),
                snapshot: origin.snapshot,
                snapshot_digest: origin.snapshot_digest.clone(),
                policy_digest: origin.policy_digest.clone(),
                models: origin.models.clone(),
                sources: origin.sources.clone(),
                inputs: (origin.inputs.iter())
                    .map(|(path, sha256)| DutyInput {
                        path: path.clone(),
                        sha256: sha256.clone(),
                    })
                    .collect(),
                inputs_total: origin.inputs_total,
            },
        }
    }
}

/// Where the duties of the target are kept, in a sentence; `None` where there is no such place and
/// nothing to say of it.
pub(super) fn kept_in(outcome: &model::CheckOutcome) -> Option<String> {
    let stored = &outcome.stored_duties;
    if stored.duties.is_empty() {
        return None;
    }
    let file = stored.file.as_deref().unwrap_or("no file");
    Some(match stored.recording {
        model::DutyRecording::On => format!("Stored for the release of the model in {file}"),
        model::DutyRecording::Off | model::DutyRecording::NoFile => {
            format!("Stored for the release of the model in {file}, by earlier checks only")
        }
    })
}

/// A stored duty and where it comes from, in a sentence.
pub(super) fn stored(standing: &model::StandingDuty) -> String {
    let (duty, origin) = (&standing.stored, &standing.stored.origin);
    let brought_by = match origin.inputs.split_first() {
        None => "a use that the target file declares".to_owned(),
        Some(((first, _), _)) if origin.inputs_total > 1 => format!(
            "{first} and {}",
            facts::plural(origin.inputs_total - 1, "more input")
        ),
        Some(((first, _), _)) => first.clone(),
    };
    let models = if origin.models.is_empty() {
        String::new()
    } else {
        format!(", output of {}", origin.models.join(", "))
    };
    let listed = if duty.enforced {
        ""
    } else {
        "; listed, not enforced"
    };
    format!(
        "{} ({}), from {brought_by}{models}, by the check of {} against snapshot {}{listed}",
        duty.id, duty.license, origin.as_of, origin.snapshot
    )
}
