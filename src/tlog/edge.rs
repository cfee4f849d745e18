//! The right edge of a tree: all that is needed to append to it and to know its root.

use super::hash::Hash;
use super::hash::empty_root;
use super::hash::fold;
use super::tile::TILE_WIDTH;
use super::tile::Tile;
use super::tree::Tiles;

/// Tiles that do not make up the edge of a tree of the size asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tile {tile} holds {found} hashes instead of {expected}")]
pub struct EdgeError {
    /// Its path.
    pub tile: String,
    /// Hashes found.
    pub found: usize,
    /// Hashes that belong there.
    pub expected: u64,
}

/// The partial tile of every level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn empty() -> Self {
        Self {
            size: 0,
            levels: Vec::new(),
        }
    }

    /// Reads the edge of a tree of `size` entries: one tile a level.
    pub fn load<T: Tiles>(tiles: &T, size: u64) -> Result<Self, T::Error>
    where
        T::Error: From<EdgeError>,
    {
        let mut levels = Vec::new();
        for level in 0.. {
            let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            if hashes == 0 {
                break;
            }
            let mut loaded = Vec::new();
            if !hashes.is_multiple_of(TILE_WIDTH)
                && let Some(tile) = Tile::in_tree(level, hashes / TILE_WIDTH, size)
            {
                loaded = tiles.tile(tile)?;
                if loaded.len() as u64 != tile.width {
                    return Err(EdgeError {
                        tile: tile.path(),
                        found: loaded.len(),
                        expected: tile.width,
                    }
                    .into());
                }
            }
            levels.push(loaded);
        }
        Ok(Self { size, levels })
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Leaf hashes of the tile that is not full, the last 255 at most.
    pub fn leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let mut below: Option<Hash> = None;
        for level in &self.levels {
            let mut side_by_side = level.clone();
            side_by_side.extend(below);
            below = fold(&side_by_side);
        }
        below.unwrap_or_else(empty_root)
    }

    /// Appends a leaf hash; the tiles that it completed are added to `full`, lowest level first.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<(Tile, Vec<Hash>)>) {
        self.size += 1;
        let mut carried = Some(leaf);
        let mut level = 0_u8;
        while let Some(hash) = carried.take() {
            let at = usize::from(level);
            if self.levels.len() <= at {
                self.levels.push(Vec::new());
            }
            let Some(tile) = self.levels.get_mut(at) else {
                return;
            };
            tile.push(hash);
            if tile.len() as u64 == TILE_WIDTH {
                carried = fold(tile);
                let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
                let width = TILE_WIDTH;
                let tile = std::mem::take(tile);
                full.push((
                    Tile {
                        level,
                        index,
                        width,
                    },
                    tile,
                ));
                level += 1;
            }
        }
    }

    /// The partial tiles, lowest level first.
    pub fn partial(&self) -> Vec<(Tile, Vec<Hash>)> {
        let numbered = (0_u8..).zip(&self.levels);
        numbered
            .filter(|(_, hashes)| !hashes.is_empty())
            .map(|(level, hashes)| {
                let index = self.size >> (8 * (u32::from(level) + 1));
                let width = hashes.len() as u64;
                let tile = Tile {
                    level,
                    index,
                    width,
                };
                (tile, hashes.clone())
            })
            .collect()
    }
}
