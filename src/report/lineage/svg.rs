//! A walk as SVG: boxes in layers, material flows from left to right.
//!
//! What a node is shows in its shape and in a word, who says that an edge is there in its line and
//! in a word: nothing is said by colour alone. Every box and edge carries its whole text as a
//! tooltip. The same drawing stands alone or in a page; alone it brings its style.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::draw::shown_name;
use super::layout;
use super::layout::BOX_HEIGHT;
use super::layout::BOX_WIDTH;
use super::layout::Point;
use super::merge::nearest;
use super::percent;
use super::words;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::NodeKind;
use crate::model::lineage::Origin;
use crate::model::lineage::Reached;
use crate::model::lineage::Traced;
use crate::report::add;
use crate::report::escape;
use crate::report::facts::count;

/// Room around the drawing.
const MARGIN: f64 = 18.0;
/// Widest name in a box, in narrow characters. Chosen: what the box holds at 13 units.
const NAME_WIDTH_MAX: usize = 24;
/// Widest line below the name.
const ABOUT_WIDTH_MAX: usize = 30;
/// Widest words on an edge. Chosen: what stands between two layers at 11 units.
const EDGE_WIDTH_MAX: usize = 21;
/// Distance of edges between the same two boxes.
const BESIDE: f64 = 20.0;
/// Height of a line of the legend.
const LEGEND_LINE: f64 = 34.0;

/// Style of a drawing that stands alone. In a page the page's own style says the same.
const STYLE: &str = "\
svg{--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#57606a;--model:#e7dcff;--data:#d6e9ff;--run:#ffe9c2;--out:#d5f2dc;--other:#eceff2;--edge:#4a5560}\
@media(prefers-color-scheme:dark){svg{--bg:#14181d;--fg:#e8eaed;--soft:#adb6c0;--line:#9aa5b1;--model:#3b2f63;--data:#173a5e;--run:#5a3f0b;--out:#17482a;--other:#2c333b;--edge:#a9b4bf}}\
.page{fill:var(--bg)}";

/// Style of drawings wherever they stand; colours are the variables of who uses it.
pub(crate) const DRAWING_STYLE: &str = "\
svg.lineage,svg.legend{font-family:-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,system-ui,sans-serif;font-size:13px}\
.lineage text,.legend text{fill:var(--fg)}\
.lineage .kind,.lineage .about{font-size:11px;fill:var(--soft)}\
.lineage .name{font-weight:600}\
.lineage .says{font-size:11px;fill:var(--fg);paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}\
.shape{stroke:var(--line);stroke-width:1.3}\
.model .shape{fill:var(--model)}.source .shape,.dataset .shape,.file .shape{fill:var(--data)}\
.run .shape{fill:var(--run)}.deployment .shape{fill:var(--out)}.other .shape{fill:var(--other)}\
.root .shape{stroke:var(--fg);stroke-width:3}\
.edge path{fill:none;stroke:var(--edge);stroke-width:1.6}\
.edge.imported path{stroke-dasharray:12 4 2 4}.edge.found path{stroke-dasharray:8 5;stroke-width:2.6}.edge.registered path{stroke-dasharray:2 4}\
.tip{fill:var(--edge)}";

/// The tip of every edge; once in a page.
pub(crate) const TIP: &str = "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L10 5L0 10z\"/></marker></defs>\n";

/// The drawing, standing alone.
pub fn svg(traced: &Traced) -> String {
    let drawn = nearest(traced);
    let inside = Drawing::new(&drawn.traced);
    let legend = inside.legend(MARGIN, inside.height + 6.0);
    let left = drawn.left_out();
    let bottom = inside.height + 6.0 + legend.height + if left.is_some() { 22.0 } else { 0.0 };
    let width = inside.width.max(legend.width);
    let left = left.map_or_else(String::new, |left| {
        let y = bottom - 6.0;
        format!(
            "<text x=\"{MARGIN}\" y=\"{y}\">{}</text>\n",
            escape::html(&left)
        )
    });
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lineage legend\" role=\"img\" width=\"{width:.0}\" height=\"{bottom:.0}\" viewBox=\"0 0 {width:.0} {bottom:.0}\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>{STYLE}{DRAWING_STYLE}</style>\n\
         {TIP}<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{}{}{left}</svg>\n",
        escape::html(&inside.title),
        escape::html(&inside.says),
        inside.body,
        legend.body,
    )
}

