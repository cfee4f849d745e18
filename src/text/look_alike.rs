//! The looser stream: letters that look like an ASCII letter or digit replaced by it.

use super::compact::BLOCK;
use super::normal::NormalText;
use icu_casemap::CaseMapper;
use std::sync::LazyLock;
use unicode_properties::GeneralCategoryGroup;
use unicode_properties::UnicodeGeneralCategory;
use unicode_script::Script;
use unicode_script::UnicodeScript;

/// Alphabets whose letters are taken for Latin ones. Others have shapes in UTS 39 that resemble a
/// Latin letter (Arabic alef is an `l` there), but no reader takes one for the other.
const ALPHABETS: [Script; 8] = [
    Script::Latin,
    Script::Greek,
    Script::Cyrillic,
    Script::Common,
    Script::Armenian,
    Script::Cherokee,
    Script::Coptic,
    Script::Lisu,
];

/// No letter of the alphabets above stands beyond it: what follows are ideographs and tags.
const LAST_LETTER: char = '\u{1FFFF}';

/// Bytes of the looser stream in a row, without a foreign letter, from which it is asked for.
///
/// The looser stream is for Latin text in disguise, so a part of it that still holds a letter of
/// another alphabet is no text that was registered. A gram is longer than a word, and Russian words
/// hold such a letter: without this every Russian text would be asked for twice. *Chosen*: the bytes of
/// a gram; a test compares it with the recipe.
pub const RUN_BYTES: usize = 24;

/// Looks of a letter that is taken for no Latin one and belongs to another alphabet of those above.
const FOREIGN: u8 = 1;

/// What each code point up to [`LAST_LETTER`] looks like: the ASCII byte that it is taken for,
/// [`FOREIGN`], or 0. 128 KiB, of which a text touches the pages of its scripts.
static LOOKS: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    (0..=u32::from(LAST_LETTER))
        .map(|code| {
            let letter = char::from_u32(code).filter(|c| !c.is_ascii());
            letter.map_or(0, |c| look(c).unwrap_or(foreign(c)))
        })
        .collect()
});

/// Writes the looser stream; false when it would equal `normal`, or is not worth asking for.
pub(super) fn fold(normal: &NormalText, out: &mut NormalText) -> bool {
    out.clear();
    if normal.bytes.is_ascii() || !may_fold(&normal.bytes) {
        return false;
    }
    let text = normal.as_str();
    if !worth_asking(text) {
        return false;
    }
    out.undone = normal.undone;
    let mut words = normal.words.iter().peekable();
    let mut utf8 = [0_u8; 4];
    for (at, c) in text.char_indices() {
        if words.next_if(|&&start| start as usize == at).is_some() {
            // Fits: the stream only gets shorter, and the old offset fitted.
            let start = u32::try_from(out.bytes.len()).unwrap_or(u32::MAX);
            out.words.push(start);
        }
        match folded(c) {
            Some(ascii) => out.bytes.push(ascii),
            None => out
                .bytes
                .extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
        }
    }
    true
}

/// Whether a byte of the normal form, with the one after it, begins a letter that may look like a
/// Latin one. Ideographs, Kana, Hangul, the scripts of India and Arabic do not.
fn may_begin(byte: u8, next: u8) -> bool {
    // Latin to Armenian; phonetic, Cherokee and Greek letters; letter-like ones and Coptic; Lisu and
    // more Latin, before Hangul; what lies beyond the first 65,536 code points.
    matches!(byte, 0xC2..=0xD6 | 0xE1 | 0xE2 | 0xF0) || (byte == 0xEA && next < 0xB0)
}

/// Whether anywhere such a letter begins. Without a branch in a block, so that it is looked at in
/// vectors.
fn may_fold(bytes: &[u8]) -> bool {
    let nexts = bytes.get(1..).unwrap_or_default();
    bytes
        .chunks(BLOCK)
        .zip(nexts.chunks(BLOCK))
        .any(|(bytes, nexts)| {
            let pairs = bytes.iter().zip(nexts);
            pairs.fold(false, |found, (&byte, &next)| found | may_begin(byte, next))
        })
}

/// Whether some run without foreign letters holds a letter that is replaced, and is long enough for
/// a gram; in a text that is shorter than one, any such letter.
fn worth_asking(text: &str) -> bool {
    let needed = if text.len() < RUN_BYTES { 0 } else { RUN_BYTES };
    let (mut run, mut replaced) = (0, 0);
    let table: &[u8] = &LOOKS;
    let mut chars = text.chars();
    loop {
        let rest = chars.as_str();
        if let Some(ascii) = rest.as_bytes().first_chunk::<BLOCK>()
            && ascii.is_ascii()
        {
            if replaced != 0 {
                return true;
            }
            run += BLOCK;
            chars = rest.get(BLOCK..).unwrap_or_default().chars();
            continue;
        }
        // In numbers, without a branch on what a letter looks like: one word is not like the next.
        let (mut found, mut any) = (0, false);
        for c in chars.by_ref().take(BLOCK) {
            let looks = table.get(c as usize).copied().unwrap_or(0);
            let own = usize::from(looks != FOREIGN);
            let stays = usize::from(looks == 0);
            run = (run + 1 + stays * (c.len_utf8() - 1)) * own;
            replaced = (replaced | usize::from(looks > FOREIGN)) * own;
            found |= replaced & usize::from(run >= needed);
            any = true;
        }
        if found != 0 || !any {
            return found != 0;
        }
    }
}

