//! From what the user named to a list of inputs.
//!
//! A folder is walked whole, in byte order of the names. Names that begin with a dot are no
//! inputs (data loaders skip them too); they are listed in [`Expansion::hidden`], and read when
//! named themselves. Links are followed, a folder is entered once. What cannot be listed, is no
//! regular file, or does not exist stays in the list as an error, so that the others are still
//! read and the whole is undecided.

use std::collections::HashSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use super::error::ReadError;
use super::limits::FOLDER_DEPTH_MAX;

/// One input: a file, or standard input.
#[derive(Debug, Clone)]
pub struct InputPath {
    /// As the user named it; `-` for standard input. Files of a folder: the folder as named,
    /// then the way to the file.
    pub name: Arc<str>,
    /// Where to open it; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Standard input, kept: seeking formats need it, and a split reads it a second time.
    spool: Arc<OnceLock<Arc<File>>>,
}

impl InputPath {
    /// A file at a path, named by that path.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: Arc::from(path.to_string_lossy().as_ref()),
            path: Some(path),
            spool: Arc::default(),
        }
    }

    /// Standard input. It is copied to an unnamed temporary file when it is first read.
    pub fn stdin() -> Self {
        Self {
            name: Arc::from("-"),
            path: None,
            spool: Arc::default(),
        }
    }

    /// A file at a path, named otherwise: as the user named it.
    pub fn named(name: &Arc<str>, path: PathBuf) -> Self {
        Self {
            name: Arc::clone(name),
            path: Some(path),
            spool: Arc::default(),
        }
    }

    /// Standard input that is a file already: [`spooled`](Self::spooled) by another process.
    pub fn standing(stdin: &io::Stdin) -> io::Result<Self> {
        let input = Self::stdin();
        let file = File::from(stdin.as_fd().try_clone_to_owned()?);
        input.spool.get_or_init(|| Arc::new(file));
        Ok(input)
    }

    /// The spooled standard input, copied to an unnamed temporary file on first use.
    pub fn spooled(&self) -> Result<Arc<File>, ReadError> {
        if let Some(file) = self.spool.get() {
            return Ok(Arc::clone(file));
        }
        let file = spool(&mut io::stdin().lock()).map_err(|source| ReadError::Io {
            path: Arc::clone(&self.name),
            source,
        })?;
        Ok(Arc::clone(self.spool.get_or_init(|| Arc::new(file))))
    }

    /// An input without a path whose bytes come from `source`.
    #[cfg(test)]
    pub(super) fn from_reader(name: &str, source: &mut dyn Read) -> io::Result<Self> {
        let input = Self {
            name: Arc::from(name),
            path: None,
            spool: Arc::default(),
        };
        let file = spool(source)?;
        input.spool.get_or_init(|| Arc::new(file));
        Ok(input)
    }
}

fn spool(source: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(source, &mut file)?;
    Ok(file)
}

/// The inputs that a list of names stands for.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Inputs and failures, in the order of the names given, files of a folder or pattern in byte
    /// order of their paths. A file named twice stands once.
    pub inputs: Vec<Result<InputPath, ReadError>>,
    /// Entries of walked folders that were left out because their names begin with a dot.
    pub hidden: Vec<PathBuf>,
}

/// Resolves files, folders, patterns (`*`, `?`, `[…]`, `**`) and `-`.
pub fn expand(patterns: &[String]) -> Expansion {
    let mut walk = Walk::default();
    for pattern in patterns {
        walk.named(pattern);
    }
    walk.out
}

#[derive(Default)]
struct Walk {
    out: Expansion,
    files_seen: HashSet<PathBuf>,
    stdin_seen: bool,
}

impl Walk {
    fn named(&mut self, pattern: &str) {
        if pattern == "-" {
            if !self.stdin_seen {
                self.stdin_seen = true;
                self.out.inputs.push(Ok(InputPath::stdin()));
            }
            return;
        }
        let path = Path::new(pattern);
        match fs::symlink_metadata(path) {
            Ok(_) => self.path(path, pattern),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_pattern(pattern) => {
                self.pattern(pattern);
            }
            Err(source) => self.fail(failure(pattern, source)),
        }
    }

