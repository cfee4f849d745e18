//! Reading a bundle, which comes from outside: signature first, then digests, then bytes.

use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use ed25519_dalek::VerifyingKey;

use super::BundleError;
use super::format::SharedText;
use super::manifest;
use super::manifest::BUNDLE_FORMAT;
use super::manifest::MAGIC;
use super::manifest::MANIFEST_BYTES_MAX;
use super::manifest::Manifest;
use super::manifest::SIGNATURE_BYTES;
use crate::fingerprint::KeyCheck;
use crate::index::bytes::Cursor;

/// A bundle whose signature is that of the key given. Its texts are read, as often as wanted, by
/// [`Bundle::each`].
#[derive(Debug)]
pub struct Bundle<R> {
    reader: R,
    manifest: Manifest,
    digest: String,
    body: u64,
}

/// What a bundle has to be made with to be of use.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Recipe id of the index.
    pub recipe: &'a str,
    /// Unicode version of the index.
    pub unicode: &'a str,
    /// Check value of the bundle key.
    pub key: KeyCheck,
}

impl<R: Read + Seek> Bundle<R> {
    /// Reads the head: refuses another kind of file, another format, a signature that is not that of
    /// `key`, and a manifest that no bundle can have.
    pub fn open(mut reader: R, key: &VerifyingKey) -> Result<Self, BundleError> {
        let start = |source| BundleError::Io {
            doing: "read",
            source,
        };
        reader.seek(SeekFrom::Start(0)).map_err(start)?;
        let mut head = [0; 16];
        let read = fill(&mut reader, &mut head)?;
        let mut cursor = Cursor::new(&head);
        let magic = cursor
            .array::<8>("head")
            .map_err(|_| BundleError::NotABundle)?;
        if read < head.len() || magic != MAGIC {
            return Err(BundleError::NotABundle);
        }
        let number = |cursor: &mut Cursor<'_>| {
            let number = cursor.u32("head");
            number.map_err(|_| BundleError::NotABundle)
        };
        let format = number(&mut cursor)?;
        if format != BUNDLE_FORMAT {
            return Err(BundleError::Format {
                found: format,
                known: BUNDLE_FORMAT,
            });
        }
        let length = number(&mut cursor)?;
        if length > MANIFEST_BYTES_MAX {
            return Err(BundleError::Limit {
                what: format!("a manifest of {length} bytes is larger than {MANIFEST_BYTES_MAX}"),
            });
        }
        let bytes = some(&mut reader, u64::from(length), "in the manifest")?;
        let mut signature = [0; SIGNATURE_BYTES];
        if fill(&mut reader, &mut signature)? < SIGNATURE_BYTES {
            return Err(BundleError::damaged("it is cut short", "in the signature"));
        }
        manifest::verify(&bytes, &signature, key)?;
        let manifest = Manifest::parse(&bytes)?;
        if manifest.format != BUNDLE_FORMAT || manifest.public_key != hex::encode(key.to_bytes()) {
            return Err(BundleError::damaged(
                "format or public key are not those of the head",
                "in the manifest",
            ));
        }
        Ok(Self {
            reader,
            digest: manifest::digest(&bytes),
            manifest,
            body: head.len() as u64 + u64::from(length) + SIGNATURE_BYTES as u64,
        })
    }

    /// What it says of itself, signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its manifest, hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Refuses a bundle of another recipe, Unicode version or key, by name.
    pub fn accepts(&self, expected: &Expected<'_>) -> Result<(), BundleError> {
        for (what, found, wanted) in [
            ("recipe", &self.manifest.recipe, expected.recipe),
            ("Unicode", &self.manifest.unicode, expected.unicode),
        ] {
            if found != wanted {
                return Err(BundleError::Incompatible {
                    what,
                    found: found.clone(),
                    wanted: wanted.to_owned(),
                });
            }
        }
        let found = expected.key.to_string();
        if self.manifest.key_check != found {
            return Err(BundleError::WrongKey {
                found,
                wanted: self.manifest.key_check.clone(),
            });
        }
        Ok(())
    }

    /// Reads everything and compares every digest and count; nothing is handed on.
    pub fn verify(&mut self) -> Result<(), BundleError> {
        self.each(|_| Ok(()))
    }

    /// Hands over every text, block by block, each after its digest was compared. What was handed
    /// over counts only once this has returned: then no byte was missing, changed or added, and the
    /// counts are those of the manifest.
    pub fn each<E: From<BundleError>>(
        &mut self,
        mut each: impl FnMut(SharedText) -> Result<(), E>,
    ) -> Result<(), E> {
        self.reader
            .seek(SeekFrom::Start(self.body))
            .map_err(BundleError::io("read"))?;
        let sources = &self.manifest.sources;
        let mut counted: Vec<(u64, u64)> = vec![(0, 0); sources.len()];
        let (mut texts, mut grams) = (0_u64, 0_u64);
        let mut last: Option<[u8; 16]> = None;
        for (number, block) in self.manifest.blocks.iter().enumerate() {
            let at = || format!("in block {number}");
            let bytes = some(&mut self.reader, block.bytes, "in a block")?;
            if blake3::hash(&bytes).to_hex().as_str() != block.blake3 {
                return Err(BundleError::damaged("bytes were changed", at()).into());
            }
            let mut cursor = Cursor::new(&bytes);
            while !cursor.is_empty() {
                let text = SharedText::take(&mut cursor, sources)
                    .map_err(|bad| BundleError::damaged(bad.0, at()))?;
                if last
                    .replace(text.exact)
                    .is_some_and(|last| last >= text.exact)
                {
                    return Err(BundleError::damaged("texts out of order", at()).into());
                }
                texts += 1;
                grams += text.grams.len() as u64;
                for claims in text.claims.chunk_by(|one, two| one.source == two.source) {
                    let source = claims.first().map_or(usize::MAX, |one| one.source as usize);
                    if let Some((texts, places)) = counted.get_mut(source) {
                        *texts += 1;
                        *places += claims.len() as u64;
                    }
                }
                each(text)?;
            }
        }
        let mut more = [0];
        if fill(&mut self.reader, &mut more)? > 0 {
            return Err(BundleError::damaged("there are further bytes", "behind its end").into());
        }
        let stated = sources.iter().map(|source| (source.texts, source.claims));
        if !stated.eq(counted) || (texts, grams) != (self.manifest.texts, self.manifest.grams) {
            return Err(BundleError::damaged(
                "texts, grams or claims are not as many as it says",
                "in the manifest",
            )
            .into());
        }
        Ok(())
    }
}

/// Reads until the buffer is full or the input ends; how many bytes came.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, BundleError> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..)
        && !rest.is_empty()
    {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BundleError::io("read")(error)),
        }
    }
    Ok(read)
}

/// So many bytes; memory grows with what is there, not with what is said to be.
fn some(reader: &mut impl Read, count: u64, at: &'static str) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    reader
        .take(count)
        .read_to_end(&mut bytes)
        .map_err(BundleError::io("read"))?;
    if bytes.len() as u64 == count {
        Ok(bytes)
    } else {
        Err(BundleError::damaged("it is cut short", at))
    }
}
