//! A replay of kept sketches against a scan of the texts they were made from, on a real index.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalog::Catalog;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::governance::Approvals;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::model::Acquisition;
use crate::model::Canaries;
use crate::model::CheckOutcome;
use crate::model::DutyRecording;
use crate::model::Level;
use crate::pipeline;
use crate::pipeline::Ancestry;
use crate::pipeline::CheckContext;
use crate::pipeline::CheckOptions;
use crate::pipeline::DutyBook;
use crate::pipeline::Judged;
use crate::pipeline::RegisterOptions;
use crate::pipeline::scan::Direct;
use crate::pipeline::scan::Scanner;
use crate::pipeline::scan::SnapshotFacts;
use crate::policy::Policy;
use crate::policy::Position;
use crate::read::InputPath;
use crate::read::Purpose;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::snapshot::Snapshot;
use crate::snapshot::Writer;
use crate::text::UNICODE_VERSION;

const NOW: &str = "2026-11-22T12:00:00Z";
const LLAMA_2: &str = "meta-llama/Llama-2-70b-chat-hf";

struct Home {
    temp: tempfile::TempDir,
    dir: IndexDir,
    secrets: Secrets,
    key: FingerprintKey,
    recipe: Recipe,
    compat: Compat,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = IndexDir::new(temp.path().join("index"), None);
        let secrets = Secrets::load_or_create(dir.keys()).unwrap();
        let key = FingerprintKey::from_bytes(secrets.fingerprint()).unwrap();
        let recipe = Recipe::default();
        let (major, minor, micro) = UNICODE_VERSION;
        let compat = Compat {
            recipe: recipe.id().as_str().to_owned(),
            unicode: format!("{major}.{minor}.{micro}"),
            guarantee_bytes: u32::try_from(recipe.looked_up_bytes()).unwrap(),
            key_check: key.key_check().0,
        };
        drop(Writer::init(&dir, &secrets, &compat, NOW).unwrap());
        let secrets = Secrets::load(dir.keys()).unwrap();
        Self {
            temp,
            dir,
            secrets,
            key,
            recipe,
            compat,
        }
    }

    fn file(&self, name: &str, rows: &[serde_json::Value]) -> PathBuf {
        let path = self.temp.path().join(name);
        let mut lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
        lines.push(String::new());
        let lines = lines.join("\n");
        fs::write(&path, lines).unwrap();
        path
    }

    fn register(&self, name: &str, texts: &[String]) {
        let rows: Vec<_> = texts.iter().map(|text| json!({"output": text})).collect();
        let path = self.file(&format!("{name}.jsonl"), &rows);
        let mut writer = Writer::open(&self.dir, &self.secrets, &self.compat).unwrap();
        let options = RegisterOptions {
            name: Some(name.to_owned()),
            model: Some(LLAMA_2.to_owned()),
            access: None,
            acquisition: Acquisition::SelfGenerated,
            read: ReadOptions {
                purpose: Purpose::Register,
                ..ReadOptions::default()
            },
            threads: 1,
            now: NOW.to_owned(),
        };
        let inputs = [Ok(InputPath::file(path))];
        let (recipe, key) = (&self.recipe, &self.key);
        pipeline::register(&mut writer, recipe, key, &inputs, &options, &|_| {}).unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::open_head(&self.dir, &self.compat, &self.secrets.public()).unwrap()
    }

    /// What a check comes to, whoever scans; but for the canaries, of which every thread has some.
    fn verdict(
        &self,
        snapshot: &Snapshot,
        scanner: &mut dyn Scanner,
        inputs: &[Result<InputPath, ReadError>],
    ) -> CheckOutcome {
        let catalog = Catalog::builtin().unwrap();
        let duties = DutyBook {
            file: None,
            stored: Vec::new(),
            owner: None,
            recording: DutyRecording::NoFile,
            let_through: Level::Flag,
        };
        let target = crate::policy::target_file::from_model_id("mistralai/Mistral-7B-v0.3");
        let context = CheckContext {
            snapshot: &SnapshotFacts::of(snapshot),
            recipe: &self.recipe,
            judged: &Judged {
                catalog: &catalog,
                policy: &Policy::default(),
                position: &Position::default(),
                target: &target,
                approvals: &Approvals::default(),
                duties: &duties,
                as_of: "2026-11-22",
            },
            ancestry: &Ancestry::default(),
            folder: None,
        };
        let options = CheckOptions {
            read: ReadOptions {
                purpose: Purpose::Check,
                ..ReadOptions::default()
            },
            split: None,
        };
        let run = pipeline::check(&context, scanner, inputs, &options, &|_| {}).unwrap();
        let mut outcome = run.outcome;
        for input in &mut outcome.inputs {
            assert!(input.canaries.all_found());
            input.canaries = Canaries::default();
        }
        outcome
    }

    fn direct<'s>(&self, snapshot: &'s Snapshot) -> Direct<'s> {
        let minimum = Policy::default().flag_strength();
        Direct::new(snapshot, &self.recipe, &self.key, minimum, 2)
            .with_sketches(&self.recipe, &self.key)
    }

    /// Checks and keeps; gives the verdict and the digest of the sketches.
    fn keep(&self, inputs: &[Result<InputPath, ReadError>]) -> (CheckOutcome, String) {
        let snapshot = self.snapshot();
        let begun = SketchWriter::create(
            &self.dir,
            &self.compat,
            InputNamed::all(inputs),
            json!({"target": "t"}),
        );
        let mut direct = self.direct(&snapshot);
        let mut keeping = Keeping::new(&mut direct, Some(begun));
        let verdict = self.verdict(&snapshot, &mut keeping, inputs);
        (verdict, keeping.finish().unwrap().unwrap())
    }

    fn open(&self, digest: &str) -> Result<SketchFile, SketchError> {
        SketchFile::open(&self.dir, digest, &self.compat)
    }

    /// What a check of the sketches says.
    fn replayed(&self, digest: &str, threads: usize) -> CheckOutcome {
        let snapshot = self.snapshot();
        let file = self.open(digest).unwrap();
        assert_eq!(file.about(), &json!({"target": "t"}));
        let inputs: Vec<_> = file.inputs().iter().map(InputNamed::again).collect();
        let minimum = Policy::default().flag_strength();
        let (recipe, key) = (&self.recipe, &self.key);
        let mut replay = Replay::new(&snapshot, recipe, key, minimum, threads, file).unwrap();
        let verdict = self.verdict(&snapshot, &mut replay, &inputs);
        replay.finish().unwrap();
        verdict
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.sketches().join(format!("{digest}.sketch"))
    }
}

