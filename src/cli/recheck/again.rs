//! A check decided again: by the sketches of its inputs, or by what its verdict lists.

use std::collections::BTreeMap;

use super::super::grounds::Grounds;
use super::super::lineage;
use super::super::opened::Opened;
use super::super::target;
use super::about::About;
use super::past::Past;
use super::past::Since;
use super::told::Again;
use super::told::By;
use super::told::Input;
use super::told::Now;
use super::told::Rows;
use super::told::Source;
use super::told::Then;
use super::told::change;
use crate::audit::Check;
use crate::graph::View;
use crate::model;
use crate::model::CheckOutcome;
use crate::model::License;
use crate::model::Outcome;
use crate::model::SourceInfo;
use crate::model::target::Target;
use crate::pipeline;
use crate::pipeline::Ancestry;
use crate::pipeline::CheckContext;
use crate::pipeline::CheckOptions;
use crate::pipeline::Judged;
use crate::pipeline::scan::SnapshotFacts;
use crate::pipeline::sketches::InputNamed;
use crate::pipeline::sketches::Replay;
use crate::pipeline::sketches::SketchFile;
use crate::read::Purpose;
use crate::read::ReadOptions;
use crate::report::wire;
use crate::report::wire::VerdictDocument;
use crate::snapshot::Snapshot;

/// Names of sources that one sentence lists. Chosen: a line or two.
const NAMED_MAX: usize = 10;

/// What past checks are decided by.
pub(super) struct Ground<'a> {
    pub(super) opened: &'a Opened,
    pub(super) grounds: &'a Grounds,
    pub(super) snapshot: &'a Snapshot,
    pub(super) facts: &'a SnapshotFacts,
    pub(super) since: &'a Since,
    /// The lineage graph.
    pub(super) view: &'a View,
    pub(super) threads: usize,
}

/// What a decision came to.
struct Decided {
    by: By,
    verdict: model::Verdict,
    document: Option<VerdictDocument>,
    undecided: Vec<String>,
    notes: Vec<String>,
    not_looked_for: Vec<String>,
}

