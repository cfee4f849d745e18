//! Fingerprints against their reference, their guarantee and their golden values.

use super::*;
use crate::cpu::Vectors;
use crate::text::NormalText;
use crate::text::Normalizer;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn key(fill: u8) -> FingerprintKey {
    FingerprintKey::from_bytes(&[fill; KEY_BYTES]).unwrap()
}

fn normal(text: &str) -> NormalText {
    let mut out = NormalText::default();
    Normalizer::new()
        .normalize_with_words(text, &mut out)
        .unwrap();
    out
}

fn sketch(text: &NormalText, recipe: Recipe) -> Vec<Gram> {
    sketch_with(Vectors::get(), text, recipe)
}

fn sketch_with(vectors: Vectors, text: &NormalText, recipe: Recipe) -> Vec<Gram> {
    sketch_side(vectors, text, recipe, Side::Registered)
}

fn sketch_side(vectors: Vectors, text: &NormalText, recipe: Recipe, side: Side) -> Vec<Gram> {
    let mut out = Vec::new();
    Sketcher::with(vectors, recipe, side, key(7)).sketch(text, &mut out);
    out
}

/// What the definition selects for the registered side.
fn reference_sketch(text: &NormalText, recipe: Recipe) -> Vec<Gram> {
    reference::sketch(text, &recipe, Side::Registered, &key(7))
}

fn ids(grams: &[Gram]) -> BTreeSet<u64> {
    grams.iter().map(|gram| gram.id).collect()
}

/// Letters that look random but are the same on every run (a linear congruential generator with
/// Knuth's MMIX constants).
fn letters(len: usize, seed: u64, alphabet: &str) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]
        })
        .collect()
}

fn recipes() -> Vec<Recipe> {
    [
        (24, 57),
        (8, 1),
        (8, 2),
        (9, 7),
        (16, 64),
        (20, 61),
        (24, 25),
        (33, 3),
    ]
    .into_iter()
    .map(|(k, w)| Recipe::new(k, w).unwrap())
    .collect()
}

#[test]
fn fast_equals_reference_at_every_small_length_and_around_block_edges() {
    for recipe in recipes() {
        for alphabet in [
            "a",
            "ab",
            "abcdefghijklmnopqrstuvwxyz",
            "αβγδ",
            "一丁七万丈三",
        ] {
            for len in 0..=300 {
                let text = normal(&letters(len, 11 + len as u64, alphabet));
                let expected = reference_sketch(&text, recipe);
                for vectors in Vectors::all() {
                    assert_eq!(
                        sketch_with(vectors, &text, recipe),
                        expected,
                        "{} bytes of {alphabet:?} under {}, {vectors:?}",
                        text.len(),
                        recipe.id()
                    );
                }
            }
        }
    }
}

#[test]
fn a_text_shorter_than_a_gram_has_none_and_a_repeated_letter_has_one() {
    let recipe = Recipe::default();
    assert!(sketch(&normal(""), recipe).is_empty());
    assert!(sketch(&normal(&"x".repeat(23)), recipe).is_empty());
    for len in [24, 25, 80, 81, 1000] {
        assert_eq!(sketch(&normal(&"x".repeat(len)), recipe).len(), 1, "{len}");
    }
}

#[test]
fn a_planted_run_of_the_guaranteed_length_is_seen_wherever_it_stands() {
    for recipe in [
        Recipe::default(),
        Recipe::new(20, 61).unwrap(),
        Recipe::new(8, 5).unwrap(),
    ] {
        for seed in 0..200 {
            let run = letters(recipe.guarantee_bytes(), seed, "etaoinshrdlucmfwypvbgkjqxz");
            let registered = letters(150, seed + 1000, "etaoinshr")
                + &run
                + &letters(150, seed + 2000, "etaoinshr");
            let registered = ids(&sketch(&normal(&registered), recipe));
            // Every alignment against the windows of the text it is planted in.
            for before in 0..=recipe.window() + 2 {
                let planted = letters(before, seed + 3000, "etaoinshr")
                    + &run
                    + &letters(90, seed + 4000, "etaoinshr");
                let planted = ids(&sketch(&normal(&planted), recipe));
                assert!(
                    !registered.is_disjoint(&planted),
                    "run {run} after {before} letters under {}",
                    recipe.id()
                );
            }
        }
    }
}

