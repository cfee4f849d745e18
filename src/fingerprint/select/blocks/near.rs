//! Window minima for windows near the default one, with AVX-512: ranks and minima over spans pass
//! from register to register, so that memory is written once and read four times per position.

use std::arch::x86_64::*;
use std::ops::RangeInclusive;

use super::super::super::gram;
use super::super::super::gram::ORDER_BYTES;
use super::super::super::gram::ORDER_MULTIPLIERS;
use super::BLOCK;
use super::PADDING;
use super::PLACE;

/// Ranks in a vector.
pub(super) const LANES: usize = 16;

/// Windows that four spans of sixteen cover, none of them needlessly.
pub(super) const WINDOWS: RangeInclusive<usize> = 49..=64;

/// Ranks by which minima over spans are late: the spans of a vector reach into the next one, at
/// each of four doublings.
const LATE: usize = 4 * LANES;

/// The next sixteen ranks of a block, one vector after the other.
pub(super) struct Ranks {
    /// Which of 32 bytes make the first half of what each position's order is read from.
    first: __m512i,
    second: __m512i,
    low: __m512i,
    high: __m512i,
    place_bits: __m512i,
    places: __m512i,
}

impl Ranks {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "constants are bits to the instructions"
    )]
    pub(super) fn new() -> Self {
        let mut bytes = [0_i8; 64];
        for (position, four) in (0..).zip(bytes.as_chunks_mut::<4>().0) {
            *four = [position, position + 1, position + 2, position + 3];
        }
        // SAFETY: the array has 64 bytes.
        let first = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
        let [low, high] = ORDER_MULTIPLIERS.map(|m| _mm512_set1_epi32(m as i32));
        Self {
            first,
            second: _mm512_add_epi8(first, _mm512_set1_epi8(4)),
            low,
            high,
            place_bits: _mm512_set1_epi32(PLACE as i32),
            places: _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
        }
    }

    /// The ranks of the positions that `rest` begins with. Those without all their bytes are of no
    /// use.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    #[inline]
    pub(super) fn next(&mut self, rest: &[u8]) -> __m512i {
        let present = if rest.len() >= 32 {
            u32::MAX
        } else {
            (1 << rest.len()) - 1
        };
        // SAFETY: lanes beyond the bytes are masked out and not read.
        self.rank(unsafe { _mm256_maskz_loadu_epi8(present, rest.as_ptr().cast()) })
    }

    /// The ranks of the positions that these bytes begin with.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
    #[inline]
    fn rank(&mut self, read: __m256i) -> __m512i {
        let read = _mm512_castsi256_si512(read);
        let sum = _mm512_add_epi32(
            _mm512_mullo_epi32(_mm512_permutexvar_epi8(self.first, read), self.low),
            _mm512_mullo_epi32(_mm512_permutexvar_epi8(self.second, read), self.high),
        );
        // Places where the low bits stand, the sum elsewhere.
        let ranks = _mm512_ternarylogic_epi32::<0xD8>(sum, self.places, self.place_bits);
        self.places = _mm512_add_epi32(self.places, _mm512_set1_epi32(16));
        ranks
    }
}

/// Appends the positions of window minima; see [`super::Buffers::select`]. `spans` is scratch.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a normal form has fewer than 2^32 bytes; numbers are bits to the instructions"
)]
pub(super) fn select(
    spans: &mut [u32; BLOCK + PADDING],
    bytes: &[u8],
    window: usize,
    selected: &mut Vec<u32>,
) {
    const { assert!(PADDING >= LATE + 4 * LANES + LANES, "room behind a block") };
    debug_assert!(WINDOWS.contains(&window), "a near window");
    let positions = bytes.len() + 1 - ORDER_BYTES;
    let place_bits = _mm512_set1_epi32(PLACE as i32);
    let mut from = 0;
    // The rank that the last window before this block selected, as a rank of this block.
    let mut carried = u32::MAX;
    loop {
        let count = BLOCK.min(positions - from);
        fill(spans, bytes.get(from..).unwrap_or_default(), count);
        let windows = count - window + 1;
        // Every store writes a whole vector behind what is kept.
        selected.reserve(windows + LANES);
        let mut len = selected.len();
        let base = _mm512_set1_epi32(from as i32);
        let mut before = _mm512_set1_epi32(carried as i32);
        for at in (0..windows).step_by(LANES) {
            // SAFETY: `at` is below BLOCK and the padding is longer than all that is added to it.
            let least = unsafe {
                let spans = spans.as_ptr().add(LATE + at);
                let load = |offset: usize| _mm512_loadu_si512(spans.add(offset).cast());
                _mm512_min_epu32(
                    _mm512_min_epu32(load(0), load(LANES)),
                    _mm512_min_epu32(load(2 * LANES), load(window - LANES)),
                )
            };
            let shifted = _mm512_alignr_epi32::<15>(least, before);
            let mut new = _mm512_cmpneq_epi32_mask(least, shifted);
            let left = windows - at;
            if left < LANES {
                new &= (1 << left) - 1;
            }
            let place = _mm512_add_epi32(_mm512_and_si512(least, place_bits), base);
            let packed = _mm512_maskz_compress_epi32(new, place);
            // SAFETY: at most one position per window was kept so far, and a vector more is
            // reserved.
            unsafe { _mm512_storeu_si512(selected.as_mut_ptr().add(len).cast(), packed) };
            len += new.count_ones() as usize;
            before = least;
        }
        // SAFETY: everything up to `len` was written by the stores above.
        unsafe { selected.set_len(len) };
        if from + count == positions {
            return;
        }
        from += windows;
        carried = carry(bytes, from, selected);
    }
}

