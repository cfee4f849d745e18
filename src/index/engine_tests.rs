//! What the bundled engine does with damaged files, by itself: the reason why no check reads a live
//! index, and why the audit log stands apart from it.
//!
//! Each case copies a database, damages one file and opens the copy. A *silent miss* is "not found"
//! for a key that was acknowledged. The tests pin the facts that the design rests on; when an
//! upgrade of the engine changes one, read `docs/faults.md` before changing the test.
//! `HERDBOOK_FAULTS=long` repeats the counts of the measurement that they come from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rocksdb::BlockBasedOptions;
use rocksdb::DB;
use rocksdb::DBRecoveryMode;
use rocksdb::IteratorMode;
use rocksdb::Options;
use rocksdb::WriteOptions;

use super::columns;
use super::columns::Access;

const WAL_KEYS: usize = 200;
const TABLE_KEYS: usize = 3000;

/// Pseudo-random numbers from a fixed seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        let value = xorf::splitmix64(&mut self.0);
        usize::try_from(value % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Trials of a campaign: the count of the original measurement in the long form.
fn trials(long: usize) -> usize {
    match std::env::var_os("HERDBOOK_FAULTS") {
        Some(form) if form == "long" => long,
        _ => long / 5,
    }
}

fn scratch() -> tempfile::TempDir {
    // Nothing here depends on a device: memory, where there is some.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn key(number: usize) -> Vec<u8> {
    format!("k{number:08}").into_bytes()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &path);
        } else {
            fs::copy(entry.path(), path).unwrap();
        }
    }
}

/// The largest file whose name has this beginning and end.
fn file(dir: &Path, begin: &str, end: &str) -> PathBuf {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(begin) && name.ends_with(end)
        })
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}

/// 200 acknowledged writes, all of them in the write-ahead log only.
fn wal_base(dir: &Path, options: &Options) -> PathBuf {
    let (live, base) = (dir.join("live"), dir.join("base"));
    let db = DB::open(options, &live).unwrap();
    let mut sync = WriteOptions::default();
    sync.set_sync(true);
    for number in 0..WAL_KEYS {
        db.put_opt(key(number), [b'v'; 100], &sync).unwrap();
    }
    // Copied while open: as after the end of the process without a close.
    copy(&live, &base);
    base
}

/// Where each record of a write-ahead log begins and how long its payload is: blocks of 32 KiB,
/// fragments of 4 bytes checksum, 2 bytes length, 1 byte type (four more in recycled logs).
fn records(wal: &[u8]) -> Vec<(usize, usize, usize)> {
    const BLOCK: usize = 32 << 10;
    let mut out = Vec::new();
    let mut at = 0;
    while at + 7 <= wal.len() {
        if BLOCK - at % BLOCK < 7 {
            at += BLOCK - at % BLOCK;
            continue;
        }
        let len = usize::from(u16::from_le_bytes([wal[at + 4], wal[at + 5]]));
        let kind = wal[at + 6];
        if (kind, len) == (0, 0) {
            break;
        }
        let head = if (5..=8).contains(&kind) { 11 } else { 7 };
        match kind {
            // Whole, or the first part of one.
            1 | 2 | 5 | 6 => out.push((at, head, len)),
            // Later parts, and what is no record of ours.
            _ => {}
        }
        at += head + len;
    }
    out
}

/// `None` when the database refuses to open, else how many keys it still has; no read fails.
fn reopened(options: &Options, dir: &Path, keys: usize) -> Option<usize> {
    let Ok(db) = DB::open(options, dir) else {
        return None;
    };
    let found = (0..keys)
        .filter(|&number| db.get(key(number)).unwrap().is_some())
        .count();
    Some(found)
}