#[test]
fn a_narrower_window_selects_all_that_a_wider_one_does() {
    let recipe = Recipe::default();
    for (seed, len) in (0..).zip([30, 80, 100, 200, 455, 456, 457, 700, 911, 912, 2_000]) {
        for alphabet in ["ab", "etaoinshrdlucmfwypvbgkjqxz"] {
            let text = normal(&letters(len, seed, alphabet));
            let wide = Recipe::new(24, 57).unwrap();
            // Windows of the same length for every text: no side makes them narrower than this.
            let least: BTreeSet<u32> = reference_at(&text, wide.window());
            let registered = reference_at(&text, recipe.window_for(Side::Registered, text.len()));
            let checked = reference_at(&text, recipe.window_for(Side::Checked, text.len()));
            assert!(least.is_subset(&registered), "{len} of {alphabet}");
            assert!(registered.is_subset(&checked), "{len} of {alphabet}");
        }
    }
}

/// Positions that windows of this length select, equal neighbours included.
fn reference_at(text: &NormalText, window: usize) -> BTreeSet<u32> {
    let values: Vec<u32> = text
        .as_bytes()
        .windows(24)
        .map(|gram| gram::order(*gram.first_chunk().unwrap()))
        .collect();
    values
        .windows(window.min(values.len()).max(1))
        .zip(0..)
        .filter_map(|(window, start): (_, u32)| {
            let least = window.iter().min()?;
            let place = window.iter().position(|value| value == least)?;
            Some(start + u32::try_from(place).unwrap())
        })
        .collect()
}

#[test]
fn short_texts_have_a_dozen_grams_too() {
    let recipe = Recipe::default();
    let windows = |side| {
        [0, 56, 80, 200, 455, 456, 911, 912, 9_999].map(|bytes| recipe.window_for(side, bytes))
    };
    assert_eq!(
        windows(Side::Registered),
        [7, 7, 10, 25, 56, 57, 57, 57, 57]
    );
    assert_eq!(windows(Side::Checked), [5, 5, 5, 12, 28, 28, 56, 57, 57]);
    // A recipe with narrower windows keeps them.
    let dense = Recipe::new(8, 3).unwrap();
    assert_eq!(dense.window_for(Side::Registered, 30), 3);
    for len in [100, 200, 400] {
        let text = normal(&letters(len, 12, "etaoinshrdlucmfwypvbgkjqxz"));
        let grams = |side| sketch_side(Vectors::get(), &text, recipe, side).len();
        assert!((9..=20).contains(&grams(Side::Registered)), "{len}");
        assert!(grams(Side::Checked) > grams(Side::Registered), "{len}");
    }
}

#[test]
fn a_run_is_seen_whatever_the_lengths_and_sides_of_the_two_texts() {
    let recipe = Recipe::default();
    for seed in 0..60 {
        let run = letters(recipe.guarantee_bytes(), seed, "etaoinshrdlucmfwypvbgkjqxz");
        for (before, after) in [(0, 0), (7, 3), (40, 200), (900, 1_500)] {
            for (other_before, other_after) in [(0, 0), (11, 60), (1_300, 20)] {
                let registered = letters(before, seed + 1_000, "etaoinshr")
                    + &run
                    + &letters(after, seed + 2_000, "etaoinshr");
                let checked = letters(other_before, seed + 3_000, "etaoinshr")
                    + &run
                    + &letters(other_after, seed + 4_000, "etaoinshr");
                let registered = ids(&sketch(&normal(&registered), recipe));
                let checked = sketch_side(Vectors::get(), &normal(&checked), recipe, Side::Checked);
                assert!(!registered.is_disjoint(&ids(&checked)), "{run}");
            }
        }
    }
}

#[test]
fn a_run_one_byte_shorter_can_be_missed() {
    // The guarantee is tight: otherwise the test above would prove nothing about its length.
    let recipe = Recipe::new(8, 5).unwrap();
    let missed = (0..5000).any(|seed| {
        let run = letters(
            recipe.guarantee_bytes() - 1,
            seed,
            "etaoinshrdlucmfwypvbgkjqxz",
        );
        let around = |part: u64| letters(40, seed * 8 + part, "etaoinshr");
        let a = ids(&sketch(&normal(&(around(1) + &run + &around(2))), recipe));
        let b = ids(&sketch(&normal(&(around(3) + &run + &around(4))), recipe));
        a.is_disjoint(&b)
    });
    assert!(missed);
}

