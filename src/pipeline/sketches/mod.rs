//! Kept sketches: what a check can keep of its inputs, without their text, so that it can be decided
//! again when more is known.
//!
//! [`Keeping`] stands before the scanner of a check and writes what it hands on into one file per
//! check; [`Replay`] is a scanner that reads such a file in place of the inputs. What
//! [`check`](super::check()) makes of a replay is what it would make of the same bytes, match for
//! match: the same code sieves, looks up and measures, with prepared units in place of texts.

mod codec;
mod error;
mod keep;
mod layout;
mod read;
mod replay;
#[cfg(test)]
mod tests;
mod told;
mod write;

pub(crate) use codec::BatchSketch;
pub(crate) use codec::KeptUnit;
pub(crate) use codec::pack;
pub use error::SketchError;
pub use keep::Keeping;
pub use read::SketchFile;
pub use replay::Replay;
pub use told::InputNamed;
pub use write::SketchWriter;
