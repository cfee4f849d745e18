//! Ordered alignment of two word-hash sequences.
//!
//! A registered text is stored as one keyed byte per word (0 = not evidence). Aligning the words of
//! a unit with those bytes tells how much is shared *in order*: that is what separates an edited
//! copy from another model's answer to the same prompt, which shares phrases but not their order.
//!
//! Local alignment after Smith and Waterman (1981, DOI 10.1016/0022-2836(81)90087-5) with a linear
//! gap cost, in integers: match +5, mismatch and gap −4, that is +1 and −0.8. Repeated with the
//! aligned words masked out, so that shuffled sentences add up as several blocks. Scores are
//! computed along anti-diagonals, whose cells do not depend on each other; with AVX-512 the compiler
//! makes vectors of the inner loop, which is then six to eleven times as fast (with AVX2 and without
//! it does not). A block's beginning is found by the same pass over the reversed sequences.
//!
//! Pure: no I/O, no clock. Time `O(unit words × text words)` per block up to [`CELLS_MAX`]; beyond
//! it, runs of [`SEED_WORDS`] equal words found through a table stand in, in linear time. Memory
//! `O(unit words + text words)`.

#![expect(
    unsafe_code,
    reason = "loops compiled for wider vectors, behind a look at the processor"
)]
#![expect(
    clippy::inline_always,
    reason = "a loop is compiled for a caller's instructions only when it is part of the caller"
)]

use std::collections::HashMap;
use std::ops::Range;

use crate::cpu::Vectors;

/// Score of two equal words. Chosen with [`MISS`] in the ratio 1 : 0.8, the best of the ratios
/// tried on labelled outputs in `docs/accuracy.md`.
const MATCH: i16 = 5;
/// Cost of a replaced, dropped or inserted word.
const MISS: i16 = 4;
/// The same cost, in words.
pub(crate) const MISS_WORDS: f64 = MISS as f64 / MATCH as f64;
/// Blocks below this score (four words in a row) end the search for further blocks. Chosen: equal
/// bytes of unrelated words reach it about once in 256^4 word pairs, and short sentences of a
/// shuffled answer have not many more.
const BLOCK_SCORE_MIN: i16 = 4 * MATCH;
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
    /// First word of the unit in the longest run of equal words.
    pub run_start: usize,
    /// Length of that run in words.
    pub run_words: usize,
}

