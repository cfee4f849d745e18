//! The filter in front of a segment: answers "not here", or a tag, from one cache line of memory.
//!
//! A blocked, bumped retrieval structure. Hashes are spread over lines of 64 bytes; a line stores
//! its keys' 16-bit values (a check byte and the [`Tag`]) as the solution of a small system of
//! linear equations over GF(2), one equation a key. Keys that a full line cannot take are
//! **bumped** to the next, smaller level. The line's own threshold says which, so a look-up reads
//! one line, and in one of twenty cases a second. About 19.5 bits a key, false positives near
//! 2^-8, and no false negative. The last point carries the promise of the whole index, so every
//! key is read back after construction and a miss is an error.
//!
//! Sources: Dillinger, Hübschle-Schneider, Sanders, Walzer, *Fast Succinct Retrieval and
//! Approximate Membership Using Ribbon*, SEA 2022, doi:10.4230/LIPIcs.SEA.2022.4 (bumping by a
//! threshold per block, with a layer below); Putze, Sanders, Singler, *Cache-, Hash- and
//! Space-Efficient Bloom Filters*, 2009, doi:10.1145/1498698.1594230 (one cache line a key). Ours
//! solves each line alone and lets it try several seeds. `docs/decisions/0009` has the figures.

mod build;
mod line;
mod memory;
mod mix;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

pub(crate) use build::FilterBuilder;
pub(crate) use build::Tagged;
use line::LINE_BYTES;
use line::Line;
use memory::Lines;

use super::StoreError;
use super::bytes::Cursor;
use super::keys;
use super::keys::FILTER_HEAD_BYTES;
use super::keys::FilterHead;
use super::keys::LEVEL_HEAD_BYTES;
use super::keys::LevelHead;
use super::tag::Tag;

/// Hashes probed together. Measured: 64 to 256 cost the same, 32 a little more.
const CHUNK: usize = 128;

/// Share of absent hashes that a filter takes for present: the check byte agrees by chance.
pub const FALSE_POSITIVES: f64 = 1.0 / 256.0;

/// A probed hash that may be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Its position among the hashes asked.
    pub at: u32,
    /// What the filter says of its texts; meaningless in a false positive.
    pub tag: Tag,
}

/// The filter of one segment, in memory.
#[derive(Debug)]
pub(crate) struct Filter {
    entries: u64,
    /// The first has most keys, each further one those bumped before.
    levels: Vec<Lines>,
}

/// What a written filter file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilterFile {
    pub(crate) bytes: u64,
    pub(crate) blake3: [u8; 32],
}

impl Filter {
    /// The tag of a hash that the segment may hold; `None` is certain. Of an entry of the segment
    /// the tag is exact.
    #[inline]
    pub(crate) fn probe(&self, hash: u64) -> Option<Tag> {
        let mut place = hash;
        for level in &self.levels {
            let lines = level.lines();
            // `line_of` stays below the number of lines; a level without lines is never built.
            let line = lines.get(mix::line_of(place, lines.len() as u64))?;
            place = mix::scramble(place);
            let head = line::head(line);
            if line::holds(head, place) {
                return line::read(line, head, place).map(Tag::from_byte);
            }
        }
        // The last level takes every key it is given.
        None
    }

    /// Asks the processor for the first level's lines of these hashes; waits for none.
    pub(super) fn fetch(&self, hashes: &[u64]) {
        let Some(level) = self.levels.first() else {
            return;
        };
        let lines = level.lines();
        for &hash in hashes {
            let place = keys::gram_key(hash);
            if let Some(line) = lines.get(mix::line_of(place, lines.len() as u64)) {
                memory::fetch(line);
            }
        }
    }

    /// Appends a hit for every hash of a chunk that the segment may hold.
    fn probe_chunk(&self, hashes: &[u64], first: u32, out: &mut Vec<Hit>) {
        let mut asked = Asked {
            places: [0; CHUNK],
            at: [0; CHUNK],
            count: hashes.len().min(CHUNK),
        };
        let slots = asked.places.iter_mut().zip(&mut asked.at);
        for ((&hash, at), (place, slot)) in hashes.iter().zip(first..).zip(slots) {
            (*place, *slot) = (keys::gram_key(hash), at);
        }
        for level in &self.levels {
            if asked.count == 0 {
                break;
            }
            asked.pass(level.lines(), out);
        }
    }

