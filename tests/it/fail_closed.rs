//! Somebody whose disk, download or colleague failed them: whatever could not be read, looked up
//! or proven must never come out as a pass. Each test names the one thing that is broken.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::Digest as _;

use crate::common::{CliTest, LLAMA_3, MISTRAL, answers_of, clean_texts};

fn check(test: &CliTest, path: &str) -> crate::common::Run {
    test.run(&["check", path, "--target-model", MISTRAL])
}

fn clean_rows(count: usize) -> Vec<Value> {
    clean_texts()
        .into_iter()
        .cycle()
        .take(count)
        .map(|text| json!({"text": text}))
        .collect()
}

/// The newest snapshot of an index, by its number.
fn newest_snapshot(index: &Path) -> PathBuf {
    let mut all: Vec<PathBuf> = fs::read_dir(index.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all.pop().expect("a registration seals a snapshot")
}

// --- The index --------------------------------------------------------------------------------

#[test]
fn a_missing_index_is_undecided_and_says_how_to_make_one() {
    let test = CliTest::new();
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    check(&test, "rows.jsonl").exits(3).says("herdbook init");
}

#[test]
fn an_empty_index_is_undecided() {
    let test = CliTest::with_empty_index();
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    check(&test, "rows.jsonl").exits(3).says("register");
}

#[test]
fn another_index_s_key_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    check(&test, "rows.jsonl").exits(1);
    let other = CliTest::with_empty_index();

    fs::rename(test.index().join("keys"), test.path("old-keys")).unwrap();
    fs::rename(other.index().join("keys"), test.index().join("keys")).unwrap();

    check(&test, "rows.jsonl").exits(3).says("key");
}

#[test]
fn no_key_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    fs::remove_dir_all(test.index().join("keys")).unwrap();
    check(&test, "rows.jsonl").exits(3).says("key");
}

#[test]
fn a_deleted_newest_snapshot_is_undecided_not_an_older_answer() {
    let test = CliTest::with_empty_index();
    let answers = answers_of(LLAMA_3);
    test.register_answers("first", LLAMA_3, &answers[..3]);
    test.register_answers("second", LLAMA_3, &answers[3..6]);
    // In the second source only: an older snapshot would pass it.
    test.write_jsonl("rows.jsonl", &[json!({"text": answers[4].text})]);
    check(&test, "rows.jsonl").exits(1);

    fs::remove_dir_all(newest_snapshot(&test.index())).unwrap();

    check(&test, "rows.jsonl").exits(3).says("snapshot");
}

#[test]
fn any_changed_byte_of_the_snapshot_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    check(&test, "rows.jsonl").exits(0);
    let snapshot = newest_snapshot(&test.index());
    let mut files = 0;
    let mut waiting = vec![snapshot];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let whole = fs::read(&path).unwrap();
            if whole.is_empty() {
                continue;
            }
            let mut changed = whole.clone();
            let middle = changed.len() / 2;
            changed[middle] ^= 1;
            // A hard link may lead into the live index: replace the file, do not write through it.
            fs::remove_file(&path).unwrap();
            fs::write(&path, changed).unwrap();
            let run = check(&test, "rows.jsonl");
            assert_eq!(
                run.code,
                Some(3),
                "{} was changed\n{}",
                path.display(),
                run.transcript()
            );
            fs::write(&path, whole).unwrap();
            files += 1;
        }
    }
    assert!(files >= 3, "only {files} files were tried");
    check(&test, "rows.jsonl").exits(0);
}

#[test]
fn a_log_that_was_cut_is_undecided() {
    let test = CliTest::with_empty_index();
    let answers = answers_of(LLAMA_3);
    test.register_answers("first", LLAMA_3, &answers[..3]);
    let log = test.index().join("log/checkpoint");
    let log_before = fs::read(&log).unwrap();
    test.register_answers("second", LLAMA_3, &answers[3..6]);
    test.write_jsonl("rows.jsonl", &[json!({"text": answers[4].text})]);
    check(&test, "rows.jsonl").exits(1);

    // The log alone goes back to where it stood; the index does not.
    assert_ne!(
        fs::read(&log).unwrap(),
        log_before,
        "a registration is logged"
    );
    fs::write(&log, log_before).unwrap();

    check(&test, "rows.jsonl").exits(3);
}

#[test]
fn a_log_with_a_changed_entry_is_undecided() {
    let test = CliTest::with_empty_index();
    let answers = answers_of(LLAMA_3);
    test.register_answers("first", LLAMA_3, &answers[..3]);
    test.register_answers("second", LLAMA_3, &answers[3..6]);
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    let log = test.index().join("log/tile/entries/000.p/3");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    check(&test, "rows.jsonl").exits(3).says("log");
}

