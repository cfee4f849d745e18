//! The scan worker of a check: this program once more, as a process that may be killed by what it
//! reads.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::panic;
use std::path::PathBuf;
use std::process;

use anyhow::Context as _;
use clap::Args;

use super::args::Global;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened::Opened;
use crate::pipeline::scan;
use crate::pipeline::scan::WorkerLimits;
use crate::pipeline::scan::worker::Ground;
use crate::pipeline::scan::worker::OpenRequest;
use crate::snapshot::OpenError;
use crate::snapshot::Snapshot;

/// The hidden command that a worker is started with.
pub const COMMAND: &str = "scan-worker";

/// Limits of the worker on the command line.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct LimitArgs {
    /// Memory that reading may use beyond the index's filters, in MiB [default: 2048 and 512 per thread]
    #[arg(long, value_name = "MIB", env = "HERDBOOK_WORKER_MEMORY",
        value_parser = clap::value_parser!(u64).range(16..1 << 30))]
    pub worker_memory: Option<u64>,

    /// Processor seconds that a file may take, beside 100 for each MiB of it [default: 600]
    #[arg(long, value_name = "SECONDS", env = "HERDBOOK_WORKER_SECONDS",
        value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    pub worker_seconds: Option<u64>,
}

impl LimitArgs {
    /// The limits for a scan with so many threads.
    pub(super) fn limits(self, threads: usize) -> WorkerLimits {
        let unnamed = WorkerLimits::new(threads);
        WorkerLimits {
            memory_bytes: self
                .worker_memory
                .map_or(unnamed.memory_bytes, |mebibytes| mebibytes << 20),
            cpu_seconds: self.worker_seconds.unwrap_or(unnamed.cpu_seconds),
        }
    }
}

/// This program, so that it can be started again. On Linux the very file that is running, even if
/// another one took its name.
pub(super) fn program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

/// Serves the process that started this one over standard output, which is a socket.
pub(super) fn run() -> Result<Exit, Failure> {
    // One thread that failed may have left out what it was to find: nothing more counts.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::abort();
    }));
    let stream = stream()
        .context("this command is started by `herdbook check`, not by hand")
        .or_usage()?;
    scan::worker::serve(stream, |asked| {
        ground(asked).map_err(|error| error.to_string())
    })
    .context("the scan worker cannot go on")
    .or_undecided()?;
    Ok(Exit::Pass)
}

fn stream() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    // A terminal or a file is no socket.
    stream.local_addr()?;
    Ok(stream)
}

fn ground(asked: &OpenRequest) -> Result<Ground, OpenError> {
    let opened = Opened::find(&Global {
        index: asked.index(),
        quiet: true,
    })?;
    let snapshot = match asked.snapshot() {
        Some((path, digest)) => Snapshot::open_at(&path, digest, &opened.compat, None)?,
        None => opened.head()?,
    };
    Ok(Ground {
        snapshot,
        recipe: opened.recipe,
        key: opened.key,
    })
}
