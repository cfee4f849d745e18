//! Reading and writing values that are no whole bytes.
//!
//! Bits fill each byte from its lowest up; a value's lowest bit comes first.

use super::bytes::Malformed;

/// Appends bits to bytes.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not written yet.
    rest: u64,
    /// Their number, below 64.
    filled: u32,
}

impl BitWriter {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rest = 0;
        self.filled = 0;
    }

    /// The low `width` bits of a value, at most 64.
    #[inline]
    pub fn put(&mut self, value: u64, width: u32) {
        let value = value & 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1);
        self.rest |= value << self.filled;
        let filled = self.filled + width;
        if filled < u64::BITS {
            self.filled = filled;
            return;
        }
        self.bytes.extend_from_slice(&self.rest.to_le_bytes());
        // What did not fit; nothing where the value stood alone.
        self.rest = value.checked_shr(u64::BITS - self.filled).unwrap_or(0);
        self.filled = filled - u64::BITS;
    }

    /// `count` ones and a zero.
    #[inline]
    pub fn unary(&mut self, mut count: u64) {
        while count >= 63 {
            self.put(u64::MAX, 63);
            count -= 63;
        }
        let ones = (1_u64 << count) - 1;
        // Below 63, so it fits.
        self.put(ones, u32::try_from(count).unwrap_or(0) + 1);
    }

    /// Rice code: the value without its low `low` bits in unary, then those bits.
    #[inline]
    pub fn rice(&mut self, value: u64, low: u32) {
        self.unary(value.checked_shr(low).unwrap_or(0));
        self.put(value, low);
    }

    /// Elias gamma code of a value above 0: its length in bits, less one, in unary, then the value
    /// without its highest bit.
    #[inline]
    pub fn gamma(&mut self, value: u64) {
        let below = value.max(1).ilog2();
        self.unary(u64::from(below));
        self.put(value, below);
    }

    /// Everything written, the last byte filled up with zeros.
    pub fn finish(&mut self) -> &[u8] {
        let rest = self.rest.to_le_bytes();
        let bytes = self.filled.div_ceil(8) as usize;
        self.bytes.extend(rest.iter().take(bytes));
        self.rest = 0;
        self.filled = 0;
        &self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug, Clone, Copy)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Bits that one look ahead shows at least.
const WINDOW_BITS: u32 = 56;

