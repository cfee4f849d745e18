//! No false pass: clean data with some registered rows in it, anywhere, in any format, and one
//! fault at any stage. Whatever happens, the program does not say that the data may be used; without
//! a fault it names every planted row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use parquet::arrow::ArrowWriter;

use super::bed::Bed;
use super::bed::files;
use super::bed::register;
use super::bed::sources;
use super::fault::ALL;
use super::fault::Act;
use super::fault::Errno;
use super::fault::Fault;
use super::inputs::TARGET;
use super::inputs::text;
use super::storage::DAMAGES;
use super::storage::Others;
use super::storage::damage;
use super::tally::Dice;
use super::tally::Tally;
use super::tally::seed;
use super::tally::side_by_side;
use super::tally::trials;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jsonl,
    Nested,
    Csv,
    Parquet,
    Text,
}

const FORMATS: [Format; 5] = [
    Format::Jsonl,
    Format::Nested,
    Format::Csv,
    Format::Parquet,
    Format::Text,
];

/// Where the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    None,
    Call(Act),
    Storage,
    CutInput,
    LoseInput,
}

/// One shard: texts in order, and which of them are planted.
#[derive(Debug)]
struct Shard {
    format: Format,
    texts: Vec<String>,
    planted: BTreeSet<usize>,
}

impl Shard {
    /// Writes it; returns how many of its first bytes hold every planted row.
    fn write(&self, path: &Path) -> usize {
        let last = self.planted.last().map_or(0, |last| last + 1);
        let bytes = match self.format {
            // One document.
            Format::Text => self.texts.join("\n\n").into_bytes(),
            Format::Parquet => return self.write_parquet(path),
            format @ (Format::Jsonl | Format::Nested | Format::Csv) => {
                let mut bytes = Vec::new();
                let mut need = 0;
                for (row, text) in self.texts.iter().enumerate() {
                    if row == last {
                        need = bytes.len();
                    }
                    let line = match format {
                        Format::Jsonl => serde_json::json!({"id": row, "text": text}),
                        Format::Nested => {
                            let turn = serde_json::json!({"role": "assistant", "content": text});
                            let asked = serde_json::json!({"role": "user", "content": "Go on."});
                            serde_json::json!({ "messages": [asked, turn] })
                        }
                        Format::Csv | Format::Parquet | Format::Text => {
                            if row == 0 {
                                bytes.extend_from_slice(b"id,text\n");
                            }
                            bytes.extend_from_slice(format!("{row},\"{text}\"\n").as_bytes());
                            continue;
                        }
                    };
                    bytes.extend_from_slice(line.to_string().as_bytes());
                    bytes.push(b'\n');
                }
                fs::write(path, &bytes).unwrap();
                return if last == self.texts.len() {
                    bytes.len()
                } else {
                    need
                };
            }
        };
        fs::write(path, &bytes).unwrap();
        bytes.len()
    }

    fn write_parquet(&self, path: &Path) -> usize {
        let texts: ArrayRef = Arc::new(StringArray::from(self.texts.clone()));
        let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        let file = fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        // Any cut takes its footer, and with that every row.
        0
    }

    fn ending(&self) -> &'static str {
        match self.format {
            Format::Jsonl | Format::Nested => "jsonl",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Text => "txt",
        }
    }
}

fn stage(dice: &mut Dice) -> Stage {
    match dice.below(10) {
        0 | 1 => Stage::None,
        2..5 => Stage::Call(*dice.one_of(&[
            Act::Fails(Errno::Io),
            Act::FailsFromThen(Errno::Io),
            Act::Fails(Errno::NoSpace),
            Act::Fails(Errno::Interrupted),
            Act::Short,
        ])),
        5 => Stage::Call(Act::Kill),
        6..8 => Stage::Storage,
        8 => Stage::CutInput,
        _ => Stage::LoseInput,
    }
}

