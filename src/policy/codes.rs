//! Every permanent finding code. `docs/policy.md` has a heading for each; a test holds the two
//! together. A code is never renamed or reused.

use crate::model::Code;
use crate::model::Level;

/// A code and what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// Level under the default policy.
    pub level: Level,
    /// The mildest level a policy file may give it. Equal to `level` where the level is fixed.
    pub mildest: Level,
    /// What it means, in a sentence.
    pub description: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $word:literal, $level:ident, $mildest:ident, $description:literal;)+) => {
        $(#[doc = $description] pub const $constant: Code = Code($word);)+

        /// Every code, in order of its word.
        pub const ALL: &[CodeInfo] = &[$(CodeInfo {
            code: $constant,
            level: Level::$level,
            mildest: Level::$mildest,
            description: $description,
        }),+];
    };
}

codes! {
    APPROVAL_EXPIRED = "approval-expired", Flag, Note,
        "A sign-off or waiver would have covered findings of this run, and has expired.";
    APPROVAL_STALE = "approval-stale", Flag, Note,
        "A sign-off would have covered findings of this run, and was given for another text.";
    APPROVAL_UNUSED = "approval-unused", Note, Note,
        "A sign-off or waiver that holds for this target matched nothing in this run.";
    APPROVALS_UNREADABLE = "approvals-unreadable", Undecided, Undecided,
        "The file of approvals could not be read, or a record in it does not verify.";
    CANARY_LOST = "canary-lost", Undecided, Undecided,
        "A text that was planted among those of a file, and that the index holds, was not found.";
    CHECK_NOT_LOGGED = "check-not-logged", Undecided, Undecided,
        "The check could not be entered into the audit log of its index.";
    COLUMN_BINARY = "column-binary", Undecided, Undecided,
        "A column holds bytes that are not UTF-8, so its text could not be checked.";
    COLUMN_TOKENS = "column-tokens", Undecided, Undecided,
        "A column holds token ids, so its text could not be checked.";
    DUTIES_NOT_STORED = "duties-not-stored", Undecided, Undecided,
        "Duties arise for the target, and the file that keeps them could not be written.";
    DUTIES_UNREADABLE = "duties-unreadable", Undecided, Undecided,
        "The file of the duties stored for the target could not be read, or is not one.";
    DUTY_OPEN = "duty-open", Flag, Flag,
        "A duty arises for the target that cannot be checked yet.";
    DUTY_UNMET = "duty-unmet", Block, Flag,
        "A duty arises for the target and is known not to be met.";
    FILE_UNREADABLE = "file-unreadable", Undecided, Undecided,
        "A file could not be read, or not to its end.";
    GENERATOR_UNKNOWN = "generator-unknown", Block, Flag,
        "Matches registered output whose model nobody named or the catalog does not know.";
    HOST_TERMS_UNREAD = "host-terms-unread", Flag, Flag,
        "The output was generated at a host whose terms on outputs were not read.";
    INDEX_UNAVAILABLE = "index-unavailable", Undecided, Undecided,
        "The snapshot could not be opened, verified or asked.";
    INPUT_EMPTY = "input-empty", Undecided, Flag,
        "An input holds no rows or no text, so nothing was checked.";
    LICENSE_NOT_ACCEPTED = "license-not-accepted", Flag, Note,
        "The organisation profile does not list a license as accepted that the run touches.";
    LINEAGE_UNKNOWN = "lineage-unknown", Undecided, Undecided,
        "What an earlier check found is gone, so what stands behind a registered model is not known.";
    LLAMA_OUTPUT_NEEDS_REVIEW = "llama-output-needs-review", Block, Flag,
        "Matches registered Llama output for which the license texts are open or a fact is missing.";
    LLAMA_OUTPUT_PERMITTED = "llama-output-permitted", Flag, Note,
        "Matches registered Llama output that may improve this target.";
    LLAMA_OUTPUT_PROHIBITED = "llama-output-prohibited", Block, Flag,
        "Matches registered Llama output whose license excludes improving this target.";
    LLAMA_VERSION_UNKNOWN = "llama-version-unknown", Block, Flag,
        "Matches registered output claimed as Llama without a version that is known here.";
    MIXTURE_LEAVES_NO_TARGET = "mixture-leaves-no-target", Flag, Note,
        "The licenses matched together leave no language model that may be improved with all.";
    MODEL_NOT_ALLOWED = "model-not-allowed", Block, Flag,
        "Matches registered output of a model that the policy does not list as allowed.";
    MONTHLY_USERS_UNSTATED = "monthly-users-unstated", Flag, Note,
        "The organisation profile does not state the monthly users that a license asks about.";
    NON_LLAMA_OUTPUT = "non-llama-output", Note, Note,
        "Matches registered output of a model that is not Llama.";
    ORGANIZATION_PROFILE_MISSING = "organization-profile-missing", Flag, Note,
        "Facts about the organisation that some clauses turn on are not stated.";
    OTHER_OUTPUT_NEEDS_REVIEW = "other-output-needs-review", Block, Note,
        "Matches registered output of a model that is not Llama, whose own terms restrict this use.";
    ROW_UNREADABLE = "row-unreadable", Undecided, Undecided,
        "A row could not be read.";
    SHORT_EXACT_MATCH = "short-exact-match", Flag, Note,
        "A text too short to be evidence by itself equals a registered output.";
    SKETCHES_NOT_KEPT = "sketches-not-kept", Undecided, Undecided,
        "The sketches of the inputs were to be kept for a later recheck, and could not be.";
    SNAPSHOT_STALE = "snapshot-stale", Undecided, Undecided,
        "The snapshot, or the log behind it, is older than the policy allows: later sources were not compared.";
    STRICT_LLAMA_OUTPUT = "strict-llama-output", Block, Block,
        "The policy is strict: no Llama output in a target that is not Llama.";
    TEXT_DISGUISED = "text-disguised", Note, Note,
        "A match showed only after invisible, bidirectional or look-alike characters were undone.";
    TEXT_SHARE_LOW = "text-share-low", Undecided, Undecided,
        "Fewer rows of an input hold text than the policy asks for.";
    TIER_BOUNDED = "tier-bounded", Flag, Note,
        "Matches registered output in a tier to which the policy gives a milder level.";
    WEAK_MATCH = "weak-match", Flag, Note,
        "Matches registered output below the strength at which the license decision applies.";
    WITHDRAWN_SOURCE = "withdrawn-source", Note, Note,
        "Matches a source that was withdrawn from the register.";
}

