//! An engineer has a training configuration already and types nothing twice: the target and the
//! inputs of a check come from it, and what it names and this machine lacks keeps the gate shut.

use std::fs;

use serde_json::json;

use crate::common::{CliTest, LLAMA_3, LLAMA_31, MISTRAL, answers_of, clean_texts, repo};

const AXOLOTL: &str = "base_model: mistralai/Mistral-7B-v0.3\nsequence_len: 4096\ndatasets:\n";

/// An index with Llama 3 answers, `clean.jsonl` without and `llama.jsonl` with one of them.
fn prepared() -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_3);
    let clean: Vec<_> = clean_texts()[..5]
        .iter()
        .map(|text| json!({"text": text}))
        .collect();
    test.write_jsonl("data/clean.jsonl", &clean);
    let mut rows = clean;
    rows.push(json!({"text": answers_of(LLAMA_3)[0].text}));
    test.write_jsonl("data/llama.jsonl", &rows);
    test
}

fn axolotl(test: &CliTest, paths: &[&str]) {
    let entries: String = paths
        .iter()
        .map(|path| format!("  - path: {path}\n    type: completion\n"))
        .collect();
    test.write("axolotl.yml", format!("{AXOLOTL}{entries}"));
}

#[test]
fn registered_output_in_a_data_set_of_the_configuration_blocks() {
    let test = prepared();
    axolotl(&test, &["data/llama.jsonl", "data/clean.jsonl"]);
    let (run, report) = test.check(&["--from", "axolotl.yml"]);
    run.exits(1)
        .says("axolotl.yml is read as an Axolotl configuration")
        .says("base      mistralai/Mistral-7B-v0.3  (base_model, line 1 of axolotl.yml)")
        .says("input     data/llama.jsonl  (datasets[0].path, line 4 of axolotl.yml")
        .says("every row and column");
    assert_eq!(report.verdict(), "block");
    assert_eq!((report.tally("read"), report.tally("block")), (11, 1));
    assert_eq!(
        report.only("block", "llama.jsonl")["location"]["row"],
        json!(5)
    );
}

#[test]
fn a_data_set_of_the_hub_is_undecided_until_its_files_are_named() {
    let test = prepared();
    axolotl(&test, &["data/clean.jsonl", "tatsu-lab/alpaca"]);
    let (run, report) = test.check(&["--from", "axolotl.yml"]);
    run.exits(3)
        .says("tatsu-lab/alpaca")
        .says("datasets[1].path, line 6 of axolotl.yml");
    assert_eq!(report.verdict(), "undecided");
    assert_eq!(
        report.only("undecided", "tatsu-lab/alpaca")["how_to_fix"],
        "download it, then check again with --input-override tatsu-lab/alpaca=PATH"
    );

    let over = "tatsu-lab/alpaca=data/clean.jsonl";
    let (run, _) = test.check(&["--from", "axolotl.yml", "--input-override", over]);
    run.exits(0).says("in place of tatsu-lab/alpaca");
    let over = "tatsu-lab/alpaca=data/llama.jsonl";
    let (run, _) = test.check(&["--from", "axolotl.yml", "--input-override", over]);
    run.exits(1);
    test.run(&[
        "check",
        "--from",
        "axolotl.yml",
        "--input-override",
        "alpaca=x",
    ])
    .exits(2)
    .says("names no data set of axolotl.yml, which has: tatsu-lab/alpaca, data/clean.jsonl");

    axolotl(&test, &["data/llama.jsonl", "tatsu-lab/alpaca"]);
    let (run, _) = test.check(&["--from", "axolotl.yml"]);
    run.exits(1);
    // Quiet leaves the answer as it is.
    axolotl(&test, &["tatsu-lab/alpaca"]);
    let (run, _) = test.check(&["--quiet", "--from", "axolotl.yml"]);
    run.exits(3);
}

