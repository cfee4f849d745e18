//! Ordered alignment of two word-hash sequences.
//!
//! A registered text is stored as one keyed byte per word (0 = not evidence). Aligning the words of
//! a unit with those bytes tells how much is shared *in order*: that is what separates an edited
//! copy from another model's answer to the same prompt, which shares phrases but not their order.
//!
//! Local alignment after Smith and Waterman (1981, DOI 10.1016/0022-2836(81)90087-5) with a linear
//! gap cost, in integers: match +5, mismatch and gap −4, that is +1 and −0.8. Repeated with the
//! aligned words masked out, so that shuffled sentences add up as several blocks. [`table`] computes
//! the cells, with vectors where the machine has them. A block's beginning is found by the same pass
//! over the reversed sequences, which ends where it reaches the block's score.
//!
//! Pure: no I/O, no clock. Time `O(unit words × text words)` per block up to [`CELLS_MAX`]; beyond
//! it, runs of [`SEED_WORDS`] equal words found through a table stand in, in linear time. Memory
//! `O(unit words + text words)`.

mod table;

use std::collections::HashMap;
use std::ops::Range;

use crate::cpu::Vectors;

use table::NONE_IN_TEXT;
use table::NONE_IN_UNIT;
use table::Table;
use table::Words;

/// Score of two equal words. Chosen with [`MISS`] in the ratio 1 : 0.8, the best of the ratios
/// tried on labelled outputs in `docs/accuracy.md`.
const MATCH: u16 = 5;
/// Cost of a replaced, dropped or inserted word.
const MISS: u16 = 4;
/// The same cost, in words.
pub(crate) const MISS_WORDS: f64 = MISS as f64 / MATCH as f64;
/// Blocks below this score (four words in a row) end the search for further blocks. Chosen: equal
/// bytes of unrelated words reach it about once in 256^4 word pairs, and short sentences of a
/// shuffled answer have not many more.
const BLOCK_SCORE_MIN: u16 = 4 * MATCH;
/// Most blocks taken from one pair. Chosen: the sentences of a shuffled answer of some 300 words.
pub(crate) const BLOCKS_MAX: usize = 24;
/// Largest exact alignment, in cells. Chosen: some milliseconds. It also keeps scores within 16
/// bits: the shorter side then has at most 2,896 words.
pub(crate) const CELLS_MAX: usize = 8 << 20;
/// Length of the seeds that stand in above [`CELLS_MAX`]. Chosen: five bytes collide by chance
/// once in 10^12 word pairs.
const SEED_WORDS: usize = 5;

/// How two word sequences align. All numbers count words of the unit or of the text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Alignment {
    /// Score of the best block, in words (a perfect copy of n words scores n).
    pub best: f64,
    /// Sum over blocks, in words.
    pub total: f64,
    /// Equal words inside the blocks: exact where a block drops or inserts on one side only, a
    /// little low where it does both.
    pub matched: usize,
}

/// A run of equal words, in words of the unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// First word.
    pub start: usize,
    /// Number of words.
    pub words: usize,
}

impl Alignment {
    /// Of two equal texts of so many words, `own` of them evidence: there is nothing to look for.
    pub(crate) fn of_equals(words: usize, own: f64) -> Self {
        Self {
            best: own,
            total: own,
            matched: words,
        }
    }
}

/// Whether to look for blocks beyond the best one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// The best one only: nothing suggests that the rest is shared too.
    Best,
    /// All of them.
    All,
}

/// Marks a word of a text that is not evidence. Never equal to anything.
pub(crate) const NOT_EVIDENCE: u8 = 0;

/// Reusable buffers.
#[derive(Debug)]
pub(crate) struct Aligner {
    vectors: Vectors,
    /// Words of the unit, of those that matched [`NONE_IN_UNIT`].
    unit: Vec<u16>,
    /// Words of the text, of those that matched [`NONE_IN_TEXT`].
    text: Vec<u16>,
    table: Table,
    /// What the table is made over, the second last word first.
    rows: Words,
    columns: Words,
}

#[derive(Debug, PartialEq, Eq)]
struct Block {
    score: u16,
    unit: Range<usize>,
    text: Range<usize>,
}

/// Whether two sequences are aligned exactly, by the table.
pub(crate) fn fits_table(unit: &[u8], text: &[u8]) -> bool {
    unit.len().saturating_mul(text.len()) <= CELLS_MAX
}

impl Default for Aligner {
    fn default() -> Self {
        Self::with(Vectors::get())
    }
}

impl Aligner {
    /// An aligner that uses these instructions, or the widest that the machine has below them: the
    /// result is the same, and tests hold it so.
    pub(crate) fn with(vectors: Vectors) -> Self {
        Self {
            vectors: vectors.min(Vectors::widest()),
            unit: Vec::new(),
            text: Vec::new(),
            table: Table::default(),
            rows: Words::new(NONE_IN_UNIT),
            columns: Words::new(NONE_IN_TEXT),
        }
    }

