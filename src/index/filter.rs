//! The filter in front of a segment: answers "not here" from memory, for almost every clean gram.
//!
//! A binary fuse filter with 16-bit fingerprints (Graf and Lemire, *Binary Fuse Filters: Fast and
//! Smaller Than Xor Filters*, 2022, doi:10.1145/3510449) per shard of the hash range: about 18 bits
//! a key, false positives near 2^-16, and no false negative. The last point carries the promise of
//! the whole index, so every key is probed once after construction and a miss is an error.
//!
//! Shards keep construction within memory and within the 32-bit lengths of the construction.

use std::fs::File;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use xorf::BinaryFuse16;

use super::StoreError;
use super::bytes::Cursor;
use super::keys::FILTER_HEAD_BYTES;
use super::keys::FilterHead;
use super::keys::SHARD_BITS_MAX;
use super::keys::SHARD_HEAD_BYTES;
use super::keys::ShardHead;

/// Keys aimed at per shard. Chosen: construction needs some 30 bytes a key, so 250 MB.
const SHARD_KEYS: u64 = 1 << 23;
/// Keys that one construction accepts; its lengths are 32 bits wide. A shard this full means
/// hashes that are not spread, which keyed grams are not.
const SHARD_KEYS_MAX: usize = 1 << 30;

#[derive(Debug)]
struct Shard {
    seed: u64,
    segment_length: u32,
    segment_count_length: u32,
    slots: Box<[u16]>,
}

impl Shard {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the published construction cuts here"
    )]
    fn contains(&self, hash: u64) -> bool {
        let mut mixed = hash.wrapping_add(self.seed);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        mixed ^= mixed >> 33;
        let mask = self.segment_length.wrapping_sub(1);
        let first = ((u128::from(mixed) * u128::from(self.segment_count_length)) >> 64) as u32;
        let second = first.wrapping_add(self.segment_length);
        let third = second.wrapping_add(self.segment_length);
        let second = second ^ ((mixed >> 18) as u32 & mask);
        let third = third ^ (mixed as u32 & mask);
        let slot = |at: u32| self.slots.get(at as usize).copied().unwrap_or_default();
        // A shard without keys has no slots; its three reads give 0, so it must not say "here".
        !self.slots.is_empty()
            && (mixed ^ (mixed >> 32)) as u16 ^ slot(first) ^ slot(second) ^ slot(third) == 0
    }
}

/// The filter of one segment, in memory.
#[derive(Debug)]
pub(crate) struct Filter {
    shard_bits: u32,
    entries: u64,
    shards: Vec<Shard>,
}

impl Filter {
    /// Whether the segment may hold the hash; `false` is certain.
    #[inline]
    pub(crate) fn contains(&self, hash: u64) -> bool {
        let shard = hash.checked_shr(64 - self.shard_bits).unwrap_or(0);
        // Shards are complete: `load` refuses a file with fewer. A missing one would say "maybe".
        usize::try_from(shard).map_or(true, |at| {
            self.shards.get(at).is_none_or(|shard| shard.contains(hash))
        })
    }

    /// Sets the flag of every hash that the segment may hold. No branch depends on the answers,
    /// so the processor overlaps the cache misses of neighbouring hashes.
    fn mark(&self, hashes: &[u64], hit: &mut [bool]) {
        if let [shard] = self.shards.as_slice() {
            for (flag, &hash) in hit.iter_mut().zip(hashes) {
                *flag |= shard.contains(hash);
            }
        } else {
            for (flag, &hash) in hit.iter_mut().zip(hashes) {
                *flag |= self.contains(hash);
            }
        }
    }

