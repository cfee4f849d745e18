//! Every key with its tag, no more false positives than stated, and no damaged file.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn hashes(seed: u64, count: usize) -> Vec<u64> {
    let mut state = seed;
    let mut out: Vec<u64> = (0..count)
        .map(|_| keys::gram_key(xorf::splitmix64(&mut state)))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Some tag that depends on the hash alone.
fn tag(hash: u64) -> Tag {
    let mut state = hash;
    Tag::from_byte(xorf::splitmix64(&mut state).to_be_bytes()[0])
}

fn build_in(dir: &Path, keys: &[u64], entries_max: u64) -> (Filter, FilterFile, PathBuf) {
    let path = dir.join("f.filter");
    let mut builder = FilterBuilder::create(path.clone(), 7, entries_max).unwrap();
    for &key in keys {
        builder.push(key, tag(key)).unwrap();
    }
    let (filter, file) = builder.finish().unwrap();
    (filter, file, path)
}

fn build(keys: &[u64]) -> Filter {
    let dir = tempfile::tempdir().unwrap();
    build_in(dir.path(), keys, keys.len() as u64).0
}

fn has_all(filter: &Filter, keys: &[u64]) -> bool {
    keys.iter().all(|&key| filter.probe(key) == Some(tag(key)))
}

fn batch(filters: &[&Arc<Filter>], asked: &[u64]) -> Vec<Hit> {
    let filters: Vec<Arc<Filter>> = filters.iter().map(|&filter| Arc::clone(filter)).collect();
    let mut out = Vec::new();
    probe_batch(&filters, asked, &mut out);
    out
}

#[test]
fn every_key_is_found_with_its_tag_at_every_small_size_and_after_reading_back() {
    for count in (0..70).chain([100, 999, 5000, 100_000]) {
        let dir = tempfile::tempdir().unwrap();
        let keys = hashes(count as u64 + 1, count);
        let (filter, file, path) = build_in(dir.path(), &keys, count as u64);
        let loaded = Filter::load(&path, 7, keys.len() as u64).unwrap();
        assert!(
            has_all(&filter, &keys) && has_all(&loaded, &keys),
            "{count}"
        );
        assert_eq!(filter.memory_bytes(), loaded.memory_bytes());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(file.bytes, bytes.len() as u64);
        assert_eq!(file.blake3, *blake3::hash(&bytes).as_bytes());
    }
}

#[test]
fn a_filter_whose_size_is_estimated_has_every_key_and_the_size_of_one_whose_is_known() {
    // More keys than the sample, and a bound four times too high, as after many repeats.
    let keys = hashes(4, 1_500_000);
    let dir = tempfile::tempdir().unwrap();
    let (filter, file, path) = build_in(dir.path(), &keys, 4 * keys.len() as u64);
    assert!(has_all(&filter, &keys));
    let loaded = Filter::load(&path, 7, keys.len() as u64).unwrap();
    assert!(has_all(&loaded, &keys));
    let bits = 8.0 * file.bytes as f64 / keys.len() as f64;
    assert!((18.5..20.5).contains(&bits), "{bits} bits a key");
}

#[test]
fn the_same_keys_give_the_same_bytes() {
    let keys = hashes(9, 20_000);
    let written = || {
        let dir = tempfile::tempdir().unwrap();
        build_in(dir.path(), &keys, 20_000).1.blake3
    };
    assert_eq!(written(), written());
}

#[test]
fn a_filter_without_keys_says_no() {
    let filter = build(&[]);
    assert!(
        hashes(3, 1000)
            .iter()
            .all(|&hash| filter.probe(hash).is_none())
    );
    assert!(batch(&[&Arc::new(filter)], &hashes(3, 1000)).is_empty());
}

#[test]
fn absent_hashes_hit_once_in_256_whatever_the_size() {
    for count in [1, 31, 3000, 300_000] {
        let keys = hashes(1, count);
        let filter = Arc::new(build(&keys));
        let asked: Vec<u64> = hashes(99, 1 << 20)
            .into_iter()
            .filter(|hash| keys.binary_search(hash).is_err())
            .collect();
        let found = batch(&[&filter], &asked);
        let expected = asked.len() as f64 / 256.0;
        // Lines differ, so a filter of few lines may be luckier or not: of one line, 31 random
        // words decide. Six standard deviations of a binomial, and a tenth for that.
        let off = (found.len() as f64 - expected).abs();
        let allowed = 6.0 * expected.sqrt() + 0.1 * expected;
        assert!(
            off < allowed,
            "{count} keys: {} of {}",
            found.len(),
            asked.len()
        );
        // What a false positive says is as good as random: no tag stands out.
        let mut seen = [0_u32; 256];
        for hit in &found {
            seen[usize::from(hit.tag.byte())] += 1;
        }
        if count >= 3000 {
            // 16 expected of each; 60 would be eleven standard deviations.
            assert!(seen.iter().all(|&count| count < 60), "{seen:?}");
        }
    }
}

