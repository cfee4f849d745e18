//! Measurements of the filter, run by hand:
//! `cargo test --release --lib -- --ignored --nocapture measure_the_filter`.
//!
//! `HERDBOOK_MEASURE_KEYS` lists numbers of keys (400000,28000000 when unset; with 240 million the
//! filter takes half a gigabyte and the keys two). A binary fuse filter of the same keys, in shards
//! of 2^23, is the yardstick; it holds no tag, and its false positives are 2^-16.

use std::hint::black_box;
use std::time::Instant;

use xorf::BinaryFuse16;
use xorf::Filter as _;

use super::*;

/// Best of some passes, in nanoseconds for each of `count`.
fn best(passes: usize, count: usize, mut pass: impl FnMut()) -> f64 {
    (0..passes)
        .map(|_| {
            let started = Instant::now();
            pass();
            started.elapsed().as_nanos() as f64 / count as f64
        })
        .fold(f64::MAX, f64::min)
}

fn bits(bytes: u64, keys: usize) -> f64 {
    8.0 * bytes as f64 / keys as f64
}

#[test]
#[ignore = "needs minutes and prints measurements"]
#[expect(clippy::print_stdout, reason = "prints what it measured")]
fn measure_the_filter() {
    let sizes =
        std::env::var("HERDBOOK_MEASURE_KEYS").unwrap_or_else(|_| "400000,28000000".to_owned());
    for count in sizes.split(',').map(|size| size.parse::<usize>().unwrap()) {
        let mut state = count as u64;
        let mut stored: Vec<u64> = (0..count)
            .map(|_| keys::gram_key(xorf::splitmix64(&mut state)))
            .collect();
        stored.sort_unstable();
        stored.dedup();
        let asked: Vec<u64> = (0..1 << 20)
            .map(|_| keys::gram_key(xorf::splitmix64(&mut state)))
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.filter");
        let started = Instant::now();
        let mut builder = FilterBuilder::create(path.clone(), 7, stored.len() as u64).unwrap();
        for &key in &stored {
            builder.push(key, Tag::of_text(key)).unwrap();
        }
        let (filter, file) = builder.finish().unwrap();
        let built = started.elapsed().as_nanos() as f64 / stored.len() as f64;
        drop(filter);
        let started = Instant::now();
        let filter = Arc::new(Filter::load(&path, 7, stored.len() as u64).unwrap());
        println!(
            "{} keys: {} MB, {:.2} bits a key in {} levels, first {:.2}; built {built:.0} ns a key, loaded in {:.0?}",
            stored.len(),
            file.bytes >> 20,
            bits(file.bytes, stored.len()),
            filter.levels.len(),
            bits(filter.levels[0].bytes().len() as u64, stored.len()),
            started.elapsed()
        );
        let bumped: usize = stored
            .iter()
            .filter(|&&key| {
                let lines = filter.levels[0].lines();
                let line = &lines[mix::line_of(key, lines.len() as u64)];
                !line::holds(line::head(line), mix::scramble(key))
            })
            .count();
        println!(
            "  bumped {:.2} %",
            100.0 * bumped as f64 / stored.len() as f64
        );
        let mut out = Vec::new();
        let filters = [filter];
        for (name, size) in [("whole", asked.len()), ("of 50", 50), ("of 512", 512)] {
            let time = best(7, asked.len(), || {
                for chunk in asked.chunks(size) {
                    out.clear();
                    probe_batch(&filters, black_box(chunk), &mut out);
                    black_box(&out);
                }
            });
            println!("  absent, batch {name}: {time:.2} ns");
        }
        let mut hits = 0;
        let time = best(5, asked.len(), || {
            let found = |hash: &&u64| filters[0].probe(black_box(**hash)).is_some();
            hits = asked.iter().filter(found).count();
        });
        println!(
            "  absent, one by one: {time:.2} ns; {hits} of {} false, {:.3} in 256",
            asked.len(),
            256.0 * hits as f64 / asked.len() as f64
        );
        drop(filters);
        measure_fuse(&stored, &asked);
    }
}

#[expect(clippy::print_stdout, reason = "prints what it measured")]
fn measure_fuse(stored: &[u64], asked: &[u64]) {
    let shards = stored.len().div_ceil(1 << 23).next_power_of_two();
    let shard_of = |hash: u64| {
        let shard = hash.checked_shr(64 - shards.trailing_zeros()).unwrap_or(0);
        usize::try_from(shard).unwrap()
    };
    let started = Instant::now();
    let fuses: Vec<BinaryFuse16> = stored
        .chunk_by(|one, two| shard_of(*one) == shard_of(*two))
        .map(|keys| BinaryFuse16::try_from(keys).unwrap())
        .collect();
    let built = started.elapsed().as_nanos() as f64 / stored.len() as f64;
    let bytes: usize = fuses.iter().map(|fuse| 2 * fuse.fingerprints.len()).sum();
    println!(
        "  binary fuse: {} MB, {:.2} bits a key, built {built:.0} ns a key",
        bytes >> 20,
        bits(bytes as u64, stored.len())
    );
    let contains = |hash: u64| fuses[shard_of(hash)].contains(&hash);
    let mut hit = [false; 256];
    let batch = best(7, asked.len(), || {
        for chunk in asked.chunks(256) {
            for (hit, &hash) in hit.iter_mut().zip(black_box(chunk)) {
                *hit = contains(hash);
            }
            black_box(&hit);
        }
    });
    let single = best(5, asked.len(), || {
        black_box(
            asked
                .iter()
                .filter(|&&hash| contains(black_box(hash)))
                .count(),
        );
    });
    println!("  binary fuse, absent: {batch:.2} ns in batches, {single:.2} ns one by one");
}
