//! The normal form and the turns of a transcript.

use std::cell::RefCell;

use crate::cpu::Vectors;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::reference;
use crate::text::turns;

/// Longest text. Chosen: the reference is slow, and vectors are at most 64 bytes.
const TEXT_BYTES_MAX: usize = 4 << 10;

thread_local! {
    static NORMALIZERS: RefCell<Vec<(Vectors, Normalizer)>> = RefCell::new(
        Vectors::all().map(|vectors| (vectors, Normalizer::with(vectors))).collect(),
    );
}

/// The property.
pub fn check(data: &[u8]) {
    let data = &data[..data.len().min(TEXT_BYTES_MAX)];
    let text = String::from_utf8_lossy(data);
    normal_form(&text);
    transcript(&text);
}

/// With every set of vector instructions and in both modes: the reference's form, which is a fixed
/// point and cuts into words on character boundaries.
fn normal_form(text: &str) {
    let expected = reference::normalize(text);
    let mut out = NormalText::default();
    let mut folded = None;
    NORMALIZERS.with_borrow_mut(|normalizers| {
        for (vectors, normalizer) in normalizers {
            normalizer.normalize_with_words(text, &mut out).unwrap();
            assert_eq!(out.as_str(), expected.stream, "{vectors:?}");
            assert_eq!(out.word_starts(), expected.word_starts, "{vectors:?}");
            assert_eq!(out.undone(), expected.undone, "{vectors:?}");
            let words: Vec<u8> = out.words().flatten().copied().collect();
            assert_eq!(words, out.as_bytes(), "words are not the stream");
            assert!(out.words().all(|word| std::str::from_utf8(word).is_ok()));
            let mut look_alike = NormalText::default();
            let differs = normalizer.look_alike(&out, &mut look_alike);
            let look_alike = (differs, look_alike.as_str().to_owned());
            assert_eq!(
                folded.get_or_insert_with(|| look_alike.clone()),
                &look_alike
            );
            normalizer.normalize(text, &mut out).unwrap();
            assert_eq!(out.as_str(), expected.stream, "{vectors:?}");
            assert_eq!(out.undone(), expected.undone, "{vectors:?}");
            normalizer.normalize(&expected.stream, &mut out).unwrap();
            assert_eq!(
                out.as_str(),
                expected.stream,
                "not a fixed point, {vectors:?}"
            );
        }
    });
}

/// Turns are pieces of the text, in order, and none is empty.
fn transcript(text: &str) {
    let start = text.as_ptr() as usize;
    let mut end = 0;
    for turn in turns(text) {
        assert!(!turn.text.is_empty() && turn.text.trim() == turn.text);
        let from = turn.text.as_ptr() as usize - start;
        assert!(from >= end, "turns overlap");
        end = from + turn.text.len();
        assert!(end <= text.len());
        // Nothing but white space is lost between two turns that a marker does not part.
        assert_eq!(&text[from..end], turn.text);
    }
}
