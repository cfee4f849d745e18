//! The looser stream: letters that look like an ASCII letter or digit replaced by it.

use super::normal::NormalText;
use super::normalizer::ascii_prefix_len;
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

/// The ASCII byte that each code point up to [`LAST_LETTER`] is taken for, 0 for none: 128 KiB, of
/// which a text touches the pages of its scripts.
static LOOKS: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    (0..=u32::from(LAST_LETTER))
        .map(|code| {
            let letter = char::from_u32(code).filter(|c| !c.is_ascii());
            letter.and_then(look).unwrap_or(0)
        })
        .collect()
});

/// Writes the looser stream; false when it would equal `normal`.
pub(super) fn fold(normal: &NormalText, out: &mut NormalText) -> bool {
    out.clear();
    if normal.bytes.is_ascii() {
        return false;
    }
    let text = normal.as_str();
    if !any_folded(text) {
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

/// Whether any letter of `text` is replaced; ASCII stretches are passed over.
fn any_folded(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let (_, tail) = rest.split_at(ascii_prefix_len(rest.as_bytes()));
        let mut chars = tail.chars();
        for c in chars.by_ref().take_while(|c| !c.is_ascii()) {
            if folded(c).is_some() {
                return true;
            }
        }
        rest = chars.as_str();
    }
    false
}

/// The ASCII letter or digit that `c` is replaced by.
#[inline]
fn folded(c: char) -> Option<u8> {
    if c.is_ascii() {
        return None;
    }
    let ascii = LOOKS.get(c as usize).copied().unwrap_or(0);
    (ascii != 0).then_some(ascii)
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
    use super::LAST_LETTER;
    use super::look;

    #[test]
    fn no_look_alike_stands_beyond_the_last_letter() {
        assert!((LAST_LETTER..=char::MAX).all(|c| look(c).is_none()));
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
