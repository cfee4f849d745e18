//! What deciding a check again needs beside the sketches of its inputs, kept with them.

use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::super::duties;
use super::super::opened::Opened;
use crate::model::DutyOwner;
use crate::model::DutyRecording;
use crate::model::Level;
use crate::model::target::Target;
use crate::pipeline::DutyBook;
use crate::pipeline::sketches::InputNamed;
use crate::pipeline::sketches::SketchError;
use crate::pipeline::sketches::SketchWriter;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::report::wire;

/// Target and duties of a check, as it was told them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// The model that the run would improve.
    pub(super) target: wire::Target,
    /// The folder that the check ran in: relative paths start there.
    folder: Option<String>,
    duties: Duties,
}

/// Where duties are kept; what is stored is read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Duties {
    file: Option<String>,
    owner: Option<Owner>,
    recording: Recording,
    /// Whether flags let no row through.
    fail_on_flag: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    target: Option<String>,
    file: String,
    folder: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Recording {
    On,
    Off,
    NoFile,
}

/// Begins the file of a check's sketches.
pub(in crate::cli) fn begin(
    opened: &Opened,
    inputs: &[Result<InputPath, ReadError>],
    target: &Target,
    duties: &DutyBook,
) -> Result<SketchWriter, SketchError> {
    let about =
        serde_json::to_value(About::of(target, duties)).map_err(|error| SketchError::NotMade {
            what: error.to_string(),
        })?;
    SketchWriter::create(&opened.dir, &opened.compat, InputNamed::all(inputs), about)
}

impl About {
    fn of(target: &Target, book: &DutyBook) -> Self {
        // Without one, relative paths will be looked for where the recheck runs.
        let folder = std::env::current_dir();
        let folder = folder.iter().find_map(|folder| folder.to_str());
        let owner = |owner: &DutyOwner| Owner {
            target: owner.target.clone(),
            file: owner.file.clone(),
            folder: owner.folder.clone(),
        };
        Self {
            target: wire::Target::from(target),
            folder: folder.map(str::to_owned),
            duties: Duties {
                file: book.file.clone(),
                owner: book.owner.as_ref().map(owner),
                recording: match book.recording {
                    DutyRecording::On => Recording::On,
                    DutyRecording::Off => Recording::Off,
                    DutyRecording::NoFile => Recording::NoFile,
                },
                fail_on_flag: book.let_through < Level::Flag,
            },
        }
    }

    /// Where relative paths of the check start, and whether that is where they did.
    pub(super) fn base(&self) -> (PathBuf, bool) {
        match self.folder.as_ref().map(PathBuf::from) {
            Some(folder) if folder.is_dir() => (folder, true),
            Some(_) | None => (PathBuf::new(), false),
        }
    }

    /// Whether something beside the inputs is read: then it matters where from.
    pub(super) fn reads_beside(&self) -> bool {
        self.duties.file.is_some() || self.target.folder.is_some()
    }

    /// The duties as they are stored by now.
    pub(super) fn book(&self, base: &Path) -> Result<DutyBook, anyhow::Error> {
        let stored = match &self.duties.file {
            Some(file) => duties::stored_in(&base.join(file))?,
            None => Vec::new(),
        };
        Ok(DutyBook {
            file: self.duties.file.clone(),
            stored,
            owner: self.duties.owner.as_ref().map(|owner| DutyOwner {
                target: owner.target.clone(),
                file: owner.file.clone(),
                folder: owner.folder.clone(),
            }),
            recording: match self.duties.recording {
                Recording::On => DutyRecording::On,
                Recording::Off => DutyRecording::Off,
                Recording::NoFile => DutyRecording::NoFile,
            },
            let_through: if self.duties.fail_on_flag {
                Level::Note
            } else {
                Level::Flag
            },
        })
    }
}
