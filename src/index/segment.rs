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
use super::keys;
use super::keys::BucketReader;
use super::keys::POSTINGS;
use super::keys::SegmentRow;
use super::keys::TextList;
use super::layout::filter_name;
use super::store::Row;
use super::store::Store;
use super::tag::Tag;

pub(crate) use super::bucket::DF_CAP;
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
    // What comes after the last one is not read: the block's checksum has been compared.
    while wanted.peek().is_some() {
        let Some(hash) = reader.next_hash().map_err(|bad| bad.at(at()))? else {
            break;
        };
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

/// Which live segments to merge with `postings` new ones. Those of the smallest class always, which
/// costs next to nothing: each segment is one more filter to ask, with false positives of its own,
/// and the canary's would stay by itself beside a first registration that is large.
pub(crate) fn choose_merge(segments: &Segments, postings: u64) -> Vec<u32> {
    let class = |size: u64| {
        (size / SMALLEST_CLASS)
            .checked_ilog(MERGE_FANOUT as u64)
            .map_or(0, |log| log + 1)
    };
    let mut chosen = Vec::new();
    let mut total = postings;
    for (number, segment) in segments {
        if class(segment.row.postings) == 0 {
            chosen.push(*number);
            total = total.saturating_add(segment.row.postings);
        }
    }
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

/// Every entry of a stored segment, in order; each bucket must be there.
pub(crate) fn stored_entries<'a>(
    store: &'a Store,
    segment: u32,
    row: &'a SegmentRow,
) -> Result<impl Iterator<Item = Result<(u64, TextList), StoreError>> + 'a, StoreError> {
    stored_between(store, segment, row, 0, u64::MAX)
}

/// As [`stored_entries`], of the hashes from `first` to `last`.
pub(crate) fn stored_between<'a>(
    store: &'a Store,
    segment: u32,
    row: &'a SegmentRow,
    first: u64,
    last: u64,
) -> Result<impl Iterator<Item = Result<(u64, TextList), StoreError>> + 'a, StoreError> {
    let buckets = keys::bucket_of(first, row.bucket_bits)..=keys::bucket_of(last, row.bucket_bits);
    let last_bucket = *buckets.end();
    let from = keys::bucket_key(segment, *buckets.start());
    let to = if last == u64::MAX {
        keys::bucket_key(segment + 1, 0)
    } else {
        keys::bucket_key(segment, last_bucket + 1)
    };
    let mut rows = store.scan(POSTINGS, &from, Some(&to))?;
    let read = move |bucket: u32, found: Row| {
        let (key, value) = found;
        let at = || format!("segment {segment}, bucket {bucket}");
        if key.as_ref() != keys::bucket_key(segment, bucket) {
            return Err(StoreError::corrupt("a posting bucket is missing", at()));
        }
        let mut reader = BucketReader::new(&value, bucket, row.bucket_bits, row.base_text)
            .map_err(|bad| bad.at(at()))?;
        let mut entries = Vec::new();
        while let Some(hash) = reader.next_hash().map_err(|bad| bad.at(at()))? {
            if (first..=last).contains(&hash) {
                entries.push((hash, reader.list().map_err(|bad| bad.at(at()))?));
            } else {
                reader.skip().map_err(|bad| bad.at(at()))?;
            }
        }
        Ok(entries)
    };
    // Every bucket is asked for by its number, so one that is missing is met as an error.
    let read = buckets.map(move |bucket| {
        let found = rows.next().ok_or_else(|| {
            StoreError::corrupt(
                "posting buckets are missing",
                format!("segment {segment}, bucket {bucket}"),
            )
        })??;
        let entries = read(bucket, found)?;
        if bucket == last_bucket && rows.next().transpose()?.is_some() {
            return Err(StoreError::corrupt(
                "there are more posting buckets than there should be",
                format!("segment {segment}"),
            ));
        }
        Ok(entries)
    });
    Ok(read.flat_map(|bucket| match bucket {
        Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    }))
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
