//! Hints resolved one by one and compared: agreeing ones are one answer, contradicting ones none.

use std::sync::Arc;

use crate::model::Clauses;
use crate::model::Confidence;
use crate::model::KnownModel;
use crate::model::License;
use crate::model::Outcome;
use crate::model::Resolution;

use super::super::Catalog;
use super::super::OfficialText;
use super::super::load::ModelEntry;
use super::super::naming::SIZE_WITHOUT_VERSION;
use super::super::resolve::{joined, resolve};
use super::{Hint, Says};

/// Architectures that Llama weights have, and many others as well.
const LLAMA_ARCHITECTURES: [&str; 6] =
    ["llama", "mllama", "llama4", "llava", "deci", "nemotron_nas"];

/// Beginnings of architectures that no Llama weights have.
const OTHER_ARCHITECTURES: [&str; 38] = [
    "mistral",
    "mixtral",
    "ministral",
    "pixtral",
    "qwen",
    "gemma",
    "paligemma",
    "phi",
    "falcon",
    "gpt",
    "mpt",
    "bloom",
    "opt",
    "bert",
    "roberta",
    "xlm",
    "distilbert",
    "deberta",
    "modernbert",
    "electra",
    "albert",
    "stablelm",
    "starcoder",
    "olmo",
    "cohere",
    "command",
    "deepseek",
    "glm",
    "chatglm",
    "internlm",
    "baichuan",
    "exaone",
    "granite",
    "t5",
    "mt5",
    "rwkv",
    "mamba",
    "smollm",
];

/// Words of cards that name no license.
const NO_LICENSE: [&str; 4] = ["other", "unknown", "none", "unlicensed"];

/// What the hints mean together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined {
    /// The answer.
    pub resolution: Resolution,
    /// Every hint with what it means by itself, in the order given.
    pub readings: Vec<Reading>,
}

/// A hint with what it means by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The hint.
    pub hint: Hint,
    /// What it means, in words.
    pub means: String,
}

/// What is known so far of where the weights come from.
struct Lineage<'a> {
    outcome: Outcome,
    confidence: Confidence,
    /// What was taken in, for the remarks: place and meaning.
    from: Vec<String>,
    notes: Vec<String>,
    entries: Vec<&'a ModelEntry>,
    clash: bool,
}

impl Catalog {
    /// Resolves every hint about one model and compares the answers. `raw_id` is what the model is
    /// called in the answer. Contradicting hints give [`Outcome::Ambiguous`] with every license
    /// named, never one of them.
    pub fn combine(&self, raw_id: &str, hints: Vec<Hint>) -> Combined {
        let mut lineage = Lineage {
            outcome: Outcome::Unknown,
            confidence: Confidence::Name,
            from: Vec::new(),
            notes: Vec::new(),
            entries: Vec::new(),
            clash: false,
        };
        let mut made_from_it = false;
        // Bases first: a name is only a name, and a duty may have put "Llama" into it.
        for hint in &hints {
            if let Says::Base(id) = &hint.says {
                made_from_it |= lineage.take(self, &hint.place, id, true);
            }
        }
        for hint in &hints {
            if let Says::Name(name) = &hint.says {
                lineage.take(self, &hint.place, name, false);
            }
        }
        if made_from_it && !relation(&hints, "quantized") {
            lineage.made_from_it();
        }
        let llama_shaped = lineage.architectures(&hints);
        lineage.licenses(self, &hints, llama_shaped);
        let readings = hints
            .into_iter()
            .map(|hint| Reading {
                means: meaning(self, &hint.says),
                hint,
            })
            .collect();
        Combined {
            resolution: lineage.resolution(raw_id),
            readings,
        }
    }
}

fn relation(hints: &[Hint], word: &str) -> bool {
    hints
        .iter()
        .any(|hint| matches!(&hint.says, Says::Relation(stated) if stated == word))
}

