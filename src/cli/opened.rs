//! What most commands need first: the index, its keys, and the recipe of this program.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::anyhow;

use super::args::Global;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::out;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::index::SecretsError;
use crate::snapshot::OpenError;
use crate::snapshot::Snapshot;
use crate::snapshot::Writer;
use crate::text::UNICODE_VERSION;

/// Environment variable that names the folder of keys.
const KEYS_VARIABLE: &str = "HERDBOOK_KEYS";

/// An index with its keys, not yet opened.
pub(crate) struct Opened {
    pub(super) dir: IndexDir,
    pub(super) secrets: Secrets,
    pub(crate) key: FingerprintKey,
    pub(crate) recipe: Recipe,
    pub(crate) compat: Compat,
}

/// Where the index and its keys are.
pub(super) fn index_dir(global: &Global) -> IndexDir {
    let keys = std::env::var_os(KEYS_VARIABLE)
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    IndexDir::new(&global.index, keys)
}

impl Opened {
    /// Reads the keys of an index that is there.
    pub(crate) fn find(global: &Global) -> Result<Self, OpenError> {
        let dir = index_dir(global);
        if !dir.root().exists() {
            return Err(OpenError::NoIndex {
                dir: dir.root().display().to_string(),
            });
        }
        let secrets = Secrets::load(dir.keys())?;
        Ok(Self::with(dir, secrets)?)
    }

    /// An index whose keys are known.
    pub(super) fn with(dir: IndexDir, secrets: Secrets) -> Result<Self, SecretsError> {
        let recipe = Recipe::default();
        let key = FingerprintKey::from_bytes(secrets.fingerprint()).map_err(|_| {
            SecretsError::Damaged {
                file: dir.keys().display().to_string(),
                what: "the fingerprint key is not one that may be used",
            }
        })?;
        let (major, minor, micro) = UNICODE_VERSION;
        let compat = Compat {
            recipe: recipe.id().as_str().to_owned(),
            unicode: format!("{major}.{minor}.{micro}"),
            guarantee_bytes: u32::try_from(recipe.looked_up_bytes()).unwrap_or(u32::MAX),
            key_check: key.key_check().0,
        };
        Ok(Self {
            dir,
            secrets,
            key,
            recipe,
            compat,
        })
    }

    /// Opens the index for writing; says what an interrupted command left to complete.
    pub(super) fn writer(&self) -> Result<Writer, Failure> {
        let writer = Writer::open(&self.dir, &self.secrets, &self.compat).or_undecided()?;
        for note in writer.notes() {
            out::note(note);
        }
        Ok(writer)
    }

    /// Opens exactly the snapshot that the log's head names.
    pub(crate) fn head(&self) -> Result<Snapshot, OpenError> {
        Snapshot::open_head(&self.dir, &self.compat, &self.secrets.public())
    }
}

/// Now, RFC 3339 in UTC, whole seconds.
pub(super) fn now() -> Result<String, Failure> {
    let seconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|e| Failure::undecided(anyhow!("the clock stands before 1970: {e}")))?
        .as_secs();
    let seconds = i64::try_from(seconds)
        .map_err(|e| Failure::undecided(anyhow!("the clock is out of range: {e}")))?;
    let now = jiff::Timestamp::from_second(seconds)
        .map_err(|e| Failure::undecided(anyhow!("the clock is out of range: {e}")))?;
    Ok(now.to_string())
}

/// Threads to work with: as asked, else one per core, else one where the system does not tell.
pub(super) fn threads(asked: Option<std::num::NonZeroUsize>) -> usize {
    match (asked, std::thread::available_parallelism()) {
        (Some(asked), _) => asked.get(),
        (None, Ok(cores)) => cores.get(),
        (None, Err(_)) => 1,
    }
}
