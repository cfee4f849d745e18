//! Golden values in many scripts, computed by `fixtures/text/golden.py` from the definitions and
//! Python's own Unicode tables.

use super::NormalText;
use super::Normalizer;
use unicode_normalization::UnicodeNormalization;

struct Sample {
    name: &'static str,
    text: &'static str,
    words: Vec<&'static str>,
}

fn samples() -> Vec<Sample> {
    include_str!("../../fixtures/text/golden.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Sample {
                name: fields[0],
                text: fields[1],
                words: fields[2].split('|').collect(),
            }
        })
        .collect()
}

fn normal(text: &str) -> NormalText {
    let mut out = NormalText::default();
    Normalizer::new()
        .normalize_with_words(text, &mut out)
        .unwrap();
    out
}

#[test]
fn every_sample_has_the_golden_stream_and_words() {
    assert!(samples().len() >= 26);
    for sample in samples() {
        let found = normal(sample.text);
        let words: Vec<&str> = found
            .words()
            .map(|word| std::str::from_utf8(word).unwrap())
            .collect();
        assert_eq!(words, sample.words, "{}", sample.name);
        assert_eq!(found.as_str(), sample.words.concat(), "{}", sample.name);
    }
}

#[test]
fn the_unicode_form_of_a_sample_does_not_matter() {
    for Sample { name, text, words } in samples() {
        let expected = words.concat();
        let variants: [String; 6] = [
            text.nfc().collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
            text.to_uppercase(),
            text.to_lowercase(),
        ];
        for variant in variants {
            assert_eq!(normal(&variant).as_str(), expected, "{name}: {variant}");
        }
    }
}

#[test]
fn spacing_and_punctuation_between_the_letters_of_a_sample_do_not_matter() {
    for Sample { name, text, words } in samples() {
        // Between composed characters, as a reader would space them out; the leading letter keeps
        // a detached mark from meeting nothing.
        for between in [" ", "**", "\n> ", ", "] {
            let spaced: String = text
                .nfc()
                .flat_map(|c| [c.to_string(), between.to_owned()])
                .collect();
            assert_eq!(normal(&spaced).as_str(), words.concat(), "{name}: {spaced}");
        }
    }
}