impl<'a> Lineage<'a> {
    /// Takes an id in; says whether it told anything.
    fn take(&mut self, catalog: &'a Catalog, place: &str, id: &str, base: bool) -> bool {
        let (resolution, entry) = resolve(catalog, id, &mut None);
        let told = match &resolution.outcome {
            Outcome::Unknown => false,
            // Meta's naming duty puts "Llama" into names whatever the weights are, and a size
            // beside it is the model's own.
            Outcome::LlamaVersionUnknown => base || self.from.is_empty(),
            Outcome::Ambiguous { .. } if resolution.rule == SIZE_WITHOUT_VERSION => {
                base || self.from.is_empty()
            }
            Outcome::Known(_) | Outcome::Ambiguous { .. } | Outcome::NotLlama { .. } => true,
        };
        if !told {
            return false;
        }
        let says = format!("{place} says {}", brief(&resolution.outcome));
        if self.from.is_empty() {
            self.outcome = resolution.outcome;
            self.confidence = resolution.confidence;
        } else {
            match agreed(&self.outcome, &resolution.outcome) {
                Some(outcome) => {
                    self.outcome = outcome;
                    self.confidence = self.confidence.max(resolution.confidence);
                }
                None => self.contradicted(&resolution.outcome),
            }
        }
        self.from.push(says);
        if !resolution.note.is_empty() && !self.notes.contains(&resolution.note) {
            self.notes.push(resolution.note);
        }
        self.entries.extend(entry);
        true
    }

    /// A contradiction: everything that was said stays possible.
    fn contradicted(&mut self, other: &Outcome) {
        let mut candidates: Vec<Arc<License>> = Vec::new();
        let mut maybe_not_llama = false;
        for outcome in [&self.outcome, other] {
            let (licenses, not_llama) = possible(outcome);
            maybe_not_llama |= not_llama;
            add_licenses(&mut candidates, &licenses);
        }
        self.outcome = Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        };
        self.clash = true;
    }

    /// The weights were made from what the hints name.
    fn made_from_it(&mut self) {
        if let Outcome::Known(known) = &mut self.outcome {
            if !known.derivative {
                known.family = format!("a derivative of {}", known.family);
            }
            known.derivative = true;
        }
    }

    /// Compares with the architectures; says whether one is Llama's.
    fn architectures(&mut self, hints: &[Hint]) -> bool {
        let mut llama_shaped = false;
        for hint in hints {
            let Says::Architecture(word) = &hint.says else {
                continue;
            };
            match shape(word) {
                Some(true) => llama_shaped = true,
                Some(false) => {
                    if matches!(&self.outcome, Outcome::Known(known) if known.lineage.is_some()) {
                        self.contradicted(&Outcome::Ambiguous {
                            candidates: Vec::new(),
                            maybe_not_llama: true,
                        });
                        self.from
                            .push(format!("{} says {word}, which no Llama is", hint.place));
                    }
                }
                None => {}
            }
        }
        if llama_shaped && self.from.is_empty() {
            self.notes.push(
                "the architecture alone proves no lineage: Yi, TinyLlama and others share Llama's"
                    .to_owned(),
            );
        }
        llama_shaped
    }

    /// Compares with the licenses that cards, texts and notices name.
    fn licenses(&mut self, catalog: &Catalog, hints: &[Hint], llama_shaped: bool) {
        let mut tags: Vec<Arc<License>> = Vec::new();
        let mut foreign: Vec<String> = Vec::new();
        let mut documents: Vec<Arc<License>> = Vec::new();
        let mut places = Vec::new();
        for hint in hints {
            let found = match &hint.says {
                Says::License(word) => {
                    let word = tag(word);
                    if NO_LICENSE.contains(&word.as_str()) {
                        continue;
                    }
                    if let Some(license) = catalog.license(&word) {
                        add_licenses(&mut tags, std::slice::from_ref(license));
                        places.push(format!("{} says {}", hint.place, license.id));
                    } else {
                        places.push(format!("{} says {word}", hint.place));
                        foreign.push(word);
                    }
                    continue;
                }
                Says::LicenseLink(link) => linked(catalog, link),
                Says::Text { sha256 } => catalog
                    .text_with_digest(sha256)
                    .map(|(license, _)| Arc::clone(license)),
                Says::Notice { text } => noticed(catalog, text),
                Says::Base(_) | Says::Name(_) | Says::Relation(_) | Says::Architecture(_) => None,
            };
            if let Some(license) = found {
                places.push(format!("{} is of {}", hint.place, license.id));
                add_licenses(&mut documents, &[license]);
            }
        }
        if tags.is_empty() && foreign.is_empty() && documents.is_empty() {
            return;
        }
        self.compare(&tags, &foreign, &documents, llama_shaped, places);
    }

    fn compare(
        &mut self,
        tags: &[Arc<License>],
        foreign: &[String],
        documents: &[Arc<License>],
        llama_shaped: bool,
        places: Vec<String>,
    ) {
        let mut stated = tags.to_vec();
        add_licenses(&mut stated, documents);
        let llama: Vec<Arc<License>> = stated
            .iter()
            .filter(|license| license.llama.is_some())
            .map(Arc::clone)
            .collect();
        let licenses_say = license_outcome(&stated, &llama, llama_shaped);
        match &self.outcome {
            Outcome::Unknown => {
                if stated.is_empty() {
                    return;
                }
                self.outcome = licenses_say;
                if matches!(self.outcome, Outcome::Known(_)) {
                    self.notes
                        .push("taken from the license that is stated".to_owned());
                }
                if matches!(self.outcome, Outcome::Unknown) {
                    self.notes
                        .push("a license that many models stand under tells no lineage".to_owned());
                }
            }
            Outcome::Known(known) => {
                if !covers(known, tags, foreign, documents, &self.entries) {
                    self.contradicted(&license_clash(&stated, foreign));
                } else if let Outcome::Known(known) = &mut self.outcome {
                    add_licenses(&mut known.licenses, &stated);
                }
            }
            Outcome::NotLlama { .. } => {
                if llama.is_empty() {
                    self.beside_not_llama(&stated);
                } else {
                    self.contradicted(&licenses_say);
                }
            }
            Outcome::LlamaVersionUnknown | Outcome::Ambiguous { .. } if !self.clash => {
                // A stated license of one version settles which one a name left open.
                match agreed(&self.outcome, &license_outcome(&stated, &llama, true)) {
                    Some(outcome) => {
                        // A tag is worth no more than a name.
                        self.confidence = Confidence::Name;
                        self.outcome = outcome;
                    }
                    None if llama.is_empty() => {}
                    None => self.contradicted(&licenses_say),
                }
            }
            Outcome::LlamaVersionUnknown | Outcome::Ambiguous { .. } => {
                self.contradicted(&licenses_say);
            }
        }
        self.from.extend(places);
    }

    /// Another licensor's weights: a stated license with clauses of its own has to be the one
    /// that the catalog has for them.
    fn beside_not_llama(&mut self, stated: &[Arc<License>]) {
        let Outcome::NotLlama { license, .. } = &self.outcome else {
            return;
        };
        let own = license.as_ref().map(|license| license.id.clone());
        let other = stated
            .iter()
            .find(|license| Some(&license.id) != own.as_ref() && speaks_of_outputs(license));
        if let Some(other) = other {
            let said = Outcome::NotLlama {
                licensor: other.licensor.clone(),
                license: Some(Arc::clone(other)),
            };
            match agreed(&self.outcome, &said) {
                Some(outcome) => self.outcome = outcome,
                None => self.contradicted(&said),
            }
        }
    }

    fn resolution(self, raw_id: &str) -> Resolution {
        let (rule, confidence) = match (&self.outcome, self.clash) {
            (_, true) => ("files:contradiction", Confidence::Name),
            (Outcome::Unknown, false) => ("files:none", Confidence::Name),
            (_, false) => ("files:agree", self.confidence),
        };
        let said = self.from.join(", ");
        let note = if self.clash {
            joined(
                &format!("the files contradict each other: {said}"),
                &self.notes.join("; "),
            )
        } else {
            joined(&said, &self.notes.join("; "))
        };
        Resolution {
            raw_id: raw_id.to_owned(),
            outcome: self.outcome,
            rule: rule.to_owned(),
            confidence,
            note: note.trim_end_matches("; ").to_owned(),
        }
    }
}

