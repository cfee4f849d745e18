//! Splitting: every row to exactly one side, in the input's own format.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// Splits a file so that the rows in `aside` go to quarantine, and checks the counts, the sides'
/// texts and their formats. Gives the bytes of both files.
fn check(name: &str, bytes: &[u8], aside: &[u64]) -> [Vec<u8>; 2] {
    let folder = Folder::new();
    let input = folder.write(name, bytes);
    let options = ReadOptions::default();
    let whole = read_all(&input, &options);
    let sha256 = whole.file.sha256.clone().expect("a whole file");
    let aside: BTreeSet<u64> = aside.iter().copied().collect();
    let outs = [
        folder.path(&format!("clean/{name}")),
        folder.path(&format!("aside/{name}")),
    ];
    let mut asked = Vec::new();
    let counts = split(
        &input,
        &options,
        &sha256,
        &mut |row| {
            asked.push(row);
            if aside.contains(&row) {
                Side::Quarantine
            } else {
                Side::Clean
            }
        },
        &outs[0],
        &outs[1],
    )
    .unwrap();
    assert_eq!(asked, (0..whole.file.rows).collect::<Vec<_>>(), "{name}");
    let sides = [false, true].map(|quarantined| {
        let rows: Vec<u64> = (0..whole.file.rows)
            .filter(|row| aside.contains(row) == quarantined)
            .collect();
        // The texts of these rows, numbered anew.
        let units: Vec<String> = whole
            .units
            .iter()
            .filter_map(|unit| {
                let (row, rest) = unit.split_once(':').unwrap();
                let row: u64 = row.parse().unwrap();
                let new = rows.iter().position(|other| *other == row)?;
                Some(format!("{new}:{rest}"))
            })
            .collect();
        (rows.len() as u64, units)
    });
    assert_eq!((counts.clean, counts.quarantine), (sides[0].0, sides[1].0));
    for (out, (rows, units)) in outs.iter().zip(sides) {
        let got = read_all(&InputPath::file(out), &options);
        assert_eq!(got.error(), "", "{name}");
        assert_eq!(got.file.rows, rows, "{name}");
        assert_eq!(got.units, units, "{name}");
        assert_eq!(got.file.format, whole.file.format, "{name}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path("clean")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
    outs.map(|out| std::fs::read(out).unwrap())
}

/// All to one side, to the other, and mixed.
fn check_all(name: &str, bytes: &[u8], rows: u64) {
    check(name, bytes, &[]);
    check(name, bytes, &(0..rows).collect::<Vec<_>>());
    check(
        name,
        bytes,
        &(0..rows).filter(|row| row % 3 == 1).collect::<Vec<_>>(),
    );
}

#[test]
fn jsonl_is_copied_byte_for_byte() {
    let [clean, aside] = check(
        "a.jsonl",
        b"{\"a\" : \"0\"}\r\n\n{\"a\":\"1\"}\n  {\"a\":\"2\\u0041\"}",
        &[1],
    );
    assert_eq!(clean, b"{\"a\" : \"0\"}\r\n  {\"a\":\"2\\u0041\"}\n");
    assert_eq!(aside, b"{\"a\":\"1\"}\n");
    check_all("a.jsonl", jsonl(10).as_bytes(), 10);
    check_all("a.jsonl.gz", &gzip(jsonl(10).as_bytes()), 10);
    check_all("a.jsonl.zst", &zst(jsonl(10).as_bytes()), 10);
}

#[test]
fn json_arrays_stay_arrays() {
    let [clean, aside] = check("a.json", b"[{\"a\": \"0\"} ,\n{\"a\": \"1\"}]", &[1]);
    assert_eq!(clean, b"[\n{\"a\": \"0\"}\n]\n");
    assert_eq!(aside, b"[\n{\"a\": \"1\"}\n]\n");
    let array = format!("[{}]", jsonl(9).trim().replace('\n', ",\n"));
    check_all("a.json", array.as_bytes(), 9);
    check_all("a.json.gz", &gzip(array.as_bytes()), 9);
    // With white space before the array, more than one buffer of it.
    let padded = format!("{}{array}", " ".repeat(3 * limits::IO_BYTES));
    check("b.json", padded.as_bytes(), &[2, 5]);
}

#[test]
fn values_one_after_the_other_stay_so() {
    let folder = Folder::new();
    let input = folder.write("a.json", "{\n\"a\": \"0\"}\n{\n\"a\": \"1\"}{\"a\": \"2\"}");
    let sha256 = read_all(&input, &ReadOptions::default())
        .file
        .sha256
        .unwrap();
    let outs = [folder.path("c.json"), folder.path("q.json")];
    let mut side = |row| {
        if row == 1 {
            Side::Quarantine
        } else {
            Side::Clean
        }
    };
    split(
        &input,
        &ReadOptions::default(),
        &sha256,
        &mut side,
        &outs[0],
        &outs[1],
    )
    .unwrap();
    assert_eq!(
        std::fs::read(&outs[0]).unwrap(),
        b"{\n\"a\": \"0\"}\n{\"a\": \"2\"}\n"
    );
    assert_eq!(std::fs::read(&outs[1]).unwrap(), b"{\n\"a\": \"1\"}\n");
}

#[test]
fn a_side_of_values_that_begins_with_a_list_becomes_an_array() {
    // As values, `["b", "c"]` at the beginning would be read as two rows.
    let values = b"{\n\"a\": \"0\"} [\"b\", \"c\"]\n{\n\"a\": \"2\"}";
    let [clean, aside] = check("a.json", values, &[0]);
    assert_eq!(clean, b"[\n[\"b\", \"c\"],\n{\n\"a\": \"2\"}\n]\n");
    assert_eq!(aside, b"{\n\"a\": \"0\"}\n");
    let [clean, aside] = check("a.json", values, &[2]);
    assert_eq!(clean, b"{\n\"a\": \"0\"}\n[\"b\", \"c\"]\n");
    assert_eq!(aside, b"{\n\"a\": \"2\"}\n");
    let [clean, aside] = check("a.json", values, &[0, 2]);
    assert_eq!(clean, b"[\n[\"b\", \"c\"]\n]\n");
    assert_eq!(aside, b"{\n\"a\": \"0\"}\n{\n\"a\": \"2\"}\n");
}

#[test]
fn csv_keeps_its_header_on_both_sides() {
    let [clean, aside] = check("a.csv", b"id,text\r\n1,\"x\ny\"\r\n2,\"z,\"\"\"\r\n", &[0]);
    assert_eq!(clean, b"id,text\n2,\"z,\"\"\"\n");
    assert_eq!(aside, b"id,text\n1,\"x\ny\"\n");
    check_all("a.csv", b"t\na\nb\nc\nd\ne", 5);
    check_all("a.tsv", b"t\tu\na\tx\nb\ty\nc\tz\n", 3);
    check_all("a.csv.zst", &zst(b"t\na\nb\nc\nd\ne"), 5);
}

#[test]
fn a_text_goes_whole() {
    for (name, bytes) in [
        ("a.txt", b"once\r\nupon".to_vec()),
        ("a.txt.gz", gzip(b"once\r\nupon")),
        ("a.txt.zst", zst(b"once\r\nupon")),
    ] {
        assert_eq!(check(name, &bytes, &[])[0], bytes);
        assert_eq!(check(name, &bytes, &[0])[1], bytes);
    }
    check("a.txt", b"", &[]);
}

#[test]
fn parquet_keeps_schema_metadata_and_codec() {
    use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
    use ::parquet::arrow::arrow_reader::ArrowReaderOptions;
    use ::parquet::basic::Compression as Codec;
    use ::parquet::file::metadata::KeyValue;
    use ::parquet::file::properties::WriterProperties;

    let (rows, _) = containers::every_type(true);
    for codec in [
        Codec::SNAPPY,
        Codec::ZSTD(::parquet::basic::ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_key_value_metadata(Some(vec![KeyValue::new(
                "huggingface".into(),
                "{}".to_owned(),
            )]))
            .build();
        let bytes = containers::parquet_bytes(&rows, properties);
        let open = |bytes: &[u8]| {
            let bytes = bytes::Bytes::copy_from_slice(bytes);
            ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).unwrap()
        };
        let before = open(&bytes);
        for bytes in check("a.parquet", &bytes, &[1]) {
            let after = open(&bytes);
            assert_eq!(after.schema(), before.schema());
            let column = after.metadata().row_group(0).column(0);
            assert_eq!(
                column.compression(),
                before.metadata().row_group(0).column(0).compression()
            );
            let pairs = after
                .metadata()
                .file_metadata()
                .key_value_metadata()
                .unwrap();
            assert!(pairs.iter().any(|pair| pair.key == "huggingface"));
            assert_eq!(
                pairs
                    .iter()
                    .filter(|pair| pair.key == "ARROW:schema")
                    .count(),
                1
            );
        }
    }
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .build();
    check_all(
        "a.parquet",
        &containers::parquet_bytes(&containers::many_rows(950), properties),
        950,
    );
}

#[test]
fn arrow_files_and_streams_stay_what_they_are() {
    let (rows, _) = containers::every_type(false);
    for (name, bytes) in [
        ("a.arrow", containers::arrow_file(&rows, false)),
        ("a.feather", containers::arrow_file(&rows, true)),
        ("b.arrow", containers::arrow_stream(&rows)),
    ] {
        check_all(name, &bytes, 4);
        check(name, &bytes, &[1, 2]);
    }
}

#[test]
fn broken_rows_are_put_aside_as_they_are() {
    let folder = Folder::new();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20));
    let bytes = [
        b"{\"a\":\"0\"}\n{\"a\":\xff}\n{\"a\"\n",
        long.as_bytes(),
        b"\n{\"a\":\"4\"}\n",
    ]
    .concat();
    let input = folder.write("a.jsonl", &bytes);
    let limits = Limits {
        line_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let got = read_all(&input, &options);
    let bad: Vec<u64> = got
        .errors
        .iter()
        .map(|error| error.split_once(':').unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(bad, [1, 2, 3]);
    let mut side = |row| {
        if bad.contains(&row) {
            Side::Quarantine
        } else {
            Side::Clean
        }
    };
    let outs = [folder.path("c"), folder.path("q")];
    let sha256 = got.file.sha256.unwrap();
    let counts = split(&input, &options, &sha256, &mut side, &outs[0], &outs[1]).unwrap();
    assert_eq!(
        counts,
        SplitCounts {
            clean: 2,
            quarantine: 3
        }
    );
    assert_eq!(
        std::fs::read(&outs[0]).unwrap(),
        b"{\"a\":\"0\"}\n{\"a\":\"4\"}\n"
    );
    let aside = [b"{\"a\":\xff}\n{\"a\"\n", long.as_bytes(), b"\n"].concat();
    assert!(std::fs::read(&outs[1]).unwrap() == aside);
}

#[test]
fn another_file_or_a_broken_one_is_not_split() {
    let folder = Folder::new();
    let (clean, aside) = (folder.path("c.jsonl"), folder.path("q.jsonl"));
    let attempt = |input: &InputPath, sha256: &str, clean: &Path, aside: &Path| {
        let mut side = |_| Side::Clean;
        split(
            input,
            &ReadOptions::default(),
            sha256,
            &mut side,
            clean,
            aside,
        )
    };
    let input = folder.write("a.jsonl", jsonl(3));
    let error = attempt(&input, &"0".repeat(64), &clean, &aside).unwrap_err();
    assert!(matches!(error, ReadError::Changed { .. }), "{error}");
    let sha256 = read_all(&input, &ReadOptions::default())
        .file
        .sha256
        .unwrap();
    let own = folder.path("a.jsonl");
    assert!(
        attempt(&input, &sha256, &own, &aside)
            .unwrap_err()
            .to_string()
            .contains("overwrite")
    );
    assert!(
        attempt(&input, &sha256, &clean, &clean)
            .unwrap_err()
            .to_string()
            .contains("the same")
    );
    let bytes = gzip(jsonl(3000).as_bytes());
    let input = folder.write("b.jsonl.gz", &bytes[..bytes.len() / 2]);
    assert!(matches!(
        attempt(&input, &sha256, &clean, &aside),
        Err(ReadError::Truncated { .. })
    ));
    assert!(!clean.exists() && !aside.exists(), "nothing is left behind");
    let names = std::fs::read_dir(folder.path("")).unwrap().count();
    assert_eq!(names, 2, "only the inputs");
    // It is put aside whole instead.
    assert_eq!(copy_whole(&input, &aside).unwrap(), bytes.len() as u64 / 2);
    assert_eq!(std::fs::read(&aside).unwrap(), bytes[..bytes.len() / 2]);
}
