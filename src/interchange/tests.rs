//! Files that other tools wrote (`fixtures/interchange`), and such as nobody should write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> String {
    fs::read_to_string(home().join(name)).unwrap()
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interchange")
}

fn doc<'a>(name: &'a str, text: &'a str) -> Document<'a> {
    Document { name, text }
}

/// Edges as `FROM edge TO`, in order.
fn edges(taken: &Taken) -> Vec<String> {
    let (_, edges) = taken.clone().claims();
    edges
        .iter()
        .map(|claim| format!("{} {} {}", claim.from, claim.edge.as_str(), claim.to))
        .collect()
}

fn facts(taken: &Taken, node: &str) -> NodeFacts {
    let node = NodeRef::parse(node).unwrap();
    taken
        .nodes
        .get(&node)
        .cloned()
        .unwrap_or_else(|| panic!("{node}: {:#?}", taken.nodes))
}

const RUN: &str = "run:acme-train/tokenise:0192f3c1-7e5a-7c3e-9b1a-2f6d0e8a4c11";

/// What `openlineage-python` wrote.
#[test]
fn openlineage_edges_are_those_that_the_events_say() {
    let text = fixture("openlineage.ndjson");
    let taken = openlineage(doc("events.ndjson", &text), &[]).unwrap();
    let raw = "dataset:s3://acme/raw/chat@abababababab";
    assert_eq!(
        edges(&taken),
        [
            format!("{raw} derived dataset:s3://acme/mix@v3"),
            format!("{raw} input {RUN}"),
            "dataset:s3://acme/raw/extra derived dataset:s3://acme/mix@v3".to_owned(),
            "dataset:s3://acme/raw/extra derived dataset:s3://acme/mix-report".to_owned(),
            format!("{RUN} produced dataset:s3://acme/tokens"),
        ]
    );
    let known = facts(&taken, raw);
    assert_eq!(known.digest, Some("ab".repeat(32)));
    assert_eq!(known.owner.as_deref(), Some("data team"));
    // Started, then finished: the same run, in its later state.
    assert_eq!(facts(&taken, RUN).state.as_deref(), Some("finished"));
    assert_eq!(taken.passed.get("facets schema"), Some(&3));
    assert!(
        taken
            .notes
            .iter()
            .any(|note| note.contains("made several things"))
    );
}

#[test]
fn openlineage_is_read_from_an_array_and_from_many_lines_alike() {
    let text = fixture("openlineage.ndjson");
    let lines = openlineage(doc("x", &text), &[]).unwrap();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let array = serde_json::to_string_pretty(&events).unwrap();
    assert_eq!(openlineage(doc("x", &array), &[]).unwrap(), lines);
    let many: Vec<String> = events
        .iter()
        .map(|event| format!("{event:#}\n\n"))
        .collect();
    let many = many.concat();
    assert_eq!(openlineage(doc("x", &many), &[]).unwrap(), lines);
}

#[test]
fn openlineage_knows_models_by_their_namespace() {
    let event = r#"{"eventTime":"2026-11-20T10:00:00Z","eventType":"COMPLETE","run":{"runId":"r1"},"job":{"namespace":"j","name":"train"},
        "inputs":[{"namespace":"hf","name":"Org/Base"},{"namespace":"s3","name":"mix"}],"outputs":[{"namespace":"acme.model","name":"acme-x"}]}"#;
    let taken = openlineage(doc("x", event), &["hf".to_owned()]).unwrap();
    assert_eq!(
        edges(&taken),
        [
            "model:org/base base run:j/train:r1",
            "dataset:s3/mix input run:j/train:r1",
            "run:j/train:r1 produced model:acme-x",
        ]
    );
    assert_eq!(
        facts(&taken, "model:org/base").label.as_deref(),
        Some("Org/Base")
    );
}

