//! Where an export goes: standard output, or a file that is replaced whole.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use anyhow::anyhow;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use crate::report::escape;

/// Writes `text` to a path, or for `-` to standard output.
pub(super) fn write(to: &str, text: &str) -> Result<(), Failure> {
    if to == "-" {
        return out::print(text);
    }
    let path = Path::new(to);
    if path.is_dir() {
        return Err(Failure::usage(anyhow!(
            "--out {to} is a folder: name a file in it"
        )));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = || format!("cannot write {to}: give --out a file in a folder that can be written");
    let mut made = tempfile::NamedTempFile::new_in(folder)
        .with_context(failed)
        .or_undecided()?;
    made.write_all(text.as_bytes())
        .and_then(|()| made.as_file().sync_all())
        .with_context(failed)
        .or_undecided()?;
    readable(made.as_file())
        .with_context(failed)
        .or_undecided()?;
    made.persist(path)
        .map_err(|error| error.error)
        .with_context(failed)
        .or_undecided()?;
    out::note(&format!(
        "wrote {}, {} bytes",
        escape::identifier(to),
        text.len()
    ));
    Ok(())
}

/// Temporary files are private; an export is to be handed on.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
