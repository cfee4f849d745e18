//! Appending, crashes, damage and key rotation, on real files; damage by every bit in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rayon::iter::IntoParallelIterator as _;
use rayon::iter::ParallelIterator as _;

use super::folder::Files;
use super::folder::Folder;
use super::verify::verify_files;
use super::*;
use crate::index::IndexDir;
use crate::index::PublicKeys;
use crate::index::Secrets;
use crate::tlog::Checkpoint;
use crate::tlog::Receipt;
use crate::tlog::verify_consistency;

const NOW: &str = "2026-11-22T12:00:00Z";
const ORIGIN: &str = "herdbook/0123456789abcdef";

struct Home {
    _temp: tempfile::TempDir,
    dir: IndexDir,
}

impl Home {
    /// A log whose only entry is the making of its index.
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = IndexDir::new(temp.path().join("index"), None);
        fs::create_dir_all(dir.log()).unwrap();
        let secrets = Secrets::load_or_create(dir.keys()).unwrap();
        let mut log = Log::open(&dir, &secrets);
        log.begin(ORIGIN, NOW, change(1)).unwrap();
        Self { _temp: temp, dir }
    }

    fn log(&self) -> Log {
        Log::open(&self.dir, &Secrets::load(self.dir.keys()).unwrap())
    }

    fn keys(&self) -> PublicKeys {
        Secrets::load(self.dir.keys()).unwrap().public()
    }

    fn head(&self) -> Result<Head, LogError> {
        head(&self.dir, &self.keys())
    }

    fn verify(&self) -> Result<Verified, LogError> {
        verify(&self.dir, &self.keys(), &[], None)
    }

    /// Appends until the log has so many entries: commits, checks, decisions by turns.
    fn grow(&self, size: u64) {
        let mut log = self.log();
        loop {
            let head = log.head().unwrap();
            if head.checkpoint.size >= size {
                return;
            }
            match head.checkpoint.size % 3 {
                0 => log.append(NOW, Record::Register(change(head.commit() + 1))),
                1 => log.append_check(NOW, check("p1")),
                _ => log.append(NOW, Record::Signoff(approval())),
            }
            .unwrap();
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.log().join(name)
    }
}

fn change(commit: u64) -> Change {
    Change {
        commit,
        source: (commit > 1).then(|| format!("source {commit}\n")),
        source_digest: None,
        sources: commit - 1,
        records: 7 * commit,
        texts: 5 * commit,
        set_hash: "00".repeat(32),
        snapshot: hex::encode([u8::try_from(commit % 251).unwrap(); 32]),
        line: None,
    }
}

fn check(policy: &str) -> Check {
    Check {
        verdict: "pass".to_owned(),
        outcome: "11".repeat(32),
        target: "22".repeat(32),
        policy: policy.to_owned(),
        snapshot: Some(1),
        snapshot_digest: Some("33".repeat(32)),
        inputs: 1,
        input_digests: vec![Some("44".repeat(32)), None],
        inputs_digest: "55".repeat(32),
        tally: BTreeMap::from([("read".to_owned(), 3)]),
        as_of: "2026-11-22".to_owned(),
        sketches: None,
    }
}

fn approval() -> Approval {
    Approval {
        action: "approve".to_owned(),
        line: "66".repeat(32),
        request: Some("R1".to_owned()),
        person: "ada".to_owned(),
        reason: None,
        about: BTreeMap::new(),
    }
}

