//! Turns of a transcript that stands inside one string, and texts that were packed into one.
//!
//! A chat template or a packed sequence puts several texts into one field, between markers that
//! belong to the model and not to a writer: `<|im_start|>assistant`, `[/INST]`, `### Response:`,
//! `</s>`. An answer inside is a text of its own: it can be equal to a registered one, and what
//! stands before it is its prompt. [`turns`] gives the pieces with who speaks.
//!
//! Only markers are read, no language is guessed: `Human:` and `Assistant:` in prose count only
//! where both stand at beginnings of lines. Text that no marker opens is nobody's.
//!
//! Pure: no I/O, no clock. Linear in the length of the text.
//!
//! Sources: the chat templates of Llama 2 (`[INST]`), Llama 3 and 4 (header ids), `ChatML`, Gemma,
//! Zephyr, Stanford Alpaca and Vicuna as their tokenizers publish them.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::MatchKind;

/// Who speaks a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The model: what may be output.
    Model,
    /// Whoever asks, and what the system or a tool says: the prompt.
    Asker,
    /// No marker says.
    Unknown,
}

/// One turn: what stands between two markers, white space at both ends left out. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'t> {
    /// Who speaks.
    pub speaker: Speaker,
    /// What is said.
    pub text: &'t str,
}

/// What a marker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Opens a turn of the role that is named behind it, up to this closing marker or the line's
    /// end.
    Role(&'static str),
    /// Opens a turn of this speaker.
    Opens(Speaker),
    /// The same, if it stands at the beginning of a line and the other side's sign does elsewhere.
    Line(Speaker),
    /// Closes what was open.
    Closes,
}

/// Longest name of a role, in bytes. Chosen: `ipython` and `assistant` fit, a sentence does not.
const ROLE_BYTES_MAX: usize = 24;

const SIGNS: [(&str, Sign); 37] = [
    ("<|im_start|>", Sign::Role("\n")),
    ("<|start_header_id|>", Sign::Role("<|end_header_id|>")),
    ("<|header_start|>", Sign::Role("<|header_end|>")),
    ("<start_of_turn>", Sign::Role("\n")),
    ("[INST]", Sign::Opens(Speaker::Asker)),
    ("[/INST]", Sign::Opens(Speaker::Model)),
    ("<<SYS>>", Sign::Opens(Speaker::Asker)),
    ("<</SYS>>", Sign::Opens(Speaker::Asker)),
    ("<|system|>", Sign::Opens(Speaker::Asker)),
    ("<|user|>", Sign::Opens(Speaker::Asker)),
    ("<|prompter|>", Sign::Opens(Speaker::Asker)),
    ("<|assistant|>", Sign::Opens(Speaker::Model)),
    ("### Instruction:", Sign::Opens(Speaker::Asker)),
    ("### Input:", Sign::Opens(Speaker::Asker)),
    ("### System:", Sign::Opens(Speaker::Asker)),
    ("### Human:", Sign::Opens(Speaker::Asker)),
    ("### User:", Sign::Opens(Speaker::Asker)),
    ("### Response:", Sign::Opens(Speaker::Model)),
    ("### Assistant:", Sign::Opens(Speaker::Model)),
    ("Human:", Sign::Line(Speaker::Asker)),
    ("User:", Sign::Line(Speaker::Asker)),
    ("USER:", Sign::Line(Speaker::Asker)),
    ("Assistant:", Sign::Line(Speaker::Model)),
    ("ASSISTANT:", Sign::Line(Speaker::Model)),
    ("<|im_end|>", Sign::Closes),
    ("<|eot_id|>", Sign::Closes),
    ("<|eom_id|>", Sign::Closes),
    ("<|eot|>", Sign::Closes),
    ("<|eom|>", Sign::Closes),
    ("<|end|>", Sign::Closes),
    ("<end_of_turn>", Sign::Closes),
    ("<|begin_of_text|>", Sign::Closes),
    ("<|end_of_text|>", Sign::Closes),
    ("<|endoftext|>", Sign::Closes),
    ("<eos>", Sign::Closes),
    ("</s>", Sign::Closes),
    ("<s>", Sign::Closes),
];

/// The turns of `text`, in order; none if it holds no marker, since it is one text then.
pub fn turns(text: &str) -> Vec<Turn<'_>> {
    let mut cuts = cuts(text);
    // "Human:" alone is prose.
    let both = [Speaker::Asker, Speaker::Model].map(|side| {
        let line = |cut: &Cut| cut.line && cut.speaker == side;
        cuts.iter().any(line)
    });
    if both != [true, true] {
        cuts.retain(|cut| !cut.line);
    }
    let mut turns = Vec::new();
    let mut open = (0, Speaker::Unknown);
    let ends = cuts.iter().map(|cut| (cut.from, (cut.to, cut.speaker)));
    for (end, next) in ends.chain([(text.len(), open)]) {
        let (start, speaker) = std::mem::replace(&mut open, next);
        let said = text.get(start..end).unwrap_or_default().trim();
        if !cuts.is_empty() && !said.is_empty() {
            turns.push(Turn {
                speaker,
                text: said,
            });
        }
    }
    turns
}

/// One marker in a text: where it stands, with the name of the role, and who speaks behind it.
struct Cut {
    from: usize,
    to: usize,
    speaker: Speaker,
    line: bool,
}