#[test]
fn errors_name_the_line_and_the_key() {
    let good = r#"{"eventTime":"t","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}"#;
    for (text, said) in [
        (
            format!("{good}\n\n{{\"run\":{{}},\"job\":{{}},\"eventTime\":\"t\"}}\n"),
            "e:3: run.runId: is missing",
        ),
        (format!("{good}\n{{\"run\":"), "e:2:"),
        (
            format!("{good}\n{{\"x\":1}}"),
            "e:2: the document: is no OpenLineage event",
        ),
        (
            r#"[{"run":{"runId":7},"job":{}}]"#.to_owned(),
            "e: event 0: run.runId: is a number",
        ),
        (String::new(), "no event stands in it"),
    ] {
        let error = openlineage(doc("e", &text), &[]).unwrap_err().to_string();
        assert!(error.contains(said), "{error}\nnot: {said}");
    }
}

#[test]
fn croissant_gives_files_origins_and_generators() {
    let text = fixture("croissant-1.0.json");
    let taken = croissant(doc("c.json", &text), None).unwrap();
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    assert_eq!(
        edges(&taken),
        [
            "model:meta-llama/llama-3.1-70b-instruct generated dataset:acme-chat@1.2.0".to_owned(),
            format!("file:{sha} part dataset:acme-chat@1.2.0"),
            "dataset:https://example.org/raw-questions derived dataset:acme-chat@1.2.0".to_owned(),
            "dataset:seed tasks derived dataset:acme-chat@1.2.0".to_owned(),
        ]
    );
    assert_eq!(
        facts(&taken, "dataset:acme-chat@1.2.0").owner.as_deref(),
        Some("Acme")
    );
    assert_eq!(
        taken
            .passed
            .get("file sets and other distributions without a digest"),
        Some(&1)
    );
    assert_eq!(
        taken
            .passed
            .get("agents that are people, and what activities used"),
        Some(&1)
    );
    let later = text.replace("croissant/1.0", "croissant/1.1");
    assert_eq!(croissant(doc("c.json", &later), None).unwrap(), taken);
    let other = text.replace("croissant/1.0", "croissant/2.0");
    let error = croissant(doc("c.json", &other), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("c.json: is no Croissant 1.0 or 1.1"),
        "{error}"
    );
    let short = text.replace(sha, "9f86");
    let error = croissant(doc("c.json", &short), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("c.json: distribution[0].sha256: is no SHA-256"),
        "{error}"
    );
}

