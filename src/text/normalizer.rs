//! The fast path of the normal form.

use super::compact::BLOCK;
use super::compact::Classes;
use super::compact::compact;
use super::compact::compact_block;
use super::look_alike;
use super::normal::NormalText;
use super::page;
use super::page::Action;
use super::page::Easy;
use super::page::EasyTable;
use super::page::Entry;
use super::property;
use super::property::Gap;
use super::property::Kind;
use super::undo::Undo;
#[cfg(target_arch = "x86_64")]
use super::wide;
use crate::cpu::Vectors;
use std::str::Chars;
use thiserror::Error;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::char::compose;
use unicode_normalization::char::decompose_canonical;

/// Longest text of one unit, in bytes. *Chosen*: a code point of three bytes becomes at most 30
/// bytes of letters, so offsets in the stream fit 32 bits.
pub const TEXT_BYTES_MAX: usize = 256 << 20;

/// Why a text has no normal form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// The unit is longer than `TEXT_BYTES_MAX`.
    #[error(
        "a text of {bytes} bytes is longer than the {} bytes that one unit may have: cut it into \
         overlapping windows",
        TEXT_BYTES_MAX
    )]
    TooLong {
        /// Length of the text in bytes.
        bytes: usize,
    },
}

/// Class of an ASCII byte: the byte it becomes, or one of the two marks below for none.
const SEPARATOR: u8 = 0;
pub(super) const JOINER: u8 = 1;

/// What each ASCII byte becomes; the upper half is never read.
pub(super) const ASCII: [u8; 256] = ascii_table();

const fn ascii_table() -> [u8; 256] {
    let mut table = [SEPARATOR; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            table[byte as usize] = if byte.is_ascii_alphanumeric() {
                byte.to_ascii_lowercase()
            } else if matches!(byte, b'\'' | b'`' | b'-' | b'.' | b',' | b'_') {
                JOINER
            } else {
                SEPARATOR
            };
        }
        byte += 1;
    }
    table
}

/// ASCII bytes ahead after which the ASCII path is taken at once. *Chosen*: one word's length, and
/// one comparison.
const ASCII_AHEAD: usize = 8;

/// Bytes that the easy path gathers before it appends them. *Chosen*: appending costs some
/// nanoseconds whatever the number, and so does making room for more.
const STAGE: usize = 128;

/// Brings texts into normal form; keeps its buffers from one text to the next.
#[derive(Debug)]
pub struct Normalizer {
    vectors: Vectors,
    undo: Undo,
    easy: EasyTable,
    pending: Vec<char>,
    expanded: Vec<char>,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Normalizer {
    /// A normalizer with empty buffers.
    pub fn new() -> Self {
        Self::with(Vectors::get())
    }

    /// A normalizer that uses these instructions, which the machine must have: the result is the
    /// same, and tests hold it so.
    pub fn with(vectors: Vectors) -> Self {
        Self {
            vectors: vectors.min(Vectors::widest()),
            undo: Undo::default(),
            easy: EasyTable::new(),
            pending: Vec::new(),
            expanded: Vec::new(),
        }
    }

    /// Writes the normal form of `text` to `out`, without word starts.
    ///
    /// Time is linear in the length of the text, for every text.
    pub fn normalize(&mut self, text: &str, out: &mut NormalText) -> Result<(), TextError> {
        self.run::<false>(text, out)
    }

    /// Writes the normal form of `text` to `out`, with word starts. The stream is the same as
    /// that of `normalize`.
    pub fn normalize_with_words(
        &mut self,
        text: &str,
        out: &mut NormalText,
    ) -> Result<(), TextError> {
        self.run::<true>(text, out)
    }

    /// Writes the looser stream of `normal` to `out`: letters that look like an ASCII letter or
    /// digit replaced by it. False, with `out` emptied, when nothing is to be replaced.
    ///
    /// Word starts are carried over when `normal` has them.
    pub fn look_alike(&mut self, normal: &NormalText, out: &mut NormalText) -> bool {
        look_alike::fold(normal, out)
    }

    fn run<const WORDS: bool>(
        &mut self,
        text: &str,
        out: &mut NormalText,
    ) -> Result<(), TextError> {
        out.clear();
        if text.len() > TEXT_BYTES_MAX {
            return Err(TextError::TooLong { bytes: text.len() });
        }
        let plain = self.undo.undo(text);
        self.pending.clear();
        let mut pass = Pass::<WORDS> {
            vectors: self.vectors,
            out,
            easy: &mut self.easy,
            pending: &mut self.pending,
            expanded: &mut self.expanded,
            keeps_marks: false,
            last_class: 0,
            gap: GapState::Split,
            after_letterwise: false,
            touching: false,
            hidden: false,
        };
        pass.text(plain);
        Ok(())
    }
}

/// Why the easy path ended.
enum Stop {
    /// At the end of the text.
    End,
    /// Before a stretch of ASCII.
    Ascii,
    /// As much is gathered as is appended at a time.
    Staged,
    /// After a code point that is not easy, and for which nothing was done yet.
    Hard(char),
}

/// What stands between the last kept code point and the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GapState {
    Nothing,
    OneJoiner,
    Split,
}

