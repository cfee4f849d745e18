//! The value of one posting bucket: entries in ascending order of hash, packed into bits.
//!
//! Gaps between uniform hashes are geometrically distributed, for which Rice codes are within a few
//! hundredths of a bit of the best possible; their parameter follows from the number of entries. A
//! text's number costs the bits that the largest one of the bucket needs. Sources: Rice and
//! Plaunt, 1971, doi:10.1109/TCOM.1971.1090789; Elias, 1975, doi:10.1109/TIT.1975.1055349.

use super::bits::BitReader;
use super::bits::BitWriter;
use super::bytes::Cursor;
use super::bytes::Malformed;
use super::bytes::put_varint;
use super::keys;

/// Distinct texts a gram may be in before its list is dropped and only the count is kept.
/// Chosen: such a gram is a common phrase and no evidence; the list would only cost space.
pub const DF_CAP: usize = 256;
/// Bits of a hash: the low sixteen of its 64 are zero.
pub const HASH_BITS: u32 = 48;
/// Bits of a hash that are zero.
pub(super) const FREE_BITS: u32 = 64 - HASH_BITS;
/// In place of a number of texts: common.
const COMMON_LIST: u64 = DF_CAP as u64 + 1;

/// Which texts hold one gram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextList {
    /// These, ascending, at most [`DF_CAP`].
    Texts(Vec<u64>),
    /// More than the cap; only their number is kept.
    Common(u64),
}

impl TextList {
    /// Number of distinct texts.
    pub fn count(&self) -> u64 {
        match self {
            Self::Texts(texts) => texts.len() as u64,
            Self::Common(count) => *count,
        }
    }
}

/// The smallest power of two, as its exponent, that is not below a count.
fn ceil_log2(count: u64) -> u32 {
    count
        .max(1)
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(0, |log| log + 1)
}

/// The low bits that gaps between `count` ascending numbers of `width` bits are coded with.
fn rice_low(width: u32, count: u64) -> u32 {
    width.saturating_sub(ceil_log2(count))
}

/// The bits of a hash below its bucket number.
fn width(bucket_bits: u8) -> u32 {
    HASH_BITS.saturating_sub(u32::from(bucket_bits))
}

/// Builds the value of one bucket. Entries come with ascending hashes.
#[derive(Debug, Default)]
pub struct BucketBuilder {
    /// Smallest hash possible, without its free bits.
    start: u64,
    bucket_bits: u8,
    /// Hashes without their free bits; the number of texts of each, or [`COMMON_LIST`].
    entries: Vec<(u64, u64)>,
    /// The texts of all entries, less the base; for a common one its count.
    texts: Vec<u64>,
    /// The largest of them that is no count.
    largest: u64,
    bits: BitWriter,
}

impl BucketBuilder {
    /// Starts bucket number `bucket` of `2^bucket_bits`.
    pub fn start(&mut self, bucket: u32, bucket_bits: u8) {
        self.start = keys::bucket_start(bucket, bucket_bits) >> FREE_BITS;
        self.bucket_bits = bucket_bits;
        self.entries.clear();
        self.texts.clear();
        self.largest = 0;
    }

    /// Appends an entry. `hash` is above all earlier ones, of the bucket, and of 48 bits; lists are
    /// ascending, not empty, not above the cap and not below `base`.
    pub fn push(&mut self, hash: u64, list: &TextList, base: u64) -> Result<(), Malformed> {
        match list {
            TextList::Common(count) => self.push_common(hash, *count),
            TextList::Texts(texts) => self.push_texts(hash, texts, base),
        }
    }

    /// Appends an entry of some texts; see [`Self::push`].
    pub fn push_texts(&mut self, hash: u64, texts: &[u64], base: u64) -> Result<(), Malformed> {
        let short = self.next_hash(hash)?;
        let ascending = texts.is_sorted_by(|one, two| one < two);
        let (Some(first), Some(last)) = (texts.first(), texts.last()) else {
            return Err(Malformed("an entry without texts"));
        };
        if !ascending || *first < base || texts.len() > DF_CAP {
            return Err(Malformed("texts out of order or above the cap"));
        }
        self.largest = self.largest.max(last - base);
        self.entries.push((short, texts.len() as u64));
        self.texts.extend(texts.iter().map(|text| text - base));
        Ok(())
    }

    /// Appends an entry of more texts than the cap; see [`Self::push`].
    pub fn push_common(&mut self, hash: u64, count: u64) -> Result<(), Malformed> {
        let short = self.next_hash(hash)?;
        if count == 0 {
            return Err(Malformed("an entry without texts"));
        }
        self.entries.push((short, COMMON_LIST));
        self.texts.push(count);
        Ok(())
    }

    /// The hash without its free bits, if it may be the next one.
    fn next_hash(&self, hash: u64) -> Result<u64, Malformed> {
        let short = hash >> FREE_BITS;
        let end = self.start + (1 << width(self.bucket_bits));
        let after = self.entries.last().map_or(self.start, |(last, _)| last + 1);
        if hash != keys::gram_key(hash) || short < after || short >= end {
            return Err(Malformed("a hash out of order, out of place or too long"));
        }
        Ok(short)
    }

