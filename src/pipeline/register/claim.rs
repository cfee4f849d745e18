//! What a source claims: which text of its files is output, and who is said to have made it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::Role;
use crate::read;
use crate::read::ColumnInfo;
use crate::read::InputPath;
use crate::read::ReadOptions;
use crate::read::Stop;

use super::RegisterError;

/// What the first batch of every file says about the whole source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Text of unknown role is the output: there is no other text beside it.
    pub take_unknown: bool,
}

/// Looks at the first batch of every file. A lone text column (or a plain text file) is what the
/// user wants registered; text of unknown role *beside* prompts or outputs is not taken on a guess.
pub(crate) fn plan(inputs: &[InputPath], options: &ReadOptions) -> Result<Plan, RegisterError> {
    let (mut outputs, mut prompts) = (0u64, 0u64);
    let mut unknown: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for input in inputs {
        let mut paths: BTreeMap<ColumnId, Arc<str>> = BTreeMap::new();
        let mut sink = |batch: Batch| {
            paths.extend(batch.columns.iter().map(|(id, path)| (*id, path.clone())));
            for unit in &batch.units {
                match unit.role {
                    Role::Output => outputs += 1,
                    Role::Prompt => prompts += 1,
                    Role::Unknown => {
                        let path = paths
                            .get(&unit.column)
                            .cloned()
                            .unwrap_or_else(|| "?".into());
                        *unknown.entry(path).or_default() += 1;
                    }
                }
            }
            Err(Stop)
        };
        // Errors are met again, and reported, by the pass that registers.
        read::read(input, options, &|_| {}, &mut sink);
    }
    if outputs > 0 {
        return Ok(Plan {
            take_unknown: false,
        });
    }
    if unknown.len() == 1 && prompts == 0 {
        return Ok(Plan { take_unknown: true });
    }
    if unknown.is_empty() && prompts == 0 {
        // Nothing readable in the first batches; the full pass says why.
        return Ok(Plan { take_unknown: true });
    }
    let names: Vec<&str> = unknown.keys().map(AsRef::as_ref).collect();
    Err(RegisterError::NoOutputs(format!(
        "no column is recognised as output{}; {}. Name the output with --text-column PATH (and what \
         it was asked with --prompt-column PATH)",
        if prompts > 0 { ", only prompts" } else { "" },
        if names.is_empty() {
            "there is no other text".to_owned()
        } else {
            format!("columns with text of unknown role: {}", names.join(", "))
        },
    )))
}

/// The refusal of a file that held no output at all.
pub(crate) fn no_outputs(input: &str, columns: &[ColumnInfo]) -> RegisterError {
    let names: Vec<&str> = columns.iter().map(|c| c.path.as_ref()).collect();
    RegisterError::NoOutputs(format!(
        "{input}: no output text found; columns: {}. Name the output with --text-column PATH, or \
         leave the file out",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        },
    ))
}
