//! How a target's bases relate to the model whose license is read.

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
pub(super) fn relations(base: &Resolution, own: Option<LlamaVersion>) -> Vec<Relation> {
    let every_llama = || LlamaVersion::ALL.map(|version| to_version(version, own));
    match &base.outcome {
        Outcome::Known(known) => {
            vec![
                known
                    .lineage
                    .map_or(Relation::NotLlama, |version| to_version(version, own)),
            ]
        }
        Outcome::NotLlama { .. } => vec![Relation::NotLlama],
        Outcome::LlamaVersionUnknown => every_llama().to_vec(),
        Outcome::Ambiguous {
            candidates,
            maybe_not_llama,
        } => {
            let mut out: Vec<Relation> = candidates
                .iter()
                .filter_map(|l| l.llama)
                .map(|v| to_version(v, own))
                .collect();
            if out.is_empty() {
                out.extend(every_llama());
            }
            if *maybe_not_llama {
                out.push(Relation::NotLlama);
            }
            out
        }
        Outcome::Unknown => {
            let mut out = every_llama().to_vec();
            out.push(Relation::NotLlama);
            out
        }
    }
}

/// Whether every base is known to be Llama. A target from scratch is not, and one with a base
/// that is not known is not known to be.
pub(super) fn is_llama(lineage: &TargetLineage) -> bool {
    !lineage.bases.is_empty()
        && lineage
            .bases
            .iter()
            .all(|base| !relations(base, None).contains(&Relation::NotLlama))
}