#[test]
fn batches_are_what_single_probes_are() {
    let (one, two) = (hashes(1, 5000), hashes(2, 700));
    let one_filter = Arc::new(build(&one));
    let two_filter = Arc::new(build(&two));
    let mut asked = one.clone();
    asked.extend(hashes(3, 8000));
    asked.extend(&two);
    asked.reverse();
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, asked.len()] {
        let asked = &asked[..len];
        let mut expected = Vec::new();
        for (at, &hash) in (0..).zip(asked) {
            let hits = [&one_filter, &two_filter]
                .into_iter()
                .filter_map(|filter| filter.probe(hash))
                .map(|tag| Hit { at, tag });
            expected.extend(hits);
        }
        expected.sort_unstable();
        assert_eq!(batch(&[&one_filter, &two_filter], asked), expected);
    }
    // Earlier hits stay as they are.
    let mut out = vec![Hit {
        at: 7,
        tag: Tag::COMMON,
    }];
    probe_batch(&[one_filter], &one[..1], &mut out);
    assert_eq!(out.len(), 2);
    assert_eq!((out[0].at, out[1].at), (7, 0));
}

#[test]
fn hashes_that_are_not_spread_still_find_a_place() {
    // All in one line of the first level, at the front, at the end and around a sample.
    let clustered = [
        (0..5000).map(|at| at << 16).collect::<Vec<u64>>(),
        (0..5000).map(|at| u64::MAX << 44 | at << 16).collect(),
        (0..40).map(|at| (1 << 63) | at << 20).collect(),
    ];
    for keys in clustered {
        let filter = build(&keys);
        assert!(has_all(&filter, &keys));
        assert!(filter.levels.len() > 1);
    }
    // The sample sees a hundredth of the range, so the first level is made far too large, and is
    // held down by the bound; or all come late, and it is made too small.
    let early: Vec<u64> = (0..1_100_000).map(|at| at << 20).collect();
    assert!(has_all(&build(&early), &early));
    let late: Vec<u64> = early.iter().map(|hash| hash | 0xffff << 48).collect();
    assert!(has_all(&build(&late), &late));
}

#[test]
fn keys_out_of_order_twice_or_too_long_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, keys: &[u64]| {
        let path = dir.path().join(name);
        let mut builder = FilterBuilder::create(path, 1, 9).unwrap();
        keys.iter()
            .any(|&key| builder.push(key, Tag::COMMON).is_err())
    };
    assert!(refused("twice", &[1 << 16, 1 << 16]));
    assert!(refused("order", &[2 << 16, 1 << 16]));
    assert!(refused("long", &[1]));
    assert!(!refused("fine", &[0, 1 << 16]));
}

#[test]
fn any_changed_byte_or_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = hashes(1, 50);
    let (_, _, path) = build_in(dir.path(), &keys, 50);
    let bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(Filter::load(&path, 7, 50).is_err(), "byte {at}");
    }
    for len in [0, 10, 40, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(Filter::load(&path, 7, 50).is_err(), "length {len}");
    }
    let mut long = bytes.clone();
    long.push(0);
    std::fs::write(&path, &long).unwrap();
    assert!(Filter::load(&path, 7, 50).is_err());
    std::fs::write(&path, &bytes).unwrap();
    assert!(Filter::load(&path, 8, 50).is_err(), "another segment");
    assert!(
        Filter::load(&path, 7, 51).is_err(),
        "another number of entries"
    );
    assert!(Filter::load(&path, 7, 50).is_ok());
}

#[test]
fn lines_in_memory_stand_at_multiples_of_a_line() {
    for count in [1, 3, 1000, 1 << 18] {
        let mut lines = Lines::new(count).unwrap();
        assert_eq!(lines.lines().len(), count);
        assert_eq!(lines.lines_mut().len(), count);
        assert_eq!(
            lines.bytes().as_ptr().align_offset(LINE_BYTES),
            0,
            "{count}"
        );
    }
}

proptest! {
    #[test]
    fn any_keys_come_back_with_their_tags(
        keys in prop::collection::btree_map(any::<u64>(), any::<u8>(), 0..400), shift in 0_u32..44, absent in any::<u64>(),
    ) {
        // `shift` crowds them into ever fewer lines.
        let keys: std::collections::BTreeMap<u64, u8> = keys
            .into_iter()
            .map(|(key, tag)| (keys::gram_key(key >> shift), tag))
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.filter");
        let mut builder = FilterBuilder::create(path.clone(), 7, keys.len() as u64).unwrap();
        for (&key, &tag) in &keys {
            builder.push(key, Tag::from_byte(tag)).unwrap();
        }
        builder.finish().unwrap();
        let filter = Arc::new(Filter::load(&path, 7, keys.len() as u64).unwrap());
        let asked: Vec<u64> = keys.keys().copied().chain([keys::gram_key(absent)]).collect();
        let found = batch(&[&filter], &asked);
        for (at, (key, tag)) in (0..).zip(&keys) {
            prop_assert_eq!(filter.probe(*key), Some(Tag::from_byte(*tag)));
            prop_assert_eq!(found[at as usize], Hit { at, tag: Tag::from_byte(*tag) });
        }
        prop_assert!(found.len() <= asked.len());
    }
}
