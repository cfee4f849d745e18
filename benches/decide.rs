//! Nanoseconds per license decision, which is made for every claim on every match.
//!
//! `cargo bench --bench decide`. Each kind of claim is decided many times in a row; the best of
//! several passes is printed, since other work on the machine only ever slows one down. The first
//! decision of a kind is made in full, words included (`in full`); the same kind again in the same
//! run is looked up (`again`). As a yardstick that anyone can run: the time to copy the finished
//! decision (`copy`), which is mostly allocation.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program that prints a table and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use herdbook::catalog::Catalog;
use herdbook::model::Access;
use herdbook::model::Acquisition;
use herdbook::model::TargetLineage;
use herdbook::model::Tier;
use herdbook::model::target::OutputUse;
use herdbook::policy;
use herdbook::policy::Basis;
use herdbook::policy::ClaimFacts;
use herdbook::policy::Decisions;
use herdbook::policy::Policy;
use herdbook::policy::Position;
use herdbook::policy::Setting;
use herdbook::policy::target_file;

/// Decisions per pass. Chosen: some milliseconds.
const PER_PASS: u32 = 20_000;
/// Passes; the best counts.
const PASSES: u32 = 15;

fn main() {
    let catalog = Catalog::builtin().expect("the built-in catalog");
    let policy = Policy::default();
    let position = Position::default();
    println!("generator -> target                                 in full ns   again ns   copy ns");
    for (model, base) in [
        (
            "meta-llama/Llama-2-70b-chat-hf",
            "mistralai/Mistral-7B-v0.3",
        ),
        (
            "meta-llama/Meta-Llama-3-8B-Instruct",
            "meta-llama/Llama-3.1-8B",
        ),
        (
            "meta-llama/Llama-3.1-70B-Instruct",
            "mistralai/Mistral-7B-v0.3",
        ),
        (
            "meta-llama/Llama-3.1-70B-Instruct",
            "meta-llama/Meta-Llama-3-8B",
        ),
        (
            "meta-llama/Meta-Llama-Guard-2-8B",
            "mistralai/Mistral-7B-v0.3",
        ),
        ("acme/unheard-of-9b", "mistralai/Mistral-7B-v0.3"),
        ("gpt-4", "mistralai/Mistral-7B-v0.3"),
    ] {
        let target = target_file::from_model_id(base);
        let lineage = TargetLineage {
            bases: vec![catalog.resolve(base)],
            folder: None,
        };
        let setting = Setting {
            policy: &policy,
            position: &position,
            target: &target,
            lineage: &lineage,
        };
        let generator = catalog.resolve(model);
        let facts = ClaimFacts {
            generator: Some(&generator),
            access: &Access::LicenseAlone,
            acquisition: Acquisition::SelfGenerated,
            of_outputs: OutputUse::Text,
            basis: Basis::Match,
            tier: Tier::Exact,
            strength: 100.0,
            short: false,
        };
        let decision = policy::decide(&setting, &facts);
        let mut decisions = Decisions::default();
        assert_eq!(*decisions.decide(&setting, (0, Some(0)), &facts), decision);
        let full = best(|| policy::decide(black_box(&setting), black_box(&facts)));
        let again = best(|| decisions.decide(black_box(&setting), (0, Some(0)), black_box(&facts)));
        let copy = best(|| black_box(&decision).clone());
        println!("{model:>36} -> {base:<28} {full:8.0} {again:10.0} {copy:9.0}");
    }
}

/// Nanoseconds of one call, in the best pass.
fn best<T>(mut call: impl FnMut() -> T) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let start = Instant::now();
        for _ in 0..PER_PASS {
            black_box(call());
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(PER_PASS));
    }
    best
}
