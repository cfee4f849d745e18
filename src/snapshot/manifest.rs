//! The manifest: what a snapshot consists of, and the signature over it.

use std::path::Path;

use ed25519_dalek::Signature;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::OpenError;
use crate::index::StoreError;
use crate::index::keys::FORMAT_VERSION;
use crate::index::keys::FormatRow;
use crate::tlog::Checkpoint;

/// Name of the manifest in a snapshot.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Name of its signature: the Ed25519 signature of the manifest's bytes, in hex.
pub(crate) const SIGNATURE: &str = "manifest.sig";
/// Largest manifest that is read. Chosen: a hundred bytes a file, so far over 10^5 files.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Everything that stands for the content of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the index format.
    pub format: u32,
    /// Number of the snapshot: that of the commit sealed.
    pub snapshot: u64,
    /// When the sealed commit was made, RFC 3339, UTC.
    pub time: String,
    /// Recipe id.
    pub recipe: String,
    /// Unicode version of the normal form.
    pub unicode: String,
    /// Guaranteed run in bytes of the normal form.
    pub guarantee_bytes: u32,
    /// Proof of the fingerprint key, hex.
    pub key_check: String,
    /// Sources registered and not withdrawn.
    pub sources: u64,
    /// Their records.
    pub records: u64,
    /// Distinct texts.
    pub texts: u64,
    /// Claims stored.
    pub claims: u64,
    /// Order-independent digest over texts and claims, hex.
    pub set_hash: String,
    /// Where the audit log stood when this was sealed; its entry comes later. Absent in snapshots
    /// of before the log was a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPosition>,
    /// Digest of the line before in the log of the format before, hex. Absent since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_previous: Option<String>,
    /// The Ed25519 key that signs, hex.
    pub public_key: String,
    /// Every file but the manifest and its signature, by path.
    pub files: Vec<ManifestFile>,
}

/// A place in an audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// Which log.
    pub origin: String,
    /// Entries in it.
    pub size: u64,
    /// Root of their tree, hex.
    pub root: String,
}

impl From<&Checkpoint> for LogPosition {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root.to_hex(),
        }
    }
}

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path inside the snapshot, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3, hex.
    pub blake3: String,
}

/// Digest of a manifest: lower-case hex SHA-256 of its bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Manifest {
    /// Bytes of the file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| StoreError::Corrupt {
            what: format!("the manifest cannot be written ({error})"),
            at: format!("snapshot {}", self.snapshot),
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the manifest and its digest. An absent file is the caller's missing snapshot.
    pub(crate) fn read(dir: &Path) -> Result<Option<(Self, Vec<u8>)>, OpenError> {
        let Some(bytes) = read_small(&dir.join(MANIFEST), MANIFEST_BYTES_MAX)? else {
            return Ok(None);
        };
        let manifest = serde_json::from_slice(&bytes).map_err(|error| OpenError::Damaged {
            path: dir.display().to_string(),
            what: format!("its manifest cannot be read ({error})"),
        })?;
        Ok(Some((manifest, bytes)))
    }

    /// What the snapshot was made with.
    pub(crate) fn format_row(&self, dir: &Path) -> Result<FormatRow, OpenError> {
        let mut key_check = [0; 16];
        if self.format == FORMAT_VERSION {
            hex::decode_to_slice(&self.key_check, &mut key_check).map_err(|_| {
                OpenError::Damaged {
                    path: dir.display().to_string(),
                    what: "the key check value of its manifest is not 16 bytes in hex".to_owned(),
                }
            })?;
        }
        Ok(FormatRow {
            version: self.format,
            guarantee_bytes: self.guarantee_bytes,
            key_check,
            recipe: self.recipe.clone(),
            unicode: self.unicode.clone(),
        })
    }
}

/// Signs a manifest's bytes.
pub(crate) fn sign(bytes: &[u8], key: &SigningKey) -> Vec<u8> {
    let mut out = hex::encode(key.sign(bytes).to_bytes()).into_bytes();
    out.push(b'\n');
    out
}

/// Verifies the signature that stands beside a manifest.
pub(crate) fn verify(dir: &Path, bytes: &[u8], key: &VerifyingKey) -> Result<(), OpenError> {
    let verified = verify_beside(&dir.join(SIGNATURE), bytes, key)?;
    verified.map_err(|what| OpenError::Damaged {
        path: dir.display().to_string(),
        what: format!("its manifest {what}"),
    })
}

/// Verifies a signature in a file of its own; the inner error says what is wrong with it.
pub(crate) fn verify_beside(
    path: &Path,
    bytes: &[u8],
    key: &VerifyingKey,
) -> Result<Result<(), &'static str>, OpenError> {
    let Some(text) = read_small(path, 1024)? else {
        return Ok(Err("has no signature beside it"));
    };
    let mut signature = [0; 64];
    let hex = text.strip_suffix(b"\n").unwrap_or_default();
    if hex::decode_to_slice(hex, &mut signature).is_err() {
        return Ok(Err(
            "has a signature that is not 64 bytes in hex and a line end",
        ));
    }
    // One signature has one form: capital letters are damage too.
    if hex::encode(signature).as_bytes() != hex {
        return Ok(Err("has a signature that is not as it was written"));
    }
    match key.verify_strict(bytes, &Signature::from_bytes(&signature)) {
        Ok(()) => Ok(Ok(())),
        Err(_) => Ok(Err("is not signed by this index's signing key")),
    }
}

fn read_small(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, OpenError> {
    use std::io::Read as _;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", path)(error).into()),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    if bytes.len() as u64 > bytes_max {
        return Err(OpenError::Damaged {
            path: path.display().to_string(),
            what: format!("it is larger than {bytes_max} bytes"),
        });
    }
    Ok(Some(bytes))
}
