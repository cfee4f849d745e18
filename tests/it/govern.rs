//! Compliance answers what the license texts leave open: somebody asks, somebody else decides, the
//! gate follows until the day it was granted for, and nothing that nobody signed ever opens it.

use std::fmt::Write as _;
use std::fs;

use jiff::ToSpan as _;
use serde_json::{Value, json};

use crate::common::{
    Answer, CliTest, LLAMA_3, LLAMA_31, MISTRAL, Report, Run, answers_of, clean_texts,
};

/// Its multimodal outputs need review while nobody states where the organisation is seated.
const LLAMA_32_VISION: &str = "meta-llama/Llama-3.2-11B-Vision-Instruct";

/// An organisation with a requester, an approver and somebody who is both; its files in `gov/`.
struct Office {
    test: CliTest,
}

impl Office {
    fn new(test: CliTest) -> Self {
        let mut profile = "[organization]\nname = \"Acme\"\n".to_owned();
        for (id, roles) in [
            ("jdoe", "[\"requester\"]"),
            ("msmith", "[\"approver\"]"),
            ("boss", "[\"requester\", \"approver\"]"),
        ] {
            let run = test
                .run(&["keys", "new", &format!("{id}.pem"), "--as", id])
                .exits(0);
            let (_, rest) = run.stdout.split_once("public key").unwrap();
            let public = rest.split_whitespace().next().unwrap();
            write!(
                profile,
                "[[person]]\nid = \"{id}\"\nname = \"Name of {id}\"\nroles = {roles}\n\
                 public_key = \"{public}\"\n"
            )
            .unwrap();
        }
        test.write("gov/organization.toml", profile);
        test.write("gov/policy.toml", "name = \"acme\"\n");
        test.write(
            "memo.pdf",
            "The ban speaks of language models; a classifier is none.",
        );
        test.write(
            "classifier.toml",
            format!(
                "[model]\nname = \"acme-topics\"\nbase = \"{MISTRAL}\"\nkind = \"classifier\"\n"
            ),
        );
        Self { test }
    }

    /// Runs a command of the office, signed by somebody.
    fn signed(&self, words: &[&str], person: &str) -> Run {
        let key = format!("{person}.pem");
        let mut all = words.to_vec();
        all.extend(["--as", person, "--key", &key, "--policy", "gov/policy.toml"]);
        self.test.run(&all)
    }