#[test]
fn what_is_appended_is_the_head_and_verifies() {
    let home = Home::new();
    let mut log = home.log();
    let logged = log.append(NOW, Record::Register(change(2))).unwrap();
    assert_eq!(logged.index, 1);
    let head = home.head().unwrap();
    assert_eq!(head.checkpoint, logged.checkpoint);
    assert_eq!((head.commit(), head.last.in_force.commit.entry), (2, 1));
    assert_eq!(head.snapshot(), change(2).snapshot);
    // A check under a policy that was not in force yet is two entries, and one after it.
    assert_eq!(log.append_check(NOW, check("p1")).unwrap().index, 3);
    assert_eq!(log.append_check(NOW, check("p1")).unwrap().index, 4);
    assert_eq!(log.append_check(NOW, check("p2")).unwrap().index, 6);
    let head = home.head().unwrap();
    assert_eq!((head.commit(), head.last.in_force.commit.entry), (2, 1));
    assert_eq!(head.last.in_force.policy.as_deref(), Some("p2"));
    let verified = home.verify().unwrap();
    let expected = [("check", 3), ("init", 1), ("policy", 2), ("register", 1)];
    assert_eq!(verified.kinds, BTreeMap::from(expected));
    assert_eq!(verified.commits.len(), 2);
    assert!(verified.notes.is_empty());
}

#[test]
fn an_entry_that_may_not_follow_is_refused_and_changes_nothing() {
    let home = Home::new();
    let mut log = home.log();
    let before = home.head().unwrap();
    assert!(log.append(NOW, Record::Register(change(3))).is_err());
    assert!(log.append(NOW, Record::Init(change(2))).is_err());
    let endless = Approval {
        person: "x".repeat(70_000),
        ..approval()
    };
    assert!(log.append(NOW, Record::Waive(endless)).is_err());
    assert!(
        log.append(NOW, Record::Check(Box::new(check("p1"))))
            .is_err(),
        "its policy is not in force"
    );
    assert_eq!(home.head().unwrap(), before);
    log.append(NOW, Record::Register(change(2))).unwrap();
    assert!(log.begin(ORIGIN, NOW, change(1)).is_err());
}

#[test]
fn a_log_grows_over_the_ends_of_tiles() {
    let home = Home::new();
    let mut kept = Vec::new();
    for size in [2, 255, 256, 257, 513] {
        home.grow(size);
        let verified = home.verify().unwrap();
        assert!(verified.checkpoint.size >= size);
        let head = home.head().unwrap();
        assert_eq!(head.checkpoint, verified.checkpoint);
        kept.push(Kept {
            name: format!("kept at {size}"),
            note: head.note,
        });
        verify(&home.dir, &home.keys(), &kept, None).unwrap();
    }
    assert!(!home.file("tile/0/000.p").exists(), "superseded");
    assert!(home.file("tile/0/000").exists());
    assert!(home.file("tile/entries/001").exists());
    // The paths are those of the specification, and the entries come out in order.
    let mut seen = Vec::new();
    entries(&home.dir, &home.keys(), 250, |index, _| seen.push(index)).unwrap();
    let size = home.head().unwrap().checkpoint.size;
    assert_eq!(seen, (250..size).collect::<Vec<u64>>());
    for index in [0, 1, 255, 256, 511, size - 1] {
        let (receipt, bytes) = receipt(&home.dir, &home.keys(), index).unwrap();
        let read = Receipt::parse(&receipt.to_text()).unwrap();
        let key = home.keys().logs[0].clone();
        read.verify(&bytes, &key).unwrap();
        assert!(read.verify(b"{}", &key).is_err());
    }
    assert!(matches!(
        receipt(&home.dir, &home.keys(), size),
        Err(LogError::NoEntry { .. })
    ));
}

#[test]
fn two_processes_lose_no_entry_of_each_other() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for policy in ["p1", "p2"] {
            let mut log = home.log();
            scope.spawn(move || {
                for _ in 0..40 {
                    log.append_check(NOW, check(policy)).unwrap();
                }
            });
        }
    });
    let verified = home.verify().unwrap();
    assert_eq!(verified.kinds.get("check"), Some(&80));
}

