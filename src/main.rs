//! The `herdbook` command; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    herdbook::cli::main()
}
