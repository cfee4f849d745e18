//! Exports against the schemas that their makers publish (`fixtures/README.md`), and against what a
//! reader has to find in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jsonschema::Registry;
use jsonschema::Validator;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::model::lineage::Direction;
use crate::model::lineage::Meaning;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::Says;
use crate::model::lineage::Terms;
use crate::model::lineage::Walk;

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const OTHER: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";
const LLAMA: &str = "meta-llama/Llama-2-7b-chat-hf";

fn node(text: &str, facts: NodeFacts) -> Node {
    Node {
        node: NodeRef::parse(text).unwrap(),
        facts: Arc::new(facts),
    }
}

fn log() -> FromLog {
    FromLog {
        origin: "herdbook/log/1234".to_owned(),
        entries: 12,
        root: OTHER.to_owned(),
        time: "2026-11-22T12:00:00Z".to_owned(),
    }
}

fn facts_of_llama() -> NodeFacts {
    NodeFacts {
        label: Some(LLAMA.to_owned()),
        ..NodeFacts::default()
    }
}

fn terms() -> Terms {
    Terms {
        id: "llama-2".to_owned(),
        title: "Llama 2 Community License".to_owned(),
        link: "https://example.org/llama-2".to_owned(),
        says: vec![Says {
            section: "1.b.v".to_owned(),
            says: "outputs must not improve other models".to_owned(),
        }],
    }
}

/// Llama output, found in a mix, which trains a model by a run that began with a base.
#[expect(clippy::too_many_lines, reason = "one graph, written out")]
fn dossier(first: usize) -> Dossier {
    let mix = NodeFacts {
        digest: Some(SHA.to_owned()),
        records: Some(200),
        owner: Some("data team".to_owned()),
        note: Some("merged \"by hand\" \u{202e}".to_owned()),
        entry: Some(3),
        ..NodeFacts::default()
    };
    let run = NodeFacts {
        state: Some("finished".to_owned()),
        time: Some("2026-11-21T08:00:00Z".to_owned()),
        entry: Some(5),
        ..NodeFacts::default()
    };
    let mut nodes = vec![
        node("model:acme/y", NodeFacts::default()),
        node("run:sft", run),
        node("dataset:acme/mix@v3", mix),
        node("model:base/b", NodeFacts::default()),
        node("dataset:acme/raw@v1", NodeFacts::default()),
        node("source:answers", NodeFacts::default()),
        node("model:meta-llama/llama-2-7b-chat-hf", facts_of_llama()),
    ];
    let mut edges = vec![
        (1, 0, EdgeKind::Produced, Origin::Declared),
        (2, 1, EdgeKind::Input, Origin::Declared),
        (3, 1, EdgeKind::Base, Origin::Declared),
        (4, 2, EdgeKind::Derived, Origin::Imported),
        (5, 2, EdgeKind::Contained, Origin::Found),
        (6, 5, EdgeKind::Generated, Origin::Registered),
    ];
    nodes.drain(..first);
    edges.retain(|(from, to, ..)| *from >= first && *to >= first);
    let hop = |(from, to, kind, origin): (usize, usize, EdgeKind, Origin)| Hop {
        from: from - first,
        to: to - first,
        kind,
        origin,
        facts: Arc::new(match kind {
            EdgeKind::Contained => EdgeFacts {
                records: Some(7),
                of: Some(200),
                level: Some("block".to_owned()),
                entry: Some(8),
                ..EdgeFacts::default()
            },
            EdgeKind::Derived => EdgeFacts {
                how: Some("filter".to_owned()),
                ..EdgeFacts::default()
            },
            EdgeKind::Generated
            | EdgeKind::Part
            | EdgeKind::Input
            | EdgeKind::Base
            | EdgeKind::Used
            | EdgeKind::Trained
            | EdgeKind::Produced
            | EdgeKind::Deployed
            | EdgeKind::Checked
            | EdgeKind::Approved
            | EdgeKind::Affects => EdgeFacts::default(),
        }),
    };
    let meaning = Meaning {
        means: "Llama 2".to_owned(),
        licenses: vec![terms()],
        known: true,
    };
    Dossier {
        log: log(),
        traced: Traced {
            walk: Walk {
                direction: Direction::Upstream,
                depth_max: None,
                nodes: nodes
                    .into_iter()
                    .zip(0..)
                    .map(|(node, depth)| Reached {
                        node,
                        depth,
                        cut: 0,
                    })
                    .collect(),
                edges: edges.into_iter().map(hop).collect(),
            },
            meanings: BTreeMap::from([(6 - first, meaning)]),
            entries: 12,
            warnings: vec!["source:answers was found and is declared nowhere".to_owned()],
        },
        parts: BTreeMap::from([(
            2 - first,
            vec![Part {
                sha256: OTHER.to_owned(),
                path: Some("train.jsonl".to_owned()),
                rows: Some(200),
                bytes: Some(4096),
            }],
        )]),
        checks: vec![Checked {
            entry: 8,
            verdict: "block".to_owned(),
            time: "2026-11-22T11:00:00Z".to_owned(),
            digest: SHA.to_owned(),
            policy: OTHER.to_owned(),
            target: Some("acme/y".to_owned()),
            rows: Some(200),
            of: 2 - first,
        }],
    }
}

