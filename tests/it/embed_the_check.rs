//! A data pipeline has its texts in memory and asks the register by a call: the answers are those of
//! `herdbook check`, trouble is an error and never a clean text, and the way of a clean text costs
//! no allocation.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;
use std::fs;
use std::path::Path;

use herdbook::Answer;
use herdbook::CheckError;
use herdbook::Gate;
use herdbook::GateError;
use herdbook::GateOptions;
use herdbook::Register;
use serde_json::{Value, json};

use crate::common::{
    CliTest, LLAMA_3, LLAMA_31, MISTRAL, answers, answers_of, clean_texts, demo_file,
};

/// A date at which nothing of the demo has expired.
const DAY: &str = "2026-11-22";

/// An index with the demo's source.
fn demo() -> CliTest {
    let test = CliTest::with_empty_index();
    test.copy_demo("preferences.parquet");
    test.copy_demo("targets");
    test.run(&["register", "preferences.parquet"]).exits(0);
    test
}

fn gate(test: &CliTest, options: &GateOptions) -> Result<Gate, GateError> {
    Register::open(test.index())?.gate(options)
}

/// Every string in a JSON value.
fn strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(keys) => keys.values().for_each(|item| strings(item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The demo's training set, text by text, and changed copies of what is registered.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for line in fs::read_to_string(demo_file("train.jsonl"))
        .unwrap()
        .lines()
    {
        strings(&serde_json::from_str(line).unwrap(), &mut texts);
    }
    let clean = clean_texts();
    for (at, answer) in answers().iter().enumerate() {
        let text = &answer.text;
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut swapped = words.clone();
        swapped.chunks_mut(9).for_each(<[&str]>::reverse);
        let (filler, middle) = (&clean[at % clean.len()], words.len() / 2);
        texts.extend([
            text.to_uppercase(),
            text.replace('e', "\u{435}").replace('o', "\u{43e}"),
            text.replace(' ', "\u{200b} "),
            words[..middle].join(" "),
            swapped.join(" "),
            format!("{filler}\n\n{text}\n\n{filler}"),
            format!("{} {filler}", words[middle..].join(" ")),
        ]);
    }
    texts.extend(clean);
    texts.extend(["", " ", "\u{1f600}", "Yes.", "\u{fffd}\u{0}"].map(str::to_owned));
    texts
}

/// What the command says of each text, a row each: the finding without its place.
fn said_by_the_command(test: &CliTest, target: &[&str], texts: &[String]) -> Vec<Option<Value>> {
    let rows: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
    test.write_jsonl("rows.jsonl", &rows);
    let mut args = vec!["rows.jsonl", "--as-of", DAY, "--no-record-duties"];
    args.extend(target);
    let (_, report) = test.check(&args);
    let mut said = vec![None; texts.len()];
    for finding in report.on_rows() {
        let row = usize::try_from(finding["location"]["row"].as_u64().unwrap()).unwrap();
        assert!(said[row].is_none(), "one text, one finding");
        said[row] = Some(without_place(finding.clone()));
    }
    assert_eq!(
        report.tally("read"),
        texts.len() as u64,
        "every text is a row"
    );
    said
}

fn without_place(mut finding: Value) -> Value {
    finding.as_object_mut().unwrap().remove("location");
    finding
}

fn as_report(answer: &Answer) -> Option<Value> {
    let finding = answer.report()?;
    Some(without_place(serde_json::to_value(finding).unwrap()))
}

#[test]
fn the_answers_are_the_command_s() {
    let test = demo();
    let texts = texts();
    for target in ["mistral", "llama2-finetune", "mistral-renamed"] {
        let file = format!("targets/{target}.toml");
        let said = said_by_the_command(&test, &["--target", &file], &texts);

        let options = GateOptions::for_target(test.path(&file)).as_of(DAY);
        let gate = gate(&test, &options).unwrap();
        let mut checker = gate.checker();

        let (mut clean, mut found) = (0, 0);
        for (text, said) in texts.iter().zip(&said) {
            let answer = checker.check(text).unwrap();
            assert_eq!(as_report(&answer), *said, "{target}: {text:?}");
            assert_eq!(answer.is_clean(), said.is_none());
            clean += u32::from(answer.is_clean());
            found += u32::from(!answer.is_clean());
        }
        assert!(clean > 100 && found > 400, "{clean} clean, {found} found");
    }
}

#[test]
fn what_a_target_file_states_of_an_input_holds_for_its_texts() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let target = "[model]\nname = \"m\"\nbase = [\"mistralai/Mistral-7B-v0.3\"]\n\
                  [[inputs]]\npath = \"judged/*\"\nof_outputs = \"evaluation\"\n";
    let target = test.write("target.toml", target);
    let gate = gate(&test, &GateOptions::for_target(target).as_of(DAY)).unwrap();
    let text = &answers_of(LLAMA_3)[0].text;

    let plain = gate.checker().check(text).unwrap();
    let judged = gate
        .checker()
        .of_input("judged/a.jsonl")
        .check(text)
        .unwrap();

    assert_eq!(plain.level(), Some(herdbook::model::Level::Block));
    assert!(judged.level() < plain.level(), "{judged:?}");
    assert_eq!(&*judged.finding().unwrap().location.path, "judged/a.jsonl");
}

