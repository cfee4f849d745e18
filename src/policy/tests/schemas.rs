//! The schemas of the files that people write are generated from the types that read them.

use crate::policy::organization::OrganizationFile;
use crate::policy::{PolicyFile, TargetFile};

fn compare(name: &str, schema: &schemars::Schema) {
    let path = format!("{}/schemas/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut generated = serde_json::to_string_pretty(schema).expect("a schema is JSON");
    generated.push('\n');
    if std::env::var_os("HERDBOOK_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("schema can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the schema is committed");
    assert_eq!(
        committed, generated,
        "run: HERDBOOK_BLESS=1 cargo test --release policy::tests::schemas"
    );
}

#[test]
fn the_target_schema_is_the_committed_one() {
    compare("target.schema.json", &schemars::schema_for!(TargetFile));
}

#[test]
fn the_policy_schema_is_the_committed_one() {
    compare("policy.schema.json", &schemars::schema_for!(PolicyFile));
    compare(
        "organization.schema.json",
        &schemars::schema_for!(OrganizationFile),
    );
}

#[test]
fn the_target_of_the_documentation_is_valid_under_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(TargetFile)).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let valid = "[model]\nname = 'acme-chat-7b'\nbase = ['mistralai/Mistral-7B-v0.3']\nkind = 'llm'\n\
                 availability = 'weights'\n[use]\nstage = 'train'\npurpose = 'commercial'\n\
                 [[inputs]]\npath = '*'\nof_outputs = 'text'\n";
    let document: serde_json::Value = toml::from_str(valid).expect("TOML");
    assert!(validator.is_valid(&document), "{document}");
    for broken in [valid.replace("llm", "llmm"), valid.replace("name", "nom")] {
        let document: serde_json::Value = toml::from_str(&broken).expect("TOML");
        assert!(!validator.is_valid(&document), "{document}");
    }
}
