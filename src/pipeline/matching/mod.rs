//! From one unit to the registered texts it shares evidence with.
//!
//! Grams find candidates, an ordered alignment decides ([`align`]), one number says how strong
//! ([`strength`]). A candidate shares half of its grams, or of the unit's, or is among the eight
//! with the rarest ones; every candidate is compared, but a cheap upper bound ([`bound`]) spares the
//! alignment of those that could not reach the threshold. Almost every clean unit ends in memory, at
//! the [`sieve`]. An error of the look-up is returned as an error: no answer is not a "no".

use serde::Deserialize;
use serde::Serialize;

mod align;
mod bound;
mod by_grams;
mod candidates;
mod prepare;
mod sieve;
mod strength;

use thiserror::Error;

use crate::fingerprint::ExactDigest;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Gram;
use crate::fingerprint::Recipe;
use crate::fingerprint::Side;
use crate::fingerprint::Sketcher;
use crate::fingerprint::integrity;
use crate::fingerprint::word_hashes;
use crate::index::Hit;
use crate::index::LookUpError;
use crate::index::Postings;
use crate::index::TextId;
use crate::index::TextRow;
use crate::model::Batch;
use crate::model::Claim;
use crate::model::Evidence;
use crate::model::Integrity;
use crate::model::Role;
use crate::snapshot::Snapshot;
use crate::text::NormalText;
use crate::text::Normalizer;
use crate::text::Speaker;
use crate::text::TextError;
use crate::text::turns;

use align::Aligner;
use align::Alignment;
use align::Blocks;
use align::Run;
use bound::WordBag;
use by_grams::Twins;
use candidates::Tally;
use candidates::candidates;
use candidates::one_of_each_text;
use candidates::tally;
pub(crate) use prepare::Piece;
pub(crate) use prepare::Prepared;
pub(crate) use prepare::PreparedStream;
pub(crate) use prepare::Preparer;
use sieve::Sieve;
use strength::Features;

/// Share of the grams, of the unit or of the text, and number of grams, from which a text is
/// compared although eight others share rarer ones. Chosen: a copy with a word changed here and
/// there keeps more than half; texts of one or two grams share them by chance.
const CANDIDATE_SPREAD: f64 = 0.5;
const CANDIDATE_GRAMS: f64 = 3.0;

/// Text rows fetched at once. Chosen: some hundred kilobytes, whatever the number of candidates.
const ROWS_PER_FETCH: usize = 256;

/// Shortest normal form, in bytes, that an exact match may rest on alone; shorter ones are flags at
/// most. Chosen: 60 letters are about twelve words; `docs/accuracy.md` reports the texts below.
pub const EXACT_BYTES_MIN: usize = 60;

/// Strength of an exact match per word of the registered output's own. Chosen: what alignment and
/// blocks alone give a full copy (see `strength`).
const EXACT_PER_WORD: f64 = 1.5;

/// Share of the grams, of the unit or of the text, from which further blocks are looked for. Chosen:
/// shuffled sentences keep well over half of their grams, other models' answers share a tenth.
const BLOCKS_SPREAD: f64 = 0.2;

/// One registered text that a unit has evidence for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Match {
    /// The text.
    pub text: TextId,
    /// How it relates to the unit.
    pub evidence: Evidence,
    /// Whether it rests on an exact match below [`EXACT_BYTES_MIN`].
    pub short: bool,
}

/// Why a unit could not be matched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MatchError {
    /// The index did not answer.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// The unit is too long to be normalised.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The sketches of a batch, which the check was to keep, could not be made.
    #[error("the sketches of the texts could not be made: {0}")]
    Sketch(String),
}

/// Finds matches; one per worker thread, all buffers reused.
pub(crate) struct Matcher<'a> {
    snapshot: &'a Snapshot,
    sieve: Sieve,
    sketcher: Sketcher,
    normalizer: Normalizer,
    aligner: Aligner,
    bag: WordBag,
    strength_min: f64,
    /// Whether some texts came without their words.
    bundled: bool,
    /// Whether the text in hand may be an output that only repeats its prompt: a prompt is not.
    echoes: bool,
    normal: NormalText,
    loose: NormalText,
    worded: NormalText,
    grams: Vec<Gram>,
    ids: Vec<u64>,
    probable: Vec<Hit>,
    hits: Vec<Gram>,
    word_hashes: Vec<u8>,
    /// Where the words start in the stream, in bytes.
    word_starts: Vec<u32>,
}

