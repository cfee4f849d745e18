//! Compliance hands a trainer a file that says what was checked; the trainer, and an auditor
//! without herdbook, hold the data against it. A file that says yes where the check did not must
//! not exist, and none that was tampered with is believed by anybody.
#![expect(
    clippy::print_stdout,
    reason = "counts and times are what these tests are run by hand for"
)]

use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use herdbook::attest;
use herdbook::attest::dsse;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use crate::common::CliTest;
use crate::common::LLAMA_3;
use crate::common::LLAMA_31;
use crate::common::MISTRAL;
use crate::common::Run;
use crate::common::answers_of;
use crate::common::clean_texts;
use crate::common::interpreter;
use crate::common::repo;
use crate::mutants::Mutator;

fn clean_rows(count: usize) -> Vec<Value> {
    clean_texts()
        .into_iter()
        .cycle()
        .take(count)
        .map(|text| json!({"text": text}))
        .collect()
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An index with the answers of one model, and `clean.jsonl`.
fn registered(model: &str) -> CliTest {
    let test = CliTest::with_answers_of(model);
    test.write_jsonl("clean.jsonl", &clean_rows(6));
    test
}

/// `check ARGS --target-model MISTRAL --attest a`.
fn attest(test: &CliTest, args: &[&str]) -> Run {
    let mut all = vec!["check"];
    all.extend(args);
    all.extend(["--target-model", MISTRAL, "--attest", "a"]);
    test.run(&all)
}

/// `attest verify a ARGS`.
fn verify(test: &CliTest, args: &[&str]) -> Run {
    let mut all = vec!["attest", "verify", "a"];
    all.extend(args);
    test.run(&all)
}

fn public_key(test: &CliTest) -> PathBuf {
    test.index().join("keys/attest.pub")
}

/// The statement in an envelope's file.
fn statement(test: &CliTest, file: &str) -> Value {
    let bytes = fs::read(test.path(file)).unwrap();
    let envelope: Value = serde_json::from_slice(&bytes).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

/// The codes that `attest verify --json` refuses with, and its exit code.
fn refusals(test: &CliTest, args: &[&str]) -> (Vec<String>, i32) {
    let mut all = args.to_vec();
    all.push("--json");
    let run = verify(test, &all);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| {
        panic!("{error}\n{}", run.transcript());
    });
    let codes: Vec<String> = answer["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(answer["accepted"], codes.is_empty(), "{}", run.stdout);
    assert_eq!(answer["exit_code"], run.code.unwrap(), "{}", run.stdout);
    (codes, run.code.unwrap())
}

// --- What a check attests -----------------------------------------------------------------------

#[test]
fn a_clean_set_is_attested_accepted_and_refused_once_it_changed() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl"])
        .exits(0)
        .says("attested in a");
    let said = statement(&test, "a");
    let data = fs::read(test.path("clean.jsonl")).unwrap();
    assert_eq!(said["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(said["predicateType"], "https://herdbook.dev/check/v1");
    assert_eq!(
        said["subject"],
        json!([{"name": "clean.jsonl", "digest": {"sha256": sha256(&data)}}])
    );
    let predicate = &said["predicate"];
    assert_eq!(predicate["verdict"], "pass");
    assert_eq!(predicate["rows"]["pass"], 6);
    assert_eq!(predicate["coverage"][0]["bytes"], data.len());
    let columns = &predicate["coverage"][0]["columns"];
    assert_eq!(
        *columns,
        json!([{"path": "text", "use": "scanned", "leaves": 6, "reason": null}])
    );
    let program = fs::read(env!("CARGO_BIN_EXE_herdbook")).unwrap();
    assert_eq!(predicate["tool"]["sha256"], sha256(program));
    assert_eq!(
        statement(&test, "a.svr.json")["predicateType"],
        "https://in-toto.io/attestation/svr/v0.2"
    );

    verify(&test, &["--data", "clean.jsonl"])
        .exits(0)
        .says("ACCEPTED");
    verify(&test, &["--data", "clean.jsonl", "--target-model", MISTRAL]).exits(0);
    let policy = predicate["policy"]["digest"].as_str().unwrap();
    verify(&test, &["--data", "clean.jsonl", "--policy-digest", policy]).exits(0);
    let bundle = test.run(&[
        "attest",
        "verify",
        "a.sigstore.json",
        "--data",
        "clean.jsonl",
    ]);
    bundle.exits(0);

    let refused = |args: &[&str]| refusals(&test, args);
    let model = ["--data", "clean.jsonl", "--target-model", LLAMA_3];
    assert_eq!(refused(&model), (vec!["other-target".into()], 3));
    let other = "0".repeat(64);
    let policy = ["--data", "clean.jsonl", "--policy-digest", &other];
    assert_eq!(refused(&policy), (vec!["other-policy".into()], 3));
    // The short form is no attestation of a check, and proves nothing here.
    test.run(&["attest", "verify", "a.svr.json", "--data", "clean.jsonl"])
        .exits(3)
        .says("predicate");
    let mut changed = data;
    changed[20] ^= 1;
    test.write("clean.jsonl", &changed);
    verify(&test, &["--data", "clean.jsonl"])
        .exits(3)
        .says("clean.jsonl")
        .says("fix:");
    assert_eq!(
        refused(&["--data", "clean.jsonl"]),
        (vec!["unknown-data".into(), "missing-data".into()], 3)
    );
    verify(&test, &["--data", "nowhere.jsonl"]).exits(3);
    verify(&test, &[]).exits(2);
}

#[test]
fn every_file_must_be_given_and_every_given_file_must_have_been_checked() {
    let test = registered(LLAMA_3);
    test.write_jsonl("data/one.jsonl", &clean_rows(2));
    test.write_jsonl("data/two.jsonl", &clean_rows(3));
    attest(&test, &["data"]).exits(0);
    let refused = |args: &[&str]| refusals(&test, args);
    assert_eq!(refused(&["--data", "data"]), (vec![], 0));
    assert_eq!(
        refused(&["--data", "data/one.jsonl", "data/two.jsonl"]),
        (vec![], 0)
    );
    assert_eq!(
        refused(&["--data", "data/one.jsonl"]),
        (vec!["missing-data".into()], 3)
    );
    assert_eq!(
        refused(&["--data", "data/one.jsonl", "--subset"]),
        (vec![], 0)
    );
    assert_eq!(
        refused(&["--data", "data", "clean.jsonl", "--subset"]),
        (vec!["unknown-data".into()], 3)
    );
    let digest = |name: &str| format!("sha256:{}", sha256(fs::read(test.path(name)).unwrap()));
    let (one, two) = (digest("data/one.jsonl"), digest("data/two.jsonl"));
    let digests = ["--digest", &one, "--digest", &two];
    assert_eq!(refused(&digests), (vec![], 0));
    // Without data to hash: a trainer's start-up does not notice it.
    let begun = Instant::now();
    for _ in 0..10 {
        verify(&test, &digests).exits(0);
    }
    let each = begun.elapsed() / 10;
    println!("attest verify --digest: {each:?} a call, process start included");
    assert!(each < Duration::from_millis(500), "{each:?}");
}

#[test]
fn a_flagged_set_is_attested_as_flagged_with_its_duties() {
    let test = registered(LLAMA_31);
    let rows: Vec<Value> = answers_of(LLAMA_31)
        .iter()
        .map(|answer| json!({"text": answer.text}))
        .collect();
    test.write_jsonl("flagged.jsonl", &rows);
    attest(&test, &["flagged.jsonl"]).exits(0);
    let said = statement(&test, "a");
    assert_eq!(said["predicateType"], "https://herdbook.dev/check/v1");
    assert_eq!(said["predicate"]["verdict"], "flag");
    assert!(
        !said["predicate"]["obligations"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(said["predicate"]["matches"][0]["tier"], "exact");
    assert!(!test.path("a.svr.json").exists(), "an SVR is a pass");
    let rows = &said["predicate"]["rows"];
    assert_eq!(rows["read"], rows["flag"]);

    verify(&test, &["--data", "flagged.jsonl"])
        .exits(0)
        .says("ACCEPTED WITH FLAGS")
        .says("duty");
    let strict = ["--data", "flagged.jsonl", "--fail-on", "flag"];
    assert_eq!(refusals(&test, &strict), (vec!["flag".into()], 1));
}

#[test]
fn a_block_and_an_undecided_check_are_attested_truthfully_and_accepted_by_nobody() {
    let test = registered(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[0].text;
    test.write_jsonl("blocked.jsonl", &[json!({"text": answer})]);
    attest(&test, &["blocked.jsonl"]).exits(1);
    let said = statement(&test, "a");
    let refused_type = "https://herdbook.dev/check-refused/v1";
    assert_eq!(said["predicateType"], refused_type);
    assert_eq!(said["predicate"]["verdict"], "block");
    assert_eq!(said["subject"][0]["name"], "blocked.jsonl");
    assert!(!test.path("a.svr.json").exists());
    let blocked = refusals(&test, &["--data", "blocked.jsonl"]);
    assert_eq!(blocked, (vec!["block".into()], 1));

    test.write("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": \n");
    attest(&test, &["broken.jsonl"]).exits(3);
    let said = statement(&test, "a");
    assert_eq!(said["predicateType"], refused_type);
    assert_eq!(said["predicate"]["verdict"], "undecided");
    let (codes, exit) = refusals(&test, &["--data", "broken.jsonl"]);
    assert_eq!(exit, 3);
    assert!(codes.contains(&"undecided".to_owned()), "{codes:?}");

    // Nothing was read at all: still a statement, about the check itself.
    attest(&test, &["nowhere.jsonl"]).exits(3);
    let said = statement(&test, "a");
    assert_eq!(said["subject"][0]["name"], "herdbook check");
    assert_eq!(said["predicate"]["coverage"][0]["sha256"], Value::Null);

    test.run(&["attest", "show", "a"])
        .exits(0)
        .says("NOT VERIFIED")
        .says("undecided");
    test.run(&["attest", "show", "a", "--json"])
        .exits(0)
        .says(refused_type);
}

#[test]
fn a_parquet_file_is_attested_with_the_rows_of_its_footer() {
    let test = registered(LLAMA_3);
    test.copy_demo("train.parquet");
    attest(&test, &["train.parquet"]);
    let said = statement(&test, "a");
    let file = &said["predicate"]["coverage"][0];
    assert_eq!(file["format"], "parquet");
    assert!(file["rows_declared"].as_u64().unwrap() > 0);
    assert_eq!(file["rows_declared"], file["rows_read"]);
    assert_eq!(file["rows_declared"], file["rows"]["read"]);
}

#[test]
fn what_was_left_out_is_said_and_can_be_refused() {
    let test = registered(LLAMA_3);
    test.write_jsonl(
        "two.jsonl",
        &[json!({"text": clean_texts()[0], "note": clean_texts()[1]})],
    );
    attest(&test, &["two.jsonl", "--exempt-column", "note"]).exits(0);
    let said = statement(&test, "a");
    let note = &said["predicate"]["coverage"][0]["columns"][0];
    assert_eq!(
        *note,
        json!({"path": "note", "use": "exempt", "leaves": 1, "reason": "exempted-by-caller"})
    );
    verify(&test, &["--data", "two.jsonl"]).exits(0);
    let whole = ["--data", "two.jsonl", "--no-exempt-columns"];
    assert_eq!(refusals(&test, &whole), (vec!["exempt-column".into()], 3));
    attest(&test, &["two.jsonl", "--text-column", "text"]).exits(0);
    let said = statement(&test, "a");
    assert_eq!(
        said["predicate"]["coverage"][0]["columns"][0]["reason"],
        "not-selected-by-caller"
    );
}

#[test]
fn standard_input_is_a_subject_by_its_digest() {
    let test = registered(LLAMA_3);
    let data = fs::read(test.path("clean.jsonl")).unwrap();
    let args = ["check", "-", "--target-model", MISTRAL, "--attest", "a"];
    test.run_with_stdin(&args, &data).exits(0);
    assert_eq!(statement(&test, "a")["subject"][0]["name"], "-");
    verify(&test, &["--data", "clean.jsonl"]).exits(0);
    let args = ["attest", "verify", "a", "--data", "-"];
    test.run_with_stdin(&args, &data).exits(0);
    test.run_with_stdin(&args, b"other").exits(3);
}

#[test]
fn links_are_what_they_lead_to() {
    let test = registered(LLAMA_3);
    fs::hard_link(test.path("clean.jsonl"), test.path("hard.jsonl")).unwrap();
    std::os::unix::fs::symlink("clean.jsonl", test.path("soft.jsonl")).unwrap();
    for name in ["hard.jsonl", "soft.jsonl"] {
        attest(&test, &[name]).exits(0);
        for data in ["clean.jsonl", "hard.jsonl", "soft.jsonl"] {
            verify(&test, &["--data", data]).exits(0);
        }
    }
    // A link that leads elsewhere now, and a write through the other name, are other data.
    test.write_jsonl("other.jsonl", &clean_rows(2));
    fs::remove_file(test.path("soft.jsonl")).unwrap();
    std::os::unix::fs::symlink("other.jsonl", test.path("soft.jsonl")).unwrap();
    verify(&test, &["--data", "soft.jsonl"]).exits(3);
    let mut hard = OpenOptions::new()
        .append(true)
        .open(test.path("hard.jsonl"))
        .unwrap();
    hard.write_all(b"\n").unwrap();
    verify(&test, &["--data", "clean.jsonl"]).exits(3);
}

// --- When it holds ------------------------------------------------------------------------------

fn day(days: i64) -> String {
    let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    today
        .checked_add(jiff::Span::new().days(days))
        .unwrap()
        .to_string()
}

#[test]
fn an_attestation_expires_and_ages_and_does_not_hold_before_it_was_made() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl", "--attest-days", "10"]).exits(0);
    let at = |days: i64, more: &[&str]| {
        let date = day(days);
        let mut args = vec!["--data", "clean.jsonl", "--as-of", &date];
        args.extend(more);
        refusals(&test, &args)
    };
    assert_eq!(at(9, &[]), (vec![], 0));
    assert_eq!(at(12, &[]), (vec!["expired".into()], 3));
    assert_eq!(at(3, &["--max-age", "7"]), (vec![], 0));
    assert_eq!(at(9, &["--max-age", "7"]), (vec!["stale".into()], 3));
    assert_eq!(at(-5, &[]), (vec!["not-yet".into()], 3));
    // A check as of a day long past, when approvals may still have held, has expired already.
    attest(&test, &["clean.jsonl", "--as-of", &day(-60)]).exits(0);
    assert_eq!(
        refusals(&test, &["--data", "clean.jsonl"]),
        (vec!["expired".into()], 3)
    );
}

#[test]
fn another_key_proves_nothing_and_one_of_several_is_enough() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl"]).exits(0);
    let other = CliTest::with_empty_index();
    let other_key = public_key(&other);
    let (other_key, own_key) = (other_key.to_str().unwrap(), public_key(&test));
    let own_key = own_key.to_str().unwrap();
    let data = ["--data", "clean.jsonl", "--key"];
    let with = |keys: &[&str]| {
        let mut args = data.to_vec();
        args.extend(keys);
        refusals(&test, &args)
    };
    assert_eq!(with(&[own_key]), (vec![], 0));
    assert_eq!(with(&[other_key]), (vec!["not-signed".into()], 3));
    assert_eq!(with(&[other_key, "--key", own_key]), (vec![], 0));
    verify(&test, &["--data", "clean.jsonl", "--key", "clean.jsonl"])
        .exits(2)
        .says("PEM");
    // Elsewhere, with the public key alone.
    let elsewhere = CliTest::new();
    for name in ["a", "clean.jsonl"] {
        fs::copy(test.path(name), elsewhere.path(name)).unwrap();
    }
    verify(&elsewhere, &["--data", "clean.jsonl"])
        .exits(2)
        .says("--key");
    verify(&elsewhere, &["--data", "clean.jsonl", "--key", own_key]).exits(0);
}

#[test]
fn the_audit_log_s_receipt_proves_that_the_attestation_was_entered() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl"]).exits(0);
    let position = statement(&test, "a")["predicate"]["log"].clone();
    assert!(position["tree_size"].as_u64() > position["entry"].as_u64());
    let log_key = |test: &CliTest| {
        let text = fs::read_to_string(test.index().join("keys/log.pub")).unwrap();
        text.trim().to_owned()
    };
    let (own, other) = (log_key(&test), log_key(&CliTest::with_empty_index()));
    let with = |key: &str| refusals(&test, &["--data", "clean.jsonl", "--log-key", key]);
    assert_eq!(with(&own), (vec![], 0));
    assert_eq!(with(&other), (vec!["not-logged".into()], 3));
    verify(&test, &["--data", "clean.jsonl", "--log-key", "x"]).exits(2);
    let bundle = ["attest", "verify", "a.sigstore.json", "--log-key", &own];
    let mut args = bundle.to_vec();
    args.extend(["--data", "clean.jsonl"]);
    test.run(&args).exits(0).says("of log");
    test.run(&["audit", "verify"]).exits(0);
    // The receipt of another attestation, an entry that was changed, and none.
    let keep = |name: &str| fs::read(test.path(name)).unwrap();
    let (first, proof, entry) = (keep("a"), keep("a.tlog-proof"), keep("a.tlog-entry"));
    attest(&test, &["clean.jsonl"]).exits(0);
    assert_eq!(with(&own), (vec![], 0));
    let second = keep("a");
    assert_ne!(first, second, "another entry of the log");
    test.write("a", &first);
    assert_eq!(with(&own), (vec!["not-logged".into()], 3));
    test.write("a.tlog-proof", &proof);
    assert_eq!(with(&own).1, 3);
    test.write("a.tlog-entry", &entry);
    assert_eq!(with(&own), (vec![], 0));
    let mut changed = entry;
    changed[30] ^= 1;
    test.write("a.tlog-entry", &changed);
    assert_eq!(with(&own).1, 3);
    fs::remove_file(test.path("a.tlog-entry")).unwrap();
    assert_eq!(with(&own).1, 3);
}

// --- When it is written -------------------------------------------------------------------------

#[test]
fn an_old_attestation_never_stands_beside_a_new_failure() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl"]).exits(0);
    for name in ["a", "a.sigstore.json", "a.svr.json"] {
        assert!(test.path(name).exists(), "{name}");
    }
    // A bad target is found after the names are looked at: the old pass is gone all the same.
    let bad = [
        "check",
        "clean.jsonl",
        "--target",
        "none.toml",
        "--attest",
        "a",
    ];
    test.run(&bad).exits(2);
    for name in ["a", "a.sigstore.json", "a.svr.json"] {
        assert!(!test.path(name).exists(), "{name}");
    }
    // What is not herdbook's is left alone, and nothing is checked.
    test.write("a", "{\"text\": \"mine\"}\n");
    attest(&test, &["clean.jsonl"])
        .exits(2)
        .says("another name");
    assert!(test.path("a").exists());
    fs::remove_file(test.path("a")).unwrap();
    test.write("a.svr.json", "[]");
    attest(&test, &["clean.jsonl"]).exits(2);
    assert!(test.path("a.svr.json").exists());
    fs::remove_file(test.path("a.svr.json")).unwrap();
    test.run(&[
        "check",
        "clean.jsonl",
        "--target-model",
        MISTRAL,
        "--attest",
        "clean.jsonl",
    ])
    .exits(2);
    let clash = ["clean.jsonl", "--report", "a.svr.json"];
    attest(&test, &clash).exits(2);
}

#[test]
fn an_attestation_that_cannot_be_written_is_exit_3_and_a_lost_report_leaves_no_pass() {
    let test = registered(LLAMA_3);
    let lost = [
        "clean.jsonl",
        "--target-model",
        MISTRAL,
        "--attest",
        "none/a",
    ];
    let mut args = vec!["check"];
    args.extend(lost);
    test.run(&args).exits(3).says("could not be attested");

    // The report cannot be written: the check is exit 3, so no statement says that it passed.
    attest(&test, &["clean.jsonl", "--report", "none/r.json"]).exits(3);
    let said = statement(&test, "a");
    assert_eq!(said["predicate"]["verdict"], "undecided");
    assert_eq!(refusals(&test, &["--data", "clean.jsonl"]).1, 3);

    fs::remove_file(test.index().join("keys/attest.key")).unwrap();
    attest(&test, &["clean.jsonl"]).exits(3).says("attest.key");
}

/// Other bytes take the place of those that are scanned, in four ways, at any moment. 24 races;
/// `HERDBOOK_RACES=1000` for the campaign.
#[test]
fn no_attestation_is_made_for_bytes_that_were_not_scanned() {
    let test = registered(LLAMA_3);
    let clean: String = clean_rows(20_000)
        .iter()
        .map(|row| format!("{row}\n"))
        .collect();
    let answer = json!({"text": answers_of(LLAMA_3)[0].text}).to_string() + "\n";
    // As long as the clean one, the registered answer at its end.
    let mut dirty = clean.clone().into_bytes();
    let at = dirty.len() - answer.len();
    let line = dirty[..at].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    dirty.truncate(line);
    dirty.extend_from_slice(answer.as_bytes());
    dirty.resize(clean.len(), b'\n');
    let clean_sha = sha256(&clean);
    let path = test.path("race.jsonl");
    let (mut let_through, mut stopped) = (0_u64, 0_u64);
    let rounds = std::env::var("HERDBOOK_RACES").map_or(24, |count| count.parse().unwrap());
    for round in 0..rounds {
        fs::write(&path, &clean).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let args = [
            "check",
            "race.jsonl",
            "--target-model",
            MISTRAL,
            "--attest",
            "a",
            "--quiet",
        ];
        let mut child = test
            .command(&args)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut ended = false;
        while !reads(child.id(), &path) && !ended {
            ended = child.try_wait().unwrap().is_some();
        }
        std::thread::sleep(Duration::from_millis(round * 2 % 60));
        match round % 4 {
            0 => {
                // In place, and the time of modification set back.
                let file = OpenOptions::new().write(true).open(&path).unwrap();
                file.write_all_at(&dirty[line..], line as u64).unwrap();
                file.set_modified(before).unwrap();
            }
            1 => {
                let next = test.write("next.jsonl", &dirty);
                fs::rename(next, &path).unwrap();
            }
            2 => {
                let mut file = OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(answer.as_bytes()).unwrap();
            }
            _ => {
                let file = OpenOptions::new().write(true).open(&path).unwrap();
                file.set_len(line as u64 / 2).unwrap();
            }
        }
        let exit = child.wait().unwrap().code();
        let said = statement(&test, "a");
        let subject = &said["subject"][0]["digest"]["sha256"];
        if said["predicateType"] == "https://herdbook.dev/check/v1" {
            let_through += 1;
            assert_eq!(exit, Some(0));
            assert_eq!(*subject, clean_sha.as_str(), "round {round}");
            // And what lies there now is something else.
            verify(&test, &["--data", "race.jsonl"]).exits(3);
        } else {
            stopped += 1;
            assert_ne!(exit, Some(0), "round {round}");
        }
        fs::remove_file(&path).unwrap();
    }
    println!("{stopped} races stopped the check, {let_through} came after it");
    assert!(stopped > 0, "no race was won: the file is read too fast");
}

/// Whether a worker of this process has this file open.
fn reads(process: u32, path: &Path) -> bool {
    let workers = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let wanted = fs::canonicalize(path).unwrap();
    workers
        .unwrap_or_default()
        .split_whitespace()
        .any(|worker| {
            let open = fs::read_dir(format!("/proc/{worker}/fd"))
                .into_iter()
                .flatten();
            open.flatten()
                .any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == wanted))
        })
}

// --- What outsiders say -------------------------------------------------------------------------

/// Runs a verifier of `tests/outside` on many cases at once; one line of answer for each.
fn outside(
    test: &CliTest,
    program: &Path,
    script: &str,
    key: &Path,
    cases: &[Vec<u8>],
) -> Vec<String> {
    let lines: String = cases
        .iter()
        .map(|case| STANDARD.encode(case) + "\n")
        .collect();
    let path = test.write(&format!("{script}.cases"), lines);
    let output = Command::new(program)
        .arg(repo().join("tests/outside").join(script))
        .args([key, &path])
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}: run `make setup` (Node.js 20.17 or newer, and Python 3)",
                program.display()
            )
        });
    assert!(
        output.status.success(),
        "{script}: is everything installed (`make setup`)?\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(said.len(), cases.len(), "{script}");
    said
}