#[test]
fn longer_runs_share_as_many_positions_as_stated() {
    let recipe = Recipe::new(12, 9).unwrap();
    for wanted in 1..=6 {
        for seed in 0..100 {
            let len = recipe.guarantee_bytes_for(wanted);
            let run = letters(len, seed, "etaoinshrdlucmfwypvbgkjqxz");
            let at = |before: usize, part: u64| {
                let text = letters(before, seed + part, "etaoinshr")
                    + &run
                    + &letters(50, seed + part + 1, "etaoinshr");
                sketch(&normal(&text), recipe)
                    .into_iter()
                    .filter_map(|gram| {
                        (gram.at as usize)
                            .checked_sub(before)
                            .map(|at| (at, gram.id))
                    })
                    .filter(|&(at, _)| at + recipe.gram_bytes() <= len)
                    .collect::<BTreeSet<_>>()
            };
            let (first, second) = (at(40, 500), at(47, 600));
            assert!(
                first.intersection(&second).count() >= wanted,
                "{wanted} in {run}"
            );
        }
    }
    assert_eq!(Recipe::default().guarantee_bytes(), 80);
    assert_eq!(Recipe::default().guarantee_bytes_for(2), 137);
    // A looser stream without so long a run holds no gram of Latin text.
    assert!(crate::text::LOOK_ALIKE_RUN_BYTES <= Recipe::default().gram_bytes());
}

#[test]
fn reformatting_does_not_change_a_sketch() {
    let recipe = Recipe::default();
    let text = "The Treaty of Tordesillas, signed in 1494, divided the newly discovered lands \
                outside Europe between the Crown of Castile and the Kingdom of Portugal.";
    let altered = text
        .to_uppercase()
        .replace(' ', "\n\n* ")
        .replace(',', "&#44;");
    assert_eq!(
        sketch(&normal(text), recipe),
        sketch(&normal(&altered), recipe)
    );
    assert!(!sketch(&normal(text), recipe).is_empty());
}

#[test]
fn about_two_in_window_plus_one_positions_are_selected() {
    let recipe = Recipe::default();
    let text = normal(&letters(200_000, 5, "etaoinshrdlucmfwypvbgkjqxz"));
    let density = sketch(&text, recipe).len() as f64 / text.len() as f64;
    let expected = 2.0 / (recipe.window() as f64 + 1.0);
    assert!(
        (density / expected - 1.0).abs() < 0.05,
        "{density} for {expected}"
    );
}

#[test]
fn keys_change_ids_but_not_positions_and_can_be_exchanged() {
    let recipe = Recipe::default();
    let text = normal(&letters(2000, 3, "etaoinshrdlu"));
    let (a, b) = (key(1), key(2));
    let (mut under_a, mut under_b) = (Vec::new(), Vec::new());
    Sketcher::new(recipe, Side::Registered, a.clone()).sketch(&text, &mut under_a);
    Sketcher::new(recipe, Side::Registered, b.clone()).sketch(&text, &mut under_b);
    assert!(ids(&under_a).is_disjoint(&ids(&under_b)));
    let exchanged: Vec<Gram> = under_a
        .iter()
        .map(|gram| Gram {
            id: b.seal_gram(a.open_gram(gram.id)),
            at: gram.at,
        })
        .collect();
    assert_eq!(exchanged, under_b);
    let exact = ExactDigest::of(&text, &a);
    assert_ne!(exact, ExactDigest::of(&text, &b));
    assert_eq!(exact.rekey(&a, &b), ExactDigest::of(&text, &b));
}

#[test]
fn a_key_is_checked_and_never_printed() {
    assert_eq!(
        FingerprintKey::from_bytes(&[0; 32]).unwrap_err(),
        KeyError::Zero
    );
    assert_eq!(
        FingerprintKey::from_bytes(&[1; 31]).unwrap_err(),
        KeyError::Length { found: 31 }
    );
    assert_eq!(key(9).key_check(), key(9).key_check());
    assert_ne!(key(9).key_check(), key(10).key_check());
    let printed = format!("{:?}", key(0xAB)).to_lowercase();
    assert!(
        !printed.contains("abab") && !printed.contains("171, 171"),
        "{printed}"
    );
    // A subkey printed by mistake would show up as more than the one field.
    assert!(
        printed.starts_with("fingerprintkey { check: keycheck("),
        "{printed}"
    );
}

