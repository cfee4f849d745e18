//! Posting segments: immutable, made by one registration, merged so that their number stays
//! logarithmic.
//!
//! Sources: the logarithmic method (Bentley and Saxe, *Decomposable Searching Problems I*, 1980,
//! doi:10.1016/0196-6774(80)90015-2), as log-structured indexes use it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::filter::Filter;
use super::filter::FilterBuilder;
use super::keys;
use super::keys::BucketBuilder;
use super::keys::BucketReader;
use super::keys::POSTINGS;
use super::keys::SegmentRow;
use super::keys::TextList;
use super::layout::filter_name;
use super::sort::Posting;
use super::sort::Sorted;
use super::store::Row;
use super::store::Store;
use super::store::Tables;
use super::tag::Tag;

/// Distinct texts a gram may be in before its list is dropped and only the count is kept.
/// Chosen: such a gram is a common phrase and no evidence; the list would only cost space.
pub const DF_CAP: usize = 256;
/// Postings aimed at per bucket. Chosen: a bucket of some 200 entries is near 1 KB, a quarter of
/// a device page, and its key costs a hundredth of it.
const BUCKET_POSTINGS: u64 = 128;
/// Segments of one size class that are merged into one.
/// Chosen: rewrites each posting log₄ N times; at most three segments of a class remain to probe.
const MERGE_FANOUT: usize = 4;
/// Postings below which a segment is small. Chosen: rewriting them takes milliseconds, and every
/// segment costs every probe, so there is never more than one small segment.
const SMALLEST_CLASS: u64 = 1 << 16;

/// A live segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) row: SegmentRow,
    pub(crate) filter: Arc<Filter>,
}

impl Segment {
    /// The tag of one of its entries.
    pub(crate) fn tag_of(&self, number: u32, entry: u64) -> Result<Tag, StoreError> {
        self.filter.probe(entry).ok_or_else(|| {
            StoreError::corrupt(
                "the filter misses an entry",
                format!("segment {number}, entry {entry:016x}"),
            )
        })
    }
}

/// All live segments by number.
pub(crate) type Segments = BTreeMap<u32, Segment>;

/// Reads the directory and every filter.
pub(crate) fn load(store: &Store, filters: &Path) -> Result<Segments, StoreError> {
    let mut out = Segments::new();
    for (segment, row) in store.segments()? {
        let filter = Filter::load(&filters.join(filter_name(segment)), segment, row.entries)?;
        let filter = Arc::new(filter);
        out.insert(segment, Segment { row, filter });
    }
    Ok(out)
}

/// Looks one hash up in one segment. The filter was asked before.
pub(crate) fn find_in_bucket(
    value: Option<&[u8]>,
    segment: u32,
    bucket: u32,
    row: &SegmentRow,
    wanted: &[u64],
    mut found: impl FnMut(u64, TextList) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let at = || format!("segment {segment}, bucket {bucket}");
    // Every bucket is written, empty ones too: a missing one is damage, not absence.
    let value = value.ok_or_else(|| StoreError::corrupt("a posting bucket is missing", at()))?;
    let mut reader = BucketReader::new(value, bucket, row.bucket_bits, row.base_text)
        .map_err(|bad| bad.at(at()))?;
    let mut wanted = wanted.iter().copied().peekable();
    while let Some(hash) = reader.next_hash().map_err(|bad| bad.at(at()))? {
        while wanted.next_if(|&want| want < hash).is_some() {}
        if wanted.next_if_eq(&hash).is_some() {
            let list = reader.list().map_err(|bad| bad.at(at()))?;
            found(hash, list)?;
            while wanted.next_if_eq(&hash).is_some() {}
        } else {
            reader.skip().map_err(|bad| bad.at(at()))?;
        }
    }
    Ok(())
}

