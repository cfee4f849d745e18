//! Models behind the models that wrote registered text: second generations are decided by the
//! whole chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::lineage::Behind;
use crate::model::Outcome;
use crate::model::Resolution;

/// What the lineage graph says of the models that sources claim: for each the models behind it.
/// Gathered before the check; a model that is not in it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ancestry {
    of: BTreeMap<String, Vec<Behind>>,
    unknown: Vec<String>,
}

impl Ancestry {
    /// Of claimed model ids, as sources write them.
    pub fn new(of: impl IntoIterator<Item = (String, Vec<Behind>)>) -> Self {
        Self {
            of: of.into_iter().filter(|(_, all)| !all.is_empty()).collect(),
            unknown: Vec::new(),
        }
    }

    /// Adds that what stands behind some model is not known, and why: a check with it is undecided.
    #[must_use]
    pub fn with_unknown(mut self, why: Vec<String>) -> Self {
        self.unknown = why;
        self
    }

    /// Why what stands behind some models is not known, a sentence for each.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The models behind one.
    pub(crate) fn of(&self, model: &str) -> &[Behind] {
        self.of.get(model).map_or(&[], Vec::as_slice)
    }
}

/// A model behind a claimed one, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Ancestor {
    /// The model that wrote the text.
    wrote: String,
    /// The model behind it, as it was claimed.
    pub(crate) model: String,
    /// What it means; a derivative where its weights went on.
    pub(crate) resolution: Arc<Resolution>,
    /// Whether its weights went on; otherwise its outputs did.
    pub(crate) weights: bool,
    /// The nodes between, both ends included.
    pub(crate) way: Vec<String>,
}

impl Ancestor {
    /// `None` for a model about which only what stands behind it says something.
    pub(crate) fn new(catalog: &Catalog, wrote: &str, behind: &Behind) -> Option<Self> {
        let mut resolution = catalog.resolve(&behind.model);
        if behind.recorded && resolution.outcome == Outcome::Unknown {
            return None;
        }
        if let Outcome::Known(known) = &mut resolution.outcome
            && behind.weights
        {
            known.derivative = true;
        }
        Some(Self {
            wrote: wrote.to_owned(),
            model: behind.model.clone(),
            resolution: Arc::new(resolution),
            weights: behind.weights,
            way: behind.way.clone(),
        })
    }

    /// How the text came to carry it.
    pub(crate) fn sentence(&self) -> String {
        let how = if self.weights {
            "was made from"
        } else {
            "was trained on output of"
        };
        format!(
            "{} wrote it, which {how} {} ({})",
            self.wrote,
            self.model,
            self.way.join(" ← ")
        )
    }
}