#[test]
fn recipes_name_everything_they_depend_on() {
    assert_eq!(Recipe::default().id().as_str(), "r3-n1-k24-w57-u18.0.0");
    assert_ne!(Recipe::new(24, 56).unwrap().id(), Recipe::default().id());
    assert_eq!(Recipe::new(7, 57), Err(RecipeError::GramBytes { found: 7 }));
    assert_eq!(
        Recipe::new(129, 57),
        Err(RecipeError::GramBytes { found: 129 })
    );
    assert_eq!(Recipe::new(24, 0), Err(RecipeError::Window { found: 0 }));
    assert_eq!(
        Recipe::new(24, 4097),
        Err(RecipeError::Window { found: 4097 })
    );
}

#[test]
fn a_prompts_own_grams_are_left_out() {
    let recipe = Recipe::default();
    let question = letters(300, 21, "etaoinshrdlucm");
    let answer = letters(400, 22, "etaoinshrdlucm");
    let prompt = GramSet::of(&normal(&question), &recipe);
    let output = normal(&(question.clone() + &answer));
    let mut sketcher = Sketcher::new(recipe, Side::Registered, key(7));
    let (mut all, mut own) = (Vec::new(), Vec::new());
    sketcher.sketch(&output, &mut all);
    sketcher.sketch_without(&output, &[prompt], &mut own);
    let expected: Vec<Gram> = all
        .iter()
        .copied()
        .filter(|gram| gram.at as usize + recipe.gram_bytes() > question.len())
        .collect();
    assert!(expected.len() < all.len());
    assert_eq!(own, expected);
    for none in [&[][..], &[GramSet::default()][..]] {
        sketcher.sketch_without(&output, none, &mut own);
        assert_eq!(own, all);
    }
}

#[test]
fn digests_of_many_texts_sealed_together_are_their_sketches() {
    let recipe = Recipe::default();
    for vectors in Vectors::all() {
        let mut sketcher = Sketcher::with(vectors, recipe, Side::Registered, key(7));
        let mut together = vec![];
        let mut places = vec![];
        let mut apart = vec![];
        for len in [0, 23, 24, 90, 2000] {
            for alphabet in ["a", "ab", "etaoinshrdlucm"] {
                let text = normal(&letters(len, 5 + len as u64, alphabet));
                let one = sketch(&text, recipe);
                let count = sketcher.append_digests(&text, &mut together, &mut places);
                assert_eq!(count, one.len());
                apart.extend(one);
            }
        }
        sketcher.seal(&mut together);
        let together: Vec<Gram> = together
            .into_iter()
            .zip(places)
            .map(|(id, at)| Gram { id, at })
            .collect();
        assert_eq!(together, apart);
        assert!(together.iter().all(|gram| gram.id.trailing_zeros() >= 16));
    }
}

#[test]
fn words_that_repeat_the_prompt_are_covered() {
    let recipe = Recipe::default();
    let question = "please tell me about the history of the city of prague in a few words";
    let prompt = GramSet::of(&normal(question), &recipe);
    let output = normal(&format!(
        "Well, {question}: Prague was founded long ago in a few words."
    ));
    let mut covered = Vec::new();
    prompt.cover(&output, &mut covered);
    assert_eq!(covered.len(), output.words().count());
    let expected: Vec<bool> = (0..covered.len())
        .map(|at| (1..=15).contains(&at))
        .collect();
    assert_eq!(covered, expected);
    GramSet::default().cover(&output, &mut covered);
    assert!(covered.len() == output.words().count() && covered.iter().all(|&word| !word));
}

