//! The prepared units of one batch as bytes, and back. `docs/index-format.md` has the layout.
//!
//! Six columns, so that what is alike stands together and a turn's grams, which are those of the
//! whole text over again, shrink to a reference. Reading checks every length before it makes room:
//! what comes out takes a small multiple of what went in.

use std::io::Read as _;

use serde::Deserialize;
use serde::Serialize;

use super::super::matching::Piece;
use super::super::matching::Prepared;
use super::super::matching::PreparedStream;
use crate::fingerprint::ExactDigest;
use crate::fingerprint::Gram;
use crate::model::ColumnId;
use crate::model::Integrity;

/// Most bytes of one batch, unpacked. Chosen: many times what the text of a batch may come to.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// Compression level. Chosen: the default of zstd; most of what is kept is random to it.
const LEVEL: i32 = 3;

/// Columns of the layout.
const COLUMNS: usize = 6;
/// Bytes of a gram's id: the upper 48 bits.
const ID_BYTES: usize = 6;
const ID_SHIFT: u32 = 16;

const ECHOES: u8 = 1;
const INVISIBLE: u8 = 1;
const BIDI: u8 = 2;
const LOOK_ALIKE: u8 = 4;

/// What is kept of the units of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchSketch {
    /// Columns of the units. The packed bytes name each by its place here, so that columns can be
    /// numbered otherwise.
    pub columns: Vec<ColumnId>,
    /// The units, packed.
    pub packed: Vec<u8>,
}

/// One unit with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptUnit {
    /// Row relative to the batch.
    pub row: u32,
    /// Number within the row.
    pub ordinal: u32,
    /// Place in [`BatchSketch::columns`].
    pub column: u32,
    /// What matching asks for.
    pub unit: Prepared,
}

/// Packs units, which are in order of their rows.
pub(crate) fn pack(units: &[KeptUnit]) -> Result<Vec<u8>, String> {
    let mut out = Columns::default();
    put(&mut out.heads, units.len() as u64);
    let mut row = 0;
    for unit in units {
        let rows = unit.row.checked_sub(row).ok_or("rows are out of order")?;
        row = unit.row;
        for number in [rows, unit.ordinal, unit.column] {
            put(&mut out.heads, u64::from(number));
        }
        put(&mut out.heads, unit.unit.pieces.len() as u64);
        for piece in &unit.unit.pieces {
            out.heads.push(if piece.echoes { ECHOES } else { 0 });
            put(&mut out.heads, piece.streams.len() as u64);
            for stream in &piece.streams {
                out.stream(stream)?;
            }
        }
    }
    let columns = out.all();
    let mut bytes = Vec::new();
    for column in columns {
        let length = u32::try_from(column.len()).map_err(|_| too_large())?;
        bytes.extend(length.to_le_bytes());
    }
    for column in columns {
        bytes.extend_from_slice(column);
    }
    if bytes.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(too_large());
    }
    zstd::bulk::compress(&bytes, LEVEL).map_err(|error| error.to_string())
}

fn too_large() -> String {
    format!("the sketches of one batch have more than {UNPACKED_BYTES_MAX} bytes")
}

#[derive(Default)]
struct Columns {
    heads: Vec<u8>,
    exact: Vec<u8>,
    ids: Vec<u8>,
    places: Vec<u8>,
    words: Vec<u8>,
    lengths: Vec<u8>,
}

impl Columns {
    fn all(&self) -> [&[u8]; COLUMNS] {
        [
            &self.heads,
            &self.exact,
            &self.ids,
            &self.places,
            &self.words,
            &self.lengths,
        ]
    }

    fn stream(&mut self, stream: &PreparedStream) -> Result<(), String> {
        let Integrity {
            invisible,
            bidi,
            look_alike,
        } = stream.integrity;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        self.heads
            .push(flag(invisible, INVISIBLE) | flag(bidi, BIDI) | flag(look_alike, LOOK_ALIKE));
        put(&mut self.heads, u64::from(stream.bytes));
        put(&mut self.heads, stream.grams.len() as u64);
        put(&mut self.heads, stream.words.len() as u64);
        self.exact.extend_from_slice(&stream.exact.0);
        for gram in &stream.grams {
            let id = (gram.id >> ID_SHIFT).to_le_bytes();
            self.ids.extend(id.iter().take(ID_BYTES));
        }
        if stream.words.len() != stream.word_starts.len() {
            return Err("a text has words without a place".to_owned());
        }
        self.words.extend_from_slice(&stream.words);
        let places = stream.grams.iter().map(|gram| gram.at);
        steps(&mut self.places, places)?;
        steps(&mut self.lengths, stream.word_starts.iter().copied())
    }
}

/// Appends ascending numbers, each as the step from the one before.
fn steps(out: &mut Vec<u8>, ascending: impl Iterator<Item = u32>) -> Result<(), String> {
    let mut before = 0;
    for number in ascending {
        let step = number
            .checked_sub(before)
            .ok_or("places are out of order")?;
        put(out, u64::from(step));
        before = number;
    }
    Ok(())
}

