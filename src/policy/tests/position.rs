//! What turns on the organisation: its profile, its grants, its readings; and the policy's own
//! lists. Expected rulings are read off the license texts, not off the code.

use super::*;
use crate::model::{Grant, GrantScope, Organization};
use crate::policy::organization;

const PROFILE: &str = include_str!("../../../fixtures/policy/organization.toml");

fn parse(text: &str) -> Result<Organization, String> {
    let ids: Vec<&str> = catalog().licenses().iter().map(|l| l.id.as_str()).collect();
    organization::parse(text, "organization.toml", &ids).map_err(|error| error.to_string())
}

fn profile() -> Organization {
    parse(PROFILE).expect("valid")
}

impl Ask {
    fn of(self, change: impl FnOnce(&mut Organization)) -> Self {
        self.with(|ask| {
            let mut organization = profile();
            change(&mut organization);
            ask.position.organization = Some(organization);
        })
    }

    fn reads(self, id: &str, answer: Answer) -> Self {
        self.with(|ask| ask.position.readings.switch(id, answer).expect("adoptable"))
    }

    fn ruling(&self) -> Ruling {
        self.decide().ruling.expect("a ruling")
    }
}

#[test]
fn a_profile_is_read_whole() {
    let profile = profile();
    assert_eq!(profile.name, "Acme Example Ltd");
    assert_eq!(profile.in_eu, Some(false));
    assert_eq!(profile.monthly_users["llama-3.1"], 1_200_000);
    assert_eq!(
        profile.accepted_licenses.as_deref(),
        Some(
            &[
                "llama-2".to_owned(),
                "llama-3".into(),
                "llama-3.1".into(),
                "llama-3.2".into()
            ][..]
        )
    );
    assert_eq!(profile.grants[0].scope, GrantScope::Outputs);
    assert_eq!(profile.people.len(), 2);
}

#[test]
fn a_wrong_profile_is_refused_with_its_place_and_the_fix() {
    let with = |from: &str, to: &str| {
        assert!(PROFILE.contains(from), "{from}");
        parse(&PROFILE.replacen(from, to, 1)).expect_err("refused")
    };
    for (from, to, said) in [
        (
            "name = \"Acme Example Ltd\"",
            "name = \"\"",
            ":2:8: name is one line of 1 to 200 bytes",
        ),
        (
            "principal_place_in_eu",
            "principal_place",
            ":3:1: unknown field `principal_place`",
        ),
        (
            "\"llama-3.1\" = 1_200_000",
            "\"llama-3.7\" = 1",
            "unknown license `llama-3.7`",
        ),
        ("= 1_200_000", "= -1", "a number of users is 0 or more"),
        (
            "\"2027-06-30\"",
            "\"2027-6-30\"",
            "`2027-6-30` is no day; write it as 2027-01-31",
        ),
        (
            "scope = \"outputs\"",
            "scope = \"all\"",
            "expected one of monthly-users, outputs",
        ),
        (
            "document_sha256 = \"00",
            "document_sha256 = \"zz",
            "64 hexadecimal digits",
        ),
        ("id = \"bo\"", "id = \"ada\"", "there are two persons `ada`"),
        (
            "public_key = \"2222222222222222222222222222222222222222222222222222222222222222",
            "public_key = \"1111111111111111111111111111111111111111111111111111111111111111",
            "a key belongs to one person",
        ),
        (
            "roles = [\"approver\"]",
            "roles = []",
            "a person without a role can do nothing",
        ),
    ] {
        let error = with(from, to);
        assert!(error.contains(said), "{from}: {error}");
        assert!(error.starts_with("organization.toml:"), "{error}");
    }
    // The second key is the first but for its digits, so that this case is about equality.
    assert!(PROFILE.contains(&"1".repeat(64)) && PROFILE.contains(&"2".repeat(64)));
}