#[test]
fn word_hashes_are_stable_spread_and_never_the_reserved_one() {
    let text = letters(200_000, 77, "abcdefghij      ");
    let text = normal(&text);
    let mut hashes = Vec::new();
    word_hashes(&text, &key(7), &mut hashes);
    assert_eq!(hashes.len(), text.words().count());
    let mut by_word = std::collections::BTreeMap::new();
    for (word, &hash) in text.words().zip(&hashes) {
        assert_ne!(hash, NOT_EVIDENCE);
        assert_eq!(*by_word.entry(word).or_insert(hash), hash);
    }
    // Distinct words fall evenly on 255 values: chi-squared with 254 degrees of freedom stays
    // below 350 but for one key in 30,000.
    let mut counts = [0_u32; 256];
    for &hash in by_word.values() {
        counts[usize::from(hash)] += 1;
    }
    let expected = by_word.len() as f64 / 255.0;
    let chi: f64 = counts[1..]
        .iter()
        .map(|&count| (f64::from(count) - expected).powi(2) / expected)
        .sum();
    assert!(
        by_word.len() > 10_000 && chi < 350.0,
        "{chi} over {}",
        by_word.len()
    );
    let mut other = Vec::new();
    word_hashes(&text, &key(8), &mut other);
    let same = hashes.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert!(
        same * 50 < hashes.len(),
        "{same} hashes equal under another key"
    );
}

#[test]
fn gram_digests_spread_over_all_bits() {
    // Consecutive grams of text differ little; every output bit must still be a fair coin.
    let text = letters(100_000, 9, "etaoinshrdlu");
    let digests: BTreeSet<u64> = text.as_bytes().windows(24).map(gram::digest).collect();
    assert!(digests.len() > 99_900);
    for bit in 0..64 {
        let ones = digests
            .iter()
            .filter(|&digest| digest >> bit & 1 == 1)
            .count();
        let share = ones as f64 / digests.len() as f64;
        assert!((share - 0.5).abs() < 0.01, "bit {bit}: {share}");
    }
}

#[test]
fn golden_values_made_by_another_program() {
    // fixtures/fingerprint/golden.py computes these from the definitions in docs/fingerprint.md.
    let golden = include_str!("../../fixtures/fingerprint/golden.tsv");
    let mut lines = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = line.split_once('\t').unwrap();
        let (text, expected) = rest.split_once('\t').unwrap();
        let found = match kind {
            "order" => {
                let head = *text.as_bytes().first_chunk().unwrap();
                format!("{:08x}", gram::order(head))
            }
            "digest" => format!("{:016x}", gram::digest(text.as_bytes())),
            "positions" => {
                let grams = sketch(&normal(text), Recipe::new(8, 6).unwrap());
                let at: Vec<String> = grams.iter().map(|gram| gram.at.to_string()).collect();
                at.join(",")
            }
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(found, expected, "{kind} of {text}");
        lines += 1;
    }
    assert!(lines >= 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn fast_equals_reference_on_any_text(text in "\\PC{0,600}", k in 8_u32..40, w in 1_u32..90) {
        let recipe = Recipe::new(k, w).unwrap();
        let text = normal(&text);
        let expected = reference_sketch(&text, recipe);
        for vectors in Vectors::all() {
            prop_assert_eq!(&sketch_with(vectors, &text, recipe), &expected);
        }
    }

    #[test]
    fn fast_equals_reference_over_many_blocks(
        text in "[a-e]{900,4200}", k in 8_u32..30, w in 1_u32..700,
    ) {
        let recipe = Recipe::new(k, w).unwrap();
        let text = normal(&text);
        let expected = reference_sketch(&text, recipe);
        for vectors in Vectors::all() {
            prop_assert_eq!(&sketch_with(vectors, &text, recipe), &expected);
        }
    }

    #[test]
    fn fast_equals_reference_on_repetitive_text(text in "[ab]{1,12}", times in 1_usize..60, w in 1_u32..40) {
        let recipe = Recipe::new(8, w).unwrap();
        let text = normal(&text.repeat(times));
        let expected = reference_sketch(&text, recipe);
        for vectors in Vectors::all() {
            prop_assert_eq!(&sketch_with(vectors, &text, recipe), &expected);
        }
    }

    #[test]
    fn a_shared_run_in_any_script_is_seen(
        run in "[a-z\u{3b1}-\u{3c9}\u{4e00}-\u{4fff}\u{5d0}-\u{5ea}\u{ac00}-\u{ad00}]{80,90}",
        a in "\\PC{0,100}", b in "\\PC{0,100}", c in "\\PC{0,100}", d in "\\PC{0,100}",
    ) {
        // A space keeps marks at the start of the second part from joining the run's last letter.
        let recipe = Recipe::default();
        let first = ids(&sketch(&normal(&format!("{a} {run} x{b}")), recipe));
        let second = ids(&sketch(&normal(&format!("{c} {run} x{d}")), recipe));
        prop_assert!(!first.is_disjoint(&second));
    }
}
