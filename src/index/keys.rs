//! Every byte layout of the index: keys, values and the filter file; encode and decode.
//!
//! Integers are big-endian, so that key order is value order; `varint` is unsigned LEB128.
//! `docs/index-format.md` describes the same bytes in prose and is compared with [`LAYOUT`] by a
//! test. Nothing here does I/O; a decoder never panics and refuses trailing bytes.

use super::bytes::Cursor;
use super::bytes::Malformed;
use super::bytes::put_text;
use super::bytes::put_varint;
use super::set_hash::SetHash;

pub use super::bucket::BucketBuilder;
pub use super::bucket::BucketReader;
pub use super::bucket::TextList;

/// First bytes of the format row.
pub const MAGIC: [u8; 8] = *b"HERDBOOK";
/// Version of everything this file lays out. An index of another version is refused.
pub const FORMAT_VERSION: u32 = 2;
/// First bytes of a filter file.
pub const FILTER_MAGIC: [u8; 8] = *b"HBLINE16";

/// Column family of the format, state, intent and segment rows.
pub const META: &str = "meta";
/// Column family of the source rows.
pub const SOURCES: &str = "sources";
/// Column family that maps source names to numbers.
pub const NAMES: &str = "names";
/// Column family of the text rows.
pub const TEXTS: &str = "texts";
/// Column family of the claims.
pub const CLAIMS: &str = "claims";
/// Column family of the posting buckets.
pub const POSTINGS: &str = "postings";
/// All column families, in the order they are created.
pub const COLUMN_FAMILIES: [&str; 6] = [META, SOURCES, NAMES, TEXTS, CLAIMS, POSTINGS];

/// Key of the format row in `meta`.
pub const FORMAT_KEY: [u8; 1] = [0x01];
/// Key of the state row in `meta`.
pub const STATE_KEY: [u8; 1] = [0x02];
/// First byte of a segment row's key in `meta`.
pub const SEGMENT_TAG: u8 = 0x03;
/// Key of the intent row in `meta`.
pub const INTENT_KEY: [u8; 1] = [0x04];

/// Largest text number. Chosen: two bits of a varint carry flags, and 2^60 texts cannot exist.
pub const TEXT_ID_MAX: u64 = 1 << 60;

/// Name, key layout and value layout of every kind of row, as `docs/index-format.md` has them.
pub const LAYOUT: &[(&str, &str, &str, &str)] = &[
    (
        META,
        "format",
        "0x01",
        "magic 8 | version u32 | guarantee_bytes u32 | key_check 16 | recipe u16+bytes | unicode u16+bytes",
    ),
    (
        META,
        "state",
        "0x02",
        "epoch u64 | next_text u64 | next_source u32 | next_segment u32 | live_sources u32 | records u64 | claims u64 | set_hash 32 | op u8 | op_source u32 | op_time u16+bytes",
    ),
    (
        META,
        "segment",
        "0x03 | segment u32",
        "bucket_bits u8 | base_text u64 | entries u64 | postings u64 | table_bytes u64 | filter_bytes u64 | filter_blake3 32",
    ),
    (
        META,
        "intent",
        "0x04",
        "source u32 | segment u32 | first_text u64",
    ),
    (SOURCES, "source", "source u32", "JSON object"),
    (NAMES, "name", "UTF-8 bytes", "source u32"),
    (
        TEXTS,
        "text",
        "text u64",
        "exact 16 | normal_bytes varint | words varint | word_hash u8 each, or for words 0: nothing, or counted varint | own varint",
    ),
    (
        CLAIMS,
        "claims",
        "text u64 | source u32",
        "repeated: file varint | row varint | column varint | model+1 varint",
    ),
    (
        POSTINGS,
        "bucket",
        "segment u32 | bucket u32",
        "count varint | text_bits u8 | bits: gap, list of each entry",
    ),
];

