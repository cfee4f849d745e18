//! The decision against tables written independently of the code. Model ids are resolved by the
//! real catalog.

mod duties;
mod explained;
mod files;
mod position;
mod schemas;
mod tables;
mod wording;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::codes;
use super::target_file::from_model_id;
use super::*;
use crate::catalog::Catalog;
use crate::model::target::{Availability, OutputUse, Purpose, Stage, Target, TargetKind};
use crate::model::{
    Access, Acquisition, Decision, FolderFacts, FolderFile, Level, ObligationState, Resolution,
    Ruling, TargetLineage, Tier,
};

const LLAMA_1: &str = "huggyllama/llama-7b";
const LLAMA_2: &str = "meta-llama/Llama-2-70b-chat-hf";
const LLAMA_3: &str = "meta-llama/Meta-Llama-3-8B-Instruct";
const LLAMA_3_1: &str = "meta-llama/Llama-3.1-70B-Instruct";
const LLAMA_3_2: &str = "meta-llama/Llama-3.2-3B-Instruct";
const LLAMA_3_2_VISION: &str = "meta-llama/Llama-3.2-11B-Vision-Instruct";
const LLAMA_3_3: &str = "meta-llama/Llama-3.3-70B-Instruct";
const LLAMA_4: &str = "meta-llama/Llama-4-Scout-17B-16E-Instruct";
const MISTRAL: &str = "mistralai/Mistral-7B-v0.3";

/// One question to the policy, with the strictest stated facts filled in.
#[derive(Debug, Clone)]
struct Ask {
    policy: Policy,
    position: Position,
    target: Target,
    model: Option<&'static str>,
    access: Option<&'static str>,
    acquisition: Acquisition,
    of_outputs: OutputUse,
    basis: Basis,
    tier: Tier,
    strength: f64,
    short: bool,
    second_generation: bool,
    folder: Option<FolderFacts>,
}

impl Ask {
    fn new(model: &'static str, base: &str) -> Self {
        Self {
            policy: Policy::default(),
            position: Position {
                as_of: "2026-11-22".to_owned(),
                ..Position::default()
            },
            target: from_model_id(base),
            model: Some(model),
            access: None,
            acquisition: Acquisition::SelfGenerated,
            of_outputs: OutputUse::Text,
            basis: Basis::Match,
            tier: Tier::Exact,
            strength: BLOCK_STRENGTH_DEFAULT,
            short: false,
            second_generation: false,
            folder: None,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn named(self, name: &str) -> Self {
        self.with(|ask| ask.target.name = Some(name.to_owned()))
    }

    fn internal(self) -> Self {
        self.with(|ask| ask.target.availability = Availability::Internal)
    }

    fn decide(&self) -> Decision {
        let generator = self.model.map(|id| catalog().resolve(id));
        let facts = self.facts(generator.as_ref());
        self.in_setting(|setting| decide(setting, &facts))
    }

    fn in_setting<T>(&self, ask: impl FnOnce(&Setting<'_>) -> T) -> T {
        ask(&Setting {
            policy: &self.policy,
            position: &self.position,
            target: &self.target,
            lineage: &self.lineage(),
        })
    }

    fn lineage(&self) -> TargetLineage {
        TargetLineage {
            bases: self
                .target
                .base
                .iter()
                .map(|id| catalog().resolve(id))
                .collect(),
            folder: self.folder.clone(),
        }
    }

    fn facts<'a>(&self, generator: Option<&'a Resolution>) -> ClaimFacts<'a> {
        // Tests only: the access of a question lives as long as the test run.
        let access: &'static Access = Box::leak(Box::new(catalog().access(self.access)));
        ClaimFacts {
            generator,
            access,
            acquisition: self.acquisition,
            of_outputs: self.of_outputs,
            basis: self.basis,
            tier: self.tier,
            strength: self.strength,
            short: self.short,
            second_generation: self.second_generation,
        }
    }
}

fn catalog() -> &'static Catalog {
    static CATALOG: std::sync::OnceLock<Catalog> = std::sync::OnceLock::new();
    CATALOG.get_or_init(|| Catalog::builtin().expect("valid"))
}

