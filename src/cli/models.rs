//! `herdbook models …`: what a model id means here.

use anyhow::anyhow;

use super::args::Global;
use super::args::ModelsCommand;
use super::exit::Exit;
use super::exit::Failure;

// WIRE: resolve through `catalog`; print a `Table`, or `out::json`.
pub(super) fn run(_global: &Global, command: &ModelsCommand) -> Result<Exit, Failure> {
    match command {
        ModelsCommand::Resolve(_) => Err(Failure::undecided(anyhow!(
            "models resolve is not wired yet"
        ))),
        ModelsCommand::List(_) => Err(Failure::undecided(anyhow!("models list is not wired yet"))),
    }
}
