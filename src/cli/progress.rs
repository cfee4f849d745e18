//! Progress of long work: bytes, rate and time left, on a terminal only.
//!
//! Draws on standard error, so that reports and JSON on standard output stay clean. Without a
//! terminal, with `--quiet` or on a dumb terminal it does nothing.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use crate::report::escape;

/// Longest message beside a bar, in characters. Chosen.
const MESSAGE_CHARS_MAX: usize = 32;

/// How often the display moves without news. Chosen.
const TICK: Duration = Duration::from_millis(120);

const WITH_TOTAL: &str = "{msg} [{wide_bar}] {binary_bytes}/{binary_total_bytes} \
                          {binary_bytes_per_sec} {eta} left";
const WITHOUT_TOTAL: &str = "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}";
const SPINNER: &str = "{msg} {spinner} {elapsed}";

/// A progress bar, or nothing. Cheap to clone; any thread may report.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts a bar over `bytes_total`, or a counter where the total is not known (standard
    /// input). `what` says what is being done, e.g. `checking`.
    pub fn bytes(what: &str, bytes_total: Option<u64>, quiet: bool) -> Self {
        if quiet || !wanted() {
            return Self::none();
        }
        let bar = ProgressBar::with_draw_target(bytes_total, ProgressDrawTarget::stderr());
        bar.set_style(style(if bytes_total.is_some() {
            WITH_TOTAL
        } else {
            WITHOUT_TOTAL
        }));
        Self::started(bar, what)
    }

    /// Starts a spinner for work whose size is not known, e.g. `sealing`.
    pub fn spinner(what: &str, quiet: bool) -> Self {
        if quiet || !wanted() {
            return Self::none();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style(SPINNER));
        Self::started(bar, what)
    }

    /// No bar at all.
    pub fn none() -> Self {
        Self { bar: None }
    }

    fn started(bar: ProgressBar, what: &str) -> Self {
        let progress = Self { bar: Some(bar) };
        progress.message(what);
        if let Some(bar) = &progress.bar {
            bar.enable_steady_tick(TICK);
        }
        progress
    }

    /// Counts bytes done.
    pub fn add(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Sets the bytes done so far.
    pub fn set(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    /// Changes what is being done; the text may hold data.
    pub fn message(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(escape::terminal(&escape::shorten(text, MESSAGE_CHARS_MAX)));
        }
    }

    /// A function that counts bytes, for code that must not know about terminals.
    pub fn counter(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let progress = self.clone();
        move |bytes| progress.add(bytes)
    }

    /// Prints through `print` without the bar getting in the way.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar: what was done stands in the report.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether somebody watches.
fn wanted() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, tested below; the default bar is a fine second best.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_nothing_is_drawn_and_nothing_breaks() {
        let progress = Progress::bytes("checking", Some(10), true);
        assert!(progress.bar.is_none());
        let counter = progress.counter();
        std::thread::spawn(move || counter(5))
            .join()
            .expect("joins");
        progress.message("a\u{1b}[2J");
        assert_eq!(progress.suspend(|| 7), 7);
        progress.finish();
    }

    #[test]
    fn a_bar_counts_from_any_thread_and_escapes_its_message() {
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::hidden());
        let progress = Progress::started(bar.clone(), "x\u{1b}[2J");
        let counters: Vec<_> = (0..4).map(|_| progress.counter()).collect();
        let threads: Vec<_> = counters
            .into_iter()
            .map(|count| std::thread::spawn(move || count(25)))
            .collect();
        for thread in threads {
            thread.join().expect("joins");
        }
        assert_eq!(bar.position(), 100);
        assert_eq!(bar.message(), "x\\u{001B}[2J");
        progress.finish();
        assert!(bar.is_finished());
    }

    #[test]
    fn the_templates_are_valid() {
        for template in [WITH_TOTAL, WITHOUT_TOTAL, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
