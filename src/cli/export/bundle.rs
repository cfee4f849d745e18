//! `herdbook export bundle`: sources for a partner, as fingerprints under a key of their own.

use std::fs::OpenOptions;
use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;

use super::super::args::Global;
use super::super::args::not_blank;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::opened;
use super::super::opened::Opened;
use super::super::out;
use super::super::progress::Progress;
use crate::audit::Log;
use crate::audit::Record;
use crate::audit::Share;
use crate::bundle;
use crate::bundle::ExportError;
use crate::bundle::Exported;
use crate::bundle::Exporter;
use crate::bundle::SharedSource;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::KEY_BYTES;
use crate::report::escape;
use crate::report::plural;

/// `herdbook export bundle`
#[derive(Debug, Clone, Args)]
#[command(
    override_usage = "herdbook export bundle [OPTIONS] FILE --source NAME\n       --bundle-key FILE",
    after_help = "\
Fingerprints, lengths, model ids and places of the sources, and no text, signed
with this index's signing key. They are sealed under a new key, which is written
to the file of --bundle-key: send it over another channel than the bundle. Who
has both can test any text that he guesses: docs/bundles.md says what leaks.

Example:
  herdbook export bundle for-acme.bundle --source runs --bundle-key for-acme.key"
)]
pub struct BundleArgs {
    /// File to write; it must not exist
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Source to share; repeat for more
    #[arg(long = "source", value_name = "NAME", required = true, value_parser = not_blank)]
    pub sources: Vec<String>,

    /// File for the key of this bundle; it must not exist
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bundle_key: PathBuf,
}

pub(super) fn run(global: &Global, opened: &Opened, args: &BundleArgs) -> Result<Exit, Failure> {
    for path in [&args.file, &args.bundle_key] {
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(Failure::usage(anyhow!(
                "{} exists, and is not overwritten: name a new file",
                path.display()
            )));
        }
    }
    let snapshot = opened.head().or_undecided()?;
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key)
        .map_err(|error| anyhow!("the operating system gave no random bytes: {error}"))
        .or_undecided()?;
    let bundle_key = FingerprintKey::from_bytes(&key).or_undecided()?;
    let folder = folder(&args.file);
    let failed = || format!("cannot write {}", args.file.display());
    // Private until it is whole, and private after: a bundle is confidential with its key.
    let mut made = tempfile::NamedTempFile::new_in(folder)
        .with_context(failed)
        .or_undecided()?;
    let now = opened::now()?;
    let from = Exporter {
        snapshot: &snapshot,
        index_key: &opened.key,
        bundle_key: &bundle_key,
        signing: opened.secrets.signing(),
        scratch: folder,
        now: &now,
    };
    let spinner = Progress::spinner("exporting", global.quiet);
    let mut buffered = BufWriter::new(made.as_file_mut());
    let exported = bundle::export(&from, &args.sources, &mut buffered);
    let flushed = buffered.flush();
    drop(buffered);
    spinner.finish();
    let exported = exported.map_err(failure)?;
    flushed
        .and_then(|()| made.as_file().sync_all())
        .with_context(failed)
        .or_undecided()?;
    // What leaves the house is on record before it can leave.
    let mut log = Log::open(&opened.dir, &opened.secrets);
    let shared = Record::Share(Share {
        bundle: exported.digest.clone(),
        sources: args.sources.clone(),
        texts: exported.manifest.texts,
        key_check: bundle_key.key_check().to_string(),
    });
    let logged = log.append(&now, shared).or_undecided()?;
    for note in log.take_notes() {
        out::note(&note);
    }
    write_key(&args.bundle_key, &key)?;
    if let Err(error) = made.persist_noclobber(&args.file) {
        // A key without its bundle opens nothing and would stand in the way of the next try.
        let removed = std::fs::remove_file(&args.bundle_key);
        let error = anyhow::Error::new(error.error).context(failed());
        return Err(Failure::undecided(match removed {
            Ok(()) => error,
            Err(cause) => error.context(format!(
                "{} could not be removed again: {cause}",
                args.bundle_key.display()
            )),
        }));
    }
    told(&exported, args, logged.index)?;
    Ok(Exit::Pass)
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes the key as 64 hexadecimal digits and a line end, for its owner only.
fn write_key(path: &Path, key: &[u8; KEY_BYTES]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(format!("{}\n", hex::encode(key)).as_bytes())?;
        file.sync_all()
    };
    write()
        .with_context(|| format!("cannot write the bundle key {}", path.display()))
        .or_undecided()
}

/// Names are the user's to get right (exit 2); what cannot be read or written is exit 3.
fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::NoSource { .. }
        | ExportError::Withdrawn { .. }
        | ExportError::OfPartner { .. } => Failure::usage(error),
        ExportError::Bundle(_) | ExportError::Store(_) => Failure::undecided(error),
    }
}

/// A source of a bundle, in a line.
pub(in crate::cli) fn source_line(source: &SharedSource) -> String {
    format!(
        "  source      {}: {}, {} of {} by place, {}\n",
        escape::identifier(&source.name),
        plural(source.texts, "text"),
        source.claims,
        plural(source.records, "record"),
        plural(source.models.len() as u64, "model"),
    )
}

fn told(exported: &Exported, args: &BundleArgs, entry: u64) -> Result<(), Failure> {
    let manifest = &exported.manifest;
    let path = |path: &Path| escape::terminal(&path.display().to_string());
    let mut text = format!(
        "Exported {} of {} to {}\n  digest      {}\n  signed by   {}\n  bundle key  {}, for this bundle alone: send it over another channel\n  grams       {}, without words and text\n  recorded    entry {entry} of the audit log\n",
        plural(manifest.texts, "text"),
        plural(manifest.sources.len() as u64, "source"),
        path(&args.file),
        exported.digest,
        manifest.public_key,
        path(&args.bundle_key),
        manifest.grams,
    );
    for source in &manifest.sources {
        text.push_str(&source_line(source));
    }
    out::print(&text)?;
    if manifest.common_grams > 0 {
        out::note(&format!(
            "{} grams of this index stand in so many texts that it keeps no list of them: they are in no text of the bundle; {} texts have no gram left and are found by equal texts only",
            manifest.common_grams, exported.texts_without_grams
        ));
    }
    Ok(())
}
