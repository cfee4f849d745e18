//! The looser stream: letters that look like an ASCII letter or digit replaced by it.

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

/// Letters in normal form and the ASCII byte each is taken for, ascending.
static LOOKS: LazyLock<Vec<(char, u8)>> = LazyLock::new(|| {
    ('\u{80}'..=LAST_LETTER)
        .filter_map(|c| look(c).map(|ascii| (c, ascii)))
        .collect()
});

/// Writes the looser stream; false when it would equal `normal`.
pub(super) fn fold(normal: &NormalText, out: &mut NormalText) -> bool {
    out.clear();
    if normal.bytes.is_ascii() {
        return false;
    }
    let text = normal.as_str();
    if !text.chars().any(|c| folded(c).is_some()) {
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

/// The ASCII letter or digit that `c` is replaced by.
fn folded(c: char) -> Option<u8> {
    if c.is_ascii() {
        return None;
    }
    match LOOKS.binary_search_by_key(&c, |&(letter, _)| letter) {
        Ok(at) => LOOKS.get(at).map(|&(_, ascii)| ascii),
        Err(_) => None,
    }
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
