//! A data pipeline checks its inputs before training: it reads the exit code, keeps the report,
//! and either stops or goes on with the clean part.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_3, LLAMA_31, MISTRAL, answers_of, clean_texts, repo};

/// Twelve rows: clean ones, two registered answers (rows 3 and 8) and a broken line (row 5).
fn mixed_lines() -> Vec<String> {
    let clean = clean_texts();
    let answers = answers_of(LLAMA_3);
    (0..12)
        .map(|row| match row {
            3 => json!({"id": row, "text": answers[0].text}).to_string(),
            8 => json!({"id": row, "text": answers[1].text}).to_string(),
            5 => "{\"id\": 5, \"text\": \"cut of".to_owned(),
            _ => json!({"id": row, "text": clean[row]}).to_string(),
        })
        .collect()
}

#[test]
fn a_split_puts_every_row_on_exactly_one_side() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let lines = mixed_lines();
    test.write("train.jsonl", format!("{}\n", lines.join("\n")));

    test.run(&[
        "check",
        "train.jsonl",
        "--target-model",
        MISTRAL,
        "--clean",
        "clean",
        "--quarantine",
        "aside",
    ])
    .exits(1);

    let clean = fs::read_to_string(test.path("clean/train.jsonl")).unwrap();
    let kept: Vec<&str> = clean.lines().collect();
    let expected: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(row, _)| ![3, 5, 8].contains(row))
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(
        kept, expected,
        "clean rows keep their bytes and their order"
    );

    let aside = everything_under(&test, "aside");
    for row in [3, 5, 8] {
        let mark = if row == 5 {
            "cut of".to_owned()
        } else {
            format!("\"id\":{row}")
        };
        let tight = aside.replace("\": ", "\":").replace("\\\"", "\"");
        assert!(tight.contains(&mark), "row {row} is on no side:\n{aside}");
    }
    assert!(
        aside.contains(LLAMA_3),
        "each quarantined row with its reason:\n{aside}"
    );

    let (run, _) = test.check_for_mistral("clean/train.jsonl");
    run.exits(0);
}

fn everything_under(test: &CliTest, folder: &str) -> String {
    let mut files: Vec<_> = fs::read_dir(test.path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
        .collect()
}

#[test]
fn a_split_keeps_the_format_of_each_input() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let rows: Vec<Value> = clean_texts()[..20]
        .iter()
        .enumerate()
        .map(|(id, text)| {
            let text = if id == 7 {
                &answers_of(LLAMA_3)[2].text
            } else {
                text
            };
            json!({"id": id, "text": text})
        })
        .collect();
    test.write_jsonl("in/rows.jsonl", &rows);
    test.python(
        "parquet.py",
        &["convert", "in/rows.jsonl", "in/table.parquet"],
    );
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let csv: String = rows
        .iter()
        .map(|row| format!("{},{}\n", row["id"], quoted(row["text"].as_str().unwrap())))
        .collect();
    test.write("in/sheet.csv", format!("id,text\n{csv}"));

    let (run, report) = test.check(&[
        "in",
        "--target-model",
        MISTRAL,
        "--clean",
        "clean",
        "--quarantine",
        "aside",
    ]);
    run.exits(1);
    assert_eq!(report.tally("read"), 60);
    assert_eq!(report.tally("block"), 3);

    // Each clean file is read again in its own format and holds the nineteen other rows.
    let names: BTreeSet<String> = walk(&test, "clean");
    for name in ["rows.jsonl", "table.parquet", "sheet.csv"] {
        let path = names
            .iter()
            .find(|path| path.ends_with(name))
            .unwrap_or_else(|| panic!("no clean {name} in {names:?}"));
        let (run, report) = test.check_for_mistral(path);
        run.exits(0);
        assert_eq!(report.tally("read"), 19, "{name}");
        assert_eq!(report.tally("pass"), 19, "{name}");
    }
}

fn walk(test: &CliTest, folder: &str) -> BTreeSet<String> {
    crate::common::contents(&test.path(folder))
        .into_iter()
        .map(|(path, _)| format!("{folder}/{}", path.to_str().unwrap()))
        .collect()
}

