use std::sync::Arc;

use ed25519_dalek::SigningKey;
use serde_json::Value;
use serde_json::json;

use super::accept::Demands;
use super::accept::Given;
use super::accept::Refusal;
use super::accept::judge;
use super::dsse::DsseError;
use super::dsse::Envelope;
use super::dsse::PAYLOAD_TYPE;
use super::dsse::Unverified;
use super::dsse::pae;
use super::*;
use crate::model::Canaries;
use crate::model::CheckOutcome;
use crate::model::ColumnUse;
use crate::model::Level;
use crate::model::Tier;
use crate::model::Verdict;

/// A statement, its key and its signature that were made and verified by other programs.
const VECTOR_BODY: &str = r#"{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "data.jsonl", "digest": {"sha256": "61089649a563a525014d86b167cbe5fae69e2fe431245d6bec5e65f298906b3a"}}], "predicateType": "https://in-toto.io/attestation/svr/v0.2", "predicate": {"verifier": {"id": "https://herdbook.example/gate/v1", "policies": [{"name": "p.toml", "digest": {"sha256": "abababababababababababababababababababababababababababababababab"}}]}, "timeCreated": "2026-08-30T00:00:00Z", "properties": ["HERDBOOK_NO_LLAMA_EXACT"]}}"#;
const VECTOR_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n\
-----END PUBLIC KEY-----\n";
const VECTOR_SIGNATURE: &str =
    "Hvsc4E6W4PUlwIRsMicJ2T8uu5j7/OfODpLSQbocb5Zb6+BMTw7TO3R7pBHHshjUJi18OY8I6zKw2BJ2XFvmDQ==";
const VECTOR_KEY_ID: &str = "5cc558a6d81dbb983bb823d90d832fe06569c2cd75488b299986fc36b3d5306f";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

#[test]
fn the_vector_of_other_implementations_verifies_and_is_made_again() {
    assert_eq!(VECTOR_BODY.len(), 508);
    let envelope = Envelope::sign(PAYLOAD_TYPE, VECTOR_BODY.as_bytes(), &key(7));
    assert_eq!(envelope.signatures[0].sig, VECTOR_SIGNATURE);
    assert_eq!(envelope.signatures[0].keyid, VECTOR_KEY_ID);
    let public = public_key(VECTOR_KEY).unwrap();
    assert_eq!(public, key(7).verifying_key());
    let verified = bundle::read(&envelope.to_bytes().unwrap())
        .unwrap()
        .verify(&[public])
        .unwrap();
    assert_eq!(verified.payload(), VECTOR_BODY.as_bytes());
    // It is signed, and it is no attestation of a check.
    assert!(matches!(
        Statement::read(&verified),
        Err(StatementError::PredicateType { .. })
    ));
    let bundled = bundle::bundle(&envelope).unwrap();
    let again = bundle::read(&bundled).unwrap().verify(&[public]).unwrap();
    assert_eq!(again.payload(), VECTOR_BODY.as_bytes());
    let bundled: Value = serde_json::from_slice(&bundled).unwrap();
    assert_eq!(
        bundled["verificationMaterial"],
        json!({
            "publicKey": {"hint": VECTOR_KEY_ID},
            "tlogEntries": [],
            "timestampVerificationData": {"rfc3161Timestamps": []},
        })
    );
}

#[test]
fn the_encoding_that_is_signed_is_the_one_of_the_protocol() {
    // The example of the DSSE protocol's own text.
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    assert_eq!(
        pae("\u{e9}", b"x"),
        "DSSEv1 2 \u{e9} 1 x".as_bytes(),
        "bytes are counted"
    );
}

