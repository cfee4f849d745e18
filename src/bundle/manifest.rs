//! The manifest of a bundle: what is in it, and what is signed.

use ed25519_dalek::Signature;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::BundleError;
use super::format::BLOCK_BYTES_MAX;
use crate::model::Acquisition;

/// Version of the layout.
pub const BUNDLE_FORMAT: u32 = 1;
/// First bytes of a bundle.
pub(super) const MAGIC: [u8; 8] = *b"HERDBNDL";
/// What is signed stands behind these bytes, so that the signature is good for nothing else that
/// the same key signs.
const SIGNED: &[u8] = b"herdbook bundle 1\n";
/// Bytes of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;
/// Largest manifest that is read. Chosen: a hundred bytes a block, so bundles of 100 GB.
pub(super) const MANIFEST_BYTES_MAX: u32 = 16 << 20;
/// Most sources of one bundle. Chosen: each is a commit of its own at the importer.
const SOURCES_MAX: usize = 1_000;
/// Most model ids of one source. Chosen: ten times what the largest known data set names.
const MODELS_MAX: usize = 10_000;
/// Longest name, of a source, model, access path. Chosen: ids of models have some fifty bytes.
const NAME_BYTES_MAX: usize = 1_000;

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the layout.
    pub format: u32,
    /// Recipe id of the fingerprints.
    pub recipe: String,
    /// Unicode version of the normal form.
    pub unicode: String,
    /// When it was exported, RFC 3339, UTC.
    pub exported_at: String,
    /// Proof of the bundle key, hex.
    pub key_check: String,
    /// The Ed25519 key that signs, hex.
    pub public_key: String,
    /// Texts.
    pub texts: u64,
    /// Grams of all texts together.
    pub grams: u64,
    /// Grams of the exporter's index that stand in so many texts that it keeps no list of them: they
    /// are missing in every text that has them.
    pub common_grams: u64,
    /// What the texts are claimed by; claims point into it.
    pub sources: Vec<SharedSource>,
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

/// A source as a bundle carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedSource {
    /// What its owner calls it.
    pub name: String,
    /// Raw model ids claimed; claims point into it.
    pub models: Vec<String>,
    /// Access path as given.
    pub access: Option<String>,
    /// How the owner came by the outputs, a word of [`Acquisition`].
    pub acquisition: String,
    /// Number of its files; claims have numbers below it, names stay at home.
    pub files: u32,
    /// Number of its columns, likewise.
    pub columns: u32,
    /// Its records.
    pub records: u64,
    /// UTF-8 bytes of its records.
    pub text_bytes: u64,
    /// Its texts.
    pub texts: u64,
    /// Its claims in this bundle; of a text that stands in many places some only.
    pub claims: u64,
}

/// A piece of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3, hex.
    pub blake3: String,
}

/// Reads a public key as `keys/signing.pub` has it: 64 hexadecimal digits and a line end.
pub fn public_key(text: &str) -> Option<VerifyingKey> {
    let mut bytes = [0; 32];
    let decoded = hex::decode_to_slice(text.trim_end(), &mut bytes);
    match (decoded, VerifyingKey::from_bytes(&bytes)) {
        (Ok(()), Ok(key)) => Some(key),
        (Err(_), _) | (_, Err(_)) => None,
    }
}

impl Manifest {
    /// Its bytes, as they are signed.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = serde_json::to_vec(self)
            .map_err(|error| BundleError::damaged(error.to_string(), "in the manifest"))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > u64::from(MANIFEST_BYTES_MAX) {
            return Err(BundleError::Limit {
                what: format!(
                    "the manifest has {} bytes, more than {MANIFEST_BYTES_MAX}",
                    bytes.len()
                ),
            });
        }
        Ok(bytes)
    }

    /// Reads bytes whose signature was verified, and refuses what no bundle can hold.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| BundleError::damaged(error.to_string(), "in the manifest"))?;
        manifest.sound()?;
        Ok(manifest)
    }

    /// Refuses what is beyond a limit, here and where a bundle is written.
    pub(super) fn sound(&self) -> Result<(), BundleError> {
        let limit = |what: String| Err(BundleError::Limit { what });
        if self.sources.is_empty() || self.texts == 0 {
            return Err(BundleError::damaged("it holds no text", "of any source"));
        }
        if self.sources.len() > SOURCES_MAX {
            return limit(format!(
                "{} sources are more than {SOURCES_MAX}",
                self.sources.len()
            ));
        }
        for source in &self.sources {
            let names = source.models.iter().chain(&source.access);
            if names.chain([&source.name]).any(|name| !sound_name(name)) {
                return Err(BundleError::damaged(
                    format!(
                        "an empty name, one of more than {NAME_BYTES_MAX} bytes, or one with control characters"
                    ),
                    format!(
                        "in source {:?}",
                        source.name.chars().take(40).collect::<String>()
                    ),
                ));
            }
            if Acquisition::parse(&source.acquisition).is_none() {
                return Err(BundleError::damaged(
                    "an acquisition that there is not",
                    format!("in source {:?}", source.name),
                ));
            }
            if source.models.len() > MODELS_MAX {
                return limit(format!(
                    "{} models of one source are more than {MODELS_MAX}",
                    source.models.len()
                ));
            }
        }
        let mut names: Vec<&str> = self.sources.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.sources.len() {
            return Err(BundleError::damaged(
                "two sources of one name",
                "in the manifest",
            ));
        }
        if let Some(block) = self.blocks.iter().find(|one| one.bytes > BLOCK_BYTES_MAX) {
            return limit(format!(
                "a block of {} bytes is larger than {BLOCK_BYTES_MAX}",
                block.bytes
            ));
        }
        Ok(())
    }
}

fn sound_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Digest of a bundle: SHA-256 of its manifest, hex.
pub(super) fn digest(manifest: &[u8]) -> String {
    hex::encode(Sha256::digest(manifest))
}

/// Signs a manifest's bytes.
pub(super) fn sign(manifest: &[u8], key: &SigningKey) -> [u8; SIGNATURE_BYTES] {
    key.sign(&[SIGNED, manifest].concat()).to_bytes()
}

/// Verifies the signature of a manifest's bytes.
pub(super) fn verify(
    manifest: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
    key: &VerifyingKey,
) -> Result<(), BundleError> {
    key.verify_strict(
        &[SIGNED, manifest].concat(),
        &Signature::from_bytes(signature),
    )
    .map_err(|_| BundleError::Signature)
}