/// Code and level in one word.
fn code_level(decision: &Decision) -> String {
    format!("{} {}", decision.code.0, decision.level)
}

/// Codes and levels of the findings on a run whose matches are claimed as these models.
fn on_run(ask: &Ask, models: &[&str]) -> Vec<String> {
    let mut touched = Touched::default();
    for model in models {
        touched.add(Some(&catalog().resolve(model)));
    }
    ask.in_setting(|setting| run_decisions(setting, &touched))
        .iter()
        .map(code_level)
        .collect()
}

// --- the table ------------------------------------------------------------------------------

#[test]
fn the_decision_table_cell_by_cell() {
    let ids = BTreeMap::from([
        ("llama-1", LLAMA_1),
        ("llama-2", LLAMA_2),
        ("llama-3", LLAMA_3),
        ("llama-3.1", LLAMA_3_1),
        ("llama-3.2", LLAMA_3_2),
        ("llama-3.2-vision", LLAMA_3_2_VISION),
        ("llama-3.3", LLAMA_3_3),
        ("llama-4", LLAMA_4),
        ("version-unknown", "llama"),
        // Through a contract the model does not matter; a text model, so that seat is not asked.
        ("contract:llama-api", LLAMA_3_3),
        ("contract:meta-model-api", LLAMA_3_3),
    ]);
    let mut cells = 0;
    let mut wrong = Vec::new();
    for line in include_str!("../../fixtures/policy/decision_table.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [source, relation, reach, purpose, of_outputs, expected] = fields[..] else {
            panic!("six fields: {line}")
        };
        let base = match relation {
            "same" => ids[source],
            "none" | "classifier" => MISTRAL,
            other => ids[other.strip_prefix("other:").expect("a relation")],
        };
        let reaches: &[Availability] = match reach {
            "internal" => &[Availability::Internal, Availability::Affiliate],
            "distributed" => &[
                Availability::Product,
                Availability::Api,
                Availability::Weights,
            ],
            other => panic!("reach {other}"),
        };
        let purposes: Vec<Purpose> = match purpose {
            "any" => Purpose::ALL.to_vec(),
            word => vec![Purpose::parse(word).expect("a purpose")],
        };
        let kinds: &[TargetKind] = match relation {
            "classifier" => &[
                TargetKind::Classifier,
                TargetKind::Embedding,
                TargetKind::Reranker,
                TargetKind::Encoder,
                TargetKind::Reward,
            ],
            _ => &[TargetKind::Llm, TargetKind::Vlm],
        };
        let expected = match expected {
            "P" => Ruling::Permitted,
            "PO" => Ruling::PermittedWithObligations,
            "R" => Ruling::NeedsReview,
            "X" => Ruling::Prohibited,
            other => panic!("ruling {other}"),
        };
        for availability in reaches {
            for purpose in &purposes {
                for kind in kinds {
                    let ask = Ask::new(ids[source], base).with(|ask| {
                        ask.access = source.strip_prefix("contract:");
                        ask.target.availability = *availability;
                        ask.target.purpose = *purpose;
                        ask.target.kind = *kind;
                        ask.of_outputs = OutputUse::parse(of_outputs).expect("a use");
                    });
                    let found = ask.decide();
                    if found.ruling != Some(expected) {
                        wrong.push(format!("{line} ({purpose:?}, {kind:?}): {found:?}"));
                    }
                    if matches!(expected, Ruling::NeedsReview | Ruling::Prohibited) {
                        assert_eq!(found.level, Level::Block, "{line}");
                    } else {
                        assert_ne!(found.level, Level::Block, "{line}: {found:?}");
                    }
                }
            }
        }
        cells += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cells >= 130, "only {cells} cells were read");
}

#[test]
fn a_target_from_scratch_is_not_llama() {
    for (model, expected) in [
        (LLAMA_2, Ruling::Prohibited),
        (LLAMA_3, Ruling::Prohibited),
        (LLAMA_3_1, Ruling::PermittedWithObligations),
    ] {
        assert_eq!(
            Ask::new(model, "scratch").decide().ruling,
            Some(expected),
            "{model}"
        );
    }
    let reason = Ask::new(LLAMA_3, "scratch").decide().reason;
    assert!(
        reason.contains("trained from scratch is not Llama 3"),
        "{reason}"
    );
}