/// Facts of the unit under comparison.
#[derive(Clone, Copy)]
struct Unit {
    /// Mean rarity of its grams.
    rarity: f64,
    bytes: usize,
    integrity: Integrity,
    /// Summed rarity of the last of the [`candidates::RAREST_CANDIDATES`].
    rarest: f64,
}

/// Which stream of the unit is matched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// The normal form.
    Strict,
    /// The normal form with look-alike letters folded.
    Loose,
}

/// One stream of a unit, as matching asks for it.
#[derive(Clone, Copy)]
enum Made<'t> {
    /// Of a text in hand: exact digest and words are made where they are asked for.
    Now {
        normal: &'t NormalText,
        text: &'t str,
        stream: Stream,
    },
    /// Made before, whole.
    Before(&'t PreparedStream),
}

impl Made<'_> {
    /// Length of the normal form in bytes.
    fn bytes(self) -> usize {
        match self {
            Self::Now { normal, .. } => normal.len(),
            Self::Before(stream) => stream.bytes as usize,
        }
    }
}

impl<'a> Matcher<'a> {
    /// A matcher that reports matches of at least `strength_min`.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        recipe: Recipe,
        key: &FingerprintKey,
        strength_min: f64,
    ) -> Self {
        Self {
            snapshot,
            sieve: Sieve::new(snapshot, recipe, key),
            sketcher: Sketcher::new(recipe, Side::Checked, key.clone()),
            normalizer: Normalizer::new(),
            aligner: Aligner::default(),
            bag: WordBag::default(),
            strength_min,
            bundled: snapshot.sources().iter().any(|s| s.bundle.is_some()),
            echoes: true,
            normal: NormalText::default(),
            loose: NormalText::default(),
            worded: NormalText::default(),
            grams: Vec::new(),
            ids: Vec::new(),
            probable: Vec::new(),
            hits: Vec::new(),
            word_hashes: Vec::new(),
            word_starts: Vec::new(),
        }
    }

    /// Writes the places of the batch's units that are worth [`matches`](Self::matches) to `out`,
    /// ascending; what is left out has no match to show for. Almost every unit of clean text is.
    pub(crate) fn sieve(&mut self, batch: &Batch, out: &mut Vec<usize>) -> Result<(), MatchError> {
        Ok(self.sieve.pass(self.snapshot, batch, out)?)
    }

    /// The same of units that were prepared before.
    pub(crate) fn sieve_prepared<'u>(
        &mut self,
        units: impl Iterator<Item = &'u Prepared>,
        out: &mut Vec<usize>,
    ) {
        self.sieve.pass_prepared(self.snapshot, units, out);
    }

    /// Every registered text with at least the minimal strength of evidence, strongest first.
    pub(crate) fn matches(&mut self, text: &str, role: Role) -> Result<Vec<Match>, MatchError> {
        let mut normal = std::mem::take(&mut self.normal);
        let mut loose = std::mem::take(&mut self.loose);
        let found = self.in_text_and_turns(text, role, &mut normal, &mut loose);
        self.normal = normal;
        self.loose = loose;
        found
    }

    /// The same of a unit that was prepared before: what its text would give.
    pub(crate) fn matches_prepared(&mut self, unit: &Prepared) -> Result<Vec<Match>, MatchError> {
        let mut found = Vec::new();
        for (place, piece) in unit.pieces.iter().enumerate() {
            self.echoes = piece.echoes;
            for stream in &piece.streams {
                let of_stream = self.in_stream(Made::Before(stream))?;
                let counts = |each: &Match| place == 0 || !each.short;
                found.extend(of_stream.into_iter().filter(counts));
            }
        }
        Ok(strongest_first(found))
    }

    /// Matches of the whole text, and of each turn of a transcript and each text packed in it: an
    /// answer that is equal to a registered one is equal whatever stands around it.
    fn in_text_and_turns(
        &mut self,
        text: &str,
        role: Role,
        normal: &mut NormalText,
        loose: &mut NormalText,
    ) -> Result<Vec<Match>, MatchError> {
        self.echoes = role != Role::Prompt;
        let mut found = self.in_both_streams(text, normal, loose)?;
        for turn in turns(text) {
            if turn.text.len() < text.len() {
                self.echoes = role != Role::Prompt && turn.speaker != Speaker::Asker;
                let of_turn = self.in_both_streams(turn.text, normal, loose)?;
                // That a turn of a few letters was registered too says nothing of the transcript.
                found.extend(of_turn.into_iter().filter(|each| !each.short));
            }
        }
        Ok(strongest_first(found))
    }

    /// Who registered a text; empty when every source that did was withdrawn.
    pub(crate) fn claims(&self, text: TextId) -> Result<Vec<Claim>, LookUpError> {
        self.snapshot.claims(text)
    }

    fn in_both_streams(
        &mut self,
        text: &str,
        normal: &mut NormalText,
        loose: &mut NormalText,
    ) -> Result<Vec<Match>, MatchError> {
        self.normalizer.normalize(text, normal)?;
        if normal.is_empty() {
            return Ok(Vec::new());
        }
        let strict = Made::Now {
            normal,
            text,
            stream: Stream::Strict,
        };
        let mut found = self.in_stream(strict)?;
        if self.normalizer.look_alike(normal, loose) {
            let loose = Made::Now {
                normal: loose,
                text,
                stream: Stream::Loose,
            };
            found.extend(self.in_stream(loose)?);
        }
        Ok(found)
    }

    fn in_stream(&mut self, made: Made<'_>) -> Result<Vec<Match>, MatchError> {
        match made {
            Made::Now { normal, .. } => self.sketcher.sketch(normal, &mut self.grams),
            Made::Before(stream) => {
                self.grams.clear();
                self.grams.extend_from_slice(&stream.grams);
            }
        }
        // A phrase that the unit repeats is one piece of evidence, where it stands first.
        self.grams.sort_unstable_by_key(|gram| (gram.id, gram.at));
        self.grams.dedup_by_key(|gram| gram.id);
        self.ids.clear();
        self.ids.extend(self.grams.iter().map(|g| g.id));
        self.probable.clear();
        self.snapshot.probe_batch(&self.ids, &mut self.probable);
        // A gram that is in several segments is one gram.
        self.probable.dedup_by_key(|hit| hit.at);
        let hits = self
            .probable
            .iter()
            .filter_map(|hit| self.grams.get(hit.at as usize));
        self.hits.clear();
        self.hits.extend(hits);
        // The exact digest costs a pass over the text: only after a gram hit, or when there are no
        // grams to ask with.
        if self.hits.is_empty() && !self.grams.is_empty() {
            return Ok(Vec::new());
        }
        let exact = match made {
            Made::Now { normal, .. } => ExactDigest::of(normal, self.sketcher.key()),
            Made::Before(stream) => stream.exact,
        };
        if self.hits.is_empty() && !self.snapshot.probe(exact.entry()) {
            return Ok(Vec::new());
        }
        let mut asked: Vec<u64> = self.hits.iter().map(|g| g.id).collect();
        asked.push(exact.entry());
        let mut answers = self.snapshot.look_up(&asked)?;
        let texts = self.snapshot.manifest().texts;
        let (mut tallies, mut rarity) = tally(&self.grams, &self.hits, &answers, texts);
        let mut twins = Twins::default();
        if self.bundled {
            let same = equal_texts(&answers).to_vec();
            twins = Twins::set_apart(self.snapshot, &tallies, &same, &mut answers)?;
            if !twins.is_empty() {
                (tallies, rarity) = tally(&self.grams, &self.hits, &answers, texts);
            }
        }
        let rarity = rarity / self.grams.len().max(1) as f64;
        let same = equal_texts(&answers);
        let (ids, rarest) = candidates(&tallies, same, CANDIDATE_GRAMS);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let integrity = self.words_of(made)?;
        let unit = Unit {
            rarity,
            bytes: made.bytes(),
            integrity,
            rarest,
        };
        self.bag.fill(&self.word_hashes);
        let mut out = Vec::new();
        for some in ids.chunks(ROWS_PER_FETCH) {
            let rows = self.snapshot.texts(some)?;
            for (id, row) in some.iter().zip(&rows) {
                let is_exact = row.exact == exact.0;
                let tally = tallies.get(id);
                if tally.is_some() || is_exact {
                    out.extend(match row.counted {
                        None => self.measure(*id, row, tally, is_exact, unit),
                        Some(counted) => {
                            let text = (*id, row, counted);
                            self.measure_by_grams(text, tally, is_exact, unit, &answers)
                        }
                    });
                }
            }
        }
        twins.join(&mut out);
        Ok(out)
    }

    /// Brings the unit into words, which the filter did not need; says what had to be undone.
    fn words_of(&mut self, made: Made<'_>) -> Result<Integrity, MatchError> {
        self.word_hashes.clear();
        self.word_starts.clear();
        let (text, stream) = match made {
            Made::Now { text, stream, .. } => (text, stream),
            Made::Before(stream) => {
                self.word_hashes.extend_from_slice(&stream.words);
                self.word_starts.extend_from_slice(&stream.word_starts);
                return Ok(stream.integrity);
            }
        };
        self.normalizer
            .normalize_with_words(text, &mut self.worded)?;
        if stream == Stream::Loose {
            let strict = std::mem::take(&mut self.worded);
            self.normalizer.look_alike(&strict, &mut self.worded);
        }
        word_hashes(&self.worded, self.sketcher.key(), &mut self.word_hashes);
        self.word_starts
            .extend_from_slice(self.worded.word_starts());
        let look_alike = stream == Stream::Loose;
        Ok(integrity(self.worded.undone(), look_alike))
    }

    fn measure(
        &mut self,
        id: TextId,
        row: &TextRow,
        tally: Option<&Tally>,
        is_exact: bool,
        unit: Unit,
    ) -> Option<Match> {
        let own_words = row.words.iter().filter(|w| **w != 0).count() as f64;
        let (from, to) = self.region(row, tally);
        let words = self.word_hashes.get(from..to).unwrap_or(&[]);
        // Only grams all over the unit or the text suggest that there is more than one block.
        let gram_letters = self.gram_letters(row);
        let expected = self.expected_grams(row, own_words, gram_letters);
        let shared = tally.map_or(0.0, |t| f64::from(t.grams));
        let rarity = tally.map_or(0.0, |t| t.rarity);
        let unit_grams = (unit.bytes as f64 / gram_letters).max(1.0);
        let spread = (shared / expected).max(rarity / (unit.rarity.max(0.1) * unit_grams));
        let copied = spread >= CANDIDATE_SPREAD && shared >= CANDIDATE_GRAMS;
        if !copied && rarity < unit.rarest && !is_exact {
            return None;
        }
        let blocks = if spread >= BLOCKS_SPREAD {
            Blocks::All
        } else {
            Blocks::Best
        };
        let unit_words = self.word_hashes.len() as f64;
        let mut features = Features {
            best: 0.0,
            total: 0.0,
            shared_rarity: rarity,
            shared_grams: shared,
            shared_alone: tally.map_or(0.0, |t| t.alone),
            gram_letters,
            unit_words,
            unit_letters: unit.bytes as f64,
            unit_rarity: unit.rarity,
            text_words: own_words,
            text_grams: expected,
        };
        // The bound holds for the table, not for the seeds that stand in above its limit.
        if !is_exact && align::fits_table(words, &row.words) {
            let bound = self.bag.bound(&row.words);
            features.best = bound.best;
            features.total = match blocks {
                Blocks::All => bound.total,
                Blocks::Best => bound.best,
            };
            if strength::strength(&features) < self.strength_min {
                return None;
            }
        }
        let words = self.word_hashes.get(from..to).unwrap_or(&[]);
        let alignment = if is_exact {
            Alignment::of_equals(words.len(), own_words)
        } else {
            self.aligner.align(words, &row.words, blocks)
        };
        (features.best, features.total) = (alignment.best, alignment.total);
        let mut strength = strength::strength(&features);
        let short = is_exact && unit.bytes < EXACT_BYTES_MIN;
        if is_exact && (self.echoes || own_words > 0.0) {
            // Letter for letter the same: as strong as a full copy of its own words, whatever its
            // grams are worth, and never below notice, even if it only repeats its prompt.
            strength = strength
                .max(EXACT_PER_WORD * own_words)
                .max(self.strength_min);
        }
        if strength < self.strength_min {
            return None;
        }
        let matched = if is_exact {
            unit_words
        } else {
            alignment.matched as f64
        };
        // Of a candidate that falls short nobody asks.
        let run = self.longest_run(from, to, row, is_exact);
        let tier = strength::tier(is_exact, run.words, matched, unit_words, own_words);
        let of = |whole: f64| {
            if whole > 0.0 {
                (matched / whole).min(1.0)
            } else {
                0.0
            }
        };
        Some(Match {
            text: id,
            evidence: Evidence {
                tier,
                share_of_row: of(unit_words),
                share_of_output: if is_exact { 1.0 } else { of(own_words) },
                longest_run_bytes: if is_exact {
                    unit.bytes as u64
                } else {
                    self.run_bytes(from, run, unit.bytes)
                },
                strength,
                integrity: unit.integrity,
            },
            short,
        })
    }

    /// How many letters one gram of a text of this length stands for: winnowing keeps two grams in
    /// every `w + 1` positions on average (Schleimer et al. 2003), so nothing is stored.
    fn gram_letters(&self, row: &TextRow) -> f64 {
        let recipe = self.sketcher.recipe();
        let window = recipe.window_for(Side::Registered, row.normal_bytes as usize);
        f64::midpoint(window as f64, 1.0)
    }

    /// How many grams a text of this length has, its prompt's part left out.
    fn expected_grams(&self, row: &TextRow, own_words: f64, gram_letters: f64) -> f64 {
        let own = own_words / (row.words.len().max(1) as f64);
        let gram_bytes = self.sketcher.recipe().gram_bytes() as f64;
        let positions = f64::from(row.normal_bytes) * own - gram_bytes + 1.0;
        (positions / gram_letters).max(1.0)
    }

    /// The words of the unit worth aligning with a candidate: all when the table is small, else
    /// those around the shared grams.
    fn region(&self, row: &TextRow, tally: Option<&Tally>) -> (usize, usize) {
        let all = self.word_hashes.len();
        let Some(tally) = tally else { return (0, all) };
        if all.saturating_mul(row.words.len()) <= align::CELLS_MAX {
            return (0, all);
        }
        let margin = row.normal_bytes.saturating_add(1_000);
        let low = tally.first.saturating_sub(margin);
        let high = tally.last.saturating_add(margin);
        (
            self.word_starts.partition_point(|w| *w < low),
            self.word_starts.partition_point(|w| *w <= high),
        )
    }

    /// The longest run of equal words in a region of the unit.
    fn longest_run(&mut self, from: usize, to: usize, row: &TextRow, is_exact: bool) -> Run {
        let words = self.word_hashes.get(from..to).unwrap_or(&[]);
        if is_exact {
            return Run {
                start: 0,
                words: words.len(),
            };
        }
        self.aligner.longest_run(words, &row.words)
    }

    /// Length of the longest run in bytes of the normal form.
    fn run_bytes(&self, from: usize, run: Run, unit_bytes: usize) -> u64 {
        if run.words == 0 {
            return 0;
        }
        let start = from + run.start;
        let end = start + run.words;
        let at = |word: usize| {
            self.word_starts
                .get(word)
                .map_or(unit_bytes as u64, |w| u64::from(*w))
        };
        at(end).saturating_sub(at(start))
    }
}

/// The texts that the last answer, that for the exact digest, names.
fn equal_texts(answers: &[Postings]) -> &[TextId] {
    match answers.last() {
        Some(Postings::Texts(ids)) => ids,
        Some(Postings::Absent | Postings::Common(_)) | None => &[],
    }
}

/// Each text once, strongest first.
fn strongest_first(found: Vec<Match>) -> Vec<Match> {
    let mut found = one_of_each_text(found);
    found.sort_by(|a, b| {
        b.evidence
            .strength
            .total_cmp(&a.evidence.strength)
            .then(a.text.cmp(&b.text))
    });
    found
}
