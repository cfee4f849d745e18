//! `herdbook models …`: what a model id means here.

use serde::Serialize;

use super::args::Global;
use super::args::ModelsCommand;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::out;
use super::table::Table;
use crate::catalog::Catalog;
use crate::model::Outcome;
use crate::model::Resolution;
use crate::report::escape;

pub(super) fn run(_global: &Global, command: &ModelsCommand) -> Result<Exit, Failure> {
    let catalog = Catalog::builtin().or_undecided()?;
    match command {
        ModelsCommand::Resolve(args) => {
            let resolved: Vec<Resolution> = args.ids.iter().map(|id| catalog.resolve(id)).collect();
            if args.output.json {
                out::json(&resolved.iter().map(Resolved::from).collect::<Vec<_>>())?;
            } else {
                out::print(&explained(&resolved))?;
            }
        }
        ModelsCommand::List(output) => list(&catalog, output.json)?,
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

#[derive(Serialize)]
struct Resolved {
    id: String,
    outcome: &'static str,
    family: String,
    licenses: Vec<String>,
    multimodal: Option<bool>,
    derivative: Option<bool>,
    rule: String,
    confidence: &'static str,
    note: String,
}

impl From<&Resolution> for Resolved {
    fn from(resolution: &Resolution) -> Self {
        let ids = |list: &[std::sync::Arc<crate::model::License>]| {
            list.iter().map(|l| l.id.clone()).collect::<Vec<_>>()
        };
        let (outcome, licenses, multimodal, derivative) = match &resolution.outcome {
            Outcome::Known(known) => (
                "known",
                ids(&known.licenses),
                Some(known.multimodal),
                Some(known.derivative),
            ),
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
            multimodal,
            derivative,
            rule: resolution.rule.clone(),
            confidence: resolution.confidence.as_str(),
            note: resolution.note.clone(),
        }
    }
}

fn explained(resolved: &[Resolution]) -> String {
    let mut text = String::new();
    for resolution in resolved {
        if !text.is_empty() {
            text.push('\n');
        }
        let line = format!(
            "{}\n  is       {}\n  license  {}\n  rule     {} (confidence: {})\n",
            escape::identifier(&resolution.raw_id),
            resolution.label(),
            licenses(resolution),
            resolution.rule,
            resolution.confidence.as_str(),
        );
        text.push_str(&line);
        if !resolution.note.is_empty() {
            let line = format!("  note     {}\n", resolution.note);
            text.push_str(&line);
        }
    }
    text
}

#[derive(Serialize)]
struct Rule<'a> {
    #[serde(rename = "rule")]
    key: &'a str,
    family: &'a str,
    patterns: &'a [String],
    licenses: &'a [&'a str],
    note: &'a str,
}

fn list(catalog: &Catalog, json: bool) -> Result<(), Failure> {
    let rules: Vec<_> = catalog.models().collect();
    if json {
        let rules: Vec<Rule<'_>> = rules
            .iter()
            .map(|r| Rule {
                key: r.key,
                family: r.label,
                patterns: r.patterns,
                licenses: &r.licenses,
                note: r.note,
            })
            .collect();
        return out::json(&rules);
    }
    let mut table = Table::new(&["RULE", "FAMILY", "LICENSE", "IDS"]);
    for rule in &rules {
        table.row([
            rule.key.to_owned(),
            rule.label.to_owned(),
            rule.licenses.join(", "),
            rule.patterns.join(", "),
        ]);
    }
    out::print(&table.render())
}