/// What the index was made with; compared at every open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatRow {
    /// Version of the layout.
    pub version: u32,
    /// Guaranteed run in bytes of the normal form.
    pub guarantee_bytes: u32,
    /// Proof of the fingerprint key.
    pub key_check: [u8; 16],
    /// Recipe id.
    pub recipe: String,
    /// Unicode version of the normal form.
    pub unicode: String,
}

impl FormatRow {
    /// Bytes of the row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.guarantee_bytes.to_be_bytes());
        out.extend_from_slice(&self.key_check);
        put_text(&mut out, &self.recipe);
        put_text(&mut out, &self.unicode);
        out
    }

    /// Reads the row; of another version only the version is known.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array::<8>("format row")? != MAGIC {
            return Err(Malformed("the magic number is not herdbook's"));
        }
        let version = cursor.u32("format row")?;
        if version != FORMAT_VERSION {
            return Ok(Self {
                version,
                guarantee_bytes: 0,
                key_check: [0; 16],
                recipe: String::new(),
                unicode: String::new(),
            });
        }
        let row = Self {
            version,
            guarantee_bytes: cursor.u32("format row")?,
            key_check: cursor.array("format row")?,
            recipe: cursor.text("format row")?,
            unicode: cursor.text("format row")?,
        };
        cursor.end("format row")?;
        Ok(row)
    }
}

/// What the last commit did; enough to write its audit-log entry after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The index was made.
    Init,
    /// A source was registered.
    Register,
    /// A source was withdrawn.
    Withdraw,
    /// Nothing changed; the index was sealed again.
    Seal,
}

impl Op {
    /// The word in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Register => "register",
            Self::Withdraw => "withdraw",
            Self::Seal => "seal",
        }
    }

    /// Parses the word of the audit log.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Init, Self::Register, Self::Withdraw, Self::Seal]
            .into_iter()
            .find(|op| op.as_str() == word)
    }

    fn code(self) -> u8 {
        match self {
            Self::Init => 1,
            Self::Register => 2,
            Self::Withdraw => 3,
            Self::Seal => 4,
        }
    }

    fn from_code(code: u8) -> Result<Self, Malformed> {
        match code {
            1 => Ok(Self::Init),
            2 => Ok(Self::Register),
            3 => Ok(Self::Withdraw),
            4 => Ok(Self::Seal),
            _ => Err(Malformed("operation code of the state row")),
        }
    }
}

/// Counters and the last commit; written in the batch that is the commit point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// Number of the last commit, from 1; equals the sequence number of its audit-log entry.
    pub epoch: u64,
    /// Number the next new text gets; all numbers below are taken.
    pub next_text: u64,
    /// Number the next source gets.
    pub next_source: u32,
    /// Number the next segment gets.
    pub next_segment: u32,
    /// Sources registered and not withdrawn.
    pub live_sources: u32,
    /// Records of the sources not withdrawn.
    pub records: u64,
    /// Claims stored, those of withdrawn sources included.
    pub claims: u64,
    /// Order-independent digest over all texts and claims.
    pub set_hash: SetHash,
    /// What the last commit did.
    pub op: Op,
    /// The source it did it to; `u32::MAX` for none.
    pub op_source: u32,
    /// When, RFC 3339.
    pub op_time: String,
}

impl StateRow {
    /// Bytes of the row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.next_text.to_be_bytes());
        out.extend_from_slice(&self.next_source.to_be_bytes());
        out.extend_from_slice(&self.next_segment.to_be_bytes());
        out.extend_from_slice(&self.live_sources.to_be_bytes());
        out.extend_from_slice(&self.records.to_be_bytes());
        out.extend_from_slice(&self.claims.to_be_bytes());
        out.extend_from_slice(&self.set_hash.to_bytes());
        out.push(self.op.code());
        out.extend_from_slice(&self.op_source.to_be_bytes());
        put_text(&mut out, &self.op_time);
        out
    }

    /// Reads the row.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "state row";
        let mut cursor = Cursor::new(bytes);
        let row = Self {
            epoch: cursor.u64(WHAT)?,
            next_text: cursor.u64(WHAT)?,
            next_source: cursor.u32(WHAT)?,
            next_segment: cursor.u32(WHAT)?,
            live_sources: cursor.u32(WHAT)?,
            records: cursor.u64(WHAT)?,
            claims: cursor.u64(WHAT)?,
            set_hash: SetHash::from_bytes(cursor.array(WHAT)?),
            op: Op::from_code(cursor.u8(WHAT)?)?,
            op_source: cursor.u32(WHAT)?,
            op_time: cursor.text(WHAT)?,
        };
        cursor.end(WHAT)?;
        Ok(row)
    }
}

