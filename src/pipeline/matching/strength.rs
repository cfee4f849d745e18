//! From measured features to one number: how strong a match is.
//!
//! `strength = (S·s² + W·w² + ½·T·t²) · √u`, where
//! - `S` is the score of the best aligned block in words, `T` the sum over blocks, `W` the letters
//!   that the shared grams stand for, weighed by rarity (10 for 29 letters of grams seen in one
//!   text, less for commoner ones);
//! - `s`, `t`, `w` are the larger of two shares, of the registered output and of the unit, that
//!   `S`, `T` and `W` make up;
//! - `u` is how much of the shared grams is this text's alone: the mean of `1/df`.
//!
//! The share enters squared because a long answer to the same prompt shares many words but a small
//! part of itself, while a short clipping of a registered output is wholly that output. The three
//! terms see different things: order (`S`), order block by block (`T`, shuffled sentences), and
//! letters whatever the word boundaries (`W`, code and stripped punctuation). What many registered
//! texts say alike is what another model says too: that is what `u` takes off. The form was chosen
//! on labelled outputs; `docs/decisions/0006` has the alternatives, `docs/accuracy.md` the figures
//! and the command.

use crate::model::Tier;

/// What was measured between one unit and one registered text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Features {
    /// Score of the best block, in words.
    pub best: f64,
    /// Sum of block scores, in words.
    pub total: f64,
    /// Summed rarity of the distinct grams shared.
    pub shared_rarity: f64,
    /// Number of distinct grams shared.
    pub shared_grams: f64,
    /// Sum of one over the number of registered texts that hold each of them.
    pub shared_alone: f64,
    /// Letters that one gram of the registered output stands for, in bytes.
    pub gram_letters: f64,
    /// Words of the unit.
    pub unit_words: f64,
    /// Letters of the unit, in bytes.
    pub unit_letters: f64,
    /// Mean rarity of the unit's grams.
    pub unit_rarity: f64,
    /// Words of the registered output, its prompt's words left out.
    pub text_words: f64,
    /// Grams of the registered output, its prompt's grams left out.
    pub text_grams: f64,
}

/// Rarity of a gram seen in one registered text. Chosen: the scale on which the thresholds are
/// expressed.
pub(crate) const RAREST: f64 = 10.0;

/// Index size, in texts, below which rarity is judged as if the index were this large. Chosen: in
/// a small index two texts that share a gram say nothing about how common the gram is elsewhere.
const TEXTS_MIN: f64 = 10_000.0;

/// Rarity of a gram that stands in `df` of `texts` registered texts: 10 for one, falling with the
/// logarithm of `df` to 0 when it stands in all.
pub(crate) fn rarity(df: u64, texts: u64) -> f64 {
    let texts = (texts as f64).max(TEXTS_MIN);
    (RAREST * (1.0 - (df.max(1) as f64).ln() / texts.ln())).max(0.0)
}

pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).min(1.0)
    } else {
        0.0
    }
}

/// Letters that one gram of a long text stands for under the default recipe: `(w + 1) / 2`. Chosen:
/// the scale on which the thresholds are expressed.
const LETTERS: f64 = 29.0;

/// Grams, of 0.5 texts' own share, that every match is taken to have besides: with one or two grams
/// shared, how many texts hold them says little. Chosen on labelled outputs.
const PRIOR_GRAMS: f64 = 0.4;
const PRIOR_ALONE: f64 = 0.2;

/// Least uniqueness. Chosen: an output of which a hundred variants are registered is still an
/// output, and a whole copy of fifty words stays a finding.
const ALONE_MIN: f64 = 0.05;

/// Strength of the match; 0 and up, roughly the number of words copied when everything is copied,
/// plus the rarity of what was copied.
pub(crate) fn strength(f: &Features) -> f64 {
    let s = share(f.best, f.text_words).max(share(f.best, f.unit_words));
    let t = share(f.total, f.text_words).max(share(f.total, f.unit_words));
    let shared = f.shared_rarity * f.gram_letters;
    let unit = (f.unit_rarity * f.unit_letters).max(RAREST * f.gram_letters);
    let w = share(f.shared_grams, f.text_grams).max(share(shared, unit));
    let alone = (f.shared_alone + PRIOR_ALONE) / (f.shared_grams + PRIOR_GRAMS);
    let sum = f.best * s * s + shared / LETTERS * w * w + 0.5 * f.total * t * t;
    sum * alone.clamp(ALONE_MIN, 1.0).sqrt()
}

/// Share of the smaller side that a run must make up to be called contained. Chosen: half.
const CONTAINED_SHARE: f64 = 0.5;
/// Length of the run that makes a part of an output contained. Chosen: 50 words, the length at
/// which 0.3 % of other models' answers still share a run with a registered output.
const CONTAINED_RUN_WORDS: usize = 50;

