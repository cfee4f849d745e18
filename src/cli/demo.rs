//! `herdbook demo`: the whole story on made-up data, through the real commands.
//!
//! Each step is this same program run as a user would run it, in a folder of its own; a step that
//! ends with another code than it should ends the demo with exit 3.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use anyhow::anyhow;

use super::args::DemoArgs;
use super::args::Global;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::out;
use crate::report::escape;

/// Marks a folder that an earlier demo made, so that no other folder is ever emptied.
const MARK: &str = ".herdbook-demo";

/// The data, carried in the program; `fixtures/README.md` says where it comes from.
const FILES: [(&str, &[u8]); 6] = [
    (
        "preferences.parquet",
        include_bytes!("../../fixtures/demo/preferences.parquet"),
    ),
    (
        "train.parquet",
        include_bytes!("../../fixtures/demo/train.parquet"),
    ),
    (
        "train-llama31.parquet",
        include_bytes!("../../fixtures/demo/train-llama31.parquet"),
    ),
    (
        "targets/mistral.toml",
        include_bytes!("../../fixtures/demo/targets/mistral.toml"),
    ),
    (
        "targets/llama2-finetune.toml",
        include_bytes!("../../fixtures/demo/targets/llama2-finetune.toml"),
    ),
    (
        "targets/mistral-renamed.toml",
        include_bytes!("../../fixtures/demo/targets/mistral-renamed.toml"),
    ),
];

struct Step {
    says: &'static str,
    words: &'static [&'static str],
    exit: i32,
}

const STEPS: [Step; 8] = [
    Step {
        says: "An empty index and its keys.",
        words: &["init"],
        exit: 0,
    },
    Step {
        says: "Somebody generated answers with several models and kept the models' names. \
               Registering them takes one command; columns and models are recognised.",
        words: &["register", "preferences.parquet"],
        exit: 0,
    },
    Step {
        says: "Months later the answers come back as a training set: model column dropped, tagged \
               `mit`, reformatted, some cut, mixed with clean documents. May it train a model based \
               on Mistral?",
        words: &[
            "check",
            "train.parquet",
            "--target",
            "targets/mistral.toml",
            "--report",
            "report.json",
            "--report",
            "report.html",
        ],
        exit: 1,
    },
    Step {
        says: "A fine-tune of Llama 2 may use the Llama 2 rows. The Llama 3 rows still block it: \
               that license excludes only its own family.",
        words: &[
            "check",
            "train.parquet",
            "--target",
            "targets/llama2-finetune.toml",
        ],
        exit: 1,
    },
    Step {
        says: "Split the set: every row to exactly one side, each quarantined row with its reason.",
        words: &[
            "check",
            "train.parquet",
            "--target",
            "targets/mistral.toml",
            "--clean",
            "clean",
            "--quarantine",
            "quarantine",
            "--quiet",
        ],
        exit: 1,
    },
    Step {
        says: "What is left passes.",
        words: &[
            "check",
            "clean/train.parquet",
            "--target",
            "targets/mistral.toml",
        ],
        exit: 0,
    },
    Step {
        says: "Llama 3.1 rows alone: no ban, but a duty. A model to be distributed has to carry a \
               name that begins with Llama, and this one does not.",
        words: &[
            "check",
            "train-llama31.parquet",
            "--target",
            "targets/mistral.toml",
        ],
        exit: 1,
    },
    Step {
        says: "The same rows under such a name: let through, and flagged so that they are seen.",
        words: &[
            "check",
            "train-llama31.parquet",
            "--target",
            "targets/mistral-renamed.toml",
        ],
        exit: 0,
    },
];

pub(super) fn run(global: &Global, args: &DemoArgs) -> Result<Exit, Failure> {
    let dir = &args.dir;
    prepare(dir)?;
    let program = std::env::current_exe()
        .context("cannot find this program to run its commands")
        .or_undecided()?;
    for (number, step) in STEPS.iter().enumerate() {
        let line: Vec<String> = step.words.iter().map(|word| escape::shell(word)).collect();
        out::print(&format!(
            "\n[{}/{}] {}\n\n$ herdbook {}\n",
            number + 1,
            STEPS.len(),
            step.says,
            line.join(" ")
        ))?;
        let mut command = Command::new(&program);
        command
            .args(step.words)
            .args(["--index", ".herdbook"])
            .current_dir(dir);
        command
            .env_remove("HERDBOOK_INDEX")
            .env_remove("HERDBOOK_KEYS");
        if global.quiet {
            command.arg("--quiet");
        }
        let status = command
            .status()
            .context("cannot run the step")
            .or_undecided()?;
        if status.code() != Some(step.exit) {
            return Err(Failure::undecided(anyhow!(
                "the demo's step {} ended with {status}, not with exit {}: this build of herdbook \
                 does not work as it should",
                number + 1,
                step.exit
            )));
        }
        out::print(&format!("(exit {})\n", step.exit))?;
    }
    out::print(&ending(dir))?;
    Ok(Exit::Pass)
}

fn prepare(dir: &Path) -> Result<(), Failure> {
    let shown = dir.display();
    if dir.exists() {
        let empty = fs::read_dir(dir)
            .with_context(|| format!("cannot look into {shown}"))
            .or_usage()?
            .next()
            .is_none();
        if !empty && !dir.join(MARK).exists() {
            return Err(Failure::usage(anyhow!(
                "{shown} holds something that no demo made: name another folder with --dir"
            )));
        }
        fs::remove_dir_all(dir)
            .with_context(|| format!("cannot remove the earlier demo in {shown}"))
            .or_undecided()?;
    }
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", path.display()))
            .or_undecided()
    };
    write(MARK, b"made by `herdbook demo`\n")?;
    for (name, bytes) in FILES {
        write(name, bytes)?;
    }
    Ok(())
}

fn ending(dir: &Path) -> String {
    let dir = escape::terminal(&dir.display().to_string());
    format!(
        "\nThat is the whole story. Everything is in {dir}: the data, the index, the split, and \
         report.html to look at.\n\n\
         Next, on your own files:\n  \
         herdbook init\n  \
         herdbook register YOUR_OUTPUTS.jsonl --model meta-llama/Llama-3.1-70B-Instruct\n  \
         herdbook check YOUR_TRAINING_DATA/ --target-model mistralai/Mistral-7B-v0.3\n"
    )
}
