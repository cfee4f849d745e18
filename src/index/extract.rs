//! Whole sources read back, text by text, with the grams of each.
//!
//! Postings say which texts hold a gram; this turns them round. One scan over all postings serves as
//! many texts as memory is given for; more texts take more scans. Texts come in the order of a value
//! that the caller makes of their exact digest, so that what is written of them says nothing about
//! the order in which they were registered.

use std::collections::BTreeSet;

use super::StoreError;
use super::keys;
use super::keys::CLAIMS;
use super::keys::PackedClaim;
use super::keys::TextList;
use super::keys::TextRow;
use super::keys::WordCount;
use super::look_up::IndexReader;
use super::look_up::TextId;
use super::look_up::texts;
use super::segment;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::NOT_EVIDENCE;
use crate::model::SourceId;

/// Grams held in memory at once. Chosen: 64 MB, and as much again for what stands around them.
pub const EXTRACT_GRAMS: u64 = 8 << 20;
/// Text rows fetched at once. Chosen: some hundred kilobytes.
const ROWS_PER_FETCH: usize = 256;
/// Most grams that a short text has, and letters that one gram of a long one stands for, rounded
/// down: how many texts a scan is made for is an estimate.
const SHORT_GRAMS: u64 = 16;
const LONG_LETTERS: u64 = 28;

/// One text, as far as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// Keyed digest of the normal form.
    pub exact: [u8; 16],
    /// Bytes of the normal form.
    pub normal_bytes: u32,
    /// Its words, counted.
    pub words: WordCount,
    /// Keyed grams, ascending; those of which only the number of texts was kept are missing.
    pub grams: Vec<u64>,
    /// Where each of the sources holds it.
    pub claims: Vec<(SourceId, Vec<PackedClaim>)>,
}

/// The claims on one text, source by source.
type OfText = Vec<(SourceId, Vec<PackedClaim>)>;

/// A text whose grams are being collected.
struct Item {
    text: u64,
    order: [u8; 16],
    entry: u64,
    extracted: Extracted,
}

impl IndexReader {
    /// Hands over every text that one of `sources` claims, ascending by what `order` makes of its
    /// exact digest. Returns how many entries are common, so that their lists are lost.
    ///
    /// Memory follows `grams_at_once`, which is [`EXTRACT_GRAMS`] but in tests; time follows the
    /// whole index, once for every so many grams.
    pub fn extract<E: From<StoreError>>(
        &self,
        sources: &[SourceId],
        order: impl Fn([u8; 16]) -> [u8; 16],
        grams_at_once: u64,
        mut each: impl FnMut(Extracted) -> Result<(), E>,
    ) -> Result<u64, E> {
        let sources: BTreeSet<u32> = sources.iter().map(|source| source.0).collect();
        let mut expected = 0_u64;
        self.claimed_texts(&sources, |_, row, _| {
            let letters = u64::from(row.normal_bytes);
            expected = expected.saturating_add(SHORT_GRAMS + letters / LONG_LETTERS);
        })?;
        let passes = expected.div_ceil(grams_at_once.max(1)).max(1);
        let mut common = 0;
        for pass in 0..passes {
            let mut items = Vec::new();
            self.claimed_texts(&sources, |text, row, claims| {
                let order = order(row.exact);
                if pass_of(order, passes) == pass {
                    items.push(item(text, order, &row, claims));
                }
            })?;
            common = self.collect(&mut items)?;
            items.sort_unstable_by_key(|item| item.order);
            for item in items {
                each(item.extracted)?;
            }
        }
        Ok(common)
    }

    /// Every text with claims of these sources, by number, and those claims.
    fn claimed_texts(
        &self,
        sources: &BTreeSet<u32>,
        mut each: impl FnMut(u64, TextRow, OfText),
    ) -> Result<(), StoreError> {
        let mut found: Vec<(TextId, OfText)> = Vec::new();
        let mut flush = |found: &mut Vec<(TextId, OfText)>| {
            let ids: Vec<TextId> = found.iter().map(|(text, _)| *text).collect();
            let rows = texts(self.store(), &ids)?;
            for ((text, claims), row) in found.drain(..).zip(rows) {
                each(text.0, row, claims);
            }
            Ok::<_, StoreError>(())
        };
        for row in self.store().scan(CLAIMS, &[], None)? {
            let (key, value) = row?;
            let (text, source) =
                keys::decode_claims_key(&key).map_err(|bad| bad.at("the claims"))?;
            if !sources.contains(&source) {
                continue;
            }
            let claims = PackedClaim::decode_all(&value)
                .map_err(|bad| bad.at(format!("claims of source {source} on text {text}")))?;
            match found.last_mut() {
                Some((last, of_text)) if last.0 == text => {
                    of_text.push((SourceId(source), claims));
                }
                _ => {
                    if found.len() >= ROWS_PER_FETCH {
                        flush(&mut found)?;
                    }
                    found.push((TextId(text), vec![(SourceId(source), claims)]));
                }
            }
        }
        flush(&mut found)
    }

    /// Gives each text its grams; the texts ascend by number. Returns how many entries are common.
    fn collect(&self, items: &mut [Item]) -> Result<u64, StoreError> {
        let mut common = 0;
        for (&number, live) in self.all_segments() {
            for entry in segment::stored_entries(self.store(), number, &live.row)? {
                let (hash, list) = entry?;
                let TextList::Texts(texts) = list else {
                    common += 1;
                    continue;
                };
                for text in texts {
                    let Ok(place) = items.binary_search_by_key(&text, |item| item.text) else {
                        continue;
                    };
                    if let Some(item) = items.get_mut(place)
                        && item.entry != hash
                    {
                        item.extracted.grams.push(hash);
                    }
                }
            }
        }
        for item in items {
            item.extracted.grams.sort_unstable();
            item.extracted.grams.dedup();
        }
        Ok(common)
    }
}

/// Which of the scans a text is part of: equal parts of all that a digest can be, in its order.
fn pass_of(order: [u8; 16], passes: u64) -> u64 {
    let upper = u128::from_be_bytes(order) >> 64;
    u64::try_from((upper * u128::from(passes)) >> 64).unwrap_or(u64::MAX)
}

fn item(text: u64, order: [u8; 16], row: &TextRow, claims: OfText) -> Item {
    let count = |words: usize| u32::try_from(words).unwrap_or(u32::MAX);
    let words = row.counted.unwrap_or_else(|| WordCount {
        words: count(row.words.len()),
        own: count(
            row.words
                .iter()
                .filter(|word| **word != NOT_EVIDENCE)
                .count(),
        ),
    });
    Item {
        text,
        order,
        entry: ExactDigest(row.exact).entry(),
        extracted: Extracted {
            exact: row.exact,
            normal_bytes: row.normal_bytes,
            words,
            grams: Vec::new(),
            claims,
        },
    }
}
