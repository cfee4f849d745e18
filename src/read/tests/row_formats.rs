//! JSONL, JSON, CSV, TSV, text, and what they may be wrapped in.

use super::*;

fn units(name: &str, bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let got = read_bytes(name, bytes, &ReadOptions::default());
    assert_eq!(got.units, expected, "{name}: {got:?}");
    assert!(got.errors.is_empty() && got.error().is_empty(), "{got:?}");
    assert!(got.file.sha256.is_some());
}

#[test]
fn jsonl_leaves_at_any_nesting() {
    units(
        "a.jsonl",
        r#"{"id": 7, "text": "a", "deep": {"x": [["b", {"y": "c"}], null]}, "ok": true, "no": null}
{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "text", "text": "r"}]}]}
"#,
        &[
            "0:text=a",
            "0:deep.x[][]=b",
            "0:deep.x[][].y=c",
            "1:messages[].role=user",
            "1:messages[].content=q",
            "1:messages[].role=assistant",
            "1:messages[].content[].type=text",
            "1:messages[].content[].text=r",
        ],
    );
}

#[test]
fn jsonl_line_ends_blank_lines_and_mark() {
    let expected = ["0:a=1x", "1:a=2x", "2:a=3x"];
    units(
        "a.jsonl",
        "{\"a\":\"1x\"}\n{\"a\":\"2x\"}\n{\"a\":\"3x\"}",
        &expected,
    );
    units(
        "a.jsonl",
        "{\"a\":\"1x\"}\r\n\r\n{\"a\":\"2x\"}\r\n  \n{\"a\":\"3x\"}\r\n",
        &expected,
    );
    units(
        "a.ndjson",
        "\u{feff}{\"a\":\"1x\"}\n{\"a\":\"2x\"}\n{\"a\":\"3x\"}\n",
        &expected,
    );
    units("a.jsonl", "", &[]);
}

#[test]
fn rows_that_are_no_objects() {
    units(
        "a.jsonl",
        "\"one\"\n[\"two\", [\"three\"]]\n4\n",
        &["0:$=one", "1:[]=two", "1:[][]=three"],
    );
}

#[test]
fn escapes_are_resolved() {
    units(
        "a.jsonl",
        r#"{"a": "\u00e9\ud83e\udd99\n\"x\""}"#,
        &["0:a=é🦙\n\"x\""],
    );
}

#[test]
fn json_arrays_sequences_and_single_objects() {
    let expected = ["0:a=1x", "1:a=2x"];
    units("a.json", "[{\"a\":\"1x\"},{\"a\":\"2x\"}]", &expected);
    units(
        "a.json",
        "\u{feff}[\n  {\n  \"a\": \"1x\"},\n {\"a\":\"2x\"}\n]\n",
        &expected,
    );
    units("a.json", "{\"a\":\"1x\"}\n{\"a\":\"2x\"}\n", &expected);
    units("a.json", "{\n\"a\":\n\"1x\"}\n{\n\"a\":\"2x\"}", &expected);
    units("a.json", "{\"a\": [\n \"only\"]}", &["0:a[]=only"]);
    units("a.json", "[\"p\", \"q\"]", &["0:$=p", "1:$=q"]);
    units("a.json", "[]", &[]);
}

#[test]
fn json_inside_strings_is_opened_and_scanned_whole() {
    units(
        "a.jsonl",
        r#"{"r": "{\"x\": {\"y\": \"deep\"}, \"n\": [1]}"}"#,
        &["0:r→x.y=deep", "0:r={\"x\": {\"y\": \"deep\"}, \"n\": [1]}"],
    );
    // A list of numbers or what only looks like JSON stays what it is.
    units(
        "a.jsonl",
        r#"{"r": "[1] as shown in [2]", "s": "[1, 2]", "t": "{\"a\": \"b\"] }"}"#,
        &[
            "0:r=[1] as shown in [2]",
            "0:s=[1, 2]",
            "0:t={\"a\": \"b\"] }",
        ],
    );
}

#[test]
fn a_chat_inside_a_string_is_its_turns() {
    units(
        "a.jsonl",
        r#"{"m": "[{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"r\"}]"}"#,
        &[
            "0:m→[].role=user",
            "0:m→[].content=q",
            "0:m→[].role=assistant",
            "0:m→[].content=r",
        ],
    );
}

#[test]
fn json_in_strings_is_opened_only_so_deep() {
    let mut text = "\"x\"".to_owned();
    for _ in 0..limits::JSON_IN_STRING_DEPTH_MAX + 2 {
        text = serde_json::to_string(&format!("{{\"k\":{text}}}")).unwrap();
    }
    let got = read_bytes(
        "a.jsonl",
        format!("{{\"r\":{text}}}"),
        &ReadOptions::default(),
    );
    let deepest = got
        .units
        .iter()
        .map(|unit| unit.matches('→').count())
        .max()
        .unwrap();
    assert_eq!(deepest, limits::JSON_IN_STRING_DEPTH_MAX);
    // Every level is still there as text, the innermost word included.
    assert!(got.units.iter().all(|unit| unit.contains('x')));
}

