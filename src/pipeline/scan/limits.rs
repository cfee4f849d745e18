//! What a worker may use: so that no input takes the machine with it.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde::Deserialize;
use serde::Serialize;

/// Memory that a worker may use beyond its filters, for reading: this much, and [`THREAD_BYTES`]
/// for each thread. Chosen: an Arrow batch of the largest size, compressed and decoded.
const BASE_BYTES: u64 = 2 << 30;
/// Chosen: the largest Parquet page, and what it decodes to.
const THREAD_BYTES: u64 = 512 << 20;

/// Processor seconds, of all threads together, that any file may take. Chosen: the slowest rows
/// that were measured, each a near copy of many registered texts, take a second a megabyte.
pub const CPU_SECONDS: u64 = 600;
/// Processor seconds that every megabyte of it adds, once it was read. Chosen: a hundred times the
/// figure above, for a slower machine without vector instructions.
const SECONDS_PER_MEGABYTE: u64 = 100;
/// How far the limit is moved at once at least. Chosen: one system call in many batches.
const STEP_SECONDS: u64 = 30;

/// Limits of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLimits {
    /// Bytes of memory beyond what the open snapshot holds.
    pub memory_bytes: u64,
    /// Processor seconds that a file may take beside those for its size.
    pub cpu_seconds: u64,
}

impl WorkerLimits {
    /// The limits in effect where none are named.
    pub fn new(threads: usize) -> Self {
        Self {
            memory_bytes: memory_bytes(threads),
            cpu_seconds: CPU_SECONDS,
        }
    }
}

/// Memory for reading with so many threads, in bytes.
pub fn memory_bytes(threads: usize) -> u64 {
    BASE_BYTES + THREAD_BYTES.saturating_mul(threads as u64)
}

/// Limits this process to the memory that it uses now and `memory_bytes` more, and forbids it to
/// leave its memory in a file when it crashes: the texts of the data set are in it.
pub(super) fn confine(memory_bytes: u64) -> io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(
        Resource::Data,
        private_bytes()?.saturating_add(memory_bytes),
    )
}

/// Sets a limit, as far as the one that stands already allows.
fn lower(resource: Resource, to: u64) -> io::Result<()> {
    let standing = getrlimit(resource);
    let to = standing.maximum.map_or(to, |maximum| maximum.min(to));
    let limit = Rlimit {
        current: Some(to),
        maximum: standing.maximum,
    };
    Ok(setrlimit(resource, limit)?)
}

/// Bytes of private memory that may be written, which is what the limit on data counts; zero where
/// the system does not tell.
fn private_bytes() -> io::Result<u64> {
    if !cfg!(target_os = "linux") {
        return Ok(0);
    }
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().nth(5).unwrap_or_default();
    let pages: u64 = pages
        .parse()
        .map_err(|_| io::Error::other("/proc/self/statm holds no sixth number"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Moves the limit of processor time along with what was read of one file.
pub(super) struct Clock {
    started: u64,
    base: u64,
    allowed: AtomicU64,
}

impl Clock {
    /// Starts the time of one file.
    pub(super) fn start(cpu_seconds: u64) -> io::Result<Self> {
        let started = used_seconds();
        let clock = Self {
            started,
            base: cpu_seconds,
            allowed: AtomicU64::new(0),
        };
        clock.reached(0)?;
        Ok(clock)
    }

    /// Allows for `bytes` of the file.
    pub(super) fn reached(&self, bytes: u64) -> io::Result<()> {
        let of_size = (bytes >> 20).saturating_mul(SECONDS_PER_MEGABYTE);
        // The system counts whole seconds and ends a process that has reached its limit.
        let allowed = (self.started + 1 + self.base).saturating_add(of_size);
        let before = self.allowed.load(Ordering::Relaxed);
        if before != 0 && allowed < before.saturating_add(STEP_SECONDS) {
            return Ok(());
        }
        let most = self.allowed.fetch_max(allowed, Ordering::Relaxed);
        lower(Resource::Cpu, most.max(allowed))
    }
}

/// Processor seconds of this process, rounded down.
fn used_seconds() -> u64 {
    u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0)
}
