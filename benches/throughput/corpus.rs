//! Generated text: words of a fixed vocabulary by Zipf's law, with sentences and paragraphs.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::basic::ZstdLevel;
use parquet::file::properties::WriterProperties;

/// Words of the vocabulary. *Chosen*: with Zipf's law over it, five words in a row are shared with
/// another text about as often as in real texts (`docs/performance.md`).
const WORDS: usize = 20_000;

/// Words of a text, on average. *Measured* on a labelled set: the mean Llama output has 298.
const TEXT_WORDS: usize = 300;

/// Bytes of a text, on average, within some percent.
pub(crate) const MEAN_BYTES: usize = 1_850;

/// Rows written at a time.
const BATCH: usize = 1_000;

/// Texts from a seed, the same on every machine.
pub(crate) struct Corpus {
    state: u64,
    vocabulary: Vec<String>,
    /// Summed weights.
    sums: Vec<f64>,
}

impl Corpus {
    pub(crate) fn new(seed: u64) -> Self {
        // One vocabulary for all: texts are told apart by what is said with it.
        let mut letters = Stream(0x5EED);
        let vocabulary = (0..WORDS).map(|rank| word(&mut letters, rank)).collect();
        let mut sum = 0.0;
        let sums = (0..WORDS)
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 2.7);
                sum
            })
            .collect();
        Self {
            // Far from the states of other seeds: the stream walks in steps of one constant.
            state: Stream(seed).draw(),
            vocabulary,
            sums,
        }
    }

    fn draw(&mut self) -> u64 {
        let mut stream = Stream(self.state);
        let drawn = stream.draw();
        self.state = stream.0;
        drawn
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % end as u64).unwrap_or(0)
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::with_capacity(MEAN_BYTES * 2);
        // Half to one and a half times the mean.
        let words = TEXT_WORDS / 2 + self.below(TEXT_WORDS);
        let total = self.sums.last().copied().unwrap_or(1.0);
        let mut left = 0;
        for at in 0..words {
            let begins = left == 0;
            if begins {
                left = 6 + self.draw() % 20;
            }
            left -= 1;
            let x = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64 * total;
            let rank = self.sums.partition_point(|sum| *sum <= x);
            let word = self.vocabulary.get(rank).map_or("", String::as_str);
            if begins {
                let (first, rest) = word.split_at(word.len().min(1));
                text.extend([&first.to_uppercase(), rest]);
            } else {
                text.push_str(word);
            }
            text.push_str(match (left, self.draw() % 64) {
                (0, 0..10) => ".\n\n",
                (0, _) => ". ",
                (_, 0..5) => ", ",
                (_, 5) => " - ",
                (_, 6) => "\u{2019}s ",
                _ if at + 1 == words => ".",
                _ => " ",
            });
        }
        text
    }

    /// Writes `rows` texts as one column, zstd; returns the bytes of text.
    pub(crate) fn parquet(&mut self, path: &Path, column: &str, rows: usize, group: usize) -> u64 {
        let mut left = rows;
        let texts = std::iter::from_fn(|| {
            left = left.checked_sub(1)?;
            Some(self.text())
        });
        parquet_of(texts, path, column, group)
    }

    /// Writes `rows` texts as JSON lines under the key `text`.
    pub(crate) fn jsonl(&mut self, path: &Path, rows: usize) {
        let mut file = BufWriter::new(File::create(path).expect("a file to write"));
        for row in 0..rows {
            let line = serde_json::json!({ "id": row, "text": self.text() });
            writeln!(file, "{line}").expect("a full disk?");
        }
        file.flush().expect("a full disk?");
    }
}

/// Words of a phrase that a registered output has in common with a checked text. *Chosen*: below
/// the 13 of which published rules make a copy, and most such phrases hold a whole gram.
const PHRASE_WORDS: usize = 12;

/// Writes outputs that know some of what `checked` is about to say: of the phrases of its next
/// `rows` texts this share, each in the middle of a text of its own. Returns the bytes of text.
pub(crate) fn knowing(checked: &mut Corpus, rows: usize, share: f64, path: &Path) -> u64 {
    let mut others = Corpus::new(3);
    let mut chance = Stream(4);
    let phrases = (0..rows).flat_map(move |_| {
        let text = checked.text();
        let words: Vec<&str> = text.split(' ').collect();
        let phrases = words.chunks(PHRASE_WORDS);
        let known =
            phrases.filter(|_| (chance.draw() >> 11) as f64 / ((1_u64 << 53) as f64) < share);
        known.map(|words| words.join(" ")).collect::<Vec<_>>()
    });
    let texts = phrases.map(|phrase| {
        let (before, after) = (others.text(), others.text());
        let half = |text: &str| {
            text.len() / 2
                + text
                    .bytes()
                    .skip(text.len() / 2)
                    .position(|b| b == b' ')
                    .unwrap_or(0)
        };
        let (first, last) = (half(&before), half(&after));
        [
            before.get(..first),
            Some(phrase.as_str()),
            after.get(last..),
        ]
        .map(Option::unwrap_or_default)
        .join(" ")
    });
    parquet_of(texts, path, "text", 50_000)
}

/// Writes texts as one column, zstd; returns the bytes of text.
fn parquet_of(
    mut texts: impl Iterator<Item = String>,
    path: &Path,
    column: &str,
    group: usize,
) -> u64 {
    let schema = Arc::new(Schema::new(vec![Field::new(column, DataType::Utf8, false)]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(group))
        .build();
    let file = File::create(path).expect("a file to write");
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).expect("a writer");
    let mut bytes = 0;
    loop {
        let some: Vec<String> = texts.by_ref().take(BATCH).collect();
        if some.is_empty() {
            break;
        }
        bytes += some.iter().map(|text| text.len() as u64).sum::<u64>();
        let column = Arc::new(StringArray::from(some));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a batch");
        writer.write(&batch).expect("a full disk?");
    }
    writer.close().expect("a full disk?");
    bytes
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Stream(u64);

impl Stream {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn one_of(&mut self, letters: &[u8]) -> char {
        let at = usize::try_from(self.draw() % letters.len() as u64).unwrap_or(0);
        letters.get(at).copied().map_or('x', char::from)
    }
}

/// A pronounceable word; frequent ones are short, as in every language.
fn word(letters: &mut Stream, rank: usize) -> String {
    const CONSONANTS: &[u8] = b"tnshrdlcmwfgypbvk";
    const VOWELS: &[u8] = b"eaoiu";
    let syllables = match rank {
        0..30 => 1,
        30..1_500 => 2,
        1_500..8_000 => 3,
        _ => 4,
    };
    let mut word = String::new();
    for _ in 0..syllables {
        for from in [CONSONANTS, VOWELS] {
            word.push(letters.one_of(from));
        }
        if letters.draw().is_multiple_of(3) {
            word.push(letters.one_of(CONSONANTS));
        }
    }
    word
}
