//! Tables of the normal form, 256 code points to a page, filled when first met.
//!
//! A page holds for each code point the bytes it becomes and what the fast path must know to
//! append them without looking at neighbours. Filling a page takes some hundred microseconds and
//! happens once per process; a text in one script meets a handful of pages.

use super::property;
use super::property::Gap;
use super::property::Kind;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Code points per page; also the divisor that finds a page.
const PAGE_LEN: usize = 256;

/// Bytes that an entry holds itself: one letter of any script.
const SHORT: usize = 4;

/// Pages that cover all code points, U+0000 to U+10FFFF.
const PAGE_COUNT: usize = 0x11_0000 / PAGE_LEN;

static PAGES: [OnceLock<Page>; PAGE_COUNT] = [const { OnceLock::new() }; PAGE_COUNT];

/// One code point of the source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The bytes the code point becomes, if they are no more than fit: copied in one go.
    short: [u8; SHORT],
    /// Half-open range in the page's pool: the bytes the code point becomes.
    start: u16,
    /// Half-open range in the page's pool.
    end: u16,
    /// Combining class of the first and the last code point of those bytes.
    pub(super) first_class: u8,
    /// Combining class of the last code point of those bytes.
    pub(super) last_class: u8,
    /// What the fast path does with it.
    pub(super) action: Action,
    /// Whether bytes that end in a base make later marks letters; unchanged by marks.
    pub(super) keeps_marks: bool,
    /// Whether the code point belongs to a script in which every letter is a word.
    pub(super) letterwise: bool,
}

/// What the fast path does with a code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Letters with nothing that reaches backwards: append.
    Base,
    /// One mark that never composes: append if the base keeps marks and the order allows it.
    Mark,
    /// Handle code point by code point, composing with what stands before.
    Careful,
    /// Dropped; what that means for word boundaries.
    Nothing(Gap),
    /// Dropped, transparent, and worth an integrity note.
    Ignorable,
}

#[derive(Debug)]
struct Page {
    entries: Vec<Entry>,
    pool: Vec<u8>,
}

/// The entry of a code point.
#[inline]
pub(super) fn look_up(c: char) -> &'static Entry {
    let (page, place) = find(c);
    #[expect(clippy::indexing_slicing, reason = "a page has PAGE_LEN entries")]
    &page.entries[place]
}

/// The page of a code point and its place in it.
#[inline]
fn find(c: char) -> (&'static Page, usize) {
    let point = u32::from(c) as usize;
    #[expect(clippy::indexing_slicing, reason = "a char is below 0x110000")]
    let page = PAGES[point / PAGE_LEN].get_or_init(|| Page::fill(point / PAGE_LEN));
    (page, point % PAGE_LEN)
}

impl Entry {
    /// Appends the bytes that `c`, the code point of this entry, becomes.
    #[inline]
    pub(super) fn append(&self, c: char, out: &mut Vec<u8>) {
        let len = usize::from(self.end - self.start);
        if len <= SHORT {
            let end = out.len() + len;
            out.extend_from_slice(&self.short);
            out.truncate(end);
        } else {
            out.extend_from_slice(self.long(c));
        }
    }

    /// The bytes from the pool of the page that `c` is on.
    #[cold]
    fn long(&self, c: char) -> &'static [u8] {
        let (page, _) = find(c);
        #[expect(
            clippy::indexing_slicing,
            reason = "filled together with the pool it points into"
        )]
        &page.pool[usize::from(self.start)..usize::from(self.end)]
    }
}

impl Page {
    fn fill(number: usize) -> Self {
        let mut page = Self {
            entries: Vec::with_capacity(PAGE_LEN),
            pool: Vec::new(),
        };
        let mut expanded = Vec::new();
        for point in number * PAGE_LEN..(number + 1) * PAGE_LEN {
            // Surrogates are no characters and are never looked up; any entry will do.
            let c = u32::try_from(point)
                .map(char::from_u32)
                .unwrap_or_default()
                .unwrap_or(char::REPLACEMENT_CHARACTER);
            expanded.clear();
            property::expand(c, &mut expanded);
            page.push(c, &expanded);
        }
        page
    }

    fn push(&mut self, c: char, expanded: &[char]) {
        // Marks before the first base are kept here: whether they stay depends on the base that
        // stands before this code point.
        let mut kept = Vec::new();
        let mut bases = 0_usize;
        let mut keeps_marks = true;
        for &part in expanded {
            match property::kind(part) {
                Kind::Base { keeps_marks: keeps } => {
                    keeps_marks = keeps;
                    bases += 1;
                    kept.push(part);
                }
                Kind::Mark if keeps_marks => kept.push(part),
                Kind::Mark | Kind::Dropped => {}
            }
        }
        let composed: String = kept.iter().copied().nfc().collect();
        let start = self.offset();
        self.pool.extend_from_slice(composed.as_bytes());
        let class = |part: Option<char>| part.map_or(0, canonical_combining_class);
        let letterwise = kept.iter().any(|&part| property::is_letterwise(part));
        let first = kept.first().copied();
        let action = match first {
            None if property::is_default_ignorable(c) => Action::Ignorable,
            None => Action::Nothing(property::gap(c)),
            Some(first) if bases == 0 => {
                if composed.chars().eq([first]) && property::is_stable(first) {
                    Action::Mark
                } else {
                    Action::Careful
                }
            }
            Some(first) => {
                let stable = property::starts_segment(first)
                    && matches!(property::kind(first), Kind::Base { .. })
                    && composed.chars().all(property::is_stable);
                if stable && (bases == 1 || !letterwise) {
                    Action::Base
                } else {
                    Action::Careful
                }
            }
        };
        let mut short = [0; SHORT];
        for (to, from) in short.iter_mut().zip(composed.bytes()) {
            *to = from;
        }
        self.entries.push(Entry {
            short,
            start,
            end: self.offset(),
            first_class: class(composed.chars().next()),
            last_class: class(composed.chars().next_back()),
            action,
            keeps_marks,
            letterwise,
        });
    }

    /// Current length of the pool. A page of the longest decompositions (Arabic ligatures of 18
    /// letters) stays far below the 65,536 that fit.
    fn offset(&self) -> u16 {
        #[expect(clippy::expect_used, reason = "a test fills every page")]
        u16::try_from(self.pool.len()).expect("a page becomes less than 64 KiB")
    }
}
