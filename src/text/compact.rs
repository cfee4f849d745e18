//! Letters and digits out of ASCII, lower-cased and close together: the inner loop of the normal
//! form, once per instruction set.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "vector loads and stores through pointers, behind a look at the processor"
    )
)]

use crate::cpu::Vectors;

use super::normalizer::ASCII;
use super::normalizer::JOINER;

/// Bytes looked at together: as many as a mask has bits.
pub(super) const BLOCK: usize = 64;

/// Stretches shorter than this are taken byte by byte. *Chosen*.
const SHORT: usize = 8;

/// Appends the letters and digits of `bytes`, all ASCII, in lower case.
#[inline]
pub(super) fn compact(vectors: Vectors, bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() < SHORT {
        let kept = bytes.iter().map(|&b| class(b)).filter(|&b| b > JOINER);
        out.extend(kept);
        return;
    }
    match vectors {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Vectors` names a set only after the processor was asked for it.
        Vectors::Avx512 => unsafe { wide::compact_avx512(bytes, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Vectors::Avx2 => unsafe { wide::compact_avx2(bytes, out) },
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Avx512 | Vectors::Avx2 => compact_portable(bytes, out),
        Vectors::Portable => compact_portable(bytes, out),
    }
}

/// What the bytes of one block are, a bit for each, the first byte lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Classes {
    /// Letters and digits.
    pub(super) kept: u64,
    /// Bytes that may stand inside a word.
    pub(super) joiners: u64,
}

/// Appends the letters and digits of a block of 1 to [`BLOCK`] ASCII bytes, in lower case, and says
/// what its bytes are.
pub(super) fn compact_block(vectors: Vectors, block: &[u8], out: &mut Vec<u8>) -> Classes {
    debug_assert!((1..=BLOCK).contains(&block.len()), "one block");
    match vectors {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Vectors` names a set only after the processor was asked for it.
        Vectors::Avx512 => unsafe { wide::compact_block_avx512(block, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Vectors::Avx2 => unsafe { wide::compact_block_avx2(block, out) },
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Avx512 | Vectors::Avx2 => compact_block_portable(block, out),
        Vectors::Portable => compact_block_portable(block, out),
    }
}

/// Branch-free, as [`compact_portable`].
#[expect(
    clippy::indexing_slicing,
    reason = "a remainder by BLOCK is an index of an array of BLOCK"
)]
fn compact_block_portable(block: &[u8], out: &mut Vec<u8>) -> Classes {
    let mut bytes = [0_u8; BLOCK];
    let mut len = 0;
    let (mut kept, mut joiners) = (0_u64, 0_u64);
    for (at, &b) in block.iter().enumerate() {
        let class = class(b);
        bytes[len % BLOCK] = class;
        len += usize::from(class > JOINER);
        kept |= u64::from(class > JOINER) << at;
        joiners |= u64::from(class == JOINER) << at;
    }
    out.extend_from_slice(bytes.get(..len).unwrap_or_default());
    Classes { kept, joiners }
}

/// Branch-free: every byte is written, the kept ones advance the end.
#[expect(
    clippy::indexing_slicing,
    reason = "a remainder by BLOCK is an index of an array of BLOCK"
)]
fn compact_portable(bytes: &[u8], out: &mut Vec<u8>) {
    for block in bytes.chunks(BLOCK) {
        let mut kept = [0_u8; BLOCK];
        let mut len = 0;
        for &b in block {
            let class = class(b);
            kept[len % BLOCK] = class;
            len += usize::from(class > JOINER);
        }
        out.extend_from_slice(kept.get(..len).unwrap_or_default());
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the table has an entry for every byte"
)]
fn class(b: u8) -> u8 {
    ASCII[usize::from(b)]
}

#[cfg(target_arch = "x86_64")]
pub(super) use wide::Table;