    /// Aligns the words of a unit with those of a registered text.
    pub(crate) fn align(&mut self, unit: &[u8], text: &[u8], blocks: Blocks) -> Alignment {
        let mut out = Alignment::default();
        if !fits_table(unit, text) {
            return align_by_seeds(unit, text).0;
        }
        self.take(unit, text);
        let most = match blocks {
            Blocks::Best => 1,
            Blocks::All => BLOCKS_MAX,
        };
        for number in 0..most {
            let Some(block) = self.best_block(number == 0) else {
                break;
            };
            if number == 0 {
                out.best = f64::from(block.score) / f64::from(MATCH);
            }
            if block.score < BLOCK_SCORE_MIN {
                break;
            }
            out.total += f64::from(block.score) / f64::from(MATCH);
            out.matched += equal_words(&block);
            self.mask(&block);
        }
        out.total = out.total.max(out.best);
        out
    }

    /// The longest run of equal words, of several the first by the sum of its ends.
    pub(crate) fn longest_run(&mut self, unit: &[u8], text: &[u8]) -> Run {
        if !fits_table(unit, text) {
            return align_by_seeds(unit, text).1;
        }
        self.take(unit, text);
        self.rows.fill(self.unit.iter().copied());
        self.columns.fill(self.text.iter().rev().copied());
        let peak = self
            .table
            .longest_run(self.vectors, &self.rows, &self.columns);
        let words = usize::from(peak.value);
        Run {
            start: peak.unit_end - words,
            words,
        }
    }

    fn take(&mut self, unit: &[u8], text: &[u8]) {
        let word = |none: u16| {
            move |w: &u8| {
                if *w == NOT_EVIDENCE {
                    none
                } else {
                    u16::from(*w)
                }
            }
        };
        self.unit.clear();
        self.unit.extend(unit.iter().map(word(NONE_IN_UNIT)));
        self.text.clear();
        self.text.extend(text.iter().map(word(NONE_IN_TEXT)));
    }

    /// The best block of what has not matched yet. None, or one without its beginning, where it
    /// would be below [`BLOCK_SCORE_MIN`]; none at once where too few words are left for more,
    /// unless the score is asked for whatever it is.
    fn best_block(&mut self, whatever: bool) -> Option<Block> {
        // What has matched on both ends is no part of any block.
        let (units, unit_words) = unmatched(&self.unit, NONE_IN_UNIT);
        let (texts, text_words) = unmatched(&self.text, NONE_IN_TEXT);
        let least = if whatever { 1 } else { BLOCK_SCORE_MIN / MATCH };
        if unit_words.min(text_words) < usize::from(least) {
            return None;
        }
        let unit = self.unit.get(units.clone())?;
        let text = self.text.get(texts.clone())?;
        self.rows.fill(unit.iter().copied());
        self.columns.fill(text.iter().rev().copied());
        let peak = self
            .table
            .best(self.vectors, &self.rows, &self.columns, u16::MAX);
        let (unit, text) = (unit.get(..peak.unit_end)?, text.get(..peak.text_end)?);
        let (rows, columns) = if peak.value < BLOCK_SCORE_MIN {
            (0, 0)
        } else if let Some(words) = only_run(unit, text, peak.value) {
            (words, words)
        } else {
            // Backwards from its end the same alignment reaches the same score.
            self.rows.fill(unit.iter().rev().copied());
            self.columns.fill(text.iter().copied());
            let start = self
                .table
                .best(self.vectors, &self.rows, &self.columns, peak.value);
            (start.unit_end, start.text_end)
        };
        let block = |from: usize, end: usize, words: usize| from + end - words..from + end;
        Some(Block {
            score: peak.value,
            unit: block(units.start, peak.unit_end, rows),
            text: block(texts.start, peak.text_end, columns),
        })
    }

    fn mask(&mut self, block: &Block) {
        if let Some(used) = self.unit.get_mut(block.unit.clone()) {
            used.fill(NONE_IN_UNIT);
        }
        if let Some(used) = self.text.get_mut(block.text.clone()) {
            used.fill(NONE_IN_TEXT);
        }
    }
}

/// From the first to behind the last word that may match, and how many may.
fn unmatched(words: &[u16], none: u16) -> (Range<usize>, usize) {
    let mut places = words
        .iter()
        .enumerate()
        .filter(|(_, word)| **word != none)
        .map(|(place, _)| place);
    let Some(first) = places.next() else {
        return (0..0, 0);
    };
    let (mut last, mut count) = (first, 1);
    for place in places {
        last = place;
        count += 1;
    }
    (first..last + 1, count)
}