fn in_a_bundle(envelope: &[u8]) -> Vec<u8> {
    let head = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"},"tlogEntries":[],"timestampVerificationData":{"rfc3161Timestamps":[]}},"dsseEnvelope":"#;
    [head.as_bytes(), envelope, b"}"].concat()
}

fn payload_of(envelope: &[u8]) -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap()
}

/// `openssl pkeyutl` on the bytes that are signed.
fn openssl_accepts(test: &CliTest, key: &Path, signed: &[u8], signature: &[u8]) -> bool {
    let (signed, signature) = (
        test.write("pae.bin", signed),
        test.write("sig.bin", signature),
    );
    let output = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
        .arg(key)
        .arg("-in")
        .arg(signed)
        .arg("-sigfile")
        .arg(signature)
        .output()
        .expect("openssl is there");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("Signature Verified Successfully")
            || said.contains("Signature Verification Failure"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.success(), said.contains("Successfully"));
    output.status.success()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story with one set of envelopes")]
fn three_foreign_tools_verify_what_is_written_and_refuse_ten_thousand_changed_ones() {
    let test = registered(LLAMA_3);
    attest(&test, &["clean.jsonl"]).exits(0);
    let key = public_key(&test);
    let read = |name: &str| fs::read(test.path(name)).unwrap();
    let (pass, svr, bundle) = (read("a"), read("a.svr.json"), read("a.sigstore.json"));
    test.write_jsonl(
        "blocked.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    attest(&test, &["blocked.jsonl"]).exits(1);
    let blocked = read("a");

    // Genuine ones, by all three.
    let python = interpreter();
    let genuine = [pass.clone(), svr.clone(), blocked.clone()];
    let expected: Vec<String> = genuine
        .iter()
        .map(|envelope| sha256(payload_of(envelope)))
        .collect();
    let said = outside(&test, &python, "verify.py", &key, &genuine);
    let statements: Vec<String> = expected
        .iter()
        .map(|sum| format!("{sum} statement"))
        .collect();
    assert_eq!(said, statements);
    let node = PathBuf::from("node");
    let bundles: Vec<Vec<u8>> = genuine
        .iter()
        .map(|envelope| in_a_bundle(envelope))
        .collect();
    assert_eq!(
        outside(&test, &node, "verify.mjs", &key, &bundles),
        expected
    );
    let own = outside(&test, &node, "verify.mjs", &key, &[bundle]);
    assert_eq!(own[0], expected[0], "the bundle as it is written");
    let pae = |payload: &[u8]| dsse::pae("application/vnd.in-toto+json", payload);
    let envelope: Value = serde_json::from_slice(&pass).unwrap();
    let signature = STANDARD
        .decode(envelope["signatures"][0]["sig"].as_str().unwrap())
        .unwrap();
    let signed = pae(&payload_of(&pass));
    assert!(openssl_accepts(&test, &key, &signed, &signature));
    // A process each, so a hundred; `HERDBOOK_OPENSSL=10000` for the campaign.
    let tries = std::env::var("HERDBOOK_OPENSSL").map_or(100, |count| count.parse().unwrap());
    let bits = 8 * (signed.len() + signature.len());
    for step in 0..tries {
        let (mut changed, mut other) = (signed.clone(), signature.clone());
        let bit = step * bits / tries;
        match changed.get_mut(bit / 8) {
            Some(byte) => *byte ^= 1 << (bit % 8),
            None => other[bit / 8 - signed.len()] ^= 1 << (bit % 8),
        }
        assert!(
            !openssl_accepts(&test, &key, &changed, &other),
            "bit {bit} of {bits}"
        );
    }
    println!("openssl: {tries} of {tries} refused, each with one bit changed");

    // Changed ones.
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let mutants = Mutator::new(&pass).all(&svr, &stranger);
    let harmful = mutants.iter().filter(|mutant| !mutant.harmless).count();
    assert!(harmful >= 10_000, "{harmful}");
    let pem = fs::read_to_string(&key).unwrap();
    let keys = [attest::public_key(&pem).unwrap()];
    let begun = Instant::now();
    let ours: Vec<String> = mutants
        .iter()
        .map(|mutant| {
            let verified =
                dsse::Unverified::read(&mutant.bytes).and_then(|envelope| envelope.verify(&keys));
            match verified {
                Ok(verified) => sha256(verified.payload()),
                Err(_) => "refused".to_owned(),
            }
        })
        .collect();
    let ours_took = begun.elapsed();
    let begun = Instant::now();
    let cases: Vec<Vec<u8>> = mutants.iter().map(|mutant| mutant.bytes.clone()).collect();
    let pythons = outside(&test, &python, "verify.py", &key, &cases);
    let python_took = begun.elapsed();
    let begun = Instant::now();
    let cases: Vec<Vec<u8>> = cases.iter().map(|case| in_a_bundle(case)).collect();
    let nodes = outside(&test, &node, "verify.mjs", &key, &cases);
    let node_took = begun.elapsed();
    for (who, said) in [("herdbook", &ours), ("python", &pythons), ("node", &nodes)] {
        let (mut refused, mut harmless_taken) = (0, 0);
        for (mutant, said) in mutants.iter().zip(said) {
            let text = || String::from_utf8_lossy(&mutant.bytes).into_owned();
            if said == "refused" {
                refused += usize::from(!mutant.harmless);
            } else {
                assert!(mutant.harmless, "{who} takes {}:\n{}", mutant.how, text());
                let taken = said.split(' ').next().unwrap();
                assert_eq!(taken, expected[0], "{who}, {}:\n{}", mutant.how, text());
                harmless_taken += 1;
            }
        }
        assert_eq!(refused, harmful, "{who}");
        println!(
            "{who}: refused {refused} of {harmful} changed envelopes; of {} harmless changes it \
             took {harmless_taken}, each with the original's bytes",
            mutants.len() - harmful
        );
    }
    println!("herdbook {ours_took:?}, Python {python_took:?}, Node.js {node_took:?}");
    assert!(
        [
            "other white space",
            "another order",
            "escapes",
            "another keyid"
        ]
        .iter()
        .all(|how| mutants.iter().filter(|m| m.how == *how).all(|m| m.harmless)),
        "the classes are what they are said to be"
    );

    // Some of them through the command line.
    fs::write(test.path("a"), &pass).unwrap();
    verify(&test, &["--data", "clean.jsonl"]).exits(0);
    for mutant in mutants.iter().filter(|m| !m.harmless).step_by(400) {
        fs::write(test.path("a"), &mutant.bytes).unwrap();
        verify(&test, &["--data", "clean.jsonl"])
            .exits(3)
            .says("refused");
    }
}
