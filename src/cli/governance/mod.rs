//! The commands about approvals: keys, requests, decisions, the inbox, deployments.
//!
//! Every change goes one way: the file is locked, read and verified whole, the new line signed and
//! verified with it, then appended and made durable. What is refused when read is therefore never
//! written.

pub(super) mod deployment;
mod files;
pub(super) mod keys;
pub(super) mod request_args;
pub(super) mod requests;
pub(super) mod review;
pub(super) mod verify;

pub(super) use files::FileArgs;
pub(super) use files::Files;
pub(super) use files::governance_files;
pub(super) use files::read_ledger;
pub(super) use review::EXPIRES_SOON_DAYS;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use sha2::Digest as _;
use sha2::Sha256;

use super::args::Global;
use super::audit;
use super::date::Date;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::out;
use crate::audit::Approval;
use crate::audit::Record;
use crate::catalog::Catalog;
use crate::governance::Approvals;
use crate::governance::Ask;
use crate::governance::Document;
use crate::governance::Ledger;
use crate::governance::Payload;
use crate::governance::public_key_hex;
use crate::model::License;
use crate::model::Person;
use crate::model::PersonRole;
use crate::policy::Answer;
use crate::policy::Position;
use crate::policy::Readings;
use crate::policy::readings;

/// Largest evidence or license file that is digested, in bytes. Chosen: a scanned contract fits.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// Largest key file, in bytes. Chosen: a PEM key has 120.
const KEY_BYTES_MAX: u64 = 1 << 16;

/// Who signs.
#[derive(Debug, Clone, Args)]
pub struct SignerArgs {
    /// Who you are: your id in organization.toml
    #[arg(long = "as", value_name = "PERSON")]
    pub person: String,

    /// Your signing key, as `herdbook keys new` made it
    #[arg(long, value_name = "FILE", env = "HERDBOOK_SIGNING_KEY", hide_env_values = true,
        value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
}

/// Today, UTC.
pub(super) fn today() -> Result<String, Failure> {
    Date::of(SystemTime::now())
        .map(|date| date.to_string())
        .map_err(|error| Failure::undecided(anyhow!(error)))
}

/// The day that expiries are compared with: as given, else today.
fn day(as_of: Option<Date>) -> Result<String, Failure> {
    as_of.map_or_else(today, |date| Ok(date.to_string()))
}

/// Adopted readings that can be switched, with their answers.
fn known_readings() -> Vec<(&'static str, Vec<&'static str>)> {
    readings::ALL
        .iter()
        .map(|info| {
            let answers = info.answers.iter().map(|answer| answer.as_str()).collect();
            (info.id, answers)
        })
        .collect()
}

/// Switches the readings that approvals in force on a day switch.
///
/// # Errors
/// When one names a reading or an answer that this version does not know: it must not silently do
/// nothing.
fn switch_readings(
    readings: &mut Readings,
    approvals: &Approvals,
    as_of: &str,
) -> Result<(), anyhow::Error> {
    let known = known_readings();
    let known: Vec<(&str, &[&str])> = known
        .iter()
        .map(|(id, answers)| (*id, answers.as_slice()))
        .collect();
    for (id, word) in approvals.readings(as_of, &known)? {
        let answer = Answer::parse(&word).ok_or_else(|| anyhow!("{word} answers no reading"))?;
        readings.switch(&id, answer)?;
    }
    Ok(())
}

/// What was approved, the readings that it switches already switched in `position`.
///
/// # Errors
/// When the approvals cannot be trusted or used: what was approved is not known then, and "nothing"
/// would be a guess.
pub(super) fn approvals(
    files: &Files,
    catalog: &Catalog,
    position: &mut Position,
) -> Result<Approvals, anyhow::Error> {
    let ledger = read_ledger(files)?;
    let approvals = Approvals::new(&ledger, catalog.licenses());
    switch_readings(&mut position.readings, &approvals, &position.as_of)?;
    Ok(approvals)
}

/// The catalog's license with this id.
fn license(catalog: &Catalog, id: &str) -> Result<Arc<License>, Failure> {
    catalog.license(id).cloned().ok_or_else(|| {
        Failure::usage(anyhow!(
            "no license is named {id}: `herdbook licenses list` prints the ids"
        ))
    })
}

/// SHA-256 of a file with its name.
fn document(path: &Path) -> Result<Document, Failure> {
    let unreadable = || format!("cannot read {}", path.display());
    let size = fs::metadata(path)
        .with_context(unreadable)
        .or_usage()?
        .len();
    if size > DOCUMENT_BYTES_MAX {
        return Err(Failure::usage(anyhow!(
            "{} has more than {DOCUMENT_BYTES_MAX} bytes",
            path.display()
        )));
    }
    let bytes = fs::read(path).with_context(unreadable).or_usage()?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Document {
        name: name.to_string_lossy().into_owned(),
        sha256: hex::encode(Sha256::digest(&bytes)),
    })
}