#[test]
fn threads_share_a_gate() {
    let test = demo();
    let gate = gate(&test, &GateOptions::for_model(MISTRAL).as_of(DAY)).unwrap();
    let texts = texts();
    let all = |texts: &[String]| -> Vec<Option<Value>> {
        let mut checker = gate.checker();
        texts
            .iter()
            .map(|text| as_report(&checker.check(text).unwrap()))
            .collect()
    };
    let alone = all(&texts);
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..3).map(|_| scope.spawn(|| all(&texts))).collect();
        for other in others {
            assert!(other.join().unwrap() == alone, "the same on every thread");
        }
    });
}

#[test]
fn trouble_is_an_error_with_the_command_s_exit_code() {
    let test = CliTest::with_answers_of(LLAMA_31);
    let open = |index: &Path| Register::open(index);
    let model = || GateOptions::for_model(MISTRAL).as_of(DAY);
    let fails = |test: &CliTest, options: &GateOptions| gate(test, options).unwrap_err();

    let nowhere = open(&test.path("nowhere")).unwrap_err();
    assert!(matches!(nowhere, GateError::Index(_)) && nowhere.exit_code() == 3);

    let empty = fails(&CliTest::with_empty_index(), &model());
    assert!(matches!(empty, GateError::Unfit(_)) && empty.exit_code() == 3);
    assert!(empty.to_string().contains("no source"), "{empty}");

    for options in [
        GateOptions::for_target(test.path("missing.toml")),
        model().policy(test.write("bad.toml", "[levels]\nno-such-code = \"flag\"\n")),
        model().as_of("yesterday"),
        model().catalog(test.path("missing.toml")),
    ] {
        let error = fails(&test, &options);
        assert!(matches!(error, GateError::Usage(_)), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    let approvals = test.write("unsigned.jsonl", "{\"not\": \"signed\"}\n");
    let unsigned = fails(&test, &model().approvals(approvals));
    assert!(matches!(unsigned, GateError::Undecided(_)), "{unsigned}");

    let policy = test.write("strict.toml", "snapshot_max_age_days = 30\n");
    let stale = fails(&test, &model().policy(policy).as_of("2199-01-01"));
    assert!(matches!(stale, GateError::Unfit(_)), "{stale}");

    let snapshots = fs::read_dir(test.index().join("snapshots")).unwrap();
    for snapshot in snapshots.map(|entry| entry.unwrap().path()) {
        let manifest = snapshot.join("manifest.json");
        let mut bytes = fs::read(&manifest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&manifest, bytes).unwrap();
    }
    let damaged = open(&test.index()).unwrap_err();
    assert!(matches!(damaged, GateError::Index(_)) && damaged.exit_code() == 3);
}

#[test]
fn a_text_that_is_too_long_is_undecided_and_the_next_one_is_not() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let gate = gate(&test, &GateOptions::for_model(MISTRAL)).unwrap();
    let mut checker = gate.checker();
    let long = "a".repeat(herdbook::text::TEXT_BYTES_MAX + 1);

    assert!(matches!(checker.check(&long), Err(CheckError::Text(_))));

    let text = &answers_of(LLAMA_3)[0].text;
    assert!(!checker.check(text).unwrap().is_clean());
    assert!(checker.check(&clean_texts()[0]).unwrap().is_clean());
}

#[test]
fn a_snapshot_that_travelled_is_opened_by_its_digest_only() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let info = Register::open(test.index()).unwrap().info();
    let snapshots = fs::read_dir(test.index().join("snapshots")).unwrap();
    let number = info.snapshot;
    let path = snapshots
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(&number.to_string()))
        .unwrap();

    let again = Register::open_snapshot(test.index(), &path, &info.digest).unwrap();
    assert_eq!(again.info(), info);

    let other = "0".repeat(64);
    let refused = Register::open_snapshot(test.index(), &path, &other).unwrap_err();
    assert!(matches!(refused, GateError::Index(_)), "{refused}");
}

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one hands everything to the system's"
)]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[test]
fn a_clean_text_that_is_not_looked_up_costs_no_allocation() {
    let test = demo();
    let gate = gate(&test, &GateOptions::for_model(MISTRAL)).unwrap();
    let mut checker = gate.checker();
    let mut clean = clean_texts();
    clean.push(clean.concat());
    clean.push("\u{4e2d}\u{6587} caf\u{e9} &amp; \\n <b>x</b> ".repeat(20));
    let mut allocating = || {
        let costs_some = |text: &&String| {
            let before = ALLOCATIONS.with(Cell::get);
            assert!(checker.check(text).unwrap().is_clean());
            ALLOCATIONS.with(Cell::get) > before
        };
        clean.iter().filter(costs_some).count()
    };

    assert!(
        allocating() > 0,
        "buffers grow at first, and the counter counts"
    );
    // One gram in 256 is in a filter by chance, and its text is looked up. Keys are drawn anew for
    // every index, so which text that is differs from run to run.
    let looked_up = allocating();
    assert!(
        looked_up < clean.len() / 4,
        "{looked_up} of {}",
        clean.len()
    );
}
