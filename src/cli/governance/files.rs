//! Where the profile and the approvals are, and how the approvals are read and appended to.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;
use ed25519_dalek::SigningKey;
use sha2::Digest as _;
use sha2::Sha256;

use super::super::args::Global;
use super::super::catalog;
use super::super::config::Config;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::target;
use crate::catalog::Catalog;
use crate::governance::LEDGER_BYTES_MAX;
use crate::governance::Ledger;
use crate::governance::Payload;
use crate::governance::seal;
use crate::model::Organization;
use crate::report::escape;

/// Name of the approvals beside the policy.
const APPROVALS_FILE: &str = "approvals.jsonl";

/// Which files to use.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// Policy whose folder holds the next two [default: the config's, else the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,

    /// Organisation profile [default: organization.toml beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub organization: Option<PathBuf>,

    /// Approvals [default: approvals.jsonl beside the policy, or in the index]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub approvals: Option<PathBuf>,
}

impl FileArgs {
    /// The options as a suggested command repeats them, each after a space.
    pub(super) fn repeated(&self) -> String {
        let options = [
            ("--policy", &self.policy),
            ("--organization", &self.organization),
            ("--approvals", &self.approvals),
        ];
        let mut text = String::new();
        for (name, value) in options {
            if let Some(path) = value {
                text.extend([" ", name, " ", &escape::shell(&path.to_string_lossy())]);
            }
        }
        text
    }

    /// Finds and reads them.
    pub(in crate::cli) fn find(&self, global: &Global) -> Result<Files, Failure> {
        let catalog = catalog::of_index(global)?;
        let config = Config::load(&global.index).or_usage()?;
        governance_files(
            global,
            self.policy.as_deref().or(config.policy.as_deref()),
            self.organization.as_deref(),
            self.approvals.as_deref(),
            &catalog,
        )
    }
}

/// The profile, read, and where the approvals are.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Files {
    pub(in crate::cli) organization: Organization,
    pub(in crate::cli) organization_path: PathBuf,
    pub(in crate::cli) approvals: PathBuf,
}

/// Finds the profile and the approvals: the files named, else those beside the policy, else those
/// in the folder of the index. A profile that was not named and is not there is an empty one.
pub(in crate::cli) fn governance_files(
    global: &Global,
    policy: Option<&Path>,
    organization: Option<&Path>,
    approvals: Option<&Path>,
    catalog: &Catalog,
) -> Result<Files, Failure> {
    let (profile, organization_path) =
        target::profile(organization, policy, &global.index, catalog)?;
    let (approvals, _) = target::beside_policy(approvals, policy, &global.index, APPROVALS_FILE)?;
    Ok(Files {
        organization: profile.unwrap_or_default(),
        organization_path,
        approvals,
    })
}

/// Reads and verifies the approvals. No file is no approvals; any other trouble is an error.
///
/// # Errors
/// A sentence with file, line and remedy.
pub(in crate::cli) fn read_ledger(files: &Files) -> Result<Ledger, anyhow::Error> {
    match fs::File::open(&files.approvals) {
        Ok(file) => verified(files, &bytes(files, file)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
        Err(error) => Err(error).with_context(|| unreadable(files)),
    }
}

fn unreadable(files: &Files) -> String {
    format!("cannot read the approvals {}", files.approvals.display())
}

fn bytes(files: &Files, file: fs::File) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    file.take(LEDGER_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(|| unreadable(files))?;
    Ok(bytes)
}

fn verified(files: &Files, bytes: &[u8]) -> Result<Ledger, anyhow::Error> {
    let path = files.approvals.to_string_lossy();
    Ok(Ledger::read(bytes, &path, &files.organization)?)
}

/// Signs a record and appends it, if the file with it would verify. Returns the file as it then
/// is, and the SHA-256 of the line, hex.
pub(super) fn append(
    files: &Files,
    signer: &str,
    key: &SigningKey,
    payload: &Payload,
) -> Result<(Ledger, String), Failure> {
    let path = &files.approvals;
    let failed = || format!("cannot write the approvals {}", path.display());
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .with_context(failed)
        .or_undecided()?;
    // Two people on one machine must not sign on to the same line; across machines the chain and
    // version control see to that.
    file.lock().with_context(failed).or_undecided()?;
    let mut all =
        bytes(files, file.try_clone().with_context(failed).or_undecided()?).or_undecided()?;
    let before = verified(files, &all).or_undecided()?;
    let line = seal(payload, signer, key, before.head()).or_usage()?;
    all.extend_from_slice(line.as_bytes());
    all.push(b'\n');
    let after = Ledger::read(&all, &path.to_string_lossy(), &files.organization)
        .map_err(|error| Failure::usage(anyhow!("not recorded: {}", error.fault)))?;
    // One write, so that a crash leaves the line whole or torn at the end, where it is seen.
    file.write_all(format!("{line}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(failed)
        .or_undecided()?;
    Ok((after, hex::encode(Sha256::digest(&line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(index: &Path) -> Global {
        Global {
            index: index.to_owned(),
            quiet: true,
        }
    }

    #[test]
    fn files_are_those_named_or_beside_the_policy_or_in_the_index() {
        let folder = tempfile::tempdir().expect("folder");
        let global = global(folder.path());
        let catalog = Catalog::builtin().expect("catalog");
        let find = |policy: Option<&Path>, named: Option<&Path>| {
            governance_files(&global, policy, named, None, &catalog)
        };
        let found = find(None, None).expect("none is fine");
        assert_eq!(found.approvals, folder.path().join("approvals.jsonl"));
        assert_eq!(found.organization, Organization::default());
        let policy = folder.path().join("gov/policy.toml");
        let found = find(Some(&policy), None).expect("none is fine");
        assert_eq!(found.approvals, folder.path().join("gov/approvals.jsonl"));
        let named = folder.path().join("nowhere.toml");
        let failure = find(None, Some(&named)).expect_err("named");
        assert!(failure.error.to_string().contains("nowhere.toml"));
    }

    #[test]
    fn no_file_is_no_approvals_and_a_folder_in_its_place_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let catalog = Catalog::builtin().expect("catalog");
        let global = global(folder.path());
        let files = governance_files(&global, None, None, None, &catalog).expect("files");
        assert_eq!(read_ledger(&files).expect("none").records(), 0);
        fs::create_dir(&files.approvals).expect("made");
        assert!(read_ledger(&files).is_err());
    }
}
