//! Opening the view: up to date, or made anew; nothing is read of it that was not verified.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
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
use crate::index::GraphFiles;
use crate::index::GraphState;
use crate::index::GraphStore;
use crate::index::IndexDir;
use crate::index::NodeId;
use crate::index::PublicKeys;
use crate::index::StoreError;
use crate::lineage::Behind;
use crate::lineage::Chain;
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
use crate::snapshot::Snapshot;

/// How long another process is waited for that brings the view up to date. Chosen: reading a log
/// of 10^6 entries takes less.
const LOCK_WAIT: Duration = Duration::from_secs(120);
/// Pause between looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// Times the view is brought up to date again because the log grew meanwhile. Chosen.
const MOVES_MAX: usize = 8;
/// The list of the view's files.
const LIST: &str = "manifest.json";

/// What the view consists of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    layout: u32,
    files: GraphFiles,
}

/// The lineage graph, open for reading, as of one signed state of the log.
pub struct View {
    store: GraphStore,
    list: PathBuf,
    /// Keeps others from changing it meanwhile.
    _lock: File,
}

impl View {
    /// Opens the graph as the log's head has it. Reads the entries that came since it was opened
    /// last, and the newest snapshot where sources changed; everything where the view is missing,
    /// of another layout or of another log, or where damage is seen. What is read of it later is
    /// verified then: damage is an error, and whoever opens it next makes it anew.
    pub fn open(dir: &IndexDir, keys: &PublicKeys, compat: &Compat) -> Result<Self, GraphError> {
        for _ in 0..MOVES_MAX {
            let head = audit::head(dir, keys)?;
            let shared = lock(dir, false)?;
            if let Some(store) = current(dir, keys, &head)? {
                return Ok(Self {
                    store,
                    list: dir.graph().join(LIST),
                    _lock: shared,
                });
            }
            drop(shared);
            let _alone = lock(dir, true)?;
            update(dir, keys, compat, &head)?;
        }
        Err(GraphError::Moving { times: MOVES_MAX })
    }

    /// What stands there, looked at and not changed: the view's state where every byte of it
    /// verifies; `None` where there is no view, as before the first question.
    pub fn standing(dir: &IndexDir, keys: &PublicKeys) -> Result<Option<GraphState>, GraphError> {
        if list(dir)?.is_none() {
            // Where there is no view there may be no lock either, and none is made for a look.
            return Ok(None);
        }
        let _shared = lock(dir, false)?;
        let Some(files) = list(dir)? else {
            return Ok(None);
        };
        let store = GraphStore::open(&dir.graph(), &files)?;
        store.verify()?;
        let agrees = agrees(dir, keys, store.state())?;
        Ok(agrees.then(|| store.state().clone()))
    }

    /// What was read of the view. Where that shows damage the list of its files goes, so that whoever
    /// opens it next makes it anew.
    fn read<T>(&self, read: Result<T, StoreError>) -> Result<T, GraphError> {
        read.map_err(|error| {
            let StoreError::Corrupt { what, at } = &error else {
                return error.into();
            };
            match fs::remove_file(&self.list) {
                Err(refused) if refused.kind() != ErrorKind::NotFound => error.into(),
                Ok(()) | Err(_) => GraphError::Damaged {
                    what: format!("{what} at {at}"),
                },
            }
        })
    }

    /// What it holds, and up to which entry.
    pub fn state(&self) -> &GraphState {
        self.store.state()
    }

    /// The number of a node; `None` when nobody stated it.
    pub fn find(&self, node: &NodeRef) -> Result<Option<NodeId>, GraphError> {
        self.read(self.store.find(node))
    }

    /// Nodes of a kind whose name begins with `prefix`, in order of name, at most `max`.
    pub fn named(
        &self,
        kind: NodeKind,
        prefix: &str,
        max: usize,
    ) -> Result<Vec<(NodeRef, NodeId)>, GraphError> {
        let prefix = format!("{}:{prefix}", kind.as_str());
        self.read(self.store.named(&prefix, max))
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
            Some(id) => self.node(id)?.facts.digest.clone(),
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
        self.read(self.store.node(key))
    }

