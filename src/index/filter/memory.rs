//! Lines in memory, each within one cache line, of big filters on big pages.

use std::io;

use memmap2::MmapMut;

use super::line::LINE_BYTES;
use super::line::Line;

/// Size from which lines are asked onto huge pages: that of one such page. Measured: on a virtual
/// machine a filter of 12 MB on pages of 4 KiB costs twice as much to probe, since the processor
/// keeps the addresses of some 8 MB of them only.
const MAPPED_BYTES: usize = 2 << 20;

/// A number of lines, zeroed at first.
#[derive(Debug)]
pub(super) enum Lines {
    /// From the allocator, with room to begin at a multiple of a line.
    Heap { bytes: Vec<u8>, start: usize },
    /// From the system, on huge pages where it has them.
    Mapped(MmapMut),
}

impl Lines {
    /// Memory for `count` lines.
    pub(super) fn new(count: usize) -> io::Result<Self> {
        let size = count
            .checked_mul(LINE_BYTES)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        if size >= MAPPED_BYTES {
            let map = MmapMut::map_anon(size)?;
            // A system without huge pages refuses; the memory is as good, only slower.
            #[cfg(target_os = "linux")]
            let _refused = map.advise(memmap2::Advice::HugePage).is_err();
            return Ok(Self::Mapped(map));
        }
        let bytes = vec![0; size + LINE_BYTES];
        let start = bytes.as_ptr().align_offset(LINE_BYTES);
        // The offset is "none" only where an address has no meaning; any start is right there.
        let start = if start > LINE_BYTES { 0 } else { start };
        Ok(Self::Heap { bytes, start })
    }

    /// All bytes of the lines; for [`Self::Heap`] with a line's worth of slack cut off.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Heap { bytes, start } => {
                let size = bytes.len() - LINE_BYTES;
                bytes.get(*start..start + size).unwrap_or_default()
            }
        }
    }

    /// As [`Self::bytes`], to be filled.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Heap { bytes, start } => {
                let size = bytes.len() - LINE_BYTES;
                bytes.get_mut(*start..*start + size).unwrap_or_default()
            }
        }
    }

    /// The lines.
    #[inline]
    pub(super) fn lines(&self) -> &[Line] {
        self.bytes().as_chunks().0
    }

    /// The lines, to be filled.
    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        self.bytes_mut().as_chunks_mut().0
    }
}

/// Brings a line towards the first-level cache. A hint: nothing is read, nothing waits.
#[inline]
#[cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the instruction takes a pointer, which it never follows"
    )
)]
pub(super) fn fetch(line: &Line) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no effect that a program can see, whatever the address.
    unsafe {
        use std::arch::x86_64::_MM_HINT_T0;
        use std::arch::x86_64::_mm_prefetch;
        _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
