//! What a clean check costs beside reading alone: the whole program against a decoder.
//!
//! `cargo bench --locked --bench throughput` makes a text column (zstd Parquet, and JSONL), registers
//! generated outputs, and runs in turn, each as a process of its own:
//! - `decode`: arrow-rs decodes that one column, on the same number of threads, and counts bytes;
//! - `parse`: the lines of the JSONL are parsed with `serde_json`, and the text is counted;
//! - `check`: `herdbook check` of the same file: digest of the file, verified snapshot, verdict.
//!
//! Ratios are of the time each takes beyond its own run on a file of one row, which starts the
//! program and opens the index; that part is shown beside. `--help` lists the settings.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that prints a table and stops at the first surprise"
)]

#[path = "throughput/baseline.rs"]
mod baseline;
#[path = "throughput/corpus.rs"]
mod corpus;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use corpus::Corpus;

const HELP: &str = "\
cargo bench --locked --bench throughput -- [SETTING=VALUE…]
  mb=300            megabytes of text that are checked
  records=100000    registered outputs, of 300 words each
  threads=2         threads of every program
  rounds=5          times that each program runs; the best one counts
  group=20000       rows of a row group
  dir=PATH          where files and indexes are made and kept (default: a temporary folder)
  parquet=PATH      check this file's column instead of a generated one
  column=text       the column of it
";

struct Settings {
    mb: usize,
    records: usize,
    threads: usize,
    rounds: usize,
    group: usize,
    dir: Option<PathBuf>,
    parquet: Option<PathBuf>,
    column: String,
}

fn settings(args: &[String]) -> Settings {
    let mut settings = Settings {
        mb: 300,
        records: 100_000,
        threads: 2,
        rounds: 5,
        group: 20_000,
        dir: None,
        parquet: None,
        column: "text".to_owned(),
    };
    for arg in args {
        let Some((name, value)) = arg.split_once('=') else {
            continue;
        };
        let number = || value.parse().expect("a number");
        match name {
            "mb" => settings.mb = number(),
            "records" => settings.records = number(),
            "threads" => settings.threads = number(),
            "rounds" => settings.rounds = number(),
            "group" => settings.group = number(),
            "dir" => settings.dir = Some(PathBuf::from(value)),
            "parquet" => settings.parquet = Some(PathBuf::from(value)),
            "column" => value.clone_into(&mut settings.column),
            _ => panic!("no such setting: {name}\n{HELP}"),
        }
    }
    settings
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help") {
        println!("{HELP}");
        return;
    }
    if let [mode, file, column, threads] = args.as_slice()
        && !mode.contains('=')
    {
        let threads = threads.parse().expect("a number of threads");
        let bytes = match mode.as_str() {
            "decode" => baseline::decode(Path::new(file), column, threads, false),
            "decode-views" => baseline::decode(Path::new(file), column, threads, true),
            "parse" => baseline::parse(Path::new(file), column, threads),
            _ => panic!("no such mode: {mode}"),
        };
        println!("{bytes}");
        return;
    }
    measure(&settings(&args));
}

fn measure(settings: &Settings) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let dir = settings.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir).expect("the folder");
    let index = registered(dir, settings.records, settings.threads);
    let (parquet, jsonl) = inputs(dir, settings);
    let one_parquet = &one_row(dir, "one.parquet", &settings.column);
    let one_jsonl = &one_row(dir, "one.jsonl", "text");

    println!(
        "{} records, {} threads, best of {} rounds",
        settings.records, settings.threads, settings.rounds
    );
    println!("what                        s   beyond one row   of the baseline   MB/s");
    let this = std::env::current_exe().expect("the path of this program");
    let baseline = |mode: &str, file: &Path| {
        let mut command = Command::new(&this);
        command.arg(mode).arg(file).arg(&settings.column);
        command.arg(settings.threads.to_string());
        command
    };
    let check = |file: &Path| {
        let mut command = herdbook(dir);
        command.arg("check").arg(file).arg("--index").arg(&index);
        command.arg("--threads").arg(settings.threads.to_string());
        command.args(["--target-model", "mistralai/Mistral-7B-v0.1", "--report"]);
        command.arg(dir.join("verdict.json"));
        command
    };
    let tables = [
        (&parquet, one_parquet, ["decode", "decode-views"].as_slice()),
        (&jsonl, one_jsonl, ["parse"].as_slice()),
    ];
    for (file, one, modes) in tables {
        let Some(file) = file else { continue };
        let mut rows: Vec<(String, Vec<(Command, Command)>)> = Vec::new();
        for mode in modes {
            rows.push((
                (*mode).to_owned(),
                vec![(baseline(mode, file), baseline(mode, one))],
            ));
        }
        rows.push(("check".to_owned(), vec![(check(file), check(one))]));
        report(
            &mut rows,
            text_bytes(&mut baseline(modes.first().expect("a mode"), file)),
            settings.rounds,
        );
    }
    let size = Command::new("du").arg("-sk").arg(&index).output();
    if let Ok(size) = size {
        println!(
            "index, KiB: {}",
            String::from_utf8_lossy(&size.stdout).trim()
        );
    }
}

