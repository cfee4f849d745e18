//! Ids and what they mean, by the fixture and by hand.

use super::*;
use crate::model::Confidence;

#[test]
fn every_id_of_the_fixture_resolves_to_licenses_and_lineage() {
    let catalog = builtin();
    let mut rows = 0;
    let mut wrong = Vec::new();
    for line in include_str!("../../../fixtures/catalog/ids.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, expected, lineage, _where] = fields[..] else {
            panic!("four fields: {line}")
        };
        let found = word(&catalog, id);
        let derives = match catalog.resolve(id).outcome {
            Outcome::Known(known) => known.lineage.map_or("none", LlamaVersion::id),
            Outcome::LlamaVersionUnknown
            | Outcome::Ambiguous { .. }
            | Outcome::NotLlama { .. }
            | Outcome::Unknown => "-",
        };
        if found != expected || derives != lineage {
            wrong.push(format!(
                "{id}: expected {expected} from {lineage}, found {found} from {derives}"
            ));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows, 576);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, one line per id")]
fn ids_that_lie_or_leave_something_out() {
    let catalog = builtin();
    for (id, expected) in [
        // The id and its context length say Llama 3, whatever a vendor's table maps it to.
        ("groq/llama3-8b-8192", "llama-3"),
        // There was no Llama 3 405B.
        (
            "vertex_ai/meta/llama3-405b-instruct-maas",
            "ambiguous:llama-3,llama-3.1",
        ),
        ("meta/llama-3-405b", "ambiguous:llama-3,llama-3.1"),
        ("meta-llama/Llama-3-11B", "ambiguous:llama-3,llama-3.2"),
        // The combination of experts does not exist; the family is not in doubt.
        ("llama-4-scout-17b-128e-instruct-maas", "llama-4"),
        // Separators and spellings.
        (
            "accounts/fireworks/models/llama-v3p1-405b-instruct",
            "llama-3.1",
        ),
        ("LLAMA_3_1_70B", "llama-3.1"),
        ("Llama 3.3 70B Instruct", "llama-3.3"),
        ("llama32-3b", "llama-3.2"),
        // A size is no version.
        ("huggyllama/llama-7b", "llama-1"),
        ("llama-13b", "llama-1"),
        ("llama-65b", "llama-1"),
        ("llama-3b", "version-unknown"),
        ("acme/llama-7b-chat", "ambiguous:llama-1,llama-2"),
        ("oasst-sft-llama-33b", "llama-1"),
        // Versions that do not exist here are not rounded down.
        ("meta-llama/Llama-3.5-70B", "version-unknown"),
        ("meta-llama/Llama-5-8B", "version-unknown"),
        ("meta-llama/Foo", "version-unknown"),
        ("llama", "version-unknown"),
        // Llama in the name, other weights.
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "not-llama:apache-2.0"),
        ("openlm-research/open_llama_3b_v2", "not-llama:apache-2.0"),
        (
            "tokyotech-llm/Gemma-2-Llama-Swallow-27b-it-v0.1",
            "not-llama:gemma-terms",
        ),
        (
            "Aratako/Llama-Gemma-2-27b-SFT-trial1",
            "not-llama:gemma-terms",
        ),
        ("acme/Llama-Mistral-7B-merge", "ambiguous:"),
        ("acme/Llama-3-Qwen2-merge", "ambiguous:llama-3"),
        ("acme/llama-2-into-llama-3-70b", "ambiguous:llama-2,llama-3"),
        // Llama weights, other names.
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "llama-3.1"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "llama-3.3"),
        ("deepseek-r1:8b", "ambiguous:llama-3.1"),
        ("lmsys/vicuna-13b-v1.5-16k", "llama-2"),
        ("lmsys/vicuna-33b-v1.3", "llama-1"),
        ("lmsys/vicuna-13b-delta-v0", "llama-1"),
        ("TheBloke/vicuna-13B-GPTQ", "ambiguous:llama-1,llama-2"),
        ("tatsu-lab/alpaca-7b-wdiff", "llama-1"),
        ("WizardLM/WizardLM-70B-V1.0", "llama-2"),
        ("WizardLM/WizardLM-13B-V1.2", "llama-2"),
        ("WizardLM-7B", "llama-1"),
        ("wizardlm-13b", "ambiguous:llama-1,llama-2"),
        ("microsoft/WizardLM-2-8x22B", "not-llama:"),
        ("openbmb/UltraLM-13b", "llama-1"),
        ("openbmb/UltraLM-13b-v2.0", "llama-2"),
        ("ultralm-65b", "llama-1"),
        ("NousResearch/Nous-Hermes-Llama2-13b", "llama-2"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "llama-3.1"),
        ("NousResearch/Hermes-4-405B", "llama-3.1,llama-3"),
        ("NousResearch/Nous-Hermes-2-Mixtral-8x7B-DPO", "not-llama:"),
        ("teknium/OpenHermes-2.5-Mistral-7B", "not-llama:"),
        ("teknium/OpenHermes-13B", "llama-2"),
        ("allenai/tulu-2-dpo-70b", "llama-2"),
        ("allenai/tulu-65b", "llama-1"),
        ("allenai/Llama-3.1-Tulu-3-8B", "llama-3.1"),
        (
            "nvidia/Llama-3_1-Nemotron-51B-Instruct",
            "llama-3.1,nvidia-open-model",
        ),
        (
            "nvidia/Nemotron-4-340B-Instruct",
            "not-llama:nvidia-open-model",
        ),
        (
            "tokyotech-llm/Llama-3.1-Swallow-70B-Instruct-v0.1",
            "llama-3.1,gemma-terms",
        ),
        ("tokyotech-llm/Llama-3-Swallow-8B-v0.1", "llama-3"),
        ("tokyotech-llm/Swallow-MS-7b-v0.1", "not-llama:"),
        ("cognitivecomputations/dolphin-2.9-llama3-8b", "llama-3"),
        ("cognitivecomputations/dolphin-2.6-mistral-7b", "not-llama:"),
        ("ajibawa-2023/Code-Llama-3-8B", "llama-3"),
        ("Phind/Phind-CodeLlama-34B-v2", "llama-2"),
        ("WizardLM/WizardCoder-Python-34B-V1.0", "llama-2"),
        ("timdettmers/guanaco-33b-merged", "llama-1"),
        ("project-baize/baize-v2-7b", "llama-1"),
        ("upstage/SOLAR-0-70b-16bit", "llama-2"),
        ("upstage/SOLAR-10.7B-Instruct-v1.0", "not-llama:"),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", "llama-3.1"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3.1"),
        ("/data/models/llama-2-7b-hf/checkpoint-300", "llama-2"),
        // A word about training data is not the model.
        ("jondurbin/airoboros-l2-13b-gpt4-m2.0", "llama-2"),
        ("jondurbin/airoboros-33b-gpt4-2.0", "llama-1"),
        ("acme/superchat-gpt4-distilled", "unknown"),
        ("alpaca-7b-neft", "ambiguous:llama-1,llama-2"),
        // A listed model and another version in one name.
        (
            "acme/vicuna-13b-v1.3-Llama-2-merge",
            "ambiguous:llama-1,llama-2",
        ),
        ("acme/TinyLlama-to-Llama-3.1-8B", "ambiguous:llama-3.1"),
        // Not Llama at all.
        ("HuggingFaceH4/zephyr-7b-beta", "not-llama:apache-2.0"),
        ("mistralai/Mistral-7B-v0.3", "not-llama:apache-2.0"),
        ("ollama/mistral", "not-llama:"),
        ("gpt-4", "not-llama:openai-terms"),
        ("openai/gpt-3.5-turbo-0613", "not-llama:openai-terms"),
        ("openai/gpt-oss-20b", "not-llama:"),
        ("anthropic/claude-3-opus", "not-llama:anthropic-terms"),
        ("Qwen/Qwen-7B-Chat", "not-llama:tongyi-qianwen"),
        ("Qwen/Qwen2.5-72B-Instruct", "not-llama:qwen-2024"),
        ("Qwen/Qwen3-8B", "not-llama:apache-2.0"),
        ("google/gemma-2-9b-it", "not-llama:gemma-terms"),
        ("tiiuae/falcon-40b-instruct", "not-llama:"),
        ("mosaicml/mpt-30b-chat", "not-llama:"),
        (
            "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct",
            "not-llama:exaone-1.1-nc",
        ),
        // Nothing is known.
        ("acme/superchat-7b", "unknown"),
        ("", "unknown"),
        ("/", "unknown"),
        ("ollama/superchat", "unknown"),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

