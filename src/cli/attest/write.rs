//! `check --attest FILE`: what a check found, signed and written last of all.
//!
//! The order is: files of an earlier run removed before anything is read; scan, split, reports and
//! terminal; then the statement is made from what is known by then, signed, and its parts written,
//! the attestation itself last. Whatever fails on the way makes the check exit 3, and where the
//! check itself let the inputs through, no statement says so.

use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use ed25519_dalek::SigningKey;
use sha2::Digest as _;
use sha2::Sha256;

use super::super::args::CheckArgs;
use super::super::args::Global;
use super::super::config::Config;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened;
use super::super::out;
use super::files;
use super::files::Files;
use super::receipt;
use crate::attest;
use crate::attest::CheckFacts;
use crate::attest::CompleteScan;
use crate::attest::PolicyText;
use crate::attest::Tool;
use crate::attest::bundle;
use crate::attest::svr;
use crate::audit::Logged;
use crate::index::Secrets;
use crate::model::CheckOutcome;
use crate::model::Level;
use crate::model::Verdict;
use crate::policy::Policy;
use crate::policy::codes;

/// What a check came to, and the entry of the audit log that says so.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Checked<'a> {
    pub(in crate::cli) outcome: &'a CheckOutcome,
    /// `None` where nothing was logged: a travelling snapshot has no log.
    pub(in crate::cli) logged: Option<&'a Logged>,
}

/// What a check with `--attest` settles before it begins.
pub(in crate::cli) struct Planned {
    files: Files,
    key: SigningKey,
    days: u16,
    started: String,
}

impl Planned {
    /// Looks whether the attestation can be made; nothing is removed yet. `None` without
    /// `--attest`.
    pub(in crate::cli) fn new(global: &Global, args: &CheckArgs) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.attestation.attest else {
            return Ok(None);
        };
        let files = Files::beside(path);
        files.check_stale().or_usage()?;
        Ok(Some(Self {
            files,
            key: signing_key(global)?,
            days: args.attestation.attest_days,
            started: opened::now()?,
        }))
    }

    /// Every file that may be written.
    pub(in crate::cli) fn outputs(args: &CheckArgs) -> Vec<PathBuf> {
        match &args.attestation.attest {
            Some(path) => Files::beside(path).all().map(Path::to_owned).to_vec(),
            None => Vec::new(),
        }
    }

    /// Removes what an earlier run left.
    pub(in crate::cli) fn remove_stale(&self) -> Result<(), Failure> {
        self.files.remove_stale().or_undecided()
    }

    /// Attests a check that would exit with `exit`, and says how it then exits.
    pub(in crate::cli) fn finish(
        &self,
        global: &Global,
        args: &CheckArgs,
        config: &Config,
        checked: Checked<'_>,
        exit: Exit,
    ) -> Exit {
        let outcome = checked.outcome;
        match self.write(global, args, config, checked, exit) {
            Ok(accepting) => {
                let said = if accepting {
                    "attested"
                } else {
                    "refusal attested"
                };
                let path = self.files.attestation.display();
                out::note(&format!("{said} in {path}"));
                let let_through = matches!(outcome.verdict, Verdict::Pass | Verdict::Flag);
                if let_through && !accepting {
                    exit.or_undecided()
                } else {
                    exit
                }
            }
            Err(error) => {
                let error = error.context("the check could not be attested");
                out::error(&Failure::undecided(error));
                exit.or_undecided()
            }
        }
    }

    /// Writes the parts; says whether the statement may be accepted.
    fn write(
        &self,
        global: &Global,
        args: &CheckArgs,
        config: &Config,
        checked: Checked<'_>,
        exit: Exit,
    ) -> Result<bool, anyhow::Error> {
        let outcome = checked.outcome;
        let facts = self.facts(args, config, checked, exit)?;
        let complete = CompleteScan::prove(outcome, &facts);
        let statement = match &complete {
            Ok(scan) => attest::passing(scan)?,
            Err(gaps) => {
                for gap in gaps {
                    let of_the_check = matches!(gap, attest::Gap::Verdict(_));
                    if !of_the_check {
                        out::warn(&format!("not attested as let through: {gap}"));
                    }
                }
                attest::refusal(outcome, &facts, gaps)?
            }
        };
        let (payload, envelope) = statement.sign(&self.key)?;
        let bytes = envelope.to_bytes()?;
        if let Some(logged) = checked.logged {
            let sha256 = hex::encode(Sha256::digest(&payload));
            let (proof, entry) = receipt::enter(global, logged, &statement, &sha256)?;
            files::write(&self.files.entry, &entry)?;
            files::write(&self.files.proof, proof.as_bytes())?;
        }
        files::write(&self.files.bundle, &bundle::bundle(&envelope)?)?;
        let short = match &complete {
            Ok(scan) => svr::svr(scan),
            Err(_) => None,
        };
        if let Some(short) = short {
            files::write(&self.files.svr, &short.sign(&self.key)?.1.to_bytes()?)?;
        }
        files::write(&self.files.attestation, &bytes)?;
        Ok(complete.is_ok())
    }

    fn facts(
        &self,
        args: &CheckArgs,
        config: &Config,
        checked: Checked<'_>,
        exit: Exit,
    ) -> Result<CheckFacts, anyhow::Error> {
        let outcome = checked.outcome;
        let mut trouble = Vec::new();
        if exit == Exit::Undecided && outcome.verdict < Verdict::Undecided {
            trouble.push("a report could not be written or printed".to_owned());
        }
        let (policy_text, policy) = policy(args, config, outcome)?;
        let finished = opened::now().map_err(|failure| failure.error)?;
        let days = u32::from(self.days);
        Ok(CheckFacts {
            target_sha256: attest::target_digest(&outcome.target)?,
            policy_text,
            allow_empty: policy.level(codes::INPUT_EMPTY) < Level::Undecided,
            text_columns: args.text_columns.clone(),
            exempt_columns: args.exempt_columns.clone(),
            log: checked.logged.map(receipt::position),
            tool: tool()?,
            started: self.started.clone(),
            expires: attest::expiry(&outcome.as_of, &finished, days)?,
            finished,
            trouble,
        })
    }
}

