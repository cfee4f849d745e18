//! Bundles of fingerprints, which come from outside. The first byte chooses.

use std::io::Cursor;
use std::sync::LazyLock;

use ed25519_dalek::SigningKey;

use super::feed::Feed;
use crate::bundle::BUNDLE_FORMAT;
use crate::bundle::Block;
use crate::bundle::Bundle;
use crate::bundle::BundleError;
use crate::bundle::BundleWriter;
use crate::bundle::Manifest;
use crate::bundle::SharedClaim;
use crate::bundle::SharedSource;
use crate::bundle::SharedText;
use crate::bundle::signed;
use crate::index::PackedClaim;
use crate::index::WordCount;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[6; 32]));

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    match feed.u8() % 4 {
        0 => {
            let opened = Bundle::open(Cursor::new(feed.0), &KEY.verifying_key());
            assert!(opened.is_err(), "what nobody signed was opened");
        }
        1 => any_manifest(&mut feed),
        2 => any_block(&mut feed),
        _ => made(&mut feed),
    }
}

/// A partner may sign anything: it is read or refused.
fn any_manifest(feed: &mut Feed<'_>) {
    let length = usize::from(feed.u16());
    let manifest = feed.take(length);
    read(&signed(manifest, feed.0, &KEY));
}

/// Any bytes as the texts of a manifest that fits them but for the counts.
fn any_block(feed: &mut Feed<'_>) {
    let manifest = Manifest {
        format: BUNDLE_FORMAT,
        texts: u64::from(feed.u8() % 3) + 1,
        grams: u64::from(feed.u8() % 4),
        public_key: hex::encode(KEY.verifying_key().to_bytes()),
        sources: vec![source(1, u64::from(feed.u8() % 4))],
        blocks: vec![Block {
            bytes: feed.0.len() as u64,
            blake3: blake3::hash(feed.0).to_hex().to_string(),
        }],
        ..plain()
    };
    let bytes = serde_json::to_vec(&manifest).unwrap();
    read(&signed(&bytes, feed.0, &KEY));
}

/// Every text, or why there is none; texts are sound.
fn read(bytes: &[u8]) -> Option<Vec<SharedText>> {
    let Ok(mut bundle) = Bundle::open(Cursor::new(bytes), &KEY.verifying_key()) else {
        return None;
    };
    let sources = bundle.manifest().sources.clone();
    let mut texts = Vec::new();
    let whole = bundle.each(|text| {
        assert!(text.words.own <= text.words.words && text.words.words <= text.normal_bytes);
        assert!(text.grams.is_sorted_by(|one, two| one < two));
        for each in &text.claims {
            let source = &sources[each.source as usize];
            assert!(each.claim.file < source.files && each.claim.column < source.columns);
        }
        texts.push(text);
        Ok::<_, BundleError>(())
    });
    whole.is_ok().then_some(texts)
}

/// What is written is read again; a changed copy is refused.
fn made(feed: &mut Feed<'_>) {
    let sources = vec![source(0, 0), source(1, 0)];
    let mut writer = BundleWriter::new(&std::env::temp_dir(), sources).unwrap();
    let count = u32::from(feed.u8() % 5) + 1;
    let texts: Vec<SharedText> = (0..count).map(|number| text(number, feed)).collect();
    for text in &texts {
        writer.add(text).unwrap();
    }
    let mut bytes = Vec::new();
    writer.finish(plain(), &KEY, &mut bytes).unwrap();
    assert_eq!(read(&bytes), Some(texts));
    let changed = feed.changed(&bytes);
    if changed != bytes {
        assert_eq!(read(&changed), None);
    }
}

fn text(number: u32, feed: &mut Feed<'_>) -> SharedText {
    let mut exact = [0; 16];
    exact[..4].copy_from_slice(&number.to_be_bytes());
    let normal_bytes = u32::from(feed.u16()) + 20;
    let words = feed.u32() % normal_bytes;
    let mut grams: Vec<u64> = (0..feed.u8() % 20).map(|_| feed.u64() & !0xffff).collect();
    grams.sort_unstable();
    grams.dedup();
    let mut claims: Vec<SharedClaim> = (0..=feed.u8() % 3)
        .map(|_| SharedClaim {
            source: u32::from(feed.u8() & 1),
            claim: PackedClaim {
                file: u32::from(feed.u8() % 2),
                row: feed.number(),
                column: 0,
                model: (feed.u8() & 1 == 1).then_some(0),
            },
        })
        .collect();
    claims.sort_unstable();
    claims.dedup();
    SharedText {
        exact,
        normal_bytes,
        words: WordCount {
            words,
            own: feed.u32() % (words + 1),
        },
        grams,
        claims,
    }
}

fn source(number: u8, texts: u64) -> SharedSource {
    SharedSource {
        name: format!("source {number}"),
        models: vec!["m".to_owned()],
        access: None,
        acquisition: "found".to_owned(),
        files: 2,
        columns: 1,
        records: 9,
        text_bytes: 9,
        texts,
        claims: texts,
    }
}

fn plain() -> Manifest {
    Manifest {
        format: 0,
        recipe: "r".to_owned(),
        unicode: "u".to_owned(),
        exported_at: "2026-11-22T12:00:00Z".to_owned(),
        key_check: "k".to_owned(),
        public_key: hex::encode(KEY.verifying_key().to_bytes()),
        texts: 0,
        grams: 0,
        common_grams: 0,
        sources: Vec::new(),
        blocks: Vec::new(),
    }
}