#[test]
fn an_index_of_another_recipe_is_undecided_and_names_both() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    let snapshot = newest_snapshot(&test.index());
    let manifest = snapshot.join("manifest.json");
    let written: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let recipe = written["recipe"].as_str().unwrap().to_owned();
    let other = fs::read_to_string(&manifest)
        .unwrap()
        .replace(&recipe, "r0-of-another-herdbook");
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, &other).unwrap();
    let digest = hex::encode(sha2::Sha256::digest(other.as_bytes()));

    // As the index's own newest snapshot, and as one that travelled under that very digest.
    check(&test, "rows.jsonl").exits(3);
    let folder = snapshot.to_str().unwrap();
    test.run(&[
        "check",
        "rows.jsonl",
        "--target-model",
        MISTRAL,
        "--snapshot",
        folder,
        "--snapshot-digest",
        &digest,
    ])
    .exits(3)
    .says("recipe")
    .says("r0-of-another-herdbook")
    .says(&recipe);
}

#[test]
fn a_snapshot_that_travelled_is_opened_by_its_digest_only() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    let (_, report) = test.check_for_mistral("rows.jsonl");
    let digest = report.0["index"]["digest"].as_str().unwrap().to_owned();
    let snapshot = newest_snapshot(&test.index());
    let with = |digest: &str| {
        test.run(&[
            "check",
            "rows.jsonl",
            "--target-model",
            MISTRAL,
            "--snapshot",
            snapshot.to_str().unwrap(),
            "--snapshot-digest",
            digest,
        ])
    };
    with(&digest).exits(1);
    with(&"0".repeat(64)).exits(3).says("digest");
}

// --- The input --------------------------------------------------------------------------------

#[test]
fn an_input_that_is_not_there_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let (run, report) = test.check_for_mistral("nowhere.jsonl");
    run.exits(3).says("nowhere.jsonl");
    assert_eq!(report.verdict(), "undecided");
}

#[test]
fn a_glob_that_matches_nothing_is_not_a_pass() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let run = check(&test, "runs/*.jsonl");
    assert!(matches!(run.code, Some(2 | 3)), "{}", run.transcript());
    run.says("runs/*.jsonl");
}

#[test]
fn an_empty_folder_is_not_a_pass() {
    let test = CliTest::with_answers_of(LLAMA_3);
    fs::create_dir(test.path("runs")).unwrap();
    let run = check(&test, "runs");
    assert!(matches!(run.code, Some(2 | 3)), "{}", run.transcript());
    run.says("runs");
}

#[test]
fn a_truncated_parquet_is_undecided_with_its_name() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(50));
    test.python("parquet.py", &["convert", "rows.jsonl", "rows.parquet"]);
    check(&test, "rows.parquet").exits(0);
    let whole = fs::read(test.path("rows.parquet")).unwrap();
    for kept in [whole.len() - 1, whole.len() / 2, 4, 0] {
        test.write("rows.parquet", &whole[..kept]);
        let (run, report) = test.check_for_mistral("rows.parquet");
        run.exits(3).says("rows.parquet");
        let finding = report.only("undecided", "rows.parquet");
        assert!(
            finding["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()),
            "{finding}"
        );
    }
}

#[test]
fn a_parquet_damaged_in_the_middle_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(150));
    test.python("parquet.py", &["convert", "rows.jsonl", "rows.parquet"]);
    let mut bytes = fs::read(test.path("rows.parquet")).unwrap();
    for byte in &mut bytes[100..1100] {
        *byte ^= 0xff;
    }
    test.write("rows.parquet", bytes);
    check(&test, "rows.parquet").exits(3).says("rows.parquet");
}

/// Where a run of bytes stands; asserts that it stands there once.
#[track_caller]
fn only_place(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(wanted));
    let place = places.next().expect("as pyarrow writes it");
    assert_eq!(places.next(), None, "{wanted:x?} stands twice");
    place
}

