//! Files as the graph knows them: by their digest.

use std::fs::File;
use std::io;
use std::io::Read as _;

use anyhow::Context as _;
use anyhow::anyhow;
use rayon::iter::IntoParallelIterator as _;
use rayon::iter::ParallelIterator as _;
use sha2::Digest as _;
use sha2::Sha256;

use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::inputs;
use crate::model::lineage::NodeClaim;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::read::InputPath;

/// Bytes read at a time. Chosen.
const BUFFER_BYTES: usize = 1 << 20;

/// A file that was read to its end.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Hashed {
    /// As it was named.
    pub(in crate::cli) path: String,
    /// SHA-256, hex.
    pub(in crate::cli) sha256: String,
    /// Bytes.
    pub(in crate::cli) bytes: u64,
}

impl Hashed {
    /// Its node.
    pub(in crate::cli) fn node(&self) -> NodeRef {
        NodeRef::new(NodeKind::File, &self.sha256)
    }

    /// What is stated of it.
    pub(in crate::cli) fn claim(&self) -> NodeClaim {
        NodeClaim {
            node: self.node(),
            facts: NodeFacts {
                label: Some(self.path.clone()),
                digest: Some(self.sha256.clone()),
                bytes: Some(self.bytes),
                ..NodeFacts::default()
            },
        }
    }
}

/// Digests of every file that paths, folders and globs name, in that order.
pub(in crate::cli) fn hashed(paths: &[String]) -> Result<Vec<Hashed>, Failure> {
    let mut named = Vec::new();
    for input in inputs::expand(paths) {
        named.push(input.or_undecided()?);
    }
    let all: Result<Vec<Hashed>, anyhow::Error> = (&named).into_par_iter().map(hash).collect();
    all.or_undecided()
}

fn hash(input: &InputPath) -> Result<Hashed, anyhow::Error> {
    let path = input.name.to_string();
    let Some(real) = &input.path else {
        return Err(anyhow!(
            "standard input has no name to be known by: write it to a file first"
        ));
    };
    let failed = || format!("cannot read {path}");
    let mut file = File::open(real).with_context(failed)?;
    let mut sha = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(failed),
        };
        sha.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
    Ok(Hashed {
        path,
        sha256: hex::encode(sha.finalize()),
        bytes,
    })
}

/// Digest of a set of files: SHA-256 over the digests of all, sorted, each on a line. Names and
/// order do not matter.
pub(in crate::cli) fn digest_of(files: &[Hashed]) -> String {
    let mut digests: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
    digests.sort_unstable();
    let mut sha = Sha256::new();
    for digest in digests {
        sha.update(digest);
        sha.update(b"\n");
    }
    hex::encode(sha.finalize())
}
