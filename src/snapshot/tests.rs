//! Registrations, crashes and damage, against the real database.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::audit;
use crate::fingerprint::CanaryPrint;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::index::Compat;
use crate::index::DF_CAP;
use crate::index::Hit;
use crate::index::Incompatible;
use crate::index::IndexDir;
use crate::index::IndexWriter;
use crate::index::PackedClaim;
use crate::index::Postings;
use crate::index::PublicKeys;
use crate::index::Secrets;
use crate::index::SourceDraft;
use crate::index::Tag;
use crate::index::TextDraft;
use crate::index::TextId;
use crate::index::WriteError;
use crate::model::Acquisition;
use crate::model::SourceId;
use crate::model::SourceInfo;

const NOW: &str = "2026-11-21T12:00:00Z";

fn compat() -> Compat {
    Compat {
        recipe: "r1-k24-w41".to_owned(),
        unicode: "16.0.0".to_owned(),
        guarantee_bytes: 64,
        key_check: [9; 16],
    }
}

struct Home {
    _temp: tempfile::TempDir,
    dir: IndexDir,
    secrets: Secrets,
}

impl Home {
    /// An initialised, empty index.
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = IndexDir::new(temp.path().join("index"), None);
        let secrets = Secrets::load_or_create(dir.keys()).unwrap();
        drop(Writer::init_bare(&dir, &secrets, &compat(), NOW).unwrap());
        let secrets = Secrets::load(dir.keys()).unwrap();
        Self {
            _temp: temp,
            dir,
            secrets,
        }
    }

    fn writer(&self) -> Writer {
        self.try_writer().unwrap()
    }

    fn try_writer(&self) -> Result<Writer, OpenError> {
        Writer::open(&self.dir, &self.secrets, &compat())
    }

    fn snapshot(&self) -> Result<Snapshot, OpenError> {
        Snapshot::open_head(&self.dir, &compat(), &self.public())
    }

    fn head(&self) -> audit::Head {
        audit::head(&self.dir, &self.public()).unwrap()
    }

    /// The public keys as they are now.
    fn public(&self) -> PublicKeys {
        Secrets::load(self.dir.keys()).unwrap().public()
    }

    /// The log as it stands, to be put back later.
    fn kept_log(&self) -> PathBuf {
        let kept = self.dir.root().join("kept-log");
        if kept.exists() {
            fs::remove_dir_all(&kept).unwrap();
        }
        copy_tree(&self.dir.log(), &kept);
        kept
    }

    /// The log as it stood.
    fn put_log_back(&self, kept: &Path) {
        fs::remove_dir_all(self.dir.log()).unwrap();
        copy_tree(kept, &self.dir.log());
    }
}

/// A made-up text: its number stands for its normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    id: u64,
    grams: Vec<u64>,
}

/// A hash as fingerprints are: of 48 bits.
fn mix(id: u64) -> u64 {
    let mut state = id;
    xorf::splitmix64(&mut state) & !0xffff
}

fn exact(id: u64) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&mix(id).to_be_bytes());
    out[8..].copy_from_slice(&id.to_be_bytes());
    out
}

fn entry(id: u64) -> u64 {
    mix(id)
}

fn words(id: u64) -> Vec<u8> {
    (0..id % 7)
        .map(|word| u8::try_from(word).unwrap())
        .collect()
}

/// Any gram other than an entry: entries of small ids are far from small numbers.
fn gram(number: u64) -> u64 {
    mix(number.wrapping_add(1 << 40))
}

fn draft(name: &str) -> SourceDraft {
    SourceDraft {
        name: name.to_owned(),
        digest: format!("digest of {name}"),
        files: Vec::new(),
        models: vec!["meta-llama/Llama-2-7b".to_owned(), "other".to_owned()],
        columns: vec!["text".to_owned()],
        access: None,
        acquisition: Acquisition::SelfGenerated,
        text_bytes: 10,
        registered_at: NOW.to_owned(),
        bundle: None,
    }
}

fn claim(row: u64) -> PackedClaim {
    PackedClaim {
        file: 0,
        row,
        column: 0,
        model: Some(0),
    }
}

fn register(writer: &mut Writer, name: &str, texts: &[Text]) -> Result<Registered, SealError> {
    let mut registration = writer.begin()?;
    for (row, text) in (0..).zip(texts) {
        add(&mut registration, text, claim(row));
    }
    registration.finish(draft(name))
}

fn add(registration: &mut Registration<'_>, text: &Text, claim: PackedClaim) {
    let words = words(text.id);
    let normal_bytes = u32::try_from(text.id % 1000).unwrap();
    let text = TextDraft {
        exact: exact(text.id),
        entry: entry(text.id),
        normal_bytes,
        words: &words,
        counted: None,
        grams: &text.grams,
    };
    registration.add(&text, claim).unwrap();
}

fn texts(ids: std::ops::Range<u64>) -> Vec<Text> {
    ids.map(|id| Text {
        id,
        grams: (0..5).map(|at| gram(id * 5 + at)).collect(),
    })
    .collect()
}

/// Every file below a directory with its bytes.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                out.insert(path.clone(), Vec::new());
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                out.insert(path, bytes);
            }
        }
    }
    out
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn what_was_registered_is_found_and_nothing_else() {
    let home = Home::new();
    let mut writer = home.writer();
    let done = register(&mut writer, "one", &texts(0..100)).unwrap();
    assert!(done.new);
    assert_eq!((done.source.records, done.source.new_texts), (100, 100));
    assert!(done.source.index_bytes > 0);
    let snapshot = home.snapshot().unwrap();
    assert_eq!(snapshot.digest(), done.digest);
    let info = snapshot.info();
    assert_eq!((info.snapshot, info.sources, info.records), (2, 1, 100));
    assert_eq!(
        (info.recipe.as_str(), info.guarantee_bytes),
        ("r1-k24-w41", 64)
    );
    for text in texts(0..100) {
        assert!(snapshot.probe(entry(text.id)));
        let found = snapshot
            .look_up(&[entry(text.id), gram(text.id * 5 + 4)])
            .unwrap();
        assert_eq!(found, vec![Postings::Texts(vec![TextId(text.id)]); 2]);
        let rows = snapshot.texts(&[TextId(text.id)]).unwrap();
        assert_eq!(rows[0].exact, exact(text.id));
        assert_eq!(*rows[0].words, words(text.id));
        let claims = snapshot.claims(TextId(text.id)).unwrap();
        assert_eq!(claims.len(), 1);
        assert_eq!((claims[0].source, claims[0].row), (SourceId(0), text.id));
    }
    let others: Vec<u64> = (0..1000).map(|at| gram(1_000_000 + at)).collect();
    let found = snapshot.look_up(&others).unwrap();
    assert!(found.iter().all(|found| *found == Postings::Absent));
    assert!(snapshot.texts(&[TextId(100)]).is_err());
    assert!(snapshot.claims(TextId(100)).is_err());
}

