//! Replaying: a scanner that reads kept sketches in place of the inputs.

use std::sync::Arc;
use std::thread;

use super::super::matching::MatchError;
use super::super::matching::Matcher;
use super::super::matching::Preparer;
use super::super::scan::BatchMatches;
use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::super::scan::Scanner;
use super::super::scan::SnapshotFacts;
use super::super::scan::SplitJob;
use super::super::scan::matches_of_kept;
use super::codec::BatchSketch;
use super::codec::KeptUnit;
use super::codec::unpack;
use super::error::SketchError;
use super::read::Next;
use super::read::SketchFile;
use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::fingerprint::canary_text;
use crate::model::Canaries;
use crate::model::ColumnId;
use crate::model::Role;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::SplitCounts;
use crate::snapshot::Snapshot;
use crate::text::TextError;

/// Batches from one canary of a thread to the next. Chosen: as in a scan.
const PLANT_EVERY: u32 = 64;

/// Scans kept sketches. The inputs it is asked for have to be those of the file, in their order:
/// [`SketchFile::inputs`].
pub struct Replay<'a> {
    facts: SnapshotFacts,
    lanes: Vec<Lane<'a>>,
    file: SketchFile,
    /// Inputs scanned so far.
    scanned: usize,
    failed: Option<SketchError>,
}

/// Why a batch could not be matched.
enum Failed {
    Sketch(String),
    Match(MatchError),
}

impl<'a> Replay<'a> {
    /// Compares with `snapshot` on `threads` threads, one at least. `minimum` is the strength from
    /// which a match counts.
    pub fn new(
        snapshot: &'a Snapshot,
        recipe: &Recipe,
        key: &FingerprintKey,
        minimum: f64,
        threads: usize,
        file: SketchFile,
    ) -> Result<Self, TextError> {
        let canary = Preparer::new(*recipe, key).prepare(&canary_text(key), Role::Unknown)?;
        let canary = Arc::new(KeptUnit {
            row: 0,
            ordinal: 0,
            column: u32::MAX,
            unit: canary,
        });
        let lane = || Lane {
            matcher: Matcher::new(snapshot, *recipe, key, minimum),
            canary: Arc::clone(&canary),
            until_planted: 0,
            canaries: Canaries::default(),
        };
        Ok(Self {
            facts: SnapshotFacts::of(snapshot),
            lanes: (0..threads.max(1)).map(|_| lane()).collect(),
            file,
            scanned: 0,
            failed: None,
        })
    }

    /// Says whether every sketch of the file could be read: otherwise what a check made of this is
    /// worth nothing.
    pub fn finish(mut self) -> Result<(), SketchError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        match self.file.next(&Arc::from(""))? {
            Next::End => Ok(()),
            Next::Batch(..) | Next::Account(_) => {
                let what = "it has more inputs than it names".to_owned();
                Err(self.file.damaged(what))
            }
        }
    }

    /// Matches batches, of which there are no more than lanes, and hands them on in order.
    fn together(
        &mut self,
        batches: Vec<(Box<Scanned>, BatchSketch)>,
        take: &mut dyn FnMut(Scanned),
    ) -> Result<(), Failed> {
        let found: Vec<Result<BatchMatches, Failed>> = thread::scope(|scope| {
            let started: Vec<_> = self
                .lanes
                .iter_mut()
                .zip(&batches)
                .map(|(lane, (_, sketch))| scope.spawn(|| lane.scan(sketch)))
                .collect();
            let joined = started.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Failed::Sketch("a thread failed".to_owned())))
            });
            joined.collect()
        });
        for ((mut scanned, _), found) in batches.into_iter().zip(found) {
            scanned.found = found?;
            take(*scanned);
        }
        Ok(())
    }

    fn replay(
        &mut self,
        name: &Arc<str>,
        take: &mut dyn FnMut(Scanned),
    ) -> Result<FileScan, SketchError> {
        let mut waiting = Vec::new();
        // Why the register did not answer; nothing is taken from there on.
        let mut unanswered: Option<String> = None;
        let mut scan = loop {
            let next = self.file.next(name)?;
            let account = match next {
                Next::Batch(scanned, sketch) => {
                    waiting.push((scanned, sketch));
                    None
                }
                Next::Account(scan) => Some(*scan),
                Next::End => return Err(self.file.damaged("an input has no end".to_owned())),
            };
            if account.is_some() || waiting.len() >= self.lanes.len() {
                let batches = std::mem::take(&mut waiting);
                if unanswered.is_none() {
                    match self.together(batches, take) {
                        Ok(()) => {}
                        Err(Failed::Sketch(what)) => return Err(self.file.damaged(what)),
                        Err(Failed::Match(error)) => unanswered = Some(error.to_string()),
                    }
                }
            }
            if let Some(scan) = account {
                break scan;
            }
        };
        for lane in &self.lanes {
            scan.canaries.planted += lane.canaries.planted;
            scan.canaries.found += lane.canaries.found;
        }
        scan.failed = unanswered.or(scan.failed);
        Ok(scan)
    }
}