impl Alignment {
    /// Of two equal texts of so many words, `own` of them evidence: there is nothing to look for.
    pub(crate) fn of_equals(words: usize, own: f64) -> Self {
        Self {
            best: own,
            total: own,
            matched: words,
            run_start: 0,
            run_words: words,
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
/// Stands in the unit for what is not to match again; differs from every mark of the text side.
const USED_IN_UNIT: i16 = -1;
/// Stands in the text for what is not to match again.
const USED_IN_TEXT: i16 = -2;

/// Reusable buffers.
#[derive(Debug)]
pub(crate) struct Aligner {
    vectors: Vectors,
    /// Words of the unit.
    unit: Vec<i16>,
    /// Words of the text, last first: along an anti-diagonal the unit's index grows while the
    /// text's falls.
    text: Vec<i16>,
    lanes: Lanes,
}

/// Three anti-diagonals of scores and of run lengths, indexed by unit word + 1.
#[derive(Debug, Default)]
struct Lanes {
    before: Vec<i16>,
    last: Vec<i16>,
    next: Vec<i16>,
    run_before: Vec<i16>,
    run_last: Vec<i16>,
    run_next: Vec<i16>,
}

/// A cell of the table, and its value.
#[derive(Debug, Clone, Copy, Default)]
struct Peak {
    value: i16,
    /// Words of the unit up to and including the cell.
    unit_end: usize,
    /// Words of the text up to and including the cell.
    text_end: usize,
}

struct Block {
    score: i16,
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
            lanes: Lanes::default(),
        }
    }

    /// Aligns the words of a unit with those of a registered text.
    pub(crate) fn align(&mut self, unit: &[u8], text: &[u8], blocks: Blocks) -> Alignment {
        let mut out = Alignment::default();
        if unit.is_empty() || text.is_empty() {
            return out;
        }
        if !fits_table(unit, text) {
            return align_by_seeds(unit, text);
        }
        let word = |mark: i16| {
            move |w: &u8| {
                if *w == NOT_EVIDENCE {
                    mark
                } else {
                    i16::from(*w)
                }
            }
        };
        self.unit.clear();
        self.unit.extend(unit.iter().map(word(USED_IN_UNIT)));
        self.text.clear();
        self.text.extend(text.iter().rev().map(word(USED_IN_TEXT)));
        let most = match blocks {
            Blocks::Best => 1,
            Blocks::All => BLOCKS_MAX,
        };
        for number in 0..most {
            let (peak, run) = self.lanes.peaks(self.vectors, &self.unit, &self.text);
            if number == 0 {
                out.run_words = usize::try_from(run.value).unwrap_or(0);
                out.run_start = run.unit_end - out.run_words;
                out.best = f64::from(peak.value) / f64::from(MATCH);
            }
            if peak.value < BLOCK_SCORE_MIN {
                break;
            }
            let block = self.block(peak);
            out.total += f64::from(block.score) / f64::from(MATCH);
            out.matched += equal_words(&block);
            self.mask(&block);
        }
        out.total = out.total.max(out.best);
        out
    }

    /// The block that ends at a peak: its beginning is where the same alignment, run backwards
    /// from its end, reaches the same score.
    fn block(&mut self, peak: Peak) -> Block {
        let mut unit: Vec<i16> = self.unit.iter().take(peak.unit_end).copied().collect();
        unit.reverse();
        let skipped = self.text.len() - peak.text_end;
        let mut text: Vec<i16> = self.text.iter().skip(skipped).copied().collect();
        text.reverse();
        let (start, _) = self.lanes.peaks(self.vectors, &unit, &text);
        Block {
            score: peak.value,
            unit: peak.unit_end.saturating_sub(start.unit_end)..peak.unit_end,
            text: peak.text_end.saturating_sub(start.text_end)..peak.text_end,
        }
    }

    fn mask(&mut self, block: &Block) {
        if let Some(used) = self.unit.get_mut(block.unit.clone()) {
            used.fill(USED_IN_UNIT);
        }
        let words = self.text.len();
        if let Some(used) = self
            .text
            .get_mut(words - block.text.end..words - block.text.start)
        {
            used.fill(USED_IN_TEXT);
        }
    }
}

/// Equal words of a block, from its score and extent: `score = 5·equal − 4·(replaced + gaps)`,
/// with no more gaps than the two lengths differ by.
fn equal_words(block: &Block) -> usize {
    let (unit, text) = (block.unit.len(), block.text.len());
    let (shorter, gaps) = (unit.min(text), unit.abs_diff(text));
    let score = usize::try_from(block.score).unwrap_or(0);
    let (hit, miss) = (
        usize::try_from(MATCH).unwrap_or(0),
        usize::try_from(MISS).unwrap_or(0),
    );
    ((score + miss * (shorter + gaps)) / (hit + miss)).min(shorter)
}

impl Lanes {
    /// The best cell of the local alignment and the end of the longest run of equal words. `text`
    /// is given last word first.
    fn peaks(&mut self, vectors: Vectors, unit: &[i16], text: &[i16]) -> (Peak, Peak) {
        match vectors {
            // SAFETY: `Vectors` names a set only after the processor was asked for it.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => unsafe { self.peaks_avx512(unit, text) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => unsafe { self.peaks_avx2(unit, text) },
            #[cfg(not(target_arch = "x86_64"))]
            Vectors::Avx512 | Vectors::Avx2 => self.peaks_of(unit, text),
            Vectors::Portable => self.peaks_of(unit, text),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    fn peaks_avx512(&mut self, unit: &[i16], text: &[i16]) -> (Peak, Peak) {
        self.peaks_of(unit, text)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi2")]
    fn peaks_avx2(&mut self, unit: &[i16], text: &[i16]) -> (Peak, Peak) {
        self.peaks_of(unit, text)
    }

    /// One source for all instruction sets: the compiler makes vectors of the loop in `step`.
    #[inline(always)]
    fn peaks_of(&mut self, unit: &[i16], text: &[i16]) -> (Peak, Peak) {
        let (n, m) = (unit.len(), text.len());
        for lane in [
            &mut self.before,
            &mut self.last,
            &mut self.next,
            &mut self.run_before,
            &mut self.run_last,
            &mut self.run_next,
        ] {
            lane.clear();
            lane.resize(n + 1, 0);
        }
        let (mut best, mut longest) = (Peak::default(), Peak::default());
        for diagonal in 0..n + m - 1 {
            let low = (diagonal + 1).saturating_sub(m);
            let high = diagonal.min(n - 1);
            // Cell (i, j) with i + j = diagonal; the text is stored backwards, so j falls with i.
            let from = m - 1 - (diagonal - low);
            let (score, run) = self.step(unit, text, low, high, from);
            if score > best.value {
                let at = position(&self.next, low, high, score);
                best = Peak {
                    value: score,
                    unit_end: at + 1,
                    text_end: diagonal - at + 1,
                };
            }
            if run > longest.value {
                let at = position(&self.run_next, low, high, run);
                longest = Peak {
                    value: run,
                    unit_end: at + 1,
                    text_end: diagonal - at + 1,
                };
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.next);
            std::mem::swap(&mut self.run_before, &mut self.run_last);
            std::mem::swap(&mut self.run_last, &mut self.run_next);
        }
        (best, longest)
    }

    /// One anti-diagonal: cells `low..=high` of the unit against the text from `from` on. Returns
    /// the largest score and the longest run on it.
    #[inline(always)]
    fn step(
        &mut self,
        unit: &[i16],
        text: &[i16],
        low: usize,
        high: usize,
        from: usize,
    ) -> (i16, i16) {
        let count = high + 1 - low;
        let empty: &[i16] = &[];
        let words = unit.get(low..=high).unwrap_or(empty);
        let others = text.get(from..from + count).unwrap_or(empty);
        // Index i + 1 holds unit word i. A neighbour outside the table is read as 0: index 0 is never
        // written, and no lane was written beyond the unit word of its own anti-diagonal.
        let corner = self.before.get(low..=high).unwrap_or(empty);
        let up = self.last.get(low..=high).unwrap_or(empty);
        let left = self.last.get(low + 1..=high + 1).unwrap_or(empty);
        let run_corner = self.run_before.get(low..=high).unwrap_or(empty);
        let next = self.next.get_mut(low + 1..=high + 1).unwrap_or(&mut []);
        let run_next = self.run_next.get_mut(low + 1..=high + 1).unwrap_or(&mut []);
        let (mut best, mut longest) = (0i16, 0i16);
        let inputs = words
            .iter()
            .zip(others)
            .zip(corner)
            .zip(up)
            .zip(left)
            .zip(run_corner);
        for ((((((word, other), corner), up), left), run_corner), (next, run_next)) in
            inputs.zip(next.iter_mut().zip(run_next.iter_mut()))
        {
            let equal = word == other;
            let straight = corner + if equal { MATCH } else { -MISS };
            let aside = *up.max(left) - MISS;
            let score = straight.max(aside).max(0);
            let run = if equal { run_corner + 1 } else { 0 };
            *next = score;
            *run_next = run;
            best = best.max(score);
            longest = longest.max(run);
        }
        (best, longest)
    }
}

/// Where on an anti-diagonal the value stands: index of the unit word, the lowest of equals.
fn position(lane: &[i16], low: usize, high: usize, value: i16) -> usize {
    let cells = lane.get(low + 1..=high + 1).unwrap_or(&[]);
    low + cells.iter().position(|cell| *cell == value).unwrap_or(0)
}

/// Alignment of long sequences: every word of the unit that lies in a run of at least
/// [`SEED_WORDS`] words shared with the text counts as matched. A lower bound of the exact one.
fn align_by_seeds(unit: &[u8], text: &[u8]) -> Alignment {
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
                let run = rest
                    .take_while(|(a, b)| a == b && **a != NOT_EVIDENCE)
                    .count();
                if run > longest {
                    longest = run;
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
        if longest > out.run_words {
            out.run_words = longest;
            out.run_start = i;
        }
        i += longest;
    }
    out
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

    #[test]
    fn a_copy_scores_its_length_wherever_it_stands() {
        let text = words(120, 1);
        for before in [0, 7, 300] {
            let unit = [words(before, 2), text.clone(), words(90, 3)].concat();
            let a = align(&unit, &text);
            assert!(a.best >= 120.0, "{before}: {a:?}");
            assert_eq!(a.run_words, 120);
            assert_eq!(a.run_start, before);
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
        assert_eq!(a.run_words, 29);
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
    }

    #[test]
    fn long_sequences_are_aligned_by_seeds_and_agree_on_a_copy() {
        let text = words(4_000, 6);
        let unit = [words(3_000, 7), text.clone()].concat();
        assert!(unit.len() * text.len() > CELLS_MAX);
        let a = align(&unit, &text);
        assert_eq!(a.run_words, 4_000);
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
            for vectors in Vectors::all() {
                prop_assert_eq!(Aligner::with(vectors).align(&unit, &text, Blocks::All), a);
            }
            let (best, longest) = slow(&unit, &text);
            prop_assert!((a.best - best).abs() < 1e-9, "{a:?} {best}");
            prop_assert_eq!(a.run_words, longest);
            if longest > 0 {
                let run = &unit[a.run_start..a.run_start + longest];
                prop_assert!(text.windows(longest).any(|w| w == run));
            }
        }

        #[test]
        fn scores_stay_in_bounds(unit in prop::collection::vec(0u8..6, 0..80),
                                 text in prop::collection::vec(0u8..6, 0..80)) {
            let a = align(&unit, &text);
            let most = unit.len().min(text.len()) as f64;
            prop_assert!(a.best <= most && a.total <= most);
            prop_assert!(a.matched <= unit.len().min(text.len()));
            prop_assert!(a.run_words as f64 <= most);
            prop_assert!(a.best <= a.total.max(a.best));
        }

        #[test]
        fn alignment_is_symmetric_in_its_best_score(unit in prop::collection::vec(1u8..9, 0..60),
                                                    text in prop::collection::vec(1u8..9, 0..60)) {
            prop_assert!((align(&unit, &text).best - align(&text, &unit).best).abs() < 1e-9);
        }
    }
}
