//! `herdbook init`: keys, an empty index, a commented config.

use super::args::Global;
use super::args::InitArgs;
use super::config;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use crate::index::Secrets;
use crate::report::escape;
use crate::snapshot::OpenError;
use crate::snapshot::Writer;

pub(super) fn run(global: &Global, _args: &InitArgs) -> Result<Exit, Failure> {
    let dir = opened::index_dir(global);
    let secrets = Secrets::load_or_create(dir.keys()).or_undecided()?;
    let opened = Opened::with(dir, secrets).or_undecided()?;
    let now = opened::now()?;
    let made = match Writer::init(&opened.dir, &opened.secrets, &opened.compat, &now) {
        Ok(_) => true,
        Err(OpenError::Exists { .. }) => false,
        Err(error) => return Err(Failure::undecided(error)),
    };
    config::write_template(&global.index).or_undecided()?;
    let root = escape::terminal(&opened.dir.root().display().to_string());
    let keys = escape::terminal(&opened.dir.keys().display().to_string());
    if made {
        out::print(&format!(
            "Made an empty index at {root}\n\
             \x20 keys    {keys}  (back them up: without them the index cannot be used)\n\
             \x20 recipe  {}\n\
             \nNext: herdbook register PATH… --model ID\n",
            opened.compat.recipe
        ))?;
    } else {
        out::print(&format!(
            "There is an index at {root} already; it and its keys were left as they are.\n"
        ))?;
    }
    Ok(Exit::Pass)
}
