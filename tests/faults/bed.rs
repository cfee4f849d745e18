//! A test bed: a folder with an index, sources to register, and an input that holds all of them.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use herdbook::GateOptions;
use herdbook::Register;

use super::fault;
use super::fault::Call;
use super::fault::Fault;
use super::inputs::MODEL;
use super::inputs::Source;
use super::inputs::TARGET;
use super::inputs::clean;

/// After this a command hangs. From the fault goals: none may take longer.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(30);

/// Everything that the beds of the campaigns know how to register.
pub(crate) fn sources() -> [Source; 3] {
    [
        Source::new("old", 0, 4),
        Source::new("new", 100, 5),
        Source::new("other", 200, 2),
    ]
}

/// A folder of its own, with `index/` in it.
pub(crate) struct Bed {
    _temp: Option<tempfile::TempDir>,
    path: PathBuf,
    /// The seeded defect of the program under test.
    defect: Option<&'static str>,
}

/// The words of `register` for one of [`sources`].
pub(crate) fn register(source: &str) -> Vec<String> {
    let file = format!("{source}.jsonl");
    let words = [
        "register",
        &file,
        "--source",
        source,
        "--model",
        MODEL,
        "--threads",
        "1",
    ];
    words.map(str::to_owned).to_vec()
}

/// What a command answered.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// `None`: ended by a signal, or hung.
    pub(crate) code: Option<i32>,
    pub(crate) killed: bool,
    pub(crate) hung: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Counted calls, where a fault was asked for.
    pub(crate) calls: Vec<Call>,
}

impl Ran {
    /// The call at which the fault happened; none means that nothing was tested.
    pub(crate) fn fault(&self) -> Option<&Call> {
        self.calls.iter().find(|call| call.fault)
    }

    /// Whether the command said that its change is done.
    pub(crate) fn acknowledged(&self) -> bool {
        self.stdout.contains("Registered ") || self.stdout.contains("Sealed ")
    }

    pub(crate) fn said(&self) -> String {
        format!(
            "exit {:?}{}\n{}{}",
            self.code,
            if self.hung { " (hung)" } else { "" },
            self.stdout,
            self.stderr
        )
    }
}

/// Which texts a check found.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) ran: Ran,
    /// Places of blocked rows in the input.
    rows: BTreeSet<usize>,
}

fn scratch() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("herdbook-faults-");
    // Nothing but the power cuts depends on the device, so memory does, where there is some.
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        builder.tempdir_in(memory)
    } else {
        builder.tempdir()
    };
    made.unwrap()
}

impl Bed {
    /// An index that holds the source `old`.
    pub(crate) fn new(defect: Option<&'static str>) -> Self {
        let bed = Self::empty(defect);
        bed.must(&["init"]);
        bed.must(&register("old"));
        bed
    }

    /// No index yet.
    pub(crate) fn empty(defect: Option<&'static str>) -> Self {
        let temp = scratch();
        let path = temp.path().canonicalize().unwrap();
        Self::furnish(Some(temp), path, defect)
    }

    fn furnish(
        temp: Option<tempfile::TempDir>,
        path: PathBuf,
        defect: Option<&'static str>,
    ) -> Self {
        let mut input = String::new();
        for source in sources() {
            fs::write(path.join(source.file()), source.lines()).unwrap();
            for text in &source.texts {
                writeln!(input, "{}", serde_json::json!({ "text": text })).unwrap();
            }
        }
        for text in clean(6) {
            writeln!(input, "{}", serde_json::json!({ "text": text })).unwrap();
        }
        fs::write(path.join("input.jsonl"), input).unwrap();
        Self {
            _temp: temp,
            path,
            defect,
        }
    }

    /// A copy in a folder of its own; hard links inside stay hard links.
    pub(crate) fn fork(&self) -> Self {
        let temp = scratch();
        let path = temp.path().canonicalize().unwrap();
        copy_tree(&self.path, &path);
        Self {
            _temp: Some(temp),
            path,
            defect: self.defect,
        }
    }

