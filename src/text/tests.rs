//! The normal form against its reference and its promises.

use super::NormalText;
use super::Normalizer;
use super::TEXT_BYTES_MAX;
use super::TextError;
use super::Undone;
use super::page;
use super::property;
use super::reference;
use crate::cpu::Vectors;
use proptest::prelude::*;
use std::fmt::Write as _;

fn normal(text: &str) -> NormalText {
    let mut out = NormalText::default();
    Normalizer::new()
        .normalize_with_words(text, &mut out)
        .unwrap();
    out
}

fn stream(text: &str) -> String {
    normal(text).as_str().to_owned()
}

fn words(text: &str) -> Vec<String> {
    let normal = normal(text);
    normal
        .words()
        .map(|word| String::from_utf8(word.to_vec()).unwrap())
        .collect()
}

/// Both modes of the fast path equal the reference, and the form is a fixed point.
fn check_against_reference(text: &str, normalizer: &mut Normalizer, out: &mut NormalText) {
    let expected = reference::normalize(text);
    normalizer.normalize_with_words(text, out).unwrap();
    assert_eq!(out.as_str(), expected.stream, "stream of {text:?}");
    assert_eq!(out.word_starts(), expected.word_starts, "words of {text:?}");
    assert_eq!(out.undone(), expected.undone, "undone in {text:?}");
    normalizer.normalize(text, out).unwrap();
    assert_eq!(out.as_str(), expected.stream, "stream of {text:?}");
    assert_eq!(out.undone(), expected.undone, "undone in {text:?}");
    normalizer.normalize(&expected.stream, out).unwrap();
    assert_eq!(
        out.as_str(),
        expected.stream,
        "{text:?} is not a fixed point"
    );
}