/// A drawing and its size, without the element around it.
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: String,
    pub(crate) says: String,
    pub(crate) body: String,
    kinds: BTreeSet<NodeKind>,
    origins: BTreeSet<Origin>,
}

/// A legend and its size.
pub(crate) struct Legend {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) body: String,
}

impl Drawing {
    /// Draws everything that was reached.
    pub(crate) fn new(traced: &Traced) -> Self {
        let walk = &traced.walk;
        let edges: Vec<(usize, usize)> = walk.edges.iter().map(|hop| (hop.from, hop.to)).collect();
        let layout = layout::layout(walk.nodes.len(), &edges);
        let mut body = String::new();
        // All between the same two boxes, whichever way, stand beside each other.
        let mut beside: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (from, to) in &edges {
            *beside.entry(pair(*from, *to)).or_default() += 1;
        }
        let mut drawn: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for hop in &walk.edges {
            let pair = pair(hop.from, hop.to);
            let of = beside.get(&pair).copied().unwrap_or(1);
            let number = drawn.entry(pair).or_default();
            let shift = BESIDE * (*number as f64 - (of as f64 - 1.0) / 2.0);
            *number += 1;
            body.push_str(&edge(traced, &layout, hop, shift));
        }
        for (place, reached) in walk.nodes.iter().enumerate() {
            if let Some(corner) = layout.boxes.get(place) {
                body.push_str(&node(traced, place, reached, *corner));
            }
        }
        let root = walk
            .nodes
            .first()
            .map_or_else(String::new, |root| root.node.node.to_string());
        Self {
            width: layout.width + 2.0 * MARGIN,
            height: layout.height + 2.0 * MARGIN,
            title: format!("Lineage of {root}"),
            says: format!(
                "{} things and {} connections; material flows from left to right. Every connection is listed in the text beside the drawing.",
                walk.nodes.len(),
                walk.edges.len()
            ),
            body,
            kinds: walk.nodes.iter().map(|node| node.node.node.kind).collect(),
            origins: walk.edges.iter().map(|hop| hop.origin).collect(),
        }
    }

    /// What shapes and lines mean: those that occur.
    pub(crate) fn legend(&self, left: f64, top: f64) -> Legend {
        let mut body = String::new();
        let mut x = left;
        for kind in &self.kinds {
            let (class, word) = class(*kind);
            add(
                &mut body,
                format_args!(
                    "<g class=\"{class}\" transform=\"translate({x:.0} {top:.0})\">{}<text x=\"46\" y=\"17\">{}</text></g>\n",
                    outline(*kind, 38.0, 24.0),
                    word
                ),
            );
            x += 46.0 + 7.6 * word.len() as f64 + 20.0;
        }
        let mut width = x;
        let mut y = top;
        if !self.origins.is_empty() {
            y += LEGEND_LINE;
            x = left;
        }
        for origin in &self.origins {
            let words = origin_words(*origin);
            add(
                &mut body,
                format_args!(
                    "<g class=\"edge {}\"><path d=\"M{x:.0} {:.0}h40\"/></g><text x=\"{:.0}\" y=\"{:.0}\">{words}</text>\n",
                    origin.as_str(),
                    y + 12.0,
                    x + 47.0,
                    y + 17.0
                ),
            );
            x += 47.0 + 7.2 * words.len() as f64 + 22.0;
        }
        width = width.max(x);
        Legend {
            width: width + left,
            height: y - top + LEGEND_LINE,
            body,
        }
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// What a line means.
fn origin_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Declared => "declared by somebody",
        Origin::Imported => "imported from another tool",
        Origin::Registered => "claimed at registration",
        Origin::Found => "found by comparing texts",
    }
}