/// Words that many texts have, and words that few have.
fn sentence() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-e]{1,2}|[a-z]{4,9}", 4..40).prop_map(|words| words.join(" "))
}

/// What becomes of a registered text on its way into a training set.
#[derive(Debug, Clone)]
enum Edit {
    Whole,
    Clip(usize, usize),
    Replace(usize, String),
    InChat(String),
    LookAlike,
    Hidden,
    Short,
    Clean(String),
}

impl Edit {
    fn of(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        match self {
            Self::Whole => text.to_owned(),
            Self::Clip(from, to) => {
                let (from, to) = (from % words.len(), to % words.len());
                words[from.min(to)..=from.max(to)].join(" ")
            }
            Self::Replace(every, by) => {
                let every = every % 9 + 2;
                let new = |(at, word): (usize, &&str)| {
                    if at % every == 0 {
                        by.clone()
                    } else {
                        (*word).to_owned()
                    }
                };
                let words: Vec<String> = words.iter().enumerate().map(new).collect();
                words.join(" ")
            }
            Self::InChat(asked) => format!(
                "<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{text}<|im_end|>\n"
            ),
            // Cyrillic letters that look like Latin ones.
            Self::LookAlike => text.replace('a', "\u{430}").replace('o', "\u{43e}"),
            Self::Hidden => text
                .replace(' ', "\u{200b} \u{202e}")
                .replacen('e', "e\u{200b}", 3),
            Self::Short => words.first().copied().unwrap_or_default().to_owned(),
            Self::Clean(other) => other.clone(),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::Whole),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Edit::Clip(from, to)),
        (any::<usize>(), "[a-z]{3}").prop_map(|(every, by)| Edit::Replace(every, by)),
        sentence().prop_map(Edit::InChat),
        Just(Edit::LookAlike),
        Just(Edit::Hidden),
        Just(Edit::Short),
        sentence().prop_map(Edit::Clean),
        Just(Edit::Clean(String::new())),
    ]
}

proptest! {
    // An index is made for each.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_says_what_a_check_of_the_texts_says(
        texts in prop::collection::vec(prop::collection::vec(sentence(), 1..6), 6..14),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit(), any::<bool>()), 10..40),
        late in 1..6_usize,
    ) {
        let texts: Vec<String> = texts.iter().map(|all| all.join(" ")).collect();
        let home = Home::new();
        home.register("early", &texts[late..]);
        let rows: Vec<serde_json::Value> = edits
            .iter()
            .map(|(which, edit, prompt)| {
                let text = edit.of(&texts[which.index(texts.len())]);
                if *prompt {
                    json!({"prompt": text, "completion": "Fine."})
                } else {
                    json!({"text": text, "n": 1})
                }
            })
            .collect();
        let inputs = [
            Ok(InputPath::file(home.file("a.jsonl", &rows))),
            Ok(InputPath::file(home.temp.path().join("gone.jsonl"))),
            Ok(InputPath::file(home.file("b.jsonl", &rows[..3]))),
        ];
        let (then, digest) = home.keep(&inputs);
        prop_assert_eq!(&home.replayed(&digest, 1), &then);
        // Now more is known.
        home.register("late", &texts[..late]);
        let snapshot = home.snapshot();
        let now = home.verdict(&snapshot, &mut home.direct(&snapshot), &inputs);
        prop_assert_eq!(&home.replayed(&digest, 3), &now);
    }
}

