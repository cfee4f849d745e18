//! `herdbook init`: keys, an empty index, a commented config.

use anyhow::anyhow;

use super::args::Global;
use super::args::InitArgs;
use super::exit::Exit;
use super::exit::Failure;

// WIRE: make the index and its keys, then `config::write_template(&global.index).or_undecided()`,
// and say where things are.
pub(super) fn run(_global: &Global, _args: &InitArgs) -> Result<Exit, Failure> {
    Err(Failure::undecided(anyhow!("init is not wired yet")))
}
