//! Window minima of a block of positions at once, with wide vectors.
//!
//! A rank is 32 bits wide here: the order value above, the place within the block below, so that
//! one unsigned minimum finds the least value, the leftmost among equals, and where it stands. The
//! minimum over a window comes from minima over spans of 1, 4, 16, … positions, each from four of
//! the spans before. Neighbouring windows with the same minimum select the same position once.

#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers, behind a look at the processor"
)]
#![cfg_attr(
    not(test),
    expect(
        clippy::wildcard_imports,
        reason = "the names of instructions are all prefixed; tests are not looked at"
    )
)]
#![expect(
    clippy::inline_always,
    reason = "a loop is compiled for a caller's instructions only when it is part of the caller"
)]

mod near;

use std::arch::x86_64::*;

use crate::cpu::MEMBERS;
use crate::cpu::Vectors;

use super::super::gram;
use super::super::gram::ORDER_BYTES;
use super::super::gram::ORDER_MULTIPLIERS;
use super::super::gram::ORDER_SHIFT;

/// Positions of a block.
const BLOCK: usize = 1 << ORDER_SHIFT;

/// The low bits of a rank, which hold the place within the block.
const PLACE: u32 = (1 << ORDER_SHIFT) - 1;

/// Widest window. *Chosen*: half of a block, or else most of its positions would be ranked twice.
pub(super) const WINDOW_MAX: usize = BLOCK / 2;

/// Room behind a block, for what a vector or a span reaches there: a window that is in the block never
/// does, so whatever stands there changes nothing that is used.
const PADDING: usize = WINDOW_MAX + 16;

/// Ranks, and minima over spans of them.
#[derive(Clone)]
pub(super) struct Buffers {
    ranks: Box<[u32; BLOCK + PADDING]>,
    minima: Box<[u32; BLOCK + PADDING]>,
}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffers").finish_non_exhaustive()
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            ranks: Box::new([u32::MAX; BLOCK + PADDING]),
            minima: Box::new([u32::MAX; BLOCK + PADDING]),
        }
    }
}

