//! A model is trained with Llama output in spring and released in autumn, by a check that sees
//! none of that data: what was owed is still owed.

use std::fs;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_3, LLAMA_31, MISTRAL, Report, Run, answers_of, clean_texts};

const KEPT: &str = "targets/duties.toml";

/// An index with answers of Llama 3.1; a set that holds two of them, and one that holds none.
fn trained() -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_31);
    let answers = answers_of(LLAMA_31);
    let clean: Vec<Value> = (clean_texts()[..6].iter())
        .map(|text| json!({"text": text}))
        .collect();
    let mut mixed = clean.clone();
    mixed.extend([
        json!({"text": answers[0].text}),
        json!({"text": answers[1].text}),
    ]);
    test.write_jsonl("mixed.jsonl", &mixed);
    test.write_jsonl("clean.jsonl", &clean);
    test
}

fn target(test: &CliTest, file: &str, name: &str, more: &str, stage: &str) {
    let text = format!(
        "[model]\nname = \"{name}\"\nbase = \"{MISTRAL}\"\n{more}\n[use]\nstage = \"{stage}\"\n"
    );
    test.write(&format!("targets/{file}"), text);
}

fn check(test: &CliTest, input: &str, file: &str, more: &[&str]) -> (Run, Report) {
    let target = format!("targets/{file}");
    let mut args = vec![input, "--target", &target, "--as-of", "2026-11-22"];
    args.extend(more);
    test.check(&args)
}

fn kept(test: &CliTest) -> String {
    fs::read_to_string(test.path(KEPT)).unwrap_or_default()
}

fn codes(report: &Report) -> Vec<&str> {
    let codes = report.findings().iter();
    codes.map(|each| each["code"].as_str().unwrap()).collect()
}

