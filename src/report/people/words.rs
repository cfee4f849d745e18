//! Sentences and tables that several reports share.

use std::collections::BTreeMap;

use super::page::Block;
use super::page::Lineage;
use super::page::Rich;
use super::page::Table;
use super::page::code;
use crate::model;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Meaning;
use crate::model::lineage::Traced;
use crate::report::lineage;
use crate::report::wire;

/// Headings of the summary, in the order that every report has them.
pub const WHAT_THIS_IS: &str = "What this is";
/// The second.
pub const WHAT_WAS_FOUND: &str = "What was found";
/// The third.
pub const WHAT_IT_MEANS: &str = "What it means, and under which clause";
/// The fourth.
pub const WHAT_TO_DO: &str = "What to do";
/// The last.
pub const WHAT_IT_CANNOT_SHOW: &str = "What this cannot show";

/// Connections that a table lists. Chosen; the JSON of a trace has all.
const CONNECTIONS_MAX: usize = 300;

/// What no report of ours can show, whatever it is about.
pub fn standing_limits() -> Vec<Rich> {
    [
        "A match says that a text agrees with registered output of the model that its source claims. It does not say who wrote the text.",
        "Output that nobody registered, and output that was paraphrased or translated, is not seen.",
        "Who generated a source is the claim of who registered it; declared lineage is the claim of who declared it.",
        "Nothing here is a finding of compliance. The readings of license texts are the organisation's adopted ones; counsel decides what a license means.",
    ]
    .into_iter()
    .map(Rich::from)
    .collect()
}

/// The word of a verdict in a verdict document.
pub(super) fn verdict(verdict: wire::Verdict) -> model::Verdict {
    match verdict {
        wire::Verdict::Pass => model::Verdict::Pass,
        wire::Verdict::Flag => model::Verdict::Flag,
        wire::Verdict::Undecided => model::Verdict::Undecided,
        wire::Verdict::Block => model::Verdict::Block,
    }
}

/// The word of a level in a verdict document.
pub(super) fn level(level: wire::Level) -> &'static str {
    match level {
        wire::Level::Note => "note",
        wire::Level::Flag => "flag",
        wire::Level::Undecided => "undecided",
        wire::Level::Block => "block",
    }
}

/// The licenses of a model in a line; whether it is known which is said.
pub fn licenses(meaning: Option<&Meaning>) -> String {
    let Some(meaning) = meaning else {
        return "license not known".to_owned();
    };
    let ids: Vec<&str> = meaning.licenses.iter().map(|l| l.id.as_str()).collect();
    match (ids.as_slice(), meaning.known) {
        ([], _) => "license not known".to_owned(),
        (ids, true) => ids.join(" + "),
        (ids, false) => format!("{}, not known which", ids.join(" or ")),
    }
}

/// Every model of a walk with what its license says of outputs.
pub fn clauses(traced: &Traced) -> Table {
    let mut table = Table::new(
        "Models, and what their licenses say of outputs",
        &[
            "Model",
            "Means here",
            "License",
            "Section",
            "It says",
            "Text",
        ],
    );
    for (place, meaning) in &traced.meanings {
        let Some(reached) = traced.walk.nodes.get(*place) else {
            continue;
        };
        let model = || code(reached.node.label());
        let means = || Rich::from(meaning.means.as_str());
        if meaning.licenses.is_empty() {
            table.rows.push(vec![
                model(),
                means(),
                if is_made(traced, *place) {
                    "made here: see what stands behind it".into()
                } else {
                    "not known: needs review".into()
                },
                Rich::new(),
                Rich::new(),
                Rich::new(),
            ]);
        }
        for license in &meaning.licenses {
            let id = if meaning.known {
                license.id.clone()
            } else {
                format!("{}?", license.id)
            };
            let link = || Rich::new().clause(license.link.as_str());
            if license.says.is_empty() {
                table.rows.push(vec![
                    model(),
                    means(),
                    code(id.as_str()),
                    Rich::new(),
                    "no clause on outputs is known".into(),
                    link(),
                ]);
            }
            for says in &license.says {
                table.rows.push(vec![
                    model(),
                    means(),
                    code(id.as_str()),
                    says.section.as_str().into(),
                    says.says.as_str().into(),
                    link(),
                ]);
            }
        }
    }
    table
}

/// Whether it is recorded what a model was made from.
pub(super) fn is_made(traced: &Traced, place: usize) -> bool {
    traced.walk.edges.iter().any(|hop| {
        hop.to == place
            && matches!(
                hop.kind,
                EdgeKind::Produced | EdgeKind::Trained | EdgeKind::Base
            )
    })
}

/// Every connection of a walk, with who says so.
pub fn connections(traced: &Traced) -> Table {
    let mut table = Table::new(
        "Every connection, as material flows",
        &["From", "To", "How", "Who says so", "#Log entry"],
    );
    let name = |place: usize| {
        traced.walk.nodes.get(place).map_or_else(Rich::new, |it| {
            let node = &it.node;
            Rich::new()
                .text(format!("{} ", node.node.kind.as_str()))
                .code(lineage::shown_name(node))
        })
    };
    for hop in &traced.walk.edges {
        table.rows.push(vec![
            name(hop.from),
            name(hop.to),
            lineage::words(hop).into(),
            hop.origin.as_str().into(),
            hop.facts
                .entry
                .map_or_else(Rich::new, |entry| Rich::from(entry.to_string())),
        ]);
    }
    table.cut(CONNECTIONS_MAX, "`herdbook trace --json` has all")
}

/// The drawing of a walk and the table of its connections. What the licenses say stands in
/// [`clauses`].
pub fn graph(caption: &str, traced: &Traced, trees: Vec<(String, String)>) -> Vec<Block> {
    let mut blocks = vec![Block::Lineage(Box::new(Lineage {
        caption: caption.to_owned(),
        traced: traced.clone(),
        trees,
    }))];
    blocks.push(Block::Table(connections(traced)));
    blocks
}

/// Counts by name as rows of a chart, most first.
pub(super) fn most_first(counts: BTreeMap<String, Vec<u64>>) -> Vec<(String, Vec<u64>)> {
    let mut rows: Vec<(String, Vec<u64>)> = counts.into_iter().collect();
    rows.sort_by(|(a, x), (b, y)| {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        sum(y).cmp(&sum(x)).then_with(|| a.cmp(b))
    });
    rows
}