#[test]
fn what_an_interrupted_append_left_is_passed_over_and_written_over() {
    let home = Home::new();
    home.grow(5);
    let head = home.head().unwrap();
    let checkpoint = fs::read(home.file("checkpoint")).unwrap();
    home.log().append(NOW, Record::Waive(approval())).unwrap();
    // The crash came before the checkpoint was named.
    fs::write(home.file("checkpoint"), checkpoint).unwrap();
    fs::write(home.file(".new"), b"half").unwrap();
    assert_eq!(home.head().unwrap(), head);
    let verified = home.verify().unwrap();
    assert_eq!(verified.notes.len(), 3, "{:?}", verified.notes);
    // Two entries at once: no file of the width between them is written, and none may remain.
    assert_eq!(home.log().append_check(NOW, check("p2")).unwrap().index, 6);
    let verified = home.verify().unwrap();
    assert_eq!(verified.notes, Vec::<String>::new());
    assert_eq!(verified.kinds.get("waive"), None);
}

#[test]
fn nothing_is_signed_over_a_tree_that_is_short_or_differs() {
    for (file, kind) in [
        ("tile/entries/000.p/5", "entries"),
        ("tile/0/000.p/5", "tile"),
    ] {
        let home = Home::new();
        home.grow(5);
        let before = fs::read(home.file("checkpoint")).unwrap();
        let whole = fs::read(home.file(file)).unwrap();
        let mut changed = whole.clone();
        changed[40] ^= 4;
        for bad in [Some(&whole[..whole.len() - 1]), Some(&changed[..]), None] {
            match bad {
                Some(bytes) => fs::write(home.file(file), bytes).unwrap(),
                None => fs::remove_file(home.file(file)).unwrap(),
            }
            let error = home
                .log()
                .append(NOW, Record::Signoff(approval()))
                .unwrap_err();
            assert!(matches!(error, LogError::Damaged { .. }), "{kind}: {error}");
            assert_eq!(fs::read(home.file("checkpoint")).unwrap(), before);
            assert!(home.verify().is_err());
        }
    }
}

#[test]
fn after_a_failed_write_the_handle_writes_nothing_more() {
    let home = Home::new();
    let mut log = home.log();
    // A directory stands where the checkpoint is to be named.
    let note = fs::read(home.file("checkpoint")).unwrap();
    fs::create_dir(home.file(".new")).unwrap();
    assert!(matches!(
        log.append(NOW, Record::Signoff(approval())),
        Err(LogError::Store(_))
    ));
    fs::remove_dir(home.file(".new")).unwrap();
    assert!(matches!(
        log.append(NOW, Record::Signoff(approval())),
        Err(LogError::Poisoned)
    ));
    assert!(matches!(log.rotate_key(NOW), Err(LogError::Poisoned)));
    assert_eq!(fs::read(home.file("checkpoint")).unwrap(), note);
    home.log().append(NOW, Record::Signoff(approval())).unwrap();
}

#[test]
fn a_rotated_key_is_led_to_by_the_old_one() {
    let home = Home::new();
    home.grow(4);
    let old = home.keys().logs[0].clone();
    let kept = Kept {
        name: "before".to_owned(),
        note: home.head().unwrap().note,
    };
    home.log().rotate_key(NOW).unwrap();
    // Signed by both while the reader changes over.
    let both = home.head().unwrap();
    Checkpoint::open(&both.note, &old).unwrap();
    home.grow(9);
    let new = home.keys().logs[0].clone();
    assert_ne!(old, new);
    assert!(Checkpoint::open(&home.head().unwrap().note, &old).is_err());
    let verified = verify(
        &home.dir,
        &home.keys(),
        std::slice::from_ref(&kept),
        Some(&old),
    )
    .unwrap();
    assert_eq!(verified.keys, [old.to_vkey(), new.to_vkey()]);
    home.log().rotate_key(NOW).unwrap();
    home.grow(12);
    let verified = verify(&home.dir, &home.keys(), &[kept], Some(&old)).unwrap();
    assert_eq!(verified.keys.len(), 3);
    let stranger = Home::new().keys().logs[0].clone();
    assert!(verify(&home.dir, &home.keys(), &[], Some(&stranger)).is_err());
}

