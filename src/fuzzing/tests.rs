//! Every property over every kept seed, and over damaged copies of it, with the stable toolchain.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::TARGETS;

/// Damaged copies of each seed. Chosen: the whole test stays within seconds.
const COPIES: usize = 12;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

#[test]
fn every_property_holds_for_every_seed_and_for_damaged_copies() {
    for (name, property) in TARGETS {
        let mut files: Vec<PathBuf> = std::fs::read_dir(seeds().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 4, "{name} has {} seeds", files.len());
        for file in files {
            let seed = std::fs::read(&file).unwrap();
            property(&seed);
            for copy in damaged(&seed) {
                property(&copy);
            }
        }
    }
}

/// Copies that are cut, have a bit changed, or a piece taken out, the same on every run.
fn damaged(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut state = seed.len() as u64;
    (0..COPIES).filter(|_| !seed.is_empty()).map(move |copy| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap() % seed.len();
        let mut out = seed.to_vec();
        match copy % 3 {
            0 => out[at] ^= 1 << (state >> 30 & 7),
            1 => out.truncate(at),
            _ => drop(out.drain(at..(at + 3).min(seed.len()))),
        }
        out
    })
}

#[test]
fn every_target_has_its_folder_of_seeds_and_no_folder_is_without_one() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders: BTreeSet<String> = std::fs::read_dir(seeds())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, names);
    let page = seeds().with_file_name("../docs/fuzzing.md");
    let page = std::fs::read_to_string(page).unwrap();
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} in the page");
    }
}