#[test]
fn a_parquet_whose_footer_counts_other_rows_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(150));
    test.python("parquet.py", &["convert", "rows.jsonl", "rows.parquet"]);
    check(&test, "rows.parquet").exits(0);
    let whole = fs::read(test.path("rows.parquet")).unwrap();
    // Thrift's compact form: a field of 64 bits, 150 in zigzag, and the field that follows it: the
    // list of row groups behind the count of the file, the offset behind that of the one row group.
    let count = |of: u8| [of | 0x80, 0x02];
    let of_file = only_place(&whole, &[0x16, 0xac, 0x02, 0x19]) + 1;
    let of_group = only_place(&whole, &[0x16, 0xac, 0x02, 0x26]) + 1;
    assert_eq!(whole[of_file..of_file + 2], count(0x2c));
    // 149, 151 and 182 rows.
    for other in [0x2a, 0x2e, 0x6c] {
        for places in [&[of_file][..], &[of_group], &[of_file, of_group]] {
            let mut damaged = whole.clone();
            for place in places {
                damaged[*place..*place + 2].copy_from_slice(&count(other));
            }
            test.write("rows.parquet", &damaged);
            let (run, report) = test.check_for_mistral("rows.parquet");
            let run = run.says("rows.parquet");
            assert_eq!(
                run.code,
                Some(3),
                "{other:x} at {places:?}\n{}",
                run.transcript()
            );
            let finding = report.only("undecided", "rows.parquet");
            assert_eq!(finding["code"], "file-unreadable", "{finding}");
            assert_eq!(finding["location"]["row"], Value::Null);
        }
    }
}

#[test]
fn half_a_gzip_is_undecided_and_so_is_half_a_zstd() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let plain: String = clean_rows(180)
        .iter()
        .map(|row| format!("{row}\n"))
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zst = zstd::encode_all(plain.as_bytes(), 3).unwrap();
    for (name, whole) in [("rows.jsonl.gz", gzip), ("rows.jsonl.zst", zst)] {
        test.write(name, &whole);
        check(&test, name).exits(0);
        for kept in [whole.len() - 1, whole.len() / 2] {
            test.write(name, &whole[..kept]);
            let (run, report) = test.check_for_mistral(name);
            run.exits(3).says(name);
            assert!(
                report
                    .findings()
                    .iter()
                    .any(|finding| finding["level"] == "undecided"),
                "{name} cut to {kept} bytes"
            );
        }
    }
}

