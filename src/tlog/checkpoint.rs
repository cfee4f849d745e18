//! Checkpoints: the signed head of a log.

use super::hash::Hash;
use super::note::NoteError;
use super::note::Signer;
use super::note::Verifier;
use super::note::open_note;
use super::note::parts;

/// What a log says of itself: so many entries, with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
}

/// A checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is none of a checkpoint.
    #[error("its text is no checkpoint: {0}")]
    Malformed(&'static str),
    /// It is of another log than the key.
    #[error("it is a checkpoint of the log {found}, not of {expected}")]
    OtherLog {
        /// Origin found.
        found: String,
        /// Origin that the key stands for.
        expected: String,
    },
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }

    /// Reads the text that is signed, in exactly the spelling of [`Checkpoint::to_text`].
    /// Extension lines are refused: nobody can audit them, and this log writes none.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed("it has not three lines"));
        };
        let size = size
            .parse()
            .map_err(|_| CheckpointError::Malformed("its second line is no size"))?;
        let root = Hash::from_base64(root)
            .ok_or(CheckpointError::Malformed("its third line is no root hash"))?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size,
            root,
        };
        if origin.is_empty() || checkpoint.to_text() != text {
            return Err(CheckpointError::Malformed(
                "it is not origin, size and root, spelt as they must be, and nothing else",
            ));
        }
        Ok(checkpoint)
    }

    /// Signs it under the name of the log.
    pub fn sign(&self, signer: &Signer) -> Result<String, CheckpointError> {
        if signer.verifier().name() != self.origin {
            return Err(CheckpointError::OtherLog {
                found: self.origin.clone(),
                expected: signer.verifier().name().to_owned(),
            });
        }
        Ok(signer.sign(&self.to_text())?)
    }

    /// Verifies a signed checkpoint of the log that the key is named after.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(open_note(note, verifier)?)?;
        if checkpoint.origin != verifier.name() {
            return Err(CheckpointError::OtherLog {
                found: checkpoint.origin,
                expected: verifier.name().to_owned(),
            });
        }
        Ok(checkpoint)
    }

    /// Which log a signed checkpoint says it is of. Nothing is verified: this is for choosing the
    /// key to verify with.
    pub fn claimed_origin(note: &str) -> Result<String, CheckpointError> {
        Ok(Self::parse(parts(note)?.0)?.origin)
    }
}
