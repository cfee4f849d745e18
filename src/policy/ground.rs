//! The decision without words: everything that decides, in a form that costs no allocation.

use crate::model::Code;
use crate::model::Decision;
use crate::model::Level;
use crate::model::License;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Ruling;

use super::decide::ClaimFacts;
use super::decide::Setting;
use super::decide::level;
use super::duties;
use super::duties::Duty;
use super::folder::Folder;
use super::judge::Judged;
use super::judge::judge;
use super::reason;
use super::relation::is_llama;

/// A setting with what follows from it for every claim, worked out once in a run.
#[derive(Debug, Clone)]
pub struct Ground<'a> {
    setting: Setting<'a>,
    folder: Option<Folder<'a>>,
    base_duties: Vec<Duty<'a>>,
    base_words: Vec<Obligation>,
    into_llama: bool,
}

impl<'a> Ground<'a> {
    /// Looks at the target's lineage and folder.
    pub fn new(setting: Setting<'a>) -> Self {
        let folder = setting.lineage.folder.as_ref().map(Folder::new);
        let base_duties = duties::of_bases(&setting, folder.as_ref()).into_vec();
        Self {
            base_words: base_duties.iter().map(Duty::phrased).collect(),
            base_duties,
            into_llama: is_llama(setting.lineage),
            folder,
            setting,
        }
    }

    /// Decides one claim: outcome, level, license, clause, readings and duties, but no words. Pure
    /// and total; allocates nothing unless more duties arise than any real case brings.
    pub fn judge<'j>(&'j self, facts: &ClaimFacts<'j>) -> Judgement<'j> {
        let mut judged = judge(self, facts);
        let (code, level) = level(self, facts, &mut judged);
        Judgement {
            facts: *facts,
            judged,
            code,
            level,
        }
    }

    /// The setting.
    pub fn setting(&self) -> &Setting<'a> {
        &self.setting
    }

    pub(super) fn folder(&self) -> Option<&Folder<'a>> {
        self.folder.as_ref()
    }

    /// The duties of the target's own bases, with their words.
    pub(super) fn base_duties(&self) -> impl Iterator<Item = Duty<'_>> {
        let words = self.base_words.iter();
        (self.base_duties.iter().zip(words)).map(|(duty, words)| Duty {
            words: Some(words),
            ..*duty
        })
    }

    pub(super) fn improves_llama(&self) -> bool {
        self.into_llama
    }
}

/// What is decided on one claim: all of it but the words.
#[derive(Debug, Clone)]
pub struct Judgement<'a> {
    facts: ClaimFacts<'a>,
    judged: Judged<'a>,
    code: Code,
    level: Level,
}

impl<'a> Judgement<'a> {
    /// Finding code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Level after policy and strength of the match.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What the readings say.
    pub fn ruling(&self) -> Ruling {
        self.judged.ruling
    }

    /// The license that decides; `None` when none is read.
    pub fn license(&self) -> Option<&'a License> {
        self.judged.said.text().map(|text| text.license)
    }

    /// Section of that license; `None` when none applies.
    pub fn section(&self) -> Option<&'a str> {
        let text = self.judged.said.text()?;
        reason::section(text.why, text.license)
    }

    /// The strictest state among the duties that arise; `None` when none does.
    pub fn duties(&self) -> Option<ObligationState> {
        self.judged.duties.iter().map(|duty| duty.state).max()
    }

    /// The same decision in words, for a report. `ground` is the one that it was made on.
    pub fn worded(&self, ground: &Ground<'_>) -> Decision {
        let setting = ground.setting();
        let judged = &self.judged;
        let obligations = duties::worded(&judged.duties);
        Decision {
            code: self.code,
            ruling: Some(judged.ruling),
            level: self.level,
            how_to_fix: reason::how_to_fix(
                self.code,
                judged.fix,
                setting.target,
                &self.facts,
                &obligations,
            ),
            license: self.license().map(|license| license.id.clone()),
            clause: self
                .license()
                .zip(self.section())
                .map(|(license, section)| license.cite(section)),
            obligations,
            reason: reason::reason(setting, &self.facts, judged, self.code),
            readings: judged.cited.ids(),
            question: reason::question(judged),
        }
    }
}