/// One immutable set of posting buckets with its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// The segment has `2^bucket_bits` buckets; the top bits of a hash name its bucket.
    pub bucket_bits: u8,
    /// Smallest text number; the lists count from it.
    pub base_text: u64,
    /// Distinct hashes.
    pub entries: u64,
    /// Pairs of hash and text, before lists were capped.
    pub postings: u64,
    /// Bytes of its table files when written.
    pub table_bytes: u64,
    /// Bytes of its filter file.
    pub filter_bytes: u64,
    /// BLAKE3 of its filter file.
    pub filter_blake3: [u8; 32],
}

/// Most bits a bucket number may have. Chosen: 2^30 buckets of 128 entries are 10^11 entries.
pub const BUCKET_BITS_MAX: u8 = 30;

impl SegmentRow {
    /// Bytes of the row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(73);
        out.push(self.bucket_bits);
        for value in [
            self.base_text,
            self.entries,
            self.postings,
            self.table_bytes,
            self.filter_bytes,
        ] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&self.filter_blake3);
        out
    }

    /// Reads the row.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "segment row";
        let mut cursor = Cursor::new(bytes);
        let row = Self {
            bucket_bits: cursor.u8(WHAT)?,
            base_text: cursor.u64(WHAT)?,
            entries: cursor.u64(WHAT)?,
            postings: cursor.u64(WHAT)?,
            table_bytes: cursor.u64(WHAT)?,
            filter_bytes: cursor.u64(WHAT)?,
            filter_blake3: cursor.array(WHAT)?,
        };
        if row.bucket_bits > BUCKET_BITS_MAX {
            return Err(Malformed("bucket bits of the segment row"));
        }
        cursor.end(WHAT)?;
        Ok(row)
    }
}

/// Key of a segment row.
pub fn segment_key(segment: u32) -> [u8; 5] {
    let mut key = [SEGMENT_TAG, 0, 0, 0, 0];
    if let Some(tail) = key.last_chunk_mut::<4>() {
        *tail = segment.to_be_bytes();
    }
    key
}

/// Reads a segment row's key.
pub fn decode_segment_key(key: &[u8]) -> Result<u32, Malformed> {
    let mut cursor = Cursor::new(key);
    if cursor.u8("segment key")? != SEGMENT_TAG {
        return Err(Malformed("segment key"));
    }
    let segment = cursor.u32("segment key")?;
    cursor.end("segment key")?;
    Ok(segment)
}

/// Numbers a registration is about to use, so that what a crash leaves can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntentRow {
    /// Source number.
    pub source: u32,
    /// Segment number.
    pub segment: u32,
    /// First text number.
    pub first_text: u64,
}

impl IntentRow {
    /// Bytes of the row.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        out.extend_from_slice(&self.source.to_be_bytes());
        out.extend_from_slice(&self.segment.to_be_bytes());
        out.extend_from_slice(&self.first_text.to_be_bytes());
        out
    }

    /// Reads the row.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "intent row";
        let mut cursor = Cursor::new(bytes);
        let row = Self {
            source: cursor.u32(WHAT)?,
            segment: cursor.u32(WHAT)?,
            first_text: cursor.u64(WHAT)?,
        };
        cursor.end(WHAT)?;
        Ok(row)
    }
}

/// Key of a text row.
pub fn text_key(text: u64) -> [u8; 8] {
    text.to_be_bytes()
}

