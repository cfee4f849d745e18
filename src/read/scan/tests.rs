//! Whatever the number of threads, a scan gives what reading alone gives: the same batches, the
//! same numbers, the same account.

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression as Codec;
use ::parquet::basic::ZstdLevel;
use ::parquet::file::properties::WriterProperties;
use arrow_array::ArrayRef;
use arrow_array::BinaryArray;
use arrow_array::DictionaryArray;
use arrow_array::ListArray;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::StructArray;
use arrow_array::types::Int8Type;
use arrow_array::types::Int32Type;
use arrow_buffer::OffsetBuffer;
use arrow_schema::Field;
use proptest::prelude::*;

use super::*;
use crate::read::Limits;
use crate::read::Purpose;
use crate::read::Stop;
use crate::read::read;

/// The units of a batch: column, and everything else as text.
#[derive(Debug)]
struct Units(Vec<(ColumnId, String)>);

impl Outcome for Units {
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId) {
        for (id, _) in &mut self.0 {
            *id = column(*id);
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }
}

fn units(batch: &Batch) -> Units {
    let unit = |unit: &crate::model::UnitSpan| {
        let model = unit.model.map(|model| &batch.models[model as usize]);
        let (text, row) = (batch.unit_text(unit), batch.first_row + u64::from(unit.row));
        let rest = format!("{row} {} {:?} {model:?} {text}", unit.ordinal, unit.role);
        (unit.column, rest)
    };
    Units(batch.units.iter().map(unit).collect())
}

/// Every batch and the account.
type Told = (Vec<String>, String);

fn alone(input: &InputPath, options: &ReadOptions) -> Told {
    let mut batches = Vec::new();
    let file = read(input, options, &|_| {}, &mut |mut batch: Batch| {
        let found = units(&batch);
        batches.push(format!("{:?}", Scanned::of(&mut batch, found)));
        Ok(())
    });
    (batches, format!("{file:?}"))
}

fn together(input: &InputPath, options: &ReadOptions, threads: u64, room: usize) -> Told {
    let mut batches = Vec::new();
    let mut states: Vec<u64> = (0..threads).collect();
    let work = |me: &mut u64, batch: &mut Batch| {
        // Some threads are slow with some batches, so that results come out of order.
        if (batch.first_row / 7 + *me).is_multiple_of(5) {
            std::thread::sleep(Duration::from_micros(300));
        }
        units(batch)
    };
    let mut take = |scanned: Scanned<Units>| batches.push(format!("{scanned:?}"));
    let file = scan_with(input, options, &|_| {}, &mut states, &work, &mut take, room);
    (batches, format!("{file:?}"))
}

fn assert_same(what: &str, input: &InputPath, options: &ReadOptions) -> Told {
    let expected = alone(input, options);
    for (threads, room) in [(1, 1), (2, 1), (2, RESULTS_BYTES_MAX), (3, 1000), (8, 1)] {
        let got = together(input, options, threads, room);
        assert_eq!(got.1, expected.1, "{what}, {threads} threads");
        assert!(
            got.0 == expected.0,
            "{what}, {threads} threads: {} batches, expected {}; first difference: {:#?}",
            got.0.len(),
            expected.0.len(),
            got.0.iter().zip(&expected.0).find(|(a, b)| a != b)
        );
    }
    expected
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> InputPath {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        InputPath::file(path)
    }
}