    /// Asks, and gives the id of the request.
    fn ask(&self, words: &[&str]) -> String {
        let run = self.signed(words, "jdoe").exits(0);
        let (_, rest) = run.stdout.split_once("request ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    fn approved(&self, words: &[&str]) -> String {
        let id = self.ask(words);
        self.signed(&[words[0], "approve", &id], "msmith").exits(0);
        id
    }

    /// `check INPUT` for the classifier, under the office's policy.
    fn check(&self, input: &str, more: &[&str]) -> (Run, Report) {
        let mut words = vec![
            input,
            "--target",
            "classifier.toml",
            "--policy",
            "gov/policy.toml",
        ];
        words.extend(more);
        self.test.check(&words)
    }

    fn approvals(&self) -> String {
        fs::read_to_string(self.test.path("gov/approvals.jsonl")).unwrap()
    }
}

fn in_days(days: i64) -> String {
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    today.checked_add(days.days()).unwrap().to_string()
}

fn rows(answers: &[Answer]) -> Vec<Value> {
    answers
        .iter()
        .map(|answer| json!({"text": answer.text}))
        .collect()
}

/// Llama 3 answers registered, two of them in `train.jsonl` beside a clean text.
fn office() -> Office {
    let test = CliTest::with_answers_of(LLAMA_3);
    let mut training = rows(&answers_of(LLAMA_3)[..2]);
    training.push(json!({"text": clean_texts()[0]}));
    test.write_jsonl("train.jsonl", &training);
    Office::new(test)
}

fn sign_off<'a>(license: &'a str, expires: &'a str) -> Vec<&'a str> {
    vec![
        "signoff",
        "request",
        "--license",
        license,
        "--evidence",
        "memo.pdf",
        "--expires",
        expires,
    ]
}

#[test]
fn an_open_question_is_asked_answered_and_open_again_after_its_day() {
    let office = office();
    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(1);
    assert_eq!(
        report.tally("block"),
        2,
        "a classifier needs review under Llama 3"
    );
    assert_eq!(report.on_rows()[0]["approval"], Value::Null);

    let expires = in_days(30);
    let mut words = sign_off("llama-3", &expires);
    words.extend(["--target", "acme-topics"]);
    let id = office.ask(&words);
    office.check("train.jsonl", &[]).0.exits(1);

    // Nobody who may not, and nobody on their own request.
    office
        .signed(&["signoff", "approve", &id], "jdoe")
        .exits(2)
        .says("approver");
    let own = office.signed(&words, "boss").exits(0);
    let own = own
        .stdout
        .split_once("request ")
        .unwrap()
        .1
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    office
        .signed(&["signoff", "approve", &own], "boss")
        .exits(2)
        .says("of their own");
    office
        .signed(&["signoff", "reject", &own], "msmith")
        .exits(0);
    office.check("train.jsonl", &[]).0.exits(1);

    office
        .signed(&["signoff", "approve", &id], "msmith")
        .exits(0);
    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(0);
    assert_eq!((report.tally("flag"), report.tally("block")), (2, 0));
    let finding = report.on_rows()[0];
    let said = finding["reason"].as_str().unwrap();
    let approved = format!("; approved by msmith until {expires}, sign-off {id}");
    assert!(said.ends_with(&approved), "{said}");
    assert_eq!(
        finding["ruling"], "needs-review",
        "the texts say what they said"
    );
    assert_eq!(
        finding["approval"],
        json!({"id": id, "kind": "sign-off", "approver": "msmith",
               "reason": "open questions of llama-3", "expires": expires})
    );

    // The last day counts, the next does not.
    office
        .check("train.jsonl", &["--as-of", &expires])
        .0
        .exits(0);
    let (run, report) = office.check("train.jsonl", &["--as-of", &in_days(31)]);
    run.exits(1).says("approval-expired").says(&id);
    assert_eq!(report.tally("block"), 2);

    // Another target of the same kind was not asked for.
    let other = fs::read_to_string(office.test.path("classifier.toml")).unwrap();
    office
        .test
        .write("other.toml", other.replace("acme-topics", "acme-other"));
    let (run, report) = office.test.check(&[
        "train.jsonl",
        "--target",
        "other.toml",
        "--policy",
        "gov/policy.toml",
    ]);
    assert_eq!(report.on_rows()[0]["ruling"], "needs-review");
    run.exits(1);

    office.signed(&["signoff", "revoke", &id], "jdoe").exits(0);
    office.check("train.jsonl", &[]).0.exits(1);
    office
        .test
        .run(&["signoff", "list", "--policy", "gov/policy.toml"])
        .exits(0)
        .says("revoked")
        .says("rejected");
}

#[test]
fn a_sign_off_of_one_version_does_not_reach_another() {
    let office = office();
    office
        .test
        .register_answers("vision", LLAMA_32_VISION, &answers_of(LLAMA_31));
    let mut training = rows(&answers_of(LLAMA_3)[..1]);
    training.extend(rows(&answers_of(LLAMA_31)[..1]));
    office.test.write_jsonl("both.jsonl", &training);
    let (_, report) = office.check("both.jsonl", &[]);
    assert_eq!(report.tally("block"), 2);

    office.approved(&sign_off("llama-3", &in_days(30)));

    let (run, report) = office.check("both.jsonl", &[]);
    run.exits(1);
    assert_eq!((report.tally("flag"), report.tally("block")), (1, 1));
    let blocked = report.of_row(1);
    assert_eq!(blocked[0]["license"], "llama-3.2", "{blocked:#?}");
}

#[test]
fn a_switched_reading_decides_until_its_day() {
    let office = office();
    let expires = in_days(30);
    let words = |id: &'static str, answer: &'static str| {
        let mut words = vec!["reading", "request", "--id", id, "--answer", answer];
        words.extend(["--expires", &expires]);
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let signed = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        office.signed(&words, "jdoe")
    };
    let id = "language-model-covers-other-kinds";
    signed(&words("no-such-reading", "no")).exits(2).says(id);
    signed(&words(id, "perhaps")).exits(2).says("open");

    let words = words(id, "no");
    office.approved(&words.iter().map(String::as_str).collect::<Vec<_>>());

    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(0);
    assert_eq!(
        report.on_rows()[0]["ruling"],
        "permitted",
        "{:#?}",
        report.on_rows()
    );
    assert_eq!(report.on_rows()[0]["readings"], json!([id]));
    let (run, report) = office.check("train.jsonl", &["--as-of", &in_days(31)]);
    run.exits(1);
    assert_eq!(report.on_rows()[0]["ruling"], "needs-review");
}

#[test]
fn a_file_that_was_tampered_with_is_no_approval_and_no_absence_of_one() {
    let office = office();
    office.approved(&sign_off("llama-3", &in_days(30)));
    office.check("train.jsonl", &[]).0.exits(0);
    let whole = office.approvals();
    let (first, second) = whole.split_once('\n').unwrap();

    for (bad, line) in [
        // Another license; a later day; the request gone; the end gone; no signer any more.
        (whole.replace("\"llama-3\"", "\"llama-2\""), 1),
        (whole.replacen(&in_days(30), &in_days(31), 1), 1),
        (second.to_owned(), 1),
        (whole.trim_end().to_owned(), 2),
        (format!("{first}\nnot a record\n"), 2),
    ] {
        office.test.write("gov/approvals.jsonl", &bad);
        let (run, report) = office.check("train.jsonl", &[]);
        run.exits(3).says(&format!("approvals.jsonl:{line}"));
        assert_eq!(report.verdict(), "undecided");
        assert_eq!(report.findings()[0]["code"], "approvals-unreadable");
        // Nor is anything signed on top of it.
        office
            .signed(&sign_off("llama-3", &in_days(9)), "jdoe")
            .exits(3);
    }
    office.test.write("gov/approvals.jsonl", &whole);
    office.check("train.jsonl", &[]).0.exits(0);

    // Nobody's signature stands without the profile.
    office
        .test
        .write("gov/organization.toml", "[organization]\nname = \"Acme\"\n");
    office
        .check("train.jsonl", &[])
        .0
        .exits(3)
        .says("organization.toml");

    // No file is no approvals.
    fs::remove_file(office.test.path("gov/approvals.jsonl")).unwrap();
    office.check("train.jsonl", &[]).0.exits(1);
}

#[test]
fn a_waiver_accepts_a_risk_within_a_scope_for_a_reason() {
    let office = office();
    let check = |office: &Office| {
        office.test.check(&[
            "train.jsonl",
            "--target-model",
            MISTRAL,
            "--policy",
            "gov/policy.toml",
        ])
    };
    check(&office).0.exits(1);
    let (soon, late) = (in_days(30), in_days(400));
    let base = ["waive", "request", "--code", "llama-output-prohibited"];
    let with = |more: &[&'static str], expires: &str| {
        let mut words: Vec<String> = base.iter().chain(more).map(ToString::to_string).collect();
        words.extend(["--expires".to_owned(), expires.to_owned()]);
        words
    };
    let asked = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        office.signed(&words, "jdoe")
    };
    asked(&with(&["--reason", "false-match"], &soon))
        .exits(2)
        .says("scope");
    asked(&with(
        &["--source", "answers", "--reason", "because"],
        &soon,
    ))
    .exits(2)
    .says("counsel-risk-accepted");
    asked(&with(
        &["--source", "answers", "--reason", "false-match"],
        &late,
    ))
    .exits(2)
    .says("92");
    for code in ["row-unreadable", "strict-llama-output", "no-such-code"] {
        let words = [
            "waive", "request", "--code", code, "--source", "answers", "--reason",
        ];
        let mut words = words.to_vec();
        words.extend(["false-match", "--expires", &soon]);
        office.signed(&words, "jdoe").exits(2);
    }
    assert!(!office.test.path("gov/approvals.jsonl").exists() || office.approvals().is_empty());

