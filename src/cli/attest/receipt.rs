//! The audit log's side of an attestation: the entry that records it, and the proof that it is in
//! the log.

use std::path::Path;

use anyhow::anyhow;

use super::super::args::Global;
use super::super::opened;
use super::super::opened::Opened;
use super::files;
use super::files::Files;
use crate::attest::LogPosition;
use crate::attest::Predicate;
use crate::attest::Statement;
use crate::audit;
use crate::audit::Entry;
use crate::audit::Log;
use crate::audit::Logged;
use crate::audit::Record;
use crate::tlog::Receipt;
use crate::tlog::Verifier;

/// Where the check stands in the log.
pub(super) fn position(logged: &Logged) -> LogPosition {
    LogPosition {
        origin: logged.checkpoint.origin.clone(),
        entry: logged.index,
        tree_size: logged.checkpoint.size,
        root: logged.checkpoint.root.to_hex(),
    }
}

/// Enters a statement, by the digest of its signed bytes, into the log that its check stands in.
/// Returns the receipt's text and the entry's bytes, which it is verified with.
pub(super) fn enter(
    global: &Global,
    logged: &Logged,
    statement: &Statement<Predicate>,
    sha256: &str,
) -> Result<(String, Vec<u8>), anyhow::Error> {
    let opened = Opened::find(global)?;
    let mut log = Log::open(&opened.dir, &opened.secrets);
    let record = Record::Attest(audit::Attestation {
        statement: sha256.to_owned(),
        predicate_type: statement.predicate_type.clone(),
        verdict: statement.predicate.verdict.as_str().to_owned(),
        check: logged.index,
        expires: Some(statement.predicate.expires.clone()),
    });
    let now = opened::now().map_err(|failure| failure.error)?;
    let entered = log.append(&now, record)?;
    let (receipt, entry) = audit::receipt(&opened.dir, &opened.secrets.public(), entered.index)?;
    Ok((receipt.to_text(), entry))
}

/// Proves that a statement stands in a log that one of the keys signs. Returns the log's name and
/// the number of its entry.
pub(super) fn proven(
    attestation: &Path,
    keys: &[Verifier],
    statement: &Statement<Predicate>,
    sha256: &str,
) -> Result<(String, u64), anyhow::Error> {
    let files = Files::beside(&Files::envelope_of(attestation));
    let text = String::from_utf8(files::read(&files.proof)?)
        .map_err(|_| anyhow!("{} is no text", files.proof.display()))?;
    let bytes = files::read(&files.entry)?;
    let receipt = Receipt::parse(&text)?;
    let mut refused = anyhow!("no key of a log was given");
    let mut found = None;
    for key in keys {
        match receipt.verify(&bytes, key) {
            Ok(checkpoint) => found = Some(checkpoint),
            Err(error) => refused = error.into(),
        }
    }
    let Some(checkpoint) = found else {
        return Err(refused.context(format!("the receipt {}", files.proof.display())));
    };
    let entry = Entry::parse(&bytes).map_err(|error| anyhow!("the log's entry: {error}"))?;
    let Record::Attest(entered) = &entry.record else {
        return Err(anyhow!("entry {} records no attestation", receipt.index));
    };
    let predicate = &statement.predicate;
    let same = entered.statement == sha256
        && entered.predicate_type == statement.predicate_type
        && entered.verdict == predicate.verdict.as_str()
        && predicate.log.as_ref().is_some_and(|position| {
            position.origin == checkpoint.origin && position.entry == entered.check
        });
    if !same {
        return Err(anyhow!(
            "entry {} records another attestation",
            receipt.index
        ));
    }
    Ok((checkpoint.origin, receipt.index))
}
