//! A data set as Croissant 1.1 with PROV: what it was derived from, and whose output stands in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use super::Dossier;
use super::is_sha256;
use super::is_time;
use super::pretty;
use super::reference;
use super::said;
use super::set;
use super::title;
use super::uuid;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeKind;

/// The context of Croissant 1.1 as its specification gives it, with PROV.
const CONTEXT: &str = r#"{
  "@language": "en",
  "@vocab": "https://schema.org/",
  "citeAs": "cr:citeAs",
  "column": "cr:column",
  "conformsTo": "dct:conformsTo",
  "containedIn": "cr:containedIn",
  "cr": "http://mlcommons.org/croissant/",
  "data": {"@id": "cr:data", "@type": "@json"},
  "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
  "dct": "http://purl.org/dc/terms/",
  "equivalentProperty": "cr:equivalentProperty",
  "examples": {"@id": "cr:examples", "@type": "@json"},
  "extract": "cr:extract",
  "field": "cr:field",
  "fileProperty": "cr:fileProperty",
  "fileObject": "cr:fileObject",
  "fileSet": "cr:fileSet",
  "format": "cr:format",
  "includes": "cr:includes",
  "isLiveDataset": "cr:isLiveDataset",
  "jsonPath": "cr:jsonPath",
  "key": "cr:key",
  "md5": "cr:md5",
  "parentField": "cr:parentField",
  "path": "cr:path",
  "prov": "http://www.w3.org/ns/prov#",
  "rai": "http://mlcommons.org/croissant/RAI/",
  "recordSet": "cr:recordSet",
  "references": "cr:references",
  "regex": "cr:regex",
  "repeated": "cr:repeated",
  "replace": "cr:replace",
  "samplingRate": "cr:samplingRate",
  "sc": "https://schema.org/",
  "separator": "cr:separator",
  "source": "cr:source",
  "subField": "cr:subField",
  "transform": "cr:transform"
}"#;

/// The data set that the dossier begins with.
///
/// # Errors
/// [`serde_json::Error`] never happens: the context above is JSON.
pub fn croissant(dossier: &Dossier) -> Result<String, serde_json::Error> {
    let context: Value = serde_json::from_str(CONTEXT)?;
    let mut out = json!({
        "@context": context,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
    });
    let Some(subject) = dossier.subject() else {
        return Ok(pretty(&out));
    };
    let node = &subject.node;
    let facts = &node.facts;
    let label = facts.label.as_ref().unwrap_or(&node.node.name);
    set(&mut out, "name", json!(label));
    set(
        &mut out,
        "identifier",
        json!(format!(
            "urn:uuid:{}",
            uuid(&dossier.log, &reference(&node.node))
        )),
    );
    set(&mut out, "description", json!(description(dossier)));
    if !node.node.version.is_empty() {
        set(&mut out, "version", json!(node.node.version));
    }
    if let Some(owner) = &facts.owner {
        set(
            &mut out,
            "creator",
            json!({"@type": "sc:Organization", "name": owner}),
        );
    }
    if let Some(license) = facts.more.get("license") {
        set(&mut out, "license", json!(license));
    }
    if let Some(url) = facts.more.get("url") {
        set(&mut out, "url", json!(url));
    }
    let published = facts.time.as_deref();
    if let Some(time) = published.filter(|time| is_time(time) || is_day(time)) {
        set(&mut out, "dateCreated", json!(time));
    }
    set(&mut out, "distribution", json!(distribution(dossier)));
    provenance(dossier, &mut out);
    Ok(pretty(&out))
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok()
}

/// What is recorded of the data set, in a few sentences.
fn description(dossier: &Dossier) -> String {
    let mut said = Vec::new();
    if let Some(subject) = dossier.subject() {
        if let Some(records) = subject.node.facts.records {
            said.push(format!("{records} rows."));
        }
        if let Some(note) = &subject.node.facts.note {
            said.push(note.clone());
        }
    }
    let generators = generators(dossier);
    if generators.is_empty() {
        said.push("No registered generated text is recorded in it; text that is not registered cannot be seen.".to_owned());
    } else {
        let names: Vec<&str> = generators.keys().map(String::as_str).collect();
        said.push(format!(
            "Registered output of these models is recorded in it: {}.",
            names.join(", ")
        ));
    }
    said.push(format!(
        "Made by herdbook from entry 0 to {} of the audit log {}.",
        dossier.log.entries.saturating_sub(1),
        dossier.log.origin
    ));
    said.join(" ")
}

