//! From matches to findings: who claims the text, what their license says for this target.

use std::collections::HashMap;
use std::sync::Arc;

use crate::governance::Place;
use crate::governance::Remark;
use crate::governance::RemarkKind;
use crate::governance::Subject;
use crate::governance::Uses;
use crate::model::Access;
use crate::model::AppliedApproval;
use crate::model::Claim;
use crate::model::Decision;
use crate::model::Finding;
use crate::model::FindingClaim;
use crate::model::FolderFacts;
use crate::model::License;
use crate::model::Location;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::TargetLineage;
use crate::model::Tier;
use crate::policy;
use crate::policy::Basis;
use crate::policy::ClaimFacts;
use crate::policy::Decisions;
use crate::policy::Ground;
use crate::policy::Setting;
use crate::policy::Touched;
use crate::policy::codes;
use crate::policy::target_file::input_use;

use super::super::matching::Match;
use super::super::scan::SnapshotFacts;
use super::super::scan::UnitMatches;
use super::Judged;
use super::ancestry::Ancestor;
use super::ancestry::Ancestry;
use super::findings::Findings;

/// Decides claims; resolves every model id once.
pub(crate) struct Decider<'c> {
    snapshot: &'c SnapshotFacts,
    ancestry: &'c Ancestry,
    /// Models behind a claimed one, each with what it means; resolved once.
    behind: HashMap<String, Arc<[Ancestor]>>,
    judged: Judged<'c>,
    resolved: HashMap<String, Arc<Resolution>>,
    access: HashMap<SourceId, Access>,
    touched: Touched,
    decisions: Decisions<'c>,
    /// Which approvals mattered.
    uses: Uses,
    /// Content of the file being read, where it was needed beforehand.
    sha256: Option<String>,
}

/// What the target of a check is made from, resolved. A base that the catalog does not know is
/// told by the models whose weights it was recorded to be made from.
pub(crate) fn lineage(
    judged: &Judged<'_>,
    ancestry: &Ancestry,
    folder: Option<FolderFacts>,
) -> TargetLineage {
    let catalog = judged.catalog;
    let bases = judged.target.base.iter().flat_map(|id| {
        let resolution = catalog.resolve(id);
        let behind: Vec<Resolution> = ancestry
            .of(id)
            .iter()
            .filter(|behind| behind.weights && !behind.recorded)
            .map(|behind| catalog.resolve(&behind.model))
            .collect();
        if resolution.outcome == Outcome::Unknown && !behind.is_empty() {
            behind
        } else {
            vec![resolution]
        }
    });
    TargetLineage {
        bases: bases.collect(),
        folder,
    }
}

/// Who generated a text, or stands behind who did.
struct Generator<'a> {
    model: Option<String>,
    resolution: Option<Arc<Resolution>>,
    behind: Option<&'a Ancestor>,
    /// Tells the generators of one claim apart; 0 for the one that it names.
    number: usize,
}

/// One claim, decided, with the match it rests on.
struct Decided {
    claim: FindingClaim,
    found: Match,
}

impl<'c> Decider<'c> {
    pub(crate) fn new(
        snapshot: &'c SnapshotFacts,
        ancestry: &'c Ancestry,
        judged: Judged<'c>,
        lineage: &'c TargetLineage,
    ) -> Self {
        Self {
            snapshot,
            ancestry,
            behind: HashMap::new(),
            judged,
            resolved: HashMap::new(),
            access: HashMap::new(),
            touched: Touched::default(),
            decisions: Decisions::new(Setting {
                policy: judged.policy,
                position: judged.position,
                target: judged.target,
                lineage,
            }),
            uses: Uses::default(),
            sha256: None,
        }
    }

    /// Tells which content the findings to come stand in; `None` when it is not known.
    pub(crate) fn begin_file(&mut self, sha256: Option<&str>) {
        self.sha256 = sha256.map(str::to_owned);
    }

    /// Applies what was approved to a decision.
    fn approve(
        &mut self,
        decision: &mut Decision,
        generator: Option<&Resolution>,
        access: &Access,
        source: Option<&str>,
        at: Option<(&Location, u32)>,
    ) -> Option<AppliedApproval> {
        let judged = self.judged;
        let place = match (at, &self.sha256) {
            (Some((location, unit)), Some(sha256)) => location.row.map(|row| Place {
                sha256,
                row,
                column: location.column.as_deref(),
                unit,
            }),
            _ => None,
        };
        let subject = Subject {
            target: judged.target,
            source,
            host: match access {
                Access::HostUnread { host } => Some(host.as_str()),
                Access::LicenseAlone | Access::HostRead { .. } | Access::Contract { .. } => None,
            },
            place,
            licenses: generator.map_or(&[], licenses),
        };
        judged
            .approvals
            .apply(decision, &subject, judged.as_of, &mut self.uses)
    }

