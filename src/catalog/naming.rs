//! The naming rule: what a name with "llama" in it says about version, size and maker.

use std::sync::Arc;

use crate::model::Confidence;
use crate::model::KnownModel;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Outcome;

use super::Catalog;
use super::glob::normalise;
use super::load::VersionEntry;
use super::resolve::Answer;
use super::version::Named;

/// The rule for a size that two versions have, in a name that states none.
pub(super) const SIZE_WITHOUT_VERSION: &str = "name:size-without-version";

/// Words of a name that say nothing about who trained the model: variants, formats, quantisation,
/// hosts. A name made only of these, a version and sizes is Meta's own model or a copy of it.
const PLAIN_WORDS: &[&str] = &[
    // Whose and what.
    "meta",
    "llama",
    "instruct",
    "chat",
    "hf",
    "base",
    "it",
    "text",
    "vision",
    "preview",
    "scout",
    "maverick",
    "original",
    "pretrain",
    "pretrained",
    "code",
    "codellama",
    "python",
    "model",
    // Formats and quantisation.
    "fp8",
    "fp16",
    "fp32",
    "bf16",
    "int4",
    "int8",
    "nf4",
    "awq",
    "gptq",
    "gguf",
    "ggml",
    "exl2",
    "mlx",
    "bnb",
    "qlora",
    "spinquant",
    "eo8",
    "quantized",
    "dynamic",
    "imatrix",
    "gemm",
    "hqq",
    "q2",
    "q3",
    "q4",
    "q5",
    "q6",
    "q8",
    "k",
    "m",
    "s",
    "l",
    "xs",
    "xxs",
    "0",
    "1",
    "iq2",
    "iq3",
    "iq4",
    "w4a16",
    "w8a8",
    "4bit",
    "8bit",
    "2bit",
    "128g",
    "safetensors",
    "bin",
    "pth",
    // Variants of hosts.
    "turbo",
    "lite",
    "free",
    "fast",
    "versatile",
    "instant",
    "reasoning",
    "specdec",
    "maas",
    "basic",
    "long",
    "nitro",
    "extended",
    "latest",
    "lora",
    "fast",
    "deploy",
    "textgeneration",
    "f",
    "b",
    "g",
    "8192",
    "4096",
    "32768",
    "128k",
    "8k",
    "32k",
    "16e",
    "128e",
    "v1",
    "v1p0",
    // Hosts.
    "us",
    "eu",
    "apac",
    "global",
    "gov",
    "system",
    "ai",
    "default",
    "floor",
    "exacto",
    "of",
    "snapshots",
    "databricks",
    "bedrock",
    "evals",
    "openai",
    "vllm",
    "tool",
    "unsloth",
];

/// The naming rule. `beside` is the key of other weights that the same name also speaks of.
pub(super) fn llama_outcome(
    catalog: &Catalog,
    normal: &str,
    named: &Named,
    beside: Option<&str>,
) -> Answer {
    if let Some(other) = beside {
        return ambiguous(
            catalog,
            &named.versions,
            true,
            "name:two-families",
            format!("the name speaks of Llama and of {other}; state the base in a lineage entry"),
        );
    }
    if let Some(number) = named.unsupported.first() {
        return Answer {
            outcome: Outcome::LlamaVersionUnknown,
            rule: "name:llama-version".to_owned(),
            confidence: Confidence::Rule,
            note: format!("no license of a Llama {number} is in the catalog"),
        };
    }
    match *named.versions {
        [] => unversioned(catalog, normal, named),
        [version] => versioned(catalog, normal, named, version),
        _ => ambiguous(
            catalog,
            &named.versions,
            false,
            "name:two-versions",
            "the name speaks of more than one Llama version".to_owned(),
        ),
    }
}

pub(super) fn ambiguous(
    catalog: &Catalog,
    versions: &[LlamaVersion],
    maybe_not_llama: bool,
    rule: &str,
    note: String,
) -> Answer {
    let candidates = versions
        .iter()
        .filter_map(|v| catalog.llama(*v))
        .map(Arc::clone)
        .collect();
    Answer {
        outcome: Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        },
        rule: rule.to_owned(),
        confidence: Confidence::Name,
        note,
    }
}

/// A name with one version in it.
fn versioned(catalog: &Catalog, normal: &str, named: &Named, version: LlamaVersion) -> Answer {
    let sizes = sizes(normal);
    let plain = is_plain(&named.rest);
    let Some(entry) = catalog.versions.iter().find(|entry| entry.llama == version) else {
        // The loader refuses a catalog without an entry for each version.
        return unknown_version("no sizes of this version are in the catalog");
    };
    if plain && !sizes.is_empty() && !sizes.iter().any(|size| entry.sizes.contains(size)) {
        let mut candidates = vec![version];
        for other in &catalog.versions {
            if other.llama != version && sizes.iter().any(|size| other.sizes.contains(size)) {
                candidates.push(other.llama);
            }
        }
        candidates.sort_unstable();
        return ambiguous(
            catalog,
            &candidates,
            false,
            "name:size-contradicts-version",
            format!("no {version} of this size was published"),
        );
    }
    let (multimodal, note) = multimodal(entry, normal, &sizes);
    known(catalog, version, plain, None, multimodal, note)
}

