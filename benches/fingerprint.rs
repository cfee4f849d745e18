//! Nanoseconds per byte of each stage from text to fingerprint, beside the slow references.
//!
//! `cargo bench --bench fingerprint`, or `cargo bench --bench fingerprint -- 5` for five times the
//! default work; `only=chinese` for one script. Texts are generated, the same on every run. Every stage's result is compared with
//! the reference's before it is timed. The best of several repetitions is printed, since other
//! work on the machine only ever slows one down.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a program that prints a table and stops at the first surprise"
)]

use herdbook::fingerprint;
use herdbook::fingerprint::ExactDigest;
use herdbook::fingerprint::FingerprintKey;
use herdbook::fingerprint::Gram;
use herdbook::fingerprint::GramSet;
use herdbook::fingerprint::Recipe;
use herdbook::fingerprint::Side;
use herdbook::fingerprint::Sketcher;
use herdbook::fingerprint::word_hashes;
use herdbook::text;
use herdbook::text::NormalText;
use herdbook::text::Normalizer;
use std::hint::black_box;
use std::time::Instant;

/// Bytes of a unit. *Measured* on a labelled set: the mean Llama output has some 1,850.
const UNIT_BYTES: usize = 1_850;

/// Units of each corpus; the whole stays in the second-level cache, as it does in a pipeline that
/// works batch by batch.
const UNITS: usize = 256;

fn main() {
    let scale: usize = std::env::args()
        .find(|arg| arg.bytes().all(|b| b.is_ascii_digit()))
        .map_or(1, |arg| arg.parse().expect("a factor of a few digits"));
    let repetitions = scale * 20;
    let only = std::env::args().find_map(|arg| arg.strip_prefix("only=").map(str::to_owned));
    let only = only.unwrap_or_default();
    let recipe = Recipe::default();
    println!(
        "recipe {}, best of {repetitions} passes over {UNITS} units",
        recipe.id()
    );
    println!("stage/variant/bytes                       ns/byte      MB/s");
    for corpus in corpora().iter().filter(|c| c.name.contains(&only)) {
        bench(corpus, recipe, repetitions);
    }
}

struct Corpus {
    name: &'static str,
    units: Vec<String>,
}

fn bench(corpus: &Corpus, recipe: Recipe, repetitions: usize) {
    let key = FingerprintKey::from_bytes(&[7; 32]).expect("a key of 32 bytes");
    let mut normalizer = Normalizer::new();
    let mut normals: Vec<NormalText> = corpus.units.iter().map(|_| NormalText::default()).collect();
    let mut sketcher = Sketcher::new(recipe, Side::Checked, key.clone());
    let mut grams: Vec<Gram> = Vec::new();
    for (unit, normal) in corpus.units.iter().zip(&mut normals) {
        normalizer
            .normalize_with_words(unit, normal)
            .expect("a short text");
        assert_eq!(normal.as_str(), text::reference::normalize(unit).stream);
        sketcher.sketch(normal, &mut grams);
        assert_eq!(
            grams,
            fingerprint::reference::sketch(normal, &recipe, Side::Checked, &key)
        );
    }
    let text_bytes: usize = corpus.units.iter().map(String::len).sum();
    let row = |stage: &str, passes: usize, mut pass: Box<dyn FnMut() + '_>| {
        let mut best = f64::INFINITY;
        for _ in 0..passes {
            let start = Instant::now();
            pass();
            best = best.min(start.elapsed().as_secs_f64());
        }
        let name = format!("{stage}/{}/{UNIT_BYTES}", corpus.name);
        let ns = best * 1e9 / text_bytes as f64;
        println!("{name:<42} {ns:>7.3} {:>9.0}", 1e3 / ns);
    };
    let mut out = NormalText::default();
    row(
        "normalize",
        repetitions,
        Box::new(|| {
            for unit in &corpus.units {
                normalizer
                    .normalize(black_box(unit), &mut out)
                    .expect("a short text");
                black_box(&out);
            }
        }),
    );
    let mut normalizer = Normalizer::new();
    let mut out = NormalText::default();
    row(
        "normalize-with-words",
        repetitions,
        Box::new(|| {
            for unit in &corpus.units {
                normalizer
                    .normalize_with_words(black_box(unit), &mut out)
                    .expect("a short text");
                black_box(&out);
            }
        }),
    );
    row(
        "sketch",
        repetitions,
        Box::new(|| {
            for normal in &normals {
                sketcher.sketch(black_box(normal), &mut grams);
                black_box(&grams);
            }
        }),
    );
    row(
        "exact",
        repetitions,
        Box::new(|| {
            for normal in &normals {
                black_box(ExactDigest::of(black_box(normal), &key));
            }
        }),
    );
    let mut hashes = Vec::new();
    row(
        "word-hashes",
        repetitions,
        Box::new(|| {
            for normal in &normals {
                word_hashes(black_box(normal), &key, &mut hashes);
                black_box(&hashes);
            }
        }),
    );
    let mut set = GramSet::default();
    row(
        "gram-set",
        repetitions,
        Box::new(|| {
            for normal in &normals {
                set.refill(black_box(normal), &recipe);
                black_box(&set);
            }
        }),
    );
    row(
        "normalize-reference",
        3,
        Box::new(|| {
            for unit in &corpus.units {
                black_box(text::reference::normalize(black_box(unit)));
            }
        }),
    );
    row(
        "sketch-reference",
        3,
        Box::new(|| {
            for normal in &normals {
                black_box(fingerprint::reference::sketch(
                    black_box(normal),
                    &recipe,
                    Side::Checked,
                    &key,
                ));
            }
        }),
    );
}

