//! A data engineer gets training sets from many teams: Parquet from pyarrow in every encoding,
//! Arrow files, CSV, compressed JSONL. The same rows must give the same findings in all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_3, Report, answers_of, clean_texts};

/// Where registered text was put: row and column, as findings name them.
const PLANTED: &[(u64, &str)] = &[
    (0, "text"),
    (6, "notes[]"),
    (7, "meta.title"),
    (13, "meta.parts[].body"),
    (14, "messages[].content"),
    (20, "text"),
    (33, "notes[]"),
    (39, "messages[].content"),
];

/// Forty rows with nulls and empty lists between, and registered text at the planted places.
fn rows() -> Vec<Value> {
    let clean = clean_texts();
    let mut rows: Vec<Value> = (0..40)
        .map(|row| {
            let text = |offset: usize| json!(clean[(row * 4 + offset) % clean.len()]);
            json!({
                "text": if row % 9 == 4 { Value::Null } else { text(0) },
                "notes": if row % 8 == 5 { json!([]) } else { json!(["short", null, text(1)]) },
                "meta": {"title": format!("row {row}"), "parts": [{"body": text(2)}]},
                "messages": [
                    {"role": "user", "content": format!("Question {row}?")},
                    {"role": "assistant", "content": text(3)},
                ],
                "number": row,
            })
        })
        .collect();
    let answers = answers_of(LLAMA_3);
    for (number, (row, column)) in PLANTED.iter().enumerate() {
        let answer = json!(answers[number].text);
        let row = &mut rows[usize::try_from(*row).unwrap()];
        match *column {
            "text" => row["text"] = answer,
            "notes[]" => row["notes"] = json!(["first", answer]),
            "meta.title" => row["meta"]["title"] = answer,
            "meta.parts[].body" => row["meta"]["parts"] = json!([{"body": "a"}, {"body": answer}]),
            "messages[].content" => row["messages"][1]["content"] = answer,
            other => unreachable!("{other}"),
        }
    }
    rows
}

/// What must not depend on the file's shape.
fn essence(report: &Report) -> Vec<(u64, String, String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<_> = report
        .on_rows()
        .into_iter()
        .map(|finding| {
            (
                finding["location"]["row"].as_u64().unwrap(),
                word(&finding["location"]["column"]),
                word(&finding["level"]),
                word(&finding["tier"]),
                word(&finding["claims"][0]["source_record"]),
            )
        })
        .collect();
    found.sort();
    found
}

#[test]
fn parquet_and_arrow_by_pyarrow_read_the_same_as_their_jsonl_twin() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("rows.jsonl", &rows());
    test.python("parquet.py", &["shapes", "rows.jsonl", "shapes"]);

    let (run, twin) = test.check_for_mistral("rows.jsonl");
    run.exits(1);
    let expected = essence(&twin);
    let places: Vec<(u64, &str)> = expected
        .iter()
        .map(|(row, column, ..)| (*row, column.as_str()))
        .collect();
    assert_eq!(places, PLANTED);
    assert_eq!(twin.tally("read"), 40);

    let mut differ = BTreeMap::new();
    let mut shapes = 0;
    for entry in fs::read_dir(test.path("shapes")).unwrap() {
        let name = format!("shapes/{}", entry.unwrap().file_name().to_str().unwrap());
        let (run, report) = test.check_for_mistral(&name);
        shapes += 1;
        if run.code != Some(1) || essence(&report) != expected || report.tally("read") != 40 {
            differ.insert(
                name,
                (run.code, report.0["tally"].clone(), essence(&report)),
            );
        }
    }
    assert_eq!(shapes, 18);
    assert!(
        differ.is_empty(),
        "expected {expected:#?}\nthese differ: {differ:#?}"
    );
}

#[test]
fn compressed_and_array_json_read_the_same_as_plain_jsonl() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let rows = rows();
    test.write_jsonl("rows.jsonl", &rows);
    let plain = fs::read(test.path("rows.jsonl")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    test.write("rows.jsonl.gz", gzip.finish().unwrap());
    test.write("rows.jsonl.zst", zstd::encode_all(&plain[..], 3).unwrap());
    test.write("rows.json", serde_json::to_vec_pretty(&rows).unwrap());
    test.write("rows.ndjson", plain.replace_line_ends());
    let (_, twin) = test.check_for_mistral("rows.jsonl");
    let expected = essence(&twin);
    assert_eq!(expected.len(), PLANTED.len());

    for name in [
        "rows.jsonl.gz",
        "rows.jsonl.zst",
        "rows.json",
        "rows.ndjson",
    ] {
        let (run, report) = test.check_for_mistral(name);
        run.exits(1);
        assert_eq!(essence(&report), expected, "{name}");
        assert_eq!(report.tally("read"), 40, "{name}");
    }

    let run = test.run_with_stdin(
        &[
            "check",
            "-",
            "--target-model",
            crate::common::MISTRAL,
            "--report",
            "stdin.json",
        ],
        &plain,
    );
    run.exits(1);
    let report =
        Report(serde_json::from_slice(&fs::read(test.path("stdin.json")).unwrap()).unwrap());
    assert_eq!(essence(&report), expected, "standard input");
}

