//! The check of the catalog's data files that the build makes, on copies of the files.
//!
//! A target of its own, since it takes the modules in by their path as `build.rs` does.

#![expect(
    clippy::expect_used,
    reason = "a test stops where what it needs is not there"
)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

#[path = "../src/catalog/at_build.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "only the loader's verdict is wanted here, not what it loads"
)]
mod catalog;
#[path = "../src/model/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the loader speaks in a part of it"
)]
mod model;

/// A copy of the data files.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/data");
    for entry in fs::read_dir(data).expect("the data files") {
        let entry = entry.expect("a data file");
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}

/// What the build says when `from` of a file is replaced by `to`, without the folder's name.
fn refused(name: &str, from: &str, to: &str) -> String {
    let folder = copy();
    let path = folder.path().join(name);
    let text = fs::read_to_string(&path).expect("read");
    assert!(text.contains(from), "{name} holds no {from}");
    fs::write(&path, text.replacen(from, to, 1)).expect("written");
    let message = catalog::check(folder.path()).expect_err("refused");
    message
        .strip_prefix(&format!("{}/", folder.path().display()))
        .expect("begins with the file")
        .to_owned()
}

/// Line, from 1, on which the file as committed holds this for the first time.
fn line_of(name: &str, wanted: &str) -> usize {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/data");
    let text = fs::read_to_string(data.join(name)).expect("read");
    let before = text.lines().take_while(|line| !line.contains(wanted));
    before.count() + 1
}

#[test]
fn the_files_as_committed_pass() {
    assert_eq!(catalog::check(copy().path()), Ok(()));
}

#[test]
fn a_broken_file_is_refused_with_line_and_column() {
    let wrong_date = refused("licenses.toml", "\"2023-07-18\"", "\"July 2023\"");
    let line = line_of("licenses.toml", "\"2023-07-18\"");
    assert_eq!(
        wrong_date,
        format!(
            "licenses.toml:{line}:16: license `llama-2`, field `version_date`: `July 2023` is not a \
             date; write YYYY-MM-DD"
        )
    );
    let no_such_key = refused("hosts.toml", "terms = ", "term = ");
    let line = line_of("hosts.toml", "terms = ");
    let expected = format!("hosts.toml:{line}:1: unknown field `term`");
    assert!(no_such_key.starts_with(&expected), "{no_such_key}");
    let no_toml = refused("models.toml", "[[model]]", "[[model]");
    let line = line_of("models.toml", "[[model]]");
    let expected = format!("models.toml:{line}:");
    assert!(no_toml.starts_with(&expected), "{no_toml}");
}

/// What one file says of another is compared too, as at load.
#[test]
fn a_reference_to_nothing_is_refused() {
    let message = refused(
        "other_licenses.toml",
        "id = \"gemma",
        "id = \"renamed-gemma",
    );
    assert!(message.starts_with("models.toml:"), "{message}");
    assert!(message.contains("no license `gemma"), "{message}");
}

#[test]
fn a_file_too_many_or_too_few_is_refused() {
    let folder = copy();
    fs::write(folder.path().join("more.toml"), "").expect("written");
    let message = catalog::check(folder.path()).expect_err("refused");
    assert!(
        message.contains("more.toml: no file of the catalog"),
        "{message}"
    );
    let folder = copy();
    fs::remove_file(folder.path().join("hosts.toml")).expect("removed");
    let message = catalog::check(folder.path()).expect_err("refused");
    assert!(message.contains("hosts.toml: "), "{message}");
}