#[test]
fn a_merge_is_allowed_only_where_every_base_is() {
    let merge = |model, bases: &[&str]| {
        Ask::new(model, LLAMA_2)
            .internal()
            .with(|ask| ask.target.base = bases.iter().map(|id| (*id).to_owned()).collect())
            .decide()
            .ruling
            .expect("a ruling")
    };
    assert_eq!(
        merge(LLAMA_2, &[LLAMA_2, "lmsys/vicuna-13b-v1.5"]),
        Ruling::Permitted
    );
    assert_eq!(merge(LLAMA_2, &[LLAMA_2, MISTRAL]), Ruling::Prohibited);
    assert_eq!(merge(LLAMA_2, &[MISTRAL, LLAMA_2]), Ruling::Prohibited);
    assert_eq!(merge(LLAMA_3, &[LLAMA_3, LLAMA_3_1]), Ruling::NeedsReview);
    assert_eq!(merge(LLAMA_3, &[LLAMA_3_1, LLAMA_2]), Ruling::Prohibited);
    assert_eq!(merge(LLAMA_3_1, &[LLAMA_3_1, MISTRAL]), Ruling::Permitted);
}

#[test]
fn an_unknown_base_needs_review_unless_it_makes_no_difference() {
    let unknown = "acme/superchat-7b";
    for (model, internal, expected) in [
        (LLAMA_2, true, Ruling::NeedsReview),
        (LLAMA_3, false, Ruling::NeedsReview),
        // Every column of these rows says the same.
        (LLAMA_3_1, true, Ruling::Permitted),
        (LLAMA_3_1, false, Ruling::PermittedWithObligations),
        (LLAMA_1, false, Ruling::Prohibited),
    ] {
        let ask = Ask::new(model, unknown);
        let ask = if internal { ask.internal() } else { ask };
        assert_eq!(ask.decide().ruling, Some(expected), "{model}");
    }
    // Llama of an unknown version is no derivative of Llama 2 for sure.
    assert_eq!(
        Ask::new(LLAMA_2, "llama").decide().ruling,
        Some(Ruling::NeedsReview)
    );
    // Neither of the two candidates is Llama 3.
    assert_eq!(
        Ask::new(LLAMA_3, "vicuna").decide().ruling,
        Some(Ruling::Prohibited)
    );
    let fix = Ask::new(LLAMA_2, unknown).decide().how_to_fix;
    assert!(fix.contains("herdbook models resolve"), "{fix}");
}

#[test]
fn found_outputs_of_a_banned_model_need_review() {
    let ask = |model, acquisition| {
        Ask::new(model, MISTRAL)
            .with(|ask| ask.acquisition = acquisition)
            .decide()
            .ruling
            .unwrap()
    };
    assert_eq!(ask(LLAMA_3, Acquisition::Found), Ruling::NeedsReview);
    assert_eq!(
        ask(LLAMA_3, Acquisition::LicensedDataset),
        Ruling::Prohibited
    );
    assert_eq!(ask(LLAMA_1, Acquisition::Found), Ruling::NeedsReview);
    assert_eq!(ask("llama", Acquisition::Found), Ruling::NeedsReview);
    assert_eq!(
        ask(LLAMA_3_1, Acquisition::Found),
        Ruling::PermittedWithObligations
    );
    let decision = Ask::new(LLAMA_3, MISTRAL)
        .with(|a| a.acquisition = Acquisition::Found)
        .decide();
    assert_eq!(decision.level, Level::Block);
    assert_eq!(decision.readings, ["found-outputs-bind"]);
}

