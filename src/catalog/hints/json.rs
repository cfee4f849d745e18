//! `config.json` of a model and `adapter_config.json` of an adapter.

use serde::Deserialize;

use super::{BASES_MAX, Hint, HintError, Says, hint, text};

/// The keys that say where a model comes from; the others are its shape.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "_name_or_path")]
    name_or_path: Option<String>,
    model_type: Option<String>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    base_model_name_or_path: Option<String>,
}

/// Hints of a `config.json` or an `adapter_config.json`.
///
/// # Errors
/// [`HintError`] with line and column: not JSON, a key given twice, a key of the wrong type.
pub fn from_json(file: &str, bytes: &[u8]) -> Result<Vec<Hint>, HintError> {
    let text = text(file, bytes)?;
    let config: ConfigFile = serde_json::from_str(text).map_err(|error| HintError::Malformed {
        file: file.to_owned(),
        line: error.line() as u64,
        column: error.column() as u64,
        message: format!("not a model's config: {error}"),
    })?;
    let mut hints = Vec::new();
    let mut add = |key: &str, value: Option<String>, says: fn(String) -> Says| {
        hints.extend(value.and_then(|value| hint(file, key, &value, says)));
    };
    add("_name_or_path", config.name_or_path, Says::Name);
    add(
        "base_model_name_or_path",
        config.base_model_name_or_path,
        Says::Base,
    );
    add("model_type", config.model_type, Says::Architecture);
    for class in config.architectures.into_iter().flatten().take(BASES_MAX) {
        add("architectures", Some(class), Says::Architecture);
    }
    Ok(hints)
}
