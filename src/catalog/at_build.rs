//! The catalog as the build script sees it: the loader alone, over the files under `data/`.
//!
//! This is no module of the crate. `build.rs` takes it in under the name `catalog`, so that what
//! checks the data at build is the very code that checks it at load; a test takes it in likewise.

mod builtin;
mod file;
mod glob;
mod load;

use std::fs;
use std::path::Path;

use load::Part;

/// Checks the catalog's files as they lie in `folder`.
///
/// # Errors
/// A sentence that begins with file, line and column where the data is wrong, and with the file
/// where it cannot be read, is missing, or lies there without being part of the catalog.
pub fn check(folder: &Path) -> Result<(), String> {
    let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let names = builtin::BUILTIN.map(|(name, _)| name);
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", place("")))?;
    for entry in entries {
        let name = entry.map_err(|error| format!("{}: {error}", place("")))?;
        let name = name.file_name().to_string_lossy().into_owned();
        if !names.contains(&name.as_str()) {
            return Err(format!(
                "{}: no file of the catalog; name it in src/catalog/builtin.rs or remove it",
                place(&name)
            ));
        }
    }
    let mut texts = Vec::new();
    for name in names {
        let path = place(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        texts.push((path, text));
    }
    let parts: Vec<Part<'_>> = texts
        .iter()
        .map(|(path, text)| Part {
            path,
            text,
            own: false,
        })
        .collect();
    match load::catalog(&parts) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