#[test]
fn a_rotation_that_was_interrupted_is_completed() {
    let home = Home::new();
    home.grow(4);
    let keys = home.dir.keys().to_path_buf();
    let copy = |name: &str| fs::read(keys.join(name)).unwrap();
    let old_key = copy("log.key");
    home.log().rotate_key(NOW).unwrap();
    let (new_key, new_public) = (copy("log.key"), copy("log.pub"));
    // The crash came after the entry, before the key took its place.
    fs::write(keys.join("log.key"), &old_key).unwrap();
    fs::write(keys.join("log.key.next"), &new_key).unwrap();
    let old = ed25519_dalek::SigningKey::from_bytes(old_key.as_slice().try_into().unwrap());
    let old = crate::tlog::Signer::new(ORIGIN, old).unwrap();
    let both = format!(
        "{}\n{}",
        old.verifier().to_vkey(),
        String::from_utf8(new_public.clone()).unwrap()
    );
    fs::write(keys.join("log.pub"), both).unwrap();
    home.log().append(NOW, Record::Signoff(approval())).unwrap();
    assert_eq!(copy("log.key"), new_key);
    assert_eq!(copy("log.pub"), new_public);
    home.verify().unwrap();
    // With the old key alone nothing is signed any more.
    fs::write(keys.join("log.key"), &old_key).unwrap();
    assert!(home.log().append(NOW, Record::Signoff(approval())).is_err());
}

#[test]
fn keys_of_another_index_are_refused_by_name() {
    let (home, other) = (Home::new(), Home::new());
    let secrets = Secrets::load_or_create(&other.dir.root().join("fresh")).unwrap();
    assert!(matches!(
        head(&home.dir, &secrets.public()),
        Err(LogError::Foreign { .. })
    ));
    // The same name, another key.
    assert!(matches!(
        head(&home.dir, &other.keys()),
        Err(LogError::Damaged { .. })
    ));
    assert!(
        Log::open(&home.dir, &secrets)
            .append(NOW, Record::Signoff(approval()))
            .is_ok(),
        "the keys of the index itself are read"
    );
}

#[test]
fn a_rewritten_log_is_seen_by_who_kept_a_checkpoint() {
    let home = Home::new();
    home.grow(6);
    let kept = Kept {
        name: "kept".to_owned(),
        note: home.head().unwrap().note,
    };
    let notes = [kept];
    verify(&home.dir, &home.keys(), &notes, None).unwrap();
    // Whoever has the keys makes the log anew, one entry different, and longer.
    fs::remove_dir_all(home.dir.log()).unwrap();
    fs::create_dir_all(home.dir.log()).unwrap();
    let mut log = home.log();
    log.begin(ORIGIN, "2026-11-22T12:00:01Z", change(1))
        .unwrap();
    home.grow(6);
    for size in [6, 7, 9] {
        home.grow(size);
        home.verify().unwrap();
        let error = verify(&home.dir, &home.keys(), &notes, None).unwrap_err();
        assert!(matches!(error, LogError::Inconsistent { .. }), "{error}");
    }
    // Shorter is seen as well.
    fs::remove_dir_all(home.dir.log()).unwrap();
    fs::create_dir_all(home.dir.log()).unwrap();
    home.log().begin(ORIGIN, NOW, change(1)).unwrap();
    let error = verify(&home.dir, &home.keys(), &notes, None).unwrap_err();
    assert!(error.to_string().contains("removed"), "{error}");
}

/// The files of a log in memory.
#[derive(Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn of(home: &Home) -> Self {
        let folder = Folder::new(home.dir.log());
        let names = folder.list().unwrap();
        Self(
            names
                .into_iter()
                .map(|name| (name.clone(), fs::read(home.file(&name)).unwrap()))
                .collect(),
        )
    }

    fn verify(&self, keys: &PublicKeys) -> Result<Verified, LogError> {
        let names: Vec<String> = self.0.keys().cloned().collect();
        let Some(note) = super::folder::note(self)? else {
            return Err(LogError::Missing {
                path: "checkpoint".to_owned(),
            });
        };
        verify_files(self, &note, &names, keys, &[], None)
    }
}