#[test]
fn a_card_gives_base_and_data_sets() {
    let text = fixture("card.md");
    let taken = card(doc("README.md", &text), Some("acme/x")).unwrap();
    assert_eq!(
        edges(&taken),
        [
            "model:mistralai/mistral-7b-v0.3 base model:acme/x",
            "dataset:HuggingFaceH4/ultrachat_200k trained model:acme/x",
            "dataset:acme/mix trained model:acme/x",
        ]
    );
    let (_, all) = taken.clone().claims();
    assert_eq!(all[0].facts.how.as_deref(), Some("finetune"));
    assert_eq!(taken.passed.get("card key tags"), Some(&1));
    let error = card(doc("README.md", &text), None).unwrap_err().to_string();
    assert!(error.contains("--model"), "{error}");
    let twice = text.replace("tags:", "license:");
    let error = card(doc("README.md", &twice), Some("x"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("README.md:9:"), "{error}");
    let open = "---\nlicense: mit\n";
    assert!(card(doc("README.md", open), Some("x")).is_err());
    let adapter = r#"{"base_model_name_or_path": "meta-llama/Llama-3.1-8B"}"#;
    let taken = card_folder(&[doc("out/adapter_config.json", adapter)], Some("acme/a")).unwrap();
    assert_eq!(
        edges(&taken),
        ["model:meta-llama/llama-3.1-8b base model:acme/a"]
    );
}

#[test]
fn dvc_stages_are_runs_between_versions_by_md5() {
    let text = fixture("dvc.lock");
    let models = BTreeMap::from([("models/final".to_owned(), "acme-x".to_owned())]);
    let (taken, outs) = dvc(doc("dvc.lock", &text), &models).unwrap();
    let all = edges(&taken);
    let run = |prefix: &str| {
        all.iter()
            .find_map(|edge| edge.split(' ').find(|word| word.starts_with(prefix)))
            .unwrap_or_else(|| panic!("{prefix}: {all:#?}"))
    };
    let (mix, train) = (run("run:dvc:mix:"), run("run:dvc:train:"));
    for edge in [
        format!("dataset:raw.jsonl@5d41402abc4b input {mix}"),
        format!("{mix} produced dataset:mix.jsonl@7d793037a076"),
        format!("dataset:mix.jsonl@7d793037a076 input {train}"),
        format!("{train} produced model:acme-x"),
    ] {
        assert!(all.contains(&edge), "{edge}: {all:#?}");
    }
    let raw = facts(&taken, "dataset:raw.jsonl@5d41402abc4b");
    assert_eq!(
        raw.more.get("md5").unwrap(),
        "5d41402abc4b2a76b9719d911017c592"
    );
    assert_eq!((raw.digest, raw.bytes), (None, Some(5)));
    assert_eq!(outs.len(), 5);
    assert_eq!(taken.passed.get("stage key params"), Some(&1));
    // The same lock again is the same run; another input another one.
    let (again, _) = dvc(doc("dvc.lock", &text), &models).unwrap();
    assert_eq!(again, taken);
    let changed = text.replace("5d41402abc4b2a76b9719d911017c592", &"ab".repeat(16));
    let (changed, _) = dvc(doc("dvc.lock", &changed), &models).unwrap();
    assert!(!edges(&changed).iter().any(|edge| edge.contains(mix)));
    let wrong = text.replace("5d41402abc4b2a76b9719d911017c592", "beef");
    let error = dvc(doc("dvc.lock", &wrong), &models)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("stages.mix.deps[1]: has \"beef\" for an MD5"),
        "{error}"
    );
}

/// What `mlflow` wrote, both ways: the same statements.
#[test]
fn mlflow_folder_and_json_say_the_same() {
    let text = fixture("mlflow-run.json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = value["info"]["run_id"].as_str().unwrap();
    let by_json = mlflow_json(doc("run.json", &text), Some("acme-x")).unwrap();
    let experiment = home().join("mlruns/1");
    let mut files = Vec::new();
    for entry in walk(&experiment) {
        let name = entry
            .strip_prefix(&experiment)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        files.push((name, fs::read_to_string(&entry).unwrap()));
    }
    files.sort();
    let files: Vec<Document<'_>> = files.iter().map(|(name, text)| doc(name, text)).collect();
    let by_folder = mlflow_folder(&files, id, Some("acme-x")).unwrap();
    assert_eq!(edges(&by_folder), edges(&by_json));
    assert_eq!(by_folder.nodes, by_json.nodes);
    assert_eq!(
        edges(&by_json),
        [
            format!("model:mistralai/mistral-7b-v0.3 base run:mlflow:{id}"),
            format!("dataset:acme/mix@1a2b3c4d input run:mlflow:{id}"),
            format!("run:mlflow:{id} produced model:acme-x"),
        ]
    );
    let run = facts(&by_json, &format!("run:mlflow:{id}"));
    assert_eq!(
        (run.label.as_deref(), run.state.as_deref()),
        (Some("sft-1"), Some("finished"))
    );
    assert!(run.time.unwrap().starts_with("2026-11-22T"));
    // What it was tested with did not go into it.
    let tested = text.replace("\"training\"", "\"eval\"");
    let tested = mlflow_json(doc("run.json", &tested), Some("acme-x")).unwrap();
    assert_eq!(edges(&tested).len(), 2);
    let named = mlflow_json(doc("run.json", &text), None).unwrap();
    assert!(named.notes.iter().any(|note| note.contains("--model")));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(walk(&path));
        } else {
            out.push(path);
        }
    }
    out
}

