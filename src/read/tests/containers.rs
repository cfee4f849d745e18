//! Parquet and Arrow: every type that can hold text, and every way to be broken.

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression as Codec;
use ::parquet::basic::GzipLevel;
use ::parquet::basic::ZstdLevel;
use ::parquet::file::properties::WriterProperties;
use arrow_array::Array;
use arrow_array::ArrayRef;
use arrow_array::BinaryArray;
use arrow_array::BooleanArray;
use arrow_array::DictionaryArray;
use arrow_array::FixedSizeListArray;
use arrow_array::Float64Array;
use arrow_array::Int64Array;
use arrow_array::LargeBinaryArray;
use arrow_array::LargeListArray;
use arrow_array::LargeStringArray;
use arrow_array::ListArray;
use arrow_array::ListViewArray;
use arrow_array::MapArray;
use arrow_array::RecordBatch;
use arrow_array::RunArray;
use arrow_array::StringArray;
use arrow_array::StringViewArray;
use arrow_array::StructArray;
use arrow_array::UInt8Array;
use arrow_array::types::Int8Type;
use arrow_array::types::Int32Type;
use arrow_buffer::OffsetBuffer;
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use arrow_schema::Field;

use super::*;

pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(super) fn parquet_bytes(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn plain(batch: &RecordBatch) -> Vec<u8> {
    parquet_bytes(batch, WriterProperties::default())
}

pub(super) fn arrow_file(batch: &RecordBatch, compressed: bool) -> Vec<u8> {
    let options = arrow_ipc_crate::writer::IpcWriteOptions::default()
        .try_with_compression(compressed.then_some(arrow_ipc_crate::CompressionType::ZSTD))
        .unwrap();
    let mut writer = arrow_ipc_crate::writer::FileWriter::try_new_with_options(
        Vec::new(),
        &batch.schema(),
        options,
    )
    .unwrap();
    writer.write(batch).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

pub(super) fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        arrow_ipc_crate::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

use ::arrow_ipc as arrow_ipc_crate;

fn strings(values: &[Option<&str>]) -> StringArray {
    StringArray::from(values.to_vec())
}

fn offsets(ends: &[i32]) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(ends.to_vec()))
}

fn item(array: &dyn Array) -> Arc<Field> {
    Arc::new(Field::new("item", array.data_type().clone(), true))
}

/// Two rows of every type; what is read of it must not depend on the container.
#[expect(clippy::too_many_lines, reason = "one column per type")]
pub(super) fn every_type(for_parquet: bool) -> (RecordBatch, Vec<&'static str>) {
    let words = strings(&[Some("l0"), Some("l1"), None]);
    let list = ListArray::new(
        item(&words),
        offsets(&[0, 2, 3]),
        Arc::new(words.clone()),
        None,
    );
    let large = LargeListArray::new(
        item(&words),
        OffsetBuffer::new(ScalarBuffer::from(vec![0i64, 0, 2])),
        Arc::new(words.clone()),
        None,
    );
    let fixed = FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        2,
        Arc::new(strings(&[Some("f0"), Some("f1"), Some("f2"), Some("f3")])),
        None,
    );
    let inner = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Utf8, true)),
            Arc::new(strings(&[Some("x0"), None])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("n", DataType::Int64, false)),
            Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef,
        ),
    ]);
    let structs = ListArray::new(
        item(&inner),
        offsets(&[0, 1, 2]),
        Arc::new(inner.clone()),
        None,
    );
    let entries = StructArray::from(vec![
        (
            Arc::new(Field::new("keys", DataType::Utf8, false)),
            Arc::new(strings(&[Some("k0"), Some("k1")])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("values", DataType::Utf8, true)),
            Arc::new(strings(&[Some("v0"), None])) as ArrayRef,
        ),
    ]);
    let map = MapArray::new(
        Arc::new(Field::new("entries", entries.data_type().clone(), false)),
        offsets(&[0, 1, 2]),
        entries,
        None,
        false,
    );
    let dictionary: DictionaryArray<Int8Type> = vec![Some("d"), None].into_iter().collect();
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("utf8", Arc::new(strings(&[Some("s0"), None]))),
        ("large", Arc::new(LargeStringArray::from(vec!["L0", ""]))),
        (
            "view",
            Arc::new(StringViewArray::from(vec![
                "a view longer than twelve bytes",
                "w1",
            ])),
        ),
        ("dict", Arc::new(dictionary)),
        ("list", Arc::new(list)),
        ("large_list", Arc::new(large)),
        ("fixed", Arc::new(fixed)),
        ("structs", Arc::new(structs)),
        ("map", Arc::new(map)),
        (
            "binary",
            Arc::new(BinaryArray::from(vec![&b"b0"[..], b"b1"])),
        ),
        ("float", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
        ("bool", Arc::new(BooleanArray::from(vec![true, false]))),
    ];
    let mut expected = vec![
        "0:utf8=s0",
        "0:large=L0",
        "0:view=a view longer than twelve bytes",
        "0:dict=d",
        "0:list[]=l0",
        "0:list[]=l1",
        "0:fixed[]=f0",
        "0:fixed[]=f1",
        "0:structs[].x=x0",
        "0:map{key}=k0",
        "0:map{}=v0",
        "0:binary=b0",
        "1:large=",
        "1:view=w1",
        "1:large_list[]=l0",
        "1:large_list[]=l1",
        "1:fixed[]=f2",
        "1:fixed[]=f3",
        "1:map{key}=k1",
        "1:binary=b1",
    ];
    if !for_parquet {
        let run: RunArray<Int32Type> = vec![Some("run"), Some("run")].into_iter().collect();
        columns.push(("run", Arc::new(run)));
        columns.push((
            "list_view",
            Arc::new(ListViewArray::new(
                item(&words),
                ScalarBuffer::from(vec![1, 0]),
                ScalarBuffer::from(vec![1, 1]),
                Arc::new(words),
                None,
            )),
        ));
        expected.splice(12..12, ["0:run=run", "0:list_view[]=l1"]);
        expected.extend(["1:run=run", "1:list_view[]=l0"]);
    }
    (batch(columns), expected)
}

