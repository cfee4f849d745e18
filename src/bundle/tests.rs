//! Bundles between real indexes, with made-up texts: a number stands for each.

use std::io::Cursor;
use std::slice::from_ref;

use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;

use super::export::export_in;
use super::*;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::index::Compat;
use crate::index::EXTRACT_GRAMS;
use crate::index::Extracted;
use crate::index::IndexDir;
use crate::index::PackedClaim;
use crate::index::Secrets;
use crate::index::SourceDraft;
use crate::index::StoreError;
use crate::index::TextDraft;
use crate::index::WordCount;
use crate::model::Acquisition;
use crate::model::SourceId;
use crate::snapshot::SealError;
use crate::snapshot::Snapshot;
use crate::snapshot::Writer;

const NOW: &str = "2026-11-22T12:00:00Z";

/// An organisation with an index of its own.
struct Home {
    temp: tempfile::TempDir,
    dir: IndexDir,
    secrets: Secrets,
    key: FingerprintKey,
    compat: Compat,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = IndexDir::new(temp.path().join("index"), None);
        let secrets = Secrets::load_or_create(dir.keys()).unwrap();
        let key = FingerprintKey::from_bytes(secrets.fingerprint()).unwrap();
        let compat = Compat {
            recipe: Recipe::default().id().as_str().to_owned(),
            unicode: "18.0.0".to_owned(),
            guarantee_bytes: 194,
            key_check: key.key_check().0,
        };
        Writer::init(&dir, &secrets, &compat, NOW).unwrap();
        let secrets = Secrets::load(dir.keys()).unwrap();
        Self {
            temp,
            dir,
            secrets,
            key,
            compat,
        }
    }

    fn writer(&self) -> Writer {
        Writer::open(&self.dir, &self.secrets, &self.compat).unwrap()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::open_head(&self.dir, &self.compat, &self.secrets.public()).unwrap()
    }

    /// Registers texts with their words.
    fn register(&self, name: &str, ids: std::ops::Range<u64>) {
        let mut writer = self.writer();
        let mut registration = writer.begin().unwrap();
        for id in ids {
            let (exact, grams) = (exact_under(id, &self.key), grams_under(id, &self.key));
            let words = words(id);
            let text = TextDraft {
                exact: exact.0,
                entry: exact.entry(),
                normal_bytes: normal_bytes(id),
                words: &words,
                counted: None,
                grams: &grams,
            };
            // Each text stands in two places, of two models.
            for model in [None, Some(u32::try_from(id % 2).unwrap())] {
                let row = 2 * id + u64::from(model.is_some());
                let claim = PackedClaim {
                    file: 0,
                    row,
                    column: 1,
                    model,
                };
                registration.add(&text, claim).unwrap();
            }
        }
        registration
            .finish(SourceDraft {
                name: name.to_owned(),
                digest: format!("digest of {name}"),
                files: vec![crate::model::source::SourceFile {
                    path: "secret-project/outputs.jsonl".to_owned(),
                    sha256: "ab".repeat(32),
                    rows: 9,
                    bytes: 9,
                }],
                models: vec!["llama-2".to_owned(), "llama-3".to_owned()],
                columns: vec!["prompt".to_owned(), "completion".to_owned()],
                access: Some("bedrock".to_owned()),
                acquisition: Acquisition::LicensedDataset,
                text_bytes: 10,
                registered_at: NOW.to_owned(),
                bundle: None,
            })
            .unwrap();
    }

    fn export(&self, names: &[&str], key: &FingerprintKey) -> (Vec<u8>, Exported) {
        self.export_in(names, key, EXTRACT_GRAMS).unwrap()
    }

    fn export_in(
        &self,
        names: &[&str],
        key: &FingerprintKey,
        grams: u64,
    ) -> Result<(Vec<u8>, Exported), ExportError> {
        let snapshot = self.snapshot();
        let from = Exporter {
            snapshot: &snapshot,
            index_key: &self.key,
            bundle_key: key,
            signing: self.secrets.signing(),
            scratch: self.temp.path(),
            now: NOW,
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        let exported = export_in(&from, &names, grams, &mut out)?;
        Ok((out, exported))
    }

    fn import(
        &self,
        bundle: &[u8],
        signed_by: &VerifyingKey,
        key: &FingerprintKey,
        partner: &str,
        names: &[&str],
    ) -> Result<Imported, ImportError> {
        let mut bundle = Bundle::open(Cursor::new(bundle), signed_by)?;
        bundle.accepts(&expected(key))?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let partner = Partner {
            name: partner,
            bundle_key: key,
            index_key: &self.key,
            acquisition: None,
            now: NOW,
        };
        import(&mut self.writer(), &mut bundle, &partner, &names)
    }

    /// Every text of some sources, by exact digest.
    fn texts(&self, sources: &[u32]) -> Vec<Extracted> {
        let sources: Vec<SourceId> = sources.iter().map(|id| SourceId(*id)).collect();
        let mut texts = Vec::new();
        self.snapshot()
            .extract(
                &sources,
                |exact| exact,
                EXTRACT_GRAMS,
                |text| {
                    texts.push(text);
                    Ok::<_, StoreError>(())
                },
            )
            .unwrap();
        texts
    }
}

