//! The easy code points of any script, sixteen at a time: the normal form's inner loop beyond ASCII,
//! for processors with AVX-512 VBMI2.
//!
//! A block of 64 bytes is loaded once. Its code points are found by their first bytes, gathered into
//! lanes, decoded, looked up in the table of easy code points, and what they become is pressed
//! together into the stream. No step depends on which script, which length or which word stands
//! there, so nothing is ever guessed wrong.

#![expect(
    unsafe_code,
    reason = "vector loads and stores through pointers, behind a look at the processor"
)]
#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "bytes and bits are just that to the instructions; places and lanes are below 64"
)]
#![cfg_attr(
    not(test),
    expect(
        clippy::wildcard_imports,
        reason = "the names of instructions are all prefixed; tests are not looked at"
    )
)]

use std::arch::x86_64::*;

use super::compact::Classes;
use super::compact::Table;
use super::page::Easy;
use super::page::EasyTable;

/// Bytes of a block.
const BLOCK: usize = 64;
/// Code points of a group, one for each lane of 32 bits.
const LANES: usize = 16;
/// Bytes of ASCII ahead, within a block, that are done as such. *Chosen*: one group.
const ASCII_AHEAD: u32 = 16;
/// Bytes that must be free behind the stream before a block: three for each of its code points, and
/// the whole vector of which the last store keeps only a part.
const ROOM: usize = 3 * BLOCK + BLOCK;

/// Where a run ended, and what it leaves behind.
#[derive(Debug)]
pub(super) struct Run {
    /// Bytes done.
    pub(super) bytes: usize,
    /// The last entry that was kept; [`Easy::ASCII`] for any of ASCII.
    pub(super) last: Option<Easy>,
    /// Whether the last code point was kept; `None` when there was none.
    pub(super) touching: Option<bool>,
}

/// What the code points to come must know of those before.
#[derive(Clone, Copy)]
struct State {
    /// The last group that kept something, and which of its lanes were kept.
    last: (__m512i, u16),
    touching: Option<bool>,
    /// Whether the code point before is a letter that keeps marks.
    letter_before: bool,
    /// Whether it is one, or a mark that was kept.
    any_before: bool,
}

impl State {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new() -> Self {
        Self {
            last: (_mm512_setzero_si512(), 0),
            touching: None,
            letter_before: false,
            any_before: false,
        }
    }

    /// After a stretch of ASCII, of which these were kept.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn ascii(&mut self, kept: u64, count: usize) {
        if kept != 0 {
            self.last = (_mm512_set1_epi32(Easy::ASCII.lane()), 1);
        }
        self.touching = Some(kept >> (count - 1) & 1 == 1);
        (self.letter_before, self.any_before) = (false, false);
    }

    /// Which of these lanes are marks that are appended as they are: after a letter that keeps them,
    /// or after such a mark, where their class does not ask for another order.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn marks(&self, entry: __m512i, simple: u16, others: u16) -> u16 {
        let marks = _mm512_test_epi32_mask(entry, number(Easy::MARK)) & others;
        if marks == 0 {
            return 0;
        }
        let after_letter = (_mm512_test_epi32_mask(entry, number(Easy::KEEPS_MARKS)) & simple) << 1;
        let unordered = _mm512_test_epi32_mask(entry, number(Easy::UNORDERED)) & marks;
        let ordered = marks & (after_letter | u16::from(self.letter_before));
        let may = unordered | ordered;
        let first = may & (after_letter | u16::from(self.any_before));
        // A sum carries through a series of marks from its first to its end.
        may & !may.wrapping_add(first)
    }

    /// After a group of which so many were taken.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn group(&mut self, entry: __m512i, simple: u16, taken: usize) {
        let kept = _mm512_test_epi32_mask(entry, number(3 << Easy::LEN_SHIFT)) & low_bits(taken);
        if kept != 0 {
            self.last = (entry, kept);
        }
        if taken > 0 {
            let is_set = |mask: u16| mask >> (taken - 1) & 1 == 1;
            let letters = _mm512_test_epi32_mask(entry, number(Easy::KEEPS_MARKS)) & simple;
            self.touching = Some(is_set(kept));
            self.letter_before = is_set(letters);
            self.any_before = is_set(letters | (kept & !simple));
        }
    }

    #[target_feature(enable = "avx512f,lzcnt")]
    fn ended(self, bytes: usize) -> Run {
        let (entry, kept) = self.last;
        let last = (kept != 0).then(|| {
            let lane = _mm512_set1_epi32(15 - kept.leading_zeros() as i32);
            Easy::from_lane(_mm512_cvtsi512_si32(_mm512_permutexvar_epi32(lane, entry)))
        });
        Run {
            bytes,
            last,
            touching: self.touching,
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn number(n: u32) -> __m512i {
    _mm512_set1_epi32(n as i32)
}

/// Number of each byte of a vector.
static PLACES: [u8; BLOCK] = numbers(BLOCK);
/// Number of each byte within its lane.
static IN_LANE: [u8; BLOCK] = numbers(4);
/// The first byte of each lane, four times; lanes are counted anew after four.
static FIRST: [u8; BLOCK] = lane_byte(0);
/// The last byte of each lane, four times.
static LAST: [u8; BLOCK] = lane_byte(3);

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated while compiling, for numbers below 64"
)]
const fn numbers(below: usize) -> [u8; BLOCK] {
    let mut out = [0; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        out[at] = (at % below) as u8;
        at += 1;
    }
    out
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated while compiling, for numbers below 64"
)]
const fn lane_byte(byte: usize) -> [u8; BLOCK] {
    let mut out = [0; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        out[at] = (at % LANES / 4 * 4 + byte) as u8;
        at += 1;
    }
    out
}