/// Class of a kind, and the word for it.
fn class(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Model => ("model", "model"),
        NodeKind::Source => ("source", "registered source"),
        NodeKind::File => ("file", "file"),
        NodeKind::Dataset => ("dataset", "data set"),
        NodeKind::Run => ("run", "run"),
        NodeKind::Deployment => ("deployment", "deployment"),
        NodeKind::Check => ("other", "check"),
        NodeKind::Signoff => ("other", "sign-off"),
        NodeKind::Waiver => ("other", "waiver"),
        NodeKind::Reading => ("other", "reading"),
        NodeKind::Incident => ("other", "incident"),
    }
}

/// The outline of a kind, from its upper left corner.
fn outline(kind: NodeKind, w: f64, h: f64) -> String {
    let d = match kind {
        // Round at both ends.
        NodeKind::Model => {
            let r = h / 2.0;
            format!(
                "M{r} 0H{:.1}A{r} {r} 0 0 1 {:.1} {h}H{r}A{r} {r} 0 0 1 {r} 0z",
                w - r,
                w - r
            )
        }
        // A drum.
        NodeKind::Source => {
            let r = h * 0.11;
            let (low, half) = (h - r, w / 2.0);
            format!(
                "M0 {r:.1}A{half} {r:.1} 0 0 1 {w} {r:.1}V{low:.1}A{half} {r:.1} 0 0 1 0 {low:.1}zM0 {r:.1}A{half} {r:.1} 0 0 0 {w} {r:.1}"
            )
        }
        // Two sheets.
        NodeKind::Dataset => {
            let s = h * 0.09;
            format!(
                "M{s:.1} {s:.1}V0H{w}V{:.1}H{:.1}M0 {s:.1}H{:.1}V{h}H0z",
                h - s,
                w - s,
                w - s
            )
        }
        // A sheet with a folded corner.
        NodeKind::File => {
            let f = h * 0.26;
            format!(
                "M0 0H{:.1}L{w} {f:.1}V{h}H0zM{:.1} 0V{f:.1}H{w}",
                w - f,
                w - f
            )
        }
        // Pointed at both ends.
        NodeKind::Run => {
            let p = h * 0.22;
            let m = h / 2.0;
            format!(
                "M{p:.1} 0H{:.1}L{w} {m}L{:.1} {h}H{p:.1}L0 {m}z",
                w - p,
                w - p
            )
        }
        // An arrow to the right.
        NodeKind::Deployment => {
            let p = h * 0.32;
            format!("M0 0H{:.1}L{w} {:.1}L{:.1} {h}H0z", w - p, h / 2.0, w - p)
        }
        NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => {
            let c = h * 0.2;
            format!(
                "M{c:.1} 0H{:.1}L{w} {c:.1}V{:.1}L{:.1} {h}H{c:.1}L0 {:.1}V{c:.1}z",
                w - c,
                h - c,
                w - c,
                h - c
            )
        }
    };
    format!("<path class=\"shape\" d=\"{d}\"/>")
}

fn node(traced: &Traced, place: usize, reached: &Reached, corner: Point) -> String {
    let kind = reached.node.node.kind;
    let (class, word) = class(kind);
    let root = if place == 0 { " root" } else { "" };
    let mut word = word.to_owned();
    if place == 0 {
        word.push_str(" · this report");
    }
    if reached.cut > 0 {
        add(
            &mut word,
            format_args!(" · {} more behind", count(reached.cut)),
        );
    }
    let x = match kind {
        NodeKind::Model | NodeKind::Run => 22.0,
        NodeKind::Source
        | NodeKind::File
        | NodeKind::Dataset
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => 13.0,
    };
    // Below the lid of a drum.
    let lower = if kind == NodeKind::Source { 5 } else { 0 };
    let name = fitted(&shown_name(&reached.node), NAME_WIDTH_MAX);
    let about = fitted(&about(traced, place, reached), ABOUT_WIDTH_MAX);
    format!(
        "<g class=\"node {class}{root}\" data-n=\"{place}\" transform=\"translate({:.1} {:.1})\"><title>{}</title>{}\
         <text class=\"kind\" x=\"{x}\" y=\"{}\">{word}</text><text class=\"name\" x=\"{x}\" y=\"{}\">{}</text><text class=\"about\" x=\"{x}\" y=\"{}\">{}</text></g>\n",
        corner.x + MARGIN,
        corner.y + MARGIN,
        escape::html(&whole(traced, place, reached)),
        outline(kind, BOX_WIDTH, BOX_HEIGHT),
        19 + lower,
        36 + lower,
        escape::html(&name),
        52 + lower,
        escape::html(&about),
    )
}

