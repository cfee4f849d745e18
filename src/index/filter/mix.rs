//! How a hash becomes a place and a line's bits, level after level.
//!
//! On the first level a hash is its own place, so that ascending hashes fill line after line. What
//! a line reads of it is the scrambled hash; that is also its place on the next level, where the
//! line reads the scrambled scrambled hash, and so on.

/// A bijection of 64 bits in which every bit depends on every other (xor-shift and multiply; the
/// constant is the one of Mitchell Stafford's and Doug Lea's mixers with a single multiplier).
#[inline]
pub(super) fn scramble(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// The place of a hash on a level: the hash, scrambled `level` times.
pub(super) fn place(hash: u64, level: usize) -> u64 {
    (0..level).fold(hash, |place, _| scramble(place))
}

/// The line of a place among `lines`; ascends with it.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "below `lines`, which was allocated"
)]
pub(super) fn line_of(place: u64, lines: u64) -> usize {
    ((u128::from(place) * u128::from(lines)) >> 64) as usize
}