#[test]
fn an_empty_index_opens_and_says_so() {
    let home = Home::new();
    let snapshot = home.snapshot().unwrap();
    assert_eq!((snapshot.info().sources, snapshot.info().records), (0, 0));
    assert!(!snapshot.probe(1));
    assert_eq!(
        snapshot.look_up(&[1, 2]).unwrap(),
        vec![Postings::Absent; 2]
    );
    snapshot.walk().unwrap();
}

#[test]
fn the_same_source_again_changes_nothing_and_other_content_is_refused() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    let before = tree(home.dir.root());
    let again = register(&mut writer, "one", &texts(0..10)).unwrap();
    assert!(!again.new);
    let error = {
        let mut registration = writer.begin().unwrap();
        add(&mut registration, &texts(0..1)[0], claim(0));
        let mut other = draft("one");
        other.digest = "another digest".to_owned();
        registration.finish(other).unwrap_err()
    };
    let message = error.to_string();
    assert!(
        message.contains("digest of one") && message.contains("another digest"),
        "{message}"
    );
    let registration = writer.begin().unwrap();
    let error = registration.finish(draft("empty")).unwrap_err();
    assert!(matches!(error, SealError::Write(WriteError::Empty { .. })));
    assert_eq!(tree(home.dir.root()), before);
    register(&mut writer, "two", &texts(5..15)).unwrap();
}

#[test]
fn two_sources_of_one_text_give_two_claims_and_one_posting() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    let second = register(&mut writer, "two", &texts(5..15)).unwrap();
    assert_eq!((second.source.records, second.source.new_texts), (10, 5));
    let snapshot = home.snapshot().unwrap();
    for id in 0..15 {
        let found = snapshot.look_up(&[gram(id * 5)]).unwrap();
        assert_eq!(found, vec![Postings::Texts(vec![TextId(id)])], "{id}");
        let sources: Vec<u32> = snapshot
            .claims(TextId(id))
            .unwrap()
            .iter()
            .map(|claim| claim.source.0)
            .collect();
        let expected: &[u32] = if id < 5 {
            &[0]
        } else if id < 10 {
            &[0, 1]
        } else {
            &[1]
        };
        assert_eq!(sources, expected, "{id}");
    }
    writer.withdraw("one", "2026-12-01T00:00:00Z").unwrap();
    let snapshot = home.snapshot().unwrap();
    assert_eq!((snapshot.info().sources, snapshot.info().records), (1, 10));
    assert_eq!(snapshot.claims(TextId(0)).unwrap(), vec![]);
    assert_eq!(snapshot.claims(TextId(7)).unwrap().len(), 1);
    assert_eq!(
        snapshot.sources()[0].withdrawn_at.as_deref(),
        Some("2026-12-01T00:00:00Z")
    );
    snapshot.walk().unwrap();
    assert!(matches!(
        writer.withdraw("one", NOW),
        Err(SealError::Write(WriteError::Withdrawn { .. }))
    ));
    assert!(matches!(
        writer.withdraw("three", NOW),
        Err(SealError::Write(WriteError::NoSuchSource { .. }))
    ));
    assert!(matches!(
        register(&mut writer, "one", &texts(0..10)),
        Err(SealError::Write(WriteError::Withdrawn { .. }))
    ));
}

#[test]
fn a_frequent_text_keeps_some_places_and_every_model() {
    let home = Home::new();
    let mut writer = home.writer();
    let mut registration = writer.begin().unwrap();
    let yes = &texts(1..2)[0];
    for row in 0..1000 {
        let model = match row {
            700 => Some(1),
            900 => None,
            _ => Some(0),
        };
        add(
            &mut registration,
            yes,
            PackedClaim {
                model,
                ..claim(row)
            },
        );
    }
    // The same place twice is one claim.
    add(&mut registration, yes, claim(0));
    let done = registration.finish(draft("one")).unwrap();
    assert_eq!((done.source.records, done.source.new_texts), (1001, 1));
    let snapshot = home.snapshot().unwrap();
    let claims = snapshot.claims(TextId(0)).unwrap();
    let rows: Vec<u64> = claims.iter().map(|claim| claim.row).collect();
    let expected: Vec<u64> = (0..64).chain([700, 900]).collect();
    assert_eq!(rows, expected);
    let models: BTreeSet<_> = claims.iter().map(|claim| claim.model).collect();
    assert_eq!(models, BTreeSet::from([None, Some(0), Some(1)]));
    snapshot.walk().unwrap();
}

#[test]
fn common_grams_are_marked_also_when_only_the_sum_of_sources_is_common() {
    let home = Home::new();
    let mut writer = home.writer();
    let (shared, rare) = (gram(7_000_000), gram(7_000_001));
    let cap = DF_CAP as u64;
    let with = |ids: std::ops::Range<u64>, also: u64, grams: u64| -> Vec<Text> {
        ids.map(|id| {
            let mut grams: Vec<u64> = (0..grams).map(|at| gram(id * 1000 + at)).collect();
            grams.extend([shared, shared]);
            if id < also {
                grams.push(rare);
            }
            Text { id, grams }
        })
        .collect()
    };
    // Many grams each, so that the segment is too large to be merged with small ones.
    register(&mut writer, "one", &with(0..cap, cap - 10, 300)).unwrap();
    let snapshot = home.snapshot().unwrap();
    let found = snapshot.look_up(&[shared, rare]).unwrap();
    assert_eq!(found[0], Postings::Texts((0..cap).map(TextId).collect()));
    assert_eq!(found[1].texts_count(), cap - 10);
    // Registered again under another name: the same texts, so no more frequent.
    register(&mut writer, "again", &with(0..cap, cap, 300)).unwrap();
    let found = home.snapshot().unwrap().look_up(&[shared]).unwrap();
    assert_eq!(found[0].texts_count(), cap);
    // One segment knows that the gram is common, whatever another says of it.
    let common = |snapshot: &Snapshot| {
        let mut hits = Vec::new();
        snapshot.probe_batch(&[shared], &mut hits);
        hits.iter().any(|hit| hit.tag == Tag::COMMON)
    };
    // Small sources merge among themselves and stay apart from the large one.
    for (more, name) in (1..).zip(["two", "three"]) {
        let id = cap + more - 1;
        register(&mut writer, name, &with(id..id + 1, cap, 3)).unwrap();
        let snapshot = home.snapshot().unwrap();
        assert_eq!(snapshot.segments(), 2);
        let found = snapshot.look_up(&[shared, rare]).unwrap();
        assert_eq!(found[0], Postings::Common(cap + more));
        assert_eq!(found[1].texts_count(), cap - 10);
        snapshot.walk().unwrap();
    }
    // The next large one takes the small one in; the third merges with all of its class.
    for (at, segments) in [(1, 2), (2, 3), (3, 1)] {
        let ids = 1000 * at..1000 * at + 250;
        register(&mut writer, &format!("large {at}"), &with(ids, 0, 300)).unwrap();
        let snapshot = home.snapshot().unwrap();
        assert_eq!(snapshot.segments(), segments);
        let found = snapshot
            .look_up(&[shared, rare, gram(3), gram(cap * 1000)])
            .unwrap();
        assert_eq!(found[0], Postings::Common(cap + 2 + 250 * at));
        assert_eq!(
            common(&snapshot),
            at == 3,
            "only a merged segment holds so many"
        );
        assert_eq!(found[1].texts_count(), cap - 10);
        assert_eq!(found[2], Postings::Texts(vec![TextId(0)]));
        assert_eq!(found[3], Postings::Texts(vec![TextId(cap)]));
        snapshot.walk().unwrap();
    }
}

