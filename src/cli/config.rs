//! `config.toml` inside the index: what an organisation sets once instead of on every command line.
//!
//! The command line beats the config; neither can loosen the gate. A config that cannot be read or
//! holds an unknown key is bad usage (exit 2): a misspelt key must not silently do nothing.

use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

use super::args::FailOn;
use crate::model::Acquisition;

/// Name of the config inside the folder of the index.
pub const FILE_NAME: &str = "config.toml";

/// Largest config read, in bytes. Chosen: far above any real one.
const BYTES_MAX: u64 = 1 << 20;

/// What `init` writes: every key with its default, commented out.
pub const TEMPLATE: &str = r#"# herdbook config: defaults for the commands that use this index.
# A key on the command line beats the same key here. Nothing in this file can turn
# an error into a pass. Relative paths start at the folder of this file.

[check]
# The policy to decide by; without it, the built-in default policy.
# policy = "policy.toml"

# Your own models, licenses and hosts, beside the built-in ones (docs/catalog.md).
# catalog = ["own-models.toml"]

# Exit 1 on flags too, and put flagged rows into quarantine.
# fail_on = "flag"

# Threads to work with; without it, one per core.
# threads = 8

# Keep the sketches of what is checked (no text), so that `herdbook recheck` can decide
# again when sources, catalog or policy have changed.
# keep_sketches = true

[register]
# How your models are usually reached: "self-hosted", "bedrock", …
# access = "self-hosted"

# How outputs are usually acquired: "self-generated", "licensed-dataset" or "found".
# acquisition = "self-generated"
"#;

/// The config as used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Policy file, relative paths already resolved.
    pub policy: Option<PathBuf>,
    /// The organisation's own catalog files, relative paths already resolved.
    pub catalog: Vec<PathBuf>,
    /// What makes a check exit 1 beside a block.
    pub fail_on: Option<FailOn>,
    /// Threads of a check or registration.
    pub threads: Option<NonZeroUsize>,
    /// Whether checks keep the sketches of their inputs.
    pub keep_sketches: bool,
    /// Access path of registrations.
    pub access: Option<String>,
    /// Acquisition of registrations.
    pub acquisition: Option<Acquisition>,
}

