//! What one table of columns learnt from some rows, for another table to learn the same.
//!
//! Workers read different parts of a file, each with a table of its own; the tables' news, learnt
//! in the order of the rows, make up the table of somebody who read the file alone: places and
//! columns in order of first occurrence, with the same counts. Only where a limit on their number
//! comes near could the two differ: that is [`Wide`], and such a file is read alone indeed.

use std::sync::Arc;

use super::Columns;
use super::Found;
use super::NodeId;
use super::Step;
use crate::model::ColumnId;
use crate::read::limits::OBJECT_KEYS_MAX;
use crate::read::limits::PATH_NODES_MAX;

/// A place that is new to a table.
#[derive(Debug, Clone)]
pub(super) struct Born {
    pub(super) parent: NodeId,
    pub(super) step: Step,
    pub(super) key: Box<str>,
}

/// What a table learnt since it was last asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    pub(super) nodes: Vec<Born>,
    pub(super) named: Vec<NodeId>,
}

/// What a table learnt from one batch, in its own numbers.
#[derive(Debug, Default)]
pub(in crate::read) struct News {
    nodes: Vec<Born>,
    columns: Vec<(ColumnId, Arc<str>)>,
    counts: Vec<(ColumnId, Found)>,
    named: Vec<NodeId>,
}

/// What the numbers of one table are in another.
#[derive(Debug)]
pub(in crate::read) struct Map {
    nodes: Vec<NodeId>,
    columns: Vec<ColumnId>,
    same: bool,
}

/// A limit on keys, places or columns is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) struct Wide;

impl Map {
    /// Whether every column has the same number in both tables.
    pub(in crate::read) fn is_same(&self) -> bool {
        self.same
    }

    /// The number of a column that was announced.
    pub(in crate::read) fn column(&self, id: ColumnId) -> ColumnId {
        self.columns.get(id.0 as usize).copied().unwrap_or(id)
    }

    fn node(&self, id: NodeId) -> Result<NodeId, Wide> {
        self.nodes.get(id.0 as usize).copied().ok_or(Wide)
    }
}

impl Columns {
    /// A table that knows what this one knows and keeps a journal of what it learns; the counts
    /// stay with this one.
    pub(in crate::read) fn fork(&self) -> Self {
        let mut fork = self.clone();
        for (_, found) in &mut fork.columns {
            *found = Found::default();
        }
        fork.announced = fork.columns.len();
        fork.journal = Some(Journal::default());
        fork
    }

    /// The numbers of a table that [`Self::fork`] makes.
    pub(in crate::read) fn map(&self) -> Map {
        let count = |len: usize| 0..u32::try_from(len).unwrap_or(u32::MAX);
        Map {
            nodes: count(self.nodes.len()).map(NodeId).collect(),
            columns: count(self.columns.len()).map(ColumnId).collect(),
            same: true,
        }
    }

    /// What was learnt since the last call; `columns` as [`Self::announce`] gave them.
    pub(in crate::read) fn news(&mut self, columns: Vec<(ColumnId, Arc<str>)>) -> News {
        let journal = self
            .journal
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        let mut counts = Vec::new();
        for (id, (_, found)) in (0..).zip(&mut self.columns) {
            if !found.is_nothing() {
                counts.push((ColumnId(id), std::mem::take(found)));
            }
        }
        News {
            nodes: journal.nodes,
            columns,
            counts,
            named: journal.named,
        }
    }

    /// Learns what a fork learnt, batch by batch in the order of the rows.
    pub(in crate::read) fn learn(&mut self, news: News, map: &mut Map) -> Result<(), Wide> {
        for born in news.nodes {
            let parent = map.node(born.parent)?;
            map.nodes.push(self.adopt(parent, &born)?);
        }
        for (local, path) in news.columns {
            let id = if let Some(id) = self.by_path.get(&path) {
                *id
            } else {
                let id = ColumnId(u32::try_from(self.columns.len()).map_err(|_| Wide)?);
                self.columns.push((Arc::clone(&path), Found::default()));
                self.by_path.insert(path, id);
                id
            };
            if self.columns.len() >= self.columns_max {
                return Err(Wide);
            }
            map.columns.push(id);
            map.same &= local == id;
        }
        for (local, found) in news.counts {
            let id = map.column(local);
            if let Some((_, known)) = self.columns.get_mut(id.0 as usize) {
                known.add(found);
            }
        }
        for node in news.named {
            self.name_models(map.node(node)?);
        }
        Ok(())
    }

    fn adopt(&mut self, parent: NodeId, born: &Born) -> Result<NodeId, Wide> {
        // A number that no object of a row has.
        const NO_OBJECT: u64 = u64::MAX - 1;
        let node = self.node(parent);
        if born.step != Step::Key {
            if born.step == Step::Folded && node.keys.len() >= OBJECT_KEYS_MAX {
                return Err(Wide);
            }
            let child = self.special(parent, born.step).map_err(|_| Wide)?;
            return self.with_room(child);
        }
        if let Some(child) = self.known_key(parent, &born.key) {
            return Ok(child);
        }
        if node.keys.len() + 1 >= OBJECT_KEYS_MAX {
            return Err(Wide);
        }
        let child = self.key(parent, &born.key, NO_OBJECT).map_err(|_| Wide)?;
        self.with_room(child)
    }

    fn with_room(&self, child: NodeId) -> Result<NodeId, Wide> {
        if self.nodes.len() >= PATH_NODES_MAX {
            return Err(Wide);
        }
        Ok(child)
    }
}

impl Found {
    fn is_nothing(&self) -> bool {
        self.scanned + self.exempt + self.tokens + self.binary + self.other == 0
    }

    fn add(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.exempt += other.exempt;
        self.tokens += other.tokens;
        self.binary += other.binary;
        self.other += other.other;
    }
}