/// Appends what the simple code points at the start of `text`, which is UTF-8, become, up to one that
/// is not simple, or the last bytes. Marks are taken along where they follow a letter of theirs.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt,bmi1,bmi2,lzcnt"
)]
pub(super) fn run(text: &[u8], table: &EasyTable, out: &mut Vec<u8>) -> Run {
    let entries = table.entries();
    let ascii = Table::new();
    let mut at = 0;
    let mut len = out.len();
    let mut state = State::new();
    // SAFETY: the tables have 64 bytes.
    let [places, in_lane, first_byte, last_byte] = [&PLACES, &IN_LANE, &FIRST, &LAST]
        .map(|table| unsafe { _mm512_loadu_si512(table.as_ptr().cast()) });
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        // SAFETY: a block has 64 bytes.
        let block = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        if out.capacity() - len < ROOM {
            // SAFETY: everything up to `len` was written by the stores below.
            unsafe { out.set_len(len) };
            out.reserve(ROOM + text.len() - at);
        }
        let beyond = _mm512_movepi8_mask(block);
        let plain = beyond.trailing_zeros() as usize;
        if plain >= LANES {
            // SAFETY: there is room for a vector behind `len`.
            let Classes { kept, .. } =
                unsafe { ascii.compact(block, plain, out.as_mut_ptr().add(len)) };
            len += kept.count_ones() as usize;
            at += plain;
            state.ascii(kept, plain);
            continue;
        }
        // All bytes but 0x80 to 0xBF begin a code point; those of the last three may not end here.
        let begin = _mm512_cmpgt_epi8_mask(block, _mm512_set1_epi8(-65));
        let count = (begin & (u64::MAX >> 3)).count_ones() as usize;
        let mut listed = [0_u8; BLOCK + LANES];
        // SAFETY: the list has room for 64 bytes.
        unsafe {
            let packed = _mm512_maskz_compress_epi8(begin, places);
            _mm512_storeu_si512(listed.as_mut_ptr().cast(), packed);
        }
        let (mut done, mut stopped) = (0, false);
        while done < count {
            let lanes = (count - done).min(LANES);
            let valid = low_bits(lanes);
            // SAFETY: `done` is below 64, and the list has 16 bytes more.
            let place = unsafe { _mm_loadu_si128(listed.as_ptr().add(done).cast()) };
            let place = _mm512_cvtepu8_epi32(place);
            let index = _mm512_add_epi8(_mm512_shuffle_epi8(place, first_byte), in_lane);
            let word = _mm512_permutexvar_epi8(index, block);
            let entry = look_up(word, valid, entries);
            let simple = _mm512_cmplt_epi32_mask(entry, _mm512_setzero_si512());
            let easy = simple | state.marks(entry, simple, valid & !simple);
            let taken = ((valid & !easy).trailing_zeros() as usize).min(lanes);
            let lengths = _mm512_shuffle_epi8(entry, last_byte);
            let lengths = _mm512_and_si512(lengths, _mm512_set1_epi8(3));
            let keep = _mm512_cmplt_epu8_mask(in_lane, lengths) & low_bytes(taken);
            // SAFETY: of the room that was made, three bytes were used for each code point of the
            // block before this group, and there is a vector's more.
            unsafe {
                let packed = _mm512_maskz_compress_epi8(keep, entry);
                _mm512_storeu_si512(out.as_mut_ptr().add(len).cast(), packed);
            }
            len += keep.count_ones() as usize;
            state.group(entry, simple, taken);
            done += taken;
            stopped = taken < lanes;
            // Where ASCII follows for a while, that is done faster as such.
            let next = listed.get(done).copied().map_or(0, u32::from);
            let more = beyond.checked_shr(next).unwrap_or(0);
            if stopped || more.trailing_zeros() >= ASCII_AHEAD {
                break;
            }
        }
        // The first code point that was not taken; there is none where the last one ends the block.
        at += _pdep_u64(1 << done, begin).trailing_zeros() as usize;
        if stopped {
            break;
        }
    }
    // SAFETY: everything up to `len` was written by the stores above.
    unsafe { out.set_len(len) };
    state.ended(at)
}

