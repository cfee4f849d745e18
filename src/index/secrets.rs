//! The key files made by `init`: the fingerprint key and the signing key.
//!
//! Both are 32 random bytes, readable by their owner only, and never replaced: a lost fingerprint
//! key makes the index unusable, a replaced one would make it silently clean.

use std::fmt;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;

use super::StoreError;
use super::layout::sync_dir;

const FINGERPRINT_FILE: &str = "fingerprint.key";
const SIGNING_FILE: &str = "signing.key";
const PUBLIC_FILE: &str = "signing.pub";
const KEY_BYTES: usize = 32;

/// The keys of one index. `Debug` shows no key.
#[derive(Clone)]
pub struct Secrets {
    fingerprint: [u8; KEY_BYTES],
    signing: SigningKey,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Missing, damaged or unreadable key files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// No key files.
    #[error(
        "there is no {file} in {dir}: point $HERDBOOK_KEYS at the keys directory made by `herdbook init`"
    )]
    Missing {
        /// File that is missing.
        file: &'static str,
        /// Directory that was looked in.
        dir: String,
    },
    /// A key file of the wrong length, or two that do not belong together.
    #[error("the key file {file} is damaged: {what}; restore it from a backup")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Secrets {
    /// The key that fingerprints are made with.
    pub fn fingerprint(&self) -> &[u8; KEY_BYTES] {
        &self.fingerprint
    }

    /// The key that signs manifests.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The key that verifies them.
    pub fn verifying(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// Loads the keys, or makes them where there are none at all. Files that exist are never
    /// replaced; one without the other is an error.
    pub fn load_or_create(dir: &Path) -> Result<Self, SecretsError> {
        let present = |file: &str| {
            let path = dir.join(file);
            path.try_exists().map_err(StoreError::io("look for", &path))
        };
        if present(FINGERPRINT_FILE)? || present(SIGNING_FILE)? {
            return Self::load(dir);
        }
        create_private_dir(dir)?;
        for file in [FINGERPRINT_FILE, SIGNING_FILE] {
            let mut bytes = [0; KEY_BYTES];
            getrandom::fill(&mut bytes).map_err(|error| SecretsError::Random(error.to_string()))?;
            write_private(&dir.join(file), &bytes, 0o600)?;
        }
        let secrets = Self::read(dir)?;
        let public = format!("{}\n", hex::encode(secrets.verifying().to_bytes()));
        write_private(&dir.join(PUBLIC_FILE), public.as_bytes(), 0o644)?;
        sync_dir(dir)?;
        Ok(secrets)
    }

    /// Loads the keys.
    pub fn load(dir: &Path) -> Result<Self, SecretsError> {
        Self::read(dir)
    }

    fn read(dir: &Path) -> Result<Self, SecretsError> {
        let fingerprint = read_key(dir, FINGERPRINT_FILE)?;
        let signing = SigningKey::from_bytes(&read_key(dir, SIGNING_FILE)?);
        Ok(Self {
            fingerprint,
            signing,
        })
    }
}

fn read_key(dir: &Path, file: &'static str) -> Result<[u8; KEY_BYTES], SecretsError> {
    let path = dir.join(file);
    let opened = match File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SecretsError::Missing {
                file,
                dir: dir.display().to_string(),
            });
        }
        Err(error) => return Err(StoreError::io("open the key file", &path)(error).into()),
    };
    let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
    opened
        .take(KEY_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read the key file", &path))?;
    <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| SecretsError::Damaged {
        file: path.display().to_string(),
        what: "it does not hold exactly 32 bytes",
    })
}

fn create_private_dir(dir: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(dir)
        .map_err(StoreError::io("create the directory", dir))
}

fn write_private(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _: u32 = mode;
    let mut file = options
        .open(path)
        .map_err(StoreError::io("create the key file", path))?;
    file.write_all(bytes)
        .map_err(StoreError::io("write the key file", path))?;
    file.sync_all()
        .map_err(StoreError::io("make durable the key file", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_private_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let first = Secrets::load_or_create(&keys).unwrap();
        let second = Secrets::load_or_create(&keys).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.verifying(), second.verifying());
        assert_ne!(first.fingerprint(), first.signing().as_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for file in [FINGERPRINT_FILE, SIGNING_FILE] {
                let mode = keys.join(file).metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn one_key_without_the_other_is_an_error_and_makes_none() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::load_or_create(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join(FINGERPRINT_FILE)).unwrap();
        let error = Secrets::load_or_create(dir.path()).unwrap_err();
        assert!(matches!(
            error,
            SecretsError::Missing {
                file: FINGERPRINT_FILE,
                ..
            }
        ));
        assert!(!dir.path().join(FINGERPRINT_FILE).exists());
    }

    #[test]
    fn a_short_or_long_key_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::load_or_create(dir.path()).unwrap();
        for bytes in [vec![1; 31], vec![1; 33], vec![]] {
            std::fs::write(dir.path().join(SIGNING_FILE), &bytes).unwrap();
            assert!(matches!(
                Secrets::load(dir.path()),
                Err(SecretsError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn debug_output_shows_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(dir.path()).unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets { .. }");
    }
}