fn page_bytes(c: char) -> String {
    let mut bytes = Vec::new();
    page::look_up(c).append(c, &mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn every_char() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

#[test]
fn every_code_point_alone_and_between_letters_equals_the_reference() {
    let mut normalizer = Normalizer::new();
    let mut out = NormalText::default();
    for c in every_char() {
        check_against_reference(&c.to_string(), &mut normalizer, &mut out);
        check_against_reference(&format!("a{c}b {c}"), &mut normalizer, &mut out);
    }
}

#[test]
fn every_letter_before_and_after_marks_of_every_sort_equals_the_reference() {
    // Composing and non-composing marks of several combining classes, vowel signs, jamo, the
    // Kana voicing mark, ypogegrammeni, and an accent.
    let after = "\u{0301}\u{0345}\u{0327}\u{0653}\u{064B}\u{0670}\u{05B0}\u{05BC}\u{093C}\u{094D}\u{093E}\u{09BE}\u{09D7}\u{0BBE}\u{0E38}\u{0E48}\u{0F71}\u{0F72}\u{102E}\u{1161}\u{11A8}\u{3099}\u{309A}\u{AC00}\u{200D}";
    let mut normalizer = Normalizer::new();
    let mut out = NormalText::default();
    for c in every_char().filter(|&c| stands_for_others(c)) {
        for mark in after.chars() {
            check_against_reference(&format!("{c}{mark}"), &mut normalizer, &mut out);
            check_against_reference(
                &format!("\u{915}{mark}-{c}\u{94D}{mark}\u{93C}{c}"),
                &mut normalizer,
                &mut out,
            );
        }
    }
}

/// All that leaves something behind, but few of the large scripts in which one letter behaves like
/// the next.
fn stands_for_others(c: char) -> bool {
    let point = u32::from(c);
    if page_bytes(c).is_empty() {
        return false;
    }
    let large = matches!(point,
        0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0x17000..=0x18FFF | 0x20000..=0x10_FFFF);
    !large || point.is_multiple_of(251)
}

#[test]
fn what_is_easy_is_what_the_entry_says() {
    let mut table = page::EasyTable::new();
    let mut hard = 0;
    for c in every_char() {
        let (entry, easy) = (page::look_up(c), table.get(c));
        assert_eq!(easy, table.get(c), "{c:?}, once learnt");
        if easy.is_simple() || easy.is_mark() {
            assert_eq!(
                easy.bytes()[..easy.len()],
                *page_bytes(c).as_bytes(),
                "{c:?}"
            );
        }
        let as_it_is = match c {
            '\u{4e00}'..='\u{9fff}' => page::Easy::IDEOGRAPH,
            '\u{ac00}'..='\u{d7a3}' => page::Easy::HANGUL,
            _ => 0,
        };
        if as_it_is != 0 {
            let [.., flags] = as_it_is.to_le_bytes();
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes);
            bytes[3] = flags;
            assert_eq!(
                easy,
                page::Easy::from_lane(i32::from_le_bytes(bytes)),
                "{c:?}"
            );
        }
        if ('\u{1f300}'..='\u{1faff}').contains(&c) {
            assert_eq!(easy.bytes(), page::Easy::PICTURE.to_le_bytes(), "{c:?}");
        }
        if easy.is_simple() && easy.len() > 0 {
            assert_eq!(easy.keeps_marks(), entry.keeps_marks, "{c:?}");
            assert_eq!(easy.letterwise(), entry.letterwise, "{c:?}");
        }
        assert_eq!(
            easy.is_transparent(),
            entry.action == page::Action::Nothing(property::Gap::Transparent)
        );
        let none = !(easy.is_simple() || easy.is_mark() || easy.is_transparent());
        hard += u32::from(none && c < '\u{10000}');
    }
    assert!(hard < 3_000, "{hard} of 65,536 are hard");
}

#[test]
fn every_page_can_be_filled_and_maps_into_the_normal_form() {
    for c in every_char() {
        let text = page_bytes(c);
        assert!(
            text.chars()
                .all(|c| property::kind(c) != property::Kind::Dropped),
            "{c:?} becomes {text:?}"
        );
    }
}

#[test]
fn the_form_of_every_code_point_is_the_pinned_one() {
    // A change of this digest is a change of the normal form: raise NORMAL_FORM_VERSION, or find
    // the Unicode crate that changed under an unchanged UNICODE_VERSION.
    let mut hasher = blake3::Hasher::new();
    for c in every_char() {
        let form = reference::normalize(&format!("\u{915}{c}a{c}"));
        hasher.update(form.stream.as_bytes());
        hasher.update(&[0xFF]);
        for start in form.word_starts {
            hasher.update(&start.to_be_bytes());
        }
    }
    assert_eq!(super::UNICODE_VERSION, (18, 0, 0));
    assert_eq!(super::NORMAL_FORM_VERSION, 1);
    assert_eq!(
        hasher.finalize().to_hex().as_str(),
        "9d01a88d2d705598ac7a7265bb291f095c908c4d35c47f14f3ecbc5ce3338e1b"
    );
}

#[test]
fn case_does_not_matter_for_any_code_point() {
    for c in every_char() {
        let expected = stream(&c.to_string());
        let upper: String = c.to_uppercase().collect();
        let lower: String = c.to_lowercase().collect();
        assert_eq!(stream(&upper), expected, "upper case of {c:?}");
        assert_eq!(stream(&lower), expected, "lower case of {c:?}");
    }
}

#[test]
fn ascii_of_every_length_around_block_edges_equals_the_reference() {
    let mut normalizer = Normalizer::new();
    let mut out = NormalText::default();
    let pattern = "The quick-brown fox, it's said; jumps_over <b>13</b> lazy \\n dogs & cats. ";
    let text = pattern.repeat(6);
    for len in 0..=300 {
        check_against_reference(&text[..len], &mut normalizer, &mut out);
        let shifted: String = text[..len].chars().rev().collect();
        check_against_reference(&shifted, &mut normalizer, &mut out);
        let mixed = format!("{}é{}", &text[..len], &text[len..len + 70]);
        check_against_reference(&mixed, &mut normalizer, &mut out);
    }
}

#[test]
fn case_spacing_punctuation_markdown_and_quotes_do_not_matter() {
    let plain = "It's a well-known fact: the cat sat on the mat. \"Yes,\" she said.";
    for altered in [
        "IT\u{2019}S A WELL\u{2010}KNOWN FACT\u{2014}THE CAT SAT ON THE MAT. \u{201C}YES,\u{201D} SHE SAID.",
        "**It's** a _well-known_ fact:\n\n> the cat\n> sat on the mat. `\"Yes,\"` she said",
        "its a well known fact the cat sat on the mat yes she said",
        "I t ' s   a\twell-\r\nknown fact: the cat sat on the m a t. \"Yes,\" she said.",
        "It&#39;s a well-known fact: the cat sat on the mat. &quot;Yes,&quot; she said.",
        "<p>It's a <b class=\"x y\">well-known</b> fact:<br/> the cat sat<!-- not --> on the mat. \"Yes,\" she said.</p>",
        "It's a well-known fact: the\\ncat\\\\nsat on the mat. \\\"Yes,\\\" she \\u0073aid.",
        "It\u{2019}s a we\u{AD}ll-known fact: the c\u{200B}at sat on the mat. \u{202E}\"Yes,\"\u{202C} she said.",
        "\u{FF29}\u{FF34}'s a well-known \u{1D41F}act: the cat sat on the m\u{0301}\u{0308}\u{0336}at. \"Yes,\" she said.",
    ] {
        assert_eq!(stream(altered), stream(plain), "{altered}");
    }
}

#[test]
fn escaped_markup_equals_markup_at_every_layer() {
    let plain = "if (a < b && c > d) { print(\"x\\n\"); } // caf\u{e9} \u{1F600} <b>bold</b> &lt;";
    let mut layered = plain.to_owned();
    for _ in 0..3 {
        layered = escape_html(&layered);
        assert_eq!(stream(&layered), stream(plain), "{layered}");
    }
    let mut layered = plain.to_owned();
    for _ in 0..3 {
        layered = escape_json(&layered);
        assert_eq!(stream(&layered), stream(plain), "{layered}");
    }
    let both = escape_json(&escape_html(&escape_json(plain)));
    assert_eq!(stream(&both), stream(plain), "{both}");
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#x27;")
}

/// As Python's `json.dumps` writes a string: everything beyond ASCII escaped.
fn escape_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let mut escaped = String::new();
    for c in inner.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(escaped, "\\u{unit:04x}").unwrap();
            }
        }
    }
    escaped
}