fn distribution(dossier: &Dossier) -> Vec<Value> {
    let parts = dossier.parts.get(&0).map_or(&[][..], Vec::as_slice);
    let each = parts.iter().map(|part| {
        let name = part.path.as_deref().unwrap_or(&part.sha256);
        let mut file = json!({
            "@type": "cr:FileObject",
            "@id": format!("file:{}", part.sha256),
            "name": name,
            "contentUrl": name,
            "encodingFormat": encoding(name),
        });
        if is_sha256(&part.sha256) {
            set(&mut file, "sha256", json!(part.sha256));
        }
        if let Some(bytes) = part.bytes {
            set(&mut file, "contentSize", json!(format!("{bytes} B")));
        }
        file
    });
    each.collect()
}

/// The media type that a file name says.
fn encoding(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    let types = [
        (".jsonl", "application/jsonlines"),
        (".ndjson", "application/jsonlines"),
        (".json", "application/json"),
        (".parquet", "application/x-parquet"),
        (".arrow", "application/vnd.apache.arrow.file"),
        (".csv", "text/csv"),
        (".tsv", "text/tab-separated-values"),
        (".txt", "text/plain"),
    ];
    types
        .iter()
        .find(|(end, _)| name.ends_with(end))
        .map_or("application/octet-stream", |(_, media)| media)
}

/// Models whose registered output stands in the data set or in one that it came from, by label,
/// with their places.
fn generators(dossier: &Dossier) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (place, reached) in dossier.traced.walk.nodes.iter().enumerate() {
        if reached.node.node.kind == NodeKind::Source {
            for (at, model) in dossier.generators(place) {
                found.insert(model.node.label(), at);
            }
        }
    }
    found
}

fn provenance(dossier: &Dossier, out: &mut Value) {
    let mut derived = Vec::new();
    let mut steps = BTreeSet::new();
    for hop in dossier.edges_into(0) {
        let Some(from) = dossier.at(hop.from) else {
            continue;
        };
        let node = &from.node;
        if !matches!(hop.kind, EdgeKind::Derived | EdgeKind::Contained) {
            continue;
        }
        let mut entity = json!({
            "@type": "prov:Entity",
            "@id": format!("urn:uuid:{}", uuid(&dossier.log, &reference(&node.node))),
            "prov:label": title(node),
            "description": format!("{}: {}", hop.kind.as_str(), said(hop.origin, &hop.facts)),
        });
        if node.node.kind != NodeKind::Source
            && let Some(digest) = node.facts.digest.as_ref().filter(|d| is_sha256(d))
        {
            set(&mut entity, "sha256", json!(digest));
        }
        derived.push(entity);
        if let Some(how) = &hop.facts.how {
            steps.insert(how.as_str());
        }
    }
    if !derived.is_empty() {
        set(out, "prov:wasDerivedFrom", json!(derived));
    }
    if !steps.is_empty() {
        set(
            out,
            "prov:wasGeneratedBy",
            json!({"@type": "prov:Activity", "prov:label": Vec::from_iter(steps).join("; ")}),
        );
    }
    let generators = generators(dossier);
    let agents: Vec<Value> = generators
        .keys()
        .map(|label| json!({"@type": "prov:Agent", "prov:label": label}))
        .collect();
    if !agents.is_empty() {
        set(out, "prov:wasAttributedTo", json!(agents));
    }
    let terms: BTreeSet<&str> = generators
        .values()
        .filter_map(|place| dossier.traced.meanings.get(place))
        .filter(|meaning| meaning.known)
        .flat_map(|meaning| &meaning.licenses)
        .map(|license| license.link.as_str())
        .collect();
    if !terms.is_empty() {
        set(out, "usageInfo", json!(terms));
    }
}