#[test]
fn one_bad_row_among_a_million_is_undecided_with_its_number() {
    const ROWS: u64 = 1_000_000;
    const BAD: u64 = 500_003;
    let test = CliTest::with_answers_of(LLAMA_3);
    let mut file = BufWriter::new(fs::File::create(test.path("rows.jsonl")).unwrap());
    for row in 0..ROWS {
        if row == BAD {
            writeln!(file, "{{\"text\": \"no end").unwrap();
        } else {
            writeln!(file, "{{\"text\": \"row number {row} of many\"}}").unwrap();
        }
    }
    file.into_inner().unwrap().sync_all().unwrap();

    let (run, report) = test.check_for_mistral("rows.jsonl");

    run.exits(3).says("500003");
    assert_eq!(report.tally("read"), ROWS);
    assert_eq!(report.tally("undecided"), 1);
    let finding = report.only("undecided", "rows.jsonl");
    assert_eq!(finding["location"]["row"], BAD);
    assert!(
        finding["how_to_fix"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{finding}"
    );
}

#[test]
fn what_json_does_not_decide_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let good = json!({"text": clean_texts()[0]}).to_string();
    let bad: [(&str, &[u8]); 5] = [
        ("a duplicate key", br#"{"text": "one", "text": "two"}"#),
        ("invalid UTF-8", b"{\"text\": \"caf\xe9\"}"),
        ("a lone surrogate", br#"{"text": "\ud800"}"#),
        (
            "two values on a line",
            br#"{"text": "one"} {"text": "two"}"#,
        ),
        ("a cut row", br#"{"text": "one"#),
    ];
    for (what, line) in bad {
        let mut bytes = format!("{good}\n").into_bytes();
        bytes.extend(line);
        bytes.extend(format!("\n{good}\n").as_bytes());
        test.write("rows.jsonl", bytes);
        let (run, report) = test.check_for_mistral("rows.jsonl");
        assert_eq!(run.code, Some(3), "{what}\n{}", run.transcript());
        assert_eq!(
            report.only("undecided", "rows.jsonl")["location"]["row"],
            1,
            "{what}"
        );
        assert_eq!(
            (report.tally("read"), report.tally("pass")),
            (3, 2),
            "{what}"
        );
    }
}

#[test]
fn token_ids_are_undecided_never_skipped() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"input_ids": [1, 15043, 3186, 2], "attention_mask": [1, 1, 1, 1]})],
    );
    let (run, report) = test.check_for_mistral("rows.jsonl");
    run.exits(3).says("input_ids");
    let columns = &report.0["inputs"][0]["columns"];
    let tokens = columns["input_ids"] == "tokens" || columns["input_ids[]"] == "tokens";
    assert!(tokens, "{columns}");
    assert_eq!(report.tally("undecided"), 1);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_in_a_folder_is_undecided_with_its_name() {
    use std::os::unix::fs::symlink;
    // Permissions do not stop an administrator, so these cannot be read by anybody.
    type Break = fn(&Path);
    let broken: &[(&str, Break)] = &[
        ("a link to nothing", |at| symlink("gone.jsonl", at).unwrap()),
        ("a link to itself", |at| {
            symlink(at.file_name().unwrap(), at).unwrap();
        }),
        #[cfg(target_os = "linux")]
        ("a file whose every read fails", |at| {
            symlink("/proc/self/mem", at).unwrap();
        }),
    ];
    for (what, make) in broken {
        let test = CliTest::with_answers_of(LLAMA_3);
        test.write_jsonl("runs/a.jsonl", &clean_rows(3));
        test.write_jsonl("runs/c.jsonl", &clean_rows(3));
        make(&test.path("runs/b.jsonl"));

        let (run, report) = test.check_for_mistral("runs");

        let run = run.says("b.jsonl");
        assert_eq!(run.code, Some(3), "{what}\n{}", run.transcript());
        assert_eq!(
            report.only("undecided", "b.jsonl")["location"]["row"],
            Value::Null,
            "{what}"
        );
        assert_eq!(
            report.tally("pass"),
            6,
            "{what}: the other files are still read"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_leads_back_to_itself_is_read_once_or_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("runs/a.jsonl", &clean_rows(3));
    std::os::unix::fs::symlink(".", test.path("runs/again")).unwrap();
    let (run, report) = test.check_for_mistral("runs");
    assert!(matches!(run.code, Some(0 | 3)), "{}", run.transcript());
    assert_eq!(report.tally("pass"), 3, "no row counts twice");
}

#[test]
fn a_block_outranks_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write(
        "rows.jsonl",
        format!(
            "{}\n{{\"text\": \n",
            json!({"text": answers_of(LLAMA_3)[0].text})
        ),
    );
    let (run, report) = test.check_for_mistral("rows.jsonl");
    run.exits(1);
    assert_eq!((report.tally("block"), report.tally("undecided")), (1, 1));
}

// --- What the policy asks for -------------------------------------------------------------------

#[test]
fn a_log_shorter_than_the_policy_asks_for_is_undecided() {
    let test = CliTest::with_empty_index();
    let answers = answers_of(LLAMA_3);
    test.register_answers("first", LLAMA_3, &answers[..3]);
    let copied = Command::new("cp")
        .arg("-a")
        .arg(test.index())
        .arg(test.path("then"))
        .status()
        .unwrap();
    assert!(copied.success());
    test.register_answers("second", LLAMA_3, &answers[3..6]);
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    let with = |index: &str, policy: &str| {
        test.write("policy.toml", policy);
        test.run(&[
            "check",
            "rows.jsonl",
            "--target-model",
            MISTRAL,
            "--policy",
            "policy.toml",
            "--index",
            index,
        ])
    };
    // Sealed behind the entries of `init` and of the first registration.
    with(".herdbook", "log_size_min = 2").exits(0);
    with(".herdbook", "log_size_min = 3")
        .exits(3)
        .says("snapshot-stale")
        .says("2 of the 3 entries");
    // Everything set back together is an index in order, and only this tells.
    with("then", "").exits(0);
    with("then", "log_size_min = 1").exits(0);
    with("then", "log_size_min = 2")
        .exits(3)
        .says("1 of the 2 entries")
        .says("backup");
    with(".herdbook", "log_size_min = -1")
        .exits(2)
        .says("log_size_min");
    with(".herdbook", "log_size_min = 2.5").exits(2);
    test.run(&["policy", "check", "policy.toml"]).exits(2);
    test.write("policy.toml", "log_size_min = 2\ntext_share_min = 0.75\n");
    test.run(&["policy", "check", "policy.toml"])
        .exits(0)
        .says("fewer than 2 entries")
        .says("less than 0.75");
}

#[test]
fn less_text_than_the_policy_asks_for_is_undecided() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let mut rows = clean_rows(6);
    rows.push(json!({"text": Value::Null}));
    rows.push(json!({"text": " \n\t"}));
    // Two strings in one row make up for no other row.
    rows[0] = json!({"text": "one", "more": "two", "even": {"more": ["three", "four"]}});
    test.write_jsonl("rows.jsonl", &rows);
    test.python("parquet.py", &["convert", "rows.jsonl", "rows.parquet"]);
    test.write_jsonl("empty.jsonl", &[json!({"text": ""}), json!({"n": 1})]);
    let with = |file: &str, policy: &str| {
        test.write("policy.toml", policy);
        test.check(&[file, "--target-model", MISTRAL, "--policy", "policy.toml"])
    };
    for file in ["rows.jsonl", "rows.parquet"] {
        with(file, "").0.exits(0);
        with(file, "text_share_min = 0.75").0.exits(0);
        let (run, report) = with(file, "text_share_min = 0.76");
        run.exits(3).says("text-share-low").says("6 of 8 rows");
        let finding = report.only("undecided", file);
        assert_eq!(finding["code"], "text-share-low");
        assert_eq!(report.verdict(), "undecided");
        assert_eq!((report.tally("read"), report.tally("pass")), (8, 8));
        with(file, "text_share_min = 1").0.exits(3);
    }
    // What a policy lets through as empty it may still refuse as too little, and the other way.
    let lenient = "[levels]\ninput-empty = \"flag\"\n";
    with("empty.jsonl", lenient).0.exits(0);
    with("empty.jsonl", &format!("text_share_min = 0\n{lenient}"))
        .0
        .exits(0);
    with("empty.jsonl", &format!("text_share_min = 0.01\n{lenient}"))
        .0
        .exits(3)
        .says("0 of 2 rows");
    for wrong in ["1.01", "-0.5", "nan", "inf", "\"half\""] {
        test.write("policy.toml", format!("text_share_min = {wrong}"));
        check_with_policy(&test, "rows.jsonl")
            .exits(2)
            .says("policy.toml:1");
    }
    // Nothing of it can be made milder.
    test.write("policy.toml", "[levels]\ntext-share-low = \"flag\"\n");
    check_with_policy(&test, "rows.jsonl").exits(2);
}

