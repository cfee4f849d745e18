//! The database of the lineage graph: nodes by number, edges by either end.
//!
//! It is a view: everything in it was read from the audit log and the sealed snapshots, and can be
//! made again from them. Whoever opens it verifies its files first, for the engine itself can lose
//! rows in silence; `graph` does that.
//!
//! | family | key | value |
//! |---|---|---|
//! | `default` | `state` | the [`GraphState`], JSON |
//! | `nodes` | number, 8 bytes | node and facts, JSON |
//! | `names` | the node as it is written, UTF-8 | number, 8 bytes |
//! | `out` | from 8, kind 1, origin 1, to 8 bytes | facts of the edge, JSON |
//! | `in` | to 8, kind 1, origin 1, from 8 bytes | the same facts: one read answers, from either end |
//!
//! Numbers are big-endian, so that the edges of a node stand together, ordered by kind.

mod read;

use std::collections::HashMap;
use std::path::Path;

use rocksdb::BlockBasedOptions;
use rocksdb::Cache;
use rocksdb::ColumnFamily;
use rocksdb::ColumnFamilyDescriptor;
use rocksdb::DB;
use rocksdb::DBCompressionType;
use rocksdb::Direction as Way;
use rocksdb::IteratorMode;
use rocksdb::Options;
use rocksdb::ReadOptions;
use rocksdb::WriteBatch;
use serde::Deserialize;
use serde::Serialize;

use self::read::Rows;
use super::StoreError;
use super::columns;
use super::columns::Access;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;

const STATE: &str = "default";
const NODES: &str = "nodes";
const NAMES: &str = "names";
const OUT: &str = "out";
const IN: &str = "in";
const FAMILIES: [&str; 5] = [STATE, NODES, NAMES, OUT, IN];
const STATE_KEY: &[u8] = b"state";
/// Block cache. Chosen: a walk touches a few thousand blocks of 4 KB.
const CACHE_BYTES: usize = 32 << 20;
/// Memtable size. Chosen: a whole rebuild of 10^6 edges stays within a few flushes.
const WRITE_BUFFER_BYTES: usize = 32 << 20;
/// Rows that are collected before they are written. Chosen: a few megabytes.
const BATCH_ROWS: usize = 20_000;
/// Length of an edge's key.
const EDGE_KEY_BYTES: usize = 18;

/// Number of a node in the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// What the view holds, and up to where it has read the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphState {
    /// Layout of the rows: [`GRAPH_LAYOUT`].
    pub layout: u32,
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

/// Version of the rows. Raised when they change: a view of another version is made anew.
pub const GRAPH_LAYOUT: u32 = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRow {
    node: NodeRef,
    facts: Box<NodeFacts>,
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
    pub facts: Box<EdgeFacts>,
}

/// The open database.
pub struct GraphStore {
    db: DB,
    at: String,
    state: GraphState,
    batch: WriteBatch,
    /// Nodes whose rows wait in the batch.
    pending: HashMap<NodeRef, (NodeId, NodeFacts)>,
    /// Edges that wait in the batch: there, or gone.
    edges: HashMap<[u8; EDGE_KEY_BYTES], bool>,
}