/// Runs all programs in turn, so that what else the machine does falls on all of them alike.
fn report(rows: &mut [(String, Vec<(Command, Command)>)], bytes: u64, rounds: usize) {
    let mut best = vec![(f64::INFINITY, f64::INFINITY); rows.len()];
    for _ in 0..rounds {
        for ((_, pair), best) in rows.iter_mut().zip(&mut best) {
            for (whole, one) in pair {
                best.0 = best.0.min(seconds(whole));
                best.1 = best.1.min(seconds(one));
            }
        }
    }
    let reference = best.first().map_or(1.0, |(whole, one)| whole - one);
    for ((name, _), (whole, one)) in rows.iter().zip(best) {
        let beyond = whole - one;
        println!(
            "{name:22} {whole:8.3} {beyond:16.3} {:17.2} {:6.0}",
            beyond / reference,
            bytes as f64 / beyond / 1e6
        );
    }
}

fn seconds(command: &mut Command) -> f64 {
    let start = Instant::now();
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("the program starts");
    let taken = start.elapsed().as_secs_f64();
    // Flags are expected: with many records some texts share a phrase.
    assert!(
        matches!(output.status.code(), Some(0..=2)),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    taken
}

fn text_bytes(command: &mut Command) -> u64 {
    let output = command.output().expect("the program starts");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("a number of bytes")
}

fn herdbook(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herdbook"));
    command.env("HERDBOOK_HOME", dir).current_dir(dir);
    command
}

/// An index with generated outputs; made once per folder and number.
fn registered(dir: &Path, records: usize, threads: usize) -> PathBuf {
    let index = dir.join(format!("index-{records}"));
    if index.exists() {
        return index;
    }
    let start = Instant::now();
    // Many texts take long to make: in parts, side by side.
    let parts = records.div_ceil(100_000).min(threads);
    let files: Vec<PathBuf> = (0..parts)
        .map(|part| dir.join(format!("registered-{records}-{part}.parquet")))
        .collect();
    let bytes: u64 = std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for (part, file) in files.iter().enumerate() {
            let share = records / parts + usize::from(part < records % parts);
            let seed = 100 + part as u64;
            writers
                .push(scope.spawn(move || Corpus::new(seed).parquet(file, "text", share, 50_000)));
        }
        let written = writers.into_iter().map(std::thread::ScopedJoinHandle::join);
        written.map(|bytes| bytes.expect("a writer")).sum()
    });
    println!(
        "{bytes} bytes of outputs written in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let init = herdbook(dir)
        .arg("init")
        .arg("--index")
        .arg(&index)
        .output();
    let init = init.expect("the program starts");
    assert!(
        init.status.success(),
        "{}",
        String::from_utf8_lossy(&init.stderr)
    );
    let start = Instant::now();
    let register = herdbook(dir)
        .arg("register")
        .args(&files)
        .arg("--index")
        .arg(&index)
        .args(["--model", "meta-llama/Llama-3.1-8B-Instruct"])
        .output()
        .expect("the program starts");
    let taken = start.elapsed().as_secs_f64();
    assert!(
        register.status.success(),
        "{}",
        String::from_utf8_lossy(&register.stderr)
    );
    println!(
        "registered in {taken:.1} s, {:.0} MB/s",
        bytes as f64 / taken / 1e6
    );
    print!("{}", String::from_utf8_lossy(&register.stdout));
    for file in &files {
        std::fs::remove_file(file).expect("its own file");
    }
    index
}

fn inputs(dir: &Path, settings: &Settings) -> (Option<PathBuf>, Option<PathBuf>) {
    if let Some(file) = &settings.parquet {
        return (Some(file.clone()), None);
    }
    let rows = settings.mb * 1_000_000 / corpus::MEAN_BYTES;
    let parquet = dir.join(format!("clean-{}-{}.parquet", settings.mb, settings.group));
    if !parquet.exists() {
        Corpus::new(2).parquet(&parquet, "text", rows, settings.group);
    }
    let jsonl = dir.join(format!("clean-{}.jsonl", settings.mb));
    if !jsonl.exists() {
        Corpus::new(2).jsonl(&jsonl, rows);
    }
    (Some(parquet), Some(jsonl))
}

fn one_row(dir: &Path, name: &str, column: &str) -> PathBuf {
    let file = dir.join(name);
    if name.ends_with("parquet") {
        Corpus::new(3).parquet(&file, column, 1, 1);
    } else {
        Corpus::new(3).jsonl(&file, 1);
    }
    file
}
