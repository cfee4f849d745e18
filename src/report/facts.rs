//! What every report for people says in the same words: the headline, groups of findings, numbers.
//!
//! Returns raw text. Whoever prints it escapes it for the medium.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::CheckOutcome;
use crate::model::ColumnUse;
use crate::model::Finding;
use crate::model::FindingClaim;
use crate::model::InputInfo;
use crate::model::Integrity;
use crate::model::Level;
use crate::model::Location;
use crate::model::ObligationState;
use crate::model::Verdict;
use crate::model::target::Target;

/// Findings that say the same thing about the same generator.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Level of all of them.
    pub(super) level: Level,
    /// Code of all of them.
    pub(super) code: &'static str,
    /// Raw model id of the deciding claim.
    pub(super) model: Option<&'a str>,
    /// License of the deciding claim.
    pub(super) license: Option<&'a str>,
    /// The findings, in the outcome's order; never empty.
    pub(super) findings: Vec<&'a Finding>,
    /// Distinct rows among them.
    pub(super) rows: u64,
}

impl Group<'_> {
    /// Whether the findings are matches with registered output.
    pub(super) fn is_match(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.evidence.is_some())
    }

    /// The value that `of` gives for every finding, or `None` when they differ.
    pub(super) fn common<'f>(&'f self, of: impl Fn(&'f Finding) -> &'f str) -> Option<&'f str> {
        let mut values = self.findings.iter().map(|finding| of(finding));
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }
}

/// Groups the listed findings: strictest level first, then strictest ruling, then most findings,
/// then by code and model.
pub(super) fn groups(outcome: &CheckOutcome) -> Vec<Group<'_>> {
    type Key<'a> = (Level, &'static str, Option<&'a str>, Option<&'a str>);
    let mut by_key: BTreeMap<Key<'_>, Vec<&Finding>> = BTreeMap::new();
    for finding in &outcome.findings {
        let model = finding
            .claims
            .first()
            .and_then(|claim| claim.model.as_deref());
        let license = finding.decision.license.as_deref();
        by_key
            .entry((finding.level, finding.decision.code.0, model, license))
            .or_default()
            .push(finding);
    }
    let mut groups: Vec<Group<'_>> = by_key
        .into_iter()
        .map(|((level, code, model, license), findings)| {
            let rows: BTreeSet<(&str, u64)> = findings
                .iter()
                .filter_map(|f| f.location.row.map(|row| (&*f.location.path, row)))
                .collect();
            Group {
                level,
                code,
                model,
                license,
                rows: rows.len() as u64,
                findings,
            }
        })
        .collect();
    // Of equal levels what a license rules out comes before what a duty would cure. Stable: equal
    // counts keep the order of code, model and license.
    let ruling = |group: &Group<'_>| group.findings.iter().map(|f| f.decision.ruling).max();
    groups.sort_by_key(|group| {
        (
            Reverse(group.level),
            Reverse(ruling(group)),
            Reverse(group.findings.len()),
        )
    });
    groups
}

/// How many findings and rows a group has; says so when findings beyond the listing limit exist,
/// since a group then holds only part of them.
pub(super) fn how_much(group: &Group<'_>, outcome: &CheckOutcome) -> String {
    let all_listed = outcome.findings_total <= outcome.findings.len() as u64;
    let noun = if all_listed {
        "finding"
    } else {
        "listed finding"
    };
    let findings = plural(group.findings.len() as u64, noun);
    if group.rows == 0 {
        return findings;
    }
    let share = if all_listed && outcome.tally.read > 0 {
        let share = group.rows as f64 / outcome.tally.read as f64;
        format!(" ({} of the rows read)", percent(share))
    } else {
        String::new()
    };
    format!("{findings} in {}{share}", rows(group.rows))
}