    /// The finding on one unit: every claim on every text it matched, strictest first.
    pub(crate) fn finding(&mut self, location: Location, unit: &UnitMatches) -> Option<Finding> {
        let mut decided: Vec<Decided> = Vec::new();
        for (found, claims) in &unit.matches {
            // One claim of each source and model speaks for all its places.
            let mut seen: Vec<(SourceId, Option<u32>)> = Vec::new();
            for claim in claims {
                if seen.contains(&(claim.source, claim.model)) {
                    continue;
                }
                seen.push((claim.source, claim.model));
                decided.extend(self.decide(&location, unit.ordinal, found, claim));
            }
        }
        decided.sort_by(|a, b| {
            policy::compare(&b.claim.decision, &a.claim.decision)
                .then_with(|| {
                    b.found
                        .evidence
                        .strength
                        .total_cmp(&a.found.evidence.strength)
                })
                .then_with(|| a.claim.source.cmp(&b.claim.source))
                .then_with(|| a.claim.source_record.cmp(&b.claim.source_record))
        });
        let first = decided.first()?;
        Some(Finding {
            level: first.claim.decision.level,
            location,
            ordinal: unit.ordinal,
            evidence: Some(first.found.evidence),
            decision: first.claim.decision.clone(),
            approval: first.claim.approval.clone(),
            claims: decided.into_iter().map(|d| d.claim).collect(),
        })
    }

    /// A claim, decided for the model that it names and for every model that stands behind it.
    fn decide(
        &mut self,
        location: &Location,
        unit: u32,
        found: &Match,
        claim: &Claim,
    ) -> Vec<Decided> {
        let Some(source) = self.source(claim.source) else {
            return Vec::new();
        };
        let model = claim
            .model
            .and_then(|m| source.models.get(m as usize))
            .cloned();
        let behind = match &model {
            Some(id) => self.behind(id),
            None => Arc::from([]),
        };
        let generator = model.as_deref().map(|id| self.resolve(id));
        // Of a model that the organisation made itself nobody else's catalog knows anything; what
        // is known of it stands behind it. Only Llama behind it says enough: where the graph shows
        // none, its data may just never have been checked, and the model stays unknown.
        let silent = behind
            .iter()
            .any(|ancestor| matches!(ancestor.resolution.outcome, Outcome::Known(_)))
            && generator
                .as_ref()
                .is_some_and(|generator| generator.outcome == Outcome::Unknown);
        let mut all = Vec::new();
        if !silent {
            let of = Generator {
                model: model.clone(),
                resolution: generator,
                behind: None,
                number: 0,
            };
            all.push(self.decide_one(location, unit, found, claim, source, of));
        }
        for (number, ancestor) in (1..).zip(behind.iter()) {
            let of = Generator {
                model: Some(ancestor.model.clone()),
                resolution: Some(ancestor.resolution.clone()),
                behind: Some(ancestor),
                number,
            };
            all.push(self.decide_one(location, unit, found, claim, source, of));
        }
        all
    }

    fn decide_one(
        &mut self,
        location: &Location,
        unit: u32,
        found: &Match,
        claim: &Claim,
        source: &SourceInfo,
        of: Generator<'_>,
    ) -> Decided {
        let Generator {
            model,
            resolution: generator,
            behind,
            number,
        } = of;
        // The host of the model that wrote the text is not that of the model behind it.
        let access = match behind {
            None => self.access(source),
            Some(_) => Access::LicenseAlone,
        };
        let (of_outputs, stated) = input_use(self.judged.target, &location.path);
        let facts = ClaimFacts {
            generator: generator.as_deref(),
            access: &access,
            acquisition: stated.unwrap_or(source.acquisition),
            of_outputs,
            basis: Basis::Match,
            tier: found.evidence.tier,
            strength: found.evidence.strength,
            short: found.short,
            second_generation: behind.is_some_and(|ancestor| !ancestor.weights),
        };
        let kind = (claim.source.0, claim.model, number);
        let decision = self.decisions.decide(kind, &facts);
        let mut decision = Decision::clone(&decision);
        if let Some(ancestor) = behind {
            decision.reason = format!("{}: {}", ancestor.sentence(), decision.reason);
        }
        let approval = self.approve(
            &mut decision,
            generator.as_deref(),
            &access,
            Some(&source.name),
            Some((location, unit)),
        );
        self.touched.add(generator.as_deref());
        Decided {
            claim: FindingClaim {
                source: source.name.clone(),
                source_record: record_name(source, claim),
                model,
                lineage: behind.map_or_else(Vec::new, |ancestor| ancestor.way.clone()),
                decision,
                approval,
            },
            found: found.clone(),
        }
    }

    /// The models behind a claimed one about which the catalog has something to say. One that is
    /// itself recorded as made from others, and that the catalog does not know, is told by those.
    fn behind(&mut self, model: &str) -> Arc<[Ancestor]> {
        if let Some(known) = self.behind.get(model) {
            return Arc::clone(known);
        }
        let catalog = self.judged.catalog;
        let behind: Arc<[Ancestor]> = self
            .ancestry
            .of(model)
            .iter()
            .filter_map(|behind| Ancestor::new(catalog, model, behind))
            .collect();
        self.behind.insert(model.to_owned(), Arc::clone(&behind));
        behind
    }