#[test]
fn what_a_model_wrote_that_learnt_from_outputs_is_as_the_reading_says() {
    let ask = |model, answer: Option<Answer>| {
        let mut ask = Ask::new(model, MISTRAL);
        ask.second_generation = true;
        if let Some(answer) = answer {
            let readings = &mut ask.position.readings;
            readings
                .switch("second-generation-covered", answer)
                .unwrap();
        }
        ask.decide()
    };
    // Open: what would be prohibited waits for a person; what would be owed is owed meanwhile.
    let open = ask(LLAMA_2, None);
    assert_eq!(open.ruling, Some(Ruling::NeedsReview));
    assert_eq!(open.level, Level::Block);
    assert_eq!(
        open.question.as_deref(),
        Some("llama-2:second-generation-covered")
    );
    assert_eq!(open.readings, ["second-generation-covered"]);
    assert!(
        open.reason.contains("learnt from outputs"),
        "{}",
        open.reason
    );
    let owed = ask(LLAMA_3_1, None);
    assert_eq!(owed.ruling, Some(Ruling::PermittedWithObligations));
    assert!(!owed.obligations.is_empty());
    // Adopted: as if Llama had written it. Its contrary: nothing is owed, and it is still seen.
    let yes = ask(LLAMA_2, Some(Answer::Yes));
    assert_eq!(yes.ruling, Some(Ruling::Prohibited));
    for model in [LLAMA_2, LLAMA_3_1] {
        let no = ask(model, Some(Answer::No));
        assert_eq!(no.ruling, Some(Ruling::Permitted), "{model}");
        assert_eq!(no.level, Level::Flag, "{model}");
        assert!(no.obligations.is_empty(), "{model}");
    }
}

#[test]
fn unknown_and_ambiguous_generators_are_never_permitted() {
    for base in [
        LLAMA_2,
        LLAMA_3,
        LLAMA_3_1,
        MISTRAL,
        "scratch",
        "acme/superchat-7b",
    ] {
        for model in [
            Some("acme/superchat-7b"),
            None,
            Some("acme/Llama-Mistral-merge"),
        ] {
            let decision = Ask::new(LLAMA_2, base)
                .internal()
                .with(|a| a.model = model)
                .decide();
            assert_eq!(
                code_level(&decision),
                "generator-unknown block",
                "{model:?} into {base}"
            );
            assert_eq!(decision.ruling, Some(Ruling::NeedsReview));
        }
        let decision = Ask::new("vertex_ai/meta/llama3-405b-instruct-maas", base).decide();
        assert_eq!(
            code_level(&decision),
            "llama-version-unknown block",
            "{base}"
        );
    }
    // Llama 3 is prohibited there and Llama 3.1 is not: a person decides.
    let ask = Ask::new("vertex_ai/meta/llama3-405b-instruct-maas", MISTRAL);
    assert_eq!(ask.decide().ruling, Some(Ruling::NeedsReview));
    // Both readings of the id are prohibited.
    assert_eq!(
        Ask::new("vicuna", MISTRAL).decide().ruling,
        Some(Ruling::Prohibited)
    );
    let reason = Ask::new("vicuna", MISTRAL).decide().reason;
    assert!(
        reason.contains("LLaMA License Agreement or Llama 2 Community"),
        "{reason}"
    );
}

#[test]
fn a_safety_model_follows_the_stricter_of_base_and_file() {
    // Its base allows Llama 3; the Llama 2 text beside its weights does not.
    let guard_2 = Ask::new("meta-llama/Meta-Llama-Guard-2-8B", LLAMA_3)
        .internal()
        .decide();
    assert_eq!(guard_2.ruling, Some(Ruling::Prohibited));
    assert_eq!(guard_2.license.as_deref(), Some("llama-2"));
    // A Llama license does not make the target a derivative of Llama.
    let prompt_guard = Ask::new(LLAMA_3, "meta-llama/Prompt-Guard-86M")
        .internal()
        .decide();
    assert_eq!(prompt_guard.ruling, Some(Ruling::Prohibited));
}

// --- from ruling to level -------------------------------------------------------------------

