//! Evidence from grams alone: what stands in for the alignment where a registered text has no words.
//!
//! A text that a partner shared came without word bytes. What is known of it are its grams, its
//! length and the number of its words. So the shared grams are laid out over the unit instead: those
//! that stand as near to each other as neighbours in the registered text do form a **stretch**, and
//! the unit's words that lie wholly inside stretches are the words that both have. An equal text is
//! told by its digest, as ever. What lies between two stretches may be shared too, but nothing shows
//! it: an edited copy is weaker here than by its words, never stronger.
//!
//! A text that is registered with its words *and* was shared stands in the index twice. It is
//! compared once, by its words, as if it had not been shared; both texts have what that shows, so
//! that both claims are found ([`Twins`]).

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::ops::Range;

use crate::fingerprint::ExactDigest;
use crate::fingerprint::Gram;
use crate::fingerprint::Side;
use crate::index::LookUpError;
use crate::index::Postings;
use crate::index::TextId;
use crate::index::TextRow;
use crate::index::WordCount;
use crate::model::Evidence;
use crate::snapshot::Snapshot;

use super::BLOCKS_SPREAD;
use super::CANDIDATE_GRAMS;
use super::CANDIDATE_SPREAD;
use super::EXACT_BYTES_MIN;
use super::EXACT_PER_WORD;
use super::Match;
use super::Matcher;
use super::ROWS_PER_FETCH;
use super::Unit;
use super::align::BLOCKS_MAX;
use super::align::MISS_WORDS;
use super::candidates::RAREST_CANDIDATES;
use super::candidates::Tally;
use super::candidates::most_alike;
use super::strength;
use super::strength::Features;

/// Shortest stretch that counts beside the best block, in words. Chosen: that of an aligned block.
const STRETCH_WORDS: usize = 4;

/// Texts that are in the index twice, with their words and without.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// The one without, by the one with.
    shared: HashMap<TextId, TextId>,
}

impl Twins {
    /// Finds the twins among the texts that may become candidates, and takes the one without words
    /// out of the answers: what is left is what an index without the shared one answers.
    pub(super) fn set_apart(
        snapshot: &Snapshot,
        tallies: &HashMap<TextId, Tally>,
        same: &[TextId],
        answers: &mut [Postings],
    ) -> Result<Self, LookUpError> {
        // Each text has one twin at most: among twice as many are as many others.
        let ids = most_alike(tallies, same, CANDIDATE_GRAMS, 2 * RAREST_CANDIDATES).0;
        let mut wordless: BTreeMap<[u8; 16], TextId> = BTreeMap::new();
        for some in ids.chunks(ROWS_PER_FETCH) {
            for (id, row) in some.iter().zip(snapshot.texts(some)?) {
                if row.counted.is_some() {
                    wordless.insert(row.exact, *id);
                }
            }
        }
        let mut twins = Self::default();
        if wordless.is_empty() {
            return Ok(twins);
        }
        let entries: Vec<u64> = wordless
            .keys()
            .map(|exact| ExactDigest(*exact).entry())
            .collect();
        for answer in snapshot.look_up(&entries)? {
            let Postings::Texts(texts) = answer else {
                continue;
            };
            if texts.len() < 2 {
                continue;
            }
            for (id, row) in texts.iter().zip(snapshot.texts(&texts)?) {
                if row.counted.is_none()
                    && let Some(shared) = wordless.get(&row.exact)
                {
                    twins.shared.insert(*id, *shared);
                }
            }
        }
        for answer in answers {
            if let Postings::Texts(texts) = answer {
                texts.retain(|text| !twins.shared.values().any(|shared| shared == text));
            }
        }
        Ok(twins)
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Gives each twin that was taken out what the other one showed.
    pub(super) fn join(&self, found: &mut Vec<Match>) {
        let more: Vec<Match> = found
            .iter()
            .filter_map(|each| {
                let text = *self.shared.get(&each.text)?;
                Some(Match {
                    text,
                    ..each.clone()
                })
            })
            .collect();
        found.extend(more);
    }
}

/// What a unit shares with a text, as far as grams show it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Covered {
    /// As an alignment would score: the words of the best sequence of stretches, less what lies
    /// between them.
    best: f64,
    /// Words in all stretches of [`STRETCH_WORDS`] and more.
    total: f64,
    /// Words in stretches.
    matched: usize,
    /// The longest stretch, in words and in bytes.
    run_words: usize,
    run_bytes: u32,
}