/// The tags of grams in an index with one segment.
fn tags(snapshot: &Snapshot, grams: &[u64]) -> Vec<Tag> {
    let mut hits = Vec::new();
    snapshot.probe_batch(grams, &mut hits);
    assert_eq!(
        hits.iter().map(|hit| hit.at as usize).collect::<Vec<_>>(),
        (0..grams.len()).collect::<Vec<_>>()
    );
    hits.iter().map(|hit| hit.tag).collect()
}

#[test]
fn grams_of_one_text_agree_on_a_bucket_and_short_texts_stand_alone() {
    let home = Home::new();
    let mut writer = home.writer();
    let long = |id: u64, from: u64| Text {
        id,
        grams: (from..from + 20).map(gram).collect(),
    };
    let short = |id: u64, grams: &[u64]| Text {
        id,
        grams: grams.iter().copied().map(gram).collect(),
    };
    // Text 1 is a near copy of text 0. Text 2 has four grams, one of them twice; text 3 has five.
    let first = [
        long(0, 0),
        long(1, 5),
        short(2, &[100, 101, 102, 103, 103]),
        short(3, &[200, 201, 202, 203, 204]),
    ];
    register(&mut writer, "one", &first).unwrap();
    let snapshot = home.snapshot().unwrap();
    let all: Vec<u64> = (0..20).map(gram).collect();
    assert_eq!(tags(&snapshot, &all), [Tag::of_text(0); 20]);
    let own: Vec<u64> = (20..25).map(gram).collect();
    assert_eq!(tags(&snapshot, &own), [Tag::of_text(1); 5]);
    let few: Vec<u64> = (100..104).map(gram).chain([entry(2)]).collect();
    assert_eq!(tags(&snapshot, &few), [Tag::ALONE; 5]);
    let five: Vec<u64> = (200..205).map(gram).collect();
    assert_eq!(tags(&snapshot, &five), [Tag::of_text(3); 5]);
    // A later copy, from another source, joins the bucket; a short text that shares a gram makes
    // it stand alone; in nine texts nothing stands alone.
    let mut second = vec![long(5, 10), short(6, &[3, 204])];
    second.extend((7..15).map(|id| short(id, &[100])));
    register(&mut writer, "two", &second).unwrap();
    let snapshot = home.snapshot().unwrap();
    assert_eq!(snapshot.segments(), 1);
    snapshot.walk().unwrap();
    let copied: Vec<u64> = (10..20).map(gram).collect();
    assert_eq!(tags(&snapshot, &copied), [Tag::of_text(0); 10]);
    assert_eq!(
        tags(
            &snapshot,
            &[gram(3), gram(204), gram(100), gram(101), gram(4)]
        ),
        [
            Tag::ALONE,
            Tag::ALONE,
            Tag::of_text(2),
            Tag::ALONE,
            Tag::of_text(0)
        ]
    );
}

/// What a source did, in the model.
#[derive(Debug, Clone)]
enum Step {
    Register(Vec<Text>),
    Withdraw(usize),
    Reopen,
    Reseal,
}

fn step() -> impl Strategy<Value = Step> {
    let text = (0_u64..60, prop::collection::vec(0_u64..40, 0..6)).prop_map(|(id, _)| {
        // The grams belong to the text, so they follow from its number.
        Text {
            id,
            grams: (0..id % 8)
                .map(|at| gram((mix(id ^ at) >> 16) % 40))
                .collect(),
        }
    });
    prop_oneof![
        6 => prop::collection::vec(text, 1..25).prop_map(Step::Register),
        1 => (0_usize..8).prop_map(Step::Withdraw),
        1 => Just(Step::Reopen),
        1 => Just(Step::Reseal),
    ]
}

/// The plain picture of what an index must answer. Text 0 and source 0 are the canary's.
struct Picture {
    numbers: BTreeMap<u64, u64>,
    postings: BTreeMap<u64, BTreeSet<u64>>,
    claims: BTreeMap<u64, Vec<(u32, u64)>>,
    /// Texts of few grams.
    alone: BTreeSet<u64>,
    withdrawn: Vec<bool>,
    records: Vec<u64>,
}

impl Picture {
    fn planted() -> Self {
        Self {
            numbers: BTreeMap::new(),
            postings: BTreeMap::new(),
            claims: BTreeMap::new(),
            alone: BTreeSet::new(),
            withdrawn: vec![true],
            records: vec![1],
        }
    }

    fn register(&mut self, texts: &[Text]) {
        let source = u32::try_from(self.withdrawn.len()).unwrap();
        for (row, text) in (0..).zip(texts) {
            let next = 1 + self.numbers.len() as u64;
            let number = *self.numbers.entry(text.id).or_insert(next);
            self.claims.entry(number).or_default().push((source, row));
            if text.grams.iter().collect::<BTreeSet<_>>().len() <= 4 {
                self.alone.insert(number);
            }
            for &hash in text.grams.iter().chain([&entry(text.id)]) {
                self.postings.entry(hash).or_default().insert(number);
            }
        }
        self.withdrawn.push(false);
        self.records.push(texts.len() as u64);
    }

    fn tag(&self, texts: &BTreeSet<u64>) -> Tag {
        if texts.len() <= 8 && texts.iter().any(|text| self.alone.contains(text)) {
            Tag::ALONE
        } else {
            Tag::of_text(*texts.first().unwrap())
        }
    }

