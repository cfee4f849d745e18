//! Counting trials, and what a campaign says at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// Whether the long form was asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("HERDBOOK_FAULTS").is_some_and(|form| form == "long")
}

/// The count of trials of this form, or as `HERDBOOK_FAULTS_TRIALS` says.
pub(crate) fn trials(short: usize, long_form: usize) -> usize {
    match std::env::var("HERDBOOK_FAULTS_TRIALS") {
        Ok(number) => number.parse().expect("HERDBOOK_FAULTS_TRIALS is a number"),
        Err(_) if long() => long_form,
        Err(_) => short,
    }
}

/// First seed of the campaigns; trial N of a campaign uses this plus N.
pub(crate) fn seed() -> u64 {
    match std::env::var("HERDBOOK_FAULTS_SEED") {
        Ok(number) => number.parse().expect("HERDBOOK_FAULTS_SEED is a number"),
        Err(_) => 1,
    }
}

/// Failures kept with their words. Chosen: enough to see a pattern.
const FAILURES_SAID: usize = 8;

/// What a campaign counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    name: String,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    trials: usize,
    classes: BTreeMap<String, usize>,
    failed: usize,
    failures: Vec<String>,
    first_failure: Option<usize>,
}

impl Tally {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Counts one trial: the class it came out in, or what it broke.
    pub(crate) fn count(&self, trial: impl fmt::Display, result: Result<String, String>) {
        let mut inner = self.inner.lock().unwrap();
        inner.trials += 1;
        match result {
            Ok(class) => *inner.classes.entry(class).or_default() += 1,
            Err(what) => {
                inner.failed += 1;
                let number = inner.trials;
                inner.first_failure.get_or_insert(number);
                if inner.failures.len() < FAILURES_SAID {
                    inner.failures.push(format!("{trial}: {what}"));
                }
            }
        }
    }

    pub(crate) fn failed(&self) -> usize {
        self.inner.lock().unwrap().failed
    }

    /// Trials up to the first failure, itself included.
    #[cfg(feature = "defects")]
    pub(crate) fn first_failure(&self) -> Option<usize> {
        self.inner.lock().unwrap().first_failure
    }

    pub(crate) fn classes(&self) -> BTreeMap<String, usize> {
        self.inner.lock().unwrap().classes.clone()
    }

    /// Prints the counts; the campaign fails if any trial did, or if there was none.
    #[track_caller]
    pub(crate) fn holds(&self) {
        println!("{self}");
        let inner = self.inner.lock().unwrap();
        assert!(inner.trials > 0, "{}: no trial was made", self.name);
        assert_eq!(
            inner.failed,
            0,
            "{}: {} of {} trials failed (seed {}):\n{}",
            self.name,
            inner.failed,
            inner.trials,
            seed(),
            inner.failures.join("\n")
        );
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock().unwrap();
        write!(
            f,
            "faults: {}: {} trials, {} failures",
            self.name, inner.trials, inner.failed
        )?;
        for (class, count) in &inner.classes {
            write!(f, "; {class} {count}")?;
        }
        Ok(())
    }
}

/// Runs trials on as many threads as there are cores, at most four; `false` stops the rest.
pub(crate) fn side_by_side<T: Sync>(trials: &[T], run: impl Fn(&T) -> bool + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(4) {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !run(trial) {
                        next.store(trials.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

/// Every trial in the long form, each `step`th in the short one, from a place that the seed moves.
pub(crate) fn some_of<T: Clone>(all: &[T], step: usize) -> Vec<T> {
    let step = if long() { 1 } else { step.max(1) };
    let offset = usize::try_from(seed()).unwrap() % step;
    all.iter().skip(offset).step_by(step).cloned().collect()
}

/// Pseudo-random numbers from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