/// The ASCII letter or digit that `c` is replaced by.
#[inline]
fn folded(c: char) -> Option<u8> {
    if c.is_ascii() {
        return None;
    }
    let ascii = LOOKS.get(c as usize).copied().unwrap_or(0);
    (ascii > FOREIGN).then_some(ascii)
}

/// What a letter of the normal form is taken for: the skeleton of the letter itself or, when that
/// is no ASCII letter, of its upper case, since the normal form has folded case.
fn look(c: char) -> Option<u8> {
    if !ALPHABETS.contains(&c.script())
        || !matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
        )
    {
        return None;
    }
    skeleton_byte(c).or_else(|| {
        let upper = CaseMapper::new().simple_uppercase(c);
        (upper != c).then(|| skeleton_byte(upper)).flatten()
    })
}

/// [`FOREIGN`] for a letter of an alphabet that is not Latin, 0 for any other character.
fn foreign(c: char) -> u8 {
    let own = matches!(c.script(), Script::Latin | Script::Common);
    if ALPHABETS.contains(&c.script()) && !own {
        FOREIGN
    } else {
        0
    }
}

/// The skeleton of `c` without combining marks, if it is one ASCII letter or digit; lower case.
fn skeleton_byte(c: char) -> Option<u8> {
    let mut utf8 = [0_u8; 4];
    let mut parts = unicode_security::skeleton(c.encode_utf8(&mut utf8))
        .filter(|part| part.general_category_group() != GeneralCategoryGroup::Mark);
    let first = parts.next()?;
    if !first.is_ascii_alphanumeric() || parts.next().is_some() {
        return None;
    }
    let mut utf8 = [0_u8; 1];
    first
        .to_ascii_lowercase()
        .encode_utf8(&mut utf8)
        .bytes()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Normalizer;

    #[test]
    fn no_look_alike_stands_beyond_the_last_letter() {
        assert!((LAST_LETTER..=char::MAX).all(|c| look(c).is_none()));
    }

    #[test]
    fn every_letter_with_looks_begins_with_bytes_that_say_so() {
        let mut normalizer = Normalizer::new();
        let mut normal = NormalText::default();
        let mut utf8 = [0_u8; 4];
        let mut letters = 0;
        for c in ('\u{80}'..=char::MAX).filter(|&c| look(c).is_some()) {
            let bytes = c.encode_utf8(&mut utf8);
            normalizer.normalize(bytes, &mut normal).unwrap();
            // Others are replaced before anybody looks.
            if normal.as_str() == bytes {
                assert!(may_fold(bytes.as_bytes()), "{c:?}");
                letters += 1;
            }
        }
        assert!(letters > 100, "{letters}");
    }

    #[test]
    fn latin_text_in_disguise_is_worth_asking_and_russian_is_not() {
        // Some of the letters below are no Latin ones.
        let disguised = "thesp\u{430}ceprobehas\u{430}copyofthec\u{43E}ntract";
        assert!(worth_asking(disguised));
        assert!(worth_asking("p\u{430}y"), "a short text as a whole");
        let russian = "\u{43A}\u{43E}\u{433}\u{434}\u{430}\u{438}\u{434}\u{435}\u{442}\u{434}\u{43E}\u{436}\u{434}\u{44C}";
        assert!(!worth_asking(russian));
        assert!(!worth_asking(&russian.repeat(9)));
        // Disguised text in Russian text is found where it is longer than a gram.
        assert!(worth_asking(&format!("{russian}{disguised}{russian}")));
        let part: String = disguised.chars().take(12).collect();
        assert!(!worth_asking(&format!("{russian}{part}{russian}")));
        // Every letter replaced; and between ideographs, which are no alphabet.
        assert!(worth_asking(&"\u{441}\u{43E}\u{440}\u{443}".repeat(6)));
        assert!(worth_asking(&format!(
            "{0}c\u{43E}py{0}",
            "\u{4E00}".repeat(9)
        )));
        assert!(!worth_asking(&"\u{436}c\u{43E}py".repeat(9)));
    }

    #[test]
    fn letters_fold_to_what_a_reader_takes_them_for() {
        for (letters, ascii) in [
            ("\u{430}\u{3B1}\u{251}", b'a'),
            ("\u{435}", b'e'),
            ("\u{456}\u{3B9}", b'i'),
            ("\u{43E}\u{3BF}\u{585}\u{F8}", b'o'),
            // Only their capitals look Latin.
            ("\u{432}", b'b'),
            ("\u{43D}", b'h'),
            ("\u{442}\u{3C4}", b't'),
            ("\u{142}", b'l'),
        ] {
            for letter in letters.chars() {
                assert_eq!(look(letter), Some(ascii), "{letter}");
            }
        }
        for letter in "\u{436}\u{3BB}\u{627}\u{5D5}\u{4E00}\u{E01}\u{DF}\u{E6}".chars() {
            assert_eq!(look(letter), None, "{letter}");
        }
    }
}