fn check(what: &str, name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Told {
    let folder = Folder::new();
    assert_same(what, &folder.write(name, bytes), options)
}

/// Small steps and batches, so that small files have many.
fn small() -> ReadOptions {
    ReadOptions {
        limits: Limits {
            batch_text_bytes: 700,
            batch_rows_max: 50,
            line_block_bytes: 900,
            ..Limits::default()
        },
        ..ReadOptions::default()
    }
}

fn ways() -> [(&'static str, ReadOptions); 4] {
    let register = ReadOptions {
        purpose: Purpose::Register,
        ..small()
    };
    let columns = ReadOptions {
        text_columns: vec!["text".to_owned(), "json->k3".to_owned()],
        exempt_columns: vec!["messages".to_owned(), "nowhere".to_owned()],
        ..small()
    };
    let missing = ReadOptions {
        prompt_columns: vec!["nowhere".to_owned()],
        ..small()
    };
    [
        ("check", small()),
        ("register", register),
        ("columns", columns),
        ("missing", missing),
    ]
}

/// Rows of every kind; keys inside of strings are first seen here and there.
fn rows(count: usize) -> RecordBatch {
    let text: StringArray = (0..count)
        .map(|n| (n % 11 != 3).then(|| format!("the text of row {n}, {}", "word ".repeat(n % 29))))
        .collect();
    let json: StringArray = (0..count)
        .map(|n| {
            Some(match n % 7 {
                0 => format!("{{\"k{}\": \"v{n}\", \"model\": \"m{}\"}}", n / 40, n % 3),
                1 => format!("{{\"b\": {{\"c{}\": [\"x{n}\"]}}}}", (n * 31) % 97),
                2 => "{not json}".to_owned(),
                _ => format!("plain {n}"),
            })
        })
        .collect();
    let roles: StringArray = (0..2 * count)
        .map(|n| Some(["user", "assistant"][n % 2]))
        .collect();
    let contents: StringArray = (0..2 * count).map(|n| Some(format!("turn {n}"))).collect();
    let turns = StructArray::from(vec![
        (
            Arc::new(Field::new("role", roles_type(), true)),
            Arc::new(roles) as ArrayRef,
        ),
        (
            Arc::new(Field::new("content", roles_type(), true)),
            Arc::new(contents) as ArrayRef,
        ),
    ]);
    let item = Arc::new(Field::new("item", turns_type(&turns), true));
    let messages = ListArray::new(
        item,
        OffsetBuffer::from_lengths(vec![2; count]),
        Arc::new(turns),
        None,
    );
    let words: DictionaryArray<Int8Type> =
        (0..count).map(|n| Some(["p", "q", "r"][n % 3])).collect();
    let bytes: BinaryArray = (0..count)
        .map(|n| {
            Some(if n % 13 == 5 {
                b"\xff\xfe" as &[u8]
            } else {
                b"fine"
            })
        })
        .collect();
    let tokens = ListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..count).map(|n| (n % 17 == 4).then(|| (0..80).map(Some).collect::<Vec<_>>())),
    );
    RecordBatch::try_from_iter([
        ("text", Arc::new(text) as ArrayRef),
        ("json", Arc::new(json)),
        ("messages", Arc::new(messages)),
        ("word", Arc::new(words)),
        ("bytes", Arc::new(bytes)),
        ("ids", Arc::new(tokens)),
    ])
    .unwrap()
}

fn roles_type() -> arrow_schema::DataType {
    arrow_schema::DataType::Utf8
}

fn turns_type(turns: &StructArray) -> arrow_schema::DataType {
    use arrow_array::Array as _;
    turns.data_type().clone()
}