/// Llama in the name, without a version.
fn unversioned(catalog: &Catalog, normal: &str, named: &Named) -> Answer {
    if normal.contains("codellama") || normal.contains("code-llama") {
        let plain = is_plain(&named.rest);
        return known(
            catalog,
            LlamaVersion::V2,
            plain,
            Some("Code Llama"),
            false,
            String::new(),
        );
    }
    let sizes = sizes(normal);
    // These sizes exist in LLaMA 1 only.
    if sizes.iter().any(|size| matches!(size, 30 | 33 | 65)) {
        let note = "this size exists in LLaMA 1 only".to_owned();
        return known(
            catalog,
            LlamaVersion::V1,
            is_plain(&named.rest),
            None,
            false,
            note,
        );
    }
    if sizes.iter().any(|size| matches!(size, 7 | 13)) {
        return ambiguous(
            catalog,
            &[LlamaVersion::V1, LlamaVersion::V2],
            false,
            SIZE_WITHOUT_VERSION,
            "this size exists in LLaMA 1 and Llama 2; state the version".to_owned(),
        );
    }
    unknown_version("the id names Llama without a version; state the full id")
}

fn unknown_version(note: &str) -> Answer {
    Answer {
        outcome: Outcome::LlamaVersionUnknown,
        rule: "name:llama".to_owned(),
        confidence: Confidence::Name,
        note: note.to_owned(),
    }
}

fn known(
    catalog: &Catalog,
    version: LlamaVersion,
    plain: bool,
    family: Option<&str>,
    multimodal: bool,
    note: String,
) -> Answer {
    let licenses: Vec<Arc<License>> = catalog.llama(version).map(Arc::clone).into_iter().collect();
    if licenses.is_empty() {
        return unknown_version("the catalog lacks the license of this version");
    }
    let base = family.unwrap_or_else(|| version.label());
    let (family, confidence) = if plain {
        (base.to_owned(), Confidence::Rule)
    } else {
        (format!("a derivative of {base}"), Confidence::Name)
    };
    Answer {
        outcome: Outcome::Known(KnownModel {
            family,
            lineage: Some(version),
            licenses,
            multimodal,
            derivative: !plain,
        }),
        rule: "name:llama-version".to_owned(),
        confidence,
        note: match (plain, note.is_empty()) {
            (_, false) => note,
            (true, true) => String::new(),
            (false, true) => "lineage taken from the name alone".to_owned(),
        },
    }
}

/// Whether the model takes images, and what to say about it. An id that does not tell counts as
/// multimodal, so that an unstated fact is not read in the run's favour.
fn multimodal(entry: &VersionEntry, normal: &str, sizes: &[u32]) -> (bool, String) {
    if entry.always_multimodal {
        return (true, String::new());
    }
    if entry.multimodal_sizes.is_empty() {
        return (false, String::new());
    }
    if normal.contains("vision")
        || sizes
            .iter()
            .any(|size| entry.multimodal_sizes.contains(size))
    {
        return (true, String::new());
    }
    if sizes.iter().any(|size| entry.sizes.contains(size)) {
        return (false, String::new());
    }
    let floating = normal == "llama3-2" || normal == "llama3-2-latest";
    if floating {
        // Ollama's bare tag is the 3B text model.
        return (
            false,
            "a bare tag floats; it has meant the 3B text model".to_owned(),
        );
    }
    (
        true,
        "the id does not tell the size, so it may be a multimodal model".to_owned(),
    )
}

/// Whole sizes in billions that stand in a normalised name as words of their own.
fn sizes(normal: &str) -> Vec<u32> {
    normal
        .split('-')
        .filter_map(|word| {
            let word = word.rsplit("llama").next().unwrap_or(word);
            let digits = word.strip_suffix('b')?;
            // More than four digits is no size; a failed parse is therefore not one either.
            if digits.len() > 4 {
                None
            } else {
                digits.bytes().try_fold(0_u32, digit)
            }
        })
        .filter(|size| *size > 0)
        .collect()
}

fn digit(value: u32, byte: u8) -> Option<u32> {
    byte.is_ascii_digit()
        .then(|| value * 10 + u32::from(byte - b'0'))
}

/// Whether the words left beside the version say nothing about who trained the model.
fn is_plain(rest: &str) -> bool {
    normalise(rest)
        .split('-')
        .filter(|word| !word.is_empty())
        .all(|word| {
            PLAIN_WORDS.contains(&word) || !sizes(word).is_empty() || is_number_or_digest(word)
        })
}

/// Dates, context lengths, parts of a split file, and the digests that hosts append.
fn is_number_or_digest(word: &str) -> bool {
    let number = word.len() >= 3 && word.bytes().all(|b| b.is_ascii_digit());
    // *Chosen*: 32 digits is the shortest digest in use (MD5); no word of a name is as long.
    number || (word.len() >= 32 && word.bytes().all(|b| b.is_ascii_hexdigit()))
}
