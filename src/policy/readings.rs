//! Adopted readings: the points that the license texts leave open, and how the organisation reads
//! them.
//!
//! Each reading is a statement with an answer: `yes`, `no`, or `open` (a person decides, case by
//! case). The defaults are herdbook's; an organisation switches one by a signed decision. Every
//! finding cites the readings that it rests on.

use std::fmt;

/// An answer to the statement of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The statement is adopted.
    Yes,
    /// Its contrary is adopted.
    No,
    /// Neither: what turns on it needs review.
    Open,
}

impl Answer {
    /// The word used in files, reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Open => "open",
        }
    }

    /// Parses the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::Open]
            .into_iter()
            .find(|answer| answer.as_str() == word)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reading and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingInfo {
    /// The reading.
    pub reading: Reading,
    /// Permanent kebab-case id.
    pub id: &'static str,
    /// The statement, in our own words.
    pub statement: &'static str,
    /// The answer unless the organisation switches it.
    pub default: Answer,
    /// Answers that may be adopted, the default among them.
    pub answers: &'static [Answer],
    /// Where both sides stand: licenses with their sections, and what the licensor said.
    pub sources: &'static str,
}

macro_rules! readings {
    ($($name:ident = $id:literal, $default:ident of [$($answer:ident),+], $statement:literal, $sources:literal;)+) => {
        /// An open point of the license texts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reading {
            $(#[doc = $statement] $name),+
        }

        /// Every reading, in order of its id.
        pub const ALL: &[ReadingInfo] = &[$(ReadingInfo {
            reading: Reading::$name,
            id: $id,
            statement: $statement,
            default: Answer::$default,
            answers: &[$(Answer::$answer),+],
            sources: $sources,
        }),+];

        impl Reading {
            /// Its permanent id.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }
        }
    };
}

readings! {
    AttributionForOutputs = "attribution-owed-for-outputs", No of [Yes, No],
        "A model that was improved with outputs alone, and is distributed, displays \"Built with …\".",
        "Llama 3.1 to 4, section 1.b.i(B), asks it of products that contain the materials; Meta's FAQ speaks of correct attribution to Llama.";
    CommercialResearch = "commercial-entity-research-is-research", Open of [Yes, No, Open],
        "Research by a commercial entity, without commercial use of the result, is non-commercial research.",
        "LLaMA 1, sections 1.a and 2.a, grants use for non-commercial research purposes and does not say whose.";
    DerivativeOutputs = "derivative-outputs-covered", Yes of [Yes, Open],
        "Output of a model that derives from Llama is output of the Llama materials.",
        "Llama 2 to 4 define the materials with any portion of them; section 5.b gives derivatives to those who make them.";
    EuMultimodal = "eu-clause-reaches-outputs", Open of [Yes, No, Open],
        "An organisation seated in the European Union may not train on outputs of multimodal models to which the use policy grants it no rights.",
        "Use policies of Llama 3.2, 3.3 and 4: the rights of section 1(a) are not granted; outputs are not named.";
    EvaluationImproves = "evaluation-improves-nothing", Yes of [Yes, Open],
        "An evaluation whose results are reported and not fed back improves no model.",
        "Llama 2 and 3, section 1.b.v, forbid improving; the 2026 Meta Model API terms, section 10(ix), say so for evaluation.";
    FoundOutputs = "found-outputs-bind", Open of [Yes, No, Open],
        "The ban on improving other models binds somebody who only found the outputs.",
        "Llama 2 to 4, section 6, bind on acceptance or access to the materials, and outputs are not materials; many data sets restate the license.";
    Labels = "labels-are-results", Yes of [Yes, No, Open],
        "Labels, scores and judge verdicts are outputs or results.",
        "Llama 2 and 3, section 1.b.v, name outputs and results; issue 998 of meta-llama/llama asked and was left unanswered.";
    OtherKinds = "language-model-covers-other-kinds", Open of [Yes, No, Open],
        "The ban on improving other large language models reaches classifiers, rerankers, embedding and reward models.",
        "Llama 2 and 3, section 1.b.v, say \"large language model\" without defining it; Meta's FAQ says \"another AI model (LLM or otherwise)\".";
    Hyphen = "llama-3-hyphen-satisfies-prefix", Yes of [Yes, No],
        "A name prefix is compared by letters and digits, case ignored: \"llama-3-acme\" begins with \"Llama 3\".",
        "Llama 3, section 1.b.i, and Llama 3.1 to 4, section 1.b.i: \"at the beginning of any such AI model name\"; practice differs.";
    Llama3Includes31 = "llama-3-includes-3.1", Open of [Yes, No, Open],
        "Llama 3.1 falls under what the Llama 3 license calls Meta Llama 3.",
        "Both licenses define their model by the same download page.";
    FamilyTolerated = "llama-family-tolerated", No of [Yes, No, Open],
        "Outputs of one Llama version may improve another.",
        "Llama 2 and 3, section 1.b.v, exclude only the same version; test data in Meta's cookbook quotes a FAQ that says \"the Llama family of models\".";
    Logits = "logits-are-output", Yes of [Yes, Open],
        "Logits and soft labels are outputs.",
        "Meta's Llama 3.2 model card calls logits outputs.";
    Prompts = "prompts-are-output", Yes of [Yes, No, Open],
        "Prompts written by a model are its outputs although another model answered them.",
        "Llama 2 and 3, section 1.b.v; Llama 3.1 to 4, section 1.b.i.";
    ResearchRelease = "released-research-model-incorporates", Open of [Yes, No, Open],
        "A released model that was trained on outputs is a work that incorporates them.",
        "LLaMA 1, section 3, asks for license and notice with works that incorporate the software; outputs are named in section 2.a only.";
    Rewriting = "rewriting-is-output", Yes of [Yes, No, Open],
        "Human text that a model rewrote, translated or summarised is its output.",
        "Llama 2 and 3, section 1.b.v; Llama 3.1 to 4, section 1.b.i.";
    SecondGeneration = "second-generation-covered", Open of [Yes, No, Open],
        "Output of a model that was improved with Llama output is itself output or results of the Llama materials.",
        "Llama 2 and 3, section 1.b.v, name any output or results; a model that only learnt from outputs holds no portion of the materials.";
    Selection = "selection-is-a-result", Open of [Yes, No, Open],
        "Text that a model only selected is a result of the model.",
        "Llama 2 and 3, section 1.b.v, name results; no token of the model is in what is kept.";
}

