//! What a target is known by in an attestation: the digest of all it states, every default filled
//! in.

use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::model::Acquisition;
use crate::model::target::Target;

#[derive(Serialize)]
struct Stated<'a> {
    version: u32,
    name: Option<&'a str>,
    base: &'a [String],
    kind: &'static str,
    availability: &'static str,
    folder: Option<&'a str>,
    stage: &'static str,
    purpose: &'static str,
    inputs: Vec<(&'a str, &'static str, Option<&'static str>)>,
    models_used: Vec<(&'a str, &'static str)>,
}

/// SHA-256, lower-case hex, of the target as compact JSON: two target files that mean the same have
/// the same digest, however they are written. What lies in the target's folder is not in it.
///
/// # Errors
/// Only if a text had no JSON form, which cannot be.
pub fn target_digest(target: &Target) -> Result<String, serde_json::Error> {
    // Taken apart, so that a new field cannot be forgotten here.
    let Target {
        name,
        base,
        kind,
        availability,
        folder,
        stage,
        purpose,
        inputs,
        models_used,
    } = target;
    let stated = Stated {
        version: 1,
        name: name.as_deref(),
        base,
        kind: kind.as_str(),
        availability: availability.as_str(),
        folder: folder.as_deref(),
        stage: stage.as_str(),
        purpose: purpose.as_str(),
        inputs: inputs
            .iter()
            .map(|input| {
                let acquisition = input.acquisition.map(Acquisition::as_str);
                (input.path.as_str(), input.of_outputs.as_str(), acquisition)
            })
            .collect(),
        models_used: models_used
            .iter()
            .map(|used| (used.model.as_str(), used.of_outputs.as_str()))
            .collect(),
    };
    let json = serde_json::to_vec(&stated)?;
    Ok(hex::encode(Sha256::digest(&json)))
}
