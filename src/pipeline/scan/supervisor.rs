//! The supervisor of the scan worker: it asks, listens, and outlives it.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::FileScan;
use super::Scanned;
use super::Scanner;
use super::SnapshotFacts;
use super::SplitJob;
use super::WorkerLimits;
use super::death::Death;
use super::death::LastWords;
use super::message;
use super::message::OpenCost;
use super::message::OpenRequest;
use super::message::Opening;
use super::message::Reply;
use super::message::Request;
use super::message::WireInput;
use super::message::WirePath;
use super::message::WireSplit;
use crate::model::Canaries;
use crate::read::FileRead;
use crate::read::InputPath;
use crate::read::ReadError;
use crate::read::ReadOptions;
use crate::read::SplitCounts;

/// How long a worker may say nothing about a file before it is taken for stuck. Chosen: it speaks
/// after every megabyte; processor time has a limit of its own, so this one is for a disk or a
/// network that does not answer.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// How a worker is started, and what it opens.
#[derive(Debug)]
pub struct WorkerOptions {
    /// The program: this one.
    pub program: PathBuf,
    /// What makes it a worker.
    pub arguments: Vec<String>,
    /// Folder of the index.
    pub index: PathBuf,
    /// A snapshot that travelled, with its expected digest; else the one that the log's head names.
    pub snapshot: Option<(PathBuf, String)>,
    /// Threads of the scan.
    pub threads: usize,
    /// Strength from which a match counts.
    pub minimum: f64,
    /// What the worker may use.
    pub limits: WorkerLimits,
    /// Whether to hand on the sketches of every unit.
    pub sketches: bool,
    /// Standard input, spooled, where it is one of the inputs.
    pub stdin: Option<Arc<File>>,
}

/// Why there is no worker. The message says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The worker says that the snapshot cannot be opened.
    #[error("{0}")]
    Refused(String),
    /// It could not be started, or ended before it had opened the snapshot.
    #[error("the scan worker, a second process of this program, {0}")]
    Died(Death),
}

/// Scans by a worker process; starts another one when it dies.
pub struct Supervisor {
    options: WorkerOptions,
    open: OpenRequest,
    facts: SnapshotFacts,
    cost: OpenCost,
    worker: Option<Worker>,
    /// Where the snapshot is that was opened first: every later worker opens the same one.
    snapshot_dir: Box<dyn Fn(u64) -> PathBuf>,
}

impl Supervisor {
    /// Starts a worker and has it open and verify the snapshot. `snapshot_dir` gives the folder of
    /// a snapshot of the index by its number.
    pub fn start(
        options: WorkerOptions,
        snapshot_dir: impl Fn(u64) -> PathBuf + 'static,
    ) -> Result<Self, WorkerError> {
        let named = options.snapshot.as_ref();
        let open = OpenRequest {
            index: WirePath::new(&options.index),
            snapshot: named.map(|(path, digest)| (WirePath::new(path), digest.clone())),
            threads: options.threads,
            minimum: options.minimum,
            limits: options.limits,
            sketches: options.sketches,
        };
        let (worker, opening) = Worker::start(&options, &open)?;
        let mut supervisor = Self {
            options,
            open,
            facts: opening.facts,
            cost: opening.cost,
            worker: Some(worker),
            snapshot_dir: Box::new(snapshot_dir),
        };
        supervisor.pin();
        Ok(supervisor)
    }

    /// What opening took.
    pub fn cost(&self) -> OpenCost {
        self.cost
    }

    /// From here on only this very snapshot is opened, whatever the log's head names by then.
    fn pin(&mut self) {
        if self.open.snapshot.is_none() {
            let info = &self.facts.info;
            let path = (self.snapshot_dir)(info.snapshot);
            self.open.snapshot = Some((WirePath::new(&path), info.digest.clone()));
        }
    }

    /// Asks the worker, starting one if there is none, and hands its replies on until one of them
    /// gives an answer. A worker that dies meanwhile is gone.
    fn ask<T>(
        &mut self,
        request: &Request,
        mut answer: impl FnMut(Reply) -> Option<T>,
    ) -> Result<T, WorkerError> {
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start(&self.options, &self.open)?.0,
        };
        match worker.ask(request, &mut answer) {
            Ok(found) => {
                self.worker = Some(worker);
                Ok(found)
            }
            Err(error) => Err(WorkerError::Died(worker.end(&error))),
        }
    }

    /// What becomes of an input whose worker died.
    fn lost(&self, input: &InputPath, error: &WorkerError) -> ReadError {
        let limits = &self.options.limits;
        ReadError::Told {
            path: Arc::clone(&input.name),
            message: match error {
                WorkerError::Refused(why) => {
                    format!("{}: not checked: {why}", input.name)
                }
                WorkerError::Died(death) => {
                    format!(
                        "{}: not checked: the scan worker {}",
                        input.name,
                        death.of(limits)
                    )
                }
            },
            remedy: match error {
                WorkerError::Refused(_) => None,
                WorkerError::Died(death) => Some(death.remedy().to_owned()),
            },
        }
    }
}

impl Scanner for Supervisor {
    fn facts(&self) -> &SnapshotFacts {
        &self.facts
    }