    /// Distinct hashes.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes held in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.levels
            .iter()
            .map(|level| level.bytes().len() as u64)
            .sum()
    }

    /// Reads a filter file and checks its checksum, its segment and its number of entries.
    pub(crate) fn load(path: &Path, segment: u32, entries: u64) -> Result<Self, StoreError> {
        let at = || path.display().to_string();
        let mut file = File::open(path).map_err(StoreError::io("open the filter", path))?;
        let size = file
            .metadata()
            .map_err(StoreError::io("look at the filter", path))?
            .len();
        let mut hasher = blake3::Hasher::new();
        let mut read = |bytes: &mut [u8]| -> Result<(), StoreError> {
            file.read_exact(bytes)
                .map_err(StoreError::io("read the filter", path))?;
            hasher.update_rayon(bytes);
            Ok(())
        };
        let mut head = [0; FILTER_HEAD_BYTES];
        read(&mut head)?;
        let head = FilterHead::decode(&mut Cursor::new(&head)).map_err(|bad| bad.at(at()))?;
        if head.segment != segment || head.entries != entries {
            return Err(StoreError::corrupt(
                format!(
                    "the filter is of segment {} with {} entries, the index has segment {segment} with {entries}",
                    head.segment, head.entries
                ),
                at(),
            ));
        }
        let mut heads = vec![0; head.levels as usize * LEVEL_HEAD_BYTES];
        read(&mut heads)?;
        let heads: Vec<LevelHead> = heads
            .chunks(LEVEL_HEAD_BYTES)
            .map(|bytes| LevelHead::decode(&mut Cursor::new(bytes)))
            .collect::<Result<_, _>>()
            .map_err(|bad| bad.at(at()))?;
        // Compared before allocating, so that a damaged length cannot ask for memory.
        let lines = heads
            .iter()
            .map(|head| u128::from(head.lines))
            .sum::<u128>();
        let fixed = FILTER_HEAD_BYTES + heads.len() * LEVEL_HEAD_BYTES + blake3::OUT_LEN;
        let first = heads.first().map_or(0, |head| head.keys);
        if u128::from(size) != fixed as u128 + lines * LINE_BYTES as u128 || first != entries {
            return Err(StoreError::corrupt("the filter's length is wrong", at()));
        }
        let mut levels = Vec::with_capacity(heads.len());
        for head in heads {
            let mut level = Lines::new(usize::try_from(head.lines).unwrap_or(usize::MAX))
                .map_err(StoreError::io("find memory for the filter", path))?;
            read(level.bytes_mut())?;
            levels.push(level);
        }
        let digest = hasher.finalize();
        let mut stored = [0; blake3::OUT_LEN];
        file.read_exact(&mut stored)
            .map_err(StoreError::io("read the filter", path))?;
        if stored != *digest.as_bytes() {
            return Err(StoreError::corrupt("the filter's checksum is wrong", at()));
        }
        Ok(Self { entries, levels })
    }
}

/// Hashes on their way through the levels of one filter.
struct Asked {
    places: [u64; CHUNK],
    /// Position of each among the hashes asked.
    at: [u32; CHUNK],
    count: usize,
}

impl Asked {
    /// Reads one level; keeps what is to be asked of the next.
    #[expect(
        clippy::indexing_slicing,
        reason = "`left` and `index` are below `count`, which is at most CHUNK"
    )]
    #[inline]
    fn pass(&mut self, lines: &[Line], out: &mut Vec<Hit>) {
        let count = self.count.min(CHUNK);
        let mut numbers = [0_usize; CHUNK];
        let mut heads = [0_u16; CHUNK];
        // The loads of this loop depend on nothing, so the processor overlaps their misses; what
        // the next loop needs is then in the first-level cache.
        for ((place, number), head) in self.places[..count]
            .iter_mut()
            .zip(&mut numbers)
            .zip(&mut heads)
        {
            *number = mix::line_of(*place, lines.len() as u64);
            *head = lines.get(*number).map_or(0, line::head);
            *place = mix::scramble(*place);
        }
        let mut left = 0;
        for index in 0..count {
            let (mixed, at, head) = (self.places[index], self.at[index], heads[index]);
            let Some(line) = lines.get(numbers[index]) else {
                continue;
            };
            let tag = line::read(line, head, mixed);
            let here = line::holds(head, mixed);
            if let (Some(tag), true) = (tag, here) {
                out.push(Hit {
                    at,
                    tag: Tag::from_byte(tag),
                });
            }
            self.places[left] = mixed;
            self.at[left] = at;
            left += usize::from(!here);
        }
        self.count = left;
    }
}

/// Appends a hit for every hash that a filter may hold, ascending by position; a hash may have one
/// from each filter. Nothing is allocated but the growth of `out`.
///
/// Positions count from the first of `hashes`, of which at most 2^32 are looked at. The lines of a
/// chunk are fetched while the chunk before it is evaluated.
pub(crate) fn probe_batch(filters: &[Arc<Filter>], hashes: &[u64], out: &mut Vec<Hit>) {
    let fetch = |chunk: Option<&[u64]>| {
        for filter in filters {
            filter.fetch(chunk.unwrap_or_default());
        }
    };
    let mut ahead = hashes.chunks(CHUNK);
    fetch(ahead.next());
    for (chunk, first) in hashes.chunks(CHUNK).zip((0_u32..).step_by(CHUNK)) {
        fetch(ahead.next());
        let from = out.len();
        for filter in filters {
            filter.probe_chunk(chunk, first, out);
        }
        // Hits of lower levels and of further filters come after those of the first.
        if let Some(new) = out.get_mut(from..)
            && !new.is_sorted()
        {
            new.sort_unstable();
        }
    }
}

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
