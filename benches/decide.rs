//! Nanoseconds per license decision, which is made for every claim on every match.
//!
//! `cargo bench --bench decide`. Each kind of claim is decided many times in a row; the best of
//! several passes is printed, since other work on the machine only ever slows one down.
//!
//! `full`: the whole decision, made anew: ruling, code, level, license and clause, readings, which
//! duties in which state, remedy. `worded`: the same, and every sentence of the report about it.
//! `again`: a kind that was decided before in the run, looked up. `copy`: a plain copy of the
//! finished decision, which is mostly allocation, as a yardstick that anyone can run. `ground`: what
//! is worked out once in a run.

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
use herdbook::policy::Ground;
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
    println!(
        "{:36} -> {:28} {:>6} {:>7} {:>6} {:>5} {:>7}",
        "nanoseconds: generator", "target's base", "full", "worded", "again", "copy", "ground"
    );
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
            second_generation: false,
        };
        let decision = policy::decide(&setting, &facts);
        let ground = Ground::new(setting);
        let mut decisions = Decisions::new(setting);
        assert_eq!(*decisions.decide((0, Some(0), 0), &facts), decision);
        let full = best(|| ground.judge(black_box(&facts)));
        let worded = best(|| ground.judge(black_box(&facts)).worded(&ground));
        let again = best(|| decisions.decide((0, Some(0), 0), black_box(&facts)));
        let copy = best(|| black_box(&decision).clone());
        let once = best(|| Ground::new(black_box(setting)));
        println!(
            "{model:36} -> {base:28} {full:6.0} {worded:7.0} {again:6.0} {copy:5.0} {once:7.0}"
        );
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
