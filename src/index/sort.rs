//! Sorting more records than memory holds: sorted runs in one scratch file, merged by a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::slice::ParallelSliceMut as _;

use super::StoreError;

/// Memory for records not yet written. Chosen: a million claims; more only lengthens the runs.
pub(crate) const BUFFER_BYTES: usize = 32 << 20;
/// Memory for reading one run. Chosen: long sequential reads; 1000 runs take 256 MB.
const READ_BYTES: usize = 256 << 10;

/// A fixed-size record.
pub(crate) trait Record: Copy + Ord + Send {
    /// Bytes of a record in the scratch file.
    const BYTES: usize;
    /// Appends the bytes.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads `BYTES` bytes.
    fn get(bytes: &[u8]) -> Option<Self>;
}

struct Run {
    start: u64,
    end: u64,
}

/// Takes records in any order.
pub(crate) struct Sorter<R> {
    buffer: Vec<R>,
    capacity: usize,
    dir: PathBuf,
    file: Option<File>,
    bytes: u64,
    runs: Vec<Run>,
}

impl<R: Record> Sorter<R> {
    /// Scratch files go to `dir` and vanish with the sorter.
    pub(crate) fn new(dir: &Path, buffer_bytes: usize) -> Self {
        let capacity = (buffer_bytes / size_of::<R>().max(1)).max(2);
        Self {
            buffer: Vec::new(),
            capacity,
            dir: dir.to_path_buf(),
            file: None,
            bytes: 0,
            runs: Vec::new(),
        }
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: R) -> Result<(), StoreError> {
        if self.buffer.len() >= self.capacity {
            self.spill()?;
        }
        self.buffer.push(record);
        Ok(())
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        let failed = |doing| StoreError::io(doing, &self.dir);
        self.buffer.par_sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            slot => {
                let file =
                    tempfile::tempfile_in(&self.dir).map_err(failed("create a scratch file in"))?;
                slot.insert(file)
            }
        };
        file.seek(SeekFrom::End(0))
            .map_err(StoreError::io("seek a scratch file in", &self.dir))?;
        let mut bytes = Vec::with_capacity(READ_BYTES);
        let start = self.bytes;
        for chunk in self.buffer.chunks((READ_BYTES / R::BYTES).max(1)) {
            bytes.clear();
            for record in chunk {
                record.put(&mut bytes);
            }
            file.write_all(&bytes)
                .map_err(StoreError::io("write a scratch file in", &self.dir))?;
            self.bytes += bytes.len() as u64;
        }
        self.runs.push(Run {
            start,
            end: self.bytes,
        });
        self.buffer.clear();
        Ok(())
    }

    /// All records in ascending order.
    pub(crate) fn finish(mut self) -> Result<Sorted<R>, StoreError> {
        if self.runs.is_empty() {
            self.buffer.par_sort_unstable();
            return Ok(Sorted {
                memory: self.buffer.into_iter(),
                runs: Vec::new(),
                heap: BinaryHeap::new(),
            });
        }
        if !self.buffer.is_empty() {
            self.spill()?;
        }
        self.buffer = Vec::new();
        let Some(file) = self.file.take() else {
            return Err(StoreError::corrupt(
                "runs without a scratch file",
                self.dir.display().to_string(),
            ));
        };
        let file = Arc::new(file);
        let mut sorted = Sorted {
            memory: Vec::new().into_iter(),
            runs: self
                .runs
                .iter()
                .map(|run| RunReader {
                    file: Arc::clone(&file),
                    at: run.start,
                    end: run.end,
                    records: Vec::new().into_iter(),
                    dir: self.dir.clone(),
                })
                .collect(),
            heap: BinaryHeap::new(),
        };
        for index in 0..sorted.runs.len() {
            sorted.refill(index)?;
        }
        Ok(sorted)
    }
}

struct RunReader<R> {
    file: Arc<File>,
    at: u64,
    end: u64,
    records: std::vec::IntoIter<R>,
    dir: PathBuf,
}

impl<R: Record> RunReader<R> {
    fn next(&mut self) -> Result<Option<R>, StoreError> {
        if let Some(record) = self.records.next() {
            return Ok(Some(record));
        }
        let chunk = (READ_BYTES / R::BYTES).max(1) * R::BYTES;
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let mut bytes = vec![0; chunk.min(left)];
        self.file
            .read_exact_at(&mut bytes, self.at)
            .map_err(StoreError::io("read a scratch file in", &self.dir))?;
        self.at += bytes.len() as u64;
        let records: Option<Vec<R>> = bytes.chunks(R::BYTES).map(R::get).collect();
        let records =
            records.ok_or_else(|| StoreError::corrupt("a cut record", "a scratch file"))?;
        self.records = records.into_iter();
        Ok(self.records.next())
    }
}

/// Ascending records.
pub(crate) struct Sorted<R> {
    memory: std::vec::IntoIter<R>,
    runs: Vec<RunReader<R>>,
    heap: BinaryHeap<Reverse<(R, usize)>>,
}

impl<R: Record> Sorted<R> {
    fn refill(&mut self, index: usize) -> Result<(), StoreError> {
        if let Some(run) = self.runs.get_mut(index)
            && let Some(record) = run.next()?
        {
            self.heap.push(Reverse((record, index)));
        }
        Ok(())
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Result<Option<R>, StoreError> {
        if self.runs.is_empty() {
            return Ok(self.memory.next());
        }
        let Some(Reverse((record, index))) = self.heap.pop() else {
            return Ok(None);
        };
        self.refill(index)?;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Pair(u64, u64);

    impl Record for Pair {
        const BYTES: usize = 16;

        fn put(&self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.0.to_be_bytes());
            out.extend_from_slice(&self.1.to_be_bytes());
        }

        fn get(bytes: &[u8]) -> Option<Self> {
            let (one, rest) = bytes.split_first_chunk::<8>()?;
            let two = rest.first_chunk::<8>()?;
            Some(Self(u64::from_be_bytes(*one), u64::from_be_bytes(*two)))
        }
    }

    proptest! {
        #[test]
        fn any_buffer_gives_the_order_of_a_plain_sort(
            records in prop::collection::vec((0_u64..50, any::<u64>()), 0..200),
            buffer_bytes in 0_usize..2000,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(dir.path(), buffer_bytes);
            for &(one, two) in &records {
                sorter.push(Pair(one, two)).unwrap();
            }
            let mut sorted = sorter.finish().unwrap();
            let mut found = Vec::new();
            while let Some(Pair(one, two)) = sorted.next().unwrap() {
                found.push((one, two));
            }
            let mut expected = records;
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn runs_longer_than_the_read_buffer_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let count = 3 * READ_BYTES as u64 / 16 + 7;
        let mut sorter = Sorter::new(dir.path(), 2 * READ_BYTES);
        for one in (0..count).rev() {
            sorter.push(Pair(one, 1)).unwrap();
        }
        let mut merged = sorter.finish().unwrap();
        for one in 0..count {
            assert_eq!(merged.next().unwrap(), Some(Pair(one, 1)));
        }
        assert_eq!(merged.next().unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
