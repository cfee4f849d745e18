//! `herdbook completions SHELL`

use clap::CommandFactory as _;

use super::args::Cli;
use super::args::CompletionsArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::out;

pub(super) fn run(args: CompletionsArgs) -> Result<Exit, Failure> {
    out::print(&script(args.shell)?)?;
    Ok(Exit::Pass)
}

/// The completion script of a shell.
fn script(shell: clap_complete::Shell) -> Result<String, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "herdbook", &mut script);
    String::from_utf8(script).map_err(Failure::undecided)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_shell_knows_the_commands_and_options() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell).expect("script");
            for word in [
                "register",
                "check",
                "target-model",
                "withdraw",
                "completions",
            ] {
                assert!(script.contains(word), "{shell} lacks {word}");
            }
        }
    }

    #[test]
    fn bash_accepts_its_script() {
        let script = script(clap_complete::Shell::Bash).expect("script");
        // A file: the script is longer than one argument may be.
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("script");
        std::fs::write(&path, script).expect("written");
        let status = std::process::Command::new("bash")
            .arg("-n")
            .arg(&path)
            .status()
            .expect("bash runs");
        assert!(status.success());
    }
}