fn key(byte: u8) -> FingerprintKey {
    FingerprintKey::from_bytes(&[byte; 32]).unwrap()
}

fn expected(key: &FingerprintKey) -> Expected<'_> {
    // The id of this program's recipe lives as long as the test.
    static RECIPE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| Recipe::default().id().as_str().to_owned());
    Expected {
        recipe: &RECIPE,
        unicode: "18.0.0",
        key: key.key_check(),
    }
}

fn mix(number: u64) -> u64 {
    let mut state = number;
    xorf::splitmix64(&mut state) & !0xffff
}

/// The unkeyed digests of a text's grams, under a key.
fn grams_under(id: u64, key: &FingerprintKey) -> Vec<u64> {
    let digests = (0..id % 9).map(|gram| mix(1000 * id + gram + 1));
    digests.map(|digest| key.seal_gram(digest)).collect()
}

fn exact_under(id: u64, key: &FingerprintKey) -> ExactDigest {
    let mut plain = [7; 16];
    plain[..8].copy_from_slice(&mix(u64::MAX - id).to_be_bytes());
    // A digest under one key and the same under another: which one it starts from is all the same.
    let start = FingerprintKey::from_bytes(&[99; 32]).unwrap();
    ExactDigest(plain).rekey(&start, key)
}

fn normal_bytes(id: u64) -> u32 {
    u32::try_from(40 + id % 1000).unwrap()
}

/// A third of the words are the prompt's.
fn words(id: u64) -> Vec<u8> {
    (0..6 + id % 7)
        .map(|word| u8::try_from(word % 3).unwrap())
        .collect()
}

/// What an index under this key holds of texts, by exact digest.
fn held(
    ids: std::ops::Range<u64>,
    key: &FingerprintKey,
) -> Vec<([u8; 16], u32, WordCount, Vec<u64>)> {
    let mut held: Vec<_> = ids
        .map(|id| {
            let mut grams = grams_under(id, key);
            grams.sort_unstable();
            let words = words(id);
            let count = WordCount {
                words: u32::try_from(words.len()).unwrap(),
                own: u32::try_from(words.iter().filter(|word| **word != 0).count()).unwrap(),
            };
            (exact_under(id, key).0, normal_bytes(id), count, grams)
        })
        .collect();
    held.sort_unstable_by_key(|text| text.0);
    held
}

fn facts(texts: Vec<Extracted>) -> Vec<([u8; 16], u32, WordCount, Vec<u64>)> {
    texts
        .into_iter()
        .map(|text| (text.exact, text.normal_bytes, text.words, text.grams))
        .collect()
}