#[test]
fn what_only_looks_like_markup_is_text() {
    for (text, expected) in [
        ("a <b and c> d", "abandcd"),
        ("x<y", "xy"),
        ("AT&T; R&D", "attrd"),
        ("&nosuchname;", "nosuchname"),
        ("&#x;&#;", "x"),
        ("&#1114112;a", "a"),
        ("\\q \\u12 \\uD800x", "qu12x"),
        ("\\uD83D\\uDE00x", "x"),
        ("a<!-- b", "ab"),
        ("&amp;amp;amp;lt;i&gt;x", "x"),
        ("<a href=http://x.y/z>link</a>", "link"),
        ("<stdio.h>", "stdioh"),
        ("&Eacute;t&eacute;", "ete"),
        ("&alpha;", "\u{3b1}"),
    ] {
        assert_eq!(stream(text), expected, "{text}");
    }
}

#[test]
fn a_tag_is_dropped_up_to_its_limit_only() {
    for len in [255, 256, 257] {
        let tag = format!("<a b=\"{}\">", "c".repeat(len - 8));
        assert_eq!(tag.len(), len);
        assert_eq!(stream(&tag).is_empty(), len <= 256, "{len}");
    }
}

#[test]
fn words_split_at_spaces_and_punctuation_but_not_at_joiners() {
    let cases: [(&str, &[&str]); 14] = [
        ("Don't stop", &["dont", "stop"]),
        ("  well-known e.g. 3.14", &["wellknown", "eg", "314"]),
        ("a--b c- d", &["a", "b", "c", "d"]),
        ("one,two 1,000", &["onetwo", "1000"]),
        ("foo_bar(baz)", &["foobar", "baz"]),
        ("either/or", &["either", "or"]),
        ("one<br>two", &["one", "two"]),
        ("one\\ntwo", &["one", "two"]),
        ("na\u{ef}ve cafe\u{301}s", &["naive", "cafes"]),
        ("zero\u{200B}width", &["zerowidth"]),
        (
            "\u{4F60}\u{597D}world\u{FF01}",
            &["\u{4F60}", "\u{597D}", "world"],
        ),
        (
            "\u{0E20}\u{0E32}\u{0E29}\u{0E32}",
            &["\u{0E20}", "\u{0E32}", "\u{0E29}", "\u{0E32}"],
        ),
        (
            "\u{C548}\u{B155} \u{D558}",
            &["\u{C548}\u{B155}", "\u{D558}"],
        ),
        ("", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn only_what_hides_is_noted() {
    let clean = Undone::default();
    let invisible = Undone {
        invisible: true,
        bidi: false,
    };
    for (text, expected) in [
        ("plain text", clean),
        ("a\u{200B}b", invisible),
        ("a\u{AD}\u{301}b", invisible),
        ("a\u{200B} b", clean),
        ("a \u{200B}b", clean),
        ("a\u{200B}", clean),
        ("\u{FEFF}a", clean),
        ("\u{43F}\u{200D}\u{43E}", invisible),
        ("a\u{E0041}b", invisible),
        // Persian and Devanagari use joiners, Thai and Khmer zero-width spaces.
        ("\u{0645}\u{06CC}\u{200C}\u{062E}", clean),
        ("\u{0915}\u{094D}\u{200D}\u{0937}", clean),
        ("\u{0E01}\u{200B}\u{0E02}", clean),
        ("\u{1F469}\u{200D}\u{1F4BB}", clean),
        (
            "a \u{202E}b\u{202C}",
            Undone {
                invisible: false,
                bidi: true,
            },
        ),
    ] {
        assert_eq!(normal(text).undone(), expected, "{text:?}");
    }
}

#[test]
fn look_alikes_fold_to_the_plain_stream() {
    let mut normalizer = Normalizer::new();
    let mut out = NormalText::default();
    let plain = normal("The space probe has a copy, BECAUSE MATH");
    assert!(!normalizer.look_alike(&plain, &mut out));
    assert!(out.is_empty());
    // Cyrillic, Greek and stroked letters in place of Latin ones, both cases.
    let hidden = normal(
        "Th\u{435} s\u{440}\u{430}\u{441}\u{435} pr\u{3BF}b\u{435} h\u{251}s \u{430} \u{441}\u{43E}\u{440}\u{443}, \u{412}E\u{421}AU\u{405}E \u{41C}A\u{422}\u{41D}",
    );
    assert_ne!(hidden.as_str(), plain.as_str());
    assert!(normalizer.look_alike(&hidden, &mut out));
    assert_eq!(out.as_str(), plain.as_str());
    assert_eq!(out.word_starts(), plain.word_starts());
    let folded = out.clone();
    assert!(!normalizer.look_alike(&folded, &mut out));
    // Arabic letters resemble Latin ones in UTS 39 but are not folded.
    assert!(!normalizer.look_alike(&normal("\u{0627}\u{0647}"), &mut out));
}

#[test]
fn a_text_beyond_the_limit_is_refused() {
    let text = "a".repeat(TEXT_BYTES_MAX + 1);
    let mut out = NormalText::default();
    assert_eq!(
        Normalizer::new().normalize(&text, &mut out),
        Err(TextError::TooLong { bytes: text.len() })
    );
    assert!(out.is_empty());
}

#[test]
fn hostile_texts_take_linear_time() {
    // Each would take minutes at quadratic cost.
    let mut out = NormalText::default();
    let mut normalizer = Normalizer::new();
    for text in [
        "&amp;".repeat(400_000),
        format!("&{}", "amp;".repeat(500_000)),
        "\\".repeat(2_000_000),
        "\\u005c".repeat(300_000),
        "<a b='".repeat(300_000),
        "\u{304B}\u{3099}!\u{64B}".repeat(200_000),
        format!("\u{915}{}", "!\u{93C}".repeat(400_000)),
        format!("\u{915}{}", "\u{94D}\u{93C}".repeat(400_000)),
        format!("\u{915}{}", "\u{93C}a\u{1161}".repeat(300_000)),
        "\u{1100}\u{1161}\u{11A8}".repeat(200_000),
    ] {
        normalizer.normalize_with_words(&text, &mut out).unwrap();
    }
}

/// Pieces that meet each other's edges: triggers, escapes, marks, scripts, joiners, invisibles.
#[expect(clippy::too_many_lines, reason = "a list")]
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "a",
        "Z",
        "9",
        " ",
        "\n",
        "-",
        "'",
        ".",
        "--",
        "&",
        "&amp;",
        "amp;",
        "&lt;",
        "lt;",
        "gt;",
        "&gt;",
        "<",
        ">",
        "<b>",
        "</b>",
        "<a href=\"",
        "\">",
        "<br/>",
        "<!--",
        "-->",
        "=",
        "\"",
        "&quot;",
        "&#60;",
        "&#x5c;",
        "\\",
        "\\\\",
        "\\n",
        "\\\"",
        "\\u",
        "u003c",
        "\\u003c",
        "\\u0026",
        "\\ud83d",
        "\\ude00",
        "\\u00e9",
        "\u{e9}",
        "\u{301}",
        "\u{345}",
        "\u{df}",
        "\u{130}",
        "\u{149}",
        "\u{fb01}",
        "\u{1c4}",
        "\u{3a3}",
        "\u{3c2}",
        "\u{1fb3}",
        "\u{439}",
        "\u{438}\u{306}",
        "\u{5e9}\u{5c1}",
        "\u{5bc}",
        "\u{627}",
        "\u{653}",
        "\u{640}",
        "\u{64b}",
        "\u{651}",
        "\u{fdfa}",
        "\u{fe71}",
        "\u{915}",
        "\u{93c}",
        "\u{94d}",
        "\u{93e}",
        "\u{958}",
        "\u{9c7}",
        "\u{9be}",
        "\u{b92}",
        "\u{bd7}",
        "\u{e01}",
        "\u{e33}",
        "\u{e48}",
        "\u{e38}",
        "\u{1100}",
        "\u{1161}",
        "\u{11a8}",
        "\u{ac00}",
        "\u{3131}",
        "\u{304b}",
        "\u{3099}",
        "\u{ff76}",
        "\u{ff9e}",
        "\u{309b}",
        "\u{30fc}",
        "\u{337f}",
        "\u{f900}",
        "\u{4e00}",
        "\u{200b}",
        "\u{200d}",
        "\u{ad}",
        "\u{202e}",
        "\u{feff}",
        "\u{fe0f}",
        "\u{1f600}",
        "\u{2019}",
        "\u{2bc}",
        "\u{b4}",
        "\u{2014}",
        "\u{1d400}",
        "\u{ff21}",
        "\u{10400}",
        "\u{1133e}",
        "\u{11347}",
        "\u{115af}",
        "\u{115b8}",
        "\u{1d15e}",
        "\u{378}",
        "\u{e000}",
    ];
    prop_oneof![
        8 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(|c| c.to_string()),
        1 => "[ -~]{0,70}",
    ]
}

/// Stretches of one script with what stands between its words, longer than what the fast path gathers
/// at a time.
fn stretch() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\u{4e00}-\u{9fff}\u{3000}-\u{303f}\u{ff00}-\u{ff5e}A-Za-z0-9 ]{0,90}",
        "[\u{3040}-\u{30ff}\u{4e00}-\u{4e20}\u{3001}\u{3002}\u{ff65}-\u{ff9f}]{0,90}",
        "[\u{400}-\u{52f} ,.\u{ab}\u{bb}\u{2014}-]{0,120}",
        "[\u{ac00}-\u{d7a3}\u{1100}-\u{11ff} .,]{0,80}",
        "[a-zA-Z\u{c0}-\u{24f}\u{1e00}-\u{1eff}\u{300}-\u{310} ',.]{0,150}",
        "[a-z \u{2010}-\u{2044}\u{2190}-\u{21ff}\u{1f600}-\u{1f64f}\u{fe0f}]{0,150}",
        "[\u{900}-\u{97f} ,\u{200c}\u{200d}]{0,80}",
        "[\u{600}-\u{6ff} .]{0,100}",
        "[\u{e00}-\u{e7f} ]{0,80}",
        "[\u{370}-\u{3ff}\u{1f00}-\u{1fff} ]{0,90}",
        "[\u{3400}-\u{4dff}\u{f900}-\u{fa6d}\u{20000}-\u{20100} ]{0,60}",
    ]
}