impl Ground<'_> {
    /// Decides one check again. Whatever stands in the way is in the answer, which is undecided then.
    pub(super) fn again(&self, past: Past) -> Again {
        let then = verdict_then(&past.check);
        let decided = match &past.check.sketches {
            Some(digest) => match self.by_sketches(&past.check, digest) {
                Ok(decided) => decided,
                Err(why) => self.by_verdict(&past, vec![why]),
            },
            None => self.by_verdict(&past, Vec::new()),
        };
        let sources = match (&decided.document, &past.kept) {
            (Some(now), Ok(then)) => self.compared(&rows(then), &rows(now)),
            // Of what it found, what was withdrawn is found no more.
            (None, Ok(then)) => {
                let then = rows(then);
                let mut now = then.clone();
                now.retain(|name, _| self.source(name).is_some_and(stands));
                self.compared(&then, &now)
            }
            (Some(now), Err(_)) => self.compared(&BTreeMap::new(), &rows(now)),
            (None, Err(_)) => Vec::new(),
        };
        let mut notes = decided.notes;
        if let Err(why) = &past.kept
            && decided.document.is_some()
        {
            notes.push(format!(
                "{why}, so what it found then is not known: everything found now is listed as new"
            ));
        }
        let tally_then = tally(&past.check);
        let now = Now {
            verdict: decided.verdict.into(),
            tally: decided.document.as_ref().map(|document| document.tally),
            findings_total: decided.document.as_ref().map(|now| now.findings_total),
        };
        let otherwise = !sources.is_empty() || now.tally.is_some_and(|now| now != tally_then);
        let whole = decided.undecided.is_empty();
        Again {
            check: past.number,
            time: past.time,
            target: target_of(decided.document.as_ref(), past.kept.as_ref()),
            inputs: inputs(&past.check, decided.document.as_ref(), past.kept.as_ref()),
            by: decided.by,
            change: change(then, decided.verdict, whole, otherwise),
            then: Then {
                verdict: then.into(),
                snapshot: past.check.snapshot,
                policy: past.check.policy,
                as_of: past.check.as_of,
                tally: tally_then,
                findings_total: match &past.kept {
                    Ok(kept) => Some(kept.findings_total),
                    Err(_) => None,
                },
            },
            now,
            undecided: decided.undecided,
            sources,
            not_looked_for: decided.not_looked_for,
            notes,
            runs: Vec::new(),
            deployments: Vec::new(),
            verdict: decided.document,
        }
    }

    /// Everything over again, with the sketches in place of the inputs.
    fn by_sketches(&self, check: &Check, digest: &str) -> Result<Decided, String> {
        let Self {
            opened, grounds, ..
        } = self;
        let file = SketchFile::open(&opened.dir, digest, &opened.compat)
            .map_err(|error| error.to_string())?;
        let about: About = serde_json::from_value(file.about().clone())
            .map_err(|error| format!("what was kept of the target makes no sense: {error}"))?;
        let (base, there) = about.base();
        let mut notes = Vec::new();
        if !there && about.reads_beside() {
            notes.push(
                "the folder that the check ran in is not here: the target's own folder and its stored duties were looked for in this one"
                    .to_owned(),
            );
        }
        let target = Target::from(about.target.clone());
        let duties = about.book(&base).map_err(|error| format!("{error:#}"))?;
        let judged = Judged {
            catalog: &grounds.catalog,
            policy: &grounds.policy,
            position: &grounds.position,
            target: &target,
            approvals: &grounds.approvals,
            duties: &duties,
            as_of: &grounds.as_of,
        };
        let folder = target::folder(&Target {
            folder: (target.folder.as_ref())
                .map(|folder| base.join(folder).to_string_lossy().into_owned()),
            ..target.clone()
        });
        let folder = folder.map_err(|failure| format!("{:#}", failure.error))?;
        // As a check does, which looks at the graph only where something was stated.
        let ancestry = match self.since.stated {
            Some(_) => lineage::ancestry_by(self.view, self.facts, &target),
            None => Ok(Ancestry::default()),
        };
        let ancestry = ancestry.map_err(|error| error.to_string())?;
        let context = CheckContext {
            snapshot: self.facts,
            recipe: &opened.recipe,
            judged: &judged,
            ancestry: &ancestry,
            folder,
        };
        let inputs: Vec<_> = file.inputs().iter().map(InputNamed::again).collect();
        let mut replay = Replay::new(
            self.snapshot,
            &opened.recipe,
            &opened.key,
            grounds.policy.flag_strength(),
            self.threads,
            file,
        )
        .map_err(|error| error.to_string())?;
        let options = CheckOptions {
            read: ReadOptions {
                purpose: Purpose::Check,
                ..ReadOptions::default()
            },
            split: None,
        };
        let run = pipeline::check(&context, &mut replay, &inputs, &options, &|_| {});
        let outcome = run.map_err(|error| error.to_string())?.outcome;
        let mut undecided = Vec::new();
        if outcome.index.is_none() {
            // No input was looked at: an index without sources answers nothing.
            let why = outcome.findings.first().map(|found| &found.decision.reason);
            undecided.extend(why.cloned());
        } else {
            replay.finish().map_err(|error| error.to_string())?;
            of_this_check(check, &outcome)?;
        }
        Ok(Decided {
            by: By::Sketches,
            verdict: outcome.verdict,
            document: Some(VerdictDocument::from(&outcome)),
            undecided,
            notes,
            not_looked_for: Vec::new(),
        })
    }

    /// What can be said without the inputs: that nothing changed that could change the verdict, or
    /// what did. `undecided` is what stands in the way already.
    fn by_verdict(&self, past: &Past, mut undecided: Vec<String>) -> Decided {
        let then = verdict_then(&past.check);
        let not_looked_for = self.registered_since(past.check.snapshot.unwrap_or_default());
        if !not_looked_for.is_empty() {
            let none = if past.check.sketches.is_none() {
                "no sketches were kept, so "
            } else {
                ""
            };
            undecided.push(format!(
                "{none}its inputs were not compared with what was registered since: {}",
                some_of(&not_looked_for)
            ));
        }
        if past.check.policy != self.grounds.policy.digest() {
            undecided.push(
                "it was decided by another policy, and what lay below the thresholds of that one is not known"
                    .to_owned(),
            );
        }
        match &past.kept {
            Err(why) => undecided.push(why.clone()),
            Ok(kept) => self.changed(past.number, kept, &mut undecided),
        }
        let mut notes = Vec::new();
        if undecided.is_empty() {
            notes.push(
                "no sketches were kept: it is taken for granted that the organisation's profile is the one of then"
                    .to_owned(),
            );
        }
        Decided {
            by: By::Verdict,
            // A block is not lifted by what is not known.
            verdict: if undecided.is_empty() || then == model::Verdict::Block {
                then
            } else {
                model::Verdict::Undecided
            },
            document: None,
            undecided,
            notes,
            not_looked_for,
        }
    }

    /// What has changed for what a verdict lists.
    fn changed(&self, number: u64, kept: &VerdictDocument, undecided: &mut Vec<String>) {
        if kept.findings_total > kept.findings.len() as u64 {
            undecided.push(format!(
                "its verdict lists {} of {} findings",
                kept.findings.len(),
                kept.findings_total
            ));
        }
        let found = rows(kept);
        let gone: Vec<String> = found
            .keys()
            .filter(|name| !self.source(name).is_some_and(stands))
            .map(|name| (*name).to_owned())
            .collect();
        if !gone.is_empty() {
            undecided.push(format!(
                "sources that it found were withdrawn since: {}",
                some_of(&gone)
            ));
        }
        let catalog = &self.grounds.catalog;
        let claims = kept.findings.iter().flat_map(|finding| &finding.claims);
        let mut otherwise: Vec<String> = claims
            .filter_map(|claim| {
                let model = claim.model.as_ref()?;
                let means = catalog.resolve(model).outcome;
                (!agrees(&means, claim.license.as_deref())).then(|| model.clone())
            })
            .collect();
        otherwise.sort_unstable();
        otherwise.dedup();
        if !otherwise.is_empty() {
            undecided.push(format!(
                "the catalog says something else by now of {}",
                some_of(&otherwise)
            ));
        }
        let approvals = kept.findings.iter().filter_map(|f| f.approval.as_ref());
        let mut expired: Vec<String> = approvals
            .filter(|approval| approval.expires < self.grounds.as_of)
            .map(|approval| approval.id.clone())
            .collect();
        expired.sort_unstable();
        expired.dedup();
        if !expired.is_empty() {
            undecided.push(format!(
                "approvals that it rests on have expired: {}",
                some_of(&expired)
            ));
        }
        let later = |entry: Option<u64>| entry.is_some_and(|entry| entry > number);
        if later(self.since.approved) && !kept.findings.is_empty() {
            undecided.push("something was approved, or taken back, since".to_owned());
        }
        let unknown_base = kept
            .target
            .base
            .iter()
            .any(|base| matches!(catalog.resolve(base).outcome, Outcome::Unknown));
        if later(self.since.stated) && (!found.is_empty() || unknown_base) {
            undecided.push(
                "lineage was recorded since, which may put other models behind those it found"
                    .to_owned(),
            );
        }
    }

    /// Sources registered after a snapshot that still stand, in order of registration.
    fn registered_since(&self, snapshot: u64) -> Vec<String> {
        (self.since.registered.iter())
            .filter(|(commit, _)| *commit > snapshot)
            .filter_map(|(commit, name)| match name {
                Some(name) => (self.source(name).is_some_and(stands)).then(|| name.clone()),
                // What it was cannot be looked up, so it is taken to stand.
                None => Some(format!("a source without a name (commit {commit})")),
            })
            .collect()
    }

    fn source(&self, name: &str) -> Option<&SourceInfo> {
        self.facts.sources.iter().find(|source| source.name == name)
    }

    /// The sources that are found otherwise, in order of name.
    fn compared(&self, then: &BTreeMap<&str, Rows>, now: &BTreeMap<&str, Rows>) -> Vec<Source> {
        let mut names: Vec<&str> = then.keys().chain(now.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        let differs = |name: &&str| then.get(name) != now.get(name);
        let source = |name: &str| {
            let info = self.source(name);
            Source {
                name: name.to_owned(),
                models: info.map_or_else(Vec::new, |info| info.models.clone()),
                withdrawn_at: info.and_then(|info| info.withdrawn_at.clone()),
                then: then.get(name).copied(),
                now: now.get(name).copied(),
            }
        };
        names.into_iter().filter(differs).map(source).collect()
    }
}