    fn compare(&self, snapshot: &Snapshot) {
        let live = self
            .withdrawn
            .iter()
            .filter(|withdrawn| !**withdrawn)
            .count();
        assert_eq!(snapshot.info().sources, live as u64);
        let records: u64 = self
            .records
            .iter()
            .zip(&self.withdrawn)
            .filter(|(_, gone)| !**gone)
            .map(|(n, _)| n)
            .sum();
        assert_eq!(snapshot.info().records, records);
        let mut asked: Vec<u64> = self.postings.keys().copied().collect();
        asked.extend((0..40).map(gram));
        asked.extend((0..60).map(entry));
        asked.reverse();
        let mut maybe = Vec::new();
        snapshot.probe_batch(&asked, &mut maybe);
        for ((place, hash), found) in (0_u32..).zip(&asked).zip(snapshot.look_up(&asked).unwrap()) {
            let expected = match self.postings.get(hash) {
                None => Postings::Absent,
                Some(texts) => Postings::Texts(texts.iter().copied().map(TextId).collect()),
            };
            assert_eq!(found, expected);
            let hit = maybe.iter().any(|hit: &Hit| hit.at == place);
            assert_eq!(hit, snapshot.probe(*hash));
            if let Some(texts) = self.postings.get(hash) {
                let tag = self.tag(texts);
                assert!(
                    maybe.contains(&Hit { at: place, tag }),
                    "{tag:?} of {texts:?}"
                );
            }
            assert!(expected == Postings::Absent || snapshot.probe(*hash));
        }
        let ids: Vec<TextId> = self.numbers.values().rev().copied().map(TextId).collect();
        let rows = snapshot.texts(&ids).unwrap();
        for (row, (id, number)) in rows.iter().zip(self.numbers.iter().rev()) {
            assert_eq!(row.exact, exact(*id));
            assert_eq!(*row.words, words(*id));
            let found: Vec<(u32, u64)> = snapshot
                .claims(TextId(*number))
                .unwrap()
                .iter()
                .map(|claim| (claim.source.0, claim.row))
                .collect();
            let expected: Vec<(u32, u64)> = self.claims[number]
                .iter()
                .copied()
                .filter(|(source, _)| !self.withdrawn[*source as usize])
                .collect();
            assert_eq!(found, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_like_a_plain_map(steps in prop::collection::vec(step(), 1..14)) {
        let home = Home::new();
        let mut writer = home.writer();
        writer.reseal(NOW).unwrap();
        let mut picture = Picture::planted();
        for step in steps {
            match step {
                Step::Register(texts) => {
                    let name = format!("source {}", picture.withdrawn.len());
                    register(&mut writer, &name, &texts).unwrap();
                    picture.register(&texts);
                }
                Step::Withdraw(source) => {
                    let name = format!("source {source}");
                    let known = picture.withdrawn.get(source).is_some_and(|gone| !gone);
                    prop_assert_eq!(writer.withdraw(&name, NOW).is_ok(), known);
                    if known {
                        picture.withdrawn[source] = true;
                    }
                }
                Step::Reopen => {
                    drop(writer);
                    writer = home.writer();
                    prop_assert_eq!(writer.notes(), &[] as &[String]);
                }
                Step::Reseal => {
                    writer.reseal(NOW).unwrap();
                }
            }
        }
        let snapshot = home.snapshot().unwrap();
        picture.compare(&snapshot);
        let walked = snapshot.walk().unwrap();
        prop_assert_eq!(walked.texts, 1 + picture.numbers.len() as u64);
        prop_assert!(snapshot.segments() <= 1, "small segments merge at once");
    }
}

#[test]
fn many_registrations_leave_few_segments_and_three_snapshots() {
    let home = Home::new();
    let mut writer = home.writer();
    for at in 0..12 {
        register(
            &mut writer,
            &format!("s{at}"),
            &texts(at * 20..at * 20 + 25),
        )
        .unwrap();
    }
    let snapshot = home.snapshot().unwrap();
    assert_eq!(snapshot.segments(), 1);
    snapshot.walk().unwrap();
    let kept = list(&home.dir, &home.secrets.public()).unwrap();
    assert_eq!(
        kept.iter().map(|kept| kept.seq).collect::<Vec<_>>(),
        [11, 12, 13]
    );
    assert_eq!(
        kept.iter().map(|kept| kept.head).collect::<Vec<_>>(),
        [false, false, true]
    );
    let live = fs::read_dir(home.dir.filters()).unwrap().count();
    assert_eq!(live, snapshot.segments());
    assert_eq!(fs::read_dir(home.dir.tmp()).unwrap().count(), 0);
}

#[test]
fn reading_writes_nothing_into_a_snapshot() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..50)).unwrap();
    let path = home.dir.snapshot(2);
    let before = tree(&path);
    for _ in 0..2 {
        let snapshot = home.snapshot().unwrap();
        snapshot.look_up(&[gram(1), gram(2)]).unwrap();
        snapshot.walk().unwrap();
    }
    assert_eq!(tree(&path), before);
    let names: Vec<&str> = before
        .keys()
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    assert!(
        !names.iter().any(|name| name.starts_with("LOG")),
        "{names:?}"
    );
}

#[test]
fn every_file_of_a_snapshot_is_guarded() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..50)).unwrap();
    let path = home.dir.snapshot(2);
    let copy = path.with_extension("copy");
    copy_tree(&path, &copy);
    let restore = || {
        fs::remove_dir_all(&path).unwrap();
        copy_tree(&copy, &path);
    };
    let refused = |what: &str, file: &Path| match home.snapshot() {
        Ok(_) => panic!("{what} {} went unnoticed", file.display()),
        Err(error) => {
            let message = error.to_string();
            assert!(
                matches!(
                    error,
                    OpenError::Damaged { .. }
                        | OpenError::OtherSnapshot { .. }
                        | OpenError::HeadMissing { .. }
                ),
                "{message}"
            );
        }
    };
    let mut files = 0;
    for (file, bytes) in tree(&copy) {
        let target = path.join(file.strip_prefix(&copy).unwrap());
        if file.is_dir() {
            fs::write(target.join("added"), b"").unwrap();
            refused("an added file in", &target);
            restore();
            continue;
        }
        files += 1;
        for at in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            if let Some(byte) = bytes.get(at) {
                let mut bad = bytes.clone();
                bad[at] = byte ^ 0x10;
                fs::write(&target, &bad).unwrap();
                refused("a flipped bit in", &target);
            }
        }
        if !bytes.is_empty() {
            fs::write(&target, &bytes[..bytes.len() - 1]).unwrap();
            refused("a cut of", &target);
        }
        let mut long = bytes.clone();
        long.push(b'\n');
        fs::write(&target, &long).unwrap();
        refused("a longer", &target);
        fs::remove_file(&target).unwrap();
        refused("the missing", &target);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&file, &target).unwrap();
            assert!(
                home.snapshot().is_err(),
                "a link in place of {}",
                target.display()
            );
        }
        restore();
    }
    assert!(files >= 8, "{files}");
    home.snapshot().unwrap();
}