/// The one sentence that matters, without the verdict's word before it.
pub(super) fn headline(outcome: &CheckOutcome) -> String {
    let tally = outcome.tally;
    let policy = &outcome.policy_name;
    let read = rows(tally.read);
    match outcome.verdict {
        Verdict::Pass => format!(
            "No match at or above the policy's thresholds in {read} of {}.",
            plural(outcome.inputs.len() as u64, "input")
        ),
        Verdict::Flag if tally.flag > 0 => format!(
            "{} of {read} {} registered output{}. Policy {policy} lets that through, to be seen.",
            count(tally.flag),
            if tally.flag == 1 { "matches" } else { "match" },
            claimed_as(outcome, Level::Flag),
        ),
        Verdict::Flag => {
            format!(
                "Policy {policy} lets this run through and flags: {}.",
                codes(outcome, Level::Flag)
            )
        }
        Verdict::Undecided if has(outcome, "approvals-unreadable") => {
            "What was approved cannot be read, so nothing was checked. This is not a pass."
                .to_owned()
        }
        Verdict::Undecided if has(outcome, "duties-unreadable") => {
            "Which duties the target has cannot be read, so nothing was checked. This is not a pass."
                .to_owned()
        }
        Verdict::Undecided if outcome.index.is_none() => {
            "No snapshot of the index could answer, so nothing is known of these inputs. \
             This is not a pass."
                .to_owned()
        }
        Verdict::Undecided if tally.undecided > 0 => format!(
            "{} of {read} could not be read, looked up or proven. This is not a pass.",
            count(tally.undecided)
        ),
        Verdict::Undecided if outcome.inputs.is_empty() => {
            "No input was read, so nothing is known. This is not a pass.".to_owned()
        }
        Verdict::Undecided if !tally.agrees() => {
            "The counts of rows do not add up, so nothing is proven. This is not a pass.".to_owned()
        }
        Verdict::Undecided => {
            format!(
                "Undecided: {}. This is not a pass.",
                codes(outcome, Level::Undecided)
            )
        }
        Verdict::Block if tally.block > 0 => format!(
            "Policy {policy} stops this run: {} of {read} {} registered output{}.",
            count(tally.block),
            if tally.block == 1 { "matches" } else { "match" },
            claimed_as(outcome, Level::Block),
        ),
        Verdict::Block => {
            format!(
                "Policy {policy} stops this run: {}.",
                codes(outcome, Level::Block)
            )
        }
    }
}

/// ` claimed as M`, ` claimed as M and 2 other models`, or nothing where no model is claimed;
/// ` traced to M` where M is not claimed itself but stands behind the model that is.
fn claimed_as(outcome: &CheckOutcome, level: Level) -> String {
    let groups = groups(outcome);
    let mut models: Vec<&str> = Vec::new();
    for model in groups
        .iter()
        .filter(|g| g.level == level)
        .filter_map(|g| g.model)
    {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    match models.split_first() {
        None => String::new(),
        Some((first, [])) => format!(" {} {first}", claimed_or_traced(outcome, first)),
        Some((first, rest)) => {
            format!(
                " {} {first} and {}",
                claimed_or_traced(outcome, first),
                plural(rest.len() as u64, "other model")
            )
        }
    }
}

/// Whether a model is claimed by a source, or stands behind one that is.
fn claimed_or_traced(outcome: &CheckOutcome, model: &str) -> &'static str {
    let mut deciding = outcome
        .findings
        .iter()
        .filter_map(|found| found.claims.first());
    if deciding.any(|claim| claim.model.as_deref() == Some(model) && !claim.lineage.is_empty()) {
        "traced to"
    } else {
        "claimed as"
    }
}

/// The codes of one level, each once, in order of their groups.
fn codes(outcome: &CheckOutcome, level: Level) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for group in groups(outcome).iter().filter(|group| group.level == level) {
        if !codes.contains(&group.code) {
            codes.push(group.code);
        }
    }
    if codes.is_empty() {
        format!(
            "what decided it is beyond the first {}",
            plural(outcome.findings.len() as u64, "listed finding")
        )
    } else {
        codes.join(", ")
    }
}

/// What the verdict does and does not claim, in a sentence.
pub(super) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "A pass is not a finding of compliance: it says what was not found.",
        Verdict::Flag => {
            "A flag is a match that the policy lets through: read it, and see to the duties. It is \
             not a finding of compliance."
        }
        Verdict::Undecided => {
            "Undecided is neither a pass nor a block: the gate stays closed until the cause is gone and the check \
             has run again."
        }
        Verdict::Block => {
            "A block is the organisation's policy under its adopted readings of the licenses; \
             counsel decides what a license means."
        }
    }
}

/// The target in one line: name, what it is, what it starts from, what for.
pub(super) fn target(target: &Target) -> String {
    let base = if target.base.is_empty() {
        "scratch".to_owned()
    } else {
        target.base.join(" + ")
    };
    format!(
        "{}: {} from {base}, {}, stage {}, {}",
        target.name.as_deref().unwrap_or("name not yet known"),
        target.kind.as_str(),
        target.availability.as_str(),
        target.stage.as_str(),
        target.purpose.as_str(),
    )
}

/// Where a finding stands, without the path: `row 4, messages[].content`.
pub(super) fn place(location: &Location) -> String {
    match (location.row, location.column.as_deref()) {
        (Some(row), Some(column)) => format!("row {row}, {column}"),
        (Some(row), None) => format!("row {row}"),
        (None, Some(column)) => format!("column {column}"),
        (None, None) => String::new(),
    }
}