/// Which live segments to merge with `postings` new ones.
pub(crate) fn choose_merge(segments: &Segments, postings: u64) -> Vec<u32> {
    let class = |size: u64| {
        (size / SMALLEST_CLASS)
            .checked_ilog(MERGE_FANOUT as u64)
            .map_or(0, |log| log + 1)
    };
    let mut chosen = Vec::new();
    let mut total = postings;
    loop {
        let same: Vec<_> = segments
            .iter()
            .filter(|&(number, segment)| {
                class(segment.row.postings) == class(total) && !chosen.contains(number)
            })
            .collect();
        let enough = if class(total) == 0 {
            1
        } else {
            MERGE_FANOUT - 1
        };
        if same.len() < enough {
            return chosen;
        }
        for (number, segment) in same {
            chosen.push(*number);
            total = total.saturating_add(segment.row.postings);
        }
    }
}

struct Entry {
    hash: u64,
    list: TextList,
    /// Whether one of its texts has few grams; may be `false` of a list above
    /// [`super::ALONE_TEXTS`], where it no longer matters.
    alone: bool,
}

/// Entries in ascending order of hash: fresh postings grouped, or a stored segment read back.
enum Stream<'a> {
    Fresh {
        postings: Sorted<Posting>,
        ahead: Option<Posting>,
    },
    Stored(Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a>),
}

impl Stream<'_> {
    fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        match self {
            Self::Stored(entries) => entries.next().transpose(),
            Self::Fresh { postings, ahead } => {
                let first = match ahead.take() {
                    Some(first) => first,
                    None => match postings.next()? {
                        Some(first) => first,
                        None => return Ok(None),
                    },
                };
                let mut texts = vec![first.text];
                let (mut newest, mut count) = (first.text, 1_u64);
                let mut alone = first.alone;
                loop {
                    match postings.next()? {
                        Some(next) if next.hash == first.hash => {
                            alone |= next.alone;
                            if next.text != newest {
                                (newest, count) = (next.text, count + 1);
                                if texts.len() <= DF_CAP {
                                    texts.push(next.text);
                                }
                            }
                        }
                        other => {
                            *ahead = other;
                            break;
                        }
                    }
                }
                let list = if texts.len() > DF_CAP {
                    TextList::Common(count)
                } else {
                    TextList::Texts(texts)
                };
                Ok(Some(Entry {
                    hash: first.hash,
                    list,
                    alone,
                }))
            }
        }
    }
}

/// Every entry of a stored segment, in order; each bucket must be there.
pub(crate) fn stored_entries<'a>(
    store: &'a Store,
    segment: u32,
    row: &'a SegmentRow,
) -> Result<impl Iterator<Item = Result<(u64, TextList), StoreError>> + 'a, StoreError> {
    let buckets = 1_u64 << row.bucket_bits;
    let to = keys::bucket_key(segment + 1, 0);
    let rows = store.scan(POSTINGS, &keys::bucket_key(segment, 0), Some(&to))?;
    let read = move |index: usize, found: Result<Row, StoreError>| {
        let (key, value) = found?;
        let at = || format!("segment {segment}, bucket {index}");
        let (_, bucket) = keys::decode_bucket_key(&key).map_err(|bad| bad.at(at()))?;
        if usize::try_from(bucket) != Ok(index) {
            return Err(StoreError::corrupt("a posting bucket is missing", at()));
        }
        let mut reader = BucketReader::new(&value, bucket, row.bucket_bits, row.base_text)
            .map_err(|bad| bad.at(at()))?;
        let mut entries = Vec::new();
        while let Some(hash) = reader.next_hash().map_err(|bad| bad.at(at()))? {
            entries.push((hash, reader.list().map_err(|bad| bad.at(at()))?));
        }
        Ok(entries)
    };
    // The scan ends with an error item when the buckets run out early.
    let mut seen = 0_u64;
    let mut rows = rows.enumerate();
    let buckets_read = std::iter::from_fn(move || match rows.next() {
        Some((index, found)) => {
            seen += 1;
            Some(read(index, found))
        }
        None if seen < buckets => {
            let at = format!("segment {segment}, bucket {seen}");
            seen = buckets;
            Some(Err(StoreError::corrupt("posting buckets are missing", at)))
        }
        None => None,
    });
    Ok(buckets_read.flat_map(|bucket| match bucket {
        Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    }))
}

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