type Damage = (&'static str, fn(&Path));

/// The damages of the table; each changes the write-ahead log in its own way.
fn wal_damages() -> Vec<Damage> {
    fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>, &[(usize, usize, usize)])) {
        let mut bytes = fs::read(path).unwrap();
        let records = records(&bytes);
        assert_eq!(records.len(), WAL_KEYS, "records found in the log");
        change(&mut bytes, &records);
        fs::write(path, bytes).unwrap();
    }
    vec![
        ("undamaged", |_| {}),
        ("1 bit flipped in record 100", |path| {
            edit(path, |bytes, records| {
                let (at, head, len) = records[100];
                bytes[at + head + len / 2] ^= 1;
            });
        }),
        ("1 bit flipped in record 0", |path| {
            edit(path, |bytes, records| {
                let (at, head, _) = records[0];
                bytes[at + head + 5] ^= 1;
            });
        }),
        ("1 bit of the length of record 100", |path| {
            edit(path, |bytes, records| bytes[records[100].0 + 5] ^= 0x40);
        }),
        ("cut at a record boundary", |path| {
            edit(path, |bytes, records| bytes.truncate(records[100].0));
        }),
        ("cut inside record 100", |path| {
            edit(path, |bytes, records| bytes.truncate(records[100].0 + 20));
        }),
        ("torn last record", |path| {
            edit(path, |bytes, _| bytes.truncate(bytes.len() - 3));
        }),
        ("3 records in the middle zeroed", |path| {
            edit(path, |bytes, records| {
                bytes[records[100].0..records[103].0].fill(0);
            });
        }),
        ("emptied", |path| fs::write(path, b"").unwrap()),
        ("deleted", |path| fs::remove_file(path).unwrap()),
    ]
}

fn with_mode(mode: DBRecoveryMode) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_wal_recovery_mode(mode);
    options
}

#[test]
#[expect(clippy::print_stdout, reason = "prints the table it asserts")]
fn no_recovery_mode_alone_keeps_what_was_acknowledged() {
    let mut ours = columns::database(Access::Write);
    ours.create_if_missing(true);
    let modes: Vec<(&str, Options)> = vec![
        ("point-in-time", with_mode(DBRecoveryMode::PointInTime)),
        (
            "tolerate-tail",
            with_mode(DBRecoveryMode::TolerateCorruptedTailRecords),
        ),
        ("absolute", with_mode(DBRecoveryMode::AbsoluteConsistency)),
        (
            "skip-any",
            with_mode(DBRecoveryMode::SkipAnyCorruptedRecord),
        ),
        ("herdbook", ours),
    ];
    let mut table = String::new();
    for (damage, apply) in wal_damages() {
        write!(table, "{damage}:").unwrap();
        for (mode, options) in &modes {
            let temp = scratch();
            let base = wal_base(temp.path(), options);
            apply(&file(&base, "", ".log"));
            // Opening must not make a new database out of a lost one.
            let mut reopen = options.clone();
            reopen.create_if_missing(false);
            let found = reopened(&reopen, &base, WAL_KEYS);
            let found = found.map_or("refused".to_owned(), |found| found.to_string());
            write!(table, " {mode} {found}").unwrap();
        }
        table.push('\n');
    }
    println!("{table}");
    insta::assert_snapshot!(table);
}

/// What a damaged database answered.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    refused: usize,
    error: usize,
    silent: usize,
    harmless: usize,
}

/// 3000 keys in one table file, closed.
fn table_base(dir: &Path, options: &Options) -> PathBuf {
    let base = dir.join("base");
    let mut dice = Dice(7);
    {
        let db = DB::open(options, &base).unwrap();
        for number in 0..TABLE_KEYS {
            let value: Vec<u8> = (0..60)
                .map(|_| u8::try_from(dice.below(256)).unwrap())
                .collect();
            db.put(key(number), value).unwrap();
        }
        db.flush().unwrap();
    }
    base
}

fn table_options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_paranoid_checks(true);
    options.set_block_based_table_factory(&table);
    options
}

fn count(base: &Path, trials: usize, mut damage: impl FnMut(&Path)) -> Answers {
    let mut answers = Answers::default();
    for _ in 0..trials {
        let temp = scratch();
        let dir = temp.path().join("copy");
        copy(base, &dir);
        damage(&dir);
        // Options of its own: they hold the block cache, which knows a block by its file's identity,
        // and would answer from an undamaged copy read before.
        let mut reopen = table_options();
        reopen.create_if_missing(false);
        let Ok(db) = DB::open(&reopen, &dir) else {
            answers.refused += 1;
            continue;
        };
        let mut failed = false;
        let mut missing = false;
        for number in 0..TABLE_KEYS {
            match db.get(key(number)) {
                Err(_) => failed = true,
                Ok(None) => missing = true,
                Ok(Some(_)) => {}
            }
        }
        let class = match (missing, failed) {
            (true, _) => &mut answers.silent,
            (false, true) => &mut answers.error,
            (false, false) => &mut answers.harmless,
        };
        *class += 1;
    }
    answers
}