/// What two statements mean together; `None` when they contradict each other.
fn agreed(first: &Outcome, second: &Outcome) -> Option<Outcome> {
    use Outcome::{Ambiguous, Known, LlamaVersionUnknown, NotLlama, Unknown};
    match (first, second) {
        (Unknown, other) | (other, Unknown) => Some(other.clone()),
        (Known(a), Known(b)) => both_known(a, b),
        (LlamaVersionUnknown, Known(known)) | (Known(known), LlamaVersionUnknown) => {
            known.lineage.map(|_| Known(known.clone()))
        }
        (LlamaVersionUnknown, LlamaVersionUnknown) => Some(LlamaVersionUnknown),
        (LlamaVersionUnknown, open @ Ambiguous { .. })
        | (open @ Ambiguous { .. }, LlamaVersionUnknown) => Some(open.clone()),
        (Ambiguous { candidates, .. }, Known(known))
        | (Known(known), Ambiguous { candidates, .. }) => known
            .licenses
            .first()
            .is_some_and(|own| candidates.iter().any(|license| license.id == own.id))
            .then(|| Known(known.clone())),
        (
            Ambiguous {
                maybe_not_llama, ..
            },
            other @ NotLlama { .. },
        )
        | (
            other @ NotLlama { .. },
            Ambiguous {
                maybe_not_llama, ..
            },
        ) => maybe_not_llama.then(|| other.clone()),
        (
            Ambiguous {
                candidates: a,
                maybe_not_llama: no_a,
            },
            Ambiguous {
                candidates: b,
                maybe_not_llama: no_b,
            },
        ) => {
            let mut common = a.clone();
            common.retain(|license| b.iter().any(|other| other.id == license.id));
            let maybe_not_llama = *no_a && *no_b;
            (!common.is_empty() || maybe_not_llama).then_some(Ambiguous {
                candidates: common,
                maybe_not_llama,
            })
        }
        (
            NotLlama {
                license: Some(a), ..
            },
            NotLlama {
                license: Some(b), ..
            },
        ) => {
            if a.id == b.id || !speaks_of_outputs(b) {
                Some(first.clone())
            } else if speaks_of_outputs(a) {
                None
            } else {
                Some(second.clone())
            }
        }
        (NotLlama { license: None, .. }, NotLlama { .. }) => Some(second.clone()),
        (NotLlama { .. }, NotLlama { license: None, .. }) => Some(first.clone()),
        (Known(_) | LlamaVersionUnknown, NotLlama { .. })
        | (NotLlama { .. }, Known(_) | LlamaVersionUnknown) => None,
    }
}

