//! A new segment from the postings of a registration, part by part on all cores.
//!
//! A part is a range of hashes: whole buckets, and a stretch of the filter's first level. The
//! postings of a part are put into their buckets, sorted there, joined with those of the segments
//! that are merged, and coded; parts that are done go in order to the filter, which solves its
//! lines on all cores, and to a thread that writes the table files.

use std::iter::Peekable;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::iter::IntoParallelIterator as _;
use rayon::iter::ParallelIterator as _;

use super::StoreError;
use super::bucket::FREE_BITS;
use super::bucket::HASH_BITS;
use super::filter::FilterBuilder;
use super::filter::Tagged;
use super::gather;
use super::gather::Gathered;
use super::keys;
use super::keys::BucketBuilder;
use super::keys::POSTINGS;
use super::keys::SegmentRow;
use super::keys::TextList;
use super::layout::filter_name;
use super::rows::Rows;
use super::rows::TableThread;
use super::segment;
use super::segment::DF_CAP;
use super::segment::Segment;
use super::store::Store;
use super::store::Tables;
use super::tag::Tag;

/// Postings aimed at per bucket. Chosen: a bucket of some 200 entries is near 1 KB, a quarter of
/// a device page, and its key costs a hundredth of it.
const BUCKET_POSTINGS: u64 = 128;
/// Postings aimed at per part. Chosen: with all that is made of them they fit a second-level cache.
const PART_POSTINGS: u64 = 1 << 16;
/// Parts made together, for each core. Chosen: a core is idle for the rest of one part in sixteen.
const PARTS_TOGETHER: usize = 16;

/// A written segment, not yet visible.
pub(crate) struct NewSegment {
    pub(crate) segment: Segment,
    pub(crate) tables: Tables,
}

/// Where a new segment is written.
pub(crate) struct Target<'a> {
    pub(crate) store: &'a Store,
    pub(crate) number: u32,
    /// Scratch directory for table files.
    pub(crate) tmp: &'a Path,
    /// Directory of the live filters.
    pub(crate) filters: &'a Path,
}

/// Writes one segment from fresh postings, whose texts count from `first_text`, and the live
/// segments in `merge`.
pub(crate) fn write(
    target: &Target<'_>,
    fresh: &Gathered,
    first_text: u64,
    merge: &[(u32, &Segment)],
) -> Result<NewSegment, StoreError> {
    let base = merge
        .iter()
        .map(|(_, live)| live.row.base_text)
        .fold(first_text, u64::min);
    let expected = merge
        .iter()
        .map(|(_, live)| live.row.postings)
        .fold(fresh.count(), u64::saturating_add);
    let plan = Plan::new(target, fresh, first_text, base, expected, merge)?;
    let filter_path = target.filters.join(filter_name(target.number));
    let mut filter = FilterBuilder::create(filter_path, target.number, expected)?;
    let tables = target.store.tables(POSTINGS, target.tmp);
    let mut tables = TableThread::start(tables, (), |(), _| ());
    let (mut entries, mut postings) = (0_u64, 0_u64);
    let parts = 1 << plan.part_bits;
    let together = PARTS_TOGETHER * rayon::current_num_threads();
    for from in (0..parts).step_by(together) {
        let made: Result<Vec<Part>, StoreError> = (from..parts.min(from + together))
            .into_par_iter()
            .map(|part| plan.part(part))
            .collect();
        for part in made? {
            entries += part.keys.len() as u64;
            postings += part.postings;
            filter.extend(&part.keys)?;
            tables.write(part.rows)?;
        }
    }
    // The filter is finished while the last table file is.
    tables.close()?;
    let (filter, file) = filter.finish()?;
    let (tables, ()) = tables.finish()?;
    let row = SegmentRow {
        bucket_bits: plan.bucket_bits,
        base_text: base,
        entries,
        postings,
        table_bytes: tables.bytes(),
        filter_bytes: file.bytes,
        filter_blake3: file.blake3,
    };
    Ok(NewSegment {
        segment: Segment {
            row,
            filter: Arc::new(filter),
        },
        tables,
    })
}

fn bucket_bits(postings: u64) -> Result<u8, StoreError> {
    let buckets = (postings / BUCKET_POSTINGS).max(1);
    match u8::try_from(buckets.ilog2()) {
        Ok(bits) if bits <= keys::BUCKET_BITS_MAX => Ok(bits),
        _ => Err(StoreError::Limit {
            what: format!("{postings} postings are more than one segment can hold"),
        }),
    }
}

/// How the new segment is made.
struct Plan<'a> {
    target: &'a Target<'a>,
    fresh: &'a Gathered,
    first_text: u64,
    /// Smallest text number; lists count from it.
    base: u64,
    merge: &'a [(u32, &'a Segment)],
    bucket_bits: u8,
    /// There are `2^part_bits` parts; no more than buckets.
    part_bits: u8,
    /// Bits of a text's number within the registration.
    text_bits: u32,
}

