//! `herdbook models …`: what a model id, folder or file means here, and why.

use std::path::Path;

use serde::Serialize;

use super::args::Global;
use super::args::ModelsCommand;
use super::catalog;
use super::config::Config;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::model_files;
use super::out;
use super::table::Table;
use crate::catalog::Asked;
use crate::catalog::Catalog;
use crate::catalog::Step;
use crate::catalog::hints::Reading;
use crate::model::Basis;
use crate::model::LlamaVersion;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::report::escape;

pub(super) fn run(global: &Global, command: &ModelsCommand) -> Result<Exit, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    match command {
        ModelsCommand::Resolve(args) => {
            let catalog = catalog::load(&config, &args.own)?;
            let resolved = args.ids.iter().map(|id| Resolved::of(&catalog, id));
            let resolved = resolved.collect::<Result<Vec<_>, _>>()?;
            if args.output.json {
                out::json(&resolved)?;
            } else {
                out::print(&explained(&resolved))?;
            }
        }
        ModelsCommand::List(args) => {
            list(&catalog::load(&config, &args.own)?, args.output.json)?;
        }
    }
    Ok(Exit::Pass)
}

/// The licenses that an id stands under, in one cell.
pub(super) fn licenses(resolution: &Resolution) -> String {
    match &resolution.outcome {
        Outcome::Known(known) => {
            let ids: Vec<&str> = known.licenses.iter().map(|l| l.id.as_str()).collect();
            ids.join(" and ")
        }
        Outcome::NotLlama {
            license: Some(license),
            ..
        } => license.id.clone(),
        Outcome::NotLlama { license: None, .. } => "its own terms, not in the catalog".to_owned(),
        Outcome::Ambiguous { candidates, .. } => {
            let ids: Vec<&str> = candidates.iter().map(|l| l.id.as_str()).collect();
            format!("one of {}: needs review", ids.join(", "))
        }
        Outcome::LlamaVersionUnknown | Outcome::Unknown => "unknown: needs review".to_owned(),
    }
}

/// One argument, resolved: the stable keys first, then the way to the answer.
#[derive(Serialize)]
struct Resolved {
    id: String,
    outcome: &'static str,
    family: String,
    licenses: Vec<String>,
    lineage: Option<&'static str>,
    multimodal: Option<bool>,
    derivative: Option<bool>,
    rule: String,
    confidence: &'static str,
    /// A link, `card`, or `general-knowledge`; `null` where no entry of the catalog answered.
    known_from: Option<String>,
    note: String,
    /// Lists that were asked, in order; empty for files.
    steps: Vec<StepShown>,
    /// Files that were read; empty for an id.
    files: Vec<String>,
    /// What they say; empty for an id.
    hints: Vec<HintShown>,
    /// The licenses as sentences have them.
    #[serde(skip)]
    license_cell: String,
}

#[derive(Serialize)]
struct StepShown {
    segment: String,
    asked: &'static str,
    #[serde(skip)]
    label: &'static str,
    looked_at: Vec<String>,
    fired: Option<String>,
}

#[derive(Serialize)]
struct HintShown {
    place: String,
    kind: &'static str,
    value: String,
    means: String,
}

impl Resolved {
    /// What is on disk is read as files, everything else is an id.
    fn of(catalog: &Catalog, word: &str) -> Result<Self, Failure> {
        if Path::new(word).exists() {
            let found = model_files::read(Path::new(word))?;
            let combined = catalog.combine(word, found.hints);
            let mut resolved = Self::new(&combined.resolution);
            resolved.files = found.files;
            resolved.hints = combined.readings.into_iter().map(HintShown::from).collect();
            return Ok(resolved);
        }
        let explanation = catalog.explain(word);
        let mut resolved = Self::new(&explanation.resolution);
        resolved.known_from = explanation.basis.map(|basis| match basis {
            Basis::Source(source) => source,
            Basis::GeneralKnowledge => "general-knowledge".to_owned(),
        });
        resolved.steps = explanation
            .steps
            .into_iter()
            .filter(|step| step.asked != Asked::Own || !step.looked_at.is_empty())
            .map(StepShown::from)
            .collect();
        Ok(resolved)
    }

