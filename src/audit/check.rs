//! The entry of a check, made from what the check found.

use std::collections::BTreeMap;

use sha2::Digest as _;
use sha2::Sha256;

use super::Check;
use super::INPUTS_LISTED_MAX;
use super::LogError;
use crate::model::CheckOutcome;

impl Check {
    /// What is logged of a check: digests and counts. `json` is its verdict as JSON, the document
    /// that reports are.
    pub fn of(outcome: &CheckOutcome, json: &str) -> Result<Self, LogError> {
        let unusable = |error: serde_json::Error| LogError::Entry {
            what: format!("the verdict is not JSON ({error})"),
        };
        let value: serde_json::Value = serde_json::from_str(json).map_err(unusable)?;
        let target = serde_json::to_string(value.get("target").unwrap_or(&serde_json::Value::Null))
            .map_err(unusable)?;
        let digests: Vec<Option<String>> = outcome
            .inputs
            .iter()
            .map(|input| input.sha256.clone())
            .collect();
        let mut all = Sha256::new();
        for digest in &digests {
            all.update(digest.as_deref().unwrap_or("-"));
            all.update(b"\n");
        }
        let tally = &outcome.tally;
        let counts = [
            ("read", tally.read),
            ("pass", tally.pass),
            ("flag", tally.flag),
            ("block", tally.block),
            ("undecided", tally.undecided),
        ];
        Ok(Self {
            verdict: outcome.verdict.as_str().to_owned(),
            outcome: hex::encode(Sha256::digest(json)),
            target: hex::encode(Sha256::digest(target)),
            policy: outcome.policy_digest.clone(),
            snapshot: outcome.index.as_ref().map(|index| index.snapshot),
            snapshot_digest: outcome.index.as_ref().map(|index| index.digest.clone()),
            inputs: digests.len() as u64,
            inputs_digest: hex::encode(all.finalize()),
            input_digests: if digests.len() > INPUTS_LISTED_MAX {
                Vec::new()
            } else {
                digests
            },
            tally: BTreeMap::from(counts.map(|(name, count)| (name.to_owned(), count))),
            as_of: outcome.as_of.clone(),
            sketches: None,
        })
    }
}
