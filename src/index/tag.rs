//! Eight bits beside every entry of a filter: what one can tell of an entry's texts from memory.
//!
//! A gram of clean text often stands in *some* registered text: chance hits grow with the index,
//! and a look-up on disk costs a thousand times a probe. So an entry's tag names one of 254
//! **buckets** that its smallest text falls into. Grams of one registered text mostly agree on a
//! bucket (near copies that were registered later share the smallest text), grams that met by
//! chance do not; a check looks up only grams that agree.
//!
//! Two tags stand apart. [`Tag::ALONE`]: some text of the entry has so few grams that there may be
//! no second one to agree with. [`Tag::COMMON`]: more than [`super::DF_CAP`] texts, no evidence.

use super::keys::TextList;

/// Grams up to which a text's grams are [`Tag::ALONE`]. Chosen: an excerpt or an edited copy of
/// so short a text often keeps one gram only.
pub const ALONE_GRAMS: usize = 4;
/// Texts up to which an entry can be [`Tag::ALONE`]. Chosen: a gram of more texts is a phrase,
/// whose single occurrence says little of any one of them.
pub const ALONE_TEXTS: usize = 8;

/// What the filter says of an entry. See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u8);

impl Tag {
    /// At most [`ALONE_TEXTS`] texts, and one of them has at most [`ALONE_GRAMS`] grams: one hit
    /// is reason enough to look the entry up.
    pub const ALONE: Self = Self(0);
    /// More than [`super::DF_CAP`] texts: no evidence.
    pub const COMMON: Self = Self(1);
    /// Number of buckets; [`Self::bucket`] is below.
    pub const BUCKETS: u8 = 254;

    /// The bucket of a text.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the product's upper half is below 254"
    )]
    pub fn of_text(text: u64) -> Self {
        // Consecutive numbers must not share buckets in any pattern: the finaliser of splitmix64.
        let mixed = (text ^ (text >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        let bucket = (u128::from(mixed) * u128::from(Self::BUCKETS)) >> 64;
        Self(2 + bucket as u8)
    }

    /// The tag of an entry. `alone`: one of its texts has at most [`ALONE_GRAMS`] grams.
    pub(crate) fn of_list(list: &TextList, alone: bool) -> Self {
        match list {
            TextList::Common(_) => Self::COMMON,
            TextList::Texts(texts) => Self::of_texts(texts, alone),
        }
    }

    /// As [`Self::of_list`], of texts that are not more than the cap.
    pub(crate) fn of_texts(texts: &[u64], alone: bool) -> Self {
        if alone && texts.len() <= ALONE_TEXTS {
            return Self::ALONE;
        }
        // Lists ascend, and an entry has a text.
        texts
            .first()
            .map_or(Self::COMMON, |&text| Self::of_text(text))
    }

    /// The bucket, below [`Self::BUCKETS`]; none for [`Self::ALONE`] and [`Self::COMMON`].
    #[inline]
    pub fn bucket(self) -> Option<u8> {
        self.0.checked_sub(2)
    }

    /// The byte stored: 0 alone, 1 common, else 2 + bucket.
    #[inline]
    pub fn byte(self) -> u8 {
        self.0
    }

    /// Every byte is a tag.
    #[inline]
    pub(crate) fn from_byte(byte: u8) -> Self {
        Self(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_tag_do_not_overlap() {
        assert_eq!((Tag::ALONE.bucket(), Tag::COMMON.bucket()), (None, None));
        assert_ne!(Tag::ALONE, Tag::COMMON);
        let mut seen = [0_u32; 254];
        for text in 0..254_000 {
            seen[usize::from(Tag::of_text(text).bucket().unwrap())] += 1;
        }
        // 1000 expected in each; six standard deviations are 190.
        assert!(
            seen.iter().all(|&count| (810..1190).contains(&count)),
            "{seen:?}"
        );
    }

    #[test]
    fn neighbouring_texts_agree_no_more_often_than_chance() {
        for step in [1, 2, 254, 256, 65_536] {
            let same = (0..100_000)
                .filter(|&text| Tag::of_text(text) == Tag::of_text(text + step))
                .count();
            // 394 expected at 1 in 254; six standard deviations are 119.
            assert!((275..513).contains(&same), "{same} at step {step}");
        }
    }

    #[test]
    fn the_list_decides() {
        let texts = |count: u64| TextList::Texts((7..7 + count).collect());
        assert_eq!(Tag::of_list(&texts(8), true), Tag::ALONE);
        assert_eq!(Tag::of_list(&texts(9), true), Tag::of_text(7));
        assert_eq!(Tag::of_list(&texts(8), false), Tag::of_text(7));
        assert_eq!(Tag::of_list(&TextList::Common(300), true), Tag::COMMON);
    }
}
