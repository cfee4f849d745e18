//! What an approval did to a decision.

/// Which kind of approval lowered a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalKind {
    /// Counsel answered an open question of a license text.
    SignOff,
    /// A risk was accepted; nothing was permitted.
    Waiver,
}

impl ApprovalKind {
    /// The word used in reports and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignOff => "sign-off",
            Self::Waiver => "waiver",
        }
    }
}

/// The approval under which a decision was lowered from block to flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedApproval {
    /// Id of the approved request, e.g. `so-3f9a1c2b7d4e`.
    pub id: String,
    /// What it is.
    pub kind: ApprovalKind,
    /// Who approved it: the person's id in the organisation profile.
    pub approver: String,
    /// A waiver's reason out of the closed list; what a sign-off answers.
    pub reason: String,
    /// Last day on which it holds, `YYYY-MM-DD`.
    pub expires: String,
}
