//! The report that a tired engineer reads after the check stopped the run.
//!
//! First the verdict, why, and the exit code; then what, where and how much, the generator, the
//! clause and the way out; last the next command. Lines wrap at [`WIDTH`] columns; paths, links and
//! words longer than that stay in one piece so that they can be copied.
//!
//! Styles are ANSI codes in the returned text: write it through `anstream`, which drops them where
//! the output is not a terminal or `NO_COLOR` is set. All text from data is escaped.

use anstyle::AnsiColor;
use anstyle::Style;

use super::duties;
use super::escape;
use super::facts;
use super::facts::Group;
use crate::model::CheckOutcome;
use crate::model::Finding;
use crate::model::InputInfo;
use crate::model::Level;
use crate::model::ObligationState;
use crate::model::Verdict;

/// Columns that lines wrap at. Chosen: the width every terminal has.
pub const WIDTH: usize = 80;

/// Groups of findings printed. Chosen: about two screens; the rest is counted and in the reports.
const GROUPS_MAX: usize = 10;
/// Locations printed per group. Chosen.
const LOCATIONS_MAX: usize = 3;
/// Further claims printed per location. Chosen.
const CLAIMS_MAX: usize = 4;
/// Inputs printed; those with something above pass come first. Chosen.
const INPUTS_MAX: usize = 8;
/// Columns printed per input and use. Chosen.
const COLUMNS_MAX: usize = 8;
/// Input paths repeated in a suggested command before they are abbreviated. Chosen.
const COMMAND_INPUTS_MAX: usize = 6;

/// Longest sentence printed, in characters. Chosen: about twenty lines; the JSON report has it all.
const SENTENCE_CHARS_MAX: usize = 1_600;

/// What the report has to know about the command beside its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The input paths as the user gave them.
    pub inputs: Vec<String>,
    /// The options that a suggested command must repeat (`--target-model`, its value, …): neither
    /// inputs nor `--clean`, `--quarantine` and `--report`.
    pub options: Vec<String>,
    /// The exit code that the process will end with.
    pub exit_code: u8,
    /// Why the exit code is not the verdict's own, e.g. `--fail-on flag`.
    pub exit_note: Option<String>,
    /// The folders that the input was split into, if it was.
    pub split: Option<Split>,
    /// Report files that are written beside this report.
    pub reports: Vec<String>,
}

/// The two sides of a split input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Folder of the rows to train on.
    pub clean: String,
    /// Folder of the rows taken out, each with its reason.
    pub quarantine: String,
}

/// Renders the report, with ANSI styles.
pub fn render(outcome: &CheckOutcome, context: &Context) -> String {
    let mut page = Page::default();
    head(&mut page, outcome, context);
    findings(&mut page, outcome);
    models(&mut page, outcome);
    inputs(&mut page, outcome);
    obligations(&mut page, outcome);
    basis(&mut page, outcome);
    limits(&mut page, outcome);
    next(&mut page, outcome, context);
    page.out
}

/// Renders the first sentence alone: verdict, why, exit code.
pub fn headline(outcome: &CheckOutcome, context: &Context) -> String {
    let mut page = Page::default();
    lead(&mut page, outcome, context);
    page.out
}

fn head(page: &mut Page, outcome: &CheckOutcome, context: &Context) {
    lead(page, outcome, context);
    page.blank();
    page.field("Target", &data_sentence(&facts::target(&outcome.target)));
    page.field("Rows", &facts::tally(outcome));
}

fn lead(page: &mut Page, outcome: &CheckOutcome, context: &Context) {
    let word = outcome.verdict.as_str().to_uppercase();
    let note = context
        .exit_note
        .as_deref()
        .map_or_else(String::new, |note| format!(" ({note})"));
    let text = data_sentence(&format!(
        "{} Exit code {}{note}.",
        facts::headline(outcome),
        context.exit_code,
    ));
    page.paragraph(
        &Lead {
            text: &word,
            style: verdict_style(outcome.verdict),
        },
        &text,
        0,
        2,
    );
}

fn findings(page: &mut Page, outcome: &CheckOutcome) {
    if outcome.findings.is_empty() {
        return;
    }
    let groups = facts::groups(outcome);
    page.heading("Findings, strictest first (rows count from 0)");
    for (i, group) in groups.iter().take(GROUPS_MAX).enumerate() {
        if i > 0 {
            page.blank();
        }
        finding_group(page, group, outcome);
    }
    if let Some(more) = groups.len().checked_sub(GROUPS_MAX).filter(|n| *n > 0) {
        page.line(
            2,
            &format!(
                "… and {} more; --report FILE lists them",
                facts::plural(more as u64, "group")
            ),
        );
    }
    if let Some(text) = facts::unlisted(outcome) {
        page.blank();
        page.line(2, &text);
    }
}

