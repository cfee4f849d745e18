//! Construction of a filter, streaming over ascending hashes.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use rayon::iter::IndexedParallelIterator as _;
use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSliceMut as _;

use super::Filter;
use super::FilterFile;
use super::line;
use super::line::Key;
use super::line::Line;
use super::memory::Lines;
use super::mix;
use crate::index::StoreError;
use crate::index::keys;
use crate::index::keys::FilterHead;
use crate::index::keys::LEVELS_MAX;
use crate::index::keys::LevelHead;
use crate::index::tag::Tag;

/// Mean number of keys in a line, by level. Measured for the first: 28 bump 4.3 % and cost 19.3
/// bits a key with all levels; 26 cost 20.2, 30 bump 6.6 % and cost 18.6. Further levels hold
/// little and are looser, so that there are few.
const LOADS: [u64; 4] = [28, 24, 16, 8];
/// Keys from which the number of all keys is estimated: uniform hashes up to the `n`-th tell it
/// to one part in a thousand. Chosen: 8 MB.
const SAMPLE_KEYS: usize = 1 << 20;
/// Keys solved together, on all cores. Chosen: half a megabyte.
const BATCH_KEYS: usize = 1 << 16;
/// Lines a core takes at a time. Chosen: some 2,000 keys.
const LINES_TOGETHER: usize = 64;

/// A hash with its tag in the low byte, which a hash has free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tagged(u64);

impl Tagged {
    /// `hash` has 48 bits, see [`keys::gram_key`].
    pub(crate) fn new(hash: u64, tag: Tag) -> Self {
        Self(hash | u64::from(tag.byte()))
    }

    fn hash(self) -> u64 {
        keys::gram_key(self.0)
    }

    fn tag(self) -> u8 {
        let [.., tag] = self.0.to_be_bytes();
        tag
    }
}

/// Writes the filter file of one segment from ascending distinct hashes.
///
/// Memory: the filter itself, and eight bytes for each key bumped from the first level.
pub(crate) struct FilterBuilder {
    path: PathBuf,
    file: File,
    segment: u32,
    entries_max: u64,
    entries: u64,
    last: Option<u64>,
    /// Keys of lines not solved yet.
    pending: Vec<Tagged>,
    /// The first level, once its size is known.
    first: Option<Lines>,
    /// Lines solved.
    solved: usize,
    bumped: Vec<Tagged>,
}

impl FilterBuilder {
    /// A filter for at most `entries_max` hashes.
    pub(crate) fn create(
        path: PathBuf,
        segment: u32,
        entries_max: u64,
    ) -> Result<Self, StoreError> {
        let file = File::create_new(&path).map_err(StoreError::io("create the filter", &path))?;
        Ok(Self {
            path,
            file,
            segment,
            entries_max,
            entries: 0,
            last: None,
            pending: Vec::new(),
            first: None,
            solved: 0,
            bumped: Vec::new(),
        })
    }

    /// Adds a hash above all earlier ones, with its tag.
    #[cfg(test)]
    pub(crate) fn push(&mut self, hash: u64, tag: Tag) -> Result<(), StoreError> {
        if hash != keys::gram_key(hash) {
            return Err(self.out_of_order(hash));
        }
        self.extend(&[Tagged::new(hash, tag)])
    }

    /// Adds hashes, each above all earlier ones.
    pub(crate) fn extend(&mut self, keys: &[Tagged]) -> Result<(), StoreError> {
        for key in keys {
            let hash = key.hash();
            if self.last.is_some_and(|last| last >= hash) || key.0 & 0xff00 != 0 {
                return Err(self.out_of_order(hash));
            }
            self.last = Some(hash);
        }
        self.entries += keys.len() as u64;
        self.pending.extend_from_slice(keys);
        if self.first.is_none()
            && let Some(sampled) = self.pending.get(SAMPLE_KEYS - 1)
        {
            // So many keys up to this hash, so how many up to 2^64?
            let all = ((SAMPLE_KEYS as u128) << 64) / (u128::from(sampled.hash()) + 1);
            let all = u64::try_from(all).unwrap_or(u64::MAX);
            self.begin(all.min(self.entries_max).max(self.entries))?;
        }
        if self.first.is_some() && self.pending.len() >= BATCH_KEYS {
            self.solve_complete()?;
        }
        Ok(())
    }

    fn out_of_order(&self, hash: u64) -> StoreError {
        StoreError::corrupt(
            format!("hash {hash:016x} is out of order or longer than 48 bits"),
            self.path.display().to_string(),
        )
    }

    /// Sets the size of the first level.
    fn begin(&mut self, keys: u64) -> Result<(), StoreError> {
        self.first = Some(self.level(0, keys)?);
        Ok(())
    }

    /// Empty lines for a level.
    fn level(&self, level: usize, keys: u64) -> Result<Lines, StoreError> {
        let load = LOADS.get(level).or(LOADS.last()).copied().unwrap_or(1);
        let lines = usize::try_from(keys.div_ceil(load)).unwrap_or(usize::MAX);
        Lines::new(lines).map_err(StoreError::io("find memory for the filter", &self.path))
    }

