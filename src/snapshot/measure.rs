//! Measurements, run by hand:
//! `cargo test --release --lib -- --ignored --nocapture measure_the_index`.
//!
//! `HERDBOOK_MEASURE_TEXTS` sets the number of synthetic texts (100,000 when unset). They have the
//! grams and words of the outputs of `docs/accuracy.md`, whose mean is 1,156 bytes.

use std::hint::black_box;
use std::time::Instant;

use super::*;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::PackedClaim;
use crate::index::Secrets;
use crate::index::SourceDraft;
use crate::index::TextDraft;
use crate::index::TextId;
use crate::model::Acquisition;

const GRAMS: u64 = 30;
const WORDS: usize = 180;
const TEXT_BYTES: f64 = 1156.0;

fn draft(name: &str) -> SourceDraft {
    SourceDraft {
        name: name.to_owned(),
        digest: name.to_owned(),
        files: Vec::new(),
        models: vec!["m".to_owned()],
        columns: vec!["text".to_owned()],
        access: None,
        acquisition: Acquisition::SelfGenerated,
        text_bytes: 0,
        registered_at: "2026-11-21T12:00:00Z".to_owned(),
        bundle: None,
    }
}

fn register(writer: &mut Writer, name: &str, from: u64, count: u64) -> Registered {
    let mut registration = writer.begin().unwrap();
    let mut grams = Vec::new();
    for id in from..from + count {
        let mut state = id;
        let entry = xorf::splitmix64(&mut state) & !0xffff;
        grams.clear();
        grams.extend((0..GRAMS).map(|_| xorf::splitmix64(&mut state) & !0xffff));
        let mut exact = [0; 16];
        exact[..8].copy_from_slice(&entry.to_be_bytes());
        exact[8..].copy_from_slice(&id.to_be_bytes());
        let words: Vec<u8> = std::iter::repeat_with(|| xorf::splitmix64(&mut state))
            .flat_map(u64::to_be_bytes)
            .take(WORDS)
            .collect();
        let text = TextDraft {
            exact,
            entry,
            normal_bytes: 1000,
            words: &words,
            counted: None,
            grams: &grams,
        };
        let claim = PackedClaim {
            file: 0,
            row: id - from,
            column: 0,
            model: Some(0),
        };
        registration.add(&text, claim).unwrap();
    }
    registration.finish(draft(name)).unwrap()
}

#[test]
#[ignore = "needs minutes and prints measurements"]
#[expect(clippy::print_stdout, reason = "prints what it measured")]
#[expect(clippy::too_many_lines, reason = "one measurement after the other")]
fn measure_the_index() {
    let texts: u64 = match std::env::var("HERDBOOK_MEASURE_TEXTS") {
        Ok(number) => number.parse().unwrap(),
        Err(_) => 100_000,
    };
    let temp = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(temp.path().join("index"), None);
    let secrets = Secrets::load_or_create(dir.keys()).unwrap();
    let compat = Compat {
        recipe: "r".to_owned(),
        unicode: "16".to_owned(),
        guarantee_bytes: 64,
        key_check: [0; 16],
    };
    let mut writer = Writer::init_bare(&dir, &secrets, &compat, "2026-11-21T12:00:00Z").unwrap();
    let started = Instant::now();
    let done = register(&mut writer, "one", 0, texts);
    let entries = texts * (GRAMS + 1);
    println!(
        "register {texts} texts of {GRAMS} grams: {:.2?}",
        started.elapsed()
    );
    println!(
        "index: {} bytes, {:.2} per entry, {:.1} per text",
        done.source.index_bytes,
        done.source.index_bytes as f64 / entries as f64,
        done.source.index_bytes as f64 / texts as f64
    );
    let started = Instant::now();
    register(&mut writer, "same texts again", 0, texts.min(100_000));
    println!(
        "register {} known texts: {:.2?}",
        texts.min(100_000),
        started.elapsed()
    );
    for (name, count) in [("1 more", 1), ("10 more", 10), ("1000 more", 1000)] {
        let started = Instant::now();
        register(&mut writer, name, 10 * texts, count);
        println!("register {name}: {:.2?}", started.elapsed());
    }
    drop(writer);
    let started = Instant::now();
    let snapshot =
        Snapshot::open_head(&dir, &compat, &Secrets::load(dir.keys()).unwrap().public()).unwrap();
    println!(
        "open: {:.2?}, of which verification {:.2?}; {} segments, filters {} bytes = {:.2} bits per entry",
        started.elapsed(),
        snapshot.verify_time(),
        snapshot.segments(),
        snapshot.filter_bytes(),
        8.0 * snapshot.filter_bytes() as f64 / snapshot.entries() as f64
    );
    let stored = (texts + 1011) as f64;
    let mut parts = snapshot.family_bytes().unwrap();
    parts.push(("filters", snapshot.filter_bytes()));
    for (name, bytes) in &parts {
        println!("  {name}: {:.1} bytes a text", *bytes as f64 / stored);
    }
    let whole = parts.iter().map(|(_, bytes)| *bytes as f64).sum::<f64>() / stored;
    println!(
        "  together {whole:.1}, {:.1} % of {TEXT_BYTES} bytes of text",
        100.0 * whole / TEXT_BYTES
    );
    let mut state = u64::MAX / 3;
    let asked: Vec<u64> = (0..1 << 22).map(|_| xorf::splitmix64(&mut state)).collect();
    let started = Instant::now();
    let hits = asked
        .iter()
        .filter(|&&hash| snapshot.probe(black_box(hash)))
        .count();
    let single = started.elapsed();
    let mut out = Vec::new();
    let started = Instant::now();
    for chunk in asked.chunks(4096) {
        out.clear();
        snapshot.probe_batch(black_box(chunk), &mut out);
    }
    let batch = started.elapsed();
    println!(
        "absent probes: {:.2} ns one by one, {:.2} ns in batches, {hits} of {} false ({:.2e})",
        single.as_nanos() as f64 / asked.len() as f64,
        batch.as_nanos() as f64 / asked.len() as f64,
        asked.len(),
        hits as f64 / asked.len() as f64
    );
    let mut present = Vec::new();
    for at in 0..20_000_u64 {
        let mut state = at * 7919 % texts;
        xorf::splitmix64(&mut state);
        present.push(xorf::splitmix64(&mut state) & !0xffff);
    }
    for (name, size) in [
        ("one by one", 1),
        ("30 at once", 30),
        ("1000 at once", 1000),
    ] {
        let started = Instant::now();
        for chunk in present.chunks(size) {
            black_box(snapshot.look_up(chunk).unwrap());
        }
        println!(
            "look up registered grams, {name}: {:.2} µs each",
            started.elapsed().as_nanos() as f64 / 1000.0 / present.len() as f64
        );
    }
    let started = Instant::now();
    for at in 0..20_000_u64 {
        let id = TextId(at * 7919 % texts);
        black_box(snapshot.texts(&[id]).unwrap());
        black_box(snapshot.claims(id).unwrap());
    }
    println!(
        "text row and claims: {:.2} µs each",
        started.elapsed().as_nanos() as f64 / 2e7
    );
    let started = Instant::now();
    snapshot.walk().unwrap();
    println!("walk: {:.2?}", started.elapsed());
}
