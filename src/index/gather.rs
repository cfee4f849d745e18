//! Postings on their way: taken text by text, parted by hash, given back part by part.
//!
//! Hashes are uniform, so their top bits part them evenly: what follows (sorting, buckets, filter)
//! runs on all cores, part by part, and each part fits the caches. A full buffer becomes a **run**,
//! parted into [`SHARDS`]; runs beyond [`KEPT_BYTES`] go to a scratch file. A posting takes eight
//! bytes: the hash below its shard, the text's place in its run, and one flag.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;

use super::StoreError;
use super::keys;

/// Top bits of a hash that name its shard. Measured: parts of one shard or more are of some
/// 10^5 postings up to 5·10^8 of them, so that they stay in the second-level cache.
pub(crate) const SHARD_BITS: u8 = 12;
/// Shards of a run.
const SHARDS: usize = 1 << SHARD_BITS;
/// Postings of a run. Chosen: 32 MB, and as much again while they are parted.
const RUN_POSTINGS: usize = 4 << 20;
/// Memory for runs before the scratch file is begun. Chosen: the postings of 250 MB of text.
const KEPT_BYTES: usize = 64 << 20;
/// Bytes written to the scratch file at a time.
const WRITE_BYTES: usize = 1 << 20;
/// Bits of a text's place in its run, above the flag. A run has no more texts than postings, but
/// for one text that alone is more than a run.
const PLACE_BITS: u32 = 27;
/// Bytes of a posting.
const POSTING_BYTES: usize = 8;

/// One gram of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting {
    /// 48 bits, see [`keys::gram_key`].
    pub(crate) hash: u64,
    /// Number of the text, less the first of the registration.
    pub(crate) text: u64,
    /// Whether the text has at most [`super::ALONE_GRAMS`] grams: one fact per text.
    pub(crate) alone: bool,
}

/// Takes the grams of texts, in ascending order of texts.
pub(crate) struct Gatherer {
    dir: PathBuf,
    run_postings: usize,
    kept_bytes: usize,
    /// Hashes of the texts of the run under way, text after text.
    hashes: Vec<u64>,
    /// Where the hashes of each of its texts end, and whether it is alone.
    texts: Vec<(u32, bool)>,
    next_text: u64,
    count: u64,
    runs: Vec<Run>,
    held: usize,
    file: Option<File>,
    file_postings: u64,
}

impl Gatherer {
    /// Scratch files go to `dir` and vanish with what [`Self::finish`] gives.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::with(dir, RUN_POSTINGS, KEPT_BYTES)
    }

    fn with(dir: &Path, run_postings: usize, kept_bytes: usize) -> Self {
        Self {
            dir: dir.to_path_buf(),
            run_postings,
            kept_bytes,
            hashes: Vec::new(),
            texts: Vec::new(),
            next_text: 0,
            count: 0,
            runs: Vec::new(),
            held: 0,
            file: None,
            file_postings: 0,
        }
    }

    /// Adds the grams of the next text, in any order; repeats are harmless.
    pub(crate) fn add(&mut self, grams: &[u64], entry: u64, alone: bool) -> Result<(), StoreError> {
        let grams = grams.iter().chain([&entry]);
        self.hashes.extend(grams.map(|gram| keys::gram_key(*gram)));
        let end = u32::try_from(self.hashes.len()).map_err(|_| StoreError::Limit {
            what: "a text of more than 2^32 grams".to_owned(),
        })?;
        self.texts.push((end, alone));
        self.next_text += 1;
        if self.hashes.len() >= self.run_postings {
            self.end_run()?;
        }
        Ok(())
    }

    /// Parts the run under way.
    fn end_run(&mut self) -> Result<(), StoreError> {
        if self.texts.len() >> PLACE_BITS > 0 {
            return Err(StoreError::Limit {
                what: "a run of more than 2^27 texts".to_owned(),
            });
        }
        let mut ends = vec![0_u32; SHARDS + 1];
        for hash in &self.hashes {
            if let Some(count) = ends.get_mut(shard_of(*hash) + 1) {
                *count += 1;
            }
        }
        // Where each shard begins, for now; each posting placed moves its shard's begin on.
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut postings = vec![0_u64; self.hashes.len()];
        let mut begin = 0;
        for (place, (end, alone)) in self.texts.iter().enumerate() {
            let tail = (place as u64) << 1 | u64::from(*alone);
            let end = *end as usize;
            for hash in self.hashes.get(begin..end).unwrap_or_default() {
                if let Some(at) = ends.get_mut(shard_of(*hash))
                    && let Some(slot) = postings.get_mut(*at as usize)
                {
                    *slot = hash << SHARD_BITS | tail;
                    *at += 1;
                }
            }
            begin = end;
        }
        // Each begin has become its shard's end.
        ends.pop();
        let first_text = self.next_text - self.texts.len() as u64;
        let count = postings.len();
        self.count += count as u64;
        let place = if self.held + count * POSTING_BYTES <= self.kept_bytes {
            self.held += count * POSTING_BYTES;
            Place::Memory(postings)
        } else {
            Place::File(self.write(&postings)?)
        };
        self.runs.push(Run {
            first_text,
            ends,
            place,
        });
        self.hashes.clear();
        self.texts.clear();
        Ok(())
    }

    /// Appends postings to the scratch file; the place of the first.
    fn write(&mut self, postings: &[u64]) -> Result<u64, StoreError> {
        let file = match &mut self.file {
            Some(file) => file,
            slot => {
                let file = tempfile::tempfile_in(&self.dir)
                    .map_err(StoreError::io("create a scratch file in", &self.dir))?;
                slot.insert(file)
            }
        };
        let mut bytes = Vec::with_capacity(WRITE_BYTES);
        for some in postings.chunks(WRITE_BYTES / POSTING_BYTES) {
            bytes.clear();
            bytes.extend(some.iter().flat_map(|posting| posting.to_le_bytes()));
            file.write_all(&bytes)
                .map_err(StoreError::io("write a scratch file in", &self.dir))?;
        }
        let start = self.file_postings;
        self.file_postings += postings.len() as u64;
        Ok(start)
    }

    /// All postings, to be taken part by part.
    pub(crate) fn finish(mut self) -> Result<Gathered, StoreError> {
        if !self.texts.is_empty() {
            self.end_run()?;
        }
        Ok(Gathered {
            dir: self.dir,
            texts: self.next_text,
            count: self.count,
            runs: self.runs,
            file: self.file,
        })
    }
}