    /// A bed that is there already, in a folder of the caller's.
    pub(crate) fn at_as_it_is(path: &Path, defect: Option<&'static str>) -> Self {
        Self {
            _temp: None,
            path: path.canonicalize().unwrap(),
            defect,
        }
    }

    pub(crate) fn defect(&self) -> Option<&'static str> {
        self.defect
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.path.join("index")
    }

    pub(crate) fn command(&self, words: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_herdbook"));
        command
            .arg("--quiet")
            .arg("--index")
            .arg(self.index())
            .args(words.iter().map(AsRef::as_ref))
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .env("NO_COLOR", "1")
            .env_remove("HERDBOOK_INDEX")
            .env_remove("HERDBOOK_KEYS")
            .env_remove("HERDBOOK_DEFECT");
        if let Some(defect) = self.defect {
            command.env("HERDBOOK_DEFECT", defect);
        }
        command
    }

    /// Starts a command under a fault; what it says goes to files of the bed.
    pub(crate) fn start(&self, words: &[impl AsRef<str>], fault: Option<&Fault>) -> Child {
        let mut command = self.command(words);
        command
            .stdout(File::create(self.path.join("stdout")).unwrap())
            .stderr(File::create(self.path.join("stderr")).unwrap());
        if let Some(fault) = fault {
            let log = self.path.join("calls");
            if log.exists() {
                fs::remove_file(&log).unwrap();
            }
            // One core's worth of threads, so that the same call has nearly the same number again.
            command
                .env("RAYON_NUM_THREADS", "1")
                .envs(fault.environment(&self.path, &log));
        }
        command.spawn().unwrap()
    }

    /// Waits for a command that [`Self::start`] began.
    pub(crate) fn finish(&self, mut child: Child, fault: Option<&Fault>) -> Ran {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if started.elapsed() > HANGS_AFTER {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let calls = match fault {
            Some(_) => fault::calls(&self.path.join("calls")),
            None => Vec::new(),
        };
        let said = |name| {
            let bytes = fs::read(self.path.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ran {
            code: status.and_then(|status| status.code()),
            killed: status.is_some_and(|status| status.signal() == Some(9)),
            hung: status.is_none(),
            stdout: said("stdout"),
            stderr: said("stderr"),
            calls,
        }
    }

    pub(crate) fn run(&self, words: &[impl AsRef<str>]) -> Ran {
        self.finish(self.start(words, None), None)
    }

    pub(crate) fn run_with(&self, words: &[impl AsRef<str>], fault: &Fault) -> Ran {
        self.finish(self.start(words, Some(fault)), Some(fault))
    }

    /// Runs what has to succeed for a trial to mean anything.
    #[track_caller]
    pub(crate) fn must(&self, words: &[impl AsRef<str>]) {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{}", ran.said());
    }

    pub(crate) fn check(&self) -> Checked {
        self.check_with(None)
    }

    /// Checks the input that holds every text of every source, through the program.
    pub(crate) fn check_with(&self, fault: Option<&Fault>) -> Checked {
        let report = self.path.join("report.json");
        if report.exists() {
            fs::remove_file(&report).unwrap();
        }
        let words = [
            "check",
            "input.jsonl",
            "--target-model",
            TARGET,
            "--report",
            "report.json",
            "--threads",
            "1",
        ];
        let ran = self.finish(self.start(&words, fault), fault);
        let rows = fs::read(&report).map_or_else(|_| BTreeSet::new(), |bytes| blocked(&bytes));
        Checked { ran, rows }
    }

    /// Asks the library, in this process, for every text of these sources: which it finds, or why
    /// it does not answer.
    pub(crate) fn ask(&self, sources: &[&Source]) -> Result<Vec<bool>, String> {
        ask(&self.index(), sources)
    }
}

/// As [`Bed::ask`], of any index.
pub(crate) fn ask(index: &Path, sources: &[&Source]) -> Result<Vec<bool>, String> {
    let register = Register::open(index).map_err(|error| error.to_string())?;
    let gate = register
        .gate(&GateOptions::for_model(TARGET))
        .map_err(|error| error.to_string())?;
    let mut checker = gate.checker();
    let texts = sources.iter().flat_map(|source| &source.texts);
    texts
        .map(|text| match checker.check(text) {
            Ok(answer) => Ok(!answer.is_clean()),
            Err(error) => Err(error.to_string()),
        })
        .collect()
}

fn blocked(report: &[u8]) -> BTreeSet<usize> {
    let report: serde_json::Value = serde_json::from_slice(report).unwrap_or_default();
    report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finding| finding["level"] == "block")
        .filter_map(|finding| finding["location"]["row"].as_u64())
        .map(|row| usize::try_from(row).unwrap())
        .collect()
}

impl Checked {
    /// Holds a check to what may be said: every text of `must` was found, or there is no answer;
    /// of any other source all texts are found or none. Returns in which way it was right.
    pub(crate) fn sound(&self, must: &[&str]) -> Result<String, String> {
        let broken = |what: &str| Err(format!("{what}: check: {}", self.ran.said()));
        match self.ran.code {
            Some(3 | 2) if self.ran.stderr.is_empty() && self.ran.stdout.is_empty() => {
                broken("undecided without a word")
            }
            Some(3 | 2) => Ok("undecided".to_owned()),
            Some(0) if !must.is_empty() => broken("FALSE PASS"),
            Some(0 | 1) => {
                let mut from = 0;
                let mut class = String::from("found");
                for source in sources() {
                    let rows = from..from + source.texts.len();
                    from = rows.end;
                    let found = rows.clone().filter(|row| self.rows.contains(row)).count();
                    if must.contains(&source.name.as_str()) && found < rows.len() {
                        return broken(&format!("SILENT MISS in {}", source.name));
                    }
                    if found != 0 && found != rows.len() {
                        return broken(&format!("HALF of {} is there", source.name));
                    }
                    if found > 0 {
                        write!(class, " {}", source.name).unwrap();
                    }
                }
                Ok(class)
            }
            _ => broken("crash or hang"),
        }
    }

    /// Whether every text of these sources, and of no other, was found.
    pub(crate) fn finds(&self, exactly: &[&str]) -> Result<(), String> {
        let class = self.sound(exactly)?;
        let wanted = exactly
            .iter()
            .fold("found".to_owned(), |all, name| format!("{all} {name}"));
        if class == wanted {
            return Ok(());
        }
        Err(format!("{class} instead of {wanted}: {}", self.ran.said()))
    }
}

/// Copies a folder; files that are one file under two names stay so.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    let mut known = HashMap::new();
    copy_below(from, to, &mut known);
}

fn copy_below(from: &Path, to: &Path, known: &mut HashMap<u64, PathBuf>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, path) = (entry.path(), to.join(entry.file_name()));
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            copy_below(&source, &path, known);
        } else if meta.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).unwrap(), &path).unwrap();
        } else if let Some(same) = known.get(&meta.ino()) {
            fs::hard_link(same, &path).unwrap();
        } else {
            fs::copy(&source, &path).unwrap();
            if meta.nlink() > 1 {
                known.insert(meta.ino(), path);
            }
        }
    }
}

/// Every file below a folder, relative to it, sorted.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                out.push(path.strip_prefix(root).unwrap().to_path_buf());
            }
        }
    }
    out.sort();
    out
}

/// Every file and folder below a folder, itself included.
pub(crate) fn everything(root: &Path) -> BTreeSet<PathBuf> {
    let mut out: BTreeSet<PathBuf> = BTreeSet::from([root.to_path_buf()]);
    for file in files(root) {
        let path = root.join(file);
        let above = path.ancestors().take_while(|above| *above != root);
        out.extend(above.map(Path::to_path_buf));
    }
    // Folders without a file.
    for entry in fs::read_dir(root).unwrap() {
        out.insert(entry.unwrap().path());
    }
    out
}
