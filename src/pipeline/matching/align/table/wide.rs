//! The cells of an anti-diagonal with vectors: one source for each width of register.

#![expect(
    unsafe_code,
    reason = "loads and stores through pointers, behind a look at the processor and at the buffers"
)]
#![cfg_attr(
    not(test),
    expect(
        clippy::wildcard_imports,
        reason = "the names of instructions are all prefixed; tests are not looked at"
    )
)]

use std::arch::x86_64::*;

use super::super::MATCH;
use super::super::MISS;
use super::Cell;
use super::Diagonal;
use crate::cpu::Vectors;

/// See `Diagonal::step`.
pub(super) fn step(
    diagonal: &mut Diagonal<'_>,
    vectors: Vectors,
    cell: Cell,
    best: u16,
) -> Option<(u16, usize)> {
    match (vectors, cell) {
        // SAFETY: `Vectors` names a set only after the processor was asked for it.
        (Vectors::Avx512, Cell::Score) => unsafe { diagonal.scores_avx512(best) },
        // SAFETY: as above.
        (Vectors::Avx512, Cell::Run) => unsafe { diagonal.runs_avx512(best) },
        // SAFETY: as above.
        (Vectors::Avx2, Cell::Score) => unsafe { diagonal.scores_avx2(best) },
        // SAFETY: as above.
        (Vectors::Avx2, Cell::Run) => unsafe { diagonal.runs_avx2(best) },
        (Vectors::Portable, Cell::Score) => diagonal.scores(best),
        (Vectors::Portable, Cell::Run) => diagonal.runs(best),
    }
}

/// The same for one set of instructions.
macro_rules! vectors {
    ($scores:ident, $runs:ident, $above:ident, $features:literal, $lanes:literal, $vector:ty,
     $load:ident, $store:ident, $all:ident, $add:ident, $less:ident, $max:ident, $where_equal:ident,
     $any_above:ident, $which_equal:ident) => {
        impl Diagonal<'_> {
            #[target_feature(enable = $features)]
            fn $scores(&mut self, best: u16) -> Option<(u16, usize)> {
                if !self.fits($lanes) {
                    return self.scores(best);
                }
                let (gain, miss) = ($all((MATCH + MISS).cast_signed()), $all(MISS.cast_signed()));
                let mut most = $all(0);
                for at in (0..self.count).step_by($lanes) {
                    let load = |from: &[u16], at: usize| {
                        // SAFETY: `fits` has looked at the length of every buffer.
                        unsafe { $load(from.as_ptr().add(at).cast()) }
                    };
                    let cell = self.low + at;
                    let gain =
                        $where_equal(load(self.unit, cell), load(self.text, self.from + at), gain);
                    let straight = $less($add(load(self.before, cell), gain), miss);
                    let aside = $max(load(self.last, cell), load(self.last, cell + 1));
                    let score = $max(straight, $less(aside, miss));
                    // SAFETY: as above.
                    unsafe { $store(self.next.as_mut_ptr().add(cell + 1).cast(), score) };
                    most = $max(most, score);
                }
                self.$above(most, best)
            }

            #[target_feature(enable = $features)]
            fn $runs(&mut self, best: u16) -> Option<(u16, usize)> {
                if !self.fits($lanes) {
                    return self.runs(best);
                }
                let mut most = $all(0);
                for at in (0..self.count).step_by($lanes) {
                    let load = |from: &[u16], at: usize| {
                        // SAFETY: `fits` has looked at the length of every buffer.
                        unsafe { $load(from.as_ptr().add(at).cast()) }
                    };
                    let cell = self.low + at;
                    let longer = $add(load(self.before, cell), $all(1));
                    let run = $where_equal(
                        load(self.unit, cell),
                        load(self.text, self.from + at),
                        longer,
                    );
                    // SAFETY: as above.
                    unsafe { $store(self.next.as_mut_ptr().add(cell + 1).cast(), run) };
                    most = $max(most, run);
                }
                self.$above(most, best)
            }

            /// As `above`, of the largest value of each lane. Cells outside the table are never
            /// above `best`.
            #[target_feature(enable = $features)]
            fn $above(&self, most: $vector, best: u16) -> Option<(u16, usize)> {
                if !$any_above(most, $all(best.cast_signed())) {
                    return None;
                }
                let mut lanes = [0_u16; $lanes];
                // SAFETY: the array has as many lanes as the vector.
                unsafe { $store(lanes.as_mut_ptr().cast(), most) };
                let value = lanes.into_iter().max()?;
                for at in (0..self.count).step_by($lanes) {
                    let cells = self
                        .next
                        .get(self.low + 1 + at..self.low + 1 + at + $lanes)?;
                    // SAFETY: the slice has as many values as the vector.
                    let cells = unsafe { $load(cells.as_ptr().cast()) };
                    if let Some(lane) = $which_equal(cells, $all(value.cast_signed())) {
                        return Some((value, self.low + at + lane));
                    }
                }
                None
            }
        }
    };
}

vectors!(
    scores_avx512,
    runs_avx512,
    above_avx512,
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2",
    32,
    __m512i,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_set1_epi16,
    _mm512_add_epi16,
    _mm512_subs_epu16,
    _mm512_max_epi16,
    where_equal_avx512,
    any_above_avx512,
    which_equal_avx512
);

vectors!(
    scores_avx2,
    runs_avx2,
    above_avx2,
    "avx2,bmi2",
    16,
    __m256i,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_set1_epi16,
    _mm256_add_epi16,
    _mm256_subs_epu16,
    _mm256_max_epi16,
    where_equal_avx2,
    any_above_avx2,
    which_equal_avx2
);

/// The third where the first two are equal, else 0.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn where_equal_avx512(one: __m512i, two: __m512i, then: __m512i) -> __m512i {
    _mm512_maskz_mov_epi16(_mm512_cmpeq_epi16_mask(one, two), then)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn any_above_avx512(one: __m512i, two: __m512i) -> bool {
    _mm512_cmpgt_epi16_mask(one, two) != 0
}

/// The first lane in which the two are equal.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn which_equal_avx512(one: __m512i, two: __m512i) -> Option<usize> {
    let equal = _mm512_cmpeq_epi16_mask(one, two);
    (equal != 0).then(|| equal.trailing_zeros() as usize)
}

#[target_feature(enable = "avx2")]
#[inline]
fn where_equal_avx2(one: __m256i, two: __m256i, then: __m256i) -> __m256i {
    _mm256_and_si256(_mm256_cmpeq_epi16(one, two), then)
}

#[target_feature(enable = "avx2")]
#[inline]
fn any_above_avx2(one: __m256i, two: __m256i) -> bool {
    _mm256_movemask_epi8(_mm256_cmpgt_epi16(one, two)) != 0
}

#[target_feature(enable = "avx2")]
#[inline]
fn which_equal_avx2(one: __m256i, two: __m256i) -> Option<usize> {
    // Two bits a lane.
    let equal = _mm256_movemask_epi8(_mm256_cmpeq_epi16(one, two));
    (equal != 0).then(|| equal.trailing_zeros() as usize / 2)
}
