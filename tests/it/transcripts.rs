//! Chats and packed sequences reach a pipeline as one string per row. What a model said inside is
//! registered and found as the answer it is, and what it was asked stays a prompt.

use serde_json::json;

use crate::common::{CliTest, LLAMA_2, LLAMA_3, answers_of, clean_texts};

fn chat(asked: &str, answer: &str) -> String {
    format!(
        "<|im_start|>system\nBe helpful.<|im_end|>\n<|im_start|>user\n{asked}<|im_end|>\n\
         <|im_start|>assistant\n{answer}<|im_end|>\n"
    )
}

#[test]
fn a_transcript_in_a_lone_column_registers_what_the_model_said() {
    let test = CliTest::with_empty_index();
    let clean = clean_texts();
    let answer = &answers_of(LLAMA_3)[1].text;
    test.write_jsonl("chats.jsonl", &[json!({"text": chat(&clean[40], answer)})]);
    test.run(&["register", "chats.jsonl", "--model", LLAMA_3])
        .exits(0);
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"text": clean[40]}),
            json!({"text": chat(&clean[40], &clean[41])}),
            json!({"text": answer}),
            json!({"text": format!("[INST] {} [/INST] {answer} </s>", clean[42])}),
        ],
    );

    let (run, report) = test.check_for_mistral("train.jsonl");

    run.exits(1);
    let found: Vec<u64> = report.rows(&["flag", "block"]).into_iter().collect();
    assert_eq!(found, [2, 3], "{:#}", report.0["findings"]);
    for row in [2, 3] {
        assert_eq!(report.of_row(row)[0]["tier"], "exact", "row {row}");
    }
}

#[test]
fn a_packed_sequence_is_searched_text_by_text() {
    let test = CliTest::with_answers_of(LLAMA_2);
    let clean = clean_texts();
    let answer = &answers_of(LLAMA_2)[0].text;
    let row = format!("{}</s>{answer}</s>{}<|endoftext|>", clean[3], clean[4]);
    test.write_jsonl("packed.jsonl", &[json!({"text": row})]);

    let (run, report) = test.check_for_mistral("packed.jsonl");

    run.exits(1);
    assert_eq!(report.of_row(0)[0]["tier"], "exact");
    assert_eq!(report.of_row(0)[0]["share_of_output"], 1.0);
}

#[test]
fn an_output_that_repeats_its_prompt_is_known_as_an_output_and_not_as_a_prompt() {
    let test = CliTest::with_empty_index();
    let echo = &clean_texts()[43];
    test.write_jsonl("runs.jsonl", &[json!({"prompt": echo, "output": echo})]);
    test.run(&["register", "runs.jsonl", "--model", LLAMA_3])
        .exits(0);
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"messages": [{"role": "assistant", "content": echo}]}),
            json!({"messages": [
                {"role": "user", "content": echo},
                {"role": "assistant", "content": clean_texts()[44]},
            ]}),
        ],
    );

    let (_, report) = test.check_for_mistral("train.jsonl");

    let found: Vec<u64> = report.rows(&["flag", "block"]).into_iter().collect();
    assert_eq!(found, [0], "{:#}", report.0["findings"]);
    assert_eq!(report.of_row(0)[0]["tier"], "exact");
}
