//! What happens when the program itself is wrong: exit 3 and a message, never a pass or a block.
//!
//! The message names the place in the source and not the panic's text: that may quote the data set.

use std::backtrace::Backtrace;
use std::backtrace::BacktraceStatus;
use std::panic;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::exit::Exit;
use super::out;

/// Whether any thread of this process has panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs a command so that a panic, on this or any other thread, cannot end in a pass.
///
/// A panic that a reader caught and counted as undecided leaves a block a block; a panic that
/// comes through to here is exit 3 whatever was found before it.
pub(super) fn guarded(run: impl FnOnce() -> Exit + panic::UnwindSafe) -> Exit {
    panic::set_hook(Box::new(|info| {
        PANICKED.store(true, Ordering::SeqCst);
        let place = info.location().map_or_else(
            || "an unknown place".to_owned(),
            |at| format!("{}:{}:{}", at.file(), at.line(), at.column()),
        );
        out::internal_error(&place);
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            out::plain_to_stderr(&trace.to_string());
        }
    }));
    match panic::catch_unwind(run) {
        Ok(exit) if PANICKED.load(Ordering::SeqCst) => exit.or_undecided(),
        Ok(exit) => exit,
        Err(_) => Exit::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What the child process does; the variable is set by the tests below.
    const CHILD: &str = "HERDBOOK_TEST_PANIC";

    /// Not a test: the hook is the whole process's, so each case runs in a process of its own.
    #[test]
    #[ignore = "needs to be started by the other tests of this module"]
    #[expect(clippy::exit, reason = "the exit code is what is tested")]
    fn child() {
        let case = std::env::var(CHILD).expect("started by a test");
        let exit = guarded(|| match case.as_str() {
            "main" => panic!("secret text of a data set"),
            "thread" | "thread-block" => {
                let thread = std::thread::spawn(|| panic!("secret text of a data set"));
                assert!(thread.join().is_err());
                if case == "thread" {
                    Exit::Pass
                } else {
                    Exit::Block
                }
            }
            _ => Exit::Pass,
        });
        std::process::exit(i32::from(exit.code()));
    }

    fn ends_with(case: &str) -> (Option<i32>, String) {
        let output = Command::new(std::env::current_exe().expect("this test binary"))
            .args([
                "--exact",
                "cli::panics::tests::child",
                "--ignored",
                "--nocapture",
            ])
            .env(CHILD, case)
            .output()
            .expect("starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    #[test]
    fn a_panic_is_undecided_and_quotes_no_data() {
        for (case, code) in [("none", 0), ("main", 3), ("thread", 3), ("thread-block", 1)] {
            let (found, message) = ends_with(case);
            assert_eq!(found, Some(code), "{case}: {message}");
            assert!(!message.contains("secret"), "{case}: {message}");
            assert_eq!(
                message.contains("internal error"),
                case != "none",
                "{case}: {message}"
            );
            assert_eq!(
                message.contains("panics.rs:"),
                case != "none",
                "{case}: {message}"
            );
        }
    }
}
