//! torchtune's recipe YAML. Read at commit bd2a0fc (v0.6.0-rc1 and 220 commits):
//! `torchtune/config/{_parse,_utils,_instantiate}.py`, `torchtune/datasets/`,
//! `torchtune/models/*/_model_builders.py`, `recipes/configs/`.
//!
//! The weights are what `checkpointer.checkpoint_dir` holds; the model's builder only tells their
//! shape (Llama's builders also load models that are not Llama), so it is the base only where no
//! checkpoint is named. `${key}` is `OmegaConf`'s and is resolved within the file.

use crate::model::target::OutputUse;
use crate::model::target::TargetKind;

use super::Recognised;
use super::Remote;
use super::dataset;
use super::dataset::FilesStart;
use super::dataset::Named;
use super::document::Document;
use super::draft::Draft;
use super::draft::origin;
use super::error::TrainerError;
use super::view::View;

/// Top-level keys that are read; every key that begins with `dataset` is read beside them.
const READ: &[&str] = &[
    "model",
    "policy_model",
    "tokenizer",
    "checkpointer",
    "output_dir",
    "teacher_model",
    "teacher_checkpointer",
    "reward_checkpointer",
    "reward_and_value_model",
];

/// Keys that name neither training data nor a model beside those read.
const HARMLESS: &[&str] = &[];

/// Deepest nesting of data sets in data sets (`ConcatDataset`). Chosen: torchtune nests once.
const NESTING_MAX: usize = 4;

/// The data set that a builder loads when no source is named. Cited: the defaults of the builders
/// in `torchtune/datasets/` at the commit above.
const DEFAULT_SOURCES: &[(&str, &str)] = &[
    ("alpaca_dataset", "tatsu-lab/alpaca"),
    ("alpaca_cleaned_dataset", "yahma/alpaca-cleaned"),
    ("cnn_dailymail_articles_dataset", "ccdv/cnn_dailymail"),
    ("grammar_dataset", "liweili/c4_200m"),
    (
        "hh_rlhf_helpful_dataset",
        "RLHFlow/HH-RLHF-Helpful-standard",
    ),
    ("samsum_dataset", "Samsung/samsum"),
    ("slimorca_dataset", "Open-Orca/SlimOrca-Dedup"),
    (
        "stack_exchange_paired_dataset",
        "lvwerra/stack-exchange-paired",
    ),
    ("wikitext_dataset", "EleutherAI/wikitext_document_level"),
    ("llava_instruct_dataset", "liuhaotian/LLaVA-Instruct-150K"),
    ("the_cauldron_dataset", "HuggingFaceM4/the_cauldron"),
];

/// Reads a recipe's configuration.
pub(super) fn read(document: &Document, mut draft: Draft<'_>) -> Result<Recognised, TrainerError> {
    let document = Document {
        interpolated: true,
        ..document.clone()
    };
    let root = View::of(&document);
    base(&root, &mut draft)?;
    for (key, of) in [
        ("teacher_checkpointer", OutputUse::Logits),
        ("reward_checkpointer", OutputUse::Labels),
    ] {
        if let Some(part) = root.get(key)?
            && let Some(checkpoint) = checkpoint(&part)?
        {
            draft.used(&checkpoint, of)?;
        }
    }
    if root.get("teacher_checkpointer")?.is_none()
        && let Some(teacher) = root.get("teacher_model")?
        && let Some(component) = teacher.get("_component_")?
    {
        let builder = builder(&component)?;
        draft.used_text(&builder, OutputUse::Logits, &origin(&component))?;
    }
    if let Some(folder) = root.get("output_dir")? {
        draft.folder(&folder)?;
    }
    let mut read = READ.to_vec();
    // By key, so that a reference in a key that is not read does not have to be answered.
    for (key, _) in document.root.entries() {
        if !key.starts_with("dataset") {
            continue;
        }
        let Some(view) = root.get(key)? else { continue };
        if !(view.is_text() || is_switch(&view)) {
            read.push(key);
            let note = (key == "dataset_val" || key == "dataset_validation")
                .then_some("evaluation data, checked like training data");
            for item in view.items()? {
                data_set(&item, &mut draft, note, NESTING_MAX)?;
            }
        }
    }
    draft.finish(&document, &read, HARMLESS)
}

