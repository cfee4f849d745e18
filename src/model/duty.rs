//! Duties stored for a model until it is released.

use super::ObligationState;

/// What a stored duty belongs to. The same model where any one of the three is the same, so that
/// a model that is renamed to meet a duty does not lose it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DutyOwner {
    /// Name of the model, as the target stated it.
    pub target: Option<String>,
    /// Name of the file that stated the target, without its folder.
    pub file: String,
    /// The model's own folder, as the target stated it.
    pub folder: Option<String>,
}

impl DutyOwner {
    /// Whether both are the same model.
    pub fn is(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        self.file == other.file
            || same(&self.target, &other.target)
            || same(&self.folder, &other.folder)
    }
}

/// The check that brought a duty in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyOrigin {
    /// The date of the check, `YYYY-MM-DD`.
    pub as_of: String,
    /// Sequence number of the snapshot that it read.
    pub snapshot: u64,
    /// SHA-256 of that snapshot's manifest, lower-case hex.
    pub snapshot_digest: String,
    /// SHA-256 of the policy that it applied, lower-case hex.
    pub policy_digest: String,
    /// The inputs with rows that brought it in, the first of them: path and SHA-256. Empty where
    /// the target file declared the use.
    pub inputs: Vec<(String, Option<String>)>,
    /// How many inputs that were.
    pub inputs_total: u64,
    /// Raw ids of the models whose output it was, the first of them.
    pub models: Vec<String>,
    /// Names of the sources that claim it, the first of them.
    pub sources: Vec<String>,
}

/// A duty that a check stored for the model it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDuty {
    /// Permanent id of the duty, e.g. `name-prefix-llama`.
    pub id: String,
    /// Id of the license that asks for it.
    pub license: String,
    /// What has to be done, in a sentence.
    pub text: String,
    /// License, section and link.
    pub clause: String,
    /// Whether a release is stopped while it is not met; `false` for what is only listed: duties of
    /// models that are not Llama, and of uses that are only perhaps uses of outputs.
    pub enforced: bool,
    /// The model that it was stored for.
    pub owner: DutyOwner,
    /// The check that brought it in.
    pub origin: DutyOrigin,
}

/// A stored duty and how it stands for the target as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingDuty {
    /// The duty.
    pub stored: StoredDuty,
    /// Whether it is met.
    pub state: ObligationState,
}

/// Whether a check stores the duties that arise in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DutyRecording {
    /// It does.
    On,
    /// The caller asked it not to.
    Off,
    /// There is no place: the target was given by an id alone.
    NoFile,
}

impl DutyRecording {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::NoFile => "no-file",
        }
    }
}

/// The duties stored for the target of a check, those that it stored itself among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDuties {
    /// The file, as the caller names it; `None` where there is none.
    pub file: Option<String>,
    /// Whether this check stores duties.
    pub recording: DutyRecording,
    /// Each duty once, in order of id and license.
    pub duties: Vec<StandingDuty>,
}