impl GraphStore {
    /// Makes an empty one at `path`, which must not exist.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let mut store = Self::with(path, Access::Create)?;
        store.state.layout = GRAPH_LAYOUT;
        store.put_state()?;
        store.write()?;
        Ok(store)
    }

    /// Opens one that is there, for writing or for reading.
    pub fn open(path: &Path, writing: bool) -> Result<Self, StoreError> {
        let access = if writing { Access::Write } else { Access::Read };
        let mut store = Self::with(path, access)?;
        let bytes = store
            .db
            .get_cf_opt(store.family(STATE)?, STATE_KEY, &reading())
            .map_err(StoreError::engine("read"))?
            .ok_or_else(|| StoreError::corrupt("the graph has no state row", &store.at))?;
        store.state = store.rows().json(&bytes, "the state row")?;
        Ok(store)
    }

    fn with(path: &Path, access: Access) -> Result<Self, StoreError> {
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let families = FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family(name, &cache)));
        let options = columns::database(access);
        let db = match access {
            Access::Create | Access::Write => DB::open_cf_descriptors(&options, path, families),
            Access::Read => DB::open_cf_descriptors_read_only(&options, path, families, false),
        }
        .map_err(StoreError::engine("open the graph"))?;
        Ok(Self {
            db,
            at: path.display().to_string(),
            state: GraphState::default(),
            batch: WriteBatch::default(),
            pending: HashMap::new(),
            edges: HashMap::new(),
        })
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        handle(&self.db, &self.at, name)
    }

    fn bytes<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(value).map_err(|error| {
            StoreError::corrupt(format!("a row cannot be written ({error})"), &self.at)
        })
    }

    /// What it holds.
    pub fn state(&self) -> &GraphState {
        &self.state
    }

    /// Notes a check whose verdict is gone, and which does not list the files that it read.
    pub fn put_unseen(&mut self, check: u64) {
        self.state.unseen.push(check);
    }

    /// The number of a node; `None` when it is not there.
    pub fn find(&self, node: &NodeRef) -> Result<Option<NodeId>, StoreError> {
        if let Some((id, _)) = self.pending.get(node) {
            return Ok(Some(*id));
        }
        let found = self
            .db
            .get_cf_opt(self.family(NAMES)?, node.to_string(), &reading())
            .map_err(StoreError::engine("read"))?;
        found
            .map(|bytes| self.number(&bytes).map(NodeId))
            .transpose()
    }

    fn number(&self, bytes: &[u8]) -> Result<u64, StoreError> {
        <[u8; 8]>::try_from(bytes)
            .map(u64::from_be_bytes)
            .map_err(|_| StoreError::corrupt("a number is not eight bytes", &self.at))
    }

    /// A node by its number.
    pub fn node(&self, id: NodeId) -> Result<Node, StoreError> {
        self.rows().node(id)
    }

    /// Several nodes, in the order of `ids`, read on all cores.
    pub fn nodes(&self, ids: &[NodeId]) -> Result<Vec<Node>, StoreError> {
        self.rows().nodes(ids)
    }

    /// The edges of a node in one direction, ordered by kind, then by the other end's number;
    /// those of one kind, where one is given.
    pub fn edges(
        &self,
        id: NodeId,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<EdgeRow>, StoreError> {
        self.rows().edges(id, direction, kind)
    }

    /// The same of several nodes, in the order of `ids`, read on all cores.
    pub fn edges_of_each(
        &self,
        ids: &[NodeId],
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Vec<EdgeRow>>, StoreError> {
        self.rows().edges_of_each(ids, direction, kind)
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            db: &self.db,
            at: &self.at,
        }
    }

    /// Nodes whose written form begins with `prefix`, in its order, at most `max`. One more than
    /// asked for is never returned: ask for one more to know whether there are.
    pub fn named(&self, prefix: &str, max: usize) -> Result<Vec<(NodeRef, NodeId)>, StoreError> {
        let mode = IteratorMode::From(prefix.as_bytes(), Way::Forward);
        let mut out = Vec::new();
        for row in self
            .db
            .iterator_cf_opt(self.family(NAMES)?, reading(), mode)
        {
            let (key, value) = row.map_err(StoreError::engine("scan"))?;
            if out.len() == max || !key.starts_with(prefix.as_bytes()) {
                break;
            }
            let text = std::str::from_utf8(&key)
                .map_err(|_| StoreError::corrupt("a node's name is not UTF-8", &self.at))?;
            let node = NodeRef::parse(text).map_err(|error| {
                StoreError::corrupt(format!("a node's name cannot be read: {error}"), &self.at)
            })?;
            out.push((node, NodeId(self.number(&value)?)));
        }
        Ok(out)
    }

    /// States a node: makes it, or adds to what is known of it.
    pub fn put_node(&mut self, node: &NodeRef, facts: &NodeFacts) -> Result<NodeId, StoreError> {
        let (id, mut known) = if let Some((id, known)) = self.pending.get(node) {
            (*id, known.clone())
        } else if let Some(id) = self.find(node)? {
            (id, *self.node(id)?.facts)
        } else {
            self.state.nodes += 1;
            let id = NodeId(self.state.nodes);
            let names = handle(&self.db, &self.at, NAMES)?;
            self.batch
                .put_cf(names, node.to_string(), id.0.to_be_bytes());
            (id, NodeFacts::default())
        };
        known.update(facts);
        let row = NodeRow {
            node: node.clone(),
            facts: Box::new(known),
        };
        let bytes = self.bytes(&row)?;
        self.batch.put_cf(
            handle(&self.db, &self.at, NODES)?,
            id.0.to_be_bytes(),
            bytes,
        );
        self.pending.insert(node.clone(), (id, *row.facts));
        self.write_if_full()?;
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
        let key = edge_key(from, kind, origin, to);
        if !self.has_edge(&key)? {
            self.state.edges += 1;
        }
        self.edges.insert(key, true);
        let bytes = self.bytes(facts)?;
        let back = edge_key(to, kind, origin, from);
        self.batch
            .put_cf(handle(&self.db, &self.at, IN)?, back, &bytes);
        self.batch
            .put_cf(handle(&self.db, &self.at, OUT)?, key, bytes);
        self.write_if_full()
    }

    /// Takes an edge away; nothing happens where there is none.
    pub fn remove_edge(
        &mut self,
        from: NodeId,
        kind: EdgeKind,
        origin: Origin,
        to: NodeId,
    ) -> Result<(), StoreError> {
        let key = edge_key(from, kind, origin, to);
        if !self.has_edge(&key)? {
            return Ok(());
        }
        self.state.edges = self.state.edges.saturating_sub(1);
        self.edges.insert(key, false);
        self.batch.delete_cf(handle(&self.db, &self.at, OUT)?, key);
        let back = edge_key(to, kind, origin, from);
        self.batch.delete_cf(handle(&self.db, &self.at, IN)?, back);
        self.write_if_full()
    }

    fn has_edge(&self, key: &[u8; EDGE_KEY_BYTES]) -> Result<bool, StoreError> {
        if let Some(there) = self.edges.get(key) {
            return Ok(*there);
        }
        let found = self
            .db
            .get_pinned_cf_opt(self.family(OUT)?, key, &reading())
            .map_err(StoreError::engine("read"))?;
        Ok(found.is_some())
    }

    /// Writes what waits, so that it can be read.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.put_state()?;
        self.write()
    }

    /// Says up to where the log was read, and moves everything into table files: nothing is left
    /// in a log of the engine's own. Consumes the store, which closes it. `whole`: everything was
    /// written anew, and is brought into one order, so that a walk looks into one file.
    pub fn finish(
        mut self,
        entries: u64,
        root: &str,
        whole: bool,
    ) -> Result<GraphState, StoreError> {
        self.state.entries = entries;
        root.clone_into(&mut self.state.root);
        self.settle()?;
        for name in FAMILIES {
            self.db
                .flush_cf(self.family(name)?)
                .map_err(StoreError::engine("flush the graph"))?;
            if whole {
                let all: Option<&[u8]> = None;
                self.db.compact_range_cf(self.family(name)?, all, all);
            }
        }
        Ok(self.state)
    }

    fn put_state(&mut self) -> Result<(), StoreError> {
        let bytes = self.bytes(&self.state)?;
        self.batch
            .put_cf(handle(&self.db, &self.at, STATE)?, STATE_KEY, bytes);
        Ok(())
    }

    fn write_if_full(&mut self) -> Result<(), StoreError> {
        if self.batch.len() < BATCH_ROWS {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.pending.clear();
        self.edges.clear();
        // Not synced: a view that a crash cut short has no list of files, and is made anew.
        self.db
            .write(batch)
            .map_err(StoreError::engine("write the graph"))
    }
}

