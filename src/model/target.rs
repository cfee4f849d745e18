//! The model that a run would improve, and what is to be done with it.

use super::Acquisition;

/// What the target model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// Large language model.
    Llm,
    /// Vision-language model; a language model for every license rule.
    Vlm,
    /// Embedding model.
    Embedding,
    /// Reranker.
    Reranker,
    /// Small encoder.
    Encoder,
    /// Classifier.
    Classifier,
    /// Reward model.
    Reward,
    /// Anything else.
    Other,
}

/// To whom the target will be available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Availability {
    /// Inside the organisation.
    Internal,
    /// Inside the organisation and its affiliates.
    Affiliate,
    /// Inside a product.
    Product,
    /// As an API.
    Api,
    /// As weights.
    Weights,
}

impl Availability {
    /// Whether it counts as "distributed or made available".
    pub fn distributed(self) -> bool {
        !matches!(self, Self::Internal | Self::Affiliate)
    }
}

/// Where in its life the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Being trained: duties may still be met.
    Train,
    /// About to be released: duties must be met.
    Release,
}

/// What the target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Commercial.
    Commercial,
    /// Production use without sale.
    Production,
    /// Research by a commercial entity.
    CommercialResearch,
    /// Non-commercial research.
    NonCommercialResearch,
}

/// What was taken from the registered model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputUse {
    /// Generated text.
    Text,
    /// Logits or soft labels.
    Logits,
    /// A rewrite or translation of other text.
    Rewrite,
    /// Prompts only.
    Prompts,
    /// Labels, scores, judge verdicts.
    Labels,
    /// Selection of data.
    Filter,
    /// Evaluation, nothing fed back.
    Evaluation,
}

/// How one input, by path or glob, is used. The last matching entry wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputUse {
    /// Path or glob.
    pub path: String,
    /// What is taken from it.
    pub of_outputs: OutputUse,
    /// Acquisition stated for this input; `None` leaves the source's own statement.
    pub acquisition: Option<Acquisition>,
}

/// A model used where no text is left to match (judge, filter, reward, distillation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsed {
    /// Raw model id.
    pub model: String,
    /// What was taken from it.
    pub of_outputs: OutputUse,
}

/// The target of a check, complete: every default is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name it will carry; `None` when not yet known.
    pub name: Option<String>,
    /// Raw ids of the models it starts from; empty for "scratch".
    pub base: Vec<String>,
    /// What it is.
    pub kind: TargetKind,
    /// To whom it will be available.
    pub availability: Availability,
    /// Folder where card, notice and license copy are looked for.
    pub folder: Option<String>,
    /// Stage.
    pub stage: Stage,
    /// Purpose.
    pub purpose: Purpose,
    /// Per-input statements, in file order.
    pub inputs: Vec<InputUse>,
    /// Models used where no text is left.
    pub models_used: Vec<ModelUsed>,
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order the documentation lists them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in TOML, on the command line and in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Parses the word; `None` for any other.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(TargetKind {
    Llm => "llm", Vlm => "vlm", Embedding => "embedding", Reranker => "reranker",
    Encoder => "encoder", Classifier => "classifier", Reward => "reward", Other => "other",
});
words!(Availability {
    Internal => "internal", Affiliate => "affiliate", Product => "product", Api => "api",
    Weights => "weights",
});
words!(Stage { Train => "train", Release => "release" });
words!(Purpose {
    Commercial => "commercial", Production => "production",
    CommercialResearch => "commercial-research",
    NonCommercialResearch => "non-commercial-research",
});
words!(OutputUse {
    Text => "text", Logits => "logits", Rewrite => "rewrite", Prompts => "prompts",
    Labels => "labels", Filter => "filter", Evaluation => "evaluation",
});