#[test]
fn a_snapshot_without_its_newest_is_an_error_and_sealing_again_is_the_remedy() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    register(&mut writer, "two", &texts(10..20)).unwrap();
    drop(writer);
    assert!(home.dir.snapshot(2).exists());
    fs::remove_dir_all(home.dir.snapshot(3)).unwrap();
    let error = home.snapshot().err().unwrap();
    assert!(
        matches!(error, OpenError::HeadMissing { seq: 3, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("herdbook snapshot seal"));
    // An older one in its place is another snapshot.
    copy_tree(&home.dir.snapshot(2), &home.dir.snapshot(3));
    assert!(matches!(
        home.snapshot(),
        Err(OpenError::OtherSnapshot { .. })
    ));
    let (seq, digest) = home.writer().reseal(NOW).unwrap();
    let snapshot = home.snapshot().unwrap();
    assert_eq!((seq, digest.as_str()), (4, snapshot.digest()));
    assert_eq!(snapshot.info().records, 20);
}

#[test]
fn a_snapshot_signed_by_another_key_is_refused() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let other = tempfile::tempdir().unwrap();
    let other = Secrets::load_or_create(other.path()).unwrap();
    let error = Snapshot::open_head(&home.dir, &compat(), &other.public())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Log(_)), "{error}");
    assert!(error.to_string().contains("HERDBOOK_KEYS"));
    // The log is this index's, the manifest is not.
    let mut keys = home.secrets.public();
    keys.signing = other.verifying();
    let error = Snapshot::open_head(&home.dir, &compat(), &keys)
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("signed"));
}

#[test]
fn a_travelled_snapshot_opens_by_its_digest_only() {
    let home = Home::new();
    let done = register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let away = tempfile::tempdir().unwrap();
    let path = away.path().join("snapshot");
    copy_tree(&home.dir.snapshot(2), &path);
    let snapshot = Snapshot::open_at(&path, &done.digest, &compat(), None).unwrap();
    assert_eq!(snapshot.info().records, 10);
    let wrong = Snapshot::open_at(&path, &"0".repeat(64), &compat(), None);
    assert!(matches!(wrong, Err(OpenError::OtherSnapshot { .. })));
    let nowhere = Snapshot::open_at(away.path(), &done.digest, &compat(), None);
    assert!(matches!(nowhere, Err(OpenError::Damaged { .. })));
}

type Change = fn(&mut Compat);

#[test]
fn another_recipe_key_or_unicode_is_refused_with_both_values() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let cases: [(Change, &str, &str); 4] = [
        (|compat| compat.recipe = "r2".to_owned(), "r1-k24-w41", "r2"),
        (|compat| compat.guarantee_bytes = 65, "64", "65"),
        (
            |compat| compat.unicode = "17.0.0".to_owned(),
            "16.0.0",
            "17.0.0",
        ),
        (|compat| compat.key_check = [8; 16], "0909", "0808"),
    ];
    for (change, found, expected) in cases {
        let mut compat = compat();
        change(&mut compat);
        let error = Snapshot::open_head(&home.dir, &compat, &home.secrets.public())
            .err()
            .unwrap();
        let message = error.to_string();
        assert!(matches!(error, OpenError::Incompatible(_)), "{message}");
        assert!(
            message.contains(found) && message.contains(expected),
            "{message}"
        );
        let error = Writer::open(&home.dir, &home.secrets, &compat)
            .err()
            .unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let mut wrong_key = compat();
    wrong_key.key_check = [8; 16];
    let error = Snapshot::open_head(&home.dir, &wrong_key, &home.secrets.public())
        .err()
        .unwrap();
    assert!(matches!(
        error,
        OpenError::Incompatible(Incompatible::Key { .. })
    ));
    assert!(error.to_string().contains("HERDBOOK_KEYS"));
}

#[test]
fn a_missing_index_a_second_init_and_a_second_writer_are_told_apart() {
    let temp = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(temp.path().join("nowhere"), Some(temp.path().join("keys")));
    let secrets = Secrets::load_or_create(dir.keys()).unwrap();
    let error = Snapshot::open_head(&dir, &compat(), &secrets.public())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::NoIndex { .. }));
    assert!(error.to_string().contains("herdbook init"));
    assert!(matches!(
        Writer::open(&dir, &secrets, &compat()),
        Err(OpenError::NoIndex { .. })
    ));
    assert!(!dir.root().exists(), "a failed open makes nothing");

    let home = Home::new();
    let before = tree(home.dir.root());
    let again = Writer::init(&home.dir, &home.secrets, &compat(), NOW);
    assert!(matches!(again, Err(OpenError::Exists { .. })));
    assert_eq!(tree(home.dir.root()), before);
    let writer = home.writer();
    assert!(matches!(home.try_writer(), Err(OpenError::Locked { .. })));
    drop(writer);
    home.writer();
    fs::remove_dir_all(home.dir.log()).unwrap();
    assert!(matches!(home.snapshot(), Err(OpenError::Log(_))));
    assert!(matches!(home.try_writer(), Err(OpenError::Log(_))));
    let again = Writer::init(&home.dir, &home.secrets, &compat(), NOW);
    assert!(
        matches!(again, Err(OpenError::Exists { .. })),
        "a lost log is no reason to start over"
    );
}

#[test]
fn an_index_holds_a_canary_that_counts_nowhere() {
    let temp = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(temp.path().join("index"), None);
    let secrets = Secrets::load_or_create(dir.keys()).unwrap();
    drop(Writer::init(&dir, &secrets, &compat(), NOW).unwrap());
    let secrets = Secrets::load(dir.keys()).unwrap();
    let snapshot = Snapshot::open_head(&dir, &compat(), &secrets.public()).unwrap();
    let info = snapshot.info();
    assert_eq!((info.snapshot, info.sources, info.records), (1, 0, 0));
    assert_planted(&snapshot, &secrets);
}

/// The canary is found as any text is, and nobody claims it.
fn assert_planted(snapshot: &Snapshot, secrets: &Secrets) {
    let key = FingerprintKey::from_bytes(secrets.fingerprint()).unwrap();
    let print = CanaryPrint::of(&key, Recipe::default()).unwrap();
    for gram in print.grams.iter().chain([&print.exact.entry()]) {
        assert!(snapshot.probe(*gram));
    }
    let [Postings::Texts(found)] = &snapshot.look_up(&[print.exact.entry()]).unwrap()[..] else {
        panic!("not one text");
    };
    let rows = snapshot.texts(found).unwrap();
    assert_eq!(rows[0].exact, print.exact.0);
    assert_eq!(snapshot.claims(found[0]).unwrap(), []);
    let own = snapshot
        .sources()
        .iter()
        .filter(|source| source.is_canary());
    assert_eq!(own.count(), 1);
    snapshot.walk().unwrap();
}