/// State of one pass over one text.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent fact about what was kept last"
)]
struct Pass<'a, const WORDS: bool> {
    vectors: Vectors,
    out: &'a mut NormalText,
    easy: &'a mut EasyTable,
    /// Decomposed code points of a segment that is not yet composed: a starter, or a mark without
    /// one, and what may combine with it. Empty on the fast path.
    pending: &'a mut Vec<char>,
    expanded: &'a mut Vec<char>,
    /// Whether a mark after the last base is kept.
    keeps_marks: bool,
    /// Combining class of the last code point of the stream, 0 after a base; not kept up while
    /// `pending` holds a segment.
    last_class: u8,
    gap: GapState,
    /// Whether the last base belongs to a script in which every letter is a word.
    after_letterwise: bool,
    /// Whether only transparent code points stand between here and the last kept one.
    touching: bool,
    /// Whether one of those is an ignorable that is noted when a letter follows.
    hidden: bool,
}

impl<const WORDS: bool> Pass<'_, WORDS> {
    fn text(&mut self, text: &str) {
        // One block more than needed for ASCII; other scripts grow it once.
        self.out.bytes.reserve(text.len() + BLOCK);
        let mut rest = text;
        while !rest.is_empty() {
            let ascii = ascii_prefix_len(rest.as_bytes());
            let (plain, tail) = rest.split_at(ascii);
            self.ascii(plain.as_bytes());
            rest = tail;
            rest = self.mixed(rest);
        }
        self.flush();
    }

    /// Appends what a text becomes that begins beyond ASCII, up to the next stretch of ASCII; returns
    /// what is left.
    fn mixed<'t>(&mut self, text: &'t str) -> &'t str {
        let mut chars = text.chars();
        loop {
            let c = if self.hidden || !self.pending.is_empty() {
                chars.next()
            } else {
                self.wide(&mut chars);
                match self.easy(&mut chars) {
                    Stop::Ascii => return chars.as_str(),
                    Stop::Staged => continue,
                    Stop::End => None,
                    Stop::Hard(c) => Some(c),
                }
            };
            let Some(c) = c else {
                return "";
            };
            if c.is_ascii() {
                let mut utf8 = [0_u8; 1];
                self.ascii(c.encode_utf8(&mut utf8).as_bytes());
            } else {
                self.other(c);
            }
        }
    }

    /// Appends what simple code points become, many at a time, where the machine can.
    ///
    /// Nothing may be pending or hidden.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "behind a look at the processor")
    )]
    fn wide(&mut self, chars: &mut Chars<'_>) {
        #[cfg(target_arch = "x86_64")]
        if !WORDS && self.vectors == Vectors::Avx512 {
            let rest = chars.as_str();
            // SAFETY: `Vectors` names a set only after the processor was asked for it.
            let run = unsafe { wide::run(rest.as_bytes(), self.easy, &mut self.out.bytes) };
            *chars = rest.get(run.bytes..).unwrap_or_default().chars();
            if let Some(last) = run.last {
                self.keeps_marks = last.keeps_marks() || last.is_mark();
                self.last_class = last.as_mark().map_or(0, |c| page::look_up(c).last_class);
            }
            self.touching = run.touching.unwrap_or(self.touching);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = chars;
    }

    /// Appends what easy code points become: letters that nothing before them bears on, and what is
    /// dropped. Single spaces and the like between letters of other scripts stay on this path.
    ///
    /// Nothing may be pending or hidden.
    #[expect(
        clippy::indexing_slicing,
        reason = "`len` stays at or below STAGE, and the stage has room for one entry more"
    )]
    fn easy(&mut self, chars: &mut Chars<'_>) -> Stop {
        let mut stage = [0_u8; STAGE + 4];
        let mut len = 0;
        let mut keeps_marks = self.keeps_marks;
        let mut last_class = self.last_class;
        let mut touching = self.touching;
        let stop = loop {
            let rest = chars.as_str().as_bytes();
            let ahead = rest.first_chunk::<ASCII_AHEAD>();
            if ahead.is_some_and(|ahead| ahead.is_ascii()) {
                break Stop::Ascii;
            }
            let Some(c) = chars.next() else {
                break Stop::End;
            };
            let easy = self.easy.get(c);
            if easy.is_simple() {
                let kept = easy.len() > 0;
                if WORDS {
                    self.word_at(easy, len);
                }
                touching = kept;
                keeps_marks = if kept {
                    easy.keeps_marks()
                } else {
                    keeps_marks
                };
                last_class = if kept { 0 } else { last_class };
            } else if easy.is_mark() {
                let entry = page::look_up(c);
                if !keeps_marks || (entry.first_class != 0 && entry.first_class < last_class) {
                    break Stop::Hard(c);
                }
                self.gap = GapState::Nothing;
                touching = true;
                last_class = entry.last_class;
            } else if easy.is_transparent() {
                continue;
            } else {
                break Stop::Hard(c);
            }
            stage[len..len + 4].copy_from_slice(&easy.bytes());
            len += easy.len();
            if len > STAGE - 3 {
                break Stop::Staged;
            }
        };
        self.out.bytes.extend_from_slice(&stage[..len]);
        self.keeps_marks = keeps_marks;
        self.last_class = last_class;
        self.touching = touching;
        stop
    }

    /// Notes a word start if a simple code point begins one; `staged` bytes stand before it and are
    /// not in the stream yet.
    #[inline]
    fn word_at(&mut self, easy: Easy, staged: usize) {
        if easy.len() > 0 {
            if self.gap == GapState::Split || easy.letterwise() || self.after_letterwise {
                let at = self.out.bytes.len() + staged;
                self.out.words.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
            self.after_letterwise = easy.letterwise();
            self.gap = GapState::Nothing;
        } else if easy.is_joiner() {
            self.gap = self.gap.join();
        } else {
            self.gap = GapState::Split;
        }
    }

    /// Appends the letters and digits of an ASCII stretch.
    fn ascii(&mut self, bytes: &[u8]) {
        let Some(&first) = bytes.first() else {
            return;
        };
        if self.touching {
            if is_kept(first) {
                self.out.undone.invisible |= self.hidden;
            }
            self.hidden = false;
        }
        if !self.pending.is_empty() && bytes.iter().any(|&b| is_kept(b)) {
            self.flush();
        }
        let before = self.out.bytes.len();
        if WORDS {
            self.ascii_with_words(bytes);
        } else {
            compact(self.vectors, bytes, &mut self.out.bytes);
        }
        if self.out.bytes.len() > before {
            self.keeps_marks = false;
            self.after_letterwise = false;
            self.last_class = 0;
        }
        self.touching = bytes.last().is_some_and(|&b| is_kept(b));
    }

    /// Like the other, and notes where words start: at a kept byte that neither follows a kept one
    /// nor one joiner after a kept one.
    fn ascii_with_words(&mut self, bytes: &[u8]) {
        let mut gap = if self.after_letterwise {
            GapState::Split
        } else {
            self.gap
        };
        for block in bytes.chunks(BLOCK) {
            let before = self.stream_len();
            let Classes { kept, joiners } = compact_block(self.vectors, block, &mut self.out.bytes);
            // What stands before the block, as if it stood at its first two places.
            let after_kept = u64::from(gap == GapState::Nothing);
            let after_joiner = u64::from(gap == GapState::OneJoiner);
            let follows_kept = (kept << 1) | after_kept;
            let follows_joiner =
                ((joiners << 1) & ((kept << 2) | (after_kept << 1))) | after_joiner;
            let mut starts = kept & !(follows_kept | follows_joiner);
            while starts != 0 {
                let first = starts & starts.wrapping_neg();
                let at = (kept & (first - 1)).count_ones();
                self.out.words.push(before + at);
                starts ^= first;
            }
            let last = 1_u64 << (block.len() - 1);
            gap = if kept & last != 0 {
                GapState::Nothing
            } else if joiners & follows_kept & last != 0 {
                GapState::OneJoiner
            } else {
                GapState::Split
            };
        }
        self.gap = gap;
    }

    /// Appends what a code point beyond ASCII becomes.
    fn other(&mut self, c: char) {
        let entry = page::look_up(c);
        match entry.action {
            Action::Nothing(gap) => self.dropped(gap),
            Action::Ignorable => self.ignorable(c),
            Action::Base => {
                self.flush();
                self.meet();
                if WORDS {
                    self.word_before(entry.letterwise);
                    self.gap = GapState::Nothing;
                }
                entry.append(c, &mut self.out.bytes);
                self.keeps_marks = entry.keeps_marks;
                self.last_class = entry.last_class;
            }
            Action::Mark => self.mark(c, entry),
            Action::Careful => self.careful(c),
        }
    }

    /// A code point that leaves nothing behind.
    fn dropped(&mut self, gap: Gap) {
        match gap {
            Gap::Transparent => return,
            Gap::Joiner => self.gap = self.gap.join(),
            Gap::Separator => self.gap = GapState::Split,
        }
        self.touching = false;
        self.hidden = false;
    }

    fn ignorable(&mut self, c: char) {
        if property::is_bidi_control(c) {
            self.out.undone.bidi = true;
        }
        if self.touching && !(self.keeps_marks && property::is_orthographic_ignorable(c)) {
            self.hidden = true;
        }
    }

    /// A kept code point follows what was kept before.
    fn meet(&mut self) {
        self.out.undone.invisible |= self.hidden;
        self.hidden = false;
        self.touching = true;
    }

    fn mark(&mut self, c: char, entry: &Entry) {
        if !self.keeps_marks {
            self.dropped(property::gap(c));
            return;
        }
        if !self.pending.is_empty()
            || (entry.first_class != 0 && entry.first_class < self.last_class)
        {
            self.careful(c);
            return;
        }
        self.meet();
        self.gap = GapState::Nothing;
        entry.append(c, &mut self.out.bytes);
        self.last_class = entry.last_class;
    }

    /// Takes back the segment that the stream ends with and goes on code point by code point.
    fn careful(&mut self, c: char) {
        let mut expanded = std::mem::take(self.expanded);
        expanded.clear();
        property::expand(c, &mut expanded);
        let mut left_something = false;
        for &part in &expanded {
            match property::kind(part) {
                Kind::Base { keeps_marks } => {
                    self.meet();
                    left_something = true;
                    self.keeps_marks = keeps_marks;
                    self.base(part);
                }
                Kind::Mark if self.keeps_marks => {
                    self.meet();
                    left_something = true;
                    self.gap = GapState::Nothing;
                    self.combine(part);
                }
                Kind::Mark | Kind::Dropped => {}
            }
        }
        if !left_something {
            self.dropped(property::gap(c));
        }
        *self.expanded = expanded;
    }

    fn base(&mut self, part: char) {
        let letterwise = property::is_letterwise(part);
        if WORDS && property::starts_segment(part) {
            self.flush();
            self.word_before(letterwise);
        } else if WORDS && self.out.words.is_empty() {
            self.out.words.push(0);
        }
        self.after_letterwise = letterwise;
        self.gap = GapState::Nothing;
        self.combine(part);
    }

    /// Adds a decomposed code point that may combine with what stands before it.
    fn combine(&mut self, part: char) {
        if property::starts_segment(part) {
            self.flush();
        } else if self.pending.is_empty() {
            self.take_back();
        }
        self.pending.push(part);
    }

    /// Moves the last segment of the stream, decomposed, to `pending`.
    fn take_back(&mut self) {
        let bytes = &mut self.out.bytes;
        let mut start = bytes.len();
        while let Some((at, c)) = char_before(bytes, start) {
            start = at;
            let mut first = None;
            decompose_canonical(c, |part| {
                first.get_or_insert(part);
            });
            if first.is_some_and(property::starts_segment) {
                break;
            }
        }
        let mut at = start;
        while let Some(c) = char_at(bytes, at) {
            at += c.len_utf8();
            decompose_canonical(c, |part| self.pending.push(part));
        }
        bytes.truncate(start);
    }

    /// Orders, composes and appends the pending segment.
    #[inline]
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.flush_pending();
        }
    }

    fn flush_pending(&mut self) {
        order(self.pending);
        let last_class = compose_segment(self.pending);
        let mut utf8 = [0_u8; 4];
        for &c in self.pending.iter() {
            self.out
                .bytes
                .extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        }
        self.pending.clear();
        self.last_class = last_class;
    }

    /// Notes a word start if the base about to be appended begins one.
    fn word_before(&mut self, letterwise: bool) {
        if self.gap == GapState::Split || letterwise || self.after_letterwise {
            self.start_word();
        }
        self.after_letterwise = letterwise;
    }

    fn start_word(&mut self) {
        let at = self.stream_len();
        self.out.words.push(at);
    }

    /// Length of the stream so far; `TEXT_BYTES_MAX` keeps it below 2^32.
    fn stream_len(&self) -> u32 {
        u32::try_from(self.out.bytes.len()).unwrap_or(u32::MAX)
    }
}