fn kept_story(home: &Home) -> (CheckOutcome, String) {
    let text = |seed: usize| {
        let word = |at: usize| format!("word{}", (at * 7919 + seed * 104_729) % 100_003);
        (0..80).map(word).collect::<Vec<_>>().join(" ")
    };
    home.register("early", &[text(1), text(2)]);
    let rows: Vec<_> = (0..6).map(|seed| json!({"text": text(seed)})).collect();
    home.keep(&[Ok(InputPath::file(home.file("a.jsonl", &rows)))])
}

#[test]
fn matches_survive_and_many_batches_keep_their_order() {
    let home = Home::new();
    let (then, digest) = kept_story(&home);
    assert_eq!(then.tally.block, 2, "{then:?}");
    assert_eq!(home.replayed(&digest, 1), then);
    // Enough rows for several batches, and a broken one.
    let mut lines = String::new();
    for row in 0..9_000 {
        let text = format!("{row} {}", "clean and dull ".repeat(30));
        lines.push_str(&json!({"text": text}).to_string());
        lines.push('\n');
    }
    lines.push_str("{broken\n");
    lines.push_str(&fs::read_to_string(home.temp.path().join("a.jsonl")).unwrap());
    let path = home.temp.path().join("long.jsonl");
    fs::write(&path, lines).unwrap();
    let (then, digest) = home.keep(&[Ok(InputPath::file(path))]);
    for threads in [1, 2, 5] {
        assert_eq!(home.replayed(&digest, threads), then);
    }
}

#[test]
fn what_is_not_what_was_kept_is_refused_by_name() {
    let home = Home::new();
    let (_, digest) = kept_story(&home);
    let path = home.path(&digest);
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = home.open(&digest).unwrap_err();
        assert!(matches!(error, SketchError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&digest), "{error}");
    };
    for at in [0, 9, 14, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        refused(&changed);
        refused(&whole[..at]);
    }
    refused(&[whole.as_slice(), b"x"].concat());
    fs::remove_file(&path).unwrap();
    let error = home.open(&digest).unwrap_err();
    assert!(matches!(error, SketchError::Missing { .. }), "{error}");

    fs::write(&path, &whole).unwrap();
    home.open(&digest).unwrap();
    for (what, compat) in [
        (
            "recipe",
            Compat {
                recipe: "r9".to_owned(),
                ..home.compat.clone()
            },
        ),
        (
            "Unicode version",
            Compat {
                unicode: "1.1.0".to_owned(),
                ..home.compat.clone()
            },
        ),
        (
            "guarantee",
            Compat {
                guarantee_bytes: 1,
                ..home.compat.clone()
            },
        ),
        (
            "fingerprint key",
            Compat {
                key_check: [0; 16],
                ..home.compat.clone()
            },
        ),
    ] {
        let error = SketchFile::open(&home.dir, &digest, &compat).unwrap_err();
        assert!(matches!(error, SketchError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// Somebody who can write the log can name any bytes: they are read as carefully.
#[test]
fn a_file_whose_digest_agrees_is_still_not_believed() {
    use sha2::Digest as _;
    let home = Home::new();
    let (_, digest) = kept_story(&home);
    let whole = fs::read(home.path(&digest)).unwrap();
    let snapshot = home.snapshot();
    let errors = RefCell::new(0);
    for at in (8..whole.len()).step_by(whole.len() / 60 + 1) {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        let digest = hex::encode(sha2::Sha256::digest(&changed));
        fs::write(home.path(&digest), changed).unwrap();
        let file = match home.open(&digest) {
            Ok(file) => file,
            Err(error) => {
                let expected = matches!(
                    error,
                    SketchError::Damaged { .. } | SketchError::Foreign { .. }
                );
                assert!(expected, "{error}");
                *errors.borrow_mut() += 1;
                continue;
            }
        };
        let inputs: Vec<_> = file.inputs().iter().map(InputNamed::again).collect();
        let (recipe, key) = (&home.recipe, &home.key);
        let mut replay = Replay::new(&snapshot, recipe, key, 17.0, 2, file).unwrap();
        // Whatever is made of it: no panic, and no more memory than the file is worth.
        for input in inputs.iter().flatten() {
            replay.scan(input, &ReadOptions::default(), &|_| {}, &mut |_| {});
        }
        *errors.borrow_mut() += u32::from(replay.finish().is_err());
    }
    assert!(errors.into_inner() > 5);
}

#[test]
fn a_scanner_that_makes_no_sketches_is_not_taken_for_one_that_found_nothing() {
    let home = Home::new();
    kept_story(&home);
    let inputs = [Ok(InputPath::file(home.temp.path().join("a.jsonl")))];
    let begun = SketchWriter::create(
        &home.dir,
        &home.compat,
        InputNamed::all(&inputs),
        json!(null),
    );
    let snapshot = home.snapshot();
    let mut direct = Direct::new(&snapshot, &home.recipe, &home.key, 17.0, 1);
    let mut keeping = Keeping::new(&mut direct, Some(begun));
    home.verdict(&snapshot, &mut keeping, &inputs);
    let error = keeping.finish().unwrap_err();
    assert!(matches!(error, SketchError::NotMade { .. }), "{error}");
    let left = fs::read_dir(home.dir.sketches()).unwrap().count();
    assert_eq!(left, 1, "only the sketches of the check before");
}
