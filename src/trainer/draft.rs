//! What is gathered while a configuration is read, and the rules that all trainers share.

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::target::Availability;
use crate::model::target::ModelUsed;
use crate::model::target::OutputUse;
use crate::model::target::Purpose;
use crate::model::target::Stage;
use crate::model::target::Target;
use crate::model::target::TargetKind;

use super::Fact;
use super::Format;
use super::Origin;
use super::Recognised;
use super::Remote;
use super::TrainerInput;
use super::document::Document;
use super::error::TrainerError;
use super::limits::BASES_MAX;
use super::limits::DATASETS_MAX;
use super::lineage;
use super::view::View;

/// Words in a key's name that make an unread key worth a warning: it may name data or models.
const TELLING_WORDS: &[&str] = &[
    "dataset",
    "data_file",
    "data_path",
    "train_file",
    "corpus",
    "model_name_or_path",
    "model_path",
    "teacher",
    "reward_model",
    "judge",
];

/// A reading that is being put together.
pub(super) struct Draft<'a> {
    pub(super) working: &'a Path,
    format: Format,
    path: String,
    target: Target,
    inputs: Vec<TrainerInput>,
    remote: Vec<Remote>,
    facts: Vec<Fact>,
    notes: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(format: Format, path: &str, working: &'a Path) -> Self {
        Self {
            working,
            format,
            path: path.to_owned(),
            // The same defaults as --target-model.
            target: Target {
                name: None,
                base: Vec::new(),
                kind: TargetKind::Llm,
                availability: Availability::Weights,
                folder: None,
                stage: Stage::Train,
                purpose: Purpose::Commercial,
                inputs: Vec::new(),
                models_used: Vec::new(),
            },
            inputs: Vec::new(),
            remote: Vec::new(),
            facts: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The path as the user named it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A model that the run starts from. A folder on this machine is looked into for the ids that
    /// it stands for; without any the path itself is the id.
    pub(super) fn base(&mut self, view: &View<'_>) -> Result<(), TrainerError> {
        let written = view.text()?;
        self.base_text(&written, &origin(view))
    }

    /// As [`Self::base`], for a text that stands elsewhere.
    pub(super) fn base_text(&mut self, text: &str, origin: &Origin) -> Result<(), TrainerError> {
        let found = lineage::of(text, self.working)?;
        self.notes.extend(found.notes);
        for (id, step) in found.ids {
            if self.target.base.contains(&id) {
                continue;
            }
            if self.target.base.len() == BASES_MAX {
                return Err(TrainerError::TooLarge {
                    path: self.path.clone(),
                    what: format!("more than {BASES_MAX} base models"),
                    limit: format!("{BASES_MAX} bases of one target"),
                });
            }
            self.facts.push(Fact {
                what: "base",
                value: id.clone(),
                origin: Some(step.unwrap_or_else(|| origin.clone())),
            });
            self.target.base.push(id);
        }
        Ok(())
    }

    /// Whether a base is known.
    pub(super) fn has_base(&self) -> bool {
        !self.target.base.is_empty()
    }

    /// The path that the user named is the base, since nothing else is known.
    pub(super) fn base_itself(&mut self, origin: &Origin) {
        let path = self.path.clone();
        self.fact("base", path.clone(), Some(origin.clone()));
        self.target.base.push(path);
    }

    /// A model that is used where no text is left to match: teacher, reward model, judge.
    pub(super) fn used(&mut self, view: &View<'_>, of: OutputUse) -> Result<(), TrainerError> {
        let written = view.text()?;
        self.used_text(&written, of, &origin(view))
    }

    /// As [`Self::used`], for a text that stands elsewhere.
    pub(super) fn used_text(
        &mut self,
        text: &str,
        of: OutputUse,
        origin: &Origin,
    ) -> Result<(), TrainerError> {
        let found = lineage::of(text, self.working)?;
        self.notes.extend(found.notes);
        for (model, step) in found.ids {
            let used = ModelUsed {
                model,
                of_outputs: of,
            };
            if self.target.models_used.contains(&used) {
                continue;
            }
            self.facts.push(Fact {
                what: "used",
                value: format!("{} for {}", used.model, of.as_str()),
                origin: Some(step.unwrap_or_else(|| origin.clone())),
            });
            self.target.models_used.push(used);
        }
        Ok(())
    }

    /// The name the model will carry: the last part of a Hub id.
    pub(super) fn name(&mut self, view: &View<'_>) -> Result<(), TrainerError> {
        let id = view.text()?;
        let name = id.trim_end_matches('/').rsplit('/').next().unwrap_or(&id);
        match &self.target.name {
            None => {
                self.fact("name", name.to_owned(), Some(origin(view)));
                self.target.name = Some(name.to_owned());
            }
            Some(before) if before == name => {}
            Some(before) => self.notes.push(format!(
                "{} names the model `{name}`; the name checked is `{before}`",
                view.key
            )),
        }
        Ok(())
    }

    /// The folder that the model will lie in.
    pub(super) fn folder(&mut self, view: &View<'_>) -> Result<(), TrainerError> {
        let folder = view.text()?;
        if self.target.folder.is_none() {
            self.fact("folder", folder.clone(), Some(origin(view)));
            self.target.folder = Some(super::dataset::under(self.working, &folder));
        }
        Ok(())
    }

    /// The folder that the model lies in, named by the user.
    pub(super) fn folder_named(&mut self, folder: String) {
        self.target.folder = Some(super::dataset::under(self.working, &folder));
        let named = Origin {
            file: self.path.clone(),
            key: String::new(),
            line: 0,
        };
        self.fact("folder", folder, Some(named));
    }

    /// What the model is. Two places that disagree leave it a language model, for which every rule
    /// holds.
    pub(super) fn kind(&mut self, kind: TargetKind, from: Origin) {
        if let Some(known) = self.facts.iter_mut().find(|fact| fact.what == "kind") {
            if known.value != kind.as_str() {
                self.notes.push(format!(
                    "{} says the model is a {}, something else says {}; it is checked as a \
                     language model",
                    from.key,
                    kind.as_str(),
                    known.value
                ));
                TargetKind::Llm.as_str().clone_into(&mut known.value);
                self.target.kind = TargetKind::Llm;
            }
            return;
        }
        self.target.kind = kind;
        self.fact("kind", kind.as_str().to_owned(), Some(from));
    }

    /// Something to show.
    fn fact(&mut self, what: &'static str, value: String, origin: Option<Origin>) {
        self.facts.push(Fact {
            what,
            value,
            origin,
        });
    }

    /// Something a reader has to know.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// An input on this machine.
    pub(super) fn input(&mut self, input: TrainerInput) -> Result<(), TrainerError> {
        self.inputs.push(input);
        self.within_limit()
    }

    /// A data set elsewhere; each id stands once.
    pub(super) fn remote(&mut self, remote: Remote) -> Result<(), TrainerError> {
        if self.remote.iter().all(|known| known.id != remote.id) {
            self.remote.push(remote);
        }
        self.within_limit()
    }

    fn within_limit(&self) -> Result<(), TrainerError> {
        if self.inputs.len() + self.remote.len() <= DATASETS_MAX {
            return Ok(());
        }
        Err(TrainerError::TooLarge {
            path: self.path.clone(),
            what: format!("more than {DATASETS_MAX} data sets"),
            limit: format!("{DATASETS_MAX} data sets of one configuration"),
        })
    }

    /// Ends a reading that has a target. `read` are the top-level keys that were looked at,
    /// `harmless` those that only sound as if they named data or models.
    pub(super) fn finish(
        mut self,
        document: &Document,
        read: &[&str],
        harmless: &[&str],
    ) -> Result<Recognised, TrainerError> {
        if self.target.base.is_empty() {
            return Err(TrainerError::Missing {
                path: self.path,
                message: "no base model is named, so that the target is not known; name one \
                          in the configuration, or give --target FILE.toml or --target-model ID"
                    .to_owned(),
            });
        }
        if self.facts.iter().all(|fact| fact.what != "kind") {
            self.fact("kind", TargetKind::Llm.as_str().to_owned(), None);
        }
        let ignored = self.unread(document, read, harmless);
        let target = Some(self.target.clone());
        Ok(self.recognised(target, ignored))
    }

    /// Ends a reading without a target.
    pub(super) fn finish_without_target(self) -> Recognised {
        self.recognised(None, Vec::new())
    }

    fn recognised(self, target: Option<Target>, ignored: Vec<String>) -> Recognised {
        Recognised {
            format: self.format,
            path: self.path,
            target,
            inputs: self.inputs,
            remote: self.remote,
            facts: self.facts,
            notes: self.notes,
            ignored,
        }
    }

    /// Top-level keys that were not read; a note on each that may name data or models.
    fn unread(&mut self, document: &Document, read: &[&str], harmless: &[&str]) -> Vec<String> {
        let mut ignored = BTreeSet::new();
        for (key, node) in document.root.entries() {
            if read.contains(&key.as_str()) {
                continue;
            }
            ignored.insert(key.clone());
            let names_something = matches!(
                node.value,
                super::document::Value::Text(_)
                    | super::document::Value::List(_)
                    | super::document::Value::Map(_)
            );
            let telling = TELLING_WORDS.iter().any(|word| key.contains(word));
            if names_something && telling && !harmless.contains(&key.as_str()) {
                self.notes.push(format!(
                    "`{key}` (line {}) is not read here; if it names training data give its files \
                     as PATH, if it names a model state it in a target file under [[models_used]]",
                    node.at.line
                ));
            }
        }
        ignored.into_iter().collect()
    }
}

/// Where a value stands.
pub(super) fn origin(view: &View<'_>) -> Origin {
    Origin {
        file: view.document.name.clone(),
        key: view.key.clone(),
        line: view.line(),
    }
}
