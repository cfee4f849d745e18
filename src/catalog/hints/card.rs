//! The front matter of a model card (`README.md`): the YAML between two lines of `---`.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::SeqAccess;
use serde::de::Visitor;

use super::{BASES_MAX, Hint, HintError, Says, hint, text};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Card {
    license: Words,
    license_name: Words,
    license_link: Words,
    base_model: Words,
    base_model_relation: Words,
}

/// One word or a list of words; cards write both for the same key.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a list of words")
    }

    fn visit_str<E>(self, value: &str) -> Result<Words, E> {
        Ok(Words(vec![value.to_owned()]))
    }

    fn visit_unit<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_none<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Words, E> {
        Ok(Words(vec![value.to_string()]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Words, E> {
        Ok(Words(vec![value.to_string()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Words, E> {
        Ok(Words(vec![value.to_string()]))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Words, E> {
        Ok(Words(vec![value.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(Words(more)) = list.next_element()? {
            words.extend(more);
            if words.len() > BASES_MAX {
                let message = format!("a list of more than {BASES_MAX} words");
                return Err(serde::de::Error::custom(message));
            }
        }
        Ok(Words(words))
    }
}

/// Hints of a model card. A card without front matter gives none.
///
/// # Errors
/// [`HintError`] with line and column: front matter that is not closed or not YAML, a key given
/// twice, a key that holds neither a word nor a list.
pub fn from_card(file: &str, bytes: &[u8]) -> Result<Vec<Hint>, HintError> {
    let text = text(file, bytes)?;
    let Some((before, yaml)) = front_matter(file, text)? else {
        return Ok(Vec::new());
    };
    if yaml.trim().is_empty() {
        return Ok(Vec::new());
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let card: Card = serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let at = error.location();
        HintError::Malformed {
            file: file.to_owned(),
            line: before + at.map_or(1, |at| at.line()),
            column: at.map_or(1, |at| at.column()),
            message: format!("the front matter of the card is wrong: {error}"),
        }
    })?;
    let mut hints = Vec::new();
    let mut add = |key: &str, words: Words, says: fn(String) -> Says| {
        let each = words.0.iter();
        hints.extend(each.filter_map(|word| hint(file, key, word, says)));
    };
    add("base_model", card.base_model, Says::Base);
    add(
        "base_model_relation",
        card.base_model_relation,
        Says::Relation,
    );
    add("license", card.license, Says::License);
    add("license_name", card.license_name, Says::License);
    add("license_link", card.license_link, Says::LicenseLink);
    Ok(hints)
}

/// The YAML and the number of lines before it; `None` when the card does not begin with `---`.
fn front_matter<'a>(file: &str, text: &'a str) -> Result<Option<(u64, &'a str)>, HintError> {
    let mut start = None;
    let mut offset = 0;
    for (lines, line) in (0..).zip(text.split_inclusive('\n')) {
        let marks = line.trim_end() == "---";
        match start {
            None if line.trim().is_empty() => {}
            None if marks => start = Some((lines + 1, offset + line.len())),
            None => return Ok(None),
            Some((before, from)) if marks => {
                return Ok(text.get(from..offset).map(|yaml| (before, yaml)));
            }
            Some(_) => {}
        }
        offset += line.len();
    }
    match start {
        None => Ok(None),
        Some((before, _)) => Err(HintError::Malformed {
            file: file.to_owned(),
            line: before,
            column: 1,
            message: "the front matter of the card is not closed; end it with a line of ---"
                .to_owned(),
        }),
    }
}