    fn new(resolution: &Resolution) -> Self {
        let ids = |list: &[std::sync::Arc<crate::model::License>]| {
            list.iter().map(|l| l.id.clone()).collect::<Vec<_>>()
        };
        let mut lineage = None;
        let (outcome, licenses, multimodal, derivative) = match &resolution.outcome {
            Outcome::Known(known) => {
                lineage = known.lineage.map(LlamaVersion::id);
                let (multimodal, derivative) = (Some(known.multimodal), Some(known.derivative));
                ("known", ids(&known.licenses), multimodal, derivative)
            }
            Outcome::LlamaVersionUnknown => ("llama-version-unknown", Vec::new(), None, None),
            Outcome::Ambiguous { candidates, .. } => ("ambiguous", ids(candidates), None, None),
            Outcome::NotLlama { license, .. } => (
                "not-llama",
                license.iter().map(|l| l.id.clone()).collect(),
                None,
                None,
            ),
            Outcome::Unknown => ("unknown", Vec::new(), None, None),
        };
        Self {
            id: resolution.raw_id.clone(),
            outcome,
            family: resolution.label(),
            licenses,
            lineage,
            multimodal,
            derivative,
            rule: resolution.rule.clone(),
            confidence: resolution.confidence.as_str(),
            known_from: None,
            note: resolution.note.clone(),
            steps: Vec::new(),
            files: Vec::new(),
            hints: Vec::new(),
            license_cell: self::licenses(resolution),
        }
    }

    fn explained(&self) -> String {
        let mut lines = vec![format!("{}\n", escape::identifier(&self.id))];
        let mut line = |key: &str, value: &str| {
            // Values out of files are printed as one line each, whatever they hold.
            let value = escape::terminal(value);
            lines.push(format!("  {key:<9}{value}\n"));
        };
        line("is", &self.family);
        line("license", &self.license_cell);
        if let Some(lineage) = self.lineage {
            line("lineage", lineage);
        }
        line(
            "rule",
            &format!("{} (confidence: {})", self.rule, self.confidence),
        );
        if let Some(from) = &self.known_from {
            line("known", from);
        }
        if !self.note.is_empty() {
            line("note", &self.note);
        }
        for step in &self.steps {
            line("asked", &step.sentence());
        }
        if !self.files.is_empty() {
            line("read", &self.files.join(", "));
        }
        for hint in &self.hints {
            let said = format!(
                "{} ({}): {} \u{2192} {}",
                hint.place,
                hint.kind,
                escape::identifier(&hint.value),
                hint.means
            );
            line("says", &said);
        }
        lines.concat()
    }
}

impl From<Step> for StepShown {
    fn from(step: Step) -> Self {
        Self {
            segment: step.segment,
            asked: step.asked.as_str(),
            label: step.asked.label(),
            looked_at: step.looked_at,
            fired: step.fired,
        }
    }
}

impl StepShown {
    fn sentence(&self) -> String {
        let fired = match &self.fired {
            Some(rule) => format!("{rule} answers"),
            None => "no answer".to_owned(),
        };
        let count = match self.looked_at.len() {
            0 => String::new(),
            count => format!(", {count} compared"),
        };
        format!("\"{}\" of {}{count}: {fired}", self.segment, self.label)
    }
}

impl From<Reading> for HintShown {
    fn from(reading: Reading) -> Self {
        Self {
            kind: reading.hint.says.kind(),
            value: reading.hint.says.value().to_owned(),
            place: reading.hint.place,
            means: reading.means,
        }
    }
}

fn explained(resolved: &[Resolved]) -> String {
    let each: Vec<String> = resolved.iter().map(Resolved::explained).collect();
    each.join("\n")
}

#[derive(Serialize)]
struct Rule<'a> {
    list: &'static str,
    #[serde(rename = "rule")]
    key: &'a str,
    family: &'a str,
    patterns: &'a [String],
    licenses: &'a [&'a str],
    known_from: &'a str,
    note: &'a str,
}

fn list(catalog: &Catalog, json: bool) -> Result<(), Failure> {
    let rules: Vec<_> = catalog.models().collect();
    if json {
        let rules: Vec<Rule<'_>> = rules
            .iter()
            .map(|r| Rule {
                list: r.list,
                key: r.key,
                family: r.label,
                patterns: r.patterns,
                licenses: &r.licenses,
                known_from: match r.basis {
                    Basis::Source(source) => source,
                    Basis::GeneralKnowledge => "general-knowledge",
                },
                note: r.note,
            })
            .collect();
        return out::json(&rules);
    }
    let mut table = Table::new(&["RULE", "FAMILY", "LICENSE", "IDS"]);
    for rule in &rules {
        table.row([
            format!("{}:{}", rule.list, rule.key),
            rule.label.to_owned(),
            rule.licenses.join(", "),
            rule.patterns.join(", "),
        ]);
    }
    out::print(&table.render())
}
