//! The rows of a Parquet file, row group by row group: by one reader, or by several that take the
//! groups, or the decoded steps of a group, in turn.
//!
//! Batches of units end where a step of the decoder ends, whoever reads it.

use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;

use super::Plan;
use super::chunks::Chunks;
use super::fault;
use super::guarded;
use super::plan;
use super::rows_agree;
use super::step_rows;
use crate::read::arrays;
use crate::read::error::ReadError;
use crate::read::limits::Limits;
use crate::read::limits::PARQUET_GROUP_BYTES;
use crate::read::row_formats::stopped;
use crate::read::rows::RowWriter;
use crate::read::scan::frame::Feed;
use crate::read::source::Progress;
use crate::read::source::Source;

/// Row groups for each thread from which they are dealt out whole: fewer would leave threads idle
/// at the end. *Chosen*.
const GROUPS_PER_WORKER: usize = 4;

/// Threads up to which one decoder keeps them busy, each walking and scanning what it decoded.
/// *Measured*: decoding takes about a quarter of both.
const STEP_WORKERS_MAX: usize = 4;

/// What every reader of the file shares.
pub(in crate::read) struct Reader<'a> {
    name: &'a Arc<str>,
    plan: &'a Plan,
    chunks: Chunks,
    progress: Progress<'a>,
    /// Number of the first row of each row group, as the footer says.
    starts: Vec<u64>,
}

impl<'a> Reader<'a> {
    pub(in crate::read) fn new(
        source: &'a Source,
        plan: &'a Plan,
        limits: Limits,
        progress: Progress<'a>,
    ) -> Self {
        let mut rows = 0u64;
        let starts = plan
            .metadata
            .metadata()
            .row_groups()
            .iter()
            .map(|group| {
                let start = rows;
                rows = rows.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
                start
            })
            .collect();
        Self {
            name: source.name(),
            plan,
            chunks: Chunks::new(source, Some(limits.page_bytes_max)),
            progress,
            starts,
        }
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.plan.metadata.metadata().row_groups()
    }

    /// Whether so many threads had better take whole row groups than steps of one after the other.
    pub(in crate::read) fn suits_groups(&self, workers: usize) -> bool {
        let largest = self
            .groups()
            .iter()
            .map(|group| self.plan.decoded_bytes(group))
            .max()
            .unwrap_or(0);
        let small = largest <= PARQUET_GROUP_BYTES || workers > STEP_WORKERS_MAX;
        workers == 1 || (small && self.groups().len() >= workers * GROUPS_PER_WORKER)
    }

    fn open(&self, number: usize, row: u64) -> Result<ParquetRecordBatchReader, ReadError> {
        let step = self.groups().get(number).map_or(1, |group| {
            step_rows(group, |leaf| self.plan.decoded.get(leaf) == Some(&true))
        });
        guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.chunks.fork(),
                self.plan.metadata.clone(),
            )
            .with_row_groups(vec![number])
            .with_projection(self.plan.mask.clone())
            .with_batch_size(step)
            .build()
        })
        .map_err(|error| fault(self.name, &error, &at(number, row)))
    }

    fn step(
        &self,
        decoder: &mut ParquetRecordBatchReader,
        number: usize,
        row: u64,
    ) -> Result<Option<RecordBatch>, ReadError> {
        let batch = guarded(|| Ok(decoder.next().transpose()?));
        let batch = batch.map_err(|error| fault(self.name, &error, &at(number, row)))?;
        (self.progress)(self.chunks.furthest());
        Ok(batch)
    }

    /// Reads the rows of one step.
    pub(in crate::read) fn walk(
        &self,
        rows: &mut RowWriter<'_>,
        step: &mut Option<RecordBatch>,
    ) -> Result<(), ReadError> {
        let Some(batch) = step.take() else {
            return Ok(());
        };
        arrays::walk_batch(rows, &batch)
            .map_err(|what| ReadError::Unsupported {
                path: Arc::clone(self.name),
                what,
                remedy: "Write it as a string, or leave it out with --exempt-column".to_owned(),
            })?
            .and_then(|()| rows.finish())
            .map_err(|_| stopped(self.name))
    }

    /// Reads the rows of one row group.
    pub(in crate::read) fn group(
        &self,
        rows: &mut RowWriter<'_>,
        number: usize,
    ) -> Result<(), ReadError> {
        let before = rows.row();
        let mut decoder = self.open(number, before)?;
        while let Some(batch) = self.step(&mut decoder, number, rows.row())? {
            self.walk(rows, &mut Some(batch))?;
        }
        self.group_agrees(number, rows.row() - before)
    }

    fn group_agrees(&self, number: usize, rows: u64) -> Result<(), ReadError> {
        let said = self
            .groups()
            .get(number)
            .map_or(0, RowGroupMetaData::num_rows);
        rows_agree(self.name, rows, said, &format!("row group {number}"))?;
        Ok(())
    }

    /// The rows that the footer declares; fails unless they are as many.
    pub(in crate::read) fn rows_agree(&self, rows: u64) -> Result<u64, ReadError> {
        let footer = self.plan.metadata.metadata().file_metadata();
        rows_agree(self.name, rows, footer.num_rows(), "the footer")
    }
}

fn at(group: usize, row: u64) -> String {
    format!("row group {group}, row {row}")
}

/// Reads every row of a Parquet file; returns how many its footer declares.
pub(in crate::read) fn read(
    source: &Source,
    limits: Limits,
    progress: Progress<'_>,
    rows: &mut RowWriter<'_>,
) -> Result<u64, ReadError> {
    let plan = plan(source, &mut rows.columns)?;
    let reader = Reader::new(source, &plan, limits, progress);
    for number in 0..reader.groups().len() {
        reader.group(rows, number)?;
    }
    reader.rows_agree(rows.row())
}

/// Whole row groups, by number.
pub(in crate::read) struct Groups<'r> {
    reader: &'r Reader<'r>,
    next: usize,
}

impl<'r> Groups<'r> {
    pub(in crate::read) fn new(reader: &'r Reader<'r>) -> Self {
        Self { reader, next: 0 }
    }
}

impl Feed for Groups<'_> {
    type Piece = usize;

    fn next(&mut self, group: &mut usize) -> Result<Option<u64>, ReadError> {
        let row = self.reader.starts.get(self.next).copied();
        *group = self.next;
        self.next += 1;
        Ok(row)
    }
}

/// The steps of one row group after the other, decoded as they are taken.
pub(in crate::read) struct Steps<'r> {
    reader: &'r Reader<'r>,
    number: usize,
    row: u64,
    decoder: Option<ParquetRecordBatchReader>,
}

impl<'r> Steps<'r> {
    pub(in crate::read) fn new(reader: &'r Reader<'r>) -> Self {
        Self {
            reader,
            number: 0,
            row: 0,
            decoder: None,
        }
    }
}

impl Feed for Steps<'_> {
    type Piece = Option<RecordBatch>;

    fn next(&mut self, step: &mut Self::Piece) -> Result<Option<u64>, ReadError> {
        while let Some(start) = self.reader.starts.get(self.number) {
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                none => none.insert(self.reader.open(self.number, self.row)?),
            };
            if let Some(batch) = self.reader.step(decoder, self.number, self.row)? {
                let first = self.row;
                self.row += batch.num_rows() as u64;
                *step = Some(batch);
                return Ok(Some(first));
            }
            self.reader.group_agrees(self.number, self.row - start)?;
            self.decoder = None;
            self.number += 1;
        }
        Ok(None)
    }
}
