//! What is output, what is prompt, and which model an output is claimed for.

use super::*;

/// Roles and models of a row at registration: `column=text role model`.
fn check(row: &str, options: &ReadOptions, expected: &[&str]) {
    let got = read_bytes("a.json", format!("[{row}]"), options);
    assert_eq!((got.error(), got.errors.len()), (String::new(), 0));
    let roles: Vec<_> = got
        .roles
        .iter()
        .map(|unit| unit.strip_prefix("0:").unwrap())
        .collect();
    assert_eq!(roles, expected, "{row}");
}

#[test]
fn chat_lists() {
    check(
        r#"{"messages": [{"content": "s", "role": "system"}, {"role": "user", "content": "q"},
            {"role": "assistant", "content": [{"type": "text", "text": "r"}], "thinking": "t"},
            {"role": "alien", "content": "?"}]}"#,
        &registering(),
        &[
            "messages[].content=s Prompt -",
            "messages[].role=system Prompt -",
            "messages[].role=user Prompt -",
            "messages[].content=q Prompt -",
            "messages[].role=assistant Prompt -",
            "messages[].content[].type=text Unknown -",
            "messages[].content[].text=r Output -",
            "messages[].thinking=t Output -",
            "messages[].role=alien Prompt -",
            "messages[].content=? Unknown -",
        ],
    );
    check(
        r#"{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "r"}]}"#,
        &registering(),
        &[
            "conversations[].from=human Prompt -",
            "conversations[].value=q Prompt -",
            "conversations[].from=gpt Prompt -",
            "conversations[].value=r Output -",
        ],
    );
}

#[test]
fn naming_the_chat_column_does_not_make_outputs_of_users() {
    for column in ["messages", "messages[].content", "messages.content"] {
        let options = ReadOptions {
            text_columns: vec![column.to_owned()],
            ..registering()
        };
        let row = r#"{"messages": [{"role": "user", "content": "q"},
            {"role": "assistant", "content": "r"}], "prompt": "p", "text": "x"}"#;
        let got = read_bytes("a.json", row, &options);
        let outputs: Vec<_> = got
            .roles
            .iter()
            .filter(|unit| unit.contains(" Output "))
            .collect();
        assert_eq!(outputs, ["0:messages[].content=r Output -"], "{column}");
        assert!(
            got.roles
                .contains(&"0:messages[].content=q Prompt -".to_owned())
        );
        assert!(
            got.roles.contains(&"0:prompt=p Prompt -".to_owned()),
            "{:?}",
            got.roles
        );
        assert!(!got.units.contains(&"0:text=x".to_owned()));
    }
}

#[test]
fn preference_pairs() {
    check(
        r#"{"prompt": "p", "chosen": "c", "rejected": [{"role": "user", "content": "q"},
            {"role": "assistant", "content": "r"}], "chosen_model": "m1", "rejected-model": "m2"}"#,
        &registering(),
        &[
            "prompt=p Prompt -",
            "chosen=c Output m1",
            "rejected[].role=user Prompt m2",
            "rejected[].content=q Prompt m2",
            "rejected[].role=assistant Prompt m2",
            "rejected[].content=r Output m2",
            "chosen_model=m1 Prompt m1",
            "rejected-model=m2 Prompt m2",
        ],
    );
}

#[test]
fn arena_pairs() {
    check(
        r#"{"model_a": "m1", "model_b": "m2",
            "conversation_a": [{"role": "assistant", "content": "x"}], "response_b": "y"}"#,
        &registering(),
        &[
            "model_a=m1 Prompt m1",
            "model_b=m2 Prompt m2",
            "conversation_a[].role=assistant Prompt m1",
            "conversation_a[].content=x Output m1",
            "response_b=y Output m2",
        ],
    );
}

#[test]
fn completions_name_their_models() {
    let row = r#"{"instruction": "i", "models": ["m1", "m2"], "completions": [
        {"response": "x", "model": "m1", "critique": "k"}, {"model": "m2", "response": "y"}]}"#;
    let expected = [
        "instruction=i Prompt -",
        "models[]=m1 Prompt -",
        "models[]=m2 Prompt -",
        "completions[].response=x Output m1",
        "completions[].model=m1 Prompt m1",
        "completions[].critique=k Unknown m1",
        "completions[].model=m2 Prompt m2",
        "completions[].response=y Output m2",
    ];
    check(row, &registering(), &expected);
    let named = |column: &str| ReadOptions {
        model_column: Some(column.to_owned()),
        ..registering()
    };
    check(row, &named("completions[].model"), &expected);
    check(row, &named("completions.model"), &expected);
}

