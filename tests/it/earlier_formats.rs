//! Somebody with an index that an earlier herdbook made, frozen under `fixtures/`. What cannot be
//! read is refused by name with what to do, is never clean, and is left as it is for the program
//! that can read it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use sha2::Digest as _;

use crate::common::CliTest;
use crate::common::MISTRAL;
use crate::common::contents;
use crate::common::repo;

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";

/// A folder with a frozen index as its own, and beside it what is registered there.
fn frozen(format: &str) -> CliTest {
    let test = CliTest::new();
    let archive = repo().join(format!("fixtures/{format}/index.tar.gz"));
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(test.path(""))
        .status()
        .unwrap();
    assert!(unpacked.success());
    fs::rename(test.path("index"), test.index()).unwrap();
    // The same two sources in both fixtures.
    for name in ["first.jsonl", "second.jsonl"] {
        test.write(
            name,
            fs::read(repo().join("fixtures/index-2").join(name)).unwrap(),
        );
    }
    test
}

/// All that an index holds, without the locks, which are empty and made by whoever looks for them.
fn kept(index: &Path) -> BTreeSet<(PathBuf, String)> {
    contents(index)
        .into_iter()
        .filter(|(path, _)| path.extension().is_none_or(|end| end != "lock"))
        .filter(|(path, _)| path != Path::new("lock"))
        .collect()
}

#[test]
fn an_index_of_format_1_is_refused_by_name_and_left_as_it_is() {
    let test = frozen("index-1");
    let before = kept(&test.index());
    assert!(before.len() > 40, "the fixture is whole: {before:?}");
    let commands: &[&[&str]] = &[
        &["check", "first.jsonl", "--target-model", MISTRAL],
        &["register", "first.jsonl", "--source", "a", "--model", LLAMA],
        &["snapshot", "seal"],
        &["snapshot", "verify"],
        &["snapshot", "list"],
        &["audit", "verify"],
        &["audit", "log"],
        &["doctor"],
        &["source", "list"],
        &["source", "withdraw", "first"],
        &["backup", "backed-up"],
    ];
    for command in commands {
        let run = test.run(command);
        let said = format!("{}{}", run.stdout, run.stderr).replace("\n               ", " ");
        assert_eq!(run.code, Some(3), "{}", run.transcript());
        assert!(
            said.contains("the index has format 1"),
            "{}",
            run.transcript()
        );
        assert!(
            said.contains("register the sources into a new index"),
            "{}",
            run.transcript()
        );
        assert!(
            !said.contains("snapshot seal` moves"),
            "a remedy that does not help\n{}",
            run.transcript()
        );
        assert_eq!(kept(&test.index()), before, "{}", run.transcript());
    }
    assert!(!test.path("backed-up").exists(), "half a backup");
}

#[test]
fn a_check_of_format_1_is_undecided_over_no_row_at_all() {
    let test = frozen("index-1");
    // Registered word for word: a pass here would be the worst answer there is.
    let (run, report) = test.check_for_mistral("first.jsonl");
    run.exits(3);
    assert_eq!(report.verdict(), "undecided");
    assert_eq!((report.tally("read"), report.tally("pass")), (0, 0));

    // Its snapshot as one that travelled, under its true digest.
    let snapshot = test.index().join("snapshots/0000000003");
    let manifest = fs::read(snapshot.join("manifest.json")).unwrap();
    let digest = hex::encode(sha2::Sha256::digest(&manifest));
    let (run, report) = test.check(&[
        "first.jsonl",
        "--target-model",
        MISTRAL,
        "--snapshot",
        snapshot.to_str().unwrap(),
        "--snapshot-digest",
        &digest,
    ]);
    run.exits(3).says("format 1").says("format 2");
    assert_eq!(report.verdict(), "undecided");
    assert_eq!(report.tally("pass"), 0);
}

#[test]
fn the_sources_of_format_1_go_into_a_new_index() {
    let test = frozen("index-1");
    fs::rename(test.index(), test.path("old")).unwrap();
    test.run(&["init"]).exits(0);
    test.run(&[
        "register",
        "first.jsonl",
        "--source",
        "first",
        "--model",
        LLAMA,
    ])
    .exits(0);
    let (_, report) = test.check_for_mistral("first.jsonl");
    assert_eq!((report.tally("read"), report.tally("flag")), (3, 3));
}
