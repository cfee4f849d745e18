//! Croissant, 1.0 and 1.1: a data set, its files, what it was derived from and whose output it holds.
//!
//! Provenance may stand at the data set, at a file, a record set or a field; all of it is taken as
//! said of the data set, for the graph knows no parts of files.

use serde_json::Value;

use super::Document;
use super::ImportError;
use super::Taken;
use super::is_sha256;
use super::value::At;
use super::value::json;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Deepest nesting of record sets and fields that is looked into.
const LEVELS_MAX: usize = 8;
/// Namespace of PROV, as `@context` may spell it out.
const PROV: &str = "http://www.w3.org/ns/prov#";
/// Agents that are no generator.
const PEOPLE: [&str; 6] = [
    "prov:Person",
    "prov:Organization",
    "Person",
    "Organization",
    "sc:Person",
    "sc:Organization",
];

/// Reads a description. `version` is used where it names none.
///
/// # Errors
/// [`ImportError`] where it is not Croissant, or a key that is read holds something else.
pub fn croissant(document: Document<'_>, version: Option<&str>) -> Result<Taken, ImportError> {
    let value = json(document)?;
    let top = At::top(document.name, &value);
    let mut taken = Taken::default();
    let mut conforms = Vec::new();
    if let Some(at) = top.get("conformsTo").or_else(|| top.get("dct:conformsTo")) {
        for each in at.each()? {
            conforms.push(id_or_text(&each)?);
        }
    }
    if !conforms
        .iter()
        .any(|spec| spec.starts_with("http://mlcommons.org/croissant/1."))
    {
        return Err(ImportError::Foreign {
            place: document.name.to_owned(),
            message: format!(
                "is no Croissant 1.0 or 1.1: conformsTo says {}",
                if conforms.is_empty() {
                    "nothing".to_owned()
                } else {
                    conforms.join(", ")
                }
            ),
        });
    }
    let name = top.need("name")?;
    let stated = top.get("version").map(|at| scalar(&at)).transpose()?;
    let version = stated.or_else(|| version.map(str::to_owned));
    let node = name.dataset(name.text()?, version.as_deref().unwrap_or_default())?;
    if version.is_none() {
        taken.note(format!(
            "{node} has no version: give one with --dataset-version, so that a later one is another data set"
        ));
    }
    let mut facts = NodeFacts::default();
    for key in ["license", "url"] {
        if let Some(at) = top.get(key).or_else(|| top.get(&format!("sc:{key}"))) {
            let values: Result<Vec<String>, ImportError> =
                at.each()?.iter().map(id_or_text).collect();
            facts.more.insert(key.to_owned(), values?.join(", "));
        }
    }
    for key in ["dateCreated", "datePublished"] {
        if let Some(at) = top.get(key) {
            facts.time = Some(scalar(&at)?);
        }
    }
    if let Some(creator) = top.get("creator") {
        let mut names = Vec::new();
        for each in creator.each()? {
            match each.get("name") {
                Some(name) => names.push(name.text()?.to_owned()),
                None => names.push(id_or_text(&each)?),
            }
        }
        facts.owner = Some(names.join(", "));
    }
    taken.node(&node, &facts);
    let mut reader = Reader {
        to: node,
        taken: &mut taken,
    };
    reader.level(&top, 0)?;
    for file in top.list("distribution")? {
        reader.file(&file)?;
    }
    for set in top.list("recordSet")? {
        reader.set(&set, 1)?;
    }
    Ok(taken)
}

struct Reader<'a> {
    to: NodeRef,
    taken: &'a mut Taken,
}