#[test]
fn sealing_plants_the_canary_that_an_older_index_lacks_even_after_a_crash_on_the_way() {
    for crash in [false, true] {
        let home = Home::new();
        register(&mut home.writer(), "one", &texts(0..3)).unwrap();
        if crash {
            // Registered, and not yet withdrawn from the beginning.
            commit_only(&home, SourceInfo::CANARY, &texts(7..8));
        }
        assert_eq!(home.snapshot().unwrap().info().snapshot, 2);
        let (number, _) = home.writer().reseal(NOW).unwrap();
        assert_eq!(number, if crash { 4 } else { 3 });
        let snapshot = home.snapshot().unwrap();
        assert_eq!((snapshot.info().sources, snapshot.info().records), (1, 3));
        if !crash {
            assert_planted(&snapshot, &home.secrets);
        }
        let again = home.writer().reseal(NOW).unwrap();
        assert_eq!(again.0, number + 1);
    }
}

#[test]
fn an_interrupted_init_is_started_over() {
    let home = Home::new();
    fs::write(home.dir.unfinished(), b"").unwrap();
    assert!(matches!(home.snapshot(), Err(OpenError::Unfinished { .. })));
    assert!(matches!(
        home.try_writer(),
        Err(OpenError::Unfinished { .. })
    ));
    let mut writer = Writer::init(&home.dir, &home.secrets, &compat(), NOW).unwrap();
    register(&mut writer, "one", &texts(0..3)).unwrap();
    assert_eq!(home.snapshot().unwrap().info().records, 3);
}

/// Commits into the live database and stops before seal and log, as a crash would.
fn commit_only(home: &Home, name: &str, texts: &[Text]) {
    let mut index = IndexWriter::open(&home.dir, &compat(), |_| Ok::<_, WriteError>(())).unwrap();
    let mut registration = index.begin().unwrap();
    for (row, text) in (0..).zip(texts) {
        let text = TextDraft {
            exact: exact(text.id),
            entry: entry(text.id),
            normal_bytes: 1,
            words: &[],
            counted: None,
            grams: &text.grams,
        };
        registration.add(&text, claim(row)).unwrap();
    }
    registration.finish(draft(name)).unwrap();
}

#[test]
fn a_crash_between_commit_and_log_entry_is_completed_by_the_next_writer() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    commit_only(&home, "two", &texts(10..20));
    // Not acknowledged, so a check still answers from before.
    assert_eq!(home.snapshot().unwrap().info().records, 10);
    let writer = home.writer();
    assert_eq!(writer.notes().len(), 1, "{:?}", writer.notes());
    assert!(writer.notes()[0].contains("register of commit 3"));
    assert_eq!(home.snapshot().unwrap().info().records, 20);
    let head = home.head();
    let change = head.last.record.change().unwrap();
    assert_eq!(
        (
            head.commit(),
            head.last.record.kind(),
            change.source.as_deref()
        ),
        (3, "register", Some("two"))
    );
    drop(writer);
    assert_eq!(home.writer().notes(), &[] as &[String]);
}

#[test]
fn a_crash_between_seal_and_log_entry_is_undecided_until_completed() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    let log = home.kept_log();
    register(&mut writer, "two", &texts(10..20)).unwrap();
    drop(writer);
    let whole = home.head();
    // Before anything of the entry, and with its tiles but no checkpoint.
    for tiles in [false, true] {
        let checkpoint = fs::read(log.join("checkpoint")).unwrap();
        if tiles {
            fs::write(home.dir.log().join("checkpoint"), checkpoint).unwrap();
        } else {
            home.put_log_back(&log);
        }
        let error = home.snapshot().err().unwrap();
        assert!(
            matches!(
                error,
                OpenError::LogBehind {
                    logged: 2,
                    found: 3
                }
            ),
            "{error}"
        );
        let writer = home.writer();
        assert!(writer.notes().iter().any(|note| note.contains("completed")));
        drop(writer);
        assert_eq!(home.snapshot().unwrap().info().records, 20);
        assert_eq!(home.head().checkpoint.size, whole.checkpoint.size);
        let verified = audit::verify(&home.dir, &home.secrets.public(), &[], None).unwrap();
        assert!(verified.notes.is_empty(), "{:?}", verified.notes);
    }
}

#[test]
fn an_index_behind_its_log_is_refused() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    drop(writer);
    let old = home.dir.root().join("old");
    copy_tree(&home.dir.db(), &old);
    register(&mut home.writer(), "two", &texts(10..20)).unwrap();
    fs::remove_dir_all(home.dir.db()).unwrap();
    copy_tree(&old, &home.dir.db());
    let error = home.try_writer().err().unwrap();
    assert!(
        matches!(
            error,
            OpenError::BehindLog {
                logged: 3,
                indexed: 2
            }
        ),
        "{error}"
    );
    // Nothing was tidied away, and the sealed snapshot does not depend on the live database.
    assert_eq!(fs::read_dir(home.dir.filters()).unwrap().count(), 1);
    assert_eq!(home.snapshot().unwrap().info().records, 20);
}

#[test]
fn a_log_cut_by_two_entries_is_refused() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "s0", &texts(0..5)).unwrap();
    let log = home.kept_log();
    for at in 1..3 {
        register(&mut writer, &format!("s{at}"), &texts(at * 5..at * 5 + 5)).unwrap();
    }
    drop(writer);
    home.put_log_back(&log);
    assert!(matches!(
        home.snapshot(),
        Err(OpenError::LogBehind {
            logged: 2,
            found: 4
        })
    ));
    assert!(matches!(
        home.try_writer(),
        Err(OpenError::LogBehind {
            logged: 2,
            found: 4
        })
    ));
}

#[test]
fn a_log_entry_that_was_changed_is_refused() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let entries = home.dir.log().join("tile/entries/000.p/2");
    let text = fs::read_to_string(&entries).unwrap();
    let changed = text.replace("\"records\":10", "\"records\":11");
    assert_ne!(changed, text);
    fs::write(&entries, changed).unwrap();
    assert!(matches!(home.snapshot(), Err(OpenError::Log(_))));
    assert!(matches!(home.try_writer(), Err(OpenError::Log(_))));
}

#[test]
fn a_signed_log_that_says_something_else_of_the_index_is_refused() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let head = home.head();
    let said = head.last.record.change().unwrap().clone();
    let first = audit::entry(&home.dir, &home.secrets.public(), 0).unwrap();
    let init = first.record.change().unwrap().clone();
    fs::remove_dir_all(home.dir.log()).unwrap();
    fs::create_dir(home.dir.log()).unwrap();
    let mut log = audit::Log::open(&home.dir, &home.secrets);
    log.begin(&head.checkpoint.origin, NOW, init).unwrap();
    let other = audit::Change {
        records: 11,
        ..said
    };
    log.append(NOW, audit::Record::Register(other)).unwrap();
    assert!(matches!(
        home.try_writer(),
        Err(OpenError::Differs { seq: 2, .. })
    ));
}

