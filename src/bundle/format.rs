//! The texts of a bundle, byte by byte. `docs/bundles.md` has the same in prose.

use super::BundleError;
use super::manifest::SharedSource;
use crate::index::PackedClaim;
use crate::index::WordCount;
use crate::index::bytes::Cursor;
use crate::index::bytes::Malformed;
use crate::index::bytes::put_varint;

/// Bytes after which a block is ended. Chosen: some five thousand texts.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// Largest block. Chosen: room for one text of [`GRAMS_MAX`].
pub(super) const BLOCK_BYTES_MAX: u64 = 64 << 20;
/// Most grams of one text. Chosen: those of a text of 100 MB.
pub(super) const GRAMS_MAX: u64 = 8 << 20;
/// Most claims on one text, of all sources. Chosen: a source keeps 64 places and one of each model.
pub(super) const CLAIMS_MAX: u64 = 1 << 20;
/// Bytes of a gram: its upper 48 bits.
const GRAM_BYTES: usize = 6;

/// One text as a bundle carries it, under the bundle's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedText {
    /// Keyed digest of the normal form.
    pub exact: [u8; 16],
    /// Bytes of the normal form, at least 1.
    pub normal_bytes: u32,
    /// Its words, counted.
    pub words: WordCount,
    /// Keyed grams, ascending, each once: not in the order of the text.
    pub grams: Vec<u64>,
    /// Where the sources hold it, ascending by source, then place; at least one.
    pub claims: Vec<SharedClaim>,
}

/// One place where a source of the bundle holds a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedClaim {
    /// Index into the manifest's sources.
    pub source: u32,
    /// Numbers of file, row and column there, and the model.
    pub claim: PackedClaim,
}

impl SharedText {
    /// Appends the bytes of the text.
    pub(super) fn put(&self, out: &mut Vec<u8>) -> Result<(), BundleError> {
        for (what, count, max) in [
            ("grams", self.grams.len() as u64, GRAMS_MAX),
            ("claims", self.claims.len() as u64, CLAIMS_MAX),
        ] {
            if count > max {
                return Err(BundleError::Limit {
                    what: format!("a text with {count} {what} has more than {max}"),
                });
            }
        }
        out.extend_from_slice(&self.exact);
        put_varint(out, u64::from(self.normal_bytes));
        put_varint(out, u64::from(self.words.words));
        put_varint(out, u64::from(self.words.own));
        put_varint(out, self.grams.len() as u64);
        for gram in &self.grams {
            let bytes = gram.to_be_bytes();
            out.extend_from_slice(bytes.get(..GRAM_BYTES).unwrap_or_default());
        }
        put_varint(out, self.claims.len() as u64);
        for each in &self.claims {
            put_varint(out, u64::from(each.source));
            put_varint(out, u64::from(each.claim.file));
            put_varint(out, each.claim.row);
            put_varint(out, u64::from(each.claim.column));
            put_varint(
                out,
                each.claim.model.map_or(0, |model| u64::from(model) + 1),
            );
        }
        Ok(())
    }

    /// Reads a text; `sources` are those of the manifest. Asks for no more memory than the bytes
    /// that are there can fill.
    pub(super) fn take(
        cursor: &mut Cursor<'_>,
        sources: &[SharedSource],
    ) -> Result<Self, Malformed> {
        const WHAT: &str = "a text is cut short";
        let exact = cursor.array(WHAT)?;
        let normal_bytes = cursor.varint_u32(WHAT)?;
        let words = WordCount {
            words: cursor.varint_u32(WHAT)?,
            own: cursor.varint_u32(WHAT)?,
        };
        if normal_bytes == 0 || words.words > normal_bytes || words.own > words.words {
            return Err(Malformed("lengths that no text has"));
        }
        let count = cursor.varint(WHAT)?;
        // Of two streams a text selects at most one gram in each position.
        if count > GRAMS_MAX || count > 2 * u64::from(normal_bytes) {
            return Err(Malformed("more grams than the text has room for"));
        }
        let bytes = usize::try_from(count).map_err(|_| Malformed(WHAT))? * GRAM_BYTES;
        let (grams, _) = cursor.take(bytes, WHAT)?.as_chunks::<GRAM_BYTES>();
        let grams: Vec<u64> = grams
            .iter()
            .map(|[a, b, c, d, e, f]| u64::from_be_bytes([*a, *b, *c, *d, *e, *f, 0, 0]))
            .collect();
        if !grams.is_sorted_by(|one, two| one < two) {
            return Err(Malformed("grams out of order"));
        }
        let count = cursor.varint(WHAT)?;
        if count == 0 || count > CLAIMS_MAX {
            return Err(Malformed("a text without claims or with too many"));
        }
        let mut claims: Vec<SharedClaim> = Vec::new();
        for _ in 0..count {
            let claim = take_claim(cursor, sources)?;
            if claims.last().is_some_and(|last| *last >= claim) {
                return Err(Malformed("claims out of order"));
            }
            claims.push(claim);
        }
        Ok(Self {
            exact,
            normal_bytes,
            words,
            grams,
            claims,
        })
    }
}

fn take_claim(cursor: &mut Cursor<'_>, sources: &[SharedSource]) -> Result<SharedClaim, Malformed> {
    const WHAT: &str = "a claim is cut short";
    let source = cursor.varint_u32(WHAT)?;
    let claim = PackedClaim {
        file: cursor.varint_u32(WHAT)?,
        row: cursor.varint(WHAT)?,
        column: cursor.varint_u32(WHAT)?,
        model: match cursor.varint(WHAT)? {
            0 => None,
            model => Some(u32::try_from(model - 1).map_err(|_| Malformed(WHAT))?),
        },
    };
    let of = usize::try_from(source).map_or(None, |source| sources.get(source));
    let known = of.is_some_and(|of| {
        let model = claim
            .model
            .is_none_or(|model| (model as usize) < of.models.len());
        model && claim.file < of.files && claim.column < of.columns
    });
    if known {
        Ok(SharedClaim { source, claim })
    } else {
        Err(Malformed(
            "a claim of a source, file, column or model that the manifest does not have",
        ))
    }
}