/// Writes one segment from fresh postings (`base_text` is their smallest text) and the live
/// segments in `merge`.
pub(crate) fn write(
    target: &Target<'_>,
    fresh: Sorted<Posting>,
    fresh_count: u64,
    base_text: u64,
    merge: &[(u32, &Segment)],
) -> Result<NewSegment, StoreError> {
    let base = merge
        .iter()
        .map(|(_, live)| live.row.base_text)
        .fold(base_text, u64::min);
    let expected = merge
        .iter()
        .map(|(_, live)| live.row.postings)
        .fold(fresh_count, u64::saturating_add);
    let bucket_bits = bucket_bits(expected)?;
    let mut streams = vec![Stream::Fresh {
        postings: fresh,
        ahead: None,
    }];
    for (number, live) in merge {
        let entries = stored_entries(target.store, *number, &live.row)?.map(|entry| {
            let (hash, list) = entry?;
            let alone = live.tag_of(*number, hash)? == Tag::ALONE;
            Ok(Entry { hash, list, alone })
        });
        streams.push(Stream::Stored(Box::new(entries)));
    }
    let mut merged = Merged::new(streams)?;
    let filter_path = target.filters.join(filter_name(target.number));
    let mut filter = FilterBuilder::create(filter_path, target.number, expected)?;
    let mut tables = target.store.tables(POSTINGS, target.tmp);
    let mut ahead = merged.next()?;
    let (mut bucket, mut entries, mut postings) = (0_u32, 0_u64, 0_u64);
    let mut builder = BucketBuilder::default();
    tables.write(|key, value| {
        if u64::from(bucket) >= 1 << bucket_bits {
            return Ok(false);
        }
        builder.start(bucket, bucket_bits);
        while let Some(entry) =
            ahead.take_if(|entry| keys::bucket_of(entry.hash, bucket_bits) == bucket)
        {
            builder
                .push(entry.hash, &entry.list, base)
                .map_err(|bad| bad.at(format!("new segment {}", target.number)))?;
            filter.push(entry.hash, Tag::of_list(&entry.list, entry.alone))?;
            entries += 1;
            postings += entry.list.count();
            ahead = merged.next()?;
        }
        key.extend_from_slice(&keys::bucket_key(target.number, bucket));
        builder.finish(value);
        bucket += 1;
        Ok(true)
    })?;
    let (filter, file) = filter.finish()?;
    let row = SegmentRow {
        bucket_bits,
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

/// Merges streams by hash; the lists of one hash are joined and capped.
struct Merged<'a> {
    streams: Vec<(Stream<'a>, Option<Entry>)>,
}

impl<'a> Merged<'a> {
    fn new(streams: Vec<Stream<'a>>) -> Result<Self, StoreError> {
        let mut out = Vec::with_capacity(streams.len());
        for mut stream in streams {
            let head = stream.next()?;
            out.push((stream, head));
        }
        Ok(Self { streams: out })
    }

    fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        let heads = self.streams.iter().filter_map(|(_, head)| head.as_ref());
        let Some(hash) = heads.map(|head| head.hash).min() else {
            return Ok(None);
        };
        let mut joined: Option<TextList> = None;
        let mut alone = false;
        for (stream, head) in &mut self.streams {
            if let Some(entry) = head.take_if(|entry| entry.hash == hash) {
                alone |= entry.alone;
                joined = Some(match joined {
                    None => entry.list,
                    Some(list) => join(list, entry.list),
                });
                *head = stream.next()?;
            }
        }
        Ok(joined.map(|list| Entry { hash, list, alone }))
    }
}

/// Joins the lists of two segments. A text has its postings in one segment only, so counts add up.
pub(crate) fn join(one: TextList, two: TextList) -> TextList {
    let count = one.count() + two.count();
    match (one, two) {
        (TextList::Texts(mut one), TextList::Texts(mut two)) if one.len() + two.len() <= DF_CAP => {
            one.append(&mut two);
            one.sort_unstable();
            TextList::Texts(one)
        }
        _ => TextList::Common(count),
    }
}