impl GapState {
    fn join(self) -> Self {
        match self {
            Self::Nothing => Self::OneJoiner,
            Self::OneJoiner | Self::Split => Self::Split,
        }
    }
}

/// Length of the ASCII stretch at the start.
pub(super) fn ascii_prefix_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for block in bytes.chunks(BLOCK) {
        if !block.is_ascii() {
            let tail = block.iter().take_while(|b| b.is_ascii()).count();
            return len + tail;
        }
        len += block.len();
    }
    len
}

#[expect(
    clippy::indexing_slicing,
    reason = "the table has an entry for every byte"
)]
fn class(b: u8) -> u8 {
    ASCII[usize::from(b)]
}

fn is_kept(b: u8) -> bool {
    class(b) > JOINER
}

/// The character that ends at `end`, a character boundary of a UTF-8 buffer, and where it starts.
fn char_before(bytes: &[u8], end: usize) -> Option<(usize, char)> {
    let start = bytes.get(..end)?.iter().rposition(|&b| b & 0xC0 != 0x80)?;
    char_at(bytes, start).map(|c| (start, c))
}

/// The character that starts at `start`, a character boundary of a UTF-8 buffer.
fn char_at(bytes: &[u8], start: usize) -> Option<char> {
    let tail = bytes.get(start..)?;
    let len = 1 + tail
        .iter()
        .skip(1)
        .take_while(|&&b| b & 0xC0 == 0x80)
        .count();
    #[expect(
        clippy::expect_used,
        reason = "only whole characters are ever appended"
    )]
    let c = std::str::from_utf8(tail.get(..len)?)
        .expect("the stream is UTF-8")
        .chars()
        .next();
    c
}

