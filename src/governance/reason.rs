//! The closed list of reasons for a waiver.

use serde::Deserialize;
use serde::Serialize;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $meaning:literal;)+) => {
        /// Why a risk is accepted. The list is closed: a reason that is not in it is a reason to
        /// ask for a sign-off, or to take the rows out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum WaiverReason { $(#[doc = $meaning] $variant),+ }

        impl WaiverReason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used on the command line and in records.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What it claims, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// Parses the word; `None` for any other.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    FalseMatch = "false-match",
        "The rows were looked at beside the registered record and are no copies of it.";
    SourceMislabelled = "source-mislabelled",
        "The source was registered under the wrong model and is being registered anew.";
    OwnText = "own-text",
        "The text is the organisation's own and older than the output that repeats it.";
    SeparateGrantPending = "separate-grant-pending",
        "The licensor's written permission is agreed and on its way.";
    DutyMetElsewhere = "duty-met-elsewhere",
        "The duty is met in a place that is not looked into here.";
    CounselRiskAccepted = "counsel-risk-accepted",
        "Counsel assessed the risk, and the approver bears it.";
    TestDataOnly = "test-data-only",
        "The run tests a pipeline; its model is deleted and never used.";
    RemovedInNextBuild = "removed-in-next-build",
        "The rows are known and leave the data with its next build.";
}

#[cfg(test)]
mod tests {
    use super::WaiverReason;

    #[test]
    fn words_on_the_command_line_and_in_records_are_the_same() {
        for reason in WaiverReason::ALL {
            let word = reason.as_str();
            assert_eq!(WaiverReason::parse(word), Some(*reason));
            assert_eq!(
                serde_json::to_string(reason).expect("JSON"),
                format!("\"{word}\"")
            );
        }
        assert_eq!(WaiverReason::parse("because"), None);
    }

    #[test]
    fn the_page_explains_each_reason() {
        let page = include_str!("../../docs/governance.md");
        for reason in WaiverReason::ALL {
            assert!(
                page.contains(&format!("| `{}` |", reason.as_str())),
                "{}",
                reason.as_str()
            );
        }
    }
}
