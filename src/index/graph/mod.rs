//! The stored lineage graph: nodes by number and by name, edges by either end.
//!
//! It is a view: everything in it was read from the audit log and the sealed snapshots, and can be
//! made again from them. It consists of a **base**, written once, of which whoever asks reads and
//! verifies the chunks that the answer stands in, and of a small **delta**, what changed since,
//! which is read whole. When the delta has grown, both are written as a new base. A node's name
//! leads to its number, and the number to its facts and, by direction, to its edges.

mod base;
mod delta;
mod rows;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use self::base::Base;
use self::base::BaseFile;
use self::base::BaseWriter;
use self::base::Section;
use self::delta::Delta;
use self::delta::DeltaFile;
use self::rows::EdgeRows;
use self::rows::NodeRow;
use self::rows::Tail;
use super::StoreError;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;

/// Rows of a delta that is written; one with more becomes part of the base. Chosen: read in a few
/// milliseconds, and a base of 10^6 edges is written once in some thousand statements.
const DELTA_ROWS_MAX: usize = 20_000;
/// Rows that are changed in memory before they are written while the log is read. Chosen: some
/// hundred megabytes.
const MEMORY_ROWS_MAX: usize = 500_000;
/// Numbers of nodes in one row of names. Chosen: 8 KB.
const NAMES_IN_ROW: u64 = 1_024;
/// Bytes of a number in it.
const NUMBER_BYTES: usize = size_of::<u64>();

/// Number of a node in the view; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The number of its row.
    fn row(self) -> Option<u64> {
        self.0.checked_sub(1)
    }
}

/// What the view holds, and up to where it has read the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphState {
    /// Entries of the log that were read.
    pub entries: u64,
    /// Root of the log's tree at that size, hex.
    pub root: String,
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Entries of checks whose verdict is gone, and which do not list the files that they read.
    #[serde(default)]
    pub unseen: Vec<u64>,
}

/// Version of the files. Raised when they change: a view of another version is made anew.
pub const GRAPH_LAYOUT: u32 = 4;

/// The files of a view, as its list names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphFiles {
    base: Option<BaseFile>,
    delta: DeltaFile,
}

impl GraphFiles {
    /// Removes what is in the folder beside these files and `list`.
    pub fn remove_others(&self, folder: &Path, list: &str) -> Result<(), StoreError> {
        let base = self.base.as_ref().map(|base| base.name.as_str());
        let named = [Some(self.delta.name.as_str()), base, Some(list)];
        for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
            let entry = entry.map_err(StoreError::io("list", folder))?;
            let name = entry.file_name();
            if named.into_iter().flatten().any(|known| name == *known) {
                continue;
            }
            let path = entry.path();
            let kind = entry
                .file_type()
                .map_err(StoreError::io("look at", &path))?;
            if kind.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            }
            .map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }
}

/// One edge as seen from one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// The other end.
    pub other: NodeId,
    /// What kind.
    pub kind: EdgeKind,
    /// Who says so.
    pub origin: Origin,
    /// What is known of it.
    pub facts: Arc<EdgeFacts>,
}

/// The open graph.
#[derive(Debug)]
pub struct GraphStore {
    folder: PathBuf,
    at: String,
    base: Option<(Base, BaseFile)>,
    delta: Delta,
    state: GraphState,
    /// The base was written by this store, and nobody else knows it.
    own: bool,
    limits: Limits,
}

/// When changes become part of a base.
#[derive(Debug, Clone, Copy)]
struct Limits {
    delta_rows: usize,
    memory_rows: usize,
}

