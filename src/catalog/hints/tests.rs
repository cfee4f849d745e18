//! Files of models written down here, byte by byte where the format is binary.

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::model::Confidence;
use crate::model::Outcome;

fn catalog() -> Catalog {
    Catalog::builtin().expect("valid")
}

fn card(yaml: &str) -> Vec<Hint> {
    from_card(
        "README.md",
        format!("---\n{yaml}\n---\n# Title\n").as_bytes(),
    )
    .expect("a card")
}

fn config(json: &str) -> Vec<Hint> {
    from_json("config.json", json.as_bytes()).expect("a config")
}

fn name(name: &str) -> Vec<Hint> {
    vec![Hint {
        place: "its own name".to_owned(),
        says: Says::Name(name.to_owned()),
    }]
}

/// The answer in one word: `known:LINEAGE:LICENSES`, `ambiguous:LICENSES`, …; `?` where it may be
/// no Llama.
fn answer(hints: Vec<Hint>) -> String {
    let ids = |licenses: &[std::sync::Arc<crate::model::License>]| {
        let ids: Vec<&str> = licenses.iter().map(|l| l.id.as_str()).collect();
        ids.join(",")
    };
    match catalog().combine("it", hints).resolution.outcome {
        Outcome::Known(known) => format!(
            "known:{}:{}",
            known.lineage.map_or("none", |version| version.id()),
            ids(&known.licenses)
        ),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => format!(
            "ambiguous:{}{}",
            ids(&candidates),
            if maybe_not_llama { "?" } else { "" }
        ),
        Outcome::NotLlama { license, .. } => {
            format!(
                "not-llama:{}",
                license.map_or(String::new(), |l| l.id.clone())
            )
        }
        Outcome::LlamaVersionUnknown => "version-unknown".to_owned(),
        Outcome::Unknown => "unknown".to_owned(),
    }
}

fn all(hints: &[Vec<Hint>]) -> String {
    answer(hints.concat())
}