#[test]
fn lists_of_generations_align_with_lists_of_models() {
    check(
        r#"{"generations": ["x", "y"], "model_names": ["m1", "m2"], "instruction": "i"}"#,
        &registering(),
        &[
            "generations[]=x Output m1",
            "generations[]=y Output m2",
            "model_names[]=m1 Prompt -",
            "model_names[]=m2 Prompt -",
            "instruction=i Prompt -",
        ],
    );
}

#[test]
fn a_named_model_column_overrules_and_reaches_the_row() {
    let options = ReadOptions {
        model_column: Some("meta.gen".to_owned()),
        ..registering()
    };
    check(
        r#"{"meta": {"gen": "right", "model": "wrong"}, "output": "x", "model": "wrong"}"#,
        &options,
        &[
            "meta.gen=right Unknown right",
            "meta.model=wrong Prompt right",
            "output=x Output right",
            "model=wrong Prompt right",
        ],
    );
}

#[test]
fn logs_of_the_servers() {
    // OpenAI batch and vLLM run-batch.
    check(
        r#"{"custom_id": "c", "response": {"body": {"model": "m", "id": "z", "choices": [
            {"message": {"role": "assistant", "content": "x"}}]}}}"#,
        &registering(),
        &[
            "custom_id=c Unknown -",
            "response.body.model=m Prompt m",
            "response.body.id=z Unknown m",
            "response.body.choices[].message.role=assistant Prompt m",
            "response.body.choices[].message.content=x Output m",
        ],
    );
    // Bedrock invocation log.
    check(
        r#"{"modelId": "m", "input": {"inputBodyJson": {"prompt": "p"}},
            "output": {"outputBodyJson": {"generation": "x", "stop_reason": "stop"}}}"#,
        &registering(),
        &[
            "modelId=m Prompt m",
            "input.inputBodyJson.prompt=p Prompt m",
            "output.outputBodyJson.generation=x Output m",
            "output.outputBodyJson.stop_reason=stop Unknown m",
        ],
    );
    // Databricks: JSON in a string.
    check(
        r#"{"request": "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}",
            "response": "{\"model\": \"m\", \"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"x\"}}]}"}"#,
        &registering(),
        &[
            "request→messages[].role=user Prompt -",
            "request→messages[].content=q Prompt -",
            "response→model=m Prompt m",
            "response→choices[].message.role=assistant Prompt m",
            "response→choices[].message.content=x Output m",
        ],
    );
    // OpenTelemetry: the model that served goes before the one asked for.
    check(
        r#"{"gen_ai.request.model": "asked", "gen_ai.response.model": "served",
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "x"}]}]}"#,
        &registering(),
        &[
            "gen_ai.request.model=asked Prompt served",
            "gen_ai.response.model=served Prompt served",
            "gen_ai.output.messages[].role=assistant Prompt served",
            "gen_ai.output.messages[].parts[].type=text Unknown served",
            "gen_ai.output.messages[].parts[].content=x Output served",
        ],
    );
    // Ollama.
    check(
        r#"{"model": "llama3.2", "message": {"role": "assistant", "content": "x", "thinking": "t"}}"#,
        &registering(),
        &[
            "model=llama3.2 Prompt llama3.2",
            "message.role=assistant Prompt llama3.2",
            "message.content=x Output llama3.2",
            "message.thinking=t Output llama3.2",
        ],
    );
}

#[test]
fn a_bare_text_is_output_only_when_named() {
    check(r#"{"text": "x"}"#, &registering(), &["text=x Unknown -"]);
    let named = ReadOptions {
        text_columns: vec!["text".to_owned()],
        ..registering()
    };
    check(r#"{"text": "x"}"#, &named, &["text=x Output -"]);
    let forced = ReadOptions {
        prompt_columns: vec!["output".to_owned()],
        text_columns: vec!["text".to_owned()],
        ..registering()
    };
    check(
        r#"{"output": "o", "text": "x"}"#,
        &forced,
        &["output=o Prompt -", "text=x Output -"],
    );
}

#[test]
fn assistant_turns_inside_a_prompt_stay_prompt() {
    check(
        r#"{"prompt": [{"role": "assistant", "content": "x"}]}"#,
        &registering(),
        &[
            "prompt[].role=assistant Prompt -",
            "prompt[].content=x Prompt -",
        ],
    );
}