/// What one part came to.
struct Part {
    rows: Rows,
    keys: Vec<Tagged>,
    postings: u64,
}

impl<'a> Plan<'a> {
    fn new(
        target: &'a Target<'a>,
        fresh: &'a Gathered,
        first_text: u64,
        base: u64,
        expected: u64,
        merge: &'a [(u32, &'a Segment)],
    ) -> Result<Self, StoreError> {
        let bucket_bits = bucket_bits(expected)?;
        let parts = (expected / PART_POSTINGS).max(1).ilog2();
        let part_bits = u8::try_from(parts).unwrap_or(u8::MAX);
        let text_bits = fresh.texts().checked_ilog2().map_or(0, |log| log + 1);
        // A sorted posting is the hash below its bucket, the text and one flag.
        if HASH_BITS - u32::from(bucket_bits) + text_bits >= u64::BITS {
            return Err(StoreError::Limit {
                what: format!("{} texts are too many for one source", fresh.texts()),
            });
        }
        Ok(Self {
            target,
            fresh,
            first_text,
            base,
            merge,
            bucket_bits,
            part_bits: part_bits.min(bucket_bits).min(gather::SHARD_BITS),
            text_bits,
        })
    }

    fn part(&self, part: usize) -> Result<Part, StoreError> {
        let below = self.bucket_bits - self.part_bits;
        let number = u32::try_from(part).unwrap_or(u32::MAX);
        let buckets = (number << below)..((number + 1) << below);
        let fresh = self.sorted(part, &buckets)?;
        let mut stored = self.stored(&buckets)?;
        let (rest, ends) = (&fresh.postings, &fresh.ends);
        let mut made = Part {
            rows: Rows::new(u64::from_be_bytes(keys::bucket_key(
                self.target.number,
                buckets.start,
            ))),
            keys: Vec::with_capacity(rest.len()),
            postings: 0,
        };
        let mut builder = BucketBuilder::default();
        let mut entry = Entry::default();
        let mut begin = 0;
        for (bucket, end) in buckets.zip(ends) {
            let own = rest.get(begin..*end).unwrap_or_default();
            begin = *end;
            builder.start(bucket, self.bucket_bits);
            let mut heads = Heads {
                fresh: own,
                start: keys::bucket_start(bucket, self.bucket_bits),
                last: last_hash(bucket, self.bucket_bits),
                stored: &mut stored,
                plan: self,
            };
            while let Some(hash) = heads.next(&mut entry)? {
                let texts = entry.texts.as_slice();
                let (added, tag) = if entry.common {
                    (builder.push_common(hash, entry.count), Tag::COMMON)
                } else {
                    let tag = Tag::of_texts(texts, entry.alone);
                    (builder.push_texts(hash, texts, self.base), tag)
                };
                added.map_err(|bad| bad.at(format!("new segment {}", self.target.number)))?;
                made.keys.push(Tagged::new(hash, tag));
                made.postings += entry.count;
            }
            made.rows.push(|value| builder.append(value));
        }
        Ok(made)
    }

    /// The fresh postings of a part, bucket by bucket, sorted in each.
    fn sorted(&self, part: usize, buckets: &Range<u32>) -> Result<Sorted, StoreError> {
        let fresh = self.fresh.part(part, self.part_bits)?;
        let place = |hash: u64| {
            let bucket = keys::bucket_of(hash, self.bucket_bits);
            (bucket, bucket.wrapping_sub(buckets.start) as usize)
        };
        // Where each bucket begins, for now; each posting placed moves its bucket's begin on.
        let mut ends = vec![0_usize; buckets.len() + 1];
        fresh.each(|posting| {
            if let Some(count) = ends.get_mut(place(posting.hash).1 + 1) {
                *count += 1;
            }
        });
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut postings = vec![0_u64; fresh.count()];
        fresh.each(|posting| {
            let (bucket, place) = place(posting.hash);
            if let Some(at) = ends.get_mut(place)
                && let Some(slot) = postings.get_mut(*at)
            {
                let low = posting.hash - keys::bucket_start(bucket, self.bucket_bits);
                let tail = posting.text << 1 | u64::from(posting.alone);
                *slot = (low >> FREE_BITS) << (self.text_bits + 1) | tail;
                *at += 1;
            }
        });
        // Each begin has become its bucket's end.
        ends.pop();
        let mut begin = 0;
        for end in &ends {
            postings
                .get_mut(begin..*end)
                .unwrap_or_default()
                .sort_unstable();
            begin = *end;
        }
        Ok(Sorted { postings, ends })
    }

    /// The entries of each merged segment in some buckets.
    fn stored(&self, buckets: &Range<u32>) -> Result<Vec<Stored<'a>>, StoreError> {
        let first = keys::bucket_start(buckets.start, self.bucket_bits);
        let last = last_hash(buckets.end - 1, self.bucket_bits);
        let mut out = Vec::with_capacity(self.merge.len());
        for &(number, live) in self.merge {
            let entries =
                segment::stored_between(self.target.store, number, &live.row, first, last)?;
            let entries = entries.map(move |entry| {
                let (hash, texts) = entry?;
                let alone = live.tag_of(number, hash)? == Tag::ALONE;
                Ok(StoredEntry { hash, texts, alone })
            });
            let entries: Entries<'a> = Box::new(entries);
            out.push(entries.peekable());
        }
        Ok(out)
    }
}

