//! Reads a target file, fills in the stated defaults, and points at line and column where it is
//! wrong.

use toml::Spanned;

use crate::model::Acquisition;
use crate::model::target::{
    Availability, InputUse, ModelUsed, OutputUse, Purpose, Stage, Target, TargetKind,
};

use super::file::{self, FileError, OneOrMore, Source, TargetFile};

/// Most bases, inputs and models used. *Chosen*: far above any real run.
const ENTRIES_MAX: usize = 10_000;

/// Longest name, id, path or folder in bytes. *Chosen*: the longest path Linux takes.
const STRING_BYTES_MAX: usize = 4096;

/// Why a target file was refused.
pub type TargetError = FileError;

/// Reads a target file. `path` is only used in errors.
///
/// Defaults: kind `llm`, availability `weights`, stage `train`, purpose `commercial`, outputs used
/// as `text`. `model.name` and `model.base` have none.
///
/// # Errors
/// With line and column: what is not TOML, missing and unknown keys, unknown words, empty ids.
pub fn parse(text: &str, path: &str) -> Result<Target, TargetError> {
    let source = Source { path, text };
    let file: TargetFile = source.parse()?;
    let model = file.model;
    let target = Target {
        name: Some(string(&source, "name", &model.name)?),
        base: base(&source, &model.base)?,
        kind: word(
            &source,
            "kind",
            model.kind.as_ref(),
            TargetKind::parse,
            &file::kinds(),
        )?
        .unwrap_or(TargetKind::Llm),
        availability: word(
            &source,
            "availability",
            model.availability.as_ref(),
            Availability::parse,
            &file::availabilities(),
        )?
        .unwrap_or(Availability::Weights),
        folder: model
            .folder
            .map(|folder| string(&source, "folder", &folder))
            .transpose()?,
        stage: word(
            &source,
            "stage",
            file.usage.stage.as_ref(),
            Stage::parse,
            &file::stages(),
        )?
        .unwrap_or(Stage::Train),
        purpose: word(
            &source,
            "purpose",
            file.usage.purpose.as_ref(),
            Purpose::parse,
            &file::purposes(),
        )?
        .unwrap_or(Purpose::Commercial),
        inputs: file
            .inputs
            .into_iter()
            .map(|input| {
                let path = string(&source, "path", &input.path)?;
                if let Err(error) = glob::Pattern::new(&path) {
                    let message = format!("`{path}` is not a glob: {}", error.msg);
                    return Err(source.wrong(&input.path.span(), message));
                }
                Ok(InputUse {
                    path,
                    of_outputs: output_use(&source, input.of_outputs.as_ref())?,
                    acquisition: word(
                        &source,
                        "acquisition",
                        input.acquisition.as_ref(),
                        Acquisition::parse,
                        &file::acquisitions(),
                    )?,
                })
            })
            .collect::<Result<_, _>>()?,
        models_used: file
            .models_used
            .into_iter()
            .map(|used| {
                Ok(ModelUsed {
                    model: string(&source, "model", &used.model)?,
                    of_outputs: output_use(&source, used.of_outputs.as_ref())?,
                })
            })
            .collect::<Result<_, _>>()?,
    };
    for (what, count) in [
        ("model.base", target.base.len()),
        ("inputs", target.inputs.len()),
        ("models_used", target.models_used.len()),
    ] {
        if count > ENTRIES_MAX {
            let message = format!("{what} has {count} entries; at most {ENTRIES_MAX} are read");
            return Err(source.wrong(&(0..0), message));
        }
    }
    Ok(target)
}

/// The target that `--target-model ID` stands for: that model is the base, kind `llm`,
/// availability `weights`, stage `train`, purpose `commercial`, name not yet known.
pub fn from_model_id(id: &str) -> Target {
    Target {
        name: None,
        base: if id == SCRATCH {
            Vec::new()
        } else {
            vec![id.to_owned()]
        },
        kind: TargetKind::Llm,
        availability: Availability::Weights,
        folder: None,
        stage: Stage::Train,
        purpose: Purpose::Commercial,
        inputs: Vec::new(),
        models_used: Vec::new(),
    }
}

/// How an input is used: the last entry whose path or glob matches, else text, acquired as the
/// source states.
pub fn input_use(target: &Target, path: &str) -> (OutputUse, Option<Acquisition>) {
    target
        .inputs
        .iter()
        .rev()
        .find(|input| {
            input.path == path
                // `parse` has refused whatever is not a glob.
                || glob::Pattern::new(&input.path).is_ok_and(|pattern| pattern.matches(path))
        })
        .map_or((OutputUse::Text, None), |input| {
            (input.of_outputs, input.acquisition)
        })
}

/// The word for a model that starts from nothing.
const SCRATCH: &str = "scratch";

fn base(source: &Source<'_>, given: &Spanned<OneOrMore>) -> Result<Vec<String>, TargetError> {
    let span = given.span();
    let ids = match given.get_ref() {
        OneOrMore::One(id) => std::slice::from_ref(id),
        OneOrMore::More(ids) => ids.as_slice(),
    };
    if ids.is_empty() {
        let message = "base is empty; name one or more model ids, or \"scratch\"";
        return Err(source.wrong(&span, message));
    }
    let ids: Vec<String> = ids
        .iter()
        .map(|id| checked(source, "base", id, &span))
        .collect::<Result<_, _>>()?;
    match ids.as_slice() {
        [only] if only == SCRATCH => Ok(Vec::new()),
        _ if ids.iter().any(|id| id == SCRATCH) => Err(source.wrong(
            &span,
            "\"scratch\" stands alone; remove it or the other bases",
        )),
        _ => Ok(ids),
    }
}

fn string(source: &Source<'_>, what: &str, given: &Spanned<String>) -> Result<String, TargetError> {
    checked(source, what, given.get_ref(), &given.span())
}

fn checked(
    source: &Source<'_>,
    what: &str,
    value: &str,
    span: &std::ops::Range<usize>,
) -> Result<String, TargetError> {
    let value = value.trim();
    if value.is_empty() {
        return Err(source.wrong(span, format!("{what} is empty; state it")));
    }
    if value.len() > STRING_BYTES_MAX || value.chars().any(char::is_control) {
        let message = format!("{what} is one line of at most {STRING_BYTES_MAX} bytes");
        return Err(source.wrong(span, message));
    }
    Ok(value.to_owned())
}

fn word<T>(
    source: &Source<'_>,
    what: &str,
    given: Option<&Spanned<String>>,
    parse: impl Fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Option<T>, TargetError> {
    given
        .map(|given| source.word(what, given, parse, words))
        .transpose()
}

fn output_use(
    source: &Source<'_>,
    given: Option<&Spanned<String>>,
) -> Result<OutputUse, TargetError> {
    let parsed = word(
        source,
        "of_outputs",
        given,
        OutputUse::parse,
        &file::output_uses(),
    )?;
    Ok(parsed.unwrap_or(OutputUse::Text))
}
