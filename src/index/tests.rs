//! Byte layouts, options and the page that describes them.

use std::fs;

use proptest::prelude::*;

use super::Compat;
use super::bytes::*;
use super::columns::Access;
use super::keys;
use super::keys::*;
use super::set_hash::SetHash;
use super::store::Store;

fn format_row() -> impl Strategy<Value = FormatRow> {
    (any::<u32>(), any::<[u8; 16]>(), ".{0,40}", ".{0,10}").prop_map(
        |(guarantee_bytes, key_check, recipe, unicode)| FormatRow {
            version: FORMAT_VERSION,
            guarantee_bytes,
            key_check,
            recipe,
            unicode,
        },
    )
}

fn state_row() -> impl Strategy<Value = StateRow> {
    (
        any::<[u64; 4]>(),
        any::<[u32; 4]>(),
        any::<[u8; 32]>(),
        0_usize..4,
        ".{0,30}",
    )
        .prop_map(
            |(
                [epoch, next_text, records, claims],
                [next_source, next_segment, live_sources, op_source],
                hash,
                op,
                op_time,
            )| {
                StateRow {
                    epoch,
                    next_text,
                    next_source,
                    next_segment,
                    live_sources,
                    records,
                    claims,
                    set_hash: SetHash::from_bytes(hash),
                    op: [Op::Init, Op::Register, Op::Withdraw, Op::Seal][op],
                    op_source,
                    op_time,
                }
            },
        )
}

fn segment_row() -> impl Strategy<Value = SegmentRow> {
    (0..=BUCKET_BITS_MAX, any::<[u64; 5]>(), any::<[u8; 32]>()).prop_map(
        |(
            bucket_bits,
            [base_text, entries, postings, table_bytes, filter_bytes],
            filter_blake3,
        )| {
            SegmentRow {
                bucket_bits,
                base_text,
                entries,
                postings,
                table_bytes,
                filter_bytes,
                filter_blake3,
            }
        },
    )
}

fn claims() -> impl Strategy<Value = Vec<PackedClaim>> {
    let claim = (
        any::<u32>(),
        any::<u64>(),
        any::<u32>(),
        any::<Option<u32>>(),
    )
        .prop_map(|(file, row, column, model)| PackedClaim {
            file,
            row,
            column,
            model,
        });
    prop::collection::vec(claim, 1..20)
}

/// Entries of one bucket: ascending hashes with ascending lists.
fn entries() -> impl Strategy<Value = Vec<(u64, TextList)>> {
    let list = prop_oneof![
        prop::collection::btree_set(0..TEXT_ID_MAX, 1..10)
            .prop_map(|texts| TextList::Texts(texts.into_iter().collect())),
        prop::collection::btree_set(0_u64..100, 1..10)
            .prop_map(|texts| TextList::Texts(texts.into_iter().collect())),
        (1..=u64::MAX).prop_map(TextList::Common),
        Just(TextList::Texts((5..5 + super::DF_CAP as u64).collect())),
    ];
    prop::collection::btree_map(any::<u64>().prop_map(gram_key), list, 0..20)
        .prop_map(|entries| entries.into_iter().collect())
}

fn refuses_cuts_and_tails<T: std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
) {
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "cut to {len}");
    }
    assert!(decode(&[bytes, &[0]].concat()).is_err(), "a tail");
}

