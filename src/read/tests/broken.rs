//! Broken rows are counted and reading goes on; broken files end with an error and its place.

use super::*;

fn row_error(bytes: impl AsRef<[u8]>, name: &str, place: &str, said: &str) {
    let got = read_bytes(name, bytes, &ReadOptions::default());
    assert_eq!(got.errors.len(), 1, "{got:?}");
    assert!(got.errors[0].starts_with(place), "{}", got.errors[0]);
    assert!(got.errors[0].contains(said), "{}", got.errors[0]);
    assert_eq!(
        got.units.len() as u64,
        got.file.rows - 1,
        "the others are read: {got:?}"
    );
    assert_eq!(got.error(), "");
}

fn around(row: &[u8]) -> Vec<u8> {
    [b"{\"a\":\"before\"}\n", row, b"\n{\"a\":\"after\"}\n"].concat()
}

#[test]
fn broken_json_rows() {
    let deep = |n: usize| format!("{}\"x\"{}", "[".repeat(n), "]".repeat(n));
    let cases: [(&[u8], &str); 12] = [
        (b"{\"a\":\"x\"", "not finished"),
        (b"{\"a\":\"x\"} y", "trailing characters"),
        (b"{\"a\":\"x\",\"a\":\"y\"}", "\"a\" occurs twice"),
        (b"{\"b\":{\"a\":\"x\",\"a\":1}}", "\"a\" occurs twice"),
        (b"{\"a\":\"\xff\"}", "invalid UTF-8 at byte 6"),
        (b"{\"a\":\"\\ud800\"}", "hex escape"),
        (b"{\"a\":\"\\ud800\\u0041\"}", "surrogate"),
        (b"{\"a\":NaN}", "invalid JSON"),
        (b"{\"a\":1e999}", "number out of range"),
        (b"{a:1}", "key must be a string"),
        (b"\0", "invalid JSON"),
        (b"{\"a\":\"tab\tinside\"}", "control character"),
    ];
    for (row, said) in cases {
        row_error(around(row), "a.jsonl", "1: ", said);
    }
    row_error(
        around(deep(100_000).as_bytes()),
        "a.jsonl",
        "1: ",
        "recursion limit",
    );
    row_error(
        around(deep(limits::NESTING_DEPTH_MAX).as_bytes()),
        "a.jsonl",
        "1: ",
        "recursion",
    );
    let fits = deep(limits::NESTING_DEPTH_MAX - 1);
    let got = read_bytes("a.jsonl", around(fits.as_bytes()), &ReadOptions::default());
    assert_eq!((got.units.len(), got.errors.len()), (3, 0));
}

/// Keys beyond those that become columns are told apart too, whatever their object holds.
#[test]
fn a_key_twice_among_thousands_is_an_error_and_in_two_objects_is_not() {
    let keys = |from: usize, to: usize| {
        let keys: Vec<String> = (from..to).map(|n| format!("\"k{n}\":\"x\"")).collect();
        keys.join(",")
    };
    let once = format!("{{{}}}", keys(0, 3 * limits::OBJECT_KEYS_MAX));
    let got = read_bytes("a.jsonl", around(once.as_bytes()), &ReadOptions::default());
    assert_eq!(
        (got.errors.len(), got.units.len()),
        (0, 3 * limits::OBJECT_KEYS_MAX + 2)
    );
    for again in [0, limits::OBJECT_KEYS_MAX, 3 * limits::OBJECT_KEYS_MAX - 1] {
        let twice = format!(
            "{{{},{}}}",
            keys(0, 3 * limits::OBJECT_KEYS_MAX),
            keys(again, again + 1)
        );
        let said = format!("\"k{again}\" occurs twice");
        row_error(around(twice.as_bytes()), "a.jsonl", "1: ", &said);
        let nested = format!("{{\"a\":[{once},{once},{twice}]}}");
        row_error(around(nested.as_bytes()), "a.jsonl", "1: ", &said);
    }
    let long = "k".repeat(5_000);
    let twice = format!("{{\"{long}\":1,\"b\":\"x\",\"{long}\":2}}");
    row_error(around(twice.as_bytes()), "a.jsonl", "1: ", "occurs twice");
}

#[test]
fn an_object_of_too_many_keys_is_a_broken_row() {
    let keys: Vec<String> = (0..=limits::OBJECT_KEYS_MAX + limits::FOLDED_KEYS_MAX)
        .map(|n| format!("\"{n:x}\":0"))
        .collect();
    let row = format!("{{{}}}", keys.join(","));
    row_error(around(row.as_bytes()), "a.jsonl", "1: ", "too many to tell");
}

