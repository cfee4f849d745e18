//! Writes report files: the kind by extension, atomically, and never over somebody else's file.

use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use super::html;
use super::markdown;
use super::people;
use super::people::Page;
use super::sarif;
use super::wire;
use crate::model::CheckOutcome;

/// Bytes at the start of a file in which a report's marker stands. Chosen: the markers stand in
/// the first 300 bytes.
const HEAD_BYTES: u64 = 1_024;

/// The kinds of report files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// The whole verdict document.
    Json,
    /// For a pull request or ticket.
    Markdown,
    /// For a browser or a printer.
    Html,
    /// For code scanning.
    Sarif,
}

/// Why a report file could not be written or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The extension names no kind of report.
    #[error("{} does not end in .json, .md, .html or .sarif: choose one of these for the report", .0.display())]
    UnknownKind(PathBuf),
    /// The extension names a kind that reports for people do not have.
    #[error("{} does not end in .html or .md: choose one of these for a report for people", .0.display())]
    NoPage(PathBuf),
    /// A file is in the way that herdbook did not write.
    #[error("{} exists and is not a herdbook report: give the report another name, or move the file away", .0.display())]
    NotAReport(PathBuf),
    /// The file system refused.
    #[error("cannot {action} the report {}: {cause}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The report file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The outcome has no form in this format.
    #[error("cannot render the report {}: {cause}", .path.display())]
    Render {
        /// The report file.
        path: PathBuf,
        /// What the renderer said.
        cause: String,
    },
}

impl ReportKind {
    /// The kind that a path's extension names, case ignored.
    ///
    /// # Errors
    /// [`WriteError::UnknownKind`] for any other extension or none.
    pub fn of(path: &Path) -> Result<Self, WriteError> {
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("json") => Ok(Self::Json),
            Some("md" | "markdown") => Ok(Self::Markdown),
            Some("html" | "htm") => Ok(Self::Html),
            Some("sarif") => Ok(Self::Sarif),
            _ => Err(WriteError::UnknownKind(path.to_owned())),
        }
    }

    /// A text that stands in the head of every report of this kind.
    fn marker(self) -> &'static str {
        match self {
            Self::Json => "{\n  \"schema_version\": ",
            Self::Markdown => markdown::MARKER,
            Self::Html => html::MARKER,
            Self::Sarif => sarif::MARKER,
        }
    }
}

/// Renders an outcome in the form of `kind`.
///
/// # Errors
/// The renderer's message; no value of an outcome is known to cause one.
fn render(kind: ReportKind, outcome: &CheckOutcome) -> Result<String, String> {
    match kind {
        ReportKind::Json => wire::to_json(outcome).map_err(|cause| cause.to_string()),
        ReportKind::Markdown => markdown::render(outcome).map_err(|cause| cause.to_string()),
        ReportKind::Html => html::render(outcome).map_err(|cause| cause.to_string()),
        ReportKind::Sarif => sarif::render(outcome).map_err(|cause| cause.to_string()),
    }
}

/// Writes the report in the form that the extension names: into a temporary file beside it, synced,
/// then renamed, then the folder synced. A reader sees the whole report or none.
///
/// # Errors
/// [`WriteError`]; the target is then as it was before, or absent.
pub fn write(path: &Path, outcome: &CheckOutcome) -> Result<(), WriteError> {
    let kind = ReportKind::of(path)?;
    let text = render(kind, outcome).map_err(|cause| WriteError::Render {
        path: path.to_owned(),
        cause,
    })?;
    put(path, &text)
}

/// Writes a report for people, as [`write()`] does: HTML or Markdown, by the extension.
///
/// # Errors
/// [`WriteError::NoPage`] for another kind; else as [`write()`].
pub fn write_page(path: &Path, page: &Page) -> Result<(), WriteError> {
    let text = match ReportKind::of(path)? {
        ReportKind::Html => people::html(page),
        ReportKind::Markdown => people::markdown(page),
        ReportKind::Json | ReportKind::Sarif => return Err(WriteError::NoPage(path.to_owned())),
    };
    put(path, &text)
}

fn put(path: &Path, text: &str) -> Result<(), WriteError> {
    let failed = |action| {
        move |cause| WriteError::Io {
            action,
            path: path.to_owned(),
            cause,
        }
    };
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .prefix(".herdbook-report-")
        .permissions_if_unix()
        .tempfile_in(folder)
        .map_err(failed("create"))?;
    file.write_all(text.as_bytes()).map_err(failed("write"))?;
    file.as_file().sync_all().map_err(failed("sync"))?;
    file.persist(path)
        .map_err(|cause| failed("rename")(cause.error))?;
    sync_folder(folder).map_err(failed("sync the folder of"))
}