/// Canonical ordering: marks sorted by combining class, starters left where they are.
fn order(segment: &mut [char]) {
    for run in segment.chunk_by_mut(|_, &next| canonical_combining_class(next) != 0) {
        // The first of a run may be a starter (class 0), which sorts before every mark.
        run.sort_by_key(|&c| canonical_combining_class(c));
    }
}

/// Canonical composition in place (Unicode Standard, section 3.11); returns the combining class of
/// the last code point.
#[expect(
    clippy::indexing_slicing,
    reason = "both indices run over the segment and never pass its length"
)]
fn compose_segment(segment: &mut Vec<char>) -> u8 {
    let mut kept: usize = 0;
    let mut starter = None;
    let mut last_class = 0;
    for at in 0..segment.len() {
        let c = segment[at];
        let class = canonical_combining_class(c);
        if let Some(starter_at) = starter {
            let starter_at: usize = starter_at;
            let adjacent = kept == starter_at + 1;
            let blocked = !adjacent && last_class >= class;
            if !blocked && let Some(composed) = compose(segment[starter_at], c) {
                segment[starter_at] = composed;
                continue;
            }
        }
        if class == 0 {
            starter = Some(kept);
        }
        last_class = class;
        segment[kept] = c;
        kept += 1;
    }
    segment.truncate(kept);
    segment.last().map_or(0, |&c| canonical_combining_class(c))
}