#[test]
fn a_missing_file_is_undecided_and_no_data_at_all_is_bad_usage() {
    let test = prepared();
    axolotl(&test, &["data/clean.jsonl", "data/gone.jsonl"]);
    let (run, _) = test.check(&["--from", "axolotl.yml"]);
    run.exits(3).says("data/gone.jsonl");
    test.write("none.yml", "base_model: a/b\nsequence_len: 1\n");
    test.run(&["check", "--from", "none.yml"])
        .exits(2)
        .says("none.yml names no training data");
    test.run(&["check", "--from", "none.yml", "data/clean.jsonl"])
        .exits(0);
}

#[test]
fn a_llama_base_decides_as_if_it_had_been_typed() {
    let test = CliTest::with_answers_of(LLAMA_31);
    test.write_jsonl("a.jsonl", &[json!({"text": answers_of(LLAMA_31)[0].text})]);
    for (base, file) in [
        ("meta-llama/Llama-3.1-8B", "trl.yaml"),
        (MISTRAL, "trl.yaml"),
    ] {
        test.write(
            file,
            format!("model_name_or_path: {base}\ndataset_name: ./a.jsonl\nuse_peft: true\n"),
        );
        let (typed, by_hand) = test.check(&["./a.jsonl", "--target-model", base]);
        let (run, read) = test.check(&["--from", file]);
        assert_eq!(run.code, typed.code, "{}", run.transcript());
        assert_eq!(read.0["target"], by_hand.0["target"]);
        assert_eq!(read.0["findings"], by_hand.0["findings"]);
    }
    // A folder that was made from a Llama is a Llama.
    test.write(
        "out/mine/adapter_config.json",
        r#"{"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.1-8B"}"#,
    );
    test.write(
        "trl.yaml",
        "model_name_or_path: out/mine\ndataset_name: ./a.jsonl\n",
    );
    let (run, report) = test.check(&["--from", "trl.yaml"]);
    run.says("meta-llama/Llama-3.1-8B  (base_model_name_or_path, line 1");
    assert_eq!(
        report.0["target"]["base"],
        json!(["meta-llama/Llama-3.1-8B"])
    );
}

#[test]
fn the_command_line_beats_the_configuration_and_only_there() {
    let test = prepared();
    axolotl(&test, &["data/llama.jsonl"]);
    let (run, report) = test.check(&["--from", "axolotl.yml", "--target-model", LLAMA_3]);
    run.says(&format!(
        "the base is {LLAMA_3}, by --target-model, instead of mistralai/Mistral-7B-v0.3"
    ));
    assert_eq!(report.0["target"]["base"], json!([LLAMA_3]));
    assert_eq!(
        report.tally("read"),
        6,
        "the inputs stay the configuration's"
    );

    let (run, report) = test.check(&["--from", "axolotl.yml", "--paths-only", "data/clean.jsonl"]);
    run.exits(0)
        .says("--paths-only, the inputs of the configuration are left out");
    assert_eq!(report.tally("read"), 5);
    test.run(&["check", "--from", "axolotl.yml", "--paths-only"])
        .exits(2);

    test.write(
        "t.toml",
        "[model]\nname = \"x\"\nbase = \"google/gemma-2-9b\"\n",
    );
    let (run, report) = test.check(&[
        "--from",
        "axolotl.yml",
        "--target",
        "t.toml",
        "data/clean.jsonl",
    ]);
    run.exits(1).says("the target is t.toml");
    assert_eq!(report.0["target"]["base"], json!(["google/gemma-2-9b"]));
    assert_eq!(report.tally("read"), 11, "PATH adds to the inputs");
}

#[test]
fn a_teacher_cannot_be_typed_away() {
    let test = prepared();
    let recipe = "model:\n  _component_: torchtune.models.qwen2.qwen2_0_5b\n\
                  checkpointer:\n  checkpoint_dir: models/Qwen2-0.5B-Instruct\n\
                  teacher_checkpointer:\n  checkpoint_dir: models/Meta-Llama-3-8B-Instruct\n\
                  dataset:\n  _component_: torchtune.datasets.text_completion_dataset\n  \
                  source: json\n  data_files: data/clean.jsonl\n";
    test.write("kd.yaml", recipe);
    let teacher = "models/Meta-Llama-3-8B-Instruct";
    for options in [
        &["--from", "kd.yaml"][..],
        &["--from", "kd.yaml", "--target-model", MISTRAL],
    ] {
        let (run, report) = test.check(options);
        run.exits(1);
        assert_eq!(report.0["target"]["models_used"][0]["model"], teacher);
    }
}