/// Line ends as Windows writes them.
trait LineEnds {
    fn replace_line_ends(&self) -> Vec<u8>;
}

impl LineEnds for Vec<u8> {
    fn replace_line_ends(&self) -> Vec<u8> {
        String::from_utf8(self.clone())
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes()
    }
}

#[test]
fn csv_and_tsv_count_records_not_lines() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[0].text;
    assert!(
        answer.contains('\n'),
        "the point is a field of several lines"
    );
    let quoted = format!("\"{}\"", answer.replace('"', "\"\""));
    let clean = clean_texts()[0].replace('"', "'").replace('\n', " ");
    test.write(
        "rows.csv",
        format!("id,text\n1,\"{clean}\"\n2,{quoted}\n3,\"{clean}\"\n"),
    );
    test.write(
        "rows.tsv",
        format!("id\ttext\n1\t\"{clean}\"\n2\t{quoted}\n3\t\"{clean}\"\n"),
    );

    for name in ["rows.csv", "rows.tsv"] {
        let (run, report) = test.check_for_mistral(name);
        run.exits(1);
        assert_eq!(report.tally("read"), 3, "{name}");
        assert_eq!(
            report.rows(&["block"]).into_iter().collect::<Vec<_>>(),
            [1],
            "{name}"
        );
        assert_eq!(report.on_rows()[0]["location"]["column"], "text", "{name}");
    }
}

#[test]
fn a_text_file_is_one_document_however_long() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let mut text = String::new();
    for round in 0..60 {
        for clean in clean_texts() {
            text.extend([&round.to_string(), ". ", &clean, "\n\n"]);
        }
    }
    let before = text.len();
    text += &answers_of(LLAMA_3)[5].text;
    text += &clean_texts()[0];
    assert!(
        before > 1 << 20,
        "long enough to be read in more than one piece"
    );
    test.write("book.txt", text);

    let (run, report) = test.check_for_mistral("book.txt");

    run.exits(1);
    assert_eq!(report.tally("read"), 1);
    assert_eq!(report.rows(&["block"]).into_iter().collect::<Vec<_>>(), [0]);
}

#[test]
fn json_inside_a_string_is_looked_into() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[6].text;
    let inner = json!({"messages": [{"role": "assistant", "content": answer}]}).to_string();
    test.write_jsonl("rows.jsonl", &[json!({"payload": inner})]);

    let (run, report) = test.check_for_mistral("rows.jsonl");

    run.exits(1);
    assert_eq!(report.rows(&["block"]).len(), 1);
}

#[test]
fn columns_are_shown_and_can_be_chosen_or_exempted() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[7].text;
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": clean_texts()[0], "reference": answer, "n": 1})],
    );
    let column = |report: &Report, name: &str| report.0["inputs"][0]["columns"][name].clone();

    let (run, report) = test.check_for_mistral("rows.jsonl");
    run.exits(1).says("reference");
    assert_eq!(column(&report, "text"), "scanned");
    assert_eq!(column(&report, "reference"), "scanned");

    for choice in [["--exempt-column", "reference"], ["--text-column", "text"]] {
        let (run, report) = test.check(&[
            "rows.jsonl",
            "--target-model",
            crate::common::MISTRAL,
            choice[0],
            choice[1],
        ]);
        run.exits(0);
        assert_eq!(column(&report, "reference"), "exempt", "{choice:?}");
    }
}

#[test]
fn a_column_that_is_named_and_not_there_is_not_a_pass() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl(
        "rows.jsonl",
        &[json!({"text": answers_of(LLAMA_3)[0].text})],
    );
    let run = test.run(&[
        "check",
        "rows.jsonl",
        "--target-model",
        crate::common::MISTRAL,
        "--text-column",
        "txet",
    ]);
    assert!(
        matches!(run.code, Some(2 | 3)),
        "a typo must not pass\n{}",
        run.transcript()
    );
    run.says("txet");
}