/// Two known models: the same version, with every license that either stands under.
fn both_known(a: &KnownModel, b: &KnownModel) -> Option<Outcome> {
    if a.lineage != b.lineage {
        return None;
    }
    let mut both = a.clone();
    // The stated base is the first; what derives from it has a name of its own.
    if b.derivative && !a.derivative {
        both.family.clone_from(&b.family);
        both.derivative = true;
    }
    both.multimodal |= b.multimodal;
    add_licenses(&mut both.licenses, &b.licenses);
    Some(Outcome::Known(both))
}

/// Every license that an outcome leaves possible, and whether it may be no Llama.
fn possible(outcome: &Outcome) -> (Vec<Arc<License>>, bool) {
    match outcome {
        Outcome::Known(known) => (known.licenses.clone(), false),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => (candidates.clone(), *maybe_not_llama),
        Outcome::NotLlama { license, .. } => (license.iter().map(Arc::clone).collect(), true),
        Outcome::LlamaVersionUnknown => (Vec::new(), false),
        Outcome::Unknown => (Vec::new(), true),
    }
}

fn add_licenses(to: &mut Vec<Arc<License>>, more: &[Arc<License>]) {
    for license in more {
        if !to.iter().any(|known| known.id == license.id) {
            to.push(Arc::clone(license));
        }
    }
}

/// Whether the licenses that the files state leave a known lineage standing: a card that names
/// licenses has to name one that applies, or carry a tag that the catalog knows to be beside the
/// point; a text or notice of another Llama version contradicts.
fn covers(
    known: &KnownModel,
    tags: &[Arc<License>],
    foreign: &[String],
    documents: &[Arc<License>],
    entries: &[&ModelEntry],
) -> bool {
    let applies = |license: &Arc<License>| known.licenses.iter().any(|own| own.id == license.id);
    let beside = |word: &str| {
        entries
            .iter()
            .any(|entry| entry.card_tags.iter().any(|tag| tag == word))
    };
    let another_llama = |license: &&Arc<License>| license.llama.is_some() && !applies(license);
    if tags.iter().chain(documents).any(|l| another_llama(&l)) {
        return false;
    }
    let named = tags.iter().any(applies);
    let stray = tags.iter().any(|license| {
        !applies(license)
            && !beside(&license.id)
            && !license.card_names.iter().any(|name| beside(name))
            && !speaks_of_outputs(license)
            && !named
    });
    let stray_clauses = tags
        .iter()
        .any(|license| !applies(license) && speaks_of_outputs(license) && !named);
    let stray_words = !named && foreign.iter().any(|word| !beside(word));
    !(stray || stray_clauses || stray_words)
}