/// Reads a signing key.
fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let unreadable = || format!("cannot read the signing key {}", path.display());
    let metadata = fs::metadata(path).with_context(unreadable).or_usage()?;
    if metadata.len() > KEY_BYTES_MAX {
        return Err(Failure::usage(anyhow!("{} is no key file", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            out::warn(&format!(
                "others may read the signing key {0}: `chmod 600 {0}`",
                path.display()
            ));
        }
    }
    let text = fs::read_to_string(path)
        .with_context(unreadable)
        .or_usage()?;
    SigningKey::from_pkcs8_pem(&text).map_err(|_| {
        Failure::usage(anyhow!(
            "{} is no Ed25519 private key in PEM: `herdbook keys new FILE` makes one",
            path.display()
        ))
    })
}

/// Has an approver vouch for a text outside the approvals. Returns the signature, hex.
///
/// # Errors
/// Nobody of that name in the profile, who may not approve, or whose key is another one.
pub(super) fn vouch(files: &Files, signer: &SignerArgs, text: &str) -> Result<String, Failure> {
    let key = signing_key(&signer.key)?;
    let person = person(files, &signer.person, &key, &signer.key)?;
    if !person.roles.contains(&PersonRole::Approver) {
        return Err(Failure::usage(anyhow!(
            "{} may not approve: give the role `approver` in {} to whom the organisation trusts with it",
            signer.person,
            files.organization_path.display()
        )));
    }
    Ok(hex::encode(key.sign(text.as_bytes()).to_bytes()))
}

/// Whether somebody of the profile vouched for a text with this signature.
pub(super) fn vouched(files: &Files, person: &str, text: &str, signature: &str) -> bool {
    files
        .organization
        .people
        .iter()
        .filter(|known| known.id == person)
        .any(|known| crate::governance::signed_by(&known.public_key, text, signature))
}

/// The person of the profile whose key this is.
fn person<'f>(
    files: &'f Files,
    id: &str,
    key: &SigningKey,
    path: &Path,
) -> Result<&'f Person, Failure> {
    let person = files
        .organization
        .people
        .iter()
        .find(|person| person.id == id)
        .ok_or_else(|| {
            Failure::usage(anyhow!(
                "nobody is named {id} in {}: add a [[person]] there",
                files.organization_path.display()
            ))
        })?;
    let public = public_key_hex(key);
    if person.public_key.eq_ignore_ascii_case(&public) {
        return Ok(person);
    }
    Err(Failure::usage(anyhow!(
        "{} is not the key of {id} in {}: it has the public key {public}",
        path.display(),
        files.organization_path.display()
    )))
}

/// Signs a record, proves that it may stand at the end of the file, and appends it. Returns the
/// file as it then is.
///
/// The audit log of the index, where there is one, gets an entry of the kind of `record`; that it
/// can be written is found out before anything is signed.
fn append(
    global: &Global,
    files: &Files,
    signer: &SignerArgs,
    payload: &Payload,
    record: fn(Approval) -> Record,
) -> Result<Ledger, Failure> {
    let log = audit::for_approvals(global)?;
    let key = signing_key(&signer.key)?;
    person(files, &signer.person, &key, &signer.key)?;
    let (ledger, line) = files::append(files, &signer.person, &key, payload)?;
    let (action, request) = match payload {
        Payload::Request(_) => (
            "request",
            ledger.requests().last().map(|last| last.id.clone()),
        ),
        Payload::Approve(decided) => ("approve", Some(decided.request.clone())),
        Payload::Reject(decided) => ("reject", Some(decided.request.clone())),
        Payload::Revoke(decided) => ("revoke", Some(decided.request.clone())),
        Payload::Deployment(_) => ("record", None),
    };
    let reason = match payload {
        Payload::Request(Ask::Waiver(ask)) => Some(ask.reason.as_str().to_owned()),
        Payload::Request(Ask::SignOff(_) | Ask::Reading(_))
        | Payload::Approve(_)
        | Payload::Reject(_)
        | Payload::Revoke(_)
        | Payload::Deployment(_) => None,
    };
    let approval = Approval {
        action: action.to_owned(),
        line,
        request,
        person: signer.person.clone(),
        reason,
        about: about(payload)?,
    };
    audit::log_approval(log, record, approval)?;
    Ok(ledger)
}

/// What a record is about, for its entry in the log: its plain values by name.
fn about(payload: &Payload) -> Result<BTreeMap<String, String>, Failure> {
    let value = match payload {
        Payload::Request(Ask::SignOff(ask)) => serde_json::to_value(ask),
        Payload::Request(Ask::Waiver(ask)) => serde_json::to_value(ask),
        Payload::Request(Ask::Reading(ask)) => serde_json::to_value(ask),
        Payload::Deployment(deployment) => serde_json::to_value(deployment),
        // The request that they name has said it.
        Payload::Approve(_) | Payload::Reject(_) | Payload::Revoke(_) => return Ok(BTreeMap::new()),
    }
    .context("the record cannot be written as JSON")
    .or_undecided()?;
    let plain = value.as_object().into_iter().flatten();
    Ok(plain
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect())
}