    let words = with(&["--source", "answers", "--reason", "false-match"], &soon);
    let id = office.approved(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let (run, report) = check(&office);
    run.exits(0);
    let finding = report.on_rows()[0];
    let said = finding["reason"].as_str().unwrap();
    assert!(
        said.contains(&format!("risk accepted under waiver {id}")),
        "{said}"
    );
    assert!(said.ends_with("no permission"), "{said}");
    assert_eq!(finding["level"], "flag");
    assert_eq!(finding["ruling"], "prohibited");
    assert_eq!(finding["approval"]["id"], id.as_str());
    assert_eq!(finding["approval"]["reason"], "false-match");

    // What it does not match is said where the target is one it could be for.
    let (_, report) = office.check("train.jsonl", &[]);
    let codes: Vec<&Value> = report.findings().iter().map(|each| &each["code"]).collect();
    assert!(codes.contains(&&json!("approval-unused")), "{codes:?}");
}

#[test]
fn a_baseline_lets_known_findings_through_and_no_new_one() {
    let office = office();
    let check = |input: &str| {
        office.test.check(&[
            input,
            "--target-model",
            MISTRAL,
            "--policy",
            "gov/policy.toml",
        ])
    };
    check("train.jsonl").0.exits(1);
    fs::copy(
        office.test.path("report.json"),
        office.test.path("known.json"),
    )
    .unwrap();
    let expires = in_days(30);
    office.approved(&[
        "waive",
        "baseline",
        "known.json",
        "--reason",
        "removed-in-next-build",
        "--expires",
        &expires,
    ]);
    let (run, report) = check("train.jsonl");
    run.exits(0);
    assert_eq!(report.tally("flag"), 2);

    // A row more makes it another file.
    let mut training = rows(&answers_of(LLAMA_3)[..2]);
    training.push(json!({"text": clean_texts()[0]}));
    training.push(json!({"text": answers_of(LLAMA_3)[2].text}));
    office.test.write_jsonl("train.jsonl", &training);
    let (run, report) = check("train.jsonl");
    run.exits(1);
    assert_eq!(report.tally("block"), 3);
}

#[test]
fn the_inbox_is_by_legal_question_and_shows_what_expires() {
    let office = office();
    office.check("train.jsonl", &[]).0.exits(1);
    fs::copy(office.test.path("report.json"), office.test.path("a.json")).unwrap();
    fs::copy(office.test.path("report.json"), office.test.path("b.json")).unwrap();
    office.approved(&sign_off("llama-3.1", &in_days(20)));
    office.approved(&sign_off("llama-3.3", &in_days(90)));
    office.ask(&sign_off("llama-3", &in_days(90)));

    let run = office.test.run(&[
        "review",
        "list",
        "a.json",
        "b.json",
        "--json",
        "--policy",
        "gov/policy.toml",
    ]);
    let inbox: Value = serde_json::from_str(&run.clone().exits(0).stdout).unwrap();

    assert_eq!(inbox["pending"].as_array().unwrap().len(), 1, "{inbox:#}");
    assert_eq!(inbox["expiring"].as_array().unwrap().len(), 1);
    assert!(
        inbox["expiring"][0]["scope"]
            .as_str()
            .unwrap()
            .contains("llama-3.1")
    );
    let questions = inbox["questions"].as_array().unwrap();
    assert_eq!(
        questions.len(),
        1,
        "two reports of two rows ask one question: {questions:#?}"
    );
    assert_eq!(questions[0]["license"], "llama-3");
    assert_eq!(questions[0]["findings"], 4);
    assert_eq!(questions[0]["targets"], json!(["acme-topics"]));
    let command = questions[0]["request"].as_str().unwrap();
    assert!(
        command.starts_with("herdbook signoff request --license llama-3 "),
        "{command}"
    );
    office
        .test
        .run(&["review", "list", "a.json", "--policy", "gov/policy.toml"])
        .exits(0)
        .says("acme-topics");
    office.test.run(&["review", "list", "train.jsonl"]).exits(2);
}

#[test]
fn the_register_answers_where_a_version_runs() {
    let office = Office::new(CliTest::with_empty_index());
    for (model, environment) in [
        ("meta-llama/Llama-2-13b-chat-hf", "prod-eu"),
        ("codellama/CodeLlama-7b-hf", "ide"),
        (LLAMA_31, "prod-us"),
    ] {
        let words = [
            "deployment",
            "add",
            "--model",
            model,
            "--environment",
            environment,
        ];
        office.signed(&words, "jdoe").exits(0);
    }
    let list = |more: &[&str]| {
        let mut words = vec![
            "deployment",
            "list",
            "--json",
            "--policy",
            "gov/policy.toml",
        ];
        words.extend(more);
        let run = office.test.run(&words).exits(0);
        let listed: Value = serde_json::from_str(&run.stdout).unwrap();
        let mut places: Vec<String> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["environment"].as_str().unwrap().to_owned())
            .collect();
        places.sort();
        places
    };
    assert_eq!(list(&["--license", "llama-2"]), ["ide", "prod-eu"]);
    let words = [
        "deployment",
        "retire",
        "--model",
        "codellama/CodeLlama-7b-hf",
        "--environment",
        "ide",
    ];
    office.signed(&words, "msmith").exits(0);
    office
        .signed(&words, "msmith")
        .exits(2)
        .says("does not run");
    assert_eq!(list(&["--license", "llama-2"]), ["prod-eu"]);
    assert_eq!(list(&["--license", "llama-2", "--all"]), ["ide", "prod-eu"]);
}

