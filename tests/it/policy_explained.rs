//! A compliance officer asks ten questions, without data and without knowing the code, and checks
//! the policy that the engineers wrote.

use std::fs;

use crate::common::{CliTest, LLAMA_2, LLAMA_3, LLAMA_31, MISTRAL, repo};

/// The question, its name, the target file's text or `None` for a plain target model, and the rest
/// of the command line.
const QUESTIONS: [(&str, &str, &[&str]); 10] = [
    (
        "may Llama 3 answers train our Mistral",
        "mistral",
        &["--model", LLAMA_3],
    ),
    (
        "may Llama 2 answers train our Llama 2 model",
        "llama-2-internal",
        &["--model", LLAMA_2],
    ),
    (
        "may Llama 3.1 answers go into a model we publish",
        "mistral-published",
        &["--model", LLAMA_31],
    ),
    (
        "is it enough to name it Llama",
        "mistral-renamed",
        &["--model", LLAMA_31],
    ),
    (
        "may Llama 3 scores train our classifier",
        "classifier",
        &["--model", LLAMA_3, "--use", "labels"],
    ),
    (
        "what of text that Llama 2 only selected",
        "mistral",
        &["--model", LLAMA_2, "--use", "filter"],
    ),
    (
        "what of a set we found with Vicuna answers",
        "mistral",
        &["--model", "lmsys/vicuna-13b-v1.5", "--acquisition", "found"],
    ),
    (
        "we sit in the EU and used Llama 4",
        "eu",
        &["--model", "meta-llama/Llama-4-Scout-17B-16E-Instruct"],
    ),
    (
        "we used the new Meta API",
        "mistral",
        &["--model", LLAMA_31, "--access", "meta-model-api"],
    ),
    (
        "what of an id nobody knows",
        "mistral",
        &["--model", "acme/superchat-9b"],
    ),
];

fn target(name: &str) -> String {
    let model = |name: &str, base: &str, rest: &str| {
        format!("[model]\nname = \"{name}\"\nbase = \"{base}\"\n{rest}")
    };
    match name {
        "mistral" | "mistral-published" | "eu" => model("acme-chat-7b", MISTRAL, ""),
        "mistral-renamed" => model("Llama-acme-chat-7b", MISTRAL, ""),
        "llama-2-internal" => model("acme-l2", LLAMA_2, "availability = \"internal\"\n"),
        "classifier" => model(
            "acme-quality",
            "microsoft/deberta-v3-base",
            "kind = \"classifier\"\n",
        ),
        other => panic!("no target {other}"),
    }
}

/// The derivations stand in `fixtures/policy/explain`, one file per question, and were read by eye
/// against the license texts; `HERDBOOK_BLESS=1` writes them again.
#[test]
fn ten_questions_are_answered_readably() {
    let folder = repo().join("fixtures/policy/explain");
    for (number, (question, which, arguments)) in QUESTIONS.iter().enumerate() {
        let test = CliTest::new();
        test.write("target.toml", target(which));
        test.write(
            "organization.toml",
            "[organization]\nname = \"Acme\"\nprincipal_place_in_eu = true\n",
        );
        let mut command = vec![
            "policy",
            "explain",
            "--target",
            "target.toml",
            "--as-of",
            "2026-11-22",
        ];
        command.extend(*arguments);
        if *which == "eu" {
            command.extend(["--organization", "organization.toml"]);
        }
        let run = test.run(&command).exits(0);
        let said = format!("Question: {question}?\n\n{}", run.stdout);
        let path = folder.join(format!("{:02}.txt", number + 1));
        if std::env::var_os("HERDBOOK_BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &said).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(said, expected, "{}", path.display());
    }
}

#[test]
fn the_same_answer_as_json() {
    let test = CliTest::new();
    let run = test
        .run(&[
            "policy",
            "explain",
            "--model",
            LLAMA_3,
            "--target-model",
            MISTRAL,
            "--json",
        ])
        .exits(0);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["level"], "block");
    assert_eq!(answer["code"], "llama-output-prohibited");
    assert_eq!(answer["license"], "llama-3");
    assert!(answer["clause"].as_str().unwrap().contains("1.b.v"));
    assert!(answer["steps"].as_array().unwrap().len() >= 6);
}

