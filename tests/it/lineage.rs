//! Compliance asks where a model comes from and what a taint touched. The story of one incident:
//! completions of Llama 2 enter a mix, the mix trains X, X's text trains Y, Y is deployed.

use serde_json::{Value, json};

use crate::common::{CliTest, LLAMA_2, MISTRAL, Run, answers_of, clean_texts};

/// The model that the mix trains.
const X: &str = "acme/X-7b";
/// The model that X's text trains.
const Y: &str = "acme/Y-7b";

fn rows(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| json!({"text": text})).collect()
}

/// Texts that X is said to have written: no other text of this test is like them.
fn written_by_x() -> Vec<String> {
    let clean = clean_texts();
    clean[clean.len() - 4..].to_vec()
}

/// Everything up to Y's deployment, as engineers would record it.
fn story() -> CliTest {
    let test = CliTest::with_answers_of(LLAMA_2);
    let llama: Vec<String> = answers_of(LLAMA_2).into_iter().map(|a| a.text).collect();
    let clean = clean_texts();
    let mut mix = clean[..6].to_vec();
    mix.extend(llama.iter().take(3).cloned());
    test.write_jsonl("mix/a.jsonl", &rows(&mix[..4]));
    test.write_jsonl("mix/b.jsonl", &rows(&mix[4..]));
    ok(
        &test,
        &[
            "dataset",
            "add",
            "acme/mix",
            "mix",
            "--version",
            "v1",
            "--owner",
            "data-team",
        ],
    );
    // The gate said no, and somebody trained all the same.
    test.check(&["mix", "--target-model", MISTRAL]).0.exits(1);
    let started = ok(
        &test,
        &[
            "run",
            "start",
            "x-sft",
            "--input",
            "acme/mix@v1",
            "--target-model",
            MISTRAL,
        ],
    );
    let warned = started.stderr.contains("mix/b.jsonl: 3 rows from ");
    assert!(warned, "{}", started.stderr);
    ok(&test, &["run", "finish", "x-sft", "--model", X]);

    let own: Vec<Value> = written_by_x()
        .iter()
        .map(|t| json!({"completion": t}))
        .collect();
    test.write_jsonl("x.jsonl", &own);
    ok(
        &test,
        &["register", "x.jsonl", "--model", X, "--source", "x-text"],
    );
    let mut second = clean[6..9].to_vec();
    second.extend(written_by_x().into_iter().take(2));
    test.write_jsonl("second.jsonl", &rows(&second));
    ok(
        &test,
        &[
            "run",
            "start",
            "y-sft",
            "--input",
            "second.jsonl",
            "--target-model",
            MISTRAL,
        ],
    );
    ok(&test, &["run", "finish", "y-sft", "--model", Y]);
    test
}

/// A command that has to succeed.
#[track_caller]
fn ok(test: &CliTest, args: &[&str]) -> Run {
    test.run(args).exits(0)
}

/// What a command prints as JSON.
#[track_caller]
fn json_of(test: &CliTest, args: &[&str]) -> Value {
    serde_json::from_str(&ok(test, args).stdout).unwrap()
}

/// Somebody who may approve, in the profile of the index; gives the name of the key.
fn boss(test: &CliTest) -> String {
    let run = ok(test, &["keys", "new", "boss.pem", "--as", "boss"]);
    let (_, rest) = run.stdout.split_once("public key").unwrap();
    let public = rest.split_whitespace().next().unwrap();
    test.write(
        ".herdbook/organization.toml",
        format!(
            "[organization]\nname = \"Acme\"\n[[person]]\nid = \"boss\"\nname = \"The boss\"\n\
             roles = [\"approver\"]\npublic_key = \"{public}\"\n"
        ),
    );
    "boss.pem".to_owned()
}

fn node<'v>(walk: &'v Value, id: &str) -> &'v Value {
    let nodes = walk["nodes"].as_array().unwrap();
    nodes
        .iter()
        .find(|node| node["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in {walk:#}"))
}

