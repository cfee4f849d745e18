//! What the journeys share: a folder of their own, the real binary, own-written texts, pyarrow.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

pub(crate) const LLAMA_2: &str = "meta-llama/Llama-2-70b-chat-hf";
pub(crate) const LLAMA_3: &str = "meta-llama/Meta-Llama-3-8B-Instruct";
pub(crate) const LLAMA_31: &str = "meta-llama/Llama-3.1-70B-Instruct";
pub(crate) const MISTRAL: &str = "mistralai/Mistral-7B-v0.3";

/// The repository's root.
pub(crate) fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the demo, by its name under `fixtures/demo`.
pub(crate) fn demo_file(name: &str) -> PathBuf {
    repo().join("fixtures/demo").join(name)
}

/// One of the demo's answers, with what was asked and the model it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) instruction: String,
    pub(crate) model: String,
    pub(crate) text: String,
}

/// Every answer of the demo, in order.
pub(crate) fn answers() -> Vec<Answer> {
    let mut all = Vec::new();
    for (instruction, body) in sections("preferences.txt") {
        for part in format!("\n{body}").split("\n--- ").skip(1) {
            let (head, text) = part.split_once('\n').unwrap();
            let (model, _score) = head.split_once(" | ").unwrap();
            all.push(Answer {
                instruction: instruction.clone(),
                model: model.to_owned(),
                text: text.trim().to_owned(),
            });
        }
    }
    all
}

/// The answers that stand for one model.
pub(crate) fn answers_of(model: &str) -> Vec<Answer> {
    answers()
        .into_iter()
        .filter(|answer| answer.model == model)
        .collect()
}

/// Documents that no model is said to have written, in order.
pub(crate) fn clean_texts() -> Vec<String> {
    sections("clean.txt")
        .into_iter()
        .map(|(_, body)| body)
        .collect()
}

fn sections(file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(demo_file("source").join(file)).unwrap();
    format!("\n{text}")
        .split("\n=== ")
        .skip(1)
        .map(|part| {
            let (title, body) = part.split_once('\n').unwrap();
            (title.trim().to_owned(), body.trim().to_owned())
        })
        .collect()
}

/// A folder of its own with the binary run inside it; the index is its `.herdbook`.
pub(crate) struct CliTest {
    dir: tempfile::TempDir,
}

