//! What the policy decides about one claim on one match.

use super::Level;

/// A permanent kebab-case finding code, e.g. `llama-output-prohibited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

/// What the license readings say, before policy turns it into a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// Permitted.
    Permitted,
    /// Permitted with obligations.
    PermittedWithObligations,
    /// The texts are open or a fact is missing; a person has to decide.
    NeedsReview,
    /// Prohibited.
    Prohibited,
}

/// Whether an obligation is met by the target as described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObligationState {
    /// Known to be met.
    Met,
    /// Arises only if the model is distributed or made available later; stored with the model.
    Latent,
    /// Cannot be checked yet; stored for the output model.
    NotYetCheckable,
    /// Known to be unmet.
    Unmet,
}

impl Ruling {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::PermittedWithObligations => "permitted-with-obligations",
            Self::NeedsReview => "needs-review",
            Self::Prohibited => "prohibited",
        }
    }
}

impl ObligationState {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Latent => "latent",
            Self::NotYetCheckable => "not-yet-checkable",
            Self::Unmet => "unmet",
        }
    }
}

/// A duty that using the outputs puts on the target model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obligation {
    /// Permanent kebab-case id, e.g. `name-prefix-llama`.
    pub id: String,
    /// What has to be done, in a sentence.
    pub text: String,
    /// License id and section it comes from.
    pub clause: String,
    /// Id of the license that asks for it.
    pub license: String,
    /// Whether it is met.
    pub state: ObligationState,
}

/// The decision on one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Finding code.
    pub code: Code,
    /// What the readings say.
    pub ruling: Option<Ruling>,
    /// Level after policy and strength of the match.
    pub level: Level,
    /// License id of the generating model, e.g. `llama-3`; `None` when unknown or not a match.
    pub license: Option<String>,
    /// Clause cited: license, section, link; `None` when none applies.
    pub clause: Option<String>,
    /// Duties that arise.
    pub obligations: Vec<Obligation>,
    /// Why, in a sentence or two that a tired engineer understands.
    pub reason: String,
    /// How to fix it, with the command where there is one.
    pub how_to_fix: String,
    /// Ids of adopted readings that the decision rests on.
    pub readings: Vec<&'static str>,
    /// The legal question that a person has to answer, e.g. `llama-3:language-model-covers-other-kinds`: the same
    /// for every record that raises it. `None` unless the ruling is "needs review".
    pub question: Option<String>,
}
