//! Fails the build when a data file of the catalog is wrong, with file, line and column.

use std::path::Path;

#[path = "src/catalog/at_build.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "only the loader's verdict is wanted here, not what it loads"
)]
mod catalog;
#[path = "src/model/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the loader speaks in a part of it"
)]
mod model;

/// Where the data files lie, from the root of the package, in which cargo runs this.
const DATA: &str = "src/catalog/data";

fn main() {
    // The code of the check is part of this program: cargo builds it anew when that changes.
    println!("cargo::rerun-if-changed={DATA}");
    if let Err(message) = catalog::check(Path::new(DATA)) {
        println!("cargo::error={message}");
    }
}