#[test]
fn csv_and_tsv() {
    let rows = ["0:id=1", "0:text=a,\"b\"\nc", "1:id=2", "1:text="];
    units(
        "a.csv",
        "id,text\r\n1,\"a,\"\"b\"\"\nc\"\r\n\r\n2,\r\n",
        &rows,
    );
    units("a.csv", "\u{feff}id;text\n1;\"a,\"\"b\"\"\nc\"\n2;", &rows);
    units("a.tsv", "id\ttext\n1\t\"a,\"\"b\"\"\nc\"\n2\t\n", &rows);
    units("a.csv", ",text\n0,x\n", &["0:column_1=0", "0:text=x"]);
    units("a.csv", "id,text\n", &[]);
}

#[test]
fn csv_agrees_with_the_csv_crate() {
    use proptest::prelude::*;
    let field = prop_oneof!["[a-z ]{0,3}", "[a,\"\n\ré🦙]{0,6}"];
    let table = proptest::collection::vec(proptest::collection::vec(field, 3), 1..8);
    proptest!(|(table in table)| {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let got = read_bytes("a.csv", &bytes, &ReadOptions::default());
        let mut expected = Vec::new();
        for (number, row) in csv::Reader::from_reader(&bytes[..]).records().enumerate() {
            for (name, field) in ["a", "b", "c"].iter().zip(&row.unwrap()) {
                expected.push(format!("{number}:{name}={field}"));
            }
        }
        // JSON-like fields are opened as well; `[` does not occur above.
        prop_assert_eq!(got.units, expected);
        prop_assert_eq!(got.errors.len(), 0);
    });
}

#[test]
fn plain_text_is_one_document() {
    units("a.txt", "\u{feff}once\nupon\n", &["0:text=once\nupon\n"]);
    units("a.md", "# x", &["0:text=# x"]);
    units("a.txt", "", &[]);
}

#[test]
fn long_text_comes_in_windows_that_overlap_on_character_boundaries() {
    let mut text = String::new();
    while text.len() < 3 * limits::TEXT_WINDOW_BYTES + 12345 {
        write!(text, "é{} ", text.len()).unwrap();
    }
    let got = read_bytes("a.txt", &text, &ReadOptions::default());
    assert_eq!((got.file.rows, got.error()), (1, String::new()));
    let windows: Vec<&str> = got
        .units
        .iter()
        .map(|unit| unit.strip_prefix("0:text=").unwrap())
        .collect();
    assert!(windows.len() > 3);
    let mut rebuilt = windows[0].to_owned();
    for pair in windows.windows(2) {
        let (last, next) = (pair[0], pair[1]);
        assert!(last.len() <= limits::TEXT_WINDOW_BYTES);
        let overlap = (1..=next.len())
            .rev()
            .filter(|len| next.is_char_boundary(*len))
            .find(|len| last.ends_with(&next[..*len]))
            .unwrap();
        assert!(overlap + 4 > limits::TEXT_OVERLAP_BYTES, "{overlap}");
        rebuilt.push_str(&next[overlap..]);
    }
    assert!(rebuilt == text);
}

#[test]
fn compressed_files_of_several_members_and_frames() {
    let two = |wrap: fn(&[u8]) -> Vec<u8>| {
        [wrap(b"{\"a\":\"1x\"}\n{\"a\":"), wrap(b"\"2x\"}\n")].concat()
    };
    let expected = ["0:a=1x", "1:a=2x"];
    units("a.jsonl.gz", two(gzip), &expected);
    units("a.jsonl.zst", two(zst), &expected);
    // The bytes decide where the name says nothing of a compression.
    units("a.jsonl", two(zst), &expected);
    let got = read_bytes("a.jsonl.gz", two(gzip), &ReadOptions::default());
    assert_eq!(got.file.format.as_deref(), Some("jsonl+gzip"));
}

#[test]
fn the_digest_is_of_the_stored_bytes() {
    use sha2::Digest;
    for (name, bytes) in [
        ("a.jsonl", jsonl(3000).into_bytes()),
        ("a.jsonl.gz", gzip(jsonl(3000).as_bytes())),
        ("a.jsonl.zst", zst(jsonl(3000).as_bytes())),
        ("a.txt", jsonl(3000).into_bytes()),
    ] {
        let got = read_bytes(name, &bytes, &ReadOptions::default());
        assert_eq!(
            got.file.sha256,
            Some(hex::encode(sha2::Sha256::digest(&bytes))),
            "{name}"
        );
        assert_eq!(got.file.bytes, bytes.len() as u64);
    }
}

