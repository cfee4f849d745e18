//! The key files made by `init`: the fingerprint key, and three Ed25519 keys that sign the manifests
//! of snapshots, the checkpoints of the audit log, and attestations.
//!
//! Each is 32 random bytes, readable by its owner only, and never replaced: a lost fingerprint key
//! makes the index unusable, a replaced one would make it silently clean. The log's key alone can
//! be rotated, by an entry of the log that the old key signs.
//!
//! Public halves stand beside them: `signing.pub` (hex), `log.pub` (the verifier key of every log
//! that the key signs, a line each, normally one), `attest.pub` (PEM).

use std::fmt;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use super::StoreError;
use super::layout::sync_dir;
use crate::tlog::Signer;
use crate::tlog::Verifier;

const FINGERPRINT_FILE: &str = "fingerprint.key";
const SIGNING_FILE: &str = "signing.key";
const PUBLIC_FILE: &str = "signing.pub";
const LOG_FILE: &str = "log.key";
const LOG_PUBLIC_FILE: &str = "log.pub";
const LOG_NEXT_FILE: &str = "log.key.next";
const ATTEST_FILE: &str = "attest.key";
const ATTEST_PUBLIC_FILE: &str = "attest.pub";
/// There while keys are being made for the first time: what stands beside it was never used.
const UNFINISHED_FILE: &str = "unfinished";
const KEY_BYTES: usize = 32;
/// Largest `log.pub` that is read. Chosen: a hundred bytes a log.
const LOG_PUBLIC_BYTES_MAX: u64 = 1 << 20;

/// The keys of one index. `Debug` shows no key.
#[derive(Clone)]
pub struct Secrets {
    fingerprint: [u8; KEY_BYTES],
    signing: SigningKey,
    log: Option<SigningKey>,
    logs: Vec<Verifier>,
    attest: Option<SigningKey>,
}

/// The public keys of an index: what opening a snapshot is verified with.
#[derive(Debug, Clone)]
pub struct PublicKeys {
    /// Verifies manifests.
    pub signing: VerifyingKey,
    /// Verify checkpoints: one key for each log that these keys sign, named as the log; two while
    /// a rotation goes on.
    pub logs: Vec<Verifier>,
}

impl PublicKeys {
    /// The keys that verify the log of this origin.
    pub fn log(&self, origin: &str) -> impl Iterator<Item = &Verifier> {
        self.logs.iter().filter(move |key| key.name() == origin)
    }
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
    /// Making them was interrupted; nothing was ever made under them.
    #[error("the keys in {dir} were never finished: run `herdbook init` again")]
    Unfinished {
        /// Directory of the keys.
        dir: String,
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

    /// Every public key of these.
    pub fn public(&self) -> PublicKeys {
        PublicKeys {
            signing: self.verifying(),
            logs: self.logs.clone(),
        }
    }

    /// The key that signs the checkpoints of the log of this origin.
    pub fn log_signer(&self, keys: &Path, origin: &str) -> Result<Signer, SecretsError> {
        let key = self.log.as_ref().ok_or_else(|| missing(keys, LOG_FILE))?;
        let signer = Signer::new(origin, key.clone())
            .map_err(|_| unusable(keys, "an origin that no log has"))?;
        if self.logs.contains(signer.verifier()) {
            Ok(signer)
        } else {
            Err(unusable(
                keys,
                "it does not name the log of this index with the public half of log.key",
            ))
        }
    }

    /// The key that signs attestations.
    pub fn attest(&self, keys: &Path) -> Result<&SigningKey, SecretsError> {
        self.attest
            .as_ref()
            .ok_or_else(|| missing(keys, ATTEST_FILE))
    }

    /// Loads the keys, or makes them where there are none at all. Files that exist are never
    /// replaced, but those that an interrupted call left; one without the other is an error. A
    /// directory made before there were keys for log and attestations is left without them; see
    /// [`Secrets::complete`].
    pub fn load_or_create(dir: &Path) -> Result<Self, SecretsError> {
        let all = [FINGERPRINT_FILE, SIGNING_FILE, LOG_FILE, ATTEST_FILE];
        if present(dir, UNFINISHED_FILE)? {
            for file in all.into_iter().chain([PUBLIC_FILE, ATTEST_PUBLIC_FILE]) {
                remove(&dir.join(file))?;
            }
        } else {
            if present(dir, FINGERPRINT_FILE)? || present(dir, SIGNING_FILE)? {
                return Self::load(dir);
            }
            // A log or attestation key without the other two is what is left of a lost directory.
            if present(dir, LOG_FILE)? || present(dir, ATTEST_FILE)? {
                return Err(missing(dir, FINGERPRINT_FILE));
            }
            create_private_dir(dir)?;
            write_private(&dir.join(UNFINISHED_FILE), b"", 0o600)?;
            sync_dir(dir)?;
        }
        for file in all {
            write_private(&dir.join(file), &random()?, 0o600)?;
        }
        let mut secrets = Self::read(dir)?;
        secrets.write_public(dir)?;
        remove(&dir.join(UNFINISHED_FILE))?;
        sync_dir(dir)?;
        Ok(secrets)
    }

    /// Makes the keys for log and attestations in a directory that was made before there were any.
    /// Returns the names of those made. For an index whose log no such key ever signed, only.
    pub fn complete(&mut self, dir: &Path) -> Result<Vec<&'static str>, SecretsError> {
        let mut made = Vec::new();
        for (file, there) in [
            (LOG_FILE, self.log.is_some()),
            (ATTEST_FILE, self.attest.is_some()),
        ] {
            if !there {
                write_whole(dir, file, &random()?, 0o600)?;
                made.push(file);
            }
        }
        let read = Self::load(dir)?;
        *self = read;
        self.write_public(dir)?;
        Ok(made)
    }