#[test]
fn llama_factory_and_a_model_folder() {
    let test = prepared();
    test.write(
        "data/dataset_info.json",
        r#"{"support": {"file_name": "llama.jsonl"}, "ours": {"file_name": "clean.jsonl"}}"#,
    );
    let arguments = |dataset: &str| {
        format!("model_name_or_path: {MISTRAL}\nstage: sft\ndataset: {dataset}\ntemplate: x\n")
    };
    test.write("sft.yaml", arguments("ours,support"));
    let (run, _) = test.check(&["--from", "sft.yaml"]);
    run.exits(1)
        .says("support.file_name, line 1 of data/dataset_info.json");
    test.write("sft.yaml", arguments("ours"));
    let (run, _) = test.check(&["--from", "sft.yaml"]);
    run.exits(0);

    let list = "data/dataset_info.json#support";
    test.run(&["check", "--from", list])
        .exits(2)
        .says("--target-model");
    let (run, _) = test.check(&["--from", list, "--target-model", MISTRAL]);
    run.exits(1);

    let card = format!("---\nbase_model: {MISTRAL}\n---\n# ours\n");
    test.write("out/ours/README.md", card);
    test.run(&["check", "--from", "out/ours"])
        .exits(2)
        .says("PATH");
    let (run, report) = test.check(&["--from", "out/ours", "data/llama.jsonl"]);
    run.exits(1);
    assert_eq!(report.0["target"]["base"], json!([MISTRAL]));
}

#[test]
fn a_broken_configuration_is_bad_usage_and_leaves_no_old_pass() {
    let test = prepared();
    axolotl(&test, &["data/clean.jsonl"]);
    let (run, report) = test.check(&["--from", "axolotl.yml"]);
    run.exits(0);
    assert_eq!(report.verdict(), "pass");
    test.write(
        "axolotl.yml",
        "base_model: a/b\ndatasets:\n- path: x\n  path: y\n",
    );
    test.run(&["check", "--from", "axolotl.yml", "--report", "report.json"])
        .exits(2)
        .says("axolotl.yml:4:");
    assert!(!test.path("report.json").exists(), "the old pass is gone");

    axolotl(&test, &["data/clean.jsonl"]);
    let before = fs::read(test.path("axolotl.yml")).unwrap();
    test.run(&[
        "check",
        "--from",
        "axolotl.yml",
        "--clean",
        "data/clean.jsonl",
        "--quarantine",
        "q",
    ])
    .exits(2)
    .says("named twice");
    assert_eq!(fs::read(test.path("axolotl.yml")).unwrap(), before);
    test.run(&[
        "check",
        "--input-override",
        "a=b",
        "data/clean.jsonl",
        "--target-model",
        MISTRAL,
    ])
    .exits(2);
}

#[test]
fn the_page_names_every_key_that_is_read() {
    let page = fs::read_to_string(repo().join("docs/trainers.md")).unwrap();
    for file in ["axolotl", "llama_factory", "torchtune", "trl"] {
        let code = fs::read_to_string(repo().join(format!("src/trainer/{file}.rs"))).unwrap();
        let read = code.split("const READ: &[&str] = &[").nth(1).unwrap();
        let keys: Vec<&str> = read
            .split("];")
            .next()
            .unwrap()
            .split('"')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(keys.len() > 5, "{file}: the list of keys was not found");
        for key in keys {
            assert!(
                page.contains(&format!("`{key}`")),
                "{file}: {key} is not on the page"
            );
        }
    }
}
