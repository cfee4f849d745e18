//! Target and policy files: what is read, and where an error points.

use proptest::prelude::*;

use super::super::Policy;
use super::super::target_file::{from_model_id, input_use, parse as parse_target};
use crate::model::Acquisition;
use crate::model::target::{Availability, OutputUse, Purpose, Stage, TargetKind};

#[test]
fn a_target_file_with_nothing_but_name_and_base_gets_the_stated_defaults() {
    let target =
        parse_target("[model]\nname = \"acme\"\nbase = [\"a/b\"]\n", "t.toml").expect("valid");
    let mut expected = from_model_id("a/b");
    expected.name = Some("acme".to_owned());
    assert_eq!(target, expected);
    assert_eq!(
        (
            target.kind,
            target.availability,
            target.stage,
            target.purpose
        ),
        (
            TargetKind::Llm,
            Availability::Weights,
            Stage::Train,
            Purpose::Commercial
        )
    );
    let scratch = parse_target("model.name = \"a\"\nmodel.base = \"scratch\"", "t").expect("valid");
    assert!(scratch.base.is_empty());
    assert!(from_model_id("scratch").base.is_empty());
}

#[test]
fn a_full_target_file_is_read() {
    let text = r#"
[model]
name = "acme-chat-7b"
base = ["mistralai/Mistral-7B-v0.3", "x/y"]
kind = "vlm"
availability = "api"
folder = "out/acme"
[use]
stage = "release"
purpose = "non-commercial-research"
[[inputs]]
path = "*"
of_outputs = "labels"
[[inputs]]
path = "data/web-*.parquet"
acquisition = "found"
[[models_used]]
model = "meta-llama/Meta-Llama-3-70B-Instruct"
of_outputs = "filter"
"#;
    let target = parse_target(text, "t.toml").expect("valid");
    assert_eq!(target.base.len(), 2);
    assert_eq!(target.kind, TargetKind::Vlm);
    assert_eq!(target.models_used[0].of_outputs, OutputUse::Filter);
    // The last match wins, and what it leaves unsaid is the default, not the earlier entry.
    assert_eq!(
        input_use(&target, "data/web-1.parquet"),
        (OutputUse::Text, Some(Acquisition::Found))
    );
    assert_eq!(input_use(&target, "other.jsonl"), (OutputUse::Labels, None));
    assert_eq!(
        input_use(&from_model_id("x"), "any"),
        (OutputUse::Text, None)
    );
}

#[test]
fn target_errors_point_at_the_place_and_name_the_fix() {
    let head = "[model]\nname = \"a\"\nbase = [\"b\"]\n";
    for (text, expected) in [
        (
            format!("{head}kind = \"llmm\"\n"),
            "target.toml:4:8: unknown kind `llmm`; expected one of llm, vlm, embedding, reranker, \
             encoder, classifier, reward, other",
        ),
        (
            format!("{head}availability = \"public\""),
            "target.toml:4:16: unknown availability `public`; expected one of internal, affiliate, \
             product, api, weights",
        ),
        (
            format!("{head}[use]\npurpose = \"fun\""),
            "target.toml:5:11: unknown purpose `fun`; expected one of commercial, production, \
             commercial-research, non-commercial-research",
        ),
        (
            format!("{head}[[inputs]]\npath = \"a[\""),
            "target.toml:5:8: `a[` is not a glob: invalid range pattern",
        ),
        (
            "[model]\nname = \"a\"\nbase = []\n".to_owned(),
            "target.toml:3:8: base is empty; name one or more model ids, or \"scratch\"",
        ),
        (
            "[model]\nname = \"ü\"\nbase = [\"b\", \"scratch\"]\n".to_owned(),
            "target.toml:3:8: \"scratch\" stands alone; remove it or the other bases",
        ),
        (
            "[model]\nname = \" \"\nbase = \"b\"\n".to_owned(),
            "target.toml:2:8: name is empty; state it",
        ),
    ] {
        let error = parse_target(&text, "target.toml")
            .expect_err("wrong")
            .to_string();
        assert_eq!(error, expected);
    }
    for (text, parts) in [
        (
            "[model]\nbase = \"b\"\n",
            &["target.toml:1:1", "missing field `name`"][..],
        ),
        (
            "[model]\nname = \"a\"\nbase = \"b\"\nkin = \"llm\"\n",
            &["target.toml:4:1", "unknown field `kin`"],
        ),
        (
            "[model]\nname = \"a\"\nbase = 3\n",
            &["target.toml:3:8", "a model id, a list of model ids"],
        ),
        ("[model\n", &["target.toml:1:"]),
        ("", &["target.toml:1:1", "missing field `model`"]),
    ] {
        let error = parse_target(text, "target.toml")
            .expect_err("wrong")
            .to_string();
        for part in parts {
            assert!(error.contains(part), "{error} should contain {part}");
        }
    }
}

#[test]
fn policy_errors_point_at_the_place_and_name_the_fix() {
    for (text, expected) in [
        (
            "[levels]\nllama-output = \"flag\"\n",
            "p.toml:2:1: unknown finding code `llama-output`; docs/policy.md lists them all",
        ),
        (
            "[levels]\nrow-unreadable = \"note\"\n",
            "p.toml:2:18: `row-unreadable` cannot be milder than undecided; remove this line",
        ),
        (
            "[levels]\nllama-output-prohibited = \"note\"\n",
            "p.toml:2:27: `llama-output-prohibited` cannot be milder than flag; remove this line",
        ),
        (
            "[levels]\nduty-open = \"pass\"\n",
            "p.toml:2:13: unknown level `pass`; expected one of note, flag, block",
        ),
        (
            "[thresholds]\nflag_strength = 90\n",
            "p.toml:2:17: flag_strength (90) is above block_strength (36); lower the first or \
             raise the second",
        ),
        (
            "[thresholds]\nblock_strength = nan\n",
            "p.toml:2:18: a strength is a number from 0",
        ),
        (
            "[thresholds]\nblock_strength = -1.0\n",
            "p.toml:2:18: a strength is a number from 0",
        ),
        (
            "findings_max = 0\n",
            "p.toml:1:16: findings_max is a number from 1 to 1000000",
        ),
        (
            "name = \"\"\n",
            "p.toml:1:8: a name is one line of 1 to 200 bytes",
        ),
    ] {
        assert_eq!(
            Policy::parse(text, "p.toml").expect_err(text).to_string(),
            expected
        );
    }
    let error = Policy::parse("strikt = true", "p.toml")
        .expect_err("unknown key")
        .to_string();
    assert!(
        error.starts_with("p.toml:1:1: unknown field `strikt`"),
        "{error}"
    );
}

#[test]
fn equal_policies_have_equal_digests() {
    let default = Policy::default();
    assert_eq!(Policy::parse("", "p").expect("valid"), default);
    let spelled = "strict = false\nname = 'default'\n[levels]\nduty-open = \"flag\"\n";
    assert_eq!(
        Policy::parse(spelled, "p").expect("valid").digest(),
        default.digest()
    );
    assert_eq!(default.digest().len(), 64);
    for other in [
        "strict = true",
        "name = \"x\"",
        "[levels]\nduty-open = \"block\"",
        "findings_max = 5",
        "[thresholds]\nblock_strength = 52.5",
    ] {
        assert_ne!(
            Policy::parse(other, "p").expect(other).digest(),
            default.digest(),
            "{other}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "[\\[\\]a-z=\"\\n. 0-9ü]{0,80}") {
        // An answer of either kind is fine; each error has a place.
        for error in [Policy::parse(&text, "f").err(), parse_target(&text, "f").err()].into_iter().flatten() {
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }
}