fn messy_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn fast_equals_reference_and_is_idempotent(text in messy_text()) {
        check_against_reference(&text, &mut Normalizer::new(), &mut NormalText::default());
    }

    #[test]
    fn fast_equals_reference_on_stretches_of_every_script(
        parts in proptest::collection::vec(prop_oneof![3 => stretch(), 1 => piece()], 1..6)
    ) {
        for vectors in Vectors::all() {
            let mut normalizer = Normalizer::with(vectors);
            check_against_reference(&parts.concat(), &mut normalizer, &mut NormalText::default());
        }
    }

    #[test]
    fn a_normalizer_carries_nothing_over(first in messy_text(), second in messy_text()) {
        let mut normalizer = Normalizer::new();
        let mut out = NormalText::default();
        normalizer.normalize_with_words(&first, &mut out).unwrap();
        normalizer.normalize_with_words(&second, &mut out).unwrap();
        prop_assert_eq!(out, normal(&second));
    }

    #[test]
    fn case_and_spacing_do_not_matter(text in "[a-zA-Z0-9 .!?*_#\u{e0}-\u{ff}\u{3b1}-\u{3c9}\u{410}-\u{44f}\u{4e00}-\u{4eff}]{0,80}") {
        let expected = stream(&text);
        prop_assert_eq!(stream(&text.to_uppercase()), expected.clone());
        prop_assert_eq!(stream(&text.to_lowercase()), expected.clone());
        let spaced: String = text.chars().flat_map(|c| [c, ' ']).collect();
        prop_assert_eq!(stream(&spaced), expected.clone());
        let bare: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        prop_assert_eq!(stream(&bare), expected);
    }

    #[test]
    fn escaping_does_not_matter(text in "[a-z \u{e9}\u{4e00}\n\t\"'/]{0,40}") {
        let expected = stream(&text);
        prop_assert_eq!(stream(&escape_html(&text)), expected.clone());
        prop_assert_eq!(stream(&escape_json(&text)), expected.clone());
        prop_assert_eq!(stream(&escape_json(&escape_html(&escape_json(&text)))), expected);
    }

    #[test]
    fn words_cut_the_stream_on_character_boundaries(text in messy_text()) {
        let normal = normal(&text);
        prop_assert_eq!(normal.word_starts().first().copied(), (!normal.is_empty()).then_some(0));
        prop_assert!(normal.word_starts().is_sorted_by(|a, b| a < b));
        for &start in normal.word_starts() {
            prop_assert!(normal.as_str().is_char_boundary(start as usize));
        }
        prop_assert_eq!(normal.words().collect::<Vec<_>>().concat(), normal.as_bytes());
    }
}