impl Matcher<'_> {
    /// As [`Matcher::measure`], of a text whose words are only counted.
    pub(super) fn measure_by_grams(
        &self,
        (id, row, counted): (TextId, &TextRow, WordCount),
        tally: Option<&Tally>,
        is_exact: bool,
        unit: Unit,
        answers: &[Postings],
    ) -> Option<Match> {
        let own_words = f64::from(counted.own);
        let gram_letters = self.gram_letters(row);
        let own = own_words / f64::from(counted.words.max(1));
        let recipe = self.sketcher.recipe();
        let positions = f64::from(row.normal_bytes) * own - recipe.gram_bytes() as f64 + 1.0;
        let expected = (positions / gram_letters).max(1.0);
        let shared = tally.map_or(0.0, |t| f64::from(t.grams));
        let rarity = tally.map_or(0.0, |t| t.rarity);
        let unit_grams = (unit.bytes as f64 / gram_letters).max(1.0);
        let spread = (shared / expected).max(rarity / (unit.rarity.max(0.1) * unit_grams));
        let copied = spread >= CANDIDATE_SPREAD && shared >= CANDIDATE_GRAMS;
        if !copied && rarity < unit.rarest && !is_exact {
            return None;
        }
        let unit_words = self.word_hashes.len();
        let covered = if is_exact {
            Covered {
                best: own_words,
                total: own_words,
                matched: unit_words,
                run_words: unit_words,
                run_bytes: u32::try_from(unit.bytes).unwrap_or(u32::MAX),
            }
        } else {
            let window = recipe
                .window_for(Side::Registered, row.normal_bytes as usize)
                .max(recipe.window_for(Side::Checked, unit.bytes));
            let stretches = stretches(places(&self.hits, answers, id), recipe.gram_bytes(), window);
            let covered = covered(&stretches, &self.word_starts, unit.bytes);
            if spread >= BLOCKS_SPREAD {
                covered
            } else {
                Covered {
                    total: covered.best,
                    ..covered
                }
            }
        };
        let mut strength = strength::strength(&Features {
            best: covered.best,
            total: covered.total,
            shared_rarity: rarity,
            shared_grams: shared,
            shared_alone: tally.map_or(0.0, |t| t.alone),
            gram_letters,
            unit_words: unit_words as f64,
            unit_letters: unit.bytes as f64,
            unit_rarity: unit.rarity,
            text_words: own_words,
            text_grams: expected,
        });
        let short = is_exact && unit.bytes < EXACT_BYTES_MIN;
        if is_exact && (self.echoes || own_words > 0.0) {
            strength = strength
                .max(EXACT_PER_WORD * own_words)
                .max(self.strength_min);
        }
        if strength < self.strength_min {
            return None;
        }
        let matched = covered.matched as f64;
        let unit_words = unit_words as f64;
        let tier = strength::tier(is_exact, covered.run_words, matched, unit_words, own_words);
        Some(Match {
            text: id,
            evidence: Evidence {
                tier,
                share_of_row: strength::share(matched, unit_words),
                share_of_output: if is_exact {
                    1.0
                } else {
                    strength::share(matched, own_words)
                },
                longest_run_bytes: u64::from(covered.run_bytes),
                strength,
                integrity: unit.integrity,
            },
            short,
        })
    }
}

/// Where the unit's grams stand that a text has too.
fn places(hits: &[Gram], answers: &[Postings], text: TextId) -> Vec<u32> {
    let mut places: Vec<u32> = hits
        .iter()
        .zip(answers)
        .filter(|(_, answer)| match answer {
            Postings::Texts(texts) => texts.binary_search(&text).is_ok(),
            Postings::Absent | Postings::Common(_) => false,
        })
        .map(|(gram, _)| gram.at)
        .collect();
    places.sort_unstable();
    places
}

/// Bytes of the unit that hold shared grams without a break. Two selected grams of a text that are
/// neighbours there start at most a window apart, so two shared ones that are farther apart in the
/// unit have something between them that the text does not have, or that was not selected.
fn stretches(places: Vec<u32>, gram_bytes: usize, window: usize) -> Vec<Range<u32>> {
    let gram = u32::try_from(gram_bytes).unwrap_or(u32::MAX);
    let window = u32::try_from(window).unwrap_or(u32::MAX);
    let mut stretches: Vec<Range<u32>> = Vec::new();
    let mut before = None;
    for at in places {
        let end = at.saturating_add(gram);
        match stretches.last_mut() {
            Some(last) if before.is_some_and(|before| at - before <= window) => last.end = end,
            _ => stretches.push(at..end),
        }
        before = Some(at);
    }
    stretches
}