#[test]
fn flagged_rows_stay_clean_unless_flags_fail() {
    let test = CliTest::with_answers_of(LLAMA_31);
    test.copy_demo("targets/mistral-renamed.toml");
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"id": "one", "text": clean_texts()[0]}),
            json!({"id": "two", "text": answers_of(LLAMA_31)[0].text}),
        ],
    );
    let split = |extra: &[&str], out: &str| {
        let (clean, aside) = (format!("{out}/clean"), format!("{out}/aside"));
        let mut args = vec![
            "check",
            "train.jsonl",
            "--target",
            "targets/mistral-renamed.toml",
            "--clean",
            &clean,
            "--quarantine",
            &aside,
        ];
        args.extend(extra);
        (
            test.run(&args),
            test.read_jsonl(&format!("{clean}/train.jsonl")).len(),
        )
    };

    let (run, kept) = split(&[], "a");
    run.exits(0).says(LLAMA_31);
    assert_eq!(kept, 2);

    let (run, kept) = split(&["--fail-on", "flag"], "b");
    run.exits(1);
    assert_eq!(kept, 1);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write("train.jsonl", format!("{}\n", mixed_lines().join("\n")));
    let report = |name: &str| {
        test.run(&[
            "check",
            "train.jsonl",
            "--target-model",
            MISTRAL,
            "--report",
            name,
        ])
        .exits(1);
        fs::read(test.path(name)).unwrap()
    };
    assert_eq!(report("one.json"), report("two.json"));
}

#[test]
fn the_report_keeps_to_its_schema() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write("train.jsonl", format!("{}\n", mixed_lines().join("\n")));
    let (_, report) = test.check_for_mistral("train.jsonl");
    let schema: Value =
        serde_json::from_slice(&fs::read(repo().join("schemas/verdict.schema.json")).unwrap())
            .unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&report.0)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");

    // The schema says something: without its first key the report is refused.
    let mut cut = report.0.clone();
    cut.as_object_mut().unwrap().remove("schema_version");
    assert!(!validator.is_valid(&cut));
    let first = fs::read_to_string(test.path("report.json")).unwrap();
    let first = first.trim_start_matches(|c: char| c == '{' || c.is_whitespace());
    assert!(first.starts_with("\"schema_version\""), "{}", &first[..60]);
}

/// The schema is the one that OASIS publishes with SARIF 2.1.0 (`fixtures/README.md`).
#[test]
fn sarif_keeps_to_the_published_schema() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write(
        "train.jsonl",
        format!("{}\nnot json\n", mixed_lines().join("\n")),
    );
    test.write(
        "clean.jsonl",
        "{\"text\": \"Nothing was registered of this.\"}\n",
    );
    let schema = fs::read(repo().join("fixtures/sarif/sarif-schema-2.1.0.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (input, exit) in [("train.jsonl", 1), ("clean.jsonl", 0), ("gone.jsonl", 3)] {
        test.run(&[
            "check",
            input,
            "--target-model",
            MISTRAL,
            "--report",
            "report.sarif",
        ])
        .exits(exit);
        let report: Value =
            serde_json::from_slice(&fs::read(test.path("report.sarif")).unwrap()).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{input}: {wrong:#?}");
        let mut cut = report.clone();
        cut["runs"][0].as_object_mut().unwrap().remove("tool");
        assert!(!validator.is_valid(&cut), "the schema says something");
    }
}

#[test]
fn every_report_says_what_was_not_seen() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("train.jsonl", &[json!({"text": clean_texts()[0]})]);
    let (run, report) = test.check_for_mistral("train.jsonl");
    run.exits(0).says("paraphrase");
    let limits = report.0["limits"].to_string();
    assert!(
        limits.contains("paraphras") && limits.contains("unregistered"),
        "{limits}"
    );
}

#[test]
fn an_earlier_split_does_not_mix_with_a_new_one() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let args = [
        "check",
        "train.jsonl",
        "--target-model",
        MISTRAL,
        "--clean",
        "clean",
        "--quarantine",
        "aside",
    ];
    test.write_jsonl("train.jsonl", &[json!({"text": clean_texts()[0]})]);
    test.run(&args).exits(0);
    test.write_jsonl(
        "train.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    let again = test.run(&args);

    // Either the second run refuses, or nothing of the first is left in its way.
    if again.code != Some(2) {
        again.exits(1);
        let kept = fs::read_to_string(test.path("clean/train.jsonl")).unwrap_or_default();
        assert!(kept.is_empty(), "a row of the earlier input: {kept}");
    }
}
