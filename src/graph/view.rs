//! Opening the view: up to date, every file verified, or made anew.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde::Serialize;

use super::GraphError;
use super::fold;
use crate::audit;
use crate::audit::Head;
use crate::index::Compat;
use crate::index::EdgeRow;
use crate::index::GRAPH_LAYOUT;
use crate::index::GraphState;
use crate::index::GraphStore;
use crate::index::IndexDir;
use crate::index::NodeId;
use crate::index::PublicKeys;
use crate::index::StoreError;
use crate::lineage::Behind;
use crate::lineage::Chain;
use crate::lineage::Edges;
use crate::lineage::Graph;
use crate::lineage::NODES_MAX;
use crate::lineage::Seen;
use crate::lineage::Unseen;
use crate::lineage::chain;
use crate::lineage::walk;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Walk;
use crate::snapshot::ManifestFile;
use crate::snapshot::Snapshot;
use crate::snapshot::list_and_hash;
use crate::snapshot::verify_listed;

/// How long another process is waited for that brings the view up to date. Chosen: reading a log
/// of 10^6 entries takes less.
const LOCK_WAIT: Duration = Duration::from_secs(120);
/// Pause between looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// Times the view is brought up to date again because the log grew meanwhile. Chosen.
const MOVES_MAX: usize = 8;
/// The database within the folder of the view.
const DB: &str = "db";
/// The list of the view's files; the name that the listing of files passes over.
const LIST: &str = "manifest.json";

/// What the view consists of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    state: GraphState,
    files: Vec<ManifestFile>,
}

/// The lineage graph, open for reading, as of one signed state of the log.
pub struct View {
    store: GraphStore,
    /// Keeps others from changing it meanwhile.
    _lock: File,
}

impl View {
    /// Opens the graph as the log's head has it. Reads the entries that came since it was opened
    /// last, and the newest snapshot where sources changed; everything where the view is missing,
    /// damaged, of another layout or of another log.
    pub fn open(dir: &IndexDir, keys: &PublicKeys, compat: &Compat) -> Result<Self, GraphError> {
        for _ in 0..MOVES_MAX {
            let head = audit::head(dir, keys)?;
            let shared = lock(dir, false)?;
            if let Some(store) = current(dir, keys, &head)? {
                return Ok(Self {
                    store,
                    _lock: shared,
                });
            }
            drop(shared);
            let _alone = lock(dir, true)?;
            update(dir, keys, compat, &head)?;
        }
        Err(GraphError::Moving { times: MOVES_MAX })
    }

    /// What stands there, looked at and not changed: the view's state where every file of it
    /// verifies; `None` where there is no view, as before the first question.
    pub fn standing(dir: &IndexDir, keys: &PublicKeys) -> Result<Option<GraphState>, GraphError> {
        let Some(list) = list(dir)? else {
            return Ok(None);
        };
        verify_listed(&dir.graph(), &list.files)?;
        if agrees(dir, keys, &list.state)? {
            return Ok(Some(list.state));
        }
        Ok(None)
    }

    /// What it holds, and up to which entry.
    pub fn state(&self) -> &GraphState {
        self.store.state()
    }

    /// The number of a node; `None` when nobody stated it.
    pub fn find(&self, node: &NodeRef) -> Result<Option<NodeId>, GraphError> {
        Ok(self.store.find(node)?)
    }

    /// Nodes of a kind whose name begins with `prefix`, in order of name, at most `max`.
    pub fn named(
        &self,
        kind: NodeKind,
        prefix: &str,
        max: usize,
    ) -> Result<Vec<(NodeRef, NodeId)>, GraphError> {
        let prefix = format!("{}:{prefix}", kind.as_str());
        Ok(self.store.named(&prefix, max)?)
    }

    /// Walks from a node; see [`walk`].
    pub fn walk(
        &self,
        start: NodeId,
        direction: Direction,
        depth_max: Option<u32>,
    ) -> Result<Walk, GraphError> {
        walk(self, start, direction, depth_max, NODES_MAX)
    }

    /// Models behind a model. Empty where nothing is recorded of it; an error where what a check
    /// found in a file behind it is not known any more, so that there may be others.
    pub fn behind(&self, model: &str) -> Result<Vec<Behind>, GraphError> {
        match self.find(&NodeRef::new(NodeKind::Model, model))? {
            Some(id) => self.behind_node(id),
            None => Ok(Vec::new()),
        }
    }

    /// The same of a node.
    pub fn behind_node(&self, id: NodeId) -> Result<Vec<Behind>, GraphError> {
        let Chain { behind, unseen } = chain(self, id)?;
        if let Some(Unseen { file, check }) = unseen.first() {
            return Err(self.unseen(id, *check, file)?);
        }
        if let Some(check) = self.state().unseen.first()
            && !self.edges(id, Direction::Upstream)?.is_empty()
        {
            let files = "more files than its entry lists";
            return Err(self.unseen(id, *check, files)?);
        }
        Ok(behind)
    }

    fn unseen(&self, id: NodeId, check: u64, file: &str) -> Result<GraphError, GraphError> {
        let model = self.node(id)?.label();
        let node = NodeRef::new(NodeKind::Check, &check.to_string());
        let digest = match self.find(&node)? {
            Some(id) => self.node(id)?.facts.digest,
            None => None,
        };
        Ok(GraphError::Unseen {
            model,
            check,
            file: file.to_owned(),
            digest: digest.unwrap_or_default(),
        })
    }
}

