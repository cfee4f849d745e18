//! Axolotl's YAML. Read at commit 067b021 (v0.18.0 and nine commits):
//! `src/axolotl/utils/schemas/{config,datasets,model,peft,trl}.py`,
//! `src/axolotl/utils/data/{shared,sft}.py`.
//!
//! Relative paths start at the working folder, also those of `data_files` beside a folder. Splits,
//! shards and fields choose rows and columns; the files are checked whole.

use crate::model::target::OutputUse;
use crate::model::target::TargetKind;

use super::Recognised;
use super::dataset;
use super::dataset::FilesStart;
use super::dataset::Named;
use super::document::Document;
use super::draft::Draft;
use super::draft::origin;
use super::error::TrainerError;
use super::view::View;

/// Top-level keys that are read.
const READ: &[&str] = &[
    "base_model",
    "datasets",
    "test_datasets",
    "pretraining_dataset",
    "output_dir",
    "hub_model_id",
    "lora_model_dir",
    "reward_model",
    "process_reward_model",
    "model_type",
    "num_labels",
    "is_multimodal",
    "rl",
    "trl",
    "kd_trainer",
    "kd_online_server_base_url",
    "dataset_prepared_path",
];

/// Keys that name neither training data nor a model.
const HARMLESS: &[&str] = &[
    "dataset_kwargs",
    "push_dataset_to_hub",
    "bench_dataset",
    "chat_template_jinja",
];

/// Keys of a data set that name a column.
const FIELDS: &[&str] = &[
    "field",
    "field_human",
    "field_model",
    "field_messages",
    "field_system",
    "field_instruction",
    "field_input",
    "field_output",
    "field_prompt",
    "field_chosen",
    "field_rejected",
    "field_completion",
    "field_thinking",
    "field_tools",
    "text_column",
];

/// Reads a configuration.
pub(super) fn read(document: &Document, mut draft: Draft<'_>) -> Result<Recognised, TrainerError> {
    let root = View::of(document);
    if let Some(base) = root.get("base_model")? {
        draft.base(&base)?;
    }
    // Training goes on from the adapter: the model is made from both.
    if let Some(adapter) = root.get("lora_model_dir")? {
        draft.base(&adapter)?;
    }
    if let Some(name) = root.get("hub_model_id")? {
        draft.name(&name)?;
    }
    if let Some(folder) = root.get("output_dir")? {
        draft.folder(&folder)?;
    }
    kind(&root, &mut draft)?;
    models_used(&root, &mut draft)?;
    for (key, note) in [
        ("datasets", None),
        ("pretraining_dataset", None),
        (
            "test_datasets",
            Some("evaluation data, checked like training data"),
        ),
    ] {
        if let Some(list) = root.get(key)? {
            for item in list.items()? {
                data_set(&item, &mut draft, note)?;
            }
        }
    }
    if let Some(prepared) = root.get("dataset_prepared_path")? {
        draft.note(format!(
            "dataset_prepared_path: Axolotl may train on what it prepared earlier in {} instead of \
             reading the data sets again; what lies there was not checked",
            prepared.text()?
        ));
    }
    draft.finish(document, READ, HARMLESS)
}

fn kind(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    for key in ["reward_model", "process_reward_model"] {
        if let Some(view) = root.get(key)?
            && view.flag()?
        {
            draft.kind(TargetKind::Reward, origin(&view));
            return Ok(());
        }
    }
    if let Some(class) = root.get("model_type")? {
        let text = class.text()?;
        if text.contains("SequenceClassification") || text.contains("TokenClassification") {
            draft.kind(TargetKind::Classifier, origin(&class));
            return Ok(());
        }
    }
    if let Some(view) = root.get("is_multimodal")?
        && view.flag()?
    {
        draft.kind(TargetKind::Vlm, origin(&view));
    }
    Ok(())
}

/// Models whose judgement or probabilities flow into the run.
fn models_used(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    if let Some(trl) = root.get("trl")?
        && let Some(rewards) = trl.get("reward_funcs")?
    {
        for (view, text) in rewards.texts()? {
            // A dotted name is Python code; what has a slash is a model that scores.
            if text.contains('/') {
                draft.used(&view, OutputUse::Labels)?;
            }
        }
    }
    let Some(trainer) = root.get("kd_trainer")? else {
        return Ok(());
    };
    if trainer.flag()? {
        let teacher = match root.get("kd_online_server_base_url")? {
            Some(url) => format!("the teacher behind {}", url.text()?),
            None => "the teacher of kd_trainer".to_owned(),
        };
        draft.used_text(&teacher, OutputUse::Logits, &origin(&trainer))?;
        draft.note(
            "kd_trainer: the configuration does not name the teacher, so its license needs review; \
             name it in a target file under [[models_used]] with of_outputs = \"logits\"",
        );
    }
    Ok(())
}

fn data_set(
    item: &View<'_>,
    draft: &mut Draft<'_>,
    note: Option<&str>,
) -> Result<(), TrainerError> {
    if item.is_text() {
        return dataset::add(draft, &named(item, item, note)?);
    }
    item.expect_map()?;
    let Some(path) = item.get("path")? else {
        return Err(item.wrong("has no path; name the data set, or remove the entry"));
    };
    if path.text()? == "synthetic" && is_synthetic(item)? {
        draft.note(format!(
            "{}: made up by Axolotl, no data to check",
            item.key
        ));
        return Ok(());
    }
    dataset::add(draft, &named(item, &path, note)?)
}

fn is_synthetic(item: &View<'_>) -> Result<bool, TrainerError> {
    match item.get("type")? {
        Some(view) if view.is_text() => Ok(view.text()? == "_synthetic"),
        Some(_) | None => Ok(false),
    }
}

fn named<'v, 'd>(
    item: &View<'d>,
    path: &'v View<'d>,
    note: Option<&str>,
) -> Result<Named<'v, 'd>, TrainerError> {
    let mut columns = Vec::new();
    // User-defined prompt types carry the same keys one level down.
    let inner = item.get("type")?.filter(View::is_map);
    for view in std::iter::once(item).chain(inner.as_ref()) {
        for key in FIELDS {
            if let Some(field) = view.get(key)? {
                columns.push(field.text()?);
            }
        }
    }
    Ok(Named {
        path,
        data_files: item.get("data_files")?,
        data_dir: None,
        start: FilesStart::Working,
        columns,
        note: note.map(str::to_owned),
    })
}
