//! What is to be said of a run as a whole: facts about the organisation that are missing, and
//! whether any target is left to all that was matched.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Code;
use crate::model::Decision;
use crate::model::Level;
use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Obligation;
use crate::model::ObligationState;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::Ruling;
use crate::model::target::{OutputUse, Stage};

use super::cell::Case;
use super::cell::cell;
use super::codes;
use super::decide::Setting;
use super::duties::base_duties;
use super::position::Users;
use super::relation::Relation;

/// The Llama licenses that the claims of a run touched.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    licenses: BTreeMap<String, Arc<License>>,
    /// Whether some claim was on Llama output, of whatever version.
    llama: bool,
}

impl Touched {
    /// Adds the generator of a claim.
    pub fn add(&mut self, generator: Option<&Resolution>) {
        let Some(generator) = generator else {
            self.llama = true;
            return;
        };
        match &generator.outcome {
            Outcome::Known(known) => {
                self.llama = true;
                for license in &known.licenses {
                    if !self.licenses.contains_key(&license.id) {
                        self.licenses.insert(license.id.clone(), license.clone());
                    }
                }
            }
            Outcome::LlamaVersionUnknown | Outcome::Ambiguous { .. } => self.llama = true,
            Outcome::NotLlama { .. } | Outcome::Unknown => {}
        }
    }
}

/// Findings on the run as a whole, in a fixed order.
///
/// Facts about the organisation are asked for only where a clause turns on them: Llama output was
/// matched, or a base is Llama.
pub fn run_decisions(setting: &Setting<'_>, touched: &Touched) -> Vec<Decision> {
    let mut all = touched.clone();
    for base in &setting.lineage.bases {
        if matches!(base.outcome, Outcome::Known(_)) {
            all.add(Some(base));
        }
    }
    let mut out = Vec::new();
    if all.llama && setting.position.organization.is_none() {
        out.push(finding(
            setting,
            codes::ORGANIZATION_PROFILE_MISSING,
            "no organisation profile is given: where the organisation is seated and how many \
             monthly users it had when a Llama version was released are not known, and some \
             clauses turn on it"
                .to_owned(),
            "have compliance write organization.toml beside the policy (docs/policy.md); until \
             then this stays a flag, and outputs of multimodal models need review"
                .to_owned(),
        ));
    } else {
        out.extend(users_unstated(setting, &all));
        out.extend(not_accepted(setting, &all));
    }
    out.extend(mixture(setting, touched));
    out.extend(of_base(setting));
    out
}

/// The duties of the target's own bases: they stand whether or not any record matches.
fn of_base(setting: &Setting<'_>) -> Vec<Decision> {
    let duties = base_duties(setting);
    let of_state = |state| -> Vec<Obligation> {
        let duties = duties.iter().filter(|duty| duty.state == state);
        duties.cloned().collect()
    };
    let mut out = Vec::new();
    for (state, code, said) in [
        (
            ObligationState::Unmet,
            codes::DUTY_UNMET,
            "the licenses of the target's own base put duties on it that are not met",
        ),
        (
            ObligationState::NotYetCheckable,
            codes::DUTY_OPEN,
            "the licenses of the target's own base put duties on it that cannot be checked yet",
        ),
    ] {
        let open = of_state(state);
        let Some(first) = open.first() else { continue };
        let texts: Vec<&str> = open.iter().map(|duty| duty.text.as_str()).collect();
        let texts = texts.join("; ");
        let mut decision = finding(setting, code, said.to_owned(), texts);
        if code == codes::DUTY_OPEN && setting.target.stage == Stage::Release {
            decision.level = Level::Block;
        }
        decision.ruling = Some(Ruling::PermittedWithObligations);
        decision.clause = Some(first.clause.clone());
        decision.obligations = open;
        out.push(decision);
    }
    out
}

fn titles<'a>(licenses: impl Iterator<Item = &'a Arc<License>>) -> Vec<String> {
    licenses.map(|license| license.title.clone()).collect()
}

fn users_unstated(setting: &Setting<'_>, touched: &Touched) -> Option<Decision> {
    let unstated: Vec<&Arc<License>> = touched
        .licenses
        .values()
        .filter(|license| setting.position.users(license) == Users::Unstated)
        .collect();
    let ids: Vec<&str> = unstated.iter().map(|license| license.id.as_str()).collect();
    (!unstated.is_empty()).then(|| {
        finding(
            setting,
            codes::MONTHLY_USERS_UNSTATED,
            format!(
                "the profile does not state how many monthly users the group had in the month \
                 before the release of each version; above a number these licenses grant nothing \
                 without a separate one: {}",
                titles(unstated.iter().copied()).join(", ")
            ),
            format!(
                "have compliance add `[monthly_users]` for {} to organization.toml",
                ids.join(", ")
            ),
        )
    })
}

fn not_accepted(setting: &Setting<'_>, touched: &Touched) -> Option<Decision> {
    let missing: Vec<&Arc<License>> = touched
        .licenses
        .values()
        .filter(|license| setting.position.accepted(license) == Some(false))
        .collect();
    let ids: Vec<&str> = missing.iter().map(|license| license.id.as_str()).collect();
    (!missing.is_empty()).then(|| {
        finding(
            setting,
            codes::LICENSE_NOT_ACCEPTED,
            format!(
                "output or models under licenses that the profile does not list as accepted are in \
                 use: {}",
                titles(missing.iter().copied()).join(", ")
            ),
            format!(
                "find out on what terms they were obtained; have compliance add {} to \
                 `accepted_licenses`, or take them out",
                ids.join(", ")
            ),
        )
    })
}

/// Whether some language model may be improved with output under every one of these licenses.
fn mixture(setting: &Setting<'_>, touched: &Touched) -> Option<Decision> {
    let case = Case::new(setting.target, OutputUse::Text);
    if touched.licenses.len() < 2 || !case.language_model {
        return None;
    }
    let readings = &setting.position.readings;
    let allowed = |lineage: Option<LlamaVersion>| {
        touched.licenses.values().all(|license| {
            let relation = match lineage {
                None => Relation::NotLlama,
                Some(version) if license.llama == Some(version) => Relation::Same,
                Some(version) => Relation::OtherLlama(version),
            };
            cell(license, relation, case, readings).ruling < Ruling::NeedsReview
        })
    };
    let some = allowed(None) || LlamaVersion::ALL.into_iter().any(|v| allowed(Some(v)));
    (!some).then(|| {
        finding(
            setting,
            codes::MIXTURE_LEAVES_NO_TARGET,
            format!(
                "no language model may be improved with all of these together, whatever its base: \
                 each license excludes what another one asks for ({})",
                titles(touched.licenses.values()).join(", ")
            ),
            "split the inputs by license and train one target of each family, or leave all but one \
             out"
                .to_owned(),
        )
    })
}

fn finding(setting: &Setting<'_>, code: Code, reason: String, how_to_fix: String) -> Decision {
    Decision {
        code,
        ruling: None,
        level: setting.policy.level(code),
        license: None,
        clause: None,
        obligations: Vec::new(),
        reason,
        how_to_fix,
        readings: Vec::new(),
        question: None,
    }
}