/// Checks, without touching anything, that [`remove_stale`] would not refuse: the path is free or
/// holds an earlier report of herdbook.
///
/// # Errors
/// [`WriteError::UnknownKind`], [`WriteError::NotAReport`] (both bad usage) or
/// [`WriteError::Io`].
pub fn check_stale(path: &Path) -> Result<(), WriteError> {
    let kind = ReportKind::of(path)?;
    let failed = |cause| WriteError::Io {
        action: "look at",
        path: path.to_owned(),
        cause,
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed(cause)),
    };
    if !metadata.is_file() {
        return Err(WriteError::NotAReport(path.to_owned()));
    }
    let mut head = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(HEAD_BYTES)
        .read_to_end(&mut head)
        .map_err(failed)?;
    if head.is_empty() || String::from_utf8_lossy(&head).contains(kind.marker()) {
        Ok(())
    } else {
        Err(WriteError::NotAReport(path.to_owned()))
    }
}

/// Removes the report of an earlier run, so that a run which dies leaves none that looks current.
/// An empty file counts as a report: it says nothing.
///
/// # Errors
/// As [`check_stale`]; a file that is not a herdbook report is left alone, since a mistyped
/// `--report train.json` must not delete a data set.
pub fn remove_stale(path: &Path) -> Result<(), WriteError> {
    check_stale(path)?;
    match fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)).map_err(|cause| WriteError::Io {
            action: "sync the folder of",
            path: path.to_owned(),
            cause,
        }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(WriteError::Io {
            action: "remove",
            path: path.to_owned(),
            cause,
        }),
    }
}

/// The folder that holds a path; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename or removal durable. On systems where a folder cannot be opened as a file there is
/// nothing to do.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Report files are for others to read; temporary files are made for their owner alone.
trait PermissionsIfUnix {
    fn permissions_if_unix(&mut self) -> &mut Self;
}

impl PermissionsIfUnix for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_if_unix(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's umask still applies.
        self.permissions(fs::Permissions::from_mode(0o666))
    }

    #[cfg(not(unix))]
    fn permissions_if_unix(&mut self) -> &mut Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn kind_follows_the_extension() {
        assert_eq!(
            ReportKind::of(Path::new("a/b.JSON")).expect("kind"),
            ReportKind::Json
        );
        assert_eq!(
            ReportKind::of(Path::new("b.md")).expect("kind"),
            ReportKind::Markdown
        );
        assert_eq!(
            ReportKind::of(Path::new("b.html")).expect("kind"),
            ReportKind::Html
        );
        assert_eq!(
            ReportKind::of(Path::new("b.sarif")).expect("kind"),
            ReportKind::Sarif
        );
        for path in ["report", "report.txt", "json", ".json", "/dev/stdout"] {
            assert!(ReportKind::of(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn every_kind_is_written_whole_and_known_again() {
        let folder = tempfile::tempdir().expect("folder");
        for extension in ["json", "md", "html", "sarif"] {
            for (name, outcome) in samples::all() {
                let path = folder.path().join(format!("{name}.{extension}"));
                write(&path, &outcome).expect("written");
                let text = fs::read_to_string(&path).expect("read");
                assert_eq!(
                    text,
                    render(ReportKind::of(&path).expect("kind"), &outcome).expect("renders")
                );
                write(&path, &outcome).expect("written again");
                remove_stale(&path).expect("an own report is removed");
                assert!(!path.exists());
                remove_stale(&path).expect("a missing report is fine");
            }
        }
        assert_eq!(
            fs::read_dir(folder.path()).expect("list").count(),
            0,
            "temporary files stay behind"
        );
    }

    #[test]
    fn somebody_elses_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let data = folder.path().join("train.json");
        fs::write(&data, "[{\"text\": \"schema_version\"}]").expect("written");
        assert!(matches!(
            remove_stale(&data),
            Err(WriteError::NotAReport(_))
        ));
        assert!(data.exists());
        let sub = folder.path().join("folder.json");
        fs::create_dir(&sub).expect("made");
        assert!(matches!(remove_stale(&sub), Err(WriteError::NotAReport(_))));
        assert!(sub.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_report_can_be_read_by_others_as_the_umask_says() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let plain = folder.path().join("plain");
        fs::write(&plain, "").expect("written");
        let report = folder.path().join("r.json");
        write(&report, &samples::pass()).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&report), mode(&plain));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_report() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("none/report.json");
        let error = write(&path, &samples::pass()).expect_err("no folder");
        assert!(error.to_string().contains("report.json"), "{error}");
    }
}
