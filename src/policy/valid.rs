//! The policy: the only type that [`decide`](super::decide()) accepts. Made from the defaults or
//! from a TOML file; every value is checked here.

use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest as _, Sha256};
use toml::Spanned;

use crate::model::Code;
use crate::model::Level;
use crate::model::Tier;

use super::codes;
use super::file::{FileError, PolicyFile, Source};

/// Strength from which a match is flagged. *Measured* on 27,162 registered outputs and 18,294
/// labelled cases (`docs/accuracy.md`): under 5 % of other models' answers to the same prompts reach it.
pub const FLAG_STRENGTH_DEFAULT: f64 = 17.0;

/// Strength from which the license decision applies in full. *Measured* as above: under 1 %
/// of other models' answers to the same prompts reach it, and 1 of 2,036 human texts.
pub const BLOCK_STRENGTH_DEFAULT: f64 = 36.0;

/// Findings kept in reports. *Chosen*: a person reads far fewer; all are counted.
pub const FINDINGS_MAX_DEFAULT: u64 = 10_000;

/// Most findings a policy may keep. *Chosen*: about a kilobyte each, so one gigabyte.
const FINDINGS_MAX_LIMIT: u64 = 1_000_000;

/// Longest age of a snapshot that a policy may state, in days. *Chosen*: a hundred years.
const DAYS_MAX: u32 = 36_525;

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
    /// Levels that matches of a tier have at most; only those stated.
    tiers: BTreeMap<Tier, Level>,
    /// `None`: any model.
    allowed_models: Option<Vec<glob::Pattern>>,
    required_sign_offs: Vec<String>,
    snapshot_max_age_days: Option<u32>,
    log_size_min: Option<u64>,
    text_share_min: Option<f64>,
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
            tiers: BTreeMap::new(),
            allowed_models: None,
            required_sign_offs: Vec::new(),
            snapshot_max_age_days: None,
            log_size_min: None,
            text_share_min: None,
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
        for (tier, level) in &file.tiers {
            let words = TIERS.map(Tier::as_str);
            let tier = source.word("tier", tier, parse_tier, &words)?;
            let value = source.word("level", level, parse_level, &["note", "flag", "block"])?;
            policy.tiers.insert(tier, value);
        }
        policy.scope(
            &source,
            file.allowed_models.as_deref(),
            &file.required_sign_offs,
        )?;
        if let Some(days) = &file.snapshot_max_age_days {
            let value = match u32::try_from(*days.get_ref()) {
                Ok(value) if value <= DAYS_MAX => value,
                Ok(_) | Err(_) => {
                    let message = format!("snapshot_max_age_days is a number from 0 to {DAYS_MAX}");
                    return Err(source.wrong(&days.span(), message));
                }
            };
            policy.snapshot_max_age_days = Some(value);
        }
        policy.demand(&source, file.log_size_min, file.text_share_min)?;
        Ok(policy)
    }

    /// What has to be there for a check to be one: so much of a log, so much text.
    fn demand(
        &mut self,
        source: &Source<'_>,
        log_size: Option<Spanned<i64>>,
        text_share: Option<Spanned<f64>>,
    ) -> Result<(), FileError> {
        if let Some(given) = log_size {
            let Ok(value) = u64::try_from(*given.get_ref()) else {
                let message = "log_size_min is a number of entries, from 0";
                return Err(source.wrong(&given.span(), message));
            };
            self.log_size_min = Some(value);
        }
        if let Some(given) = text_share {
            let value = *given.get_ref();
            if !(0.0..=1.0).contains(&value) {
                return Err(source.wrong(&given.span(), "text_share_min is a share, from 0 to 1"));
            }
            // Zero has two signs and the digest one.
            self.text_share_min = Some(value.abs());
        }
        Ok(())
    }

    /// Models that are allowed, and licenses that need a sign-off. Whether the licenses exist is
    /// for the caller to compare with the catalog ([`Self::required_sign_offs`]).
    fn scope(
        &mut self,
        source: &Source<'_>,
        allowed: Option<&[Spanned<String>]>,
        required: &[Spanned<String>],
    ) -> Result<(), FileError> {
        if let Some(allowed) = allowed {
            let mut globs = Vec::new();
            for given in allowed {
                let pattern = glob::Pattern::new(given.get_ref()).map_err(|error| {
                    let message = format!("`{}` is no glob: {error}", given.get_ref());
                    source.wrong(&given.span(), message)
                })?;
                globs.push(pattern);
            }
            self.allowed_models = Some(globs);
        }
        for given in required {
            if given.get_ref().trim().is_empty() {
                return Err(source.wrong(&given.span(), "name a license id, such as llama-3.1"));
            }
            self.required_sign_offs.push(given.get_ref().clone());
        }
        self.required_sign_offs.sort_unstable();
        self.required_sign_offs.dedup();
        Ok(())
    }

    /// Whether output of the model with this raw id may be used at all.
    pub fn allows_model(&self, raw_id: &str) -> bool {
        self.allowed_models
            .as_ref()
            .is_none_or(|globs| globs.iter().any(|glob| glob.matches(raw_id)))
    }

    /// Ids of licenses whose output needs a sign-off although they permit the use.
    pub fn required_sign_offs(&self) -> &[String] {
        &self.required_sign_offs
    }

    /// Whether output under this license needs a sign-off although the license permits the use.
    pub fn requires_sign_off(&self, license: &str) -> bool {
        self.required_sign_offs.iter().any(|id| id == license)
    }

    /// Days after which a snapshot is too old to check against; `None` for any age.
    pub fn snapshot_max_age_days(&self) -> Option<u32> {
        self.snapshot_max_age_days
    }

    /// Entries that the audit log must have had when the snapshot was sealed; `None` for any number.
    pub fn log_size_min(&self) -> Option<u64> {
        self.log_size_min
    }

    /// Share of each input's rows that has to hold text, from 0 to 1; `None` for any.
    pub fn text_share_min(&self) -> Option<f64> {
        self.text_share_min
    }

    /// The level that a match of this tier has at most; `None` when the policy does not say.
    pub fn tier_level(&self, tier: Tier) -> Option<Level> {
        self.tiers.get(&tier).copied()
    }

    /// The codes whose level differs from the default, in order.
    pub fn changed_levels(&self) -> impl Iterator<Item = (&'static str, Level)> + '_ {
        self.levels.iter().map(|(code, level)| (*code, *level))
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
        // Keys that came later stand only where they are stated, so that a policy without them
        // keeps its digest.
        for id in &self.required_sign_offs {
            lines.push(format!("required_sign_off = {id}"));
        }
        lines.push(format!("strict = {}", self.strict));
        if let Some(size) = self.log_size_min {
            lines.push(format!("log_size_min = {size}"));
        }
        if let Some(share) = self.text_share_min {
            lines.push(format!("text_share_min = {share}"));
        }
        if let Some(days) = self.snapshot_max_age_days {
            lines.push(format!("snapshot_max_age_days = {days}"));
        }
        for (tier, level) in &self.tiers {
            lines.push(format!("tier.{} = {level}", tier.as_str()));
        }
        for glob in self.allowed_models.iter().flatten() {
            lines.push(format!("allowed_model = {glob}"));
        }
        if self.allowed_models.as_ref().is_some_and(Vec::is_empty) {
            lines.push("allowed_model = (none)".to_owned());
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// SHA-256 of the canonical text, lower-case hex: equal policies have equal digests, however
    /// they are written.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.canonical().as_bytes()))
    }
}

const TIERS: [Tier; 3] = [Tier::Exact, Tier::Contained, Tier::Near];

fn parse_tier(word: &str) -> Option<Tier> {
    TIERS.into_iter().find(|tier| tier.as_str() == word)
}

fn parse_level(word: &str) -> Option<Level> {
    match word {
        "note" => Some(Level::Note),
        "flag" => Some(Level::Flag),
        "block" => Some(Level::Block),
        _ => None,
    }
}
