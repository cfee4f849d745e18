//! An auditor wants to know what was done with an index, and to find out if somebody changed the
//! record of it: with `herdbook audit`, and with programs that know nothing of herdbook.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use herdbook::tlog::{Bundle, Checkpoint, Receipt, Verifier, decode_bundle};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::common::{CliTest, LLAMA_3, MISTRAL, answers_of, clean_texts, interpreter, repo};

fn log(test: &CliTest) -> Vec<Value> {
    let run = test.run(&["audit", "log", "--json"]).exits(0);
    serde_json::from_str(&run.stdout).unwrap()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["record"]["kind"].as_str().unwrap())
        .collect()
}

/// The verifier key that stands beside the log's private one.
fn vkey(test: &CliTest) -> String {
    let text = fs::read_to_string(test.index().join("keys/log.pub")).unwrap();
    text.trim_end().to_owned()
}

/// Every entry's bytes, read as anybody would who knows C2SP tlog-tiles.
fn entries(folder: &Path, size: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while (all.len() as u64) < size {
        let bundle = Bundle::of_entry(all.len() as u64, size).unwrap();
        let bytes = fs::read(folder.join(bundle.path())).unwrap();
        for entry in decode_bundle(&bytes, bundle.width).unwrap() {
            all.push(entry.to_vec());
        }
    }
    all
}

fn with_rows(test: &CliTest) {
    let rows: Vec<Value> = clean_texts()
        .iter()
        .take(3)
        .map(|text| json!({"text": text}))
        .collect();
    test.write_jsonl("rows.jsonl", &rows);
}

#[test]
fn everything_that_was_done_is_listed_and_no_text_with_it() {
    let test = CliTest::with_empty_index();
    let answers = answers_of(LLAMA_3);
    test.register_answers("first", LLAMA_3, &answers[..3]);
    with_rows(&test);
    test.run(&["check", "rows.jsonl", "--target-model", MISTRAL])
        .exits(0);
    let row = json!({"text": answers[1].text});
    test.write_jsonl("bad.jsonl", &[row]);
    test.run(&["check", "bad.jsonl", "--target-model", MISTRAL])
        .exits(1);
    test.run(&["source", "withdraw", "first"]).exits(0);
    test.run(&["snapshot", "seal"]).exits(0);

    let entries = log(&test);
    let expected = [
        "init", "register", "policy", "check", "check", "withdraw", "seal",
    ];
    assert_eq!(kinds(&entries), expected);
    let checks: Vec<&Value> = entries
        .iter()
        .map(|entry| &entry["record"])
        .filter(|record| record["kind"] == "check")
        .collect();
    assert_eq!(checks[0]["verdict"], "pass");
    assert_eq!(checks[1]["verdict"], "block");
    assert_eq!(checks[1]["tally"]["block"], 1);
    let digest = hex::encode(sha2::Sha256::digest(
        fs::read(test.path("bad.jsonl")).unwrap(),
    ));
    assert_eq!(checks[1]["input_digests"], json!([digest]));
    // The commit in force stands in every entry.
    let commits: Vec<u64> = entries
        .iter()
        .map(|entry| entry["in_force"]["commit"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(commits, [1, 2, 2, 2, 2, 3, 4]);

    let since = test
        .run(&["audit", "log", "--since", "5", "--json"])
        .exits(0);
    let since: Vec<Value> = serde_json::from_str(&since.stdout).unwrap();
    assert_eq!(kinds(&since), ["withdraw", "seal"]);
    assert_eq!(since[0]["index"], 5);
    test.run(&["audit", "log"])
        .exits(0)
        .says("withdraw")
        .says("first");
    test.run(&["audit", "verify"]).exits(0).says("verifies");

    // Not a word of what was registered or checked.
    let words: Vec<&str> = answers[1].text.split_whitespace().collect();
    let run = words[..6].join(" ");
    for entry in self::entries(&test.index().join("log"), entries.len() as u64) {
        assert!(!String::from_utf8(entry).unwrap().contains(&run));
    }
}

#[test]
fn the_report_of_a_check_is_the_one_that_was_logged() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    let (run, _) = test.check_for_mistral("rows.jsonl");
    run.exits(0);
    let report = fs::read(test.path("report.json")).unwrap();
    let digest = hex::encode(sha2::Sha256::digest(report));
    let entries = log(&test);
    assert_eq!(entries.last().unwrap()["record"]["outcome"], digest);
}

#[test]
fn a_check_that_cannot_be_logged_is_undecided_and_says_how_to_go_on() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    // A directory where the lock should be: neither root nor anybody else can write it.
    let lock = test.index().join("log.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let (run, report) = test.check_for_mistral("rows.jsonl");
    run.exits(3).says("check-not-logged").says("--snapshot");
    assert_eq!(report.verdict(), "undecided");
    assert_eq!(report.tally("pass"), 3, "the rows were decided");

    // A travelling snapshot is not logged and needs no lock.
    let listed = test.run(&["snapshot", "list", "--json"]).exits(0);
    let listed: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    let newest = listed.last().unwrap();
    let (path, digest) = (
        newest["path"].as_str().unwrap(),
        newest["digest"].as_str().unwrap(),
    );
    let snapshot = ["--snapshot", path, "--snapshot-digest", digest];
    let mut args = vec!["check", "rows.jsonl", "--target-model", MISTRAL];
    args.extend(snapshot);
    test.run(&args).exits(0);
    fs::remove_dir(&lock).unwrap();
    let before = log(&test).len();
    test.run(&args).exits(0);
    assert_eq!(log(&test).len(), before);
}

#[test]
fn who_kept_a_checkpoint_sees_that_the_log_was_rewritten() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    let run = test.run(&["audit", "checkpoint"]).exits(0);
    let first = vkey(&test);
    Checkpoint::open(&run.stdout, &Verifier::parse(&first).unwrap()).unwrap();
    test.write("kept.checkpoint", &run.stdout);
    let folder = test.index().join("log");
    let before = test.path("log-before");
    copy(&folder, &before);
    let check = ["check", "rows.jsonl", "--target-model", MISTRAL];
    test.run(&check).exits(0);
    let run = test.run(&["audit", "checkpoint"]).exits(0);
    test.write("later.checkpoint", &run.stdout);
    let verify = ["audit", "verify", "--from", "kept.checkpoint"];
    let with_later = [&verify[..], &["--from", "later.checkpoint"]].concat();
    test.run(&with_later).exits(0).says("all 2 checkpoints");

    test.run(&["audit", "rotate-key"]).exits(0);
    assert_ne!(vkey(&test), first);
    test.run(&check).exits(0);
    let keyed = [&with_later[..], &["--key", &first]].concat();
    test.run(&keyed).exits(0).says(&first);

    // The log is put back to an earlier state, its key too: alone it verifies.
    let keys = test.index().join("keys");
    let other = CliTest::with_answers_of(LLAMA_3);
    let stranger = vkey(&other);
    test.run(&["audit", "verify", "--key", &stranger]).exits(3);
    test.run(&["audit", "verify", "--key", "nonsense"]).exits(2);
    fs::remove_dir_all(&folder).unwrap();
    copy(&before, &folder);
    fs::write(keys.join("log.pub"), format!("{first}\n")).unwrap();
    test.run(&verify).exits(0);
    test.run(&with_later).exits(3).says("removed");
}