fn cuts(text: &str) -> Vec<Cut> {
    let mut cuts: Vec<Cut> = Vec::new();
    for found in FINDER.find_iter(text) {
        let Some((_, sign)) = SIGNS.get(found.pattern().as_usize()) else {
            continue;
        };
        let (from, to) = (found.start(), found.end());
        if cuts.last().is_some_and(|last| from < last.to) {
            continue;
        }
        let (to, speaker, line) = match *sign {
            Sign::Role(end) => {
                let (to, speaker) = role(text, to, end);
                (to, speaker, false)
            }
            Sign::Opens(speaker) => (to, speaker, false),
            Sign::Closes => (to, Speaker::Unknown, false),
            Sign::Line(_) if !begins_line(text, from) => continue,
            Sign::Line(speaker) => (to, speaker, true),
        };
        cuts.push(Cut {
            from,
            to,
            speaker,
            line,
        });
    }
    cuts
}

/// The role named from `from` on, and where its turn begins: behind `end`, if that follows.
fn role(text: &str, from: usize, end: &str) -> (usize, Speaker) {
    let rest = text.get(from..).unwrap_or_default();
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let name = rest.find(|c| !letter(c)).unwrap_or(rest.len());
    if name > ROLE_BYTES_MAX {
        return (from, Speaker::Unknown);
    }
    let speaker = match rest.get(..name).unwrap_or_default() {
        "assistant" | "model" | "gpt" | "bot" | "ai" => Speaker::Model,
        "" => Speaker::Unknown,
        _ => Speaker::Asker,
    };
    let behind = rest.get(name..).unwrap_or_default();
    let mark = if behind.starts_with(end) {
        end.len()
    } else {
        0
    };
    (from + name + mark, speaker)
}

/// Whether only white space stands between the beginning of a line and `at`.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    before
        .get(line..)
        .unwrap_or_default()
        .bytes()
        .all(|b| b == b' ' || b == b'\t')
}

/// One automaton over all markers.
static FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(SIGNS.map(|(marker, _)| marker));
    #[expect(
        clippy::expect_used,
        reason = "a few constant patterns always build, which every test below relies on"
    )]
    built.expect("a few constant patterns")
});

#[cfg(test)]
mod tests {
    use super::Speaker::Asker;
    use super::Speaker::Model;
    use super::Speaker::Unknown;
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> Vec<(Speaker, &str)> {
        turns(text).iter().map(|t| (t.speaker, t.text)).collect()
    }

    #[test]
    fn every_template_gives_its_turns() {
        let asked = [(Asker, "Be kind."), (Asker, "Why?"), (Model, "Because.")];
        for text in [
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n\
             <|im_start|>assistant\nBecause.<|im_end|>\n",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\nBecause.<|eot_id|>",
            "<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe kind.<|eot|>\
             <|header_start|>user<|header_end|>\n\nWhy?<|eot|>\
             <|header_start|>assistant<|header_end|>\n\nBecause.<|eot|>",
            "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nWhy? [/INST] Because. </s>",
            "<|system|>\nBe kind.</s>\n<|user|>\nWhy?</s>\n<|assistant|>\nBecause.</s>",
            "### Instruction:\nBe kind.\n\n### Input:\nWhy?\n\n### Response:\nBecause.",
            "### System: Be kind.\n### Human: Why?\n### Assistant: Because.",
        ] {
            assert_eq!(said(text), asked, "{text}");
        }
        assert_eq!(
            said("<bos><start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\nBecause."),
            [(Unknown, "<bos>"), (Asker, "Why?"), (Model, "Because.")]
        );
    }

    #[test]
    fn what_no_marker_opens_is_nobodys() {
        assert_eq!(
            said("One text.</s>Another.<|endoftext|> "),
            [(Unknown, "One text."), (Unknown, "Another.")]
        );
        assert_eq!(
            said("Below is a task.\n\n### Response:\nDone."),
            [(Unknown, "Below is a task."), (Model, "Done.")]
        );
    }

    #[test]
    fn prose_is_one_text() {
        for text in [
            "",
            "No marker at all, and a < b > c.",
            "The Assistant: a novel. Human: a word.",
            "Human: I only quote one side.\nAnd go on.",
        ] {
            assert!(turns(text).is_empty(), "{text}");
        }
        assert_eq!(
            said("Human: Why?\n\nAssistant: Because Human: said so."),
            [(Asker, "Why?"), (Model, "Because Human: said so.")]
        );
    }

    #[test]
    fn a_role_ends_where_its_name_does() {
        // The line break may be gone or escaped.
        assert_eq!(
            said("<|im_start|>assistant Because.<|im_start|>tool\\n42"),
            [(Model, "Because."), (Asker, "\\n42")]
        );
        assert_eq!(said("<|im_start|> Because."), [(Unknown, "Because.")]);
    }

    proptest! {
        #[test]
        fn turns_are_pieces_in_order(
            parts in prop::collection::vec((0..SIGNS.len(), "[ a-zé\n:]{0,12}"), 0..9),
        ) {
            let text: String = parts
                .iter()
                .map(|(sign, said)| SIGNS[*sign].0.to_owned() + said)
                .collect();
            let mut rest = text.as_str();
            for turn in turns(&text) {
                prop_assert!(!turn.text.is_empty() && turn.text.trim() == turn.text);
                let at = rest.find(turn.text);
                prop_assert!(at.is_some(), "{:?} in {:?}", turn.text, rest);
                rest = &rest[at.unwrap() + turn.text.len()..];
            }
        }

        #[test]
        fn no_text_is_refused(text in "\\PC{0,80}") {
            prop_assert!(turns(&text).iter().all(|turn| text.contains(turn.text)));
        }
    }
}
