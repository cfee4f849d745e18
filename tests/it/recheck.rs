//! Compliance learns something late: a source is registered, withdrawn, the policy changes. Which
//! past checks would come out otherwise, and which runs went by them?

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_2, LLAMA_3, LLAMA_31, MISTRAL, Run, answers_of, clean_texts};

const DAY: &str = "2026-11-22";
const X: &str = "acme/X-7b";

/// An index that knows Llama 3.1, and training data with text that Llama 2 wrote, of which it knows
/// nothing yet. The data passes a check, and a run uses it.
fn story(keep: bool) -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_31);
    let mut texts: Vec<String> = clean_texts().into_iter().take(6).collect();
    let llama = answers_of(LLAMA_2);
    texts.extend(llama.iter().take(2).map(|answer| answer.text.clone()));
    texts.push(format!(
        "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>\n",
        llama[2].instruction, llama[2].text
    ));
    let rows: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
    test.write_jsonl("mix/a.jsonl", &rows[..4]);
    test.write_jsonl("mix/b.jsonl", &rows[4..]);
    let mut check = vec!["check", "mix", "--target-model", MISTRAL, "--as-of", DAY];
    if keep {
        check.push("--keep-sketches");
    }
    ok(
        &test,
        &["dataset", "add", "acme/mix", "mix", "--version", "v1"],
    );
    ok(&test, &check);
    let target = ["--target-model", MISTRAL];
    let start = ["run", "start", "x-sft", "--input", "acme/mix@v1"];
    ok(&test, &[&start[..], &target].concat());
    ok(&test, &["run", "finish", "x-sft", "--model", X]);
    test
}

#[track_caller]
fn ok(test: &CliTest, args: &[&str]) -> Run {
    test.run(args).exits(0)
}

