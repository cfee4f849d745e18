//! `herdbook import bundle`: what a partner shared, registered as that partner's claim.

use std::fs::File;
use std::io::BufReader;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;
use ed25519_dalek::VerifyingKey;

use super::super::args::AcquisitionWord;
use super::super::args::Global;
use super::super::args::not_blank;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::export::bundle::source_line;
use super::super::opened;
use super::super::opened::Opened;
use super::super::out;
use super::super::progress::Progress;
use crate::bundle;
use crate::bundle::Bundle;
use crate::bundle::Expected;
use crate::bundle::ImportError;
use crate::bundle::Partner;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::KEY_BYTES;
use crate::index::WriteError;
use crate::model::Outcome;
use crate::report::escape;
use crate::snapshot::Registered;
use crate::snapshot::SealError;

/// Largest key file that is read. Chosen: a key has 65 bytes.
const KEY_FILE_MAX: u64 = 1024;

/// `herdbook import bundle`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook import bundle [OPTIONS] FILE --bundle-key FILE\n       --key PARTNER.pub --partner NAME",
    after_help = "\
The signature has to be that of --key, the partner's keys/signing.pub, which you
compare with the partner: no key is believed because it came with the bundle.
Everything is verified before anything is registered. Each source becomes one of
this index, PARTNER/NAME, whose claims are the partner's; `herdbook source
withdraw` takes it back. The same bundle again changes nothing.

Example:
  herdbook import bundle from-acme.bundle --bundle-key from-acme.key \\
      --key acme-signing.pub --partner acme"
)]
pub struct BundleArgs {
    /// The bundle
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// The key of this bundle, which came over another channel
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bundle_key: PathBuf,

    /// The partner's public signing key (signing.pub)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,

    /// What to call the partner here
    #[arg(long, value_name = "NAME", value_parser = partner_name)]
    pub partner: String,

    /// Source to take over; repeat for more [default: all]
    #[arg(long = "source", value_name = "NAME", value_parser = not_blank)]
    pub sources: Vec<String>,

    /// How outputs of these sources come to you [default: as the partner says]
    #[arg(long, value_name = "HOW", value_enum)]
    pub acquisition: Option<AcquisitionWord>,

    /// Verify and show what would be registered, and register nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Longest name of a partner. Chosen: it stands in every finding.
const PARTNER_BYTES_MAX: usize = 100;

fn partner_name(text: &str) -> Result<String, String> {
    let name = not_blank(text)?;
    if name.len() > PARTNER_BYTES_MAX || name.chars().any(|c| c.is_control() || c == '/') {
        return Err(format!(
            "a name of at most {PARTNER_BYTES_MAX} bytes without / and control characters"
        ));
    }
    Ok(name)
}

pub(super) fn run(global: &Global, opened: &Opened, args: &BundleArgs) -> Result<Exit, Failure> {
    let key = public_key(&args.key)?;
    if key == opened.secrets.verifying() {
        return Err(Failure::usage(anyhow!(
            "{} is this index's own signing key: its sources are registered already",
            args.key.display()
        )));
    }
    let bundle_key = bundle_key(&args.bundle_key)?;
    let named = || format!("{}", args.file.display());
    let file = File::open(&args.file)
        .with_context(|| format!("cannot open {}", args.file.display()))
        .or_undecided()?;
    let mut bundle = Bundle::open(BufReader::new(file), &key)
        .with_context(named)
        .or_undecided()?;
    bundle
        .accepts(&Expected {
            recipe: &opened.compat.recipe,
            unicode: &opened.compat.unicode,
            key: bundle_key.key_check(),
        })
        .with_context(named)
        .or_undecided()?;
    let spinner = Progress::spinner("verifying", global.quiet);
    let verified = bundle.verify();
    spinner.finish();
    verified.with_context(named).or_undecided()?;
    // Before the index is opened for writing.
    bundle::chosen(&bundle, &args.sources).map_err(failure)?;
    show(&bundle)?;
    if args.dry_run {
        out::print("Nothing was registered (--dry-run)\n")?;
        return Ok(Exit::Pass);
    }
    let now = opened::now()?;
    let partner = Partner {
        name: &args.partner,
        bundle_key: &bundle_key,
        index_key: &opened.key,
        acquisition: args.acquisition.map(Into::into),
        now: &now,
    };
    let mut writer = opened.writer()?;
    let spinner = Progress::spinner("registering", global.quiet);
    let done = bundle::import(&mut writer, &mut bundle, &partner, &args.sources);
    spinner.finish();
    let done = done.map_err(failure)?;
    for registered in &done {
        told(registered, args)?;
    }
    warn_of_unknown(global, &done)?;
    Ok(Exit::Pass)
}

fn show<R: std::io::Read + std::io::Seek>(bundle: &Bundle<R>) -> Result<(), Failure> {
    let manifest = bundle.manifest();
    let mut text = format!(
        "Bundle {}\n  signed by   {}\n  exported    {}\n  texts       {}, {} grams\n",
        bundle.digest(),
        manifest.public_key,
        escape::terminal(&manifest.exported_at),
        manifest.texts,
        manifest.grams,
    );
    for source in &manifest.sources {
        text.push_str(&source_line(source));
    }
    out::print(&text)
}

fn told(registered: &Registered, args: &BundleArgs) -> Result<(), Failure> {
    let source = &registered.source;
    let name = escape::identifier(&source.name);
    if !registered.new {
        return out::print(&format!(
            "Source {name} is registered already, from the same bundle; nothing was changed.\n"
        ));
    }
    out::print(&format!(
        "Registered {} records as source {name}, claimed by {}\n  digest      {}\n  texts       {} new to this index\n  snapshot    {} ({})\n",
        source.records,
        escape::identifier(&args.partner),
        source.digest,
        source.new_texts,
        registered.snapshot,
        registered.digest,
    ))
}

fn warn_of_unknown(global: &Global, done: &[Registered]) -> Result<(), Failure> {
    let catalog = catalog::of_index(global)?;
    let new = done.iter().filter(|registered| registered.new);
    let mut unknown: Vec<String> = new
        .flat_map(|registered| &registered.source.models)
        .filter(|id| matches!(catalog.resolve(id).outcome, Outcome::Unknown))
        .map(|id| escape::identifier(id))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        out::warn(&format!(
            "the catalog does not know {}: a match with these records will need review",
            unknown.join(", ")
        ));
    }
    Ok(())
}

/// A clash of names and a source that is not there are the user's to solve (exit 2); what cannot be
/// read, proven or written is exit 3.
fn failure(error: ImportError) -> Failure {
    match &error {
        ImportError::NoSource { .. }
        | ImportError::Known { .. }
        | ImportError::Index(SealError::Write(
            WriteError::NameTaken { .. } | WriteError::Withdrawn { .. } | WriteError::Empty { .. },
        )) => Failure::usage(error),
        ImportError::Bundle(_) | ImportError::Index(_) => Failure::undecided(error),
    }
}

/// A small text file, whole.
fn read_key(path: &Path) -> Result<String, Failure> {
    let read = || {
        let mut text = String::new();
        File::open(path)?
            .take(KEY_FILE_MAX)
            .read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    read()
        .with_context(|| format!("cannot read the key {}", path.display()))
        .or_usage()
}

fn public_key(path: &Path) -> Result<VerifyingKey, Failure> {
    bundle::public_key(&read_key(path)?).ok_or_else(|| {
        Failure::usage(anyhow!(
            "{} is no Ed25519 public key of 64 hexadecimal digits, as keys/signing.pub is",
            path.display()
        ))
    })
}

fn bundle_key(path: &Path) -> Result<FingerprintKey, Failure> {
    let text = read_key(path)?;
    let mut key = [0; KEY_BYTES];
    hex::decode_to_slice(text.trim_end(), &mut key)
        .map_err(|_| {
            anyhow!(
                "{} is no bundle key: it has to hold 64 hexadecimal digits",
                path.display()
            )
        })
        .or_usage()?;
    FingerprintKey::from_bytes(&key).or_usage()
}
