//! The canary: a text that every index holds, so that a scan can show that it would have found one.
//!
//! Words of random letters, drawn from the fingerprint key: nobody without the key can write it,
//! and it needs not be stored to be made again.

use super::ExactDigest;
use super::FingerprintKey;
use super::Gram;
use super::Recipe;
use super::Side;
use super::Sketcher;
use super::word_hashes;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::TextError;

/// Words of the canary. Chosen: 320 letters, beyond the run that is always looked up.
const WORDS: usize = 40;
/// Letters of a word. Chosen.
const LETTERS: usize = 8;

/// The text that an index of this key holds for itself.
pub fn canary_text(key: &FingerprintKey) -> String {
    let mut letters = [0; WORDS * LETTERS];
    blake3::Hasher::new_keyed(&key.canary)
        .finalize_xof()
        .fill(&mut letters);
    let letter = |byte: &u8| char::from(b'a' + byte % 26);
    let words = letters.chunks(LETTERS);
    let words: Vec<String> = words
        .map(|word| word.iter().map(letter).collect())
        .collect();
    words.join(" ")
}

/// What the index stores of its canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryPrint {
    /// Keyed digest of the normal form.
    pub exact: ExactDigest,
    /// Bytes of the normal form.
    pub normal_bytes: u32,
    /// One keyed byte per word.
    pub words: Vec<u8>,
    /// Keyed selected grams.
    pub grams: Vec<u64>,
}

impl CanaryPrint {
    /// Fingerprints the canary of a key as any registered text is.
    pub fn of(key: &FingerprintKey, recipe: Recipe) -> Result<Self, TextError> {
        let text = canary_text(key);
        let mut normal = NormalText::default();
        Normalizer::new().normalize_with_words(&text, &mut normal)?;
        let mut grams: Vec<Gram> = Vec::new();
        Sketcher::new(recipe, Side::Registered, key.clone()).sketch(&normal, &mut grams);
        let mut words = Vec::new();
        word_hashes(&normal, key, &mut words);
        Ok(Self {
            exact: ExactDigest::of(&normal, key),
            normal_bytes: u32::try_from(normal.len())
                .map_err(|_| TextError::TooLong { bytes: text.len() })?,
            words,
            grams: grams.iter().map(|gram| gram.id).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_its_key_s_own_and_has_grams_to_be_found_by() {
        let key = |byte| FingerprintKey::from_bytes(&[byte; 32]).unwrap();
        let text = canary_text(&key(1));
        assert_eq!(text, canary_text(&key(1)));
        assert_ne!(text, canary_text(&key(2)));
        assert_eq!(text.split(' ').count(), WORDS);
        assert!(text.bytes().all(|b| b == b' ' || b.is_ascii_lowercase()));
        let recipe = Recipe::default();
        assert!(text.len() > recipe.looked_up_bytes());
        let print = CanaryPrint::of(&key(1), recipe).unwrap();
        assert_eq!(print.words.len(), WORDS);
        assert!(print.grams.len() >= 2, "{} grams", print.grams.len());
        assert_ne!(print, CanaryPrint::of(&key(2), recipe).unwrap());
    }
}
