//! A maintainer wants the architecture's table of imports to stay true without reading every
//! change: who may import whom, who alone names `RocksDB`, which modules touch no file and no clock.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::repo;

/// Lowest first. `cli`, `library`, `lib.rs` and `main.rs` sit on top and may import everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("cpu", &[]),
    ("text", &["cpu"]),
    ("tlog", &[]),
    ("fingerprint", &["model", "text", "cpu"]),
    ("lineage", &["model"]),
    ("read", &["model"]),
    ("catalog", &["model"]),
    ("policy", &["model"]),
    ("governance", &["model"]),
    ("index", &["model", "fingerprint", "tlog"]),
    ("audit", &["model", "index", "fingerprint", "tlog"]),
    (
        "snapshot",
        &["model", "index", "fingerprint", "audit", "tlog"],
    ),
    ("graph", &["model", "lineage", "index", "audit", "snapshot"]),
    ("bundle", &["model", "fingerprint", "index", "snapshot"]),
    (
        "pipeline",
        &[
            "model",
            "cpu",
            "text",
            "fingerprint",
            "read",
            "catalog",
            "policy",
            "governance",
            "index",
            "snapshot",
            "audit",
            "lineage",
        ],
    ),
    ("report", &["model"]),
    ("trainer", &["model"]),
    ("interchange", &["model"]),
    ("attest", &["model"]),
];
const ON_TOP: &[&str] = &["cli", "library", "fuzzing"];

/// Modules that compute and nothing else.
const PURE: &[&str] = &[
    "model",
    "text",
    "tlog",
    "fingerprint",
    "policy",
    "governance",
    "lineage",
    "attest",
    "interchange",
];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::now",
    "fs::File",
];

#[test]
fn every_module_imports_only_what_stands_below_it() {
    let mut wrong = String::new();
    for (file, module, line, code) in code_lines(false) {
        if ON_TOP.contains(&module.as_str()) || module.is_empty() {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            panic!(
                "{} is in no row of the layer table: add `{module}` to it",
                file.display()
            );
        };
        for used in crate_paths(&code) {
            if used == "{" {
                writeln!(
                    wrong,
                    "{}:{line}: one import path per line, please",
                    file.display()
                )
                .unwrap();
            } else if used != module && known(&used) && !allowed.contains(&used.as_str()) {
                writeln!(
                    wrong,
                    "{}:{line}: `{module}` imports `{used}`",
                    file.display()
                )
                .unwrap();
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the layer table:\n{wrong}"
    );
}

#[test]
fn only_the_index_names_rocksdb() {
    let named: Vec<String> = code_lines(true)
        .into_iter()
        .filter(|(_, module, _, code)| module != "index" && code.contains("rocksdb::"))
        .map(|(file, _, line, _)| format!("{}:{line}", file.display()))
        .collect();
    assert!(
        named.is_empty(),
        "RocksDB is named outside src/index: {named:?}"
    );
}

#[test]
fn pure_modules_touch_no_file_and_no_clock() {
    let touched: Vec<String> = code_lines(false)
        .into_iter()
        .filter(|(_, module, _, _)| PURE.contains(&module.as_str()))
        .filter(|(_, _, _, code)| IMPURE.iter().any(|name| code.contains(name)))
        .map(|(file, _, line, code)| format!("{}:{line}: {}", file.display(), code.trim()))
        .collect();
    assert!(
        touched.is_empty(),
        "a pure module does I/O or reads a clock: {touched:?}"
    );
}

#[test]
fn the_tree_names_no_folder_of_one_machine() {
    // Written apart, so that this file does not find itself.
    let wanted = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let mut named = Vec::new();
    for top in [
        "src", "tests", "docs", "benches", "fixtures", "schemas", "scripts", ".ci",
    ] {
        for file in files_under(&repo().join(top)) {
            let Ok(text) = String::from_utf8(fs::read(&file).unwrap()) else {
                continue;
            };
            for (number, line) in text.lines().enumerate() {
                if wanted.iter().any(|path| line.contains(path)) {
                    named.push(format!("{}:{}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(named.is_empty(), "paths of one machine: {named:?}");
}

#[test]
fn the_parser_of_this_test_sees_imports() {
    // Guards the guard: if this stops holding, the tests above pass on anything.
    assert_eq!(crate_paths("use crate::read::Record;"), ["read"]);
    assert_eq!(
        crate_paths("    let x = crate::index::open(&crate::model::Y);"),
        ["index", "model"]
    );
    assert_eq!(crate_paths("use crate::{read, index};"), ["{"]);
    assert!(crate_paths("pub(crate) fn f() {}").is_empty());
    assert!(code_lines(false).len() > 500, "hardly any code was read");
    assert!(code_lines(false).iter().any(|(_, module, _, code)| {
        module == "pipeline" && crate_paths(code).contains(&"model".to_owned())
    }));
}

/// The names after each `crate::`; `{` for a group.
fn crate_paths(code: &str) -> Vec<String> {
    code.match_indices("crate::")
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            if rest.starts_with('{') {
                return "{".to_owned();
            }
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

fn known(module: &str) -> bool {
    MAY_IMPORT.iter().any(|(name, _)| *name == module) || ON_TOP.contains(&module)
}

/// Every line of code under `src`: file, top module (empty for lib.rs and main.rs), 1-based line,
/// text. Comments are left out; so is what follows `#[cfg(test)]` unless asked for.
fn code_lines(with_tests: bool) -> Vec<(PathBuf, String, usize, String)> {
    let src = repo().join("src");
    let mut lines = Vec::new();
    for file in files_under(&src) {
        let inside = file.strip_prefix(&src).unwrap().to_owned();
        let is_test = inside.file_stem().is_some_and(|stem| stem == "tests")
            || inside.components().any(|part| part.as_os_str() == "tests");
        if inside.extension().is_none_or(|e| e != "rs") || (is_test && !with_tests) {
            continue;
        }
        let module = match inside.components().count() {
            1 => String::new(),
            _ => inside.iter().next().unwrap().to_str().unwrap().to_owned(),
        };
        let text = fs::read_to_string(&file).unwrap();
        let mut rest = text.lines().enumerate().peekable();
        while let Some((number, line)) = rest.next() {
            let code = line.trim_start();
            // A test module in the file itself is its last item; one in a file of its own is not.
            let opens_tests = code.starts_with("#[cfg(test)]")
                && rest
                    .peek()
                    .is_some_and(|(_, next)| next.trim_end().ends_with('{'));
            if opens_tests && !with_tests {
                break;
            }
            if !code.starts_with("//") {
                let shown = Path::new("src").join(&inside);
                lines.push((shown, module.clone(), number + 1, line.to_owned()));
            }
        }
    }
    lines
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
            let path = entry.unwrap().path();
            // What npm installed is not ours.
            if path.ends_with("node_modules") {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
