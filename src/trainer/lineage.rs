//! The ids that a model's path stands for.
//!
//! A base that is a folder on this machine has no license of its own: what it was made from has.
//! The folder's card (`base_model`), adapter config (`base_model_name_or_path`) and config
//! (`_name_or_path`) name that; what they name may be a folder again. A model trained with an
//! adapter on X is based on X.

use std::path::Path;

use super::Origin;
use super::document::Document;
use super::draft::origin;
use super::error::TrainerError;
use super::limits::LINEAGE_DEPTH_MAX;
use super::view::View;

/// Names of a model card.
const CARD: &str = "README.md";
/// An adapter's config.
pub(super) const ADAPTER_CONFIG: &str = "adapter_config.json";
/// A model's config.
pub(super) const CONFIG: &str = "config.json";

/// What a path stands for.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// Ids, each with the place that names it; `None` for the text asked about itself. Never
    /// empty.
    pub(super) ids: Vec<(String, Option<Origin>)>,
    /// What a reader has to know.
    pub(super) notes: Vec<String>,
}

/// The ids that `text`, an id or path, stands for.
pub(super) fn of(text: &str, working: &Path) -> Result<Lineage, TrainerError> {
    let mut lineage = Lineage::default();
    let mut visited = Vec::new();
    follow(text, None, working, &mut visited, &mut lineage)?;
    Ok(lineage)
}

fn follow(
    text: &str,
    origin: Option<Origin>,
    working: &Path,
    visited: &mut Vec<String>,
    lineage: &mut Lineage,
) -> Result<(), TrainerError> {
    let folder = working.join(text);
    if !folder.is_dir() {
        if text.starts_with(['.', '/', '~']) && !folder.is_file() {
            lineage.notes.push(format!(
                "{text}: no such folder here, so that nothing says what the model was made from; \
                 the path itself stands as its id. State the base with --target-model ID or \
                 --target FILE.toml"
            ));
        }
        lineage.ids.push((text.to_owned(), origin));
        return Ok(());
    }
    if visited.iter().any(|seen| seen == text) || visited.len() >= LINEAGE_DEPTH_MAX {
        lineage.notes.push(format!(
            "{text}: its folder leads back to itself or through more than {LINEAGE_DEPTH_MAX} \
             folders; the path stands as the base model, whose license needs review"
        ));
        lineage.ids.push((text.to_owned(), origin));
        return Ok(());
    }
    visited.push(text.to_owned());
    let named = named_in(&folder, text)?;
    if named.is_empty() {
        lineage.notes.push(format!(
            "{text}: no {CARD} with base_model, {ADAPTER_CONFIG} or {CONFIG} in this folder says \
             what the model was made from; the path itself stands as the base model. State the \
             base with --target-model ID or --target FILE.toml"
        ));
        lineage.ids.push((text.to_owned(), origin));
        return Ok(());
    }
    for (id, place) in named {
        follow(&id, Some(place), working, visited, lineage)?;
    }
    Ok(())
}

/// The bases that a model's folder names. `_name_or_path` of the config counts where nothing else
/// names a base, or where it is an id that the others do not name: two files that disagree are
/// both believed, since the stricter license then decides.
pub(super) fn named_in(folder: &Path, name: &str) -> Result<Vec<(String, Origin)>, TrainerError> {
    let mut named: Vec<(String, Origin)> = Vec::new();
    let push = |id: String, from: Origin, named: &mut Vec<(String, Origin)>| {
        if named.iter().all(|(known, _)| *known != id) {
            named.push((id, from));
        }
    };
    if let Some(card) = card(folder, name)? {
        for (id, from) in card_bases(&View::of(&card))? {
            push(id, from, &mut named);
        }
    }
    if let Some(adapter) = file(folder, name, ADAPTER_CONFIG)? {
        let root = View::of(&adapter);
        if let Some(base) = root.get("base_model_name_or_path")? {
            push(base.text()?, origin(&base), &mut named);
        }
    }
    if let Some(config) = file(folder, name, CONFIG)? {
        let root = View::of(&config);
        if let Some(path) = name_or_path(&root)? {
            let id = path.text()?;
            let is_id = !id.starts_with(['/', '.', '~']) && id.matches('/').count() == 1;
            if named.is_empty() || is_id {
                push(id, origin(&path), &mut named);
            }
        }
    }
    Ok(named)
}

/// `_name_or_path` unless it is blank, which Transformers writes for a model made from scratch.
pub(super) fn name_or_path<'d>(config: &View<'d>) -> Result<Option<View<'d>>, TrainerError> {
    Ok(config.get("_name_or_path")?.filter(|view| {
        !matches!(&view.node.value, super::document::Value::Text(text) if text.trim().is_empty())
    }))
}

/// `base_model` of a card: a string or a list.
pub(super) fn card_bases(card: &View<'_>) -> Result<Vec<(String, Origin)>, TrainerError> {
    let Some(base) = card.get("base_model")? else {
        return Ok(Vec::new());
    };
    Ok(base
        .texts()?
        .into_iter()
        .map(|(view, text)| (text, origin(&view)))
        .collect())
}

/// The front matter of a folder's card; `None` without a card or without front matter.
pub(super) fn card(folder: &Path, name: &str) -> Result<Option<Document>, TrainerError> {
    let path = folder.join(CARD);
    if !path.is_file() {
        return Ok(None);
    }
    Document::read_front_matter(&path, &inside(name, CARD))
}

/// A JSON file of a folder; `None` if it is not there.
pub(super) fn file(
    folder: &Path,
    name: &str,
    file: &str,
) -> Result<Option<Document>, TrainerError> {
    let path = folder.join(file);
    if !path.is_file() {
        return Ok(None);
    }
    Document::read(&path, &inside(name, file)).map(Some)
}

fn inside(folder: &str, file: &str) -> String {
    Path::new(folder).join(file).to_string_lossy().into_owned()
}
