//! LLaMA-Factory's arguments (YAML or JSON) and its `dataset_info.json`. Read at commit ff6d4d1
//! (v0.9.5 and 54 commits): `src/llamafactory/hparams/{parser,data_args,model_args,
//! finetuning_args}.py`, `src/llamafactory/data/{parser,loader}.py`, `data/README.md`.
//!
//! `dataset` names entries of `dataset_info.json` in `dataset_dir` (default `data`, from the
//! working folder); an entry's `file_name` starts at `dataset_dir`. Interpolation is not resolved
//! by LLaMA-Factory either. The v1 launcher (`train_dataset:`) is not read.

use std::path::Path;

use crate::model::target::OutputUse;
use crate::model::target::TargetKind;

use super::Recognised;
use super::Remote;
use super::dataset;
use super::detect::LIST_SOURCES;
use super::document::Document;
use super::draft::Draft;
use super::draft::origin;
use super::error::TrainerError;
use super::view::View;

/// Top-level keys that are read.
const READ: &[&str] = &[
    "model_name_or_path",
    "adapter_name_or_path",
    "stage",
    "dataset",
    "eval_dataset",
    "dataset_dir",
    "tokenized_path",
    "output_dir",
    "export_dir",
    "export_hub_model_id",
    "hub_model_id",
    "reward_model",
    "reward_model_adapters",
    "ref_model",
    "ref_model_adapters",
];

/// Keys that name neither training data nor a model.
const HARMLESS: &[&str] = &["reward_model_type", "dataset_shards"];

/// The name of a data set list.
const LIST: &str = "dataset_info.json";

/// Where the list is when nobody says.
const DATASET_DIR_DEFAULT: &str = "data";

/// Reads arguments.
pub(super) fn read_arguments(
    document: &Document,
    mut draft: Draft<'_>,
) -> Result<Recognised, TrainerError> {
    let root = View::of(document);
    if let Some(base) = root.get("model_name_or_path")? {
        draft.base(&base)?;
    }
    for (view, text) in names(&root, "adapter_name_or_path")? {
        draft.base_text(&text, &origin(&view))?;
    }
    for key in ["hub_model_id", "export_hub_model_id"] {
        if let Some(name) = root.get(key)? {
            draft.name(&name)?;
        }
    }
    // What is exported is the model with its card; else what training leaves.
    for key in ["export_dir", "output_dir"] {
        if let Some(folder) = root.get(key)? {
            draft.folder(&folder)?;
        }
    }
    if let Some(stage) = root.get("stage")?
        && stage.text()? == "rm"
    {
        draft.kind(TargetKind::Reward, origin(&stage));
    }
    for (key, of) in [
        ("reward_model", OutputUse::Labels),
        ("reward_model_adapters", OutputUse::Labels),
        ("ref_model", OutputUse::Logits),
        ("ref_model_adapters", OutputUse::Logits),
    ] {
        for (view, text) in names(&root, key)? {
            draft.used_text(&text, of, &origin(&view))?;
        }
    }
    data_sets(&root, &mut draft)?;
    if let Some(tokenized) = root.get("tokenized_path")? {
        let text = tokenized.text()?;
        if draft.working.join(&text).exists() {
            let note = Some("LLaMA-Factory trains on this instead of the data sets".to_owned());
            dataset::add_file(&mut draft, &tokenized, "", Vec::new(), note)?;
        }
    }
    draft.finish(document, READ, HARMLESS)
}

/// Reads a data set list by itself; `wanted` are its entries to check, all if empty.
pub(super) fn read_list(
    document: &Document,
    wanted: &[String],
    mut draft: Draft<'_>,
) -> Result<Recognised, TrainerError> {
    let root = View::of(document);
    let parent = Path::new(draft.path())
        .parent()
        .map(|folder| folder.to_string_lossy().into_owned())
        .unwrap_or_default();
    if wanted.is_empty() {
        for (_, entry) in root.entries()? {
            list_entry(&entry, &parent, &mut draft, None)?;
        }
    }
    for name in wanted {
        let Some(entry) = root.get(name)? else {
            return Err(root_without(&root, name));
        };
        list_entry(&entry, &parent, &mut draft, None)?;
    }
    Ok(draft.finish_without_target())
}

