//! How a target's bases relate to the model whose license is read.

use std::sync::Arc;

use crate::model::License;
use crate::model::LlamaVersion;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::model::TargetLineage;

/// The column of the decision table that a base falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same Llama version, or a derivative of it.
    Same,
    /// Another Llama version, or a derivative of it.
    OtherLlama(LlamaVersion),
    /// Not Llama, or trained from scratch.
    NotLlama,
}

fn to_version(version: LlamaVersion, own: Option<LlamaVersion>) -> Relation {
    if own == Some(version) {
        Relation::Same
    } else {
        Relation::OtherLlama(version)
    }
}

/// Every relation that one base may have to the model of version `own`. More than one where the
/// base is not known well enough; never empty.
pub(super) fn relations(
    base: &Resolution,
    own: Option<LlamaVersion>,
) -> impl Iterator<Item = Relation> + '_ {
    let one = |relation| (Some(relation), NO_CANDIDATES, false, false);
    let (one, candidates, every_llama, not_llama) = match &base.outcome {
        Outcome::Known(known) => one(known
            .lineage
            .map_or(Relation::NotLlama, |version| to_version(version, own))),
        Outcome::NotLlama { .. } => one(Relation::NotLlama),
        Outcome::LlamaVersionUnknown => (None, NO_CANDIDATES, true, false),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => {
            let none = candidates.iter().all(|license| license.llama.is_none());
            (None, candidates.as_slice(), none, *maybe_not_llama)
        }
        Outcome::Unknown => (None, NO_CANDIDATES, true, true),
    };
    let candidates = candidates.iter().filter_map(|license| license.llama);
    let versions = LlamaVersion::ALL.into_iter().filter(move |_| every_llama);
    one.into_iter()
        .chain(
            candidates
                .chain(versions)
                .map(move |version| to_version(version, own)),
        )
        .chain(not_llama.then_some(Relation::NotLlama))
}

const NO_CANDIDATES: &[Arc<License>] = &[];

/// Whether every base is known to be Llama. A target from scratch is not, and one with a base
/// that is not known is not known to be.
pub(super) fn is_llama(lineage: &TargetLineage) -> bool {
    !lineage.bases.is_empty()
        && lineage
            .bases
            .iter()
            .all(|base| relations(base, None).all(|relation| relation != Relation::NotLlama))
}