impl<'a> BitReader<'a> {
    /// Starts at the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next [`WINDOW_BITS`] bits or more, zeros beyond the end.
    #[inline]
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let bytes = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(rest) {
                *to = *from;
            }
            bytes
        });
        u64::from_le_bytes(bytes) >> (self.at % 8)
    }

    #[inline]
    fn advance(&mut self, count: u32, what: &'static str) -> Result<(), Malformed> {
        self.at += count as usize;
        if self.at > 8 * self.bytes.len() {
            return Err(Malformed(what));
        }
        Ok(())
    }

    /// A value of `width` bits, at most 64.
    #[inline]
    pub fn take(&mut self, width: u32, what: &'static str) -> Result<u64, Malformed> {
        if width > WINDOW_BITS {
            let low = self.take(32, what)?;
            return Ok(low | self.take(width - 32, what)? << 32);
        }
        let value = self.window() & ((1 << width) - 1);
        self.advance(width, what)?;
        Ok(value)
    }

    /// The number of ones before the next zero.
    pub fn unary(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut count = 0;
        loop {
            let ones = self.window().trailing_ones().min(WINDOW_BITS);
            count += u64::from(ones);
            if ones < WINDOW_BITS {
                self.advance(ones + 1, what)?;
                return Ok(count);
            }
            self.advance(ones, what)?;
        }
    }

    /// See [`BitWriter::rice`].
    #[inline]
    pub fn rice(&mut self, low: u32, what: &'static str) -> Result<u64, Malformed> {
        // Nearly always all of it is in sight.
        let window = self.window();
        let high = window.trailing_ones();
        if high + 1 + low <= WINDOW_BITS {
            self.advance(high + 1 + low, what)?;
            let rest = (window >> (high + 1)) & ((1 << low) - 1);
            return Ok((u64::from(high) << low) | rest);
        }
        self.long_rice(low, what)
    }

    #[cold]
    fn long_rice(&mut self, low: u32, what: &'static str) -> Result<u64, Malformed> {
        let high = self.unary(what)?;
        let shifted = high.checked_shl(low).unwrap_or(0);
        if shifted.checked_shr(low) != Some(high) && high != 0 {
            return Err(Malformed(what));
        }
        Ok(shifted | self.take(low, what)?)
    }

    /// See [`BitWriter::gamma`].
    #[inline]
    pub fn gamma(&mut self, what: &'static str) -> Result<u64, Malformed> {
        if self.window() & 1 == 0 {
            self.advance(1, what)?;
            return Ok(1);
        }
        self.long_gamma(what)
    }

    fn long_gamma(&mut self, what: &'static str) -> Result<u64, Malformed> {
        match u32::try_from(self.unary(what)?) {
            Ok(below) if below < 64 => Ok((1 << below) | self.take(below, what)?),
            _ => Err(Malformed(what)),
        }
    }

    /// Refuses whole bytes and ones beyond what was read.
    pub fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.at.div_ceil(8) == self.bytes.len() && self.window() == 0 {
            Ok(())
        } else {
            Err(Malformed(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(values in prop::collection::vec((any::<u64>(), 0_u32..=64, 0_u8..4), 0..60)) {
            let mut out = BitWriter::default();
            for &(value, width, kind) in &values {
                match kind {
                    0 => out.put(value, width),
                    1 => out.unary(value >> 57),
                    2 => out.rice(value >> 32, 26 + width / 2),
                    _ => out.gamma((value >> (width / 2)).max(1)),
                }
            }
            let bytes = out.finish().to_vec();
            let mut bits = BitReader::new(&bytes);
            for &(value, width, kind) in &values {
                let (found, expected) = match kind {
                    0 => (bits.take(width, "v"), value.checked_shl(64 - width).unwrap_or(0).checked_shr(64 - width).unwrap_or(0)),
                    1 => (bits.unary("v"), value >> 57),
                    2 => (bits.rice(26 + width / 2, "v"), value >> 32),
                    _ => (bits.gamma("v"), (value >> (width / 2)).max(1)),
                };
                prop_assert_eq!(found, Ok(expected));
            }
            prop_assert_eq!(bits.end("v"), Ok(()));
            let longer = [bytes.as_slice(), &[0]].concat();
            let mut bits = BitReader::new(&longer);
            bits.at = 8 * bytes.len();
            prop_assert!(bits.end("v").is_err());
        }
    }

    #[test]
    fn bits_by_hand() {
        let mut out = BitWriter::default();
        out.gamma(1); // 0
        out.gamma(6); // 110 then the low bits of 6, "10", lowest first: 0 1
        out.rice(9, 2); // 9 = 2 · 4 + 1: 110, then "01", lowest first: 1 0
        // In order: 0 11001 11010, so the bytes from their lowest bits up.
        assert_eq!(out.finish(), [0b1110_0110, 0b0000_0010]);
    }

    #[test]
    fn the_end_is_noticed() {
        for bytes in [&[][..], &[0xff], &[0xff; 9], &[0xff; 40]] {
            assert!(BitReader::new(bytes).unary("v").is_err());
            assert!(BitReader::new(bytes).gamma("v").is_err());
        }
        assert!(BitReader::new(&[0; 7]).take(57, "v").is_err());
        assert_eq!(BitReader::new(&[0xff; 8]).take(64, "v"), Ok(u64::MAX));
        assert!(BitReader::new(&[0, 1]).end("v").is_err());
        assert!(BitReader::new(&[1]).end("v").is_err());
    }
}