/// Appends a number, seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Unpacks what [`pack`] made, `columns` of which the units may name.
pub(crate) fn unpack(packed: &[u8], columns: usize) -> Result<Vec<KeptUnit>, String> {
    unpack_within(packed, columns, UNPACKED_BYTES_MAX)
}

fn unpack_within(packed: &[u8], columns: usize, most: u64) -> Result<Vec<KeptUnit>, String> {
    let mut bytes = Vec::new();
    zstd::stream::Decoder::new(packed)
        .and_then(|decoder| decoder.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    let mut rest = Left(&bytes);
    let mut lengths = [0; COLUMNS];
    for length in &mut lengths {
        *length = u32::from_le_bytes(rest.array()?) as usize;
    }
    let [heads, exact, ids, places, words, starts] = lengths;
    let mut kept = Kept {
        heads: Left(rest.take(heads)?),
        exact: Left(rest.take(exact)?),
        ids: Left(rest.take(ids)?),
        places: Left(rest.take(places)?),
        words: Left(rest.take(words)?),
        lengths: Left(rest.take(starts)?),
    };
    rest.end()?;
    let units = kept.units(columns)?;
    for column in [
        kept.heads,
        kept.exact,
        kept.ids,
        kept.places,
        kept.words,
        kept.lengths,
    ] {
        column.end()?;
    }
    Ok(units)
}

/// What is still to be read of a column.
#[derive(Clone, Copy)]
struct Left<'b>(&'b [u8]);

const ENDS_EARLY: &str = "it ends early";

impl<'b> Left<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.0.split_first_chunk().ok_or(ENDS_EARLY)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<u32, String> {
        let mut number: u64 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).map_err(|_| "a number is too large".to_owned());
            }
        }
        Err("a number is too long".to_owned())
    }

    /// A number of things of which each takes `bytes` of this column, one at least.
    fn room(&self, count: u32, bytes: usize) -> Result<usize, String> {
        let count = count as usize;
        if count <= self.0.len() / bytes {
            Ok(count)
        } else {
            Err(ENDS_EARLY.to_owned())
        }
    }

    fn end(self) -> Result<(), String> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err("something follows its end".to_owned())
        }
    }
}

/// The columns on the way back.
struct Kept<'b> {
    heads: Left<'b>,
    exact: Left<'b>,
    ids: Left<'b>,
    places: Left<'b>,
    words: Left<'b>,
    lengths: Left<'b>,
}

impl Kept<'_> {
    fn units(&mut self, columns: usize) -> Result<Vec<KeptUnit>, String> {
        let count = self.heads.number()?;
        let mut units = Vec::with_capacity(self.heads.room(count, 4)?);
        let mut row: u32 = 0;
        for _ in 0..count {
            row = row
                .checked_add(self.heads.number()?)
                .ok_or("a row is too large")?;
            let ordinal = self.heads.number()?;
            let column = self.heads.number()?;
            if column as usize >= columns {
                return Err("a unit names no column".to_owned());
            }
            let pieces = self.heads.number()?;
            let mut unit = Prepared {
                pieces: Vec::with_capacity(self.heads.room(pieces, 2)?),
            };
            for _ in 0..pieces {
                unit.pieces.push(self.piece()?);
            }
            units.push(KeptUnit {
                row,
                ordinal,
                column,
                unit,
            });
        }
        Ok(units)
    }

    fn piece(&mut self) -> Result<Piece, String> {
        let [flags] = self.heads.array()?;
        let count = self.heads.number()?;
        if flags & !ECHOES != 0 || count > 2 {
            return Err("a piece of a text is of no known kind".to_owned());
        }
        let streams = (0..count).map(|_| self.stream());
        Ok(Piece {
            echoes: flags == ECHOES,
            streams: streams.collect::<Result<_, _>>()?,
        })
    }

    fn stream(&mut self) -> Result<PreparedStream, String> {
        let [flags] = self.heads.array()?;
        if flags & !(INVISIBLE | BIDI | LOOK_ALIKE) != 0 {
            return Err("a text is of no known kind".to_owned());
        }
        let bytes = self.heads.number()?;
        let grams = self.heads.number()?;
        let words = self.heads.number()?;
        let exact = ExactDigest(self.exact.array()?);
        let grams = self.grams(grams)?;
        let words = self.words.take(words as usize)?.to_vec();
        let word_starts = ascending(&mut self.lengths, words.len())?;
        Ok(PreparedStream {
            integrity: Integrity {
                invisible: flags & INVISIBLE != 0,
                bidi: flags & BIDI != 0,
                look_alike: flags & LOOK_ALIKE != 0,
            },
            bytes,
            exact,
            grams,
            words,
            word_starts,
        })
    }

    fn grams(&mut self, count: u32) -> Result<Vec<Gram>, String> {
        let count = self.ids.room(count, ID_BYTES)?;
        let places = ascending(&mut self.places, count)?;
        let gram = |at: u32| {
            let upper = self.ids.array::<ID_BYTES>()?;
            let mut id = [0; 8];
            for (to, from) in id.iter_mut().zip(upper) {
                *to = from;
            }
            let id = u64::from_le_bytes(id) << ID_SHIFT;
            Ok(Gram { id, at })
        };
        places.into_iter().map(gram).collect()
    }
}

