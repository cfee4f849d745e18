//! Which side of a split each row goes to, and why.
//!
//! `check --clean DIR --quarantine DIR` writes every row to exactly one side, in the input's own
//! format. The reasons of quarantined rows stand in a file of their own beside them, so that the
//! quarantined data stays readable as data.

use std::fs;
use std::io::BufWriter;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::model::Finding;
use crate::model::Verdict;
use crate::read;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::SplitCounts;

use super::scan::SplitJob;

/// Where the two sides go.
#[derive(Debug, Clone)]
pub struct SplitFolders {
    /// Folder of the rows that passed or were flagged.
    pub clean: PathBuf,
    /// Folder of the rows that were blocked or undecided.
    pub quarantine: PathBuf,
    /// Whether flagged rows go to quarantine (`--fail-on flag`).
    pub quarantine_flagged: bool,
}

/// Rows on each side of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitCount {
    /// Input as the user named it.
    pub input: String,
    /// Rows written to the clean side.
    pub clean: u64,
    /// Rows written to quarantine; `None` when the input could not be read to its end and was
    /// copied there whole.
    pub quarantined: Option<u64>,
}

/// Why a split could not be finished.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// Writing failed.
    #[error("cannot write {path}: {source}; free space or choose another folder, then run again")]
    Write {
        /// What was written.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The second pass over the input failed or saw other bytes.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A folder to write into holds something already.
    #[error(
        "{0} exists already; name a folder that does not hold an earlier split, or remove the file"
    )]
    Exists(String),
}

/// Collects the sides of one input while it is checked.
pub(crate) struct Sides {
    folders: SplitFolders,
    relative: PathBuf,
    /// One bit a row: set = quarantine.
    quarantined: Vec<u64>,
    count: u64,
    reasons: BufWriter<NamedTempFile>,
    failure: Option<std::io::Error>,
}

impl Sides {
    /// Prepares the split of one input; refuses to overwrite an earlier one.
    pub(crate) fn new(folders: &SplitFolders, input: &str) -> Result<Self, SplitError> {
        let relative = relative_name(input);
        for folder in [&folders.clean, &folders.quarantine] {
            let path = folder.join(&relative);
            if path.exists() {
                return Err(SplitError::Exists(path.display().to_string()));
            }
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|e| write_error(parent, e))?;
        }
        // Readable like the split files beside it; the process's umask still applies.
        let reasons = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(&folders.quarantine)
            .map_err(|e| write_error(&folders.quarantine, e))?;
        Ok(Self {
            folders: folders.clone(),
            relative,
            quarantined: Vec::new(),
            count: 0,
            reasons: BufWriter::new(reasons),
            failure: None,
        })
    }

    /// Takes one row's verdict and, when it is quarantined, its reasons.
    pub(crate) fn row(&mut self, row: u64, verdict: Verdict, findings: &[&Finding]) {
        let quarantine = match verdict {
            Verdict::Pass => false,
            Verdict::Flag => self.folders.quarantine_flagged,
            Verdict::Block | Verdict::Undecided => true,
        };
        if !quarantine {
            return;
        }
        let (word, bit) = (usize::try_from(row / 64).unwrap_or(usize::MAX), row % 64);
        if word >= self.quarantined.len() {
            self.quarantined.resize(word + 1, 0);
        }
        if let Some(bits) = self.quarantined.get_mut(word) {
            *bits |= 1 << bit;
        }
        if self.failure.is_none() {
            self.failure = self.write_reason(row, verdict, findings).err();
        }
        self.count += 1;
    }

    fn write_reason(
        &mut self,
        row: u64,
        verdict: Verdict,
        findings: &[&Finding],
    ) -> std::io::Result<()> {
        let reasons: Vec<serde_json::Value> = findings
            .iter()
            .map(|f| {
                serde_json::json!({
                    "code": f.decision.code.0,
                    "level": f.level.as_str(),
                    "column": f.location.column.as_deref(),
                    "tier": f.evidence.map(|e| e.tier.as_str()),
                    "model": f.claims.first().and_then(|c| c.model.clone()),
                    "license": f.decision.license,
                    "source": f.claims.first().map(|c| c.source.clone()),
                    "source_record": f.claims.first().map(|c| c.source_record.clone()),
                    "reason": f.decision.reason,
                })
            })
            .collect();
        let line = serde_json::json!({
            "quarantine_row": self.count, "row": row, "verdict": verdict.as_str(),
            "reasons": reasons,
        });
        serde_json::to_writer(&mut self.reasons, &line)?;
        self.reasons.write_all(b"\n")
    }

    /// Has `divide` write both sides. `sha256` is the digest of the bytes that were checked, `None`
    /// when they could not be read to the end: then the whole input goes to quarantine.
    pub(crate) fn write(
        mut self,
        input: &InputPath,
        sha256: Option<&str>,
        divide: &mut dyn FnMut(&SplitJob<'_>) -> Result<SplitCounts, ReadError>,
    ) -> Result<SplitCount, SplitError> {
        let quarantine = self.folders.quarantine.join(&self.relative);
        let reasons_path = with_suffix(&quarantine, ".reasons.jsonl");
        if let Some(e) = self.failure.take() {
            return Err(write_error(&reasons_path, e));
        }
        let Some(sha256) = sha256 else {
            read::copy_whole(input, &quarantine)?;
            return Ok(SplitCount {
                input: input.name.to_string(),
                clean: 0,
                quarantined: None,
            });
        };
        let clean = self.folders.clean.join(&self.relative);
        let counts = divide(&SplitJob {
            sha256,
            quarantined: &self.quarantined,
            clean: &clean,
            quarantine: &quarantine,
        })?;
        let reasons = self
            .reasons
            .into_inner()
            .map_err(|e| write_error(&reasons_path, e.into_error()))?;
        reasons
            .as_file()
            .sync_all()
            .map_err(|e| write_error(&reasons_path, e))?;
        reasons
            .persist(&reasons_path)
            .map_err(|e| write_error(&reasons_path, e.error))?;
        Ok(SplitCount {
            input: input.name.to_string(),
            clean: counts.clean,
            quarantined: Some(counts.quarantine),
        })
    }
}

fn write_error(path: &Path, source: std::io::Error) -> SplitError {
    SplitError::Write {
        path: path.display().to_string(),
        source,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The input's path below the folder of a side: its ordinary components, so that inputs of the same
/// file name in different folders stay apart and none can climb out of the folder.
fn relative_name(input: &str) -> PathBuf {
    if input == "-" {
        return PathBuf::from("stdin");
    }
    let kept: PathBuf = Path::new(input)
        .components()
        .filter_map(|c| match c {
            Component::Normal(part) => Some(part),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => None,
        })
        .collect();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_stays_inside_its_folder() {
        for (input, expected) in [
            ("data/a.jsonl", "data/a.jsonl"),
            ("/data/a.jsonl", "data/a.jsonl"),
            ("../../etc/a.jsonl", "etc/a.jsonl"),
            ("./a.jsonl", "a.jsonl"),
            ("-", "stdin"),
        ] {
            assert_eq!(relative_name(input), PathBuf::from(expected), "{input}");
        }
    }
}
