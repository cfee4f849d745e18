//! A reader trusts the documents: what they say about exit codes, commands, modules and files is
//! held against the program and the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::common::{CliTest, LLAMA_3, MISTRAL, answers_of, clean_texts, repo};

fn read(name: &str) -> String {
    fs::read_to_string(repo().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "fixtures/README.md",
        "fixtures/demo/STORY.md",
        "benches/README.md",
    ]
    .into_iter()
    .map(|name| repo().join(name))
    .collect();
    for folder in ["docs", "docs/decisions"] {
        for entry in fs::read_dir(repo().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Codes of the table whose first column holds them: `| 0 | pass | … |`.
fn exit_codes(readme: &str) -> Vec<(i32, String)> {
    readme
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            match cells.next()?.trim_matches('`').parse() {
                Ok(code) => Some((code, cells.next()?.to_owned())),
                Err(_) => None,
            }
        })
        .collect()
}

#[test]
fn the_readme_s_exit_codes_are_the_program_s() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("clean.jsonl", &[json!({"text": clean_texts()[0]})]);
    test.write_jsonl(
        "llama.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    let code =
        |input: &str, option: &str| test.run(&["check", input, option, MISTRAL]).code.unwrap();
    let real = [
        (code("clean.jsonl", "--target-model"), "pass"),
        (code("llama.jsonl", "--target-model"), "block"),
        (code("clean.jsonl", "--no-such-option"), "usage"),
        (code("nowhere.jsonl", "--target-model"), "undecided"),
    ];

    let written = exit_codes(&read("README.md"));

    assert_eq!(written.len(), real.len(), "{written:?}");
    for ((code, said), (real, word)) in written.iter().zip(real) {
        assert_eq!(*code, real);
        assert!(
            said.to_lowercase().contains(word),
            "{code} is about {word}, not {said:?}"
        );
    }
}

#[test]
fn every_command_shown_in_a_document_is_known() {
    let test = CliTest::new();
    let mut shown = BTreeSet::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        // Decision records may speak of what is to come.
        if path
            .parent()
            .is_some_and(|folder| folder.ends_with("decisions"))
        {
            continue;
        }
        for (at, found) in text.match_indices("herdbook ") {
            let before = text[..at].chars().next_back();
            if !matches!(before, Some('`' | ' ' | '\n')) || !is_code(&text, at) {
                continue;
            }
            let word: String = text[at + found.len()..]
                .chars()
                .take_while(|character| character.is_ascii_lowercase() || *character == '-')
                .collect();
            if !word.is_empty() && !word.starts_with('-') {
                shown.insert(word);
            }
        }
    }
    assert!(
        shown.contains("check") && shown.contains("register"),
        "{shown:?}"
    );
    for command in shown {
        let run = test.run(&[&command, "--help"]);
        assert_eq!(
            run.code,
            Some(0),
            "a document shows `herdbook {command}`\n{}",
            run.transcript()
        );
    }
}

/// Whether a place of a Markdown text lies in a code span, or starts a line of a code block.
fn is_code(text: &str, at: usize) -> bool {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[line_start..at];
    let fenced = text[..line_start]
        .lines()
        .filter(|line| line.trim_start().starts_with("```"))
        .count();
    if fenced % 2 == 1 {
        matches!(line.trim(), "" | "$")
    } else {
        line.matches('`').count() % 2 == 1 && line.ends_with('`')
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let changelog = read("CHANGELOG.md");
    assert!(
        changelog.contains(concat!("## ", env!("CARGO_PKG_VERSION"))),
        "{changelog}"
    );
    for heading in [
        "Policy meaning",
        "Fingerprint recipe",
        "Index format",
        "Schemas",
        "API",
        "Fixed",
    ] {
        assert!(
            changelog.contains(heading),
            "what can change a verdict has a heading: {heading}"
        );
    }
}

#[test]
fn every_module_is_on_the_map() {
    let map = read("docs/architecture.md");
    for entry in fs::read_dir(repo().join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let module = format!("`{}`", path.file_name().unwrap().to_str().unwrap());
            assert!(
                map.contains(&module),
                "docs/architecture.md does not name {module}"
            );
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("](").skip(1) {
            let link = part.split([')', '#']).next().unwrap();
            if !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") {
                let to = path.parent().unwrap().join(link);
                if !to.exists() {
                    dead.push(format!("{} -> {link}", path.display()));
                }
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn decisions_are_numbered_without_gaps_and_say_what_they_must() {
    let folder = repo().join("docs/decisions");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for (number, name) in (1..).zip(&names) {
        assert!(
            name.starts_with(&format!("{number:04}-")),
            "{name} should be number {number}"
        );
        let text = fs::read_to_string(folder.join(name)).unwrap();
        for heading in [
            "## Context",
            "## Choice",
            "## Alternatives",
            "## Consequences",
        ] {
            assert!(text.contains(heading), "{name} has no {heading}");
        }
    }
}

#[test]
fn every_fixture_has_an_origin() {
    let listed = read("fixtures/README.md");
    let mut missing = Vec::new();
    for (path, _) in crate::common::contents(&repo().join("fixtures")) {
        let name = path.to_str().unwrap().to_owned();
        let known = listed.contains(&format!("`{name}`"))
            || path
                .parent()
                .is_some_and(|folder| listed.contains(&format!("`{}/*", folder.display())));
        let about_itself =
            [Path::new("README.md"), Path::new("demo/STORY.md")].contains(&path.as_path());
        if !known && !about_itself && !name.contains("__pycache__") {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "not in fixtures/README.md: {missing:?}");
}

#[test]
fn the_readme_has_exactly_two_set_up_commands() {
    let readme = read("README.md");
    let makefile = read("Makefile");
    for command in ["make demo", "make test"] {
        assert!(readme.contains(command), "{command}");
        assert!(
            makefile.contains(&format!("\n{}:", &command[5..])),
            "{command}"
        );
    }
    for word in ["pip install", "apt-get", "apt install", "brew install"] {
        assert!(
            !readme.contains(word),
            "the two commands install what they need: {word}"
        );
    }
}

#[test]
fn the_readme_s_tour_is_what_the_program_says() {
    let test = CliTest::new();
    for name in [
        "preferences.parquet",
        "train.parquet",
        "train-llama31.parquet",
        "targets",
    ] {
        test.copy_demo(name);
    }
    let readme = read("README.md");
    let mut commands = 0;
    let mut said = Vec::new();
    let mut code = None;
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ herdbook ") {
                let words: Vec<&str> = command.split_whitespace().collect();
                let run = test.run(&words);
                said = format!("{}\n{}", run.stdout, run.stderr)
                    .lines()
                    .map(lasting)
                    .collect();
                code = run.code;
                commands += 1;
            } else if line == "$ echo $?" {
                said = vec![code.unwrap().to_string()];
            } else if line.trim() != "…" && !line.trim().is_empty() {
                assert!(
                    said.contains(&lasting(line)),
                    "the README shows\n    {line}\nwhich is not in\n{}",
                    said.join("\n")
                );
            }
        }
    }
    assert!(commands >= 5, "only {commands} commands were tried");
}

/// A line without what differs from run to run: digests, dates, sizes in bytes.
fn lasting(line: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = bare.len() >= 8 && bare.chars().all(|c| c.is_ascii_hexdigit());
        let date = bare.len() == 10 && bare.starts_with("20") && bare.matches('-').count() == 2;
        if hex {
            word.replace(bare, "DIGEST")
        } else if date {
            word.replace(bare, "DATE")
        } else {
            word.to_owned()
        }
    };
    line.trim_end()
        .split(' ')
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}
