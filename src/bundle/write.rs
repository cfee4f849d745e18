//! Writing a bundle: the blocks to a scratch file, then the manifest that lists them in front.

use std::fs::File;
use std::io::BufReader;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;

use ed25519_dalek::SigningKey;

use super::BundleError;
use super::format::BLOCK_BYTES;
use super::format::BLOCK_BYTES_MAX;
use super::format::SharedText;
use super::manifest;
use super::manifest::BUNDLE_FORMAT;
use super::manifest::Block;
use super::manifest::MAGIC;
use super::manifest::Manifest;
use super::manifest::SharedSource;

/// A bundle being written.
pub struct BundleWriter {
    scratch: File,
    block: Vec<u8>,
    blocks: Vec<Block>,
    texts: u64,
    grams: u64,
    last: Option<[u8; 16]>,
    sources: Vec<SharedSource>,
}

impl BundleWriter {
    /// The scratch file goes to `dir` and vanishes with the writer. The numbers of texts and claims
    /// of `sources` are counted here.
    pub fn new(dir: &Path, mut sources: Vec<SharedSource>) -> Result<Self, BundleError> {
        for source in &mut sources {
            (source.texts, source.claims) = (0, 0);
        }
        Ok(Self {
            scratch: tempfile::tempfile_in(dir).map_err(BundleError::io("begin"))?,
            block: Vec::new(),
            blocks: Vec::new(),
            texts: 0,
            grams: 0,
            last: None,
            sources,
        })
    }

    /// Adds a text; they come in ascending order of their digest.
    pub fn add(&mut self, text: &SharedText) -> Result<(), BundleError> {
        if self
            .last
            .replace(text.exact)
            .is_some_and(|last| last >= text.exact)
        {
            return Err(BundleError::damaged(
                "texts out of order",
                "where it is written",
            ));
        }
        text.put(&mut self.block)?;
        self.texts += 1;
        self.grams += text.grams.len() as u64;
        for claims in text.claims.chunk_by(|one, two| one.source == two.source) {
            let source = claims
                .first()
                .map_or(usize::MAX, |first| first.source as usize);
            let Some(source) = self.sources.get_mut(source) else {
                return Err(BundleError::damaged(
                    "a claim of no source",
                    "where it is written",
                ));
            };
            source.texts += 1;
            source.claims += claims.len() as u64;
        }
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> Result<(), BundleError> {
        let bytes = self.block.len() as u64;
        if bytes > BLOCK_BYTES_MAX {
            return Err(BundleError::Limit {
                what: format!("a text that takes {bytes} bytes is larger than {BLOCK_BYTES_MAX}"),
            });
        }
        self.scratch
            .write_all(&self.block)
            .map_err(BundleError::io("write"))?;
        self.blocks.push(Block {
            bytes,
            blake3: blake3::hash(&self.block).to_hex().to_string(),
        });
        self.block.clear();
        Ok(())
    }

    /// Writes the bundle; its manifest, and the digest of that. What stands in `made` is taken over
    /// but for the counts, the sources and the blocks.
    pub fn finish(
        mut self,
        made: Manifest,
        key: &SigningKey,
        out: &mut impl Write,
    ) -> Result<(Manifest, String), BundleError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let manifest = Manifest {
            format: BUNDLE_FORMAT,
            texts: self.texts,
            grams: self.grams,
            sources: self.sources,
            blocks: self.blocks,
            ..made
        };
        manifest.sound()?;
        let bytes = manifest.to_bytes()?;
        let length = u32::try_from(bytes.len()).map_err(|_| BundleError::Limit {
            what: "a manifest of more than 2^32 bytes".to_owned(),
        })?;
        let signature = manifest::sign(&bytes, key);
        let parts: [&[u8]; 5] = [
            &MAGIC,
            &BUNDLE_FORMAT.to_be_bytes(),
            &length.to_be_bytes(),
            &bytes,
            &signature,
        ];
        for part in parts {
            out.write_all(part).map_err(BundleError::io("write"))?;
        }
        self.scratch
            .seek(SeekFrom::Start(0))
            .map_err(BundleError::io("read back"))?;
        std::io::copy(&mut BufReader::new(&self.scratch), out).map_err(BundleError::io("write"))?;
        Ok((manifest, manifest::digest(&bytes)))
    }
}

/// A bundle of this manifest, whatever it says, and these blocks; its signature is true.
#[cfg(any(test, feature = "fuzzing"))]
#[expect(clippy::unwrap_used, reason = "only what is made up is written here")]
pub(crate) fn signed(manifest: &[u8], body: &[u8], key: &SigningKey) -> Vec<u8> {
    let length = u32::try_from(manifest.len()).unwrap();
    [
        &MAGIC[..],
        &BUNDLE_FORMAT.to_be_bytes(),
        &length.to_be_bytes(),
        manifest,
        &manifest::sign(manifest, key),
        body,
    ]
    .concat()
}
