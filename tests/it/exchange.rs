//! Somebody in compliance hands lineage on to tools that are not ours, and takes in what those wrote:
//! nothing is lost in silence, nothing is invented, and what was imported says so.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::common::{CliTest, LLAMA_2, MISTRAL, answers_of, clean_texts, interpreter, repo};

/// Llama 2 answers registered; two of them in a mix with clean texts, which was checked and then
/// trained a model.
fn story() -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_2);
    let mut rows: Vec<Value> = answers_of(LLAMA_2)[..2]
        .iter()
        .map(|answer| json!({"text": answer.text}))
        .collect();
    rows.extend(clean_texts()[..3].iter().map(|text| json!({"text": text})));
    test.write_jsonl("mix.jsonl", &rows);
    test.write_jsonl("raw.jsonl", &[json!({"text": clean_texts()[4]})]);
    test.run(&["dataset", "add", "acme/raw", "raw.jsonl", "--version", "v1"])
        .exits(0);
    test.run(&[
        "dataset",
        "add",
        "acme/mix",
        "mix.jsonl",
        "--version",
        "v1",
        "--from",
        "dataset:acme/raw@v1",
        "--how",
        "mix",
        "--owner",
        "Data Team",
    ])
    .exits(0);
    test.run(&["check", "mix.jsonl", "--target-model", MISTRAL])
        .exits(1);
    test.run(&[
        "run",
        "start",
        "sft",
        "--input",
        "acme/mix@v1",
        "--target-model",
        MISTRAL,
    ])
    .exits(0);
    test.run(&["run", "finish", "sft", "--model", "acme-x"])
        .exits(0);
    test
}

fn export(test: &CliTest, args: &[&str], out: &str) -> String {
    let mut all = vec!["export"];
    all.extend(args);
    all.extend(["--out", out]);
    test.run(&all).exits(0);
    fs::read_to_string(test.path(out)).unwrap()
}

