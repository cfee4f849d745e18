//! The supervisor against workers that do what no worker should, and the messages between them.

use std::io;
use std::sync::Arc;

use proptest::prelude::*;

use super::message;
use super::message::Reply;
use super::message::Request;
use super::message::WireError;
use super::message::WireInput;
use super::*;
use crate::index::TextId;
use crate::model::Claim;
use crate::model::ColumnId;
use crate::model::Evidence;
use crate::model::Integrity;
use crate::model::RowError;
use crate::model::Tier;
use crate::pipeline::matching::Match;
use crate::pipeline::sketches::BatchSketch;

/// A worker that is a shell script.
fn started(script: &str) -> Result<Supervisor, WorkerError> {
    let options = WorkerOptions {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        index: ".".into(),
        snapshot: None,
        threads: 1,
        minimum: 17.0,
        limits: WorkerLimits::new(1),
        sketches: false,
        stdin: None,
    };
    Supervisor::start(options, |_| ".".into())
}

fn death(script: &str) -> Death {
    match started(script) {
        Err(WorkerError::Died(death)) => death,
        Err(WorkerError::Refused(why)) => panic!("refused: {why}"),
        Ok(_) => panic!("a script opened a snapshot"),
    }
}

#[test]
fn every_way_to_die_is_told_apart() {
    assert_eq!(
        death("exit 7"),
        Death::Left {
            code: 7,
            words: String::new()
        }
    );
    assert_eq!(death("kill -KILL $$"), Death::Killed);
    assert_eq!(death("kill -XCPU $$"), Death::Time);
    assert_eq!(
        death("echo 'memory allocation of 99 bytes failed' >&2; kill -ABRT $$"),
        Death::Memory("memory allocation of 99 bytes failed".to_owned())
    );
    let crashed = death("echo one >&2; echo two >&2; kill -SEGV $$");
    assert_eq!(
        crashed,
        Death::Crashed {
            signal: 11,
            words: "one two".to_owned()
        }
    );
    assert_eq!(
        crashed.to_string(),
        "crashed with signal 11 SIGSEGV (one two)"
    );
}

#[test]
fn a_worker_that_talks_nonsense_is_ended() {
    let nonsense = death("printf '\\003\\000\\000\\000\\377\\377\\377'; sleep 600");
    assert!(matches!(nonsense, Death::Broken(_)), "{nonsense:?}");
    let endless = death("printf '\\377\\377\\377\\377'; sleep 600");
    assert!(
        endless.to_string().contains("longer than messages may be"),
        "{endless}"
    );
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let options = WorkerOptions {
        program: "/nonexistent/herdbook".into(),
        arguments: Vec::new(),
        index: ".".into(),
        snapshot: None,
        threads: 1,
        minimum: 17.0,
        limits: WorkerLimits::new(1),
        sketches: false,
        stdin: None,
    };
    let Err(error) = Supervisor::start(options, |_| ".".into()) else {
        panic!("something was started");
    };
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
}

fn a_batch(row: u64, bytes: u64) -> Scanned {
    let evidence = Evidence {
        tier: Tier::Near,
        share_of_row: 0.25,
        share_of_output: 1.0 / 3.0,
        longest_run_bytes: bytes,
        strength: f64::MIN_POSITIVE,
        integrity: Integrity {
            invisible: true,
            ..Integrity::default()
        },
    };
    let claim = Claim {
        source: SourceId(7),
        file: 1,
        row,
        column: 2,
        model: None,
    };
    let found = Match {
        text: TextId(u64::MAX),
        evidence,
        short: false,
    };
    Scanned {
        first_row: row,
        rows: 9,
        errors: vec![RowError {
            row,
            message: "bad \u{202e} row".to_owned(),
        }],
        opaque: vec![(3, ColumnId(0))],
        continues: true,
        columns: vec![(ColumnId(0), Arc::from("text"))],
        units: 4,
        text_bytes: bytes,
        text_rows: 4,
        found: BatchMatches {
            units: vec![UnitMatches {
                row: 1,
                ordinal: 0,
                column: ColumnId(0),
                matches: vec![(found, vec![claim])],
            }],
            sketch: Some(BatchSketch {
                columns: vec![ColumnId(0)],
                packed: vec![0xff, 0, 7],
            }),
        },
    }
}

/// Sends a message through bytes and back, and compares what stands for it.
fn there_and_back(reply: &Reply) {
    let mut bytes = Vec::new();
    message::send(&mut bytes, reply).unwrap();
    let back: Option<Reply> = message::receive(&mut bytes.as_slice()).unwrap();
    assert_eq!(format!("{:?}", back.unwrap()), format!("{reply:?}"));
    for cut in 0..bytes.len() {
        let back: io::Result<Option<Reply>> = message::receive(&mut &bytes[..cut]);
        match back {
            Ok(None) => assert_eq!(cut, 0),
            Ok(Some(reply)) => panic!("{cut} bytes of {} made {reply:?}", bytes.len()),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_arrive_as_they_were_sent(row in 0..u64::MAX - 9, bytes: u64) {
        there_and_back(&Reply::Batch(Box::new(a_batch(row, bytes))));
    }

    #[test]
    fn noise_is_no_message(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = u32::try_from(noise.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend(&noise);
        // Either it is refused, or it is a message that says the same when it is sent again.
        if let Ok(Some(reply)) = message::receive::<Reply>(&mut bytes.as_slice()) {
            there_and_back(&reply);
        }
    }

    #[test]
    fn a_bit_of_a_split_is_the_row_it_stands_for(
        bits in prop::collection::vec(any::<u64>(), 0..4),
        row in 0_u64..400,
    ) {
        let slow = bits.iter().flat_map(|word| (0..64).map(move |at| (word >> at) % 2 == 1));
        let slow: Vec<bool> = slow.collect();
        let expected = slow.get(usize::try_from(row).unwrap()).copied();
        prop_assert_eq!(is_set(&bits, row), expected.unwrap_or(false));
    }
}

#[test]
fn a_path_that_is_no_text_and_an_error_arrive_as_they_were() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = std::ffi::OsString::from_vec(b"/data/\xff\xfe.jsonl".to_vec());
    let input = InputPath::file(std::path::PathBuf::from(&odd));
    let mut bytes = Vec::new();
    let request = Request::Scan(WireInput::of(&input), ReadOptions::default());
    message::send(&mut bytes, &request).unwrap();
    let Some(Request::Scan(back, _)) = message::receive(&mut bytes.as_slice()).unwrap() else {
        panic!("another message");
    };
    assert_eq!(back.path.unwrap().to_path().into_os_string(), odd);

    let error = ReadError::Elsewhere {
        path: Arc::from("org/set"),
        what: "it is on the hub".to_owned(),
        remedy: "download it".to_owned(),
    };
    let told = WireError::of(&error).into_error(&Arc::from("org/set"));
    assert_eq!(told.to_string(), error.to_string());
    assert_eq!(told.remedy(), Some("download it"));
    assert_eq!(told.path().as_ref(), "org/set");
}
