//! Whose configuration a file is, told by the keys that stand in it.
//!
//! Each format has keys that must stand and keys of which one must stand. One format that fits is
//! the answer; none or several are an error that lists what would settle it.

use std::path::Path;

use super::Format;
use super::Request;
use super::document::Document;
use super::document::Node;
use super::document::Value;
use super::error::TrainerError;

/// What a path was recognised as.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) format: Format,
    /// `None` for a folder.
    pub(super) document: Option<Document>,
}

/// Keys that Axolotl alone puts beside `base_model`.
const AXOLOTL: &[&str] = &[
    "datasets",
    "test_datasets",
    "pretraining_dataset",
    "dataset_prepared_path",
    "sequence_len",
    "micro_batch_size",
    "adapter",
    "rl",
    "val_set_size",
];

/// Keys that LLaMA-Factory has and TRL has not.
const LLAMA_FACTORY: &[&str] = &[
    "stage",
    "finetuning_type",
    "dataset",
    "dataset_dir",
    "eval_dataset",
    "template",
    "tokenized_path",
    "cutoff_len",
    "export_dir",
    "export_hub_model_id",
];

/// Keys that TRL has and LLaMA-Factory has not.
const TRL: &[&str] = &[
    "dataset_name",
    "datasets",
    "dataset_config",
    "dataset_train_split",
    "dataset_test_split",
    "dataset_text_field",
    "test_split_size",
    "use_peft",
    "lora_r",
    "lora_task_type",
    "sft_model_path",
    "reward_model_path",
    "teacher_model_name_or_path",
    "reward_model_name_or_path",
];

/// Parts of a torchtune recipe that name the component they are made by.
const TORCHTUNE: &[&str] = &[
    "model",
    "policy_model",
    "tokenizer",
    "checkpointer",
    "dataset",
    "loss",
];

/// Where an entry of a data set list says its data is.
pub(super) const LIST_SOURCES: &[&str] = &[
    "hf_hub_url",
    "ms_hub_url",
    "om_hub_url",
    "script_url",
    "cloud_file_name",
    "file_name",
];

/// Keys of a model's config or an adapter's.
const MODEL_CONFIG: &[&str] = &["architectures", "model_type", "peft_type"];

/// Keys of a model card's front matter.
const CARD: &[&str] = &[
    "base_model",
    "base_model_relation",
    "license",
    "pipeline_tag",
    "library_name",
    "model_name",
    "tags",
    "datasets",
    "language",
];

/// Reads the path and tells its format.
pub(super) fn find(request: &Request, working: &Path) -> Result<Found, TrainerError> {
    let name = &request.path;
    let path = working.join(name);
    if path.is_dir() {
        return match request.format {
            None | Some(Format::HuggingFace) => Ok(Found {
                format: Format::HuggingFace,
                document: None,
            }),
            Some(other) => Err(TrainerError::Missing {
                path: name.clone(),
                message: format!(
                    "a folder, and not {}; name the file in it",
                    other.describe()
                ),
            }),
        };
    }
    let document = Document::read(&path, name)?;
    if !matches!(document.root.value, Value::Map(_)) {
        return Err(unrecognised(name));
    }
    let format = match request.format {
        Some(format) => format,
        None => settle(&document, name)?,
    };
    Ok(Found {
        format,
        document: Some(document),
    })
}

fn settle(document: &Document, name: &str) -> Result<Format, TrainerError> {
    let fits: Vec<(Format, Vec<&str>)> = Format::ALL
        .iter()
        .map(|format| (*format, marks(*format, document)))
        .filter(|(_, marks)| !marks.is_empty())
        .collect();
    match fits.as_slice() {
        [] => Err(unrecognised(name)),
        [(format, _)] => Ok(*format),
        several => Err(TrainerError::Ambiguous {
            path: name.to_owned(),
            readings: several
                .iter()
                .map(|(format, marks)| format!("{} ({})", format.describe(), marks.join(", ")))
                .collect::<Vec<_>>()
                .join("; "),
            choices: several
                .iter()
                .map(|(format, _)| format!("--from {}:{name}", format.word()))
                .collect::<Vec<_>>()
                .join(" or "),
        }),
    }
}

/// The keys that speak for a format; empty if it does not fit.
fn marks(format: Format, document: &Document) -> Vec<&'static str> {
    let root = &document.root;
    match format {
        // A card's front matter holds base_model and datasets as an Axolotl configuration does.
        Format::HuggingFace if document.front_matter => present(root, CARD),
        Format::HuggingFace => present(root, MODEL_CONFIG)
            .into_iter()
            .filter(|_| !root.has("base_model") && !root.has("model_name_or_path"))
            .collect(),
        _ if document.front_matter => Vec::new(),
        Format::Axolotl => with("base_model", root, AXOLOTL),
        Format::LlamaFactory => with("model_name_or_path", root, LLAMA_FACTORY),
        Format::Trl => with("model_name_or_path", root, TRL),
        Format::Torchtune => TORCHTUNE
            .iter()
            .copied()
            .filter(|key| root.entry(key).is_some_and(|part| part.has("_component_")))
            .collect(),
        Format::DatasetInfo => {
            let is_list = !root.entries().is_empty()
                && root
                    .entries()
                    .iter()
                    .all(|(_, entry)| LIST_SOURCES.iter().any(|source| entry.has(source)));
            if is_list {
                LIST_SOURCES
                    .iter()
                    .copied()
                    .filter(|source| root.entries().iter().any(|(_, entry)| entry.has(source)))
                    .collect()
            } else {
                Vec::new()
            }
        }
    }
}

fn present(root: &Node, keys: &[&'static str]) -> Vec<&'static str> {
    keys.iter().copied().filter(|key| root.has(key)).collect()
}

fn with(needed: &'static str, root: &Node, keys: &[&'static str]) -> Vec<&'static str> {
    let found = present(root, keys);
    if !root.has(needed) || found.is_empty() {
        return Vec::new();
    }
    std::iter::once(needed).chain(found).collect()
}

fn unrecognised(name: &str) -> TrainerError {
    TrainerError::Unrecognised {
        path: name.to_owned(),
        known: "Axolotl (base_model beside datasets), LLaMA-Factory (model_name_or_path beside \
                stage or dataset; or dataset_info.json), torchtune (parts with _component_), TRL \
                (model_name_or_path beside dataset_name or datasets), and a Hugging Face model \
                folder, card or config.json"
            .to_owned(),
        example: format!("axolotl:{name}"),
    }
}
