//! The resolver against ids written down as facts, and the loader against broken files.

mod facts;
mod files;
mod fuzz;
mod ids;
mod own;
mod traps;

use super::*;
use crate::model::Outcome;

fn builtin() -> Catalog {
    Catalog::builtin().expect("the data files compiled in are valid")
}

/// What an id resolves to, in one word: licenses, `ambiguous:…`, `version-unknown`,
/// `not-llama:LICENSE`, `unknown`.
fn word(catalog: &Catalog, id: &str) -> String {
    let join = |licenses: &[Arc<License>]| {
        licenses
            .iter()
            .map(|license| license.id.as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    match catalog.resolve(id).outcome {
        Outcome::Known(known) => join(&known.licenses),
        Outcome::LlamaVersionUnknown => "version-unknown".to_owned(),
        Outcome::Ambiguous { candidates, .. } => format!("ambiguous:{}", join(&candidates)),
        Outcome::NotLlama { license, .. } => {
            format!(
                "not-llama:{}",
                license.map_or(String::new(), |license| license.id.clone())
            )
        }
        Outcome::Unknown => "unknown".to_owned(),
    }
}

fn known(catalog: &Catalog, id: &str) -> crate::model::KnownModel {
    let outcome = catalog.resolve(id).outcome;
    let Outcome::Known(known) = outcome else {
        panic!("{id} resolved to {outcome:?}")
    };
    known
}
