//! Somebody who has never seen herdbook runs its demo, and wants every step to do what the story
//! says. `fixtures/demo/STORY.md` is that story; the numbers here are its steps.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::common::{CliTest, LLAMA_2, LLAMA_3, LLAMA_31, Report, demo_file};

/// Rows of a training set whose text came from one of these models, by the fixture's own record.
fn rows_from(models: &[&str]) -> BTreeSet<u64> {
    origin()["train"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, from)| {
            ["chosen", "rejected"]
                .iter()
                .any(|side| models.contains(&from[side].as_str().unwrap()))
        })
        .map(|(row, _)| row.parse().unwrap())
        .collect()
}

fn origin() -> Value {
    serde_json::from_slice(&fs::read(demo_file("origin.json")).unwrap()).unwrap()
}

/// Every row with a model behind it, also one that is not Llama.
fn rows_from_any_model() -> BTreeSet<u64> {
    origin()["train"]
        .as_object()
        .unwrap()
        .keys()
        .map(|row| row.parse().unwrap())
        .collect()
}

/// Steps 1 and 2.
fn registered() -> CliTest {
    let test = CliTest::new();
    for name in [
        "preferences.parquet",
        "train.parquet",
        "train-llama31.parquet",
        "targets",
    ] {
        test.copy_demo(name);
    }
    test.run(&["init"]).exits(0);
    test.run(&["register", "preferences.parquet"])
        .exits(0)
        .says("72");
    test
}

fn blocked_with_model(report: &Report, model: &str) -> BTreeSet<u64> {
    report
        .findings()
        .iter()
        .filter(|finding| finding["level"] == "block" && finding["model"] == model)
        .map(|finding| finding["location"]["row"].as_u64().unwrap())
        .collect()
}

#[test]
fn step_3_the_binarised_set_is_blocked_with_rows_generator_and_clause() {
    let test = registered();
    let (run, report) = test.check(&["train.parquet", "--target", "targets/mistral.toml"]);
    run.exits(1).says(LLAMA_2).says(LLAMA_3);

    let blocked = report.rows(&["block"]);
    let missing: Vec<_> = rows_from(&[LLAMA_2, LLAMA_3])
        .difference(&blocked)
        .copied()
        .collect();
    assert!(
        missing.is_empty(),
        "rows of Llama 2 or 3 that were let through: {missing:?}"
    );
    let found = report.rows(&["block", "flag"]);
    let wrong: Vec<_> = found.difference(&rows_from_any_model()).copied().collect();
    assert!(wrong.is_empty(), "clean rows with a finding: {wrong:?}");
    assert_eq!(report.tally("read"), 208);
    for finding in report
        .findings()
        .iter()
        .filter(|finding| finding["model"] == LLAMA_2)
    {
        let clause = finding["clause"].as_str().unwrap();
        assert!(
            clause.contains("1.b.v"),
            "Llama 2 bars this in section 1.b.v, not {clause}"
        );
    }
}

#[test]
fn step_4_llama_3_rows_still_block_a_llama_2_fine_tune() {
    let test = registered();
    let (run, report) = test.check(&["train.parquet", "--target", "targets/llama2-finetune.toml"]);
    run.exits(1).says(LLAMA_3);
    assert_eq!(blocked_with_model(&report, LLAMA_3), rows_from(&[LLAMA_3]));
    assert!(
        blocked_with_model(&report, LLAMA_2).is_empty(),
        "Llama 2 may improve its own family"
    );
}

#[test]
fn steps_5_and_6_what_the_split_leaves_passes() {
    let test = registered();
    test.run(&[
        "check",
        "train.parquet",
        "--target",
        "targets/mistral.toml",
        "--clean",
        "clean",
        "--quarantine",
        "quarantine",
    ])
    .exits(1);

    let (run, report) = test.check(&["clean/train.parquet", "--target", "targets/mistral.toml"]);
    run.exits(0);
    let kept = report.tally("read");
    let aside = test.check(&[
        "quarantine/train.parquet",
        "--target",
        "targets/mistral.toml",
    ]);
    assert_eq!(
        kept + aside.1.tally("read"),
        208,
        "every row on exactly one side"
    );
    assert!(kept >= 184, "clean documents were taken out: {kept}");
    assert!(kept <= 208 - rows_from(&[LLAMA_2, LLAMA_3]).len() as u64);
}

#[test]
fn steps_7_and_8_llama_3_1_alone_raises_the_naming_duty() {
    let test = registered();
    let (run, report) = test.check(&["train-llama31.parquet", "--target", "targets/mistral.toml"]);
    run.exits(1).says("duty-unmet");
    assert_eq!(report.rows(&["block"]).len(), 16);
    for finding in report.on_rows() {
        assert_eq!(finding["model"], LLAMA_31);
        assert_eq!(finding["code"], "duty-unmet");
        let said = format!("{} {}", finding["reason"], finding["how_to_fix"]).to_lowercase();
        assert!(said.contains("llama"), "{finding:#}");
        assert!(
            !said.contains("prohibit"),
            "a duty is curable, never a ban: {finding:#}"
        );
    }

    let (run, report) = test.check(&[
        "train-llama31.parquet",
        "--target",
        "targets/mistral-renamed.toml",
    ]);
    run.exits(0);
    assert_eq!(report.verdict(), "flag");
    assert_eq!(report.rows(&["flag"]).len(), 16);
}

#[test]
fn the_demo_command_plays_it_all_and_says_what_to_try_next() {
    let test = CliTest::new();
    test.run(&["demo"])
        .exits(0)
        .says(LLAMA_2)
        .says("duty-unmet")
        .says("herdbook register")
        .says("herdbook check");
}

#[test]
fn the_jsonl_twin_is_judged_like_the_parquet() {
    let test = registered();
    test.copy_demo("train.jsonl");
    let rows = |file: &str| {
        let (run, report) = test.check(&[file, "--target", "targets/mistral.toml"]);
        run.exits(1);
        report.rows(&["block"])
    };
    assert_eq!(rows("train.parquet"), rows("train.jsonl"));
}