#[test]
fn the_seat_decides_about_multimodal_outputs_only() {
    for vision in [LLAMA_3_2_VISION, LLAMA_4] {
        let ask = |seat| Ask::new(vision, MISTRAL).internal().of(|o| o.in_eu = seat);
        assert_eq!(ask(Some(false)).ruling(), Ruling::Permitted, "{vision}");
        assert_eq!(ask(None).ruling(), Ruling::NeedsReview, "{vision}");
        assert_eq!(ask(Some(true)).ruling(), Ruling::NeedsReview, "{vision}");
        let barred = ask(Some(true)).reads("eu-clause-reaches-outputs", Answer::Yes);
        assert_eq!(barred.ruling(), Ruling::Prohibited, "{vision}");
        let not = ask(Some(true)).reads("eu-clause-reaches-outputs", Answer::No);
        assert_eq!(not.ruling(), Ruling::Permitted, "{vision}");
        assert_eq!(not.decide().readings, ["eu-clause-reaches-outputs"]);
    }
    for text_only in [LLAMA_3_1, LLAMA_3_2, LLAMA_3_3] {
        let ask = Ask::new(text_only, MISTRAL)
            .internal()
            .of(|o| o.in_eu = Some(true));
        assert_eq!(ask.ruling(), Ruling::Permitted, "{text_only}");
    }
}

#[test]
fn too_many_users_need_a_separate_license() {
    let ask = |users: u64| {
        Ask::new(LLAMA_3_1, MISTRAL).internal().of(|o| {
            o.monthly_users.insert("llama-3.1".to_owned(), users);
        })
    };
    // The gate is "greater than 700 million".
    assert_eq!(ask(700_000_000).ruling(), Ruling::Permitted);
    let above = ask(700_000_001).decide();
    assert_eq!(code_level(&above), "llama-output-prohibited block");
    assert!(above.clause.expect("a clause").contains("section 2 "));
    assert!(
        above.how_to_fix.contains("organization.toml"),
        "{}",
        above.how_to_fix
    );
    let granted = ask(700_000_001).with(|ask| {
        if let Some(organization) = &mut ask.position.organization {
            organization.grants[0].scope = GrantScope::MonthlyUsers;
            organization.grants[0].licenses = vec!["llama-3.1".to_owned()];
        }
    });
    assert_eq!(granted.ruling(), Ruling::Permitted);
    // What is not stated is asked for, once for the run.
    let unstated = Ask::new(LLAMA_3_1, MISTRAL).of(|o| o.monthly_users.clear());
    assert_eq!(unstated.internal().ruling(), Ruling::Permitted);
    let unstated = Ask::new(LLAMA_3_1, MISTRAL).of(|o| o.monthly_users.clear());
    assert_eq!(
        on_run(&unstated, &[LLAMA_3_1]),
        ["monthly-users-unstated flag"]
    );
}

#[test]
fn a_grant_lifts_what_its_licenses_restrict_while_it_lasts() {
    let grant = |change: fn(&mut Grant)| {
        Ask::new(LLAMA_3, MISTRAL)
            .of(|o| change(&mut o.grants[0]))
            .decide()
    };
    let held = grant(|_| ());
    assert_eq!(held.ruling, Some(Ruling::PermittedWithObligations));
    assert!(
        held.reason.contains("the grant meta-2026-04 of Meta"),
        "{}",
        held.reason
    );
    for expired_or_foreign in [
        grant(|g| g.expires = Some("2026-11-21".to_owned())),
        grant(|g| g.licenses = vec!["llama-2".to_owned()]),
        grant(|g| g.scope = GrantScope::MonthlyUsers),
    ] {
        assert_eq!(expired_or_foreign.ruling, Some(Ruling::Prohibited));
    }
    let last_day = grant(|g| g.expires = Some("2026-11-22".to_owned()));
    assert_eq!(last_day.ruling, Some(Ruling::PermittedWithObligations));
}

