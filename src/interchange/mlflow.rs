//! `MLflow` runs: the folder of a file store, or what `Run.to_dictionary()` gives, as JSON.
//!
//! `MLflow` has no key for a base model: parameters that trainers use for it are read. Its data set
//! digest is a short one of its own kind; it becomes the version.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Document;
use super::ImportError;
use super::Taken;
use super::value::At;
use super::value::json;
use super::value::yaml;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Names that trainers give the parameter of the base model, most telling first.
pub(super) const BASE_KEYS: [&str; 6] = [
    "base_model",
    "base_model_name_or_path",
    "model_name_or_path",
    "pretrained_model_name_or_path",
    "base_model_id",
    "model_id",
];

/// States of a run by the number that the file store has.
const STATES: [(u64, &str); 5] = [
    (1, "started"),
    (2, "started"),
    (3, "finished"),
    (4, "failed"),
    (5, "failed"),
];

/// A run, whichever way it was written down.
#[derive(Default)]
struct Run {
    id: String,
    name: Option<String>,
    state: Option<String>,
    start_ms: Option<u64>,
    user: Option<String>,
    params: BTreeMap<String, String>,
    data: Vec<Data>,
    models: Vec<String>,
}

struct Data {
    name: String,
    digest: String,
    context: Option<String>,
    source: Option<String>,
}

