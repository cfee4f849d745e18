//! The index and a plain map agree, whatever is done in whatever order, through the program; a
//! registration that is killed is there whole or not at all.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;

use herdbook::GateOptions;
use herdbook::Register;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::RngAlgorithm;
use proptest::test_runner::TestRng;
use proptest::test_runner::TestRunner;

use super::bed::Bed;
use super::fault::Act;
use super::fault::CHANGING;
use super::fault::Fault;
use super::inputs::MODEL;
use super::inputs::Source;
use super::inputs::TARGET;
use super::inputs::text;
use super::tally::long;
use super::tally::seed;
use super::tally::trials;

/// Distinct texts that sources are made of.
const TEXTS: u64 = 8;

#[derive(Debug, Clone)]
enum Step {
    /// A new source of these texts, a bit for each.
    Register(u8),
    /// As above, killed before this call.
    Killed(u8, usize),
    /// The source that was registered as the nth; modulo those there are.
    Withdraw(usize),
    /// The same source once more.
    Again(usize),
    Seal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..).prop_map(Step::Register),
        3 => (1_u8.., 1_usize..240).prop_map(|(texts, at)| Step::Killed(texts, at)),
        2 => any::<usize>().prop_map(Step::Withdraw),
        1 => any::<usize>().prop_map(Step::Again),
        1 => Just(Step::Seal),
    ]
}

/// What was registered: the texts of each source, by its name.
#[derive(Debug, Default)]
struct Oracle {
    sources: BTreeMap<String, BTreeSet<u64>>,
    withdrawn: BTreeSet<String>,
    made: usize,
}

impl Oracle {
    fn name(&self, nth: usize) -> Option<String> {
        let nth = nth.checked_rem(self.sources.len())?;
        self.sources.keys().nth(nth).cloned()
    }

    fn live(&self) -> usize {
        self.sources.len() - self.withdrawn.len()
    }

    /// Who holds each text.
    fn holders(&self) -> Vec<BTreeSet<String>> {
        (0..TEXTS)
            .map(|text| {
                let sources = self.sources.iter();
                sources
                    .filter(|(name, texts)| {
                        texts.contains(&text) && !self.withdrawn.contains(*name)
                    })
                    .map(|(name, _)| name.clone())
                    .collect()
            })
            .collect()
    }
}

/// Who holds each text, as the library says; an error where it does not answer.
fn holders(bed: &Bed) -> Result<Vec<BTreeSet<String>>, String> {
    let register = Register::open(bed.index()).map_err(|error| error.to_string())?;
    let gate = register.gate(&GateOptions::for_model(TARGET));
    let gate = gate.map_err(|error| error.to_string())?;
    let mut checker = gate.checker();
    (0..TEXTS)
        .map(|number| {
            let answer = checker
                .check(&text(number))
                .map_err(|error| error.to_string())?;
            let claims = answer.finding().map(|finding| finding.claims.as_slice());
            let claims = claims.unwrap_or_default().iter();
            Ok(claims.map(|claim| claim.source.clone()).collect())
        })
        .collect()
}

fn words(bed: &Bed, name: &str, texts: &BTreeSet<u64>) -> Vec<String> {
    let source = Source {
        name: name.to_owned(),
        texts: texts.iter().copied().map(text).collect(),
    };
    let file = source.file();
    fs::write(bed.path().join(&file), source.lines()).unwrap();
    let words = [
        "register",
        &file,
        "--source",
        name,
        "--model",
        MODEL,
        "--threads",
        "1",
    ];
    words.map(str::to_owned).to_vec()
}

fn bits(texts: u8) -> BTreeSet<u64> {
    (0..TEXTS).filter(|text| texts >> text & 1 == 1).collect()
}

fn run(steps: &[Step], empty: &Bed) -> Result<(), TestCaseError> {
    let bed = empty.fork();
    let mut oracle = Oracle::default();
    for step in steps {
        match step {
            Step::Register(texts) | Step::Killed(texts, _) => {
                oracle.made += 1;
                let (name, texts) = (format!("s{:03}", oracle.made), bits(*texts));
                let words = words(&bed, &name, &texts);
                let there = if let &Step::Killed(_, at) = step {
                    let (calls, act) = (CHANGING, Act::Kill);
                    let ran = bed.run_with(&words, &Fault { calls, at, act });
                    // Whatever is needed to go on, the next command does by itself.
                    let sealed = bed.run(&["snapshot", "seal"]);
                    prop_assert_eq!(sealed.code, Some(0), "{}", sealed.said());
                    let there = bed.run(&["source", "show", &name]).code == Some(0);
                    prop_assert!(there || !ran.acknowledged(), "lost: {}", ran.said());
                    there
                } else {
                    let ran = bed.run(&words);
                    prop_assert_eq!(ran.code, Some(0), "{}", ran.said());
                    true
                };
                if there {
                    oracle.sources.insert(name, texts);
                }
            }
            Step::Withdraw(nth) => {
                let Some(name) = oracle.name(*nth) else {
                    continue;
                };
                let ran = bed.run(&["source", "withdraw", &name]);
                let code = if oracle.withdrawn.insert(name) { 0 } else { 2 };
                prop_assert_eq!(ran.code, Some(code), "{}", ran.said());
            }
            Step::Again(nth) => {
                let Some(name) = oracle.name(*nth) else {
                    continue;
                };
                let ran = bed.run(&words(&bed, &name, &oracle.sources[&name]));
                let code = if oracle.withdrawn.contains(&name) {
                    2
                } else {
                    0
                };
                prop_assert_eq!(ran.code, Some(code), "{}", ran.said());
            }
            Step::Seal => bed.must(&["snapshot", "seal"]),
        }
        match holders(&bed) {
            Ok(found) => prop_assert_eq!(found, oracle.holders()),
            Err(why) => prop_assert_eq!(oracle.live(), 0, "{}", why),
        }
    }
    let ran = bed.run(&["snapshot", "verify"]);
    prop_assert_eq!(ran.code, Some(0), "{}", ran.said());
    Ok(())
}

#[test]
fn the_index_and_a_plain_map_agree_through_the_program() {
    let empty = Bed::empty(None);
    empty.must(&["init"]);
    let cases = trials(8, 400);
    let steps = if long() { 1..30 } else { 1..10 };
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let dice = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, dice);
    let steps = prop::collection::vec(step(), steps);
    let result = runner.run(&steps, |steps| run(&steps, &empty));
    if let Err(error) = result {
        panic!("seed {}: {error}", seed());
    }
    println!("faults: the index and a plain map: {cases} sequences, 0 failures");
}