/// What stated licenses say of a model of which nothing else is known.
fn license_outcome(stated: &[Arc<License>], llama: &[Arc<License>], llama_shaped: bool) -> Outcome {
    match llama {
        [one] => Outcome::Known(KnownModel {
            family: format!("a model under the {}", one.title),
            // A license alone does not make the weights Llama: Prompt Guard has one, too.
            lineage: one.llama.filter(|_| llama_shaped),
            licenses: std::iter::once(one)
                .chain(stated.iter().filter(|license| license.id != one.id))
                .map(Arc::clone)
                .collect(),
            multimodal: one.clauses.eu_multimodal.is_some(),
            derivative: true,
        }),
        [] => match stated.iter().find(|license| speaks_of_outputs(license)) {
            Some(license) => Outcome::NotLlama {
                licensor: license.licensor.clone(),
                license: Some(Arc::clone(license)),
            },
            None => Outcome::Unknown,
        },
        _ => Outcome::Ambiguous {
            candidates: llama.to_vec(),
            maybe_not_llama: false,
        },
    }
}

/// What a contradicting license leaves possible.
fn license_clash(stated: &[Arc<License>], foreign: &[String]) -> Outcome {
    Outcome::Ambiguous {
        candidates: stated.to_vec(),
        maybe_not_llama: !foreign.is_empty() || stated.iter().any(|l| l.llama.is_none()),
    }
}

/// Whether a license has any clause at all; the permissive ones have none.
fn speaks_of_outputs(license: &License) -> bool {
    license.clauses != Clauses::default()
}

/// A license tag in the form that the catalog has: lower case, no spaces around.
fn tag(word: &str) -> String {
    word.trim().to_lowercase().replace(' ', "-")
}

/// The license behind a link, where the address names a Llama version.
fn linked(catalog: &Catalog, link: &str) -> Option<Arc<License>> {
    let outcome = resolve(catalog, link, &mut None).0.outcome;
    let Outcome::Known(known) = outcome else {
        return None;
    };
    known.lineage.and_then(|_| known.licenses.first().cloned())
}

/// The license whose notice line stands in a text; white space does not matter.
fn noticed(catalog: &Catalog, text: &str) -> Option<Arc<License>> {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = squeezed(text);
    let found = catalog.licenses().iter().find(|license| {
        let notice = license.clauses.notice.as_ref();
        notice.is_some_and(|notice| text.contains(&squeezed(&notice.text)))
    });
    found.map(Arc::clone)
}

/// Whether an architecture is one that Llama weights have; `None` when it tells nothing.
fn shape(word: &str) -> Option<bool> {
    let word = word.to_lowercase();
    if LLAMA_ARCHITECTURES
        .iter()
        .any(|known| word.starts_with(known))
    {
        Some(true)
    } else if OTHER_ARCHITECTURES
        .iter()
        .any(|known| word.starts_with(known))
    {
        Some(false)
    } else {
        None
    }
}

/// An outcome in a few words, for remarks.
fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Known(known) => match known.lineage {
            Some(version) => version.id().to_owned(),
            None => known.family.clone(),
        },
        Outcome::LlamaVersionUnknown => "Llama of an unknown version".to_owned(),
        Outcome::Ambiguous { candidates, .. } => {
            let ids: Vec<&str> = candidates.iter().map(|l| l.id.as_str()).collect();
            format!("one of {}", ids.join(", "))
        }
        Outcome::NotLlama { licensor, .. } => format!("a model of {licensor}"),
        Outcome::Unknown => "nothing known".to_owned(),
    }
}

/// What one hint means by itself.
fn meaning(catalog: &Catalog, says: &Says) -> String {
    match says {
        Says::Base(id) | Says::Name(id) => {
            let resolution = catalog.resolve(id);
            format!("{} ({})", brief(&resolution.outcome), resolution.rule)
        }
        Says::Relation(word) => format!("it is {word} from its base"),
        Says::License(word) => match catalog.license(&tag(word)) {
            Some(license) => license.title.clone(),
            None => "no license of the catalog".to_owned(),
        },
        Says::LicenseLink(link) => match linked(catalog, link) {
            Some(license) => license.title.clone(),
            None => "no Llama license by its address".to_owned(),
        },
        Says::Architecture(word) => match shape(word) {
            Some(true) => "Llama's architecture, which others share".to_owned(),
            Some(false) => "an architecture that no Llama has".to_owned(),
            None => "an architecture that tells nothing".to_owned(),
        },
        Says::Text { sha256 } => match catalog.text_with_digest(sha256) {
            Some((license, OfficialText::License)) => license.title.clone(),
            Some((license, OfficialText::UsePolicy)) => {
                format!("the use policy of the {}", license.title)
            }
            None => "none of the official texts in the catalog".to_owned(),
        },
        Says::Notice { text } => match noticed(catalog, text) {
            Some(license) => format!("the notice line of the {}", license.title),
            None => "no notice line of the catalog".to_owned(),
        },
    }
}
