//! What compliance states about the organisation: the facts that some clauses turn on, and who may
//! decide for it. Plain data; `policy` reads it from `organization.toml`.

use std::collections::BTreeMap;

/// The organisation profile. A fact that is not stated is `None` or absent, and is never read in
/// a run's favour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Legal entity that accepts licenses.
    pub name: String,
    /// Whether its principal place of business is in the European Union.
    pub in_eu: Option<bool>,
    /// Monthly active users of the group in the month before a version's release, by license id.
    pub monthly_users: BTreeMap<String, u64>,
    /// Ids of the licenses it has accepted; `None` when not stated.
    pub accepted_licenses: Option<Vec<String>>,
    /// Separate grants of a licensor.
    pub grants: Vec<Grant>,
    /// Who may request and approve.
    pub people: Vec<Person>,
}

/// Rights granted beside the public license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Name of the grant, cited in findings.
    pub id: String,
    /// Who granted.
    pub licensor: String,
    /// License ids whose restrictions it lifts.
    pub licenses: Vec<String>,
    /// What it covers.
    pub scope: GrantScope,
    /// SHA-256 of the document, lower-case hex.
    pub document_sha256: String,
    /// Last day on which it holds, `YYYY-MM-DD`; `None` when it does not end.
    pub expires: Option<String>,
}

/// What a grant covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantScope {
    /// The number of monthly users only.
    MonthlyUsers,
    /// Improving models of any lineage with outputs; the duties stay.
    Outputs,
}

/// Somebody who requests or decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Short id, e.g. `jdoe`; unique in the profile.
    pub id: String,
    /// Full name for reports.
    pub name: String,
    /// What this person may do.
    pub roles: Vec<PersonRole>,
    /// Ed25519 public key, 64 lower-case hex digits.
    pub public_key: String,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonRole {
    /// Ask for a sign-off, a waiver or another reading.
    Requester,
    /// Decide on the request of somebody else.
    Approver,
}