/// Reads the JSON of a run. `model` is the id of the model that it made.
///
/// # Errors
/// [`ImportError`] where it is not JSON, or not of a run.
pub fn mlflow_json(document: Document<'_>, model: Option<&str>) -> Result<Taken, ImportError> {
    let value = json(document)?;
    let top = At::top(document.name, &value);
    let mut taken = Taken::default();
    // The REST interface wraps it once more, and has lists of keys and values.
    let top = top.get("run").unwrap_or(top);
    let info = top.need("info")?;
    let mut run = Run {
        id: info.need("run_id")?.text()?.to_owned(),
        ..Run::default()
    };
    run.name = optional(&info, "run_name")?;
    run.user = optional(&info, "user_id")?;
    if let Some(state) = optional(&info, "status")? {
        run.state = Some(word_of_state(&state).to_owned());
    }
    run.start_ms = info.get("start_time").map(|at| at.count()).transpose()?;
    if let Some(data) = top.get("data") {
        if let Some(params) = data.get("params") {
            run.params = pairs(&params)?;
        }
        for key in ["metrics", "tags"] {
            if let Some(found) = data.get(key) {
                let count = match found.value {
                    Value::Array(list) => list.len(),
                    Value::Object(map) => map.len(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
                };
                add(&mut taken, key, count as u64);
            }
        }
    }
    if let Some(inputs) = top.get("inputs") {
        for input in inputs.list("dataset_inputs")? {
            let dataset = input.need("dataset")?;
            let context = match input.get("tags") {
                Some(tags) => pairs(&tags)?.remove("mlflow.data.context"),
                None => None,
            };
            run.data.push(data(&dataset, context)?);
        }
        for input in inputs.list("model_inputs")? {
            taken.pass("logged models that went in (known by an id of the tracking server only)");
            input.need("model_id")?.text()?;
        }
    }
    if let Some(outputs) = top.get("outputs") {
        for output in outputs.list("model_outputs")? {
            run.models.push(output.need("model_id")?.text()?.to_owned());
        }
    }
    state(&top, &run, model, &mut taken)?;
    Ok(taken)
}

/// Reads the folder of a run of a file store, the `datasets` beside it included. File names are
/// their ways within the folder of the experiment: `RUN/meta.yaml`, `datasets/ID/meta.yaml`.
///
/// # Errors
/// [`ImportError`] where a file is not YAML, or no run stands there.
pub fn mlflow_folder(
    files: &[Document<'_>],
    run_folder: &str,
    model: Option<&str>,
) -> Result<Taken, ImportError> {
    let mut taken = Taken::default();
    let mut run = Run::default();
    let mut known: BTreeMap<&str, Data> = BTreeMap::new();
    let mut wanted: Vec<(String, Option<String>)> = Vec::new();
    let meta = format!("{run_folder}/meta.yaml");
    let Some(document) = files.iter().find(|file| file.name == meta) else {
        return Err(ImportError::Foreign {
            place: meta,
            message:
                "is not there: name the folder of one run (mlruns/EXPERIMENT/RUN), or its JSON"
                    .to_owned(),
        });
    };
    let value = yaml(*document, 0)?;
    let top = At::top(document.name, &value);
    top.need("run_id")?.text()?.clone_into(&mut run.id);
    run.name = optional(&top, "run_name")?;
    run.user = optional(&top, "user_id")?;
    if let Some(status) = top.get("status") {
        let number = status.count()?;
        let state = STATES.iter().find(|(known, _)| *known == number);
        run.state = state.map(|(_, word)| (*word).to_owned());
    }
    run.start_ms = top.get("start_time").map(|at| at.count()).transpose()?;
    for file in files {
        let parts: Vec<&str> = file.name.split('/').collect();
        match parts.as_slice() {
            [folder, "meta.yaml"] if *folder == run_folder => {}
            [folder, "params", name] if *folder == run_folder => {
                run.params
                    .insert((*name).to_owned(), file.text.trim().to_owned());
            }
            [folder, "tags", _] if *folder == run_folder => taken.pass("tags"),
            [folder, "metrics", ..] if *folder == run_folder => taken.pass("metrics"),
            [folder, "artifacts", ..] if *folder == run_folder => taken.pass("artifacts"),
            [folder, "inputs", _, "meta.yaml"] if *folder == run_folder => {
                let value = yaml(*file, 0)?;
                let input = At::top(file.name, &value);
                if input.need("source_type")?.text()? != "DATASET" {
                    taken.pass("inputs that are no data sets");
                    continue;
                }
                let context = match input.get("tags") {
                    Some(tags) => pairs(&tags)?.remove("mlflow.data.context"),
                    None => None,
                };
                wanted.push((input.need("source_id")?.text()?.to_owned(), context));
            }
            [folder, "outputs", _, "meta.yaml"] if *folder == run_folder => {
                let value = yaml(*file, 0)?;
                let output = At::top(file.name, &value);
                run.models
                    .push(output.need("destination_id")?.text()?.to_owned());
            }
            ["datasets", id, "meta.yaml"] => {
                let value = yaml(*file, 0)?;
                known.insert(id, data(&At::top(file.name, &value), None)?);
            }
            _ => taken.pass("other files of the experiment"),
        }
    }
    for (id, context) in wanted {
        match known.remove(id.as_str()) {
            Some(found) => run.data.push(Data { context, ..found }),
            None => {
                return Err(top.wrong(format!(
                    "reads the data set {id}, which datasets/{id}/meta.yaml beside the run should describe: copy the folder datasets of the experiment as well"
                )));
            }
        }
    }
    let unused = known.len() as u64;
    add(&mut taken, "data sets of other runs", unused);
    state(&top, &run, model, &mut taken)?;
    Ok(taken)
}

fn add(taken: &mut Taken, what: &str, count: u64) {
    if count > 0 {
        *taken.passed.entry(what.to_owned()).or_default() += count;
    }
}

fn optional(at: &At<'_>, key: &str) -> Result<Option<String>, ImportError> {
    match at.get(key).filter(|at| at.value.as_str() != Some("")) {
        Some(at) => Ok(Some(at.text()?.to_owned())),
        None => Ok(None),
    }
}

/// A mapping, or a list of `key` and `value`.
fn pairs(at: &At<'_>) -> Result<BTreeMap<String, String>, ImportError> {
    let mut out = BTreeMap::new();
    if at.value.is_array() {
        for each in at.each()? {
            let value = each.get("value").map(|at| plain(at.value));
            out.insert(
                each.need("key")?.text()?.to_owned(),
                value.unwrap_or_default(),
            );
        }
    } else {
        for (key, value) in at.entries()? {
            out.insert(key.to_owned(), plain(value.value));
        }
    }
    Ok(out)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

fn data(at: &At<'_>, context: Option<String>) -> Result<Data, ImportError> {
    Ok(Data {
        name: at.need("name")?.text()?.to_owned(),
        digest: at.need("digest")?.text()?.to_owned(),
        source: optional(at, "source_type")?,
        context,
    })
}

fn word_of_state(state: &str) -> &'static str {
    match state {
        "FINISHED" => "finished",
        "FAILED" | "KILLED" => "failed",
        _ => "started",
    }
}

fn state(
    at: &At<'_>,
    run: &Run,
    model: Option<&str>,
    taken: &mut Taken,
) -> Result<(), ImportError> {
    let node = at.named(NodeKind::Run, &format!("mlflow:{}", run.id))?;
    let time = match run.start_ms {
        Some(ms) => {
            let ms = i64::try_from(ms).map_err(|_| at.wrong("has a start_time out of range"))?;
            let time = jiff::Timestamp::from_millisecond(ms)
                .map_err(|_| at.wrong("has a start_time out of range"))?;
            Some(time.to_string())
        }
        None => None,
    };
    taken.node(
        &node,
        &NodeFacts {
            label: run.name.clone(),
            state: run.state.clone(),
            owner: run.user.clone(),
            time,
            ..NodeFacts::default()
        },
    );
    let mut unread = run.params.len() as u64;
    for key in BASE_KEYS {
        if let Some(base) = run.params.get(key).filter(|base| !base.is_empty()) {
            unread -= 1;
            let base_node = at.named(NodeKind::Model, base)?;
            based(taken, &base_node, base, &node, key);
            break;
        }
    }
    add(taken, "parameters", unread);
    for data in &run.data {
        let set = at.dataset(&data.name.replace('@', "_"), &data.digest)?;
        let mut facts = NodeFacts::default();
        facts
            .more
            .insert("mlflow_digest".to_owned(), data.digest.clone());
        if let Some(source) = &data.source {
            facts.more.insert("source_type".to_owned(), source.clone());
        }
        taken.node(&set, &facts);
        // What a run was evaluated with did not go into its model.
        if data.context.as_deref().is_some_and(is_evaluation) {
            taken.pass("data sets for evaluation");
            continue;
        }
        let edge = EdgeFacts {
            note: data
                .context
                .as_ref()
                .map(|context| format!("context {context}")),
            ..EdgeFacts::default()
        };
        taken.edge(&set, EdgeKind::Input, &node, edge);
    }
    match (model, run.models.as_slice()) {
        (Some(model), _) => {
            let made = at.named(NodeKind::Model, model)?;
            let facts = NodeFacts {
                label: Some(model.to_owned()),
                ..NodeFacts::default()
            };
            taken.node(&made, &facts);
            taken.edge(&node, EdgeKind::Produced, &made, EdgeFacts::default());
        }
        (None, []) => taken.note(format!(
            "no model that {node} made is known: name it with --model"
        )),
        (None, models) => {
            for id in models {
                let made = at.named(NodeKind::Model, &format!("mlflow:{id}"))?;
                taken.node(&made, &NodeFacts::default());
                taken.edge(&node, EdgeKind::Produced, &made, EdgeFacts::default());
            }
            taken.note(format!(
                "the models that {node} made have ids of the tracking server only: name one with --model"
            ));
        }
    }
    Ok(())
}

/// Whether a context is one that nothing is learnt in.
fn is_evaluation(context: &str) -> bool {
    let context = context.to_ascii_lowercase();
    ["eval", "test", "valid"]
        .iter()
        .any(|word| context.starts_with(word))
}

/// A base that a configuration names.
pub(super) fn based(taken: &mut Taken, base: &NodeRef, label: &str, run: &NodeRef, key: &str) {
    let facts = NodeFacts {
        label: Some(label.to_owned()),
        ..NodeFacts::default()
    };
    taken.node(base, &facts);
    let edge = EdgeFacts {
        note: Some(format!("parameter {key}")),
        ..EdgeFacts::default()
    };
    taken.edge(base, EdgeKind::Base, run, edge);
}