fn finding_group(page: &mut Page, group: &Group<'_>, outcome: &CheckOutcome) {
    let text = format!("{}: {}", group.code, facts::how_much(group, outcome));
    page.paragraph(
        &Lead {
            text: group.level.as_str(),
            style: level_style(group.level),
        },
        &text,
        0,
        2,
    );
    if group.is_match() {
        page.detail(
            "generator",
            &data_sentence(&facts::generator(group.model, group.license)),
        );
    }
    if let Some(clause) = group
        .findings
        .first()
        .and_then(|f| f.decision.clause.as_deref())
    {
        page.detail("clause", &data_sentence(clause));
    }
    let why = group.common(|finding| &finding.decision.reason);
    if let Some(text) = why {
        page.detail("why", &data_sentence(text));
    }
    for (i, finding) in group.findings.iter().take(LOCATIONS_MAX).enumerate() {
        location(
            page,
            if i == 0 { "where" } else { "" },
            finding,
            why.is_none(),
        );
    }
    if let Some(more) = group
        .findings
        .len()
        .checked_sub(LOCATIONS_MAX)
        .filter(|n| *n > 0)
    {
        page.detail("", &format!("… and {} more", facts::count(more as u64)));
    }
    let fixes = group.common(|finding| &finding.decision.how_to_fix);
    let first = group
        .findings
        .first()
        .map_or("", |finding| &finding.decision.how_to_fix);
    page.detail("fix", &data_sentence(fixes.unwrap_or(first)));
}

fn location(page: &mut Page, label: &str, finding: &Finding, with_reason: bool) {
    let path = escape::identifier(&finding.location.path);
    let place = escape::identifier(&facts::place(&finding.location));
    page.detail(label, format!("{path} {place}").trim_end());
    if let Some(text) = facts::evidence(finding) {
        page.under(&text);
    }
    if let Some(claim) = finding.claims.first() {
        page.under(&data_sentence(&format!(
            "registered: {}",
            facts::registered(claim)
        )));
    }
    for claim in finding.claims.iter().skip(1).take(CLAIMS_MAX) {
        page.under(&data_sentence(&facts::also_claimed(claim)));
    }
    if let Some(more) = finding
        .claims
        .len()
        .checked_sub(CLAIMS_MAX + 1)
        .filter(|n| *n > 0)
    {
        page.under(&format!("also claimed: {} more", facts::count(more as u64)));
    }
    if let Some(text) = finding
        .evidence
        .and_then(|found| facts::hidden(found.integrity))
    {
        page.under(&text);
    }
    if with_reason {
        page.under(&data_sentence(&finding.decision.reason));
    }
}

fn models(page: &mut Page, outcome: &CheckOutcome) {
    if outcome.models.is_empty() {
        return;
    }
    page.heading("Generators as claimed by the sources");
    for model in outcome.models.iter().take(GROUPS_MAX) {
        let text = facts::generator(Some(&model.model), model.license.as_deref());
        page.line(
            2,
            &format!(
                "{}: {}",
                data_sentence(&text),
                facts::plural(model.records, "finding")
            ),
        );
    }
    if let Some(more) = outcome
        .models
        .len()
        .checked_sub(GROUPS_MAX)
        .filter(|n| *n > 0)
    {
        page.line(2, &format!("… and {} more", facts::count(more as u64)));
    }
}

fn inputs(page: &mut Page, outcome: &CheckOutcome) {
    if outcome.inputs.is_empty() {
        return;
    }
    page.heading("Inputs and how their columns were treated");
    let mut shown: Vec<&InputInfo> = outcome.inputs.iter().collect();
    // Stable: inputs keep the order scanned within each class.
    shown.sort_by_key(|info| info.sha256.is_some() && info.tally.pass == info.tally.read);
    for info in shown.iter().take(INPUTS_MAX) {
        page.line(
            2,
            &format!("{}: {}", escape::identifier(&info.path), facts::input(info)),
        );
        for (column_use, words) in facts::COLUMN_USES {
            let columns: Vec<String> = (info.columns.iter())
                .filter(|(_, used, _)| *used == column_use)
                .map(|(path, _, _)| escape::identifier(path))
                .collect();
            if columns.is_empty() {
                continue;
            }
            let named: Vec<&str> = columns
                .iter()
                .take(COLUMNS_MAX)
                .map(String::as_str)
                .collect();
            let mut text = format!("{words}: {}", named.join(", "));
            if let Some(more) = columns.len().checked_sub(COLUMNS_MAX).filter(|n| *n > 0) {
                text = format!("{text} and {} more", facts::count(more as u64));
            }
            page.line(6, &text);
        }
    }
    if let Some(more) = shown.len().checked_sub(INPUTS_MAX).filter(|n| *n > 0) {
        page.line(
            2,
            &format!("… and {}", facts::plural(more as u64, "more input")),
        );
    }
}

