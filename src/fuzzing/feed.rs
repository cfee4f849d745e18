//! Made-up bytes taken apart into made-up values. Where the bytes end, zeros follow.

/// Bytes not used yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feed<'a>(pub(super) &'a [u8]);

impl<'a> Feed<'a> {
    pub(super) fn u8(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// A number of any length in bits, so that small ones are as frequent as large ones.
    pub(super) fn number(&mut self) -> u64 {
        let bits = u32::from(self.u8()) % 65;
        self.u64().checked_shr(64 - bits).unwrap_or(0)
    }

    /// Up to `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A piece behind its length in one byte.
    pub(super) fn piece(&mut self) -> &'a [u8] {
        let len = usize::from(self.u8());
        self.take(len)
    }

    /// A text behind its length in one byte; what is no UTF-8 is replaced.
    pub(super) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.piece()).into_owned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy of `original` with a few changes: bytes replaced, put in, taken out, repeated, cut.
    pub(super) fn changed(&mut self, original: &[u8]) -> Vec<u8> {
        let mut out = original.to_vec();
        for _ in 0..=self.u8() % 6 {
            let at = usize::from(self.u16()) % (out.len() + 1);
            match self.u8() % 6 {
                0 | 1 => {
                    let byte = self.u8();
                    if let Some(old) = out.get_mut(at) {
                        *old = byte;
                    }
                }
                2 => {
                    let with = self.piece();
                    out.splice(at..at, with.iter().copied());
                }
                3 => {
                    let end = (at + usize::from(self.u8())).min(out.len());
                    out.drain(at..end);
                }
                4 => {
                    let end = (at + usize::from(self.u8())).min(out.len());
                    let again = out[at..end].to_vec();
                    let to = usize::from(self.u16()) % (out.len() + 1);
                    out.splice(to..to, again);
                }
                _ => out.truncate(at),
            }
        }
        out
    }
}