#[test]
#[expect(clippy::too_many_lines, reason = "one table, one line per question")]
fn levels_of_the_default_policy() {
    for (ask, expected) in vec![
        (Ask::new(LLAMA_3, MISTRAL), "llama-output-prohibited block"),
        (
            Ask::new(LLAMA_3, LLAMA_3_1),
            "llama-output-needs-review block",
        ),
        (Ask::new("llama", MISTRAL), "llama-version-unknown block"),
        // The naming duty: open, unmet, met.
        (Ask::new(LLAMA_3_1, MISTRAL), "duty-open flag"),
        (
            Ask::new(LLAMA_3_1, MISTRAL).named("acme-chat"),
            "duty-unmet block",
        ),
        (
            Ask::new(LLAMA_3_1, MISTRAL).named("Llama-acme"),
            "llama-output-permitted flag",
        ),
        (
            Ask::new(LLAMA_3_1, MISTRAL).with(|a| a.target.stage = Stage::Release),
            "duty-open block",
        ),
        // Without a duty: seen in another model, a note in Llama.
        (
            Ask::new(LLAMA_3_1, MISTRAL).internal(),
            "llama-output-permitted flag",
        ),
        (
            Ask::new(LLAMA_3_1, LLAMA_3_1).internal(),
            "llama-output-permitted note",
        ),
        (
            Ask::new(LLAMA_2, LLAMA_2).internal(),
            "llama-output-permitted note",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.of_outputs = OutputUse::Evaluation),
            "llama-output-permitted flag",
        ),
        // Selecting data: shown, not stopped, even where the name is wrong.
        (
            Ask::new(LLAMA_3_1, MISTRAL)
                .named("acme")
                .with(|a| a.of_outputs = OutputUse::Filter),
            "duty-unmet flag",
        ),
        // Strength bounds the level.
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.short = true),
            "short-exact-match flag",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.strength = BLOCK_STRENGTH_DEFAULT * 0.99),
            "weak-match flag",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.strength = BLOCK_STRENGTH_DEFAULT),
            "llama-output-prohibited block",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.strength = FLAG_STRENGTH_DEFAULT * 0.99),
            "weak-match note",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.strength = f64::NAN),
            "llama-output-prohibited block",
        ),
        (
            Ask::new(LLAMA_2, LLAMA_2)
                .internal()
                .with(|a| a.short = true),
            "llama-output-permitted note",
        ),
        // What is declared has no strength.
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| {
                a.basis = Basis::Declared;
                a.strength = 0.0;
            }),
            "llama-output-prohibited block",
        ),
        // Hosts.
        (
            Ask::new(LLAMA_3_1, MISTRAL)
                .internal()
                .with(|a| a.access = Some("bedrock")),
            "host-terms-unread flag",
        ),
        (
            Ask::new(LLAMA_2, LLAMA_2)
                .internal()
                .with(|a| a.access = Some("bedrock")),
            "host-terms-unread flag",
        ),
        (
            Ask::new(LLAMA_2, LLAMA_2)
                .internal()
                .with(|a| a.access = Some("together")),
            "llama-output-permitted note",
        ),
        (
            Ask::new(LLAMA_3, MISTRAL).with(|a| a.access = Some("bedrock")),
            "llama-output-prohibited block",
        ),
        // Other licensors.
        (
            Ask::new("tiiuae/falcon-40b-instruct", MISTRAL),
            "non-llama-output note",
        ),
        (
            Ask::new("google/gemma-2-9b-it", MISTRAL),
            "non-llama-output note",
        ),
        (
            Ask::new("gpt-4", MISTRAL),
            "other-output-needs-review block",
        ),
        (
            Ask::new("Qwen/Qwen-7B-Chat", MISTRAL),
            "other-output-needs-review block",
        ),
        (
            Ask::new("Qwen/Qwen-7B-Chat", "Qwen/Qwen-14B"),
            "non-llama-output note",
        ),
        (
            Ask::new("Qwen/Qwen2.5-72B-Instruct", MISTRAL),
            "non-llama-output note",
        ),
        (
            Ask::new("deepseek-ai/DeepSeek-R1", MISTRAL),
            "non-llama-output note",
        ),
        (
            Ask::new("gpt-4", MISTRAL)
                .internal()
                .with(|a| a.target.kind = TargetKind::Classifier),
            "non-llama-output note",
        ),
    ] {
        let decision = ask.decide();
        assert_eq!(code_level(&decision), expected, "{}", decision.reason);
    }
}

