//! An ML engineer has completions from several runs, in whatever shape they came, and wants them
//! registered in one command; then wants to know whether a training set holds any of them.

use serde_json::{Value, json};

use crate::common::{
    Answer, CliTest, LLAMA_2, LLAMA_3, LLAMA_31, MISTRAL, answers, answers_of, clean_texts,
    contents, digests_in,
};

#[test]
fn a_registered_answer_is_found_again_with_its_model_and_clause() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let answer = &answers_of(LLAMA_3)[3];
    let clean = clean_texts();
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"text": clean[0]}),
            json!({"text": clean[1]}),
            json!({"text": answer.text}),
            json!({"text": clean[2]}),
        ],
    );

    let (run, report) = test.check_for_mistral("train.jsonl");

    run.exits(1).says(LLAMA_3).says("train.jsonl");
    assert_eq!(report.verdict(), "block");
    assert_eq!(
        (
            report.tally("read"),
            report.tally("pass"),
            report.tally("block")
        ),
        (4, 3, 1)
    );
    let [finding] = report.of_row(2)[..] else {
        panic!("{:#}", report.0["findings"])
    };
    assert_eq!(finding["tier"], "exact");
    assert_eq!(finding["model"], LLAMA_3);
    assert_eq!(finding["location"]["column"], "text");
    assert_eq!(finding["claims"][0]["source"], "answers");
    for key in ["license", "clause", "reason", "how_to_fix", "code"] {
        assert!(
            finding[key].as_str().is_some_and(|text| !text.is_empty()),
            "{key}: {finding:#}"
        );
    }
    assert_eq!(finding["share_of_output"], 1.0);
}

#[test]
fn clean_text_passes() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let rows: Vec<Value> = clean_texts()
        .into_iter()
        .map(|text| json!({"text": text}))
        .collect();
    test.write_jsonl("train.jsonl", &rows);

    let (run, report) = test.check_for_mistral("train.jsonl");

    run.exits(0);
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.tally("pass"), rows.len() as u64);
    assert!(report.findings().is_empty(), "{:#}", report.0["findings"]);
}

#[test]
fn reformatting_cutting_and_packing_do_not_hide_an_answer() {
    let test = CliTest::with_answers_of(LLAMA_2);
    let answer = &answers_of(LLAMA_2)[0].text;
    let clean = clean_texts();
    let words: Vec<&str> = answer.split_whitespace().collect();
    let changed = [
        answer.to_uppercase(),
        words.join(" "),
        answer
            .replace('*', "")
            .replace('"', "\u{201d}")
            .replace('\'', "\u{2019}"),
        words.join("\u{00a0}\n"),
        words[..words.len() / 2].join(" "),
        format!("{}\n\n{answer}\n\n{}", clean[3], clean[4]),
        format!("<s>[INST] Explain. [/INST] {answer} </s>"),
        answer
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
        serde_json::to_string(&json!({"answer": answer})).unwrap(),
    ];
    let rows: Vec<Value> = changed.iter().map(|text| json!({"text": text})).collect();
    test.write_jsonl("train.jsonl", &rows);

    let (run, report) = test.check_for_mistral("train.jsonl");

    run.exits(1);
    let found = report.rows(&["flag", "block"]);
    for (row, text) in changed.iter().enumerate() {
        assert!(
            found.contains(&(row as u64)),
            "row {row} was not found: {text}"
        );
    }
}

#[test]
fn only_outputs_are_registered_from_a_chat() {
    let test = CliTest::with_empty_index();
    let asked = clean_texts()[40].clone();
    let system = clean_texts()[41].clone();
    let answer = answers_of(LLAMA_3)[1].text.clone();
    test.write_jsonl(
        "chats.jsonl",
        &[json!({"messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answer},
        ]})],
    );
    test.run(&["register", "chats.jsonl", "--model", LLAMA_3])
        .exits(0);

    test.write_jsonl(
        "asked.jsonl",
        &[json!({"text": asked}), json!({"text": system})],
    );
    let (run, report) = test.check_for_mistral("asked.jsonl");
    run.exits(0);
    assert!(report.findings().is_empty(), "{:#}", report.0["findings"]);

    test.write_jsonl("answered.jsonl", &[json!({"text": answer})]);
    test.check_for_mistral("answered.jsonl").0.exits(1);
}

