//! Policy and target as written in TOML: the only deserialised types of the policy, and errors
//! that point at line and column.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::model::Acquisition;
use crate::model::target::{Availability, OutputUse, Purpose, Stage, TargetKind};

/// Largest policy or target file, in bytes. *Chosen*: thousands of inputs fit.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// A policy or target file is wrong. The message begins with `path:line:column`, both from 1,
/// the column in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct FileError {
    /// The file as the user named it.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what is expected.
    pub message: String,
}

/// Text with its path, to make errors from byte ranges.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn wrong(&self, span: &Range<usize>, message: impl Into<String>) -> FileError {
        // A span that is out of bounds or splits a character points at the start of the file.
        let before = self.text.get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        FileError {
            path: self.path.to_owned(),
            line,
            column,
            message: message.into(),
        }
    }

    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, FileError> {
        if self.text.len() > FILE_BYTES_MAX {
            return Err(self.wrong(&(0..0), format!("larger than {FILE_BYTES_MAX} bytes")));
        }
        toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.wrong(&span, error.message().trim_end())
        })
    }

    /// A word out of a closed list.
    pub(super) fn word<T>(
        &self,
        what: &str,
        given: &Spanned<String>,
        parse: impl Fn(&str) -> Option<T>,
        words: &[&str],
    ) -> Result<T, FileError> {
        parse(given.get_ref()).ok_or_else(|| {
            let word = given.get_ref();
            let expected = words.join(", ");
            self.wrong(
                &given.span(),
                format!("unknown {what} `{word}`; expected one of {expected}"),
            )
        })
    }
}

/// Words of the closed lists, for errors and for the schema.
pub(super) fn kinds() -> Vec<&'static str> {
    TargetKind::ALL.iter().map(|word| word.as_str()).collect()
}
pub(super) fn availabilities() -> Vec<&'static str> {
    Availability::ALL.iter().map(|word| word.as_str()).collect()
}
pub(super) fn stages() -> Vec<&'static str> {
    Stage::ALL.iter().map(|word| word.as_str()).collect()
}
pub(super) fn purposes() -> Vec<&'static str> {
    Purpose::ALL.iter().map(|word| word.as_str()).collect()
}
pub(super) fn output_uses() -> Vec<&'static str> {
    OutputUse::ALL.iter().map(|word| word.as_str()).collect()
}
pub(super) fn acquisitions() -> Vec<&'static str> {
    [
        Acquisition::SelfGenerated,
        Acquisition::LicensedDataset,
        Acquisition::Found,
    ]
    .iter()
    .map(|word| word.as_str())
    .collect()
}

/// The model that a run would improve, and what is to be done with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook target")]
pub struct TargetFile {
    /// The model.
    pub(super) model: ModelFile,
    /// What is to be done with it.
    #[serde(default, rename = "use")]
    pub(super) usage: UseFile,
    /// How inputs are used, by path or glob; the last match wins.
    #[serde(default)]
    pub(super) inputs: Vec<InputFile>,
    /// Models used where no text is left to match.
    #[serde(default)]
    pub(super) models_used: Vec<ModelUsedFile>,
}

/// `[model]` of a target file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelFile {
    /// The name it will carry.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// Ids of the models it starts from, or "scratch".
    #[schemars(with = "OneOrMore")]
    pub(super) base: Spanned<OneOrMore>,
    /// What it is; "llm" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = kinds()))]
    pub(super) kind: Option<Spanned<String>>,
    /// To whom it will be available; "weights" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = availabilities()))]
    pub(super) availability: Option<Spanned<String>>,
    /// Where card, notice and license copy are looked for.
    #[schemars(with = "Option<String>")]
    pub(super) folder: Option<Spanned<String>>,
}

/// One id or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a model id, a list of model ids, or \"scratch\""
)]
pub(super) enum OneOrMore {
    /// One id, or "scratch".
    One(String),
    /// Several, for a merge.
    More(Vec<String>),
}

/// `[use]` of a target file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UseFile {
    /// "train" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = stages()))]
    pub(super) stage: Option<Spanned<String>>,
    /// "commercial" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = purposes()))]
    pub(super) purpose: Option<Spanned<String>>,
}

/// One `[[inputs]]` of a target file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InputFile {
    /// Path or glob.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
    /// What is taken from it; "text" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = output_uses()))]
    pub(super) of_outputs: Option<Spanned<String>>,
    /// How it was acquired; the source's own statement if not stated.
    #[schemars(with = "Option<String>", extend("enum" = acquisitions()))]
    pub(super) acquisition: Option<Spanned<String>>,
}

/// One `[[models_used]]` of a target file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelUsedFile {
    /// Model id.
    #[schemars(with = "String")]
    pub(super) model: Spanned<String>,
    /// What was taken from it; "text" if not stated.
    #[schemars(with = "Option<String>", extend("enum" = output_uses()))]
    pub(super) of_outputs: Option<Spanned<String>>,
}

/// What an organisation wants done about findings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "herdbook policy")]
pub struct PolicyFile {
    /// Name shown in reports; "default" if not stated.
    #[schemars(with = "Option<String>")]
    pub(super) name: Option<Spanned<String>>,
    /// Whether every Llama record in a target that is not Llama is blocked; false if not stated.
    pub(super) strict: Option<bool>,
    /// Number of findings kept in reports; all are counted.
    #[schemars(with = "Option<u64>")]
    pub(super) findings_max: Option<Spanned<i64>>,
    /// Globs over model ids whose Llama output may be used at all; any if not stated.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) allowed_models: Option<Vec<Spanned<String>>>,
    /// Ids of licenses whose output needs a sign-off although they permit the use.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) required_sign_offs: Vec<Spanned<String>>,
    /// Days after which a snapshot is too old to check against; any age if not stated.
    #[schemars(with = "Option<u32>")]
    pub(super) snapshot_max_age_days: Option<Spanned<i64>>,
    /// Entries that the audit log must have had when the snapshot was sealed; any number if not
    /// stated.
    #[schemars(with = "Option<u64>")]
    pub(super) log_size_min: Option<Spanned<i64>>,
    /// Share of each input's rows that has to hold text, from 0 to 1; any share above none if not
    /// stated.
    #[schemars(with = "Option<f64>")]
    pub(super) text_share_min: Option<Spanned<f64>>,
    /// Strengths of a match.
    #[serde(default)]
    pub(super) thresholds: ThresholdsFile,
    /// Level per finding code: "note", "flag" or "block".
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub(super) levels: std::collections::BTreeMap<Spanned<String>, Spanned<String>>,
    /// Level per evidence tier ("exact", "contained", "near") that a match has at most.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub(super) tiers: std::collections::BTreeMap<Spanned<String>, Spanned<String>>,
}

/// `[thresholds]` of a policy file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ThresholdsFile {
    /// Below it a match is a note.
    #[schemars(with = "Option<f64>")]
    pub(super) flag_strength: Option<Spanned<f64>>,
    /// At or above it the license decision applies in full.
    #[schemars(with = "Option<f64>")]
    pub(super) block_strength: Option<Spanned<f64>>,
}
