//! Running a program: how long it takes, and how much memory it holds at most.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

/// Pause between looks at a program's peak memory. *Chosen*: a look costs some 20 microseconds,
/// and the system keeps the peak, so only what grew in the last pause is missed.
const PAUSE: Duration = Duration::from_millis(10);

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) seconds: f64,
    /// Peak resident memory; 0 where the system does not tell (other than Linux).
    pub(crate) peak_bytes: u64,
    pub(crate) stdout: String,
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Ran {
    let start = Instant::now();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let id = child.id();
    let ended = AtomicBool::new(false);
    let (output, seconds, peak_bytes) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(peak_bytes(id));
                std::thread::sleep(PAUSE);
            }
            peak
        });
        let output = child.wait_with_output().expect("the program ends");
        let seconds = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (output, seconds, looking.join().expect("it only looks"))
    });
    // Flags are expected: with many records some texts share a phrase.
    assert!(
        matches!(output.status.code(), Some(0..=2)),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ran {
        seconds,
        peak_bytes,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
    }
}

/// The most that a process and its workers held so far, as Linux tells it: a sum of peaks, which need
/// not have been at the same time.
fn peak_bytes(id: u32) -> u64 {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{id}/status")) else {
        return 0;
    };
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let own = kilobytes.map_or(0, |number| number.parse::<u64>().expect("kilobytes") * 1024);
    // Whichever thread started it, a worker is listed there.
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else {
        return own;
    };
    let mut sum = own;
    for thread in threads {
        // One that ended meanwhile has no children any more.
        let Ok(thread) = thread else { continue };
        let Ok(list) = std::fs::read_to_string(thread.path().join("children")) else {
            continue;
        };
        for id in list.split_whitespace() {
            sum += peak_bytes(id.parse().expect("a process"));
        }
    }
    sum
}

/// Bytes of all files below a folder.
pub(crate) fn bytes_in(dir: &Path) -> u64 {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let entry = entry.expect("an entry");
        let meta = entry.metadata().expect("its metadata");
        sum += if meta.is_dir() {
            bytes_in(&entry.path())
        } else {
            meta.len()
        };
    }
    sum
}