#[test]
fn only_outputs_are_registered_when_a_text_column_stands_beside_a_prompt() {
    let asked = clean_texts()[50].clone();
    let answer = answers_of(LLAMA_3)[2].text.clone();
    for register in [
        // The prompt's column recognised by itself, and named.
        vec![
            "register",
            "runs.jsonl",
            "--model",
            LLAMA_3,
            "--text-column",
            "text",
        ],
        vec![
            "register",
            "runs.jsonl",
            "--model",
            LLAMA_3,
            "--text-column",
            "text",
            "--prompt-column",
            "prompt",
        ],
    ] {
        let test = CliTest::with_empty_index();
        test.write_jsonl("runs.jsonl", &[json!({"prompt": asked, "text": answer})]);
        test.run(&register).exits(0);

        test.write_jsonl("asked.jsonl", &[json!({"text": asked})]);
        let (run, report) = test.check_for_mistral("asked.jsonl");
        run.exits(0);
        assert!(
            report.findings().is_empty(),
            "{register:?}: {:#}",
            report.0["findings"]
        );

        test.write_jsonl("answered.jsonl", &[json!({"text": answer})]);
        test.check_for_mistral("answered.jsonl").0.exits(1);
    }
}

#[test]
fn user_turns_stay_prompts_even_when_their_column_is_named() {
    let test = CliTest::with_empty_index();
    let asked = clean_texts()[60].clone();
    let answer = answers_of(LLAMA_3)[4].text.clone();
    test.write_jsonl(
        "chats.jsonl",
        &[json!({"messages": [
            {"role": "user", "content": asked}, {"role": "assistant", "content": answer},
        ]})],
    );
    test.run(&[
        "register",
        "chats.jsonl",
        "--model",
        LLAMA_3,
        "--text-column",
        "messages[].content",
    ])
    .exits(0);

    test.write_jsonl("asked.jsonl", &[json!({"text": asked})]);
    test.check_for_mistral("asked.jsonl").0.exits(0);
    test.write_jsonl("answered.jsonl", &[json!({"text": answer})]);
    test.check_for_mistral("answered.jsonl").0.exits(1);
}

#[test]
fn the_model_column_of_a_preference_set_is_recognised() {
    let test = CliTest::with_empty_index();
    test.copy_demo("preferences.parquet");

    test.run(&["register", "preferences.parquet"])
        .exits(0)
        .says("columns   completions[].response\n")
        .says("model     from completions[].model\n")
        .says(LLAMA_3)
        .says("gpt-4");

    let every = answers();
    let rows: Vec<Value> = every
        .iter()
        .map(|answer| json!({"text": answer.text}))
        .collect();
    test.write_jsonl("again.jsonl", &rows);
    let (run, report) = test.check_for_mistral("again.jsonl");
    run.exits(1);
    for (row, answer) in every.iter().enumerate() {
        if answer.model.starts_with("meta-llama/") {
            let of_row = report.of_row(row as u64);
            assert!(
                of_row
                    .iter()
                    .any(|finding| finding["model"] == answer.model.as_str()),
                "row {row} is {}: {of_row:#?}",
                answer.model
            );
        }
    }
}

#[test]
fn a_model_given_by_hand_beats_the_column() {
    let test = CliTest::with_empty_index();
    let answer = &answers_of(LLAMA_2)[2];
    test.write_jsonl(
        "runs.jsonl",
        &[json!({"instruction": answer.instruction, "output": answer.text, "model": LLAMA_2})],
    );
    test.run(&["register", "runs.jsonl", "--model", LLAMA_3])
        .exits(0)
        .says("model     as --model says, not as in model\n");

    test.write_jsonl("train.jsonl", &[json!({"text": answer.text})]);
    let (run, report) = test.check_for_mistral("train.jsonl");
    run.exits(1);
    assert_eq!(report.on_rows()[0]["model"], LLAMA_3);
}

