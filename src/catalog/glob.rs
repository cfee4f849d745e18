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

/// Whether `text` matches `glob` as a whole. Time is linear in the text for each `*`.
pub(super) fn matches(glob: &str, text: &str) -> bool {
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
}
