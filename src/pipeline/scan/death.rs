//! How a worker ended, in words.

use std::fmt;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ChildStderr;
use std::process::ExitStatus;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use super::WorkerLimits;

/// Bytes of a worker's last words that are kept. Chosen: the message of a crash is one line.
const WORDS_BYTES: usize = 2048;
/// What the standard library says when it gets no memory.
const NO_MEMORY: &str = "memory allocation of ";

const SIGABRT: i32 = 6;
const SIGBUS: i32 = if cfg!(target_os = "macos") { 10 } else { 7 };
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// It could not be started.
    NotStarted(String),
    /// It asked for more memory than it may use.
    Memory(String),
    /// It used more processor time than it may.
    Time,
    /// It was killed from outside.
    Killed,
    /// It crashed.
    Crashed {
        /// The signal.
        signal: i32,
        /// What it said.
        words: String,
    },
    /// It ended by itself before its work was done.
    Left {
        /// Its exit code.
        code: i32,
        /// What it said.
        words: String,
    },
    /// It said nothing for so long.
    Silent(Duration),
    /// It said what makes no sense.
    Broken(String),
}

impl Death {
    pub(super) fn of_status(status: ExitStatus, words: String) -> Self {
        match status.signal() {
            Some(SIGXCPU) => Self::Time,
            Some(SIGKILL) => Self::Killed,
            Some(SIGABRT) if words.contains(NO_MEMORY) || words.contains("bad_alloc") => {
                Self::Memory(words)
            }
            Some(signal) => Self::Crashed { signal, words },
            None => Self::Left {
                code: status.code().unwrap_or(-1),
                words,
            },
        }
    }

    /// The same with the limits that it ran under.
    pub(super) fn of<'a>(&'a self, limits: &'a WorkerLimits) -> impl fmt::Display + 'a {
        struct Under<'a>(&'a Death, &'a WorkerLimits);
        impl fmt::Display for Under<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Death::Memory(_) => write!(
                        f,
                        "needed more than the {} MB of memory that it may use to read (its limit)",
                        self.1.memory_bytes >> 20
                    ),
                    Death::Time => write!(
                        f,
                        "used more processor time than the {} s, and 100 s for each megabyte read, \
                         that a file may take (its limit)",
                        self.1.cpu_seconds
                    ),
                    other @ (Death::NotStarted(_)
                    | Death::Killed
                    | Death::Crashed { .. }
                    | Death::Left { .. }
                    | Death::Silent(_)
                    | Death::Broken(_)) => other.fmt(f),
                }
            }
        }
        Under(self, limits)
    }

    /// What to do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Memory(_) => {
                "if the file can be trusted, allow more with --worker-memory, or write it again in \
                 smaller row groups, batches or rows; then check again"
            }
            Self::Time => {
                "if the file can be trusted, allow more with --worker-seconds, or write it again in \
                 smaller files; then check again"
            }
            Self::Killed => {
                "if the system killed it for want of memory (the kernel's log says so), free memory \
                 or use fewer --threads; then check again"
            }
            Self::Silent(_) => {
                "look whether the disk or network of the file answers, then check again"
            }
            Self::NotStarted(_) => {
                "see that this program may start itself (file permissions, number of processes), \
                 then check again"
            }
            Self::Crashed { .. } | Self::Left { .. } | Self::Broken(_) => {
                "write the file again from its source, or leave it out of the run, then check again; \
                 please report the file that does this"
            }
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |words: &str| {
            if words.is_empty() {
                String::new()
            } else {
                format!(" ({words})")
            }
        };
        match self {
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
            Self::Memory(words) => write!(f, "got no more memory{}", said(words)),
            Self::Time => write!(f, "used more processor time than it may"),
            Self::Killed => write!(f, "was killed by the system or by a person"),
            Self::Crashed { signal, words } => {
                let name = match *signal {
                    SIGSEGV => " SIGSEGV",
                    SIGBUS => " SIGBUS",
                    SIGABRT => " SIGABRT",
                    _ => "",
                };
                write!(f, "crashed with signal {signal}{name}{}", said(words))
            }
            Self::Left { code, words } => {
                write!(
                    f,
                    "ended with code {code} before it was done{}",
                    said(words)
                )
            }
            Self::Silent(time) => write!(f, "said nothing for {} s", time.as_secs()),
            Self::Broken(why) => write!(f, "was ended: {why}"),
        }
    }
}

/// Keeps the end of what a worker writes on its standard error.
pub(super) struct LastWords(Option<JoinHandle<Vec<u8>>>);

impl LastWords {
    pub(super) fn listen(stderr: Option<ChildStderr>) -> Self {
        Self(stderr.map(|stderr| thread::spawn(move || keep_the_end(stderr))))
    }

    /// What was said last, in one line; waits for the end of it.
    pub(super) fn heard(self) -> String {
        let said = self.0.map(JoinHandle::join);
        let Some(Ok(said)) = said else {
            return String::new();
        };
        let said = String::from_utf8_lossy(&said);
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }
}

fn keep_the_end(mut stderr: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; WORDS_BYTES];
    // A failure to read is the end of what can be heard.
    while let Ok(read @ 1..) = stderr.read(&mut chunk) {
        kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let over = kept.len().saturating_sub(WORDS_BYTES);
        kept.drain(..over);
    }
    kept
}
