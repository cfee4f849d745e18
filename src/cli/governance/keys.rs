//! `herdbook keys new FILE`: the key that a person signs with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::Subcommand;
use clap::ValueHint;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::KeypairBytes;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use crate::governance::public_key_hex;

/// `herdbook keys …`
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Make a signing key, and print what to add to organization.toml
    #[command(after_help = "\
The file holds a private key: keep it to yourself, outside of version control.
It is never overwritten. Commands take it with --key or $HERDBOOK_SIGNING_KEY.

Example:
  herdbook keys new ~/.config/herdbook/jdoe.pem --as jdoe")]
    New(KeysNewArgs),
}

/// `herdbook keys new`
#[derive(Debug, Clone, Args)]
pub struct KeysNewArgs {
    /// Where to put the private key
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Your id, for the lines to add to organization.toml
    #[arg(long = "as", value_name = "PERSON", default_value = "jdoe")]
    pub person: String,
}

pub(in crate::cli) fn run(command: &KeysCommand) -> Result<Exit, Failure> {
    let KeysCommand::New(args) = command;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| anyhow!("the operating system gave no random bytes: {error}"))
        .or_undecided()?;
    let key = SigningKey::from_bytes(&seed);
    // Without the public half, the form of RFC 8410 that OpenSSL 3.0 and older tools read too.
    let form = KeypairBytes {
        secret_key: seed,
        public_key: None,
    };
    let pem = form
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| Failure::undecided(anyhow!("the key has no PEM form: {error}")))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let path = args.file.display();
    let mut file = options
        .open(&args.file)
        .with_context(|| format!("cannot make the key {path} (a file that is there is kept)"))
        .or_usage()?;
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write the key {path}"))
        .or_undecided()?;
    let public = public_key_hex(&key);
    out::print(&format!(
        "Made a signing key at {path}\n  public key  {public}\n\nAdd to organization.toml:\n\n\
         [[person]]\nid = \"{person}\"\nname = \"\"                # full name, for reports\n\
         roles = [\"requester\"]    # or [\"approver\"], or both\npublic_key = \"{public}\"\n",
        person = args.person,
    ))?;
    Ok(Exit::Pass)
}
