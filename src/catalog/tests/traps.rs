//! Every id that is known to mislead, each with the reason.

use super::*;
use crate::model::Confidence;

/// A provider's table maps it to Llama 3.1; its own name and its context of 8,192 tokens say
/// Llama 3, whose license bans what that of 3.1 allows. The id is believed, the table is not.
#[test]
fn groq_llama3_8b_8192_is_llama_3_whatever_a_table_says() {
    let catalog = builtin();
    for id in ["groq/llama3-8b-8192", "llama3-70b-8192"] {
        assert_eq!(word(&catalog, id), "llama-3", "{id}");
    }
}

/// Llama 3 had 8B and 70B only, so at least the 405B is a Llama 3.1 under a wrong name; what the
/// host means by the other two is then open as well.
#[test]
fn vertex_llama3_405b_cannot_be_llama_3() {
    let catalog = builtin();
    for size in ["405b", "70b", "8b"] {
        let id = format!("vertex_ai/meta/llama3-{size}-instruct-maas");
        assert_eq!(word(&catalog, &id), "ambiguous:llama-3,llama-3.1", "{id}");
    }
    // The same name at a host without an entry is caught by the size.
    let resolution = catalog.resolve("watsonx/meta-llama/llama-3-405b-instruct");
    assert_eq!(resolution.rule, "name:size-contradicts-version");
}

/// A provider's table maps the chat model to the base one. Both stand under the same license, so
/// only the id is resolved and no table is imported.
#[test]
fn watsonx_llama_2_13b_chat_is_llama_2() {
    assert_eq!(word(&builtin(), "meta-llama/llama-2-13b-chat"), "llama-2");
}

/// Scout has 16 experts and Maverick 128; lists hold the crossed names. Which of the two answers
/// is not told, but both are Llama 4 and multimodal.
#[test]
fn llama_4_with_the_other_models_experts_is_still_llama_4() {
    let catalog = builtin();
    for id in [
        "vertex_ai/meta/llama-4-scout-17b-128e-instruct-maas",
        "vertex_ai/meta/llama-4-maverick-17b-16e-instruct-maas",
    ] {
        let known = known(&catalog, id);
        assert_eq!(known.lineage, Some(LlamaVersion::V4), "{id}");
        assert!(known.multimodal, "{id}");
    }
}

/// A text endpoint of a multimodal model: the model is what the European clause speaks of.
#[test]
fn a_text_endpoint_of_a_vision_model_is_multimodal() {
    let catalog = builtin();
    for id in [
        "groq/llama-3.2-11b-text-preview",
        "groq/llama-3.2-90b-text-preview",
    ] {
        assert!(known(&catalog, id).multimodal, "{id}");
    }
}

/// A bare Ollama tag floats. Where the generations of a name differ, it stays open.
#[test]
fn bare_ollama_tags_float() {
    let catalog = builtin();
    let bare = catalog.resolve("llama3.2");
    assert!(bare.note.contains("floats"), "{}", bare.note);
    assert_eq!(word(&catalog, "llama3"), "llama-3");
    assert_eq!(word(&catalog, "vicuna"), "ambiguous:llama-1,llama-2");
    assert_eq!(
        word(&catalog, "llama-guard3"),
        "ambiguous:llama-3.1,llama-3.2"
    );
}

/// A derivative by another name: not Meta's own model, but under its license.
#[test]
fn llama2_uncensored_is_a_derivative_of_llama_2() {
    let known = known(&builtin(), "ollama/llama2-uncensored");
    assert_eq!(known.lineage, Some(LlamaVersion::V2));
    assert!(known.derivative);
}

