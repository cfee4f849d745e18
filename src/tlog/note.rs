//! Signed notes: text with Ed25519 signatures below it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signature;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use sha2::Digest as _;
use sha2::Sha256;

/// Largest note that is read. Chosen: a checkpoint with sixteen large foreign signatures fits.
pub const NOTE_BYTES_MAX: usize = 128 << 10;
/// Most signature lines that are read. Chosen, as Go's `note` does; the format asks for sixteen.
const SIGNATURES_MAX: usize = 100;
/// Type byte of a plain Ed25519 key. Cited: C2SP signed-note.
const ED25519: u8 = 1;

/// A note or a key that is not one, or is not signed as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Not a note at all.
    #[error("it is no signed note: {0}")]
    Malformed(&'static str),
    /// Not a verifier key.
    #[error("it is no verifier key (NAME+HASH+KEY): {0}")]
    Key(&'static str),
    /// No signature by the key.
    #[error("it bears no signature by {name}+{id}")]
    Unsigned {
        /// Key name.
        name: String,
        /// Key id, hex.
        id: String,
    },
    /// A signature that claims the key does not verify.
    #[error("its signature by {name}+{id} does not verify: text or signature were changed")]
    Bad {
        /// Key name.
        name: String,
        /// Key id, hex.
        id: String,
    },
}

/// A public key with its name: what verifies notes.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_vkey())
    }
}

impl Verifier {
    /// A key under a name, which is not empty and has neither white space, control characters nor
    /// a plus sign.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Key(
                "its name is empty, or has a space or a plus",
            ));
        }
        let name = name.to_owned();
        Ok(Self { name, key })
    }

    /// Reads `NAME+HASH+KEY`.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it has not three parts"));
        };
        let key = STANDARD
            .decode(key)
            .map_err(|_| NoteError::Key("its key is not base64"))?;
        let Some((&ED25519, key)) = key.split_first() else {
            return Err(NoteError::Key("its key is not of type Ed25519"));
        };
        let key = <[u8; 32]>::try_from(key)
            .map_err(|_| NoteError::Key("its key does not have 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&key)
            .map_err(|_| NoteError::Key("its key is no point of the curve"))?;
        let verifier = Self::new(name, key)?;
        if verifier.id_hex() != id {
            return Err(NoteError::Key("its hash is not that of name and key"));
        }
        Ok(verifier)
    }

    /// The text form, `NAME+HASH+KEY`.
    pub fn to_vkey(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        format!("{}+{}+{}", self.name, self.id_hex(), STANDARD.encode(key))
    }

    /// Key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Key id: the first four bytes of a hash over name, type and key.
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    fn id_hex(&self) -> String {
        hex::encode(self.id())
    }
}

/// A private key with its name: what signs notes. `Debug` shows the public half.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verifier.fmt(f)
    }
}

impl Signer {
    /// A key under a name; see [`Verifier::new`].
    pub fn new(name: &str, key: SigningKey) -> Result<Self, NoteError> {
        let verifier = Verifier::new(name, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs a text, which ends with a line end and has no other control characters. Returns the
    /// whole note.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if !text.ends_with('\n') || has_control(text) {
            return Err(NoteError::Malformed(
                "its text does not end with a line end, or has control characters",
            ));
        }
        let mut signature = self.verifier.id().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        Ok(format!(
            "{text}\n\u{2014} {} {}\n",
            self.verifier.name,
            STANDARD.encode(signature)
        ))
    }
}

/// Opens a note: its text, once a signature by `verifier` has been verified. Signatures by other
/// keys are passed over, as the format asks; one that claims the key and does not verify fails the
/// note.
pub fn open_note<'n>(note: &'n str, verifier: &Verifier) -> Result<&'n str, NoteError> {
    let (name, id) = (verifier.name.clone(), verifier.id_hex());
    let mut signed = false;
    let (text, signatures) = parts(note)?;
    for (by, signature) in signatures {
        let Some((key_id, signature)) = signature.split_first_chunk::<4>() else {
            return Err(NoteError::Malformed("a signature is too short"));
        };
        if by != verifier.name || *key_id != verifier.id() {
            continue;
        }
        let holds = match <[u8; 64]>::try_from(signature) {
            Ok(bytes) => verifier
                .key
                .verify_strict(text.as_bytes(), &Signature::from_bytes(&bytes))
                .is_ok(),
            Err(_) => false,
        };
        if !holds {
            return Err(NoteError::Bad { name, id });
        }
        signed = true;
    }
    if signed {
        Ok(text)
    } else {
        Err(NoteError::Unsigned { name, id })
    }
}

/// Text of a note, and the name and bytes of each signature. Nothing is verified.
#[expect(
    clippy::type_complexity,
    reason = "text, then name and bytes of each signature"
)]
pub(super) fn parts(note: &str) -> Result<(&str, Vec<(&str, Vec<u8>)>), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("it is too long"));
    }
    if has_control(note) {
        return Err(NoteError::Malformed("it has control characters"));
    }
    let Some(end) = note.rfind("\n\n") else {
        return Err(NoteError::Malformed("it has no blank line"));
    };
    let (text, lines) = match (note.get(..=end), note.get(end + 2..)) {
        (Some(text), Some(lines)) if lines.ends_with('\n') => (text, lines),
        _ => {
            return Err(NoteError::Malformed(
                "it does not end with a signature line",
            ));
        }
    };
    let mut signatures = Vec::new();
    for line in lines.lines() {
        let signature = line
            .strip_prefix("\u{2014} ")
            .and_then(|line| line.split_once(' '));
        let Some((name, signature)) = signature.filter(|(name, _)| is_name(name)) else {
            return Err(NoteError::Malformed(
                "a line below its text is no signature",
            ));
        };
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| NoteError::Malformed("a signature is not base64"))?;
        signatures.push((name, signature));
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
    }
    Ok((text, signatures))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !has_control(name)
        && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}
