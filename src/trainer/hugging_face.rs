//! A Hugging Face model as the target: its folder, its card (front matter of `README.md`), its
//! `config.json` or its `adapter_config.json`. Sources: the Hub's documentation of model card
//! metadata; `PretrainedConfig` of Transformers (`_name_or_path`, `architectures`); `PeftConfig`
//! of PEFT (`base_model_name_or_path`).
//!
//! The model described is the target; what it was made from is its base. It names no inputs: the
//! card's `datasets` are ids of what it was trained on before, shown and not read.

use std::path::Path;

use crate::model::target::TargetKind;

use super::Origin;
use super::Recognised;
use super::document::Document;
use super::draft::Draft;
use super::draft::origin;
use super::error::TrainerError;
use super::lineage;
use super::view::View;

/// What `pipeline_tag` says of a model. Cited: the Hub's tasks; those not listed leave it a
/// language model, which is the strictest kind.
const TASKS: &[(&str, TargetKind)] = &[
    ("text-generation", TargetKind::Llm),
    ("image-text-to-text", TargetKind::Vlm),
    ("visual-question-answering", TargetKind::Vlm),
    ("sentence-similarity", TargetKind::Embedding),
    ("feature-extraction", TargetKind::Embedding),
    ("text-ranking", TargetKind::Reranker),
    ("text-classification", TargetKind::Classifier),
    ("token-classification", TargetKind::Classifier),
    ("fill-mask", TargetKind::Encoder),
];

/// Endings of class names in `architectures`, and what they make of a model.
const CLASSES: &[(&str, TargetKind)] = &[
    ("ForCausalLM", TargetKind::Llm),
    ("ForSequenceClassification", TargetKind::Classifier),
    ("ForTokenClassification", TargetKind::Classifier),
    ("ForMaskedLM", TargetKind::Encoder),
    ("RewardModel", TargetKind::Reward),
];

/// Reads a model folder.
pub(super) fn read_folder(mut draft: Draft<'_>) -> Result<Recognised, TrainerError> {
    let name = draft.path().to_owned();
    let folder = draft.working.join(&name);
    let card = lineage::card(&folder, &name)?;
    let adapter = lineage::file(&folder, &name, lineage::ADAPTER_CONFIG)?;
    let config = lineage::file(&folder, &name, lineage::CONFIG)?;
    let documents: Vec<&Document> = card.iter().chain(&adapter).chain(&config).collect();
    let Some(first) = documents.first().copied() else {
        return Err(TrainerError::Missing {
            path: name,
            message: format!(
                "a folder without a card (README.md with front matter), {} or {}; name the \
                 trainer's configuration file itself",
                lineage::CONFIG,
                lineage::ADAPTER_CONFIG
            ),
        });
    };
    for (id, from) in lineage::named_in(&folder, &name)? {
        draft.base_text(&id, &from)?;
    }
    for document in &documents {
        describe(&View::of(document), &mut draft)?;
    }
    without_base(first, &documents, &mut draft);
    draft.folder_named(name);
    draft.finish(
        first,
        &[],
        &["base_model", "datasets", "base_model_relation"],
    )
}

/// Reads a card or one of the JSON files.
pub(super) fn read_file(
    document: &Document,
    mut draft: Draft<'_>,
) -> Result<Recognised, TrainerError> {
    let root = View::of(document);
    for (id, from) in lineage::card_bases(&root)? {
        draft.base_text(&id, &from)?;
    }
    if let Some(base) = root.get("base_model_name_or_path")? {
        draft.base(&base)?;
    }
    if let Some(path) = lineage::name_or_path(&root)?
        && !root.node.has("base_model")
    {
        draft.base(&path)?;
    }
    describe(&root, &mut draft)?;
    without_base(document, &[document], &mut draft);
    if let Some(folder) = Path::new(draft.path()).parent() {
        let folder = folder.to_string_lossy().into_owned();
        draft.folder_named(if folder.is_empty() {
            ".".to_owned()
        } else {
            folder
        });
    }
    draft.finish(
        document,
        &[],
        &["base_model", "datasets", "base_model_relation"],
    )
}

/// Name, kind and what else a card or config says.
fn describe(root: &View<'_>, draft: &mut Draft<'_>) -> Result<(), TrainerError> {
    if let Some(name) = root.get("model_name")? {
        draft.name(&name)?;
    }
    if let Some(task) = root.get("pipeline_tag")? {
        let text = task.text()?;
        if let Some((_, kind)) = TASKS.iter().find(|(tag, _)| *tag == text) {
            draft.kind(*kind, origin(&task));
        }
    }
    if let Some(classes) = root.get("architectures")? {
        for (view, class) in classes.texts()? {
            if let Some((_, kind)) = CLASSES.iter().find(|(end, _)| class.ends_with(end)) {
                draft.kind(*kind, origin(&view));
            }
        }
    }
    if let Some(relation) = root.get("base_model_relation")? {
        draft.note(format!(
            "the card calls the model a {} of its base",
            relation.text()?
        ));
    }
    if let Some(license) = root.get("license")? {
        let stated: Vec<String> = license.texts()?.into_iter().map(|(_, text)| text).collect();
        draft.note(format!(
            "the card states the license {}; herdbook goes by the licenses of the base models",
            stated.join(", ")
        ));
    }
    if let Some(datasets) = root.get("datasets")? {
        let ids: Vec<String> = datasets.texts()?.into_iter().map(|(_, id)| id).collect();
        draft.note(format!(
            "the card names data the model was trained on ({}); it was not checked: give files as \
             PATH",
            ids.join(", ")
        ));
    }
    Ok(())
}

/// A model that names no base stands for itself: its path is the id.
fn without_base(document: &Document, documents: &[&Document], draft: &mut Draft<'_>) {
    if draft.has_base() {
        return;
    }
    let files: Vec<&str> = documents.iter().map(|each| each.name.as_str()).collect();
    draft.note(format!(
        "{} names no base model, so the path itself stands as the base; state it with \
         --target-model ID or --target FILE.toml",
        files.join(", ")
    ));
    let origin = Origin {
        file: document.name.clone(),
        key: String::new(),
        line: 0,
    };
    draft.base_itself(&origin);
}
