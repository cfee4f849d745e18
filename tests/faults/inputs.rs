//! Made-up texts: what was registered, and what nobody registered.

use std::fmt::Write as _;

use super::tally::Dice;

pub(crate) const MODEL: &str = "meta-llama/Meta-Llama-3-8B-Instruct";
pub(crate) const TARGET: &str = "mistralai/Mistral-7B-v0.3";

/// Words of one text: a few hundred letters, far above the guaranteed run.
const WORDS: usize = 60;

/// A text of made-up words. Texts of different seeds share no run that could matter.
pub(crate) fn text(seed: u64) -> String {
    const HEADS: [&str; 16] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va",
    ];
    const TAILS: [&str; 8] = ["n", "rk", "st", "l", "m", "ndo", "ta", "s"];
    let mut dice = Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut out = String::new();
    for word in 0..WORDS {
        if word > 0 {
            out.push(' ');
        }
        for _ in 0..=dice.below(3) {
            out.push_str(dice.one_of::<&str>(&HEADS));
        }
        out.push_str(dice.one_of::<&str>(&TAILS));
    }
    out
}

/// A set of texts under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) texts: Vec<String>,
}

impl Source {
    /// `count` texts from `first` on.
    pub(crate) fn new(name: &str, first: u64, count: u64) -> Self {
        Self {
            name: name.to_owned(),
            texts: (first..first + count).map(text).collect(),
        }
    }

    pub(crate) fn file(&self) -> String {
        format!("{}.jsonl", self.name)
    }

    /// As JSON lines of `output`.
    pub(crate) fn lines(&self) -> String {
        let mut out = String::new();
        for text in &self.texts {
            writeln!(out, "{}", serde_json::json!({ "output": text })).unwrap();
        }
        out
    }
}

/// Texts that nobody registered: their seeds are far from those of any source.
pub(crate) fn clean(count: u64) -> Vec<String> {
    (0..count).map(|number| text(1_000_000 + number)).collect()
}