proptest! {
    #[test]
    fn varints_come_back_and_have_one_form(value in any::<u64>(), shift in 0_u32..64) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let mut cursor = Cursor::new(&bytes);
        prop_assert_eq!(cursor.varint("v"), Ok(value));
        prop_assert!(cursor.is_empty());
        // The same number with an empty last group is refused.
        let last = bytes.len() - 1;
        bytes[last] |= 0x80;
        bytes.push(0);
        prop_assert!(Cursor::new(&bytes).varint("v").is_err());
    }

    #[test]
    fn rows_of_the_meta_family_come_back(
        format in format_row(), state in state_row(), segment in segment_row(), numbers in any::<(u32, u32, u64)>(),
    ) {
        prop_assert_eq!(FormatRow::decode(&format.encode()), Ok(format.clone()));
        refuses_cuts_and_tails(&format.encode(), FormatRow::decode);
        prop_assert_eq!(StateRow::decode(&state.encode()), Ok(state.clone()));
        refuses_cuts_and_tails(&state.encode(), StateRow::decode);
        prop_assert_eq!(SegmentRow::decode(&segment.encode()), Ok(segment.clone()));
        refuses_cuts_and_tails(&segment.encode(), SegmentRow::decode);
        let intent = IntentRow { source: numbers.0, segment: numbers.1, first_text: numbers.2 };
        prop_assert_eq!(IntentRow::decode(&intent.encode()), Ok(intent));
        refuses_cuts_and_tails(&intent.encode(), IntentRow::decode);
    }

    #[test]
    fn texts_and_claims_come_back(
        exact in any::<[u8; 16]>(), normal_bytes in any::<u32>(), words in prop::collection::vec(any::<u8>(), 0..50), claims in claims(),
    ) {
        let mut bytes = Vec::new();
        TextRow::put(&mut bytes, &exact, normal_bytes, u32::try_from(words.len()).unwrap(), &words);
        refuses_cuts_and_tails(&bytes, TextRow::decode);
        let row = TextRow { exact, normal_bytes, words: words.into(), counted: None };
        prop_assert_eq!(TextRow::decode(&bytes), Ok(row));
        let counted = WordCount { words: normal_bytes, own: normal_bytes / 3 };
        bytes.clear();
        TextRow::put_counted(&mut bytes, &exact, normal_bytes, counted);
        let row = TextRow { exact, normal_bytes, words: [].into(), counted: Some(counted) };
        prop_assert_eq!(TextRow::decode(&bytes), Ok(row));
        bytes.push(0);
        prop_assert!(TextRow::decode(&bytes).is_err());
        let mut bytes = Vec::new();
        for claim in &claims {
            claim.put(&mut bytes);
        }
        prop_assert_eq!(PackedClaim::decode_all(&bytes), Ok(claims));
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_numbers(one in any::<(u64, u32, u32)>(), two in any::<(u64, u32, u32)>()) {
        prop_assert_eq!(text_key(one.0).cmp(&text_key(two.0)), one.0.cmp(&two.0));
        prop_assert_eq!(decode_text_key(&text_key(one.0)), Ok(one.0));
        prop_assert_eq!(
            claims_key(one.0, one.1).cmp(&claims_key(two.0, two.1)),
            (one.0, one.1).cmp(&(two.0, two.1))
        );
        prop_assert_eq!(decode_claims_key(&claims_key(one.0, one.1)), Ok((one.0, one.1)));
        prop_assert_eq!(
            bucket_key(one.1, one.2).cmp(&bucket_key(two.1, two.2)),
            (one.1, one.2).cmp(&(two.1, two.2))
        );
        prop_assert_eq!(decode_bucket_key(&bucket_key(one.1, one.2)), Ok((one.1, one.2)));
        prop_assert_eq!(segment_key(one.1).cmp(&segment_key(two.1)), one.1.cmp(&two.1));
        prop_assert_eq!(decode_segment_key(&segment_key(one.1)), Ok(one.1));
    }

    #[test]
    fn a_hash_falls_into_the_bucket_that_starts_at_or_below_it(hash in any::<u64>(), bits in 0..=BUCKET_BITS_MAX) {
        let bucket = bucket_of(hash, bits);
        prop_assert!(u64::from(bucket) < 1 << bits);
        prop_assert!(bucket_start(bucket, bits) <= hash);
        let next = u128::from(bucket_start(bucket, bits)) + (1_u128 << (64 - u32::from(bits)));
        prop_assert!(u128::from(hash) < next);
    }

    #[test]
    fn buckets_come_back(mut entries in entries(), bucket_bits in 0..=BUCKET_BITS_MAX) {
        // All into the bucket of the first.
        let bucket = entries.first().map_or(0, |(hash, _)| bucket_of(*hash, bucket_bits));
        entries.retain(|(hash, _)| bucket_of(*hash, bucket_bits) == bucket);
        let texts = entries.iter().filter_map(|(_, list)| match list {
            TextList::Texts(texts) => texts.first().copied(),
            TextList::Common(_) => None,
        });
        let base = texts.min().unwrap_or(0);
        let mut builder = BucketBuilder::default();
        builder.start(bucket, bucket_bits);
        for (hash, list) in &entries {
            builder.push(*hash, list, base).unwrap();
        }
        let mut bytes = Vec::new();
        builder.finish(&mut bytes);
        let read = |bytes: &[u8]| -> Result<Vec<(u64, TextList)>, Malformed> {
            let mut reader = BucketReader::new(bytes, bucket, bucket_bits, base)?;
            let mut out = Vec::new();
            while let Some(hash) = reader.next_hash()? {
                out.push((hash, reader.list()?));
            }
            Ok(out)
        };
        prop_assert_eq!(read(&bytes), Ok(entries.clone()));
        refuses_cuts_and_tails(&bytes, read);
        let mut reader = BucketReader::new(&bytes, bucket, bucket_bits, base).unwrap();
        let mut hashes = Vec::new();
        while let Some(hash) = reader.next_hash().unwrap() {
            hashes.push(hash);
            reader.skip().unwrap();
        }
        prop_assert_eq!(hashes, entries.iter().map(|(hash, _)| *hash).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        // No decoder may panic; what it accepts is its own business.
        let refused = [
            FormatRow::decode(&bytes).is_err(),
            StateRow::decode(&bytes).is_err(),
            SegmentRow::decode(&bytes).is_err(),
            IntentRow::decode(&bytes).is_err(),
            TextRow::decode(&bytes).is_err(),
        ];
        prop_assert!(refused.contains(&true), "no bytes are every kind of row at once");
        for bucket_bits in [0, 7, BUCKET_BITS_MAX] {
            if let Ok(mut reader) = BucketReader::new(&bytes, 0, bucket_bits, 0) {
                while let Ok(Some(_)) = reader.next_hash() {
                    if reader.list().is_err() {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn the_set_hash_does_not_know_an_order(members in prop::collection::vec(any::<[u8; 32]>(), 0..20), split in 0_usize..20) {
        let mut forward = SetHash::default();
        let mut backward = SetHash::default();
        let (mut left, mut right) = (SetHash::default(), SetHash::default());
        for (at, member) in members.iter().enumerate() {
            forward.add(&blake3::Hash::from_bytes(*member));
            if at < split { &mut left } else { &mut right }.add(&blake3::Hash::from_bytes(*member));
        }
        for member in members.iter().rev() {
            backward.add(&blake3::Hash::from_bytes(*member));
        }
        left.merge(&right);
        prop_assert_eq!(forward, backward);
        prop_assert_eq!(forward, left);
    }
}

#[test]
fn the_set_hash_carries_over_all_limbs() {
    let mut sum = SetHash::from_bytes([0xff; 32]);
    let mut one = [0; 32];
    one[31] = 2;
    sum.add(&blake3::Hash::from_bytes(one));
    let mut expected = [0; 32];
    expected[31] = 1;
    assert_eq!(sum.to_bytes(), expected);
    let mut sum = SetHash::from_bytes([0xff; 32]);
    sum.merge(&SetHash::from_bytes([0xff; 32]));
    let mut expected = [0xff; 32];
    expected[31] = 0xfe;
    assert_eq!(sum.to_bytes(), expected);
}

#[test]
fn golden_bytes() {
    // Written by hand from docs/index-format.md.
    let mut bucket = BucketBuilder::default();
    bucket.start(0x2000_0000, 30);
    bucket
        .push(0x8000_0000_0005_0000, &TextList::Texts(vec![10, 13]), 10)
        .unwrap();
    bucket
        .push(0x8000_0000_0105_0000, &TextList::Common(300), 10)
        .unwrap();
    let mut bytes = Vec::new();
    bucket.finish(&mut bytes);
    // Two entries, and two bits for the largest text, 13 - 10. Each bit as it comes: a bucket of 18
    // bits with two entries has 17 low ones.
    let expected = [
        "0",                 // 5 >> 17 is 0
        "10100000000000000", // 5
        "10 0",              // two texts: length 1, then 0
        "0 0",               // 10 is 0 above the base; one low bit
        "10 0",              // 13 is 2 above the least possible, 11
        "0",                 // 0x105 is 0xff above the least possible, 6
        "11111111000000000",
        "111111110 10000000", // 257 for common: length 8, then 1
        "111111110 00110100", // 300: length 8, then 44
    ]
    .concat()
    .replace(' ', "");
    let expected: Vec<u8> = expected
        .as_bytes()
        .chunks(8)
        .map(|bits| {
            (0..)
                .zip(bits)
                .map(|(at, bit)| (bit - b'0') << at)
                .sum::<u8>()
        })
        .collect();
    assert_eq!(bytes, [&[2, 2], expected.as_slice()].concat());
    bucket.start(0, 30);
    bucket.finish(&mut bytes);
    assert_eq!(bytes, [0]);
    let mut text = Vec::new();
    TextRow::put(&mut text, &[3; 16], 300, 2, &[8, 9]);
    assert_eq!(text, [[3; 16].as_slice(), &[0xac, 0x02, 2, 8, 9]].concat());
    text.clear();
    let counted = WordCount { words: 200, own: 7 };
    TextRow::put_counted(&mut text, &[3; 16], 300, counted);
    let bytes = [0xac, 0x02, 0, 0xc8, 0x01, 7];
    assert_eq!(text, [[3; 16].as_slice(), &bytes].concat());
    text.pop();
    text.extend([0xc9, 0x01]);
    assert!(TextRow::decode(&text).is_err(), "more own words than words");
    assert_eq!(bucket_of(0x8000_0000_0000_0005, 1), 1);
    assert_eq!(bucket_start(1, 1), 0x8000_0000_0000_0000);
    assert_eq!(bucket_key(1, 2), [0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(claims_key(3, 4), [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4]);
    assert_eq!(segment_key(5), [3, 0, 0, 0, 5]);
    let mut claims = Vec::new();
    PackedClaim {
        file: 1,
        row: 128,
        column: 2,
        model: None,
    }
    .put(&mut claims);
    PackedClaim {
        file: 0,
        row: 0,
        column: 0,
        model: Some(0),
    }
    .put(&mut claims);
    assert_eq!(claims, [1, 0x80, 1, 2, 0, 0, 0, 0, 1]);
    let format = FormatRow {
        version: 1,
        guarantee_bytes: 64,
        key_check: [7; 16],
        recipe: "r".to_owned(),
        unicode: "é".to_owned(),
    };
    let expected = [
        b"HERDBOOK".as_slice(),
        &[0, 0, 0, 1, 0, 0, 0, 64],
        &[7; 16],
        &[0, 1, b'r', 0, 2, 0xc3, 0xa9],
    ]
    .concat();
    assert_eq!(format.encode(), expected);
}

#[test]
fn a_format_row_of_another_version_tells_its_version() {
    let mut bytes = [MAGIC.as_slice(), &[0, 0, 0, 9], b"whatever comes then"].concat();
    assert_eq!(FormatRow::decode(&bytes).unwrap().version, 9);
    bytes[0] = b'h';
    assert!(FormatRow::decode(&bytes).is_err());
}

#[test]
fn an_index_of_the_first_format_is_refused_with_the_remedy() {
    let compat = Compat {
        recipe: "r".to_owned(),
        unicode: "16.0.0".to_owned(),
        guarantee_bytes: 64,
        key_check: [7; 16],
    };
    let mut row = compat.row();
    assert_eq!(compat.accepts(&row), Ok(()));
    row.version = 1;
    let message = compat.accepts(&row).unwrap_err().to_string();
    for part in [
        "format 1",
        "format 2",
        "register the sources into a new index",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[test]
fn the_documented_layout_is_the_one_in_the_code() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/index-format.md")).unwrap();
    let table = |name: &str| -> Vec<Vec<String>> {
        let (_, rest) = page.split_once(&format!("<!-- {name} -->\n")).unwrap();
        let (table, _) = rest.split_once("<!-- end -->").unwrap();
        table
            .lines()
            .skip(2)
            .map(|line| {
                // Cells end at a bar outside back quotes.
                let mut cells = vec![String::new()];
                let mut quoted = false;
                for letter in line.trim_matches('|').chars() {
                    match letter {
                        '`' => quoted = !quoted,
                        '|' if !quoted => cells.push(String::new()),
                        _ => cells.last_mut().unwrap().push(letter),
                    }
                }
                cells.iter().map(|cell| cell.trim().to_owned()).collect()
            })
            .collect()
    };
    let documented = table("layout");
    let coded: Vec<Vec<String>> = LAYOUT
        .iter()
        .map(|(family, row, key, value)| {
            [family, row, key, value]
                .map(|cell| (*cell).to_owned())
                .to_vec()
        })
        .collect();
    assert_eq!(documented, coded);
    let filter = table("filter");
    assert_eq!(filter[0][2], FILTER_HEAD_BYTES.to_string());
    assert_eq!(filter[1][2], LEVEL_HEAD_BYTES.to_string());
    for family in COLUMN_FAMILIES {
        assert!(LAYOUT.iter().any(|(name, ..)| *name == family), "{family}");
    }
    for fact in [
        format!("Format version **{FORMAT_VERSION}**"),
        format!("above {}", super::DF_CAP),
        format!("more than {} places", super::CLAIMS_KEPT),
        format!("at most {} grams", super::ALONE_GRAMS),
        format!("at most {} texts", super::ALONE_TEXTS),
        format!("at most {LEVELS_MAX} levels"),
        String::from_utf8(MAGIC.to_vec()).unwrap(),
        String::from_utf8(FILTER_MAGIC.to_vec()).unwrap(),
    ] {
        assert!(page.contains(&fact), "{fact}");
    }
}

/// The sum of the fixed widths in a layout string, up to the first part of unknown length.
fn fixed_bytes(layout: &str) -> usize {
    let mut sum = 0;
    for part in layout.split(" | ") {
        let width = part.rsplit_once(' ').map_or(part, |(_, width)| width);
        sum += match width {
            "u8" | "0x01" | "0x02" | "0x03" | "0x04" => 1,
            "u32" => 4,
            "u64" => 8,
            number => match number.parse::<usize>() {
                Ok(bytes) => bytes,
                Err(_) => break,
            },
        };
    }
    sum
}

#[test]
fn the_widths_in_the_layout_are_the_widths_written() {
    let layout = |row: &str| *LAYOUT.iter().find(|(_, name, ..)| *name == row).unwrap();
    let format = FormatRow {
        version: 1,
        guarantee_bytes: 0,
        key_check: [0; 16],
        recipe: String::new(),
        unicode: String::new(),
    };
    assert_eq!(fixed_bytes(layout("format").3) + 4, format.encode().len());
    let state = StateRow {
        epoch: 0,
        next_text: 0,
        next_source: 0,
        next_segment: 0,
        live_sources: 0,
        records: 0,
        claims: 0,
        set_hash: SetHash::default(),
        op: Op::Init,
        op_source: 0,
        op_time: String::new(),
    };
    assert_eq!(fixed_bytes(layout("state").3) + 2, state.encode().len());
    let segment = SegmentRow {
        bucket_bits: 0,
        base_text: 0,
        entries: 0,
        postings: 0,
        table_bytes: 0,
        filter_bytes: 0,
        filter_blake3: [0; 32],
    };
    assert_eq!(fixed_bytes(layout("segment").3), segment.encode().len());
    assert_eq!(fixed_bytes(layout("segment").2), segment_key(0).len());
    let intent = IntentRow {
        source: 0,
        segment: 0,
        first_text: 0,
    };
    assert_eq!(fixed_bytes(layout("intent").3), intent.encode().len());
    assert_eq!(fixed_bytes(layout("text").2), text_key(0).len());
    assert_eq!(fixed_bytes(layout("claims").2), claims_key(0, 0).len());
    assert_eq!(fixed_bytes(layout("bucket").2), bucket_key(0, 0).len());
}

#[test]
fn the_options_reach_every_column_family() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Store::open(&path, Access::Create).unwrap());
    let options = fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("OPTIONS-")
        })
        .max()
        .unwrap();
    let text = fs::read_to_string(options).unwrap();
    let section = |head: &str| -> String {
        let (_, rest) = text
            .split_once(head)
            .unwrap_or_else(|| panic!("no section {head}"));
        rest.split("\n[").next().unwrap().to_owned()
    };
    let has = |section: &str, line: &str| {
        assert!(
            section.lines().any(|found| found.trim() == line),
            "{line} in {section}"
        );
    };
    let db = section("[DBOptions]");
    for line in [
        "paranoid_checks=true",
        "wal_recovery_mode=kTolerateCorruptedTailRecords",
        "track_and_verify_wals_in_manifest=true",
    ] {
        has(&db, line);
    }
    for family in keys::COLUMN_FAMILIES {
        let options = section(&format!("[CFOptions \"{family}\"]"));
        let table = section(&format!("[TableOptions/BlockBasedTable \"{family}\"]"));
        has(&table, "format_version=6");
        has(&table, "checksum=kXXH3");
        // The filter in memory answers instead of the engine's.
        has(&table, "filter_policy=nullptr");
        has(&table, "cache_index_and_filter_blocks=true");
        has(&options, "write_buffer_size=4194304");
        let bulk = matches!(family, keys::TEXTS | keys::POSTINGS);
        has(
            &table,
            if bulk {
                "block_size=4096"
            } else {
                "block_size=16384"
            },
        );
        has(
            &table,
            if bulk {
                "index_type=kTwoLevelIndexSearch"
            } else {
                "index_type=kBinarySearch"
            },
        );
        has(
            &options,
            if bulk {
                "compression=kNoCompression"
            } else {
                "compression=kLZ4Compression"
            },
        );
        has(
            &options,
            if bulk {
                "disable_auto_compactions=true"
            } else {
                "disable_auto_compactions=false"
            },
        );
    }
}

#[test]
fn the_options_reach_the_files_that_are_ingested() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("db"), Access::Create).unwrap();
    for (family, bulk) in [
        (keys::TEXTS, true),
        (keys::POSTINGS, true),
        (keys::CLAIMS, false),
    ] {
        let mut tables = store.tables(family, dir.path());
        let mut next = 0_u64;
        tables
            .write(|key, value| {
                key.extend_from_slice(&next.to_be_bytes());
                value.extend_from_slice(&[7; 100]);
                next += 1;
                Ok(next <= 1000)
            })
            .unwrap();
        store.ingest(family, tables.paths()).unwrap();
        let properties = store.table_properties(family);
        let number = |name: &str| -> u64 {
            let found = properties.split("; ").find_map(|property| {
                let (found, value) = property.split_once('=')?;
                (found.trim() == name).then(|| value.trim().parse().unwrap())
            });
            found.unwrap_or_else(|| panic!("no {name}: {properties}"))
        };
        assert_eq!(number("# entries"), 1000, "{family}");
        assert_eq!(number("filter block size"), 0, "{family}");
        // 108,000 bytes and a little more: in blocks of 4 KiB as they are, or of 16 KiB compressed.
        let (blocks, bytes) = (number("# data blocks"), number("data block size"));
        if bulk {
            assert!(
                (26..32).contains(&blocks) && bytes > 100_000,
                "{properties}"
            );
        } else {
            assert!((6..9).contains(&blocks) && bytes < 50_000, "{properties}");
        }
        // An index of two levels says how many parts it has.
        assert_eq!(
            properties.contains("# index partitions"),
            bulk,
            "{properties}"
        );
    }
}

#[test]
fn deleting_a_range_leaves_a_neighbour_with_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("db"), Access::Create).unwrap();
    for segment in 0..3 {
        let scratch = dir.path().join(format!("tmp{segment}"));
        fs::create_dir(&scratch).unwrap();
        let mut tables = store.tables(keys::POSTINGS, &scratch);
        let mut left = 1;
        tables
            .write(|key, value| {
                key.extend_from_slice(&bucket_key(segment, 0));
                value.push(0);
                left -= 1;
                Ok(left >= 0)
            })
            .unwrap();
        store.ingest(keys::POSTINGS, tables.paths()).unwrap();
    }
    store
        .delete_range(keys::POSTINGS, &bucket_key(1, 0), &bucket_key(1, u32::MAX))
        .unwrap();
    for (segment, there) in [(0, true), (1, false), (2, true)] {
        let found = store.get(keys::POSTINGS, &bucket_key(segment, 0)).unwrap();
        assert_eq!(found.is_some(), there, "segment {segment}");
    }
}