fn schema(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/schemas")
        .join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn wrong(validator: &Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The validator of a version with its sibling schemas.
fn cyclonedx_validator(version: &str) -> Validator {
    let mut registry = Registry::new();
    for name in ["jsf-0.82", "spdx", "cryptography-defs"] {
        let file = format!("{name}.schema.json");
        let id = format!("http://cyclonedx.org/schema/{file}");
        registry = registry
            .add(id, schema(&format!("cyclonedx/{file}")))
            .unwrap();
    }
    let registry = registry.prepare().unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&schema(&format!("cyclonedx/bom-{version}.schema.json")))
        .unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn cyclonedx_keeps_to_both_published_schemas() {
    for (version, word) in [
        (CycloneDxVersion::V1_6, "1.6"),
        (CycloneDxVersion::V1_7, "1.7"),
    ] {
        let validator = cyclonedx_validator(word);
        // A model, a run, a data set.
        for first in 0..3 {
            let bom = parsed(&cyclonedx(&dossier(first), version));
            assert_eq!(wrong(&validator, &bom), Vec::<String>::new());
            assert_eq!(bom["specVersion"], word);
        }
        let mut broken = parsed(&cyclonedx(&dossier(2), version));
        *broken
            .pointer_mut("/metadata/component/hashes/0/alg")
            .unwrap() = json!("XXH3");
        assert!(!wrong(&validator, &broken).is_empty());
    }
}

#[test]
fn cyclonedx_names_the_generator_its_license_and_the_evidence() {
    let bom = parsed(&cyclonedx(&dossier(0), CycloneDxVersion::V1_7));
    let components = bom["components"].as_array().unwrap();
    let of = |name: &str| {
        components
            .iter()
            .find(|component| component["bom-ref"] == name)
            .unwrap_or_else(|| panic!("{name}: {components:#?}"))
    };
    let llama = of("model:meta-llama/llama-2-7b-chat-hf");
    assert_eq!(llama["type"], "machine-learning-model");
    assert_eq!(llama["group"], "meta-llama");
    assert_eq!(
        llama["licenses"][0]["license"]["name"],
        "Llama 2 Community License"
    );
    assert!(llama["licenses"].to_string().contains("1.b.v"));
    let mix = of("dataset:acme/mix@v3");
    assert_eq!(mix["hashes"], json!([{"alg": "SHA-256", "content": SHA}]));
    assert_eq!(mix["components"][0]["hashes"][0]["content"], OTHER);
    assert_eq!(mix["pedigree"]["ancestors"][0]["name"], "acme/raw");
    assert_eq!(mix["pedigree"]["variants"][0]["name"], "answers");
    assert!(
        mix["properties"]
            .to_string()
            .contains("found, 7 of 200 rows, level block, log entry 8")
    );
    // The run is no component: what it read is what its model depends on.
    let model = &bom["metadata"]["component"];
    assert_eq!(model["pedigree"]["ancestors"][0]["name"], "base/b");
    assert_eq!(
        model["modelCard"]["modelParameters"]["datasets"],
        json!([{"ref": "dataset:acme/mix@v3#data"}])
    );
    let depends = |name: &str| {
        bom["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["ref"] == name)
            .unwrap()["dependsOn"]
            .clone()
    };
    assert_eq!(
        depends("model:acme/y"),
        json!(["dataset:acme/mix@v3", "model:base/b"])
    );
    assert_eq!(
        depends("source:answers"),
        json!(["model:meta-llama/llama-2-7b-chat-hf"])
    );
    let claim = &bom["declarations"]["claims"][0];
    assert_eq!(claim["target"], "dataset:acme/mix@v3");
    let evidence = &bom["declarations"]["evidence"][0];
    assert_eq!(claim["evidence"], json!([evidence["bom-ref"]]));
    assert!(evidence.to_string().contains(&format!("sha256:{SHA}")));
    assert!(evidence.to_string().contains("Entry 8"));
}

/// No name stands twice, and nothing points at what is not there.
#[test]
fn references_of_a_bill_of_materials_are_closed() {
    fn gather(value: &Value, names: &mut Vec<String>, used: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("bom-ref", Value::String(name)) => names.push(name.clone()),
                        ("ref" | "target", Value::String(name)) => used.push(name.clone()),
                        ("dependsOn", Value::Array(list)) => {
                            used.extend(list.iter().map(|name| name.as_str().unwrap().to_owned()));
                        }
                        (_, value) => gather(value, names, used),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| gather(value, names, used)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for first in 0..3 {
        let bom = parsed(&cyclonedx(&dossier(first), CycloneDxVersion::V1_7));
        let (mut names, mut used) = (Vec::new(), Vec::new());
        gather(&bom, &mut names, &mut used);
        assert!(used.len() > 5);
        for name in &used {
            assert!(names.contains(name), "{name} is not there: {names:?}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
    }
}

fn upstream(from: Node, kind: EdgeKind, origin: Origin, facts: EdgeFacts) -> Upstream {
    Upstream {
        from,
        kind,
        origin,
        facts,
        time: Some("2026-11-22T10:00:00Z".to_owned()),
    }
}

fn ledger() -> Ledger {
    let dossier = dossier(0);
    let nodes = dossier.traced.walk.nodes.iter().enumerate();
    let mut listed: Vec<Listed> = nodes
        .map(|(place, reached)| Listed {
            node: reached.node.clone(),
            time: Some("2026-11-22T10:00:00Z".to_owned()),
            edges: dossier
                .edges_into(place)
                .map(|hop| {
                    let from = dossier.at(hop.from).unwrap().node.clone();
                    upstream(from, hop.kind, hop.origin, hop.facts.as_ref().clone())
                })
                .collect(),
        })
        .collect();
    // The run made two models.
    let run = listed[1].node.clone();
    listed.push(Listed {
        node: node("model:acme/z", NodeFacts::default()),
        time: None,
        edges: vec![upstream(
            run,
            EdgeKind::Produced,
            Origin::Declared,
            EdgeFacts::default(),
        )],
    });
    listed.sort_by(|a, b| a.node.node.cmp(&b.node.node));
    Ledger {
        log: dossier.log,
        nodes: listed,
        checks: vec![LedgerCheck {
            entry: 8,
            time: "2026-11-22T11:00:00Z".to_owned(),
            verdict: "block".to_owned(),
            digest: SHA.to_owned(),
            policy: OTHER.to_owned(),
            target: None,
            tally: BTreeMap::from([("read".to_owned(), 200), ("block".to_owned(), 7)]),
            files: vec![CheckedFile {
                path: "=cmd|' /C calc'!A0.jsonl".to_owned(),
                sha256: Some(OTHER.to_owned()),
                rows: 200,
                sources: vec![FoundSource {
                    source: "answers".to_owned(),
                    models: vec![LLAMA.to_owned()],
                    rows: 7,
                    level: "block".to_owned(),
                }],
            }],
        }],
    }
}

/// Facet by name, the file of its schema and its definition.
const FACETS: [(&str, &str, &str); 7] = [
    ("test", "TestRunFacet", "TestRunFacet"),
    ("tags", "TagsDatasetFacet", "TagsDatasetFacet"),
    (
        "version",
        "DatasetVersionDatasetFacet",
        "DatasetVersionDatasetFacet",
    ),
    (
        "ownership",
        "OwnershipDatasetFacet",
        "OwnershipDatasetFacet",
    ),
    ("jobType", "JobTypeJobFacet", "JobTypeJobFacet"),
    (
        "dataQualityAssertions",
        "DataQualityAssertionsDatasetFacet",
        "DataQualityAssertionsDatasetFacet",
    ),
    ("lineage", "LineageFacet", ""),
];

fn facets_of(value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "facets" || key == "inputFacets" {
                    for (name, facet) in value.as_object().unwrap() {
                        found.push((name.clone(), facet.clone()));
                    }
                }
                facets_of(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| facets_of(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn openlineage_keeps_to_the_published_schemas() {
    let spec = "https://openlineage.io/spec/2-0-2/OpenLineage.json";
    let registry = Registry::new()
        .add(spec, schema("openlineage/OpenLineage.json"))
        .unwrap()
        .prepare()
        .unwrap();
    let build = |schema: &Value| {
        jsonschema::options()
            .should_validate_formats(true)
            .with_registry(&registry)
            .build(schema)
            .unwrap()
    };
    let events = build(&schema("openlineage/OpenLineage.json"));
    let lines = openlineage(&ledger(), "acme");
    let mut known = 0;
    for line in lines.lines() {
        let event = parsed(line);
        assert_eq!(wrong(&events, &event), Vec::<String>::new(), "{event:#}");
        let mut facets = Vec::new();
        facets_of(&event, &mut facets);
        for (name, facet) in facets {
            let Some((_, file, definition)) = FACETS.iter().find(|(known, ..)| *known == name)
            else {
                assert!(name.starts_with("herdbook_"), "{name}");
                continue;
            };
            let whole = schema(&format!("openlineage/{file}.json"));
            // Each facet says which version it keeps to: that of the vendored schema.
            let url = facet["_schemaURL"].as_str().unwrap();
            let (document, pointer) = url.split_once('#').unwrap();
            assert_eq!(document, whole["$id"], "{name}");
            let mut one = whole.clone();
            one.as_object_mut().unwrap().remove("properties");
            one["$ref"] = json!(format!("#{pointer}"));
            assert_eq!(wrong(&build(&one), &facet), Vec::<String>::new(), "{name}");
            assert!(definition.is_empty() || url.ends_with(definition));
            known += 1;
        }
    }
    assert!(known > 15, "{known} facets were held to their schemas");
    let mut broken = parsed(lines.lines().next().unwrap());
    broken.as_object_mut().unwrap().remove("producer");
    assert!(!wrong(&events, &broken).is_empty());
}

#[test]
fn openlineage_never_multiplies_inputs_and_outputs() {
    let lines = openlineage(&ledger(), "acme");
    let events: Vec<Value> = lines.lines().map(parsed).collect();
    let of_run = events
        .iter()
        .filter(|event| event["job"]["name"] == "sft")
        .collect::<Vec<_>>();
    // One for each of its models, both of the same run.
    assert_eq!(of_run.len(), 2);
    assert_eq!(of_run[0]["run"]["runId"], of_run[1]["run"]["runId"]);
    for event in &of_run {
        assert_eq!(event["outputs"].as_array().unwrap().len(), 1);
        let entries = &event["job"]["facets"]["lineage"]["entries"];
        assert_eq!(entries[0]["name"], event["outputs"][0]["name"]);
        assert_eq!(entries[0]["inputs"].as_array().unwrap().len(), 2);
    }
    assert!(events.iter().all(|event| {
        event["outputs"]
            .as_array()
            .is_none_or(|outputs| outputs.len() <= 1)
    }));
    let check = events
        .iter()
        .find(|event| event["job"]["name"] == "herdbook.check")
        .unwrap();
    assert_eq!(check["eventType"], "FAIL");
    let assertion = &check["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"][0];
    assert_eq!(
        (&assertion["success"], &assertion["actual"]),
        (&json!(false), &json!("7"))
    );
    // The generator stands before its text, the text before the mix.
    let generated = events
        .iter()
        .find(|event| event["dataset"]["name"] == "answers")
        .unwrap();
    let from = &generated["dataset"]["facets"]["lineage"]["inputs"][0];
    assert_eq!(
        (&from["namespace"], &from["name"]),
        (&json!("acme.model"), &json!(LLAMA))
    );
    // Times never go back.
    let times: Vec<&str> = events
        .iter()
        .map(|event| event["eventTime"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn the_same_log_gives_the_same_bytes_and_another_log_other_ids() {
    let id = |log: &FromLog| uuid(log, "run:sft");
    let other = FromLog {
        origin: "another".to_owned(),
        ..log()
    };
    assert_eq!(id(&log()), id(&log()));
    assert_ne!(id(&log()), id(&other));
    assert_ne!(id(&log()), uuid(&log(), "run:sft2"));
    let text = id(&log());
    // 8-4-4-4-12, version 8, variant of RFC 9562.
    assert_eq!(
        text.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
    assert_eq!(text.as_bytes()[14], b'8');
    assert!(b"89ab".contains(&text.as_bytes()[19]));
    assert_eq!(openlineage(&ledger(), "a"), openlineage(&ledger(), "a"));
}

#[test]
fn croissant_says_what_it_was_derived_from_and_whose_output_it_holds() {
    let text = croissant(&dossier(2)).unwrap();
    let set = parsed(&text);
    assert_eq!(set["conformsTo"], "http://mlcommons.org/croissant/1.1");
    assert_eq!(
        (&set["name"], &set["version"]),
        (&json!("acme/mix"), &json!("v3"))
    );
    assert_eq!(set["distribution"][0]["sha256"], OTHER);
    assert_eq!(set["prov:wasAttributedTo"][0]["prov:label"], LLAMA);
    let labels: Vec<&str> = set["prov:wasDerivedFrom"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["prov:label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["dataset:acme/raw@v1", "source:answers"]);
    assert_eq!(set["usageInfo"], json!(["https://example.org/llama-2"]));
}

#[test]
fn the_eu_summary_lists_generators_and_never_answers_no() {
    let summary = EuSummary::of(&dossier(0));
    let json = serde_json::to_value(&summary).unwrap();
    let synthetic = &json["synthetic"];
    assert_eq!(synthetic["was_used"], "yes");
    assert_eq!(synthetic["on_the_market"][0]["model"], LLAMA);
    let through = &synthetic["on_the_market"][0]["through"][0];
    assert_eq!(
        (&through["rows"], &through["of_rows"]),
        (&json!(7), &json!(200))
    );
    assert_eq!(json["dependencies"][0]["model"], "base/b");
    let page = summary.markdown();
    assert!(page.contains("**Yes**") && page.contains(LLAMA), "{page}");
    assert!(page.contains("## Not filled in"));

    let mut silent = dossier(0);
    silent.traced.walk.nodes.truncate(4);
    silent.traced.walk.edges.retain(|hop| hop.from < 4);
    let json = serde_json::to_value(EuSummary::of(&silent)).unwrap();
    assert_eq!(json["synthetic"]["was_used"], Value::Null);
    assert!(
        EuSummary::of(&silent)
            .markdown()
            .contains("**Not answered**")
    );
}

/// Every cell, read back by the reader of the same crate, formulas disarmed.
#[test]
fn tables_hold_no_formula_and_are_read_back_whole() {
    let rows = [tables::FindingRow {
        entry: 8,
        path: "=HYPERLINK(\"http://x\")".to_owned(),
        column: Some("-1+1".to_owned()),
        model: Some("@SUM(A1)\r\nnext, \"quoted\"".to_owned()),
        reason: "plain, with a comma".to_owned(),
        ..tables::FindingRow::default()
    }];
    let text = tables::findings(&rows).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 1);
    let cell = |name: &str| {
        let place = headings.iter().position(|heading| heading == name).unwrap();
        &records[0][place]
    };
    assert_eq!(cell("path"), "'=HYPERLINK(\"http://x\")");
    assert_eq!(cell("column"), "'-1+1");
    assert_eq!(cell("model"), "'@SUM(A1)\r\nnext, \"quoted\"");
    assert_eq!(cell("reason"), "plain, with a comma");
    for table in [
        tables::edges(&ledger()).unwrap(),
        tables::nodes(&ledger()).unwrap(),
        tables::checks(&ledger()).unwrap(),
    ] {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let width = reader.headers().unwrap().len();
        let mut count = 0;
        for record in reader.records().map(Result::unwrap) {
            assert_eq!(record.len(), width);
            assert!(
                record
                    .iter()
                    .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r']))
            );
            count += 1;
        }
        assert!(count > 0 && table.ends_with("\r\n"));
    }
    let edges = tables::edges(&ledger()).unwrap();
    assert!(edges.contains(
        "source:answers,contained,dataset:acme/mix@v3,found,7,200,,,block,,,8,2026-11-22T10:00:00Z\r\n"
    ));
}