/// Why a config cannot be used or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is there and cannot be read or written.
    #[error("cannot {action} the config {}: {cause}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The config.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is not what a config looks like.
    #[error("the config {} is wrong: {what}; correct it or comment the line out", .path.display())]
    Invalid {
        /// The config.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        what: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    check: CheckSection,
    register: RegisterSection,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CheckSection {
    policy: Option<PathBuf>,
    catalog: Vec<PathBuf>,
    fail_on: Option<String>,
    threads: Option<NonZeroUsize>,
    keep_sketches: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RegisterSection {
    access: Option<String>,
    acquisition: Option<String>,
}

impl Config {
    /// Reads the config of an index. No config, or no index yet, is the empty config.
    ///
    /// # Errors
    /// [`ConfigError`] when there is a config that cannot be read or understood.
    pub fn load(index: &Path) -> Result<Self, ConfigError> {
        let path = index.join(FILE_NAME);
        let failed = |cause| ConfigError::Io {
            action: "read",
            path: path.clone(),
            cause,
        };
        let mut bytes = Vec::new();
        match fs::File::open(&path) {
            Ok(file) => file
                .take(BYTES_MAX + 1)
                .read_to_end(&mut bytes)
                .map_err(failed)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => return Err(failed(cause)),
        };
        let invalid = |what: String| ConfigError::Invalid {
            path: path.clone(),
            what,
        };
        if bytes.len() as u64 > BYTES_MAX {
            return Err(invalid(format!("it has more than {BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|cause| invalid(cause.to_string()))?;
        Self::parse(&text, index).map_err(invalid)
    }

    /// Reads a config's text; relative paths start at `folder`.
    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|cause| {
            let line = cause.span().and_then(|span| text.get(..span.start));
            let line = line.map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {}", cause.message())
        })?;
        let fail_on = match file.check.fail_on.as_deref() {
            None => None,
            Some("flag") => Some(FailOn::Flag),
            Some(other) => {
                return Err(format!(
                    "check.fail_on is \"{other}\", and only \"flag\" exists"
                ));
            }
        };
        let acquisition = match file.register.acquisition {
            None => None,
            Some(word) => Some(Acquisition::parse(&word).ok_or_else(|| {
                format!("register.acquisition is \"{word}\": write self-generated, licensed-dataset or found")
            })?),
        };
        if file
            .register
            .access
            .as_deref()
            .is_some_and(|access| access.trim().is_empty())
        {
            return Err("register.access is blank".to_owned());
        }
        Ok(Self {
            policy: file.check.policy.map(|policy| folder.join(policy)),
            catalog: file
                .check
                .catalog
                .iter()
                .map(|file| folder.join(file))
                .collect(),
            fail_on,
            threads: file.check.threads,
            keep_sketches: file.check.keep_sketches,
            access: file.register.access,
            acquisition,
        })
    }
}

/// Writes [`TEMPLATE`] into the folder of an index, unless a config is there. Says whether it
/// wrote.
///
/// # Errors
/// [`ConfigError::Io`].
pub fn write_template(index: &Path) -> Result<bool, ConfigError> {
    let path = index.join(FILE_NAME);
    let failed = |cause| ConfigError::Io {
        action: "write",
        path: path.clone(),
        cause,
    };
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
    {
        Ok(mut file) => {
            file.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(true)
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(failed(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_the_empty_config() {
        assert_eq!(
            Config::parse(TEMPLATE, Path::new("/i")).expect("parses"),
            Config::default()
        );
    }

    /// Every commented key of the template must be one that is understood.
    #[test]
    fn the_templates_keys_all_work() {
        let uncommented: Vec<&str> = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key) if key.contains(" = ") => key,
                _ => line,
            })
            .collect();
        let uncommented = uncommented.join("\n");
        let config = Config::parse(&uncommented, Path::new("/i")).expect("parses");
        assert_eq!(
            config,
            Config {
                policy: Some("/i/policy.toml".into()),
                catalog: vec!["/i/own-models.toml".into()],
                fail_on: Some(FailOn::Flag),
                threads: NonZeroUsize::new(8),
                keep_sketches: true,
                access: Some("self-hosted".into()),
                acquisition: Some(Acquisition::SelfGenerated),
            }
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "[check]\nfailon = \"flag\"",
            "[chek]",
            "[check]\nfail_on = \"never\"",
            "[check]\nthreads = 0",
            "[check]\nkeep_sketches = \"yes\"",
            "[register]\nacquisition = \"bought\"",
            "[register]\naccess = \" \"",
            "x",
        ] {
            assert!(Config::parse(bad, Path::new("/i")).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_names_the_line() {
        let error = Config::parse("[check]\n\nfailon = 1\n", Path::new("/i")).expect_err("wrong");
        assert!(
            error.starts_with("line 3: ") && error.contains("failon"),
            "{error}"
        );
    }

    #[test]
    fn a_config_is_written_once_and_read_back() {
        let index = tempfile::tempdir().expect("folder");
        assert_eq!(Config::load(index.path()).expect("none"), Config::default());
        assert!(write_template(index.path()).expect("written"));
        let path = index.path().join(FILE_NAME);
        fs::write(&path, "[check]\nthreads = 3\n").expect("edited");
        assert!(!write_template(index.path()).expect("kept"));
        assert_eq!(
            Config::load(index.path()).expect("read").threads,
            NonZeroUsize::new(3)
        );
        fs::write(&path, "[check]\nthreads = -1\n").expect("edited");
        let error = Config::load(index.path()).expect_err("wrong");
        assert!(error.to_string().contains(FILE_NAME), "{error}");
        fs::write(&path, vec![b'#'; 1 << 21]).expect("edited");
        assert!(Config::load(index.path()).is_err());
    }
}
