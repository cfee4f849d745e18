//! What people write: target, policy, organisation, duties, catalog, and what lies beside a model.
//!
//! The first byte chooses the kind (`t`, `p`, `o`, `d`, `c`, `m`, `j`, `k`, `g`, `n`); the rest is
//! the file.

use std::sync::LazyLock;

use super::feed::Feed;
use crate::catalog::Catalog;
use crate::catalog::MODEL_ID_BYTES_MAX;
use crate::catalog::hints;
use crate::policy;
use crate::policy::FileError;
use crate::policy::Policy;
use crate::policy::organization;
use crate::policy::target_file;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::builtin().expect("built in"));

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    let kind = feed.u8();
    let bytes = feed.take(16 << 10);
    let text = String::from_utf8_lossy(bytes);
    match kind {
        b'p' => policies(&text),
        b'o' => organizations(&text),
        b'd' => duties(&text),
        b'c' => catalogs(&text),
        b'm' => model_ids(&text),
        b'j' | b'k' | b'g' | b'n' => beside_a_model(kind, bytes),
        _ => targets(&text),
    }
}

/// A message with a place that is in the file.
fn refused(error: &FileError, text: &str) {
    assert!(!error.message.is_empty());
    at(error.line, error.column, text);
    assert_eq!(
        error.to_string(),
        format!(
            "{}:{}:{}: {}",
            error.path, error.line, error.column, error.message
        )
    );
}

fn at(line: usize, column: usize, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(
        (1..=lines.len()).contains(&line),
        "line {line} of {}",
        lines.len()
    );
    let columns = lines[line - 1].chars().count() + 1;
    assert!(
        (1..=columns).contains(&column),
        "column {column} of {columns}"
    );
}

fn targets(text: &str) {
    match target_file::parse(text, "t.toml") {
        Ok(target) => {
            // A line of comment in front changes nothing.
            let again = target_file::parse(&format!("# x\n{text}"), "t.toml");
            if !text.starts_with('\u{feff}') {
                assert_eq!(again, Ok(target.clone()));
            }
            assert!(target.name.as_ref().is_some_and(|name| !name.is_empty()));
            for input in ["a.jsonl", "x/y", ""] {
                let one = target_file::input_use(&target, input);
                assert_eq!(one, target_file::input_use(&target, input));
            }
        }
        Err(error) => refused(&error, text),
    }
}

fn policies(text: &str) {
    match Policy::parse(text, "p.toml") {
        Ok(policy) => {
            let again = Policy::parse(&format!("{text}\n# x\n"), "p.toml");
            assert_eq!(again.map(|policy| policy.digest()), Ok(policy.digest()));
            digest_is_of_the_policy(&policy);
            assert!(policy.flag_strength() <= policy.block_strength());
        }
        Err(error) => refused(&error, text),
    }
}

/// No value of a policy can pose as another key of the canonical text, which the digest is over.
fn digest_is_of_the_policy(policy: &Policy) {
    let canonical = policy.canonical();
    for key in [
        "name",
        "strict",
        "findings_max",
        "block_strength",
        "flag_strength",
    ] {
        let lines = canonical
            .lines()
            .filter(|line| line.starts_with(&format!("{key} = ")));
        assert_eq!(lines.count(), 1, "{canonical}");
    }
    let required = canonical
        .lines()
        .filter(|line| line.starts_with("required_sign_off = "));
    assert_eq!(
        required.count(),
        policy.required_sign_offs().len(),
        "{canonical}"
    );
    let days = canonical
        .lines()
        .filter(|line| line.starts_with("snapshot_max_age_days = "));
    assert_eq!(
        days.count() == 1,
        policy.snapshot_max_age_days().is_some(),
        "{canonical}"
    );
    for (key, stated) in [
        ("log_size_min", policy.log_size_min().is_some()),
        ("text_share_min", policy.text_share_min().is_some()),
    ] {
        let lines = canonical
            .lines()
            .filter(|line| line.starts_with(&format!("{key} = ")));
        assert_eq!(lines.count() == 1, stated, "{canonical}");
    }
    assert!(canonical.contains(&format!("name = {}\n", policy.name())));
    assert!(canonical.contains(&format!("strict = {}\n", policy.strict())));
}

fn organizations(text: &str) {
    let licenses: Vec<&str> = CATALOG
        .licenses()
        .iter()
        .map(|license| license.id.as_str())
        .collect();
    match organization::parse(text, "o.toml", &licenses) {
        Ok(found) => {
            let again = organization::parse(&format!("{text}\n# x\n"), "o.toml", &licenses);
            assert_eq!(again, Ok(found));
        }
        Err(error) => refused(&error, text),
    }
}

fn duties(text: &str) {
    match policy::stored_duties(text, "d.toml") {
        Ok(duties) => {
            let written = policy::stored_duties_text(&duties).unwrap();
            let whole = format!("{}{written}", policy::STORED_DUTIES_HEADER);
            assert_eq!(policy::stored_duties(&whole, "d.toml"), Ok(duties.clone()));
            // Appended once more, each stands twice: nothing that is appended can be lost.
            let twice = policy::stored_duties(&format!("{whole}{written}"), "d.toml");
            assert_eq!(twice, Ok([duties.clone(), duties].concat()));
        }
        Err(error) => refused(&error, text),
    }
}

fn catalogs(text: &str) {
    match Catalog::with(&[("own.toml", text)]) {
        // What the built-in catalog forbids, another file may add to, not take away.
        Ok(catalog) => {
            for id in ["meta-llama/Meta-Llama-3-8B", "own/model"] {
                assert_eq!(catalog.explain(id).resolution, catalog.resolve(id));
            }
            assert!(catalog.licenses().len() >= CATALOG.licenses().len());
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!(error.line >= 1 && error.column >= 1);
        }
    }
}

fn model_ids(id: &str) {
    let id: String = id.chars().take(MODEL_ID_BYTES_MAX).collect();
    let explained = CATALOG.explain(&id);
    assert_eq!(explained.resolution, CATALOG.resolve(&id));
    let access = CATALOG.access(Some(&id));
    assert_eq!(access, CATALOG.access(Some(&id)));
}

fn beside_a_model(kind: u8, bytes: &[u8]) {
    let found = match kind {
        b'j' => hints::from_json("config.json", bytes),
        b'k' => hints::from_card("README.md", bytes),
        b'g' => {
            let whole = hints::from_gguf("m.gguf", bytes, true);
            // What the beginning of a file says, the whole file says: or it asks for more.
            if let Ok(part) = hints::from_gguf("m.gguf", bytes, false) {
                assert_eq!(whole.as_ref(), Ok(&part));
            }
            whole
        }
        _ => hints::from_notice("NOTICE", bytes).map(|hint| vec![hint]),
    };
    match found {
        Ok(found) => {
            for hint in &found {
                assert!(!hint.place.is_empty());
                // Strings come out of the file and not from beyond it; a digest has 64 letters.
                assert!(hint.says.value().len() <= bytes.len().max(64) * 3);
            }
            let combined = CATALOG.combine("some/model", found);
            assert!(!format!("{combined:?}").is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
