//! Faults at chosen system calls of the program: `shim.c`, built once per run.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Calls that change something on disk, or make it durable.
pub(crate) const CHANGING: &str = "write,sync,open,rename,link,unlink,mkdir,truncate";
/// Those and the reads.
pub(crate) const ALL: &str = "write,sync,open,rename,link,unlink,mkdir,truncate,read";

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Only counted and logged.
    Nothing,
    /// The process is killed before the call.
    Kill,
    /// The process is killed after half of the bytes were written.
    Torn,
    /// The process stops before the call.
    Stop,
    /// The call fails.
    Fails(Errno),
    /// The call and every later one fail.
    FailsFromThen(Errno),
    /// Half of the bytes are read or written.
    Short,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errno {
    Io,
    NoSpace,
    Quota,
    Interrupted,
}

impl Errno {
    fn number(self) -> i32 {
        match self {
            Self::Interrupted => 4,
            Self::Io => 5,
            Self::NoSpace => 28,
            Self::Quota => 122,
        }
    }
}

/// A fault at the `at`th of these calls, counted over all threads of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) calls: &'static str,
    pub(crate) at: usize,
    pub(crate) act: Act,
}

impl Fault {
    /// Counts and logs, changes nothing.
    pub(crate) fn none(calls: &'static str) -> Self {
        Self {
            calls,
            at: 0,
            act: Act::Nothing,
        }
    }

    /// The environment of the program; its calls below `root` are logged into `log`.
    pub(crate) fn environment(&self, root: &Path, log: &Path) -> Vec<(&'static str, OsString)> {
        let action = match self.act {
            Act::Nothing => "",
            Act::Kill => "kill",
            Act::Torn => "torn",
            Act::Stop => "stop",
            Act::Fails(_) | Act::FailsFromThen(_) => "errno",
            Act::Short => "short",
        };
        let mut out: Vec<(&'static str, OsString)> = vec![
            ("LD_PRELOAD", library().into()),
            ("SHIM_ROOT", root.into()),
            ("SHIM_LOG", log.into()),
            ("SHIM_CALLS", self.calls.into()),
            ("SHIM_DO", action.into()),
        ];
        if self.act != Act::Nothing {
            out.push(("SHIM_AT", self.at.to_string().into()));
        }
        if let Act::Fails(errno) | Act::FailsFromThen(errno) = self.act {
            out.push(("SHIM_ERRNO", errno.number().to_string().into()));
            let sticky = matches!(self.act, Act::FailsFromThen(_));
            out.push(("SHIM_STICKY", u8::from(sticky).to_string().into()));
        }
        out
    }
}

/// One counted call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Where it was renamed or linked to.
    pub(crate) to: PathBuf,
    /// Whether the fault happened here.
    pub(crate) fault: bool,
}

/// The calls of a run. No log means that no call was counted.
pub(crate) fn calls(log: &Path) -> Vec<Call> {
    let Ok(text) = fs::read_to_string(log) else {
        return Vec::new();
    };
    let mut out: Vec<(usize, Call)> = Vec::new();
    for line in text.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        let call = Call {
            name: parts[1].to_owned(),
            path: parts[2].into(),
            to: parts[3].into(),
            fault: parts.get(4) == Some(&"FAULT"),
        };
        out.push((parts[0].parse().unwrap(), call));
    }
    // Threads may write their lines in another order than they were counted in.
    out.sort_by_key(|(number, _)| *number);
    out.into_iter().map(|(_, call)| call).collect()
}

fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compile("shim.so", &["-shared", "-fPIC"]))
}

/// The program that cuts the power of a file system: `cut DIR`.
pub(crate) fn cutter() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compile("cut", &["-DCUT"]))
}

fn compile(name: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}-{name}", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
    let done = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror"])
        .args(flags)
        .arg("-o")
        .args([&path, &source])
        .arg("-ldl")
        .output()
        .expect("a C compiler, which building the engine needs too");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "shim.c does not compile:\n{said}");
    path
}
