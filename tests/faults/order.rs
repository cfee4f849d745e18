//! What a registration has made durable by the time it says so, read off its own calls: the legal
//! worst case of a power cut, which a test on one file system cannot show. (On ext4 the sync of one
//! file makes the names of others durable too; no standard promises that.)
//!
//! A file is *pending* from a write to its next sync, a name from its making to the next sync of its
//! directory. When the acknowledgement is printed, nothing below the index may be pending that a
//! reader of the index needs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::bed;
use super::bed::Bed;
use super::bed::register;
use super::fault::CHANGING;
use super::fault::Call;
use super::fault::Fault;
use super::tally::Tally;

/// What would be lost by a power cut now.
#[derive(Debug, Default)]
struct Pending {
    /// Which file a name means; links share one.
    files: BTreeMap<PathBuf, usize>,
    written: BTreeSet<usize>,
    /// Whose sync failed: the system may take the pages for written, so that a later sync that
    /// succeeds says nothing.
    broken: BTreeSet<usize>,
    names: BTreeSet<PathBuf>,
    /// What a making meets: it makes nothing then.
    there: BTreeSet<PathBuf>,
    next: usize,
}

impl Pending {
    fn file(&mut self, path: &Path) -> usize {
        if let Some(&file) = self.files.get(path) {
            return file;
        }
        self.next += 1;
        self.files.insert(path.to_path_buf(), self.next);
        self.next
    }

    fn apply(&mut self, call: &Call) {
        let sync = call.name.contains("sync");
        // What failed did nothing; a write may have done a part.
        if call.fault && !sync && !call.name.contains("write") {
            return;
        }
        match call.name.as_str() {
            "write" | "writev" | "pwrite64" | "ftruncate64" => {
                let file = self.file(&call.path);
                self.written.insert(file);
            }
            "create" => {
                if self.there.insert(call.path.clone()) {
                    self.names.insert(call.path.clone());
                }
                self.file(&call.path);
            }
            "mkdir" => {
                if self.there.insert(call.path.clone()) {
                    self.names.insert(call.path.clone());
                }
            }
            "link" | "linkat" => {
                let file = self.file(&call.path);
                self.files.insert(call.to.clone(), file);
                self.names.insert(call.to.clone());
                self.there.insert(call.to.clone());
            }
            "rename" => {
                let moved: Vec<PathBuf> = self
                    .files
                    .keys()
                    .filter(|path| path.starts_with(&call.path))
                    .cloned()
                    .collect();
                for path in moved {
                    let file = self.files.remove(&path).unwrap();
                    self.files.insert(renamed(&path, call), file);
                }
                for names in [&mut self.names, &mut self.there] {
                    *names = std::mem::take(names)
                        .into_iter()
                        .map(|path| renamed(&path, call))
                        .collect();
                }
                self.there.insert(call.to.clone());
                self.names.insert(call.to.clone());
            }
            "unlink" | "unlinkat" | "rmdir" => {
                self.files.remove(&call.path);
                self.names.remove(&call.path);
                self.there.remove(&call.path);
            }
            "fsync" | "fdatasync" => {
                let file = self.file(&call.path);
                if call.fault {
                    if self.written.contains(&file) {
                        self.broken.insert(file);
                    }
                    return;
                }
                self.written.remove(&file);
                self.names
                    .retain(|name| name.parent() != Some(call.path.as_path()));
            }
            "open" | "open-write" | "opendir" | "fallocate64" | "read" | "pread64" | "fread" => {}
            other => panic!("a call that this does not know: {other}"),
        }
    }

    /// What of it a reader needs.
    fn needed(&self, index: &Path) -> Vec<String> {
        let mut out = Vec::new();
        for (path, file) in &self.files {
            let lost = self.written.contains(file) || self.broken.contains(file);
            if lost && matters(path, index) {
                out.push(format!("bytes of {}", path.display()));
            }
        }
        for name in &self.names {
            if matters(name, index) {
                out.push(format!("name of {}", name.display()));
            }
        }
        out
    }
}

fn renamed(path: &Path, call: &Call) -> PathBuf {
    match path.strip_prefix(&call.path) {
        Ok(rest) if rest.as_os_str().is_empty() => call.to.clone(),
        Ok(rest) => call.to.join(rest),
        Err(_) => path.to_path_buf(),
    }
}

fn matters(path: &Path, index: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(index) else {
        return false;
    };
    let name = inside.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let live = inside.starts_with("db");
    // Scratch space. In the live database: the write-ahead log that was begun after the last commit,
    // which holds only what the next opening would do again, and table files, which may be half-way
    // through being made in the background; those that hold a commit stand in its snapshot too.
    let end = Path::new(name).extension().and_then(|end| end.to_str());
    let log = live && matches!(end, Some("log" | "sst"));
    !inside.starts_with("tmp") && !log && name != "LOCK" && !name.starts_with("LOG")
}

/// Every command that acknowledges a change.
pub(crate) fn campaign(defect: Option<&'static str>) -> Tally {
    let tally = Tally::new("everything durable before it is acknowledged");
    let bed = Bed::new(defect);
    let register = register("new");
    let commands: [Vec<String>; 3] = [
        register,
        vec!["snapshot".to_owned(), "seal".to_owned()],
        ["source", "withdraw", "old"].map(str::to_owned).to_vec(),
    ];
    for words in commands {
        let before = bed::everything(&bed.index());
        let ran = bed.run_with(&words, &Fault::none(CHANGING));
        let result = if ran.code == Some(0) {
            durable(&bed, before, &ran.calls)
        } else {
            Err(ran.said())
        };
        tally.count(words.join(" "), result);
    }
    tally
}

/// Whether nothing that a reader needs was pending when the command said so.
pub(crate) fn durable(
    bed: &Bed,
    before: BTreeSet<PathBuf>,
    calls: &[Call],
) -> Result<String, String> {
    let mut pending = Pending {
        there: before,
        ..Pending::default()
    };
    let said = bed.path().join("stdout");
    let mut acknowledged = false;
    for call in calls {
        if call.path == said {
            acknowledged = true;
            break;
        }
        pending.apply(call);
    }
    if !acknowledged {
        return Err("the acknowledgement is not among the calls".to_owned());
    }
    let lost = pending.needed(&bed.index());
    if lost.is_empty() {
        Ok("durable".to_owned())
    } else {
        Err(format!(
            "not durable when acknowledged: {}",
            lost.join(", ")
        ))
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    campaign(None).holds();
}
