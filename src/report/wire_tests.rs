use super::*;
use crate::report::samples;
use model::Acquisition as A;
use model::ColumnUse as Use;
use model::target as t;

fn parsed(json: &str) -> serde_json::Value {
    serde_json::from_str(json).expect("is JSON")
}

#[test]
fn schema_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/verdict.schema.json");
    let generated = schema_json().expect("schema");
    if std::env::var_os("HERDBOOK_BLESS").is_some() {
        std::fs::write(path, &generated).expect("schema can be written");
    }
    let committed = std::fs::read_to_string(path).expect("schemas/verdict.schema.json exists");
    assert_eq!(
        committed, generated,
        "run: HERDBOOK_BLESS=1 cargo test --release report::wire"
    );
}

#[test]
fn documents_are_valid_and_read_back() {
    let schema = parsed(&schema_json().expect("schema"));
    let validator = jsonschema::validator_for(&schema).expect("schema is a schema");
    for (name, outcome) in samples::all() {
        let json = to_json(&outcome).expect(name);
        let errors: Vec<String> = validator
            .iter_errors(&parsed(&json))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let again: VerdictDocument = serde_json::from_str(&json).expect(name);
        assert_eq!(again, VerdictDocument::from(&outcome), "{name}");
        assert_eq!(
            to_json(&outcome.clone()).expect(name),
            json,
            "{name}: bytes differ"
        );
    }
}

/// The schema must be able to refuse: a key missing, a key too many, a word unknown.
#[test]
fn schema_refuses_what_is_not_a_verdict() {
    let schema = parsed(&schema_json().expect("schema"));
    let validator = jsonschema::validator_for(&schema).expect("schema is a schema");
    let good = parsed(&to_json(&samples::block_two_claims()).expect("json"));
    assert!(validator.is_valid(&good));
    let broken = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = good.clone();
        change(&mut value);
        assert!(!validator.is_valid(&value), "accepted: {value}");
        assert!(serde_json::from_value::<VerdictDocument>(value).is_err());
    };
    broken(&|v| {
        v.as_object_mut().expect("object").remove("limits");
    });
    broken(&|v| v["surplus"] = 1.into());
    broken(&|v| v["findings"][0]["surplus"] = 1.into());
    broken(&|v| v["verdict"] = "allowed".into());
    let mut other_version = good.clone();
    other_version["schema_version"] = 2.into();
    assert!(!validator.is_valid(&other_version));
    let mut no_index = good.clone();
    no_index.as_object_mut().expect("object").remove("index");
    assert!(
        !validator.is_valid(&no_index),
        "a null must be written, not left out"
    );
}

#[test]
fn schema_version_comes_first_and_the_contract_keys_are_there() {
    let json = to_json(&samples::block_two_claims()).expect("json");
    assert!(
        json.starts_with("{\n  \"schema_version\": 1,\n  \"verdict\": \"block\","),
        "{json}"
    );
    let value = parsed(&json);
    let keys_of = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("object").keys().cloned().collect()
    };
    // Written out from the contract, not from the types.
    for (value, keys) in [
        (
            &value,
            "schema_version verdict target policy index inputs tally findings models \
                  obligations limits as_of",
        ),
        (&value["index"], "snapshot digest sources records"),
        (&value["policy"], "digest"),
        (
            &value["inputs"][0],
            "path sha256 rows text_units bytes columns",
        ),
        (&value["tally"], "read pass flag block undecided"),
        (
            &value["findings"][0],
            "code level location tier share_of_row share_of_output \
                                 longest_run_bytes model license clause claims reason how_to_fix",
        ),
        (&value["findings"][0]["location"], "path row column"),
        (
            &value["findings"][0]["claims"][0],
            "source source_record model license clause",
        ),
        (&value["models"][0], "model license records"),
    ] {
        let present = keys_of(value);
        for key in keys.split_whitespace() {
            assert!(
                present.iter().any(|k| k == key),
                "{key} is missing in {present:?}"
            );
        }
    }
}

#[test]
fn stricter_claim_decides_and_both_are_listed() {
    let value = parsed(&to_json(&samples::block_two_claims()).expect("json"));
    let finding = &value["findings"][0];
    assert_eq!(finding["level"], "block");
    assert_eq!(finding["license"], "llama-2");
    assert_eq!(finding["model"], "meta-llama/Llama-2-70b-chat-hf");
    assert_eq!(finding["claims"].as_array().expect("claims").len(), 2);
    assert_eq!(finding["claims"][1]["license"], "llama-3.1");
    assert_eq!(finding["share_of_row"], 0.3123);
    assert_eq!(value["findings"][2]["share_of_output"], 1.0);
}

#[test]
fn words_are_those_of_the_model() {
    fn word(value: impl Serialize) -> String {
        serde_json::to_value(value)
            .expect("a word")
            .as_str()
            .expect("a word")
            .to_owned()
    }
    for value in [
        model::Verdict::Pass,
        model::Verdict::Flag,
        model::Verdict::Undecided,
        model::Verdict::Block,
    ] {
        assert_eq!(word(Verdict::from(value)), value.as_str());
    }
    for value in [
        model::Level::Note,
        model::Level::Flag,
        model::Level::Undecided,
        model::Level::Block,
    ] {
        assert_eq!(word(Level::from(value)), value.as_str());
    }
    for value in [
        model::Tier::Near,
        model::Tier::Contained,
        model::Tier::Exact,
    ] {
        assert_eq!(word(Tier::from(value)), value.as_str());
    }
    for value in [
        Use::Scanned,
        Use::Exempt,
        Use::Tokens,
        Use::Binary,
        Use::NotText,
    ] {
        assert_eq!(word(ColumnUse::from(value)), value.as_str());
    }
    for value in t::TargetKind::ALL {
        assert_eq!(word(TargetKind::from(*value)), value.as_str());
    }
    for value in t::Availability::ALL {
        assert_eq!(word(Availability::from(*value)), value.as_str());
    }
    for value in t::Stage::ALL {
        assert_eq!(word(Stage::from(*value)), value.as_str());
    }
    for value in t::Purpose::ALL {
        assert_eq!(word(Purpose::from(*value)), value.as_str());
    }
    for value in t::OutputUse::ALL {
        assert_eq!(word(OutputUse::from(*value)), value.as_str());
    }
    for value in [A::SelfGenerated, A::LicensedDataset, A::Found] {
        assert_eq!(word(Acquisition::from(value)), value.as_str());
    }
}

#[test]
fn a_path_with_two_treatments_keeps_the_careful_one() {
    let mut outcome = samples::pass();
    outcome.inputs[0].columns = vec![
        ("x".into(), model::ColumnUse::NotText, 3),
        ("x".into(), model::ColumnUse::Tokens, 2),
        ("x".into(), model::ColumnUse::Scanned, 4),
    ];
    let document = VerdictDocument::from(&outcome);
    assert_eq!(document.inputs[0].columns["x"], ColumnUse::Tokens);
    assert_eq!(document.inputs[0].column_leaves["x"], 9);
}

#[test]
fn shares_are_rounded_and_never_signed_zero() {
    assert_eq!(rounded(0.123_449), Some(0.1234));
    assert_eq!(rounded(0.123_451), Some(0.1235));
    assert_eq!(rounded(f64::NAN), None);
    assert_eq!(
        serde_json::to_string(&rounded(-0.000_001)).expect("json"),
        "0.0"
    );
}