    /// Names a log that the log key is to sign, in `log.pub`. Does nothing where it stands there.
    pub fn add_log(&mut self, dir: &Path, origin: &str) -> Result<Signer, SecretsError> {
        let key = self.log.as_ref().ok_or_else(|| missing(dir, LOG_FILE))?;
        let signer = Signer::new(origin, key.clone())
            .map_err(|_| unusable(dir, "an origin that no log has"))?;
        match self.logs.iter().find(|known| known.name() == origin) {
            Some(known) if known == signer.verifier() => {}
            Some(_) => {
                return Err(unusable(
                    dir,
                    "it names the log of this index with another key than log.key",
                ));
            }
            None => {
                self.logs.push(signer.verifier().clone());
                self.write_logs(dir)?;
            }
        }
        Ok(signer)
    }

    /// Makes the key that is to follow the log's key, beside it, or finds the one that an
    /// interrupted rotation left. Refuses where the key signs several logs.
    pub fn next_log_key(&self, dir: &Path, origin: &str) -> Result<Signer, SecretsError> {
        if self.logs.iter().any(|log| log.name() != origin) {
            return Err(unusable(
                dir,
                "its key signs several logs, and would be taken from all of them; give each index a keys directory of its own",
            ));
        }
        if !present(dir, LOG_NEXT_FILE)? {
            write_whole(dir, LOG_NEXT_FILE, &random()?, 0o600)?;
        }
        let key = SigningKey::from_bytes(&read_key(dir, LOG_NEXT_FILE)?);
        Signer::new(origin, key).map_err(|_| unusable(dir, "an origin that no log has"))
    }

    /// Whether a rotation of the log's key has begun and not ended.
    pub fn rotation_begun(dir: &Path) -> Result<bool, SecretsError> {
        Ok(present(dir, LOG_NEXT_FILE)?)
    }

    /// Lets the next key verify the log beside the present one. Before the log names it.
    pub fn begin_rotation(&mut self, dir: &Path, next: &Signer) -> Result<(), SecretsError> {
        if !self.logs.contains(next.verifier()) {
            self.logs.push(next.verifier().clone());
            self.write_logs(dir)?;
        }
        Ok(())
    }

    /// Puts the next key in the place of the log's key, once the log names it. The old private key
    /// is gone then; its public half stands in the log.
    pub fn end_rotation(&mut self, dir: &Path, origin: &str) -> Result<(), SecretsError> {
        let from = dir.join(LOG_NEXT_FILE);
        if present(dir, LOG_NEXT_FILE)? {
            std::fs::rename(&from, dir.join(LOG_FILE))
                .map_err(StoreError::io("rename the key file", &from))?;
            sync_dir(dir)?;
        }
        *self = Self::load(dir)?;
        let signer = self.log_signer(dir, origin)?;
        self.logs
            .retain(|log| log.name() != origin || log == signer.verifier());
        self.write_logs(dir)
    }