/// Reads a text row's key.
pub fn decode_text_key(key: &[u8]) -> Result<u64, Malformed> {
    let mut cursor = Cursor::new(key);
    let text = cursor.u64("text key")?;
    cursor.end("text key")?;
    Ok(text)
}

/// A registered text without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    /// Keyed 128-bit digest of the normal form.
    pub exact: [u8; 16],
    /// Bytes of the normal form.
    pub normal_bytes: u32,
    /// One keyed byte per word, in order; 0 is a word that is no evidence.
    pub words: Box<[u8]>,
    /// How many words there are, where none of their bytes came along: the text was shared as a
    /// fingerprint, whose word bytes cannot be put under another key. `words` is empty then.
    pub counted: Option<WordCount>,
}

/// Words of a text that are counted and not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordCount {
    /// All words.
    pub words: u32,
    /// Those that are evidence; no more than all.
    pub own: u32,
}

impl TextRow {
    /// Appends the bytes of a row.
    pub fn put(out: &mut Vec<u8>, exact: &[u8; 16], normal_bytes: u32, words: u32, bytes: &[u8]) {
        out.extend_from_slice(exact);
        put_varint(out, u64::from(normal_bytes));
        put_varint(out, u64::from(words));
        out.extend_from_slice(bytes);
    }

    /// Appends the bytes of a row whose words are only counted.
    pub fn put_counted(out: &mut Vec<u8>, exact: &[u8; 16], normal_bytes: u32, counted: WordCount) {
        Self::put(out, exact, normal_bytes, 0, &[]);
        put_varint(out, u64::from(counted.words));
        put_varint(out, u64::from(counted.own));
    }

    /// Reads a row.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "text row";
        let mut cursor = Cursor::new(bytes);
        let exact = cursor.array(WHAT)?;
        let normal_bytes = cursor.varint_u32(WHAT)?;
        let count = usize::try_from(cursor.varint_u32(WHAT)?).map_err(|_| Malformed(WHAT))?;
        let words = cursor.take(count, WHAT)?.into();
        let counted = if count > 0 || cursor.is_empty() {
            None
        } else {
            let counted = WordCount {
                words: cursor.varint_u32(WHAT)?,
                own: cursor.varint_u32(WHAT)?,
            };
            if counted.own > counted.words {
                return Err(Malformed(WHAT));
            }
            Some(counted)
        };
        cursor.end(WHAT)?;
        Ok(Self {
            exact,
            normal_bytes,
            words,
            counted,
        })
    }
}

/// Key of the claims that one source makes on one text.
pub fn claims_key(text: u64, source: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&text.to_be_bytes());
    tail.copy_from_slice(&source.to_be_bytes());
    key
}

/// Reads a claims key: text, source.
pub fn decode_claims_key(key: &[u8]) -> Result<(u64, u32), Malformed> {
    let mut cursor = Cursor::new(key);
    let out = (cursor.u64("claims key")?, cursor.u32("claims key")?);
    cursor.end("claims key")?;
    Ok(out)
}

/// Where one record of a source stands, and who is said to have written it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackedClaim {
    /// Index into the source's files.
    pub file: u32,
    /// 0-based row in that file.
    pub row: u64,
    /// Index into the source's columns.
    pub column: u32,
    /// Index into the source's models; `None` when nobody claimed a model.
    pub model: Option<u32>,
}

impl PackedClaim {
    /// Appends one claim.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.file));
        put_varint(out, self.row);
        put_varint(out, u64::from(self.column));
        put_varint(out, self.model.map_or(0, |model| u64::from(model) + 1));
    }

    /// Reads all claims of a value.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        const WHAT: &str = "claims";
        let mut cursor = Cursor::new(bytes);
        let mut out = Vec::new();
        while !cursor.is_empty() {
            out.push(Self {
                file: cursor.varint_u32(WHAT)?,
                row: cursor.varint(WHAT)?,
                column: cursor.varint_u32(WHAT)?,
                model: match cursor.varint(WHAT)? {
                    0 => None,
                    model => Some(u32::try_from(model - 1).map_err(|_| Malformed(WHAT))?),
                },
            });
        }
        if out.is_empty() {
            Err(Malformed("claims without a claim"))
        } else {
            Ok(out)
        }
    }
}