fn parquet_file(batch: &RecordBatch, group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(Codec::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(group))
        .set_data_page_row_count_limit(40)
        .set_write_batch_size(20)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parquet_of_any_number_of_row_groups() {
    let rows = rows(1500);
    for group in [1500, 700, 100, 37, 5] {
        let bytes = parquet_file(&rows, group);
        for (way, options) in ways() {
            let told = check(
                &format!("groups of {group}, {way}"),
                "a.parquet",
                &bytes,
                &options,
            );
            assert!(told.1.contains("rows: 1500"), "{}", told.1);
        }
    }
    let none = rows.slice(0, 0);
    check("no rows", "a.parquet", parquet_file(&none, 10), &small());
}

#[test]
fn parquet_with_a_damaged_page_ends_at_the_same_row() {
    let rows = rows(600);
    let (mut errors, mut parts) = (0, 0);
    for group in [600, 60, 20] {
        let bytes = parquet_file(&rows, group);
        for part in 1..24 {
            let mut damaged = bytes.clone();
            let at = damaged.len() * part / 24;
            damaged[at] ^= 0x15;
            let told = check(&format!("{group} at {at}"), "a.parquet", damaged, &small());
            if told.1.contains("error: Some") {
                errors += 1;
                parts += usize::from(!told.0.is_empty());
            }
        }
        for cut in [bytes.len() / 2, bytes.len() - 3] {
            check("cut off", "a.parquet", &bytes[..cut], &small());
        }
    }
    assert!(errors > 20 && parts > 10, "{errors} {parts}");
}

#[test]
fn a_file_near_the_limit_on_columns_is_read_as_by_one() {
    let rows = rows(1500);
    // 6 columns stand in the schema, some hundred come from the strings.
    for columns_max in [9, 20, 60] {
        let options = ReadOptions {
            limits: Limits {
                columns_max,
                ..small().limits
            },
            ..small()
        };
        for group in [1500, 50] {
            let told = check("wide", "a.parquet", parquet_file(&rows, group), &options);
            assert!(
                told.0.iter().any(|batch| batch.contains("columns\" }")),
                "{:?}",
                told.1
            );
        }
    }
    // More different keys in one object than become columns.
    let mut text = String::new();
    for n in 0..3000 {
        writeln!(text, "{{\"k{n}\":\"v{n}\",\"same\":\"x\"}}").unwrap();
    }
    let told = check("folded keys", "a.jsonl", text, &small());
    assert!(told.1.contains("path: \"{}\""), "{}", told.1);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A line of some kind.
fn line(kind: u8, n: usize) -> Vec<u8> {
    let text = match kind {
        0 => format!(
            "{{\"text\": \"row {n} {}\", \"k{}\": \"x\"}}",
            "w ".repeat(n % 60),
            n % 50
        ),
        1 => format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"q{n}\"}}],\"n\":{n}}}"),
        2 => format!("{{\"response\":\"r{n}\",\"model\":\"m{}\"}}\r", n % 4),
        3 => String::new(),
        4 => " \t\r".to_owned(),
        5 => "{\"a\":".to_owned(),
        6 => format!("{{\"a\":\"x\",\"a\":\"{n}\"}}"),
        7 => format!("{{\"text\":\"{}\"}}", "long ".repeat(700 + n % 900)),
        8 => format!(
            "{{\"ids\":[{}1],\"json\":\"{{\\\"in{}\\\":\\\"y\\\"}}\"}}",
            "5,".repeat(70),
            n % 9
        ),
        9 => " ".repeat(5000),
        _ => return b"{\"a\":\"\xff\"}".to_vec(),
    };
    text.into_bytes()
}

fn lines(kinds: &[u8], last_ends: bool) -> Vec<u8> {
    let mut bytes = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| line(*kind, n))
        .collect::<Vec<_>>()
        .join(&b'\n');
    if last_ends {
        bytes.push(b'\n');
    }
    bytes
}

