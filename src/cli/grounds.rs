//! What a decision rests on, gathered from the files of an index and of compliance: for the command
//! `check`, and for a program that embeds the check, in one way.

use std::path::Path;
use std::time::SystemTime;

use anyhow::anyhow;

use super::args::Global;
use super::catalog;
use super::catalog::OwnCatalogArgs;
use super::config::Config;
use super::date::Date;
use super::exit::Failure;
use super::governance;
use super::target;
use crate::catalog::Catalog;
use crate::governance::Approvals;
use crate::policy::Policy;
use crate::policy::Position;

/// What the caller names; for the rest stands what the config and the folders hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) catalog: &'a OwnCatalogArgs,
    pub(crate) policy: Option<&'a Path>,
    pub(crate) organization: Option<&'a Path>,
    pub(crate) approvals: Option<&'a Path>,
    /// Today where none is named.
    pub(crate) as_of: Option<Date>,
}

/// What a decision rests on, but for the target.
#[derive(Debug)]
pub(crate) struct Grounds {
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) position: Position,
    pub(crate) approvals: Approvals,
    /// Why the approvals cannot be trusted; nothing is decided then.
    pub(crate) unreadable: Option<String>,
    /// `YYYY-MM-DD`.
    pub(crate) as_of: String,
}

impl Grounds {
    /// Reads what was named and what stands where the config or the index has it.
    pub(crate) fn gather(
        global: &Global,
        config: &Config,
        named: &Named<'_>,
    ) -> Result<Self, Failure> {
        let catalog = catalog::load(config, named.catalog)?;
        let policy_path = named.policy.or(config.policy.as_deref());
        let policy = target::policy(policy_path, &catalog)?;
        let as_of = match named.as_of {
            Some(date) => date,
            None => Date::of(SystemTime::now()).map_err(|e| Failure::undecided(anyhow!(e)))?,
        };
        let as_of = as_of.to_string();
        let mut position = target::position(
            named.organization,
            policy_path,
            &global.index,
            &catalog,
            &as_of,
        )?;
        let files = governance::governance_files(
            global,
            policy_path,
            named.organization,
            named.approvals,
            &catalog,
        )?;
        let read = governance::approvals(&files, &catalog, &mut position);
        let (approvals, unreadable) = match read {
            Ok(approvals) => (approvals, None),
            Err(error) => (Approvals::default(), Some(format!("{error:#}"))),
        };
        Ok(Self {
            catalog,
            policy,
            position,
            approvals,
            unreadable,
            as_of,
        })
    }
}
