//! Which positions winnowing selects: a walk for every machine, and whole blocks at once where the
//! processor has wide vectors. Both give the same positions.

#[cfg(target_arch = "x86_64")]
mod blocks;

use super::gram;
use super::gram::ORDER_BYTES;
use crate::cpu::Vectors;

/// Finds window minima; keeps its buffers from one text to the next.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    vectors: Vectors,
    /// The least rank from each place of a stretch of positions to the stretch's end.
    tails: Vec<u64>,
    #[cfg(target_arch = "x86_64")]
    blocks: blocks::Buffers,
}

impl Selector {
    pub(super) fn new(vectors: Vectors) -> Self {
        Self {
            vectors,
            tails: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            blocks: blocks::Buffers::default(),
        }
    }

    /// Fills `selected` with the positions of the minima of windows of `window` positions, ascending
    /// and unique.
    pub(super) fn select(
        &mut self,
        bytes: &[u8],
        gram_bytes: usize,
        window: usize,
        selected: &mut Vec<u32>,
    ) {
        selected.clear();
        let Some(positions) = (bytes.len() + 1).checked_sub(gram_bytes) else {
            return;
        };
        if positions == 0 {
            return;
        }
        let window = window.min(positions);
        // The bytes that order values are read from: one value per position.
        let bytes = bytes.get(..positions + ORDER_BYTES - 1).unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        if self.vectors >= Vectors::Avx2 && window <= blocks::WINDOW_MAX {
            self.blocks.select(self.vectors, bytes, window, selected);
            return;
        }
        walk(bytes, window, &mut self.tails, selected);
    }
}

/// Position after position.
///
/// The least rank of the window is known from one position to the next, unless it leaves the
/// window. Then the least of what is left is looked up: `tails` holds, for a stretch of `w`
/// positions, the least from each place to the stretch's end, and `head` the least of all
/// positions after that stretch. When the window has left the stretch behind, the window
/// itself becomes the stretch. That happens at most once in `w` positions, so that every
/// position costs a constant number of steps whatever the text.
fn walk(bytes: &[u8], window: usize, tails: &mut Vec<u64>, selected: &mut Vec<u32>) {
    let mut stretch = 0;
    let mut least = fill_tails(bytes, stretch, window, tails);
    let mut head = u64::MAX;
    selected.push(position(least));
    let entering = ranks(bytes, window);
    for (start, rank) in (1..).zip(entering) {
        head = head.min(rank);
        if rank < least {
            least = rank;
        } else if (position(least) as usize) < start {
            if start < stretch + window {
                let tail = tails.get(start - stretch).copied();
                least = head.min(tail.unwrap_or(u64::MAX));
            } else {
                stretch = start;
                head = u64::MAX;
                least = fill_tails(bytes, stretch, window, tails);
            }
        } else {
            continue;
        }
        selected.push(position(least));
    }
}

/// The ranks of all positions from `from` on. A rank has the order value above and the position
/// below, so that the least rank is the least order value, leftmost among equals.
#[inline]
fn ranks(bytes: &[u8], from: usize) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
    let tail = bytes.get(from..).unwrap_or_default();
    tail.windows(ORDER_BYTES)
        .enumerate()
        .map(move |(at, head)| {
            let head = head.first_chunk().copied().unwrap_or_default();
            // Fits: a normal form has fewer than 2^32 bytes.
            (u64::from(gram::order(head)) << 32) | (from + at) as u64
        })
}

/// Replaces `tails` by the least rank from each of `len` positions to the last of them; returns
/// the least of all.
fn fill_tails(bytes: &[u8], start: usize, len: usize, tails: &mut Vec<u64>) -> u64 {
    tails.resize(len, u64::MAX);
    let stretch = bytes
        .get(..start + len + ORDER_BYTES - 1)
        .unwrap_or_default();
    let mut least = u64::MAX;
    for (tail, rank) in tails.iter_mut().rev().zip(ranks(stretch, start).rev()) {
        least = least.min(rank);
        *tail = least;
    }
    least
}

/// The position in a rank.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is the position"
)]
fn position(rank: u64) -> u32 {
    rank as u32
}
