//! Arguments of TRL's scripts as YAML (`trl sft --config FILE`). Read at commit f2cd577 (v1.9.0
//! and 26 commits): `trl/scripts/{utils,sft,grpo,rloo}.py`, `trl/trainer/model_config.py`, and the
//! configs of the experimental trainers that name a second model.
//!
//! `datasets` beats `dataset_name`, as in TRL; the one that is ignored is said. Paths go to
//! `datasets.load_dataset` and start at the working folder. The file does not say which trainer
//! runs; a reward model is told by `lora_task_type: SEQ_CLS` or `center_rewards_coefficient`.

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
    "model_name_or_path",
    "sft_model_path",
    "dataset_name",
    "datasets",
    "output_dir",
    "hub_model_id",
    "reward_model_name_or_path",
    "reward_model_path",
    "teacher_model_name_or_path",
    "judge",
    "lora_task_type",
    "center_rewards_coefficient",
];

/// Keys that name neither training data nor a model.
const HARMLESS: &[&str] = &[
    "dataset_config",
    "dataset_train_split",
    "dataset_test_split",
    "dataset_text_field",
    "dataset_kwargs",
    "teacher_model_init_kwargs",
    "teacher_model_revision",
];

/// Reads arguments.
pub(super) fn read(document: &Document, mut draft: Draft<'_>) -> Result<Recognised, TrainerError> {
    let root = View::of(document);
    // PPO starts its policy from sft_model_path and keeps model_name_or_path beside it.
    for key in ["model_name_or_path", "sft_model_path"] {
        if let Some(base) = root.get(key)? {
            draft.base(&base)?;
        }
    }
    if let Some(name) = root.get("hub_model_id")? {
        draft.name(&name)?;
    }
    if let Some(folder) = root.get("output_dir")? {
        draft.folder(&folder)?;
    }
    if let Some(task) = root.get("lora_task_type")?
        && task.text()? == "SEQ_CLS"
    {
        draft.kind(TargetKind::Reward, origin(&task));
    } else if let Some(mark) = root.get("center_rewards_coefficient")? {
        draft.kind(TargetKind::Reward, origin(&mark));
    }
    for (key, of) in [
        ("reward_model_name_or_path", OutputUse::Labels),
        ("reward_model_path", OutputUse::Labels),
        ("judge", OutputUse::Labels),
        ("teacher_model_name_or_path", OutputUse::Logits),
    ] {
        if let Some(model) = root.get(key)? {
            draft.used(&model, of)?;
        }
    }
    data_sets(&root, &mut draft)?;
    draft.finish(document, READ, HARMLESS)
}

fn data_sets(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    let single = root.get("dataset_name")?;
    let mixture = match root.get("datasets")? {
        Some(view) => view.items()?,
        None => Vec::new(),
    };
    for item in &mixture {
        item.expect_map()?;
        let Some(path) = item.get("path")? else {
            return Err(item.wrong("has no path; name the data set, or remove the entry"));
        };
        let mut columns = Vec::new();
        if let Some(view) = item.get("columns")? {
            columns = view.texts()?.into_iter().map(|(_, text)| text).collect();
        }
        let named = Named {
            path: &path,
            data_files: item.get("data_files")?,
            data_dir: item.get("data_dir")?,
            start: FilesStart::Folder,
            columns,
            note: None,
        };
        dataset::add(draft, &named)?;
    }
    match single {
        Some(name) if mixture.is_empty() => dataset::add(
            draft,
            &Named {
                path: &name,
                data_files: None,
                data_dir: None,
                start: FilesStart::Folder,
                columns: Vec::new(),
                note: None,
            },
        ),
        Some(name) => {
            draft.note(format!(
                "dataset_name ({}) is not used by TRL beside datasets, and was not checked",
                name.text()?
            ));
            Ok(())
        }
        None => Ok(()),
    }
}