fn ascending(from: &mut Left<'_>, count: usize) -> Result<Vec<u32>, String> {
    let mut out = Vec::with_capacity(from.room(u32::try_from(count).unwrap_or(u32::MAX), 1)?);
    let mut before: u32 = 0;
    for _ in 0..count {
        before = before
            .checked_add(from.number()?)
            .ok_or("a place is too large")?;
        out.push(before);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream() -> impl Strategy<Value = PreparedStream> {
        let grams = prop::collection::btree_map(any::<u32>(), any::<u64>(), 0..9);
        let words = prop::collection::btree_map(any::<u32>(), any::<u8>(), 0..9);
        (
            any::<[bool; 3]>(),
            any::<u32>(),
            any::<[u8; 16]>(),
            grams,
            words,
        )
            .prop_map(
                |([invisible, bidi, look_alike], bytes, exact, grams, words)| PreparedStream {
                    integrity: Integrity {
                        invisible,
                        bidi,
                        look_alike,
                    },
                    bytes,
                    exact: ExactDigest(exact),
                    grams: (grams.into_iter())
                        .map(|(at, id)| Gram {
                            id: id >> 16 << 16,
                            at,
                        })
                        .collect(),
                    word_starts: words.keys().copied().collect(),
                    words: words.into_values().collect(),
                },
            )
    }

    fn units() -> impl Strategy<Value = Vec<KeptUnit>> {
        let piece = (any::<bool>(), prop::collection::vec(stream(), 0..3))
            .prop_map(|(echoes, streams)| Piece { echoes, streams });
        let unit = (
            any::<u32>(),
            any::<u32>(),
            0..3_u32,
            prop::collection::vec(piece, 0..4),
        );
        prop::collection::vec(unit, 0..6).prop_map(|mut units| {
            units.sort_by_key(|unit| unit.0);
            let kept = |(row, ordinal, column, pieces)| KeptUnit {
                row,
                ordinal,
                column,
                unit: Prepared { pieces },
            };
            units.into_iter().map(kept).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(units in units()) {
            let packed = pack(&units).unwrap();
            prop_assert_eq!(unpack(&packed, 3).unwrap(), units.clone());
            let named = units.iter().map(|unit| unit.column as usize + 1).max().unwrap_or(0);
            prop_assert_eq!(unpack(&packed, named.saturating_sub(1)).is_ok(), units.is_empty());
        }

        #[test]
        fn what_is_changed_is_refused_or_says_the_same_when_packed_again(
            units in units(),
            at: prop::sample::Index,
            bit in 0..8_u32,
        ) {
            let packed = pack(&units).unwrap();
            let mut plain = zstd::bulk::decompress(&packed, 1 << 20).unwrap();
            let place = at.index(plain.len());
            plain[place] ^= 1 << bit;
            let changed = zstd::bulk::compress(&plain, LEVEL).unwrap();
            if let Ok(read) = unpack(&changed, 3) {
                let again = unpack(&pack(&read).unwrap(), 3).unwrap();
                prop_assert_eq!(again, read);
            }
            plain.truncate(place);
            let cut = zstd::bulk::compress(&plain, LEVEL).unwrap();
            prop_assert!(unpack(&cut, 3).is_err());
        }

        #[test]
        fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let packed = zstd::bulk::compress(&noise, LEVEL).unwrap();
            // Nothing but six empty columns and a list of no units is that short.
            prop_assert!(unpack(&noise, 3).is_err() || noise.is_empty());
            if let Ok(units) = unpack(&packed, 3) {
                prop_assert!(units.len() <= noise.len());
            }
        }
    }

    #[test]
    fn a_number_of_things_that_are_not_there_takes_no_room() {
        // One unit with 2^32 - 1 pieces, and a text with as many grams.
        for heads in [
            vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
            vec![1, 0, 0, 0, 1, 0, 1, 0, 9, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
        ] {
            let mut plain = Vec::new();
            let lengths = [u32::try_from(heads.len()).unwrap(), 16, 0, 0, 0, 0];
            plain.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
            plain.extend(heads);
            plain.extend([7; 16]);
            let packed = zstd::bulk::compress(&plain, LEVEL).unwrap();
            assert_eq!(unpack(&packed, 1).unwrap_err(), ENDS_EARLY);
        }
    }

    #[test]
    fn a_batch_that_swells_is_refused() {
        let packed = zstd::bulk::compress(&vec![0; 1 << 20], LEVEL).unwrap();
        assert!(packed.len() < 1 << 10);
        let said = unpack_within(&packed, 1, 1 << 16).unwrap_err();
        assert_eq!(said, too_large());
    }
}
