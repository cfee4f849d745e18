//! A compliance officer who was not there opens a report: on a check, a data set, a model, a
//! quarter. It is looked at in a real browser, by mouse and by keyboard, with and without script,
//! on paper, and by axe-core.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_2, LLAMA_31, MISTRAL, answers_of, clean_texts, repo};

/// Mean difference of brightness between a picture and the kept one, from which on they show
/// different things. Measured with `tests/outside/look.mjs`: `DejaVu` in place of Liberation, which
/// breaks lines elsewhere, gives 0.035 at most, a dark page 0.82.
const DIFFERENCE_MAX: f64 = 0.08;
/// Spread of brightness below which a picture is blank. Chosen; these pages have 0.04 to 0.06.
const SPREAD_MIN: f64 = 0.01;

/// Llama 2 output enters a mix, the mix trains X, X's output trains Y, Y runs in production.
struct Story {
    test: CliTest,
    /// Log entries of the two checks.
    checks: Vec<u64>,
}

fn target(name: &str) -> String {
    format!("[model]\nname = \"{name}\"\nbase = \"{MISTRAL}\"\n")
}

impl Story {
    fn new() -> Self {
        let test = CliTest::with_empty_index();
        test.register_answers("support-bot-2026-10", LLAMA_2, &answers_of(LLAMA_2));
        let text = |text: &str| json!({"text": text, "origin": "mixed"});
        let mut mix: Vec<Value> = clean_texts().iter().map(|clean| text(clean)).collect();
        mix.extend(answers_of(LLAMA_2).iter().map(|answer| text(&answer.text)));
        test.write_jsonl("mix.jsonl", &mix);
        test.write("x.toml", target("acme-x"));
        test.write("y.toml", target("acme-y"));
        let add = |words: &[&str]| {
            test.run(words).exits(0);
        };
        add(&[
            "dataset",
            "add",
            "acme/mix",
            "mix.jsonl",
            "--version",
            "v3",
            "--owner",
            "data team",
        ]);
        test.run(&[
            "check",
            "mix.jsonl",
            "--target",
            "x.toml",
            "--report",
            "mix.json",
        ])
        .exits(1);
        add(&[
            "run",
            "start",
            "sft-x",
            "--input",
            "acme/mix@v3",
            "--target",
            "x.toml",
        ]);
        add(&["run", "finish", "sft-x", "--model", "acme-x"]);
        test.register_answers("acme-x-answers", "acme-x", &answers_of(LLAMA_31));
        let mut second: Vec<Value> = clean_texts()
            .iter()
            .take(3)
            .map(|clean| text(clean))
            .collect();
        second.extend(answers_of(LLAMA_31).iter().map(|answer| text(&answer.text)));
        test.write_jsonl("mix-y.jsonl", &second);
        add(&[
            "dataset",
            "add",
            "acme/mix-y",
            "mix-y.jsonl",
            "--version",
            "v1",
            "--from",
            "source:acme-x-answers",
            "--how",
            "mix",
        ]);
        let run = test.run(&["check", "mix-y.jsonl", "--target", "y.toml"]);
        assert_ne!(
            run.code,
            Some(0),
            "output of X is not clean\n{}",
            run.transcript()
        );
        add(&[
            "run",
            "start",
            "sft-y",
            "--input",
            "acme/mix-y@v1",
            "--target",
            "y.toml",
        ]);
        add(&["run", "finish", "sft-y", "--model", "acme-y"]);
        let log: Value =
            serde_json::from_str(&test.run(&["audit", "log", "--json"]).exits(0).stdout)
                .expect("JSON");
        let checks = log
            .as_array()
            .expect("entries")
            .iter()
            .filter(|entry| entry["record"]["kind"] == "check")
            .map(|entry| entry["index"].as_u64().expect("a number"))
            .collect();
        let story = Self { test, checks };
        story.deploy("acme-y", "prod-eu");
        story.deploy(LLAMA_2, "prod-us");
        story
    }

