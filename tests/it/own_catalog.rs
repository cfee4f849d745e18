//! A compliance officer states the organisation's own models, licenses and hosts; an engineer asks
//! what a model on disk is before training from it.

use std::fs;

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_3, MISTRAL, answers_of, clean_texts};

const OWN: &str = r#"
[[model]]
key = "acme-chat"
match = ["acme-chat-*"]
family = "Acme Chat"
llama = "llama-3"
"#;

fn resolved(test: &CliTest, args: &[&str]) -> Value {
    let mut all = vec!["models", "resolve", "--json"];
    all.extend(args);
    let run = test.run(&all).exits(0);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn an_own_model_is_decided_like_the_base_it_states() {
    let test = CliTest::with_empty_index();
    test.register_answers("bot", "acme/acme-chat-7b", &answers_of(LLAMA_3));
    let answer = &answers_of(LLAMA_3)[3];
    test.write_jsonl(
        "train.jsonl",
        &[
            json!({"text": clean_texts()[0]}),
            json!({"text": answer.text}),
        ],
    );

    // Without the file nobody knows the generator.
    let (run, report) = test.check_for_mistral("train.jsonl");
    run.exits(1);
    assert_eq!(report.of_row(1)[0]["code"], "generator-unknown");

    test.write("own.toml", OWN);
    let (run, report) = test.check(&[
        "train.jsonl",
        "--target-model",
        MISTRAL,
        "--catalog",
        "own.toml",
    ]);
    run.exits(1);
    assert_eq!(report.of_row(1)[0]["code"], "llama-output-prohibited");
    assert_eq!(report.of_row(1)[0]["license"], "llama-3");

    // The same from the config of the index, whose paths start at its own folder.
    test.write(".herdbook/own.toml", OWN);
    test.write(
        ".herdbook/config.toml",
        "[check]\ncatalog = [\"own.toml\"]\n",
    );
    let (_, report) = test.check_for_mistral("train.jsonl");
    assert_eq!(report.of_row(1)[0]["license"], "llama-3");
    let answer = &resolved(&test, &["acme/acme-chat-7b"])[0];
    assert_eq!(answer["rule"], "own:acme-chat");
    assert_eq!(answer["steps"][0]["asked"], "own");
    test.run(&["models", "list"]).exits(0).says("own:acme-chat");
}

#[test]
fn a_wrong_own_file_stops_every_command_with_its_place() {
    let test = CliTest::with_answers_of(LLAMA_3);
    test.write_jsonl("train.jsonl", &[json!({"text": clean_texts()[0]})]);
    test.write("wrong.toml", OWN.replace("llama-3", "llama-9"));
    for args in [
        &["check", "train.jsonl", "--target-model", MISTRAL][..],
        &["models", "resolve", "x"],
        &["models", "list"],
        &["licenses", "list"],
        &["licenses", "show", "llama-3"],
    ] {
        let with = |file| [args, &["--catalog", file]].concat();
        test.run(&with("wrong.toml"))
            .exits(2)
            .says("wrong.toml:6:9: model `acme-chat`, field `llama`: unknown version `llama-9`");
        test.run(&with("missing.toml"))
            .exits(2)
            .says("missing.toml");
    }
    test.write(
        ".herdbook/config.toml",
        "[check]\ncatalog = [\"gone.toml\"]\n",
    );
    test.run(&["register", "train.jsonl", "--model", LLAMA_3])
        .exits(2)
        .says("gone.toml");
}

#[test]
fn a_models_folder_is_read_and_contradictions_are_named() {
    let test = CliTest::new();
    test.write(
        "acme/config.json",
        r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#,
    );
    test.write("acme/model.safetensors", "not read");
    test.write(
        "acme/README.md",
        "---\nlicense: llama3.1\nbase_model: meta-llama/Llama-3.1-8B\n---\n# Acme\n",
    );
    let answer = &resolved(&test, &["acme"])[0];
    assert_eq!(answer["outcome"], "known");
    assert_eq!(answer["lineage"], "llama-3.1");
    assert_eq!(answer["derivative"], true);
    assert_eq!(answer["files"], json!(["README.md", "config.json"]));

    // The tag that hides the lineage: nothing is known any more, and everything is named.
    test.write(
        "acme/README.md",
        "---\nlicense: apache-2.0\nbase_model: meta-llama/Meta-Llama-3-8B\n---\n# Acme\n",
    );
    let answer = &resolved(&test, &["acme"])[0];
    assert_eq!(answer["outcome"], "ambiguous");
    assert_eq!(answer["licenses"], json!(["llama-3", "apache-2.0"]));
    test.run(&["models", "resolve", "acme"])
        .exits(0)
        .says("the files contradict each other")
        .says("README.md: license (license tag): apache-2.0");

    // One file instead of the folder, and a card that cannot be read.
    let answer = &resolved(&test, &["acme/config.json"])[0];
    assert_eq!(answer["outcome"], "unknown");
    test.write(
        "acme/README.md",
        "---\nlicense: mit\nlicense: llama2\n---\n",
    );
    test.run(&["models", "resolve", "acme"])
        .exits(3)
        .says("README.md:3:");
    fs::remove_file(test.path("acme/README.md")).unwrap();
    test.run(&["models", "resolve", "acme/model.safetensors"])
        .exits(2)
        .says("says where a model comes from");
}

#[test]
fn a_gguf_file_is_read_by_its_header() {
    let test = CliTest::new();
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    for (text, kind) in [("general.name", Some(8_u32)), ("Meta Llama 3.3 70B", None)] {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(kind.map(u32::to_le_bytes).iter().flatten());
    }
    test.write("chat.Q4_K_M.gguf", &bytes);
    let answer = &resolved(&test, &["chat.Q4_K_M.gguf"])[0];
    assert_eq!(answer["lineage"], "llama-3.3");
    assert_eq!(
        answer["hints"][1]["place"],
        "chat.Q4_K_M.gguf: general.name"
    );
    // The same without its ending is known by its first bytes; half of it is an error.
    test.write("blob", &bytes);
    assert_eq!(resolved(&test, &["blob"])[0]["lineage"], "llama-3.3");
    test.write("half.gguf", &bytes[..40]);
    test.run(&["models", "resolve", "half.gguf"])
        .exits(3)
        .says("half.gguf, byte");
}

#[test]
fn an_id_is_explained_up_to_the_rule_that_answers() {
    let test = CliTest::new();
    test.run(&["models", "resolve", "lmsys/vicuna-13b-v1.5"])
        .exits(0)
        .says("listed:vicuna-1.5 (confidence: listed)")
        .says("huggingface.co/lmsys/vicuna-13b-v1.5")
        .says("\"vicuna-13b-v1.5\" of listed models");
    test.run(&["models", "resolve", "microsoft/Orca-2-13b"])
        .exits(0)
        .says("confidence: recalled")
        .says("general-knowledge");
    test.run(&["licenses", "show", "llama-3.1"])
        .exits(0)
        .says("f456a3f5b15ab588c84d06cf095a245bfee0bbc1620b48ed00af2cca4a711735")
        .says("the clause on outputs is not among those that go on");
}