#[test]
fn checks_logged_between_commits_leave_the_head_where_it_is() {
    let home = Home::new();
    let mut writer = home.writer();
    register(&mut writer, "one", &texts(0..10)).unwrap();
    let approval = audit::Approval {
        action: "approve".to_owned(),
        line: "00".repeat(32),
        request: None,
        person: "ada".to_owned(),
        reason: None,
        about: std::collections::BTreeMap::new(),
    };
    let mut beside = audit::Log::open(&home.dir, &home.secrets);
    beside
        .append(NOW, audit::Record::Signoff(approval.clone()))
        .unwrap();
    assert_eq!(home.snapshot().unwrap().info().records, 10);
    register(&mut writer, "two", &texts(10..20)).unwrap();
    beside.append(NOW, audit::Record::Waive(approval)).unwrap();
    let snapshot = home.snapshot().unwrap();
    assert_eq!((snapshot.info().records, snapshot.info().snapshot), (20, 3));
    let position = snapshot.manifest().log.clone().unwrap();
    assert_eq!(position.size, 3, "init, one, the sign-off");
    drop(writer);
    assert_eq!(home.writer().notes(), &[] as &[String]);
    assert_eq!(home.head().checkpoint.size, 5);
}

#[test]
fn an_index_of_before_the_signed_log_is_moved_by_the_first_writer() {
    // Frozen with the program of before; the command that packed it stands in fixtures/README.md.
    let temp = tempfile::tempdir().unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/index-2/index.tar.gz");
    let unpacked = std::process::Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(temp.path())
        .status()
        .unwrap();
    assert!(unpacked.success());
    let dir = IndexDir::new(temp.path().join("index"), None);
    let secrets = Secrets::load_or_create(dir.keys()).unwrap();
    assert!(!dir.keys().join("log.key").exists(), "no reader makes keys");
    // As its own manifest says, so that a later recipe does not make the fixture unreadable.
    let (manifest, _) = Manifest::read(&dir.snapshot(3)).unwrap().unwrap();
    assert!(manifest.log.is_none() && manifest.log_previous.is_some());
    let format = manifest.format_row(&dir.snapshot(3)).unwrap();
    let compat = Compat {
        recipe: format.recipe,
        unicode: format.unicode,
        guarantee_bytes: format.guarantee_bytes,
        key_check: format.key_check,
    };
    let error = Snapshot::open_head(&dir, &compat, &secrets.public())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("herdbook snapshot seal"),
        "{error}"
    );

    let mut writer = Writer::open(&dir, &secrets, &compat).unwrap();
    assert_eq!(writer.notes().len(), 2, "{:?}", writer.notes());
    let public = Secrets::load(dir.keys()).unwrap().public();
    let before = Snapshot::open_head(&dir, &compat, &public).unwrap();
    assert_eq!((before.info().snapshot, before.info().records), (3, 5));
    let names: Vec<&str> = before.sources().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    writer.reseal(NOW).unwrap();
    drop(writer);
    let after = Snapshot::open_head(&dir, &compat, &public).unwrap();
    assert_eq!((after.info().snapshot, after.info().records), (4, 5));
    assert!(after.manifest().log.is_some());
    let verified = audit::verify(&dir, &public, &[], None).unwrap();
    assert_eq!(verified.checkpoint.size, 4);
    assert_eq!(verified.commits.len(), 4);
    assert!(dir.log().join("audit.jsonl.migrated").exists());
    assert!(!dir.old_log().exists());
    assert_eq!(
        Writer::open(&dir, &secrets, &compat).unwrap().notes(),
        &[] as &[String]
    );
}

#[test]
fn what_a_crash_before_the_commit_leaves_is_invisible_and_removed() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let old = home.dir.root().join("old");
    copy_tree(&home.dir.db(), &old);
    // Everything of the second source is on disk but the batch that commits it.
    crate::index::testing::ingest_without_commit(&home.dir, &compat(), |registration| {
        for (row, id) in (5..30).enumerate() {
            let grams: Vec<u64> = (0..5).map(|at| gram(id * 5 + at)).collect();
            let text = TextDraft {
                exact: exact(id),
                entry: entry(id),
                normal_bytes: 1,
                words: &[],
                counted: None,
                grams: &grams,
            };
            registration.add(&text, claim(row as u64)).unwrap();
        }
    });
    assert_eq!(fs::read_dir(home.dir.filters()).unwrap().count(), 2);
    let mut writer = home.writer();
    assert_eq!(fs::read_dir(home.dir.filters()).unwrap().count(), 1);
    // The numbers are given again, to other content.
    register(&mut writer, "two", &texts(100..103)).unwrap();
    let snapshot = home.snapshot().unwrap();
    snapshot.walk().unwrap();
    assert_eq!(snapshot.manifest().texts, 13);
    for id in 0..10 {
        let claims = snapshot.claims(TextId(id)).unwrap();
        assert_eq!(claims.len(), 1, "{id}");
        assert_eq!(claims[0].source, SourceId(0));
    }
    assert_eq!(
        snapshot.look_up(&[gram(20 * 5)]).unwrap(),
        vec![Postings::Absent]
    );
    assert_eq!(
        snapshot.look_up(&[gram(101 * 5)]).unwrap(),
        vec![Postings::Texts(vec![TextId(11)])]
    );
}

#[test]
fn sealing_keeps_the_digests_of_unchanged_files_and_a_damaged_one_stays_refused() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..50)).unwrap();
    // Damage in a shared table file reaches both snapshots; the carried digest must not heal it.
    let manifest = list(&home.dir, &home.secrets.public())
        .unwrap()
        .pop()
        .unwrap()
        .manifest
        .unwrap();
    let table = manifest
        .files
        .iter()
        .filter(|file| {
            Path::new(&file.path)
                .extension()
                .is_some_and(|end| end == "sst")
        })
        .max_by_key(|file| file.size)
        .unwrap();
    let path = home.dir.snapshot(2).join(&table.path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    {
        use std::io::Write as _;
        // In place, so that all hard links see it.
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all(&bytes)
            .unwrap();
    }
    // Neither opening nor withdrawing reads postings, so the writer cannot notice.
    home.writer().withdraw("one", NOW).unwrap();
    let after = list(&home.dir, &home.secrets.public())
        .unwrap()
        .pop()
        .unwrap()
        .manifest
        .unwrap();
    assert_eq!(after.snapshot, 3);
    assert!(after.files.contains(table), "the digest is carried over");
    assert!(matches!(home.snapshot(), Err(OpenError::Damaged { .. })));
    assert!(
        home.writer().reseal(NOW).is_err(),
        "sealing again walks through the copy"
    );
}

