//! A unit made ready for matching as a whole: all that a comparison with any register may ask for.
//!
//! A check makes of a text only what it needs, in the order in which it needs it. What is kept for
//! later has to serve questions that are not known yet, so everything is made: of the whole text and
//! of each turn in it, of the normal form and of that with look-alike letters folded.

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Gram;
use crate::fingerprint::Recipe;
use crate::fingerprint::Side;
use crate::fingerprint::Sketcher;
use crate::fingerprint::integrity;
use crate::fingerprint::word_hashes;
use crate::model::Integrity;
use crate::model::Role;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::Speaker;
use crate::text::TextError;
use crate::text::turns;

/// A unit: nothing of its text, and all that matching asks of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The whole text first, then the turns in it that hold a letter.
    pub pieces: Vec<Piece>,
}

/// The whole text or a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Whether it may be an output that only repeats its prompt.
    pub echoes: bool,
    /// The normal form, and that with look-alike letters folded where it differs. None of a text
    /// without letters.
    pub streams: Vec<PreparedStream>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreparedStream {
    /// What had to be undone.
    pub integrity: Integrity,
    /// Length of the normal form in bytes.
    pub bytes: u32,
    /// Its digest.
    pub exact: ExactDigest,
    /// Its grams in order of place.
    pub grams: Vec<Gram>,
    /// One keyed byte per word.
    pub words: Vec<u8>,
    /// Where each word starts, in bytes.
    pub word_starts: Vec<u32>,
}

impl Prepared {
    /// The streams of the whole text.
    pub(super) fn whole(&self) -> &[PreparedStream] {
        self.pieces.first().map_or(&[], |piece| &piece.streams)
    }
}

/// Prepares units; keeps its buffers from one to the next.
pub(crate) struct Preparer {
    normalizer: Normalizer,
    sketcher: Sketcher,
    normal: NormalText,
    loose: NormalText,
    worded: NormalText,
    loose_worded: NormalText,
}

impl Preparer {
    pub(crate) fn new(recipe: Recipe, key: &FingerprintKey) -> Self {
        Self {
            normalizer: Normalizer::new(),
            sketcher: Sketcher::new(recipe, Side::Checked, key.clone()),
            normal: NormalText::default(),
            loose: NormalText::default(),
            worded: NormalText::default(),
            loose_worded: NormalText::default(),
        }
    }

    /// Prepares one text.
    pub(crate) fn prepare(&mut self, text: &str, role: Role) -> Result<Prepared, TextError> {
        let mut pieces = vec![Piece {
            echoes: role != Role::Prompt,
            streams: self.streams(text)?,
        }];
        for turn in turns(text) {
            if turn.text.len() < text.len() {
                let streams = self.streams(turn.text)?;
                if !streams.is_empty() {
                    pieces.push(Piece {
                        echoes: role != Role::Prompt && turn.speaker != Speaker::Asker,
                        streams,
                    });
                }
            }
        }
        Ok(Prepared { pieces })
    }

    fn streams(&mut self, text: &str) -> Result<Vec<PreparedStream>, TextError> {
        self.normalizer.normalize(text, &mut self.normal)?;
        if self.normal.is_empty() {
            return Ok(Vec::new());
        }
        self.normalizer
            .normalize_with_words(text, &mut self.worded)?;
        let sketcher = &mut self.sketcher;
        let mut out = vec![stream(sketcher, &self.normal, &self.worded, false, text)?];
        if self.normalizer.look_alike(&self.normal, &mut self.loose) && !self.loose.is_empty() {
            self.normalizer
                .look_alike(&self.worded, &mut self.loose_worded);
            let folded = (&self.loose, &self.loose_worded);
            out.push(stream(sketcher, folded.0, folded.1, true, text)?);
        }
        Ok(out)
    }
}

fn stream(
    sketcher: &mut Sketcher,
    normal: &NormalText,
    worded: &NormalText,
    look_alike: bool,
    text: &str,
) -> Result<PreparedStream, TextError> {
    let mut grams = Vec::new();
    sketcher.sketch(normal, &mut grams);
    let mut words = Vec::new();
    word_hashes(worded, sketcher.key(), &mut words);
    Ok(PreparedStream {
        integrity: integrity(worded.undone(), look_alike),
        bytes: u32::try_from(normal.len()).map_err(|_| TextError::TooLong { bytes: text.len() })?,
        exact: ExactDigest::of(normal, sketcher.key()),
        grams,
        words,
        word_starts: worded.word_starts().to_vec(),
    })
}