#[test]
fn a_policy_is_checked_with_the_profile_beside_it() {
    let test = CliTest::new();
    test.write(
        "policy.toml",
        "name = \"acme\"\n[levels]\nnon-llama-output = \"flag\"\n",
    );
    test.write(
        "organization.toml",
        "[organization]\nname = \"Acme Example Ltd\"\n",
    );
    test.run(&["policy", "check", "policy.toml"])
        .exits(0)
        .says("Policy acme is valid")
        .says("non-llama-output")
        .says("Organisation profile of Acme Example Ltd");
    test.write("organization.toml", "[organization]\nnmae = \"Acme\"\n");
    test.run(&["policy", "check", "policy.toml"])
        .exits(2)
        .says("organization.toml:2:1: unknown field `nmae`");
    test.write("policy.toml", "required_sign_offs = [\"llama-9\"]\n");
    test.run(&["policy", "check", "policy.toml"])
        .exits(2)
        .says("there is no such license")
        .says("herdbook licenses list");
    test.run(&["policy", "readings"])
        .exits(0)
        .says("derivative-outputs-covered: yes");
}

#[test]
fn a_check_follows_policy_and_profile() {
    let test = CliTest::with_answers_of(LLAMA_31);
    let answer = &crate::common::answers_of(LLAMA_31)[0];
    test.write_jsonl("train.jsonl", &[serde_json::json!({"text": answer.text})]);
    test.write_jsonl("empty.jsonl", &[]);
    test.write("policy.toml", "required_sign_offs = [\"llama-3.1\"]\n");
    let check = |more: &[&str]| {
        let mut command = vec!["check", "train.jsonl", "--target-model", MISTRAL];
        command.extend(more);
        test.run(&command)
    };
    check(&[]).exits(0);
    check(&["--policy", "policy.toml"])
        .exits(1)
        .says("sign-off");
    test.write("policy.toml", "snapshot_max_age_days = 1000\n");
    check(&["--policy", "policy.toml"]).exits(0);
    check(&["--policy", "policy.toml", "--as-of", "2040-01-01"])
        .exits(3)
        .says("snapshot-stale");
    test.write("policy.toml", "[levels]\ninput-empty = \"flag\"\n");
    check(&["empty.jsonl"]).exits(3);
    check(&["empty.jsonl", "--policy", "policy.toml"]).exits(0);
    let crowded = "[organization]\nname = \"Acme\"\n[monthly_users]\n\"llama-3.1\" = 800_000_000\n";
    test.write("organization.toml", crowded);
    check(&["--organization", "organization.toml"])
        .exits(1)
        .says("monthly users");
    // Beside a policy it is found by itself.
    check(&["--policy", "policy.toml"])
        .exits(1)
        .says("monthly users");
}

/// A profile that is there and cannot be read may hold what makes the check stricter, so it is
/// never taken for none; and profile and approvals are looked for in the same places.
#[cfg(unix)]
#[test]
fn files_of_compliance_are_found_or_the_check_says_why_not() {
    let test = CliTest::with_answers_of(LLAMA_31);
    let answer = &crate::common::answers_of(LLAMA_31)[0];
    test.write_jsonl("train.jsonl", &[serde_json::json!({"text": answer.text})]);
    test.write("gov/policy.toml", "name = \"acme\"\n");
    let check = || {
        test.run(&[
            "check",
            "train.jsonl",
            "--target-model",
            MISTRAL,
            "--policy",
            "gov/policy.toml",
        ])
    };
    check().exits(0);
    std::os::unix::fs::symlink("nowhere", test.path("gov/organization.toml")).unwrap();
    check()
        .exits(2)
        .says("cannot read the organisation profile gov/organization.toml");
    fs::remove_file(test.path("gov/organization.toml")).unwrap();

    // Neither stands beside the policy: both are found in the folder of the index.
    test.write(".herdbook/approvals.jsonl", "not a record\n");
    check().exits(3).says(".herdbook/approvals.jsonl:1");
    test.write("gov/approvals.jsonl", "");
    check().exits(0);
}
