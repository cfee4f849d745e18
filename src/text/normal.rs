//! The normal form as a type.

/// Letters and digits of a text in normal form, with word starts if they were asked for.
///
/// Only this module's `Normalizer` fills one, so a value that is not empty is in normal form.
/// Reuse one value for many texts: its buffers are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NormalText {
    pub(super) bytes: Vec<u8>,
    pub(super) words: Vec<u32>,
    pub(super) undone: Undone,
}

/// What was removed on the way to the normal form and tells of tampering rather than of layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    /// A default-ignorable code point (zero-width space or joiner, soft hyphen, tag character)
    /// stood directly between two letters where its script has no everyday use for it.
    pub invisible: bool,
    /// A bidirectional embedding, override or isolate was removed, wherever it stood.
    pub bidi: bool,
}

impl NormalText {
    /// The stream: UTF-8 in Unicode Normalization Form C; letters, digits, and in some scripts
    /// marks.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The stream as text. Checks the UTF-8, so prefer `as_bytes` where speed counts.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the stream is UTF-8, so it never does"
    )]
    pub fn as_str(&self) -> &str {
        #[expect(
            clippy::expect_used,
            reason = "only whole characters are ever appended"
        )]
        simdutf8::basic::from_utf8(&self.bytes).expect("the normal form is UTF-8")
    }

    /// Length of the stream in bytes: the unit of every length and position in a fingerprint.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the text had no letter and no digit.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Byte offsets in the stream at which words start: ascending, unique, on character
    /// boundaries, the first one 0. Empty for an empty stream and when words were not asked for.
    pub fn word_starts(&self) -> &[u32] {
        &self.words
    }

    /// The words, in order: the stream cut at `word_starts`.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let ends = self
            .words
            .iter()
            .skip(1)
            .map(|&start| start as usize)
            .chain(std::iter::once(self.bytes.len()));
        self.words
            .iter()
            .zip(ends)
            .map(|(&start, end)| self.bytes.get(start as usize..end).unwrap_or_default())
    }

    /// What had to be removed that tells of tampering.
    pub fn undone(&self) -> Undone {
        self.undone
    }

    /// Empties the text and keeps its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        self.undone = Undone::default();
    }
}