/// A number or a switch such as `dataset_size: 10` is no data set.
fn is_switch(view: &View<'_>) -> bool {
    use super::document::Value;
    matches!(
        view.node.value,
        Value::Bool(_) | Value::Number(_) | Value::Null
    )
}

/// The checkpoint that a checkpointer loads.
fn checkpoint<'d>(part: &View<'d>) -> Result<Option<View<'d>>, TrainerError> {
    part.expect_map()?;
    part.get("checkpoint_dir")
}

/// The last part of a component's dotted name, which names the builder.
fn builder(component: &View<'_>) -> Result<String, TrainerError> {
    let text = component.text()?;
    Ok(text.rsplit('.').next().unwrap_or(&text).to_owned())
}

fn base(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    let mut model = None;
    for key in ["model", "policy_model"] {
        if let Some(part) = root.get(key)? {
            model = part.get("_component_")?;
            break;
        }
    }
    if let Some(component) = &model {
        let full = component.text()?;
        if full.contains("reward") {
            draft.kind(TargetKind::Reward, origin(component));
        } else if full.contains("classifier") {
            draft.kind(TargetKind::Classifier, origin(component));
        } else if full.contains("vision") || full.contains("multimodal") {
            draft.kind(TargetKind::Vlm, origin(component));
        }
    }
    let named = match root.get("checkpointer")? {
        Some(part) => checkpoint(&part)?,
        None => None,
    };
    match (named, model) {
        (Some(folder), model) => {
            draft.base(&folder)?;
            if let Some(component) = model {
                draft.note(format!(
                    "the model is built by {}, which tells its shape; the base is what \
                     checkpoint_dir holds",
                    component.text()?
                ));
            }
        }
        (None, Some(component)) => {
            // `lora_llama3_1_8b` builds the same model with adapters on it.
            let name = builder(&component)?;
            let plain = ["lora_", "qlora_", "dora_"]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix))
                .unwrap_or(&name);
            draft.base_text(plain, &origin(&component))?;
            draft.note(
                "no checkpointer.checkpoint_dir names the weights; the model's builder stands for \
                 the base",
            );
        }
        (None, None) => {}
    }
    Ok(())
}

fn data_set(
    item: &View<'_>,
    draft: &mut Draft<'_>,
    note: Option<&str>,
    depth: usize,
) -> Result<(), TrainerError> {
    item.expect_map()?;
    if let Some(nested) = item.get("datasets")? {
        if depth == 0 {
            return Err(item.wrong("data sets in data sets are nested too deep"));
        }
        for inner in nested.items()? {
            data_set(&inner, draft, note, depth - 1)?;
        }
        return Ok(());
    }
    let mut columns = Vec::new();
    if let Some(map) = item.get("column_map")? {
        columns = map.texts()?.into_iter().map(|(_, text)| text).collect();
    }
    if let Some(column) = item.get("column")? {
        columns.push(column.text()?);
    }
    if let Some(source) = item.get("source")? {
        let named = Named {
            path: &source,
            data_files: item.get("data_files")?,
            data_dir: item.get("data_dir")?,
            start: FilesStart::Folder,
            columns,
            note: note.map(str::to_owned),
        };
        return dataset::add(draft, &named);
    }
    let Some(component) = item.get("_component_")? else {
        return Err(item.wrong("names neither a source nor a _component_; name one"));
    };
    let name = builder(&component)?;
    let default = DEFAULT_SOURCES
        .iter()
        .find_map(|(builder, source)| (*builder == name).then_some(*source));
    draft.remote(Remote {
        id: match default {
            Some(id) => id.to_owned(),
            None => component.text()?,
        },
        what: match default {
            Some(_) => dataset::HUB,
            None => "data that this component loads by itself",
        },
        origin: origin(&component),
    })
}
