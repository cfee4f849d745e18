//! From matches to findings: who claims the text, what their license says for this target.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Access;
use crate::model::Claim;
use crate::model::Decision;
use crate::model::Finding;
use crate::model::FindingClaim;
use crate::model::Location;
use crate::model::Resolution;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::TargetLineage;
use crate::model::Tier;
use crate::policy;
use crate::policy::Basis;
use crate::policy::ClaimFacts;
use crate::policy::Setting;
use crate::policy::Touched;
use crate::policy::target_file::input_use;

use super::super::matching::Match;
use super::CheckContext;
use super::UnitMatches;
use super::findings::Findings;

/// Decides claims; resolves every model id once.
pub(crate) struct Decider<'c> {
    context: &'c CheckContext<'c>,
    lineage: TargetLineage,
    resolved: HashMap<String, Arc<Resolution>>,
    access: HashMap<SourceId, Access>,
    touched: Touched,
}

/// One claim, decided, with the match it rests on.
struct Decided {
    claim: FindingClaim,
    found: Match,
}

impl<'c> Decider<'c> {
    pub(crate) fn new(context: &'c CheckContext<'c>) -> Self {
        let bases = context
            .judged
            .target
            .base
            .iter()
            .map(|id| context.judged.catalog.resolve(id))
            .collect();
        Self {
            context,
            lineage: TargetLineage {
                bases,
                folder: context.folder.clone(),
            },
            resolved: HashMap::new(),
            access: HashMap::new(),
            touched: Touched::default(),
        }
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
                decided.extend(self.decide(&location, found, claim));
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
            claims: decided.into_iter().map(|d| d.claim).collect(),
        })
    }

    fn decide(&mut self, location: &Location, found: &Match, claim: &Claim) -> Option<Decided> {
        let source = self.source(claim.source)?;
        let model = claim
            .model
            .and_then(|m| source.models.get(m as usize))
            .cloned();
        let generator = model.as_deref().map(|id| self.resolve(id));
        let access = self.access(source);
        let (of_outputs, stated) = input_use(self.context.judged.target, &location.path);
        let facts = ClaimFacts {
            generator: generator.as_deref(),
            access: &access,
            acquisition: stated.unwrap_or(source.acquisition),
            of_outputs,
            basis: Basis::Match,
            tier: found.evidence.tier,
            strength: found.evidence.strength,
            short: found.short,
        };
        let decision = policy::decide(&self.setting(), &facts);
        self.touched.add(generator.as_deref());
        Some(Decided {
            claim: FindingClaim {
                source: source.name.clone(),
                source_record: record_name(source, claim),
                model,
                decision,
            },
            found: found.clone(),
        })
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            policy: self.context.judged.policy,
            position: self.context.judged.position,
            target: self.context.judged.target,
            lineage: &self.lineage,
        }
    }

    /// A claim names a source of its own snapshot: the index refuses any other.
    fn source(&self, id: SourceId) -> Option<&'c SourceInfo> {
        self.context.snapshot.sources().get(id.0 as usize)
    }

    fn resolve(&mut self, id: &str) -> Arc<Resolution> {
        if let Some(known) = self.resolved.get(id) {
            return known.clone();
        }
        let resolution = Arc::new(self.context.judged.catalog.resolve(id));
        self.resolved.insert(id.to_owned(), resolution.clone());
        resolution
    }

    fn access(&mut self, source: &SourceInfo) -> Access {
        let catalog = self.context.judged.catalog;
        self.access
            .entry(source.id)
            .or_insert_with(|| catalog.access(source.access.as_deref()))
            .clone()
    }

    /// What is to be said of the run as a whole: declared uses without text, the base's own duties,
    /// missing facts about the organisation. Called once, after all files.
    pub(crate) fn run_level(&mut self, findings: &mut Findings) {
        let target = self.context.judged.target;
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
            };
            let decision = policy::decide(&self.setting(), &facts);
            findings.push_run(run_finding(decision));
        }
        findings.oblige(&policy::base_duties(&self.setting()));
        for decision in policy::run_decisions(&self.setting(), &self.touched) {
            findings.push_run(run_finding(decision));
        }
    }
}

/// A finding on the run itself; its path is the target's.
fn run_finding(decision: Decision) -> Finding {
    Finding {
        level: decision.level,
        location: Location::file("(run)"),
        ordinal: 0,
        evidence: None,
        claims: Vec::new(),
        decision,
    }
}

/// Names a registered record so that a person finds it again.
fn record_name(source: &SourceInfo, claim: &Claim) -> String {
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