/// How much matched: `contained: 31% of this text, 87% of the registered output, …`.
pub(super) fn evidence(finding: &Finding) -> Option<String> {
    let found = finding.evidence.as_ref()?;
    Some(format!(
        "{}: {} of this text, {} of the registered output, longest run {} bytes",
        found.tier.as_str(),
        percent(found.share_of_row),
        percent(found.share_of_output),
        count(found.longest_run_bytes),
    ))
}

/// What had to be undone before a match showed; `None` when nothing had to be.
pub(super) fn hidden(integrity: Integrity) -> Option<String> {
    let parts: Vec<&str> = [
        (integrity.invisible, "invisible characters between letters"),
        (integrity.bidi, "bidirectional controls"),
        (integrity.look_alike, "look-alike letters"),
    ]
    .into_iter()
    .filter_map(|(there, words)| there.then_some(words))
    .collect();
    (!parts.is_empty()).then(|| format!("undone before it matched: {}", parts.join(", ")))
}

/// The generator of a claim: `M, license L`.
pub(super) fn generator(model: Option<&str>, license: Option<&str>) -> String {
    format!(
        "{} ({})",
        model.unwrap_or("not stated by the source"),
        license.map_or_else(
            || "license not known".to_owned(),
            |id| format!("license {id}")
        ),
    )
}

/// Where a claim is registered: `record in source S`.
pub(super) fn registered(claim: &FindingClaim) -> String {
    format!("{} in source {}", claim.source_record, claim.source)
}

/// A claim that does not decide: generator, place, and what it alone would give.
pub(super) fn also_claimed(claim: &FindingClaim) -> String {
    let word = if claim.lineage.is_empty() {
        "also claimed"
    } else {
        "also behind it"
    };
    format!(
        "{word}: {}, {}: alone it would be {} {}",
        generator(claim.model.as_deref(), claim.decision.license.as_deref()),
        registered(claim),
        claim.decision.level,
        claim.decision.code.0,
    )
}

/// One input in a line, without its path.
pub(super) fn input(info: &InputInfo) -> String {
    let tally = info.tally;
    let mut parts = vec![
        info.format
            .clone()
            .unwrap_or_else(|| "format not recognised".to_owned()),
        bytes(info.bytes),
        rows(tally.read),
    ];
    for (n, word) in [
        (tally.block, "block"),
        (tally.undecided, "undecided"),
        (tally.flag, "flag"),
        (tally.pass, "pass"),
    ] {
        if n > 0 {
            parts.push(format!("{} {word}", count(n)));
        }
    }
    if info.sha256.is_none() {
        parts.push("not read to the end".to_owned());
    }
    parts.join(", ")
}

/// Column uses in the order a reader needs them: what is in doubt first.
pub(super) const COLUMN_USES: [(ColumnUse, &str); 5] = [
    (ColumnUse::Tokens, "token ids, cannot be read: undecided"),
    (ColumnUse::Binary, "not UTF-8, cannot be read: undecided"),
    (ColumnUse::Scanned, "scanned"),
    (ColumnUse::Exempt, "exempt, not scanned"),
    (ColumnUse::NotText, "no text"),
];

/// The state of a duty, for people.
pub(super) fn duty_state(state: ObligationState) -> &'static str {
    match state {
        ObligationState::Met => "met",
        ObligationState::NotYetCheckable => "to be met",
        ObligationState::Latent => "if it is published",
        ObligationState::Unmet => "not met",
    }
}

/// Whether a finding has this code.
fn has(outcome: &CheckOutcome, code: &str) -> bool {
    let mut findings = outcome.findings.iter();
    findings.any(|finding| finding.decision.code.0 == code)
}

/// The snapshot in a sentence or two.
pub(super) fn snapshot(outcome: &CheckOutcome) -> String {
    outcome.index.as_ref().map_or_else(
        || {
            if has(outcome, "approvals-unreadable") || has(outcome, "duties-unreadable") {
                "none was asked".to_owned()
            } else {
                "none could be opened".to_owned()
            }
        },
        |index| {
            format!(
                "{} (sha256 {}), {}, {}, recipe {}. Any shared run of {} bytes or more of the \
                 normal form (letters and digits) is seen.",
                index.snapshot,
                short_digest(&index.digest),
                plural(index.sources, "source"),
                plural(index.records, "record"),
                index.recipe,
                index.guarantee_bytes,
            )
        },
    )
}

