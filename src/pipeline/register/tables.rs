//! The tables that a source's claims point into, and the digest that makes a source the same one.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use sha2::Digest;
use sha2::Sha256;

use crate::index::PackedClaim;
use crate::index::SourceDraft;
use crate::index::TextDraft;
use crate::model::ColumnId;
use crate::model::source::SourceFile;
use crate::snapshot::Registration;
use crate::snapshot::SealError;

use super::super::scan::Scanned;
use super::RegisterOptions;
use super::prepare::Outputs;
use super::prepare::Prepared;

/// Files, columns and models of a source while it is read.
pub(crate) struct Tables {
    model: Option<String>,
    files: Vec<SourceFile>,
    columns: Vec<String>,
    models: Vec<String>,
    column_numbers: HashMap<String, u32>,
    model_numbers: HashMap<String, u32>,
    /// Paths of the current file's columns.
    paths: BTreeMap<ColumnId, Arc<str>>,
    left_out: BTreeMap<String, u64>,
    records_in_file: u64,
    text_bytes: u64,
    empty_outputs: u64,
    without_model: u64,
}

/// What is worth telling the user besides the source itself.
pub(crate) struct Notes {
    pub empty_outputs: u64,
    pub left_out: Vec<(String, u64)>,
    pub without_model: u64,
}

impl Tables {
    pub(crate) fn new(model: Option<String>) -> Self {
        Self {
            model,
            files: Vec::new(),
            columns: Vec::new(),
            models: Vec::new(),
            column_numbers: HashMap::new(),
            model_numbers: HashMap::new(),
            paths: BTreeMap::new(),
            left_out: BTreeMap::new(),
            records_in_file: 0,
            text_bytes: 0,
            empty_outputs: 0,
            without_model: 0,
        }
    }

    pub(crate) fn next_file(&mut self) {
        self.paths.clear();
        self.records_in_file = 0;
    }

    pub(crate) fn end_file(&mut self, file: SourceFile) {
        self.files.push(file);
    }

    pub(crate) fn records_in_file(&self) -> u64 {
        self.records_in_file
    }

    /// Rows of the batch whose text exists only as tokens or bytes, as messages.
    pub(crate) fn opaque(&mut self, scanned: &Scanned<Outputs>) -> Vec<(u64, String)> {
        self.paths
            .extend(scanned.columns.iter().map(|(id, path)| (*id, path.clone())));
        let message = |id: &ColumnId| {
            let path = self.paths.get(id).map_or("?", AsRef::as_ref);
            format!(
                "column `{path}` holds text only as token ids or bytes; register the text itself, \
                 or leave the column out with --text-column"
            )
        };
        scanned
            .opaque
            .iter()
            .map(|(row, id)| (scanned.first_row + u64::from(*row), message(id)))
            .collect()
    }

    /// Adds the outputs of one batch to the registration.
    pub(crate) fn add(
        &mut self,
        registration: &mut Registration<'_>,
        scanned: &Scanned<Outputs>,
    ) -> Result<(), SealError> {
        for id in &scanned.found.unknown {
            let path = self.paths.get(id).map_or("?", AsRef::as_ref).to_owned();
            *self.left_out.entry(path).or_default() += 1;
        }
        for output in &scanned.found.prepared {
            self.add_output(registration, &scanned.found, output)?;
        }
        Ok(())
    }

    fn add_output(
        &mut self,
        registration: &mut Registration<'_>,
        outputs: &Outputs,
        output: &Prepared,
    ) -> Result<(), SealError> {
        let Some(print) = &output.print else {
            self.empty_outputs += 1;
            return Ok(());
        };
        let claimed = output.model.and_then(|m| outputs.models.get(m as usize));
        let model = self.model.as_deref().or(claimed.map(String::as_str));
        if model.is_none() {
            self.without_model += 1;
        }
        let path = self.paths.get(&output.column).map_or("?", AsRef::as_ref);
        let claim = PackedClaim {
            file: u32::try_from(self.files.len()).unwrap_or(u32::MAX),
            row: output.row,
            column: number(&mut self.column_numbers, &mut self.columns, path),
            model: model.map(|m| number(&mut self.model_numbers, &mut self.models, m)),
        };
        let text = TextDraft {
            exact: print.exact.0,
            entry: print.exact.entry(),
            normal_bytes: print.normal_bytes,
            words: outputs.words(print),
            counted: None,
            grams: outputs.grams(print),
        };
        registration.add(&text, claim)?;
        self.records_in_file += 1;
        self.text_bytes += output.text_bytes;
        Ok(())
    }

    /// The source as it goes into the index.
    pub(crate) fn finish(self, options: &RegisterOptions) -> (SourceDraft, Notes) {
        let digest = self.digest(options);
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| self.default_name(&digest));
        let notes = Notes {
            empty_outputs: self.empty_outputs,
            left_out: self.left_out.into_iter().collect(),
            without_model: self.without_model,
        };
        let draft = SourceDraft {
            name,
            digest,
            files: self.files,
            models: self.models,
            columns: self.columns,
            access: options.access.clone(),
            acquisition: options.acquisition,
            text_bytes: self.text_bytes,
            registered_at: options.now.clone(),
            bundle: None,
        };
        (draft, notes)
    }

    /// Digest of content and claim: the same bytes under the same claim are the same source,
    /// wherever the files lie. Every part is written with its length, so no two lists collide.
    fn digest(&self, options: &RegisterOptions) -> String {
        let mut hash = Sha256::new();
        let mut put = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        };
        put("herdbook source 1");
        put(&self.files.len().to_string());
        for file in &self.files {
            put(&file.sha256);
        }
        for list in [&self.columns, &self.models] {
            put(&list.len().to_string());
            for part in list {
                put(part);
            }
        }
        put(options.access.as_deref().unwrap_or(""));
        put(options.acquisition.as_str());
        hex::encode(hash.finalize())
    }

    fn default_name(&self, digest: &str) -> String {
        let path = self.files.first().map_or("", |f| f.path.as_str());
        let stem = match path {
            "-" => "stdin",
            path => Path::new(path)
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or("source"),
        };
        let short: String = digest.chars().take(8).collect();
        format!("{stem}-{short}")
    }
}

/// The number of a word in a table, added when new.
fn number(numbers: &mut HashMap<String, u32>, table: &mut Vec<String>, word: &str) -> u32 {
    if let Some(number) = numbers.get(word) {
        return *number;
    }
    let number = u32::try_from(table.len()).unwrap_or(u32::MAX);
    table.push(word.to_owned());
    numbers.insert(word.to_owned(), number);
    number
}