/// The largest hash of a bucket.
fn last_hash(bucket: u32, bits: u8) -> u64 {
    let width = u64::BITS - u32::from(bits);
    let below = 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1);
    keys::bucket_start(bucket, bits) | below
}

/// Fresh postings of a part.
struct Sorted {
    postings: Vec<u64>,
    /// Where each bucket ends.
    ends: Vec<usize>,
}

/// An entry of a live segment.
struct StoredEntry {
    hash: u64,
    texts: TextList,
    /// Whether one of its texts has few grams; may be `false` of a list above
    /// [`super::ALONE_TEXTS`], where it no longer matters.
    alone: bool,
}

type Entries<'a> = Box<dyn Iterator<Item = Result<StoredEntry, StoreError>> + 'a>;
type Stored<'a> = Peekable<Entries<'a>>;

/// One entry of the new segment.
#[derive(Default)]
struct Entry {
    /// Ascending, each once; not all of them where `common`.
    texts: Vec<u64>,
    count: u64,
    /// More texts than the cap.
    common: bool,
    alone: bool,
}

/// What is left of one bucket.
struct Heads<'p, 'a> {
    fresh: &'p [u64],
    /// Smallest and largest hash of the bucket.
    start: u64,
    last: u64,
    stored: &'p mut [Stored<'a>],
    plan: &'p Plan<'a>,
}

impl Heads<'_, '_> {
    /// Takes the entry of least hash; its hash, if there is one.
    fn next(&mut self, entry: &mut Entry) -> Result<Option<u64>, StoreError> {
        let shift = self.plan.text_bits + 1;
        let low = |posting: u64| self.start + ((posting >> shift) << FREE_BITS);
        let mut least = self.fresh.first().map(|posting| low(*posting));
        for stored in self.stored.iter_mut() {
            let head = match stored.peek() {
                None => continue,
                Some(Ok(head)) => head.hash,
                // Taken out, so that it can be handed on.
                Some(Err(_)) => match stored.next() {
                    Some(Err(error)) => return Err(error),
                    Some(Ok(_)) | None => continue,
                },
            };
            if head <= self.last && least.is_none_or(|least| head < least) {
                least = Some(head);
            }
        }
        let Some(hash) = least else {
            return Ok(None);
        };
        entry.texts.clear();
        (entry.count, entry.common, entry.alone) = (0, false, false);
        self.take_fresh((hash - self.start) >> FREE_BITS, entry);
        let mut joined = false;
        for stored in self.stored.iter_mut() {
            let same =
                |head: &Result<StoredEntry, _>| head.as_ref().is_ok_and(|head| head.hash == hash);
            if let Some(head) = stored.next_if(same).transpose()? {
                entry.alone |= head.alone;
                // A text has its postings in one segment only, so counts add up.
                entry.count += head.texts.count();
                match head.texts {
                    TextList::Texts(mut texts) => entry.texts.append(&mut texts),
                    TextList::Common(_) => entry.common = true,
                }
                joined = true;
            }
        }
        entry.common |= entry.count > DF_CAP as u64;
        if joined && !entry.common {
            entry.texts.sort_unstable();
        }
        Ok(Some(hash))
    }

    /// Takes the fresh postings of one hash, given below its bucket.
    fn take_fresh(&mut self, low: u64, entry: &mut Entry) {
        let shift = self.plan.text_bits + 1;
        let texts = (1_u64 << self.plan.text_bits) - 1;
        let mut newest = None;
        while let Some((posting, rest)) = self.fresh.split_first()
            && posting >> shift == low
        {
            self.fresh = rest;
            let text = posting >> 1 & texts;
            entry.alone |= posting & 1 == 1;
            if newest.replace(text) == Some(text) {
                continue;
            }
            entry.count += 1;
            if entry.texts.len() <= DF_CAP {
                entry.texts.push(self.plan.first_text + text);
            }
        }
    }
}
