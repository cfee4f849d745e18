//! Model cards: the YAML between the first two lines of `---` of a README, and the two files beside
//! it that name a base.

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

/// Keys that are read; any other is counted as passed over.
const READ: [&str; 7] = [
    "base_model",
    "base_model_relation",
    "datasets",
    "license",
    "license_name",
    "license_link",
    "model_name",
];

/// Reads a card. `model` is the id of the model, which a card does not hold.
///
/// # Errors
/// [`ImportError`] with `file:line:column` where the front matter is not YAML.
pub fn card(document: Document<'_>, model: Option<&str>) -> Result<Taken, ImportError> {
    let mut taken = Taken::default();
    let front = front_matter(document)?;
    let Some((before, text)) = front else {
        return Err(ImportError::Foreign {
            place: document.name.to_owned(),
            message: "has no front matter: a model card begins with a line of ---".to_owned(),
        });
    };
    let document = Document { text, ..document };
    let value = yaml(document, before)?;
    let value = if value.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        value
    };
    let top = At::top(document.name, &value);
    let node = subject(&top, model, &mut taken)?;
    let mut facts = NodeFacts::default();
    for key in ["license", "license_name", "license_link"] {
        if let Some(at) = top.get(key) {
            facts.more.insert(key.to_owned(), words(&at)?.join(", "));
        }
    }
    if let Some(label) = model.or(top.get("model_name").and_then(|at| at.value.as_str())) {
        facts.label = Some(label.to_owned());
    }
    taken.node(&node, &facts);
    let relation = match top.get("base_model_relation") {
        Some(at) => Some(words(&at)?.join(", ")),
        None => None,
    };
    if let Some(at) = top.get("base_model") {
        for each in at.each()? {
            let base = each.node(NodeKind::Model)?;
            based(
                &base,
                each.text()?,
                &node,
                relation.clone(),
                "base_model",
                &mut taken,
            );
        }
    }
    if let Some(at) = top.get("datasets") {
        for each in at.each()? {
            let data = each.dataset(&each.text()?.replace('@', "_"), "")?;
            let edge = EdgeFacts {
                note: Some("datasets of the card".to_owned()),
                ..EdgeFacts::default()
            };
            taken.edge(&data, EdgeKind::Trained, &node, edge);
        }
    }
    for (key, _) in top.entries()? {
        if !READ.contains(&key) {
            taken.pass(&format!("card key {key}"));
        }
    }
    Ok(taken)
}

/// Reads a folder of a model: its card where there is one, the configuration of an adapter, the
/// configuration of the model.
///
/// # Errors
/// As [`card`], or where a configuration is not JSON.
pub fn card_folder(files: &[Document<'_>], model: Option<&str>) -> Result<Taken, ImportError> {
    let mut taken = Taken::default();
    for file in files {
        let name = file.name.rsplit(['/', '\\']).next().unwrap_or(file.name);
        let key = match name {
            "README.md" => {
                taken.join(card(*file, model)?);
                continue;
            }
            "adapter_config.json" => "base_model_name_or_path",
            "config.json" => "_name_or_path",
            _ => {
                taken.pass("other files of the model folder");
                continue;
            }
        };
        let value = json(*file)?;
        let top = At::top(file.name, &value);
        let node = subject(&top, model, &mut taken)?;
        if let Some(base) = top.get(key).filter(|at| at.value.as_str() != Some("")) {
            let label = base.text()?;
            let node_of_base = base.node(NodeKind::Model)?;
            if node_of_base == node {
                continue;
            }
            let relation = (name == "adapter_config.json").then(|| "adapter".to_owned());
            based(&node_of_base, label, &node, relation, key, &mut taken);
        }
    }
    Ok(taken)
}

fn based(
    base: &NodeRef,
    label: &str,
    node: &NodeRef,
    how: Option<String>,
    key: &str,
    taken: &mut Taken,
) {
    let facts = NodeFacts {
        label: Some(label.to_owned()),
        ..NodeFacts::default()
    };
    taken.node(base, &facts);
    let edge = EdgeFacts {
        how,
        note: Some(key.to_owned()),
        ..EdgeFacts::default()
    };
    taken.edge(base, EdgeKind::Base, node, edge);
}

/// The model that a file is about.
fn subject(top: &At<'_>, model: Option<&str>, taken: &mut Taken) -> Result<NodeRef, ImportError> {
    if let Some(model) = model {
        return top.named(NodeKind::Model, model);
    }
    if let Some(at) = top.get("model_name") {
        taken.note("the model is named by the card itself; --model names another");
        return at.node(NodeKind::Model);
    }
    Err(top.wrong("does not say which model it is about: give its id with --model"))
}

/// One word or several.
fn words(at: &At<'_>) -> Result<Vec<String>, ImportError> {
    at.each()?
        .iter()
        .map(|each| each.text().map(str::to_owned))
        .collect()
}

/// The YAML and the number of lines before it; `None` where the text does not begin with `---`.
fn front_matter(document: Document<'_>) -> Result<Option<(u64, &str)>, ImportError> {
    let text = document
        .text
        .strip_prefix('\u{FEFF}')
        .unwrap_or(document.text);
    let mut start = None;
    let mut offset = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let marks = line.trim_end() == "---";
        match start {
            None if line.trim().is_empty() => {}
            None if marks => start = Some((number, offset + line.len())),
            None => return Ok(None),
            Some((before, from)) if marks => {
                return Ok(text.get(from..offset).map(|yaml| (before, yaml)));
            }
            Some(_) => {}
        }
        offset += line.len();
    }
    match start {
        None => Ok(None),
        Some((line, _)) => Err(ImportError::Syntax {
            place: format!("{}:{line}", document.name),
            message: "the front matter is not closed: end it with a line of ---".to_owned(),
        }),
    }
}