/// How a script is written.
struct Script {
    name: &'static str,
    letters: String,
    /// Most letters of a word.
    word: usize,
    /// What stands between words.
    between: &'static [&'static str],
}

const SPACED: &[&str] = &[" ", " ", " ", " ", " ", " ", ", ", ". ", "\n\n"];

/// Generated texts: words with the letter and length statistics of English, the same with one
/// accented letter in some sixty, with typographic quotes and dashes, with symbols; other scripts,
/// with their punctuation; and source code with escapes.
fn corpora() -> Vec<Corpus> {
    let english = "etaoinshrdlucmfwypvbgkjqxzetaoinshrdlueatonriseatone";
    let accented = format!("{english}\u{e9}");
    let vietnamese = "nhcgtimàáạảãâầấậẩẫăđèéẹêềếệìíịòóọôồốộơờớợùúụưừứựỳýỵntho";
    let russian = "оеаинтсрвлкмдпуяыьгзбчйхоеаинтсрвлкмдпуяыьОПСВМ";
    let devanagari = "कार्यनेिलसंग";
    let arabic = "ابتثجحخدذرزسشصضطظعغفقكلمنهوىيلالا";
    let hangul: String = ('\u{ac00}'..'\u{b400}').step_by(7).collect();
    let han: String = ('\u{4e00}'..'\u{9000}').step_by(5).collect();
    let kana = "あいうえおかがきぎくけげこごさしじすせそただちつてでとなにのはばひへほまみむめもやよらりるれろわをんアイウエオカキクケコサシスタチツテトナニノハフホマミムメモヤユヨラリルレロワンー日本語人時間東京大学会社";
    let code = "etaoinshrdlucm_(){}=<>&;.\\etaoinsetaoins";
    let script = |name, letters: &str, word, between| Script {
        name,
        letters: letters.to_owned(),
        word,
        between,
    };
    let quotes = &[
        " ",
        " ",
        " ",
        " ",
        " ",
        " ",
        " ",
        ", ",
        "\u{2019}s ",
        " \u{2013} ",
        " \u{201c}",
        "\u{201d} ",
    ];
    let symbols = &[
        " ",
        " ",
        " ",
        " ",
        " \u{1f600} ",
        "\n\u{2022} ",
        " \u{2192} ",
    ];
    let chinese = &["，", "。", "、", "\n\n", "“", "”", "：", " "];
    let scripts = [
        script("english", english, 9, SPACED),
        script("accented", &accented, 9, SPACED),
        script("quotes", english, 9, quotes),
        script("symbols", english, 9, symbols),
        script("vietnamese", vietnamese, 6, SPACED),
        script("russian", russian, 9, SPACED),
        script("arabic", arabic, 7, SPACED),
        script("hindi", devanagari, 9, SPACED),
        script("korean", &hangul, 5, SPACED),
        script("chinese", &han, 20, chinese),
        script("japanese", kana, 20, chinese),
        script("code", code, 9, SPACED),
    ];
    let corpus = |script: &Script| Corpus {
        name: script.name,
        units: units(script),
    };
    scripts.iter().map(corpus).collect()
}

fn units(script: &Script) -> Vec<String> {
    let alphabet: Vec<char> = script.letters.chars().collect();
    // Knuth's MMIX generator.
    let mut state = 1_u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % bound
    };
    (0..UNITS)
        .map(|_| {
            let mut unit = String::new();
            while unit.len() < UNIT_BYTES {
                for _ in 0..=below(script.word - 1) {
                    unit.extend(alphabet.get(below(alphabet.len())));
                }
                unit.push_str(script.between[below(script.between.len())]);
            }
            unit
        })
        .collect()
}
