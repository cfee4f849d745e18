//! From what a configuration calls a data set to files on this machine, or to the statement that
//! it is elsewhere. The rules are those of `datasets.load_dataset`, which all these trainers call.

use std::path::Path;

use super::Origin;
use super::Remote;
use super::TrainerInput;
use super::draft::Draft;
use super::draft::origin;
use super::error::TrainerError;
use super::view::View;

/// Loaders of the `datasets` library that read the files named beside them. Source: its packaged
/// modules (`datasets/packaged_modules/__init__.py`); those that read no files are left out, so
/// that they count as elsewhere.
const LOADERS: &[&str] = &[
    "json",
    "csv",
    "parquet",
    "arrow",
    "text",
    "xml",
    "pandas",
    "webdataset",
    "imagefolder",
    "audiofolder",
    "videofolder",
    "pdffolder",
    "niftifolder",
    "hdf5",
    "lance",
];

/// Endings of names that are files, not ids of the Hub.
const FILE_ENDINGS: &[&str] = &[
    ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".csv", ".tsv", ".txt", ".gz",
    ".zst", ".bz2", ".xz", ".zip", ".tar", ".yaml", ".yml",
];

/// The Hub, as messages call it.
pub(super) const HUB: &str = "a data set of the Hugging Face Hub";
/// A loading script, as messages call it.
const SCRIPT: &str = "data that a Python script loads from wherever it likes";
/// An address, as messages call it.
const ADDRESS: &str = "a data set behind an address";

/// How a trainer finds the files beside a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilesStart {
    /// `data_files` start at the working folder, even beside a folder (Axolotl).
    Working,
    /// `data_files` beside a folder start in it (`load_dataset(folder, data_files=…)`).
    Folder,
}

/// A data set as a configuration names it.
pub(super) struct Named<'v, 'd> {
    /// Path, id or loader.
    pub(super) path: &'v View<'d>,
    /// Files beside it.
    pub(super) data_files: Option<View<'d>>,
    /// A folder beside it.
    pub(super) data_dir: Option<View<'d>>,
    /// Where the files start.
    pub(super) start: FilesStart,
    /// Columns that the trainer is told to read.
    pub(super) columns: Vec<String>,
    /// What else there is to know.
    pub(super) note: Option<String>,
}

/// Adds a data set's files, or the statement that it is elsewhere.
pub(super) fn add(draft: &mut Draft<'_>, named: &Named<'_, '_>) -> Result<(), TrainerError> {
    let path = named.path.text()?;
    let beside = [&named.data_files, &named.data_dir];
    let is_loader = LOADERS.contains(&path.as_str());
    if is_loader && beside.iter().any(|view| view.is_some()) {
        return files(draft, named, "");
    }
    if is_script(&path, draft.working) {
        return elsewhere(draft, path, SCRIPT, named.path);
    }
    match whereabouts(&path, draft.working)? {
        Whereabouts::Here if is_folder(&path, draft.working) && named.data_files.is_some() => {
            match named.start {
                FilesStart::Working => files(draft, named, ""),
                FilesStart::Folder => files(draft, named, &path),
            }
        }
        Whereabouts::Here => here(draft, named, named.path, &path, &path),
        Whereabouts::Address => elsewhere(draft, path, ADDRESS, named.path),
        Whereabouts::Hub if is_loader => Err(named.path.wrong(format!(
            "`{path}` is a loader, and no data_files stand beside it; name them"
        ))),
        Whereabouts::Hub => elsewhere(draft, path, HUB, named.path),
    }
}

/// Adds one file, folder or pattern of which it is known that it is one.
pub(super) fn add_file(
    draft: &mut Draft<'_>,
    view: &View<'_>,
    folder: &str,
    columns: Vec<String>,
    note: Option<String>,
) -> Result<(), TrainerError> {
    let named = Named {
        path: view,
        data_files: None,
        data_dir: None,
        start: FilesStart::Working,
        columns,
        note,
    };
    one_file(draft, &named, view, &view.text()?, folder)
}

