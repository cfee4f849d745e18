//! From the units of a batch to what the index stores of each output.

use std::ops::Range;

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Gram;
use crate::fingerprint::GramSet;
use crate::fingerprint::NOT_EVIDENCE;
use crate::fingerprint::Recipe;
use crate::fingerprint::Side;
use crate::fingerprint::Sketcher;
use crate::fingerprint::word_hashes;
use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::Role;
use crate::model::UnitSpan;
use crate::read;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::Speaker;
use crate::text::TextError;
use crate::text::Turn;
use crate::text::turns;

/// What the outputs of one batch came to.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// The outputs, in reading order.
    pub prepared: Vec<Prepared>,
    /// Word bytes of all outputs, back to back.
    words: Vec<u8>,
    /// Keyed grams of all outputs, back to back.
    grams: Vec<u64>,
    /// Raw model ids that rows claim.
    pub models: Vec<String>,
    /// Leaves of unknown role that were not taken, each with its column.
    pub unknown: Vec<ColumnId>,
}

/// One output, fingerprinted.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// 0-based row in its file.
    pub row: u64,
    /// Column it was found in.
    pub column: ColumnId,
    /// Raw model id that the row claims, as an index into [`Outputs::models`].
    pub model: Option<u32>,
    /// UTF-8 bytes of the output.
    pub text_bytes: u64,
    /// What identifies it; `None` for an output without a letter or digit.
    pub print: Option<Print>,
}

/// The fingerprint of one output as the index stores it.
#[derive(Debug)]
pub(crate) struct Print {
    /// Keyed digest of the normal form.
    pub exact: ExactDigest,
    /// Bytes of the normal form.
    pub normal_bytes: u32,
    /// Its bytes in [`Outputs::words`].
    words: Range<usize>,
    /// Its grams in [`Outputs::grams`].
    grams: Range<usize>,
}

impl Outputs {
    /// One keyed byte per word of an output; 0 where the prompt says the same.
    pub(crate) fn words(&self, print: &Print) -> &[u8] {
        self.words.get(print.words.clone()).unwrap_or_default()
    }

    /// Keyed grams of an output in any order, perhaps repeated; the prompt's own left out.
    pub(crate) fn grams(&self, print: &Print) -> &[u64] {
        self.grams.get(print.grams.clone()).unwrap_or_default()
    }
}

impl read::Outcome for Outputs {
    fn renumber(&mut self, column: &dyn Fn(ColumnId) -> ColumnId) {
        let prepared = self.prepared.iter_mut().map(|output| &mut output.column);
        for id in prepared.chain(&mut self.unknown) {
            *id = column(*id);
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.unknown.as_slice())
            + size_of_val(self.prepared.as_slice())
            + self.words.len()
            + size_of_val(self.grams.as_slice())
            + self.models.iter().map(String::len).sum::<usize>()
    }
}

