//! What a trainer's own configuration says about the run: the model it starts from, the model it
//! makes, and the data it trains on. `herdbook check --from FILE` needs nothing else.
//!
//! [`recognise`] reads one file, or one model folder, tells whose configuration it is by the keys
//! that stand in it (never by its name alone), and gives the target and the inputs with the key
//! that each came from. Formats, one file each: Axolotl, LLaMA-Factory (its arguments and its
//! `dataset_info.json`), torchtune, TRL, and Hugging Face model cards and folders.
//! `docs/trainers.md` lists the keys and the version of each trainer they were read at.
//!
//! What holds:
//! - A data set that is not on this machine is never left out: it stands in
//!   [`Recognised::remote`], and whoever checks has to treat it as unread.
//! - What the trainer would drop (columns, splits, rows beyond a limit) is checked all the same:
//!   the inputs are whole files.
//! - A key given twice, a value of the wrong kind, an interpolation that the file itself does not
//!   answer: an error with line and column.
//! - Only files are read: the configuration, the data set list beside it, and the cards and
//!   configs of local model folders. No environment, no network, no Python.
//!
//! What does not hold: options that are given to the trainer on its own command line are not seen
//! here; neither is data that Python code makes up.

mod axolotl;
mod dataset;
mod detect;
mod document;
mod draft;
mod error;
mod hugging_face;
pub mod limits;
mod lineage;
mod llama_factory;
#[cfg(test)]
mod tests;
mod torchtune;
mod trl;
mod view;

use std::path::Path;

use crate::model::target::Target;

pub use error::TrainerError;

/// Whose configuration a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// An Axolotl YAML.
    Axolotl,
    /// LLaMA-Factory's arguments, YAML or JSON.
    LlamaFactory,
    /// LLaMA-Factory's `dataset_info.json`: inputs without a target.
    DatasetInfo,
    /// A torchtune recipe's YAML.
    Torchtune,
    /// Arguments of TRL's scripts as YAML.
    Trl,
    /// A model folder, a model card, a `config.json` or an adapter's config: a target without
    /// inputs.
    HuggingFace,
}

impl Format {
    /// Every format, in the order the documentation lists them.
    pub const ALL: &'static [Self] = &[
        Self::Axolotl,
        Self::LlamaFactory,
        Self::DatasetInfo,
        Self::Torchtune,
        Self::Trl,
        Self::HuggingFace,
    ];

    /// The word before the colon in `--from axolotl:cfg.yml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "llamafactory",
            Self::DatasetInfo => "dataset-info",
            Self::Torchtune => "torchtune",
            Self::Trl => "trl",
            Self::HuggingFace => "huggingface",
        }
    }

    /// The format of a word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.word() == word)
    }

    /// What it is, for people: "an Axolotl configuration".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Axolotl => "an Axolotl configuration",
            Self::LlamaFactory => "LLaMA-Factory arguments",
            Self::DatasetInfo => "a LLaMA-Factory data set list",
            Self::Torchtune => "a torchtune configuration",
            Self::Trl => "TRL arguments",
            Self::HuggingFace => "a Hugging Face model",
        }
    }
}

/// Where in the configuration something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as messages name it.
    pub file: String,
    /// The key with its way, e.g. `datasets[0].path`; empty where nothing names it.
    pub key: String,
    /// 1-based line; 0 where it is not known.
    pub line: u64,
}

/// Something that was recognised, to be shown before the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// `base`, `name`, `kind`, `folder`, `used`.
    pub what: &'static str,
    /// The value.
    pub value: String,
    /// Where it came from; `None` for a documented default.
    pub origin: Option<Origin>,
}

/// An input on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainerInput {
    /// A file, folder or pattern, from the working folder; never `-`.
    pub path: String,
    /// As the configuration writes it, which `--input-override` can name.
    pub id: String,
    /// Where it is named.
    pub origin: Origin,
    /// Columns that the trainer is told to read. For people only: every column is scanned.
    pub columns: Vec<String>,
    /// What else there is to know, e.g. that it is evaluation data.
    pub note: Option<String>,
}

/// A data set that is not on this machine, so that it cannot be checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Hub id, address or component: what `--input-override` names.
    pub id: String,
    /// What it is: "a data set of the Hugging Face Hub".
    pub what: &'static str,
    /// Where it is named.
    pub origin: Origin,
}

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Whose configuration it is.
    pub format: Format,
    /// The file or folder, as the user named it.
    pub path: String,
    /// The target, complete; what the configuration does not say has the defaults of
    /// `--target-model`. `None` for a data set list.
    pub target: Option<Target>,
    /// Inputs on this machine, in the order of the configuration.
    pub inputs: Vec<TrainerInput>,
    /// Data sets that are elsewhere: not checked, so that the check is undecided.
    pub remote: Vec<Remote>,
    /// What the target was recognised from, in reading order.
    pub facts: Vec<Fact>,
    /// What a reader has to know about this reading.
    pub notes: Vec<String>,
    /// Top-level keys that were not read, sorted.
    pub ignored: Vec<String>,
}

/// What the user asked to be read: `[FORMAT:]PATH[#NAME,…]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The format, where the user names it.
    pub format: Option<Format>,
    /// The file or folder.
    pub path: String,
    /// Data sets of a `dataset_info.json`; empty for all of them.
    pub names: Vec<String>,
}

impl Request {
    /// Takes `[FORMAT:]PATH[#NAME,…]` apart. A word before a colon that is no format belongs to
    /// the path, and so does a `#` behind which the whole is the name of an existing file.
    pub fn parse(text: &str, working: &Path) -> Self {
        let (format, rest) = match text.split_once(':') {
            Some((word, rest)) if !rest.is_empty() => match Format::parse(word) {
                Some(format) => (Some(format), rest),
                None => (None, text),
            },
            Some(_) | None => (None, text),
        };
        let (path, names) = match rest.rsplit_once('#') {
            Some((path, names)) if !path.is_empty() && !working.join(rest).exists() => (
                path,
                names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty())
                    .collect(),
            ),
            Some(_) | None => (rest, Vec::new()),
        };
        Self {
            format,
            path: path.to_owned(),
            names,
        }
    }
}

/// Reads a configuration. `working` is the folder that the trainer would be started from, empty
/// for the process's own; relative paths of the configuration start there.
///
/// # Errors
/// With file, line, column and key: what cannot be read, recognised or understood. Never because
/// a data set is elsewhere.
pub fn recognise(request: &Request, working: &Path) -> Result<Recognised, TrainerError> {
    let found = detect::find(request, working)?;
    let draft = draft::Draft::new(found.format, &request.path, working);
    let recognised = match (&found.document, found.format) {
        (None, _) => hugging_face::read_folder(draft)?,
        (Some(document), Format::HuggingFace) => hugging_face::read_file(document, draft)?,
        (Some(document), Format::Axolotl) => axolotl::read(document, draft)?,
        (Some(document), Format::LlamaFactory) => llama_factory::read_arguments(document, draft)?,
        (Some(document), Format::DatasetInfo) => {
            llama_factory::read_list(document, &request.names, draft)?
        }
        (Some(document), Format::Torchtune) => torchtune::read(document, draft)?,
        (Some(document), Format::Trl) => trl::read(document, draft)?,
    };
    if !request.names.is_empty() && found.format != Format::DatasetInfo {
        return Err(TrainerError::Missing {
            path: request.path.clone(),
            message: format!(
                "`#{}` picks data sets of a dataset_info.json, and this is {}; remove it",
                request.names.join(","),
                found.format.describe()
            ),
        });
    }
    Ok(recognised)
}