impl Reading {
    /// What is said about it.
    pub fn info(self) -> &'static ReadingInfo {
        // The table is in the order of the variants; a test holds them together.
        #[expect(
            clippy::indexing_slicing,
            reason = "one entry per variant, by the macro"
        )]
        &ALL[self as usize]
    }

    /// Parses an id; `None` for any other word.
    pub fn parse(id: &str) -> Option<Self> {
        ALL.iter()
            .find(|info| info.id == id)
            .map(|info| info.reading)
    }
}

/// A switch that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// There is no such reading.
    #[error("there is no reading `{0}`; `herdbook policy readings` lists them")]
    Unknown(String),
    /// The answer is not among those that may be adopted.
    #[error("the reading `{id}` can be answered {answers}, not {given}")]
    Answer {
        /// The reading.
        id: &'static str,
        /// What was given.
        given: Answer,
        /// What may be adopted.
        answers: String,
    },
}

/// The organisation's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings([Answer; ALL.len()]);

impl Default for Readings {
    fn default() -> Self {
        let mut answers = [Answer::Open; ALL.len()];
        for (answer, info) in answers.iter_mut().zip(ALL) {
            *answer = info.default;
        }
        Self(answers)
    }
}

impl Readings {
    /// The adopted answer.
    #[inline]
    pub fn answer(&self, reading: Reading) -> Answer {
        #[expect(
            clippy::indexing_slicing,
            reason = "one answer per variant, by the macro"
        )]
        self.0[reading as usize]
    }

    /// Adopts another answer.
    ///
    /// # Errors
    /// [`SwitchError`] when there is no such reading or it cannot be answered so.
    pub fn switch(&mut self, id: &str, answer: Answer) -> Result<(), SwitchError> {
        let reading = Reading::parse(id).ok_or_else(|| SwitchError::Unknown(id.to_owned()))?;
        let info = reading.info();
        if !info.answers.contains(&answer) {
            let answers: Vec<&str> = info.answers.iter().map(|a| a.as_str()).collect();
            return Err(SwitchError::Answer {
                id: info.id,
                given: answer,
                answers: answers.join(" or "),
            });
        }
        if let Some(slot) = self.0.get_mut(reading as usize) {
            *slot = answer;
        }
        Ok(())
    }

    /// The readings that are answered otherwise than by default.
    pub fn switched(&self) -> Vec<(&'static ReadingInfo, Answer)> {
        ALL.iter()
            .map(|info| (info, self.answer(info.reading)))
            .filter(|(info, answer)| *answer != info.default)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_answers_itself() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].id < pair[1].id,
                "{} before {}",
                pair[0].id,
                pair[1].id
            );
        }
        for (at, info) in ALL.iter().enumerate() {
            assert_eq!(info.reading as usize, at, "{}", info.id);
            assert_eq!(info.reading.info(), info);
            assert_eq!(info.reading.id(), info.id);
            assert_eq!(Reading::parse(info.id), Some(info.reading));
            assert!(info.answers.contains(&info.default), "{}", info.id);
            assert!(info.answers.len() >= 2, "{} is not open", info.id);
            assert!(info.statement.ends_with('.') && !info.sources.is_empty());
        }
    }

    #[test]
    fn only_answers_that_may_be_adopted_are() {
        let mut readings = Readings::default();
        assert!(readings.switched().is_empty());
        readings
            .switch("selection-is-a-result", Answer::Yes)
            .unwrap();
        assert_eq!(readings.answer(Reading::Selection), Answer::Yes);
        assert_eq!(readings.switched()[0].0.id, "selection-is-a-result");
        let refused = readings.switch("derivative-outputs-covered", Answer::No);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the reading `derivative-outputs-covered` can be answered yes or open, not no"
        );
        assert_eq!(
            readings.switch("nobody", Answer::No),
            Err(SwitchError::Unknown("nobody".to_owned()))
        );
    }

    #[test]
    fn the_page_lists_each_reading_with_its_default() {
        let page = include_str!("../../docs/policy.md");
        for info in ALL {
            let row = format!("| `{}` | {} | {} |", info.id, info.default, info.statement);
            assert!(page.contains(&row), "docs/policy.md lacks the row\n{row}");
        }
    }
}
