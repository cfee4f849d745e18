//! An explanation tells the same story as the decision.

use super::*;
use crate::policy::explain;

fn explained(ask: &Ask) -> Explanation {
    let generator = ask.model.map(|id| catalog().resolve(id));
    let facts = ask.facts(generator.as_ref());
    ask.in_setting(|setting| explain(setting, &facts))
}

fn text(explanation: &Explanation) -> String {
    explanation
        .steps
        .iter()
        .flat_map(|step| {
            step.text
                .iter()
                .map(|said| format!("{}: {said}\n", step.title))
        })
        .collect()
}

#[test]
fn it_names_generator_clause_reading_duty_and_level() {
    let vicuna = explained(&Ask::new("lmsys/vicuna-13b-v1.5", MISTRAL));
    let said = text(&vicuna);
    for part in [
        "lmsys/vicuna-13b-v1.5 is Vicuna 1.5: rule listed:vicuna-1.5, listed by hand",
        "Somebody other than Meta derived it",
        "Llama 2 Community License Agreement: Outputs and results may not",
        "mistralai/Mistral-7B-v0.3 against the Llama 2 Community License Agreement: not Llama.",
        "Prohibited: the Llama 2 Community License Agreement (section 1.b.v)",
        "derivative-outputs-covered = yes",
        "Level under policy \"default\": block.",
    ] {
        assert!(said.contains(part), "lacks {part}:\n{said}");
    }
    let duty = text(&explained(&Ask::new(LLAMA_3_1, MISTRAL).named("acme")));
    assert!(
        duty.contains("Duties: unmet: begin the model's name with \"Llama\""),
        "{duty}"
    );
    let weak = text(&explained(
        &Ask::new(LLAMA_2, MISTRAL).with(|a| a.strength = 30.0),
    ));
    assert!(weak.contains("That bounds the level at flag."), "{weak}");
    let nobody = text(&explained(
        &Ask::new(LLAMA_2, MISTRAL).with(|a| a.model = None),
    ));
    assert!(nobody.contains("Nobody named the model"), "{nobody}");
}

proptest! {
    #[test]
    fn it_ends_in_the_decision_itself(ask in asks()) {
        let explanation = explained(&ask);
        prop_assert_eq!(&explanation.decision, &ask.decide());
        prop_assert!(explanation.steps.iter().all(|step| !step.text.is_empty()));
        let last = explanation.steps.last().expect("steps");
        prop_assert_eq!(last.title, "Policy");
        let level = format!(": {}.", explanation.decision.level);
        prop_assert!(last.text.last().expect("text").ends_with(&level));
    }
}