#[test]
fn parquet_of_every_type() {
    let (rows, expected) = every_type(true);
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(GzipLevel::default()),
        Codec::ZSTD(ZstdLevel::default()),
        Codec::LZ4_RAW,
    ] {
        for dictionary in [true, false] {
            let properties = WriterProperties::builder()
                .set_compression(codec)
                .set_dictionary_enabled(dictionary)
                .build();
            let got = read_bytes("a.parquet", parquet_bytes(&rows, properties), &{
                ReadOptions::default()
            });
            assert_eq!(
                got.units,
                expected,
                "{codec} {dictionary} {:?}",
                got.error()
            );
            assert_eq!(
                (got.error(), got.errors.len(), got.opaque.len()),
                (String::new(), 0, 0)
            );
            assert_eq!(got.file.format.as_deref(), Some("parquet"));
            let column = |path: &str| got.columns().into_iter().find(|c| c.0 == path).unwrap();
            assert_eq!(
                column("structs[].n"),
                ("structs[].n", ColumnUse::NotText, 2)
            );
            assert_eq!(column("list[]"), ("list[]", ColumnUse::Scanned, 2));
        }
    }
}

#[test]
fn arrow_of_every_type() {
    let (rows, expected) = every_type(false);
    let twice: Vec<String> = expected
        .iter()
        .map(ToString::to_string)
        .chain(expected.iter().map(|unit| {
            let (row, rest) = unit.split_once(':').unwrap();
            format!("{}:{rest}", row.parse::<u64>().unwrap() + 2)
        }))
        .collect();
    for (name, bytes, label) in [
        ("a.arrow", arrow_file(&rows, false), "arrow"),
        ("a.feather", arrow_file(&rows, true), "arrow"),
        ("a.arrow", arrow_stream(&rows), "arrow-stream"),
        ("noname", arrow_stream(&rows), "arrow-stream"),
    ] {
        let got = read_bytes(name, bytes, &ReadOptions::default());
        assert_eq!(got.error(), "");
        assert_eq!(got.units, twice, "{name}");
        assert_eq!(got.file.format.as_deref(), Some(label));
    }
}

