//! The short form of a pass: in-toto's Simple Verification Result v0.2, which lists properties that
//! hold and cannot say that one does not. It is made from a complete scan whose verdict is pass, and
//! never from another.

use serde::Serialize;

use super::complete::CompleteScan;
use super::statement::DigestSet;
use super::statement::Statement;
use super::statement::Subject;
use crate::model::Verdict;

/// Predicate type.
pub const SVR_TYPE: &str = "https://in-toto.io/attestation/svr/v0.2";
/// Who says so.
const VERIFIER: &str = "https://herdbook.dev/gate/v1";
/// What holds.
const PROPERTIES: [&str; 2] = [
    "HERDBOOK_SCAN_COMPLETE",
    "HERDBOOK_NO_MATCH_AT_OR_ABOVE_THRESHOLD",
];

/// The predicate.
#[derive(Debug, Clone, Serialize)]
pub struct Svr {
    verifier: Verifier,
    #[serde(rename = "timeCreated")]
    time_created: String,
    properties: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct Verifier {
    id: &'static str,
    policies: [Subject; 1],
}

/// The short form; `None` unless the verdict is pass.
pub fn svr(scan: &CompleteScan<'_>) -> Option<Statement<Svr>> {
    let outcome = scan.outcome();
    if outcome.verdict != Verdict::Pass {
        return None;
    }
    let named = |name: &str, sha256: &str| Subject {
        name: name.to_owned(),
        digest: DigestSet {
            sha256: sha256.to_owned(),
        },
    };
    let subjects = outcome
        .inputs
        .iter()
        .filter_map(|input| Some(named(&input.path, input.sha256.as_deref()?)))
        .collect();
    let predicate = Svr {
        verifier: Verifier {
            id: VERIFIER,
            policies: [named(&outcome.policy_name, &outcome.policy_digest)],
        },
        time_created: scan.facts().finished.clone(),
        properties: PROPERTIES.to_vec(),
    };
    Some(Statement::new(SVR_TYPE, subjects, predicate))
}