/// What the reader of tests/outside says of an export.
fn read_back(test: &CliTest, format: &str, file: &str) -> Value {
    let python = interpreter();
    let output = std::process::Command::new(&python)
        .arg(repo().join("tests/outside/read_exports.py"))
        .args([format, file])
        .current_dir(test.path("."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{} cannot read {file}; it needs fixtures/requirements.txt\n{}",
        python.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn schema(name: &str) -> Value {
    let path = repo().join("fixtures/schemas").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_model_as_a_bill_of_materials_that_others_read() {
    let test = story();
    let mut registry = jsonschema::Registry::new();
    for name in ["jsf-0.82", "spdx", "cryptography-defs"] {
        let file = format!("{name}.schema.json");
        let id = format!("http://cyclonedx.org/schema/{file}");
        registry = registry
            .add(id, schema(&format!("cyclonedx/{file}")))
            .unwrap();
    }
    let registry = registry.prepare().unwrap();
    for spec in ["1.6", "1.7"] {
        let text = export(
            &test,
            &["cyclonedx", "model:acme-x", "--spec", spec],
            "x.cdx.json",
        );
        let bom: Value = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .with_registry(&registry)
            .build(&schema(&format!("cyclonedx/bom-{spec}.schema.json")))
            .unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&bom)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let said = read_back(&test, "cyclonedx", "x.cdx.json");
        assert_eq!(said["subject"], "acme-x");
        let licensed = said["licensed"].as_object().unwrap();
        assert!(licensed.contains_key("Llama-2-70b-chat-hf"), "{said}");
        // The check that found it is a claim about the mix.
        let claim = &bom["declarations"]["claims"][0];
        assert_eq!(claim["target"], "dataset:acme/mix@v1");
        assert!(claim["predicate"].as_str().unwrap().ends_with(": block"));
    }
    // The same log, the same bytes; and another entry changes them.
    let first = export(&test, &["cyclonedx", "acme-x"], "a.json");
    assert_eq!(export(&test, &["cyclonedx", "acme-x"], "b.json"), first);
    test.run(&["export", "cyclonedx", "source:answers", "--out", "-"])
        .exits(2)
        .says("name a dataset, model, run");
    test.run(&[
        "export",
        "cyclonedx",
        "acme-x",
        "--out",
        "no/such/folder.json",
    ])
    .exits(3);
}

#[test]
fn the_log_as_events_that_others_read_and_that_we_read_again() {
    let test = story();
    let text = export(&test, &["openlineage"], "events.ndjson");
    let said = read_back(&test, "openlineage", "events.ndjson");
    // One check and one run; the mix, both files with registered text, the source.
    assert_eq!(said["runs"], 2, "{said}");
    assert_eq!(said["outputs"], 1);
    assert!(said["facets"].as_u64().unwrap() >= 5, "{said}");
    assert!(
        text.lines()
            .any(|line| line.contains("\"eventType\":\"FAIL\""))
    );
    // A part of it: what hangs together with the other data set is less.
    let part = export(
        &test,
        &["openlineage", "dataset:acme/raw@v1"],
        "part.ndjson",
    );
    assert!(part.lines().count() < text.lines().count());

    // Another organisation takes it in.
    let other = CliTest::with_empty_index();
    other.write("events.ndjson", &text);
    other
        .run(&["import", "openlineage", "events.ndjson", "--dry-run"])
        .exits(0)
        .says("nothing was recorded")
        .says("passed over: 1 checks of a herdbook");
    other
        .run(&["trace", "acme-x"])
        .exits(2)
        .says("nothing in the lineage graph is named");
    other
        .run(&["import", "openlineage", "events.ndjson", "--by", "ann"])
        .exits(0)
        .says("recorded");
    let walk = other.run(&["trace", "acme-x", "--json"]).exits(0);
    let walk: Value = serde_json::from_str(&walk.stdout).unwrap();
    let edges = walk["walks"][0]["edges"].as_array().unwrap();
    let has = |from: &str, kind: &str, to: &str| {
        edges.iter().any(|edge| {
            edge["from"] == from
                && edge["kind"] == kind
                && edge["to"].as_str().unwrap().starts_with(to)
        })
    };
    let llama = format!("model:{}", LLAMA_2.to_lowercase());
    assert!(has(&llama, "generated", "source:answers"), "{edges:#?}");
    assert!(
        has("source:answers", "contained", "dataset:acme/mix@v1"),
        "{edges:#?}"
    );
    assert!(
        has("dataset:acme/raw@v1", "derived", "dataset:acme/mix@v1"),
        "{edges:#?}"
    );
    assert!(
        has("dataset:acme/mix@v1", "input", "run:herdbook/sft:"),
        "{edges:#?}"
    );
    // All of it is somebody's word.
    assert!(
        edges.iter().all(|edge| edge["origin"] == "imported"),
        "{edges:#?}"
    );
}

#[test]
fn a_data_set_as_croissant_that_others_read_and_that_we_read_again() {
    let test = story();
    export(&test, &["croissant", "acme/mix@v1"], "mix.json");
    let said = read_back(&test, "croissant", "mix.json");
    assert_eq!(said["errors"], json!([]), "{said}");
    assert_eq!(
        (&said["name"], &said["version"]),
        (&json!("acme/mix"), &json!("v1"))
    );
    assert_eq!(said["files"].as_array().unwrap().len(), 1);

    let other = CliTest::with_empty_index();
    other.write("mix.json", fs::read(test.path("mix.json")).unwrap());
    other
        .run(&["import", "croissant", "mix.json"])
        .exits(0)
        .says("is taken for a model");
    let told = other.run(&["trace", "dataset:acme/mix@v1"]).exits(0);
    for name in ["dataset acme/raw@v1", LLAMA_2, "imported"] {
        assert!(told.stdout.contains(name), "{name}: {}", told.stdout);
    }
}

#[test]
fn a_summary_of_synthetic_data_that_says_what_it_leaves_open() {
    let test = story();
    let page = export(&test, &["eu-summary", "acme-x"], "summary.md");
    assert!(
        page.contains("## 2.5 Synthetic data") && page.contains("**Yes**"),
        "{page}"
    );
    assert!(
        page.contains(LLAMA_2) && page.contains("2 of 5 rows"),
        "{page}"
    );
    assert!(page.contains("## Not filled in"));
    let json: Value = serde_json::from_str(&export(
        &test,
        &["eu-summary", "acme-x", "--json"],
        "s.json",
    ))
    .unwrap();
    assert_eq!(json["synthetic"]["on_the_market"][0]["model"], LLAMA_2);
    assert_eq!(json["dependencies"][0]["model"], MISTRAL);
    // A base model of which nothing is recorded: not answered, and not "no".
    let page = export(&test, &["eu-summary", &format!("model:{MISTRAL}")], "m.md");
    assert!(
        page.contains("**Not answered**") && !page.contains("**No**"),
        "{page}"
    );
    test.run(&["export", "eu-summary", "dataset:acme/mix@v1", "--out", "-"])
        .exits(2)
        .says("name a model");
}

#[test]
fn tables_for_an_auditor_hold_no_formula() {
    let test = story();
    // A file whose name a spreadsheet would run.
    test.write("=2+3.jsonl", fs::read(test.path("mix.jsonl")).unwrap());
    test.run(&["check", "=2+3.jsonl", "--target-model", MISTRAL])
        .exits(1);
    let text = export(&test, &["csv", "--table", "findings"], "findings.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let place = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let of_rows: Vec<&csv::StringRecord> = rows
        .iter()
        .filter(|row| !row[place("row")].is_empty())
        .collect();
    assert_eq!(of_rows.len(), 4, "{text}");
    assert!(
        of_rows
            .iter()
            .any(|row| &row[place("path")] == "'=2+3.jsonl"),
        "{text}"
    );
    assert!(of_rows.iter().all(|row| &row[place("model")] == LLAMA_2));
    assert!(
        of_rows
            .iter()
            .all(|row| &row[place("sources")] == "answers")
    );
    // No text of a data set.
    let some: String = answers_of(LLAMA_2)[0].text.chars().take(30).collect();
    for table in ["edges", "nodes", "checks", "findings"] {
        let text = export(&test, &["csv", "--table", table], "t.csv");
        assert!(!text.contains(&some), "{table}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert!(reader.records().map(Result::unwrap).all(|row| {
            row.iter()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r']))
        }));
    }
    for format in ["mermaid", "dot"] {
        let drawn = test
            .run(&["export", format, "acme-x", "--out", "-"])
            .exits(0);
        assert!(drawn.stdout.contains("acme/mix@v1"), "{}", drawn.stdout);
    }
}

#[test]
fn files_of_other_tools_are_taken_in_with_what_they_do_not_say() {
    let test = CliTest::with_empty_index();
    let fixture = |name: &str| repo().join("fixtures/interchange").join(name);
    // DVC: what is here under the MD5 that it names has its SHA-256 recorded.
    let lock = fs::read_to_string(fixture("dvc.lock")).unwrap();
    test.write("repo/dvc.lock", lock);
    test.write("repo/raw.jsonl", "hello");
    test.write("repo/mix.jsonl", "other");
    test.run(&[
        "import",
        "dvc",
        "repo/dvc.lock",
        "--model",
        "models/final=acme-x",
    ])
    .exits(0)
    .says("mix.jsonl is here with another content")
    .says("passed over: 1 stage key params");
    let told = test.run(&["trace", "acme-x", "--json"]).exits(0);
    assert!(
        told.stdout.contains("dataset:raw.jsonl@5d41402abc4b"),
        "{}",
        told.stdout
    );
    let show = test
        .run(&["dataset", "show", "raw.jsonl@5d41402abc4b", "--json"])
        .exits(0);
    // SHA-256 of "hello".
    assert!(
        show.stdout
            .contains("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        "{}",
        show.stdout
    );
    test.run(&["import", "dvc", "repo/dvc.lock", "--model", "models/none=x"])
        .exits(2)
        .says("no output or dependency has this path");

    // A card, MLflow, Weights & Biases.
    let card = fixture("card.md").display().to_string();
    test.run(&["import", "model-card", &card])
        .exits(2)
        .says("--model");
    test.run(&["import", "model-card", &card, "--model", "acme-y"])
        .exits(0);
    let told = test.run(&["trace", "acme-y"]).exits(0);
    assert!(told.stdout.contains(MISTRAL), "{}", told.stdout);
    let runs = fixture("mlruns/1");
    let run = fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.join("params").is_dir())
        .unwrap();
    test.run(&[
        "import",
        "mlflow",
        &run.display().to_string(),
        "--model",
        "acme-z",
    ])
    .exits(0)
    .says("passed over: 1 parameters");
    test.run(&[
        "import",
        "mlflow",
        &fixture("mlflow-run.json").display().to_string(),
        "--model",
        "acme-z",
    ])
    .exits(0);
    let told = test.run(&["trace", "acme-z"]).exits(0);
    assert!(told.stdout.contains("acme/mix@1a2b3c4d"), "{}", told.stdout);
    let wandb = fixture("wandb/run-20261120_101112-abcd1234")
        .display()
        .to_string();
    test.run(&["import", "wandb", &wandb, "--model", "acme-w"])
        .exits(0);
    let told = test.run(&["trace", "acme-w"]).exits(0);
    assert!(told.stdout.contains("wandb:abcd1234"), "{}", told.stdout);
    // The log says who took what in.
    test.run(&["audit", "log"]).exits(0).says("import mlflow");
}

#[test]
fn hostile_files_change_nothing() {
    let test = CliTest::with_empty_index();
    let before = test.run(&["audit", "log", "--json"]).exits(0).stdout;
    test.write("deep.json", "[".repeat(200_000));
    test.run(&["import", "openlineage", "deep.json"])
        .exits(2)
        .says("deep.json:1:");
    test.run(&["import", "croissant", "deep.json"]).exits(2);
    test.write("bytes.ndjson", b"{\"a\":1}\n\xff\xfe\n");
    test.run(&["import", "openlineage", "bytes.ndjson"])
        .exits(2)
        .says("bytes.ndjson:2");
    // A name that would be read from right to left.
    test.write(
        "bidi.ndjson",
        "{\"eventTime\":\"t\",\"run\":{\"runId\":\"r\\u202e\"},\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}",
    );
    test.run(&["import", "openlineage", "bidi.ndjson"])
        .exits(2)
        .says("invisible characters");
    test.run(&["import", "openlineage", "none.ndjson"])
        .exits(3)
        .says("none.ndjson");
    // A way out of the folder is not followed.
    test.write("out.txt", "hello");
    test.write(
        "in/x.dvc",
        "outs:\n- md5: 5d41402abc4b2a76b9719d911017c592\n  size: 5\n  path: ../out.txt\n",
    );
    let run = test
        .run(&["import", "dvc", "in/x.dvc", "--dry-run"])
        .exits(0);
    assert!(!run.stdout.contains("2cf24dba5fb0a30e"), "{}", run.stdout);
    let after = test.run(&["audit", "log", "--json"]).exits(0).stdout;
    assert_eq!(before, after, "nothing was recorded");
}
