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
#[derive(Debug, Clone, Copy)]
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

/// What each word of a line comes to in terms of words that are still free.
///
/// Kept solved: an equation is one sum over its four words, and what it says of one free word is
/// put in wherever that word stands. No loop depends on data, which is what makes it fast.
#[derive(Clone)]
struct System {
    /// Words that each is the sum of; bit 31 is the head, which stays a symbol.
    words: [u32; SLOTS + 1],
    /// The constants of these sums, in the low 16 bits.
    sums: [u32; SLOTS + 1],
    rank: u32,
}

impl System {
    /// Every word is free.
    const FREE: Self = {
        let mut words = [0; SLOTS + 1];
        let mut at = 0;
        while at <= SLOTS {
            #[expect(clippy::indexing_slicing, reason = "bounded by the loop; a constant")]
            {
                words[at] = 1 << at;
            }
            at += 1;
        }
        Self {
            words,
            sums: [0; SLOTS + 1],
            rank: 0,
        }
    };

    /// Adds the equation that some words sum up to a value; `false` if no free word is left in it.
    #[expect(
        clippy::indexing_slicing,
        reason = "places are masked to the length of the arrays"
    )]
    #[inline]
    fn add(&mut self, places: [usize; 4], value: u16) -> bool {
        let (mut row, mut sum) = (0, u32::from(value));
        for at in places {
            row ^= self.words[at & SLOTS];
            sum ^= self.sums[at & SLOTS];
        }
        let free = row & !(1 << HEAD);
        if free == 0 {
            return false;
        }
        // The lowest becomes the sum of the others.
        let solved = free & free.wrapping_neg();
        for (word, own) in self.words.iter_mut().zip(&mut self.sums) {
            let here = if *word & solved != 0 { u32::MAX } else { 0 };
            *word ^= row & here;
            *own ^= sum & here;
        }
        self.rank += 1;
        true
    }

    /// The value of every word, free ones from a fixed stream at `noise`.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "numbers of words; the values are of 16 bits"
    )]
    fn values(&self, head: u16, noise: u64) -> [u16; SLOTS + 1] {
        let mut values = [0_u16; SLOTS + 1];
        for (at, value) in values.iter_mut().enumerate() {
            if self.words[at] == 1 << at {
                *value = (mix::scramble(noise.wrapping_add(at as u64)) >> 48) as u16;
            }
        }
        values[HEAD] = head;
        // What the others are sums of is free, so it stands by now.
        for at in 0..SLOTS {
            let mut others = self.words[at];
            if others == 1 << at {
                continue;
            }
            let mut value = self.sums[at] as u16;
            while others != 0 {
                value ^= values[others.trailing_zeros() as usize];
                others &= others - 1;
            }
            values[at] = value;
        }
        values
    }
}

/// Keys of a line that are sorted by counting. Chosen: one line of 10^4 has more.
const COUNTED_KEYS: usize = 48;

/// Sorts the keys of a line by order byte, then by the rest.
fn sort(keys: &mut [Key]) {
    let rank_of = |key: &Key| key.mixed.rotate_right(8);
    // By how many are smaller: a fixed number of comparisons, without a branch.
    let mut ranks = [u32::MAX; COUNTED_KEYS];
    let mut sorted = [Key { mixed: 0, tag: 0 }; COUNTED_KEYS];
    let mut seen = 0_u64;
    if keys.len() <= COUNTED_KEYS {
        for (rank, key) in ranks.iter_mut().zip(keys.iter()) {
            *rank = u32::try_from(rank_of(key) >> 32).unwrap_or(u32::MAX);
        }
        for (key, own) in keys.iter().zip(ranks) {
            let place: u32 = ranks.iter().map(|other| u32::from(*other < own)).sum();
            if let Some(slot) = sorted.get_mut(place as usize) {
                *slot = *key;
            }
            seen |= 1 << (place & 63);
        }
    }
    // Two that agree in their upper half share a place.
    if seen.count_ones() as usize == keys.len() {
        for (key, sorted) in keys.iter_mut().zip(sorted) {
            *key = sorted;
        }
    } else {
        keys.sort_unstable_by_key(rank_of);
    }
}

/// Fills a line with the keys of lowest order that fit, and reorders `keys` so. Free slots get
/// words from a fixed stream at `noise`, so that an absent hash meets any value equally often.
///
/// Keys that [`holds`] denies afterwards belong to the next level.
pub(super) fn solve(keys: &mut [Key], noise: u64, line: &mut Line) {
    sort(keys);
    // The best attempt. Which words a key has does not depend on the threshold, which is known
    // only at its end, so the head stays a symbol until then.
    let mut best = System::FREE;
    let mut best_threshold = None;
    let mut best_head = 0;
    for seed in 0..SEEDS {
        let head = seed << THRESHOLD_BITS;
        let mut system = System::FREE;
        let mut threshold = ALL;
        for key in keys.iter() {
            let value = u16::from_le_bytes([key.tag, check(key.mixed)]);
            if !system.add(places(key.mixed, head), value) {
                threshold = order(key.mixed);
                break;
            }
        }
        let done = threshold == ALL || system.rank >= ENOUGH;
        if best_threshold.is_none_or(|best| threshold > best) {
            best_threshold = Some(threshold);
            best_head = head | threshold;
            best = system;
        }
        if done {
            break;
        }
    }
    let words = best.values(best_head, noise);
    let (pairs, _) = line.as_chunks_mut::<2>();
    for (pair, word) in pairs.iter_mut().zip(words) {
        *pair = word.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_sorted_by_their_order_byte(
            mixed in prop::collection::btree_set(any::<u64>(), 0..80), same in any::<bool>(),
        ) {
            // Keys that agree in what is counted by must not be lost.
            let mixed = mixed.into_iter().map(|mixed| if same { mixed & 0xffff_ffff } else { mixed });
            let mut keys: Vec<Key> = mixed.map(|mixed| Key { mixed, tag: 3 }).collect();
            let mut expected: Vec<u64> = keys.iter().map(|key| key.mixed).collect();
            expected.sort_by_key(|mixed| (mixed & 0xff, mixed >> 8));
            sort(&mut keys);
            let found: Vec<u64> = keys.iter().map(|key| key.mixed).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_line_gives_back_what_it_holds_and_says_what_it_does_not(
            keys in prop::collection::btree_map(any::<u64>(), any::<u8>(), 0..60), noise in any::<u64>(),
        ) {
            let mut line = [0; LINE_BYTES];
            let mut own: Vec<Key> = keys.iter().map(|(&mixed, &tag)| Key { mixed, tag }).collect();
            solve(&mut own, noise, &mut line);
            let head = head(&line);
            let held = keys.iter().filter(|(mixed, _)| holds(head, **mixed));
            let mut count = 0;
            for (&mixed, &tag) in held {
                prop_assert_eq!(read(&line, head, mixed), Some(tag));
                count += 1;
            }
            // Few keys always fit but for those that depend on each other with every seed.
            prop_assert!(count >= keys.len().min(8), "{} of {}", count, keys.len());
        }
    }
}