impl Buffers {
    /// Appends the positions of window minima. `bytes` holds `ORDER_BYTES - 1` bytes more than
    /// there are positions, and there are at least `window` of them, at least one.
    pub(super) fn select(
        &mut self,
        vectors: Vectors,
        bytes: &[u8],
        window: usize,
        selected: &mut Vec<u32>,
    ) {
        debug_assert!((1..=WINDOW_MAX).contains(&window), "a window of a recipe");
        debug_assert!(bytes.len() + 1 >= window + ORDER_BYTES, "a window of bytes");
        if vectors == Vectors::Avx512 && near::WINDOWS.contains(&window) {
            // SAFETY: `Vectors` names a set only after the processor was asked for it.
            unsafe { near::select(&mut self.minima, bytes, window, selected) }
        } else if vectors == Vectors::Avx512 {
            // SAFETY: as above.
            unsafe { self.select_avx512(bytes, window, selected) }
        } else {
            // SAFETY: as above; `Selector` comes here with AVX2 at least.
            unsafe { self.select_avx2(bytes, window, selected) }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
    fn select_avx512(&mut self, bytes: &[u8], window: usize, selected: &mut Vec<u32>) {
        let positions = bytes.len() + 1 - ORDER_BYTES;
        let mut from = 0;
        loop {
            let count = BLOCK.min(positions - from);
            let block = bytes.get(from..).unwrap_or_default();
            self.rank_avx512(block, count);
            let minima = self.minima_of(count, window);
            let windows = minima.get(..=count - window).unwrap_or_default();
            push_avx512(windows, from, selected);
            if from + count == positions {
                return;
            }
            from += windows.len();
        }
    }

    #[target_feature(enable = "avx2,bmi2,popcnt")]
    fn select_avx2(&mut self, bytes: &[u8], window: usize, selected: &mut Vec<u32>) {
        let positions = bytes.len() + 1 - ORDER_BYTES;
        let mut from = 0;
        loop {
            let count = BLOCK.min(positions - from);
            let block = bytes.get(from..).unwrap_or_default();
            self.rank_avx2(block, count);
            let minima = self.minima_of(count, window);
            let windows = minima.get(..=count - window).unwrap_or_default();
            push_avx2(windows, from, selected);
            if from + count == positions {
                return;
            }
            from += windows.len();
        }
    }

    /// The ranks of the first `count` positions of `block`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
    fn rank_avx512(&mut self, block: &[u8], count: usize) {
        let mut ranks = near::Ranks::new();
        for at in (0..count).step_by(near::LANES) {
            let ranks = ranks.next(block.get(at..).unwrap_or_default());
            // SAFETY: `at` is below BLOCK and the padding holds a vector more.
            unsafe { _mm512_storeu_si512(self.ranks.as_mut_ptr().add(at).cast(), ranks) };
        }
    }

    /// The ranks of the first `count` positions of `block`.
    #[target_feature(enable = "avx2,bmi2,popcnt")]
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        reason = "constants are bits to the instructions; places fit in ten of them"
    )]
    fn rank_avx2(&mut self, block: &[u8], count: usize) {
        const LANES: usize = 8;
        let first = _mm256_setr_epi8(
            0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, //
            4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10,
        );
        let second = _mm256_add_epi8(first, _mm256_set1_epi8(4));
        let [low, high] = ORDER_MULTIPLIERS.map(|m| _mm256_set1_epi32(m as i32));
        let place_bits = _mm256_set1_epi32(PLACE as i32);
        let mut places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let mut done = 0;
        // Sixteen bytes hold what eight positions need, with one to spare.
        for (at, read) in block.windows(16).step_by(LANES).enumerate() {
            let at = at * LANES;
            if at + LANES > count {
                break;
            }
            // SAFETY: the window has 16 bytes.
            let read = unsafe { _mm_loadu_si128(read.as_ptr().cast()) };
            let read = _mm256_broadcastsi128_si256(read);
            let sum = _mm256_add_epi32(
                _mm256_mullo_epi32(_mm256_shuffle_epi8(read, first), low),
                _mm256_mullo_epi32(_mm256_shuffle_epi8(read, second), high),
            );
            let ranks = _mm256_or_si256(_mm256_andnot_si256(place_bits, sum), places);
            // SAFETY: `at` is below BLOCK and the padding holds a vector more.
            unsafe { _mm256_storeu_si256(self.ranks.as_mut_ptr().add(at).cast(), ranks) };
            places = _mm256_add_epi32(places, _mm256_set1_epi32(LANES as i32));
            done = at + LANES;
        }
        let rest = block.get(done..).unwrap_or_default();
        let slots = self.ranks.get_mut(done..count).unwrap_or_default();
        for ((place, slot), head) in (done..).zip(slots).zip(rest.windows(ORDER_BYTES)) {
            let head = head.first_chunk().copied().unwrap_or_default();
            *slot = (gram::order_sum(head) & !PLACE) | place as u32;
        }
    }

    /// The minimum over the window that starts at each of `count` places, if it ends within them.
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "a count is at most BLOCK, and the buffers are longer"
    )]
    fn minima_of(&mut self, count: usize, window: usize) -> &[u32] {
        let (mut from, mut to) = (&mut self.ranks, &mut self.minima);
        let mut span = 1;
        while span * 4 < window {
            least_of_four(&from[..], [span, 2 * span, 3 * span], &mut to[..count]);
            (from, to) = (to, from);
            span *= 4;
        }
        // The last spans overlap, so that together they are as long as the window.
        let last = window.saturating_sub(span);
        let offsets = [span.min(last), (2 * span).min(last), last];
        least_of_four(&from[..], offsets, &mut to[..count]);
        &to[..count]
    }
}

/// `to[i]` becomes the least of `from[i]` and the three ranks at `offsets` from there.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "offsets are below the window, and the padding is as long as the widest"
)]
fn least_of_four(from: &[u32], offsets: [usize; 3], to: &mut [u32]) {
    let count = to.len();
    let [a, b, c] = offsets.map(|offset| &from[offset..offset + count]);
    let sources = from.iter().zip(a).zip(b).zip(c);
    for (to, (((first, a), b), c)) in to.iter_mut().zip(sources) {
        *to = (*first).min(*a).min((*b).min(*c));
    }
}