/// The description of a code word; `None` when there is no such code.
pub fn info(word: &str) -> Option<&'static CodeInfo> {
    ALL.iter().find(|info| info.code.0 == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_kebab_case() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].code.0 < pair[1].code.0,
                "{} before {}",
                pair[0].code.0,
                pair[1].code.0
            );
        }
        for info in ALL {
            let word = info.code.0;
            assert!(
                word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{word}"
            );
            assert!(info.mildest <= info.level, "{word}");
        }
    }

    #[test]
    fn what_could_not_be_read_can_never_be_turned_into_a_pass() {
        for info in ALL.iter().filter(|info| info.level == Level::Undecided) {
            // An input without text was read to its end: an organisation may expect such inputs.
            let mildest = if info.code == INPUT_EMPTY {
                Level::Flag
            } else {
                Level::Undecided
            };
            assert_eq!(info.mildest, mildest, "{}", info.code.0);
        }
    }

    #[test]
    fn the_page_has_a_heading_for_each_code_and_no_other() {
        let page = include_str!("../../docs/policy.md");
        let headings: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### `"))
            .filter_map(|rest| rest.strip_suffix('`'))
            .collect();
        let codes: Vec<&str> = ALL.iter().map(|info| info.code.0).collect();
        assert_eq!(headings, codes);
        for info in ALL {
            let (_, section) = page
                .split_once(&format!("### `{}`\n", info.code.0))
                .expect("heading");
            let section = section.split("\n### ").next().unwrap_or(section);
            for part in ["What.", "Why.", "Clause.", "Example.", "Fix."] {
                assert!(section.contains(part), "{} lacks {part}", info.code.0);
            }
        }
    }
}