/// The length of the block that ends both sequences with this score, if it is nothing but equal
/// words. Run backwards, no alignment reaches the score sooner.
fn only_run(unit: &[u16], text: &[u16], score: u16) -> Option<usize> {
    let backwards = unit.iter().rev().zip(text.iter().rev());
    let words = backwards.take_while(|(one, two)| one == two).count();
    (words * usize::from(MATCH) == usize::from(score)).then_some(words)
}

/// Equal words of a block, from its score and extent: `score = 5·equal − 4·(replaced + gaps)`,
/// with no more gaps than the two lengths differ by.
fn equal_words(block: &Block) -> usize {
    let (unit, text) = (block.unit.len(), block.text.len());
    let (shorter, gaps) = (unit.min(text), unit.abs_diff(text));
    let (score, hit, miss) = (
        usize::from(block.score),
        usize::from(MATCH),
        usize::from(MISS),
    );
    ((score + miss * (shorter + gaps)) / (hit + miss)).min(shorter)
}

/// Alignment of long sequences: every word of the unit that lies in a run of at least
/// [`SEED_WORDS`] words shared with the text counts as matched. A lower bound of the exact one. And
/// the longest run.
fn align_by_seeds(unit: &[u8], text: &[u8]) -> (Alignment, Run) {
    let mut places: HashMap<&[u8], Vec<u32>> = HashMap::new();
    for (at, seed) in text.windows(SEED_WORDS).enumerate() {
        if !seed.contains(&NOT_EVIDENCE) {
            let list = places.entry(seed).or_default();
            // Chosen: a seed that stands in a text more often than this is a refrain, and any
            // sixteen of its places find the run around it.
            if list.len() < 16 {
                list.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
    }
    let mut out = Alignment::default();
    let mut run = Run::default();
    let mut covered = vec![false; text.len()];
    let mut i = 0;
    while i + SEED_WORDS <= unit.len() {
        let mut longest = 0;
        let mut longest_at = 0;
        if let Some(list) = unit
            .get(i..i + SEED_WORDS)
            .and_then(|seed| places.get(seed))
        {
            for &at in list {
                let at = at as usize;
                let rest = unit.iter().skip(i).zip(text.iter().skip(at));
                let equal = rest
                    .take_while(|(a, b)| a == b && **a != NOT_EVIDENCE)
                    .count();
                if equal > longest {
                    longest = equal;
                    longest_at = at;
                }
            }
        }
        if longest == 0 {
            i += 1;
            continue;
        }
        let fresh = covered
            .get_mut(longest_at..longest_at + longest)
            .unwrap_or(&mut []);
        let new = fresh.iter().filter(|c| !**c).count();
        fresh.fill(true);
        out.matched += new;
        out.total += new as f64;
        out.best = out.best.max(longest as f64);
        if longest > run.words {
            run = Run {
                start: i,
                words: longest,
            };
        }
        i += longest;
    }
    (out, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(n: usize, seed: u64) -> Vec<u8> {
        // A full-period generator: replayable, and no two neighbourhoods are alike.
        let mut state = seed;
        (0..n)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                u8::try_from((state >> 33) % 255 + 1).unwrap()
            })
            .collect()
    }

    fn align(unit: &[u8], text: &[u8]) -> Alignment {
        Aligner::default().align(unit, text, Blocks::All)
    }

    fn run(unit: &[u8], text: &[u8]) -> Run {
        Aligner::default().longest_run(unit, text)
    }

    #[test]
    fn a_copy_scores_its_length_wherever_it_stands() {
        let text = words(120, 1);
        for before in [0, 7, 300] {
            let unit = [words(before, 2), text.clone(), words(90, 3)].concat();
            let a = align(&unit, &text);
            assert!(a.best >= 120.0, "{before}: {a:?}");
            let (start, words) = (before, 120);
            assert_eq!(run(&unit, &text), Run { start, words });
        }
    }

    #[test]
    fn replaced_words_cost_four_fifths_of_a_word_each() {
        let text = words(100, 4);
        let mut unit = text.clone();
        for at in [20, 50, 80] {
            unit[at] = unit[at] % 255 + 1;
        }
        let a = align(&unit, &text);
        assert!((a.best - (97.0 - 3.0 * 0.8)).abs() < 1e-9, "{a:?}");
        assert_eq!(a.matched, 97);
        assert_eq!(run(&unit, &text).words, 29);
    }

    #[test]
    fn shuffled_halves_add_up_as_two_blocks() {
        let text = words(80, 5);
        let unit = [&text[40..], &text[..40]].concat();
        let a = align(&unit, &text);
        assert!((a.best - 40.0).abs() < 1.0, "{a:?}");
        assert!(a.total >= 78.0, "{a:?}");
    }

    #[test]
    fn words_that_are_not_evidence_never_match() {
        let a = align(&[0; 50], &[0; 50]);
        assert_eq!(a, Alignment::default());
        assert_eq!(run(&[0; 50], &[0; 50]), Run::default());
    }

    #[test]
    fn long_sequences_are_aligned_by_seeds_and_agree_on_a_copy() {
        let text = words(4_000, 6);
        let unit = [words(3_000, 7), text.clone()].concat();
        assert!(unit.len() * text.len() > CELLS_MAX);
        let a = align(&unit, &text);
        let start = 3_000;
        assert_eq!(
            run(&unit, &text),
            Run {
                start,
                words: 4_000
            }
        );
        assert_eq!(a.matched, 4_000);
        let none = align(&words(7_000, 8), &text);
        assert!(none.matched < 20, "{none:?}");
    }

    /// The textbook table, cell by cell.
    fn slow(unit: &[u8], text: &[u8]) -> (f64, usize) {
        let mut scores = vec![vec![0i32; text.len() + 1]; unit.len() + 1];
        let mut runs = vec![vec![0usize; text.len() + 1]; unit.len() + 1];
        let (mut best, mut longest) = (0, 0);
        for i in 1..=unit.len() {
            for j in 1..=text.len() {
                let equal = unit[i - 1] == text[j - 1] && unit[i - 1] != NOT_EVIDENCE;
                let straight = scores[i - 1][j - 1] + if equal { 5 } else { -4 };
                let aside = scores[i - 1][j].max(scores[i][j - 1]) - 4;
                scores[i][j] = straight.max(aside).max(0);
                runs[i][j] = if equal { runs[i - 1][j - 1] + 1 } else { 0 };
                best = best.max(scores[i][j]);
                longest = longest.max(runs[i][j]);
            }
        }
        (f64::from(best) / 5.0, longest)
    }

    proptest! {
        #[test]
        fn the_fast_table_equals_the_textbook(unit in prop::collection::vec(0u8..5, 0..70),
                                              text in prop::collection::vec(0u8..5, 0..70)) {
            let a = align(&unit, &text);
            let r = run(&unit, &text);
            for vectors in Vectors::all() {
                let mut aligner = Aligner::with(vectors);
                prop_assert_eq!(aligner.align(&unit, &text, Blocks::All), a);
                prop_assert_eq!(aligner.longest_run(&unit, &text), r);
            }
            let (best, longest) = slow(&unit, &text);
            prop_assert!((a.best - best).abs() < 1e-9, "{a:?} {best}");
            prop_assert_eq!(r.words, longest);
            if longest > 0 {
                let run = &unit[r.start..r.start + longest];
                prop_assert!(text.windows(longest).any(|w| w == run));
            }
        }

        #[test]
        fn a_block_reaches_its_score_from_end_to_end(
            parts in prop::collection::vec((0usize..5, 1usize..40), 1..9),
            order in prop::collection::vec((0usize..5, 1usize..40), 1..9),
        ) {
            // Stretches of a few texts, some of them changed: blocks with and without misses.
            let stretch = |&(part, length): &(usize, usize)| words(length, part as u64 / 2 * 7);
            let unit: Vec<u8> = parts.iter().flat_map(stretch).collect();
            let text: Vec<u8> = order.iter().flat_map(stretch).collect();
            let mut blocks = Vec::new();
            for vectors in Vectors::all() {
                let mut aligner = Aligner::with(vectors);
                aligner.take(&unit, &text);
                let block = aligner.best_block(true).unwrap();
                if block.score >= BLOCK_SCORE_MIN {
                    let inside = (&unit[block.unit.clone()], &text[block.text.clone()]);
                    let score = f64::from(block.score) / 5.0;
                    prop_assert!((slow(inside.0, inside.1).0 - score).abs() < 1e-9);
                    prop_assert!(slow(&inside.0[1..], inside.1).0 < score - 1e-9);
                    prop_assert!(slow(inside.0, &inside.1[1..]).0 < score - 1e-9);
                }
                blocks.push(block);
            }
            prop_assert!(blocks.iter().all(|block| *block == blocks[0]));
        }

        #[test]
        fn scores_stay_in_bounds(unit in prop::collection::vec(0u8..6, 0..80),
                                 text in prop::collection::vec(0u8..6, 0..80)) {
            let a = align(&unit, &text);
            let most = unit.len().min(text.len()) as f64;
            prop_assert!(a.best <= most && a.total <= most);
            prop_assert!(a.matched <= unit.len().min(text.len()));
            prop_assert!(run(&unit, &text).words as f64 <= most);
            prop_assert!(a.best <= a.total.max(a.best));
        }

        #[test]
        fn alignment_is_symmetric_in_its_best_score(unit in prop::collection::vec(1u8..9, 0..60),
                                                    text in prop::collection::vec(1u8..9, 0..60)) {
            prop_assert!((align(&unit, &text).best - align(&text, &unit).best).abs() < 1e-9);
        }
    }
}