#[test]
fn wandb_runs_are_read_from_their_configuration() {
    let base = "wandb/run-20261120_101112-abcd1234/files";
    let meta = fixture(&format!("{base}/wandb-metadata.json"));
    let config = fixture(&format!("{base}/config.yaml"));
    // Base64 of the MD5 of nothing.
    let manifest =
        r#"{"version":1,"contents":{"model.bin":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":9}}}"#;
    let files = [
        doc("r/files/wandb-metadata.json", &meta),
        doc("r/files/config.yaml", &config),
        doc("r/files/out/wandb_manifest.json", manifest),
    ];
    let taken = wandb(&files, "abcd1234", Some("acme-x")).unwrap();
    let all = edges(&taken);
    assert_eq!(all.len(), 4, "{all:#?}");
    for edge in [
        "model:mistralai/mistral-7b-v0.3 base run:wandb:abcd1234",
        "dataset:acme/mix input run:wandb:abcd1234",
        "run:wandb:abcd1234 produced model:acme-x",
    ] {
        assert!(all.contains(&edge.to_owned()), "{all:#?}");
    }
    assert!(all.iter().any(|edge| edge.starts_with("run:wandb:abcd1234 produced dataset:wandb-artifact/out@")));
    let run = facts(&taken, "run:wandb:abcd1234");
    assert_eq!(run.owner.as_deref(), Some("trainer@example.org"));
    assert!(wandb(&files[2..], "abcd1234", None).is_err());
    let bad = manifest.replace("1B2M2Y8AsgTpgAmY7PhCfg==", "?");
    let error = wandb(&[doc("m/manifest.json", &bad)], "x", None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("contents.model.bin.digest"), "{error}");
}

/// What a hostile file asks for is an error with a limit, not a crash or an hour.
#[test]
fn hostile_files_are_refused() {
    let deep = "[".repeat(100_000);
    assert!(openlineage(doc("x", &deep), &[]).is_err());
    assert!(croissant(doc("x", &deep), None).is_err());
    assert!(mlflow_json(doc("x", &deep), None).is_err());
    let deep_yaml = format!("stages: {}", "[".repeat(10_000));
    assert!(dvc(doc("x", &deep_yaml), &BTreeMap::new()).is_err());
    // Billion laughs.
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let list = vec![format!("*a{}", level - 1); 10].join(",");
        bomb = format!("{bomb}a{level}: &a{level} [{list}]\n");
    }
    bomb.push_str("outs: *a11\n");
    assert!(dvc(doc("x", &bomb), &BTreeMap::new()).is_err());
    let long = "n".repeat(5000);
    let event = format!(
        r#"{{"eventTime":"t","run":{{"runId":"r"}},"job":{{"namespace":"{long}","name":"j"}}}}"#
    );
    let error = openlineage(doc("x", &event), &[]).unwrap_err().to_string();
    assert!(error.contains("5000 bytes"), "{error}");
    let control =
        r#"{"eventTime":"t","run":{"runId":"r\u0007"},"job":{"namespace":"n","name":"j"}}"#;
    let error = openlineage(doc("x", control), &[]).unwrap_err().to_string();
    assert!(error.contains("control characters"), "{error}");
}

/// A name with an @ is not taken apart into name and version.
#[test]
fn names_are_what_they_were() {
    let event = r#"{"eventTime":"t","run":{"runId":"r"},"job":{"namespace":"n","name":"j"},"inputs":[{"namespace":"s3","name":"a@b"}]}"#;
    let taken = openlineage(doc("x", event), &[]).unwrap();
    let (nodes, _) = taken.claims();
    for claim in nodes {
        let written = claim.node.to_string();
        assert_eq!(NodeRef::parse(&written).unwrap(), claim.node, "{written}");
    }
}