fn check_with_policy(test: &CliTest, path: &str) -> crate::common::Run {
    test.run(&[
        "check",
        path,
        "--target-model",
        MISTRAL,
        "--policy",
        "policy.toml",
    ])
}

// --- What an earlier run left -------------------------------------------------------------------

#[test]
fn the_report_of_an_earlier_run_never_outlives_a_failed_one() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    let (run, report) = test.check_for_mistral("rows.jsonl");
    run.exits(0);
    assert_eq!(report.verdict(), "pass");

    // However early the next run ends, the pass must be gone.
    fs::rename(test.index(), test.path("hidden")).unwrap();
    test.run(&[
        "check",
        "rows.jsonl",
        "--target-model",
        MISTRAL,
        "--report",
        "report.json",
    ])
    .exits(3);
    let left = fs::read_to_string(test.path("report.json")).unwrap_or_default();
    assert!(
        !left.contains("\"verdict\":\"pass\"") && !left.contains("\"verdict\": \"pass\""),
        "{left}"
    );
}

// --- What was asked -----------------------------------------------------------------------------

#[test]
fn bad_usage_config_and_targets_are_2() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &clean_rows(2));
    test.write(
        "unknown-key.toml",
        "[model]\nname = \"a\"\nbase = [\"x/y\"]\nkindd = \"llm\"\n",
    );
    test.write("no-base.toml", "[model]\nname = \"a\"\n");
    test.write(
        "bad-word.toml",
        "[model]\nname = \"a\"\nbase = [\"x/y\"]\nkind = \"lllm\"\n",
    );
    test.write("broken.toml", "[model\n");
    let cases: &[&[&str]] = &[
        &["check", "rows.jsonl"],
        &["check", "--target-model", MISTRAL],
        &["check", "rows.jsonl", "--target", "nowhere.toml"],
        &["check", "rows.jsonl", "--target", "unknown-key.toml"],
        &["check", "rows.jsonl", "--target", "no-base.toml"],
        &["check", "rows.jsonl", "--target", "bad-word.toml"],
        &["check", "rows.jsonl", "--target", "broken.toml"],
        &[
            "check",
            "rows.jsonl",
            "--target-model",
            MISTRAL,
            "--no-such-option",
        ],
        &["no-such-command"],
        &["register"],
    ];
    for args in cases {
        let run = test.run(args);
        assert_eq!(run.code, Some(2), "{}", run.transcript());
        assert!(!run.stderr.is_empty(), "{args:?} says nothing");
    }
}
