//! What happens when the program itself is wrong: exit 3 and a message, never a pass or a block.
//!
//! The message names the place in the source and not the panic's text: that may quote the data set.

use std::backtrace::Backtrace;
use std::backtrace::BacktraceStatus;
use std::panic;
use std::process::ExitCode;
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
pub(super) fn guarded(run: impl FnOnce() -> Exit + panic::UnwindSafe) -> ExitCode {
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
        Ok(exit) if PANICKED.load(Ordering::SeqCst) => exit.or_undecided().into(),
        Ok(exit) => exit.into(),
        Err(_) => Exit::Undecided.into(),
    }
}
