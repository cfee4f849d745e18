//! `herdbook snapshot …`: what checks read.

use anyhow::anyhow;

use super::args::Global;
use super::args::SnapshotCommand;
use super::exit::Exit;
use super::exit::Failure;

// WIRE: `snapshot::seal`, `verify` (one that does not verify is `Failure::undecided`), `list`.
pub(super) fn run(_global: &Global, command: &SnapshotCommand) -> Result<Exit, Failure> {
    match command {
        SnapshotCommand::Seal(_) => Err(Failure::undecided(anyhow!(
            "snapshot seal is not wired yet"
        ))),
        SnapshotCommand::Verify(_) => Err(Failure::undecided(anyhow!(
            "snapshot verify is not wired yet"
        ))),
        SnapshotCommand::List(_) => Err(Failure::undecided(anyhow!(
            "snapshot list is not wired yet"
        ))),
    }
}