#[test]
fn only_the_signature_decides_and_the_key_s_id_does_not() {
    let good = Envelope::sign(PAYLOAD_TYPE, b"{}", &key(1));
    let verify = |envelope: &Envelope, seeds: &[u8]| {
        let keys: Vec<_> = seeds.iter().map(|s| key(*s).verifying_key()).collect();
        Unverified::read(&envelope.to_bytes().unwrap())
            .unwrap()
            .verify(&keys)
    };
    assert!(verify(&good, &[1]).is_ok());
    assert!(verify(&good, &[2, 1]).is_ok());
    assert!(matches!(
        verify(&good, &[2]),
        Err(DsseError::Unsigned { .. })
    ));
    assert!(matches!(
        verify(&good, &[]),
        Err(DsseError::Unsigned { .. })
    ));
    let mut renamed = good.clone();
    renamed.signatures[0].keyid = key_id(&key(2).verifying_key());
    assert!(verify(&renamed, &[1]).is_ok());
    assert!(verify(&renamed, &[2]).is_err());
    let mut other = good.clone();
    other.payload_type = "application/json".to_owned();
    assert!(matches!(
        verify(&other, &[1]),
        Err(DsseError::PayloadType { .. })
    ));
}

#[test]
fn an_envelope_of_another_form_is_refused() {
    for text in [
        "",
        "[]",
        r#"["e30=", "application/vnd.in-toto+json", [{"sig": "AA=="}]]"#,
        r#"{"payload": "e30=", "payloadType": "t", "signatures": []}"#,
        r#"{"payload": "e30=", "payloadType": "t", "signatures": [["", "AA=="]]}"#,
        r#"{"payload": "e30=", "payloadType": "t", "signatures": {"sig": "AA=="}}"#,
        r#"{"payload": "e30", "payloadType": "t", "signatures": [{"sig": "AA=="}]}"#,
        r#"{"payload": "e31=", "payloadType": "t", "signatures": [{"sig": "AA=="}]}"#,
        r#"{"payload": "e30=", "payload": "e30=", "payloadType": "t", "signatures": [{"sig": "AA=="}]}"#,
        r#"{"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "AA==", "sig": "AA=="}]}"#,
        r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.2+json", "dsseEnvelope": {"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "AA=="}]}}"#,
    ] {
        assert!(bundle::read(text.as_bytes()).is_err(), "{text}");
    }
    let good =
        r#"{"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "AA=="}], "x": 1}"#;
    assert!(bundle::read(good.as_bytes()).is_ok());
}

// --- What can be attested -----------------------------------------------------------------------

fn outcome() -> CheckOutcome {
    crate::report::sample_outcome()
}

fn facts() -> CheckFacts {
    CheckFacts {
        target_sha256: "1".repeat(64),
        policy_text: PolicyText::BuiltIn,
        allow_empty: false,
        text_columns: Vec::new(),
        exempt_columns: vec!["license".to_owned()],
        log: Some(LogPosition {
            origin: "example.org/log".to_owned(),
            entry: 3,
            tree_size: 4,
            root: "4".repeat(64),
        }),
        tool: Tool {
            name: "herdbook".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "2".repeat(64),
        },
        started: "2026-11-21T10:00:00Z".to_owned(),
        finished: "2026-11-21T10:00:09Z".to_owned(),
        expires: "2026-12-21".to_owned(),
        trouble: Vec::new(),
    }
}

fn gaps(outcome: &CheckOutcome, facts: &CheckFacts) -> Vec<Gap> {
    match CompleteScan::prove(outcome, facts) {
        Ok(_) => Vec::new(),
        Err(gaps) => gaps,
    }
}

/// Makes one thing wrong.
type Change<T> = fn(&mut T);

