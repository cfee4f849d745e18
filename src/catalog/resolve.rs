//! From a claimed model id to family, version and license.
//!
//! Order: the organisation's own entries, listed ids, then the naming rule for Llama versions, then
//! models that are not Llama; the id's last segment first, then the folders before it. The first
//! that answers wins. An id that contradicts itself stays ambiguous; one that nothing answers for
//! stays unknown. Pure.

use crate::model::Basis;
use crate::model::Confidence;
use crate::model::LlamaVersion;
use crate::model::Outcome;
use crate::model::Resolution;

use super::Catalog;
use super::explain::{Asked, Step};
use super::glob::{Name, normalise};
use super::load::ModelEntry;
use super::load::Models;
use super::naming::{ambiguous, llama_outcome};
use super::version::{Named, named};

/// Longest model id that is looked at, in bytes. *Chosen*: the longest ids in use, registry URIs
/// and paths, stay below 300.
pub const MODEL_ID_BYTES_MAX: usize = 1024;

/// What stands behind a model's name in registry URIs, web links and caches: the name is before it.
const BEHIND_THE_NAME: [&str; 7] = [
    "versions",
    "labels",
    "blob",
    "tree",
    "resolve",
    "snapshots",
    "raw",
];

/// What was asked, in order; `None` where nobody wants to know.
pub(super) type Trail = Option<Vec<Step>>;

/// Whether an answer is taken from an entry, and which.
pub(super) struct Found<'a> {
    pub(super) answer: Answer,
    pub(super) entry: Option<&'a ModelEntry>,
}

pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) rule: String,
    pub(super) confidence: Confidence,
    pub(super) note: String,
}

/// Resolves an id; `trail` receives what was asked, if it is there.
pub(super) fn resolve<'a>(
    catalog: &'a Catalog,
    raw_id: &str,
    trail: &mut Trail,
) -> (Resolution, Option<&'a ModelEntry>) {
    let trimmed = raw_id.trim();
    if trimmed.len() > MODEL_ID_BYTES_MAX {
        let answer = Answer {
            outcome: Outcome::Unknown,
            rule: "too-long".to_owned(),
            confidence: Confidence::Name,
            note: format!("longer than {MODEL_ID_BYTES_MAX} bytes, so not a model id"),
        };
        return (resolution(raw_id, answer), None);
    }
    let segments = segments(trimmed);
    let normal: Vec<String> = segments.iter().map(|s| normalise(s)).collect();
    for (last, segment) in segments.iter().enumerate().rev() {
        let name = Name::of(normal.get(..=last).unwrap_or_default());
        let Some(found) = segment_outcome(catalog, segment, &name, trail) else {
            continue;
        };
        let mut answer = found.answer;
        if last + 1 < segments.len() {
            // A folder or an organisation tells less than the name.
            answer.confidence = Confidence::Name;
            if answer.note.is_empty() {
                answer.note = String::from(
                    "taken from a folder or organisation in the id, not from the name",
                );
            }
        }
        return (resolution(raw_id, answer), found.entry);
    }
    let answer = Answer {
        outcome: Outcome::Unknown,
        rule: "none".to_owned(),
        confidence: Confidence::Name,
        note: String::new(),
    };
    (resolution(raw_id, answer), None)
}

fn resolution(raw_id: &str, answer: Answer) -> Resolution {
    Resolution {
        raw_id: raw_id.to_owned(),
        outcome: answer.outcome,
        rule: answer.rule,
        confidence: answer.confidence,
        note: answer.note,
    }
}