#[test]
fn a_key_twice_inside_a_string_leaves_the_string_as_text() {
    let got = read_bytes(
        "a.jsonl",
        r#"{"r": "{\"a\":\"x\",\"a\":\"y\"}"}"#,
        &ReadOptions::default(),
    );
    assert_eq!(got.units, ["0:r={\"a\":\"x\",\"a\":\"y\"}"]);
    assert_eq!(got.columns(), [("r", ColumnUse::Scanned, 1)]);
}

#[test]
fn a_row_too_long_is_an_error_and_the_next_is_read() {
    let limits = Limits {
        line_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20));
    let got = read_bytes("a.jsonl", around(long.as_bytes()), &options);
    assert_eq!(got.units, ["0:a=before", "2:a=after"]);
    assert!(got.errors[0].starts_with("1: the row is longer than 1048576 bytes"));
    let array = format!("[{{\"a\":\"p\"}},{long},{{\"a\":\"q\"}}]");
    let got = read_bytes("a.json", array, &options);
    assert_eq!(
        (got.units.len(), got.errors.len(), got.file.rows),
        (2, 1, 3)
    );
    let csv = format!("a\np\n{}\nq\n", "x".repeat(3 << 20));
    let got = read_bytes("a.csv", csv, &options);
    assert_eq!(
        (got.units.len(), got.errors.len(), got.file.rows),
        (2, 1, 3)
    );
}

#[test]
fn one_bad_row_in_the_middle_of_many() {
    let mut text = jsonl(50_000);
    text.push_str("{\"id\": 50000, \"text\": \n");
    text.push_str(&jsonl(50_000));
    let got = read_bytes("a.jsonl", text, &ReadOptions::default());
    assert_eq!(
        (got.file.rows, got.file.row_errors, got.units.len()),
        (100_001, 1, 100_000)
    );
    assert!(got.errors[0].starts_with("50000: the JSON value is not finished"));
}

#[test]
fn nothing_but_bad_rows_is_bounded() {
    let got = read_bytes("a.jsonl", "x\n".repeat(5000), &ReadOptions::default());
    assert_eq!(
        (got.file.rows, got.errors.len(), got.batches),
        (5000, 5000, 5)
    );
}

#[test]
fn a_cut_last_row_is_an_error_by_itself() {
    let text = jsonl(3);
    let got = read_bytes("a.jsonl", &text[..text.len() - 5], &ReadOptions::default());
    assert_eq!((got.units.len(), got.errors.len()), (2, 1));
}

#[test]
fn broken_csv_rows() {
    for (text, said) in [
        ("a\nx\ny,z\nw\n", "2 fields and the header 1"),
        ("a\nx\n\"y\"z\nw\n", "follows a closing quote"),
        ("a\nx\nw\n\"y\n", "never closed"),
    ] {
        let got = read_bytes("a.csv", text, &ReadOptions::default());
        assert!(
            got.errors.len() == 1 && got.errors[0].contains(said),
            "{got:?}"
        );
        assert_eq!(got.units.len(), 2);
    }
    row_error(b"a\nx\n\xff\nw\n", "a.csv", "1: ", "UTF-8");
    let got = read_bytes("a.csv", "a,a\nx,y\n", &ReadOptions::default());
    assert!(got.error().contains("two columns are named \"a\""));
}

/// The error of a file that cannot be read to its end, and how many rows came before it.
fn file_error(name: &str, bytes: impl AsRef<[u8]>, said: &str) -> u64 {
    let got = read_bytes(name, bytes, &ReadOptions::default());
    assert!(got.error().contains(said), "{name}: {:?}", got.error());
    assert!(got.error().contains(name), "{:?}", got.error());
    assert_eq!(got.file.sha256, None);
    assert_eq!(got.units.len() as u64, got.file.rows);
    got.file.rows
}

#[test]
fn broken_arrays() {
    assert_eq!(
        file_error("a.json", "[\"a\", \"b\"", "the array is not closed"),
        2
    );
    assert_eq!(
        file_error("a.json", "[\"a\" \"b\"]", "a comma is missing"),
        1
    );
    assert_eq!(
        file_error("a.json", "[\n\"a\"] \"b\"", "follows the end of the array"),
        1
    );
}