#[test]
fn a_scan_is_complete_only_when_every_counter_agrees() {
    assert_eq!(gaps(&outcome(), &facts()), []);
    let changes: &[(&str, Change<CheckOutcome>)] = &[
        ("a blocked verdict", |o| o.verdict = Verdict::Block),
        ("an undecided verdict", |o| o.verdict = Verdict::Undecided),
        ("no snapshot", |o| o.index = None),
        ("an empty snapshot", |o| {
            o.index.as_mut().unwrap().sources = 0;
        }),
        ("no input", |o| o.inputs.clear()),
        ("no digest", |o| o.inputs[0].sha256 = None),
        ("no format", |o| o.inputs[0].format = None),
        ("a row read and not counted", |o| o.inputs[0].rows_read += 1),
        ("a row of the footer", |o| {
            o.inputs[0].rows_declared = Some(1);
        }),
        ("no footer where there is one", |o| {
            o.inputs[0].rows_declared = None;
        }),
        ("a row without verdict", |o| o.inputs[0].tally.pass -= 1),
        ("a row with two", |o| o.inputs[0].tally.flag += 1),
        ("a sum that is none", |o| o.tally.read += 1),
        ("another sum", |o| {
            o.tally.pass -= 1;
            o.tally.flag += 1;
        }),
        ("no text", |o| o.inputs[0].text_units = 0),
        ("a canary lost", |o| o.inputs[0].canaries.found -= 1),
        ("a canary that nobody planted", |o| {
            o.inputs[0].canaries.found += 1;
        }),
        ("no canary", |o| o.inputs[0].canaries = Canaries::default()),
        ("tokens", |o| o.inputs[0].columns[0].1 = ColumnUse::Tokens),
        ("bytes", |o| o.inputs[0].columns[0].1 = ColumnUse::Binary),
        ("findings nobody counted", |o| o.findings_total += 1),
        ("a flag in a pass", |o| {
            o.counts.levels.insert(Level::Flag, 1);
            o.findings_total = 1;
        }),
        ("a block", |o| {
            o.verdict = Verdict::Flag;
            o.counts.levels.insert(Level::Block, 1);
            o.findings_total = 1;
        }),
        ("an undecided row in a flag", |o| {
            o.verdict = Verdict::Flag;
            for tally in [&mut o.inputs[0].tally, &mut o.tally] {
                tally.pass -= 1;
                tally.undecided += 1;
            }
        }),
        ("a second file that was not read", |o| {
            let mut second = o.inputs[0].clone();
            second.path = Arc::from("b");
            second.sha256 = None;
            o.inputs.push(second);
        }),
    ];
    for (name, change) in changes {
        let mut outcome = outcome();
        change(&mut outcome);
        assert!(!gaps(&outcome, &facts()).is_empty(), "{name}");
    }
    let changes: &[(&str, Change<CheckFacts>)] = &[
        ("exempted by nobody", |f| f.exempt_columns.clear()),
        ("a report lost", |f| f.trouble.push("no report".to_owned())),
    ];
    for (name, change) in changes {
        let mut facts = facts();
        change(&mut facts);
        assert!(!gaps(&outcome(), &facts).is_empty(), "{name}");
    }
}

#[test]
fn an_input_without_text_counts_only_where_the_policy_says_so() {
    let mut outcome = outcome();
    let mut empty = outcome.inputs[0].clone();
    empty.tally = crate::model::Tally::default();
    empty.rows_read = 0;
    empty.rows_declared = Some(0);
    empty.text_units = 0;
    outcome.inputs.push(empty);
    assert!(matches!(
        gaps(&outcome, &facts()).as_slice(),
        [Gap::Empty(_)]
    ));
    let mut allowed = facts();
    allowed.allow_empty = true;
    assert_eq!(gaps(&outcome, &allowed), []);
}

#[test]
fn the_short_form_is_made_of_a_pass_alone() {
    let (mut outcome, facts) = (outcome(), facts());
    let scan = CompleteScan::prove(&outcome, &facts).unwrap();
    let short = serde_json::to_value(svr::svr(&scan).unwrap()).unwrap();
    assert_eq!(short["predicateType"], svr::SVR_TYPE);
    assert_eq!(
        short["subject"][0]["digest"]["sha256"],
        outcome.inputs[0].sha256.clone().unwrap()
    );
    outcome.verdict = Verdict::Flag;
    let scan = CompleteScan::prove(&outcome, &facts).unwrap();
    assert!(svr::svr(&scan).is_none());
    assert_eq!(passing(&scan).unwrap().predicate_type, CHECK_TYPE);
}