#[test]
fn strict_blocks_llama_in_what_is_not_llama() {
    let strict = Policy::parse("strict = true", "p.toml").expect("valid");
    let ask = |model, base| {
        let strict = strict.clone();
        code_level(
            &Ask::new(model, base)
                .internal()
                .with(move |a| a.policy = strict)
                .decide(),
        )
    };
    assert_eq!(ask(LLAMA_3_1, MISTRAL), "strict-llama-output block");
    assert_eq!(
        ask(LLAMA_3_1, "acme/superchat-7b"),
        "strict-llama-output block"
    );
    assert_eq!(ask(LLAMA_3_1, "scratch"), "strict-llama-output block");
    assert_eq!(ask(LLAMA_3_1, LLAMA_2), "llama-output-permitted note");
    assert_eq!(ask("tiiuae/falcon-40b", MISTRAL), "non-llama-output note");
}

#[test]
fn the_policy_sets_levels_and_thresholds() {
    let policy = Policy::parse(
        "name = \"ours\"\n[thresholds]\nflag_strength = 0.1\nblock_strength = 0.9\n[levels]\n\
         llama-output-prohibited = \"flag\"\nweak-match = \"block\"\n",
        "p.toml",
    )
    .expect("valid");
    let ask = |strength| {
        let policy = policy.clone();
        code_level(
            &Ask::new(LLAMA_3, LLAMA_3_1)
                .with(move |a| {
                    a.policy = policy;
                    a.strength = strength;
                })
                .decide(),
        )
    };
    assert_eq!(ask(0.95), "llama-output-needs-review block");
    // A weak match may be raised, but never above what the license decision gives.
    assert_eq!(ask(0.5), "llama-output-needs-review block");
    assert_eq!(ask(0.05), "weak-match note");
    let policy = policy.clone();
    let decision = Ask::new(LLAMA_3, MISTRAL)
        .with(move |a| a.policy = policy)
        .decide();
    assert_eq!(code_level(&decision), "llama-output-prohibited flag");
}

// --- several claims -----------------------------------------------------------------------------

#[test]
fn the_strictest_claim_decides() {
    let under_2 = Ask::new(LLAMA_2, MISTRAL).decide();
    let under_3_1 = Ask::new(LLAMA_3_1, MISTRAL).decide();
    let review = Ask::new("x", MISTRAL).decide();
    assert_eq!(strictest([&under_3_1, &under_2, &review]), Some(&under_2));
    // A block outranks a flag; at the same level the ruling decides.
    assert_eq!(strictest([&under_3_1, &review]), Some(&review));
    assert_eq!(strictest([] as [&Decision; 0]), None);
}

fn ids() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        LLAMA_1,
        LLAMA_2,
        LLAMA_3,
        LLAMA_3_1,
        LLAMA_3_2_VISION,
        LLAMA_3_3,
        LLAMA_4,
        MISTRAL,
        "llama",
        "vicuna",
        "gpt-4",
        "x",
        "scratch",
        "meta-llama/Meta-Llama-Guard-2-8B",
        "tokyotech-llm/Llama-3.1-Swallow-70B-Instruct-v0.1",
        "meta-llama/Prompt-Guard-86M",
    ])
}

fn asks() -> impl Strategy<Value = Ask> {
    let words = (
        prop::sample::select(TargetKind::ALL.to_vec()),
        prop::sample::select(Availability::ALL.to_vec()),
        prop::sample::select(Purpose::ALL.to_vec()),
        prop::sample::select(OutputUse::ALL.to_vec()),
        prop::sample::select(Stage::ALL.to_vec()),
        prop::sample::select(vec![
            None,
            Some("bedrock"),
            Some("llama-api"),
            Some("meta-model-api"),
        ]),
        prop::sample::select(vec![None, Some("acme"), Some("Llama-3-acme")]),
    );
    // Below the flag threshold, between the two, and above both.
    let match_facts = (0.0..100.0_f64, any::<bool>(), any::<bool>());
    (
        ids(),
        prop::collection::vec(ids(), 1..3),
        words,
        match_facts,
    )
        .prop_map(|(model, bases, words, (strength, short, strict))| {
            let (kind, availability, purpose, of_outputs, stage, access, name) = words;
            Ask::new(model, MISTRAL).with(|ask| {
                ask.target.base = bases.iter().map(|id| (*id).to_owned()).collect();
                ask.target.kind = kind;
                ask.target.availability = availability;
                ask.target.purpose = purpose;
                ask.target.stage = stage;
                ask.target.name = name.map(str::to_owned);
                ask.of_outputs = of_outputs;
                ask.access = access;
                ask.strength = strength;
                ask.short = short;
                if strict {
                    ask.policy = Policy::parse("strict = true", "p").expect("valid");
                }
            })
        })
}

