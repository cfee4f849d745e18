//! Damage to what a check reads: every file of the sealed snapshot, of the log, of the keys, one
//! damage at a time. A check finds the registered texts or refuses by name; it never passes.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::bed::Bed;
use super::bed::ask;
use super::bed::copy_tree;
use super::bed::files;
use super::bed::register;
use super::bed::sources;
use super::tally::Dice;
use super::tally::Tally;
use super::tally::seed;
use super::tally::side_by_side;
use super::tally::trials;

/// One way to damage a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    FlipBit,
    Truncate,
    CutEnd,
    Append,
    Zero,
    Empty,
    Delete,
    /// The bytes of another file of the index.
    Swap,
    /// The same file as it was before the last registration.
    Older,
    /// The same file of an index with other keys.
    Foreign,
}

pub(crate) const DAMAGES: [Damage; 10] = [
    Damage::FlipBit,
    Damage::Truncate,
    Damage::CutEnd,
    Damage::Append,
    Damage::Zero,
    Damage::Empty,
    Damage::Delete,
    Damage::Swap,
    Damage::Older,
    Damage::Foreign,
];

/// Where other versions of a file are taken from.
pub(crate) struct Others<'a> {
    pub(crate) older: &'a Path,
    pub(crate) foreign: &'a Path,
}

/// Damages a file of an index. `false`: the damage is none, as the bytes would stay the same.
pub(crate) fn damage(
    index: &Path,
    file: &Path,
    how: Damage,
    dice: &mut Dice,
    others: &Others<'_>,
) -> bool {
    let path = index.join(file);
    let before = fs::read(&path).unwrap();
    let mut bytes = before.clone();
    match how {
        Damage::Delete => {
            fs::remove_file(&path).unwrap();
            return true;
        }
        Damage::Append => bytes.push(b'\n'),
        Damage::Swap => {
            let all = files(index);
            bytes = fs::read(index.join(dice.one_of(&all))).unwrap();
        }
        Damage::Older | Damage::Foreign => {
            let other = if how == Damage::Older {
                others.older
            } else {
                others.foreign
            };
            match fs::read(other.join(file)) {
                Ok(other) => bytes = other,
                Err(_) => return false,
            }
        }
        _ if bytes.is_empty() => return false,
        Damage::FlipBit => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        Damage::Truncate => bytes.truncate(dice.below(bytes.len())),
        Damage::CutEnd => bytes.truncate(bytes.len().saturating_sub(1 + dice.below(3))),
        Damage::Zero => {
            let from = dice.below(bytes.len());
            let to = bytes.len().min(from + 1 + dice.below(512));
            bytes[from..to].fill(0);
        }
        Damage::Empty => bytes.clear(),
    }
    if bytes == before {
        return false;
    }
    // In place: what is hard-linked to it is damaged with it, as on a disk.
    fs::write(&path, bytes).unwrap();
    true
}

/// Three states of one index, and a foreign one: what damages are made of.
struct States {
    /// Holds `old` and `new`.
    now: Bed,
    /// The same index before `new`.
    older: Bed,
    foreign: Bed,
}

impl States {
    fn new() -> Self {
        let older = Bed::new(None);
        let now = older.fork();
        now.must(&register("new"));
        let foreign = Bed::new(None);
        foreign.must(&register("new"));
        Self {
            now,
            older,
            foreign,
        }
    }

    fn others(&self) -> (PathBuf, PathBuf) {
        (self.older.index(), self.foreign.index())
    }
}