    /// Loads the keys.
    pub fn load(dir: &Path) -> Result<Self, SecretsError> {
        if present(dir, UNFINISHED_FILE)? {
            return Err(SecretsError::Unfinished {
                dir: dir.display().to_string(),
            });
        }
        Self::read(dir)
    }

    fn read(dir: &Path) -> Result<Self, SecretsError> {
        let fingerprint = read_key(dir, FINGERPRINT_FILE)?;
        let signing = SigningKey::from_bytes(&read_key(dir, SIGNING_FILE)?);
        let optional = |file: &'static str| {
            if present(dir, file)? {
                Ok(Some(SigningKey::from_bytes(&read_key(dir, file)?)))
            } else {
                Ok::<_, SecretsError>(None)
            }
        };
        Ok(Self {
            fingerprint,
            signing,
            log: optional(LOG_FILE)?,
            logs: read_logs(dir)?,
            attest: optional(ATTEST_FILE)?,
        })
    }

    /// Writes the public halves that are missing.
    fn write_public(&mut self, dir: &Path) -> Result<(), SecretsError> {
        if !present(dir, PUBLIC_FILE)? {
            let public = format!("{}\n", hex::encode(self.verifying().to_bytes()));
            write_whole(dir, PUBLIC_FILE, public.as_bytes(), 0o644)?;
        }
        if let Some(attest) = &self.attest
            && !present(dir, ATTEST_PUBLIC_FILE)?
        {
            let pem = attest
                .verifying_key()
                .to_public_key_pem(LineEnding::LF)
                .map_err(|_| SecretsError::Damaged {
                    file: dir.join(ATTEST_FILE).display().to_string(),
                    what: "its public half cannot be written as PEM",
                })?;
            write_whole(dir, ATTEST_PUBLIC_FILE, pem.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// Writes `log.pub` in one step.
    fn write_logs(&self, dir: &Path) -> Result<(), SecretsError> {
        let mut text = String::new();
        for log in &self.logs {
            text.push_str(&log.to_vkey());
            text.push('\n');
        }
        write_whole(dir, LOG_PUBLIC_FILE, text.as_bytes(), 0o644)?;
        Ok(())
    }
}

fn random() -> Result<[u8; KEY_BYTES], SecretsError> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| SecretsError::Random(error.to_string()))?;
    Ok(bytes)
}

fn present(dir: &Path, file: &str) -> Result<bool, StoreError> {
    let path = dir.join(file);
    path.try_exists().map_err(StoreError::io("look for", &path))
}

fn missing(dir: &Path, file: &'static str) -> SecretsError {
    SecretsError::Missing {
        file,
        dir: dir.display().to_string(),
    }
}

fn unusable(dir: &Path, what: &'static str) -> SecretsError {
    SecretsError::Damaged {
        file: dir.join(LOG_PUBLIC_FILE).display().to_string(),
        what,
    }
}

/// The lines of `log.pub`; none where there is no such file.
fn read_logs(dir: &Path) -> Result<Vec<Verifier>, SecretsError> {
    let path = dir.join(LOG_PUBLIC_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("open the key file", &path)(error).into()),
    };
    let mut text = String::new();
    file.take(LOG_PUBLIC_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(StoreError::io("read the key file", &path))?;
    text.lines()
        .map(|line| {
            Verifier::parse(line).map_err(|_| unusable(dir, "a line of it is no verifier key"))
        })
        .collect()
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

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("remove", path)(error)),
    }
}