/// `recheck ARGS --json`, which has to end so.
#[track_caller]
fn recheck(test: &CliTest, args: &[&str], code: i32) -> Value {
    let all = [&["recheck", "--as-of", DAY, "--json"][..], args].concat();
    let run = test.run(&all).exits(code);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The number of the first check's log entry.
fn first_check(test: &CliTest) -> String {
    let entries: Value =
        serde_json::from_str(&ok(test, &["audit", "log", "--json"]).stdout).unwrap();
    let entries = entries.as_array().unwrap();
    let check = entries.iter().find(|e| e["record"]["kind"] == "check");
    check.unwrap()["index"].to_string()
}

fn sketches(test: &CliTest) -> Vec<PathBuf> {
    match fs::read_dir(test.index().join("sketches")) {
        Ok(all) => all.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

#[test]
fn a_source_registered_late_shows_which_runs_it_reaches() {
    let test = story(true);
    let entries_before = ok(&test, &["audit", "log", "--json"]).stdout;
    let same = recheck(&test, &[], 0);
    assert_eq!(same["schema_version"], 1);
    let check = &same["checks"][0];
    assert_eq!(check["change"], "same", "{check:#}");
    assert_eq!(check["by"], "sketches");
    assert_eq!(check["then"]["verdict"], "pass");

    test.register_answers("late", LLAMA_2, &answers_of(LLAMA_2));
    let late = recheck(&test, &[], 1);
    let check = &late["checks"][0];
    assert_eq!(check["change"], "blocked", "{check:#}");
    assert_eq!(
        (&check["then"]["verdict"], &check["now"]["verdict"]),
        (&json!("pass"), &json!("block"))
    );
    assert_eq!(
        check["sources"],
        json!([{
            "source": "late", "models": [LLAMA_2], "withdrawn_at": null, "then": null,
            "now": {"rows": 3, "level": "block"},
        }])
    );
    assert_eq!(
        check["runs"],
        json!([{"run": "x-sft", "state": "finished", "models": [X]}])
    );

    // People read the same, and nothing was recorded by all that.
    let said = test.run(&["recheck", "--as-of", DAY]).exits(1);
    said.says("BLOCKED")
        .says("late (meta-llama/Llama-2-70b-chat-hf): 3 rows block")
        .says("x-sft (finished), which made acme/X-7b")
        .says("1 would be blocked now.");
    let entries = ok(&test, &["audit", "log", "--json"]).stdout;
    let count = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap().len();
    assert_eq!(
        count(&entries),
        count(&entries_before) + 1,
        "the registration"
    );

    // It says what a check of the same files says, to the last word.
    let first = first_check(&test);
    let (run, report) = test.check(&["mix", "--target-model", MISTRAL, "--as-of", DAY]);
    run.exits(1);
    assert_eq!(check["verdict"], report.0);
    // That one stands for both now, and was blocked already; it kept nothing.
    let now = recheck(&test, &[], 0);
    assert_eq!(now["superseded"], 1);
    assert_eq!(now["checks"][0]["by"], "verdict");
    assert_eq!(now["checks"][0]["change"], "same", "{now:#}");

    ok(&test, &["source", "withdraw", "late"]);
    let back = recheck(&test, &["--check", &first], 0);
    assert_eq!(back["checks"][0]["change"], "same", "{back:#}");
    let blocked = recheck(&test, &[], 3);
    let check = &blocked["checks"][0];
    assert_eq!(check["now"]["verdict"], "block", "not lifted by a guess");
    assert_eq!(check["change"], "undecided");
    assert!(
        check["undecided"]
            .to_string()
            .contains("withdrawn since: late"),
        "{check:#}"
    );
}

#[test]
fn what_was_found_is_decided_by_the_policy_and_the_catalog_of_today() {
    let test = CliTest::with_answers_of(LLAMA_2);
    let texts = answers_of(LLAMA_2);
    let rows: Vec<Value> = texts
        .iter()
        .take(2)
        .map(|answer| json!({"text": answer.text}))
        .collect();
    test.write_jsonl("rows.jsonl", &rows);
    // Output of Llama 2 may improve Llama 2.
    test.write(
        "target.toml",
        "[model]\nname = \"Llama-2-acme\"\nbase = [\"meta-llama/Llama-2-7b-hf\"]\n\
         availability = \"internal\"\n",
    );
    let check = [
        "check",
        "rows.jsonl",
        "--target",
        "target.toml",
        "--as-of",
        DAY,
    ];
    test.write(".herdbook/config.toml", "[check]\nkeep_sketches = true\n");
    ok(&test, &check);
    assert_eq!(sketches(&test).len(), 1, "the config asks for it");
    let same = recheck(&test, &[], 0);
    assert_eq!(same["checks"][0]["change"], "same", "{same:#}");
    assert_eq!(same["checks"][0]["now"]["verdict"], "flag");

    // From elsewhere the target's own files are still found.
    fs::create_dir(test.path("elsewhere")).unwrap();
    let mut elsewhere = test.command(&["recheck", "--index", "../.herdbook", "--as-of", DAY]);
    let output = elsewhere
        .current_dir(test.path("elsewhere"))
        .output()
        .unwrap();
    let elsewhere = Run::new(&["recheck"], &output).exits(0);
    assert!(
        !elsewhere.stdout.contains("not here"),
        "{}",
        elsewhere.stdout
    );

    // Somebody allows Llama 3.1 alone from now on.
    test.write(
        "only.toml",
        "allowed_models = [\"meta-llama/Llama-3.1-*\"]\n",
    );
    let only = ["--policy", "only.toml"];
    let blocked = recheck(&test, &only, 1);
    let moved = &blocked["checks"][0];
    assert_eq!(moved["change"], "blocked", "{moved:#}");
    assert_eq!(
        moved["sources"][0]["then"],
        json!({"rows": 2, "level": "note"})
    );
    assert_eq!(
        moved["sources"][0]["now"],
        json!({"rows": 2, "level": "block"})
    );
    // And the other way: what that policy blocked, the one of today flags.
    test.run(&[&check[..], &only].concat()).exits(1);
    let milder = recheck(&test, &[], 0);
    assert_eq!(milder["checks"][0]["change"], "milder", "{milder:#}");
    assert_eq!(milder["superseded"], 1);
}

#[test]
fn an_own_model_that_is_stated_late_decides_past_checks() {
    let test = CliTest::with_empty_index();
    test.register_answers("bot", "acme/acme-chat-7b", &answers_of(LLAMA_3));
    test.write_jsonl(
        "train.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[3].text})],
    );
    test.write(
        "target.toml",
        "[model]\nname = \"Llama-3-acme\"\nbase = [\"meta-llama/Meta-Llama-3-8B\"]\n\
         availability = \"internal\"\n",
    );
    let check = [
        "check",
        "train.jsonl",
        "--target",
        "target.toml",
        "--as-of",
        DAY,
    ];
    // Nobody knows the generator.
    test.run(&[&check[..], &["--keep-sketches"]].concat())
        .exits(1);
    test.write(
        "own.toml",
        "[[model]]\nkey = \"acme-chat\"\nmatch = [\"acme-chat-*\"]\nfamily = \"Acme Chat\"\n\
         llama = \"llama-3\"\n",
    );
    let known = recheck(&test, &["--catalog", "own.toml"], 0);
    let check = &known["checks"][0];
    assert_eq!(check["change"], "milder", "{check:#}");
    assert_eq!(check["now"]["verdict"], "flag");
    let findings = check["verdict"]["findings"].as_array().unwrap();
    let of_row: Vec<&Value> = findings
        .iter()
        .filter(|each| each["location"]["row"] == 0)
        .map(|each| &each["license"])
        .collect();
    assert_eq!(of_row, ["llama-3"]);
}

#[test]
fn sketches_that_are_not_what_was_kept_decide_nothing() {
    let test = story(true);
    let path = sketches(&test).pop().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&path).unwrap();
    let undecided = |why: &str| {
        let now = recheck(&test, &[], 3);
        let check = &now["checks"][0];
        assert_eq!(check["change"], "undecided", "{check:#}");
        assert_eq!(check["now"]["verdict"], "undecided");
        let said = check["undecided"].to_string();
        assert!(said.contains(&name) && said.contains(why), "{said}");
    };
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&path, changed).unwrap();
    undecided("is not what the audit log names");
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    undecided("is not what the audit log names");
    fs::remove_file(&path).unwrap();
    undecided("is not there");
    // Those of another check under this one's name.
    let other = story(true);
    fs::copy(sketches(&other).pop().unwrap(), &path).unwrap();
    undecided("is not what the audit log names");
    fs::write(&path, whole).unwrap();
    recheck(&test, &[], 0);
}

#[test]
fn without_sketches_a_recheck_says_what_it_does_not_know() {
    let test = story(false);
    assert!(sketches(&test).is_empty());
    let same = recheck(&test, &[], 0);
    let check = &same["checks"][0];
    assert_eq!(
        (&check["by"], &check["change"]),
        (&json!("verdict"), &json!("same"))
    );
    assert_eq!(check["verdict"], Value::Null);

    test.register_answers("late", LLAMA_2, &answers_of(LLAMA_2));
    let late = recheck(&test, &[], 3);
    let check = &late["checks"][0];
    assert_eq!(check["change"], "undecided", "{check:#}");
    assert_eq!(check["not_looked_for"], json!(["late"]));
    assert_eq!(check["runs"][0]["run"], "x-sft");
    test.run(&["recheck", "--as-of", DAY])
        .exits(3)
        .says("no sketches were kept")
        .says("registered since: late")
        .says("check the inputs again, with --keep-sketches");

    // What was registered and withdrawn since is nothing to look for.
    ok(&test, &["source", "withdraw", "late"]);
    recheck(&test, &[], 0);
    test.write("strict.toml", "strict = true\n");
    let strict = recheck(&test, &["--policy", "strict.toml"], 3);
    let said = strict["checks"][0]["undecided"].to_string();
    assert!(said.contains("another policy"), "{said}");

    // Nobody has to know the numbers of checks, but may not make them up.
    test.run(&["recheck", "--check", "0"])
        .exits(2)
        .says("is no check");
    let none = recheck(&test, &["--since", "2999-01-01"], 0);
    assert_eq!(none["checks"], json!([]));
}

#[test]
fn sketches_that_cannot_be_kept_are_no_pass() {
    let test = CliTest::with_answers_of(LLAMA_31);
    let rows: Vec<Value> = clean_texts()
        .iter()
        .map(|text| json!({"text": text}))
        .collect();
    test.write_jsonl("rows.jsonl", &rows);
    // A file where the folder should be.
    test.write(".herdbook/sketches", "");
    let (run, report) = test.check(&["rows.jsonl", "--target-model", MISTRAL, "--keep-sketches"]);
    run.exits(3);
    assert_eq!(report.findings()[0]["code"], "sketches-not-kept");
    fs::remove_file(test.index().join("sketches")).unwrap();
    let (run, report) = test.check(&["rows.jsonl", "--target-model", MISTRAL, "--keep-sketches"]);
    run.exits(0);
    assert_eq!(report.verdict(), "pass");
    let kept = sketches(&test).pop().unwrap();
    let size = fs::metadata(&kept).unwrap().len();
    let text = report.0["inputs"][0]["text_bytes"].as_u64().unwrap();
    println!("{size} bytes of sketches for {text} bytes of text");
    // Short texts have more grams for their length than long ones, and a file its frame.
    assert!(
        size < 2 * text,
        "{size} bytes of sketches for {text} of text"
    );
    // No two words of the text are in it.
    let mut bytes = fs::read(&kept).unwrap();
    for frame in zstd_frames(&bytes) {
        bytes.extend(frame);
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(
        holds("rows.jsonl"),
        "what stands there in the clear is found"
    );
    let text = clean_texts().join(" ");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.len() > 500);
    for pair in words.windows(2).step_by(7) {
        let said = pair.join(" ");
        let letters: String = said.chars().filter(char::is_ascii_alphanumeric).collect();
        if letters.len() > 8 {
            assert!(!holds(&said) && !holds(&letters.to_lowercase()), "{said}");
        }
    }
}

/// Everything in a file that is a zstd frame, unpacked.
fn zstd_frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&magic));
    places
        .filter_map(|at| {
            let mut decoder = zstd::stream::Decoder::new(&bytes[at..])
                .unwrap()
                .single_frame();
            let mut out = Vec::new();
            std::io::Read::read_to_end(&mut decoder, &mut out)
                .is_ok()
                .then_some(out)
        })
        .collect()
}

#[test]
fn a_backup_takes_the_sketches_along() {
    let test = story(true);
    ok(&test, &["backup", "b", "--with-keys"]);
    fs::rename(test.index(), test.path("lost")).unwrap();
    ok(&test, &["restore", "b"]);
    test.register_answers("late", LLAMA_2, &answers_of(LLAMA_2));
    let late = recheck(&test, &[], 1);
    assert_eq!(late["checks"][0]["by"], "sketches");
    ok(&test, &["doctor"]);
}
