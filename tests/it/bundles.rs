//! Two organisations that want to keep each other's outputs out of their training data, and neither
//! of which may show the other a text: one exports fingerprints, the other registers them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Answer, CliTest, LLAMA_2, LLAMA_3, Report, Run, answers_of, clean_texts};

const BUNDLE: &str = "for-b.bundle";
const KEY: &str = "for-b.key";
const PUBLIC: &str = "acme-signing.pub";

/// A, with two sources, and what it exports of one or both.
fn exporter(sources: &[&str]) -> CliTest {
    let a = CliTest::with_empty_index();
    a.register_answers("llama2-runs", LLAMA_2, &answers_of(LLAMA_2));
    a.register_answers("llama3-runs", LLAMA_3, &answers_of(LLAMA_3));
    export(&a, sources).exits(0);
    a
}

fn export(a: &CliTest, sources: &[&str]) -> Run {
    let mut args = vec!["export", "bundle", BUNDLE, "--bundle-key", KEY];
    for source in sources {
        args.extend(["--source", source]);
    }
    a.run(&args)
}

/// Brings bundle, key and public key to B, as three channels would.
fn carry(a: &CliTest, b: &CliTest) {
    for (from, to) in [
        (a.path(BUNDLE), BUNDLE),
        (a.path(KEY), KEY),
        (a.index().join("keys/signing.pub"), PUBLIC),
    ] {
        b.write(to, fs::read(from).unwrap());
    }
}

fn import(b: &CliTest, more: &[&str]) -> Run {
    let mut args = vec![
        "import",
        "bundle",
        BUNDLE,
        "--bundle-key",
        KEY,
        "--key",
        PUBLIC,
        "--partner",
        "acme",
    ];
    args.extend(more);
    b.run(&args)
}

/// Every file of a folder with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn half(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words[..words.len() / 2].join(" ")
}

/// Answers that are long enough for half of them to be found.
fn long(model: &str) -> Vec<Answer> {
    let mut answers = answers_of(model);
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.text.len()));
    answers.truncate(3);
    answers
}

#[test]
fn a_partners_outputs_are_found_without_their_text() {
    let a = exporter(&["llama2-runs", "llama3-runs"]);
    let b = CliTest::with_empty_index();
    carry(&a, &b);
    // What left the house is on record.
    let log = a.run(&["audit", "log"]).exits(0);
    log.says("share").says("llama2-runs, llama3-runs");
    import(&b, &[])
        .exits(0)
        .says("acme/llama2-runs")
        .says("acme/llama3-runs");

    let copied = answers_of(LLAMA_2);
    let mut rows: Vec<Value> = copied.iter().map(|one| json!({"text": one.text})).collect();
    let excerpts = rows.len() as u64;
    let clean = clean_texts();
    for answer in long(LLAMA_3) {
        let part = half(&answer.text);
        rows.push(json!({"text": format!("{}\n\n{part}\n\n{}", clean[3], clean[4])}));
        rows.push(json!({"text": part.to_uppercase()}));
    }
    let first_clean = rows.len() as u64;
    rows.extend(clean.iter().map(|text| json!({"text": text})));
    b.write_jsonl("train.jsonl", &rows);
    let (run, report) = b.check_for_mistral("train.jsonl");

    run.exits(1).says("claimed by acme");
    let found = report.rows(&["flag", "block"]);
    for row in 0..first_clean {
        assert!(found.contains(&row), "row {row} was not found");
    }
    assert!(
        found.iter().all(|row| *row < first_clean),
        "clean text: {found:?}"
    );
    for row in 0..excerpts {
        let [finding] = report.of_row(row)[..] else {
            panic!("{:#}", report.0["findings"])
        };
        assert_eq!(
            (&finding["tier"], &finding["level"]),
            (&json!("exact"), &json!("block"))
        );
        assert_eq!(finding["model"], LLAMA_2);
        let claim = &finding["claims"][0];
        assert_eq!(claim["source"], "acme/llama2-runs");
        let record = claim["source_record"].as_str().unwrap();
        assert!(record.starts_with("claimed by acme: file 0#"), "{record}");
    }
    for row in excerpts..first_clean {
        let finding = report.of_row(row)[0];
        assert_eq!(
            finding["claims"][0]["source"], "acme/llama3-runs",
            "{finding:#}"
        );
        assert!(
            finding["longest_run_bytes"].as_u64().unwrap() > 100,
            "{finding:#}"
        );
        let share = finding["share_of_output"].as_f64().unwrap();
        assert!((0.2..0.7).contains(&share), "half of it: {finding:#}");
    }

    b.run(&["source", "list"]).exits(0).says("claimed by acme");
    let shown = b
        .run(&["source", "show", "acme/llama2-runs", "--json"])
        .exits(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["bundle"]["partner"], "acme");
    assert_eq!(shown["bundle"]["source"], "llama2-runs");
    let public = fs::read_to_string(b.path(PUBLIC)).unwrap();
    assert_eq!(shown["bundle"]["key"], public.trim_end());
    b.run(&["audit", "log"]).exits(0).says("acme/llama2-runs");
    b.run(&["audit", "verify"]).exits(0);
    b.run(&["doctor"]).exits(0);

    // Withdrawn, it is found no longer.
    for source in ["acme/llama2-runs", "acme/llama3-runs"] {
        b.run(&["source", "withdraw", source]).exits(0);
    }
    b.register_answers("other", LLAMA_3, &answers_of(LLAMA_3)[..1]);
    b.write_jsonl("copies.jsonl", &rows[..3]);
    let (run, report) = b.check_for_mistral("copies.jsonl");
    run.exits(0);
    assert!(report.on_rows().is_empty(), "{:#}", report.0["findings"]);
}