/// State of each stored duty that the report lists.
fn states(report: &Report) -> Vec<(&str, &str)> {
    let duties = report.0["stored_duties"]["duties"].as_array().unwrap();
    duties
        .iter()
        .map(|duty| {
            (
                duty["id"].as_str().unwrap(),
                duty["state"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn what_was_trained_on_in_spring_is_owed_at_the_release_in_autumn() {
    let test = trained();
    target(
        &test,
        "acme.toml",
        "acme-chat",
        "availability = \"internal\"",
        "train",
    );
    let (run, first) = check(&test, "mixed.jsonl", "acme.toml", &[]);
    run.exits(0).says("targets/duties.toml");
    assert_eq!(states(&first), [("name-prefix-llama", "latent")]);
    let stored = &first.0["stored_duties"];
    assert_eq!(stored["recording"], "on");
    assert_eq!(stored["file"], KEPT);
    let since = &stored["duties"][0]["since"];
    assert_eq!(since["as_of"], "2026-11-22");
    assert_eq!(since["models"], json!([LLAMA_31]));
    assert_eq!(since["sources"], json!(["answers"]));
    assert_eq!(since["inputs"][0]["path"], "mixed.jsonl");
    assert_eq!(since["inputs"][0]["sha256"], first.0["inputs"][0]["sha256"]);
    assert_eq!(since["snapshot_digest"], first.0["index"]["digest"]);

    // The same check again says the same and writes nothing.
    let text = kept(&test);
    assert!(
        text.starts_with("# Duties") && text.matches("[[duty]]").count() == 1,
        "{text}"
    );
    let (_, second) = check(&test, "mixed.jsonl", "acme.toml", &[]);
    assert_eq!(second.0, first.0);
    assert_eq!(kept(&test), text);

    // The release is checked with data that holds no Llama output at all.
    target(&test, "acme.toml", "acme-chat", "", "release");
    let (run, report) = check(
        &test,
        "clean.jsonl",
        "acme.toml",
        &["--report", "report.md"],
    );
    run.exits(1).says("begin the model's name with");
    assert_eq!(codes(&report), ["duty-unmet"]);
    let finding = &report.findings()[0];
    assert_eq!(finding["level"], "block");
    assert_eq!(finding["license"], "llama-3.1");
    let reason = finding["reason"].as_str().unwrap();
    for word in ["2026-11-22", "mixed.jsonl", LLAMA_31] {
        assert!(reason.contains(word), "{reason}");
    }
    let page = fs::read_to_string(test.path("report.md")).unwrap();
    assert!(page.contains("Stored for the release"), "{page}");

    // The name is what it asked for; the duty is still listed, as met.
    target(&test, "acme.toml", "Llama-acme-chat", "", "release");
    let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
    run.exits(0);
    assert_eq!(report.verdict(), "pass");
    assert_eq!(states(&report), [("name-prefix-llama", "met")]);
    assert_eq!(report.0["obligations"][0]["state"], "met");
}

/// Copy, notice and display are looked for in the folder of the model as it is at release.
#[test]
fn a_release_is_held_until_card_notice_and_license_lie_in_its_folder() {
    let test = trained();
    target(&test, "acme.toml", "Llama-acme", "", "train");
    check(&test, "mixed.jsonl", "acme.toml", &[]).0.exits(0);
    let entry = kept(&test).split_once("[[duty]]").unwrap().1.to_owned();
    let mut text = kept(&test);
    for id in [
        "copy-llama-3-1",
        "notice-llama-3-1",
        "display-built-with-llama",
    ] {
        text.extend(["\n[[duty]]", &entry.replace("name-prefix-llama", id)]);
    }
    test.write(KEPT, text);

    target(&test, "acme.toml", "Llama-acme", "", "release");
    let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
    run.exits(1).says("folder");
    assert_eq!(codes(&report), ["duty-open"; 3]);

    target(
        &test,
        "acme.toml",
        "Llama-acme",
        "folder = \"out\"",
        "release",
    );
    test.write("out/README.md", "# Llama-acme\n");
    let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
    run.exits(1);
    assert_eq!(codes(&report), ["duty-unmet"; 3]);

    test.write("out/README.md", "# Llama-acme\n\nBuilt with Llama.\n");
    test.write(
        "out/NOTICE",
        "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright \u{a9} Meta \
         Platforms, Inc. All Rights Reserved.",
    );
    let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
    run.exits(1);
    assert_eq!(codes(&report), ["duty-unmet"]);
    assert_eq!(
        report.findings()[0]["obligations"],
        json!(["copy-llama-3-1"])
    );
    test.write("out/LICENSE", "LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n");
    let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
    run.exits(0);
    assert_eq!(report.verdict(), "pass");
    assert!(
        states(&report).iter().all(|(_, state)| *state == "met"),
        "{:?}",
        states(&report)
    );
}

#[test]
fn a_duty_stays_with_the_model_whichever_of_its_names_changes() {
    let test = trained();
    target(&test, "train.toml", "Llama-acme", "", "train");
    check(&test, "mixed.jsonl", "train.toml", &[]).0.exits(0);
    // Another file states the model under the same name, then under a new one.
    target(&test, "ship.toml", "Llama-acme", "", "release");
    let (run, report) = check(&test, "clean.jsonl", "ship.toml", &[]);
    run.exits(0);
    assert_eq!(states(&report), [("name-prefix-llama", "met")]);
    target(&test, "ship.toml", "acme", "", "release");
    let (run, report) = check(&test, "clean.jsonl", "ship.toml", &[]);
    run.exits(1);
    assert_eq!(codes(&report), ["duty-unmet"]);
    // Another model in the same folder owes nothing.
    target(&test, "other.toml", "acme-other", "", "release");
    let (run, report) = check(&test, "clean.jsonl", "other.toml", &[]);
    run.exits(0);
    assert!(states(&report).is_empty());
}

#[test]
fn stored_duties_that_cannot_be_read_leave_the_check_undecided() {
    let test = trained();
    target(&test, "acme.toml", "Llama-acme", "", "train");
    check(&test, "mixed.jsonl", "acme.toml", &[]).0.exits(0);
    let whole = kept(&test);
    let torn = &whole[..whole.find("snapshot_digest = ").unwrap() + 22];
    let line = torn.lines().count();
    for (text, said) in [
        (torn, format!("duties.toml:{line}:")),
        ("", "duties.toml:1:1: missing field `format`".to_owned()),
        (
            "format = \"somebody-else/9\"\n",
            "duties.toml:1:10: this is not a file of duties".to_owned(),
        ),
    ] {
        test.write(KEPT, text);
        let (run, report) = check(&test, "clean.jsonl", "acme.toml", &[]);
        run.exits(3)
            .says(&said)
            .says("restore it from version control");
        assert_eq!(codes(&report), ["duties-unreadable"]);
        assert_eq!(kept(&test), text, "it is left as it is");
    }
    fs::remove_file(test.path(KEPT)).unwrap();
    fs::create_dir(test.path(KEPT)).unwrap();
    check(&test, "clean.jsonl", "acme.toml", &[])
        .0
        .exits(3)
        .says("duties.toml");
}

#[test]
fn duties_that_cannot_be_stored_are_never_a_pass() {
    let test = trained();
    target(&test, "acme.toml", "Llama-acme", "", "train");
    let nowhere = ["--duties", "no-such-folder/duties.toml"];
    let (run, report) = check(&test, "mixed.jsonl", "acme.toml", &nowhere);
    run.exits(3).says("no-such-folder/duties.toml");
    assert_eq!(report.verdict(), "undecided");
    assert_eq!(report.findings()[0]["code"], "duties-not-stored");
    // Where there is nothing to store, there is nothing to write.
    check(&test, "clean.jsonl", "acme.toml", &nowhere)
        .0
        .exits(0);
    assert!(!test.path("no-such-folder").exists());
}

#[test]
fn a_check_that_must_not_write_says_that_it_did_not() {
    let test = trained();
    target(&test, "acme.toml", "Llama-acme", "", "train");
    let limit = |report: &Report| report.0["limits"].to_string();
    let (run, report) = check(&test, "mixed.jsonl", "acme.toml", &["--no-record-duties"]);
    run.exits(0);
    assert_eq!(report.0["stored_duties"]["recording"], "off");
    assert!(limit(&report).contains("--no-record-duties"));
    let (run, report) = test.check(&["mixed.jsonl", "--target-model", MISTRAL]);
    run.exits(0);
    assert_eq!(report.0["stored_duties"]["recording"], "no-file");
    assert!(limit(&report).contains("given by an id alone"));
    assert!(!test.path(KEPT).exists());
    // What is stored already holds for it all the same.
    check(&test, "mixed.jsonl", "acme.toml", &[]).0.exits(0);
    target(&test, "acme.toml", "acme", "", "release");
    check(&test, "clean.jsonl", "acme.toml", &["--no-record-duties"])
        .0
        .exits(1);
    test.run(&[
        "check",
        "clean.jsonl",
        "--target-model",
        MISTRAL,
        "--duties",
        KEPT,
    ])
    .exits(2)
    .says("--target FILE.toml");
    test.run(&[
        "check",
        "clean.jsonl",
        "--target",
        "targets/acme.toml",
        "--clean",
        KEPT,
    ])
    .exits(2);
}

#[test]
fn what_the_gate_stops_owes_nothing() {
    let test = trained();
    test.register_answers("older", LLAMA_3, &answers_of(LLAMA_3));
    let mut rows = test.read_jsonl("mixed.jsonl");
    rows.push(json!({"text": answers_of(LLAMA_3)[0].text}));
    test.write_jsonl("both.jsonl", &rows);
    target(&test, "acme.toml", "Llama-acme", "", "train");
    check(&test, "both.jsonl", "acme.toml", &[]).0.exits(1);
    check(&test, "mixed.jsonl", "acme.toml", &["--fail-on", "flag"])
        .0
        .exits(1);
    assert!(!test.path(KEPT).exists(), "nothing went into the model");
    // With a split, the rows that may stay do.
    let split = ["--clean", "clean", "--quarantine", "aside"];
    let (run, report) = check(&test, "both.jsonl", "acme.toml", &split);
    run.exits(1);
    assert_eq!(states(&report), [("name-prefix-llama", "met")]);
    assert_eq!(kept(&test).matches("[[duty]]").count(), 1);
}

#[test]
fn checks_at_the_same_time_lose_no_duty() {
    let test = trained();
    let files: Vec<String> = (0..8).map(|number| format!("acme-{number}.toml")).collect();
    for file in &files {
        target(&test, file, &format!("Llama-{file}"), "", "train");
    }
    let running: Vec<_> = files
        .iter()
        .map(|file| {
            let target = format!("targets/{file}");
            let args = [
                "check",
                "mixed.jsonl",
                "--threads",
                "1",
                "--target",
                &target,
            ];
            test.command(&args).spawn().unwrap()
        })
        .collect();
    for mut check in running {
        assert_eq!(check.wait().unwrap().code(), Some(0));
    }
    let text = kept(&test);
    assert_eq!(text.matches("[[duty]]").count(), 8, "{text}");
    assert_eq!(text.matches("format = ").count(), 1, "{text}");
    for file in &files {
        assert!(
            text.contains(&format!("target_file = \"{file}\"")),
            "{file}"
        );
        let (run, report) = check(&test, "clean.jsonl", file, &[]);
        run.exits(0);
        assert_eq!(states(&report), [("name-prefix-llama", "met")]);
    }
}