/// The data sets that the arguments name.
fn data_sets(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    let mut wanted = Vec::new();
    for (key, note) in [
        ("dataset", None),
        (
            "eval_dataset",
            Some("evaluation data, checked like training data"),
        ),
    ] {
        for (view, name) in names(root, key)? {
            wanted.push((view, name, note));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let dir = root.get("dataset_dir")?;
    if let Some(inline) = dir.as_ref().filter(|dir| dir.is_map()) {
        for (view, name, note) in wanted {
            entry_of(inline, &view, &name, DATASET_DIR_DEFAULT, draft, note)?;
        }
        return Ok(());
    }
    let dir = match &dir {
        Some(dir) => dir.text()?,
        None => DATASET_DIR_DEFAULT.to_owned(),
    };
    // ONLINE takes the names for Hub ids; REMOTE: fetches the list itself from the Hub.
    if dir == "ONLINE" || dir.starts_with("REMOTE:") {
        for (view, id, _) in wanted {
            draft.remote(Remote {
                id,
                what: "a data set that LLaMA-Factory fetches from a hub",
                origin: origin(&view),
            })?;
        }
        return Ok(());
    }
    let list = Path::new(&dir).join(LIST);
    let name = list.to_string_lossy().into_owned();
    let path = draft.working.join(&list);
    if !path.is_file() {
        return Err(root.wrong_key(
            "dataset_dir",
            format!(
                "{name} is not there, and the data sets are named in it; run where LLaMA-Factory \
                 would run, or correct dataset_dir"
            ),
        ));
    }
    let document = Document::read(&path, &name)?;
    let entries = View::of(&document);
    entries.expect_map()?;
    for (view, wanted, note) in wanted {
        entry_of(&entries, &view, &wanted, &dir, draft, note)?;
    }
    Ok(())
}

/// Names in a string with commas, or in a list.
fn names<'d>(root: &View<'d>, key: &str) -> Result<Vec<(View<'d>, String)>, TrainerError> {
    let Some(view) = root.get(key)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (view, text) in view.texts()? {
        for name in text.split(',').map(str::trim) {
            if name.is_empty() {
                return Err(view.wrong("has a comma with no name beside it; remove it"));
            }
            found.push((view.clone(), name.to_owned()));
        }
    }
    Ok(found)
}

fn entry_of(
    list: &View<'_>,
    asked: &View<'_>,
    name: &str,
    dir: &str,
    draft: &mut Draft<'_>,
    note: Option<&str>,
) -> Result<(), TrainerError> {
    match list.get(name)? {
        Some(entry) => list_entry(&entry, dir, draft, note),
        None => Err(asked.wrong(format!(
            "`{name}` is not in {}; correct the name or add the entry",
            list.document.name
        ))),
    }
}

fn root_without(root: &View<'_>, name: &str) -> TrainerError {
    TrainerError::Missing {
        path: root.document.name.clone(),
        message: format!("no data set `{name}` stands in it; correct the name after `#`"),
    }
}

/// One entry of the list. LLaMA-Factory prefers a hub to a script to a file; which hub depends on
/// its environment, and the first one named stands for the data set.
fn list_entry(
    entry: &View<'_>,
    dir: &str,
    draft: &mut Draft<'_>,
    note: Option<&str>,
) -> Result<(), TrainerError> {
    entry.expect_map()?;
    let mut columns = Vec::new();
    if let Some(view) = entry.get("columns")? {
        columns = view.texts()?.into_iter().map(|(_, text)| text).collect();
    }
    for key in LIST_SOURCES {
        let Some(source) = entry.get(key)? else {
            continue;
        };
        let what = match *key {
            "hf_hub_url" => dataset::HUB,
            "ms_hub_url" => "a data set of ModelScope",
            "om_hub_url" => "a data set of openMind",
            "script_url" => "a data set that a script makes",
            "cloud_file_name" => "a data set in cloud storage",
            _ => {
                let note = note.map(str::to_owned);
                return dataset::add_file(draft, &source, dir, columns, note);
            }
        };
        let (id, origin) = (source.text()?, origin(&source));
        return draft.remote(Remote { id, what, origin });
    }
    Err(entry.wrong(format!(
        "says nowhere where its data is; one of {} is needed",
        LIST_SOURCES.join(", ")
    )))
}
