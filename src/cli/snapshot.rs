//! `herdbook snapshot …`: what checks read.

use serde::Serialize;

use super::args::Global;
use super::args::SnapshotCommand;
use super::args::SnapshotVerifyArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use super::table::Table;
use crate::report::escape;
use crate::snapshot;
use crate::snapshot::Snapshot;
use crate::snapshot::SnapshotListed;

pub(super) fn run(global: &Global, command: &SnapshotCommand) -> Result<Exit, Failure> {
    match command {
        SnapshotCommand::Seal(output) => seal(global, output.json),
        SnapshotCommand::Verify(args) => verify(global, args),
        SnapshotCommand::List(output) => list(global, output.json),
    }
}

#[derive(Serialize)]
struct Sealed {
    snapshot: u64,
    digest: String,
}

fn seal(global: &Global, json: bool) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let mut writer = opened.writer()?;
    let (snapshot, digest) = writer.reseal(&opened::now()?).or_undecided()?;
    if json {
        out::json(&Sealed { snapshot, digest })?;
    } else {
        out::print(&format!("Sealed snapshot {snapshot} ({digest})\n"))?;
    }
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Verified {
    snapshot: u64,
    digest: String,
    recipe: String,
    sources: u64,
    records: u64,
    texts: u64,
    entries: u64,
    filter_bytes: u64,
    verify_seconds: f64,
}

fn verify(global: &Global, args: &SnapshotVerifyArgs) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let spinner = Progress::spinner("verifying", global.quiet);
    let found = match &args.dir {
        Some(path) => {
            let digest = args.snapshot_digest.as_deref().unwrap_or_default();
            Snapshot::open_at(path, digest, &opened.compat, None)
        }
        None => opened.head(),
    };
    let found = found.or_undecided()?;
    let walked = found.walk().or_undecided()?;
    spinner.finish();
    let manifest = found.manifest();
    let verified = Verified {
        snapshot: manifest.snapshot,
        digest: found.digest().to_owned(),
        recipe: manifest.recipe.clone(),
        sources: manifest.sources,
        records: manifest.records,
        texts: walked.texts,
        entries: walked.entries,
        filter_bytes: found.filter_bytes(),
        verify_seconds: found.verify_time().as_secs_f64(),
    };
    if args.output.json {
        out::json(&verified)?;
    } else {
        out::print(&format!(
            "Snapshot {} verifies: signature, every file, every row\n  digest   {}\n  recipe   \
             {}\n  sources  {}\n  records  {}\n  texts    {}\n  filter   {} bytes in memory\n  files    {:.2} s to verify\n",
            verified.snapshot,
            verified.digest,
            verified.recipe,
            verified.sources,
            verified.records,
            verified.texts,
            verified.filter_bytes,
            verified.verify_seconds,
        ))?;
    }
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Listed {
    snapshot: u64,
    path: String,
    digest: Option<String>,
    time: Option<String>,
    records: Option<u64>,
    head: bool,
}

impl From<&SnapshotListed> for Listed {
    fn from(listed: &SnapshotListed) -> Self {
        Self {
            snapshot: listed.seq,
            path: listed.path.display().to_string(),
            digest: listed.digest.clone(),
            time: listed.manifest.as_ref().map(|m| m.time.clone()),
            records: listed.manifest.as_ref().map(|m| m.records),
            head: listed.head,
        }
    }
}

fn list(global: &Global, json: bool) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let listed: Vec<Listed> = snapshot::list(&opened.dir, &opened.secrets.public())
        .or_undecided()?
        .iter()
        .map(Listed::from)
        .collect();
    if json {
        out::json(&listed)?;
        return Ok(Exit::Pass);
    }
    let mut table =
        Table::new(&["SNAPSHOT", "RECORDS", "SEALED", "READ BY CHECKS", "DIGEST"]).right(&[0, 1]);
    for snapshot in listed {
        table.row([
            snapshot.snapshot.to_string(),
            snapshot.records.map_or("?".to_owned(), |n| n.to_string()),
            snapshot.time.unwrap_or_else(|| "?".to_owned()),
            if snapshot.head { "yes" } else { "no" }.to_owned(),
            escape::identifier(&snapshot.digest.unwrap_or_else(|| "no manifest".to_owned())),
        ]);
    }
    out::print(&table.render())?;
    Ok(Exit::Pass)
}