fn limited() -> ReadOptions {
    ReadOptions {
        // JSONL by name even if what the lines hold is no JSON at all.
        limits: Limits {
            line_bytes_max: 4000,
            ..small().limits
        },
        ..small()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn lines_of_every_kind(
        kinds in prop::collection::vec(0u8..11, 0..250),
        last_ends: bool,
        packed in 0..3,
        registering: bool,
    ) {
        let bytes = lines(&kinds, last_ends);
        let (name, bytes) = match packed {
            0 => ("a.jsonl", bytes),
            1 => ("a.jsonl.gz", gzip(&bytes)),
            _ => ("a.jsonl.zst", zst(&bytes)),
        };
        let purpose = if registering { Purpose::Register } else { Purpose::Check };
        check("lines", name, bytes, &ReadOptions { purpose, ..limited() });
    }
}

/// Counted another way: every kind of line is a row or none, and good or broken.
#[test]
fn rows_of_lines_are_counted_as_they_stand() {
    let kinds: Vec<u8> = (0..2200u16).map(|n| (n % 11) as u8).collect();
    let told = check("all kinds", "a.jsonl", lines(&kinds, true), &limited());
    // Of 11 kinds 2 are blank and one in three of the others is broken or too long; the one of
    // 3500 to 8000 bytes sometimes.
    let long = (0..2200).filter(|n| n % 11 == 7 && 11 + 5 * (700 + n % 900) > 4000);
    let broken = 4 * 200 + long.count();
    let counts = format!("rows: {}, row_errors: {broken}", 9 * 200);
    assert!(told.1.contains(&counts), "{counts}: {}", &told.1[..300]);
}

#[test]
fn lines_that_break_off_end_at_the_same_row() {
    // Beyond what is looked at for the format, and hard to compress.
    let mut seed = 1u64;
    let mut text = String::new();
    while text.len() < 3 << 20 {
        let mut word = String::new();
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            write!(word, "{:x}", seed >> 32).unwrap();
        }
        writeln!(text, "{{\"a{}\":\"{word}\"}}", seed >> 59).unwrap();
    }
    let options = ReadOptions {
        limits: Limits {
            batch_text_bytes: 9000,
            line_block_bytes: 30_000,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let packs = [
        ("a.jsonl.gz", gzip as fn(&[u8]) -> Vec<u8>),
        ("a.jsonl.zst", zst),
    ];
    for (name, pack) in packs {
        let whole = pack(text.as_bytes());
        check("whole", name, &whole, &options);
        for cut in [whole.len() / 2, whole.len() * 3 / 4, whole.len() - 1] {
            let told = check("cut off", name, &whole[..cut], &options);
            assert!(told.1.contains("Truncated") && !told.0.is_empty());
            let mut damaged = whole.clone();
            damaged[cut] ^= 0xa5;
            let told = check("damaged", name, damaged, &options);
            assert!(told.1.contains("error: Some"), "{}", told.1);
        }
    }
    let bomb = zst("{\"a\":\"x\"}\n".repeat(1 << 20).as_bytes());
    let options = ReadOptions {
        limits: Limits {
            decompression_free_bytes: 2 << 20,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let told = check("bomb", "a.jsonl.zst", bomb, &options);
    assert!(told.1.contains("TooLarge"), "{}", told.1);
}

#[test]
fn formats_that_one_thread_reads_come_out_the_same() {
    let values: Vec<String> = (0..700)
        .map(|n| format!("{{\"k{}\":\"v{n}\"}}", n % 9))
        .collect();
    check(
        "array",
        "a.json",
        format!("[{}]", values.join(",")),
        &small(),
    );
    let csv: Vec<String> = (0..700).map(|n| format!("row {n},\"x\ny\"")).collect();
    check(
        "csv",
        "a.csv",
        format!("a,b\n{}\n", csv.join("\n")),
        &small(),
    );
    check("text", "a.txt", "some words\n".repeat(300_000), &small());
    check("nothing", "a.jsonl", "", &small());
    let folder = Folder::new();
    let gone = InputPath::file(folder.0.path().join("gone.parquet"));
    assert_same("gone", &gone, &small());
}

#[test]
fn a_file_that_changes_is_never_complete() {
    for threads in [1, 2, 5] {
        for (name, bytes) in [
            ("a.parquet", parquet_file(&rows(600), 20)),
            ("a.jsonl", lines(&[0; 900], true)),
        ] {
            let folder = Folder::new();
            let input = folder.write(name, bytes);
            let path = folder.0.path().join(name);
            let mut batches = 0;
            let mut take = |_: Scanned<Units>| {
                batches += 1;
                if batches == 2 {
                    let mut file = std::fs::OpenOptions::new()
                        .append(true)
                        .open(&path)
                        .unwrap();
                    file.write_all(b"{\"text\": \"more\"}\n").unwrap();
                }
            };
            let mut states = vec![(); threads];
            let file = scan(
                &input,
                &small(),
                &|_| {},
                &mut states,
                &|(), batch| units(batch),
                &mut take,
            );
            let changed = matches!(file.error, Some(ReadError::Changed { .. }));
            assert!(changed && file.sha256.is_none(), "{name}: {file:?}");
        }
    }
}

/// With room for one message only, results of the workers ahead wait, and memory stays bounded.
#[test]
fn results_that_wait_are_bounded() {
    struct Heavy;
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    impl Drop for Heavy {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    impl Outcome for Heavy {
        fn renumber(&mut self, _: &dyn Fn(ColumnId) -> ColumnId) {}
        fn bytes(&self) -> usize {
            1 << 30
        }
    }
    let folder = Folder::new();
    let inputs = [
        folder.write("a.parquet", parquet_file(&rows(3000), 20)),
        folder.write("b.parquet", parquet_file(&rows(3000), 3000)),
        folder.write("c.jsonl", lines(&[0; 4000], true)),
    ];
    let threads = 6;
    for input in &inputs {
        let mut next = 0;
        let mut take = |scanned: Scanned<Heavy>| {
            assert_eq!(scanned.first_row, next);
            next += u64::from(scanned.rows);
            if next % 3 == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
        };
        let work = |(): &mut (), _: &mut Batch| {
            MOST.fetch_max(ALIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            Heavy
        };
        let file = scan(
            input,
            &small(),
            &|_| {},
            &mut vec![(); threads],
            &work,
            &mut take,
        );
        assert_eq!((file.rows, file.error.is_none()), (next, true));
    }
    // One in each lane that is queued, in hand or in the making, and one at the taker.
    let lanes = threads * 2 + 2;
    let most = MOST.load(Ordering::SeqCst);
    assert!(most <= lanes + threads + 1, "{most}");
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}

#[test]
fn a_panic_of_the_scan_ends_all_workers_and_is_not_swallowed() {
    let folder = Folder::new();
    for input in [
        folder.write("a.parquet", parquet_file(&rows(2000), 10)),
        folder.write("b.parquet", parquet_file(&rows(2000), 2000)),
        folder.write("c.jsonl", lines(&[0; 3000], true)),
    ] {
        let mut taken = 0;
        let scanned = catch_unwind(AssertUnwindSafe(|| {
            let work = |(): &mut (), batch: &mut Batch| {
                assert!(batch.first_row < 1000, "on purpose");
                units(batch)
            };
            let mut take = |scanned: Scanned<Units>| taken += u64::from(scanned.rows);
            scan(&input, &small(), &|_| {}, &mut [(); 4], &work, &mut take)
        }));
        assert!(scanned.is_err());
        assert!(taken >= 950, "what came before counts: {taken}");
    }
}

#[test]
fn the_first_failure_in_row_order_counts() {
    let folder = Folder::new();
    let input = folder.write("a.parquet", parquet_file(&rows(2000), 10));
    for threads in [1, 2, 8] {
        let mut seen = Vec::new();
        let work = |(): &mut (), batch: &mut Batch| {
            if batch.first_row >= 500 {
                Err(batch.first_row)
            } else {
                Ok(units(batch))
            }
        };
        let mut take = |scanned: Scanned<Result<Units, u64>>| {
            seen.push(scanned.transpose().map(|scanned| scanned.first_row));
        };
        let file = scan(
            &input,
            &small(),
            &|_| {},
            &mut vec![(); threads],
            &work,
            &mut take,
        );
        assert_eq!(file.rows, 2000);
        assert!(seen.is_sorted_by_key(|row| row.unwrap_or_else(|row| row)));
        assert_eq!(seen.iter().find(|row| row.is_err()), Some(&Err(500)));
    }
}

#[test]
fn a_reader_that_is_stopped_says_so() {
    let folder = Folder::new();
    let input = folder.write("a.parquet", parquet_file(&rows(200), 10));
    let file = read(&input, &small(), &|_| {}, &mut |_| Err(Stop));
    assert!(matches!(file.error, Some(ReadError::Stopped { .. })));
}