    /// States, signed, that a model runs somewhere.
    fn deploy(&self, model: &str, environment: &str) {
        if !self.test.path("jdoe.pem").exists() {
            let run = self
                .test
                .run(&["keys", "new", "jdoe.pem", "--as", "jdoe"])
                .exits(0);
            let (_, rest) = run.stdout.split_once("public key").expect("a key");
            let public = rest.split_whitespace().next().expect("a key");
            let profile = format!(
                "[organization]\nname = \"Acme\"\n[[person]]\nid = \"jdoe\"\nname = \"J. Doe\"\n\
                 roles = [\"requester\"]\npublic_key = \"{public}\"\n"
            );
            self.test.write(".herdbook/organization.toml", profile);
        }
        self.test
            .run(&[
                "deployment",
                "add",
                "--model",
                model,
                "--environment",
                environment,
                "--from",
                "2026-01-15",
                "--as",
                "jdoe",
                "--key",
                "jdoe.pem",
            ])
            .exits(0);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.test.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The report of `words` as HTML and Markdown, by this name.
    fn report(&self, words: &[&str], name: &str) -> (String, String) {
        let (html, markdown) = (format!("{name}.html"), format!("{name}.md"));
        let mut all = vec!["report"];
        all.extend(words);
        all.extend(["--out", &html, "--out", &markdown]);
        self.test.run(&all).exits(0);
        (self.read(&html), self.read(&markdown))
    }
}

#[test]
fn a_report_tells_the_story_to_who_was_not_there() {
    let story = Story::new();
    let test = &story.test;
    let entry = story.checks[0].to_string();

    let (html, markdown) = story.report(&["check", &entry], "check");
    assert!(
        html.contains("<html lang=\"en\">") && !html.contains("src="),
        "{html}"
    );
    for said in [
        "What was found",
        "acme-x",
        LLAMA_2,
        "llama-2",
        "support-bot-2026-10",
        "mix.jsonl",
        "counsel decides",
    ] {
        assert!(markdown.contains(said), "{said}\n{markdown}");
    }
    let rows = answers_of(LLAMA_2).len();
    assert!(
        markdown.contains(&format!(
            "{rows} of {} rows match registered output of",
            rows + clean_texts().len()
        )),
        "{markdown}"
    );
    // The verdict file of the same check tells the same, but for its place in the log.
    let (_, of_file) = story.report(&["check", "mix.json"], "of-file");
    assert!(of_file.contains("not looked up"), "{of_file}");
    assert_eq!(
        of_file.split_once("## What this is").expect("summary").1,
        markdown.split_once("## What this is").expect("summary").1
    );
    // No text of the data.
    let text = &answers_of(LLAMA_2)[0].text;
    let words: String = text.chars().take(40).collect();
    assert!(!markdown.contains(&words) && !html.contains(&words));

    let (_, dataset) = story.report(&["dataset", "acme/mix@v3"], "dataset");
    assert!(dataset.contains(&format!("{rows} of ")), "{dataset}");
    assert!(dataset.contains("support-bot-2026-10") && dataset.contains("data team"));
    assert!(
        dataset.contains("acme-y in prod-eu"),
        "downstream is told too\n{dataset}"
    );

    let (_, model) = story.report(&["model", "acme-y"], "model");
    for said in [
        "acme-x",
        LLAMA_2,
        "sft-y",
        "acme/mix-y@v1",
        "1.b.v",
        "prod-eu",
        "```mermaid",
    ] {
        assert!(model.contains(said), "{said}\n{model}");
    }

    let (_, period) = story.report(&["period", "--from", "2026-01-01"], "period");
    assert!(period.contains("2 checks were made"), "{period}");
    assert!(
        period.contains("llama-2") && period.contains("prod-us"),
        "{period}"
    );

    let short = test.run(&["report", "model", "acme-y"]).exits(0).stdout;
    assert!(
        short.contains("What to do") && short.lines().count() < 80,
        "{short}"
    );
    // The same data gives the same bytes.
    assert_eq!(story.report(&["model", "acme-y"], "again").1, model);
}

#[test]
fn nothing_of_others_is_overwritten_and_what_is_not_there_is_said() {
    let test = CliTest::with_answers_of(LLAMA_2);
    test.write("mine.html", "<p>mine</p>");
    let run = test.run(&[
        "report",
        "period",
        "--from",
        "2026-01-01",
        "--out",
        "mine.html",
    ]);
    run.exits(2).says("not a herdbook report");
    assert_eq!(
        fs::read_to_string(test.path("mine.html")).expect("kept"),
        "<p>mine</p>"
    );
    for (words, code, said) in [
        (vec!["report", "check", "0"], 2, "is no check"),
        (vec!["report", "check", "900"], 2, "900"),
        (vec!["report", "check", "no-such.json"], 2, "no-such.json"),
        (vec!["report", "model", "nobody"], 2, "nobody"),
        (vec!["report", "dataset", "nothing@v1"], 2, "nothing"),
        (
            vec![
                "report",
                "period",
                "--from",
                "2026-02-01",
                "--to",
                "2026-01-01",
            ],
            2,
            "before",
        ),
        (
            vec!["report", "period", "--from", "2026-02-01", "--out", "r.pdf"],
            2,
            ".html",
        ),
        (
            vec![
                "report",
                "period",
                "--from",
                "2026-02-01",
                "--out",
                "r.json",
            ],
            2,
            ".html",
        ),
    ] {
        test.run(&words).exits(code).says(said);
    }
    // An earlier report of ours is replaced.
    for _ in 0..2 {
        test.run(&[
            "report",
            "period",
            "--from",
            "2026-01-01",
            "--out",
            "r.html",
        ])
        .exits(0);
    }
    let fresh = CliTest::new();
    fresh.run(&["report", "model", "x"]).exits(3);
}

/// What the browser saw of a report of this folder. Pictures are compared with those kept under
/// `docs/screenshots`, or kept anew (`HERDBOOK_BLESS=1`); so are `others`, which are never kept.
fn look(test: &CliTest, report: &str, pictures: &[(&str, &str)], others: &[(&str, &str)]) -> Value {
    let folder = test.path(&format!("{report}.seen"));
    let kept = |name: &str| repo().join("docs/screenshots").join(name);
    let bless = std::env::var_os("HERDBOOK_BLESS").is_some();
    let mut command = Command::new("node");
    command
        .arg(repo().join("tests/outside/look.mjs"))
        .arg(test.path(report))
        .arg(&folder);
    for (picture, name) in pictures.iter().chain(others) {
        if !bless {
            command.arg(format!("{picture}={}", kept(name).display()));
        }
    }
    let output = command
        .output()
        .expect("node runs; scripts/setup.sh node installs it");
    assert!(
        output.status.success(),
        "the browser: run scripts/setup.sh node\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if let Some(to) = std::env::var_os("HERDBOOK_PICTURES") {
        let to = PathBuf::from(to).join(report);
        fs::create_dir_all(&to).expect("made");
        for entry in fs::read_dir(&folder).expect("pictures") {
            let path = entry.expect("a file").path();
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    if bless {
        for (picture, name) in pictures {
            fs::create_dir_all(kept(name).parent().expect("a folder")).expect("made");
            fs::copy(folder.join(picture), kept(name)).expect("kept");
        }
    }
    let pdf = fs::read(folder.join("paper.pdf")).expect("paper");
    let pages = String::from_utf8_lossy(&pdf)
        .matches("/Type /Page\n")
        .count();
    assert!((2..40).contains(&pages), "{pages} pages of paper");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What holds of every report in the browser.
fn holds_in_a_browser(report: &str, seen: &Value) {
    for (what, none) in [
        ("an error or remark on the console", &seen["console"]),
        ("a request to elsewhere", &seen["requests"]),
        (
            "a violation found by axe-core, light",
            &seen["violations"]["light"],
        ),
        (
            "a violation found by axe-core, dark",
            &seen["violations"]["dark"],
        ),
        ("words that spill from a box", &seen["all"]["spilled"]),
    ] {
        if none.is_null() {
            continue;
        }
        assert_eq!(none, &json!([]), "{report}: {what}");
    }
    for view in ["first", "narrow", "no_script"] {
        assert_eq!(
            seen[view]["sideways"], 0,
            "{report}, {view}: moved sideways"
        );
        assert_eq!(seen[view]["cut"], 0, "{report}, {view}: labels cut");
        assert_eq!(
            seen[view]["charts"], seen["first"]["charts"],
            "{report}, {view}"
        );
    }
    assert_eq!(
        seen["no_script"]["shown"], seen["no_script"]["nodes"],
        "{report}"
    );
    for (name, alike) in seen["alike"].as_object().into_iter().flatten() {
        let number = |key: &str| alike[key].as_f64().expect("a number");
        assert!(number("spread") > SPREAD_MIN, "{report}: {name} is blank");
        if name.starts_with("dark") {
            assert!(
                number("difference") > DIFFERENCE_MAX * 5.0,
                "{report}: {name} {alike}"
            );
        } else {
            assert!(
                number("difference") < DIFFERENCE_MAX,
                "{report}: {name} {alike}"
            );
        }
    }
}

#[test]
fn reports_work_in_a_browser_by_mouse_keyboard_and_on_paper() {
    let story = Story::new();
    let entry = story.checks[0].to_string();
    story.report(&["check", &entry], "check");
    story.report(&["model", "acme-y"], "model");
    story.report(&["period", "--from", "2026-01-01"], "period");

    let seen = look(
        &story.test,
        "model.html",
        &[("graph-open.png", "report-model-graph.png")],
        &[],
    );
    println!("{}", serde_json::to_string_pretty(&seen).expect("JSON"));
    holds_in_a_browser("model", &seen);
    let shown = |view: &str| seen[view]["shown"].as_u64().expect(view);
    let all = seen["first"]["nodes"].as_u64().expect("nodes");
    // Opened with one hop around Y: its run and where it is deployed.
    assert_eq!(shown("first"), 3, "{seen}");
    assert!(
        shown("by_key") > 3 && shown("by_key") < all,
        "Enter opens: {seen}"
    );
    assert_eq!(seen["by_key"]["open"], "true");
    assert_eq!(shown("by_key_again"), 3, "Enter closes");
    assert_eq!(
        shown("by_click"),
        shown("by_key"),
        "a click does what Enter does"
    );
    assert_eq!(shown("all"), all);
    assert_eq!(shown("one_hop"), 3);
    assert_eq!(shown("after_print"), 3, "paper leaves the window as it was");
    assert_eq!(seen["first"]["role"], "group");
    assert_eq!(seen["no_script"]["role"], "img");
    // Tab goes through contents, then the buttons, then the boxes, the report's own first.
    let focus = seen["focus"].as_array().expect("focus");
    let first = |what: &dyn Fn(&Value) -> bool| focus.iter().position(what).expect("focused");
    let link = first(&|at| at["tag"] == "a");
    let button = first(&|at| at["tag"] == "button");
    let node = first(&|at| !at["node"].is_null());
    assert!(link < button && button < node, "{focus:?}");
    assert_eq!(focus[node]["node"], "0");
    assert!(
        focus[node]["name"]
            .as_str()
            .expect("a name")
            .contains("acme-y")
    );

    let seen = look(
        &story.test,
        "check.html",
        &[("top.png", "report-check.png")],
        &[("dark-top.png", "report-check.png")],
    );
    holds_in_a_browser("check", &seen);
    let seen = look(
        &story.test,
        "period.html",
        &[("top.png", "report-period.png")],
        &[],
    );
    holds_in_a_browser("period", &seen);
}
