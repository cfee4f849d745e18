//! The parameters of a fingerprint and the id that is stored wherever fingerprints are.

use super::gram::ORDER_BYTES;
use crate::text::NORMAL_FORM_VERSION;
use crate::text::UNICODE_VERSION;
use std::fmt;
use thiserror::Error;

/// Version of the definitions in this module: order value, gram digest, permutations, word hash.
/// Raised by any change that alters the fingerprint of some normal form.
pub const FINGERPRINT_VERSION: u16 = 3;

/// Fewest bytes in a gram: the order value reads its first 8.
pub const GRAM_BYTES_MIN: u32 = 8;

const _: () = assert!(GRAM_BYTES_MIN as usize == ORDER_BYTES);

/// Most bytes in a gram. *Chosen*: five times the default; longer grams find too little.
pub const GRAM_BYTES_MAX: u32 = 128;

/// Most positions in a window. *Chosen*: bounds the sketcher's buffers.
pub const WINDOW_MAX: u32 = 4096;

/// Default gram length in bytes of the normal form. *Chosen* from a prototype's measurements
/// (`docs/fingerprint.md`, "Parameters").
pub const GRAM_BYTES_DEFAULT: u32 = 24;

/// Default window in positions: one gram selected in 29. *Chosen* with the gram length.
pub const WINDOW_DEFAULT: u32 = 57;

/// Which of the two texts of a comparison is sketched. Both choose by one order, and a narrower
/// window chooses all that a wider one does, so their grams can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The registered one: its grams are stored, each costs bytes.
    Registered,
    /// The one that is checked: its grams are asked for, each costs time.
    Checked,
}

impl Side {
    /// Windows of a short text: one window for so many of its bytes, but not below so many
    /// positions. *Measured* on labelled outputs (`docs/performance.md`, "Grams"): with 57 positions
    /// whatever the length, a copy of 20 to 60 words that was edited or clipped kept one gram or none.
    fn short(self) -> (usize, usize) {
        match self {
            Self::Registered => (8, 7),
            Self::Checked => (16, 5),
        }
    }
}

/// How fingerprints are made. Two fingerprints can be compared only under equal recipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipe {
    gram_bytes: u32,
    window: u32,
}

/// Why parameters make no recipe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The gram length is out of range.
    #[error("a gram of {found} bytes: choose {GRAM_BYTES_MIN} to {GRAM_BYTES_MAX}")]
    GramBytes {
        /// What was asked for.
        found: u32,
    },
    /// The window is out of range.
    #[error("a window of {found} positions: choose 1 to {WINDOW_MAX}")]
    Window {
        /// What was asked for.
        found: u32,
    },
}

/// Names a recipe with all versions it depends on, such as `r3-n1-k24-w57-u18.0.0`. Compared as a
/// whole; never parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipeId(String);

impl Default for Recipe {
    fn default() -> Self {
        Self {
            gram_bytes: GRAM_BYTES_DEFAULT,
            window: WINDOW_DEFAULT,
        }
    }
}

impl Recipe {
    /// A recipe with grams of `gram_bytes` bytes, one selected in every `window` positions.
    pub fn new(gram_bytes: u32, window: u32) -> Result<Self, RecipeError> {
        if !(GRAM_BYTES_MIN..=GRAM_BYTES_MAX).contains(&gram_bytes) {
            return Err(RecipeError::GramBytes { found: gram_bytes });
        }
        if !(1..=WINDOW_MAX).contains(&window) {
            return Err(RecipeError::Window { found: window });
        }
        Ok(Self { gram_bytes, window })
    }

    /// Length of a gram, `k`, in bytes of the normal form.
    pub fn gram_bytes(&self) -> usize {
        self.gram_bytes as usize
    }

    /// Length of the widest window, `w`, in gram positions: that of long texts.
    pub fn window(&self) -> usize {
        self.window as usize
    }

    /// Length of the window for a text of `bytes` bytes of normal form, in gram positions. Short
    /// texts have narrower windows, so that they too have a dozen grams.
    pub fn window_for(&self, side: Side, bytes: usize) -> usize {
        let (share, least) = side.short();
        (bytes / share).max(least).min(self.window())
    }

    /// Any run of at least this many bytes of normal form that two texts share has a selected gram
    /// in common, whatever their lengths and sides: `k + w - 1`.
    pub fn guarantee_bytes(&self) -> usize {
        self.guarantee_bytes_for(1)
    }

    /// Any shared run of at least this many bytes has selected grams in common at `grams` distinct
    /// positions of the run: `k + grams * w - 1`. For no grams that is 0.
    pub fn guarantee_bytes_for(&self, grams: usize) -> usize {
        if grams == 0 {
            return 0;
        }
        self.gram_bytes() + grams * self.window() - 1
    }

    /// Any run of at least this many bytes that a text shares with a registered one is looked up:
    /// it holds two grams with a window between them, and two that agree on a text are reason
    /// enough.
    pub fn looked_up_bytes(&self) -> usize {
        self.guarantee_bytes_for(3)
    }

    /// The id: fingerprint version, normal form version, parameters, Unicode version.
    pub fn id(&self) -> RecipeId {
        let (major, minor, update) = UNICODE_VERSION;
        RecipeId(format!(
            "r{FINGERPRINT_VERSION}-n{NORMAL_FORM_VERSION}-k{}-w{}-u{major}.{minor}.{update}",
            self.gram_bytes, self.window
        ))
    }
}

impl RecipeId {
    /// The id as text: ASCII, without spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The BLAKE3 digest of the id, for headers that have room for 32 bytes only.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.0.as_bytes()).as_bytes()
    }
}

impl fmt::Display for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
