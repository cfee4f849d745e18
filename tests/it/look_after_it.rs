//! Somebody who keeps the register for others: looks whether all is well, backs it up, and one day
//! has nothing but the backup.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_2, LLAMA_3, MISTRAL, answers_of};

/// Every file of a folder of the index.
fn files(test: &CliTest, folder: &str) -> Vec<std::path::PathBuf> {
    let listed = fs::read_dir(test.index().join(folder)).unwrap();
    listed.map(|entry| entry.unwrap().path()).collect()
}

fn copies(test: &CliTest, model: &str) {
    let rows: Vec<Value> = answers_of(model)
        .iter()
        .map(|answer| json!({"text": answer.text}))
        .collect();
    test.write_jsonl("copies.jsonl", &rows);
}

#[test]
fn the_doctor_finds_nothing_wrong_and_changes_nothing() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let before = crate::common::contents(&test.index());
    let run = test.run(&["doctor"]).exits(0);
    for word in [
        "audit log",
        "live index",
        "canary",
        "approvals",
        "Everything is as it should be",
    ] {
        assert!(run.stdout.contains(word), "{}", run.transcript());
    }
    let parts: Vec<Value> =
        serde_json::from_str(&test.run(&["doctor", "--json"]).exits(0).stdout).unwrap();
    assert!(parts.iter().all(|part| part["state"] == "ok"), "{parts:?}");
    assert_eq!(crate::common::contents(&test.index()), before);
}

#[test]
fn the_doctor_names_what_is_broken_and_what_to_do() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let key = test.index().join("keys/signing.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    test.run(&["doctor"])
        .exits(0)
        .says("warning")
        .says("chmod 600");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let newest = fs::read_dir(test.index().join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    let filters = fs::read_dir(newest.join("filters")).unwrap();
    let filter = filters.map(|entry| entry.unwrap().path()).next().unwrap();
    // A table file is shared with the live index; a copy is damaged here.
    let mut bytes = fs::read(&filter).unwrap();
    fs::remove_file(&filter).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&filter, bytes).unwrap();
    test.run(&["doctor"])
        .exits(3)
        .says("BROKEN")
        .says("snapshot seal");
    test.run(&["snapshot", "seal"]).exits(0);
    test.run(&["doctor"]).exits(0).says("remove it");
}

#[test]
fn an_index_is_restored_from_its_backup_and_answers_the_same() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.register_answers("older", LLAMA_2, &answers_of(LLAMA_2));
    copies(&test, LLAMA_3);
    let (run, before) = test.check_for_mistral("copies.jsonl");
    run.exits(1);
    test.run(&["backup", "backups/today"])
        .exits(0)
        .says("the keys are not in it");
    test.run(&["backup", "backups/today"])
        .exits(2)
        .says("exists already");

    // The index is lost, the keys were kept elsewhere.
    fs::rename(test.index().join("keys"), test.path("kept-keys")).unwrap();
    fs::remove_dir_all(test.index()).unwrap();
    test.run(&["restore", "backups/today"])
        .exits(3)
        .says("HERDBOOK_KEYS");
    let with_keys = |args: &[&str]| {
        let mut command = test.command(args);
        command.env("HERDBOOK_KEYS", test.path("kept-keys"));
        crate::common::Run::new(args, &command.output().unwrap())
    };
    with_keys(&["restore", "backups/today", "--verify-only"])
        .exits(0)
        .says("every digest compared");
    assert!(!test.index().exists());
    with_keys(&["restore", "backups/today"]).exits(0);
    with_keys(&["restore", "backups/today"]).exits(2);
    with_keys(&["doctor"]).exits(0);
    let args = [
        "check",
        "copies.jsonl",
        "--target-model",
        MISTRAL,
        "--report",
        "after.json",
    ];
    with_keys(&args).exits(1);
    let after: Value = serde_json::from_slice(&fs::read(test.path("after.json")).unwrap()).unwrap();
    assert_eq!(after["findings"], before.0["findings"]);
    assert_eq!(after["index"], before.0["index"]);
}

#[test]
fn a_changed_backup_restores_nothing() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.run(&["backup", "b", "--with-keys"]).exits(0);
    let list = fs::read_to_string(test.path("b/backup.json")).unwrap();
    let fewer = list.replace("\"records\": ", "\"records\": 1");
    assert_ne!(fewer, list);
    fs::write(test.path("b/backup.json"), fewer).unwrap();
    test.run(&["restore", "b", "--index", "new"])
        .exits(3)
        .says("not signed by");
    assert!(!test.path("new").exists());
}

#[test]
fn the_doctor_reads_what_is_kept_beside_the_log() {
    let test = CliTest::with_answers_of(LLAMA_2);
    copies(&test, LLAMA_2);
    let check = ["check", "copies.jsonl", "--target-model"];
    test.run(&[&check[..], &[MISTRAL]].concat()).exits(1);
    // The same again has the same verdict, which is kept once.
    let kept = [&check[..], &[MISTRAL, "--keep-sketches"]].concat();
    test.run(&kept).exits(1);
    test.run(&[&check[..], &["Qwen/Qwen2.5-7B"]].concat())
        .exits(1);
    test.run(&["incident", "open", "--source", "answers", "--by", "ada"])
        .exits(0);
    let said = test.run(&["doctor"]).exits(0).stdout;
    for (kind, count) in [("verdicts", 2), ("sketches", 1), ("worklists", 1)] {
        let kept = files(&test, kind);
        assert_eq!(kept.len(), count);
        let line = format!("ok       {kind:<11} {count} kept, as the log names them\n");
        assert!(said.contains(&line), "{said}");
        let bytes = fs::read(&kept[0]).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        fs::write(&kept[0], changed).unwrap();
        // Without sketches a check cannot be decided again; a verdict is what decisions rest on.
        let exit = if kind == "sketches" { 0 } else { 3 };
        test.run(&["doctor"]).exits(exit).says("audit log names");
        fs::remove_file(&kept[0]).unwrap();
        let run = test.run(&["doctor"]);
        match kind {
            "worklists" => run.exits(3).says("it is not there"),
            _ => run
                .exits(0)
                .says("1 missing (entry ")
                .says(&format!("restore {kind}/ from a backup")),
        };
        fs::write(&kept[0], &bytes).unwrap();
    }
    let whole = test.run(&["doctor"]).exits(0).stdout;
    assert!(whole.contains("Everything is as it should be"), "{whole}");
}

#[test]
fn the_doctor_sees_damage_to_the_lineage_graph_and_the_next_question_repairs_it() {
    let test = CliTest::with_answers_of(LLAMA_2);
    test.run(&["trace", "source:answers"]).exits(0);
    let said = test.run(&["doctor"]).exits(0).stdout;
    assert!(
        said.contains("ok       lineage     3 nodes, 2 edges"),
        "{said}"
    );
    for kind in ["delta-", "manifest"] {
        // What is made anew has another name.
        let of_kind = |file: &std::path::PathBuf| {
            let name = file.file_name().unwrap().to_string_lossy();
            name.starts_with(kind)
        };
        let mut files = files(&test, "graph").into_iter();
        let file = files.find(of_kind).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, bytes).unwrap();
        let word = if kind == "manifest" {
            "when it is first asked for"
        } else {
            "warning"
        };
        test.run(&["doctor"]).exits(0).says(word);
        test.run(&["trace", "source:answers"]).exits(0);
        let said = test.run(&["doctor"]).exits(0).stdout;
        assert!(
            said.contains("ok       lineage     3 nodes, 2 edges"),
            "{said}"
        );
    }
}
