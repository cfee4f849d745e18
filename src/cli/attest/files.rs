//! The files of an attestation: read within limits, removed only if herdbook wrote them, written
//! whole or not at all.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::anyhow;
use serde_json::Value;

use crate::attest::CHECK_TYPE;
use crate::attest::REFUSED_TYPE;
use crate::attest::bundle;
use crate::attest::svr::SVR_TYPE;
use crate::audit::Entry;

/// Largest attestation, bundle or proof that is read. Chosen: 100 bytes a file and column, so room
/// for 10^5 files of six columns.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a receipt of the audit log begins with.
const PROOF_MARKER: &[u8] = b"c2sp.org/tlog-proof@v1\n";

/// Where the parts of one attestation are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// The statement in its envelope; written last.
    pub(super) attestation: PathBuf,
    /// The same envelope as a Sigstore bundle.
    pub(super) bundle: PathBuf,
    /// The short form of a pass.
    pub(super) svr: PathBuf,
    /// The receipt of the audit log.
    pub(super) proof: PathBuf,
    /// The entry that the receipt is for.
    pub(super) entry: PathBuf,
}

/// What the name of the bundle ends in.
const BUNDLE_END: &str = ".sigstore.json";

impl Files {
    pub(super) fn beside(attestation: &Path) -> Self {
        let with = |end: &str| {
            let mut name = attestation.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        Self {
            attestation: attestation.to_owned(),
            bundle: with(BUNDLE_END),
            svr: with(".svr.json"),
            proof: with(".tlog-proof"),
            entry: with(".tlog-entry"),
        }
    }

    /// The attestation that a file is, or is the bundle of.
    pub(super) fn envelope_of(path: &Path) -> PathBuf {
        match path.to_str().and_then(|name| name.strip_suffix(BUNDLE_END)) {
            Some(name) => PathBuf::from(name),
            None => path.to_owned(),
        }
    }

    /// The attestation first, so that an interrupted removal leaves none.
    pub(super) fn all(&self) -> [&Path; 5] {
        [
            &self.attestation,
            &self.svr,
            &self.bundle,
            &self.proof,
            &self.entry,
        ]
    }

    /// Checks that each place is free, or holds what an earlier run left there.
    pub(super) fn check_stale(&self) -> Result<(), anyhow::Error> {
        for path in self.all() {
            let metadata = match fs::symlink_metadata(path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot look at {}", path.display()));
                }
            };
            if !metadata.is_file() || !is_ours(&read(path)?) {
                return Err(anyhow!(
                    "{} exists and is no attestation of herdbook: give --attest another name, or \
                     move the file away",
                    path.display()
                ));
            }
        }
        Ok(())
    }

    /// Removes what an earlier run left, so that an old pass cannot stand beside a new failure.
    pub(super) fn remove_stale(&self) -> Result<(), anyhow::Error> {
        let mut removed = false;
        for path in self.all() {
            match fs::remove_file(path) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
            }
        }
        if removed {
            sync_folder(&self.attestation).with_context(|| {
                format!("cannot sync the folder of {}", self.attestation.display())
            })?;
        }
        Ok(())
    }
}

/// Whether herdbook writes such files. An empty file says nothing and counts as one.
fn is_ours(bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.starts_with(PROOF_MARKER) || Entry::parse(bytes).is_ok() {
        return true;
    }
    let Ok(envelope) = bundle::read(bytes) else {
        return false;
    };
    let Ok(Value::Object(statement)) = serde_json::from_slice(envelope.unverified_payload()) else {
        return false;
    };
    let found = statement.get("predicateType").and_then(Value::as_str);
    found.is_some_and(|found| [CHECK_TYPE, REFUSED_TYPE, SVR_TYPE].contains(&found))
}

/// The bytes of a file, as many as an attestation can have.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, anyhow::Error> {
    let unreadable = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(anyhow!(
            "{} is larger than {FILE_BYTES_MAX} bytes: it is no attestation",
            path.display()
        ));
    }
    Ok(bytes)
}

/// Writes a file whole: into a temporary one beside it, synced, renamed, and the folder synced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), anyhow::Error> {
    let failed = || format!("cannot write {}", path.display());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".herdbook-attest-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's umask still applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder_of(path)).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    sync_folder(path).with_context(failed)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename or removal durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder_of(path))?.sync_all()
    } else {
        Ok(())
    }
}