    fn pattern(&mut self, pattern: &str) {
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            ..glob::MatchOptions::new()
        };
        let matches = match glob::glob_with(pattern, options) {
            Ok(matches) => matches,
            Err(error) => {
                return self.fail(ReadError::Unsupported {
                    path: Arc::from(pattern),
                    what: format!("the pattern: {error}"),
                    remedy: "Correct the pattern".to_owned(),
                });
            }
        };
        let mut found = false;
        for entry in matches {
            found = true;
            match entry {
                Ok(path) => {
                    let name = path.to_string_lossy().into_owned();
                    self.path(&path, &name);
                }
                Err(error) => {
                    let name = error.path().to_string_lossy().into_owned();
                    self.fail(failure(&name, error.into()));
                }
            }
        }
        if !found {
            self.fail(ReadError::Empty {
                path: Arc::from(pattern),
                what: "the pattern matches",
            });
        }
    }

    fn path(&mut self, path: &Path, name: &str) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = self.out.inputs.len();
                let mut parents = Vec::new();
                self.folder(path, &mut parents);
                if self.out.inputs.len() == before {
                    self.fail(ReadError::Empty {
                        path: Arc::from(name),
                        what: "the folder holds",
                    });
                }
            }
            Ok(metadata) if metadata.is_file() => self.file(path),
            Ok(_) => self.fail(ReadError::Unsupported {
                path: Arc::from(name),
                what: "a pipe, socket or device".to_owned(),
                remedy: "Name a regular file, or pipe the data into `-`".to_owned(),
            }),
            Err(source) => self.fail(failure(name, source)),
        }
    }

    fn file(&mut self, path: &Path) {
        if self.files_seen.insert(path.to_path_buf()) {
            self.out.inputs.push(Ok(InputPath::file(path)));
        }
    }

    /// Walks a folder; `parents` are the real paths of the folders on the way to it, so that a
    /// link to one of them does not go round in circles.
    fn folder(&mut self, path: &Path, parents: &mut Vec<PathBuf>) {
        let name = path.to_string_lossy().into_owned();
        if parents.len() >= FOLDER_DEPTH_MAX {
            return self.fail(ReadError::TooLarge {
                path: Arc::from(name),
                what: "the depth of folders".to_owned(),
                limit: format!("{FOLDER_DEPTH_MAX}"),
                remedy: "Name the deeper folder itself".to_owned(),
            });
        }
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(source) => return self.fail(failure(&name, source)),
        };
        if parents.contains(&real) {
            return;
        }
        let mut entries = Vec::new();
        match fs::read_dir(path) {
            Ok(listing) => {
                for entry in listing {
                    match entry {
                        Ok(entry) => entries.push(entry.file_name()),
                        Err(source) => self.fail(failure(&name, source)),
                    }
                }
            }
            Err(source) => return self.fail(failure(&name, source)),
        }
        entries.sort();
        parents.push(real);
        for entry in entries {
            let child = path.join(&entry);
            if entry.as_encoded_bytes().first() == Some(&b'.') {
                self.out.hidden.push(child);
                continue;
            }
            let child_name = child.to_string_lossy().into_owned();
            match fs::metadata(&child) {
                Ok(metadata) if metadata.is_dir() => self.folder(&child, parents),
                _ => self.path(&child, &child_name),
            }
        }
        parents.pop();
    }

    fn fail(&mut self, error: ReadError) {
        self.out.inputs.push(Err(error));
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn failure(name: &str, source: io::Error) -> ReadError {
    let path = Arc::from(name);
    if source.kind() == io::ErrorKind::NotFound {
        ReadError::NotFound { path }
    } else {
        ReadError::Io { path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(expansion: &Expansion, root: &Path) -> Vec<String> {
        expansion
            .inputs
            .iter()
            .map(|input| match input {
                Ok(input) => {
                    let path = input.path.as_ref().unwrap();
                    path.strip_prefix(root)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned()
                }
                Err(ReadError::NotFound { .. }) => "not-found".to_owned(),
                Err(ReadError::Empty { .. }) => "empty".to_owned(),
                Err(ReadError::Unsupported { .. }) => "unsupported".to_owned(),
                Err(error) => panic!("{error}"),
            })
            .collect()
    }

    fn arg(root: &Path, tail: &str) -> String {
        root.join(tail).to_string_lossy().into_owned()
    }

    #[test]
    fn folders_patterns_and_files_keep_their_order_and_stand_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("d/sub")).unwrap();
        fs::create_dir_all(root.join("d/.git")).unwrap();
        for file in [
            "d/b.jsonl",
            "d/a.jsonl",
            "d/sub/c.txt",
            "d/.git/x",
            "d/.h.jsonl",
            "z.csv",
        ] {
            fs::write(root.join(file), "x").unwrap();
        }
        let expansion = expand(&[arg(root, "z.csv"), arg(root, "d"), arg(root, "d/*.jsonl")]);
        assert_eq!(
            names(&expansion, root),
            ["z.csv", "d/a.jsonl", "d/b.jsonl", "d/sub/c.txt"]
        );
        let hidden: Vec<_> = expansion
            .hidden
            .iter()
            .map(|p| p.strip_prefix(root).unwrap().to_owned())
            .collect();
        assert_eq!(
            hidden,
            [PathBuf::from("d/.git"), PathBuf::from("d/.h.jsonl")]
        );
        let named = expand(&[arg(root, "d/.h.jsonl")]);
        assert_eq!(names(&named, root), ["d/.h.jsonl"]);
    }

    #[test]
    fn nothing_found_is_an_error_beside_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("empty")).unwrap();
        fs::write(root.join("a.txt"), "x").unwrap();
        std::os::unix::fs::symlink(root.join("gone"), root.join("broken.txt")).unwrap();
        let expansion = expand(&[
            arg(root, "*.parquet"),
            arg(root, "missing.jsonl"),
            arg(root, "empty"),
            arg(root, "broken.txt"),
            arg(root, "a.txt"),
        ]);
        assert_eq!(
            names(&expansion, root),
            ["empty", "not-found", "empty", "not-found", "a.txt"]
        );
    }

    #[test]
    fn a_folder_linked_into_itself_is_walked_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("d")).unwrap();
        fs::write(root.join("d/a.txt"), "x").unwrap();
        std::os::unix::fs::symlink(root.join("d"), root.join("d/loop")).unwrap();
        assert_eq!(names(&expand(&[arg(root, "d")]), root), ["d/a.txt"]);
    }

    #[test]
    fn a_device_is_not_read() {
        let expansion = expand(&["/dev/null".to_owned()]);
        assert!(matches!(
            expansion.inputs.as_slice(),
            [Err(ReadError::Unsupported { .. })]
        ));
    }

    #[test]
    fn standard_input_stands_once() {
        let expansion = expand(&["-".to_owned(), "-".to_owned()]);
        assert_eq!(expansion.inputs.len(), 1);
        let input = expansion.inputs[0].as_ref().unwrap();
        assert_eq!((&*input.name, &input.path), ("-", &None));
    }
}