fn stands(source: &SourceInfo) -> bool {
    source.withdrawn_at.is_none()
}

/// Whether a model still stands under the license that a claim was decided by.
fn agrees(means: &Outcome, license: Option<&str>) -> bool {
    let licenses: Vec<&License> = match means {
        Outcome::Known(known) => known.licenses.iter().map(AsRef::as_ref).collect(),
        Outcome::Ambiguous { candidates, .. } => candidates.iter().map(AsRef::as_ref).collect(),
        Outcome::NotLlama { license, .. } => license.iter().map(AsRef::as_ref).collect(),
        Outcome::LlamaVersionUnknown | Outcome::Unknown => Vec::new(),
    };
    match license {
        Some(id) => licenses.iter().any(|license| license.id == id),
        None => !matches!(means, Outcome::Known(_)),
    }
}

/// That what was made of the sketches is of the inputs and the target that the entry names.
fn of_this_check(check: &Check, outcome: &CheckOutcome) -> Result<(), String> {
    let json = wire::to_json(outcome).map_err(|error| error.to_string())?;
    let again = Check::of(outcome, &json).map_err(|error| error.to_string())?;
    if (&again.target, &again.inputs_digest) == (&check.target, &check.inputs_digest) {
        Ok(())
    } else {
        Err("its sketches are of other inputs, or of another target".to_owned())
    }
}

