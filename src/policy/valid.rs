//! The policy: the only type that [`decide`](super::decide()) accepts. Made from the defaults or
//! from a TOML file; every value is checked here.

use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::model::Code;
use crate::model::Level;

use super::codes;
use super::file::{FileError, PolicyFile, Source};

/// Strength from which a match is flagged. *Measured* on 27,162 registered outputs and 18,294
/// labelled cases (`docs/accuracy.md`): 5 % of other models' answers to the same prompts reach it.
pub const FLAG_STRENGTH_DEFAULT: f64 = 24.0;

/// Strength from which the license decision applies in full. *Measured* as above: 1 % of other
/// models' answers to the same prompts reach it, and 1 of 2,036 human texts.
pub const BLOCK_STRENGTH_DEFAULT: f64 = 52.0;

/// Findings kept in reports. *Chosen*: a person reads far fewer; all are counted.
pub const FINDINGS_MAX_DEFAULT: u64 = 10_000;

/// Most findings a policy may keep. *Chosen*: about a kilobyte each, so one gigabyte.
const FINDINGS_MAX_LIMIT: u64 = 1_000_000;

/// Longest policy name in bytes. *Chosen*: it stands on one line of the report.
const NAME_BYTES_MAX: usize = 200;

/// What the organisation wants done about findings. Valid by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    name: String,
    strict: bool,
    findings_max: u64,
    flag_strength: f64,
    block_strength: f64,
    /// Only levels that differ from the defaults.
    levels: BTreeMap<&'static str, Level>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            strict: false,
            findings_max: FINDINGS_MAX_DEFAULT,
            flag_strength: FLAG_STRENGTH_DEFAULT,
            block_strength: BLOCK_STRENGTH_DEFAULT,
            levels: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// Reads a policy file. `path` is only used in errors.
    ///
    /// # Errors
    /// With line and column: what is not TOML, unknown keys and codes, levels that are too mild,
    /// thresholds that are not numbers from 0 or in the wrong order.
    pub fn parse(text: &str, path: &str) -> Result<Self, FileError> {
        let source = Source { path, text };
        let file: PolicyFile = source.parse()?;
        let mut policy = Self::default();
        if let Some(name) = file.name {
            let value = name.get_ref().trim();
            let one_line = !value.chars().any(char::is_control);
            if value.is_empty() || value.len() > NAME_BYTES_MAX || !one_line {
                let message = format!("a name is one line of 1 to {NAME_BYTES_MAX} bytes");
                return Err(source.wrong(&name.span(), message));
            }
            value.clone_into(&mut policy.name);
        }
        policy.strict = file.strict.unwrap_or(false);
        if let Some(max) = file.findings_max {
            let in_range = u64::try_from(*max.get_ref())
                .is_ok_and(|value| (1..=FINDINGS_MAX_LIMIT).contains(&value));
            if !in_range {
                let message = format!("findings_max is a number from 1 to {FINDINGS_MAX_LIMIT}");
                return Err(source.wrong(&max.span(), message));
            }
            policy.findings_max = max.get_ref().unsigned_abs();
        }
        let mut order_span: Range<usize> = 0..0;
        for (given, slot) in [
            (file.thresholds.flag_strength, &mut policy.flag_strength),
            (file.thresholds.block_strength, &mut policy.block_strength),
        ] {
            if let Some(given) = given {
                let value = *given.get_ref();
                if !value.is_finite() || value < 0.0 {
                    return Err(source.wrong(&given.span(), "a strength is a number from 0"));
                }
                order_span = given.span();
                *slot = value;
            }
        }
        if policy.flag_strength > policy.block_strength {
            let message = format!(
                "flag_strength ({}) is above block_strength ({}); lower the first or raise the second",
                policy.flag_strength, policy.block_strength
            );
            return Err(source.wrong(&order_span, message));
        }
        for (code, level) in &file.levels {
            let Some(info) = codes::info(code.get_ref()) else {
                let message = format!(
                    "unknown finding code `{}`; docs/policy.md lists them all",
                    code.get_ref()
                );
                return Err(source.wrong(&code.span(), message));
            };
            let value = source.word("level", level, parse_level, &["note", "flag", "block"])?;
            if value < info.mildest {
                let message = format!(
                    "`{}` cannot be milder than {}; remove this line",
                    info.code.0, info.mildest
                );
                return Err(source.wrong(&level.span(), message));
            }
            policy.levels.insert(info.code.0, value);
        }
        Ok(policy)
    }

    /// The name shown in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether every Llama record in a target that is not Llama is blocked.
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// Number of findings kept in reports.
    pub fn findings_max(&self) -> u64 {
        self.findings_max
    }

    /// Strength below which a match is a note.
    pub fn flag_strength(&self) -> f64 {
        self.flag_strength
    }

    /// Strength from which the license decision applies in full.
    pub fn block_strength(&self) -> f64 {
        self.block_strength
    }

    /// The level of a code under this policy. A code that is not in the table blocks, so that a
    /// slip in the program closes the gate.
    pub fn level(&self, code: Code) -> Level {
        self.levels
            .get(code.0)
            .copied()
            .or_else(|| codes::info(code.0).map(|info| info.level))
            .unwrap_or(Level::Block)
    }

    /// The canonical text: one `key = value` per line, sorted, defaults filled in.
    pub fn canonical(&self) -> String {
        let mut lines = vec![
            "herdbook policy 1".to_owned(),
            format!("block_strength = {}", self.block_strength),
            format!("findings_max = {}", self.findings_max),
            format!("flag_strength = {}", self.flag_strength),
        ];
        for info in codes::ALL {
            lines.push(format!("level.{} = {}", info.code.0, self.level(info.code)));
        }
        lines.push(format!("name = {}", self.name));
        lines.push(format!("strict = {}", self.strict));
        lines.push(String::new());
        lines.join("\n")
    }

    /// SHA-256 of the canonical text, lower-case hex: equal policies have equal digests, however
    /// they are written.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.canonical().as_bytes()))
    }
}

fn parse_level(word: &str) -> Option<Level> {
    match word {
        "note" => Some(Level::Note),
        "flag" => Some(Level::Flag),
        "block" => Some(Level::Block),
        _ => None,
    }
}