#[test]
fn agreeing_files_are_one_answer() {
    let base = "base_model: meta-llama/Llama-3.1-8B-Instruct\nlicense: llama3.1";
    let llama = config(r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#);
    assert_eq!(
        all(&[card(base), llama.clone()]),
        "known:llama-3.1:llama-3.1"
    );
    let combined = catalog().combine("out/acme", [card(base), llama].concat());
    assert_eq!(combined.resolution.rule, "files:agree");
    assert_eq!(combined.resolution.confidence, Confidence::Rule);
    assert_eq!(combined.resolution.raw_id, "out/acme");
    let Outcome::Known(known) = combined.resolution.outcome else {
        panic!("known")
    };
    assert!(known.derivative);
    assert_eq!(known.family, "a derivative of Llama 3.1");
    let means: Vec<&str> = combined.readings.iter().map(|r| r.means.as_str()).collect();
    assert_eq!(means[0], "llama-3.1 (name:llama-version)");
    assert_eq!(means[1], "Llama 3.1 Community License Agreement");
}

#[test]
fn a_quantised_copy_is_no_derivative() {
    let hints = card("base_model: meta-llama/Llama-3.1-8B\nbase_model_relation: quantized");
    let Outcome::Known(known) = catalog().combine("it", hints).resolution.outcome else {
        panic!("known")
    };
    assert!(!known.derivative);
}

#[test]
fn contradicting_files_are_never_one_answer() {
    for (hints, expected) in [
        // The tag hides the lineage.
        (
            card("base_model: meta-llama/Meta-Llama-3-8B\nlicense: apache-2.0"),
            "ambiguous:llama-3,apache-2.0?",
        ),
        (
            card("base_model: meta-llama/Meta-Llama-3-8B\nlicense: cc-by-nc-4.0"),
            "ambiguous:llama-3?",
        ),
        // The tag names another version.
        (
            card("base_model: meta-llama/Llama-3.1-8B\nlicense: llama3"),
            "ambiguous:llama-3.1,llama-3",
        ),
        // The name and the base speak of different versions.
        (
            [
                name("acme-llama-2-7b"),
                card("base_model: meta-llama/Llama-3.1-8B"),
            ]
            .concat(),
            "ambiguous:llama-3.1,llama-2",
        ),
        // Two bases of different versions.
        (
            card("base_model:\n- meta-llama/Llama-2-7b-hf\n- meta-llama/Llama-3.1-8B"),
            "ambiguous:llama-2,llama-3.1",
        ),
        // Llama and something else.
        (
            card("base_model: [meta-llama/Llama-3.1-8B, mistralai/Mistral-7B-v0.3]"),
            "ambiguous:llama-3.1,apache-2.0?",
        ),
        // A Llama license on weights that are stated to be something else.
        (
            card("base_model: mistralai/Mistral-7B-v0.3\nlicense: llama3.1"),
            "ambiguous:apache-2.0,llama-3.1?",
        ),
        // The shape of the weights is not Llama's.
        (
            [
                name("Llama-3.1-acme-9b"),
                config(r#"{"model_type": "gemma2"}"#),
            ]
            .concat(),
            "ambiguous:llama-3.1?",
        ),
        // Two Llama licenses and nothing else.
        (
            card("license: [llama2, llama3.1]"),
            "ambiguous:llama-2,llama-3.1",
        ),
    ] {
        let said = format!("{hints:?}");
        let combined = catalog().combine("it", hints.clone());
        assert_eq!(answer(hints), expected, "{said}");
        assert_eq!(combined.resolution.confidence, Confidence::Name, "{said}");
    }
    let hints = card("base_model: meta-llama/Meta-Llama-3-8B\nlicense: apache-2.0");
    let resolution = catalog().combine("it", hints).resolution;
    assert_eq!(resolution.rule, "files:contradiction");
    assert!(
        resolution.note.contains("base_model says llama-3")
            && resolution.note.contains("license says apache-2.0"),
        "{}",
        resolution.note
    );
}

#[test]
fn several_licenses_that_hold_the_bases_own_are_all_applied() {
    let hints = card("base_model: meta-llama/Llama-3.1-70B\nlicense: [llama3.1, gemma]");
    assert_eq!(answer(hints), "known:llama-3.1:llama-3.1,gemma-terms");
    // The entry knows that this card is headed by another license.
    let hints = [
        name("DeepSeek-R1-Distill-Llama-8B"),
        card("license: mit"),
        config(r#"{"model_type": "llama"}"#),
    ];
    assert_eq!(all(&hints), "known:llama-3.1:llama-3.1,mit");
    let hints = [
        name("Llama-3_1-Nemotron-51B-Instruct"),
        card("license: other\nlicense_name: nvidia-open-model-license"),
    ];
    assert_eq!(all(&hints), "known:llama-3.1:llama-3.1,nvidia-open-model");
}

#[test]
fn the_architecture_alone_proves_nothing() {
    for (json, tag) in [
        (r#"{"model_type": "llama"}"#, "license: apache-2.0"),
        (r#"{"model_type": "llama"}"#, "language: en"),
        (
            r#"{"architectures": ["LlamaForCausalLM"]}"#,
            "license: other",
        ),
    ] {
        let hints = [config(json), card(tag)].concat();
        let resolution = catalog().combine("it", hints).resolution;
        assert_eq!(resolution.outcome, Outcome::Unknown, "{json} {tag}");
        assert!(
            resolution.note.contains("no lineage"),
            "{}",
            resolution.note
        );
    }
    // With a lineage of its own, the shape does not matter.
    let yi = [config(r#"{"model_type": "llama"}"#), name("Yi-34B")];
    assert_eq!(all(&yi), "not-llama:");
}

#[test]
fn a_license_alone_binds_and_proves_no_llama_weights() {
    assert_eq!(answer(card("license: llama3.1")), "known:none:llama-3.1");
    let both = [
        card("license: llama2"),
        config(r#"{"model_type": "llama"}"#),
    ];
    assert_eq!(all(&both), "known:llama-2:llama-2");
    let other = "license: other\nlicense_name: llama4\nlicense_link: LICENSE";
    assert_eq!(answer(card(other)), "known:none:llama-4");
    assert_eq!(answer(card("license: gemma")), "not-llama:gemma-terms");
    // A tag settles which version a name left open, and is worth no more than a name.
    let vicuna = [name("vicuna-13b"), card("license: llama2")].concat();
    let resolution = catalog().combine("it", vicuna).resolution;
    assert_eq!(resolution.confidence, Confidence::Name);
    assert!(matches!(resolution.outcome, Outcome::Known(_)));
}

#[test]
fn a_name_that_a_duty_demands_is_no_lineage() {
    let named = [
        name("Llama-acme-7b"),
        card("base_model: mistralai/Mistral-7B-v0.3\nlicense: apache-2.0"),
    ];
    assert_eq!(all(&named), "not-llama:apache-2.0");
}

#[test]
fn an_adapter_is_what_its_base_is() {
    let adapter = from_json(
        "adapter_config.json",
        br#"{"base_model_name_or_path": "codellama/CodeLlama-7b-hf", "peft_type": "LORA"}"#,
    )
    .expect("a config");
    assert_eq!(answer(adapter), "known:llama-2:llama-2");
}

#[test]
fn the_path_that_a_model_was_loaded_from_is_a_name() {
    let hints = config(
        r#"{"_name_or_path": "/models/models--meta-llama--Llama-2-7b-hf/snapshots/01c7f7", "model_type": "llama"}"#,
    );
    assert_eq!(answer(hints), "known:llama-2:llama-2");
    assert_eq!(
        answer(config(r#"{"_name_or_path": "/data/out/checkpoint-300"}"#)),
        "unknown"
    );
}

#[test]
fn license_links_name_a_version_by_their_address() {
    for link in [
        "https://huggingface.co/meta-llama/Llama-3.2-1B/blob/main/LICENSE.txt",
        "https://www.llama.com/llama3_2/license/",
    ] {
        let hints = card(&format!("license: other\nlicense_link: {link}"));
        assert_eq!(answer(hints), "known:none:llama-3.2", "{link}");
    }
}

#[test]
fn a_notice_line_and_an_official_text_name_their_license() {
    let notice = "NOTICE\n\nLlama 3.1 is licensed under the Llama 3.1 Community License,\n\
                  Copyright © Meta Platforms, Inc. All Rights Reserved.\n";
    let hint = from_notice("NOTICE", notice.as_bytes()).expect("text");
    assert_eq!(answer(vec![hint.clone()]), "known:none:llama-3.1");
    // Beside a base of another version it contradicts.
    let base = card("base_model: meta-llama/Llama-2-7b");
    assert_eq!(all(&[base, vec![hint]]), "ambiguous:llama-2,llama-3.1");
    // The digest is computed another way: of the empty file it is well known.
    let empty = from_text("LICENSE", b"");
    assert_eq!(
        empty.says.value(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(answer(vec![empty]), "unknown");
    let official = Hint {
        place: "LICENSE".to_owned(),
        says: Says::Text {
            sha256: "fb58d9a630ccc1dc0d08f8c00232de56bc73309020f59c8181d0c12ef28d9f8c".to_owned(),
        },
    };
    assert_eq!(answer(vec![official]), "known:none:llama-3.3");
}

#[test]
fn cards_in_every_usual_form_are_read() {
    for (text, count) in [
        ("# no front matter\n---\nlicense: mit\n---\n", 0),
        ("", 0),
        ("---\n---\n", 0),
        ("---\nlicense: mit\n---", 1),
        (
            "\u{feff}\n---\r\nlicense: mit\r\nbase_model:\r\n- a/b\r\n- c/d\r\n---\r\ntext",
            3,
        ),
        ("---\nlicense:\nbase_model: ~\n---\n", 0),
        ("---\nlicense: 3.1\n---\n", 1),
        (
            "---\nwidget:\n- text: >-\n    a: b\n  x: {y: [1, 2]}\nlicense: \"mit\"\n---\n",
            1,
        ),
    ] {
        let hints = from_card("README.md", text.as_bytes()).expect(text);
        assert_eq!(hints.len(), count, "{text}");
    }
}

#[test]
fn cards_that_are_wrong_are_errors_with_a_place() {
    for (text, place, said) in [
        ("---\nlicense: mit\n", "README.md:1:1", "not closed"),
        (
            "---\nlanguage: en\nlicense: mit\nlicense: llama2\n---\n",
            "README.md:4:",
            "license",
        ),
        (
            "---\nlicense: {a: b}\n---\n",
            "README.md:2:",
            "a word or a list of words",
        ),
        ("---\nlicense: [a\n---\n", "README.md:", "front matter"),
    ] {
        let error = from_card("README.md", text.as_bytes())
            .expect_err(text)
            .to_string();
        assert!(
            error.starts_with(place) && error.contains(said),
            "{text}: {error}"
        );
    }
    // Aliases that grow without bound are stopped.
    let levels: Vec<String> = (1..12)
        .map(|level| {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            format!("a{level}: &a{level} [{list}]\n")
        })
        .collect();
    let bomb = format!(
        "---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}base_model: *a11\n---\n",
        levels.concat()
    );
    assert!(from_card("README.md", bomb.as_bytes()).is_err());
    let error = from_card("README.md", b"---\nlicense: \xff\n---\n").expect_err("no text");
    assert_eq!(
        error.to_string(),
        "README.md is not UTF-8 text (first bad byte at 13); save it as UTF-8"
    );
}

#[test]
fn configs_that_are_wrong_are_errors_with_a_place() {
    for (text, said) in [
        ("{\"model_type\": 3}", "config.json:1:"),
        (
            "{\n\"model_type\": \"llama\",\n\"model_type\": \"gemma\"}",
            "config.json:3:",
        ),
        ("[", "config.json:1:"),
        ("", "config.json:"),
    ] {
        let error = from_json("config.json", text.as_bytes())
            .expect_err(text)
            .to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(from_json("config.json", deep.as_bytes()).is_err());
}

/// A GGUF header, written the way the format's specification has it.
struct Gguf {
    bytes: Vec<u8>,
    big: bool,
    pairs: u64,
}

impl Gguf {
    fn new(version: u32, big: bool) -> Self {
        let mut gguf = Self {
            bytes: b"GGUF".to_vec(),
            big,
            pairs: 0,
        };
        gguf.word(version);
        gguf.long(7);
        gguf.long(0);
        gguf
    }

    fn word(&mut self, value: u32) {
        let bytes = if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.bytes.extend(bytes);
    }

    fn long(&mut self, value: u64) {
        let bytes = if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.bytes.extend(bytes);
    }

    fn string(&mut self, text: &str) {
        self.long(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn pair(mut self, key: &str, value: &str) -> Self {
        self.string(key);
        self.word(8);
        self.string(value);
        self.pairs += 1;
        self
    }

    /// A list of texts, as the vocabulary is one.
    fn texts(mut self, key: &str, values: &[&str]) -> Self {
        self.string(key);
        self.word(9);
        self.word(8);
        self.long(values.len() as u64);
        for value in values {
            self.string(value);
        }
        self.pairs += 1;
        self
    }

    fn floats(mut self, key: &str, count: u64) -> Self {
        self.string(key);
        self.word(9);
        self.word(6);
        self.long(count);
        self.bytes
            .extend(vec![0; usize::try_from(count * 4).expect("small")]);
        self.pairs += 1;
        self
    }

    fn done(mut self) -> Vec<u8> {
        let pairs = if self.big {
            self.pairs.to_be_bytes()
        } else {
            self.pairs.to_le_bytes()
        };
        self.bytes[16..24].copy_from_slice(&pairs);
        self.bytes
    }
}

#[test]
fn gguf_headers_of_both_versions_and_byte_orders_are_read() {
    for (version, big) in [(2, false), (3, false), (3, true)] {
        let bytes = Gguf::new(version, big)
            .pair("general.architecture", "llama")
            .texts("tokenizer.ggml.tokens", &["a", "b", ""])
            .floats("tokenizer.ggml.scores", 3)
            .pair("general.name", "Acme Chat")
            .pair("general.license", "llama3.1")
            .pair("general.base_model.0.name", "Llama 3.1 8B Instruct")
            .pair(
                "general.base_model.0.repo_url",
                "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct",
            )
            .pair("general.base_model.0.organization", "Meta Llama")
            .done();
        let hints = from_gguf("m.gguf", &bytes, true).expect("a header");
        assert_eq!(hints.len(), 5);
        assert_eq!(hints[2].place, "m.gguf: general.license");
        assert_eq!(answer(hints), "known:llama-3.1:llama-3.1");
    }
}

#[test]
fn the_name_in_a_gguf_file_tells_as_much_as_an_id() {
    let name = |name: &str| {
        let bytes = Gguf::new(3, false).pair("general.name", name).done();
        answer(from_gguf("m.gguf", &bytes, true).expect("a header"))
    };
    assert_eq!(name("LLaMA v2"), "known:llama-2:llama-2");
    assert_eq!(
        name("Meta Llama 3.1 8B Instruct"),
        "known:llama-3.1:llama-3.1"
    );
    assert_eq!(name("models"), "unknown");
}

#[test]
fn lengths_in_gguf_headers_are_not_trusted() {
    let good = Gguf::new(3, false).pair("general.name", "Llama 2").done();
    let changed = |at: usize, bytes: &[u8]| {
        let mut header = good.clone();
        header[at..at + bytes.len()].copy_from_slice(bytes);
        from_gguf("m.gguf", &header, true)
            .expect_err("wrong")
            .to_string()
    };
    let huge = u64::MAX.to_le_bytes();
    for (message, said) in [
        (changed(0, b"GGML"), "m.gguf, byte 0: is no GGUF file"),
        (changed(4, &[1, 0, 0, 0]), "version 1 is not one of 2 and 3"),
        (changed(4, &[9, 0, 0, 0]), "version 9"),
        (changed(16, &huge), "18446744073709551615 pairs"),
        (changed(24, &huge), "a key of 18446744073709551615 bytes"),
        (changed(44, &[99, 0, 0, 0]), "unknown type 99"),
        (
            changed(44, &[4, 0, 0, 0]),
            "`general.name` does not hold text",
        ),
        (changed(48, &huge), "the file ends here"),
        (changed(48, &[200, 0, 0, 0, 0, 0, 0, 0]), "200 more bytes"),
        (changed(56, &[0xff]), "not UTF-8"),
    ] {
        assert!(message.contains(said), "{message}");
    }
    // Arrays that claim more than there is, and arrays in arrays without end.
    for body in [
        [&9_u32.to_le_bytes()[..], &6_u32.to_le_bytes(), &huge].concat(),
        [&9_u32.to_le_bytes()[..], &8_u32.to_le_bytes(), &huge].concat(),
        [&9_u32.to_le_bytes()[..]]
            .concat()
            .into_iter()
            .chain((0..50).flat_map(|_| [&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat()))
            .collect(),
    ] {
        let mut header = Gguf::new(3, false);
        header.string("x");
        header.bytes.extend(body);
        header.pairs = 1;
        assert!(from_gguf("m.gguf", &header.done(), true).is_err());
    }
    // A beginning that is not the whole file says so.
    let part = &good[..good.len() - 1];
    let error = from_gguf("m.gguf", part, false)
        .expect_err("cut")
        .to_string();
    assert!(error.contains("which are read at most"), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..80, byte: u8) {
        let mut gguf = Gguf::new(3, false).pair("general.name", "Llama 2").done();
        let at = at % gguf.len();
        gguf[at] = byte;
        for bytes in [&bytes[..], &gguf, &[&b"GGUF\x03\0\0\0"[..], &bytes].concat(), &[&b"---\n"[..], &bytes, b"\n---\n"].concat()] {
            let readers = [
                from_gguf("f", bytes, true),
                from_json("f", bytes),
                from_card("f", bytes),
                from_notice("f", bytes).map(|hint| vec![hint]),
            ];
            for hints in readers.into_iter().flatten() {
                catalog().combine("it", hints);
            }
        }
    }

    #[test]
    fn any_statements_combine_and_a_contradiction_is_never_known(
        base in prop::sample::select(vec![
            "meta-llama/Llama-2-7b", "meta-llama/Llama-3.1-8B", "mistralai/Mistral-7B", "x",
        ]),
        tag in prop::sample::select(vec!["llama2", "llama3.1", "apache-2.0", "gemma", "other"]),
        shape in prop::sample::select(vec!["llama", "gemma2", "mistral", "x"]),
    ) {
        let hints = [card(&format!("base_model: {base}\nlicense: {tag}")), config(&format!("{{\"model_type\": \"{shape}\"}}"))].concat();
        let resolution = catalog().combine("it", hints).resolution;
        let known = matches!(resolution.outcome, Outcome::Known(_));
        let right = match base {
            "meta-llama/Llama-2-7b" => tag == "llama2" || tag == "other",
            "meta-llama/Llama-3.1-8B" => tag == "llama3.1" || tag == "other",
            "x" => tag.starts_with("llama"),
            _ => false,
        };
        let shaped = base == "x" || shape == "llama" || shape == "x";
        prop_assert_eq!(known, right && shaped, "{} {} {}: {:?}", base, tag, shape, resolution);
    }
}
