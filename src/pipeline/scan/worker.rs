//! The worker: a process that scans what its supervisor names, and may die of it.

use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rustix::process::Signal;
use rustix::process::set_parent_process_death_signal;

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::read::InputPath;
use crate::snapshot::Snapshot;

use super::Direct;
use super::Scanner as _;
use super::SplitJob;
use super::limits;
use super::limits::Clock;
use super::message;
use super::message::OpenCost;
pub use super::message::OpenRequest;
use super::message::Opening;
use super::message::Reply;
use super::message::Request;
use super::message::WireError;
use super::message::WireInput;
use super::message::WireScan;
use super::message::WireSplit;

/// Stored bytes between two messages on progress. Chosen: some hundred messages a second.
const PROGRESS_BYTES: u64 = 1 << 20;
/// Exit code of a worker whose supervisor is gone.
const DESERTED: i32 = 3;

/// What a worker scans against.
pub struct Ground {
    /// The verified snapshot.
    pub snapshot: Snapshot,
    /// Recipe of this program, equal to the snapshot's.
    pub recipe: Recipe,
    /// Fingerprint key, proven against the snapshot's key check.
    pub key: FingerprintKey,
}

/// Serves one supervisor until it hangs up. `open` opens what is asked for, or says why not.
pub fn serve(
    stream: UnixStream,
    open: impl FnOnce(&OpenRequest) -> Result<Ground, String>,
) -> io::Result<()> {
    // A worker must not outlive the process that judges what it finds.
    if cfg!(target_os = "linux") {
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    let mut requests = BufReader::new(stream.try_clone()?);
    let replies = Replies(Mutex::new(BufWriter::new(stream)));
    let Some(Request::Open(request)) = message::receive(&mut requests)? else {
        return Ok(());
    };
    let ground = match open(&request) {
        Ok(ground) => ground,
        Err(why) => {
            replies.send(&Reply::Refused(why), true);
            return Ok(());
        }
    };
    let snapshot = &ground.snapshot;
    let mut direct = Direct::new(
        snapshot,
        &ground.recipe,
        &ground.key,
        request.minimum,
        request.threads,
    );
    if request.sketches {
        direct = direct.with_sketches(&ground.recipe, &ground.key);
    }
    let files = &snapshot.manifest().files;
    let opening = Opening {
        facts: direct.facts().clone(),
        cost: OpenCost {
            verify_ms: u64::try_from(snapshot.verify_time().as_millis()).unwrap_or(u64::MAX),
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.size).sum(),
            filter_bytes: snapshot.filter_bytes(),
        },
    };
    limits::confine(request.limits.memory_bytes)?;
    replies.send(&Reply::Opened(Box::new(opening)), true);
    while let Some(asked) = message::receive(&mut requests)? {
        let clock = Clock::start(request.limits.cpu_seconds)?;
        let reply = match asked {
            Request::Open(_) => return Err(io::Error::other("opened twice")),
            Request::Scan(input, options) => {
                let progress = Progress {
                    replies: &replies,
                    clock: &clock,
                    told: AtomicU64::new(0),
                };
                let scan = direct.scan(
                    &opened(&input)?,
                    &options,
                    &|bytes| progress.reached(bytes),
                    &mut |scanned| replies.send(&Reply::Batch(Box::new(scanned)), false),
                );
                Reply::Scanned(Box::new(WireScan::of(scan)))
            }
            Request::Split(input, options, split) => {
                let input = opened(&input)?;
                let divided = direct.split(&input, &options, &job(&split));
                Reply::Divided(divided.map_err(|error| WireError::of(&error)))
            }
        };
        replies.send(&reply, true);
    }
    Ok(())
}

fn opened(input: &WireInput) -> io::Result<InputPath> {
    match &input.path {
        Some(path) => Ok(InputPath::named(&input.name, path.to_path())),
        None => InputPath::standing(&io::stdin()),
    }
}

fn job(split: &WireSplit) -> SplitJob<'_> {
    SplitJob {
        sha256: &split.sha256,
        quarantined: &split.quarantined,
        clean: split.clean.as_path(),
        quarantine: split.quarantine.as_path(),
    }
}

/// The way back, shared by the threads of the scan.
struct Replies(Mutex<BufWriter<UnixStream>>);

impl Replies {
    /// Sends; ends the process where nobody is left to hear.
    fn send(&self, reply: &Reply, flush: bool) {
        // A thread that panicked while it sent has ended the process already.
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = message::send(&mut *out, reply);
        let sent = sent.and_then(|()| if flush { out.flush() } else { Ok(()) });
        if sent.is_err() {
            desert();
        }
    }
}

#[expect(
    clippy::exit,
    reason = "nobody is left to hear an answer, whatever thread finds out"
)]
fn desert() -> ! {
    process::exit(DESERTED)
}

/// Tells the supervisor and the clock how far a file was read.
struct Progress<'a> {
    replies: &'a Replies,
    clock: &'a Clock,
    told: AtomicU64,
}

impl Progress<'_> {
    fn reached(&self, bytes: u64) {
        let told = self.told.load(Ordering::Relaxed);
        if bytes < told.saturating_add(PROGRESS_BYTES) {
            return;
        }
        self.told.fetch_max(bytes, Ordering::Relaxed);
        // A limit that cannot be moved stays where it is, and may end this worker before the file
        // ends: that is undecided.
        drop(self.clock.reached(bytes));
        self.replies.send(&Reply::Progress(bytes), true);
    }
}
