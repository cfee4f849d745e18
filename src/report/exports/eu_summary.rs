//! The synthetic-data part of the public summary of training content that Article 53(1)(d) of the EU
//! AI Act asks for: what the log can answer, and what it cannot.
//!
//! Fields and numbers are those of the AI Office's template (C(2025) 8311, Annex, section 2.5), in
//! our words. An empty register is never given out as "no".

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use super::Dossier;
use super::FromLog;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Meaning;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Origin;
use crate::report::escape;

/// The template that is filled in.
const TEMPLATE: &str = "Template for the Public Summary of Training Content for general-purpose AI models, Article 53(1)(d) of Regulation (EU) 2024/1689, C(2025) 8311";

/// The part of the template that the log can fill in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EuSummary {
    template: &'static str,
    /// The model.
    model: String,
    /// State of the log.
    log: LogJson,
    /// 1.2: models that it was made from.
    dependencies: Vec<Dependency>,
    /// 2.5
    synthetic: Synthetic,
    /// Parts of the template that are not filled in, and why.
    not_filled: Vec<String>,
    /// What the log could not show.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct LogJson {
    origin: String,
    entries: u64,
    time: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Dependency {
    model: String,
    means: Option<String>,
    licenses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Synthetic {
    /// `yes`, or null where the log does not tell.
    was_used: Option<&'static str>,
    /// What the answer rests on.
    ground: String,
    /// 2.5 (i)
    modality: Option<&'static str>,
    /// 2.5 (ii): models that the catalog knows.
    on_the_market: Vec<Generator>,
    /// 2.5 (iii): any other.
    others: Vec<Generator>,
}

/// A model whose outputs went into the training.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Generator {
    model: String,
    means: Option<String>,
    licenses: Vec<String>,
    /// How its outputs went in: through which data, by whose word.
    through: Vec<Through>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Through {
    /// Data set, file, run or model that they went into.
    into: String,
    /// Registered source; null where a model was used without registered text.
    source: Option<String>,
    origin: &'static str,
    /// Rows concerned, where they were counted.
    rows: Option<u64>,
    of_rows: Option<u64>,
    /// What of the outputs was used; text where nothing is said.
    of_outputs: Option<String>,
}

impl EuSummary {
    /// The summary of the model that the dossier begins with.
    pub fn of(dossier: &Dossier) -> Self {
        let mut generators: BTreeMap<usize, BTreeSet<Through>> = BTreeMap::new();
        for hop in &dossier.traced.walk.edges {
            let (Some(from), Some(to)) = (dossier.at(hop.from), dossier.at(hop.to)) else {
                continue;
            };
            let mut through = Through {
                into: to.node.node.to_string(),
                source: None,
                origin: hop.origin.as_str(),
                rows: hop.facts.records,
                of_rows: hop.facts.of,
                of_outputs: hop.facts.of_outputs.clone(),
            };
            match (from.node.node.kind, hop.kind) {
                (NodeKind::Source, EdgeKind::Contained | EdgeKind::Input) => {
                    through.source = Some(from.node.label());
                    for (place, _) in dossier.generators(hop.from) {
                        generators.entry(place).or_default().insert(through.clone());
                    }
                }
                (NodeKind::Model, EdgeKind::Used) => {
                    generators.entry(hop.from).or_default().insert(through);
                }
                // Said of a data set without a registered source.
                (NodeKind::Model, EdgeKind::Generated) if to.node.node.kind != NodeKind::Source => {
                    generators.entry(hop.from).or_default().insert(through);
                }
                _ => {}
            }
        }
        let mut on_the_market = Vec::new();
        let mut others = Vec::new();
        for (place, through) in generators {
            let Some(reached) = dossier.at(place) else {
                continue;
            };
            let meaning = dossier.traced.meanings.get(&place);
            let generator = Generator {
                model: reached.node.label(),
                means: meaning.map(|meaning| meaning.means.clone()),
                licenses: titles(meaning),
                through: through.into_iter().collect(),
            };
            if meaning.is_some_and(|meaning| meaning.known) {
                on_the_market.push(generator);
            } else {
                others.push(generator);
            }
        }
        let used = !on_the_market.is_empty() || !others.is_empty();
        let found = dossier
            .traced
            .walk
            .edges
            .iter()
            .any(|hop| hop.kind == EdgeKind::Contained && hop.origin == Origin::Found);
        let ground = match (used, found) {
            (true, true) => {
                "registered output was found in the training data by a check, or its use is declared"
            }
            (true, false) => "the use is declared or registered; no check found it",
            (false, _) => {
                "nothing in the log says so. The log knows registered text and declared uses only, so this is no answer \"no\": whoever trained the model has to give it"
            }
        };
        Self {
            template: TEMPLATE,
            model: dossier
                .subject()
                .map_or_else(String::new, |subject| subject.node.label()),
            log: LogJson::of(&dossier.log),
            dependencies: dependencies(dossier),
            synthetic: Synthetic {
                was_used: used.then_some("yes"),
                ground: ground.to_owned(),
                modality: used.then_some("text"),
                on_the_market,
                others,
            },
            not_filled: [
                "1.1 provider identification, 1.2 date of placing on the market, 1.3 modalities and sizes of all training data: not in the log",
                "2.1 to 2.4 and 2.6, other sources of data: not in the log; a data set that is recorded says nothing of how the rest of it was obtained",
                "2.5 (ii), links to the summaries of the generating models: not in the catalog",
                "2.5 (iii), description of what other models were trained on: only their names and what is recorded of them",
                "2.5, whether the text was made by the provider or on their behalf: the acquisition stands with each registered source (`herdbook source show`)",
                "2.5, modalities other than text: herdbook registers text only",
                "3, data processing: not in the log",
            ]
            .map(str::to_owned)
            .to_vec(),
            warnings: dossier.traced.warnings.clone(),
        }
    }

    /// As a Markdown page.
    #[expect(clippy::format_push_string, reason = "one page, made once")]
    pub fn markdown(&self) -> String {
        let md = escape::markdown;
        let code = escape::markdown_code;
        let mut out = format!(
            "# Synthetic data in the training of {}\n\nFor the {}.\nMade by herdbook from {} entries of the audit log {}, the last of {}.\n",
            code(&self.model),
            md(self.template),
            self.log.entries,
            code(&self.log.origin),
            md(&self.log.time),
        );
        out.push_str("\n## 1.2 Model dependencies\n\n");
        if self.dependencies.is_empty() {
            out.push_str("None is recorded.\n");
        }
        for dependency in &self.dependencies {
            out.push_str(&format!(
                "- {}{}\n",
                code(&dependency.model),
                bracket(dependency.means.as_deref(), &dependency.licenses)
            ));
        }
        out.push_str("\n## 2.5 Synthetic data\n\nWas AI-generated data, made by the provider or on their behalf, used in training? ");
        let synthetic = &self.synthetic;
        out.push_str(match synthetic.was_used {
            Some(_) => "**Yes**",
            None => "**Not answered**",
        });
        out.push_str(&format!(": {}.\n", md(&synthetic.ground)));
        out.push_str(&format!(
            "\n### (i) Modality of the synthetic data\n\n{}\n",
            synthetic.modality.map_or("Not answered.", |_| "Text.")
        ));
        for (title, none, list) in [
            (
                "(ii) General-purpose AI models on the market that generated it",
                "None is recorded.",
                &synthetic.on_the_market,
            ),
            (
                "(iii) Other AI models that generated it, the provider's own included",
                "None is recorded.",
                &synthetic.others,
            ),
        ] {
            out.push_str(&format!("\n### {title}\n\n"));
            if list.is_empty() {
                out.push_str(none);
                out.push('\n');
            }
            for generator in list {
                out.push_str(&format!(
                    "- {}{}\n",
                    code(&generator.model),
                    bracket(generator.means.as_deref(), &generator.licenses)
                ));
                for through in &generator.through {
                    out.push_str(&format!("  - {}\n", told(through)));
                }
            }
        }
        out.push_str("\n## Not filled in\n\n");
        for line in &self.not_filled {
            out.push_str(&format!("- {}\n", md(line)));
        }
        if !self.warnings.is_empty() {
            out.push_str("\n## What the log could not show\n\n");
            for line in &self.warnings {
                out.push_str(&format!("- {}\n", md(line)));
            }
        }
        out
    }
}

impl LogJson {
    fn of(log: &FromLog) -> Self {
        Self {
            origin: log.origin.clone(),
            entries: log.entries,
            time: log.time.clone(),
        }
    }
}

fn titles(meaning: Option<&Meaning>) -> Vec<String> {
    meaning
        .iter()
        .flat_map(|meaning| &meaning.licenses)
        .map(|license| license.title.clone())
        .collect()
}

/// Models whose weights the model began with, near or far.
fn dependencies(dossier: &Dossier) -> Vec<Dependency> {
    let mut behind = BTreeSet::from([0]);
    let mut waiting = vec![0];
    while let Some(place) = waiting.pop() {
        for hop in dossier.edges_into(place) {
            if matches!(hop.kind, EdgeKind::Base | EdgeKind::Produced) && behind.insert(hop.from) {
                waiting.push(hop.from);
            }
        }
    }
    behind
        .into_iter()
        .skip(1)
        .filter_map(|place| Some((place, dossier.at(place)?)))
        .filter(|(_, reached)| reached.node.node.kind == NodeKind::Model)
        .map(|(place, reached)| {
            let meaning = dossier.traced.meanings.get(&place);
            Dependency {
                model: reached.node.label(),
                means: meaning.map(|meaning| meaning.means.clone()),
                licenses: titles(meaning),
            }
        })
        .collect()
}

fn bracket(means: Option<&str>, licenses: &[String]) -> String {
    let mut parts: Vec<String> = means.map(escape::markdown).into_iter().collect();
    parts.extend(licenses.iter().map(|title| escape::markdown(title)));
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join("; "))
    }
}

#[expect(clippy::format_push_string, reason = "one line of a page")]
fn told(through: &Through) -> String {
    let mut out = match &through.source {
        Some(source) => format!(
            "registered source {} in {}",
            escape::markdown_code(source),
            escape::markdown_code(&through.into)
        ),
        None => format!("used for {}", escape::markdown_code(&through.into)),
    };
    match (through.rows, through.of_rows) {
        (Some(rows), Some(of)) => out.push_str(&format!(", {rows} of {of} rows")),
        (Some(rows), None) => out.push_str(&format!(", {rows} rows")),
        (None, _) => {}
    }
    if let Some(used) = &through.of_outputs {
        out.push_str(&format!(", as {}", escape::markdown(used)));
    }
    out.push_str(&format!(", {}", through.origin));
    out
}
