//! Writing the file of a check's sketches.

use std::fs;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest as _;
use sha2::Sha256;

use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::error::SketchError;
use super::error::io_error;
use super::layout::ACCOUNT;
use super::layout::BATCH;
use super::layout::END;
use super::layout::FRAME_BYTES_MAX;
use super::layout::HEAD;
use super::layout::MAGIC;
use super::layout::path_of;
use super::told::Account;
use super::told::BatchTold;
use super::told::Head;
use super::told::InputNamed;
use super::told::told;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::layout::sync_dir;

/// A file of sketches on its way.
pub struct SketchWriter {
    folder: PathBuf,
    made: tempfile::NamedTempFile,
    sha: Sha256,
}

impl SketchWriter {
    /// Begins a file. `about` is what deciding again needs beside the inputs, as the caller has it.
    pub fn create(
        dir: &IndexDir,
        compat: &Compat,
        inputs: Vec<InputNamed>,
        about: serde_json::Value,
    ) -> Result<Self, SketchError> {
        let folder = dir.sketches();
        match fs::create_dir(&folder) {
            Ok(()) => synced(dir.root())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error("create the folder", &folder)(error)),
        }
        let made = tempfile::NamedTempFile::new_in(&folder)
            .map_err(io_error("create a file in", &folder))?;
        let mut writer = Self {
            folder,
            made,
            sha: Sha256::new(),
        };
        writer.write(MAGIC)?;
        let head = Head::new(compat, inputs, about);
        writer.frame(HEAD, &[&told(&head)?])?;
        Ok(writer)
    }

    /// Adds a batch of the input in hand.
    pub(super) fn batch(&mut self, scanned: &Scanned) -> Result<(), SketchError> {
        let sketch = scanned.found.sketch.as_ref();
        let sketch = sketch.ok_or_else(|| SketchError::NotMade {
            what: "the scan worker made no sketches".to_owned(),
        })?;
        let batch = BatchTold::of(scanned, sketch);
        let told = told(&batch)?;
        let length = length(told.len())?.to_le_bytes();
        self.frame(BATCH, &[&length, &told, &sketch.packed])
    }

    /// Ends the input in hand.
    pub(super) fn account(&mut self, scan: &FileScan) -> Result<(), SketchError> {
        self.frame(ACCOUNT, &[&told(&Account::of(scan))?])
    }

    /// Ends the file and gives it its name. Durable once this returns; gives its digest.
    pub(super) fn finish(mut self) -> Result<String, SketchError> {
        self.frame(END, &[])?;
        let digest = hex::encode(self.sha.finalize());
        let path = path_of(&self.folder, &digest);
        self.made
            .as_file()
            .sync_all()
            .map_err(io_error("make durable", &path))?;
        self.made
            .persist(&path)
            .map_err(|error| io_error("rename to", &path)(error.error))?;
        synced(&self.folder)?;
        Ok(digest)
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), SketchError> {
        let whole = parts.iter().map(|part| part.len()).sum();
        self.write(&[kind])?;
        self.write(&length(whole)?.to_le_bytes())?;
        parts.iter().try_for_each(|part| self.write(part))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SketchError> {
        self.sha.update(bytes);
        let written = self.made.write_all(bytes);
        written.map_err(io_error("write a file in", &self.folder))
    }
}

fn synced(folder: &Path) -> Result<(), SketchError> {
    sync_dir(folder).map_err(|error| SketchError::NotMade {
        what: error.to_string(),
    })
}

fn length(bytes: usize) -> Result<u32, SketchError> {
    u32::try_from(bytes)
        .map_err(|_| bytes)
        .and_then(|length| {
            if length <= FRAME_BYTES_MAX {
                Ok(length)
            } else {
                Err(bytes)
            }
        })
        .map_err(|bytes| SketchError::NotMade {
            what: format!("a batch has sketches of {bytes} bytes, more than {FRAME_BYTES_MAX}"),
        })
}