    /// Distinct hashes.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes held in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.slots.len() as u64 * 2)
            .sum()
    }

    /// Reads a filter file and checks its checksum, its segment and its number of entries.
    pub(crate) fn load(path: &Path, segment: u32, entries: u64) -> Result<Self, StoreError> {
        let at = || path.display().to_string();
        let file = File::open(path).map_err(StoreError::io("open the filter", path))?;
        let size = file
            .metadata()
            .map_err(StoreError::io("look at the filter", path))?
            .len();
        let mut reader = HashedReader {
            file,
            path,
            hasher: blake3::Hasher::new(),
            left: size,
        };
        let head = reader.read(FILTER_HEAD_BYTES)?;
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
        let mut shards = Vec::new();
        let mut keys = 0_u64;
        for _ in 0..1_u64 << head.shard_bits {
            let bytes = reader.read(SHARD_HEAD_BYTES)?;
            let shard = ShardHead::decode(&mut Cursor::new(&bytes)).map_err(|bad| bad.at(at()))?;
            keys = keys.saturating_add(shard.keys);
            let slots = reader.read(usize::try_from(shard.slots).unwrap_or(usize::MAX) * 2)?;
            let (slots, _) = slots.as_chunks::<2>();
            shards.push(Shard {
                seed: shard.seed,
                segment_length: shard.segment_length,
                segment_count_length: shard.segment_count_length,
                slots: slots.iter().map(|pair| u16::from_be_bytes(*pair)).collect(),
            });
        }
        let digest = reader.hasher.finalize();
        let stored = reader.read(blake3::OUT_LEN)?;
        if keys != entries || reader.left != 0 || stored != digest.as_bytes() {
            return Err(StoreError::corrupt(
                "the filter's checksum or length is wrong",
                at(),
            ));
        }
        Ok(Self {
            shard_bits: head.shard_bits,
            entries,
            shards,
        })
    }
}

struct HashedReader<'a> {
    file: File,
    path: &'a Path,
    hasher: blake3::Hasher,
    left: u64,
}

impl HashedReader<'_> {
    fn read(&mut self, count: usize) -> Result<Vec<u8>, StoreError> {
        // Compared before allocating, so that a damaged length cannot ask for memory.
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            StoreError::corrupt("the filter file is cut", self.path.display().to_string())
        })?;
        let mut bytes = vec![0; count];
        self.file
            .read_exact(&mut bytes)
            .map_err(StoreError::io("read the filter", self.path))?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }
}

/// What a written filter file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilterFile {
    pub(crate) bytes: u64,
    pub(crate) blake3: [u8; 32],
}

/// Writes the filter file of one segment from ascending distinct hashes.
pub(crate) struct FilterBuilder {
    path: PathBuf,
    file: BufWriter<File>,
    segment: u32,
    shard_bits: u32,
    shard: u64,
    keys: Vec<u64>,
    shards: Vec<Shard>,
    shard_keys: Vec<u64>,
}