fn some_of(names: &[String]) -> String {
    let some: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = names.len() - some.len();
    if more > 0 {
        format!("{} and {more} more", some.join(", "))
    } else {
        some.join(", ")
    }
}

fn verdict_then(check: &Check) -> model::Verdict {
    use model::Verdict;
    let all = [Verdict::Pass, Verdict::Flag, Verdict::Block];
    let known = all.into_iter().find(|one| one.as_str() == check.verdict);
    known.unwrap_or(Verdict::Undecided)
}

fn tally(check: &Check) -> wire::Tally {
    let count = |name: &str| check.tally.get(name).copied().unwrap_or_default();
    wire::Tally {
        read: count("read"),
        pass: count("pass"),
        flag: count("flag"),
        block: count("block"),
        undecided: count("undecided"),
    }
}

/// Rows by source over all inputs, with the strictest level.
fn rows(document: &VerdictDocument) -> BTreeMap<&str, Rows> {
    let mut rows: BTreeMap<&str, Rows> = BTreeMap::new();
    for found in document.inputs.iter().flat_map(|input| &input.sources) {
        let known = rows.entry(&found.source).or_insert(Rows {
            rows: 0,
            level: found.level,
        });
        known.rows += found.rows;
        let level = |level: wire::Level| model::Level::from(level);
        if level(found.level) > level(known.level) {
            known.level = found.level;
        }
    }
    rows
}

fn target_of(
    now: Option<&VerdictDocument>,
    then: Result<&VerdictDocument, &String>,
) -> Option<String> {
    let target = match (now, then) {
        (Some(now), _) => &now.target,
        (None, Ok(then)) => &then.target,
        (None, Err(_)) => return None,
    };
    let base = target
        .base
        .first()
        .map(|base| format!("a model made from {base}"));
    target.name.clone().or(base)
}

fn inputs(
    check: &Check,
    now: Option<&VerdictDocument>,
    then: Result<&VerdictDocument, &String>,
) -> Vec<Input> {
    let document = match (now.filter(|now| !now.inputs.is_empty()), then) {
        (Some(now), _) => now,
        (None, Ok(then)) => then,
        (None, Err(_)) => {
            let unnamed = |sha256: &Option<String>| Input {
                path: "(not known)".to_owned(),
                sha256: sha256.clone(),
                rows: 0,
            };
            return check.input_digests.iter().map(unnamed).collect();
        }
    };
    let input = |input: &wire::Input| Input {
        path: input.path.clone(),
        sha256: input.sha256.clone(),
        rows: input.rows,
    };
    document.inputs.iter().map(input).collect()
}