/// One set of data, made and damaged as its number draws it.
#[expect(
    clippy::too_many_lines,
    reason = "one trial from its data to its judgement"
)]
fn one(base: &Bed, older: &Bed, foreign: &Bed, number: u64) -> Result<String, String> {
    let mut dice = Dice::new(seed() << 32 | number);
    let bed = base.fork();
    let [old, new, _] = sources();
    let registered: Vec<String> = [old.texts, new.texts].concat();
    let mut shards = Vec::new();
    for shard in 0..=dice.below(3) {
        let rows = 1 + dice.below(12);
        let from = 2_000_000 + number * 1_000 + u64::try_from(shard).unwrap() * 100;
        shards.push(Shard {
            format: *dice.one_of(&FORMATS),
            texts: (from..from + u64::try_from(rows).unwrap())
                .map(text)
                .collect(),
            planted: BTreeSet::new(),
        });
    }
    for _ in 0..=dice.below(3) {
        let shard = dice.below(shards.len());
        let shard = &mut shards[shard];
        let row = dice.below(shard.texts.len());
        shard.texts[row].clone_from(dice.one_of(&registered));
        shard.planted.insert(row);
    }
    let mut paths: Vec<(PathBuf, usize)> = Vec::new();
    for (place, shard) in shards.iter().enumerate() {
        let path = bed.path().join(format!("shard-{place}.{}", shard.ending()));
        let needed = shard.write(&path);
        paths.push((path, needed));
    }
    let stage = stage(&mut dice);
    let mut fault = None;
    match stage {
        Stage::None => {}
        Stage::Call(act) => {
            let at = 1 + dice.below(220);
            let calls = ALL;
            fault = Some(Fault { calls, at, act });
        }
        Stage::Storage => {
            let others = Others {
                older: &older.index(),
                foreign: &foreign.index(),
            };
            let all = files(&bed.index());
            let (file, how) = (dice.one_of(&all).clone(), *dice.one_of(&DAMAGES));
            damage(&bed.index(), &file, how, &mut dice, &others);
        }
        // A cut that takes planted rows away leaves data without them; so what is cut begins after.
        Stage::CutInput => {
            let (path, needed) = dice.one_of(&paths);
            let mut bytes = fs::read(path).unwrap();
            let rest = bytes.len() - needed;
            bytes.truncate(needed + dice.below(rest + 1));
            fs::write(path, bytes).unwrap();
        }
        Stage::LoseInput => fs::remove_file(&dice.one_of(&paths).0).unwrap(),
    }
    let mut words = vec!["check".to_owned()];
    words.extend(paths.iter().map(|(path, _)| path.display().to_string()));
    words.extend(["--target-model", TARGET, "--report", "report.json"].map(str::to_owned));
    let ran = match &fault {
        Some(fault) => bed.run_with(&words, fault),
        None => bed.run(&words),
    };
    let said = || format!("{stage:?} {shards:?}\n{}", ran.said());
    if ran.hung {
        return Err(format!("hangs: {}", said()));
    }
    match ran.code {
        Some(0) => return Err(format!("FALSE PASS: {}", said())),
        Some(1) => {}
        Some(2 | 3) if stage != Stage::None => return Ok("undecided".to_owned()),
        None if ran.killed && stage == Stage::Call(Act::Kill) => return Ok("killed".to_owned()),
        _ => return Err(format!("crash, or undecided without a fault: {}", said())),
    }
    if stage != Stage::None {
        return Ok("found".to_owned());
    }
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(bed.path().join("report.json")).unwrap()).unwrap();
    for (shard, (path, _)) in shards.iter().zip(&paths) {
        let name = path.file_name().unwrap().to_str().unwrap();
        for row in &shard.planted {
            // A document has one row.
            let row = if shard.format == Format::Text {
                0
            } else {
                *row
            };
            let named = report["findings"]
                .as_array()
                .unwrap()
                .iter()
                .any(|finding| {
                    let location = &finding["location"];
                    let path = location["path"].as_str().unwrap_or_default();
                    finding["level"] == "block" && path.ends_with(name) && location["row"] == row
                });
            if !named {
                return Err(format!("SILENT MISS of {name} row {row}: {}", said()));
            }
        }
    }
    Ok("every planted row named".to_owned())
}

#[test]
fn no_planted_row_passes_whatever_fails() {
    let tally = Tally::new("planted rows under random faults");
    let older = Bed::new(None);
    let base = older.fork();
    base.must(&register("new"));
    let foreign = Bed::new(None);
    foreign.must(&register("new"));
    let first = match std::env::var("HERDBOOK_FAULTS_TRIAL") {
        Ok(trial) => trial.parse().expect("HERDBOOK_FAULTS_TRIAL is a number"),
        Err(_) => 0,
    };
    let count = u64::try_from(trials(100, 10_000)).unwrap();
    let all: Vec<u64> = (first..first + count).collect();
    side_by_side(&all, |&number| {
        let result = one(&base, &older, &foreign, number);
        tally.count(format!("HERDBOOK_FAULTS_TRIAL={number}"), result);
        true
    });
    tally.holds();
}