/// The outputs in one unit: what the model says in a transcript, each text of a packed sequence, or
/// the whole. In a transcript that names no model's turn nothing says which part is output: the
/// whole is.
fn said<'t>(text: &'t str, turns: &[Turn<'t>]) -> Vec<&'t str> {
    let of = |speaker: Speaker| {
        let theirs = turns.iter().filter(move |turn| turn.speaker == speaker);
        theirs.map(|turn| turn.text).collect::<Vec<_>>()
    };
    let (model, asker, unknown) = (of(Speaker::Model), of(Speaker::Asker), of(Speaker::Unknown));
    if !model.is_empty() {
        model
    } else if asker.is_empty() && !unknown.is_empty() {
        unknown
    } else {
        vec![text]
    }
}

/// Fingerprints outputs; one per worker thread, all buffers reused.
pub(crate) struct Preparer {
    sketcher: Sketcher,
    normalizer: Normalizer,
    take_unknown: bool,
    normal: NormalText,
    loose: NormalText,
    prompt: NormalText,
    grams: Vec<Gram>,
    words: Vec<u8>,
    covered: Vec<bool>,
    /// Grams of the prompts in hand, and buffers behind them.
    sets: Vec<GramSet>,
}

impl Preparer {
    /// `take_unknown`: units of unknown role are outputs too (a lone `text` column).
    pub(crate) fn new(recipe: Recipe, key: &FingerprintKey, take_unknown: bool) -> Self {
        Self {
            sketcher: Sketcher::new(recipe, Side::Registered, key.clone()),
            normalizer: Normalizer::new(),
            take_unknown,
            normal: NormalText::default(),
            loose: NormalText::default(),
            prompt: NormalText::default(),
            grams: Vec::new(),
            words: Vec::new(),
            covered: Vec::new(),
            sets: Vec::new(),
        }
    }

    /// Every output of the batch, in reading order.
    pub(crate) fn outputs(&mut self, batch: &Batch) -> Result<Outputs, TextError> {
        let mut out = Outputs {
            models: batch.models.clone(),
            ..Outputs::default()
        };
        let mut sets = std::mem::take(&mut self.sets);
        for row in batch.units.chunk_by(|a, b| a.row == b.row) {
            let mut of_row = None;
            for unit in row {
                match unit.role {
                    Role::Output => {}
                    Role::Unknown if self.take_unknown => {}
                    Role::Unknown => {
                        out.unknown.push(unit.column);
                        continue;
                    }
                    Role::Prompt => continue,
                }
                let of_row = match of_row {
                    Some(count) => count,
                    None => *of_row.insert(self.prompts(batch, row, &mut sets)?),
                };
                let text = batch.unit_text(unit);
                let turns = match unit.role {
                    // A lone text may be a transcript; what is declared output is output as a whole.
                    Role::Unknown => turns(text),
                    Role::Output | Role::Prompt => Vec::new(),
                };
                let asked = self.asked(&turns, of_row, &mut sets)?;
                let prompts = sets.get(..asked).unwrap_or_default();
                for text in said(text, &turns) {
                    let print = self.print(text, prompts, &mut out)?;
                    out.prepared.push(Prepared {
                        row: batch.first_row + u64::from(unit.row),
                        column: unit.column,
                        model: unit.model,
                        text_bytes: text.len() as u64,
                        print,
                    });
                }
            }
        }
        self.sets = sets;
        Ok(out)
    }

    /// Fills the first of `sets` with the grams of each prompt of the row, wherever they stand in it;
    /// returns how many.
    fn prompts(
        &mut self,
        batch: &Batch,
        row: &[UnitSpan],
        sets: &mut Vec<GramSet>,
    ) -> Result<usize, TextError> {
        let mut count = 0;
        for unit in row.iter().filter(|u| u.role == Role::Prompt) {
            self.fill(batch.unit_text(unit), count, sets)?;
            count += 1;
        }
        Ok(count)
    }

    /// Fills the sets behind the row's own with what a transcript inside the output asks; returns how
    /// many sets there are then.
    fn asked(
        &mut self,
        turns: &[Turn<'_>],
        of_row: usize,
        sets: &mut Vec<GramSet>,
    ) -> Result<usize, TextError> {
        let mut count = of_row;
        for turn in turns.iter().filter(|turn| turn.speaker == Speaker::Asker) {
            self.fill(turn.text, count, sets)?;
            count += 1;
        }
        Ok(count)
    }

    /// Makes the grams of a text the set at a place, which is at most one behind the last.
    fn fill(&mut self, text: &str, place: usize, sets: &mut Vec<GramSet>) -> Result<(), TextError> {
        self.normalizer.normalize(text, &mut self.prompt)?;
        if place >= sets.len() {
            sets.resize_with(place + 1, GramSet::default);
        }
        if let Some(set) = sets.get_mut(place) {
            set.refill(&self.prompt, self.sketcher.recipe());
        }
        Ok(())
    }

    fn print(
        &mut self,
        text: &str,
        prompts: &[GramSet],
        out: &mut Outputs,
    ) -> Result<Option<Print>, TextError> {
        self.normalizer
            .normalize_with_words(text, &mut self.normal)?;
        if self.normal.is_empty() {
            return Ok(None);
        }
        let normal = std::mem::take(&mut self.normal);
        let (words, grams) = (out.words.len(), out.grams.len());
        self.grams_of(&normal, prompts, &mut out.grams);
        let mut loose = std::mem::take(&mut self.loose);
        if self.normalizer.look_alike(&normal, &mut loose) {
            self.grams_of(&loose, prompts, &mut out.grams);
        }
        if out.grams.len() == grams {
            self.anchor(&normal, &mut out.grams);
        }
        word_hashes(&normal, self.sketcher.key(), &mut self.words);
        for prompt in prompts {
            prompt.cover(&normal, &mut self.covered);
            for (word, covered) in self.words.iter_mut().zip(&self.covered) {
                if *covered {
                    *word = NOT_EVIDENCE;
                }
            }
        }
        out.words.extend_from_slice(&self.words);
        let exact = ExactDigest::of(&normal, self.sketcher.key());
        let normal_bytes =
            u32::try_from(normal.len()).map_err(|_| TextError::TooLong { bytes: text.len() })?;
        self.normal = normal;
        self.loose = loose;
        Ok(Some(Print {
            exact,
            normal_bytes,
            words: words..out.words.len(),
            grams: grams..out.grams.len(),
        }))
    }

    /// Appends the one gram by which a text is found that has none besides its prompt's: so that an
    /// equal text is known, as every equal text is. None if it is shorter than a gram.
    fn anchor(&mut self, normal: &NormalText, out: &mut Vec<u64>) {
        self.sketcher.sketch(normal, &mut self.grams);
        out.extend(self.grams.first().map(|gram| gram.id));
    }

    /// Appends the grams of one stream that are in no prompt.
    fn grams_of(&mut self, text: &NormalText, prompts: &[GramSet], out: &mut Vec<u64>) {
        self.sketcher.sketch_without(text, prompts, &mut self.grams);
        out.extend(self.grams.iter().map(|gram| gram.id));
    }
}
