//! `register`: generated records into the index, all of a source or nothing.
//!
//! Only outputs are registered: output columns and assistant turns. Prompts beside them are read to
//! leave their own words out of the evidence, so that a shared prompt is not a shared answer. A
//! broken row rejects the whole source: a half-registered source would pass records later.

mod claim;
mod prepare;
mod tables;

use thiserror::Error;

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::model::Acquisition;
use crate::model::SourceInfo;
use crate::model::source::SourceFile;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::snapshot::Registered;
use crate::snapshot::SealError;
use crate::snapshot::Writer;

use super::scan::Scanned;
use super::scan::scan_file;
use prepare::Outputs;
use prepare::Preparer;
use tables::Tables;

/// What the user says about a source.
#[derive(Debug, Clone)]
pub struct RegisterOptions {
    /// Name of the source; `None` derives it from the first file's name and the digest.
    pub name: Option<String>,
    /// Model of every record; beats what rows say.
    pub model: Option<String>,
    /// Access path.
    pub access: Option<String>,
    /// Acquisition.
    pub acquisition: Acquisition,
    /// Column selection and format; its purpose must be registration.
    pub read: ReadOptions,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Time of registration, RFC 3339, UTC.
    pub now: String,
}

/// A registration that succeeded.
#[derive(Debug, Clone)]
pub struct RegisterOutcome {
    /// What the index holds now.
    pub registered: Registered,
    /// Outputs without a letter or digit: they cannot be recognised again and hold no record.
    pub empty_outputs: u64,
    /// Columns with text of unknown role that was not registered, with the number of leaves.
    pub left_out: Vec<(String, u64)>,
    /// Records without any claimed model.
    pub without_model: u64,
    /// Columns that named the model of a record, in order of first appearance; none of them
    /// counts where [`RegisterOptions::model`] was given.
    pub model_columns: Vec<String>,
}

impl RegisterOutcome {
    /// The source as the index holds it.
    pub fn source(&self) -> &SourceInfo {
        &self.registered.source
    }
}

/// Why nothing was registered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// An input cannot be read, or not all of it.
    #[error("{0}\nNothing was registered: a source is registered whole or not at all.")]
    Unreadable(String),
    /// The input is readable but holds no outputs, or it is not clear which text is output.
    #[error("{0}")]
    NoOutputs(String),
    /// The index failed, or refused the source.
    #[error(transparent)]
    Index(#[from] SealError),
}

/// Broken rows named in one message. Chosen: a screenful.
const ROWS_NAMED: usize = 5;

/// Registers `inputs` as one source.
pub fn register(
    writer: &mut Writer,
    recipe: &Recipe,
    key: &FingerprintKey,
    inputs: &[Result<InputPath, ReadError>],
    options: &RegisterOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<RegisterOutcome, RegisterError> {
    let inputs = readable(inputs)?;
    let plan = claim::plan(&inputs, &options.read)?;
    let mut states: Vec<Preparer> = (0..options.threads.max(1))
        .map(|_| Preparer::new(*recipe, key, plan.take_unknown))
        .collect();
    let mut registration = writer.begin().map_err(SealError::from)?;
    let mut tables = Tables::new(options.model.clone());
    let mut model_columns: Vec<String> = Vec::new();
    for input in &inputs {
        tables.next_file();
        let mut failure = None;
        let mut broken = Vec::new();
        let mut take = |scanned: Scanned<Outputs>| {
            broken.extend(scanned.errors.iter().map(|e| (e.row, e.message.clone())));
            broken.extend(tables.opaque(&scanned));
            if failure.is_none() && broken.is_empty() {
                failure = tables.add(&mut registration, &scanned).err();
            }
            broken.truncate(ROWS_NAMED + 1);
        };
        let work =
            |preparer: &mut Preparer, batch: &mut crate::model::Batch| preparer.outputs(batch);
        let (read, failed) = scan_file(
            input,
            &options.read,
            progress,
            &mut states,
            &work,
            &mut take,
        );
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        if let Some(error) = failed {
            return Err(RegisterError::Unreadable(format!(
                "{}: {error}",
                input.name
            )));
        }
        for column in &read.model_columns {
            if !model_columns.iter().any(|known| **known == **column) {
                model_columns.push(column.to_string());
            }
        }
        let file = complete(input, read, &broken)?;
        if tables.records_in_file() == 0 {
            return Err(claim::no_outputs(&input.name, &file.1));
        }
        tables.end_file(file.0);
    }
    let (draft, notes) = tables.finish(options);
    let registered = registration.finish(draft)?;
    Ok(RegisterOutcome {
        registered,
        empty_outputs: notes.empty_outputs,
        left_out: notes.left_out,
        without_model: notes.without_model,
        model_columns,
    })
}

fn readable(inputs: &[Result<InputPath, ReadError>]) -> Result<Vec<InputPath>, RegisterError> {
    let mut out = Vec::new();
    for input in inputs {
        match input {
            Ok(input) => out.push(input.clone()),
            Err(error) => return Err(RegisterError::Unreadable(error.to_string())),
        }
    }
    if out.is_empty() {
        return Err(RegisterError::NoOutputs(
            "no input file was named".to_owned(),
        ));
    }
    Ok(out)
}

/// Accepts a file only when every row of it was read.
fn complete(
    input: &InputPath,
    read: FileRead,
    broken: &[(u64, String)],
) -> Result<(SourceFile, Vec<crate::read::ColumnInfo>), RegisterError> {
    if !broken.is_empty() {
        let mut message = format!("{}: rows that cannot be registered:", input.name);
        for (row, what) in broken.iter().take(ROWS_NAMED) {
            let line = format!("\n  row {row}: {what}");
            message.push_str(&line);
        }
        if broken.len() > ROWS_NAMED {
            message.push_str("\n  and more");
        }
        return Err(RegisterError::Unreadable(message));
    }
    match read.error {
        None => {}
        // The file is whole; the name given on the command line is wrong.
        Some(error @ ReadError::NoSuchColumn { .. }) => {
            return Err(RegisterError::NoOutputs(error.to_string()));
        }
        Some(error) => return Err(RegisterError::Unreadable(error.to_string())),
    }
    let Some(sha256) = read.sha256 else {
        return Err(RegisterError::Unreadable(format!(
            "{}: not read to its end",
            input.name
        )));
    };
    let file = SourceFile {
        path: input.name.to_string(),
        sha256,
        rows: read.rows,
        bytes: read.bytes,
    };
    Ok((file, read.columns))
}