fn flip(path: &Path, dice: &mut Dice) {
    let mut bytes = fs::read(path).unwrap();
    let at = dice.below(bytes.len());
    bytes[at] ^= 1 << dice.below(8);
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, dice: &mut Dice) {
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(dice.below(bytes.len()));
    fs::write(path, bytes).unwrap();
}

#[test]
#[expect(clippy::print_stdout, reason = "prints the counts for docs/faults.md")]
fn a_damaged_table_file_is_refused_but_a_cut_manifest_forgets_in_silence() {
    let temp = scratch();
    let options = table_options();
    let base = table_base(temp.path(), &options);
    let mut dice = Dice(11);

    let answers = count(&base, trials(300), |dir| {
        flip(&file(dir, "", ".sst"), &mut dice);
    });
    println!("table file, one bit flipped: {answers:?}");
    assert_eq!(answers.silent, 0);
    assert!(answers.error > answers.harmless, "{answers:?}");

    let answers = count(&base, trials(60), |dir| {
        cut(&file(dir, "", ".sst"), &mut dice);
    });
    println!("table file cut: {answers:?}");
    assert_eq!(answers.refused, trials(60));

    let answers = count(&base, trials(238), |dir| {
        flip(&file(dir, "MANIFEST", ""), &mut dice);
    });
    println!("MANIFEST, one bit flipped: {answers:?}");
    assert_eq!(answers.silent, 0, "of single bits");

    let answers = count(&base, trials(150), |dir| {
        cut(&file(dir, "MANIFEST", ""), &mut dice);
    });
    println!("MANIFEST cut: {answers:?}");
    // Why a check never reads a live index: it opens, and answers "not found".
    assert!(answers.silent > 0);
    assert_eq!(answers.error, 0);

    let answers = count(&base, trials(50), |dir| {
        flip(&dir.join("CURRENT"), &mut dice);
    });
    println!("CURRENT, one bit flipped: {answers:?}");
    assert_eq!(answers.silent, 0);

    let answers = count(&base, 1, |dir| {
        fs::remove_file(dir.join("CURRENT")).unwrap();
    });
    assert_eq!(answers.refused, 1, "CURRENT missing");
    // With `create_if_missing` the same loss makes an empty database of it.
    let copied = temp.path().join("current");
    copy(&base, &copied);
    fs::remove_file(copied.join("CURRENT")).unwrap();
    let made_anew = reopened(&options, &copied, TABLE_KEYS);
    println!("CURRENT missing, create_if_missing: {made_anew:?} keys");
    assert_ne!(made_anew, Some(TABLE_KEYS));
}

#[test]
#[expect(clippy::print_stdout, reason = "prints the counts for docs/faults.md")]
fn an_iterator_that_stops_early_says_so_only_through_its_status() {
    let temp = scratch();
    let options = table_options();
    let base = table_base(temp.path(), &options);
    let path = file(&base, "", ".sst");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut reopen = options.clone();
    reopen.create_if_missing(false);
    let db = DB::open(&reopen, &base).unwrap();
    let (mut read, mut failed) = (0, 0);
    for row in db.iterator(IteratorMode::Start) {
        match row {
            Ok(_) => read += 1,
            Err(_) => failed += 1,
        }
    }
    println!("iterator over a damaged table: {read} of {TABLE_KEYS} rows, {failed} errors");
    assert!(read < TABLE_KEYS);
    assert_eq!(failed, 1, "the crate's iterator hands the status on");
    let mut raw = db.raw_iterator();
    raw.seek_to_first();
    let mut seen = 0;
    while raw.valid() {
        seen += 1;
        raw.next();
    }
    assert_eq!(seen, read);
    assert!(raw.status().is_err(), "an end that is none");
}