impl Files for Memory {
    fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError> {
        match self.0.get(path) {
            Some(bytes) if bytes.len() > bytes_max => Err(LogError::Damaged {
                path: path.to_owned(),
                what: "too large".to_owned(),
            }),
            found => Ok(found.cloned()),
        }
    }

    fn name(&self, path: &str) -> String {
        path.to_owned()
    }
}

#[test]
fn every_flipped_bit_of_every_file_is_refused() {
    let home = Home::new();
    home.grow(5);
    home.log().rotate_key(NOW).unwrap();
    home.grow(8);
    let (memory, keys) = (Memory::of(&home), home.keys());
    assert!(memory.verify(&keys).unwrap().notes.is_empty());
    let mut places: Vec<(&String, usize)> = Vec::new();
    for (name, bytes) in &memory.0 {
        places.extend((0..bytes.len()).map(|at| (name, at)));
    }
    assert!(memory.0.len() > 12 && places.len() > 10_000);
    let accepted: Vec<String> = places
        .into_par_iter()
        .flat_map_iter(|(name, at)| (0..8).map(move |bit| (name, at, bit)))
        .filter(|(name, at, bit)| {
            let mut bad = memory.clone();
            bad.0.get_mut(*name).unwrap()[*at] ^= 1 << bit;
            bad.verify(&keys).is_ok()
        })
        .map(|(name, at, bit)| format!("{name} byte {at} bit {bit}"))
        .collect();
    assert_eq!(accepted, Vec::<String>::new());
}

#[test]
fn every_truncation_and_deletion_of_forty_entries_is_refused() {
    let home = Home::new();
    home.grow(40);
    let (memory, keys) = (Memory::of(&home), home.keys());
    let size = memory.verify(&keys).unwrap().checkpoint.size;
    let needed = |name: &str| name == "checkpoint" || name.ends_with(&format!(".p/{size}"));
    for (name, bytes) in &memory.0 {
        let mut without = memory.clone();
        without.0.remove(name);
        // A partial file of an older tree may be gone; what the signed tree needs may not.
        assert_eq!(without.verify(&keys).is_err(), needed(name), "{name}");
        for len in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
            let mut cut = memory.clone();
            cut.0.get_mut(name).unwrap().truncate(len);
            assert!(cut.verify(&keys).is_err(), "{name} cut to {len}");
        }
        let mut longer = memory.clone();
        longer.0.get_mut(name).unwrap().push(0);
        assert!(longer.verify(&keys).is_err(), "{name} and a byte");
    }
    for (name, bytes) in &memory.0 {
        let mut more = memory.clone();
        more.0.insert(format!("{name}x"), bytes.clone());
        assert!(more.verify(&keys).is_err(), "{name}x was added");
    }
}

