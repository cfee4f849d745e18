//! Somebody who was sent a file that is made to break what reads it: the file is undecided, the
//! files after it are checked, memory and time stay bounded, and the worker that read it is all that
//! dies.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::{CliTest, LLAMA_3, MISTRAL, Run, answers_of, clean_texts};

/// A folder with an index, and a file `copy.jsonl` that holds a registered output.
fn with_a_copy() -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[0].text;
    test.write_jsonl("copy.jsonl", &[json!({"text": answer})]);
    test
}

/// Both the hostile file and the one after it have their say.
fn bomb_undecided_and_copy_blocked(test: &CliTest, options: &[&str], bomb: &str, why: &str) {
    let mut args = vec!["bomb.parquet", "copy.jsonl", "--target-model", MISTRAL];
    args.extend(options);
    let (run, report) = test.check(&args);
    run.exits(1);
    let findings = report.0["findings"].as_array().unwrap();
    let of = |path: &str| {
        let mut found = findings.iter().filter(|f| f["location"]["path"] == path);
        found
            .next()
            .unwrap_or_else(|| panic!("no finding on {path}"))
    };
    let undecided = of(bomb);
    assert_eq!(undecided["level"], "undecided");
    assert_eq!(undecided["code"], "file-unreadable");
    let reason = undecided["reason"].as_str().unwrap();
    assert!(reason.contains(why), "{reason}");
    assert!(!undecided["how_to_fix"].as_str().unwrap().is_empty());
    assert_eq!(of("copy.jsonl")["level"], "block");
    // Alone it is no pass either, and nothing of it is called clean.
    let mut alone = vec!["check", "bomb.parquet", "--target-model", MISTRAL];
    alone.extend(options);
    alone.extend(["--clean", "clean", "--quarantine", "quarantine"]);
    test.run(&alone).exits(3);
    assert!(!test.path("clean/bomb.parquet").exists());
    assert_eq!(
        fs::read(test.path("quarantine/bomb.parquet")).unwrap(),
        fs::read(test.path("bomb.parquet")).unwrap()
    );
}

#[test]
fn a_page_that_needs_more_memory_than_allowed_takes_only_the_worker_with_it() {
    let test = with_a_copy();
    test.python("bombs.py", &["page", "bomb.parquet"]);
    assert!(fs::metadata(test.path("bomb.parquet")).unwrap().len() < 1 << 20);
    let options = ["--worker-memory", "64", "--threads", "1"];
    bomb_undecided_and_copy_blocked(
        &test,
        &options,
        "bomb.parquet",
        "needed more than the 64 MB of memory",
    );
}

#[test]
fn a_file_that_decodes_to_far_more_than_it_holds_runs_out_of_time() {
    let test = with_a_copy();
    test.python("bombs.py", &["dictionary", "bomb.parquet"]);
    assert!(fs::metadata(test.path("bomb.parquet")).unwrap().len() < 1 << 20);
    let started = Instant::now();
    let options = ["--worker-seconds", "1", "--threads", "1"];
    bomb_undecided_and_copy_blocked(
        &test,
        &options,
        "bomb.parquet",
        "used more processor time than the 1 s",
    );
    assert!(started.elapsed() < Duration::from_secs(300));
}

