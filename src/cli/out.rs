//! Printing. Colours go through `anstream`: none where the output is not a terminal or `NO_COLOR`
//! is set.

use std::io;
use std::io::BufWriter;
use std::io::StdoutLock;
use std::io::Write;

use anstyle::AnsiColor;
use serde::Serialize;

use super::exit::Failure;
use crate::report::escape;
use crate::report::pretty;
use crate::report::pretty::Pretty;

/// Bytes that go out at once. Chosen: what a pipe of Linux holds.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes text that is already escaped (a report, a table, JSON) to standard output.
///
/// A reader that went away (`| head`) is no error: it has what it wanted.
///
/// # Errors
/// Exit 3 when standard output refuses, for example a full disk behind `> report.txt`.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    told(written.and_then(|()| stdout.flush()))
}

fn told(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(Failure::undecided(
            anyhow::Error::new(cause).context("cannot write to standard output"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a value as pretty-printed JSON to standard output.
///
/// # Errors
/// As [`print()`], or when the value has no JSON form.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    // JSON has no colours that would have to be taken out, and may be long: it goes out as it is
    // made, and is nowhere held whole.
    stream(|out| {
        pretty::write(out, value, Pretty::default())?;
        out.write_all(b"\n")
    })
}

/// Lets `write` write to standard output, piece by piece; what it writes is escaped.
///
/// # Errors
/// As [`print()`], or what `write` says.
pub fn stream(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut stdout = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    told(write(&mut stdout).and_then(|()| stdout.flush()))
}

/// Says why a command failed, causes included, on standard error.
pub fn error(failure: &Failure) {
    let mut message = failure.error.to_string();
    for cause in failure.error.chain().skip(1) {
        let cause = cause.to_string();
        // Some errors already repeat their cause.
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    labelled("error", AnsiColor::Red, &message);
}

/// A warning on standard error; the text may hold data.
pub fn warn(text: &str) {
    labelled("warning", AnsiColor::Yellow, text);
}

/// A remark on standard error; the text may hold data.
pub fn note(text: &str) {
    labelled("note", AnsiColor::Cyan, text);
}

/// What a panic says.
pub(super) fn internal_error(place: &str) {
    labelled(
        "internal error",
        AnsiColor::Red,
        &format!(
            "herdbook failed at {place}; what it was doing is undecided (exit 3), not a pass. \
             Please report this place; RUST_BACKTRACE=1 shows how it came there."
        ),
    );
}

fn labelled(label: &str, color: AnsiColor, text: &str) {
    let style = color.on_default().bold();
    plain_to_stderr(&format!(
        "{style}{label}{style:#}: {}",
        escape::terminal(text)
    ));
}

/// A line on standard error. When even that fails there is nobody left to tell.
pub(super) fn plain_to_stderr(line: &str) {
    let mut stderr = anstream::stderr().lock();
    if writeln!(stderr, "{line}").is_err() {}
}