/// Names the relation. The level follows the strength, not this name.
pub(crate) fn tier(
    exact: bool,
    run_words: usize,
    matched: f64,
    unit_words: f64,
    text_words: f64,
) -> Tier {
    if exact {
        return Tier::Exact;
    }
    let run = run_words as f64;
    let whole = share(run, unit_words).max(share(run, text_words)) >= CONTAINED_SHARE;
    let mostly = share(matched, unit_words).max(share(matched, text_words)) >= 0.9;
    if whole || run_words >= CONTAINED_RUN_WORDS || (mostly && run_words >= 8) {
        Tier::Contained
    } else {
        Tier::Near
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn copy_of(words: f64) -> Features {
        Features {
            best: words,
            total: words,
            shared_rarity: words * 2.0,
            shared_grams: words / 5.0,
            shared_alone: words / 5.0,
            gram_letters: LETTERS,
            unit_words: words,
            unit_letters: words / 5.0 * LETTERS,
            unit_rarity: RAREST,
            text_words: words,
            text_grams: words / 5.0,
        }
    }

    #[test]
    fn a_full_copy_is_as_strong_as_it_is_long() {
        // All grams are its own, but for the prior: 20.2 of 20.4.
        let whole = (100.0 + 200.0 + 50.0) * (20.2_f64 / 20.4).sqrt();
        assert!((strength(&copy_of(100.0)) - whole).abs() < 1e-9);
        assert!(strength(&copy_of(10.0)) < strength(&copy_of(11.0)));
    }

    #[test]
    fn a_part_of_both_counts_far_less_than_the_whole_of_one() {
        let clipping = Features {
            text_words: 400.0,
            text_grams: 80.0,
            ..copy_of(100.0)
        };
        let overlap = Features {
            unit_words: 400.0,
            unit_letters: 80.0 * LETTERS,
            ..clipping
        };
        assert!((strength(&clipping) - strength(&copy_of(100.0))).abs() < 1e-9);
        assert!((strength(&overlap) - strength(&clipping) / 16.0).abs() < 1e-9);
    }

    #[test]
    fn what_many_texts_hold_counts_less_but_never_nothing() {
        let copies = |others: f64| {
            let copy = copy_of(100.0);
            strength(&Features {
                shared_alone: copy.shared_grams / (1.0 + others),
                ..copy
            })
        };
        // A quarter of the uniqueness, but for the prior, is half of the strength.
        assert!((copies(3.0) / copies(0.0) - 0.5).abs() < 0.01);
        assert!(copies(9.0) < copies(3.0));
        assert!((copies(1e3) - copies(1e6)).abs() < 1e-9);
        assert!(copies(1e6) > 0.2 * copies(0.0));
    }

    #[test]
    fn narrow_windows_make_more_grams_and_not_more_strength() {
        let wide = copy_of(60.0);
        let narrow = Features {
            shared_rarity: wide.shared_rarity * 4.0,
            shared_grams: wide.shared_grams * 4.0,
            shared_alone: wide.shared_alone * 4.0,
            gram_letters: LETTERS / 4.0,
            text_grams: wide.text_grams * 4.0,
            ..wide
        };
        assert!((strength(&narrow) / strength(&wide) - 1.0).abs() < 0.01);
    }

    #[test]
    fn rarity_falls_from_ten_to_nothing() {
        assert!((rarity(1, 1_000_000) - 10.0).abs() < 1e-12);
        assert!((rarity(1_000, 1_000_000) - 5.0).abs() < 1e-9);
        assert!(rarity(1_000_000, 1_000_000).abs() < 1e-9);
        assert!(
            rarity(2, 3) > 9.0,
            "a small index does not make a gram common"
        );
    }

    #[test]
    fn tiers_follow_contiguity() {
        assert_eq!(tier(true, 1, 1.0, 1.0, 1.0), Tier::Exact);
        assert_eq!(tier(false, 60, 60.0, 900.0, 300.0), Tier::Contained);
        assert_eq!(tier(false, 20, 20.0, 30.0, 300.0), Tier::Contained);
        assert_eq!(tier(false, 9, 290.0, 900.0, 300.0), Tier::Contained);
        assert_eq!(tier(false, 9, 150.0, 300.0, 300.0), Tier::Near);
    }

    proptest! {
        #[test]
        fn more_in_common_is_never_weaker(best in 0.0..300.0f64, more in 0.0..50.0f64,
                                          words in 1.0..500.0f64, grams in 1.0..100.0f64) {
            let f = Features { best, total: best, shared_rarity: best, shared_grams: 1.0,
                shared_alone: 1.0, gram_letters: LETTERS, unit_words: words,
                unit_letters: 5.0 * words, unit_rarity: RAREST, text_words: words,
                text_grams: grams };
            let g = Features { best: best + more, total: best + more,
                shared_rarity: best + more, ..f };
            prop_assert!(strength(&g) >= strength(&f));
        }
    }
}
