//! A walk as JSON.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc;

use rayon::iter::IndexedParallelIterator as _;
use rayon::iter::IntoParallelRefIterator as _;
use rayon::iter::IntoParallelRefMutIterator as _;
use rayon::iter::ParallelIterator as _;
use serde::Serialize;
use serde::Serializer;

use crate::model::lineage;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::Traced;
use crate::report::pretty;
use crate::report::pretty::Pretty;

/// Version of the JSON. Raised when a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;
/// Nodes or edges that one thread writes at a time. Chosen: some hundred kilobytes, which stay in the cache.
const ITEMS_AT_ONCE: usize = 512;
/// Of these pieces, how many go out together. Chosen: a megabyte.
const PIECES_AT_ONCE: usize = 8;

/// A walk. Every key is always there, null where there is none, but those of the facts, which are
/// there where they were stated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageJson<'a> {
    schema_version: u32,
    direction: &'static str,
    root: Id,
    depth: u32,
    depth_max: Option<u32>,
    /// Neighbours that were not followed; 0 when everything is here.
    cut: u64,
    log_entries: u64,
    nodes: Vec<NodeJson<'a>>,
    edges: Vec<EdgeJson<'a>>,
    warnings: &'a [String],
}

/// What a node is called, written once: each of its edges names it again.
#[derive(Debug, Clone, Default, PartialEq)]
struct Id(Arc<str>);

impl Id {
    fn of(node: &lineage::Node) -> Self {
        Self(node.node.to_string().into())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct NodeJson<'a> {
    id: Id,
    kind: &'static str,
    name: &'a str,
    version: Option<&'a str>,
    depth: u32,
    cut: u64,
    facts: &'a NodeFacts,
    means: Option<&'a str>,
    licenses: Vec<LicenseJson<'a>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LicenseJson<'a> {
    id: &'a str,
    title: &'a str,
    link: &'a str,
    clauses: BTreeMap<&'a str, &'a str>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct EdgeJson<'a> {
    from: Id,
    to: Id,
    kind: &'static str,
    origin: &'static str,
    facts: &'a EdgeFacts,
}

impl<'a> From<&'a Traced> for LineageJson<'a> {
    fn from(traced: &'a Traced) -> Self {
        let ids = Ids::of(traced);
        Self {
            nodes: (0..traced.walk.nodes.len())
                .filter_map(|place| node(traced, &ids, place))
                .collect(),
            edges: (0..traced.walk.edges.len())
                .filter_map(|place| edge(traced, &ids, place))
                .collect(),
            ..Self::frame(traced, &ids)
        }
    }
}

impl<'a> LineageJson<'a> {
    /// Everything but nodes and edges.
    fn frame(traced: &'a Traced, ids: &Ids) -> Self {
        let walk = &traced.walk;
        Self {
            schema_version: SCHEMA_VERSION,
            direction: walk.direction.as_str(),
            root: ids.at(0),
            depth: walk.depth(),
            depth_max: walk.depth_max,
            cut: walk.cut(),
            log_entries: traced.entries,
            nodes: Vec::new(),
            edges: Vec::new(),
            warnings: &traced.warnings,
        }
    }
}

/// What the nodes of a walk are called, by place.
struct Ids(Vec<Id>);

impl Ids {
    fn of(traced: &Traced) -> Self {
        let nodes = traced.walk.nodes.par_iter();
        Self(nodes.map(|reached| Id::of(&reached.node)).collect())
    }

    fn at(&self, place: usize) -> Id {
        self.0.get(place).cloned().unwrap_or_default()
    }
}

/// What `trace` and `impact` tell.
#[derive(Serialize)]
struct Told<'a, M> {
    matches: Option<&'a [M]>,
    walks: Vec<LineageJson<'a>>,
}

/// Writes walks as one JSON document, with what matched where a text was asked for: as if it were
/// put together first, but on all cores, and never held whole.
///
/// # Errors
/// When `out` refuses.
pub fn write<M: Serialize>(
    out: &mut impl Write,
    matches: Option<&[M]>,
    walks: &[Traced],
) -> io::Result<()> {
    let ids: Vec<Ids> = walks.iter().map(Ids::of).collect();
    let both = || walks.iter().zip(&ids);
    let told = Told {
        matches,
        walks: both()
            .map(|(traced, ids)| LineageJson::frame(traced, ids))
            .collect(),
    };
    let mut frame = Vec::new();
    pretty::write(&mut frame, &told, Pretty::default())?;
    let frame = String::from_utf8(frame).map_err(io::Error::other)?;
    let mut rest = frame.as_str();
    for (traced, ids) in both() {
        let Traced { walk, .. } = traced;
        let (nodes, edges) = (walk.nodes.len(), walk.edges.len());
        rest = filled(out, rest, "nodes", nodes, |place| node(traced, ids, place))?;
        rest = filled(out, rest, "edges", edges, |place| edge(traced, ids, place))?;
    }
    out.write_all(rest.as_bytes())?;
    out.write_all(b"\n")
}

