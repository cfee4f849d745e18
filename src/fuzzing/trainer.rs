//! Trainer configurations: whatever stands in one, it is recognised the same again, data sets that
//! are elsewhere included, or refused.
//!
//! The first byte chooses the name of the file (`y`, `j`, `d`, `r`, `c`, `a`); the rest is the file.

use super::feed::Feed;
use super::reading::place;
use crate::trainer::Recognised;
use crate::trainer::Request;
use crate::trainer::TrainerError;
use crate::trainer::recognise;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    let name = match feed.u8() {
        b'j' => "config-of-run.json",
        b'd' => "dataset_info.json",
        b'r' => "README.md",
        b'c' => "config.json",
        b'a' => "adapter_config.json",
        _ => "run.yml",
    };
    let bytes = feed.take(16 << 10);
    let found = read(name, bytes);
    if let Ok(found) = &found {
        agrees(found, bytes);
    }
    assert_eq!(
        summary(&found),
        summary(&read(name, bytes)),
        "twice the same"
    );
    // A blank line in front moves every line by one and changes nothing else.
    if !matches!(name, "README.md")
        && !bytes.starts_with(b"\xef\xbb\xbf")
        && !bytes.starts_with(b"%")
    {
        let moved = read(name, &[b"\n", bytes].concat());
        assert_eq!(
            found.is_ok(),
            moved.is_ok(),
            "{:?} {:?}",
            found.err(),
            moved.err()
        );
        if let (Ok(mut found), Ok(mut moved)) = (found, moved) {
            unplaced(&mut found);
            unplaced(&mut moved);
            assert_eq!(found, moved);
        }
    }
}

fn read(name: &str, bytes: &[u8]) -> Result<Recognised, TrainerError> {
    let path = place("trainer").join(name);
    let folder = path.parent().expect("has a folder");
    // The folder holds this one file: a model folder is read by what lies in it.
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    std::fs::create_dir(folder).unwrap();
    std::fs::write(&path, bytes).unwrap();
    recognise(&Request::parse(name, folder), folder)
}

fn summary(found: &Result<Recognised, TrainerError>) -> String {
    match found {
        Ok(found) => format!("{found:?}"),
        Err(error) => error.to_string(),
    }
}

fn agrees(found: &Recognised, bytes: &[u8]) {
    // YAML, which JSON is read as too, ends lines at a carriage return and at Unicode's own ends.
    let ends = |mark: &[u8]| memchr::memmem::find_iter(bytes, mark).count() as u64;
    let marks = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"];
    let lines = 1 + marks.iter().map(|mark| ends(mark.as_bytes())).sum::<u64>();
    let origins = (found.inputs.iter().map(|input| &input.origin))
        .chain(found.remote.iter().map(|remote| &remote.origin))
        .chain(found.facts.iter().filter_map(|fact| fact.origin.as_ref()));
    for origin in origins {
        assert!(origin.line <= lines, "line {} of {lines}", origin.line);
    }
    for input in &found.inputs {
        assert!(
            input.path != "-" && !input.path.is_empty(),
            "standard input was named"
        );
    }
    assert!(found.remote.iter().all(|remote| !remote.id.is_empty()));
    assert!(found.ignored.is_sorted());
}

/// Without lines.
fn unplaced(found: &mut Recognised) {
    for input in &mut found.inputs {
        input.origin.line = 0;
    }
    for remote in &mut found.remote {
        remote.origin.line = 0;
    }
    for fact in &mut found.facts {
        if let Some(origin) = &mut fact.origin {
            origin.line = 0;
        }
    }
    // Notes name lines in words.
    found.notes.clear();
}