/// The segments of an id, lower case, in order, without what only hosts and caches add.
fn segments(id: &str) -> Vec<String> {
    let lower = id.to_lowercase().replace('\\', "/");
    // Behind `#` a host names its deployment, not the model.
    let (lower, _) = lower.split_once('#').unwrap_or((&lower, ""));
    // In a local path these words may be folders like any other.
    let address = lower.contains("://") || lower.contains("models--");
    let mut segments = Vec::new();
    for segment in lower.split('/').filter(|segment| !segment.is_empty()) {
        if address && !segments.is_empty() && BEHIND_THE_NAME.contains(&segment) {
            break;
        }
        match segment.strip_prefix("models--") {
            // The form of Hugging Face's cache.
            Some(cached) => segments.extend(cached.split("--").map(str::to_owned)),
            None => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// What one segment says; `None` when nothing in the catalog answers for it. `name` ends in it.
fn segment_outcome<'a>(
    catalog: &'a Catalog,
    segment: &str,
    name: &Name<'_>,
    trail: &mut Trail,
) -> Option<Found<'a>> {
    let found = asked(&catalog.own, segment, name, Asked::Own, trail);
    let Some(entry) = found else {
        return builtin_outcome(catalog, segment, name, trail);
    };
    let mut answer = listed_answer(entry, "own", Confidence::Listed);
    if let Some(builtin) = builtin_outcome(catalog, segment, name, &mut None)
        && builtin.answer.outcome != answer.outcome
    {
        let instead = format!(
            "stated in your own file; the built-in rule `{}` would say otherwise",
            builtin.answer.rule
        );
        answer.note = joined(&answer.note, &instead);
    }
    Some(Found {
        answer,
        entry: Some(entry),
    })
}

/// Asks a list, and says in the trail what came of it.
fn asked<'a>(
    models: &'a Models,
    segment: &str,
    name: &Name<'_>,
    list: Asked,
    trail: &mut Trail,
) -> Option<&'a ModelEntry> {
    let at = models.first(name);
    let entries = models.as_slice();
    let found = at.and_then(|at| entries.get(at));
    if let Some(steps) = trail {
        let compared = entries.iter().take(at.map_or(entries.len(), |at| at + 1));
        steps.push(Step {
            segment: segment.to_owned(),
            asked: list,
            looked_at: compared.map(|entry| entry.key.clone()).collect(),
            fired: found.map(|entry| entry.key.clone()),
        });
    }
    found
}

fn builtin_outcome<'a>(
    catalog: &'a Catalog,
    segment: &str,
    name: &Name<'_>,
    trail: &mut Trail,
) -> Option<Found<'a>> {
    let named = named(segment);
    if let Some(entry) = asked(&catalog.listed, segment, name, Asked::Listed, trail) {
        let answer = match contradiction(catalog, entry, &named) {
            Some(contradiction) => contradiction,
            None => listed_answer(entry, "listed", Confidence::Listed),
        };
        return Some(Found {
            answer,
            entry: Some(entry),
        });
    }
    // Asked here already, because it may stand beside Llama in one name; told after the naming rule.
    let mut later = trail.as_ref().map(|_| Vec::new());
    let other = asked(&catalog.other, segment, name, Asked::Other, &mut later);
    let answer = named.llama.then(|| {
        let beside = other.filter(|entry| entry.weights);
        llama_outcome(
            catalog,
            name.text(),
            &named,
            beside.map(|entry| entry.key.as_str()),
        )
    });
    if let Some(steps) = trail {
        steps.push(Step {
            segment: segment.to_owned(),
            asked: Asked::Naming,
            looked_at: Vec::new(),
            fired: answer.as_ref().map(|answer| answer.rule.clone()),
        });
        if answer.is_none() {
            steps.extend(later.into_iter().flatten());
        }
    }
    if let Some(answer) = answer {
        return Some(Found {
            answer,
            entry: None,
        });
    }
    other.map(|entry| Found {
        answer: listed_answer(entry, "other", Confidence::Rule),
        entry: Some(entry),
    })
}

fn listed_answer(entry: &ModelEntry, list: &str, sourced: Confidence) -> Answer {
    let (confidence, note) = match entry.basis {
        Basis::Source(_) => (sourced, entry.note.clone()),
        Basis::GeneralKnowledge => (
            Confidence::Recalled,
            joined(
                &entry.note,
                "from general knowledge: no source of it is on record",
            ),
        ),
    };
    Answer {
        outcome: entry.outcome.clone(),
        rule: format!("{list}:{}", entry.key),
        confidence,
        note,
    }
}

/// Two remarks in one line.
pub(super) fn joined(first: &str, second: &str) -> String {
    if first.is_empty() {
        second.to_owned()
    } else {
        format!("{first}; {second}")
    }
}

/// A listed model whose name also spells out a Llama version other than its own: a merge, a run
/// name or a mistake. Neither reading is taken.
fn contradiction(catalog: &Catalog, entry: &ModelEntry, named: &Named) -> Option<Answer> {
    let (own, maybe_not_llama) = match &entry.outcome {
        Outcome::Known(known) => (known.lineage, known.lineage.is_none()),
        Outcome::NotLlama { .. } => (None, true),
        // Already open.
        Outcome::Ambiguous { .. } | Outcome::LlamaVersionUnknown | Outcome::Unknown => return None,
    };
    if named.versions.iter().all(|version| Some(*version) == own) {
        return None;
    }
    let mut versions: Vec<LlamaVersion> = named.versions.iter().copied().chain(own).collect();
    versions.sort_unstable();
    versions.dedup();
    Some(ambiguous(
        catalog,
        &versions,
        maybe_not_llama,
        &format!("listed-contradicts-name:{}", entry.key),
        "the name speaks of a listed model and of another Llama version".to_owned(),
    ))
}