/// Writes a frame up to the next empty list of this key, and the list with its items; gives what
/// stands behind it. In a string the key's quotes would have backslashes, so it is found in none.
fn filled<'f, T: Serialize>(
    out: &mut impl Write,
    frame: &'f str,
    key: &str,
    items: usize,
    item: impl Fn(usize) -> Option<T> + Sync,
) -> io::Result<&'f str> {
    let empty = format!("\"{key}\": []");
    let (before, behind) = frame
        .split_once(&empty)
        .ok_or_else(|| io::Error::other(format!("the list {key} is not in the document")))?;
    out.write_all(before.as_bytes())?;
    if items == 0 {
        out.write_all(empty.as_bytes())?;
        return Ok(behind);
    }
    write!(out, "\"{key}\": [")?;
    let indent = before
        .bytes()
        .rev()
        .take_while(|byte| *byte == b' ')
        .count();
    let own = Pretty::at(indent / 2);
    let within = Pretty::at(indent / 2 + 1);
    let fill = |bytes: &mut Vec<u8>, from: usize| {
        bytes.clear();
        for place in from..items.min(from + ITEMS_AT_ONCE) {
            if place > 0 {
                bytes.push(b',');
            }
            within.line(bytes)?;
            pretty::write(bytes, &item(place), within)?;
        }
        Ok::<(), io::Error>(())
    };
    let pieces = || vec![Vec::new(); PIECES_AT_ONCE.min(items.div_ceil(ITEMS_AT_ONCE))];
    // What is written is written while what follows is made: whoever reads takes as long.
    std::thread::scope(|scope| {
        let (ready, waiting) = mpsc::sync_channel(1);
        let (done, free) = mpsc::channel();
        scope.spawn(move || {
            let mut fresh = [pieces(), pieces()].into_iter();
            for first in (0..items).step_by(PIECES_AT_ONCE * ITEMS_AT_ONCE) {
                // No buffer comes back, and none is taken, where the writer gave up.
                let next = fresh.next().map_or_else(|| free.recv(), Ok);
                let Ok(mut pieces) = next else { break };
                let each = pieces.par_iter_mut().enumerate();
                let made = each.try_for_each(|(at, bytes)| fill(bytes, first + at * ITEMS_AT_ONCE));
                if ready.send(made.map(|()| pieces)).is_err() {
                    break;
                }
            }
        });
        for pieces in waiting {
            let pieces = pieces?;
            for bytes in &pieces {
                out.write_all(bytes)?;
            }
            // The last ones are not needed any more.
            if done.send(pieces).is_err() {}
        }
        Ok::<(), io::Error>(())
    })?;
    own.line(out)?;
    out.write_all(b"]")?;
    Ok(behind)
}

fn edge<'a>(traced: &'a Traced, ids: &Ids, place: usize) -> Option<EdgeJson<'a>> {
    let hop = traced.walk.edges.get(place)?;
    Some(EdgeJson {
        from: ids.at(hop.from),
        to: ids.at(hop.to),
        kind: hop.kind.as_str(),
        origin: hop.origin.as_str(),
        facts: &hop.facts,
    })
}

fn node<'a>(traced: &'a Traced, ids: &Ids, place: usize) -> Option<NodeJson<'a>> {
    let reached = traced.walk.nodes.get(place)?;
    let node = &reached.node;
    let meaning = traced.meanings.get(&place);
    Some(NodeJson {
        id: ids.at(place),
        kind: node.node.kind.as_str(),
        name: node.facts.label.as_deref().unwrap_or(&node.node.name),
        version: Some(node.node.version.as_str()).filter(|version| !version.is_empty()),
        depth: reached.depth,
        cut: reached.cut,
        facts: &node.facts,
        means: meaning.map(|meaning| meaning.means.as_str()),
        licenses: meaning
            .iter()
            .flat_map(|meaning| &meaning.licenses)
            .map(|license| LicenseJson {
                id: &license.id,
                title: &license.title,
                link: &license.link,
                clauses: license
                    .says
                    .iter()
                    .map(|says| (says.section.as_str(), says.says.as_str()))
                    .collect(),
            })
            .collect(),
    })
}
