//! Runs of Weights & Biases, as their folder has them: `wandb-metadata.json`, `config.yaml`, manifests
//! of artifacts.
//!
//! Which artifacts a run read is known to the server alone; manifests in the folder are of those that
//! it logged. Base model and data sets are read from keys of the configuration that trainers use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Document;
use super::ImportError;
use super::Taken;
use super::mlflow::BASE_KEYS;
use super::mlflow::based;
use super::value::At;
use super::value::json;
use super::value::yaml;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;

/// Keys of a configuration that name what a run learns from.
const DATA_KEYS: [&str; 6] = [
    "dataset",
    "datasets",
    "dataset_name",
    "train_dataset",
    "train_file",
    "dataset_id",
];

/// Reads the files of a run's folder. `run` is its id, `model` the id of what it made.
///
/// # Errors
/// [`ImportError`] where a file is not what it should be, or neither metadata nor configuration is
/// there.
pub fn wandb(files: &[Document<'_>], run: &str, model: Option<&str>) -> Result<Taken, ImportError> {
    let mut taken = Taken::default();
    let empty = serde_json::Value::Null;
    let top = At::top(run, &empty);
    let node = top.named(NodeKind::Run, &format!("wandb:{run}"))?;
    let mut facts = NodeFacts::default();
    let mut read = false;
    for file in files {
        let name = file.name.rsplit('/').next().unwrap_or(file.name);
        match name {
            "wandb-metadata.json" => {
                read = true;
                let value = json(*file)?;
                let meta = At::top(file.name, &value);
                if let Some(at) = meta.get("startedAt") {
                    facts.time = Some(at.text()?.to_owned());
                }
                if let Some(at) = meta.get("username").or_else(|| meta.get("email")) {
                    facts.owner = Some(at.text()?.to_owned());
                }
                for (key, _) in meta.entries()? {
                    if !["startedAt", "username", "email"].contains(&key) {
                        taken.pass("keys of the metadata");
                    }
                }
            }
            "config.yaml" => {
                read = true;
                let value = yaml(*file, 0)?;
                if value.is_null() {
                    continue;
                }
                let config = At::top(file.name, &value);
                let mut base = false;
                for key in BASE_KEYS {
                    if let Some(at) = setting(&config, key).filter(|at| at.value.is_string()) {
                        if base {
                            taken.pass("settings");
                            continue;
                        }
                        base = true;
                        let model = at.node(NodeKind::Model)?;
                        based(&mut taken, &model, at.text()?, &node, key);
                    }
                }
                for (key, _) in config.entries()? {
                    if DATA_KEYS.contains(&key) {
                        data(&config, key, &node, &mut taken)?;
                    } else if !BASE_KEYS.contains(&key) {
                        taken.pass("settings");
                    }
                }
            }
            name if name.ends_with("manifest.json") => manifest(*file, &node, &mut taken)?,
            _ => taken.pass("other files of the run"),
        }
    }
    if !read {
        return Err(ImportError::Foreign {
            place: run.to_owned(),
            message: "neither wandb-metadata.json nor config.yaml stands in it: name the folder of one run, wandb/run-DATE-ID"
                .to_owned(),
        });
    }
    taken.node(&node, &facts);
    match model {
        Some(model) => {
            let made = top.named(NodeKind::Model, model)?;
            let facts = NodeFacts {
                label: Some(model.to_owned()),
                ..NodeFacts::default()
            };
            taken.node(&made, &facts);
            taken.edge(&node, EdgeKind::Produced, &made, EdgeFacts::default());
        }
        None => taken.note(format!(
            "no model that {node} made is known: name it with --model"
        )),
    }
    Ok(taken)
}

/// A setting: `key: {desc, value}`, or the value itself.
fn setting<'a>(config: &At<'a>, key: &str) -> Option<At<'a>> {
    let at = config.get(key)?;
    at.get("value").or(Some(at))
}

fn data(
    config: &At<'_>,
    key: &str,
    node: &crate::model::lineage::NodeRef,
    taken: &mut Taken,
) -> Result<(), ImportError> {
    let Some(at) = setting(config, key) else {
        return Ok(());
    };
    for each in at.each()? {
        // Some trainers write a mapping for each data set.
        let named = ["path", "name", "dataset"]
            .iter()
            .find_map(|key| each.get(key));
        let each = named.unwrap_or(each);
        if !each.value.is_string() {
            taken.pass("data sets of the configuration without a name");
            continue;
        }
        let set = each.dataset(&each.text()?.replace('@', "_"), "")?;
        let edge = EdgeFacts {
            note: Some(format!("setting {key}")),
            ..EdgeFacts::default()
        };
        taken.edge(&set, EdgeKind::Input, node, edge);
    }
    Ok(())
}

/// The manifest of an artifact that the run logged. Its entries are known by MD5 only.
fn manifest(
    file: Document<'_>,
    node: &crate::model::lineage::NodeRef,
    taken: &mut Taken,
) -> Result<(), ImportError> {
    let value = json(file)?;
    let top = At::top(file.name, &value);
    let contents = top.need("contents")?;
    let mut bytes = 0_u64;
    let mut lines = Vec::new();
    for (path, entry) in contents.entries()? {
        let digest = entry.need("digest")?;
        let md5 = STANDARD
            .decode(digest.text()?)
            .map_err(|_| digest.wrong("is no base64 of an MD5"))?;
        lines.push(format!("{}  {path}\n", hex::encode(md5)));
        if let Some(size) = entry.get("size") {
            bytes = bytes.saturating_add(size.count()?);
        }
    }
    // The order of keys is that of their names, so the same files give the same version.
    let digest = <sha2::Sha256 as sha2::Digest>::digest(lines.concat().as_bytes());
    let version: String = hex::encode(digest).chars().take(12).collect();
    let label = file
        .name
        .rsplit('/')
        .nth(1)
        .unwrap_or("artifact")
        .replace('@', "_");
    let set = top.dataset(&format!("wandb-artifact/{label}"), &version)?;
    let mut facts = NodeFacts {
        bytes: Some(bytes),
        ..NodeFacts::default()
    };
    facts
        .more
        .insert("files".to_owned(), lines.len().to_string());
    taken.node(&set, &facts);
    taken.edge(node, EdgeKind::Produced, &set, EdgeFacts::default());
    taken.note(format!(
        "{set} is recorded as something that {node} logged: its manifest names files by MD5, and the version is a digest over these"
    ));
    Ok(())
}