    /// Solves every line of the first level that can get no more keys.
    fn solve_complete(&mut self) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (&mut self.first, self.last) else {
            return Ok(());
        };
        let lines = first.lines_mut();
        let count = lines.len() as u64;
        let end = mix::line_of(last, count);
        let cut = self
            .pending
            .partition_point(|key| mix::line_of(key.hash(), count) < end);
        let keys = self.pending.get(..cut).unwrap_or_default();
        let some = Part {
            lines: lines.get_mut(self.solved..end).unwrap_or_default(),
            first: self.solved,
            count,
            level: 0,
        };
        self.bumped.extend(some.fill(keys, &self.path)?);
        self.solved = end.max(self.solved);
        self.pending.drain(..cut);
        Ok(())
    }

    /// The levels, and how many keys each was given.
    fn levels(&mut self) -> Result<Vec<(u64, Lines)>, StoreError> {
        let mut levels = Vec::new();
        if self.entries == 0 {
            return Ok(levels);
        }
        if self.first.is_none() {
            self.begin(self.entries)?;
        }
        if let Some(mut first) = self.first.take() {
            let lines = first.lines_mut();
            let rest = Part {
                count: lines.len() as u64,
                lines: lines.get_mut(self.solved..).unwrap_or_default(),
                first: self.solved,
                level: 0,
            };
            self.bumped.extend(rest.fill(&self.pending, &self.path)?);
            self.pending = Vec::new();
            levels.push((self.entries, first));
        }
        while !self.bumped.is_empty() {
            let level = levels.len();
            if level >= LEVELS_MAX as usize {
                return Err(StoreError::Limit {
                    what: format!(
                        "{} grams find no place in the {LEVELS_MAX} levels of the filter",
                        self.bumped.len()
                    ),
                });
            }
            let mut keys = std::mem::take(&mut self.bumped);
            keys.par_sort_unstable_by_key(|key| mix::place(key.hash(), level));
            let mut lines = self.level(level, keys.len() as u64)?;
            let whole = Part {
                count: lines.lines().len() as u64,
                lines: lines.lines_mut(),
                first: 0,
                level,
            };
            self.bumped = whole.fill(&keys, &self.path)?;
            levels.push((keys.len() as u64, lines));
        }
        Ok(levels)
    }

    /// Writes the file and gives the filter as `load` would.
    pub(crate) fn finish(mut self) -> Result<(Filter, FilterFile), StoreError> {
        let levels = self.levels()?;
        let mut head = FilterHead {
            segment: self.segment,
            levels: u32::try_from(levels.len()).unwrap_or(u32::MAX),
            entries: self.entries,
        }
        .encode();
        for (keys, lines) in &levels {
            LevelHead {
                lines: lines.lines().len() as u64,
                keys: *keys,
            }
            .put(&mut head);
        }
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        let mut write = |part: &[u8]| {
            bytes += part.len() as u64;
            self.file
                .write_all(part)
                .map_err(StoreError::io("write the filter", &self.path))
        };
        write(&head)?;
        hasher.update(&head);
        for (_, lines) in &levels {
            write(lines.bytes())?;
            hasher.update_rayon(lines.bytes());
        }
        let digest = hasher.finalize();
        write(digest.as_bytes())?;
        hasher.update(digest.as_bytes());
        self.file
            .sync_all()
            .map_err(StoreError::io("make durable the filter", &self.path))?;
        let filter = Filter {
            entries: self.entries,
            levels: levels.into_iter().map(|(_, lines)| lines).collect(),
        };
        let file = FilterFile {
            bytes,
            blake3: *hasher.finalize().as_bytes(),
        };
        Ok((filter, file))
    }
}

/// Some consecutive lines of a level.
struct Part<'a> {
    lines: &'a mut [Line],
    /// Number of the first of them.
    first: usize,
    /// Lines of the whole level.
    count: u64,
    level: usize,
}

impl Part<'_> {
    /// Solves the lines for `keys`, which ascend by place and all fall on them, and reads every
    /// key back. The keys bumped.
    fn fill(self, keys: &[Tagged], path: &std::path::Path) -> Result<Vec<Tagged>, StoreError> {
        let Self {
            lines,
            first,
            count,
            level,
        } = self;
        let number_of = |key: &Tagged| mix::line_of(mix::place(key.hash(), level), count);
        let solved: Vec<Option<Solved>> = lines
            .par_chunks_mut(LINES_TOGETHER)
            .enumerate()
            .map_init(Vec::new, |own, (chunk, lines)| {
                let first = first + chunk * LINES_TOGETHER;
                let begin = keys.partition_point(|key| number_of(key) < first);
                let mut rest = keys.get(begin..).unwrap_or_default();
                let mut solved = Solved::default();
                for (number, line) in (first..).zip(lines) {
                    let cut = rest.iter().position(|key| number_of(key) != number);
                    let cut = cut.unwrap_or(rest.len());
                    let (group, others) = rest.split_at_checked(cut).unwrap_or((rest, &[]));
                    rest = others;
                    own.clear();
                    own.extend(group.iter().map(|key| Key {
                        mixed: mix::place(key.hash(), level + 1),
                        tag: key.tag(),
                    }));
                    // Thirty-two words of noise a line; a level has fewer than 2^48 lines.
                    let noise = ((level as u64) << 53) | (number as u64) << 5;
                    line::solve(own, noise, line);
                    let head = line::head(line);
                    for key in group {
                        let mixed = mix::place(key.hash(), level + 1);
                        if !line::holds(head, mixed) {
                            solved.bumped.push(*key);
                        } else if line::read(line, head, mixed) != Some(key.tag()) {
                            return None;
                        }
                    }
                    solved.keys += group.len();
                }
                Some(solved)
            })
            .collect();
        let mut bumped = Vec::new();
        let mut seen = 0;
        for part in &solved {
            let Some(part) = part else {
                seen = usize::MAX;
                break;
            };
            seen += part.keys;
            bumped.extend_from_slice(&part.bumped);
        }
        if seen != keys.len() {
            return Err(StoreError::corrupt(
                "the filter misses one of its keys",
                path.display().to_string(),
            ));
        }
        Ok(bumped)
    }
}

/// What solving some lines came to.
#[derive(Default)]
struct Solved {
    /// Keys that fell on them.
    keys: usize,
    /// Those of them that the next level is to take.
    bumped: Vec<Tagged>,
}
