//! One text in, one answer out.

use std::fmt;
use std::sync::Arc;

use super::CheckError;
use crate::model::Finding;
use crate::model::Level;
use crate::model::Verdict;
use crate::pipeline::OneByOne;
use crate::report::wire;

/// The name of the input that texts come from when none is given: standard input.
const INPUT: &str = "-";

/// Checks texts, one after the other, on one thread. Made by [`Gate::checker`](super::Gate::checker);
/// cheap to make, but worth keeping: it holds some hundred kilobytes of buffers.
pub struct Checker<'g> {
    one_by_one: OneByOne<'g>,
    input: Arc<str>,
}

impl<'g> Checker<'g> {
    pub(super) fn new(one_by_one: OneByOne<'g>) -> Self {
        Self {
            one_by_one,
            input: INPUT.into(),
        }
    }

    /// Names the input that the texts come from, as the `[[inputs]]` of a target file would: what
    /// is stated there for it holds for them. Without it texts are from standard input, `-`.
    #[must_use]
    pub fn of_input(mut self, name: &str) -> Self {
        self.input = name.into();
        self
    }

    /// What `herdbook check` says of a row that holds this text and nothing else.
    ///
    /// The text is one unit, whatever it holds: a chat turn, an answer, a document. JSON in it is
    /// text, and a document is not cut into windows.
    ///
    /// # Errors
    /// The register did not answer, or the text is longer than
    /// [`TEXT_BYTES_MAX`](crate::text::TEXT_BYTES_MAX). The text is undecided then: whoever goes on
    /// must not count it as clean.
    pub fn check(&mut self, text: &str) -> Result<Answer, CheckError> {
        let found = self.one_by_one.finding(&self.input, text)?;
        Ok(match found {
            Some(finding) => Answer::Match(Box::new(finding)),
            None => Answer::Clean,
        })
    }
}

impl fmt::Debug for Checker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

/// The answer to one text.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Answer {
    /// No registered text reaches the policy's thresholds. Not a statement about who wrote it.
    Clean,
    /// A registered text was found, and decided. Its `level` may be anything from a note to a
    /// block.
    Match(Box<Finding>),
}

impl Answer {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Clean)
    }

    /// What was found: how strong ([`evidence`](Finding::evidence)), whose output and under which
    /// license ([`claims`](Finding::claims), strictest first), what follows for the target
    /// ([`decision`](Finding::decision)).
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Clean => None,
            Self::Match(finding) => Some(finding),
        }
    }

    /// What was found as the JSON report has it, ready to be serialised: an element of `findings` in
    /// `schemas/verdict.schema.json`. Its row is null, for the program that asks knows the row.
    pub fn report(&self) -> Option<wire::Finding> {
        self.finding().map(wire::Finding::from)
    }

    /// The level of what was found; `None` when nothing was.
    pub fn level(&self) -> Option<Level> {
        self.finding().map(|finding| finding.level)
    }

    /// What the text alone makes of a run: `Pass` also for a match that is worth a note only.
    pub fn verdict(&self) -> Verdict {
        self.level().map_or(Verdict::Pass, Level::verdict)
    }
}
