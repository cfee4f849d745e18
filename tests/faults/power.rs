//! The power goes: a file system of its own on a loop device, whose dirty pages are dropped in the
//! middle of registrations. What was acknowledged outside of it is there after the next mount.
//!
//! Needs root, a loop device and ext4; where one is missing the campaign says loudly that it was
//! skipped. What it cannot show: devices that tear or reorder what they were sent, or that say they
//! have written what they have not.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use super::bed::Bed;
use super::bed::copy_tree;
use super::bed::register;
use super::fault;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Fault;
use super::kill::afterwards;
use super::tally::Dice;
use super::tally::Tally;
use super::tally::long;
use super::tally::seed;
use super::tally::trials;

/// A small file system of its own.
struct Disk {
    temp: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// Makes and mounts one; an error says why that cannot be done here.
    fn new() -> Result<Self, String> {
        let memory = Path::new("/dev/shm");
        let temp = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let mut disk = Self {
            temp: temp.unwrap(),
            mounted: false,
        };
        let image = fs::File::create(disk.image()).unwrap();
        image.set_len(400 << 20).unwrap();
        drop(image);
        fs::create_dir(disk.path()).unwrap();
        tool("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), &disk.image()])?;
        disk.mount()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.temp.path().join("image")
    }

    fn path(&self) -> PathBuf {
        self.temp.path().join("disk")
    }

    fn mount(&mut self) -> Result<(), String> {
        tool(
            "mount",
            &["-o".as_ref(), "loop".as_ref(), &self.image(), &self.path()],
        )?;
        self.mounted = true;
        Ok(())
    }

    /// From here on nothing reaches the image.
    fn cut(&self) {
        // The call takes the whole file system down that its directory is on: it has to be ours.
        let own = self.path().metadata().unwrap().dev();
        let outside = self.temp.path().metadata().unwrap().dev();
        assert!(
            self.mounted && own != outside,
            "not a file system of its own"
        );
        tool(fault::cutter().to_str().unwrap(), &[&self.path()]).unwrap();
    }

    /// Journal replay, as after a real loss of power.
    fn restart(&mut self) {
        self.unmount();
        self.mount().unwrap();
    }

    fn unmount(&mut self) {
        let until = Instant::now() + Duration::from_secs(10);
        while let Err(why) = tool("umount", &[&self.path()]) {
            assert!(Instant::now() < until, "{why}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            self.unmount();
        }
    }
}

fn tool(program: &str, words: &[&Path]) -> Result<(), String> {
    let done = Command::new(program).args(words).output();
    let done = done.map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{program}: {}", said.trim()))
}

/// Whether this machine can do it; why not is said loudly.
fn possible() -> bool {
    match Disk::new() {
        Ok(disk) => {
            drop(disk);
            true
        }
        Err(why) => {
            eprintln!("SKIPPED: no power can be cut here, so nothing about it was tested: {why}");
            false
        }
    }
}

/// Registrations of `new` on a disk whose power goes at a random moment, or right before a call of
/// its own. `None` where that cannot be tried.
pub(crate) fn campaign(defect: Option<&'static str>, cuts: usize) -> Option<Tally> {
    if !possible() {
        return None;
    }
    let tally = Tally::new("power cut during a registration");
    let bed = Bed::new(defect);
    let dry = bed.fork();
    let ran = dry.run_with(&register("new"), &Fault::none(CHANGING));
    assert_eq!(ran.code, Some(0), "{}", ran.said());
    let all = ran.calls.len();
    let mut dice = Dice::new(seed());
    for cut in 0..cuts {
        // Every call in turn where there are cuts enough; else chosen. Every third cut comes after
        // the acknowledgement: what is lost then was promised.
        let at = match (cuts >= all, cut % 3) {
            (true, _) => cut % (all + 20) + 1,
            (false, 0) => all + 10,
            (false, _) => dice.below(all) + 1,
        };
        let result = one(&bed, at, cut % 2 == 0);
        tally.count(format!("cut {cut}, at call {at} of {all}"), result);
        if defect.is_some() && tally.failed() > 0 {
            break;
        }
    }
    Some(tally)
}

fn one(bed: &Bed, at: usize, detour: bool) -> Result<String, String> {
    let mut disk = Disk::new().unwrap();
    copy_tree(bed.path(), &disk.path());
    tool("sync", &["-f".as_ref(), &disk.path()]).unwrap();
    let on_disk = Bed::at_as_it_is(&disk.path(), bed.defect());
    // What the command says, and which calls it made, is written outside of the disk.
    let outside = tempfile::tempdir_in(disk.temp.path()).unwrap();
    let fault = Fault {
        calls: CHANGING,
        at,
        act: Act::Stop,
    };
    let said = outside.path().join("said");
    let mut child = on_disk
        .command(&register("new"))
        .stdout(fs::File::create(&said).unwrap())
        .stderr(fs::File::create(outside.path().join("errors")).unwrap())
        .env("RAYON_NUM_THREADS", "1")
        .envs(fault.environment(&on_disk.index(), &outside.path().join("calls")))
        .spawn()
        .unwrap();
    let stopped = wait_until_stopped(&mut child);
    let acknowledged = fs::read_to_string(&said).unwrap().contains("Registered ");
    disk.cut();
    if stopped {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    drop(on_disk);
    disk.restart();
    let after = Bed::at_as_it_is(&disk.path(), bed.defect());
    afterwards(&after, acknowledged, detour)
}

/// `false`: it ended by itself.
fn wait_until_stopped(child: &mut std::process::Child) -> bool {
    let stat = format!("/proc/{}/stat", child.id());
    loop {
        let text = fs::read_to_string(&stat).unwrap_or_default();
        let state = text
            .rsplit(')')
            .next()
            .and_then(|rest| rest.trim().chars().next());
        match state {
            Some('T') => return true,
            Some('Z') | None => {
                child.wait().unwrap();
                return false;
            }
            Some(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Registrations one after the other, as fast as they go, until the power goes.
/// `typical`: what one registration takes.
fn at_a_random_moment(bed: &Bed, dice: &mut Dice, typical: Duration) -> Result<String, String> {
    let mut disk = Disk::new().unwrap();
    copy_tree(bed.path(), &disk.path());
    tool("sync", &["-f".as_ref(), &disk.path()]).unwrap();
    let on_disk = Bed::at_as_it_is(&disk.path(), bed.defect());
    let mut acknowledged = vec!["old"];
    // Up to the end of the second registration, or somewhat later.
    let share = f64::from(u32::try_from(dice.below(1000)).unwrap()) / 1000.0;
    let until = Instant::now() + typical.mul_f64(2.5 * share);
    let mut running = None;
    'work: for source in ["new", "other"] {
        let said = disk.temp.path().join(format!("{source}.said"));
        let mut child = on_disk
            .command(&register(source))
            .stdout(fs::File::create(&said).unwrap())
            .stderr(fs::File::create(disk.temp.path().join("errors")).unwrap())
            .spawn()
            .unwrap();
        while Instant::now() < until {
            if let Some(status) = child.try_wait().unwrap() {
                if status.success() {
                    acknowledged.push(source);
                }
                continue 'work;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running = Some((source, said, child));
        break;
    }
    disk.cut();
    if let Some((source, said, mut child)) = running {
        child.kill().unwrap();
        child.wait().unwrap();
        if fs::read_to_string(said).unwrap().contains("Registered ") {
            acknowledged.push(source);
        }
    }
    disk.restart();
    let after = Bed::at_as_it_is(&disk.path(), bed.defect());
    let class = after.check().sound(&acknowledged)?;
    for source in ["new", "other"] {
        let again = after.run(&register(source));
        if again.code != Some(0) {
            return Err(format!("the same command again: {}", again.said()));
        }
    }
    after.check().finds(&["old", "new", "other"])?;
    super::kill::verified(&after)?;
    Ok(format!(
        "{} acknowledged, then {class}",
        acknowledged.len() - 1
    ))
}

/// The means of the campaign do what they say: a synced file survives, one that is not does not,
/// and nothing can be written after the cut.
#[test]
fn a_cut_drops_what_was_not_synced_and_nothing_else() {
    if !possible() {
        return;
    }
    let mut disk = Disk::new().unwrap();
    let (kept, lost) = (disk.path().join("kept"), disk.path().join("lost"));
    let mut file = fs::File::create(&kept).unwrap();
    file.write_all(b"synced").unwrap();
    file.sync_all().unwrap();
    fs::File::open(disk.path()).unwrap().sync_all().unwrap();
    fs::write(&lost, b"not synced").unwrap();
    disk.cut();
    let late = fs::write(disk.path().join("late"), b"after the cut");
    assert!(late.is_err(), "written after the cut");
    drop(file);
    disk.restart();
    assert_eq!(fs::read(&kept).unwrap(), b"synced");
    let lost = fs::read(&lost).unwrap_or_default();
    assert!(lost.is_empty(), "not synced, and there: {lost:?}");
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let cuts = trials(6, 300);
    let Some(tally) = campaign(None, cuts) else {
        return;
    };
    tally.holds();
    let tally = Tally::new("power cut at a random moment");
    let bed = Bed::new(None);
    let mut dice = Dice::new(seed());
    let started = Instant::now();
    let dry = bed.fork();
    dry.must(&register("new"));
    let typical = started.elapsed();
    for cut in 0..if long() { cuts } else { 3 } {
        let result = at_a_random_moment(&bed, &mut dice, typical);
        tally.count(format!("cut {cut}"), result);
    }
    tally.holds();
}