fn obligations(page: &mut Page, outcome: &CheckOutcome) {
    if outcome.obligations.is_empty() {
        return;
    }
    page.heading("Duties of the target, from these outputs and from its base");
    for duty in &outcome.obligations {
        let style = match duty.state {
            ObligationState::Met => color(AnsiColor::Green),
            ObligationState::NotYetCheckable | ObligationState::Latent => color(AnsiColor::Yellow),
            ObligationState::Unmet => color(AnsiColor::Red),
        };
        let text = data_sentence(&format!("{} ({}; {})", duty.text, duty.id, duty.clause));
        page.paragraph(
            &Lead {
                text: facts::duty_state(duty.state),
                style,
            },
            &text,
            2,
            4,
        );
    }
    if let Some(kept) = duties::kept_in(outcome) {
        page.line(2, &format!("{}:", data_sentence(&kept)));
        for duty in &outcome.stored_duties.duties {
            page.line(4, &format!("- {}", data_sentence(&duties::stored(duty))));
        }
    }
}

fn basis(page: &mut Page, outcome: &CheckOutcome) {
    page.blank();
    page.field("Snapshot", &data_sentence(&facts::snapshot(outcome)));
    page.field("Policy", &data_sentence(&facts::policy(outcome)));
}

fn limits(page: &mut Page, outcome: &CheckOutcome) {
    page.heading("What this does not prove");
    page.line(2, &format!("- {}", facts::meaning(outcome.verdict)));
    for limit in &outcome.limits {
        page.line(2, &format!("- {}", data_sentence(limit)));
    }
}

fn next(page: &mut Page, outcome: &CheckOutcome, context: &Context) {
    page.heading("Next");
    for report in &context.reports {
        page.line(2, &format!("Full report: {}", escape::identifier(report)));
    }
    let mut command = context.clone();
    let split = ["--clean", "clean/", "--quarantine", "quarantine/"];
    match (&context.split, outcome.verdict) {
        (Some(split), _) => {
            page.line(
                2,
                &format!(
                    "The rows to train on are in {}, the others, each with its reason, in {}. \
                 The exit code describes the input; check the clean side by itself:",
                    escape::identifier(&split.clean),
                    escape::identifier(&split.quarantine),
                ),
            );
            command.inputs = vec![split.clean.clone()];
            page.command(&check_command(&command, &[]));
        }
        (None, Verdict::Block) if outcome.tally.block > 0 => {
            page.line(
                2,
                "Split the input: rows that may be used to clean/, the others, each with \
                          its reason, to quarantine/:",
            );
            page.command(&check_command(&command, &split));
        }
        (None, Verdict::Block | Verdict::Undecided) => {
            page.line(2, "Do what \"fix\" says above, then check again:");
            page.command(&check_command(&command, &[]));
            if outcome.tally.undecided > 0 && outcome.tally.pass > 0 {
                page.line(2, "Or take the undecided rows out, each with its reason:");
                page.command(&check_command(&command, &split));
            }
        }
        (None, Verdict::Flag | Verdict::Pass) if context.reports.is_empty() => {
            page.line(2, "Keep the verdict with the run:");
            page.command(&check_command(&command, &["--report", "verdict.json"]));
        }
        (None, Verdict::Flag | Verdict::Pass) => {
            page.line(2, "Keep the report with the run.");
        }
    }
}

