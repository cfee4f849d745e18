//! Roots and proofs, computed from tiles.

use super::hash::Hash;
use super::hash::empty_root;
use super::hash::fold;
use super::hash::node_hash;
use super::hash::split;
use super::tile::TILE_WIDTH;
use super::tile::Tile;

/// Where tiles come from.
pub trait Tiles {
    /// What reading one can fail with.
    type Error;

    /// The hashes of a tile, exactly `tile.width` of them.
    fn tile(&self, tile: Tile) -> Result<Vec<Hash>, Self::Error>;
}

/// A proof that was asked for cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Beyond the end of the tree.
    #[error("{asked} lies beyond a tree of {size} entries")]
    Beyond {
        /// Entry or size that was asked for.
        asked: u64,
        /// Entries in the tree.
        size: u64,
    },
    /// A tile holds fewer hashes than it should.
    #[error("tile {tile} holds fewer hashes than a tree of {size} entries has there")]
    Short {
        /// Its path.
        tile: String,
        /// Entries in the tree.
        size: u64,
    },
}

/// A tree of a certain size over tiles.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'t, T> {
    tiles: &'t T,
    size: u64,
}

impl<'t, T: Tiles> Tree<'t, T>
where
    T::Error: From<TreeError>,
{
    /// The first `size` entries.
    pub fn new(tiles: &'t T, size: u64) -> Self {
        Self { tiles, size }
    }

    /// Root.
    pub fn root(&self) -> Result<Hash, T::Error> {
        self.root_at(self.size)
    }

    /// Root of the tree of the first `old` entries, of which this one has no fewer.
    pub fn root_at(&self, old: u64) -> Result<Hash, T::Error> {
        match old {
            0 => Ok(empty_root()),
            old if old > self.size => Err(self.beyond(old)),
            old => self.range(0, old),
        }
    }

    /// Proof that the entry `index` is in the tree, from the leaf's neighbour up (RFC 6962, 2.1.1).
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, T::Error> {
        if index >= self.size {
            return Err(self.beyond(index));
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, self.size);
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Proof that the tree of the first `old` entries is where this one grew from (RFC 6962,
    /// 2.1.2). Empty for nothing and for the tree itself.
    pub fn consistency(&self, old: u64) -> Result<Vec<Hash>, T::Error> {
        if old > self.size {
            return Err(self.beyond(old));
        }
        let mut path = Vec::new();
        if old == 0 || old == self.size {
            return Ok(path);
        }
        let (mut start, mut end) = (0, self.size);
        // Whether what is left is the old tree whole: its root is known to the verifier then.
        let mut whole = true;
        while old != end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Ok(path)
    }

    /// Hash over the entries `start..end`, a subtree of the tree.
    fn range(&self, start: u64, end: u64) -> Result<Hash, T::Error> {
        let len = end - start;
        if len.is_power_of_two() {
            return self.subtree(len.trailing_zeros(), start);
        }
        let middle = start + split(len);
        Ok(node_hash(
            self.range(start, middle)?,
            self.range(middle, end)?,
        ))
    }

    /// Hash over the `2^height` entries from `start`, a multiple of that.
    fn subtree(&self, height: u32, start: u64) -> Result<Hash, T::Error> {
        let level = height / 8;
        let first = start >> (8 * level);
        let count = 1 << (height % 8);
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let tile = Tile::in_tree(level, first / TILE_WIDTH, self.size)
            .ok_or_else(|| self.beyond(start))?;
        let hashes = self.tiles.tile(tile)?;
        let from = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        hashes
            .get(from..from.saturating_add(count))
            .and_then(fold)
            .ok_or_else(|| {
                T::Error::from(TreeError::Short {
                    tile: tile.path(),
                    size: self.size,
                })
            })
    }

    fn beyond(&self, asked: u64) -> T::Error {
        let size = self.size;
        TreeError::Beyond { asked, size }.into()
    }
}
