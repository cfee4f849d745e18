//! One line: a system of equations over GF(2) in 64 bytes, read and solved.
//!
//! A line is 32 little-endian words. Word 31 is its **head**: the threshold in the low nine bits,
//! the seed in the four above. The other 31 are slots. A key's 16-bit value is the XOR of four
//! words that its hash and the seed choose, the head possibly among them; where two of the four
//! coincide they cancel. Keys whose order byte is at or above the threshold are not in the line.

use super::mix;

/// Bytes of a line: one cache line of the processors this runs on.
pub(crate) const LINE_BYTES: usize = 64;
/// Place of the head word.
const HEAD: usize = 31;
/// Slots of a line.
const SLOTS: usize = 31;
/// Bits of the threshold: 0 to 256.
const THRESHOLD_BITS: u32 = 9;
/// Threshold above every order byte.
const ALL: u16 = 256;
/// Seeds tried for one line; the head has four bits for them. Measured: 16 leave 4.3 % of the keys
/// out at 28 keys a line, 4 leave 4.9 %.
const SEEDS: u16 = 16;
/// Equations with which a line counts as full. Measured: asking for the thirty-first too takes 1.6
/// times as many tries and places 0.4 % more.
const ENOUGH: u32 = 30;

pub(crate) type Line = [u8; LINE_BYTES];

/// A key as a line sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The mixed hash of this level.
    pub(super) mixed: u64,
    /// The tag to give back.
    pub(super) tag: u8,
}

/// The byte of a mixed hash that orders keys within their line.
#[inline]
fn order(mixed: u64) -> u16 {
    (mixed & 0xff) as u16
}

/// The byte of a mixed hash that an absent hash must match by chance.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "one byte is taken")]
fn check(mixed: u64) -> u8 {
    (mixed >> 8) as u8
}

/// The four words of a key. Windows of 16, so that every word is chosen equally often and the
/// first two, and the last two, never coincide.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "four bits are taken")]
fn places(mixed: u64, head: u16) -> [usize; 4] {
    let seed = u64::from(head >> THRESHOLD_BITS);
    let bits =
        (mixed ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let nibble = |at: u32| (bits >> (60 - 4 * at)) as usize & 15;
    [
        nibble(0),
        16 + nibble(1),
        8 + nibble(2),
        (24 + nibble(3)) & 31,
    ]
}

#[inline]
fn word(line: &Line, at: usize) -> u16 {
    let (words, _) = line.as_chunks::<2>();
    words.get(at).map_or(0, |pair| u16::from_le_bytes(*pair))
}

/// The head word.
#[inline]
pub(super) fn head(line: &Line) -> u16 {
    word(line, HEAD)
}

/// Whether a key with this mixed hash would be in the line, not in the level below.
#[inline]
pub(super) fn holds(head: u16, mixed: u64) -> bool {
    order(mixed) < head & ((1 << THRESHOLD_BITS) - 1)
}

/// The XOR of a key's words: the check byte above the tag.
#[inline]
fn value(line: &Line, head: u16, mixed: u64) -> u16 {
    places(mixed, head)
        .into_iter()
        .fold(0, |sum, at| sum ^ word(line, at))
}

/// The tag of a hash that the line holds; `None`: certainly absent.
#[inline]
pub(super) fn read(line: &Line, head: u16, mixed: u64) -> Option<u8> {
    let [tag, found] = value(line, head, mixed).to_le_bytes();
    (found == check(mixed)).then_some(tag)
}

/// The words of a key as a set of bits; bit 31 is the head, which is no unknown.
fn mask(mixed: u64, head: u16) -> u32 {
    places(mixed, head)
        .into_iter()
        .fold(0, |set, at| set ^ (1 << at))
}

/// Equations in echelon form: each is kept at its lowest unknown. Bit 31 of a mask is the head.
#[derive(Clone)]
struct Echelon {
    masks: [u32; SLOTS],
    values: [u16; SLOTS],
    rank: u32,
}

impl Echelon {
    const EMPTY: Self = Self {
        masks: [0; SLOTS],
        values: [0; SLOTS],
        rank: 0,
    };

    /// Adds an equation; `false` if its unknowns depend on those of earlier ones.
    #[inline]
    fn add(&mut self, mut mask: u32, mut value: u16) -> bool {
        loop {
            // Without unknowns this is the head, which has no row.
            let at = (mask | 1 << HEAD).trailing_zeros() as usize;
            let (Some(kept), Some(sum)) = (self.masks.get_mut(at), self.values.get_mut(at)) else {
                return false;
            };
            if *kept == 0 {
                *kept = mask;
                *sum = value;
                self.rank += 1;
                return true;
            }
            mask ^= *kept;
            value ^= *sum;
        }
    }
}

/// Fills a line with the keys of lowest order that fit, and reorders `keys` so. Free slots get
/// words from a fixed stream at `noise`, so that an absent hash meets any value equally often.
///
/// Keys that [`holds`] denies afterwards belong to the next level.
#[expect(
    clippy::indexing_slicing,
    reason = "places are below SLOTS, which is the length of every array"
)]
pub(super) fn solve(keys: &mut [Key], noise: u64, line: &mut Line) {
    keys.sort_unstable_by_key(|key| (order(key.mixed), key.mixed));
    // The best attempt. Which unknowns a key has does not depend on the threshold, which is known
    // only at its end, so the head stays a symbol until then.
    let mut best = Echelon::EMPTY;
    let mut best_threshold = None;
    let mut words = [0_u16; SLOTS + 1];
    for seed in 0..SEEDS {
        let head = seed << THRESHOLD_BITS;
        let mut rows = Echelon::EMPTY;
        let left_out = keys.iter().find(|key| {
            let value = u16::from_le_bytes([key.tag, check(key.mixed)]);
            !rows.add(mask(key.mixed, head), value)
        });
        let threshold = left_out.map_or(ALL, |key| order(key.mixed));
        let done = threshold == ALL || rows.rank >= ENOUGH;
        if best_threshold.is_none_or(|best| threshold > best) {
            best_threshold = Some(threshold);
            words[HEAD] = head | threshold;
            best = rows;
        }
        if done {
            break;
        }
    }
    for at in (0..SLOTS).rev() {
        let (mask, sum) = (best.masks[at], best.values[at]);
        words[at] = if mask == 0 {
            (mix::scramble(noise.wrapping_add(at as u64)) >> 48) as u16
        } else {
            let mut others = mask & (mask - 1);
            let mut sum = sum;
            while others != 0 {
                sum ^= words[others.trailing_zeros() as usize];
                others &= others - 1;
            }
            sum
        };
    }
    let (pairs, _) = line.as_chunks_mut::<2>();
    for (pair, word) in pairs.iter_mut().zip(words) {
        *pair = word.to_le_bytes();
    }
}
