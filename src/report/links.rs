//! Finds the links in a clause, so that HTML and Markdown can make them clickable.

/// A piece of a clause.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// An `https://` address of harmless characters only.
    Link(&'a str),
}

/// Splits a clause into text and links.
///
/// A link is `https://` followed by letters, digits and `-._~/%#?=&+`: no quote, angle bracket,
/// parenthesis, space or anything outside ASCII can be part of one. A full stop or comma at its
/// end belongs to the sentence.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("https://") {
        let (before, from) = rest.split_at(start);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/%#?=&+:".contains(c);
        let end = from.find(|c| !allowed(c)).unwrap_or(from.len());
        let (link, after) = from.split_at(end);
        let trimmed = link.trim_end_matches(['.', ',', ':', '?']);
        let (link, tail) = link.split_at(trimmed.len());
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let host_there = link.len() > "https://".len();
        pieces.push(if host_there {
            Piece::Link(link)
        } else {
            Piece::Text(link)
        });
        if !tail.is_empty() {
            pieces.push(Piece::Text(tail));
        }
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_links_end() {
        assert_eq!(
            pieces("llama-2 §1 (https://a.test/b#c). More"),
            [
                Piece::Text("llama-2 §1 ("),
                Piece::Link("https://a.test/b#c"),
                Piece::Text("). More"),
            ]
        );
        assert_eq!(
            pieces("see https://a.test."),
            [
                Piece::Text("see "),
                Piece::Link("https://a.test"),
                Piece::Text("."),
            ]
        );
    }

    #[test]
    fn only_https_with_harmless_characters_is_a_link() {
        assert_eq!(
            pieces("javascript:alert(1) http://x"),
            [Piece::Text("javascript:alert(1) http://x")]
        );
        assert_eq!(pieces("https://"), [Piece::Text("https://")]);
        assert_eq!(
            pieces("https://a\"onclick=x"),
            [Piece::Link("https://a"), Piece::Text("\"onclick=x"),]
        );
        let text = "x https://a.test, y https://, z https://b";
        let joined: String = pieces(text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) | Piece::Link(text) => text,
            })
            .collect();
        assert_eq!(joined, text);
    }
}
