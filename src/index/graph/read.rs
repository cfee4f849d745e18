//! Rows of the lineage graph, read: one, or many on all cores.

use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSlice as _;
use rocksdb::DB;
use rocksdb::DBRawIterator;
use serde::Deserialize;

use super::EDGE_KEY_BYTES;
use super::EdgeRow;
use super::IN;
use super::NODES;
use super::NodeId;
use super::NodeRow;
use super::OUT;
use super::StoreError;
use super::handle;
use super::reading;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::Origin;

/// Rows that one thread reads at a time. Chosen: some hundred microseconds' work.
const ROWS_AT_ONCE: usize = 128;

/// What is read without the rest of the store, so by several threads.
#[derive(Clone, Copy)]
pub(super) struct Rows<'d> {
    pub(super) db: &'d DB,
    pub(super) at: &'d str,
}

impl<'d> Rows<'d> {
    pub(super) fn json<'b, T: Deserialize<'b>>(
        &self,
        bytes: &'b [u8],
        what: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_slice(bytes).map_err(|error| {
            StoreError::corrupt(format!("{what} cannot be read ({error})"), self.at)
        })
    }

    pub(super) fn node(&self, id: NodeId) -> Result<Node, StoreError> {
        let family = handle(self.db, self.at, NODES)?;
        let found = self
            .db
            .get_pinned_cf_opt(family, id.0.to_be_bytes(), &reading())
            .map_err(StoreError::engine("read"))?;
        self.found(id, found.as_deref())
    }

    pub(super) fn nodes(&self, ids: &[NodeId]) -> Result<Vec<Node>, StoreError> {
        let some = |ids: &[NodeId]| -> Result<Vec<Node>, StoreError> {
            let family = handle(self.db, self.at, NODES)?;
            let keys: Vec<[u8; 8]> = ids.iter().map(|id| id.0.to_be_bytes()).collect();
            let sorted = keys.is_sorted();
            self.db
                .batched_multi_get_cf_opt(family, &keys, sorted, &reading())
                .into_iter()
                .zip(ids)
                .map(|(row, id)| {
                    let row = row.map_err(StoreError::engine("read"))?;
                    self.found(*id, row.as_deref())
                })
                .collect()
        };
        let parts: Vec<Vec<Node>> = ids
            .par_chunks(ROWS_AT_ONCE)
            .map(some)
            .collect::<Result<_, _>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn found(&self, id: NodeId, row: Option<&[u8]>) -> Result<Node, StoreError> {
        let bytes = row.ok_or_else(|| {
            StoreError::corrupt(format!("node {} is named and not there", id.0), self.at)
        })?;
        let NodeRow { node, facts } = self.json(bytes, "a node")?;
        Ok(Node { node, facts })
    }

    pub(super) fn edges(
        &self,
        id: NodeId,
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<EdgeRow>, StoreError> {
        self.scan(&mut self.iterator(direction)?, id, kind)
    }

    pub(super) fn edges_of_each(
        &self,
        ids: &[NodeId],
        direction: Direction,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<Vec<EdgeRow>>, StoreError> {
        let some = |ids: &[NodeId]| -> Result<Vec<Vec<EdgeRow>>, StoreError> {
            let mut rows = self.iterator(direction)?;
            ids.iter()
                .map(|id| self.scan(&mut rows, *id, kind))
                .collect()
        };
        let parts: Vec<Vec<Vec<EdgeRow>>> = ids
            .par_chunks(ROWS_AT_ONCE)
            .map(some)
            .collect::<Result<_, _>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn iterator(&self, direction: Direction) -> Result<DBRawIterator<'d>, StoreError> {
        let name = match direction {
            Direction::Upstream => IN,
            Direction::Downstream => OUT,
        };
        let family = handle(self.db, self.at, name)?;
        Ok(self.db.raw_iterator_cf_opt(family, reading()))
    }

    fn scan(
        &self,
        rows: &mut DBRawIterator<'_>,
        id: NodeId,
        kind: Option<EdgeKind>,
    ) -> Result<Vec<EdgeRow>, StoreError> {
        let mut prefix = id.0.to_be_bytes().to_vec();
        prefix.extend(kind.map(EdgeKind::number));
        rows.seek(&prefix);
        let mut out = Vec::new();
        while let Some((key, value)) = rows.item() {
            if !key.starts_with(&prefix) {
                break;
            }
            let (kind, origin, other) = self.edge_key(key)?;
            out.push(EdgeRow {
                other,
                kind,
                origin,
                facts: self.json(value, "an edge")?,
            });
            rows.next();
        }
        // An iterator that ends may have met an error: it says so only here.
        rows.status().map_err(StoreError::engine("scan"))?;
        Ok(out)
    }

    fn edge_key(&self, key: &[u8]) -> Result<(EdgeKind, Origin, NodeId), StoreError> {
        let bad = || StoreError::corrupt("an edge's key is not one", self.at);
        let key = <[u8; EDGE_KEY_BYTES]>::try_from(key).map_err(|_| bad())?;
        let [_, _, _, _, _, _, _, _, kind, origin, other @ ..] = key;
        Ok((
            EdgeKind::of_number(kind).ok_or_else(bad)?,
            Origin::of_number(origin).ok_or_else(bad)?,
            NodeId(u64::from_be_bytes(other)),
        ))
    }
}