impl FilterBuilder {
    /// A filter for at most `entries_max` hashes.
    pub(crate) fn create(
        path: PathBuf,
        segment: u32,
        entries_max: u64,
    ) -> Result<Self, StoreError> {
        let shards = entries_max.div_ceil(SHARD_KEYS).max(1).next_power_of_two();
        let shard_bits = shards.trailing_zeros();
        if shard_bits > SHARD_BITS_MAX {
            return Err(StoreError::Limit {
                what: format!("{entries_max} grams are more than one segment can hold"),
            });
        }
        let file = File::create_new(&path).map_err(StoreError::io("create the filter", &path))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            segment,
            shard_bits,
            shard: 0,
            keys: Vec::new(),
            shards: Vec::new(),
            shard_keys: Vec::new(),
        })
    }

    /// Adds a hash above all earlier ones.
    pub(crate) fn push(&mut self, hash: u64) -> Result<(), StoreError> {
        let shard = hash.checked_shr(64 - self.shard_bits).unwrap_or(0);
        while self.shard < shard {
            self.close_shard()?;
        }
        if self.keys.len() >= SHARD_KEYS_MAX {
            return Err(StoreError::Limit {
                what: format!("more than {SHARD_KEYS_MAX} grams fall into one shard of the filter"),
            });
        }
        self.keys.push(hash);
        Ok(())
    }

    fn close_shard(&mut self) -> Result<(), StoreError> {
        let failed = |what: &str| {
            StoreError::corrupt(
                format!("the filter {what}"),
                self.path.display().to_string(),
            )
        };
        let shard = if self.keys.is_empty() {
            Shard {
                seed: 0,
                segment_length: 0,
                segment_count_length: 0,
                slots: Box::default(),
            }
        } else {
            let fuse = BinaryFuse16::try_from(&self.keys)
                .map_err(|_| failed("could not be constructed (repeated hashes?)"))?;
            Shard {
                seed: fuse.descriptor.seed,
                segment_length: fuse.descriptor.segment_length,
                segment_count_length: fuse.descriptor.segment_count_length,
                slots: fuse.fingerprints,
            }
        };
        if !self.keys.iter().all(|&key| shard.contains(key)) {
            return Err(failed("misses one of its own hashes"));
        }
        self.shards.push(shard);
        self.shard_keys.push(self.keys.len() as u64);
        self.keys.clear();
        self.shard += 1;
        Ok(())
    }

    /// Writes the file durably and gives the filter back for use.
    pub(crate) fn finish(mut self) -> Result<(Filter, FilterFile), StoreError> {
        while self.shard < 1 << self.shard_bits {
            self.close_shard()?;
        }
        let entries = self.shard_keys.iter().sum();
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0_u64;
        let mut out = FilterHead {
            segment: self.segment,
            shard_bits: self.shard_bits,
            entries,
        }
        .encode();
        let mut write = |file: &mut BufWriter<File>, out: &mut Vec<u8>| {
            hasher.update(out);
            bytes += out.len() as u64;
            let written = file.write_all(out);
            out.clear();
            written.map_err(StoreError::io("write the filter", &self.path))
        };
        for (shard, &keys) in self.shards.iter().zip(&self.shard_keys) {
            let slots = u32::try_from(shard.slots.len()).map_err(|_| StoreError::Limit {
                what: "a shard of the filter has more than 2^32 slots".to_owned(),
            })?;
            ShardHead {
                keys,
                seed: shard.seed,
                segment_length: shard.segment_length,
                segment_count_length: shard.segment_count_length,
                slots,
            }
            .put(&mut out);
            for slots in shard.slots.chunks(1 << 16) {
                out.extend(slots.iter().flat_map(|slot| slot.to_be_bytes()));
                write(&mut self.file, &mut out)?;
            }
            write(&mut self.file, &mut out)?;
        }
        write(&mut self.file, &mut out)?;
        let inner = hasher.clone().finalize();
        let mut tail = inner.as_bytes().to_vec();
        let mut whole = hasher;
        whole.update(&tail);
        bytes += tail.len() as u64;
        let failed = |doing| StoreError::io(doing, &self.path);
        self.file
            .write_all(&tail)
            .map_err(failed("write the filter"))?;
        tail.clear();
        let file = self
            .file
            .into_inner()
            .map_err(|error| StoreError::io("write the filter", &self.path)(error.into_error()))?;
        file.sync_all()
            .map_err(StoreError::io("make durable the filter", &self.path))?;
        Ok((
            Filter {
                shard_bits: self.shard_bits,
                entries,
                shards: self.shards,
            },
            FilterFile {
                bytes,
                blake3: *whole.finalize().as_bytes(),
            },
        ))
    }
}

/// Hashes probed together. Chosen: large enough that the processor overlaps the cache misses of
/// neighbouring probes, small enough for the first-level cache.
const BATCH: usize = 256;

