//! gzip and zstd around JSON Lines.
//!
//! The first byte says which, and whether the rest is compressed already (`G`, `Z`) or is to be
//! compressed here (`g`, `z`), so that the damage is known.

use std::io::Read as _;
use std::io::Write as _;

use super::feed::Feed;
use super::reading;
use super::rows::is_another_format;
use super::rows::limits;
use crate::read::Format;
use crate::read::Limits;
use crate::read::ReadOptions;

/// Decompressed bytes that a slow reading goes up to; more is what the limit on the ratio is for.
const PLAIN_BYTES_MAX: u64 = 4 << 20;
/// Decompressed bytes that are free of the ratio here. Small, so that small files reach it.
const FREE_BYTES: u64 = 64 << 10;

/// The property.
pub fn check(data: &[u8]) {
    let mut feed = Feed(data);
    let kind = feed.u8();
    let limits = Limits {
        decompression_free_bytes: FREE_BYTES,
        ..limits(feed.u8() & 7)
    };
    let options = ReadOptions {
        format: Some(Format::Jsonl),
        limits,
        ..ReadOptions::default()
    };
    match kind {
        b'G' => compressed(feed.0, gunzip(feed.0), &options),
        b'Z' => compressed(feed.0, unzstd(feed.0), &options),
        b'z' => damaged(&mut feed, zstd_of, &options),
        _ => damaged(&mut feed, gzip_of, &options),
    }
}

/// Any bytes: read as their slow decompression is, or refused.
fn compressed(bytes: &[u8], plain: Option<Vec<u8>>, options: &ReadOptions) {
    let got = reading::check(bytes, options, 3);
    let text: usize = got.units.iter().map(|unit| unit.text.len()).sum();
    let most = FREE_BYTES.max(options.limits.decompression_ratio_max * bytes.len() as u64);
    // One more piece may have come out before the ratio was looked at; JSON in strings is handed
    // on within its string once more for each level.
    assert!(
        text as u64 <= 4 * (most + (1 << 20)),
        "{text} bytes of text"
    );
    let is_compressed = got
        .file
        .format
        .as_deref()
        .is_some_and(|format| format.contains('+'));
    match plain {
        _ if !is_compressed => {}
        // Plain it would be read as that, or be refused with another reason.
        Some(plain) if is_another_format(&plain) => {}
        Some(plain) if got.file.error.is_none() => {
            let whole = reading::read_alone(&reading::file("plain", &plain), options);
            assert_eq!(got.units, whole.units, "texts of the decompressed file");
            assert_eq!(got.errors, whole.errors);
        }
        Some(_) => {}
        None => assert!(
            got.file.error.is_some(),
            "cannot be decompressed, and was read"
        ),
    }
}

/// A file made here: read as what went in; a cut or changed one never reads as another.
fn damaged(feed: &mut Feed<'_>, pack: fn(&[u8]) -> Vec<u8>, options: &ReadOptions) {
    let cut = usize::from(feed.u16());
    let (at, bit) = (usize::from(feed.u16()), feed.u8() % 8);
    let plain = feed.take(4 << 10);
    if is_another_format(plain) {
        return;
    }
    let whole = reading::read_alone(&reading::file("plain", plain), options);
    let packed = pack(plain);
    let got = reading::check(&packed, options, 1);
    assert_eq!(got.units, whole.units);
    assert_eq!(got.errors, whole.errors);
    let cut = 4 + cut % (packed.len() - 4);
    let got = reading::read_alone(&reading::file("cut", &packed[..cut]), options);
    assert!(
        got.file.error.is_some(),
        "{cut} of {} bytes were read as all",
        packed.len()
    );
    let mut changed = packed.clone();
    changed[at % packed.len()] ^= 1 << bit;
    let got = reading::read_alone(&reading::file("changed", &changed), options);
    if got.file.error.is_none() && got.errors.is_empty() {
        assert_eq!(got.units, whole.units, "a changed file reads as another");
    }
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All that comes out; none on an error, or beyond the most that is looked at.
fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    whole(flate2::read::MultiGzDecoder::new(bytes))
}

fn unzstd(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = zstd::Decoder::new(bytes).unwrap();
    decoder
        .window_log_max(crate::read::limits::ZSTD_WINDOW_LOG_MAX)
        .unwrap();
    whole(decoder)
}

fn whole(reader: impl std::io::Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = reader.take(PLAIN_BYTES_MAX + 1).read_to_end(&mut out);
    // What is larger has a ratio that is refused: the files are not larger than 16 KB.
    (read.is_ok() && out.len() as u64 <= PLAIN_BYTES_MAX).then_some(out)
}
