//! What the models of a walk mean: their licenses, and what these say of outputs.

use std::collections::BTreeMap;

use rayon::iter::IndexedParallelIterator as _;
use rayon::iter::IntoParallelRefIterator as _;
use rayon::iter::ParallelIterator as _;

use crate::catalog::Catalog;
use crate::model::License;
use crate::model::Outcome;
use crate::model::Trigger;
use crate::model::lineage::Meaning;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Says;
use crate::model::lineage::Terms;
use crate::model::lineage::Walk;

/// What the catalog makes of every model that a walk reached, by place.
pub(in crate::cli) fn of_walk(catalog: &Catalog, walk: &Walk) -> BTreeMap<usize, Meaning> {
    // A large organisation has thousands of models of its own, and each id is compared with all that
    // the catalog knows.
    walk.nodes
        .par_iter()
        .enumerate()
        .filter(|(_, reached)| reached.node.node.kind == NodeKind::Model)
        .map(|(place, reached)| (place, of_model(catalog, &reached.node.label())))
        .collect()
}

pub(in crate::cli) fn of_model(catalog: &Catalog, id: &str) -> Meaning {
    let resolution = catalog.resolve(id);
    let means = resolution.label();
    let (licenses, known): (Vec<&License>, bool) = match &resolution.outcome {
        Outcome::Known(known) => (known.licenses.iter().map(AsRef::as_ref).collect(), true),
        Outcome::Ambiguous { candidates, .. } => {
            (candidates.iter().map(AsRef::as_ref).collect(), false)
        }
        Outcome::NotLlama { license, .. } => (license.iter().map(AsRef::as_ref).collect(), true),
        Outcome::LlamaVersionUnknown | Outcome::Unknown => (Vec::new(), false),
    };
    Meaning {
        means,
        licenses: licenses.into_iter().map(terms).collect(),
        known,
    }
}

/// A license, with what it says of outputs.
fn terms(license: &License) -> Terms {
    let clauses = &license.clauses;
    let mut says = Vec::new();
    let mut add = |section: &str, text: String| {
        says.push(Says {
            section: section.to_owned(),
            says: text,
        });
    };
    if let Some(limit) = &clauses.purpose_limit {
        add(
            &limit.section,
            "non-commercial research only, outputs included".to_owned(),
        );
    }
    if let Some(ban) = &clauses.improve_ban {
        let own = if ban.own_family_excluded {
            "; its own family is excluded"
        } else {
            ""
        };
        add(
            &ban.section,
            format!("outputs must not improve other models{own}"),
        );
    }
    if let Some(ban) = &clauses.competing_ban {
        add(
            &ban.section,
            "outputs must not make competing models".to_owned(),
        );
    }
    if let Some(prefix) = &clauses.name_prefix
        && prefix.trigger == Trigger::MaterialsOrOutputs
    {
        add(
            &prefix.section,
            format!(
                "the name of a distributed model that was improved with outputs begins with \"{}\"",
                prefix.text
            ),
        );
    }
    Terms {
        id: license.id.clone(),
        title: license.title.clone(),
        link: license.link.clone(),
        says,
    }
}
