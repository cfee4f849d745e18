//! Every byte layout of the index: what is written is read again, and what is read is what would be
//! written. The first byte chooses the layout.

use super::feed::Feed;
use crate::index::DF_CAP;
use crate::index::PackedClaim;
use crate::index::SetHash;
use crate::index::Tag;
use crate::index::TextRow;
use crate::index::bits::BitReader;
use crate::index::bits::BitWriter;
use crate::index::bytes::Cursor;
use crate::index::bytes::Malformed;
use crate::index::bytes::put_varint;
use crate::index::keys;
use crate::index::keys::BUCKET_BITS_MAX;
use crate::index::keys::BucketBuilder;
use crate::index::keys::BucketReader;
use crate::index::keys::FORMAT_VERSION;
use crate::index::keys::FilterHead;
use crate::index::keys::FormatRow;
use crate::index::keys::IntentRow;
use crate::index::keys::LevelHead;
use crate::index::keys::SegmentRow;
use crate::index::keys::StateRow;
use crate::index::keys::TextList;
use crate::index::source_row;
use crate::index::tag::ALONE_TEXTS;
use crate::model::Acquisition;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::source::BundleOrigin;
use crate::model::source::SourceFile;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    match feed.u8() % 14 {
        0 => varint(&mut feed),
        1 => row(feed.0, FormatRow::decode, |row: &FormatRow| {
            (row.version == FORMAT_VERSION).then(|| row.encode())
        }),
        2 => row(feed.0, StateRow::decode, |row: &StateRow| {
            Some(row.encode())
        }),
        3 => row(feed.0, SegmentRow::decode, |row: &SegmentRow| {
            Some(row.encode())
        }),
        4 => row(feed.0, IntentRow::decode, |row: &IntentRow| {
            Some(row.encode())
        }),
        5 => row(feed.0, TextRow::decode, |row: &TextRow| {
            let mut out = Vec::new();
            let words = u32::try_from(row.words.len()).ok()?;
            match row.counted {
                Some(counted) => {
                    TextRow::put_counted(&mut out, &row.exact, row.normal_bytes, counted);
                }
                None => TextRow::put(&mut out, &row.exact, row.normal_bytes, words, &row.words),
            }
            Some(out)
        }),
        6 => row(
            feed.0,
            PackedClaim::decode_all,
            |claims: &Vec<PackedClaim>| {
                let mut out = Vec::new();
                for claim in claims {
                    claim.put(&mut out);
                }
                Some(out)
            },
        ),
        7 => database_keys(&mut feed),
        8 => heads(feed.0),
        9 => any_source(feed.0),
        10 => made_source(&mut feed),
        11 => bits(&mut feed),
        12 => made_bucket(&mut feed),
        _ => any_bucket(&mut feed),
    }
}

/// A layout that has one spelling: what is accepted is spelt so.
fn row<T>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
    encode: impl Fn(&T) -> Option<Vec<u8>>,
) where
    T: PartialEq + std::fmt::Debug,
{
    let Ok(value) = decode(bytes) else { return };
    let Some(written) = encode(&value) else {
        return;
    };
    assert_eq!(written, bytes, "another spelling of {value:?} was accepted");
    assert_eq!(decode(&written).as_ref(), Ok(&value));
    let longer = [&written, &[0][..]].concat();
    if let Ok(longer) = decode(&longer) {
        // Only a list of claims may go on.
        assert_ne!(longer, value, "a byte beyond the layout is passed over");
    }
}

fn varint(feed: &mut Feed<'_>) {
    let value = feed.number();
    let mut out = Vec::new();
    put_varint(&mut out, value);
    let mut cursor = Cursor::new(&out);
    assert_eq!(cursor.varint("v"), Ok(value));
    assert!(cursor.is_empty());
    let mut cursor = Cursor::new(feed.0);
    if let Ok(value) = cursor.varint("v") {
        out.clear();
        put_varint(&mut out, value);
        assert_eq!(
            [&out, cursor.rest()].concat(),
            feed.0,
            "{value} has two spellings"
        );
    }
}