/// The third line of a box: licenses of models, counts, states.
fn about(traced: &Traced, place: usize, reached: &Reached) -> String {
    let facts = &reached.node.facts;
    let mut parts = Vec::new();
    if let Some(meaning) = traced.meanings.get(&place) {
        let licenses: Vec<&str> = meaning.licenses.iter().map(|l| l.id.as_str()).collect();
        parts.push(match (licenses.as_slice(), meaning.known) {
            ([], _) => "license not known".to_owned(),
            (licenses, true) => licenses.join(" + "),
            (licenses, false) => format!("{}?", licenses.join(" or ")),
        });
    }
    let rows = match reached.node.node.kind {
        NodeKind::Source => Some("records"),
        NodeKind::Dataset | NodeKind::File => Some("rows"),
        NodeKind::Model
        | NodeKind::Run
        | NodeKind::Deployment
        | NodeKind::Check
        | NodeKind::Signoff
        | NodeKind::Waiver
        | NodeKind::Reading
        | NodeKind::Incident => None,
    };
    if let (Some(records), Some(rows)) = (facts.records, rows) {
        parts.push(format!("{} {rows}", count(records)));
    }
    parts.extend(facts.state.clone().filter(|state| state != "registered"));
    parts.join(" · ")
}

/// Everything that is known of a node, for its tooltip.
fn whole(traced: &Traced, place: usize, reached: &Reached) -> String {
    let mut lines = vec![reached.node.node.to_string()];
    let about = about(traced, place, reached);
    if !about.is_empty() {
        lines.push(about);
    }
    if let Some(meaning) = traced.meanings.get(&place) {
        lines.push(format!("means here: {}", meaning.means));
        for license in &meaning.licenses {
            if license.says.is_empty() {
                lines.push(format!("{}: no clause on outputs is known", license.id));
            }
            for says in &license.says {
                lines.push(format!("{} §{}: {}", license.id, says.section, says.says));
            }
        }
    }
    if let Some(owner) = &reached.node.facts.owner {
        lines.push(format!("owner {owner}"));
    }
    lines.join(" | ")
}