/// The policy and the date.
pub(super) fn policy(outcome: &CheckOutcome) -> String {
    format!(
        "{} (sha256 {}), as of {}",
        outcome.policy_name,
        short_digest(&outcome.policy_digest),
        outcome.as_of
    )
}

/// The tally in a line.
pub(super) fn tally(outcome: &CheckOutcome) -> String {
    let tally = outcome.tally;
    let sum = format!(
        "{} read = {} pass + {} flag + {} block + {} undecided",
        count(tally.read),
        count(tally.pass),
        count(tally.flag),
        count(tally.block),
        count(tally.undecided),
    );
    if tally.agrees() {
        sum
    } else {
        format!("{sum}. THE COUNTS DO NOT ADD UP: do not rely on this report")
    }
}

/// Findings not listed, as a sentence or two; `None` when all are.
pub(super) fn unlisted(outcome: &CheckOutcome) -> Option<String> {
    let listed = outcome.findings.len() as u64;
    if outcome.findings_total <= listed {
        return None;
    }
    let mut text = format!(
        "{} in all; the first {} are kept in reports, and the tally counts every row.",
        plural(outcome.findings_total, "finding"),
        count(listed)
    );
    let strictest = outcome
        .findings
        .iter()
        .map(|finding| finding.level.verdict())
        .max();
    if strictest < Some(outcome.verdict) {
        text.push_str(" What decided the verdict is not among them: --clean and --quarantine give every row its reason.");
    }
    Some(text)
}

/// First 12 hex digits of a digest: enough to compare by eye.
pub(super) fn short_digest(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// A share as whole percent, rounded down so that `100%` means all of it.
pub(super) fn percent(share: f64) -> String {
    if share >= 1.0 {
        return "100%".to_owned();
    }
    // The tiny term undoes 0.29 * 100 = 28.999….
    let whole = (share * 100.0 + 1e-9).floor();
    if whole >= 1.0 {
        format!("{whole:.0}%")
    } else {
        "under 1%".to_owned()
    }
}

/// A count with thousands separators.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `2 rows`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A count of rows.
pub(super) fn rows(n: u64) -> String {
    plural(n, "row")
}

/// A size in binary units, one decimal, cut off.
pub(super) fn bytes(n: u64) -> String {
    let mut value = n;
    let mut rest = 0;
    let mut unit = "bytes";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024 {
            break;
        }
        rest = (value % 1024) * 10 / 1024;
        value /= 1024;
        unit = larger;
    }
    if unit == "bytes" {
        plural(n, "byte")
    } else {
        format!("{}.{rest} {unit}", count(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.999_96), "99%");
        assert_eq!(percent(0.29), "29%");
        assert_eq!(percent(0.004), "under 1%");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
        assert_eq!(plural(1, "row"), "1 row");
    }

    #[test]
    fn groups_put_the_strictest_and_largest_first_and_lose_nothing() {
        let outcome = samples::many();
        let groups = groups(&outcome);
        let names: Vec<_> = groups
            .iter()
            .map(|g| (g.level, g.license, g.findings.len()))
            .collect();
        assert_eq!(
            names,
            [
                (Level::Block, Some("llama-3"), 50),
                (Level::Block, Some("llama-2"), 1),
                (Level::Flag, Some("llama-3.1"), 2),
            ]
        );
        assert_eq!(
            groups.iter().map(|g| g.findings.len()).sum::<usize>(),
            outcome.findings.len()
        );
    }

    #[test]
    fn a_block_beyond_the_listing_limit_is_said() {
        let mut outcome = samples::many();
        outcome
            .findings
            .retain(|finding| finding.level != Level::Block);
        assert!(
            headline(&outcome).contains("stops this run: 1,998 of"),
            "{}",
            headline(&outcome)
        );
        assert!(unlisted(&outcome).is_some_and(|text| text.contains("not among them")));
        assert!(unlisted(&samples::many()).is_some_and(|text| !text.contains("not among them")));
        outcome.tally.block = 0;
        assert!(headline(&outcome).contains("beyond the first 2 listed findings"));
    }

    #[test]
    fn undecided_without_a_finding_still_says_why() {
        let mut outcome = samples::pass();
        outcome.verdict = Verdict::Undecided;
        outcome.tally.pass -= 1;
        assert!(headline(&outcome).contains("do not add up"));
        outcome.inputs.clear();
        assert!(headline(&outcome).contains("No input was read"));
    }

    #[test]
    fn a_tally_that_does_not_add_up_is_said() {
        let mut outcome = samples::pass();
        outcome.tally.pass -= 1;
        assert!(tally(&outcome).contains("DO NOT ADD UP"));
    }
}