fn database_keys(feed: &mut Feed<'_>) {
    let (one, two) = (feed.u64(), feed.u64());
    let (low, high) = (feed.u32(), feed.u32());
    assert_eq!(keys::decode_segment_key(&keys::segment_key(low)), Ok(low));
    assert_eq!(keys::decode_text_key(&keys::text_key(one)), Ok(one));
    assert_eq!(
        keys::decode_claims_key(&keys::claims_key(one, low)),
        Ok((one, low))
    );
    assert_eq!(
        keys::decode_bucket_key(&keys::bucket_key(low, high)),
        Ok((low, high))
    );
    // The order of keys is that of what they stand for.
    assert_eq!(keys::text_key(one).cmp(&keys::text_key(two)), one.cmp(&two));
    assert_eq!(
        keys::claims_key(one, low).cmp(&keys::claims_key(two, high)),
        (one, low).cmp(&(two, high))
    );
    assert_eq!(
        keys::bucket_key(low, high).cmp(&keys::bucket_key(high, low)),
        (low, high).cmp(&(high, low))
    );
    let bits = feed.u8() % (BUCKET_BITS_MAX + 1);
    let bucket = keys::bucket_of(one, bits);
    assert!(keys::bucket_start(bucket, bits) <= one);
    assert_eq!(
        keys::bucket_of(keys::bucket_start(bucket, bits), bits),
        bucket
    );
    let rest = feed.0;
    row(rest, keys::decode_segment_key, |key: &u32| {
        Some(keys::segment_key(*key).to_vec())
    });
    row(rest, keys::decode_text_key, |key: &u64| {
        Some(keys::text_key(*key).to_vec())
    });
    row(rest, keys::decode_claims_key, |key: &(u64, u32)| {
        Some(keys::claims_key(key.0, key.1).to_vec())
    });
    row(rest, keys::decode_bucket_key, |key: &(u32, u32)| {
        Some(keys::bucket_key(key.0, key.1).to_vec())
    });
    sums(one, two);
    tags(one, two);
}

/// The hash of a set does not depend on order, and survives as bytes.
fn sums(one: u64, two: u64) {
    let [one, two] = [one, two].map(|member| blake3::hash(&member.to_be_bytes()));
    let (mut forth, mut back, mut merged) =
        (SetHash::default(), SetHash::default(), SetHash::default());
    forth.add(&one);
    merged.merge(&forth);
    forth.add(&two);
    back.add(&two);
    merged.merge(&back);
    back.add(&one);
    assert_eq!(forth, back);
    assert_eq!(forth, merged);
    assert_eq!(SetHash::from_bytes(forth.to_bytes()), forth);
}

/// A tag says of a list what the list says of itself.
fn tags(first: u64, count: u64) {
    let count = count % (DF_CAP as u64 + 2);
    let first = first % keys::TEXT_ID_MAX;
    let list = if count > DF_CAP as u64 || count == 0 {
        TextList::Common(count)
    } else {
        TextList::Texts((first..first + count).collect())
    };
    for alone in [false, true] {
        let tag = Tag::of_list(&list, alone);
        assert_eq!(Tag::from_byte(tag.byte()), tag);
        match list {
            TextList::Common(_) => assert_eq!(tag, Tag::COMMON),
            TextList::Texts(_) if alone && count <= ALONE_TEXTS as u64 => {
                assert_eq!(tag, Tag::ALONE);
            }
            TextList::Texts(_) => assert!(tag.bucket().is_some_and(|bucket| bucket < Tag::BUCKETS)),
        }
    }
}

fn heads(bytes: &[u8]) {
    let mut cursor = Cursor::new(bytes);
    if let Ok(head) = FilterHead::decode(&mut cursor) {
        assert_eq!([&head.encode(), cursor.rest()].concat(), bytes);
    }
    let mut cursor = Cursor::new(bytes);
    if let Ok(head) = LevelHead::decode(&mut cursor) {
        let mut out = Vec::new();
        head.put(&mut out);
        assert_eq!([&out, cursor.rest()].concat(), bytes);
    }
}

fn any_source(bytes: &[u8]) {
    let id = SourceId(3);
    if let Ok(source) = source_row::decode(id, bytes) {
        let written = source_row::encode(&source).unwrap();
        assert_eq!(source_row::decode(id, &written), Ok(source));
    }
}

fn made_source(feed: &mut Feed<'_>) {
    let id = SourceId(feed.u32());
    let list = |feed: &mut Feed<'_>| (0..feed.u8() % 4).map(|_| feed.text()).collect::<Vec<_>>();
    let source = SourceInfo {
        id,
        name: feed.text(),
        digest: feed.text(),
        files: (0..feed.u8() % 3)
            .map(|_| SourceFile {
                path: feed.text(),
                sha256: feed.text(),
                rows: feed.number(),
                bytes: feed.number(),
            })
            .collect(),
        models: list(feed),
        columns: list(feed),
        access: (feed.u8() & 1 == 1).then(|| feed.text()),
        acquisition: [
            Acquisition::SelfGenerated,
            Acquisition::LicensedDataset,
            Acquisition::Found,
        ][usize::from(feed.u8() % 3)],
        records: feed.number(),
        new_texts: feed.number(),
        text_bytes: feed.number(),
        index_bytes: feed.number(),
        registered_at: feed.text(),
        withdrawn_at: (feed.u8() & 1 == 1).then(|| feed.text()),
        bundle: (feed.u8() & 1 == 1).then(|| BundleOrigin {
            partner: feed.text(),
            source: feed.text(),
            key: feed.text(),
            bundle: feed.text(),
            exported_at: feed.text(),
            records: feed.number(),
        }),
    };
    let written = source_row::encode(&source).unwrap();
    assert_eq!(source_row::decode(id, &written), Ok(source));
}

