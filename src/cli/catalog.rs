//! The catalog as the commands use it: the built-in one and the organisation's own files, from the
//! config of the index and from the command line. The one place where it is loaded.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use clap::Args;
use clap::ValueHint;

use super::args::Global;
use super::args::ListArgs;
use super::config::Config;
use super::exit::Failure;
use super::exit::OrExit as _;
use crate::catalog::CATALOG_FILE_BYTES_MAX;
use crate::catalog::Catalog;

/// The organisation's own catalog files on the command line.
#[derive(Debug, Clone, Default, Args)]
pub struct OwnCatalogArgs {
    /// Also read your own models, licenses and hosts; repeat for more
    #[arg(long = "catalog", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// How the catalog is listed.
#[derive(Debug, Clone, Args)]
pub struct CatalogListArgs {
    /// The organisation's own catalog files.
    #[command(flatten)]
    pub own: OwnCatalogArgs,
    /// How to print.
    #[command(flatten)]
    pub output: ListArgs,
}

/// The catalog of an index: the built-in one and the own files of its config.
pub(super) fn of_index(global: &Global) -> Result<Catalog, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    load(&config, &OwnCatalogArgs::default())
}

/// The built-in catalog with the own files of the config and of the command line, in that order;
/// a file that both name is read once. A file that is missing or wrong is bad usage: what an
/// organisation states must not silently be left out.
pub(super) fn load(config: &Config, own: &OwnCatalogArgs) -> Result<Catalog, Failure> {
    let mut files: Vec<(&Path, PathBuf)> = Vec::new();
    for path in config.catalog.iter().chain(&own.files) {
        let real = fs::canonicalize(path)
            .with_context(|| unreadable(path))
            .or_usage()?;
        if !files.iter().any(|(_, known)| *known == real) {
            files.push((path, real));
        }
    }
    let mut texts = Vec::new();
    for (path, real) in &files {
        texts.push((path.display().to_string(), read(path, real)?));
    }
    let parts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let catalog = Catalog::with(&parts);
    if parts.is_empty() {
        // Without own files, a wrong catalog is this program's fault.
        return catalog.or_undecided();
    }
    catalog.or_usage()
}

fn read(path: &Path, real: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    fs::File::open(real)
        .and_then(|file| {
            file.take(CATALOG_FILE_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .with_context(|| unreadable(path))
        .or_usage()?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(anyhow!(
            "the catalog file {} is not UTF-8 text (first bad byte at {at}); save it as UTF-8",
            path.display()
        ))
    })
}

fn unreadable(path: &Path) -> String {
    format!(
        "cannot read the catalog file {}: correct `--catalog` or the key `catalog` of the config",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    const OWN: &str = "[[model]]\nkey = 'superchat'\nmatch = ['superchat*']\n\
                       family = 'Superchat'\nllama = 'llama-3.1'\n";

    fn config(files: Vec<PathBuf>) -> Config {
        Config {
            catalog: files,
            ..Config::default()
        }
    }

    #[test]
    fn files_of_config_and_command_line_are_read_once_each() {
        let folder = tempfile::tempdir().expect("folder");
        let own = folder.path().join("own.toml");
        fs::write(&own, OWN).expect("written");
        let flags = OwnCatalogArgs {
            files: vec![own.clone()],
        };

        let catalog = load(&config(vec![own]), &flags).expect("loads");

        let resolution = catalog.resolve("acme/superchat-7b");
        assert_eq!(resolution.rule, "own:superchat");
    }

    #[test]
    fn a_file_that_is_missing_or_wrong_is_bad_usage() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = folder.path().join("missing.toml");
        let wrong = folder.path().join("wrong.toml");
        fs::write(&wrong, OWN.replace("llama-3.1", "llama-9")).expect("written");
        let binary = folder.path().join("binary.toml");
        fs::write(&binary, [0xff, 0xfe]).expect("written");
        for (file, said) in [
            (missing, "missing.toml"),
            (wrong, "wrong.toml:5:9: model `superchat`, field `llama`"),
            (binary, "not UTF-8"),
        ] {
            let loaded = load(&config(vec![file]), &OwnCatalogArgs::default());
            let failure = loaded.expect_err("fails");
            assert_eq!(failure.exit, Exit::Usage);
            let message = format!("{:#}", failure.error);
            assert!(message.contains(said), "{message}");
        }
    }
}