/// `3.1` is written in seven ways. Reading only `llama-3` would ban what is allowed, reading only
/// `3` the reverse.
#[test]
fn every_separator_of_a_version_is_read() {
    let catalog = builtin();
    for (id, expected) in [
        ("Meta-Llama-3.1-8B", "llama-3.1"),
        ("llama-3-1-8b-instruct", "llama-3.1"),
        ("Llama-3_1-8B", "llama-3.1"),
        ("llama-v3p1-8b-instruct", "llama-3.1"),
        ("meta.llama3-1-8b-instruct-v1:0", "llama-3.1"),
        ("llama3.1:8b", "llama-3.1"),
        ("Meta-Llama-3_3-70B-Instruct", "llama-3.3"),
        ("llama3-8b", "llama-3"),
        ("llama-3-8b", "llama-3"),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

/// The file beside the weights is the Llama 2 text, the README says Llama 3: both are applied, the
/// base's first.
#[test]
fn llama_guard_2_stands_under_two_licenses() {
    let catalog = builtin();
    let guard = known(&catalog, "meta-llama/Meta-Llama-Guard-2-8B");
    assert_eq!(guard.lineage, Some(LlamaVersion::V3));
    assert_eq!(
        word(&catalog, "meta-llama/Meta-Llama-Guard-2-8B"),
        "llama-3,llama-2"
    );
}

/// Made from Llama 3.1 8B, published with the Llama 3.2 text and its European clause.
#[test]
fn llama_guard_3_8b_carries_base_and_file() {
    let catalog = builtin();
    let guard = known(&catalog, "meta-llama/Llama-Guard-3-8B");
    assert_eq!(guard.lineage, Some(LlamaVersion::V3_1));
    assert!(!guard.multimodal);
    assert_eq!(
        word(&catalog, "meta-llama/Llama-Guard-3-8B"),
        "llama-3.1,llama-3.2"
    );
}

/// The sizes of Llama Guard 3 stand on different versions; the vision model takes images.
#[test]
fn llama_guard_3_differs_by_size() {
    let catalog = builtin();
    let small = known(&catalog, "meta-llama/Llama-Guard-3-1B-INT4");
    assert_eq!(
        (small.lineage, small.multimodal),
        (Some(LlamaVersion::V3_2), false)
    );
    let vision = known(&catalog, "meta-llama/Llama-Guard-3-11B-Vision");
    assert_eq!(
        (vision.lineage, vision.multimodal),
        (Some(LlamaVersion::V3_2), true)
    );
}

/// Pruned from Scout, hence multimodal although it only classifies.
#[test]
fn llama_guard_4_is_multimodal() {
    let guard = known(&builtin(), "meta-llama/Llama-Guard-4-12B");
    assert_eq!(
        (guard.lineage, guard.multimodal),
        (Some(LlamaVersion::V4), true)
    );
}

/// Made from Llama 2 7B; a community copy has the same name.
#[test]
fn llama_guard_1_is_llama_2() {
    let catalog = builtin();
    for id in ["meta-llama/LlamaGuard-7b", "TheBloke/LlamaGuard-7B-GGUF"] {
        assert_eq!(word(&catalog, id), "llama-2", "{id}");
    }
}

/// A guard of no stated generation could stand under any of five licenses.
#[test]
fn a_guard_without_a_generation_is_of_no_known_version() {
    assert_eq!(word(&builtin(), "llama-guard"), "version-unknown");
}

/// A name with Llama in it on weights that are `mDeBERTa`: the license covers it, the lineage is
/// none, and its documents name three licenses.
#[test]
fn prompt_guard_is_no_llama_and_stands_under_llama_licenses() {
    let catalog = builtin();
    let first = known(&catalog, "meta-llama/Prompt-Guard-86M");
    assert_eq!(first.lineage, None);
    assert_eq!(first.licenses.len(), 3);
    let second = known(&catalog, "meta-llama/Llama-Prompt-Guard-2-86M");
    assert_eq!(second.lineage, None);
    assert_eq!(
        word(&catalog, "meta-llama/Llama-Prompt-Guard-2-22M"),
        "llama-4"
    );
}

/// One repository, one headline license (MIT), two bases.
#[test]
fn the_r1_distillations_have_different_bases() {
    let catalog = builtin();
    for (id, version) in [
        (
            "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
            LlamaVersion::V3_1,
        ),
        (
            "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
            LlamaVersion::V3_3,
        ),
        ("lambda_ai/deepseek-llama3.3-70b", LlamaVersion::V3_3),
    ] {
        assert_eq!(known(&catalog, id).lineage, Some(version), "{id}");
        assert_eq!(catalog.resolve(id).confidence, Confidence::Listed, "{id}");
    }
    let qwen = "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B";
    assert_eq!(word(&catalog, qwen), "not-llama:deepseek-terms");
}

/// Vicuna up to 1.3 is `LLaMA` 1 (research only), from 1.5 Llama 2 (bans other models).
#[test]
fn vicuna_changes_its_base_at_1_5() {
    let catalog = builtin();
    assert_eq!(word(&catalog, "lmsys/vicuna-13b-v1.5"), "llama-2");
    assert_eq!(word(&catalog, "lmsys/vicuna-13b-v1.3"), "llama-1");
    assert_eq!(word(&catalog, "lmsys/vicuna-7b-delta-v1.1"), "llama-1");
}

/// The card's tag is NVIDIA's license, the notice beside it carries the Llama line.
#[test]
fn nemotron_on_llama_stands_under_both_licenses() {
    let catalog = builtin();
    let id = "nvidia/Llama-3_1-Nemotron-51B-Instruct";
    assert_eq!(word(&catalog, id), "llama-3.1,nvidia-open-model");
    let own = "nvidia/Nemotron-4-340B-Instruct";
    assert_eq!(word(&catalog, own), "not-llama:nvidia-open-model");
}

/// Tuned on Gemma outputs: the Gemma terms flow down on top of the base's license.
#[test]
fn swallow_3_1_carries_the_gemma_terms_as_well() {
    let id = "tokyotech-llm/Llama-3.1-Swallow-70B-Instruct-v0.1";
    assert_eq!(word(&builtin(), id), "llama-3.1,gemma-terms");
}

/// Llama in the name by the naming duty, on Gemma weights.
#[test]
fn the_naming_duty_puts_llama_into_names_of_other_weights() {
    let catalog = builtin();
    for id in [
        "Aratako/Llama-Gemma-2-27b-SFT-trial1",
        "tokyotech-llm/Gemma-2-Llama-Swallow-27b-it-v0.1",
    ] {
        assert_eq!(word(&catalog, id), "not-llama:gemma-terms", "{id}");
    }
}

/// A card tagged `llama3` on a Llama 3.1 base: both licenses are applied.
#[test]
fn hermes_4_carries_the_license_of_its_base_and_of_its_tag() {
    assert_eq!(
        word(&builtin(), "NousResearch/Hermes-4-70B"),
        "llama-3.1,llama-3"
    );
}

/// Old and new Qwen texts differ in kind, and many sizes stand under neither.
#[test]
fn qwen_ids_lead_to_the_license_of_their_generation() {
    let catalog = builtin();
    for (id, expected) in [
        ("Qwen/Qwen-7B-Chat", "not-llama:tongyi-qianwen"),
        ("Qwen/Qwen-72B", "not-llama:tongyi-qianwen"),
        ("Qwen/Qwen1.5-32B-Chat", "not-llama:tongyi-qianwen"),
        ("Qwen/Qwen2-72B-Instruct", "not-llama:qwen-2024"),
        ("Qwen/Qwen2.5-3B-Instruct", "not-llama:qwen-2024"),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "not-llama:qwen-2024"),
        ("Qwen/Qwen2.5-32B-Instruct", "not-llama:apache-2.0"),
        ("Qwen/Qwen3-8B", "not-llama:apache-2.0"),
        // Nothing in the catalog says which license this one has.
        ("qwen-max", "not-llama:"),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

/// One maker, five positions.
#[test]
fn mistral_ids_lead_to_the_license_of_the_model() {
    let catalog = builtin();
    for (id, expected) in [
        (
            "mistralai/Codestral-22B-v0.1",
            "not-llama:mistral-non-production",
        ),
        ("codestral-latest", "not-llama:mistral-platform-terms"),
        (
            "mistralai/Mistral-Large-Instruct-2407",
            "not-llama:mistral-research",
        ),
        (
            "mistralai/Ministral-8B-Instruct-2410",
            "not-llama:mistral-research",
        ),
        ("mistralai/Mistral-7B-Instruct-v0.3", "not-llama:apache-2.0"),
        ("mistralai/Mixtral-8x22B-v0.1", "not-llama:apache-2.0"),
        ("mistral-medium-latest", "not-llama:mistral-platform-terms"),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

/// V2 has a license that flows down, R1 was published under MIT.
#[test]
fn deepseek_ids_lead_to_the_license_of_the_generation() {
    let catalog = builtin();
    for (id, expected) in [
        (
            "deepseek-ai/DeepSeek-V2-Chat",
            "not-llama:deepseek-model-1.0",
        ),
        (
            "deepseek-ai/deepseek-coder-33b-instruct",
            "not-llama:deepseek-model-1.0",
        ),
        ("deepseek-ai/DeepSeek-V3", "not-llama:deepseek-model-1.0"),
        ("deepseek-ai/DeepSeek-R1", "not-llama:deepseek-terms"),
        ("deepseek-reasoner", "not-llama:deepseek-terms"),
        (
            "nvidia/Cosmos-Reason1-7B",
            "not-llama:nvidia-open-model-cosmos",
        ),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

/// Models on Llama's architecture with weights of their own, and names that many bases share.
#[test]
fn an_architecture_is_no_lineage_and_a_brand_neither() {
    let catalog = builtin();
    for (id, expected) in [
        ("01-ai/Yi-34B-Chat", "not-llama:"),
        ("upstage/SOLAR-10.7B-Instruct-v1.0", "not-llama:"),
        ("openchat/openchat-3.5-0106", "not-llama:"),
        ("openchat/openchat-3.6-8b-20240522", "llama-3"),
        ("openchat/openchat_v3.2", "llama-2"),
        ("openchat/openchat_v2", "llama-1"),
        (
            "VAGOsolutions/Llama-3.1-SauerkrautLM-8b-Instruct",
            "llama-3.1",
        ),
        ("VAGOsolutions/SauerkrautLM-Nemo-12b-Instruct", "not-llama:"),
        (
            "VAGOsolutions/SauerkrautLM-7b-v1",
            "ambiguous:llama-2,llama-3,llama-3.1",
        ),
        ("deepcogito/cogito-v1-preview-llama-8B", "llama-3.1"),
        (
            "deepcogito/cogito-v2-preview-deepseek-671B",
            "ambiguous:llama-3.1,llama-3.2,llama-3.3,llama-4",
        ),
        ("perplexity/sonar-pro", "ambiguous:llama-3.3"),
        (
            "NousResearch/DeepHermes-3-Llama-3-8B-Preview",
            "ambiguous:llama-3,llama-3.1",
        ),
        ("together_ai/Salesforce/Llama-Rank-V1", "llama-3"),
    ] {
        assert_eq!(word(&catalog, id), expected, "{id}");
    }
}

/// What nobody read is said to be so, and counts for less than what was.
#[test]
fn general_knowledge_is_worth_less_and_says_so() {
    let catalog = builtin();
    let recalled = catalog.resolve("microsoft/Orca-2-13b");
    assert_eq!(recalled.confidence, Confidence::Recalled);
    assert!(
        recalled.note.contains("general knowledge"),
        "{}",
        recalled.note
    );
    let read = catalog.resolve("lmsys/vicuna-13b-v1.5");
    assert_eq!(read.confidence, Confidence::Listed);
    assert!(!read.note.contains("general knowledge"), "{}", read.note);
    assert!(Confidence::Name < Confidence::Recalled && Confidence::Recalled < Confidence::Rule);
}