#[test]
fn an_unknown_model_is_registered_with_a_warning_and_needs_review_at_check() {
    let test = CliTest::with_empty_index();
    let answer = &answers_of(LLAMA_2)[5];
    test.write_jsonl(
        "runs.jsonl",
        &[json!({"instruction": answer.instruction, "output": answer.text})],
    );
    test.run(&[
        "register",
        "runs.jsonl",
        "--model",
        "nobody/quite-unheard-of-9b",
    ])
    .exits(0)
    .says("nobody/quite-unheard-of-9b");

    test.write_jsonl("train.jsonl", &[json!({"text": answer.text})]);
    let (run, report) = test.check_for_mistral("train.jsonl");
    run.exits(1);
    let finding = report.on_rows()[0];
    assert_eq!(finding["model"], "nobody/quite-unheard-of-9b");
    assert_eq!(finding["license"], Value::Null);
}

#[test]
fn the_same_source_twice_changes_nothing() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let before = contents(&test.index().join("snapshots"));
    let sources = test.run(&["source", "list", "--json"]).exits(0).stdout;

    test.run(&[
        "register",
        "answers.jsonl",
        "--source",
        "answers",
        "--model",
        LLAMA_3,
    ])
    .exits(0);

    assert_eq!(
        test.run(&["source", "list", "--json"]).exits(0).stdout,
        sources
    );
    assert_eq!(contents(&test.index().join("snapshots")), before);
    assert!(
        !before.is_empty(),
        "the snapshots stand elsewhere; this test looks at nothing"
    );
}

#[test]
fn the_same_name_with_other_content_is_refused_with_both_digests() {
    let test = CliTest::with_answers_of(LLAMA_3);
    let sources = test.run(&["source", "list", "--json"]).exits(0).stdout;
    let other = &answers_of(LLAMA_3)[..2];
    let rows: Vec<Value> = other
        .iter()
        .map(|a| json!({"instruction": a.instruction, "output": a.text}))
        .collect();
    test.write_jsonl("other.jsonl", &rows);

    let run = test
        .run(&[
            "register",
            "other.jsonl",
            "--source",
            "answers",
            "--model",
            LLAMA_3,
        ])
        .exits(2)
        .says("answers");

    let digests = digests_in(&run.stderr);
    assert_eq!(
        digests.len(),
        2,
        "both digests, please:\n{}",
        run.transcript()
    );
    assert_eq!(
        test.run(&["source", "list", "--json"]).exits(0).stdout,
        sources
    );
}

#[test]
fn the_same_name_and_content_under_another_model_is_refused() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.run(&[
        "register",
        "answers.jsonl",
        "--source",
        "answers",
        "--model",
        LLAMA_31,
    ])
    .exits(2);
}

#[test]
fn of_two_claims_on_one_text_the_stricter_decides_and_both_are_listed() {
    let text = answers_of(LLAMA_31)[0].clone();
    let one = |model: &str| {
        vec![Answer {
            model: model.to_owned(),
            ..text.clone()
        }]
    };
    for order in [[LLAMA_2, LLAMA_31], [LLAMA_31, LLAMA_2]] {
        let test = CliTest::with_empty_index();
        for model in order {
            let source = if model == LLAMA_2 {
                "old-run"
            } else {
                "new-run"
            };
            test.register_answers(source, model, &one(model));
        }
        test.copy_demo("targets/mistral-renamed.toml");
        test.write_jsonl("train.jsonl", &[json!({"text": text.text})]);

        let (run, report) =
            test.check(&["train.jsonl", "--target", "targets/mistral-renamed.toml"]);

        // Llama 3.1 alone would be a flag under this name; Llama 2 is not.
        run.exits(1);
        let [finding] = report.on_rows()[..] else {
            panic!("{:#}", report.0["findings"])
        };
        assert_eq!(finding["level"], "block");
        assert_eq!(finding["model"], LLAMA_2);
        let models: Vec<&str> = finding["claims"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["model"].as_str().unwrap())
            .collect();
        assert_eq!(
            models,
            [LLAMA_2, LLAMA_31],
            "registered in the order {order:?}"
        );
    }
}