#[test]
fn bytes_that_are_no_text_and_token_ids_are_named_row_by_row() {
    let ids = |len: i64| (2..2 + len).collect::<Vec<_>>();
    let all: Vec<i64> = [ids(70), ids(3)].concat();
    let values = Int64Array::from(all);
    let lists = ListArray::new(item(&values), offsets(&[0, 70, 73]), Arc::new(values), None);
    let masks = UInt8Array::from(vec![1; 200]);
    let masks = ListArray::new(item(&masks), offsets(&[0, 100, 200]), Arc::new(masks), None);
    let rows = batch(vec![
        (
            "raw",
            Arc::new(LargeBinaryArray::from(vec![
                Some(&b"\xff\xd8"[..]),
                Some(b"ok"),
            ])),
        ),
        ("input_ids", Arc::new(lists.clone())),
        ("other", Arc::new(lists)),
        ("mask", Arc::new(masks)),
    ]);
    for (name, bytes) in [
        ("a.parquet", plain(&rows)),
        ("a.arrow", arrow_file(&rows, false)),
    ] {
        let got = read_bytes(name, &bytes, &ReadOptions::default());
        assert_eq!(
            got.opaque[..4],
            ["0:raw", "0:input_ids[]", "0:other[]", "1:input_ids[]"]
        );
        assert_eq!(got.columns()[0].1, ColumnUse::Binary);
        assert_eq!(got.columns()[1].1, ColumnUse::Tokens);
        assert_eq!(got.columns()[3].1, ColumnUse::NotText);
        let exempt_columns = vec!["raw".into(), "input_ids".into(), "other[]".into()];
        let got = read_bytes(
            name,
            &bytes,
            &ReadOptions {
                exempt_columns,
                ..ReadOptions::default()
            },
        );
        assert_eq!(
            (got.opaque.len(), got.units.len(), got.error()),
            (0, 0, String::new())
        );
        assert!(
            got.columns()[..3].iter().all(|c| c.1 == ColumnUse::Exempt),
            "{got:?}"
        );
    }
}

pub(super) fn many_rows(rows: usize) -> RecordBatch {
    let texts: Vec<String> = (0..rows)
        .map(|row| format!("row {row} {}", row * 7919))
        .collect();
    batch(vec![("text", Arc::new(StringArray::from(texts)))])
}

#[test]
fn parquet_of_many_row_groups_and_pages() {
    use sha2::Digest;
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(64)
        .build();
    let bytes = parquet_bytes(&many_rows(10_500), properties);
    let got = read_bytes("a.parquet", &bytes, &ReadOptions::default());
    assert_eq!((got.error(), got.file.rows), (String::new(), 10_500));
    assert_eq!(
        got.units[10_499],
        format!("10499:text=row 10499 {}", 10_499 * 7919)
    );
    assert_eq!(
        got.file.sha256,
        Some(hex::encode(sha2::Sha256::digest(&bytes)))
    );
}

#[test]
fn roles_in_parquet_need_the_columns_beside() {
    let chat = StructArray::from(vec![
        (
            Arc::new(Field::new("role", DataType::Utf8, false)),
            Arc::new(strings(&[Some("user"), Some("assistant")])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("content", DataType::Utf8, false)),
            Arc::new(strings(&[Some("q"), Some("r")])) as ArrayRef,
        ),
    ]);
    let list = ListArray::new(item(&chat), offsets(&[0, 2]), Arc::new(chat), None);
    let rows = batch(vec![
        ("messages", Arc::new(list)),
        ("model", Arc::new(strings(&[Some("m")]))),
        ("other", Arc::new(strings(&[Some("o")]))),
    ]);
    let options = ReadOptions {
        text_columns: vec!["messages[].content".into()],
        ..registering()
    };
    let got = read_bytes("a.parquet", plain(&rows), &options);
    assert_eq!(
        got.units,
        [
            "0:messages[].role=user",
            "0:messages[].content=q",
            "0:messages[].role=assistant",
            "0:messages[].content=r",
            "0:model=m",
        ]
    );
    assert_eq!(got.roles[1], "0:messages[].content=q Prompt m");
    assert_eq!(got.roles[3], "0:messages[].content=r Output m");
}

/// Reads damaged bytes: whatever comes, it is no panic, and never a complete file.
fn is_refused(name: &str, bytes: &[u8], what: &str) {
    let got = read_bytes(name, bytes, &ReadOptions::default());
    assert!(!got.error().is_empty(), "{name} {what}: read as complete");
    assert!(got.error().contains(name), "{}", got.error());
    assert_eq!(got.file.sha256, None);
}

