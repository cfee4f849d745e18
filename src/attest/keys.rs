//! The public half of an attestation key, as files name it.

use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use sha2::Digest as _;
use sha2::Sha256;

/// Id of a key: SHA-256, in hex, of its PEM text with the final line end, which is the file
/// `attest.pub`.
pub fn key_id(key: &VerifyingKey) -> String {
    // Every key has a PEM form; were there none, an id that fits no key says so.
    match key.to_public_key_pem(LineEnding::LF) {
        Ok(pem) => hex::encode(Sha256::digest(pem.as_bytes())),
        Err(_) => String::new(),
    }
}

/// Reads a public key in PEM; `None` for anything else.
pub fn public_key(pem: &str) -> Option<VerifyingKey> {
    match VerifyingKey::from_public_key_pem(pem) {
        Ok(key) if !key.is_weak() => Some(key),
        Ok(_) | Err(_) => None,
    }
}