#[test]
fn the_partner_holds_what_it_would_have_made_of_the_texts_itself() {
    let (a, b) = (Home::new(), Home::new());
    a.register("first", 0..150);
    a.register("second", 100..300);
    a.register("private", 250..400);
    let (bundle, exported) = a.export(&["first", "second"], &key(1));
    assert_eq!(exported.manifest.texts, 300);
    assert_eq!(
        exported
            .manifest
            .sources
            .iter()
            .map(|s| (s.texts, s.claims))
            .collect::<Vec<_>>(),
        [(150, 300), (200, 400)]
    );
    // Every ninth text has no gram.
    assert_eq!(exported.texts_without_grams, 34);
    assert_eq!(exported.manifest.common_grams, 0);
    let signed_by = a.secrets.verifying();
    let done = b.import(&bundle, &signed_by, &key(1), "acme", &[]).unwrap();
    assert_eq!(facts(b.texts(&[done[0].source.id.0])), held(0..150, &b.key));
    assert_eq!(
        facts(b.texts(&[done[1].source.id.0])),
        held(100..300, &b.key)
    );
    assert_eq!(
        b.snapshot().manifest().texts,
        301,
        "each text once, and the canary"
    );
    b.snapshot().walk().unwrap();
    // And the claims are the partner's.
    let source = &done[0].source;
    assert_eq!((source.name.as_str(), source.records), ("acme/first", 300));
    assert_eq!(source.claimed_by(), Some("acme"));
    assert_eq!(source.models, ["llama-2", "llama-3"]);
    assert_eq!(source.acquisition, Acquisition::LicensedDataset);
    assert_eq!(source.access.as_deref(), Some("bedrock"));
    assert!(source.files.is_empty() && source.columns.is_empty());
    let mine: Vec<_> = a
        .texts(&[1])
        .into_iter()
        .flat_map(|text| text.claims[0].1.clone())
        .collect();
    let mut theirs: Vec<_> = b
        .texts(&[source.id.0])
        .into_iter()
        .flat_map(|text| text.claims[0].1.clone())
        .collect();
    theirs.sort_unstable();
    let mut sorted = mine;
    sorted.sort_unstable();
    assert_eq!(theirs, sorted);
}

#[test]
fn nothing_of_one_key_or_of_names_that_stay_at_home_is_in_the_bundle() {
    let a = Home::new();
    a.register("first", 0..60);
    let (one, exported) = a.export(&["first"], &key(1));
    let (two, _) = a.export(&["first"], &key(2));
    let body = |bundle: &[u8]| {
        let blocks: u64 = exported
            .manifest
            .blocks
            .iter()
            .map(|block| block.bytes)
            .sum();
        bundle[bundle.len() - usize::try_from(blocks).unwrap()..].to_vec()
    };
    let holds = |bundle: &[u8], part: &[u8]| bundle.windows(part.len()).any(|some| some == part);
    for id in 0..60 {
        for gram in grams_under(id, &a.key) {
            assert!(
                !holds(&one, &gram.to_be_bytes()[..6]),
                "a gram under the index's own key"
            );
        }
        assert!(!holds(&one, &exact_under(id, &a.key).0));
        for gram in grams_under(id, &key(1)) {
            assert!(
                holds(&one, &gram.to_be_bytes()[..6]) && !holds(&two, &gram.to_be_bytes()[..6])
            );
        }
    }
    assert_ne!(body(&one), body(&two));
    for secret in [
        "secret-project",
        "completion",
        &"ab".repeat(32),
        "digest of first",
    ] {
        assert!(!holds(&one, secret.as_bytes()), "{secret}");
    }
    assert!(!holds(&one, a.secrets.fingerprint()));
}

#[test]
fn memory_makes_no_difference() {
    let a = Home::new();
    a.register("first", 0..200);
    a.register("second", 150..500);
    let whole = a.export(&["second", "first"], &key(3)).0;
    for grams in [1_000, 100] {
        assert!(
            a.export_in(&["second", "first"], &key(3), grams).unwrap().0 == whole,
            "{grams}"
        );
    }
}