fn ids(walk: &Value) -> Vec<&str> {
    let nodes = walk["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect()
}

#[test]
fn text_of_a_model_that_learnt_from_llama_is_decided_by_the_whole_chain() {
    let test = story();
    let (run, report) = test.check(&["second.jsonl", "--target-model", MISTRAL]);
    run.exits(1);
    let findings = report.findings();
    let found = findings
        .iter()
        .find(|found| found["location"]["row"] == 3)
        .unwrap();
    assert_eq!(found["code"], "llama-output-needs-review");
    assert_eq!(found["model"], LLAMA_2);
    assert_eq!(found["license"], "llama-2");
    assert!(
        found["question"]
            .as_str()
            .unwrap()
            .ends_with("second-generation-covered")
    );
    let way = found["claims"][0]["lineage"].as_array().unwrap();
    assert_eq!(way[0], format!("model:{X}"));
    assert_eq!(*way.last().unwrap(), format!("model:{LLAMA_2}"));
    // The same text, before anybody recorded how X was made, waited for its model to be named.
    let codes: Vec<_> = findings.iter().map(|found| &found["code"]).collect();
    assert!(!codes.contains(&&json!("generator-unknown")), "{codes:?}");
    // Into Llama 2 itself the same text may go.
    let (run, _) = test.check(&["second.jsonl", "--target-model", "meta-llama/Llama-2-7b-hf"]);
    run.exits(0);
}

#[test]
fn a_run_on_data_that_nobody_checked_says_nothing_of_who_wrote_its_text() {
    let test = CliTest::with_answers_of(LLAMA_2);
    let clean = clean_texts();
    test.write_jsonl("unchecked.jsonl", &rows(&clean[..4]));
    let start = ["run", "start", "z-sft", "--input", "unchecked.jsonl"];
    ok(&test, &[&start[..], &["--target-model", MISTRAL]].concat());
    ok(&test, &["run", "finish", "z-sft", "--model", "acme/Z-7b"]);
    let own: Vec<Value> = written_by_x()
        .iter()
        .map(|text| json!({"completion": text}))
        .collect();
    test.write_jsonl("z.jsonl", &own);
    let register = ["register", "z.jsonl", "--model", "acme/Z-7b"];
    ok(&test, &[&register[..], &["--source", "z-text"]].concat());
    test.write_jsonl("mine.jsonl", &rows(&written_by_x()[..1]));
    let (run, report) = test.check(&["mine.jsonl", "--target-model", MISTRAL]);
    run.exits(1);
    assert_eq!(report.0["findings"][0]["code"], "generator-unknown");
    assert_eq!(report.0["findings"][0]["claims"][0]["model"], "acme/Z-7b");
}

#[test]
fn a_run_starts_on_an_attestation_that_holds_for_all_it_reads() {
    let test = CliTest::with_answers_of(LLAMA_2);
    let clean = clean_texts();
    test.write_jsonl("data/a.jsonl", &rows(&clean[..4]));
    test.write_jsonl("data/b.jsonl", &rows(&clean[4..8]));
    test.write_jsonl("late.jsonl", &rows(&clean[8..]));
    let answers: Vec<String> = answers_of(LLAMA_2).into_iter().map(|a| a.text).collect();
    test.write_jsonl("llama.jsonl", &rows(&answers));
    let check = |data: &str, file: &str| {
        let args = ["check", data, "--target-model", MISTRAL, "--attest", file];
        test.run(&args)
    };
    check("data", "good.json").exits(0);
    check("llama.jsonl", "bad.json").exits(1);
    ok(
        &test,
        &["dataset", "add", "acme/clean", "data", "--version", "v1"],
    );
    let start = |name: &str, input: &str, model: &str, attestation: &str| {
        let run = ["run", "start", name, "--input", input, "--target-model"];
        let on = [model, "--attestation", attestation];
        test.run(&[&run[..], &on[..]].concat())
    };
    start("r1", "acme/clean@v1", MISTRAL, "good.json").exits(0);
    start("r2", "data/a.jsonl", MISTRAL, "good.json").exits(0);
    let shown = json_of(&test, &["run", "show", "r1", "--json"]);
    let facts = &shown["facts"]["more"];
    assert_eq!(facts["attested"], "pass");
    assert_eq!(facts["attestation"].as_str().unwrap().len(), 64);
    // Other data, another target, a check that said no, nothing that is one: no run is recorded.
    start("r3", "late.jsonl", MISTRAL, "good.json")
        .exits(3)
        .says("late.jsonl");
    start("r3", "data", LLAMA_2, "good.json").exits(3);
    start("r3", "llama.jsonl", MISTRAL, "bad.json").exits(1);
    start("r3", "data", MISTRAL, "late.jsonl").exits(3);
    start("r3", "data", MISTRAL, "nothing.json").exits(3);
    test.run(&["run", "show", "r3"]).exits(2);
}

#[test]
fn a_verdict_that_is_gone_leaves_what_it_found_undecided_until_it_is_found_again() {
    let test = story();
    let second = ["second.jsonl", "--target-model", MISTRAL];
    let (_, before) = test.check(&second);
    let kept: Vec<_> = std::fs::read_dir(test.path(".herdbook/verdicts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let away: Vec<Vec<u8>> = kept
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    for path in &kept {
        std::fs::remove_file(path).unwrap();
    }
    // The view has read them; a new one cannot.
    assert_eq!(test.check(&second).1.0["verdict"], before.0["verdict"]);
    std::fs::remove_dir_all(test.path(".herdbook/graph")).unwrap();
    let (run, report) = test.check(&second);
    // The text of X is held back all the same: nobody else knows who X is.
    run.exits(1).says("lineage-unknown").says("from a backup");
    let findings = report.findings();
    assert!(findings.iter().any(|f| f["code"] == "generator-unknown"));
    let unknown = |found: &&Value| found["code"] == "lineage-unknown";
    let reason = findings.iter().find(unknown).unwrap()["reason"].clone();
    for part in [X, "verdicts/", "is gone"] {
        assert!(reason.as_str().unwrap().contains(part), "{part}: {reason}");
    }
    for (path, bytes) in kept.iter().zip(&away) {
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::remove_dir_all(test.path(".herdbook/graph")).unwrap();
    assert_eq!(test.check(&second).1.0["verdict"], before.0["verdict"]);
    // Without a backup, checking the files again is as good.
    for path in &kept {
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_dir_all(test.path(".herdbook/graph")).unwrap();
    test.check(&["mix", "--target-model", MISTRAL]).0.exits(1);
    assert_eq!(test.check(&second).1.0["verdict"], before.0["verdict"]);
}

#[test]
fn a_model_is_traced_to_the_clause_and_a_source_to_everything_it_touched() {
    let test = story();
    test.check(&["second.jsonl", "--target-model", MISTRAL])
        .0
        .exits(1);
    let told = json_of(&test, &["trace", Y, "--json"]);
    let walk = &told["walks"][0];
    assert_eq!(walk["cut"], 0);
    let llama = node(walk, &format!("model:{}", LLAMA_2.to_lowercase()));
    assert_eq!(llama["name"], LLAMA_2);
    assert_eq!(llama["licenses"][0]["id"], "llama-2");
    assert!(llama["licenses"][0]["clauses"]["1.b.v"].as_str().is_some());
    for id in [
        "dataset:acme/mix@v1",
        "run:x-sft",
        "run:y-sft",
        "source:x-text",
    ] {
        node(walk, id);
    }

    let source = "answers".to_owned();
    let told = json_of(&test, &["impact", &format!("source:{source}"), "--json"]);
    let walk = &told["walks"][0];
    let reached = ids(walk);
    for id in [
        "dataset:acme/mix@v1",
        "run:x-sft",
        "model:acme/x-7b",
        "source:x-text",
        "run:y-sft",
        "model:acme/y-7b",
    ] {
        assert!(reached.contains(&id), "{id} is not in {reached:?}");
    }
    let edges = walk["edges"].as_array().unwrap();
    let held = edges
        .iter()
        .find(|edge| edge["to"] == "dataset:acme/mix@v1")
        .unwrap();
    assert_eq!(held["origin"], "found");
    assert_eq!(
        (
            held["facts"]["records"].clone(),
            held["facts"]["of"].clone()
        ),
        (json!(3), json!(9))
    );
    assert!(walk["warnings"].to_string().contains("declared nowhere"));

    // Cut short, it says so.
    let told = json_of(
        &test,
        &[
            "impact",
            &format!("source:{source}"),
            "--depth",
            "1",
            "--json",
        ],
    );
    assert!(told["walks"][0]["cut"].as_u64().unwrap() > 0);

    // By license: the same, from the model.
    let told = json_of(&test, &["impact", "license:llama-2", "--json"]);
    assert!(ids(&told["walks"][0]).contains(&"model:acme/y-7b"));

    // Drawn: one picture, whatever the number of models that it begins at.
    let picture = ok(&test, &["impact", "license:llama-2", "--format", "svg"]).stdout;
    test.write("impact.svg", &picture);
    test.python("read_svg.py", &["impact.svg", "acme/Y-7b", LLAMA_2]);
    let flow = ok(&test, &["impact", "license:llama-2", "--format", "mermaid"]).stdout;
    assert_eq!(flow.matches("flowchart").count(), 1);

    // A pasted text, and a row.
    let text = &answers_of(LLAMA_2)[0].text;
    let told = json_of(&test, &["trace", "--text", text, "--json"]);
    assert_eq!(told["matches"][0]["tier"], "exact");
    assert_eq!(told["matches"][0]["model"], LLAMA_2);
    let told = json_of(&test, &["trace", "--row", "second.jsonl#3", "--json"]);
    assert_eq!(told["matches"][0]["source"], "x-text");
    assert!(ids(&told["walks"][0]).contains(&"source:x-text"));
    let told = json_of(&test, &["trace", "--row", "second.jsonl#0", "--json"]);
    assert_eq!(told["matches"], json!([]));
}

#[test]
fn what_is_named_wrongly_is_bad_usage_and_says_what_there_is() {
    let test = story();
    for (args, said) in [
        (&["trace", "acme/Z"][..], "acme/X-7b"),
        (&["trace", "dataset:acme/mix@v9"], "dataset:acme/mix@v1"),
        (&["trace", "--row", "second.jsonl#99"], "there is no row 99"),
        (&["run", "start", "x-sft", "--input", "mix"], "already"),
        (&["run", "finish", "nobody"], "no run is named"),
        (&["run", "finish", "x-sft", "--failed"], "finished already"),
        (
            &["dataset", "add", "acme/mix", "x.jsonl", "--version", "v1"],
            "other content",
        ),
        (
            &["dataset", "add", "a", "x.jsonl", "--from", "nothing"],
            "nothing in the lineage graph",
        ),
        (
            &["dataset", "unlink", "acme/mix@v1", "--from", "model:m"],
            "nobody stated",
        ),
        (&["impact", "license:llama-9"], "licenses list"),
        (&["incident", "show", "I-9"], "incident list"),
    ] {
        let run = test.run(args);
        run.exits(2).says(said);
    }
    // The same again is nothing new, and the version is its content.
    let again = ok(
        &test,
        &["dataset", "add", "acme/mix", "mix", "--version", "v1"],
    );
    assert!(again.stdout.contains("nothing changed"));
    // An incident needs no more than what it is about, and somebody.
    let open = ["incident", "open", "--source", "answers", "--by", "ada"];
    ok(&test, &open);
    let shown = json_of(&test, &["incident", "show", "I-1", "--json"]);
    assert_eq!(shown["owner"], "ada");
    assert_eq!(shown["title"], "What source:answers went into");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
fn an_incident_is_frozen_worked_off_and_closed() {
    let test = story();
    test.check(&["second.jsonl", "--target-model", MISTRAL])
        .0
        .exits(1);
    let key = boss(&test);
    ok(
        &test,
        &[
            "deployment",
            "add",
            "--model",
            Y,
            "--environment",
            "prod",
            "--as",
            "boss",
            "--key",
            &key,
        ],
    );
    let source = "answers".to_owned();
    let opened = ok(
        &test,
        &[
            "incident",
            "open",
            "--source",
            &source,
            "--title",
            "Llama 2 in the mix",
            "--owner",
            "ada",
        ],
    );
    assert!(opened.stdout.contains("Opened incident I-1"));
    let shown = json_of(&test, &["incident", "show", "I-1", "--json"]);
    let items: Vec<&str> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["item"].as_str().unwrap())
        .collect();
    let deployment = format!("deployment:{}#prod", Y.to_lowercase());
    for id in [
        "dataset:acme/mix@v1",
        "model:acme/x-7b",
        "model:acme/y-7b",
        "source:x-text",
        deployment.as_str(),
    ] {
        assert!(items.contains(&id), "{id} is not in {items:?}");
    }
    assert!(!items.iter().any(|item| item.starts_with("run:")));
    let says = shown["licenses"].to_string();
    assert!(says.contains("names neither outputs nor models"), "{says}");

    let quarantine = ok(&test, &["incident", "quarantine", "I-1", "--out", "lists"]);
    assert!(quarantine.stdout.contains("rows of"));
    let lists = std::fs::read_dir(test.path("lists")).unwrap();
    let rows: usize = lists
        .map(|list| {
            std::fs::read_to_string(list.unwrap().path())
                .unwrap()
                .lines()
                .count()
                - 1
        })
        .sum();
    assert_eq!(rows, 3 + 2, "three rows of the mix, two of the second set");

    // Not before everything is dealt with.
    let early = test.run(&["incident", "close", "I-1"]);
    early.exits(1).says("neither settled nor accepted");
    // That rows were dropped is shown by a check of what is left, made after.
    let old = test.run(&[
        "incident",
        "settle",
        "I-1",
        "dataset:acme/mix@v1",
        "--how",
        "rows-dropped",
        "--check",
        "4",
    ]);
    old.exits(2).says("before the incident");
    test.write_jsonl("mix2/a.jsonl", &self::rows(&clean_texts()[..6]));
    test.check(&["mix2", "--target-model", MISTRAL]).0.exits(0);
    let log = json_of(&test, &["audit", "log", "--json"]);
    let entry = log.as_array().unwrap().last().unwrap()["index"].to_string();
    ok(
        &test,
        &[
            "incident",
            "settle",
            "I-1",
            "dataset:acme/mix@v1",
            "--how",
            "rows-dropped",
            "--check",
            &entry,
        ],
    );
    test.write("memo.txt", "retired on Friday");
    for (item, how) in [
        ("model:acme/x-7b", "model-retired"),
        ("source:x-text", "deleted"),
        (deployment.as_str(), "deployment-retired"),
    ] {
        ok(
            &test,
            &[
                "incident",
                "settle",
                "I-1",
                item,
                "--how",
                how,
                "--evidence",
                "memo.txt",
            ],
        );
    }
    let rest: Vec<&str> = items
        .iter()
        .copied()
        .filter(|item| item.starts_with("file:") || *item == "model:acme/y-7b")
        .collect();
    let mut accept = vec!["incident", "accept", "I-1"];
    accept.extend(&rest);
    accept.extend(["--reason", "research only", "--as", "boss", "--key", &key]);
    ok(&test, &accept);
    let shown = json_of(&test, &["incident", "show", "I-1", "--json"]);
    let accepted = shown["items"].as_array().unwrap().iter();
    let accepted: Vec<_> = accepted
        .filter(|item| item["state"] == "accepted")
        .collect();
    assert_eq!(accepted.len(), rest.len());
    assert!(accepted.iter().all(|item| item["verified"] == true));

    // What was touched since has to be looked at first.
    ok(
        &test,
        &[
            "dataset",
            "add",
            "acme/more",
            "x.jsonl",
            "--version",
            "1",
            "--from",
            "acme/mix@v1",
        ],
    );
    let late = test.run(&["incident", "close", "I-1"]);
    late.exits(1).says("acme/more");
    ok(&test, &["incident", "update", "I-1"]);
    ok(
        &test,
        &[
            "incident",
            "settle",
            "I-1",
            "dataset:acme/more@1",
            "--how",
            "not-affected",
            "--note",
            "empty",
        ],
    );
    ok(&test, &["incident", "close", "I-1"]);
    let again = test.run(&["incident", "update", "I-1"]);
    again.exits(2).says("is closed");
    ok(&test, &["audit", "verify"]);

    // It reads well to somebody who was not there.
    ok(
        &test,
        &[
            "incident", "report", "I-1", "--out", "i1.md", "--out", "i1.html",
        ],
    );
    let told = std::fs::read_to_string(test.path("i1.md")).unwrap();
    for said in [
        "Llama 2 in the mix",
        "State: **closed**",
        "outputs must not improve other models",
        "names neither outputs nor models",
        "rows-dropped",
        "memo.txt",
        "risk taken by boss",
        "signature verified",
        "the incident is closed",
        "It does not say who wrote the text",
    ] {
        assert!(told.contains(said), "{said:?} is not in {told}");
    }
    let page = std::fs::read_to_string(test.path("i1.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("src=\"http"));
}

#[test]
fn silence_is_not_mistaken_for_cleanliness() {
    let test = story();
    let key = boss(&test);
    ok(
        &test,
        &[
            "deployment",
            "add",
            "--model",
            "meta-llama/Llama-3.2-3B-Instruct",
            "--environment",
            "lab",
            "--as",
            "boss",
            "--key",
            &key,
        ],
    );
    let gaps = json_of(&test, &["coverage", "--json"]);
    assert_eq!(gaps["runs"][0]["run"], "y-sft");
    assert_eq!(gaps["runs"][0]["never_checked"], 1);
    assert_eq!(
        gaps["runs"].as_array().unwrap().len(),
        1,
        "x-sft was checked before"
    );
    // The gate had said no to it: three of the five rows of one file.
    let [blocked] = gaps["runs_on_blocked"].as_array().unwrap().as_slice() else {
        panic!("{gaps:#}")
    };
    assert_eq!(
        (&blocked["run"], &blocked["file"], &blocked["rows"]),
        (&json!("x-sft"), &json!("mix/b.jsonl"), &json!(3))
    );
    test.run(&["coverage"])
        .says("Runs on rows that a check had blocked before")
        .says("x-sft: mix/b.jsonl: 3 rows from ");
    assert_eq!(gaps["deployments"][0]["environment"], "lab");
    test.run(&["coverage", "--fail"]).exits(1);
}

#[test]
fn the_graph_is_made_anew_from_the_log_when_it_is_lost() {
    let test = story();
    let before = json_of(&test, &["trace", Y, "--json"]);
    std::fs::remove_dir_all(test.path(".herdbook/graph")).unwrap();
    assert_eq!(json_of(&test, &["trace", Y, "--json"]), before);
    ok(&test, &["backup", "kept", "--with-keys"]);
    ok(&test, &["restore", "kept", "--index", "restored"]);
    let after = json_of(&test, &["trace", Y, "--json", "--index", "restored"]);
    assert_eq!(after, before);
}