    /// Writes the finished value into `out`, which is cleared first.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.clear();
        self.append(out);
    }

    /// Appends the finished value to `out`.
    pub fn append(&mut self, out: &mut Vec<u8>) {
        put_varint(out, self.entries.len() as u64);
        if self.entries.is_empty() {
            return;
        }
        let text_bits = self.largest.checked_ilog2().map_or(0, |log| log + 1);
        let [.., text_bits_byte] = text_bits.to_be_bytes();
        out.push(text_bits_byte);
        let low = rice_low(width(self.bucket_bits), self.entries.len() as u64);
        let mut next = self.start;
        let mut rest = self.texts.as_slice();
        self.bits.clear();
        for (hash, count) in &self.entries {
            self.bits.rice(hash - next, low);
            next = hash + 1;
            self.bits.gamma(*count);
            let (texts, others) = split_texts(rest, *count);
            rest = others;
            match texts {
                [common] if *count == COMMON_LIST => self.bits.gamma(*common),
                [only] => self.bits.put(*only, text_bits),
                several => {
                    let low = rice_low(text_bits, *count);
                    let mut next = 0;
                    for text in several {
                        self.bits.rice(text - next, low);
                        next = text + 1;
                    }
                }
            }
        }
        out.extend_from_slice(self.bits.finish());
    }
}

/// The numbers of one entry, and those of the entries after it.
fn split_texts(texts: &[u64], count: u64) -> (&[u64], &[u64]) {
    let stored = if count == COMMON_LIST { 1 } else { count };
    let cut = usize::try_from(stored).unwrap_or(usize::MAX);
    texts.split_at_checked(cut).unwrap_or((texts, &[]))
}

/// Reads the entries of one bucket in order.
#[derive(Debug)]
pub struct BucketReader<'a> {
    bits: BitReader<'a>,
    left: u64,
    /// Smallest hash that may come, without its free bits, and the end of the bucket.
    next: u64,
    end: u64,
    low: u32,
    text_bits: u32,
    base: u64,
}

impl<'a> BucketReader<'a> {
    /// Starts reading bucket number `bucket` of `2^bucket_bits`, of a segment with base `base`.
    pub fn new(
        value: &'a [u8],
        bucket: u32,
        bucket_bits: u8,
        base: u64,
    ) -> Result<Self, Malformed> {
        const WHAT: &str = "bucket";
        let mut cursor = Cursor::new(value);
        let left = cursor.varint(WHAT)?;
        // An entry takes two bits at least; more entries would only be found missing later.
        if left > 8 * value.len() as u64 {
            return Err(Malformed(WHAT));
        }
        let text_bits = if left == 0 {
            0
        } else {
            u32::from(cursor.u8(WHAT)?)
        };
        if text_bits > u64::BITS {
            return Err(Malformed(WHAT));
        }
        let start = keys::bucket_start(bucket, bucket_bits) >> FREE_BITS;
        Ok(Self {
            bits: BitReader::new(cursor.rest()),
            left,
            next: start,
            end: start + (1 << width(bucket_bits)),
            low: rice_low(width(bucket_bits), left),
            text_bits,
            base,
        })
    }

    /// The next hash; its list must be read or skipped before the next call.
    #[inline]
    pub fn next_hash(&mut self) -> Result<Option<u64>, Malformed> {
        const WHAT: &str = "bucket";
        if self.left == 0 {
            self.bits.end(WHAT)?;
            return Ok(None);
        }
        self.left -= 1;
        let gap = self.bits.rice(self.low, WHAT)?;
        let hash = self.next.checked_add(gap).ok_or(Malformed(WHAT))?;
        if hash >= self.end {
            return Err(Malformed("a hash stands in the wrong bucket"));
        }
        self.next = hash + 1;
        Ok(Some(hash << FREE_BITS))
    }

    /// Reads the list of the hash just returned.
    pub fn list(&mut self) -> Result<TextList, Malformed> {
        let mut texts = Vec::new();
        match self.walk(|text| texts.push(text))? {
            None => Ok(TextList::Texts(texts)),
            Some(count) => Ok(TextList::Common(count)),
        }
    }

    /// Skips the list of the hash just returned.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Malformed> {
        self.walk(|_| ()).map(|_| ())
    }

    #[inline]
    fn walk(&mut self, mut each: impl FnMut(u64)) -> Result<Option<u64>, Malformed> {
        const WHAT: &str = "posting list";
        let add = |one: u64, two: u64| one.checked_add(two).ok_or(Malformed(WHAT));
        let count = self.bits.gamma(WHAT)?;
        if count == COMMON_LIST {
            return self.bits.gamma(WHAT).map(Some);
        }
        if count == 1 {
            each(add(self.base, self.bits.take(self.text_bits, WHAT)?)?);
            return Ok(None);
        }
        if count > COMMON_LIST {
            return Err(Malformed(WHAT));
        }
        let low = rice_low(self.text_bits, count);
        let mut next = self.base;
        for _ in 0..count {
            let text = add(next, self.bits.rice(low, WHAT)?)?;
            each(text);
            next = add(text, 1)?;
        }
        Ok(None)
    }
}