proptest! {
    /// More evidence never lowers the level: a stronger match, one more base, one more claim.
    #[test]
    fn more_forbidden_evidence_never_lowers_the_level(
        ask in asks(), stronger in 0.0..60.0_f64, base in ids(), other in asks(),
    ) {
        let decision = ask.decide();
        let raised = ask.clone().with(|a| { a.strength += stronger; a.short = false; }).decide();
        prop_assert!(raised.level >= decision.level, "{decision:?} {raised:?}");
        prop_assert_eq!(raised.ruling, decision.ruling);
        let more_bases = ask.clone().with(|a| a.target.base.push(base.to_owned())).decide();
        prop_assert!(more_bases.ruling >= decision.ruling, "{decision:?} {more_bases:?}");
        let second = other.decide();
        let both = strictest([&decision, &second]).expect("two");
        prop_assert!(both.level >= decision.level && both.level >= second.level);
    }

    /// The same question always has the same answer, and it is a complete one.
    #[test]
    fn decisions_are_total_and_repeatable(ask in asks()) {
        let decision = ask.decide();
        prop_assert_eq!(&decision, &ask.decide());
        prop_assert!(codes::info(decision.code.0).is_some());
        prop_assert!(decision.ruling.is_some());
        prop_assert!(decision.level != Level::Undecided);
        let sorted = decision.obligations.windows(2).all(|pair| pair[0].id < pair[1].id);
        prop_assert!(sorted, "{:?}", decision.obligations);
    }

    /// What was decided before is decided the same again, whatever else was asked in between.
    #[test]
    fn remembered_decisions_are_the_decisions(asks in prop::collection::vec((asks(), 0u32..2), 1..12)) {
        let first = asks[0].0.clone();
        let lineage = first.lineage();
        let mut decisions = Decisions::new(Setting {
            policy: &first.policy,
            position: &first.position,
            target: &first.target,
            lineage: &lineage,
        });
        for (number, (ask, source)) in asks.iter().enumerate() {
            // One setting; the claims differ in all that a kind is made of.
            let ask = first.clone().with(|a| {
                a.model = ask.model;
                a.access = ask.access;
                a.of_outputs = ask.of_outputs;
                a.strength = ask.strength;
                a.short = ask.short;
            });
            let generator = ask.model.map(|id| catalog().resolve(id));
            let facts = ask.facts(generator.as_ref());
            let number = u32::try_from(number).expect("few");
            let claim = (number, (*source > 0).then_some(*source), 0);
            let made = decisions.decide(claim, &facts);
            let again = decisions.decide(claim, &facts);
            prop_assert_eq!(&*made, &ask.decide());
            prop_assert_eq!(&*again, &*made);
        }
    }

    /// The decision without words says what the words say.
    #[test]
    fn a_judgement_is_the_decision_without_its_words(ask in asks()) {
        let generator = ask.model.map(|id| catalog().resolve(id));
        let facts = ask.facts(generator.as_ref());
        let decision = ask.decide();
        ask.in_setting(|setting| {
            let ground = Ground::new(*setting);
            let judgement = ground.judge(&facts);
            prop_assert_eq!(judgement.code(), decision.code);
            prop_assert_eq!(judgement.level(), decision.level);
            prop_assert_eq!(Some(judgement.ruling()), decision.ruling);
            let license = judgement.license();
            prop_assert_eq!(license.map(|license| &license.id), decision.license.as_ref());
            let clause = license.zip(judgement.section()).map(|(l, section)| l.cite(section));
            prop_assert_eq!(clause, decision.clause.clone());
            let worst = decision.obligations.iter().map(|duty| duty.state).max();
            prop_assert_eq!(judgement.duties(), worst);
            prop_assert_eq!(judgement.worded(&ground), decision);
            Ok(())
        })?;
    }
}
