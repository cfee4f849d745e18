//! What a report for people consists of, before it is HTML or Markdown.
//!
//! A page is built of sections, a section of blocks. Nothing here is escaped: whoever writes a
//! block in its medium does that.

use crate::model::lineage::Traced;
use crate::report::escape;

/// A report, from its title to its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `check`, `dataset`, `model`, `period`, `incident`.
    pub kind: &'static str,
    /// What it is about: `Check 17 of acme-chat-7b`.
    pub title: String,
    /// A word that answers at a glance, `block`; shown beside the title.
    pub word: Option<String>,
    /// The one sentence that matters.
    pub lead: Rich,
    /// What the reader is to know of the report itself: when, of what, up to which entry.
    pub stamp: Vec<(String, Rich)>,
    /// The sections, the plain summary first.
    pub sections: Vec<Section>,
}

/// A heading and what stands under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// What stands under it.
    pub blocks: Vec<Block>,
}

/// Something that stands under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Text(Rich),
    /// A list in no order.
    List(Vec<Rich>),
    /// A list of things to do, in order.
    Steps(Vec<Rich>),
    /// Names and what they are.
    Facts(Vec<(String, Rich)>),
    /// A table.
    Table(Table),
    /// A chart, with the table of its numbers.
    Chart(Chart),
    /// A drawing of the lineage graph, with the same as a tree.
    Lineage(Box<Lineage>),
}

/// A table. A cell that is missing is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Headings, and whether the column holds numbers.
    pub head: Vec<(String, bool)>,
    /// Its rows.
    pub rows: Vec<Vec<Rich>>,
    /// Rows that are not listed, in a sentence.
    pub more: Option<String>,
}

impl Table {
    /// An empty table. A heading that begins with `#` is that of a column of numbers.
    pub fn new(caption: &str, head: &[&str]) -> Self {
        Self {
            caption: caption.to_owned(),
            head: head
                .iter()
                .map(|name| match name.strip_prefix('#') {
                    Some(name) => (name.to_owned(), true),
                    None => ((*name).to_owned(), false),
                })
                .collect(),
            rows: Vec::new(),
            more: None,
        }
    }

    /// Keeps the first `max` rows and says how many there are in all, and where the rest is.
    #[must_use]
    pub fn cut(mut self, max: usize, rest: &str) -> Self {
        let all = self.rows.len();
        if all > max {
            self.rows.truncate(max);
            self.more = Some(format!(
                "{} of {} rows are shown; {rest}",
                crate::report::facts::count(max as u64),
                crate::report::facts::count(all as u64)
            ));
        }
        self
    }
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartForm {
    /// A bar to the right for every row, its label above it.
    Bars,
    /// A column upwards for every row: time runs to the right.
    Columns,
}

/// A chart of counts, its parts stacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// How it is drawn.
    pub form: ChartForm,
    /// What it shows.
    pub title: String,
    /// What the reader is to see in it, in a sentence: the text alternative.
    pub says: String,
    /// What the rows are: `Model and license`.
    pub rows_are: String,
    /// What is counted: `rows`.
    pub unit: String,
    /// The parts of every bar: names that are levels or verdicts are drawn in their colours.
    pub parts: Vec<String>,
    /// Label of each bar and a count for each part.
    pub rows: Vec<(String, Vec<u64>)>,
    /// What the whole is, so that a share can be said; `None` where there is none.
    pub of: Option<u64>,
}

impl Chart {
    /// Bars that are not drawn or listed, counted in the last one.
    #[must_use]
    pub fn cut(mut self, max: usize) -> Self {
        if self.rows.len() > max {
            let rest = self.rows.split_off(max.saturating_sub(1));
            let mut sums = vec![0_u64; self.parts.len()];
            for (_, counts) in &rest {
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += count;
                }
            }
            self.rows.push((format!("{} others", rest.len()), sums));
        }
        self
    }
}

/// A drawing of the lineage graph and its text alternative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// What it shows.
    pub caption: String,
    /// What is drawn; the first node is what the report is about.
    pub traced: Traced,
    /// The same as trees, each with a heading.
    pub trees: Vec<(String, String)>,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words of ours, or words of others that need no mark.
    Text(String),
    /// An identifier from data.
    Code(String),
    /// Words that matter.
    Strong(String),
    /// A level or a verdict.
    Word(String),
    /// A clause; the links in it can be followed.
    Clause(String),
}

/// A sentence, or part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rich(pub Vec<Span>);

impl Rich {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Text(text.into()));
        self
    }

    /// Adds an identifier.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    /// Adds words that matter.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }

    /// Adds a level or verdict.
    #[must_use]
    pub fn word(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Word(text.into()));
        self
    }

    /// Adds a clause.
    #[must_use]
    pub fn clause(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Clause(text.into()));
        self
    }

    /// Adds a sentence in which commands stand between backticks.
    #[must_use]
    pub fn prose(mut self, text: &str) -> Self {
        let pieces: Vec<&str> = text.split('`').collect();
        // One without its pair is no mark.
        if pieces.len().is_multiple_of(2) {
            return self.text(text);
        }
        for (at, piece) in pieces.into_iter().enumerate() {
            // A long one would be shortened, as identifiers are.
            if at % 2 == 1 && piece.chars().count() <= escape::IDENTIFIER_CHARS_MAX {
                self = self.code(piece);
            } else if !piece.is_empty() {
                self = self.text(piece);
            }
        }
        self
    }

    /// The words without their marks.
    pub fn plain(&self) -> String {
        self.0
            .iter()
            .map(|span| match span {
                Span::Text(text)
                | Span::Code(text)
                | Span::Strong(text)
                | Span::Word(text)
                | Span::Clause(text) => text.as_str(),
            })
            .collect()
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Rich {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// An identifier alone.
pub fn code(text: impl Into<String>) -> Rich {
    Rich::new().code(text)
}

/// A count with thousands separators.
pub fn number(count: u64) -> Rich {
    Rich::new().text(crate::report::facts::count(count))
}

/// A section.
pub fn section(heading: &str, blocks: Vec<Block>) -> Section {
    Section {
        heading: heading.to_owned(),
        blocks,
    }
}