impl CliTest {
    /// An empty folder; no index yet.
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("herdbook-it-")
                .tempdir()
                .unwrap(),
        }
    }

    /// A folder with an index that nothing is registered in.
    pub(crate) fn with_empty_index() -> Self {
        let test = Self::new();
        test.run(&["init"]).exits(0);
        test
    }

    /// A folder whose index holds the demo's answers of one model, registered under that id from
    /// a JSONL file of `instruction` and `output`.
    pub(crate) fn with_answers_of(model: &str) -> Self {
        let test = Self::with_empty_index();
        test.register_answers("answers", model, &answers_of(model));
        test
    }

    /// Registers answers under a source name and a model.
    pub(crate) fn register_answers(&self, source: &str, model: &str, answers: &[Answer]) {
        let rows: Vec<Value> = answers
            .iter()
            .map(|answer| json!({"instruction": answer.instruction, "output": answer.text}))
            .collect();
        let file = format!("{source}.jsonl");
        self.write_jsonl(&file, &rows);
        self.run(&["register", &file, "--source", source, "--model", model])
            .exits(0);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.path(".herdbook")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn write_jsonl(&self, name: &str, rows: &[Value]) -> PathBuf {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        self.write(name, lines)
    }

    /// Copies a file or folder of the demo into this folder under its own name.
    pub(crate) fn copy_demo(&self, name: &str) {
        let from = demo_file(name);
        if from.is_dir() {
            for entry in fs::read_dir(&from).unwrap() {
                let file = entry.unwrap().file_name().into_string().unwrap();
                self.copy_demo(&format!("{name}/{file}"));
            }
        } else {
            self.write(name, fs::read(from).unwrap());
        }
    }

    /// Reads a JSONL file of this folder.
    pub(crate) fn read_jsonl(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name))
            .unwrap_or_else(|error| panic!("{name} should have been written: {error}"));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The binary, ready to run in this folder, deaf to the caller's own settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_herdbook"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        for name in ["HERDBOOK_INDEX", "HERDBOOK_KEYS"] {
            command.env_remove(name);
        }
        command.env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::new(args, &self.command(args).output().unwrap())
    }

    /// Runs with these bytes on standard input.
    pub(crate) fn run_with_stdin(&self, args: &[&str], input: &[u8]) -> Run {
        // A file, not a pipe: nothing can block on an unread pipe.
        let path = self.write(".stdin", input);
        let stdin = fs::File::open(path).unwrap();
        Run::new(args, &self.command(args).stdin(stdin).output().unwrap())
    }

    /// `check ARGS --report report.json`: the run and the report it wrote.
    pub(crate) fn check(&self, args: &[&str]) -> (Run, Report) {
        let mut all = vec!["check"];
        all.extend(args);
        all.extend(["--report", "report.json"]);
        let run = self.run(&all);
        let bytes = fs::read(self.path("report.json")).unwrap_or_else(|error| {
            panic!(
                "the check should leave a report ({error})\n{}",
                run.transcript()
            )
        });
        (run, Report(serde_json::from_slice(&bytes).unwrap()))
    }

    /// `check PATH --target-model MISTRAL --report report.json`.
    pub(crate) fn check_for_mistral(&self, path: &str) -> (Run, Report) {
        self.check(&[path, "--target-model", MISTRAL])
    }

    /// Runs a Python script of `tests/it` with pyarrow, in this folder.
    pub(crate) fn python(&self, script: &str, args: &[&str]) {
        let python = interpreter();
        let output = Command::new(&python)
            .arg(repo().join("tests/it").join(script))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
        assert!(
            output.status.success(),
            "{script} {args:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Python with pyarrow. These tests read Parquet that another writer wrote, so without it they
/// fail and say what to do; they are never skipped.
pub(crate) fn interpreter() -> PathBuf {
    if let Some(set) = std::env::var_os("HERDBOOK_PYTHON") {
        return PathBuf::from(set);
    }
    let path = repo().join(".venv/bin/python");
    assert!(
        path.exists(),
        "no Python with pyarrow at {}: run `make test` (or scripts/setup.sh python), or name one \
         in HERDBOOK_PYTHON",
        path.display()
    );
    path
}

/// What a run answered.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    args: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn new(args: &[&str], output: &Output) -> Self {
        Self {
            args: args.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Everything that was said, for a failure's message.
    pub(crate) fn transcript(&self) -> String {
        format!(
            "$ herdbook {}\n{}\n--- standard error\n{}\n--- exit {:?}",
            self.args, self.stdout, self.stderr, self.code
        )
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.transcript());
        self
    }

    /// Asserts that a word was said, on either stream, case ignored.
    #[track_caller]
    pub(crate) fn says(self, word: &str) -> Self {
        let said = format!("{}\n{}", self.stdout, self.stderr).to_lowercase();
        assert!(
            said.contains(&word.to_lowercase()),
            "nothing about {word:?}\n{}",
            self.transcript()
        );
        self
    }
}

/// A verdict in JSON. Every look at it first holds the tally to its invariant.
#[derive(Debug, Clone)]
pub(crate) struct Report(pub(crate) Value);

impl Report {
    pub(crate) fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap()
    }

    /// One count of the tally; the sum is asserted.
    #[track_caller]
    pub(crate) fn tally(&self, name: &str) -> u64 {
        let count = |key: &str| {
            self.0["tally"][key]
                .as_u64()
                .unwrap_or_else(|| panic!("tally.{key}: {}", self.0["tally"]))
        };
        assert_eq!(
            count("read"),
            count("pass") + count("flag") + count("block") + count("undecided"),
            "nothing may be dropped: {}",
            self.0["tally"]
        );
        count(name)
    }

    /// Everything that is said, about rows, files and the run.
    pub(crate) fn findings(&self) -> &[Value] {
        self.0["findings"].as_array().unwrap()
    }

    /// What is said about rows; a missing organisation profile, say, is a finding on the run.
    pub(crate) fn on_rows(&self) -> Vec<&Value> {
        self.findings()
            .iter()
            .filter(|each| !each["location"]["row"].is_null())
            .collect()
    }

    /// Rows with a finding of any of these levels.
    pub(crate) fn rows(&self, levels: &[&str]) -> BTreeSet<u64> {
        self.findings()
            .iter()
            .filter(|finding| levels.contains(&finding["level"].as_str().unwrap()))
            .filter_map(|finding| finding["location"]["row"].as_u64())
            .collect()
    }

    /// Findings on one row.
    pub(crate) fn of_row(&self, row: u64) -> Vec<&Value> {
        self.findings()
            .iter()
            .filter(|each| each["location"]["row"] == row)
            .collect()
    }

    /// The only finding of this level whose path ends so; asserts that there is one.
    #[track_caller]
    pub(crate) fn only(&self, level: &str, path_end: &str) -> &Value {
        let found: Vec<&Value> = self
            .findings()
            .iter()
            .filter(|each| each["level"] == level)
            .filter(|each| {
                each["location"]["path"]
                    .as_str()
                    .unwrap()
                    .ends_with(path_end)
            })
            .collect();
        assert_eq!(
            found.len(),
            1,
            "{level} findings on {path_end}: {:#}",
            self.0["findings"]
        );
        found[0]
    }
}

/// Every word of 64 hexadecimal digits, each once.
pub(crate) fn digests_in(text: &str) -> BTreeSet<String> {
    text.split(|character: char| !character.is_ascii_hexdigit())
        .filter(|word| word.len() == 64)
        .map(str::to_owned)
        .collect()
}

/// Every file under a folder with its bytes' digest, to show that nothing changed.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    use sha2::{Digest, Sha256};
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let digest = hex::encode(Sha256::digest(fs::read(&path).unwrap()));
                found.push((path.strip_prefix(folder).unwrap().to_owned(), digest));
            }
        }
    }
    found.sort();
    found
}