#[test]
fn a_refusal_is_of_another_type_and_says_why() {
    let mut outcome = outcome();
    outcome.verdict = Verdict::Block;
    let facts = facts();
    let why = gaps(&outcome, &facts);
    let statement = refusal(&outcome, &facts, &why).unwrap();
    assert_eq!(statement.predicate_type, REFUSED_TYPE);
    assert_eq!(statement.predicate.verdict, VerdictWord::Block);
    assert!(!statement.predicate.refused_because.is_empty());
    assert_eq!(statement.subject[0].name, "data/train.parquet");
    // A pass that is not complete is undecided.
    outcome.verdict = Verdict::Pass;
    outcome.inputs[0].sha256 = None;
    let statement = refusal(&outcome, &facts, &gaps(&outcome, &facts)).unwrap();
    assert_eq!(statement.predicate.verdict, VerdictWord::Undecided);
    assert_eq!(
        statement.subject[0].name, "herdbook check",
        "no file to name"
    );
}

#[test]
fn an_attestation_lasts_from_the_earlier_of_its_two_days() {
    let last = |as_of: &str, finished: &str, days| expiry(as_of, finished, days).unwrap();
    assert_eq!(last("2026-11-21", "2026-11-21T23:59:59Z", 30), "2026-12-21");
    assert_eq!(last("2020-01-31", "2026-11-21T00:00:00Z", 1), "2020-02-01");
    assert_eq!(last("2030-01-01", "2026-11-21T00:00:00Z", 7), "2026-11-28");
    assert!(expiry("yesterday", "2026-11-21T00:00:00Z", 7).is_err());
}

#[test]
fn equal_targets_have_equal_digests_and_others_do_not() {
    let target = outcome().target;
    let digest = target_digest(&target).unwrap();
    assert_eq!(target_digest(&target.clone()).unwrap(), digest);
    let mut other = target.clone();
    other.name = Some("another".to_owned());
    assert_ne!(target_digest(&other).unwrap(), digest);
    let mut other = target;
    other.stage = crate::model::target::Stage::Release;
    assert_ne!(target_digest(&other).unwrap(), digest);
}

#[test]
fn schema_is_the_committed_one_and_fits_what_is_written() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/schemas/attestation.schema.json"
    );
    let generated = schema_json().unwrap();
    if std::env::var_os("HERDBOOK_BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        committed, generated,
        "run: HERDBOOK_BLESS=1 cargo test --release attest::"
    );
    let schema: Value = serde_json::from_str(&committed).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (statement, _) in refused() {
        let predicate = serde_json::to_value(&statement.predicate).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&predicate)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut surplus = predicate.clone();
        surplus["surplus"] = json!(1);
        assert!(!validator.is_valid(&surplus));
        for name in predicate.as_object().unwrap().keys() {
            let mut without = predicate.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&without), "{name}");
        }
    }
}

// --- What is accepted ---------------------------------------------------------------------------

/// What a trainer demands in these tests, but for what one of them changes.
#[derive(Clone)]
struct Wanted {
    data: Vec<Given>,
    subset: bool,
    policy: Option<String>,
    target: Option<String>,
    today: &'static str,
    max_age: Option<u32>,
    fail_on_flag: bool,
    no_exempt_columns: bool,
}

impl Wanted {
    fn of(outcome: &CheckOutcome) -> Self {
        Self {
            data: outcome
                .inputs
                .iter()
                .map(|input| Given {
                    name: input.path.to_string(),
                    sha256: input.sha256.clone().unwrap_or_default(),
                })
                .collect(),
            subset: false,
            policy: Some(outcome.policy_digest.clone()),
            target: Some(facts().target_sha256),
            today: "2026-11-25",
            max_age: Some(7),
            fail_on_flag: false,
            no_exempt_columns: false,
        }
    }

    fn judge(&self, statement: &Statement<Predicate>) -> Vec<Refusal> {
        judge(
            statement,
            &Demands {
                data: &self.data,
                subset: self.subset,
                policy_digest: self.policy.as_deref(),
                target_sha256: self.target.as_deref(),
                today: self.today.parse().unwrap(),
                max_age_days: self.max_age,
                fail_on_flag: self.fail_on_flag,
                no_exempt_columns: self.no_exempt_columns,
            },
        )
    }
}