/// Appends the positions of those hashes that any filter may hold, ascending.
pub(crate) fn probe_batch(filters: &[Arc<Filter>], hashes: &[u64], out: &mut Vec<u32>) {
    let mut hit = [false; BATCH];
    for (chunk, hashes) in hashes.chunks(BATCH).enumerate() {
        for (flag, _) in hit.iter_mut().zip(hashes) {
            *flag = false;
        }
        for filter in filters {
            filter.mark(hashes, &mut hit);
        }
        let first = chunk * BATCH;
        for (at, _) in hit
            .iter()
            .take(hashes.len())
            .enumerate()
            .filter(|&(_, &hit)| hit)
        {
            // Positions fit: a caller's slice of 2^32 hashes would hold 32 GB.
            out.push(u32::try_from(first + at).unwrap_or(u32::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(seed: u64, count: usize) -> Vec<u64> {
        let mut state = seed;
        let mut out: Vec<u64> = (0..count).map(|_| xorf::splitmix64(&mut state)).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    fn build(dir: &Path, keys: &[u64], entries_max: u64) -> (Filter, FilterFile, PathBuf) {
        let path = dir.join("f.fuse");
        let mut builder = FilterBuilder::create(path.clone(), 7, entries_max).unwrap();
        for &key in keys {
            builder.push(key).unwrap();
        }
        let (filter, file) = builder.finish().unwrap();
        (filter, file, path)
    }

    #[test]
    fn every_key_is_found_at_every_small_size_and_after_reading_back() {
        for count in (0..70).chain([100, 999, 5000]) {
            let dir = tempfile::tempdir().unwrap();
            let keys = hashes(count as u64 + 1, count);
            let (filter, file, path) = build(dir.path(), &keys, count as u64);
            let loaded = Filter::load(&path, 7, keys.len() as u64).unwrap();
            assert!(
                keys.iter()
                    .all(|&key| filter.contains(key) && loaded.contains(key))
            );
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(file.bytes, bytes.len() as u64);
            assert_eq!(file.blake3, *blake3::hash(&bytes).as_bytes());
        }
    }

    #[test]
    fn a_filter_without_keys_says_no() {
        let dir = tempfile::tempdir().unwrap();
        let (filter, ..) = build(dir.path(), &[], 0);
        assert!(hashes(3, 1000).iter().all(|&hash| !filter.contains(hash)));
    }

    #[test]
    fn shards_cover_the_whole_range_and_absent_hashes_rarely_hit() {
        let dir = tempfile::tempdir().unwrap();
        let keys = hashes(1, 40_000);
        let (filter, ..) = build(dir.path(), &keys, SHARD_KEYS * 3);
        assert_eq!(filter.shards.len(), 4);
        assert!(filter.shards.iter().all(|shard| !shard.slots.is_empty()));
        assert!(keys.iter().all(|&key| filter.contains(key)));
        let others = hashes(99, 1 << 20);
        let hits = others.iter().filter(|&&hash| filter.contains(hash)).count();
        // 2^20 probes at 2^-16 give 16; more than 60 would be ten standard deviations off.
        assert!(hits < 60, "{hits}");
    }

    #[test]
    fn agrees_with_the_published_construction() {
        use xorf::Filter as _;
        let dir = tempfile::tempdir().unwrap();
        let keys = hashes(5, 3000);
        let (filter, ..) = build(dir.path(), &keys, 3000);
        let theirs = BinaryFuse16::try_from(&keys).unwrap();
        for hash in hashes(17, 200_000) {
            assert_eq!(filter.contains(hash), theirs.contains(&hash));
        }
    }

    #[test]
    fn batches_name_the_same_hashes_as_single_probes() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (one, ..) = build(dir.path(), &hashes(1, 500), 500);
        let (two, ..) = build(other.path(), &hashes(2, 500), 500);
        let mut asked = hashes(1, 500);
        asked.extend(hashes(3, 800));
        asked.extend(hashes(2, 500));
        let mut out = Vec::new();
        let (one, two) = (Arc::new(one), Arc::new(two));
        probe_batch(&[Arc::clone(&one), Arc::clone(&two)], &asked, &mut out);
        let expected: Vec<u32> = (0_u32..)
            .zip(&asked)
            .filter(|&(_, &hash)| one.contains(hash) || two.contains(hash))
            .map(|(at, _)| at)
            .collect();
        assert!(expected.len() >= 1000);
        assert_eq!(out, expected);
    }

    #[test]
    fn any_changed_byte_or_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let keys = hashes(1, 50);
        let (_, _, path) = build(dir.path(), &keys, 50);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(Filter::load(&path, 7, 50).is_err(), "byte {at}");
        }
        for len in [0, 10, 40, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..len]).unwrap();
            assert!(Filter::load(&path, 7, 50).is_err(), "length {len}");
        }
        let mut long = bytes.clone();
        long.push(0);
        std::fs::write(&path, &long).unwrap();
        assert!(Filter::load(&path, 7, 50).is_err());
        std::fs::write(&path, &bytes).unwrap();
        assert!(Filter::load(&path, 8, 50).is_err(), "another segment");
        assert!(
            Filter::load(&path, 7, 51).is_err(),
            "another number of entries"
        );
        assert!(Filter::load(&path, 7, 50).is_ok());
    }
}
