//! `herdbook register PATH…`: generated records into the index.

use anyhow::anyhow;

use super::args::Global;
use super::args::RegisterArgs;
use super::config::Config;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;

// WIRE: resolve defaults from the config (`access`, `acquisition`, `threads`), run
// `pipeline::register`, print what was recognised and recorded.
pub(super) fn run(global: &Global, _args: &RegisterArgs) -> Result<Exit, Failure> {
    let _config = Config::load(&global.index).or_usage()?;
    Err(Failure::undecided(anyhow!("register is not wired yet")))
}