#[cfg(target_arch = "x86_64")]
mod wide {
    #![cfg_attr(
        not(test),
        expect(
            clippy::wildcard_imports,
            reason = "the names of instructions are all prefixed; tests are not looked at"
        )
    )]

    use std::arch::x86_64::*;

    use super::super::normalizer::ASCII;
    use super::super::normalizer::JOINER;
    use super::Classes;
    use crate::cpu::MEMBERS;

    /// One table look-up and one compress for 64 bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
    pub(super) fn compact_avx512(bytes: &[u8], out: &mut Vec<u8>) {
        // Every store writes a whole vector behind what is kept.
        out.reserve(bytes.len() + 64);
        let table = Table::new();
        let mut len = out.len();
        for block in bytes.chunks(64) {
            // SAFETY: at most `bytes.len()` bytes were kept so far, and 64 more are reserved.
            let classes = unsafe { table.read_and_compact(block, out.as_mut_ptr().add(len)) };
            len += classes.kept.count_ones() as usize;
        }
        // SAFETY: everything up to `len` was written by the stores above.
        unsafe { out.set_len(len) };
    }

    /// One block, and what its bytes are.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
    pub(super) fn compact_block_avx512(block: &[u8], out: &mut Vec<u8>) -> Classes {
        out.reserve(64);
        let len = out.len();
        // SAFETY: 64 bytes are reserved, and the kept ones of them are written.
        unsafe {
            let classes = Table::new().read_and_compact(block, out.as_mut_ptr().add(len));
            out.set_len(len + classes.kept.count_ones() as usize);
            classes
        }
    }

    /// What each ASCII byte becomes, in two vectors.
    pub(in crate::text) struct Table {
        low: __m512i,
        high: __m512i,
    }

    impl Table {
        #[target_feature(enable = "avx512f")]
        #[inline]
        pub(in crate::text) fn new() -> Self {
            // SAFETY: the table has 256 bytes.
            unsafe {
                let table = ASCII.as_ptr();
                Self {
                    low: _mm512_loadu_si512(table.cast()),
                    high: _mm512_loadu_si512(table.add(64).cast()),
                }
            }
        }

        /// Writes what is kept of at most 64 bytes to `to`.
        ///
        /// # Safety
        ///
        /// 64 bytes can be written to `to`.
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
        #[inline]
        unsafe fn read_and_compact(&self, block: &[u8], to: *mut u8) -> Classes {
            let present = u64::MAX >> (64 - block.len());
            // SAFETY: lanes beyond the block are masked out and not read; and as promised.
            unsafe {
                let read = _mm512_maskz_loadu_epi8(present, block.as_ptr().cast());
                self.compact(read, block.len(), to)
            }
        }

        /// Writes what is kept of the first bytes of a vector, 1 to 64, to `to`.
        ///
        /// # Safety
        ///
        /// 64 bytes can be written to `to`.
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
        #[inline]
        #[expect(
            clippy::cast_possible_wrap,
            reason = "bytes are bytes to the instruction"
        )]
        pub(in crate::text) unsafe fn compact(
            &self,
            read: __m512i,
            count: usize,
            to: *mut u8,
        ) -> Classes {
            let joiner = _mm512_set1_epi8(JOINER as i8);
            let present = u64::MAX >> (64 - count);
            let class = _mm512_permutex2var_epi8(self.low, read, self.high);
            let kept = _mm512_mask_cmpgt_epu8_mask(present, class, joiner);
            let packed = _mm512_maskz_compress_epi8(kept, class);
            // SAFETY: the caller promises the room.
            unsafe { _mm512_storeu_si512(to.cast(), packed) };
            let joiners = _mm512_mask_cmpeq_epi8_mask(present, class, joiner);
            Classes { kept, joiners }
        }
    }

    /// Classes of 32 bytes at once, then eight bytes at a time pressed together.
    #[target_feature(enable = "avx2,bmi2,popcnt")]
    pub(super) fn compact_avx2(bytes: &[u8], out: &mut Vec<u8>) {
        // Every store writes eight bytes behind what is kept.
        out.reserve(bytes.len() + 8);
        let mut len = out.len();
        let (blocks, rest) = bytes.as_chunks::<32>();
        let mut tail = [0_u8; 32];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        let tail = (!rest.is_empty()).then_some(&tail);
        for block in blocks.iter().chain(tail) {
            // SAFETY: a block has 32 bytes; at most `bytes.len()` bytes were kept so far, and 8 more
            // are reserved.
            let kept = unsafe {
                let read = _mm256_loadu_si256(block.as_ptr().cast());
                press_avx2(read, out.as_mut_ptr().add(len))
            };
            len += kept.count_ones() as usize;
        }
        // SAFETY: everything up to `len` was written by the stores above.
        unsafe { out.set_len(len) };
    }

    /// One block, and what its bytes are.
    #[target_feature(enable = "avx2,bmi2,popcnt")]
    #[expect(clippy::cast_sign_loss, reason = "a mask is bits to the instruction")]
    pub(super) fn compact_block_avx2(block: &[u8], out: &mut Vec<u8>) -> Classes {
        let mut bytes = [0_u8; 64];
        for (to, from) in bytes.iter_mut().zip(block) {
            *to = *from;
        }
        // Every store writes eight bytes behind what is kept.
        out.reserve(64 + 8);
        let mut len = out.len();
        let mut classes = Classes {
            kept: 0,
            joiners: 0,
        };
        for (half, shift) in bytes.as_chunks::<32>().0.iter().zip([0, 32]) {
            // SAFETY: a half has 32 bytes; at most 64 bytes are kept, and 8 more are reserved.
            let (read, kept) = unsafe {
                let read = _mm256_loadu_si256(half.as_ptr().cast());
                (read, press_avx2(read, out.as_mut_ptr().add(len)))
            };
            len += kept.count_ones() as usize;
            // ' and ` and _, and from the comma to the full stop.
            let quotes = _mm256_or_si256(within(read, b'\'', 0), within(read, b'_', 1));
            let joiners = _mm256_or_si256(quotes, within(read, b',', 2));
            classes.kept |= u64::from(kept) << shift;
            classes.joiners |= u64::from(_mm256_movemask_epi8(joiners) as u32) << shift;
        }
        // SAFETY: everything up to `len` was written by the stores above.
        unsafe { out.set_len(len) };
        classes
    }

    /// Writes what is kept of 32 bytes to `to`, in lower case, and says which they are. By tables,
    /// for the bits of a word are parted slowly by some processors that have an instruction for it.
    ///
    /// # Safety
    ///
    /// Eight bytes more than are kept can be written to `to`.
    #[target_feature(enable = "avx2,bmi2,popcnt")]
    #[inline]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        reason = "masks and places are bits to the instruction"
    )]
    #[expect(
        clippy::indexing_slicing,
        reason = "the table has an entry for every byte"
    )]
    unsafe fn press_avx2(read: __m256i, mut to: *mut u8) -> u32 {
        let is_upper = within(read, b'A', 25);
        let lower = _mm256_or_si256(read, _mm256_and_si256(is_upper, _mm256_set1_epi8(0x20)));
        let kept = _mm256_or_si256(within(lower, b'a', 25), within(read, b'0', 9));
        let kept = _mm256_movemask_epi8(kept) as u32;
        let [a, b, c, d] = kept
            .to_le_bytes()
            .map(|set| MEMBERS[usize::from(set)] as i64);
        // The second half of a lane is looked for eight places further.
        let further = _mm256_setr_epi64x(0, EIGHT_FURTHER, 0, EIGHT_FURTHER);
        let places = _mm256_or_si256(_mm256_setr_epi64x(a, b, c, d), further);
        let pressed = _mm256_shuffle_epi8(lower, places);
        let mut words = [0_u64; 4];
        // SAFETY: four words are 32 bytes.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), pressed) };
        for (word, set) in words.into_iter().zip(kept.to_le_bytes()) {
            // SAFETY: the caller promises the room.
            unsafe {
                to.cast::<[u8; 8]>().write(word.to_le_bytes());
                to = to.add(set.count_ones() as usize);
            }
        }
        kept
    }

    /// Eight in every byte.
    const EIGHT_FURTHER: i64 = 0x0808_0808_0808_0808;

    /// All bits of each byte that lies in `first..=first + more`.
    #[target_feature(enable = "avx2")]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "bytes are bytes to the instruction"
    )]
    fn within(bytes: __m256i, first: u8, more: u8) -> __m256i {
        let from = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
        _mm256_cmpeq_epi8(_mm256_min_epu8(from, _mm256_set1_epi8(more as i8)), from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expected(bytes: &[u8]) -> Vec<u8> {
        bytes
            .iter()
            .filter(|b| b.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .collect()
    }

    fn compacted(vectors: Vectors, bytes: &[u8]) -> Vec<u8> {
        // What stood there before stays.
        let mut out = b"before".to_vec();
        compact(vectors, bytes, &mut out);
        out.split_off(6)
    }

    #[test]
    fn every_instruction_set_keeps_every_ascii_byte_alike() {
        let all: Vec<u8> = (0..128).collect();
        for vectors in Vectors::all() {
            for len in 0..=all.len() {
                for part in [&all[..len], &all[all.len() - len..]] {
                    assert_eq!(compacted(vectors, part), expected(part), "{vectors:?}");
                }
            }
            for block in all.chunks(BLOCK).chain(all[5..].chunks(BLOCK)) {
                let mut out = b"before".to_vec();
                let classes = compact_block(vectors, block, &mut out);
                assert_eq!(out.split_off(6), expected(block), "{vectors:?}");
                for (at, &byte) in block.iter().enumerate() {
                    let bit = |mask: u64| mask >> at & 1 == 1;
                    assert_eq!(bit(classes.kept), byte.is_ascii_alphanumeric());
                    assert_eq!(bit(classes.joiners), b"'`-.,_".contains(&byte));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_keeps_the_same_of_any_text(text in "[\\x00-\\x7f]{0,300}") {
            for vectors in Vectors::all() {
                prop_assert_eq!(compacted(vectors, text.as_bytes()), expected(text.as_bytes()));
            }
        }
    }
}