#[test]
fn grams_of_which_the_index_keeps_no_list_are_missing_and_counted() {
    let a = Home::new();
    let mut writer = a.writer();
    let mut registration = writer.begin().unwrap();
    let common = a.key.seal_gram(mix(5));
    for id in 0..300 {
        let exact = exact_under(id, &a.key);
        let text = TextDraft {
            exact: exact.0,
            entry: exact.entry(),
            normal_bytes: 100,
            words: &[1, 2],
            counted: None,
            grams: &[common, a.key.seal_gram(mix(1000 + id))],
        };
        let claim = PackedClaim {
            file: 0,
            row: id,
            column: 0,
            model: None,
        };
        registration.add(&text, claim).unwrap();
    }
    let draft = SourceDraft {
        name: "s".to_owned(),
        digest: "d".to_owned(),
        files: vec![crate::model::source::SourceFile {
            path: "p".to_owned(),
            sha256: String::new(),
            rows: 1,
            bytes: 1,
        }],
        models: Vec::new(),
        columns: vec!["c".to_owned()],
        access: None,
        acquisition: Acquisition::Found,
        text_bytes: 1,
        registered_at: NOW.to_owned(),
        bundle: None,
    };
    registration.finish(draft).unwrap();
    drop(writer);
    let (_, exported) = a.export(&["s"], &key(1));
    assert_eq!(
        (exported.manifest.common_grams, exported.manifest.grams),
        (1, 300)
    );
}

#[test]
fn a_changed_cut_or_lengthened_bundle_is_refused_at_every_byte() {
    let a = Home::new();
    a.register("first", 1..4);
    let (bundle, _) = a.export(&["first"], &key(1));
    let signed_by = a.secrets.verifying();
    let refused = |bytes: &[u8]| {
        let Ok(mut bundle) = Bundle::open(Cursor::new(bytes), &signed_by) else {
            return true;
        };
        bundle.accepts(&expected(&key(1))).is_err() || bundle.verify().is_err()
    };
    assert!(!refused(&bundle));
    for at in 0..bundle.len() {
        let mut changed = bundle.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(refused(&changed), "byte {at}");
        assert!(refused(&bundle[..at]), "cut at {at}");
    }
    assert!(refused(&[bundle.as_slice(), &[0]].concat()));
}

#[test]
fn a_foreign_bundle_is_refused_by_name_and_changes_nothing() {
    let (a, b, c) = (Home::new(), Home::new(), Home::new());
    a.register("first", 0..20);
    let (bundle, exported) = a.export(&["first"], &key(1));
    let signed_by = a.secrets.verifying();
    let before = b.snapshot().digest().to_owned();
    let error = |result: Result<Imported, ImportError>| result.unwrap_err().to_string();
    let foreign = c.secrets.verifying();
    let said = error(b.import(&bundle, &foreign, &key(1), "acme", &[]));
    assert!(
        said.contains("not signed by the key that was given"),
        "{said}"
    );
    let said = error(b.import(&bundle, &signed_by, &key(2), "acme", &[]));
    assert!(
        said.contains("bundle key is not that of this bundle"),
        "{said}"
    );
    let said = error(b.import(&bundle, &signed_by, &key(1), "acme", &["other"]));
    assert!(
        said.contains("no source other") && said.contains("first"),
        "{said}"
    );
    let said = error(b.import(
        b"no bundle at all, but long",
        &signed_by,
        &key(1),
        "acme",
        &[],
    ));
    assert!(said.contains("no bundle"), "{said}");
    let body = body_of(&bundle, &exported.manifest);
    for (what, other) in [
        (
            "recipe",
            Manifest {
                recipe: "r9".to_owned(),
                ..exported.manifest.clone()
            },
        ),
        (
            "Unicode",
            Manifest {
                unicode: "1.0.0".to_owned(),
                ..exported.manifest.clone()
            },
        ),
    ] {
        let bundle = signed(&other, &body, a.secrets.signing());
        let said = error(b.import(&bundle, &signed_by, &key(1), "acme", &[]));
        assert!(said.contains(&format!("made with {what}")), "{said}");
    }
    let mut later = bundle.clone();
    later[11] = 2;
    let said = error(b.import(&later, &signed_by, &key(1), "acme", &[]));
    assert!(said.contains("format 2"), "{said}");
    assert_eq!(b.snapshot().digest(), before);
}

fn body_of(bundle: &[u8], manifest: &Manifest) -> Vec<u8> {
    let blocks: u64 = manifest.blocks.iter().map(|block| block.bytes).sum();
    bundle[bundle.len() - usize::try_from(blocks).unwrap()..].to_vec()
}

/// A bundle of this manifest, true or not, that verifies.
fn signed(manifest: &Manifest, body: &[u8], key: &SigningKey) -> Vec<u8> {
    super::signed(&manifest.to_bytes().unwrap(), body, key)
}

