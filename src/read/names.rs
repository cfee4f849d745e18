//! What the name of a key says about the text under it.
//!
//! A name is compared letters and digits only, case ignored, so that `ResponseMessages`,
//! `response_messages` and `response-messages` are one. The lists follow the public log and
//! dataset formats (Bedrock, `OpenAI` and vLLM batches, Ollama, `OpenTelemetry`, distilabel,
//! `alpaca_eval`, `UltraFeedback`, `ShareGPT`, arena sets); a name that is on none of them says nothing.

use crate::model::Role;

/// What kind of thing a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyClass {
    /// Generated text.
    Output,
    /// Text given to the model.
    Prompt,
    /// The text of a chat turn, or a part of it.
    Content,
    /// A wrapper that says nothing of its own.
    Wrapper,
    /// Who speaks in a chat turn.
    Speaker,
    /// The id of the generating model; a lower rank is preferred.
    Model(u8),
    /// Anything else.
    Other,
}

const OUTPUT: &[&str] = &[
    "output",
    "outputs",
    "outputtext",
    "outputmessages",
    "genaioutputmessages",
    "response",
    "responses",
    "responsetext",
    "responsemessages",
    "fullresponse",
    "responsepayload",
    "resps",
    "completion",
    "completions",
    "completiontext",
    "generation",
    "generations",
    "answer",
    "answers",
    "modeloutput",
    "modeloutputs",
    "modelresponse",
    "modelanswer",
    "modelcompletion",
    "llmoutput",
    "llmresponse",
    "prediction",
    "predictions",
    "chosen",
    "rejected",
    "assistant",
    "gpt",
    "bot",
    "reply",
    "choices",
    "candidates",
    "thinking",
    "reasoning",
    "reasoningcontent",
    "reasoningtext",
];

const PROMPT: &[&str] = &[
    "instruction",
    "instructions",
    "prompt",
    "prompts",
    "input",
    "inputs",
    "inputtext",
    "inputmessages",
    "genaiinputmessages",
    "genaisysteminstructions",
    "question",
    "questions",
    "query",
    "queries",
    "problem",
    "system",
    "systemprompt",
    "systeminstruction",
    "systeminstructions",
    "customsystemprompt",
    "context",
    "contexts",
    "history",
    "user",
    "human",
    "userprompt",
    "userinput",
    "userquery",
    "request",
    "requests",
    "requestmessages",
    "fullrequest",
    "requestpayload",
];

const CONTENT: &[&str] = &[
    "content",
    "contents",
    "value",
    "text",
    "parts",
    "toolcalls",
    "functioncall",
    "refusal",
];

const WRAPPER: &[&str] = &[
    "body",
    "message",
    "messages",
    "conversation",
    "conversations",
    "dialog",
    "dialogue",
    "turns",
    "delta",
    "data",
    "result",
    "results",
    "payload",
    "outputbodyjson",
    "inputbodyjson",
    "function",
    "arguments",
    "values",
    "items",
    "raw",
];

/// In order of preference: the model that served goes before the one that was asked for.
const MODEL: &[&str] = &[
    "genairesponsemodel",
    "servedmodel",
    "modelserved",
    "model",
    "models",
    "modelname",
    "modelnames",
    "modelid",
    "modelids",
    "generator",
    "generators",
    "generatormodel",
    "generationmodel",
    "modelused",
    "modelidentifier",
    "providedmodelname",
    "llm",
    "llmname",
    "genairequestmodel",
    "modelversion",
];

/// Words that tie a column to the model beside it: `response_a` to `model_a`.
const AFFIXES: &[&str] = &[
    "a", "b", "c", "d", "0", "1", "2", "3", "4", "chosen", "rejected", "left", "right",
];

/// A key's class, and the affix that ties it to a sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyMeaning {
    pub(super) class: KeyClass,
    pub(super) affix: Option<&'static str>,
}

pub(super) fn meaning(key: &str) -> KeyMeaning {
    let flat = flatten(key);
    let class = class_of(&flat);
    if class != KeyClass::Other {
        let affix = AFFIXES.iter().copied().find(|affix| *affix == flat);
        return KeyMeaning { class, affix };
    }
    if flat.len() > "generated".len() && flat.starts_with("generated") {
        return KeyMeaning {
            class: KeyClass::Output,
            affix: None,
        };
    }
    let words: Vec<String> = key
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let known = |word: &String| AFFIXES.iter().copied().find(|affix| affix == word);
    let split = match words.as_slice() {
        [base @ .., last] if !base.is_empty() && known(last).is_some() => {
            known(last).map(|affix| (base.concat(), affix))
        }
        [first, base @ ..] if !base.is_empty() && first.len() > 1 => {
            known(first).map(|affix| (base.concat(), affix))
        }
        _ => None,
    };
    match split {
        Some((base, affix)) => KeyMeaning {
            class: class_of(&base),
            affix: Some(affix),
        },
        None => KeyMeaning {
            class: KeyClass::Other,
            affix: None,
        },
    }
}