/// Writes a file in one step: whole, or not there, or as it was before. Durable once this returns.
fn write_whole(dir: &Path, file: &str, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let new = dir.join(format!("{file}.new"));
    remove(&new)?;
    write_private(&new, bytes, mode)?;
    std::fs::rename(&new, dir.join(file)).map_err(StoreError::io("rename the key file", &new))?;
    sync_dir(dir)
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
    use ed25519_dalek::pkcs8::DecodePublicKey as _;

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
            for file in [FINGERPRINT_FILE, SIGNING_FILE, LOG_FILE, ATTEST_FILE] {
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
    fn keys_that_were_never_finished_are_made_anew_and_never_used() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let first = Secrets::load_or_create(&keys).unwrap();
        // As a crash leaves them: the mark, some keys, one of them half-written.
        std::fs::write(keys.join(UNFINISHED_FILE), b"").unwrap();
        std::fs::write(keys.join(SIGNING_FILE), [1; 5]).unwrap();
        for file in [LOG_FILE, ATTEST_FILE, PUBLIC_FILE, ATTEST_PUBLIC_FILE] {
            std::fs::remove_file(keys.join(file)).unwrap();
        }
        let error = Secrets::load(&keys).unwrap_err();
        assert!(matches!(error, SecretsError::Unfinished { .. }));
        let second = Secrets::load_or_create(&keys).unwrap();
        assert_ne!(first.fingerprint(), second.fingerprint());
        let read = Secrets::load(&keys).unwrap();
        assert_eq!(read.fingerprint(), second.fingerprint());
        assert_eq!(read.verifying(), second.verifying());
        let public = std::fs::read_to_string(keys.join(PUBLIC_FILE)).unwrap();
        assert_eq!(public.trim(), hex::encode(read.verifying().to_bytes()));
    }

    #[test]
    fn a_directory_of_before_gets_the_newer_keys_once_and_keeps_the_older() {
        let dir = tempfile::tempdir().unwrap();
        let before = Secrets::load_or_create(dir.path()).unwrap();
        for file in [LOG_FILE, ATTEST_FILE, ATTEST_PUBLIC_FILE] {
            std::fs::remove_file(dir.path().join(file)).unwrap();
        }
        let mut old = Secrets::load_or_create(dir.path()).unwrap();
        assert!(old.attest(dir.path()).is_err());
        assert!(old.log_signer(dir.path(), "o").is_err());
        assert_eq!(old.complete(dir.path()).unwrap(), [LOG_FILE, ATTEST_FILE]);
        assert_eq!(old.fingerprint(), before.fingerprint());
        assert_eq!(old.verifying(), before.verifying());
        let log = std::fs::read(dir.path().join(LOG_FILE)).unwrap();
        assert!(old.complete(dir.path()).unwrap().is_empty());
        assert_eq!(std::fs::read(dir.path().join(LOG_FILE)).unwrap(), log);
        let pem = std::fs::read_to_string(dir.path().join(ATTEST_PUBLIC_FILE)).unwrap();
        assert_eq!(
            VerifyingKey::from_public_key_pem(&pem).unwrap(),
            old.attest(dir.path()).unwrap().verifying_key()
        );
    }

    #[test]
    fn the_log_key_is_rotated_and_an_interrupted_rotation_goes_on_with_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path();
        let mut secrets = Secrets::load_or_create(keys).unwrap();
        let first = secrets.add_log(keys, "o").unwrap();
        assert_eq!(
            secrets.add_log(keys, "o").unwrap().verifier(),
            first.verifier()
        );
        let text = std::fs::read_to_string(keys.join(LOG_PUBLIC_FILE)).unwrap();
        assert_eq!(text, format!("{}\n", first.verifier().to_vkey()));
        let next = secrets.next_log_key(keys, "o").unwrap();
        let again = Secrets::load(keys)
            .unwrap()
            .next_log_key(keys, "o")
            .unwrap();
        assert_eq!(next.verifier(), again.verifier());
        assert_eq!(
            secrets.log_signer(keys, "o").unwrap().verifier(),
            first.verifier()
        );
        secrets.begin_rotation(keys, &next).unwrap();
        let both = Secrets::load(keys).unwrap().public();
        assert_eq!(both.log("o").count(), 2);
        secrets.end_rotation(keys, "o").unwrap();
        assert!(!Secrets::rotation_begun(keys).unwrap());
        assert_eq!(
            Secrets::load(keys).unwrap().public().logs,
            [next.verifier().clone()]
        );
        assert_eq!(
            secrets.log_signer(keys, "o").unwrap().verifier(),
            next.verifier()
        );
        secrets.add_log(keys, "p").unwrap();
        assert!(secrets.next_log_key(keys, "o").is_err());
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