fn two_files() -> CheckOutcome {
    let mut outcome = outcome();
    let mut second = outcome.inputs[0].clone();
    second.path = Arc::from("data/more.parquet");
    second.sha256 = Some("c".repeat(64));
    outcome.tally.add(second.tally);
    outcome.inputs.push(second);
    outcome
}

fn flagged() -> CheckOutcome {
    let mut outcome = two_files();
    outcome.verdict = Verdict::Flag;
    outcome.counts.levels.insert(Level::Flag, 1);
    outcome.counts.tiers.insert((Tier::Exact, Level::Flag), 1);
    outcome.findings_total = 1;
    for tally in [&mut outcome.inputs[0].tally, &mut outcome.tally] {
        tally.pass -= 1;
        tally.flag += 1;
    }
    outcome
}

fn attested(outcome: &CheckOutcome) -> Statement<Predicate> {
    let facts = facts();
    match CompleteScan::prove(outcome, &facts) {
        Ok(scan) => passing(&scan).unwrap(),
        Err(gaps) => refusal(outcome, &facts, &gaps).unwrap(),
    }
}

/// Statements with a demand that each of them fails in one way.
fn refused() -> Vec<(Statement<Predicate>, Wanted)> {
    let pass = two_files();
    let statement = attested(&pass);
    let wanted = Wanted::of(&pass);
    let mut out = Vec::new();
    let mut add = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = wanted.clone();
        change(&mut wanted);
        out.push((statement.clone(), wanted));
    };
    add(&|w| w.today = "2026-12-22");
    add(&|w| w.today = "2026-11-20");
    add(&|w| w.today = "2026-11-29");
    add(&|w| w.target = Some("9".repeat(64)));
    add(&|w| w.policy = Some("9".repeat(64)));
    add(&|w| w.data.clear());
    add(&|w| w.data.truncate(1));
    add(&|w| w.data[0].sha256 = "9".repeat(64));
    add(&|w| {
        w.subset = true;
        w.data[0].sha256 = "9".repeat(64);
    });
    add(&|w| w.no_exempt_columns = true);
    let mut strict = Wanted::of(&pass);
    strict.fail_on_flag = true;
    out.push((attested(&flagged()), strict));
    for verdict in [Verdict::Block, Verdict::Undecided] {
        let mut outcome = two_files();
        outcome.verdict = verdict;
        out.push((attested(&outcome), wanted.clone()));
    }
    out
}

#[test]
fn what_is_demanded_is_accepted_and_each_failure_is_refused_by_its_name() {
    for outcome in [two_files(), flagged()] {
        let wanted = Wanted::of(&outcome);
        assert_eq!(wanted.judge(&attested(&outcome)), []);
        let mut last_day = wanted.clone();
        (last_day.today, last_day.max_age) = ("2026-12-21", None);
        assert_eq!(last_day.judge(&attested(&outcome)), []);
        let mut less = wanted.clone();
        less.data.truncate(1);
        less.subset = true;
        assert_eq!(less.judge(&attested(&outcome)), []);
    }
    let codes: Vec<Vec<&str>> = refused()
        .iter()
        .map(|(statement, wanted)| wanted.judge(statement).iter().map(Refusal::code).collect())
        .collect();
    assert_eq!(
        codes,
        [
            vec!["expired", "stale"],
            vec!["not-yet"],
            vec!["stale"],
            vec!["other-target"],
            vec!["other-policy"],
            vec!["no-data"],
            vec!["missing-data"],
            vec!["unknown-data", "missing-data"],
            vec!["unknown-data"],
            vec!["exempt-column", "exempt-column"],
            vec!["flag"],
            vec!["block"],
            vec!["undecided"],
        ]
    );
}

