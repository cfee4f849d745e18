//! What a clean check costs beside reading alone: the whole program against a decoder.
//!
//! `cargo bench --locked --bench throughput` makes a text column (zstd Parquet, and JSONL), registers
//! generated outputs, and runs in turn, each as a process of its own:
//! - `decode`: arrow-rs decodes that one column, on the same number of threads, and counts bytes;
//! - `parse`: the lines of the JSONL are parsed with `serde_json`, and the text is counted;
//! - `check`: `herdbook check` of the same file: digest of the file, verified snapshot, verdict;
//! - `register`: `herdbook register` of the same file into an empty index: durable, sealed, logged.
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
#[path = "throughput/process.rs"]
mod process;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use corpus::Corpus;
use process::Ran;
use process::run;

const HELP: &str = "\
cargo bench --locked --bench throughput -- [SETTING=VALUE…]
  mb=300            megabytes of text that are checked
  records=100000    registered outputs, of 300 words each
  known=0           share of the checked text's phrases of twelve words that stand in one of the
                    registered outputs each, 0 to 1
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
    known: f64,
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
        known: 0.0,
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
            "known" => settings.known = value.parse().expect("a share"),
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
    let index = registered(dir, settings);
    let (parquet, jsonl) = inputs(dir, settings);
    let one_parquet = &one_row(dir, "one.parquet", &settings.column);
    let one_jsonl = &one_row(dir, "one.jsonl", "text");

    println!(
        "{} records, {} of the phrases known, {} threads, best of {} rounds",
        settings.records, settings.known, settings.threads, settings.rounds
    );
    println!("what                        s   beyond one row   of the baseline   MB/s   peak MB");
    let this = std::env::current_exe().expect("the path of this program");
    let baseline = |mode: &str, file: &Path| {
        let mut command = Command::new(&this);
        command.arg(mode).arg(file).arg(&settings.column);
        command.arg(settings.threads.to_string());
        Program::plain(command)
    };
    let check = |file: &Path| {
        let mut command = herdbook(dir, settings.threads);
        command.arg("check").arg(file).arg("--index").arg(&index);
        command.arg("--threads").arg(settings.threads.to_string());
        command.args(["--target-model", "mistralai/Mistral-7B-v0.1", "--report"]);
        command.arg(dir.join("verdict.json"));
        Program::plain(command)
    };
    let register = |file: &Path| {
        let index = dir.join("index-of-this-round");
        Program {
            command: registering(dir, &index, &[file.to_path_buf()], settings.threads),
            index: Some((dir.to_path_buf(), index)),
        }
    };
    let tables = [
        (&parquet, one_parquet, ["decode", "decode-views"].as_slice()),
        (&jsonl, one_jsonl, ["parse"].as_slice()),
    ];
    for (file, one, modes) in tables {
        let Some(file) = file else { continue };
        let mut rows: Vec<Row> = Vec::new();
        for mode in modes {
            rows.push(Row::new(mode, baseline(mode, file), baseline(mode, one)));
        }
        rows.push(Row::new("check", check(file), check(one)));
        rows.push(Row::new("register", register(file), register(one)));
        let mode = modes.first().expect("a mode");
        let bytes = run(&mut baseline(mode, file).command).stdout;
        let bytes = bytes.trim().parse().expect("a number of bytes");
        report(&mut rows, bytes, settings.rounds);
    }
    let [rows, filters] = ["db", "filters"].map(|part| process::bytes_in(&index.join(part)));
    println!(
        "index: {:.1} MB, of them filters {:.1} MB",
        (rows + filters) as f64 / 1e6,
        filters as f64 / 1e6
    );
}

/// A program to be timed.
struct Program {
    command: Command,
    /// Folder and empty index that it needs each time, made before and removed after.
    index: Option<(PathBuf, PathBuf)>,
}

impl Program {
    fn plain(command: Command) -> Self {
        Self {
            command,
            index: None,
        }
    }