/// Children of a process, by `/proc`.
fn children(of: u32) -> Vec<u32> {
    let path = format!("/proc/{of}/task/{of}/children");
    let listed = fs::read_to_string(path).unwrap_or_default();
    listed
        .split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

fn kill(process: u32) {
    let done = Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(done.unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_that_is_killed_leaves_its_file_undecided_and_the_next_is_checked() {
    let test = with_a_copy();
    let text = clean_texts().join("\n");
    let line = format!("{}\n", json!({"text": text}));
    let rows = (400 << 20) / line.len();
    test.write("large.jsonl", line.repeat(rows));
    let args = [
        "check",
        "large.jsonl",
        "copy.jsonl",
        "--target-model",
        MISTRAL,
    ];
    let mut command = test.command(&args);
    let check = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = check.id();
    let deadline = Instant::now() + Duration::from_secs(60);
    // The file is open: the snapshot is verified, and the scan is under way.
    let scans = |worker: u32| {
        let open = fs::read_dir(format!("/proc/{worker}/fd"))
            .into_iter()
            .flatten();
        open.flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.ends_with("large.jsonl")))
    };
    let worker = loop {
        if let Some(worker) = children(id).into_iter().find(|worker| scans(*worker)) {
            break worker;
        }
        assert!(Instant::now() < deadline, "no worker read the file");
    };
    kill(worker);
    let run = Run::new(&args, &check.wait_with_output().unwrap());
    run.exits(1)
        .says("large.jsonl: not checked: the scan worker was killed")
        .says("copy.jsonl");
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_does_not_outlive_its_check() {
    let test = with_a_copy();
    let line = format!("{}\n", json!({"text": clean_texts().join("\n")}));
    test.write("large.jsonl", line.repeat((400 << 20) / line.len()));
    let mut command = test.command(&["check", "large.jsonl", "--target-model", MISTRAL]);
    let mut check = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let worker = loop {
        if let [worker] = children(check.id())[..] {
            break worker;
        }
        assert!(Instant::now() < deadline, "no worker was started");
    };
    kill(check.id());
    check.wait().unwrap();
    let alive = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        // Whoever inherits an ended process may take its time to bury it.
        stat.is_ok_and(|stat| {
            !stat
                .rsplit_once(") ")
                .is_some_and(|(_, s)| s.starts_with('Z'))
        })
    };
    while alive(worker) {
        assert!(Instant::now() < deadline, "the worker goes on alone");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_worker_is_not_started_by_hand() {
    let test = CliTest::new();
    test.run(&["scan-worker"])
        .exits(2)
        .says("started by `herdbook check`");
    assert!(!Path::new(&test.path(".herdbook")).exists());
}

/// Checks `path` with little memory for the worker, and a copy of a registered output after it.
fn bounded(test: &CliTest, path: &str, limit_mib: &str) -> crate::common::Report {
    let args = [
        path,
        "copy.jsonl",
        "--target-model",
        MISTRAL,
        "--worker-memory",
        limit_mib,
        "--threads",
        "1",
    ];
    let (run, report) = test.check(&args);
    run.exits(1);
    report
}

/// The reason of the one undecided finding.
fn reason_of(report: &crate::common::Report, path: &str) -> String {
    let undecided: Vec<_> = report
        .findings()
        .iter()
        .filter(|f| f["level"] == "undecided")
        .collect();
    assert_eq!(undecided.len(), 1, "{undecided:?}");
    assert_eq!(undecided[0]["location"]["path"], path);
    undecided[0]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn nesting_without_end_is_a_broken_row_and_the_next_is_read() {
    let test = with_a_copy();
    let deep = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(100_000);
    test.write(
        "deep.jsonl",
        format!("{{\"text\":{deep}\n{{\"text\":\"after\"}}\n"),
    );
    let report = bounded(&test, "deep.jsonl", "256");
    assert_eq!(report.tally("undecided"), 1);
    assert_eq!(report.tally("pass"), 1);
    reason_of(&report, "deep.jsonl");
    test.write("deep.json", format!("[{{\"text\":{objects}"));
    let report = bounded(&test, "deep.json", "256");
    let mut findings = report.findings().iter();
    assert!(findings.any(|f| f["level"] == "undecided" && f["location"]["path"] == "deep.json"));
}

#[test]
fn a_line_of_four_gigabytes_is_one_broken_row_in_little_memory() {
    let test = with_a_copy();
    let path = test.write("line.jsonl", "{\"text\": \"");
    // A hole: the disk holds some kilobytes of it.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(4 << 30).unwrap();
    std::io::Write::write_all(&mut file, b"\"}\n{\"text\": \"after\"}\n").unwrap();
    drop(file);
    let report = bounded(&test, "line.jsonl", "256");
    assert_eq!(report.tally("undecided"), 1);
    assert_eq!(report.tally("pass"), 1);
    let reason = reason_of(&report, "line.jsonl");
    assert!(reason.contains("longer than"), "{reason}");
}

#[test]
fn a_bomb_is_undecided_in_little_memory_and_time() {
    let test = with_a_copy();
    test.python("bombs.py", &["gzip", "bomb.jsonl.gz"]);
    assert!(fs::metadata(test.path("bomb.jsonl.gz")).unwrap().len() < 16 << 20);
    let started = Instant::now();
    let report = bounded(&test, "bomb.jsonl.gz", "256");
    let reason = reason_of(&report, "bomb.jsonl.gz");
    assert!(reason.contains("limit"), "{reason}");
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[test]
fn an_object_of_a_million_keys_is_read_in_little_memory() {
    let test = with_a_copy();
    let keys: String = (0..1_000_000).map(|n| format!("\"k{n}\":1,")).collect();
    test.write(
        "keys.jsonl",
        format!("{{{keys}\"text\":\"after\"}}\n{{\"text\":\"next\"}}\n"),
    );
    let report = bounded(&test, "keys.jsonl", "512");
    assert_eq!(report.tally("pass"), 2);
}
