//! What changed since the base was written: nodes and edges in memory, and as one small file.
//!
//! | part | bytes |
//! |---|---|
//! | state | the [`GraphState`], JSON, behind its length |
//! | nodes | how many; of each number, and its row behind its length |
//! | edges | how many; of each from, kind 1, origin 1, to; facts behind their length plus one, 0 where the edge is gone |
//!
//! Lengths, counts and numbers of nodes are varints.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use super::GraphState;
use super::NodeId;
use super::StoreError;
use super::rows::NodeRow;
use super::rows::Tail;
use super::rows::far_end;
use super::rows::tail;
use crate::index::bytes::Cursor;
use crate::index::bytes::Malformed;
use crate::index::bytes::put_varint;
use crate::model::lineage::Direction;

const WHAT: &str = "the file of changes is not one";

/// Edges by one of their ends: facts, or nothing where the edge is gone.
pub(super) type Edges = BTreeMap<(NodeId, Tail), Option<Box<[u8]>>>;

/// Which file, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeltaFile {
    /// Name within the folder of the view.
    pub(super) name: String,
    /// BLAKE3 of the file, hex.
    pub(super) digest: String,
}

/// Changes, in memory.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Rows of nodes that are new or have other facts than in the base.
    pub(super) nodes: BTreeMap<NodeId, Box<[u8]>>,
    /// Nodes that are not in the base, as they are written.
    pub(super) names: BTreeMap<String, NodeId>,
    out: Edges,
    into: Edges,
}

impl Delta {
    /// Nodes and edges that changed.
    pub(super) fn rows(&self) -> usize {
        self.nodes.len() + self.out.len()
    }

    /// Edges by the end that they are followed from.
    pub(super) fn edges(&self, direction: Direction) -> &Edges {
        match direction {
            Direction::Upstream => &self.into,
            Direction::Downstream => &self.out,
        }
    }

    /// States that an edge is there with these facts, or is gone.
    pub(super) fn put_edge(&mut self, from: NodeId, to: Tail, facts: Option<Box<[u8]>>) {
        let [kind, origin, ..] = to;
        let back = (far_end(to), tail(kind, origin, from));
        self.into.insert(back, facts.clone());
        self.out.insert((from, to), facts);
    }

    /// Writes a file in `folder`, under a name that no other has.
    pub(super) fn write(&self, folder: &Path, state: &GraphState) -> Result<DeltaFile, StoreError> {
        let at = folder.display().to_string();
        let bytes = self.bytes(state, &at)?;
        let mut file = tempfile::Builder::new()
            .prefix("delta-")
            .tempfile_in(folder)
            .map_err(StoreError::io("create a file in", folder))?;
        // Not synced: every byte is verified by whoever opens it, and one that a crash cut short is
        // made anew.
        file.write_all(&bytes)
            .map_err(StoreError::io("write", file.path()))?;
        let (_, path) = file
            .keep()
            .map_err(|error| StoreError::io("keep a file in", folder)(error.error))?;
        let name = path.file_name().unwrap_or_default();
        Ok(DeltaFile {
            name: name.to_string_lossy().into_owned(),
            digest: blake3::hash(&bytes).to_hex().to_string(),
        })
    }

    fn bytes(&self, state: &GraphState, at: &str) -> Result<Vec<u8>, StoreError> {
        let state = serde_json::to_vec(state).map_err(|error| {
            StoreError::corrupt(format!("the state cannot be written ({error})"), at)
        })?;
        let mut out = Vec::new();
        put_counted(&mut out, &state);
        put_varint(&mut out, self.nodes.len() as u64);
        for (id, row) in &self.nodes {
            put_varint(&mut out, id.0);
            put_counted(&mut out, row);
        }
        put_varint(&mut out, self.out.len() as u64);
        for ((from, to), facts) in &self.out {
            let [kind, origin, ..] = *to;
            put_varint(&mut out, from.0);
            out.extend([kind, origin]);
            put_varint(&mut out, far_end(*to).0);
            match facts {
                Some(facts) => {
                    put_varint(&mut out, facts.len() as u64 + 1);
                    out.extend_from_slice(facts);
                }
                None => put_varint(&mut out, 0),
            }
        }
        Ok(out)
    }

    /// Reads a file, verified, on a base of so many nodes.
    pub(super) fn read(
        folder: &Path,
        known: &DeltaFile,
        base_nodes: u64,
    ) -> Result<(Self, GraphState), StoreError> {
        let path = folder.join(&known.name);
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        let at = path.display().to_string();
        if blake3::hash(&bytes).to_hex().as_str() != known.digest {
            return Err(StoreError::corrupt("the file was changed", at));
        }
        let mut cursor = Cursor::new(&bytes);
        let state = counted(&mut cursor).map_err(|bad| bad.at(&at))?;
        let state = serde_json::from_slice(state).map_err(|error| {
            StoreError::corrupt(format!("the state cannot be read ({error})"), &at)
        })?;
        let delta = Self::parse(cursor, base_nodes).map_err(|bad| bad.at(&at))?;
        Ok((delta, state))
    }

    fn parse(mut cursor: Cursor<'_>, base_nodes: u64) -> Result<Self, Malformed> {
        let mut delta = Self::default();
        for _ in 0..cursor.varint(WHAT)? {
            let id = NodeId(cursor.varint(WHAT)?);
            let row = counted(&mut cursor)?;
            if id.0 > base_nodes {
                let name = NodeRow::read(row)?.node().to_string();
                delta.names.insert(name, id);
            }
            delta.nodes.insert(id, row.into());
        }
        for _ in 0..cursor.varint(WHAT)? {
            let from = NodeId(cursor.varint(WHAT)?);
            let (kind, origin) = (cursor.u8(WHAT)?, cursor.u8(WHAT)?);
            let to = tail(kind, origin, NodeId(cursor.varint(WHAT)?));
            let facts = match cursor.varint(WHAT)?.checked_sub(1) {
                Some(bytes) => {
                    let bytes = usize::try_from(bytes).map_err(|_| Malformed(WHAT))?;
                    Some(cursor.take(bytes, WHAT)?.into())
                }
                None => None,
            };
            delta.put_edge(from, to, facts);
        }
        cursor.end(WHAT)?;
        Ok(delta)
    }
}

fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn counted<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Malformed> {
    let bytes = usize::try_from(cursor.varint(WHAT)?).map_err(|_| Malformed(WHAT))?;
    cursor.take(bytes, WHAT)
}
