//! Reports for people: a check, a data set, a model, a period, as one HTML page, as Markdown and as
//! a short summary for a terminal.
//!
//! A report begins with a plain summary for somebody who was not there, in five sections that are
//! always the same, and goes on with evidence. It is put together as a [`Page`] of sections and
//! blocks, which say nothing of their medium; [`html()`], [`markdown()`] and [`terminal()`] write
//! them. A new kind of report builds a page; nothing else has to be made for it.
//!
//! Pure: what is reported comes in as data, nothing is read and no clock asked, so that the same
//! data gives the same bytes.

mod chart;
pub mod check;
pub mod html;
pub mod incident;
mod markdown;
mod page;
mod parts;
pub mod period;
mod terminal;
pub mod thing;
pub mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use html::html;
pub use markdown::markdown;
pub use page::Block;
pub use page::Chart;
pub use page::ChartForm;
pub use page::Lineage;
pub use page::Page;
pub use page::Rich;
pub use page::Section;
pub use page::Span;
pub use page::Table;
pub use page::code;
pub use page::number;
pub use page::section;
pub use terminal::terminal;