fn class_of(flat: &str) -> KeyClass {
    if flat == "role" || flat == "from" {
        return KeyClass::Speaker;
    }
    if let Some(rank) = MODEL.iter().position(|name| *name == flat) {
        return KeyClass::Model(u8::try_from(rank).unwrap_or(u8::MAX));
    }
    let lists = [
        (OUTPUT, KeyClass::Output),
        (PROMPT, KeyClass::Prompt),
        (CONTENT, KeyClass::Content),
    ];
    for (names, class) in lists {
        if names.contains(&flat) {
            return class;
        }
    }
    if WRAPPER.contains(&flat) {
        KeyClass::Wrapper
    } else {
        KeyClass::Other
    }
}

fn flatten(key: &str) -> String {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a list of integers under this name is text in the form of token ids.
pub(super) fn names_tokens(key: &str) -> bool {
    let flat = flatten(key);
    flat == "tokens"
        || flat == "ids"
        || [
            "inputids",
            "tokenids",
            "inputtokens",
            "outputids",
            "outputtokens",
            "labelids",
        ]
        .contains(&flat.as_str())
        || [
            "tokenids",
            "inputids",
            "outputids",
            "responseids",
            "completionids",
            "promptids",
        ]
        .iter()
        .any(|end| flat.ends_with(end))
}

/// What a speaker word says; `None` for a word that is not known.
pub(super) fn speaker(word: &str) -> Option<Role> {
    // "assistant" and "user" make up nearly all turns.
    match word {
        "assistant" => return Some(Role::Output),
        "user" => return Some(Role::Prompt),
        _ => {}
    }
    if word.len() > 32 {
        return None;
    }
    match flatten(word).as_str() {
        "assistant" | "gpt" | "model" | "bot" | "chatbot" | "chatgpt" | "bing" | "bard" | "ai"
        | "llm" | "agent" | "gpt4" | "gpt35" => Some(Role::Output),
        "user" | "human" | "system" | "tool" | "function" | "developer" | "prompter"
        | "observation" | "environment" | "ipython" | "functionresponse" | "toolresponse" => {
            Some(Role::Prompt)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_known_formats() {
        let cases = [
            ("output", KeyClass::Output, None),
            ("Generated_Text", KeyClass::Output, None),
            ("generated_solution", KeyClass::Output, None),
            ("ResponseMessages", KeyClass::Output, None),
            ("gen_ai.output.messages", KeyClass::Output, None),
            ("gen_ai.input.messages", KeyClass::Prompt, None),
            ("chosen", KeyClass::Output, Some("chosen")),
            ("response_a", KeyClass::Output, Some("a")),
            ("conversation_b", KeyClass::Wrapper, Some("b")),
            ("chosen_model", KeyClass::Model(3), Some("chosen")),
            ("model_b", KeyClass::Model(3), Some("b")),
            ("modelId", KeyClass::Model(7), None),
            ("generator", KeyClass::Model(9), None),
            ("from", KeyClass::Speaker, None),
            ("custom_system_prompt", KeyClass::Prompt, None),
            ("response_id", KeyClass::Other, None),
            ("critique", KeyClass::Other, None),
            ("id", KeyClass::Other, None),
        ];
        for (key, class, affix) in cases {
            assert_eq!(meaning(key), KeyMeaning { class, affix }, "{key}");
        }
    }

    #[test]
    fn speakers() {
        assert_eq!(speaker("gpt"), Some(Role::Output));
        assert_eq!(speaker("Assistant"), Some(Role::Output));
        assert_eq!(speaker("SYSTEM"), Some(Role::Prompt));
        assert_eq!(speaker("alice@example.org"), None);
    }

    #[test]
    fn token_columns() {
        for name in [
            "input_ids",
            "prompt_token_ids",
            "tokens",
            "chosen_input_ids",
            "token_ids",
        ] {
            assert!(names_tokens(name), "{name}");
        }
        for name in ["attention_mask", "labels", "scores", "text"] {
            assert!(!names_tokens(name), "{name}");
        }
    }
}