/// The policy in effect and where it stands written, read once more and held against the digest of
/// the one that decided.
fn policy(
    args: &CheckArgs,
    config: &Config,
    outcome: &CheckOutcome,
) -> Result<(PolicyText, Policy), anyhow::Error> {
    let path = args.policy.as_deref().or(config.policy.as_deref());
    let (text, policy) = match path {
        Some(path) => {
            let bytes = files::read(path)?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let text = String::from_utf8(bytes)
                .with_context(|| format!("{} is no UTF-8 text", path.display()))?;
            let policy = Policy::parse(&text, &path.to_string_lossy())?;
            (PolicyText::File(sha256), policy)
        }
        None => (PolicyText::BuiltIn, Policy::default()),
    };
    if policy.digest() == outcome.policy_digest {
        Ok((text, policy))
    } else {
        Err(anyhow!(
            "the policy {} changed during the check: check again",
            outcome.policy_name
        ))
    }
}

/// This program, by the digest of the file that runs.
fn tool() -> Result<Tool, anyhow::Error> {
    // The link leads to the running file, also after an update put another one in its place.
    let running = Path::new("/proc/self/exe");
    let path = if running.exists() {
        running.to_owned()
    } else {
        std::env::current_exe().context("cannot find this program's own file")?
    };
    Ok(Tool {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: sha256_of(&path)?,
    })
}

/// SHA-256 of a file, lower-case hex.
pub(super) fn sha256_of(path: &Path) -> Result<String, anyhow::Error> {
    let unreadable = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(unreadable)?;
    if !file.metadata().with_context(unreadable)?.is_file() {
        return Err(anyhow!("{} is no regular file", path.display()));
    }
    sha256_from(&mut file).with_context(unreadable)
}

/// SHA-256 of all that a reader gives, lower-case hex.
pub(super) fn sha256_from(from: &mut dyn io::Read) -> io::Result<String> {
    let mut sha = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(hex::encode(sha.finalize())),
            Ok(read) => sha.update(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The key that attestations are signed with.
fn signing_key(global: &Global) -> Result<SigningKey, Failure> {
    let dir = opened::index_dir(global);
    let secrets = Secrets::load(dir.keys())
        .context("there is no key to attest with")
        .or_undecided()?;
    let key = secrets.attest(dir.keys()).or_undecided()?;
    Ok(key.clone())
}
