//! The file in which the duties of a target are kept from one check to the next.

use std::fs::File;
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

use super::args::CheckArgs;
use super::args::FailOn;
use super::config::Config;
use super::exit::Failure;
use crate::model::DutyOwner;
use crate::model::DutyRecording;
use crate::model::Level;
use crate::model::StoredDuty;
use crate::model::target::Target;
use crate::pipeline;
use crate::pipeline::DutyBook;
use crate::policy;
use crate::trainer::Request;

/// Name of the file, beside the one that states the target.
const DUTIES: &str = "duties.toml";

/// Where duties are kept, and whether this check adds to them.
#[derive(Debug, Clone, Default, Args)]
pub struct DutyArgs {
    /// Duties stored for the target [default: duties.toml beside the target file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub duties: Option<PathBuf>,

    /// Do not store the duties that come with these inputs, and say so in the report
    #[arg(long)]
    pub no_record_duties: bool,
}

/// The file that states the target: the target file, else the configuration of a trainer.
fn stated_in(args: &CheckArgs) -> Option<PathBuf> {
    if let Some(path) = &args.target {
        return Some(path.clone());
    }
    let from = args.from.from.as_deref()?;
    Some(PathBuf::from(Request::parse(from, Path::new("")).path))
}

/// The file of duties; `None` where the target was given by an id alone.
pub(super) fn place(args: &CheckArgs) -> Option<PathBuf> {
    let stated = stated_in(args)?;
    if let Some(path) = &args.duties.duties {
        return Some(path.clone());
    }
    Some(if stated.is_dir() {
        stated.join(DUTIES)
    } else {
        stated.with_file_name(DUTIES)
    })
}

/// Reads what is stored, and says what is wrong with the file; then the book is without it. A file
/// that is not there holds none.
pub(super) fn book(
    args: &CheckArgs,
    config: &Config,
    target: &Target,
) -> Result<(DutyBook, Option<anyhow::Error>), Failure> {
    let stated = stated_in(args);
    if stated.is_none() && args.duties.duties.is_some() {
        return Err(Failure::usage(anyhow!(
            "--duties keeps the duties of a model that a file describes: give --target FILE.toml"
        )));
    }
    let place = place(args);
    let fail_on_flag = args.fail_on.or(config.fail_on) == Some(FailOn::Flag);
    let mut book = DutyBook {
        file: place
            .as_deref()
            .map(|path| path.to_string_lossy().into_owned()),
        stored: Vec::new(),
        owner: stated.map(|stated| owner(&stated, target)),
        recording: match (&place, args.duties.no_record_duties) {
            (_, true) => DutyRecording::Off,
            (Some(_), false) => DutyRecording::On,
            (None, false) => DutyRecording::NoFile,
        },
        let_through: if fail_on_flag {
            Level::Note
        } else {
            Level::Flag
        },
    };
    let Some(path) = place else {
        return Ok((book, None));
    };
    match stored_in(&path) {
        Ok(stored) => {
            book.stored = stored;
            Ok((book, None))
        }
        Err(error) => Ok((book, Some(error))),
    }
}

/// What a file of duties holds. A file that is not there holds none.
pub(super) fn stored_in(path: &Path) -> Result<Vec<StoredDuty>, anyhow::Error> {
    match File::open(path) {
        Ok(file) => whole(path, file).and_then(|bytes| parsed(path, bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| unreadable(path)),
    }
}

/// What the target is known by.
fn owner(stated: &Path, target: &Target) -> DutyOwner {
    let file = stated.file_name().unwrap_or(stated.as_os_str());
    DutyOwner {
        target: target.name.clone(),
        file: file.to_string_lossy().into_owned(),
        folder: target.folder.clone(),
    }
}

/// Appends duties to the file, those that it does not hold already.
///
/// Under a lock, and in one write: checks that run at the same time lose nothing, and a crash
/// leaves the last entries whole or torn at the end, where the next check sees it.
pub(super) fn store(args: &CheckArgs, duties: &[StoredDuty]) -> Result<(), anyhow::Error> {
    let Some(path) = place(args).filter(|_| !duties.is_empty()) else {
        return Ok(());
    };
    append(&path, duties)
}

fn append(path: &Path, duties: &[StoredDuty]) -> Result<(), anyhow::Error> {
    let failed = || {
        format!(
            "cannot store the duties of the target in {}",
            path.display()
        )
    };
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .with_context(failed)?;
    file.lock().with_context(failed)?;
    let mut all = bytes(path, file.try_clone().with_context(failed)?)?;
    let mut new = String::new();
    let there = if all.is_empty() {
        new.push_str(policy::STORED_DUTIES_HEADER);
        Vec::new()
    } else {
        parsed(path, all.clone())?
    };
    let missing = pipeline::missing_duties(&there, duties.iter().cloned());
    if missing.is_empty() {
        return Ok(());
    }
    new.push_str(&policy::stored_duties_text(&missing).with_context(failed)?);
    // Nothing is written that could not be read again.
    all.extend_from_slice(new.as_bytes());
    parsed(path, all)?;
    file.write_all(new.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(failed)
}

fn unreadable(path: &Path) -> String {
    format!("cannot read the stored duties {}", path.display())
}

/// The bytes of a file to which no check is appending.
fn whole(path: &Path, file: File) -> Result<Vec<u8>, anyhow::Error> {
    file.lock_shared().with_context(|| unreadable(path))?;
    bytes(path, file)
}

fn bytes(path: &Path, file: File) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    let most = policy::FILE_BYTES_MAX as u64;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .with_context(|| unreadable(path))?;
    Ok(bytes)
}

fn parsed(path: &Path, bytes: Vec<u8>) -> Result<Vec<StoredDuty>, anyhow::Error> {
    let name = path.to_string_lossy();
    let text = String::from_utf8(bytes)
        .map_err(|error| anyhow!("{name}:1:1: this is not UTF-8 text: {error}"))?;
    Ok(policy::stored_duties(&text, &name)?)
}