impl Scanner for Replay<'_> {
    fn facts(&self) -> &SnapshotFacts {
        &self.facts
    }

    fn scan(
        &mut self,
        input: &InputPath,
        _options: &ReadOptions,
        progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan {
        self.scanned += 1;
        for lane in &mut self.lanes {
            (lane.until_planted, lane.canaries) = (0, Canaries::default());
        }
        let scan = match &self.failed {
            None => self.replay(&input.name, take),
            Some(_) => return lost(),
        };
        match scan {
            Ok(scan) => {
                progress(scan.read.bytes);
                scan
            }
            Err(error) => {
                self.failed = Some(error);
                lost()
            }
        }
    }

    /// What the sketches say that they are of: the file itself may have changed, or be gone.
    fn content(&mut self, _input: &InputPath) -> Option<String> {
        self.file.contents().get(self.scanned).cloned().flatten()
    }

    fn split(
        &mut self,
        input: &InputPath,
        _options: &ReadOptions,
        _job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError> {
        // Sketches hold no rows to be written.
        Err(ReadError::Stopped {
            path: Arc::clone(&input.name),
        })
    }
}

/// The account of an input whose sketches cannot be read: undecided, whatever is made of it.
fn lost() -> FileScan {
    FileScan {
        read: FileRead {
            format: None,
            sha256: None,
            bytes: 0,
            rows: 0,
            row_errors: 0,
            rows_declared: None,
            columns: Vec::new(),
            model_columns: Vec::new(),
            error: None,
            exempt_unused: Vec::new(),
        },
        failed: Some("the kept sketches cannot be read".to_owned()),
        canaries: Canaries::default(),
    }
}

/// One thread.
struct Lane<'a> {
    matcher: Matcher<'a>,
    canary: Arc<KeptUnit>,
    until_planted: u32,
    canaries: Canaries,
}

impl Lane<'_> {
    /// Matches a batch; now and then the canary among it, as a scan does.
    fn scan(&mut self, sketch: &BatchSketch) -> Result<BatchMatches, Failed> {
        let mut units = unpack(&sketch.packed, sketch.columns.len()).map_err(Failed::Sketch)?;
        let columns: &[ColumnId] = &sketch.columns;
        let canary = if self.until_planted == 0 {
            units.push(KeptUnit::clone(&self.canary));
            self.canaries.planted += 1;
            Some(units.len() - 1)
        } else {
            None
        };
        self.until_planted = self.until_planted.checked_sub(1).unwrap_or(PLANT_EVERY - 1);
        let (found, met) =
            matches_of_kept(&mut self.matcher, &units, columns, canary).map_err(Failed::Match)?;
        self.canaries.found += u64::from(met);
        Ok(found)
    }
}
