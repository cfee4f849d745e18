//! Where the organisation stands: its readings, and the facts about itself on a day.
//!
//! A fact that is not stated is never read in a run's favour; callers see it as `None`.

use crate::model::Grant;
use crate::model::GrantScope;
use crate::model::License;
use crate::model::Organization;

use super::readings::Readings;

/// Readings and profile, as a decision needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// How open points are read.
    pub readings: Readings,
    /// The profile; `None` when none was given.
    pub organization: Option<Organization>,
    /// The day on which grants are looked at, `YYYY-MM-DD`.
    pub as_of: String,
}

/// What is known of monthly users where a license has a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Users {
    /// The license has no gate, the number is below it, or a grant lifts it.
    Fine,
    /// The number is not stated.
    Unstated,
    /// The number is above the gate.
    Above(u64),
}

impl Position {
    /// Whether the organisation is seated in the European Union.
    pub(super) fn in_eu(&self) -> Option<bool> {
        self.organization.as_ref().and_then(|o| o.in_eu)
    }

    /// Whether the organisation says that it has accepted this license.
    pub(super) fn accepted(&self, license: &License) -> Option<bool> {
        let accepted = self.organization.as_ref()?.accepted_licenses.as_ref()?;
        Some(accepted.contains(&license.id))
    }

    /// The grant that lifts restrictions of this license, if one holds today.
    pub(super) fn grant(&self, license: &License, scope: GrantScope) -> Option<&Grant> {
        self.organization.as_ref()?.grants.iter().find(|grant| {
            grant.scope == scope
                && grant.licenses.contains(&license.id)
                && grant
                    .expires
                    .as_ref()
                    .is_none_or(|last| *last >= self.as_of)
        })
    }

    /// Monthly users against the gate of a license.
    pub(super) fn users(&self, license: &License) -> Users {
        let Some(gate) = &license.clauses.monthly_users else {
            return Users::Fine;
        };
        let stated = self
            .organization
            .as_ref()
            .and_then(|o| o.monthly_users.get(&license.id));
        match stated {
            _ if self.grant(license, GrantScope::MonthlyUsers).is_some() => Users::Fine,
            None => Users::Unstated,
            Some(users) if *users > gate.above => Users::Above(*users),
            Some(_) => Users::Fine,
        }
    }
}
