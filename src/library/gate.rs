//! What a match means for one target.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::Checker;
use super::GateError;
use super::register::Open;
use crate::cli::catalog::OwnCatalogArgs;
use crate::cli::config::Config;
use crate::cli::date::Date;
use crate::cli::grounds::Grounds;
use crate::cli::grounds::Named;
use crate::cli::lineage;
use crate::cli::opened::Opened;
use crate::cli::target;
use crate::model::DutyRecording;
use crate::model::Level;
use crate::model::TargetLineage;
use crate::model::target::Target;
use crate::pipeline;
use crate::pipeline::Ancestry;
use crate::pipeline::DutyBook;
use crate::pipeline::Judged;
use crate::pipeline::OneByOne;

/// What a gate is for: the options of `herdbook check` that bear on the answer to one text. What is
/// not named stands in the config of the index, beside the policy or in the index, as it does for
/// the command.
#[derive(Debug, Clone)]
#[must_use]
pub struct GateOptions {
    target: Stated,
    policy: Option<PathBuf>,
    organization: Option<PathBuf>,
    approvals: Option<PathBuf>,
    catalog: OwnCatalogArgs,
    as_of: Option<String>,
}

/// How the target is stated.
#[derive(Debug, Clone)]
enum Stated {
    File(PathBuf),
    Model(String),
}

impl GateOptions {
    /// For the target that a file states: `--target FILE.toml`.
    pub fn for_target(file: impl Into<PathBuf>) -> Self {
        Self::new(Stated::File(file.into()))
    }

    /// For the model that would be improved: `--target-model ID`.
    pub fn for_model(id: impl Into<String>) -> Self {
        Self::new(Stated::Model(id.into()))
    }

    fn new(target: Stated) -> Self {
        Self {
            target,
            policy: None,
            organization: None,
            approvals: None,
            catalog: OwnCatalogArgs::default(),
            as_of: None,
        }
    }

    /// `--policy FILE`.
    pub fn policy(mut self, file: impl Into<PathBuf>) -> Self {
        self.policy = Some(file.into());
        self
    }

    /// `--organization FILE`.
    pub fn organization(mut self, file: impl Into<PathBuf>) -> Self {
        self.organization = Some(file.into());
        self
    }

    /// `--approvals FILE`.
    pub fn approvals(mut self, file: impl Into<PathBuf>) -> Self {
        self.approvals = Some(file.into());
        self
    }

    /// `--catalog FILE`; may be given again.
    pub fn catalog(mut self, file: impl Into<PathBuf>) -> Self {
        self.catalog.files.push(file.into());
        self
    }

    /// `--as-of YYYY-MM-DD`: the date that expiries are compared with. Without it, the day on which
    /// the gate is made, for as long as it lives.
    pub fn as_of(mut self, date: impl Into<String>) -> Self {
        self.as_of = Some(date.into());
        self
    }
}

/// A register and what its matches mean for one target. Shared between threads, each of which makes
/// a [`Checker`] from it.
pub struct Gate {
    open: Arc<Open>,
    grounds: Grounds,
    target: Target,
    lineage: TargetLineage,
    ancestry: Ancestry,
    duties: DutyBook,
}

impl Gate {
    pub(super) fn open(open: Arc<Open>, options: &GateOptions) -> Result<Self, GateError> {
        let global = &open.global;
        let config = Config::load(&global.index).map_err(|e| GateError::Usage(e.to_string()))?;
        let (file, model): (Option<&Path>, Option<&str>) = match &options.target {
            Stated::File(path) => (Some(path), None),
            Stated::Model(id) => (None, Some(id)),
        };
        let target = target::of(file, model)?;
        let as_of = options.as_of.as_deref().map(Date::parse).transpose();
        let named = Named {
            catalog: &options.catalog,
            policy: options.policy.as_deref(),
            organization: options.organization.as_deref(),
            approvals: options.approvals.as_deref(),
            as_of: as_of.map_err(GateError::Usage)?,
        };
        let grounds = Grounds::gather(global, &config, &named)?;
        if let Some(why) = grounds.unreadable {
            return Err(GateError::Undecided(why));
        }
        let folder = target::folder(&target)?;
        let ancestry = if open.travelled {
            Ancestry::default()
        } else {
            let opened = Opened::find(global)?;
            lineage::ancestry(&opened, &open.facts, &target)
                .map_err(|error| GateError::Undecided(error.to_string()))?
        };
        let mut gate = Self {
            open,
            grounds,
            target,
            lineage: TargetLineage::default(),
            ancestry,
            duties: no_duties(),
        };
        if let Some(why) = pipeline::unfit(&gate.open.facts, &gate.judged()) {
            return Err(GateError::Unfit(why));
        }
        gate.lineage = pipeline::lineage(&gate.judged(), &gate.ancestry, folder);
        Ok(gate)
    }

    /// Checks texts against the register, on one thread.
    #[must_use]
    pub fn checker(&self) -> Checker<'_> {
        Checker::new(OneByOne::new(
            &self.open.snapshot,
            &self.open.facts,
            &self.open.recipe,
            &self.open.key,
            &self.ancestry,
            self.judged(),
            &self.lineage,
        ))
    }

    /// SHA-256 of the policy in effect, lower-case hex: what a log should name beside an answer.
    pub fn policy_digest(&self) -> String {
        self.grounds.policy.digest()
    }

    /// The date that expiries are compared with, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &str {
        &self.grounds.as_of
    }

    fn judged(&self) -> Judged<'_> {
        Judged {
            catalog: &self.grounds.catalog,
            policy: &self.grounds.policy,
            position: &self.grounds.position,
            target: &self.target,
            approvals: &self.grounds.approvals,
            duties: &self.duties,
            as_of: &self.grounds.as_of,
        }
    }
}

/// Duties are stored and enforced by whole checks.
fn no_duties() -> DutyBook {
    DutyBook {
        file: None,
        stored: Vec::new(),
        owner: None,
        recording: DutyRecording::Off,
        let_through: Level::Flag,
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("snapshot", &self.open.snapshot.info())
            .field("target", &self.target)
            .field("policy", &self.policy_digest())
            .field("as_of", &self.as_of())
            .finish_non_exhaustive()
    }
}