    fn kind(&self, key: NodeId) -> Result<NodeKind, GraphError> {
        self.read(self.store.kind(key))
    }

    fn edges_of(
        &self,
        key: NodeId,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Seen<NodeId>>, GraphError> {
        let rows = self.read(self.store.edges(key, direction, kind))?;
        Ok(rows.into_iter().map(seen).collect())
    }
}

/// The view, if it is that of the log's head.
fn current(
    dir: &IndexDir,
    keys: &PublicKeys,
    head: &Head,
) -> Result<Option<GraphStore>, GraphError> {
    let standing = standing(dir, keys)?;
    Ok(standing.filter(|store| store.state().entries == head.checkpoint.size))
}

/// The view that stands there, if it was read from this log; `None` also where it is damaged.
fn standing(dir: &IndexDir, keys: &PublicKeys) -> Result<Option<GraphStore>, GraphError> {
    let Some(files) = list(dir)? else {
        return Ok(None);
    };
    match GraphStore::open(&dir.graph(), &files) {
        Ok(store) if agrees(dir, keys, store.state())? => Ok(Some(store)),
        // Whatever is wrong with it, the log has everything that it said.
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Whether the log still has the tree that the view was read from.
fn agrees(dir: &IndexDir, keys: &PublicKeys, state: &GraphState) -> Result<bool, GraphError> {
    let root = audit::root_at(dir, keys, state.entries)?;
    Ok(root.is_some_and(|root| root.to_hex() == state.root))
}

/// The files of the view; `None` where there is no list of them that can be read.
fn list(dir: &IndexDir) -> Result<Option<GraphFiles>, GraphError> {
    let path = dir.graph().join(LIST);
    match fs::read(&path) {
        // One that is cut short, or of another version, is that of a view to be made anew.
        Ok(bytes) => Ok(serde_json::from_slice::<Option<List>>(&bytes)
            .unwrap_or(None)
            .filter(|list| list.layout == GRAPH_LAYOUT)
            .map(|list| list.files)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
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
    let standing = standing(dir, keys)?;
    if let Some(store) = standing.filter(|store| store.state().entries <= head.checkpoint.size) {
        match advance(store, dir, keys, compat) {
            Err(GraphError::Store(StoreError::Corrupt { .. })) => {}
            done => return done,
        }
    }
    advance(empty(&dir.graph())?, dir, keys, compat)
}

/// Reads what the log holds beyond the store's state, and lists what the view consists of then. A
/// crash before the end leaves what was listed before.
fn advance(
    mut store: GraphStore,
    dir: &IndexDir,
    keys: &PublicKeys,
    compat: &Compat,
) -> Result<(), GraphError> {
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
    let folder = dir.graph();
    let files = store.finish(read.size, &read.root.to_hex())?;
    let list = List {
        layout: GRAPH_LAYOUT,
        files,
    };
    let bytes = serde_json::to_vec(&list)?;
    let path = folder.join(LIST);
    let mut made = tempfile::NamedTempFile::new_in(&folder)
        .map_err(StoreError::io("create a file in", &folder))?;
    std::io::Write::write_all(&mut made, &bytes).map_err(StoreError::io("write", &path))?;
    made.persist(&path)
        .map_err(|error| StoreError::io("rename to", &path)(error.error))?;
    Ok(list.files.remove_others(&folder, LIST)?)
}

/// An empty view in the place of what is there.
fn empty(folder: &Path) -> Result<GraphStore, GraphError> {
    match fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("remove", folder)(error).into()),
    }
    fs::create_dir(folder).map_err(StoreError::io("create the directory", folder))?;
    Ok(GraphStore::create(folder))
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