#[test]
fn a_proof_holds_for_its_entry_without_the_index() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let run = test
        .run(&["audit", "prove", "1", "--entry", "entry.json"])
        .exits(0);
    let receipt = Receipt::parse(&run.stdout).unwrap();
    let key = Verifier::parse(&vkey(&test)).unwrap();
    let entry = fs::read(test.path("entry.json")).unwrap();
    assert_eq!(receipt.verify(&entry, &key).unwrap().size, 2);
    assert!(receipt.verify(b"{}", &key).is_err());
    let entry: Value = serde_json::from_slice(&entry).unwrap();
    assert_eq!(entry["record"]["source"], "answers");
    test.run(&["audit", "prove", "2"])
        .exits(2)
        .says("ends at 1");
}

#[test]
fn a_changed_log_is_refused_by_verify_and_by_check() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    let check = ["check", "rows.jsonl", "--target-model", MISTRAL];
    test.run(&check).exits(0);
    let folder = test.index().join("log");
    for name in [
        "checkpoint",
        "tile/0/000.p/4",
        "tile/entries/000.p/4",
        "tile/entries/000.p/2",
    ] {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        let mut bad = whole.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        test.run(&["audit", "verify"]).exits(3).says(name);
        if !name.ends_with("/2") {
            test.run(&check).exits(3);
        }
        fs::write(&path, whole).unwrap();
    }
    test.write(".herdbook/log/tile/0/more", "x");
    test.run(&["audit", "verify"]).exits(3).says("added");
}