/// The words of a check command, each quoted for a shell.
fn check_command(context: &Context, more: &[&str]) -> Vec<String> {
    let mut words = vec!["herdbook".to_owned(), "check".to_owned()];
    // A configuration names inputs of its own.
    let from_config = context.options.iter().any(|option| option == "--from");
    if context.inputs.is_empty() && !from_config {
        words.push("PATH…".to_owned());
    } else {
        words.extend(
            context
                .inputs
                .iter()
                .take(COMMAND_INPUTS_MAX)
                .map(|path| path_argument(path)),
        );
        if context.inputs.len() > COMMAND_INPUTS_MAX {
            words.push("…".to_owned());
        }
    }
    words.extend(context.options.iter().map(|option| escape::shell(option)));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

/// A path as an argument: one that begins with a dash must not read as an option.
fn path_argument(path: &str) -> String {
    if path.starts_with('-') && path != "-" {
        escape::shell(&format!("./{path}"))
    } else {
        escape::shell(path)
    }
}

/// A sentence that may hold text from data, harmless for the terminal. Long words in it are
/// shortened one by one, so that a hostile model id cannot bury the sentence around it.
fn data_sentence(text: &str) -> String {
    let text = escape::shorten(text, SENTENCE_CHARS_MAX);
    let words: Vec<String> = text.split(' ').map(escape::identifier).collect();
    words.join(" ")
}

fn color(color: AnsiColor) -> Style {
    color.on_default().bold()
}

fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => color(AnsiColor::Green),
        Verdict::Flag => color(AnsiColor::Yellow),
        Verdict::Undecided => color(AnsiColor::Magenta),
        Verdict::Block => color(AnsiColor::Red),
    }
}

fn level_style(level: Level) -> Style {
    match level {
        Level::Note => Style::new().bold(),
        Level::Flag | Level::Undecided | Level::Block => verdict_style(level.verdict()),
    }
}

/// The word that opens a paragraph, in its style.
struct Lead<'a> {
    text: &'a str,
    style: Style,
}

/// Columns of the detail labels under a finding, and of the text beside them.
const DETAIL_INDENT: usize = 4;
const DETAIL_TEXT: usize = 15;
/// Column of the text beside the labels of the whole report.
const FIELD_TEXT: usize = 10;

/// Builds the text line by line.
#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    fn blank(&mut self) {
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        let bold = Style::new().bold();
        let line = format!("\n{bold}{text}{bold:#}\n");
        self.out.push_str(&line);
    }

    /// Text wrapped at `indent`, further lines two columns deeper.
    fn line(&mut self, indent: usize, text: &str) {
        self.wrapped(&" ".repeat(indent), indent, indent + 2, text);
    }

    /// A styled word at `indent`, two spaces, and text that wraps under `hang`.
    fn paragraph(&mut self, lead: &Lead<'_>, text: &str, indent: usize, hang: usize) {
        let Lead { text: word, style } = lead;
        let first = format!("{:indent$}{style}{word}{style:#}  ", "");
        self.wrapped(&first, indent + columns(word) + 2, hang, text);
    }

    fn field(&mut self, label: &str, text: &str) {
        self.wrapped(
            &format!("{label:FIELD_TEXT$}"),
            FIELD_TEXT,
            FIELD_TEXT,
            text,
        );
    }

    fn detail(&mut self, label: &str, text: &str) {
        let width = DETAIL_TEXT - DETAIL_INDENT;
        let first = format!("{:DETAIL_INDENT$}{label:width$}", "");
        self.wrapped(&first, DETAIL_TEXT, DETAIL_TEXT, text);
    }

    fn under(&mut self, text: &str) {
        let indent = DETAIL_TEXT + 2;
        self.wrapped(&" ".repeat(indent), indent, indent + 2, text);
    }

    /// A command that can be pasted: broken between words with a backslash.
    fn command(&mut self, words: &[String]) {
        let mut used = 4;
        self.out.push_str("    ");
        for (i, word) in words.iter().enumerate() {
            if i > 0 && used + columns(word) + 3 > WIDTH {
                self.out.push_str(" \\\n        ");
                used = 8;
            } else if i > 0 {
                self.out.push(' ');
                used += 1;
            }
            self.out.push_str(word);
            used += columns(word);
        }
        self.out.push('\n');
    }

    /// `first` (taking `first_columns`), then `text` wrapped at [`WIDTH`]; further lines start at
    /// column `hang`. A word longer than a line stands alone, whole.
    fn wrapped(&mut self, first: &str, first_columns: usize, hang: usize, text: &str) {
        self.out.push_str(first);
        let mut used = first_columns;
        let mut at_start = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let width = columns(word);
            if !at_start && used + 1 + width > WIDTH {
                self.out.push('\n');
                self.out.extend(std::iter::repeat_n(' ', hang));
                used = hang;
            } else if !at_start {
                self.out.push(' ');
                used += 1;
            }
            self.out.push_str(word);
            used += width;
            at_start = false;
        }
        self.out.push('\n');
    }
}

/// Terminal columns of a text: wide East Asian characters and emoji count two, others one.
/// Combining marks count one too, so a line may wrap early and never late.
fn columns(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}'
            | '\u{FFE0}'..='\u{FFE6}' | '\u{1F300}'..='\u{1FAFF}' | '\u{20000}'..='\u{3FFFD}')
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