    fn scan(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan {
        let (mut rows, mut reached) = (0, 0);
        let request = Request::Scan(WireInput::of(input), options.clone());
        let scanned = self.ask(&request, |reply| match reply {
            Reply::Progress(bytes) => {
                reached = bytes;
                progress(bytes);
                None
            }
            Reply::Batch(batch) => {
                rows = batch.first_row + u64::from(batch.rows);
                take(*batch);
                None
            }
            Reply::Scanned(scan) => Some(Some(scan)),
            Reply::Opened(_) | Reply::Refused(_) | Reply::Divided(_) => Some(None),
        });
        let error = match scanned {
            Ok(Some(scan)) => return scan.into_scan(&input.name),
            Ok(None) => self.out_of_turn(),
            Err(error) => error,
        };
        let read = FileRead {
            format: None,
            sha256: None,
            bytes: reached,
            rows,
            row_errors: 0,
            rows_declared: None,
            columns: Vec::new(),
            model_columns: Vec::new(),
            error: Some(self.lost(input, &error)),
            exempt_unused: Vec::new(),
        };
        FileScan {
            read,
            failed: None,
            canaries: Canaries::default(),
        }
    }

    fn split(
        &mut self,
        input: &InputPath,
        options: &ReadOptions,
        job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError> {
        let split = WireSplit {
            sha256: job.sha256.to_owned(),
            quarantined: job.quarantined.to_vec(),
            clean: WirePath::new(job.clean),
            quarantine: WirePath::new(job.quarantine),
        };
        let request = Request::Split(WireInput::of(input), options.clone(), split);
        let divided = self.ask(&request, |reply| match reply {
            Reply::Divided(divided) => Some(Some(divided)),
            Reply::Progress(_) => None,
            Reply::Opened(_) | Reply::Refused(_) | Reply::Batch(_) | Reply::Scanned(_) => {
                Some(None)
            }
        });
        match divided {
            Ok(Some(divided)) => divided.map_err(|error| error.into_error(&input.name)),
            Ok(None) => {
                let error = self.out_of_turn();
                Err(self.lost(input, &error))
            }
            Err(error) => Err(self.lost(input, &error)),
        }
    }
}

impl Supervisor {
    /// Ends a worker that answered what it was not asked.
    fn out_of_turn(&mut self) -> WorkerError {
        let error = io::Error::other("answered out of turn");
        WorkerError::Died(match self.worker.take() {
            Some(worker) => worker.end(&error),
            None => Death::Broken(error.to_string()),
        })
    }
}

/// One worker process.
struct Worker {
    child: Child,
    stream: UnixStream,
    replies: BufReader<UnixStream>,
    last_words: LastWords,
}

impl Worker {
    fn start(options: &WorkerOptions, open: &OpenRequest) -> Result<(Self, Opening), WorkerError> {
        let mut worker = Self::spawn(options)
            .map_err(|error| WorkerError::Died(Death::NotStarted(error.to_string())))?;
        // Verifying a large index takes as long as it takes.
        let opened = worker.ask(&Request::Open(open.clone()), &mut |reply| match reply {
            Reply::Opened(opening) => Some(Ok(*opening)),
            Reply::Refused(why) => Some(Err(WorkerError::Refused(why))),
            Reply::Progress(_) | Reply::Batch(_) | Reply::Scanned(_) | Reply::Divided(_) => None,
        });
        match opened {
            Ok(Ok(opening)) => match worker.stream.set_read_timeout(Some(SILENCE_MAX)) {
                Ok(()) => Ok((worker, opening)),
                Err(error) => Err(WorkerError::Died(worker.end(&error))),
            },
            Ok(Err(refused)) => {
                worker.end(&io::Error::other("refused"));
                Err(refused)
            }
            Err(error) => Err(WorkerError::Died(worker.end(&error))),
        }
    }

    /// The worker's end of the line is its standard output: it prints nothing, and no other
    /// descriptor has to be handed down.
    fn spawn(options: &WorkerOptions) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let stdin = match &options.stdin {
            Some(file) => Stdio::from(file.try_clone()?),
            None => Stdio::null(),
        };
        let mut child = Command::new(&options.program)
            .args(&options.arguments)
            .stdin(stdin)
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .spawn()?;
        let last_words = LastWords::listen(child.stderr.take());
        let replies = BufReader::new(stream.try_clone()?);
        Ok(Self {
            child,
            stream,
            replies,
            last_words,
        })
    }

    fn ask<T>(
        &mut self,
        request: &Request,
        answer: &mut dyn FnMut(Reply) -> Option<T>,
    ) -> io::Result<T> {
        message::send(&mut self.stream, request)?;
        self.stream.flush()?;
        loop {
            let Some(reply) = message::receive(&mut self.replies)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if let Some(found) = answer(reply) {
                return Ok(found);
            }
        }
    }

    /// Ends the worker, if it has not ended itself, and says how it came to that.
    fn end(mut self, error: &io::Error) -> Death {
        let silent = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        );
        let hung_up = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
        );
        if !hung_up && let Err(error) = self.child.kill() {
            return Death::Broken(format!("could not be ended: {error}"));
        }
        let status = match self.child.wait() {
            Ok(status) => status,
            Err(error) => return Death::Broken(format!("could not be waited for: {error}")),
        };
        if silent {
            return Death::Silent(SILENCE_MAX);
        }
        if !hung_up {
            return Death::Broken(error.to_string());
        }
        Death::of_status(status, self.last_words.heard())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.dismiss();
        }
    }
}

impl Worker {
    /// Hangs up, upon which the worker ends by itself, and waits for that.
    fn dismiss(self) {
        let Self {
            mut child,
            stream,
            replies,
            last_words,
        } = self;
        drop((stream, replies, last_words));
        // Whatever it says now bears on nothing any more.
        if child.wait().is_err() {}
    }
}
