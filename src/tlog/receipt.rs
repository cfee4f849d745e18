//! Receipts (C2SP tlog-proof): one entry's place in a log, provable offline.

use super::checkpoint::Checkpoint;
use super::checkpoint::CheckpointError;
use super::hash::Hash;
use super::hash::leaf_hash;
use super::note::Verifier;
use super::proof::ProofError;
use super::proof::verify_inclusion;

/// First line of a receipt.
const HEAD: &str = "c2sp.org/tlog-proof@v1";
/// Hashes of the longest proof there can be.
const PROOF_HASHES_MAX: usize = 64;

/// An entry's number, the proof that it is in the tree, and the signed checkpoint of that tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the entry, from 0.
    pub index: u64,
    /// From the leaf's neighbour up.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// A receipt that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("it is no receipt: {0}")]
    Malformed(&'static str),
    /// The checkpoint in it.
    #[error("its checkpoint is not to be trusted: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof in it.
    #[error("its proof does not hold for this entry: {0}")]
    Proof(#[from] ProofError),
}

impl Receipt {
    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\nindex {}\n", self.index);
        for hash in &self.proof {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a receipt. An `extra` line is refused: it would be signed by nobody, and herdbook
    /// writes none.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let Some((head, checkpoint)) = text.split_once("\n\n") else {
            return Err(ReceiptError::Malformed("it has no blank line"));
        };
        let mut lines = head.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(ReceiptError::Malformed(
                "its first line is not c2sp.org/tlog-proof@v1",
            ));
        }
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(ReceiptError::Malformed("its second line is no index"))?
            .parse()
            .map_err(|_| ReceiptError::Malformed("its index is no number"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_HASHES_MAX {
                return Err(ReceiptError::Malformed("its proof is too long"));
            }
            let hash = Hash::from_base64(line)
                .ok_or(ReceiptError::Malformed("a line of its proof is no hash"))?;
            proof.push(hash);
        }
        let receipt = Self {
            index,
            proof,
            checkpoint: checkpoint.to_owned(),
        };
        if receipt.to_text() != text {
            return Err(ReceiptError::Malformed(
                "its numbers are not spelt as they must be",
            ));
        }
        Ok(receipt)
    }

    /// Verifies that `entry` stands in the log that the key is named after, where the receipt says.
    /// Returns the checkpoint that proves it.
    pub fn verify(&self, entry: &[u8], verifier: &Verifier) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, verifier)?;
        verify_inclusion(
            &self.proof,
            self.index,
            leaf_hash(entry),
            checkpoint.size,
            checkpoint.root,
        )?;
        Ok(checkpoint)
    }
}