#[test]
fn neither_side_sees_the_others_text_or_key() {
    let a = exporter(&["llama2-runs"]);
    let b = CliTest::with_empty_index();
    carry(&a, &b);
    import(&b, &[]).exits(0);

    let key = fs::read(a.index().join("keys/fingerprint.key")).unwrap();
    let mut secrets: Vec<Vec<u8>> = vec![key.clone(), hex(&key).into_bytes()];
    for answer in answers_of(LLAMA_2) {
        for text in [&answer.text, &answer.instruction] {
            let words: Vec<&str> = text.split_whitespace().collect();
            // Any three long words in a row, and as the normal form has them.
            for some in words.windows(3).filter(|some| some.concat().len() > 15) {
                secrets.push(some.join(" ").into_bytes());
                let letters = some.concat().to_lowercase();
                secrets.push(
                    letters
                        .chars()
                        .filter(|c| c.is_alphanumeric())
                        .collect::<String>()
                        .into_bytes(),
                );
            }
        }
    }
    let mut files = tree(&b.index());
    files.insert("the bundle".to_owned(), fs::read(a.path(BUNDLE)).unwrap());
    for (name, bytes) in &files {
        for secret in &secrets {
            assert!(
                memchr::memmem::find(bytes, secret).is_none(),
                "{name} holds {:?}",
                String::from_utf8_lossy(secret)
            );
        }
    }
    // Names of A's files and columns stay with A, too, and nothing of the source not shared.
    let bundle = fs::read(a.path(BUNDLE)).unwrap();
    for name in ["llama2-runs.jsonl", "instruction", "llama3-runs", LLAMA_3] {
        assert!(
            memchr::memmem::find(&bundle, name.as_bytes()).is_none(),
            "{name}"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(a.path(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_not_the_partners_whole_bundle_is_refused_and_changes_nothing() {
    let a = exporter(&["llama3-runs"]);
    let (b, c) = (CliTest::with_empty_index(), CliTest::with_empty_index());
    carry(&a, &b);
    let before = tree(&b.index());
    let whole = fs::read(b.path(BUNDLE)).unwrap();

    for at in (0..whole.len()).step_by(whole.len() / 24) {
        let mut changed = whole.clone();
        changed[at] ^= 0x20;
        b.write(BUNDLE, changed);
        import(&b, &[]).exits(3);
        b.write(BUNDLE, &whole[..at]);
        import(&b, &[]).exits(3);
    }
    b.write(BUNDLE, [whole.as_slice(), b"\n"].concat());
    import(&b, &[]).exits(3).says("further bytes");
    b.write(BUNDLE, &whole);

    let public = fs::read(b.path(PUBLIC)).unwrap();
    b.write(
        PUBLIC,
        fs::read(c.index().join("keys/signing.pub")).unwrap(),
    );
    import(&b, &[])
        .exits(3)
        .says("not signed by the key that was given");
    b.write(
        PUBLIC,
        fs::read(b.index().join("keys/signing.pub")).unwrap(),
    );
    import(&b, &[]).exits(2).says("own signing key");
    b.write(PUBLIC, "no key\n");
    import(&b, &[]).exits(2).says("no Ed25519 public key");
    b.write(PUBLIC, public);

    let key = fs::read(b.path(KEY)).unwrap();
    b.write(KEY, format!("{}\n", "0b".repeat(32)));
    import(&b, &[])
        .exits(3)
        .says("bundle key is not that of this bundle");
    b.write(KEY, "short\n");
    import(&b, &[]).exits(2).says("no bundle key");
    b.write(KEY, key);

    import(&b, &["--source", "llama2-runs"])
        .exits(2)
        .says("has no source llama2-runs");
    import(&b, &["--dry-run"])
        .exits(0)
        .says("llama3-runs")
        .says("nothing was registered");
    b.run(&[
        "import",
        "bundle",
        BUNDLE,
        "--bundle-key",
        KEY,
        "--partner",
        "acme",
    ])
    .exits(2)
    .says("--key");
    assert!(
        tree(&b.index()) == before,
        "an import that was refused changed the index"
    );

    import(&b, &[]).exits(0);
    import(&b, &[])
        .exits(0)
        .says("registered already")
        .says("nothing was changed");
}

#[test]
fn an_export_overwrites_nothing_and_names_only_own_sources() {
    let a = exporter(&["llama2-runs"]);
    let (bundle, key) = (
        fs::read(a.path(BUNDLE)).unwrap(),
        fs::read(a.path(KEY)).unwrap(),
    );
    export(&a, &["llama2-runs"])
        .exits(2)
        .says("not overwritten");
    fs::rename(a.path(BUNDLE), a.path("kept")).unwrap();
    export(&a, &["llama2-runs"])
        .exits(2)
        .says("not overwritten");
    assert_eq!(fs::read(a.path(KEY)).unwrap(), key);
    fs::rename(a.path(KEY), a.path("kept.key")).unwrap();
    export(&a, &["nothing"])
        .exits(2)
        .says("no source is named nothing");
    assert!(!a.path(KEY).exists() && !a.path(BUNDLE).exists());
    // The same once more is another key, and other bytes throughout.
    export(&a, &["llama2-runs"]).exits(0);
    assert_ne!(fs::read(a.path(BUNDLE)).unwrap(), bundle);
    assert_ne!(fs::read(a.path(KEY)).unwrap(), key);
}

/// What findings say of the strength of a match, by row.
fn evidence(report: &Report) -> Vec<Value> {
    let keys = [
        "tier",
        "level",
        "share_of_row",
        "share_of_output",
        "longest_run_bytes",
    ];
    report
        .on_rows()
        .iter()
        .map(|finding| {
            let facts = keys.map(|key| finding[key].clone());
            json!([finding["location"]["row"], facts])
        })
        .collect()
}

#[test]
fn what_is_registered_here_too_is_measured_by_its_words_and_claimed_by_both() {
    let a = exporter(&["llama2-runs"]);
    let b = CliTest::with_empty_index();
    carry(&a, &b);
    import(&b, &[]).exits(0);
    let own = answers_of(LLAMA_2);
    b.register_answers("own", LLAMA_2, &own);
    // The same without the bundle, and under the same key.
    let alone = CliTest::new();
    for file in ["fingerprint.key", "signing.key", "log.key", "attest.key"] {
        let from = b.index().join("keys").join(file);
        alone.write(&format!(".herdbook/keys/{file}"), fs::read(from).unwrap());
    }
    alone.run(&["init"]).exits(0);
    alone.register_answers("own", LLAMA_2, &own);

    let mut rows: Vec<Value> = Vec::new();
    for answer in &own {
        let words: Vec<&str> = answer.text.split_whitespace().collect();
        let edited: Vec<&str> = words
            .iter()
            .enumerate()
            .map(|(at, word)| if at % 9 == 4 { "quux" } else { word })
            .collect();
        rows.push(json!({"text": answer.text}));
        rows.push(json!({"text": half(&answer.text)}));
        rows.push(json!({"text": edited.join(" ")}));
    }
    for test in [&b, &alone] {
        test.write_jsonl("train.jsonl", &rows);
    }
    let (_, both) = b.check_for_mistral("train.jsonl");
    let (_, alone) = alone.check_for_mistral("train.jsonl");

    let (with, without) = (evidence(&both), evidence(&alone));
    assert!(without.len() > rows.len() / 2, "{without:?}");
    assert_eq!(with, without);
    let finding = both.of_row(0)[0];
    let sources: Vec<&str> = finding["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["source"].as_str().unwrap())
        .collect();
    assert!(
        sources.contains(&"acme/llama2-runs") && sources.contains(&"own"),
        "{sources:?}"
    );
}
