#![no_main]
//! Every property of `herdbook::fuzzing` behind one entry point, which `$HERDBOOK_FUZZ_PROPERTY` leads.

use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use herdbook::fuzzing::Property;
use herdbook::fuzzing::TARGETS;

static PROPERTY: OnceLock<Property> = OnceLock::new();

/// Finds the property that is asked for, and lets readers catch the panics of decoders.
fn begin() {
    let asked = std::env::var("HERDBOOK_FUZZ_PROPERTY").unwrap_or_default();
    let Some((_, property)) = TARGETS.iter().find(|(name, _)| *name == asked) else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("HERDBOOK_FUZZ_PROPERTY is {asked:?}, not one of {}", names.join(", "));
        std::process::exit(2);
    };
    PROPERTY.get_or_init(|| *property);

    // libFuzzer's hook ends the process at every panic, those that a reader catches on purpose
    // included. Only a panic of somebody else's crate may unwind; nobody catching it is a finding
    // too. One of herdbook's own code is a finding even where it would be caught.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let of_a_dependency = info
            .location()
            .is_some_and(|at| at.file().contains("/registry/src/") || at.file().starts_with("/rustc/"));
        if of_a_dependency {
            eprintln!("{info}");
        } else {
            report(info);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(property) = PROPERTY.get() {
        property(data);
    }
});