impl Reader<'_> {
    fn file(&mut self, file: &At<'_>) -> Result<(), ImportError> {
        self.level(file, 0)?;
        let kind = kinds(file)?;
        if !kind.iter().any(|kind| kind.ends_with("FileObject")) {
            self.taken
                .pass("file sets and other distributions without a digest");
            return Ok(());
        }
        let Some(sha) = file.get("sha256") else {
            self.taken.pass("files without a sha256");
            return Ok(());
        };
        let text = sha.text()?.to_lowercase();
        if !is_sha256(&text) {
            return Err(sha.wrong("is no SHA-256: 64 hex digits are needed"));
        }
        let node = sha.named(NodeKind::File, &text)?;
        let mut label = None;
        for key in ["contentUrl", "name", "@id"] {
            if let (None, Some(at)) = (&label, file.get(key)) {
                label = Some(at.text()?.to_owned());
            }
        }
        self.taken.node(
            &node,
            &NodeFacts {
                label: label.clone(),
                digest: Some(text),
                ..NodeFacts::default()
            },
        );
        let facts = EdgeFacts {
            path: label,
            ..EdgeFacts::default()
        };
        self.taken
            .edge(&node, EdgeKind::Part, &self.to.clone(), facts);
        Ok(())
    }

    /// Record sets and fields: nothing but their provenance is of use here.
    fn set(&mut self, set: &At<'_>, level: usize) -> Result<(), ImportError> {
        if level > LEVELS_MAX {
            return Err(set.wrong(format!("is nested deeper than {LEVELS_MAX} levels")));
        }
        self.level(set, 0)?;
        if level == 1 {
            self.taken.pass("record sets (structure)");
        }
        for key in ["field", "subField", "annotation"] {
            if let Some(fields) = set.get(key) {
                for field in fields.each()? {
                    self.set(&field, level + 1)?;
                }
            }
        }
        Ok(())
    }

    /// The provenance that stands at one place.
    fn level(&mut self, at: &At<'_>, depth: usize) -> Result<(), ImportError> {
        if depth > LEVELS_MAX {
            return Err(at.wrong(format!("is nested deeper than {LEVELS_MAX} levels")));
        }
        let mut how = None;
        if let Some(activity) = prov(at, "wasGeneratedBy") {
            let mut words = Vec::new();
            for each in activity.each()? {
                words.push(labelled(&each)?);
                for key in ["used", "wasAssociatedWith"] {
                    if let Some(agents) = prov(&each, key) {
                        self.agents(&agents, key == "used")?;
                    }
                }
            }
            how = Some(words.join("; "));
        }
        for (key, derived) in [
            ("wasDerivedFrom", prov(at, "wasDerivedFrom")),
            (
                "isBasedOn",
                at.get("isBasedOn").or_else(|| at.get("sc:isBasedOn")),
            ),
        ] {
            let Some(derived) = derived else { continue };
            for each in derived.each()? {
                self.derived(&each, key, how.as_deref())?;
            }
        }
        if let Some(agents) = prov(at, "wasAttributedTo") {
            self.agents(&agents, false)?;
        }
        Ok(())
    }

    fn derived(&mut self, at: &At<'_>, key: &str, how: Option<&str>) -> Result<(), ImportError> {
        let label = labelled(at)?;
        // Our own export writes nodes as they are named here.
        let from = match NodeRef::parse(&label) {
            Ok(node)
                if matches!(
                    node.kind,
                    NodeKind::Dataset | NodeKind::Source | NodeKind::Model
                ) =>
            {
                node
            }
            _ => at.dataset(&label.replace('@', "_"), "")?,
        };
        let edge = match from.kind {
            NodeKind::Source => EdgeKind::Contained,
            NodeKind::Model => EdgeKind::Generated,
            NodeKind::File
            | NodeKind::Dataset
            | NodeKind::Run
            | NodeKind::Deployment
            | NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => EdgeKind::Derived,
        };
        if from.kind == NodeKind::Dataset {
            let mut facts = NodeFacts::default();
            if let Some(sha) = at.get("sha256") {
                let text = sha.text()?.to_lowercase();
                if !is_sha256(&text) {
                    return Err(sha.wrong("is no SHA-256: 64 hex digits are needed"));
                }
                facts.digest = Some(text);
            }
            self.taken.node(&from, &facts);
        }
        let facts = EdgeFacts {
            // How it was made is said of the whole, and only a derivation has a how.
            how: how.filter(|_| edge == EdgeKind::Derived).map(str::to_owned),
            note: Some(key.to_owned()),
            ..EdgeFacts::default()
        };
        self.taken.edge(&from, edge, &self.to.clone(), facts);
        Ok(())
    }

    /// Agents that a data set is attributed to: models, unless they say that they are people.
    fn agents(&mut self, agents: &At<'_>, only_software: bool) -> Result<(), ImportError> {
        for agent in agents.each()? {
            let kinds = kinds(&agent)?;
            let software = kinds.iter().any(|kind| kind.ends_with("SoftwareAgent"));
            if kinds.iter().any(|kind| PEOPLE.contains(&kind.as_str()))
                || (only_software && !software)
            {
                self.taken
                    .pass("agents that are people, and what activities used");
                continue;
            }
            let label = labelled(&agent)?;
            let model = agent.named(NodeKind::Model, &label)?;
            self.taken.node(
                &model,
                &NodeFacts {
                    label: Some(label.clone()),
                    ..NodeFacts::default()
                },
            );
            self.taken.note(format!(
                "{label:?} is taken for a model that generated text of {}: Croissant does not tell models from other agents",
                self.to
            ));
            self.taken.edge(
                &model,
                EdgeKind::Generated,
                &self.to.clone(),
                EdgeFacts::default(),
            );
        }
        Ok(())
    }
}

/// A key of PROV, however the document spells it.
fn prov<'a>(at: &At<'a>, key: &str) -> Option<At<'a>> {
    at.get(&format!("prov:{key}"))
        .or_else(|| at.get(&format!("{PROV}{key}")))
        .or_else(|| at.get(key))
}

/// What a thing says it is.
fn kinds(at: &At<'_>) -> Result<Vec<String>, ImportError> {
    match at.get("@type") {
        Some(kind) => kind
            .each()?
            .iter()
            .map(|kind| kind.text().map(str::to_owned))
            .collect(),
        None => Ok(Vec::new()),
    }
}

/// What a thing is called: its label, its name, its id, or itself.
fn labelled(at: &At<'_>) -> Result<String, ImportError> {
    for key in [
        "prov:label",
        "http://www.w3.org/2000/01/rdf-schema#label",
        "rdfs:label",
        "name",
        "sc:name",
    ] {
        if let Some(label) = at.get(key) {
            return Ok(label.text()?.to_owned());
        }
    }
    id_or_text(at)
}

fn id_or_text(at: &At<'_>) -> Result<String, ImportError> {
    for key in ["@id", "@value", "url", "name"] {
        if let Some(id) = at.get(key) {
            return Ok(id.text()?.to_owned());
        }
    }
    Ok(at.text()?.to_owned())
}

/// Text, or a number as it is written: versions are both.
fn scalar(at: &At<'_>) -> Result<String, ImportError> {
    match at.value {
        Value::Number(number) => Ok(number.to_string()),
        Value::Object(_) => id_or_text(at),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {
            Ok(at.text()?.to_owned())
        }
    }
}
