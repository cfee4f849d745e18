//! The file as the Parquet decoder sees it: sizes are checked before it allocates them.

use std::collections::HashSet;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use parquet::file::reader::Length;

use crate::read::limits::FOOTER_BYTES_MAX;
use crate::read::source::Positioned;
use crate::read::source::Source;
use crate::read::source::read_at_most;

/// Buffer for page headers; the pages themselves are read in one piece.
const HEADER_BUFFER_BYTES: usize = 8 << 10;

/// A file as the Parquet decoder sees it: positioned reads on one descriptor, sizes checked.
#[derive(Clone)]
pub(in crate::read) struct Chunks {
    file: Arc<std::fs::File>,
    len: u64,
    /// `None` while the footer is read.
    page_bytes_max: Option<usize>,
    furthest: Arc<AtomicU64>,
    pages: Pages,
}

/// Where the pages begin whose headers were read, each until its bytes are asked for. The decoder
/// asks for a reader at a header, and in lists once more at the page itself.
type Pages = Arc<Mutex<HashSet<u64>>>;

impl Chunks {
    pub(in crate::read) fn new(source: &Source, page_bytes_max: Option<usize>) -> Self {
        Self {
            file: Arc::clone(source.file()),
            len: source.len(),
            page_bytes_max,
            furthest: Arc::default(),
            pages: Arc::default(),
        }
    }

    /// The same file for another decoder: what one asks for does not vouch for the other.
    pub(super) fn fork(&self) -> Self {
        Self {
            pages: Arc::default(),
            ..self.clone()
        }
    }

    /// The furthest byte that any decoder of the file has read.
    pub(super) fn furthest(&self) -> u64 {
        self.furthest.load(Ordering::Relaxed)
    }

    fn pages(&self) -> Result<MutexGuard<'_, HashSet<u64>>, ParquetError> {
        self.pages
            .lock()
            .map_err(|_| ParquetError::General("an earlier panic".to_owned()))
    }
}

/// Reads on from an offset, byte by byte if asked so, and notes where it stands: behind a header
/// its page begins.
pub(in crate::read) struct From {
    buffer: BufReader<Positioned<'static>>,
    at: u64,
    pages: Pages,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.buffer.read(into)?;
        let mut pages = self
            .pages
            .lock()
            .map_err(|_| io::Error::other("an earlier panic"))?;
        pages.remove(&self.at);
        self.at += read as u64;
        pages.insert(self.at);
        Ok(read)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Chunks {
    type T = From;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        if let Some(limit) = self.page_bytes_max {
            let is_page = self.pages()?.contains(&start);
            if !is_page {
                let mut head = [0; 24];
                let read = read_at_most(&self.file, start, &mut head)?;
                let size = page_size(head.get(..read).unwrap_or_default()).ok_or_else(|| {
                    ParquetError::General(format!("no page header at byte {start}"))
                })?;
                if size > limit as u64 {
                    return Err(too_large(size, limit));
                }
            }
        }
        let mut positioned = Positioned::new(Arc::clone(&self.file), None);
        positioned.seek(SeekFrom::Start(start))?;
        let buffer = BufReader::with_capacity(HEADER_BUFFER_BYTES, positioned);
        Ok(From {
            buffer,
            at: start,
            pages: Arc::clone(&self.pages),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let limit = self.page_bytes_max.unwrap_or(FOOTER_BYTES_MAX);
        if length > limit {
            return Err(too_large(length as u64, limit));
        }
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.len)
        {
            return Err(ParquetError::EOF(format!(
                "bytes {start}+{length} of {}",
                self.len
            )));
        }
        let mut buffer = vec![0; length];
        let read = read_at_most(&self.file, start, &mut buffer)?;
        if read != length {
            return Err(ParquetError::EOF(format!(
                "{read} of {length} bytes at {start}"
            )));
        }
        self.pages()?.remove(&start);
        self.furthest
            .fetch_max(start + length as u64, Ordering::Relaxed);
        Ok(Bytes::from(buffer))
    }
}

/// Marks an error of [`Chunks`] as a matter of limits.
pub(super) const TOO_LARGE: &str = "over the limit for pages";

fn too_large(size: u64, limit: usize) -> ParquetError {
    ParquetError::General(format!("{TOO_LARGE}: {size} bytes, limit {limit}"))
}

/// The larger of the two sizes that a page header names: fields 2 and 3 of the Thrift struct
/// `PageHeader`, compact protocol, which follow field 1 at once because all three are required.
fn page_size(header: &[u8]) -> Option<u64> {
    let mut bytes = header.iter().copied();
    let mut sizes = [0u64; 3];
    for size in &mut sizes {
        // Field id one up from the last, type i32.
        if bytes.next()? != 0x15 {
            return None;
        }
        let mut shift = 0;
        let mut value = 0u64;
        loop {
            let byte = bytes.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                return None;
            }
        }
        // Zigzag: odd numbers are negative.
        if value % 2 == 1 {
            return None;
        }
        *size = value / 2;
    }
    let [_, uncompressed, compressed] = sizes;
    Some(uncompressed.max(compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_page_headers() {
        // type 0, uncompressed 300 (zigzag 600), compressed 5 (zigzag 10), then more fields.
        assert_eq!(
            page_size(&[0x15, 0, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x2c]),
            Some(300)
        );
        // -1 as a size.
        assert_eq!(page_size(&[0x15, 0, 0x15, 0x01, 0x15, 0x0a]), None);
        // 2^31 - 1, the most that an i32 can name.
        let most = [0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x0a];
        assert_eq!(page_size(&most), Some((1 << 31) - 1));
        assert_eq!(page_size(&[0x15, 0, 0x25, 2, 0x15, 2]), None);
        assert_eq!(page_size(&[0x15]), None);
    }
}
