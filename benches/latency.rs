//! Microseconds of one text through the library, as a program that embeds the check calls it.
//!
//! `cargo bench --locked --bench latency` registers generated outputs, opens the register, and times
//! each call of `Checker::check` on one thread, after a pass over the same texts: clean texts of
//! several lengths, copies of registered outputs, and copies with changes. A text is checked again
//! only after all others of its kind, so what is warm is the register, not the text.
//! `--help` lists the settings.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that prints a table and stops at the first surprise"
)]

#[expect(dead_code, reason = "another benchmark writes JSON lines too")]
#[path = "throughput/corpus.rs"]
mod corpus;

use std::ffi::OsString;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use corpus::Corpus;
use herdbook::Checker;
use herdbook::GateOptions;
use herdbook::Register;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const HELP: &str = "\
cargo bench --locked --bench latency -- [SETTING=VALUE…]
  records=100000    registered outputs, of 300 words each
  texts=2000        different texts of each kind
  rounds=20         times that each is checked, after one time that does not count
  dir=PATH          where the index is made and kept (default: a temporary folder)
  index=PATH        ask this index; only the texts of `parquet` are checked
  parquet=PATH      also check the texts of this file
  column=text       the column of it
  only=WORD         only kinds whose name holds this
";

/// Seed of the outputs that are registered; copies are made from it again.
const REGISTERED: u64 = 100;

/// Seed of texts that are not registered.
const CLEAN: u64 = 2;

struct Settings {
    records: usize,
    texts: usize,
    rounds: usize,
    dir: Option<PathBuf>,
    index: Option<PathBuf>,
    parquet: Option<PathBuf>,
    column: String,
    only: String,
}

fn settings() -> Settings {
    let mut settings = Settings {
        records: 100_000,
        texts: 2_000,
        rounds: 20,
        dir: None,
        index: None,
        parquet: None,
        column: "text".to_owned(),
        only: String::new(),
    };
    for arg in std::env::args().skip(1) {
        let Some((name, value)) = arg.split_once('=') else {
            continue;
        };
        let number = || value.parse().expect("a number");
        match name {
            "records" => settings.records = number(),
            "texts" => settings.texts = number(),
            "rounds" => settings.rounds = number(),
            "dir" => settings.dir = Some(PathBuf::from(value)),
            "index" => settings.index = Some(PathBuf::from(value)),
            "parquet" => settings.parquet = Some(PathBuf::from(value)),
            "column" => value.clone_into(&mut settings.column),
            "only" => value.clone_into(&mut settings.only),
            _ => panic!("no such setting: {name}\n{HELP}"),
        }
    }
    settings
}

fn main() {
    if std::env::args().any(|arg| arg == "--help") {
        println!("{HELP}");
        return;
    }
    let settings = settings();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let dir = settings.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir).expect("the folder");
    let (index, mut kinds) = match &settings.index {
        Some(index) => (index.clone(), Vec::new()),
        None => (registered(dir, settings.records), kinds(&settings)),
    };
    if let Some(file) = &settings.parquet {
        kinds.push(("given", column(file, &settings.column)));
    }
    let started = Instant::now();
    let register = Register::open(&index).expect("the index");
    let opened = started.elapsed().as_secs_f64() * 1e3;
    let gate = register
        .gate(&GateOptions::for_model("mistralai/Mistral-7B-v0.3"))
        .expect("a gate");
    let mut checker = gate.checker();
    println!(
        "{} records, opened and verified in {opened:.0} ms; microseconds a call",
        register.info().records
    );
    println!(
        "{:28} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
        "text", "bytes", "found", "mean", "p50", "p90", "p99", "p99.9", "max"
    );
    for (name, texts) in &kinds {
        if name.contains(&settings.only) {
            measure(&mut checker, name, texts, settings.rounds);
        }
    }
}