/// What a change is called, and the change.
type Change<T> = (&'static str, fn(&mut T));

#[test]
#[expect(clippy::too_many_lines, reason = "two lists of what can be wrong")]
fn a_partner_who_signs_nonsense_is_refused_too() {
    let signing = SigningKey::from_bytes(&[4; 32]);
    let source = SharedSource {
        name: "s".to_owned(),
        models: vec!["m".to_owned()],
        access: None,
        acquisition: "found".to_owned(),
        files: 1,
        columns: 1,
        records: 1,
        text_bytes: 1,
        texts: 1,
        claims: 1,
    };
    let text = SharedText {
        exact: [1; 16],
        normal_bytes: 10,
        words: WordCount { words: 3, own: 2 },
        grams: vec![1 << 16, 2 << 16],
        claims: vec![SharedClaim {
            source: 0,
            claim: PackedClaim {
                file: 0,
                row: 7,
                column: 0,
                model: Some(0),
            },
        }],
    };
    let made = |texts: &[SharedText], change: &dyn Fn(&mut Manifest)| {
        let mut body = Vec::new();
        for text in texts {
            text.put(&mut body).unwrap();
        }
        let mut manifest = Manifest {
            format: BUNDLE_FORMAT,
            recipe: "r".to_owned(),
            unicode: "u".to_owned(),
            exported_at: NOW.to_owned(),
            key_check: String::new(),
            public_key: hex::encode(signing.verifying_key().to_bytes()),
            texts: 1,
            grams: 2,
            common_grams: 0,
            sources: vec![source.clone()],
            blocks: vec![Block {
                bytes: body.len() as u64,
                blake3: blake3::hash(&body).to_hex().to_string(),
            }],
        };
        change(&mut manifest);
        let bytes = signed(&manifest, &body, &signing);
        Bundle::open(Cursor::new(bytes), &signing.verifying_key()).and_then(|mut b| b.verify())
    };
    made(from_ref(&text), &|_| ()).unwrap();
    let manifests: [Change<Manifest>; 12] = [
        ("texts", |m| m.texts = 2),
        ("grams", |m| m.grams = 1),
        ("claims", |m| m.sources[0].claims = 2),
        ("no texts", |m| m.texts = 0),
        ("no sources", |m| m.sources.clear()),
        ("twice", |m| m.sources.push(m.sources[0].clone())),
        ("name", |m| m.sources[0].name = "a\u{1b}b".to_owned()),
        ("empty name", |m| m.sources[0].name = String::new()),
        ("long name", |m| m.sources[0].models[0] = "x".repeat(1_001)),
        ("acquisition", |m| {
            m.sources[0].acquisition = "stolen".to_owned();
        }),
        ("huge block", |m| m.blocks[0].bytes = u64::MAX),
        ("other key", |m| m.public_key = "00".repeat(32)),
    ];
    for (what, change) in manifests {
        assert!(made(from_ref(&text), &change).is_err(), "{what}");
    }
    let texts: [Change<SharedText>; 10] = [
        ("no letters", |t| t.normal_bytes = 0),
        ("more words than letters", |t| t.words.words = 11),
        ("more own words than words", |t| t.words.own = 4),
        ("grams out of order", |t| t.grams.reverse()),
        ("a gram twice", |t| t.grams[1] = t.grams[0]),
        ("too many grams", |t| {
            t.grams = (1..30).map(|g| g << 16).collect();
        }),
        ("no claim", |t| t.claims.clear()),
        ("a claim twice", |t| t.claims.push(t.claims[0])),
        ("no such file", |t| t.claims[0].claim.file = 1),
        ("no such model", |t| t.claims[0].claim.model = Some(1)),
    ];
    for (what, change) in texts {
        let mut wrong = text.clone();
        change(&mut wrong);
        let grams = wrong.grams.len() as u64;
        let claims = wrong.claims.len() as u64;
        let counts = move |m: &mut Manifest| {
            m.grams = grams;
            m.sources[0].claims = claims;
        };
        assert!(made(&[wrong], &counts).is_err(), "{what}");
    }
    let mut other = text.clone();
    other.exact = [2; 16];
    let two = |m: &mut Manifest| {
        (m.texts, m.grams) = (2, 4);
        (m.sources[0].texts, m.sources[0].claims) = (2, 2);
    };
    made(&[text.clone(), other.clone()], &two).unwrap();
    assert!(
        made(&[other, text.clone()], &two).is_err(),
        "texts out of order"
    );
    assert!(made(&[text.clone(), text], &two).is_err(), "a text twice");
}

#[test]
fn the_same_bundle_twice_is_recognised_and_another_of_that_name_refused() {
    let (a, b) = (Home::new(), Home::new());
    a.register("first", 0..20);
    a.register("second", 20..40);
    let (bundle, _) = a.export(&["first", "second"], &key(1));
    let signed_by = a.secrets.verifying();
    // What an interrupted import left out is added by the next.
    b.import(&bundle, &signed_by, &key(1), "acme", &["second"])
        .unwrap();
    let done = b.import(&bundle, &signed_by, &key(1), "acme", &[]).unwrap();
    assert_eq!(
        done.iter().map(|one| one.new).collect::<Vec<_>>(),
        [true, false]
    );
    let after = b.snapshot().digest().to_owned();
    let done = b.import(&bundle, &signed_by, &key(1), "acme", &[]).unwrap();
    assert!(done.iter().all(|one| !one.new));
    assert_eq!(b.snapshot().digest(), after);
    assert!(matches!(
        b.import(&bundle, &signed_by, &key(1), "other", &[]),
        Err(ImportError::Known { .. })
    ));
    let (another, _) = a.export(&["first"], &key(2));
    let clash = b
        .import(&another, &signed_by, &key(2), "acme", &[])
        .unwrap_err();
    assert!(
        clash
            .to_string()
            .contains("already registered with other content"),
        "{clash}"
    );
    b.writer().withdraw("acme/first", NOW).unwrap();
    let gone = b
        .import(&bundle, &signed_by, &key(1), "acme", &[])
        .unwrap_err();
    assert!(
        matches!(&gone, ImportError::Index(SealError::Write(_)))
            && gone.to_string().contains("withdrawn"),
        "{gone}"
    );
}

#[test]
fn only_own_live_sources_are_shared() {
    let (a, b) = (Home::new(), Home::new());
    a.register("first", 0..20);
    let (bundle, _) = a.export(&["first"], &key(1));
    b.import(&bundle, &a.secrets.verifying(), &key(1), "acme", &[])
        .unwrap();
    let refused = |home: &Home, name: &str| home.export_in(&[name], &key(2), 100).unwrap_err();
    assert!(matches!(
        refused(&b, "acme/first"),
        ExportError::OfPartner { .. }
    ));
    assert!(matches!(refused(&b, "first"), ExportError::NoSource { .. }));
    assert!(matches!(
        refused(&b, "(canary)"),
        ExportError::NoSource { .. }
    ));
    a.writer().withdraw("first", NOW).unwrap();
    assert!(matches!(
        refused(&a, "first"),
        ExportError::Withdrawn { .. }
    ));
}

#[test]
fn a_text_that_comes_with_its_words_later_has_a_row_of_its_own() {
    let (a, b) = (Home::new(), Home::new());
    a.register("first", 0..20);
    let (bundle, _) = a.export(&["first"], &key(1));
    b.import(&bundle, &a.secrets.verifying(), &key(1), "acme", &[])
        .unwrap();
    b.register("own", 10..30);
    let snapshot = b.snapshot();
    assert_eq!(snapshot.manifest().texts, 1 + 20 + 20);
    snapshot.walk().unwrap();
    let own = b.texts(&[2]);
    assert_eq!(facts(own), held(10..30, &b.key));
    // And the other way round the words are there already: only claims are new.
    let (c, again) = (Home::new(), a.export(&["first"], &key(2)).0);
    c.register("own", 0..20);
    let done = c
        .import(&again, &a.secrets.verifying(), &key(2), "acme", &[])
        .unwrap();
    assert_eq!((done[0].source.records, done[0].source.new_texts), (40, 0));
    assert_eq!(c.snapshot().manifest().texts, 21);
    c.snapshot().walk().unwrap();
}