/// The shard of a hash.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "twelve bits are left")]
fn shard_of(hash: u64) -> usize {
    (hash >> (64 - u32::from(SHARD_BITS))) as usize
}

/// Parted postings of consecutive texts.
struct Run {
    first_text: u64,
    /// Where each shard ends.
    ends: Vec<u32>,
    place: Place,
}

enum Place {
    Memory(Vec<u64>),
    /// Behind so many postings in the scratch file.
    File(u64),
}

impl Run {
    /// Where the postings of some shards stand.
    fn range(&self, shards: &Range<usize>) -> Range<usize> {
        let begin = match shards.start.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
        };
        let end = shards
            .end
            .checked_sub(1)
            .and_then(|last| self.ends.get(last));
        begin as usize..end.copied().unwrap_or(begin) as usize
    }
}

/// All postings of a registration, parted by hash.
pub(crate) struct Gathered {
    dir: PathBuf,
    texts: u64,
    count: u64,
    runs: Vec<Run>,
    file: Option<File>,
}

impl Gathered {
    /// Texts added.
    pub(crate) fn texts(&self) -> u64 {
        self.texts
    }

    /// Postings added, repeats included.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The postings of part number `part` of `2^part_bits`; at most [`SHARD_BITS`] bits. Parts
    /// may be taken on several threads at once.
    pub(crate) fn part(&self, part: usize, part_bits: u8) -> Result<Part<'_>, StoreError> {
        let shards = SHARDS >> part_bits;
        let shards = part * shards..(part + 1) * shards;
        let mut runs = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let range = run.range(&shards);
            let postings = match &run.place {
                Place::Memory(postings) => Cow::Borrowed(postings.get(range).unwrap_or_default()),
                Place::File(start) => {
                    Cow::Owned(self.read(start + range.start as u64, range.len())?)
                }
            };
            runs.push((run, postings));
        }
        Ok(Part { shards, runs })
    }

    fn read(&self, start: u64, count: usize) -> Result<Vec<u64>, StoreError> {
        let file = self.file.as_ref().ok_or_else(|| {
            StoreError::corrupt("a run without its file", self.dir.display().to_string())
        })?;
        let mut bytes = vec![0; count * POSTING_BYTES];
        file.read_exact_at(&mut bytes, start * POSTING_BYTES as u64)
            .map_err(StoreError::io("read a scratch file in", &self.dir))?;
        let (postings, _) = bytes.as_chunks::<POSTING_BYTES>();
        Ok(postings
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect())
    }
}

/// The postings of some neighbouring shards.
pub(crate) struct Part<'g> {
    shards: Range<usize>,
    /// Of each run, in order of texts.
    runs: Vec<(&'g Run, Cow<'g, [u64]>)>,
}

impl Part<'_> {
    /// Postings, repeats included.
    pub(crate) fn count(&self) -> usize {
        self.runs.iter().map(|(_, postings)| postings.len()).sum()
    }

    /// Calls `each` with every posting, the same order each time.
    #[inline]
    pub(crate) fn each(&self, mut each: impl FnMut(Posting)) {
        for (run, postings) in &self.runs {
            let mut rest = postings.as_ref();
            for shard in self.shards.clone() {
                let count = run.range(&(shard..shard + 1)).len();
                let (own, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                rest = others;
                let top = (shard as u64) << (64 - u32::from(SHARD_BITS));
                for posting in own {
                    each(Posting {
                        hash: top | keys::gram_key(posting >> SHARD_BITS),
                        text: run.first_text + (posting >> 1 & ((1 << PLACE_BITS) - 1)),
                        alone: posting & 1 == 1,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_posting_comes_back_in_its_part(
            texts in prop::collection::vec((prop::collection::vec(any::<u64>(), 0..30), any::<u64>(), any::<bool>()), 0..40),
            run_postings in 1_usize..200, kept in 0_usize..2000, part_bits in 0..=SHARD_BITS,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut gatherer = Gatherer::with(dir.path(), run_postings, kept);
            let mut expected = Vec::new();
            for (text, (grams, entry, alone)) in (0..).zip(&texts) {
                gatherer.add(grams, *entry, *alone).unwrap();
                expected.extend(grams.iter().chain([entry]).map(|gram| Posting {
                    hash: gram >> 16 << 16,
                    text,
                    alone: *alone,
                }));
            }
            let gathered = gatherer.finish().unwrap();
            prop_assert_eq!((gathered.count(), gathered.texts()), (expected.len() as u64, texts.len() as u64));
            let mut found = Vec::new();
            for part in 0..1 << part_bits {
                let from = found.len();
                gathered.part(part, part_bits).unwrap().each(|posting| found.push(posting));
                prop_assert_eq!(gathered.part(part, part_bits).unwrap().count(), found.len() - from);
                let own: &[Posting] = &found[from..];
                let inside = own.iter().all(|posting| {
                    let top = u128::from(posting.hash) >> (64 - u32::from(part_bits));
                    usize::try_from(top) == Ok(part)
                });
                prop_assert!(inside);
            }
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }
}