    /// What is to be said of the duties that earlier checks stored for the target.
    fn stored_duties(&mut self, findings: &mut Findings) {
        let judged = self.judged;
        for duty in judged.duties.applicable() {
            let ground = self.decisions.ground();
            let standing = policy::standing(ground, judged.catalog.licenses(), duty);
            let Some(mut decision) = policy::stored_decision(ground, &standing) else {
                findings.oblige_stored(&standing);
                continue;
            };
            // A waiver for the one source that brought it in holds here too.
            let source = match duty.origin.sources.as_slice() {
                [only] => Some(only.as_str()),
                _ => None,
            };
            let access = &Access::LicenseAlone;
            let approval = self.approve(&mut decision, None, access, source, None);
            findings.push_stored(run_finding(decision, approval));
        }
    }

    /// What the decisions are made on.
    pub(crate) fn ground(&self) -> &Ground<'c> {
        self.decisions.ground()
    }

    fn setting(&self) -> Setting<'c> {
        *self.decisions.ground().setting()
    }

    fn source(&self, id: SourceId) -> Option<&'c SourceInfo> {
        self.snapshot.source(id)
    }

    fn resolve(&mut self, id: &str) -> Arc<Resolution> {
        if let Some(known) = self.resolved.get(id) {
            return known.clone();
        }
        let resolution = Arc::new(self.judged.catalog.resolve(id));
        self.resolved.insert(id.to_owned(), resolution.clone());
        resolution
    }

    fn access(&mut self, source: &SourceInfo) -> Access {
        let catalog = self.judged.catalog;
        self.access
            .entry(source.id)
            .or_insert_with(|| catalog.access(source.access.as_deref()))
            .clone()
    }

    /// What is to be said of the run as a whole: declared uses without text, the base's own duties,
    /// missing facts about the organisation. Called once, after all files.
    pub(crate) fn run_level(&mut self, findings: &mut Findings) {
        let target = self.judged.target;
        for used in &target.models_used {
            let generator = self.resolve(&used.model);
            self.touched.add(Some(&generator));
            let facts = ClaimFacts {
                generator: Some(&generator),
                access: &Access::LicenseAlone,
                acquisition: crate::model::Acquisition::SelfGenerated,
                of_outputs: used.of_outputs,
                basis: Basis::Declared,
                tier: Tier::Exact,
                strength: f64::INFINITY,
                short: false,
                second_generation: false,
            };
            let ground = self.decisions.ground();
            let mut decision = ground.judge(&facts).worded(ground);
            let access = &Access::LicenseAlone;
            let approval = self.approve(&mut decision, Some(&generator), access, None, None);
            findings.arising().of_declared(&decision, &used.model);
            findings.push_run(run_finding(decision, approval));
        }
        findings.oblige(&policy::base_duties(&self.setting()));
        self.stored_duties(findings);
        for mut decision in policy::run_decisions(&self.setting(), &self.touched) {
            let access = &Access::LicenseAlone;
            let approval = self.approve(&mut decision, None, access, None, None);
            findings.push_run(run_finding(decision, approval));
        }
        let judged = self.judged;
        for remark in judged.approvals.remarks(&self.uses, target, judged.as_of) {
            let decision = remarked(remark, judged.policy);
            findings.push_run(run_finding(decision, None));
        }
    }
}

/// The licenses of a model, where the decision may show only one of several.
fn licenses(generator: &Resolution) -> &[Arc<License>] {
    match &generator.outcome {
        Outcome::Known(known) => &known.licenses,
        Outcome::LlamaVersionUnknown
        | Outcome::Ambiguous { .. }
        | Outcome::NotLlama { .. }
        | Outcome::Unknown => &[],
    }
}

/// What is to be said about an approval, under this policy's level.
fn remarked(remark: Remark, policy: &policy::Policy) -> Decision {
    let code = match remark.kind {
        RemarkKind::Expired => codes::APPROVAL_EXPIRED,
        RemarkKind::Stale => codes::APPROVAL_STALE,
        RemarkKind::Unused => codes::APPROVAL_UNUSED,
    };
    Decision {
        code,
        ruling: None,
        level: policy.level(code),
        license: None,
        clause: None,
        obligations: Vec::new(),
        reason: remark.reason,
        how_to_fix: remark.how_to_fix,
        readings: Vec::new(),
        question: None,
    }
}

/// A finding on the run itself; its path is the target's.
fn run_finding(decision: Decision, approval: Option<AppliedApproval>) -> Finding {
    Finding {
        level: decision.level,
        location: Location::file("(run)"),
        ordinal: 0,
        evidence: None,
        claims: Vec::new(),
        decision,
        approval,
    }
}

/// Names a registered record so that a person finds it again.
fn record_name(source: &SourceInfo, claim: &Claim) -> String {
    if let Some(partner) = source.claimed_by() {
        // A partner's names of files and columns stay with the partner.
        return format!(
            "claimed by {partner}: file {}#{}:column {}",
            claim.file, claim.row, claim.column
        );
    }
    let file = source
        .files
        .get(claim.file as usize)
        .map_or("?", |f| f.path.as_str());
    let column = source
        .columns
        .get(claim.column as usize)
        .map_or("?", String::as_str);
    format!("{file}#{}:{column}", claim.row)
}