#[test]
fn a_bad_row_rejects_the_whole_source() {
    let test = CliTest::with_empty_index();
    let rows: Vec<String> = answers_of(LLAMA_3)
        .iter()
        .map(|a| json!({"instruction": a.instruction, "output": a.text}).to_string())
        .collect();
    test.write(
        "runs.jsonl",
        format!("{}\n{{\"output\": \"cut\n{}\n", rows[0], rows[1]),
    );

    test.run(&[
        "register",
        "runs.jsonl",
        "--source",
        "runs",
        "--model",
        LLAMA_3,
    ])
    .exits(3)
    .says("runs.jsonl");

    let sources = test.run(&["source", "list", "--json"]).stdout;
    assert!(
        !sources.contains("runs"),
        "nothing of a rejected source may stay: {sources}"
    );
}

#[test]
fn one_command_registers_several_files_of_several_formats() {
    let test = CliTest::with_empty_index();
    let every = answers_of(LLAMA_2);
    let row = |a: &Answer| json!({"instruction": a.instruction, "output": a.text});
    test.write_jsonl("runs/a.jsonl", &[row(&every[0]), row(&every[1])]);
    test.write(
        "runs/b.json",
        json!([row(&every[2]), row(&every[3])]).to_string(),
    );
    test.write_jsonl("c.jsonl", &[row(&every[4]), row(&every[5])]);
    test.python("parquet.py", &["convert", "c.jsonl", "runs/c.parquet"]);

    test.run(&["register", "runs", "--source", "runs", "--model", LLAMA_2])
        .exits(0);

    let rows: Vec<Value> = every[..6].iter().map(|a| json!({"text": a.text})).collect();
    test.write_jsonl("train.jsonl", &rows);
    let (run, report) = test.check(&["train.jsonl", "--target-model", MISTRAL]);
    run.exits(1);
    assert_eq!(report.rows(&["block"]).len(), 6);
}

#[test]
fn a_short_answer_is_flagged_at_most() {
    let test = CliTest::with_empty_index();
    test.write_jsonl(
        "runs.jsonl",
        &[json!({"instruction": "Is it raining?", "output": "Yes, it is."})],
    );
    test.run(&["register", "runs.jsonl", "--model", LLAMA_2])
        .exits(0);
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"text": "Yes, it is."}),
            json!({"text": "No, it is not."}),
        ],
    );

    let (run, report) = test.check_for_mistral("train.jsonl");

    run.exits(0);
    assert_eq!(report.verdict(), "flag");
    assert_eq!(report.rows(&["flag"]).into_iter().collect::<Vec<_>>(), [0]);
}

/// However many near copies are registered, each is compared and listed, so that the strictest
/// claim decides even when it came last.
#[test]
fn every_near_copy_is_compared_and_the_strictest_of_many_decides() {
    let test = CliTest::with_empty_index();
    let answer = answers_of(LLAMA_2)[2].text.clone();
    let words: Vec<&str> = answer.split_whitespace().collect();
    let copy = |n: usize| {
        let mut words = words.clone();
        words.insert(3 + n, "alternatively");
        words.join(" ")
    };
    for n in 0..24 {
        let model = if n == 23 { LLAMA_2 } else { LLAMA_31 };
        let name = format!("copy-{n:02}.jsonl");
        test.write_jsonl(&name, &[json!({"output": copy(n)})]);
        test.run(&["register", &name, "--model", model]).exits(0);
    }
    test.write_jsonl("train.jsonl", &[json!({"text": words.join(" ")})]);
    let (run, report) = test.check_for_mistral("train.jsonl");
    run.exits(1);
    let finding = &report.on_rows()[0];
    assert_eq!(finding["model"], LLAMA_2);
    assert_eq!(finding["code"], "llama-output-prohibited");
    assert_eq!(finding["claims"].as_array().unwrap().len(), 24);
}