/// Leaves out, in turn, every field and every entry of a list.
fn without_each(value: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut less = fields.clone();
                less.remove(name);
                out.push((name.clone(), Value::Object(less)));
                let mut nothing = fields.clone();
                nothing.insert(name.clone(), Value::Null);
                out.push((format!("{name} null"), Value::Object(nothing)));
                for (path, inner) in without_each(field) {
                    let mut changed = fields.clone();
                    changed.insert(name.clone(), inner);
                    out.push((format!("{name}/{path}"), Value::Object(changed)));
                }
            }
        }
        Value::Array(entries) => {
            for at in 0..entries.len() {
                let mut less = entries.clone();
                less.remove(at);
                out.push((at.to_string(), Value::Array(less)));
                for (path, inner) in without_each(&entries[at]) {
                    let mut changed = entries.clone();
                    changed[at] = inner;
                    out.push((format!("{at}/{path}"), Value::Array(changed)));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out
}

/// Whether the statement in these bytes, properly signed, is accepted.
fn accepted(statement: &Value, wanted: &Wanted) -> bool {
    let payload = serde_json::to_vec(statement).unwrap();
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, &key(3));
    let verified = Unverified::read(&envelope.to_bytes().unwrap())
        .unwrap()
        .verify(&[key(3).verifying_key()])
        .unwrap();
    Statement::read(&verified).is_ok_and(|statement| wanted.judge(&statement).is_empty())
}

#[test]
fn leaving_out_any_field_never_turns_a_refusal_into_an_acceptance() {
    let mut tried = 0;
    for (statement, wanted) in refused() {
        let whole = serde_json::to_value(&statement).unwrap();
        assert!(!accepted(&whole, &wanted));
        for (path, less) in without_each(&whole) {
            assert!(!accepted(&less, &wanted), "without {path}");
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried}");
    // The test can fail: the whole statement is accepted where it should be.
    let outcome = two_files();
    let whole = serde_json::to_value(attested(&outcome)).unwrap();
    assert!(accepted(&whole, &Wanted::of(&outcome)));
}

#[test]
fn a_statement_that_contradicts_itself_is_refused_though_signed() {
    let outcome = two_files();
    let whole = serde_json::to_value(attested(&outcome)).unwrap();
    let wanted = Wanted::of(&outcome);
    let changes: &[(&str, Value)] = &[
        ("/predicateType", json!(REFUSED_TYPE)),
        ("/_type", json!("https://in-toto.io/Statement/v0.1")),
        ("/predicate/verdict", json!("block")),
        ("/predicate/verdict", json!("allowed")),
        ("/predicate/schema_version", json!(2)),
        ("/predicate/refused_because", json!(["x"])),
        ("/predicate/rows/flag", json!(1)),
        ("/predicate/rows/read", json!(1)),
        ("/predicate/findings/block", json!(1)),
        ("/predicate/findings/flag", json!(1)),
        ("/predicate/findings/undecided", json!(1)),
        ("/predicate/canaries", json!({"planted": 2, "found": 1})),
        ("/predicate/coverage/0/rows_read", json!(1)),
        ("/predicate/coverage/0/rows_declared", json!(1)),
        ("/predicate/coverage/0/rows/undecided", json!(1)),
        ("/predicate/coverage/0/text_units", json!(0)),
        ("/predicate/coverage/0/sha256", json!("9".repeat(64))),
        ("/predicate/coverage/0/columns/0/use", json!("tokens")),
        ("/predicate/coverage/0/columns/1/reason", json!(null)),
        ("/predicate/expires", json!("never")),
        ("/predicate/finished", json!("2026-11-26T00:00:00Z")),
        ("/predicate/snapshot/sources", json!(0)),
        ("/subject/0/name", json!("other")),
        ("/subject/0/digest/sha256", json!("9".repeat(64))),
    ];
    for (pointer, value) in changes {
        let mut altered = whole.clone();
        *altered.pointer_mut(pointer).unwrap() = value.clone();
        assert!(!accepted(&altered, &wanted), "{pointer} = {value}");
    }
    let mut surplus = whole.clone();
    surplus["predicate"]["only_for"] = json!("x");
    assert!(
        !accepted(&surplus, &wanted),
        "an unknown key may be a restriction"
    );
}
