//! Duties that arise for the target, and whether they are met as far as can be told.
//!
//! Two origins: the source license's own duties on models improved with outputs, and the duties of
//! the licenses of the target's Llama bases. No duty is named, and no name prefix suggested, where
//! none arises: the mark is licensed only to comply.

use smallvec::SmallVec;

use crate::model::DisplayDuty;
use crate::model::License;
use crate::model::NamePrefix;
use crate::model::Notice;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Section;
use crate::model::StandingDuty;
use crate::model::Trigger;
use crate::model::target::{Stage, Target};

use super::decide::Setting;
use super::folder::Folder;
use super::folder::letters;
use super::readings::Answer;
use super::readings::Reading;
use super::readings::Readings;

/// A duty and how it stands, without words: what a decision turns on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Duty<'a> {
    pub kind: DutyKind<'a>,
    pub license: &'a License,
    pub state: ObligationState,
    /// Its words, where they were found before.
    pub words: Option<&'a Obligation>,
}

/// What has to be done, with the clause that asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum DutyKind<'a> {
    /// Begin the model's name with a string.
    Name(&'a NamePrefix),
    /// Provide a copy of the license with the weights.
    Copy(&'a Section),
    /// Keep a line in a notice file.
    Notice(&'a Notice),
    /// Display a string prominently, since the license's materials are in the model.
    Display(&'a DisplayDuty),
    /// Display a string in the documentation, since outputs are in the model.
    Credit(&'a DisplayDuty),
    /// Pass on a copy and the use restrictions.
    PassOn(&'a Section),
}

/// Duties in the order in which they arise, possibly several times the same. As many as two
/// licenses and one Llama base bring fit without an allocation.
pub(super) type Duties<'a> = SmallVec<[Duty<'a>; 10]>;

impl Duty<'_> {
    /// Permanent kebab-case id.
    pub(super) fn id(&self) -> String {
        match self.kind {
            DutyKind::Name(prefix) => slug("name-prefix", &prefix.text),
            DutyKind::Copy(_) => slug("copy", &self.license.id),
            DutyKind::Notice(_) => slug("notice", &self.license.id),
            DutyKind::Display(display) | DutyKind::Credit(display) => {
                slug("display", &display.text)
            }
            DutyKind::PassOn(_) => slug("pass-on", &self.license.id),
        }
    }

    /// What has to be done, in a sentence.
    pub(super) fn text(&self) -> String {
        let title = &self.license.title;
        match self.kind {
            DutyKind::Name(prefix) => format!("begin the model's name with \"{}\"", prefix.text),
            DutyKind::Copy(_) => {
                let policy = if self.license.clauses.use_policy.is_some() {
                    "; its acceptable use policy binds recipients too"
                } else {
                    ""
                };
                format!("provide a copy of the {title} with the weights{policy}")
            }
            DutyKind::Notice(notice) => {
                let line = &notice.text;
                format!("keep this line in a file named Notice: \"{line}\"")
            }
            DutyKind::Display(display) => {
                let text = &display.text;
                format!("display \"{text}\" prominently, for example in the model card")
            }
            DutyKind::Credit(display) => {
                let text = &display.text;
                format!("display \"{text}\" in the model's documentation")
            }
            DutyKind::PassOn(_) => {
                format!("pass on a copy and the use restrictions of the {title}")
            }
        }
    }

    fn section(&self) -> &str {
        match self.kind {
            DutyKind::Name(prefix) => &prefix.section,
            DutyKind::Notice(notice) => &notice.section,
            DutyKind::Display(display) | DutyKind::Credit(display) => &display.section,
            DutyKind::Copy(section) | DutyKind::PassOn(section) => &section.section,
        }
    }

    /// The duty in words, found anew.
    pub(super) fn phrased(&self) -> Obligation {
        Obligation {
            id: self.id(),
            text: self.text(),
            clause: self.license.cite(self.section()),
            license: self.license.id.clone(),
            state: self.state,
        }
    }
}

/// A stored duty in its own words.
pub(super) fn stored(standing: &StandingDuty) -> Obligation {
    let duty = &standing.stored;
    Obligation {
        id: duty.id.clone(),
        text: duty.text.clone(),
        clause: duty.clause.clone(),
        license: duty.license.clone(),
        state: standing.state,
    }
}

/// Duties in words: one list, sorted by id; the strictest state of each duty stands.
pub(super) fn worded(duties: &[Duty<'_>]) -> Vec<Obligation> {
    let phrase = |duty: &Duty<'_>| duty.words.map_or_else(|| duty.phrased(), Obligation::clone);
    let mut words: Vec<Obligation> = duties.iter().map(phrase).collect();
    words.sort_by(|a, b| a.id.cmp(&b.id).then(b.state.cmp(&a.state)));
    words.dedup_by(|later, kept| later.id == kept.id);
    words
}

/// Whether a model's name begins with a required string. The organisation in front of a repository
/// id is not part of the name. Under the reading `llama-3-hyphen-satisfies-prefix` letters and
/// digits are compared, case ignored; else the very characters.
pub fn name_begins_with(name: &str, prefix: &str, readings: &Readings) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    match readings.answer(Reading::Hyphen) {
        Answer::Yes => {
            let mut name = letters(name);
            letters(prefix).all(|letter| name.next() == Some(letter))
        }
        Answer::No | Answer::Open => name.starts_with(prefix),
    }
}

/// The duties that the licenses of the target's own Llama bases put on it when it is distributed
/// or made available, whether or not any record matches. Sorted by id, each once.
pub fn base_duties(setting: &Setting<'_>) -> Vec<Obligation> {
    let folder = setting.lineage.folder.as_ref().map(Folder::new);
    worded(&of_bases(setting, folder.as_ref()))
}

/// The same without words.
pub(super) fn of_bases<'a>(setting: &Setting<'a>, folder: Option<&Folder<'_>>) -> Duties<'a> {
    let mut duties = Duties::new();
    if setting.target.availability.distributed() {
        for base in &setting.lineage.bases {
            if let Outcome::Known(known) = &base.outcome {
                for license in known
                    .licenses
                    .iter()
                    .filter(|license| license.llama.is_some())
                {
                    materials(license, setting, folder, &mut duties);
                }
            }
        }
    }
    duties
}

/// The duties that a license puts on a model improved with outputs: now, or later if the model is
/// not distributed yet.
pub(super) fn of_outputs<'a>(
    license: &'a License,
    setting: &Setting<'_>,
    folder: Option<&Folder<'_>>,
    duties: &mut Duties<'a>,
) {
    let readings = &setting.position.readings;
    let clauses = &license.clauses;
    let distributed = setting.target.availability.distributed();
    let mut push = |kind| {
        duties.push(Duty {
            kind,
            license,
            state: if distributed {
                state(kind, license, setting, folder)
            } else {
                ObligationState::Latent
            },
            words: None,
        });
    };
    if let Some(prefix) = &clauses.name_prefix
        && prefix.trigger == Trigger::MaterialsOrOutputs
    {
        push(DutyKind::Name(prefix));
    }
    if let Some(display) = &clauses.display
        && (display.trigger == Trigger::MaterialsOrOutputs
            || readings.answer(Reading::AttributionForOutputs) == Answer::Yes)
    {
        push(DutyKind::Credit(display));
    }
    if let Some(flow_down) = &clauses.flow_down {
        push(DutyKind::PassOn(flow_down));
    }
}

/// Whether using outputs alone sets off a duty of this license in a distributed model.
pub(super) fn outputs_bind(license: &License) -> bool {
    let clauses = &license.clauses;
    clauses.flow_down.is_some()
        || clauses
            .name_prefix
            .as_ref()
            .is_some_and(|p| p.trigger == Trigger::MaterialsOrOutputs)
        || clauses
            .display
            .as_ref()
            .is_some_and(|d| d.trigger == Trigger::MaterialsOrOutputs)
}

fn slug(kind: &str, text: &str) -> String {
    let mut out = String::with_capacity(kind.len() + text.len() + 1);
    out.push_str(kind);
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        out.push('-');
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

/// Duties on whoever distributes the license's own materials.
pub(super) fn materials<'a>(
    license: &'a License,
    setting: &Setting<'_>,
    folder: Option<&Folder<'_>>,
    duties: &mut Duties<'a>,
) {
    for kind in material_kinds(license) {
        duties.push(Duty {
            kind,
            license,
            state: state(kind, license, setting, folder),
            words: None,
        });
    }
}

fn material_kinds(license: &License) -> impl Iterator<Item = DutyKind<'_>> {
    let clauses = &license.clauses;
    [
        clauses.name_prefix.as_ref().map(DutyKind::Name),
        clauses.copy.as_ref().map(DutyKind::Copy),
        clauses.notice.as_ref().map(DutyKind::Notice),
        clauses.display.as_ref().map(DutyKind::Display),
    ]
    .into_iter()
    .flatten()
}

/// How a duty of this license stands for a target that is distributed; `None` when the license
/// asks for no duty of this id.
pub(super) fn state_of(
    id: &str,
    license: &License,
    setting: &Setting<'_>,
    folder: Option<&Folder<'_>>,
) -> Option<ObligationState> {
    let flow_down = license.clauses.flow_down.as_ref().map(DutyKind::PassOn);
    material_kinds(license)
        .chain(flow_down)
        .map(|kind| Duty {
            kind,
            license,
            state: state(kind, license, setting, folder),
            words: None,
        })
        .find(|duty| duty.id() == id)
        .map(|duty| duty.state)
}

/// How a duty stands for a target that is distributed.
fn state(
    kind: DutyKind<'_>,
    license: &License,
    setting: &Setting<'_>,
    folder: Option<&Folder<'_>>,
) -> ObligationState {
    let target = setting.target;
    match kind {
        DutyKind::Name(prefix) => named(prefix, setting),
        DutyKind::Copy(_) => in_folder(target, folder, |folder| folder.holds_copy(license)),
        DutyKind::Notice(notice) => in_folder(target, folder, |folder| {
            folder.holds_line("notice", &notice.text)
        }),
        DutyKind::Display(display) | DutyKind::Credit(display) => {
            in_folder(target, folder, |folder| {
                folder.holds_line("readme", &display.text)
            })
        }
        // Whether use restrictions reach those who receive the model does not show in a folder.
        DutyKind::PassOn(_) => ObligationState::NotYetCheckable,
    }
}

/// Whether the target's name begins as a license asks.
fn named(prefix: &NamePrefix, setting: &Setting<'_>) -> ObligationState {
    match &setting.target.name {
        None => ObligationState::NotYetCheckable,
        Some(name) if name_begins_with(name, &prefix.text, &setting.position.readings) => {
            ObligationState::Met
        }
        Some(_) => ObligationState::Unmet,
    }
}

/// The state of a duty that shows in the target's folder. What is missing while training may still
/// come; at release it is missing for good.
fn in_folder(
    target: &Target,
    folder: Option<&Folder<'_>>,
    holds: impl Fn(&Folder<'_>) -> bool,
) -> ObligationState {
    match (folder, target.stage) {
        (Some(folder), _) if holds(folder) => ObligationState::Met,
        (Some(_), Stage::Release) => ObligationState::Unmet,
        (Some(_), Stage::Train) | (None, _) => ObligationState::NotYetCheckable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Clauses;

    #[test]
    fn of_one_duty_the_strictest_state_stands() {
        let license = |id: &str| License {
            id: id.to_owned(),
            title: String::new(),
            licensor: String::new(),
            llama: None,
            hugging_face: None,
            card_names: Vec::new(),
            scancode: None,
            link: String::new(),
            version_date: None,
            date_line: None,
            read: String::new(),
            sha256: None,
            use_policy_link: None,
            use_policy_sha256: None,
            outputs: String::new(),
            own_file: None,
            clauses: Clauses::default(),
        };
        let (a, b) = (license("a"), license("b"));
        let section = Section {
            section: String::new(),
        };
        let duty = |license, state| Duty {
            kind: DutyKind::Copy(&section),
            license,
            state,
            words: None,
        };
        let merged = worded(&[
            duty(&b, ObligationState::Met),
            duty(&a, ObligationState::Latent),
            duty(&b, ObligationState::Unmet),
            duty(&b, ObligationState::NotYetCheckable),
        ]);
        let states: Vec<(&str, ObligationState)> = merged
            .iter()
            .map(|duty| (duty.id.as_str(), duty.state))
            .collect();
        assert_eq!(
            states,
            [
                ("copy-a", ObligationState::Latent),
                ("copy-b", ObligationState::Unmet)
            ]
        );
    }

    #[test]
    fn slugs_are_kebab_case() {
        assert_eq!(
            slug("display", "Built with Meta Llama 3"),
            "display-built-with-meta-llama-3"
        );
        assert_eq!(slug("copy", "llama-3.1"), "copy-llama-3-1");
    }
}