#[test]
fn an_id_that_does_not_tell_may_be_multimodal() {
    let catalog = builtin();
    for (id, expected) in [
        ("groq/llama-3.2-11b-text-preview", true),
        ("meta.llama3-2-90b-instruct-v1:0", true),
        ("llama3.2-vision", true),
        ("llama3.2:3b", false),
        ("meta-llama/Llama-3.2-1B-Instruct", false),
        // Ollama's bare tag has meant the 3B text model.
        ("llama3.2", false),
        ("acme/chatty-llama-3.2", true),
        ("meta-llama/Llama-4-Scout-17B-16E", true),
        ("llama-3.3-70b", false),
        ("llama-3.1-405b", false),
    ] {
        assert_eq!(known(&catalog, id).multimodal, expected, "{id}");
    }
}

#[test]
fn a_copy_is_not_a_derivative_and_a_fine_tune_is() {
    let catalog = builtin();
    for (id, derivative) in [
        ("meta-llama/Meta-Llama-3-8B-Instruct", false),
        ("TheBloke/Llama-2-13B-chat-GPTQ", false),
        ("us.meta.llama3-1-405b-instruct-v1:0", false),
        (
            "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo-Free",
            false,
        ),
        ("cognitivecomputations/dolphin-2.9-llama3-8b", true),
        ("acme/llama-3-8b-support", true),
    ] {
        let resolution = catalog.resolve(id);
        assert_eq!(known(&catalog, id).derivative, derivative, "{id}");
        if derivative {
            assert_eq!(resolution.confidence, Confidence::Name, "{id}");
            assert!(
                resolution.note.contains("name"),
                "{id}: {}",
                resolution.note
            );
        }
    }
}

#[test]
fn resolving_never_panics_and_answers_hostile_ids() {
    let catalog = builtin();
    let long = "llama-".repeat(1000);
    assert_eq!(word(&catalog, &long), "unknown");
    for id in [
        "llama-",
        "llama-v",
        "llama3.",
        "llama-3-",
        "ＬＬＡＭＡ-3",
        "llama-3\u{0}8b",
        "//llama//",
        "🦙-3",
        "llama-99999999999999999999b",
        "llamallama2llama3",
    ] {
        // Any answer will do; it must be one.
        assert!(!word(&catalog, id).is_empty(), "{id}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_resolves_and_case_does_not_matter(id in "[ -~]{0,40}") {
        let catalog = builtin();
        proptest::prop_assert_eq!(word(&catalog, &id), word(&catalog, &id.to_ascii_uppercase()));
    }
}
