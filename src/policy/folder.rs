//! What the target's folder holds, prepared once so that many duties can be looked for in it.

use crate::model::FolderFacts;
use crate::model::License;

/// The files of a folder with their texts by letters and digits.
#[derive(Debug, Clone)]
pub(super) struct Folder<'a> {
    files: Vec<File<'a>>,
}

#[derive(Debug, Clone)]
struct File<'a> {
    /// In lower case.
    name: String,
    sha256: &'a str,
    /// `None` when the text was too large or is none.
    letters: Option<String>,
}

/// Letters and digits in lower case, nothing else.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
}

impl<'a> Folder<'a> {
    pub(super) fn new(facts: &'a FolderFacts) -> Self {
        let file = |file: &'a crate::model::FolderFile| File {
            name: file.name.to_lowercase(),
            sha256: &file.sha256,
            letters: file.text.as_deref().map(|text| letters(text).collect()),
        };
        Self {
            files: facts.files.iter().map(file).collect(),
        }
    }

    /// Whether it holds the license: the official text, or a license file that names the title.
    pub(super) fn holds_copy(&self, license: &License) -> bool {
        let title: String = letters(&license.title).collect();
        self.files.iter().any(|file| {
            let official = license.sha256.as_deref() == Some(file.sha256);
            let named = file.name.contains("license") || file.name.contains("licence");
            official || (named && file.contains(&title))
        })
    }

    /// Whether a file whose name begins so holds this line.
    pub(super) fn holds_line(&self, name: &str, line: &str) -> bool {
        let line: String = letters(line).collect();
        self.files
            .iter()
            .any(|file| file.name.starts_with(name) && file.contains(&line))
    }
}

impl File<'_> {
    fn contains(&self, letters: &str) -> bool {
        self.letters
            .as_ref()
            .is_some_and(|text| text.contains(letters))
    }
}
