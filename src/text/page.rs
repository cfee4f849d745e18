//! Tables of the normal form, 256 code points to a page, filled when first met.
//!
//! A page holds for each code point the bytes it becomes and what the fast path must know to
//! append them without looking at neighbours. Filling a page takes some hundred microseconds and
//! happens once per process; a text in one script meets a handful of pages.

use super::property;
use super::property::Gap;
use super::property::Kind;
use std::fmt;
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

/// What most code points become, in four bytes: at most three bytes of letters after which
/// composition has nothing to remember, or nothing at all. The lower three bytes are the letters, and
/// the highest says how many there are and what else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Easy(u32);

impl Easy {
    /// Nothing is known yet.
    const UNKNOWN: Self = Self(0);
    /// Known to be none of the sorts below: the entry has to be asked.
    const HARD: Self = Self(1);

    pub(super) const LEN_SHIFT: u32 = 24;
    pub(super) const KEEPS_MARKS: u32 = 1 << 26;
    const LETTERWISE: u32 = 1 << 27;
    const JOINER: u32 = 1 << 28;
    const TRANSPARENT: u32 = 1 << 29;
    /// Of marks, whose letters never are: the class is 0, so that no order is asked for.
    pub(super) const UNORDERED: u32 = Self::LETTERWISE;
    pub(super) const MARK: u32 = 1 << 30;
    /// A letter that is appended, or something that is dropped, whatever stands before it.
    const SIMPLE: u32 = 1 << 31;

    /// A unified ideograph, U+4E00 to U+9FFF, but for its letters: each stays as it is.
    #[cfg(any(test, target_arch = "x86_64"))]
    pub(super) const IDEOGRAPH: u32 =
        Self::SIMPLE | Self::KEEPS_MARKS | Self::LETTERWISE | 3 << Self::LEN_SHIFT;
    /// Each of the pictures U+1F300 to U+1FAFF, which are dropped.
    #[cfg(any(test, target_arch = "x86_64"))]
    pub(super) const PICTURE: u32 = Self::SIMPLE;
    /// Stands for any letter or digit of ASCII.
    #[cfg(target_arch = "x86_64")]
    pub(super) const ASCII: Self = Self(Self::SIMPLE);
    /// A Hangul syllable, U+AC00 to U+D7A3, likewise.
    #[cfg(any(test, target_arch = "x86_64"))]
    pub(super) const HANGUL: u32 = Self::SIMPLE | Self::KEEPS_MARKS | 3 << Self::LEN_SHIFT;

    fn of(entry: &Entry) -> Self {
        let len = u32::from(entry.end - entry.start);
        let [first, second, third, _] = entry.short;
        let bytes = u32::from_le_bytes([first, second, third, 0]) | len << Self::LEN_SHIFT;
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        match entry.action {
            Action::Base if len <= 3 && entry.last_class == 0 => Self(
                bytes
                    | Self::SIMPLE
                    | flag(entry.keeps_marks, Self::KEEPS_MARKS)
                    | flag(entry.letterwise, Self::LETTERWISE),
            ),
            Action::Mark if len <= 3 => {
                Self(bytes | Self::MARK | flag(entry.first_class == 0, Self::UNORDERED))
            }
            Action::Nothing(Gap::Separator) => Self(Self::SIMPLE),
            Action::Nothing(Gap::Joiner) => Self(Self::SIMPLE | Self::JOINER),
            Action::Nothing(Gap::Transparent) => Self(Self::TRANSPARENT),
            Action::Base | Action::Mark | Action::Careful | Action::Ignorable => Self::HARD,
        }
    }

    /// An entry as it stands in a vector.
    #[cfg(any(test, target_arch = "x86_64"))]
    pub(super) fn from_lane(lane: i32) -> Self {
        Self(lane.cast_unsigned())
    }

    /// As it stands in a vector.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn lane(self) -> i32 {
        self.0.cast_signed()
    }

    /// The code point that a mark is.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn as_mark(self) -> Option<char> {
        let bytes = self.bytes();
        let Ok(letters) = std::str::from_utf8(bytes.get(..self.len())?) else {
            return None;
        };
        letters.chars().next().filter(|_| self.is_mark())
    }

    /// Whether it is appended or dropped whatever stands before it.
    #[inline]
    pub(super) fn is_simple(self) -> bool {
        self.0 & Self::SIMPLE != 0
    }

    /// Whether it is a mark, kept only after letters that keep marks; its entry has the classes.
    #[inline]
    pub(super) fn is_mark(self) -> bool {
        self.0 & Self::MARK != 0
    }

    /// Whether it is as if it were not there.
    #[inline]
    pub(super) fn is_transparent(self) -> bool {
        self.0 & Self::TRANSPARENT != 0
    }

    /// The bytes, and what stands for none behind them.
    #[inline]
    pub(super) fn bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Number of bytes; none for a code point that is dropped.
    #[inline]
    pub(super) fn len(self) -> usize {
        (self.0 >> Self::LEN_SHIFT & 3) as usize
    }

    /// Whether marks after it are letters.
    #[inline]
    pub(super) fn keeps_marks(self) -> bool {
        self.0 & Self::KEEPS_MARKS != 0
    }

    /// Whether it is a word of its own.
    #[inline]
    pub(super) fn letterwise(self) -> bool {
        self.0 & Self::LETTERWISE != 0
    }

    /// Whether it is dropped and may stand inside a word.
    #[inline]
    pub(super) fn is_joiner(self) -> bool {
        self.0 & Self::JOINER != 0
    }
}

/// What is easy among the first 65,536 code points, in one table: 256 KiB, of which only the pages
/// of the scripts that were met are ever touched.
pub(super) struct EasyTable(Vec<Easy>);

impl EasyTable {
    /// Code points that the table covers.
    pub(super) const POINTS: usize = 0x1_0000;

    pub(super) fn new() -> Self {
        Self(vec![Easy::UNKNOWN; Self::POINTS])
    }

    /// What a code point becomes.
    #[inline]
    pub(super) fn get(&mut self, c: char) -> Easy {
        match self.0.get(c as usize) {
            Some(&easy) if easy != Easy::UNKNOWN => easy,
            _ => self.learn(c),
        }
    }

    /// The entries, one for each code point. An entry that is 0 was not learnt yet.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn entries(&self) -> &[Easy] {
        &self.0
    }

    /// Copies the page of a code point.
    #[cold]
    fn learn(&mut self, c: char) -> Easy {
        let (page, place) = find(c);
        let start = c as usize - place;
        if let Some(entries) = self.0.get_mut(start..start + PAGE_LEN) {
            for (easy, entry) in entries.iter_mut().zip(&page.entries) {
                *easy = Easy::of(entry);
            }
        }
        page.entries.get(place).map_or(Easy::HARD, Easy::of)
    }
}

impl fmt::Debug for EasyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EasyTable").finish_non_exhaustive()
    }
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
