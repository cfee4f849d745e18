//! Walks a sealed database from end to end and compares everything with everything.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::StoreError;
use super::keys;
use super::keys::CLAIMS;
use super::keys::NAMES;
use super::keys::PackedClaim;
use super::keys::TEXTS;
use super::keys::TextList;
use super::keys::TextRow;
use super::look_up::IndexReader;
use super::segment;
use super::set_hash::SetHash;
use super::set_hash::claims_member_key;
use super::set_hash::member;
use super::set_hash::text_member_key;
use super::tag::Tag;

/// What a complete walk counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walked {
    /// Texts.
    pub texts: u64,
    /// Claims.
    pub claims: u64,
    /// Entries over all segments.
    pub entries: u64,
    /// Pairs of entry and text, common entries counted in full.
    pub postings: u64,
}

impl IndexReader {
    /// Reads every row and compares counts, set hash, filters and references; the first
    /// contradiction is the error. Time grows with the index; memory does not.
    pub fn walk(&self) -> Result<Walked, StoreError> {
        let mut walked = Walked::default();
        let mut set_hash = SetHash::default();
        let (text_key, claims_key) = (text_member_key(), claims_member_key());
        for row in self.store().scan(TEXTS, &[], None)? {
            let (key, value) = row?;
            let at = || format!("text {}", walked.texts);
            if keys::decode_text_key(&key).map_err(|bad| bad.at(at()))? != walked.texts {
                return Err(StoreError::corrupt("text numbers have a gap", at()));
            }
            TextRow::decode(&value).map_err(|bad| bad.at(at()))?;
            set_hash.add(&member(&text_key, &[&value]));
            walked.texts += 1;
        }
        let mut claimed = None;
        let mut texts_claimed = 0;
        for row in self.store().scan(CLAIMS, &[], None)? {
            let (key, value) = row?;
            let (text, source) =
                keys::decode_claims_key(&key).map_err(|bad| bad.at("the claims"))?;
            let at = || format!("claims of source {source} on text {text}");
            if text >= walked.texts || source >= self.state().next_source {
                return Err(StoreError::corrupt("a claim on or by nothing", at()));
            }
            let claims = PackedClaim::decode_all(&value).map_err(|bad| bad.at(at()))?;
            walked.claims += claims.len() as u64;
            set_hash.add(&member(&claims_key, &[&key, &value]));
            if claimed.replace(text) != Some(text) {
                texts_claimed += 1;
            }
        }
        for (&number, live) in self.all_segments() {
            let (mut entries, mut postings) = (0, 0);
            for entry in segment::stored_entries(self.store(), number, &live.row)? {
                let (hash, list) = entry?;
                let at = || format!("segment {number}, entry {hash:016x}");
                let tag = live.tag_of(number, hash)?;
                if tag != Tag::of_list(&list, false) && tag != Tag::of_list(&list, true) {
                    return Err(StoreError::corrupt("the filter has another tag", at()));
                }
                if let TextList::Texts(texts) = &list {
                    let distinct: BTreeSet<_> = texts.iter().collect();
                    if distinct.len() != texts.len()
                        || texts.iter().any(|&text| text >= walked.texts)
                    {
                        return Err(StoreError::corrupt("a posting of no text", at()));
                    }
                }
                entries += 1;
                postings += list.count();
            }
            if (entries, postings) != (live.row.entries, live.row.postings) {
                return Err(StoreError::corrupt(
                    "the segment's counts are not those of its row",
                    format!("segment {number}"),
                ));
            }
            walked.entries += entries;
            walked.postings += postings;
        }
        self.walk_names()?;
        let state = self.state();
        if walked.texts != state.next_text
            || texts_claimed != walked.texts
            || walked.claims != state.claims
            || set_hash != state.set_hash
        {
            return Err(StoreError::corrupt(
                format!(
                    "counts or set hash differ: {} texts, {texts_claimed} with claims, {} claims; the state has {} texts, {} claims",
                    walked.texts, walked.claims, state.next_text, state.claims
                ),
                self.store().path().display().to_string(),
            ));
        }
        let live = self
            .sources()
            .iter()
            .filter(|source| source.withdrawn_at.is_none());
        let (mut sources, mut records) = (0_u32, 0_u64);
        for source in live {
            sources += 1;
            records += source.records;
        }
        if (sources, records) != (state.live_sources, state.records) {
            return Err(StoreError::corrupt(
                "the state's sources or records are not those of the source rows",
                self.store().path().display().to_string(),
            ));
        }
        Ok(walked)
    }

    /// Every source has its name, and no name stands for nothing.
    fn walk_names(&self) -> Result<(), StoreError> {
        let mut names = BTreeMap::new();
        for row in self.store().scan(NAMES, &[], None)? {
            let (name, source) = row?;
            names.insert(name.into_vec(), source.into_vec());
        }
        let sources: BTreeMap<Vec<u8>, Vec<u8>> = self
            .sources()
            .iter()
            .map(|source| {
                (
                    source.name.clone().into_bytes(),
                    source.id.0.to_be_bytes().to_vec(),
                )
            })
            .collect();
        if names == sources && sources.len() == self.sources().len() {
            return Ok(());
        }
        Err(StoreError::corrupt(
            "the names are not those of the source rows",
            self.store().path().display().to_string(),
        ))
    }
}
