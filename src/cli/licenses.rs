//! `herdbook licenses …`: the licenses of the catalog and what they say about outputs.

use anyhow::anyhow;

use super::args::Global;
use super::args::LicensesCommand;
use super::exit::Exit;
use super::exit::Failure;

// WIRE: list and show from `catalog`; an unknown id is `Failure::usage`.
pub(super) fn run(_global: &Global, command: &LicensesCommand) -> Result<Exit, Failure> {
    match command {
        LicensesCommand::List(_) => Err(Failure::undecided(anyhow!(
            "licenses list is not wired yet"
        ))),
        LicensesCommand::Show(_) => Err(Failure::undecided(anyhow!(
            "licenses show is not wired yet"
        ))),
    }
}