/// The newest sealed snapshot, relative to the index.
fn head(index: &Path) -> PathBuf {
    let newest = fs::read_dir(index.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .max()
        .unwrap();
    Path::new("snapshots").join(newest)
}

/// A file, its damage, and a seed for that.
type Trial = (PathBuf, Damage, u64);

#[test]
fn no_damage_to_a_file_makes_a_registered_text_unknown() {
    let tally = Tally::new("damage to one file");
    let states = States::new();
    let index = states.now.index();
    let head = head(&index);
    // The live database is not read by a check; `live` damages it.
    let all: Vec<PathBuf> = files(&index)
        .into_iter()
        .filter(|file| !file.starts_with("db") && !file.starts_with("filters"))
        .collect();
    let in_head: Vec<PathBuf> = all
        .iter()
        .filter(|file| file.starts_with(&head))
        .cloned()
        .collect();
    assert!(in_head.len() > 8, "{in_head:?}");
    // Every damage of every file at least once; then files of the head again, and the others.
    let mut list: Vec<Trial> = Vec::new();
    let mut dice = Dice::new(seed());
    for file in &all {
        for how in DAMAGES {
            list.push((file.clone(), how, dice.next()));
        }
    }
    let wanted = trials(1_000, 20_000).max(list.len());
    while list.len() < wanted {
        let from = if dice.below(3) == 0 { &all } else { &in_head };
        let how = match dice.below(20) {
            0..8 => Damage::FlipBit,
            8..12 => Damage::Truncate,
            place => DAMAGES[place - 10],
        };
        list.push((dice.one_of(from).clone(), how, dice.next()));
    }
    let (older, foreign) = states.others();
    let numbered: Vec<(usize, Trial)> = list.into_iter().enumerate().collect();
    let parts: Vec<&[(usize, Trial)]> = numbered.chunks(50).collect();
    side_by_side(&parts, |part| {
        let bed = states.now.fork();
        for (number, (file, how, dice)) in *part {
            let others = Others {
                older: &older,
                foreign: &foreign,
            };
            let path = bed.index().join(file);
            let before = fs::read(&path).unwrap();
            if !damage(&bed.index(), file, *how, &mut Dice::new(*dice), &others) {
                continue;
            }
            let result = refused_or_found(&bed, file.starts_with(&head), number % 25 == 0);
            fs::write(&path, before).unwrap();
            let trial = format!("trial {number}, {how:?} of {}", file.display());
            tally.count(trial, result);
        }
        // Put back together, the index answers again: the damage was the cause.
        bed.check().finds(&["old", "new"]).unwrap();
        true
    });
    tally.holds();
    let refused = tally.classes().get("refused").copied().unwrap_or_default();
    assert!(refused > 100, "{tally}");
}

/// `strict`: the file is one of the snapshot that the check reads, so its damage must be refused.
fn refused_or_found(bed: &Bed, strict: bool, through_the_program: bool) -> Result<String, String> {
    if through_the_program {
        // A copy: a check enters itself into the log.
        let class = bed.fork().check().sound(&["old", "new"])?;
        if strict && class != "undecided" {
            return Err(format!("the program does not refuse: {class}"));
        }
    }
    let [old, new, _] = sources();
    match bed.ask(&[&old, &new]) {
        Err(why) if why.is_empty() => Err("refused without a word".to_owned()),
        Err(_) => Ok("refused".to_owned()),
        Ok(found) if !found.iter().all(|found| *found) => Err("SILENT MISS".to_owned()),
        Ok(_) if strict => Err("a damaged snapshot answers".to_owned()),
        Ok(_) => Ok("found".to_owned()),
    }
}

/// A name, and what is changed about an index.
type Change<'a> = (&'a str, Box<dyn Fn(&Path) + Sync + 'a>);

#[test]
fn another_snapshot_in_the_place_of_the_newest_is_refused() {
    let tally = Tally::new("another folder in the place of the snapshot");
    let states = States::new();
    let head = head(&states.now.index());
    let before = head_before(&states.now.index(), &head);
    let (older, foreign) = states.others();
    let replace = |from: PathBuf| {
        move |index: &Path, head: &Path| {
            fs::remove_dir_all(index.join(head)).unwrap();
            copy_tree(&from, &index.join(head));
        }
    };
    let (earlier, foreign_head) = (
        replace(older.join(&before)),
        replace(foreign.join(self::head(&foreign))),
    );
    let changes: Vec<Change<'_>> = vec![
        (
            "the snapshot before",
            Box::new(|index| earlier(index, &head)),
        ),
        (
            "a foreign one",
            Box::new(|index| foreign_head(index, &head)),
        ),
        (
            "none",
            Box::new(|index| fs::remove_dir_all(index.join(&head)).unwrap()),
        ),
        (
            "half of it",
            Box::new(|index| {
                for file in files(&index.join(&head)).iter().step_by(2) {
                    fs::remove_file(index.join(&head).join(file)).unwrap();
                }
            }),
        ),
        (
            "one file more",
            Box::new(|index| fs::write(index.join(&head).join("db/000001.sst"), b"x").unwrap()),
        ),
        (
            "a link in the place of a file",
            Box::new(|index| {
                let file = files(&index.join(&head))[1].clone();
                let path = index.join(&head).join(file);
                fs::rename(&path, index.join("aside")).unwrap();
                std::os::unix::fs::symlink(index.join("aside"), path).unwrap();
            }),
        ),
        (
            "the log before, the snapshots of now",
            Box::new(|index| {
                fs::remove_dir_all(index.join("log")).unwrap();
                copy_tree(&older.join("log"), &index.join("log"));
            }),
        ),
        (
            "the log of a foreign index",
            Box::new(|index| {
                fs::remove_dir_all(index.join("log")).unwrap();
                copy_tree(&foreign.join("log"), &index.join("log"));
            }),
        ),
        (
            "the keys of a foreign index",
            Box::new(|index| {
                fs::remove_dir_all(index.join("keys")).unwrap();
                copy_tree(&foreign.join("keys"), &index.join("keys"));
            }),
        ),
        (
            "snapshots and log of a foreign index, own keys",
            Box::new(|index| {
                for part in ["snapshots", "log"] {
                    fs::remove_dir_all(index.join(part)).unwrap();
                    copy_tree(&foreign.join(part), &index.join(part));
                }
            }),
        ),
    ];
    for (name, change) in &changes {
        let bed = states.now.fork();
        change(&bed.index());
        tally.count(name, refused_or_found(&bed, true, true));
    }
    // A copy of the whole index elsewhere is that index.
    let [old, new, _] = sources();
    let copy = states.now.fork();
    assert!(
        ask(&copy.index(), &[&old, &new])
            .unwrap()
            .iter()
            .all(|found| *found)
    );
    tally.holds();
}

fn head_before(index: &Path, head: &Path) -> PathBuf {
    let mut all: Vec<_> = fs::read_dir(index.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| Path::new("snapshots").join(name) != head)
        .collect();
    all.sort();
    Path::new("snapshots").join(all.pop().unwrap())
}