/// What stretches, ascending, come to in words; `starts` has the first byte of each word of a unit
/// of so many bytes. Words that lie partly outside are not counted.
fn covered(stretches: &[Range<u32>], starts: &[u32], unit_bytes: usize) -> Covered {
    let mut covered = Covered::default();
    let mut lengths: Vec<usize> = Vec::new();
    let (mut score, mut done) = (0.0_f64, 0);
    for stretch in stretches {
        let from = starts.partition_point(|start| *start < stretch.start);
        // A word ends where the next one starts, the last one where the unit does.
        let mut to = starts
            .partition_point(|start| *start <= stretch.end)
            .saturating_sub(1);
        if stretch.end as usize >= unit_bytes {
            to = starts.len();
        }
        let words = to.saturating_sub(from);
        let missed = MISS_WORDS * from.saturating_sub(done) as f64;
        score = (score - missed).max(0.0) + words as f64;
        done = to.max(from);
        covered.best = covered.best.max(score);
        covered.matched += words;
        covered.run_words = covered.run_words.max(words);
        covered.run_bytes = covered.run_bytes.max(stretch.end - stretch.start);
        if words >= STRETCH_WORDS {
            lengths.push(words);
        }
    }
    lengths.sort_unstable_by(|one, two| two.cmp(one));
    let blocks = lengths.iter().take(BLOCKS_MAX).sum::<usize>() as f64;
    covered.total = blocks.max(covered.best);
    covered
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "a list of one stretch is a list of one range"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_form_a_stretch_and_others_do_not() {
        assert_eq!(stretches(vec![0, 57, 114], 24, 57), [0..138]);
        assert_eq!(stretches(vec![0, 58, 60], 24, 57), [0..24, 58..84]);
        assert!(stretches(Vec::new(), 24, 57).is_empty());
    }

    #[test]
    fn only_words_inside_a_stretch_count() {
        // Words of five bytes; the unit has a hundred of them.
        let starts: Vec<u32> = (0..100).map(|word| 5 * word).collect();
        let one = covered(&[3..52], &starts, 500);
        assert_eq!((one.matched, one.run_words, one.run_bytes), (9, 9, 49));
        assert!((one.best - 9.0).abs() < 1e-9 && (one.total - 9.0).abs() < 1e-9);
        let all = covered(&[0..500], &starts, 500);
        assert_eq!((all.matched, all.run_words), (100, 100));
        // The last word ends where the unit does.
        assert_eq!(covered(&[480..499], &starts, 500).matched, 3);
        assert_eq!(covered(&[480..500], &starts, 500).matched, 4);
        assert_eq!(covered(&[6..9], &starts, 500).matched, 0);
    }

    #[test]
    fn what_lies_between_stretches_costs_what_a_miss_costs() {
        let starts: Vec<u32> = (0..100).map(|word| 5 * word).collect();
        let near = covered(&[0..50, 60..110], &starts, 500);
        assert!((near.best - (20.0 - 2.0 * MISS_WORDS)).abs() < 1e-9);
        assert!((near.total - 20.0).abs() < 1e-9);
        // Farther apart than either is worth, the better one stands alone.
        let far = covered(&[0..50, 300..365], &starts, 500);
        assert!((far.best - 13.0).abs() < 1e-9);
        assert!((far.total - 23.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn no_more_is_covered_than_there_is(
            places in prop::collection::btree_set(0u32..1000, 0..60),
            words in prop::collection::btree_set(1u32..1024, 0..200),
            window in 1usize..60,
        ) {
            let starts: Vec<u32> = [0].into_iter().chain(words).collect();
            let stretches = stretches(places.iter().copied().collect(), 24, window);
            for at in &places {
                prop_assert!(stretches.iter().any(|one| one.start <= *at && at + 24 <= one.end));
            }
            let covered = covered(&stretches, &starts, 1024);
            // Overlapping stretches may count a word twice, where two grams overlap and are no
            // neighbours; the window is wider than a gram wherever that is not so.
            prop_assert!(covered.best <= covered.matched as f64 + 1e-9);
            if window >= 24 {
                prop_assert!(covered.matched <= starts.len());
                prop_assert!(covered.run_bytes <= 1024);
            }
        }
    }
}