#[test]
fn truncated_containers_are_never_complete() {
    let rows = many_rows(600);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(200))
        .build();
    for (name, bytes) in [
        ("a.parquet", parquet_bytes(&rows, properties)),
        ("a.arrow", arrow_file(&rows, false)),
        ("a.feather", arrow_file(&rows, true)),
        ("b.arrow", arrow_stream(&rows)),
    ] {
        let whole = read_bytes(name, &bytes, &ReadOptions::default());
        assert_eq!(whole.error(), "");
        let step = bytes.len() / 150;
        for len in (0..bytes.len())
            .step_by(step)
            .chain(bytes.len() - 40..bytes.len())
        {
            is_refused(
                name,
                &bytes[..len],
                &format!("cut at {len} of {}", bytes.len()),
            );
        }
        is_refused(name, &[&bytes[..], b"tail"].concat(), "with a tail");
    }
}

#[test]
fn damaged_parquet_pages_are_found() {
    let properties = WriterProperties::builder()
        .set_compression(Codec::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .build();
    let bytes = parquet_bytes(&many_rows(2000), properties);
    let whole = read_bytes("a.parquet", &bytes, &ReadOptions::default());
    let (mut refused, mut tried) = (0, 0);
    for at in (4..bytes.len()).step_by(bytes.len() / 200) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        tried += 1;
        let got = read_bytes("a.parquet", &bytes, &ReadOptions::default());
        // Text itself may change without a trace where a writer left the checksums out; the
        // number of rows may not.
        if got.error().is_empty() {
            assert_eq!(got.file.rows, whole.file.rows);
        } else {
            refused += 1;
        }
    }
    assert!(tried > 190 && refused > 0, "{refused} of {tried}");
}

#[test]
fn page_and_batch_limits_hold() {
    let rows = many_rows(2000);
    let limits = Limits {
        page_bytes_max: 100,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let got = read_bytes("a.parquet", plain(&rows), &options);
    assert!(
        matches!(got.file.error, Some(ReadError::TooLarge { .. })),
        "{:?}",
        got.file.error
    );
    let limits = Limits {
        arrow_batch_bytes_max: 100,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    for bytes in [
        arrow_file(&rows, false),
        arrow_file(&rows, true),
        arrow_stream(&rows),
    ] {
        let got = read_bytes("a.arrow", bytes, &options);
        assert!(matches!(got.file.error, Some(ReadError::TooLarge { .. })));
        assert_eq!(got.units.len(), 0);
    }
}

#[test]
fn a_page_header_that_asks_for_two_gigabytes_is_refused() {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(Codec::ZSTD(ZstdLevel::default()))
        .build();
    // Long enough that its size takes four bytes in the header, compressible to very little.
    let rows = batch(vec![(
        "text",
        Arc::new(StringArray::from(vec!["x".repeat(20 << 20)])),
    )]);
    let mut bytes = parquet_bytes(&rows, properties);
    // 0x15 type, 0x15 and the uncompressed size as a varint of four bytes.
    assert_eq!((bytes[4], bytes[6], bytes[11]), (0x15, 0x15, 0x15));
    for byte in &mut bytes[7..10] {
        *byte = 0xff;
    }
    bytes[10] = 0x7f;
    bytes[7] = 0xfe;
    let limits = Limits {
        page_bytes_max: 64 << 20,
        ..Limits::default()
    };
    let got = read_bytes(
        "a.parquet",
        bytes,
        &ReadOptions {
            limits,
            ..ReadOptions::default()
        },
    );
    assert!(
        matches!(got.file.error, Some(ReadError::TooLarge { .. })),
        "{:?}",
        got.file.error
    );
}

#[test]
fn types_that_are_not_read_are_said_so() {
    let fields =
        arrow_schema::UnionFields::from_fields(vec![Field::new("a", DataType::Utf8, true)]);
    let union = arrow_array::UnionArray::try_new(
        fields,
        ScalarBuffer::from(vec![0i8]),
        None,
        vec![Arc::new(strings(&[Some("x")]))],
    )
    .unwrap();
    let got = read_bytes(
        "a.arrow",
        arrow_file(&batch(vec![("u", Arc::new(union))]), false),
        &ReadOptions::default(),
    );
    assert!(
        got.error().contains("column `u`") && got.error().contains("Union"),
        "{got:?}"
    );
}