/// A column family. Apart from the store, so that its batch can be written to meanwhile.
fn handle<'d>(db: &'d DB, at: &str, name: &'static str) -> Result<&'d ColumnFamily, StoreError> {
    db.cf_handle(name)
        .ok_or_else(|| StoreError::corrupt(format!("family {name} is missing"), at))
}

fn edge_key(near: NodeId, kind: EdgeKind, origin: Origin, far: NodeId) -> [u8; EDGE_KEY_BYTES] {
    let mut key = [0; EDGE_KEY_BYTES];
    let parts = near
        .0
        .to_be_bytes()
        .into_iter()
        .chain([kind.number(), origin.number()])
        .chain(far.0.to_be_bytes());
    for (place, byte) in key.iter_mut().zip(parts) {
        *place = byte;
    }
    key
}

fn reading() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

fn family(name: &str, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(columns::POINT_BLOCK_BYTES);
    if name == NAMES || name == NODES || name == OUT {
        // Asked for by whole keys, often for what is not there. Ten bits: one wrong in a hundred.
        table.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&table);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lineage::NodeKind;

    fn node(name: &str) -> NodeRef {
        NodeRef::new(NodeKind::Run, name)
    }

    #[test]
    fn edges_are_seen_from_both_ends_before_and_after_they_are_written() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("db");
        let mut store = GraphStore::create(&path).unwrap();
        let facts = |note: &str| NodeFacts {
            note: Some(note.to_owned()),
            ..NodeFacts::default()
        };
        let a = store.put_node(&node("a"), &facts("first")).unwrap();
        let b = store.put_node(&node("b"), &NodeFacts::default()).unwrap();
        assert_eq!(
            store.put_node(&node("a"), &NodeFacts::default()).unwrap(),
            a
        );
        let edge = EdgeFacts {
            records: Some(3),
            ..EdgeFacts::default()
        };
        for _ in 0..2 {
            store
                .put_edge(a, EdgeKind::Input, Origin::Declared, b, &edge)
                .unwrap();
        }
        store
            .put_edge(a, EdgeKind::Input, Origin::Found, b, &edge)
            .unwrap();
        assert_eq!(store.state().edges, 2, "the same edge counts once");
        store
            .remove_edge(a, EdgeKind::Input, Origin::Found, b)
            .unwrap();
        let state = store.finish(7, "root", true).unwrap();
        assert_eq!((state.nodes, state.edges, state.entries), (2, 1, 7));

        let store = GraphStore::open(&path, false).unwrap();
        assert_eq!(store.state(), &state);
        assert_eq!(store.find(&node("a")).unwrap(), Some(a));
        assert_eq!(store.find(&node("c")).unwrap(), None);
        assert_eq!(store.node(a).unwrap().facts.note.as_deref(), Some("first"));
        let seen = |id, direction| store.edges(id, direction, None).unwrap();
        let row = |other| EdgeRow {
            other,
            kind: EdgeKind::Input,
            origin: Origin::Declared,
            facts: Box::new(edge.clone()),
        };
        assert_eq!(seen(a, Direction::Downstream), [row(b)]);
        assert_eq!(seen(b, Direction::Upstream), [row(a)]);
        assert!(seen(a, Direction::Upstream).is_empty());
        let named = store.named("run:", 9).unwrap();
        assert_eq!(named, [(node("a"), a), (node("b"), b)]);
        assert_eq!(store.named("run:", 1).unwrap().len(), 1);
    }

    #[test]
    fn many_rows_are_those_that_are_read_one_by_one() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("db");
        let mut store = GraphStore::create(&path).unwrap();
        let count = 3 * 128 + 7;
        let ids: Vec<NodeId> = (0..count)
            .map(|at| {
                let facts = NodeFacts {
                    records: Some(at),
                    ..NodeFacts::default()
                };
                store.put_node(&node(&at.to_string()), &facts).unwrap()
            })
            .collect();
        let kinds = [EdgeKind::Input, EdgeKind::Derived];
        for (at, from) in ids.iter().enumerate() {
            // Some have no edge, the last ones included.
            for step in 0..(at % 4).min(ids.len() - 1 - at) {
                let (kind, to) = (kinds[step % 2], ids[at + step + 1]);
                let facts = EdgeFacts::default();
                store
                    .put_edge(*from, kind, Origin::Declared, to, &facts)
                    .unwrap();
            }
        }
        store.finish(1, "root", true).unwrap();
        let store = GraphStore::open(&path, false).unwrap();
        let backwards: Vec<NodeId> = ids.iter().rev().copied().chain([ids[5]]).collect();
        for asked in [&ids, &backwards] {
            let one_by_one: Vec<Node> = asked.iter().map(|id| store.node(*id).unwrap()).collect();
            assert_eq!(store.nodes(asked).unwrap(), one_by_one);
            assert_eq!(one_by_one[3].facts.records, Some(asked[3].0 - ids[0].0));
            for direction in [Direction::Upstream, Direction::Downstream] {
                for kind in [None, Some(EdgeKind::Derived)] {
                    let one_by_one: Vec<Vec<EdgeRow>> = asked
                        .iter()
                        .map(|id| store.edges(*id, direction, kind).unwrap())
                        .collect();
                    let most = one_by_one.iter().map(Vec::len).max();
                    assert!(most > Some(usize::from(kind.is_none())), "{most:?}");
                    let many = store.edges_of_each(asked, direction, kind).unwrap();
                    assert_eq!(many, one_by_one);
                }
            }
        }
        let gone = [ids[0], NodeId(count + 9)];
        assert!(
            store
                .nodes(&gone)
                .unwrap_err()
                .to_string()
                .contains("not there")
        );
    }
}