#[test]
fn a_license_text_is_known_by_its_bytes() {
    let office = Office::new(CliTest::with_empty_index());
    let id = office.approved(&sign_off("llama-3", &in_days(30)));
    office.test.write(
        "LICENSE",
        "META LLAMA 3 COMMUNITY LICENSE AGREEMENT, of sorts\n",
    );
    office
        .test
        .run(&[
            "licenses",
            "verify",
            "LICENSE",
            "--license",
            "llama-3",
            "--policy",
            "gov/policy.toml",
        ])
        .exits(1)
        .says(&id);
    office
        .test
        .run(&["licenses", "verify", "LICENSE"])
        .exits(1)
        .says("none of the texts");
    office.test.run(&["licenses", "verify", "nowhere"]).exits(2);
}

#[test]
fn a_signing_key_is_private_and_never_replaced() {
    let test = CliTest::new();
    test.run(&["keys", "new", "me.pem", "--as", "me"])
        .exits(0)
        .says("[[person]]");
    let key = fs::read(test.path("me.pem")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(test.path("me.pem"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    test.run(&["keys", "new", "me.pem"]).exits(2);
    assert_eq!(fs::read(test.path("me.pem")).unwrap(), key);

    let office = Office::new(test);
    // Somebody else's key does not sign in one's name.
    let mut words = sign_off("llama-3", "2026-12-31");
    words.extend([
        "--as",
        "jdoe",
        "--key",
        "msmith.pem",
        "--policy",
        "gov/policy.toml",
    ]);
    office.test.run(&words).exits(2).says("not the key of jdoe");
}

#[test]
fn a_license_that_the_policy_wants_signed_off_passes_once_it_is() {
    let test = CliTest::with_answers_of(LLAMA_31);
    test.write_jsonl("train.jsonl", &rows(&answers_of(LLAMA_31)[..2]));
    let office = Office::new(test);
    office.test.write(
        "gov/policy.toml",
        "name = \"acme\"\nrequired_sign_offs = [\"llama-3.1\"]\n",
    );
    office.test.write(
        "classifier.toml",
        format!(
            "[model]\nname = \"acme-topics\"\nbase = \"{MISTRAL}\"\nkind = \"classifier\"\n\
             availability = \"internal\"\n"
        ),
    );
    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(1);
    assert_eq!(
        report.on_rows()[0]["question"],
        "llama-3.1:sign-off-required"
    );

    // The sign-off of another version does not answer it.
    let until = in_days(90);
    office.approved(&sign_off("llama-3", &until));
    office.check("train.jsonl", &[]).0.exits(1);
    let id = office.approved(&sign_off("llama-3.1", &until));
    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(0);
    assert_eq!(report.on_rows()[0]["approval"]["id"], id.as_str());
    assert_eq!(report.on_rows()[0]["level"], "flag");

    // A duty that is known to be unmet is no question that a sign-off answers.
    office.test.write(
        "classifier.toml",
        format!("[model]\nname = \"acme-topics\"\nbase = \"{MISTRAL}\"\nkind = \"classifier\"\n"),
    );
    let (run, report) = office.check("train.jsonl", &[]);
    run.exits(1);
    assert_eq!(report.on_rows()[0]["code"], "duty-unmet");
}
