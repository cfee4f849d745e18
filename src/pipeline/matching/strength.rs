//! From measured features to one number: how strong a match is.
//!
//! `strength = S·s² + W·w² + ½·T·t²`, where
//! - `S` is the score of the best aligned block in words, `T` the sum over blocks, `W` the summed
//!   rarity of the shared grams (10 for a gram seen in one text, less for commoner ones);
//! - `s`, `t`, `w` are the larger of two shares, of the registered output and of the unit, that
//!   `S`, `T` and `W` make up.
//!
//! The share enters squared because a long answer to the same prompt shares many words but a small
//! part of itself, while a short clipping of a registered output is wholly that output. The three
//! terms see different things: order (`S`), order block by block (`T`, shuffled sentences), and
//! letters whatever the word boundaries (`W`, code and stripped punctuation). The form was chosen
//! among ten on labelled outputs; `docs/accuracy.md` has the figures and the command.

use crate::model::Tier;

/// What was measured between one unit and one registered text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Features {
    /// Score of the best block, in words.
    pub best: f64,
    /// Sum of block scores, in words.
    pub total: f64,
    /// Summed rarity of the shared grams.
    pub shared_rarity: f64,
    /// Number of shared grams.
    pub shared_grams: f64,
    /// Words of the unit.
    pub unit_words: f64,
    /// Summed rarity of the unit's grams.
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

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).min(1.0)
    } else {
        0.0
    }
}

/// Strength of the match; 0 and up, roughly the number of words copied when everything is copied,
/// plus the rarity of what was copied.
pub(crate) fn strength(f: &Features) -> f64 {
    let s = share(f.best, f.text_words).max(share(f.best, f.unit_words));
    let t = share(f.total, f.text_words).max(share(f.total, f.unit_words));
    let w = share(f.shared_grams, f.text_grams).max(share(f.shared_rarity, f.unit_rarity));
    f.best * s * s + f.shared_rarity * w * w + 0.5 * f.total * t * t
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
            unit_words: words,
            unit_rarity: words * 2.0,
            text_words: words,
            text_grams: words / 5.0,
        }
    }

    #[test]
    fn a_full_copy_is_as_strong_as_it_is_long() {
        assert!((strength(&copy_of(100.0)) - (100.0 + 200.0 + 50.0)).abs() < 1e-9);
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
            unit_rarity: 800.0,
            ..clipping
        };
        assert!((strength(&clipping) - strength(&copy_of(100.0))).abs() < 1e-9);
        assert!((strength(&overlap) - strength(&clipping) / 16.0).abs() < 1e-9);
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
                unit_words: words, unit_rarity: 500.0, text_words: words, text_grams: grams };
            let g = Features { best: best + more, total: best + more,
                shared_rarity: best + more, ..f };
            prop_assert!(strength(&g) >= strength(&f));
        }
    }
}