impl GraphStore {
    /// An empty one in a folder that is there.
    pub fn create(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            at: folder.display().to_string(),
            base: None,
            delta: Delta::default(),
            state: GraphState::default(),
            own: false,
            limits: Limits {
                delta_rows: DELTA_ROWS_MAX,
                memory_rows: MEMORY_ROWS_MAX,
            },
        }
    }

    /// Opens the files of a view.
    ///
    /// # Errors
    /// One of them is not there, is cut short, or has another directory or other changes than when
    /// it was written. What else of the base differs is an error when it is read.
    pub fn open(folder: &Path, files: &GraphFiles) -> Result<Self, StoreError> {
        let mut store = Self::create(folder);
        if let Some(file) = &files.base {
            store.base = Some((Base::open(folder, file)?, file.clone()));
        }
        (store.delta, store.state) = Delta::read(folder, &files.delta, store.base_nodes())?;
        if store.state.nodes != store.base_nodes() + store.delta.names.len() as u64 {
            return Err(StoreError::corrupt("nodes are missing", &store.at));
        }
        Ok(store)
    }

    /// What it holds.
    pub fn state(&self) -> &GraphState {
        &self.state
    }

    /// Compares every byte with what was written.
    pub fn verify(&self) -> Result<(), StoreError> {
        match &self.base {
            Some((base, _)) => base.verify(),
            None => Ok(()),
        }
    }

    fn base_nodes(&self) -> u64 {
        self.base
            .as_ref()
            .map_or(0, |(base, _)| base.rows(Section::Nodes))
    }

    /// A row of the base; `None` for a node that is not in it.
    fn base_row(&self, section: Section, id: NodeId) -> Result<Option<&[u8]>, StoreError> {
        match (&self.base, id.row()) {
            (Some((base, _)), Some(row)) if row < base.rows(Section::Nodes) => {
                base.row(section, row).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn node_bytes(&self, id: NodeId) -> Result<&[u8], StoreError> {
        if let Some(row) = self.delta.nodes.get(&id) {
            return Ok(row);
        }
        self.base_row(Section::Nodes, id)?.ok_or_else(|| {
            StoreError::corrupt(format!("node {} is named and not there", id.0), &self.at)
        })
    }

    fn node_row(&self, id: NodeId) -> Result<NodeRow<'_>, StoreError> {
        NodeRow::read(self.node_bytes(id)?).map_err(|bad| bad.at(&self.at))
    }

    /// A node by its number.
    pub fn node(&self, id: NodeId) -> Result<Node, StoreError> {
        self.node_row(id)?.whole(&self.at)
    }

    /// Of what kind a node is.
    pub fn kind(&self, id: NodeId) -> Result<NodeKind, StoreError> {
        Ok(self.node_row(id)?.kind)
    }

    /// The number of a node; `None` when it is not there.
    pub fn find(&self, node: &NodeRef) -> Result<Option<NodeId>, StoreError> {
        let text = node.to_string();
        if let Some(id) = self.delta.names.get(&text) {
            return Ok(Some(*id));
        }
        let place = self.place_of(&text)?;
        if place == self.base_nodes() {
            return Ok(None);
        }
        let id = self.name_at(place)?;
        let found = self.node_row(id)?.written_cmp(&text).is_eq();
        Ok(found.then_some(id))
    }

    /// The first place in the base's order of names whose node is not before `text`.
    fn place_of(&self, text: &str) -> Result<u64, StoreError> {
        let (mut low, mut high) = (0, self.base_nodes());
        while low < high {
            let middle = low.midpoint(high);
            if self.row_at(middle)?.written_cmp(text).is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The node at a place in the base's order of names.
    fn name_at(&self, place: u64) -> Result<NodeId, StoreError> {
        let missing = || StoreError::corrupt(format!("name {place} is not there"), &self.at);
        let (base, _) = self.base.as_ref().ok_or_else(missing)?;
        let row = base.row(Section::Names, place / NAMES_IN_ROW)?;
        let (numbers, _) = row.as_chunks::<NUMBER_BYTES>();
        let within = usize::try_from(place % NAMES_IN_ROW).unwrap_or(usize::MAX);
        let number = numbers.get(within).ok_or_else(missing)?;
        Ok(NodeId(u64::from_be_bytes(*number)))
    }

    /// The node at a place in the base's order of names, as the base has it: its name never changes.
    fn row_at(&self, place: u64) -> Result<NodeRow<'_>, StoreError> {
        self.node_row(self.name_at(place)?)
    }

    /// Nodes whose written form begins with `prefix`, in its order, at most `max`. One more than
    /// asked for is never returned: ask for one more to know whether there are.
    pub fn named(&self, prefix: &str, max: usize) -> Result<Vec<(NodeRef, NodeId)>, StoreError> {
        let mut out = Vec::new();
        let from = prefix.to_owned();
        let mut new = self.delta.names.range(from..).peekable();
        let mut place = self.place_of(prefix)?;
        while out.len() < max {
            let old = if place < self.base_nodes() {
                Some(self.name_at(place)?)
            } else {
                None
            };
            let old_first = match (old, new.peek()) {
                (Some(old), Some((name, _))) => self.node_row(old)?.written_cmp(name).is_lt(),
                (old, _) => old.is_some(),
            };
            let next = if old_first {
                place += 1;
                old
            } else {
                new.next().map(|(_, id)| *id)
            };
            let Some(id) = next else { break };
            let node = self.node_row(id)?.node();
            if !node.to_string().starts_with(prefix) {
                break;
            }
            out.push((node, id));
        }
        Ok(out)
    }

    /// Every edge of a node in one direction, in order, as it stands.
    fn each_edge<'s>(
        &'s self,
        id: NodeId,
        direction: Direction,
        mut take: impl FnMut(Tail, &'s [u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let old = self.base_row(section(direction), id)?.unwrap_or_default();
        let all = (id, [u8::MIN; size_of::<Tail>()])..=(id, [u8::MAX; size_of::<Tail>()]);
        let new = self.delta.edges(direction).range(all);
        let mut new = new.map(|((_, tail), facts)| (*tail, facts)).peekable();
        for edge in EdgeRows::new(old) {
            let (tail, facts) = edge.map_err(|bad| bad.at(&self.at))?;
            while let Some((tail, facts)) = new.next_if(|(before, _)| *before < tail) {
                if let Some(facts) = facts {
                    take(tail, facts)?;
                }
            }
            match new.next_if(|(same, _)| *same == tail) {
                Some((_, Some(facts))) => take(tail, facts)?,
                Some((_, None)) => {}
                None => take(tail, facts)?,
            }
        }
        for (tail, facts) in new {
            if let Some(facts) = facts {
                take(tail, facts)?;
            }
        }
        Ok(())
    }

    /// The edges of a node in one direction, ordered by kind, then by the other end's number;
    /// those of one kind, where one is given.
    pub fn edges(
        &self,
        id: NodeId,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<EdgeRow>, StoreError> {
        let wanted = kind.map(EdgeKind::number);
        let mut out: Vec<EdgeRow> = Vec::new();
        let mut before: &[u8] = &[];
        self.each_edge(id, direction, |tail, facts| {
            let [kind, ..] = tail;
            if wanted.is_none_or(|wanted| wanted == kind) {
                let same = out.last().filter(|_| before == facts);
                let known = match same {
                    Some(row) => row.facts.clone(),
                    None => rows::edge_facts(facts, &self.at)?,
                };
                before = facts;
                out.push(rows::edge(tail, known, &self.at)?);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Notes a check whose verdict is gone, and which does not list the files that it read.
    pub fn put_unseen(&mut self, check: u64) {
        self.state.unseen.push(check);
    }

    /// States a node: makes it, or adds to what is known of it.
    pub fn put_node(&mut self, node: &NodeRef, facts: &NodeFacts) -> Result<NodeId, StoreError> {
        let (id, mut known) = if let Some(id) = self.find(node)? {
            (id, Arc::unwrap_or_clone(self.node(id)?.facts))
        } else {
            self.state.nodes += 1;
            let id = NodeId(self.state.nodes);
            self.delta.names.insert(node.to_string(), id);
            (id, NodeFacts::default())
        };
        known.update(facts);
        let row = rows::node_row(node, &known, &self.at)?;
        self.delta.nodes.insert(id, row);
        self.merge_if_full()?;
        Ok(id)
    }

    /// States an edge; one of the same ends, kind and origin is replaced.
    pub fn put_edge(
        &mut self,
        from: NodeId,
        kind: EdgeKind,
        origin: Origin,
        to: NodeId,
        facts: &EdgeFacts,
    ) -> Result<(), StoreError> {
        let tail = rows::tail(kind.number(), origin.number(), to);
        if !self.has_edge(from, tail)? {
            self.state.edges += 1;
        }
        let facts = rows::facts_row(facts, &self.at)?;
        self.delta.put_edge(from, tail, Some(facts));
        self.merge_if_full()
    }

    /// Takes an edge away; nothing happens where there is none.
    pub fn remove_edge(
        &mut self,
        from: NodeId,
        kind: EdgeKind,
        origin: Origin,
        to: NodeId,
    ) -> Result<(), StoreError> {
        let tail = rows::tail(kind.number(), origin.number(), to);
        if self.has_edge(from, tail)? {
            self.state.edges = self.state.edges.saturating_sub(1);
            self.delta.put_edge(from, tail, None);
        }
        self.merge_if_full()
    }

    fn has_edge(&self, from: NodeId, to: Tail) -> Result<bool, StoreError> {
        let changed = self.delta.edges(Direction::Downstream).get(&(from, to));
        if let Some(facts) = changed {
            return Ok(facts.is_some());
        }
        let [kind, origin, ..] = to;
        let far = rows::far_end(to);
        let out = self.base_row(Section::Out, from)?.unwrap_or_default();
        let into = self.base_row(Section::In, far)?.unwrap_or_default();
        // The edge stands at both ends, and one of them may have a hundred thousand others.
        let (row, wanted) = if into.len() < out.len() {
            (into, rows::tail(kind, origin, from))
        } else {
            (out, to)
        };
        for edge in EdgeRows::new(row) {
            let (tail, _) = edge.map_err(|bad| bad.at(&self.at))?;
            if tail == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn merge_if_full(&mut self) -> Result<(), StoreError> {
        if self.delta.rows() < self.limits.memory_rows {
            return Ok(());
        }
        self.merge()
    }

    /// Writes base and delta as a new base.
    fn merge(&mut self) -> Result<(), StoreError> {
        let mut out = BaseWriter::create(&self.folder)?;
        out.begin(Section::Nodes)?;
        for number in 1..=self.state.nodes {
            out.push(self.node_bytes(NodeId(number))?)?;
        }
        out.begin(Section::Names)?;
        self.write_names(&mut out)?;
        for direction in [Direction::Downstream, Direction::Upstream] {
            out.begin(section(direction))?;
            let mut row = Vec::new();
            for number in 1..=self.state.nodes {
                row.clear();
                self.each_edge(NodeId(number), direction, |tail, facts| {
                    rows::put_edge(&mut row, tail, facts);
                    Ok(())
                })?;
                out.push(&row)?;
            }
        }
        let file = out.finish()?;
        let base = Base::open(&self.folder, &file)?;
        if let (true, Some((_, before))) = (self.own, self.base.replace((base, file))) {
            let path = self.folder.join(before.name);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        self.own = true;
        self.delta = Delta::default();
        Ok(())
    }

    fn write_names(&self, out: &mut BaseWriter) -> Result<(), StoreError> {
        let mut row = Vec::new();
        let mut put = |id: NodeId| {
            row.extend(id.0.to_be_bytes());
            if row.len() as u64 == NAMES_IN_ROW * NUMBER_BYTES as u64 {
                out.push(&std::mem::take(&mut row))?;
            }
            Ok::<(), StoreError>(())
        };
        let mut new = self.delta.names.iter().peekable();
        for place in 0..self.base_nodes() {
            let old = self.name_at(place)?;
            let old_row = self.node_row(old)?;
            while let Some((_, id)) = new.next_if(|(name, _)| old_row.written_cmp(name).is_gt()) {
                put(*id)?;
            }
            put(old)?;
        }
        for (_, id) in new {
            put(*id)?;
        }
        if !row.is_empty() {
            out.push(&row)?;
        }
        Ok(())
    }

    /// Says up to where the log was read, and writes what changed. Consumes the store; gives the
    /// files that it consists of now.
    pub fn finish(mut self, entries: u64, root: &str) -> Result<GraphFiles, StoreError> {
        self.state.entries = entries;
        root.clone_into(&mut self.state.root);
        if self.delta.rows() > self.limits.delta_rows {
            self.merge()?;
        }
        Ok(GraphFiles {
            delta: self.delta.write(&self.folder, &self.state)?,
            base: self.base.map(|(_, file)| file),
        })
    }
}

fn section(direction: Direction) -> Section {
    match direction {
        Direction::Upstream => Section::In,
        Direction::Downstream => Section::Out,
    }
}