/// A gram or entry as the index keeps it: its upper 48 bits.
///
/// Until fingerprints come with their low 16 bits zero, this makes them so wherever one enters;
/// then it only says what is expected.
#[inline]
pub fn gram_key(hash: u64) -> u64 {
    hash & !0xffff
}

/// Key of a bucket.
pub fn bucket_key(segment: u32, bucket: u32) -> [u8; 8] {
    ((u64::from(segment) << 32) | u64::from(bucket)).to_be_bytes()
}

/// Reads a bucket's key: segment, bucket.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
pub fn decode_bucket_key(key: &[u8]) -> Result<(u32, u32), Malformed> {
    let mut cursor = Cursor::new(key);
    let both = cursor.u64("bucket key")?;
    cursor.end("bucket key")?;
    Ok(((both >> 32) as u32, both as u32))
}

/// The bucket of a hash: its top `bits` bits.
#[expect(clippy::cast_possible_truncation, reason = "at most 30 bits are left")]
pub fn bucket_of(hash: u64, bits: u8) -> u32 {
    hash.checked_shr(64 - u32::from(bits)).unwrap_or(0) as u32
}

/// The smallest hash of a bucket.
pub fn bucket_start(bucket: u32, bits: u8) -> u64 {
    u64::from(bucket)
        .checked_shl(64 - u32::from(bits))
        .unwrap_or(0)
}

/// Head of a filter file: magic 8 | version u32 | segment u32 | levels u32 | entries u64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterHead {
    /// Segment the filter belongs to.
    pub segment: u32,
    /// Levels; none without entries.
    pub levels: u32,
    /// Distinct hashes.
    pub entries: u64,
}

/// Head of one level: lines u64 | keys u64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelHead {
    /// Lines of the level.
    pub lines: u64,
    /// Keys it was given: all on the first level, then those bumped from the one before.
    pub keys: u64,
}

/// Bytes of [`FilterHead`].
pub const FILTER_HEAD_BYTES: usize = 28;
/// Bytes of [`LevelHead`].
pub const LEVEL_HEAD_BYTES: usize = 16;
/// Most levels a filter may have. Chosen: 5·10^11 keys need six; hashes that need more are not
/// spread, which keyed grams are.
pub const LEVELS_MAX: u32 = 12;

impl FilterHead {
    /// Bytes of the head.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FILTER_HEAD_BYTES);
        out.extend_from_slice(&FILTER_MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        out.extend_from_slice(&self.segment.to_be_bytes());
        out.extend_from_slice(&self.levels.to_be_bytes());
        out.extend_from_slice(&self.entries.to_be_bytes());
        out
    }

    /// Reads the head.
    pub fn decode(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "filter head";
        if cursor.array::<8>(WHAT)? != FILTER_MAGIC {
            return Err(Malformed("filter magic"));
        }
        if cursor.u32(WHAT)? != FORMAT_VERSION {
            return Err(Malformed("filter version"));
        }
        let head = Self {
            segment: cursor.u32(WHAT)?,
            levels: cursor.u32(WHAT)?,
            entries: cursor.u64(WHAT)?,
        };
        if head.levels > LEVELS_MAX || (head.levels == 0) != (head.entries == 0) {
            Err(Malformed(WHAT))
        } else {
            Ok(head)
        }
    }
}

impl LevelHead {
    /// Appends the head.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.lines.to_be_bytes());
        out.extend_from_slice(&self.keys.to_be_bytes());
    }

    /// Reads the head.
    pub fn decode(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "filter level";
        let head = Self {
            lines: cursor.u64(WHAT)?,
            keys: cursor.u64(WHAT)?,
        };
        if head.lines == 0 || head.keys == 0 {
            Err(Malformed(WHAT))
        } else {
            Ok(head)
        }
    }
}