/// The rank, in the block that begins at `from`, of the position selected last; if it stands
/// before the block, a rank that no window near its start selects.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a place within a window of the block's start"
)]
fn carry(bytes: &[u8], from: usize, selected: &[u32]) -> u32 {
    let last = selected.last().map_or(0, |at| *at as usize);
    let Some(place) = last.checked_sub(from) else {
        return u32::MAX;
    };
    let head = bytes.get(last..).and_then(|rest| rest.first_chunk());
    let sum = gram::order_sum(head.copied().unwrap_or_default());
    (sum & !PLACE) | place as u32
}

/// `spans[LATE + i]` becomes the least of the sixteen ranks from `i` on, for `count` positions and
/// as many behind them as a window reaches.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
fn fill(spans: &mut [u32; BLOCK + PADDING], block: &[u8], count: usize) {
    let mut ranks = Ranks::new();
    let mut spanner = Spanner::new();
    let mut at = 0;
    // Whole vectors with all their bytes first, two at a time so that their steps overlap.
    let whole = count.min(block.len().saturating_sub(32)) / (2 * LANES) * (2 * LANES);
    while at < whole {
        // SAFETY: 32 bytes follow each of these positions; `at` is below BLOCK, and the padding
        // holds more than what is stored behind it.
        unsafe {
            let bytes = block.as_ptr().add(at);
            let first = ranks.rank(_mm256_loadu_si256(bytes.cast()));
            let second = ranks.rank(_mm256_loadu_si256(bytes.add(LANES).cast()));
            let to = spans.as_mut_ptr().add(at);
            _mm512_storeu_si512(to.cast(), spanner.next(first));
            _mm512_storeu_si512(to.add(LANES).cast(), spanner.next(second));
        }
        at += 2 * LANES;
    }
    let none = _mm512_set1_epi32(-1);
    let end = count.next_multiple_of(LANES) + LATE + 4 * LANES;
    while at < end {
        let left = count.saturating_sub(at);
        let rank = if left == 0 {
            none
        } else {
            let rank = ranks.next(block.get(at..).unwrap_or_default());
            let present = if left >= LANES {
                u16::MAX
            } else {
                (1 << left) - 1
            };
            _mm512_mask_mov_epi32(none, present, rank)
        };
        // SAFETY: a multiple of LANES up to BLOCK, and the padding holds eight vectors more.
        unsafe { _mm512_storeu_si512(spans.as_mut_ptr().add(at).cast(), spanner.next(rank)) };
        at += LANES;
    }
}

/// Minima over sixteen ranks, from vectors of ranks in order; four vectors late.
struct Spanner {
    ones: __m512i,
    twos: __m512i,
    fours: __m512i,
    eights: __m512i,
}

impl Spanner {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new() -> Self {
        let none = _mm512_set1_epi32(-1);
        Self {
            ones: none,
            twos: none,
            fours: none,
            eights: none,
        }
    }

    /// Takes the next ranks; each level's minima are those of the level below, here and one span
    /// further on.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn next(&mut self, ones: __m512i) -> __m512i {
        let twos = _mm512_min_epu32(self.ones, _mm512_alignr_epi32::<1>(ones, self.ones));
        let fours = _mm512_min_epu32(self.twos, _mm512_alignr_epi32::<2>(twos, self.twos));
        let eights = _mm512_min_epu32(self.fours, _mm512_alignr_epi32::<4>(fours, self.fours));
        let sixteens = _mm512_min_epu32(self.eights, _mm512_alignr_epi32::<8>(eights, self.eights));
        *self = Self {
            ones,
            twos,
            fours,
            eights,
        };
        sixteens
    }
}