#[test]
fn a_log_of_the_format_before_is_moved_once_with_its_digests() {
    let temp = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(temp.path().join("index"), None);
    fs::create_dir_all(dir.log()).unwrap();
    let mut secrets = Secrets::load_or_create(dir.keys()).unwrap();
    assert!(migrate(&dir, &mut secrets).unwrap().is_empty());
    let mut previous = "0".repeat(64);
    let mut text = String::new();
    let mut digests = Vec::new();
    for seq in 1..=300 {
        let op = if seq == 1 { "init" } else { "register" };
        let line = format!(
            r#"{{"seq":{seq},"time":"{NOW}","op":"{op}","source":null,"source_digest":null,"sources":1,"records":2,"texts":3,"set_hash":"00","snapshot":"{seq:064}","previous":"{previous}"}}"#
        );
        previous = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&line));
        digests.push(previous.clone());
        text.push_str(&line);
        text.push('\n');
    }
    // An unfinished entry was never acknowledged.
    fs::write(dir.old_log(), format!("{text}{{\"seq\":301")).unwrap();
    assert!(matches!(
        head(&dir, &secrets.public()),
        Err(LogError::Unmigrated { .. })
    ));
    let notes = migrate(&dir, &mut secrets).unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(migrate(&dir, &mut secrets).unwrap().is_empty());
    let mut lines = Vec::new();
    entries(&dir, &secrets.public(), 0, |_, entry| {
        lines.push(entry.record.change().unwrap().line.clone().unwrap());
    })
    .unwrap();
    assert_eq!(lines, digests);
    let head = head(&dir, &secrets.public()).unwrap();
    assert_eq!((head.commit(), head.checkpoint.size), (300, 300));
    assert_eq!(head.snapshot(), format!("{:064}", 300));
    verify(&dir, &secrets.public(), &[], None).unwrap();
    let kept = dir.log().join("audit.jsonl.migrated");
    assert_eq!(fs::read_to_string(&kept).unwrap(), text);
    // The file that was kept is part of what is verified.
    fs::write(&kept, text.replacen("\"records\":2", "\"records\":3", 1)).unwrap();
    assert!(verify(&dir, &secrets.public(), &[], None).is_err());
}

#[test]
fn a_damaged_log_of_before_is_not_moved() {
    let temp = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(temp.path().join("index"), None);
    fs::create_dir_all(dir.log()).unwrap();
    let mut secrets = Secrets::load_or_create(dir.keys()).unwrap();
    for text in ["", "{}\n", "{\"seq\":1", "not json\n"] {
        fs::write(dir.old_log(), text).unwrap();
        let error = migrate(&dir, &mut secrets).unwrap_err();
        assert!(matches!(error, LogError::Line { .. }), "{error}");
        assert!(!dir.log().join("checkpoint").exists());
    }
}

#[test]
fn entries_are_read_strictly() {
    let entry = Entry::new(
        NOW,
        InForce {
            commit: Commit {
                number: 1,
                snapshot: "aa".to_owned(),
                entry: 0,
            },
            policy: None,
            log_key: "k".to_owned(),
            lineage: None,
        },
        Record::Signoff(approval()),
    );
    let bytes = entry.to_bytes().unwrap();
    assert_eq!(Entry::parse(&bytes).unwrap(), entry);
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"kind\":\"signoff\"", "\"kind\":\"unheard-of\""),
        ("\"kind\":\"signoff\"", "\"kind\":\"signoff\",\"more\":1"),
        ("\"policy\":null", "\"policy\":null,\"more\":1"),
        ("\"version\":1", "\"version\":1,\"version\":1"),
        ("\"number\":1", "\"number\":-1"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert!(Entry::parse(changed.as_bytes()).is_err(), "{changed}");
    }
    assert!(Entry::parse(format!("{text} x").as_bytes()).is_err());
}

#[test]
fn a_folder_lists_files_and_refuses_links() {
    let home = Home::new();
    let folder = Folder::new(home.dir.log());
    assert_eq!(
        folder.list().unwrap(),
        ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"]
    );
    std::os::unix::fs::symlink(Path::new("checkpoint"), home.file("link")).unwrap();
    assert!(folder.list().is_err());
}

#[test]
fn a_proof_of_growth_can_be_made_from_the_files_alone() {
    let home = Home::new();
    home.grow(20);
    let old = home.head().unwrap().checkpoint;
    home.grow(37);
    let new = home.head().unwrap().checkpoint;
    let folder = Folder::new(home.dir.log());
    let tiles = super::folder::FileTiles(&folder);
    let proof = crate::tlog::Tree::new(&tiles, new.size)
        .consistency(old.size)
        .unwrap();
    verify_consistency(&proof, old.size, old.root, new.size, new.root).unwrap();
}