#[test]
fn who_accepted_a_license_is_bound_by_it_for_found_outputs_too() {
    let found = |accepted: Option<&str>| {
        Ask::new(LLAMA_2, MISTRAL)
            .with(|ask| ask.acquisition = Acquisition::Found)
            .of(|o| o.accepted_licenses = accepted.map(|id| vec![id.to_owned()]))
            .ruling()
    };
    assert_eq!(found(Some("llama-2")), Ruling::Prohibited);
    assert_eq!(found(Some("llama-3.1")), Ruling::NeedsReview);
    assert_eq!(found(None), Ruling::NeedsReview);
    let stranger = Ask::new(LLAMA_2, MISTRAL).of(|o| o.accepted_licenses = Some(Vec::new()));
    assert!(on_run(&stranger, &[LLAMA_2]).contains(&"license-not-accepted flag".to_owned()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, one line per question")]
fn each_reading_turns_the_cell_that_it_is_about() {
    use Answer::{No, Open, Yes};
    use Ruling::{NeedsReview, Permitted, PermittedWithObligations, Prohibited};
    let used = |model, of_outputs| Ask::new(model, MISTRAL).with(|a| a.of_outputs = of_outputs);
    let into = |base: &str| Ask::new(LLAMA_3, base).internal();
    let kind = |kind| Ask::new(LLAMA_2, MISTRAL).with(|a| a.target.kind = kind);
    let research = |purpose| Ask::new(LLAMA_1, MISTRAL).with(|a| a.target.purpose = purpose);
    let found = Ask::new(LLAMA_3, MISTRAL).with(|a| a.acquisition = Acquisition::Found);
    let vicuna = Ask::new("lmsys/vicuna-13b-v1.5", LLAMA_2).internal();
    for (ask, id, answer, expected) in vec![
        (
            used(LLAMA_2, OutputUse::Rewrite),
            "rewriting-is-output",
            Yes,
            Prohibited,
        ),
        (
            used(LLAMA_2, OutputUse::Rewrite),
            "rewriting-is-output",
            Open,
            NeedsReview,
        ),
        (
            used(LLAMA_2, OutputUse::Rewrite),
            "rewriting-is-output",
            No,
            Permitted,
        ),
        (
            used(LLAMA_3, OutputUse::Prompts),
            "prompts-are-output",
            No,
            Permitted,
        ),
        (
            used(LLAMA_3, OutputUse::Labels),
            "labels-are-results",
            Open,
            NeedsReview,
        ),
        (
            used(LLAMA_3, OutputUse::Logits),
            "logits-are-output",
            Open,
            NeedsReview,
        ),
        (
            used(LLAMA_3, OutputUse::Filter),
            "selection-is-a-result",
            Yes,
            Prohibited,
        ),
        (
            used(LLAMA_3, OutputUse::Filter),
            "selection-is-a-result",
            No,
            Permitted,
        ),
        (
            used(LLAMA_3_1, OutputUse::Filter),
            "selection-is-a-result",
            Yes,
            PermittedWithObligations,
        ),
        (
            used(LLAMA_3_1, OutputUse::Filter),
            "selection-is-a-result",
            No,
            Permitted,
        ),
        (
            used(LLAMA_3, OutputUse::Evaluation),
            "evaluation-improves-nothing",
            Open,
            NeedsReview,
        ),
        (
            kind(TargetKind::Classifier),
            "language-model-covers-other-kinds",
            Yes,
            Prohibited,
        ),
        (
            kind(TargetKind::Classifier),
            "language-model-covers-other-kinds",
            No,
            Permitted,
        ),
        (
            kind(TargetKind::Llm),
            "language-model-covers-other-kinds",
            No,
            Prohibited,
        ),
        (into(LLAMA_3_1), "llama-3-includes-3.1", Yes, Permitted),
        (into(LLAMA_3_1), "llama-3-includes-3.1", No, Prohibited),
        (into(LLAMA_2), "llama-3-includes-3.1", Yes, Prohibited),
        (into(LLAMA_2), "llama-family-tolerated", Yes, Permitted),
        (into(LLAMA_2), "llama-family-tolerated", Open, NeedsReview),
        (into(MISTRAL), "llama-family-tolerated", Yes, Prohibited),
        (found.clone(), "found-outputs-bind", Yes, Prohibited),
        (found, "found-outputs-bind", No, Permitted),
        (vicuna.clone(), "derivative-outputs-covered", Yes, Permitted),
        (vicuna, "derivative-outputs-covered", Open, NeedsReview),
        (
            research(Purpose::CommercialResearch).internal(),
            "commercial-entity-research-is-research",
            Yes,
            Permitted,
        ),
        (
            research(Purpose::CommercialResearch).internal(),
            "commercial-entity-research-is-research",
            No,
            Prohibited,
        ),
        (
            research(Purpose::NonCommercialResearch),
            "released-research-model-incorporates",
            Yes,
            PermittedWithObligations,
        ),
        (
            research(Purpose::NonCommercialResearch),
            "released-research-model-incorporates",
            No,
            Permitted,
        ),
    ] {
        let ask = ask.reads(id, answer);
        let decision = ask.decide();
        assert_eq!(
            decision.ruling,
            Some(expected),
            "{id} = {answer}: {decision:?}"
        );
        if answer != Reading::parse(id).expect("a reading").info().default
            && decision.readings.contains(&id)
        {
            let cited = format!("adopted reading: {id} = {answer}");
            assert!(decision.reason.contains(&cited), "{}", decision.reason);
        }
    }
    // Selection by default: a duty that is shown and stops nothing.
    let shown = used(LLAMA_3_1, OutputUse::Filter).named("acme");
    assert_eq!(code_level(&shown.decide()), "duty-unmet flag");
    let full = shown.reads("selection-is-a-result", Yes);
    assert_eq!(code_level(&full.decide()), "duty-unmet block");
    // Attribution and the literal prefix.
    let attributed = Ask::new(LLAMA_3_1, MISTRAL)
        .named("Llama-acme")
        .reads("attribution-owed-for-outputs", Yes)
        .decide();
    let ids: Vec<&str> = attributed
        .obligations
        .iter()
        .map(|d| d.id.as_str())
        .collect();
    assert_eq!(ids, ["display-built-with-llama", "name-prefix-llama"]);
    for (name, met) in [
        ("Llama 3 acme", true),
        ("Llama-3-acme", false),
        ("llama 3", false),
    ] {
        let mut readings = Readings::default();
        readings
            .switch("llama-3-hyphen-satisfies-prefix", No)
            .unwrap();
        assert_eq!(name_begins_with(name, "Llama 3", &readings), met, "{name}");
    }
}

#[test]
fn a_released_research_model_carries_license_and_notice_as_adopted() {
    let decision = Ask::new(LLAMA_1, MISTRAL)
        .with(|a| a.target.purpose = Purpose::NonCommercialResearch)
        .reads("released-research-model-incorporates", Answer::Yes)
        .decide();
    let ids: Vec<&str> = decision.obligations.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids, ["copy-llama-1", "notice-llama-1"]);
}

/// Facts §4.5: intersect targets; the union of duties is tested with the duties.
#[test]
fn mixtures_leave_the_targets_that_every_license_leaves() {
    let none = "mixture-leaves-no-target flag".to_owned();
    let ask = Ask::new(LLAMA_2, MISTRAL).of(|o| {
        for version in [
            "llama-1",
            "llama-2",
            "llama-3",
            "llama-3.1",
            "llama-3.2",
            "llama-4",
        ] {
            o.monthly_users.insert(version.to_owned(), 1);
        }
        o.accepted_licenses = None;
        o.grants.clear();
    });
    for (models, left) in [
        (&[LLAMA_2][..], true),
        (&[LLAMA_2, LLAMA_3], false),
        (&[LLAMA_3, LLAMA_3_1], true),
        (&[LLAMA_2, LLAMA_3_1, LLAMA_4], true),
        (&[LLAMA_3_1, LLAMA_3_2], true),
        // A commercial target: nothing is left to output of the first version.
        (&[LLAMA_1, LLAMA_3_1], false),
    ] {
        assert_eq!(!on_run(&ask, models).contains(&none), left, "{models:?}");
    }
    let classifier = ask.clone().with(|a| a.target.kind = TargetKind::Classifier);
    assert!(!on_run(&classifier, &[LLAMA_2, LLAMA_3]).contains(&none));
    let research = ask.with(|a| a.target.purpose = Purpose::NonCommercialResearch);
    assert!(!on_run(&research, &[LLAMA_1, LLAMA_2]).contains(&none));
}

#[test]
fn the_policy_lists_models_and_sign_offs_and_bounds_tiers() {
    let policy = |text: &str| Policy::parse(text, "policy.toml").expect("valid");
    let ask = |text: &str, model| {
        let policy = policy(text);
        Ask::new(model, MISTRAL)
            .internal()
            .with(|ask| ask.policy = policy)
    };
    let allowed = "allowed_models = [\"meta-llama/Llama-3.1-*\"]";
    assert_eq!(
        code_level(&ask(allowed, LLAMA_3_1).decide()),
        "llama-output-permitted flag"
    );
    let other = ask(allowed, LLAMA_3_3).decide();
    assert_eq!(code_level(&other), "model-not-allowed block");
    assert!(
        other.how_to_fix.contains("allowed_models"),
        "{}",
        other.how_to_fix
    );
    // What the license prohibits stays the reason, and other licensors are not meant.
    assert_eq!(
        code_level(&ask(allowed, LLAMA_2).decide()),
        "llama-output-prohibited block"
    );
    assert_eq!(
        code_level(&ask(allowed, "tiiuae/falcon-40b-instruct").decide()),
        "non-llama-output note"
    );
    let required = "required_sign_offs = [\"llama-3.1\"]";
    let decision = ask(required, LLAMA_3_1).decide();
    assert_eq!(code_level(&decision), "llama-output-needs-review block");
    assert_eq!(
        decision.question.as_deref(),
        Some("llama-3.1:sign-off-required")
    );
    assert_eq!(
        code_level(&ask(required, LLAMA_3_3).decide()),
        "llama-output-permitted flag"
    );
    // A duty that is known to be unmet has to be cured first.
    let unmet = ask(required, LLAMA_3_1)
        .with(|a| a.target = from_model_id(MISTRAL))
        .named("acme");
    assert_eq!(code_level(&unmet.decide()), "duty-unmet block");
    let bounded = ask("[tiers]\nnear = \"flag\"", LLAMA_3);
    assert_eq!(
        code_level(&bounded.decide()),
        "llama-output-prohibited block"
    );
    let near = bounded.with(|a| a.tier = Tier::Near).decide();
    assert_eq!(code_level(&near), "tier-bounded flag");
    assert!(
        near.reason.contains("bounds matches of tier near"),
        "{}",
        near.reason
    );
}

#[test]
fn the_question_is_the_same_for_every_record_that_raises_it() {
    let question = |ask: Ask| ask.decide().question;
    let classifier =
        |model| Ask::new(model, MISTRAL).with(|a| a.target.kind = TargetKind::Classifier);
    let expected = Some("llama-3:language-model-covers-other-kinds".to_owned());
    assert_eq!(question(classifier(LLAMA_3)), expected);
    assert_eq!(
        question(classifier("meta-llama/Meta-Llama-3-70B")),
        expected
    );
    assert_eq!(
        question(classifier(LLAMA_2)).as_deref(),
        Some("llama-2:language-model-covers-other-kinds")
    );
    assert_eq!(
        question(Ask::new("x", MISTRAL)).as_deref(),
        Some("model-unknown:x")
    );
    assert_eq!(
        question(Ask::new(LLAMA_3_2_VISION, MISTRAL)).as_deref(),
        Some("llama-3.2:seat-not-stated")
    );
    assert_eq!(
        question(Ask::new(LLAMA_3, MISTRAL)),
        None,
        "prohibited is no question"
    );
    assert_eq!(question(Ask::new(LLAMA_3_1, MISTRAL)), None);
}

proptest! {
    /// A profile that somebody damaged is refused or read, and never stops the program.
    #[test]
    fn damaged_profiles_never_panic(at in 0..PROFILE.len(), with in "[\\[\\]\"=.\\\\0-9a-z\u{0}\u{7ff}\n]{0,6}",
                                    cut in 0..20usize) {
        let start = (0..=at).rev().find(|i| PROFILE.is_char_boundary(*i)).unwrap_or(0);
        let end = (start + cut).min(PROFILE.len());
        let end = (end..=PROFILE.len()).find(|i| PROFILE.is_char_boundary(*i)).unwrap_or(start);
        let text = format!("{}{with}{}", &PROFILE[..start], &PROFILE[end..]);
        if let Err(error) = parse(&text) {
            prop_assert!(error.starts_with("organization.toml:"), "{error}");
        }
    }
}
