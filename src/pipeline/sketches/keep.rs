//! Keeping: a scanner that writes down what another one hands on.

use super::super::scan::FileScan;
use super::super::scan::Scanned;
use super::super::scan::Scanner;
use super::super::scan::SnapshotFacts;
use super::super::scan::SplitJob;
use super::error::SketchError;
use super::write::SketchWriter;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::SplitCounts;

/// Scans by another scanner, which has to make sketches where they are kept. A failure to keep them
/// does not end the check; [`finish`](Self::finish) tells of it.
pub struct Keeping<'s> {
    scanner: &'s mut dyn Scanner,
    kept: Option<Result<SketchWriter, SketchError>>,
}

impl<'s> Keeping<'s> {
    /// Keeps what `scanner` hands on in the file begun; nothing where none was.
    pub fn new(
        scanner: &'s mut dyn Scanner,
        begun: Option<Result<SketchWriter, SketchError>>,
    ) -> Self {
        Self {
            scanner,
            kept: begun,
        }
    }

    /// Ends the file, if one was begun. Durable once this returns; gives its digest.
    pub fn finish(self) -> Result<Option<String>, SketchError> {
        self.kept.map(|kept| kept?.finish()).transpose()
    }
}

/// Writes, unless writing failed before.
fn write(
    kept: &mut Option<Result<SketchWriter, SketchError>>,
    what: impl FnOnce(&mut SketchWriter) -> Result<(), SketchError>,
) {
    if let Some(Ok(writer)) = kept
        && let Err(error) = what(writer)
    {
        *kept = Some(Err(error));
    }
}

impl Scanner for Keeping<'_> {
    fn facts(&self) -> &SnapshotFacts {
        self.scanner.facts()
    }

    fn scan(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan {
        let kept = &mut self.kept;
        let scan = (self.scanner).scan(input, options, progress, &mut |scanned| {
            write(kept, |writer| writer.batch(&scanned));
            take(scanned);
        });
        write(kept, |writer| writer.account(&scan));
        scan
    }

    fn content(&mut self, input: &InputPath) -> Option<String> {
        self.scanner.content(input)
    }

    fn split(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError> {
        self.scanner.split(input, options, job)
    }
}
