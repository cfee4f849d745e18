//! The table of a local alignment, one anti-diagonal after the other.
//!
//! The cells of an anti-diagonal do not depend on each other, so a vector holds as many of them as
//! it has lanes. There are no tails: a vector may reach over the end of a diagonal, into cells
//! outside the table, whose words equal nothing. Above and to the left of the table they come to 0,
//! which is what the table reads there; below it (beyond the unit's last word) they come to less
//! than a cell of the table before them, and no cell of the table reads them.
//!
//! Pure: no I/O, no clock.

#[cfg(target_arch = "x86_64")]
mod wide;

use super::MATCH;
use super::MISS;
use crate::cpu::Vectors;

/// Words behind the end of a sequence that a vector may read.
const PADDING: usize = 32;
/// Stands behind the unit and where its words are not to match; equal to nothing in a text.
pub(super) const NONE_IN_UNIT: u16 = 0x100;
/// The same in a text.
pub(super) const NONE_IN_TEXT: u16 = 0x101;

/// A sequence of words with what a vector may read behind it.
#[derive(Debug)]
pub(super) struct Words {
    /// The words and the padding.
    padded: Vec<u16>,
    padding: u16,
}

impl Words {
    /// None yet. `padding`: what to put behind them.
    pub(super) fn new(padding: u16) -> Self {
        Self {
            padded: vec![padding; PADDING],
            padding,
        }
    }

    /// These words instead.
    pub(super) fn fill(&mut self, words: impl Iterator<Item = u16>) {
        self.padded.clear();
        self.padded.extend(words);
        let end = self.padded.len() + PADDING;
        self.padded.resize(end, self.padding);
    }

    pub(super) fn len(&self) -> usize {
        self.padded.len() - PADDING
    }
}

/// A cell of the table, and its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Peak {
    pub(super) value: u16,
    /// Words of the unit up to and including the cell.
    pub(super) unit_end: usize,
    /// Words of the text up to and including the cell.
    pub(super) text_end: usize,
}

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// The best score of an alignment that ends there.
    Score,
    /// How many words are equal in a row up to there.
    Run,
}

/// One anti-diagonal to be computed. Index `i + 1` of a lane holds unit word `i`.
struct Diagonal<'l> {
    unit: &'l [u16],
    /// Last word first: along a diagonal the unit's index grows while the text's falls.
    text: &'l [u16],
    before: &'l [u16],
    last: &'l [u16],
    next: &'l mut [u16],
    /// First cell, by unit word.
    low: usize,
    /// Number of cells.
    count: usize,
    /// Word of `text` at the first cell.
    from: usize,
}

/// Three anti-diagonals, reused.
#[derive(Debug, Default)]
pub(super) struct Table {
    before: Vec<u16>,
    last: Vec<u16>,
    next: Vec<u16>,
}

impl Table {
    /// The best cell of the local alignment, of several the first by anti-diagonal, then by unit
    /// word. `text` is given last word first. No cell may have more than `most`: the first that has
    /// it ends the search.
    pub(super) fn best(&mut self, vectors: Vectors, unit: &Words, text: &Words, most: u16) -> Peak {
        self.peak(vectors, Cell::Score, unit, text, most)
    }

    /// The end of the longest run of equal words, chosen likewise.
    pub(super) fn longest_run(&mut self, vectors: Vectors, unit: &Words, text: &Words) -> Peak {
        self.peak(vectors, Cell::Run, unit, text, u16::MAX)
    }

    fn peak(
        &mut self,
        vectors: Vectors,
        cell: Cell,
        unit: &Words,
        text: &Words,
        most: u16,
    ) -> Peak {
        let (n, m) = (unit.len(), text.len());
        let mut best = Peak::default();
        if n == 0 || m == 0 {
            return best;
        }
        for lane in [&mut self.before, &mut self.last, &mut self.next] {
            lane.clear();
            lane.resize(n + 1 + PADDING, 0);
        }
        for number in 0..n + m - 1 {
            let low = (number + 1).saturating_sub(m);
            let mut diagonal = Diagonal {
                unit: &unit.padded,
                text: &text.padded,
                before: &self.before,
                last: &self.last,
                next: &mut self.next,
                low,
                count: number.min(n - 1) + 1 - low,
                // Cell (i, j) with i + j = number; the text is stored backwards, so j falls with i.
                from: m - 1 - (number - low),
            };
            if let Some((value, at)) = diagonal.step(vectors, cell, best.value) {
                best = Peak {
                    value,
                    unit_end: at + 1,
                    text_end: number - at + 1,
                };
                if value >= most {
                    break;
                }
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.next);
        }
        best
    }
}

impl Diagonal<'_> {
    /// Computes the cells. The largest value and the first unit word that has it, if it is above
    /// `best`.
    fn step(&mut self, vectors: Vectors, cell: Cell, best: u16) -> Option<(u16, usize)> {
        match (vectors, cell) {
            #[cfg(target_arch = "x86_64")]
            (Vectors::Avx512 | Vectors::Avx2, _) => wide::step(self, vectors, cell, best),
            (_, Cell::Score) => self.scores(best),
            (_, Cell::Run) => self.runs(best),
        }
    }

    /// Whether every vector of so many lanes that begins in the diagonal lies within the buffers.
    fn fits(&self, lanes: usize) -> bool {
        // The last vector begins in the last cell at the latest, and a neighbour is one further.
        let reach = self.low + self.count + lanes;
        self.count > 0
            && reach <= self.unit.len()
            && self.from + self.count + lanes <= self.text.len()
            && reach <= self.before.len()
            && reach <= self.last.len()
            && reach <= self.next.len()
    }

    fn scores(&mut self, best: u16) -> Option<(u16, usize)> {
        let (low, end) = (self.low, self.low + self.count);
        let words = self.unit.get(low..end)?;
        let others = self.text.get(self.from..self.from + self.count)?;
        let corner = self.before.get(low..end)?;
        let up = self.last.get(low..end)?;
        let left = self.last.get(low + 1..=end)?;
        let next = self.next.get_mut(low + 1..=end)?;
        let mut most = 0;
        let inputs = words.iter().zip(others).zip(corner).zip(up).zip(left);
        for (((((word, other), corner), up), left), next) in inputs.zip(next) {
            let gain = if word == other { MATCH + MISS } else { 0 };
            let straight = (corner + gain).saturating_sub(MISS);
            *next = straight.max((*up.max(left)).saturating_sub(MISS));
            most = most.max(*next);
        }
        self.above(most, best)
    }

    fn runs(&mut self, best: u16) -> Option<(u16, usize)> {
        let (low, end) = (self.low, self.low + self.count);
        let words = self.unit.get(low..end)?;
        let others = self.text.get(self.from..self.from + self.count)?;
        let corner = self.before.get(low..end)?;
        let next = self.next.get_mut(low + 1..=end)?;
        let mut most = 0;
        for (((word, other), corner), next) in words.iter().zip(others).zip(corner).zip(next) {
            *next = if word == other { corner + 1 } else { 0 };
            most = most.max(*next);
        }
        self.above(most, best)
    }

    fn above(&self, most: u16, best: u16) -> Option<(u16, usize)> {
        if most <= best {
            return None;
        }
        let cells = self.next.get(self.low + 1..)?;
        let at = cells.iter().position(|cell| *cell == most)?;
        Some((most, self.low + at))
    }
}