#[test]
fn half_a_compressed_file() {
    for (name, wrap) in [
        ("a.jsonl.gz", gzip as fn(&[u8]) -> Vec<u8>),
        ("a.jsonl.zst", zst),
    ] {
        // Random text, so that the compressed file is long.
        let mut text = String::new();
        let mut seed = 1u64;
        while text.len() < 4 << 20 {
            let mut word = String::new();
            for _ in 0..8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                write!(word, "{:x}", seed >> 32).unwrap();
            }
            writeln!(text, "{{\"a\":\"{word}\"}}").unwrap();
        }
        let whole = wrap(text.as_bytes());
        let rows = file_error(name, &whole[..whole.len() / 2], "truncated");
        assert!(rows > 1000, "what could be read is delivered: {rows}");
        assert_eq!(file_error(name, &whole[..3], "truncated"), 0);
        assert_eq!(file_error(name, &whole[..0], "truncated"), 0);
        for cut in [1, 4, 8] {
            file_error(name, &whole[..whole.len() - cut], "truncated");
        }
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        let got = read_bytes(name, &flipped, &ReadOptions::default());
        assert!(!got.error().is_empty(), "a checksum covers every byte");
        file_error(
            name,
            [&whole[..], b"garbage at the end"].concat(),
            "damaged",
        );
    }
}

#[test]
fn a_bomb_is_refused_and_a_small_one_is_not() {
    let limits = Limits {
        decompression_free_bytes: 1 << 20,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let rows = "{\"a\":\"x\"}\n".repeat(3 << 20);
    let bomb = zst(rows.as_bytes());
    let got = read_bytes("a.jsonl.zst", &bomb, &options);
    assert!(got.error().contains("200 to 1") && got.error().contains("decompress it first"));
    let got = read_bytes("a.jsonl.zst", &bomb, &ReadOptions::default());
    assert_eq!((got.error(), got.file.rows), (String::new(), 3 << 20));
}

#[test]
fn text_that_is_not_utf8_is_an_error_with_its_byte() {
    file_error("a.txt", b"abc\xffdef", "byte 3");
    file_error("a.txt", b"abc\xc3", "byte 3");
    let mut long = "x".repeat(2 << 20).into_bytes();
    long.push(0xff);
    let got = read_bytes("a.txt", long, &ReadOptions::default());
    assert!(got.error().contains("byte 2097152"), "{}", got.error());
    assert_eq!(got.file.rows, 1, "the row that was begun counts: {got:?}");
}

#[test]
fn foreign_and_unknown_formats_name_the_way_out() {
    for (name, bytes, said) in [
        ("a.bin", &b"PK\x03\x04zip"[..], "zip"),
        ("a", b"words", "--format"),
        ("a.jsonl", b"\xff\xfe{\0}\0", "UTF-16"),
        ("a.jsonl.gz", b"{\"a\":\"x\"}", "Gzip"),
        ("a.parquet", b"{\"a\":\"x\"}", "PAR1"),
        ("a.parquet", b"", "empty"),
        ("a.arrow", b"", "end mark"),
    ] {
        assert_eq!(file_error(name, bytes, said), 0);
    }
    let gzipped = gzip(b"PAR1....PAR1");
    assert_eq!(
        file_error("a.parquet.gz", &gzipped, "inside another compression"),
        0
    );
    let format = Some(Format::Jsonl);
    let got = read_bytes(
        "a.x",
        b"PAR1....PAR1",
        &ReadOptions {
            format,
            ..ReadOptions::default()
        },
    );
    assert!(
        got.error()
            .contains("--format jsonl for a file whose bytes are parquet")
    );
}

#[test]
fn missing_and_unreadable_files() {
    let folder = Folder::new();
    let got = read_all(
        &InputPath::file(folder.path("gone.jsonl")),
        &ReadOptions::default(),
    );
    assert!(matches!(got.file.error, Some(ReadError::NotFound { .. })));
    let got = read_all(&InputPath::file(folder.path("")), &ReadOptions::default());
    assert!(matches!(
        got.file.error,
        Some(ReadError::Unsupported { .. })
    ));
}

#[test]
fn a_file_that_changes_under_the_reader_is_an_error() {
    type Change = fn(&std::path::Path);
    let changes: [Change; 3] = [
        |path| {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"{\"a\":\"late\"}\n").unwrap();
        },
        |path| {
            let other = path.with_extension("other");
            std::fs::copy(path, &other).unwrap();
            std::fs::rename(other, path).unwrap();
        },
        |path| std::fs::remove_file(path).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let folder = Folder::new();
        let input = folder.write("a.jsonl", jsonl(30_000));
        let mut done = false;
        let file = read(&input, &ReadOptions::default(), &|_| {}, &mut |_| {
            if !std::mem::replace(&mut done, true) {
                change(&folder.path("a.jsonl"));
            }
            Ok(())
        });
        assert!(
            matches!(file.error, Some(ReadError::Changed { .. })),
            "{number}: {file:?}"
        );
        assert_eq!(file.sha256, None);
    }
}