#[test]
fn batches_are_bounded_and_progress_reaches_the_end() {
    let folder = Folder::new();
    let input = folder.write("a.jsonl", jsonl(10_000));
    let got = read_all(&input, &ReadOptions::default());
    assert_eq!((got.file.rows, got.batches), (10_000, 3));
    let limits = Limits {
        batch_text_bytes: 1000,
        ..Limits::default()
    };
    let got = read_all(
        &input,
        &ReadOptions {
            limits,
            ..ReadOptions::default()
        },
    );
    assert_eq!(got.file.rows, 10_000);
    assert!(got.batches > 100);
    let furthest = std::sync::atomic::AtomicU64::new(0);
    let progress = |byte| {
        assert!(byte >= furthest.swap(byte, std::sync::atomic::Ordering::Relaxed));
    };
    let file = read(&input, &ReadOptions::default(), &progress, &mut |_| Ok(()));
    assert_eq!(
        furthest.load(std::sync::atomic::Ordering::Relaxed),
        file.bytes
    );
}

#[test]
fn a_stop_ends_the_reading() {
    let folder = Folder::new();
    let input = folder.write("a.jsonl", jsonl(20_000));
    let mut batches = 0;
    let file = read(&input, &ReadOptions::default(), &|_| {}, &mut |_| {
        batches += 1;
        if batches == 2 { Err(Stop) } else { Ok(()) }
    });
    assert_eq!(batches, 2);
    assert!(matches!(file.error, Some(ReadError::Stopped { .. })));
    assert_eq!(file.sha256, None);
}

#[test]
fn standard_input_is_told_by_its_content() {
    for (bytes, label) in [
        (jsonl(2).into_bytes(), "jsonl"),
        (gzip(jsonl(2).as_bytes()), "jsonl+gzip"),
        (b"[{\"a\":\n\"x\"}]".to_vec(), "json"),
    ] {
        let input = InputPath::from_reader("-", &mut &bytes[..]).unwrap();
        let got = read_all(&input, &ReadOptions::default());
        assert_eq!(got.file.format.as_deref(), Some(label));
        assert!(!got.units.is_empty());
        // And again, as a split does.
        assert_eq!(read_all(&input, &ReadOptions::default()).units, got.units);
    }
}

#[test]
fn selected_exempt_and_misspelt_columns() {
    let row = r#"{"a": "x", "b": {"c": "y", "d": "z"}, "n": 1}"#;
    let options = |text: &[&str], exempt: &[&str]| ReadOptions {
        text_columns: text.iter().map(ToString::to_string).collect(),
        exempt_columns: exempt.iter().map(ToString::to_string).collect(),
        ..ReadOptions::default()
    };
    let got = read_bytes("a.jsonl", row, &options(&["b"], &["b.d", "gone"]));
    assert_eq!(got.units, ["0:b.c=y"]);
    assert_eq!(
        got.columns(),
        [
            ("b.c", ColumnUse::Scanned, 1),
            ("a", ColumnUse::Exempt, 1),
            ("b.d", ColumnUse::Exempt, 1),
            ("n", ColumnUse::Exempt, 1),
        ]
    );
    assert_eq!(got.file.exempt_unused, ["gone"]);
    let got = read_bytes("a.jsonl", row, &options(&["a", "tekst"], &[]));
    assert!(
        got.error().contains("`tekst`") && got.error().contains("a, b.c, b.d, n"),
        "{got:?}"
    );
    assert_eq!(got.file.sha256, None);
    // A path into JSON inside a string.
    let got = read_bytes(
        "a.jsonl",
        r#"{"r": "{\"a\": \"x\", \"b\": \"y\"}"}"#,
        &options(&["r→a"], &[]),
    );
    assert_eq!(got.units, ["0:r→a=x"]);
}

#[test]
fn token_ids_make_a_row_undecided_unless_exempt() {
    let many = |n: u64, from: u64| -> String {
        (from..from + n)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows = format!(
        "{{\"input_ids\": [5], \"scores\": [{}], \"mask\": [{}]}}\n{{\"scores\": [{}]}}\n\
         {{\"input_ids\": [], \"parts\": [[{}],[{}]]}}\n{{\"v\": \"[{}]\"}}\n",
        many(63, 2),
        ["0,1"; 100].join(","),
        many(64, 2),
        many(40, 2),
        many(40, 9),
        many(64, 2),
    );
    let got = read_bytes("a.jsonl", &rows, &ReadOptions::default());
    assert_eq!(
        got.opaque,
        ["0:input_ids[]", "1:scores[]", "2:parts[][]", "3:v→[]"]
    );
    assert_eq!(got.columns()[0], ("input_ids[]", ColumnUse::Tokens, 1));
    assert_eq!(got.columns()[2], ("mask[]", ColumnUse::NotText, 200));
    let exempt_columns = ["input_ids", "scores", "parts", "v"]
        .map(str::to_owned)
        .to_vec();
    let got = read_bytes(
        "a.jsonl",
        &rows,
        &ReadOptions {
            exempt_columns,
            ..ReadOptions::default()
        },
    );
    assert_eq!(got.opaque, Vec::<String>::new());
}