fn measure(checker: &mut Checker<'_>, name: &str, texts: &[String], rounds: usize) {
    let mut found = 0_usize;
    for text in texts {
        found += usize::from(!checker.check(text).expect("an answer").is_clean());
    }
    let mut taken = Vec::with_capacity(texts.len() * rounds);
    for _ in 0..rounds {
        for text in texts {
            let start = Instant::now();
            let answer = checker.check(black_box(text));
            taken.push(start.elapsed().as_nanos());
            drop(black_box(answer.expect("an answer")));
        }
    }
    taken.sort_unstable();
    let at = |thousandths: usize| {
        let place = taken.len() * thousandths / 1_000;
        taken
            .get(place.min(taken.len().saturating_sub(1)))
            .map_or(0.0, |ns| *ns as f64 / 1e3)
    };
    let bytes: usize = texts.iter().map(String::len).sum();
    println!(
        "{name:28} {:7} {:6.1}% {:7.1} {:7.1} {:7.1} {:7.1} {:7.1} {:7.1}",
        bytes / texts.len().max(1),
        100.0 * found as f64 / texts.len().max(1) as f64,
        taken.iter().sum::<u128>() as f64 / taken.len().max(1) as f64 / 1e3,
        at(500),
        at(900),
        at(990),
        at(999),
        at(1_000),
    );
}

/// What is checked, with a name for each kind.
fn kinds(settings: &Settings) -> Vec<(&'static str, Vec<String>)> {
    let count = settings.texts;
    let mut clean = Corpus::new(CLEAN);
    let mut some = |texts: usize| -> Vec<String> {
        let join = |_| (0..texts).map(|_| clean.text()).collect::<String>();
        (0..count).map(join).collect()
    };
    let usual = some(1);
    let long = some(7);
    let short = usual.iter().map(|text| words(text, 0, 12)).collect();
    // Copies from all over the register.
    let step = (settings.records / count).max(1);
    let mut outputs = Corpus::new(REGISTERED);
    let copies: Vec<String> = (0..settings.records)
        .map(|_| outputs.text())
        .step_by(step)
        .take(count)
        .collect();
    let with = |change: &dyn Fn(&String, &String) -> String| -> Vec<String> {
        let pairs = copies.iter().zip(&usual);
        pairs.map(|(copy, clean)| change(copy, clean)).collect()
    };
    let half = with(&|copy, _| words(copy, 0, copy.split(' ').count() / 2));
    let edited = with(&|copy, clean| {
        let mut others = clean.split(' ');
        let words = copy.split(' ').enumerate();
        let words = words.map(|(at, word)| match at % 10 {
            7 => others.next().unwrap_or(word),
            _ => word,
        });
        words.collect::<Vec<&str>>().join(" ")
    });
    let inside = with(&|copy, clean| format!("{clean}{copy}{clean}"));
    let in_long: Vec<String> = copies
        .iter()
        .zip(&long)
        .map(|(copy, long)| format!("{long}{copy}"))
        .collect();
    vec![
        ("clean, 12 words", short),
        ("clean, 300 words", usual),
        ("clean, 2,100 words", long),
        ("a copy, 300 words", copies.clone()),
        ("half of a copy", half),
        ("a tenth of it changed", edited),
        ("a copy in 900 words", inside),
        ("a copy in 2,400 words", in_long),
    ]
}

fn words(text: &str, from: usize, count: usize) -> String {
    let words = text.split(' ').skip(from).take(count);
    words.collect::<Vec<&str>>().join(" ")
}

/// The texts of one Parquet column; empty where a row has none.
fn column(path: &Path, name: &str) -> Vec<String> {
    let file = File::open(path).expect("the file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
    let reader = builder.with_projection(mask).build().expect("a reader");
    let mut texts = Vec::new();
    for batch in reader {
        let batch = batch.expect("a batch");
        let column = batch.column(0);
        let strings = column.as_string::<i32>();
        texts.extend((0..column.len()).map(|row| {
            if strings.is_null(row) {
                String::new()
            } else {
                strings.value(row).to_owned()
            }
        }));
    }
    texts
}

/// An index with generated outputs; made once per folder and number.
fn registered(dir: &Path, records: usize) -> PathBuf {
    let index = dir.join(format!("latency-{records}"));
    if index.exists() {
        return index;
    }
    let file = dir.join("registered.parquet");
    Corpus::new(REGISTERED).parquet(&file, "text", records, 50_000);
    let run = |words: &[&str], path: Option<&Path>| {
        let line = ["herdbook"].iter().chain(words).map(OsString::from);
        let line = line.chain(path.map(OsString::from));
        let line = line.chain(["--quiet".into(), "--index".into(), index.clone().into()]);
        let exit = herdbook::cli::run(line);
        assert_eq!(exit.code(), 0, "herdbook {words:?}");
    };
    run(&["init"], None);
    let model = "meta-llama/Meta-Llama-3-8B-Instruct";
    run(&["register", "--model", model], Some(&file));
    std::fs::remove_file(&file).expect("its own file");
    index
}