fn bits(feed: &mut Feed<'_>) {
    let mut values = Vec::new();
    while !feed.is_empty() && values.len() < 200 {
        let (kind, width, value) = (feed.u8() % 4, u32::from(feed.u8()) % 65, feed.number());
        let value = match kind {
            0 => value & 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1),
            1 => value % 300,
            // As the buckets use it: what is coded in unary is short.
            2 => value & 1_u64.checked_shl(width + 6).map_or(u64::MAX, |end| end - 1),
            _ => value.max(1),
        };
        values.push((kind, width.min(63), value));
    }
    let mut out = BitWriter::default();
    for &(kind, width, value) in &values {
        match kind {
            0 => out.put(
                value & 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1),
                width,
            ),
            1 => out.unary(value),
            2 => out.rice(value, width),
            _ => out.gamma(value),
        }
    }
    let bytes = out.finish().to_vec();
    let mut reader = BitReader::new(&bytes);
    for (kind, width, value) in values {
        let (read, value) = match kind {
            0 => (
                reader.take(width, "v"),
                value & 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1),
            ),
            1 => (reader.unary("v"), value),
            2 => (reader.rice(width, "v"), value),
            _ => (reader.gamma("v"), value),
        };
        assert_eq!(read, Ok(value), "kind {kind}, width {width}");
    }
    assert_eq!(reader.end("v"), Ok(()));
}

type Entries = Vec<(u64, TextList)>;

fn built(entries: &Entries, bucket: u32, bucket_bits: u8, base: u64) -> Result<Vec<u8>, Malformed> {
    let mut builder = BucketBuilder::default();
    builder.start(bucket, bucket_bits);
    for (hash, list) in entries {
        builder.push(*hash, list, base)?;
    }
    let mut out = Vec::new();
    builder.finish(&mut out);
    Ok(out)
}

fn read(bytes: &[u8], bucket: u32, bucket_bits: u8, base: u64) -> Result<Entries, Malformed> {
    let mut reader = BucketReader::new(bytes, bucket, bucket_bits, base)?;
    let mut skipping = BucketReader::new(bytes, bucket, bucket_bits, base)?;
    let mut entries = Vec::new();
    while let Some(hash) = reader.next_hash()? {
        assert_eq!(skipping.next_hash(), Ok(Some(hash)));
        let list = reader.list()?;
        assert_eq!(skipping.skip(), Ok(()));
        entries.push((hash, list));
    }
    assert_eq!(skipping.next_hash(), Ok(None));
    Ok(entries)
}

/// Where a bucket lies: its number, its bits and the base of its segment.
fn place(feed: &mut Feed<'_>) -> (u32, u8, u64) {
    let bits = feed.u8() % (BUCKET_BITS_MAX + 1);
    let bucket = feed.u32() & ((1 << bits) - 1);
    (bucket, bits, feed.number() % keys::TEXT_ID_MAX)
}

fn made_bucket(feed: &mut Feed<'_>) {
    let (bucket, bits, base) = place(feed);
    let start = keys::bucket_start(bucket, bits);
    let end = u128::from(start) + (1_u128 << (64 - bits));
    let mut next = u128::from(start);
    let mut entries = Vec::new();
    while !feed.is_empty() && entries.len() < 300 {
        let gap = u128::from(feed.number()) << 16;
        let hash = next + gap % (1 << 60);
        if hash >= end {
            break;
        }
        next = hash + (1 << 16);
        let hash = u64::try_from(hash).expect("below the end of its bucket");
        let list = match feed.u8() {
            0 => TextList::Common(feed.number().max(1)),
            // Long lists come as runs, so that they need few bytes.
            count => {
                let first = base + feed.number() % (1 << 40);
                let step = 1 + feed.number() % (1 << 20);
                let texts = (0..u64::from(count)).map(|at| first + at * step);
                TextList::Texts(texts.collect())
            }
        };
        entries.push((hash, list));
    }
    let bytes = built(&entries, bucket, bits, base).unwrap();
    assert_eq!(read(&bytes, bucket, bits, base), Ok(entries.clone()));
    let longer = [&bytes, &[0][..]].concat();
    assert_ne!(
        read(&longer, bucket, bits, base),
        Ok(entries),
        "a byte beyond the bucket"
    );
}

/// Any bytes: what they are read as is written and read again as the same.
fn any_bucket(feed: &mut Feed<'_>) {
    let (bucket, bits, base) = place(feed);
    if let Ok(entries) = read(feed.0, bucket, bits, base) {
        assert!(entries.len() <= 8 * feed.0.len());
        assert!(entries.is_sorted_by(|(one, _), (two, _)| one < two));
        let written = built(&entries, bucket, bits, base).unwrap();
        assert_eq!(read(&written, bucket, bits, base), Ok(entries));
    }
}
