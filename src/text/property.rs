//! What one code point is to the normal form.
//!
//! The definitions of the normal form live here, written for clarity: the tables of `page` are
//! filled from them and the reference implementation calls them for every code point. Nothing here
//! looks at neighbours.

use icu_casemap::CaseMapper;
use unicode_normalization::IsNormalized;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::char::decompose_compatible;
use unicode_normalization::is_nfc_quick;
use unicode_properties::GeneralCategoryGroup;
use unicode_properties::UnicodeGeneralCategory;
use unicode_script::Script;
use unicode_script::UnicodeScript;

/// Folded to `i`, which case folding does not do: its upper case is `I`, and the dot of the dotted
/// capital is stripped as an accent, so without this a text would differ from itself in capitals.
const DOTLESS_I: char = '\u{131}';

/// Blocks of combining marks that are accents wherever they stand: half-open ranges.
///
/// Combining Diacritical Marks with its Extended and Supplement blocks, Combining Marks for
/// Symbols, Combining Half Marks, and the combining marks of Cyrillic (Unicode code charts).
const ACCENTS: [(u32, u32); 9] = [
    (0x0300, 0x0370),
    (0x0483, 0x048A),
    (0x1AB0, 0x1B00),
    (0x1DC0, 0x1E00),
    (0x20D0, 0x2100),
    (0x2DE0, 0x2E00),
    (0xA66F, 0xA67E),
    (0xA69E, 0xA6A0),
    (0xFE20, 0xFE30),
];

/// What becomes of one code point after compatibility decomposition and case folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A letter or digit: kept. Whether marks that follow it are letters too, or are stripped.
    Base {
        /// False for Latin, Greek, Cyrillic and for letters and digits common to all scripts.
        keeps_marks: bool,
    },
    /// A combining mark, kept after a base that keeps marks and dropped otherwise.
    Mark,
    /// Dropped without a trace.
    Dropped,
}

/// How a dropped code point between two kept ones bears on word boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Accents and default-ignorable code points: as if they were not there.
    Transparent,
    /// Apostrophe, hyphen, full stop and the like: alone between two letters it does not split.
    Joiner,
    /// Everything else splits.
    Separator,
}

/// The kind of a code point that `expand` produced.
pub(super) fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Kind::Base { keeps_marks: false }
        } else {
            Kind::Dropped
        };
    }
    if is_default_ignorable(c) || is_quote_like_letter(c) {
        return Kind::Dropped;
    }
    match c.general_category_group() {
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number => Kind::Base {
            keeps_marks: !matches!(
                c.script(),
                Script::Latin
                    | Script::Greek
                    | Script::Cyrillic
                    | Script::Common
                    | Script::Inherited
            ),
        },
        GeneralCategoryGroup::Mark if is_accent(c) => Kind::Dropped,
        GeneralCategoryGroup::Mark => Kind::Mark,
        GeneralCategoryGroup::Punctuation
        | GeneralCategoryGroup::Symbol
        | GeneralCategoryGroup::Separator
        | GeneralCategoryGroup::Other => Kind::Dropped,
    }
}

/// Appends the compatibility decomposition of `c`, case folded to a fixed point.
///
/// The map is a homomorphism on decompositions (a composed character maps to what its parts map
/// to) and every code point it produces maps to itself: that is what makes the normal form
/// idempotent.
pub(super) fn expand(c: char, out: &mut Vec<char>) {
    decompose_compatible(c, |part| fold(part, out));
}

/// Folds one fully decomposed code point and whatever its folding decomposes into.
fn fold(c: char, out: &mut Vec<char>) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    if c == DOTLESS_I {
        out.push('i');
        return;
    }
    let mut utf8 = [0_u8; 4];
    let source: &str = c.encode_utf8(&mut utf8);
    let folded = CaseMapper::new().fold_string(source);
    if folded == source {
        out.push(c);
    } else {
        for part in folded.chars() {
            expand(part, out);
        }
    }
}

/// Whether `c` is a combining mark from a block of general accents.
fn is_accent(c: char) -> bool {
    let point = u32::from(c);
    ACCENTS
        .iter()
        .any(|&(start, end)| (start..end).contains(&point))
}

/// Modifier letters that stand for apostrophes, quotes, primes or length, and the Arabic letter
/// stretcher: letters by category, punctuation by use.
pub(super) fn is_quote_like_letter(c: char) -> bool {
    c == '\u{0640}'
        || (('\u{02B0}'..='\u{02FF}').contains(&c)
            && c.script() == Script::Common
            && c.general_category_group() == GeneralCategoryGroup::Letter)
}

/// Whether `c` has the property `Default_Ignorable_Code_Point`.
///
/// The property is read off the skeleton operation of UTS 39, which removes such code points:
/// no other code point has an empty skeleton.
pub(super) fn is_default_ignorable(c: char) -> bool {
    let mut utf8 = [0_u8; 4];
    unicode_security::skeleton(c.encode_utf8(&mut utf8))
        .next()
        .is_none()
}

/// Explicit bidirectional embeddings, overrides and isolates: they reorder what a reader sees.
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Default-ignorable code points with an everyday use inside words of scripts other than Latin,
/// Greek and Cyrillic: joiners, word breaks, variation selectors, Hangul fillers.
pub(super) fn is_orthographic_ignorable(c: char) -> bool {
    matches!(c,
        '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{061C}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FFA0}' | '\u{E0100}'..='\u{E01EF}')
}

/// How a code point of the source that leaves nothing behind bears on word boundaries.
pub(super) fn gap(c: char) -> Gap {
    match c {
        // Apostrophes, quotes used as apostrophes, hyphens, full stop, underscore, middle dots,
        // and the comma of 1,000.
        '\'' | '`' | '\u{B4}' | '\u{2018}' | '\u{2019}' | '\u{2032}' | '\u{FF07}' | '-'
        | '\u{2010}' | '\u{2011}' | '.' | ',' | '_' | '\u{B7}' | '\u{2027}' => Gap::Joiner,
        _ if is_quote_like_letter(c) => Gap::Joiner,
        _ if is_default_ignorable(c)
            || c.general_category_group() == GeneralCategoryGroup::Mark =>
        {
            Gap::Transparent
        }
        _ => Gap::Separator,
    }
}

/// Whether every letter of the code point's script is counted as a word, for want of spaces.
pub(super) fn is_letterwise(c: char) -> bool {
    const LETTERWISE: [Script; 7] = [
        Script::Han,
        Script::Hiragana,
        Script::Katakana,
        Script::Thai,
        Script::Lao,
        Script::Khmer,
        Script::Myanmar,
    ];
    if c.is_ascii() {
        return false;
    }
    let script = c.script();
    if script != Script::Common {
        return LETTERWISE.contains(&script);
    }
    // A letter common to all scripts belongs to none; the Kana lengthener names its own.
    let scripts = c.script_extension();
    !scripts.contains_script(Script::Latin)
        && LETTERWISE
            .iter()
            .any(|&script| scripts.contains_script(script))
}

/// Whether nothing before the decomposed code point `c` can combine with it: it is a starter and
/// `NFC_Quick_Check` is `Yes` (Unicode Standard Annex 15, section 9).
pub(super) fn starts_segment(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_stable(c)
}

/// Whether `NFC_Quick_Check` of `c` is `Yes`.
pub(super) fn is_stable(c: char) -> bool {
    is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
}