/// The position that a window selects, unless the one before selected it.
#[inline(always)]
fn push_first(windows: &[u32], from: usize, selected: &mut Vec<u32>) {
    if let Some(first) = windows.first() {
        let at = position(*first, from);
        if selected.last() != Some(&at) {
            selected.push(at);
        }
    }
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a normal form has fewer than 2^32 bytes"
)]
fn position(rank: u32, from: usize) -> u32 {
    (rank & PLACE) + from as u32
}

/// Appends what the windows of a block select, each position once.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a normal form has fewer than 2^32 bytes; numbers are bits to the instructions"
)]
fn push_avx512(windows: &[u32], from: usize, selected: &mut Vec<u32>) {
    const LANES: usize = 16;
    push_first(windows, from, selected);
    // Every store writes a whole vector behind what is kept.
    selected.reserve(windows.len() + LANES);
    let mut len = selected.len();
    let base = _mm512_set1_epi32(from as i32);
    let place_bits = _mm512_set1_epi32(PLACE as i32);
    let later = windows.get(1..).unwrap_or_default();
    for (before, these) in windows.chunks(LANES).zip(later.chunks(LANES)) {
        let present = u16::MAX >> (LANES - these.len());
        // SAFETY: lanes beyond the chunks are masked out and not read.
        let (before, these) = unsafe {
            (
                _mm512_maskz_loadu_epi32(present, before.as_ptr().cast()),
                _mm512_maskz_loadu_epi32(present, these.as_ptr().cast()),
            )
        };
        let new = _mm512_cmpneq_epi32_mask(before, these);
        let at = _mm512_add_epi32(_mm512_and_epi32(these, place_bits), base);
        let packed = _mm512_maskz_compress_epi32(new, at);
        // SAFETY: at most one position per window was kept so far, and a vector more is reserved.
        unsafe { _mm512_storeu_si512(selected.as_mut_ptr().add(len).cast(), packed) };
        len += new.count_ones() as usize;
    }
    // SAFETY: everything up to `len` was written by the stores above.
    unsafe { selected.set_len(len) };
}

/// Appends what the windows of a block select, each position once. No branch depends on which they
/// are: in one vector of four a window selects anew, and nobody guesses in which.
#[target_feature(enable = "avx2,bmi2,popcnt")]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a normal form has fewer than 2^32 bytes; numbers are bits to the instructions"
)]
#[expect(
    clippy::indexing_slicing,
    reason = "the table has an entry for every set of eight"
)]
fn push_avx2(windows: &[u32], from: usize, selected: &mut Vec<u32>) {
    const LANES: usize = 8;
    push_first(windows, from, selected);
    // Every store writes a whole vector behind what is kept.
    selected.reserve(windows.len() + LANES);
    let mut len = selected.len();
    let base = _mm256_set1_epi32(from as i32);
    let place_bits = _mm256_set1_epi32(PLACE as i32);
    let later = windows.get(1..).unwrap_or_default();
    let (these, rest) = later.as_chunks::<LANES>();
    for (before, these) in windows.chunks(LANES).zip(these) {
        // SAFETY: both have eight ranks: `before` is never the shorter one.
        let (before, these) = unsafe {
            (
                _mm256_loadu_si256(before.as_ptr().cast()),
                _mm256_loadu_si256(these.as_ptr().cast()),
            )
        };
        let same = _mm256_cmpeq_epi32(before, these);
        let new = !(_mm256_movemask_ps(_mm256_castsi256_ps(same)) as u32) & 0xFF;
        let lanes = _mm_cvtsi64_si128(MEMBERS[new as usize] as i64);
        let at = _mm256_add_epi32(_mm256_and_si256(these, place_bits), base);
        let packed = _mm256_permutevar8x32_epi32(at, _mm256_cvtepu8_epi32(lanes));
        // SAFETY: at most one position per window was kept so far, and a vector more is reserved.
        unsafe { _mm256_storeu_si256(selected.as_mut_ptr().add(len).cast(), packed) };
        len += new.count_ones() as usize;
    }
    // SAFETY: everything up to `len` was written by the stores above.
    unsafe { selected.set_len(len) };
    let before = windows.get(later.len() - rest.len()..).unwrap_or_default();
    for (before, this) in before.iter().zip(rest) {
        if before != this {
            selected.push(position(*this, from));
        }
    }
}