#[test]
fn two_checks_at_once_are_both_logged() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    let args = ["check", "rows.jsonl", "--target-model", MISTRAL];
    let running: Vec<_> = (0..4)
        .map(|_| {
            let mut command = test.command(&args);
            command.stdout(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let entries = log(&test);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in kinds(&entries) {
        *counts.entry(kind).or_default() += 1;
    }
    assert_eq!(counts["check"], 4);
    assert_eq!(counts["policy"], 1, "the policy did not change");
    test.run(&["audit", "verify"]).exits(0);
}

/// Beyond a whole tile, by Go's note and tlog and by pymerkle; mutated notes are refused by Go and
/// by herdbook alike.
#[test]
fn programs_that_know_nothing_of_herdbook_verify_the_log() {
    let test = CliTest::with_answers_of(LLAMA_3);
    with_rows(&test);
    let first = test.run(&["audit", "checkpoint"]).exits(0).stdout;
    for _ in 0..4 {
        test.run(&["check", "rows.jsonl", "--target-model", MISTRAL])
            .exits(0);
    }
    let checkpoint = test.run(&["audit", "checkpoint"]).exits(0).stdout;
    let key = Verifier::parse(&vkey(&test)).unwrap();
    let signed = Checkpoint::open(&checkpoint, &key).unwrap();
    assert_eq!(signed.size, 7, "init, register, policy and four checks");
    let all = entries(&test.index().join("log"), signed.size);

    let proofs: Vec<Value> = (0..signed.size)
        .map(|index| {
            let run = test.run(&["audit", "prove", &index.to_string()]).exits(0);
            let receipt = Receipt::parse(&run.stdout).unwrap();
            let proof: Vec<String> = receipt.proof.iter().map(|h| h.to_base64()).collect();
            let bytes = STANDARD.encode(&all[usize::try_from(index).unwrap()]);
            json!({"Index": index, "Bytes": bytes, "Proof": proof})
        })
        .collect();
    // Consistency by the library, from the tiles on disk.
    let old = Checkpoint::open(&first, &key).unwrap();
    let tiles = Tiles(test.index().join("log"));
    let growth: Vec<String> = herdbook::tlog::Tree::new(&tiles, signed.size)
        .consistency(old.size)
        .unwrap()
        .iter()
        .map(|hash| hash.to_base64())
        .collect();

    let mut notes = Vec::new();
    let mut seed = 7_u64;
    for _ in 0..1000 {
        // A step of xorshift is random enough to choose a place.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut bytes = checkpoint.clone().into_bytes();
        let at = usize::try_from(seed).unwrap() % bytes.len();
        match seed % 3 {
            0 => bytes[at] ^= 1 << (seed >> 32 & 7),
            1 => {
                bytes.remove(at);
            }
            _ => bytes.insert(at, b'A'),
        }
        notes.push(bytes);
    }
    for bytes in &notes {
        let accepted =
            std::str::from_utf8(bytes).is_ok_and(|text| Checkpoint::open(text, &key).is_ok());
        assert!(!accepted, "{}", String::from_utf8_lossy(bytes));
    }
    let request = json!({
        "Checkpoint": checkpoint,
        "Entries": proofs,
        "Earlier": [{"Checkpoint": first, "Proof": growth}],
        "Notes": notes.iter().map(|note| STANDARD.encode(note)).collect::<Vec<String>>(),
    });
    test.write("request.json", request.to_string());
    let encoded: Vec<String> = all.iter().map(|entry| STANDARD.encode(entry)).collect();
    test.write("entries.json", serde_json::to_string(&encoded).unwrap());
    let output = Command::new(interpreter())
        .arg(repo().join("tests/it/outside_log.py"))
        .args(["request.json", &vkey(&test), "entries.json"])
        .current_dir(test.path(""))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({"Size": 7, "Entries": 7, "Earlier": 1, "Opened": 0, "Refused": 1000});
    assert_eq!(answer["go"], expected);
    let roots = answer["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 7);
    assert_eq!(roots[6], signed.root.to_base64());
    assert_eq!(roots[1], old.root.to_base64());
}

/// Tiles of a folder, for whoever has nothing else.
struct Tiles(std::path::PathBuf);

#[derive(Debug)]
struct Wrong;

impl From<herdbook::tlog::TreeError> for Wrong {
    fn from(_: herdbook::tlog::TreeError) -> Self {
        Self
    }
}

impl herdbook::tlog::Tiles for Tiles {
    type Error = Wrong;

    fn tile(&self, tile: herdbook::tlog::Tile) -> Result<Vec<herdbook::tlog::Hash>, Wrong> {
        let bytes = fs::read(self.0.join(tile.path())).map_err(|_| Wrong)?;
        let hashes = bytes.chunks_exact(32);
        Ok(hashes
            .map(|hash| herdbook::tlog::Hash(hash.try_into().unwrap()))
            .collect())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
