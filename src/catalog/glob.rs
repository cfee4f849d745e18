//! The globs of the model table: `*` stands for any run of characters, everything else for itself.

/// The form of an id segment that globs are written for: lower case, every run of characters
/// other than letters and digits as one `-`, none at either end.
pub(super) fn normalise(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for c in segment.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    if out.ends_with('-') {
        out.pop();
    }
    out
}

/// A name that globs are compared with: the normalised segments of an id, up to one of them.
pub(super) struct Name<'a> {
    segments: &'a [String],
    /// Of the last segment.
    last: Pairs,
    /// Of all of them, joined.
    all: Pairs,
}

impl<'a> Name<'a> {
    pub(super) fn of(segments: &'a [String]) -> Self {
        Self {
            segments,
            last: Pairs::of(Self::last(segments)),
            all: Pairs::of(&segments.join("/")),
        }
    }

    /// Whether a glob that wants this can match.
    pub(super) fn has(&self, wanted: Wanted) -> bool {
        let pairs = if wanted.one { self.last } else { self.all };
        pairs.hold(wanted.pairs)
    }

    /// The segment that is asked about.
    pub(super) fn text(&self) -> &'a str {
        Self::last(self.segments)
    }

    fn last(segments: &'a [String]) -> &'a str {
        segments.last().map_or("", String::as_str)
    }
}

/// A glob over the last segments of an id: as many as it names.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    text: String,
    segments: usize,
    pairs: Pairs,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        let mut pairs = Pairs::default();
        for part in text.split('*') {
            pairs.0 |= Pairs::of(part).0;
        }
        Self {
            text: text.to_owned(),
            segments: text.matches('/').count() + 1,
            pairs,
        }
    }

    /// What a name must have for it to match.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            pairs: self.pairs,
            one: self.segments == 1,
        }
    }

    /// Whether it matches the last segments of a name as a whole.
    pub(super) fn matches(&self, name: &Name<'_>) -> bool {
        let (segments, one) = (name.segments, self.segments == 1);
        if !name.has(self.wanted()) {
            return false;
        }
        match segments.len().checked_sub(self.segments) {
            Some(_) if one => matches(&self.text, name.text()),
            // Both sides hold the same number of `/`, so that `*` cannot swallow one.
            Some(from) => segments
                .get(from..)
                .is_some_and(|tail| matches(&self.text, &tail.join("/"))),
            None => false,
        }
    }
}

/// What a glob wants of a name, small enough that those of all globs stand close together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pairs: Pairs,
    /// Of its last segment alone.
    one: bool,
}

/// Which pairs of neighbouring bytes stand in a text, as bits of a word: a glob with a pair that the
/// text has not cannot match. An id is compared with hundreds of globs, and this refuses nearly all.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs(u64);

impl Pairs {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut pairs = 0;
        for (first, second) in bytes.iter().zip(bytes.iter().skip(1)) {
            // The upper six bits of a product: multiplicative hashing, Knuth 6.4.
            let pair = u32::from(*first) << 8 | u32::from(*second);
            pairs |= 1 << (pair.wrapping_mul(0x9e37_79b1) >> 26);
        }
        Self(pairs)
    }

    fn hold(self, wanted: Self) -> bool {
        wanted.0 & !self.0 == 0
    }
}

/// Whether `text` matches `glob` as a whole. Time is linear in the text for each `*`.
fn matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    // `split` always yields one part, so an absent first part cannot occur; it would match nothing.
    let Some(first) = parts.next() else {
        return false;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            // `found + part.len()` is the end of a match, hence in bounds and on a boundary.
            Some(found) => rest = rest.get(found + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_case_do_not_matter() {
        assert_eq!(normalise("Meta-Llama-3_1-8B"), "meta-llama-3-1-8b");
        assert_eq!(normalise("@cf"), "cf");
        assert_eq!(normalise("llama3.2:1b"), "llama3-2-1b");
        assert_eq!(normalise("::"), "");
    }

    #[test]
    fn globs_match_the_whole_text() {
        for (glob, text, expected) in [
            ("vicuna", "vicuna", true),
            ("vicuna", "vicuna-13b", false),
            ("vicuna*", "vicuna-13b", true),
            ("*vicuna*v1-5*", "lmsys-vicuna-13b-v1-5-16k", true),
            ("*vicuna*v1-5*", "vicuna-13b-v1-3", false),
            ("*-hf", "llama-7b-hf", true),
            // The parts may not overlap.
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} against {text}");
        }
    }

    #[test]
    fn a_glob_looks_at_as_many_segments_as_it_names() {
        let segments = ["org", "sub", "llama-2-7b"].map(str::to_owned);
        let name = Name::of(&segments);
        for (glob, expected) in [
            ("llama-2-*", true),
            ("sub/llama-*", true),
            ("*/*/llama-2-7b", true),
            ("org/llama-2-7b", false),
            ("org/sub/*", true),
            ("sub", false),
            ("*/*/*/llama*", false),
        ] {
            assert_eq!(Glob::new(glob).matches(&name), expected, "{glob}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_refused_at_a_glance_does_not_match(
            glob in "[ab/-]{0,3}(\\*[ab/-]{0,3}){0,3}",
            segments in proptest::collection::vec("[ab-]{0,6}", 1..4),
        ) {
            let wanted = glob.matches('/').count() + 1;
            let slow = segments
                .len()
                .checked_sub(wanted)
                .is_some_and(|from| matches(&glob, &segments[from..].join("/")));
            proptest::prop_assert_eq!(Glob::new(&glob).matches(&Name::of(&segments)), slow);
        }
    }
}