/// A storage engine whose manifest or write-ahead log was cut may open cleanly and have forgotten
/// commits. Whatever it does here, a writer never opens with less than the log records.
#[test]
fn a_damaged_live_database_never_opens_with_less() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    register(&mut home.writer(), "two", &texts(10..20)).unwrap();
    let copy = home.dir.root().join("copy");
    copy_tree(&home.dir.db(), &copy);
    let mut refused = 0;
    let mut tried = 0;
    let mut attempt = |what: &str| {
        tried += 1;
        match home.try_writer() {
            Err(_) => refused += 1,
            Ok(writer) => {
                let names: Vec<&str> = writer
                    .sources()
                    .iter()
                    .map(|source| source.name.as_str())
                    .collect();
                assert_eq!(names, ["one", "two"], "{what}");
            }
        }
        fs::remove_dir_all(home.dir.db()).unwrap();
        copy_tree(&copy, &home.dir.db());
    };
    for (path, bytes) in tree(&copy) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let target = home.dir.db().join(&name);
        let log = Path::new(&name).extension().is_some_and(|end| end == "log");
        if log {
            fs::remove_file(&target).unwrap();
            attempt("write-ahead log removed");
        }
        if log || name.starts_with("MANIFEST") {
            for cut in 0..24 {
                fs::write(&target, &bytes[..bytes.len() * cut / 24]).unwrap();
                attempt(&format!("{name} cut to {cut}/24"));
            }
        }
    }
    assert!(tried > 24 && refused > 0, "{refused} of {tried} refused");
}

#[test]
fn a_snapshot_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Snapshot>();
    moved::<Writer>();
    moved::<Registration<'_>>();
}

#[test]
fn the_canary_is_no_segment_of_its_own_beside_a_large_source() {
    let home = Home::new();
    let mut writer = home.writer();
    writer.reseal(NOW).unwrap();
    let many: Vec<Text> = (0..2500)
        .map(|id| Text {
            id,
            grams: (0..40).map(|at| gram(mix(40 * id + at))).collect(),
        })
        .collect();
    register(&mut writer, "many", &many).unwrap();
    let snapshot = home.snapshot().unwrap();
    assert!(snapshot.entries() > 1 << 16, "{}", snapshot.entries());
    assert_eq!(snapshot.segments(), 1);
    assert_planted(&snapshot, &home.secrets);
}

#[test]
fn a_snapshot_that_is_read_is_kept_and_collected_later() {
    let home = Home::new();
    register(&mut home.writer(), "s0", &texts(0..5)).unwrap();
    let read = home.snapshot().unwrap();
    let number = read.info().snapshot;
    let path = home.dir.snapshot(number);
    let mut writer = home.writer();
    for at in 1..6 {
        register(&mut writer, &format!("s{at}"), &texts(at * 20..at * 20 + 5)).unwrap();
    }
    assert!(path.exists(), "it is read");
    read.walk().unwrap();
    // By its name too, as a scan worker that takes the place of another opens it.
    let digest = read.digest().to_owned();
    drop(Snapshot::open_at(&path, &digest, &compat(), None).unwrap());
    drop(read);
    register(&mut writer, "s6", &texts(200..205)).unwrap();
    assert!(!path.exists(), "nobody reads it any more");
    assert_eq!(list_of(&home).len(), seal::KEEP_SNAPSHOTS);
}

fn list_of(home: &Home) -> Vec<SnapshotListed> {
    list(&home.dir, &home.secrets.public()).unwrap()
}

#[test]
fn a_backup_is_restored_to_an_index_that_answers_the_same() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..30)).unwrap();
    register(&mut home.writer(), "two", &texts(20..50)).unwrap();
    fs::write(home.dir.root().join("herdbook.toml"), "# ours\n").unwrap();
    let temp = tempfile::tempdir().unwrap();
    let to = temp.path().join("backup");
    let made = backup(&home.dir, &home.secrets, &compat(), &to, true, NOW).unwrap();
    assert_eq!((made.sources, made.records), (2, 60));
    let again = backup(&home.dir, &home.secrets, &compat(), &to, true, NOW);
    assert!(matches!(again, Err(BackupError::Exists { .. })));

    let new = IndexDir::new(temp.path().join("restored"), None);
    restore(&to, &new, |_| Ok(compat())).unwrap();
    assert_eq!(
        fs::read(new.root().join("herdbook.toml")).unwrap(),
        b"# ours\n"
    );
    let key = fs::metadata(new.keys().join("signing.key")).unwrap();
    let private = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(private & 0o777, 0o600);
    let secrets = Secrets::load(new.keys()).unwrap();
    let (old, restored) = (
        home.snapshot().unwrap(),
        Snapshot::open_head(&new, &compat(), &secrets.public()).unwrap(),
    );
    assert_eq!(old.info(), restored.info());
    let asked: Vec<u64> = (0..50).map(entry).collect();
    assert_eq!(
        old.look_up(&asked).unwrap(),
        restored.look_up(&asked).unwrap()
    );
    drop(restored);
    // It goes on from there, and the one it was made of is not touched by that.
    let mut writer = Writer::open(&new, &secrets, &compat()).unwrap();
    register(&mut writer, "three", &texts(60..70)).unwrap();
    old.walk().unwrap();
    drop(old);
    assert_eq!(home.snapshot().unwrap().info().records, 60);
    verify_backup(&to, &home.dir).unwrap();
}

#[test]
fn every_damage_to_a_backup_is_refused() {
    let home = Home::new();
    register(&mut home.writer(), "one", &texts(0..10)).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let to = temp.path().join("backup");
    backup(&home.dir, &home.secrets, &compat(), &to, true, NOW).unwrap();
    let refused = |what: &str| {
        let verified = verify_backup(&to, &home.dir);
        assert!(verified.is_err(), "{what}");
        let new = IndexDir::new(temp.path().join("restored"), None);
        assert!(restore(&to, &new, |_| Ok(compat())).is_err(), "{what}");
        assert!(!new.root().exists(), "{what}: something was left");
    };
    let files: Vec<String> = seal::list_files(&to)
        .unwrap()
        .into_iter()
        .map(|found| found.path)
        .collect();
    assert!(files.len() > 8, "{files:?}");
    for file in &files {
        let path = to.join(file);
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        match changed.len() / 2 {
            // A lock or an empty write-ahead log: it gains a byte.
            0 if changed.is_empty() => changed.push(0),
            middle => changed[middle] ^= 1,
        }
        fs::write(&path, &changed).unwrap();
        refused(&format!("{file} changed"));
        fs::remove_file(&path).unwrap();
        refused(&format!("{file} removed"));
        fs::write(&path, &bytes).unwrap();
    }
    fs::write(to.join("snapshot/db/more"), b"x").unwrap();
    refused("a file more");
    fs::remove_file(to.join("snapshot/db/more")).unwrap();
    verify_backup(&to, &home.dir).unwrap();
    let new = IndexDir::new(temp.path().join("restored"), None);
    restore(&to, &new, |_| Ok(compat())).unwrap();
}