fn edge(traced: &Traced, layout: &layout::Layout, hop: &Hop, shift: f64) -> String {
    let (Some(from), Some(to)) = (layout.boxes.get(hop.from), layout.boxes.get(hop.to)) else {
        return String::new();
    };
    let mut way = vec![Point {
        x: from.x + BOX_WIDTH,
        y: from.y + BOX_HEIGHT / 2.0 + shift,
    }];
    let mut label_from = 0;
    for bend in layout.bends.get(&(hop.from, hop.to)).into_iter().flatten() {
        // Level across the layer that it passes.
        for side in [-0.5, 0.5] {
            way.push(Point {
                x: bend.x + BOX_WIDTH * side,
                y: bend.y + shift,
            });
        }
        label_from += 2;
    }
    way.push(Point {
        x: to.x,
        y: to.y + BOX_HEIGHT / 2.0 + shift,
    });
    let mut drawn = String::new();
    let mut before: Option<Point> = None;
    for point in &way {
        let (x, y) = (point.x + MARGIN, point.y + MARGIN);
        match before {
            None => add(&mut drawn, format_args!("M{x:.1} {y:.1}")),
            Some(last) => {
                let reach = ((x - last.x).abs() / 2.0).max(30.0);
                let (a, b) = (last.x + reach, x - reach);
                let last = last.y;
                add(
                    &mut drawn,
                    format_args!("C{a:.1} {last:.1} {b:.1} {y:.1} {x:.1} {y:.1}"),
                );
            }
        }
        before = Some(Point { x, y });
    }
    // The words stand before the last box, where the edge comes in.
    let ends = (way.get(label_from), way.get(label_from + 1));
    let (x, y) = match ends {
        (Some(a), Some(b)) => (f64::midpoint(a.x, b.x), f64::midpoint(a.y, b.y)),
        _ => (from.x, from.y),
    };
    let name = |place: usize| {
        traced
            .walk
            .nodes
            .get(place)
            .map_or_else(String::new, |reached| reached.node.node.to_string())
    };
    format!(
        "<g class=\"edge {}\" data-a=\"{}\" data-b=\"{}\"><title>{}</title><path d=\"{drawn}\" marker-end=\"url(#tip)\"/><text class=\"says\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>\n",
        hop.origin.as_str(),
        hop.from,
        hop.to,
        escape::html(&format!(
            "{} → {}: {} ({})",
            name(hop.from),
            name(hop.to),
            words(hop),
            origin_words(hop.origin)
        )),
        x + MARGIN,
        y + MARGIN + 4.0,
        escape::html(&fitted(&few_words(hop), EDGE_WIDTH_MAX))
    )
}

/// What stands on an edge: the shortest that says it.
fn few_words(hop: &Hop) -> String {
    let facts = &hop.facts;
    match (facts.records, facts.of) {
        (Some(records), Some(of)) if of > 0 => {
            return format!("{} rows, {}", count(records), percent(records, of));
        }
        (Some(records), _) => return format!("{} rows", count(records)),
        (None, _) => {}
    }
    match hop.kind {
        EdgeKind::Derived => facts.how.clone().unwrap_or_else(|| "derived".to_owned()),
        EdgeKind::Used => facts
            .of_outputs
            .as_ref()
            .map_or_else(|| "used".to_owned(), |what| format!("used for {what}")),
        EdgeKind::Input | EdgeKind::Trained => "trains".to_owned(),
        EdgeKind::Base => "is the base of".to_owned(),
        EdgeKind::Contained => "stands in".to_owned(),
        EdgeKind::Part => "is part of".to_owned(),
        EdgeKind::Deployed => "runs as".to_owned(),
        kind @ (EdgeKind::Generated
        | EdgeKind::Produced
        | EdgeKind::Checked
        | EdgeKind::Approved
        | EdgeKind::Affects) => kind.as_str().to_owned(),
    }
}

/// Text cut in its middle to what has room: names differ at both ends.
fn fitted(text: &str, width_max: usize) -> String {
    let visible = escape::terminal(text);
    if width(&visible) <= width_max {
        return visible;
    }
    let half = width_max.saturating_sub(1) / 2;
    let start = taken(visible.chars(), width_max - 1 - half);
    let end: String = taken(visible.chars().rev(), half).chars().rev().collect();
    format!("{start}…{end}")
}

fn taken(text: impl Iterator<Item = char>, width_max: usize) -> String {
    let mut used = 0;
    text.take_while(|c| {
        used += of_char(*c);
        used <= width_max
    })
    .collect()
}

fn width(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// East Asian letters and pictures are twice as wide; so is what is not known to be narrow.
fn of_char(c: char) -> usize {
    if u32::from(c) < 0x1100 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_both_ends() {
        assert_eq!(fitted("short", 10), "short");
        assert_eq!(fitted("abcdefghijklmnop", 9), "abcd…mnop");
        let wide = fitted("数据数据数据数据数据", 9);
        assert!(width(&wide) <= 10, "{wide}");
    }

    #[test]
    fn every_kind_has_a_shape_of_its_own() {
        let shapes: BTreeSet<String> = NodeKind::all()
            .map(|kind| outline(kind, 100.0, 50.0))
            .collect();
        // Checks and approvals share one: a word in the box tells them apart.
        assert_eq!(shapes.len(), 7);
    }
}