    fn run(&mut self) -> Ran {
        if let Some((dir, index)) = &self.index {
            run(herdbook(dir, 1).arg("init").arg("--index").arg(index));
        }
        let ran = run(&mut self.command);
        if let Some((_, index)) = &self.index {
            std::fs::remove_dir_all(index).expect("its own index");
        }
        ran
    }
}

/// A line of the table: a program on the whole file, and on one row.
struct Row {
    name: String,
    whole: Program,
    one: Program,
    best: (f64, f64),
    peak: u64,
}

impl Row {
    fn new(name: &str, whole: Program, one: Program) -> Self {
        Self {
            name: name.to_owned(),
            whole,
            one,
            best: (f64::INFINITY, f64::INFINITY),
            peak: 0,
        }
    }

    fn beyond(&self) -> f64 {
        self.best.0 - self.best.1
    }
}

/// Runs all programs in turn, so that what else the machine does falls on all of them alike.
fn report(rows: &mut [Row], bytes: u64, rounds: usize) {
    for _ in 0..rounds {
        for row in rows.iter_mut() {
            let whole = row.whole.run();
            row.best.0 = row.best.0.min(whole.seconds);
            row.best.1 = row.best.1.min(row.one.run().seconds);
            row.peak = row.peak.max(whole.peak_bytes);
        }
    }
    let reference = rows.first().map_or(1.0, Row::beyond);
    for row in rows.iter() {
        println!(
            "{:22} {:8.3} {:16.3} {:17.2} {:6.0} {:9.0}",
            row.name,
            row.best.0,
            row.beyond(),
            row.beyond() / reference,
            bytes as f64 / row.beyond() / 1e6,
            row.peak as f64 / 1e6,
        );
    }
    let beyond = |name: &str| rows.iter().find(|row| row.name == name).map(Row::beyond);
    if let (Some(register), Some(check)) = (beyond("register"), beyond("check")) {
        println!("register takes {:.2} times a check", register / check);
    }
}

fn herdbook(dir: &Path, threads: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herdbook"));
    command.env("HERDBOOK_HOME", dir).current_dir(dir);
    // Work beside the scan, such as verifying and sorting, is to have no more.
    command.env("RAYON_NUM_THREADS", threads.to_string());
    command
}

fn registering(dir: &Path, index: &Path, files: &[PathBuf], threads: usize) -> Command {
    let mut command = herdbook(dir, threads);
    command
        .arg("register")
        .args(files)
        .arg("--index")
        .arg(index);
    command.arg("--threads").arg(threads.to_string());
    command.args(["--model", "meta-llama/Llama-3.1-8B-Instruct"]);
    command
}

/// An index with generated outputs; made once per folder, number and share of known phrases.
fn registered(dir: &Path, settings: &Settings) -> PathBuf {
    let (records, threads) = (settings.records, settings.threads);
    let index = dir.join(match settings.known {
        0.0 => format!("index-{records}"),
        known => format!("index-{records}-{}-{known}", settings.mb),
    });
    if index.exists() {
        return index;
    }
    let start = Instant::now();
    // Many texts take long to make: in parts, side by side.
    let parts = records.div_ceil(100_000).min(threads);
    let mut files: Vec<PathBuf> = (0..parts)
        .map(|part| dir.join(format!("registered-{records}-{part}.parquet")))
        .collect();
    let mut bytes: u64 = std::thread::scope(|scope| {
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
    if settings.known > 0.0 {
        let file = dir.join(format!("registered-{records}-known.parquet"));
        let checked = settings.mb * 1_000_000 / corpus::MEAN_BYTES;
        bytes += corpus::knowing(&mut Corpus::new(2), checked, settings.known, &file);
        files.push(file);
    }
    println!(
        "{bytes} bytes of outputs written in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    run(herdbook(dir, 1).arg("init").arg("--index").arg(&index));
    let ran = run(&mut registering(dir, &index, &files, threads));
    println!(
        "registered in {:.1} s, {:.0} MB/s, peak {:.0} MB",
        ran.seconds,
        bytes as f64 / ran.seconds / 1e6,
        ran.peak_bytes as f64 / 1e6
    );
    print!("{}", ran.stdout);
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