/// Adds the files beside a loader or a folder: `data_files` start at `data_dir` where both stand,
/// and without `data_files` the whole of `data_dir` is read.
fn files(draft: &mut Draft<'_>, named: &Named<'_, '_>, folder: &str) -> Result<(), TrainerError> {
    let Some(data_files) = &named.data_files else {
        return match &named.data_dir {
            Some(dir) => {
                let text = dir.text()?;
                one_file(draft, named, dir, &text, folder)
            }
            None => Ok(()),
        };
    };
    let start = match &named.data_dir {
        Some(dir) => joined(folder, &dir.text()?),
        None => folder.to_owned(),
    };
    let found = data_files.texts()?;
    if found.is_empty() {
        return Err(data_files.wrong("names no file; name them or remove the key"));
    }
    for (file, text) in found {
        one_file(draft, named, &file, &text, &start)?;
    }
    Ok(())
}

fn one_file(
    draft: &mut Draft<'_>,
    named: &Named<'_, '_>,
    view: &View<'_>,
    text: &str,
    start: &str,
) -> Result<(), TrainerError> {
    if is_address(text) || is_address(start) {
        let id = text.to_owned();
        return elsewhere(draft, id, ADDRESS, view);
    }
    here(draft, named, view, text, &joined(start, text))
}

fn here(
    draft: &mut Draft<'_>,
    named: &Named<'_, '_>,
    view: &View<'_>,
    id: &str,
    path: &str,
) -> Result<(), TrainerError> {
    draft.input(TrainerInput {
        path: under(draft.working, path),
        id: id.to_owned(),
        origin: origin(view),
        columns: named.columns.clone(),
        note: named.note.clone(),
    })
}

fn elsewhere(
    draft: &mut Draft<'_>,
    id: String,
    what: &'static str,
    view: &View<'_>,
) -> Result<(), TrainerError> {
    let origin: Origin = origin(view);
    draft.remote(Remote { id, what, origin })
}

enum Whereabouts {
    Here,
    Address,
    Hub,
}

/// Where a data set is. What exists is here, as for `load_dataset`; so is what can only be a path,
/// which then is a missing file and not an id to download.
fn whereabouts(text: &str, working: &Path) -> Result<Whereabouts, TrainerError> {
    if is_address(text) {
        return Ok(Whereabouts::Address);
    }
    let path = working.join(text);
    let exists = path.try_exists().map_err(|source| TrainerError::Io {
        path: text.to_owned(),
        source,
    })?;
    let lower = text.to_ascii_lowercase();
    let is_path = text.starts_with(['.', '/', '~'])
        || text.contains('\\')
        || text.matches('/').count() > 1
        || text.ends_with('/')
        || text.contains(['*', '?', '['])
        || FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending));
    Ok(if exists || is_path {
        Whereabouts::Here
    } else {
        Whereabouts::Hub
    })
}

/// Whether a path is a loading script, or a folder with one of its own name: older versions of
/// `datasets` run it, and the text of the script is not the data.
fn is_script(text: &str, working: &Path) -> bool {
    let path = Path::new(text);
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("py"))
    {
        return true;
    }
    path.file_name().is_some_and(|name| {
        let mut script = name.to_os_string();
        script.push(".py");
        working.join(path).join(script).is_file()
    })
}

/// Whether a text is an address of another machine: `https://…`, `s3://…`, `hf://…`.
pub(super) fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

fn is_folder(text: &str, working: &Path) -> bool {
    working.join(text).is_dir()
}

/// `path` inside `folder`, as text; an absolute path stays.
fn joined(folder: &str, path: &str) -> String {
    Path::new(folder).join(path).to_string_lossy().into_owned()
}

/// A path as the working folder sees it. `-` is a file of that name here, not standard input.
pub(super) fn under(working: &Path, path: &str) -> String {
    let joined = working.join(path).to_string_lossy().into_owned();
    if joined == "-" {
        "./-".to_owned()
    } else {
        joined
    }
}
