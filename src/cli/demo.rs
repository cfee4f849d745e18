//! `herdbook demo`: the whole story on made-up data.

use anyhow::anyhow;

use super::args::DemoArgs;
use super::args::Global;
use super::exit::Exit;
use super::exit::Failure;

// WIRE: write the fixtures, register, check, split, check again; say what to try next.
pub(super) fn run(_global: &Global, _args: &DemoArgs) -> Result<Exit, Failure> {
    Err(Failure::undecided(anyhow!("demo is not wired yet")))
}