/// The entries of the code points that begin in the lanes; 0 for one that the table does not know, or
/// does not cover.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn look_up(word: __m512i, valid: u16, entries: &[Easy]) -> __m512i {
    let part = |bits: __m512i, mask: u32| _mm512_and_si512(bits, number(mask));
    let second = part(_mm512_srli_epi32::<8>(word), 0x3F);
    let three = _mm512_or_si512(
        _mm512_or_si512(
            _mm512_slli_epi32::<12>(part(word, 0x0F)),
            _mm512_slli_epi32::<6>(second),
        ),
        part(_mm512_srli_epi32::<16>(word), 0x3F),
    );
    let two = _mm512_or_si512(_mm512_slli_epi32::<6>(part(word, 0x1F)), second);
    let is_ascii = _mm512_testn_epi32_mask(word, number(0x80));
    let is_three = _mm512_cmpeq_epi32_mask(part(word, 0xF0), number(0xE0));
    let is_four = _mm512_cmpeq_epi32_mask(part(word, 0xF0), number(0xF0));
    let point = _mm512_mask_mov_epi32(two, is_three, three);
    let point = _mm512_mask_mov_epi32(point, is_ascii, part(word, 0x7F));
    // The two large scripts stay as they are; their part of the table would fill the first-level
    // cache.
    let within = |from: u32, count: u32| {
        _mm512_mask_cmplt_epu32_mask(
            is_three & valid,
            _mm512_sub_epi32(point, number(from)),
            number(count),
        )
    };
    let ideograph = within(0x4E00, 0x5200);
    let hangul = within(0xAC00, 0x2BA4);
    let asked = valid & !(is_four | ideograph | hangul);
    let mut entry = _mm512_setzero_si512();
    if asked != 0 && entries.len() == EasyTable::POINTS {
        // SAFETY: what one to three bytes of UTF-8 decode to is below 65,536, which is the length of
        // the table, of entries of four bytes.
        entry = unsafe {
            _mm512_mask_i32gather_epi32::<4>(entry, asked, point, entries.as_ptr().cast())
        };
    }
    if is_four & valid != 0 {
        // Pictures, U+1F300 to U+1FAFF: dropped, whichever it is.
        let lead = _mm512_cmpeq_epi32_mask(part(word, 0xFFFF), number(0x9FF0));
        let third = _mm512_sub_epi32(part(_mm512_srli_epi32::<16>(word), 0xFF), number(0x8C));
        let picture = _mm512_mask_cmplt_epu32_mask(lead & valid, third, number(0x20));
        entry = _mm512_mask_mov_epi32(entry, picture, number(Easy::PICTURE));
    }
    let letters = part(word, 0x00FF_FFFF);
    let as_it_is = |flags: u32| _mm512_or_si512(letters, number(flags));
    entry = _mm512_mask_mov_epi32(entry, ideograph, as_it_is(Easy::IDEOGRAPH));
    _mm512_mask_mov_epi32(entry, hangul, as_it_is(Easy::HANGUL))
}

/// The lowest bits, at most 16.
fn low_bits(count: usize) -> u16 {
    u16::MAX
        .checked_shr(16 - count.min(LANES) as u32)
        .unwrap_or(0)
}

/// The bytes of the lowest lanes.
fn low_bytes(lanes: usize) -> u64 {
    u64::MAX
        .checked_shr(64 - 4 * lanes.min(LANES) as u32)
        .unwrap_or(0)
}