fn seen(row: EdgeRow) -> Seen<NodeId> {
    Seen {
        other: row.other,
        kind: row.kind,
        origin: row.origin,
        facts: row.facts,
    }
}

impl Graph for View {
    type Key = NodeId;
    type Error = GraphError;

    fn node(&self, key: NodeId) -> Result<Node, GraphError> {
        Ok(self.store.node(key)?)
    }

    fn edges_of(
        &self,
        key: NodeId,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Seen<NodeId>>, GraphError> {
        let rows = self.store.edges(key, direction, kind)?;
        Ok(rows.into_iter().map(seen).collect())
    }

    fn nodes(&self, keys: &[NodeId]) -> Result<Vec<Node>, GraphError> {
        Ok(self.store.nodes(keys)?)
    }

    fn edges_of_each(
        &self,
        keys: &[NodeId],
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Edges<NodeId>>, GraphError> {
        let rows = self.store.edges_of_each(keys, direction, kind)?;
        let of_one = |rows: Vec<EdgeRow>| rows.into_iter().map(seen).collect();
        Ok(rows.into_iter().map(of_one).collect())
    }
}

/// The view, if it is that of the log's head, every file as it was written.
fn current(
    dir: &IndexDir,
    keys: &PublicKeys,
    head: &Head,
) -> Result<Option<GraphStore>, GraphError> {
    let Some(list) = list(dir)? else {
        return Ok(None);
    };
    let checkpoint = &head.checkpoint;
    if list.state.layout != GRAPH_LAYOUT || list.state.entries != checkpoint.size {
        return Ok(None);
    }
    if !agrees(dir, keys, &list.state)? || verify_listed(&dir.graph(), &list.files).is_err() {
        return Ok(None);
    }
    Ok(Some(GraphStore::open(&dir.graph().join(DB), false)?))
}

/// Whether the log still has the tree that the view was read from.
fn agrees(dir: &IndexDir, keys: &PublicKeys, state: &GraphState) -> Result<bool, GraphError> {
    let root = audit::root_at(dir, keys, state.entries)?;
    Ok(root.is_some_and(|root| root.to_hex() == state.root))
}

/// The list of the view's files; `None` where there is none that can be read.
fn list(dir: &IndexDir) -> Result<Option<List>, GraphError> {
    let path = dir.graph().join(LIST);
    match fs::read(&path) {
        // One that is cut short, or of another version, is that of a view to be made anew.
        Ok(bytes) => Ok(serde_json::from_slice::<Option<List>>(&bytes).unwrap_or(None)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", &path)(error).into()),
    }
}

/// Reads what came since into the view, or everything into a new one. The lock is held.
fn update(
    dir: &IndexDir,
    keys: &PublicKeys,
    compat: &Compat,
    head: &Head,
) -> Result<(), GraphError> {
    let folder = dir.graph();
    let going_on = match list(dir)? {
        Some(list) => {
            list.state.layout == GRAPH_LAYOUT
                && list.state.entries <= head.checkpoint.size
                && agrees(dir, keys, &list.state)?
                && verify_listed(&folder, &list.files).is_ok()
        }
        None => false,
    };
    // From here on the list no longer says what is there: a crash leaves a view without one.
    let path = folder.join(LIST);
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("remove", &path)(error).into()),
    }
    let mut store = if going_on {
        GraphStore::open(&folder.join(DB), true)?
    } else {
        empty(&folder)?
    };
    let since = store.state().entries;
    let mut sources = since == 0;
    let mut failed = None;
    let read = audit::entries(dir, keys, since, |number, entry| {
        sources |= fold::changes_sources(&entry);
        if failed.is_none() {
            failed = fold::entry(&mut store, dir, number, &entry).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if sources {
        let snapshot = Snapshot::open_head(dir, compat, keys)?;
        fold::sources(&mut store, snapshot.sources())?;
    }
    let state = store.finish(read.size, &read.root.to_hex(), !going_on)?;
    let files = list_and_hash(&folder)?;
    let bytes = serde_json::to_vec(&List { state, files })?;
    let mut made = tempfile::NamedTempFile::new_in(dir.root())
        .map_err(StoreError::io("create a file in", dir.root()))?;
    std::io::Write::write_all(&mut made, &bytes).map_err(StoreError::io("write", &path))?;
    made.persist(&path)
        .map_err(|error| StoreError::io("rename to", &path)(error.error))?;
    Ok(())
}

/// An empty view in the place of what is there.
fn empty(folder: &Path) -> Result<GraphStore, GraphError> {
    match fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("remove", folder)(error).into()),
    }
    fs::create_dir(folder).map_err(StoreError::io("create the directory", folder))?;
    Ok(GraphStore::create(&folder.join(DB))?)
}

fn lock(dir: &IndexDir, alone: bool) -> Result<File, GraphError> {
    let path = dir.graph_lock();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("open the lock", &path))?;
    let started = Instant::now();
    loop {
        let taken = if alone {
            file.try_lock()
        } else {
            file.try_lock_shared()
        };
        match taken {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(GraphError::Busy {
                    seconds: LOCK_WAIT.as_secs(),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("take the lock", &path)(error).into());
            }
        }
    }
}
