//! Which hashes and entries stand in which file.

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Levels that a tree of 2^64 entries has.
const LEVELS: u8 = 8;

/// A run of hashes of one level. Level 0 holds leaf hashes, each level above the root of every
/// full tile below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// Level, from 0.
    pub level: u8,
    /// Number in its level, from 0.
    pub index: u64,
    /// Hashes in it, 1 to 256; fewer than 256 is a partial tile.
    pub width: u64,
}

/// A run of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bundle {
    /// Number, from 0; the first entry is 256 times that.
    pub index: u64,
    /// Entries in it, 1 to 256.
    pub width: u64,
}

impl Tile {
    /// The tile of a level in a tree of `size` entries; `None` where that tree has none.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level >= LEVELS {
            return None;
        }
        let hashes = size >> (8 * u32::from(level));
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = hashes.checked_sub(before)?.min(TILE_WIDTH);
        (width > 0).then_some(Self {
            level,
            index,
            width,
        })
    }

    /// Path below the log's folder, with `/`.
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, place(self.index, self.width))
    }

    /// Reads a path that [`Tile::path`] wrote; every other spelling is none.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = LEVEL_NAMES.iter().position(|name| *name == level)?;
        let (index, width) = parse_place(rest)?;
        let tile = Self {
            level: u8::try_from(level).map_or(LEVELS, |level| level),
            index,
            width,
        };
        (tile.path() == path).then_some(tile)
    }
}

const LEVEL_NAMES: [&str; LEVELS as usize] = ["0", "1", "2", "3", "4", "5", "6", "7"];

impl Bundle {
    /// The bundle that holds the entry `at` in a tree of `size` entries; `None` beyond its end.
    pub fn of_entry(at: u64, size: u64) -> Option<Self> {
        let index = at / TILE_WIDTH;
        let tile = Tile::in_tree(0, index, size)?;
        (at < size).then_some(Self {
            index,
            width: tile.width,
        })
    }

    /// Path below the log's folder, with `/`.
    pub fn path(self) -> String {
        format!("tile/entries/{}", place(self.index, self.width))
    }

    /// Reads a path that [`Bundle::path`] wrote; every other spelling is none.
    pub fn parse(path: &str) -> Option<Self> {
        let (index, width) = parse_place(path.strip_prefix("tile/entries/")?)?;
        let bundle = Self { index, width };
        (bundle.path() == path).then_some(bundle)
    }

    /// Number of its first entry.
    pub fn start(self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH)
    }
}

/// Every tile of a tree, level by level.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    (0..LEVELS)
        .flat_map(move |level| (0..).map_while(move |index| Tile::in_tree(level, index, size)))
}

/// Groups of three digits, all but the last behind an `x`, then the width of a partial one.
fn place(index: u64, width: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH {
        path = format!("{path}.p/{width}");
    }
    path
}

/// The reverse of [`place`], without judging the spelling: the caller writes it again and compares.
fn parse_place(path: &str) -> Option<(u64, u64)> {
    let (index, width) = match path.split_once(".p/") {
        None => (path, TILE_WIDTH),
        Some((index, width)) => (index, number(width)?),
    };
    let mut total: u64 = 0;
    for group in index.split('/') {
        let group = number(group.strip_prefix('x').unwrap_or(group))?;
        total = total.checked_mul(1000)?.checked_add(group)?;
    }
    (1..=TILE_WIDTH).contains(&width).then_some((total, width))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Some(number),
        _ => None,
    }
}
